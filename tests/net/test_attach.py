# SPDX-License-Identifier: GPL-2.0-or-later
"""How stations are recognised, and who is not served."""
import subprocess

import pytest
from net import wait_for
from office import CORRESPONDENT, HOME

CLIENTS = """
station "carol@example.com" { client-id = "text:carol-laptop" }
station "dave@example.com" { host-name = "Dave" }
station "erin@example.com" { fqdn = "erin.example.com" }
"""


@pytest.fixture(scope="module")
def floor():
    from office import Office
    with Office("attach", floors=1) as o:
        o.start_ha()
        o.start_mpa(1, extra=CLIENTS)
        yield o


def udhcpc(st, *options):
    r = subprocess.run(st.ns.argv("busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-t", "8", "-T", "1", "-s", "/bin/true",
                                  *options), capture_output=True, text=True)
    return r.stdout + r.stderr


@pytest.mark.parametrize("name,options", [
    ("carol", ("-x", "0x3d:" + "carol-laptop".encode().hex())),
    ("dave", ("-x", "hostname:dave")),
    ("erin", ("-F", "erin.example.com")),
])
def test_identified_by_dhcp(floor, name, options):
    """A-22, A-23, X-25, L-36, L-51: client identifier, host name, FQDN, on a trusted port."""
    st = floor.add_station(name)
    st.go(1)
    text = udhcpc(st, *options)
    assert f"lease of {HOME}." in text, text
    assert floor.subscriber(1, st)["state"] == "served"
    st.leave()


def test_unknown_stations_get_nothing(floor):
    """A-23, L-61: who is nobody's station gets neither address nor ARP nor a path."""
    st = floor.add_station("mallory")
    st.go(1)
    assert "lease of" not in udhcpc(st, "-t", "2")
    st.configure(f"{HOME}.66")
    assert not st.ping(CORRESPONDENT, check=False)
    assert floor.show("counters")["ar1"]["signalling"]["unknown_stations"] > 0
    st.leave()


def test_attach_and_detach_by_command(floor):
    """L-03, L-52, L-62: whatever knows who is there may say so; the user named is the user registered."""
    st = floor.add_station("frank")
    st.go(1)
    floor.cli("attach", st.nai, "access", st.mac)
    floor.wait_served(st, 1)
    st.configure(floor.binding(st)["home"])
    st.ping(CORRESPONDENT)
    floor.cli("detach", st.nai)
    wait_for(lambda: floor.binding(st) is None, "the binding to end")
    st.leave()


def test_profile_of_access_authentication(floor):
    """L-04, L-63: home agent, address and key come with the command, as they would from AAA; a missing key blocks."""
    st = floor.add_station("guest")
    refused = floor.cli("attach", "guest@elsewhere.org", "access", st.mac, check=False)
    assert refused.returncode == 1 and "security association" in refused.stderr
    floor.cli("attach", st.nai, "access", st.mac, "home-agent=10.0.0.1", f"home-address={HOME}.190", "spi=1000",
              f"key-file={floor.path('key')}")
    floor.wait_served(st, 1)
    assert floor.binding(st)["home"] == f"{HOME}.190"
    floor.cli("kick", st.nai)
    wait_for(lambda: floor.binding(st) is None, "the binding to end")


def test_untrusted_ports_recognise_nobody(make_office):
    """X-25, L-61"""
    o = make_office(floors=1)
    st = o.add_station("alice")
    o.start_ha()
    conf = o.mpa_conf(1)
    with open(conf) as f:
        text = f.read()
    with open(conf, "w") as f:
        f.write(text.replace("trusted = yes", "trusted = no"))
    from office import MPA
    o.start_daemon("ar1", o.ars[1], MPA, conf)
    st.go(1)
    st.configure(f"{HOME}.20")
    assert not st.ping(CORRESPONDENT, check=False)
    assert o.show("counters")["ar1"]["signalling"]["not_trusted"] > 0
    assert o.binding(st) is None
    o.cli("attach", st.nai, "access", st.mac)
    o.wait_served(st, 1)


def test_carrier_attaches_and_holds(make_office):
    """L-03, G-11: a port of one station only: link up registers it, link down starts the hold."""
    o = make_office(floors=1, mpa="hold = 2")
    st = o.add_station("alice")
    o.start_ha()
    conf = o.mpa_conf(1)
    with open(conf) as f:
        text = f.read()
    with open(conf, "w") as f:
        f.write(text.replace("trusted = yes", f'trusted = yes carrier-nai = "{st.nai}" carrier-mac = "{st.mac}"'))
    from office import MPA
    o.start_daemon("ar1", o.ars[1], MPA, conf)
    o.building.batch("link set up1 down")
    o.building.batch("link set up1 up")
    o.wait_served(st, 1)
    o.building.batch("link set up1 down")
    wait_for(lambda: o.subscriber(1, st)["state"] == "holding", "the hold to begin")
    wait_for(lambda: o.binding(st) is None, "the hold to end")
