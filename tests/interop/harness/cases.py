"""Cases, and their verdicts in TAP.

A test program decorates functions with @case and ends with main(set_up). Each case gets what
set_up(lab, binary) has made, and is followed by checks that no case can forget: the tap's counts,
that nothing of the program runs, and that the client host is as it was before.
"""

import difflib
import os
import re
import select
import subprocess
import sys
import time
import traceback

from .lab import Lab, end_with_parent, missing

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


def main(set_up, needs=(), lanes=1):
    """test program BINARY [PATTERN]: runs the cases whose titles match; `needs`: programs beyond the lab's own.

    `lanes`: so many at a time, each in a lab of its own; for cases that mostly wait.
    """
    reason = missing(needs)
    if reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(77)
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    wanted = [c for c in _cases if re.search(pattern, c[0])]
    if len(sys.argv) > 3:
        sys.exit(_lane(set_up, _dealt(wanted, int(sys.argv[3]))))
    lanes = min(lanes, len(wanted))
    print(f"1..{len(wanted) + max(lanes, 1)}", flush=True)
    sys.exit(_lane(set_up, wanted) if lanes <= 1 else _in_lanes(len(wanted), pattern, lanes))


def _dealt(wanted, deck):
    """The cases of one lane: whichever come next when it has time."""
    while card := os.read(deck, 1):
        yield wanted[card[0]]


def _in_lanes(count, pattern, lanes):
    """Deals the cases out to processes of this program, and numbers what they say anew: the exit status."""
    sys.stdout.reconfigure(line_buffering=True)
    deck, dealer = os.pipe()
    os.write(dealer, bytes(range(count)))
    os.close(dealer)
    command = [sys.executable, sys.argv[0], sys.argv[1], pattern, str(deck)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, pass_fds=[deck],
                                  preexec_fn=end_with_parent) for _ in range(lanes)]
    comments = {process.stdout: [] for process in processes}
    number = 0
    while comments:
        for output in select.select(list(comments), [], [])[0]:
            line = output.readline().decode(errors="replace")
            verdict = re.match(r"(ok|not ok) \d+ (.*)", line, re.DOTALL)
            if verdict:
                number += 1
                print("".join(comments[output]) + f"{verdict[1]} {number} {verdict[2]}", end="")
                comments[output].clear()
            elif not line:
                print("".join(comments.pop(output)), end="")
            else:
                comments[output].append(line)
    return max(process.wait() for process in processes)


def _lane(set_up, wanted):
    """Runs cases one after another: the exit status."""
    number = failures = 0
    lab = Lab()
    try:
        with lab:
            number, failures = _run_all(wanted, lab, set_up(lab, sys.argv[1]))
            lab.keep_run = failures > 0
    except Exception:  # the peers could not be had: every case that is left has failed
        _comment(traceback.format_exc())
        print("Bail out! the harness has failed")
        return 1
    left = lab.leftovers()
    for thing in left:
        print(f"# left behind: {thing}")
    print(f"{'not ok' if left else 'ok'} {number + 1} - nothing is left on this machine")
    if failures:
        print(f"# captures and logs: {lab.run}")
    return 1 if failures or left else 0


def _run_all(wanted, lab, bench):
    number = failures = 0
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
    return number, failures


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
