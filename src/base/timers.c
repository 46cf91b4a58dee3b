/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/timers.h"

#include <errno.h>
#include <stdlib.h>

void timers_done(struct timers *ts)
{
	free(ts->v);
	*ts = (struct timers){ 0 };
}

int timers_reserve(struct timers *ts, size_t n)
{
	size_t cap = ts->cap ? ts->cap : 64;
	struct timer **v;

	while (cap < ts->n + n)
		cap *= 2;
	if (cap == ts->cap)
		return 0;
	v = realloc(ts->v, cap * sizeof(struct timer *));
	if (!v)
		return -ENOMEM;
	ts->v = v;
	ts->cap = cap;
	return 0;
}

static void place(struct timers *ts, size_t i, struct timer *t)
{
	ts->v[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct timers *ts, size_t i)
{
	struct timer *t = ts->v[i];

	while (i > 0 && ts->v[(i - 1) / 2]->due_us > t->due_us) {
		place(ts, i, ts->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i)
{
	struct timer *t = ts->v[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < ts->n && ts->v[child + 1]->due_us < ts->v[child]->due_us)
			child++;
		if (child >= ts->n || ts->v[child]->due_us >= t->due_us)
			break;
		place(ts, i, ts->v[child]);
		i = child;
	}
	place(ts, i, t);
}

void timers_cancel(struct timers *ts, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last;

	if (t->slot == 0)
		return;
	t->slot = 0;
	last = ts->v[--ts->n];
	if (last == t)
		return;
	place(ts, i, last);
	sift_up(ts, i);
	sift_down(ts, last->slot - 1);
}

int timers_set(struct timers *ts, struct timer *t, uint64_t due_us)
{
	if (due_us == NEVER) {
		timers_cancel(ts, t);
		return 0;
	}
	if (t->slot == 0) {
		int r = timers_reserve(ts, 1);

		if (r < 0)
			return r;
		place(ts, ts->n++, t);
	}
	t->due_us = due_us;
	sift_up(ts, t->slot - 1);
	sift_down(ts, t->slot - 1);
	return 0;
}

uint64_t timers_due(const struct timers *ts)
{
	return ts->n > 0 ? ts->v[0]->due_us : NEVER;
}

struct timer *timers_pop(struct timers *ts, uint64_t now_us)
{
	struct timer *t;

	if (ts->n == 0 || timers_due(ts) > now_us)
		return NULL;
	t = ts->v[0];
	timers_cancel(ts, t);
	return t;
}
