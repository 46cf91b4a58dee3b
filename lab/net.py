# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks of namespaces on one machine: made with unique names, taken down with everything that runs in them."""
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time

_counter = itertools.count()


class LabError(RuntimeError):
    """Something in the lab did not come up as it should."""


def run(*argv, check=True, input=None):
    """Runs a command, returns its standard output."""
    r = subprocess.run([str(a) for a in argv], input=input, capture_output=True, text=True)
    if check and r.returncode != 0:
        raise LabError(f"{' '.join(map(str, argv))}: {r.stderr.strip() or r.stdout.strip() or r.returncode}")
    return r.stdout


def wait_for(condition, what, limit=30.0, every=0.01):
    """Polls until condition() is true and returns its value. A limit of one's own is for where the time is what is tested:
    a machine that is busy, or stands still for a moment, is to be waited for."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {limit} s in vain for {what}")
        time.sleep(every)  # the pace of polling, not a delay something relies on


def clean_up_when_told_to_end():
    """A terminated run takes its networks down too, as an interrupted one does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class Namespace:
    """One host or router."""

    def __init__(self, net, name):
        self.net = net
        self.name = name
        self.full = f"{net.prefix}-{name}"
        run("ip", "netns", "add", self.full)

    def argv(self, *argv):
        # Only the network is entered: `ip netns exec` would hide /sys/fs/bpf.
        return ["nsenter", f"--net=/run/netns/{self.full}", "--", *map(str, argv)]

    def run(self, *argv, check=True, input=None):
        return run(*self.argv(*argv), check=check, input=input)

    def is_settled(self):
        """Whether the kernel has acted on each change of carrier. It does so for all namespaces together, at most once a
        second and for a hundred links: until then a link that is up loses what is sent, and a bridge keeps its port shut."""
        return all(("LOWER_UP" in line) == ("state UP" in line or "state UNKNOWN" in line)
                   for line in self.ip("-o", "link", "show", "up").splitlines())

    def ip(self, *argv):
        return run("ip", "-n", self.full, *argv)

    def batch(self, *lines):
        """Many ip commands at once."""
        return run("ip", "-n", self.full, "-batch", "-", input="\n".join(lines) + "\n")

    def sysctl(self, **settings):
        self.run("sysctl", "-qw", *[f"{k.replace('__', '.')}={v}" for k, v in settings.items()])

    def start(self, *argv, log=None, **kwargs):
        """Starts a process that the network stops at the end, at the latest."""
        out = open(log, "ab") if log else subprocess.DEVNULL
        p = subprocess.Popen(self.argv(*argv), stdout=kwargs.pop("stdout", out), stderr=out,
                             stdin=kwargs.pop("stdin", subprocess.DEVNULL), **kwargs)
        if log:
            out.close()
        self.net.processes.append(p)
        return p


class Network:
    """A set of namespaces and the processes inside."""

    def __init__(self, label):
        self.prefix = f"hf{os.getpid()}x{next(_counter)}"
        base = "/run/holdfast-lab"
        os.makedirs(base, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix=f"{label}-", dir=base)
        self.bpf = os.path.join(self.dir, "bpf")
        os.makedirs(self.bpf)
        run("mount", "-t", "bpf", "bpf", self.bpf)
        self.namespaces = []
        self.processes = []

    def add(self, name):
        ns = Namespace(self, name)
        self.namespaces.append(ns)
        ns.batch("link set lo up")
        return ns

    def link(self, a, a_if, b, b_if):
        """A cable between two hosts."""
        run("ip", "link", "add", a_if, "netns", a.full, "type", "veth", "peer", "name", b_if, "netns", b.full)
        a.batch(f"link set {a_if} up")
        b.batch(f"link set {b_if} up")

    def settle(self):
        for ns in self.namespaces:
            wait_for(ns.is_settled, f"the links of {ns.name} to be ready")

    def stop(self, process, sig=signal.SIGTERM, limit=5.0):
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def close(self):
        for p in list(self.processes):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in list(self.processes):
            self.stop(p)
        for ns in self.namespaces:
            run("ip", "netns", "del", ns.full, check=False)
        self.namespaces = []
        run("umount", self.bpf, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
