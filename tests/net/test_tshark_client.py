# SPDX-License-Identifier: GPL-2.0-or-later
"""Each message of client mode, in each access mode, as others read it: tshark's dissectors, and a walk over the extensions
written here from the RFCs. mip_modes.c lets the roles talk; what they have to say is written here, field by field. A field
that tshark shows and nobody expected is a failure as well; digests are computed again with Python's hmac.

Two extensions tshark 4.0 does not read as their RFCs have them, so that they are read here alone: the GRE key (48) is unknown
to it, and then taken for one with a short header, where RFC 6245 4.2 has Type, Sub-Type, Length(2); Dynamic HA (139) it expects
with a short header, where RFC 4433 4 prints a long one. The home agent reads that one in both forms, and so both are sent."""

import collections
import hmac
import os
import pathlib
import struct
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from scapy.all import IP, UDP, Ether, Raw, wrpcap

ROOT = pathlib.Path(__file__).parents[2]
EMIT = ROOT / os.environ.get("HF_BUILD", "build/debug") / "tests/net/mip-modes"

HOME, AGENT, OFFICE, TIA, CARE_OF, ROUTER, NAT = ("10.42.0.17", "10.0.0.1", "10.1.0.23", "10.99.0.5", "10.0.1.7", "10.1.0.2",
                                                  "10.3.0.1")
DORA = "10.42.0.50"
MN_MAC, FA_MAC, DORA_MAC = "02:00:00:00:00:17", "02:00:00:00:00:fa", "02:00:00:00:00:77"
SECONDS = 0xe9000000  # of the clock of all of them
RANDOM = 0x5a5a5a5a  # what all of them take for random
LONG = {36, 37, 38, 47, 48, 127}  # Type, Sub-Type, Length(2); all others have Type, Length (RFC 5944 1.9, 1.10)

Message = collections.namedtuple("Message", "sender layers octets")  # layers: protocol -> ElementTree
Extension = collections.namedtuple("Extension", "type body shown", defaults=[None])  # shown None: not read by tshark
Auth = collections.namedtuple("Auth", "type spi key digest")
Mip = collections.namedtuple("Mip", "sender addresses shown extensions")
Icmp = collections.namedtuple("Icmp", "sender addresses shown extensions")
Arp = collections.namedtuple("Arp", "sender shown")


# What is expected.

ALICE = Auth(32, 3000, b"alice's key", "sha256")
DORAS = Auth(32, 3001, b"dora's key", "md5")
FLOOR = Auth(33, 5000, b"dora on the floor", "md5")
AGENTS = Auth(34, 4000, b"between agents", "sha256")


def nai(name):
    return Extension(131, name.encode(), {"mip.nai": name})


def tnc():
    """RFC 5265 4.1: sub-type 0, reserved."""
    return Extension(149, bytes(2), {"mip.extension": "00:00"})


def udp_request(f=0, r=0, encapsulation=0):
    """RFC 3519 3.1"""
    return Extension(144, struct.pack("!BBBBH", 0, 0, f << 7 | r << 6, encapsulation, 0), {
        "mip.ext.utrq.subtype": "0", "mip.ext.utrq.reserved1": "0x00", "mip.ext.utrq.flags": f"0x{f << 7 | r << 6:02x}",
        "mip.ext.utrq.f": str(f), "mip.ext.utrq.r": str(r), "mip.ext.utrq.reserved2": "0x00",
        "mip.ext.utrq.encaptype": str(encapsulation), "mip.ext.utrq.reserved3": "0x0000"})


def udp_reply(code, f=0):
    """RFC 3519 3.2"""
    return Extension(44, struct.pack("!BBHH", 0, code, f << 15, 110), {
        "mip.ext.utrp.subtype": "0", "mip.ext.utrp.code": str(code), "mip.ext.utrp.flags": f"0x{f << 15:04x}",
        "mip.ext.utrp.f": str(f), "mip.ext.utrp.reserved": "0x0000", "mip.ext.utrp.keepalive": "110"})


def revocation(i=1):
    """RFC 3543 3.2; I: whether the mobile node hears of it is the home agent's to say."""
    return Extension(137, struct.pack("!HI", i << 15, SECONDS), {
        "mip.ext.rev.flags": f"0x{i << 15:04x}", "mip.ext.rev.i": str(i), "mip.ext.rev.reserved": "0x0000",
        "mip.ext.rev.tstamp": str(SECONDS)})


def words(text):
    """RFC 4917 3: sub-type 1, of a home agent."""
    return Extension(145, b"\1" + text.encode(), {"mip.ext.msgstr.subtype": "1", "mip.ext.msgstr.text": text})


def gre_key(key):
    """RFC 6245 4.2"""
    return Extension(48, struct.pack("!BI", 0, key))


def requested_agent(address, short=False):
    """RFC 4433 4: sub-type 1."""
    body = b"\1" + bytes(map(int, address.split(".")))
    return Extension(139, body, {"mip.ext.dynha.subtype": "1", "mip.ext.dynha.ha": address} if short else None)


WINDOW = words("Identification is outside of the window or not newer than the last")
ALICE_NAI, DORA_NAI = nai("alice@example.com"), nai("dora@example.com")
DELIVERY = Extension(130, b"", {"mip.extension": ""})  # RFC 3024 3.3
CHALLENGE = Extension(132, b"\xa1\xa2\xa3\xa4", {"mip.extension": "a1:a2:a3:a4"})  # RFC 4721 2.1


def request(flags, life, home, agent, care_of, *extensions, sender="mn", addresses=None, seconds=SECONDS):
    """RFC 5944 3.3"""
    bits = [("s", "S"), ("b", "B"), ("d", "D"), ("m", "M"), ("g", "G"), ("v", "r"), ("t", "T"), ("x", "x")]
    shown = {f"mip.{name}": str(int(letter in flags)) for name, letter in bits}
    octet = sum(int(letter in flags) << 7 - i for i, (_, letter) in enumerate(bits))
    return Mip(sender, addresses or {"ip.src": care_of, "ip.dst": AGENT}, shown | {
        "mip.type": "1", "mip.flags": f"0x{octet:02x}", "mip.life": str(life), "mip.homeaddr": home, "mip.haaddr": agent,
        "mip.coa": care_of, "mip.ident": f"{seconds:08x}"}, extensions)


def reply(code, life, home, *extensions, sender="ha", to=OFFICE, port=434, addresses=None, seconds=SECONDS):
    """RFC 5944 3.4"""
    return Mip(sender, addresses or {"ip.src": AGENT, "ip.dst": to, "udp.srcport": "434", "udp.dstport": str(port)}, {
        "mip.type": "3", "mip.code": str(code), "mip.life": str(life), "mip.homeaddr": home, "mip.haaddr": AGENT,
        "mip.ident": f"{seconds:08x}"}, extensions)


SOLICITATION = {"icmp.type": "10", "icmp.code": "0", "icmp.checksum": "0xf5ff", "icmp.checksum.status": "1"}


def solicits(source=OFFICE):
    """RFC 1256 3, RFC 5944 2.4"""
    return Icmp("mn", {"eth.dst": "01:00:5e:00:00:0b", "eth.src": MN_MAC, "ip.src": source, "ip.dst": "224.0.0.11",
                       "ip.ttl": "1"}, SOLICITATION, [])


def advertises(flags, sequence, life=600, to=None, lifetime=30):
    """RFC 1256 3, RFC 5944 2.1"""
    bits = [("r", "R"), ("b", "B"), ("h", "H"), ("f", "F"), ("m", "M"), ("g", "G"), ("v", "r"), ("rt", "T"), ("u", "U"),
            ("x", "X")]
    octets = sum(int(letter in flags) << 15 - i for i, (_, letter) in enumerate(bits))
    mac, address = to or ("01:00:5e:00:00:01", "224.0.0.1")
    return Icmp("fa", {"eth.dst": mac, "eth.src": FA_MAC, "ip.src": ROUTER, "ip.dst": address, "ip.ttl": "1"}, {
        "icmp.type": "9", "icmp.code": "0", "icmp.checksum.status": "1", "icmp.num_addrs": "1", "icmp.addr_entry_size": "2",
        "icmp.lifetime": str(lifetime), "icmp.router_address": ROUTER, "icmp.pref_level": "0"}, [
        {"icmp.mip.type": "16", "icmp.mip.length": "10", "icmp.mip.seq": str(sequence), "icmp.mip.life": str(life),
         "icmp.mip.flags": f"0x{octets:04x}", "icmp.mip.reserved": "0x0000", "icmp.mip.coa": CARE_OF} |
        {f"icmp.mip.{name}": str(int(letter in flags)) for name, letter in bits},
        {"icmp.mip.type": "19", "icmp.mip.length": "1", "icmp.mip.prefixlength": "24"},
        {"icmp.mip.type": "0"}])


def announces():
    return Arp("mn", {"arp.opcode": "1", "arp.src.hw_mac": MN_MAC, "arp.src.proto_ipv4": HOME, "arp.dst.proto_ipv4": HOME,
                      "arp.isgratuitous": "1"})


def to_agent(home, mac):
    """RFC 3024 3.2: to the agent's MAC, with TTL 255."""
    return {"eth.dst": FA_MAC, "eth.src": mac, "ip.src": home, "ip.dst": ROUTER, "ip.ttl": "255", "udp.srcport": "434",
            "udp.dstport": "434", "udp.checksum.status": "1"}


def from_agent(home, mac):
    return {"eth.dst": mac, "eth.src": FA_MAC, "ip.src": ROUTER, "ip.dst": home, "ip.ttl": "255", "udp.srcport": "434",
            "udp.dstport": "434", "udp.checksum.status": "1"}


BETWEEN = {"ip.src": CARE_OF, "ip.dst": AGENT, "udp.dstport": "434"}
BETWEEN_BACK = {"ip.src": AGENT, "ip.dst": CARE_OF, "udp.dstport": "434"}
PROBED = [request("DT", 1800, HOME, AGENT, OFFICE, ALICE_NAI, ALICE), reply(0, 1800, HOME, ALICE_NAI, tnc(), ALICE)]
VISITS = request("T", 600, HOME, AGENT, CARE_OF, ALICE_NAI, ALICE, addresses=to_agent(HOME, MN_MAC))


def relayed(*more):
    return VISITS._replace(sender="fa", addresses=BETWEEN, extensions=VISITS.extensions + more)


def asks(flags, *more, home=DORA, agent=AGENT, care_of=OFFICE, life=300, seconds=SECONDS):
    return request(flags, life, home, agent, care_of, DORA_NAI, *more, DORAS, seconds=seconds)


def gets(code, *more, home=DORA, life=None, to=OFFICE, seconds=SECONDS):
    life = (300 if code < 64 else 0) if life is None else life
    return reply(code, life, home, DORA_NAI, *more, DORAS, to=to, seconds=seconds)


def revokes(sender):
    """RFC 3543 3.3: A, of a home agent, which wants the mobile node to hear of it (I); the identifier is later than the time
    stamps before."""
    ends, a = BETWEEN if sender == "fa" else BETWEEN_BACK, int(sender == "ha")
    return Mip(sender, ends, {
        "mip.type": "7", "mip.rev.reserved": "0x00", "mip.flags2": f"0x{a * 0xc000:04x}", "mip.rev.a": str(a), "mip.rev.i": str(a),
        "mip.rev.reserved2": "0x0000", "mip.homeaddr": HOME, "mip.rev.hda": AGENT, "mip.rev.fda": CARE_OF,
        "mip.revid": str(SECONDS + 1)}, [AGENTS])


def acknowledges(sender):
    """RFC 3543 3.4; I as it was asked."""
    i = int(sender == "fa")
    return Mip(sender, BETWEEN if sender == "fa" else BETWEEN_BACK, {
        "mip.type": "15", "mip.ack.reserved": "0x00", "mip.flags2": f"0x{i << 15:04x}", "mip.ack.i": str(i), "mip.ack.reserved2": "0x0000",
        "mip.homeaddr": HOME, "mip.revid": str(SECONDS + 1)}, [AGENTS])


ON_FLOOR, FROM_FLOOR = to_agent(DORA, DORA_MAC), from_agent(DORA, DORA_MAC)
KEYED = request("T", 300, DORA, AGENT, CARE_OF, DORA_NAI, DORAS, DELIVERY, CHALLENGE, FLOOR, addresses=ON_FLOOR)
FLOOR_VISIT = [solicits(), advertises("FTX", 0, to=(MN_MAC, OFFICE)), *PROBED, VISITS, relayed(revocation(), AGENTS),
               reply(0, 600, HOME, ALICE_NAI, tnc(), ALICE, revocation(), AGENTS, to=CARE_OF),
               reply(0, 600, HOME, ALICE_NAI, tnc(), ALICE, sender="fa", addresses=from_agent(HOME, MN_MAC))]
ANY = request("T", 300, "0.0.0.0", "255.255.255.255", CARE_OF, DORA_NAI, requested_agent(AGENT), DORAS, FLOOR,
              addresses=to_agent("0.0.0.0", DORA_MAC))

SCENES = {
    # Co-located, in the office (B-07, B-14, B-19; X-05).
    "c": [solicits(), *PROBED],
    "forced": [solicits(), request("SBDT", 1800, HOME, AGENT, OFFICE, ALICE_NAI, udp_request(f=1), ALICE),
               reply(0, 60, HOME, ALICE_NAI, udp_reply(0, f=1), tnc(), ALICE)],
    "declined": [solicits(), request("DT", 1800, HOME, AGENT, OFFICE, ALICE_NAI, udp_request(), ALICE),
                 reply(0, 1800, HOME, ALICE_NAI, udp_reply(64), tnc(), ALICE)],
    "nat": [solicits(), request("DT", 1800, HOME, AGENT, OFFICE, ALICE_NAI, udp_request(), ALICE),  # B-47
            reply(0, 60, HOME, ALICE_NAI, udp_reply(0), tnc(), ALICE, to=NAT, port=40000)],
    # Nonces: the first of the home agent's is not known yet (RFC 5944 5.7.2).
    "nonce": [solicits(), request("DT", 1800, HOME, AGENT, OFFICE, ALICE_NAI, ALICE, seconds=0),
              reply(133, 0, HOME, ALICE_NAI, tnc(), WINDOW, ALICE, seconds=RANDOM),
              request("DT", 1800, HOME, AGENT, OFFICE, ALICE_NAI, ALICE, seconds=RANDOM),
              reply(0, 1800, HOME, ALICE_NAI, tnc(), ALICE, seconds=RANDOM)],
    "pseudonym": [solicits(), request("DT", 1800, "0.0.0.0", AGENT, OFFICE, nai("x7@example.com"), ALICE),  # B-50
                  reply(0, 1800, DORA, nai("x7@example.com"), tnc(), ALICE)],
    # On the home link (B-52).
    "home": [solicits(HOME), announces(), request("", 0, HOME, AGENT, HOME, ALICE_NAI, ALICE),
             reply(0, 0, HOME, ALICE_NAI, tnc(), ALICE, to=HOME)],
    # Through the VPN (B-40): what is in ESP, and on the home agent's wire.
    "mc": [request("DT", 1800, HOME, AGENT, TIA, ALICE_NAI, revocation(i=0), ALICE),
           reply(0, 1800, HOME, ALICE_NAI, tnc(), revocation(i=0), ALICE, to=TIA)],
    # Through a foreign agent (B-15, B-20), after the network is proven to be inside; then each agent ends the visit (RFC 3543).
    "f": FLOOR_VISIT,
    "f-again": FLOOR_VISIT,
    "revoked": [revokes("ha"), advertises("FTX", 0, to=(MN_MAC, HOME)), acknowledges("fa")],
    "f-udp": [solicits(), advertises("FTUX", 0, to=(MN_MAC, OFFICE)), *PROBED, VISITS,
              relayed(udp_request(f=1), revocation(), AGENTS),
              reply(0, 60, HOME, ALICE_NAI, udp_reply(0, f=1), tnc(), ALICE, revocation(), AGENTS, to=CARE_OF),
              reply(0, 60, HOME, ALICE_NAI, udp_reply(0, f=1), tnc(), ALICE, sender="fa", addresses=from_agent(HOME, MN_MAC))],
    "kicked": [revokes("fa"), advertises("FTUX", 0, to=(MN_MAC, HOME)), acknowledges("ha")],
    "stops": [advertises("BFTX", 0, lifetime=0), revokes("fa"), advertises("BFTX", 0, to=(MN_MAC, HOME), lifetime=0),
              acknowledges("ha"), *PROBED],
    # Hosts that ask for more than ours do.
    "gre": [asks("DTG"), gets(0, tnc())],
    "gre-key": [asks("DTG", gre_key(0x01020304)), gets(0, gre_key(RANDOM), tnc())],
    "minimal": [asks("DTM"), gets(0, tnc())],
    "broadcast": [asks("DTB", life=65535), gets(0, tnc(), life=1800)],
    "simultaneous": [asks("DTS"), gets(0, tnc())],
    "any-agent": [asks("DT", requested_agent(AGENT), home="0.0.0.0", agent="0.0.0.0"), gets(0, tnc())],
    "any-agent-short": [asks("DT", requested_agent(AGENT, short=True), home="0.0.0.0", agent="0.0.0.0"), gets(0, tnc())],
    "any-home-agent": [asks("DT", home="0.0.0.0", agent="255.255.255.255"), gets(0, tnc())],
    "by-the-agent": [asks("DT", udp_request(r=1, encapsulation=4)), gets(0, udp_reply(64), tnc())],
    # Refusals of a home agent, with a word for people.
    "other-agent-requested": [asks("DT", requested_agent("10.0.0.2"), home="0.0.0.0", agent="0.0.0.0"),
                              gets(136, tnc(), words("meant for another home agent"), home="0.0.0.0")],
    "subnet-broadcast": [asks("DT", agent="10.42.0.255"), gets(136, tnc(), words("meant for another home agent"))],
    "no-reverse-tunnel": [asks("D"), gets(138, tnc(), words("reverse tunnelling is required"))],
    "impossible": [asks("DT", care_of=AGENT), gets(134, tnc(), words("impossible care-of address"), to=AGENT)],
    "switched-off": [asks("DTM"), gets(139, tnc(), words("this encapsulation is switched off")),
                     asks("DT", udp_request(r=1, encapsulation=4)), gets(0, udp_reply(64), tnc()),
                     asks("DT", seconds=0xd0000000),
                     gets(133, tnc(), WINDOW, seconds=SECONDS + 1)],
    "one-at-a-time": [asks("DTS"), gets(1, tnc())],
    "two-at-a-time": [m for n in (23, 24) for m in (asks("DTS", care_of=f"10.1.0.{n}"), gets(0, tnc(), to=f"10.1.0.{n}"))] + [
        asks("DTS", care_of="10.1.0.25"),
        gets(135, tnc(), words("as many care-of addresses as one home address may have"), to="10.1.0.25")],
    # A host that shares a key with the foreign agent: what is for the agent ends there, and what it says is signed.
    "keyed": [KEYED, KEYED._replace(sender="fa", addresses=BETWEEN, extensions=(DORA_NAI, DORAS, revocation(), AGENTS)),
              reply(0, 300, DORA, DORA_NAI, tnc(), DORAS, revocation(), AGENTS, to=CARE_OF),
              reply(0, 300, DORA, DORA_NAI, tnc(), DORAS, FLOOR, sender="fa", addresses=FROM_FLOOR)],
    "any-agent-by-fa": [
        ANY, ANY._replace(sender="fa", addresses=BETWEEN,
                          extensions=(DORA_NAI, requested_agent(AGENT), DORAS, revocation(), AGENTS)),
        reply(0, 300, DORA, DORA_NAI, tnc(), DORAS, revocation(), AGENTS, to=CARE_OF),
        reply(0, 300, DORA, DORA_NAI, tnc(), DORAS, FLOOR, sender="fa", addresses=from_agent("255.255.255.255", DORA_MAC))],
    "unkeyed": [request("T", 300, DORA, AGENT, CARE_OF, DORA_NAI, DORAS, addresses=ON_FLOOR),
                reply(67, 0, DORA, DORA_NAI, FLOOR, sender="fa", addresses=FROM_FLOOR)],
    "too-long": [KEYED._replace(shown=KEYED.shown | {"mip.life": "1800"}),
                 reply(69, 600, DORA, DORA_NAI, FLOOR, sender="fa", addresses=FROM_FLOOR)],
    # Advertisements: the first, one of an agent that has as many visitors as it may, and the number after the last (2.3.2).
    "first": [advertises("FTX", 0)],
    "busy": [advertises("RBFTUX", 0, life=65535)],
    "wrap": [advertises("FTX", 65535), advertises("FTX", 256)],
}


# What is.

def packet_of(where):
    if where[0] == "frame":
        return Ether(bytes.fromhex(where[1]))
    _, source, source_port, destination, port, octets = where
    return (Ether(src=FA_MAC, dst=MN_MAC) / IP(src=source, dst=destination) / UDP(sport=int(source_port), dport=int(port)) /
            Raw(bytes.fromhex(octets)))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Scene -> its messages."""
    lines = [line.split() for line in subprocess.run([EMIT], check=True, capture_output=True, text=True).stdout.splitlines()]
    packets = [packet_of(where) for _, _, *where in lines]
    pcap = tmp_path_factory.mktemp("tshark") / "modes.pcap"
    wrpcap(str(pcap), packets)
    pdml = subprocess.run(["tshark", "-n", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-r", pcap, "-T",
                           "pdml"], check=True, capture_output=True).stdout
    found = collections.defaultdict(list)
    for (scene, sender, *_), packet, element in zip(lines, packets, ElementTree.fromstring(pdml).iter("packet"), strict=True):
        layers = {proto.get("name"): proto for proto in element.iter("proto")}
        found[scene].append(Message(sender, layers, bytes(packet[UDP].payload) if UDP in packet else b""))
    return found


def fields(element):
    """Of an element and all below: name -> what tshark shows; of an identification the octets."""
    return {f.get("name"): f.get("value") if f.get("name") == "mip.ident" else f.get("show")
            for f in element.iter("field") if f.get("name")}


def split(proto, trees):
    """The fields of a protocol that belong to no extension; its extensions. `trees`: how these begin."""
    fixed, extensions = {}, []
    for child in proto:
        if child.get("name"):
            fixed |= fields(child)
        elif child.get("show", "").startswith(trees):
            extensions.append(fields(child))
        else:
            for e in child:
                assert e.get("show").startswith("Extension: "), e.attrib
                extensions.append(fields(e))
    return fixed, extensions


def walk(octets):
    """(type, body, where the body begins) of the extensions, as RFC 5944 1.8 to 1.10 have them; of 139 as RFC 4433 has it."""
    at = {1: 24, 3: 20, 7: 20, 15: 12}[octets[0]]
    found = []
    while at < len(octets):
        kind, first = octets[at:at + 2]
        if kind in LONG or kind == 139 and first != 5:
            length = struct.unpack_from("!H", octets, at + 2)[0]
            body, begin = octets[at + 1:at + 2] + octets[at + 4:at + 4 + length], at + 4
            at += 4 + length
        else:
            body, begin = octets[at + 2:at + 2 + first], at + 2
            at += 2 + first
        found.append((kind, body, begin))
    assert at == len(octets)
    return found


def check_auth(octets, expected, body, begin):
    """RFC 5944 3.5.1: over all that is before the authenticator, the SPI included."""
    covered = octets[:begin + 4]
    assert body == struct.pack("!I", expected.spi) + hmac.new(expected.key, covered, expected.digest).digest()


def as_tshark_has_it(expected):
    """The fields it shows of an extension."""
    if isinstance(expected, Auth):
        size = hmac.new(b"x", b"", expected.digest).digest_size
        return {"mip.ext.type": str(expected.type), "mip.ext.len": str(4 + size), "mip.auth.spi": f"0x{expected.spi:08x}"}
    return {"mip.ext.type": str(expected.type), "mip.ext.len": str(len(expected.body))} | expected.shown


def check_mip(m, expected):
    fixed, extensions = split(m.layers["mip"], "Extension: ")
    if "mip.ident" in fixed:
        fixed["mip.ident"] = fixed["mip.ident"][:8]  # the clock; see test_answers_carry_what_was_asked()
    assert fixed == expected.shown
    found = walk(m.octets)
    assert [kind for kind, _, _ in found] == [e.type for e in expected.extensions]
    for e, (_, body, begin) in zip(expected.extensions, found):
        if isinstance(e, Auth):
            check_auth(m.octets, e, body, begin)
        else:
            assert body == e.body
    if any(isinstance(e, Extension) and e.shown is None for e in expected.extensions):
        return
    for shown in extensions:
        shown.pop("mip.auth.auth", None)  # was computed again above
    assert extensions == [as_tshark_has_it(e) for e in expected.extensions]
    assert not [name for name in m.layers if "malformed" in name or "expert" in name]


def check_icmp(m, expected):
    fixed, extensions = split(m.layers["icmp"], "Ext: ")
    if "icmp.checksum" not in expected.shown:
        fixed.pop("icmp.checksum")  # its status tells
    assert fixed == expected.shown
    assert extensions == expected.extensions


def check(m, expected):
    assert m.sender == expected.sender
    if isinstance(expected, Arp):
        shown = fields(m.layers["arp"])
        assert {name: shown.get(name) for name in expected.shown} == expected.shown
        return
    around = {}
    for layer in ("eth", "ip", "udp"):
        around |= fields(m.layers[layer]) if layer in m.layers else {}
    assert {name: around.get(name) for name in expected.addresses} == expected.addresses
    assert around["ip.checksum.status"] == "1"
    (check_mip if isinstance(expected, Mip) else check_icmp)(m, expected)


@pytest.mark.parametrize("scene", SCENES)
def test_scene(scenes, scene):
    assert len(scenes[scene]) == len(SCENES[scene])
    for m, expected in zip(scenes[scene], SCENES[scene]):
        check(m, expected)


def test_nothing_else_is_said(scenes):
    assert set(scenes) == set(SCENES)


def test_answers_carry_what_was_asked(scenes):
    """RFC 5944 5.7.1: the Identification of the request; on its way through an agent too. Refused for it, with our clock."""
    for name, messages in scenes.items():
        asked = None
        for m in messages:
            if m.octets[:1] == b"\1":
                asked = m.octets[16:24]
            elif m.octets[:1] == b"\3" and m.octets[1] == 133:
                assert m.octets[12:20] == struct.pack("!I", RANDOM if name == "nonce" else SECONDS + 1) + asked[4:], name
            elif m.octets[:1] == b"\3":
                assert m.octets[12:20] == asked, name
