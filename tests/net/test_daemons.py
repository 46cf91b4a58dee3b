# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemons from outside: the command, the control socket, bad input, missing privilege."""
import json
import os
import signal
import socket
import subprocess

import pytest
from net import run, wait_for
from office import CLI, CORRESPONDENT, HA, HOME, MPA

PYTHON = "/usr/bin/python3"


def ask(path, line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        s.sendall(line + b"\n")
        return json.loads(s.makefile().readline())


def test_show(office, alice):
    """Every table for people and for programs; keys never show."""
    for what in ("summary", "bindings", "subscribers", "tunnels", "counters"):
        text = office.cli("show", what).stdout
        data = json.loads(office.cli("--json", "show", what).stdout)
        assert data["version"] == 1 and data["answers"] and text
        assert "laboratory" not in text + json.dumps(data)
    assert alice.address() in office.cli("show", "bindings").stdout
    binding = office.binding(alice)
    assert binding["care_of"] == "10.0.1.1" and binding["tunnel"]["encapsulation"] == "ipip"
    assert binding["counters"]["up_packets"] > 0


def test_explain_tells_the_whole_story(office, alice):
    """Attach, request, reply, tunnel, first packet each way, in order, with times and reasons."""
    alice.go(2)
    alice.ping(CORRESPONDENT, count=3)
    office.wait_served(alice, 2)
    records = json.loads(office.cli("--json", "explain", alice.nai).stdout)["records"]
    last = [r["event"] for r in records[max(i for i, r in enumerate(records) if r["event"] == "attached"):]]
    story = ["attached", "state", "request_sent", "request_received", "binding_moved", "reply_sent", "reply_received",
             "first_packet_up", "first_packet_down"]
    assert [e for e in story if e in last] == story
    assert last.index("request_sent") < last.index("request_received") < last.index("reply_received")
    text = office.cli("explain", alice.nai).stdout
    assert " ms  ar2    attached" in text and "registering -> served" in text
    assert office.cli("explain", "nobody@example.com", check=False).returncode == 1


def test_watch_streams_events(office, alice):
    path = office.path("watched.json")
    with open(path, "w") as f:
        watcher = subprocess.Popen([CLI, "--run-dir", office.net.dir, "--json", "watch"], stdout=f)

    def seen():
        alice.go(3 - alice.floor)
        alice.ping(CORRESPONDENT, count=3, check=False)
        with open(path) as f:
            events = {json.loads(line)["event"] for line in f if line.endswith("\n")}
        return {"binding_moved", "revocation_acknowledged"} <= events
    try:
        wait_for(seen, "a move to be watched")
    finally:
        watcher.terminate()
        watcher.wait()


def test_kick(office, alice):
    office.cli("kick", alice.nai)
    wait_for(lambda: office.binding(alice) is None, "the binding to end")
    assert office.cli("kick", "nobody@example.com", check=False).returncode == 1


def test_exit_statuses(office, tmp_path):
    assert office.cli("show", "nonsense", check=False).returncode == 2
    assert office.cli("nonsense", check=False).returncode == 2
    r = subprocess.run([CLI, "--run-dir", str(tmp_path), "show"], capture_output=True, text=True)
    assert r.returncode == 3 and "no daemon" in r.stderr


def test_control_socket_is_private_and_bears_garbage(office):
    path = office.path("ha.sock")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert ask(path, b"{}")["code"] == "usage"
    assert ask(path, b"garbage")["code"] == "usage"
    assert ask(path, b'{"verb":"dance"}')["code"] == "unsupported"
    assert ask(path, b'{"verb":"kick"}')["code"] == "usage"
    with socket.socket(socket.AF_UNIX) as s:  # a line without end
        s.connect(path)
        s.settimeout(30)
        try:
            for _ in range(100):
                s.sendall(b"x" * 4096)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert ask(path, b'{"verb":"show"}')["ok"]


def test_watchers_that_do_not_read_are_dropped(office, alice):
    path = office.path("ar1.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b'{"verb":"watch"}\n')
        for _ in range(3):
            alice.ping(CORRESPONDENT)
        assert ask(path, b'{"verb":"show"}')["ok"]


def test_garbage_on_the_port_is_counted(office):
    """Malformed datagrams are counted by reason and never answered."""
    before = office.show("counters")["ha"]["signalling"]
    office.ars[1].run(PYTHON, "-c", "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                      "[s.sendto(d, ('10.0.0.1', 434)) for d in (b'', b'\\x01', b'\\x01'+bytes(23)+b'\\x20\\x14', b'\\x63', b'\\x07')]; "
                      "s.settimeout(0.2)\ntry: s.recv(10); raise SystemExit(1)\nexcept TimeoutError: pass")
    after = office.show("counters")["ha"]["signalling"]
    assert after["malformed"] - before["malformed"] == 4
    assert after["unknown_type"] - before["unknown_type"] == 1


@pytest.mark.parametrize("change,sentence", [
    (("spi = 1000", "spi = 12"), "spi: '12' is not valid; allowed: a number from 256"),
    (("log-level = info", "log-level = loud"), "log-level: 'loud' is not valid; allowed: error, warning, notice, info"),
    (("log-level = info", "lock-level = info"), "lock-level: no such key; did you mean 'log-level'?"),
    (("scope = domain", "scope = user"), "nai"),
])
def test_broken_configuration_changes_nothing(office, tmp_path, change, sentence):
    """One sentence: file, line, key, what is allowed; the running daemon and its tunnels stay as they are."""
    with open(office.path("ha.conf")) as f:
        text = f.read()
    bad = tmp_path / "bad.conf"
    bad.write_text(text.replace(*change))
    for argv in ([HA, "-c", str(bad)], [CLI, "check", str(bad)]):
        r = subprocess.run(argv, capture_output=True, text=True)
        assert r.returncode == 2
        assert str(bad) in r.stderr and sentence in r.stderr and len(r.stderr.strip().splitlines()) == 1
    assert office.cli("show").returncode == 0


def test_exposed_keys_are_refused(office, tmp_path):
    key = tmp_path / "key"
    key.write_text("text:secret\n")
    key.chmod(0o644)
    with open(office.path("ha.conf")) as f:
        text = f.read()
    bad = tmp_path / "bad.conf"
    bad.write_text(text.replace(office.path("key"), str(key)))
    r = subprocess.run([HA, "--check", "-c", str(bad)], capture_output=True, text=True)
    assert r.returncode == 2 and "allowed: mode 0600" in r.stderr and "secret" not in r.stderr


@pytest.mark.parametrize("option, most", [("--run-dir", 79), ("--instance", 31)])
def test_long_names_are_not_cut(office, option, most):
    """It would be another daemon's."""
    for n, status in ((most, 0), (most + 1, 2)):
        r = subprocess.run([HA, "--check", "-c", office.path("ha.conf"), option, "x" * n], capture_output=True, text=True)
        assert r.returncode == status and ("at most" in r.stderr) == (status == 2)


def test_missing_privilege_is_one_sentence(office, tmp_path):
    for program, conf in ((HA, "ha.conf"), (MPA, "ar1.conf")):
        text = open(office.path(conf)).read()
        mine = tmp_path / conf
        mine.write_text(text.replace(office.net.bpf, str(tmp_path / "bpf")))
        r = subprocess.run(office.core.argv("setpriv", "--inh-caps=-all", "--bounding-set=-all", program, "-c", mine,
                                            "--instance", "x"), capture_output=True, text=True)
        assert r.returncode != 0 and len(r.stderr.strip().splitlines()) == 1, r.stderr


def test_missing_interface_is_one_sentence(office, tmp_path):
    conf = tmp_path / "ha.conf"
    conf.write_text(open(office.path("ha.conf")).read().replace('interfaces = {"core"}', 'interfaces = {"core9"}'))
    r = subprocess.run(office.ha.argv(HA, "-c", conf), capture_output=True, text=True)
    assert r.returncode == 1 and r.stderr.strip() == "there is no network interface 'core9'"


def test_forwarding_switched_off_is_one_sentence(make_office):
    o = make_office(floors=1)
    o.ha.sysctl(net__ipv4__ip_forward=0)
    r = subprocess.run(o.ha.argv(HA, "-c", o.ha_conf()), capture_output=True, text=True)
    assert r.returncode == 1 and "net.ipv4.ip_forward = 1" in r.stderr


def test_flush_takes_everything_out_of_the_kernel(make_office):
    o = make_office(floors=1)
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure(f"{HOME}.20")
    st.ping(CORRESPONDENT, count=3)
    o.kill("ha", 15)
    o.kill("ar1", 15)
    st.ping(CORRESPONDENT, count=3)
    o.ha.run(HA, "--flush", "-c", o.path("ha.conf"))
    o.ars[1].run(MPA, "--flush", "-c", o.path("ar1.conf"))
    assert "hf0" not in o.ha.ip("link")
    for name in ("ha", "ar1"):
        assert os.listdir(os.path.join(o.net.bpf, name)) == []
    assert not st.ping(CORRESPONDENT, check=False)


def test_maps_of_former_releases_go(make_office):
    """An upgrade that lays its maps out anew does not leave the old ones in memory."""
    o = make_office(floors=0)
    old = os.path.join(o.net.bpf, "ha", "v2_bindings")
    os.mkdir(os.path.dirname(old))
    run("bpftool", "map", "create", old, "type", "hash", "key", 4, "value", 28, "entries", 8, "name", "bindings")
    assert os.path.exists(old)
    o.start_ha()
    assert not os.path.exists(old)


def test_ports_that_were_down_are_heard_again(make_office):
    """An administrator takes the access port down and up: the agent answers there as before."""
    o = make_office(floors=1)
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure(f"{HOME}.20")
    st.ping(CORRESPONDENT, count=3)
    o.ars[1].batch("link set access down", "link set access up")
    st.ns.ip("neigh", "flush", "dev", "eth0")
    wait_for(lambda: st.ping(CORRESPONDENT, check=False), "the gateway to answer ARP again")


def test_carrier_is_noticed_after_a_storm_of_links(make_office):
    """More news of interfaces than the kernel keeps for a busy daemon: it hears of the next ones all the same."""
    o = make_office(floors=1)
    st = o.add_station("alice")
    o.start()
    st.go(1)
    st.configure(f"{HOME}.20")
    st.ping(CORRESPONDENT, count=3)
    o.wait_served(st, 1)
    daemon = o.daemons["ar1"]
    o.ars[1].batch("link add x0 type veth peer name x1")
    daemon.send_signal(signal.SIGSTOP)
    try:
        o.ars[1].batch(*[f"link set x0 {state}" for _ in range(1000) for state in ("up", "down")])
        o.building.batch("link set up1 down")
        wait_for(lambda: "state DOWN" in o.ars[1].ip("link", "show", "access"), "the kernel to see it")
    finally:
        daemon.send_signal(signal.SIGCONT)
    wait_for(lambda: o.subscriber(1, st)["state"] == "holding", "the agent to see that the carrier is gone")
