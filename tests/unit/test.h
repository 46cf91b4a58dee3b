/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test needs: cmocka with its prerequisites, octets from hex text, addresses from dotted text. */
#ifndef HF_TESTS_UNIT_TEST_H
#define HF_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "base/wire.h"

/* Octets of @hex, blanks ignored; fails the test when they do not fit or are no hex. */
static inline size_t unhex(const char *hex, uint8_t *ret, size_t cap)
{
	size_t n = 0;

	for (; *hex; hex++) {
		unsigned v;

		if (*hex == ' ')
			continue;
		assert_true(n < cap);
		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		ret[n++] = (uint8_t)v;
		hex++;
	}
	return n;
}

static inline struct in_addr ip(const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return a;
}

static inline struct span text(const char *s)
{
	return (struct span){ (const uint8_t *)s, strlen(s) };
}

/* What was written to @w is exactly @hex. */
static inline void assert_written(const struct wr *w, const char *hex)
{
	uint8_t want[2048];
	size_t n = unhex(hex, want, sizeof(want));

	assert_int_equal(w->err, 0);
	assert_int_equal(wr_len(w), n);
	assert_memory_equal(w->start, want, n);
}

/* @got_n octets at @got are exactly @hex. */
static inline void assert_octets(const uint8_t *got, size_t got_n, const char *hex)
{
	uint8_t want[2048];
	size_t n = unhex(hex, want, sizeof(want));

	assert_int_equal(got_n, n);
	assert_memory_equal(got, want, n);
}

#endif
