/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode: where the host is, and how its packets go. Both follow from facts, in whatever order they came;
 * client_decide() is the only place that changes them. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/util.h"
#include "roles/mn/client/client.h"

const char *const client_state_names[CLIENT_STATE_COUNT] = {
	[CLIENT_NOWHERE] = "nowhere", [CLIENT_DECIDING] = "deciding", [CLIENT_CONNECTING] = "connecting",
	[CLIENT_BINDING] = "binding", [CLIENT_OUTSIDE] = "outside",   [CLIENT_INSIDE_C] = "inside",
	[CLIENT_INSIDE_F] = "agent",  [CLIENT_HOME] = "home",
};

enum fact { NO, YES, ANY };

/* The first row that fits. `bound`: the home agent has what the row stands for. */
static const struct row {
	enum fact usable, inside, undecided, carrying, bound;
	enum client_state next;
	const char *reason;
} rows[] = {
	{ NO, ANY, ANY, ANY, ANY, CLIENT_NOWHERE, "no link has an address" },
	{ YES, YES, ANY, ANY, ANY, CLIENT_INSIDE_C, NULL }, /* B-34; or INSIDE_F, HOME: as it is bound */
	{ YES, NO, YES, ANY, ANY, CLIENT_DECIDING, "the home agent is asked in clear" },
	{ YES, NO, NO, NO, ANY, CLIENT_CONNECTING,
	  "no link is proven to be inside, and no gateway has answered from here" },
	{ YES, NO, NO, YES, YES, CLIENT_OUTSIDE, "mode mc, through the VPN" },   /* B-33 */
	{ YES, NO, NO, YES, NO, CLIENT_BINDING, "registering through the VPN" }, /* B-46 */
};

static bool fits(enum fact wanted, bool is)
{
	return wanted == ANY || (wanted == YES) == is;
}

/* What the home agent has instead may prove to be right yet; until no answer can come, that is. */
static bool is_bound_outside(const struct client *c, struct instant now)
{
	const struct bound *b = &c->bound;

	return b->here && b->what == ASK_VPN && b->care_of.s_addr == c->vpn.care_of.s_addr &&
	       b->connection == c->vpn_connection && b->expires_us > now.us && (!b->revoked || ways_are_asked(c));
}

static enum client_state inside_state(const struct bound *b)
{
	switch (b->what) {
	case ASK_AGENT:
		return CLIENT_INSIDE_F;
	case ASK_HOME:
		return CLIENT_HOME;
	case ASK_CO_LOCATED:
	case ASK_VPN:
		break;
	}
	return CLIENT_INSIDE_C;
}

/* An IKE_SA that was here before we moved is no answer of its gateway (B-33). It may never come: from inside, the gateway
 * need not be reachable, and whether we are inside is still to be asked then. */
static bool is_heard(const struct mn *mn)
{
	const struct mn_session *s = sessions_carrying(mn);

	return s && links_have(mn, s->local);
}

static const struct row *row_of(const struct mn *mn, struct instant now)
{
	struct client *c = mn->client;
	bool usable = links_are_usable(mn), inside = ways_inside(c) && c->bound.here, undecided = ways_undecided(c);
	bool carrying = is_heard(mn), bound = is_bound_outside(c, now);
	const struct row *r = rows;

	while (!fits(r->usable, usable) || !fits(r->inside, inside) || !fits(r->undecided, undecided) ||
	       !fits(r->carrying, carrying) || !fits(r->bound, bound))
		r++; /* together the rows cover everything */
	return r;
}

/* A path in clear ends with what proves it, should nobody be there to say so. */
static struct dp_path path_of(const struct mn *mn)
{
	const struct bound *b = &mn->client->bound;
	const struct way *inside = ways_inside(mn->client);
	struct dp_path p = { .home = mn->home, .how = PATH_BLOCKED };

	if (mn->client->state != CLIENT_OUTSIDE && !inside)
		return p; /* while links are being listed, states wait: proof does not */
	if (inside && ways_proven_until_us(mn, inside) != NEVER)
		p.until_us = ways_proven_until_us(mn, inside);
	switch (mn->client->state) {
	case CLIENT_NOWHERE:
	case CLIENT_DECIDING:
	case CLIENT_CONNECTING:
	case CLIENT_BINDING:
		break; /* B-36, B-46 */
	case CLIENT_OUTSIDE:
		p.how = PATH_TUNNEL;
		p.tunnel = b->tunnel;
		p.vpn = true; /* B-18, B-21 */
		break;
	case CLIENT_INSIDE_C: /* B-06, B-19, B-40, B-45 */
		p.how = PATH_TUNNEL;
		p.tunnel = b->tunnel;
		p.ifindex = b->ifindex;
		break;
	case CLIENT_INSIDE_F:
		memcpy(p.mac, b->agent_mac, sizeof(p.mac));
		p.how = PATH_NEIGHBOUR;
		p.ifindex = b->ifindex;
		break;
	case CLIENT_HOME:
		p.how = PATH_NEIGHBOUR;
		p.ifindex = b->ifindex;
		break;
	case CLIENT_STATE_COUNT:
		break;
	}
	return p;
}

static bool same_path(const struct dp_path *a, const struct dp_path *b)
{
	return a->home.s_addr == b->home.s_addr && a->how == b->how && a->vpn == b->vpn && a->ifindex == b->ifindex &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->until_us == b->until_us &&
	       tunnel_equal(&a->tunnel, &b->tunnel);
}

static void set_path(struct mn *mn, struct actions *out)
{
	struct dp_path p = path_of(mn);
	struct client *c = mn->client;
	struct in_addr former = c->path.home;

	if (mn->home.s_addr == INADDR_ANY || (c->path_set && same_path(&p, &c->path)))
		return;
	c->path_set = true;
	c->path = p;
	actions_path_set(out, &p);
	if (former.s_addr != INADDR_ANY && former.s_addr != mn->home.s_addr)
		actions_home_del(out, former); /* now that what is not bound to it begins with another one */
}

/* What opening.c goes by: whether a VPN is wanted, and whether it is there. Inside, one that is kept spares the time to set
 * it up later; that it cannot be reached from there is no error (B-38, B-42). */
static enum mn_state as_for_vpn(const struct mn *mn)
{
	switch (mn->client->state) {
	case CLIENT_NOWHERE:
		return MN_NOWHERE;
	case CLIENT_INSIDE_C:
	case CLIENT_INSIDE_F:
	case CLIENT_HOME:
		return MN_INSIDE;
	case CLIENT_DECIDING:
	case CLIENT_CONNECTING:
	case CLIENT_BINDING:
	case CLIENT_OUTSIDE:
	case CLIENT_STATE_COUNT:
		break;
	}
	return sessions_carrying(mn) ? MN_OUTSIDE : MN_CONNECTING;
}

/* An attempt under way goes on: from here it may succeed as well (B-42). If not, it has to be ended when it is over, or when
 * we leave: what charon goes on with would swallow the next one. */
static void on_inside(struct mn *mn, struct instant now, struct actions *out)
{
	MN_COUNT(mn, crossed_inside);
	if (!mn->conf->keep_ike && mn->opening.in_flight)
		sessions_close(mn, now, mn->opening.at, out);
	if (!mn->conf->keep_ike)
		sessions_close_all(mn, now, out); /* B-41 */
	if (!mn->conf->keep_ike || !mn->opening.in_flight)
		opening_stop(mn);
	opening_forgive(mn);
}

static void on_outside(struct mn *mn)
{
	MN_COUNT(mn, crossed_outside);
	opening_forgive(mn); /* what failed inside says nothing here */
	if (!opening_is_under_way(mn))
		opening_stop(mn);
}

/* Its gateway may be dead, or know it no more: an IKE_SA that does not get here is given up like one that does not come up. */
static void await_move(struct mn *mn, struct instant now)
{
	if (mn->client->state != CLIENT_CONNECTING || !sessions_carrying(mn))
		mn->due[MN_TIMER_CLOSE] = NEVER;
	else if (mn->due[MN_TIMER_CLOSE] == NEVER)
		mn->due[MN_TIMER_CLOSE] = now.us + mn->conf->open_timeout_ms * US_PER_MS;
}

static void drive_vpn(struct mn *mn, struct instant now, struct actions *out)
{
	enum mn_state old = mn->state;

	mn->state = as_for_vpn(mn);
	await_move(mn, now);
	if (mn->state != old && mn->state == MN_NOWHERE)
		opening_stop(mn);
	if (mn->state != old && mn->state == MN_INSIDE)
		on_inside(mn, now, out);
	if (mn->state != old && old == MN_INSIDE)
		on_outside(mn);
	if (mn->state == MN_CONNECTING)
		opening_start(mn, now);
}

static void say_where(struct mn *mn, const struct row *r)
{
	const struct bound *b = &mn->client->bound;
	const struct mn_link *l = links_at(mn, b->ifindex);
	char care_of[INET_ADDRSTRLEN];

	if (r->reason) {
		(void)snprintf(mn->reason, sizeof(mn->reason), "%s", r->reason); /* fits */
		return;
	}
	(void)inet_ntop(AF_INET, &b->care_of, care_of, sizeof(care_of)); /* large enough */
	if (mn->client->state == CLIENT_HOME)
		(void)snprintf(mn->reason, sizeof(mn->reason), "at home on %s", l ? l->name : "");
	else
		(void)snprintf(mn->reason, sizeof(mn->reason), "mode %s by %s, care-of address %s",
			       mn->client->state == CLIENT_INSIDE_F ? "f" : "c", l ? l->name : "", care_of);
}

static void change(struct mn *mn, struct instant now, const struct row *r, enum client_state next, struct actions *out)
{
	struct record note = { .level = RECORD_NOTICE, .event = "state", .home = mn->home };
	struct client *c = mn->client;

	note.old_state = client_state_names[c->state];
	note.new_state = client_state_names[next];
	c->state = next;
	say_where(mn, r);
	mn->since_us = now.us;
	actions_record(out, &note, mn_user(mn), "%s", mn->reason);
	if (next == CLIENT_CONNECTING)
		for (size_t i = 0; i < c->way_n; i++)
			if (!c->ways[i].x.pending && c->ways[i].x.due_us == NEVER)
				c->ways[i].x.due_us = now.us + US_PER_S; /* it may have been asked too early */
}

void client_decide(struct mn *mn, struct instant now, struct actions *out)
{
	struct client *c = mn->client;
	enum client_state next, old = c->state;
	const struct row *r;

	ways_expire(mn, now, out);
	if (mn->net_listed && !mn->net_listing) {
		agents_forget_silent(mn, now);
		ways_follow_links(mn, now, out);
		inner_follow(mn, now, out);
		r = row_of(mn, now);
		next = r->next == CLIENT_INSIDE_C ? inside_state(&c->bound) : r->next;
		if (next != c->state)
			change(mn, now, r, next, out);
		drive_vpn(mn, now, out);
		if (c->state == CLIENT_BINDING && (old != c->state || (!c->vpn.x.pending && c->vpn.x.due_us == NEVER)))
			request_start(mn, now, &c->vpn, ASK_VPN, out);
	}
	set_path(mn, out);
	mn->due[MN_TIMER_CLIENT] = ways_due(mn) < agents_due(mn) ? ways_due(mn) : agents_due(mn);
}
