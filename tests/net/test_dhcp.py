# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock DHCP clients, and the agents as their server."""
import os
import subprocess

import pytest
from dhcp import check_configured, start_client, start_stock, wait_bound
from net import wait_for
from office import CORRESPONDENT, Office

RESOLV = "nameserver 10.9.0.2"


CLIENTS = {
    "dhclient": "mkdir -p /run/hf-lease; exec dhclient -4 -d -lf /var/lib/dhcp/l -pf /dev/null eth0",
    "dhcpcd": "exec dhcpcd -4 -B -A --noipv4ll eth0",
    "networkd": """
        mount -t sysfs -o ro sysfs /sys  # read-only: it does not wait for udev then
        mkdir -p /run/systemd  # absent where systemd is not the init
        mount -t tmpfs tmpfs /run/systemd
        mkdir -p /run/systemd/network /run/systemd/netif
        chown systemd-network /run/systemd/netif 2>/dev/null || true
        printf '[Match]\\nName=eth0\\n[Network]\\nDHCP=ipv4\\nLinkLocalAddressing=no\\nIPv6AcceptRA=no\\n[DHCPv4]\\nClientIdentifier=mac\\n' \\
            > /run/systemd/network/10-eth0.network
        exec env SYSTEMD_LOG_LEVEL=info /lib/systemd/systemd-networkd
    """,
}


@pytest.fixture(scope="module")
def floors():
    with Office("dhcp", floors=2) as o:
        for name in (*CLIENTS, "udhcpc"):
            o.add_station(name)
        o.start()
        yield o


@pytest.mark.parametrize("client", CLIENTS)
def test_stock_clients(floors, client):
    """L-28, L-34, L-51, L-55, L-57: address, gateway and name server; a move later, still the same."""
    st = floors.stations[client]
    st.go(1)
    p, resolv = start_stock(st, CLIENTS[client])
    try:
        address = check_configured(st)
        if client != "networkd":  # it tells systemd-resolved, which is not here
            wait_for(lambda: RESOLV in open(resolv).read(), "the name server")
        st.go(2, carrier_loss=True)
        st.ping(CORRESPONDENT, count=60, check=False)
        floors.wait_served(st, 2)
        assert check_configured(st) == address
    finally:
        floors.net.stop(p)
        st.leave()


def test_udhcpc_renews_where_it_is(floors):
    """L-39: a renewal after a move is answered by the new agent, which nobody told the client of."""
    st = floors.stations["udhcpc"]
    st.go(1)
    p = start_client(st)
    wait_bound(st)
    address = check_configured(st)
    st.go(2)
    st.ping(CORRESPONDENT, count=3)
    floors.wait_served(st, 2)
    with open(st.office.path("udhcpc-udhcpc.log")) as f:
        before = len(f.read().splitlines())
    child = int(subprocess.run(["pgrep", "-P", str(p.pid)], capture_output=True, text=True).stdout or p.pid)
    os.kill(child, 10)  # SIGUSR1: renew now
    wait_for(lambda: len(open(st.office.path("udhcpc-udhcpc.log")).read().splitlines()) > before, "the renewal")
    assert st.address() == address
    floors.net.stop(p)
    st.leave()


def test_release_ends_the_binding(floors):
    """G-11"""
    st = floors.stations["udhcpc"]
    st.go(1)
    p = start_client(st, "-R")
    wait_bound(st)
    check_configured(st)
    floors.net.stop(p)  # releases on its way out
    wait_for(lambda: floors.binding(st) is None, "the binding to end")
    st.leave()
