# SPDX-License-Identifier: GPL-2.0-or-later
"""hostapd beside the agent: real 802.1X that begins when a station shows up, and ends when it should (L-03, L-53)."""
import json
import subprocess

import pytest
from capture import Capture
from net import wait_for
from office import CORRESPONDENT, GATEWAY, GATEWAY_MAC, HOME, Office


@pytest.fixture(scope="module")
def floors():
    with Office("ports", floors=2, aaa=True) as o:
        for name in ("alice", "bob"):
            o.add_station(name)
            o.aaa.add_user(name)
        o.start()
        for n in (1, 2):
            wait_for(lambda: "hostapd_found" in o.log(f"ar{n}"), "hostapd to be found")
        yield o


def settle(o, name, floor):
    st = o.stations[name]
    if name not in o.aaa.supplicants:
        o.aaa.supplicant(st)
    if not st.address():
        st.configure(f"{HOME}.{20 + st.number}")
    st.go(floor)
    poke(o, st, floor)
    return st


def poke(o, st, floor, limit=20):
    """It sends something until it is served: its supplicant says nothing by itself."""
    def served():
        st.ping(CORRESPONDENT, check=False, W=0.2)
        s = o.subscriber(floor, st)
        return s and s["state"] == "served"
    wait_for(served, f"{st.name} to be served on floor {floor}", limit)


def test_first_frame_starts_authentication(floors):
    st = settle(floors, "alice", 1)
    assert floors.aaa.hostapds[1].authorized(st.mac)
    st.ping(CORRESPONDENT)


def test_move_and_back_at_once(floors):
    """To the other floor, and back before hostapd there has forgotten: each time the first frame is enough."""
    st = settle(floors, "alice", 1)
    for floor in (2, 1, 2, 1):
        st.go(floor)
        poke(floors, st, floor, 2)  # a lost START comes again after a second


def stranger(o, name, number, floor):
    """A host with an address by hand, and all it needs to reach everybody without asking."""
    st = o.stations.get(name) or o.add_station(name)
    st.configure(f"{HOME}.{number}")
    ar_mac = json.loads(o.ars[floor].ip("-j", "link", "show", "dev", "access"))[0]["address"]
    st.ns.batch(f"neigh replace {GATEWAY} lladdr {GATEWAY_MAC} dev eth0",
                f"route replace 10.0.{floor}.1/32 dev eth0",  # the agent's own address
                f"neigh replace 10.0.{floor}.1 lladdr {ar_mac} dev eth0")
    st.go(floor)
    return st


class Closed:
    """Tries all there is at a port, and nothing may come back or come through."""

    def __init__(self, o, st, floor):
        self.o, self.st, self.floor = o, st, floor
        self.seen = Capture(st.ns, "eth0", "inbound and (ip or arp)")
        self.core = Capture(o.ars[floor], "core", f"host {st.address()}")
        # In a tunnel: the correspondent would see it.
        self.far = Capture(o.cn, "eth0", f"host {st.address()}")

    def try_all(self):
        o, st = self.o, self.st
        for target in (GATEWAY, CORRESPONDENT, f"10.0.{self.floor}.1"):
            assert not st.ping(target, count=3, check=False, W=1), target
        asked = subprocess.run(st.ns.argv("arping", "-c", "3", "-W", "0.1", "-i", "eth0", GATEWAY), capture_output=True)
        assert asked.returncode != 0, asked.stdout
        lease = subprocess.run(st.ns.argv("busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-t", "3", "-T", "1",
                                          "-s", "/bin/true"), capture_output=True, text=True)
        assert "lease of" not in lease.stdout + lease.stderr
        everybody = subprocess.run(st.ns.argv("ping", "-6", "-c", "2", "-i", "0.1", "-W", "1", "ff02::1%eth0"),
                                   capture_output=True, text=True)
        for own in json.loads(o.ars[self.floor].ip("-j", "-6", "addr", "show", "dev", "access"))[0]["addr_info"]:
            assert own["local"] not in everybody.stdout, everybody.stdout
        subprocess.run(o.cn.argv("ping", "-c", "2", "-i", "0.1", "-W", "1", st.address()), capture_output=True)

    def assert_nothing_passed(self):
        came, went, far = self.seen.stop(), self.core.stop(), self.far.stop()
        assert came == [] and went == []
        assert [p for p in far if p.source == self.st.address()] == []


def test_nothing_before_authentication(floors):
    """L-53, G-15, L-61: a host without a supplicant, and one whose password is wrong."""
    mute = stranger(floors, "mute", 77, 1)
    tries = Closed(floors, mute, 1)
    tries.try_all()
    tries.assert_nothing_passed()
    liar = stranger(floors, "liar", 78, 2)
    s = floors.aaa.supplicant(liar, identity="bob@example.com", password="not his")
    tries = Closed(floors, liar, 2)
    tries.try_all()
    wait_for(lambda: s.failures() > 0, "the password to be refused", 15)
    tries.try_all()
    tries.assert_nothing_passed()
    for st in (mute, liar):
        assert floors.binding(st) is None
        st.leave()
    s.stop()


def test_a_served_neighbour_opens_nothing(floors):
    """G-15: who is let in is one MAC address with one IP address; nobody else at its port is."""
    alice = settle(floors, "alice", 1)
    thief = stranger(floors, "thief", 90, 1)
    thief.ns.batch(f"address flush dev eth0", f"address add {alice.address()}/24 dev eth0",
                   f"neigh replace {GATEWAY} lladdr {GATEWAY_MAC} dev eth0", f"route replace default via {GATEWAY}")
    for target in (GATEWAY, CORRESPONDENT):
        assert not thief.ping(target, count=3, check=False, W=1)
    alice.ping(CORRESPONDENT)
    alice.ns.batch(f"address add {HOME}.99/24 dev eth0")
    assert not alice.ping(CORRESPONDENT, check=False, W=1, I=f"{HOME}.99")
    alice.ns.batch(f"address del {HOME}.99/24 dev eth0")
    thief.leave()


def test_logoff_closes_at_once(floors):
    """G-11: the station says that it leaves: no service, no binding; and logs on again."""
    st = settle(floors, "alice", 1)
    s = floors.aaa.supplicants["alice"]
    s.tell("logoff")
    wait_for(lambda: floors.binding(st) is None, "the binding to end")
    tries = Closed(floors, st, 1)
    tries.try_all()
    tries.assert_nothing_passed()
    s.tell("logon")
    poke(floors, st, 1)
    st.ping(CORRESPONDENT)
