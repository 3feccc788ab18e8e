"""Cases, and their verdicts in TAP.

A test program decorates functions with @case and ends with main(set_up). Each case gets what
set_up(lab, binary) has made, and is followed by checks that no case can forget: the tap's counts,
that nothing of the program runs, and that the client host is as it was before.
"""

import difflib
import re
import sys
import time
import traceback

from .lab import Lab, missing

_cases = []

# What the tap must have seen when a case is over.
ENCIPHERED = "only enciphered packets, and some"
CLEAR = "packets in clear, and none enciphered"
NOTHING = "no data packets"


def case(title, tap=NOTHING, around=None):
    """`around`: a pattern for what goes around the tunnel in this case and may, such as a question for a name."""
    def register(function):
        _cases.append((title, tap, around, function))
        return function
    return register


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, expected {expected!r}")


def main(set_up, needs=()):
    """test program BINARY [PATTERN]: runs the cases whose titles match; `needs`: programs beyond the lab's own."""
    reason = missing(needs)
    if reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(77)
    binary, pattern = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    wanted = [c for c in _cases if re.search(pattern, c[0])]
    print(f"1..{len(wanted) + 1}", flush=True)
    failures = 0
    lab = Lab()
    try:
        with lab:
            failures = _run_all(wanted, lab, set_up(lab, binary))
            lab.keep_run = failures > 0
    except Exception:  # the peers could not be had: every case that is left has failed
        _comment(traceback.format_exc())
        print("Bail out! the harness has failed")
        sys.exit(1)
    left = lab.leftovers()
    for thing in left:
        print(f"# left behind: {thing}")
    print(f"{'not ok' if left else 'ok'} {len(wanted) + 1} - nothing is left on this machine")
    if failures:
        print(f"# captures and logs: {lab.run}")
    sys.exit(1 if failures or left else 0)


def _run_all(wanted, lab, bench):
    failures = 0
    for number, (title, tap, around, function) in enumerate(wanted, 1):
        bench.tap.take()
        before = lab.snapshot()
        began = time.monotonic()
        problems = _problems(function, bench)
        if not problems:
            problems = _tap_problems(tap, bench.tap.take(around))
        if tap == CLEAR and bench.program and bench.program.requires_encryption:
            problems.append("a profile of this case requires encryption, which rules out packets in clear")
        if bench.program:
            problems += [f"still running: {p.stderr()[-2000:]}" for p in bench.program.end_all()]
            problems += [f"left: {name}" for name in bench.program.journals()]
            bench.program.requires_encryption = False
        problems += [f"still running: {command}" for command in lab.end_strays()]
        problems += _differences(before, lab.snapshot())
        for problem in problems:
            _comment(problem)
        if problems:
            failures += 1
            _comment(bench.logs())
        print(f"{'not ok' if problems else 'ok'} {number} - {title} # {time.monotonic() - began:.1f} s", flush=True)
    bench.tap.stop()
    return failures


def _problems(function, bench):
    try:
        function(bench)
    except Exception:
        return [traceback.format_exc()]
    return []


def _tap_problems(expected, count):
    as_expected = {ENCIPHERED: count.enciphered > 0 and count.clear == 0,
                   CLEAR: count.clear > 0 and count.enciphered == 0,
                   NOTHING: count.clear == 0 and count.enciphered == 0}
    return [] if as_expected[expected] else [f"on the wire: {count}, expected {expected}"]


def _differences(before, after):
    return ["the host is not as before:\n" + "\n".join(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=0))
    ] if before != after else []


def _comment(text):
    for line in text.splitlines():
        print(f"# {line}")
