/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry points of the home agent role: what arrives is sorted here and handled in the files beside. */
#include "roles/ha/ha.h"

#include "base/util.h"
#include "codec/dhcp4.h"
#include "roles/ha/agent.h"

enum {
	REMEMBERED_PER_BINDING = 2,
	REMEMBERED_MIN = 1024,
	REASON_MAX = 256,
	BROADCAST_COPIES_PER_S = 10000,
	KEEPALIVES_PER_S = 100,
	ICMP_ERRORS_PER_S = 1000
};

static int pools_new(struct ha *ha)
{
	const struct ha_conf *c = ha->conf;
	int r = 0;

	ha->pools = calloc(c->network_n, sizeof(struct pool *));
	if (!ha->pools)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < c->network_n; i++) {
		const struct ha_network *n = &c->networks[i];

		r = pool_new(&n->prefix, n->gateway, n->pools, n->pool_n, c->sticky_s,
			     REMEMBERED_PER_BINDING * (size_t)c->max_bindings + c->user_n, &ha->pools[i]);
	}
	return r;
}

/* Our own address is nobody's, where it lies in a home network beside the gateway address. */
static int reserve_own(struct ha *ha)
{
	const struct ha_conf *c = ha->conf;
	const struct lease_key nobody = { .nai = { (const uint8_t *)"", 0 } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->network_n; i++)
		if (prefix_contains(&c->networks[i].prefix, c->address) &&
		    c->address.s_addr != c->networks[i].gateway.s_addr)
			r = pool_reserve(ha->pools[i], &nobody, c->address);
	return r;
}

/* Configured home addresses are nobody else's, whether their users are here or not. */
static int reserve_addresses(struct ha *ha)
{
	const struct ha_conf *c = ha->conf;
	int r = reserve_own(ha);

	for (size_t i = 0; r >= 0 && i < c->user_n; i++) {
		const struct ha_user *u = &c->users[i];
		char text[MIP_NAI_MAX];
		struct lease_key key = { .nai = { (const uint8_t *)text, strlen(u->nai) } };

		if (u->home_address.s_addr == INADDR_ANY || key.nai.n > sizeof(text))
			continue;
		directory_normalise((struct span){ (const uint8_t *)u->nai, key.nai.n }, text);
		for (size_t n = 0; n < c->network_n; n++)
			if (prefix_contains(&c->networks[n].prefix, u->home_address))
				r = pool_reserve(ha->pools[n], &key, u->home_address);
	}
	return r;
}

int ha_new(const struct ha_conf *conf, const struct random *random, struct ha **ret)
{
	auto_(ha_freep) struct ha *ha = calloc(1, sizeof(*ha));
	size_t remembered = REMEMBERED_PER_BINDING * (size_t)conf->max_bindings;
	int r;

	if (!ha)
		return -ENOMEM;
	ha->conf = conf;
	ha->random = *random;
	ha->auth_failures = ratelimit_init(conf->auth_failure_rate);
	ha->replays_told = ratelimit_init(conf->auth_failure_rate);
	ha->broadcast = ratelimit_init(BROADCAST_COPIES_PER_S);
	ha->keepalives = ratelimit_init(KEEPALIVES_PER_S);
	ha->icmp_errors = ratelimit_init(ICMP_ERRORS_PER_S);
	r = directory_new(conf, &ha->directory);
	if (r == 0)
		r = binding_table_new(conf->max_bindings, conf->network_n, &ha->bindings);
	if (r == 0)
		r = timers_reserve(&ha->expiries, conf->max_bindings);
	if (r == 0)
		r = replay_table_new(remembered > REMEMBERED_MIN ? remembered : REMEMBERED_MIN, &ha->replay);
	if (r == 0)
		r = pools_new(ha);
	if (r == 0)
		r = ha_aaa_new(ha);
	if (r == 0)
		r = reserve_addresses(ha);
	if (r == 0)
		*ret = TAKE_PTR(ha);
	return r;
}

void ha_freep(struct ha **at)
{
	struct ha *ha = *at;

	if (!ha)
		return;
	ha_aaa_free(ha);
	ha_revocations_free(ha);
	ha_announcements_free(ha);
	ha_held_free(ha);
	while (timers_pop(&ha->expiries, NEVER))
		;
	binding_table_freep(&ha->bindings);
	for (size_t i = 0; ha->pools && i < ha->conf->network_n; i++)
		pool_freep(&ha->pools[i]);
	free(ha->pools);
	replay_table_freep(&ha->replay);
	directory_freep(&ha->directory);
	timers_done(&ha->expiries);
	timers_done(&ha->retries);
	timers_done(&ha->announces);
	timers_done(&ha->holds);
	free(ha);
	*at = NULL;
}

static void refuse(struct ha *ha, struct transaction *t, int code, struct actions *out)
{
	bool authentication = code == MIP_CODE_MN_AUTH_FAILED || code == MIP_CODE_FA_AUTH_FAILED || !t->replay;
	struct record note = { .level = RECORD_WARN,
			       .security = authentication,
			       .event = "request_refused",
			       .home = t->req.home,
			       .peer = t->d->remote };
	struct reply r = { .code = (uint8_t)code, .home = t->req.home };

	if (code == DISCARD)
		HA_COUNT(ha, discarded);
	else
		HA_COUNT(ha, denied);
	/* Who can prove nothing gets few answers and few lines in the log. */
	if (authentication && !ratelimit_allow(&ha->auth_failures, t->now.us))
		return;
	/* A recorded one proves nothing either; but whose clock is wrong has to hear of it (RFC 5944 5.7). */
	if (code != MIP_CODE_ID_MISMATCH || ratelimit_allow(&ha->replays_told, t->now.us))
		actions_record(out, &note, t->nai, "%s", t->why);
	if (code != DISCARD)
		ha_reply(ha, t, &r, out);
}

static void note_request(const struct transaction *t, struct actions *out)
{
	const struct record note = {
		.level = RECORD_INFO, .event = "request_received", .home = t->req.home, .peer = t->d->remote
	};

	actions_record(out, &note, t->nai, "lifetime %u s, sequence %u%s", t->req.lifetime_s, t->sequence,
		       t->repeated ? ", repeated" : "");
}

static void count_unparsable(struct ha *ha, int error)
{
	if (error == -ENOTSUP)
		HA_COUNT(ha, unknown_extension); /* RFC 5944 1.8: silence */
	else
		HA_COUNT(ha, malformed);
}

/* RFC 5265 4.2; whoever runs the access networks (B-51). */
static bool trusted(const struct ha *ha, struct in_addr source)
{
	return ha->conf->trusted_subnet_n == 0 ||
	       prefixes_contain(ha->conf->trusted_subnets, ha->conf->trusted_subnet_n, source);
}

void ha_on_request(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out)
{
	struct transaction t = { .now = now, .d = d, .out = out };
	int code, r;

	if (!trusted(ha, d->remote)) {
		HA_COUNT(ha, untrusted_source); /* RFC 5265 4.2: silence */
		return;
	}
	r = mip_request_parse(d->payload.p, d->payload.n, &t.req);
	if (r == 0)
		r = mip_exts_parse(d->payload.p, d->payload.n, MIP_REQUEST_OCTETS, &ha->conf->sequence, &t.x);
	if (r < 0) {
		/* RFC 5944 would have 134 here; it could not be signed, and floods of it help nobody. */
		count_unparsable(ha, r);
		return;
	}
	code = ha_check(ha, &t);
	if (code == 0) {
		note_request(&t, out);
		code = ha_bind(ha, &t, out);
	}
	if (code == AAA_WAIT)
		return;
	if (code == 0)
		HA_COUNT(ha, accepted);
	else
		refuse(ha, &t, code, out);
}

void ha_on_datagram(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out)
{
	if (d->local_port == DHCP4_SERVER_PORT) {
		ha_on_dhcp(ha, d, out);
		return;
	}
	if (ha_aaa_owns_port(ha, d->local_port)) {
		ha_aaa_on_datagram(ha, now, d, out);
		return;
	}
	if (d->payload.n == 0) {
		HA_COUNT(ha, malformed);
		return;
	}
	switch (d->payload.p[0]) {
	case MIP_TYPE_REQUEST:
		HA_COUNT(ha, requests);
		ha_on_request(ha, now, d, out);
		break;
	case MIP_TYPE_REVOCATION:
		ha_on_revocation(ha, now, d, out);
		break;
	case MIP_TYPE_REVOCATION_ACK:
		ha_on_revocation_ack(ha, now, d, out);
		break;
	case MIP_TYPE_TUNNEL_DATA:
		ha_on_tunnel_data(ha, now, d, out);
		break;
	case MIP_TYPE_REPLY:
		HA_COUNT(ha, replies_unexpected);
		break;
	default:
		HA_COUNT(ha, unknown_type);
		break;
	}
}

void ha_on_first_packet(struct ha *ha, struct instant now, uint32_t index, bool up, struct actions *out)
{
	const struct binding *b = binding_by_index(ha->bindings, index);
	struct record note = { .level = RECORD_INFO, .event = up ? "first_packet_up" : "first_packet_down" };

	if (!b)
		return;
	note.home = b->home;
	note.peer = b->care_of;
	actions_record(out, &note, b->nai, "%.1f ms after the tunnel was set",
		       (double)(now.us - b->since_us) / (double)US_PER_MS);
}

void ha_on_time(struct ha *ha, struct instant now, struct actions *out)
{
	ha_expire(ha, now, out);
	ha_revoke_retry(ha, now, out);
	ha_home_link_announce(ha, now, out);
	ha_held_expire(ha, now, out);
	ha_aaa_on_time(ha, now, out);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t ha_due(const struct ha *ha)
{
	uint64_t due_us = earlier(earlier(timers_due(&ha->expiries), timers_due(&ha->retries)),
				  earlier(timers_due(&ha->announces), timers_due(&ha->holds)));

	return earlier(due_us, ha_aaa_due(ha));
}

int ha_kick(struct ha *ha, struct instant now, const char *nai, struct actions *out)
{
	char text[MIP_NAI_MAX];
	struct span key = { (const uint8_t *)text, strlen(nai) };
	struct binding *b;

	if (key.n == 0 || key.n > sizeof(text))
		return -ENOENT;
	directory_normalise((struct span){ (const uint8_t *)nai, key.n }, text);
	b = binding_find_nai(ha->bindings, key);
	if (!b)
		return -ENOENT;
	for (struct binding *next; b; b = next) {
		next = b->sibling;
		HA_COUNT(ha, kicked);
		ha_revoke(ha, now, b, true, out);
		ha_copies_revoke(ha, now, b, NULL, out);
		ha_binding_end(ha, now, b, "binding_removed", "kicked by the operator", out);
	}
	return 0;
}

static void view(const struct ha *ha, const struct binding *b, void (*fn)(void *ctx, const struct ha_binding_view *v),
		 void *ctx)
{
	char nai[MIP_NAI_MAX + 1];
	const struct ha_binding_view v = {
		.nai = nai,
		.network = ha->conf->networks[b->network].name,
		.index = b->index,
		.sequence = b->sequence,
		.tunnel = b->tunnel,
		.home = b->home,
		.care_of = b->care_of,
		.since_us = b->since_us,
		.expires_us = b->expires_us,
		.access_tech = b->access_tech,
		.proxy = b->proxy,
		.reverse_tunnel = b->reverse_tunnel,
		.revocation = b->revocation,
		.association = b->association,
		.copies = b->copies,
		.copy_n = b->copy_n,
	};

	memcpy(nai, b->nai.p, b->nai.n);
	nai[b->nai.n] = '\0';
	fn(ctx, &v);
}

void ha_each_binding(const struct ha *ha, void (*fn)(void *ctx, const struct ha_binding_view *v), void *ctx)
{
	for (size_t i = 0; i < ha->conf->network_n; i++)
		for (const struct binding *b = binding_first(ha->bindings, i); b; b = b->next)
			view(ha, b, fn, ctx);
}

size_t ha_counters(const struct ha *ha, const char *const **ret_names, const uint64_t **ret_values)
{
#define HA_COUNTER_NAME(name) #name,
	static const char *const names[HA_COUNTER_COUNT] = { HA_COUNTERS(HA_COUNTER_NAME) };
#undef HA_COUNTER_NAME

	*ret_names = names;
	*ret_values = ha->counters;
	return HA_COUNTER_COUNT;
}
