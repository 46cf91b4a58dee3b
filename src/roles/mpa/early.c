/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of the tunnel that are here before the reply is: the home agent switches, and sends them, a moment before we have
 * read that it did. A few are kept for a moment, for whoever turns out to be theirs. */
#include <stdlib.h>
#include <string.h>

#include "codec/ip4.h"
#include "roles/mpa/agent.h"

enum { EARLY_AGE_US = 50 * US_PER_MS };

static bool is_for(const struct early_packet *p, struct instant now, const struct subscriber *s)
{
	struct ip4 ip;

	return p->octets && p->at_us + EARLY_AGE_US >= now.us && tunnel_equal(&p->tunnel, &s->tunnel) &&
	       ip4_parse(p->octets, p->n, &ip) == 0 && ip.destination.s_addr == s->home.s_addr;
}

void early_keep(struct mpa *mpa, struct instant now, const struct tunnelled *t)
{
	struct early_packet *p = &mpa->early[mpa->early_at];
	uint8_t *copy = malloc(t->inner.n);

	if (!copy || p->octets)
		MPA_COUNT(mpa, packets_dropped);
	if (!copy)
		return;
	memcpy(copy, t->inner.p, t->inner.n);
	free(p->octets);
	*p = (struct early_packet){ .octets = copy, .n = t->inner.n, .tunnel = t->tunnel, .at_us = now.us };
	mpa->early_at = (mpa->early_at + 1) % EARLY_PACKETS_MAX;
}

/* In the order they came, and each as if it came now. */
void early_deliver(const struct subscriber *s, struct instant now, struct actions *out)
{
	struct mpa *mpa = s->mpa;

	for (unsigned i = 0; i < EARLY_PACKETS_MAX; i++) {
		struct early_packet *p = &mpa->early[(mpa->early_at + i) % EARLY_PACKETS_MAX];
		const struct tunnelled t = { .tunnel = p->tunnel, .inner = { p->octets, p->n } };

		if (!is_for(p, now, s))
			continue;
		MPA_COUNT(mpa, early_packets);
		mpa_on_tunnelled(mpa, now, &t, out);
		free(p->octets);
		p->octets = NULL;
	}
}

void early_free(struct mpa *mpa)
{
	for (unsigned i = 0; i < EARLY_PACKETS_MAX; i++)
		free(mpa->early[i].octets);
}
