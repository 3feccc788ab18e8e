#!/usr/bin/env python3
"""Our client and pptpd: addresses, name servers, and the scripts of others that a tunnel runs.

That the host is as before is checked after each case, resolv.conf included.
"""

import contextlib
import itertools
import json
import pathlib
import subprocess

from harness import lab, peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main

ELSEWHERE = "203.0.113.5"  # an address that only a route through the tunnel reaches
DNS = ("192.0.2.7", "192.0.2.8")
WINS = ("192.0.2.17", "192.0.2.18")
VPNC_SCRIPT = "/usr/share/vpnc-scripts/vpnc-script"


def start(bench, **others):
    bench.pptpd.start(*peers.MPPE_128, options=[f"ms-dns {a}" for a in DNS] + [f"ms-wins {a}" for a in WINS], **others)
    bench.guest.run(f"ip -n lan address replace {ELSEWHERE}/32 dev lo; ip route replace {ELSEWHERE} via {peers.LAN_HOST}")


def name_servers(bench):
    """What the client host asks, as resolv.conf has it."""
    lines = bench.lab.client("cat", "/etc/resolv.conf").splitlines()
    return [line.split()[1] for line in lines if line.startswith("nameserver ")]


def script(bench, name, text):
    """A program of the user's: its path."""
    path = bench.program.directory / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def hooks(bench, up="", down="exit 0\n"):
    """ip-up and ip-down that write their arguments and environment: {name: text}, read when they have run."""
    folder = bench.program.directory / "hooks"
    record = 'for a; do echo "argument $a"; done >{0}.new; env >>{0}.new; mv {0}.new {0}\n'
    for name, text in (("ip-up", up), ("ip-down", down)):
        script(bench, name, record.format(folder / f"{name}.log") + text)

    def ran(name):
        path = pathlib.Path(folder / f"{name}.log")
        lab.wait_for(path.exists, 10, f"{name} to run")
        return path.read_text()

    try:
        yield str(folder), ran
    finally:
        for path in folder.iterdir():
            path.unlink()


def variables(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@case("network: the server's name servers are asked, and no longer when the tunnel goes", tap=ENCIPHERED)
def dns_of_peer(bench):
    start(bench)
    expect(name_servers(bench), ["192.0.2.53"], "name servers before")
    with bench.tunnel("office") as (_, status):
        expect(name_servers(bench), list(DNS), "name servers")
        expect(status["dns"], list(DNS), "status")
        for address in DNS:
            way = bench.lab.client("ip", "-o", "route", "get", address)
            expect(f"dev {status['interface']}" in way, True, f"the way to a name server ({way.strip()})")
        bench.ping_from_client(peers.SERVER_INNER)
    expect(name_servers(bench), ["192.0.2.53"], "name servers after")


@case("network: name servers of the profile's own, and none", tap=ENCIPHERED)
def dns_of_profile(bench):
    start(bench)
    with bench.tunnel("office", network={"dns": ["198.51.100.7"]}) as (_, status):
        expect(name_servers(bench), ["198.51.100.7"], "name servers")
        expect(status["dns"], ["198.51.100.7"], "status")
        bench.ping_from_client(peers.SERVER_INNER)
    with bench.tunnel("office", network={"dns": "none"}) as (_, status):
        expect((name_servers(bench), status["dns"]), (["192.0.2.53"], []), "name servers with none")


@case("network: ip-up and ip-down, as pppd runs them, with DNS and WINS", tap=ENCIPHERED)
def ip_up(bench):
    start(bench)
    # What it does needs the tunnel: it must not hold up the packets.
    with hooks(bench, up=f"ping -n -c 1 -W 5 {peers.SERVER_INNER} >/dev/null\n") as (folder, ran):
        with bench.tunnel("office", network={"ip-up-dir": folder}) as (_, status):
            up = ran("ip-up")
            bench.ping_from_client(peers.SERVER_INNER)
        down = ran("ip-down")
    arguments = [status["interface"], "pptp", "0", peers.CLIENT_INNER, peers.SERVER_INNER, "office"]
    for name, text in (("ip-up", up), ("ip-down", down)):
        expect([line[9:] for line in text.splitlines() if line.startswith("argument ")], arguments, f"arguments of {name}")
        got = variables(text)
        for key, value in {"IFNAME": arguments[0], "IPLOCAL": arguments[3], "IPREMOTE": arguments[4], "USEPEERDNS": "1",
                           "DNS1": DNS[0], "DNS2": DNS[1], "WINS1": WINS[0], "WINS2": WINS[1], "LINKNAME": "office",
                           "PPP_IFACE": arguments[0], "PPP_IPPARAM": "office", "SPEED": "0"}.items():
            expect(got.get(key), value, f"{key} of {name}")
        expect("HOME" in got, False, f"our own environment in {name}'s")
    words = variables(down)
    if int(words["BYTES_SENT"]) < 3 * 84 or int(words["BYTES_RCVD"]) < 3 * 84 or not words["CONNECT_TIME"].isdigit():
        raise AssertionError(f"ip-down was told {words}")


@case("network: an ip-up that fails ends the call with 8", tap=ENCIPHERED)
def ip_up_fails(bench):
    start(bench)
    with hooks(bench, up=f"ping -n -c 1 -W 5 {peers.SERVER_INNER} >/dev/null; exit 3\n") as (folder, ran):
        said = bench.refused(8, "ip-up-script-status", network={"ip-up-dir": folder})
        ran("ip-down")
    if "ended with status 3" not in said:
        raise AssertionError(said)


@case("network: after kill -9, status runs ip-down and gives the name servers back", tap=ENCIPHERED)
def killed(bench):
    start(bench)
    with hooks(bench) as (folder, ran):
        path = bench.program.profile("office", bench.settings(network={"ip-up-dir": folder}))
        process = bench.program.start("connect", path)
        bench.program.wait_up("office", process)
        ran("ip-up")
        bench.ping_from_client(peers.SERVER_INNER)
        process.kill()
        expect(name_servers(bench), list(DNS), "name servers of the dead")
        expect(bench.program.run("status", "office").returncode, 1, "exit status of status")
        ran("ip-down")
        expect(name_servers(bench), ["192.0.2.53"], "name servers")


@case("network: Debian's vpnc-script sets a route and name servers, and takes them back", tap=ENCIPHERED)
def vpnc_script(bench):
    start(bench)
    with bench.tunnel("office", network={"script": VPNC_SCRIPT, "routes": ["203.0.113.0/24"]}):
        lab.wait_for(lambda: name_servers(bench) == list(DNS), 10, "the script to set name servers")
        bench.ping_from_client(ELSEWHERE)
        other = bench.lab.client("ip", "-o", "route", "get", "198.51.100.1")
        expect("dev vc" in other, True, f"the way elsewhere ({other.strip()})")


@case("network: Debian's vpnc-script sets the default route, and takes it back", tap=ENCIPHERED)
def vpnc_script_default(bench):
    start(bench)
    with bench.tunnel("office", network={"script": VPNC_SCRIPT, "default-route": True}) as (_, status):
        lab.wait_for(lambda: name_servers(bench) == list(DNS), 10, "the script to set name servers")
        bench.ping_from_client(ELSEWHERE)
        default = bench.lab.client("ip", "-o", "route", "show", "default")
        expect(f"dev {status['interface']}" in default, True, f"the default route ({default.strip()})")


FIRST, SECOND = "192.168.77.10", "192.168.77.11"  # addresses of two calls


@contextlib.contextmanager
def pinging(bench, address):
    """Pings without pause."""
    ping = bench.lab.spawn(bench.lab.in_client(["ping", "-n", "-q", "-i", "0.005", address]),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        ping.terminate()
        ping.wait()


@case("network: nothing goes round the tunnel while vpnc-script changes routes for another address", tap=ENCIPHERED)
def vpnc_script_called_again(bench):
    for network in ({"default-route": True}, {"routes": ["203.0.113.0/24"]}):
        start(bench, always=FIRST)
        with bench.lab.seen_outside(ELSEWHERE) as seen, \
                bench.tunnel("office", network=network | {"script": VPNC_SCRIPT}):
            lab.wait_for(lambda: name_servers(bench) == list(DNS), 10, "the script to set name servers")
            bench.ping_from_client(ELSEWHERE)
            bench.pptpd.give(SECOND)
            with pinging(bench, ELSEWHERE):
                expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
                lab.wait_for(lambda: bench.program.status("office")["local"] == SECOND, 10, "another address")
                lab.wait_for(lambda: bench.lab.client_process("ping", "-n", "-c", "1", "-W", "1", ELSEWHERE).returncode == 0,
                             20, "the script to have run")
            expect(seen(), 0, "packets that went another way")


def told_to_script(bench, then):
    """What a script is told when a connection comes up, is called again and gets the address `then`, and ends:
    [[reason, address]], the same not twice in a row (pptpd may refuse who comes again at once)."""
    start(bench, always=FIRST)
    log = bench.program.directory / "reasons"
    log.unlink(missing_ok=True)
    path = script(bench, "vpnc", f'echo "$reason $INTERNAL_IP4_ADDRESS" >>{log}\n')
    with bench.tunnel("office", network={"script": str(path)}):
        lab.wait_for(log.exists, 10, "the script to run")
        bench.pptpd.give(then)
        expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
        lab.wait_for(lambda: log.read_text().splitlines()[-1].split()[0] in ("connect", "reconnect") and
                     len(log.read_text().splitlines()) > 1, 20, "the script to be told")
        bench.ping_from_client(peers.SERVER_INNER)
    return [line.split() for line, _ in itertools.groupby(log.read_text().splitlines())]


@case("network: a call that is made again with the same addresses tells the script so", tap=ENCIPHERED)
def called_again(bench):
    expect(told_to_script(bench, then=FIRST),
           [[reason, FIRST] for reason in ("connect", "attempt-reconnect", "reconnect", "disconnect")],
           "what the script was told")


@case("network: a call that is made again and gets another address ends the one for the script", tap=ENCIPHERED)
def called_again_elsewhere(bench):
    expect(told_to_script(bench, then=SECOND),
           [["connect", FIRST], ["attempt-reconnect", FIRST], ["disconnect", FIRST], ["connect", SECOND],
            ["disconnect", SECOND]], "what the script was told")


@case("network: name servers that are not behind the tunnel are left out, and what is this side's stays here", tap=ENCIPHERED)
def misplaced_servers(bench):
    bench.pptpd.start(*peers.MPPE_128, options=(f"ms-dns {lab.WIRE_ADDRESS}", "ms-dns 192.0.2.7"),
                      addresses=(lab.WIRE_ADDRESS, peers.CLIENT_INNER + "-20"))
    with bench.tunnel("office", network={"routes": [peers.LAN_GATEWAY + "/32"]}) as (process, status):
        expect((status["peer"], status["dns"]), (lab.WIRE_ADDRESS, ["192.0.2.7"]), "peer and name servers")
        expect(name_servers(bench), ["192.0.2.7"], "name servers")
        route = bench.lab.client("ip", "route", "get", lab.WIRE_ADDRESS)
        expect("dev vc" in route, True, f"the router is reached as before: {route}")
        for words in ("not behind the tunnel", "in use here"):
            expect(words in process.stderr(), True, f"the warning '{words}'")
        bench.ping_from_client(peers.LAN_GATEWAY)


@case("network: an address that this host has, needs, or calls is refused with 38")
def refused_addresses(bench):
    bench.lab.client("ip", "address", "add", "10.99.0.1/32", "dev", "lo")
    try:
        for address in ("10.99.0.1", lab.WIRE_ADDRESS, bench.guest.address):
            start(bench, addresses=(peers.SERVER_INNER, address))
            said = bench.refused(38, "ipcp-address-refused")
            expect(address in said, True, f"the address {address} in what was said")
    finally:
        bench.lab.client("ip", "address", "del", "10.99.0.1/32", "dev", "lo")


@case("network: a server whose inner address is its outer one is no loop, and is reached through the tunnel", tap=ENCIPHERED)
def server_inside_is_outside(bench):
    start(bench, addresses=(bench.guest.address, peers.CLIENT_INNER + "-20"))
    for network in ({}, {"default-route": True}, {"routes": ["203.0.113.0/24"]}):
        with bench.tunnel("office", network=network) as (_, status):
            expect(status["peer"], bench.guest.address, "the peer's address")
            bench.ping_from_guest(status["local"])
            bench.ping_from_client(bench.guest.address)
            if network:
                bench.ping_from_client(ELSEWHERE)


@case("network: a path that swallows long packets is found out, and the MTU is lowered to it", tap=ENCIPHERED)
def swallowing_path(bench):
    start(bench)
    with bench.lab.swallowing_path(1300):
        with bench.tunnel("office", network={"probe-mtu": True}) as (_, first):
            # 1300, less IP 20, GRE 16, PPP 4, MPPE 4; to within 8 octets, and 4 of an acknowledgement.
            status = lab.wait_for(lambda: bench.program.status("office")["mtu"] <= 1256 and bench.program.status("office"),
                                  60, "the MTU to be lowered")
            link = json.loads(bench.lab.client("ip", "-j", "link", "show", "dev", first["interface"]))[0]
            expect(link["mtu"], status["mtu"], "the interface's MTU")
            if not 1244 < status["mtu"] <= 1256:
                raise AssertionError(f"MTU {status['mtu']}")
            bench.lab.client("ping", "-n", "-c", "2", "-M", "do", "-s", str(status["mtu"] - 28), peers.SERVER_INNER)


@case("network: probe-mtu lowers nothing on a path that takes what it should", tap=ENCIPHERED)
def wide_path(bench):
    start(bench)
    with bench.tunnel("office", network={"probe-mtu": True}) as (_, first):
        bench.ping_from_client(peers.SERVER_INNER, count=10)
        expect(bench.program.status("office")["mtu"], first["mtu"], "MTU")


main(ClientBench)
