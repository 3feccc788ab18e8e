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


main(PeersBench)
