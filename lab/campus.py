# SPDX-License-Identifier: GPL-2.0-or-later
"""The office with the world around it: a firewall, a DMZ with two VPN gateways, and places outside to be in (A-49).

                      floors, ha, cn (office.py)
                                |
                gw1 gw2 ===== core       gw: "core" 10.0.11.1, 10.0.12.1, "outer" 192.0.2.11, 192.0.2.12
                 |   |          |
                 dmz bridge -- fw        nothing comes in but IKE and ESP in UDP to the gateways
                                |
                              inet
                     ___________|_________
                    |           |         |
                   lte        cafe    broadband
              100.64.0.0/24  192.168.7.0/24  203.0.113.0/24
              20 ms each way  NAT

A mobile host has an interface for each place, and something that manages them: an address and a default route come and
go with each place. As in real networks, access routers outside refuse source addresses that are not theirs (BCP 38), so
the manager also sees to it that packets with a place's source address leave there."""
import collections
import os
import signal

import vpn
from charon import Charon, merge
from dhcp import start_client
from office import ANCHOR, BUILD, HOME, MPA, Office, Station
from wire import Wire

Place = collections.namedtuple("Place", "interface subnet metric table delay_ms nat")
OUTSIDE = {
    "lte": Place("wwan0", "100.64.0", 700, 101, 20, False),
    "cafe": Place("wlan0", "192.168.7", 600, 102, 0, True),
    "broadband": Place("home0", "203.0.113", 500, 103, 0, False),
}
SOURCE_RULES = 150  # their priority: before charon's 220
HOME_RULE = 225     # ... and after it: in the tunnel while there is one, else by the link that has the home address
INSIDE_METRIC, INSIDE_TABLE, PREFERRED_METRIC = 100, 100, 50
LINK_LOST = ["address flush dev eth0", "route flush dev eth0", f"route flush table {INSIDE_TABLE} dev eth0"]
MN = os.path.join(BUILD, "src", "daemons", "holdfast-mn")
GATEWAYS = {1: "192.0.2.11", 2: "192.0.2.12"}
DMZ = "192.0.2.0/28"
OUTER_TABLE = 100

# who wants to speak with an agent has to come through a gateway.
FIREWALL = f"""
table inet firewall {{
    counter refused {{ }}
    set gateways {{
        type ipv4_addr
        elements = {{ {", ".join(GATEWAYS.values())} }}
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "inet" oifname "dmz" ip daddr @gateways udp dport {{ 500, 4500 }} accept
        iifname "dmz" oifname "inet" ip saddr @gateways udp sport {{ 500, 4500 }} accept
        iifname "core" oifname "dmz" accept
        meta nfproto ipv4 counter name refused
    }}
    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iifname "core" accept
        meta nfproto ipv4 counter name refused
    }}
}}
"""
ACCESS_ROUTER = """
table ip access {
    chain forward {
        type filter hook forward priority filter; policy accept;
        iifname "hosts" ip saddr != %s drop
    }
}
"""
NAT = """
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "uplink" masquerade random
    }
}
"""


class Mobile(Station):
    """A host that is in the office or outside, or in two places at once."""

    def __init__(self, office, name, number):
        super().__init__(office, name, number)
        self.dhcp = None
        self.preferred = None
        self.places = []
        self.ns.batch(f"route add throw default table {INSIDE_TABLE} metric 4096",
                      f"rule add from {HOME}.0/24 lookup {INSIDE_TABLE} priority {HOME_RULE}")
        for name, place in OUTSIDE.items():
            router, port = office.outside[name], f"m{number}"
            office.net.link(self.ns, place.interface, router, port)
            router.batch(f"link set {port} master hosts")

    def outside_address(self, place):
        return f"{OUTSIDE[place].subnet}.{10 + self.number}"

    def _came(self, place):
        p, address = OUTSIDE[place], self.outside_address(place)
        way = f"default via {p.subnet}.1 dev {p.interface}"
        return [f"address add {address}/24 dev {p.interface}", f"route add {way} table {p.table}",
                f"rule add from {address} lookup {p.table} priority {SOURCE_RULES}", f"route add {way} metric {p.metric}"]

    def _gone(self, place):
        """All that _came() did, the last first."""
        return [line.replace(" add ", " del ", 1) for line in reversed(self._came(place))]

    def plug(self, place):
        """Arrives at floor1, floor2, ..., lte, cafe or broadband. Inside, a DHCP client asks for the address."""
        self.change(None, place)

    def unplug(self, place):
        """The link is lost: address and routes with it."""
        self.change(place, None)

    def switch(self, old, new):
        """A hard handover: one link is lost as another is found."""
        self.change(old, new)

    def prefer(self, place):
        """The manager favours an outside place although others with better metrics are there, as phones leave a fading
        WLAN. None: no more. Ask before that place is unplugged."""
        if self.preferred:
            self.ns.batch(self.preferred.replace(" add ", " del ", 1))
        p = OUTSIDE.get(place)
        self.preferred = p and f"route add default via {p.subnet}.1 dev {p.interface} metric {PREFERRED_METRIC}"
        if p:
            self.ns.batch(self.preferred)

    def change(self, old, new):
        leaves_office = old and old not in OUTSIDE and (not new or new in OUTSIDE)
        if leaves_office:
            self.leave()
        lines = (self._gone(old) if old in OUTSIDE else LINK_LOST if leaves_office else []) + (
            self._came(new) if new in OUTSIDE else [])
        if lines:
            self.ns.batch(*lines)
        if leaves_office:
            self.office.net.stop(self.dhcp, signal.SIGKILL)  # no script of its runs any more
            self.dhcp = None
        if new and new not in OUTSIDE:
            self.go(int(new.removeprefix("floor")))
            if self.office.aaa and not self.dhcp:
                self.office.aaa.log_in(self)
            self.dhcp = self.dhcp or start_client(self, metric=INSIDE_METRIC, table=INSIDE_TABLE)
        self.places = [p for p in self.places if p != old] + ([new] if new else [])


class Campus(Office):
    vpn_more = ""  # of each gateway's agent

    def __init__(self, label="campus", floors=2, delays=None, loss=None, seed=1, **options):
        """delays: milliseconds each way between a place outside and the internet, where not as above.
        loss: per mille of the frames on the way there, repeatable with the same seed."""
        self.delays = {name: p.delay_ms for name, p in OUTSIDE.items()} | (delays or {})
        self.loss, self.seed = loss or {}, seed
        self.wires, self.outside, self.gateways, self.charons = {}, {}, {}, {}
        super().__init__(label, floors, **options)

    def _build(self):
        super()._build()
        # As on a wire: what a daemon takes into its hands has its checksum, which veth would leave to the next hardware.
        self.cn.run("ethtool", "-K", "eth0", "tx", "off")
        self.inet, self.fw = self.net.add("inet"), self.net.add("fw")
        self.inet.sysctl(net__ipv4__ip_forward=1)
        for name in OUTSIDE:
            self._add_outside(name)
        self._add_firewall()
        for n in GATEWAYS:
            self._add_gateway(n)

    def _add_outside(self, name):
        p, router = OUTSIDE[name], self.net.add(name)
        self.outside[name] = router
        here, there = self._transit(len(self.outside))
        if self.delays[name] or self.loss.get(name):
            self.wires[name] = Wire(self.net, f"{name}-wire", router, "uplink", self.inet, name, self.delays[name],
                                    self.loss.get(name, 0), self.seed)
        else:
            self.net.link(router, "uplink", self.inet, name)
        router.batch("link add hosts type bridge", "link set hosts up", f"address add {p.subnet}.1/24 dev hosts",
                     f"address add {here}/30 dev uplink", f"route add default via {there}")
        router.sysctl(net__ipv4__ip_forward=1)
        router.run("nft", "-f", "-", input=ACCESS_ROUTER % f"{p.subnet}.0/24" + (NAT if p.nat else ""))
        self.inet.batch(f"address add {there}/30 dev {name}")
        if not p.nat:
            self.inet.batch(f"route add {p.subnet}.0/24 via {here}")

    @staticmethod
    def _transit(n):
        """The two ends of the n-th line to the internet."""
        return f"198.51.100.{4 * n + 2}", f"198.51.100.{4 * n + 1}"

    def _add_firewall(self):
        fw, (here, there) = self.fw, self._transit(0)
        fw.sysctl(net__ipv4__ip_forward=1)
        self.net.link(self.inet, "fw", fw, "inet")
        self.net.link(self.core, "fw", fw, "core")
        fw.batch("link add dmz type bridge", "link set dmz up", "address add 192.0.2.1/28 dev dmz",
                 f"address add {here}/30 dev inet", "address add 10.0.254.1/24 dev core", f"route add default via {there}",
                 "route add 10.0.0.0/8 via 10.0.254.254")
        fw.run("nft", "-f", "-", input=FIREWALL)
        # The internet knows the way to the office, and the office the way out: what does not pass is the firewall's doing.
        self.inet.batch(f"address add {there}/30 dev fw", f"route add {DMZ} via {here}", f"route add 10.0.0.0/8 via {here}")
        self.core.batch("address add 10.0.254.254/24 dev fw", "route add default via 10.0.254.1",
                        f"route add {HOME}.0/24 via {ANCHOR}")
        self.ha.batch("route add default via 10.0.0.254")

    def _add_gateway(self, n):
        gw = self.gateways[n] = self.net.add(f"gw{n}")
        self.net.link(gw, "outer", self.fw, f"gw{n}")
        self.net.link(gw, "core", self.core, f"gw{n}")
        self.fw.batch(f"link set gw{n} master dmz")
        self.core.batch(f"address add 10.0.1{n}.254/24 dev gw{n}", f"route add {self.pool(n)} via 10.0.1{n}.1")
        gw.sysctl(net__ipv4__ip_forward=1)
        # What the gateway says as itself leaves by the DMZ, also to hosts inside: the firewall sees both directions.
        gw.batch(f"address add {GATEWAYS[n]}/28 dev outer", f"address add 10.0.1{n}.1/24 dev core",
                 "route add default via 192.0.2.1", f"route add 10.0.0.0/8 via 10.0.1{n}.254",
                 f"route add default via 192.0.2.1 table {OUTER_TABLE}",
                 f"rule add from {GATEWAYS[n]} lookup {OUTER_TABLE} priority {OUTER_TABLE}")

    @staticmethod
    def pool(n):
        """Inner addresses of a gateway without Holdfast."""
        return f"10.50.{n}.0/24"

    def ha_conf(self, name="ha"):
        path = super().ha_conf(name)
        with open(path, "a") as f:
            for n in GATEWAYS:  # a gateway has a key of its own: it cannot speak for others
                f.write(f'association gw{n} {{ scope = node nodes = {{"10.0.1{n}.1/32"}} spi = 200{n} '
                        f'key-file = "{self.path("key")}" }}\n')
        return path

    def add_mobile(self, name):
        m = self.stations[name] = Mobile(self, name, len(self.stations) + 1)
        return m

    def mpa_conf_of_gateway(self, n, extra=""):
        return self._write(f"gw{n}.conf", f"""
instance = "gw{n}"
run-dir = "{self.net.dir}"
pin-dir = "{self.net.bpf}/gw{n}"
interfaces = {{"core"}}
care-of = "10.0.1{n}.1"
log-level = info
{extra}
home-agent main {{ address = "{ANCHOR}" }}
network office {{ prefix = "{HOME}.0/24" gateway = "{HOME}.1" dns = {{"10.9.0.2"}} domain = "{vpn.REALM}" }}
association gateway {{ scope = node spi = 200{n} key-file = "{self.path('key')}" }}
vpn "ipsec0" {{ realm = "{vpn.REALM}" {self.vpn_more} }}
""")

    def start_gateway(self, n, holdfast=True, settings=None, extra="", in_place=False):
        """charon, and with Holdfast its agent; else charon gives out addresses of pool(n). settings: of strongswan.conf,
        extra: of the agent's configuration. in_place: without Holdfast, SAs move as those in the kernel do, which a stock
        charon's userspace ESP cannot."""
        if holdfast:
            self.start_daemon(f"gw{n}", self.gateways[n], MPA, self.mpa_conf_of_gateway(n, extra))
        role = "gateway" if holdfast or in_place else None
        c = self.charons[f"gw{n}"] = Charon(self.gateways[n], f"gw{n}-charon", role, self.path(f"gw{n}.charon"),
                                            merge(vpn.gateway_settings(), settings))
        c.own(*self.authority.issue(f"gw{n}", vpn.gateway_name(n), GATEWAYS[n], flag="serverAuth"))
        c.trust(self.authority)
        c.configure(vpn.gateway_connections(n, GATEWAYS[n], None if holdfast else self.pool(n)))
        return c.start()

    def restart_agent(self, n):
        """The agent of a gateway, after kill("gwN"), with the configuration it had."""
        return self.start_daemon(f"gw{n}", self.gateways[n], MPA, self.path(f"gw{n}.conf"))

    def start_client(self, mobile, settings=None, more=None):
        """A stock strongSwan on a mobile host, which proves to be the user of that name. more: settings of swanctl.conf's
        connections."""
        return self._start_charon(mobile, None, settings, vpn.client_connections(mobile.name, GATEWAYS, more))

    def start_node(self, mobile, gateways=tuple(GATEWAYS), settings=None, more=None, extra=""):
        """strongSwan with our plugin, and the helper: it connects by itself. gateways: in the order they are tried;
        extra: of the helper's configuration."""
        own = {n: GATEWAYS[n] for n in gateways}
        c = self._start_charon(mobile, "node", merge(vpn.node_settings(), settings),
                               vpn.client_connections(mobile.name, own, merge(vpn.node_connection(), more)))
        self.start_daemon(mobile.name, mobile.ns, MN, self._write(f"{mobile.name}.conf", f"""
instance = "{mobile.name}"
run-dir = "{self.net.dir}"
user = "{mobile.nai}"
log-level = info
{extra}
""" + "".join(f'connection "gw{n}" {{ child = "net" }}\n' for n in own)))
        return c

    def _start_charon(self, mobile, role, settings, connections):
        tables = " ".join(map(str, [INSIDE_TABLE, *(p.table for p in OUTSIDE.values())]))
        c = self.charons[mobile.name] = Charon(mobile.ns, f"{mobile.name}-charon", role, self.path(f"{mobile.name}.charon"),
                                               merge({"ignore_routing_tables": tables}, settings))
        if mobile.name not in (*vpn.SHARED_KEYS, *vpn.PASSWORDS):
            c.own(*self.authority.issue(mobile.name, mobile.nai))
        c.trust(self.authority)
        c.configure(connections)
        return c.start()
