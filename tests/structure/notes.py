#!/usr/bin/env python3
"""docs/interop-notes.md and the code: notes.py ROOT

Every note names tests that exist, and every note that code or a test cites is there.
"""

import pathlib
import re
import sys

import tap

NOTES = "docs/interop-notes.md"
NOTE = re.compile(r"^\*\*(\d+\.\d+[a-z]?) (.*?)(?=^\*\*\d+\.\d|^## |\Z)", re.MULTILINE | re.DOTALL)
CITED = re.compile(r"\bnotes? (\d+\.\d+[a-z]?)(?: and (\d+\.\d+[a-z]?))?")
STRING = r'"((?:[^"\\]|\\.)*)"'
DOCTEST = re.compile(rf"TEST_CASE\(\s*((?:{STRING}\s*)+)\)")
INTEROP = re.compile(rf"@case\({STRING}")
MESON = re.compile(r"\btest\('([^']*)'")


def titles(files):
    """What every test is called: doctest cases, interop cases, and Meson's tests."""
    found = set()
    for path, content in files.items():
        if path.endswith(".cpp"):
            # A title may be split over lines, where a comment in between ends no word.
            found |= {"".join(s.replace('\\"', '"').replace("\\\\", "\\") for s in re.findall(STRING, case[1]))
                      for case in DOCTEST.finditer(content)}
        elif path.endswith(".py"):
            found |= {case[1] for case in INTEROP.finditer(content)}
        elif path.endswith("meson.build"):
            found |= {case[1] for case in MESON.finditer(content)}
    return found


def complaints(files):
    """What is wrong with the notes and citations of {path: text}."""
    found = []
    tests = titles({path: text for path, text in files.items() if path.startswith("tests/")})
    notes = {}
    for note in NOTE.finditer(files[NOTES]):
        number, text = note[1], note[2]
        if number in notes:
            found.append(f"{NOTES}: {number} is there twice")
        notes[number] = text
        proof = text.partition("Proved by:")[2].replace("\n", " ")
        named = re.findall(r"`(.*?)`", proof)
        if not named:
            found.append(f"{NOTES}: {number} names no test")
        found += [f"{NOTES}: {number} names no test that exists: {title}" for title in named if title not in tests]
    for path, text in files.items():
        if path == NOTES or not path.endswith((".cpp", ".h", ".py", ".md")):
            continue
        # A comment that cites may run over the end of its line.
        joined = re.sub(r"\n\s*(?://+|\*)?\s*", " ", text)
        for cited in CITED.finditer(joined):
            found += [f"{path}: cites note {number}, which is not there"
                      for number in cited.groups() if number and number not in notes]
    return found


BAD = {
    NOTES: "# N\n\n**3.1 One.** Text.\nProved by: `a/is proved`; `an interop\ncase`.\n\n**3.2 Two.** Text.\n\n"
           "## Part\n\n**3.3 Three.** Proved by: `a/is not`.\n\n**3.1 Again.** Proved by: `in meson`.\n",
    "tests/a_test.cpp": 'TEST_CASE("a/is proved") {}\n',
    "tests/interop/b_test.py": '@case("an interop case", tap=CLEAR)\n',
    "tests/meson.build": "test('in meson', x)\n",
    "lib/good.h": "// Interop note 3.1 and notes 3.2 and 3.3.\n",
    "lib/bad.h": "// As it is (interop note\n// 3.9).\n",
}
PLANTED = [f"{NOTES}: 3.2 names no test", f"{NOTES}: 3.3 names no test that exists: a/is not",
           f"{NOTES}: 3.1 is there twice", "lib/bad.h: cites note 3.9"]


def self_test():
    found = complaints(BAD)
    return tap.unnoticed(found, PLANTED) + [f"a wrong complaint: {c}" for c in found[len(PLANTED):]]


def project_files(root):
    root = pathlib.Path(root)
    patterns = ["docs/*.md"] + [f"{folder}/**/*" for folder in
                                ("lib", "mppe", "auth", "ppp", "tunnel", "trace", "diagnosis", "apps", "fuzz", "bench", "tests")]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8", errors="replace")
            for pattern in patterns for path in root.glob(pattern)
            if path.suffix in {".cpp", ".h", ".py", ".md", ".build"} and path.name != "notes.py"}


if __name__ == "__main__":
    tap.report({
        "every fault of bad notes is noticed": self_test(),
        "the notes, their proofs and who cites them": complaints(project_files(sys.argv[1])),
    })
