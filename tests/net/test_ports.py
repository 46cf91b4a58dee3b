# SPDX-License-Identifier: GPL-2.0-or-later
"""hostapd beside the agent: real 802.1X that begins when a station shows up, and ends when it should (L-03, L-53)."""
import json
import re
import signal
import subprocess

import dhcp
import pytest
from capture import Capture
from net import wait_for
from office import CORRESPONDENT, GATEWAY, GATEWAY_MAC, HOME, Office

HOLD_S = 60  # longer than any link is down here


@pytest.fixture(scope="module")
def floors():
    with Office("ports", floors=2, aaa=True, mpa=f"hold = {HOLD_S}") as o:
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


def poke(o, st, floor):
    """It sends something until it is served: its supplicant says nothing by itself."""
    def served():
        st.ping(CORRESPONDENT, check=False, W=0.2)
        s = o.subscriber(floor, st)
        return s and s["state"] == "served"
    wait_for(served, f"{st.name} to be served on floor {floor}")


def test_first_frame_starts_authentication(floors):
    st = settle(floors, "alice", 1)
    assert floors.aaa.hostapds[1].authorized(st.mac)
    st.ping(CORRESPONDENT)


def test_move_and_back_at_once(floors):
    """To the other floor, and back before hostapd there has forgotten: each time the first frame is enough."""
    st = settle(floors, "alice", 1)
    for floor in (2, 1, 2, 1):
        st.go(floor)
        st.ns.run("arping", "-q", "-U", "-c", "1", "-I", "eth0", st.address())
        floors.wait_served(st, floor)


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
        o, st, own = self.o, self.st, json.loads(self.o.ars[self.floor].ip("-j", "-6", "addr", "show", "dev", "access"))
        pings = {t: ("ping", "-c", "3", "-i", "0.1", "-W", "0.5", t) for t in (GATEWAY, CORRESPONDENT, f"10.0.{self.floor}.1")}
        tries = {
            **pings,
            "arp": ("arping", "-c", "3", "-W", "0.1", "-i", "eth0", GATEWAY),
            "dhcp": ("busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-t", "1", "-T", "1", "-s", "/bin/true"),
            "ip6": ("ping", "-6", "-c", "2", "-i", "0.1", "-W", "0.5", "ff02::1%eth0")}
        running = {name: subprocess.Popen(st.ns.argv(*argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                   for name, argv in tries.items()}
        subprocess.run(o.cn.argv("ping", "-c", "2", "-i", "0.1", "-W", "0.5", st.address()), capture_output=True)
        said = {name: p.communicate()[0] for name, p in running.items()}
        for name in (*pings, "arp", "dhcp"):
            assert running[name].returncode != 0, said[name]
        for a in own[0]["addr_info"]:
            assert a["local"] not in said["ip6"], said["ip6"]

    def assert_nothing_passed(self):
        came, went, far = self.seen.stop(), self.core.stop(), self.far.stop()
        assert came == [] and went == []
        assert [p for p in far if p.source == self.st.address()] == []


def test_nothing_before_authentication(floors):
    """L-53, G-15, L-61: a host without a supplicant, and one whose password is wrong."""
    mute, liar = stranger(floors, "mute", 77, 1), stranger(floors, "liar", 78, 2)
    s = floors.aaa.supplicant(liar, identity="bob@example.com", password="not his")
    tries = [Closed(floors, mute, 1), Closed(floors, liar, 2)]
    tries[0].try_all()
    wait_for(lambda: liar.ping(GATEWAY, check=False, W=0.1) or s.failures() > 0, "the password to be refused")
    tries[1].try_all()
    for t in tries:
        t.assert_nothing_passed()
    for st in (mute, liar):
        assert floors.binding(st) is None
        st.leave()
    s.stop()


def test_a_served_neighbour_opens_nothing(floors):
    """G-15: who is let in is one MAC address with one IP address; nobody else at its port is."""
    alice = settle(floors, "alice", 1)
    thief = stranger(floors, "thief", 90, 1)
    thief.ns.batch("address flush dev eth0", f"address add {alice.address()}/24 dev eth0",
                   f"neigh replace {GATEWAY} lladdr {GATEWAY_MAC} dev eth0", f"route replace default via {GATEWAY}")
    for target in (GATEWAY, CORRESPONDENT):
        assert not thief.ping(target, count=3, check=False, W=0.3)
    alice.ping(CORRESPONDENT)
    alice.ns.batch(f"address add {HOME}.99/24 dev eth0")
    assert not alice.ping(CORRESPONDENT, check=False, W=0.3, I=f"{HOME}.99")
    alice.ns.batch(f"address del {HOME}.99/24 dev eth0")
    thief.leave()


def starts(o, floor):
    return o.show("counters")[f"ar{floor}"]["signalling"]["port_starts"]


def test_hostapd_restarts(floors):
    """Killed and back: it is found again, gets to know who is there, and nobody loses service."""
    st = settle(floors, "alice", 1)
    hostapd = floors.aaa.hostapds[1]
    for sig in (signal.SIGKILL, signal.SIGTERM):
        found = floors.log("ar1").count("hostapd_found")
        hostapd.stop(sig)
        hostapd.start()
        wait_for(lambda: floors.log("ar1").count("hostapd_found") == found + 1, "hostapd to be found again")
        if sig == signal.SIGTERM:  # it closed its ports as it went: whoever sends is asked again
            poke(floors, st, 1)
        wait_for(lambda: hostapd.authorized(st.mac), "hostapd to know its station")
        st.ping(CORRESPONDENT)


def test_agent_restarts(floors):
    """A new agent knows nobody; hostapd does, and starts them. What is in the kernel forwards meanwhile."""
    st = settle(floors, "alice", 1)
    floors.kill("ar1", signal.SIGKILL)
    st.ping(CORRESPONDENT)
    floors.start_mpa(1)
    wait_for(lambda: (floors.subscriber(1, st) or {}).get("state") == "served", "the station to be known again")
    st.ping(CORRESPONDENT)


def accepted(o):
    return sum(x["answer"] == "Access-Accept" for x in o.aaa.server.logins())


def test_kick_and_logoff(floors):
    """A-24, G-11: who is kicked is out at hostapd as well and has to prove again who it is; who logs off has no service
    and no binding from that moment."""
    kicked, leaver = settle(floors, "alice", 1), settle(floors, "bob", 1)
    hostapd, supplicant = floors.aaa.hostapds[1], floors.aaa.supplicants["bob"]
    floors.cli("kick", kicked.nai)
    supplicant.tell("logoff")
    for st in (kicked, leaver):
        wait_for(lambda: not hostapd.authorized(st.mac), "hostapd to close the port")
        wait_for(lambda: floors.binding(st) is None, "the binding to end")
    tries = Closed(floors, leaver, 1)
    tries.try_all()
    tries.assert_nothing_passed()
    supplicant.tell("logon")
    before = accepted(floors)
    for st in (kicked, leaver):  # hostapd has to forget them first
        poke(floors, st, 1)
        st.ping(CORRESPONDENT)
    assert accepted(floors) >= before + 2


def test_link_loss_and_return(floors):
    """G-11, L-03: the cable to the floor: its users are held; when it is back they are asked, and served again."""
    st = settle(floors, "alice", 1)
    floors.building.batch("link set up1 down")
    wait_for(lambda: floors.subscriber(1, st)["state"] == "holding", "the hold to begin")
    before = starts(floors, 1)
    floors.building.batch("link set up1 up")
    wait_for(lambda: floors.subscriber(1, st)["state"] == "served", "the station to be served again")
    assert starts(floors, 1) > before
    st.ping(CORRESPONDENT)


def test_address_comes_with_the_login(floors):
    """A client's first DISCOVER comes before it is let in, and is answered when it is: no repetition is waited for."""
    st = settle(floors, "bob", 2)
    st.leave()
    floors.cli("kick", st.nai)
    wait_for(lambda: floors.subscriber(2, st) is None, "the agent to forget")
    st.ns.batch("address flush dev eth0")
    st.go(1)
    dhcp.start_client(st, "-T", "120")  # its own repetition would come too late
    wait_for(st.address, "an address")
    floors.wait_served(st, 1)
    st.ping(CORRESPONDENT)


def test_explain_tells_the_phases(floors):
    """How long authentication and registration took."""
    st = settle(floors, "alice", 1)
    text = floors.cli("explain", st.nai).stdout
    assert re.search(r"login_done +authentication \d+\.\d ms in \d+ rounds, registration \d+\.\d ms, "
                     r"first frame \d+\.\d ms before", text), text
