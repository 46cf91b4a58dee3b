# SPDX-License-Identifier: GPL-2.0-or-later
"""draft-antoine, figure 2 and section 4.4, on the wire: when a gateway registers, and when it does not."""
import pytest
from campus import GATEWAYS, Campus
from capture import CREATE_CHILD_SA, IKE_AUTH, IKE_SA_INIT, REPLY, REQUEST, Capture
from net import wait_for
from office import ANCHOR, CORRESPONDENT
from pki import Authority
from traffic import Traffic
from vpn_rig import connected, records, session

pytestmark = pytest.mark.alone

CARE_OF = {1: "10.0.11.1", 2: "10.0.12.1"}  # private, as A-41 allows
MS = 0.001  # charon's log is cut to milliseconds


@pytest.fixture(scope="module")
def campus():
    with Campus("figure2") as c:
        for user in ("alice", "bob", "carol"):
            c.add_mobile(user)
        c.start()
        for n in GATEWAYS:
            c.start_gateway(n)
        yield c


def watch(campus, n=1):
    """Signalling on both sides of a gateway, by one clock."""
    return Capture(campus.gateways[n], "any", "udp port 434 or udp port 500 or udp port 4500")


def mip(packets, kind=REQUEST):
    return [p for p in packets if p.mip == kind]


def ike(packets, exchange, response):
    return [p for p in packets if p.exchange == exchange and p.response in (("1", "True") if response else ("0", "False"))]


@pytest.mark.parametrize("user,way", [("alice", "ECDSA"), ("bob", "pre-shared key"), ("carol", "EAP")])
def test_figure_2(campus, user, way):
    """A-01, A-13..A-20, A-41: IKE_AUTH is verified, then the request leaves; its reply's address is in the response."""
    capture, gateway = watch(campus), campus.charons["gw1"]
    with connected(campus, user, "lte") as (m, client):
        packets = capture.stop()
        request, reply = mip(packets)[0], mip(packets, REPLY)[0]
        auth = [p for p in ike(packets, IKE_AUTH, False) if p.time < request.time][-1]
        answer = [p for p in ike(packets, IKE_AUTH, True) if p.time > auth.time][0]
        verified = gateway.lines(f"authentication of '{m.nai}' with {way}.* successful")[-1][0]
        told, _ = gateway.lines(f"home address of '{m.nai}' is {m.home}")[-1]
        assigned, _ = gateway.lines(f"assigning virtual IP {m.home} to peer '{m.nai}'")[-1]
        init = ike(packets, IKE_SA_INIT, True)[0]
        assert init.time < auth.time < request.time < reply.time < answer.time
        assert auth.time - MS < verified <= request.time, "A-17"
        assert reply.time - MS < told <= assigned < answer.time, "A-20"

        assert request.nai == m.nai, "A-14, A-15"
        assert (request.source, request.destination, request.care_of) == (CARE_OF[1], ANCHOR, CARE_OF[1]), "A-41"
        assert request.home == "0.0.0.0", "A-18"
        assert (reply.code, reply.nai) == ("0", m.nai) and reply.home == m.home != "0.0.0.0", "A-19"
        assert client.sa(state="ESTABLISHED")["local-vips"] == [reply.home], "A-20"
        assert len(mip(packets)) == 1
        assert session(campus, m)["home"] == m.home, "A-01"


def test_the_eap_identity_is_the_user(campus):
    """A-14, A-15: with EAP the authenticated name is the EAP identity, whatever IDi says."""
    capture = watch(campus)
    with connected(campus, "carol", more={"local": {"id": "laptop.example.org"}}) as (m, _):
        assert [p.nai for p in mip(capture.stop())] == [m.nai]


def test_any_address_may_be_written_out(campus):
    """A-16, X-09: zero octets, or four octets of zero, ask for any address; both get one."""
    gateway = campus.charons["gw1"]
    before = len(gateway.lines("peer requested virtual IP %any"))
    with connected(campus, "bob", more={"vips": "0.0.0.0"}):
        assert len(gateway.lines("peer requested virtual IP %any")) == before + 1


def test_ike_sa_init_alone_registers_nobody(campus):
    """A-13: a client whose IKE_AUTH does not get through."""
    m = campus.stations["alice"]
    m.ns.run("nft", "-f", "-", input="table ip deaf { chain out { type filter hook output priority filter; "
                                     "udp dport 4500 drop; }; }\n")
    capture = watch(campus)
    try:
        with connected(campus, "alice", initiate=False) as (m, client):
            client.initiate("gw1", check=False, timeout_ms=3000)
    finally:
        m.ns.run("nft", "delete", "table", "ip", "deaf")
    packets = capture.stop()
    assert ike(packets, IKE_SA_INIT, True) and not ike(packets, IKE_AUTH, False)
    assert not mip(packets)
    assert campus.binding(m) is None


def test_a_bad_auth_registers_nobody(campus, monkeypatch):
    """A-17, A-05: the certificate is another authority's."""
    capture = watch(campus)
    monkeypatch.setattr(campus, "authority", Authority(campus.path("others")))
    with connected(campus, "alice", initiate=False) as (m, client):
        assert client.initiate("gw1", check=False)
    packets = capture.stop()
    assert ike(packets, IKE_AUTH, True) and not mip(packets)
    assert campus.binding(m) is None and session(campus, m) is None


def test_two_exchanges_are_enough(campus):
    """A-47: IKE_SA_INIT and IKE_AUTH, once each; no CREATE_CHILD_SA and no DHCP follow, and data flows."""
    capture = Capture(campus.gateways[1], "any", "udp port 500 or udp port 4500 or udp port 67 or udp port 68")
    with connected(campus, "alice", settings={"retransmit_timeout": 10}) as (m, _):
        m.ping(CORRESPONDENT, count=3)
        packets = capture.stop()
    assert len(ike(packets, IKE_SA_INIT, False)) == len(ike(packets, IKE_AUTH, False)) == 1
    assert not ike(packets, CREATE_CHILD_SA, False)
    assert not [p for p in packets if p.port in ("67", "68")]


def test_moves_behind_one_gateway_are_its_own(campus):
    """A-08, A-10, A-11, A-31, B-48: two MOBIKE moves, one through a NAT; the home agent is not asked, the session lives."""
    with connected(campus, "alice", "lte") as (m, client):
        spi = client.sa(state="ESTABLISHED")["initiator-spi"]
        capture = watch(campus)
        traffic = Traffic(campus, m, 6, mbit=2)
        m.ping(CORRESPONDENT, count=5)
        for old, new, outer in (("lte", "cafe", "198.51.100.10"), ("cafe", "broadband", m.outside_address("broadband"))):
            m.switch(old, new)
            wait_for(lambda: session(campus, m)["remote"] == outer, f"the gateway to hear of the move to {new}")
            m.ping(CORRESPONDENT, count=5)
        tcp = traffic.finish()
        assert not mip(capture.stop()), "A-10"
        assert client.sa(state="ESTABLISHED")["initiator-spi"] == spi
        assert client.sa(state="ESTABLISHED")["local-vips"] == [m.home] == [campus.binding(m)["home"]]
        assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 100_000
        assert [r["reason"] for r in records(campus, "alice", "vpn_moved", node="gw1")]


@pytest.mark.parametrize("gateway", [1, 2])
def test_the_same_address_again(campus, gateway):
    """A-12, A-32, X-21: after a disconnection, at the same gateway and at the other one, without asking for it."""
    with connected(campus, "bob") as (m, client):
        home = m.home
        client.terminate(ike="gw1")
        wait_for(lambda: campus.charons["gw1"].sa(remote_id=m.nai) is None, "the gateway to forget the IKE_SA")
        assert campus.binding(m)["home"] == home, "A-33: the binding is held"
        capture = watch(campus, gateway)
        client.initiate(f"gw{gateway}")
        assert client.sa(state="ESTABLISHED")["local-vips"] == [home]
        wait_for(lambda: campus.binding(m)["care_of"] == CARE_OF[gateway], "the binding to be that gateway's")
        assert mip(capture.stop(), REPLY)[-1].home == home
        m.ping(CORRESPONDENT, count=3)


def test_a_requested_address_is_passed_on(campus):
    """A-32, X-21: what the client asks for stands in the first request, when the gateway knows nothing of it."""
    with connected(campus, "carol", gateway=2) as (m, _):
        home = m.home
    capture = watch(campus)
    with connected(campus, "carol", more={"vips": home}) as (m, _):
        assert m.home == home
        assert mip(capture.stop())[0].home == home


def test_both_gateways_at_once(campus):
    """A-12, A-31: make before break between gateways; the TCP session does not notice."""
    with connected(campus, "alice") as (m, client):
        traffic = Traffic(campus, m, 4, mbit=2)
        m.ping(CORRESPONDENT, count=5)
        client.initiate("gw2")
        wait_for(lambda: campus.binding(m)["care_of"] == CARE_OF[2], "the second gateway to be the care-of address")
        client.terminate(ike="gw1")
        m.ping(CORRESPONDENT, count=5)
        tcp = traffic.finish()
        assert client.sa(state="ESTABLISHED")["local-vips"] == [m.home]
        assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 100_000
