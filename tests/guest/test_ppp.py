# SPDX-License-Identifier: GPL-2.0-or-later
"""PPP as it is: pppd at both ends of a pty, its radius.so at the server's, the kernel's own devices in between."""
import os
import re

import pytest

from dialin import NAS_SECRET, Caller, DialIn
from net import wait_for
from office import CORRESPONDENT, HOME
from traffic import Traffic

# What radius.so sends and reads; names and numbers of RFC 2865, 2866 and 2548.
DICTIONARY = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 string
ATTRIBUTE CHAP-Password 3 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE NAS-Port-Id 5 integer
ATTRIBUTE Service-Type 6 integer
ATTRIBUTE Framed-Protocol 7 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Framed-IP-Netmask 9 ipaddr
ATTRIBUTE Framed-MTU 12 integer
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE State 24 string
ATTRIBUTE Class 25 string
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Delay-Time 41 integer
ATTRIBUTE Acct-Input-Octets 42 integer
ATTRIBUTE Acct-Output-Octets 43 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Acct-Authentic 45 integer
ATTRIBUTE Acct-Session-Time 46 integer
ATTRIBUTE Acct-Input-Packets 47 integer
ATTRIBUTE Acct-Output-Packets 48 integer
ATTRIBUTE Acct-Terminate-Cause 49 integer
ATTRIBUTE CHAP-Challenge 60 string
ATTRIBUTE NAS-Port-Type 61 integer
ATTRIBUTE Connect-Info 77 string
VENDOR Microsoft 311
ATTRIBUTE MS-CHAP-Response 1 string Microsoft
ATTRIBUTE MS-CHAP-Error 2 string Microsoft
ATTRIBUTE MS-CHAP-Challenge 11 string Microsoft
ATTRIBUTE MS-CHAP2-Response 25 string Microsoft
ATTRIBUTE MS-CHAP2-Success 26 string Microsoft
"""
CLIENT = """
auth_order radius
login_tries 1
login_timeout 10
nologin /nonexistent
issue /nonexistent
login_radius /nonexistent
login_local /nonexistent
mapfile /dev/null
default_realm
radius_timeout 10
radius_retries 3
bindaddr {agent}
nas_identifier ar{n}
authserver {agent}:1812
acctserver {agent}:1813
servers {dir}/servers
dictionary {dir}/dictionary
seqfile {dir}/sequence
"""
QUIET = ["nodetach", "noipv6", "novj", "noccp", "nodeflate", "nobsdcomp", "debug"]


class PppCaller(Caller):
    def _file(self, name, text):
        os.makedirs(self.office.path("ppp"), exist_ok=True)
        path = self.office.path(f"ppp/{name}")
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return path

    def call(self, n, way="chap", password=None, user=None):
        """Dials the server ar{n}; pppd there and here do the rest, or fail. way: what the server wants: pap, chap,
        mschap-v2."""
        agent = f"10.0.{n}.1"
        self._file("servers", f"{agent} {NAS_SECRET.replace(' ', '-')}\n")
        self._file("dictionary", DICTIONARY)
        radius = self._file(f"radius{n}.conf", CLIENT.format(n=n, agent=agent, dir=self.office.path("ppp")))
        own = self._file(f"{self.name}.options", "\n".join([
            *QUIET, "noauth", f'user "{user or self.nai}"', f'password "{password or self.password}"', "noipdefault",
            "defaultroute", "ipcp-accept-local", "ipcp-accept-remote", f"logfile {self.office.path(self.name)}.ppp"]))
        there = " ".join(self.ns.argv("pppd", "notty", "file", own))
        self.calls += 1
        self.log_name = self.office.path(f"ar{n}-{self.name}-{self.calls}.ppp")
        self.n = n
        self.process = self.office.ars[n].start(
            "pppd", *QUIET, "plugin", "radius.so", "radius-config-file", radius, "auth", f"require-{way}", f"{agent}:",
            "mtu", "1400", "mru", "1400", "lcp-echo-interval", "0", "logfile", self.log_name, "pty", there)
        return self

    def log(self):
        try:
            with open(self.log_name, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_up(self):
        def up():
            assert self.process.poll() is None, self.log()
            return re.search(r"inet ([\d.]+)", self.ns.run("ip", "-o", "-4", "addr", check=False).replace("127.0.0.1", ""))
        self.home = wait_for(up, "IPCP", limit=60, every=0.1)[1]
        return self

    def wait_over(self):
        wait_for(lambda: self.process.poll() is not None, "pppd to end", limit=60, every=0.1)

    def hang_up(self, sig=None):
        self.office.net.stop(self.process, *([sig] if sig else []), limit=20)


class PppDialIn(DialIn):
    caller = PppCaller
    nas_secret = NAS_SECRET.replace(" ", "-")  # radius.so takes a word
    nas_more = "message-authenticator = allow"  # nor does it make one


@pytest.fixture(scope="module")
def office():
    with PppDialIn("ppp", floors=2) as o:
        for name in ("alice", "bob"):
            o.add_caller(name)
        o.start()
        yield o


def ended(office, caller):
    wait_for(lambda: office.binding(caller) is None, "the binding to end", limit=20)


@pytest.mark.parametrize("way", ["pap", "chap", "mschap-v2"])
def test_a_call(office, way):
    """L-40, L-41, G-15: LCP and the proof come first; IPCP hands out the home address; hanging up ends the binding."""
    alice = office.callers["alice"].call(1, way).wait_up()
    b = office.binding(alice)
    assert b["home"] == alice.home and b["care_of"] == "10.0.1.1"
    log = alice.log()
    assert 0 < log.index("authentication succeeded" if way == "pap" else "CHAP Success") < log.index("IPCP ConfReq")
    alice.ping(CORRESPONDENT, count=3)
    office.cn.run("ping", "-n", "-c", "3", "-W", "2", alice.home)
    assert office.subscriber(1, alice)["interface"] == "ppp0"
    alice.hang_up()
    ended(office, alice)
    assert [a["status"] for a in office.server.accounting()][-2:] == ["Start", "Stop"]


def test_a_wrong_password(office):
    """L-61: no address, no registration."""
    alice = office.callers["alice"].call(1, password="wrong")
    alice.wait_over()
    assert "IPCP" not in alice.log() and office.binding(alice) is None
    assert not office.log("ar1").count('nai="nobody')


def test_streams_and_spoofing(office):
    """G-13, G-15: whole streams through the device; and nothing with another source."""
    alice, bob = office.callers["alice"].call(1).wait_up(), office.callers["bob"].call(1).wait_up()
    traffic = Traffic(office, alice, 3, mbit=4)
    tcp = traffic.finish()
    assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 50_000
    before = office.show("counters")["ar1"]["kernel"]["unknown_source"]
    alice.ns.batch(f"address add {bob.home}/32 dev ppp0", f"address add {HOME}.199/32 dev ppp0")
    for source in (bob.home, f"{HOME}.199"):
        assert not alice.ping(CORRESPONDENT, check=False, count=2, I=source)
    assert office.show("counters")["ar1"]["kernel"]["unknown_source"] >= before + 4
    bob.ping(CORRESPONDENT, count=2)
    for c in (alice, bob):
        c.hang_up()
        ended(office, c)


def test_another_server(office):
    """L-42: the same address by another NAS; the first one's call means nothing any more."""
    alice = office.callers["alice"].call(1).wait_up()
    home, first = alice.home, alice.process
    alice.ns.batch("route del default dev ppp0")
    alice.call(2)
    wait_for(lambda: (office.binding(alice) or {}).get("care_of") == "10.0.2.1", "the second server", limit=60)
    assert office.binding(alice)["home"] == home
    office.net.stop(first, limit=20)
    alice.wait_up()
    assert alice.home == home
    alice.ping(CORRESPONDENT, count=3)
    assert office.binding(alice)["care_of"] == "10.0.2.1"
    alice.hang_up()
    ended(office, alice)
