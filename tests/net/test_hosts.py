# SPDX-License-Identifier: GPL-2.0-or-later
"""The anchor and hosts that are not ours: tunnels of every kind, behind a NAT, at several places (RFC 5944, RFC 3519,
RFC 2784, RFC 6245, RFC 2004)."""
import json
import os
import subprocess

import pytest

from capture import Capture
from office import ANCHOR, CORRESPONDENT, Office
from test_home import PYTHON, RECEIVER, SENDER

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "a key of one user, for tests only"
HOME = "10.42.0.77"
S, B, D, M, G, T = 0x80, 0x40, 0x20, 0x10, 0x08, 0x02
FORCED, BY_AGENT = 0x80, 0x40
SILENCE_S = 0.4


class Host:
    """Where an access router is, with its address as care-of address."""

    def __init__(self, office, floor):
        self.office, self.source = office, f"10.0.{floor}.1"
        self.process = office.ars[floor].start("/usr/bin/python3", os.path.join(HERE, "scapy_host.py"), stdin=subprocess.PIPE,
                                               stdout=subprocess.PIPE, text=True, log=office.path(f"host{floor}.log"))

    def ask(self, what, **more):
        argument = {"do": what, "source": self.source, "home": HOME, "nai": "dora@example.com", "secret": SECRET,
                    "home_agent": ANCHOR, "care_of": self.source, "lifetime": 300, "flags": D | T,
                    "target": CORRESPONDENT} | more
        print(json.dumps(argument), file=self.process.stdin, flush=True)

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def do(self, what, **more):
        self.ask(what, **more)
        return self.answer()

    def register(self, **more):
        reply = self.do("register", **more)
        assert reply["authentic"] and reply["home"] == HOME
        return reply

    def ping(self, by, **more):
        return self.do("ping", by=by, **more)

    def listen(self, **more):
        """Its answer comes later."""
        self.ask("listen", **more)
        assert self.process.stdout.readline() == "ready\n"


USERS = f'association dora {{ scope = user nai = "dora@example.com" spi = 3000 key = "text:{SECRET}" }}'


@pytest.fixture(scope="module")
def office():
    with Office("hosts", floors=2, users=USERS, ha="udp-tunnel = force-allowed") as o:
        o.start_ha()
        yield o


@pytest.fixture(scope="module")
def host(office):
    return Host(office, 1)


@pytest.fixture(scope="module")
def there(office):
    return Host(office, 2)


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


def test_behind_a_nat(host):
    """RFC 3519 without R: the care-of address is nobody's here, and the tunnel ends where the request came from."""
    reply = host.register(care_of="192.168.7.7", port=40000, udp=0)
    assert (reply["code"], reply["udp"]) == (0, 0)
    answer = host.ping("udp", port=40000)
    assert (answer["by"], answer["port"]) == ("udp", 40000)
    assert host.ping("udp", port=41000, limit=SILENCE_S)["by"] is None


def test_udp_by_force(host):
    """RFC 3519 3.1, F: for a NAT that lets nothing else through and changes nothing."""
    assert host.register(udp=0)["udp"] == 64
    assert host.register(udp=FORCED)["udp"] == 0
    assert host.ping("udp")["by"] == "udp"


def test_any_agent(host):
    """RFC 4433 3: who does not know its home agent is told, and keeps its home address."""
    assert host.register()["code"] == 0
    for agent in ("0.0.0.0", "255.255.255.255"):
        reply = host.register(home="0.0.0.0", agent=agent, requested=ANCHOR)
        assert (reply["code"], reply["agent"]) == (0, ANCHOR)
    reply = host.do("register", home="0.0.0.0", agent="0.0.0.0", requested="10.0.0.2")
    assert (reply["code"], reply["agent"], reply["authentic"]) == (136, ANCHOR, True)
    assert host.ping("ipip")["by"] == "ipip"


FIELDS = ("ip.src", "ip.dst", "ip.proto", "ip.checksum.status", "udp.srcport", "udp.dstport", "gre.flags_and_version", "gre.proto",
          "gre.key", "mip.type", "mip.nattt.nexthdr", "mip.nattt.reserved", "icmp.type", "icmp.checksum.status", "_ws.malformed")


def test_tunnels_as_tshark_has_them(office, host):
    """RFC 2003, RFC 2784, RFC 2890, RFC 3519 3.3: what the home agent's kernel makes of an answer. Minimal encapsulation tshark
    does not know: scapy_host.py takes it apart, and here is its header."""
    seen = Capture(office.ars[1], "core", f"ip src {ANCHOR}")
    for by, flags, more in (("ipip", D | T, {}), ("gre", D | T | G, {}), ("minimal", D | T | M, {})):
        assert host.register(flags=flags, **more)["code"] == 0
        assert host.ping(by)["by"] == by
    key = host.register(key=0x01020304)["key"]
    assert host.ping("gre", key=key)["by"] == "gre"
    assert host.register(care_of="192.168.7.7", port=40000, udp=0)["udp"] == 0
    assert host.ping("udp", port=40000)["by"] == "udp"
    assert host.ping("udp", port=40000, target=ANCHOR)["by"] == "udp"  # the keepalive
    seen.stop()
    text = subprocess.run(["tshark", "-n", "-o", "ip.check_checksum:TRUE", "-r", seen.file, "-T", "fields", "-E", "separator=/t",
                           *(x for f in FIELDS for x in ("-e", f))], capture_output=True, text=True, check=True).stdout
    packets = [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in text.splitlines()]
    packets = [p for p in packets if p["mip.type"] != "3"]  # replies
    there, back = f"{ANCHOR},{CORRESPONDENT}", f"{host.source},{HOME}"
    answer = dict.fromkeys(FIELDS, "") | {"ip.src": there, "ip.dst": back, "ip.checksum.status": "1,1", "icmp.type": "0",
                                          "icmp.checksum.status": "1"}
    gre = answer | {"ip.proto": "47,1", "gre.flags_and_version": "0x0000", "gre.proto": "0x0800"}
    udp = answer | {"ip.proto": "17,1", "udp.srcport": "434", "udp.dstport": "40000", "mip.type": "4", "mip.nattt.nexthdr": "4",
                    "mip.nattt.reserved": "0x0000"}
    minimal = answer | {"ip.proto": "55", "ip.src": ANCHOR, "ip.dst": host.source, "ip.checksum.status": "1", "icmp.type": "",
                        "icmp.checksum.status": ""}
    assert packets == [answer | {"ip.proto": "4,1"}, gre, minimal,
                       gre | {"gre.flags_and_version": "0x2000", "gre.key": "0x01020304"}, udp,
                       udp | {"ip.src": f"{ANCHOR},{ANCHOR}"}]


def test_several_places_at_a_time(office, host, there):
    assert host.register()["code"] == 0
    assert there.register(flags=S | D | T | G)["code"] == 0
    binding = office.show("bindings")["ha"][0]
    assert (binding["care_of"], [c["care_of"] for c in binding["copies"]]) == ("10.0.2.1", ["10.0.1.1"])
    host.listen()
    assert there.ping("gre")["by"] == "gre"
    assert host.answer()["by"] == "ipip"
    there.listen()
    assert host.ping("ipip")["by"] == "ipip"
    assert there.answer()["by"] == "gre"
    assert there.register(flags=D | T, lifetime=0)["code"] == 0
    assert host.ping("ipip")["by"] == "ipip"
    assert "copies" not in office.show("bindings")["ha"][0]


def test_the_home_link_is_heard_and_hears(make_office):
    """RFC 5944 4.3, B: with one header, as the host takes the tunnel apart itself."""
    o = make_office(floors=1, real_link=True, users=USERS, ha="forward-broadcast = yes")
    o.start_ha()
    host, everybody = Host(o, 1), "10.42.0.255"
    assert host.register(flags=B | D | T)["code"] == 0
    host.listen(hear=everybody)
    o.home_host.run(PYTHON, "-c", SENDER, everybody, "5001", "10.42.0.5")
    assert host.answer() == {"by": "ipip", "source": "10.42.0.5"}
    receiver = o.home_host.start(PYTHON, "-c", RECEIVER, "5001", "-", stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    host.do("tell", by="ipip", target=everybody, port=5001)
    assert receiver.communicate(timeout=35)[0] == "hello\n"
