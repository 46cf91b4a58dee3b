# SPDX-License-Identifier: GPL-2.0-or-later
"""draft-antoine, sections 5 and 6: what one ping looks like on each stretch of its way, as tshark reads it."""
import pytest
from campus import GATEWAYS, Campus
from capture import Capture
from net import wait_for
from office import ANCHOR, CORRESPONDENT
from vpn_rig import connected

pytestmark = pytest.mark.alone

CARE_OF = "10.0.11.1"
PING, IPIP, UDP = "1", "4", "17"
PINGS = 3


@pytest.fixture(scope="module")
def campus():
    with Campus("packets") as c:
        c.add_mobile("alice")
        c.start()
        c.start_gateway(1)
        yield c


def pinging(campus, m, stretches):
    """Captures of these (namespace, interface, filter) while the user pings the correspondent."""
    captures = [Capture(*s) for s in stretches]
    assert m.ping(CORRESPONDENT, count=PINGS, I=m.home)
    return [c.stop() for c in captures]


def addresses(p, layer=0):
    return p.inner["source"][layer], p.inner["destination"][layer]


def ways(packets, layer=0):
    """The (source, destination) pairs of a layer."""
    return {addresses(p, layer) for p in packets}


def both(a, b):
    return {(a, b), (b, a)}


def test_formats_from_the_host_to_the_correspondent(campus):
    """X-22, A-36..A-40, A-42..A-46, A-48: ESP to the gateway, IP in IP to the home agent, plain to the correspondent, and the
    same backwards."""
    with connected(campus, "alice", "broadband") as (m, _):
        outer = m.outside_address("broadband")
        link, core, lan = pinging(campus, m, [
            (m.ns, "home0", "ip"), (campus.gateways[1], "core", "ip proto 4"), (campus.cn, "eth0", f"icmp and host {m.home}")])

    esp = [p for p in link if p.spi]
    assert ways(esp) == both(outer, GATEWAYS[1]), "A-43, A-46"
    assert {p.protocol for p in esp} == {UDP} and len(esp) == 2 * PINGS, "A-40"
    assert not any(m.home in (*p.inner["source"], *p.inner["destination"]) for p in link), "nothing in clear"

    assert ways(core) == both(CARE_OF, ANCHOR), "A-37, A-39, A-42: reverse tunnelled to the home agent"
    assert ways(core, 1) == both(m.home, CORRESPONDENT), "A-44, A-46"
    assert {tuple(p.inner["protocol"]) for p in core} == {(IPIP, PING)} and len(core) == 2 * PINGS

    assert ways(lan) == both(m.home, CORRESPONDENT) and {p.protocol for p in lan} == {PING}, "A-45"

    plain, tunnelled = int(lan[0].inner["length"][0]), {int(p.inner["length"][0]) for p in core}
    assert tunnelled == {plain + 20}
    # UDP 8, SPI and number 8, IV 8, the packet padded to 4 with its trailer of 2, ICV 16
    padded = (plain + 2 + 3) // 4 * 4
    assert {int(p.inner["length"][0]) for p in esp} == {20 + 8 + 8 + 8 + padded + 16}, "A-48: ESP, and nothing of ours"


def test_no_mobile_ip_on_the_link_of_a_host(campus):
    """A-02, A-48: connecting, data, a move, and the end: IKE and ESP are all there is."""
    with connected(campus, "alice", "lte") as (m, client):
        captures = [Capture(m.ns, i, "ip or arp") for i in ("wwan0", "wlan0", "ipsec0")]
        assert m.ping(CORRESPONDENT, count=PINGS, I=m.home)
        m.switch("lte", "cafe")
        wait_for(lambda: m.ping(CORRESPONDENT, check=False, I=m.home, W=1), "data in the café", 20)
        client.terminate(ike="gw1")
        wwan, wlan, inside = [c.stop() for c in captures]
    on_links = [p for p in wwan + wlan if p.source]
    assert on_links and {p.protocol for p in on_links} <= {UDP}
    assert {p.port for p in on_links} & {"434"} == set() and all("4" not in p.inner["protocol"] for p in inside)
    assert {p.protocol for p in inside if p.source} == {PING}, "inside of ESP there are only the user's packets"
