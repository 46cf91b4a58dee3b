# SPDX-License-Identifier: GPL-2.0-or-later
"""Wired 802.1X: hostapd at a port, wpa_supplicant in a station, and how the floors of an office use them."""
import os
import re
import signal
import subprocess

from aaa import ACCT_PORT, ANONYMOUS, AUTH_PORT, SERVER_NAME, RadiusServer, private, read
from net import LabError, wait_for


class Hostapd:
    """The authenticator of one port with wired stations behind it, several of them where the port leads to a bridge:
    such a bridge has to forward EAPOL (group_fwd_mask 8), and answers go to each station's own address."""

    def __init__(self, ns, interface, secret, server="127.0.0.1", name=None, more=""):
        self.ns, self.interface = ns, interface
        self.directory = os.path.join(ns.net.dir, name or f"{ns.name}-hostapd")
        os.makedirs(self.directory, mode=0o700)
        self.secret, self.server, self.more, self.process = secret, server, more, None

    @property
    def socket(self):
        return os.path.join(self.directory, self.interface)

    def start(self):
        conf = private(os.path.join(self.directory, "conf"), f"""\
driver=wired
interface={self.interface}
ctrl_interface={self.directory}
ieee8021x=1
use_pae_group_addr=0
eapol_version=2
eap_reauth_period=3600
own_ip_addr=127.0.0.1
nas_identifier={self.ns.name}
auth_server_addr={self.server}
auth_server_port={AUTH_PORT}
auth_server_shared_secret={self.secret}
acct_server_addr={self.server}
acct_server_port={ACCT_PORT}
acct_server_shared_secret={self.secret}
{self.more}
""")
        self.process = self.ns.start("hostapd", "-t", conf, log=os.path.join(self.directory, "log"))
        wait_for(self._is_ready, "hostapd to start")
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise LabError(f"hostapd ended: {self.log()[-2000:]}")
        return os.path.exists(self.socket) and "PONG" in self.tell("ping", check=False)

    def stop(self, sig=signal.SIGTERM):
        self.ns.net.stop(self.process, sig)
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def tell(self, *command, check=True):
        r = subprocess.run(["hostapd_cli", "-p", self.directory, "-i", self.interface, *command], capture_output=True,
                           text=True)
        if check and (r.returncode != 0 or "FAIL" in r.stdout):
            raise LabError(f"hostapd: {' '.join(command)}: {r.stdout}{r.stderr}")
        return r.stdout

    def started(self, mac):
        """When it asked a station who it is, in seconds since 1970."""
        return [float(t) for t in re.findall(rf"^(\d+\.\d+): .*CTRL-EVENT-EAP-STARTED {mac}$", self.log(), re.M)]

    def authorized(self, mac):
        return "[AUTHORIZED]" in self.tell("sta", mac, check=False)

    def log(self):
        return read(os.path.join(self.directory, "log"))


def network(method, identity, outer, password, ca, cert=None, key=None):
    """A network of wpa_supplicant's configuration. method: TTLS, PEAP or TLS."""
    lines = ["key_mgmt=IEEE8021X", "eapol_flags=0", f"eap={method}", f'ca_cert="{ca}"',
             f'domain_match="{SERVER_NAME}"']
    if method == "TLS":
        lines += [f'identity="{outer}"', f'client_cert="{cert}"', f'private_key="{key}"']
    else:
        inside = {"TTLS": "auth=PAP", "PEAP": "auth=MSCHAPV2", "MD5": ""}[method]
        lines += [f'identity="{identity}"', f'anonymous_identity="{outer}"', f'password="{password}"',
                  f'phase2="{inside}"']
    return "network={\n" + "".join(f"\t{x}\n" for x in lines) + "}\n"


class Supplicant:
    """wpa_supplicant of a station. With TTLS and PEAP it shows a pseudonym to the network and its name only to the AAA
    server; with TLS its name is in its certificate."""

    def __init__(self, station, ca, method="TTLS", identity=None, password="", cert=None, key=None, outer=ANONYMOUS):
        self.station, self.method = station, method
        self.directory = station.office.path(f"{station.name}-wpa")
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self.conf = network(method, identity or station.nai, outer, password, ca, cert, key)
        self.process = None

    def start(self):
        conf = private(os.path.join(self.directory, "conf"), f"""\
ctrl_interface={self.directory}
ap_scan=0
eapol_version=2
fast_reauth=1
{self.conf}""")
        # -t: with times
        self.process = self.station.ns.start("wpa_supplicant", "-t", "-D", "wired", "-i", "eth0", "-c", conf,
                                             log=os.path.join(self.directory, "log"))
        wait_for(self._is_ready, "wpa_supplicant to start")
        wait_for(lambda: "Associated with" in self.log(), "wpa_supplicant to listen")
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise LabError(f"wpa_supplicant ended: {self.log()[-2000:]}")
        return "PONG" in self.tell("ping", check=False)

    def stop(self, sig=signal.SIGTERM):
        self.station.ns.net.stop(self.process, sig)

    def tell(self, *command, check=True):
        r = subprocess.run(["wpa_cli", "-p", self.directory, "-i", "eth0", *command], capture_output=True, text=True)
        if check and (r.returncode != 0 or "FAIL" in r.stdout):
            raise LabError(f"wpa_supplicant: {' '.join(command)}: {r.stdout}{r.stderr}")
        return r.stdout

    def log(self):
        return read(os.path.join(self.directory, "log"))

    def successes(self):
        return self.log().count("CTRL-EVENT-EAP-SUCCESS")

    def failures(self):
        return self.log().count("CTRL-EVENT-EAP-FAILURE")


class Floors:
    """802.1X on all floors of an office: nobody is there who has not proved to the AAA server who it is. Its agents and its
    anchor have no keys of their own for users."""
    ADDRESS = "10.0.20.1"
    NAS_SECRET, AAA_SECRET, ANCHOR_SECRET = "hostapd and agent", "agent and AAA server", "anchor and AAA server"

    def __init__(self, office, anchor, gateway):
        net = self.net = office.net
        self.gateway = gateway  # of the home network
        self.office, self.hostapds, self.supplicants, self.passwords = office, {}, {}, {}
        host = net.add("aaa")
        net.link(office.core, "aaa", host, "core")
        office.core.batch("address add 10.0.20.254/24 dev aaa")
        host.batch(f"address add {self.ADDRESS}/24 dev core", "route add default via 10.0.20.254")
        self.server = RadiusServer(host, self.ADDRESS, office.authority)
        self.server.add_client("ha", anchor, self.ANCHOR_SECRET, "keys")
        for n in range(1, office.floors + 1):
            self.server.add_client(f"ar{n}", f"10.0.{n}.1", self.AAA_SECRET)
            # Of frames to the group of 802.1X a bridge passes on none by itself.
            office.building.batch(f"link set floor{n} type bridge group_fwd_mask 8")

    def add_user(self, name, *reply, password=True):
        """password=False: only a certificate. Before the server starts."""
        self.passwords[name] = f"the password of {name}"
        return self.server.add_user(f"{name}@example.com", self.passwords[name] if password else None, *reply)

    def hostapd(self, n):
        """Of a floor."""
        if n not in self.hostapds:
            self.hostapds[n] = Hostapd(self.office.ars[n], "access", self.NAS_SECRET)
        return self.hostapds[n]

    def mpa_conf(self, n):
        return f"""
nas hostapd {{ address = "127.0.0.1/32" access = "access" secret = "text:{self.NAS_SECRET}" }}
aaa main {{ address = "{self.ADDRESS}" secret = "text:{self.AAA_SECRET}" }}
access "access" {{ trusted = no hostapd = "{self.hostapd(n).directory}" }}
"""

    def ha_conf(self):
        return f"""
aaa main {{ address = "{self.ADDRESS}" secret = "text:{self.ANCHOR_SECRET}" }}
user "*@example.com" {{ aaa-key = yes }}
"""

    def supplicant(self, station, method="TTLS", **options):
        """wpa_supplicant of a station. options: as of Supplicant; the station's own name and password where none is
        given. It waits: the station need not be anywhere yet."""
        if method == "TLS" and "cert" not in options:
            options["cert"], options["key"] = self.office.authority.issue(station.name, station.nai)
        options.setdefault("password", self.passwords.get(station.name, ""))
        s = self.supplicants[station.name] = Supplicant(station, self.office.authority.ca, method, **options)
        return s.start()

    def log_in(self, station):
        """A station that has just arrived shows up, as one does by finding out whether an address is in use; its network
        manager goes on when the supplicant is done."""
        supplicant = self.supplicants[station.name]
        before = supplicant.successes()
        station.ns.start("arping", "-q", "-D", "-c", "2", "-w", "2", "-I", "eth0", self.gateway)
        wait_for(lambda: supplicant.successes() > before, f"{station.name} to be let in")

    def stop_supplicant(self, station):
        if station.name in self.supplicants:
            self.supplicants.pop(station.name).stop()
