# SPDX-License-Identifier: GPL-2.0-or-later
"""Moves under a 1 kHz echo.

The gap of a move is the longest time between the sending of two answered datagrams with lost ones between them."""
import signal
import time

from net import LabError, wait_for
from office import CORRESPONDENT, PROBE
from spread import summary
from traffic import HZ, UDP_PORT, longest_hole_ms, read_samples

BEFORE_S, AFTER_S, LIMIT_S = 0.3, 0.6, 20
PLAIN, OURS = "plain strongSwan", "Holdfast"


class Running:
    """A campus that runs inside of the with statement; what cannot be started is taken down at once."""

    def __enter__(self):
        try:
            return self._start()
        except BaseException:
            self.campus.close()
            raise

    def __exit__(self, *_):
        self.campus.close()


def reaches(host):
    return host.ping(CORRESPONDENT, check=False, W=0.3)


def move(campus, host, act):
    """Does it under the echo. Returns what the echo saw of it."""
    wait_for(lambda: reaches(host), f"{host.name} to be connected", LIMIT_S)
    path = campus.path("probe.txt")
    probe = host.ns.start(PROBE, "udp-probe", CORRESPONDENT, UDP_PORT, HZ, LIMIT_S + 5, path)
    time.sleep(BEFORE_S)  # how long the echo runs before it
    at = time.monotonic_ns()
    act()
    try:
        wait_for(lambda: reaches(host), "the move to end", LIMIT_S)
        recovered = True
    except LabError:
        recovered = False
    time.sleep(AFTER_S)  # how long the echo runs after it
    probe.send_signal(signal.SIGTERM)
    probe.wait(5)
    samples = read_samples(path)
    # From the last one answered before it: what is interrupted already when it begins counts too.
    samples = samples[max((i for i, s in enumerate(samples) if s[2] and s[1] < at - 50e6), default=0):]
    return {"gap_ms": round(longest_hole_ms(samples), 2) if recovered else LIMIT_S * 1000.0,
            "lost": sum(1 for _, _, received in samples if not received), "recovered": recovered}


def series(name, rtt_ms, moves, who=OURS):
    found = {"name": name, "who": who, "rtt_ms": rtt_ms, **summary([m["gap_ms"] for m in moves]),
             "lost": sum(m.get("lost", 0) for m in moves),
             "unrecovered": sum(1 for m in moves if not m.get("recovered", True)), "moves": moves}
    print(f"  {name:42} {who:16} median {found['median_ms']:7.1f} ms   p99 {found['p99_ms']:7.1f} ms   "
          f"lost {found['lost']}", flush=True)
    return found
