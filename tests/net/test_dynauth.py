# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions that end by order (RFC 5176): radclient is the AAA server that gives one; hostapd, and a NAS written from the
RFC, are told when a session is over."""
import signal
import subprocess
import time

import pytest
from aaa import ACCT_PORT
from das import PORT, Das
from dialin import AAA_SECRET, NAS_SECRET, DialIn, radclient
from dot1x import Floors
from net import wait_for
from office import CORRESPONDENT, HOME, Office

HOSTAPD_DAS = 3802


@pytest.fixture(scope="module")
def floors():
    """Of the second floor's hostapd the agent has no control socket: it is any authenticator."""
    with Office("das", floors=2, aaa=True, mpa="radius-das-port = 3799\nhold = 2") as o:
        for name in ("alice", "bob"):
            o.aaa.add_user(name, f"Framed-IP-Address = {HOME}.{20 + o.add_station(name).number}")
        conf_of, apart = o.aaa.mpa_conf, o.aaa.hostapd(2)
        apart.more = f"radius_das_port={HOSTAPD_DAS}\nradius_das_client=127.0.0.1 {Floors.NAS_SECRET}"

        def conf(n):
            if n != 2:
                return conf_of(n)
            return conf_of(n).replace(f' hostapd = "{apart.directory}"', "").replace(
                "nas hostapd {", f"nas hostapd {{ das-port = {HOSTAPD_DAS}")
        o.aaa.mpa_conf = conf
        o.start()
        wait_for(lambda: "hostapd_found" in o.log("ar1"), "hostapd to be found")
        yield o


def settle(o, name, floor):
    """At home on a floor, authenticated. Returns the station."""
    st, hostapd = o.stations[name], o.aaa.hostapds[floor]
    if st.floor == floor and hostapd.authorized(st.mac) and is_served(o, st, floor):
        return st
    o.aaa.stop_supplicant(st)
    if st.floor:
        st.leave()
    # Whom it has sent away it sends away once more five seconds later, whoever that is then.
    wait_for(lambda: hostapd.authorized(st.mac) or "FAIL" in hostapd.tell("sta", st.mac, check=False),
             "hostapd to forget it")
    if not st.address():
        st.configure(f"{HOME}.{20 + st.number}")
    st.go(floor)
    o.aaa.supplicant(st)  # would begin by itself after two seconds
    hostapd.tell("new_sta", st.mac, check=False)

    def served():
        st.ping(CORRESPONDENT, check=False, W=0.2)
        return is_served(o, st, floor)
    wait_for(served, f"{name} to be served on floor {floor}")
    st.ping(CORRESPONDENT, count=2)
    return st


def is_served(o, st, floor):
    s = o.subscriber(floor, st)
    return s and s["state"] == "served"


def order(o, n, *attributes, kind="disconnect", secret=Floors.AAA_SECRET, proof=True):
    """What the agent ar{n} answers to the AAA server: (code, attributes)."""
    if proof:
        attributes += ("Message-Authenticator = 0x00",)
    return radclient(o.aaa.server.ns, f"10.0.{n}.1", kind, secret, *attributes)


def counter(o, n, name):
    return o.show("counters")[f"ar{n}"]["radius"][name]


def session_of(o, st):
    mac = st.mac.replace(":", "-")
    return wait_for(lambda: [a["session"] for a in o.aaa.server.accounting()
                             if a["status"] == "Start" and a["station"].lower() == mac][-1:], "a Start")[0]


def gone(o, st, floor):
    """No service and no binding, and its authenticator has closed the port and told the AAA server so."""
    wait_for(lambda: o.binding(st) is None, "the binding to end")
    wait_for(lambda: not o.aaa.hostapds[floor].authorized(st.mac), "its port to be closed")
    assert not st.ping(CORRESPONDENT, check=False, W=0.5)


@pytest.mark.parametrize("floor", [1, 2], ids=["socket", "radius"])
def test_the_server_ends_a_session(floors, floor):
    """L-53: by name, number and address together."""
    st = settle(floors, "alice", floor)
    session = session_of(floors, st)
    answer, said = order(floors, floor, f'User-Name = "{st.nai}"', f'Acct-Session-Id = "{session}"',
                         f'Calling-Station-Id = "{st.mac}"', f'NAS-Identifier = "ar{floor}"',
                         f"Event-Timestamp = {int(time.time())}")
    assert answer == "Disconnect-ACK" and "Error-Cause" not in said
    gone(floors, st, floor)
    answer, said = order(floors, floor, f'Acct-Session-Id = "{session}"')
    assert answer == "Disconnect-NAK" and said["Error-Cause"] == "Session-Context-Not-Found"
    wait_for(lambda: [a for a in floors.aaa.server.accounting() if a["status"] == "Stop" and a["session"] == session],
             "the Stop of it")


def test_orders_that_are_refused(floors):
    """What does not fit, and what is not understood, ends nothing; the answer says why."""
    st = settle(floors, "bob", 2)
    name = f'User-Name = "{st.nai}"'
    for why, attributes in (
            ("Session-Context-Not-Found", ['User-Name = "carol@example.com"']),
            ("Session-Context-Not-Found", [name, 'Acct-Session-Id = "0123"']),
            ("Session-Context-Not-Found", [name, "Framed-IP-Address = 10.42.0.99"]),
            ("NAS-Identification-Mismatch", [name, 'NAS-Identifier = "ar1"']),
            ("Unsupported-Attribute", [name, "Session-Timeout = 60"]),
            ("Missing-Attribute", ['NAS-Identifier = "ar2"'])):
        answer, said = order(floors, 2, *attributes, "Proxy-State = 0x0102")
        assert (answer, said["Error-Cause"]) == ("Disconnect-NAK", why) and said["Proxy-State"] == "0x0102"
    answer, said = order(floors, 2, name, kind="coa")
    assert (answer, said["Error-Cause"]) == ("CoA-NAK", "Unsupported-Extension")
    st.ping(CORRESPONDENT, count=2)


def test_orders_of_nobody(floors):
    """Who does not know the secret, is not the server, or is late, is not even answered; nor is who mistakes the port."""
    st, server = settle(floors, "bob", 2), floors.aaa.server.ns
    name, proof = f'User-Name = "{st.nai}"', "Message-Authenticator = 0x00"
    asking = []
    for ns, port, secret, more in ((server, 3799, "another secret", proof), (server, 3799, Floors.AAA_SECRET, ""),
                                   (floors.cn, 3799, Floors.AAA_SECRET, proof),
                                   (server, 3799, Floors.AAA_SECRET, f"{proof}\nEvent-Timestamp = 1700000000"),
                                   (server, ACCT_PORT, Floors.AAA_SECRET, proof)):
        asking.append(subprocess.Popen(
            ns.argv("radclient", "-x", "-r", "1", "-t", "1", f"10.0.2.1:{port}", "disconnect", secret),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        asking[-1].stdin.write(f"{name}\n{more}\n")
        asking[-1].stdin.close()
    for r in asking:
        assert "Received" not in r.stdout.read() and r.wait() != 0
    assert [counter(floors, 2, f"radius_das_{x}") for x in ("unproven", "unknown_server", "stale")] == [2, 1, 1]
    st.ping(CORRESPONDENT, count=2)


def test_sent_away(floors):
    """The operator's kick closes the port of an authenticator that is told by RADIUS only."""
    st, before = settle(floors, "bob", 2), counter(floors, 2, "radius_ends_done")
    floors.cli("kick", st.nai)
    gone(floors, st, 2)
    wait_for(lambda: counter(floors, 2, "radius_ends_done") == before + 1, "the authenticator to say so")
    wait_for(lambda: "session_ended" in floors.log("ar2"), "the record of it")


def test_an_authenticator_starts_anew(floors):
    """Its Accounting-On says that it knows nobody any more: nobody of it is served until it has let in again. And who was
    sent away is served again then."""
    st = settle(floors, "alice", 2)
    hostapd = floors.aaa.hostapds[2]
    floors.aaa.supplicants.pop("alice").stop(signal.SIGKILL)
    hostapd.stop(signal.SIGKILL)
    st.ping(CORRESPONDENT, count=2)
    hostapd.start()
    wait_for(lambda: not is_served(floors, st, 2), "the agent to hear of it")
    assert not st.ping(CORRESPONDENT, check=False, W=0.5)
    wait_for(lambda: floors.binding(st) is None, "the binding to end")


@pytest.fixture(scope="module")
def dialin():
    with DialIn("dasnas", mpa="radius-das-port = 3799\nhold = 2") as o:
        o.add_caller("alice")
        access = o._access
        o._access = lambda n: access(n).replace("nas pppd {", f"nas pppd {{ das-port = {PORT}")
        o.start()
        yield o


@pytest.fixture
def alice(dialin):
    c = dialin.callers["alice"]
    yield c
    c.drop()
    dialin.cli("kick", c.nai, check=False)
    wait_for(lambda: dialin.binding(c) is None, "the binding to end")


@pytest.fixture
def nases(dialin):
    """Both of them, listening; by the number of their agent."""
    started = []

    def start(n, how="ack"):
        started.append(Das(dialin.ars[n], f"10.0.{n}.1", NAS_SECRET, how))
        return started[-1]
    yield start
    for d in started:
        d.stop()


def told(das, session, n=1):
    """It heard of the end of this session, in packets as the RFC wants them."""
    heard = wait_for(lambda: len(das.heard()) >= n and das.heard(), "the NAS to be told")
    for packet in heard:
        assert "fault" not in packet, packet
        assert (packet["User-Name"], packet["Acct-Session-Id"]) == ("alice@example.com", session)
    return heard


def test_another_nas(dialin, alice, nases):
    """L-42: who dials in elsewhere has a dead line left; its NAS hears that it may hang up, and nobody else does."""
    first, second = nases(1), nases(2)
    alice.connect(1)
    session = alice.session
    alice.connect(2)
    assert len(told(first, session)) == 1
    alice.ping(CORRESPONDENT, count=3)
    assert second.heard() == []
    alice.hang_up()  # what it says itself it need not hear
    wait_for(lambda: dialin.binding(alice) is None, "the binding to end")
    assert second.heard() == [] and len(first.heard()) == 1


@pytest.mark.parametrize("how, answer, why", [
    ("ack", "Disconnect-ACK", None), ("nak 503", "Disconnect-ACK", None),
    ("nak 504", "Disconnect-NAK", "Session-Context-Not-Removable"),
    ("silent", "Disconnect-NAK", "Proxy-Request-Not-Routable")])
def test_passed_on(dialin, alice, nases, how, answer, why):
    """The server hears what the NAS says; the user is not served either way."""
    das = nases(1, how)
    alice.connect(1)
    assert radclient(dialin.server.ns, "10.0.1.1", "disconnect", AAA_SECRET, f'User-Name = "{alice.nai}"',
                     f"Framed-IP-Address = {alice.home}", "Message-Authenticator = 0x00",
                     f"Event-Timestamp = {int(time.time())}")[0] == answer
    heard = told(das, alice.session, 4 if how == "silent" else 1)
    assert len({p["id"] for p in heard}) == 1  # repeated as it was
    assert not alice.ping(CORRESPONDENT, check=False, W=0.5)
    wait_for(lambda: dialin.binding(alice) is None, "the binding to end")
