#!/usr/bin/env python3
"""Which folder may include which: includes.py ROOT

An include names a project file from the root, in quotes; a folder includes only what an arrow
leads to. Core files include only the parts of the standard library that do no input or output.
"""

import posixpath
import re
import sys

import tap

LIB = {"lib"}
MPPE = LIB | {"mppe"}
AUTH = LIB | {"auth"}
PPP = MPPE | AUTH | {"ppp"}
TUNNEL = PPP | {"tunnel"}
IO = TUNNEL | {"tunnel/io"}
DIAGNOSIS = LIB | {"diagnosis"}
TRACE = TUNNEL | {"trace"}
ANYTHING = IO | DIAGNOSIS | TRACE | {"apps", "tests", "fuzz", "bench"}
ARROWS = {
    "lib": LIB, "mppe": MPPE, "auth": AUTH, "ppp": PPP, "tunnel": TUNNEL, "tunnel/io": IO,
    "diagnosis": DIAGNOSIS, "trace": TRACE,
    "apps": IO | DIAGNOSIS | TRACE | {"apps"},
    "tests": ANYTHING, "fuzz": ANYTHING, "bench": ANYTHING,
}

# Parts of the standard library with no input, output, clock, thread or random device. <chrono> is
# here for its durations; purity.py sees to it that nobody asks what time it is.
PURE = set("""
    algorithm any array bit cassert cctype charconv chrono climits compare concepts cstddef cstdint
    cstdlib cstring deque exception expected functional initializer_list iterator limits list map
    memory new numeric optional queue ranges set span string string_view system_error tuple
    type_traits unordered_map unordered_set utility variant vector version
    stddef.h stdint.h stdbool.h
""".split())
OPENSSL_USERS = {"lib/legacy_crypto.cpp", "lib/secret.cpp"}  # the only doors to libcrypto

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def folder_of(path):
    return "tunnel/io" if path.startswith("tunnel/io/") else path.split("/")[0]


def complaints(files):
    """What is wrong with the includes of {path: text}."""
    found = []
    for path, text in files.items():
        for quote, name in INCLUDE.findall(text):
            where = f"{path}: {name}"
            if quote == "<":
                if name in files:
                    found.append(f"{where}: a project file is included in quotes")
                if tap.is_core(path) and name not in PURE:
                    if not (name.startswith("openssl/") and path in OPENSSL_USERS):
                        found.append(f"{where}: not for the core")
            elif posixpath.normpath(name) != name or name not in files:
                found.append(f"{where}: no such file from the root")
            elif folder_of(name) not in ARROWS[folder_of(path)]:
                found.append(f"{where}: no arrow from {folder_of(path)} to {folder_of(name)}")
    return found


BAD = {
    "lib/a.h": '#include "ppp/a.h"\n',
    "mppe/a.h": '#include "auth/a.h"\n#  include <lib/a.h>\n',
    "auth/a.h": '#include "mppe/a.h"\n#include "../lib/a.h"\n#include "a.h"\n',
    "ppp/a.h": '#include "tunnel/a.h"\n#include <sys/socket.h>\n#include <openssl/rc4.h>\n',
    "tunnel/a.h": '#include "tunnel/io/a.h"\n#include <thread>\n',
    "tunnel/io/a.h": '#include "apps/a.h"\n#include <sys/socket.h>\n',
    "diagnosis/a.h": '#include "ppp/a.h"\n#include "apps/a.h"\n',
    "apps/a.h": '#include "tests/a.h"\n#include "diagnosis/a.h"\n',
    "tests/a.h": '#include "apps/a.h"\n',
}
PLANTED = [
    "lib/a.h: ppp/a.h", "mppe/a.h: auth/a.h", "mppe/a.h: lib/a.h", "auth/a.h: mppe/a.h",
    "auth/a.h: ../lib/a.h", "auth/a.h: a.h", "ppp/a.h: tunnel/a.h", "ppp/a.h: sys/socket.h",
    "ppp/a.h: openssl/rc4.h", "tunnel/a.h: tunnel/io/a.h", "tunnel/a.h: thread",
    "tunnel/io/a.h: apps/a.h", "diagnosis/a.h: ppp/a.h", "diagnosis/a.h: apps/a.h", "apps/a.h: tests/a.h",
]


def self_test():
    found = complaints(BAD)
    return tap.unnoticed(found, PLANTED) + [
        f"a wrong complaint: {c}" for c in found if not any(c.startswith(p) for p in PLANTED)]


if __name__ == "__main__":
    tap.report({
        "every forbidden include of a bad tree is noticed": self_test(),
        "includes follow the arrows": complaints(tap.sources(sys.argv[1], ".h", ".cpp")),
    })
