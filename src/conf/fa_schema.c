/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "conf/daemon_conf.h"

static const char *const scope_names[FA_SCOPE_COUNT] = { "mobile-node", "home-agent" };
static const char *const reverse_names[FA_REVERSE_TUNNEL_COUNT] = { "offered", "required", "off" };
static const char *const udp_names[FA_UDP_COUNT] = { "off", "offer", "force" };

#define TOP(member) offsetof(struct fa_file, member)
#define ACCESS(member) offsetof(struct fa_access, member)
#define ASSOC(member) offsetof(struct fa_association_file, member)
#define NAMES(a) .names = (a), .name_n = ARRAY_SIZE(a)

/* clang-format off */
static const struct conf_key top_keys[] = {
	DAEMON_KEYS(fa_file),
	{ .name = "care-of", .kind = KEY_ADDRESS, .offset = TOP(fa.care_of),
	  .help = "Care-of address offered to mobile nodes: our end of the tunnels." },
	{ .name = "advertise", .kind = KEY_U16, .offset = TOP(fa.advertise_s), .min = 3, .max = 1800, .fallback = "10",
	  .help = "Longest time between two advertisements, in seconds; they hold thrice that." },
	{ .name = "solicited-rate", .kind = KEY_U16, .offset = TOP(fa.solicited_rate), .min = 1, .max = 1000,
	  .fallback = "10", .help = "Solicitations answered per second on each link." },
	{ .name = "max-lifetime", .kind = KEY_U16, .offset = TOP(fa.max_lifetime_s), .min = 10, .max = 65535,
	  .fallback = "1800", .help = "Longest registration, in seconds; 65535: without an end." },
	{ .name = "reply-timeout", .kind = KEY_U16, .offset = TOP(fa.reply_timeout_s), .min = 1, .max = 60,
	  .fallback = "7", .help = "How long a home agent is waited for, in seconds; then the mobile node hears 78." },
	{ .name = "mobile-node-authentication", .kind = KEY_BOOL, .offset = TOP(fa.mn_authentication), .fallback = "no",
	  .help = "Serve only mobile nodes that share an association with us (else 67)." },
	{ .name = "home-agent-authentication", .kind = KEY_BOOL, .offset = TOP(fa.ha_authentication), .fallback = "no",
	  .help = "Serve only mobile nodes whose home agent shares an association with us (else 65)." },
	{ .name = "revocation", .kind = KEY_BOOL, .offset = TOP(fa.revocation), .fallback = "yes",
	  .help = "Let home agents that share an association with us end visits, and tell them of those we end (RFC 3543)." },
	{ .name = "revoke-at-exit", .kind = KEY_BOOL, .offset = TOP(fa.revoke_at_exit), .fallback = "no",
	  .help = "Stopping the agent ends all visits: where it will not be started again soon. Else they go on meanwhile." },
	{ .name = "reverse-tunnel", .kind = KEY_ENUM, .offset = TOP(fa.reverse_tunnel), NAMES(reverse_names),
	  .fallback = "offered", .help = "Whether packets of visitors go home by the tunnel too (RFC 3024)." },
	{ .name = "udp-tunnel", .kind = KEY_ENUM, .offset = TOP(fa.udp), NAMES(udp_names), .fallback = "off",
	  .help = "Ask home agents for tunnels in UDP, which pass a NAT in front of us (RFC 3519); force: in any case." },
	{ .name = "max-visitors", .kind = KEY_U32, .offset = TOP(fa.max_visitors), .min = 1, .max = 1000000,
	  .fallback = "4096", .help = "Visitors at a time; then we advertise that we are busy." },
	{ .name = "max-pending", .kind = KEY_U16, .offset = TOP(fa.max_pending), .min = 1, .max = 65535,
	  .fallback = "1024", .help = "Registrations under way." },
	{ .name = "max-pending-per-node", .kind = KEY_U16, .offset = TOP(fa.max_pending_per_mac), .min = 1, .max = 100,
	  .fallback = "5", .help = "The same for one mobile node." },
};

static const struct conf_key access_keys[] = {
	{ .name = "registration-required", .kind = KEY_BOOL, .offset = ACCESS(registration_required), .fallback = "no",
	  .help = "Mobile nodes with an address of their own are to register through us as well (R); best with a key "
		  "for their home agent." },
};

static const struct conf_key association_keys[] = {
	{ .name = "scope", .kind = KEY_ENUM, .offset = ASSOC(a.scope), NAMES(scope_names), .fallback = "home-agent",
	  .help = "With whom it is shared." },
	{ .name = "home-agent", .kind = KEY_ADDRESS, .offset = ASSOC(a.home_agent), .optional = true,
	  .help = "The home agent, with that scope." },
	{ .name = "nai", .kind = KEY_STRING, .offset = ASSOC(a.nai), .optional = true, .help = "The mobile node's user." },
	{ .name = "home-address", .kind = KEY_ADDRESS, .offset = ASSOC(a.home), .optional = true,
	  .help = "The mobile node, when it registers without an NAI." },
	ASSOCIATION_KEYS(fa_association_file),
};

static const struct conf_section sections[] = {
	{ .keys = top_keys, .key_n = ARRAY_SIZE(top_keys), .help = "The agent itself." },
	{ .name = "access", .title = "INTERFACE", .title_kind = KEY_TEXT, .title_offset = ACCESS(interface), .title_max = 16,
	  .size = sizeof(struct fa_access), .array_offset = TOP(fa.accesses), .keys = access_keys,
	  .key_n = ARRAY_SIZE(access_keys), .most = INTERFACES_MAX, .help = "A link where mobile nodes arrive; its first address is their router." },
	{ .name = "association", .title = "NAME", .title_kind = KEY_TEXT, .title_offset = ASSOC(a.name), .title_max = 32,
	  .size = sizeof(struct fa_association_file), .array_offset = TOP(associations), .keys = association_keys,
	  .key_n = ARRAY_SIZE(association_keys), .help = "A mobility security association." },
};
/* clang-format on */

static int take_association(const char *path, struct fa_file *f, size_t i, struct conf_error *e)
{
	struct fa_association_file *a = &f->associations[i];
	bool whole = a->a.scope == FA_SCOPE_HA ? a->a.home_agent.s_addr != INADDR_ANY :
						 a->a.nai || a->a.home.s_addr != INADDR_ANY;

	if (!whole)
		return conf_fail_at(e, "association", a->a.name, a->a.scope == FA_SCOPE_HA ? "home-agent" : "nai",
				    "missing; scope %s needs it", scope_names[a->a.scope]);
	a->a.sa.replay = REPLAY_TIMESTAMP; /* not used: home agents see to replays */
	return association_key_load(path, a->a.name, &a->source, &a->a.sa, e);
}

/* One that is never looked at may have the key that is meant. */
static int check_unique(const struct fa_file *f, struct conf_error *e)
{
	for (size_t i = 0; i < f->association_n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct fa_association *a = &f->associations[k].a, *b = &f->associations[i].a;

			if (a->scope == FA_SCOPE_HA && b->scope == FA_SCOPE_HA &&
			    a->home_agent.s_addr == b->home_agent.s_addr)
				return conf_fail_at(e, "association", b->name, "home-agent",
						    "association '%s' has the same; allowed: one of them", a->name);
		}
	return 0;
}

static int check_whole(const struct fa_file *f, struct conf_error *e)
{
	bool shared_with[FA_SCOPE_COUNT] = { false };

	if (f->daemon.interface_n == 0)
		return conf_fail_at(e, NULL, NULL, "interfaces", "missing; at least one has to be given");
	if (f->fa.access_n == 0)
		return conf_fail_at(e, NULL, NULL, "access", "missing; at least one has to be given");
	for (size_t i = 0; i < f->association_n; i++)
		shared_with[f->associations[i].a.scope] = true;
	/* Else nobody could ever register. */
	if (f->fa.ha_authentication && !shared_with[FA_SCOPE_HA])
		return conf_fail_at(e, NULL, NULL, "home-agent-authentication",
				    "allowed: no, without an association of scope home-agent");
	if (f->fa.mn_authentication && !shared_with[FA_SCOPE_MN])
		return conf_fail_at(e, NULL, NULL, "mobile-node-authentication",
				    "allowed: no, without an association of scope mobile-node");
	return check_unique(f, e);
}

static int complete(const char *path, void *conf, struct conf_error *e)
{
	struct fa_file *f = conf;
	int r = check_whole(f, e);

	for (size_t i = 0; r == 0 && i < f->association_n; i++)
		r = take_association(path, f, i, e);
	if (r < 0)
		return r;
	f->fa.associations = calloc(f->association_n + 1, sizeof(f->fa.associations[0]));
	if (!f->fa.associations)
		return -ENOMEM;
	for (; f->fa.association_n < f->association_n; f->fa.association_n++)
		f->fa.associations[f->fa.association_n] =
			f->associations[f->fa.association_n].a; /* texts stay theirs */
	if (!f->daemon.instance[0])
		memcpy(f->daemon.instance, "fa", sizeof("fa"));
	return 0;
}

static void release(void *conf)
{
	fa_file_done(conf);
}

const struct conf_schema fa_schema = {
	.sections = sections, .section_n = ARRAY_SIZE(sections), .complete = complete, .release = release
};

int fa_file_load(const char *path, struct fa_file *ret, struct conf_error *ret_error)
{
	struct fa_file f = { 0 };
	int r = conf_load(&fa_schema, path, &f, ret_error);

	if (r == 0)
		*ret = f;
	return r;
}

void fa_file_done(struct fa_file *f)
{
	for (size_t i = 0; i < f->association_n; i++) {
		sa_wipe(&f->associations[i].a.sa);
		key_source_wipe(&f->associations[i].source);
	}
	for (size_t i = 0; i < f->fa.association_n; i++)
		sa_wipe(&f->fa.associations[i].sa);
	freep(&f->fa.associations);
	conf_free(&fa_schema, f);
}
