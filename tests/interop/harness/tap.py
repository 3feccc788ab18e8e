"""A packet tap on the wire: which GRE packets carry IP in clear, and which MPPE."""

import collections
import signal
import struct
import time

Count = collections.namedtuple("Count", "clear enciphered control")

# PPP protocol numbers: IP, IPv6, and TCP/IP with its header compressed or about to be; "compressed datagram".
_CLEAR, _MPPE = (0x21, 0x57, 0x2D, 0x2F), 0xFD
_GRE = 47
_RECORD_HEADER = struct.Struct("=IIII")


class Tap:
    """Captures from its construction until stop(); take() counts what came since the last take()."""

    def __init__(self, lab, device="vw"):
        self.path = lab.run / f"{device}.pcap"
        self.log = lab.run / f"{device}.tcpdump"
        with open(self.log, "wb") as log:
            self._tcpdump = lab.spawn(
                lab.in_wire(["tcpdump", "-Z", "root", "-U", "--immediate-mode", "-B", "32768", "-s", "128", "-n",
                             "-i", device, "-w", str(self.path), "ip", "proto", str(_GRE), "or", "tcp", "port", "1723"]),
                stderr=log)
        end = time.monotonic() + 10
        while "listening on" not in self.log.read_text():
            if time.monotonic() > end:
                raise RuntimeError(self.log.read_text())
            time.sleep(0.02)
        self._offset = 24  # behind the file's own header

    def take(self):
        clear = enciphered = control = 0
        for frame in self._new_frames():
            protocol = ppp_protocol(frame)
            if protocol in _CLEAR:
                clear += 1
            elif protocol == _MPPE:
                enciphered += 1
            elif protocol is not None:
                control += 1
        return Count(clear, enciphered, control)

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


def ppp_protocol(frame):
    """The PPP protocol number in an Ethernet frame, None where there is no PPP payload."""
    ip = frame[14:]
    if frame[12:14] != b"\x08\x00" or len(ip) < 20 or ip[9] != _GRE:
        return None
    if struct.unpack_from("!H", ip, 6)[0] & 0x1FFF:
        return None  # a later fragment; its first one has been counted
    gre = ip[(ip[0] & 0x0F) * 4:]
    if len(gre) < 8:
        return None
    flags, _, length, _ = struct.unpack_from("!HHHH", gre)
    payload = gre[8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x0080 else 0):]
    if not flags & 0x1000 or length == 0:
        return None  # an acknowledgement alone
    if payload[:2] == b"\xff\x03":
        payload = payload[2:]
    if not payload:
        return None
    if payload[0] & 1:  # protocol field compression
        return payload[0]
    return struct.unpack_from("!H", payload)[0] if len(payload) >= 2 else None
