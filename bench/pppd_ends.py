"""The real peers as ends of a tunnel, in a guest whose processes of these names are all ours.

Each end is a context manager (host, plan), up as long as it lasts.
"""

import contextlib
import pathlib
import subprocess
import time

import hosts
from ours import POOL, SERVER_INNER

KERNEL_PPTP = pathlib.Path(__file__).resolve().parent / "kernel_pptp.py"
MPPE = ["require-mppe-128", "nomppe-40", "nomppe-stateful"]
COMMON = ["nobsdcomp", "nodeflate", "novj", "mtu", "1400", "mru", "1400", *MPPE]
SERVING = ["name", "pptpd", "require-mschap-v2", "refuse-eap", "refuse-pap", "refuse-chap", "refuse-mschap", *COMMON]
CALLING = ["nodetach", "name", "alice", "remotename", "PPTP", "noauth", "noipdefault",
           "refuse-eap", "refuse-pap", "refuse-chap", "refuse-mschap", *COMMON]
NAMES = ("pptp", "pptpctrl", "pppd", "pptpd", "pptpcm")


def running(names):
    """The ids of all processes of these names."""
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if comm.read_text().strip() in names:
                found.append(int(comm.parent.name))
    return found


@contextlib.contextmanager
def nothing_left():
    """At the end, nothing of the peers runs: pptp-linux leaves a call manager, and pptpd its calls."""
    hosts.secret_file(pathlib.Path("/etc/ppp/chap-secrets"), "alice * secret *\n")
    try:
        yield
    finally:
        for signal in ["TERM"] * 10 + ["KILL"] * 20:
            left = running(NAMES)
            if not left:
                break
            subprocess.run(["kill", f"-{signal}", *map(str, left)], check=False, stderr=subprocess.DEVNULL)
            time.sleep(0.1)


@contextlib.contextmanager
def pptpd(host, _plan):
    options = host.folder / "options.pptpd"
    options.write_text(" ".join([*SERVING, "lock", "logfile", str(host.folder / "pppd.log")]) + "\n")
    configuration = host.folder / "pptpd.conf"
    first, _, last = POOL.partition("-")
    configuration.write_text(f"option {options}\nlocalip {SERVER_INNER}\nremoteip {first}-{last.rpartition('.')[2]}\n"
                             f"listen {hosts.SERVER}\n")
    with nothing_left(), hosts.ended(host.start("pptpd", "-f", "-c", configuration)) as process:
        host.wait_listening(1723, process)
        yield


@contextlib.contextmanager
def pptp_linux(host, _plan):
    process = host.start("pppd", "pty", f"pptp {hosts.SERVER} --nolaunchpppd --loglevel 0", *CALLING)
    with nothing_left(), hosts.ended(process):
        host.wait_answer(SERVER_INNER, process)
        yield


@contextlib.contextmanager
def kernel_server(host, plan):
    process = host.start(KERNEL_PPTP, "serve", hosts.SERVER, "plugin", plan["plugin"], "nodetach",
                         f"{SERVER_INNER}:{POOL.partition('-')[0]}", *SERVING)
    with nothing_left(), hosts.ended(process):
        host.wait_listening(1723, process)
        yield


@contextlib.contextmanager
def kernel_client(host, plan):
    process = host.start(KERNEL_PPTP, "dial", hosts.SERVER, "plugin", plan["plugin"], *CALLING)
    with nothing_left(), hosts.ended(process):
        host.wait_answer(SERVER_INNER, process)
        yield
