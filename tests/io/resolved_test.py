#!/usr/bin/env python3
"""systemd-resolved's D-Bus interface, on a bus of the test's own: resolved_test.py PROGRAM"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # the one that Debian's python3-dbus is for

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={socket}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""

_count = 0
_failed = 0


def check(actual, expected, what):
    global _count, _failed
    _count += 1
    if actual != expected:
        _failed += 1
        print(f"# {actual!r}, expected {expected!r}")
    print(f"{'ok' if actual == expected else 'not ok'} {_count} - io/resolved {what}", flush=True)


def missing():
    if not shutil.which("dbus-daemon"):
        return "needs dbus-daemon"
    if subprocess.run([PYTHON, "-c", "import dbus, gi"], capture_output=True, check=False).returncode:
        return "needs python3-dbus and python3-gi"
    return None


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        socket, log = f"{folder}/bus", pathlib.Path(folder, "log")
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}", "PATH": os.environ["PATH"]}

        def ask(*words):
            return subprocess.run([program, *words], env=environment, capture_output=True, text=True,
                                  check=True, timeout=20).stdout.strip()

        def calls():
            lines = log.read_text(encoding="utf-8").splitlines()
            log.write_text("", encoding="utf-8")
            return [json.loads(line) for line in lines]

        check(ask("there"), "no", "no bus: it is not there")
        check(ask("set", "7", "10.0.0.1").split()[0], "not_running", "no bus: nothing can be set")
        check(ask("revert", "7"), "gone", "no bus: there is nothing to take back")

        config = pathlib.Path(folder, "bus.conf")
        config.write_text(CONFIG.format(socket=socket), encoding="utf-8")
        daemon = subprocess.Popen(["dbus-daemon", "--config-file", config, "--nofork", "--nopidfile", "--print-address"],
                                  stdout=subprocess.PIPE, text=True)
        service = None
        try:
            daemon.stdout.readline()
            check(ask("there"), "no", "a bus without the service: it is not there, and is not started")
            check(ask("set", "7", "10.0.0.1").split()[0], "not_running", "without the service nothing can be set")
            check(ask("revert", "7"), "gone", "without the service there is nothing to take back")
            service = subprocess.Popen([PYTHON, HERE / "resolve1.py", log], env=environment,
                                       stdout=subprocess.PIPE, text=True)
            service.stdout.readline()
            check(ask("there"), "yes", "it is there")
            check(ask("set", "7", "10.0.0.1", "192.168.254.3"), "set", "name servers are set")
            check(calls(), [["SetLinkDNS", 7, [[2, "10.0.0.1"], [2, "192.168.254.3"]]],
                            ["SetLinkDomains", 7, [[".", True]]],
                            ["SetLinkDefaultRoute", 7, True]], "for all names, by these calls")
            check(ask("revert", "7"), "undone", "they are taken back")
            check(calls(), [["RevertLink", 7]], "by this call")
            check(ask("revert", "99"), "gone", "an interface that is gone has nothing to take back")
            check("NoSuchLink" in ask("set", "99", "10.0.0.1") or "not known" in ask("set", "99", "10.0.0.1"), True,
                  "an interface that is not there is an error")
        finally:
            for process in (service, daemon):
                if process:
                    process.kill()
                    process.wait()
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)


reason = missing()
if reason:
    print(f"1..0 # SKIP {reason}")
    sys.exit(77)
main(sys.argv[1])
