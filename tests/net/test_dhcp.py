# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock DHCP clients, and a stock server behind the agents."""
import os
import subprocess
import textwrap

import pytest
from net import wait_for
from office import CORRESPONDENT, GATEWAY, HOME, Office

RESOLV = "nameserver 10.9.0.2"


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


def start(st, script):
    argv, resolv = private(st, script)
    log = open(st.office.path(f"client-{st.name}.log"), "wb")
    p = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    st.office.net.processes.append(p)
    return p, resolv


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


def check_configured(st):
    address = wait_for(st.address, "an address", limit=20)
    assert address.startswith(f"{HOME}.")
    wait_for(lambda: f"default via {GATEWAY}" in st.ns.ip("route"), "the default route")
    st.ping(CORRESPONDENT, count=3)
    return address


@pytest.mark.parametrize("client", CLIENTS)
def test_stock_clients(floors, client):
    """L-28, L-34, L-51, L-55, L-57: address, gateway and name server; a move later, still the same."""
    st = floors.stations[client]
    st.go(1)
    p, resolv = start(st, CLIENTS[client])
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
    from dhcp import start_client, wait_bound
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
    from dhcp import start_client, wait_bound
    st = floors.stations["udhcpc"]
    st.go(1)
    p = start_client(st, "-R")
    wait_bound(st)
    check_configured(st)
    floors.net.stop(p)  # releases on its way out
    wait_for(lambda: floors.binding(st) is None, "the binding to end")
    st.leave()


def start_server(o, router, extra=""):
    """ISC dhcpd at the correspondent. It knows the home subnet as one its relays speak for."""
    conf, leases = o.path("dhcpd.conf"), o.path("dhcpd.leases")
    with open(conf, "w") as f:
        f.write(f"""
            authoritative; default-lease-time 600; max-lease-time 600;
            subnet 10.9.0.0 netmask 255.255.255.0 {{ }}
            subnet {HOME}.0 netmask 255.255.255.0 {{ range {HOME}.10 {HOME}.200; option routers {router}; }}
            {extra}
        """)
    open(leases, "w").close()
    p = o.cn.start("dhcpd", "-4", "-f", "-d", "-cf", conf, "-lf", leases, "-pf", o.path("dhcpd.pid"), "eth0",
                   log=o.path("dhcpd.log"))
    wait_for(lambda: ":67" in o.cn.run("ss", "-lun"), "the DHCP server to listen")
    return p


def udhcpc(st):
    from dhcp import start_client
    start_client(st)
    return check_configured(st)


def test_relayed_with_the_home_subnet_named(make_office):
    """L-36, L-37, L-39: the agent relays and names the home subnet; the server's ACK makes it register."""
    o = make_office(floors=1, mpa=f'dhcp = relay\ndhcp-server = "{CORRESPONDENT}"\ndhcp-subnet = "{HOME}.0/24"')
    st = o.add_station("alice")
    o.start()
    start_server(o, GATEWAY, "shared-network access { subnet 10.0.1.0 netmask 255.255.255.0 { } }")
    st.go(1)
    address = udhcpc(st)
    assert o.binding(st)["home"] == address
    counters = o.show("counters")["ar1"]["signalling"]
    assert counters["dhcp_relayed"] >= 2 and counters["accepted"] == 1


def test_relayed_by_the_anchor(make_office):
    """L-38: DHCP goes through the tunnel, and the home agent is the relay."""
    o = make_office(floors=1, ha=f'dhcp-server = "{CORRESPONDENT}"', mpa="dhcp = anchor")
    st = o.add_station("alice")
    o.start()
    start_server(o, GATEWAY)
    st.go(1)
    address = udhcpc(st)
    assert o.binding(st)["home"] == address
    assert o.show("counters")["ha"]["signalling"]["dhcp_relayed"] >= 4
    with open(o.path("dhcpd.log")) as f:
        assert f"via {GATEWAY}" in f.read()
