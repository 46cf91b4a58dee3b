# SPDX-License-Identifier: GPL-2.0-or-later
"""A host in client mode walks through all access modes (RFC 5266), with NATs on both sides of the VPN and inside: what its
links, the gateway's wire and the home agent's see, as tshark reads it."""
import ipaddress
import subprocess
import time

import pytest
from campus import OUTSIDE
from capture import REPLY, REQUEST, Capture
from clients import ClientCampus
from net import wait_for
from office import ANCHOR, CORRESPONDENT, PROBE
from traffic import UDP_PORT, listen, read_samples, start_tcp

pytestmark = pytest.mark.alone

# Where to, the mode there, what the home agent knows of it as care-of address, and the tunnel: by UDP where a NAT is.
WALK = [("floor1", "f", "10.0.1.1/32", "ipip"), ("floor2", "c", "10.8.2.0/24", "ipip"),
        ("floor3", "c", "10.8.3.0/24", "udp"), ("lte", "mc", "10.50.1.0/24", "udp"), ("cafe", "mc", "10.50.1.0/24", "udp"),
        ("floor0", "home", None, None), ("lte", "mc", "10.50.1.0/24", "udp"), ("floor3", "c", "10.8.3.0/24", "udp"),
        ("floor1", "f", "10.0.1.1/32", "ipip")]
LINKS = {"eth0": "floor", "wwan0": "lte", "wlan0": "cafe"}
MESSAGES = ("mip.type", "mip.code", "mip.homeaddr", "mip.haaddr", "mip.coa", "mip.t", "mip.d", "mip.nai", "mip.ext.type",
            "mip.life", "ip.src", "ip.dst", "_ws.malformed", "_ws.expert.severity")
WARNING = 0x400000
IN_FLIGHT_S = 0.05  # what has left by LTE, with 20 ms each way


def is_solicitation(p):
    """RFC 1256: to all routers; it says nothing of the host."""
    return p.protocol == "1" and p.destination == "224.0.0.11"


def is_ike(p):
    return p.port in ("500", "4500") and not p.spi


@pytest.fixture(scope="module")
def campus():
    with ClientCampus("steps", floors=3, nat_inside=(3,), nat_gateways=(1,)) as c:
        c.add_laptop("dora")
        c.start()
        yield c


def check_arrival(campus, m, net, encapsulation):
    b = campus.binding(m)
    if net is None:
        assert b is None
        return
    assert ipaddress.ip_address(b["care_of"]) in ipaddress.ip_network(net), b
    assert b["tunnel"]["encapsulation"] == encapsulation, b


@pytest.fixture(scope="module")
def walked(campus):
    """The walk, under a stream of datagrams. Returns the captures, by what was captured, and when each move began."""
    m = campus.stations["dora"]
    seen = {"anchor": Capture(campus.ha, "any", "udp port 434"), "firewall": Capture(campus.fw, "core", "ip"),
            "gateway": Capture(campus.gateways[1], "core", f"host {ANCHOR}")}
    seen |= {link: Capture(m.ns, link, "ip") for link in LINKS}
    m.plug("floor0")
    campus.start_laptop(m, gateways=(1,))
    m.becomes(mode="home")
    listen(campus.cn)
    wait_for(lambda: m.ping(CORRESPONDENT, check=False, I=m.home, W=1), "the host to reach the correspondent")
    udp = m.ns.start(PROBE, "udp-probe", CORRESPONDENT, UDP_PORT, 200, 120, campus.path("walk.txt"))
    tcp = start_tcp(m.ns, seconds=120, mbit=1)
    here, moves = "floor0", []
    for to, mode, net, encapsulation in WALK:
        moves.append((time.time(), to))
        m.switch(here, to)
        node = m.becomes(mode=mode)
        assert node["home"] == m.home
        # From one network outside to another the mode is what it was, until the host has heard of its links.
        wait_for(lambda: m.ping(CORRESPONDENT, check=False, count=2, I=m.home), f"the correspondent from {to}")
        check_arrival(campus, m, net, encapsulation)
        here = to
    for p in (udp, tcp):
        p.terminate()
    tcp = tcp.communicate(timeout=30)[0].decode()
    udp.wait(30)
    return {**{name: c.stop() for name, c in seen.items()}, "file": seen["anchor"].file, "tcp": tcp, "moves": moves,
            "udp": read_samples(campus.path("walk.txt"))}


def test_sessions_live(walked):
    assert "intact=yes resets=0" in walked["tcp"]
    assert sum(1 for _, _, received in walked["udp"] if received) > 100


def undecided(walked):
    """From the first request after a move until the home agent's answer that ends it, by the same link or through the
    gateway: (place, begin, end), in time of the captures. From one network outside to another the home agent need not be told
    (B-09): it ends as the VPN goes on."""
    ends = [at for at, _ in walked["moves"][1:]] + [float("inf")]
    for (at, to), end in zip(walked["moves"], ends):
        link = next(x for x, place in LINKS.items() if to.startswith(place))
        here = [p for p in walked[link] if at < p.time < end]
        first = min(p.time for p in here if p.mip == REQUEST)
        if to in OUTSIDE:
            answers = [p for p in walked["gateway"] if first < p.time < end and p.mip == REPLY]
            assert len([p for p in here if p.mip == REQUEST]) > 1, to  # B-33: one may have been lost
        else:
            answers = [p for p in here if p.mip == REPLY]
        yield to, first, min(p.time for p in answers or [p for p in here if p.spi])


@pytest.mark.parametrize("where", [*LINKS, "gateway"])
def test_nothing_leaves_undecided(campus, walked, where):
    """B-27, B-36, B-46: a stream goes on all the time, but between a move and the home agent's word nothing of the home
    address leaves by any link, and nothing comes out of the VPN, but signalling."""
    home, found = campus.stations["dora"].home, 0
    in_flight = IN_FLIGHT_S if where == "gateway" else 0
    for to, begin, end in undecided(walked):
        between = [p for p in walked[where] if begin + in_flight <= p.time < end and home in p.inner["source"]]
        assert all(p.mip == REQUEST or is_ike(p) for p in between), (to, between)
        found += 1
    assert found == len(WALK)


@pytest.mark.parametrize("link,address", [("wwan0", "100.64.0.11"), ("wlan0", "192.168.7.11")])
def test_outside_all_is_in_esp_but_requests(walked, link, address):
    """B-10, B-18: with the link's own address, nothing leaves but IKE, ESP in UDP, and requests in clear."""
    router = ipaddress.ip_network(f"{address}/24", strict=False)[1]
    there = [p for p in walked[link] if not is_solicitation(p) and p.source != str(router)]
    sent = [p for p in there if p.source == address]
    assert {p.port for p in sent} == {"434", "4500"}
    assert all(p.mip == REQUEST and p.destination == ANCHOR for p in sent if p.port == "434")
    # What charon asks before it has moved may have the address of the link that was lost.
    strangers = [p for p in there if address not in (p.source, p.destination) and not is_ike(p)]
    assert not strangers, strangers


def test_nothing_in_clear_passes_the_firewall(walked):
    outside = ("100.64.0.", "192.168.7.", "198.51.100.")
    assert not [p for p in walked["firewall"] if p.mip or p.source.startswith(outside)]


@pytest.fixture(scope="module")
def messages(walked):
    """Each of Mobile IP at the home agent, as tshark has it: name -> list of values."""
    fields = [x for f in MESSAGES for x in ("-e", f)]
    text = subprocess.run(["tshark", "-n", "-r", walked["file"], "-Y", "mip.type == 1 or mip.type == 3", "-T", "fields",
                           "-E", "separator=/t", "-E", "occurrence=a", *fields], capture_output=True, text=True,
                          check=True).stdout
    return [dict(zip(MESSAGES, (v.split(",") if v else [] for v in line.split("\t")))) for line in text.splitlines()]


def test_tshark_agrees(campus, messages):
    """RFC 5944 3.3, 3.4; RFC 2794; RFC 5265: what each message says, read by somebody else."""
    m = campus.stations["dora"]
    assert len(messages) >= 2 * len(WALK)
    for x in messages:
        assert not x["_ws.malformed"] and all(int(s, 0) < WARNING for s in x["_ws.expert.severity"]), x
        assert x["mip.homeaddr"] == [m.home] and x["mip.haaddr"] == [ANCHOR] and x["mip.nai"] == [m.nai], x
        assert "32" in x["mip.ext.type"], x
    replies = [x for x in messages if x["mip.type"] == [REPLY]]
    assert all(x["mip.code"] == ["0"] and "149" in x["mip.ext.type"] for x in replies), replies


def test_modes_in_requests(messages):
    """B-07, B-19, B-20, B-40: co-located requests say so (D), the foreign agent's do not; all ask for a reverse tunnel."""
    requests = [x for x in messages if x["mip.type"] == [REQUEST] and x["mip.life"] != ["0"]]
    by_agent = [x for x in requests if x["mip.coa"] == ["10.0.1.1"]]
    assert by_agent and all(x["mip.d"] in (["0"], ["False"]) for x in by_agent)
    others = [x for x in requests if x["mip.coa"] != ["10.0.1.1"]]
    assert all(x["mip.d"] in (["1"], ["True"]) for x in others)
    assert all(x["mip.t"] in (["1"], ["True"]) for x in requests)
    behind_nat = [x for x in others if x["ip.src"] != x["mip.coa"]]
    assert {(x["mip.coa"][0], x["ip.src"][0]) for x in behind_nat} == {("10.50.1.1", "10.0.11.1"), ("10.8.3.220", "10.0.3.1")}


def test_home_again(campus, messages):
    """B-52: on the home link the binding is taken away, with lifetime 0 and the home address as care-of address."""
    away = [x for x in messages if x["mip.type"] == [REQUEST] and x["mip.life"] == ["0"]]
    assert len(away) >= 2
    assert all(x["mip.coa"] == x["ip.src"] == [campus.stations["dora"].home] for x in away)
