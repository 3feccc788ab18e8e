#!/usr/bin/env python3
"""Many flows at once, from many hosts, as cheaply as they can be had: load.py COMMAND ARGUMENT...

serve PORT                                  takes or sends bytes by TCP, as each who calls says; sends back what UDP brings
push HOST PORT SECONDS NAMESPACE...         sends from each namespace    -> {"bytes", "seconds"} until all has arrived
fetch HOST PORT SECONDS NAMESPACE...        is sent to in each           -> the same
offer HOST PORT SECONDS MBIT NAMESPACE...   UDP: so many Mbit/s from each namespace, and the same back, in IP packets of
                                            1400 octets, evenly spread   -> {"packets", "returned", "seconds"}

One process drives all flows of a side. Results are one JSON object on standard output.
"""

import contextlib
import ctypes
import json
import selectors
import socket
import struct
import sys
import time

PACKET = 1400  # octets of an IP packet that is offered
UDP_HEADERS = 28  # octets of IPv4 and UDP
DATAGRAM = bytes(PACKET - UDP_HEADERS)
DATAGRAM_BUFFER = 1 << 22  # octets
LAST_WAY_BACK = 0.5  # seconds
SO_RCVBUFFORCE = 33
CHUNK = bytes(1 << 16)
BUFFER = 1 << 17  # octets of a flow that wait to be sent, so that what is under way at the end is little
COUNT = struct.Struct("!Q")
CLONE_NEWNET = 0x40000000
CONNECT_SECONDS = 20


def enter(namespace):
    """Sockets are this network namespace's from here on."""
    with open(f"/run/netns/{namespace}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"entering {namespace}")


def called_from(namespace, host, port, first):
    """A connection out of a network namespace, on which its first octet has been sent."""
    enter(namespace)
    connection = socket.create_connection((host, int(port)), CONNECT_SECONDS)
    connection.sendall(first)
    limit_buffer(connection)
    return connection


def limit_buffer(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    connection.setblocking(False)


class Flow:
    """The serving side of one connection."""

    def __init__(self, selector, connection):
        self._selector, self._connection = selector, connection
        self._taken = 0
        selector.register(connection, selectors.EVENT_READ, self._first)

    def _first(self):
        if self._connection.recv(1) == b"p":
            self._selector.modify(self._connection, selectors.EVENT_READ, self._take)
        else:
            self._selector.modify(self._connection, selectors.EVENT_WRITE, self._give)

    def _take(self):
        got = len(self._connection.recv(len(CHUNK)))
        self._taken += got
        if not got:
            self._connection.sendall(COUNT.pack(self._taken))
            self.close()

    def _give(self):
        self._connection.send(CHUNK)

    def close(self):
        self._selector.unregister(self._connection)
        self._connection.close()


def datagram_socket():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, DATAGRAM_BUFFER)
    made.setblocking(False)
    return made


def waiting(datagrams):
    """What has come on a socket: (octets, from) of each datagram."""
    try:
        while True:
            yield datagrams.recvfrom(PACKET)
    except BlockingIOError:
        return


def sent(datagrams, octets, to):
    """Sends one; what finds no room is lost."""
    with contextlib.suppress(BlockingIOError):
        datagrams.sendto(octets, to)


def serve(port):
    selector = selectors.DefaultSelector()
    datagrams = datagram_socket()
    datagrams.bind(("", int(port)))
    listener = socket.create_server(("", int(port)), backlog=1024)

    def accept():
        connection, _ = listener.accept()
        limit_buffer(connection)
        Flow(selector, connection)

    def send_back():
        for octets, caller in waiting(datagrams):
            sent(datagrams, octets, caller)

    selector.register(listener, selectors.EVENT_READ, accept)
    selector.register(datagrams, selectors.EVENT_READ, send_back)
    while True:
        for key, _ in selector.select():
            try:
                key.data()
            except ConnectionError:
                key.data.__self__.close()


def ready(selector, until):
    """What the selector has ready, again and again, until that time."""
    while (left := until - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            yield key.fileobj


def push(connections, seconds):
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection, selectors.EVENT_WRITE)
    for connection in ready(selector, time.monotonic() + seconds):
        connection.send(CHUNK)
    arrived = 0
    for connection in connections:
        connection.shutdown(socket.SHUT_WR)
    for connection in connections:
        connection.settimeout(CONNECT_SECONDS)
        arrived += COUNT.unpack(connection.recv(COUNT.size, socket.MSG_WAITALL))[0]
    return arrived


def fetch(connections, seconds):
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ)
    return sum(len(connection.recv(len(CHUNK))) for connection in ready(selector, time.monotonic() + seconds))


def offer(host, port, seconds, mbit, *namespaces):
    to = host, int(port)
    flows = []
    for namespace in namespaces:
        enter(namespace)
        flows.append(datagram_socket())
    interval = PACKET * 8e-6 / float(mbit) / len(flows)
    packets = round(float(seconds) / interval)
    returned = 0
    began = time.monotonic()
    for number in range(packets):
        flow = flows[number % len(flows)]
        returned += sum(1 for _ in waiting(flow))
        early = began + number * interval - time.monotonic()
        if early > 0:
            time.sleep(early)
        sent(flow, DATAGRAM, to)
    took = time.monotonic() - began
    time.sleep(LAST_WAY_BACK)
    returned += sum(1 for flow in flows for _ in waiting(flow))
    return {"packets": packets, "returned": returned, "seconds": took}


def move(how, host, port, seconds, *namespaces):
    connections = [called_from(name, host, port, how.__name__[0].encode()) for name in namespaces]
    began = time.monotonic()
    moved = how(connections, float(seconds))
    return {"bytes": moved, "seconds": time.monotonic() - began}


def main(command, *arguments):
    if command == "serve":
        serve(*arguments)
    moved = offer(*arguments) if command == "offer" else move({"push": push, "fetch": fetch}[command], *arguments)
    print(json.dumps(moved))


if __name__ == "__main__":
    main(*sys.argv[1:])
