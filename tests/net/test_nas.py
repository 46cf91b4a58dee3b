# SPDX-License-Identifier: GPL-2.0-or-later
"""PPP servers that speak RADIUS, played by radclient: users log in before they get an address, which is their home's."""
import glob
import json
import os
import re
import signal
import subprocess

import pytest

from dialin import DialIn
from net import wait_for
from office import CORRESPONDENT, HOME
from traffic import Traffic



@pytest.fixture(scope="module")
def office():
    with DialIn("nas", mpa="radius-hold = 2000\nhold = 4") as o:
        for name in ("alice", "bob"):
            o.add_caller(name)
        o.add_caller("carol", f"Framed-IP-Address = {HOME}.150", "Session-Timeout = 1000")
        o.add_caller("mallory", realm="example.org")
        o.start()
        yield o


@pytest.fixture
def callers(office):
    """By name; nobody is connected, before and after."""
    yield office.callers
    for c in office.callers.values():
        c.drop()
        office.cli("kick", c.nai, check=False)
    wait_for(lambda: not office.show("bindings")["ha"], "all bindings to end")


def counter(office, n, group, name):
    return office.show("counters")[f"ar{n}"][group][name]


def state(office, n, caller):
    s = office.subscriber(n, caller)
    return s and s["state"]


@pytest.mark.parametrize("way", ["CHAP-Password", "User-Password"])
def test_a_call(office, callers, way):
    """L-40, L-41, L-54: nothing is registered before the user has proved who it is; then the Accept has the address."""
    alice, sent = callers["alice"], counter(office, 1, "signalling", "requests_sent")
    alice.dial(1, unit=3)
    alice.configure(f"{HOME}.77")
    assert not alice.ping(CORRESPONDENT, check=False, W="0.3")
    assert alice.log_in(password="wrong", way=way)[0] == "Access-Reject"
    assert counter(office, 1, "signalling", "requests_sent") == sent and office.binding(alice) is None
    answer, said = alice.log_in(way=way)
    assert answer == "Access-Accept" and said["Framed-IP-Address"] == office.binding(alice)["home"]
    assert "Message-Authenticator" in said and "WiMAX-MN-hHA-MIP4-Key" not in said
    alice.account("Start")
    alice.ping(CORRESPONDENT, count=3)
    assert office.subscriber(1, alice)["interface"] == "ppp3"
    alice.hang_up()
    wait_for(lambda: office.binding(alice) is None, "the binding to end")
    assert [a["status"] for a in office.server.accounting() if a["session"] == alice.session] == ["Start", "Stop"]


def test_the_address_of_the_profile(office, callers):
    """L-63: what AAA says is asked for at home."""
    carol = callers["carol"]
    carol.connect(1)
    assert carol.home == f"{HOME}.150" == office.binding(carol)["home"]


def test_another_nas(office, callers):
    """L-42: the same address at another server, the first one revoked; sessions go on. Its late end means nothing."""
    alice = callers["alice"]
    alice.connect(1)
    home = alice.home
    traffic = Traffic(office, alice, 30, mbit=20)
    alice.ping(CORRESPONDENT, count=20)
    session = alice.session
    alice.connect(2)
    assert alice.home == home and office.binding(alice)["care_of"] == "10.0.2.1"
    wait_for(lambda: office.subscriber(1, alice) is None, "the first server's agent to hear of it")
    alice.drop(keep=1)
    alice.ping(CORRESPONDENT, count=20)
    traffic.stop()
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 100_000
    alice.account("Stop", session=session)
    assert state(office, 2, alice) == "served"
    alice.n, alice.unit = 1, 0
    alice.account("Stop", session=session)  # as the first server sends it
    assert office.binding(alice)["care_of"] == "10.0.2.1"


def test_another_line_of_the_same_nas(office, callers):
    """Dialled in again before the server noticed the end of the first call: the later one counts."""
    alice = callers["alice"]
    alice.connect(1, unit=0)
    home, session = alice.home, alice.session
    alice.connect(1, unit=1)
    assert alice.home == home and office.subscriber(1, alice)["interface"] == "ppp1"
    alice.ping(CORRESPONDENT, count=3)
    alice.drop(keep=1)
    alice.account("Stop", session=session)
    alice.ping(CORRESPONDENT, count=3)
    alice.hang_up()
    wait_for(lambda: office.binding(alice) is None, "the binding to end")


def test_only_the_home_address(office, callers):
    """G-15, L-26: of a line passes what has its user's address, to whoever sent it; not even another user's."""
    alice, bob = callers["alice"], callers["bob"]
    alice.connect(1, unit=0)
    bob.connect(1, unit=1)
    office.cn.run("ping", "-c", "3", "-i", "0.05", "-W", "1", alice.home)
    alice.ping(bob.home, count=3)
    before = counter(office, 1, "kernel", "unknown_source")
    for source in (bob.home, f"{HOME}.199", "10.9.0.77"):
        alice.ns.batch(f"address add {source}/32 dev {alice.device}")
        assert not alice.ping(CORRESPONDENT, check=False, count=2, W="0.3", I=source)
        alice.ns.batch(f"address del {source}/32 dev {alice.device}")
    assert counter(office, 1, "kernel", "unknown_source") >= before + 6
    wait_for(lambda: re.search(rf'event=spoofed_source .*nai="{alice.nai}".*peer=10.9.0.77', office.log("ar1")),
             "the record of it")
    bob.ping(CORRESPONDENT, count=2)


def test_refused_at_home(office, callers):
    """G-02: let in by AAA, and its home agent does not know it: the Accept becomes a Reject that says why."""
    mallory = callers["mallory"]
    mallory.dial(1)
    answer, said = mallory.log_in()
    assert answer == "Access-Reject" and "prohibited" in said["Reply-Message"]
    assert office.binding(mallory) is None and office.subscriber(1, mallory) is None
    assert counter(office, 1, "radius", "radius_refused") == 1


def test_home_is_silent(office, callers):
    """The Accept waits for radius-hold, no longer: and a NAS that asks again meanwhile gets one answer."""
    bob = callers["bob"]
    pid = office.daemons["ha"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        bob.dial(1)
        answer, said = bob.log_in()
        assert answer == "Access-Reject" and "in time" in said["Reply-Message"]
    finally:
        os.kill(pid, signal.SIGCONT)
    bob.connect(1, unit=1)
    bob.ping(CORRESPONDENT, count=2)


def test_a_lost_line(office, callers):
    """G-11: the device goes without a word: the binding waits, then ends; who calls again meanwhile is home at once."""
    alice = callers["alice"]
    alice.connect(1)
    home = alice.home
    alice.drop()
    wait_for(lambda: state(office, 1, alice) == "holding", "the loss to be noticed")
    assert office.binding(alice)
    alice.connect(1)
    assert alice.home == home and state(office, 1, alice) == "served"
    alice.ping(CORRESPONDENT, count=2)
    alice.account("Stop", "Acct-Terminate-Cause = Lost-Carrier")
    assert state(office, 1, alice) == "holding"
    wait_for(lambda: office.binding(alice) is None, "the binding to end")


def test_what_does_not_fit(office, callers):
    """G-13: a line may have a small MTU; who sends more hears of it."""
    alice = callers["alice"]
    alice.dial(1)
    office.ars[1].batch("link set ppp0 mtu 1000")
    assert alice.log_in()[0] == "Access-Accept"
    alice.ping(CORRESPONDENT, count=2)
    for size, fits in ((900, True), (1100, False)):
        r = subprocess.run(office.cn.argv("ping", "-n", "-c", "2", "-W", "1", "-M", "do", "-s", str(size), alice.home),
                           capture_output=True, text=True)
        assert (r.returncode == 0) == fits, r.stdout + r.stderr
        assert bool(re.search(r"mtu ?= ?1000\b", r.stdout + r.stderr)) != fits, r.stdout + r.stderr
    office.ars[1].batch("link set ppp0 mtu 1400")  # negotiated anew
    office.cn.run("ip", "route", "flush", "cache")
    office.cn.run("ping", "-n", "-c", "2", "-W", "1", "-M", "do", "-s", "1100", alice.home)


def test_the_agent_restarts(office, callers):
    """Lines it finds when it starts are closed as those that come later; and who is connected goes on until then."""
    alice, bob = callers["alice"], callers["bob"]
    alice.connect(2, unit=0)
    bob.dial(2, unit=7)
    office.kill("ar2", signal.SIGKILL)
    alice.ping(CORRESPONDENT, count=2)
    office.start_mpa(2)
    alice.ping(CORRESPONDENT, count=2)
    bob.configure(f"{HOME}.77")
    assert not bob.ping(CORRESPONDENT, check=False, W="0.3")
    assert bob.log_in()[0] == "Access-Accept"
    bob.ping(CORRESPONDENT, count=2)
    assert alice.log_in()[0] == "Access-Accept"  # as after a line that was lost
    assert alice.home == office.binding(alice)["home"]
    alice.ping(CORRESPONDENT, count=2)
    office.kill("ar2", signal.SIGKILL)
    alice.drop()
    office.start_mpa(2)
    assert at_ports(office, 2) == {bob.home}  # nobody would tell who was at the device that is gone


def at_ports(office, n):
    """Whom the kernel programs know at the ports and lines of an agent: home addresses."""
    pinned, = glob.glob(os.path.join(office.net.bpf, f"ar{n}", "v*_uplink"))
    entries = json.loads(subprocess.run(["bpftool", "-j", "map", "dump", "pinned", pinned], check=True,
                                        capture_output=True).stdout)
    return {".".join(str(int(octet, 16)) for octet in e["key"][4:8]) for e in entries}


def test_lines_come_and_go(office, callers):
    """Nothing stays behind of a device that is gone, neither in the kernel nor in the agent."""
    alice, errors = callers["alice"], counter(office, 1, "daemon", "data_plane_errors")
    pins = os.path.join(office.net.bpf, "ar1")
    before = len(os.listdir(pins))
    for _ in range(10):
        alice.connect(1)
        alice.ping(CORRESPONDENT)
        alice.hang_up()
    alice.connect(1)
    assert len(os.listdir(pins)) <= before + 1
    assert counter(office, 1, "daemon", "data_plane_errors") == errors
