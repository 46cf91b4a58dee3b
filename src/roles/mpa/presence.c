/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a station still there? Behind a switch nobody sees its cable being pulled (L-03, G-11): a station that sent nothing
 * we hear for a while is asked by ARP, in the name of its gateway, and whose answers stay out counts as lost. */
#include "base/util.h"
#include "codec/arp.h"
#include "roles/mpa/agent.h"

enum { TRIES = 3, BETWEEN_TRIES_S = 1, TIMES_PER_CALL = 64 };

/* Only where a frame of its own is enough to bring it back. */
static uint16_t period_of(const struct subscriber *s)
{
	const struct mpa_access *a = s->access;

	return !s->vpn.here && a && ((a->trusted && a->by_packet) || a->hostapd) ? a->presence_s : 0;
}

static void set(struct subscriber *s, uint64_t due_us)
{
	(void)timers_set(&s->mpa->presences, &s->presence.timer, due_us); /* room was made with the subscriber */
}

void presence_watch(struct subscriber *s, struct instant now)
{
	uint16_t period_s = period_of(s);

	if (period_s > 0 && s->presence.timer.slot == 0) {
		s->presence.unanswered = 0;
		set(s, now.us + period_s * US_PER_S);
	}
}

void presence_heard(struct subscriber *s, struct instant now)
{
	if (s->presence.timer.slot == 0)
		return;
	s->presence.unanswered = 0;
	set(s, now.us + period_of(s) * US_PER_S);
}

static void ask(const struct subscriber *s, struct in_addr gateway, struct actions *out)
{
	const uint8_t *gateway_mac = s->mpa->conf->gateway_mac;
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + ARP_OCTETS);
	struct arp question = { .op = ARP_REQUEST, .sender = gateway, .target = s->home };

	memcpy(question.sender_mac, gateway_mac, sizeof(question.sender_mac));
	ether_build(&w, s->port.mac, gateway_mac, ETHER_ARP);
	arp_build(&w, &question);
	actions_send_frame(out, s->port.ifindex, &w);
	MPA_COUNT(s->mpa, presence_asked);
}

static void on_time(struct subscriber *s, struct instant now, struct actions *out)
{
	const struct mpa_network *n = subscriber_network(s);

	if (s->state != SUBSCRIBER_SERVED || period_of(s) == 0 || !n)
		return; /* watched again when it is served */
	if (s->presence.unanswered == TRIES) {
		MPA_COUNT(s->mpa, presence_lost);
		(void)subscriber_event(s, now, EVENT_LOST, "does not answer ARP any more", out);
		return;
	}
	s->presence.unanswered++;
	ask(s, n->gateway, out);
	set(s, now.us + BETWEEN_TRIES_S * US_PER_S);
}

void presence_on_time(struct mpa *mpa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&mpa->presences, now.us);

		if (!timer)
			return;
		on_time(container_of(timer, struct subscriber, presence.timer), now, out);
	}
}
