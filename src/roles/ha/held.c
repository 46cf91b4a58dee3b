/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Home addresses that the kernel still tunnels for, from before we started, while we do not know whose they are: kept for
 * the agent that serves them until it asks for them, or its lifetime must be over. */
#define HASH_NONFATAL_OOM 1

#include "base/util.h"
#include "roles/ha/agent.h"

enum { RELEASES_PER_CALL = 64 };

struct held {
	UT_hash_handle hh;
	struct timer end;
	struct dp_binding there;
	size_t network;
	bool nameless; /* the address is kept in the pool, too */
};

static struct held *find(const struct ha *ha, struct in_addr home)
{
	struct held *h;

	HASH_FIND(hh, ha->held, &home, sizeof(home), h);
	return h;
}

static void drop(struct ha *ha, struct held *h)
{
	timers_cancel(&ha->holds, &h->end);
	HASH_DEL(ha->held, h);
	free(h);
}

void ha_held_free(struct ha *ha)
{
	struct held *h, *next;

	HASH_ITER(hh, ha->held, h, next)
		drop(ha, h);
}

static int add(struct ha *ha, uint64_t end_us, size_t network, bool nameless, const struct dp_binding *there)
{
	auto_(freep) struct held *h = calloc(1, sizeof(*h));
	int r = h ? timers_reserve(&ha->holds, HASH_COUNT(ha->held) + 1) : -ENOMEM;

	if (r < 0)
		return r;
	h->there = *there;
	h->network = network;
	h->nameless = nameless;
	HASH_ADD(hh, ha->held, there.home, sizeof(h->there.home), h);
	if (!h->hh.tbl)
		return -ENOMEM;
	(void)timers_set(&ha->holds, &h->end, end_us); /* room was made */
	TAKE_PTR(h);
	return 0;
}

int ha_hold(struct ha *ha, struct instant now, const struct dp_binding *there)
{
	uint16_t life_s = ha->conf->max_lifetime_s;
	uint64_t end_us = life_s == MIP_LIFETIME_INFINITE ? NEVER : now.us + life_s * US_PER_S;
	int r;

	if (binding_find(ha->bindings, there->home) || find(ha, there->home))
		return -EEXIST;
	for (size_t i = 0; i < ha->conf->network_n; i++) {
		if (!prefix_contains(&ha->conf->networks[i].prefix, there->home))
			continue;
		r = pool_hold(ha->pools[i], there->home);
		if (r < 0 && r != -EADDRINUSE) /* in use: we know whose it is */
			return r;
		return add(ha, end_us, i, r == 0, there); /* without memory, it is kept for good */
	}
	return -EADDRNOTAVAIL;
}

static void end(struct ha *ha, struct held *h)
{
	if (h->nameless)
		pool_unhold(ha->pools[h->network], h->there.home);
	drop(ha, h);
}

/* The agent that serves it goes on doing so; whoever else asks for it has to wait until that one has not for a whole
 * lifetime. */
void ha_held_claim(struct ha *ha, struct in_addr home, const struct tunnel *by)
{
	struct held *h = find(ha, home);

	if (h && h->nameless && h->there.tunnel.remote.s_addr == by->remote.s_addr)
		end(ha, h);
}

void ha_held_replace(struct ha *ha, struct in_addr home)
{
	struct held *h = find(ha, home);

	if (h)
		end(ha, h);
}

void ha_held_expire(struct ha *ha, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < RELEASES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&ha->holds, now.us);
		struct record note = { .level = RECORD_NOTICE, .event = "leftover_removed" };
		struct held *h;

		if (!timer)
			return;
		h = container_of(timer, struct held, end);
		note.home = h->there.home;
		note.peer = h->there.tunnel.remote;
		actions_binding_del(out, &h->there);
		actions_record(out, &note, (struct span){ 0 }, "from before the restart; nobody refreshed it");
		end(ha, h);
	}
}
