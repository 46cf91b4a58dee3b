/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subscriber's life as a table: state and event give what to do and the next state. */
#include "roles/mpa/agent.h"

const char *const subscriber_state_names[SUBSCRIBER_STATE_COUNT] = {
	[SUBSCRIBER_NEW] = "new",         [SUBSCRIBER_REGISTERING] = "registering",     [SUBSCRIBER_SERVED] = "served",
	[SUBSCRIBER_HOLDING] = "holding", [SUBSCRIBER_DEREGISTERING] = "deregistering", [SUBSCRIBER_BARRED] = "barred",
	[SUBSCRIBER_WAITING] = "waiting", [SUBSCRIBER_DISPLACED] = "displaced",         [SUBSCRIBER_GONE] = "gone",
};

static void do_nothing(struct subscriber *s, struct instant now, struct actions *out)
{
	(void)s;
	(void)now;
	(void)out;
}

static void do_register(struct subscriber *s, struct instant now, struct actions *out)
{
	if (dhcp_relay_disagrees(s)) { /* L-37 */
		s->home = s->leased;
		s->home_known = false;
	}
	s->exchange = (struct exchange){ 0 };
	subscriber_request(s, now, s->mpa->conf->lifetime_s, out);
}

/* It shows up again after it was gone: that it is here now counts, not what was known of its last stay. */
static void do_claim(struct subscriber *s, struct instant now, struct actions *out)
{
	s->released = false;
	s->sequence = 0;
	do_register(s, now, out);
}

static void do_deregister(struct subscriber *s, struct instant now, struct actions *out)
{
	s->exchange = (struct exchange){ 0 };
	subscriber_request(s, now, 0, out);
}

/* When to ask again: three quarters into the lifetime, so that several losses still fit before its end (L-13). */
static uint64_t refresh_at(const struct subscriber *s, struct instant now)
{
	if (s->expires_us == NEVER)
		return NEVER;
	return s->expires_us <= now.us ? now.us : now.us + (s->expires_us - now.us) / 4 * 3;
}

static void set_life(struct subscriber *s, uint64_t due_us)
{
	(void)timers_set(&s->mpa->lives, &s->life, due_us); /* room was made with the subscriber */
}

/* G-11: an address whose lease is over may be somebody else's the next moment. */
static uint64_t served_until(const struct subscriber *s, struct instant now)
{
	uint64_t refresh_us = refresh_at(s, now);

	return s->lease_ends_us != 0 && s->lease_ends_us < refresh_us ? s->lease_ends_us : refresh_us;
}

void subscriber_leased(struct subscriber *s, struct instant now, uint32_t lease_s)
{
	s->lease_ends_us = now.us + lease_s * US_PER_S;
	if (s->state == SUBSCRIBER_SERVED && !s->exchange.pending)
		set_life(s, served_until(s, now));
}

static void do_serve(struct subscriber *s, struct instant now, struct actions *out)
{
	subscriber_visitor_set(s, out);
	early_deliver(s, now, out);
	set_life(s, served_until(s, now));
	vpn_release_held(s, out);
	subscriber_release_held(s, now, out);
	presence_watch(s, now);
}

static void do_stop_and_hold(struct subscriber *s, struct instant now, struct actions *out)
{
	bool by_vpn = s->vpn.here && !s->vpn.own;
	uint16_t hold_s = by_vpn ? mpa_vpn(s->mpa)->hold_s : s->mpa->conf->hold_s; /* G-03, G-11 */
	uint64_t hold_until_us = now.us + hold_s * US_PER_S;

	subscriber_visitor_del(s, out);
	subscriber_request_cancel(s);
	set_life(s, hold_until_us < s->expires_us ? hold_until_us : s->expires_us);
}

static void do_stop_and_deregister(struct subscriber *s, struct instant now, struct actions *out)
{
	subscriber_visitor_del(s, out);
	do_deregister(s, now, out);
}

/* The authenticator that let it in knows nothing of addresses: it may get one again (RFC 2131 4.4.6). */
static void do_release(struct subscriber *s, struct instant now, struct actions *out)
{
	s->released = s->login.by_aaa && !s->vpn.here;
	do_stop_and_deregister(s, now, out);
}

/* It was about to stay. */
static void do_leave(struct subscriber *s, struct instant now, struct actions *out)
{
	(void)now;
	(void)out;
	s->released = false;
	s->leased.s_addr = INADDR_ANY;
}

static void do_stop(struct subscriber *s, struct instant now, struct actions *out)
{
	(void)now;
	subscriber_visitor_del(s, out);
}

/* Back before the hold was over: its binding may well be here still, so packets flow while we ask. */
static void do_resume(struct subscriber *s, struct instant now, struct actions *out)
{
	do_serve(s, now, out);
	do_claim(s, now, out);
}

/* The timer of a served station: first to refresh, then, when nobody answered, to give up. */
static void do_refresh(struct subscriber *s, struct instant now, struct actions *out)
{
	set_life(s, s->expires_us);
	do_register(s, now, out);
}

static void do_lose_binding(struct subscriber *s, struct instant now, struct actions *out)
{
	MPA_COUNT(s->mpa, expired);
	subscriber_visitor_del(s, out);
	do_register(s, now, out);
}

/* Its home agent has let go of the address that the DHCP server does not give it any more. */
static void do_rehome(struct subscriber *s, struct instant now, struct actions *out)
{
	s->rehomed = true;
	do_claim(s, now, out);
}

static void do_wait(struct subscriber *s, struct instant now, struct actions *out)
{
	(void)out;
	(void)now;
	subscriber_request_cancel(s);
}

/* Who was let in stays as long as its session; who was only seen, for a while. */
static void do_wait_for_lease(struct subscriber *s, struct instant now, struct actions *out)
{
	s->released = false;
	s->home_known = false;
	do_wait(s, now, out);
	set_life(s, s->login.by_aaa ? NEVER : now.us + s->mpa->conf->hold_s * US_PER_S);
}

static void do_stop_and_wait(struct subscriber *s, struct instant now, struct actions *out)
{
	subscriber_visitor_del(s, out);
	do_wait(s, now, out);
}

/* Another agent has it, and its IKE_SA stays (G-12). What is in flight from it gets through for a moment. */
static void do_displace_later(struct subscriber *s, struct instant now, struct actions *out)
{
	vpn_displace(s, now, true, out);
}

static void do_displace(struct subscriber *s, struct instant now, struct actions *out)
{
	vpn_displace(s, now, false, out);
}

/* What it sends before the home agent knows is held. */
static void do_return(struct subscriber *s, struct instant now, struct actions *out)
{
	set_life(s, NEVER);
	if (s->vpn.here)
		subscriber_visitor_set(s, out);
	do_claim(s, now, out);
}

struct row {
	void (*perform)(struct subscriber *s, struct instant now, struct actions *out); /* NULL: event is ignored */
	enum subscriber_state next;
};

static const struct row rows[SUBSCRIBER_STATE_COUNT][EVENT_COUNT] = {
	[SUBSCRIBER_NEW] = {
		[EVENT_ATTACH] = { do_register, SUBSCRIBER_REGISTERING },
		[EVENT_SUPERSEDED] = { do_nothing, SUBSCRIBER_GONE },
	},
	[SUBSCRIBER_REGISTERING] = {
		[EVENT_ACCEPTED] = { do_serve, SUBSCRIBER_SERVED },
		[EVENT_REFUSED] = { do_wait, SUBSCRIBER_BARRED },
		[EVENT_NO_ADDRESS] = { do_wait_for_lease, SUBSCRIBER_WAITING },
		[EVENT_SUPERSEDED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_REVOKED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_LOST] = { do_deregister, SUBSCRIBER_DEREGISTERING }, /* the request may have arrived */
		[EVENT_LEFT] = { do_deregister, SUBSCRIBER_DEREGISTERING },
	},
	[SUBSCRIBER_SERVED] = {
		[EVENT_ATTACH] = { do_claim, SUBSCRIBER_SERVED }, /* connects once more: wherever it was bound meanwhile */
		[EVENT_ACCEPTED] = { do_serve, SUBSCRIBER_SERVED },
		[EVENT_REFUSED] = { do_stop_and_wait, SUBSCRIBER_BARRED },
		[EVENT_SUPERSEDED] = { do_stop, SUBSCRIBER_GONE }, /* L-18, L-22 */
		[EVENT_REVOKED] = { do_stop, SUBSCRIBER_GONE },
		[EVENT_LOST] = { do_stop_and_hold, SUBSCRIBER_HOLDING },
		[EVENT_LEFT] = { do_stop_and_deregister, SUBSCRIBER_DEREGISTERING },
		[EVENT_RELEASED] = { do_release, SUBSCRIBER_DEREGISTERING },
		[EVENT_TIMER] = { do_refresh, SUBSCRIBER_SERVED },
	},
	[SUBSCRIBER_HOLDING] = {
		[EVENT_ATTACH] = { do_resume, SUBSCRIBER_SERVED },
		[EVENT_REVOKED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_SUPERSEDED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_LEFT] = { do_deregister, SUBSCRIBER_DEREGISTERING },
		[EVENT_TIMER] = { do_deregister, SUBSCRIBER_DEREGISTERING },
	},
	[SUBSCRIBER_DEREGISTERING] = {
		[EVENT_ATTACH] = { do_claim, SUBSCRIBER_REGISTERING },
		[EVENT_ACCEPTED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_REFUSED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_SUPERSEDED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_REVOKED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_SILENCE] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_LOST] = { do_leave, SUBSCRIBER_DEREGISTERING },
		[EVENT_LEFT] = { do_leave, SUBSCRIBER_DEREGISTERING },
	},
	[SUBSCRIBER_BARRED] = {
		[EVENT_REVOKED] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_LOST] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_LEFT] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_TIMER] = { do_register, SUBSCRIBER_REGISTERING },
	},
	[SUBSCRIBER_WAITING] = {
		[EVENT_ATTACH] = { do_claim, SUBSCRIBER_REGISTERING },
		[EVENT_LOST] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_LEFT] = { do_nothing, SUBSCRIBER_GONE },
		[EVENT_TIMER] = { do_nothing, SUBSCRIBER_GONE },
	},
	[SUBSCRIBER_DISPLACED] = {
		[EVENT_ATTACH] = { do_return, SUBSCRIBER_REGISTERING },
		[EVENT_LOST] = { do_stop, SUBSCRIBER_GONE },
		[EVENT_LEFT] = { do_stop, SUBSCRIBER_GONE },
	},
};

bool subscriber_stays(const struct subscriber *s)
{
	return s->state == SUBSCRIBER_DEREGISTERING && (s->released || dhcp_relay_disagrees(s));
}

/* Cases in which the table's row is not the whole truth; NULL: it is. */
static const struct row *exception(const struct subscriber *s, const struct row *row, struct instant now,
				   enum subscriber_event e)
{
	static const struct row lost = { do_lose_binding, SUBSCRIBER_REGISTERING };
	static const struct row rehomed = { do_rehome, SUBSCRIBER_REGISTERING };
	static const struct row released = { do_wait_for_lease, SUBSCRIBER_WAITING };
	static const struct row displaced = { do_displace, SUBSCRIBER_DISPLACED };
	static const struct row displaced_later = { do_displace_later, SUBSCRIBER_DISPLACED };

	if (s->state == SUBSCRIBER_SERVED && e == EVENT_TIMER && now.us >= s->expires_us)
		return &lost; /* the last refresh went unanswered to the very end */
	if (subscriber_stays(s) && row->next == SUBSCRIBER_GONE && e != EVENT_REVOKED && e != EVENT_SUPERSEDED)
		return dhcp_relay_disagrees(s) ? &rehomed : &released;
	if (row->next != SUBSCRIBER_GONE || !s->vpn.sessions || (e != EVENT_REVOKED && e != EVENT_SUPERSEDED))
		return NULL;
	return s->vpn.here && s->state == SUBSCRIBER_SERVED && e == EVENT_REVOKED ? &displaced_later : &displaced;
}

bool subscriber_event(struct subscriber *s, struct instant now, enum subscriber_event e, const char *reason,
		      struct actions *out)
{
	const struct row *row = &rows[s->state][e], *other;
	enum subscriber_state old = s->state;
	struct record note = { .level = RECORD_NOTICE, .event = "state", .peer = s->agent_address };

	if (!row->perform)
		return true;
	other = exception(s, row, now, e);
	if (other)
		row = other;
	if (other && e == EVENT_TIMER)
		reason = "lifetime over without an answer";
	s->state = row->next;
	if (old != row->next) {
		note.home = s->home;
		note.old_state = subscriber_state_names[old];
		note.new_state = subscriber_state_names[row->next];
		actions_record(out, &note, text_span(s->nai), "%s", reason);
	}
	row->perform(s, now, out);
	port_auth_follow(s, now, old, e, out);
	evict_follow(s, now, e, reason, out);
	if (!login_follow(s, now, e, reason, out))
		return false;
	if (s->state != SUBSCRIBER_GONE)
		return vpn_follow(s, now, old, e, reason, out);
	vpn_close_all(s, out);
	subscriber_free(s);
	return false;
}
