/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include "core/replay.h"

#include "base/util.h"

/* uthash keeps insertion order, so an entry that is taken out and put in again moves to the young end. */
struct replay_table {
	struct replay_entry *head;
	size_t max;
};

int replay_table_new(size_t max, struct replay_table **ret)
{
	struct replay_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	*ret = t;
	return 0;
}

void replay_table_freep(struct replay_table **t)
{
	struct replay_entry *e, *next;

	if (!*t)
		return;
	HASH_ITER(hh, (*t)->head, e, next) {
		HASH_DEL((*t)->head, e);
		free(e);
	}
	free(*t);
	*t = NULL;
}

struct replay_entry *replay_entry_find(const struct replay_table *t, struct span nai)
{
	struct replay_entry *e;

	HASH_FIND(hh, t->head, nai.p, nai.n, e);
	return e;
}

static int add(struct replay_table *t, struct replay_entry *e)
{
	HASH_ADD_KEYPTR(hh, t->head, e->nai, e->nai_n, e);
	return e->hh.tbl ? 0 : -ENOMEM;
}

static int make_room(struct replay_table *t, uint64_t now_us, uint64_t guard_us)
{
	struct replay_entry *oldest = t->head;

	if (HASH_COUNT(t->head) < t->max)
		return 0;
	if (!oldest || now_us - oldest->touched_us < guard_us)
		return -ENOSPC;
	HASH_DEL(t->head, oldest);
	free(oldest);
	return 0;
}

int replay_entry_get(struct replay_table *t, struct span nai, uint64_t now_us, uint64_t guard_us,
		     struct replay_entry **ret)
{
	struct replay_entry *e = replay_entry_find(t, nai);
	int r;

	if (e) {
		HASH_DEL(t->head, e);
	} else {
		r = make_room(t, now_us, guard_us);
		if (r < 0)
			return r;
		e = calloc(1, sizeof(*e) + nai.n);
		if (!e)
			return -ENOMEM;
		memcpy(e->nai, nai.p, nai.n);
		e->nai_n = nai.n;
	}
	e->touched_us = now_us;
	r = add(t, e);
	if (r < 0) {
		free(e);
		return r;
	}
	*ret = e;
	return 0;
}

/* @a comes after @b; right across the end of an NTP era (2036). */
static bool after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static bool timestamp_fresh(const struct sa *sa, const struct replay_entry *e, uint64_t now_ntp, uint64_t id)
{
	uint64_t tolerance = (uint64_t)sa->tolerance_s << 32;
	uint64_t last = e ? e->last_id : 0;

	if (after(id, now_ntp + tolerance) || after(now_ntp - tolerance, id))
		return false;
	/* Our clock was set back: what was accepted then lies outside the window now and protects itself. */
	if (last == 0 || after(last, now_ntp + tolerance))
		return true;
	return after(id, last);
}

enum replay_verdict replay_check(const struct sa *sa, const struct replay_entry *e, uint64_t now_ntp, uint64_t id)
{
	bool fresh = false;

	if (e && e->last_id == id && id != 0)
		return REPLAY_REPEATED;
	switch (sa->replay) {
	case REPLAY_TIMESTAMP:
		fresh = timestamp_fresh(sa, e, now_ntp, id);
		break;
	case REPLAY_NONCE:
		fresh = e && e->nonce_valid && e->nonce == id >> 32;
		break;
	case REPLAY_STYLE_COUNT:
		break;
	}
	return fresh ? REPLAY_FRESH : REPLAY_MISMATCH;
}

void replay_accept(struct replay_entry *e, uint64_t id)
{
	e->last_id = id;
}

void replay_issue_nonce(struct replay_entry *e, uint32_t nonce)
{
	e->nonce = nonce;
	e->nonce_valid = true;
}

uint64_t replay_resync_id(const struct replay_entry *e, uint64_t now_ntp, uint64_t id)
{
	uint64_t high = now_ntp >> 32;

	/* The requester's fraction of a second is its own, so only the next whole second is surely later. */
	if (e && e->last_id != 0 && after(e->last_id, id))
		high = ((after(e->last_id, now_ntp) ? e->last_id : now_ntp) >> 32) + 1;
	return high << 32 | (id & UINT32_MAX);
}

uint32_t replay_stamp(struct replay_entry *e, uint64_t now_ntp)
{
	uint32_t now_s = (uint32_t)(now_ntp >> 32);

	if (e->stamp != 0 && now_s - e->stamp - 1 >= UINT32_C(0x7fffffff))
		now_s = e->stamp + 1;
	e->stamp = now_s;
	return now_s;
}
