/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ratelimit.h"

#include "base/clock.h"

struct ratelimit ratelimit_init(uint32_t per_s)
{
	return (struct ratelimit){ .per_s = per_s, .credit_us = US_PER_S };
}

bool ratelimit_allow(struct ratelimit *l, uint64_t now_us)
{
	uint64_t cost, gained = now_us > l->last_us ? now_us - l->last_us : 0;

	l->last_us = now_us;
	if (gained > US_PER_S)
		gained = US_PER_S;
	l->credit_us = l->credit_us + gained > US_PER_S ? US_PER_S : l->credit_us + gained;
	cost = l->per_s > 0 ? US_PER_S / l->per_s : NEVER;
	if (l->credit_us < cost) {
		l->suppressed++;
		return false;
	}
	l->credit_us -= cost;
	return true;
}
