# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock DHCP clients for stations, each in a mount namespace of its own so that the host's files stay as they are."""
import os
import subprocess
import textwrap

from net import wait_for
from office import CORRESPONDENT, GATEWAY, HOME

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
    wait_for(lambda: "bound" in open(log).read(), "the client to have a lease")


def check_configured(station):
    """The client has set the interface up, with an address of the home network. Returns it."""
    address = wait_for(station.address, "an address")
    assert address.startswith(f"{HOME}.")
    wait_for(lambda: f"default via {GATEWAY}" in station.ns.ip("route"), "the default route")
    station.ping(CORRESPONDENT, count=3)
    return address


def start_client(station, *extra, metric=0, table=""):
    """busybox udhcpc: asks at once and renews by itself. metric: of the default route, which goes to a table, too."""
    path = station.office.path(f"udhcpc-{station.name}.sh")
    log = station.office.path(f"udhcpc-{station.name}.log")
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o700)) as f:
        f.write(textwrap.dedent(UDHCPC_SCRIPT))
    open(log, "w").close()
    return station.ns.start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", path, "-t", "20", "-T", "1", "-A", "1", *extra,
                            env={**os.environ, "HF_LOG": log, "HF_METRIC": str(metric), "HF_TABLE": str(table)})


def private(st, script):
    """argv that runs a shell script in the station's network and a mount namespace of its own with empty /etc and /var
    places, so that a client finds and leaves nothing on this machine."""
    work = st.office.path(f"fs-{st.name}")
    for d in ("etc", "dhcp", "dhcpcd", "systemd", "network", "varrun"):
        os.makedirs(os.path.join(work, d), exist_ok=True)
    resolv = os.path.join(work, "resolv.conf")
    open(resolv, "w").close()
    head = f"""
        set -e
        mount --make-rprivate /
        mount --bind {resolv} /etc/resolv.conf
        for d in /var/lib/dhcp /var/lib/dhcpcd /run/dhcpcd; do
            [ -d $d ] || continue
            mount -t tmpfs tmpfs $d
        done
    """
    return st.ns.argv("unshare", "--mount", "sh", "-c", textwrap.dedent(head) + textwrap.dedent(script)), resolv


def start_stock(st, script):
    """A client with a shell script of its own, as private() runs it. Returns its process and its resolv.conf."""
    argv, resolv = private(st, script)
    log = open(st.office.path(f"client-{st.name}.log"), "wb")
    p = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    st.office.net.processes.append(p)
    return p, resolv


def log_of(st):
    with open(st.office.path(f"client-{st.name}.log")) as f:
        return f.read()


def dhclient(st, conf=""):
    """Its lease stays when it ends: the next one begins by INIT-REBOOT."""
    path = st.office.path(f"dhclient-{st.name}.conf")
    with open(path, "w") as f:
        f.write(f"retry 1; initial-interval 1; reboot 3; {conf}\n")
    return start_stock(st, f"exec dhclient -4 -d -cf {path} -lf {st.office.path('lease')} -pf /dev/null eth0")[0]
