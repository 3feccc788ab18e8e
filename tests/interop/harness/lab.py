"""The namespaces of one test program, the processes in them, and their end."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = "ptu"  # of namespaces and of the run directory; the owner's process id follows
CLIENT_ADDRESS = "10.66.1.2"
WIRE_ADDRESS = "10.66.1.254"

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

# The state of a host that a tunnel changes, as text to be compared.
SNAPSHOT = """
ip -j link; ip -j address; ip -j route show table all; ip -j -6 route show table all
ip -j rule; ip -j -6 rule; nft list ruleset; cat /etc/resolv.conf
grep -H . /proc/sys/net/ipv4/conf/*/src_valid_mark /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/ip_forward
"""

# /etc, /run and /var/lib become the client's own: it may write resolv.conf and its journal as it likes.
HOLDER = """
mkdir -p "$1/etc"; mount -t tmpfs tmpfs "$1/etc"; cp -a /etc/. "$1/etc/"; mount --bind "$1/etc" /etc
rm -f /etc/resolv.conf; echo 'nameserver 192.0.2.53' >/etc/resolv.conf
mount -t tmpfs tmpfs /var/lib; mount -t tmpfs tmpfs /run
echo ready; exec sleep infinity
"""


def missing(needs=()):
    """Why there can be no lab on this machine, with these programs besides the usual ones, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("linux.uml", "pptpd", "pptp", "pppd", "ip", "tcpdump", "ethtool", "nsenter", "capsh", *needs):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"needs {program}"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun"
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode:
        return "needs network and mount namespaces"
    return None


class Lab:
    """`with Lab() as lab:` makes the namespaces; leaving it ends every process and removes them."""

    def __init__(self):
        self.tag = f"{PREFIX}{os.getpid()}"
        self.client_ns, self.wire_ns = f"{self.tag}-client", f"{self.tag}-wire"
        self.run = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.tag}-"))
        self.keep_run = False
        self._children = []
        self._holder = None

    def __enter__(self):
        sweep()
        # A signal becomes an exception, so that the lab is left the one way there is.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupted)
        try:
            self._make_namespaces()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self._children):
            if child.poll() is None:
                child.kill()
            child.wait()
        for name in (self.client_ns, self.wire_ns):
            _kill_inhabitants(name)
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        if not self.keep_run:
            shutil.rmtree(self.run, ignore_errors=True)

    def end_strays(self):
        """Kills what runs on the client host and was not started by spawn(): what it was."""
        known = {child.pid for child in self._children}
        found = []
        for pid in set(_inhabitants(self.client_ns)) - known:
            try:
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
                os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue
            found.append(command.replace("\0", " ").strip())
        return found

    def leftovers(self):
        """What is still there after the lab has been left."""
        found = [f"namespace {n}" for n in _namespaces() if n.startswith(self.tag)]
        found += [f"process {c.pid} {c.args}" for c in self._children if c.poll() is None]
        if self.run.exists() and not self.keep_run:
            found.append(f"directory {self.run}")
        return found

    def _make_namespaces(self):
        client, wire = self.client_ns, self.wire_ns
        for name in (client, wire):
            _run(["ip", "netns", "add", name])
            _run(["ip", "-n", name, "link", "set", "lo", "up"])
        _run(["ip", "-n", wire, "link", "add", "vw", "type", "veth", "peer", "name", "vc", "netns", client])
        for name, device, address in ((client, "vc", CLIENT_ADDRESS), (wire, "vw", WIRE_ADDRESS)):
            in_ns = ["ip", "netns", "exec", name]
            # Duplicate address detection would make the host's state change while it is compared.
            _run([*in_ns, "sysctl", "-qw", f"net.ipv6.conf.{device}.accept_dad=0"], check=False)
            _run(["ip", "-n", name, "address", "add", f"{address}/24", "dev", device])
            _run(["ip", "-n", name, "link", "set", device, "up"])
            # Whoever reads these packets raw must find finished checksums and real sizes.
            _run([*in_ns, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off"], check=False)
        _run(["ip", "-n", client, "route", "add", "default", "via", WIRE_ADDRESS])
        _run(["ip", "netns", "exec", wire, "sysctl", "-qw", "net.ipv4.ip_forward=1"])

        self._holder = self.spawn(
            ["ip", "netns", "exec", client, "unshare", "--mount", "--propagation", "private",
             "sh", "-euc", HOLDER, "sh", str(self.run)], stdout=subprocess.PIPE)
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError("the client's namespace could not be made")

    def spawn(self, argv, **options):
        """A process that ends with the lab, at the latest with this program."""
        child = subprocess.Popen(argv, stdin=options.pop("stdin", subprocess.DEVNULL), start_new_session=True,
                                 preexec_fn=lambda: end_with_parent(signal.SIGKILL), **options)
        self._children.append(child)
        return child

    def in_client(self, argv):
        """The arguments that run `argv` on the client host."""
        return ["nsenter", f"--target={self._holder.pid}", "--mount", "--net", "--root", "--", *argv]

    def in_wire(self, argv):
        return ["ip", "netns", "exec", self.wire_ns, *argv]

    def client(self, *argv, timeout=60):
        """Runs a command on the client host: its standard output; a failure is an exception."""
        return self.client_process(*argv, timeout=timeout, check=True).stdout

    def client_process(self, *argv, timeout=60, check=False, env=None):
        return subprocess.run(self.in_client(argv), capture_output=True, text=True, timeout=timeout,
                              check=check, env=env, stdin=subprocess.DEVNULL)

    def snapshot(self):
        """The client host's state that a tunnel changes."""
        return self.client_process("sh", "-c", SNAPSHOT).stdout

    def block_gre(self):
        """The router drops GRE, silently, as many a firewall does."""
        _run(["ip", "-n", self.wire_ns, "rule", "add", "ipproto", "47", "priority", "1", "blackhole"])

    def unblock_gre(self):
        _run(["ip", "-n", self.wire_ns, "rule", "delete", "priority", "1"])

    @contextlib.contextmanager
    def cut_path(self):
        """The router drops everything between the client host and the guests, silently."""
        nft = ["ip", "netns", "exec", self.wire_ns, "nft"]
        _run([*nft, "add table ip cut; add chain ip cut way { type filter hook forward priority 0; policy drop; }"])
        try:
            yield
        finally:
            _run([*nft, "delete table ip cut"])

    @contextlib.contextmanager
    def swallowing_path(self, octets):
        """The router drops GRE that is longer, and says nothing."""
        nft = ["ip", "netns", "exec", self.wire_ns, "nft"]
        _run([*nft, "add table ip swallow; add chain ip swallow way { type filter hook forward priority 0; }; "
              f"add rule ip swallow way ip protocol gre meta length gt {octets} drop"])
        try:
            yield
        finally:
            _run([*nft, "delete table ip swallow"])

    @contextlib.contextmanager
    def seen_outside(self, address):
        """Counts the packets to an address that leave the client host as they are: a function that tells."""
        nft = ["ip", "netns", "exec", self.wire_ns, "nft"]
        _run([*nft, "add table ip seen; add chain ip seen way { type filter hook prerouting priority 0; }; "
              f"add rule ip seen way ip daddr {address} counter"])

        def count():
            listed = subprocess.run([*nft, "list", "table", "ip", "seen"], check=True, capture_output=True, text=True).stdout
            return int(re.search(r"packets (\d+)", listed).group(1))

        try:
            yield count
        finally:
            _run([*nft, "delete table ip seen"])

    @contextlib.contextmanager
    def narrow_path(self, device, mtu):
        """The router takes no more than so many octets at a time for the guest behind `device`."""
        link = ["ip", "-n", self.wire_ns, "link", "set", device, "mtu"]
        _run([*link, str(mtu)])
        try:
            yield
        finally:
            _run([*link, "1500"])
            # What the client host has learned of the path, it would know in the next case, too.
            self.client("ip", "route", "flush", "cache")


def end_with_parent(number=signal.SIGTERM):
    """In a process just made: it gets this signal when the one that made it has gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)


def wait_for(condition, seconds, what):
    """Polls until `condition()` is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.03)


def sweep():
    """Removes what a test program that was killed outright has left."""
    for name in _namespaces():
        owner = re.fullmatch(PREFIX + r"(\d+)-(client|wire)", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            _kill_inhabitants(name)
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
            for directory in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner[1]}-*"):
                shutil.rmtree(directory, ignore_errors=True)


def _interrupted(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def _run(argv, check=True):
    subprocess.run(argv, check=check, capture_output=not check)


def _namespaces():
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in listed.splitlines() if line.strip()]


def _inhabitants(name):
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in listed.split()]


def _kill_inhabitants(name):
    for pid in _inhabitants(name):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
