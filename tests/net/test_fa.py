# SPDX-License-Identifier: GPL-2.0-or-later
"""A foreign agent on a floor, and mobile nodes that are not ours (RFC 5944 3.7, RFC 3024)."""
import json
import os
import sys

import pytest

from net import wait_for
from office import ANCHOR, BUILD, CORRESPONDENT, Office

HERE = os.path.dirname(os.path.abspath(__file__))
FA = os.path.join(BUILD, "src", "daemons", "holdfast-fa")
KEY = "a key of one user, for tests only"
HOME = "10.42.0.77"
D, T = 0x20, 0x02


class MobileNode:
    def __init__(self, office, name, home):
        self.office, self.home, self.nai = office, home, f"{name}@example.com"
        self.station = office.add_station(name)
        self.station.ns.batch(f"address add {home}/32 dev eth0")
        self.station.go(2)
        self.agent = None

    def do(self, what, **more):
        argument = {"do": what, "interface": "eth0", "mac": self.station.mac, "home": self.home, "nai": self.nai, "key": KEY,
                    "home_agent": ANCHOR, "care_of": "10.0.2.1", "lifetime": 300, "flags": T} | more
        return json.loads(self.station.ns.run("/usr/bin/python3", os.path.join(HERE, "scapy_mn.py"), json.dumps(argument)))

    def discover(self):
        self.agent = self.do("discover")
        self.station.ns.batch(f"neigh replace {self.agent['agent']} lladdr {self.agent['mac']} dev eth0",
                              f"route replace default via {self.agent['agent']} dev eth0 onlink")
        return self.agent

    def ping(self, **more):
        return self.do("ping", agent=self.agent["agent"], agent_mac=self.agent["mac"], target=CORRESPONDENT, **more)["answered"]

    def register(self, **more):
        return self.do("register", agent=self.agent["agent"], agent_mac=self.agent["mac"], **more)


@pytest.fixture(scope="module")
def floor():
    """The second floor has a foreign agent, the first nothing."""
    users = f'association dora {{ scope = user nai = "dora@example.com" spi = 3000 key = "text:{KEY}" }}'
    with Office("fa", floors=2, users=users) as o:
        ar = o.ars[2]
        ar.batch("address add 10.8.2.1/24 dev access")
        conf = o._write("fa.conf", f"""
instance = "fa"
run-dir = "{o.net.dir}"
pin-dir = "{o.net.bpf}/fa"
interfaces = {{"core"}}
care-of = "10.0.2.1"
advertise = 3
log-level = info
access "access" {{ }}
association anchor {{ home-agent = "{ANCHOR}" spi = 4000 key = "text:between the agents, for tests" }}
""")
        o.extra["users"] += '\nassociation floor { scope = node nodes = {"10.0.2.1/32"} spi = 4000 key = "text:between the agents, for tests" }'
        o.start_ha()
        o.start_daemon("fa", ar, FA, conf)
        yield o


@pytest.fixture(scope="module")
def dora(floor):
    mn = MobileNode(floor, "dora", HOME)
    mn.discover()
    return mn


def visitors(o):
    return o.show("visitors").get("fa", [])


def test_is_discovered(dora):
    assert dora.agent["agent"] == "10.8.2.1"
    assert dora.agent["ttl"] == 1
    assert dora.agent["care_of"] == ["10.0.2.1"]
    assert dora.agent["flags"] & 0x1100 == 0x1100  # F, T


def test_a_visit(floor, dora):
    reply = dora.register()
    assert (reply["code"], reply["home"], reply["authentic"]) == (0, HOME, True)
    assert [b["care_of"] for b in floor.show("bindings")["ha"]] == ["10.0.2.1"]
    dora.station.ping(CORRESPONDENT, count=3, I=HOME)
    v = visitors(floor)[0]
    assert (v["home"], v["reverse"]) == (HOME, "direct")
    assert v["counters"]["up_packets"] >= 3 and v["counters"]["down_packets"] >= 3


def up_packets(o):
    return visitors(o)[0]["counters"]["up_packets"]


def test_encapsulating_delivery(floor, dora):
    """Only what comes in a tunnel goes into one (RFC 3024 5.2)."""
    assert dora.register(encapsulating=True)["code"] == 0
    assert visitors(floor)[0]["reverse"] == "encapsulating"
    before = up_packets(floor)
    assert dora.ping(encapsulated=True)
    assert up_packets(floor) > before
    before = up_packets(floor)
    dora.ping(encapsulated=False)
    assert up_packets(floor) == before
    assert dora.register()["code"] == 0


def test_without_a_reverse_tunnel_the_anchor_refuses(dora):
    assert dora.register(flags=0)["code"] == 138


def test_the_home_agent_is_not_there(floor, dora):
    """A router's word is passed on at once (RFC 5944 3.7.2.3)."""
    floor.core.batch("route add unreachable 10.77.0.0/16")
    assert dora.register(home_agent="10.77.0.1")["code"] == 81
    floor.core.batch("route replace prohibit 10.77.0.0/16")
    assert dora.register(home_agent="10.77.0.1")["code"] == 88


def test_too_distant(dora):
    assert dora.register(ttl=254)["code"] == 76


def test_deregisters(floor, dora):
    assert dora.register()["code"] == 0
    assert dora.register(lifetime=0)["code"] == 0
    assert visitors(floor) == []
    wait_for(lambda: floor.show("bindings").get("ha", []) == [], "the binding to end")
    assert not dora.station.ping(CORRESPONDENT, check=False, I=HOME)
