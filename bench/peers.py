#!/usr/bin/env python3
"""peers.py PPTPD_USER [--engines uml,icount] [--rounds N] [--seconds N] [--stacks A,B]: beside the other stacks of PPTP.

Both ends in one guest kernel, in two network namespaces with a veth between them, MPPE-128 stateless, MTU 1400:

    pptp-linux     pptp-linux and pppd to pptpd and pppd: GRE in user space, PPP and MPPE in the kernel
    kernel         the kernel's pptp and ppp_mppe at both ends, negotiated by pppd
    our-client     this program to pptpd and pppd
    our-server     pptp-linux and pppd to this program
    ours           this program at both ends

Engines: `uml`, user-mode Linux, and `icount`, an emulated PC whose clock counts instructions. Prints one JSON document:
for each engine medians of the rounds, and medians of the ratios to pptp-linux and kernel in the same round. Ends with 77
where something is missing.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import guest
import hosts
import summary

STACKS = ("pptp-linux", "kernel", "our-client", "our-server", "ours")
OTHERS = ("pptp-linux", "kernel")
PLUGIN = pathlib.Path(__file__).resolve().parent / "kernel_channel.c"
PPPD_HEADER = "/usr/include/pppd/pppd.h"
SECONDS_LIMIT = {"uml": 60, "icount": 600}  # for one stack in one round, on this machine's clock


def one_engine(engine, plan):
    limit = SECONDS_LIMIT[engine] * (1 + plan["rounds"] * len(plan["stacks"]))
    with tempfile.TemporaryDirectory(prefix="ptb-") as name:
        folder = pathlib.Path(name)
        plan = plan | {"plugin": str(folder / "kernel_channel.so")}
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", plan["plugin"], PLUGIN], check=True)
        rounds = guest.measure(engine, plan, folder, limit)
    stacks = plan["stacks"]
    return {"stacks": {stack: summary.medians(rounds, stack) for stack in stacks},
            "ratios": {f"{stack}/{other}": summary.ratios(rounds, stack, other)
                       for other in OTHERS if other in stacks for stack in stacks if stack != other},
            "measured": rounds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=["uml", "icount"])
    parser.add_argument("--stacks", type=lambda text: text.split(","), default=list(STACKS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    unknown = set(arguments.stacks) - set(STACKS) | set(arguments.engines) - set(guest.ENGINES)
    if unknown:
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    hosts.require("iperf3", "ping", "cc", "pptpd", "pptp", "pppd", PPPD_HEADER,
                  *(name for engine in arguments.engines for name in guest.needed(engine)))
    plan = {"program": arguments.program, "stacks": arguments.stacks, "rounds": arguments.rounds, "seconds": arguments.seconds}
    print(json.dumps({"bench": "peers", "rounds": arguments.rounds, "seconds": arguments.seconds,
                      "engines": {engine: one_engine(engine, plan) for engine in arguments.engines}}, indent=2))


if __name__ == "__main__":
    main()
