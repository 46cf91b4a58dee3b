/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/now.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

struct instant now_instant(void)
{
	struct timespec boot, wall;
	struct instant now;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot); /* both clocks exist on every Linux we run on */
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	now.us = (uint64_t)boot.tv_sec * US_PER_S + (uint64_t)boot.tv_nsec / 1000;
	now.ntp = ((uint64_t)wall.tv_sec + NTP_UNIX_OFFSET_S) << 32 |
		  ((uint64_t)wall.tv_nsec << 32) / UINT64_C(1000000000);
	return now;
}

uint64_t now_unix_us(void)
{
	struct timespec wall;

	(void)clock_gettime(CLOCK_REALTIME, &wall); /* as above */
	return (uint64_t)wall.tv_sec * US_PER_S + (uint64_t)wall.tv_nsec / 1000;
}

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	if (getrandom(ret, n, 0) != (ssize_t)n) /* up to 256 octets it is all or nothing */
		abort();
}

const struct random system_random = { .fill = fill };
