# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens at the port of a floor: who is turned away and gets nothing, and how long the phases of a login took."""
import json

from capture import Capture
from net import wait_for
from office import CORRESPONDENT, GATEWAY

# The bridge and the router say by IPv6 that they are there; whoever comes in gets no answer.
ALL_BUT_EAPOL = "inbound and not ether proto 0x888e and not ip6"


def shortcuts(office, floor):
    """Lines for ip: a station that needs no answer to ARP to speak to the floor's router, as itself and as a gateway."""
    router = json.loads(office.ars[floor].ip("-j", "link", "show", "access"))[0]["address"]
    return [f"route add 10.0.{floor}.1 dev eth0", f"neigh add {GATEWAY} lladdr {router} dev eth0"]


class Attempt:
    """A station that AAA does not know plugs in and tries everything it can think of."""

    def __init__(self, office, station, floor, method, address, **options):
        """address: it helps itself to one. options: of its supplicant."""
        self.office, self.station, self.floor, self.method = office, station, floor, method
        self.asked, self.answered = self._requests(), len(office.aaa.server.logins(station.mac))
        self.capture = Capture(station.ns, "eth0", ALL_BUT_EAPOL)
        self.supplicant = office.aaa.supplicant(station, method, **options)
        station.configure(address)
        self.knows = shortcuts(office, floor)
        station.ns.batch(*self.knows)
        station.go(floor)
        self.tries = {
            "DHCP": ["busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-s", "/bin/true", "-t", "2", "-T", "1"],
            "ARP": ["arping", "-c", "2", "-w", "1", "-I", "eth0", GATEWAY],
            "the agent": ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", f"10.0.{floor}.1"],
            "the server": ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", CORRESPONDENT]}
        self.running = {what: station.ns.start(*argv) for what, argv in self.tries.items()}

    def _requests(self):
        return self.office.show("counters")["ha"]["signalling"]["requests"]

    def _answer(self):
        return next(iter(self.office.aaa.server.logins(self.station.mac)[self.answered:]), None)

    def end(self):
        """Returns what came of it, and takes the station away."""
        answer = wait_for(self._answer, f"the AAA server to answer about {self.station.name}")
        wait_for(self.supplicant.failures, f"{self.station.name} to be told")
        worked = [what for what, p in self.running.items() if p.wait(60) == 0]
        heard = len(self.capture.stop())
        known = self.office.binding(self.station) or self.office.subscriber(self.floor, self.station)
        self.station.leave()
        self.station.ns.batch(*(line.replace(" add ", " del ") for line in self.knows), "address flush dev eth0")
        self.office.aaa.stop_supplicant(self.station)
        return {"user": self.station.nai, "shown": answer["outer"], "method": self.method, "answer": answer["answer"],
                "tried": list(self.tries), "worked": worked, "frames_heard": heard, "registered": known is not None,
                "anchor_asked": self._requests() - self.asked}


def history(office, nai):
    """A user's records, the oldest first."""
    return json.loads(office.cli("--json", "explain", nai).stdout)["records"]


def phases(office, station, floor, since):
    """Milliseconds of the last login on a floor after the time `since`: until it began, of the authentication by hostapd's
    own clock, and of the registration that the Accept waited for. None: there was none."""
    records = [r for r in history(office, station.nai) if r["node"] == f"ar{floor}" and r["time_us"] / 1e6 >= since]
    times = {r["event"]: r["time_us"] / 1e6 for r in records if r["event"] in ("login", "reply_received")}
    begun = [t for t in office.aaa.hostapds[floor].started(station.mac) if since <= t <= times.get("login", 0)]
    if not begun or "reply_received" not in times:
        return None
    return {"until_begun_ms": (begun[-1] - since) * 1e3, "authentication_ms": (times["login"] - begun[-1]) * 1e3,
            "registration_ms": (times["reply_received"] - times["login"]) * 1e3,
            "resumed": office.aaa.server.logins(station.mac)[-1]["resumed"] == "yes"}
