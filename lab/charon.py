# SPDX-License-Identifier: GPL-2.0-or-later
"""strongSwan's charon in a namespace, with or without our plugin. It uses nothing of the machine's own strongSwan but
the programs."""
import os
import re
import shutil
import signal
import subprocess

from net import LabError, wait_for
from office import BUILD
from vici import Vici

PLUGIN = os.path.join(BUILD, "plugin", "libstrongswan-holdfast.so")
PLUGINS = """random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints kdf hmac sha1 sha2
kernel-libipsec kernel-netlink socket-default vici eap-identity eap-mschapv2""".split()
FOLDERS = "x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12".split()
MARK = "0x42"  # of IKE and ESP themselves: they do not go into the tunnel


def merge(into, more):
    for k, v in (more or {}).items():
        if isinstance(v, dict) and isinstance(into.get(k), dict):
            merge(into[k], v)
        else:
            into[k] = v
    return into


def text_of(settings, depth=0):
    """Nested dictionaries as strongSwan writes its files."""
    out, pad = "", "\t" * depth
    for k, v in settings.items():
        if isinstance(v, dict):
            out += f"{pad}{k} {{\n{text_of(v, depth + 1)}{pad}}}\n"
        else:
            out += f"{pad}{k} = {({True: 'yes', False: 'no'}.get(v, v)) if isinstance(v, bool) else v}\n"
    return out


class Charon:
    """Its files are in the directory NAME of the network's. `role` is gateway or node, None leaves our plugin out; then
    `settings` is all that differs from strongSwan's own."""

    def __init__(self, ns, name, role=None, socket=None, settings=None):
        self.ns, self.name, self.role = ns, name, role
        self.directory = os.path.join(ns.net.dir, name)
        self.process = None
        self.include = []  # files read before the settings
        for folder in FOLDERS:
            os.makedirs(self.path(folder), exist_ok=True)
        self.settings = self._defaults()
        if role:
            merge(self.settings, {
                "load": " ".join([*PLUGINS, "holdfast"]),
                "plugins": {"holdfast": {"socket": socket, "role": role}, "kernel-libipsec": {"allow_peer_ts": True},
                            "kernel-netlink": {"fwmark": f"!{MARK}"}, "socket-default": {"fwmark": MARK}}})
        merge(self.settings, settings)

    def _defaults(self):
        return {
            "load_modular": False,
            "load": " ".join(PLUGINS),
            "journal": {"default": -1},
            "syslog": {"daemon": {"default": -1}, "auth": {"default": -1}},
            "plugins": {"vici": {"socket": f"unix://{self.path('vici')}"}},
            # Seconds since 1970 with milliseconds, as in captures.
            "filelog": {"file": {"path": self.path("log"), "time_format": "%s", "time_add_ms": True, "append": True,
                                 "flush_line": True, "default": 1, "ike": 1, "net": 1, "enc": 1, "cfg": 1}}}

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return self.path(name)

    def trust(self, authority):
        shutil.copy(authority.ca, self.path("x509ca"))

    def own(self, cert, key):
        shutil.copy(cert, self.path("x509"))
        shutil.copy(key, self.path("private"))

    def configure(self, swanctl):
        """@swanctl: nested dictionaries, or the text of swanctl.conf."""
        self.write("swanctl.conf", swanctl if isinstance(swanctl, str) else text_of(swanctl))

    def start(self):
        self.write("strongswan.conf", "".join(f"include {path}\n" for path in self.include) +
                   text_of({"charon-systemd": self.settings}))
        if os.path.exists(self.path("vici")):
            os.unlink(self.path("vici"))  # of one that was killed
        env = [f"STRONGSWAN_CONF={self.path('strongswan.conf')}"]
        if self.role:
            env.append(f"LD_PRELOAD={PLUGIN}")  # charon looks for a plugin there first, before its own directory
        self.process = self.ns.start("nice", "-n", "-10", "env", *env, "charon-systemd", log=self.path("output"))
        wait_for(self._answers, f"{self.name} to start", every=0.005)
        if self.role and "plugin 'holdfast': failed to load" in self.log():
            raise LabError(f"{self.name}: {self.log()}")
        if os.path.exists(self.path("swanctl.conf")):
            self.load()
        return self

    def _answers(self):
        if self.process.poll() is not None:
            with open(self.path("output")) as f:
                raise LabError(f"{self.name} ended: {self.log()[-2000:]} {f.read()}")
        try:
            return self.ask("version")
        except OSError:
            return None

    def stop(self, sig=signal.SIGTERM):
        self.ns.net.stop(self.process, sig)

    def swanctl(self, *argv, check=True):
        r = subprocess.run(["swanctl", *argv, "--uri", f"unix://{self.path('vici')}"], capture_output=True, text=True,
                           env={**os.environ, "SWANCTL_DIR": self.directory})
        if check and r.returncode != 0:
            raise LabError(f"{self.name}: swanctl {argv[0]}: {r.stderr.strip() or r.stdout.strip()}")
        return r.stdout

    def load(self):
        out = self.swanctl("--load-all", "--noprompt", "--file", self.path("swanctl.conf"))
        if "failed" in out:
            raise LabError(f"{self.name}: {out}")

    def vici(self, timeout=30):
        return Vici(self.path("vici"), timeout)

    def ask(self, command, message=None, timeout=30):
        with self.vici(timeout) as v:
            return v.ask(command, message)

    def initiate(self, ike, child="net", check=True, timeout_ms=20000):
        """Connects. Returns None, or why not: the last thing charon says when it does not work."""
        with self.vici(timeout_ms / 1000 + 5) as v:
            answer = v.ask("initiate", {"ike": ike, "child": child, "timeout": timeout_ms})
        if answer.get("success") == "yes":
            return None
        if check:
            raise LabError(f"{self.name}: {ike}: {answer.get('errmsg')}: {self.log()[-1500:]}")
        return answer.get("errmsg", "failed")

    def initiate_all(self, ikes, child="net"):
        """Lets them connect at the same time, and waits for none."""
        with self.vici() as v:
            for ike in ikes:
                v.ask("initiate", {"ike": ike, "child": child, "timeout": -1})

    def terminate(self, **what):
        """ike=NAME or child=NAME."""
        return self.ask("terminate", {**what, "timeout": 5000})

    def sas(self):
        """The IKE_SAs, each as vici's list-sas has it, with its connection as `name`."""
        with self.vici() as v:
            return [{"name": name, **sa} for event in v.stream("list-sas", "list-sa") for name, sa in event.items()]

    def sa(self, **match):
        """The first IKE_SA with these values; None when there is none."""
        return next((sa for sa in self.sas() if all(sa.get(k.replace("_", "-"), sa.get(k)) == v
                                                    for k, v in match.items())), None)

    def log(self):
        try:
            with open(self.path("log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def lines(self, pattern):
        """(time in seconds, text) of each line of the log that matches."""
        found = re.finditer(r"^(\d+\.\d+) (.*)$", self.log(), re.M)
        return [(float(m[1]), m[2]) for m in found if re.search(pattern, m[2])]
