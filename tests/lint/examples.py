# SPDX-License-Identifier: GPL-2.0-or-later
"""One bad file, or more, for every rule: the lint first shows that it can see."""
import rules
import symbols

SPDX = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"


def function(lines):
    return "int f(void)\n{\n" + "\tg();\n" * lines + "}\n"


# rule, path, text, whether the rule must complain
FILES = [
    (rules.layers, "src/base/a.c", '#include "codec/mip_msg.h"\n', True),
    (rules.layers, "src/codec/a.c", '#include "../core/sa.h"\n', True),
    (rules.layers, "src/core/a.c", "#include <sys/socket.h>\n", True),
    (rules.layers, "src/roles/a.c", "#include <time.h>\n", True),
    (rules.layers, "src/roles/ha/a.c", '#include "io/log.h"\n', True),
    (rules.layers, "src/io/a.c", '#include "roles/ha/ha.h"\n', True),
    (rules.layers, "src/io/a.c", '#include "roles/events.h"\n#include "roles/ha/ha_conf.h"\n', False),
    (rules.layers, "src/io/a.c", "#include <sys/socket.h>\n", False),
    (rules.layers, "src/dataplane/a.c", '#include "conf/schema.h"\n', True),
    (rules.layers, "src/daemons/a.c", '#include "roles/ha/ha.h"\n#include "io/log.h"\n', False),
    (rules.layers, "cli/a.c", '#include "base/util.h"\n', True),
    (rules.layers, "tests/unit/core/a.c", '#include "roles/ha/ha.h"\n', True),
    (rules.layers, "tests/unit/core/a.c", '#include "codec/arp.h"\n', False),
    (rules.licence, "src/base/a.c", "int a;\n", True),
    (rules.licence, "lab/a.py", "#!/usr/bin/python3\nimport os\n", True),
    (rules.licence, "src/base/a.c", SPDX, False),
    (rules.size, "src/base/a.c", function(rules.FUNCTION_LINES), False),
    (rules.size, "src/base/a.c", function(rules.FUNCTION_LINES + 1), True),
    (rules.size, "lab/a.py", "def f():\n" + "    g()\n" * (rules.FUNCTION_LINES + 1), True),
    (rules.size, "src/base/a.c", "\n" * (rules.FILE_LINES + 1), True),
    (rules.words, "src/base/a.c", "/* TO" "DO */\n", True),
    (rules.words, "lab/a.py", 'x = "/ro' 'ot/x"\n', True),
    (rules.words, "README.md", "https://py" "pi.org/x\n", True),
    (rules.words, "src/base/a.c", "int a; \n", True),
    (rules.words, "src/base/a.c", "int _a;\n", True),
    (rules.words, "src/base/a.c", "typedef int a_t;\n", True),
    (rules.words, "src/base/a.c", "\t/* a = b; */\n", True),
    (rules.words, "src/base/a.c", "\t/* f(a, b); */\n", True),
    (rules.words, "src/base/a.c", "\tstrcpy(a, b);\n", True),
    (rules.words, "src/base/a.c", "/* Plain words; and more of them. */\n", False),
    (rules.words, "tests/net/test_a.py", "time.sl" "eep(1)\n", True),
    (rules.guard, "src/base/a.h", "int a;\n", True),
    (rules.guard, "src/base/a.h", "#ifndef HF_A_H\n#define HF_A_H\n#endif\n", False),
    (rules.links, "README.md", "[x](doc/there-is-no-such-file.md)\n", True),
    (rules.links, "README.md", "[x](https://www.rfc-editor.org/)\n", False),
]

# layer, symbols it needs, symbols defined in it and below, whether the rule must complain
SYMBOLS = [
    ("codec", {"memcpy", "ip4_parse"}, {"ip4_parse"}, False),
    ("codec", {"malloc"}, set(), True),
    ("core", {"malloc", "HMAC"}, set(), False),
    ("core", {"clock_gettime"}, set(), True),
    ("roles", {"sendto"}, set(), True),
    ("roles", {"getrandom"}, set(), True),
    ("roles", {"fprintf"}, set(), True),
    ("base", {"ip4_parse"}, set(), True),
]


def check():
    """Yields what the lint failed to see, or saw where nothing is."""
    for rule, path, text, bad in FILES:
        if bool(list(rule(path, text))) != bad:
            yield f"rule {rule.__name__} {'is blind for' if bad else 'is wrong about'} {path}: {text[:60]!r}"
    for layer, needed, defined, bad in SYMBOLS:
        if bool(list(symbols.foreign(layer, needed, defined))) != bad:
            yield f"symbols of {layer}: {'blind for' if bad else 'wrong about'} {needed}"
    if not list(symbols.twice(["reply_parse", "ip4_parse", "reply_parse"])) or list(symbols.twice(["ip4_parse"])):
        yield "names defined twice: blind, or sees some that are not"
    shown = {rule for rule, _, _, bad in FILES if bad}
    for rule in rules.RULES:
        if rule not in shown:
            yield f"rule {rule.__name__} has no bad example"
