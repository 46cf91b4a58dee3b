/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Home addresses of one home network and who holds them. A name gets the same address again as long as its lease is
 * kept, also after the binding ended: leases of ended bindings stay reserved for a while. */
#ifndef HF_CORE_POOL_H
#define HF_CORE_POOL_H

#include "base/clock.h"
#include "base/wire.h"
#include "core/prefix.h"

/* What a name asks an address for: one NAI on one access technology (0 = whichever). */
struct lease_key {
	struct span nai;
	uint8_t access_tech;
};

struct pool; /* opaque; one thread */

/**
 * pool_new() - all of @prefix, of which @ranges are given out.
 * @ranges: borrowed; must outlive the pool. @gateway and the prefix's first and last address are never given out.
 * @sticky_s: [s] a released address stays reserved for its holder.
 * @max_leases: cap on leases, so that memory is bounded whatever the size of the ranges.
 * Return: 0 or -ENOMEM.
 */
int pool_new(const struct prefix *prefix, struct in_addr gateway, const struct address_range *ranges, size_t range_n,
	     uint32_t sticky_s, size_t max_leases, struct pool **ret);
void pool_freep(struct pool **p); /* NULL-safe */

/**
 * pool_acquire() - the address of @key, now in use.
 * @want: a certain address (any of the prefix, also outside of the ranges: a station may have got it at home, L-35),
 *        or 0.0.0.0 for the one @key had, or else any free one of the ranges.
 * Return: 0, -EADDRNOTAVAIL (@want is outside of the prefix or reserved), -EADDRINUSE (@want is another name's),
 * -ENOSPC (nothing free), -ENOMEM.
 */
int pool_acquire(struct pool *p, const struct lease_key *key, struct in_addr want, uint64_t now_us,
		 struct in_addr *ret);

/* Gives @addr to @key for good: a configured home address. Errors as pool_acquire(). */
int pool_reserve(struct pool *p, const struct lease_key *key, struct in_addr addr);

/* @addr is no longer in use; it stays reserved for its holder if it is one of the ranges, which nobody else gives out
 * (L-37). Unknown and reserved addresses: nothing happens. */
void pool_release(struct pool *p, struct in_addr addr, uint64_t now_us);

/* Keeps @addr for somebody whose name is not known, until pool_unhold(). Errors as pool_acquire(). */
int pool_hold(struct pool *p, struct in_addr addr);
void pool_unhold(struct pool *p, struct in_addr addr); /* free again, at once */

/* Who holds @addr: borrowed until the next change, n = 0 when nobody does. */
struct span pool_holder(const struct pool *p, struct in_addr addr);

#endif
