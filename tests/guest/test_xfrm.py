# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway where the kernel does ESP, behind an XFRM interface: users come home through it, and nothing gets past it."""
import signal
import subprocess

import pytest
import vpn
from campus import GATEWAYS, Campus
from capture import Capture
from charon import PLUGINS
from net import wait_for
from office import CORRESPONDENT, HOME, PROBE
from traffic import TCP_PORT, listen

IF_ID = 42
KERNEL_ESP = {"load": " ".join(p for p in PLUGINS if p != "kernel-libipsec")}
INSIDE = "net 10.0.0.0/8"


def start_gateway(campus):
    """As doc/gateway.md says for stock kernels."""
    campus.gateways[1].batch(f"link add ipsec0 type xfrm dev outer if_id {IF_ID}", "link set ipsec0 mtu 1400 up")
    campus.fw.run("nft", "add rule inet firewall forward ip protocol esp accept")
    charon = campus.start_gateway(1, settings={"load": f"{KERNEL_ESP['load']} holdfast", "install_routes": False})
    conf = vpn.gateway_connections(1, GATEWAYS[1])
    for connection in conf["connections"].values():
        connection["children"]["net"] |= {"if_id_in": IF_ID, "if_id_out": IF_ID}
    charon.configure(conf)
    charon.load()


@pytest.fixture(scope="module")
def campus():
    with Campus("xfrm", floors=1, delays={"lte": 0}) as c:
        for user in ("alice", "bob"):
            c.add_mobile(user)
        c.start()
        start_gateway(c)
        for user, place in (("alice", "lte"), ("bob", "cafe")):
            c.stations[user].plug(place)
            c.start_client(c.stations[user], settings=KERNEL_ESP).initiate("gw1")
        yield c


def binding(campus, user):
    return campus.binding(campus.stations[user])


def home_of(campus, user):
    return binding(campus, user)["home"]


def kernel_counter(campus, name):
    return campus.show("counters")["gw1"]["kernel"][name]


def reach(campus, target):
    """Whether the correspondent reaches an address, whatever is lost at first."""
    r = subprocess.run(campus.cn.argv("ping", "-n", "-q", "-i", "0.1", "-c", "5", "-W", "1", target), capture_output=True)
    return r.returncode == 0


class Watched:
    """An interface, for as long as it lasts; then seen() tells what was there."""

    def __init__(self, ns, interface):
        self.capture = Capture(ns, interface, "ip")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.capture.ns.net.stop(self.capture.process, signal.SIGINT)

    def seen(self, expression):
        r = subprocess.run(["tcpdump", "-n", "-r", self.capture.file, expression], capture_output=True, text=True, check=True)
        return r.stdout.splitlines()


@pytest.mark.parametrize("user, wire", [("alice", "esp"), ("bob", "udp port 4500")])
def test_home_through_the_kernels_esp(campus, user, wire):
    """A-01, A-38, A-40: the inner address is the home address of the binding; both ways, and never in clear."""
    m = campus.stations[user]
    assert campus.charons["gw1"].sa(remote_id=m.nai)["remote-vips"] == [home_of(campus, user)]
    assert binding(campus, user)["care_of"] == "10.0.11.1"
    assert f"if_id {IF_ID:#x}" in campus.gateways[1].run("ip", "xfrm", "state")
    with Watched(campus.gateways[1], "outer") as outer, Watched(campus.gateways[1], "core") as core:
        m.ping(CORRESPONDENT, count=5)
        assert reach(campus, home_of(campus, user))
    assert len(outer.seen(wire)) >= 18 and not outer.seen(INSIDE)
    assert len(core.seen("proto 4")) >= 18


def test_streams(campus):
    """TCP in packets larger than any link, through the kernel's ESP: what leaves fits."""
    m, servers = campus.stations["alice"], listen(campus.cn)
    with Watched(campus.gateways[1], "outer") as outer:
        said = m.ns.run(PROBE, "tcp-probe", CORRESPONDENT, TCP_PORT, 3, 4)
    for s in servers:
        campus.net.stop(s)
    assert "intact=yes resets=0" in said and int(said.split()[0].removeprefix("octets=")) > 50_000
    assert not outer.seen(INSIDE)


def test_what_does_not_fit(campus):
    """G-13: up, a host's kernel encrypts a datagram whole, before it cuts it; down, the device has 1400 octets. What may go
    in pieces arrives, of the rest the sender is told."""
    m, home = campus.stations["alice"], home_of(campus, "alice")
    for octets in (1372, 1450, 3000, 9000):
        m.ping(CORRESPONDENT, count=2, M="dont", s=octets)
    for octets in (1372, 1450, 3000):
        campus.cn.run("ping", "-n", "-c", "2", "-W", "2", "-M", "dont", "-s", octets, home)
    r = subprocess.run(campus.cn.argv("ping", "-n", "-c", "2", "-W", "1", "-M", "do", "-s", "1430", home),
                       capture_output=True, text=True)
    assert "mtu = 1400" in r.stdout + r.stderr or "mtu=1400" in r.stdout + r.stderr


@pytest.mark.parametrize("whose, counter", [("bob", "spoofed_source"), ("nobody", "unknown_source")])
def test_another_source_is_refused(campus, whose, counter):
    """A-38, G-15: alice's SA carries no source but hers, not even that of somebody who is served here."""
    m = campus.stations["alice"]
    source = home_of(campus, "bob") if whose == "bob" else f"{HOME}.199"
    before = kernel_counter(campus, counter)
    # What an honest charon would not do: the SA is told to take these packets too.
    reqid = campus.charons["alice"].sa(state="ESTABLISHED")["child-sas"].popitem()[1]["reqid"]
    m.ns.batch(f"address add {source}/32 dev lo",
               f"xfrm policy add src {source}/32 dst 10.0.0.0/8 dir out tmpl src {m.outside_address('lte')} "
               f"dst {GATEWAYS[1]} proto esp reqid {reqid} mode tunnel")
    try:
        with Watched(campus.gateways[1], "outer") as outer, Watched(campus.gateways[1], "core") as core:
            assert not m.ping(CORRESPONDENT, count=3, check=False, I=source, W=1)
            m.ping(CORRESPONDENT, count=1)  # and hers still
    finally:
        m.ns.batch(f"address del {source}/32 dev lo", f"xfrm policy delete src {source}/32 dst 10.0.0.0/8 dir out")
    assert len(outer.seen(f"esp and src {m.outside_address('lte')}")) >= 4  # they did come
    assert kernel_counter(campus, counter) >= before + 3
    assert len(core.seen("proto 4 and src 10.0.11.1")) == 1


def test_moves_outside(campus):
    """A-09, A-10: MOBIKE moves the kernel's SAs, from plain ESP to UDP behind the NAT and back; nothing is registered."""
    m, home = campus.stations["alice"], home_of(campus, "alice")
    signalling = campus.show("counters")["gw1"]["signalling"]["requests_sent"]
    for old, new in (("lte", "cafe"), ("cafe", "lte")):
        before = campus.charons["gw1"].sa(remote_id=m.nai)["remote-host"]
        m.switch(old, new)
        wait_for(lambda: campus.charons["gw1"].sa(remote_id=m.nai)["remote-host"] != before, "the gateway to hear of it")
        assert reach(campus, home)
    assert campus.show("counters")["gw1"]["signalling"]["requests_sent"] == signalling


def test_downlink_is_never_in_clear(campus):
    """A-40: the kernel loses what encrypts, and neither daemon knows: nothing leaves, with whatever address."""
    home, gw = home_of(campus, "bob"), campus.gateways[1]
    assert reach(campus, home)
    before = kernel_counter(campus, "down_forwarded")
    with Watched(gw, "outer") as outer, Watched(gw, "core") as core:
        gw.run("ip", "xfrm", "policy", "flush")
        assert not reach(campus, home)
        gw.run("ip", "xfrm", "state", "flush")
        assert not reach(campus, home)
    assert kernel_counter(campus, "down_forwarded") >= before + 10  # towards the device, where they ended
    assert not outer.seen(INSIDE) and not outer.seen("esp or udp port 4500 and greater 120")
    assert not core.seen(f"not proto 4 and host {home}")
    for user in ("alice", "bob"):
        campus.charons[user].terminate(ike="gw1")
        campus.charons[user].initiate("gw1")
        wait_for(lambda u=user: reach(campus, home_of(campus, u)), f"{user} to be back")


def test_without_a_child_sa_nothing_flows(campus):
    """A-35, A-40: the IKE_SA stays, its CHILD_SA is gone; made again, packets flow again at the same address."""
    m, client, home = campus.stations["bob"], campus.charons["bob"], home_of(campus, "bob")
    client.terminate(child="net")
    with Watched(campus.gateways[1], "outer") as outer:
        assert not reach(campus, home)
    assert not outer.seen(INSIDE)
    client.initiate("gw1")
    m.ping(CORRESPONDENT, count=20, check=False)
    assert reach(campus, home) and home_of(campus, "bob") == home


def test_inside_and_out_again(campus):
    """A-28, X-08, G-12: served inside, the gateway deletes the CHILD_SA and keeps the IKE_SA; outside, it is home again."""
    m, client, home = campus.stations["alice"], campus.charons["alice"], home_of(campus, "alice")
    ike = campus.charons["gw1"].sa(remote_id=m.nai)["initiator-spi"]
    m.unplug("lte")
    m.go(1)
    m.configure(home)  # at once with the default route: a DHCP client takes longer here than charon waits for one
    m.ping(CORRESPONDENT, check=False)
    wait_for(lambda: binding(campus, "alice")["care_of"] == "10.0.1.1", "alice to be served inside")
    wait_for(lambda: not campus.charons["gw1"].sa(remote_id=m.nai)["child-sas"], "the CHILD_SA to be deleted", 20)
    assert reach(campus, home)
    m.leave()
    m.ns.batch("address flush dev eth0", "route flush dev eth0")
    m.plug("lte")
    wait_for(lambda: campus.charons["gw1"].sa(remote_id=m.nai)["remote-host"] == m.outside_address("lte"),
             "the gateway to hear of it", 20)
    m.ns.batch(f"address replace {home}/32 dev lo")  # charon took the interface's for its own, and it is gone
    client.initiate("gw1")
    m.ping(CORRESPONDENT, count=20, check=False)
    assert reach(campus, home) and home_of(campus, "alice") == home
    assert campus.charons["gw1"].sa(remote_id=m.nai)["initiator-spi"] == ike
