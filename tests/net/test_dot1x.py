# SPDX-License-Identifier: GPL-2.0-or-later
"""Floors with wired 802.1X: hostapd, wpa_supplicant and FreeRADIUS as they are (A-24, L-11, L-53, L-54, L-61, L-62, L-63)."""
import pytest
from aaa import ANONYMOUS
from capture import Capture
from dhcp import start_client, wait_bound
from door import ALL_BUT_EAPOL, Attempt, shortcuts
from net import wait_for
from office import CORRESPONDENT, HOME, Office
from pki import Authority
from traffic import Traffic

METHODS = {"alice": "TTLS", "bob": "PEAP", "carol": "TLS"}
NOBODY = "mallory"  # as trudy: has a supplicant, and no entry at the AAA server
LIMITED = {"dave": ("Session-Timeout = 2", "Termination-Action = RADIUS-Request"), "erin": ("Session-Timeout = 6",)}


@pytest.fixture(scope="module")
def floors():
    with Office("dot1x", floors=2, aaa=True) as o:
        for name in (*METHODS, *LIMITED, NOBODY, "trudy"):
            o.add_station(name)
        for name, limits in LIMITED.items():
            o.aaa.add_user(name, *limits)
        for name, method in METHODS.items():
            o.aaa.add_user(name, "Session-Timeout = 3600", password=method != "TLS")
        o.start()
        yield o


@pytest.fixture
def clean(floors):
    """Nobody is anywhere, before and after."""
    yield floors
    for h in floors.aaa.hostapds.values():
        h.stop()
        h.start()
    for st in floors.stations.values():
        if not st.floor:
            continue
        floors.aaa.stop_supplicant(st)
        st.leave()
        st.ns.ip("addr", "flush", "dev", "eth0")
        floors.cli("kick", st.nai, check=False)
        wait_for(lambda: not floors.binding(st), f"the binding of {st.name} to end")


def enter(o, st, floor, **options):
    """Arrives with a supplicant and asks for an address. Returns the DHCP client."""
    if st.name not in o.aaa.supplicants:
        o.aaa.supplicant(st, METHODS.get(st.name, "TTLS"), **options)
    st.go(floor)
    return start_client(st)


def answer(o, st, n=1):
    """The AAA server's n-th answer about a station from now on."""
    before = len(o.aaa.server.logins(st.mac))

    def answered():
        found = o.aaa.server.logins(st.mac)[before:]
        return found[n - 1] if len(found) >= n else None
    return lambda: wait_for(answered, f"the AAA server to answer about {st.name}")


def served(o, st, floor=1, **options):
    """Arrives, and has its address by DHCP. Returns it."""
    client = enter(o, st, floor, **options)
    o.wait_served(st, floor)
    wait_bound(st)
    o.net.stop(client)
    st.ping(CORRESPONDENT, count=2)
    return st.address()


def all_served(o, **options):
    """Users of all three methods arrive at once. options: of each supplicant, by user. Returns what AAA answered them."""
    there = [o.stations[name] for name in METHODS]
    told = [answer(o, st) for st in there]
    clients = [enter(o, st, 1, **options.get(st.name, {})) for st in there]
    for st, client in zip(there, clients):
        o.wait_served(st, 1)
        wait_bound(st)
        o.net.stop(client)
    return {st.name: t() for st, t in zip(there, told)}


def test_methods(clean):
    """A-24, L-11, L-54, L-61, L-62, L-63: whoever AAA lets in is registered by the name that was proved inside of the tunnel
    and with the key that came along; the network around reads a pseudonym only."""
    for name, login in all_served(clean).items():
        st = clean.stations[name]
        st.ping(CORRESPONDENT, count=2)
        assert login["answer"] == "Access-Accept" and login["type"] == METHODS[name]
        assert (login["user"], login["outer"]) == (st.nai, ANONYMOUS)
        s, b = clean.subscriber(1, st), clean.binding(st)
        assert (s["association"], s["mac"], s["home"]) == ("from access authentication", st.mac, st.address())
        assert (b["nai"], b["home"]) == (st.nai, st.address())
        # The Accept's User-Name went on to the authenticator.
        wait_for(lambda: st.nai in clean.aaa.hostapds[1].tell("sta", st.mac), "hostapd to know who that is")


def test_what_is_said_outside_does_not_count(clean):
    """L-62: a station that calls itself by another user's name outside of the tunnel is who it has proved to be."""
    lies = {"alice": "bob", "bob": "carol", "carol": "alice"}
    outer = {name: {"outer": clean.stations[lie].nai} for name, lie in lies.items()}
    for name, login in all_served(clean, **outer).items():
        st = clean.stations[name]
        assert (login["user"], login["outer"]) == (st.nai, clean.stations[lies[name]].nai)
        assert clean.subscriber(1, st)["mac"] == st.mac and clean.binding(st)["home"] == st.address()


def test_no_service_for_who_is_refused(clean):
    """L-53, L-61, G-15: nothing comes out of the port of whom AAA turns away but EAPOL: no DHCP, ARP, ICMP, data; nothing of
    it arrives anywhere, and nothing is registered."""
    others = Authority(clean.path("others"), "others")
    cert, key = others.issue("carol", clean.stations["carol"].nai)
    behind = Capture(clean.ha, "any", f"net {HOME}.0/24")
    cases = [(NOBODY, "TTLS", {}), ("trudy", "PEAP", {}), ("alice", "TTLS", {"password": "wrong"}),
             ("bob", "PEAP", {"password": "wrong"}), ("carol", "TLS", {"cert": cert, "key": key})]
    attempts = [Attempt(clean, clean.stations[name], 1, method, f"{HOME}.{70 + n}", **options)
                for n, (name, method, options) in enumerate(cases)]
    for a in attempts:
        e = a.end()
        assert (e["answer"], e["worked"], e["frames_heard"], e["registered"], e["anchor_asked"]) == (
            "Access-Reject", [], 0, False, 0), e
    assert behind.stop() == []


def test_no_supplicant_no_service(clean):
    """L-53: a station that says nothing by 802.1X, with the address of a user that is here."""
    alice, silent = clean.stations["alice"], clean.stations[NOBODY]
    home = served(clean, alice)
    silent.go(1)
    silent.configure(home)
    silent.ns.batch(*shortcuts(clean, 1))
    at_port, behind = Capture(silent.ns, "eth0", ALL_BUT_EAPOL), Capture(clean.cn, "eth0", "icmp")
    assert not silent.ping(CORRESPONDENT, count=3, check=False, W=0.3)
    assert at_port.stop() == [] and behind.stop() == []
    silent.ns.batch(*(line.replace(" add ", " del ") for line in shortcuts(clean, 1)))
    alice.ping(CORRESPONDENT, count=2)


def test_move(clean):
    """A-03, L-09, L-39, L-61: each floor authenticates, in fewer rounds as the session is resumed; address and TCP stay."""
    st = clean.stations["alice"]
    home = served(clean, st)
    traffic = Traffic(clean, st, 60)
    st.ping(CORRESPONDENT, count=3)
    for floor in (2, 1, 2):
        told = answer(clean, st)
        st.go(floor)
        clean.wait_served(st, floor)
        login = told()
        assert (login["user"], login["resumed"]) == (st.nai, "yes")
        wait_for(lambda: clean.subscriber(3 - floor, st) is None, "the old agent to forget")
        st.ping(CORRESPONDENT, count=5)
    traffic.stop()
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 0
    assert st.address() == home == clean.binding(st)["home"]


def test_authenticated_once_more(clean):
    """L-54: nothing is registered and nothing lost when a station that is served proves once more who it is."""
    st = clean.stations["alice"]
    served(clean, st)
    sequence, traffic = clean.binding(st)["sequence"], Traffic(clean, st, 30, mbit=10)
    st.ping(CORRESPONDENT, count=3)
    for _ in range(3):
        told = answer(clean, st)
        clean.aaa.hostapds[1].tell("raw", f"EAPOL_REAUTH {st.mac}")
        assert told()["answer"] == "Access-Accept"
    st.ping(CORRESPONDENT, count=3)
    traffic.stop()
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0
    assert [n for n, _, received in traffic.samples if not received] == []
    assert clean.binding(st)["sequence"] == sequence


def test_session_time(clean):
    """L-54: a session that AAA limits is authenticated anew and goes on, or ends with all that is registered."""
    dave, erin = clean.stations["dave"], clean.stations["erin"]
    told = answer(clean, dave, 2)
    clients = [enter(clean, st, 1) for st in (dave, erin)]
    for st in (dave, erin):
        clean.wait_served(st, 1)
        wait_bound(st)
    sequence = clean.binding(dave)["sequence"]
    clean.net.stop(clients[1])  # who wants nothing does not log in again
    wait_for(lambda: clean.binding(erin) is None, "the session to end")
    assert told()["answer"] == "Access-Accept"
    dave.ping(CORRESPONDENT, count=2)
    assert clean.binding(dave)["sequence"] == sequence
    clean.net.stop(clients[0])


def test_a_user_who_is_no_more(clean):
    """L-61: a session that is resumed does not outlive its user; AAA is asked each time."""
    st, server = clean.stations["alice"], clean.aaa.server
    served(clean, st)
    gone = server.users.pop(st.nai)
    try:
        server.reload()
        told = answer(clean, st)
        st.go(2)
        st.ping(CORRESPONDENT, check=False, W=0.3)
        assert told()["answer"] == "Access-Reject"
        assert clean.subscriber(2, st) is None
    finally:
        server.users[st.nai] = gone
        server.reload()


def test_logoff(clean):
    """G-11: who logs off is deregistered at once, and its port is closed."""
    st = clean.stations["alice"]
    served(clean, st)
    clean.aaa.supplicants["alice"].tell("logoff")
    wait_for(lambda: clean.binding(st) is None, "the binding to end")
    wait_for(lambda: clean.subscriber(1, st) is None, "the agent to forget")
    assert not st.ping(CORRESPONDENT, count=2, check=False, W=0.3)
    wait_for(lambda: [a["cause"] for a in clean.aaa.server.accounting() if a["status"] == "Stop"][-1:] == ["User-Request"],
             "the AAA server to be told why")


def test_aaa_away(clean):
    """L-61: without AAA nobody new gets in, and nobody who is in is put out."""
    alice, bob, server = clean.stations["alice"], clean.stations["bob"], clean.aaa.server
    served(clean, alice)
    server.stop()
    try:
        client = enter(clean, bob, 1)
        bob.configure(f"{HOME}.78")
        assert not bob.ping(CORRESPONDENT, count=3, check=False, W=0.3)
        assert clean.binding(bob) is None
        alice.ping(CORRESPONDENT, count=3)
    finally:
        server.start()
    clean.wait_served(bob, 1)
    clean.net.stop(client)
