"""Hosts for the benches: network namespaces, wires between them, and programs that end with the bench."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 20  # seconds for anything to come up; only what is broken takes so long
SERVER, CLIENT = "192.0.2.1", "192.0.2.2"  # on the wire; RFC 5737
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


def require(*needed):
    """Ends with 77, a skip, where root, /dev/net/tun or something of these is missing: programs, and files by path."""
    missing = [name for name in ("/dev/net/tun", *needed)
               if not (os.path.exists(name) if name.startswith("/") else shutil.which(name))]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        print(f"missing: {', '.join(missing)}; scripts/install-build-deps bench installs programs", file=sys.stderr)
        sys.exit(77)


def wait_until(condition, what, process=None):
    """Polls until `condition()` is true: its value. RuntimeError once `process` has ended."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        value = condition()
        if value:
            return value
        if process and process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"not seen: {what}")


@contextlib.contextmanager
def ended(process):
    """A process that is asked to end, and waited for."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class Host:
    """A network namespace, and a folder for what its programs keep and log."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        folder.mkdir(mode=0o700)
        self._environment = {"PATH": os.environ["PATH"], "PPTPD_USER_RUNTIME_DIR": str(folder),
                             "STATE_DIRECTORY": str(folder), "TMPDIR": str(folder), "NO_COLOR": "1"}

    def ip(self, *arguments):
        """Runs ip(8) here: its output as JSON, or None."""
        out = subprocess.run(["ip", "-n", self.name, "-j", "-s", "-d", *arguments], check=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True).stdout
        return json.loads(out) if out.strip() else None

    def run(self, *argv, check=True, **options):
        """Runs a command here to its end: what subprocess.run() gives, with its standard output as text."""
        return subprocess.run(self._argv(argv), check=check, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              **options)

    def start(self, *argv, environment=None, **options):
        """Starts a command here. Its output goes to a file in the folder, named after the program, unless `options` say
        otherwise. It dies with the bench."""
        with open(self.folder / f"{pathlib.Path(argv[0]).name}.log", "ab") as log:
            return subprocess.Popen(
                self._argv(argv), env=self._environment | (environment or {}),
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | options)

    def wait_listening(self, port, process=None):
        wait_until(lambda: self.run("ss", "-Hltn", f"sport = :{port}").stdout.strip(), f"a listener on port {port}", process)

    def wait_answer(self, address, process=None):
        """Waits until pings to the address are answered."""
        wait_until(lambda: self.run("ping", "-n", "-q", "-c", "1", "-W", "1", address, check=False,
                                    stderr=subprocess.DEVNULL).returncode == 0, f"an answer of {address}", process)

    def tunnel_device(self):
        """The name of the host's TUN or ppp device."""
        kinds = {link["ifname"]: link.get("linkinfo", {}).get("info_kind") for link in self.ip("link", "show")}
        return next(name for name, kind in kinds.items() if kind in ("tun", "ppp"))

    def logs(self):
        """The ends of all logs."""
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in self.folder.glob("*.log"))

    def _argv(self, argv):
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *map(str, argv)]


@contextlib.contextmanager
def hosts(*names):
    """Hosts without any wire, in order; TERM to the bench removes them like anything else that ends it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sweep()
    made = []
    with tempfile.TemporaryDirectory(prefix="ptb-") as folder:
        try:
            for name in names:
                full = f"ptb{os.getpid()}-{name}"
                subprocess.run(["ip", "netns", "add", full], check=True)
                made.append(Host(full, pathlib.Path(folder) / name))
                made[-1].ip("link", "set", "lo", "up")
            yield made
        except Exception:
            for host in made:
                print(f"{host.name}:\n{host.logs()}", file=sys.stderr)
            raise
        finally:
            for host in made:
                subprocess.run(["ip", "netns", "delete", host.name], check=False)


def sweep():
    """Removes the hosts of a bench that was killed outright."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for name, owner in re.findall(r"^(ptb(\d+)-\S+)", listed, re.MULTILINE):
        if not os.path.exists(f"/proc/{owner}"):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@contextlib.contextmanager
def two_hosts():
    """A client's host and a server's, with a wire between them."""
    with hosts("client", "server") as (client, server):
        lay_wire(client, server, "wire", CLIENT, SERVER)
        yield client, server


def lay_wire(first, second, device, *addresses):
    """A veth between two hosts, on both called `device`."""
    first.ip("link", "add", device, "type", "veth", "peer", "name", device, "netns", second.name)
    for host, address in zip((first, second), addresses):
        host.ip("address", "add", f"{address}/24", "dev", device)
        host.ip("link", "set", device, "up")


def secret_file(path, text):
    """Writes a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path
