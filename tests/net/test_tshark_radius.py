# SPDX-License-Identifier: GPL-2.0-or-later
"""A-21, L-63. RADIUS: our packets as tshark reads them, which checks response authenticators and uncovers passwords, and the rest with
Python's hmac; and packets of scapy, radclient and FreeRADIUS as we read them."""
import hashlib
import hmac
import os
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from aaa import RadiusServer
from capture import Capture
from net import Network, wait_for
from pki import Authority
from scapy.all import IP, UDP, Raw, rdpcap, wrpcap
from scapy.layers import radius as scapy_radius

ROOT = pathlib.Path(__file__).parents[2]
TOOL = ROOT / os.environ.get("HF_BUILD", "build/debug") / "tests/net/radius-tool"
SECRET = b"testing123"
REQUESTS = {1: 1812, 4: 1813, 40: 3799, 43: 3799}
ZEROS = bytes(16)


@pytest.fixture(scope="module")
def packets():
    lines = subprocess.run([TOOL], check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: bytes.fromhex(octets) for name, octets in (line.split() for line in lines)}


@pytest.fixture(scope="module")
def dissected(packets, tmp_path_factory):
    """For each packet what tshark shows: field name -> list of texts."""
    frames, port = [], None
    for octets in packets.values():
        port = REQUESTS.get(octets[0])
        if port:
            asked = port
            frames.append(IP(src="10.0.1.1", dst="10.0.0.11") / UDP(sport=50001, dport=port) / Raw(octets))
        else:
            frames.append(IP(src="10.0.0.11", dst="10.0.1.1") / UDP(sport=asked, dport=50001) / Raw(octets))
    pcap = tmp_path_factory.mktemp("tshark") / "radius.pcap"
    wrpcap(str(pcap), [bytes(f) for f in frames], linktype=101)  # LINKTYPE_RAW
    pdml = subprocess.run(["tshark", "-r", pcap, "-o", f"radius.shared_secret:{SECRET.decode()}", "-o",
                           "radius.validate_authenticator:TRUE", "-T", "pdml"], check=True, capture_output=True).stdout
    shown = []
    for packet in ElementTree.fromstring(pdml).iter("packet"):
        fields = {}
        for field in packet.iter("field"):
            fields.setdefault(field.get("name"), []).append(field.get("show"))
        shown.append(fields)
    return dict(zip(packets, shown))


def test_every_packet_is_read_whole(packets, dissected):
    codes = {"request": "1", "challenge": "11", "accept": "2", "reject": "3", "stop": "4", "stopped": "5", "disconnect": "40",
             "disconnected": "41", "coa": "43", "coa-refused": "45"}
    for name, octets in packets.items():
        fields = dissected[name]
        assert not [f for f in fields if "malformed" in f], name
        assert fields["radius.length"] == [str(len(octets))], name
    for name, code in codes.items():
        assert dissected[name]["radius.code"] == [code]


def test_responses_are_authentic(packets, dissected):
    for name, octets in packets.items():
        if octets[0] not in REQUESTS:
            assert dissected[name]["radius.authenticator.valid"] == ["1"], name


def message_authenticator(octets, header):
    """The value of attribute 80, which is the first one, and what it ought to be (RFC 3579 3.2)."""
    assert octets[20:22] == b"\x50\x12"
    packet = octets[:4] + header + octets[20:22] + ZEROS + octets[38:]
    return octets[22:38], hmac.new(SECRET, packet, "md5").digest()


def test_message_authenticators(packets):
    asked = ZEROS
    for name, octets in packets.items():
        if octets[0] in REQUESTS:
            asked = octets[4:20]
        if octets[0] in (4, 5, 41):
            continue  # these packets of the tool have none
        mine, right = message_authenticator(octets, ZEROS if octets[0] in (40, 43) else asked)
        assert mine == right, name


def test_request_authenticators(packets):
    """RFC 2866 3, RFC 5176 2.3."""
    for name in ("stop", "disconnect", "coa"):
        octets = packets[name]
        assert octets[4:20] == hashlib.md5(octets[:4] + ZEROS + octets[20:] + SECRET).digest(), name


def shows(fields, expected):
    assert {name: fields.get(name, []) for name in expected} == expected


def test_request(dissected):
    shows(dissected["request"], {
        "radius.User_Name": ["anonymous@example.com"], "radius.NAS_IP_Address": ["10.0.1.9"],
        "radius.Called_Station_Id": ["02-00-00-00-01-00:office"], "radius.Calling_Station_Id": ["02-00-00-00-00-01"],
        "radius.NAS_Port_Type": ["15"], "radius.Service_Type": ["2"], "eap.code": ["2"], "eap.id": ["1"], "eap.len": ["26"],
        "eap.identity": ["anonymous@example.com"], "radius.Proxy_State": [b"state of a proxy".hex(":")]})


def test_long_eap_is_put_together(dissected):
    """RFC 3579 3.1: three attributes, one packet."""
    shows(dissected["challenge"], {"eap.code": ["1"], "eap.id": ["2"], "eap.len": ["600"], "eap.type": ["21"]})
    assert len(dissected["challenge"]["radius.eap_fragment"]) == 3


def salted(value, asked):
    """RFC 2868 3.5, without a tag."""
    salt, cipher, plain, before = value[:2], value[2:], b"", asked + value[:2]
    for at in range(0, len(cipher), 16):
        plain += bytes(a ^ b for a, b in zip(cipher[at:at + 16], hashlib.md5(SECRET + before).digest()))
        before = cipher[at:at + 16]
    assert salt[0] & 0x80
    return plain[1:1 + plain[0]]


def test_accept_with_mobile_ip(dissected):
    """L-63: the WiMAX Forum's attributes."""
    fields = dissected["accept"]
    shows(fields, {
        "radius.User_Name": ["alice@example.com"], "radius.Framed-IP-Address": ["10.42.0.20"],
        "radius.Session_Timeout": ["3600"], "radius.avp.vendor_id": ["24757"] * 3, "radius.WiMAX_hHA_IP_MIP4": ["10.0.0.1"],
        "radius.WiMAX_MN_hHA_MIP4_SPI": ["1000"], "eap.code": ["3"]})
    key = bytes.fromhex(fields["radius.WiMAX_MN_hHA_MIP4_Key"][0].replace(":", ""))
    assert salted(key, bytes(range(16))) == bytes(range(16))


def test_passwords_are_covered_anew(dissected):
    shows(dissected["password"], {"radius.User_Password": ["open sesame"], "radius.User_Name": ["bob@example.com"]})


def test_what_else_is_said(dissected):
    shows(dissected["reject"], {"radius.Reply_Message": ["no address is free"]})
    shows(dissected["stop"], {"radius.Acct_Status_Type": ["2"], "radius.Acct_Session_Id": ["0123456789ABCDEF"],
                              "radius.Acct_Terminate_Cause": ["2"]})
    shows(dissected["disconnect"], {"radius.User_Name": ["alice@example.com"]})
    shows(dissected["coa-refused"], {"radius.Error_Cause": ["503"]})


def read(rows):
    """rows: (secret, authenticator of the request or None, packet). What our decoder says of each, a dictionary; attributes
    by their number, the last of each."""
    lines = "".join(f"{secret.hex()} {asked.hex() if asked else '-'} {packet.hex()}\n" for secret, asked, packet in rows)
    text = subprocess.run([TOOL, "read"], input=lines, check=True, capture_output=True, text=True).stdout
    return [dict(word.split("=", 1) for word in line.split()) if line != "bad" else None for line in text.splitlines()]


def test_scapy_packets():
    asked = bytes(range(100, 116))
    attributes = [scapy_radius.RadiusAttr_User_Name(value=b"anonymous@example.com"),
                  scapy_radius.RadiusAttribute(type=31, value=b"02:00:00:00:00:01"),
                  scapy_radius.RadiusAttr_EAP_Message(value=scapy_radius.EAP(code=2, id=1, type=1, identity=b"anonymous")),
                  scapy_radius.RadiusAttr_Message_Authenticator(value=ZEROS)]
    request = scapy_radius.Radius(code=1, id=9, authenticator=asked, attributes=attributes)
    packed = bytes(request)
    digest = hmac.new(SECRET, packed, "md5").digest()
    packed = packed[:-16] + digest
    accept = scapy_radius.Radius(code=2, id=9, len=26, attributes=[scapy_radius.RadiusAttr_Session_Timeout(value=60)])
    accept.authenticator = accept.compute_authenticator(asked, SECRET)
    forged = bytearray(bytes(accept))
    forged[-1] ^= 1
    first, second, third, fourth, fifth = read([
        (SECRET, None, packed), (b"other", None, packed), (SECRET, asked, bytes(accept)), (SECRET, asked, bytes(forged)),
        (SECRET, None, packed[:-1])])
    assert first["code"] == "Access-Request" and first["id"] == "9" and first["proof"] == "right"
    assert first["mac"] == "020000000001" and first["1"] == b"anonymous@example.com".hex()
    assert first["eap"] == (b"\2\1\0\x0e\1anonymous").hex()
    assert second["proof"] == "wrong"
    assert second["mac"] == first["mac"]
    assert (third["proof"], third["authenticator"], third["27"]) == ("absent", "right", "0000003c")
    assert fourth["authenticator"] == "wrong"
    assert fifth is None


def test_requests_that_authenticate_themselves():
    """RFC 5176 2.3: the Message-Authenticator first, over zeros where the authenticator will be."""
    for code in (4, 40, 43):
        packet = bytes([code, 3, 0, 45]) + ZEROS + b"\x50\x12" + ZEROS + b"\x01\x07alice"
        packet = packet[:22] + hmac.new(SECRET, packet, "md5").digest() + packet[38:]
        packet = packet[:4] + hashlib.md5(packet + SECRET).digest() + packet[20:]
        p, = read([(SECRET, None, packet)])
        assert (p["proof"], p["authenticator"]) == ("right", "right"), code


REQUEST = """User-Name = "alice@example.com"
{password}
Calling-Station-Id = "02-00-00-00-00-01"
Message-Authenticator = 0x00
"""


@pytest.fixture(scope="module")
def exchanged():
    """radclient and FreeRADIUS: what went over the wire, and who alice is."""
    with Network("radius") as net:
        ns = net.add("aaa")
        ns.run("ip", "link", "set", "lo", "up")
        server = RadiusServer(ns, "127.0.0.1", Authority(net.dir))
        server.add_client("nas", "127.0.0.1", SECRET.decode())
        alice = server.add_user("alice@example.com", "her password", "Session-Timeout = 600",
                                "WiMAX-hHA-IP-MIP4 = 10.0.0.1", "Framed-IP-Address = 10.42.0.20")
        server.start()
        capture = Capture(ns, "lo", "udp port 1812 or udp port 1813")

        def ask(kind, text, check=True):
            ns.run("radclient", "-x", "-t", "5", "-r", "1", f"127.0.0.1:{1813 if kind == 'acct' else 1812}", kind,
                   SECRET.decode(), input=text, check=check)
        ask("auth", REQUEST.format(password='User-Password = "her password"'))
        ask("auth", REQUEST.format(password='CHAP-Password = "her password"'))
        ask("auth", REQUEST.format(password='User-Password = "another"'), check=False)
        ask("acct", 'Acct-Status-Type = Stop\nAcct-Session-Id = "s1"\nUser-Name = "alice@example.com"\n'
                    'Acct-Terminate-Cause = Lost-Carrier\n')
        wait_for(lambda: len(rdpcap(capture.file)) == 8, "eight packets in the capture")
        capture.stop()
        yield [bytes(p[UDP].payload) for p in rdpcap(capture.file)], alice


def test_radclient_and_freeradius(exchanged):
    octets, alice = exchanged
    rows = [(SECRET, None if p[0] in REQUESTS else octets[i - 1][4:20], p) for i, p in enumerate(octets)]
    assert [p[0] for p in octets] == [1, 2, 1, 2, 1, 3, 4, 5]
    told = read(rows)
    for p in told[:6]:
        assert p["proof"] == "right"
    for p in (told[1], told[3], told[5], told[6], told[7]):
        assert p["authenticator"] == "right"
    for p in (told[1], told[3]):
        assert p["key"] == alice.key and p["spi"] == f"{alice.spi:08x}"
        assert p["27"] == "00000258" and p["8"] == "0a2a0014"
    assert told[0]["mac"] == "020000000001"
    assert (told[6]["40"], told[6]["49"], told[6]["44"]) == ("00000002", "00000002", b"s1".hex())
    wrong = read([(b"another secret", *row[1:]) for row in rows])
    assert [p["proof"] for p in wrong[:6]] == ["wrong"] * 6
    assert [wrong[i]["authenticator"] for i in (1, 3, 5, 6, 7)] == ["wrong"] * 5
    assert all(p.get("key") != alice.key for p in wrong)
