# SPDX-License-Identifier: GPL-2.0-or-later
"""Wires with a length: two hosts joined by hf-relay, where the kernel may have no netem."""
import os
import re
import subprocess

from net import LabError
from office import BUILD

RELAY = os.path.join(BUILD, "lab", "hf-relay")
OFFLOADS = [x for feature in ("tx", "tso", "gso", "gro") for x in (feature, "off")]


class Wire:
    """A cable with a fixed delay each way, and loss by intent: loss per mille, the same frames for the same seed."""

    def __init__(self, net, name, a, a_if, b, b_if, delay_ms, loss=0, seed=0):
        self.net = net
        self.ns = net.add(name)
        net.link(a, a_if, self.ns, "near")
        net.link(b, b_if, self.ns, "far")
        for ns, interface in ((a, a_if), (b, b_if), (self.ns, "near"), (self.ns, "far")):
            ns.run("ethtool", "-K", interface, *OFFLOADS)
        # The wire itself is no host: it neither answers nor asks.
        self.ns.sysctl(net__ipv6__conf__all__disable_ipv6=1)
        self.start(delay_ms, loss, seed)

    def start(self, delay_ms, loss=0, seed=0):
        self.process = self.ns.start(RELAY, "near", "far", delay_ms, loss, seed, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise LabError(f"{self.ns.name}: the relay does not start")

    def stop(self):
        """Cuts it. Returns what it did, for both directions: {"near>far": {"carried": N, "lost": N, "dropped": N}, ...}"""
        self.net.stop(self.process)
        return {m[1]: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", m[2])}
                for m in re.finditer(r"^(\S+) (.*)$", self.process.stdout.read(), re.M)}
