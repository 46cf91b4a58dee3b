/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Foreign agents, as they tell of themselves. That one is there says nothing of where we are (B-12): it is used on a link
 * that is proven to be inside, and nowhere else. */
#include "base/util.h"
#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/mn/client/client.h"

enum {
	SOLICITATIONS = 3, /* RFC 5944 2.4: at first, at most one a second */
	SOLICIT_US = 1 * US_PER_S,
	RESTARTED_BELOW = 256, /* RFC 5944 2.3.2 */
	FRAME_MAX = 64,
};

static const uint32_t all_agents = UINT32_C(0xe000000b); /* 224.0.0.11 */
static const uint8_t all_agents_mac[MAC_OCTETS] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x0b };

/* No MAC: a link that has none, or a sender that wants our packets to go to everybody. */
static bool is_nobody(const uint8_t mac[MAC_OCTETS])
{
	static const uint8_t nobody[MAC_OCTETS];

	return memcmp(mac, nobody, MAC_OCTETS) == 0;
}

struct agent *agents_find(struct client *c, uint32_t ifindex, struct in_addr address)
{
	for (size_t i = 0; i < c->agent_n; i++)
		if (c->agents[i].ifindex == ifindex && c->agents[i].address.s_addr == address.s_addr)
			return &c->agents[i];
	return NULL;
}

/* Reverse tunnels are what this mode is about. A busy one serves those it has. */
static bool serves(const struct mn *mn, const struct agent *a)
{
	const struct bound *b = &mn->client->bound;
	bool ours = b->here && b->what == ASK_AGENT && b->ifindex == a->ifindex && b->agent.s_addr == a->address.s_addr;

	return (a->flags & AGENT_ADV_F) && (a->flags & AGENT_ADV_T) && (ours || !(a->flags & AGENT_ADV_B));
}

struct agent *agents_best(struct mn *mn, struct instant now, uint32_t ifindex)
{
	struct client *c = mn->client;
	struct agent *used = c->bound.what == ASK_AGENT ? agents_find(c, ifindex, c->bound.agent) : NULL;

	if (!mn->conf->client.foreign_agents)
		return NULL;
	if (used && serves(mn, used) && used->use_from_us <= now.us)
		return used; /* no wandering to and fro */
	for (size_t i = 0; i < c->agent_n; i++)
		if (c->agents[i].ifindex == ifindex && serves(mn, &c->agents[i]) && c->agents[i].use_from_us <= now.us)
			return &c->agents[i];
	return NULL;
}

/* NULL: none of our links, too many, or somebody takes over the address of the agent that serves us. */
static struct agent *learn(struct mn *mn, uint32_t ifindex, const struct ether *e, struct in_addr address)
{
	struct client *c = mn->client;
	struct agent *a = agents_find(c, ifindex, address);

	if (a)
		return memcmp(a->mac, e->source, MAC_OCTETS) == 0 ? a : NULL;
	if (c->agent_n == AGENTS_MAX) {
		MN_COUNT(mn, agents_full);
		return NULL;
	}
	a = &c->agents[c->agent_n++];
	*a = (struct agent){ .ifindex = ifindex, .address = address };
	memcpy(a->mac, e->source, sizeof(a->mac));
	MN_COUNT(mn, agents_heard);
	return a;
}

/* It forgot its visitors, or wants us to think so (RFC 3543 4.1). Who says so all the time is believed once a second. */
static void on_restart(struct mn *mn, struct instant now, struct agent *a, struct way *w, struct actions *out)
{
	if (now.us < a->restart_from_us) {
		if (a->restart_from_us < w->x.due_us)
			w->x.due_us = a->restart_from_us;
		return;
	}
	a->restart_from_us = now.us + SOLICIT_US;
	mn_record(mn, out, RECORD_NOTICE, "agent_restarted", "the foreign agent starts counting anew");
	request_start(mn, now, w, ASK_AGENT, out);
}

static void on_advertisement(struct mn *mn, struct instant now, struct agent *a, const struct agent_adv *adv,
			     struct actions *out)
{
	const struct bound *b = &mn->client->bound;
	bool restarted = adv->sequence < RESTARTED_BELOW && adv->sequence < a->sequence;
	struct way *w = ways_at(mn->client, a->ifindex);

	a->care_of = adv->care_of[0];
	a->flags = adv->flags;
	a->sequence = adv->sequence;
	a->lifetime_s = adv->registration_lifetime_s;
	a->expires_us = now.us + adv->lifetime_s * US_PER_S;
	if (!w || adv->lifetime_s == 0) /* RFC 1256 4.3: it goes, and is forgotten with the others that went */
		return;
	ways_improve(mn, now, w, out);
	if (restarted && w->verdict == VERDICT_INSIDE && b->what == ASK_AGENT && b->agent.s_addr == a->address.s_addr &&
	    !w->x.pending)
		on_restart(mn, now, a, w, out);
}

void agents_on_frame(struct mn *mn, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	const struct mn_link *l = links_at(mn, ifindex);
	struct agent_adv adv;
	struct agent *a;
	struct ether e;
	struct ip4 ip;

	if (!mn->conf->client.foreign_agents || !l || ether_parse(frame.p, frame.n, &e) < 0 || e.type != ETHER_IP4 ||
	    (e.source[0] & 1) || is_nobody(e.source) || memcmp(e.source, l->mac, MAC_OCTETS) == 0 ||
	    ip4_parse(e.payload.p, e.payload.n, &ip) < 0 || ip.protocol != IPPROTO_ICMP || ip.ttl != 1 ||
	    agent_adv_parse(ip.payload.p, ip.payload.n, &adv) < 0)
		return;
	if (!adv.is_agent || adv.care_of_n == 0 || adv.registration_lifetime_s == 0 || ip.source.s_addr == INADDR_ANY)
		return;
	a = learn(mn, ifindex, &e, ip.source);
	if (a)
		on_advertisement(mn, now, a, &adv, out);
}

static void solicit(struct mn *mn, struct instant now, struct mn_link *l, struct actions *out)
{
	const struct ip4 h = { .ttl = 1,
			       .protocol = IPPROTO_ICMP,
			       .source = l->address_n > 0 ? l->addresses[0] : (struct in_addr){ INADDR_ANY },
			       .destination = { htonl(all_agents) } };
	uint8_t icmp[FRAME_MAX];
	struct wr body = wr_init(icmp, sizeof(icmp)), w = actions_writer(out, FRAME_MAX);

	agent_solicitation_build(&body);
	ether_build(&w, all_agents_mac, l->mac, ETHER_IP4);
	ip4_build(&w, &h, wr_len(&body));
	wr_bytes(&w, icmp, wr_len(&body));
	actions_send_frame(out, l->ifindex, &w);
	MN_COUNT(mn, solicitations);
	l->solicited++;
	l->solicit_us = now.us + SOLICIT_US;
}

/* B-22: as soon as the link is up, whatever DHCP does meanwhile. */
static bool is_to_be_solicited(const struct mn *mn, const struct mn_link *l)
{
	if (!mn->conf->client.agent_discovery || !mn->conf->client.foreign_agents || !l->up ||
	    l->solicited >= SOLICITATIONS || is_nobody(l->mac))
		return false;
	for (size_t i = 0; i < mn->client->agent_n; i++)
		if (mn->client->agents[i].ifindex == l->ifindex)
			return false;
	return true;
}

void agents_forget_link(struct mn *mn, uint32_t ifindex)
{
	struct client *c = mn->client;

	for (size_t i = c->agent_n; i > 0; i--)
		if (c->agents[i - 1].ifindex == ifindex)
			c->agents[i - 1] = c->agents[--c->agent_n];
	for (size_t i = 0; i < mn->link_n; i++)
		if (mn->links[i].ifindex == ifindex) {
			mn->links[i].solicited = 0;
			mn->links[i].solicit_us = 0;
		}
}

void agents_forget_silent(struct mn *mn, struct instant now)
{
	struct client *c = mn->client;

	for (size_t i = c->agent_n; i > 0; i--) {
		const struct mn_link *l = links_at(mn, c->agents[i - 1].ifindex);

		if (!l || !l->up || c->agents[i - 1].expires_us <= now.us)
			c->agents[i - 1] = c->agents[--c->agent_n];
	}
}

/* The way of a binding whose agent is gone, and nothing was done about it yet. NULL: none. */
static struct way *deserted(const struct mn *mn)
{
	const struct bound *b = &mn->client->bound;
	struct way *w = ways_inside(mn->client);

	return w && b->here && b->what == ASK_AGENT && !w->x.pending && !agents_find(mn->client, w->ifindex, b->agent) ?
		       w :
		       NULL;
}

void agents_on_time(struct mn *mn, struct instant now, struct actions *out)
{
	struct way *w = deserted(mn);

	for (size_t i = 0; i < mn->link_n; i++)
		if (is_to_be_solicited(mn, &mn->links[i]) && mn->links[i].solicit_us <= now.us)
			solicit(mn, now, &mn->links[i], out);
	if (w)
		request_start(mn, now, w, agents_best(mn, now, w->ifindex) ? ASK_AGENT : ASK_CO_LOCATED, out);
}

uint64_t agents_due(const struct mn *mn)
{
	uint64_t due = deserted(mn) ? 0 : NEVER; /* forgotten at another occasion than its time */

	for (size_t i = 0; i < mn->client->agent_n; i++)
		if (mn->client->agents[i].expires_us < due)
			due = mn->client->agents[i].expires_us;
	for (size_t i = 0; i < mn->link_n; i++)
		if (is_to_be_solicited(mn, &mn->links[i]) && mn->links[i].solicit_us < due)
			due = mn->links[i].solicit_us;
	return due;
}
