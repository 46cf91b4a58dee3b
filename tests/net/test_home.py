# SPDX-License-Identifier: GPL-2.0-or-later
"""Wherever a station is, its link looks like home."""
import re
import subprocess

import pytest
from capture import Capture
from net import wait_for
from office import CORRESPONDENT, GATEWAY, GATEWAY_MAC, HOME

RECEIVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
if sys.argv[2] != "-":
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(sys.argv[2]) + socket.inet_aton(sys.argv[3]))
s.settimeout(30)
print("ready", flush=True)
print(s.recvfrom(100)[0].decode(), flush=True)
"""
SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[3]))
s.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
"""
PYTHON = "/usr/bin/python3"


def arping(st, target, *options, limit=1):
    """The MAC address that answers, as soon as it does; None after `limit` seconds."""
    r = subprocess.run(st.ns.argv("arping", "-c", "1", "-w", limit, "-I", "eth0", *options, target), capture_output=True,
                       text=True)
    m = re.search(r"\[([0-9A-Fa-f:]{17})\]", r.stdout)
    return m[1].lower() if m else None


def kernel_counter(office, instance, name):
    return office.show("counters")[instance]["kernel"][name]


def test_arp_draws_everything_to_the_agent(alice):
    """L-29, L-31, L-32: gateway and every other host of the subnet are at the one shared MAC."""
    assert arping(alice, GATEWAY, limit=20) == GATEWAY_MAC
    assert arping(alice, f"{HOME}.77", limit=20) == GATEWAY_MAC


def test_arp_is_silent_where_it_has_to_be(alice):
    """G-10: not for its own address, nor for probes of it, nor link-local addresses, nor other subnets."""
    assert arping(alice, alice.address()) is None
    assert arping(alice, alice.address(), "-D") is None
    assert arping(alice, "169.254.3.4") is None
    assert arping(alice, "10.77.0.1") is None


def test_gateway_answers_pings(alice):
    """L-33: also with TTL 1, and at once: it is one hop away."""
    alice.ping(GATEWAY, count=3)
    alice.ping(GATEWAY, count=3, t=1)


def test_the_first_router_is_the_anchor(alice):
    """L-28, L-56, L-57: between the station and its gateway nothing shows."""
    r = subprocess.run(alice.ns.argv("ping", "-n", "-c", "1", "-W", "2", "-t", "1", CORRESPONDENT), capture_output=True, text=True)
    assert f"From {GATEWAY}" in r.stdout and "Time to live exceeded" in r.stdout


def test_no_tunnel_header_on_the_access_link(office, alice):
    """L-07, L-56: what the station's link carries is plain."""
    capture = Capture(alice.ns, "eth0", "icmp or ip proto 4 or udp port 434")
    alice.ping(CORRESPONDENT, count=5)
    seen = {(*p.inner["source"], *p.inner["destination"], *p.inner["protocol"]) for p in capture.stop()}
    assert seen == {(alice.address(), CORRESPONDENT, "1"), (CORRESPONDENT, alice.address(), "1")}


def test_two_stations_of_one_subnet_talk_through_the_anchor(office, alice, bob):
    """L-24, L-25, L-30: same subnet, different floors; no short cut, both tunnels are used."""
    before = kernel_counter(office, "ha", "up_forwarded")
    alice.ping(bob.address(), count=5)
    assert kernel_counter(office, "ha", "up_forwarded") >= before + 10


def test_two_stations_of_one_agent_talk_through_the_anchor(office, alice, bob):
    """L-24: nor a short cut on the same floor."""
    bob.go(1)
    bob.ping(CORRESPONDENT, count=2)
    office.wait_served(bob, 1)
    before = kernel_counter(office, "ha", "up_forwarded")
    alice.ping(bob.address(), count=5)
    assert kernel_counter(office, "ha", "up_forwarded") >= before + 10


def test_spoofed_sources_are_dropped_and_counted(office, alice):
    """G-15"""
    before = kernel_counter(office, "ar1", "spoofed_source")
    alice.ns.batch(f"address add {HOME}.199/32 dev eth0")
    try:
        r = subprocess.run(alice.ns.argv("ping", "-n", "-c", "3", "-i", "0.05", "-W", "1", "-I", f"{HOME}.199", CORRESPONDENT),
                           capture_output=True)
        assert r.returncode != 0
    finally:
        alice.ns.batch(f"address del {HOME}.199/32 dev eth0")
    assert kernel_counter(office, "ar1", "spoofed_source") >= before + 3
    wait_for(lambda: "event=spoofed_source security=yes" in office.log("ar1"), "the security event")


@pytest.mark.parametrize("group", ["224.0.0.251", "255.255.255.255", f"{HOME}.255"])
def test_broadcast_reaches_the_others_of_the_subnet(office, alice, bob, group):
    """L-43, L-44. The station's veth computes checksums itself, as every real wire makes a host do."""
    alice.ns.run("ethtool", "-K", "eth0", "tx", "off")
    port = "5353"
    receiver = bob.ns.start(PYTHON, "-c", RECEIVER, port, group if group.startswith("224") else "-", bob.address(),
                            stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    wait_for(lambda: alice.ns.run(PYTHON, "-c", SENDER, group, port, alice.address()) == "", "sending")
    assert receiver.communicate(timeout=35)[0] == "hello\n"


def test_full_size_packets(office, alice):
    """G-13: what does not fit is told to the sender (DF), or goes in pieces; both ways."""
    r = subprocess.run(alice.ns.argv("ping", "-n", "-c", "2", "-W", "1", "-M", "do", "-s", "1472", CORRESPONDENT),
                       capture_output=True, text=True)
    assert "mtu = 1480" in r.stdout + r.stderr or "mtu=1480" in r.stdout + r.stderr
    alice.ping(CORRESPONDENT, count=3, M="dont", s=1472)
    alice.ping(CORRESPONDENT, count=3, M="dont", s=4000)
    r = subprocess.run(office.cn.argv("ping", "-n", "-c", "2", "-W", "1", "-M", "do", "-s", "1472", alice.address()),
                       capture_output=True, text=True)
    assert re.search(r"mtu ?= ?14\d\d", r.stdout + r.stderr)


def test_nobody_home(office, alice):
    """An address without binding: the correspondent hears that the host is unreachable."""
    r = subprocess.run(office.cn.argv("ping", "-n", "-c", "1", "-W", "2", f"{HOME}.150"), capture_output=True, text=True)
    assert f"From {GATEWAY}" in r.stdout and "Destination Host Unreachable" in r.stdout


def test_forged_tunnel_packets_are_dropped(office, alice):
    """RFC 3024 4.1: right inner source, wrong agent."""
    before = kernel_counter(office, "ha", "spoofed_tunnel")
    script = (f"from scapy.all import *; send(IP(src='10.0.2.1',dst='10.0.0.1')/IP(src='{alice.address()}',"
              f"dst='{CORRESPONDENT}')/ICMP(), count=3, verbose=0)")
    office.ars[2].run(PYTHON, "-c", script)
    wait_for(lambda: kernel_counter(office, "ha", "spoofed_tunnel") >= before + 3, "the drops to be counted")
