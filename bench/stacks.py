"""What the bench `tunnel` compares: each a context manager (client, server) -> Stack, up as long as it lasts."""

import collections
import contextlib
import functools
import os
import shutil
import subprocess

import hosts
import ours
from ours import SERVER_INNER

MTU = 1400  # the same for all; everything fits through the wire without fragments
CLIENT_INNER = "10.99.0.10"  # where we choose it

# Where the server is inside, [(host, device)] of both ends, and the ids of the processes that are the tunnel.
Stack = collections.namedtuple("Stack", "address ends pids")


@contextlib.contextmanager
def both_ends(program, mppe, client, server, **link):
    """This program at both ends; `mppe` as the profile's key has it, `link` as its table for the client."""
    with ours.serving(program, server, mppe) as serving:
        with hosts.ended(client.start(program, "connect", ours.profile(client, mppe, MTU, **link))) as calling:
            client.wait_answer(SERVER_INNER, calling)
            yield Stack(SERVER_INNER, [(host, host.tunnel_device()) for host in (client, server)], [calling.pid, serving.pid])


@contextlib.contextmanager
def plain(client, server):
    """No tunnel: a wire of its own, without offloads, so that each packet is a packet."""
    hosts.lay_wire(client, server, "plain", CLIENT_INNER, SERVER_INNER)
    try:
        for host in (client, server):
            host.ip("link", "set", "plain", "mtu", str(MTU))
            host.run("ethtool", "-K", "plain", "tx", "off", "tso", "off", "gso", "off", "gro", "off",
                     stderr=subprocess.DEVNULL)
        client.wait_answer(SERVER_INNER)
        yield Stack(SERVER_INNER, [(client, "plain"), (server, "plain")], [])
    finally:
        client.ip("link", "delete", "plain")


@contextlib.contextmanager
def wireguard(client, server):
    """wireguard-go at both ends. Its sockets are found by the device's name, by everybody on this machine."""
    ends = [(client, f"wgc{os.getpid()}", CLIENT_INNER), (server, f"wgs{os.getpid()}", SERVER_INNER)]
    keys = [subprocess.run(["wg", "genkey"], check=True, capture_output=True, text=True).stdout for _ in ends]
    public = [subprocess.run(["wg", "pubkey"], input=key, check=True, capture_output=True, text=True).stdout.strip()
              for key in keys]
    with contextlib.ExitStack() as cleanup:
        processes = []
        for (host, device, inner), key, peer in zip(ends, keys, reversed(public)):
            process = host.start("wireguard-go", "-f", device, environment={"WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1"})
            processes.append(cleanup.enter_context(hosts.ended(process)))
            hosts.wait_until(lambda device=device: os.path.exists(f"/var/run/wireguard/{device}.sock"), device, process)
            towards = ["endpoint", f"{hosts.SERVER}:51820"] if host is client else []
            host.run("wg", "set", device, "listen-port", "51820", "private-key", hosts.secret_file(host.folder / "wg.key", key),
                     "peer", peer, "allowed-ips", "10.99.0.0/24", *towards)
            host.ip("address", "add", f"{inner}/24", "dev", device)
            host.ip("link", "set", device, "mtu", str(MTU), "up")
        client.wait_answer(SERVER_INNER)
        yield Stack(SERVER_INNER, [end[:2] for end in ends], [process.pid for process in processes])


@contextlib.contextmanager
def openvpn(client, server):
    """OpenVPN at both ends, in user space, over UDP, AES-256-GCM."""
    ends = [(client, CLIENT_INNER, SERVER_INNER, ["--tls-client", "--remote", hosts.SERVER]),
            (server, SERVER_INNER, CLIENT_INNER, ["--tls-server", "--dh", "none", "--local", hosts.SERVER])]
    fingerprints = [certificate(host.folder) for host, *_ in ends]
    with contextlib.ExitStack() as cleanup:
        processes = []
        for (host, inner, far, role), fingerprint in zip(ends, reversed(fingerprints)):
            process = host.start(
                "openvpn", "--dev", "ovpn", "--dev-type", "tun", "--proto", "udp", "--ifconfig", inner, far,
                "--tun-mtu", MTU, "--mssfix", "0", "--disable-dco", "--data-ciphers", "AES-256-GCM",
                "--cert", host.folder / "ovpn.crt", "--key", host.folder / "ovpn.key", "--peer-fingerprint", fingerprint, *role)
            processes.append(cleanup.enter_context(hosts.ended(process)))
        client.wait_answer(SERVER_INNER)
        yield Stack(SERVER_INNER, [(client, "ovpn"), (server, "ovpn")], [process.pid for process in processes])


def certificate(folder):
    """A key, and a certificate that it signs itself, in the folder; the certificate's fingerprint."""
    path = folder / "ovpn.crt"
    if not path.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=bench", "-days", "2", "-keyout", folder / "ovpn.key", "-out", path],
                       check=True, capture_output=True)
        (folder / "ovpn.key").chmod(0o600)
    shown = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256"], check=True,
                           capture_output=True, text=True).stdout
    return shown.strip().partition("=")[2]


def chosen(names, program, before):
    """{name: stack} of those asked for; `before`: another build of the program, or None."""
    every = {"mppe-128": functools.partial(both_ends, program, "require")}
    if before:
        every["before"] = functools.partial(both_ends, before, "require")
    every |= {"two-threads": functools.partial(both_ends, program, "require", threads=2),
              "packet": functools.partial(both_ends, program, "require", transmit='"packet"'),
              "null": functools.partial(both_ends, program, "off"), "plain": plain}
    if shutil.which("wireguard-go") and shutil.which("wg"):
        every["wireguard-go"] = wireguard
    if shutil.which("openvpn") and shutil.which("openssl"):
        every["openvpn"] = openvpn
    unknown = [name for name in names or () if name not in every]
    if unknown:
        raise SystemExit(f"not here: {', '.join(unknown)}; there are: {', '.join(every)}")
    return {name: stack for name, stack in every.items() if not names or name in names}
