/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swanctl.conf of strongSwan 5.9. With the helper, holdfast-mn opens and closes the tunnel and owns the home address;
 * without, it is a stock client of one's own starting. Identities are written with their type, so that no name is taken
 * for another kind of thing. */
#include <string.h>

#include "profile.h"

/* IKE and ESP to the home address itself must not be led into the tunnel they carry: charon marks its packets and the
 * rule of its routing table excludes the mark. */
static const char helper_settings[] =
	"# For holdfast-mn, in strongswan.conf:\n"
	"#\n"
	"# charon-systemd {\n"
	"#     install_virtual_ip = no            # holdfast-mn keeps the home address on hf0\n"
	"#     interfaces_ignore = hf0, ipsec0\n"
	"#     prefer_best_path = yes             # a better link is taken before the old one is gone\n"
	"#     retransmit_timeout = 0.1           # a move waits no longer than this for a lost message\n"
	"#     retransmit_base = 1.5\n"
	"#     retransmit_tries = 12\n"
	"#     plugins {\n"
	"#         holdfast {\n"
	"#             socket = /run/holdfast/mn.charon\n"
	"#             role = node\n"
	"#             in_place = yes\n"
	"#         }\n"
	"#         kernel-netlink {\n"
	"#             fwmark = !0x42             # the pair: routes into the tunnel are not for charon's own packets\n"
	"#         }\n"
	"#         socket-default {\n"
	"#             fwmark = 0x42\n"
	"#         }\n"
	"#         kernel-libipsec {\n"
	"#             allow_peer_ts = yes\n"
	"#         }\n"
	"#     }\n"
	"# }\n"
	"\n";

static const char stock_settings[] = "# Start:  swanctl --load-all && swanctl --initiate --child net --ike %s\n"
				     "# Moves are MOBIKE's, a lost tunnel is built again. Inside, the gateway\n"
				     "# closes it; outside again, initiate it again.\n"
				     "\n";

static void setting(struct text *t, const char *indent, const char *key, const char *value)
{
	text_add(t, "%s%s = ", indent, key);
	text_add_swanctl(t, value);
	text_add(t, "\n");
}

static void user_setting(const struct profile *p, struct text *t, const char *indent, const char *key)
{
	struct text id = { 0 };

	text_add(&id, "%s:%s", strchr(p->user, '@') ? "email" : "fqdn", p->user);
	if (id.failed)
		t->failed = true;
	else
		setting(t, indent, key, id.at);
	text_done(&id);
}

static void add_local(const struct profile *p, struct text *t)
{
	static const char *const auths[AUTH_COUNT] = { "", "psk", "pubkey", "eap-mschapv2" };

	text_add(t, "        local {\n            auth = %s\n", auths[p->auth]);
	user_setting(p, t, "            ", "id");
	if (p->auth == AUTH_EAP)
		user_setting(p, t, "            ", "eap_id");
	if (p->auth == AUTH_CERT)
		setting(t, "            ", "certs", p->cert);
	text_add(t, "        }\n");
}

static void add_child(const struct profile *p, struct text *t)
{
	text_add(t, "        children {\n            net {\n                remote_ts = ");
	for (size_t i = 0; i < p->remotes.n; i++)
		text_add(t, "%s%s", i > 0 ? "," : "", p->remotes.at[i]);
	text_add(t, "%s\n", p->remotes.n == 0 ? "0.0.0.0/0" : "");
	/* The helper opens again by itself, and perhaps elsewhere. */
	text_add(t,
		 "                esp_proposals = aes128gcm16-ecp256,aes128gcm16\n"
		 "                dpd_action = %s\n"
		 "            }\n"
		 "        }\n",
		 p->helper ? "clear" : "restart");
}

/* B-01, B-02: of IKE this version, and addresses that change. */
static void add_connection(const struct profile *p, struct text *t, size_t i)
{
	text_add(t, "    %s", p->name);
	if (i > 0)
		text_add(t, "-%zu", i + 1);
	text_add(t, " {\n        version = 2\n        remote_addrs = %s\n", p->gateways.at[i]);
	text_add(t,
		 "        proposals = aes128gcm16-prfsha256-ecp256\n"
		 "        vips = 0.0.0.0\n"
		 "        mobike = yes\n"
		 "        keyingtries = %d\n"
		 "        dpd_delay = %s\n",
		 p->helper ? 1 : 0, p->helper ? "5s" : "30s");
	add_local(p, t);
	text_add(t, "        remote {\n            auth = %s\n", p->auth == AUTH_PSK ? "psk" : "pubkey");
	setting(t, "            ", "id", p->gateway_ids.at[i]);
	if (p->ca)
		setting(t, "            ", "cacerts", p->ca);
	text_add(t, "        }\n");
	add_child(p, t);
	text_add(t, "    }\n");
}

/* In base64, as a plain secret that begins with 0x or 0s would be decoded. */
static void secret_setting(const struct profile *p, struct text *t, const char *indent)
{
	if (p->secret) {
		text_add(t, "%ssecret = 0s", indent);
		text_add_base64(t, p->secret, strlen(p->secret));
		text_add(t, "\n");
	} else {
		setting(t, indent, "secret", "");
	}
}

/* A key without passphrase needs no entry: swanctl loads all that is in its directory. */
static void add_passphrase(const struct profile *p, struct text *t)
{
	if (!p->secret)
		return;
	text_add(t, "\nsecrets {\n    private-%s {\n", p->name);
	setting(t, "        ", "file", p->key);
	setting(t, "        ", "secret", p->secret); /* a passphrase is never decoded */
	text_add(t, "    }\n}\n");
}

/* Without a secret all of it is a comment: an empty one would be taken for the secret. */
static void add_shared_secret(const struct profile *p, struct text *t)
{
	const char *off = p->secret ? "" : "# ", *indent = p->secret ? "        " : "#         ";

	text_add(t, "\n%s%ssecrets {\n", p->secret ? "" : "# To be completed by the user:\n", off);
	text_add(t, "%s    %s-%s {\n", off, p->auth == AUTH_PSK ? "ike" : "eap", p->name);
	user_setting(p, t, indent, p->auth == AUTH_PSK ? "id-user" : "id");
	for (size_t i = 0; p->auth == AUTH_PSK && i < p->gateway_ids.n; i++) {
		text_add(t, "%sid-%zu = ", indent, i + 1);
		text_add_swanctl(t, p->gateway_ids.at[i]);
		text_add(t, "\n");
	}
	secret_setting(p, t, indent);
	text_add(t, "%s    }\n%s}\n", off, off);
}

void profile_swanctl(const struct profile *p, struct text *t)
{
	text_add(t, "# Written by holdfast profile, for /etc/swanctl/conf.d. Mode 0600 if it has a secret.\n");
	if (p->auth == AUTH_CERT)
		text_add(t, "# Belongs to it, in /etc/swanctl: the certificate in x509, its key in private, the CA in "
			    "x509ca.\n");
	if (p->helper)
		text_add(t, "%s", helper_settings);
	else
		text_add(t, stock_settings, p->name);
	text_add(t, "connections {\n");
	for (size_t i = 0; i < p->gateways.n; i++)
		add_connection(p, t, i);
	text_add(t, "}\n");
	if (p->auth == AUTH_CERT)
		add_passphrase(p, t);
	else
		add_shared_secret(p, t);
}
