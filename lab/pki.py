# SPDX-License-Identifier: GPL-2.0-or-later
"""A certification authority of the lab."""
import os
import subprocess

from net import LabError


def pki(*argv, input=None):
    r = subprocess.run(["pki", *argv], input=input, capture_output=True)
    if r.returncode != 0:
        raise LabError(f"pki {argv[0]}: {r.stderr.decode(errors='replace').strip()}")
    return r.stdout


class Authority:
    """Its certificate is `ca`; what it issues lies in the same directory, as NAME.crt and NAME.key."""

    def __init__(self, directory, name="ca"):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.key = self._key(name)
        self.ca = self._write(f"{name}.crt", pki("--self", "--ca", "--in", self.key, "--type", "ecdsa", "--dn",
                                                 f"O=Example, CN=Example {name}", "--outform", "pem"))

    def _write(self, name, octets):
        path = os.path.join(self.directory, name)
        with open(path, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(octets)
        return path

    def _key(self, name):
        return self._write(f"{name}.key", pki("--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"))

    def issue(self, name, *alternative_names, dn=None, flag="clientAuth"):
        """Returns the paths of certificate and key."""
        key = self._key(name)
        with open(key, "rb") as f:
            public = pki("--pub", "--type", "ecdsa", input=f.read())
        names = [x for n in alternative_names for x in ("--san", n)]
        cert = pki("--issue", "--cacert", self.ca, "--cakey", self.key, "--dn", dn or f"O=Example, CN={name}", *names,
                   "--flag", flag, "--outform", "pem", input=public)
        return self._write(f"{name}.crt", cert), key
