/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IKE_SAs of the configured connections, and what charon tells of them. */
#include <string.h>

#include "base/util.h"
#include "roles/mn/client/client.h"

/* The gateway closed the tunnel: how long the link's address may still take to come (DHCP), how long a gateway may take to
 * confirm that we closed it, and charon to say that it ended what we told it to. */
enum {
	PROOF_WAIT_US = 1 * US_PER_S,
	CLOSE_WAIT_US = 1 * US_PER_S,
	FAREWELL_US = 1 * US_PER_S,
	STABLE_US = 10 * US_PER_S
};

size_t sessions_connection(const struct mn *mn, const char *name)
{
	for (size_t i = 0; i < mn->conf->connection_n; i++)
		if (strcmp(mn->conf->connections[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

static struct mn_session *session_at(struct mn *mn, uint32_t sa)
{
	for (size_t i = 0; i < mn->session_n; i++)
		if (mn->sessions[i].sa == sa)
			return &mn->sessions[i];
	return NULL;
}

const struct mn_session *sessions_of(const struct mn *mn, size_t connection)
{
	for (size_t i = mn->session_n; i > 0; i--) /* the youngest */
		if (mn->sessions[i - 1].connection == connection)
			return &mn->sessions[i - 1];
	return NULL;
}

const struct mn_session *sessions_carrying(const struct mn *mn)
{
	for (size_t i = mn->session_n; i > 0; i--)
		if (mn->sessions[i - 1].children > 0)
			return &mn->sessions[i - 1];
	return NULL;
}

static const char *name_of(const struct mn *mn, const struct mn_session *s)
{
	return mn->conf->connections[s->connection].name;
}

/* NULL: none of our business, or too many. */
static struct mn_session *learn(struct mn *mn, const struct charon_event *e)
{
	struct mn_session *s = session_at(mn, e->sa);
	size_t connection = sessions_connection(mn, e->connection);

	if (s || connection == SIZE_MAX)
		return s;
	if (mn->session_n == MN_SESSIONS_MAX) {
		MN_COUNT(mn, sessions_full);
		return NULL;
	}
	s = &mn->sessions[mn->session_n++];
	*s = (struct mn_session){ .sa = e->sa, .connection = connection, .local = e->local, .remote = e->remote };
	return s;
}

/* In the order of their age, as sessions_of() and sessions_carrying() want it. */
static void forget(struct mn *mn, struct mn_session *s)
{
	size_t behind = (size_t)(&mn->sessions[mn->session_n] - (s + 1));

	memmove(s, s + 1, behind * sizeof(*s));
	mn->session_n--;
}

static void on_session(struct mn *mn, const struct charon_event *e)
{
	struct mn_session *s = learn(mn, e);

	if (s)
		s->children = e->children;
}

static void on_listed(struct mn *mn, struct instant now, struct actions *out)
{
	mn->charon_listed = true;
	mn_record(mn, out, RECORD_NOTICE, "charon_connected", "it has %zu IKE_SAs of ours", mn->session_n);
	/* We were started anew in the middle of it. That the IKE_SA stands without a CHILD_SA at a link with the home
	 * address is how inside looks, and the one who left it so was here before us. */
	if (mn->session_n > 0 && !sessions_carrying(mn) && mn->native != 0 && mn->conf->inside != MN_INSIDE_NEVER)
		mn->proof = MN_PROOF_FOUND;
	links_roam(mn, now, out); /* what changed meanwhile */
}

static void on_gone(struct mn *mn, struct actions *out)
{
	if (mn->charon_there)
		mn_record(mn, out, RECORD_WARN, "charon_gone", "its %zu IKE_SAs of ours are gone with it",
			  mn->session_n);
	mn->charon_there = mn->charon_listed = false;
	mn->session_n = 0;
	mn->opening.farewells = 0;
	mn->due[MN_TIMER_CLOSE] = mn->due[MN_TIMER_STABLE] = NEVER;
	opening_stop(mn);
}

/* The end of what we closed, and no news. */
static bool is_farewell(struct mn *mn, struct instant now, size_t connection)
{
	struct mn_opening *o = &mn->opening;

	if (o->farewells == 0 || o->closed != connection || now.us >= o->farewells_until_us)
		return false;
	o->farewells--;
	return true;
}

static void on_ike_down(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out)
{
	struct mn_session *s = session_at(mn, e->sa);
	size_t connection = s ? s->connection : sessions_connection(mn, e->connection);
	bool carried = s && s->children > 0;

	if (connection == SIZE_MAX)
		return;
	if (!s && is_farewell(mn, now, connection))
		return;
	if (s)
		forget(mn, s);
	if (mn->opening.at == connection && !sessions_of(mn, connection) && opening_is_under_way(mn)) {
		opening_failed(mn, now, e->by_peer ? "the gateway ended the IKE_SA" : "the IKE_SA failed", out);
		return;
	}
	mn_record(mn, out, RECORD_NOTICE, "ike_down", "IKE_SA %u of %s ended%s", e->sa,
		  mn->conf->connections[connection].name, e->by_peer ? " by its gateway" : "");
	if (!carried || sessions_carrying(mn))
		return;
	/* Its gateway is dead, or wants us no more. What lasted does not count as a failure. */
	mn->opening.at = connection;
	if (mn->due[MN_TIMER_STABLE] != NEVER)
		opening_next(mn, now);
	else
		mn->opening.at = (connection + 1) % mn->conf->connection_n;
	mn->due[MN_TIMER_STABLE] = NEVER;
}

/* Rekeying: the same under a new number. Reauthentication, make before break: the new one came up by itself before. */
static void on_ike_replaced(struct mn *mn, const struct charon_event *e)
{
	struct mn_session *old = session_at(mn, e->sa);

	if (!old)
		return;
	if (session_at(mn, e->new_sa))
		forget(mn, old);
	else
		old->sa = e->new_sa;
}

static void on_ike_moved(struct mn *mn, struct instant now, const struct charon_event *e)
{
	struct mn_session *s = session_at(mn, e->sa);

	if (!s)
		return;
	s->local = e->local;
	s->remote = e->remote;
	opening_on_moved(mn, now, s);
}

static void on_child_up(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out)
{
	struct mn_session *s = learn(mn, e);

	if (!s)
		return;
	s->children++;
	mn->proof = MN_PROOF_NONE; /* data goes through the gateway again, whoever wanted it */
	mn->due[MN_TIMER_PROOF] = NEVER;
	mn->due[MN_TIMER_STABLE] = now.us + STABLE_US;
	MN_COUNT(mn, tunnels_up);
	opening_done(mn, now, s, out);
}

static void on_child_down(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out)
{
	struct mn_session *s = session_at(mn, e->sa);

	if (!s || s->children == 0)
		return;
	s->children--;
	if (sessions_carrying(mn))
		return; /* another gateway took over, which says nothing of where we are */
	mn->due[MN_TIMER_CLOSE] = mn->due[MN_TIMER_STABLE] = NEVER;
	mn->opening.at = s->connection;
	if (!e->by_peer) {
		if (mn->conf->inside != MN_INSIDE_ADDRESS || mn->native == 0)
			opening_pause(mn, now);
		return;
	}
	MN_COUNT(mn, closed_by_peer);
	mn_record(mn, out, RECORD_NOTICE, "closed_by_gateway", "%s deleted the CHILD_SA and kept the IKE_SA",
		  name_of(mn, s));
	opening_pause(mn, now);
	if (mn->conf->inside == MN_INSIDE_NEVER)
		return;
	MN_COUNT(mn, proofs);
	mn->proof = MN_PROOF_GATEWAY; /* */
	if (mn->native == 0)
		mn->due[MN_TIMER_PROOF] = now.us + PROOF_WAIT_US;
}

/* The address is on its device before charon goes on: the CHILD_SA that comes next needs it. */
static void on_address(struct mn *mn, const struct charon_event *e, struct actions *out)
{
	struct charon_command answer = { .type = CHARON_ANSWER, .request = e->request, .sa = e->sa };
	struct in_addr old = mn->home;
	uint32_t host = ntohl(e->address.s_addr);

	if (sessions_connection(mn, e->connection) == SIZE_MAX) {
		answer.refused = "not a connection of this helper";
	} else if (host >> 24 == 0 || host >> 24 == 127 || host >> 28 >= 0xe) {
		MN_COUNT(mn, addresses_refused);
		mn_record(mn, out, RECORD_WARN, "home_address", "%s assigned what is no host's address", e->connection);
		answer.refused = "not an address of a host";
	} else {
		mn->home = e->address;
		actions_home_set(out, mn->home);
	}
	if (!answer.refused && old.s_addr == INADDR_ANY) {
		MN_COUNT(mn, home_set);
		mn_record(mn, out, RECORD_NOTICE, "home_address", "assigned by %s", e->connection);
	} else if (!answer.refused && old.s_addr != mn->home.s_addr) {
		MN_COUNT(mn, home_changed);
		mn_record(mn, out, RECORD_WARN, "home_address", "%s assigned another one: open connections are lost",
			  e->connection);
		actions_guard_del(out, old);
		actions_home_del(out, old);
		mn->guard = MN_GUARD_UNKNOWN;
	}
	actions_charon(out, &answer);
	links_find_native(mn);
}

void sessions_on_event(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out)
{
	if (mn->client)
		inner_on_event(mn, e, out);
	switch (e->type) {
	case CHARON_CONNECTED:
		mn->session_n = 0;
		mn->charon_there = true;
		mn->charon_listed = false;
		break;
	case CHARON_SESSION:
		on_session(mn, e);
		break;
	case CHARON_LISTED:
		on_listed(mn, now, out);
		break;
	case CHARON_GONE:
		on_gone(mn, out);
		break;
	case CHARON_IKE_UP:
		(void)learn(mn, e); /* what is not ours goes its own way */
		break;
	case CHARON_IKE_DOWN:
		on_ike_down(mn, now, e, out);
		break;
	case CHARON_IKE_REPLACED:
		on_ike_replaced(mn, e);
		break;
	case CHARON_IKE_MOVED:
		on_ike_moved(mn, now, e);
		break;
	case CHARON_CHILD_UP:
		on_child_up(mn, now, e, out);
		break;
	case CHARON_CHILD_DOWN:
		on_child_down(mn, now, e, out);
		break;
	case CHARON_ADDRESS:
		if (mn->client)
			inner_on_address(mn, e, out);
		else
			on_address(mn, e, out);
		break;
	case CHARON_ACQUIRE:
	case CHARON_RELEASE:
	case CHARON_REFUSED:
	case CHARON_EVENT_COUNT: /* a gateway's */
		break;
	}
}

void sessions_close_children(struct mn *mn, struct instant now, struct actions *out)
{
	for (size_t i = 0; i < mn->session_n; i++) {
		const struct charon_command c = { .type = CHARON_CLOSE_CHILD, .sa = mn->sessions[i].sa };

		if (mn->sessions[i].children > 0)
			actions_charon(out, &c);
	}
	mn->due[MN_TIMER_CLOSE] = now.us + CLOSE_WAIT_US;
}

static void close_ike(struct mn *mn, struct instant now, uint32_t sa, size_t connection, struct actions *out)
{
	const struct charon_command c = { .type = CHARON_CLOSE_IKE,
					  .sa = sa,
					  .connection = mn->conf->connections[connection].name };
	struct mn_opening *o = &mn->opening;

	if (o->closed != connection || now.us >= o->farewells_until_us)
		o->farewells = 0;
	o->farewells++;
	o->closed = connection;
	o->farewells_until_us = now.us + FAREWELL_US;
	actions_charon(out, &c);
}

void sessions_close(struct mn *mn, struct instant now, size_t connection, struct actions *out)
{
	if (!sessions_of(mn, connection)) {
		close_ike(mn, now, 0, connection, out); /* one that is not up yet */
		return;
	}
	for (size_t i = mn->session_n; i > 0; i--)
		if (mn->sessions[i - 1].connection == connection) {
			close_ike(mn, now, mn->sessions[i - 1].sa, connection, out);
			forget(mn, &mn->sessions[i - 1]);
		}
}

void sessions_close_all(struct mn *mn, struct instant now, struct actions *out)
{
	while (mn->session_n > 0)
		sessions_close(mn, now, mn->sessions[0].connection, out);
}
