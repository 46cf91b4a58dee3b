# SPDX-License-Identifier: GPL-2.0-or-later
"""The anchor and the kernel's own tunnel devices: a host that is registered by scapy, and behind it an ipip or a gre device
(RFC 2003, RFC 2784, RFC 2890)."""
import pytest
from office import ANCHOR, CORRESPONDENT, PROBE, Office
from test_hosts import HOME, USERS, D, G, Host, T
from traffic import TCP_PORT, listen

OUR_KEY = 0x01020304


@pytest.fixture(scope="module")
def office():
    with Office("tunnels", floors=1, users=USERS) as o:
        o.start_ha()
        yield o


@pytest.fixture(scope="module")
def host(office):
    return Host(office, 1)


def both_ways(office, host, kind):
    """Pings, and a stream in packets larger than any link, through a device of this kind."""
    ns = office.ars[1]
    ns.batch(f"link add tunnel0 type {kind} local {host.source} remote {ANCHOR}", f"address add {HOME}/32 dev tunnel0",
             "link set tunnel0 up", f"route add {CORRESPONDENT} dev tunnel0 src {HOME}")
    ns.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "2", CORRESPONDENT)
    office.cn.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "2", HOME)
    servers = listen(office.cn)
    said = ns.run(PROBE, "tcp-probe", CORRESPONDENT, TCP_PORT, 1, 20)
    for s in servers:
        office.net.stop(s)
    ns.ip("link", "del", "tunnel0")
    assert "intact=yes resets=0" in said and int(said.split()[0].removeprefix("octets=")) > 50_000


def test_ip_in_ip(office, host):
    assert host.register()["code"] == 0
    both_ways(office, host, "ipip")


def test_gre(office, host):
    assert host.register(flags=D | T | G)["code"] == 0
    both_ways(office, host, "gre")


def test_gre_with_keys(office, host):
    """RFC 6245: each end names the key it wants to see."""
    theirs = host.register(key=OUR_KEY)["key"]
    both_ways(office, host, f"gre ikey {OUR_KEY} okey {theirs}")
