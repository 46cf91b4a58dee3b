# SPDX-License-Identifier: GPL-2.0-or-later
"""The home network's own DHCP server behind the agents: Kea and ISC dhcpd, by a relay on the floor or at the anchor."""
import signal

import pytest
from dhcp import check_configured, dhclient, log_of, start_client, start_stock, wait_bound
from dhcp_servers import RANGE, RELAY, SERVERS, Wire
from net import wait_for
from office import CORRESPONDENT, GATEWAY, HOME, Office

# The anchor's addresses are some of the server's.
ANCHOR_RELAYS = {"mpa": "dhcp = anchor", "ha": f'dhcp-server = "{CORRESPONDENT}"',
                 "pools": f'"{HOME}.{RANGE[0]}-{HOME}.{RANGE[1]}"'}
DISCOVER, OFFER, DHCP_REQUEST, DECLINE, ACK, NAK, RELEASE = "1234567"


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


def asked(messages):
    """What a client asked, without its repetitions."""
    return list(dict.fromkeys((m["xid"], m["kind"]) for m in messages))


@pytest.fixture
def make_place(make_office, server):
    def make(floors=2, mpa=RELAY, lease_s=600, home_range=RANGE, stations=1, pools="", **options):
        o = make_office(floors=floors, mpa=mpa, pools=pools, **options)  # the anchor gives out no addresses of its own
        names = ["alice", "bob"][:stations]
        made = [o.add_station(n) for n in names]
        o.start()
        return Place(o, server(o, lease_s, home_range).start()), *made
    return make


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
    for m in place.wire.messages():
        assert m["subnet"] == f"{HOME}.0"  # RFC 3011: it has to come back
        if m["kind"] in (DISCOVER, DHCP_REQUEST):
            assert (m["relay"], m["source"], m["remote"]) == ("10.0.1.1", "10.0.1.1", st.mac.replace(":", ""))
        else:
            assert m["destination"] == "10.0.1.1"
    st.go(2)
    st.ping(CORRESPONDENT, count=3, check=False, W=0.3)
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


@pytest.mark.parametrize("server", ["kea"], indirect=True)
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
    seen = place.wire.messages(DISCOVER, DHCP_REQUEST)
    assert [kind for _, kind in asked(seen)] == [DISCOVER, DHCP_REQUEST, DHCP_REQUEST]
    assert seen[-1]["relay"] == "10.0.2.1"


@pytest.mark.parametrize("mode", ["relay", "anchor"])
def test_refused_wish(make_place, mode):
    """The server's NAK reaches the station, which gets an address then: the lease of another network is no use."""
    place, st = make_place(floors=1, **(ANCHOR_RELAYS if mode == "anchor" else {}))
    with open(place.office.path("lease"), "w") as f:
        f.write("""lease { interface "eth0"; fixed-address 192.168.7.7; option subnet-mask 255.255.255.0;
            option dhcp-lease-time 86400; option dhcp-server-identifier 192.168.7.1;
            renew 0 2037/01/01 00:00:00; rebind 0 2037/01/01 00:00:00; expire 0 2037/01/01 00:00:00; }""")
    st.go(1)
    dhclient(st)
    assert check_configured(st) == place.office.binding(st)["home"]
    assert "DHCPNAK" in log_of(st)
    assert place.wire.messages(NAK)[0]["destination"] == ("10.0.1.1" if mode == "relay" else GATEWAY)


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


@pytest.mark.parametrize("server", ["isc"], indirect=True)
def test_lease_that_is_not_renewed(make_place):
    """G-11: the binding does not outlive the lease, or the next one who gets the address would have none."""
    place, alice, bob = make_place(stations=2, lease_s=3, home_range=(RANGE[0], RANGE[0]))
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


@pytest.mark.parametrize("server", ["kea"], indirect=True)
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
    place, st = make_place(**ANCHOR_RELAYS)
    o = place.office
    st.go(1)
    p, _ = start_stock(st, "exec dhcpcd -4 -B -A --noipv4ll --nodelay -d eth0")
    address = check_configured(st)
    place.knows(address)
    assert o.binding(st)["home"] == address
    for m in place.wire.messages(DISCOVER):
        assert (m["relay"], m["source"], m["subnet"]) == (GATEWAY, GATEWAY, "")
    st.go(2)
    st.ping(CORRESPONDENT, count=3, check=False, W=0.3)
    o.wait_served(st, 2)
    before = log_of(st).count("acknowledged")
    p.send_signal(signal.SIGUSR1)
    wait_for(lambda: log_of(st).count("acknowledged") > before, "the renewal")
    last = place.wire.messages(DHCP_REQUEST)[-1]
    assert (last["source"], last["destination"], last["relay"]) == (address, CORRESPONDENT, "0.0.0.0")
    p.send_signal(signal.SIGALRM)  # release
    wait_for(lambda: o.binding(st) is None, "the binding to end")
    place.knows()


@pytest.fixture
def make_authenticated(server):
    """An office with 802.1X whose anchor has no addresses: AAA says who somebody is, the DHCP server where it lives."""
    with Office("dhcpaaa", floors=2, aaa=True, mpa=RELAY, pools="") as o:
        for name in ("alice", "bob"):
            o.add_station(name)
            o.aaa.add_user(name)
        o.start()
        yield Place(o, server(o).start())


def test_name_from_aaa_address_from_the_server(make_authenticated):
    """L-35, L-37, L-61, X-25: let in before there is an address, which a DHCP server gives then; on the next floor the same
    again. That it calls itself by another's name in DHCP does not make it that one."""
    place = make_authenticated
    o = place.office
    alice, bob = o.stations["alice"], o.stations["bob"]
    o.aaa.supplicant(bob)
    bob.go(1)
    p = dhclient(bob, 'send host-name "alice"; send fqdn.fqdn "alice.example.com"; send fqdn.encoded on;')
    o.wait_served(bob, 1)
    address = check_configured(bob)
    assert o.binding(bob)["home"] == address and o.binding(alice) is None
    place.knows(address)
    for floor in (2, 1):
        bob.go(floor)
        wait_for(lambda: bob.ping(CORRESPONDENT, check=False, W=0.2), "service on the other floor")
        o.wait_served(bob, floor)
        assert o.binding(bob)["home"] == address
    assert len(asked(place.wire.messages(DISCOVER))) == 1
    o.net.stop(p, signal.SIGKILL)


@pytest.mark.parametrize("server", ["isc"], indirect=True)
def test_release_and_again_needs_no_login(make_authenticated):
    """G-11: who gives its address back has no binding any more, and is let in still: it may ask for another."""
    place = make_authenticated
    o, alice = place.office, place.office.stations["alice"]
    o.aaa.supplicant(alice)
    p, address = place.boots(alice, 1, "-R")
    logins = len(o.aaa.server.logins())
    o.net.stop(p)
    wait_for(lambda: o.binding(alice) is None, "the binding to end")
    assert o.subscriber(1, alice)["state"] == "waiting"
    place.knows()
    _, other = place.boots(alice, 1)
    assert o.binding(alice)["home"] == other
    assert len(o.aaa.server.logins()) == logins
