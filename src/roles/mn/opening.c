/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing a tunnel up: which gateway, when, and what if it does not answer. */
#include "roles/mn/node.h"

/* How long an IKE_SA may take to reach its gateway by another link before it is given up; how often, at most, news of
 * links cut a pause short; and the time in which the route follows an address that came. */
enum {
	MOVE_WAIT_US = 2 * US_PER_S,
	EARLIEST_US = US_PER_S / 2,
	SETTLE_US = 5 * US_PER_MS,
	ROUNDS_MAX = 16,
	RECENT_US = 50 * US_PER_MS
};

static const char *name_at(const struct mn *mn)
{
	return mn->conf->connections[mn->opening.at].name;
}

static uint64_t pause_us(const struct mn *mn)
{
	uint64_t us = mn->conf->backoff_ms * US_PER_MS << (mn->opening.rounds - 1);
	uint64_t longest = mn->conf->backoff_max_s * US_PER_S;

	return us < longest ? us : longest;
}

void opening_pause(struct mn *mn, struct instant now)
{
	struct mn_opening *o = &mn->opening;

	if (o->rounds < ROUNDS_MAX)
		o->rounds++;
	o->tries = 0;
	o->in_flight = o->waits_for_move = false;
	mn->due[MN_TIMER_OPEN] = now.us + pause_us(mn);
}

void opening_stop(struct mn *mn)
{
	mn->opening.in_flight = mn->opening.waits_for_move = mn->opening.wanted = false;
	mn->due[MN_TIMER_OPEN] = NEVER;
}

void opening_forgive(struct mn *mn)
{
	mn->opening.tries = mn->opening.rounds = 0;
}

bool opening_is_under_way(const struct mn *mn)
{
	return mn->opening.in_flight || mn->opening.waits_for_move;
}

void opening_start(struct mn *mn, struct instant now)
{
	if (mn->charon_listed && mn->due[MN_TIMER_OPEN] == NEVER)
		mn->due[MN_TIMER_OPEN] = now.us + SETTLE_US;
}

void opening_next(struct mn *mn, struct instant now)
{
	struct mn_opening *o = &mn->opening;

	opening_stop(mn);
	o->at = (o->at + 1) % mn->conf->connection_n;
	if (++o->tries >= mn->conf->connection_n)
		opening_pause(mn, now);
	else
		mn->due[MN_TIMER_OPEN] = now.us;
}

void opening_failed(struct mn *mn, struct instant now, const char *why, struct actions *out)
{
	MN_COUNT(mn, open_failures);
	mn_record(mn, out, RECORD_WARN, "open_failed", "%s: %s", name_at(mn), why);
	opening_next(mn, now);
}

static void open_now(struct mn *mn, struct instant now, const struct mn_session *kept, struct actions *out)
{
	const struct mn_connection *c = &mn->conf->connections[mn->opening.at];
	const struct charon_command open = { .type = CHARON_OPEN, .connection = c->name, .child = c->child };

	mn->opening.in_flight = true;
	mn->opening.waits_for_move = false;
	mn->opening.asked_us = now.us;
	mn->due[MN_TIMER_OPEN] = now.us + mn->conf->open_timeout_ms * US_PER_MS;
	if (kept) {
		MN_COUNT(mn, resumed);
		mn_record(mn, out, RECORD_NOTICE, "opening", "%s, on IKE_SA %u that was kept", c->name, kept->sa);
	} else {
		MN_COUNT(mn, opened);
		mn_record(mn, out, RECORD_NOTICE, "opening", "%s, anew", c->name);
	}
	actions_charon(out, &open);
}

/* A kept IKE_SA moves to where we are first: a CREATE_CHILD_SA that left from an address that is gone would keep
 * charon busy with repeating it, and nothing else would go. And one that leaves from the home address, by a link that is
 * to be left, is taken for a sign of being inside. */
static bool has_to_move(const struct mn *mn, const struct mn_session *kept)
{
	return !links_have(mn, kept->local) || (kept->local.s_addr == mn->home.s_addr && mn->native == 0);
}

static void attempt(struct mn *mn, struct instant now, struct actions *out)
{
	const struct mn_session *kept = sessions_of(mn, mn->opening.at);

	/* Told twice of one change, charon would begin twice to look for its gateway. */
	if (kept && mn->roamed_us + RECENT_US < now.us)
		links_roam(mn, now, out);
	if (!kept || !has_to_move(mn, kept)) {
		open_now(mn, now, kept, out);
		return;
	}
	mn->opening.waits_for_move = true;
	mn->due[MN_TIMER_OPEN] = now.us + MOVE_WAIT_US;
	mn_record(mn, out, RECORD_INFO, "moving", "IKE_SA %u of %s has to reach its gateway from here first", kept->sa,
		  name_at(mn));
}

void opening_on_time(struct mn *mn, struct instant now, struct actions *out)
{
	const struct mn_opening *o = &mn->opening;

	if (opening_is_under_way(mn)) {
		sessions_close(mn, now, o->at, out);
		opening_failed(mn, now, o->in_flight ? "no tunnel in time" : "no answer to the kept IKE_SA", out);
	} else if ((mn->state == MN_CONNECTING || o->wanted) && mn->charon_listed) {
		attempt(mn, now, out);
	}
}

static void again(struct mn *mn, struct instant now, const char *why, struct actions *out)
{
	bool wanted = mn->opening.wanted;

	mn_record(mn, out, RECORD_NOTICE, "open_again", "%s: %s", name_at(mn), why);
	sessions_close(mn, now, mn->opening.at, out);
	opening_stop(mn);
	mn->opening.wanted = wanted;
	opening_start(mn, now);
}

void opening_want(struct mn *mn, struct instant now, size_t connection, struct actions *out)
{
	if (opening_is_under_way(mn) && mn->opening.at == connection)
		return;
	if (opening_is_under_way(mn))
		sessions_close(mn, now, mn->opening.at, out);
	opening_stop(mn);
	opening_forgive(mn);
	mn->opening.at = connection;
	if (mn->state == MN_NOWHERE || mn->state == MN_INSIDE)
		return; /* next time, then */
	mn->opening.wanted = true;
	attempt(mn, now, out);
}

void opening_on_lost(struct mn *mn, struct instant now, struct in_addr a, struct actions *out)
{
	const struct mn_session *s = sessions_of(mn, mn->opening.at);

	if (mn->opening.in_flight && (!s || s->local.s_addr == a.s_addr))
		again(mn, now, "moved before its gateway answered", out);
}

void opening_on_route(struct mn *mn, struct instant now, struct actions *out)
{
	if (mn->opening.in_flight && !sessions_of(mn, mn->opening.at))
		again(mn, now, "there is a route now", out);
}

void opening_on_links(struct mn *mn, struct instant now)
{
	uint64_t earliest = mn->opening.asked_us + EARLIEST_US;

	if (mn->opening.waits_for_move)
		mn->due[MN_TIMER_OPEN] = now.us + MOVE_WAIT_US;
	if (opening_is_under_way(mn) || mn->due[MN_TIMER_OPEN] == NEVER || mn->proof != MN_PROOF_NONE)
		return;
	if (earliest < now.us)
		earliest = now.us;
	if (earliest < mn->due[MN_TIMER_OPEN])
		mn->due[MN_TIMER_OPEN] = earliest;
}

void opening_on_moved(struct mn *mn, struct instant now, const struct mn_session *s)
{
	if (!mn->opening.waits_for_move || s->connection != mn->opening.at)
		return;
	mn->opening.waits_for_move = false;
	mn->due[MN_TIMER_OPEN] = now.us;
}

void opening_done(struct mn *mn, struct instant now, const struct mn_session *s, struct actions *out)
{
	const char *name = mn->conf->connections[s->connection].name;

	if (mn->opening.in_flight && mn->opening.at == s->connection)
		mn_record(mn, out, RECORD_NOTICE, "tunnel_up", "%s, %.1f ms after it was asked for", name,
			  (double)(now.us - mn->opening.asked_us) / US_PER_MS);
	else
		mn_record(mn, out, RECORD_NOTICE, "tunnel_up", "%s, not on our request", name);
	opening_stop(mn);
	mn->opening.at = s->connection;
}
