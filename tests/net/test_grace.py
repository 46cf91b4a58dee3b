# SPDX-License-Identifier: GPL-2.0-or-later
"""ADR 11: packets that the former agent sent before it knew of a move are not lost, and nobody else's get in."""
import json
import time

import pytest
from net import wait_for
from office import ANCHOR, CORRESPONDENT, HOME

pytestmark = pytest.mark.alone

PYTHON = "/usr/bin/python3"
GRACE_S = 0.5
ADDRESS = f"{HOME}.20"

# Tunnels a numbered datagram of the station every few milliseconds, and says when, before and after.
SPEAK = """
import select, socket, struct, sys, time
from scapy.all import IP, UDP
care_of, anchor, home, target, port = sys.argv[1:]
inner = IP(src=home, dst=target)/UDP(sport=7001, dport=int(port), chksum=0)
packet = bytes(IP(src=care_of, dst=anchor, proto=4)/inner/bytes(8))
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
clock = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
n = 0
while True:
    before = clock()
    s.sendto(packet[:-8] + struct.pack("!Q", n), (anchor, 0))
    print(n, before, clock(), flush=True)
    n += 1
    select.select([], [], [], 0.004)  # the pace of the stream
"""
HEAR = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    print(*struct.unpack("!Q", s.recv(64)), flush=True)
"""


def lines(path):
    with open(path) as f:
        return f.read().split("\n")[:-1]


class Stream:
    """What an agent, or somebody who claims to be one, tunnels to the anchor in the station's name."""

    def __init__(self, o, ns, care_of, port):
        self.o, self.said, self.heard = o, o.path(f"said{port}"), o.path(f"heard{port}")
        self.ear = o.cn.start(PYTHON, "-c", HEAR, port, log=self.heard)
        wait_for(lambda: "ready" in lines(self.heard), "the correspondent to listen")
        self.mouth = ns.start(PYTHON, "-c", SPEAK, care_of, ANCHOR, ADDRESS, CORRESPONDENT, port, log=self.said)

    def sent(self):
        """(number, before, after) of each datagram so far."""
        return [(int(n), float(a), float(b)) for n, a, b in map(str.split, lines(self.said))]

    def arrived(self):
        return {int(n) for n in lines(self.heard)[1:]}


def moved_at(o):
    """When the anchor decided: CLOCK_BOOTTIME in seconds."""
    records = json.loads(o.cli("--json", "explain", "alice@example.com").stdout)["records"]
    return [r["mono_us"] for r in records if r["event"] == "binding_moved"][-1] / 1e6


@pytest.mark.parametrize("grace_s", [GRACE_S, 0])
def test_former_agent_is_heard_out(make_office, grace_s):
    o = make_office(floors=2, ha="" if grace_s else "grace = 0")
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure(ADDRESS)
    st.ping(CORRESPONDENT, count=3)
    o.wait_served(st, 1)
    former = Stream(o, o.ars[1], "10.0.1.1", 7000)
    third = Stream(o, o.core, "10.0.0.254", 7001)
    wait_for(lambda: former.arrived() and third.sent(), "both to speak")
    st.go(2)
    st.ping(CORRESPONDENT, count=3)
    o.wait_served(st, 2)
    settled = time.clock_gettime(time.CLOCK_BOOTTIME)  # the kernel knows of the move, too
    moved = moved_at(o)
    end = moved + grace_s
    wait_for(lambda: former.sent()[-1][1] > max(end, settled) + 0.3, "the former agent to have spoken long enough")
    sent = former.sent()
    before = {n for n, _, after in sent if after < moved}
    within = {n for n, start, after in sent if start > moved and after < end - 0.05}
    beyond = {n for n, start, _ in sent if start > max(end, settled)}
    assert before and beyond and bool(within) == bool(grace_s)
    wait_for(lambda: before | within <= former.arrived(), "all that the former agent sent in time")
    assert not beyond & former.arrived()
    assert third.sent() and not third.arrived()
    counted = o.show("counters")["ha"]["kernel"]["former_accepted"]
    assert counted >= len(within) if grace_s else counted == 0
