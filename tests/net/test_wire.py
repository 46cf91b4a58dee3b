# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's long wire: its delay is right, it changes nothing, it loses what it is told to, and it never grows."""
import random
import re
import subprocess
import sys

import pytest
from net import Network, wait_for
from office import PROBE
from wire import RELAY, Wire

pytestmark = pytest.mark.alone

HOSTS = {"a": "192.0.2.1", "b": "192.0.2.2"}


@pytest.fixture
def make_wire():
    """Two hosts and a wire between them."""
    nets = []

    def make(delay_ms, **options):
        net = Network("wire")
        nets.append(net)
        a, b = net.add("left"), net.add("right")
        for ns in (a, b):  # the frames are the test's, and few others: no IPv6 from the moment the links are there
            ns.sysctl(net__ipv6__conf__all__disable_ipv6=1, net__ipv6__conf__default__disable_ipv6=1)
        w = Wire(net, "wire", a, "eth0", b, "eth0", delay_ms, **options)
        for ns, address in ((a, HOSTS["a"]), (b, HOSTS["b"])):
            ns.batch(f"address add {address}/24 dev eth0")
        return a, b, w
    yield make
    for net in nets:
        net.close()


def test_delay(make_wire):
    """20 ms each way, hardly more, and never less."""
    a, _, _ = make_wire(20)
    text = a.run("ping", "-n", "-c", "20", "-i", "0.05", HOSTS["b"])
    times = sorted(float(t) for t in re.findall(r"time=([\d.]+)", text))
    assert len(times) == 20
    assert times[0] >= 39.9
    assert times[10] < 45


@pytest.mark.parametrize("reverse", [False, True])
def test_streams_pass_unchanged(make_wire, reverse):
    """TCP at speed: what comes back is octet for octet what was sent, although the hosts would like to offload."""
    ends = list(make_wire(2)[:2])
    addresses = list(HOSTS.values())
    if reverse:
        ends.reverse()
        addresses.reverse()
    ends[1].start(PROBE, "tcp-serve", 7008)
    wait_for(lambda: ":7008" in ends[1].run("ss", "-ltn"), "the server to listen")
    text = ends[0].run(PROBE, "tcp-probe", addresses[1], 7008, 1, 200)
    octets, intact, resets = re.match(r"octets=(\d+) intact=(\w+) resets=(\d+)", text).groups()
    assert int(octets) > 1_000_000 and intact == "yes" and resets == "0"


SENDER = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for line in sys.stdin:
    s.send(bytes.fromhex(line))
"""
RECEIVER = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
s.bind(("eth0", 0x88b5))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE: for all of them
print("ready", flush=True)
s.settimeout(30)
try:
    while True:
        print(s.recv(4096).hex(), flush=True)
        s.settimeout(float(sys.argv[1]))
except TimeoutError:
    pass
"""


def exchange(sender, receiver, frames, quiet_s=1.5):
    """What receiver gets of raw frames, until it is quiet behind the first."""
    r = receiver.start(sys.executable, "-c", RECEIVER, quiet_s, stdout=subprocess.PIPE, text=True)
    assert r.stdout.readline() == "ready\n"
    sender.run(sys.executable, "-c", SENDER, input="".join(f.hex() + "\n" for f in frames))
    return [bytes.fromhex(line) for line in r.communicate(timeout=90)[0].split()]


def numbered(count, size=60):
    """Frames of an experimental EtherType, to a station that is neither of the hosts."""
    head = bytes.fromhex("020000000099" "020000000098" "88b5")
    return [head + i.to_bytes(4, "big") + bytes(size - 18) for i in range(count)]


def test_frames_pass_unchanged(make_wire):
    """Any octets, each length from a header alone to full, both ways, in order."""
    a, b, w = make_wire(1)
    rng = random.Random(4)
    frames = [bytes.fromhex("020000000099" "020000000098" "88b5") + rng.randbytes(n) for n in range(0, 1501, 25)]
    assert exchange(a, b, frames) == frames
    assert exchange(b, a, frames) == frames
    for counts in w.stop().values():
        assert counts["carried"] >= len(frames) and counts["lost"] == counts["dropped"] == 0


def test_loss_is_repeatable(make_wire):
    """100 per mille, the same frames for the same seed, others for another."""
    frames = numbered(1000)
    got = []
    for seed in (7, 7, 8):
        a, b, w = make_wire(0, loss=100, seed=seed)
        got.append(exchange(a, b, frames))
        counts = w.stop()["near>far"]
        assert counts["lost"] == len(frames) - len(got[-1]) and 60 <= counts["lost"] <= 140
    assert got[0] == got[1] != got[2]


def test_queue_is_bounded(make_wire):
    """What comes while 4096 frames are under way is dropped and counted; then the wire works as before."""
    a, b, w = make_wire(3000)  # all of them are sent before the first arrives
    frames = numbered(6000)
    assert exchange(a, b, frames) == frames[:4096]
    assert w.stop()["near>far"]["dropped"] >= len(frames) - 4096
    w.start(0)
    assert exchange(a, b, frames[:10]) == frames[:10]


def test_wrong_use(make_wire):
    """An interface that is not there, a delay that is none."""
    _, _, w = make_wire(0)
    for argv, status, said in (("near", "nothing", "0"), 1, "nothing"), (("near", "far", "soon"), 2, "soon"):
        r = subprocess.run(w.ns.argv(RELAY, *argv), capture_output=True, text=True)
        assert r.returncode == status and said in r.stderr
