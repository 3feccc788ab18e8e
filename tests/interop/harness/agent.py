"""Runs in a guest: obeys requests that come by a terminal, one JSON object per line.

{"id", "shell", "timeout"} runs a command and answers {"id", "status", "output"};
{"id", "path", "text", "mode"} writes a file. It also is the guest's syslog: /run/log/syslog.
"""

import json
import os
import socket
import subprocess
import sys
import termios
import threading
import tty


def run(request):
    if "path" in request:
        # Never readable by others for a moment: pppd refuses secrets that are.
        fd = os.open(request["path"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, request["mode"])
        with open(fd, "w", encoding="utf-8") as file:
            file.write(request["text"])
        return {"status": 0, "output": ""}
    try:
        done = subprocess.run(["bash", "-c", request["shell"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=request["timeout"], check=False)
        return {"status": done.returncode, "output": done.stdout.decode(errors="replace")}
    except subprocess.TimeoutExpired as late:
        return {"status": 124, "output": (late.output or b"").decode(errors="replace")}


def keep_syslog():
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    with open("/run/log/syslog", "ab", buffering=0) as file:
        while True:
            file.write(log.recv(65536).rstrip(b"\0\n") + b"\n")


def main(terminal):
    fd = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    writing = threading.Lock()

    def say(line):
        data = line.encode() + b"\n"
        with writing:
            while data:
                data = data[os.write(fd, data):]

    def serve(request):
        say(json.dumps({"id": request["id"], **run(request)}))

    threading.Thread(target=keep_syslog, daemon=True).start()
    say("up")
    pending = b""
    while True:
        data = os.read(fd, 4096)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()


main(sys.argv[1])
