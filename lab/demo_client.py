#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo of client mode (make demo WALK=client): a host that speaks Mobile IP itself walks from its home link through
floors with and without a foreign agent and the world outside, twice, with a TCP transfer and a UDP stream open."""
import ipaddress
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import ClientCampus
from demo import MBIT, PAUSE_S, SETTLE_S, STEP_LIMIT_S, conclude, rounded, run, say
from net import wait_for
from office import ANCHOR, CORRESPONDENT
from picture import timeline
from traffic import Traffic
from trip import INTERNET, least_round_trip_ms

ROUND = ["floor1", "floor2", "lte", "cafe", "floor0"]
# The mode of each place, and where the care-of address is from; None: there is no binding.
PLACES = {"floor0": ("home", None), "floor1": ("f", "10.0.1.1/32"), "floor2": ("c", "10.8.2.0/24"),
          "lte": ("mc", "10.50.1.0/24"), "cafe": ("mc", "10.50.1.0/24")}
SHOWN = {"floor0": "home link", "floor1": "floor 1 (agent)", "floor2": "floor 2 (none)", "lte": "LTE", "cafe": "café"}
HOW = {"home": "no tunnel, no binding", "f": "through the foreign agent", "c": "to an address of its own",
       "mc": "Mobile IP inside of the VPN"}


def source(m):
    """The address that the host speaks to the intranet from."""
    found = re.search(r" src (\S+)", m.ns.run("ip", "-o", "route", "get", CORRESPONDENT, check=False))
    return found[1] if found else None


def arrived(o, m, place):
    """The home agent knows where the host is, and so do the host and, outside, charon. Returns what the host says."""
    mode, net = PLACES[place]
    node, binding = m.node(), o.binding(m)
    if node["mode"] != mode:
        return None
    if net is None:
        return node if binding is None else None
    if binding is None or ipaddress.ip_address(node["care_of"]) not in ipaddress.ip_network(net):
        return None
    if place in o.outside and not o.charons[m.name].sa(local_host=m.outside_address(place), state="ESTABLISHED"):
        return None
    return node


def round_trip_ms(o, place):
    """Between the place's router and the home agent; outside, the internet."""
    if place in o.outside:
        return least_round_trip_ms(o.outside[place], INTERNET)
    return least_round_trip_ms(o.home_host if place == "floor0" else o.ars[int(place[-1])], ANCHOR)


def kind(o, old, new):
    """As in trip.py."""
    return {(False, False): "inside", (False, True): "outward", (True, True): "outside", (True, False): "inward"}[
        old in o.outside, new in o.outside]


def walk(o, m):
    traffic = Traffic(o, m, SETTLE_S + STEP_LIMIT_S * 2 * len(ROUND), mbit=MBIT)
    moves, start, here = [], time.monotonic(), "floor0"
    due = start + SETTLE_S
    for to in ROUND * 2:
        rtt = round_trip_ms(o, to)
        time.sleep(max(0, due - time.monotonic()))  # the walk's own pace
        at_ns = time.monotonic_ns()
        m.switch(here, to)
        node = wait_for(lambda place=to: arrived(o, m, place), f"the move to {SHOWN[to]} to end", STEP_LIMIT_S)
        took_ms = (time.monotonic_ns() - at_ns) / 1e6
        moves.append({"from": here, "to": to, "kind": kind(o, here, to), "carrier_loss": True, "rtt_ms": rtt, "at_ns": at_ns,
                      "mode": node["mode"], "took_ms": took_ms, "care_of": node["care_of"], "phases": None,
                      "address_kept": source(m) == m.home})
        due = time.monotonic() + PAUSE_S
        say(f"  {time.monotonic() - start:5.1f} s  {SHOWN[here] + ' -> ' + SHOWN[to]:34} mode {node['mode']:5} "
            f"{HOW[node['mode']]}{', care-of address ' + node['care_of'] if PLACES[to][1] else ''}")
        here = to
    time.sleep(max(0, due - time.monotonic()))  # how long the streams run after the last move
    traffic.stop()
    tcp = traffic.finish()
    for move, after in zip(moves, moves[1:] + [None]):
        until = after["at_ns"] - 50e6 if after else move["at_ns"] + PAUSE_S * 1e9
        move["gap_ms"], move["lost"] = traffic.effect(move["at_ns"], until)
    return moves, traffic, tcp


def last_move(told):
    """From where the last of the links was lost."""
    lines = told.rstrip().splitlines()
    return "\n".join(lines[max(i for i, line in enumerate(lines) if " lost " in line):])


def verdicts(moves, tcp):
    seen = [m["mode"] for m in moves]
    return [
        ("the modes were, twice: " + ", ".join(PLACES[p][0] for p in ROUND), seen == [PLACES[p][0] for p in ROUND * 2]),
        ("the address never changed", all(m["address_kept"] for m in moves)),
        ("the TCP session lived, without a reset", tcp["resets"] == 0),
        (f"its {tcp['bytes']} octets came back exactly as they were sent", tcp["intact"] and tcp["bytes"] > 0),
    ]


def table(moves):
    say(f"\n  {'move':34} {'mode':5} {'gap':>10} {'RTT':>9} {'lost':>5}  address")
    for m in moves:
        say(f"  {SHOWN[m['from']] + ' -> ' + SHOWN[m['to']]:34} {m['mode']:5} {m['gap_ms']:7.1f} ms {m['rtt_ms']:6.2f} ms "
            f"{m['lost']:5}  {'kept' if m['address_kept'] else 'LOST'}")
    say("\n  Each move is a hard one: the old link is gone before the new one comes; in the office the gap has the DHCP\n"
        "  exchange in it.")


def report(directory, home, moves, traffic, tcp):
    os.makedirs(directory, exist_ok=True)
    keys = ("from", "to", "kind", "mode", "carrier_loss", "gap_ms", "took_ms", "lost", "rtt_ms", "phases", "care_of",
            "address_kept")
    with open(os.path.join(directory, "report.json"), "w") as f:
        json.dump({"home_address": home, "tcp": tcp, "refused": [],
                   "moves": [rounded({k: m[k] for k in keys}) for m in moves]}, f, indent=2)
        f.write("\n")
    labels = [{"at_ns": m["at_ns"], "gap_ms": m["gap_ms"], "label": f"{SHOWN[m['to']]}: {m['mode']}"} for m in moves]
    with open(os.path.join(directory, "timeline.svg"), "w") as f:
        f.write(timeline(traffic.samples, labels, f"{home} walks by itself: 1 kHz UDP echo, gap of each move"))


def main(output):
    say("In network namespaces: an office with a home agent and its home link, a floor with a foreign agent and one without;\n"
        "DHCP on each; a firewall and a VPN gateway that knows nothing of Mobile IP and translates addresses inwards;\n"
        "outside LTE with 20 ms each way, and a café behind NAT. The host runs holdfast-mn in client mode.")
    with ClientCampus("demo", nat_gateways=(1,)) as o:
        m = o.add_laptop("alice")
        o.start()
        m.plug("floor0")
        o.start_laptop(m, gateways=(1,))
        wait_for(lambda: arrived(o, m, "floor0"), "the host to be at home", STEP_LIMIT_S)
        say(f"\nIts home address is {m.home}. It starts a TCP transfer and a 1 kHz UDP stream to {CORRESPONDENT},\n"
            "and leaves:\n")
        moves, traffic, tcp = walk(o, m)
        table(moves)
        say(f"\nThe last move, as `holdfast explain {m.nai}` tells it:\n")
        say(last_move(o.cli("explain", m.nai).stdout))
        report(output, m.home, moves, traffic, tcp)
    return conclude(verdicts(moves, tcp), output)


if __name__ == "__main__":
    run(main, __doc__)
