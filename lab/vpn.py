# SPDX-License-Identifier: GPL-2.0-or-later
"""The VPN of the campus as strongSwan is told of it: gateways, and users who prove who they are in three ways."""
from charon import merge

REALM = "example.com"
PROPOSALS = "aes128gcm16-prfsha256-ecp256,aes256-sha256-ecp256"
ESP_PROPOSALS = "aes128gcm16-ecp256,aes128gcm16,aes256-sha256"
INTRANET = "10.0.0.0/8"
# How users are authenticated; who is not named here has a certificate, as alice has.
SHARED_KEYS = {"bob": "bob's key for the laboratory only"}
PASSWORDS = {"carol": "carol's password"}


def nai(user):
    return f"{user}@{REALM}"


def gateway_name(n):
    return f"gw{n}.{REALM}"


def gateway_settings():
    """As in packaging/strongswan-gateway.conf."""
    return {
        "threads": 96, "processor": {"priority_threads": {"critical": 4, "high": 4, "medium": 12}},
        "close_ike_on_child_failure": True, "interfaces_use": "outer", "cookie_threshold_ip": 30, "block_threshold": 100}


def node_settings():
    """As `holdfast profile --helper` says."""
    return {"install_virtual_ip": False, "interfaces_ignore": "hf0, ipsec0", "prefer_best_path": True,
            "retransmit_timeout": 0.1, "retransmit_base": 1.5, "retransmit_tries": 12}


def node_connection():
    return {"dpd_delay": "5s", "keyingtries": 1, "children": {"net": {"dpd_action": "clear"}}}


def gateway_connections(n, address, pool=None):
    """swanctl.conf of a gateway. pool: addresses it gives out itself; None leaves that to Holdfast."""
    def connection(way, own, peer):
        return {
            "version": 2, "local_addrs": address, "mobike": True, "proposals": PROPOSALS, "unique": "replace",
            "pools": "own" if pool else "holdfast", "dpd_delay": "30s", "rekey_time": "4h", "send_cert": "always",
            "local": {"id": gateway_name(n), **own}, "remote": {"id": "%any", **peer},
            "children": {"net": {"local_ts": INTRANET, "esp_proposals": ESP_PROPOSALS, "rekey_time": "1h"}}}
    own = {"auth": "pubkey", "certs": f"gw{n}.crt"}
    conf = {
        "connections": {
            "certificate": connection("certificate", own, {"auth": "pubkey", "cacerts": "ca.crt"}),
            "eap": connection("eap", own, {"auth": "eap-mschapv2", "eap_id": "%any"}),
            "shared-key": connection("shared-key", {"auth": "psk"}, {"auth": "psk"})},
        "secrets": secrets(*SHARED_KEYS, *PASSWORDS)}
    return merge(conf, {"pools": {"own": {"addrs": pool}}} if pool else {})


def secrets(*users):
    found = {f"ike-{u}": {"id": nai(u), "secret": f'"{SHARED_KEYS[u]}"'} for u in users if u in SHARED_KEYS}
    return found | {f"eap-{u}": {"id": nai(u), "secret": f'"{PASSWORDS[u]}"'} for u in users if u in PASSWORDS}


def client_connections(user, gateways, more=None):
    """swanctl.conf of a user: a connection gw1, gw2, ... for each gateway. more: settings of each connection."""
    if user in SHARED_KEYS:
        own = peer = {"auth": "psk"}
    elif user in PASSWORDS:
        own, peer = {"auth": "eap-mschapv2", "eap_id": nai(user)}, {"auth": "pubkey", "cacerts": "ca.crt"}
    else:
        own, peer = {"auth": "pubkey", "certs": f"{user}.crt"}, {"auth": "pubkey", "cacerts": "ca.crt"}
    return {
        "connections": {f"gw{n}": merge({
            "version": 2, "remote_addrs": address, "vips": "0.0.0.0", "mobike": True, "proposals": PROPOSALS,
            "dpd_delay": "30s", "rekey_time": "4h",
            "local": {"id": nai(user), **own}, "remote": {"id": gateway_name(n), **peer},
            "children": {"net": {"remote_ts": INTRANET, "esp_proposals": ESP_PROPOSALS, "rekey_time": "1h"}}}, more)
            for n, address in gateways.items()},
        "secrets": secrets(user)}
