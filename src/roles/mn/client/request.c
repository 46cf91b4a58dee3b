/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration requests: building, sending, repeating. */
#include "base/util.h"
#include "codec/arp.h"
#include "codec/ip4.h"
#include "roles/mn/client/client.h"

/* G-04. RFC 5944 3.6.3 wants a second between two tries, for the sake of networks that may be congested. Here a person
 * waits, in the middle of a call, for the answer of a home agent that is a few milliseconds away, or of none: as many tries
 * as make up one round go at twice the time an answer usually takes, and only what follows them doubles. */
enum {
	FIRST_WAIT_US = 100 * US_PER_MS, /* nothing was measured yet */
	LEAST_WAIT_US = 30 * US_PER_MS,
	SPARE_US = 20 * US_PER_MS,
	MOST_WAIT_US = 60 * US_PER_S,
	MOST_AWAITED_US = 2 * US_PER_S, /* nothing leaves before the answer */
	MOST_SHIFT = 16,
};
enum { BELOW_CLOCK = 0xfff }; /* [2^-32 s] a microsecond is 4295 of these */
enum { TTL_TO_AGENT = 255 /* RFC 3024 3.2 */, FRAME_MAX = MIP_MSG_MAX + 64 };

static unsigned round_of(const struct mn *mn)
{
	return mn->conf->client.retransmissions + 1U;
}

/* B-46. A VPN is there: what keeps everybody waiting is an answer through it, as from a home agent that comes back. */
static bool is_awaited(const struct mn *mn, const struct way *w)
{
	return w->ifindex == 0 && mn->client->state == CLIENT_BINDING && mn->conf->client.timeout_ms == 0;
}

static uint64_t wait_us(const struct mn *mn, const struct way *w)
{
	uint64_t us = mn->conf->client.timeout_ms * US_PER_MS, measured = mn->client->rtt_us[w->ifindex == 0];
	uint64_t most = is_awaited(mn, w) ? MOST_AWAITED_US : MOST_WAIT_US;
	unsigned shift = w->x.tries - 1;

	if (us == 0) {
		us = measured == 0 ? FIRST_WAIT_US : 2 * measured + SPARE_US;
		us = us < LEAST_WAIT_US ? LEAST_WAIT_US : us;
		if (w->ifindex != 0 && us > FIRST_WAIT_US)
			us = FIRST_WAIT_US; /* an answer that comes later counts as well (B-34) */
		shift = w->x.tries > round_of(mn) ? w->x.tries - round_of(mn) : 0;
	}
	us <<= shift < MOST_SHIFT ? shift : MOST_SHIFT;
	return us < most ? us : most;
}

/* As the agents of roles/mpa do: time stamps rise whatever our clock does, and what the clock does not fill is random, as
 * answers carry only the low half (RFC 5944 5.7.1). */
static uint64_t fresh_id(struct mn *mn, struct instant now)
{
	struct client *c = mn->client;
	uint64_t id = now.ntp + (uint64_t)c->offset;
	uint32_t low;

	mn->random.fill(mn->random.ctx, (uint8_t *)&low, sizeof(low));
	if (mn->conf->client.sa.replay == REPLAY_NONCE)
		return (uint64_t)c->nonce << 32 | low;
	id = (id & ~(uint64_t)BELOW_CLOCK) | (low & BELOW_CLOCK);
	if ((int64_t)(id - c->last_id) <= 0 && c->last_id != 0)
		id = c->last_id + 1;
	c->last_id = id;
	return id;
}

static uint8_t flags_of(const struct mn *mn, enum ask what)
{
	const struct mn_client_conf *c = &mn->conf->client;

	switch (what) {
	case ASK_HOME:
		return 0;
	case ASK_AGENT:
		return (uint8_t)(MIP_REQ_T | (c->simultaneous ? MIP_REQ_S : 0));
	case ASK_CO_LOCATED:
	case ASK_VPN:
		break;
	}
	return (uint8_t)(MIP_REQ_T | MIP_REQ_D | (c->broadcast ? MIP_REQ_B : 0) | /* B-07, B-10, B-14, X-05, X-20 */
			 (c->simultaneous ? MIP_REQ_S : 0));
}

/* A pseudonym would hide nobody beside the home address; the home agent knows it by the pseudonym (B-50). */
static struct in_addr home_to_tell(const struct mn *mn, const struct way *w)
{
	bool hidden = mn->conf->client.pseudonym && w->x.what == ASK_CO_LOCATED && w->verdict != VERDICT_INSIDE;

	return hidden || (w->x.any_home && ask_is_own_end(w->x.what)) ? (struct in_addr){ INADDR_ANY } : mn->home;
}

static struct mip_request fixed_part(struct mn *mn, const struct way *w, const struct agent *agent, uint64_t id)
{
	struct mip_request m = { .flags = flags_of(mn, w->x.what),
				 .lifetime_s = mn->conf->client.lifetime_s,
				 .home = home_to_tell(mn, w),
				 .home_agent = mn->client->home_agent,
				 .care_of = w->care_of,
				 .id = id };

	if (w->x.what == ASK_HOME) { /* all bindings (RFC 5944 3.3) */
		m.lifetime_s = 0;
		m.care_of = mn->home;
	} else if (agent) {
		m.care_of = agent->care_of;
		if (m.lifetime_s > agent->lifetime_s)
			m.lifetime_s = agent->lifetime_s;
	}
	return m;
}

static int build(struct mn *mn, struct instant now, const struct way *w, const struct mip_request *m, struct wr *ret)
{
	const struct mn_client_conf *c = &mn->conf->client;

	mip_request_build(ret, m);
	mip_ext_nai_build(ret, client_nai(mn));
	if (ask_is_own_end(w->x.what) && c->udp != MN_UDP_OFF && !w->x.without_udp) /* B-47, B-49 */
		mip_ext_udp_request_build(ret, c->udp == MN_UDP_FORCE, false, 0);
	if (w->x.what == ASK_VPN)
		mip_ext_revocation_support_build(ret, false, (uint32_t)(now.ntp >> 32));
	return sa_sign(&c->sa, MIP_EXT_MN_HA_AUTH, ret); /* B-25 */
}

/* RFC 5944 4.6: before the deregistration, so that its answer finds us. */
static void announce(const struct mn *mn, const struct mn_link *l, struct actions *out)
{
	struct arp a = { .op = ARP_REQUEST, .sender = mn->home, .target = mn->home };
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + ARP_OCTETS);

	memcpy(a.sender_mac, l->mac, sizeof(a.sender_mac));
	ether_build(&w, ether_broadcast, l->mac, ETHER_ARP);
	arp_build(&w, &a);
	actions_send_frame(out, l->ifindex, &w);
}

/* Straight to the agent's MAC: our address is of no network of this link's, and ARP for it is forbidden (RFC 5944 4.6). */
static void send_to_agent(const struct mn *mn, const struct mn_link *l, const struct agent *agent, struct span message,
			  struct actions *out)
{
	const struct ip4 h = { .ttl = TTL_TO_AGENT, .source = mn->home, .destination = agent->address };
	const struct udp4 u = { .source = MIP_PORT, .destination = MIP_PORT, .payload = message };
	struct wr w = actions_writer(out, FRAME_MAX);

	ether_build(&w, agent->mac, l->mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	actions_send_frame(out, l->ifindex, &w);
}

static void send_request(const struct mn *mn, const struct way *w, const struct agent *agent, struct span message,
			 struct actions *out)
{
	const struct mn_link *l = links_at(mn, w->ifindex);
	struct in_addr ha = mn->client->home_agent;
	struct wr octets;

	if (w->x.what == ASK_AGENT) {
		if (l && agent)
			send_to_agent(mn, l, agent, message, out);
		return;
	}
	if (w->x.what == ASK_HOME && l && !(mn->client->bound.here && mn->client->bound.what == ASK_HOME))
		announce(mn, l, out);
	octets = actions_writer(out, message.n);
	wr_bytes(&octets, message.p, message.n);
	if (w->x.what == ASK_VPN)
		actions_send_datagram(out, w->care_of, MIP_PORT, ha, MIP_PORT, &octets);
	else /* B-26, B-31 */
		actions_send_datagram_by(out, w->ifindex, w->x.what == ASK_HOME ? mn->home : w->care_of, MIP_PORT, ha,
					 MIP_PORT, &octets);
}

const struct sent *request_last(const struct way *w)
{
	return w->x.sent_n == 0 ? NULL : &w->x.sent[(w->x.sent_n - 1) % SENT_MAX];
}

static void transmit(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	static const char *const how[] = { [ASK_CO_LOCATED] = "in clear",
					   [ASK_AGENT] = "by the foreign agent",
					   [ASK_HOME] = "as being at home",
					   [ASK_VPN] = "through the VPN" };
	const struct agent *agent = w->x.what == ASK_AGENT ? agents_best(mn, now, w->ifindex) : NULL;
	struct sent *s = &w->x.sent[w->x.sent_n % SENT_MAX];
	const struct mn_link *l = links_at(mn, w->ifindex);
	uint8_t octets[MIP_MSG_MAX];
	struct wr message = wr_init(octets, sizeof(octets));
	/* B-29. A nonce request is repeated as it was; a time stamp is made anew (RFC 5944 3.6.3). */
	bool repeated = w->x.tries > 0 && mn->conf->client.sa.replay == REPLAY_NONCE && w->x.sent_n > 0;
	uint64_t id = repeated ? request_last(w)->id : fresh_id(mn, now);
	uint32_t serial = repeated ? request_last(w)->serial : ++mn->client->serial;
	struct mip_request m = fixed_part(mn, w, agent, id);

	*s = (struct sent){ .id = id,
			    .at_us = now.us,
			    .serial = serial,
			    .what = w->x.what,
			    .lifetime_s = m.lifetime_s,
			    .to = agent ? agent->address : mn->client->home_agent,
			    .any_home = m.home.s_addr == INADDR_ANY };
	if (w->x.what != ASK_VPN)
		mn->client->clear_serial = serial;
	w->x.sent_n++;
	w->x.tries++;
	w->x.due_us = now.us + wait_us(mn, w);
	if (build(mn, now, w, &m, &message) < 0)
		return; /* libcrypto had no memory: as if it was lost on the way */
	send_request(mn, w, agent, (struct span){ octets, wr_len(&message) }, out);
	MN_COUNT(mn, requests_sent);
	mn_record(mn, out, RECORD_INFO, "request_sent", "%s%s%s, lifetime %u s%s", how[w->x.what], l ? " by " : "",
		  l ? l->name : "", m.lifetime_s, w->x.tries > 1 ? ", repeated" : "");
}

void request_start(struct mn *mn, struct instant now, struct way *w, enum ask what, struct actions *out)
{
	w->x.pending = true;
	w->x.what = what;
	w->x.tries = 0;
	transmit(mn, now, w, out);
}

void request_again(struct mn *mn, struct instant now, struct way *w, struct actions *out)
{
	MN_COUNT(mn, retransmissions);
	transmit(mn, now, w, out);
}

void request_cancel(struct way *w)
{
	w->x.pending = w->x.any_home = false;
	w->x.due_us = NEVER;
}

void request_fall_back(struct mn *mn)
{
	struct client *c = mn->client;

	/* One that serves us, by another way, is there. */
	if (!c->bound.here)
		c->home_agent = mn->conf->client.home_agent;
}

bool request_is_silent(const struct mn *mn, const struct way *w)
{
	return w->x.tries >= round_of(mn);
}
