#!/usr/bin/env python3
"""growth.py PPTPD_USER [--tunnels 1,10,100] [--rounds N] [--seconds N] [--mbit N]: many tunnels into one server process.

Each client is a `connect` of its own in a network namespace of its own; all wires end on one bridge at the server.
MPPE-128 stateless. Measured are: tunnels without traffic, but for the echo that each client asks for every second
(`idle`); the same rate of UDP offered to each, both ways (`steady`); as much in all as the greatest number of tunnels
has then, however many share it (`same_total`); and one TCP flow in each at full speed, all at once (`to_server`,
`from_server`). Prints one JSON document: for each number of tunnels medians of the rounds, and medians of their ratio
to the least number in the same round. `linear` is that ratio of the server's CPU for each tunnel, idle and steady: 1
where so many times the tunnels cost so many times the CPU, less where they cost less. Ends with 77 where root or
/dev/net/tun is missing.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import hosts
import measure
import ours
import summary

LOAD = pathlib.Path(__file__).resolve().parent / "load.py"
PORT = 5202
MOST = 240  # of the pool's addresses, and of those on the wire


@contextlib.contextmanager
def star(number):
    """A server's host, and so many clients' hosts with a wire to it: (server, [client])."""
    with hosts.hosts("server", *(f"c{i}" for i in range(number))) as (server, *clients):
        server.ip("link", "add", "bridge", "type", "bridge")
        server.ip("address", "add", f"{hosts.SERVER}/24", "dev", "bridge")
        server.ip("link", "set", "bridge", "up")
        for i, client in enumerate(clients):
            server.ip("link", "add", f"wire{i}", "type", "veth", "peer", "name", "wire", "netns", client.name)
            server.ip("link", "set", f"wire{i}", "master", "bridge", "up")
            client.ip("address", "add", f"192.0.2.{i + 2}/24", "dev", "wire")
            client.ip("link", "set", "wire", "up")
        yield server, clients


def anonymous_kib(process):
    """Memory of a process that is its own: KiB."""
    with open(f"/proc/{process.pid}/status", encoding="ascii", errors="replace") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def of_server(cpu, seconds, tunnels):
    """CPU of the server, in microseconds a second."""
    return {"server_cpu_us_per_s": 1e6 * cpu / seconds, "server_cpu_us_per_s_per_tunnel": 1e6 * cpu / seconds / tunnels}


def idle(clients, seconds, serving):
    """Time that passes without traffic."""
    before = measure.cpu_of(serving)
    time.sleep(seconds)
    return of_server(measure.cpu_of(serving) - before, seconds, len(clients))


def load(how, server, clients, seconds, *arguments):
    """One run of load.py over all tunnels."""
    with hosts.ended(server.start(LOAD, "serve", PORT)) as process:
        server.wait_listening(PORT, process)
        return json.loads(subprocess.run(
            [LOAD, how, ours.SERVER_INNER, str(PORT), str(seconds), *arguments, *(client.name for client in clients)],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=seconds + 2 * hosts.PATIENCE).stdout)


def steady(server, clients, seconds, mbit, serving):
    """The same for each tunnel, whatever their number; `returned` is the part of it that came back."""
    before, machine = measure.cpu_of(serving), measure.cpu_of_machine()
    moved = load("offer", server, clients, seconds, str(mbit))
    cpu, machine = measure.cpu_of(serving) - before, measure.cpu_of_machine() - machine
    return of_server(cpu, moved["seconds"], len(clients)) | {
        "server_cpu_us_per_packet": 1e6 * cpu / (moved["packets"] + moved["returned"]),
        "machine_cpu_s_per_s": machine / moved["seconds"], "returned": moved["returned"] / moved["packets"]}


def full_speed(how, server, clients, seconds, serving, calling):
    """Speed of a flow through each tunnel, and CPU of the server and of all clients, whose process ids these are, for a
    Gbit."""
    before = measure.cpu_of(serving), sum(map(measure.cpu_of, calling))
    moved = load(how, server, clients, seconds)
    after = measure.cpu_of(serving), sum(map(measure.cpu_of, calling))
    gbit = moved["bytes"] * 8e-9
    return {"mbit_per_s": 1000 * gbit / moved["seconds"], "server_cpu_s_per_gbit": (after[0] - before[0]) / gbit,
            "clients_cpu_s_per_gbit": (after[1] - before[1]) / gbit}


def one_size(program, server, clients, seconds, mbit, total):
    """All figures of one number of tunnels, with a server that has had no other. `mbit` is offered to each, `total` to
    all together."""
    with contextlib.ExitStack() as cleanup:
        serving = cleanup.enter_context(ours.serving(program, server))
        alone = anonymous_kib(serving)
        began = time.monotonic()
        calling = [cleanup.enter_context(hosts.ended(client.start(program, "connect", ours.profile(client, echo_interval=1))))
                   for client in clients]
        for client, process in zip(clients, calling):
            client.wait_answer(ours.SERVER_INNER, process)
        figures = {"up_s": time.monotonic() - began, "server_kib": alone,
                   "server_kib_per_tunnel": (anonymous_kib(serving) - alone) / len(clients),
                   "client_kib": statistics.median(map(anonymous_kib, calling))}
        pids = [process.pid for process in calling]
        figures |= measure.flat({
            "idle": idle(clients, seconds, serving.pid),
            "steady": steady(server, clients, seconds, mbit, serving.pid),
            "same_total": steady(server, clients, seconds, total / len(clients), serving.pid),
            "to_server": full_speed("push", server, clients, seconds, serving.pid, pids),
            "from_server": full_speed("fetch", server, clients, seconds, serving.pid, pids)})
        figures["server_kib_per_tunnel_loaded"] = (anonymous_kib(serving) - alone) / len(clients)
        figures["client_kib_loaded"] = statistics.median(map(anonymous_kib, calling))
        return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--tunnels", type=lambda text: sorted(map(int, text.split(","))), default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--mbit", type=float, default=0.5, help="offered to each tunnel in each direction, in a second")
    arguments = parser.parse_args()
    hosts.require("ping")
    sizes = arguments.tunnels
    if not 1 <= sizes[0] <= sizes[-1] <= MOST:
        parser.error(f"1 to {MOST} tunnels")
    rounds = []
    with star(sizes[-1]) as (server, clients):
        for number in range(arguments.rounds):
            measured = {}
            for size in sizes if number % 2 == 0 else reversed(sizes):
                print(f"round {number + 1} of {arguments.rounds}: {size}", file=sys.stderr, flush=True)
                measured[str(size)] = one_size(arguments.program, server, clients[:size], arguments.seconds,
                                               arguments.mbit, sizes[-1] * arguments.mbit)
            rounds.append(measured)
    names = [str(size) for size in sizes]
    ratios = {f"{name}/{names[0]}": summary.ratios(rounds, name, names[0]) for name in names[1:]}
    print(json.dumps({
        "bench": "growth", "rounds": len(rounds), "seconds": arguments.seconds, "mbit": arguments.mbit,
        "tunnels": {name: summary.medians(rounds, name) for name in names},
        "ratios": ratios,
        "linear": {pair: {kind: found[f"{kind}.server_cpu_us_per_s_per_tunnel"] for kind in ("idle", "steady")}
                   for pair, found in ratios.items()},
        "measured": rounds}, indent=2))


if __name__ == "__main__":
    main()
