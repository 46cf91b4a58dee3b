# SPDX-License-Identifier: GPL-2.0-or-later
"""The anchor and hosts that are not ours: tunnels of every kind, behind a NAT, at several places (RFC 5944, RFC 3519,
RFC 2784, RFC 6245, RFC 2004)."""
import json
import os
import subprocess

import pytest

from office import ANCHOR, CORRESPONDENT, Office

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "a key of one user, for tests only"
HOME = "10.42.0.77"
S, D, M, G, T = 0x80, 0x20, 0x10, 0x08, 0x02
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

    def listen(self):
        p = self.ns.start(*self.argv("listen"), stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n"
        return p


@pytest.fixture(scope="module")
def office():
    users = f'association dora {{ scope = user nai = "dora@example.com" spi = 3000 key = "text:{SECRET}" }}'
    with Office("hosts", floors=2, users=users) as o:
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
