# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that speaks Mobile IP itself, inside: on floors without and with a foreign agent, and on its home link (RFC 5266)."""
import json
import os
import re
import subprocess

import pytest

from capture import Capture
from net import wait_for
from office import ANCHOR, BUILD, CORRESPONDENT, HOME, Office
from test_dataplane import sends_segments

MN = os.path.join(BUILD, "src", "daemons", "holdfast-mn")
FA = os.path.join(BUILD, "src", "daemons", "holdfast-fa")
KEY = "a key of one user, for tests only"
DORA = f"{HOME}.77"
PLAIN, AGENT, HOME_LINK, ELSEWHERE = 1, 2, 3, 4  # floors
PLACES = {PLAIN: ("10.8.1.50", "10.8.1.1"), AGENT: ("10.8.2.50", "10.8.2.1"), HOME_LINK: (DORA, f"{HOME}.1"),
          ELSEWHERE: ("192.168.7.50", "192.168.7.1")}


class Client:
    """dora's laptop. Its links are configured as a DHCP client would."""

    def __init__(self, office):
        self.office = office
        self.station = office.add_station("dora")
        self.ns = self.station.ns
        self.conf = office._write("dora.conf", f"""
instance = "dora"
run-dir = "{office.net.dir}"
pin-dir = "{office.net.bpf}/dora"
mode = client
user = "dora@example.com"
home-agent = "{ANCHOR}"
home-address = "{DORA}"
home-prefix = "{HOME}.0/24"
spi = 3000
key = "text:{KEY}"
log-level = info
connection none {{ child = none }}
""")

    def start(self):
        return self.office.start_daemon("dora", self.ns, MN, self.conf)

    def go(self, floor):
        address, router = PLACES[floor]
        self.ns.batch("address flush dev eth0")
        self.station.go(floor, carrier_loss=True)
        self.ns.batch(f"address add {address}/24 dev eth0", f"route replace default via {router} dev eth0")

    def node(self):
        return json.loads(self.office.cli("--json", "show", "node").stdout)["answers"][0]

    def becomes(self, **wanted):
        def there():
            node = self.node()
            return all(node[k] == v for k, v in wanted.items()) and node
        return wait_for(there, f"dora to be {wanted}")

    def ping(self, **more):
        return self.station.ping(CORRESPONDENT, count=3, I=DORA, **more)

    def speaks_from(self, to):
        """The address that a socket begins with which is not bound."""
        return re.search(r" src (\S+)", self.ns.run("ip", "-o", "route", "get", to))[1]


@pytest.fixture(scope="module")
def office():
    users = f"""
association dora {{ scope = user nai = "dora@example.com" spi = 3000 key = "text:{KEY}" }}
association floor {{ scope = node nodes = {{"10.0.2.1/32"}} spi = 4000 key = "text:between the agents, for tests" }}
"""
    with Office("client", floors=4, users=users, real_link=True, ha='trusted-subnets = {"10.0.0.0/8"}') as o:
        for n in (PLAIN, AGENT):
            o.ars[n].batch(f"address add 10.8.{n}.1/24 dev access")
            o.core.batch(f"route add 10.8.{n}.0/24 via 10.0.{n}.1")
        o.ars[ELSEWHERE].batch("address add 192.168.7.1/24 dev access")
        o.home_host.batch("link add br0 type bridge", "link set br0 up", "address flush dev eth0", "link set eth0 master br0",
                          f"address add {HOME}.5/24 dev br0", f"route replace default via {HOME}.1")
        o.net.link(o.home_host, "floor", o.building, "uphome")
        o.home_host.batch("link set floor master br0")
        o.building.batch(f"link set up{HOME_LINK} nomaster", f"link set uphome master floor{HOME_LINK}")
        o.start_ha()
        o.start_daemon("fa", o.ars[AGENT], FA, o._write("fa.conf", f"""
instance = "fa"
run-dir = "{o.net.dir}"
pin-dir = "{o.net.bpf}/fa"
interfaces = {{"core"}}
care-of = "10.0.2.1"
advertise = 3
log-level = info
access "access" {{ }}
association anchor {{ home-agent = "{ANCHOR}" spi = 4000 key = "text:between the agents, for tests" }}
"""))
        yield o


@pytest.fixture(scope="module")
def dora(office):
    c = Client(office)
    c.start()
    return c


def test_co_located(office, dora):
    """B-06, B-14, B-19, B-40: mode c, after an authenticated answer that says the network is trusted."""
    dora.go(PLAIN)
    node = dora.becomes(mode="c")
    assert (node["home"], node["care_of"]) == (DORA, "10.8.1.50")
    dora.ping()
    assert dora.speaks_from(CORRESPONDENT) == DORA  # B-05
    assert office.binding(dora.station)["care_of"] == "10.8.1.50"


def test_by_a_foreign_agent(office, dora):
    """B-15, B-20, B-22: mode f, once the network is known to be trusted; in the meantime mode c."""
    dora.go(AGENT)
    node = dora.becomes(mode="f")
    assert dora.speaks_from(CORRESPONDENT) == DORA
    assert (node["care_of"], node["foreign_agent"]) == ("10.0.2.1", "10.8.2.1")
    dora.ping()
    assert office.binding(dora.station)["care_of"] == "10.0.2.1"
    said = office.cli("show", "node").stdout
    assert "mode          f, care-of address 10.0.2.1 of 10.8.2.1, for 1" in said
    assert "eth0          up 10.8.2.50 (in use)\n" in said


def test_at_home(office, dora):
    """B-52: on the home link there is no binding, and the neighbours know where the address is."""
    dora.go(HOME_LINK)
    dora.becomes(mode="home")
    dora.ping()
    assert dora.speaks_from(CORRESPONDENT) == DORA
    assert dora.station.ping(f"{HOME}.5", count=2)
    assert f"eth0          up {DORA} (at home)\n" in office.cli("show", "node").stdout
    assert not office.binding(dora.station)


def test_and_away_again(office, dora):
    """B-03, B-31: requests and the tunnel go by their link, whatever routes a VPN has."""
    dora.ns.batch("rule add lookup 220 priority 220", "route add 10.0.0.0/8 dev hf0 table 220")
    dora.go(PLAIN)
    dora.becomes(mode="c")
    dora.ping()
    assert office.binding(dora.station)["care_of"] == "10.8.1.50"
    dora.ns.batch("route del 10.0.0.0/8 dev hf0 table 220", "rule del lookup 220 priority 220")


def test_leases_are_renewed(office, dora):
    """B-13: what a DHCP client says to its server, by a socket that is not bound, comes from the link's address; so does
    nothing else."""
    heard = Capture(office.ars[PLAIN], "access", "udp and port 67 or port 69")
    for port in (69, 67):
        dora.ns.run("/usr/bin/python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
                    f".sendto(b'renewal', ('10.8.1.1', {port}))")
    wait_for(heard.packets, "the renewal")
    assert [(p.source, p.port) for p in heard.stop()] == [("10.8.1.50", "67")]


def test_bound_to_the_link(office, dora):
    """B-17: it goes past the tunnel, from the link's own address, and without mobility."""
    assert dora.station.ping("10.8.1.1", count=1, I="10.8.1.50")
    heard = Capture(office.ars[PLAIN], "access", "icmp or proto 4")
    dora.ping(check=False)
    assert dora.station.ping(CORRESPONDENT, count=1, I="10.8.1.50")
    seen = {(p.source, p.protocol) for p in heard.stop() if p.destination in (CORRESPONDENT, ANCHOR)}
    assert seen == {("10.8.1.50", "4"), ("10.8.1.50", "1")}


def test_nothing_leaves_undecided(office, dora):
    """B-36: where no answer comes, nothing from the home address leaves, and what leaves is requests."""
    heard = Capture(office.ars[ELSEWHERE], "access", f"ip and (src net {HOME}.0/24 or proto 4)")
    dora.go(ELSEWHERE)
    wait_for(lambda: dora.node()["mode"] == "", "dora to know nothing")
    dora.ping(check=False, W=1)
    assert heard.stop() == []


def test_segmented_datagrams(office, dora):
    """UDP_SEGMENT (QUIC) of a program on the host itself: each segment arrives alone."""
    dora.go(PLAIN)
    dora.becomes(mode="c")
    sends_segments(dora.ns, 1500 - 20 - 28, CORRESPONDENT, office.cn)


def test_restart(office, dora):
    """A daemon that ends leaves the tunnel as it is; the next one registers anew."""
    dora.go(PLAIN)
    dora.becomes(mode="c")
    office.kill("dora", 9)
    dora.ping()
    dora.start()
    dora.becomes(mode="c")
    dora.ping()


def test_flush(office, dora):
    """What was set up for the home address goes, all of it, and without a word."""
    office.kill("dora", 15)
    r = subprocess.run(dora.ns.argv(MN, "-c", dora.conf, "--flush"), capture_output=True, text=True)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
    assert "230" not in dora.ns.run("ip", "rule") and "hf0" not in dora.ns.run("ip", "-o", "link")
    assert os.listdir(f"{office.net.bpf}/dora") == []
