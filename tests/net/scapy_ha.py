# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody on the network of a mobile node who answers in the place of its home agent: Mobile IP by scapy and Python's
hmac. Run inside of a namespace with one JSON argument; prints a line when it listens, and one for each answer it sent.

honest: as the home agent would, with TNC under the authenticator.   silent-about-tnc: the same without TNC.
wrong-key: with TNC, but the key is not known.                       tnc-added: TNC behind the authenticator.
replayed: the reply given as `reply` in hexadecimal, whatever was asked.
replayed-id: the same with the identification of the request put in."""
import hmac
import json
import struct
import sys

from scapy.config import conf
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy_mn import MOBILE_IP, extension

TNC = bytes([149, 2, 0, 0])


def authenticated(octets, spi, key):
    covered = octets + bytes([32, 4 + 32]) + struct.pack("!I", spi)
    return covered + hmac.new(key, covered, "sha256").digest()


def answer(a, request):
    """RFC 5944 3.4, RFC 5265 4.2."""
    head = struct.pack("!BBH", 3, 0, 300) + request[4:12] + request[16:24] + extension(131, a["nai"].encode())
    key = a["key"].encode()
    kind = a["kind"]
    if kind == "replayed":
        return bytes.fromhex(a["reply"])
    if kind == "replayed-id":
        old = bytes.fromhex(a["reply"])
        return old[:12] + request[16:24] + old[20:]
    if kind == "wrong-key":
        return authenticated(head + TNC, a["spi"], b"anything that may be guessed")
    if kind == "silent-about-tnc":
        return authenticated(head, a["spi"], key)
    if kind == "tnc-added":
        return authenticated(head, a["spi"], key) + TNC
    return authenticated(head + TNC, a["spi"], key)


def main(a):
    s = conf.L2socket(iface=a["interface"], filter=f"udp dst port {MOBILE_IP} and dst host {a['home_agent']}")
    print("listening", flush=True)
    while True:
        p = s.recv()
        if p is None or UDP not in p:
            continue
        request = bytes(p[UDP].payload)
        if request[:1] != b"\x01":
            continue
        s.send(Ether(src=p[Ether].dst, dst=p[Ether].src) / IP(src=p[IP].dst, dst=p[IP].src) /
               UDP(sport=MOBILE_IP, dport=p[UDP].sport) / Raw(answer(a, request)))
        print("answered", flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
