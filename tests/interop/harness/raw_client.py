#!/usr/bin/env python3
"""PPTP control connections that no real client makes: raw_client.py COMMAND HOST ARGUMENT...

stop HOST OCTETS         says hello and goodbye and goes on talking: what is still heard
                         -> {"heard": [message types], "end": "closed" or "reset"}
half-open HOST NUMBER    that many connections that stop in the middle of a message, held until it is killed
                         -> {"kept": connections that are open after a second}

Results are one JSON object on standard output.
"""

import json
import select
import socket
import struct
import sys
import time

PORT = 1723
MAGIC = 0x1A2B3C4D
START_REQUEST, STOP_REQUEST = 1, 3


def message(kind, body):
    return struct.pack("!HHIHH", 12 + len(body), 1, MAGIC, kind, 0) + body


START = message(START_REQUEST, struct.pack("!HHIIHH64s64s", 0x0100, 0, 3, 3, 0, 0, b"raw", b"raw"))
STOP = message(STOP_REQUEST, struct.pack("!BBH", 1, 0, 0))


def types(octets):
    found = []
    while len(octets) >= 12:
        length, _, _, kind, _ = struct.unpack("!HHIHH", octets[:12])
        found.append(kind)
        octets = octets[length:]
    return found


def stop(host, octets):
    heard = b""
    with socket.create_connection((host, PORT), 5) as connection:
        try:
            connection.sendall(START + STOP + bytes(int(octets)))
            while chunk := connection.recv(4096):
                heard += chunk
        except ConnectionError:
            return {"heard": types(heard), "end": "reset"}
    return {"heard": types(heard), "end": "closed"}


def half_open(host, number):
    connections = []
    for _ in range(int(number)):
        connection = socket.create_connection((host, PORT), 5)
        connection.sendall(START[:-1])
        connections.append(connection)
    time.sleep(1)
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN | select.POLLHUP)
    print(json.dumps({"kept": len(connections) - len(poll.poll(0))}), flush=True)
    time.sleep(600)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "stop":
        print(json.dumps(stop(*arguments)))
    else:
        half_open(*arguments)
