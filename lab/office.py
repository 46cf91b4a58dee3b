# SPDX-License-Identifier: GPL-2.0-or-later
"""The office of the demo and of the tests: a home agent, floors with a proxy agent each, a correspondent, stations.

    st --- floor bridge --- ar1 (10.0.1.1) --- core --- ha (10.0.0.1) --- cn (10.9.0.2)
                            ar2 (10.0.2.1) ---/         home network 10.42.0.0/24

A station is a plain host; it moves by its cable going to another floor's bridge."""
import functools
import json
import os
import socket
import subprocess

from dot1x import Floors
from net import LabError, Network, wait_for
from pki import Authority

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("HF_BUILD", os.path.join(ROOT, "build", "debug"))
HA = os.path.join(BUILD, "src", "daemons", "holdfast-ha")
MPA = os.path.join(BUILD, "src", "daemons", "holdfast-mpa")
CLI = os.path.join(BUILD, "cli", "holdfast")
PROBE = os.path.join(BUILD, "lab", "hf-probe")

HOME = "10.42.0"
GATEWAY = f"{HOME}.1"
GATEWAY_MAC = "00:00:5e:00:01:33"
POOL = f'"{HOME}.10-{HOME}.200"'
ANCHOR = "10.0.0.1"
CORRESPONDENT = "10.9.0.2"
KEY = "text:a key for the laboratory only!!"


def mac_of(n):
    return f"02:00:00:00:00:{n:02x}"


def listens(path):
    """Whether somebody takes connections there: a socket has a name before that."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


class Station:
    """A host that knows nothing of mobility. Its name is also its user's: NAME@example.com."""

    def __init__(self, office, name, number):
        self.office, self.name, self.number = office, name, number
        self.nai = f"{name}@example.com"
        self.mac = mac_of(number)
        self.floor = None
        self.settled = False  # whether its cable carries what is sent: see Namespace.is_settled()
        self.ns = office.net.add(name)
        self.port = f"p{number}"
        office.net.link(self.ns, "eth0", office.building, self.port)
        self.ns.batch(f"link set eth0 address {self.mac}")

    def go(self, floor, carrier_loss=False):
        """Plugs the cable into a floor's bridge; with carrier loss the station sees its link go down and up."""
        b = self.office.building
        if not self.settled:
            wait_for(lambda: b.is_settled() and self.ns.is_settled(), f"the cable of {self.name} to be ready")
        self.settled = not carrier_loss
        if carrier_loss:
            b.batch(f"link set {self.port} down")
        b.batch(f"link set {self.port} master floor{floor}", f"link set {self.port} type bridge_slave isolated on")
        if carrier_loss:
            b.batch(f"link set {self.port} up")
        self.floor = floor

    def leave(self):
        self.office.building.batch(f"link set {self.port} nomaster")
        self.floor = None

    def configure(self, address, gateway=GATEWAY):
        """Gives it an address by hand, as if it had got it earlier."""
        self.ns.batch(f"address add {address}/24 dev eth0", f"route add default via {gateway}")

    def address(self):
        for line in self.ns.ip("-o", "-4", "addr", "show", "dev", "eth0").splitlines():
            return line.split()[3].split("/")[0]
        return None

    def ping(self, target, count=1, check=True, **options):
        argv = ["ping", "-n", "-q", "-i", "0.05", "-c", str(count), "-W", "2"]
        for k, v in options.items():
            argv += [f"-{k}"] + ([str(v)] if v is not True else [])
        r = subprocess.run(self.ns.argv(*argv, target), capture_output=True, text=True)
        if check and r.returncode != 0:
            raise LabError(f"{self.name}: ping {target}: {r.stdout.strip().splitlines()[-1:]}")
        return r.returncode == 0


class Office:
    def __init__(self, label="office", floors=2, ha="", mpa="", users="", real_link=False, aaa=False,
                 pools=POOL):
        """ha, mpa, users: text added to the configuration files. aaa: users prove by 802.1X who they are, at an AAA server
        which also has their keys; else they are known by their MAC addresses, and one key is for all."""
        self.net = Network(label)
        self.daemons = {}
        self.extra = {"ha": ha, "mpa": mpa, "users": users}
        self.floors = floors
        self.stations = {}
        self.real_link = real_link
        self.aaa = None
        self.pools = pools
        try:
            self._build()
            if aaa:
                self.aaa = Floors(self, ANCHOR, GATEWAY)
        except BaseException:
            self.net.close()
            raise

    def _build(self):
        net = self.net
        self.core, self.ha, self.cn = net.add("core"), net.add("ha"), net.add("cn")
        self.building = net.add("bldg")
        self.ars = {}
        net.link(self.core, "ha", self.ha, "core")
        net.link(self.cn, "eth0", self.ha, "lan")
        self.core.sysctl(net__ipv4__ip_forward=1)
        self.ha.sysctl(net__ipv4__ip_forward=1)
        self.core.batch("address add 10.0.0.254/24 dev ha", f"route add 10.9.0.0/24 via {ANCHOR}")
        self.ha.batch(f"address add {ANCHOR}/24 dev core", "address add 10.9.0.1/24 dev lan",
                      "route add 10.0.0.0/8 via 10.0.0.254")
        self.cn.batch(f"address add {CORRESPONDENT}/24 dev eth0", "route add default via 10.9.0.1")
        for n in range(1, self.floors + 1):
            self._add_floor(n)
        with open(self.path("key"), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(KEY + "\n")
        if self.real_link:
            self.home_host = net.add("home")
            net.link(self.home_host, "eth0", self.ha, "home0")
            self.ha.batch(f"address add {GATEWAY}/24 dev home0")
            self.home_host.batch(f"address add {HOME}.5/24 dev eth0", f"route add default via {GATEWAY}")

    def _add_floor(self, n):
        net, name = self.net, f"ar{n}"
        ar = self.ars[n] = net.add(name)
        net.link(self.core, name, ar, "core")
        self.building.batch(f"link add floor{n} type bridge", f"link set floor{n} up")
        net.link(ar, "access", self.building, f"up{n}")
        self.building.batch(f"link set up{n} master floor{n}")
        self.core.batch(f"address add 10.0.{n}.254/24 dev {name}")
        ar.sysctl(net__ipv4__ip_forward=1)
        ar.batch(f"address add 10.0.{n}.1/24 dev core", f"route add default via 10.0.{n}.254")

    def path(self, name):
        return os.path.join(self.net.dir, name)

    @functools.cached_property
    def authority(self):
        return Authority(self.path("pki"))

    def add_station(self, name):
        s = self.stations[name] = Station(self, name, len(self.stations) + 1)
        return s

    def _key_of_all(self):
        return (f'association staff {{ scope = domain realm = "example.com" spi = 1000 '
                f'key-file = "{self.path("key")}" }}')

    def _users(self):
        """Of an anchor: who may register, by which key."""
        return self.aaa.ha_conf() if self.aaa else self._key_of_all() + '\nuser "*@example.com" { }\n'

    def _access(self, n):
        """Of an agent: how its stations are recognised, and by which key they register."""
        if self.aaa:
            return self.aaa.mpa_conf(n)
        return f"""
{self._key_of_all()}
access "access" {{ trusted = yes }}
""" + "\n".join(f'station "{s.nai}" {{ mac = "{s.mac}" }}' for s in self.stations.values())

    def _write(self, name, text):
        # For their owner only: there may be keys in them.
        with open(self.path(name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return self.path(name)

    def ha_conf(self, name="ha"):
        real = 'interface = "home0"' if self.real_link else ""
        return self._write(f"{name}.conf", f"""
instance = "{name}"
run-dir = "{self.net.dir}"
pin-dir = "{self.net.bpf}/{name}"
store = "{self.path(name)}.mdb"
interfaces = {{"core"}}
address = "{ANCHOR}"
log-level = info
{self.extra['ha']}
network office {{ prefix = "{HOME}.0/24" gateway = "{GATEWAY}" pools = {{{self.pools}}} {real} }}
{self._users()}
{self.extra['users']}
""")

    def mpa_conf(self, n, extra=""):
        return self._write(f"ar{n}.conf", f"""
instance = "ar{n}"
run-dir = "{self.net.dir}"
pin-dir = "{self.net.bpf}/ar{n}"
interfaces = {{"core"}}
care-of = "10.0.{n}.1"
log-level = info
{self.extra['mpa']}
{extra}
home-agent main {{ address = "{ANCHOR}" }}
network office {{ prefix = "{HOME}.0/24" gateway = "{GATEWAY}" dns = {{"10.9.0.2"}} domain = "example.com" }}
{self._access(n)}
""")

    def start_daemon(self, name, ns, binary, conf):
        # As the systemd units do: a move waits for these two.
        p = ns.start("nice", "-n", "-10", binary, "-c", conf, log=self.path(f"{name}.log"))
        self.daemons[name] = p

        def ready():
            if p.poll() is not None:
                raise LabError(f"{name} ended: {self.log(name)}")
            return listens(self.path(f"{name}.sock"))
        wait_for(ready, f"{name} to start", every=0.005)
        return p

    def start_ha(self):
        return self.start_daemon("ha", self.ha, HA, self.ha_conf())

    def start_mpa(self, n, extra=""):
        return self.start_daemon(f"ar{n}", self.ars[n], MPA, self.mpa_conf(n, extra))

    def start(self):
        self.net.settle()
        if self.aaa:
            self.aaa.server.start()
        self.start_ha()
        for n in self.ars:
            self.start_mpa(n)
            if self.aaa:
                self.aaa.hostapd(n).start()
        return self

    def kill(self, name, sig):
        self.net.stop(self.daemons.pop(name), sig)
        if os.path.exists(self.path(f"{name}.sock")):
            os.unlink(self.path(f"{name}.sock"))

    def log(self, name):
        try:
            with open(self.path(f"{name}.log")) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def cli(self, *argv, check=True):
        r = subprocess.run([CLI, "--run-dir", self.net.dir, *map(str, argv)], capture_output=True, text=True)
        if check and r.returncode != 0:
            raise LabError(f"holdfast {' '.join(map(str, argv))}: {r.stderr.strip()}")
        return r

    def show(self, what):
        """What all daemons that know about it answer, by instance."""
        answer = json.loads(self.cli("--json", "show", what).stdout)
        return {a["instance"]: a[what] for a in answer["answers"]}

    def binding(self, station):
        for b in self.show("bindings").get("ha", []):
            if b["nai"] == station.nai:
                return b
        return None

    def subscriber(self, n, station):
        for s in self.show("subscribers").get(f"ar{n}", []):
            if s["nai"] == station.nai:
                return s
        return None

    def wait_served(self, station, n):
        def served():
            b = self.binding(station)
            s = self.subscriber(n, station)
            return b and s and b["care_of"] == f"10.0.{n}.1" and s["state"] == "served"
        wait_for(served, f"{station.name} to be served on floor {n}")

    def close(self):
        self.net.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
