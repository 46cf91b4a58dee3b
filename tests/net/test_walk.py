# SPDX-License-Identifier: GPL-2.0-or-later
"""Users on their way: floors, LTE, the café, gateways, with stock strongSwan and with the helper."""
import pytest
from campus import GATEWAYS, Campus
from net import wait_for
from office import CORRESPONDENT, HOME
from traffic import Traffic

pytestmark = pytest.mark.alone

USERS = ("alice", "bob", "carol")  # certificate, shared key, password


@pytest.fixture(scope="module")
def campus():
    """A gateway closes the tunnel of who is inside after 300 ms, if nobody says otherwise. A DHCP client on a busy machine
    takes longer for an address, and then there is neither the one nor the other: here the tunnel stays for three seconds."""
    with Campus("walk", ha="grace = 3000") as c:
        c.vpn_more = "linger = 3000"
        for user in USERS:
            c.add_mobile(user)
        c.start()
        for n in GATEWAYS:
            c.start_gateway(n)
        yield c


@pytest.fixture
def clean(campus):
    """Nobody is anywhere, before and after."""
    yield campus
    for user in USERS:
        m = campus.stations[user]
        m.prefer(None)
        if user in campus.daemons:
            campus.net.stop(campus.daemons.pop(user))
        client = campus.charons.pop(user, None)
        if client:
            for name in {sa["name"] for sa in client.sas()}:
                client.terminate(ike=name)
            client.stop()
        for place in list(m.places):
            m.unplug(place)
        m.ns.run("ip", "link", "del", "hf0", check=False)
        campus.cli("kick", m.nai, check=False)
        wait_for(lambda: campus.binding(m) is None, f"the binding of {user} to end")


def served_by(campus, m, care_of):
    b = campus.binding(m)
    return b and b["care_of"] == care_of


def inner(campus, m, gateway=1):
    sa = campus.charons[f"gw{gateway}"].sa(remote_id=m.nai, state="ESTABLISHED")
    return sa and sa.get("remote-vips")


def ike_and_children(client):
    """Of the IKE_SA that is up: its initiator's SPI and the states of its CHILD_SAs."""
    sa = client.sa(state="ESTABLISHED")
    return sa and (sa["initiator-spi"], [c["state"] for c in sa["child-sas"].values()])


def reach(m):
    wait_for(lambda: m.ping(CORRESPONDENT, check=False, W=1), f"{m.name} to reach the correspondent")


def whole(traffic, allowed=5):
    """Ends it: nothing of it was lost. What is allowed is a busy machine's; a break would cost round trips of 40 ms."""
    traffic.stop()
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0
    assert len(traffic.samples) > 500
    lost = [number for number, _, received in traffic.samples if not received]
    assert len(lost) <= allowed, lost


@pytest.mark.parametrize("user", USERS)
def test_users_get_their_home_address(clean, user):
    """A-24, A-31: whichever way they prove who they are, they are the same user as inside, with the same address."""
    m = clean.stations[user]
    m.plug("floor1")
    home = wait_for(m.address, "an address")
    clean.wait_served(m, 1)
    m.switch("floor1", "lte")
    clean.start_client(m).initiate("gw1")
    m.ping(CORRESPONDENT, count=3)
    assert inner(clean, m) == [home] and home.startswith(f"{HOME}.")
    b = clean.binding(m)
    assert (b["nai"], b["home"], b["care_of"]) == (m.nai, home, "10.0.11.1")


def test_three_behind_one_nat(clean):
    """Users of one café share its address: each has a session, and they reach each other and are reached."""
    there = [clean.stations[u] for u in USERS]
    for m in there:
        m.plug("cafe")
        clean.start_client(m).initiate("gw1")
        m.ping(CORRESPONDENT, count=2)
    gateway = clean.charons["gw1"]
    ends = [gateway.sa(remote_id=m.nai, state="ESTABLISHED") for m in there]
    assert {e["remote-host"] for e in ends} == {"198.51.100.10"}
    assert len({e["remote-port"] for e in ends}) == len(there)
    homes = [inner(clean, m)[0] for m in there]
    assert len(set(homes)) == len(there)
    for m, home in zip(there, homes):
        clean.cn.run("ping", "-n", "-q", "-c", "2", "-i", "0.05", home)
        for other in homes:
            m.ping(other)


def test_stock_host_walks(clean):
    """A-08, A-26, A-28, A-29, A-31, A-32, X-08: without any helper: floor, LTE, café, floor, LTE again, second gateway: one address."""
    m = clean.stations["alice"]
    m.plug("floor1")
    home = wait_for(m.address, "an address")
    m.switch("floor1", "lte")
    client = clean.start_client(m)
    client.initiate("gw1")
    m.ping(CORRESPONDENT, count=3)
    sequence = clean.binding(m)["sequence"]
    m.switch("lte", "cafe")
    reach(m)
    assert clean.binding(m)["sequence"] == sequence  # no registration
    ike = ike_and_children(client)[0]
    m.switch("cafe", "floor2")
    clean.wait_served(m, 2)
    wait_for(lambda: ike_and_children(client) == (ike, []), "the gateway to close the tunnel, and to keep the IKE_SA")
    assert m.address() == home
    m.ping(CORRESPONDENT, count=3)
    m.switch("floor2", "lte")
    wait_for(lambda: client.sa(local_host=m.outside_address("lte")), "the IKE_SA to move outside")
    client.initiate("gw1")
    reach(m)
    assert served_by(clean, m, "10.0.11.1") and ike_and_children(client)[0] == ike
    client.initiate("gw2")
    client.terminate(ike="gw1")
    reach(m)
    assert served_by(clean, m, "10.0.12.1") and inner(clean, m, 2) == [home]


def test_both_links_up_outside(clean):
    """A-31, make before break: the café is found while LTE is there. Nothing is lost, also not what was under way by LTE."""
    m = clean.stations["alice"]
    m.plug("lte")
    clean.start_node(m)
    reach(m)
    traffic = Traffic(clean, m, 30, mbit=1)
    m.ping(CORRESPONDENT, count=3)
    client = clean.charons["alice"]
    m.plug("cafe")
    wait_for(lambda: client.sa(local_host=m.outside_address("cafe"), state="ESTABLISHED"), "charon to move")
    wait_for(lambda: clean.charons["gw1"].sa(remote_id=m.nai, remote_host="198.51.100.10"), "the gateway to hear of it")
    m.ping(CORRESPONDENT, count=10)
    m.unplug("lte")
    m.plug("lte")
    m.ping(CORRESPONDENT, count=10)
    whole(traffic)


def test_both_links_up_inward(clean):
    """A-25, A-26, X-06, make before break: a floor is found while LTE is there, then LTE is left: nothing is lost."""
    m = clean.stations["alice"]
    m.plug("lte")
    client = clean.start_node(m)
    reach(m)
    traffic = Traffic(clean, m, 30, mbit=1)
    m.ping(CORRESPONDENT, count=3)
    m.plug("floor1")
    wait_for(lambda: ike_and_children(client)[1] == [], "the gateway to close the tunnel")
    m.ping(CORRESPONDENT, count=10)
    m.unplug("lte")
    m.ping(CORRESPONDENT, count=10)
    assert served_by(clean, m, "10.0.1.1")
    whole(traffic, allowed=40)


def test_both_links_up_outward(clean):
    """A-34, A-35, make before break: LTE is preferred while the floor is still there, then the floor is left."""
    m = clean.stations["alice"]
    m.plug("lte")
    client = clean.start_node(m)
    reach(m)
    m.plug("floor1")
    wait_for(lambda: ike_and_children(client)[1] == [], "the host to be inside")
    m.ping(CORRESPONDENT, count=3)
    ike = ike_and_children(client)[0]
    traffic = Traffic(clean, m, 30, mbit=1)
    m.ping(CORRESPONDENT, count=3)
    m.prefer("lte")
    wait_for(lambda: served_by(clean, m, "10.0.11.1"), "the gateway to serve it")
    m.ping(CORRESPONDENT, count=10)
    m.unplug("floor1")
    m.ping(CORRESPONDENT, count=10)
    assert ike_and_children(client)[0] == ike
    whole(traffic)
