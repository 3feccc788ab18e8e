"""The real peers, in a guest: pptpd with pppd, and pptp-linux with pppd."""

import re

from . import lab

USER, PASSWORD = "alice", "secret-of-alice"
SERVER_INNER, CLIENT_INNER = "192.168.77.1", "192.168.77.10"  # what pptpd gives out
LAN_GATEWAY, LAN_HOST = "192.168.79.1", "192.168.79.5"  # behind the server

# Which methods pppd has to take part in, as its options say it.
_METHODS = {"mschapv2": "mschap-v2", "mschapv1": "mschap", "chap-md5": "chap", "pap": "pap"}

MPPE_128 = ("require-mppe-128", "nomppe-40", "nomppe-stateful")
MPPE_40 = ("require-mppe-40", "nomppe-128", "nomppe-stateful")
MPPE_128_STATEFUL = ("require-mppe-128", "nomppe-40", "mppe-stateful")
MPPE_40_STATEFUL = ("require-mppe-40", "nomppe-128", "mppe-stateful")
NO_MPPE = ("nomppe",)


def only(method, verb):
    """pppd's options that leave it one method: it is to `verb` that ("require"), or may do it alone (None)."""
    wanted = [f"{verb}-{_METHODS[method]}"] if verb else []
    return [*wanted, "refuse-eap", *(f"refuse-{name}" for word, name in _METHODS.items() if word != method)]


class Pptpd:
    """Debian's pptpd and pppd, restarted with other options for each case."""

    LOG = "/run/log/pppd.log"

    def __init__(self, guest):
        self.guest = guest
        guest.run(f"""
            ip netns add lan && ip link add lan0 type veth peer name lan1 netns lan
            ip address add {LAN_GATEWAY}/24 dev lan0 && ip link set lan0 up
            ip -n lan address add {LAN_HOST}/24 dev lan1 && ip -n lan link set lan1 up
            ip -n lan link set lo up && ip -n lan route add default via {LAN_GATEWAY}""")

    def start(self, *mppe, options=(), debug=True, vj=False, user=USER, password=PASSWORD, method="mschapv2",
              addresses=(SERVER_INNER, CLIENT_INNER + "-20"), always="*", pre_up=""):
        """`mppe`: pppd's options about encryption, from above; `debug`: pptpd tells of each packet; `vj`: pppd asks
        for TCP/IP header compression, as it does by itself; `addresses`: its own inside the tunnel, and those it
        gives; `always`: the one address that the user gets instead; `pre_up`: what pppd's ip-pre-up does."""
        self.stop()
        self.guest.write("/etc/ppp/options.pptpd", "\n".join([
            "name pptpd", *only(method, "require"), *mppe, "debug", "dump", "nobsdcomp", "nodeflate",
            *([] if vj else ["novj"]), "lock", f"logfile {self.LOG}", *options, ""]))
        self.give(always, user, password)
        # A ppp interface holds three packets by default, and drops what a burst brings beyond them.
        self.guest.write("/etc/ppp/ip-up", "#!/bin/sh\nip link set $1 txqueuelen 1000\n", mode=0o755)
        if pre_up:
            self.guest.write("/etc/ppp/ip-pre-up", f"#!/bin/sh\n{pre_up}\n", mode=0o755)
        self.guest.write("/run/pptpd.conf", "\n".join([
            "option /etc/ppp/options.pptpd", "debug" if debug else "", f"localip {addresses[0]}", f"remoteip {addresses[1]}", ""]))
        self.guest.run(f"""
            : >{self.LOG}; : >/run/log/syslog
            pptpd -f -c /run/pptpd.conf >/run/log/pptpd.out 2>&1 &
            for i in $(seq 100); do ss -Hltn 'sport = :1723' | grep -q . && exit 0; sleep 0.03; done
            cat /run/log/pptpd.out; exit 1""")

    def give(self, address, user=USER, password=PASSWORD):
        """The address that the user's next calls get; "*": one of pptpd's."""
        for secrets in ("chap-secrets", "pap-secrets"):
            self.guest.write(f"/etc/ppp/{secrets}", f'"{user}" * "{password}" {address}\n', mode=0o600)

    def stop(self):
        """Nothing of an earlier case is left in the guest. Nobody is told: the case is over."""
        self.guest.run("""
            rm -f /etc/ppp/ip-pre-up
            for i in $(seq 100); do
              pkill -9 -x 'pptpd|pptpctrl|pppd' || exit 0
              sleep 0.05; done; exit 1""")

    def wait_interfaces(self):
        """Waits until the interface of each call is up, which ip-up has told by the length of its queue. Where another
        server than pptpd answers, there is nothing to wait for. What pppd's kernel gets before is dropped (note 3.46)."""
        self.guest.run("""
            pgrep -x pptpd >/dev/null || exit 0
            for i in $(seq 150); do
              calls=$(ip -o link show type ppp)
              [ -z "$calls" ] || echo "$calls" | grep -qv 'qlen 1000' || exit 0
              sleep 0.02; done
            echo "no interface of pppd is up: $calls"; exit 1""")

    def log(self):
        """What pppd wrote, and what pptpd told syslog."""
        return self.guest.run(f"cat {self.LOG} /run/log/syslog", check=False)

    def wait_log(self, pattern, seconds=5):
        """Waits until a line of the log matches: its first match."""
        return lab.wait_for(lambda: re.search(pattern, self.log()), seconds, f"{pattern!r} in the log of pptpd")


class PptpLinux:
    """Debian's pptp-linux under pppd."""

    LOG = "/run/log/pppd-client.log"

    def __init__(self, guest):
        self.guest = guest

    def dial(self, server, *mppe, options=(), user=USER, password=PASSWORD, method="mschapv2", seconds=20):
        """Dials and waits: {"device", "local", "remote", "DNS1", "DNS2"}; AssertionError if it fails."""
        self.guest.write("/etc/ppp/peers-test", "\n".join([
            f"name {user}", "remotename PPTP", "noauth", "nodetach", "debug", "dump", "nobsdcomp", "nodeflate",
            *only(method, None), *mppe, f"logfile {self.LOG}", *options, ""]))
        for secrets in ("chap-secrets", "pap-secrets"):
            self.guest.write(f"/etc/ppp/{secrets}", f'"{user}" PPTP "{password}" *\n', mode=0o600)
        self.guest.write("/etc/ppp/ip-up", "#!/bin/sh\nip link set $1 txqueuelen 1000\n"
                         'echo "$1 $4 $5 DNS1=$DNS1 DNS2=$DNS2" >/run/up.new; mv /run/up.new /run/up\n', mode=0o755)
        answer = self.guest.run(f"""
            rm -f /run/up; : >{self.LOG}; : >/run/log/syslog
            pppd file /etc/ppp/peers-test pty 'pptp {server} --nolaunchpppd --loglevel 2' >/run/log/pppd.out 2>&1 &
            pppd=$!; echo $pppd >/run/pppd-client.pid
            for i in $(seq {int(seconds * 20)}); do
              [ ! -e /run/up ] || {{ cat /run/up; exit 0; }}
              kill -0 $pppd 2>/dev/null || {{ echo "pppd has ended"; break; }}
              sleep 0.05; done
            cat {self.LOG} /run/log/pppd.out /run/log/syslog; exit 1""", timeout=seconds + 20)
        device, local, remote, dns1, dns2 = answer.split()
        return {"device": device, "local": local, "remote": remote,
                "DNS1": dns1.partition("=")[2], "DNS2": dns2.partition("=")[2]}

    def hang_up(self):
        self.guest.run("""
            pppd=$(cat /run/pppd-client.pid) || exit 0
            kill $pppd; for i in $(seq 40); do kill -0 $pppd 2>/dev/null || exit 0; sleep 0.05; done
            kill -9 $pppd""", check=False)

    def log(self):
        return self.guest.run(f"cat {self.LOG} /run/log/syslog", check=False)
