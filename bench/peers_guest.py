#!/usr/bin/env python3
"""peers_guest.py PLAN: what the bench `peers` measures, in the guest. Prints its rounds as JSON.

PLAN is a JSON file: {"program", "plugin", "stacks": [name], "rounds", "seconds"}.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys

import hosts
import measure
import ours
import pppd_ends
import stacks

PATIENCE = 200  # seconds of the guest's clock, which may be quick where it waits
COMM = 15  # characters of a process name that the kernel keeps
PROGRAMS = ("iperf3", "ping", "ip", "ss", "nsenter", "pppd", "pptp", "pptpd")


@contextlib.contextmanager
def our_server(host, plan):
    with ours.serving(plan["program"], host):
        yield


@contextlib.contextmanager
def our_client(host, plan):
    with hosts.ended(host.start(plan["program"], "connect", ours.profile(host, mtu=stacks.MTU))) as process:
        host.wait_answer(ours.SERVER_INNER, process)
        yield


STACKS = {
    "pptp-linux": (pppd_ends.pptp_linux, pppd_ends.pptpd),
    "kernel": (pppd_ends.kernel_client, pppd_ends.kernel_server),
    "our-client": (our_client, pppd_ends.pptpd),
    "our-server": (pppd_ends.pptp_linux, our_server),
    "ours": (our_client, our_server),
}


def one_stack(client, server, plan, seconds, name):
    up_client, up_server = STACKS[name]
    with up_server(server, plan), up_client(client, plan):
        stack = stacks.Stack(ours.SERVER_INNER, [(host, host.tunnel_device()) for host in (client, server)],
                             pppd_ends.running((*pppd_ends.NAMES, pathlib.Path(plan["program"]).name[:COMM])))
        measured = {"idle_round_trip": measure.idle_round_trip(client, stack),
                    "tcp_1": measure.tcp(client, server, stack, seconds),
                    "tcp_1_reverse": measure.tcp(client, server, stack, seconds, "-R")}
    return measure.flat(measured)


def read_programs(plan):
    """Has the guest hold every program in memory: while it waits for this machine's files, its clock may run on."""
    pathlib.Path(plan["plugin"]).read_bytes()
    for name in (plan["program"], *PROGRAMS):
        pathlib.Path(shutil.which(name) or name).read_bytes()
        subprocess.run([name, "--version"], check=False, stdin=subprocess.DEVNULL, capture_output=True)


def main(path):
    plan = json.loads(pathlib.Path(path).read_text())
    hosts.PATIENCE = PATIENCE
    read_programs(plan)
    rounds = []
    with hosts.two_hosts() as (client, server):
        for number in range(plan["rounds"]):
            measured = {}
            for name in plan["stacks"] if number % 2 == 0 else reversed(plan["stacks"]):
                print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
                measured[name] = one_stack(client, server, plan, plan["seconds"], name)
            rounds.append(measured)
    print(json.dumps(rounds), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
