#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo: a host walks through the office with a TCP transfer and a UDP stream open. Measures what it promises."""
import argparse
import json
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import office as lab
from dhcp import start_client
from net import LabError, clean_up_when_told_to_end, wait_for
from picture import timeline
from traffic import Traffic

WALK = [(2, False), (3, True), (1, False), (3, False), (2, True), (1, True), (2, False), (1, False), (3, True), (2, False)]
PAUSE_S = 1.6
SETTLE_S = 1.5
ALLOWED_MS = 5.0


def say(text=""):
    print(text, flush=True)


def round_trip_ms(o, floor):
    """Between a floor's proxy agent and the home agent."""
    text = o.ars[floor].run("ping", "-n", "-q", "-c", "3", "-i", "0.02", lab.ANCHOR)
    return float(re.search(r"= [\d.]+/([\d.]+)/", text)[1])


def walk(o, st, home):
    """Moves through the building under traffic. Returns the moves, the traffic and what TCP saw."""
    traffic = Traffic(o, st, SETTLE_S + PAUSE_S * len(WALK) + 0.5)
    moves, start = [], time.monotonic()
    for i, (floor, carrier_loss) in enumerate(WALK):
        due = start + SETTLE_S + i * PAUSE_S
        rtt = round_trip_ms(o, floor)
        time.sleep(max(0, due - time.monotonic()))  # the walk's own pace
        before, at_ns = st.floor, time.monotonic_ns()
        st.go(floor, carrier_loss)
        o.wait_served(st, floor)
        moves.append({"from": f"floor{before}", "to": f"floor{floor}", "kind": "inside", "carrier_loss": carrier_loss,
                      "rtt_ms": rtt, "at_ns": at_ns, "address_kept": st.address() == home})
        say(f"  {time.monotonic() - start:5.1f} s  floor {before} -> floor {floor}"
            f"{'  (link went down and up)' if carrier_loss else ''}")
    tcp = traffic.finish()
    for m, after in zip(moves, moves[1:] + [None]):
        until = after["at_ns"] - 50e6 if after else m["at_ns"] + PAUSE_S * 1e9
        m["gap_ms"], m["lost"] = traffic.effect(m["at_ns"], until)
    return moves, traffic, tcp


def verdicts(moves, tcp):
    kept = [m for m in moves if not m["carrier_loss"]]
    beyond = [m["gap_ms"] - m["rtt_ms"] for m in kept]
    return [
        ("the address never changed", all(m["address_kept"] for m in moves)),
        ("the TCP session lived, without a reset", tcp["resets"] == 0),
        (f"its {tcp['bytes']} octets came back exactly as they were sent", tcp["intact"] and tcp["bytes"] > 0),
        (f"gap of moves with the link up, median beyond one round trip: {statistics.median(beyond):.1f} ms "
         f"(at most {ALLOWED_MS:.0f})", statistics.median(beyond) <= ALLOWED_MS),
    ]


def report(directory, home, moves, traffic, tcp):
    os.makedirs(directory, exist_ok=True)
    keys = ("from", "to", "kind", "carrier_loss", "gap_ms", "lost", "rtt_ms", "address_kept")
    rounded = [{k: round(m[k], 3) if isinstance(m[k], float) else m[k] for k in keys} for m in moves]
    with open(os.path.join(directory, "report.json"), "w") as f:
        json.dump({"home_address": home, "tcp": tcp, "moves": rounded}, f, indent=2)
        f.write("\n")
    labels = [{"at_ns": m["at_ns"], "gap_ms": m["gap_ms"],
               "label": f"{m['from'][-1]}→{m['to'][-1]}{' link down' if m['carrier_loss'] else ''}"} for m in moves]
    with open(os.path.join(directory, "timeline.svg"), "w") as f:
        f.write(timeline(traffic.samples, labels, f"{home} walks through the office: 1 kHz UDP echo, gap of each move"))


def table(moves):
    say(f"\n  {'move':18} {'link':12} {'gap':>9} {'lost':>6} {'RTT':>9}  address")
    for m in moves:
        say(f"  {m['from'] + ' -> ' + m['to']:18} {'down and up' if m['carrier_loss'] else 'stays up':12} "
            f"{m['gap_ms']:6.1f} ms {m['lost']:6} {m['rtt_ms']:6.2f} ms  {'kept' if m['address_kept'] else 'LOST'}")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--output", default=os.path.join(lab.ROOT, "build", "demo"))
    args = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("the demo makes network namespaces and loads kernel programs: run it as root")
    clean_up_when_told_to_end()
    say("An office in network namespaces: home agent, three floors with a proxy agent each, a correspondent server.")
    with lab.Office("demo", floors=3) as o:
        st = o.add_station("alice")
        o.start()
        st.go(1)
        say("A stock Linux host is plugged in on floor 1 and asks for an address by DHCP.")
        start_client(st)
        home = wait_for(st.address, "the station to get an address")
        o.wait_served(st, 1)
        say(f"It is alice@example.com, and its home address is {home}. It starts a TCP transfer and a 1 kHz UDP stream,\n"
            "and begins to walk:\n")
        moves, traffic, tcp = walk(o, st, home)
        table(moves)
        say("\nThe last move, as `holdfast explain alice@example.com` tells it:\n")
        say(o.cli("explain", st.nai).stdout.rstrip().split("\n\n")[-1])
        report(args.output, home, moves, traffic, tcp)
    say()
    results = verdicts(moves, tcp)
    for sentence, good in results:
        say(f"  {'ok    ' if good else 'BROKEN'} {sentence}")
    shown = os.path.relpath(args.output)
    say(f"\nReport: {shown}/report.json, picture: {shown}/timeline.svg")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit(f"demo: {e}")
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted; everything is taken down")
