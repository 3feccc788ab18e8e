#!/usr/bin/env python3
"""What the program writes down of calls: the log in pppd's words, held against pppd's own, and captures, read by
tshark."""

import os
import re
import stat
import subprocess

from harness import peers
from harness.bench import ClientBench
from harness.cases import CLEAR, ENCIPHERED, case, expect, main
from harness.lab import CLIENT_ADDRESS

PACKET = re.compile(r"(sent|rcvd) (\[[A-Z0-9]+ [^\n]*)")
OTHER_WAY = {"sent": "rcvd", "rcvd": "sent"}


def packets(log):
    """[(direction, packet)] of the PPP packets that a log tells of. pppd never shows PAP's password."""
    return [(way, re.sub(r'password=".*"', "password=<hidden>", words.rstrip()))
            for way, words in PACKET.findall(log) if not words.startswith("[PPTP")]


def same_words(bench, *mppe, client=(), **server):
    """A call, after which both logs have the same packets."""
    bench.pptpd.start(*mppe, **server)
    with bench.tunnel("office", "-v", "--log-secrets", **dict(client)) as (process, _):
        bench.ping_from_client(peers.SERVER_INNER)
    ours = packets(process.stderr())
    theirs = packets(bench.pptpd.log())
    if len(ours) < 12:
        raise AssertionError(f"too few packets in our log:\n{process.stderr()}")
    told = {(OTHER_WAY[way], words) for way, words in theirs}
    unknown = [f"{way} {words}" for way, words in ours if (way, words) not in told]
    expect(unknown, [], "packets that our log words otherwise than pppd's")


@case("trace: our log has pppd's words: MS-CHAPv2, MPPE, VJ refused, PFC and ACFC", tap=ENCIPHERED)
def words(bench):
    same_words(bench, *peers.MPPE_128)


@case("trace: our log has pppd's words: VJ, DNS and WINS, an asyncmap", tap=ENCIPHERED)
def more_words(bench):
    hooks = bench.lab.run / "hooks"  # who asks for WINS servers
    hooks.mkdir(exist_ok=True)
    (hooks / "ip-up").write_text("#!/bin/sh\n")
    (hooks / "ip-up").chmod(0o755)
    same_words(bench, *peers.MPPE_40, client={"encryption": {"key-bits": [40]}, "network": {"ip-up-dir": str(hooks)}},
               vj=True, options=("ms-dns 192.0.2.1", "ms-dns 192.0.2.2", "ms-wins 192.0.2.3", "asyncmap a0000"))


@case("trace: our log has pppd's words: PAP, CCP refused", tap=CLEAR)
def pap_words(bench):
    same_words(bench, *peers.NO_MPPE, client={"auth": {"methods": ["pap"]}, "encryption": {"mppe": "off"}}, method="pap")


@case("trace: without --log-secrets nothing is in the log that the password can be guessed from", tap=ENCIPHERED)
def hidden(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office", "-v") as (process, _):
        bench.ping_from_client(peers.SERVER_INNER)
    log = process.stderr()
    for line in ('[CHAP Response id=0x', ' <hidden>, name = "alice"]', '"S=<hidden> M='):
        if line not in log:
            raise AssertionError(f"not in the log: {line}\n{log}")
    secrets = re.findall(r"<([0-9a-f]{98})>|S=([0-9A-F]{40})", bench.pptpd.log())
    expect(len(set(secrets)), 2, "secrets in pppd's log")
    for secret in filter(None, sum(secrets, ())):
        if secret.lower() in log.lower():
            raise AssertionError("a secret is in the log")


def tshark(path, *arguments):
    ran = subprocess.run(["tshark", "-r", str(path), *arguments], capture_output=True, text=True, timeout=60, check=True,
                         env=os.environ | {"HOME": "/nonexistent", "LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL)
    return ran.stdout


def captured(bench, *arguments, **tables):
    """A capture of a call with five pings: its path."""
    path = bench.lab.run / "capture.pcapng"
    path.unlink(missing_ok=True)
    with bench.tunnel("office", "--pcap", path, *arguments, **tables) as (_, status):
        bench.ping_from_client(peers.SERVER_INNER, count=5)
    expect(stat.S_IMODE(path.stat().st_mode), 0o600, "the capture's mode")
    return path, status


@case("trace: a capture, read by tshark: nothing malformed, what was said, and the packets inside", tap=ENCIPHERED)
def capture(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path, status = captured(bench)
    expect(tshark(path, "-Y", "_ws.malformed || tcp.analysis.flags", "-o", "tcp.check_checksum:TRUE", "-o",
                  "ip.check_checksum:TRUE"), "", "what tshark finds wrong")
    fields = [line.split("\t") for line in tshark(
        path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.protocols", "-e", "ip.src",
        "-e", "icmp.type").splitlines()]
    expect({line[0] for line in fields}, {"wire", "ppp", "ip"}, "interfaces")
    for name, protocols in (("wire", "pptp"), ("wire", "gre"), ("ppp", "lcp"), ("ppp", "chap"), ("ppp", "ipcp"),
                            ("ip", "icmp")):
        if not any(line[0] == name and protocols in line[1] for line in fields):
            raise AssertionError(f"no {protocols} on {name}")
    inside = [line for line in fields if line[0] == "ip" and "icmp" in line[1]]
    expect({line[2] for line in inside}, {status["local"], peers.SERVER_INNER}, "addresses inside")
    expect(sorted({line[3] for line in inside}), ["0", "8"], "ICMP types inside")
    outside = {line[2] for line in fields if line[0] == "wire" and line[1].endswith("gre:ppp:comp_data")}
    expect(outside, {CLIENT_ADDRESS, bench.guest.address}, "who sends enciphered packets")
    expect(tshark(path, "-T", "fields", "-e", "chap.value", "-Y", "chap.code == 2").replace("0", "").strip(), "",
           "the responses, zeros left out")


@case("trace: a capture shows no password, unless it is asked to", tap=CLEAR)
def capture_secrets(bench):
    bench.pptpd.start(*peers.NO_MPPE, method="pap")
    tables = {"auth": {"methods": ["pap"]}, "encryption": {"mppe": "off"}}
    for arguments, shown in (((), False), (("--log-secrets",), True)):
        path, _ = captured(bench, *arguments, **tables)
        expect(peers.PASSWORD.encode() in path.read_bytes(), shown, f"the password is in the capture of {arguments}")
        expect(peers.USER.encode() in path.read_bytes(), True, "the user is in it")


@case("trace: a capture that cannot be written ends connect before anything is done")
def unwritable(bench):
    path = bench.program.profile("office", bench.settings())
    ended = bench.program.run("connect", path, "--pcap", "/nonexistent/capture")
    expect((ended.returncode, ended.stderr.splitlines()[0]),
           (2, "--pcap /nonexistent/capture: cannot write /nonexistent/capture: No such file or directory [config-invalid]"),
           "exit status, and what it says")


if __name__ == "__main__":
    main(ClientBench, needs=["tshark"])
