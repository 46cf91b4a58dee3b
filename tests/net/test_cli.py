# SPDX-License-Identifier: GPL-2.0-or-later
"""The command alone, against sockets that answer what the test wants."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from net import wait_for
from office import BUILD

COMMAND = os.path.join(BUILD, "cli", "holdfast")
OK, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


@contextlib.contextmanager
def daemon(directory, name, answers, wait=None):
    """A control socket. `answers`: by verb; None hangs up instead. wait: what has to happen before it answers."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory / f"{name}.sock"))
    listener.listen()
    asked = []

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, peer.makefile("rw") as stream:
                if answers is None:
                    continue
                request = json.loads(stream.readline())
                asked.append(request)
                if wait:
                    wait.wait()
                unsupported = {"ok": False, "code": "unsupported", "error": "no daemon of this kind does that"}
                stream.write(json.dumps(answers.get(request["verb"], unsupported)) + "\n")
                stream.flush()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def run(directory, *args):
    return subprocess.run([COMMAND, "--run-dir", str(directory), *args], capture_output=True, text=True, timeout=20,
                          env={**os.environ, "TZ": "UTC"})


def refusal(code, error):
    return {"ok": False, "code": code, "error": error}


def record(node, us, event, **more):
    return {"time_us": 1_700_000_000_000_000 + us, "node": node, "event": event, "nai": "alice@example.com", **more}


@pytest.mark.parametrize("args", [[], ["fly"], ["show", "stars"], ["explain"], ["kick", "a", "b"], ["attach", "a"],
                                  ["attach", "a", "b", "c", "colour=red"], ["detach", "a", "later"], ["--colour"]])
def test_wrong_usage_is_told(tmp_path, args):
    r = run(tmp_path, *args)
    assert r.returncode == USAGE and r.stderr and not r.stdout


def test_nobody_is_reached(tmp_path):
    assert run(tmp_path, "show").returncode == UNREACHABLE
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "ha.sock"))
    stale.close()
    r = run(tmp_path, "kick", "alice@example.com")
    assert r.returncode == UNREACHABLE and str(tmp_path) in r.stderr


def test_a_daemon_that_hangs_up_is_told(tmp_path):
    with daemon(tmp_path, "ha", None):
        for _ in range(20):
            r = run(tmp_path, "show")
            assert r.returncode == UNREACHABLE and "ha does not answer" in r.stderr


def test_one_that_was_stopped_goes_on(tmp_path):
    """As by ^Z and fg, while it waits for an answer."""
    go_on = threading.Event()
    with daemon(tmp_path, "ha", {"kick": {"ok": True}}, wait=go_on) as asked:
        p = subprocess.Popen([COMMAND, "--run-dir", str(tmp_path), "kick", "alice@example.com"])
        try:
            wait_for(lambda: asked and state_of(p) == "S", "it to wait for the answer")
            p.send_signal(signal.SIGSTOP)
            wait_for(lambda: state_of(p) == "T", "it to be stopped")
            p.send_signal(signal.SIGCONT)
            wait_for(lambda: state_of(p) != "T", "it to go on")
        finally:
            go_on.set()
        assert p.wait(20) == OK


def state_of(process):
    """As in proc(5): S is asleep, T stopped."""
    with open(f"/proc/{process.pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0]


def test_an_attachment_is_refused_by_who_knows_the_port(tmp_path):
    with daemon(tmp_path, "ha", {}), \
            daemon(tmp_path, "mpa", {"attach": refusal("not_found", "no such access interface")}), \
            daemon(tmp_path, "mpa2", {"attach": refusal("refused", "this port is not trusted")}) as asked:
        r = run(tmp_path, "attach", "alice@example.com", "eth1", "02:00:00:00:00:01", "spi=1000", "key-file=/k")
        assert (r.returncode, r.stderr) == (REFUSED, "holdfast: this port is not trusted\n")
        assert asked == [{"verb": "attach", "nai": "alice@example.com", "interface": "eth1",
                          "mac": "02:00:00:00:00:01", "spi": "1000", "key_file": "/k"}]
    os.unlink(tmp_path / "mpa2.sock")
    os.unlink(tmp_path / "mpa.sock")
    os.unlink(tmp_path / "ha.sock")
    with daemon(tmp_path, "ha", {}), daemon(tmp_path, "mpa", {"attach": refusal("usage", "home_agent is wrong")}):
        r = run(tmp_path, "attach", "alice@example.com", "eth1", "02:00:00:00:00:01", "home-agent=x")
        assert (r.returncode, r.stderr) == (USAGE, "holdfast: home_agent is wrong\n")


def test_one_daemon_that_does_it_is_enough(tmp_path):
    with daemon(tmp_path, "ha", {"kick": refusal("not_found", "this user has no binding")}), \
            daemon(tmp_path, "mpa", {"kick": {"ok": True}}):
        assert run(tmp_path, "kick", "alice@example.com").returncode == OK


def test_json_has_a_version_and_a_daemon_for_each_answer(tmp_path):
    with daemon(tmp_path, "ha", {"show": {"ok": True, "role": "ha", "bindings": []}}), \
            daemon(tmp_path, "mpa", {"show": refusal("not_found", "a proxy agent shows: ...")}):
        r = run(tmp_path, "--json", "show", "bindings")
    assert json.loads(r.stdout) == {"version": 1, "answers": [
        {"ok": True, "role": "ha", "bindings": [], "instance": "ha"}]}


def test_explain_is_one_history_in_order_of_time(tmp_path):
    ha = [record("ha", 1500, "request_accepted", peer="10.0.1.1"), record("ha", 1500, "tunnel_set", peer="10.0.1.1")]
    mpa = [record("ar1", 0, "attached", reason="DHCP message"), record("ar1", 1000, "request_sent", peer="10.0.0.1"),
           record("ar1", 2250, "registered", old="requesting", new="registered"),
           record("ar1", 5_000_000, "attached", reason="packet")]
    with daemon(tmp_path, "ha", {"explain": {"ok": True, "records": ha}}), \
            daemon(tmp_path, "mpa", {"explain": {"ok": True, "records": mpa}}):
        text = run(tmp_path, "explain", "alice@example.com").stdout
        merged = json.loads(run(tmp_path, "--json", "explain", "alice@example.com").stdout)
    assert text == """alice@example.com

2023-11-14 22:13:20.000
       0.0 ms  ar1    attached                 DHCP message
       1.0 ms  ar1    request_sent             [10.0.0.1]
       1.5 ms  ha     request_accepted         [10.0.1.1]
       1.5 ms  ha     tunnel_set               [10.0.1.1]
       2.2 ms  ar1    registered               requesting -> registered:

2023-11-14 22:13:25.000
       0.0 ms  ar1    attached                 packet
"""
    assert [r["event"] for r in merged["records"]] == ["attached", "request_sent", "request_accepted", "tunnel_set",
                                                       "registered", "attached"]
    assert merged["version"] == 1 and merged["nai"] == "alice@example.com"


@pytest.mark.parametrize("content, want", [
    ('careof = "10.0.1.1"\nhome-agent main { address = "10.0.0.1" }\n', ":1: careof: no such key"),
    ('adress = "10.0.0.1"\n', "did you mean 'address'"),
    ('mode = client\nhome-agent = "10.0.0.1"\nhome-adress = "10.42.0.17"\nconnection gw { child = net }\n',
     ":3: home-adress: no such key; did you mean 'home-address'?"),
    ('care-of = "10.0.2.1"\nadvertize = 5\naccess eth1 { }\n', "did you mean 'advertise'")])
def test_check_asks_the_program_the_file_is_for(tmp_path, content, want):
    path = tmp_path / "conf"
    path.write_text(content)
    r = run(tmp_path, "check", str(path))
    assert r.returncode == USAGE and want in r.stderr
    assert ("did you mean 'care-of'" in r.stderr) == content.startswith("careof")


def test_check_names_the_file_it_cannot_read(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        r = run(tmp_path, "check", str(path))
        assert r.returncode == USAGE and str(path) in r.stderr
