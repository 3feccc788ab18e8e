#!/usr/bin/env python3
"""Our client and pptpd: where the tunnel's packets go, if not into an interface of the host's own."""

import json
import os
import pwd
import signal

from harness import lab, peers
from harness.bench import ClientBench
from harness.cases import ENCIPHERED, case, expect, main

ELSEWHERE = "203.0.113.5"  # an address that only a route through the tunnel reaches
DNS = "192.0.2.7"
SOCKS_PORT = 11080
NOBODY = pwd.getpwnam("nobody")


def start(bench, **others):
    bench.pptpd.start(*peers.MPPE_128, options=[f"ms-dns {DNS}"], **others)
    bench.guest.run(f"ip -n lan address replace {ELSEWHERE}/32 dev lo; ip route replace {ELSEWHERE} via {peers.LAN_HOST}")


def serve_page(bench):
    """An HTTP server of one page, at the server's end of the tunnel."""
    bench.guest.run(f"""
        cd /run && mkdir -p page && echo through the tunnel >page/index.html
        kill $(cat /run/http.pid 2>/dev/null) 2>/dev/null
        python3 -m http.server -d page -b {peers.SERVER_INNER} 8080 >/run/log/http 2>&1 & echo $! >/run/http.pid
        for i in $(seq 300); do ss -Hltn 'sport = :8080' | grep -q . && exit 0; sleep 0.05; done; cat /run/log/http; exit 1""")


def only(*capabilities, user=None):
    """The command that runs another one with exactly these capabilities, as root or another user."""
    words = ",".join(["-all"] + ["+" + c for c in capabilities])
    line = ["setpriv", "--bounding-set", words, "--inh-caps", words]
    if user:
        line += ["--ambient-caps", words, "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return line


def effective(process):
    """The capabilities that a process has."""
    with open(f"/proc/{process._process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))


def tables(bench):
    return bench.lab.client("sh", "-c", "ip route show table all; ip rule; ip address; cat /etc/resolv.conf")


def exec_command(bench, *command, wrapper=(), arguments=(), **tables_of_profile):
    """`exec` of a command: the running program."""
    path = bench.program.profile("office", bench.settings(**tables_of_profile))
    return bench.program.start("exec", path, *arguments, "--", *command, wrapper=wrapper)


def finished(process, status=0, within=30):
    """Waits for the end: what it printed."""
    ended = process.exit_status(within)
    if ended != status:
        raise AssertionError(f"exit status {ended}, expected {status}:\n{process.stderr()}")
    return process.stdout()


@case("where: Debian's ocproxy is a SOCKS proxy through the tunnel, without TUN or CAP_NET_ADMIN", tap=ENCIPHERED)
def ocproxy(bench):
    start(bench, always="192.168.77.50")
    before = tables(bench)
    fetch = ("python3", "-c", f"""
import socket
s = socket.create_connection(("127.0.0.1", {SOCKS_PORT}), 10)
s.sendall(b"\\5\\1\\0")
assert s.recv(2) == b"\\5\\0"
s.sendall(b"\\5\\1\\0\\1" + socket.inet_aton("{peers.SERVER_INNER}") + (8080).to_bytes(2, "big"))
assert s.recv(10)[1] == 0
s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
text = b""
while data := s.recv(4096):
    text += data
print(text.decode())
""")
    path = bench.program.profile("office", bench.settings(network={"tun-program": f"ocproxy -D {SOCKS_PORT}"}))
    process = bench.program.start("connect", path, wrapper=only("net_raw"))
    status = bench.program.wait_up("office", process)
    expect(effective(process), 1 << 13, "capabilities")
    expect(status["interface"], None, "the interface")
    expect("office is up: " in process.stderr(), True, "its name where there is no interface's")
    expect("office: up" in bench.program.run("status").stdout, True, "status of all lists it")
    expect(tables(bench), before, "routes and addresses")
    serve_page(bench)

    def proxy():
        found = bench.lab.client("ss", "-Hltnp", f"sport = :{SOCKS_PORT}")
        return found.split("pid=")[1].split(",")[0] if "pid=" in found else None

    lab.wait_for(proxy, 10, "the proxy to listen")
    expect("through the tunnel" in bench.lab.client(*fetch, timeout=30), True, "the page")
    first = proxy()
    expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
    lab.wait_for(lambda: bench.program.status("office")["state"] != "up", 10, "the call to end")
    bench.program.wait_up("office", process)
    expect(proxy(), first, "the proxy after another call with the same addresses")
    serve_page(bench)
    expect("through the tunnel" in bench.lab.client(*fetch, timeout=30), True, "the page again")
    bench.guest.run("kill $(cat /run/http.pid)", check=False)
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    expect(process.exit_status(10), 0, "exit status of connect")
    expect(proxy(), None, "the proxy after the end")


@case("where: a tun-program that ends, ends the connection with 8")
def program_ends(bench):
    start(bench)
    said = bench.refused(8, "tun-program-ended", network={"tun-program": "sleep 1; exit 3"})
    expect("ended with status 3" in said, True, f"why, in: {said}")
    bench.refused(8, "tun-program-ended", network={"tun-program": "/nowhere/proxy"})


@case("where: the interface in a named namespace, with routes there and none here", tap=ENCIPHERED)
def netns(bench):
    start(bench)
    name = f"{bench.lab.tag}-blue"
    # Names are files in /run, which on the client host is its own.
    bench.lab.client("ip", "netns", "add", name)
    inside = ("ip", "netns", "exec", name)
    try:
        before = tables(bench)
        with bench.tunnel("office", network={"netns": name, "default-route": True}) as (_, status):
            expect(tables(bench), before, "routes, rules and addresses outside")
            addresses = json.loads(bench.lab.client(*inside, "ip", "-j", "-4", "address", "show", "dev", status["interface"]))
            expect(addresses[0]["addr_info"][0]["local"], status["local"], "the address inside")
            bench.lab.client(*inside, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", ELSEWHERE)
            bench.ping_from_guest(status["local"])
        with bench.tunnel("office", network={"netns": name, "routes": ["203.0.113.0/24"]}):
            routes = bench.lab.client(*inside, "ip", "route")
            expect("203.0.113.0/24" in routes and "default" not in routes, True, f"routes inside: {routes}")
            bench.lab.client(*inside, "ping", "-n", "-c", "1", "-W", "2", ELSEWHERE)
        path = bench.program.profile("office", bench.settings(network={"netns": name, "default-route": True}))
        process = bench.program.start("connect", path)
        bench.program.wait_up("office", process)
        process.kill()
        expect(bench.program.run("status", "office").returncode, 1, "exit status of status")
        left = bench.lab.client(*inside, "sh", "-c", "ip -br link; ip -4 route show table all; ip -br -4 address")
        expect("pptp" in left or "default" in left, False, f"something inside after kill -9: {left}")
        expect(tables(bench), before, "routes, rules and addresses outside after kill -9")
    finally:
        bench.lab.client("ip", "netns", "delete", name)
    said = bench.refused(2, "no network namespace", network={"netns": name})
    expect("ip netns add" in said, True, f"what to do, in: {said}")


@case("where: exec: only the command uses the tunnel, with its own resolv.conf", tap=ENCIPHERED)
def exec_alone(bench):
    start(bench)
    before = tables(bench)
    look = f"ping -n -c 3 -i 0.2 -W 2 {ELSEWHERE} >/dev/null && cat /etc/resolv.conf && ip -o link && id -u && sleep 2"
    process = exec_command(bench, "sh", "-c", look)
    status = bench.program.wait_up("office", process)
    expect(tables(bench), before, "routes, addresses and name servers of the host")
    bench.ping_from_guest(status["local"])
    lines = finished(process).splitlines()
    # pppd gives one that is alone as the second one too.
    expect(lines[:2], [f"nameserver {DNS}"] * 2, "resolv.conf of the command")
    expect([line.split(":")[1].strip() for line in lines[2:-1]], ["lo", "pptp0"], "interfaces of the command")
    expect(lines[-1], "0", "the user, where root has called")
    expect(bench.program.run("status", "office").returncode, 1, "status after the end")


@case("where: exec: the command runs when what it sends is not lost any more", tap=ENCIPHERED)
def exec_when_ready(bench):
    start(bench, pre_up="sleep 0.5")  # between pppd's last Configure-Ack and its interface
    finished(exec_command(bench, "ping", "-n", "-c", "1", "-W", "2", ELSEWHERE))


@case("where: exec: a call that brings other name servers tells the command", tap=ENCIPHERED)
def exec_name_servers(bench):
    start(bench)
    process = exec_command(bench, "sh", "-c", f"ping -n -c 3 -i 0.2 -W 2 {ELSEWHERE} >/dev/null; "
                           "while :; do cat /etc/resolv.conf; echo; sleep 0.1; done")
    bench.program.wait_up("office", process)
    lab.wait_for(lambda: DNS in process.stdout(), 10, "the first name server")
    bench.pptpd.start(*peers.MPPE_128, options=["ms-dns 192.0.2.9", "ms-dns 192.0.2.10"])
    lab.wait_for(lambda: process.stdout().endswith("nameserver 192.0.2.9\nnameserver 192.0.2.10\n\n"), 30, "the other ones")
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    finished(process, 128 + signal.SIGTERM)


@case("where: exec: the command has the exit status, the signals and the user", tap=ENCIPHERED)
def exec_status(bench):
    start(bench)
    quick = f"ping -n -c 3 -i 0.3 -W 2 {ELSEWHERE} >/dev/null; "
    finished(exec_command(bench, "sh", "-c", quick + "exit 41"), 41)
    finished(exec_command(bench, "sh", "-c", quick + "kill -KILL $$"), 128 + 9)

    process = exec_command(bench, "sh", "-c", "trap 'echo asked; exit 6' TERM; echo runs; while :; do sleep 0.1; done")
    lab.wait_for(lambda: "runs" in process.stdout(), 20, "the command to run")
    process.send_signal(signal.SIGTERM)
    expect("asked" in finished(process, 6), True, "the command heard of TERM")

    sudo = ("env", f"SUDO_UID={NOBODY.pw_uid}", f"SUDO_GID={NOBODY.pw_gid}", f"SUDO_USER={NOBODY.pw_name}")
    who = finished(exec_command(bench, "sh", "-c", quick + "id -u; id -g; grep CapEff /proc/self/status; echo $HOME",
                                wrapper=sudo)).split()
    expect(who, [str(NOBODY.pw_uid), str(NOBODY.pw_gid), "CapEff:", "0" * 16, NOBODY.pw_dir], "who the command is")


@case("where: exec: a connection that ends takes the command with it", tap=ENCIPHERED)
def exec_disconnected(bench):
    start(bench)
    process = exec_command(bench, "sh", "-c", f"ping -n -c 3 -i 0.3 -W 2 {ELSEWHERE} >/dev/null; exec sleep 60")
    bench.program.wait_up("office", process)
    lab.wait_for(lambda: bench.program.status("office")["counters"]["rx_packets"], 10, "the command's ping")
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    finished(process, 128 + signal.SIGTERM)


@case("where: exec: a command that ends while its call is ending for another reason ends all", tap=ENCIPHERED)
def exec_ends_in_goodbye(bench):
    start(bench)
    go = bench.lab.run / "go"
    process = exec_command(bench, "sh", "-c", f"ping -n -c 3 -i 0.3 -W 2 {ELSEWHERE} >/dev/null; "
                                              f"until [ -e {go} ]; do sleep 0.02; done; exit 7")
    bench.program.wait_up("office", process)
    lab.wait_for(lambda: bench.program.status("office")["counters"]["rx_packets"], 10, "the command's ping")
    # Nobody answers the goodbye of a call that is to be made again; in the middle of it the command ends.
    bench.guest.run("pkill -STOP -x pptpctrl")
    expect(bench.program.run("reconnect", "office").returncode, 0, "exit status of reconnect")
    lab.wait_for(lambda: "ending the call" in process.stderr(), 2, "the goodbye")
    go.touch()
    finished(process, 7)


@case("where: exec: before the command has started the exit status is ours")
def exec_not_started(bench):
    start(bench)
    process = exec_command(bench, "true", password="not-" + peers.PASSWORD)
    finished(process, 19)
    process = exec_command(bench, "true", network={"default-route": True})
    finished(process, 2)
    expect("network.default-route" in process.stderr(), True, f"the contradiction, in: {process.stderr()}")
    process = exec_command(bench, "/nowhere/command")
    finished(process, 39)
    expect("cannot run /nowhere/command" in process.stderr(), True, f"why, in: {process.stderr()}")


@case("where: exec by a user with CAP_NET_RAW alone, in a user namespace", tap=ENCIPHERED)
def exec_as_user(bench):
    start(bench)
    with as_user(bench) as (binary, path):
        command = f"ping -n -c 3 -i 0.3 -W 2 {ELSEWHERE} >/dev/null && id -u && cat /etc/resolv.conf"
        said = bench.lab.client("env", "PPTPD_USER_RUNTIME_DIR=/run/user-of-test", *only("net_raw", user=NOBODY), binary,
                                "exec", path, "--", "sh", "-c", command)
        expect(said.split(), [str(NOBODY.pw_uid)] + ["nameserver", DNS] * 2, "what the command has seen")


class as_user:
    """The program, a profile and the TUN device where another user can use them: (program, profile)."""

    def __init__(self, bench, **tables_of_profile):
        self.bench = bench
        self.settings = bench.settings(**tables_of_profile)

    def __enter__(self):
        path = self.bench.program.profile("users", self.settings)
        self.bench.lab.client("sh", "-c", f"""
            mkdir -m 700 /run/user-of-test && cp {self.bench.program.binary} /run/pptpd-user-of-test &&
            chmod 755 /run /run/pptpd-user-of-test && cp {path} /run/user-of-test/office.toml &&
            chmod 600 /run/user-of-test/office.toml && chown -R {NOBODY.pw_uid}:{NOBODY.pw_gid} /run/user-of-test &&
            mknod /run/tun-of-test c 10 200 && chmod 666 /run/tun-of-test && mount --bind /run/tun-of-test /dev/net/tun""")
        return "/run/pptpd-user-of-test", "/run/user-of-test/office.toml"

    def __exit__(self, *_):
        self.bench.lab.client("sh", "-c", "umount /dev/net/tun; rm -r /run/user-of-test /run/pptpd-user-of-test /run/tun-of-test")


@case("where: connect with CAP_NET_RAW and CAP_NET_ADMIN and no other, as root and as a user", tap=ENCIPHERED)
def two_capabilities(bench):
    start(bench)
    path = bench.program.profile("office", bench.settings(network={"default-route": True}))
    process = bench.program.start("connect", path, wrapper=only("net_raw", "net_admin"))
    bench.program.wait_up("office", process)
    expect(effective(process), 1 << 12 | 1 << 13, "capabilities")
    bench.ping_from_client(ELSEWHERE)
    expect(bench.program.run("disconnect", "office").returncode, 0, "exit status of disconnect")
    expect(process.exit_status(5), 0, "exit status of connect")

    with as_user(bench, network={"default-route": True, "dns": "none"}) as (binary, path):
        environment = ("env", "PPTPD_USER_RUNTIME_DIR=/run/user-of-test")
        line = [*environment, *only("net_raw", "net_admin", user=NOBODY), binary]
        bench.lab.client(*line, "connect", path, "--background", timeout=30)
        bench.ping_from_client(ELSEWHERE)
        bench.lab.client(*line, "disconnect", timeout=10)


# What `docker run` makes of the line in the manual, as far as it matters here: a root of the container's own with no more
# devices than those, /proc/sys and /sys read-only, resolv.conf mounted; the program is process 1, with two capabilities.
# $1: the folder of the root, $2: the program, $3: the profile, the rest: where there are file systems to write to, of the
# kind that --tmpfs makes.
CONTAINER = """
root=$1; program=$2; profile=$3; shift 3
mount -t tmpfs box "$root"; cd "$root"; mkdir -p usr dev/net proc sys tmp etc/pptpd-user
for f in bin sbin lib lib32 lib64 libx32; do [ ! -L /$f ] || cp -P /$f .; done
mount --bind -o ro /usr usr; cp /etc/ld.so.cache /etc/passwd /etc/nsswitch.conf etc/; cp "$program" pptpd-user
cp "$profile" etc/pptpd-user/office.toml; touch etc/resolv.conf; mount --bind /etc/resolv.conf etc/resolv.conf
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/urandom c 1 9; mknod -m 600 dev/net/tun c 10 200
mount -t proc -o nosuid,nodev,noexec proc proc; mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
mount --bind -o ro /sys sys
for place; do mkdir -p "$root$place"; mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs "$root$place"; done
mount -o remount,ro box .
exec env -i PATH=/usr/bin:/usr/sbin chroot . setpriv --no-new-privs --bounding-set -all,+net_raw,+net_admin \\
    --inh-caps -all /pptpd-user connect office
"""


def contain(bench, *places, **tables_of_profile):
    """The program in a container: (what started it, its process id)."""
    profile = bench.program.profile("office", bench.settings(**tables_of_profile))
    box = bench.lab.run / "box"
    box.mkdir(exist_ok=True)
    unshared = ("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "sh", "-euc", CONTAINER, "sh")
    starter = bench.program.start_command(*unshared, box, bench.program.binary, profile, *places)

    def first():
        pid = starter._process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]

    lab.wait_for(lambda: starter.ended() or first(), 5, "the container")
    return starter, None if starter.ended() else first()[0]


@case("where: connect in a container as the manual's line makes it", tap=ENCIPHERED)
def container(bench):
    start(bench)
    starter, program = contain(bench, "/run", "/var/lib/pptpd-user", network={"default-route": True})
    lab.wait_for(lambda: starter.ended() or " is up: " in starter.stderr(), 20, "the tunnel")
    expect(starter.ended(), False, f"ended: {starter.stderr()}")
    with open(f"/proc/{program}/status", encoding="ascii") as status:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in status)
    expect((int(lines["CapEff"], 16), int(lines["CapBnd"], 16), lines["NSpid"].split()[-1]), (1 << 12 | 1 << 13,) * 2 + ("1",),
           "capabilities, and the process id in there")
    bench.ping_from_client(ELSEWHERE)
    expect(f"nameserver {DNS}" in bench.lab.client("cat", "/etc/resolv.conf"), True, "resolv.conf, as it is mounted in there")
    os.kill(program, signal.SIGTERM)
    expect(starter.exit_status(5), 5, f"exit status ({starter.stderr()})")


@case("where: a container with nothing to write to is told what is missing")
def container_read_only(bench):
    start(bench)
    starter, _ = contain(bench)
    expect(starter.exit_status(5), 39, f"exit status ({starter.stderr()})")
    for words in ("/run/pptpd-user", "PPTPD_USER_RUNTIME_DIR"):
        expect(words in starter.stderr(), True, f"{words}, in: {starter.stderr()}")


main(ClientBench)
