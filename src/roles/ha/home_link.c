/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home network that is a real link: while a station is away, its packets on that link are ours (RFC 5944 4.6).
 * A station that is at home has no binding, and nothing here touches it (L-34). */
#include <utlist.h>

#include "base/util.h"
#include "codec/arp.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/ha/agent.h"

enum { ANNOUNCEMENTS = 3, ANNOUNCE_EVERY_S = 1, FRAME_MAX = 64 };

/* Gratuitous ARP still to be sent: the first may be lost, and nobody acknowledges. */
struct announcement {
	struct announcement *prev, *next;
	struct timer again;
	struct in_addr home;
	size_t network;
	unsigned left;
};

static void send_arp(const struct ha_network *n, const uint8_t destination[ETHER_ADDR_OCTETS], const struct arp *a,
		     struct actions *out)
{
	struct wr w = actions_writer(out, FRAME_MAX);

	ether_build(&w, destination, n->mac, ETHER_ARP);
	arp_build(&w, a);
	actions_send_frame(out, n->ifindex, &w);
}

static void send_gratuitous(const struct ha_network *n, struct in_addr home, struct actions *out)
{
	struct arp a = { .op = ARP_REQUEST, .sender = home, .target = home };

	memcpy(a.sender_mac, n->mac, sizeof(a.sender_mac));
	send_arp(n, ether_broadcast, &a, out);
}

static void drop(struct ha *ha, struct announcement *a)
{
	timers_cancel(&ha->announces, &a->again);
	DL_DELETE(ha->announcements, a);
	free(a);
}

void ha_announcements_free(struct ha *ha)
{
	while (ha->announcements)
		drop(ha, ha->announcements);
}

void ha_home_link_claim(struct ha *ha, struct instant now, const struct binding *b, struct actions *out)
{
	const struct ha_network *n = &ha->conf->networks[b->network];
	struct announcement *a;

	if (n->ifindex == 0)
		return;
	send_gratuitous(n, b->home, out);
	a = calloc(1, sizeof(*a));
	if (!a || timers_set(&ha->announces, &a->again, now.us + ANNOUNCE_EVERY_S * US_PER_S) < 0) {
		free(a);
		return; /* the repetitions are a courtesy; proxy ARP answers whoever asks */
	}
	a->home = b->home;
	a->network = b->network;
	a->left = ANNOUNCEMENTS - 1;
	DL_APPEND(ha->announcements, a);
}

void ha_home_link_release(struct ha *ha, const struct binding *b)
{
	struct announcement *a, *next;

	DL_FOREACH_SAFE(ha->announcements, a, next)
		if (a->home.s_addr == b->home.s_addr)
			drop(ha, a);
}

void ha_home_link_announce(struct ha *ha, struct instant now, struct actions *out)
{
	struct timer *timer;

	while (actions_have_room(out, 1) && (timer = timers_pop(&ha->announces, now.us))) {
		struct announcement *a = container_of(timer, struct announcement, again);

		send_gratuitous(&ha->conf->networks[a->network], a->home, out);
		if (--a->left == 0)
			drop(ha, a);
		else /* cannot fail: the heap held it a moment ago */
			(void)timers_set(&ha->announces, &a->again, now.us + ANNOUNCE_EVERY_S * US_PER_S);
	}
}

/* 01:00:5e and the lower 23 bits of the group (RFC 1112 6.4). */
static void link_destination(struct in_addr destination, uint8_t ret[ETHER_ADDR_OCTETS])
{
	uint32_t group = ntohl(destination.s_addr);

	if (group >> 28 != 14) {
		memcpy(ret, ether_broadcast, ETHER_ADDR_OCTETS);
		return;
	}
	ret[0] = 0x01;
	ret[1] = 0x00;
	ret[2] = 0x5e;
	ret[3] = group >> 16 & 0x7f;
	ret[4] = (uint8_t)(group >> 8);
	ret[5] = (uint8_t)group;
}

void ha_home_link_broadcast(struct ha *ha, struct instant now, const struct binding *from, struct span packet,
			    struct actions *out)
{
	const struct ha_network *n = &ha->conf->networks[from->network];
	uint8_t to[ETHER_ADDR_OCTETS];
	struct ip4 ip;
	struct wr w;

	if (n->ifindex == 0 || ip4_parse(packet.p, packet.n, &ip) < 0)
		return;
	if (!ratelimit_allow(&ha->broadcast, now.us)) {
		HA_COUNT(ha, broadcast_suppressed);
		return;
	}
	link_destination(ip.destination, to);
	w = actions_writer(out, ETHER_HEADER_OCTETS + packet.n);
	ether_build(&w, to, n->mac, ETHER_IP4);
	wr_bytes(&w, packet.p, packet.n);
	actions_send_frame(out, n->ifindex, &w);
	HA_COUNT(ha, broadcast_copies);
}

/* Proxy ARP for whoever is away; the gateway address is the kernel's own. */
static void answer_arp(struct ha *ha, uint32_t ifindex, struct span packet, struct actions *out)
{
	const struct binding *b;
	const struct ha_network *n;
	struct arp a, reply = { .op = ARP_REPLY };

	if (arp_parse(packet.p, packet.n, &a) < 0)
		return;
	b = a.op == ARP_REQUEST ? binding_find(ha->bindings, a.target) : NULL;
	if (!b || a.sender.s_addr == a.target.s_addr)
		return;
	n = &ha->conf->networks[b->network];
	if (n->ifindex != ifindex)
		return;
	memcpy(reply.sender_mac, n->mac, sizeof(reply.sender_mac));
	memcpy(reply.target_mac, a.sender_mac, sizeof(reply.target_mac));
	reply.sender = a.target;
	reply.target = a.sender;
	send_arp(n, a.sender_mac, &reply, out);
	HA_COUNT(ha, arp_answered);
}

void ha_on_home_frame(struct ha *ha, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	struct ether e;

	if (ether_parse(frame.p, frame.n, &e) < 0)
		return;
	if (e.type == ETHER_ARP) {
		answer_arp(ha, ifindex, e.payload, out);
		return;
	}
	for (size_t i = 0; e.type == ETHER_IP4 && i < ha->conf->network_n; i++)
		if (ha->conf->networks[i].ifindex == ifindex)
			ha_broadcast_from_link(ha, now, i, e.payload, out);
}
