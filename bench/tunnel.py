#!/usr/bin/env python3
"""tunnel.py PPTPD_USER [--rounds N] [--seconds N] [--stacks A,B] [--before OTHER_BUILD]: the data path beside others.

Both ends on this machine, each in a network namespace, over a veth; MTU 1400 for all:

    mppe-128       this program, MPPE-128 stateless
    two-threads    the same, with a client that transmits by a thread of its own
    packet         the same, with a client that sends by a packet socket
    null           this program, without encryption
    before         another build of this program, MPPE-128
    plain          no tunnel: a veth without offloads
    wireguard-go   ChaCha20-Poly1305
    openvpn        AES-256-GCM, in user space

Each round measures all of them, one after the other, each time beginning with another one. Prints one JSON document:
medians of the rounds, and for `mppe-128`, `packet` and `null` medians of their ratio to each other stack in the same round.
Ends with 77 where root, /dev/net/tun or iperf3 is missing; a stack whose program is missing is left out.
"""

import argparse
import json
import os
import sys

import hosts
import measure
import stacks
import summary

OURS = ("mppe-128", "two-threads", "packet", "null")


def one_round(client, server, chosen, seconds):
    """{stack: {figure: value}} in the order of `chosen`."""
    measured = {}
    for name, up in chosen:
        print(f"  {name}", file=sys.stderr, flush=True)
        with up(client, server) as stack:
            measured[name] = measure.everything(client, server, stack, seconds)
    return measured


def document(rounds, seconds):
    names = sorted(rounds[0])
    return {
        "bench": "tunnel", "rounds": len(rounds), "seconds": seconds, "mtu": stacks.MTU,
        "stacks": {name: summary.medians(rounds, name) for name in names},
        "ratios": {f"{mine}/{other}": summary.ratios(rounds, mine, other)
                   for mine in OURS if mine in names for other in names if other != mine},
        "measured": rounds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of the run with one flow; the others take a third")
    parser.add_argument("--stacks", type=lambda text: text.split(","))
    parser.add_argument("--before", type=os.path.abspath)
    arguments = parser.parse_args()
    hosts.require("iperf3", "ethtool", "ping")
    chosen = list(stacks.chosen(arguments.stacks, os.path.abspath(arguments.program), arguments.before).items())
    rounds = []
    with hosts.two_hosts() as (client, server):
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            first = number % len(chosen)
            rounds.append(one_round(client, server, chosen[first:] + chosen[:first], arguments.seconds))
    print(json.dumps(document(rounds, arguments.seconds), indent=2))


if __name__ == "__main__":
    main()
