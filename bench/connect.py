#!/usr/bin/env python3
"""connect.py PPTPD_USER [--rounds N]: how long from the start of `connect` until the interface is up.

Both ends are this program, each in a network namespace of its own, over a veth. Prints one JSON document:
the median, the least and the most of the rounds, and for each phase that `connect` tells of, the median of
what it took. Needs root and /dev/net/tun; ends with 77 where they are not there.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SERVER, CLIENT = "192.0.2.1", "192.0.2.2"  # RFC 5737
SERVER_INNER = "10.99.0.1"
LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d+ ")  # what is no phase begins with the time
PATIENCE = 20  # seconds for one round; only a broken program takes so long


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def two_hosts():
    """Two namespaces with a wire between them: their names."""
    names = [f"ptb{os.getpid()}-{end}" for end in ("client", "server")]
    made = []
    try:
        for name in names:
            run("ip", "netns", "add", name)
            made.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        client, server = names
        run("ip", "-n", client, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", server)
        for name, address in ((client, CLIENT), (server, SERVER)):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "wire")
            run("ip", "-n", name, "link", "set", "wire", "up")
        yield names
    finally:
        for name in made:
            run("ip", "netns", "delete", name)


def write_files(folder):
    (folder / "chap-secrets").write_text("alice * secret *\n")
    (folder / "server.toml").write_text(
        f'listen = "{SERVER}"\nusers = "{folder}/chap-secrets"\naddress = "{SERVER_INNER}"\n'
        'pool = "10.99.0.10-10.99.0.20"\n')
    (folder / "office.toml").write_text(
        f'server = "{SERVER}"\nuser = "alice"\npassword = "secret"\n[network]\ndns = "none"\n')
    for file in folder.iterdir():
        file.chmod(0o600)


def in_namespace(name, program, folder, *arguments):
    """The program, started; its runtime and state directory is that of one end alone."""
    runtime = folder / f"run-{name}"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{name}", program, *arguments],
        env={"PATH": os.environ["PATH"], "PPTPD_USER_RUNTIME_DIR": str(runtime), "STATE_DIRECTORY": str(runtime),
             "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def ended(process):
    """A process that is asked to end, and waited for."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def wait_listening(name):
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        listed = subprocess.run(["ip", "netns", "exec", name, "ss", "-Hltn", "sport = :1723"],
                                capture_output=True, text=True, check=True).stdout
        if listed.strip():
            return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen")


def one_round(client, program, folder):
    """One call: {phase: seconds until the next one began}, with "total" until the interface was up."""
    began = time.perf_counter()
    phases, phase, since = {}, "starting", began
    with ended(in_namespace(client, program, folder, "connect", str(folder / "office.toml"))) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
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
    with tempfile.TemporaryDirectory(prefix="ptb-") as name, two_hosts() as (client, server):
        folder = pathlib.Path(name)
        write_files(folder)
        with ended(in_namespace(server, program, folder, "serve", str(folder / "server.toml"))):
            wait_listening(server)
            measured = [one_round(client, program, folder) for _ in range(rounds)]
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
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print("needs root and /dev/net/tun", file=sys.stderr)
        sys.exit(77)
    print(json.dumps(measure(os.path.abspath(arguments.program), arguments.rounds), indent=2))


if __name__ == "__main__":
    main()
