#!/usr/bin/env python3
"""Our client and pptpd: a connection that outlives its calls, and the limits that end it."""

import json
import re
import signal
import time

from harness import peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main
from harness.lab import wait_for


def interface(bench, status):
    """What must not change while a call is made again: index, addresses, routes."""
    link = json.loads(bench.lab.client("ip", "-j", "address", "show", "dev", status["interface"]))[0]
    routes = json.loads(bench.lab.client("ip", "-j", "route", "show", "dev", status["interface"]))
    return link["ifindex"], link["addr_info"][0]["local"], [route["dst"] for route in routes]


def up_again(bench, process, seconds):
    """The connection has been lost, and is up again: its status, and after how many seconds."""
    began = time.monotonic()
    status = bench.program.wait_up("office", process, seconds)
    return status, time.monotonic() - began


def wait_lost(bench):
    wait_for(lambda: bench.program.status("office")["state"] != "up", 20, "the loss to be noticed")


@case("reconnect: the server is killed and comes back, the interface stays", tap=ENCIPHERED)
def server_restarted(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office", network={"routes": ["203.0.113.0/24"]}) as (process, status):
        before = interface(bench, status)
        bench.ping_from_client(peers.SERVER_INNER)
        bench.pptpd.stop()
        wait_lost(bench)
        expect(interface(bench, status), before, "the interface without a call")
        down = bench.program.status("office")
        expect(down["last"]["exit"] != 0, True, f"a last call that failed ({down['last']})")
        time.sleep(3)
        bench.pptpd.start(*peers.MPPE_128)
        again, seconds = up_again(bench, process, 20)
        if seconds > 10:
            raise AssertionError(f"reconnected {seconds:.1f} s after the server's return")
        expect(interface(bench, again), before, "the interface with a new call")
        bench.ping_from_client(peers.SERVER_INNER)


@case("reconnect: the command and HUP make a new call, each with a thread that transmits", tap=ENCIPHERED)
def asked_for(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office", link={"threads": 2}) as (process, status):
        before = interface(bench, status)

        def calls():
            return len(set(re.findall(r"pppd\[(\d+)\]: rcvd \[LCP TermReq", bench.pptpd.log())))

        expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
        wait_for(lambda: calls() == 1, 5, "the first call's goodbye")
        up_again(bench, process, 10)
        bench.ping_from_client(peers.SERVER_INNER)
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: calls() == 2, 5, "the second call's goodbye")
        again, _ = up_again(bench, process, 10)
        expect(interface(bench, again), before, "the interface")
        bench.ping_from_client(peers.SERVER_INNER)
    expect(bench.program.run("reconnect", "office").returncode, 1, "exit status of reconnect when nothing is up")


@case("reconnect: a password that is refused later ends it with 19")
def refused_later(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings())
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.pptpd.start(*peers.MPPE_128, password="changed")
    expect(process.exit_status(20), 19, "exit status")


@case("reconnect: attempts that are limited come to an end")
def attempts_limited(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(link={"max-attempts": 2, "retry-first": 0.2}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.pptpd.stop()
    expect(process.exit_status(20), 33, "exit status")


@case("reconnect: disconnect ends the waiting with 0")
def disconnected_while_waiting(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(link={"retry-first": 30}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.pptpd.stop()
    wait_for(lambda: bench.program.status("office")["state"] == "reconnecting", 10, "the wait")
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    expect(process.exit_status(5), 0, "exit status of connect")


@case("reconnect: without traffic it ends with 12", tap=ENCIPHERED)
def idle(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(link={"idle-timeout": 2}, network={"ipv6": False}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    for _ in range(6):
        bench.ping_from_client(peers.SERVER_INNER, count=1)
        time.sleep(0.6)
    expect(process.ended(), False, "ended while there was traffic")
    expect(process.exit_status(10), 12, "exit status")
    bench.expect_goodbye()


@case("reconnect: at the time limit it ends with 13, traffic or not", tap=ENCIPHERED)
def time_limit(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings(link={"time-limit": 2}))
    process = bench.program.start("connect", path)
    bench.program.wait_up("office", process)
    bench.ping_from_client(peers.SERVER_INNER, count=3)
    expect(process.exit_status(10), 13, "exit status")
    bench.expect_goodbye()


@case("reconnect: a server of the list that refuses is passed over", tap=ENCIPHERED)
def several_servers(bench):
    bench.pptpd.start(*peers.MPPE_128)
    servers = [f"{bench.guest.address}:1724", bench.guest.address]
    with bench.tunnel("office", server=servers) as (process, _):
        bench.ping_from_client(peers.SERVER_INNER)
        bench.program.run("reconnect", "office")
        up_again(bench, process, 10)
        bench.ping_from_client(peers.SERVER_INNER)


@case("reconnect: the next server is called where names cannot be looked up any more", tap=ENCIPHERED)
def names_out_of_reach(bench):
    bench.pptpd.start(*peers.MPPE_128, options=["ms-dns 192.0.2.7"])
    first = bench.guest.address + "1"  # 10.66.10.11
    bench.guest.run(f"ip address add {first}/24 dev eth")
    hosts = bench.lab.client("cat", "/etc/hosts")

    def write_hosts(text):
        bench.lab.client("sh", "-c", f"printf '%s' '{text}' >/etc/hosts")

    write_hosts(hosts + f"{first} first.test\n{bench.guest.address} second.test\n")
    try:
        with bench.tunnel("office", server=["first.test", "second.test"], network={"default-route": True}) as (process, up):
            expect(up["server"]["address"], first, "the server")
            bench.ping_from_client(peers.SERVER_INNER)
            # From here on only a name server behind the tunnel could tell, and there is none.
            write_hosts(hosts)
            bench.guest.run(f"ip address del {first}/24 dev eth")
            expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
            wait_lost(bench)
            again, _ = up_again(bench, process, 30)
            expect(again["server"]["address"], bench.guest.address, "the server")
            bench.ping_from_client(peers.SERVER_INNER)
    finally:
        write_hosts(hosts)
        bench.guest.run(f"ip address del {first}/24 dev eth", check=False)


@case("reconnect: a route that comes back ends the wait, also for a tunnel of another namespace", tap=ENCIPHERED)
def way_comes_back(bench):
    bench.pptpd.start(*peers.MPPE_128)
    way = bench.lab.client("ip", "route", "show", "default").split()[:5]
    name = f"{bench.lab.tag}-blue"
    bench.lab.client("ip", "netns", "add", name)
    try:
        for network in ({}, {"netns": name}):
            with bench.tunnel("office", network=network, link={"retry-first": 40}) as (process, _):
                # The kernel forgets every route by the interface.
                bench.lab.client("ip", "link", "set", way[4], "down")
                bench.program.run("reconnect", "office")
                wait_for(lambda: bench.program.status("office")["state"] == "reconnecting", 25, "the wait")
                bench.lab.client("ip", "link", "set", way[4], "up")
                bench.lab.client("ip", "route", "add", *way)
                up_again(bench, process, 15)
                inside = ("ip", "netns", "exec", name) if network else ()
                bench.lab.client(*inside, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", peers.SERVER_INNER)
    finally:
        bench.lab.client("ip", "link", "set", way[4], "up")
        bench.lab.client_process("ip", "route", "add", *way)
        bench.lab.client("ip", "netns", "delete", name)


@case("reconnect: HUP before the first call is up makes another one", tap=ENCIPHERED)
def hangup_before_up(bench):
    bench.pptpd.start(*peers.MPPE_128)
    path = bench.program.profile("office", bench.settings())
    # Nobody answers until then.
    bench.lab.block_gre()
    try:
        process = bench.program.start("connect", path)
        wait_for(lambda: "negotiating" in process.stderr(), 10, "the attempt")
    finally:
        bench.lab.unblock_gre()
    process.send_signal(signal.SIGHUP)
    bench.program.wait_up("office", process, 10)
    expect(bench.pptpd.log().count("CTRL: Starting call"), 2, "calls")
    bench.ping_from_client(peers.SERVER_INNER)
    process.send_signal(signal.SIGTERM)
    expect(process.exit_status(5), 5, "exit status")


@case("reconnect: IPv6 does not go round a default route, and comes back with the end", tap=ENCIPHERED)
def ipv6_stays(bench):
    bench.pptpd.start(*peers.MPPE_128)
    elsewhere = "2001:db8:ffff::1"
    device = bench.lab.client("ip", "route", "show", "default").split()[4]
    way = ("ip", "-6", "route", "get", elsewhere)
    bench.lab.client("ip", "-6", "address", "add", "2001:db8:1::2/64", "dev", device, "nodad")
    bench.lab.client("ip", "-6", "route", "add", "default", "via", "2001:db8:1::1", "dev", device)
    try:
        with bench.tunnel("office") as (_, status):
            expect(device in bench.lab.client(*way), True, "IPv6 without a default route")
            bench.ping_from_client(peers.SERVER_INNER)
        with bench.tunnel("office", network={"default-route": True}) as (process, _):
            bench.ping_from_client(peers.SERVER_INNER)
            expect(bench.lab.client_process(*way).returncode, 2, "exit status of ip -6 route get")
            bench.program.run("reconnect", "office")
            wait_lost(bench)
            expect(bench.lab.client_process(*way).returncode, 2, "exit status of ip -6 route get without a call")
            up_again(bench, process, 10)
        expect(device in bench.lab.client(*way), True, "IPv6 after the end")
    finally:
        bench.lab.client("ip", "-6", "address", "del", "2001:db8:1::2/64", "dev", device)
        bench.lab.client_process("ip", "-6", "route", "del", "default")


@case("reconnect: another way to the server makes a new call over it", tap=ENCIPHERED)
def another_way(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office", network={"default-route": True}) as (process, status):
        before = interface(bench, status)
        bench.ping_from_client(peers.SERVER_INNER)
        way = bench.lab.client("ip", "route", "show", "default").split()[:5]  # default via GATEWAY dev DEVICE
        bench.lab.client("ip", "address", "add", "10.66.1.3/24", "dev", way[4])
        bench.lab.client("ip", "route", "replace", *way, "src", "10.66.1.3")
        try:
            wait_for(lambda: "10.66.1.3" in bench.pptpd.log(), 10, "a call from the other address")
            again, _ = up_again(bench, process, 10)
            # pptpd still has the first call, of which it has heard nothing more, and gives another address.
            index, local, _ = interface(bench, again)
            expect((index, local), (before[0], again["local"]), "the interface")
            bench.ping_from_client(peers.SERVER_INNER)
        finally:
            bench.lab.client("ip", "route", "replace", *way)
            bench.lab.client("ip", "address", "del", "10.66.1.3/24", "dev", way[4])
        wait_lost(bench)
        up_again(bench, process, 10)
        bench.ping_from_client(peers.SERVER_INNER)


@case("reconnect: on demand the first packet starts the call and is answered", tap=ENCIPHERED)
def on_demand(bench):
    bench.pptpd.start(*peers.MPPE_128, pre_up="sleep 0.3")  # between pppd's last Configure-Ack and its interface
    path = bench.program.profile("office", bench.settings(
        network={"routes": ["192.168.77.0/24", f"{peers.LAN_HOST}/32"]}, link={"demand": True, "idle-timeout": 2}))
    process = bench.program.start("connect", path)

    def state():
        return bench.program.status("office")["state"]

    wait_for(lambda: state() == "idle" and bench.program.status("office")["interface"], 10, "the interface")
    before = bench.program.status("office")["interface"]
    expect("CTRL: Client" in bench.pptpd.log(), False, "a call before there is something to send")

    def ping_once():
        bench.lab.client("ping", "-n", "-c", "1", "-W", "10", peers.SERVER_INNER)

    ping_once()
    expect(state(), "up", "state")
    # A conversation that began before there was an address, and one after.
    bench.ping_from_client(peers.LAN_HOST)
    wait_for(lambda: state() == "idle", 10, "the call to be ended for want of traffic")
    ping_once()
    expect((state(), bench.program.status("office")["interface"]), ("up", before), "state and interface")
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    expect(process.exit_status(5), 0, "exit status of connect")


@case("reconnect: on demand, addresses of earlier calls can be used when a later call brings another one", tap=ENCIPHERED)
def on_demand_other_addresses(bench):
    given = ["192.168.77.50", "192.168.77.60", "192.168.77.70"]
    path = bench.program.profile("office", bench.settings(
        network={"routes": ["192.168.77.0/24", f"{peers.LAN_HOST}/32"]}, link={"demand": True, "threads": 2}))
    bench.pptpd.start(*peers.MPPE_128, always=given[0])
    process = bench.program.start("connect", path)
    wait_for(lambda: (s := bench.program.status("office"))["state"] == "idle" and s["interface"], 10, "the interface")
    placeholder = json.loads(bench.lab.client("ip", "-j", "-4", "address", "show", "dev", "pptp0"))[0]["addr_info"][0]["local"]
    for call, address in enumerate(given):
        if call:
            bench.pptpd.start(*peers.MPPE_128, always=address)
            expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
            wait_for(lambda: bench.program.status("office")["local"] == address, 20, f"a call with {address}")
            bench.pptpd.wait_interfaces()
        bench.lab.client("ping", "-n", "-c", "1", "-W", "10", peers.SERVER_INNER)
        expect(bench.program.status("office")["local"], address, "the address of the call")
        # What is bound to an address goes on with it, and the server sees the one that it gave.
        for source in (placeholder, *given[:call + 1]):
            bench.lab.client("ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", "-I", source, peers.LAN_HOST)
        bench.ping_from_guest(address)
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    expect(process.exit_status(5), 0, "exit status of connect")


@case("reconnect: two tunnels to one server at once", tap=ENCIPHERED)
def two_tunnels(bench):
    bench.pptpd.start(*peers.MPPE_128)
    with bench.tunnel("office") as (_, first), bench.tunnel("plant") as (_, second):
        expect(first["local"] == second["local"], False, "one address for both")
        for status in (first, second):
            bench.lab.client("ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", "-I", status["local"], peers.SERVER_INNER)
            counters = bench.program.status(status["profile"])["counters"]
            if counters["rx_packets"] < 3 or "gre-other-call" in counters["dropped"]:
                raise AssertionError(f"{status['profile']}: {counters}")


main(ClientBench)
