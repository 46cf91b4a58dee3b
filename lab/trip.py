# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with the helper on its way through the campus: each kind of move, and how to tell that one has ended.

    inside    from floor to floor              outside  from one network outside to another, the old one is gone
    outward   the office link is gone,         mbb      to anywhere, but the old one goes when it is not needed any more
              another network comes            gateway  the user wants another gateway
    inward    the other way round              closing  the gateway in use closes, the host finds another"""
import re
import time

from campus import OUTSIDE
from net import wait_for
from office import CORRESPONDENT

INTERNET = "198.51.100.1"  # half way to the gateways; the other half is two hops of this machine
LIMIT_S = 20
BOTH_S = 0.3


def least_round_trip_ms(ns, target):
    """Of a few: the others waited for neighbours to be found, or for this machine."""
    text = ns.run("ping", "-n", "-q", "-c", "5", "-i", "0.02", target)
    return float(re.search(r"= ([\d.]+)/", text)[1])


class Trip:
    def __init__(self, campus, host):
        self.campus, self.host = campus, host
        self.charon = None
        self.closed = None  # the gateway that is closed

    def begin(self, place):
        """Starts the helper and arrives somewhere. Returns the home address."""
        self.host.plug(place)
        self.place, self.gateway = place, "gw1"
        self.charon = self.campus.start_node(self.host)
        wait_for(self.arrived, f"{self.host.name} to be connected", LIMIT_S)
        return self.source()

    def source(self):
        """The address that the host speaks to the intranet from; None while it cannot."""
        text = self.host.ns.run("ip", "-o", "route", "get", CORRESPONDENT, check=False)
        found = re.search(r" src (\S+)", text)
        return found[1] if found else None

    def tunnel(self):
        """(connection, local address) of the tunnel in use; None without one."""
        return next(((sa["name"], sa["local-host"]) for sa in self.charon.sas() if sa["child-sas"]), None)

    def arrived(self):
        """The anchor knows where the host is, and so does the host."""
        binding = self.campus.binding(self.host) if self.source() else None
        if self.place not in OUTSIDE:
            n = self.place.removeprefix("floor")
            return binding and binding["care_of"] == f"10.0.{n}.1" and self.tunnel() is None
        n = self.gateway.removeprefix("gw")
        return (binding and binding["care_of"] == f"10.0.1{n}.1" and
                self.tunnel() == (self.gateway, self.host.outside_address(self.place)))

    def go(self, kind, to, carrier_loss=False):
        """Makes the move; arrived() tells when it has ended."""
        if kind == "gateway":
            self.gateway = to
            self.campus.cli("gateway", to)
        elif kind == "closing":
            self.open_gateway()  # the host must have somewhere to go
            self.closed, self.gateway = self.gateway, to
            self.campus.charons[self.closed].stop()
        elif kind == "inside":
            self.host.go(int(to.removeprefix("floor")), carrier_loss)
            self.host.places = [to]
            self.place = to
        elif kind == "mbb":
            old, self.place = self.place, to
            self.host.plug(to)
            if to in OUTSIDE and old not in OUTSIDE:
                self.host.prefer(to)  # else the office is the better one
            wait_for(self.arrived, f"the host to be at {to}", LIMIT_S)
            time.sleep(BOTH_S)  # how long the old network is still there
            self.host.unplug(old)
            self.host.prefer(None)
        else:
            old, self.place = self.place, to
            self.host.switch(old, to)

    def open_gateway(self):
        if self.closed:
            self.campus.charons[self.closed].start()
            self.closed = None
