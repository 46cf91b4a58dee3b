# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel programs on real paths: UDP encapsulation, small paths, super-packets, other people's tunnels."""
import subprocess

import pytest
from capture import Capture
from net import wait_for
from office import ANCHOR, CORRESPONDENT, HOME, Office
from traffic import Traffic

PYTHON = "/usr/bin/python3"

# Datagrams that leave the station as one packet of several segments; each arrives alone.
SEGMENTS = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, int(sys.argv[1]))  # UDP_SEGMENT
s.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER: DF
s.sendto(bytes(4 * int(sys.argv[1])), (sys.argv[2], 7000))
"""
COUNT = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
s.settimeout(30)
print("ready", flush=True)
print([len(s.recv(65535)) for _ in range(4)])
"""


def sends_segments(ns, size, target, there):
    receiver = there.start(PYTHON, "-c", COUNT, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    ns.run(PYTHON, "-c", SEGMENTS, size, target)
    assert receiver.communicate(timeout=35)[0] == f"{[size] * 4}\n"


def transferred(o, st):
    """Octets of a second of TCP with the correspondent."""
    tcp = Traffic(o, st, 1.0).finish()
    assert tcp["intact"] and tcp["resets"] == 0
    return tcp["bytes"]


@pytest.fixture(scope="module", params=["ipip", "udp"])
def tunnelled(request):
    """A floor whose agent has either encapsulation."""
    udp = {"ha": "udp-tunnel = force-allowed", "mpa": "udp-tunnel = force"} if request.param == "udp" else {}
    with Office("dp", floors=2, **udp) as o:
        for n, name in enumerate(("alice", "bob"), 1):
            st = o.add_station(name)
            st.configure(f"{HOME}.{19 + n}")
        o.start()
        for n, st in enumerate(o.stations.values(), 1):
            st.go(n)
            st.ping(CORRESPONDENT, count=3)
            o.wait_served(st, n)
        o.encap = request.param
        yield o


def test_wire_format(tunnelled):
    """RFC 2003, RFC 3519 4.2: what is on the core is what was agreed on, both ways."""
    o = tunnelled
    what = "proto 4" if o.encap == "ipip" else "udp port 434"
    capture = Capture(o.core, "ar1", what)
    o.stations["alice"].ping(CORRESPONDENT, count=4)
    assert {(p.source, p.destination) for p in capture.stop()} == {("10.0.1.1", ANCHOR), (ANCHOR, "10.0.1.1")}


def test_super_packets(tunnelled):
    """TCP in packets larger than any link, and between two stations of one anchor."""
    o = tunnelled
    alice, bob = o.stations.values()
    assert transferred(o, alice) > 1_000_000
    alice.ping(bob.address(), count=5)


def test_segmented_datagrams(tunnelled):
    """UDP_SEGMENT (QUIC): segments that just fit the path are not taken for too big."""
    o = tunnelled
    # As on a real port, packets are cut before the wire: a veth would carry UDP in UDP uncut, which no receiver undoes.
    o.ars[1].run("ethtool", "-K", "core", "tx-udp-segmentation", "off", "tx-udp_tnl-segmentation", "off")
    size = 1500 - (20 if o.encap == "ipip" else 32) - 28
    sends_segments(o.stations["alice"].ns, size, CORRESPONDENT, o.cn)


def test_segmented_datagrams_of_the_anchors_machine(tunnelled):
    """They have no checksum yet, and the kernel cannot cut them behind a header of ours."""
    alice = tunnelled.stations["alice"]
    sends_segments(tunnelled.ha, 1440, alice.address(), alice.ns)


def test_small_path(tunnelled):
    """G-13: a link in between is smaller than both ends know."""
    o = tunnelled
    alice = o.stations["alice"]
    o.core.batch("link set ar1 mtu 1400")
    o.ars[1].batch("link set core mtu 1400")
    try:
        assert transferred(o, alice) > 100_000
        alice.ping(CORRESPONDENT, count=3, M="dont", s=1472)
    finally:
        o.core.batch("link set ar1 mtu 1500")
        o.ars[1].batch("link set core mtu 1500")


def test_tunnels_of_others_pass(tunnelled):
    """A router that is an agent too forwards IP-in-IP that is not addressed to it."""
    o = tunnelled
    script = (f"from scapy.all import *; send(IP(src='10.0.2.1',dst='{CORRESPONDENT}')/IP(src='{HOME}.20',"
              "dst='192.0.2.1')/ICMP(), count=3, verbose=0)")
    capture = Capture(o.cn, "eth0", "proto 4")
    o.ars[2].run(PYTHON, "-c", script)
    wait_for(lambda: len(capture.packets()) == 3, "all of them to arrive")
    assert {p.source for p in capture.stop()} == {"10.0.2.1"}
