#!/usr/bin/env python3
"""Rules about the text of files: text.py ROOT"""

import pathlib
import re
import sys

import tap

LONGEST = 600  # lines of a .cpp or .h; beyond it is a question of design
# Spelled so that this file does not break its own rules.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|wo" r"rk|Users|root)/\w")
TEXT_SUFFIXES = {".cpp", ".h", ".py", ".sh", ".build", ".txt", ".md", ".toml", ".yml"}
SKIPPED = re.compile(r"^(build|\.git|\.cache)|(^|/)__pycache__(/|$)|^fuzz/corpus/")


def complaints(files):
    """What is wrong with the text of {path: bytes}."""
    found = []
    for path, content in files.items():
        is_source = path.endswith((".cpp", ".h"))
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            where = f"{path}:{number}"
            if not line.isascii() and not path.endswith(".md"):
                found.append(f"{where}: not ASCII")
            if UNFINISHED.search(line):
                found.append(f"{where}: left undone")
            if MACHINE_PATH.search(line):
                found.append(f"{where}: a path of one machine")
            if "\t" in line and is_source:
                found.append(f"{where}: a tab")
            if number == LONGEST + 1 and is_source:
                found.append(f"{path}: longer than {LONGEST} lines")
        if path.endswith(".h") and b"#pragma once" not in content:
            found.append(f"{path}: no #pragma once")
        if is_source and re.search(rb"#\s*include\s*<iostream>", content):
            found.append(f"{path}: includes <iostream>")
    return found


def project_files(root):
    """{path: content} of the texts, scripts (which have no suffix) included."""
    found = {}
    for path in sorted(pathlib.Path(root).rglob("*")):
        name = path.relative_to(root).as_posix()
        if SKIPPED.search(name) or not path.is_file():
            continue
        if path.suffix in TEXT_SUFFIXES or name.startswith(("scripts/", ".ci/")):
            found[name] = path.read_bytes()
    return found


BAD = {
    "lib/a.h": b"struct A {};\n",
    "lib/b.cpp": "// \u00e9\n".encode(),
    "lib/c.cpp": b"// FIX" b"ME\n",
    "lib/d.cpp": b"\n" * (LONGEST + 1),
    "lib/e.cpp": b'const char* p = "/ho' b'me/alice/x";\n',
    "lib/f.cpp": b"#include <iostream>\n",
    "lib/g.cpp": b"\tint i;\n",
    "lib/good.h": b"#pragma once\n",
}
PLANTED = ["lib/a.h: no #pragma once", "lib/b.cpp:1: not ASCII", "lib/c.cpp:1: left undone", "lib/d.cpp: longer",
           "lib/e.cpp:1: a path", "lib/f.cpp: includes", "lib/g.cpp:1: a tab"]


def self_test():
    found = complaints(BAD)
    return tap.unnoticed(found, PLANTED) + [f"a wrong complaint: {c}" for c in found if "good" in c]


if __name__ == "__main__":
    tap.report({
        "every fault of bad files is noticed": self_test(),
        "the text of all files": complaints(project_files(sys.argv[1])),
    })
