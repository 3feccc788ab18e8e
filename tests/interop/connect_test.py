#!/usr/bin/env python3
"""Our client and pptpd: what they agree on, and how it ends when they do not."""

import datetime
import json
import shutil
import pathlib
import stat

from harness import peers
from harness.bench import ClientBench
from harness.cases import CLEAR, ENCIPHERED, case, expect, main
from harness.lab import wait_for


@case("connect: MS-CHAPv2 with MPPE-128, stateless", tap=ENCIPHERED)
def mppe_128(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office") as (_, status):
        expect((status["state"], status["local"], status["peer"]),
               ("up", peers.CLIENT_INNER, peers.SERVER_INNER), "status")
        expect((status["auth"], status["mppe"]), ("mschapv2", {"bits": 128, "mode": "stateless"}), "status")
        bench.ping_from_client(peers.SERVER_INNER)
        bench.ping_from_guest(status["local"])


@case("connect: MS-CHAPv2 with MPPE-40, stateless", tap=ENCIPHERED)
def mppe_40(bench):
    bench.pptpd.start(*peers.MPPE_40)
    with bench.tunnel("office", encryption={"key-bits": [40]}) as (_, status):
        expect(status["mppe"], {"bits": 40, "mode": "stateless"}, "status")
        bench.ping_from_client(peers.SERVER_INNER)
        bench.ping_from_guest(status["local"])


@case("connect: the strongest key of several is agreed on", tap=ENCIPHERED)
def several_keys(bench):
    bench.pptpd.start("require-mppe", "nomppe-stateful")
    with bench.tunnel("office", encryption={"key-bits": [40, 128]}) as (_, status):
        expect(status["mppe"], {"bits": 128, "mode": "stateless"}, "status")
        bench.ping_from_client(peers.SERVER_INNER)


@case("connect: without MPPE where that is allowed", tap=CLEAR)
def no_mppe(bench):
    bench.pptpd.start(*peers.NO_MPPE)
    with bench.tunnel("office", encryption={"mppe": "off"}) as (_, status):
        expect(status["mppe"], None, "status")
        bench.ping_from_client(peers.SERVER_INNER)
        bench.ping_from_guest(status["local"])


@case("connect: a server that challenges again and again keeps its client", tap=ENCIPHERED)
def challenged_again(bench):
    bench.pptpd.start(*peers.MPPE_128, options=("chap-interval 2",))
    with bench.tunnel("office") as (_, status):
        bench.ping_from_client(peers.SERVER_INNER, count=50)  # some 10 s
        bench.ping_from_guest(status["local"])
        answered = bench.pptpd.log().count("sent [CHAP Success")
        if answered < 4:
            raise AssertionError(f"challenges that were met: {answered}")


@case("connect: PFC and ACFC, where the peer has them", tap=ENCIPHERED)
def short_framing(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office"):
        bench.ping_from_client(peers.SERVER_INNER)
        for direction in ("rcvd", "sent"):
            bench.pptpd.wait_log(rf"{direction} \[LCP ConfAck .*<pcomp> <accomp>")


@case("connect: neither PFC nor ACFC, where the peer refuses them", tap=ENCIPHERED)
def long_framing(bench):
    bench.pptpd.start(*peers.MPPE_128, options=("nopcomp", "noaccomp"))
    with bench.tunnel("office"):
        bench.ping_from_client(peers.SERVER_INNER)
        bench.pptpd.wait_log(r"sent \[LCP ConfRej .*<pcomp> <accomp>")
        log = bench.pptpd.log()
        agreed = [line for line in log.splitlines() if "[LCP ConfAck" in line and "comp>" in line]
        expect(agreed, [], "compression that was agreed on")


def compressed_headers(bench):
    """TCP both ways, over connections of many packets, whose headers the server's kernel saw compressed."""
    with bench.serving_in_guest("serve", 5000):
        for direction in ("fetch", "push"):
            moved = bench.traffic_client(direction, peers.SERVER_INNER, 5000, 300_000)
            expect((moved["got"], moved["bytes"]), (moved["expected"], 300_000), direction)
    # Received bytes, packets, compressed, not compressed, wrong; then what was sent, in the same order.
    counted = bench.guest.run("pppstats -c 1 ppp0 | tail -1")
    received, sent = (side.split() for side in counted.split("|"))
    if min(int(received[2]), int(sent[2])) < 50 or int(received[4]) != 0:
        raise AssertionError(f"headers were not compressed as they should be: {counted}")


@case("connect: VJ asked for by the peer", tap=ENCIPHERED)
def vj(bench):
    bench.pptpd.start(*peers.MPPE_128, vj=True)
    with bench.tunnel("office"):
        bench.ping_from_client(peers.SERVER_INNER)
        compressed_headers(bench)
        for direction in ("rcvd", "sent"):
            bench.pptpd.wait_log(rf"{direction} \[IPCP ConfAck .*<compress VJ 0f 01>")


@case("connect: VJ asked for by the peer, without encryption", tap=CLEAR)
def vj_in_clear(bench):
    bench.pptpd.start(*peers.NO_MPPE, vj=True)
    with bench.tunnel("office", encryption={"mppe": "off"}):
        bench.ping_from_client(peers.SERVER_INNER)
        compressed_headers(bench)


def record_of(bench, name):
    """The file that remembers which servers have encrypted."""
    return pathlib.Path(bench.program.environment["STATE_DIRECTORY"]) / f"{name}.encrypted"


@case("connect: that a call was encrypted is kept, and written once a day", tap=ENCIPHERED)
def encryption_is_kept(bench):
    bench.pptpd.start(*peers.MPPE_128)
    record = record_of(bench, "kept")
    for _ in range(2):
        with bench.tunnel("kept") as (process, _):
            bench.ping_from_client(peers.SERVER_INNER)
            expect("warning" in process.stderr(), False, f"a warning in: {process.stderr()}")
        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        expect(json.loads(record.read_text()), {bench.guest.address: today}, "what is kept")
        expect(stat.S_IMODE(record.stat().st_mode), 0o600, "the file's permissions")
        # A file that is written once more is a new one.
        record.touch()
        written = record.stat().st_ino, record.stat().st_mtime_ns
    expect((record.stat().st_ino, record.stat().st_mtime_ns), written, "the file")
    # Where it cannot be kept, that is said once, and the call goes on.
    shutil.rmtree(record.parent)
    record.parent.touch()
    try:
        with bench.tunnel("kept") as (process, _):
            bench.ping_from_client(peers.SERVER_INNER)
            expect(process.stderr().count("cannot keep that this connection is encrypted"), 1, "warnings")
    finally:
        record.parent.unlink()


@case("connect: without encryption where there was some, each connect warns", tap=CLEAR)
def encryption_has_gone(bench):
    bench.pptpd.start(*peers.NO_MPPE)
    record = record_of(bench, "gone")
    record.parent.mkdir(exist_ok=True)
    record.write_text(json.dumps({bench.guest.address: "2026-01-02"}))
    wanted = f"calls of this profile were, last on 2026-01-02 to {bench.guest.address}"
    for encryption in ({"mppe": "off"}, {"mppe": "prefer"}, {"mppe": "prefer"}):
        with bench.tunnel("gone", encryption=encryption) as (process, _):
            bench.ping_from_client(peers.SERVER_INNER)
            expect(process.stderr().count(wanted), 1, f"warnings with {encryption}, in: {process.stderr()}")
    path = bench.program.profile("gone", bench.settings(encryption={"mppe": "off"}))
    started = bench.program.run("connect", path, "--background")
    bench.program.run("disconnect", "gone")
    expect(started.stderr.count(wanted), 1, f"warnings with --background, in: {started.stderr}")
    record.unlink()
    with bench.tunnel("gone", encryption={"mppe": "off"}) as (process, _):
        expect("warning" in process.stderr(), False, f"a warning in: {process.stderr()}")
    expect(record.exists(), False, "that something is kept of a call in clear")


@case("connect: a wrong password ends with 19")
def wrong_password(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.refused(19, "chap-e691-bad-password", password="not-" + peers.PASSWORD)


@case("connect: a server without MPPE ends with 36 where it is required")
def no_mppe_where_required(bench):
    bench.pptpd.start(*peers.NO_MPPE)
    bench.refused(36, "mppe-peer-refused")


@case("connect: a server that has only 40 bits ends with 36 where 128 are required")
def too_few_bits(bench):
    bench.pptpd.start(*peers.MPPE_40)
    bench.refused(36, r"\[mppe-40-only-peer\]")


def doctor(bench, **tables):
    """What doctor finds with pptpd and pppd: (ids, steps that do not pass)."""
    path = bench.program.profile("patient", bench.settings(**tables))
    ended = bench.program.run("doctor", path, "--json", timeout=60)
    document = json.loads(ended.stdout)
    expect(ended.returncode, 1 if document["findings"] else 0, "exit status of doctor")
    return [f["id"] for f in document["findings"]], {s["step"] for s in document["steps"] if s["verdict"] != "pass"}


@case("connect: doctor finds nothing wrong with pptpd and pppd, and leaves nothing behind")
def doctor_is_content(bench):
    bench.pptpd.start(*peers.MPPE_128)
    expect(doctor(bench), ([], set()), "findings")


@case("connect: doctor finds the wrong password, and that pppd has no MPPE")
def doctor_finds(bench):
    bench.pptpd.start(*peers.MPPE_128)
    ids, steps = doctor(bench, password="not-" + peers.PASSWORD)
    expect((ids[:1], "authentication" in steps), (["chap-e691-bad-password"], True), f"findings {ids}")
    bench.pptpd.start(*peers.NO_MPPE)
    ids, steps = doctor(bench)
    expect((ids[:1], "encryption" in steps), (["mppe-peer-refused"], True), f"findings {ids}")


@case("connect: a port that refuses ends with 33")
def refused_port(bench):
    bench.pptpd.stop()
    bench.refused(33, "ctrl-refused", within=5)


@case("connect: GRE that a router drops ends with 35 within 10 s")
def gre_blocked(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.lab.block_gre()
    try:
        bench.refused(35, "gre-blocked", within=10)
    finally:
        bench.lab.unblock_gre()


@case("connect: without CAP_NET_ADMIN ends with 3 and says so")
def no_cap_net_admin(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.refused(3, r"missing: CAP_NET_ADMIN \([^)]*\) missing", wrapper=without("cap_net_admin"))


@case("connect: without CAP_NET_RAW ends with 3 and says so")
def no_cap_net_raw(bench):
    bench.pptpd.start(*peers.MPPE_128)
    bench.refused(3, r"missing: CAP_NET_RAW \([^)]*\) missing", wrapper=without("cap_net_raw"))


ADVERTISE = """
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8:7::")
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, socket.if_nametoindex("ppp0")))
"""


@case("connect: IPv6 through the tunnel", tap=ENCIPHERED)
def ipv6(bench):
    # From here on the guest's kernel has it: this case is the last.
    bench.guest.run("modprobe -d /run/root ipv6")
    bench.pptpd.start(*peers.MPPE_128, options=("+ipv6",))
    with bench.tunnel("office") as (_, status):
        bench.pptpd.wait_log(r"remote LL address fe80")
        status = wait_for(lambda: (s := bench.program.status("office"))["ipv6"] and s, 5, "a link-local address")
        device, local = status["interface"], status["ipv6"]
        remote = json.loads(bench.guest.run("ip -j -6 address show dev ppp0 scope link"))[0]["addr_info"][0]
        bench.ping_from_client(f"{remote.get('address') or remote['local']}%{device}")
        bench.ping_from_guest(f"{local}%ppp0")
        # What the server advertises, the client's kernel makes an address of.
        bench.guest.write("/run/advertise.py", ADVERTISE)
        bench.guest.run("ip address add 2001:db8:7::1/64 dev ppp0; python3 /run/advertise.py")
        wait_for(lambda: "2001:db8:7:" in bench.lab.client("ip", "-6", "address", "show", "dev", device), 5,
                 "an address from the router advertisement")
        bench.ping_from_client("2001:db8:7::1")
        # It says that it is a router as well. Nobody has asked for that.
        expect(bench.lab.client("ip", "-6", "route", "show", "default", "dev", device), "", "IPv6 default route")
    with bench.tunnel("office", network={"default-route": True}) as (_, status):
        device = status["interface"]
        wait_for(lambda: bench.program.status("office")["ipv6"], 5, "a link-local address")
        way = ("ip", "-6", "route", "get", "2001:db8:ffff::1")
        expect(bench.lab.client_process(*way).returncode, 2, "exit status of ip -6 route get")
        bench.guest.run("ip address add 2001:db8:7::1/64 dev ppp0; python3 /run/advertise.py")
        wait_for(lambda: device in bench.lab.client_process(*way).stdout, 10, "the way that was advertised")
    bench.pptpd.start(*peers.MPPE_128, options=("+ipv6",))
    with bench.tunnel("office", network={"ipv6": False}) as (_, status):
        expect(status["ipv6"], None, "status")
        bench.pptpd.wait_log(r"rcvd \[LCP ProtRej")
        bench.ping_from_client(peers.SERVER_INNER)


def without(capability):
    """The command that runs another one without a capability."""
    return ("capsh", f"--drop={capability}", "--shell=/usr/bin/env", "--")


main(ClientBench)
