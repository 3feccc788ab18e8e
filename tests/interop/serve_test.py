#!/usr/bin/env python3
"""Our server and pptp-linux."""

import json
import pathlib
import re
import signal
import subprocess
import sys

from harness import peers
from harness.bench import ServerBench
from harness.cases import CLEAR, ENCIPHERED, case, expect, main
from harness.lab import WIRE_ADDRESS, wait_for

INNER = "192.168.78.1"
PORT = 5000
RAW_CLIENT = str(pathlib.Path(__file__).parent / "harness" / "raw_client.py")


@case("serve: MS-CHAPv2 with MPPE-128, stateless, pings both ways", tap=ENCIPHERED)
def mppe_128(bench):
    with bench.server():
        link = bench.dialler.dial(bench.address, *peers.MPPE_128)
        expect((link["local"], link["remote"]), ("192.168.78.10", INNER), "addresses")
        bench.ping_from_guest(INNER)
        bench.ping_from_client(link["local"])
        bench.dialler.hang_up()


@case("serve: the client gets the name servers", tap=ENCIPHERED)
def name_servers(bench):
    with bench.server(dns=["192.0.2.7", "192.0.2.8"]):
        link = bench.dialler.dial(bench.address, *peers.MPPE_128, options=["usepeerdns"])
        expect((link["DNS1"], link["DNS2"]), ("192.0.2.7", "192.0.2.8"), "name servers")
        bench.ping_from_guest(INNER)
        bench.dialler.hang_up()


@case("serve: 10 MB in each direction arrive whole", tap=ENCIPHERED)
def whole(bench):
    with bench.server():
        link = bench.dialler.dial(bench.address, *peers.MPPE_128)
        with bench.serving_in_guest("serve", PORT):
            for direction in ("fetch", "push"):
                moved = bench.traffic_client(direction, link["local"], PORT, 10_000_000)
                expect((moved["got"], moved["bytes"]), (moved["expected"], 10_000_000), direction)
        bench.dialler.hang_up()


@case("serve: a client may come again", tap=ENCIPHERED)
def again(bench):
    with bench.server():
        for _ in range(2):
            bench.dialler.dial(bench.address, *peers.MPPE_128)
            bench.ping_from_guest(INNER)
            bench.dialler.hang_up()


@case("serve: without MPPE where that is configured", tap=CLEAR)
def no_mppe(bench):
    with bench.server(encryption={"mppe": "off"}):
        bench.dialler.dial(bench.address, *peers.NO_MPPE)
        bench.ping_from_guest(INNER)
        bench.dialler.hang_up()


def refused(bench, server, cause, *mppe, **options):
    """The call does not come up, the client is told, and the server says so in one line, with its cause."""
    try:
        bench.dialler.dial(bench.address, *mppe, **options)
    except AssertionError as error:
        came_up = "\npppd has ended" not in str(error)
    else:
        came_up = True
    expect(came_up, False, "the call came up, or nobody ended it")
    whose = rf'(?:{peers.USER}|who claims to be "{peers.USER}")'
    lines = wait_for(lambda: re.findall(rf"{bench.guest.address}: call of {whose} ended: .*", server.stderr()),
                     5, "the server to tell that the call has ended")
    expect(len(lines), 1, f"lines about it ({lines})")
    expect(lines[0].endswith(f"[{cause}]"), True, f"{lines[0]!r} ends with [{cause}]")


@case("serve: a wrong password is refused")
def wrong_password(bench):
    with bench.server() as server:
        refused(bench, server, "auth-peer-failed", *peers.MPPE_128, password="wrong")
        expect("CHAP authentication failed" in bench.dialler.log(), True, "the client was told")


@case("serve: a client without MPPE is refused where it is required")
def no_mppe_where_required(bench):
    with bench.server() as server:
        refused(bench, server, "mppe-peer-refused", *peers.NO_MPPE)
        expect(told_goodbye(bench), True, "the client was told")


def told_goodbye(bench):
    return "rcvd [LCP TermReq" in bench.dialler.log()


def pppd_ends(bench):
    bench.guest.run("""for i in $(seq 100); do kill -0 $(cat /run/pppd-client.pid) 2>/dev/null || exit 0
        sleep 0.05; done; exit 1""")


def ended_by(bench, number):
    with bench.server() as server:
        bench.dialler.dial(bench.address, *peers.MPPE_128)
        bench.ping_from_guest(INNER)
        expect(server.end(number)[0], 5, "exit status")
    pppd_ends(bench)
    expect(told_goodbye(bench), True, "the client was told")


@case("serve: TERM ends a call that is up, and the client is told", tap=ENCIPHERED)
def terminated(bench):
    ended_by(bench, signal.SIGTERM)


@case("serve: INT ends a call that is up, and the client is told", tap=ENCIPHERED)
def interrupted(bench):
    ended_by(bench, signal.SIGINT)


@case("serve: a client that hangs up is said to have done it", tap=ENCIPHERED)
def hung_up(bench):
    with bench.server() as server:
        bench.dialler.dial(bench.address, *peers.MPPE_128)
        bench.ping_from_guest(INNER)
        bench.dialler.hang_up()
        wait_for(lambda: f"{bench.guest.address}: call of {peers.USER} ended: the client hung up" in server.stderr(),
                 5, "the server to tell who hung up")


@case("serve: an interface that somebody removes ends it with 39, and the client is told", tap=ENCIPHERED)
def interface_removed(bench):
    server = bench.start_server()
    bench.dialler.dial(bench.address, *peers.MPPE_128)
    bench.ping_from_guest(INNER)
    bench.lab.client("ip", "link", "delete", "pptps0")
    expect(server.exit_status(5), 39, "exit status")
    if not re.search(r"somebody has removed the interface pptps0 or set it down \[host-config-failed\]", server.stderr()):
        raise AssertionError(server.stderr())
    pppd_ends(bench)
    expect(told_goodbye(bench), True, "the client was told")


@case("serve: USR1 tells of calls, and of drops by name", tap=ENCIPHERED)
def statistics(bench):
    with bench.server() as server:
        bench.dialler.dial(bench.address, *peers.MPPE_128)
        bench.ping_from_guest(INNER)
        bench.lab.client_process("ping", "-n", "-c", "1", "-W", "1", "192.168.78.20")  # nobody has it
        server.send_signal(signal.SIGUSR1)
        told = json.loads(wait_for(lambda: re.search(r"\{.*\}", server.stderr()), 5, "statistics")[0])
        expect((told["calls"], told["dropped"].get("send-no-route")), (1, 1), "statistics")
        bench.dialler.hang_up()


@case("serve: a client whose host has vanished gets its own address at once when it comes again", tap=ENCIPHERED)
def comes_again(bench):
    own = "192.168.78.77"
    with bench.server(addresses=own) as server:
        first = bench.dialler.dial(bench.address, *peers.MPPE_128)
        expect(first["local"], own, "address")
        bench.guest.run(f"pkill -STOP -x 'pptp|pppd'; ip link set {first['device']} down; rm -rf /var/run/pptp")
        try:
            second = bench.dialler.dial(bench.address, *peers.MPPE_128)
            expect(second["local"], own, "address when it has come again")
            bench.ping_from_guest(INNER)
            wait_for(lambda: "[call-replaced]" in server.stderr(), 5, "the old call to end")
            bench.ping_from_guest(INNER)
            bench.dialler.hang_up()
        finally:
            bench.guest.run("pkill -KILL -x 'pptp|pppd'", check=False)


@case("serve: the last word arrives, though the client goes on talking")
def last_word(bench):
    with bench.server():
        heard = subprocess.run(
            bench.lab.in_wire([sys.executable, RAW_CLIENT, "stop", bench.address, "200000"]),
            capture_output=True, text=True, timeout=20, check=True).stdout
        # Start-Control-Connection-Reply and Stop-Control-Connection-Reply, and nothing torn off.
        expect(json.loads(heard), {"heard": [2, 4], "end": "closed"}, "what the client heard")


@case("serve: what it cannot take back of this host it says")
def left_on_the_host(bench):
    with bench.server() as server:
        bench.lab.client("ip", "link", "set", "pptps0", "mtu", "1300")
    told = re.findall("left alone, as somebody else has changed it: .*", server.stderr())
    expect(len(told), 1, f"lines about it ({server.stderr()})")


@case("serve: too few files for all calls is said, with both numbers")
def few_files(bench):
    with bench.server(wrapper=("prlimit", "--nofile=100:512")) as server:
        told = re.findall(r"(\d+) calls at a time need (\d+) open files, and this process may have (\d+):", server.stderr())
        expect(told, [("10000", "10032", "512")], "what is said")
    with bench.server(wrapper=("prlimit", "--nofile=100:20000")) as server:
        expect("open files" in server.stderr(), False, "a warning where the limit can be raised")


@case("serve: hundreds of half-open connections of one host cost little and keep nobody out", tap=ENCIPHERED)
def half_open(bench):
    with bench.server() as server:
        before = server.resident_kib()
        flood = bench.lab.spawn(bench.lab.in_wire([sys.executable, RAW_CLIENT, "half-open", bench.address, "500"]),
                                stdout=subprocess.PIPE)
        try:
            expect(json.loads(flood.stdout.readline()), {"kept": 64}, "half-open connections")
            grown = server.resident_kib() - before
            if grown > 8 * 1024:
                raise AssertionError(f"the server has grown by {grown} KiB")
            expect(len(re.findall(f"{WIRE_ADDRESS}: ", server.stderr())), 10, "lines about it in the log")
            bench.dialler.dial(bench.address, *peers.MPPE_128)
            bench.ping_from_guest(INNER)
            bench.dialler.hang_up()
        finally:
            flood.kill()


main(ServerBench)
