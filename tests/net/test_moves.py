# SPDX-License-Identifier: GPL-2.0-or-later
"""Stations that walk from one proxy agent to the next (A-03, X-19): sessions live, the old agent forgets, dead agents do
not matter."""
import signal
import time

import pytest
from net import wait_for
from traffic import Traffic, longest_hole_ms

pytestmark = pytest.mark.alone


def no_binding_at(office, n, st):
    return office.subscriber(n, st) is None


@pytest.mark.parametrize("carrier_loss", [False, True])
def test_sessions_survive_moves(office, alice, carrier_loss):
    """L-09, L-22, L-39, L-55: address and TCP session survive; at the end only the new agent holds state."""
    before = alice.address()
    traffic = Traffic(office, alice, 7)  # after a link failure the station's own ARP takes a second
    for floor in (2, 1):
        at = time.monotonic() + 1.3
        wait_for(lambda: time.monotonic() > at, "the next move")
        alice.go(floor, carrier_loss)
        office.wait_served(alice, floor)
        wait_for(lambda: no_binding_at(office, 3 - floor, alice), "the old agent to forget")
    tcp = traffic.finish()
    assert alice.address() == before
    assert tcp["resets"] == 0 and tcp["intact"] and tcp["bytes"] > 100_000
    assert sum(1 for _, _, r in traffic.samples if r) > 1000


def test_gap_without_carrier_loss_is_short(office, alice):
    """A move with the link up costs little more than one round trip; the bound here is generous, for busy machines. What is
    late is not lost: machines stand still, too."""
    traffic = Traffic(office, alice, 2.0)
    at = time.monotonic() + 0.8
    wait_for(lambda: time.monotonic() > at, "the stream to run")
    at_ns = time.monotonic_ns()
    alice.go(2)
    traffic.finish()
    assert longest_hole_ms([x for x in traffic.samples if x[1] >= at_ns - 50e6]) < 200


def test_ping_pong(office, alice):
    """X-02, X-04, L-16: to and fro faster than revocations settle: the last move counts, and nothing old is left."""
    before = alice.address()
    for floor in (2, 1, 2, 1, 2, 1, 2):
        alice.go(floor)
        alice.ping("10.9.0.2", count=4, check=False)
    alice.ping("10.9.0.2", count=3)
    office.wait_served(alice, 2)
    wait_for(lambda: no_binding_at(office, 1, alice), "the other agent to forget")
    assert office.binding(alice)["home"] == before


def test_dead_old_agent_does_not_delay(make_office):
    """L-21: the new agent serves at once although the old one is dead; the kernel entry of the dead one does not matter."""
    o = make_office(floors=2)
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure("10.42.0.20")
    st.ping("10.9.0.2", count=3)
    o.kill("ar1", signal.SIGKILL)
    st.go(2)
    st.ping("10.9.0.2", count=5)
    o.wait_served(st, 2)
    counters = o.show("counters")["ha"]["signalling"]
    assert counters["revocations_sent"] >= 1 and counters["revocations_acknowledged"] == 0


def test_traffic_outlives_the_daemons(make_office):
    """Killed daemons: packets still flow both ways; started again they learn anew and the address stays."""
    o = make_office(floors=1)
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure("10.42.0.20")
    st.ping("10.9.0.2", count=3)
    o.kill("ha", signal.SIGKILL)
    o.kill("ar1", signal.SIGKILL)
    st.ping("10.9.0.2", count=20)
    o.start_ha()
    o.start_mpa(1)
    st.ping("10.9.0.2", count=10)
    wait_for(lambda: "event=started" in o.log("ar1"), "the agent to be back")


def test_both_hooks(make_office):
    """clsact filters where tcx links are not wanted, or not there (kernels before 6.6)."""
    o = make_office(floors=2, ha="clsact = yes", mpa="clsact = yes")
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure("10.42.0.20")
    st.ping("10.9.0.2", count=3)
    assert "anchor_up" in o.ha.run("tc", "filter", "show", "dev", "core", "ingress")
    st.go(2)
    st.ping("10.9.0.2", count=3)
    o.wait_served(st, 2)
