#!/usr/bin/env python3
"""Our client and pptpd: how a call is watched and ended, and what it leaves behind: nothing.

That the host is as before is checked after each case, so it is not written into them.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

from harness import peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main
from harness.lab import WIRE_ADDRESS, wait_for

RAW_SERVER = str(pathlib.Path(__file__).parent / "harness" / "raw_server.py")
ELSEWHERE = "203.0.113.5"  # an address that only a default route through the tunnel reaches


def signalled(bench, number):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(network={"default-route": True}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER)
    status, seconds = process.end(number)
    expect(status, 5, "exit status")
    if seconds > 2:
        raise AssertionError(f"took {seconds:.1f} s to end")
    bench.expect_goodbye()


@case("lifecycle: INT ends the call with 5 within 2 s, and says goodbye", tap=ENCIPHERED)
def interrupted(bench):
    signalled(bench, signal.SIGINT)


@case("lifecycle: TERM ends the call with 5 within 2 s, and says goodbye", tap=ENCIPHERED)
def terminated(bench):
    signalled(bench, signal.SIGTERM)


@case("lifecycle: INT while nobody answers ends with 5 within 2 s")
def interrupted_early(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.lab.block_gre()
    try:
        path = bench.program.profile("office", bench.settings())
        process = bench.program.start("connect", path)
        bench.pptpd.wait_log(r"Made a OUT CALL RPLY packet")
        status, seconds = process.end(signal.SIGINT)
    finally:
        bench.lab.unblock_gre()
    expect(status, 5, "exit status")
    if seconds > 2:
        raise AssertionError(f"took {seconds:.1f} s to end")


@case("lifecycle: the last word arrives, though the server goes on talking")
def last_word(bench):
    server = bench.lab.spawn(bench.lab.in_wire([sys.executable, RAW_SERVER, WIRE_ADDRESS, "200000"]),
                             stdout=subprocess.PIPE, text=True)
    expect(server.stdout.readline(), "ready\n", "the server")
    bench.refused(16, r"\[peer-terminated\]", server=WIRE_ADDRESS)
    # Start-Control-Connection-Request, Outgoing-Call-Request, Stop-Control-Connection-Reply, and nothing torn off.
    expect(json.loads(server.stdout.read()), {"heard": [1, 7, 4], "end": "closed"}, "what the server heard")


@case("lifecycle: status tells of a tunnel that is up, and counts", tap=ENCIPHERED)
def status(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office") as (_, first):
        expect((first["profile"], first["state"], first["server"]["address"]),
               ("office", "up", bench.guest.address), "status")
        if not 576 <= first["mtu"] <= 1500:
            raise AssertionError(f"mtu {first['mtu']}")
        link = json.loads(bench.lab.client("ip", "-j", "address", "show", "dev", first["interface"]))[0]
        expect((link["mtu"], link["addr_info"][0]["local"]), (first["mtu"], first["local"]), "the interface")
        bench.ping_from_client(peers.SERVER_INNER, count=5)
        then = bench.program.status("office")
        for counter in ("tx_packets", "rx_packets"):
            if then["counters"][counter] < first["counters"][counter] + 5:
                raise AssertionError(f"{counter}: {first['counters'][counter]}, then {then['counters'][counter]}")
    down = bench.program.run("status", "office", "--json")
    expect(down.returncode, 1, "exit status of status when it is down")
    expect(json.loads(down.stdout)["state"], "idle", "state when it is down")


@case("lifecycle: status --watch tells again and again how it is doing", tap=ENCIPHERED)
def watch(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office"):
        watching = bench.program.start("status", "office", "--json", "--watch")
        try:
            wait_for(lambda: watching.stdout().count("\n") >= 1, 5, "the first document")
            bench.ping_from_client(peers.SERVER_INNER, count=5)
            wait_for(lambda: watching.stdout().count("\n") >= 4, 10, "more of them")
        finally:
            watching.end(signal.SIGTERM)
    told = [json.loads(line) for line in watching.stdout().splitlines()]
    expect({document["state"] for document in told}, {"up"}, "states")
    if told[-1]["counters"]["rx_packets"] < told[0]["counters"]["rx_packets"] + 5:
        raise AssertionError(f"the counters do not go on: {told[0]['counters']} {told[-1]['counters']}")


@case("lifecycle: disconnect ends the call with 0 on both sides, and says goodbye", tap=ENCIPHERED)
def disconnect(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office"):
        bench.ping_from_client(peers.SERVER_INNER)
    bench.expect_goodbye()
    expect(bench.program.run("disconnect", "office").returncode, 0, "disconnect when nothing is up")


@case("lifecycle: a second connect of the same profile ends with 40 and harms nobody", tap=ENCIPHERED)
def already_connected(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office"):
        second = bench.program.run("connect", bench.program.directory / "office.toml")
        expect(second.returncode, 40, "exit status")
        if "already-connected" not in second.stderr:
            raise AssertionError(second.stderr)
        bench.ping_from_client(peers.SERVER_INNER)


@case("lifecycle: --background returns when the tunnel is up, and disconnect ends it", tap=ENCIPHERED)
def background(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings())
    started = bench.program.run("connect", path, "--background")
    expect(started.returncode, 0, f"exit status ({started.stderr})")
    expect(bench.program.status("office")["state"], "up", "state")
    bench.ping_from_client(peers.SERVER_INNER)
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")


@case("lifecycle: --background begun without standard streams keeps nothing of where it began", tap=ENCIPHERED)
def background_without_streams(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings())
    starter = bench.program.start("connect", path, "--background",
                                  wrapper=("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"))
    expect(starter.exit_status(), 0, "exit status")
    expect(bench.program.status("office")["state"], "up", "state")
    owner = (bench.lab.run / "runtime" / "office.journal").read_text().splitlines()[0]
    call = json.loads(owner)["pid"]
    expect([os.readlink(f"/proc/{call}/fd/{stream}") for stream in (0, 1, 2)], ["/dev/null"] * 3, "streams")
    expect(os.readlink(f"/proc/{call}/cwd"), "/", "folder")
    with open(f"/proc/{call}/limits", encoding="ascii") as limits:
        expect([line.split()[4:6] for line in limits if line.startswith("Max core")], [["0", "0"]], "core limit")
    bench.ping_from_client(peers.SERVER_INNER)
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")


@case("lifecycle: --background of a call that fails ends with its exit status")
def background_fails(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(password="wrong"))
    started = bench.program.run("connect", path, "--background")
    expect(started.returncode, 19, f"exit status ({started.stderr})")
    expect("[chap-e691-bad-password]" in started.stderr, True, f"why is told ({started.stderr})")


@case("lifecycle: the default route leads through the tunnel, the tunnel does not", tap=ENCIPHERED)
def default_route(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.guest.run(f"ip -n lan address replace {ELSEWHERE}/32 dev lo; ip route replace {ELSEWHERE} via {peers.LAN_HOST}")
    with bench.tunnel("office", network={"default-route": True}):
        bench.ping_from_client(ELSEWHERE)
        bench.ping_from_client(peers.LAN_HOST)


@case("lifecycle: routes of the profile are set, and only they", tap=ENCIPHERED)
def routes(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.guest.run(f"ip -n lan address replace {ELSEWHERE}/32 dev lo; ip route replace {ELSEWHERE} via {peers.LAN_HOST}")
    with bench.tunnel("office", network={"routes": ["203.0.113.0/24"]}) as (_, status):
        bench.ping_from_client(ELSEWHERE)
        other = bench.lab.client("ip", "-o", "route", "get", "198.51.100.1")
        expect("dev vc" in other, True, f"the way elsewhere ({other.strip()})")
        expect(status["routes"], ["203.0.113.0/24"], "status")


@case("lifecycle: status tells the server's name servers", tap=ENCIPHERED)
def name_servers(bench):
    bench.pptpd.start(*peers.MPPE_128, options=["ms-dns 192.0.2.7", "ms-dns 192.0.2.8"])
    with bench.tunnel("office") as (_, status):
        expect(status["dns"], ["192.0.2.7", "192.0.2.8"], "status")
        bench.ping_from_client(peers.SERVER_INNER)


def killed(bench):
    """A tunnel with all it changes on the host, whose process is killed outright."""
    bench.pptpd.start(*peers.MPPE_128, options=["ms-dns 192.0.2.7"])
    path = bench.program.profile("office", bench.settings(network={"default-route": True}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER)
    process.kill()
    return path


@case("lifecycle: after kill -9, status restores the host", tap=ENCIPHERED)
def killed_then_status(bench):
    killed(bench)
    expect(bench.program.run("status", "office").returncode, 1, "exit status of status")


@case("lifecycle: after kill -9, disconnect restores the host", tap=ENCIPHERED)
def killed_then_disconnect(bench):
    killed(bench)
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")


@case("lifecycle: after kill -9, connect connects again", tap=ENCIPHERED)
def killed_then_connect(bench):
    path = killed(bench)
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER)
    expect(process.end()[0], 5, "exit status")


@case("lifecycle: an interface that somebody sets down ends the call, which says so", tap=ENCIPHERED)
def interface_set_down(bench):
    bench.pptpd.start(*peers.MPPE_128)
    process = bench.program.start("connect", bench.program.profile("office", bench.settings()))
    status = bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER)
    bench.lab.client("ip", "link", "set", status["interface"], "down")
    # Noticed when the next packet from the server comes.
    bench.guest.run(f"ping -n -c 1 -W 1 {status['local']}", check=False)
    expect(process.exit_status(5), 39, f"exit status ({process.stderr()})")
    if "set it down" not in process.stderr():
        raise AssertionError(process.stderr())
    bench.expect_goodbye()


@case("lifecycle: LCP echoes that nobody answers end the call with 15 in the time that the profile promises",
      tap=ENCIPHERED)
def echo_unanswered(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile(
        "office", bench.settings(link={"reconnect": False, "echo-interval": 1, "echo-failures": 3}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER)
    bench.lab.block_gre()
    try:
        # 1 s * (3 + 1), and 2 s for the goodbye.
        expect(process.exit_status(7), 15, "exit status")
    finally:
        bench.lab.unblock_gre()
    if "peer-not-responding" not in process.stderr():
        raise AssertionError(process.stderr())


@case("lifecycle: a call that the server ends ends with 16 where it is not to be redialled", tap=ENCIPHERED)
def ended_by_peer(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(link={"reconnect": False}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER)
    bench.guest.run("pkill -x pppd")
    expect(process.exit_status(10), 16, "exit status")
    expect("[peer-terminated]" in process.stderr(), True, f"why is told ({process.stderr()})")


main(ClientBench)
