"""A guest kernel on the wire, and commands run in it."""

import json
import os
import pathlib
import shlex
import subprocess
import threading

HERE = pathlib.Path(__file__).resolve().parent
KERNEL = "/usr/bin/linux.uml"
MEMORY_MB = 192
BOOT_SECONDS = 60

# The guest's memory is a file: it gets a file system of its own, as /dev/shm may be small.
START = 'mkdir -p "$1"; mount -t tmpfs -o size=$2m tmpfs "$1"; shift 2; TMPDIR="$MEMORY" exec "$@"'


class Guest:
    """Guest number `index` (0, 1, ...) of a lab: booted when constructed, killed with the lab."""

    def __init__(self, lab, index=0):
        self.lab = lab
        self.tap = f"tap{index}"
        self.address = f"10.66.{10 + index}.1"
        gateway = f"10.66.{10 + index}.254"
        for command in (["tuntap", "add", "dev", self.tap, "mode", "tap"],
                        ["address", "add", f"{gateway}/24", "dev", self.tap],
                        ["link", "set", self.tap, "up"]):
            subprocess.run(["ip", "-n", lab.wire_ns, *command], check=True)

        self._requests = {}  # id -> Future-like [event, reply]
        self._next_id = 0
        self._lock = threading.Lock()
        self.console = lab.run / f"console{index}"
        requests_out, requests_in = os.pipe()
        replies_out, replies_in = os.pipe()
        memory = str(lab.run / f"memory{index}")
        with open(self.console, "wb") as console:
            self._process = lab.spawn(
                lab.in_wire(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL",
                             "sh", "-euc", START, "sh", memory, str(MEMORY_MB + 64),
                             KERNEL, f"mem={MEMORY_MB}M", "rootfstype=hostfs", "rootflags=/", "ro", "quiet",
                             f"init={HERE}/guest_init.sh", f"harness={HERE}", f"address={self.address}/24",
                             f"gateway={gateway}", f"umid={lab.tag}-{index}", f"uml_dir={lab.run}/",
                             f"vec0:transport=tap,ifname={self.tap},depth=128,gro=1",
                             "con=null", "con0=null,fd:1", f"con1=fd:{requests_out},fd:{replies_in}"]),
                stdout=console, stderr=subprocess.STDOUT, pass_fds=(requests_out, replies_in),
                env={"PATH": os.environ.get("PATH", ""), "MEMORY": memory})
        os.close(requests_out)
        os.close(replies_in)
        self._requests_in = requests_in
        self._up = threading.Event()
        threading.Thread(target=self._read_replies, args=(replies_out,), daemon=True).start()

    def wait_up(self):
        if not self._up.wait(BOOT_SECONDS):
            raise RuntimeError("the guest did not boot:\n" + self.console.read_text(errors="replace")[-2000:])
        return self

    def run(self, command, timeout=60, check=True):
        """Runs a shell command in the guest: its output, errors among it."""
        status, output = self.status(command, timeout)
        if check and status:
            raise AssertionError(f"guest: {command!r} ended with {status}:\n{output}")
        return output

    def status(self, command, timeout=60):
        reply = self._ask({"shell": command, "timeout": timeout}, timeout + 10)
        return reply["status"], reply["output"]

    def write(self, path, text, mode=0o644):
        """Makes a file in the guest, where it may be written: /run, /etc/ppp, /var/log."""
        self._ask({"path": path, "text": text, "mode": mode}, 10)

    def python(self, script, *arguments):
        """The shell command that runs a script of the harness in the guest."""
        return shlex.join(["python3", str(HERE / script), *map(str, arguments)])

    def _ask(self, request, timeout):
        done = threading.Event()
        with self._lock:
            self._next_id += 1
            request["id"] = self._next_id
            slot = self._requests[request["id"]] = [done, None]
            os.write(self._requests_in, json.dumps(request).encode() + b"\n")
        if not done.wait(timeout):
            raise AssertionError(f"the guest does not answer: {request}")
        return slot[1]

    def _read_replies(self, fd):
        with open(fd, encoding="utf-8", errors="replace") as replies:
            for line in replies:
                if line.startswith("up"):
                    self._up.set()
                elif line.startswith("{"):
                    reply = json.loads(line)
                    slot = self._requests.pop(reply["id"])
                    slot[1] = reply
                    slot[0].set()
