"""The program under test, on the client host of a lab."""

import json
import os
import pathlib
import signal
import subprocess
import time

from . import lab


class Program:
    """Runs pptpd-user with profiles of the test's own."""

    def __init__(self, the_lab, binary):
        self.lab = the_lab
        self.binary = os.path.abspath(binary)
        if not os.access(self.binary, os.X_OK):
            raise FileNotFoundError(f"no program to test: {self.binary}")
        self.directory = the_lab.run / "profiles"
        self.directory.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "PPTPD_USER_RUNTIME_DIR": str(the_lab.run / "runtime"),
                            "STATE_DIRECTORY": str(the_lab.run / "state"),
                            "LANG": "C.UTF-8", "NO_COLOR": "1", "HOME": str(the_lab.run)}
        (the_lab.run / "runtime").mkdir(mode=0o700)
        self.requires_encryption = False  # some profile that was written does, until a case is over
        self._started = 0
        self.running = []

    def profile(self, name, settings):
        """Writes NAME.toml, readable by its owner alone; `settings` as TOML has it, tables as dictionaries."""
        self.requires_encryption |= settings.get("encryption", {}).get("mppe", "require") == "require"
        path = self.directory / f"{name}.toml"
        path.touch(mode=0o600)
        path.write_text(toml(settings))
        return path

    def run(self, *arguments, timeout=30):
        """Runs a subcommand to its end."""
        return self.lab.client_process(self.binary, *map(str, arguments), timeout=timeout, env=self.environment)

    def journals(self):
        """What is to be undone on the host, by what is in the runtime directory."""
        return [p.name for p in sorted((self.lab.run / "runtime").iterdir()) if ".journal" in p.name]

    def start(self, *arguments, wrapper=()):
        """Starts a subcommand that stays; `wrapper` comes before the program."""
        return self.start_command(*wrapper, self.binary, *arguments)

    def start_command(self, *argv):
        """The same of what leads to the program, and ends with it."""
        process = Running(self, list(map(str, argv)), self._started)
        self._started += 1
        self.running.append(process)
        return process

    def status(self, name):
        """What `status --json` says of a profile."""
        return json.loads(self.run("status", name, "--json").stdout)

    def wait_up(self, name, process=None, seconds=20):
        """Waits until the tunnel of a profile is up: its status."""

        def up():
            if process and process.ended():
                raise AssertionError(f"ended with {process.exit_status()} instead of coming up\n{process.stderr()}")
            status = self.run("status", name, "--json")
            if status.returncode not in (0, 1):
                raise AssertionError(f"status ended with {status.returncode}: {status.stderr}")
            return status.returncode == 0 and json.loads(status.stdout)

        return lab.wait_for(up, seconds, f"{name} to come up")

    def end_all(self):
        """Ends what a failed case has left running, so that it takes back what it did to the host: what it was."""
        left = [p for p in self.running if not p.ended()]
        for process in left:
            try:
                process.end()
            except subprocess.TimeoutExpired:
                process.kill()
        self.running.clear()
        return left


class Running:
    """A pptpd-user that stays."""

    def __init__(self, program, argv, number):
        self._stdout = program.lab.run / f"program{number}.out"
        self._stderr = program.lab.run / f"program{number}.err"
        with open(self._stdout, "wb") as out, open(self._stderr, "wb") as err:
            # nsenter becomes the program, so that signals to this process reach it.
            self._process = program.lab.spawn(program.lab.in_client(argv), stdout=out, stderr=err,
                                              env=program.environment)

    def ended(self):
        return self._process.poll() is not None

    def exit_status(self, seconds=30):
        """Waits for the end: the exit status."""
        return self._process.wait(seconds)

    def stdout(self):
        return self._stdout.read_text(errors="replace")

    def stderr(self):
        return self._stderr.read_text(errors="replace")

    def resident_kib(self):
        """Memory that it holds."""
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def thread_names(self):
        return [path.read_text(encoding="ascii").strip() for path in
                pathlib.Path(f"/proc/{self._process.pid}/task").glob("*/comm")]

    def send_signal(self, number):
        self._process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Signals and waits: (exit status, seconds it took)."""
        began = time.monotonic()
        self.send_signal(number)
        return self.exit_status(10), time.monotonic() - began

    def kill(self):
        self._process.kill()
        self._process.wait()


def toml(settings):
    """TOML of strings, numbers, truth values, lists of these, and one level of tables."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if not isinstance(value, dict)]
    for table, contents in settings.items():
        if isinstance(contents, dict):
            lines += [f"[{table}]"] + [f"{key} = {json.dumps(value)}" for key, value in contents.items()]
    return "\n".join(lines) + "\n"
