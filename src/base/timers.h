/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers as data: a binary heap of intrusive entries ordered by due time. Setting, moving and cancelling cost
 * O(log n); nothing here reads a clock. */
#ifndef HF_BASE_TIMERS_H
#define HF_BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* Embedded in whatever waits; zero-initialised means idle. Must be cancelled before its memory goes. */
struct timer {
	uint64_t due_us;
	size_t slot; /* 1-based place in the heap, 0 = idle */
};

struct timers { /* zero-initialised is empty */
	struct timer **v;
	size_t n, cap;
};

void timers_done(struct timers *ts); /* frees the heap, not the timers */

/* Makes room so that the next timers_set() of @n idle timers cannot fail. Return: 0 or -ENOMEM. */
int timers_reserve(struct timers *ts, size_t n);

/* Arms @t for @due_us, or moves it when armed; NEVER cancels. Return: 0, or -ENOMEM (then @t is as before; cannot
 * happen for an armed timer or after timers_reserve()). */
int timers_set(struct timers *ts, struct timer *t, uint64_t due_us);
void timers_cancel(struct timers *ts, struct timer *t);

/* The earliest due time, or NEVER. */
uint64_t timers_due(const struct timers *ts);
/* Takes out the earliest timer due at or before @now_us, or NULL. */
struct timer *timers_pop(struct timers *ts, uint64_t now_us);

#endif
