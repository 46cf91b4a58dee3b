# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that speaks Mobile IP itself where the kernel does ESP, by policies as strongSwan has them by default: at home, on
floors with and without a foreign agent, outside (RFC 5266). What is outside sees nothing of the home address."""
import signal
import subprocess

import pytest
from clients import ClientCampus
from net import wait_for
from office import CORRESPONDENT, HOME, PROBE
from test_dataplane import sends_segments
from test_xfrm import KERNEL_ESP, Watched
from traffic import TCP_PORT, listen

# Requests that ask whether a network is inside go to the home agent in clear, by the care-of address.
IN_CLEAR = f"proto 4 or proto 47 or net {HOME}.0/24 or (net 10.0.0.0/8 and not (udp port 434 and udp[8] = 1))"


@pytest.fixture(scope="module")
def campus():
    with ClientCampus("esp", delays={"lte": 0}, nat_gateways=(1,)) as c:
        c.add_laptop("alice")
        c.fw.run("nft", "add rule inet firewall forward ip protocol esp accept")
        c.start(gateways={1: KERNEL_ESP})
        yield c


@pytest.fixture(scope="module")
def alice(campus):
    m = campus.stations["alice"]
    m.plug("floor0")
    campus.start_laptop(m, gateways=(1,), settings={"load": f"{KERNEL_ESP['load']} holdfast"})
    m.becomes(limit=60, mode="home")
    return m


def go(m, to, mode):
    if m.places != [to]:
        m.switch(m.places[0], to)
    return m.becomes(limit=60, mode=mode)


def ping(m, **more):
    return m.ping(CORRESPONDENT, count=5, check=False, I=m.home, **more)


def test_walk(campus, alice):
    """B-07, B-14, B-15, B-19, B-52: one TCP session through all modes; outside, all of it in ESP, with and without NAT."""
    servers = listen(campus.cn)
    probe = alice.ns.start(PROBE, "tcp-probe", CORRESPONDENT, TCP_PORT, 120, 2, stdout=subprocess.PIPE, text=True)
    with Watched(campus.outside["lte"], "hosts") as lte, Watched(campus.outside["cafe"], "hosts") as cafe:
        for to, mode in (("floor1", "f"), ("floor2", "c"), ("lte", "mc"), ("cafe", "mc"), ("floor0", "home")):
            go(alice, to, mode)
            assert ping(alice), to
    probe.send_signal(signal.SIGTERM)
    said = probe.communicate(timeout=60)[0]
    for s in servers:
        campus.net.stop(s)
    assert "intact=yes resets=0" in said and int(said.split()[0].removeprefix("octets=")) > 50_000
    assert len(lte.seen("esp")) >= 10 and len(cafe.seen("udp port 4500")) >= 10
    assert not lte.seen(IN_CLEAR) and not cafe.seen(IN_CLEAR)


def streams(campus, m):
    servers = listen(campus.cn)
    said = m.ns.run(PROBE, "tcp-probe", CORRESPONDENT, TCP_PORT, 3, 4)
    for s in servers:
        campus.net.stop(s)
    assert "intact=yes resets=0" in said and int(said.split()[0].removeprefix("octets=")) > 50_000


def test_streams(campus, alice):
    """G-13: outside, whole streams both ways: what leaves fits into ESP."""
    go(alice, "lte", "mc")
    streams(campus, alice)
    for octets in (1372, 1450, 3000, 9000):
        alice.ping(CORRESPONDENT, count=2, I=alice.home, M="dont", s=octets)


@pytest.mark.parametrize("place, mode", [("floor2", "c"), ("lte", "mc")])
def test_segmented_datagrams(campus, alice, place, mode):
    """UDP_SEGMENT (QUIC): cut where the device encrypts, or behind it; each segment arrives alone."""
    go(alice, place, mode)
    sends_segments(alice.ns, 1300, CORRESPONDENT, campus.cn)


def test_a_narrow_path(campus, alice):
    """G-13: behind the first link it is narrower, and it is ESP that somebody finds too big: streams go on."""
    go(alice, "lte", "mc")
    ends = (campus.outside["lte"], "uplink"), (campus.inet, "lte")
    for ns, interface in ends:
        ns.batch(f"link set {interface} mtu 1300")
    try:
        streams(campus, alice)
    finally:
        for ns, interface in ends:
            ns.batch(f"link set {interface} mtu 1500")


@pytest.mark.parametrize("what", ["policy", "state"])
def test_esp_or_nothing(campus, alice, what):
    """B-10, B-18: the kernel loses what encrypts, and neither daemon knows: nothing leaves, neither data nor requests."""
    go(alice, "lte", "mc")
    assert ping(alice)
    with Watched(campus.outside["lte"], "hosts") as lte:
        alice.ns.run("ip", "xfrm", what, "flush")
        assert not ping(alice)
    assert not lte.seen(IN_CLEAR)
    campus.charons["alice"].terminate(ike="gw1")
    wait_for(lambda: alice.node()["mode"] == "mc" and ping(alice), "alice to be back", 60)
