/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replay protection of registration requests at the home agent (RFC 5944 5.7), one entry per NAI, because several
 * proxy agents speak for one user and only the newest may win (G-08). */
#ifndef HF_CORE_REPLAY_H
#define HF_CORE_REPLAY_H

#include <uthash.h>

#include "base/clock.h"
#include "core/sa.h"

struct replay_entry {
	UT_hash_handle hh;
	uint64_t last_id; /* greatest Identification accepted, 0 = none */
	uint32_t nonce;   /* last nonce issued */
	bool nonce_valid;
	uint32_t stamp; /* last revocation timestamp issued (RFC 3543 3.2), strictly rising per NAI */
	uint64_t touched_us;
	size_t nai_n;
	char nai[];
};

struct replay_table; /* opaque; one thread */

int replay_table_new(size_t max, struct replay_table **ret); /* 0 or -ENOMEM */
void replay_table_freep(struct replay_table **t);            /* NULL-safe */

/* The entry of @nai, or NULL. Valid until the next replay_entry_get(). */
struct replay_entry *replay_entry_find(const struct replay_table *t, struct span nai);

/**
 * replay_entry_get() - find or make the entry of an authenticated user.
 * When @max entries exist, the one untouched for longest makes room, unless it was touched in the last @guard_us: a
 * forgotten entry younger than the time stamp window would let an old request in again.
 * Return: 0, -ENOSPC (all entries are young: refuse the request, code 130), -ENOMEM.
 */
int replay_entry_get(struct replay_table *t, struct span nai, uint64_t now_us, uint64_t guard_us,
		     struct replay_entry **ret);

enum replay_verdict {
	REPLAY_FRESH,
	REPLAY_REPEATED, /* exactly the Identification accepted last: answer again, change nothing */
	REPLAY_MISMATCH, /* code 133 */
};

/* @e: NULL when nothing was accepted yet. */
enum replay_verdict replay_check(const struct sa *sa, const struct replay_entry *e, uint64_t now_ntp, uint64_t id);

/* Remembers an accepted request. */
void replay_accept(struct replay_entry *e, uint64_t id);
/* Remembers the nonce that a reply, whatever its code, told the requester to use next. */
void replay_issue_nonce(struct replay_entry *e, uint32_t nonce);

/**
 * replay_resync_id() - Identification of a 133 reply: where the requester has to set its clock (high half).
 * Our own clock, but never behind what was accepted already: an agent whose clock lags the previous agent's would
 * else need several rounds (G-09).
 */
uint64_t replay_resync_id(const struct replay_entry *e, uint64_t now_ntp, uint64_t id);

/* A revocation timestamp later than every one issued for this NAI: seconds of our clock, or one more than last. */
uint32_t replay_stamp(struct replay_entry *e, uint64_t now_ntp);

#endif
