# SPDX-License-Identifier: GPL-2.0-or-later
"""charon's plugin against a daemon that is played by the test: doc/charon-link.md, to the letter."""
import json
import os
import shutil
import signal
import socket
import threading
import time

import charon
import pytest
from charon import Charon
from net import LabError, Network, wait_for
from office import ROOT
from pki import Authority

pytestmark = pytest.mark.alone

GATEWAY, INSIDE, HOST = "192.0.2.11", "10.0.11.1", "192.0.2.2"
HOME = "10.42.0.77"
USERS = 64
AT_ONCE = 3  # seconds: who waits for the daemon waits for 5
SILENCE = """
table ip silence {
    chain out { type filter hook output priority filter; policy accept; udp dport { 500, 4500 } drop; }
}
"""


class Daemon:
    """Listens as a daemon does; `answer(event)` gives the members of the answer to an acquire, or None for silence."""

    def __init__(self, path, answer):
        self.path, self.answer, self.events, self.connection = path, answer, [], None
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                self.connection, _ = self.listener.accept()
            except OSError:
                return
            while packet := self._packet():
                event = json.loads(packet)
                self.events.append(event)
                if event["event"] in ("acquire", "address"):
                    answer = self.answer(event)
                    if answer is not None:
                        self.send(command="answer", request=event["request"], **answer)

    def _packet(self):
        try:
            return self.connection.recv(8192)
        except OSError:
            return b""

    def send(self, **command):
        self.connection.send(json.dumps(command).encode())

    def named(self, name):
        return [e for e in self.events if e["event"] == name]

    def wait(self, name, count=1, limit=30):
        wait_for(lambda: len(self.named(name)) >= count, f"{name} of charon", limit)
        return self.named(name)[-1]

    def close(self):
        for s in (self.listener, self.connection):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # nobody was connected
                s.close()


class Pair:
    """A gateway and a host, joined by a cable."""

    def __init__(self):
        self.net = Network("link")
        gw, host = self.net.add("gw"), self.net.add("host")
        self.net.link(gw, "outer", host, "wan")
        gw.batch(f"address add {GATEWAY}/28 dev outer", f"address add {INSIDE}/24 dev lo")
        host.batch(f"address add {HOST}/28 dev wan")
        self.socket = os.path.join(self.net.dir, "mpa.charon")
        self.daemon = None
        authority = Authority(os.path.join(self.net.dir, "pki"))
        self.gateway = Charon(gw, "gw", "gateway", self.socket, {
            "threads": 96, "processor": {"priority_threads": {"critical": 4, "high": 4, "medium": 12}},
            "close_ike_on_child_failure": True, "interfaces_use": "outer", "cookie_threshold_ip": 200,
            "cookie_threshold": 200, "block_threshold": 200})
        self.host = Charon(host, "host", settings={"install_virtual_ip": False, "threads": 96})
        host.batch(f"address add {HOME}/32 dev lo")
        for c in (self.gateway, self.host):
            c.trust(authority)
        self.gateway.own(*authority.issue("gw", "vpn.example.com", flag="serverAuth"))
        self.host.own(*authority.issue("alice", "alice@example.com", "alice.example.com"))
        self.gateway.configure({"connections": {"users": self._gateway("pubkey", "gw.crt"),
                                                "psk": self._gateway("psk", None)},
                                "secrets": {"ike-all": {"secret": '"of the laboratory"'}}})
        self.host.configure({"connections": {
            "gw": self._host("pubkey", "alice@example.com", certs="alice.crt"),
            **{f"user{i}": self._host("psk", f"user{i}@example.com") for i in range(USERS)}},
            "secrets": {"ike-all": {"secret": '"of the laboratory"'}}})

    @staticmethod
    def _gateway(auth, cert):
        local = {"auth": auth, "id": "vpn.example.com", **({"certs": cert} if cert else {})}
        return {"version": 2, "local_addrs": GATEWAY, "pools": "holdfast", "unique": "replace",
                "local": local, "remote": {"auth": auth, "id": "%any"},
                "children": {"net": {"local_ts": "10.0.0.0/8"}}}

    @staticmethod
    def _host(auth, identity, **more):
        return {"version": 2, "remote_addrs": GATEWAY, "vips": "0.0.0.0", "encap": True,
                "local": {"auth": auth, "id": identity, **more}, "remote": {"auth": auth, "id": "vpn.example.com"},
                "children": {"net": {"remote_ts": "10.0.0.0/8"}}}

    def play(self, answer):
        if self.daemon:
            self.daemon.close()
        self.daemon = Daemon(self.socket, answer)
        self.daemon.wait("listed")
        return self.daemon

    def hang_up(self):
        self.host.ask("terminate", {"ike": "gw", "timeout": 2000})
        wait_for(lambda: not self.gateway.sas(), "the gateway to have no IKE_SA")

    def close(self):
        if self.daemon:
            self.daemon.close()
        self.net.close()


@pytest.fixture(scope="module")
def machines():
    pair = Pair()
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


def grant(_):
    return {"address": HOME, "dns": ["10.9.0.2"]}


def test_the_answer_is_the_inner_address(pair):
    """A-14, A-16, A-20: who connects is told with type and text, and gets what the daemon answers."""
    daemon = pair.play(grant)
    pair.host.initiate("gw")
    asked = daemon.named("acquire")[-1]
    assert asked["id"] == {"type": "email", "text": "alice@example.com"}
    assert {"type": "fqdn", "text": "alice.example.com"} in asked["names"]
    assert asked.get("address", "0.0.0.0") == "0.0.0.0"
    assert (asked["local"], asked["remote"], asked["remote_port"]) == (GATEWAY, HOST, 4500)
    up = daemon.wait("ike_up")
    assert up["sa"] == asked["sa"] and up["connection"] == "users"
    assert daemon.wait("child_up")["child"] == "net"
    assert daemon.named("child_up")[0]["reqid"] > 0
    assert pair.host.sas()[0]["local-vips"] == [HOME]
    assert pair.gateway.lines(f"home address of 'alice@example.com' is {HOME}")


def test_a_refusal_is_told_at_once_and_says_why(pair):
    """G-01: INTERNAL_ADDRESS_FAILURE, no IKE_SA is left, and the gateway's log has the daemon's own words."""
    pair.play(lambda _: {"refused": "the home agent does not know this user"})
    start = time.monotonic()
    assert pair.host.initiate("gw", check=False)
    assert time.monotonic() - start < AT_ONCE
    assert pair.host.lines("INTERNAL_ADDRESS_FAILURE")
    assert pair.gateway.lines("alice@example.com.*the home agent does not know this user")
    wait_for(lambda: not pair.gateway.sas() and not pair.host.sas(), "both to forget the IKE_SA")


def test_without_a_daemon_the_refusal_is_immediate(pair):
    daemon = pair.play(grant)
    daemon.close()
    pair.daemon = None
    before = len(pair.gateway.lines("the mobility proxy agent is not running"))
    start = time.monotonic()
    assert pair.host.initiate("gw", check=False)
    assert time.monotonic() - start < AT_ONCE
    assert len(pair.gateway.lines("the mobility proxy agent is not running")) == before + 1


def test_a_daemon_that_comes_hears_who_was_refused(pair):
    pair.play(grant).close()
    assert pair.host.initiate("gw", check=False)
    refused = pair.play(grant).wait("refused")
    assert refused["id"]["text"] == "alice@example.com" and "not running" in refused["why"]


def test_a_failed_authentication_is_told(pair):
    """A-05: with what was claimed; nobody is asked for an address."""
    daemon = pair.play(grant)
    text = open(pair.host.path("swanctl.conf")).read()
    pair.host.configure(text.replace("of the laboratory", "of another one"))
    pair.host.load()
    try:
        assert pair.host.initiate("user0", check=False)
    finally:
        pair.host.configure(text)
        pair.host.load()
    assert daemon.wait("refused")["id"]["text"] == "user0@example.com"
    assert not daemon.named("acquire")


def test_a_daemon_that_ends_ends_the_waiting(pair):
    daemon = pair.play(lambda _: daemon.close())
    start = time.monotonic()
    assert pair.host.initiate("gw", check=False)
    assert time.monotonic() - start < AT_ONCE


def test_sixty_four_silences_do_not_stall_charon(pair):
    """G-01: each is refused 5 s after it asked, in parallel; a session that is up is served meanwhile."""
    daemon = pair.play(lambda e: grant(e) if e["id"]["text"].startswith("alice") else None)
    pair.host.initiate("gw")
    refused = len(pair.host.lines("INTERNAL_ADDRESS_FAILURE"))
    pair.host.initiate_all(f"user{i}" for i in range(USERS))
    wait_for(lambda: len(daemon.named("acquire")) >= USERS + 1, "all users to be asked for")
    daemon.send(command="close_child", sa=daemon.named("child_up")[0]["sa"])
    daemon.wait("child_down")
    pair.host.initiate_all(["gw"])
    daemon.wait("child_up", 2)
    assert not pair.gateway.lines("did not answer in time"), "all were still waiting"
    wait_for(lambda: len(pair.host.lines("INTERNAL_ADDRESS_FAILURE")) - refused >= USERS, "all to be refused")


def test_what_is_up_is_listed_to_a_new_daemon(pair):
    pair.play(grant)
    pair.host.initiate("gw")
    daemon = pair.play(grant)
    assert [e["event"] for e in daemon.events[:3]] == ["connected", "session", "listed"]
    session = daemon.named("session")[0]
    assert session["id"]["text"] == "alice@example.com" and session["address"] == HOME and session["children"] == 1
    assert session["reqid"] > 0


def test_the_requested_address_is_passed_on(pair):
    """A-32, X-21: a client that had an address asks for it."""
    daemon = pair.play(grant)
    pair.host.configure(open(pair.host.path("swanctl.conf")).read().replace("vips = 0.0.0.0", f"vips = {HOME}", 1))
    pair.host.load()
    try:
        pair.host.initiate("gw")
    finally:
        pair.host.configure(open(pair.host.path("swanctl.conf")).read().replace(f"vips = {HOME}", "vips = 0.0.0.0"))
        pair.host.load()
    assert daemon.named("acquire")[-1]["address"] == HOME


def test_the_child_is_closed_and_the_ike_sa_kept(pair):
    """X-08, A-28: by the daemon's command; the client brings it up again on the same IKE_SA (A-29, A-35)."""
    daemon = pair.play(grant)
    pair.host.initiate("gw")
    sa = daemon.wait("ike_up")["sa"]
    daemon.send(command="close_child", sa=sa)
    assert daemon.wait("child_down")["sa"] == sa
    wait_for(lambda: pair.host.sas() and not pair.host.sas()[0]["child-sas"], "the host to have no CHILD_SA")
    assert pair.host.sas()[0]["state"] == "ESTABLISHED" and not daemon.named("ike_down")
    pair.host.initiate("gw")
    wait_for(lambda: len(daemon.named("child_up")) == 2, "the second CHILD_SA")
    assert daemon.named("child_up")[-1]["sa"] == sa and len(daemon.named("acquire")) == 1


def test_rekeyed_sessions_keep_their_thread(pair):
    daemon = pair.play(grant)
    pair.host.initiate("gw")
    sa, old = daemon.wait("ike_up")["sa"], pair.host.sas()[0]["uniqueid"]
    pair.host.ask("rekey", {"ike": "gw"})
    new = daemon.wait("ike_replaced")
    assert new["sa"] == sa and new["new_sa"] != sa
    # The gateway has it a moment before the host, which would hang up the old one.
    wait_for(lambda: old not in [s["uniqueid"] for s in pair.host.sas()], "the host to have the new IKE_SA alone")
    pair.hang_up()
    assert daemon.wait("ike_down")["sa"] == new["new_sa"] and daemon.named("ike_down")[-1].get("by_peer")


def test_moves_are_told_with_the_new_address(pair):
    """A-08. The host is strongSwan alone, which rekeys after a move; moved again meanwhile, it would be stuck."""
    daemon, ns = pair.play(grant), pair.host.ns
    pair.host.initiate("gw")
    first = set(pair.host.sas()[0]["child-sas"])
    ns.batch(f"address del {HOST}/28 dev wan", "address add 192.0.2.3/28 dev wan")
    try:
        assert daemon.wait("ike_moved")["remote"] == "192.0.2.3"
        wait_for(lambda: first.isdisjoint(pair.host.sas()[0]["child-sas"]), "the rekeying")
        pair.hang_up()
    finally:
        ns.batch("address del 192.0.2.3/28 dev wan", f"address add {HOST}/28 dev wan")


def test_garbage_from_the_daemon_is_survived(pair):
    daemon = pair.play(grant)
    for packet in (b"{", b"[]", b"null", b'{"command": 7}', b'{"command": "dance"}', b'{"command": "close_child"}',
                   b'{"command": "close_ike", "sa": -1}', b'{"command": "open"}', b"\xff" * 8192,
                   b'{"command": "answer", "request": 99, "address": "10.0.0.1"}'):
        daemon.connection.send(packet)
    pair.host.initiate("gw")
    assert pair.host.sas()[0]["local-vips"] == [HOME]


@pytest.mark.parametrize("answer", [{"address": "rubbish"}, {"address": "2001:db8::1"}, {"address": ""}, {}])
def test_an_answer_that_is_no_address_is_a_refusal(pair, answer):
    pair.play(lambda _: answer)
    assert pair.host.initiate("gw", check=False)
    assert pair.gateway.process.poll() is None


def test_a_killed_daemon_is_found_again(pair):
    """Within the 500 ms of the link, and what went on meanwhile is in the list."""
    daemon = pair.play(grant)
    pair.host.initiate("gw")
    daemon.close()
    again = Daemon(pair.socket, grant)
    pair.daemon = again
    start = time.monotonic()
    again.wait("listed")
    assert time.monotonic() - start < AT_ONCE and len(again.named("session")) == 1


@pytest.fixture
def node(machines):
    """The host with our plugin, and a helper that is played."""
    machines.play(grant)
    machines.host.stop()
    node = Charon(machines.host.ns, "node", "node", os.path.join(machines.net.dir, "mn.charon"),
                  {"install_virtual_ip": False, "retransmit_timeout": 30})
    for folder in ("x509", "x509ca", "private"):
        shutil.copytree(machines.host.path(folder), node.path(folder), dirs_exist_ok=True)
    shutil.copy(machines.host.path("swanctl.conf"), node.path("swanctl.conf"))
    node.helper = Daemon(node.settings["plugins"]["holdfast"]["socket"], lambda _: {})
    node.start()
    node.helper.wait("listed")
    try:
        yield node
    finally:
        node.stop()
        node.helper.close()
        machines.host.start()


def test_a_node_hears_of_its_address_before_the_child_is_up(node):
    node.helper.send(command="open", connection="gw", child="net")
    assert node.helper.wait("child_up")["connection"] == "gw"
    order = [e["event"] for e in node.helper.events]
    assert order.index("address") < order.index("child_up")
    assert node.helper.named("address")[0]["address"] == HOME


def test_an_attempt_that_fails_is_told(machines, node):
    """The gateway refuses; then it is dead, and the helper ends the attempt itself, at once."""
    machines.play(lambda _: {"refused": "by the test"})
    node.helper.send(command="open", connection="gw", child="net")
    assert node.helper.wait("ike_down")["connection"] == "gw"
    machines.gateway.process.send_signal(signal.SIGSTOP)
    try:
        node.helper.send(command="open", connection="gw", child="net")
        wait_for(lambda: any(sa["state"] == "CONNECTING" for sa in node.sas()), "an attempt")
        node.helper.send(command="close_ike", connection="gw")
        node.helper.wait("ike_down", 2, limit=10)  # by itself charon would try for minutes
        assert not node.sas()
    finally:
        machines.gateway.process.send_signal(signal.SIGCONT)


def test_a_session_with_a_dead_gateway_ends_at_once(machines, node):
    node.helper.send(command="open", connection="gw", child="net")
    sa = node.helper.wait("child_up")["sa"]
    machines.gateway.process.send_signal(signal.SIGSTOP)
    try:
        node.helper.send(command="close_ike", sa=sa, connection="gw")
        assert node.helper.wait("ike_down", limit=10)["sa"] == sa
        assert not node.sas()
    finally:
        machines.gateway.process.send_signal(signal.SIGCONT)


def move(node, old, new):
    node.ns.batch(f"address del {old}/28 dev wan", f"address add {new}/28 dev wan")
    node.helper.send(command="roam")


def test_a_lost_question_of_mobike_is_asked_again_soon(node):
    """RFC 4555 3.10: charon itself would wait for 2.5 s each time; and at once when the host has moved on."""
    node.helper.send(command="open", connection="gw", child="net")
    node.helper.wait("child_up")
    asked = len(node.lines("checking path"))
    node.ns.run("nft", "-f", "-", input=SILENCE)
    move(node, HOST, "192.0.2.3")
    try:
        wait_for(lambda: len(node.lines("checking path")) >= asked + 6, "the sixth try", limit=10)
        node.ns.run("nft", "delete", "table", "ip", "silence")
        start = time.monotonic()  # the next one of its own accord comes 0.8 s after the sixth
        move(node, "192.0.2.3", "192.0.2.4")
        assert node.helper.wait("ike_moved")["local"] == "192.0.2.4"
        assert time.monotonic() - start < 0.5
    finally:
        node.ns.run("nft", "delete", "table", "ip", "silence", check=False)
        node.ns.batch("address flush dev wan", f"address add {HOST}/28 dev wan")


def test_another_version_of_strongswan_goes_on_without_it(machines, monkeypatch, tmp_path):
    """The plugin says why it refuses, provides nothing, and charon serves what needs nothing of it."""
    with open(charon.PLUGIN, "rb") as f:
        octets = f.read()
    assert b"5.9.8" in octets
    other = tmp_path / "libstrongswan-holdfast.so"
    other.write_bytes(octets.replace(b"5.9.8", b"5.9.7"))
    monkeypatch.setattr(charon, "PLUGIN", str(other))
    stranger = Charon(machines.net.add("other"), "other", "gateway", machines.socket)
    with pytest.raises(LabError):
        stranger.start()
    assert stranger.lines("this plugin was built for strongSwan 5.9.7, and this is another one, .*: not loaded")
    assert stranger.ask("version")["version"] == "5.9.8"
    stranger.stop()


def test_the_samples_of_packaging_are_accepted(machines):
    """By charon with the plugins of the distribution, by swanctl, and by nft."""
    net = machines.net
    ns = net.add("sample")
    ns.batch("link add eth0 type veth peer name eth1", "link set eth0 up", "link set eth1 up",
             f"address add {GATEWAY}/28 dev eth0", f"address add {INSIDE}/24 dev eth1")
    ns.run("nft", "-f", os.path.join(ROOT, "packaging", "nftables-gateway.conf"))
    ns.run("nft", "-f", os.path.join(ROOT, "packaging", "nftables-gateway.conf"))  # it replaces itself
    c = Charon(ns, "sample", "gateway")
    c.settings = {k: c.settings[k] for k in ("filelog", "journal", "syslog")} | {
        "plugins": {"vici": c.settings["plugins"]["vici"]}}
    c.include = ["/etc/strongswan.conf", os.path.join(ROOT, "packaging", "strongswan-gateway.conf")]
    authority = Authority(os.path.join(net.dir, "sample-pki"))
    c.trust(authority)
    c.own(*authority.issue("gateway", "vpn.example.com", flag="serverAuth"))
    with open(os.path.join(ROOT, "packaging", "swanctl-gateway.conf")) as f:
        c.configure(f.read())
    c.start()
    stats = c.ask("stats")
    loaded = stats["plugins"]
    assert "holdfast" in loaded and "farp" not in loaded
    assert loaded.index("kernel-libipsec") < loaded.index("kernel-netlink")
    assert stats["workers"]["total"] == "96"
    assert "loaded 2 connections" in c.swanctl("--load-conns", "--file", c.path("swanctl.conf"))
    c.stop()


def test_charon_ends_in_good_order(machines):
    machines.play(grant)
    machines.gateway.stop(signal.SIGTERM)
    assert machines.gateway.process.returncode == 0
    machines.gateway.start()
