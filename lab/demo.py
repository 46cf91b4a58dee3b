#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo: a host walks through the office and the world outside with a TCP transfer and a UDP stream open. Measures
what it promises."""
import argparse
import collections
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from campus import Campus
from door import Attempt, phases
from net import LabError, clean_up_when_told_to_end, wait_for
from office import ANCHOR, CORRESPONDENT, HOME, ROOT
from picture import timeline
from traffic import Traffic
from trip import INTERNET, Trip, least_round_trip_ms

# Where to, how (kinds of trip.py), and whether the link goes down and up.
Step = collections.namedtuple("Step", "to kind carrier_loss", defaults=(False,))
OFFICE = [Step("floor2", "inside"), Step("floor3", "inside", True), Step("floor1", "inside"), Step("floor3", "inside"),
          Step("floor1", "inside")]


def world(gateway):
    return [Step("floor2", "inside"), Step("lte", "outward"), Step("cafe", "outside"), Step(gateway, "gateway"),
            Step("broadband", "mbb"), Step("floor1", "inward")]


WALK = OFFICE + world("gw2") + world("gw1")
SHOWN = {"lte": "LTE", "cafe": "café", "broadband": "home", "gw1": "gateway 1", "gw2": "gateway 2"}
HOW = {"inside": "on another floor", "outward": "the cable is pulled, LTE comes", "outside": "the old network is gone",
       "gateway": "another gateway is wanted", "mbb": "both networks at once for a while", "inward": "a cable again"}
PAUSE_S, SETTLE_S, STEP_LIMIT_S = 1.6, 1.5, 20
MBIT = 8  # of the TCP transfer: ESP in user space is to be busy with the moves, not with it
ALLOWED_MS = 5.0
AUTHENTICATION_ALLOWED_MS = 50.0


def say(text=""):
    print(text, flush=True)


def shown(place):
    return SHOWN.get(place, place.replace("floor", "floor "))


def round_trip_ms(o, trip, step):
    """Between an access router and the anchor; outside, between an access network and the internet."""
    if step.kind in ("inside", "inward"):
        ns, target = o.ars[int(step.to[-1])], ANCHOR
    else:
        ns, target = o.outside[trip.place if step.kind == "gateway" else step.to], INTERNET
    return least_round_trip_ms(ns, target)


def turn_away(o):
    """Two whom AAA does not let in try to get something on floor 1. Returns what came of it."""
    mallory, bob = o.stations["mallory"], o.stations["bob"]
    attempts = [Attempt(o, mallory, 1, "TTLS", f"{HOME}.77"), Attempt(o, bob, 1, "PEAP", f"{HOME}.78", password="a guess")]
    return [a.end() for a in attempts]


def wrong(attempt):
    return attempt["worked"] or attempt["frames_heard"] or attempt["registered"] or attempt["anchor_asked"]


def tell_refusals(refused):
    for a, why in zip(refused, ("unknown to the AAA server", "with a wrong password")):
        say(f"  {a['user']}, {why} ({a['method']}): {a['answer']}. It tries {', '.join(a['tried'])} none the less,\n"
            f"    with an address it took itself: {', '.join(a['worked']) or 'nothing'} answered, {a['frames_heard']} frames "
            f"came out of the port but 802.1X; the anchor was asked {a['anchor_asked']} times.")


def tell_login(login, p):
    say(f"  {login['user']} ({login['type']}): {login['answer']}; the network around saw {login['outer']} only. Authentication "
        f"took {p['authentication_ms']:.1f} ms,\n    then the registration with the key of the AAA server "
        f"{p['registration_ms']:.1f} ms, which success waited for: the port opens with a home.")


def walk(o, trip, home):
    """Moves under traffic. Returns the moves, the traffic and what TCP saw."""
    traffic = Traffic(o, trip.host, SETTLE_S + STEP_LIMIT_S * len(WALK), mbit=MBIT)
    moves, start = [], time.monotonic()
    due = start + SETTLE_S
    for step in WALK:
        rtt, before = round_trip_ms(o, trip, step), trip.gateway if step.kind == "gateway" else trip.place
        time.sleep(max(0, due - time.monotonic()))  # the walk's own pace
        at_ns, at = time.monotonic_ns(), time.time()
        trip.go(step.kind, step.to, step.carrier_loss)
        wait_for(trip.arrived, f"the move to {shown(step.to)} to end", STEP_LIMIT_S)
        moves.append({"from": before, "to": step.to, "kind": step.kind, "carrier_loss": step.carrier_loss, "rtt_ms": rtt,
                      "at_ns": at_ns, "address_kept": trip.source() == home,
                      "phases": phases(o, trip.host, int(step.to[-1]), at) if step.to.startswith("floor") else None})
        due = time.monotonic() + PAUSE_S
        say(f"  {time.monotonic() - start:5.1f} s  {shown(before)} -> {shown(step.to)}: {HOW[step.kind]}"
            f"{', and the link goes down and up' if step.carrier_loss else ''}")
    time.sleep(max(0, due - time.monotonic()))  # how long the streams run after the last move
    traffic.stop()
    tcp = traffic.finish()
    for m, after in zip(moves, moves[1:] + [None]):
        until = after["at_ns"] - 50e6 if after else m["at_ns"] + PAUSE_S * 1e9
        m["gap_ms"], m["lost"] = traffic.effect(m["at_ns"], until)
    return moves, traffic, tcp


def verdicts(moves, tcp, refused):
    kept = [m for m in moves if m["kind"] == "inside" and not m["carrier_loss"]]
    to_floors = [m for m in moves if m["to"].startswith("floor")]
    if not all(m["phases"] for m in to_floors):
        raise LabError("there was a move to a floor without a login")
    beyond = statistics.median(m["gap_ms"] - m["rtt_ms"] - m["phases"]["authentication_ms"] for m in kept)
    proving = statistics.median(m["phases"]["authentication_ms"] for m in to_floors)
    lost = sum(m["lost"] for m in moves if m["kind"] == "mbb")
    return [
        ("whom the AAA server refused had no service and no registration", not any(map(wrong, refused))),
        (f"{len(to_floors)} moves to floors were authenticated, each in {proving:.1f} ms (median; at most "
         f"{AUTHENTICATION_ALLOWED_MS:.0f})", proving <= AUTHENTICATION_ALLOWED_MS),
        ("the address never changed", all(m["address_kept"] for m in moves)),
        ("the TCP session lived, without a reset", tcp["resets"] == 0),
        (f"its {tcp['bytes']} octets came back exactly as they were sent", tcp["intact"] and tcp["bytes"] > 0),
        (f"gap of moves inside with the link up, median beyond authentication and one round trip: {beyond:.1f} ms (at most "
         f"{ALLOWED_MS:.0f})", beyond <= ALLOWED_MS),
        (f"datagrams lost where both networks were there at once: {lost} (none allowed)", lost == 0),
    ]


def rounded(values):
    return {k: rounded(v) if isinstance(v, dict) else round(v, 3) if isinstance(v, float) else v for k, v in values.items()}


def report(directory, home, moves, traffic, tcp, refused):
    os.makedirs(directory, exist_ok=True)
    keys = ("from", "to", "kind", "carrier_loss", "gap_ms", "lost", "rtt_ms", "phases", "address_kept")
    with open(os.path.join(directory, "report.json"), "w") as f:
        json.dump({"home_address": home, "tcp": tcp, "refused": refused,
                   "moves": [rounded({k: m[k] for k in keys}) for m in moves]}, f, indent=2)
        f.write("\n")
    labels = [{"at_ns": m["at_ns"], "gap_ms": m["gap_ms"],
               "label": f"{shown(m['to'])}{' link down' if m['carrier_loss'] else ''}"} for m in moves]
    with open(os.path.join(directory, "timeline.svg"), "w") as f:
        f.write(timeline(traffic.samples, labels, f"{home} walks: 1 kHz UDP echo, gap of each move"))


def table(moves):
    say(f"\n  {'move':24} {'kind':12} {'gap':>10} {'of it: 802.1X':>14} {'registration':>13} {'RTT':>9} {'lost':>5}  address")
    for m in moves:
        kind = m["kind"] + ("*" if m["carrier_loss"] else "")
        p = m["phases"]
        columns = f"{p['authentication_ms']:11.1f} ms {p['registration_ms']:10.1f} ms" if p else f"{'-':>14} {'-':>13}"
        say(f"  {shown(m['from']) + ' -> ' + shown(m['to']):24} {kind:12} {m['gap_ms']:7.1f} ms {columns} "
            f"{m['rtt_ms']:6.2f} ms {m['lost']:5}  {'kept' if m['address_kept'] else 'LOST'}")
    say("\n  inside*: the link goes down and up, and with it goes the host's own ARP question, repeated a second later.\n"
        "  mbb: make before break, the new network is there before the old one goes.")


def conclude(results, output):
    """Tells how the promises were kept. Returns the exit status."""
    say()
    for sentence, good in results:
        say(f"  {'ok    ' if good else 'BROKEN'} {sentence}")
    where = os.path.relpath(output)
    say(f"\nReport: {where}/report.json, picture: {where}/timeline.svg")
    return 0 if all(good for _, good in results) else 1


def run(main, description):
    """main: takes the directory of the report, returns the exit status."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--output", default=os.path.join(ROOT, "build", "demo"))
    args = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("the demo makes network namespaces and loads kernel programs: run it as root")
    clean_up_when_told_to_end()
    try:
        sys.exit(main(args.output))
    except LabError as e:
        sys.exit(f"demo: {e}")
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted; everything is taken down")


def main(output):
    say("In network namespaces: an office with a home agent, three floors and a server; on each floor hostapd beside the\n"
        "agent lets in whom the AAA server (FreeRADIUS) lets in; a firewall and two VPN gateways; outside LTE with 20 ms\n"
        "each way, a café behind NAT, and broadband at home.")
    with Campus("demo", floors=3, aaa=True) as o:
        trip = Trip(o, o.add_mobile("alice"))
        for name in ("bob", "mallory"):
            o.add_station(name)
        for name in ("alice", "bob"):
            o.aaa.add_user(name, "Session-Timeout = 3600")
        o.start()
        for n in o.gateways:
            o.start_gateway(n)
        say("Three hosts are plugged in on floor 1; each has a supplicant (802.1X):")
        refused = turn_away(o)
        tell_refusals(refused)
        o.aaa.supplicant(trip.host)
        at = time.time()
        home = trip.begin("floor1")
        tell_login(o.aaa.server.logins(trip.host.mac)[-1], phases(o, trip.host, 1, at))
        say(f"Its home address is {home}. It starts a TCP transfer and a 1 kHz UDP stream to {CORRESPONDENT}, and begins to\n"
            "walk; each floor authenticates it anew, by the TLS session it has:\n")
        moves, traffic, tcp = walk(o, trip, home)
        table(moves)
        say(f"\nThe last move, as `holdfast explain {trip.host.nai}` tells it:\n")
        say(o.cli("explain", trip.host.nai).stdout.rstrip().split("\n\n")[-1])
        report(output, home, moves, traffic, tcp, refused)
    return conclude(verdicts(moves, tcp, refused), output)


if __name__ == "__main__":
    run(main, __doc__)
