# SPDX-License-Identifier: GPL-2.0-or-later
"""What doc/aaa.md says to do is done here, to the configuration that comes with Debian's FreeRADIUS, with the files of packaging
and the blocks of the document itself."""
import os
import re
import shutil
import subprocess
import textwrap

import pytest
from net import Network, wait_for
from office import ROOT
from pki import Authority

STOCK = "/etc/freeradius/3.0"
SAMPLES = os.path.join(ROOT, "packaging", "freeradius")
AGENT, ANCHOR, ALICE, MALLORY = "127.0.0.1", "127.0.0.2", "alice@example.com", "mallory@example.com"
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def block(begin, end):
    """Of the document, from a line of its own to a text after it."""
    text = read(ROOT, "doc", "aaa.md")
    at = text.index(begin)
    at = text.rindex("\n", 0, at) + 1
    return textwrap.dedent(text[at:text.index(end, at)])


class Stock:
    """FreeRADIUS as the package has it, and as the document wants it."""

    def __init__(self, net):
        self.ns, self.directory = net.add("aaa"), os.path.join(net.dir, "raddb")
        shutil.copytree(STOCK, self.directory, symlinks=True)
        self.sessions = os.path.join(net.dir, "sessions")
        os.mkdir(self.sessions, mode=0o700)
        self.authority = Authority(os.path.join(net.dir, "pki"))
        self.log = os.path.join(net.dir, "freeradius.log")
        self._secure(net)
        self._follow_the_document()

    def change(self, name, *changes):
        """Replaces all; a text that is not there is a package we do not know."""
        text = read(self.directory, name)
        for old, new in changes:
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        self.write(name, text)

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as f:
            f.write(text)

    def _secure(self, net):
        """What any server needs: certificates, users. It stays root, to read the files of the test."""
        cert, key = self.authority.issue("server", "aaa.example.com", flag="serverAuth")
        self.change("mods-available/eap", ("/etc/ssl/private/ssl-cert-snakeoil.key", key),
                    ("/etc/ssl/certs/ssl-cert-snakeoil.pem", cert), ("/etc/ssl/certs/ca-certificates.crt", self.authority.ca))
        self.change("radiusd.conf", ("user = freerad", "user = root"), ("group = freerad", "group = root"))
        name = "mods-config/files/authorize"
        self.write(name, f'"{ALICE}" Cleartext-Password := "secret"\n\n' + read(self.directory, name))

    def _follow_the_document(self):
        clients = read(SAMPLES, "clients.conf").replace("10.0.1.1", AGENT).replace("10.0.0.1", ANCHOR)
        stock = read(self.directory, "clients.conf").replace("client localhost {", "client localhost_of_the_package {")
        self.write("clients.conf", re.sub(r"ipaddr = 127\.0\.0\.1$", "ipaddr = 127.0.0.9", stock, flags=re.M) + clients)
        self.change("mods-available/eap", ("\t\tuse_tunneled_reply = no", "\t\tuse_tunneled_reply = yes"))
        self.change("sites-available/inner-tunnel", ("\npost-auth {", "\npost-auth {\n" + block(
            "update reply {\n               &User-Name := &request", "3. **What else")))
        self.write("mods-enabled/holdfast", read(SAMPLES, "modules"))
        self.write("sites-enabled/holdfast-keys", read(SAMPLES, "keys-server"))
        self.write("holdfast-profile", read(SAMPLES, "profile"))
        self.write("holdfast-keys", read(SAMPLES, "keys"))
        said = block("if (&EAP-Type == TLS) {", "   The last part has")
        signed = said[said.index("update reply {\n        &Message"):]
        reject = "\tPost-Auth-Type REJECT {"
        self.change("sites-available/default", (reject, said + reject + "\n" + signed))
        self.write("proxy.conf", re.sub(r"^realm example\.com \{.*?^\}", "", read(self.directory, "proxy.conf"),
                                        flags=re.S | re.M))
        eap = read(self.directory, "mods-available/eap")
        cache = eap[eap.index("\n\t\tcache {"):eap.index("\n\t\tverify {")]
        self.change("mods-available/eap", (cache, cache.replace(
            "enable = no\n", f'enable = yes\nname = "docs"\npersist_dir = {self.sessions}\n').replace(
            "\t\t\tstore {\n", "\t\t\tstore {\nUser-Name\n")))

    def start(self):
        self.process = self.ns.start("freeradius", "-d", self.directory, "-X", log=self.log)
        wait_for(lambda: self.process.poll() is not None or "Ready to process" in read(self.log), "FreeRADIUS")
        assert self.process.poll() is None, read(self.log)[-2000:]
        return self


@pytest.fixture(scope="module")
def server():
    with Network("samples") as net:
        yield Stock(net).start()


def login(server, method, *lines):
    """Twice, the second time by resumption, as eapol_test does it. Returns its output."""
    path = os.path.join(server.ns.net.dir, "network")
    with open(path, "w") as f:
        f.write("network={\nkey_mgmt=IEEE8021X\n" + "\n".join((f"eap={method}", f'ca_cert="{server.authority.ca}"', *lines)) +
                "\n}\n")
    return subprocess.run(server.ns.argv("eapol_test", "-c", path, "-a", AGENT, "-s", "change-me", "-t", "30", "-r", "1"),
                          capture_output=True, text=True)


def names(output):
    """User-Name of each Access-Accept."""
    accepts = re.findall(r"^Access-Accept|code=2 \(Access-Accept\).*?(?=^RADIUS message|\Z)", output, re.S | re.M)
    return [re.findall(r"Attribute 1 \(User-Name\).*?\n\s+Value: '(.*?)'", a) for a in accepts]


@pytest.mark.parametrize("method, inside", [("TTLS", "auth=PAP"), ("TTLS", "autheap=MSCHAPV2"), ("PEAP", "auth=MSCHAPV2")])
def test_the_name_inside_of_the_tunnel(server, method, inside):
    """L-62: also for a session that is resumed, whatever the station calls itself outside."""
    r = login(server, method, f'identity="{ALICE}"', f'anonymous_identity="{MALLORY}"', 'password="secret"', f'phase2="{inside}"')
    assert r.returncode == 0, r.stdout[-500:]
    got = names(r.stdout)
    assert len(got) == 2 and all(n and set(n) == {ALICE} for n in got), got
    assert "Skipping Phase2 due to session resumption" in read(server.log)


def test_the_name_in_the_certificate(server):
    """L-62: EAP-TLS, in the same way; a certificate without a name lets nobody in."""
    for name, addresses, want in (("alice", [ALICE], [[ALICE], [ALICE]]), ("host", ["host.example.com"], [])):
        cert, key = server.authority.issue(name, *addresses)
        r = login(server, "TLS", f'identity="{MALLORY}"', f'client_cert="{cert}"', f'private_key="{key}"')
        assert names(r.stdout) == want and (r.returncode == 0) == bool(want)


def radclient(server, what, *request, secret="change-me"):
    r = subprocess.run(server.ns.argv("radclient", "-x", "-t", "30", "-r", "1", f"{AGENT}:1812", "auth", secret),
                       input=",".join((*request, "Message-Authenticator=0x00")) + "\n", capture_output=True, text=True)
    assert f"Received {what}" in r.stdout, r.stdout + r.stderr
    return r.stdout[r.stdout.index("Received"):]


def test_answers_are_signed_and_bring_the_profile(server):
    """L-63: also those to PAP, and refusals."""
    for password, what in (("secret", "Access-Accept"), ("wrong", "Access-Reject")):
        answer = radclient(server, what, f'User-Name="{ALICE}"', f'User-Password="{password}"')
        assert "Message-Authenticator = 0x" in answer
        assert (f"WiMAX-MN-hHA-MIP4-Key = 0x{KEY}" in answer) == (password == "secret")


def test_keys_are_for_home_agents(server):
    """L-63: by NAI and SPI, and for nobody else."""
    ask = f'User-Name="{ALICE}"', "Service-Type=Authorize-Only", "WiMAX-RRQ-MN-HA-SPI={}"
    anchor = f"Packet-Src-IP-Address={ANCHOR}"
    asked = radclient(server, "Access-Accept", anchor, *ask[:2], ask[2].format(5000), secret="change-me-as-well")
    assert f"WiMAX-RRQ-MN-HA-Key = 0x{KEY}" in asked and "Message-Authenticator" in asked
    radclient(server, "Access-Reject", anchor, *ask[:2], ask[2].format(5001), secret="change-me-as-well")
    assert "Key" not in radclient(server, "Access-Reject", *ask[:2], ask[2].format(5000))


def test_the_sample_of_hostapd(server):
    """It runs with that file, but for the names of interface and directory."""
    net = server.ns.net
    port, station = net.add("port"), net.add("station")
    net.link(port, "eth1", station, "eth0")
    directory = os.path.join(net.dir, "hostapd")
    conf, log = os.path.join(net.dir, "hostapd.conf"), os.path.join(net.dir, "hostapd.log")
    with open(conf, "w") as f:
        f.write(read(ROOT, "packaging", "hostapd-wired.conf").replace("/run/hostapd", directory))
    p = port.start("hostapd", "-t", conf, log=log)
    wait_for(lambda: p.poll() is not None or "AP-ENABLED" in read(log), "hostapd")
    assert p.poll() is None, read(log)
    assert os.path.exists(os.path.join(directory, "eth1"))
    net.stop(p)
