# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys that an anchor fetches from AAA (L-63): FreeRADIUS as it is, two of it. Here the agents are given each user's key
by hand, so that nothing but the anchor asks; what a login brings to them is in test_dot1x.py."""
import signal

import pytest
from aaa import RadiusServer
from capture import Capture
from net import wait_for
from office import ANCHOR, CORRESPONDENT, HOME, Office
from pki import Authority

SECRET = "the anchor and the AAA server"
ADDRESSES = "10.0.20.1", "10.0.21.1"
USERS = "alice", "bob", "carol"


def association(o, name, key=None):
    u = o.servers[0].users[f"{name}@example.com"]
    return f'association {name} {{ scope = user nai = "{u.nai}" spi = {u.spi} key = "hex:{key or u.key}" }}\n'


def start_mpa(o, n, **keys):
    """keys: of users whose agents have others than the AAA server."""
    o.start_mpa(n, "".join(association(o, name, keys.get(name)) for name in o.stations))


def add_server(o, n, authority):
    host = o.net.add(f"aaa{n}")
    o.net.link(o.core, f"aaa{n}", host, "core")
    o.core.batch(f"address add 10.0.{20 + n}.254/24 dev aaa{n}")
    host.batch(f"address add {ADDRESSES[n]}/24 dev core", f"route add default via 10.0.{20 + n}.254")
    server = RadiusServer(host, ADDRESSES[n], authority, name=f"aaa{n}")
    server.add_client("ha", ANCHOR, SECRET, server="keys")
    for name in USERS:
        server.add_user(f"{name}@example.com")
        server.users[f"{name}@example.com"].key = o.keys.setdefault(name, server.users[f"{name}@example.com"].key)
    o.servers.append(server)


@pytest.fixture
def o(request):
    options = {"life": 3600, "max_lifetime": 1800, **getattr(request, "param", {})}
    rows = "".join(f'user "{name}@example.com" {{ aaa-key = yes }}\n' for name in (*USERS, "mallory"))
    rows += "".join(f'aaa s{n} {{ address = "{a}" timeout = 1500 tries = 2 secret = "text:{SECRET}" }}\n'
                    for n, a in enumerate(ADDRESSES))
    with Office("aaakeys", floors=2, users=rows,
                ha=f"aaa-key-lifetime = {options['life']}\nmax-lifetime = {options['max_lifetime']}\n") as o:
        o.servers, o.keys = [], {}
        authority = Authority(o.path("pki"))
        for n in range(2):
            add_server(o, n, authority)
        for name in USERS:
            o.add_station(name).configure(f"{HOME}.{20 + len(o.stations)}")
        for s in o.servers:
            s.start()
        o.start_ha()
        for n in o.ars:
            start_mpa(o, n)
        yield o


def aaa(o, name):
    return o.show("counters")["ha"]["aaa"][f"aaa_{name}"]


def served(o, name, floor):
    st = o.stations[name]
    st.go(floor)
    st.ping(CORRESPONDENT, count=3, check=False)
    o.wait_served(st, floor)
    st.ping(CORRESPONDENT, count=2)
    return st


def test_fetched_once_and_kept(o):
    """L-63: the anchor has no key of its own for alice; she walks, and one question was enough. What is stored of her and
    what is said on the way does not have the key."""
    wire = Capture(o.ha, "core", "udp port 1812")
    st = served(o, "alice", 1)
    assert o.binding(st)["association"] == "aaa"
    served(o, "alice", 2)
    served(o, "alice", 1)
    assert (aaa(o, "keys_asked"), aaa(o, "keys_received"), aaa(o, "replies_unauthentic")) == (1, 1, 0)
    key = bytes.fromhex(o.keys["alice"])
    assert len(wire.stop()) == 2
    o.kill("ha", signal.SIGTERM)
    for path in wire.file, o.path("ha.mdb"):
        with open(path, "rb") as f:
            octets = f.read()
        assert b"alice@example.com" in octets and key not in octets


def test_no_key_no_service(o):
    """A user AAA has no key for, and one whose agent has another key than AAA."""
    o.kill("ar1", signal.SIGTERM)
    start_mpa(o, 1, bob="00" * 32)
    u = o.servers[0].users.pop("carol@example.com")
    o.servers[1].users.pop("carol@example.com")
    for s in o.servers:
        s.reload()
    for name in ("bob", "carol"):
        st = o.stations[name]
        st.go(1)
        assert not st.ping(CORRESPONDENT, count=3, check=False, W=1)
    wait_for(lambda: aaa(o, "keys_refused") >= 1, "the AAA server to refuse carol's")
    wait_for(lambda: o.show("counters")["ha"]["signalling"]["authentication_failures"] >= 2, "both to be turned away")
    assert o.binding(o.stations["bob"]) is None and o.binding(o.stations["carol"]) is None
    for s in o.servers:
        s.users["carol@example.com"] = u
        s.reload()
    st = o.stations["carol"]
    st.go(2)  # the first agent goes on trying, too
    wait_for(lambda: st.ping(CORRESPONDENT, check=False, W=1), "carol to be served: a refusal is not for ever")


def test_the_next_server_is_asked(o):
    """The first AAA server dies; then both do, and those who wait are served when one is back."""
    o.servers[0].stop(signal.SIGKILL)
    served(o, "alice", 1)
    assert aaa(o, "failovers") == 1
    o.servers[1].stop(signal.SIGKILL)
    st = o.stations["bob"]
    st.go(1)
    st.ping(CORRESPONDENT, check=False, W=1)
    wait_for(lambda: aaa(o, "keys_in_vain") >= 1, "the anchor to ask in vain")
    o.stations["alice"].ping(CORRESPONDENT, count=2)
    served(o, "alice", 2)  # her key is known
    assert o.binding(st) is None
    o.servers[0].start()
    wait_for(lambda: st.ping(CORRESPONDENT, check=False, W=1), "bob to be served")
    o.wait_served(st, 1)


def test_after_a_restart(o):
    """ADR 15: the anchor is killed with its keys, and the AAA servers are away: traffic goes on. When one is back, the next
    agent's request is answered, and the former agent believes the revocation."""
    st = served(o, "alice", 1)
    bob = served(o, "bob", 1)
    for s in o.servers:
        s.stop(signal.SIGKILL)
    o.kill("ha", signal.SIGKILL)
    st.ping(CORRESPONDENT, count=3)
    o.start_ha()
    st.ping(CORRESPONDENT, count=3)
    assert o.binding(st)["association"] == "aaa" and aaa(o, "keys_asked") == 0
    o.servers[0].start()
    served(o, "alice", 2)
    wait_for(lambda: o.subscriber(1, st) is None, "the revocation at the old agent")
    assert aaa(o, "keys_received") == 1
    o.cli("kick", bob.nai)  # nobody has asked for his key since
    wait_for(lambda: o.subscriber(1, bob) is None or o.subscriber(1, bob)["state"] != "served", "the agent to hear it")
    assert aaa(o, "keys_received") == 2


def test_another_key_under_the_same_spi(o):
    """AAA makes a new key at a login and keeps the SPI: the agent of the login has it, the anchor the former one."""
    st = served(o, "alice", 1)
    fresh = "ab" * 32
    for s in o.servers:
        s.users[st.nai].key = fresh
        s.reload()
    o.kill("ar2", signal.SIGTERM)
    start_mpa(o, 2)  # it reads the new key from the first server's table
    asked = aaa(o, "keys_asked")
    st.go(2)
    wait_for(lambda: st.ping(CORRESPONDENT, check=False, W=1), "alice to be served under her new key")
    o.wait_served(st, 2)
    wait_for(lambda: o.subscriber(1, st) is None, "the revocation by the former key")
    assert aaa(o, "keys_asked") > asked


@pytest.mark.parametrize("o", [{"life": 2, "max_lifetime": 5}], indirect=True)
def test_a_key_is_not_kept_for_ever(o):
    """It is asked for again when its time is over, and nobody notices."""
    st = served(o, "alice", 1)
    wait_for(lambda: aaa(o, "keys_received") >= 2, "a refresh under a key asked for again")
    st.ping(CORRESPONDENT, count=2)
    assert aaa(o, "keys_refused") == 0 and o.subscriber(1, st)["state"] == "served"
