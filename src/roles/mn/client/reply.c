/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the home agent answered, and what follows from it. */
#include "base/util.h"
#include "roles/mn/client/client.h"

enum reaction { REACT_UNKNOWN, REACT_ACCEPT, REACT_RESYNC, REACT_OTHER_AGENT, REACT_WITHOUT_UDP, REACT_BAR };

/* By code; REACT_UNKNOWN: of no row. */
static const struct {
	enum reaction reaction;
	uint16_t retry_s;
} reactions[UINT8_MAX + 1] = {
	[MIP_CODE_ACCEPTED] = { REACT_ACCEPT, 0 },
	[MIP_CODE_ACCEPTED_NO_SIMULTANEOUS] = { REACT_ACCEPT, 0 },
	[MIP_CODE_NO_RESOURCES] = { REACT_BAR, 10 },
	[MIP_CODE_ADMIN_PROHIBITED] = { REACT_WITHOUT_UDP, 30 }, /* RFC 3519 4.2: also where it is switched off */
	[MIP_CODE_ID_MISMATCH] = { REACT_RESYNC, 10 },
	[MIP_CODE_UNKNOWN_HA] = { REACT_OTHER_AGENT, 60 },
	[MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE] = { REACT_WITHOUT_UDP, 60 },
};

enum {
	RTT_AT_FIRST_US = 20 * US_PER_MS,
	RETRY_S = 30,
	CORRECTIONS_MAX = 3,
	AVOID_US = 60 * US_PER_S,
	UDP_DECLINED_FROM = 64,
	KEEPALIVE_S = 110
};

struct answer {
	struct instant now;
	const struct datagram *d;
	struct mip_reply m;
	struct mip_exts x;
	struct way *w;
	struct sent s; /* what it answers */
};

/* What is not answered yet, and could still prove something. */
static const struct sent *asked(const struct answer *a, const struct way *w, uint16_t monitor_s)
{
	size_t n = min_size(w->x.sent_n, SENT_MAX);

	for (size_t i = 0; i < n; i++) {
		const struct sent *s = &w->x.sent[i];

		if ((uint32_t)s->id == (uint32_t)a->m.id && !s->answered &&
		    (monitor_s == 0 || s->at_us + monitor_s * US_PER_S > a->now.us))
			return s;
	}
	return NULL;
}

/* It may have been sent more than once (RFC 5944 5.7.2). */
static void note_answered(const struct answer *a)
{
	for (size_t i = 0; i < SENT_MAX; i++)
		if (a->w->x.sent[i].id == a->s.id)
			a->w->x.sent[i].answered = true;
}

/* Who was asked answers, and where it was asked from. */
static bool came_back(const struct mn *mn, const struct answer *a)
{
	bool to_home = a->s.what == ASK_AGENT || a->s.what == ASK_HOME;
	struct in_addr to = to_home ? mn->home : a->w->care_of;

	return (a->w->ifindex == 0 || a->d->ifindex == a->w->ifindex) && a->d->remote.s_addr == a->s.to.s_addr &&
	       a->d->remote_port == MIP_PORT && a->d->local.s_addr == to.s_addr;
}

static bool find_request(struct mn *mn, struct answer *a)
{
	struct client *c = mn->client;

	for (size_t i = 0; i <= c->way_n; i++) {
		struct way *w = i < c->way_n ? &c->ways[i] : &c->vpn;
		const struct sent *s = asked(a, w, mn->conf->client.monitor_s);

		if (!s)
			continue;
		a->w = w;
		a->s = *s;
		if (came_back(mn, a))
			return true;
		MN_COUNT(mn, replies_elsewhere); /* it says nothing of the link it was asked by */
		return false;
	}
	MN_COUNT(mn, replies_unmatched);
	return false;
}

/* B-28, S-05. What lies behind the authenticator anybody could have added. */
static bool is_authentic(const struct mn *mn, struct answer *a)
{
	const struct mip_auth *auth = &a->x.mn_ha;

	if (a->x.duplicate_auth || !sa_verify(&mn->conf->client.sa, a->d->payload.p, auth))
		return false;
	if (a->x.tnc_at > auth->at)
		a->x.tnc_at = 0;
	if (a->x.udp_reply_at > auth->at)
		a->x.udp_reply_at = 0;
	if (a->x.revocation_at > auth->at)
		a->x.revocation_at = 0;
	return true;
}

/* The request is repeated as if nothing had come (RFC 5944 3.6.2.1). */
static void note_unauthentic(struct mn *mn, const struct answer *a, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = "reply_ignored", .home = mn->home, .peer = a->d->remote
	};

	MN_COUNT(mn, replies_unauthenticated);
	if (ratelimit_allow(&mn->client->security, a->now.us))
		actions_record(out, &note, mn_user(mn), "code %u (%s) without a valid authenticator%s", a->m.code,
			       mip_code_name(a->m.code), a->x.tnc_at ? ", which says that we are inside" : "");
}

static void settle(struct way *w, uint64_t due_us)
{
	request_cancel(w);
	w->x.due_us = due_us;
}

/* The address was assigned, and may be somebody else's by now: 128 and 129 are all that RFC 5944 has to say so. They also
 * stand for other things, so ours is let go of only when another one comes. */
static bool may_have_lost_home(const struct mn *mn, const struct answer *a)
{
	return (a->m.code == MIP_CODE_UNSPECIFIED || a->m.code == MIP_CODE_ADMIN_PROHIBITED) &&
	       mn->conf->client.home.s_addr == INADDR_ANY && !a->s.any_home && ask_is_own_end(a->s.what);
}

static void bar(struct mn *mn, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	struct way *w = a->w;
	struct agent *agent = agents_find(mn->client, w->ifindex, a->s.to);

	MN_COUNT(mn, refused);
	w->x.resyncs = 0;
	w->x.without_udp = false;
	if (may_have_lost_home(mn, a)) {
		w->x.any_home = true;
		request_start(mn, a->now, w, a->s.what, out);
		return;
	}
	w->more = 0;
	if (w->verdict == VERDICT_INSIDE && a->s.what == ASK_AGENT) {
		MN_COUNT(mn, agents_refused);
		if (agent)
			agent->use_from_us = a->now.us + AVOID_US;
		request_start(mn, a->now, w, ASK_CO_LOCATED, out);
		return;
	}
	if (w->verdict == VERDICT_INSIDE && a->s.what == ASK_HOME && mn->client->bound.what != ASK_HOME) {
		w->home_from_us = a->now.us + AVOID_US;
		request_start(mn, a->now, w, ASK_CO_LOCATED, out);
		return;
	}
	if (mn->client->bound.ifindex == w->ifindex)
		mn->client->bound.here = false;
	w->verdict = VERDICT_OUTSIDE;
	settle(w, a->now.us + retry_s * US_PER_S);
}

/* RFC 5944 3.6.2.1, 5.7. One that answers no longer the last request was overtaken, and the last is answered as well. */
static void resync(struct mn *mn, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	struct client *c = mn->client;
	uint64_t high = a->m.id >> 32, ours = (a->now.ntp + (uint64_t)c->offset) >> 32;
	bool fits = high + 1 - ours <= 2; /* another way's answer has set it already */

	if (!a->w->x.pending || request_last(a->w)->serial != a->s.serial)
		return;
	MN_COUNT(mn, resynchronised);
	a->w->x.resyncs++;
	if (mn->conf->client.sa.replay == REPLAY_NONCE) {
		c->nonce = (uint32_t)high;
	} else if (!fits || a->w->x.resyncs > 1) {
		c->offset = (int64_t)(((high + a->w->x.resyncs - 1) << 32) - a->now.ntp);
		c->last_id = 0; /* what was sent under the old clock binds us no more */
	}
	if (a->w->x.resyncs > CORRECTIONS_MAX)
		bar(mn, a, retry_s, out);
	else
		request_start(mn, a->now, a->w, a->s.what, out);
}

/* RFC 5944 3.6.2.3 */
static void other_agent(struct mn *mn, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	struct in_addr named = a->m.home_agent;
	uint32_t host = ntohl(named.s_addr);

	if (named.s_addr == mn->client->home_agent.s_addr || host >> 24 == 0 || host >> 24 == 127 ||
	    host >> 28 >= 0xe || ++a->w->x.resyncs > CORRECTIONS_MAX) {
		bar(mn, a, retry_s, out);
		return;
	}
	mn_record(mn, out, RECORD_NOTICE, "home_agent_changed", "it named another one");
	mn->client->home_agent = named;
	request_start(mn, a->now, a->w, a->s.what, out);
}

static void without_udp(struct mn *mn, const struct answer *a, uint16_t retry_s, struct actions *out)
{
	bool asked_for = ask_is_own_end(a->s.what) && !a->w->x.without_udp && mn->conf->client.udp == MN_UDP_OFFER;

	if (!asked_for) {
		bar(mn, a, retry_s, out);
		return;
	}
	a->w->x.without_udp = true;
	request_start(mn, a->now, a->w, a->s.what, out);
}

static struct bound bound_by(const struct mn *mn, const struct answer *a, uint16_t lifetime_s)
{
	const struct agent *agent = a->s.what == ASK_AGENT ? agents_find(mn->client, a->w->ifindex, a->s.to) : NULL;
	bool udp = a->x.udp_reply_at && a->x.udp_reply_code < UDP_DECLINED_FROM;
	struct bound b = {
		.here = true,
		.what = a->s.what,
		.ifindex = a->w->ifindex,
		.care_of = a->w->care_of,
		.agent = a->s.what == ASK_AGENT ? a->s.to : (struct in_addr){ INADDR_ANY },
		.connection = mn->client->vpn_connection,
		.serial = a->s.serial,
		.expires_us = a->s.at_us + lifetime_s * US_PER_S, /* from the request on (RFC 5944 3.6.1) */
		.tunnel = { .encap = udp ? ENCAP_UDP : ENCAP_IPIP,
			    .local = a->w->care_of,
			    .remote = a->s.what == ASK_AGENT ? mn->client->home_agent : a->s.to,
			    .local_port = udp ? MIP_PORT : 0,
			    .remote_port = udp ? MIP_PORT : 0 },
	};

	if (a->s.what == ASK_HOME || lifetime_s == MIP_LIFETIME_INFINITE)
		b.expires_us = NEVER;
	if (agent) {
		memcpy(b.agent_mac, agent->mac, sizeof(b.agent_mac));
		b.care_of = agent->care_of;
	}
	return b;
}

/* B-23: before the lifetime ends, before the NAT forgets (RFC 3519 4.9: any packet to the home agent counts), and inside before
 * the proof is too old (RFC 5265 3.4), each with time for a few tries. */
static uint64_t refresh_us(const struct mn *mn, const struct answer *a, uint16_t lifetime_s)
{
	uint64_t s = a->s.what == ASK_HOME || lifetime_s == MIP_LIFETIME_INFINITE ? UINT32_MAX : lifetime_s;
	uint16_t keepalive_s = a->x.udp_keepalive_s ? a->x.udp_keepalive_s : KEEPALIVE_S, monitor_s;

	monitor_s = mn->conf->client.monitor_s;
	if (a->s.what != ASK_VPN && monitor_s > 0 && monitor_s < s)
		s = monitor_s;
	if (a->x.udp_reply_at && a->x.udp_reply_code < UDP_DECLINED_FROM && keepalive_s < s)
		s = keepalive_s;
	return s == UINT32_MAX ? NEVER : a->s.at_us + s * US_PER_S * 3 / 4;
}

static void without_proof(struct mn *mn, const struct answer *a, struct actions *out)
{
	MN_COUNT(mn, replies_without_tnc);
	mn_record(mn, out, RECORD_WARN, "not_trusted",
		  "the home agent answered, but does not call the network trusted");
	if (a->s.what == ASK_AGENT || a->s.what == ASK_HOME) {
		bar(mn, a, RETRY_S, out);
		return;
	}
	a->w->verdict = VERDICT_OUTSIDE;
	a->w->more = 0;
	settle(a->w, a->now.us + RETRY_S * US_PER_S);
	/* It has an address now that must not be used. */
	if (ways_inside(mn->client))
		request_start(mn, a->now, ways_inside(mn->client), ASK_CO_LOCATED, out);
	else
		mn->client->bound.here = false;
}

/* B-34: inside, whatever else has happened since. A request that left later, by another way, has moved the binding, or will;
 * so it is asked for once more. */
static void accepted_in_clear(struct mn *mn, const struct answer *a, uint16_t lifetime_s, struct actions *out)
{
	struct client *c = mn->client;
	struct way *inside = ways_inside(c);
	const struct sent *vpn = request_last(&c->vpn);
	bool moved = (vpn && vpn->serial > a->s.serial) || (c->bound.here && c->bound.serial > a->s.serial);

	if (inside && c->bound.here && c->bound.serial > a->s.serial)
		return; /* answers came in another order: a better link, or a newer one by this link, is in use */
	if (inside && inside != a->w && !ways_is_better(mn, a->w, inside)) {
		request_cancel(a->w);
		request_start(mn, a->now, inside, c->bound.what, out); /* it took the binding away from there */
		return;
	}
	if (!inside || inside != a->w) {
		MN_COUNT(mn, decided_inside);
		if (inside)
			inside->verdict = VERDICT_UNKNOWN;
	}
	a->w->verdict = VERDICT_INSIDE;
	a->w->proven_us = a->s.at_us;
	a->w->x.rounds = 0;
	c->bound = bound_by(mn, a, lifetime_s);
	settle(a->w, refresh_us(mn, a, lifetime_s));
	ways_prefer(mn, a->w);
	if (moved)
		request_start(mn, a->now, a->w, a->s.what, out);
	else
		ways_improve(mn, a->now, a->w, out);
}

static bool is_possible_home(const struct mn *mn, const struct answer *a)
{
	bool may_change = mn->conf->client.home.s_addr == INADDR_ANY && a->s.any_home;

	return a->m.home.s_addr != INADDR_ANY &&
	       (a->m.home.s_addr == mn->home.s_addr || mn->home.s_addr == INADDR_ANY || may_change);
}

/* RFC 2794 */
static void take_home(struct mn *mn, struct in_addr home, struct actions *out)
{
	struct in_addr old = mn->home;

	if (home.s_addr == old.s_addr)
		return;
	mn->home = home;
	actions_home_set(out, home);
	if (old.s_addr == INADDR_ANY) {
		MN_COUNT(mn, home_set);
		return;
	}
	MN_COUNT(mn, home_changed);
	mn_record(mn, out, RECORD_WARN, "home_address",
		  "the home agent assigned another one: open connections are lost");
	mn->client->bound.here = false; /* it is one of the former address */
}

static void accepted(struct mn *mn, const struct answer *a, struct actions *out)
{
	uint16_t lifetime_s = a->m.lifetime_s < a->s.lifetime_s ? a->m.lifetime_s : a->s.lifetime_s;
	struct client *c = mn->client;

	MN_COUNT(mn, accepted);
	a->w->x.resyncs = 0;
	if (!is_possible_home(mn, a) || (lifetime_s == 0 && a->s.what != ASK_HOME)) {
		mn_record(mn, out, RECORD_ERR, "impossible_binding",
			  "the home agent accepted for no time, or for another home address");
		bar(mn, a, RETRY_S, out);
		return;
	}
	if (a->s.what != ASK_VPN && a->x.tnc_at == 0) { /* B-27 */
		without_proof(mn, a, out);
		return;
	}
	take_home(mn, a->m.home, out);
	if (a->s.what != ASK_VPN) {
		accepted_in_clear(mn, a, lifetime_s, out);
		return;
	}
	revoked_note_support(c, &a->x);
	if (!ways_inside(c)) {
		c->bound = bound_by(mn, a, lifetime_s);
		settle(a->w, refresh_us(mn, a, lifetime_s));
	}
}

static void react(struct mn *mn, const struct answer *a, struct actions *out)
{
	uint16_t retry_s = reactions[a->m.code].retry_s;

	switch (reactions[a->m.code].reaction) {
	case REACT_UNKNOWN:
		bar(mn, a, RETRY_S, out);
		break;
	case REACT_ACCEPT:
		accepted(mn, a, out);
		break;
	case REACT_RESYNC:
		resync(mn, a, retry_s, out);
		break;
	case REACT_OTHER_AGENT:
		other_agent(mn, a, retry_s, out);
		break;
	case REACT_WITHOUT_UDP:
		without_udp(mn, a, retry_s, out);
		break;
	case REACT_BAR:
		bar(mn, a, retry_s, out);
		break;
	}
}

/* How long answers take. Requests have numbers of their own, so that none is ambiguous; but the first few on a link may have
 * waited for ARP, so one counts for twice of what is known, at most. */
static void measure(struct mn *mn, const struct answer *a)
{
	uint32_t *rtt = &mn->client->rtt_us[a->w->ifindex == 0];
	uint64_t known = *rtt == 0 ? RTT_AT_FIRST_US : *rtt, us = a->now.us - a->s.at_us + 1;

	if (us > 2 * known)
		us = 2 * known;
	*rtt = (uint32_t)(*rtt == 0 ? us : (7 * known + us) / 8);
}

static void note_reply(struct mn *mn, const struct answer *a, struct actions *out)
{
	const struct mn_link *l = links_at(mn, a->w->ifindex);

	mn_record(mn, out, a->m.code <= MIP_CODE_ACCEPTED_NO_SIMULTANEOUS ? RECORD_INFO : RECORD_WARN, "reply_received",
		  "code %u (%s) %s%s after %.1f ms, lifetime %u s%s", a->m.code, mip_code_name(a->m.code),
		  l ? "by " : "through the VPN", l ? l->name : "", (double)(a->now.us - a->s.at_us) / US_PER_MS,
		  a->m.lifetime_s, a->x.tnc_at ? ", trusted" : "");
}

/* A foreign agent's own refusal is proven by nothing we share with it. Believing it costs a detour, no more. */
static bool is_agents_refusal(const struct answer *a)
{
	return a->s.what == ASK_AGENT && !mip_code_is_from_ha(a->m.code) && a->w->x.pending &&
	       request_last(a->w)->serial == a->s.serial;
}

void reply_on_datagram(struct mn *mn, struct instant now, const struct datagram *d, struct actions *out)
{
	struct answer a = { .now = now, .d = d };
	int r = mip_reply_parse(d->payload.p, d->payload.n, &a.m);

	if (r == 0)
		r = mip_exts_parse(d->payload.p, d->payload.n, MIP_REPLY_OCTETS, NULL, &a.x);
	if (r < 0) {
		if (r == -ENOTSUP)
			MN_COUNT(mn, unknown_extension);
		else
			MN_COUNT(mn, malformed);
		return;
	}
	if (!find_request(mn, &a))
		return;
	if (is_agents_refusal(&a)) {
		note_reply(mn, &a, out);
		bar(mn, &a, RETRY_S, out);
		return;
	}
	if (!mip_code_is_from_ha(a.m.code) || !is_authentic(mn, &a)) {
		note_unauthentic(mn, &a, out);
		return;
	}
	if (mn->conf->client.sa.replay == REPLAY_NONCE)
		mn->client->nonce = (uint32_t)(a.m.id >> 32);
	note_answered(&a);
	measure(mn, &a);
	note_reply(mn, &a, out);
	react(mn, &a, out);
}
