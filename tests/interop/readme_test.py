#!/usr/bin/env python3
"""README's commands, as they stand there, against pptpd.

A command in a code block of README.md that is not known here is a failure, and so is one that is
known here and not shown any more.
"""

import os
import pathlib
import re
import subprocess

from harness import peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main
from harness.lab import wait_for
from harness.program import Running

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FAR_HOST = "10.77.0.1"  # reached by README's route only
PROFILE = "~/.config/pptpd-user/office.toml"

DEMO, TEST = "scripts/demo", "scripts/test"
NEW = "build/apps/pptpd-user profile new office"
CHECK = "build/apps/pptpd-user profile check office"
CONNECT = "build/apps/pptpd-user connect office"
STATUS = "build/apps/pptpd-user status office"
DISCONNECT = "build/apps/pptpd-user disconnect office"
# In README's order, each with where it is run.
KNOWN = {
    DEMO: "a case of its own",
    TEST: "running now: it is what runs this program, and the result of this case is one that it counts",
    NEW: "against pptpd", CHECK: "against pptpd", CONNECT: "against pptpd", STATUS: "against pptpd",
    DISCONNECT: "against pptpd",
}


def blocks(text):
    """The fenced code blocks: (language, contents)."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    expect(2 * len(found), len(re.findall(r"^```", text, re.MULTILINE)), "fences that belong to a block")
    return found


def commands(text):
    """The command lines of all blocks that are not a profile, without their comments."""
    lines = [line for language, block in blocks(text) if language != "toml" for line in block.splitlines()]
    return [command for command in (re.sub(r"(^|\s+)#.*", "", line).strip() for line in lines) if command]


def readme():
    return (SOURCE / "README.md").read_text(encoding="utf-8")


def profile(server):
    """README's profile, with the server that there is and its user's password."""
    shown = [block for language, block in blocks(readme()) if language == "toml"]
    expect(len(shown), 1, "number of profiles in README")
    text = shown[0]
    for key, value in (("server", server), ("password", peers.PASSWORD)):
        text, count = re.subn(rf'(?m)^({key}\s*=\s*)"[^"]*"', rf'\g<1>"{value}"', text)
        expect(count, 1, f"lines of README's profile that set {key}")
    return text


class Shell:
    """Runs command lines on the client host, where `build` is the build that is tested."""

    def __init__(self, bench):
        self._bench = bench
        self._directory = bench.lab.run / "checkout"
        self._directory.mkdir()
        (self._directory / "build").symlink_to(pathlib.Path(bench.program.binary).parents[1])

    def _argv(self, command):
        return ["sh", "-euc", f"cd {self._directory}; exec {command}"]

    def status_of(self, command):
        return self._bench.lab.client_process(*self._argv(command), env=self._bench.program.environment)

    def run(self, command):
        """Its standard output; it must succeed."""
        done = self.status_of(command)
        expect(done.returncode, 0, f"exit status of {command}: {done.stderr}")
        return done.stdout

    def start(self, command):
        process = Running(self._bench.program, self._argv(command), "-readme")
        self._bench.program.running.append(process)
        return process


@case("readme: a command that is not known is noticed")
def planted(_bench):
    text = "```sh\nscripts/demo  # shows\n\n# a comment\nmake install\n```\n```toml\na = 1\n```\n```\nls # all\n```\n"
    expect(commands(text), [DEMO, "make install", "ls"], "commands of a text with two that are not known")


@case("readme: it shows the commands that are run here, and no others")
def known(_bench):
    expect(commands(readme()), list(KNOWN), "README's commands")
    for script in (DEMO, TEST):
        expect(os.access(SOURCE / script, os.X_OK), True, f"{script} can be run")


@case("readme: profile new, check, connect, status, disconnect", tap=ENCIPHERED)
def connect(bench):
    # README's user has a domain, which pppd takes off before it looks for the secret.
    bench.pptpd.start(*peers.MPPE_128, options=["chapms-strip-domain"])
    bench.guest.run(f"""ip -n lan address replace {FAR_HOST}/32 dev lo
        ip route replace {FAR_HOST} via {peers.LAN_HOST}""")
    shell = Shell(bench)
    path = pathlib.Path(shell.run(NEW).strip())
    expect(path, pathlib.Path(PROFILE.replace("~", bench.program.environment["HOME"])), "where the profile is")
    expect(PROFILE in readme(), True, "README says where the profile is")
    expect(path.stat().st_mode & 0o777, 0o600, "who may read the profile")
    path.write_text(profile(bench.guest.address))
    expect(shell.run(CHECK), "office: ok\n", "profile check")
    process = shell.start(CONNECT)

    def up():
        expect(process.ended(), False, f"connect has ended: {process.stderr()}")
        return shell.status_of(STATUS).returncode == 0

    wait_for(up, 20, "the tunnel to come up")
    expect("office" in shell.run(STATUS), True, "status names the profile")
    bench.ping_from_client(peers.SERVER_INNER)
    bench.ping_from_client(FAR_HOST)
    shell.run(DISCONNECT)
    expect(process.exit_status(5), 0, "exit status of connect after disconnect")


@case("readme: scripts/demo installs nothing that is there, builds and shows a tunnel at work")
def demo(bench):
    build = pathlib.Path(bench.program.binary).parents[1]
    done = subprocess.run([DEMO], cwd=SOURCE, env=os.environ | {"BUILD_DIR": str(build)}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=200, check=False)
    expect(done.returncode, 0, f"exit status of {DEMO}:\n{done.stdout}\n{done.stderr}")
    expect(done.stdout.strip() != "", True, "it shows something")


main(ClientBench)
