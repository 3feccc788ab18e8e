"""FreeRADIUS and the bridge to it, on the router."""

import contextlib
import pathlib
import shutil
import sys

from . import lab

SECRET = "radius-secret"
BRIDGE = str(pathlib.Path(__file__).parent / "eap_bridge.py")
INNER = "10.99.1.1"  # the bridge's end of the tunnel

# Nothing of /etc/freeradius: what EAP-MSCHAPv2 needs, and EAP-MD5 to be declined.
CONFIG = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {directory}
raddbdir = {directory}
run_dir = {directory}
pidfile = {directory}/pid
max_request_time = 30
security {{
  reject_delay = 0
}}
log {{
  destination = files
  file = {directory}/radius.log
  auth = yes
}}
client bridge {{
  ipaddr = 127.0.0.1
  secret = {secret}
  require_message_authenticator = yes
}}
thread pool {{
  start_servers = 1
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 2
}}
modules {{
  files {{
    usersfile = {directory}/users
  }}
  mschap {{
    use_mppe = yes
    require_encryption = yes
    require_strong = yes
    with_ntdomain_hack = yes
  }}
  eap {{
    default_eap_type = {eap_type}
    timer_expire = 60
    max_sessions = 1024
    mschapv2 {{
      send_error = yes
    }}
    md5 {{
    }}
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = 1812
  }}
  authorize {{
    eap
    files
  }}
  authenticate {{
    Auth-Type MS-CHAP {{
      mschap
    }}
    eap
  }}
}}
"""


@contextlib.contextmanager
def serving(the_lab, users, eap_type="mschapv2"):
    """A PPTP server on the router, and FreeRADIUS behind it with these users: a function that returns what came of it."""
    directory = the_lab.run / "radius"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    (directory / "radiusd.conf").write_text(CONFIG.format(directory=directory, secret=SECRET, eap_type=eap_type))
    (directory / "users").write_text(users)
    output = directory / "bridge.out"
    with open(directory / "out", "wb") as log, open(output, "wb") as said:
        radius = the_lab.spawn(the_lab.in_wire(["freeradius", "-X", "-d", str(directory)]), stdout=log, stderr=log)
        bridge = the_lab.spawn(the_lab.in_wire([sys.executable, BRIDGE, "127.0.0.1", SECRET]), stdout=said, stderr=said)
    try:
        lab.wait_for(lambda: "Ready to process" in (directory / "out").read_text(errors="replace"), 15, "freeradius")
        lab.wait_for(lambda: "ready" in output.read_text(), 5, "the bridge")
        yield lambda: output.read_text().splitlines()[1:]
    except BaseException:
        print("# --- bridge\n# " + output.read_text().replace("\n", "\n# "))
        print("# --- freeradius\n# " + (directory / "out").read_text(errors="replace")[-6000:].replace("\n", "\n# "))
        raise
    finally:
        for process in (bridge, radius):
            process.kill()
            process.wait()
