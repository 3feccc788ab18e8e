#!/usr/bin/env python3
"""A PPTP server that no real one is: raw_server.py ADDRESS OCTETS

Takes one call's beginning, says goodbye and goes on talking for so many octets, then tells what it still hears:
    {"heard": [message types], "end": "closed" or "reset"}
"""

import json
import socket
import struct
import sys

from raw_client import PORT, STOP, message, types

START_REPLY = message(2, struct.pack("!HBBIIHH64s64s", 0x0100, 1, 0, 3, 3, 1, 0, b"raw", b"raw"))


def serve(address, octets):
    heard = b""
    with socket.create_server((address, PORT)) as listener:
        print("ready", flush=True)
        connection, _ = listener.accept()
    with connection:
        connection.settimeout(10)
        try:
            heard += connection.recv(4096)
            connection.sendall(START_REPLY)
            heard += connection.recv(4096)
            connection.sendall(STOP + bytes(int(octets)))
            while chunk := connection.recv(4096):
                heard += chunk
        except ConnectionError:
            return {"heard": types(heard), "end": "reset"}
    return {"heard": types(heard), "end": "closed"}


if __name__ == "__main__":
    print(json.dumps(serve(*sys.argv[1:])))
