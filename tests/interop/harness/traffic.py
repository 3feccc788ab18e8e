#!/usr/bin/env python3
"""Traffic through a tunnel, on either side: traffic.py COMMAND ARGUMENT...

serve PORT              over TCP: sends bytes to who asks, takes bytes and tells their digest
fetch HOST PORT BYTES   asks for bytes              -> {"expected", "got", "bytes"}
push HOST PORT BYTES    sends bytes                 -> {"expected", "got", "bytes"}
count PORT PACKETS      takes numbered UDP packets until all came, or none for 5 s
                                                    -> {"received", "distinct", "late"}
number HOST PORT PACKETS   sends them; a window keeps the sender from overrunning the receiver

Results are one JSON object on standard output.
"""

import hashlib
import json
import random
import socket
import struct
import sys

CHUNK = 1 << 16
BURST = 32  # half of the UDP packets under way at most; one comes back for each burst
PATIENCE = 5.0  # seconds


def content(size):
    return random.Random(size).randbytes(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read_all(connection):
    data = bytearray()
    while chunk := connection.recv(CHUNK):
        data += chunk
    return bytes(data)


def serve(port):
    listener = socket.create_server(("", int(port)))
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(60)
        with connection:
            try:
                wanted = struct.unpack("!I", connection.recv(4, socket.MSG_WAITALL))[0]
                if wanted:
                    connection.sendall(content(wanted))
                else:
                    connection.sendall(digest(read_all(connection)).encode())
            except (OSError, struct.error) as failure:
                print(failure, file=sys.stderr)


def fetch(host, port, size):
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.settimeout(60)
        connection.sendall(struct.pack("!I", int(size)))
        data = read_all(connection)
    return {"expected": digest(content(int(size))), "got": digest(data), "bytes": len(data)}


def push(host, port, size):
    data = content(int(size))
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.settimeout(60)
        connection.sendall(struct.pack("!I", 0) + data)
        connection.shutdown(socket.SHUT_WR)
        got = read_all(connection).decode()
    return {"expected": digest(data), "got": got, "bytes": len(data)}


def count(port, packets):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind(("", int(port)))
    sock.settimeout(20)
    print("ready", flush=True)
    seen = set()
    received = late = 0
    highest = -1
    try:
        while len(seen) < int(packets):
            data, sender = sock.recvfrom(64)
            sock.settimeout(PATIENCE)
            number = struct.unpack("!I", data)[0]
            received += 1
            late += number < highest
            highest = max(highest, number)
            seen.add(number)
            if received % BURST == 0:
                sock.sendto(data, sender)
    except TimeoutError:
        pass
    return {"received": received, "distinct": len(seen), "late": late}


def number(host, port, packets):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((host, int(port)))
    sock.settimeout(PATIENCE / 2)
    under_way = 0
    for i in range(int(packets)):
        if under_way == 2 * BURST:
            try:
                sock.recv(64)
            except TimeoutError:  # some are lost: the receiver tells how many
                pass
            under_way -= BURST
        sock.send(struct.pack("!I", i))
        under_way += 1
    return {"sent": int(packets)}


if __name__ == "__main__":
    RESULT = globals()[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(RESULT), flush=True)
