# SPDX-License-Identifier: GPL-2.0-or-later
"""The home network's own DHCP server behind the agents: Kea and ISC dhcpd, by a relay on the floor or at the anchor."""
import os
import signal
import subprocess

import pytest
from dhcp import start_client, start_stock, wait_bound
from dhcp_servers import RANGE, SERVERS
from net import wait_for
from office import CORRESPONDENT, GATEWAY, HOME

RELAY = f'dhcp = relay\ndhcp-server = "{CORRESPONDENT}"\ndhcp-subnet = "{HOME}.0/24"'
FIELDS = {"source": "ip.src", "destination": "ip.dst", "kind": "dhcp.option.dhcp", "relay": "dhcp.ip.relay",
          "client": "dhcp.ip.client", "your": "dhcp.ip.your", "subnet": "dhcp.option.subnet_selection_option",
          "circuit": "dhcp.option.agent_information_option.agent_circuit_id",
          "remote": "dhcp.option.agent_information_option.agent_remote_id"}
DISCOVER, OFFER, DHCP_REQUEST, DECLINE, ACK, NAK, RELEASE = "1234567"


class Wire:
    """DHCP at the server's wire, as tshark reads it."""

    def __init__(self, office):
        self.file = office.path("dhcp.pcap")
        log = office.path("dhcp.pcap.log")
        office.cn.start("tcpdump", "-n", "-U", "--immediate-mode", "-Z", "root", "-i", "eth0", "-w", self.file,
                        "udp port 67", log=log)
        wait_for(lambda: os.path.exists(log) and "listening on" in open(log).read(), "the capture")

    def messages(self, kind=None):
        fields = [x for f in FIELDS.values() for x in ("-e", f)]
        r = subprocess.run(["tshark", "-n", "-r", self.file, "-T", "fields", "-E", "separator=/t", *fields],
                           capture_output=True, text=True)
        seen = [dict(zip(FIELDS, line.split("\t"))) for line in r.stdout.splitlines()]
        return [m for m in seen if m.get("remote") is not None and (kind is None or m["kind"] == kind)]


@pytest.fixture(params=SERVERS)
def server(request):
    """Makes the office's server, not started."""
    return SERVERS[request.param]


class Place:
    def __init__(self, office, server):
        self.office, self.server = office, server
        self.wire = Wire(office)

    def counter(self, floor, name):
        return self.office.show("counters")[f"ar{floor}"]["signalling"][name]

    def boots(self, st, floor, *extra):
        st.go(floor)
        p = start_client(st, *extra)
        wait_bound(st)
        return p, check_configured(st)

    def knows(self, *addresses):
        wait_for(lambda: self.server.active() == set(addresses), f"the leases {addresses}")


@pytest.fixture
def make_place(make_office, server):
    def make(floors=2, mpa=RELAY, lease_s=600, home_range=RANGE, stations=1, pools="", **options):
        o = make_office(floors=floors, mpa=mpa, pools=pools, **options)  # the anchor gives out no addresses of its own
        names = ["alice", "bob"][:stations]
        made = [o.add_station(n) for n in names]
        o.start()
        return Place(o, server(o, lease_s, home_range).start()), *made
    return make


def check_configured(st):
    address = wait_for(st.address, "an address", limit=20)
    assert address.startswith(f"{HOME}.")
    wait_for(lambda: f"default via {GATEWAY}" in st.ns.ip("route"), "the default route")
    st.ping(CORRESPONDENT, count=3)
    return address


def log_of(st):
    with open(st.office.path(f"client-{st.name}.log")) as f:
        return f.read()


def dhclient(st, conf=""):
    """Its lease stays when it ends: the next one begins by INIT-REBOOT."""
    path = st.office.path(f"dhclient-{st.name}.conf")
    with open(path, "w") as f:
        f.write(f"retry 1; initial-interval 1; reboot 3; {conf}\n")
    return start_stock(st, f"exec dhclient -4 -d -cf {path} -lf {st.office.path('lease')} -pf /dev/null eth0")[0]


def test_relay_register_move_renew(make_place):
    """L-35, L-36, L-37, L-39: the server gives an address of the home subnet, its ACK makes the floor register it. After
    a move the address is registered where it shows up, and the unicast renewal goes through the tunnel."""
    place, st = make_place()
    o = place.office
    st.go(1)
    p, _ = start_stock(st, "exec dhcpcd -4 -B -A --noipv4ll --nodelay -d eth0")
    address = check_configured(st)
    place.knows(address)
    assert o.binding(st)["home"] == address
    for m in place.wire.messages(DISCOVER) + place.wire.messages(DHCP_REQUEST):
        assert (m["relay"], m["subnet"], m["source"]) == ("10.0.1.1", f"{HOME}.0", "10.0.1.1")
        assert m["remote"] == st.mac.replace(":", "")
    for m in place.wire.messages(OFFER) + place.wire.messages(ACK):
        assert m["destination"] == "10.0.1.1" and m["subnet"] == f"{HOME}.0"  # RFC 3011: it has to come back
    st.go(2)
    st.ping(CORRESPONDENT, count=3, check=False)
    o.wait_served(st, 2)
    assert o.binding(st)["home"] == address
    relayed = place.counter(2, "dhcp_relayed")
    before = log_of(st).count("acknowledged")
    p.send_signal(signal.SIGUSR1)  # renew now
    wait_for(lambda: log_of(st).count("acknowledged") > before, "the renewal")
    last = place.wire.messages(DHCP_REQUEST)[-1]
    assert (last["source"], last["destination"], last["relay"]) == (address, CORRESPONDENT, "0.0.0.0")
    assert place.counter(2, "dhcp_relayed") == relayed
    assert st.address() == address
    place.knows(address)


def test_reboot_on_another_floor(make_place):
    """L-36, L-37, L-55: a station that remembers its lease asks for it wherever it boots, and gets it."""
    place, st = make_place()
    o = place.office
    st.go(1)
    p = dhclient(st)
    address = check_configured(st)
    o.net.stop(p, signal.SIGKILL)
    st.leave()
    st.ns.batch("addr flush dev eth0")
    st.go(2)
    dhclient(st)
    assert check_configured(st) == address
    o.wait_served(st, 2)
    assert len(place.wire.messages(DISCOVER)) == 1
    assert place.wire.messages(DHCP_REQUEST)[-1]["relay"] == "10.0.2.1"


def test_refused_wish(make_place):
    """The server's NAK reaches the station, which gets an address then: the lease of another network is no use."""
    place, st = make_place(floors=1)
    with open(place.office.path("lease"), "w") as f:
        f.write("""lease { interface "eth0"; fixed-address 192.168.7.7; option subnet-mask 255.255.255.0;
            option dhcp-lease-time 86400; option dhcp-server-identifier 192.168.7.1;
            renew 0 2037/01/01 00:00:00; rebind 0 2037/01/01 00:00:00; expire 0 2037/01/01 00:00:00; }""")
    st.go(1)
    dhclient(st)
    assert check_configured(st) == place.office.binding(st)["home"]
    assert "DHCPNAK" in log_of(st)
    assert place.wire.messages(NAK)[0]["destination"] == "10.0.1.1"


def test_release_frees_lease_and_binding(make_place):
    """G-11: the next station may have the address at once, from the server and from the home agent."""
    place, alice, bob = make_place(stations=2)
    o = place.office
    p, address = place.boots(alice, 1, "-R")
    o.net.stop(p)  # releases on its way out
    wait_for(lambda: o.binding(alice) is None, "the binding to end")
    place.knows()
    alice.leave()
    _, other = place.boots(bob, 2, "-r", address)
    assert other == address
    o.wait_served(bob, 2)


def test_lease_that_is_not_renewed(make_place):
    """G-11: the binding does not outlive the lease, or the next one who gets the address would have none."""
    place, alice, bob = make_place(stations=2, lease_s=4, home_range=(RANGE[0], RANGE[0]))
    o = place.office
    p, address = place.boots(alice, 1)
    o.net.stop(p, signal.SIGKILL)
    alice.leave()
    _, other = place.boots(bob, 2)  # as soon as the server has one
    assert other == address
    assert o.binding(bob)["home"] == address and o.binding(alice) is None


def test_server_that_forgot(make_place):
    """L-37: a server that lost its leases gives another address. It is what the station has from now, so it is what is
    registered."""
    place, st = make_place(floors=1)
    o = place.office
    p, address = place.boots(st, 1)
    place.server.forget(home_range=(160, 190))
    o.net.stop(p, signal.SIGKILL)
    st.ns.batch("addr flush dev eth0")
    _, other = place.boots(st, 1)
    assert other != address
    assert o.binding(st)["home"] == other
    assert len(o.show("bindings")["ha"]) == 1
    assert "gave it another address" in o.log("ar1")


def test_server_that_does_not_heed_the_subnet(make_place):
    """L-36: an address of the floor's own network is no home address: the station does not even see it."""
    place, st = make_place(floors=1, mpa=RELAY.replace(f"{HOME}.0", "10.0.1.0"))
    st.go(1)
    start_client(st)
    wait_for(lambda: place.wire.messages(OFFER), "an offer")
    wait_for(lambda: place.counter(1, "dhcp_ignored") > 0, "it to be dropped")
    assert place.wire.messages(OFFER)[0]["your"].startswith("10.0.1.")
    assert st.address() is None and place.office.binding(st) is None
    assert "address of no configured home network" in place.office.log("ar1")


def test_anchor_is_the_relay(make_place):
    """L-38, L-39: DHCP goes through the tunnel, the home agent relays it; renewals go by, and a release ends it."""
    place, st = make_place(mpa="dhcp = anchor", ha=f'dhcp-server = "{CORRESPONDENT}"',
                           pools=f'"{HOME}.{RANGE[0]}-{HOME}.{RANGE[1]}"')
    o = place.office
    st.go(1)
    p, _ = start_stock(st, "exec dhcpcd -4 -B -A --noipv4ll --nodelay -d eth0")
    address = check_configured(st)
    place.knows(address)
    assert o.binding(st)["home"] == address
    for m in place.wire.messages(DISCOVER):
        assert (m["relay"], m["source"], m["subnet"]) == (GATEWAY, GATEWAY, "")
    st.go(2)
    st.ping(CORRESPONDENT, count=3, check=False)
    o.wait_served(st, 2)
    before = log_of(st).count("acknowledged")
    p.send_signal(signal.SIGUSR1)
    wait_for(lambda: log_of(st).count("acknowledged") > before, "the renewal")
    last = place.wire.messages(DHCP_REQUEST)[-1]
    assert (last["source"], last["destination"], last["relay"]) == (address, CORRESPONDENT, "0.0.0.0")
    p.send_signal(signal.SIGALRM)  # release
    wait_for(lambda: o.binding(st) is None, "the binding to end")
    place.knows()
