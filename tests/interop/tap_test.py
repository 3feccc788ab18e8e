#!/usr/bin/env python3
"""What the packet tap makes of single frames."""

import ipaddress
import unittest

from harness.tap import BESIDES, CLEAR, CONTROL, ENCIPHERED, sight

CLIENT, SERVER, INNER = "10.66.1.2", "10.66.10.1", "192.168.77.1"
ICMP, TCP, UDP, GRE = 1, 6, 17, 47


def ethernet(kind, payload):
    return bytes(12) + bytes.fromhex(kind) + payload


def ipv4(protocol, payload, source=CLIENT, destination=SERVER, fragment=0):
    header = bytes([0x45, 0]) + (20 + len(payload)).to_bytes(2, "big") + bytes(2) + fragment.to_bytes(2, "big")
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return ethernet("0800", header + bytes([64, protocol, 0, 0]) + addresses + payload)


def ipv6(following, payload, source="fe80::1", destination="ff02::2"):
    header = bytes.fromhex("60000000") + len(payload).to_bytes(2, "big") + bytes([following, 255])
    return ethernet("86dd", header + ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + payload)


def ppp(frame, flags="3001", inside="880b"):
    frame = bytes.fromhex(frame)
    return ipv4(GRE, bytes.fromhex(flags + inside) + len(frame).to_bytes(2, "big") + bytes.fromhex("000100000001") + frame)


def ports(source, destination):
    return source.to_bytes(2, "big") + destination.to_bytes(2, "big") + bytes(16)


class Sight(unittest.TestCase):
    def expect(self, kind, *frames):
        for frame in frames:
            with self.subTest(frame=frame.hex(), told=sight(frame)[1]):
                self.assertEqual(sight(frame)[0], kind)

    def test_ppp_is_enciphered_or_in_clear_by_its_protocol_however_it_is_written(self):
        self.expect(ENCIPHERED, ppp("ff0300fd9000"), ppp("00fd9000"), ppp("fd9000"), ppp("fd1fff"))
        self.expect(CLEAR, ppp("ff0300214500"), ppp("00214500"), ppp("214500"), ppp("576000"), ppp("ff032d00"), ppp("002f45"))
        self.expect(CONTROL, ppp("ff03c0210101"), ppp("c2230101"), ppp("80fd0101"), ppp("80210101"))

    def test_mppe_that_enciphers_nothing_and_any_other_payload_can_be_read(self):
        self.expect(CLEAR, ppp("00fd8000"), ppp("00fd"), ppp("00fb9000"), ppp("00"), ppp("003d9000"))
        self.expect(CLEAR, ppp("fd9000", flags="3000"), ppp("fd9000", inside="0800"), ipv4(GRE, bytes(7)))

    def test_acknowledgements_and_later_fragments_have_no_payload_of_their_own(self):
        self.expect(BESIDES, ppp("", flags="3001"), ppp("", flags="2081"))
        self.expect(BESIDES, ipv4(GRE, bytes.fromhex("0021"), fragment=100), ipv4(UDP, bytes(8), fragment=100))

    def test_an_inner_address_outside_of_gre_is_in_clear_whatever_the_packet_is(self):
        for protocol in (ICMP, TCP, UDP, GRE):
            self.expect(CLEAR, ipv4(protocol, ports(1723, 1723), source=INNER),
                        ipv4(protocol, ports(1723, 1723), destination=INNER),
                        ipv4(protocol, bytes(8), destination=INNER, fragment=100))
        request = bytes.fromhex("0001080006040001") + bytes(6)
        arp = [ethernet("0806", request + ipaddress.ip_address(a).packed + bytes(6) + ipaddress.ip_address(b).packed)
               for a, b in ((CLIENT, INNER), (INNER, SERVER), (CLIENT, SERVER))]
        self.expect(CLEAR, *arp[:2])
        self.expect(BESIDES, arp[2])

    def test_between_outer_addresses_there_is_the_control_connection_and_icmp(self):
        self.expect(BESIDES, ipv4(TCP, ports(40000, 1723)), ipv4(TCP, ports(1723, 40000)), ipv4(ICMP, bytes(8)))
        self.expect(CLEAR, ipv4(TCP, ports(40000, 5000)), ipv4(UDP, ports(40000, 1723)), ipv4(UDP, ports(5000, 40000)),
                    ipv4(4, bytes(20)), ipv4(TCP, bytes(2)))

    def test_of_ipv6_there_is_what_kernels_say_to_their_neighbours(self):
        reports = bytes.fromhex("3a00050200000100") + bytes([143]) + bytes(7)
        self.expect(BESIDES, ipv6(58, bytes([133]) + bytes(7)), ipv6(58, bytes([136]) + bytes(7)), ipv6(0, reports))
        self.expect(CLEAR, ipv6(58, bytes([128]) + bytes(7)), ipv6(UDP, ports(1, 2)), ipv6(0, bytes(8)), ipv6(58, b""))

    def test_frames_cut_anywhere_are_looked_at(self):
        for frame in (ppp("ff0300fd9000"), ipv4(TCP, ports(1, 2)), ipv6(0, bytes(8)), ethernet("0806", bytes(28))):
            for size in range(len(frame) + 1):
                self.assertIn(sight(frame[:size])[0], (BESIDES, CLEAR, CONTROL, ENCIPHERED))


unittest.main()
