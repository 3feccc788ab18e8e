#!/usr/bin/env python3
"""`pptpd-user demo` for real: demo_test.py PROGRAM STAND-IN

STAND-IN is the same demonstration with a client and a server that do not encipher. Needs root, and
/dev/net/tun; without them it is skipped.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
NOBODY = 65534
TIMEOUT = 60
SETTLE = 5  # seconds that the kernel may take to end processes


class Program:
    """A copy of the program, so that its processes are told from all others by their file."""

    def __init__(self, source, folder):
        self.path = shutil.copy(source, folder)

    def processes(self):
        ours = os.stat(self.path)
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and os.path.samestat(os.stat(f"/proc/{entry}/exe"), ours):
                    found.append(int(entry))
        return found

    def leftovers(self):
        """What a demonstration would have left on the host, by name."""
        left = [f"process {pid}" for pid in self.processes()]
        left += [f"interface {name}" for name in os.listdir("/sys/class/net") if name in ("to-client", "to-server")]
        left += [f"/run/{name}" for name in os.listdir("/run") if name in ("demo.toml", "server.toml", "chap-secrets")]
        left += [str(path) for path in pathlib.Path("/run/pptpd-user").glob("demo.*")]
        if "pptpd-user-demo" in pathlib.Path("/proc/self/mountinfo").read_text():
            left.append("a mount")
        return left


def command(program, *options):
    return [program.path, "demo", "--seconds", "1", *options]


def as_nobody(words, tun_mode="0666"):
    """The words, run as nobody, where /dev/net/tun has this mode: in a mount namespace of their own."""
    script = """
        set -e
        mount -t tmpfs none /mnt
        mknod -m "$1" /mnt/tun c 10 200
        mount --bind /mnt/tun /dev/net/tun
        shift
        exec setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
    """
    return ["unshare", "--mount", "bash", "-c", script, "as_nobody", tun_mode, str(NOBODY), *words]


def run(words, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False, **options)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_nothing_left(program):
    end = time.monotonic() + SETTLE
    while program.leftovers() and time.monotonic() < end:
        time.sleep(0.05)
    expect(not program.leftovers(), f"left behind: {program.leftovers()}")


def expect_well(done):
    expect(done.returncode == 0, f"exit status {done.returncode}:\n{done.stdout}\n{done.stderr}")
    document = json.loads(done.stdout)
    expect(document["ok"] is True and document["problems"] == [], document)
    expect(document["tunnel"]["auth"] == "mschapv2", document["tunnel"])
    expect(document["tunnel"]["mppe"] == {"bits": 128, "mode": "stateless"}, document["tunnel"])
    expect(document["tunnel"]["peer"] == "10.99.0.1", document["tunnel"])
    expect(576 <= document["tunnel"]["mtu"] <= 1456, document["tunnel"])
    expect(document["ping"]["sent"] == document["ping"]["answered"] == 10, document["ping"])
    for direction in ("client_to_server", "server_to_client"):
        expect(document[direction]["bytes"] > 0, document[direction])
        expect(document[direction]["mbit_per_s"] > 0, document[direction])
    expect(document["wire"]["clear"] == 0, document["wire"])
    # What was carried takes at least this many packets, each of which was seen unless missed.
    carried = document["client_to_server"]["bytes"] + document["server_to_client"]["bytes"]
    expect(document["wire"]["enciphered"] + document["wire"]["missed"] > carried // 1500, document["wire"])


def root(program, _):
    expect_well(run(command(program, "--json")))
    expect_nothing_left(program)


def table(program, _):
    done = run(command(program))
    expect(done.returncode == 0, f"exit status {done.returncode}:\n{done.stderr}")
    for words in ("MPPE, 128 bit, stateless", "0 in clear", "10 of 10 answered"):
        expect(words in done.stdout, done.stdout)
    expect("\033" not in done.stdout + done.stderr, "escape sequences where there is no terminal")


def nobody(program, _):
    expect_well(run(as_nobody(command(program, "--json"))))
    expect_nothing_left(program)


def nobody_without_tun(program, _):
    done = run(as_nobody(command(program, "--json"), "0600"))
    expect(done.returncode == 1, f"exit status {done.returncode}")
    expect("/dev/net/tun" in done.stderr, done.stderr)
    document = json.loads(done.stdout)
    expect(document["ok"] is False and len(document["problems"]) == 1, document)
    expect_nothing_left(program)


def without_namespaces(program, _):
    script = """
        echo 0 >/proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set=-all --inh-caps=-all "$@"
    """
    done = run(["unshare", "--user", "--map-root-user", "bash", "-c", script, "bash", *command(program)])
    expect(done.returncode == 1, f"exit status {done.returncode}")
    expect("user.max_user_namespaces" in done.stderr, done.stderr)


def stop_in_the_middle(program, number, runner=list):
    """Ends a demonstration by a signal during its transfer, and returns its exit status."""
    words = runner([program.path, "demo", "--seconds", "30"])
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        try:
            for line in demo.stderr:
                if "TCP" in line:
                    break
            expect(len(program.processes()) == 5, f"not five processes: {program.processes()}")
            demo.send_signal(number)
            demo.communicate(timeout=TIMEOUT)
        finally:
            demo.kill()
    expect_nothing_left(program)
    return demo.returncode


def interrupted(program, _):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        status = stop_in_the_middle(program, number)
        expect(status == 1, f"exit status {status} after signal {number}")


def killed(program, _):
    for runner in (list, as_nobody):
        stop_in_the_middle(program, signal.SIGKILL, runner)


def in_clear(_, stand_in):
    done = run(command(stand_in))
    document = json.loads(done.stdout)
    expect(done.returncode == 1 and document["ok"] is False, f"exit status {done.returncode}")
    # Segments are still whole on the wire, up to 64 KiB, where nothing makes packets of them.
    carried = document["client_to_server"]["bytes"] + document["server_to_client"]["bytes"]
    expect(document["wire"]["clear"] + document["wire"]["missed"] > carried // 65536, document["wire"])
    expect("demo-seen-in-clear" in [problem["id"] for problem in document["problems"]], document)
    expect_nothing_left(stand_in)


CASES = {
    "demo: as root, everything is enciphered and nothing is left": root,
    "demo: the table says so too": table,
    "demo: without root, where that is possible": nobody,
    "demo: without root and TUN device it says what is missing": nobody_without_tun,
    "demo: without user namespaces it says what is missing": without_namespaces,
    "demo: interrupted, nothing is left": interrupted,
    "demo: killed, nothing is left": killed,
    "demo: what goes over the wire in clear is noticed": in_clear,
}


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print("1..0 # SKIP needs root and /dev/net/tun")
        return SKIPPED
    wrong = 0
    print(f"1..{len(CASES)}")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program, stand_in = (Program(path, folder) for path in sys.argv[1:3])
        for number, (name, case) in enumerate(CASES.items(), 1):
            try:
                case(program, stand_in)
            except (AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as error:
                wrong += 1
                print(f"not ok {number} - {name}")
                print("\n".join(f"# {line}" for line in str(error).splitlines()))
            else:
                print(f"ok {number} - {name}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
