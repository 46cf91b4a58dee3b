# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules about the text of one file: each takes (path, text) and yields complaints. examples.py shows each one red."""
import ast
import os
import re

FILE_LINES = 600
FUNCTION_LINES = 60

# Layer: what it may include besides itself (ARCHITECTURE.md, "Layers"). PORTS are the roles' outer headers.
PORTS = re.compile(r"roles/(actions|events|charon|\w+/\w+_conf)\.h")
LAYERS = {
    "base": set(),
    "codec": {"base"},
    "core": {"base", "codec"},
    "roles": {"base", "codec", "core"},
    "io": {"base", "codec", "core", "PORTS"},
    "dataplane": {"base", "codec", "core", "PORTS"},
    "conf": {"base", "codec", "core", "PORTS"},
    "daemons": {"base", "codec", "core", "roles", "io", "dataplane", "conf"},
}
SANS_IO = ("base", "codec", "core", "roles")
IO_HEADERS = re.compile(r"<((sys|net|linux|bpf|uv|libmnl)/.*|(time|poll|fcntl|pthread|uv|jansson|lmdb|signal|confuse)\.h)>")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))', re.M)


def layer_of(path):
    """The layer a file lives in, or whose unit test it is."""
    m = re.match(r"(?:src|tests/unit)/(\w+)/", path)
    return m[1] if m and m[1] in LAYERS else None


def resolve(path, included):
    """An include as a path below src/, or as None for generated headers, which lie beside their user."""
    if "/" in included and not included.startswith("."):
        return included
    near = os.path.normpath(os.path.join(os.path.dirname(path), included))
    return near[len("src/"):] if near.startswith("src/") and not included.endswith(".skel.h") else None


def layers(path, text):
    layer = layer_of(path)
    for m in INCLUDE.finditer(text):
        if m[2]:
            if layer in SANS_IO and path.startswith("src/") and IO_HEADERS.fullmatch(m[2]):
                yield f"{m[2]} does input or output, and layer {layer} must not"
            continue
        target = resolve(path, m[1])
        other = target.split("/")[0] if target else None
        if other not in LAYERS:
            continue
        if path.startswith(("cli/", "lab/")):
            yield f'"{m[1]}": the command speaks to daemons only by their control sockets'
        elif layer and other != layer and other not in LAYERS[layer] and not (
                "PORTS" in LAYERS[layer] and PORTS.fullmatch(target)):
            yield f'"{m[1]}": layer {layer} must not know layer {other}'


def licence(path, text):
    if os.path.basename(path) not in ("Makefile", "meson.build", ".clang-format", ".clang-tidy") and not path.endswith(
            (".c", ".h", ".py", ".sh", ".scn", ".1", ".5", ".7", ".8", "/run")):
        return
    lines = text.split("\n", 2)
    if "SPDX-License-Identifier: GPL-2.0-or-later" not in lines[1 if text.startswith("#!") else 0]:
        yield "the first line (the second after #!) must be the SPDX licence line"


def c_functions(text):
    """(name, number of lines between the braces). Our layout puts a function's braces in column 0."""
    start, head = None, ""
    for i, line in enumerate(text.split("\n")):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            yield head, i - start - 1
            start = None
        elif start is None and (m := re.match(r"\w.*?(\w+)\(", line)):
            head = m[1]


def py_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno


def size(path, text):
    if not path.endswith((".c", ".h", ".py")):
        return
    n = text.count("\n")
    if n > FILE_LINES:
        yield f"{n} lines; at most {FILE_LINES}: a second noun is hiding in it"
    for name, lines in py_functions(text) if path.endswith(".py") else c_functions(text):
        if lines > FUNCTION_LINES:
            yield f"{name} has {lines} lines; at most {FUNCTION_LINES}"


# The patterns are written so that this file does not match itself.
WORDS = [
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", "finish it or write it into the documentation"),
    (r"(?<![\w.$}])/(ro" r"ot|ho" r"me/\w+|wo" r"rk)/", "a path of one machine"),
    (r"\b(py" r"pi\.org|npm" r"js\.(org|com)|crates\." r"io|proxy\.go" r"lang\.org|docker\." r"io)\b", "a registry"),
    (r"[ \t]+$", "blanks at the end of the line"),
]
C_WORDS = [
    (r"(?<![\w.>\"%<\-])_[a-z]\w*(?!\w*\()", "names that begin with an underscore are reserved"),
    (r"^typedef .*\b\w+_t;", "the _t ending belongs to POSIX"),
    (r"^\s*(/\*|//)\s*[\w>.\-]+(\[\w*\])?\s*(=[^=].*|\(.*\));", "code in a comment"),
    (r"\b(strcpy|strcat|sprintf|gets|alloca|atoi|atol)\(", "use the bounded or checking counterpart"),
]
TEST_WORDS = [(r"\btime\.sleep\(|\b(u|nano)?sleep\(", "tests poll with wait_for(), they do not sleep")]


def words(path, text):
    if path in ("LICENSE",) or path.startswith("tests/fuzz/corpus/"):
        return
    rules = list(WORDS)
    if path.endswith((".c", ".h")):
        rules += C_WORDS if path.startswith("src/") else C_WORDS[:-1]
    if path.startswith("tests/") and path.endswith((".py", ".c")):
        rules += TEST_WORDS
    for pattern, why in rules:
        for m in re.finditer(pattern, text, re.M):
            line = text.count("\n", 0, m.start()) + 1
            yield f"line {line}: {m[0].strip()!r}: {why}"


def guard(path, text):
    """Headers are guarded, and by a name of our own."""
    if path.endswith(".h") and not re.search(r"^#ifndef (HF_\w+_H)\n#define \1\n", text, re.M):
        yield "needs an include guard HF_..._H"


def links(path, text):
    """What a document points to is there."""
    if not path.endswith(".md"):
        return
    for m in re.finditer(r"\]\(([^)#:]+)(#[^)]*)?\)", text):
        if not os.path.exists(os.path.normpath(os.path.join(os.path.dirname(path), m[1]))):
            yield f"links to {m[1]}, which is not there"


RULES = [layers, licence, size, words, guard, links]
