/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home network that is a real link: while a station is away, its packets on that link are ours (RFC 5944 4.6).
 * A station that is at home has no binding, and nothing here touches it (L-34). */
#include <utlist.h>

#include "base/util.h"
#include "codec/arp.h"
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

/* Proxy ARP for whoever is away; the gateway address is the kernel's own. */
void ha_on_home_frame(struct ha *ha, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	const struct binding *b;
	const struct ha_network *n;
	struct ether e;
	struct arp a, reply = { .op = ARP_REPLY };

	(void)now; /* proxy ARP has no memory */
	if (ether_parse(frame.p, frame.n, &e) < 0 || e.type != ETHER_ARP || arp_parse(e.payload.p, e.payload.n, &a) < 0)
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
