/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the home agent answered, and what to do about it. */
#include "base/util.h"
#include "roles/mpa/agent.h"

enum reaction {
	REACT_UNKNOWN,
	REACT_ACCEPT,
	REACT_RESYNC,      /* adopt its clock or nonce, ask again at once */
	REACT_PROHIBITED,  /* another agent is newer, or the address is not to be had */
	REACT_OTHER_AGENT, /* it named the right home agent */
	REACT_WITHOUT_UDP,
	REACT_BAR, /* ask again after `retry_s`; 0 = only when told to */
};

/* By code; REACT_UNKNOWN: of no row. */
static const struct {
	enum reaction reaction;
	uint16_t retry_s;
} reactions[UINT8_MAX + 1] = {
	[MIP_CODE_ACCEPTED] = { REACT_ACCEPT, 0 },
	[MIP_CODE_ACCEPTED_NO_SIMULTANEOUS] = { REACT_ACCEPT, 0 },
	[MIP_CODE_FA_ADMIN_PROHIBITED] = { REACT_PROHIBITED, 30 }, /* */
	[MIP_CODE_UNSPECIFIED] = { REACT_BAR, 30 },
	[MIP_CODE_ADMIN_PROHIBITED] = { REACT_PROHIBITED, 30 },
	[MIP_CODE_NO_RESOURCES] = { REACT_BAR, 10 },
	[MIP_CODE_MN_AUTH_FAILED] = { REACT_BAR, 60 },
	[MIP_CODE_FA_AUTH_FAILED] = { REACT_BAR, 60 },
	[MIP_CODE_ID_MISMATCH] = { REACT_RESYNC, 10 },
	[MIP_CODE_MALFORMED] = { REACT_BAR, 60 },
	[MIP_CODE_TOO_MANY_BINDINGS] = { REACT_BAR, 60 },
	[MIP_CODE_UNKNOWN_HA] = { REACT_OTHER_AGENT, 60 },
	[MIP_CODE_REVERSE_TUNNEL_UNAVAILABLE] = { REACT_BAR, 60 },
	[MIP_CODE_REVERSE_TUNNEL_MANDATORY] = { REACT_BAR, 60 },
	[MIP_CODE_ENCAPSULATION_UNAVAILABLE] = { REACT_BAR, 60 },
	[MIP_CODE_CVSE_UNSUPPORTED] = { REACT_BAR, 60 },
	[MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE] = { REACT_WITHOUT_UDP, 60 },
	[MIP_CODE_PMIP_UNSUPPORTED] = { REACT_BAR, 0 }, /* RFC 5563 4.2: no further proxy requests */
	[MIP_CODE_PMIP_DISALLOWED] = { REACT_BAR, 0 },
};

enum { RETRY_UNKNOWN_S = 30, RESYNCS_MAX = 3 };

struct answer {
	struct instant now;
	const struct datagram *d;
	struct mip_reply m;
	struct mip_exts x;
};

/* L-37: with a DHCP server behind us, that the home agent has no address to give is no fault of the station's. */
static bool awaits_lease(const struct subscriber *s, const struct answer *a)
{
	return s->mpa->conf->dhcp == MPA_DHCP_RELAY && !s->vpn.here && a->m.code == MIP_CODE_NO_RESOURCES &&
	       !s->home_known && s->home.s_addr == INADDR_ANY;
}

static void bar(struct subscriber *s, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	uint64_t due_us = retry_s == 0 ? NEVER : a->now.us + retry_s * US_PER_S;

	if (awaits_lease(s, a)) {
		(void)subscriber_event(s, a->now, EVENT_NO_ADDRESS, "the DHCP server has to give it an address", out);
		if (dhcp_relay_disagrees(s)) /* it did meanwhile */
			(void)subscriber_event(s, a->now, EVENT_ATTACH, "the DHCP server gave it an address", out);
		return;
	}
	MPA_COUNT(s->mpa, refused);
	(void)timers_set(&s->mpa->lives, &s->life, due_us); /* room was made with the subscriber */
	(void)subscriber_event(s, a->now, EVENT_REFUSED, mip_code_name(a->m.code), out);
}

/* The request was under way for so long that another agent's overtook it; our clock is not to blame. Asking again at
 * once would take the station back from where it is. */
static bool was_overtaken(const struct subscriber *s, const struct answer *a)
{
	uint64_t held_off_us = s->mpa->conf->holdoff_ms * US_PER_MS;
	uint64_t ours = (a->now.ntp + (uint64_t)s->link->offset) >> 32, theirs = a->m.id >> 32;

	return subscriber_sa(s)->replay == REPLAY_TIMESTAMP && a->now.us - s->exchange.sent_us > held_off_us &&
	       theirs + 1 - ours <= 3;
}

/* RFC 5944 3.6.2.1: our clock for this agent, so that the next request lies just after the reply's. */
static void resync(struct subscriber *s, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	uint64_t high = a->m.id >> 32;

	if (!s->home_known && was_overtaken(s, a)) {
		mpa_hold_off(s->mpa, &s->port, a->now.us);
		(void)subscriber_event(s, a->now, EVENT_SUPERSEDED, "another agent was faster", out);
		return;
	}
	MPA_COUNT(s->mpa, resynchronised);
	if (subscriber_sa(s)->replay == REPLAY_NONCE) {
		s->nonce = (uint32_t)high;
	} else {
		s->link->offset = (int64_t)((high << 32) - a->now.ntp);
		s->link->last_id = 0; /* what was sent under the old clock binds us no more */
	}
	if (++s->exchange.resyncs > RESYNCS_MAX) {
		bar(s, a, retry_s, out);
		return;
	}
	subscriber_request(s, a->now, s->exchange.lifetime_s, out);
}

static void other_agent(struct subscriber *s, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	struct in_addr named = a->m.home_agent;
	bool known =
		s->agent && (named.s_addr == s->agent->address.s_addr || named.s_addr == s->agent->secondary.s_addr);
	struct agent_link *link = known ? mpa_link(s->mpa, named) : NULL;

	if (!link || named.s_addr == s->agent_address.s_addr || named.s_addr == INADDR_ANY || s->exchange.redirected) {
		bar(s, a, retry_s, out);
		return;
	}
	s->exchange.redirected = true; /* two that name each other are not asked in a circle */
	s->agent_address = named;
	s->link = link;
	s->sequence = 0; /* numbers are the agent's own */
	subscriber_request(s, a->now, s->exchange.lifetime_s, out);
}

static void prohibited(struct subscriber *s, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	if (s->home_known) {
		/* It was ours and is not any more: somebody newer serves the station (L-16, X-10). */
		(void)subscriber_event(s, a->now, EVENT_SUPERSEDED, "another agent serves this station", out);
	} else if (s->home.s_addr != INADDR_ANY && !s->exchange.home_refused && !s->rehomed) {
		s->exchange.home_refused = true;
		subscriber_request(s, a->now, s->exchange.lifetime_s, out);
	} else {
		bar(s, a, retry_s, out);
	}
}

static void without_udp(struct subscriber *s, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	if (s->exchange.udp_refused || s->udp == MPA_UDP_FORCE) {
		bar(s, a, retry_s, out);
		return;
	}
	s->exchange.udp_refused = true;
	subscriber_request(s, a->now, s->exchange.lifetime_s, out);
}

static void set_tunnel(struct subscriber *s, const struct answer *a)
{
	bool udp = a->x.udp_reply_at && a->x.udp_reply_code < 64;

	s->tunnel = (struct tunnel){ .encap = udp ? ENCAP_UDP : ENCAP_IPIP,
				     .local = s->mpa->conf->care_of,
				     .remote = s->agent_address };
	if (!udp)
		return;
	s->tunnel.local_port = MIP_PORT;
	s->tunnel.remote_port = MIP_PORT;
	mpa_keepalive_start(s, a->now, a->x.udp_keepalive_s);
}

/* What went on while the reply was under way counts: the lifetime runs from the request (RFC 5944 3.6.1). */
static void accepted(struct subscriber *s, const struct answer *a, struct actions *out)
{
	uint16_t lifetime_s = a->m.lifetime_s < s->exchange.lifetime_s ? a->m.lifetime_s : s->exchange.lifetime_s;

	MPA_COUNT(s->mpa, accepted);
	if (s->home_known && s->exchange.lifetime_s > 0 && s->home.s_addr != a->m.home.s_addr) {
		/* A station cannot be given another address while it runs (G-14). */
		(void)subscriber_event(s, a->now, EVENT_LEFT, "the home agent changed the home address", out);
		return;
	}
	if (s->exchange.lifetime_s == 0) {
		(void)subscriber_event(s, a->now, EVENT_ACCEPTED, "deregistered", out);
		return;
	}
	if (lifetime_s == 0) {
		bar(s, a, RETRY_UNKNOWN_S, out); /* accepted for no time at all: not to be asked for in a circle */
		return;
	}
	s->home = a->m.home;
	s->home_known = true;
	s->sequence = a->x.sequence; /* 0 when it keeps none */
	s->revocation = a->x.revocation_at != 0;
	if (s->revocation)
		s->agent_stamp = a->x.revocation_timestamp;
	s->expires_us = lifetime_s == MIP_LIFETIME_INFINITE ? NEVER : s->exchange.sent_us + lifetime_s * US_PER_S;
	set_tunnel(s, a);
	s->exchange.resyncs = 0;
	if (s->state != SUBSCRIBER_SERVED)
		s->since_us = a->now.us;
	if (!subscriber_network(s)) {
		subscriber_record(s, out, RECORD_ERR, "no_network", "no configured network holds the home address");
		(void)subscriber_event(s, a->now, EVENT_LEFT, "home network is not configured here", out);
		return;
	}
	if (dhcp_relay_disagrees(s)) {
		(void)subscriber_event(s, a->now, EVENT_LEFT, "its DHCP server gave it another address", out);
		return;
	}
	s->rehomed = false;
	if (s->vpn.here && layer3_enter(s, s->vpn.own, out) < 0) {
		(void)subscriber_event(s, a->now, EVENT_LEFT, "its home address is another user's here", out);
		return;
	}
	(void)subscriber_event(s, a->now, EVENT_ACCEPTED, "accepted", out);
}

static void react(struct subscriber *s, const struct answer *a, struct actions *out)
{
	uint16_t retry_s = reactions[a->m.code].retry_s;

	switch (reactions[a->m.code].reaction) {
	case REACT_UNKNOWN:
		bar(s, a, RETRY_UNKNOWN_S, out);
		break;
	case REACT_ACCEPT:
		accepted(s, a, out);
		break;
	case REACT_RESYNC:
		resync(s, a, retry_s, out);
		break;
	case REACT_PROHIBITED:
		prohibited(s, a, retry_s, out);
		break;
	case REACT_OTHER_AGENT:
		other_agent(s, a, retry_s, out);
		break;
	case REACT_WITHOUT_UDP:
		without_udp(s, a, retry_s, out);
		break;
	case REACT_BAR:
		bar(s, a, retry_s, out);
		break;
	}
}

static bool authentic(const struct subscriber *s, const struct answer *a)
{
	const struct mip_auth *auth = s->auth_type == MIP_EXT_FA_HA_AUTH ? &a->x.fa_ha : &a->x.mn_ha;

	return !a->x.duplicate_auth && a->x.sequence_at < auth->at && a->x.nai_at < auth->at &&
	       sa_verify(subscriber_sa(s), a->d->payload.p, auth);
}

static struct subscriber *addressee(struct mpa *mpa, const struct answer *a)
{
	struct subscriber *s =
		a->x.nai_at ? subscriber_find(mpa, a->x.nai) : subscriber_with_home(mpa, a->m.home, a->d->remote);
	bool fits = s && s->exchange.pending && (uint32_t)s->exchange.id == (uint32_t)a->m.id;

	return fits ? s : NULL;
}

static void note_reply(const struct subscriber *s, const struct answer *a, struct actions *out)
{
	double ms = (double)(a->now.us - s->exchange.sent_us) / (double)US_PER_MS;
	char text[81];
	size_t n = min_size(a->x.message.n, sizeof(text) - 1);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(a->x.message.p[i] >= 0x20 && a->x.message.p[i] < 0x7f ? a->x.message.p[i] : '?');
	text[n] = '\0';
	subscriber_record(s, out, a->m.code <= 1 ? RECORD_INFO : RECORD_WARN, "reply_received",
			  "code %u (%s) after %.1f ms, lifetime %u s%s%s", a->m.code, mip_code_name(a->m.code), ms,
			  a->m.lifetime_s, n > 0 ? ": " : "", text);
}

/* What lies behind the authenticator anybody could have added. */
static void drop_unprotected(const struct subscriber *s, struct mip_exts *x)
{
	size_t at = s->auth_type == MIP_EXT_FA_HA_AUTH ? x->fa_ha.at : x->mn_ha.at;

	if (x->revocation_at > at)
		x->revocation_at = 0;
	if (x->udp_reply_at > at)
		x->udp_reply_at = 0;
}

/* Without proof it is only a hint; the request is repeated as if nothing had come (RFC 5944 3.6.2.1). */
static void note_unauthentic(struct subscriber *s, const struct answer *a, struct actions *out)
{
	struct record note = { .level = RECORD_WARN,
			       .security = true,
			       .event = "reply_ignored",
			       .home = a->m.home,
			       .peer = a->d->remote };

	MPA_COUNT(s->mpa, replies_unauthenticated);
	if (ratelimit_allow(&s->mpa->security, a->now.us))
		actions_record(out, &note, text_span(s->nai), "code %u (%s) without a valid authenticator", a->m.code,
			       mip_code_name(a->m.code));
}

void mpa_on_reply(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct answer a = { .now = now, .d = d };
	struct subscriber *s;
	int r = mip_reply_parse(d->payload.p, d->payload.n, &a.m);

	if (r == 0)
		r = mip_exts_parse(d->payload.p, d->payload.n, MIP_REPLY_OCTETS, &mpa->conf->sequence, &a.x);
	if (r < 0) {
		if (r == -ENOTSUP)
			MPA_COUNT(mpa, unknown_extension);
		else
			MPA_COUNT(mpa, malformed);
		return;
	}
	s = addressee(mpa, &a);
	if (!s) {
		MPA_COUNT(mpa, replies_unmatched);
		return;
	}
	if (!authentic(s, &a)) {
		note_unauthentic(s, &a, out);
		return;
	}
	drop_unprotected(s, &a.x);
	s->last_code = a.m.code;
	if (subscriber_sa(s)->replay == REPLAY_NONCE)
		s->nonce = (uint32_t)(a.m.id >> 32);
	note_reply(s, &a, out);
	subscriber_request_cancel(s);
	react(s, &a, out);
}
