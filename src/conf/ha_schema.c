/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

const char *const record_level_names[RECORD_LEVEL_COUNT] = { "error", "warning", "notice", "info" };

static const char *const scope_names[SA_SCOPE_COUNT] = { "user", "domain", "node" };
static const char *const stale_names[HA_STALE_COUNT] = { "deny", "deny-65", "silent" };
static const char *const unknown_sa_names[HA_UNKNOWN_SA_COUNT] = { "reply", "silent" };
static const char *const reverse_tunnel_names[HA_REVERSE_TUNNEL_COUNT] = { "required", "optional", "unavailable" };
static const char *const udp_names[HA_UDP_COUNT] = { "when-nat", "force-allowed", "off" };
static const char *const revoke_names[HA_REVOKE_COUNT] = { "negotiated", "always", "off" };
static const char *const sequence_names[] = { "experimental", "nvse", "pmip-subtype", "non-skippable" };

#define TOP(member) offsetof(struct ha_file, member)
#define NET(member) offsetof(struct ha_network, member)
#define ASSOC(member) offsetof(struct ha_association_file, member)
#define USER(member) offsetof(struct ha_user, member)
#define AAA(member) offsetof(struct aaa_file, member)
#define NAMES(table) .names = (table), .name_n = ARRAY_SIZE(table)

/* clang-format off */
static const struct conf_key top_keys[] = {
	DAEMON_KEYS(ha_file),
	{ .name = "device", .kind = KEY_TEXT, .offset = TOP(daemon.device), .max = 16, .fallback = "hf0",
	  .help = "Name of the TUN device all tunnels share." },
	{ .name = "fast-interfaces", .kind = KEY_TEXTS, .offset = TOP(daemon.fast_interfaces), .max = INTERFACES_MAX,
	  .help = "Interfaces of correspondents whose packets to stations skip the network stack, and with it its filters." },
	{ .name = "store", .kind = KEY_TEXT, .offset = TOP(store), .max = 128, .fallback = "",
	  .help = "File that keeps bindings over a restart; empty: INSTANCE.mdb in /var/lib/holdfast; none: no file." },
	{ .name = "address", .kind = KEY_ADDRESS, .offset = TOP(ha.address),
	  .help = "Home agent address: requests are sent to it, and tunnels end there." },
	{ .name = "trusted-subnets", .kind = KEY_PREFIXES, .offset = TOP(ha.trusted_subnets),
	  .help = "When given, only requests from these are served, and replies say so (RFC 5265)." },
	{ .name = "max-lifetime", .kind = KEY_U16, .offset = TOP(ha.max_lifetime_s), .min = 5, .max = 65535,
	  .fallback = "1800", .help = "Longest lifetime granted, in seconds; 65535 is for ever." },
	{ .name = "udp-max-lifetime", .kind = KEY_U16, .offset = TOP(ha.udp_max_lifetime_s), .min = 5, .max = 65534,
	  .fallback = "60", .help = "Longest lifetime granted to a tunnel through a NAT, in seconds." },
	{ .name = "udp-keepalive", .kind = KEY_U16, .offset = TOP(ha.udp_keepalive_s), .min = 10, .max = 3600,
	  .fallback = "110", .help = "Keepalive interval asked of agents behind a NAT, in seconds." },
	{ .name = "sticky", .kind = KEY_U32, .offset = TOP(ha.sticky_s), .min = 0, .max = 31536000,
	  .fallback = "2592000", .help = "How long a home address stays reserved for its user after the binding, in seconds." },
	{ .name = "max-bindings", .kind = KEY_U32, .offset = TOP(ha.max_bindings), .min = 1, .max = 4000000,
	  .fallback = "65536", .help = "Bindings at most; then requests are answered with code 130." },
	{ .name = "max-addresses-per-user", .kind = KEY_U16, .offset = TOP(ha.max_addresses_per_nai), .min = 1, .max = 16,
	  .fallback = "1", .help = "1: one home address whatever the access technology; more: one per technology." },
	{ .name = "reverse-tunnel", .kind = KEY_ENUM, .offset = TOP(ha.reverse_tunnel), NAMES(reverse_tunnel_names),
	  .fallback = "required", .help = "Policy for the T bit (RFC 3024)." },
	{ .name = "stale", .kind = KEY_ENUM, .offset = TOP(ha.stale), NAMES(stale_names), .fallback = "deny",
	  .help = "Answer to a request with a stale sequence number: code 129, code 65, or none." },
	{ .name = "unknown-association", .kind = KEY_ENUM, .offset = TOP(ha.unknown_sa), NAMES(unknown_sa_names),
	  .fallback = "reply", .help = "Answer to a request under an unknown SPI: code 131, or none (RFC 5944)." },
	{ .name = "udp-tunnel", .kind = KEY_ENUM, .offset = TOP(ha.udp), NAMES(udp_names), .fallback = "when-nat",
	  .help = "When tunnels through UDP are granted (RFC 3519)." },
	{ .name = "revocation", .kind = KEY_ENUM, .offset = TOP(ha.revoke), NAMES(revoke_names), .fallback = "negotiated",
	  .help = "When the former agent of a moved station is told (RFC 3543)." },
	{ .name = "grace", .kind = KEY_U16, .offset = TOP(ha.grace_ms), .max = 5000, .fallback = "500",
	  .help = "How long packets of the former agent are accepted after a move, in milliseconds; 0: not at all." },
	{ .name = "proxy", .kind = KEY_BOOL, .offset = TOP(ha.pmip), .fallback = "yes",
	  .help = "Serve proxy agents; otherwise they are answered with code 149." },
	{ .name = "simultaneous-bindings", .kind = KEY_U16, .offset = TOP(ha.simultaneous), .min = 1, .max = 4,
	  .fallback = "4",
	  .help = "Care-of addresses that one home address may have at a time when hosts ask for it (S); all get what "
		  "is sent to it. 1: only one." },
	{ .name = "gre", .kind = KEY_BOOL, .offset = TOP(ha.gre), .fallback = "yes",
	  .help = "Tunnel by GRE when it is asked for (RFC 2784, keys by RFC 6245); otherwise code 139. "
		  "Say no where this machine has GRE tunnels of its own: the daemon would see all their packets." },
	{ .name = "minimal-encapsulation", .kind = KEY_BOOL, .offset = TOP(ha.minimal), .fallback = "yes",
	  .help = "Tunnel by minimal encapsulation when it is asked for (RFC 2004); otherwise code 139. "
		  "It saves 8 octets and passes the daemon: IP in IP and GRE are many times as fast." },
	{ .name = "forward-broadcast", .kind = KEY_BOOL, .offset = TOP(ha.forward_broadcast), .fallback = "no",
	  .help = "Copy link-local multicast and broadcast of a station, or of the real home link, to the others of its "
		  "subnet." },
	{ .name = "dhcp-server", .kind = KEY_ADDRESS, .offset = TOP(ha.dhcp_server), .optional = true,
	  .help = "DHCP server that stations' tunnelled messages are relayed to; for agents with dhcp = anchor." },
	{ .name = "strict-reserved", .kind = KEY_BOOL, .offset = TOP(ha.strict_reserved), .fallback = "no",
	  .help = "Refuse requests with reserved bits set, with code 134." },
	{ .name = "aaa-dead", .kind = KEY_U16, .offset = TOP(ha.aaa.dead_s), .max = 3600, .fallback = "30",
	  .help = "How long a silent AAA server is not asked first, in seconds." },
	{ .name = "aaa-key-algorithm", .kind = KEY_ENUM, .offset = TOP(ha.aaa.mac), .names = mac_alg_names,
	  .name_n = MAC_ALG_COUNT, .fallback = "hmac-sha-256",
	  .help = "How messages are authenticated with keys that AAA servers bring; the same at all agents." },
	{ .name = "aaa-key-lifetime", .kind = KEY_U32, .offset = TOP(ha.aaa.key_life_s), .min = 1, .max = 604800,
	  .fallback = "3600", .help = "How long a key is kept whose AAA server does not say it, in seconds." },
	{ .name = "aaa-rate", .kind = KEY_U16, .offset = TOP(ha.aaa.rate), .min = 1, .max = 10000, .fallback = "500",
	  .help = "Keys asked for at most, per second; requests that need more are dropped." },
	{ .name = "sequence-form", .kind = KEY_ENUM, .offset = TOP(ha.sequence.form), NAMES(sequence_names),
	  .fallback = "experimental", .help = "Extension that carries the proxy sequence number; the same at all agents." },
	{ .name = "sequence-subtype", .kind = KEY_U8, .offset = TOP(ha.sequence.subtype), .min = 1, .max = 255,
	  .fallback = "1", .help = "Its sub-type." },
	{ .name = "sequence-vendor", .kind = KEY_U32, .offset = TOP(ha.sequence.vendor), .max = UINT32_MAX,
	  .fallback = "32473", .help = "Its enterprise number, with nvse." },
	{ .name = "sequence-vendor-type", .kind = KEY_U16, .offset = TOP(ha.sequence.vendor_type), .max = 65535,
	  .fallback = "1", .help = "Its vendor type, with nvse." },
	{ .name = "auth-failure-rate", .kind = KEY_U16, .offset = TOP(ha.auth_failure_rate), .max = 10000,
	  .fallback = "10", .help = "Answers to and log lines about unproven requests, and log lines about replays, per second." },
};

static const struct conf_key network_keys[] = {
	{ .name = "prefix", .kind = KEY_PREFIX, .offset = NET(prefix), .help = "The home subnet." },
	{ .name = "gateway", .kind = KEY_ADDRESS, .offset = NET(gateway),
	  .help = "The stations' default gateway: our own address in that subnet." },
	{ .name = "pools", .kind = KEY_RANGES, .offset = NET(pools), .help = "Ranges home addresses are given out from." },
	{ .name = "interface", .kind = KEY_TEXT, .offset = NET(interface), .max = 16, .fallback = "",
	  .help = "Real link the subnet is on; empty: a virtual home network." },
};

static const struct conf_key association_keys[] = {
	{ .name = "scope", .kind = KEY_ENUM, .offset = ASSOC(a.scope), NAMES(scope_names), .fallback = "user",
	  .help = "Whom it authenticates: one user, all users of a realm, or a proxy agent." },
	{ .name = "nai", .kind = KEY_STRING, .offset = ASSOC(a.nai), .optional = true, .help = "The user, with scope user." },
	{ .name = "realm", .kind = KEY_STRING, .offset = ASSOC(a.realm), .optional = true,
	  .help = "The realm, with scope domain." },
	{ .name = "nodes", .kind = KEY_PREFIXES, .offset = ASSOC(a.nodes),
	  .help = "Addresses of the proxy agents, with scope node." },
	{ .name = "replay", .kind = KEY_ENUM, .offset = ASSOC(a.sa.replay), .names = replay_style_names,
	  .name_n = REPLAY_STYLE_COUNT, .fallback = "timestamp", .help = "How replays are recognised (RFC 5944 5.7)." },
	{ .name = "tolerance", .kind = KEY_U16, .offset = ASSOC(a.sa.tolerance_s), .min = 1, .max = 3600, .fallback = "7",
	  .help = "How far clocks may differ, in seconds." },
	ASSOCIATION_KEYS(ha_association_file),
};

static const struct conf_key user_keys[] = {
	{ .name = "network", .kind = KEY_TEXT, .offset = USER(network), .max = 32, .fallback = "",
	  .help = "Home network; empty: the first one." },
	{ .name = "home-address", .kind = KEY_ADDRESS, .offset = USER(home_address), .optional = true,
	  .help = "Fixed home address; otherwise one from the pools." },
	{ .name = "proxy", .kind = KEY_BOOL, .offset = USER(proxy_allowed), .fallback = "yes",
	  .help = "Proxy agents may register this user; otherwise they are answered with code 150." },
	{ .name = "aaa-key", .kind = KEY_BOOL, .offset = USER(aaa_key), .fallback = "no",
	  .help = "Ask the AAA servers for the key of a request whose SPI is that of no association." },
};

static const struct conf_key aaa_keys[] = {
	AAA_SERVER_KEYS,
};

static const struct conf_section sections[] = {
	{ .keys = top_keys, .key_n = ARRAY_SIZE(top_keys), .help = "The home agent itself." },
	{ .name = "network", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = NET(name), .title_max = 32,
	  .size = sizeof(struct ha_network), .array_offset = TOP(ha.networks), .keys = network_keys,
	  .key_n = ARRAY_SIZE(network_keys), .most = NETWORKS_MAX, .help = "A home network." },
	{ .name = "association", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = ASSOC(a.name), .title_max = 32,
	  .size = sizeof(struct ha_association_file), .array_offset = TOP(associations), .keys = association_keys,
	  .key_n = ARRAY_SIZE(association_keys), .help = "A mobility security association." },
	{ .name = "user", .title = "NAI", .title_kind = KEY_STRING, .title_offset = USER(nai),
	  .size = sizeof(struct ha_user), .array_offset = TOP(ha.users), .keys = user_keys, .key_n = ARRAY_SIZE(user_keys),
	  .help = "Who may register: a network access identifier, or \"*@realm\" for all of a realm." },
	{ .name = "aaa", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = AAA(server.name), .title_max = 32,
	  .size = sizeof(struct aaa_file), .array_offset = TOP(aaa), .keys = aaa_keys, .key_n = ARRAY_SIZE(aaa_keys),
	  .help = "An AAA server that knows keys of users; several are asked in their order." },
};

/* clang-format on */

static int complete(const char *path, void *conf, struct conf_error *e);

static void release(void *conf)
{
	ha_file_done(conf);
}

const struct conf_schema ha_schema = {
	.sections = sections, .section_n = ARRAY_SIZE(sections), .complete = complete, .release = release
};

static bool ranges_overlap(const struct address_range *a, const struct address_range *b)
{
	return ntohl(a->first.s_addr) <= ntohl(b->last.s_addr) && ntohl(b->first.s_addr) <= ntohl(a->last.s_addr);
}

static int check_network(const struct ha_network *n, struct conf_error *e)
{
	if (!prefix_contains(&n->prefix, n->gateway))
		return conf_fail_at(e, "network", n->name, "gateway", "allowed: an address inside of the prefix");
	for (size_t i = 0; i < n->pool_n; i++) {
		if (!prefix_contains(&n->prefix, n->pools[i].first) || !prefix_contains(&n->prefix, n->pools[i].last))
			return conf_fail_at(e, "network", n->name, "pools", "allowed: ranges inside of the prefix");
		for (size_t k = 0; k < i; k++)
			if (ranges_overlap(&n->pools[i], &n->pools[k]))
				return conf_fail_at(e, "network", n->name, "pools",
						    "allowed: ranges that do not overlap");
	}
	return 0;
}

static int check_networks(const struct ha_conf *c, struct conf_error *e)
{
	int r = c->network_n > 0 ? 0 : conf_fail_at(e, NULL, NULL, "network", "missing; at least one has to be given");

	for (size_t i = 0; r == 0 && i < c->network_n; i++) {
		const struct prefix *a = &c->networks[i].prefix;

		r = check_network(&c->networks[i], e);
		for (size_t k = 0; r == 0 && k < i; k++) {
			const struct prefix *b = &c->networks[k].prefix;

			if (prefix_contains(a, b->addr) || prefix_contains(b, a->addr))
				r = conf_fail_at(e, "network", c->networks[i].name, "prefix",
						 "overlaps that of network '%s'", c->networks[k].name);
		}
	}
	return r;
}

static int check_association(const struct ha_association *a, struct conf_error *e)
{
	const char *missing = NULL;

	switch (a->scope) {
	case SA_SCOPE_USER:
		missing = a->nai ? NULL : "nai";
		break;
	case SA_SCOPE_DOMAIN:
		missing = a->realm ? NULL : "realm";
		break;
	case SA_SCOPE_NODE:
		missing = a->node_n > 0 ? NULL : "nodes";
		break;
	case SA_SCOPE_COUNT:
		break;
	}
	if (!missing)
		return 0;
	return conf_fail_at(e, "association", a->name, missing, "missing; scope %s needs it", scope_names[a->scope]);
}

static int take_association(const char *path, struct ha_association_file *f, struct conf_error *e)
{
	int r = check_association(&f->a, e);

	for (char *c = f->a.realm; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return r < 0 ? r : association_key_load(path, f->a.name, &f->source, &f->a.sa, e);
}

static bool is_host_of(const struct ha_network *n, struct in_addr a)
{
	bool edge = n->prefix.len < 31 &&
		    (a.s_addr == n->prefix.addr.s_addr || a.s_addr == prefix_broadcast(&n->prefix).s_addr);

	return prefix_contains(&n->prefix, a) && a.s_addr != n->gateway.s_addr && !edge;
}

static int check_user(const struct ha_conf *c, const struct ha_user *u, struct conf_error *e)
{
	const struct ha_network *home = NULL;

	for (size_t i = 0; i < c->network_n && !home; i++)
		if (!u->network[0] || strcmp(c->networks[i].name, u->network) == 0)
			home = &c->networks[i];
	if (!home)
		return conf_fail_at(e, "user", u->nai, "network", "there is no network '%s'", u->network);
	if (u->home_address.s_addr == INADDR_ANY)
		return 0;
	if (u->nai[0] == '*')
		return conf_fail_at(e, "user", u->nai, "home-address", "allowed: none for a whole realm");
	if (!is_host_of(home, u->home_address) || u->home_address.s_addr == c->address.s_addr)
		return conf_fail_at(e, "user", u->nai, "home-address",
				    "allowed: an address of network '%s' that is not its gateway", home->name);
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct ha_user *x = *(const struct ha_user *const *)a, *y = *(const struct ha_user *const *)b;

	return memcmp(&x->home_address, &y->home_address, sizeof(x->home_address));
}

/* As the agent compares them: realms without case. */
static int compare_nais(const char *a, const char *b)
{
	size_t user = strcspn(a, "@");
	int d = strncmp(a, b, user + 1);

	return d != 0 || !a[user] ? d : strcasecmp(a + user, b + user);
}

static int by_nai(const void *a, const void *b)
{
	return compare_nais((*(const struct ha_user *const *)a)->nai, (*(const struct ha_user *const *)b)->nai);
}

/* Two users with one address would both be right, but only one could have it; of two with one name, one would never be
 * found. */
static int check_unique(const struct ha_conf *c, struct conf_error *e)
{
	auto_(freep) const struct ha_user **v = calloc(c->user_n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < c->user_n; i++)
		v[i] = &c->users[i];
	qsort(v, c->user_n, sizeof(*v), by_nai);
	for (size_t i = 1; i < c->user_n; i++)
		if (by_nai(&v[i - 1], &v[i]) == 0)
			return conf_fail_at(e, "user", v[i]->nai, NULL, "the same as user '%s'; allowed: one of them",
					    v[i - 1]->nai);
	qsort(v, c->user_n, sizeof(*v), by_address);
	for (size_t i = 1; i < c->user_n; i++)
		if (v[i]->home_address.s_addr != INADDR_ANY && by_address(&v[i - 1], &v[i]) == 0)
			return conf_fail_at(e, "user", v[i]->nai, "home-address",
					    "user '%s' has the same; allowed: one user of an address", v[i - 1]->nai);
	return 0;
}

static const char *who(const struct ha_association *a)
{
	return a->scope == SA_SCOPE_USER ? a->nai : a->scope == SA_SCOPE_DOMAIN ? a->realm : "";
}

static int by_spi(const void *a, const void *b)
{
	const struct ha_association *x = *(const struct ha_association *const *)a;
	const struct ha_association *y = *(const struct ha_association *const *)b;

	if (x->sa.spi != y->sa.spi)
		return x->sa.spi < y->sa.spi ? -1 : 1;
	return x->scope != y->scope ? (int)x->scope - (int)y->scope : compare_nais(who(x), who(y));
}

static bool nodes_overlap(const struct ha_association *a, const struct ha_association *b)
{
	for (size_t i = 0; i < a->node_n; i++)
		for (size_t k = 0; k < b->node_n; k++)
			if (prefix_contains(&a->nodes[i], b->nodes[k].addr) ||
			    prefix_contains(&b->nodes[k], a->nodes[i].addr))
				return true;
	return false;
}

/* An SPI says which key: two keys under one for the same sender, and one of them would never be tried. */
static int check_spis(const struct ha_file *f, struct conf_error *e)
{
	auto_(freep) const struct ha_association **v = calloc(f->association_n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < f->association_n; i++)
		v[i] = &f->associations[i].a;
	qsort(v, f->association_n, sizeof(*v), by_spi);
	for (size_t i = 0; i < f->association_n; i++)
		for (size_t k = i + 1; k < f->association_n && by_spi(&v[i], &v[k]) == 0; k++)
			if (v[i]->scope != SA_SCOPE_NODE || nodes_overlap(v[i], v[k]))
				return conf_fail_at(
					e, "association", v[k]->name, "spi",
					"association '%s' has the same for the same sender; allowed: another",
					v[i]->name);
	return 0;
}

static int take_aaa(const char *path, struct ha_file *f, struct conf_error *e)
{
	const struct ha_user *asking = NULL;

	for (size_t i = 0; i < f->ha.user_n && !asking; i++)
		asking = f->ha.users[i].aaa_key ? &f->ha.users[i] : NULL;
	if (asking && f->aaa.n == 0)
		return conf_fail_at(e, "user", asking->nai, "aaa-key", "there is no aaa section to ask");
	if (!asking && f->aaa.n > 0)
		return conf_fail_at(e, "aaa", f->aaa.v[0].server.name, NULL,
				    "no user has aaa-key = yes: nobody's key is asked for");
	return aaa_complete(path, &f->aaa, &f->ha.aaa.servers, &f->ha.aaa.server_n, e);
}

static int complete(const char *path, void *conf, struct conf_error *e)
{
	struct ha_file *f = conf;
	struct ha_conf *c = &f->ha;
	int r = check_networks(c, e);

	if (r == 0 && f->daemon.interface_n == 0)
		r = conf_fail_at(e, NULL, NULL, "interfaces", "missing; at least one has to be given");
	for (size_t i = 0; r == 0 && i < f->association_n; i++)
		r = take_association(path, &f->associations[i], e);
	if (r == 0)
		r = check_spis(f, e);
	for (size_t i = 0; r == 0 && i < c->user_n; i++)
		r = check_user(c, &c->users[i], e);
	if (r == 0)
		r = check_unique(c, e);
	if (r == 0)
		r = take_aaa(path, f, e);
	if (!f->daemon.instance[0])
		memcpy(f->daemon.instance, "ha", sizeof("ha"));
	if (r < 0 || f->association_n == 0)
		return r;
	c->associations = calloc(f->association_n, sizeof(c->associations[0]));
	if (!c->associations)
		return -ENOMEM;
	for (size_t i = 0; i < f->association_n; i++)
		c->associations[i] = f->associations[i].a; /* texts stay with the file's own array */
	c->association_n = f->association_n;
	return 0;
}

int ha_file_load(const char *path, struct ha_file *ret, struct conf_error *ret_error)
{
	struct ha_file f = { 0 };
	int r = conf_load(&ha_schema, path, &f, ret_error);

	if (r == 0)
		*ret = f;
	return r;
}

void ha_file_done(struct ha_file *f)
{
	for (size_t i = 0; i < f->association_n; i++) {
		sa_wipe(&f->associations[i].a.sa);
		key_source_wipe(&f->associations[i].source);
	}
	for (size_t i = 0; i < f->ha.association_n; i++)
		sa_wipe(&f->ha.associations[i].sa);
	free(f->ha.associations);
	f->ha.associations = NULL;
	f->ha.association_n = 0;
	aaa_done(&f->aaa, &f->ha.aaa.servers, &f->ha.aaa.server_n);
	conf_free(&ha_schema, f);
}
