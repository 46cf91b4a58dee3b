# SPDX-License-Identifier: GPL-2.0-or-later
"""What may lead a host in client mode to believe that it is inside, or to say more than it should (RFC 5266): it is tried.

Floor 3 is an untrusted network: it looks like the office, but requests in clear do not get from there to the home agent."""
import json
import os
import subprocess

import pytest
from capture import REPLY, REQUEST, TUNNEL_DATA, Capture
from clients import ClientCampus
from net import wait_for
from office import ANCHOR, CORRESPONDENT
from vpn_rig import records

HERE = os.path.dirname(os.path.abspath(__file__))
UNTRUSTED, NATTED = 3, 4
CLEAR_ENDS_HERE = """
table ip trap {
    chain forward {
        type filter hook forward priority filter; policy accept;
        iifname "access" udp dport 434 drop
        iifname "access" ip protocol 4 drop
    }
}
"""


@pytest.fixture(scope="module")
def campus():
    with ClientCampus("traps", floors=4, agents=(1, UNTRUSTED), nat_inside=(NATTED,)) as c:
        c.ars[UNTRUSTED].run("nft", "-f", "-", input=CLEAR_ENDS_HERE)
        c.add_laptop("dora")
        c.start()
        yield c


@pytest.fixture(scope="module")
def dora(campus):
    m = campus.stations["dora"]
    m.plug("floor2")
    campus.start_laptop(m)
    m.becomes(mode="c")
    return m


def go(m, to):
    """A hard move, wherever it was."""
    if m.places != [to]:
        m.switch(m.places[0] if m.places else None, to)


def ping(m, **more):
    return m.ping(CORRESPONDENT, count=3, I=m.home, **more)


def decisions(campus, m, after=0):
    """The host's decisions, as (when, state). Only the youngest records are kept, so counting them tells nothing."""
    return [(r["mono_us"], r["new"]) for r in records(campus, m.name, "state", node=m.name) if r["mono_us"] > after]


class Impostor:
    """Answers requests on a floor in the home agent's place."""

    def __init__(self, campus, floor, kind, m, reply=b""):
        argument = {"kind": kind, "interface": "access", "home_agent": ANCHOR, "nai": m.nai, "spi": m.spi,
                    "key": m.key.removeprefix("text:"), "reply": reply.hex()}
        self.campus = campus
        self.file = campus.path(f"impostor-{kind}.log")
        self.process = campus.ars[floor].start("/usr/bin/python3", os.path.join(HERE, "scapy_ha.py"), json.dumps(argument),
                                               log=self.file)
        wait_for(lambda: self.said("listening"), "the impostor")

    def said(self, word):
        with open(self.file) as f:
            return f.read().count(word)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.campus.net.stop(self.process)


@pytest.fixture(scope="module")
def old_reply(campus, dora):
    """An authentic answer with TNC to one of dora's requests, as somebody inside may have seen it."""
    go(dora, "floor1")
    dora.becomes(mode="f")
    seen = Capture(campus.ha, "core", "udp src port 434")
    go(dora, "floor2")
    dora.becomes(mode="c")
    wait_for(lambda: [p for p in seen.packets() if p.mip == REPLY], "a reply")
    seen.stop()
    text = subprocess.run(["tshark", "-n", "-r", seen.file, "-Y", "mip.type == 3", "-T", "fields", "-e", "udp.payload"],
                          capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(text.split()[-1])


def test_an_agent_on_an_untrusted_network(campus, dora):
    """B-12, B-20: it advertises, and could even register the host; nobody asks it."""
    go(dora, "lte")
    dora.becomes(mode="mc")
    heard = Capture(campus.ars[UNTRUSTED], "access", "icmp[icmptype] == 9 or udp port 434")
    go(dora, f"floor{UNTRUSTED}")
    dora.becomes(mode="mc")
    ping(dora)
    wait_for(lambda: [p for p in heard.packets() if not p.port], "an advertisement")
    asked = [p.destination for p in heard.stop() if p.port]
    assert asked and set(asked) == {ANCHOR}
    assert campus.show("visitors").get(f"fa{UNTRUSTED}", []) == []


def answered(campus, dora, kind, counter, reply=b""):
    """Arrives on the untrusted floor, where somebody answers; returns what the host decided there once it counted the
    answer as what it is."""
    go(dora, "lte")
    dora.becomes(mode="mc")
    before, _ = decisions(campus, dora)[-1]
    counted = campus.show("counters")["dora"]["signalling"][counter]
    with Impostor(campus, UNTRUSTED, kind, dora, reply):
        go(dora, f"floor{UNTRUSTED}")
        wait_for(lambda: campus.show("counters")["dora"]["signalling"][counter] > counted, f"an answer to be among {counter}")
        wait_for(lambda: dora.node()["mode"], "dora to decide")
    decided = [state for _, state in decisions(campus, dora, before)]
    assert decided[:2] == ["nowhere", "deciding"], decided
    return decided


FORGED = {"wrong-key": "replies_unauthenticated", "silent-about-tnc": "replies_without_tnc", "tnc-added": "replies_without_tnc",
          "replayed": "replies_unmatched", "replayed-id": "replies_unauthenticated"}


@pytest.mark.parametrize("kind", FORGED)
def test_forged_answers(campus, dora, old_reply, kind):
    """B-27, B-28, X-07: a reply is no proof without TNC, without a valid authenticator, or when it was seen before."""
    decided = answered(campus, dora, kind, FORGED[kind], old_reply)
    assert dora.node()["mode"] == "mc"
    assert {"inside", "agent", "home"}.isdisjoint(decided), decided
    ping(dora)


def test_who_has_the_key_is_believed(campus, dora):
    """The other way round: what the impostor sends lacks nothing but that."""
    decided = answered(campus, dora, "honest", "accepted")
    assert {"inside", "agent"} & set(decided), decided


class TestWhoAnswers:
    """B-33, B-34, B-35: the home agent and the gateway are asked at the same time."""

    def test_both(self, campus, dora):
        go(dora, "lte")
        dora.becomes(mode="mc")
        go(dora, "floor2")
        dora.becomes(mode="c")
        assert campus.charons["dora"].sa(state="ESTABLISHED")
        ping(dora)

    def test_the_gateway_alone(self, campus, dora):
        go(dora, "broadband")
        dora.becomes(mode="mc")
        ping(dora)

    def test_neither(self, campus, dora):
        """Then nothing of the home address leaves, whatever tries, but what ESP hides on its way to nobody."""
        campus.inet.run("nft", "-f", "-", input="table ip away { chain forward { type filter hook forward priority 0; "
                        "ip daddr 192.0.2.0/24 drop; }; }")
        try:
            heard = Capture(campus.outside["cafe"], "hosts", "ip and not udp port 67")
            go(dora, "cafe")
            wait_for(lambda: [p for p in heard.packets() if p.mip == REQUEST], "requests in clear")
            ping(dora, check=False, W=1)
            seen = {p.port for p in heard.stop() if p.source == dora.outside_address("cafe")}
            assert seen <= {"434", "500", "4500"}, seen
        finally:
            campus.inet.run("nft", "delete", "table", "ip", "away")

    def test_the_home_agent_alone(self, campus, dora):
        for n in campus.gateways:
            campus.fw.batch(f"link set gw{n} down")
        try:
            go(dora, "floor2")
            dora.becomes(mode="c")
            ping(dora)
        finally:
            for n in campus.gateways:
                campus.fw.batch(f"link set gw{n} up")


def test_a_nat_inside(campus, dora):
    """RFC 3519: mode c from behind a NAT, by a tunnel in UDP."""
    go(dora, f"floor{NATTED}")
    node = dora.becomes(mode="c")
    assert node["care_of"].startswith(f"10.8.{NATTED}.")
    heard = Capture(campus.ars[NATTED], "access", "udp port 434")
    ping(dora)
    data = {(*p.inner["source"], *p.inner["destination"], *p.inner["protocol"]) for p in heard.stop() if p.mip == TUNNEL_DATA}
    assert data == {(node["care_of"], dora.home, ANCHOR, CORRESPONDENT, "17", "1"),
                    (ANCHOR, CORRESPONDENT, node["care_of"], dora.home, "17", "1")}
    tunnel = campus.binding(dora)["tunnel"]
    assert (tunnel["encapsulation"], tunnel["remote"]) == ("udp", f"10.0.{NATTED}.1")
