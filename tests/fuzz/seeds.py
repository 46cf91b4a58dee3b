#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the seed corpora of the fuzzers: tests/fuzz/corpus/TARGET/NAME. Composed with struct and scapy, not with
our own builders, so that a seed is valid because the RFC says so."""

import hashlib
import hmac
import json
import pathlib
import struct

from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, UDP, Ether, Raw)

HERE = pathlib.Path(__file__).parent / "corpus"


def put(target, name, data):
    path = HERE / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(data))


def ip4(text):
    return bytes(int(part) for part in text.split("."))


def tlv(kind, data):
    return bytes([kind, len(data)]) + data


def long_form(kind, sub, data):
    return struct.pack("!BBH", kind, sub, len(data)) + data


def request(flags=0x22, lifetime=1800, home="0.0.0.0", ha="10.0.0.1", care_of="10.0.0.7", ident=0xD000000012345678):
    return struct.pack("!BBH4s4s4sQ", 1, flags, lifetime, ip4(home), ip4(ha), ip4(care_of), ident)


def reply(code=0, lifetime=1800, home="10.42.0.10", ident=0xD000000012345678):
    return struct.pack("!BBH4s4sQ", 3, code, lifetime, ip4(home), ip4("10.0.0.1"), ident)


def revocation(flags=0xC000, home="10.42.0.10"):
    return struct.pack("!BBH4s4s4sI", 7, 0, flags, ip4(home), ip4("10.0.0.1"), ip4("10.0.1.1"), 0x5F000010)


def revocation_ack(home="10.42.0.10"):
    return struct.pack("!BBH4sI", 15, 0, 0x8000, ip4(home), 0x5F000010)


def auth(kind, spi, octets):
    return tlv(kind, struct.pack("!I", spi) + bytes(octets))


NAI = tlv(131, b"alice@example.com")
SEQUENCE = tlv(255, bytes([1, 0]) + struct.pack("!I", 7))
REVOCATION_SUPPORT = tlv(137, struct.pack("!HI", 0, 0xD0000000))
UDP_REQUEST = tlv(144, bytes([0, 0, 0, 0, 0, 0]))


def messages():
    put("mip_msg", "request", request() + NAI)
    put("mip_msg", "reply", reply() + NAI)
    put("mip_msg", "reply-133", reply(code=133))
    put("mip_msg", "revocation", revocation())
    put("mip_msg", "revocation-ack", revocation_ack())
    put("mip_msg", "tunnel-data", bytes([4, 4, 0, 0]) + bytes(IP(src="10.42.0.10", dst="10.9.0.2") / ICMP()))


def extensions():
    def put_ext(name, *parts, carrier=0):
        put("mip_ext", name, bytes([carrier]) + request() + b"".join(parts))

    put_ext("proxy", NAI, REVOCATION_SUPPORT, SEQUENCE, auth(32, 256, 16))
    put_ext("node-key", NAI, long_form(47, 1, b"\x01"), tlv(147, b"\x01eth0"), tlv(147, b"\x02\x01\x02\0\0\0\0\1"),
            tlv(147, b"\x03\x0112345"), tlv(147, b"\x04\x01"), auth(34, 257, 32))
    put_ext("relayed", NAI, auth(32, 256, 16), REVOCATION_SUPPORT, long_form(48, 0, b"\0\0\0\1"), auth(34, 257, 16))
    put_ext("reply", NAI, tlv(149, b"\0\0"), tlv(44, b"\0\0\x80\0\0\x6e"), tlv(145, b"\x01no room"), auth(32, 256, 16),
            tlv(132, b"\xa1\xa2\xa3\xa4"), tlv(45, b"\0\x47"))
    put_ext("udp", NAI, UDP_REQUEST, auth(32, 256, 16), tlv(130, b""), auth(33, 258, 16))
    put_ext("dynamic-long", bytes([139, 1, 0, 4]) + ip4("10.0.0.2"), tlv(136, b"\x01ha@example.com"))
    put_ext("dynamic-short", tlv(139, b"\x02" + ip4("10.0.0.2")))
    put_ext("vendor", tlv(134, struct.pack("!HIHI", 0, 32473, 1, 7)), bytes([38, 0, 0, 6, 0, 0, 0x7E, 0xD9, 0, 1]),
            carrier=1)
    put_ext("sequence-147", tlv(147, b"\x63\0\0\0\0\7"), carrier=2)
    put_ext("sequence-127", long_form(127, 1, b"\0\0\0\7"), carrier=3)
    put_ext("aaa", NAI, auth(32, 256, 16), tlv(132, b"\xa1\xa2\xa3\xa4"), long_form(36, 1, struct.pack("!I", 2) + bytes(16)))
    put_ext("pads-and-unknown", b"\0\0", tlv(200, b"abc"), b"\0")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advertisements():
    def advert(name, routers, extension):
        body = struct.pack("!BBH", len(routers), 2, 1800) + b"".join(ip4(r) + bytes(4) for r in routers) + extension
        body += b"\0" * (len(body) % 2)
        head = struct.pack("!BBH", 9, 16, checksum(struct.pack("!BBH", 9, 16, 0) + body))
        put("agent_adv", name, head + body)

    agent = struct.pack("!HHH", 5, 300, 0x91C0)
    advert("foreign-agent", ["192.0.2.1"], tlv(16, agent + ip4("192.0.2.1")) + tlv(19, b"\x18"))
    advert("challenge", [], tlv(16, struct.pack("!HHH", 0, 0xFFFF, 0x2000)) + tlv(24, b"\1\2\3\4"))
    advert("router", ["192.0.2.1", "192.0.2.2"], b"")
    put("agent_adv", "solicitation", struct.pack("!BBHI", 10, 0, checksum(struct.pack("!BBHI", 10, 0, 0, 0)), 0))


MAC = "02:00:00:00:00:01"


def arp(op=1, source="0.0.0.0", target="10.42.0.1"):
    return Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=op, hwsrc=MAC, psrc=source, pdst=target)


def echo(ttl=64):
    return Ether(src=MAC, dst="00:00:5e:00:01:33") / IP(src="10.42.0.10", dst="10.42.0.1", ttl=ttl) / ICMP(id=1, seq=1) / b"hello"


def dhcp(options, **fields):
    chaddr = bytes.fromhex(MAC.replace(":", ""))
    return BOOTP(chaddr=chaddr, xid=0x1234, **fields) / DHCP(options=options + ["end"])


def dhcp_frame(message):
    return Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / message


DISCOVER = [("message-type", "discover"), ("client_id", b"\x01\x02\0\0\0\0\x01"), ("hostname", b"carol"),
            ("param_req_list", [1, 3, 6, 51])]


def frames():
    put("frame", "arp-request", arp())
    put("frame", "arp-reply", arp(op=2, source="10.42.0.10"))
    put("frame", "echo", echo(ttl=1))
    put("frame", "udp", Ether() / IP(src="10.42.0.10", dst="10.9.0.2") / UDP(sport=4000, dport=53) / b"query")
    put("frame", "options", Ether() / IP(src="10.42.0.10", dst="10.9.0.2", options=[b"\x94\x04\0\0"]) / ICMP())
    put("frame", "fragment", Ether() / IP(src="10.42.0.10", dst="10.9.0.2", flags="MF", frag=3) / Raw(b"x" * 24))
    put("frame", "tcp", Ether() / IP(src="10.42.0.10", dst="10.9.0.2", proto=6, flags="DF") / Raw(b"y" * 20))


def dhcps():
    put("dhcp4", "discover", dhcp(DISCOVER))
    put("dhcp4", "request", dhcp([("message-type", "request"), ("requested_addr", "10.42.0.10"),
                                  ("server_id", "10.42.0.1"), (81, b"\x05\0\0\x05carol\x07example\x03com\0")]))
    put("dhcp4", "renew", dhcp([("message-type", "request")], ciaddr="10.42.0.10"))
    put("dhcp4", "relayed", dhcp(DISCOVER + [(118, ip4("10.42.0.0")), (82, b"\x01\x04eth0")], giaddr="10.0.1.1"))
    put("dhcp4", "long-option", dhcp([("message-type", 1), (61, b"a" * 255), (61, b"b" * 45)]))
    put("dhcp4", "overload", dhcp([("message-type", 1), (52, b"\x03")], file=b"\x0c\x03abc\xff", sname=b"\x3d\x02\x01\x02\xff"))
    put("dhcp4", "fqdn-text", dhcp([("message-type", 1), (81, b"\x00\0\0Carol.Example.COM.")]))


def step(kind, data=b"", ms=0):
    data = bytes(data)
    return struct.pack("!BBH", kind, ms, len(data)) + data


def proxy(care_of="10.0.0.7", sequence=0, lifetime=1800, nai=b"alice@example.com", home="0.0.0.0", node=False, extra=b"",
          flags=0x22, spi=256):
    body = request(flags=flags, lifetime=lifetime, home=home, care_of=care_of, ident=0)
    body += tlv(131, nai) + REVOCATION_SUPPORT + tlv(255, bytes([1, 0]) + struct.pack("!I", sequence)) + extra
    if node:
        return body + long_form(47, 1, b"\x01") + auth(34, 257, 32)
    return body + auth(32, spi, 16)


SIGNED, FRAME, TUNNELLED, PACKET, KICK, ACK, TIME = 1, 2, 3, 4, 5, 6, 7


def home_agent():
    move = step(SIGNED, proxy(), 5) + step(SIGNED, proxy(care_of="10.0.0.8"), 5)
    put("ha", "register", step(SIGNED, proxy()))
    put("ha", "move", move + step(ACK, b"\x00", 3))
    put("ha", "stale", move + step(SIGNED, proxy(sequence=1), 9))
    put("ha", "retries", move + step(TIME, b"", 20) * 4)
    put("ha", "expire", step(SIGNED, proxy(lifetime=10)) + step(TIME, b"", 30))
    put("ha", "deregister", step(SIGNED, proxy()) + step(SIGNED, proxy(lifetime=0), 5))
    put("ha", "node-key", step(SIGNED, proxy(nai=b"bob@example.com", node=True)))
    put("ha", "nat", step(SIGNED | 0x80, proxy(extra=UDP_REQUEST)))
    put("ha", "kick", step(SIGNED, proxy()) + step(KICK))
    put("ha", "several", b"".join(step(SIGNED, proxy(nai=b"u%d@example.com" % i, node=True), 2) for i in range(6)))
    put("ha", "nonce", step(SIGNED, request(ident=1 << 32) + tlv(131, b"carol@example.org") + auth(32, 258, 16)) * 2)
    asks, moves = step(SIGNED, proxy(spi=300), 2), step(SIGNED, proxy(spi=300, care_of="10.0.0.8", sequence=1), 5)
    ten_seconds = bytes([27, 6]) + struct.pack("!I", 10)
    put("ha", "key", asks + step(TIME, b"\4") + moves + step(TIME, b"", 30))
    put("ha", "key-expires", asks + step(TIME, b"\4" + ten_seconds, 1) + step(TIME, b"", 22) + moves + step(TIME, b"\4"))
    put("ha", "key-refused", asks + step(TIME, b"\1") + asks + step(TIME, b"", 14) + asks + step(TIME, b"\2"))
    put("ha", "key-none", asks * 2 + step(TIME, b"\0") + asks + step(TIME, b"\10" + b"\2\0\0\24" + bytes(16)))
    put("ha", "key-silence", asks + step(TIME, b"", 10) * 4 + asks + step(TIME, b"\4") + step(KICK))
    put("ha", "arp", step(SIGNED, proxy()) + step(FRAME, arp(source="10.42.0.77", target="10.42.0.10")))
    broadcast = IP(src="10.42.0.10", dst="224.0.0.251") / UDP(sport=5353, dport=5353) / b"mdns"
    put("ha", "broadcast", step(SIGNED, proxy()) + step(SIGNED, proxy(nai=b"bob@example.com", node=True)) +
        step(TUNNELLED, bytes(broadcast)))
    put("ha", "packet", step(SIGNED, proxy()) + step(PACKET | 0x80, IP(src="10.9.0.2", dst="10.42.0.10", flags="DF") / Raw(b"z" * 1000)))
    put("ha", "their-revocation", step(SIGNED, proxy()) + step(0, revocation(flags=0x4000) + auth(32, 256, 16)))


def proxy_agent():
    frame, answer, revoke, carrier, unknown, detach, tunnelled, attach, time = 0, 2, 3, 4, 5, 6, 7, 8, 9
    ok = step(answer, struct.pack("!BHBBB", 0, 1800, 10, 1, 1), 3)
    offer = step(frame, dhcp_frame(dhcp(DISCOVER)))
    put("mpa", "dhcp", offer + ok + step(frame, dhcp_frame(dhcp([("message-type", "request"),
        ("requested_addr", "10.42.0.10"), ("server_id", "10.42.0.1")]))))
    put("mpa", "release", offer + ok + step(frame, dhcp_frame(dhcp([("message-type", "release")], ciaddr="10.42.0.10"))) +
        step(answer, struct.pack("!BHBBB", 0, 0, 10, 2, 0)))
    put("mpa", "arp", step(frame, arp(source="10.42.0.10")) + ok + step(frame, arp(source="10.42.0.10")) +
        step(frame, arp(source="0.0.0.0", target="10.42.0.10")) + step(frame, echo(ttl=1)))
    put("mpa", "revoked", step(unknown, b"\x01") + ok + step(revoke, b"", 3) + step(unknown, b"\x01", 2) + step(unknown, b"\x01", 9))
    put("mpa", "carrier", step(unknown, b"\x01") + ok + step(carrier, b"\x00") + step(unknown, b"\x01", 5) + step(time, b"", 40))
    put("mpa", "silence", step(unknown, b"\x02") + step(time, b"", 30) * 6)
    put("mpa", "resync", step(unknown, b"\x01") + step(answer, struct.pack("!BHBBB", 133, 0, 9, 0, 4)) + ok)
    put("mpa", "codes", b"".join(step(unknown, b"\x01", 40) + step(answer, struct.pack("!BHBBB", c, 0, 0, 0, 0))
                                 for c in (65, 129, 130, 131, 134, 136, 142, 149)))
    put("mpa", "refresh", step(unknown, b"\x01") + ok + step(time, b"", 112) + ok)
    put("mpa", "udp", step(unknown, b"\x01") + step(answer, struct.pack("!BHBBB", 0, 60, 10, 1, 3)) + step(time, b"", 29))
    put("mpa", "command", step(attach, b"\x09") + ok + step(attach | 0x80, b"\x09", 3) + ok + step(detach, b"\x08"))
    # At the guarded port: told to begin, let in, asked before and after; closed, silent, held, back; hostapd restarted.
    g, port = 0x20, 10
    here = step(attach | g, b"\x09") + ok
    closed, silent, started, linked, known = (step(port | g, bytes([8 * kind + 1])) for kind in (5, 6, 3, 0, 1))
    guarded_offer = step(frame | g, dhcp_frame(dhcp(DISCOVER)))
    guarded_arp = step(frame | g, arp(source="10.42.0.10"), 11)
    put("mpa", "guarded", guarded_offer + guarded_arp + here + guarded_arp + guarded_offer + step(revoke, b"", 3) + guarded_arp * 2 +
        step(time, b"", 32))
    put("mpa", "guarded-hold", started + here + closed + guarded_arp + here + closed + step(time, b"", 32) + silent)
    put("mpa", "guarded-restart", here + linked + known + step(carrier | g, b"\x00") + step(carrier | g, b"\x01") + step(time, b"", 11) +
        guarded_arp + step(time, b"", 40) * 4)
    wrapped = IP(src="10.0.0.1", dst="10.42.0.10", proto=4) / IP(src="10.42.0.11", dst="224.0.0.251") / UDP() / b"mdns"
    put("mpa", "broadcast", step(unknown, b"\x01") + ok + step(tunnelled, bytes(wrapped)))


def mobile_node():
    """Steps of fuzz_mn.c: what, when, which, what."""
    listing, listed, link, link_gone, has, lost, route = range(0x80, 0x87)
    connected, session, ready, gone, _, _, ike_up, ike_down, replaced, moved, child_up, child_down, assigned = range(13)
    eth, wwan, device = 0, 1, 4
    boot = bytes([listing, 0, 0, 0, link, 0, device, 0, link, 0, wwan, 0, link, 0, eth, 0, has, 0, wwan, 1, listed, 0, 0, 0])
    charon = bytes([connected, 0, 0, 0, ready, 0, 0, 0])
    up = bytes([assigned, 2, 1, 0, has, 0, device, 0, ike_up, 3, 1, 1, child_up, 0, 1, 1])
    inward = bytes([has, 30, eth, 0, moved, 3, 1, 0, child_down, 0, 1, 0x80])
    for policy, name in enumerate(("gateway", "address", "never")):
        put("mn", name, bytes([policy]) + boot + charon + up + inward + bytes([lost, 30, eth, 0, moved, 3, 1, 1, child_up, 3, 1, 1]))
    put("mn", "dead", b"\0" + boot + charon + bytes([gone, 40, 0, 0]) * 3 + charon)
    put("mn", "fails", b"\0" + boot + charon + bytes([route, 20, wwan, 1]) * 8 + bytes([ike_down, 3, 2, 0]) * 4)
    put("mn", "gateways", b"\0" + boot + charon + up + bytes([0x40, 5, 1, 0, ike_up, 3, 10, 1, child_up, 0, 10, 1, child_down, 1, 1, 0x80]))
    put("mn", "restart", b"\0" + boot + bytes([has, 0, device, 0, has, 0, eth, 0, connected, 0, 0, 0, session, 0, 1, 0, ready, 0, 0, 0]))
    put("mn", "again", b"\0" + boot + charon + up + boot + bytes([lost, 0, device, 0, link_gone, 9, device, 0, replaced, 0, 1, 5, assigned, 2, 1, 3]))


def client():
    """Steps of fuzz_client.c: what, when, which link, more; octets behind raw ones."""
    net, charon, reply, raw, frame, wait = range(6)
    up, has, lost, route = 2, 4, 5, 6
    connected, ready, ike_up, child_up, assigned = 0, 2, 6, 10, 13
    tnc, forged, elsewhere, mismatch = 0x10, 0x20, 0x40, 13

    def attach(link):
        return bytes([net, 0, link, up, net, 0, link, has, net, 1, link, route, wait, 2, 0, 0])

    there = bytes([charon, 0, connected, 0, charon, 0, ready, 0])
    vpn = bytes([charon, 5, assigned, 1, charon, 0, ike_up, 1, charon, 0, child_up, 1])
    body = bytes([9, 0, 0, 0, 0, 2, 0, 30, 16, 10, 0, 5, 2, 88, 0x11, 0, 10, 1, 0, 3])
    agent = bytes(Ether(src="02:fa:00:00:00:01", dst="01:00:5e:00:00:01") / IP(src="10.1.0.2", dst="224.0.0.1", ttl=1, proto=1) /
                  Raw(body[:2] + struct.pack("!H", checksum(body)) + body[4:]))
    heard = bytes([frame, 0, 1, len(agent)]) + agent
    proof = bytes([reply, 1, 1, tnc])
    put("client", "inside", b"\xa0" + there + attach(1) + proof + bytes([wait, 36, 0, 0, reply, 1, 1, tnc]))
    put("client", "forged", b"\0" + there + attach(1) + bytes([reply, 0, 1, tnc | forged, reply, 0, 1, 0, reply, 0, 1, tnc | elsewhere]))
    put("client", "agent", b"\xa0" + there + attach(1) + heard + proof + heard + bytes([wait, 30, 0, 0]))
    put("client", "home", b"\x82" + there + attach(2) + bytes([reply, 1, 2, tnc, reply, 1, 2, tnc]))
    put("client", "outside", b"\x84" + there + attach(3) + vpn + bytes([wait, 9, 0, 0, reply, 1, 0, 0, net, 3, 3, lost]) + attach(2))
    put("client", "clock", b"\0" + there + attach(1) + bytes([reply, 0, 1, mismatch]) * 5)
    put("client", "raw", b"\1" + there + attach(1) + bytes([raw, 0, 1, 20, 3]) + b"\0" * 19)


def configurations():
    ha = """address = "10.0.0.1"
interfaces = {"eth0"}
stale = deny-65
network office { prefix = "10.42.0.0/24" gateway = "10.42.0.1" pools = {"10.42.0.10-10.42.0.20"} }
association staff { scope = domain realm = "example.com" spi = 1000 key = "hex:0102" }
association node { scope = node nodes = {"10.0.1.0/24"} spi = 2000 algorithm = hmac-md5 replay = nonce key = "text:k" }
user "*@example.com" { }
user "bob@example.com" { home-address = "10.42.0.5" proxy = no network = office }
"""
    mpa = """# an access router
care-of = "10.0.1.1"
interfaces = {"eth0"}
gateway-mac = "00:00:5e:00:01:33"
dhcp = relay
dhcp-server = "10.0.0.67"
home-agent main { address = "10.0.0.1" subnets = {"10.42.0.0/24"} }
network office { prefix = "10.42.0.0/24" gateway = "10.42.0.1" dns = {"10.0.0.53", "10.0.0.54"} lease = 600 }
association node { scope = node spi = 2000 key = "text:secret" }
access eth1 { trusted = yes carrier-nai = "a@b" carrier-mac = "02:00:00:00:00:01" }
station "a@b" { client-id = "hex:01020304" host-name = a }
"""
    put("conf", "ha", b"\0" + ha.encode())
    put("conf", "mpa", b"\1" + mpa.encode())
    mn = """user = "alice@example.com"
inside = address
ignore = {"ipsec*", "docker0"}
connection "gw1" { child = "net" }
connection gw2 { child = net }
"""
    put("conf", "mn", b"\3" + mn.encode())
    fa = """care-of = "10.0.2.1"
interfaces = {"eth0"}
reverse-tunnel = required
access eth1 { registration-required = yes }
association anchor { home-agent = "10.0.0.1" spi = 4000 key = "text:secret" }
association dora { scope = mobile-node nai = "dora@example.com" spi = 256 key = "hex:01" }
"""
    put("conf", "fa", b"\2" + fa.encode())
    put("conf", "slip", b"\0adress = \"10.0.0.1\"\n")
    put("conf", "open", b"\0network a {\n/* never closed")


def charon():
    def event(name, sa=3, **members):
        who = {"id": {"type": "email", "text": "alice@x"}, "remote": "100.64.0.2", "remote_port": 4500}
        return json.dumps({"event": name, "sa": sa, **who, **members})

    def put_lines(name, *lines):
        put("charon", name, "\n".join(lines).encode())

    up = [event("acquire", request=7), "!a", event("ike_up"), event("child_up", child="net")]
    put_lines("connect", '{"event": "connected"}', '{"event": "listed"}', *up)
    put_lines("refused", event("acquire", request=7), "!r", event("release"))
    put_lines("silence", event("acquire", request=7), *["!t"] * 8)
    put_lines("displaced", *up, "!k", event("child_down"), *["!t"] * 3, event("child_up"), "!t", "!a")
    put_lines("inside", *up, event("ike_moved", remote="10.42.0.20"), "!k", "!t", event("ike_moved"), event("child_up"), "!a")
    put_lines("reauthenticated", *up, event("acquire", 4, request=8), "!a", event("ike_up", 4), event("child_up", 4),
              event("ike_replaced", new_sa=4), event("ike_down", by_peer=True))
    put_lines("rekeyed", *up, event("ike_replaced", new_sa=9), event("ike_down", 9), *["!t"] * 4)
    put_lines("listed", '{"event": "connected"}', event("session", address="10.42.0.20", children=1),
              event("session", 4, address="10.42.0.21", id={"type": "fqdn", "text": "bob"}), "!a", '{"event": "listed"}')
    put_lines("certificate", event("acquire", request=1, id={"type": "dn", "text": 'O="A, B", CN=al\\2cice'},
                                   names=[{"type": "fqdn", "text": "a.box"}, {"type": "email", "text": "a@x"}]), "!a")
    put_lines("eap", event("acquire", request=1, eap="carol"), "!a", event("refused", why="wrong password"))


SECRET = b"testing123"
REQUEST_AUTHENTICATOR = bytes(range(16))


def attribute(kind, value):
    return bytes([kind, len(value) + 2]) + value


def vendor(number, kind, value, flags=b""):
    return attribute(26, struct.pack("!IBB", number, kind, 2 + len(flags) + len(value)) + flags + value)


def wimax(kind, value, more=False):
    return vendor(24757, kind, value, b"\x80" if more else b"\0")


def salted(value, salt=b"\x80\x01", secret=SECRET):
    """RFC 2868 3.5."""
    plain = bytes([len(value)]) + value
    plain += bytes(-len(plain) % 16)
    out, before = b"", REQUEST_AUTHENTICATOR + salt
    for at in range(0, len(plain), 16):
        block = hashlib.md5(secret + before).digest()
        before = bytes(a ^ b for a, b in zip(plain[at:at + 16], block))
        out += before
    return salt + out


def radius(code, *attributes, proof=True):
    """Signed as RFC 2865 3, RFC 2866 3 and RFC 3579 3.2 say."""
    body = (attribute(80, bytes(16)) if proof else b"") + b"".join(attributes)
    asked = REQUEST_AUTHENTICATOR if code in (1, 2, 3, 5, 11, 41, 42, 44, 45) else bytes(16)
    packet = struct.pack("!BBH", code, 7, 20 + len(body)) + asked + body
    if proof:
        packet = packet[:22] + hmac.new(SECRET, packet, "md5").digest() + packet[38:]
    if code == 1:
        return packet
    return packet[:4] + hashlib.md5(packet + SECRET).digest() + packet[20:]


IDENTITY = bytes([2, 1, 0, 26, 1]) + b"anonymous@example.com"
STATION = [attribute(1, b"anonymous@example.com"), attribute(4, ip4("10.0.1.9")), attribute(30, b"02-00-00-00-01-00:office"),
           attribute(31, b"02-00-00-00-00-01"), attribute(61, struct.pack("!I", 15)), attribute(44, b"0123456789ABCDEF")]
PROFILE = [attribute(1, b"alice@example.com"), attribute(27, struct.pack("!I", 3600)), wimax(6, ip4("10.0.0.1")),
           wimax(11, struct.pack("!I", 1000)), wimax(10, salted(bytes(range(16))))]
KEYS = [vendor(311, 17, salted(b"r" * 32, b"\x80\x02")), vendor(311, 16, salted(b"s" * 32, b"\x80\x03"))]


def radius_packets():
    put("radius", "request", radius(1, *STATION, attribute(79, IDENTITY), attribute(33, b"proxy")))
    put("radius", "password", radius(1, attribute(1, b"bob"), attribute(2, bytes(range(32))), proof=False))
    put("radius", "challenge", radius(11, attribute(79, b"\1\2\x01\x40\x15" + b"t" * 248), attribute(79, b"u" * 67),
                                      attribute(24, b"state")))
    put("radius", "accept", radius(2, *PROFILE, *KEYS, attribute(79, b"\3\1\0\4"), attribute(8, ip4("10.42.0.20"))))
    put("radius", "reject", radius(3, attribute(79, b"\4\1\0\4"), attribute(18, b"no")))
    put("radius", "continued", radius(2, wimax(10, b"a" * 246, more=True), wimax(11, b"\0\0\1\0"), wimax(10, b"b" * 30)))
    put("radius", "tunnel-password", radius(2, attribute(69, b"\1" + salted(b"secret"))))
    put("radius", "start", radius(4, *STATION, attribute(40, struct.pack("!I", 1)), proof=False))
    put("radius", "stop", radius(4, *STATION, attribute(40, struct.pack("!I", 2)), attribute(49, struct.pack("!I", 1)), proof=False))
    put("radius", "disconnect", radius(40, *STATION[:1], STATION[5], attribute(55, struct.pack("!I", 0x60000000))))
    put("radius", "two-proofs", radius(1, attribute(80, bytes(16))))
    put("radius", "short-proof", radius(1, attribute(80, bytes(15)), proof=False))
    put("radius", "padding", radius(5, proof=False) + b"pad")
    put("radius", "two-keys", radius(2, attribute(26, KEYS[0][2:] + KEYS[1][6:])))


def relay():
    """Steps of fuzz_relay.c; attributes there have a type, the length of the value, and the value."""
    ask, reply, account, answer, raw, carrier, detach, unknown, revoke, time, order, ended = range(12)

    def put_in(*values):
        return b"".join(bytes([kind, len(value)]) + value for kind, value in values)

    def login(who, which=0, after=0):
        return step(ask, bytes([who]) + put_in((79, IDENTITY), (44, b"s1"), (33, b"p")), after) + step(reply, bytes([which, 0]), 2)

    granted = step(answer, b"\0\1", 2)
    profile = put_in(*[(part[0], part[2:]) for part in PROFILE[1:] + KEYS], (11, b"holdfast-udp"))
    put("relay", "login", login(1) + granted)
    put("relay", "challenge", step(ask, b"\1") + step(reply, b"\0\2" + put_in((24, b"state"), (79, IDENTITY))) + login(2, 1) + granted)
    put("relay", "profile", step(ask, b"\1") + step(reply, b"\0\0" + profile) + granted)
    put("relay", "reject", step(ask, b"\1") + step(reply, b"\0\1" + put_in((18, b"no"))))
    put("relay", "refused", login(1) + step(answer, b"\x82\0"))
    put("relay", "anchor-silent", login(1) + step(time, b"", 15) * 3 + login(2, 1))
    put("relay", "aaa-silent", step(ask, b"\1") + step(time, b"", 10) * 4 + login(1, 3))
    put("relay", "stop", login(1) + granted + step(account, b"\1" + put_in((44, b"s1"))) + step(reply, b"\1\3"))
    put("relay", "again", login(1) + granted + step(ask | 0x20, b"\5" + put_in((44, b"s2")), 20) + step(reply, b"\1\0"))
    put("relay", "port", login(1) + step(ask | 0x20, b"\5", 2) + step(reply, b"\1\0", 2) + granted)
    put("relay", "full", b"".join(step(ask, bytes([i])) for i in range(8)) + b"".join(step(reply, bytes([i, 0])) for i in range(4)))
    put("relay", "session", step(ask, b"\1") + step(reply, b"\0\0" + put_in((27, b"\0\0\0\x3c"))) + granted + step(time, b"", 46))
    put("relay", "closed", step(unknown, b"\0") + step(ask, b"\0") + step(unknown, b"\0") + step(reply, b"\0\1") + step(unknown, b"\0") + granted)
    put("relay", "lost", login(1) + granted + step(carrier, b"\0") + login(2, 1, 5) + step(revoke, b"\1") + step(detach, b"\1"))
    put("relay", "forged", step(ask | 0x80, b"\1") + step(reply | 0x80, b"\0\0") + step(ask, b"\2") + step(raw | 0x40, bytes(40)))
    put("relay", "raw", step(raw, radius(1, *STATION)) + step(raw | 0x10, radius(4, *STATION)) + step(raw | 0x20, radius(2)))
    served = login(1) + granted
    put("relay", "ordered", served + step(order, b"\2") + step(ended, b""))
    put("relay", "ordered-in-vain", served + step(order, b"\2") + step(ended | 0x20, put_in((101, b"\0\0\1\x95"))) + step(order, b"\1"))
    put("relay", "ordered-and-silent", served + step(order, b"\2" + put_in((33, b"p"), (55, b"\0\0\0\0"))) + step(time, b"", 11) * 4)
    put("relay", "ordered-and-back", served + step(order, b"\2") + login(5, 1) + step(ended, b"") + granted)
    put("relay", "ordered-while-held", login(1) + step(order, b"\2") + granted)
    put("relay", "changed", step(order | 0x20, b"\2" + put_in((6, b"\0\0\0\x11"))) + step(order | 0x80 | 0x40, put_in((31, b"02-00-00-00-00-02"))))
    put("relay", "own-words", step(ask, b"\x90" + put_in((1, b"bob@x"), (31, b"02:00:00:00:00:09"), (87, b"eth1"),
                                                        (30, b"020000000100"))) + step(reply | 0x40, b"\0\0") + granted)



def foreign_agent():
    """Steps of fuzz_fa.c behind an octet that says how the agent is configured."""
    frame, ask_, raw, answer, revoke, unreachable, tunnelled, too_big, kick, time = range(10)

    def asks(mac=1, home=1, agent=0, ident=7, flags=2, lifetime=75, more=0, extra=b"", ms=2):
        return step(ask_, bytes([mac, home | agent << 4, ident, flags, lifetime, more]) + extra, ms)
    yes = step(answer, b"\0\x40\x01", 2)
    inner = bytes(IP(src="10.9.0.2", dst="10.42.0.1") / UDP() / b"data")
    solicit = Ether(src="02:00:00:00:00:01") / IP(src="10.42.0.1", dst="224.0.0.11", ttl=1) / ICMP(type=10)
    put("fa", "visit", b"\0" + step(frame, bytes(solicit)) + asks() + yes + step(tunnelled, inner) + step(too_big, inner) + step(time, b"", 90))
    put("fa", "assigned", b"\0" + asks(home=0, more=9) + yes + asks(home=0, more=9, ident=8) + step(answer, b"\0\x40\x02") + step(kick | 0x20))
    put("fa", "copied", b"\0" + asks() + asks(mac=2) + yes + asks(mac=2) + asks(mac=2, ident=9) + yes)
    put("fa", "taken", b"\0" + asks(home=2, ident=8) + asks() + yes + asks(home=3, ident=9) + step(answer, b"\0\x40\x02"))
    put("fa", "full", b"\0" + b"".join(asks(mac=i, home=i, ident=i) + yes for i in range(1, 8)))
    put("fa", "revoked", b"\0" + asks() + yes + step(revoke | 0x20, b"\1\6") + step(revoke, b"\1\6") + step(revoke | 0x80, b"\1\7"))
    put("fa", "leaves", b"\0" + asks() + yes + asks(lifetime=0, ident=8) + step(answer | 0x40, b"\0\0\1"))
    put("fa", "udp", b"\x20" + asks(more=4) + step(answer | 0x20, b"\0\x40\1") + step(raw, b"\4\4\0\0" + inner))
    put("fa", "co-located", b"\0" + asks(flags=0x22) + step(answer | 0x40, b"\0\x40\1") + asks(home=2, ident=9) + yes)
    put("fa", "refused", b"\4" + asks() + asks(agent=2, more=9, ms=12) + asks(agent=3, more=9, ms=12) + asks(more=9, ms=12) + step(unreachable, b"\1"))
    put("fa", "silence", b"\1" + asks() + step(time, b"", 20) + asks(ident=8) + step(answer | 0x40, b"\0\x40\1") + asks(ident=9) + step(answer, b"\x83\0\0"))
    put("fa", "vendor", b"\0" + asks(extra=bytes([38, 0, 0, 6, 0, 0, 0, 9, 0, 1])) + asks(ident=9, ms=12) +
        step(answer, b"\0\x40\1" + bytes([38, 0, 0, 6, 0, 0, 0, 9, 0, 1])) + step(raw, reply() + auth(34, 257, 16)))


foreign_agent()
messages()
extensions()
mobile_node()
client()
configurations()
advertisements()
frames()
dhcps()
home_agent()
proxy_agent()
charon()
radius_packets()
relay()
