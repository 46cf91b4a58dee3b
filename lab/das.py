# SPDX-License-Identifier: GPL-2.0-or-later
"""The side of a NAS that listens to Disconnect-Requests (RFC 5176), written from the RFC and nothing else.

    das = Das(ns, "10.0.1.1", "the secret", "ack")       # or "nak 504", or "silent"
    das.heard()      # [{"User-Name": "alice@example.com", "Acct-Session-Id": "4711", ...}, ...]"""
import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import time

from aaa import read
from net import wait_for

PORT = 3801  # the agent's own may be 3799
DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK = 40, 41, 42
EVENT_TIMESTAMP, MESSAGE_AUTHENTICATOR, ERROR_CAUSE = 55, 80, 101
TEXTS = {1: "User-Name", 31: "Calling-Station-Id", 32: "NAS-Identifier", 44: "Acct-Session-Id", 87: "NAS-Port-Id"}
NUMBERS = {5: "NAS-Port", EVENT_TIMESTAMP: "Event-Timestamp"}
HEADER, WINDOW_S = 20, 300


def attributes_of(packet):
    at, found = HEADER, []
    while at < len(packet):
        kind, n = packet[at], packet[at + 1]
        assert n >= 2 and at + n <= len(packet), "attributes do not fill the packet"
        found.append((kind, packet[at + 2:at + n], at + 2))
        at += n
    return found


def check(packet, secret):
    """Raises AssertionError where a packet is not what RFC 5176 2.3, 3.4 and 6.3 want. Returns its attributes."""
    code, _, length = struct.unpack("!BBH", packet[:4])
    assert code == DISCONNECT_REQUEST and length == len(packet), "no Disconnect-Request"
    zeroed = packet[:4] + bytes(16) + packet[HEADER:]
    assert hashlib.md5(zeroed + secret).digest() == packet[4:HEADER], "its authenticator is wrong"
    attributes = attributes_of(packet)
    proofs = [(value, at) for kind, value, at in attributes if kind == MESSAGE_AUTHENTICATOR]
    assert len(proofs) == 1, "there is one Message-Authenticator"
    value, at = proofs[0]
    unsigned = zeroed[:at] + bytes(16) + zeroed[at + 16:]
    assert hmac.new(secret, unsigned, "md5").digest() == value, "its Message-Authenticator is wrong"
    stamps = [struct.unpack("!I", value)[0] for kind, value, _ in attributes if kind == EVENT_TIMESTAMP]
    assert len(stamps) == 1 and abs(stamps[0] - time.time()) < WINDOW_S, "its Event-Timestamp is of now"
    return attributes


def answer(packet, secret, cause):
    body = struct.pack("!BBI", ERROR_CAUSE, 6, cause) if cause else b""
    head = struct.pack("!BBH", DISCONNECT_NAK if cause else DISCONNECT_ACK, packet[1], HEADER + len(body))
    return head + hashlib.md5(head + packet[4:HEADER] + body + secret).digest() + body


def serve(address, secret, how):
    how, _, cause = how.partition(" ")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, PORT))
    print(json.dumps("ready"), flush=True)
    while True:
        packet, sender = s.recvfrom(4096)
        heard = {"id": packet[1]}
        try:
            for kind, value, _ in check(packet, secret):
                if kind in TEXTS:
                    heard[TEXTS[kind]] = value.decode()
                elif kind in NUMBERS:
                    heard[NUMBERS[kind]] = struct.unpack("!I", value)[0]
        except AssertionError as e:
            heard["fault"] = str(e)
        print(json.dumps(heard), flush=True)
        if how != "silent":
            s.sendto(answer(packet, secret, int(cause or 0)), sender)


class Das:
    count = 0

    def __init__(self, ns, address, secret, how="ack"):
        Das.count += 1
        self.ns, self.log = ns, os.path.join(ns.net.dir, f"{ns.name}-das-{Das.count}.log")
        self.process = ns.start(sys.executable, os.path.abspath(__file__), address, secret, how, log=self.log)
        wait_for(lambda: read(self.log), "the NAS to listen")

    def heard(self):
        return [json.loads(line) for line in read(self.log).splitlines()[1:]]

    def stop(self):
        self.ns.net.stop(self.process)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2].encode(), sys.argv[3])
