/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include "core/pool.h"

#include <uthash.h>
#include <utlist.h>

#include "base/util.h"

enum lease_state { LEASE_USED, LEASE_RELEASED, LEASE_PERMANENT };

struct lease {
	UT_hash_handle by_addr, by_key;
	struct lease *prev, *next; /* pool.released, oldest first */
	enum lease_state state;
	struct in_addr addr;
	uint64_t released_us;
	size_t key_n;
	uint8_t key[]; /* access technology, then the NAI */
};

struct pool {
	struct prefix prefix;
	struct in_addr gateway;
	const struct address_range *ranges;
	size_t range_n, cursor_range;
	uint32_t cursor; /* host order: next address to try in ranges[cursor_range] */
	uint64_t size;   /* addresses in all ranges */
	uint64_t ranged; /* leases inside the ranges */
	uint64_t sticky_us;
	size_t max_leases;
	struct lease *by_addr, *by_key, *released;
};

static uint32_t range_size(const struct address_range *r)
{
	return ntohl(r->last.s_addr) - ntohl(r->first.s_addr) + 1;
}

static bool in_ranges(const struct pool *p, struct in_addr a)
{
	for (size_t i = 0; i < p->range_n; i++)
		if (ntohl(a.s_addr) - ntohl(p->ranges[i].first.s_addr) < range_size(&p->ranges[i]))
			return true;
	return false;
}

int pool_new(const struct prefix *prefix, struct in_addr gateway, const struct address_range *ranges, size_t range_n,
	     uint32_t sticky_s, size_t max_leases, struct pool **ret)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->prefix = *prefix;
	p->gateway = gateway;
	p->ranges = ranges;
	p->range_n = range_n;
	p->sticky_us = sticky_s * US_PER_S;
	p->max_leases = max_leases;
	for (size_t i = 0; i < range_n; i++)
		p->size += range_size(&ranges[i]);
	if (range_n > 0)
		p->cursor = ntohl(ranges[0].first.s_addr);
	*ret = p;
	return 0;
}

static void lease_free(struct pool *p, struct lease *l)
{
	if (l->state == LEASE_RELEASED)
		DL_DELETE(p->released, l);
	if (in_ranges(p, l->addr))
		p->ranged--;
	HASH_DELETE(by_addr, p->by_addr, l);
	HASH_DELETE(by_key, p->by_key, l);
	free(l);
}

void pool_freep(struct pool **p)
{
	struct lease *l, *next;

	if (!*p)
		return;
	HASH_ITER(by_addr, (*p)->by_addr, l, next)
		lease_free(*p, l);
	free(*p);
	*p = NULL;
}

static struct lease *find_addr(const struct pool *p, struct in_addr addr)
{
	struct lease *l;

	HASH_FIND(by_addr, p->by_addr, &addr, sizeof(addr), l);
	return l;
}

static struct lease *find_key(const struct pool *p, const struct lease_key *key)
{
	uint8_t flat[256];
	struct lease *l;

	if (key->nai.n >= sizeof(flat))
		return NULL;
	flat[0] = key->access_tech;
	memcpy(flat + 1, key->nai.p, key->nai.n);
	HASH_FIND(by_key, p->by_key, flat, key->nai.n + 1, l);
	return l;
}

static bool expired(const struct pool *p, const struct lease *l, uint64_t now_us)
{
	return l->state == LEASE_RELEASED && now_us - l->released_us >= p->sticky_us;
}

static bool assignable(const struct pool *p, struct in_addr a)
{
	if (!prefix_contains(&p->prefix, a) || a.s_addr == p->gateway.s_addr)
		return false;
	return p->prefix.len >= 31 ||
	       (a.s_addr != p->prefix.addr.s_addr && a.s_addr != prefix_broadcast(&p->prefix).s_addr);
}

/* At the cap, the address released longest ago is forgotten even if still reserved: memory comes first. */
static int make_room(struct pool *p)
{
	if (HASH_CNT(by_addr, p->by_addr) < p->max_leases)
		return 0;
	if (!p->released)
		return -ENOSPC;
	lease_free(p, p->released);
	return 0;
}

static int lease_new(struct pool *p, const struct lease_key *key, struct in_addr addr, struct lease **ret)
{
	struct lease *l;
	int r = make_room(p);

	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l) + key->nai.n + 1);
	if (!l)
		return -ENOMEM;
	l->addr = addr;
	l->key[0] = key->access_tech;
	memcpy(l->key + 1, key->nai.p, key->nai.n);
	l->key_n = key->nai.n + 1;
	HASH_ADD(by_addr, p->by_addr, addr, sizeof(l->addr), l);
	if (!l->by_addr.tbl)
		goto fail;
	HASH_ADD_KEYPTR(by_key, p->by_key, l->key, l->key_n, l);
	if (!l->by_key.tbl) {
		HASH_DELETE(by_addr, p->by_addr, l);
		goto fail;
	}
	if (in_ranges(p, addr))
		p->ranged++;
	*ret = l;
	return 0;
fail:
	free(l);
	return -ENOMEM;
}

static struct in_addr next_in_ranges(struct pool *p)
{
	struct in_addr a = { htonl(p->cursor) };

	if (a.s_addr == p->ranges[p->cursor_range].last.s_addr) {
		p->cursor_range = (p->cursor_range + 1) % p->range_n;
		p->cursor = ntohl(p->ranges[p->cursor_range].first.s_addr);
	} else {
		p->cursor++;
	}
	return a;
}

/* Fresh addresses first, so that reservations last as long as they can; then the one whose reservation ended first. */
static int find_free(struct pool *p, uint64_t now_us, struct in_addr *ret)
{
	struct lease *l;

	for (uint64_t i = 0; p->ranged < p->size && i < p->size; i++) {
		struct in_addr a = next_in_ranges(p);

		if (assignable(p, a) && !find_addr(p, a)) {
			*ret = a;
			return 0;
		}
	}
	DL_FOREACH(p->released, l) {
		if (!expired(p, l, now_us))
			break; /* the list is in order of release */
		if (in_ranges(p, l->addr)) {
			*ret = l->addr;
			lease_free(p, l);
			return 0;
		}
	}
	return -ENOSPC;
}

/* Makes @want available for a new lease. */
static int clear_wanted(struct pool *p, struct in_addr want, uint64_t now_us)
{
	struct lease *there = find_addr(p, want);

	if (!assignable(p, want))
		return -EADDRNOTAVAIL;
	if (!there)
		return 0;
	if (!expired(p, there, now_us))
		return -EADDRINUSE;
	lease_free(p, there);
	return 0;
}

static void set_used(struct pool *p, struct lease *l)
{
	if (l->state == LEASE_RELEASED) {
		DL_DELETE(p->released, l);
		l->state = LEASE_USED;
	}
}

int pool_acquire(struct pool *p, const struct lease_key *key, struct in_addr want, uint64_t now_us, struct in_addr *ret)
{
	struct lease *own = find_key(p, key);
	struct lease *l = NULL;
	struct in_addr addr = want;
	int r;

	if (own && (want.s_addr == INADDR_ANY || want.s_addr == own->addr.s_addr)) {
		set_used(p, own);
		*ret = own->addr;
		return 0;
	}
	if (own && own->state != LEASE_RELEASED)
		return -EADDRINUSE; /* it uses another address already */
	r = want.s_addr == INADDR_ANY ? find_free(p, now_us, &addr) : clear_wanted(p, want, now_us);
	if (r < 0)
		return r;
	if (own)
		lease_free(p, own);
	r = lease_new(p, key, addr, &l);
	if (r < 0)
		return r;
	*ret = addr;
	return 0;
}

int pool_reserve(struct pool *p, const struct lease_key *key, struct in_addr addr)
{
	struct lease *l = NULL;
	int r;

	if (!assignable(p, addr))
		return -EADDRNOTAVAIL;
	if (find_addr(p, addr) || find_key(p, key))
		return -EADDRINUSE;
	r = lease_new(p, key, addr, &l);
	if (r < 0)
		return r;
	l->state = LEASE_PERMANENT;
	return 0;
}

/* Each lease has a name of its own: one that no user can have. */
int pool_hold(struct pool *p, struct in_addr addr)
{
	const uint32_t name[2] = { 0, addr.s_addr };

	return pool_reserve(p, &(struct lease_key){ .nai = { (const uint8_t *)name, sizeof(name) } }, addr);
}

void pool_unhold(struct pool *p, struct in_addr addr)
{
	struct lease *l = find_addr(p, addr);

	if (l && l->state == LEASE_PERMANENT)
		lease_free(p, l);
}

void pool_release(struct pool *p, struct in_addr addr, uint64_t now_us)
{
	struct lease *l = find_addr(p, addr);

	if (!l || l->state != LEASE_USED)
		return;
	if (!in_ranges(p, addr)) {
		lease_free(p, l); /* somebody else gives it out, and to whom is not ours to say */
		return;
	}
	l->state = LEASE_RELEASED;
	l->released_us = now_us;
	DL_APPEND(p->released, l);
}

struct span pool_holder(const struct pool *p, struct in_addr addr)
{
	const struct lease *l = find_addr(p, addr);

	return l ? (struct span){ l->key + 1, l->key_n - 1 } : (struct span){ 0 };
}
