/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the host is. The state follows from four facts, whatever happened in which order; mn_decide() is the only place
 * that changes it. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "roles/mn/client/client.h"

const char *const mn_state_names[MN_STATE_COUNT] = {
	[MN_NOWHERE] = "nowhere",   [MN_CONNECTING] = "connecting", [MN_OUTSIDE] = "outside",
	[MN_CROSSING] = "crossing", [MN_INSIDE] = "inside",
};

const char *const mn_proof_names[MN_PROOF_COUNT] = {
	[MN_PROOF_NONE] = "",
	[MN_PROOF_GATEWAY] = "proven by the gateway",
	[MN_PROOF_FOUND] = "as found at the start",
	[MN_PROOF_POLICY] = "by policy",
};

enum fact { NO, YES, ANY };

/* The first row that fits. */
static const struct row {
	enum fact usable, carrying, native, proven;
	enum mn_state next;
	const char *reason; /* NULL: depends on where it was before, or on the proof */
} rows[] = {
	{ NO, ANY, ANY, ANY, MN_NOWHERE, "no link has an address" },
	{ YES, YES, NO, ANY, MN_OUTSIDE, "through the tunnel" },
	{ YES, YES, YES, ANY, MN_CROSSING, "a link has the home address, which is only a hint" }, /* */
	{ YES, NO, YES, YES, MN_INSIDE, NULL },
	{ YES, NO, NO, YES, MN_CROSSING, "the gateway closed the tunnel, no link has the home address yet" },
	{ YES, NO, ANY, NO, MN_CONNECTING, NULL },
};

static const char *const connecting_reasons[MN_STATE_COUNT] = {
	[MN_NOWHERE] = "a link has an address",
	[MN_CONNECTING] = "",
	[MN_OUTSIDE] = "the tunnel is gone",
	[MN_CROSSING] = "no tunnel, and no proof of being inside",
	[MN_INSIDE] = "the link with the home address is lost",
};

static bool fits(enum fact wanted, bool is)
{
	return wanted == ANY || (wanted == YES) == is;
}

static const struct row *row_of(const struct mn *mn)
{
	bool usable = links_are_usable(mn), carrying = sessions_carrying(mn) != NULL;
	bool native = mn->native != 0 && mn->conf->inside != MN_INSIDE_NEVER, proven = mn->proof != MN_PROOF_NONE;
	const struct row *r = rows;

	while (!fits(r->usable, usable) || !fits(r->carrying, carrying) || !fits(r->native, native) ||
	       !fits(r->proven, proven))
		r++; /* together the rows cover everything */
	return r;
}

static void enter_nowhere(struct mn *mn, struct instant now, struct actions *out)
{
	(void)now;
	(void)out;
	opening_stop(mn);
	mn->proof = MN_PROOF_NONE;
	if (mn->session_n == 0)
		mn->opening.at = 0;
}

static void enter_connecting(struct mn *mn, struct instant now, struct actions *out)
{
	(void)out;
	opening_start(mn, now);
}

static void enter_through_tunnel(struct mn *mn, struct instant now, struct actions *out)
{
	(void)mn;
	(void)now;
	(void)out; /* charon has done what there is to do */
}

/* Data goes without tunnel; that, and not our word, is what keeps sessions open. */
static void enter_inside(struct mn *mn, struct instant now, struct actions *out)
{
	MN_COUNT(mn, crossed_inside);
	opening_stop(mn);
	opening_forgive(mn);
	mn->due[MN_TIMER_PROOF] = NEVER;
	if (!mn->conf->keep_ike)
		sessions_close_all(mn, now, out); /* */
}

static void (*const enter[MN_STATE_COUNT])(struct mn *mn, struct instant now, struct actions *out) = {
	[MN_NOWHERE] = enter_nowhere,         [MN_CONNECTING] = enter_connecting, [MN_OUTSIDE] = enter_through_tunnel,
	[MN_CROSSING] = enter_through_tunnel, [MN_INSIDE] = enter_inside,
};

static void change(struct mn *mn, struct instant now, const struct row *r, struct actions *out)
{
	struct record note = { .level = RECORD_NOTICE, .event = "state", .home = mn->home };
	const struct mn_link *native = links_at(mn, mn->native);
	enum mn_state old = mn->state;

	if (r->next == MN_INSIDE)
		(void)snprintf(mn->reason, sizeof(mn->reason), "%s has the home address, %s", native->name,
			       mn_proof_names[mn->proof]); /* fits */
	else
		(void)snprintf(mn->reason, sizeof(mn->reason), "%s", r->reason ? r->reason : connecting_reasons[old]);
	mn->state = r->next;
	mn->since_us = now.us;
	mn->hinted = false;
	if (old == MN_INSIDE)
		MN_COUNT(mn, crossed_outside);
	if (old == MN_INSIDE || mn->state == MN_INSIDE)
		mn->holdoff_us = now.us + mn->conf->holdoff_ms * US_PER_MS;
	note.old_state = mn_state_names[old];
	note.new_state = mn_state_names[mn->state];
	actions_record(out, &note, mn_user(mn), "%s", mn->reason);
	enter[mn->state](mn, now, out);
}

/* Where the policy takes the address for proof, a link that comes and goes must not make us come and go with it. */
static void weigh_address(struct mn *mn, struct instant now, struct actions *out)
{
	if (mn->conf->inside != MN_INSIDE_ADDRESS || mn->native == 0 || mn->proof != MN_PROOF_NONE) {
		mn->due[MN_TIMER_HOLDOFF] = mn->due[MN_TIMER_CLOSE] = NEVER;
		return;
	}
	if (now.us < mn->holdoff_us) {
		if (mn->due[MN_TIMER_HOLDOFF] != NEVER)
			return;
		MN_COUNT(mn, held_off);
		mn->due[MN_TIMER_HOLDOFF] = mn->holdoff_us;
		mn_record(mn, out, RECORD_NOTICE, "held_off",
			  "%s has the home address, but the last crossing is too recent: looked at again in %u ms",
			  links_at(mn, mn->native)->name, (unsigned)((mn->holdoff_us - now.us) / US_PER_MS));
		return;
	}
	if (!sessions_carrying(mn))
		mn->proof = MN_PROOF_POLICY;
	else if (mn->due[MN_TIMER_CLOSE] == NEVER)
		sessions_close_children(mn, now, out);
}

/* Without a tunnel, packets from the home address would take whatever way there is, in clear and for everybody to see. A
 * link that has the home address is let be, proven or not: a host at home whose gateway is not to be reached from there
 * would be cut off. */
static void guard_home(struct mn *mn, struct actions *out)
{
	bool on = mn->conf->guard && (mn->native == 0 || mn->conf->inside == MN_INSIDE_NEVER);
	enum mn_guard wanted = on ? MN_GUARD_ON : MN_GUARD_OFF;

	if (mn->home.s_addr == INADDR_ANY || mn->guard == wanted)
		return;
	mn->guard = wanted;
	if (on)
		actions_guard_set(out, mn->home);
	else
		actions_guard_del(out, mn->home);
}

/* Where a link has the home address, plain data is no news. */
static void watch_for_hints(struct mn *mn, struct actions *out)
{
	struct in_addr wanted = { INADDR_ANY };

	if (mn->native == 0 && !mn->hinted && mn->conf->inside != MN_INSIDE_NEVER)
		wanted = mn->home;
	if (wanted.s_addr == mn->watched.s_addr)
		return;
	mn->watched = wanted;
	actions_hint_watch(out, wanted);
}

void mn_decide(struct mn *mn, struct instant now, struct actions *out)
{
	const struct row *r;

	if (mn->client) {
		client_decide(mn, now, out);
		return;
	}
	if (!mn->net_listed || mn->net_listing)
		return; /* of half a list nothing follows */
	guard_home(mn, out);
	weigh_address(mn, now, out);
	r = row_of(mn);
	if (r->next != mn->state)
		change(mn, now, r, out);
	else if (mn->state == MN_CONNECTING)
		opening_start(mn, now); /* charon is back */
	watch_for_hints(mn, out);
}
