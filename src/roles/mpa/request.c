/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration requests on behalf of a station (L-01): building, sending, repeating. */
#include "base/util.h"
#include "roles/mpa/agent.h"

enum { RETRANSMISSIONS_PER_CALL = 64, DEREGISTER_TRIES = 4 };
enum { BELOW_CLOCK = 0xfff }; /* [2^-32 s] a microsecond is 4295 of these */

const struct sa *subscriber_sa(const struct subscriber *s)
{
	return s->association ? &s->association->sa : &s->own_sa;
}

struct agent_link *mpa_link(struct mpa *mpa, struct in_addr address)
{
	struct agent_link *l;

	for (size_t i = 0; i < mpa->link_n; i++)
		if (mpa->links[i].address.s_addr == address.s_addr)
			return &mpa->links[i];
	if (mpa->link_n == LINKS_MAX)
		return NULL;
	l = &mpa->links[mpa->link_n++];
	*l = (struct agent_link){ .address = address };
	return l;
}

/* Time stamps rise with every request to an agent, whatever our clock does. What the clock does not fill is random
 * (RFC 5944 5.7.1): replies carry only the low half, and requests that are repeated after whole seconds would share
 * theirs. */
static uint64_t fresh_id(struct subscriber *s, struct instant now)
{
	struct agent_link *l = s->link;
	uint64_t id = now.ntp + (uint64_t)l->offset;
	uint32_t low;

	s->mpa->random.fill(s->mpa->random.ctx, (uint8_t *)&low, sizeof(low));
	if (subscriber_sa(s)->replay == REPLAY_NONCE)
		return (uint64_t)s->nonce << 32 | low;
	id = (id & ~(uint64_t)BELOW_CLOCK) | (low & BELOW_CLOCK);
	if ((int64_t)(id - l->last_id) <= 0 && l->last_id != 0)
		id = l->last_id + 1;
	l->last_id = id;
	return id;
}

static struct in_addr via(const struct subscriber *s)
{
	return s->agent ? s->agent->via_fa : (struct in_addr){ INADDR_ANY };
}

/* X-05, L-45: without a foreign agent we decapsulate ourselves. RFC 5563 wants D = 0 all the same. */
static uint8_t flags_of(const struct subscriber *s)
{
	const struct mpa_conf *c = s->mpa->conf;
	bool own_end = via(s).s_addr == INADDR_ANY;
	uint8_t d = own_end && c->profile == MPA_PROFILE_LEUNG00 ? MIP_REQ_D : 0;

	return (uint8_t)(MIP_REQ_T | d | (own_end && c->forward_broadcast ? MIP_REQ_B : 0));
}

/* any address, at first; the home agent chooses. */
static struct in_addr home_to_ask(const struct subscriber *s)
{
	if (s->home_known || !s->exchange.home_refused)
		return s->home;
	return (struct in_addr){ INADDR_ANY };
}

static void build_extensions(const struct subscriber *s, struct instant now, struct wr *w)
{
	const struct mpa_conf *c = s->mpa->conf;

	mip_ext_nai_build(w, text_span(s->nai));                               /* L-09, L-62 */
	mip_ext_revocation_support_build(w, false, (uint32_t)(now.ntp >> 32)); /* */
	if (s->udp != MPA_UDP_OFF && !s->exchange.udp_refused)
		mip_ext_udp_request_build(w, s->udp == MPA_UDP_FORCE, false, 0);
	if (s->auth_type == MIP_EXT_FA_HA_AUTH)
		mip_ext_pmip_method_build(w, MIP_PMIP_METHOD_FA_HA_AUTH);
	if (s->vpn.here) {
		mip_ext_interface_id_build(w, text_span(s->vpn.own ? s->vpn.own->name : mpa_vpn(s->mpa)->interface));
	} else {
		if (s->access)
			mip_ext_interface_id_build(w, text_span(s->access->interface));
		mip_ext_device_id_build(w, 1, (struct span){ s->port.mac, MAC_OCTETS });
		mip_ext_access_tech_build(w, MIP_ACCESS_TECH_8023);
	}
	mip_ext_sequence_build(w, &c->sequence, s->sequence); /* L-15; 0: we know none */
}

static void transmit(struct subscriber *s, struct instant now, struct actions *out)
{
	struct exchange *x = &s->exchange;
	const struct mpa_conf *c = s->mpa->conf;
	struct in_addr fa = via(s);
	struct mip_request m = { .flags = flags_of(s),
				 .lifetime_s = x->lifetime_s,
				 .home = home_to_ask(s),
				 .home_agent = s->agent_address,
				 .care_of = fa.s_addr == INADDR_ANY ? c->care_of : fa };
	struct wr w = actions_writer(out, MIP_MSG_MAX);

	/* A nonce request is repeated as it was; a time stamp is made anew (RFC 5944 3.6.3). */
	if (x->tries == 0 || subscriber_sa(s)->replay == REPLAY_TIMESTAMP)
		x->id = fresh_id(s, now);
	m.id = x->id;
	x->pending = true;
	x->sent_us = now.us;
	s->link->last_sent_us = now.us;
	mip_request_build(&w, &m);
	build_extensions(s, now, &w);
	if (sa_sign(subscriber_sa(s), s->auth_type, &w) == 0) {
		actions_send_datagram(out, c->care_of, MIP_PORT, fa.s_addr == INADDR_ANY ? s->agent_address : fa,
				      MIP_PORT, &w);
		MPA_COUNT(s->mpa, requests_sent);
	}
	subscriber_record(s, out, RECORD_INFO, "request_sent", "lifetime %u s, sequence %u%s", x->lifetime_s,
			  s->sequence, x->tries > 0 ? ", repeated" : "");
}

static void arm(struct subscriber *s, struct instant now)
{
	const struct mpa_conf *c = s->mpa->conf;
	unsigned shift = s->exchange.tries < 16 ? s->exchange.tries : 16;
	uint64_t wait_us = (c->retransmit_ms * US_PER_MS) << shift;
	uint64_t max_us = c->retransmit_max_s * US_PER_S;

	(void)timers_set(&s->mpa->retransmits, &s->retransmit, now.us + (wait_us < max_us ? wait_us : max_us));
}

void subscriber_request(struct subscriber *s, struct instant now, uint16_t lifetime_s, struct actions *out)
{
	s->exchange.lifetime_s = lifetime_s;
	s->exchange.tries = 0;
	transmit(s, now, out);
	arm(s, now);
}

void subscriber_request_cancel(struct subscriber *s)
{
	s->exchange.pending = false;
	timers_cancel(&s->mpa->retransmits, &s->retransmit);
}

/* The other agent of the pair, after the first was silent for long enough. */
static void fail_over(struct subscriber *s, struct actions *out)
{
	const struct mpa_home_agent *a = s->agent;
	struct in_addr other;
	struct agent_link *link;

	if (!a || a->secondary.s_addr == INADDR_ANY || s->exchange.tries % s->mpa->conf->failover_after != 0)
		return;
	other = s->agent_address.s_addr == a->address.s_addr ? a->secondary : a->address;
	link = mpa_link(s->mpa, other);
	if (!link)
		return;
	MPA_COUNT(s->mpa, failovers);
	s->agent_address = other;
	s->link = link;
	s->sequence = 0; /* numbers are the agent's own */
	subscriber_record(s, out, RECORD_WARN, "home_agent_changed", "no answer to %u requests", s->exchange.tries);
}

void mpa_retransmit(struct mpa *mpa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < RETRANSMISSIONS_PER_CALL; i++) {
		struct timer *timer = timers_pop(&mpa->retransmits, now.us);
		struct subscriber *s;

		if (!timer)
			return;
		s = container_of(timer, struct subscriber, retransmit);
		s->exchange.tries++;
		if (s->exchange.lifetime_s == 0 && s->exchange.tries >= DEREGISTER_TRIES) {
			(void)subscriber_event(s, now, EVENT_SILENCE, "no answer to the deregistration", out);
			continue;
		}
		MPA_COUNT(mpa, retransmissions);
		fail_over(s, out);
		transmit(s, now, out);
		arm(s, now);
	}
}
