# SPDX-License-Identifier: GPL-2.0-or-later
"""ADR 5: an anchor that was killed, or whose machine was, knows who is where."""
import os
import signal

import pytest
from net import wait_for
from office import CORRESPONDENT, HA, HOME


@pytest.fixture(scope="module")
def o():
    from office import Office
    with Office("store", floors=2) as o:
        o.add_station("alice")
        o.add_station("bob")
        o.start()
        st = o.stations["alice"]
        st.configure(f"{HOME}.20")
        st.go(1)
        st.ping(CORRESPONDENT, count=3)
        o.wait_served(st, 1)
        yield o


def restart(o, flush=False):
    o.kill("ha", signal.SIGKILL)
    if flush:  # as a reboot would
        o.ha.run(HA, "--flush", "-c", o.path("ha.conf"))
    o.start_ha()


def test_a_killed_anchor_knows_everybody(o):
    alice, bob = o.stations["alice"], o.stations["bob"]
    before = o.binding(alice)
    restart(o)
    after = o.binding(alice)
    assert [after[k] for k in ("home", "care_of", "sequence")] == [before[k] for k in ("home", "care_of", "sequence")]
    assert after["counters"]["up_packets"] >= before["counters"]["up_packets"]
    bob.go(1)
    bob.configure(f"{HOME}.30")
    bob.ping(CORRESPONDENT, count=3)
    alice.go(2)
    alice.ping(CORRESPONDENT, count=3)
    o.wait_served(alice, 2)
    assert o.binding(alice)["home"] == before["home"]
    wait_for(lambda: o.subscriber(1, alice) is None, "the revocation at the old agent")


def test_a_rebooted_anchor_forwards_at_once(o):
    restart(o, flush=True)
    o.cn.run("ping", "-n", "-c", "3", "-i", "0.05", f"{HOME}.20")
    assert o.log("ha").count("event=resumed") >= 1


def test_a_damaged_store_is_moved_aside(o):
    path = o.path("ha.mdb")
    o.kill("ha", signal.SIGKILL)
    with open(path, "r+b") as f:
        f.truncate(8192)
        f.seek(0)
        f.write(b"\xa5" * 8192)
    o.start_ha()
    assert "event=store_damaged" in o.log("ha") and os.path.exists(path + ".damaged")
    o.stations["alice"].ping(CORRESPONDENT, count=3)  # the kernel knows
    assert "unknown=" in o.log("ha")
