#!/usr/bin/env python3
"""Our server, by every method that pppd has; and what pppd cannot play: our own client, on the router."""

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import time

from harness import peers
from harness.bench import ServerBench
from harness.cases import CLEAR, ENCIPHERED, case, expect, main
from harness.program import toml

INNER = "192.168.78.1"
IN_CLEAR = {"mppe": "off"}
NEW = 'quite "new" \u00e4\\'


def comes_up(bench, method, mppe, **settings):
    with bench.server(auth={"methods": [method]}, **settings):
        bench.dialler.dial(bench.address, *mppe, method=method)
        bench.ping_from_guest(INNER)
        bench.dialler.hang_up()
    with bench.server(auth={"methods": [method]}, **settings):
        try:
            bench.dialler.dial(bench.address, *mppe, method=method, password="wrong")
        except AssertionError:
            bench.dialler.hang_up()
        else:
            raise AssertionError("a wrong password came in")


@case("serve: PAP, in clear; a wrong password is refused", tap=CLEAR)
def pap(bench):
    comes_up(bench, "pap", peers.NO_MPPE, encryption=IN_CLEAR)


@case("serve: CHAP-MD5, in clear; a wrong password is refused", tap=CLEAR)
def chap_md5(bench):
    comes_up(bench, "chap-md5", peers.NO_MPPE, encryption=IN_CLEAR)


@case("serve: MS-CHAPv1 with MPPE-128; a wrong password is refused", tap=ENCIPHERED)
def mschapv1(bench):
    comes_up(bench, "mschapv1", peers.MPPE_128)


class OwnClient:
    """pptpd-user on the router, as alice."""

    def __init__(self, bench, method, password=peers.PASSWORD, **settings):
        self.bench = bench
        self.runtime = bench.lab.run / "runtime-wire"
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        self.environment = bench.program.environment | {"PPTPD_USER_RUNTIME_DIR": str(self.runtime)}
        self.profile = bench.lab.run / "own.toml"
        self.profile.touch(mode=0o600)
        self.profile.write_text(toml({
            "server": bench.address, "user": peers.USER, "password": password,
            "auth": {"methods": [method]}, "network": {"dns": "none"}} | settings))

    def command(self, *arguments):
        return self.bench.lab.in_wire([self.bench.program.binary, arguments[0], str(self.profile), *arguments[1:]])

    def passwd(self, new):
        return subprocess.run(self.command("passwd", "--password-stdin"), input=new + "\n", capture_output=True,
                              text=True, timeout=30, env=self.environment, check=False)

    @contextlib.contextmanager
    def up(self):
        """`connect`, while it is up."""
        process = self.bench.lab.spawn(self.command("connect"), stderr=subprocess.PIPE, env=self.environment, text=True)
        said = ""
        try:
            while " is up: " not in said:
                line = process.stderr.readline()
                if not line:
                    raise AssertionError(f"it did not come up: {said}")
                said += line
            yield
        finally:
            process.terminate()
            process.wait(10)

    def connect_on_terminal(self, *typed):
        """Answers each prompt with the next text; once up pings, and ends it with ^C: what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.command("connect")
            os.execvpe(command[0], command, self.environment)
        shown = ""
        try:
            for prompt, answer in typed:
                shown += self._read_until(terminal, prompt)
                os.write(terminal, (answer + "\n").encode())
            shown += self._read_until(terminal, "is up")
            subprocess.run(self.bench.lab.in_wire(["ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", INNER]),
                           check=True, capture_output=True)
            os.write(terminal, b"\x03")
            shown += self._read_until(terminal, None)
        finally:
            _, status = self._reap(pid)
            os.close(terminal)
        expect(os.waitstatus_to_exitcode(status), 5, f"exit status after ^C\n{shown}")
        return shown

    @staticmethod
    def _reap(pid):
        for _ in range(100):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return done, status
            time.sleep(0.1)
        os.kill(pid, 9)
        return os.waitpid(pid, 0)

    @staticmethod
    def _read_until(terminal, pattern, seconds=30):
        text, end = "", time.monotonic() + seconds
        while pattern is None or not re.search(pattern, text):
            if time.monotonic() > end or not select.select([terminal], [], [], 1)[0]:
                if time.monotonic() > end:
                    raise AssertionError(f"{pattern!r} is not shown: {text}")
                continue
            try:
                octets = os.read(terminal, 4096)
            except OSError:
                octets = b""
            if not octets:
                if pattern is None:
                    break
                raise AssertionError(f"ended without {pattern!r}: {text}")
            text += octets.decode(errors="replace")
        return text


def secrets(bench):
    return (bench.lab.run / "chap-secrets").read_text(encoding="utf-8")


@case("serve: an expired password is changed by passwd, for good, over MS-CHAPv1, MS-CHAPv2 and EAP")
def expired(bench):
    for method in ("mschapv1", "mschapv2", "eap-mschapv2"):
        with bench.server(addresses="* -- expired", auth={"methods": [method]}):
            changed = OwnClient(bench, method).passwd(NEW)
            expect(changed.returncode, 0, f"passwd\n{changed.stderr}")
            expect("put it into the profile too" in changed.stderr, True, "what is said")
            expect(secrets(bench), 'alice * "quite \\"new\\" \u00e4\\\\" *\n', "the users' file")
            again = OwnClient(bench, method, NEW).passwd("another")
            expect((again.returncode, "password-not-expired" in again.stderr), (19, True), again.stderr)
            old = OwnClient(bench, method).passwd("another")
            expect((old.returncode, "chap-e691-bad-password" in old.stderr), (19, True), old.stderr)


@case("serve: passwd tries the servers of the profile in turn")
def passwd_in_turn(bench):
    with bench.server(addresses="* -- expired"):
        changed = OwnClient(bench, "mschapv2", server=[f"{bench.address}:1724", bench.address]).passwd(NEW)
        expect(changed.returncode, 0, f"passwd\n{changed.stderr}")
        expect("[ctrl-refused]; trying the next server" in changed.stderr, True, "what is said")
        # Nobody is asked twice about a password.
        old = OwnClient(bench, "mschapv2", server=[bench.address, f"{bench.address}:1724"]).passwd("another")
        expect((old.returncode, "next server" in old.stderr), (19, False), old.stderr)


@case("serve: compression where both ends want it, and nowhere else", tap=ENCIPHERED)
def compression(bench):
    def octets_on_the_wire(server, client):
        with bench.server(encryption={"mppc": server}):
            with OwnClient(bench, "mschapv2", encryption={"mppc": client}).up():
                before = octets(bench)
                subprocess.run(bench.lab.in_wire(["ping", "-n", "-c", "20", "-i", "0.05", "-s", "1200", "-p", "61", INNER]),
                               check=True, capture_output=True)
                return octets(bench) - before

    plain = 2 * 20 * 1200
    for server, client in ((True, False), (False, True)):
        moved = octets_on_the_wire(server, client)
        if moved < plain:
            raise AssertionError(f"{moved} octets: compressed, though one end does not want it")
    moved = octets_on_the_wire(True, True)
    if moved > plain // 3:
        raise AssertionError(f"{moved} octets: not compressed")


def octets(bench):
    """That have gone over the wire to the server's host, and from it."""
    shown = subprocess.run(bench.lab.in_wire(["ip", "-j", "-s", "link", "show", "vw"]), check=True, capture_output=True)
    statistics = json.loads(shown.stdout)[0]["stats64"]
    return statistics["rx"]["bytes"] + statistics["tx"]["bytes"]


@case("serve: an expired password is changed in the middle of a connect", tap=ENCIPHERED)
def expired_on_terminal(bench):
    with bench.server(addresses="* -- expired"):
        shown = OwnClient(bench, "mschapv2").connect_on_terminal(
            ("New password of alice: ", "other"), ("The same again: ", "another"),
            ("New password of alice: ", "other"), ("The same again: ", "other"))
        expect("other" in shown, False, "the password on the terminal")
        expect(secrets(bench), 'alice * "other" *\n', "the users' file")


@case("serve: another try on the terminal, in the same call", tap=ENCIPHERED)
def another_try(bench):
    with bench.server(auth={"methods": ["mschapv2"], "retries": 2}):
        OwnClient(bench, "mschapv2", "wrong").connect_on_terminal(
            ("Refused. Password of alice: ", "wrong too"), ("Refused. Password of alice: ", peers.PASSWORD))


main(ServerBench)
