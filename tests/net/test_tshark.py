# SPDX-License-Identifier: GPL-2.0-or-later
"""Our bytes as others read them: tshark's Mobile IP dissector, and a decoder written here from the RFCs for what
tshark does not know. Digests are computed again with Python's hmac."""

import hmac
import os
import pathlib
import struct
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from scapy.all import IP, UDP, Raw, wrpcap

ROOT = pathlib.Path(__file__).parents[2]
EMIT = ROOT / os.environ.get("HF_BUILD", "build/debug") / "tests/net/mip-emit"
INNER = bytes(IP(src="10.42.0.10", dst="10.9.0.2") / UDP(sport=5000, dport=6000) / b"inside")


@pytest.fixture(scope="module")
def messages():
    lines = subprocess.run([EMIT], check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: bytes.fromhex(octets) for name, octets in (line.split() for line in lines)}


@pytest.fixture(scope="module")
def dissected(messages, tmp_path_factory):
    """For each message what tshark shows: field name -> list of (shown, raw hex)."""
    packets = []
    for name, octets in messages.items():
        if name == "agent-adv":
            packets.append(IP(src="10.0.1.1", dst="224.0.0.1", ttl=1, proto=1) / Raw(octets))
        else:
            inner = INNER if name == "tunnel-data" else b""
            packets.append(IP(src="10.0.1.1", dst="10.0.0.1") / UDP(sport=434, dport=434) / Raw(octets + inner))
    pcap = tmp_path_factory.mktemp("tshark") / "mip.pcap"
    wrpcap(str(pcap), packets, linktype=101)  # LINKTYPE_RAW
    pdml = subprocess.run(["tshark", "-r", pcap, "-T", "pdml"], check=True, capture_output=True).stdout
    shown = []
    for packet in ElementTree.fromstring(pdml).iter("packet"):
        fields = {}
        for field in packet.iter("field"):
            fields.setdefault(field.get("name"), []).append((field.get("show"), field.get("value")))
        shown.append(fields)
    return dict(zip(messages, shown))


def check(fields, expected):
    assert {name: [show for show, _ in fields.get(name, [])] for name in expected} == expected


def show_spi(spi):
    return f"0x{spi:08x}"


# Types whose header is Type, Sub-Type, Length(2); all others have Type, Length (RFC 5944 1.9, 1.10).
LONG = {36, 37, 38, 47, 48, 127}


def extensions(octets):
    found = []
    while octets:
        if octets[0] in LONG:
            sub, length = struct.unpack_from("!BH", octets, 1)
            head, key = 4, (octets[0], sub)
        else:
            head, length, key = 2, octets[1], octets[0]
        assert len(octets) >= head + length
        found.append((key, octets[head:head + length]))
        octets = octets[head + length:]
    return found


def authenticator(octets, kind, spi, key, digest):
    """The extension of this kind, checked, and where it begins."""
    size = hmac.new(key, b"", digest).digest_size
    at = octets.find(bytes([kind, 4 + size]) + struct.pack("!I", spi))
    assert at > 0
    assert octets[at + 6:at + 6 + size] == hmac.new(key, octets[:at + 6], digest).digest()
    return at


def mn_ha(octets):
    return authenticator(octets, 32, 256, b"12345678", "md5")


def fa_ha(octets):
    return authenticator(octets, 34, 257, b"abcdefgh", "sha256")


def test_nothing_is_malformed(dissected):
    for name, fields in dissected.items():
        assert not [f for f in fields if f.startswith("_ws.malformed")], name
        assert "icmp" in str(fields) if name == "agent-adv" else "mip.type" in fields, name


def test_request(messages, dissected):
    check(dissected["request"], {
        "mip.type": ["1"], "mip.s": ["0"], "mip.b": ["1"], "mip.d": ["1"], "mip.m": ["0"], "mip.g": ["0"],
        "mip.t": ["1"], "mip.x": ["0"], "mip.life": ["1800"], "mip.homeaddr": ["10.42.0.10"],
        "mip.haaddr": ["10.0.0.1"], "mip.coa": ["10.0.1.1"], "mip.nai": ["alice@example.com"],
        "mip.ext.rev.i": ["1"], "mip.ext.rev.tstamp": [str(0xE9ABCDEF)],
        "mip.ext.utrq.f": ["1"], "mip.ext.utrq.r": ["0"], "mip.ext.utrq.encaptype": ["4"],
        "mip.ext.utrq.reserved3": ["0x0000"],
        "mip.ext.pmipv4skipext.subtype": ["1", "2", "3", "4"],
        "mip.ext.pmipv4skipext.interfaceid": ["65:74:68:31"],
        "mip.ext.pmipv4skipext.deviceid_type": ["1"], "mip.ext.pmipv4skipext.deviceid_id": ["02:11:22:33:44:55"],
        "mip.ext.pmipv4skipext.subscriberid_type": ["1"], "mip.ext.pmipv4skipext.accesstechnology_type": ["1"],
        "mip.auth.spi": [show_spi(256)],
    })
    assert dissected["request"]["mip.ident"][0][1] == "e9abcdef12345678"
    assert mn_ha(messages["request"]) + 22 == len(messages["request"])


def test_request_extensions_in_order(messages):
    """L-59: the sequence number lies in an experimental extension, under the authenticator."""
    found = extensions(messages["request"][24:])
    assert [kind for kind, _ in found] == [131, 137, 144, 147, 147, 147, 147, 255, 32]
    assert found[7][1] == b"\x01\x00" + struct.pack("!I", 0x01020304)
    assert found[5][1] == b"\x03\x01" + b"001010123456789"


def test_node_request(messages, dissected):
    check(dissected["node-request"], {
        "mip.type": ["1"], "mip.flags": ["0x00"], "mip.life": ["0"], "mip.homeaddr": ["0.0.0.0"],
        "mip.nai": ["bob@example.com"], "mip.ext.pmipv4nonskipext.subtype": ["1"],
        "mip.ext.pmipv4nonskipext.pernodeauthmethod": ["1"], "mip.auth.spi": [show_spi(257)],
    })
    assert [kind for kind, _ in extensions(messages["node-request"][24:])] == [131, (47, 1), 34]
    fa_ha(messages["node-request"])


def test_reply(messages, dissected):
    check(dissected["reply"], {
        "mip.type": ["3"], "mip.code": ["0"], "mip.life": ["600"], "mip.homeaddr": ["10.42.0.10"],
        "mip.haaddr": ["10.0.0.1"], "mip.nai": ["alice@example.com"], "mip.ext.utrp.code": ["0"],
        "mip.ext.utrp.f": ["1"], "mip.ext.utrp.keepalive": ["110"], "mip.ext.msgstr.subtype": ["1"],
        "mip.ext.msgstr.text": ["welcome back"], "mip.ext.rev.i": ["0"], "mip.ext.rev.tstamp": [str(0xE9ABCDF0)],
        "mip.auth.spi": [show_spi(256), show_spi(257)],
    })
    assert dissected["reply"]["mip.ident"][0][1] == "e9abcdef12345678"
    found = extensions(messages["reply"][20:])
    assert [kind for kind, _ in found] == [131, 255, 44, 149, 145, 32, 137, 34]
    assert found[1][1] == b"\x01\x00" + struct.pack("!I", 0x01020305)
    assert found[3][1] == b"\0\0"
    assert mn_ha(messages["reply"]) < fa_ha(messages["reply"])


def test_refusal(messages, dissected):
    check(dissected["refusal"], {"mip.code": ["133"], "mip.life": ["0"], "mip.homeaddr": ["0.0.0.0"]})
    assert dissected["refusal"]["mip.ident"][0][1] == "e9abce0012345678"
    mn_ha(messages["refusal"])


def test_revocation(messages, dissected):
    check(dissected["revocation"], {
        "mip.type": ["7"], "mip.rev.a": ["1"], "mip.rev.i": ["0"], "mip.rev.reserved2": ["0x0000"],
        "mip.homeaddr": ["10.42.0.10"], "mip.rev.hda": ["10.0.0.1"], "mip.rev.fda": ["10.0.1.1"],
        "mip.revid": [str(0xE9ABCDF1)], "mip.auth.spi": [show_spi(257)],
    })
    fa_ha(messages["revocation"])


def test_revocation_ack(messages, dissected):
    check(dissected["revocation-ack"], {
        "mip.type": ["15"], "mip.ack.i": ["1"], "mip.homeaddr": ["10.42.0.10"], "mip.revid": [str(0xE9ABCDF1)],
        "mip.auth.spi": [show_spi(257)],
    })
    fa_ha(messages["revocation-ack"])


def test_tunnel_data(dissected):
    """tshark finds our packet and goes on with the one inside."""
    check(dissected["tunnel-data"], {"mip.type": ["4"], "mip.nattt.nexthdr": ["4"], "ip.src": ["10.0.1.1", "10.42.0.10"],
                                     "udp.dstport": ["434", "6000"]})


def test_agent_advertisement(messages, dissected):
    check(dissected["agent-adv"], {
        "icmp.type": ["9"], "icmp.code": ["0"], "icmp.checksum.status": ["1"], "icmp.num_addrs": ["1"],
        "icmp.addr_entry_size": ["2"], "icmp.lifetime": ["1800"], "icmp.mip.seq": ["258"], "icmp.mip.life": ["900"],
        "icmp.mip.r": ["1"], "icmp.mip.b": ["0"], "icmp.mip.h": ["0"], "icmp.mip.f": ["1"], "icmp.mip.m": ["0"],
        "icmp.mip.g": ["0"], "icmp.mip.v": ["0"], "icmp.mip.rt": ["1"], "icmp.mip.u": ["1"], "icmp.mip.x": ["1"],
        "icmp.mip.coa": ["10.0.1.1", "10.0.1.2"], "icmp.mip.prefixlength": ["24"],
        "icmp.mip.challenge": ["01:02:03:04"],
    })
    assert struct.unpack_from("!4si", messages["agent-adv"], 8) == (bytes([10, 0, 1, 1]), -2)
    assert len(messages["agent-adv"]) % 2 == 0
