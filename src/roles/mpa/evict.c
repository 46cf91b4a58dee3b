/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of a session have to agree that it is over. Whichever way a user whom AAA let in stops being served here, its
 * authenticator hears of it, unless it was the one to say so: else its port stays open for somebody who is nobody here
 * (L-53). And an AAA server may want a session ended (RFC 5176). */
#include "base/util.h"
#include "roles/mpa/agent.h"

/* Outer identities are not one user's: an authenticator that goes by the name alone would end all who share it. */
static bool is_shared(const struct mpa *mpa, const struct relay_ids *ids)
{
	const struct subscriber *s, *next;

	HASH_ITER(by_nai, mpa->by_nai, s, next) {
		const struct relay_ids *other = &s->login.ids;

		if (other != ids && other->nas && other->source.s_addr == ids->source.s_addr &&
		    spans_equal(relay_span(&other->user), relay_span(&ids->user)))
			return true;
	}
	return false;
}

/* The user as the authenticator calls it; nobody: it has to go by the other identifiers. */
static struct relay_text name_at(const struct mpa *mpa, const struct relay_ids *ids, const char *nai)
{
	struct relay_text name = { .n = 0 };
	size_t n = strlen(nai);

	if (ids->user.n > 0)
		return is_shared(mpa, ids) ? name : ids->user;
	if (n <= sizeof(name.octets)) {
		memcpy(name.octets, nai, n);
		name.n = (uint8_t)n;
	}
	return name;
}

static int evict(struct mpa *mpa, struct instant now, const struct relay_ids *ids, const char *nai,
		 struct relay_order *order, struct actions *out)
{
	const struct mpa_access *access = login_access(mpa, ids);
	struct relay_ids to = *ids;

	if (access && access->hostapd)
		return -ENOENT; /* it is told by its control socket (port_auth.c) */
	to.user = name_at(mpa, ids, nai);
	return relay_end(mpa->relay, now, &to, text_span(nai), order, out);
}

void evict_told(struct subscriber *s)
{
	s->login.ids.nas = NULL;
}

void evict_other(struct subscriber *s, struct instant now, const struct relay_ids *ids, struct actions *out)
{
	const struct relay_ids *old = &s->login.ids;

	if (!old->nas || !old->nas->gives_address || old->source.s_addr == ids->source.s_addr)
		return; /* the same authenticator knows, and may go by the name alone */
	subscriber_record(s, out, RECORD_INFO, "session_ended", "at %s: it logged in at %s", old->nas->name,
			  ids->nas->name);
	(void)evict(s->mpa, now, old, s->nai, NULL, out); /* failing is counted */
}

/* A station that went to another port may be back any time, at the port it left: that it may stay is its authenticator's
 * affair. A tunnel that ends elsewhere now carries nothing any more. */
static bool may_come_back(const struct subscriber *s, enum subscriber_event e)
{
	return !s->login.ids.nas->gives_address && (e == EVENT_REVOKED || e == EVENT_SUPERSEDED);
}

void evict_follow(struct subscriber *s, struct instant now, enum subscriber_event e, const char *reason,
		  struct actions *out)
{
	struct relay_ids ids;

	if (!s->login.ids.nas || subscriber_stays(s) || may_come_back(s, e) ||
	    s->login.held != 0) /* a Reject tells as well */
		return;
	switch (s->state) {
	case SUBSCRIBER_DEREGISTERING:
	case SUBSCRIBER_DISPLACED:
	case SUBSCRIBER_GONE:
		ids = s->login.ids;
		evict_told(s);
		if (evict(s->mpa, now, &ids, s->nai, NULL, out) == 0)
			subscriber_record(s, out, RECORD_INFO, "session_ended", "at %s: %s", ids.nas->name, reason);
		break;
	case SUBSCRIBER_NEW:
	case SUBSCRIBER_REGISTERING:
	case SUBSCRIBER_SERVED:
	case SUBSCRIBER_HOLDING:
	case SUBSCRIBER_WAITING:
	case SUBSCRIBER_BARRED: /* tried again */
	case SUBSCRIBER_STATE_COUNT:
		break;
	}
}

/* The server may know it by its accounting only; of names anybody may show that alone is not enough. */
static bool is_name_of(const struct subscriber *s, const struct relay_wanted *w)
{
	return w->user.n == 0 || spans_equal(w->user, text_span(s->nai)) ||
	       (w->ids.session.n > 0 && spans_equal(w->user, relay_span(&s->login.ids.user)));
}

static bool fits(const struct subscriber *s, const struct relay_wanted *w)
{
	return s->login.ids.nas && is_name_of(s, w) && relay_wanted_fits(w, &s->login.ids) &&
	       (w->home.s_addr == INADDR_ANY || w->home.s_addr == s->home.s_addr);
}

/* The only one that fits all that is said. Return: 0, or enum radius_error_cause. */
static uint32_t find_wanted(const struct mpa *mpa, const struct relay_wanted *w, struct subscriber **ret)
{
	struct subscriber *s, *next, *found = NULL;
	size_t fit = 0, at_other = 0;

	HASH_ITER(by_nai, mpa->by_nai, s, next) {
		if (!fits(s, w))
			continue;
		if (!relay_same_nas(&w->ids, &s->login.ids)) {
			at_other++;
			continue;
		}
		fit++;
		found = s;
	}
	if (fit > 1)
		return RADIUS_SEVERAL_SESSIONS;
	if (fit == 0)
		return at_other > 0 ? RADIUS_NAS_MISMATCH : RADIUS_NO_SESSION;
	*ret = found;
	return 0;
}

uint32_t evict_on_wanted(void *ctx, struct instant now, const struct relay_wanted *w, struct actions *out)
{
	struct mpa *mpa = ctx;
	struct subscriber *s;
	uint32_t cause = find_wanted(mpa, w, &s);
	int r = 0;

	if (cause != 0)
		return cause;
	if (s->login.held == 0)
		r = evict(mpa, now, &s->login.ids, s->nai, w->order, out);
	if (r < 0 && r != -ENOENT)
		return RADIUS_NO_RESOURCES; /* it asks again */
	if (s->login.held == 0) {
		port_auth_end(s, out);
		evict_told(s);
	}
	MPA_COUNT(mpa, logouts);
	subscriber_record(s, out, RECORD_NOTICE, "logout", "the AAA server wants its session ended");
	(void)subscriber_event(s, now, EVENT_LEFT, "ended by the AAA server", out);
	return 0;
}

/* What starts anew may be one port of many. */
static bool is_forgotten(const struct subscriber *s, const struct relay_ids *ids, uint64_t at_us)
{
	const struct mpa_access *access = login_access(s->mpa, ids);
	const struct relay_ids *kept = &s->login.ids;

	return kept->nas == ids->nas && kept->source.s_addr == ids->source.s_addr && s->login.since_us < at_us &&
	       relay_same_nas(ids, kept) && (!access || access == s->access);
}

void evict_on_restart(void *ctx, struct instant now, const struct relay_ids *ids, uint32_t ago_s, struct actions *out)
{
	struct mpa *mpa = ctx;
	struct subscriber *s, *next;
	uint64_t ago_us = ago_s * US_PER_S;

	if (ago_us > now.us)
		return; /* before we were there */
	HASH_ITER(by_nai, mpa->by_nai, s, next) {
		if (!is_forgotten(s, ids, now.us - ago_us))
			continue;
		MPA_COUNT(mpa, logouts);
		subscriber_record(s, out, RECORD_NOTICE, "logout", "%s started anew", ids->nas->name);
		if (s->login.held == 0)
			evict_told(s);
		(void)subscriber_event(s, now, EVENT_LOST, "its authenticator started anew", out);
	}
}
