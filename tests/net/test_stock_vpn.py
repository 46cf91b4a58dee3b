# SPDX-License-Identifier: GPL-2.0-or-later
"""The campus with strongSwan alone: what users have today, what ours is compared with, and that the lab is sound."""
import re

import pytest
import vpn
from pki import Authority
from campus import GATEWAYS, OUTSIDE, SOURCE_RULES, Campus
from net import LabError, wait_for
from office import CORRESPONDENT
from traffic import Traffic

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def campus():
    with Campus("stock") as c:
        for user in ("alice", "bob", "carol"):
            c.add_mobile(user)
        c.start()
        for n in GATEWAYS:
            c.start_gateway(n, holdfast=False)
        yield c


@pytest.fixture
def connected(campus):
    """Lets a user connect from a place outside; disconnected at the end."""
    there = []

    def connect(user, place, gateway=1, **options):
        m = campus.stations[user]
        m.plug(place)
        there.append(m)
        client = campus.start_client(m, **options)
        client.initiate(f"gw{gateway}")
        return m, client
    yield connect
    for m in there:
        client = campus.charons.pop(m.name)
        for sa in client.sas():
            client.terminate(ike=sa["name"])  # the gateway hears of it before the link is gone
        client.stop()
        for place in list(m.places):
            m.unplug(place)


def outer(campus, m, gateway=1):
    """Where the gateway sees a user: (address, port), and its inner addresses."""
    sa = campus.charons[f"gw{gateway}"].sa(remote_id=m.nai, state="ESTABLISHED")
    return (sa["remote-host"], int(sa["remote-port"])), sa["remote-vips"]


@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
def test_users_connect(campus, connected, user):
    """Certificate, shared key, password: each by LTE, with an address of the gateway's pool."""
    m, _ = connected(user, "lte")
    m.ping(CORRESPONDENT, count=3)
    where, inner = outer(campus, m)
    assert where[0] == m.outside_address("lte")
    assert [a.rpartition(".")[0] for a in inner] == ["10.50.1"]


@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
def test_wrong_secrets_do_not_connect(campus, connected, user, monkeypatch):
    """The lab's users have to prove something: without it, nobody comes in."""
    monkeypatch.setitem(vpn.SHARED_KEYS, "bob", "another key")
    monkeypatch.setitem(vpn.PASSWORDS, "carol", "another password")
    m = campus.stations[user]
    monkeypatch.setattr(campus, "authority", Authority(campus.path(f"other-{user}")))
    with pytest.raises(LabError):
        connected(user, "broadband")
    assert not m.ping(CORRESPONDENT, check=False, W=1)
    assert campus.charons["gw1"].sa(remote_id=m.nai, state="ESTABLISHED") is None


def test_from_lte_to_the_cafe(campus, connected):
    """A-08: one IKE_SA and one inner address before and after, a TCP session across; the gateway sees the NAT's address."""
    m, client = connected("alice", "lte")
    (before, _), inner = outer(campus, m)
    ike = client.sa(state="ESTABLISHED")["initiator-spi"]
    assert before == m.outside_address("lte")
    traffic = Traffic(campus, m, 30, mbit=2)
    m.ping(CORRESPONDENT, count=10)
    m.switch("lte", "cafe")
    wait_for(lambda: outer(campus, m)[0][0] != before, "the gateway to hear of the move")
    m.ping(CORRESPONDENT, count=5)
    (after, port), now_inner = outer(campus, m)
    assert now_inner == inner and client.sa(state="ESTABLISHED")["initiator-spi"] == ike
    assert after == "198.51.100.10" and port not in (500, 4500)  # the café's, at a port of its choice
    traffic.stop()
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 100_000


def test_second_gateway(campus, connected):
    """The other gateway serves too, with an address of its own pool: without Holdfast the address does not stay."""
    m, client = connected("carol", "broadband")
    client.terminate(ike="gw1")
    client.initiate("gw2")
    m.ping(CORRESPONDENT, count=3)
    assert [a.rpartition(".")[0] for a in outer(campus, m, 2)[1]] == ["10.50.2"]


def test_a_place_forwards_its_own_addresses_only(campus):
    """BCP 38: with two links up, each source address gets out by its own link only, and the host's rules see to that."""
    m = campus.stations["bob"]
    for place in ("lte", "broadband"):
        m.plug(place)
    there, lte = "198.51.100.1", m.outside_address("lte")
    for source in (lte, m.outside_address("broadband")):
        m.ping(there, W=1, I=source)
    rule = f"from {lte} lookup {OUTSIDE['lte'].table} priority {SOURCE_RULES}"
    m.ns.batch(f"rule del {rule}")
    assert not m.ping(there, check=False, W=1, I=lte)  # by broadband, whose metric is the better one
    m.ns.batch(f"rule add {rule}")
    for place in ("lte", "broadband"):
        m.unplug(place)


def test_both_links_up(campus, connected):
    """The café is found while LTE is still there: charon moves to the better link, and nothing is lost. A break would cost
    round trips of 40 datagrams; what is at charon as it changes its addresses may be, on a machine that stands still."""
    m, client = connected("alice", "lte", settings={"prefer_best_path": True})
    m.ping(CORRESPONDENT, count=3)
    before = outer(campus, m)[0][0]
    traffic = Traffic(campus, m, 30, mbit=1)
    m.plug("cafe")
    wait_for(lambda: outer(campus, m)[0][0] != before, "the gateway to hear of the move")
    m.ping(CORRESPONDENT, count=10)  # meanwhile what was under way by LTE arrives
    m.unplug("lte")
    traffic.stop()
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0
    assert len([s for s, _, received in traffic.samples if not received]) <= 5


def test_delays(campus):
    """LTE has 20 ms each way, the other places none."""
    for place, p in OUTSIDE.items():
        m = campus.stations["bob"]
        m.plug(place)
        text = m.ns.run("ping", "-n", "-q", "-c", "5", "-i", "0.05", "198.51.100.1")
        rtt = float(re.search(r"= ([\d.]+)/", text)[1])  # of the five the least: others may have waited for the machine
        assert 2 * p.delay_ms <= rtt < 2 * p.delay_ms + 5
        m.unplug(place)
