"""This program on a bench's hosts: a server that listens, and a profile that dials it."""

import contextlib

import hosts

SERVER_INNER = "10.99.0.1"
POOL = "10.99.0.10-10.99.0.250"


@contextlib.contextmanager
def serving(program, server, mppe="require"):
    """`serve` on the host, listening; `mppe` as the key has it. Any number of calls may be alice's."""
    users = hosts.secret_file(server.folder / "chap-secrets", "alice * secret *\n")
    configuration = hosts.secret_file(
        server.folder / "server.toml",
        f'listen = "{hosts.SERVER}"\nusers = "{users}"\naddress = "{SERVER_INNER}"\npool = "{POOL}"\n'
        f'[encryption]\nmppe = "{mppe}"\n')
    with hosts.ended(server.start(program, "serve", configuration)) as process:
        server.wait_listening(1723, process)
        yield process


def profile(client, mppe="require", mtu='"auto"', **link):
    """A profile in the host's folder: its path. `mtu` as TOML has it, and `link`, keys of that table with _ for -."""
    keys = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in link.items())
    return hosts.secret_file(
        client.folder / f"mppe-{mppe}.toml",
        f'server = "{hosts.SERVER}"\nuser = "alice"\npassword = "secret"\n[link]\n{keys}'
        f'[network]\nmtu = {mtu}\ndns = "none"\n[encryption]\nmppe = "{mppe}"\n')
