/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ways to the home agent, and what is known of each. */
#include "base/util.h"
#include "roles/mn/client/client.h"

enum {
	JUST_SENT_US = 10 * US_PER_MS,
	AVOID_US = 60 * US_PER_S, /* who did not answer is let be for so long */
	PAUSE_US = 1 * US_PER_S,  /* first one after nobody answered, then doubled */
	PAUSE_MAX_US = 60 * US_PER_S,
	PAUSE_MAX_SHIFT = 6,
	MORE = 2,
};

struct way *ways_at(struct client *c, uint32_t ifindex)
{
	for (size_t i = 0; i < c->way_n; i++)
		if (c->ways[i].ifindex == ifindex)
			return &c->ways[i];
	return NULL;
}

struct way *ways_inside(struct client *c)
{
	for (size_t i = 0; i < c->way_n; i++)
		if (c->ways[i].verdict == VERDICT_INSIDE)
			return &c->ways[i];
	return NULL;
}

bool ways_undecided(const struct client *c)
{
	for (size_t i = 0; i < c->way_n; i++)
		if (c->ways[i].verdict == VERDICT_OUTSIDE)
			return false;
	return true;
}

bool ways_are_asked(const struct client *c)
{
	for (size_t i = 0; i < c->way_n; i++)
		if (c->ways[i].x.pending)
			return true;
	return false;
}

static bool link_has(const struct mn_link *l, struct in_addr a)
{
	for (size_t i = 0; l->up && i < l->address_n; i++)
		if (l->addresses[i].s_addr == a.s_addr)
			return true;
	return false;
}

/* The home address itself only where there is no other: a care-of address that is the home address is none. */
static struct in_addr care_of(const struct mn *mn, const struct mn_link *l)
{
	for (size_t i = 0; i < l->address_n; i++)
		if (l->addresses[i].s_addr != mn->home.s_addr)
			return l->addresses[i];
	return l->addresses[0];
}

/* B-50. That a network is a known one is a hint where to ask (B-35), and no answer. */
static bool may_probe(const struct mn *mn, const struct way *w)
{
	const struct mn_client_conf *c = &mn->conf->client;

	switch (c->probe) {
	case MN_PROBE_ALWAYS:
		return true;
	case MN_PROBE_KNOWN:
		return prefixes_contain(c->known, c->known_n, w->care_of);
	case MN_PROBE_NEVER:
	case MN_PROBE_COUNT:
		break;
	}
	return false;
}

static bool is_same_attachment(const struct mn_link *l, const struct way *w)
{
	return l && l->stays == w->stay && link_has(l, w->care_of);
}

static void add(struct mn *mn, const struct mn_link *l, struct actions *out)
{
	struct way *w = &mn->client->ways[mn->client->way_n++]; /* there are as many as links */

	*w = (struct way){ .ifindex = l->ifindex, .stay = l->stays, .care_of = care_of(mn, l), .x.due_us = NEVER };
	if (may_probe(mn, w))
		return;
	w->verdict = VERDICT_OUTSIDE;
	mn_record(mn, out, RECORD_INFO, "not_probed", "%s is taken for outside, as configured", l->name);
}

/* Nobody answered the requests by @w; one may have moved the binding all the same, so it is put where it belongs. */
static void bind_again(struct mn *mn, struct instant now, const struct way *w, struct actions *out)
{
	struct bound *b = &mn->client->bound;
	struct way *inside = ways_inside(mn->client);

	if (!b->here || !w->x.pending || request_last(w)->serial <= b->serial)
		return;
	if (inside)
		request_start(mn, now, inside, b->what, out);
	else
		b->here = false;
}

void ways_follow_links(struct mn *mn, struct instant now, struct actions *out)
{
	struct client *c = mn->client;

	for (size_t i = c->way_n; i > 0; i--) {
		struct way *w = &c->ways[i - 1];

		if (is_same_attachment(links_at(mn, w->ifindex), w))
			continue;
		if (c->bound.ifindex == w->ifindex)
			c->bound.here = false;
		bind_again(mn, now, w, out);
		agents_forget_link(mn, w->ifindex);
		*w = c->ways[--c->way_n];
	}
	for (size_t i = 0; i < mn->link_n; i++)
		if (mn->links[i].up && mn->links[i].address_n > 0 && !ways_at(c, mn->links[i].ifindex))
			add(mn, &mn->links[i], out);
}

static uint64_t metric(const struct mn *mn, const struct way *w)
{
	const struct mn_link *l = links_at(mn, w->ifindex);

	return l ? links_metric(mn, l) : ANY_METRIC;
}

bool ways_is_better(const struct mn *mn, const struct way *a, const struct way *b)
{
	return metric(mn, a) < metric(mn, b);
}

void ways_prefer(struct mn *mn, struct way *w)
{
	struct client *c = mn->client;

	for (size_t i = 0; i < c->way_n; i++)
		if (&c->ways[i] != w && !ways_is_better(mn, &c->ways[i], w))
			request_cancel(&c->ways[i]);
	request_cancel(&c->vpn);
}

static enum ask first_ask(const struct mn *mn, const struct way *w)
{
	return w->care_of.s_addr == mn->home.s_addr ? ASK_HOME : ASK_CO_LOCATED;
}

static bool was_just_asked(const struct mn *mn, const struct way *w, struct instant now)
{
	return w->x.pending && w->asked_metric == metric(mn, w) &&
	       w->x.sent[(w->x.sent_n - 1) % SENT_MAX].at_us + JUST_SENT_US > now.us;
}

static void probe(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	const struct way *inside = ways_inside(mn->client);

	if (w == inside || !may_probe(mn, w) || was_just_asked(mn, w, now))
		return;
	/* Every request that is accepted moves the binding: by a worse link, it would leave the better one. */
	if (inside && !ways_is_better(mn, w, inside))
		return;
	w->x.rounds = 0;
	w->more = MORE;
	w->asked_metric = metric(mn, w);
	request_start(mn, now, w, first_ask(mn, w), out);
}

/* The worst first: the home agent keeps the last one, which is the best then. */
void ways_probe(struct mn *mn, struct instant now, struct actions *out)
{
	struct way *order[WAYS_MAX];
	size_t n = mn->client->way_n;

	for (size_t i = 0; i < n; i++) {
		struct way *w = &mn->client->ways[i];
		size_t at = i;

		for (; at > 0 && metric(mn, order[at - 1]) < metric(mn, w); at--)
			order[at] = order[at - 1];
		order[at] = w;
	}
	for (size_t i = 0; i < n; i++)
		probe(mn, now, order[i], out);
}

void ways_improve(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	const struct prefix *home = &mn->conf->client.home_prefix;

	if (w->x.pending || w->verdict != VERDICT_INSIDE || mn->client->bound.what != ASK_CO_LOCATED)
		return;
	if (home->len > 0 && prefix_contains(home, w->care_of)) {
		if (now.us >= w->home_from_us)
			request_start(mn, now, w, ASK_HOME, out);
	} else if (agents_best(mn, now, w->ifindex)) {
		request_start(mn, now, w, ASK_AGENT, out); /* B-15, B-20 */
	}
}

void ways_doubt(struct mn *mn, struct instant now, struct way *w, const char *why, struct actions *out)
{
	const struct mn_link *l = links_at(mn, w->ifindex);

	mn_record(mn, out, RECORD_WARN, "proof_over", "%s is not proven to be inside any more: %s", l ? l->name : "",
		  why);
	w->verdict = VERDICT_UNKNOWN;
	mn->client->bound.here = false;
	request_cancel(w);
	ways_probe(mn, now, out);
}

static uint64_t pause_us(const struct way *w)
{
	unsigned shift = w->x.rounds < PAUSE_MAX_SHIFT ? w->x.rounds : PAUSE_MAX_SHIFT;
	uint64_t us = PAUSE_US << shift;

	return us < PAUSE_MAX_US ? us : PAUSE_MAX_US;
}

/* B-33: the timer decides. It is tried again a little later, and where there is no VPN either, on and on. */
static void decide_outside(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	const struct mn_link *l = links_at(mn, w->ifindex);

	mn_record(mn, out, RECORD_INFO, "silence", "the home agent does not answer requests by %s", l ? l->name : "");
	MN_COUNT(mn, decided_outside);
	request_fall_back(mn);
	if (ways_inside(mn->client)) /* not outside: MOBIKE alone tells of moves there (B-09) */
		bind_again(mn, now, w, out);
	w->verdict = VERDICT_OUTSIDE;
	request_cancel(w);
	w->x.due_us = now.us + pause_us(w);
	w->x.rounds++;
}

static void avoid_agent(struct mn *mn, struct instant now, const struct way *w)
{
	struct agent *a = agents_find(mn->client, w->ifindex, request_last(w)->to);

	if (a)
		a->use_from_us = now.us + AVOID_US;
}

static void on_silence(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	if (w->ifindex == 0) {
		request_fall_back(mn);
		request_again(mn, now, w, out);
	} else if (w->verdict != VERDICT_INSIDE) {
		decide_outside(mn, now, w, out);
	} else if (w->x.what == ASK_AGENT) {
		avoid_agent(mn, now, w);
		request_start(mn, now, w, ASK_CO_LOCATED, out);
	} else if (w->x.what == ASK_HOME && mn->client->bound.what != ASK_HOME) {
		w->home_from_us = now.us + AVOID_US;
		request_start(mn, now, w, ASK_CO_LOCATED, out); /* it may have been heard */
	} else {
		request_again(mn, now, w, out); /* as long as the proof holds */
	}
}

static bool is_to_be_asked_more(const struct mn *mn, const struct way *w)
{
	return w->ifindex != 0 && may_probe(mn, w) && !ways_inside(mn->client) &&
	       (w->more > 0 || mn->client->state == CLIENT_CONNECTING);
}

static void ask_more(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	if (w->more > 0)
		w->more--;
	request_start(mn, now, w, first_ask(mn, w), out);
}

static void on_due(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	const struct client *c = mn->client;
	bool alone = w->x.what == ASK_AGENT && !agents_best(mn, now, w->ifindex);

	if (w->x.pending && alone)
		request_start(mn, now, w, ASK_CO_LOCATED, out);
	else if (w->x.pending && request_is_silent(mn, w))
		on_silence(mn, now, w, out);
	else if (w->x.pending)
		request_again(mn, now, w, out);
	else if (w->ifindex == 0 && (c->state == CLIENT_OUTSIDE || c->state == CLIENT_BINDING))
		request_start(mn, now, w, ASK_VPN, out);
	else if (w->verdict == VERDICT_INSIDE)
		request_start(mn, now, w, alone ? ASK_CO_LOCATED : c->bound.what, out);
	else if (is_to_be_asked_more(mn, w))
		ask_more(mn, now, w, out);
	else
		w->x.due_us = NEVER;
}

void ways_on_time(struct mn *mn, struct instant now, struct actions *out)
{
	struct client *c = mn->client;

	for (size_t i = 0; i < c->way_n; i++)
		if (c->ways[i].x.due_us <= now.us)
			on_due(mn, now, &c->ways[i], out);
	if (c->vpn.x.due_us <= now.us)
		on_due(mn, now, &c->vpn, out);
}

uint64_t ways_proven_until_us(const struct mn *mn, const struct way *w)
{
	return mn->conf->client.monitor_s == 0 ? NEVER : w->proven_us + mn->conf->client.monitor_s * US_PER_S;
}

void ways_expire(struct mn *mn, struct instant now, struct actions *out)
{
	struct client *c = mn->client;
	struct way *inside = ways_inside(c);
	bool is_bound = c->bound.here && c->bound.expires_us > now.us;

	c->bound.here = is_bound;
	if (inside && !is_bound)
		ways_doubt(mn, now, inside, "the binding expired", out);
	else if (inside && ways_proven_until_us(mn, inside) <= now.us)
		ways_doubt(mn, now, inside, "the home agent has been silent for too long", out);
}

uint64_t ways_due(const struct mn *mn)
{
	struct client *c = mn->client;
	const struct way *inside = ways_inside(c);
	uint64_t due = c->vpn.x.due_us;

	if (c->bound.here && c->bound.expires_us < due)
		due = c->bound.expires_us;
	if (inside && ways_proven_until_us(mn, inside) < due)
		due = ways_proven_until_us(mn, inside);
	for (size_t i = 0; i < c->way_n; i++)
		if (c->ways[i].x.due_us < due)
			due = c->ways[i].x.due_us;
	return due;
}
