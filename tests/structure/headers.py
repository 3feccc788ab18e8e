#!/usr/bin/env python3
"""Every header compiles alone, and twice: headers.py ROOT COMPILER..."""

import concurrent.futures
import os
import pathlib
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


def complaints(root, compiler):
    headers = [h for h in tap.sources(root, ".h") if not h.startswith("tests/structure/")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda h: compile_alone(root, compiler, h), headers)
    return [line for lines in found for line in lines] + ([] if headers else ["no headers found"])


def self_test(compiler):
    with tempfile.TemporaryDirectory() as root:
        lib = pathlib.Path(root, "lib")
        lib.mkdir()
        (lib / "leans.h").write_text("#pragma once\ninline std::size_t f() { return 0; }\n")
        (lib / "repeats.h").write_text("struct Twice {};\n")
        (lib / "good.h").write_text("#pragma once\n#include <cstddef>\ninline std::size_t g() { return 0; }\n")
        found = complaints(root, compiler)
    return tap.unnoticed(found, ["lib/leans.h", "lib/repeats.h"]) + [
        f"a wrong complaint: {c}" for c in found if c.startswith("lib/good.h")]


if __name__ == "__main__":
    ROOT, COMPILER = sys.argv[1], sys.argv[2:]
    tap.report({
        "headers that lean on others or repeat are noticed": self_test(COMPILER),
        "every header compiles alone": complaints(ROOT, COMPILER),
    })
