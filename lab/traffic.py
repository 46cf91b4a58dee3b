# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic through moves: a 1 kHz UDP echo and a TCP transfer, and what the moves did to them."""
import re
import subprocess
import time

from net import LabError
from office import CORRESPONDENT, PROBE

UDP_PORT, TCP_PORT, HZ = 7007, 7008, 1000
MBIT = 200  # of the transfer: the machine is not to be busier with it than with the moves


class Traffic:
    """Runs for `seconds` between a station and the correspondent."""

    def __init__(self, office, station, seconds, mbit=MBIT):
        self.office = office
        self.file = office.path(f"udp-{station.name}.txt")
        self.servers = [office.cn.start(PROBE, "udp-echo", UDP_PORT), office.cn.start(PROBE, "tcp-serve", TCP_PORT)]
        self._wait_listening()
        self.udp = station.ns.start(PROBE, "udp-probe", CORRESPONDENT, UDP_PORT, HZ, seconds, self.file)
        self.tcp = station.ns.start(PROBE, "tcp-probe", CORRESPONDENT, TCP_PORT, seconds, mbit, stdout=subprocess.PIPE)
        self.end = time.monotonic() + seconds

    def _wait_listening(self):
        from net import wait_for
        wait_for(lambda: f":{TCP_PORT}" in self.office.cn.run("ss", "-ltn") and
                 f":{UDP_PORT}" in self.office.cn.run("ss", "-lun"), "the correspondent to listen")

    def finish(self):
        """Waits for both to end. Returns what TCP saw; the UDP samples are in .samples."""
        limit = max(1, self.end - time.monotonic()) + 30
        text = self.tcp.communicate(timeout=limit)[0].decode()
        self.udp.wait(limit)
        for s in self.servers:
            self.office.net.stop(s)
        with open(self.file) as f:
            self.samples = [tuple(map(int, line.split())) for line in f]
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
