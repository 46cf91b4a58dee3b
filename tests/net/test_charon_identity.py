# SPDX-License-Identifier: GPL-2.0-or-later
"""What charon's plugin tells of a client who proves to be one user and claims to be another."""
import pytest
from test_charon_link import Pair, grant

SECRET = '"of mallory"'


@pytest.fixture(scope="module")
def pair():
    pair = Pair()
    eap = pair._gateway("pubkey", "gw.crt")
    eap["remote"] = {"auth": "eap-mschapv2", "id": "%any", "eap_id": "%any"}
    pair.gateway.configure({"connections": {"eap": eap},
                            "secrets": {"eap-mallory": {"id": "mallory@example.com", "secret": SECRET}}})

    def claims(name):
        host = pair._host("eap-mschapv2", "chief@example.com", eap_id=name)
        host["remote"] = {"auth": "pubkey", "id": "vpn.example.com"}
        return host

    names = {"honest": "mallory@example.com", "any": "keyid:*", "pattern": "keyid:*lory@example.com"}
    pair.host.configure({"connections": {k: claims(v) for k, v in names.items()},
                         "secrets": {f"eap-{k}": {"id": v, "secret": SECRET} for k, v in names.items()}})
    try:
        pair.gateway.start()
        pair.host.start()
        yield pair
    finally:
        pair.close()


def test_with_eap_the_claimed_identity_does_not_stand_alone(pair):
    """A-14, A-17: IDi is only what the client says."""
    daemon = pair.play(grant)
    assert pair.host.initiate("honest") is None
    asked = daemon.named("acquire")[-1]
    assert asked["id"]["text"] == "chief@example.com"
    assert asked["eap"] == "mallory@example.com"
    pair.host.ask("terminate", {"ike": "honest", "timeout": 2000})


@pytest.mark.parametrize("ike", ["any", "pattern"])
def test_a_name_that_is_a_pattern_is_nobody(pair, ike):
    """A-05: '*' is any identity to charon."""
    daemon = pair.play(grant)
    assert pair.host.initiate(ike, check=False)
    assert not daemon.named("acquire")
