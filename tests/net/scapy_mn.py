# SPDX-License-Identifier: GPL-2.0-or-later
"""A mobile node that owes nothing to this project: Mobile IP by scapy and Python's hmac. Run inside of a namespace; for each
line of JSON on its input it prints one, of what it heard.

discover: solicits on `interface` and shows the agent's advertisement.
ping: an echo request, in a tunnel to the agent or plain.
register: sends a registration request through the agent (RFC 5944 3.6) and shows the reply, with its authenticator
checked."""
import hmac
import json
import struct
import sys
import time

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.mobileip import MobileIP, MobileIPRRQ
from scapy.packet import Raw

MOBILE_IP = 434
NTP_EPOCH = 2208988800
SPI, ALGORITHM = 3000, "sha256"


def extension(kind, value):
    return bytes([kind, len(value)]) + value


def ntp_now():
    """RFC 5944 5.7.1: a timestamp as NTP has it, later than each before."""
    ns = time.time_ns()
    return ns // 10**9 + NTP_EPOCH << 32 | (ns % 10**9 << 32) // 10**9


def request(flags, lifetime, home, home_agent, care_of):
    """The fixed part."""
    return bytes(MobileIP(type=1) / MobileIPRRQ(flags=flags, lifetime=lifetime, homeaddr=home, haaddr=home_agent, coaddr=care_of,
                                                id=ntp_now()))


def authenticated(octets, key):
    covered = octets + bytes([32, 4 + 32]) + struct.pack("!I", SPI)
    return covered + hmac.new(key, covered, ALGORITHM).digest()


def is_authentic(octets, key):
    at = octets.find(bytes([32, 36]) + struct.pack("!I", SPI))
    return at > 0 and octets[at + 6:at + 38] == hmac.new(key, octets[:at + 6], ALGORITHM).digest()


def exchange(interface, frame, wanted, limit=20):
    """Sends the frame until something wanted comes back."""
    end = time.monotonic() + limit
    with conf.L2socket(iface=interface) as s:
        while time.monotonic() < end:
            s.send(frame)
            again = time.monotonic() + 1
            while time.monotonic() < again:
                heard = s.recv() if s.select([s], 0.1) else None
                if heard is not None and wanted(heard):
                    return heard
    return None


def discover(a):
    frame = (Ether(src=a["mac"], dst="01:00:5e:00:00:0b") / IP(src=a["home"], dst="224.0.0.11", ttl=1) /
             ICMP(type=10, code=0))
    heard = exchange(a["interface"], frame, lambda p: ICMP in p and p[ICMP].type == 9)
    if heard is None:
        return {"agent": None}
    body = bytes(heard[ICMP])
    routers = body[4]
    at = 8 + 8 * routers
    kind, length, sequence, lifetime, flags = struct.unpack_from("!BBHHH", body, at)
    assert kind == 16
    care_of = [".".join(map(str, body[i:i + 4])) for i in range(at + 8, at + 2 + length, 4)]
    return {"agent": heard[IP].src, "mac": heard.src, "ttl": heard[IP].ttl, "sequence": sequence,
            "lifetime": lifetime, "flags": flags, "care_of": care_of}


def register(a):
    key = a["key"].encode()
    octets = request(a["flags"], a["lifetime"], a["home"], a["home_agent"], a["care_of"])
    identification = octets[16:]
    octets = authenticated(octets + extension(131, a["nai"].encode()), key)
    if a.get("encapsulating"):
        octets += extension(130, b"")
    frame = (Ether(src=a["mac"], dst=a["agent_mac"]) / IP(src=a["home"], dst=a["agent"], ttl=a.get("ttl", 255)) /
             UDP(sport=MOBILE_IP, dport=MOBILE_IP) / Raw(octets))

    def wanted(p):
        if UDP not in p or p[UDP].dport != MOBILE_IP or p[Ether].dst != a["mac"]:
            return False
        reply = bytes(p[UDP].payload)
        return reply[0] == 3 and reply[16:20] == identification[4:8]
    heard = exchange(a["interface"], frame, wanted, a.get("limit", 20))
    if heard is None:
        return {"code": None}
    octets = bytes(heard[UDP].payload)
    return {"code": octets[1], "lifetime": struct.unpack_from("!H", octets, 2)[0],
            "home": ".".join(map(str, octets[4:8])), "authentic": is_authentic(octets, key),
            "from": heard[IP].src}


def ping(a):
    """An echo request in IP in IP to the agent, as encapsulating delivery wants it (RFC 3024 4.2), or plain."""
    frame = Ether(src=a["mac"], dst=a["agent_mac"])
    if a["encapsulated"]:
        frame /= IP(src=a["home"], dst=a["agent"], proto=4)
    frame /= IP(src=a["home"], dst=a["target"]) / ICMP(id=77, seq=1) / b"anybody there?"
    heard = exchange(a["interface"], frame, lambda p: ICMP in p and p[ICMP].type == 0 and p[IP].src == a["target"],
                     a.get("limit", 20))
    return {"answered": heard is not None}


if __name__ == "__main__":
    conf.verb = 0
    for line in sys.stdin:
        argument = json.loads(line)
        do = {"discover": discover, "register": register, "ping": ping}[argument["do"]]
        print(json.dumps(do(argument)), flush=True)
