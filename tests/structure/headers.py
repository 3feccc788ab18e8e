#!/usr/bin/env python3
"""Every header compiles alone, and twice: headers.py ROOT COMPILER...

The build shows it of those that a source file includes first, if they say #pragma once; the others are compiled here.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import tap


def compile_alone(root, compiler, header):
    """What the compiler says to a file that holds nothing but this header, twice."""
    include = f'#include "{header}"\n'
    run = subprocess.run(
        [*compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-iquote", root, "-x", "c++", "-"],
        input=include * 2, capture_output=True, text=True, check=False)
    return [f"{header}: {line}" for line in run.stderr.splitlines()[:5]] if run.returncode else []


def first_include(text):
    found = re.search(r'^#include ["<](.*)[">]', text, re.MULTILINE)
    return found and found.group(1)


def shown_by_the_build(root, headers):
    firsts = {first_include(text) for path, text in tap.sources(root, ".cpp").items()}
    return {path for path, text in headers.items() if path in firsts and text.startswith("#pragma once\n")}


def complaints(root, compiler):
    headers = {path: text for path, text in tap.sources(root, ".h").items() if not path.startswith("tests/structure/")}
    left = sorted(set(headers) - shown_by_the_build(root, headers))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda h: compile_alone(root, compiler, h), left)
    return [line for lines in found for line in lines] + ([] if left else ["no headers found"])


def self_test(compiler):
    with tempfile.TemporaryDirectory() as root:
        lib = pathlib.Path(root, "lib")
        lib.mkdir()
        (lib / "leans.h").write_text("#pragma once\ninline std::size_t f() { return 0; }\n")
        (lib / "repeats.h").write_text("struct Twice {};\n")
        (lib / "good.h").write_text("#pragma once\n#include <cstddef>\ninline std::size_t g() { return 0; }\n")
        (lib / "late.h").write_text("#pragma once\ninline std::size_t f() { return 0; }\n")
        (lib / "late.cpp").write_text('#include <cstddef>\n#include "lib/late.h"\n')
        (lib / "repeated.h").write_text("struct Again {};\n")
        (lib / "repeated.cpp").write_text('#include "lib/repeated.h"\n')
        found = complaints(root, compiler)
    return tap.unnoticed(found, ["lib/leans.h", "lib/repeats.h", "lib/late.h", "lib/repeated.h"]) + [
        f"a wrong complaint: {c}" for c in found if c.startswith("lib/good.h")]


if __name__ == "__main__":
    ROOT, COMPILER = sys.argv[1], sys.argv[2:]
    tap.report({
        "headers that lean on others or repeat are noticed": self_test(COMPILER),
        "every header compiles alone": complaints(ROOT, COMPILER),
    })
