# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock strongSwan in a namespace, and certificates for it."""
import os
import subprocess

from net import run, wait_for

PLUGINS = ("random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints kdf hmac sha1 sha2 md5 gcrypt "
           "kernel-libipsec kernel-netlink socket-default vici eap-identity eap-mschapv2 updown")


class Pki:
    """A CA, a gateway gw1.example.com and alice, in PEM; alice also as PKCS #12. All ECDSA."""
    password = "p'a\"ss\\ <w>‘&"
    passphrase = 'k"e\\y #1'

    def __init__(self, directory):
        self.dir = directory
        self.ca, self.ca_key = directory / "ca.pem", directory / "ca.key"
        self.cert, self.key = directory / "alice.pem", directory / "alice.key"
        self.gw, self.gw_key = directory / "gw.pem", directory / "gw.key"
        self.p12 = directory / "alice.p12"
        self.openssl("req", "-x509", *self.new_key(self.ca_key), "-out", self.ca, "-subj", "/O=Example/CN=Example & CA",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign")
        self.issue(self.cert, self.key, "/CN=Alice", "email:alice@example.com")
        self.issue(self.gw, self.gw_key, "/CN=gw1.example.com", "DNS:gw1.example.com")
        self.openssl("pkcs12", "-export", "-in", self.cert, "-inkey", self.key, "-out", self.p12,
                     "-passout", f"pass:{self.password}")
        self.locked_key = directory / "locked.key"
        self.openssl("ec", "-in", self.key, "-out", self.locked_key, "-aes128", "-passout", f"pass:{self.passphrase}")
        self.ca_der = subprocess.run(["openssl", "x509", "-in", self.ca, "-outform", "DER"], check=True,
                                     capture_output=True).stdout

    @staticmethod
    def openssl(*argv):
        run("openssl", *argv)

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def issue(self, cert, key, subject, name):
        self.openssl("req", "-x509", *self.new_key(key), "-out", cert, "-subj", subject, "-addext",
                     f"subjectAltName={name}", "-addext", "basicConstraints=CA:FALSE", "-CA", self.ca, "-CAkey", self.ca_key)


class Charon:
    """charon-systemd in `ns`; `settings` are added to its strongswan.conf."""

    def __init__(self, ns, directory, settings=""):
        self.ns, self.dir = ns, directory
        for name in ("x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey", "private", "rsa", "ecdsa",
                     "bliss", "pkcs8", "pkcs12"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        self.log = os.path.join(directory, "charon.log")
        self.vici = f"unix://{directory}/charon.vici"
        conf = os.path.join(directory, "strongswan.conf")
        with open(conf, "w") as f:
            f.write(f"""charon-systemd {{
                load_modular = no
                load = {PLUGINS}
                plugins {{
                    vici {{
                        socket = {self.vici}
                    }}
                }}
                journal {{
                    default = -1
                }}
                filelog {{
                    f {{
                        path = {self.log}
                        flush_line = yes
                        default = 1
                    }}
                }}
            }}
            """ + settings)
        self.process = ns.start("charon-systemd", env={**os.environ, "STRONGSWAN_CONF": conf})
        wait_for(lambda: os.path.exists(os.path.join(directory, "charon.vici")), "charon's socket")

    def swanctl(self, *argv, check=True):
        return self.ns.run("env", f"SWANCTL_DIR={self.dir}", "swanctl", *argv, "--uri", self.vici, check=check)

    def load(self, text):
        conf = os.path.join(self.dir, "swanctl.conf")
        with open(conf, "w") as f:
            f.write(text)
        return self.swanctl("--load-all", "--noprompt", "--file", conf)
