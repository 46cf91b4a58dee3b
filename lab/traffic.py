# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic through moves: a 1 kHz UDP echo and a TCP transfer, and what the moves did to them."""
import re
import signal
import subprocess

from net import LabError, wait_for
from office import CORRESPONDENT, PROBE

UDP_PORT, TCP_PORT, HZ = 7007, 7008, 1000
MBIT = 200  # of the transfer: the machine is not to be busier with it than with the moves


def listen(cn):
    """Starts the correspondent's servers."""
    servers = [cn.start(PROBE, "udp-echo", UDP_PORT), cn.start(PROBE, "tcp-serve", TCP_PORT)]
    wait_for(lambda: f":{TCP_PORT}" in cn.run("ss", "-ltn") and f":{UDP_PORT}" in cn.run("ss", "-lun"),
             "the correspondent to listen")
    return servers


def start_tcp(ns, seconds, mbit):
    """A transfer to the correspondent, when it has begun: a host that moves at once would not get through for seconds."""
    p = ns.start(PROBE, "tcp-probe", CORRESPONDENT, TCP_PORT, seconds, mbit, stdout=subprocess.PIPE)
    wait_for(lambda: p.poll() is not None or "ESTAB" in ns.run("ss", "-tn", "dst", f"{CORRESPONDENT}:{TCP_PORT}"),
             "the TCP connection")
    return p


def read_samples(path):
    """A probe's list: (number, sent_ns, received_ns or 0)."""
    with open(path) as f:
        return [tuple(map(int, line.split())) for line in f]


def longest_hole_ms(samples):
    """The longest time between the sending of two answered datagrams that had lost ones between them: 0 when none is
    lost. Unlike the time between arrivals it does not count what is merely late, nor another path's longer way."""
    longest, previous, holed = 0, None, False
    for _, sent, received in samples:
        if not received:
            holed = True
            continue
        if holed and previous is not None:
            longest = max(longest, sent - previous)
        previous, holed = sent, False
    return longest / 1e6


class Traffic:
    """Runs between a station and the correspondent for `seconds`, or until stop()."""

    def __init__(self, office, station, seconds, mbit=MBIT):
        self.office, self.seconds = office, seconds
        self.file = office.path(f"udp-{station.name}.txt")
        self.servers = listen(office.cn)
        self.udp = station.ns.start(PROBE, "udp-probe", CORRESPONDENT, UDP_PORT, HZ, seconds, self.file)
        self.tcp = start_tcp(station.ns, seconds, mbit)

    def stop(self):
        for p in (self.udp, self.tcp):
            p.send_signal(signal.SIGTERM)

    def finish(self):
        """Waits for both to end. Returns what TCP saw; the UDP samples are in .samples."""
        limit = self.seconds + 30
        text = self.tcp.communicate(timeout=limit)[0].decode()
        self.udp.wait(limit)
        for s in self.servers:
            self.office.net.stop(s)
        self.samples = read_samples(self.file)
        m = re.match(r"octets=(\d+) intact=(yes|no) resets=(\d+)", text)
        if not m:
            raise LabError(f"the TCP probe said: {text!r}")
        return {"resets": int(m[3]), "intact": m[2] == "yes", "bytes": int(m[1])}

    def effect(self, at_ns, until_ns):
        """What happened to the stream between two times: (longest gap in ms beyond the pace, lost datagrams)."""
        arrivals = sorted(r for _, s, r in self.samples if r and at_ns - 50e6 <= s <= until_ns)
        lost = sum(1 for _, s, r in self.samples if not r and at_ns - 50e6 <= s <= until_ns)
        if len(arrivals) < 2:
            return (until_ns - at_ns) / 1e6, lost
        longest = max(b - a for a, b in zip(arrivals, arrivals[1:]))
        return max(0.0, longest / 1e6 - 1000 / HZ), lost
