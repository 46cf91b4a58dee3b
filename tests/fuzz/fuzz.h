/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzz target: feeds octets to a decoder or a role and aborts when a property does not hold. Built as a libFuzzer
 * program with -Dfuzzers=true, else with replay.c, which runs it over the seed corpus. */
#ifndef HF_TESTS_FUZZ_FUZZ_H
#define HF_TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static inline void span_equal(struct span a, struct span b)
{
	assert(a.n == b.n);
	assert(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
