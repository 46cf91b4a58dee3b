/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ARP as on the home link: every address of the home subnet seems to be at the one MAC that all agents of the domain
 * share, so that every packet comes to us and no cache goes stale at a move (L-25, L-29, L-31, L-32, X-16). */
#include "codec/arp.h"
#include "base/util.h"
#include "roles/mpa/agent.h"

enum { ARP_FRAME_MAX = 64 };

/* 169.254/16 belongs to the link, and there is nobody else on it (RFC 3927 2.6.2). */
static bool is_link_local(struct in_addr a)
{
	return ntohl(a.s_addr) >> 16 == 0xa9fe;
}

/* G-10: never for its own address, asked by itself or as a probe (RFC 5227 2.1.1): it would give the address up. */
static bool is_ours_to_answer(const struct subscriber *s, const struct arp *a)
{
	const struct mpa_network *n = subscriber_network(s);

	return n && a->op == ARP_REQUEST && a->target.s_addr != s->home.s_addr &&
	       a->target.s_addr != a->sender.s_addr && !is_link_local(a->target) &&
	       prefix_contains(&n->prefix, a->target);
}

void subscriber_answer_arp(struct subscriber *s, struct span frame, struct actions *out)
{
	const uint8_t *gateway_mac = s->mpa->conf->gateway_mac;
	struct wr w = actions_writer(out, ARP_FRAME_MAX);
	struct ether e;
	struct arp a, reply = { .op = ARP_REPLY };

	if (ether_parse(frame.p, frame.n, &e) < 0 || arp_parse(e.payload.p, e.payload.n, &a) < 0 ||
	    !is_ours_to_answer(s, &a)) {
		MPA_COUNT(s->mpa, arp_ignored);
		return;
	}
	memcpy(reply.sender_mac, gateway_mac, sizeof(reply.sender_mac));
	memcpy(reply.target_mac, a.sender_mac, sizeof(reply.target_mac));
	reply.sender = a.target;
	reply.target = a.sender;
	ether_build(&w, e.source, gateway_mac, ETHER_ARP);
	arp_build(&w, &reply);
	actions_send_frame(out, s->port.ifindex, &w);
	MPA_COUNT(s->mpa, arp_answered);
}

static void hold(struct subscriber *s, struct span frame)
{
	uint8_t *copy = malloc(frame.n);

	if (!copy)
		return; /* it asks again in a second */
	memcpy(copy, frame.p, frame.n);
	free(s->held_arp);
	s->held_arp = copy;
	s->held_arp_n = frame.n;
}

void mpa_on_arp(struct mpa *mpa, struct instant now, const struct port *port, struct span frame, struct actions *out)
{
	const struct station_id id = { .mac = port->mac };
	struct subscriber *s;
	struct ether e;
	struct arp a;

	if (ether_parse(frame.p, frame.n, &e) < 0 || arp_parse(e.payload.p, e.payload.n, &a) < 0) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	s = mpa_recognise(mpa, now, port, &id, a.sender, MPA_TRIGGER_PACKET, out); /* L-35 */
	if (!s)
		port_auth_hold(mpa, now, port, false, frame);
	else if (s->state == SUBSCRIBER_SERVED)
		subscriber_answer_arp(s, frame, out);
	else if (frame.n <= HELD_FRAME_MAX)
		hold(s, frame);
}
