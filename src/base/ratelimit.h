/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Token bucket: at most `per_s` events a second with a burst of as many. */
#ifndef HF_BASE_RATELIMIT_H
#define HF_BASE_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	uint32_t per_s;
	uint64_t credit_us; /* 1 event costs US_PER_S / per_s */
	uint64_t last_us;
	uint64_t suppressed; /* events refused so far */
};

/* True when one more event may happen at @now_us; per_s 0 allows none. A fresh bucket is full. */
bool ratelimit_allow(struct ratelimit *l, uint64_t now_us);
struct ratelimit ratelimit_init(uint32_t per_s);

#endif
