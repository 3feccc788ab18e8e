#!/usr/bin/python3
"""Stands in for systemd-resolved on the system bus: resolve1.py LOG. Each call becomes a line of LOG.

Interface 99 is none that it knows.
"""

import json
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

LOG = sys.argv[1]
NO_SUCH_LINK = 99


class NoSuchLink(dbus.DBusException):
    _dbus_error_name = "org.freedesktop.resolve1.NoSuchLink"


def note(method, device, *arguments):
    if device == NO_SUCH_LINK:
        raise NoSuchLink(f"Link {device} not known")
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(json.dumps([method, int(device), *arguments]) + "\n")


class Manager(dbus.service.Object):
    INTERFACE = "org.freedesktop.resolve1.Manager"

    @dbus.service.method(INTERFACE, in_signature="ia(iay)")
    def SetLinkDNS(self, device, servers):
        note("SetLinkDNS", device, [[int(family), ".".join(str(int(o)) for o in octets)] for family, octets in servers])

    @dbus.service.method(INTERFACE, in_signature="ia(sb)")
    def SetLinkDomains(self, device, domains):
        note("SetLinkDomains", device, [[str(domain), bool(routing)] for domain, routing in domains])

    @dbus.service.method(INTERFACE, in_signature="ib")
    def SetLinkDefaultRoute(self, device, enable):
        note("SetLinkDefaultRoute", device, bool(enable))

    @dbus.service.method(INTERFACE, in_signature="i")
    def RevertLink(self, device):
        note("RevertLink", device)


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
name = dbus.service.BusName("org.freedesktop.resolve1", bus)
manager = Manager(bus, "/org/freedesktop/resolve1")
print("ready", flush=True)
GLib.MainLoop().run()
