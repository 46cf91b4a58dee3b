#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tunnel costs: the same traffic over the same hops, plainly routed and tunnelled, in turns.

Only the ratios mean something; the absolute figures are those of veth pairs on this machine."""
import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
import office as lab
from net import LabError, wait_for
from traffic import Traffic

PLAIN = "10.1.1"
ADDRESS = f"{lab.HOME}.10"


def plain_office():
    """The office without Holdfast: every hop routes. The station has an address of floor 1."""
    o = lab.Office("plain", floors=1)
    st = o.add_station("bob")
    o.ars[1].batch(f"address add {PLAIN}.1/24 dev access")
    o.core.batch(f"route add {PLAIN}.0/24 via 10.0.1.1")
    o.ha.batch(f"route add {PLAIN}.0/24 via 10.0.0.254")
    st.configure(f"{PLAIN}.2", f"{PLAIN}.1")
    st.go(1)
    return o, st


def tunnelled_office():
    o = lab.Office("bench", floors=2)
    st = o.add_station("alice")
    o.start()
    st.configure(ADDRESS)
    st.go(1)
    return o, st


def wait_connected(st):
    wait_for(lambda: st.ping(lab.CORRESPONDENT, check=False), f"{st.name} to reach the correspondent")


def measure(o, st, seconds):
    traffic = Traffic(o, st, seconds, mbit=0)
    tcp = traffic.finish()
    times = [(r - s) / 1000 for _, s, r in traffic.samples if r]
    return {"tcp_mbit_s": tcp["bytes"] * 8 / seconds / 1e6, "echo_us": statistics.median(times),
            "lost": len(traffic.samples) - len(times)}


def median(results, key):
    return statistics.median(r[key] for r in results)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=3.0)
    p.add_argument("--output", default=os.path.join(lab.ROOT, "build", "bench.json"))
    args = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("the benchmark makes network namespaces: run it as root")
    plain, tunnelled = [], []
    o1, st1 = plain_office()
    with o1:
        o2, st2 = tunnelled_office()
        with o2:
            wait_connected(st1)
            wait_connected(st2)
            for n in range(args.rounds):
                plain.append(measure(o1, st1, args.seconds))
                tunnelled.append(measure(o2, st2, args.seconds))
                print(f"  round {n + 1}: TCP {plain[-1]['tcp_mbit_s']:7.0f} Mbit/s plain, "
                      f"{tunnelled[-1]['tcp_mbit_s']:7.0f} tunnelled", flush=True)
    ratio = median(tunnelled, "tcp_mbit_s") / median(plain, "tcp_mbit_s")
    added = median(tunnelled, "echo_us") - median(plain, "echo_us")
    print(f"\n  TCP through the tunnel: {ratio:.2f} of plain forwarding (median of {args.rounds} rounds)\n"
          f"  UDP echo beside it:     {added:+.0f} us (plain {median(plain, 'echo_us'):.0f} us)")
    with open(args.output, "w") as f:
        json.dump({"tcp_ratio": round(ratio, 3), "echo_added_us": round(added, 1), "plain": plain,
                   "tunnelled": tunnelled}, f, indent=2)
        f.write("\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit(f"bench: {e}")
