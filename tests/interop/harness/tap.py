"""A packet tap on the wire: what of all that passes is enciphered, and what anybody can read."""

import collections
import ipaddress
import re
import signal
import struct
import time

# `examples`: what some of those in clear were, in words.
Count = collections.namedtuple("Count", "clear enciphered control examples")

# What a frame is.
CLEAR = "clear"  # what is for the tunnel, in GRE or around it; and whatever has no business on this wire
ENCIPHERED = "enciphered"  # MPPE in GRE
CONTROL = "control"  # PPP's own protocols in GRE
BESIDES = "besides"  # the control connection, acknowledgements, ARP, ICMP between outer addresses, and the like

_OUTER = ipaddress.ip_network("10.66.0.0/16")  # the lab's; all other addresses are inner ones
_CONTROL_PORTS = (1723, 1724)  # 1724: where a test's server does not listen
_ICMP, _TCP, _GRE, _ICMPV6, _HOP_BY_HOP = 1, 6, 47, 58, 0
_PPP_IN_GRE = 0x880B
_MPPE = 0xFD
_MPPE_ENCRYPTED = 0x10  # RFC 3078 3.1: bit D, in the first octet
_FIRST_NOT_NETWORK_LAYER = 0x4000  # of PPP's protocol numbers
_NEIGHBOURS = (*range(133, 138), 143)  # ICMPv6 that a kernel sends unasked: discovery, and multicast reports
_RECORD_HEADER = struct.Struct("=IIII")
_MOST_EXAMPLES = 5


class Tap:
    """Captures from its construction until stop(); take() counts what came since the last take()."""

    def __init__(self, lab, device="vw"):
        self.path = lab.run / f"{device}.pcap"
        self.log = lab.run / f"{device}.tcpdump"
        with open(self.log, "wb") as log:
            self._tcpdump = lab.spawn(
                lab.in_wire(["tcpdump", "-Z", "root", "-U", "--immediate-mode", "-B", "32768", "-s", "128", "-n",
                             "-i", device, "-w", str(self.path)]),
                stderr=log)
        end = time.monotonic() + 10
        while "listening on" not in self.log.read_text():
            if time.monotonic() > end:
                raise RuntimeError(self.log.read_text())
            time.sleep(0.02)
        self._offset = 24  # behind the file's own header

    def take(self, around=None):
        """`around`: a pattern for what is no wonder to see in clear."""
        counted, examples = collections.Counter(), []
        for frame in self._new_frames():
            kind, what = sight(frame)
            if kind == CLEAR and around and re.fullmatch(around, what):
                kind = BESIDES
            counted[kind] += 1
            if kind == CLEAR and len(examples) < _MOST_EXAMPLES:
                examples.append(what)
        return Count(counted[CLEAR], counted[ENCIPHERED], counted[CONTROL], examples)

    def stop(self):
        """Ends the capture; packets that the kernel could not hand over make the counts worthless."""
        self._tcpdump.send_signal(signal.SIGINT)
        self._tcpdump.wait(10)
        if "\n0 packets dropped by kernel" not in self.log.read_text():
            raise AssertionError(f"the tap has missed packets: {self.log.read_text()}")

    def _new_frames(self):
        time.sleep(0.1)  # tcpdump writes each packet at once, but it has to get to run
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        at = 0
        while at + _RECORD_HEADER.size <= len(data):
            captured = _RECORD_HEADER.unpack_from(data, at)[2]
            end = at + _RECORD_HEADER.size + captured
            if end > len(data):
                break
            yield data[at + _RECORD_HEADER.size:end]
            at = end
        self._offset += at


def sight(frame):
    """What an Ethernet frame is, or as much of it as was captured: (kind, in words)."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00" and len(packet) >= 20:
        return _sight_of_ipv4(packet)
    if kind == b"\x86\xdd" and len(packet) >= 40:
        return _sight_of_ipv6(packet)
    if kind == b"\x08\x06" and len(packet) >= 28:
        sender, target = ipaddress.ip_address(packet[14:18]), ipaddress.ip_address(packet[24:28])
        return _outer_only(f"ARP of {sender} for {target}", sender, target)
    return BESIDES, "no IP"


def _outer_only(what, *addresses):
    return (BESIDES if all(address in _OUTER or address.is_unspecified for address in addresses) else CLEAR), what


def _sight_of_ipv4(packet):
    protocol, payload = packet[9], packet[(packet[0] & 0x0F) * 4:]
    source, destination = ipaddress.ip_address(packet[12:16]), ipaddress.ip_address(packet[16:20])
    what = f"IP protocol {protocol} from {source} to {destination}"
    if _outer_only(what, source, destination)[0] == CLEAR:
        return CLEAR, what
    if struct.unpack_from("!H", packet, 6)[0] & 0x1FFF:
        return BESIDES, "a later fragment; its first one has been counted"
    if protocol == _GRE:
        return _sight_of_gre(payload)
    if protocol == _ICMP:
        return BESIDES, what
    ports = struct.unpack_from("!HH", payload) if len(payload) >= 4 else ()
    of_control = protocol == _TCP and any(port in _CONTROL_PORTS for port in ports)
    return (BESIDES if of_control else CLEAR), f"{what}, ports {ports}"


def _sight_of_ipv6(packet):
    """The lab has no IPv6 but what kernels say to their neighbours."""
    following, kind = packet[6], packet[40:41]
    if following == _HOP_BY_HOP and len(packet) >= 49:
        following, kind = packet[40], packet[40 + 8 * (packet[41] + 1):][:1]
    unasked = following == _ICMPV6 and kind and kind[0] in _NEIGHBOURS
    source, destination = ipaddress.ip_address(packet[8:24]), ipaddress.ip_address(packet[24:40])
    return (BESIDES if unasked else CLEAR), f"IPv6 protocol {following} from {source} to {destination}"


def _sight_of_gre(gre):
    """RFC 2637 4.1. Whatever is neither MPPE nor a control protocol can be read."""
    if len(gre) < 8:
        return CLEAR, "GRE that is none"
    flags, inside, length, _ = struct.unpack_from("!HHHH", gre)
    if flags & 0x0007 != 1 or inside != _PPP_IN_GRE:
        return CLEAR, f"GRE with {inside:#06x}"
    payload = gre[8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x0080 else 0):]
    if not flags & 0x1000 or length == 0:
        return BESIDES, "an acknowledgement alone"
    return _sight_of_ppp(payload)


def _sight_of_ppp(frame):
    if frame[:2] == b"\xff\x03":
        frame = frame[2:]
    size = 1 if frame and frame[0] & 1 else 2  # protocol field compression
    if len(frame) < size:
        return CLEAR, "PPP that is none"
    protocol, information = int.from_bytes(frame[:size], "big"), frame[size:]
    if protocol == _MPPE and information and information[0] & _MPPE_ENCRYPTED:
        return ENCIPHERED, "MPPE"
    return (CLEAR if protocol < _FIRST_NOT_NETWORK_LAYER else CONTROL), f"PPP protocol {protocol:#06x}"
