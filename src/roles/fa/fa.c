/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/fa/agent.h"

enum { SECURITY_RECORDS_PER_S = 10, DENIAL_RECORDS_PER_S = 10, ICMP_ERRORS_PER_S = 100, REASON_MAX = 160 };

int fa_new(const struct fa_conf *conf, const struct random *random, struct fa **ret)
{
	auto_(fa_freep) struct fa *fa = calloc(1, sizeof(*fa));

	if (!fa)
		return -ENOMEM;
	fa->conf = conf;
	fa->random = *random;
	fa->security = ratelimit_init(SECURITY_RECORDS_PER_S);
	fa->denials_told = ratelimit_init(DENIAL_RECORDS_PER_S);
	fa->errors = ratelimit_init(ICMP_ERRORS_PER_S);
	fa->advertisers = calloc(conf->access_n + 1, sizeof(*fa->advertisers));
	fa->by_index = calloc(conf->max_visitors + (size_t)1, sizeof(struct visit *));
	if (!fa->advertisers || !fa->by_index || timers_reserve(&fa->adverts, conf->access_n) < 0)
		return -ENOMEM;
	advertise_start(fa);
	*ret = TAKE_PTR(fa);
	return 0;
}

void fa_freep(struct fa **at)
{
	struct fa *fa = *at;
	struct visit *v, *next;

	if (!fa)
		return;
	while (fa->pending)
		pending_free(fa, fa->pending);
	revoke_free(fa);
	keepalive_free(fa);
	HASH_CLEAR(by_station, fa->stations);
	HASH_ITER(by_key, fa->visits, v, next) {
		HASH_DELETE(by_key, fa->visits, v);
		free(v);
	}
	timers_done(&fa->timers);
	timers_done(&fa->lives);
	timers_done(&fa->adverts);
	timers_done(&fa->keepalives);
	timers_done(&fa->retries);
	free(fa->advertisers);
	free(fa->by_index);
	free(fa);
	*at = NULL;
}

const struct fa_access *fa_access_of(const struct fa *fa, uint32_t ifindex)
{
	for (size_t i = 0; i < fa->conf->access_n; i++)
		if (fa->conf->accesses[i].ifindex == ifindex)
			return &fa->conf->accesses[i];
	return NULL;
}

void fa_record(struct actions *out, enum record_level level, bool security, const char *event, const char *nai,
	       struct in_addr home, struct in_addr peer, const char *reason_fmt, ...)
{
	const struct record note = { .level = level, .security = security, .event = event, .home = home, .peer = peer };
	char reason[REASON_MAX];
	va_list ap;

	va_start(ap, reason_fmt);
	(void)vsnprintf(reason, sizeof(reason), reason_fmt, ap); /* a longer reason is cut, which is fine for people */
	va_end(ap);
	actions_record(out, &note, (struct span){ (const uint8_t *)nai, strlen(nai) }, "%s", reason);
}

void fa_on_frame(struct fa *fa, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	struct fa_station from = { .ifindex = ifindex };
	struct ether e;
	struct ip4 ip;

	if (ether_parse(frame.p, frame.n, &e) < 0 || (e.source[0] & 1) || e.type != ETHER_IP4 ||
	    ip4_parse(e.payload.p, e.payload.n, &ip) < 0)
		return;
	memcpy(from.mac, e.source, sizeof(from.mac));
	if (ip.protocol == IPPROTO_ICMP && agent_solicitation_parse(ip.payload.p, ip.payload.n) == 0)
		advertise_on_solicitation(fa, now, &from, ip.source, out);
	else if (ip.protocol == IPPROTO_UDP)
		request_on_frame(fa, now, &from, e.payload, out);
}

void fa_on_datagram(struct fa *fa, struct instant now, const struct datagram *d, struct actions *out)
{
	if (fa_access_of(fa, d->ifindex)) { /* a request is none: it is for fa_on_frame(), and comes here as well */
		if (d->payload.n > 0 && d->payload.p[0] != MIP_TYPE_REQUEST)
			FA_COUNT(fa, from_access);
		return;
	}
	switch (d->payload.n > 0 ? d->payload.p[0] : 0) {
	case MIP_TYPE_REPLY:
		fa_on_reply(fa, now, d, out);
		break;
	case MIP_TYPE_REVOCATION:
		revoke_on_datagram(fa, now, d, out);
		break;
	case MIP_TYPE_REVOCATION_ACK:
		revoke_on_ack(fa, d, out);
		break;
	case MIP_TYPE_TUNNEL_DATA:
		fa_on_tunnel_data(fa, d, out);
		break;
	default: /* of a peer */
		FA_COUNT(fa, discarded);
		break;
	}
}

void fa_on_time(struct fa *fa, struct instant now, struct actions *out)
{
	advertise_on_time(fa, now, out);
	request_on_time(fa, now, out);
	visit_on_time(fa, now, out);
	keepalive_on_time(fa, now, out);
	revoke_on_time(fa, now, out);
}

uint64_t fa_due(const struct fa *fa)
{
	const struct timers *all[] = { &fa->adverts, &fa->timers, &fa->lives, &fa->keepalives, &fa->retries };
	uint64_t due = NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (timers_due(all[i]) < due)
			due = timers_due(all[i]);
	return due;
}

/* Its home agent first: the mobile node may be back before that has heard. */
static void dismiss(struct fa *fa, struct instant now, struct visit *v, const char *why, struct actions *out)
{
	revoke_begin(fa, now, v, out);
	advertise_restart(fa, v, out);
	visit_end(v, why, out);
}

bool fa_stop(struct fa *fa, struct instant now, struct actions *out)
{
	struct visit *v, *next;

	if (!fa->stopping) {
		fa->stopping = true;
		advertise_end(fa, out);
	}
	HASH_ITER(by_key, fa->visits, v, next) {
		if (!actions_have_room(out, 4))
			return true;
		dismiss(fa, now, v, "the agent stops", out);
	}
	return false;
}

int fa_kick(struct fa *fa, struct instant now, const char *who, struct actions *out)
{
	struct visit *v, *next;
	struct in_addr home = { INADDR_ANY };

	(void)inet_pton(AF_INET, who, &home); /* else it is a name */
	HASH_ITER(by_key, fa->visits, v, next) {
		if (strcmp(v->nai, who) != 0 && (home.s_addr == INADDR_ANY || v->key.home.s_addr != home.s_addr))
			continue;
		dismiss(fa, now, v, "by command", out);
		return 0;
	}
	return -ENOENT;
}

void fa_each_visitor(const struct fa *fa, void (*fn)(void *ctx, const struct fa_visitor_view *v), void *ctx)
{
	const struct visit *v, *next;

	HASH_ITER(by_key, fa->visits, v, next) {
		struct fa_visitor_view view = { .nai = v->nai,
						.index = v->index,
						.ifindex = v->station.ifindex,
						.home = v->key.home,
						.home_agent = v->key.home_agent,
						.care_of = v->care_of,
						.tunnel = v->tunnel,
						.delivery = v->delivery,
						.since_us = v->since_us,
						.expires_us = v->expires_us };

		memcpy(view.mac, v->station.mac, sizeof(view.mac));
		fn(ctx, &view);
	}
}

size_t fa_counters(const struct fa *fa, const char *const **ret_names, const uint64_t **ret_values)
{
#define FA_COUNTER_NAME(name) #name,
	static const char *const names[FA_COUNTER_COUNT] = { FA_COUNTERS(FA_COUNTER_NAME) };
#undef FA_COUNTER_NAME

	*ret_names = names;
	*ret_values = fa->counters;
	return FA_COUNTER_COUNT;
}
