/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

enum { DEFAULT_TOLERANCE_S = 7 };

static const char *const inside_names[MN_INSIDE_COUNT] = { "gateway", "address", "never" };

static const char *const mode_names[MN_MODE_COUNT] = { "proxy", "client" };
static const char *const udp_names[MN_UDP_COUNT] = { "off", "offer", "force" };
static const char *const probe_names[MN_PROBE_COUNT] = { "always", "known", "never" };

#define NAMES(a) .names = (a), .name_n = ARRAY_SIZE(a)
#define CLIENT(member) offsetof(struct mn_file, mn.client.member)
#define TOP(member) offsetof(struct mn_file, member)
#define CONNECTION(member) offsetof(struct mn_connection, member)

/* clang-format off */
static const struct conf_key top_keys[] = {
	PROGRAM_KEYS(mn_file),
	{ .name = "mode", .kind = KEY_ENUM, .offset = TOP(mn.mode), NAMES(mode_names), .fallback = "proxy",
	  .help = "proxy: the network speaks Mobile IP for this host; client: the host does so itself (RFC 5266)." },
	{ .name = "user", .kind = KEY_STRING, .offset = TOP(mn.user),
	  .help = "Whose host this is: the NAI that the network knows, for events and `holdfast explain`." },
	{ .name = "device", .kind = KEY_TEXT, .offset = TOP(mn.device), .max = 16, .fallback = "hf0",
	  .help = "Device that keeps the home address, made when it is not there." },
	{ .name = "ignore", .kind = KEY_TEXTS, .offset = TOP(mn.ignored), .fallback = "{\"ipsec*\", \"docker*\", \"virbr*\"}",
	  .help = "Network interfaces that are no way out; * at the end stands for anything." },
	{ .name = "inside", .kind = KEY_ENUM, .offset = TOP(mn.inside), .names = inside_names, .name_n = MN_INSIDE_COUNT,
	  .fallback = "gateway",
	  .help = "What proves that the host is inside, where data needs no tunnel: the gateway deletes the CHILD_SA; or an "
		  "interface with the home address is enough, for gateways that are not reachable from inside; or nothing." },
	{ .name = "guard", .kind = KEY_BOOL, .offset = TOP(mn.guard), .fallback = "yes",
	  .help = "Outside, packets from the home address go through the tunnel or nowhere (rules 229 and 230)." },
	{ .name = "mark", .kind = KEY_U32, .offset = TOP(mn.mark), .max = UINT32_MAX, .fallback = "66",
	  .help = "Mark of charon's own packets (fwmark in strongswan.conf), which the guard lets pass; 0: none." },
	{ .name = "keep-ike", .kind = KEY_BOOL, .offset = TOP(mn.keep_ike), .fallback = "yes",
	  .help = "Keep the IKE_SA inside, so that going outside takes one exchange less." },
	{ .name = "open-timeout", .kind = KEY_U16, .offset = TOP(mn.open_timeout_ms), .min = 500, .max = 60000,
	  .fallback = "7000", .help = "When a gateway that has set up no tunnel is given up, in milliseconds." },
	{ .name = "backoff", .kind = KEY_U16, .offset = TOP(mn.backoff_ms), .min = 100, .max = 60000, .fallback = "1000",
	  .help = "Pause after all gateways failed, or one closed the tunnel, in milliseconds; then it doubles." },
	{ .name = "backoff-max", .kind = KEY_U16, .offset = TOP(mn.backoff_max_s), .min = 1, .max = 3600, .fallback = "60",
	  .help = "Longest pause, in seconds." },
	{ .name = "holdoff", .kind = KEY_U16, .offset = TOP(mn.holdoff_ms), .max = 60000, .fallback = "2000",
	  .help = "With inside = address, how long after a crossing the next one inwards is waited for, in milliseconds." },
	{ .name = "home-agent", .kind = KEY_ADDRESS, .offset = CLIENT(home_agent), .optional = true,
	  .help = "Client mode, needed there: the home agent, at its address inside." },
	{ .name = "home-address", .kind = KEY_ADDRESS, .offset = CLIENT(home), .optional = true,
	  .help = "Client mode: the host's address everywhere; default: the home agent assigns one." },
	{ .name = "home-prefix", .kind = KEY_PREFIX, .offset = CLIENT(home_prefix), .optional = true,
	  .help = "Client mode: of the home link, where the host needs no registration; default: it is never there." },
	{ .name = "spi", .kind = KEY_U32, .offset = CLIENT(sa.spi), .min = SPI_MIN, .max = UINT32_MAX, .optional = true,
	  .help = "Client mode, needed there: security parameter index of the association with the home agent." },
	{ .name = "algorithm", .kind = KEY_ENUM, .offset = CLIENT(sa.alg), NAMES(mac_alg_names),
	  .fallback = "hmac-sha-256", .help = "Client mode: how registrations are authenticated." },
	{ .name = "replay", .kind = KEY_ENUM, .offset = CLIENT(sa.replay), NAMES(replay_style_names),
	  .fallback = "timestamp", .help = "Client mode: how replays are recognised (RFC 5944 5.7)." },
	{ .name = "key", .kind = KEY_STRING, .offset = TOP(source.key), .optional = true,
	  .help = "Client mode: the key, as \"hex:...\" or \"text:...\"; the file must then be readable by its owner only." },
	{ .name = "key-file", .kind = KEY_STRING, .offset = TOP(source.key_file), .optional = true,
	  .help = "Client mode: file with the key in its first line, readable by its owner only." },
	{ .name = "probe", .kind = KEY_ENUM, .offset = CLIENT(probe), NAMES(probe_names), .fallback = "always",
	  .help = "Client mode: where requests leave in clear to find out whether the host is inside. They show home agent, "
		  "home address and user to whoever listens; known: on known-networks only; never: always by the VPN." },
	{ .name = "known-networks", .kind = KEY_PREFIXES, .offset = CLIENT(known), .optional = true,
	  .help = "Client mode: networks of links that may be inside, for probe = known." },
	{ .name = "pseudonym", .kind = KEY_STRING, .offset = CLIENT(pseudonym), .optional = true,
	  .help = "Client mode: NAI that requests in clear carry in the place of the user's; the home agent has to know it." },
	{ .name = "agent-discovery", .kind = KEY_BOOL, .offset = CLIENT(agent_discovery), .fallback = "yes",
	  .help = "Client mode: ask for foreign agents on new links, while they get their address." },
	{ .name = "foreign-agents", .kind = KEY_BOOL, .offset = CLIENT(foreign_agents), .fallback = "yes",
	  .help = "Client mode: use a foreign agent where there is one, once the host is known to be inside." },
	{ .name = "udp-tunnel", .kind = KEY_ENUM, .offset = CLIENT(udp), NAMES(udp_names), .fallback = "offer",
	  .help = "Client mode: tunnels in UDP, which pass a NAT (RFC 3519); force: also where there is none." },
	{ .name = "simultaneous", .kind = KEY_BOOL, .offset = CLIENT(simultaneous), .fallback = "no",
	  .help = "Client mode: ask the home agent to send by the former way too after a move." },
	{ .name = "broadcasts", .kind = KEY_BOOL, .offset = CLIENT(broadcast), .fallback = "no",
	  .help = "Client mode: ask the home agent for broadcasts of the home link." },
	{ .name = "retransmissions", .kind = KEY_U8, .offset = CLIENT(retransmissions), .max = 20, .fallback = "2",
	  .help = "Client mode: how often a request is repeated before silence counts as an answer." },
	{ .name = "timeout", .kind = KEY_U16, .offset = CLIENT(timeout_ms), .max = 60000, .fallback = "0",
	  .help = "Client mode: when it is repeated first, in milliseconds, then doubled; 0: by measured round trips." },
	{ .name = "lifetime", .kind = KEY_U16, .offset = CLIENT(lifetime_s), .min = 10, .max = 65535, .fallback = "1800",
	  .help = "Client mode: of registrations, in seconds; 65535: without an end." },
	{ .name = "monitor", .kind = KEY_U16, .offset = CLIENT(monitor_s), .min = 5, .max = 3600, .fallback = "60",
	  .help = "Client mode: inside, how often that is proved anew, in seconds (T_MONITOR of RFC 5265)." },
	{ .name = "vpn-devices", .kind = KEY_TEXTS, .offset = TOP(vpn_devices), .fallback = "{\"ipsec*\"}",
	  .help = "Client mode: devices that packets of the VPN come out of; * at the end stands for anything. With ESP in the "
		  "kernel there is none." },
	{ .name = "pin-dir", .kind = KEY_TEXT, .offset = TOP(daemon.pin_dir), .max = 128, .fallback = "",
	  .help = "Client mode: where kernel maps are pinned, on a BPF file system, so that traffic outlives the daemon; "
		  "default: holdfast-INSTANCE below /sys/fs/bpf." },
	{ .name = "clsact", .kind = KEY_BOOL, .offset = TOP(daemon.no_tcx), .fallback = "no",
	  .help = "Client mode: attach by clsact filters even where the kernel has tcx links." },
};

static const struct conf_key connection_keys[] = {
	{ .name = "child", .kind = KEY_TEXT, .offset = CONNECTION(child), .max = 64,
	  .help = "Name of the CHILD_SA in it that carries the data." },
};

static const struct conf_section sections[] = {
	{ .keys = top_keys, .key_n = ARRAY_SIZE(top_keys), .help = "The helper itself." },
	{ .name = "connection", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = CONNECTION(name), .title_max = 64,
	  .size = sizeof(struct mn_connection), .array_offset = TOP(mn.connections), .keys = connection_keys,
	  .key_n = ARRAY_SIZE(connection_keys),
	  .help = "A connection of swanctl.conf to a VPN gateway; several are tried in their order." },
};
/* clang-format on */

/* A key of the other mode would do nothing, unnoticed. */
static int check_mode(enum mn_mode mode, struct conf_error *e)
{
	static const struct {
		enum mn_mode mode;
		const char *key;
	} only[] = {
		{ MN_MODE_PROXY, "inside" },
		{ MN_MODE_PROXY, "holdoff" },
		{ MN_MODE_CLIENT, "home-agent" },
		{ MN_MODE_CLIENT, "home-address" },
		{ MN_MODE_CLIENT, "home-prefix" },
		{ MN_MODE_CLIENT, "spi" },
		{ MN_MODE_CLIENT, "algorithm" },
		{ MN_MODE_CLIENT, "replay" },
		{ MN_MODE_CLIENT, "key" },
		{ MN_MODE_CLIENT, "key-file" },
		{ MN_MODE_CLIENT, "probe" },
		{ MN_MODE_CLIENT, "known-networks" },
		{ MN_MODE_CLIENT, "pseudonym" },
		{ MN_MODE_CLIENT, "agent-discovery" },
		{ MN_MODE_CLIENT, "foreign-agents" },
		{ MN_MODE_CLIENT, "udp-tunnel" },
		{ MN_MODE_CLIENT, "simultaneous" },
		{ MN_MODE_CLIENT, "broadcasts" },
		{ MN_MODE_CLIENT, "retransmissions" },
		{ MN_MODE_CLIENT, "timeout" },
		{ MN_MODE_CLIENT, "lifetime" },
		{ MN_MODE_CLIENT, "monitor" },
		{ MN_MODE_CLIENT, "vpn-devices" },
		{ MN_MODE_CLIENT, "pin-dir" },
		{ MN_MODE_CLIENT, "clsact" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(only); i++)
		if (only[i].mode != mode && conf_is_given(only[i].key))
			return conf_fail_at(e, NULL, NULL, only[i].key, "allowed: only with mode = %s",
					    mode_names[only[i].mode]);
	return 0;
}

/* Of another host, on a network of some kind. */
static bool is_unicast(struct in_addr a)
{
	uint32_t host = ntohl(a.s_addr);

	return host >> 24 != 0 && host >> 24 != 127 && host >> 28 < 0xe;
}

static int check_home(const struct mn_client_conf *c, struct conf_error *e)
{
	const struct prefix *p = &c->home_prefix;
	bool edge = p->len > 0 && p->len < 31 &&
		    (c->home.s_addr == p->addr.s_addr || c->home.s_addr == prefix_broadcast(p).s_addr);

	if (c->home.s_addr == INADDR_ANY)
		return 0; /* the home agent assigns one */
	if (!is_unicast(c->home) || c->home.s_addr == c->home_agent.s_addr)
		return conf_fail_at(e, NULL, NULL, "home-address", "allowed: an address of this host's own");
	if (p->len > 0 && (!prefix_contains(p, c->home) || edge))
		return conf_fail_at(e, NULL, NULL, "home-address", "allowed: an address of a host in home-prefix");
	return 0;
}

static int check_probe(const struct mn_client_conf *c, struct conf_error *e)
{
	if (c->probe == MN_PROBE_KNOWN && c->known_n == 0)
		return conf_fail_at(e, NULL, NULL, "known-networks", "missing; probe = known needs it");
	if (c->probe != MN_PROBE_KNOWN && c->known_n > 0) /* it would limit nothing */
		return conf_fail_at(e, NULL, NULL, "known-networks", "allowed: only with probe = known");
	return 0;
}

static int complete_client(const char *path, struct mn_file *f, struct conf_error *e)
{
	struct mn_client_conf *c = &f->mn.client;
	struct conf_error why = { 0 };
	int r;

	f->mn.inside = MN_INSIDE_NEVER; /* the gateway's word is no proof here */
	c->sa.tolerance_s = DEFAULT_TOLERANCE_S;
	if (c->home_agent.s_addr == INADDR_ANY)
		return conf_fail_at(e, NULL, NULL, "home-agent", "missing; mode = client needs it");
	if (!is_unicast(c->home_agent))
		return conf_fail_at(e, NULL, NULL, "home-agent", "allowed: the address of one home agent");
	if (c->sa.spi == 0)
		return conf_fail_at(e, NULL, NULL, "spi", "missing; mode = client needs it");
	if (!f->mn.guard)
		return conf_fail_at(e, NULL, NULL, "guard", "allowed: yes, with mode = client");
	r = check_home(c, e);
	if (r == 0)
		r = check_probe(c, e);
	if (r < 0)
		return r;
	if (key_load(path, &f->source, &c->sa, &why) < 0)
		return conf_fail_at(e, NULL, NULL, f->source.key_file ? "key-file" : "key", "%s", why.text);
	return 0;
}

static int complete(const char *path, void *conf, struct conf_error *e)
{
	struct mn_file *f = conf;
	int r = check_mode(f->mn.mode, e);

	if (r == 0 && f->mn.mode == MN_MODE_CLIENT)
		r = complete_client(path, f, e);
	if (r < 0)
		return r;
	if (f->mn.connection_n == 0)
		return conf_fail_at(e, NULL, NULL, "connection", "missing; at least one has to be given");
	if (!f->mn.device[0])
		return conf_fail_at(e, NULL, NULL, "device", "allowed: a name of at least one character");
	if (!f->daemon.instance[0])
		memcpy(f->daemon.instance, "mn", sizeof("mn"));
	return 0;
}

static void release(void *conf)
{
	mn_file_done(conf);
}

const struct conf_schema mn_schema = {
	.sections = sections, .section_n = ARRAY_SIZE(sections), .complete = complete, .release = release
};

int mn_file_load(const char *path, struct mn_file *ret, struct conf_error *ret_error)
{
	struct mn_file f = { 0 };
	int r = conf_load(&mn_schema, path, &f, ret_error);

	if (r == 0)
		*ret = f;
	return r;
}

void mn_file_done(struct mn_file *f)
{
	sa_wipe(&f->mn.client.sa);
	key_source_wipe(&f->source);
	conf_free(&mn_schema, f);
}
