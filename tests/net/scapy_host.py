# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with a co-located care-of address that owes nothing to this project: registration by Python's hmac, tunnels of
every kind by scapy. Run inside of a namespace; for each line of JSON on its input it prints one, of what it heard.

register: sends a request to the home agent and shows the reply. `agent`: what it says of the home agent (RFC 4433).
ping: an echo request through a tunnel; shows how the answer came back.
listen: waits for an answer to somebody else's ping, or for what is sent to the address `hear`.
tell: a datagram through a tunnel."""
import json
import socket
import struct
import sys
import time

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import GRE
from scapy.layers.mobileip import MobileIP, MobileIPTunnelData
from scapy.packet import Raw
from scapy.utils import checksum

from scapy_mn import MOBILE_IP, authenticated, extension, is_authentic, request

MINIMAL = 55


def request_of(a):
    octets = request(a["flags"], a["lifetime"], a["home"], a.get("agent", a["home_agent"]), a["care_of"])
    octets += extension(131, a["nai"].encode())
    if "udp" in a:  # F 0x80, R 0x40
        octets += extension(144, struct.pack("!BBBBH", 0, 0, a["udp"], 0, 0))
    if "key" in a:
        octets += struct.pack("!BBHI", 48, 0, 4, a["key"])
    if "requested" in a:  # RFC 4433, as printed there
        octets += struct.pack("!BBH4s", 139, 1, 4, socket.inet_aton(a["requested"]))
    return authenticated(octets, a["secret"].encode())


def extensions(octets):
    """Of a reply: type to value."""
    at, found = 20, {}
    while at < len(octets):
        kind = octets[at]
        if kind == 48:
            n = struct.unpack_from("!H", octets, at + 2)[0]
            found[kind] = octets[at + 4:at + 4 + n]
            at += 4 + n
        else:
            n = octets[at + 1]
            found[kind] = octets[at + 2:at + 2 + n]
            at += 2 + n
    return found


def register(a):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((a["source"], a.get("port", MOBILE_IP)))
        s.settimeout(20)
        s.sendto(request_of(a), (a["home_agent"], MOBILE_IP))
        try:
            reply = s.recv(2048)
        except socket.timeout:
            return {"code": None}
    x = extensions(reply)
    return {"code": reply[1], "home": socket.inet_ntoa(reply[4:8]), "agent": socket.inet_ntoa(reply[8:12]),
            "authentic": is_authentic(reply, a["secret"].encode()),
            "udp": x[44][1] if 44 in x else None, "key": struct.unpack("!I", x[48])[0] if 48 in x else None}


def around(a, inner):
    outer = IP(src=a["source"], dst=a["home_agent"])
    if a["by"] == "gre":
        return outer / (GRE(key_present=1, key=a["key"]) if a.get("key") else GRE()) / inner
    if a["by"] == "udp":
        return outer / UDP(sport=a.get("port", MOBILE_IP), dport=MOBILE_IP) / MobileIP(type=4) / MobileIPTunnelData() / inner
    if a["by"] == "minimal":
        inner = IP(bytes(inner))
        head = struct.pack("!BBH4s4s", inner.proto, 0x80, 0, socket.inet_aton(inner.dst), socket.inet_aton(inner.src))
        head = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
        return IP(src=a["source"], dst=a["home_agent"], proto=MINIMAL, ttl=inner.ttl) / Raw(head + bytes(inner.payload))
    return outer / inner


def out_of(p):
    """(how, key, inner packet) of a tunnelled packet."""
    if p.proto == 47:
        return "gre", p[GRE].key if p[GRE].key_present else 0, p[GRE].payload
    if p.proto == 4:
        return "ipip", 0, p.payload
    if p.proto == 17 and MOBILE_IP in (p[UDP].sport, p[UDP].dport) and bytes(p[UDP].payload)[:2] == b"\x04\x04":
        return "udp", 0, IP(bytes(p[UDP].payload)[4:])
    if p.proto == MINIMAL:
        octets = bytes(p.payload)
        protocol, flags, _, to, source = struct.unpack_from("!BBH4s4s", octets)
        assert flags == 0x80 and checksum(octets[:12]) == 0
        inner = IP(src=socket.inet_ntoa(source), dst=socket.inet_ntoa(to), proto=protocol) / Raw(octets[12:])
        return "minimal", 0, IP(bytes(inner))
    return None, 0, None


def answer(s, a, limit):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        heard = s.recv() if s.select([s], 0.1) else None
        if heard is None or IP not in heard or heard[IP].src != a["home_agent"] or heard[IP].dst != a["source"]:
            continue
        how, key, inner = out_of(IP(bytes(heard[IP])))
        if how and "hear" in a and inner.dst == a["hear"]:
            return {"by": how, "source": inner.src}
        if how and ICMP in inner and inner[ICMP].type == 0 and inner.dst == a["home"]:
            return {"by": how, "key": key, "octets": len(inner[ICMP].payload),
                    "port": heard[UDP].dport if UDP in heard else 0}
    return {"by": None}


def ping(a):
    inner = IP(src=a["home"], dst=a["target"]) / ICMP(type=8, id=77) / Raw(b"x" * 32)
    with conf.L2socket(iface="core") as s, conf.L3socket() as out, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind((a["source"], a.get("port", MOBILE_IP)))  # or our kernel calls it unreachable
        out.send(around(a, inner))
        return answer(s, a, a.get("limit", 20))


def tell(a):
    inner = IP(src=a["home"], dst=a["target"], ttl=1) / UDP(sport=5000, dport=a["port"]) / Raw(b"hello")
    with conf.L3socket() as out:
        out.send(around(a, inner))
    return {}


def listen(a):
    with conf.L2socket(iface="core") as s:
        print("ready", flush=True)
        return answer(s, a, a.get("limit", 20))


if __name__ == "__main__":
    conf.verb = 0
    for line in sys.stdin:
        argument = json.loads(line)
        do = {"register": register, "ping": ping, "listen": listen, "tell": tell}[argument["do"]]
        print(json.dumps(do(argument)), flush=True)
