# SPDX-License-Identifier: GPL-2.0-or-later
"""hostapd beside the agent: real 802.1X that begins when a station shows up, and ends when it should (L-03, L-53)."""
import json

import pytest
from net import wait_for
from office import CORRESPONDENT, HOME, Office


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


def poke(o, st, floor):
    """It sends something until it is served: its supplicant says nothing by itself."""
    def served():
        st.ping(CORRESPONDENT, check=False, W=0.2)
        s = o.subscriber(floor, st)
        return s and s["state"] == "served"
    wait_for(served, f"{st.name} to be served on floor {floor}", 20)


def test_first_frame_starts_authentication(floors):
    st = settle(floors, "alice", 1)
    assert floors.aaa.hostapds[1].authorized(st.mac)
    st.ping(CORRESPONDENT)


def test_move_and_back_at_once(floors):
    """To the other floor, and back before hostapd there has forgotten: each time the first frame is enough."""
    st = settle(floors, "alice", 1)
    for floor in (2, 1, 2, 1):
        st.go(floor)
        assert st.ping(CORRESPONDENT, count=60, check=False)
        floors.wait_served(st, floor, 3)
