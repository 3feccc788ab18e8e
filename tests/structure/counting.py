#!/usr/bin/env python3
"""That scripts/count-tests counts right, and that nothing failed can look passed: counting.py ROOT"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import tap

DOCTEST = "[doctest] test cases: {} | {} passed | {} failed | {} skipped\n"


def test(result="OK", stdout="", name="pptpd-user / x"):
    return {"name": name, "result": result, "stdout": stdout, "returncode": 0}


# A log, the last line expected, and whether that is a success.
CASES = {
    "a program that says nothing counts one": ([test()], "1 passed, 0 failed, 0 skipped", True),
    "doctest counts its cases": ([test(stdout=DOCTEST.format(9, 7, 0, 2))], "7 passed, 0 failed, 2 skipped", True),
    "TAP counts its points": (
        [test(stdout="1..3\nok 1 - a\nok 2 - b # SKIP no c\n# not ok\nok 3\n")], "2 passed, 0 failed, 1 skipped", True),
    "a point that is not ok fails": (
        [test("FAIL", "ok 1 - a\nnot ok 2 - b\n")], "1 passed, 1 failed, 0 skipped", False),
    "a program that dies after its last point fails": ([test("FAIL", "ok 1 - a\n")], "1 passed, 1 failed, 0 skipped", False),
    "a failure without a word fails": ([test("FAIL")], "0 passed, 1 failed, 0 skipped", False),
    "a timeout fails": ([test("TIMEOUT", DOCTEST.format(1, 1, 0, 0))], "1 passed, 1 failed, 0 skipped", False),
    "a skipped program is skipped": ([test(), test("SKIP")], "1 passed, 0 failed, 1 skipped", True),
    "nothing passed is no success": ([test("SKIP")], "0 passed, 0 failed, 1 skipped", False),
    "no log is a failure": (None, "0 passed, 1 failed, 0 skipped", False),
    "an empty log is no success": ([], "0 passed, 0 failed, 0 skipped", False),
}
PEER_SKIPPED = [test(), test("SKIP", name="pptpd-user:interop / connect")]


def complaints(script, tests, last_line, success, forbid="0"):
    with tempfile.TemporaryDirectory() as directory:
        log = pathlib.Path(directory, "log.json")
        if tests is not None:
            log.write_text("".join(json.dumps(t) + "\n" for t in tests))
        run = subprocess.run([script, str(log)], capture_output=True, text=True, check=False,
                             env=os.environ | {"PPTPD_USER_FORBID_SKIP": forbid})
    lines = run.stdout.splitlines() or [run.stderr]
    return [f"{lines[-1]}, status {run.returncode}"] if (lines[-1], run.returncode == 0) != (last_line, success) else []


if __name__ == "__main__":
    SCRIPT = str(pathlib.Path(sys.argv[1], "scripts", "count-tests"))
    CHECKS = {title: complaints(SCRIPT, *case) for title, case in CASES.items()}
    CHECKS["a real peer may be skipped"] = complaints(SCRIPT, PEER_SKIPPED, "1 passed, 0 failed, 1 skipped", True)
    CHECKS["unless that is forbidden"] = complaints(SCRIPT, PEER_SKIPPED, "1 passed, 0 failed, 1 skipped", False, "1")
    tap.report(CHECKS)
