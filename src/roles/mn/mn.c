/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry points of the mobile node: what happened is written down in the files beside, then the state is decided anew. */
#include "roles/mn/mn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "roles/mn/client/client.h"

int mn_new(const struct mn_conf *conf, const struct random *random, struct mn **ret)
{
	auto_(mn_freep) struct mn *mn = calloc(1, sizeof(*mn));

	if (!mn)
		return -ENOMEM;
	mn->conf = conf;
	mn->random = *random;
	for (size_t i = 0; i < MN_TIMER_COUNT; i++)
		mn->due[i] = NEVER;
	if (conf->mode == MN_MODE_CLIENT && client_new(mn) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(mn);
	return 0;
}

void mn_freep(struct mn **at)
{
	if (*at)
		free((*at)->client);
	freep(at);
}

struct span mn_user(const struct mn *mn)
{
	return (struct span){ (const uint8_t *)mn->conf->user, strlen(mn->conf->user) };
}

void mn_record(const struct mn *mn, struct actions *out, enum record_level level, const char *event,
	       const char *reason_fmt, ...)
{
	const struct record note = { .level = level, .event = event, .home = mn->home };
	char reason[MN_REASON_OCTETS];
	va_list ap;

	va_start(ap, reason_fmt);
	(void)vsnprintf(reason, sizeof(reason), reason_fmt, ap); /* a longer reason is cut, which is fine for people */
	va_end(ap);
	actions_record(out, &note, mn_user(mn), "%s", reason);
}

void mn_on_net(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	links_on_event(mn, now, e, out);
	mn_decide(mn, now, out);
}

void mn_on_charon(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out)
{
	sessions_on_event(mn, now, e, out);
	mn_decide(mn, now, out);
}

/* maybe we are inside. Charon asks its gateway from here, and the gateway's word counts. Once is enough: who
 * sends such packets must not keep us busy. */
void mn_on_plain(struct mn *mn, struct instant now, uint32_t ifindex, struct actions *out)
{
	const struct mn_link *l = links_at(mn, ifindex);

	if (!l || mn->client || mn->watched.s_addr == INADDR_ANY)
		return;
	MN_COUNT(mn, hints);
	mn->hinted = true;
	mn_record(mn, out, RECORD_INFO, "plain_data", "%s got plain data for the home address, which is only a hint",
		  l->name);
	links_roam(mn, now, out);
	mn_decide(mn, now, out);
}

void mn_on_datagram(struct mn *mn, struct instant now, const struct datagram *d, struct actions *out)
{
	if (!mn->client)
		return;
	if (d->payload.n > 0 && d->payload.p[0] == MIP_TYPE_REPLY)
		reply_on_datagram(mn, now, d, out);
	else if (d->payload.n > 0 && d->payload.p[0] == MIP_TYPE_REVOCATION)
		revoked_on_datagram(mn, now, d, out);
	else
		MN_COUNT(mn, discarded);
	mn_decide(mn, now, out);
}

void mn_on_frame(struct mn *mn, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	if (!mn->client)
		return;
	agents_on_frame(mn, now, ifindex, frame, out);
	mn_decide(mn, now, out);
}

static void on_proof_over(struct mn *mn, struct instant now, struct actions *out)
{
	(void)now;
	(void)out;
	mn->proof = MN_PROOF_NONE;
}

/* From inside the gateway cannot be reached, then, and the tunnel must not swallow data any longer. In client mode, it did
 * not follow us to where we are. */
static void on_close_over(struct mn *mn, struct instant now, struct actions *out)
{
	while (sessions_carrying(mn)) {
		mn->opening.at = sessions_carrying(mn)->connection;
		sessions_close(mn, now, mn->opening.at, out);
	}
	if (mn->client)
		opening_failed(mn, now, "the IKE_SA does not get through to it from here", out);
}

static void on_holdoff_over(struct mn *mn, struct instant now, struct actions *out)
{
	(void)mn;
	(void)now;
	(void)out; /* mn_decide() looks again */
}

static void on_stable(struct mn *mn, struct instant now, struct actions *out)
{
	(void)now;
	(void)out;
	opening_forgive(mn);
}

static void (*const on_timer[MN_TIMER_COUNT])(struct mn *mn, struct instant now, struct actions *out) = {
	[MN_TIMER_ROAM] = links_roam,
	[MN_TIMER_OPEN] = opening_on_time,
	[MN_TIMER_PROOF] = on_proof_over,
	[MN_TIMER_CLOSE] = on_close_over,
	[MN_TIMER_HOLDOFF] = on_holdoff_over,
	[MN_TIMER_STABLE] = on_stable,
	[MN_TIMER_RESTORE] = links_restore_home,
	[MN_TIMER_CLIENT] = client_on_time,
};

void mn_on_time(struct mn *mn, struct instant now, struct actions *out)
{
	for (size_t i = 0; i < MN_TIMER_COUNT; i++) {
		if (mn->due[i] > now.us)
			continue;
		mn->due[i] = NEVER;
		on_timer[i](mn, now, out);
	}
	mn_decide(mn, now, out);
}

uint64_t mn_due(const struct mn *mn)
{
	uint64_t due = NEVER;

	for (size_t i = 0; i < MN_TIMER_COUNT; i++)
		if (mn->due[i] < due)
			due = mn->due[i];
	return due;
}

int mn_use(struct mn *mn, struct instant now, const char *name, struct actions *out)
{
	size_t connection = sessions_connection(mn, name);
	const struct mn_session *s;

	if (connection == SIZE_MAX)
		return -ENOENT;
	if (!mn->charon_listed)
		return -ENOTCONN;
	s = sessions_of(mn, connection);
	if (s && s->children > 0 && mn->opening.at == connection)
		return -EALREADY;
	mn_record(mn, out, RECORD_NOTICE, "gateway", "%s is wanted", name);
	opening_want(mn, now, connection, out);
	return 0;
}

void mn_describe(const struct mn *mn, struct mn_view *ret)
{
	const struct mn_link *native = links_at(mn, mn->native);
	const struct mn_session *s = sessions_of(mn, mn->opening.at);

	if (!s || s->children == 0)
		s = sessions_carrying(mn) ? sessions_carrying(mn) : s;
	*ret = (struct mn_view){
		.state = mn_state_names[mn->state],
		.reason = mn->reason,
		.since_us = mn->since_us,
		.home = mn->home,
		.native = native ? native->name : "",
		.proof = mn_proof_names[mn->proof],
		.charon = mn->charon_there,
		.gateway = s ? mn->conf->connections[s->connection].name : "",
		.mode = "",
		.expires_us = NEVER,
		.retry_us = mn->opening.in_flight || mn->opening.waits_for_move ? NEVER : mn->due[MN_TIMER_OPEN],
	};
	if (mn->client)
		client_describe(mn, ret);
	if (!s)
		return;
	ret->sa = s->sa;
	ret->children = s->children;
	ret->local = s->local;
	ret->remote = s->remote;
}

void mn_each_link(const struct mn *mn, void (*fn)(void *ctx, const struct mn_link_view *v), void *ctx)
{
	for (size_t i = 0; i < mn->link_n; i++) {
		const struct mn_link *l = &mn->links[i];
		const struct mn_link_view v = {
			.name = l->name, .up = l->up, .addresses = l->addresses, .address_n = l->address_n
		};

		fn(ctx, &v);
	}
}

size_t mn_counters(const struct mn *mn, const char *const **ret_names, const uint64_t **ret_values)
{
#define MN_COUNTER_NAME(name) #name,
	static const char *const names[MN_COUNTER_COUNT] = { MN_COUNTERS(MN_COUNTER_NAME) };
#undef MN_COUNTER_NAME

	*ret_names = names;
	*ret_values = mn->counters;
	return MN_COUNTER_COUNT;
}
