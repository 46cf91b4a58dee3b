# SPDX-License-Identifier: GPL-2.0-or-later
"""What went over a wire, as tshark reads it."""
import itertools
import signal
import subprocess

from net import LabError, wait_for

_counter = itertools.count()
FIELDS = {
    "time": "frame.time_epoch", "source": "ip.src", "destination": "ip.dst", "protocol": "ip.proto", "port": "udp.dstport",
    "exchange": "isakmp.exchangetype", "response": "isakmp.flag_r", "ike": "isakmp.ispi", "mip": "mip.type",
    "code": "mip.code", "lifetime": "mip.life", "home": "mip.homeaddr", "care_of": "mip.coa", "nai": "mip.nai",
    "reverse": "mip.t", "length": "ip.len", "spi": "esp.spi"}
IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = "34", "35", "36", "37"
REQUEST, REPLY, TUNNEL_DATA, REVOCATION, ACKNOWLEDGMENT = "1", "3", "4", "7", "15"


class Packet:
    """Each field is a text, "" when it is not there. With a packet in a packet it is the outermost; `inner` has them all."""

    def __init__(self, values):
        self.inner = {name: v.split(",") for name, v in zip(FIELDS, values)}
        for name, v in self.inner.items():
            setattr(self, name, v[0])
        self.time = float(self.time)

    def __repr__(self):
        return " ".join(f"{k}={','.join(v)}" for k, v in self.inner.items() if v != [""])


class Capture:
    """Of an interface, until stop()."""

    def __init__(self, ns, interface, expression):
        self.ns = ns
        self.file = f"{ns.net.dir}/capture{next(_counter)}.pcap"
        self.process = ns.start("tcpdump", "-n", "-U", "--immediate-mode", "-Z", "root", "-i", interface, "-w", self.file,
                                expression, log=f"{self.file}.log")
        wait_for(self._runs, f"a capture at {interface}")

    def _runs(self):
        with open(f"{self.file}.log") as f:
            text = f.read()
        if self.process.poll() is not None:
            raise LabError(f"tcpdump: {text}")
        return "listening on" in text

    def packets(self):
        """What was seen so far."""
        fields = [x for f in FIELDS.values() for x in ("-e", f)]
        r = subprocess.run(["tshark", "-n", "-r", self.file, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
                            *fields], capture_output=True, text=True)
        lines = [line.split("\t") for line in r.stdout.splitlines()]
        return [Packet(v) for v in lines if len(v) == len(FIELDS)]  # the last may be half written

    def _sleeps(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "RD"

    def stop(self):
        # Told to end, it leaves what is in its ring; it sleeps when it has read that.
        wait_for(self._sleeps, "the capture to be written")
        self.ns.net.stop(self.process, signal.SIGINT)
        return self.packets()
