# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock DHCP clients for stations, each in a mount namespace of its own so that the host's files stay as they are."""
import os
import textwrap

from net import wait_for

UDHCPC_SCRIPT = """\
#!/bin/sh
case "$1" in
deconfig) ip -4 addr flush dev "$interface"; ip link set "$interface" up ;;
bound|renew)
    ip -4 addr show dev "$interface" | grep -q " $ip/" || {
        ip -4 addr flush dev "$interface"; ip addr add "$ip/$mask" dev "$interface"; }
    for r in $router; do ip route replace default via "$r" dev "$interface" metric "$HF_METRIC"; done
    [ -z "$HF_TABLE" ] || ip route replace default via "$router" dev "$interface" table "$HF_TABLE"
    echo "$1 $ip $router $dns" >> "$HF_LOG" ;;
esac
"""


def wait_bound(station):
    """Until the client has a lease of its own, not merely an address from before."""
    log = station.office.path(f"udhcpc-{station.name}.log")
    wait_for(lambda: "bound" in open(log).read(), "the client to have a lease", limit=20)


def start_client(station, *extra, metric=0, table=""):
    """busybox udhcpc: asks at once and renews by itself. metric: of the default route, which goes to a table, too."""
    path = station.office.path(f"udhcpc-{station.name}.sh")
    log = station.office.path(f"udhcpc-{station.name}.log")
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o700)) as f:
        f.write(textwrap.dedent(UDHCPC_SCRIPT))
    open(log, "w").close()
    return station.ns.start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", path, "-t", "20", "-T", "1", "-A", "1", *extra,
                            env={**os.environ, "HF_LOG": log, "HF_METRIC": str(metric), "HF_TABLE": str(table)})
