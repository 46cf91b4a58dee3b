# SPDX-License-Identifier: GPL-2.0-or-later
"""Agents with a leg outside of the core: who plays an agent there gets nothing through, on the slow path neither."""
import pytest
from net import wait_for
from office import ANCHOR, CORRESPONDENT

PYTHON = "/usr/bin/python3"
FORGE = """
import sys
from scapy.all import IP, UDP, Raw, conf, fragment, send
outer, to, source, target, udp = sys.argv[1:]
inner = IP(src=source, dst=target)/UDP(sport=7001, dport=7000)/Raw(b"stray" + bytes(100))
packet = IP(src=outer, dst=to)/(UDP(sport=434, dport=434)/Raw(b"\\x04\\x04\\x00\\x00" + bytes(inner)) if udp == "yes" else inner)
send([packet] + fragment(packet, 64), verbose=0)
"""
HEAR = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
print("ready", flush=True)
while True:
    print(s.recv(65535)[:5].decode(), flush=True)
"""


def lines(path):
    with open(path) as f:
        return f.read().split()


@pytest.fixture(scope="module", params=["no", "yes"])
def outside(request):
    from office import Office
    udp = {"ha": "udp-tunnel = force-allowed", "mpa": "udp-tunnel = force"} if request.param == "yes" else {}
    with Office("stray", floors=1, **udp) as o:
        st = o.add_station("alice")
        o.thief = o.net.add("thief")
        for n, ns in enumerate((o.ha, o.ars[1]), 1):
            o.net.link(o.thief, f"out{n}", ns, "side")
            o.thief.batch(f"address add 192.0.{n}.2/24 dev out{n}")
            ns.batch(f"address add 192.0.{n}.1/24 dev side")
            ns.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__side__rp_filter=0)
        o.thief.batch(f"route add {ANCHOR} via 192.0.1.1", "route add 10.0.1.1 via 192.0.2.1")
        o.start()
        st.configure("10.42.0.20")
        st.go(1)
        st.ping(CORRESPONDENT, count=3)
        o.wait_served(st, 1)
        o.alice, o.udp = st, request.param
        yield o


def strays(o, name):
    return o.show("counters")[name]["daemon"]["stray_tunnels"]


@pytest.mark.parametrize("victim", ["ha", "ar1"])
def test_tunnels_end_at_the_core_only(outside, victim):
    o = outside
    address = o.alice.address()
    listener, way = (o.cn, ("10.0.1.1", ANCHOR, address, CORRESPONDENT)) if victim == "ha" else \
        (o.alice.ns, (ANCHOR, "10.0.1.1", CORRESPONDENT, address))
    heard = o.path(f"heard-{victim}")
    listener.start(PYTHON, "-c", HEAR, log=heard)
    wait_for(lambda: "ready" in lines(heard), "the victim to listen")
    before = strays(o, victim)
    o.thief.run(PYTHON, "-c", FORGE, *way, o.udp)
    wait_for(lambda: strays(o, victim) >= before + 2, "the forged packets to be counted")  # a whole one, one of fragments
    assert "stray" not in lines(heard)
