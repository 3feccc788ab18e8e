#!/usr/bin/env python3
"""A PPTP server that does one thing wrong: fake_server.py FAULT

Asks for a way to authenticate, and goes through LCP, MS-CHAPv2 or PAP or CHAP-MD5, CCP and
IPCP as far as its fault lets it. It knows one password, and lets everybody in who says anything.
"""

import hashlib
import os
import select
import socket
import struct
import sys
import threading
import time

LCP, IPCP, CCP, CHAP, PAP = 0xC021, 0x8021, 0x80FD, 0xC223, 0xC023
REQUEST, ACK, NAK, REJECT, TERMINATE, TERMINATED, PROTOCOL_REJECT, ECHO, ECHO_REPLY = 1, 2, 3, 4, 5, 6, 8, 9, 10
ADDRESS_OPTION, MPPE_OPTION, AUTH_OPTION, MAGIC_OPTION, MRU_OPTION = 3, 18, 3, 5, 1
PASSWORD = "secret-of-alice"
OUR_ADDRESS, ITS_ADDRESS = bytes([192, 168, 77, 1]), bytes([192, 168, 77, 10])

# Fault: the bits of MPPE that it insists on.
MPPE_BITS = {"only-40": 0x0100_0020, "only-stateful": 0x0000_0040}
METHODS = {"only-pap": struct.pack("!H", PAP), "pap": struct.pack("!H", PAP),
           "insists-on-pap": struct.pack("!H", PAP), "only-chap-md5": struct.pack("!HB", CHAP, 5)}
HOSTILE = b"</b><script>alert('\"')</script>\x00\xff\x1b"
MSCHAPV2 = struct.pack("!HB", CHAP, 0x81)


def md4(data):
    """RFC 1320."""
    mask = 0xFFFFFFFF
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    rounds = [
        (lambda x, y, z: x & y | ~x & z, 0, list(range(16)), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5A827999,
         [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1,
         [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15))]
    for at in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[at:at + 64])
        a, b, c, d = state
        for function, constant, order, shifts in rounds:
            for step, index in enumerate(order):
                value = (a + function(b, c, d) + words[index] + constant) & mask
                shift = shifts[step % 4]
                a, b, c, d = d, (value << shift | value >> (32 - shift)) & mask, b, c
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def authenticator_response(challenge, response, user):
    """RFC 2759 8.7, as text."""
    peer, nt_response = response[:16], response[24:48]
    hash_hash = md4(md4(PASSWORD.encode("utf-16-le")))
    short = hashlib.sha1(peer + challenge + user.split(b"\\")[-1]).digest()[:8]
    digest = hashlib.sha1(hash_hash + nt_response + b"Magic server to client signing constant").digest()
    digest = hashlib.sha1(digest + short + b"Pad to make it do more than one iteration").digest()
    return b"S=" + digest.hex().upper().encode()


def option(kind, value):
    return bytes([kind, len(value) + 2]) + value


class Call:
    def __init__(self, fault, connection, peer):
        self.fault, self.tcp, self.peer = fault, connection, peer
        self.gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
        self.peer_call = None
        self.sequence = 0
        self.acked = {LCP: set(), CCP: set(), IPCP: set()}
        self.challenge = os.urandom(16)

    def run(self):
        with self.gre, self.tcp:
            while True:
                ready, _, _ = select.select([self.tcp, self.gre], [], [], 60)
                if not ready or self.tcp in ready and not self.control():
                    return
                if self.gre in ready and not self.packet(self.gre.recv(4096)):
                    return

    # PPTP (RFC 2637 2)

    def control(self):
        head = self.tcp.recv(12, socket.MSG_WAITALL)
        if len(head) < 12:
            return False
        length, _, _, kind = struct.unpack("!HHIH", head[:10])
        body = self.tcp.recv(length - 12, socket.MSG_WAITALL) if length > 12 else b""
        if kind == 1 and self.fault != "no-answer":
            result, error = {"start-rejected": (4, 0), "start-twice": (3, 0)}.get(self.fault, (1, 0))
            self.say(2, struct.pack("!HBBIIHH64s64s", 0x100, result, error, 1, 1, 1, 1,
                                    HOSTILE if self.fault == "hostile" else b"fake", b"test"))
        elif kind == 7:
            self.peer_call = struct.unpack("!H", body[:2])[0]
            result, error = {"call-rejected": (2, 6), "call-busy": (4, 0), "pool-exhausted": (2, 4)}.get(self.fault, (1, 0))
            self.say(8, struct.pack("!HHBBHIHHI", 1, self.peer_call, result, error, 0, 10_000_000, 64, 0, 0))
            if result == 1 and self.fault not in ("silent", "looped-back"):
                self.ask()
        elif kind == 3:
            self.say(4, bytes([1, 0, 0, 0]))
        return kind not in (3, 12)

    def ask(self):
        """LCP's Configure-Request."""
        method = METHODS.get(self.fault, MSCHAPV2)
        self.send(LCP, REQUEST, self.sequence & 255, option(AUTH_OPTION, method) + option(MAGIC_OPTION, os.urandom(4)))

    def say(self, kind, body):
        self.tcp.sendall(struct.pack("!HHIHH", 12 + len(body), 1, 0x1A2B_3C4D, kind, 0) + body)

    # GRE (RFC 2637 4.1) and PPP

    def packet(self, packet):
        """False: the server is to die."""
        packet = packet[(packet[0] & 15) * 4:]
        flags, _, length, _ = struct.unpack("!HHHH", packet[:8])
        if not flags & 0x1000 or self.peer_call is None or self.fault == "silent":
            return True
        payload = packet[16 if flags & 0x80 else 12:][:length]
        self.acknowledge(struct.unpack("!I", packet[8:12])[0])
        if self.fault == "looped-back":
            self.transmit(payload)
            return True
        if payload[:2] == b"\xff\x03":
            payload = payload[2:]
        protocol, information = struct.unpack("!H", payload[:2])[0], payload[2:]
        code, identifier, size = struct.unpack("!BBH", information[:4])
        data = information[4:size]
        if protocol in self.acked and not (protocol == LCP and self.fault == "lcp-silent"):
            self.negotiate(protocol, code, identifier, data, information)
        elif protocol == CHAP and code == 2:
            return self.judge_login(identifier, data)
        elif protocol == PAP and code == 1:
            self.send(PAP, 3, identifier, b"\x00")
        return True

    def transmit(self, payload):
        header = struct.pack("!HHHHI", 0x3001, 0x880B, len(payload), self.peer_call, self.sequence)
        self.sequence += 1
        self.put(header + payload)

    def acknowledge(self, sequence):
        self.put(struct.pack("!HHHHI", 0x2081, 0x880B, 0, self.peer_call, sequence))

    def put(self, packet):
        try:
            self.gre.sendto(packet, (self.peer, 0))
        except PermissionError:  # its own host's filter
            pass

    def send(self, protocol, code, identifier, data=b""):
        self.transmit(b"\xff\x03" + struct.pack("!HBBH", protocol, code, identifier, 4 + len(data)) + data)

    def negotiate(self, protocol, code, identifier, data, packet):
        if protocol == CCP and self.fault == "mppe-refused":
            self.send(LCP, PROTOCOL_REJECT, 7, struct.pack("!H", CCP) + packet)
        elif code == REQUEST:
            verdict, options = self.judge(protocol, data)
            self.send(protocol, verdict, identifier, options)
            if verdict == ACK:
                self.agreed(protocol, "its")
        elif code == ACK:
            self.agreed(protocol, "ours")
        elif protocol == LCP and code in (NAK, REJECT) and self.fault == "insists-on-pap":
            time.sleep(2)
            self.ask()
        elif protocol == LCP and code in (NAK, REJECT):
            self.send(LCP, TERMINATE, 9, b"peer refused to authenticate")
            self.say(13, struct.pack("!HBBHH128s", self.peer_call, 1, 0, 0, 0, b""))
        elif code == TERMINATE:
            self.send(protocol, TERMINATED, identifier)
        elif code == ECHO:
            self.send(protocol, ECHO_REPLY, identifier, bytes(4) + data[4:])

    def judge(self, protocol, data):
        """What a Configure-Request gets."""
        whole, rejected, naked = data, b"", b""
        while data:
            kind, value, data = data[0], data[2:data[1]], data[data[1]:]
            if protocol == LCP and kind not in (MRU_OPTION, MAGIC_OPTION) or protocol == IPCP and kind != ADDRESS_OPTION:
                rejected += option(kind, value)
            elif protocol == IPCP and self.fault == "no-address":
                pass  # what it asks for is what it has: 0.0.0.0
            elif protocol == IPCP and value != ITS_ADDRESS:
                naked += option(kind, ITS_ADDRESS)
            elif protocol == CCP and self.fault == "mppe-rejected":
                rejected += option(kind, value)
            elif protocol == CCP and value != struct.pack("!I", MPPE_BITS[self.fault]):
                naked += option(kind, struct.pack("!I", MPPE_BITS[self.fault]))
        if rejected:
            return REJECT, rejected
        return (NAK, naked) if naked else (ACK, whole)

    def agreed(self, protocol, whose):
        if whose in self.acked[protocol]:
            return
        self.acked[protocol].add(whose)
        if protocol == LCP and len(self.acked[LCP]) == 2 and self.fault not in METHODS:
            self.send(CHAP, 1, 1, bytes([16]) + self.challenge + b"fake")

    def judge_login(self, identifier, data):
        """An MS-CHAPv2 Response (RFC 2759 4). False: the server is to die."""
        if self.fault == "dies":
            return False
        if self.fault == "hostile":
            self.send(CHAP, 4, identifier, b"E=691 R=0 C=00 V=3 M=" + HOSTILE)
            return True
        if self.fault.startswith("e"):
            text = f"E={self.fault[1:]} R=0 C={os.urandom(16).hex().upper()} V=3 M=no".encode()
            self.send(CHAP, 4, identifier, text)
            return True
        proof = authenticator_response(self.challenge, data[1:50], data[50:])
        if self.fault == "wrong-proof":
            proof = b"S=" + b"0" * 40
        self.send(CHAP, 3, identifier, proof + b" M=ok")
        if self.fault in MPPE_BITS:
            self.send(CCP, REQUEST, 1, option(MPPE_OPTION, struct.pack("!I", MPPE_BITS[self.fault])))
        self.send(IPCP, REQUEST, 1, option(ADDRESS_OPTION, OUR_ADDRESS))
        return True


def main():
    fault = sys.argv[1]
    listener = socket.create_server(("0.0.0.0", 1723))
    # Without a socket for GRE its host would say that it takes none.
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 47):
        print("ready", flush=True)
        while True:
            connection, (peer, _) = listener.accept()
            if fault == "closes":
                connection.close()
            elif fault == "not-pptp":
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(4096)
                connection.close()
            else:
                threading.Thread(target=Call(fault, connection, peer).run, daemon=True).start()


main()
