#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a move lasts: hosts that move under a 1 kHz echo, with Holdfast and with plain strongSwan in turns.

doc/handover.md says how it is measured; --document writes the figures anew."""
import argparse
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
import handover_client
from campus import Campus
from moves import LIMIT_S, OURS, PLAIN, Running, move, series
from net import LabError, clean_up_when_told_to_end, wait_for
from office import ANCHOR, ROOT
from spread import picture, table
from traffic import listen
from trip import INTERNET, Trip, least_round_trip_ms

LASTING_S = 10  # a tunnel that its gateway ends earlier counts as a failure, and the helper waits before the next try
OUTSIDE_ALLOWED_MS, OUTSIDE_BETTER_MS, SETUP_ALLOWED_MS = 25, 80, 3
DOCUMENT = os.path.join(ROOT, "doc", "handover.md")


class Side(Running):
    """One campus with one host outside. plain: strongSwan without anything of ours at either end, and a pool of
    addresses at the gateway. helper: the host has holdfast-mn; without it it is stock."""

    def __init__(self, name, delays=None, plain=False, helper=True):
        self.name, self.plain, self.helper = name, plain, helper and not plain
        self.campus = Campus(name, delays=delays)
        self.host = self.campus.add_mobile("alice")

    def _start(self):
        c = self.campus
        if not self.plain:
            c.start()
        for n in (1, 2):
            c.start_gateway(n, holdfast=not self.plain)
        listen(c.cn)
        if self.helper:
            self.trip = Trip(c, self.host)
            self.trip.begin("lte")
        else:
            self.host.plug("lte")
            self.charon = c.start_client(self.host)
        return self

    def connect(self):
        self.charon.initiate("gw1")
        return self

    def disconnect(self):
        self.charon.terminate(ike="gw1")

    def move(self, act):
        found = move(self.campus, self.host, act)
        if not found["recovered"] and not self.helper:
            self.disconnect()
            self.connect()
        return found


def outside(count, delay_ms):
    """From one access network to another: the old one is gone when the new one comes."""
    delays, places = dict.fromkeys(("lte", "broadband"), delay_ms), ("lte", "broadband")
    moves = ([], [])
    with Side("plain", delays, plain=True) as plain, Side("ours", delays) as ours:
        sides = (plain.connect(), ours)
        rtt = least_round_trip_ms(ours.host.ns, INTERNET)
        for n in range(count):
            old, new = places[n % 2], places[1 - n % 2]
            for side, found in zip(sides, moves):
                found.append(side.move(lambda s=side: s.host.switch(old, new)))
    name = f"outside, {2 * delay_ms} ms round trip"
    return [series(name, rtt, moves[0], PLAIN), series(name, rtt, moves[1])]


def trips(side, steps, count):
    """Makes the steps in turn until each name has count moves. A step is a name, how it is done (lab/trip.py) and where
    to; one without a name only leads back."""
    def go(kind, to):
        side.trip.go(kind, to)
        wait_for(side.trip.arrived, f"the move to {to} to end", LIMIT_S)
    rtt = least_round_trip_ms(side.host.ns, INTERNET)
    found = {name: [] for name, _, _ in steps if name}
    while min(map(len, found.values())) < count:
        for name, kind, to in steps:
            if kind == "closing":
                time.sleep(LASTING_S)
            if name:
                found[name].append(side.move(lambda k=kind, t=to: go(k, t)))
            else:
                go(kind, to)
    return [series(name, rtt, moves) for name, moves in found.items()]


WALKS = {
    "boundary": [("inward, LTE to office", "inward", "floor1"), ("outward, office to LTE", "outward", "lte")],
    "mbb": [("both links up, LTE to broadband", "mbb", "broadband"), (None, "outside", "lte"),
            ("both links up, LTE to office", "mbb", "floor1"), ("both links up, office to LTE", "mbb", "lte")],
    "gateway": [("another gateway is wanted", "gateway", gw) for gw in ("gw2", "gw1")],
    "closing": [("the gateway closes", "closing", gw) for gw in ("gw2", "gw1")]}

PARTS = ("outside0", "outside40", "setup", *WALKS)


def setup(count):
    """From nothing to a tunnel with an inner address, with a stock strongSwan on the host in both cases."""
    took = ([], [])
    with Side("plain", plain=True) as plain, Side("ours", helper=False) as ours:
        for side in (plain, ours):  # the first one ever reads certificates and finds neighbours
            side.connect().disconnect()
        for _ in range(count):
            for side, found in zip((plain, ours), took):
                start = time.monotonic()
                side.connect()
                found.append({"gap_ms": round((time.monotonic() - start) * 1000, 2)})
                side.disconnect()
        rtt = least_round_trip_ms(ours.campus.gateways[1], ANCHOR)
    return [series("setup over LTE", rtt, took[0], PLAIN), series("setup over LTE", rtt, took[1])]


def targets(found):
    """(sentence, met) of each."""
    def of(name, who=OURS):
        return next((s for s in found if s["name"] == name and s["who"] == who), None)

    def line(sentence, value, limit):
        return f"{sentence}: {value:.1f} ms, at most {limit:.1f} ms", value <= limit
    result = []
    for rtt in (0, 40):
        name = f"outside, {rtt} ms round trip"
        ours, plain = of(name), of(name, PLAIN)
        if ours:
            result.append(line(f"{name}: median, 2 round trips and {OUTSIDE_ALLOWED_MS} ms allowed", ours["median_ms"],
                               2 * ours["rtt_ms"] + OUTSIDE_ALLOWED_MS))
            result.append(line(f"{name}: median, better than plain strongSwan by {OUTSIDE_BETTER_MS} ms",
                               ours["median_ms"], plain["median_ms"] - OUTSIDE_BETTER_MS))
    ours, plain = of("setup over LTE"), of("setup over LTE", PLAIN)
    if ours:
        result.append(line("setup: median, plain strongSwan's, one round trip to the anchor and "
                           f"{SETUP_ALLOWED_MS} ms allowed", ours["median_ms"],
                           plain["median_ms"] + ours["rtt_ms"] + SETUP_ALLOWED_MS))
    for s in found:
        if s["name"].startswith("both links up"):
            result.append((f"{s['name']}: datagrams lost in {s['n']} moves: {s['lost']}, none allowed", s["lost"] == 0))
    return result


def measure(parts, count):
    found = []
    for part, delay_ms in (("outside0", 0), ("outside40", 20)):
        if part in parts:
            found += outside(count, delay_ms)
    if "setup" in parts:
        found += setup(count)
    if set(parts) & set(WALKS):
        with Side("ours") as side:
            for part, steps in WALKS.items():
                if part in parts:
                    found += trips(side, steps, count)
    return found


# The modes of a host: what is measured, what has to be reached, and the name of the figures in the document and of the
# picture beside it.
GROUPS = ((PARTS, measure, targets, "handover"),
          (tuple(handover_client.PARTS), handover_client.measure, handover_client.targets, "handover-client"))


def chosen(names):
    """The parts whose names begin so."""
    known = [part for parts, *_ in GROUPS for part in parts]
    for name in names:
        if not any(part.startswith(name) for part in known):
            sys.exit(f"no series is called {name}; there are {', '.join(known)}")
    return {part for part in known if any(part.startswith(name) for name in names)}


def document(found, reached, name):
    """Writes table and targets into the document."""
    with open(DOCUMENT) as f:
        text = f.read()
    body = table(found) + "\n" + "".join(f"- {sentence}: {'met' if met else 'MISSED'}.\n" for sentence, met in reached)
    text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", lambda m: m[1] + body + m[2], text, flags=re.S)
    with open(DOCUMENT, "w") as f:
        f.write(text)


def draw(found, path):
    svg = picture([(f"{s['name']}: {s['who']}", "plain" if s["who"] == PLAIN else "ours",
                    [m["gap_ms"] for m in s["moves"]]) for s in found], "Each move's gap; the stroke is the median")
    with open(path, "w") as f:
        f.write(svg)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--moves", type=int, default=50)
    p.add_argument("--only", nargs="*", metavar="SERIES", help="those whose names begin so; all if none is named")
    p.add_argument("--output", default=os.path.join(ROOT, "build", "handover"))
    p.add_argument("--document", action="store_true", help="write doc/handover.md and its pictures too")
    args = p.parse_args()
    wanted = chosen(args.only or [""])
    if os.geteuid() != 0:
        sys.exit("the measurement makes network namespaces: run it as root")
    clean_up_when_told_to_end()
    os.makedirs(args.output, exist_ok=True)
    results, all_met = {"series": [], "targets": []}, True
    for parts, measured_by, aims, name in GROUPS:
        if not wanted & set(parts):
            continue
        found = measured_by(wanted & set(parts), args.moves)
        reached = aims(found)
        print()
        for sentence, met in reached:
            print(f"  {'met   ' if met else 'MISSED'} {sentence}")
            all_met = all_met and met
        results["series"] += found
        results["targets"] += [{"target": t, "met": met} for t, met in reached]
        draw(found, os.path.join(args.output, f"{name}.svg"))
        if args.document:
            draw(found, os.path.join(os.path.dirname(DOCUMENT), f"{name}.svg"))
            document(found, reached, name)
    with open(os.path.join(args.output, "handover.json"), "w") as f:
        json.dump(results, f, indent=1)
        f.write("\n")
    return 0 if all_met else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit(f"handover: {e}")
    except KeyboardInterrupt:
        sys.exit("\nhandover: interrupted; everything is taken down")
