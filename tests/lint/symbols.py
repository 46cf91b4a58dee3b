# SPDX-License-Identifier: GPL-2.0-or-later
"""The sans-I/O rule, proved by the linker's view: what the layers below L4 call must be pure or in their own hands."""
import os
import re
import subprocess
from collections import Counter

# No descriptors, clocks, randomness, files or output; codec has no memory of its own either.
PURE = {
    "memchr", "memcmp", "memcpy", "memmove", "memset", "strlen", "strnlen", "strcmp", "strncmp", "strcasecmp",
    "strncasecmp", "strchr", "strrchr", "strerror", "tolower", "toupper", "__ctype_b_loc", "htonl", "htons", "ntohl",
    "ntohs", "strspn", "strcspn", "fnmatch", "inet_ntop", "inet_pton", "snprintf", "vsnprintf", "qsort", "bsearch",
    "__assert_fail",
    "explicit_bzero",
}
MEMORY = {"malloc", "calloc", "realloc", "free", "strdup", "strndup"}
CRYPTO = {
    "EVP_MD_CTX_new", "EVP_MD_CTX_free", "EVP_DigestInit_ex", "EVP_DigestUpdate", "EVP_DigestFinal_ex", "EVP_md5",
    "EVP_sha256", "EVP_MAC_CTX_free", "EVP_MAC_CTX_new", "EVP_MAC_fetch", "EVP_MAC_final", "EVP_MAC_free", "EVP_MAC_init",
    "EVP_MAC_update", "OSSL_PARAM_construct_end", "OSSL_PARAM_construct_utf8_string", "HMAC", "CRYPTO_memcmp",
    "OPENSSL_cleanse",
}
ALLOWED = {
    "base": PURE | MEMORY,
    "codec": PURE,
    "core": PURE | MEMORY | CRYPTO,
    "roles": PURE | MEMORY | CRYPTO,
}
INSTRUMENTS = re.compile(r"__(asan|ubsan|sanitizer|stack_chk|gcov|sancov)_.*|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_")


def foreign(layer, needed, defined):
    """Yields what a layer needs and may not have. `defined`: by itself and the layers below."""
    for s in sorted(needed - defined - ALLOWED[layer]):
        if not INSTRUMENTS.fullmatch(s):
            yield f"layer {layer} calls {s}"


def twice(names):
    """Yields what is defined in two files: the linker would take either, as it finds them first in a library."""
    for s in sorted(n for n, count in Counter(names).items() if count > 1 and not INSTRUMENTS.fullmatch(n)):
        yield f"{s} is defined twice"


def of_library(path):
    """(needed, defined) symbols of a static library; `defined` as often as they are."""
    needed, defined = set(), []
    out = subprocess.run(["nm", "--format=posix", path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        field = line.split()
        if len(field) >= 2 and field[1] == "U":
            needed.add(field[0])
        elif len(field) >= 2 and len(field[1]) == 1 and field[1].isupper():
            defined.append(field[0])
    return needed, defined


def check(build):
    below = []
    for layer in ALLOWED:
        needed, defined = of_library(os.path.join(build, "src", layer, f"lib{layer}.a"))
        below += defined
        yield from foreign(layer, needed, set(below))
    yield from twice(below)
