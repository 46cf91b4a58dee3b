# SPDX-License-Identifier: GPL-2.0-or-later
"""The units as they are installed, under systemd: what their sandboxes allow has to be enough for daemons that load
programs into the kernel. In the guest only: it installs, and takes away what /etc/systemd/system holds."""
import os
import re
import shutil
import subprocess

import pytest

from net import wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = "/usr/local/share/doc/holdfast/samples"
# Nothing of the machine's own starts beside: a target with its journal, and these are not for us.
NOT_WANTED = [f"systemd-{name}" for name in (
    "udevd.service", "udevd-control.socket", "udevd-kernel.socket", "udev-trigger.service", "tmpfiles-setup.service",
    "tmpfiles-setup-dev.service")]
KEYS = ("staff.key", "alice.key", "anchor.key")
SAMPLE = {"ha": "holdfast-ha", "mpa": "holdfast-mpa", "fa": "holdfast-fa", "mn": "holdfast-mn-client"}

pytestmark = pytest.mark.skipif(not os.path.exists("/run/guest/started"), reason="this is not the guest")


class Machine:
    """systemd as process 1 of a container with the guest's files, two links and the addresses of the samples."""

    def __enter__(self):
        shutil.rmtree("/etc/systemd/system", ignore_errors=True)
        os.makedirs("/etc/systemd/system")
        for unit in NOT_WANTED:
            os.symlink("/dev/null", f"/etc/systemd/system/{unit}")
        self.process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--uts", "--ipc", "--cgroup", "sh",
             "-ec", """
            mount -t tmpfs run /run
            for n in 0 1; do
                ip link add eth$n type veth peer name far$n
                ip link set far$n up
                ip link set eth$n up
            done
            for a in 10.0.0.1 10.0.1.1 10.0.2.1; do ip address add $a/24 dev eth0; done
            ip address add 10.43.0.1/24 dev eth1
            sysctl -q -p /usr/local/share/doc/holdfast/samples/90-holdfast.conf
            exec env container=test /lib/systemd/systemd --unit=basic.target --log-target=console"""],
            stdout=open("/run/guest/systemd.log", "w"), stderr=subprocess.STDOUT)
        wait_for(lambda: self.is_up(), "systemd to be up", 100, every=0.5)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def run(self, *argv):
        return subprocess.run(["nsenter", "-a", "-t", self.init(), "--", *argv], capture_output=True, text=True)

    def init(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return f.read().strip()

    def is_up(self):
        return self.init() and self.run("systemctl", "is-active", "basic.target").stdout.strip() == "active"

    def get(self, unit, name):
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout


@pytest.fixture(scope="module")
def machine():
    subprocess.run(["meson", "install", "-C", "build/release", "--no-rebuild", "--quiet"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    os.makedirs("/etc/holdfast", mode=0o700, exist_ok=True)
    for key in KEYS:
        with open(os.open(f"/etc/holdfast/{key}", os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write("text:0123456789abcdef0123456789abcdef\n")
    with Machine() as m:
        yield m


@pytest.mark.parametrize("role", SAMPLE)
def test_unit(machine, role):
    """Ready with the sample configuration, back after a crash, gone when told, and refused where its file is wrong."""
    unit, conf = f"holdfast-{role}.service", f"/etc/holdfast/holdfast-{role}.conf"
    shutil.copy(f"{SAMPLES}/{SAMPLE[role]}.conf", conf)
    started = machine.run("systemctl", "start", unit)
    assert started.returncode == 0, machine.journal(unit)
    said = machine.run("/usr/local/bin/holdfast", "show", "counters")
    assert said.returncode == 0 and said.stdout, said.stderr
    first = machine.get(unit, "MainPID")
    machine.run("systemctl", "kill", "-s", "KILL", unit)
    wait_for(lambda: machine.get(unit, "ActiveState") == "active" and machine.get(unit, "MainPID") != first,
             "systemd to start it again", 30, every=0.5)
    machine.run("systemctl", "stop", unit)
    assert machine.get(unit, "ActiveState") == "inactive" and machine.get(unit, "Result") == "success"
    assert not re.search("not permitted|denied", machine.journal(unit)), machine.journal(unit)
    with open(conf, "a") as f:
        f.write("colour = red\n")
    assert machine.run("systemctl", "start", unit).returncode != 0
    assert "colour" in machine.journal(unit)
    machine.run("systemctl", "reset-failed", unit)
