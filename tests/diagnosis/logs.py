#!/usr/bin/env python3
"""Logs with known answers: logs.py PROGRAM LOGS_FOLDER TAP_FOLDER

Each folder below LOGS_FOLDER has an expected.toml, which says for each NAME.log what `explain` has to
find first, or that there is nothing to find.
"""

import json
import pathlib
import subprocess
import sys
import tomllib

PROGRAM, FOLDER, TAP_FOLDER = sys.argv[1:4]
sys.path.insert(0, TAP_FOLDER)
import tap  # noqa: E402

KEYS = {"first", "none", "unrecognised", "why"}


def explain(path, *options):
    return subprocess.run([PROGRAM, "explain", *options, str(path)], capture_output=True, text=True, check=False,
                          timeout=60)


def complaints(path, expected):
    """What is wrong with the answer to one log."""
    if set(expected) - KEYS or "why" not in expected:
        return [f"expected.toml: {sorted(expected)}"]
    run = explain(path, "--json")
    if run.returncode != 0 or run.stderr:
        return [f"status {run.returncode}: {run.stderr}"]
    document = json.loads(run.stdout)
    found = [finding["id"] for finding in document["findings"]]
    if "first" in expected:
        right = bool(found) and found[0] in expected["first"]
        return [] if right else [f"found {found}, not {expected['first']}: {expected['why']}"]
    if found:
        return [f"found {found}, where nothing is: {expected['why']}"]
    word = "nothing recognised" if expected.get("unrecognised") else "nothing wrong found"
    text = explain(path).stdout
    return [] if text.startswith(word) else [f"{text!r} does not begin with {word!r}: {expected['why']}"]


def checks():
    results = {}
    for table in sorted(pathlib.Path(FOLDER).glob("*/expected.toml")):
        answers = tomllib.loads(table.read_text())
        logs = {path.stem for path in table.parent.glob("*.log")}
        results[f"{table.parent.name}: every log has an answer"] = sorted(logs ^ set(answers))
        for name, expected in sorted(answers.items()):
            results[f"{table.parent.name}/{name}"] = complaints(table.parent / f"{name}.log", expected)
    return results or {"there are logs": ["none found"]}


if __name__ == "__main__":
    tap.report(checks())
