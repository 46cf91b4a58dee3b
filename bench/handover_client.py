# SPDX-License-Identifier: GPL-2.0-or-later
"""How long the moves of a host in client mode last: from each mode to the others, on the campus of lab/clients.py."""
import ipaddress
import time

from campus import LINK_LOST, OUTSIDE
from clients import HOME_LINK, INSIDE_METRIC, ClientCampus, Laptop
from moves import LIMIT_S, Running, move, series
from net import wait_for
from office import ANCHOR, HOME
from traffic import listen
from trip import BOTH_S, INTERNET, least_round_trip_ms

FLOORS, AGENTS = 3, (1,)
IN_PLACE, STOCK = 2, 1  # gateways
ALLOWED_MS = 25
SILENCE_MS = 90  # the home agent is asked three times, then the host believes to be outside
AT_ONCE, BOTH_UP, BY_STOCK, LOSSY = "address at once", "both links up", "stock gateway", "5 % loss"
ONE_WAY_MS = 20
# The mode of each place, and where the care-of address is from.
MODES = {HOME_LINK: ("home", None), "floor1": ("f", "10.0.1.1/32"), "floor2": ("c", "10.8.2.0/24"),
         "floor3": ("c", "10.8.3.0/24"), **{place: ("mc", "10.50.0.0/16") for place in OUTSIDE}}
ROUND = ["floor1", "floor2", "floor3", "floor1", "lte", "floor2", "lte", "broadband", "cafe", HOME_LINK]
INSIDE = ["floor1", "floor2", "floor3", "floor1", HOME_LINK]
SHOWN = {"home": "home", "f": "f", "c": "c", "lte": "mc (LTE)", "broadband": "mc (broadband)", "cafe": "mc (café)"}
LOSSY_ROUND = ["floor1", "lte", "broadband", "floor2"]
# Of what is signalled: on the host's links, and before the home agent what comes from agents and through the VPN.
LOSS = """
table netdev loss {{
    chain lossy {{ numgen random mod 100 < 5 counter drop; }}
    chain signalling {{
        udp dport 434 jump lossy
        udp dport 500 jump lossy
        udp dport 4500 @th,64,32 0 jump lossy
        icmp type {{ router-advertisement, router-solicitation }} jump lossy
    }}
    chain from {{ type filter hook ingress device "{0}" priority filter; policy accept; {1} jump signalling; }}
    chain to {{ type filter hook egress device "{0}" priority filter; policy accept; {2} jump signalling; }}
}}
"""


class Configured(Laptop):
    """Has the address of a place in the same step, as if DHCP took no time."""

    def change(self, old, new):
        cable, lines = [f"link set {self.port} down"], []
        if old:
            lines += self._gone(old) if old in OUTSIDE else LINK_LOST
        if new in OUTSIDE:
            lines += self._came(new)
        else:
            n = int(new.removeprefix("floor"))
            address, router = (self.home, f"{HOME}.1") if n == 0 else (f"10.8.{n}.{50 + self.number}", f"10.8.{n}.1")
            cable += [f"link set {self.port} master floor{n}", f"link set {self.port} type bridge_slave isolated on",
                      f"link set {self.port} up"]
            lines += [f"address add {address}/24 dev eth0",
                      f"route add default via {router} dev eth0 metric {INSIDE_METRIC}"]
        self.office.building.batch(*cable)
        if new not in OUTSIDE:
            wait_for(self._is_forwarded, "the switch to forward", every=0.001)
        self.ns.batch(*lines)
        self.places = [new]

    def _is_forwarded(self):
        """Or the first question for the router is lost, and asked again after a second. DHCP would have seen to it."""
        return "state forwarding" in self.office.building.ip("-d", "link", "show", "dev", self.port)


class Walker(Running):
    """A campus with one host in client mode, at home first."""

    def __init__(self, kind=Laptop, gateway=IN_PLACE):
        self.campus = ClientCampus("client", FLOORS, AGENTS, in_place=(IN_PLACE,), delays=dict.fromkeys(OUTSIDE, ONE_WAY_MS))
        self.kind, self.gateway = kind, gateway

    def _start(self):
        self.host = self.campus.add_laptop("alice", self.kind)
        self.campus.start()
        listen(self.campus.cn)
        self.place = HOME_LINK
        self.host.plug(HOME_LINK)
        self.campus.start_laptop(self.host, gateways=(self.gateway,))
        self.wait_arrived()
        self.rtt_ms = {True: least_round_trip_ms(self.campus.outside["lte"], INTERNET),
                       False: least_round_trip_ms(self.campus.ars[1], ANCHOR)}
        return self

    def lose(self):
        """Of what is signalled, from now on."""
        c, port = self.campus, self.host.port
        for ns, interface in ((c.building, port), *((router, f"m{self.host.number}") for router in c.outside.values())):
            ns.run("nft", "-f", "-", input=LOSS.format(interface, "", ""))
        beyond = "{ 10.0.1.1, 10.50.0.0/16 }"
        c.ha.run("nft", "-f", "-", input=LOSS.format("core", f"ip saddr {beyond}", f"ip daddr {beyond}"))

    def arrived(self):
        """The home agent knows where the host is, and so do the host and, outside, charon."""
        mode, net = MODES[self.place]
        node, binding = self.host.node(), self.campus.binding(self.host)
        if node["mode"] != mode or not net:
            return node["mode"] == mode and binding is None
        if binding is None or ipaddress.ip_address(node["care_of"]) not in ipaddress.ip_network(net):
            return False
        return self.place not in OUTSIDE or self.campus.charons[self.host.name].sa(
            local_host=self.host.outside_address(self.place), state="ESTABLISHED")

    def wait_arrived(self):
        wait_for(self.arrived, f"the host to be at {self.place}", LIMIT_S)

    def go(self, to):
        """The old link is gone when the new one comes."""
        old, self.place = self.place, to
        self.host.switch(old, to)
        self.wait_arrived()

    def go_with_both(self, to):
        """The new link comes, and the old one goes when it is not needed any more."""
        old = self.place
        self.host.plug(to)
        if to not in OUTSIDE:
            self.place = to
            self.wait_arrived()
        time.sleep(BOTH_S)  # how long the old link is still there
        self.place = to
        self.host.unplug(old)
        self.wait_arrived()

    def name(self, old, new):
        def of(place):
            return SHOWN[place if place in OUTSIDE else MODES[place][0]]
        return f"{of(old)} to {of(new)}"

    def moves(self, places, count, how, said=None):
        """Goes round until each move was made that often."""
        found, rtts = {}, {}
        while not found or min(map(len, found.values())) < count:
            for to in places:
                name = self.name(self.place, to) + (f", {said}" if said else "")
                rtts[name] = self.rtt_ms[to in OUTSIDE]
                found.setdefault(name, []).append(move(self.campus, self.host, lambda t=to: how(t)))
        return [series(name, rtts[name], moves[:count]) for name, moves in found.items()]


def by_dhcp(count):
    with Walker() as w:
        return w.moves(ROUND, count, w.go)


def by_hand(count):
    with Walker(Configured) as w:
        return w.moves(INSIDE, count, w.go, AT_ONCE)


def with_both(count):
    with Walker() as w:
        w.go("lte")
        return w.moves(["floor2", "lte"], count, w.go_with_both, BOTH_UP)


def by_a_stock_gateway(count):
    with Walker(gateway=STOCK) as w:
        w.go("lte")
        return w.moves(["broadband", "lte"], count, w.go, BY_STOCK)


def by_lossy_links(count):
    with Walker(Configured) as w:
        w.go("floor2")
        w.lose()
        return w.moves(LOSSY_ROUND, 2 * count, w.go, LOSSY)  # what is rare takes more of them


PARTS = {"client": by_dhcp, "client-address": by_hand, "client-both": with_both, "client-stock": by_a_stock_gateway,
         "client-loss": by_lossy_links}


def measure(parts, count):
    return [s for part, measured_by in PARTS.items() if part in parts for s in measured_by(count)]


def needs(s, old, new):
    """What a move takes at least when nothing is lost: (in words, in ms)."""
    if old.startswith("mc") and new.startswith("mc"):
        return f"one round trip, the home agent's silence of {SILENCE_MS} ms", s["rtt_ms"] + SILENCE_MS
    n = 3 if new.startswith("mc") else 2 if new == "f" else 1  # MOBIKE's two; an agent is used once the link is trusted
    return f"round trips: {n}", n * s["rtt_ms"]


def targets(found):
    """(sentence, met) of each."""
    result = []
    for s in found:
        moved, _, how = s["name"].partition(", ")
        old, new = moved.split(" to ")
        if how == BOTH_UP and not new.startswith("mc"):
            result.append((f"{s['name']}: datagrams lost in {s['n']} moves: {s['lost']}, none allowed", s["lost"] == 0))
        elif how == AT_ONCE or (how not in (BY_STOCK, LOSSY) and new.startswith("mc")):
            words, limit = needs(s, old, new)
            limit += ALLOWED_MS
            result.append((f"{s['name']}: median, {words}, and {ALLOWED_MS} ms allowed: {s['median_ms']:.1f} ms, "
                           f"at most {limit:.1f} ms", s["median_ms"] <= limit))
    return result
