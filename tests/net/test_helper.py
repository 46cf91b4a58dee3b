# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfast-mn beside a real charon: it finds its way out and in by itself, and nothing of it leaves in clear."""
import json
import signal

import pytest
from campus import GATEWAYS, MN, OUTSIDE, Campus
from capture import Capture
from net import wait_for
from office import CORRESPONDENT, HOME


@pytest.fixture(scope="module")
def campus():
    with Campus("helper") as c:
        c.add_mobile("alice")
        c.start()
        for n in GATEWAYS:
            c.start_gateway(n)
        yield c


def ask(campus, *words):
    return json.loads(campus.cli("--json", *words).stdout)


def node(campus):
    return ask(campus, "show", "node")["answers"][0]


def becomes(campus, state):
    return wait_for(lambda: node(campus)["state"] == state and node(campus), f"alice to be {state}")


def records(campus, nai, event):
    return [r for r in ask(campus, "explain", nai)["records"] if r["node"] == "alice" and r["event"] == event]


def test_out_and_in_and_out_again(campus):
    """A-25..A-31, A-34, A-35, X-06, X-08, X-24: one address, one IKE_SA, and in clear only where the network is home."""
    m = campus.stations["alice"]
    m.plug("lte")
    ways = [Capture(m.ns, OUTSIDE[place].interface, f"ip and src net {HOME}.0/24") for place in ("lte", "cafe")]
    client = campus.start_node(m)
    home = becomes(campus, "outside")["home"]
    m.ping(CORRESPONDENT, count=3)
    ike = client.sa(state="ESTABLISHED")["initiator-spi"]
    m.switch("lte", "cafe")
    wait_for(lambda: client.sa(local_host=m.outside_address("cafe")), "the IKE_SA to move")
    m.ping(CORRESPONDENT, count=3)
    m.switch("cafe", "floor1")
    inside = becomes(campus, "inside")
    assert (inside["native"], inside["proof"], inside["home"]) == ("eth0", "proven by the gateway", home)
    m.ping(CORRESPONDENT, count=3)
    sa = client.sa(state="ESTABLISHED")
    assert sa["initiator-spi"] == ike and not sa["child-sas"]
    m.switch("floor1", "lte")
    becomes(campus, "outside")
    m.ping(CORRESPONDENT, count=3)
    assert client.sa(state="ESTABLISHED")["initiator-spi"] == ike
    assert [r["new"] for r in records(campus, m.nai, "state")][-1] == "outside"
    client.stop()
    becomes(campus, "connecting")
    m.ping(CORRESPONDENT, count=3, check=False, I=home, W=1)
    assert [w.stop() for w in ways] == [[], []]
    client.start()
    becomes(campus, "outside")
    m.ping(CORRESPONDENT, count=3)


def test_plain_data_is_noticed(campus):
    """A-25: a packet to the home address by a link that has no address yet; what IKE and the tunnel bring does not count."""
    m = campus.stations["alice"]
    m.ping(CORRESPONDENT, count=3)
    before = records(campus, m.nai, "plain_data")  # on its way into the office it may have seen some
    assert not [r for r in before if "wwan0" in r["reason"] or "ipsec0" in r["reason"]]
    home, mac = node(campus)["home"], m.ns.ip("-br", "link", "show", "wlan0").split()[2]
    m.ns.batch("link set wlan0 up")
    way = campus.outside["cafe"]
    way.batch(f"neigh replace {home} lladdr {mac} dev hosts", f"route replace {home} dev hosts")
    try:
        way.run("ping", "-n", "-c", "1", "-W", "1", home, check=False)
        wait_for(lambda: len(records(campus, m.nai, "plain_data")) > len(before), "the hint to be noticed")
    finally:
        way.batch(f"route del {home} dev hosts", f"neigh del {home} dev hosts")
    assert node(campus)["state"] == "outside"


def test_another_gateway_without_a_break(campus):
    """The second tunnel is there before the first is given up; what the first gateway says then is no proof."""
    m = campus.stations["alice"]
    campus.cli("gateway", "gw2", m.nai)
    wait_for(lambda: campus.binding(m)["care_of"] == "10.0.12.1", "the binding to move")
    m.ping(CORRESPONDENT, count=3)
    assert node(campus)["connection"] == "gw2" and node(campus)["state"] == "outside"
    assert campus.cli("gateway", "gw9", m.nai, check=False).returncode == 1


def test_a_restart_of_the_helper_changes_nothing(campus):
    """The address stays, and what is found is taken as it is."""
    m = campus.stations["alice"]
    before = node(campus)
    campus.kill("alice", signal.SIGTERM)
    m.ping(CORRESPONDENT, count=2)
    campus.start_daemon("alice", m.ns, MN, campus.path("alice.conf"))
    after = becomes(campus, "outside")
    assert (after["home"], after["sa"], after["connection"]) == (before["home"], before["sa"], before["connection"])
    assert not records(campus, m.nai, "opening")
