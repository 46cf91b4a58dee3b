# SPDX-License-Identifier: GPL-2.0-or-later
"""The campus for hosts that speak Mobile IP themselves (RFC 5266): no proxy agents, and gateways that know nothing of it.

    floor0  the home link, 10.42.0.0/24, behind the home agent
    floor1  a foreign agent, 10.8.1.1                    mode f
    floor2  a router and nothing more, 10.8.2.1          mode c
    outside as in campus.py, by gateways with addresses of their own, 10.50.N.0/24       mode mc

On each floor, and on the home link, a plain DHCP server gives addresses out."""
import json
import os

from campus import GATEWAYS, Campus, Mobile
from dhcp import start_client
from net import wait_for
from office import ANCHOR, BUILD, GATEWAY, HOME

FA = os.path.join(BUILD, "src", "daemons", "holdfast-fa")
HOME_LINK, AGENT, PLAIN = "floor0", "floor1", "floor2"
INSIDE_METRIC = 100
AGENTS_KEY = "text:between the agents, for the laboratory only"
INSIDE = "10.0.0.0/8"
# Both on a floor and at a gateway. To ports that decoders take for nothing else.
NAT = """
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname != "core" accept
        ip saddr != { 10.8.0.0/16, 10.50.0.0/16 } accept
        meta l4proto { tcp, udp } masquerade to :40000-60000 random
        masquerade
    }
}
"""


class Laptop(Mobile):
    """A host with holdfast-mn in client mode, and strongSwan. Its system configures its links: a move of the cable is a
    link that is lost, and a new address."""

    def __init__(self, office, name, number):
        super().__init__(office, name, number)
        self.home = f"{HOME}.{70 + number}"
        self.spi = 3000 + number
        self.key = f"text:{name}'s own key for the laboratory"

    def leave(self):
        self.office.building.batch(f"link set {self.port} down")
        super().leave()

    def go(self, floor, carrier_loss=False):
        super().go(floor)
        self.office.building.batch(f"link set {self.port} up")
        self.settled = False
        self.dhcp = start_client(self, metric=INSIDE_METRIC)

    def change(self, old, new):
        if old and new and {old, new}.isdisjoint(self.office.outside):
            super().change(old, None)  # between floors nothing is kept
            old = None
        super().change(old, new)

    def association(self):
        return (f'association {self.name} {{ scope = user nai = "{self.nai}" spi = {self.spi} key = "{self.key}" }}\n'
                f'user "{self.nai}" {{ home-address = "{self.home}" }}\n')

    def conf(self):
        return f"""
pin-dir = "{self.office.net.bpf}/{self.name}"
mode = client
home-agent = "{ANCHOR}"
home-address = "{self.home}"
home-prefix = "{HOME}.0/24"
spi = {self.spi}
key = "{self.key}"
"""

    def node(self):
        """What the helper says of itself."""
        return self.office.show_node(self.name)

    def becomes(self, limit=30, **wanted):
        """Waits until `show node` has these values; returns all of it."""
        def there():
            node = self.node()
            return all(node[k] == v for k, v in wanted.items()) and node
        return wait_for(there, f"{self.name} to be {wanted}", limit)


class ClientCampus(Campus):
    def __init__(self, label="clients", floors=2, agents=(1,), nat_inside=(), nat_gateways=(),
                 in_place=(), **options):
        """agents: floors with a foreign agent. nat_inside, nat_gateways: floors and gateways that translate addresses on the
        way inwards. in_place: gateways as in Campus.start_gateway()."""
        self.agents, self.nat_inside, self.nat_gateways, self.in_place = agents, nat_inside, nat_gateways, in_place
        ha = f'trusted-subnets = {{"{INSIDE}"}}\n' + options.pop("ha", "")
        super().__init__(label, floors, real_link=True, ha=ha, **options)

    def _build(self):
        super()._build()
        for n, ar in self.ars.items():
            ar.batch(f"address add 10.8.{n}.1/24 dev access")
            self.core.batch(f"route add 10.8.{n}.0/24 via 10.0.{n}.1")
            if n in self.nat_inside:
                ar.run("nft", "-f", "-", input=NAT)
        self.building.batch("link add floor0 type bridge", "link set floor0 up")
        self.home_host.batch("link add br0 type bridge", "link set br0 up", "address flush dev eth0",
                             "link set eth0 master br0", f"address add {HOME}.5/24 dev br0",
                             f"route replace default via {GATEWAY}")
        self.net.link(self.home_host, "floor", self.building, "up0")
        self.home_host.batch("link set floor master br0")
        self.building.batch("link set up0 master floor0")
        self.extra["users"] += "".join(
            f'association floor{n} {{ scope = node nodes = {{"10.0.{n}.1/32"}} spi = {4000 + n} key = "{AGENTS_KEY}" }}\n'
            for n in self.agents)

    def _add_gateway(self, n):
        super()._add_gateway(n)
        if n in self.nat_gateways:
            self.gateways[n].run("nft", "-f", "-", input=NAT)

    def add_laptop(self, name, kind=Laptop):
        """Before start(): the home agent has to know it."""
        m = self.stations[name] = kind(self, name, len(self.stations) + 1)
        self.extra["users"] += m.association()
        return m

    def start(self, gateways=None):
        """gateways: which, and the settings of each one's charon; all as they are otherwise."""
        self.net.settle()
        self.start_ha()
        self._start_dhcp(self.home_host, "br0", "home", HOME, GATEWAY)
        for n, ar in self.ars.items():
            self._start_dhcp(ar, "access", f"floor{n}", f"10.8.{n}", f"10.8.{n}.1")
        for n in self.agents:
            self.start_agent(n)
        for n, settings in (gateways or dict.fromkeys(GATEWAYS)).items():
            self.start_gateway(n, holdfast=False, settings=settings, in_place=n in self.in_place)
        return self

    def start_agent(self, n, advertise=3):
        return self.start_daemon(f"fa{n}", self.ars[n], FA, self._write(f"fa{n}.conf", f"""
instance = "fa{n}"
run-dir = "{self.net.dir}"
pin-dir = "{self.net.bpf}/fa{n}"
interfaces = {{"core"}}
care-of = "10.0.{n}.1"
advertise = {advertise}
log-level = info
access "access" {{ }}
association anchor {{ home-agent = "{ANCHOR}" spi = {4000 + n} key = "{AGENTS_KEY}" }}
"""))

    def _start_dhcp(self, ns, interface, name, net, router):
        """On the home link everybody gets the own home address."""
        own = "".join(f"host {m.name} {{ hardware ethernet {m.mac}; fixed-address {m.home}; }}\n"
                      for m in self.stations.values() if isinstance(m, Laptop) and net == HOME)
        conf, leases = self.path(f"dhcpd-{name}.conf"), self.path(f"dhcpd-{name}.leases")
        with open(conf, "w") as f:
            f.write(f"authoritative; default-lease-time 600; ping-check false;\n{own}"
                    f"subnet {net}.0 netmask 255.255.255.0 {{ range {net}.220 {net}.240; option routers {router}; }}\n")
        open(leases, "w").close()
        log = self.path(f"dhcpd-{name}.log")
        p = ns.start("dhcpd", "-4", "-f", "-d", "-cf", conf, "-lf", leases, "-pf", self.path(f"dhcpd-{name}.pid"),
                     interface, log=log)
        wait_for(lambda: p.poll() is not None or ":67 " in ns.run("ss", "-lun"), f"dhcpd of {name} to listen")

    def show_node(self, name):
        answer = json.loads(self.cli("--json", "show", "node").stdout)
        return next(a for a in answer["answers"] if a["instance"] == name)

    def start_laptop(self, laptop, extra="", **options):
        """The helper in client mode, and strongSwan with our plugin. extra: of the helper's configuration."""
        return self.start_node(laptop, extra=laptop.conf() + extra, **options)
