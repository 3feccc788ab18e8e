#!/usr/bin/env python3
"""`doctor` names what is wrong, and a `connect` that fails names the same: each fault is made to happen, with a small server that does one thing wrong, or by the
network and the host."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from harness import peers
from harness.cases import CLEAR as CLEAR_PACKETS
from harness.cases import case, expect, main
from harness.lab import CLIENT_ADDRESS, WIRE_ADDRESS, wait_for
from harness.program import Program
from harness.report import Report
from harness.tap import Tap

FAKE = pathlib.Path(__file__).parent / "harness/fake_server.py"
CLEAR = {"encryption": {"mppe": "off"}}
LIMIT = 30  # seconds

# To and from name servers, as the tap words it.
QUESTIONS = r"IP protocol 17 from .*|IP protocol 1 from .*"

# Rules of a host that lets TCP in.
GRE_KEPT_OUT = ["add chain ip doctor in { type filter hook input priority 0; policy drop; }",
                "add rule ip doctor in meta l4proto tcp accept"]

# A name server that knows no name (RFC 1035 4.1.1: RCODE 3).
NO_SUCH_NAME = """
import socket
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("0.0.0.0", 53))
print("ready", flush=True)
while True:
    question, asker = names.recvfrom(512)
    names.sendto(question[:2] + bytes([0x81, 0x83]) + question[4:], asker)
"""

OTHER_TUNNEL = """
import socket
import sys
connection = socket.create_connection((sys.argv[1], 1723))
print("ready", flush=True)
connection.recv(1)
"""


def keep(page, ids):
    """PPTPD_USER_KEEP_REPORTS: a folder that gets the first page of each finding."""
    folder = os.environ.get("PPTPD_USER_KEEP_REPORTS")
    if folder and not (copy := pathlib.Path(folder, f"{(ids or ['success'])[0]}.html")).exists():
        shutil.copy(page, copy)


class DoctorBench:
    """No guest: the server runs on the other end of the client's wire."""

    def __init__(self, lab, binary):
        self.lab = lab
        self.program = Program(lab, binary)
        self.tap = Tap(lab)

    @contextlib.contextmanager
    def server(self, fault):
        process = self.lab.spawn(self.lab.in_wire(["python3", str(FAKE), fault]), stdout=subprocess.PIPE)
        expect(process.stdout.readline(), b"ready\n", "the server")
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def other_tunnel(self, fault):
        """A server of that fault, and a connection to it that nothing is said on."""
        with self.server(fault):
            process = self.lab.spawn(self.lab.in_client(["python3", "-c", OTHER_TUNNEL, WIRE_ADDRESS]), stdout=subprocess.PIPE)
            expect(process.stdout.readline(), b"ready\n", "the other tunnel")
            try:
                yield
            finally:
                process.kill()
                process.wait()

    @contextlib.contextmanager
    def real_server(self, **settings):
        """`pptpd-user serve` on the other end of the wire, with a pool of one address."""
        users = self.lab.run / "chap-secrets"
        users.touch(mode=0o600)
        users.write_text(f'{peers.USER} * "{peers.PASSWORD}" *\nbob * "secret-of-bob" *\n')
        path = self.program.profile("server", {
            "users": str(users), "address": "192.168.78.1", "pool": "192.168.78.10-192.168.78.10"} | settings)
        environment = self.program.environment | {"PPTPD_USER_RUNTIME_DIR": str(self.lab.run / "server")}
        with open(self.lab.run / "program-server.err", "wb") as err:
            process = self.lab.spawn(self.lab.in_wire([self.program.binary, "serve", str(path)]), stderr=err, env=environment)
        listens = self.lab.in_wire(["ss", "-Hltn", "sport = :1723"])
        wait_for(lambda: subprocess.run(listens, capture_output=True, check=True).stdout, 10, "the server to listen")
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)

    @contextlib.contextmanager
    def rules(self, where, rules):
        """A packet filter on the client's host, or on the server's."""
        run = where + ["nft"]
        subprocess.run([*run, "add table ip doctor; " + "; ".join(rules)], check=True)
        try:
            yield
        finally:
            subprocess.run([*run, "delete table ip doctor"], check=True)

    def profile(self, name="office", **tables):
        return self.program.profile(
            name, {"server": WIRE_ADDRESS, "user": peers.USER, "password": peers.PASSWORD} | tables)

    def doctor(self, patient, wrapper=()):
        """What it finds: ids, and {step: verdict}."""
        began = time.monotonic()
        path = self.lab.run / "report.html"
        path.unlink(missing_ok=True)
        process = self.program.start("doctor", patient, "--json", "--log-secrets", "--report", path, wrapper=wrapper)
        status = process.exit_status(LIMIT)
        seconds = time.monotonic() - began
        if seconds > LIMIT:
            raise AssertionError(f"it took {seconds:.1f} s")
        said = process.stdout()
        if not said.startswith("{"):
            raise AssertionError(f"exit status {status}:\n{said}{process.stderr()}")
        document = json.loads(said)
        expect(status, 1 if document["findings"] else 0, "exit status")
        for finding in document["findings"]:
            if not finding["remedy"] or not finding["summary"]:
                raise AssertionError(f"a finding without a summary or a remedy: {finding}")
        self.last = document
        ids = [f["id"] for f in document["findings"]]
        steps = {s["step"]: s["verdict"] for s in document["steps"]}
        self.page = self.look_at(path, steps, document["findings"])
        keep(path, ids)
        return ids, steps

    def look_at(self, path, steps, findings):
        """The page about what was found; what must hold for every page is seen to."""
        page = Report(path)
        expect(page.outside(), [], "what the page asks others for")
        expect(page.mode, 0o644, "its mode")
        expect(page.steps(), steps, "its steps")
        expect(page.verdict(), findings[0]["summary"] if findings else "Nothing wrong found", "its verdict")
        expect(peers.PASSWORD in page.text, False, "the password on the page")
        return page

    def finds(self, wanted, step, fault=None, as_connect=True, patient=None, **tables):
        """The first finding with a server of that fault, the step that fails, and the same id from `connect`."""
        patient = patient or self.profile(**tables)
        with self.server(fault) if fault else contextlib.nullcontext():
            ids, steps = self.doctor(patient)
            expect(ids[:1], [wanted], "the first finding")
            expect(steps[step], "fail", step)
            if as_connect:
                self.connect_finds(ids, patient)
        return ids, steps

    def connect_finds(self, ids, patient):
        """`connect` names the same, in the same order, and `status` remembers the first."""
        process = self.program.start("connect", patient)
        status = process.exit_status(LIMIT + 15)
        said = process.stderr()
        told = said[said.index("pptpd-user: "):]
        expect(re.findall(r"^\S.* \[([\w-]+)\]$", told, re.MULTILINE), ids, "the ids that connect gives")
        last = self.program.status(pathlib.Path(patient).stem)["last"]
        expect((last["id"], last["exit"]), (ids[0], status), "what status remembers")

    def logs(self):
        return "".join(f"--- {p.name}\n{p.read_text(errors='replace')[-3000:]}"
                       for p in sorted(self.lab.run.glob("program*.???"))[-2:])


@case("doctor: all is well, and the steps say so")
def all_is_well(bench):
    with bench.server("none"):
        ids, steps = bench.doctor(bench.profile(**CLEAR))
    expect(ids, [], "findings")
    expect({s for s, v in steps.items() if v != "pass"}, set(), "steps that do not pass")


@case("doctor: a host alone is not logged in to, and all is well as far as that")
def host_alone(bench):
    with bench.server("none"):
        ids, steps = bench.doctor(WIRE_ADDRESS)
    expect(ids, [], "findings")
    expect((steps["LCP"], steps["authentication"]), ("pass", "unknown"), "steps")


@case("doctor: a name that does not exist", around=QUESTIONS)
def name_unknown(bench):
    names = bench.lab.spawn(bench.lab.in_wire(["python3", "-c", NO_SUCH_NAME]), stdout=subprocess.PIPE)
    expect(names.stdout.readline(), b"ready\n", "the name server")
    before = bench.lab.client("cat", "/etc/resolv.conf")
    set_names = ["sh", "-c", 'printf %s "$1" >/etc/resolv.conf', "sh"]
    bench.lab.client(*set_names, f"nameserver {WIRE_ADDRESS}\n")
    try:
        bench.finds("name-not-found", "name", server="no-such-host.invalid")
        expect(bench.page.rungs(), [], "what is drawn")
        expect(bench.page.remark().startswith("No packet went to the server. name: "), True, bench.page.remark())
    finally:
        bench.lab.client(*set_names, before)
        names.kill()
        names.wait()


@case("doctor: name servers that do not answer", around=QUESTIONS)
def no_name_server(bench):
    bench.finds("name-no-answer", "name", server="no-such-host.invalid")


@case("doctor: nothing listens")
def nothing_listens(bench):
    bench.finds("ctrl-refused", "TCP port")
    expect(bench.page.rungs("failing", "missing", "sent"), ["TCP SYN to the PPTP port"], "what is marked")


@case("doctor: the port is filtered")
def filtered(bench):
    with bench.rules(bench.lab.in_wire([]), [
            "add chain ip doctor in { type filter hook input priority 0; }",
            "add rule ip doctor in tcp dport 1723 drop"]):
        bench.finds("ctrl-unreachable-1723", "TCP port", "none")


# Fault of the server: id, step, the arrows that are marked on the page.
SERVER_FAULTS = {
    "closes": ("hosts-allow-denied", "TCP port", ["Start-Control-Connection-Request", "Start-Control-Connection-Reply"]),
    "not-pptp": ("not-pptp", "TCP port", ["not a PPTP message"]),
    "start-rejected": ("ctrl-start-rejected", "control connection", ["Start-Control-Connection-Reply"]),
    "start-twice": ("ctrl-start-rejected", "control connection", ["Start-Control-Connection-Reply"]),
    "call-rejected": ("call-rejected", "outgoing call", ["Outgoing-Call-Reply"]),
    "call-busy": ("call-busy", "outgoing call", ["Outgoing-Call-Reply"]),
    "silent": ("gre-blocked", "GRE back", ["LCP Configure-Request", "GRE from the server"]),
    "looped-back": ("lcp-looped-back", "LCP", ["LCP Configure-Request"]),
    "only-pap": ("auth-no-common-method", "authentication", ["LCP Configure-Request"]),
    "only-chap-md5": ("auth-no-common-method", "authentication", ["LCP Configure-Request"]),
    "insists-on-pap": ("auth-no-common-method", "authentication", ["LCP Configure-Request"]),
    "e646": ("chap-e646-logon-hours", "authentication", ["CHAP Failure"]),
    "e647": ("chap-e647-disabled", "authentication", ["CHAP Failure"]),
    "e648": ("chap-e648-expired", "authentication", ["CHAP Failure"]),
    "e649": ("chap-e649-no-dialin", "authentication", ["CHAP Failure"]),
    "e691": ("chap-e691-bad-password", "authentication", ["CHAP Failure"]),
    "wrong-proof": ("server-not-authentic", "authentication", ["CHAP Success"]),
    "dies": ("peer-not-responding", "authentication", ["CHAP Response", "the server's answer"]),
    "mppe-refused": ("mppe-peer-refused", "encryption", ["LCP Protocol-Reject of CCP"]),
    "only-40": ("mppe-40-only-peer", "encryption", ["CCP Configure-Nak"]),
    "only-stateful": ("mppe-stateful-only", "encryption", ["CCP Configure-Nak"]),
}

# Fault of the server: both sides' offers, in words.
OFFERS = {
    "mppe-refused": ["our offer: 128 bits, stateless", "the server's offer: none"],
    "mppe-rejected": ["our offer: 128 bits, stateless", "the server's answer to ours: it rejects MPPE"],
    "only-40": ["our offer: 128 bits, stateless", "the server's offer: 40 bits, stateless"],
    "only-stateful": ["our offer: 128 bits, stateless", "the server's offer: 128 bits, stateful"],
}


def server_fault(fault, wanted, step, marked):
    @case(f"doctor: a server of the kind {fault} is {wanted}, as connect has it")
    def diagnosed(bench):
        bench.finds(wanted, step, fault)
        expect(bench.page.rungs("failing"), marked, "what is marked")


for each, (an_id, a_step, some_labels) in SERVER_FAULTS.items():
    server_fault(each, an_id, a_step, some_labels)


@case("doctor: a server that gives no address is ipcp-no-local-ip, as connect has it")
def no_address(bench):
    bench.finds("ipcp-no-local-ip", "addresses", "no-address", **CLEAR)
    expect(bench.page.rungs("failing"), ["IPCP Configure-Ack"], "what is marked")


@case("doctor: a real server, with 128 bits, stateless, and all is well")
def real_server(bench):
    with bench.real_server():
        ids, steps = bench.doctor(bench.profile())
        expect(ids, [], "findings")
        expect({s for s, v in steps.items() if v != "pass"}, set(), "steps that do not pass")
        agreed = next(s["evidence"] for s in bench.last["steps"] if s["step"] == "encryption")
        expect(agreed.split("; ")[1:], ["our offer: 128 bits, stateless", "the server's offer: 128 bits, stateless"], "offers")
        expect(bench.page.rungs("failing"), [], "what is marked")
        sent = bench.page.rungs("sent")
        for label in ("TCP connection", "Start-Control-Connection-Request", "Outgoing-Call-Request", "LCP Configure-Request",
                      "CHAP Response", "CCP Configure-Request", "IPCP Configure-Request", "Call-Clear-Request"):
            expect(label in sent, True, f"{label} among {sent}")
        expect(bench.doctor(WIRE_ADDRESS)[0], [], "findings without a profile")


@case("doctor: a real server, and a wrong password")
def wrong_password(bench):
    with bench.real_server():
        bench.finds("chap-e691-bad-password", "authentication", password="not-the-password")
    expect(bench.page.rungs("failing"), ["CHAP Failure"], "what is marked")
    expect("not-the-password" in bench.page.text, False, "the password on the page")


@case("doctor: a server that rejects the call as it has no address left")
def pool_exhausted(bench):
    ids, _ = bench.finds("ipcp-pool-exhausted", "outgoing call", "pool-exhausted")
    expect(ids, ["ipcp-pool-exhausted", "call-rejected"], "findings")


@case("doctor: a real server whose pool is exhausted")
def real_pool_exhausted(bench):
    with bench.real_server():
        first = bench.program.start("connect", bench.profile("first"))
        bench.program.wait_up("first", first)
        ids, _ = bench.finds("ipcp-pool-exhausted", "addresses", user="bob", password="secret-of-bob")
        expect(ids, ["ipcp-pool-exhausted", "peer-terminated"], "findings")
        expect(bench.program.run("disconnect", "first").returncode, 0, "disconnect")
        first.exit_status(5)


@case("doctor: LCP is never answered, and it does not wait for ever")
def lcp_silent(bench):
    bench.finds("lcp-timeout-path", "LCP", "lcp-silent")


@case("doctor: a server that answers nothing on the control connection")
def no_answer(bench):
    bench.finds("ctrl-no-answer", "control connection", "no-answer")


@case("doctor: both sides' offers of encryption are told in words")
def offers(bench):
    for fault, lines in OFFERS.items():
        with bench.server(fault):
            bench.doctor(bench.profile())
        evidence = bench.last["findings"][0]["evidence"]
        expect([line for line in lines if line not in evidence], [], f"{fault}: what is missing in {evidence}")


@case("doctor: the router drops GRE on its way out")
def dropped_outward(bench):
    with bench.rules(bench.lab.in_wire([]), [
            "add chain ip doctor in { type filter hook prerouting priority 0; }",
            "add rule ip doctor in ip protocol gre drop"]):
        ids, steps = bench.finds("gre-blocked", "GRE out", "none")
    expect((ids, steps["GRE back"]), (["gre-blocked"], "pass"), "findings")
    expect(bench.page.rungs("failing", "lost"), ["LCP Configure-Request"], "what is marked")
    expect(bench.page.rungs("failing", "missing"), ["GRE acknowledgement"], "what is marked")


@case("doctor: the router drops GRE on its way out, and the server waits for us to speak first")
def dropped_outward_in_silence(bench):
    with bench.rules(bench.lab.in_wire([]), [
            "add chain ip doctor in { type filter hook prerouting priority 0; }",
            "add rule ip doctor in ip protocol gre drop"]):
        ids, _ = bench.finds("gre-blocked", "GRE back", "silent")
    expect(ids, ["gre-blocked"], "findings")


@case("doctor: nothing comes back")
def nothing_back(bench):
    with bench.rules(bench.lab.in_wire([]), [
            "add chain ip doctor out { type filter hook output priority 0; }",
            "add rule ip doctor out ip protocol gre drop"]):
        bench.finds("gre-blocked", "GRE back", "none")


@case("doctor: this host's firewall does not let GRE out, and the missing rule lets it")
def eperm(bench):
    client = bench.lab.in_client([])
    with bench.rules(client, [
            "add chain ip doctor out { type filter hook output priority 0; }",
            "add rule ip doctor out ip protocol gre drop"]):
        bench.finds("gre-eperm", "GRE out", "none", **CLEAR)
        remedy = bench.last["findings"][0]["remedy"][0]
        expect(remedy, "nft insert rule ip doctor out ip protocol gre accept", "the missing rule")
        bench.lab.client(*remedy.split())
        with bench.server("none"):
            expect(bench.doctor(bench.profile(**CLEAR))[0], [], "findings with the rule")


@case("doctor: this host's firewall does not let GRE in, and the missing rule lets it")
def local_firewall(bench):
    with bench.rules(bench.lab.in_client([]), GRE_KEPT_OUT):
        ids, steps = bench.finds("gre-local-firewall", "GRE back", "none", **CLEAR)
        expect((ids, steps["local firewall"]), (["gre-local-firewall", "gre-blocked"], "fail"), "findings")
        bench.lab.client(*bench.last["findings"][0]["remedy"][0].split())
        with bench.server("none"):
            expect(bench.doctor(bench.profile(**CLEAR))[0], [], "findings with the rule")


@case("doctor: the path swallows what is longer than 1300 octets")
def black_hole(bench):
    with bench.rules(bench.lab.in_wire([]), [
            "add chain ip doctor in { type filter hook input priority 0; }",
            "add rule ip doctor in ip protocol gre meta length gt 1300 drop"]):
        bench.finds("tcp-freeze-local", "MTU", "none", as_connect=False, **CLEAR)
    lost = bench.page.rungs("failing")
    expect(bool(lost) and lost == bench.page.rungs("lost"), True, f"what is marked: {lost}")
    expect({label[:len("LCP Echo-Request, 1")] for label in lost}, {"LCP Echo-Request, 1"}, "the long ones")
    longest = int(re.search(r"up to (\d+) arrive", bench.last["findings"][0]["evidence"][0])[1])
    expect(1280 <= longest <= 1300, True, f"what is said to arrive: {longest}")


@case("doctor: an ip-up script has led the way to the server into the tunnel, whose own packets keep theirs", tap=CLEAR_PACKETS)
def route_loop(bench):
    folder = bench.lab.run / "hooks"
    folder.mkdir()
    script = folder / "ip-up"
    script.write_text(f'#!/bin/sh\nip route add {WIRE_ADDRESS}/32 dev "$1" src {CLIENT_ADDRESS}\n')
    script.chmod(0o755)
    with bench.server("none"):
        process = bench.program.start("connect", bench.profile(network={"ip-up-dir": str(folder)}, **CLEAR))
        status = bench.program.wait_up("office", process)
        way = f"{WIRE_ADDRESS} dev {status['interface']}"
        wait_for(lambda: way in bench.lab.client("ip", "route", "show", WIRE_ADDRESS), 5, "the script's route")
        ids, _ = bench.finds("route-loop-scripts", "route", patient=bench.profile("second", **CLEAR))
        expect(ids, ["route-loop-scripts", "ctrl-unreachable-1723"], "findings")
        expect(bench.program.run("status", "office").returncode, 0, "status of the call that the script was run for")
        expect(bench.program.run("disconnect", "office").returncode, 0, "disconnect")
        process.exit_status(5)


@case("doctor: the profile is connected already, and its call goes on")
def already_connected(bench):
    with bench.server("none"):
        process = bench.program.start("connect", bench.profile(**CLEAR))
        bench.program.wait_up("office", process)
        ids, steps = bench.doctor(bench.program.directory / "office.toml")
        expect((ids, steps["other tunnel"]), (["already-connected"], "fail"), "findings")
        expect(bench.program.run("status", "office").returncode, 0, "status")
        expect(bench.program.run("disconnect", "office").returncode, 0, "disconnect")
        process.exit_status(5)


@case("doctor: another tunnel from this address, and the server is silent")
def another_tunnel(bench):
    with bench.other_tunnel("silent"):
        ids, _ = bench.finds("gre-server-silent-same-nat-ip", "GRE back")
    expect(ids, ["gre-server-silent-same-nat-ip", "gre-blocked"], "findings")


@case("doctor: another tunnel from this address, and the server refuses this one")
def another_tunnel_refused(bench):
    with bench.other_tunnel("call-rejected"):
        ids, _ = bench.finds("gre-server-silent-same-nat-ip", "outgoing call")
    expect(ids, ["gre-server-silent-same-nat-ip", "call-rejected"], "findings")


@case("doctor: the first of two servers refuses, and the next one is looked at")
def next_server(bench):
    with bench.server("none"):
        ids, steps = bench.doctor(bench.profile(server=[CLIENT_ADDRESS, WIRE_ADDRESS], **CLEAR))
    expect((ids, steps["TCP port"], steps["addresses"]), (["ctrl-refused"], "pass", "pass"), "findings")


@case("doctor: a server that is left out is named")
def server_left_out(bench):
    bench.finds("chap-e691-bad-password", "authentication", "e691", as_connect=False, server=[WIRE_ADDRESS, CLIENT_ADDRESS])
    expect("not looked at: " + CLIENT_ADDRESS in bench.last["findings"][0]["evidence"], True, "the other server in the evidence")


@case("connect: attempts that fail in the same way are looked into once, and status has the cause")
def looked_into_once(bench):
    with bench.server("none"):
        process = bench.program.start("connect", bench.profile(link={"retry-first": 0.2, "max-attempts": 2}, **CLEAR))
        bench.program.wait_up("office", process)
        with bench.rules(bench.lab.in_client([]), GRE_KEPT_OUT):
            bench.program.run("reconnect", "office")
            wait_for(lambda: (bench.program.status("office")["last"] or {}).get("id") == "gre-local-firewall", 15, "the cause")
            expect(process.exit_status(LIMIT), 35, "exit status")
    said = process.stderr()
    expect((said.count("; calling again"), said.count("the likely cause: ")), (2, 1), f"what is logged in {said}")
    expect("pptpd-user: this host's firewall does not let GRE in [gre-local-firewall]" in said, True, "the end")


@case("connect: a connection that was up says how long it was, and what passed")
def was_up(bench):
    with bench.server("none") as server:
        process = bench.program.start("connect", bench.profile(link={"reconnect": False}, **CLEAR))
        bench.program.wait_up("office", process)
        server.kill()
        expect(process.exit_status(5), 15, "exit status")
    if not re.search(r"^    up for \d+ s, \d+ packets sent, \d+ received, nothing from", process.stderr(), re.MULTILINE):
        raise AssertionError(process.stderr())


@case("connect: TERM while it looks for the cause ends it at once, with how the call ended")
def term_while_looking(bench):
    """A nft that hangs."""
    asked, nft = bench.lab.run / "asked", bench.lab.run / "nft"
    nft.write_text(f"#!/bin/sh\ntouch {asked}\nexec sleep 60\n")
    nft.chmod(0o755)
    in_its_place = ["unshare", "--mount", "sh", "-c", f'mount --bind {nft} "$(command -v nft)" && exec "$@"', "sh"]
    with bench.server("silent"):
        process = bench.program.start("connect", bench.profile(), wrapper=in_its_place)
        wait_for(asked.exists, LIMIT, "nft to be asked")
        expect("pptp0" in bench.lab.client("ip", "-o", "link"), False, "an interface is left")
        status, seconds = process.end()
    expect((status, seconds < 1, "[gre-blocked]" in process.stderr()), (35, True, True), "its end")


@case("doctor: no /dev/net/tun")
def no_tun(bench):
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev/net && exec "$@"', "sh"]
    with bench.server("none"):
        ids, steps = bench.doctor(bench.profile(**CLEAR), wrapper=hidden)
    expect((ids, steps["TUN device"], steps["addresses"]), (["tun-missing"], "fail", "pass"), "findings")


WITHOUT_RAW_SOCKETS = ["capsh", "--drop=cap_net_raw", "--", "-c", 'exec "$@"', "sh"]


@case("doctor: a capability is missing, and the server's TCP port is looked at all the same")
def no_capability(bench):
    with bench.server("none"):
        ids, steps = bench.doctor(bench.profile(**CLEAR), wrapper=WITHOUT_RAW_SOCKETS)
    expect(ids, ["need-root"], "findings")
    expect([steps[step] for step in ("permissions", "name", "route", "TCP port", "control connection")],
           ["fail", "pass", "pass", "pass", "unknown"], "steps")
    ids, steps = bench.doctor(bench.profile(**CLEAR), wrapper=WITHOUT_RAW_SOCKETS)
    expect((ids, steps["TCP port"]), (["need-root", "ctrl-refused"], "fail"), "findings where nobody listens")


@case("doctor: as text, with a line for each step, and the id")
def as_text(bench):
    ended = bench.program.run("doctor", WIRE_ADDRESS)
    expect(ended.returncode, 1, "exit status")
    for words in ("pass     name: " + WIRE_ADDRESS, "fail     TCP port: ", "[ctrl-refused]"):
        expect(words in ended.stdout, True, f"{words!r} in what it says")


@case("connect: with its log in JSON, every line of it is, and the last one says how it ended")
def in_json(bench):
    for background in ((), ("--background",)):
        ended = bench.program.run("connect", bench.profile(), "--log-format", "json", *background)
        expect(ended.returncode, 33, "exit status")
        told = [json.loads(line) for line in ended.stderr.splitlines()]
        expect((told[0]["message"], told[-1]["id"], told[-1]["level"]),
               (f"looking up {WIRE_ADDRESS}", "ctrl-refused", "error"), "what it says")
        expect((told[-1]["message"], told[-1]["evidence"]),
               (f"{WIRE_ADDRESS} refuses connections to the PPTP port",
                [f"cannot connect to {WIRE_ADDRESS} port 1723: Connection refused"]), "how it ended")


@case("doctor: a password in clear is on the wire, and not on the page")
def masked_on_the_page(bench):
    with bench.server("pap"):
        bench.doctor(bench.profile(auth={"methods": ["pap"]}, **CLEAR))
    expect(bench.page.rungs("failing"), ["PAP Authenticate-Nak"], "what is marked")
    expect("password=&#x3c;hidden&#x3e;" in bench.page.text, True, "its place")


@case("doctor: what a server says is text on the page, whatever it says")
def hostile_on_the_page(bench):
    with bench.server("hostile"):
        bench.doctor(bench.profile())
    expect("&#x3c;script&#x3e;" in bench.page.text, True, "the server's words as text")


@case("doctor: a page that cannot be written is an error before anything is looked at")
def no_place_for_the_page(bench):
    for place in (bench.lab.run / "none/report.html", bench.lab.run):
        ended = bench.program.run("doctor", WIRE_ADDRESS, "--report", place, timeout=5)
        expect((ended.returncode, ended.stdout), (2, ""), "exit status, and what it prints")
        expect(f"--report {place}: cannot " in ended.stderr, True, f"the place in {ended.stderr!r}")
    expect(list(bench.lab.run.glob("*.new")), [], "what is left")


main(DoctorBench, lanes=6)
