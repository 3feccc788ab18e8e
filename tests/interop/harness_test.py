#!/usr/bin/env python3
"""The harness itself: real peers at both ends, so that what fails later is not its fault."""

from harness import peers
from harness.cases import CLEAR, ENCIPHERED, case, expect, main
from harness.guest import Guest
from harness.tap import Tap


class PeersBench:
    """pptp-linux in one guest dials pptpd in another; the tap is on the server's side."""

    program = None

    def __init__(self, lab, _binary):
        self.lab = lab
        server, client = Guest(lab, 0), Guest(lab, 1)
        self.server = server.wait_up()
        self.client = client.wait_up()
        self.tap = Tap(lab, server.tap)
        self.pptpd, self.dialler = peers.Pptpd(server), peers.PptpLinux(client)

    def logs(self):
        return self.pptpd.log()[-4000:] + self.dialler.log()[-4000:]


def dial_and_ping(bench, mppe):
    bench.pptpd.start(*mppe, options=["ms-dns 192.0.2.1"])
    link = bench.dialler.dial(bench.server.address, *mppe, options=["usepeerdns"])
    expect(link["local"], peers.CLIENT_INNER, "address")
    expect(link["DNS1"], "192.0.2.1", "name server")
    bench.client.run(f"ping -n -c 3 -i 0.2 -W 2 {peers.SERVER_INNER}")
    bench.dialler.hang_up()


@case("harness: pptp-linux and pptpd with MPPE-128: the tap sees enciphered packets only", tap=ENCIPHERED)
def enciphered(bench):
    dial_and_ping(bench, peers.MPPE_128)


@case("harness: pptp-linux and pptpd without MPPE: the tap sees packets in clear", tap=CLEAR)
def clear(bench):
    dial_and_ping(bench, peers.NO_MPPE)


@case("harness: GRE that the router drops keeps the peers apart")
def blocked(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.lab.block_gre()
    try:
        bench.dialler.dial(bench.server.address, *peers.MPPE_128, seconds=3)
    except AssertionError:
        pass
    else:
        raise AssertionError("the call came up without GRE")
    finally:
        bench.lab.unblock_gre()
        bench.dialler.hang_up()


# Each line sends one thing from the client host to somewhere that is not to be reached without the tunnel.
AROUND = """
import socket
def udp(address, port):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"data", (address, port))
def gre(flags, payload):
    header = bytes.fromhex(flags + "880b") + len(payload).to_bytes(2, "big") + b"\\0\\1\\0\\0\\0\\1"
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 47).sendto(header + payload, ("{guest}", 0))
def tcp(address, port):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((address, port))
{send}
"""


@case("harness: the tap counts what goes around the tunnel")
def around_the_tunnel(bench):
    tap = Tap(bench.lab, "vw")
    try:
        for send in (f'udp("{peers.SERVER_INNER}", 9)', f'udp("{peers.LAN_HOST}", 1723)', f'tcp("{peers.SERVER_INNER}", 1723)',
                     f'udp("{bench.client.address}", 5000)', f'tcp("{bench.client.address}", 5000)',
                     'gre("3001", bytes.fromhex("ff0300214500"))', 'gre("3001", bytes.fromhex("00fd8000"))'):
            bench.lab.client("python3", "-c", AROUND.format(guest=bench.client.address, send=send))
            count = tap.take()
            if not count.clear or count.enciphered:
                raise AssertionError(f"{send}: {count}")
        for send, seen in (('gre("3001", bytes.fromhex("00fd9000"))', (0, 1, 0)),
                           ('gre("3001", bytes.fromhex("c0210101"))', (0, 0, 1)),
                           (f'tcp("{bench.client.address}", 1723)', (0, 0, 0))):
            bench.lab.client("python3", "-c", AROUND.format(guest=bench.client.address, send=send))
            expect(tap.take()[:3], seen, send)
    finally:
        tap.stop()


main(PeersBench)
