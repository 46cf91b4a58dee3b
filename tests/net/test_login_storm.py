# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hundred stations log in at once, by EAP-TTLS through one agent; FreeRADIUS and the anchor are killed meanwhile.

Nothing is lost means: every station that AAA lets in, at the first time or when it asks again after an outage, is told so
and then has a binding of its own, at the anchor and at the agent; nobody else has one; and who was told so before an outage
still has the same address after it, without having done anything."""
import os
import signal
import subprocess

import pytest
from aaa import ANONYMOUS, AUTH_PORT, private
from dot1x import network
from net import wait_for
from office import HOME, Office

CROWD, STRANGERS = 200, 5
NAS, SECRET = "10.0.30.1", "the storm's authenticators"
LIMIT_S = 90
AT_ONCE = 64  # so many programs; more would only wait for this machine's processors

# A station: asks until it is let in, each time for so many seconds. A stranger is turned away each time, and gives up after two.
ASK = """\
for i in 1 2 3 4 5 6 7 8; do
	eapol_test -c "$1.conf" -a {agent} -p {port} -s "{secret}" -M "$2" -t "$4" -A {nas} > "$1.log.$i" 2>&1 && exit 0
	[ $i -lt "$3" ] || exit 1
	sleep 1
done
exit 1
"""


class Storm(Office):
    """One floor, with a NAS that has all the stations."""

    def __init__(self):
        super().__init__("storm", floors=1, aaa=True, pools=f'"{HOME}.2-{HOME}.254"', mpa=f"""
nas crowd {{ address = "{NAS}/32" access = "access" secret = "text:{SECRET}" }}""")
        self.nas = self.net.add("nas")
        self.net.link(self.core, "nas", self.nas, "core")
        self.core.batch("address add 10.0.30.254/24 dev nas")
        self.nas.batch(f"address add {NAS}/24 dev core", "route add default via 10.0.30.254")
        os.makedirs(self.path("crowd"))
        self.crowd = {f"user{i}@example.com": f"02:00:00:01:00:{i:02x}" for i in range(CROWD)}
        self.strangers = {f"stranger{i}@example.com": f"02:00:00:02:00:{i:02x}" for i in range(STRANGERS)}
        for nai in {**self.crowd, **self.strangers}:
            password = "the wrong one" if nai in self.strangers else nai
            private(self.file(nai) + ".conf", network("TTLS", nai, ANONYMOUS, password, self.authority.ca))
            self.aaa.server.add_user(nai, nai)
        with open(self.path("ask"), "w") as f:
            f.write(ASK.format(agent="10.0.1.1", port=AUTH_PORT, secret=SECRET, nas=NAS))
        self.start()

    def file(self, nai):
        return self.path(f"crowd/{nai}")

    def breaks(self, patience_s):
        """All ask, as many at once as there is room for."""
        lines = [f"{self.file(nai)} {mac} {8 if nai in self.crowd else 2} {patience_s}"
                 for nai, mac in {**self.strangers, **self.crowd}.items()]
        self.asking = self.nas.start("xargs", "-P", str(AT_ONCE), "-L", "1", "sh", self.path("ask"),
                                     stdin=subprocess.PIPE, text=True)
        self.asking.stdin.write("\n".join(lines) + "\n")
        self.asking.stdin.close()

    def let_in(self):
        """NAIs that AAA has said yes to."""
        return {x["user"] for x in self.aaa.server.logins() if x["answer"] == "Access-Accept"}

    def told(self):
        """NAIs of stations that were told they are let in, and whose keys are those of the AAA server."""
        found = subprocess.run(["grep", "-rlx", "SUCCESS", self.path("crowd")], capture_output=True, text=True).stdout
        return {os.path.basename(f).split(".log.")[0] for f in found.split()}

    def tries(self):
        return len([f for f in os.listdir(self.path("crowd")) if ".log." in f])

    def homes(self):
        """Address by NAI, at the anchor."""
        return {b["nai"]: b["home"] for b in self.show("bindings").get("ha", [])}

    def counter(self, part, name):
        return self.show("counters")["ar1"][part][name]

    def wait_let_in(self, n):
        wait_for(lambda: len(self.let_in()) >= n, f"{n} to be let in", limit=LIMIT_S)

    def wait_answered(self):
        wait_for(lambda: self.asking.poll() is not None, "all to be answered", limit=LIMIT_S, every=0.1)

    def check(self):
        homes = self.homes()
        served = {s["nai"]: s["home"] for s in self.show("subscribers")["ar1"] if s["state"] == "served"}
        assert self.told() == set(self.crowd)
        assert set(homes) == set(self.crowd) and len(set(homes.values())) == CROWD
        assert served == homes
        assert self.counter("radius", "radius_table_full") == 0 and self.counter("radius", "radius_unproven") == 0


@pytest.fixture
def storm():
    with Storm() as s:
        yield s


def test_storm(storm):
    """L-54, L-61: each at the first time."""
    storm.breaks(LIMIT_S)
    storm.wait_answered()
    storm.check()
    assert storm.tries() == len(storm.crowd) + 2 * len(storm.strangers)


def test_outages(storm):
    """The AAA server is away for so long that requests are given up: authenticators repeat them, and what it knew of half a
    login is gone. Then the anchor, so long that Accepts wait in vain: their stations are refused, ask again, and are let
    in."""
    storm.breaks(15)
    storm.wait_let_in(CROWD // 4)
    storm.aaa.server.stop(signal.SIGKILL)
    wait_for(lambda: storm.counter("radius", "radius_unanswered") > 0, "requests to be given up")
    storm.aaa.server.start()
    storm.wait_let_in(CROWD // 2)
    told, before = storm.told(), storm.homes()
    storm.kill("ha", signal.SIGKILL)
    wait_for(lambda: storm.counter("signalling", "logins_refused") > 0, "logins to be refused")
    storm.start_ha()
    storm.wait_answered()
    storm.check()
    assert {n: before[n] for n in told}.items() <= storm.homes().items()
