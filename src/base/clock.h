/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as data. Protocol logic never reads a clock: whoever calls it says what time it is. */
#ifndef HF_BASE_CLOCK_H
#define HF_BASE_CLOCK_H

#include <stdint.h>

/* One instant on the two clocks Mobile IP needs. */
struct instant {
	uint64_t us;  /* [us] CLOCK_BOOTTIME: lifetimes and timers run on through suspend */
	uint64_t ntp; /* wall clock, 64-bit NTP timestamp (32.32), for the Identification field (RFC 5944 5.7) */
};

#define US_PER_MS UINT64_C(1000)
#define US_PER_S UINT64_C(1000000)
#define NEVER UINT64_MAX /* a due time that never comes */

/* [us] From now to @at_us; 0 where that is over, though perhaps nobody has noticed yet. */
static inline uint64_t us_until(struct instant now, uint64_t at_us)
{
	return at_us > now.us ? at_us - now.us : 0;
}

/* Seconds between 1900-01-01 (NTP) and 1970-01-01 (Unix). */
#define NTP_UNIX_OFFSET_S UINT64_C(2208988800)

#endif
