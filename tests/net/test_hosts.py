# SPDX-License-Identifier: GPL-2.0-or-later
"""The anchor and hosts that are not ours: tunnels of every kind, behind a NAT, at several places (RFC 5944, RFC 3519,
RFC 2784, RFC 6245, RFC 2004)."""
import json
import os
import subprocess

import pytest

from office import ANCHOR, CORRESPONDENT, Office
from test_home import PYTHON, RECEIVER, SENDER

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "a key of one user, for tests only"
HOME = "10.42.0.77"
S, B, D, M, G, T = 0x80, 0x40, 0x20, 0x10, 0x08, 0x02
BY_AGENT = 0x40
SILENCE_S = 0.4


class Host:
    """Where an access router is, with its address as care-of address."""

    def __init__(self, office, floor):
        self.office, self.ns, self.source = office, office.ars[floor], f"10.0.{floor}.1"

    def argv(self, what, **more):
        argument = {"do": what, "source": self.source, "home": HOME, "nai": "dora@example.com", "secret": SECRET,
                    "home_agent": ANCHOR, "care_of": self.source, "lifetime": 300, "flags": D | T,
                    "target": CORRESPONDENT} | more
        return ["/usr/bin/python3", os.path.join(HERE, "scapy_host.py"), json.dumps(argument)]

    def do(self, what, **more):
        return json.loads(self.ns.run(*self.argv(what, **more)))

    def register(self, **more):
        reply = self.do("register", **more)
        assert reply["authentic"] and reply["home"] == HOME
        return reply

    def ping(self, by, **more):
        return self.do("ping", by=by, **more)

    def listen(self, **more):
        p = self.ns.start(*self.argv("listen", **more), stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n"
        return p


USERS = f'association dora {{ scope = user nai = "dora@example.com" spi = 3000 key = "text:{SECRET}" }}'


@pytest.fixture(scope="module")
def office():
    with Office("hosts", floors=2, users=USERS) as o:
        o.start_ha()
        yield o


@pytest.fixture
def host(office):
    return Host(office, 1)


def test_ip_in_ip(host):
    assert host.register()["code"] == 0
    assert host.ping("ipip")["by"] == "ipip"
    assert host.ping("gre", limit=SILENCE_S)["by"] is None


def test_gre(host):
    assert host.register(flags=D | T | G)["code"] == 0
    assert host.ping("gre") == {"by": "gre", "key": 0, "octets": 32, "port": 0}


def test_gre_with_keys(host):
    ours = host.register(key=0x01020304)["key"]
    assert ours not in (None, 0)
    assert host.ping("gre", key=ours) == {"by": "gre", "key": 0x01020304, "octets": 32, "port": 0}
    assert host.ping("gre", key=ours ^ 1, limit=SILENCE_S)["by"] is None
    assert host.register(key=0x01020304)["key"] == ours


def test_minimal_encapsulation(host):
    assert host.register(flags=D | T | M)["code"] == 0
    assert host.ping("minimal") == {"by": "minimal", "key": 0, "octets": 32, "port": 0}
    assert host.ping("ipip")["by"] == "minimal"  # as fragments may come


def test_an_agent_and_a_nat_on_the_way(host):
    """B-47, RFC 3519 with R: the port of the tunnel is that of the first keepalive."""
    reply = host.register(care_of="192.168.7.7", port=40000, udp=BY_AGENT)
    assert (reply["code"], reply["udp"]) == (0, 0)
    assert host.ping("udp", port=41000, limit=SILENCE_S)["by"] is None
    answer = host.ping("udp", port=41000, target=ANCHOR)
    assert (answer["by"], answer["port"]) == ("udp", 41000)
    answer = host.ping("udp", port=41000)
    assert (answer["by"], answer["port"]) == ("udp", 41000)
    assert host.ping("udp", port=42000, limit=SILENCE_S)["by"] is None
    # Registered again, the port may be another one.
    assert host.register(care_of="192.168.7.7", port=40000, udp=BY_AGENT)["code"] == 0
    assert host.ping("udp", port=42000, target=ANCHOR)["port"] == 42000
    assert host.ping("udp", port=42000)["port"] == 42000


def test_several_places_at_a_time(office, host):
    there = Host(office, 2)
    assert host.register()["code"] == 0
    assert there.register(flags=S | D | T | G)["code"] == 0
    binding = office.show("bindings")["ha"][0]
    assert (binding["care_of"], [c["care_of"] for c in binding["copies"]]) == ("10.0.2.1", ["10.0.1.1"])
    listener = host.listen()
    assert there.ping("gre")["by"] == "gre"
    assert json.loads(listener.communicate(timeout=10)[0])["by"] == "ipip"
    listener = there.listen()
    assert host.ping("ipip")["by"] == "ipip"
    assert json.loads(listener.communicate(timeout=10)[0])["by"] == "gre"
    assert there.register(flags=D | T, lifetime=0)["code"] == 0
    assert host.ping("ipip")["by"] == "ipip"
    assert "copies" not in office.show("bindings")["ha"][0]


def test_the_home_link_is_heard_and_hears(make_office):
    """RFC 5944 4.3, B: with one header, as the host takes the tunnel apart itself."""
    o = make_office(floors=1, real_link=True, users=USERS, ha="forward-broadcast = yes")
    o.start_ha()
    host, everybody = Host(o, 1), "10.42.0.255"
    assert host.register(flags=B | D | T)["code"] == 0
    listener = host.listen(hear=everybody)
    o.home_host.run(PYTHON, "-c", SENDER, everybody, "5001", "10.42.0.5")
    assert json.loads(listener.communicate(timeout=10)[0]) == {"by": "ipip", "source": "10.42.0.5"}
    receiver = o.home_host.start(PYTHON, "-c", RECEIVER, "5001", "-", stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    host.do("tell", by="ipip", target=everybody, port=5001)
    assert receiver.communicate(timeout=10)[0] == "hello\n"
