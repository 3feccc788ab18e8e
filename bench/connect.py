#!/usr/bin/env python3
"""connect.py PPTPD_USER [--rounds N]: how long from the start of `connect` until the interface is up.

Both ends are this program, each in a network namespace of its own, over a veth. Prints one JSON document:
the median, the least and the most of the rounds, and for each phase that `connect` tells of, the median of
what it took. Needs root and /dev/net/tun; ends with 77 where they are not there.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import threading
import time

import hosts
import ours

LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d+ ")  # what is no phase begins with the time


def one_round(client, program, profile):
    """One call: {phase: seconds until the next one began}, with "total" until the interface was up."""
    began = time.perf_counter()
    phases, phase, since = {}, "starting", began
    with hosts.ended(client.start(program, "connect", profile, stderr=subprocess.PIPE, text=True)) as process:
        watchdog = threading.Timer(hosts.PATIENCE, process.kill)
        watchdog.start()
        try:
            for line in process.stderr:
                now = time.perf_counter()
                if LOG_LINE.match(line):
                    continue
                phases[phase] = now - since
                phase, since = line.strip(), now
                if " is up: " in phase:
                    return phases | {"total": now - began}
        finally:
            watchdog.cancel()
        raise RuntimeError(f"connect did not come up; last: {phase}")


def measure(program, rounds):
    with hosts.two_hosts() as (client, server):
        with ours.serving(program, server):
            profile = ours.profile(client)
            measured = [one_round(client, program, profile) for _ in range(rounds)]
    milliseconds = {phase: [1000 * one[phase] for one in measured if phase in one]
                    for phase in {key: None for one in measured for key in one}}
    totals = milliseconds.pop("total")
    return {"bench": "connect", "rounds": rounds, "median_ms": round(statistics.median(totals), 2),
            "min_ms": round(min(totals), 2), "max_ms": round(max(totals), 2),
            "phases_ms": {phase: round(statistics.median(took), 2) for phase, took in milliseconds.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    hosts.require()
    print(json.dumps(measure(os.path.abspath(arguments.program), arguments.rounds), indent=2))


if __name__ == "__main__":
    main()
