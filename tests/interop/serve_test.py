#!/usr/bin/env python3
"""Our server and pptp-linux."""

from harness import peers
from harness.bench import ServerBench
from harness.cases import CLEAR, ENCIPHERED, case, expect, main

INNER = "192.168.78.1"
PORT = 5000


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


def refused(bench, *mppe, **options):
    try:
        bench.dialler.dial(bench.address, *mppe, **options)
    except AssertionError:
        bench.dialler.hang_up()
    else:
        raise AssertionError("the call came up")


@case("serve: a wrong password is refused")
def wrong_password(bench):
    with bench.server():
        refused(bench, *peers.MPPE_128, password="wrong")
        expect("CHAP authentication failed" in bench.dialler.log(), True, "the client was told")


@case("serve: a client without MPPE is refused where it is required")
def no_mppe_where_required(bench):
    with bench.server():
        refused(bench, *peers.NO_MPPE)


@case("serve: INT and TERM end a call that is up, and the client is told", tap=ENCIPHERED)
def ended(bench):
    with bench.server():
        bench.dialler.dial(bench.address, *peers.MPPE_128)
        bench.ping_from_guest(INNER)
    bench.guest.run("""for i in $(seq 100); do kill -0 $(cat /run/pppd-client.pid) 2>/dev/null || exit 0
        sleep 0.05; done; exit 1""")


main(ServerBench)
