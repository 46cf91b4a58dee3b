# SPDX-License-Identifier: GPL-2.0-or-later
"""Users of the campus who come in by a gateway, with nothing but strongSwan on their hosts."""
import contextlib
import json

from net import wait_for

# Of a client in a test: it repeats soon what was lost, for longer than an answer may take (G-01).
IMPATIENT = {"retransmit_timeout": 0.5, "retransmit_base": 1, "retransmit_tries": 13}


@contextlib.contextmanager
def connected(campus, user, place="broadband", gateway=1, settings=None, more=None, initiate=True):
    """A user at a place, with a client that is connected; yields (station, client). Gone without a trace at the end."""
    m = campus.stations[user]
    m.plug(place)
    client = campus.start_client(m, {**IMPATIENT, **(settings or {})}, more)
    try:
        if initiate:
            client.initiate(f"gw{gateway}")
            m.home = client.sa(state="ESTABLISHED")["local-vips"][0]
        yield m, client
    finally:
        for sa in client.sas() if client.process.poll() is None else []:
            client.terminate(ike=sa["name"])  # the gateway hears of it before the link is gone
        client.stop()
        campus.charons.pop(user, None)
        for place in list(m.places):
            m.unplug(place)
        forget(campus, m)


def forget(campus, m):
    """Whatever is left of a user ends."""
    for name in campus.gateways:
        charon = campus.charons.get(f"gw{name}")
        if charon and charon.process.poll() is None and charon.sa(remote_id=m.nai):
            for sa in charon.sas():
                if m.nai in (sa["remote-id"], sa.get("remote-eap-id")):
                    charon.ask("terminate", {"ike-id": sa["uniqueid"], "force": "yes", "timeout": 3000})
    for _ in range(2):
        campus.cli("detach", m.nai, check=False)
        campus.cli("kick", m.nai, check=False)
    wait_for(lambda: campus.binding(m) is None, f"the binding of {m.name} to end")


def records(campus, user, *events, node=None):
    """What `holdfast explain` knows, oldest first."""
    r = campus.cli("--json", "explain", user if "." in user else f"{user}@example.com", check=False)
    found = json.loads(r.stdout)["records"] if r.returncode == 0 else []
    return [r for r in found if (not events or r["event"] in events) and node in (None, r["node"])]


def session(campus, m, gateway=1):
    """The gateway's agent's view of a user; None when there is none."""
    for s in campus.show("sessions").get(f"gw{gateway}", []):
        if s["nai"] == m.nai:
            return s
    return None
