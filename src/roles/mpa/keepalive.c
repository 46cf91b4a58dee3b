/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One keepalive stream per home agent keeps the NAT mapping of all its stations open (RFC 3519 4.9; L-07, L-08): all
 * use the same pair of ports, and nothing of it goes over the air. */
#include "base/util.h"
#include "codec/icmp4.h"
#include "roles/mpa/agent.h"

enum { KEEPALIVE_DEFAULT_S = 110, KEEPALIVE_MIN_S = 10 };

void mpa_keepalive_start(struct subscriber *s, struct instant now, uint16_t interval_s)
{
	struct agent_link *l = s->link;

	if (interval_s == 0)
		interval_s = KEEPALIVE_DEFAULT_S;
	l->keepalive_s = interval_s < KEEPALIVE_MIN_S ? KEEPALIVE_MIN_S : interval_s;
	if (l->keepalive.slot == 0) /* without memory for the timer, refreshes alone keep the mapping open */
		(void)timers_set(&s->mpa->keepalives, &l->keepalive, now.us + l->keepalive_s * US_PER_S);
}

static bool in_use(const struct mpa *mpa, const struct agent_link *l)
{
	const struct subscriber *s, *next;

	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->link == l && s->state == SUBSCRIBER_SERVED && s->tunnel.encap == ENCAP_UDP)
			return true;
	return false;
}

/* The echo comes from our own address, so that its answer ends here and not at a station. */
static void send_echo(struct mpa *mpa, const struct agent_link *l, struct actions *out)
{
	const struct tunnel tunnel = { .encap = ENCAP_UDP,
				       .local = mpa->conf->care_of,
				       .remote = l->address,
				       .local_port = MIP_PORT,
				       .remote_port = MIP_PORT };
	const struct ip4 h = { .ttl = 64, .source = mpa->conf->care_of, .destination = l->address };
	const struct icmp4 echo = { .type = ICMP4_ECHO };
	uint8_t packet[IP4_HEADER_OCTETS + ICMP4_HEADER_OCTETS];
	struct wr w = wr_init(packet, sizeof(packet));

	icmp4_build(&w, &h, &echo);
	actions_send_tunnelled(out, &tunnel, (struct span){ packet, wr_len(&w) });
	MPA_COUNT(mpa, keepalives_sent);
}

void mpa_keepalive_send(struct mpa *mpa, struct instant now, struct actions *out)
{
	struct timer *timer;

	while ((timer = timers_pop(&mpa->keepalives, now.us))) {
		struct agent_link *l = container_of(timer, struct agent_link, keepalive);
		uint64_t interval_us = l->keepalive_s * US_PER_S;

		if (!in_use(mpa, l))
			continue;
		/* Whatever was sent to the agent counts: only a silent interval needs an echo. */
		if (now.us - l->last_sent_us >= interval_us) {
			send_echo(mpa, l, out);
			l->last_sent_us = now.us;
		}
		(void)timers_set(&mpa->keepalives, &l->keepalive, l->last_sent_us + interval_us);
	}
}
