# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles for VPN clients: what is wrong is told, and each kind is read by what reads it: Python's property lists and
JSON, a strict reader of PowerShell, and strongSwan itself, which connects with them."""
import base64
import json
import os
import plistlib
import re
import ssl
import subprocess
import uuid

import pytest

from charon import Charon
from net import Network, run as run_tool
from office import BUILD
from pki import Authority
from powershell import read_script

COMMAND = os.path.join(BUILD, "cli", "holdfast")
OK, FAILED, USAGE = 0, 1, 2
NAME_SPACE = uuid.UUID("4cfce16f-f7d2-4f70-a927-158045934ebb")
NASTY = """a'b"c<&>]]>\\`$(d)‘e’;#{}="""


def run(*args):
    return subprocess.run([COMMAND, "profile", *map(str, args)], capture_output=True, timeout=20)


def make(*args):
    r = run(*args)
    assert r.returncode == OK and not r.stderr, r.stderr
    return r.stdout.decode()


def private(path, text):
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def common(auth, user="alice@example.com", gateway="gw1.example.com"):
    return ["--gateway", gateway, "--user", user, "--auth", auth]


class Pki:
    """A CA, gw1.example.com's certificate, and alice's: in PEM with a locked key, and as PKCS #12."""
    password = "p'a\"ss\\ <w>‘&"
    passphrase = 'k"e\\y #1'

    def __init__(self, directory):
        self.authority = Authority(directory, "a & b")
        self.ca = self.authority.ca
        self.gw = self.authority.issue("gw1.example.com", "gw1.example.com", flag="serverAuth")
        self.cert, key = self.authority.issue("alice", "alice@example.com")
        self.p12, self.locked_key = directory / "alice.p12", directory / "locked.key"
        run_tool("openssl", "pkcs12", "-export", "-in", self.cert, "-inkey", key, "-out", self.p12, "-passout",
                 f"pass:{self.password}")
        run_tool("openssl", "ec", "-in", key, "-out", self.locked_key, "-aes128", "-passout", f"pass:{self.passphrase}")
        with open(self.ca) as f:
            self.ca_der = ssl.PEM_cert_to_DER_cert(f.read())


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.mark.parametrize("args, told", [
    ([], "swanctl, apple, windows, android"),
    (["palm"], "swanctl, apple, windows, android"),
    (["apple", "--colour", "red"], "--colour"),
    (["apple", "--gateway"], "--gateway"),
    (["apple", "more"], "'more'"),
    (["apple", *common("kerberos")], "--auth 'kerberos': allowed: psk, cert, eap"),
    (["apple", "--user", "a@b", "--auth", "psk"], "--gateway is missing"),
    (["apple", "--gateway", "gw", "--auth", "psk"], "--user is missing"),
    (["apple", "--gateway", "gw", "--user", "a@b"], "--auth is missing; allowed: psk, cert, eap"),
    (["apple", *common("psk", gateway="gw 1")], "--gateway 'gw 1'"),
    (["apple", *common("psk", gateway="-gw")], "--gateway '-gw'"),
    (["apple", *common("psk"), "--gateway", "gw2"], "--gateway: one only for apple"),
    (["apple", *common("psk"), "--gateway-id", "%any"], "--gateway-id '%any'"),
    (["swanctl", *common("psk"), "--gateway-id", "*.example.com"], "--gateway-id '*.example.com'"),
    (["swanctl", *common("psk"), "--gateway-id", "a", "--gateway-id", "b"], "as many as --gateway"),
    (["windows", *common("eap"), "--gateway-id", "a"], "--gateway-id: not for windows; allowed with: swanctl, apple"),
    (["apple", *common("psk", user="al ice@example.com")], "--user"),
    (["apple", *common("psk", user="alice@")], "--user"),
    (["apple", *common("psk", user="alice@a@b")], "--user"),
    (["apple", *common("psk", user="ali\nce@b")], "--user"),
    (["apple", *common("psk", user="ali\udcffce@b")], "--user"),
    (["apple", *common("psk"), "--name", ""], "--name ''"),
    (["swanctl", *common("psk"), "--name", "my vpn"], "letters, digits, - and _"),
    (["windows", *common("eap"), "--name", "a[b]"], "--name 'a[b]': allowed: ASCII"),
    (["windows", *common("eap"), "--name", "Büro"], "--name 'Büro': allowed: ASCII"),
    (["apple", *common("psk"), "--remote", "10.0.0.0/8"], "--remote: not for apple; allowed with: swanctl, windows"),
    (["swanctl", *common("psk"), "--remote", "10.0.0.1/8"], "--remote '10.0.0.1/8'"),
    (["swanctl", *common("psk"), "--remote", "10.0.0.0/33"], "--remote '10.0.0.0/33'"),
    (["swanctl", *common("psk"), "--remote", "10.0.0.0"], "--remote '10.0.0.0'"),
    (["swanctl", *common("psk"), "--on-demand-outside", "Office"], "--on-demand-outside: not for swanctl"),
    (["apple", *common("psk"), "--on-demand-outside", "o" * 33], "1 to 32 octets"),
    (["apple", *common("psk"), "--helper"], "--helper: not for apple; allowed with: swanctl"),
    (["apple", *common("cert"), "--ca", "x"], "--cert is missing"),
    (["apple", *common("cert"), "--cert", "x"], "--ca is missing"),
    (["apple", *common("eap"), "--cert", "x"], "--cert: only with --auth cert"),
    (["apple", *common("psk"), "--ca", "x"], "--ca: not with --auth psk"),
    (["apple", *common("cert"), "--key-type", "dsa"], "rsa, ecdsa256, ecdsa384, ecdsa521"),
    (["android", *common("psk")], "--auth psk: android cannot; allowed: cert, eap"),
    (["windows", *common("psk")], "--auth psk: windows cannot; allowed: cert, eap"),
    (["android", *common("eap"), "--secret-file", "x"], "--secret-file: not for android"),
    (["windows", *common("eap"), "--secret-file", "x"], "--secret-file: not for windows with --auth eap"),
    (["swanctl", *common("cert"), "--cert", "a", "--secret-file", "x"], "--key, which is missing"),
    (["swanctl", *common("cert"), "--cert", "a,b"], "names without commas"),
    (["swanctl", *common("cert"), "--cert", "a", "--key", "/tmp/a.key"], "--key '/tmp/a.key'"),
    (["apple", *common("psk"), "--secret-file", "/nonexistent"], "--secret-file /nonexistent"),
    (["apple", *common("eap"), "--ca", "/etc/hostname"], "--ca /etc/hostname: allowed: one certificate of a CA"),
    (["android", *common("cert"), "--cert", "/etc/hostname"], "--cert /etc/hostname: allowed for android: a PKCS #12"),
])
def test_what_is_wrong_is_told(args, told):
    args = [a.encode("utf-8", "surrogateescape") for a in args]
    r = subprocess.run([COMMAND, "profile", *args], capture_output=True, timeout=20)
    said = r.stderr.decode(errors="replace")
    assert r.returncode == USAGE and told in said and said.startswith("holdfast: profile: "), said
    assert not r.stdout and said.count("\n") == 1 + (b"ali\nce@b" in args)


@pytest.mark.parametrize("content, mode, told", [
    ("secret\n", 0o640, "others may read it; allowed: mode 0600"),
    ("secret\n", 0o604, "others may read it"),
    ("", 0o600, "is empty"),
    ("\n", 0o600, "one line of UTF-8"),
    ("two\nlines\n", 0o600, "one line of UTF-8"),
    ("a\0b", 0o600, "one line of UTF-8"),
    ("x" * 256, 0o600, "1 to 255 octets"),
    ("x" * 2_000_000, 0o600, "is too big"),
], ids=["group", "others", "empty", "no-text", "lines", "nul", "long", "huge"])
def test_a_secret_is_private_and_one_line(tmp_path, content, mode, told):
    secret = private(tmp_path / "secret", content)
    secret.chmod(mode)
    r = run("apple", *common("psk"), "--secret-file", secret)
    assert r.returncode == USAGE and told in r.stderr.decode() and not r.stdout
    assert "secret\n" not in r.stderr.decode()


def test_a_pkcs12_must_open_and_fit(tmp_path, pki):
    wrong = private(tmp_path / "wrong", "not this\n")
    r = run("windows", *common("cert"), "--cert", pki.p12, "--secret-file", wrong)
    assert r.returncode == USAGE and "is not the password" in r.stderr.decode()
    r = run("apple", *common("cert"), "--ca", pki.ca, "--cert", pki.p12)
    assert r.returncode == USAGE and "--key-type is missing" in r.stderr.decode()
    r = run("apple", *common("cert"), "--ca", pki.cert, "--cert", pki.p12, "--key-type", "rsa")
    assert r.returncode == USAGE and "certificate of a CA" in r.stderr.decode()


def test_output_is_private_and_replaced_whole(tmp_path):
    out = tmp_path / "alice.mobileconfig"
    out.write_text("old")
    out.chmod(0o644)
    r = run("apple", *common("psk"), "--output", out)
    assert r.returncode == OK and not r.stdout
    assert out.stat().st_mode & 0o777 == 0o600 and out.read_text() == make("apple", *common("psk"))
    assert os.listdir(tmp_path) == [out.name]
    r = run("apple", *common("psk"), "--output", tmp_path / "none" / "x")
    assert r.returncode == FAILED and "--output" in r.stderr.decode()


def test_help_is_no_error():
    assert "--secret-file" in make("--help") and "--secret-file" in make("apple", "--help")


def apple(*args):
    profile = plistlib.loads(make("apple", *args).encode())
    payloads = {p["PayloadType"]: p for p in profile["PayloadContent"]}
    return profile, payloads, payloads["com.apple.vpn.managed"]["IKEv2"]


def test_apple_psk(tmp_path):
    secret = private(tmp_path / "secret", NASTY + "\n")
    profile, payloads, vpn = apple(*common("psk", user="al'<&ice@example.com"), "--name", NASTY,
                                   "--secret-file", secret, "--gateway-id", "CN=gw & co")
    assert profile["PayloadType"] == "Configuration" and profile["PayloadDisplayName"] == NASTY
    assert payloads["com.apple.vpn.managed"]["UserDefinedName"] == NASTY
    association = {"EncryptionAlgorithm": "AES-128-GCM", "IntegrityAlgorithm": "SHA2-256", "DiffieHellmanGroup": 19}
    assert vpn == {
        "RemoteAddress": "gw1.example.com", "RemoteIdentifier": "CN=gw & co", "LocalIdentifier": "al'<&ice@example.com",
        "AuthenticationMethod": "SharedSecret", "SharedSecret": NASTY, "ExtendedAuthEnabled": 0, "DisableMOBIKE": 0,
        "EnablePFS": 1, "DeadPeerDetectionRate": "High", "IKESecurityAssociationParameters": association,
        "ChildSecurityAssociationParameters": association}


def test_apple_eap_leaves_the_password_to_the_user(pki):
    _, payloads, vpn = apple(*common("eap"), "--ca", pki.ca)
    assert vpn["AuthenticationMethod"] == "None" and vpn["ExtendedAuthEnabled"] == 1
    assert vpn["AuthName"] == "alice@example.com" and "AuthPassword" not in vpn
    assert vpn["ServerCertificateIssuerCommonName"] == "Example a & b"
    assert payloads["com.apple.security.root"]["PayloadContent"] == pki.ca_der


def test_apple_certificate(pki, tmp_path):
    secret = private(tmp_path / "secret", pki.password)
    _, payloads, vpn = apple(*common("cert"), "--ca", pki.ca, "--cert", pki.p12, "--secret-file", secret)
    own = payloads["com.apple.security.pkcs12"]
    assert own["PayloadContent"] == pki.p12.read_bytes() and own["Password"] == pki.password
    assert vpn["PayloadCertificateUUID"] == own["PayloadUUID"]
    assert vpn["AuthenticationMethod"] == "Certificate" and vpn["CertificateType"] == "ECDSA256"
    _, payloads, vpn = apple(*common("cert"), "--ca", pki.ca, "--cert", pki.p12, "--key-type", "ecdsa384")
    assert "Password" not in payloads["com.apple.security.pkcs12"] and vpn["CertificateType"] == "ECDSA384"


def test_apple_on_demand():
    _, _, vpn = apple(*common("psk"), "--on-demand-outside", "Office <1>", "--on-demand-outside", "Lab")
    assert vpn["OnDemandEnabled"] == 1 and vpn["OnDemandRules"] == [
        {"Action": "Disconnect", "InterfaceTypeMatch": "WiFi", "SSIDMatch": ["Office <1>", "Lab"]},
        {"Action": "Connect"}]


def test_uuids_are_of_the_name_alone(pki):
    """So that a new profile replaces the old one, and another user's or name's does not."""
    def uuids(*args):
        profile, payloads, _ = apple(*args)
        return [profile["PayloadUUID"], *(p["PayloadUUID"] for p in payloads.values())]
    first = uuids(*common("eap"), "--ca", pki.ca)
    assert first == uuids(*common("eap", gateway="gw2"), "--ca", pki.ca, "--on-demand-outside", "Office")
    assert first == [str(uuid.uuid5(NAME_SPACE, "\0".join(["apple", "alice@example.com", "Holdfast", part, ""])))
                     for part in ("profile", "ca", "vpn")]
    assert not set(first) & set(uuids(*common("eap"), "--ca", pki.ca, "--name", "Other"))
    assert not set(first) & set(uuids(*common("eap", user="bob@example.com"), "--ca", pki.ca))


def test_android(pki):
    app = json.loads(make("android", *common("cert", user=NASTY + "@example.com"), "--ca", pki.ca, "--cert", pki.p12,
                          "--name", NASTY, "--remote", "10.0.0.0/8", "--remote", "192.0.2.0/24"))
    assert uuid.UUID(app["uuid"]).version == 5 and app["name"] == NASTY and app["type"] == "ikev2-cert"
    assert app["remote"]["addr"] == app["remote"]["id"] == "gw1.example.com"
    assert base64.b64decode(app["remote"]["cert"], validate=True) == pki.ca_der
    assert app["local"]["id"] == NASTY + "@example.com"
    assert base64.b64decode(app["local"]["p12"], validate=True) == pki.p12.read_bytes()
    assert app["split-tunneling"] == {"subnets": ["10.0.0.0/8", "192.0.2.0/24"]}
    app = json.loads(make("android", *common("eap")))
    assert app["type"] == "ikev2-eap" and app["local"] == {"eap_id": "alice@example.com"}
    assert "split-tunneling" not in app and "cert" not in app["remote"]


def windows(*args):
    text = make("windows", *args)
    assert text.startswith("\ufeff#") and "\r" not in text
    return read_script(text[1:])


def test_windows_certificate(pki, tmp_path):
    secret = private(tmp_path / "secret", pki.password)
    name, user = "o'Neil; $(calc) `x` {#}", "o’neil';calc‘@example.com"
    script = windows(*common("cert", user=user), "--name", name, "--ca", pki.ca, "--cert", pki.p12,
                     "--secret-file", secret, "--remote", "10.0.0.0/8")
    assert script.assigned["name"] == name and script.assigned["user"] == user
    assert script.assigned["gateway"] == "gw1.example.com" and script.assigned["password"] == pki.password
    assert [base64.b64decode(s, validate=True) for s in script.arguments("FromBase64String")] == [
        pki.ca_der, pki.p12.read_bytes()]
    assert script.options["AuthenticationMethod"] == "MachineCertificate" and script.options["TunnelType"] == "Ikev2"
    assert script.options["SplitTunneling"] == "$true" and script.options["Name"] == "$name"
    assert script.parameters("Set-VpnConnectionIPsecConfiguration") == {
        "ConnectionName": "$name", "AllUserConnection": None, "Force": None, "EncryptionMethod": "AES256",
        "IntegrityCheckMethod": "SHA256", "DHGroup": "ECP256", "CipherTransformConstants": "GCMAES128",
        "AuthenticationTransformConstants": "GCMAES128", "PfsGroup": "ECP256"}
    assert script.parameters("Add-VpnConnectionRoute") == {
        "ConnectionName": "$name", "AllUserConnection": None, "DestinationPrefix": "10.0.0.0/8"}
    assert {"DisableMobility=0", "NetworkOutageTime=1800"} <= set(script.strings)


def test_windows_eap_asks_the_user():
    script = windows(*common("eap"))
    assert script.options["AuthenticationMethod"] == "Eap" and script.options["SplitTunneling"] == "$false"
    assert "Add-VpnConnectionRoute" not in script.words and "password" not in script.assigned
    assert script.words.count("Add-VpnConnection") == script.words.count("Remove-VpnConnection") == 1


def test_windows_password_can_be_typed(pki):
    script = windows(*common("cert"), "--cert", pki.p12)
    assert "Read-Host" in script.words and "MachineCertificateIssuerFilter" not in script.options


SECRET = '0x’ "not hex" \\ {#}'


def gateway_configuration():
    def connection(name, user, ours, theirs):
        return {name: {
            "version": 2, "proposals": "aes128gcm16-prfsha256-ecp256", "pools": "home",
            "local": {"id": "gw1.example.com", **ours}, "remote": {"id": user, **theirs},
            "children": {"net": {"local_ts": "10.50.0.0/24", "esp_proposals": "aes128gcm16-ecp256,aes128gcm16"}}}}
    secret = "0x" + SECRET.encode().hex()
    certificate = {"auth": "pubkey", "certs": "gw1.example.com.crt"}
    return {
        "connections": {
            **connection("psk", "bob@example.com", {"auth": "psk"}, {"auth": "psk"}),
            **connection("cert", "alice@example.com", certificate, {"auth": "pubkey"}),
            **connection("eap", "carol@example.com", certificate, {"auth": "eap-mschapv2", "eap_id": "%any"})},
        "pools": {"home": {"addrs": "10.42.0.9/32"}},
        "secrets": {"ike-bob": {"id": "bob@example.com", "secret": secret},
                    "eap-carol": {"id": "carol@example.com", "secret": secret}}}


@pytest.fixture(scope="module")
def host(pki):
    """A host that has a gateway at the other end of its cable."""
    with Network("profile") as net:
        gw, host = net.add("gw"), net.add("host")
        net.link(gw, "up0", host, "eth0")
        gw.batch("addr add 198.51.100.2/24 dev up0", "addr add 10.50.0.1/24 dev lo")
        host.batch("addr add 198.51.100.7/24 dev eth0")
        charon = Charon(gw, "gw-charon")
        charon.trust(pki.authority)
        charon.own(*pki.gw)
        charon.configure(gateway_configuration())
        charon.start()
        yield host


@pytest.fixture
def client(host, pki):
    """A charon beside the gateway, with alice's files. Called with a profile, it loads that."""
    started = []

    def load(profile, settings=None):
        charon = Charon(host, f"charon-{len(os.listdir(host.net.dir))}", settings=settings)
        charon.trust(pki.authority)
        charon.own(pki.cert, pki.locked_key)
        started.append(charon.start())
        charon.configure(profile)
        return charon, charon.swanctl("--load-all", "--noprompt", "--file", charon.path("swanctl.conf"))
    yield load
    for charon in started:
        charon.stop()


def commented_settings(profile):
    """The part of a profile for strongswan.conf: sections and values in comments, nested by braces."""
    nested = [{}]
    for line in re.findall(r"^# (charon-systemd \{|    .*|\})$", profile, re.M):
        line = line.split("#")[0].strip()
        if line.endswith("{"):
            nested.append(nested[-1].setdefault(line[:-1].strip(), {}))
        elif line == "}":
            nested.pop()
        else:
            key, _, value = line.partition(" = ")
            nested[-1][key] = value
    assert len(nested) == 1
    return nested[0]["charon-systemd"]


@pytest.mark.parametrize("helper", [False, True])
@pytest.mark.parametrize("auth, user", [("psk", "bob@example.com"), ("cert", "alice@example.com"),
                                        ("eap", "carol@example.com")])
def test_strongswan_connects(host, client, pki, tmp_path, auth, user, helper):
    secret = private(tmp_path / "secret", (pki.passphrase if auth == "cert" else SECRET) + "\n")
    args = [*common(auth, user, "198.51.100.2"), "--gateway-id", "gw1.example.com", "--remote", "10.50.0.0/24",
            "--secret-file", secret]
    if auth == "cert":
        args += ["--cert", "alice.crt", "--key", "locked.key"]
    if auth != "psk":
        args += ["--ca", "a & b.crt"]
    profile = make("swanctl", *args, *["--helper"] * helper)
    settings = None
    if helper:  # holdfast-mn would keep the address
        settings = commented_settings(profile)
        assert settings["install_virtual_ip"] == "no" and settings["plugins"]["holdfast"]["role"] == "node"
        host.batch("addr add 10.42.0.9/32 dev lo")
    try:
        charon, said = client(profile, settings)
        charon.initiate("holdfast")
        host.run("ping", "-c", "1", "-W", "3", "-I", "10.42.0.9", "10.50.0.1")
    finally:
        if helper:
            host.batch("addr del 10.42.0.9/32 dev lo")
    assert {"psk": "loaded ike secret", "eap": "loaded eap secret", "cert": "loaded certificate"}[auth] in said
    sa = charon.sa(name="holdfast")
    assert sa["state"] == "ESTABLISHED" and sa["local-id"] == user and sa["local-vips"] == ["10.42.0.9"]


def test_strongswan_loads_several_gateways(client):
    profile = make("swanctl", *common("psk", user="""o'n"eil\\@example.com"""), "--gateway", "gw2", "--name", "office_1",
                   "--helper")
    charon, said = client(profile)
    assert profile.count("mobike = yes") == 2  # B-02
    assert "successfully loaded 2 connections" in said and "loaded ike secret" not in said
    connections = charon.swanctl("--list-conns")
    assert connections.count(": IKEv2,") == 2  # B-01
    assert re.search(r"^office_1:", connections, re.M) and re.search(r"^office_1-2:", connections, re.M)
    assert """id: o'n"eil\\@example.com""" in connections and "remote: gw2" in connections
    assert "0.0.0.0/0" in connections
