#!/usr/bin/env python3
"""Our client and pptpd: that what is sent arrives, in numbers and under loss."""

import contextlib
import json
import subprocess
import time

from harness import peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main
from harness.lab import wait_for

PORT = 5000
PACKETS = 70_000  # MPPE's coherency count of 12 bits wraps 17 times


def start(bench):
    # pptpd's debug logs every packet, which is slower than the packets.
    bench.pptpd.start(*peers.MPPE_128, debug=False)


@case("data: 10 MB in each direction arrive whole, by one thread and by two", tap=ENCIPHERED)
def whole(bench):
    start(bench)
    for threads in (1, 2):
        with bench.tunnel("office", link={"threads": threads}) as (process, _), bench.serving_in_guest("serve", PORT):
            names = process.thread_names()
            expect("pptp-transmit" in names, threads == 2, f"a thread that transmits among {names}")
            for direction in ("fetch", "push"):
                moved = bench.traffic_client(direction, peers.SERVER_INNER, PORT, 10_000_000)
                expect((moved["got"], moved["bytes"]), (moved["expected"], 10_000_000), direction)


@case("data: 70,000 packets to the server, none lost", tap=ENCIPHERED)
def many_to_server(bench):
    start(bench)
    with bench.tunnel("office"), bench.serving_in_guest("count", PORT, PACKETS) as result:
        bench.traffic_client("number", peers.SERVER_INNER, PORT, PACKETS)
        expect(result(), {"received": PACKETS, "distinct": PACKETS, "late": 0}, "packets")


@case("data: 70,000 packets from the server, none lost", tap=ENCIPHERED)
def many_from_server(bench):
    start(bench)
    with bench.tunnel("office") as (_, status), bench.serving_on_client("count", PORT, PACKETS) as result:
        bench.traffic_guest("number", status["local"], PORT, PACKETS)
        expect(result(), {"received": PACKETS, "distinct": PACKETS, "late": 0}, "packets")
        dropped = bench.program.status("office")["counters"]["dropped"]
        expect({k: v for k, v in dropped.items() if v and k.startswith(("gre-", "mppe-"))}, {}, "drops")


@contextlib.contextmanager
def announced_address(bench, address):
    """The router gets another link address, and says so to all, as one that takes over from another does."""
    def ip(*arguments):
        shown = subprocess.run(bench.lab.in_wire(["ip", "-j", *arguments]), check=True, capture_output=True, text=True)
        return shown.stdout

    notify = ["sysctl", "-qw", "net.ipv4.conf.vw.arp_notify=1"]
    subprocess.run(bench.lab.in_wire(notify), check=True)
    before = json.loads(ip("link", "show", "vw"))[0]["address"]
    ip("link", "set", "vw", "address", address)
    try:
        yield
    finally:
        ip("link", "set", "vw", "address", before)


@case("data: sent by a packet socket on a thread of its own", tap=ENCIPHERED)
def by_packet_socket_and_thread(bench):
    start(bench)
    with bench.tunnel("office", link={"transmit": "packet", "threads": 2}), bench.serving_in_guest("serve", PORT):
        bench.ping_from_client(peers.SERVER_INNER)
        moved = bench.traffic_client("push", peers.SERVER_INNER, PORT, 2_000_000)
        expect((moved["got"], moved["bytes"]), (moved["expected"], 2_000_000), "push")
        ways = bench.program.status("office")["counters"]["sent_by"]
        if ways.get("packet-socket", 0) < 1200:
            raise AssertionError(f"packets of 2 MB: {ways}")


@case("data: sent by a packet socket, also where the next hop changes its link address", tap=ENCIPHERED)
def by_packet_socket(bench):
    start(bench)
    with bench.tunnel("office", link={"transmit": "packet"}), bench.serving_in_guest("serve", PORT):
        def sent():
            return bench.program.status("office")["counters"]["sent_by"].get("packet-socket", 0)

        def move(size):
            for direction in ("fetch", "push"):
                moved = bench.traffic_client(direction, peers.SERVER_INNER, PORT, size)
                expect((moved["got"], moved["bytes"]), (moved["expected"], size), direction)

        bench.ping_from_client(peers.SERVER_INNER)
        move(5_000_000)
        if sent() < 3000:
            raise AssertionError(f"packets of 5 MB that went by the packet socket: {sent()}")
        with announced_address(bench, "02:00:00:00:00:77"):
            changed = time.monotonic()
            wait_for(lambda: not bench.lab.client_process("ping", "-n", "-c", "1", "-W", "0.2", peers.SERVER_INNER).returncode,
                     5, "an answer")
            if time.monotonic() - changed > 2:
                raise AssertionError(f"went on after {time.monotonic() - changed:.1f} s")
            time.sleep(1)  # until the kernel is sure of the new address
            before = sent()
            move(1_000_000)
            if sent() < before + 600:
                raise AssertionError(f"packets of 1 MB that went by the packet socket: {sent() - before}")


def expect_mtu(bench, mtu):
    status = bench.program.status("office")
    link = json.loads(bench.lab.client("ip", "-j", "link", "show", "dev", status["interface"]))[0]
    expect((status["mtu"], link["mtu"]), (mtu, mtu), "MTU in status and of the interface")


def ping_of_size(bench, size):
    """IP packets of `size` octets, in pieces where the interface takes no more; one answer is enough."""
    bench.lab.client("ping", "-n", "-c", "5", "-i", "0.2", "-W", "1", "-M", "dont", "-s", str(size - 28),
                     peers.SERVER_INNER)


@case("data: the round trip in status is that of the path", tap=ENCIPHERED)
def round_trip(bench):
    start(bench)
    with bench.tunnel("office"):
        bench.guest.run("tc qdisc add dev eth root netem delay 60ms")
        try:
            bench.lab.client("ping", "-n", "-q", "-c", "60", "-i", "0.1", "-W", "2", peers.SERVER_INNER)
            rtt = bench.program.status("office")["rtt_ms"]
        finally:
            bench.guest.run("tc qdisc del dev eth root")
    if not 60 <= rtt <= 100:
        raise AssertionError(f"rtt_ms is {rtt}, on a path of 60 ms")


@case("data: paced by the server's window, 5,000 packets to the server, none lost, by one thread and by two", tap=ENCIPHERED)
def paced(bench):
    start(bench)
    for threads in (1, 2):
        link = {"pace-by-window": True, "threads": threads}
        with bench.tunnel("office", link=link), bench.serving_in_guest("count", PORT, 5000) as result:
            bench.traffic_client("number", peers.SERVER_INNER, PORT, 5000)
            expect(result(), {"received": 5000, "distinct": 5000, "late": 0}, "packets")


@case("data: a path that becomes narrow lowers the MTU, and large packets go on", tap=ENCIPHERED)
def narrow_path(bench):
    start(bench)
    with bench.tunnel("office") as (_, status), bench.lab.narrow_path(bench.guest.tap, 1200):
        expect_mtu(bench, status["mtu"])
        # The first one tells, and is lost.
        ping_of_size(bench, 1400)
        expect_mtu(bench, 1200 - 44)
        dropped = bench.program.status("office")["counters"]["dropped"]
        ping_of_size(bench, 1400)
        expect(bench.program.status("office")["counters"]["dropped"], dropped, "drops once it is known")


@case("data: a path too narrow for 576 octets inside takes outer packets in pieces", tap=ENCIPHERED)
def very_narrow_path(bench):
    start(bench)
    with bench.tunnel("office"), bench.lab.narrow_path(bench.guest.tap, 600):
        ping_of_size(bench, 1400)
        expect_mtu(bench, 576 - 4)
        ping_of_size(bench, 1400)


@case("data: an MTU set by hand stays, and outer packets may be taken to pieces", tap=ENCIPHERED)
def mtu_by_hand(bench):
    start(bench)
    with bench.tunnel("office", network={"mtu": 1400}), bench.lab.narrow_path(bench.guest.tap, 1200):
        ping_of_size(bench, 1400)
        expect_mtu(bench, 1400)


@contextlib.contextmanager
def bad_path(bench, spec):
    """netem in the guest, on what it sends and on what it gets; fails if it has dropped nothing."""
    bench.guest.run(f"""
        ip link add ifb0 type ifb 2>/dev/null; ip link set ifb0 up
        tc qdisc add dev eth root netem {spec} && tc qdisc add dev eth clsact &&
        tc filter add dev eth ingress matchall action mirred egress redirect dev ifb0 &&
        tc qdisc add dev ifb0 root netem {spec}""")
    try:
        yield
        for device in ("eth", "ifb0"):
            shaped = json.loads(bench.guest.run(f"tc -s -j qdisc show dev {device} root"))[0]
            if not shaped["drops"]:
                raise AssertionError(f"the path was not bad: {shaped}")
    finally:
        bench.guest.run("tc qdisc del dev eth root; tc qdisc del dev eth clsact; ip link del ifb0")


@case("data: 1 % loss and reordering in both directions: what arrives is right", tap=ENCIPHERED)
def lossy(bench):
    start(bench)
    with bench.tunnel("office"), bench.serving_in_guest("serve", PORT):
        # Most packets wait 2 ms; every fiftieth goes at once and overtakes those that wait.
        with bad_path(bench, "delay 2ms loss 1% reorder 2%"):
            for direction in ("fetch", "push"):
                moved = bench.traffic_client(direction, peers.SERVER_INNER, PORT, 1_000_000)
                expect((moved["got"], moved["bytes"]), (moved["expected"], 1_000_000), direction)
        counters = bench.program.status("office")["counters"]
        if not counters["reordered"]:
            raise AssertionError(f"nothing was put into order: {counters}")


@case("data: stateful MPPE-128 finds back after every loss", tap=ENCIPHERED)
def stateful_128(bench):
    stateful(bench, 128, peers.MPPE_128_STATEFUL)


@case("data: stateful MPPE-40 finds back after every loss", tap=ENCIPHERED)
def stateful_40(bench):
    stateful(bench, 40, peers.MPPE_40_STATEFUL)


def stateful(bench, bits, options):
    bench.pptpd.start(*options)
    with bench.tunnel("office", encryption={"key-bits": [bits], "stateful": "only"}) as (_, status), \
            bench.serving_in_guest("serve", PORT):
        expect(status["mppe"], {"bits": bits, "mode": "stateful"}, "status")
        with bad_path(bench, "loss 2%"):
            for direction in ("fetch", "push"):
                moved = bench.traffic_client(direction, peers.SERVER_INNER, PORT, 200_000)
                expect((moved["got"], moved["bytes"]), (moved["expected"], 200_000), direction)
        bench.ping_from_client(peers.SERVER_INNER)
        dropped = bench.program.status("office")["counters"]["dropped"]
        # What came between a loss and the flushed packet; and each of our requests was heard.
        if not dropped.get("mppe-unsynchronised"):
            raise AssertionError(f"nothing was lost with the key stream: {dropped}")
        bench.pptpd.wait_log(r"rcvd \[CCP ResetReq")


main(ClientBench)
