# SPDX-License-Identifier: GPL-2.0-or-later
"""charon's plugin where two things happen at the same time: an answer that comes too late, a rekeying under way."""
import os
import signal
import time

import pytest
from net import wait_for
from test_charon_link import HOST, Daemon, Pair, grant

pytestmark = pytest.mark.alone

TIMEOUT_MS = 3000


@pytest.fixture(scope="module")
def machines():
    pair = Pair()
    pair.gateway.settings["plugins"]["holdfast"]["timeout_ms"] = TIMEOUT_MS
    users = pair._gateway("psk", None)
    users.update({"version": 1, "children": {"net": {"local_ts": "10.0.0.0/8"}}})
    old = pair._host("psk", "old@example.com")
    old["version"] = 1
    psk = {"secrets": {"ike-all": {"secret": '"of the laboratory"'}}}
    pair.gateway.configure({"connections": {"users": pair._gateway("pubkey", "gw.crt"),
                                            "psk": pair._gateway("psk", None), "old": users}, **psk})
    pair.host.configure({"connections": {
        "gw": pair._host("pubkey", "alice@example.com", certs="alice.crt"),
        "user0": pair._host("psk", "user0@example.com"), "old": old}, **psk})
    try:
        pair.gateway.start()
        pair.host.start()
        yield pair
    finally:
        pair.close()


@pytest.fixture
def pair(machines):
    yield machines
    machines.hang_up()


class Stopped:
    """The host answers nothing meanwhile."""

    def __init__(self, pair):
        self.process = pair.host.process

    def __enter__(self):
        self.process.send_signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)


def state(pair):
    return [sa["state"] for sa in pair.gateway.sas()]


def test_who_was_given_up_is_released(pair):
    """G-01: the daemon may still have the question before it, and must not keep an address for nobody."""
    daemon = pair.play(lambda _: None)
    assert pair.host.initiate("gw", check=False)
    released = daemon.wait("release")
    assert released["sa"] == daemon.named("acquire")[0]["sa"]
    order = [e["event"] for e in daemon.events]
    assert order.index("acquire") < order.index("release")


def test_a_session_that_is_being_rekeyed_is_listed(pair):
    pair.play(grant)
    pair.host.initiate("gw")
    with Stopped(pair):
        pair.gateway.ask("rekey", {"ike": "users"})
        wait_for(lambda: state(pair) == ["REKEYING"], "the gateway to rekey")
        daemon = pair.play(grant)
        assert len(daemon.named("session")) == 1
    old = daemon.named("session")[0]["sa"]
    assert daemon.wait("ike_replaced")["sa"] == old


def test_a_rekeyed_child_is_not_counted_twice(pair):
    pair.play(grant)
    pair.host.initiate("gw")
    pair.host.ask("rekey", {"child": "net"})
    wait_for(lambda: len(pair.gateway.sas()[0]["child-sas"]) == 2, "both CHILD_SAs to be there")
    assert pair.play(grant).named("session")[0]["children"] == 1


def test_a_child_that_is_being_rekeyed_is_closed(pair):
    """X-08, A-28: whichever comes of it."""
    daemon = pair.play(grant)
    pair.host.initiate("gw")
    with Stopped(pair):
        pair.gateway.ask("rekey", {"child": "net"})
        wait_for(lambda: any(c["state"] == "REKEYING" for sa in pair.gateway.sas() for c in sa["child-sas"].values()),
                 "the gateway to rekey the child")
        daemon.send(command="close_child", sa=daemon.named("ike_up")[0]["sa"])
        wait_for(lambda: not daemon.named("nothing"), "the command to be sent")
    daemon.wait("child_down")
    assert pair.host.sas()[0]["state"] == "ESTABLISHED"


def test_a_delete_follows_a_move_at_once(pair):
    """The first was sent to the address that is left, and others are waiting for the home agent's answer."""
    daemon = pair.play(lambda e: grant(e) if e["id"]["text"].startswith("alice") else None)
    pair.host.initiate("gw")
    pair.host.ns.batch(f"address del {HOST}/28 dev wan")
    sent = len(pair.gateway.lines("sending DELETE"))
    try:
        daemon.send(command="close_child", sa=daemon.named("ike_up")[0]["sa"])
        wait_for(lambda: len(pair.gateway.lines("sending DELETE")) > sent, "the DELETE to be sent")
        pair.host.ns.batch("address add 192.0.2.3/28 dev wan")
        pair.host.initiate_all(["user0"])
        daemon.wait("acquire", 2)
        daemon.wait("ike_moved", limit=TIMEOUT_MS / 1000)
        start = time.monotonic()
        daemon.wait("child_down")
        assert time.monotonic() - start < 2  # charon by itself would repeat it after four
        daemon.wait("release")
    finally:
        pair.host.ns.batch("address del 192.0.2.3/28 dev wan", f"address add {HOST}/28 dev wan")
        daemon.wait("ike_moved", 2)


def test_ikev1_gets_no_address(pair):
    """Its identity may be that of a group, and XAuth's is another matter."""
    daemon = pair.play(grant)
    assert pair.host.initiate("old", check=False)
    assert daemon.wait("refused")["why"] == "only IKEv2 is served"
    assert not daemon.named("acquire")
    pair.host.ask("terminate", {"ike": "old", "timeout": 2000})


def test_an_end_is_told_once(pair):
    daemon = pair.play(grant)
    pair.host.initiate("gw")
    pair.hang_up()
    daemon.wait("release")
    assert len(daemon.named("ike_down")) == 1
    assert os.path.exists(pair.socket)


def test_many_daemons_in_a_row(pair):
    """Each hears the whole list, and its end once."""
    pair.play(grant)
    pair.host.initiate("gw")
    for _ in range(5):
        daemon = Daemon(pair.socket, grant)
        pair.daemon.close()
        pair.daemon = daemon
        daemon.wait("listed")
        assert [e["event"] for e in daemon.events] == ["connected", "session", "listed"]
