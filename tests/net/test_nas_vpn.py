# SPDX-License-Identifier: GPL-2.0-or-later
"""A VPN server that is none of ours: strongSwan as it is, asking by its eap-radius. It has its users' addresses from the
Access-Accept, and its tunnel device is where they arrive."""
import functools

import pytest

import vpn
from aaa import SERVER_NAME, radius_host
from campus import GATEWAYS, MPA, Campus
from charon import PLUGINS, Charon, merge
from dialin import radclient
from net import wait_for
from office import CORRESPONDENT
from pki import Authority
from traffic import Traffic
from vpn_rig import connected, records

NAS_SECRET, AAA_SECRET = "charon and the agent", "the agent and the AAA server"
DORA, NOBODY = "dora's password", "10.0.0.99"
CLIENT = {"load": " ".join([*PLUGINS, "eap-ttls", "eap-tls"])}


class Generous(Authority):
    """Gives alice a certificate of two names: for the second one, her client takes it too."""

    def issue(self, name, *names, **options):
        return super().issue(name, *names, *([vpn.nai("carol")] if name == "alice" else []), **options)


class RadiusCampus(Campus):
    """Its gateways know no user, nor does charon there know of Mobile IP."""

    @functools.cached_property
    def authority(self):
        return Generous(self.path("pki"))

    def _build(self):
        super()._build()
        self.server = radius_host(self, self.authority)
        for n in GATEWAYS:
            self.server.add_client(f"gw{n}", f"10.0.1{n}.1", AAA_SECRET)
        self.server.add_user(vpn.nai("carol"), vpn.PASSWORDS["carol"])
        self.server.add_user(vpn.nai("alice"))
        self.server.add_user(vpn.nai("dora"), DORA, f"WiMAX-hHA-IP-MIP4 = {NOBODY}")

    def ha_conf(self, name="ha"):
        path = super().ha_conf(name)
        with open(path, "a") as f:
            for u in self.server.users.values():
                f.write(f'association user{u.spi} {{ scope = user nai = "{u.nai}" spi = {u.spi} key = "hex:{u.key}" }}\n')
        return path

    def start_gateway(self, n, holdfast=True, settings=None, extra=""):
        here = f"10.0.1{n}.1"
        self.start_daemon(f"gw{n}", self.gateways[n], MPA, self.mpa_conf_of_gateway(n, f"""
radius-hold = 1500
nas charon {{ address = "{here}/32" kind = vpn access = "ipsec0" das-port = 3799 secret = "text:{NAS_SECRET}" }}
radius-das-port = 3800
aaa main {{ address = "{self.server.address}" secret = "text:{AAA_SECRET}" }}
{extra}"""))
        c = self.charons[f"gw{n}"] = Charon(self.gateways[n], f"gw{n}-charon", settings=merge(merge(
            vpn.gateway_settings(), {
                "load": " ".join([*PLUGINS, "eap-radius"]),
                "plugins": {"eap-radius": {
                    "accounting": True, "dae": {"enable": True, "listen": here, "secret": f'"{NAS_SECRET}"'},
                    "servers": {"agent": {"address": here, "secret": f'"{NAS_SECRET}"', "auth_port": 1812,
                                          "acct_port": 1813, "sockets": 4}}}}}), settings))
        c.own(*self.authority.issue(f"gw{n}", vpn.gateway_name(n), GATEWAYS[n], flag="serverAuth"))
        c.configure({"connections": {"radius": {
            "version": 2, "local_addrs": GATEWAYS[n], "mobike": True, "proposals": vpn.PROPOSALS, "pools": "radius",
            "unique": "never", "rekey_time": "4h",
            "local": {"id": vpn.gateway_name(n), "auth": "pubkey", "certs": f"gw{n}.crt"},
            "remote": {"id": "%any", "auth": "eap-radius", "eap_id": "%any"},
            "children": {"net": {"local_ts": vpn.INTRANET, "esp_proposals": vpn.ESP_PROPOSALS, "rekey_time": "1h"}}}}})
        return c.start()


def by_ttls(user):
    return {"local": {"auth": "eap-ttls", "aaa_id": SERVER_NAME, "eap_id": user}}


def by_tls(outer):
    return {"local": {"auth": "eap-tls", "aaa_id": SERVER_NAME, "eap_id": outer, "certs": "alice.crt"}}


@pytest.fixture(scope="module")
def campus():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vpn.PASSWORDS, "dora", DORA)
        with RadiusCampus("radius", floors=1, delays={"lte": 0}) as c:
            for user in ("alice", "carol", "dora"):
                c.add_mobile(user)
            c.server.start()
            c.start()
            for n in GATEWAYS:
                c.start_gateway(n)
            yield c


def carol_connected(campus, **options):
    return connected(campus, "carol", settings=CLIENT, more=by_ttls(vpn.nai("carol")), **options)


def subscriber(campus, m, gateway=1):
    for s in campus.show("subscribers").get(f"gw{gateway}", []):
        if s["nai"] == m.nai:
            return s
    return None


def ike(campus):
    """The gateway's view of the one user it has."""
    return wait_for(lambda: campus.charons["gw1"].sa(state="ESTABLISHED"), "the IKE_SA to be whole")


def starts(campus):
    """Whose sessions have begun, by the names the AAA server was told."""
    return [a["user"] for a in campus.server.accounting() if a["status"] == "Start"]


def ended(campus, m):
    wait_for(lambda: campus.binding(m) is None, "the binding to end")


def test_home_by_ttls(campus):
    """A-01, L-41, L-54: the inner address is the home address, and all traffic goes home; the end is told by accounting.
    That IKE_AUTH succeeds proves that the MSK came through the relay under another secret."""
    with carol_connected(campus) as (m, client):
        b = campus.binding(m)
        assert b["home"] == m.home and b["care_of"] == "10.0.11.1"
        m.ping(CORRESPONDENT, count=5)
        campus.cn.run("ping", "-n", "-c", "3", "-i", "0.05", "-W", "1", m.home)
        traffic = Traffic(campus, m, 2, mbit=20)
        tcp = traffic.finish()
        assert tcp["intact"] and tcp["resets"] == 0 and tcp["bytes"] > 100_000
        client.terminate(ike="gw1")
        ended(campus, m)
    wait_for(lambda: [a["status"] for a in campus.server.accounting() if a["user"] == m.nai][:2] == ["Start", "Stop"],
             "the AAA server to be told of beginning and end")


def test_a_wrong_password(campus, monkeypatch):
    """L-61: no service, no registration."""
    monkeypatch.setitem(vpn.PASSWORDS, "carol", "not hers")
    sent = len(records(campus, "carol", "request_sent"))
    with carol_connected(campus, initiate=False) as (m, client):
        assert client.initiate("gw1", check=False)
        assert campus.binding(m) is None and campus.charons["gw1"].sa(state="ESTABLISHED") is None
    assert len(records(campus, "carol", "request_sent")) == sent


def test_refused_at_home(campus):
    """G-01: AAA lets her in, her home agent is silent: charon hears a Reject in time, and there is no tunnel."""
    with connected(campus, "dora", settings=CLIENT, more=by_ttls(vpn.nai("dora")), initiate=False) as (m, client):
        assert client.initiate("gw1", check=False)
        assert campus.charons["gw1"].sa(state="ESTABLISHED") is None
        assert [r["reason"] for r in records(campus, "dora", "login_refused")] == ["the home agent did not answer in time"]
    assert campus.show("counters")["gw1"]["radius"]["radius_refused"] == 1


def test_another_gateway(campus):
    """L-42: connected to the other gateway as well, the address is the same, and served there; the first one's tunnel is
    dead then, and charon hears of it."""
    with carol_connected(campus) as (m, client):
        m.ping(CORRESPONDENT, count=2)
        home = m.home
        client.initiate("gw2")
        assert campus.binding(m)["home"] == home and campus.binding(m)["care_of"] == "10.0.12.1"
        assert campus.charons["gw2"].sa(state="ESTABLISHED")["remote-vips"] == [home]
        wait_for(lambda: subscriber(campus, m, 1) is None, "the first gateway's agent to hear of it")
        wait_for(lambda: client.sa(name="gw1") is None, "the first tunnel to be closed")
        m.ping(CORRESPONDENT, count=5, check=False)
        m.ping(CORRESPONDENT, count=2)
        assert campus.binding(m)["care_of"] == "10.0.12.1"
        assert campus.charons["gw2"].sa(state="ESTABLISHED")


def test_the_session_is_known_to_its_end(campus):
    """MOBIKE moves the user and a rekeyed IKE_SA has another number: it is one session, with one registration."""
    with carol_connected(campus, place="lte") as (m, client):
        session, home = subscriber(campus, m), m.home
        sent = len(records(campus, "carol", "request_sent"))
        before = ike(campus)
        m.switch("lte", "cafe")
        wait_for(lambda: ike(campus)["remote-host"] != before["remote-host"], "the gateway to hear of the move")
        client.ask("rekey", {"ike": "gw1"})
        wait_for(lambda: ike(campus)["uniqueid"] != before["uniqueid"], "the rekeying")
        m.ping(CORRESPONDENT, count=5, check=False)
        m.ping(CORRESPONDENT, count=2)
        assert len(records(campus, "carol", "request_sent")) == sent
        assert subscriber(campus, m)["home"] == home == session["home"]
        client.terminate(ike="gw1")
        ended(campus, m)


def test_a_certificate_and_another_outer_name(campus):
    """L-62: whoever it is by its certificate is registered, whatever it says outside; by its session the server's accounting,
    which keeps to the outer name, ends it. Whoever has that name is not harmed."""
    before = len(starts(campus))
    with carol_connected(campus) as (carol, _):
        with connected(campus, "alice", place="lte", settings=CLIENT, more=by_tls(carol.nai)) as (m, client):
            assert campus.binding(m)["home"] == m.home != carol.home
            wait_for(lambda: starts(campus)[-2:] == [carol.nai, carol.nai] and len(starts(campus)) == before + 2,
                     "the AAA server to be told of both, by one name")
            m.ping(CORRESPONDENT, count=2)
            carol.ping(CORRESPONDENT, count=2)
            client.terminate(ike="gw1")
            ended(campus, m)
            carol.ping(CORRESPONDENT, count=2)
            assert campus.binding(carol)["home"] == carol.home


@pytest.mark.parametrize("by", ["operator", "aaa"])
def test_ended_from_outside(campus, by):
    """RFC 5176: whoever ends the session, charon closes its tunnel."""
    with carol_connected(campus) as (m, client):
        if by == "operator":
            campus.cli("kick", m.nai)
        else:
            answer = radclient(campus.server.ns, "10.0.11.1", "disconnect", AAA_SECRET, f'User-Name = "{m.nai}"',
                               "Message-Authenticator = 0x00", port=3800)
            assert answer[0] == "Disconnect-ACK"
        wait_for(lambda: client.sa() is None, "the tunnel to be closed")
        ended(campus, m)
