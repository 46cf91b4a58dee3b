# SPDX-License-Identifier: GPL-2.0-or-later
"""Real DHCP servers of a home network that lies behind the agents: Kea and ISC dhcpd, with the same subnets."""
import json
import os
import shutil
import signal
import subprocess

from net import wait_for
from office import CORRESPONDENT, GATEWAY, HOME

RANGE = (100, 150)
# What an agent needs to relay to them.
RELAY = f'dhcp = relay\ndhcp-server = "{CORRESPONDENT}"\ndhcp-subnet = "{HOME}.0/24"'
FIELDS = {"xid": "dhcp.id", "source": "ip.src", "destination": "ip.dst", "kind": "dhcp.option.dhcp", "relay": "dhcp.ip.relay",
          "client": "dhcp.ip.client", "your": "dhcp.ip.your", "subnet": "dhcp.option.subnet_selection_option",
          "circuit": "dhcp.option.agent_information_option.agent_circuit_id",
          "remote": "dhcp.option.agent_information_option.agent_remote_id"}


class Server:
    """At the correspondent. It has addresses for the floors' own subnets too: a request that names no other gets one of
    those, as its relay's address says."""

    def __init__(self, office, lease_s=600, home_range=RANGE):
        self.office, self.lease_s, self.range = office, lease_s, home_range
        self.log = office.path(f"{self.name}.log")
        self.leases = office.path(f"{self.name}.leases")
        self.process = None

    def subnets(self):
        yield "10.9.0.0/24", None, None
        yield f"{HOME}.0/24", GATEWAY, [f"{HOME}.{n}" for n in self.range]
        for n in self.office.ars:
            yield f"10.0.{n}.0/24", f"10.0.{n}.1", [f"10.0.{n}.{k}" for k in RANGE]

    def start(self):
        self.process = self.office.cn.start(*self.prepare(), log=self.log, env={**os.environ, **self.environment})
        wait_for(lambda: self.process.poll() is None and ":67 " in self.office.cn.run("ss", "-lun"),
                 f"{self.name} to listen")
        return self

    def stop(self, sig=signal.SIGTERM):
        self.office.net.stop(self.process, sig)

    def forget(self, home_range=None):
        """Loses all leases, as after a restore, and may give other addresses from now on."""
        self.stop(signal.SIGKILL)
        self.range = home_range or self.range
        self.clear()
        return self.start()

    def said(self, text):
        with open(self.log) as f:
            return f.read().count(text)


class Isc(Server):
    name = "dhcpd"
    environment = {}

    def prepare(self):
        conf = self.office.path("dhcpd.conf")
        with open(conf, "w") as f:
            f.write(f"authoritative; default-lease-time {self.lease_s}; max-lease-time {self.lease_s};\n"
                    f"min-lease-time 1; ping-check false;\n")
            for subnet, router, span in self.subnets():
                inside = f"range {span[0]} {span[1]}; option routers {router};" if span else ""
                f.write(f"subnet {subnet.split('/')[0]} netmask 255.255.255.0 {{ {inside} }}\n")
        if not os.path.exists(self.leases):
            self.clear()
        return ("dhcpd", "-4", "-f", "-d", "-cf", conf, "-lf", self.leases, "-pf", self.office.path("dhcpd.pid"), "eth0")

    def clear(self):
        open(self.leases, "w").close()

    def active(self):
        """Addresses with a lease now, by the last entry of each."""
        state, address = {}, None
        with open(self.leases) as f:
            for line in f:
                words = line.split()
                if words[:1] == ["lease"]:
                    address = words[1]
                elif words[:2] == ["binding", "state"]:
                    state[address] = words[2].rstrip(";")
        return {a for a, s in state.items() if s == "active"}


class Kea(Server):
    name = "kea"
    declined, expired = "1", "2"

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.work = self.office.path("kea")
        os.makedirs(self.work, exist_ok=True)
        self.environment = {"KEA_LOCKFILE_DIR": self.work, "KEA_PIDFILE_DIR": self.work}

    def prepare(self):
        conf = self.office.path("kea.json")
        subnets = []
        for i, (subnet, router, span) in enumerate(self.subnets()):
            s = {"id": i + 1, "subnet": subnet}
            if span:
                s["pools"] = [{"pool": f"{span[0]} - {span[1]}"}]
                s["option-data"] = [{"name": "routers", "data": router}]
            subnets.append(s)
        with open(conf, "w") as f:
            json.dump({"Dhcp4": {
                "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
                "lease-database": {"type": "memfile", "name": self.leases, "persist": True, "lfc-interval": 0},
                "authoritative": True, "valid-lifetime": self.lease_s, "subnet4": subnets,
                "expired-leases-processing": {"reclaim-timer-wait-time": 1},
                "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
            }}, f)
        return ("kea-dhcp4", "-c", conf)

    def clear(self):
        for path in (self.leases, f"{self.leases}.2", f"{self.leases}.completed"):
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree(self.work)
        os.makedirs(self.work)

    def active(self):
        """The file is a journal; a lifetime of 0 takes a lease back."""
        state = {}
        with open(self.leases) as f:
            for line in f.read().splitlines()[1:]:
                words = line.split(",")
                state[words[0]] = words[3] != "0" and words[9] not in (self.declined, self.expired)
        return {a for a, s in state.items() if s}


SERVERS = {"isc": Isc, "kea": Kea}


class Wire:
    """DHCP at the server's wire, as tshark reads it."""

    def __init__(self, office):
        self.file = office.path("dhcp.pcap")
        log = office.path("dhcp.pcap.log")
        office.cn.start("tcpdump", "-n", "-U", "--immediate-mode", "-Z", "root", "-i", "eth0", "-w", self.file,
                        "udp port 67", log=log)
        wait_for(lambda: os.path.exists(log) and "listening on" in open(log).read(), "the capture")

    def messages(self, *kinds):
        fields = [x for f in FIELDS.values() for x in ("-e", f)]
        r = subprocess.run(["tshark", "-n", "-r", self.file, "-T", "fields", "-E", "separator=/t", *fields],
                           capture_output=True, text=True)
        seen = [dict(zip(FIELDS, line.split("\t"))) for line in r.stdout.splitlines()]
        return [m for m in seen if m.get("remote") is not None and (not kinds or m["kind"] in kinds)]
