#!/usr/bin/env python3
"""PPTP with the kernel's own data path (its modules pptp and ppp_mppe), which no Debian program drives:

kernel_pptp.py serve ADDRESS PPPD-ARGUMENT...    takes calls, one after the other
kernel_pptp.py dial SERVER PPPD-ARGUMENT...      makes one

Only the control connection is spoken here (RFC 2637 2). pppd negotiates, with the plugin of kernel_channel.c among
its arguments; the kernel moves the packets.
"""

import ctypes
import os
import socket
import struct
import subprocess
import sys

PORT = 1723
MAGIC = 0x1A2B3C4D
SCCRQ, SCCRP, ECHO_REQUEST, ECHO_REPLY, OCRQ, OCRP = 1, 2, 5, 6, 7, 8
BEARERS = FRAMINGS = 3  # both of each
WINDOW = 64  # packets
SPEED = 100_000_000  # bits per second
AF_PPPOX, PX_PROTO_PPTP = 24, 2
SOCKADDR_PPPOX = struct.Struct("=HIHxx4s18x")  # <linux/if_pppox.h>; the call id in host order

_libc = ctypes.CDLL(None, use_errno=True)


class Control:
    """A control connection."""

    def __init__(self, connection):
        self.connection = connection

    def send(self, kind, layout, *fields):
        body = struct.pack(layout, *fields)
        self.connection.sendall(struct.pack("!HHIHH", 12 + len(body), 1, MAGIC, kind, 0) + body)

    def receive(self, kind=None):
        """The body of the next message of that kind, or of none; echo requests are answered on the way. None: closed."""
        while head := self.connection.recv(12, socket.MSG_WAITALL):
            length, _, _, got, _ = struct.unpack("!HHIHH", head)
            body = self.connection.recv(length - 12, socket.MSG_WAITALL)
            if got == ECHO_REQUEST:
                self.send(ECHO_REPLY, "!4sBBH", body[:4], 1, 0, 0)
            elif got == kind:
                return body
        return None


def pppox_call(function, channel, *arguments):
    if function(channel.fileno(), *arguments):
        raise OSError(ctypes.get_errno(), f"PPPoX {function.__name__}: {os.strerror(ctypes.get_errno())}")


def open_channel(address):
    """The kernel's end of a call: a socket, and the call id that it has chosen."""
    channel = socket.socket(AF_PPPOX, socket.SOCK_STREAM, PX_PROTO_PPTP)
    name = ctypes.create_string_buffer(SOCKADDR_PPPOX.pack(AF_PPPOX, PX_PROTO_PPTP, 0, socket.inet_aton(address)))
    size = SOCKADDR_PPPOX.size
    pppox_call(_libc.bind, channel, name, size)
    pppox_call(_libc.getsockname, channel, name, ctypes.byref(ctypes.c_int(size)))
    return channel, SOCKADDR_PPPOX.unpack(name.raw[:size])[2]


def connect_channel(channel, address, call_id):
    name = SOCKADDR_PPPOX.pack(AF_PPPOX, PX_PROTO_PPTP, call_id, socket.inet_aton(address))
    pppox_call(_libc.connect, channel, name, len(name))


def pppd(channel, arguments):
    return subprocess.Popen(["pppd", *arguments, "channel-fd", str(channel.fileno())], pass_fds=[channel.fileno()])


def dial(server, *arguments):
    with socket.create_connection((server, PORT), 10) as connection:
        connection.settimeout(None)
        control = Control(connection)
        control.send(SCCRQ, "!HHIIHH128x", 0x0100, 0, FRAMINGS, BEARERS, 0, 0)
        control.receive(SCCRP)
        channel, call_id = open_channel(connection.getsockname()[0])
        control.send(OCRQ, "!HHIIIIHHHH128x", call_id, 1, 0, SPEED, BEARERS, FRAMINGS, WINDOW, 0, 0, 0)
        theirs, _, result = struct.unpack("!HHB", control.receive(OCRP)[:5])
        if result != 1:
            sys.exit(f"the call was refused: {result}")
        connect_channel(channel, server, theirs)
        sys.exit(pppd(channel, arguments).wait())


def answer(connection, arguments):
    control = Control(connection)
    control.receive(SCCRQ)
    control.send(SCCRP, "!HBBIIHH128x", 0x0100, 1, 0, FRAMINGS, BEARERS, 1, 0)
    theirs = struct.unpack("!H", control.receive(OCRQ)[:2])[0]
    channel, call_id = open_channel(connection.getsockname()[0])
    connect_channel(channel, connection.getpeername()[0], theirs)
    control.send(OCRP, "!HHBBHIHHI", call_id, theirs, 1, 0, 0, SPEED, WINDOW, 0, 0)
    running = pppd(channel, arguments)
    channel.close()
    control.receive()
    running.terminate()
    running.wait()


def serve(address, *arguments):
    with socket.create_server((address, PORT)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                answer(connection, arguments)


if __name__ == "__main__":
    {"serve": serve, "dial": dial}[sys.argv[1]](*sys.argv[2:])
