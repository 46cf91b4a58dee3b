/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzz target: feeds octets to a decoder or a role and aborts when a property does not hold. Built as a libFuzzer
 * program with -Dfuzzers=true, else with replay.c, which runs it over the seed corpus. */
#ifndef HF_TESTS_FUZZ_FUZZ_H
#define HF_TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What a role goes through. On the wire: kind, time since the last step as the cube root of milliseconds, and octets with
 * their length in two. */
struct fuzz_step {
	uint8_t kind;
	struct span octets;
};

/* Time goes on to the next step; false when there is none. */
static inline bool fuzz_next(struct rd *r, struct instant *now, struct fuzz_step *ret)
{
	uint64_t root, ms;
	size_t n;

	if (rd_left(r) < 4)
		return false;
	ret->kind = rd_u8(r);
	root = rd_u8(r);
	ms = root * root * root;
	n = min_size(rd_u16(r), rd_left(r));
	ret->octets = (struct span){ rd_take(r, n), n };
	now->us += ms * US_PER_MS;
	now->ntp += (ms << 32) / 1000 + 1;
	return true;
}

static inline void span_equal(struct span a, struct span b)
{
	assert(a.n == b.n);
	assert(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
