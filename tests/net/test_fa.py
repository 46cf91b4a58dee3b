# SPDX-License-Identifier: GPL-2.0-or-later
"""A foreign agent on a floor, and mobile nodes that are not ours (L-02; RFC 5944 3.7, RFC 3024, RFC 3543)."""
import contextlib
import json
import os
import signal
import socket
import subprocess

import pytest

from capture import Capture
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
        self.process = self.station.ns.start("/usr/bin/python3", os.path.join(HERE, "scapy_mn.py"), stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, text=True, log=office.path(f"{name}-scapy.log"))

    def do(self, what, **more):
        argument = {"do": what, "interface": "eth0", "mac": self.station.mac, "home": self.home, "nai": self.nai, "key": KEY,
                    "home_agent": ANCHOR, "care_of": "10.0.2.1", "lifetime": 300, "flags": T} | more
        print(json.dumps(argument), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def discover(self):
        self.agent = self.do("discover")
        self.station.ns.batch(f"neigh replace {self.agent['agent']} lladdr {self.agent['mac']} dev eth0",
                              f"route replace default via {self.agent['agent']} dev eth0 onlink")
        return self.agent

    def ping(self, **more):
        return self.do("ping", agent=self.agent["agent"], agent_mac=self.agent["mac"], target=CORRESPONDENT, **more)["answered"]

    def register(self, **more):
        return self.do("register", agent=self.agent["agent"], agent_mac=self.agent["mac"], **more)


def start_fa(o):
    return o.start_daemon("fa", o.ars[2], FA, o.path("fa.conf"))


@contextlib.contextmanager
def second_floor(label, more=""):
    """The second floor has a foreign agent, the first nothing."""
    users = f'association dora {{ scope = user nai = "dora@example.com" spi = 3000 key = "text:{KEY}" }}'
    with Office(label, floors=2, users=users, ha=more) as o:
        o.ars[2].batch("address add 10.8.2.1/24 dev access")
        o._write("fa.conf", f"""
instance = "fa"
run-dir = "{o.net.dir}"
pin-dir = "{o.net.bpf}/fa"
interfaces = {{"core"}}
care-of = "10.0.2.1"
advertise = 3
log-level = info
{more}
access "access" {{ }}
association anchor {{ home-agent = "{ANCHOR}" spi = 4000 key = "text:between the agents, for tests" }}
""")
        o.extra["users"] += '\nassociation floor { scope = node nodes = {"10.0.2.1/32"} spi = 4000 key = "text:between the agents, for tests" }'
        o.start_ha()
        start_fa(o)
        yield o


@pytest.fixture(scope="module")
def floor():
    with second_floor("fa") as o:
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
    assert floor.cli("show", "visitors").stdout.split()[-2:] == [str(v["counters"][f"{way}_packets"]) for way in ("up", "down")]
    assert "1 visitors" in floor.cli("show").stdout
    assert "visit_began" in floor.cli("explain", dora.nai).stdout


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
    dora.ping(encapsulated=False, limit=1)
    assert up_packets(floor) == before
    assert dora.register()["code"] == 0


def test_its_tunnel_as_tshark_has_it(floor, dora):
    """RFC 2003: whatever the style of delivery, it is one header between the agents."""
    for encapsulating in (False, True):
        seen = Capture(floor.ars[2], "core", "ip proto 4")
        assert dora.register(encapsulating=encapsulating)["code"] == 0
        assert dora.ping(encapsulated=encapsulating)
        heard = {(*p.inner["source"], *p.inner["destination"], *p.inner["protocol"]) for p in seen.stop()}
        assert heard == {("10.0.2.1", HOME, ANCHOR, CORRESPONDENT, "4", "1"), (ANCHOR, CORRESPONDENT, "10.0.2.1", HOME, "4", "1")}
    assert dora.register()["code"] == 0


def test_without_a_reverse_tunnel_the_anchor_refuses(dora):
    assert dora.register(flags=0)["code"] == 138


def test_the_home_agent_is_not_there(floor, dora):
    """A router's word is passed on at once (RFC 5944 3.7.2.3)."""
    assert dora.register(lifetime=0)["code"] == 0  # its MAC is for who comes next
    floor.core.batch("route add unreachable 10.77.0.0/16")
    assert dora.register(home_agent="10.77.0.1")["code"] == 81
    floor.core.batch("route replace prohibit 10.77.0.0/16")
    assert dora.register(home_agent="10.77.0.1")["code"] == 88


def test_too_distant(dora):
    assert dora.register(ttl=254)["code"] == 76


def test_the_agent_restarts(floor, dora):
    """The kernel goes on with who is here, and a new first advertisement makes mobile nodes register again."""
    assert dora.register()["code"] == 0
    pings = dora.station.ns.start("ping", "-n", "-i", "0.02", "-c", "100", "-I", HOME, CORRESPONDENT, stdout=subprocess.PIPE, text=True)
    floor.kill("fa", signal.SIGKILL)
    start_fa(floor)
    assert dora.discover()["sequence"] < 256
    assert dora.register()["code"] == 0
    assert " 0% packet loss" in pings.communicate(timeout=60)[0]
    assert [v["home"] for v in visitors(floor)] == [HOME]


def kick(o, instance):
    """At one daemon: the command asks all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect(o.path(f"{instance}.sock"))
        s.sendall(b'{"verb": "kick", "nai": "dora@example.com"}\n')
        assert json.loads(s.makefile().readline())["ok"]


def test_the_home_agent_revokes(floor, dora):
    """RFC 3543 4.2: signed with what the agents share, which the anchor knows again after a restart."""
    for restart in (False, True):
        assert dora.register()["code"] == 0
        if restart:
            floor.kill("ha", signal.SIGTERM)
            floor.start_ha()
        kick(floor, "ha")
        wait_for(lambda: visitors(floor) == [], "the visit to end")
        assert not dora.station.ping(CORRESPONDENT, check=False, I=HOME)
    assert "revocation_ignored" not in floor.log("fa")


def test_kicked_by_the_foreign_agent(floor, dora):
    """The mobile node hears what it would hear after a restart (RFC 3543 4.1)."""
    assert dora.register()["code"] == 0
    heard = dora.station.ns.start("tcpdump", "--immediate-mode", "-c", "1", "-vnxi", "eth0", f"icmp[0] == 9 and dst {HOME}",
                                  stdout=subprocess.PIPE, text=True, log=floor.path("tcpdump.log"))
    wait_for(lambda: "listening on" in floor.log("tcpdump"), "the capture to run")
    kick(floor, "fa")
    assert "100a 0000" in heard.communicate(timeout=30)[0]  # RFC 5944 2.1: type 16, one care-of address, number 0
    assert visitors(floor) == []
    wait_for(lambda: floor.show("bindings").get("ha", []) == [], "the anchor to hear of it")
    assert dora.register()["code"] == 0
    dora.station.ping(CORRESPONDENT, count=2, I=HOME)


def test_somebody_else_of_the_link(floor, dora):
    """Who shows dora's home address, or her MAC, does not have her visit: the home agent knows the one, we know the other."""
    assert dora.register()["code"] == 0
    before = visitors(floor)[0]["mac"]
    assert dora.register(key="not hers", mac="02:00:00:00:00:66", limit=2)["code"] in (131, None)
    assert dora.register(home="10.42.0.78", nai="mallory@example.com")["code"] == 65
    assert [(v["home"], v["mac"]) for v in visitors(floor)] == [(HOME, before)]
    dora.station.ping(CORRESPONDENT, count=2, I=HOME)


def test_deregisters(floor, dora):
    assert dora.register()["code"] == 0
    assert dora.register(lifetime=0)["code"] == 0
    assert visitors(floor) == []
    wait_for(lambda: floor.show("bindings").get("ha", []) == [], "the binding to end")
    assert not dora.station.ping(CORRESPONDENT, check=False, I=HOME)


def test_by_clsact():
    """Where the kernel has no tcx links, or they are not wanted."""
    with second_floor("facls", "clsact = yes") as o:
        mn = MobileNode(o, "dora", HOME)
        mn.discover()
        assert mn.register()["code"] == 0
        mn.station.ping(CORRESPONDENT, count=3, I=HOME)
        assert visitors(o)[0]["counters"]["up_packets"] >= 3
        filters = o.ars[2].run("tc", "filter", "show", "dev", "access", "ingress")
        assert "fa_up" in filters
