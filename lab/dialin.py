# SPDX-License-Identifier: GPL-2.0-or-later
"""An office where users come in by PPP servers, as RADIUS and the kernel see those: a device for each line, and a NAS that
asks about its user. Where the kernel has no PPP, the lines carry packets all the same, and radclient is the NAS.

    caller --- line: ppp0 ... ppp3 --- ar1 (NAS and proxy agent) --- core --- ha --- cn
                                                                      |
                                                                     aaa"""
import ctypes
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys

from aaa import radius_host
from net import LabError, wait_for
from office import Office
from pki import Authority

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
CLONE_NEWNET = 0x40000000
PACKET_MAX = 65535
NAS_SECRET, AAA_SECRET = "the NAS and the agent", "the agent and the AAA server"


def open_tun(namespace, name):
    """In a network namespace, which this process stays in."""
    with open(namespace) as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def carry(here, there):
    """Packets between two devices, until one of them is gone."""
    ends = [open_tun(*here), open_tun(*there)]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    while True:
        for fd in select.select(ends, [], [])[0]:
            packet = os.read(fd, PACKET_MAX)
            try:
                os.write(other[fd], packet)
            except OSError:
                pass  # it is down: lost on the line


class Line:
    """Two layer-3 devices with a wire between them, up; both vanish with it."""

    def __init__(self, ns, name, other_ns, other_name):
        self.net = ns.net
        argv = [sys.executable, os.path.abspath(__file__)]
        for n, device in ((ns, name), (other_ns, other_name)):
            argv += [f"/run/netns/{n.full}", device]
        self.process = ns.start(*argv, log=os.path.join(self.net.dir, "lines.log"))
        for n, device in ((ns, name), (other_ns, other_name)):
            wait_for(lambda n=n, d=device: "," in n.run("ip", "-o", "link", "show", d, check=False), f"device {device}")
            n.batch(f"link set {device} up")

    def cut(self):
        self.net.stop(self.process, signal.SIGKILL)


def radclient(ns, server, kind, secret, *attributes, port=None):
    """Asks as a NAS or AAA server in @ns. kind: auth, acct, disconnect, coa. Returns (name of the answer's code, its
    attributes)."""
    port = port or {"auth": 1812, "acct": 1813}.get(kind, 3799)
    r = subprocess.run(ns.argv("radclient", "-x", "-r", "1", "-t", "10", f"{server}:{port}", kind, secret),
                       input="\n".join(attributes) + "\n", capture_output=True, text=True)
    found = re.search(r"^Received (\S+) Id \d+ from .*\n((?:\t.*\n?)*)", r.stdout, re.M)
    if not found:
        return None, {}
    return found[1], {k: v.strip('"') for k, v in re.findall(r"^\t(\S+) = (.*)$", found[2], re.M)}


class Caller:
    """A user with a line to a NAS."""

    def __init__(self, office, name, realm):
        self.office, self.name, self.password = office, name, f"{name}'s password"
        self.nai, self.ns = f"{name}@{realm}", office.net.add(name)
        self.calls, self.lines, self.home = 0, [], None

    def _attributes(self, *more):
        return [f'User-Name = "{self.nai}"', "Service-Type = Framed-User", "Framed-Protocol = PPP",
                f"NAS-Port = {self.unit}", "NAS-Port-Type = Async", *more]

    def dial(self, n, unit=0):
        """Gets a line to the NAS ar{n}, where nothing has been proved yet. A line it has stays."""
        self.n, self.unit, self.calls = n, unit, self.calls + 1
        self.session, self.device = f"{self.name}-{self.calls}", f"ppp{self.calls}"
        self.lines.append(Line(self.office.ars[n], f"ppp{unit}", self.ns, self.device))

    def log_in(self, *more, password=None, way="CHAP-Password"):
        """Returns (answer, its attributes); with an Accept the line has the address that it tells."""
        answer, said = radclient(self.office.ars[self.n], f"10.0.{self.n}.1", "auth", NAS_SECRET, *self._attributes(
            f'{way} = "{password or self.password}"', "Message-Authenticator = 0x00", *more))
        if answer == "Access-Accept":
            self.configure(said["Framed-IP-Address"])
        return answer, said

    def configure(self, address):
        self.home = address
        self.ns.batch(f"address flush dev {self.device}", f"address add {address}/32 dev {self.device}",
                      f"route replace default dev {self.device}")

    def account(self, status, *more, session=None):
        answer, _ = radclient(self.office.ars[self.n], f"10.0.{self.n}.1", "acct", NAS_SECRET, *self._attributes(
            f"Acct-Status-Type = {status}", f'Acct-Session-Id = "{session or self.session}"',
            f"Framed-IP-Address = {self.home}", *more))
        if answer != "Accounting-Response":
            raise LabError(f"{self.name}: accounting was not answered")

    def connect(self, n, unit=0):
        self.dial(n, unit)
        answer, said = self.log_in()
        if answer != "Access-Accept":
            raise LabError(f"{self.name}: {answer} {said}")
        self.account("Start")

    def hang_up(self, cause="User-Request"):
        self.account("Stop", f"Acct-Terminate-Cause = {cause}")
        self.drop()

    def drop(self, keep=0):
        """All lines are lost, without a word; but for the last ones."""
        while len(self.lines) > keep:
            self.lines.pop(0).cut()

    def ping(self, target, count=1, check=True, **options):
        argv = ["ping", "-n", "-q", "-i", "0.05", "-c", str(count), "-W", str(options.pop("W", 1))]
        for k, v in options.items():
            argv += [f"-{k}", str(v)]
        r = subprocess.run(self.ns.argv(*argv, target), capture_output=True, text=True)
        if check and r.returncode != 0:
            raise LabError(f"{self.name}: ping {target}: {r.stdout.strip().splitlines()[-1:]}")
        return r.returncode == 0


class DialIn(Office):
    """Its agents know nobody, and have no key but those that the AAA server sends along."""
    caller, nas_secret, nas_more = Caller, NAS_SECRET, ""

    def _build(self):
        super()._build()
        self.callers = {}
        self.server = radius_host(self, Authority(self.path("pki")))
        for n in self.ars:
            self.server.add_client(f"ar{n}", f"10.0.{n}.1", AAA_SECRET)

    def add_caller(self, name, *reply, realm="example.com"):
        """reply: of the AAA server, as RadiusServer.add_user() takes it. Users of other realms are none of the home agent's.
        Before start()."""
        c = self.callers[name] = self.caller(self, name, realm)
        self.server.add_user(c.nai, c.password, *reply)
        return c

    def _users(self):
        return "".join(f'association user{u.spi} {{ scope = user nai = "{u.nai}" spi = {u.spi} key = "hex:{u.key}" }}\n'
                       for u in self.server.users.values()) + 'user "*@example.com" { }\n'

    def _access(self, n):
        return f"""
nas pppd {{ address = "10.0.{n}.1/32" kind = ppp access = "ppp*" secret = "text:{self.nas_secret}" {self.nas_more} }}
aaa main {{ address = "{self.server.address}" secret = "text:{AAA_SECRET}" }}
"""

    def start(self):
        self.server.start()
        return super().start()


if __name__ == "__main__":
    carry(sys.argv[1:3], sys.argv[3:5])
