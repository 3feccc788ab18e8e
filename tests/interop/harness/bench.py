"""What the cases of one program share: a lab, its peers, and the program under test."""

import contextlib
import json
import re
import signal

from . import peers
from .cases import expect
from .guest import Guest
from .lab import CLIENT_ADDRESS, wait_for
from .program import Program
from .tap import Tap


class Bench:
    def __init__(self, lab, binary):
        self.lab = lab
        self.program = Program(lab, binary)
        self.guest = Guest(lab)
        self.tap = Tap(lab)
        self.guest.wait_up()

    def ping_from_client(self, address, count=3):
        """Every one of a few pings is answered."""
        _expect_answers(self.lab.client("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "2", address), count)

    def ping_from_guest(self, address, count=3):
        """The same from the other end."""
        _expect_answers(self.guest.run(f"ping -n -c {count} -i 0.2 -W 2 {address}"), count)

    def traffic_client(self, *arguments, timeout=200):
        """traffic.py on the client host: its result."""
        return json.loads(self.lab.client(*self.guest.python("traffic.py", *arguments).split(), timeout=timeout))

    def traffic_guest(self, *arguments, timeout=200):
        return json.loads(self.guest.run(self.guest.python("traffic.py", *arguments), timeout=timeout))

    @contextlib.contextmanager
    def serving_in_guest(self, *arguments):
        """traffic.py in the guest's background: a function that returns its result."""
        log = "/run/log/traffic"
        self.guest.run(f"""
            {self.guest.python('traffic.py', *arguments)} >{log} 2>{log}.err & echo $! >/run/traffic.pid
            for i in $(seq 200); do grep -q ready {log} && exit 0; sleep 0.03; done; cat {log}.err; exit 1""")

        def result():
            wait_for(lambda: "{" in self.guest.run(f"cat {log}"), 30, "the result of " + arguments[0])
            return json.loads(self.guest.run(f"grep '^{{' {log}"))

        try:
            yield result
        finally:
            self.guest.run("kill $(cat /run/traffic.pid)", check=False)

    @contextlib.contextmanager
    def serving_on_client(self, *arguments):
        """traffic.py on the client host's background: a function that returns its result."""
        path = self.lab.run / "traffic"
        with open(path, "wb") as out:
            process = self.lab.spawn(self.lab.in_client(self.guest.python("traffic.py", *arguments).split()), stdout=out)
        wait_for(lambda: "ready" in path.read_text(), 10, "traffic.py to be ready")

        def result():
            process.wait(30)
            return json.loads(path.read_text().splitlines()[-1])

        try:
            yield result
        finally:
            process.kill()
            process.wait()


def _expect_answers(said, count):
    # Its exit status is 0 when at least one was answered.
    if f"{count} received" not in said:
        raise AssertionError(said)


class ClientBench(Bench):
    """Our client against pptpd and pppd."""

    def __init__(self, lab, binary):
        super().__init__(lab, binary)
        self.pptpd = peers.Pptpd(self.guest)

    def settings(self, **tables):
        """A profile's settings for pptpd as start() has it, changed by `tables`."""
        return {"server": self.guest.address, "user": peers.USER, "password": peers.PASSWORD} | tables

    def ping_from_client(self, address, count=3):
        self.pptpd.wait_interfaces()
        super().ping_from_client(address, count)

    def ping_from_guest(self, address, count=3):
        self.pptpd.wait_interfaces()
        super().ping_from_guest(address, count)

    @contextlib.contextmanager
    def tunnel(self, name, *arguments, **tables):
        """A tunnel that is up at both ends; at the end it is disconnected, and both commands must end with 0."""
        path = self.program.profile(name, self.settings(**tables))
        process = self.program.start("connect", path, *arguments)
        status = self.program.wait_up(name, process)
        self.pptpd.wait_interfaces()
        yield process, status
        expect(self.program.run("disconnect", name).returncode, 0, "exit status of disconnect")
        expect(process.exit_status(5), 0, "exit status of connect after disconnect")

    def refused(self, exit_status, cause, within=20, wrapper=(), **tables):
        """connect ends with this exit status, its id matching `cause`: what it wrote to standard error."""
        path = self.program.profile("refused", self.settings(**tables))
        process = self.program.start("connect", path, wrapper=wrapper)
        ended = process.exit_status(within)
        if ended != exit_status or not re.search(cause, process.stderr()):
            raise AssertionError(f"exit status {ended}, expected {exit_status} and {cause}:\n{process.stderr()}")
        return process.stderr()

    def expect_goodbye(self):
        """The server was told that the call is over: by PPP, and on the control connection."""
        self.pptpd.wait_log(r"rcvd \[LCP TermReq")
        self.pptpd.wait_log(r"Received CALL CLR request|Received STOP CTRL CONN request")

    def logs(self):
        errors = "".join(f"--- {p.name}\n{p.read_text(errors='replace')[-3000:]}"
                         for p in sorted(self.lab.run.glob("program*.err"))[-2:])
        return errors + "--- pptpd and pppd\n" + self.pptpd.log()[-5000:]


class ServerBench(Bench):
    """Our server against pptp-linux and pppd."""

    def __init__(self, lab, binary):
        super().__init__(lab, binary)
        self.dialler = peers.PptpLinux(self.guest)
        self.address = CLIENT_ADDRESS

    def start_server(self, addresses="*", wrapper=(), **settings):
        """`pptpd-user serve`, listening; `addresses`: the user's, as chap-secrets has them; `wrapper`: before it."""
        users = self.lab.run / "chap-secrets"
        users.touch(mode=0o600)
        users.write_text(f'{peers.USER} * "{peers.PASSWORD}" {addresses}\n')
        path = self.program.profile("server", {
            "listen": "0.0.0.0", "users": str(users), "address": "192.168.78.1",
            "pool": "192.168.78.10-192.168.78.20"} | settings)
        process = self.program.start("serve", path, wrapper=wrapper)

        def listens():
            if process.ended():
                raise AssertionError(f"ended with {process.exit_status()}:\n{process.stderr()}")
            return self.lab.client("ss", "-Hltn", "sport = :1723")

        wait_for(listens, 10, "the server to listen")
        return process

    @contextlib.contextmanager
    def server(self, **options):
        """The same, ended by TERM, which must be clean."""
        process = self.start_server(**options)
        yield process
        status, seconds = process.end(signal.SIGTERM)
        if status != 5 or seconds > 5:
            raise AssertionError(f"serve ended with {status} after {seconds:.1f} s:\n{process.stderr()}")

    def logs(self):
        errors = "".join(f"--- {p.name}\n{p.read_text(errors='replace')[-3000:]}"
                         for p in sorted(self.lab.run.glob("program*.err"))[-2:])
        return errors + "--- pptp-linux and pppd\n" + self.dialler.log()[-5000:]
