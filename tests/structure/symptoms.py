#!/usr/bin/env python3
"""The catalogue of symptoms and what is made of it: symptoms.py ROOT

docs/symptoms.md is what the catalogue gives, and every test that an entry names is there.
"""

import pathlib
import subprocess
import sys
import tempfile
import tomllib

import notes
import tap

PAGE = "docs/symptoms.md"
BAD = """
[[symptom]]
id = "a-b"
title = "t"
class = "prevented"
side = "both"
cause = "c"
remedy = ["r"]
answer = "a"
proof = ["tests/none_test.cpp: none"]
"""
FAULTS = {
    "unknown keys": BAD + 'colour = "red"\n',
    "not an id": BAD.replace("a-b", "AB"),
    "class": BAD.replace("prevented", "forbidden"),
    "no test proves it": BAD.replace("proof", "windows").replace('["tests/none_test.cpp: none"]', "[]"),
    "there twice": BAD + BAD,
    "does not match": BAD + "[[symptom.pattern]]\nprogram = 'p'\nregex = 'x'\nexample = 'y'\n",
    "RE2 cannot": BAD + "[[symptom.pattern]]\nprogram = 'p'\nregex = '(?!x)y'\nexample = 'y'\n",
    "no fact is called": BAD + "[[symptom.sequence]]\nfacts = ['none_such']\nstrength = 1\n",
}


def generate(root, folder, output):
    return subprocess.run(
        [sys.executable, root / "diagnosis/generate.py", "page", folder, root / "diagnosis", output],
        capture_output=True, text=True, check=False)


def stale(root):
    with tempfile.TemporaryDirectory() as folder:
        fresh = pathlib.Path(folder, "page.md")
        run = generate(root, root / "diagnosis/catalogue", fresh)
        if run.returncode:
            return [run.stderr.strip()]
        if fresh.read_text() != (root / PAGE).read_text():
            return [f"{PAGE} is not what diagnosis/catalogue gives: "
                    f"diagnosis/generate.py page diagnosis/catalogue diagnosis {PAGE}"]
    return []


def unproved(symptoms, files):
    """Proofs whose file has no test of that title."""
    found = []
    for symptom in symptoms:
        for proof in symptom.get("proof", []):
            path, _, title = proof.partition(": ")
            if title not in notes.titles({path: files.get(path, "")}):
                found.append(f"{symptom['id']}: no such test: {proof}")
    return found


def symptoms_of(root):
    return [symptom for path in sorted((root / "diagnosis/catalogue").glob("*.toml"))
            for symptom in tomllib.loads(path.read_text()).get("symptom", [])]


def self_test(root):
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for path in (root / "diagnosis/catalogue").glob("*.toml"):
            pathlib.Path(folder, path.name).write_text(path.read_text())
        original = pathlib.Path(folder, "speed.toml").read_text()
        for complaint, text in FAULTS.items():
            pathlib.Path(folder, "speed.toml").write_text(original + text)
            run = generate(root, folder, pathlib.Path(folder, "page.out"))
            if run.returncode == 0 or complaint not in run.stderr:
                found.append(f"not noticed: {complaint}: {run.stderr.strip()}")
    if not unproved([tomllib.loads(BAD)["symptom"][0]], {}):
        found.append("not noticed: a proof that does not exist")
    return found


if __name__ == "__main__":
    ROOT = pathlib.Path(sys.argv[1])
    tap.report({
        "every fault of a bad catalogue is noticed": self_test(ROOT),
        "the page of symptoms is current": stale(ROOT),
        "every test that a symptom names is there": unproved(symptoms_of(ROOT), notes.project_files(ROOT)),
    })
