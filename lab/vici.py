# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks charon by its vici socket: commands, and the events they stream (strongSwan's README of libcharon/plugins/vici)."""
import socket
import struct

from net import LabError

REQUEST, RESPONSE, EVENT_REGISTER, EVENT_CONFIRM, EVENT = 0, 1, 3, 5, 7
SECTION, SECTION_END, KEY, LIST, ITEM, LIST_END = 1, 2, 3, 4, 5, 6


def encode(message):
    """A dictionary of texts, lists of texts and dictionaries."""
    out = b""
    for name, value in message.items():
        tag = struct.pack("B", len(name)) + name.encode()
        if isinstance(value, dict):
            out += bytes([SECTION]) + tag + encode(value) + bytes([SECTION_END])
        elif isinstance(value, (list, tuple)):
            items = b"".join(bytes([ITEM]) + struct.pack(">H", len(str(v))) + str(v).encode() for v in value)
            out += bytes([LIST]) + tag + items + bytes([LIST_END])
        else:
            text = str(value).encode()
            out += bytes([KEY]) + tag + struct.pack(">H", len(text)) + text
    return out


class Decoder:
    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, size_format):
        n = struct.calcsize(size_format)
        length = struct.unpack_from(size_format, self.octets, self.at)[0]
        text = self.octets[self.at + n:self.at + n + length]
        self.at += n + length
        return text.decode(errors="replace")

    def section(self):
        found, items = {}, None
        while self.at < len(self.octets):
            kind = self.octets[self.at]
            self.at += 1
            if kind == SECTION:
                name = self.take("B")
                found[name] = self.section()
            elif kind == SECTION_END:
                break
            elif kind == KEY:
                name = self.take("B")
                found[name] = self.take(">H")
            elif kind == LIST:
                items = found[self.take("B")] = []
            elif kind == ITEM:
                items.append(self.take(">H"))
        return found


class Vici:
    """One connection. Not for several threads."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise LabError("charon closed the vici connection")
            data += part
        return data

    def _send(self, kind, name, payload=b""):
        packet = bytes([kind, len(name)]) + name.encode() + payload
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)

    def _receive(self):
        """(kind, name of an event or None, octets)"""
        packet = self._read(struct.unpack(">I", self._read(4))[0])
        if packet[0] != EVENT:
            return packet[0], None, packet[1:]
        n = packet[1]
        return EVENT, packet[2:2 + n].decode(), packet[2 + n:]

    def listen(self, *events):
        for event in events:
            self._send(EVENT_REGISTER, event)
            if self._receive()[0] != EVENT_CONFIRM:
                raise LabError(f"charon has no event {event}")

    def event(self):
        """Waits for the next one of those listened to: (name, message)."""
        while True:
            kind, name, octets = self._receive()
            if kind == EVENT:
                return name, Decoder(octets).section()

    def ask(self, command, message=None):
        """Returns the response; events meanwhile go by."""
        self._send(REQUEST, command, encode(message or {}))
        while True:
            kind, _, octets = self._receive()
            if kind == RESPONSE:
                return Decoder(octets).section()
            if kind != EVENT:
                raise LabError(f"charon has no command {command}")

    def stream(self, command, event, message=None):
        """The events a listing command answers with."""
        self.listen(event)
        self._send(REQUEST, command, encode(message or {}))
        found = []
        while True:
            kind, _, octets = self._receive()
            if kind == RESPONSE:
                return found
            found.append(Decoder(octets).section())
