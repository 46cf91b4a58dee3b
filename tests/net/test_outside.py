# SPDX-License-Identifier: GPL-2.0-or-later
"""The world outside (A-49): what of the office can be reached from there, and what cannot."""
import contextlib
import hmac
import re
import socket
import struct
import sys
import time

import pytest
from campus import GATEWAYS, OUTSIDE, Campus
from net import wait_for
from office import ANCHOR, KEY

pytestmark = pytest.mark.alone

NTP_EPOCH = 2208988800
ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[1]))
for address in sys.argv[3:]:
    s.sendto(bytes.fromhex(sys.argv[2]), (address, 434))
try:
    print(s.recv(2048).hex())
except TimeoutError:
    pass
"""
TUNNEL = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)
for address in sys.argv[2:]:
    s.sendto(bytes.fromhex(sys.argv[1]), (address, 0))
"""
SEEN = """
table ip seen {
    counter passed { }
    chain c {
        type filter hook prerouting priority raw; policy accept;
        iifname { "fw", "outer" } ip daddr != 224.0.0.0/4 counter name passed
    }
}
"""


@pytest.fixture(scope="module")
def campus():
    with Campus("outside") as c:
        c.add_mobile("eve")
        c.start()
        for ns in (c.core, *c.gateways.values()):
            ns.run("nft", "-f", "-", input=SEEN)
        yield c


def count(ns, table, name):
    """A counter of nftables, in packets."""
    return int(re.search(r"packets (\d+)", ns.run("nft", "list", "counter", *table.split(), name))[1])


def inside_saw(c):
    return [count(ns, "ip seen", "passed") for ns in (c.core, *c.gateways.values())]


def request(care_of):
    """A Registration Request as an insider with the right key would make it (RFC 5944 3.3, 3.5.2; RFC 2794)."""
    nai = b"eve@example.com"
    now = time.time() + NTP_EPOCH
    head = struct.pack("!BBH4s4s4sII", 1, 0x22, 600, bytes(4), socket.inet_aton(ANCHOR), socket.inet_aton(care_of),
                       int(now), int(now % 1 * 2**32))
    covered = head + bytes([131, len(nai)]) + nai + struct.pack("!BBI", 32, 4 + 32, 1000)
    return covered + hmac.new(KEY.removeprefix("text:").encode(), covered, "sha256").digest()


@contextlib.contextmanager
def outside(c, place):
    """A host there: its namespace and address."""
    if place == "inet":
        yield c.inet, "198.51.100.1"
        return
    m = c.stations["eve"]
    m.plug(place)
    yield m.ns, m.outside_address(place)
    m.unplug(place)


@contextlib.contextmanager
def open_firewall(c):
    said = c.fw.run("nft", "-e", "-a", "insert", "rule", "inet", "firewall", "forward", "accept")
    rule = re.search(r"handle (\d+)", said)[1]
    yield
    c.fw.run("nft", "delete", "rule", "inet", "firewall", "forward", "handle", rule)


def agents(c):
    inner = [f"10.0.1{n}.1" for n in c.gateways]
    return [ANCHOR, *(f"10.0.{n}.1" for n in c.ars), *inner, *GATEWAYS.values()]


@pytest.mark.parametrize("place", ["inet", *OUTSIDE])
def test_agents_are_out_of_reach(campus, place):
    """A-04, A-05: a request with the right key, and tunnelled packets, from everywhere outside to every agent: no answer,
    no binding, and no packet passes the firewall."""
    targets = agents(campus)
    before, refused = inside_saw(campus), count(campus.fw, "inet firewall", "refused")
    with outside(campus, place) as (ns, address):
        assert ns.run(sys.executable, "-c", ASK, 0.3, request(address).hex(), *targets) == ""
        # An inner packet from a home address to the correspondent: 20 octets of header, no more.
        ns.run(sys.executable, "-c", TUNNEL, "4500001400000000403b0000" "0a2a000a0a090002", *targets)
        wait_for(lambda: count(campus.fw, "inet firewall", "refused") == refused + 2 * len(targets),
                 "the firewall to refuse each of them")
    assert inside_saw(campus) == before
    assert not campus.show("bindings")["ha"]


def test_the_firewall_is_what_stops_it(campus):
    """The same request, and the firewall open: it is answered, so the test above is about the firewall."""
    before = inside_saw(campus)
    with open_firewall(campus), outside(campus, "broadband") as (ns, address):
        answer = bytes.fromhex(ns.run(sys.executable, "-c", ASK, 20, request(address).hex(), ANCHOR))
        assert answer[:2] == bytes([3, 0])
    assert inside_saw(campus)[0] > before[0]
    campus.cli("kick", "eve@example.com")
    wait_for(lambda: not campus.show("bindings")["ha"], "the binding to end")


def test_gateways_are_reached_by_ike_only(campus):
    """UDP 500 and 4500 pass to the gateways, from everywhere; nothing else does."""
    knock = "import socket, sys\ns = socket.socket(2, 2)\nfor p in sys.argv[2:]: s.sendto(b'x', (sys.argv[1], int(p)))"
    for place in OUTSIDE:
        with outside(campus, place) as (ns, _):
            for i, address in enumerate(GATEWAYS.values()):
                before = inside_saw(campus)
                ns.run(sys.executable, "-c", knock, address, 22, 53, 434, 499, 500, 501, 1701, 4500)
                wait_for(lambda: inside_saw(campus)[1 + i] == before[1 + i] + 2, "both to arrive")


def test_inside_reaches_the_gateways(campus):
    """From inside, through the anchor, a host speaks with the gateways too; the firewall sees both directions."""
    m = campus.stations["eve"]
    m.plug("floor1")
    wait_for(m.address, "an address")
    for address in GATEWAYS.values():
        m.ping(address, count=2)
    assert not m.ping("198.51.100.1", check=False, W=1)
    m.unplug("floor1")
    assert m.address() is None and m.ns.ip("route") == ""
