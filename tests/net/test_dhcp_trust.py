# SPDX-License-Identifier: GPL-2.0-or-later
"""Who a station is by what it says of itself, and where that counts: on ports marked trusted, and nowhere else (A-22, A-23,
X-25, L-61)."""
import subprocess

import pytest
from dhcp import dhclient
from dhcp_servers import Isc, RELAY, Wire
from net import wait_for
from office import CORRESPONDENT, HOME, Office

CLIENT_ID = "00:61:6c:69:63:65"
# What dhclient is told to send, by the name of the key that knows it.
SAYS = {
    "mac": "",
    "client-id": f"send dhcp-client-identifier {CLIENT_ID};",
    "host-name": 'send host-name "Alice-PC";',
    "fqdn": 'send fqdn.fqdn "Alice.Example.COM."; send fqdn.encoded on; send fqdn.server-update off;',
}
ROWS = {"client-id": "hex:" + CLIENT_ID.replace(":", ""), "host-name": "alice-pc", "fqdn": "alice.example.com"}
MODES = {"server": "", "relay": RELAY, "anchor": "dhcp = anchor"}


class Marked(Office):
    """An office whose stations are known by these keys, on ports that are trusted or not."""

    def __init__(self, keys, trusted, mode="server"):
        self.keys, self.trusted = keys, trusted
        super().__init__("trust", floors=1, mpa=MODES[mode], ha=f'dhcp-server = "{CORRESPONDENT}"',
                         pools=f'"{HOME}.100-{HOME}.150"')

    def _access(self, n):
        values = {"mac": self.stations["alice"].mac, **ROWS}
        known = " ".join(f'{k} = "{values[k]}"' for k in self.keys)
        return f"""
{self._key_of_all()}
access "access" {{ trusted = {"yes" if self.trusted else "no"} }}
station "alice@example.com" {{ {known} }}
"""


@pytest.mark.parametrize("key", SAYS)
def test_known_on_trusted_ports(key):
    """A-22, A-23: by its MAC address, client identifier, host name or FQDN it gets an address and is registered."""
    with Marked([key], trusted=True) as o:
        st = o.add_station("alice")
        o.start()
        st.go(1)
        dhclient(st, SAYS[key])
        o.wait_served(st, 1)
        wait_for(st.address, "its address")


def test_unknown_on_trusted_ports():
    """A-23: whom no row names is nobody, whatever it calls itself."""
    with Marked(["fqdn"], trusted=True) as o:
        st = o.add_station("alice")
        o.start()
        st.go(1)
        dhclient(st, SAYS["fqdn"].replace("Alice", "mallory") + SAYS["client-id"] + SAYS["host-name"])
        wait_for(lambda: o.show("counters")["ar1"]["signalling"]["unknown_stations"] > 0, "it to ask")
        assert_nobody(o)


def assert_nobody(o):
    assert o.show("bindings")["ha"] == [] and o.show("subscribers")["ar1"] == []
    assert o.show("counters")["ha"]["signalling"]["requests"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_nobody_on_other_ports(mode):
    """X-25, L-53, L-61, G-15: all that at once on a port that is not trusted is worth nothing: no answer, no registration, and
    no server hears of it; nor does a packet from a home address help."""
    with Marked(SAYS, trusted=False, mode=mode) as o:
        st = o.add_station("alice")
        o.start()
        Isc(o).start()
        wire = Wire(o)
        st.go(1)
        dhclient(st, "".join(SAYS.values()))
        wait_for(lambda: o.show("counters")["ar1"]["signalling"]["not_trusted"] > 0, "it to ask")
        assert st.address() is None
        st.configure(f"{HOME}.120")
        assert not st.ping(CORRESPONDENT, count=2, check=False, W=0.3)
        subprocess.run(st.ns.argv("arping", "-c", "2", "-w", "1", "-I", "eth0", f"{HOME}.1"), capture_output=True)
        c = o.show("counters")["ar1"]["signalling"]
        assert (c["dhcp_answered"], c["dhcp_relayed"], c["arp_answered"], c["echo_answered"]) == (0, 0, 0, 0)
        assert wire.messages() == []
        assert_nobody(o)
