/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include "core/binding.h"

#include <assert.h>
#include <utlist.h>

#include "base/util.h"

struct binding_owner {
	UT_hash_handle hh;
	struct binding *first;
	size_t nai_n;
	uint8_t nai[];
};

struct binding_table {
	uint32_t max;
	struct binding *by_home;
	struct binding_owner *owners;
	struct binding **by_index; /* max entries */
	uint32_t *unused;          /* ring of free indexes: one that was just given back is used last */
	uint32_t unused_at, unused_n;
	size_t network_n;
	struct binding **networks; /* list heads */
};

int binding_table_new(uint32_t max, size_t networks, struct binding_table **ret)
{
	auto_(binding_table_freep) struct binding_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->by_index = calloc(max, sizeof(struct binding *));
	t->unused = calloc(max, sizeof(uint32_t));
	t->networks = calloc(networks, sizeof(struct binding *));
	if (!t->by_index || !t->unused || !t->networks)
		return -ENOMEM;
	t->max = max;
	t->unused_n = max;
	t->network_n = networks;
	for (uint32_t i = 0; i < max; i++)
		t->unused[i] = i;
	*ret = TAKE_PTR(t);
	return 0;
}

void binding_table_freep(struct binding_table **table)
{
	struct binding_table *t = *table;
	struct binding *b, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->by_home, b, next)
		binding_remove(t, b);
	free(t->by_index);
	free(t->unused);
	free(t->networks);
	free(t);
	*table = NULL;
}

static struct binding_owner *find_owner(const struct binding_table *t, struct span nai)
{
	struct binding_owner *o;

	HASH_FIND(hh, t->owners, nai.p, nai.n, o);
	return o;
}

static struct binding_owner *get_owner(struct binding_table *t, struct span nai)
{
	struct binding_owner *o = find_owner(t, nai);

	if (o)
		return o;
	o = calloc(1, sizeof(*o) + nai.n);
	if (!o)
		return NULL;
	memcpy(o->nai, nai.p, nai.n);
	o->nai_n = nai.n;
	HASH_ADD_KEYPTR(hh, t->owners, o->nai, o->nai_n, o);
	if (!o->hh.tbl) {
		free(o);
		return NULL;
	}
	return o;
}

static void drop_owner_if_empty(struct binding_table *t, struct binding_owner *o)
{
	if (o->first)
		return;
	HASH_DEL(t->owners, o);
	free(o);
}

/* All of a binding but its index. */
static int add(struct binding_table *t, size_t network, struct in_addr home, struct span nai, struct binding **ret)
{
	auto_(freep) struct binding *b = NULL;
	struct binding_owner *o;

	assert(network < t->network_n);

	if (binding_find(t, home))
		return -EEXIST;
	if (t->unused_n == 0)
		return -ENOSPC;
	b = calloc(1, sizeof(*b));
	o = b ? get_owner(t, nai) : NULL;
	if (!o)
		return -ENOMEM;
	b->home = home;
	HASH_ADD(hh, t->by_home, home, sizeof(b->home), b);
	if (!b->hh.tbl) {
		drop_owner_if_empty(t, o);
		return -ENOMEM;
	}
	b->owner = o;
	b->nai = (struct span){ o->nai, o->nai_n };
	b->sibling = o->first;
	o->first = b;
	b->network = network;
	DL_APPEND(t->networks[network], b);
	t->unused_n--;
	*ret = TAKE_PTR(b);
	return 0;
}

int binding_add(struct binding_table *t, size_t network, struct in_addr home, struct span nai, struct binding **ret)
{
	struct binding *b;
	int r = add(t, network, home, nai, &b);

	if (r < 0)
		return r;
	b->index = t->unused[t->unused_at];
	t->unused_at = (t->unused_at + 1) % t->max;
	t->by_index[b->index] = b;
	*ret = b;
	return 0;
}

int binding_restore(struct binding_table *t, size_t network, struct in_addr home, struct span nai, uint32_t index,
		    struct binding **ret)
{
	struct binding *b;
	int r = add(t, network, home, nai, &b);

	if (r < 0)
		return r;
	b->index = index % t->max;
	while (t->by_index[b->index])
		b->index = (b->index + 1) % t->max; /* there is one: add() counted */
	t->by_index[b->index] = b;
	*ret = b;
	return 0;
}

void binding_table_settle(struct binding_table *t)
{
	t->unused_at = 0;
	t->unused_n = 0;
	for (uint32_t i = 0; i < t->max; i++)
		if (!t->by_index[i])
			t->unused[t->unused_n++] = i;
}

void binding_remove(struct binding_table *t, struct binding *b)
{
	assert(b->expiry.slot == 0);

	for (struct binding **at = &b->owner->first; *at; at = &(*at)->sibling)
		if (*at == b) {
			*at = b->sibling;
			break;
		}
	drop_owner_if_empty(t, b->owner);
	HASH_DEL(t->by_home, b);
	DL_DELETE(t->networks[b->network], b);
	t->by_index[b->index] = NULL;
	t->unused[(t->unused_at + t->unused_n) % t->max] = b->index;
	t->unused_n++;
	shared_sa_dropp(&b->shared);
	free(b);
}

void binding_want_broadcasts(struct binding_table *t, struct binding *b, bool wanted)
{
	struct binding **network = &t->networks[b->network];

	if (b->broadcast == wanted)
		return;
	b->broadcast = wanted;
	DL_DELETE(*network, b);
	if (wanted)
		DL_PREPEND(*network, b);
	else
		DL_APPEND(*network, b);
}

struct binding *binding_find(const struct binding_table *t, struct in_addr home)
{
	struct binding *b;

	HASH_FIND(hh, t->by_home, &home, sizeof(home), b);
	return b;
}

struct binding *binding_find_nai(const struct binding_table *t, struct span nai)
{
	const struct binding_owner *o = find_owner(t, nai);

	return o ? o->first : NULL;
}

struct binding *binding_first(const struct binding_table *t, size_t network)
{
	return network < t->network_n ? t->networks[network] : NULL;
}

struct binding *binding_by_index(const struct binding_table *t, uint32_t index)
{
	return index < t->max ? t->by_index[index] : NULL;
}

uint32_t binding_count(const struct binding_table *t)
{
	return t->max - t->unused_n;
}
