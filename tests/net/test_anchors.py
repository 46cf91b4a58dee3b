# SPDX-License-Identifier: GPL-2.0-or-later
"""More than one home agent, and a home network on a real link."""
import subprocess

from capture import Capture
from net import wait_for
from office import ANCHOR, CORRESPONDENT, GATEWAY, HA, HOME, MPA

SECOND = "10.0.99.1"


def second_anchor(o):
    """Another company's home agent, with the same home addresses and a correspondent of its own."""
    ha2, cn2 = o.net.add("ha2"), o.net.add("cn2")
    o.net.link(o.core, "ha2", ha2, "core")
    o.net.link(cn2, "eth0", ha2, "lan")
    o.core.batch("address add 10.0.99.254/24 dev ha2")
    ha2.sysctl(net__ipv4__ip_forward=1)
    ha2.batch(f"address add {SECOND}/24 dev core", "address add 10.9.0.1/24 dev lan", "route add 10.0.0.0/8 via 10.0.99.254")
    cn2.batch(f"address add {CORRESPONDENT}/24 dev eth0", "route add default via 10.9.0.1")
    with open(o.ha_conf("ha2")) as f:
        text = f.read().replace(f'address = "{ANCHOR}"', f'address = "{SECOND}"')
    with open(o.path("ha2.conf"), "w") as f:
        f.write(text)
    o.start_daemon("ha2", ha2, HA, o.path("ha2.conf"))
    return cn2


def test_one_address_under_two_anchors(make_office):
    """L-26, L-27: same port, same address, two stations, two home agents: each has its own."""
    o = make_office(floors=1)
    a, b = o.add_station("alice"), o.add_station("bob")
    o.start_ha()
    cn2 = second_anchor(o)
    conf = o.mpa_conf(1)
    with open(conf) as f:
        text = f.read()
    text = text.replace(f'station "{b.nai}" {{', f'station "{b.nai}" {{ home-agent = "other" ')
    text += f'home-agent other {{ address = "{SECOND}" }}\n'
    with open(conf, "w") as f:
        f.write(text)
    o.start_daemon("ar1", o.ars[1], MPA, conf)
    for st in (a, b):
        st.configure(f"{HOME}.20")
        st.go(1)
        st.ping(CORRESPONDENT, count=5)
    bindings = o.show("bindings")
    assert [x["home"] for x in bindings["ha"]] == [f"{HOME}.20"] == [x["home"] for x in bindings["ha2"]]
    assert bindings["ha"][0]["nai"] == a.nai and bindings["ha2"][0]["nai"] == b.nai
    # Each correspondent reaches its own station only.
    for ns, st, other in ((o.cn, a, b), (cn2, b, a)):
        capture = Capture(other.ns, "eth0", "icmp[icmptype] == icmp-echo")
        ns.run("ping", "-n", "-c", "3", "-i", "0.05", f"{HOME}.20")
        assert capture.stop() == []


def test_agent_is_chosen_by_subnet(make_office):
    """L-46: the station's address tells which home agent is its own."""
    o = make_office(floors=1)
    st = o.add_station("alice")
    o.start_ha()
    second_anchor(o)
    conf = o.mpa_conf(1)
    with open(conf, "a") as f:
        f.write(f'home-agent other {{ address = "{SECOND}" subnets = {{"{HOME}.0/25"}} }}\n')
    o.start_daemon("ar1", o.ars[1], MPA, conf)
    st.configure(f"{HOME}.20")
    st.go(1)
    st.ping(CORRESPONDENT, count=3)
    assert not o.show("bindings")["ha"] and o.show("bindings")["ha2"]


def test_secondary_home_agent(make_office):
    """The primary is silent: the secondary is asked and serves."""
    o = make_office(floors=1, mpa="retransmit = 200")
    st = o.add_station("alice")
    second_anchor(o)
    conf = o.mpa_conf(1)
    with open(conf) as f:
        text = f.read().replace(f'home-agent main {{ address = "{ANCHOR}" }}',
                                f'home-agent main {{ address = "{ANCHOR}" secondary = "{SECOND}" }}')
    with open(conf, "w") as f:
        f.write(text)
    o.start_daemon("ar1", o.ars[1], MPA, conf)
    st.configure(f"{HOME}.20")
    st.go(1)
    st.ping(CORRESPONDENT, count=3, check=False)
    wait_for(lambda: o.show("bindings")["ha2"], "the secondary to hold the binding")
    st.ping(CORRESPONDENT, count=3)


def test_real_home_link(make_office):
    """L-30, L-34, L-35, RFC 5944 4.6: at home a station is plain; away, the anchor answers for it on the link."""
    o = make_office(floors=1, real_link=True)
    st = o.add_station("alice")
    o.start()
    home = o.home_host
    o.cn.run("ping", "-n", "-c", "3", "-i", "0.05", f"{HOME}.5")  # who is not away is reached on the link
    st.configure(f"{HOME}.20")
    capture = home.start("tcpdump", "--immediate-mode", "-lni", "eth0", "arp", stdout=subprocess.PIPE, text=True,
                         log=o.path("tcpdump.log"))
    wait_for(lambda: "listening on" in o.log("tcpdump"), "the capture to run")
    st.go(1)
    st.ping(CORRESPONDENT, count=3)
    home.run("ping", "-n", "-c", "3", "-i", "0.05", f"{HOME}.20")  # proxy ARP, then the tunnel
    st.ping(f"{HOME}.5", count=3)
    neighbour = home.ip("neigh", "show", f"{HOME}.20")
    link = o.ha.ip("-o", "link", "show", "home0")
    assert neighbour.split()[4] in link
    o.net.stop(capture)
    seen = capture.stdout.read()
    assert f"Request who-has {HOME}.20 tell {HOME}.20" in seen  # gratuitous: caches of the link are set right
    assert f"Reply {HOME}.20 is-at" in seen


def test_one_domain_one_mac(make_office):
    """L-32, X-16: all agents of the domain show the same gateway MAC, so a station's cache stays right through a move."""
    o = make_office(floors=2)
    st = o.add_station("alice")
    o.start()
    st.configure(f"{HOME}.20")
    seen = set()
    for floor in (1, 2):
        st.go(floor)
        st.ping(CORRESPONDENT, count=3)
        o.wait_served(st, floor)
        seen.add(st.ns.ip("neigh", "show", GATEWAY).split()[4])
    assert seen == {"00:00:5e:00:01:33"}
