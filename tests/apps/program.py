#!/usr/bin/env python3
"""The program as its users meet it: program.py PROGRAM VERSION TAP_FOLDER"""

import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile

PROGRAM, VERSION, TAP_FOLDER = sys.argv[1:4]
PROGRAM = os.path.abspath(PROGRAM)  # commands run in folders of their own
sys.path.insert(0, TAP_FOLDER)
import tap  # noqa: E402


class World:
    """A home of its own to run the program in."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="pptpd-user-")
        self.home = pathlib.Path(self._folder.name)
        self.complaints = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def write(self, name, text, mode=0o600):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def run(self, *arguments, stdin="", **environment):
        return subprocess.run(
            [PROGRAM, *arguments], input=stdin, capture_output=True, check=False, cwd=self.home,
            encoding="utf-8", errors="surrogateescape", timeout=20,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], **environment})

    def expect(self, what, holds):
        if not holds:
            self.complaints.append(what)

    def expect_result(self, result, status, out=None, err=""):
        what = f"{' '.join(result.args[1:])}: "
        self.expect(f"{what}status {result.returncode}, not {status}", result.returncode == status)
        if out is not None:
            self.expect(f"{what}standard output is {result.stdout!r}", result.stdout == out)
        self.expect(f"{what}{err!r} is not in {result.stderr!r}", err in result.stderr)
        if status == 0:
            self.expect(f"{what}standard error is {result.stderr!r}", result.stderr == "")


PLAIN = 'server = "vpn.example.com"\nuser = "alice"\n'


def version_and_help(world):
    world.expect_result(world.run("version"), 0, f"pptpd-user {VERSION}\n")
    for arguments in [["--help"], ["profile", "--help"], ["profile", "show", "--help"]]:
        result = world.run(*arguments)
        world.expect_result(result, 0)
        world.expect(f"{arguments}: no usage line", "Usage: pptpd-user" in result.stdout)


def usage_errors(world):
    for arguments, err in [
            ([], "a command is missing"),
            (["versoin"], "did you mean 'version'?"),
            (["profile"], "a command is missing"),
            (["profile", "shwo", "x"], "did you mean 'show'?"),
            (["profile", "show"], "PROFILE is required"),
            (["profile", "show", "a", "b"], "'b' is one argument too many"),
            (["profile", "show", "a", "--ste", "b=c"], "did you mean '--set'?"),
            (["version", "--log-format", "xml"], "--log-format"),
            (["\udcff\udcfe"], "there is no command")]:
        result = world.run(*arguments)
        world.expect_result(result, 2, "", err)
        world.expect(f"{arguments}: no id", "[config-invalid]" in result.stderr)
        world.expect(f"{arguments}: no way to help", "--help" in result.stderr)


def new_profiles(world):
    path = world.home / ".config/pptpd-user/office.toml"
    world.expect_result(world.run("profile", "new", "office"), 0, f"{path}\n")
    world.expect("it is not the owner's alone", stat.S_IMODE(path.stat().st_mode) == 0o600)
    world.expect_result(world.run("profile", "check", "office"), 0, "office: ok\n")
    path.write_text(PLAIN)
    world.expect_result(world.run("profile", "new", "office"), 2, "", "File exists")
    world.expect("it was written over", path.read_text() == PLAIN)
    (world.home / "link.toml").symlink_to(world.home / "target.toml")
    world.expect_result(world.run("profile", "new", "./link.toml"), 2, "", "File exists")
    world.expect("a link was followed", not (world.home / "target.toml").exists())
    world.expect_result(world.run("profile", "new", "./here.toml"), 0, "./here.toml\n")
    world.expect_result(world.run("profile", "new", "./none/here.toml"), 2, "", "No such file")
    world.expect_result(world.run("profile", "new", "-"), 2, "")
    other = world.home / "elsewhere"
    world.expect_result(world.run("profile", "new", "x", XDG_CONFIG_HOME=str(other)), 0,
                        f"{other}/pptpd-user/x.toml\n")


def finding_profiles(world):
    world.write(".config/pptpd-user/office.toml", PLAIN)
    world.write("xdg/pptpd-user/office.toml", PLAIN + "[network]\nmtu = 1300\n")
    world.write("here.toml", PLAIN)
    result = world.run("profile", "show", "office")
    world.expect("not from ~/.config", ".config/pptpd-user/office.toml:1" in result.stdout)
    result = world.run("profile", "show", "office", XDG_CONFIG_HOME=str(world.home / "xdg"))
    world.expect("not from $XDG_CONFIG_HOME", "network.mtu = 1300" in result.stdout)
    world.expect_result(world.run("profile", "check", "./here.toml"), 0, "here: ok\n")
    world.expect_result(world.run("profile", "check", "-", stdin=PLAIN), 0, "stdin: ok\n")
    missing = world.run("profile", "check", "missing")
    world.expect_result(missing, 2, "", "/etc/pptpd-user/missing.toml")
    world.expect_result(world.run("profile", "check", "here.toml"), 2, "", "./here.toml")


def mistakes(world):
    path = world.write("p.toml", PLAIN + "[network]\nmtuu = 1400\nroutes = [\"10.0.0.1/8\"]\n"
                       "[link]\nthreads = 3\n")
    result = world.run("profile", "check", path, "--set", "network.dns=pear")
    world.expect_result(result, 2, "")
    lines = [line for line in result.stderr.splitlines() if not line.startswith(" ")]
    wanted = [f"--set network.dns: 'network.dns'", f"{path}:4:1: unknown key 'network.mtuu'",
              f"{path}:5:11: 'network.routes'", f"{path}:7:11: 'link.threads' must be"]
    world.expect(f"these are not the four mistakes, in order: {lines}",
                 len(lines) == 4 and all(l.startswith(w) for l, w in zip(lines, wanted)))
    world.expect("the nearest key is not named", "did you mean 'network.mtu'?" in result.stderr)
    for command in ["check", "show"]:
        broken = world.run("profile", command, world.write("q.toml", PLAIN + "mtu = = 3\n"))
        world.expect_result(broken, 2, "", "q.toml:3:7: ")


def secrets(world):
    text = PLAIN + 'password = "hunter2"\n'
    private = world.write("private.toml", text)
    shown = world.run("profile", "show", private)
    world.expect_result(shown, 0)
    world.expect("the password is shown", "hunter2" not in shown.stdout)
    world.expect("the password is not masked", 'password = "***"' in shown.stdout)
    for mode in [0o644, 0o640, 0o604]:
        result = world.run("profile", "check", world.write("open.toml", text, mode))
        world.expect_result(result, 2, "", "chmod 600 ")
        world.expect("the password is in the error", "hunter2" not in result.stderr)
    world.write("secret", "hunter2\n", 0o644)
    with_file = world.write("file.toml", PLAIN + 'password-file = "secret"\n')
    world.expect_result(world.run("profile", "check", with_file), 2, "", "chmod 600 ")
    (world.home / "secret").chmod(0o600)
    world.expect_result(world.run("profile", "check", with_file), 0, "file: ok\n")
    wrong = world.run("profile", "check", private, "--set", 'password=["hunter2"]')
    world.expect_result(wrong, 2, "", "--set password: ")
    world.expect("the password is in the error", "hunter2" not in wrong.stderr)


def where_values_come_from(world):
    path = world.write("p.toml", PLAIN + "[network]\nmtu = 1300\n")
    shown = world.run("profile", "show", path, "--set", "network.default-route=true").stdout.splitlines()
    for start, end in [('server = "vpn.example.com"', f"# {path}:1"), ("network.mtu = 1300", f"# {path}:4"),
                       ("network.default-route = true", "# --set"), ("link.echo-interval = 30", "# default"),
                       ("# password is not set", "")]:
        world.expect(f"no line from {start!r} to {end!r}",
                     any(line.startswith(start) and line.endswith(end) for line in shown))


def server_configuration(world):
    world.write("secrets", "alice * x *\nbob * y *\n")
    config = world.write("s.toml", 'users = "secrets"\npool = "10.0.0.2-9"\naddress = "10.0.0.1"\n')
    world.expect_result(world.run("serve", config, "--check"), 0)
    world.expect_result(world.run("serve", config, "--check", "--set", "pool=10.0.0.9-2"), 2, "", "--set pool: ")
    world.write("secrets", "alice * x *\nbob\n")
    world.expect_result(world.run("serve", config, "--check"), 2, None, f"{world.home}/secrets:2:1: ")
    world.write("secrets", "alice * x *\n", 0o644)
    result = world.run("serve", config, "--check")
    world.expect("no warning about permissions", ": warning: " in result.stderr and "chmod 600" in result.stderr)
    world.expect("a warning fails the check", result.returncode == 0)
    (world.home / "secrets").unlink()
    world.expect_result(world.run("serve", config, "--check"), 2, "", "No such file")


BAD_PASSWORD = ('rcvd [CHAP Failure id=0x1 "E=691 R=1 C=00112233445566778899aabbccddeeff V=3"]\n'
                "CHAP authentication failed\nConnection terminated.\n")


def explaining_logs(world):
    path = world.write("pppd.log", BAD_PASSWORD)
    for result in [world.run("explain", path), world.run("explain", stdin=BAD_PASSWORD), world.run("explain", "-", stdin=BAD_PASSWORD)]:
        world.expect_result(result, 0)
        world.expect(f"the cause is not first: {result.stdout!r}", "[chap-e691-bad-password]" in result.stdout.splitlines()[0])
        world.expect("a challenge is shown", "00112233" not in result.stdout)
    document = json.loads(world.run("explain", path, "--json").stdout)
    world.expect(f"keys of the document: {sorted(document)}", set(document) == {"findings", "steps"})
    finding = document["findings"][0]
    world.expect(f"keys of a finding: {sorted(finding)}",
                 set(finding) == {"id", "summary", "cause", "evidence", "remedy"} and finding["id"] == "chap-e691-bad-password")
    usual = json.loads(world.run("explain", "--json", stdin="sent [CCP ConfReq id=0x1 <mppe 1 0 0 e1>]\n").stdout)["usual"]
    world.expect(f"not in words: {usual}", "(128 and 56 and 40 bits, stateless, MPPC)" in usual[0]["evidence"][0])
    asked = world.run("explain", stdin="rcvd [CCP ConfReq id=0x1 <mppe +H -M +S -L -D -C>]\n").stdout
    world.expect(f"a request is a trouble: {asked}", asked.startswith("nothing wrong found\n") and
                 "it is also seen with: MPPE required but peer refused [mppe-peer-refused]\n" in asked)
    world.expect_result(world.run("explain", stdin="local  IP address 10.0.0.1\nExit.\n"), 0)
    world.expect("a good log is not good", world.run("explain", stdin="local  IP address 10.0.0.1\nExit.\n").stdout
                 .startswith("nothing wrong found\n"))
    world.expect_result(world.run("explain", stdin="hello\n"), 0, "nothing recognised\n")
    world.expect_result(world.run("explain", stdin=""), 0, "nothing recognised\n")
    for unreadable in ["none.log", "."]:
        world.expect_result(world.run("explain", unreadable), 2, "", "[config-invalid]")


def errors_in_json(world):
    for command in [("doctor", "two words"), ("doctor", "vpn.example.com", "--report", "none/page.html"), ("connect", "./none.toml"),
                    ("serve", "none.toml")]:
        result = world.run(*command, "--log-format", "json")
        world.expect_result(result, 2, "")
        told = [json.loads(line) for line in result.stderr.splitlines()]
        world.expect(f"{command}: {told}", [(line["level"], line["id"]) for line in told] == [("error", "config-invalid")] and
                     told[0]["message"] == told[0]["summary"] and isinstance(told[0]["remedy"], list))


def page_beside_another_file(world):
    other = pathlib.Path(world.write("page.html.new", "somebody's"))
    world.expect_result(world.run("doctor", "127.0.0.1", "--report", "page.html"), 2, "", "cannot write page.html.new: File exists")
    world.expect("the other file is gone", other.exists() and other.read_text() == "somebody's")


def results_that_go_nowhere(world):
    for command in [("symptoms",), ("version",), ("explain", "/dev/null", "--json"), ("--help",)]:
        with open("/dev/full", "wb") as full:
            result = subprocess.run([PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, check=False, timeout=20)
        world.expect(f"{command}: {result}", result.returncode == 2 and b"[config-invalid]" in result.stderr)


def hosts_that_are_none(world):
    for host, complaint in [("b\u00fccher.example", "is not a name in ASCII"), ("two words", "is not a host name"), ("", "is empty")]:
        world.expect_result(world.run("doctor", host), 2, "", complaint)


def listing_symptoms(world):
    listed = world.run("symptoms")
    world.expect_result(listed, 0)
    ids = [line.split()[0] for line in listed.stdout.splitlines()]
    world.expect("few symptoms", len(ids) > 190)
    world.expect("the JSON list is another", [entry["id"] for entry in json.loads(world.run("symptoms", "--json").stdout)] == ids)
    one = world.run("symptoms", "gre-blocked")
    world.expect_result(one, 0)
    world.expect("it is not the one", "[gre-blocked]" in one.stdout)
    entry = json.loads(world.run("symptoms", "gre-blocked", "--json").stdout)
    world.expect(f"keys: {sorted(entry)}", set(entry) == {"id", "title", "class", "side", "cause", "remedy", "answer", "patterns"})
    world.expect_result(world.run("symptoms", "gre-blokced"), 2, "", "did you mean 'gre-blocked'?")


def complaints_of(test):
    with World() as world:
        test(world)
        return world.complaints


tap.report({test.__name__.replace("_", " "): complaints_of(test) for test in [
    version_and_help, usage_errors, new_profiles, finding_profiles, mistakes, secrets, where_values_come_from,
    server_configuration, explaining_logs, errors_in_json, page_beside_another_file, results_that_go_nowhere, hosts_that_are_none, listing_symptoms]})
