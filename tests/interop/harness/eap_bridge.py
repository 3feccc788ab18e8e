#!/usr/bin/env python3
"""A PPTP server that knows no password: eap_bridge.py RADIUS SECRET

Takes one call at a time, carries EAP between the caller and a RADIUS server (RFC 3579), and enciphers with the
keys that RADIUS hands out (RFC 2548 2.4). Answers pings to 10.99.1.1 in the tunnel; so they come back only if the
caller has made the same keys. Each result is a line on standard output. For tests: no packet may get lost.
"""

import hashlib
import hmac
import os
import select
import socket
import struct
import sys

LCP, IPCP, CCP, EAP, MPPE, IP = 0xC021, 0x8021, 0x80FD, 0xC227, 0x00FD, 0x0021
REQUEST, ACK, NAK, REJECT, TERMINATE, TERMINATED = 1, 2, 3, 4, 5, 6
ECHO, ECHO_REPLY = 9, 10
STATELESS_128 = struct.pack("!I", 0x0100_0040)
OUR_ADDRESS, ITS_ADDRESS = bytes([10, 99, 1, 1]), bytes([10, 99, 1, 9])


class Radius:
    """One conversation with a RADIUS server."""

    def __init__(self, address, secret):
        self.secret = secret
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.connect((address, 1812))
        self.state = b""
        self.identifier = 0

    def ask(self, user, eap):
        """Sends an EAP packet: (code, EAP packet, {"send", "receive"})."""
        authenticator = os.urandom(16)
        self.identifier = (self.identifier + 1) % 256
        attributes = _attribute(1, user) + _attribute(4, bytes([127, 0, 0, 1])) + self.state
        for at in range(0, len(eap), 253):
            attributes += _attribute(79, eap[at:at + 253])
        head = struct.pack("!BBH", 1, self.identifier, 20 + len(attributes) + 18) + authenticator + attributes
        digest = hmac.new(self.secret, head + _attribute(80, bytes(16)), "md5").digest()
        self.socket.send(head + _attribute(80, digest))
        reply = self.socket.recv(4096)
        right = hashlib.md5(reply[:4] + authenticator + reply[20:] + self.secret).digest()
        if reply[4:20] != right:
            raise ValueError("the RADIUS server does not know the secret")
        return reply[0], *self._read(reply[20:], authenticator)

    def _read(self, attributes, authenticator):
        eap, keys = b"", {}
        while attributes:
            kind, value = attributes[0], attributes[2:attributes[1]]
            attributes = attributes[attributes[1]:]
            if kind == 79:
                eap += value
            elif kind == 24:
                self.state = _attribute(24, value)
            elif kind == 26 and value[:4] == struct.pack("!I", 311) and value[4] in (16, 17):
                keys["send" if value[4] == 16 else "receive"] = self._decipher(value[6:], authenticator)
        return eap, keys

    def _decipher(self, value, authenticator):
        salt, cipher, clear = value[:2], value[2:], b""
        pad = hashlib.md5(self.secret + authenticator + salt).digest()
        for at in range(0, len(cipher), 16):
            block = cipher[at:at + 16]
            clear += bytes(a ^ b for a, b in zip(block, pad))
            pad = hashlib.md5(self.secret + block).digest()
        return clear[1:1 + clear[0]]


def _attribute(kind, value):
    return bytes([kind, len(value) + 2]) + value


class Mppe:
    """One direction of stateless MPPE with 128 bits (RFC 3078 7, RFC 3079 3)."""

    def __init__(self, start):
        self.start = start
        self.key = self._hash(start)
        self.next = 0

    def seal(self, inner):
        self._change()
        header = 0x9000 | self.next
        self.next = (self.next + 1) % 4096
        return struct.pack("!H", header) + _rc4(self.key, inner)

    def open(self, packet):
        count = struct.unpack("!H", packet[:2])[0] & 0xFFF
        while True:
            self._change()
            self.next = (self.next + 1) % 4096
            if (self.next - 1) % 4096 == count:
                return _rc4(self.key, packet[2:])

    def _change(self):
        interim = self._hash(self.key)
        self.key = _rc4(interim, interim)

    def _hash(self, key):
        return hashlib.sha1(self.start + bytes(40) + key + b"\xf2" * 40).digest()[:16]


def _rc4(key, data):
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for octet in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(octet ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


class Call:
    """One call, from its TCP connection to the end of that."""

    def __init__(self, connection, peer, radius):
        self.tcp, self.peer, self.radius = connection, peer, radius
        self.gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
        self.peer_call = None
        self.sequence = 0
        self.acked = {protocol: set() for protocol in (LCP, CCP, IPCP)}
        self.user = b""
        self.mppe_out = self.mppe_in = None

    def run(self):
        with self.gre, self.tcp:
            while True:
                ready, _, _ = select.select([self.tcp, self.gre], [], [], 60)
                if not ready:
                    return
                if self.tcp in ready and not self._control():
                    return
                if self.gre in ready:
                    self._packet(self.gre.recv(4096))

    # PPTP (RFC 2637 2)

    def _control(self):
        head = self.tcp.recv(12, socket.MSG_WAITALL)
        if len(head) < 12:
            return False
        length, _, _, kind = struct.unpack("!HHIH", head[:10])
        body = self.tcp.recv(length - 12, socket.MSG_WAITALL) if length > 12 else b""
        if kind == 1:
            self._say(2, struct.pack("!HBBIIHH64s64s", 0x100, 1, 0, 1, 1, 1, 1, b"bridge", b"test"))
        elif kind == 7:
            self.peer_call = struct.unpack("!H", body[:2])[0]
            self._say(8, struct.pack("!HHBBHIHHI", 1, self.peer_call, 1, 0, 0, 10_000_000, 64, 0, 0))
            self._ask_for_eap(1)
        elif kind == 3:
            self._say(4, bytes([1, 0, 0, 0]))
        return kind not in (3, 12)

    def _say(self, kind, body):
        self.tcp.sendall(struct.pack("!HHIHH", 12 + len(body), 1, 0x1A2B_3C4D, kind, 0) + body)

    # GRE (RFC 2637 4.1) and PPP

    def _packet(self, packet):
        packet = packet[(packet[0] & 15) * 4:]
        flags, _, length, _ = struct.unpack("!HHHH", packet[:8])
        if not flags & 0x1000 or self.peer_call is None:
            return
        payload = packet[16 if flags & 0x80 else 12:][:length]
        protocol, information = struct.unpack("!H", payload[2:4])[0], payload[4:]
        if protocol in self.acked:
            self._negotiate(protocol, *self._parts(information))
        elif protocol == EAP:
            self._relay(information)
        elif protocol == MPPE and self.mppe_in:
            self._inner(self.mppe_in.open(information))
        elif protocol == IP:
            print("in clear", flush=True)

    def _frame(self, protocol, information):
        payload = b"\xff\x03" + struct.pack("!H", protocol) + information
        header = struct.pack("!HHHHI", 0x3001, 0x880B, len(payload), self.peer_call, self.sequence)
        self.sequence += 1
        self.gre.sendto(header + payload, (self.peer, 0))

    def _send(self, protocol, code, identifier, data=b""):
        self._frame(protocol, struct.pack("!BBH", code, identifier, 4 + len(data)) + data)

    @staticmethod
    def _parts(packet):
        code, identifier, length = struct.unpack("!BBH", packet[:4])
        return code, identifier, packet[4:length]

    def _negotiate(self, protocol, code, identifier, data):
        if code == REQUEST:
            verdict, options = self._judge(protocol, data)
            self._send(protocol, verdict, identifier, options)
            if verdict == ACK:
                self._acked(protocol, "its")
        elif code == ACK:
            self._acked(protocol, "ours")
        elif code in (NAK, REJECT) and protocol == LCP:
            self._ask_for_eap(identifier + 1)  # or nothing
        elif code == TERMINATE:
            self._send(protocol, TERMINATED, identifier)
        elif code == ECHO:
            self._send(protocol, ECHO_REPLY, identifier, bytes(4) + data[4:])

    def _ask_for_eap(self, identifier):
        self._send(LCP, REQUEST, identifier, _attribute(3, struct.pack("!H", EAP)) + _attribute(5, os.urandom(4)))

    @staticmethod
    def _judge(protocol, data):
        """What a Configure-Request gets. Framing stays as it is, and IPCP is about one address."""
        all_options, rejected, naked = data, b"", b""
        while data:
            kind, value, data = data[0], data[2:data[1]], data[data[1]:]
            if protocol == LCP and kind not in (1, 5) or protocol == IPCP and kind != 3:
                rejected += _attribute(kind, value)
            elif protocol == IPCP and value != ITS_ADDRESS:
                naked += _attribute(kind, ITS_ADDRESS)
            elif protocol == CCP and value != STATELESS_128:
                naked += _attribute(kind, STATELESS_128)
        if rejected:
            return REJECT, rejected
        return (NAK, naked) if naked else (ACK, all_options)

    def _acked(self, protocol, whose):
        if whose in self.acked[protocol]:
            return
        self.acked[protocol].add(whose)
        if protocol == LCP and len(self.acked[LCP]) == 2:
            self._frame(EAP, bytes([1, 1, 0, 5, 1]))

    # EAP (RFC 3748) and what comes of it

    def _relay(self, eap):
        eap = eap[:struct.unpack("!H", eap[2:4])[0]]
        if eap[4] == 1:
            self.user = eap[5:]
        code, answer, keys = self.radius.ask(self.user, eap)
        self._frame(EAP, answer)
        if code == 2:
            print(f"accepted {self.user.decode()}", flush=True)
            self.mppe_out, self.mppe_in = Mppe(keys["send"][:16]), Mppe(keys["receive"][:16])
            self._send(CCP, REQUEST, 1, _attribute(18, STATELESS_128))
            self._send(IPCP, REQUEST, 1, _attribute(3, OUR_ADDRESS))
        elif code == 3:
            print(f"rejected {self.user.decode()}", flush=True)
            self._send(LCP, TERMINATE, 9)

    def _inner(self, inner):
        packet = inner[2:]
        if inner[:2] != struct.pack("!H", IP) or packet[16:20] != OUR_ADDRESS or packet[9] != 1 or packet[20] != 8:
            return
        # Source and destination change places, which leaves the IP checksum as it is; type 8 becomes 0.
        checksum = struct.unpack("!H", packet[22:24])[0] + 0x0800
        reply = (packet[:12] + packet[16:20] + packet[12:16] + b"\0\0"
                 + struct.pack("!H", (checksum & 0xFFFF) + (checksum >> 16)) + packet[24:])
        self._frame(MPPE, self.mppe_out.seal(struct.pack("!H", IP) + reply))


def main():
    address, secret = sys.argv[1], sys.argv[2].encode()
    listener = socket.create_server(("0.0.0.0", 1723))
    print("ready", flush=True)
    while True:
        connection, (peer, _) = listener.accept()
        Call(connection, peer, Radius(address, secret)).run()


main()
