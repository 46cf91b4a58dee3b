/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include "roles/ha/directory.h"

#include <ctype.h>
#include <uthash.h>

#include "base/util.h"

enum { KEY_MAX = 4 + MIP_NAI_MAX + 2 };

struct entry {
	UT_hash_handle hh;
	const void *what;
	size_t key_n;
	uint8_t key[];
};

struct directory {
	const struct ha_conf *conf;
	struct entry *users;        /* key: NAI, or "*@realm" */
	struct entry *associations; /* key: SPI, then NAI or "@realm" */
};

void directory_normalise(struct span nai, char *ret_text)
{
	bool realm = false;

	for (size_t i = 0; i < nai.n; i++) {
		ret_text[i] = (char)(realm ? tolower(nai.p[i]) : nai.p[i]);
		realm = realm || nai.p[i] == '@';
	}
}

/* The first entry with a key wins. */
static int add(struct entry **head, struct span key, const void *what)
{
	struct entry *e;

	HASH_FIND(hh, *head, key.p, key.n, e);
	if (e)
		return 0;
	e = calloc(1, sizeof(*e) + key.n);
	if (!e)
		return -ENOMEM;
	memcpy(e->key, key.p, key.n);
	e->key_n = key.n;
	e->what = what;
	HASH_ADD_KEYPTR(hh, *head, e->key, e->key_n, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return 0;
}

static const void *find(const struct entry *head, struct span key)
{
	struct entry *e;

	HASH_FIND(hh, head, key.p, key.n, e);
	return e ? e->what : NULL;
}

/* "@realm" of an NAI, or of @realm itself; n = 0 when there is none. */
static struct span realm_of(struct span nai)
{
	for (size_t i = 0; i < nai.n; i++)
		if (nai.p[i] == '@')
			return (struct span){ nai.p + i, nai.n - i };
	return (struct span){ 0 };
}

static struct span text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

static int add_user(struct directory *d, const struct ha_user *u)
{
	char key[MIP_NAI_MAX];
	struct span nai = text_span(u->nai);

	if (nai.n > sizeof(key))
		return 0; /* longer than any NAI on the wire */
	directory_normalise(nai, key);
	return add(&d->users, (struct span){ (const uint8_t *)key, nai.n }, u);
}

/* SPI and text as one key; n = 0 when it is too long to be met on the wire. */
static struct span association_key(uint32_t spi, struct span prefix, struct span text, uint8_t ret_key[KEY_MAX])
{
	struct wr w = wr_init(ret_key, KEY_MAX);

	wr_u32(&w, spi);
	wr_bytes(&w, prefix.p, prefix.n);
	wr_bytes(&w, text.p, text.n);
	return (struct span){ ret_key, w.err ? 0 : wr_len(&w) };
}

static int add_association(struct directory *d, const struct ha_association *a)
{
	uint8_t key[KEY_MAX];
	char nai[MIP_NAI_MAX];
	struct span k = { 0 }, text;

	switch (a->scope) {
	case SA_SCOPE_USER:
		text = text_span(a->nai);
		if (text.n > sizeof(nai))
			return 0;
		directory_normalise(text, nai);
		k = association_key(a->sa.spi, (struct span){ 0 }, (struct span){ (uint8_t *)nai, text.n }, key);
		break;
	case SA_SCOPE_DOMAIN:
		k = association_key(a->sa.spi, text_span("@"), text_span(a->realm), key);
		break;
	case SA_SCOPE_NODE: /* found by walking: there is one per agent or fewer */
	case SA_SCOPE_COUNT:
		break;
	}
	return k.n > 0 ? add(&d->associations, k, a) : 0;
}

int directory_new(const struct ha_conf *conf, struct directory **ret)
{
	auto_(directory_freep) struct directory *d = calloc(1, sizeof(*d));
	int r = d ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	d->conf = conf;
	for (size_t i = 0; r == 0 && i < conf->user_n; i++)
		r = add_user(d, &conf->users[i]);
	for (size_t i = 0; r == 0 && i < conf->association_n; i++)
		r = add_association(d, &conf->associations[i]);
	if (r == 0)
		*ret = TAKE_PTR(d);
	return r;
}

static void entries_free(struct entry **head)
{
	struct entry *e, *next;

	HASH_ITER(hh, *head, e, next) {
		HASH_DEL(*head, e);
		free(e);
	}
}

void directory_freep(struct directory **d)
{
	if (!*d)
		return;
	entries_free(&(*d)->users);
	entries_free(&(*d)->associations);
	free(*d);
	*d = NULL;
}

const struct ha_user *directory_user(const struct directory *d, struct span nai)
{
	const struct ha_user *u = find(d->users, nai);
	struct span realm = realm_of(nai);
	char any[MIP_NAI_MAX + 1] = "*";

	if (u || realm.n == 0 || realm.n > MIP_NAI_MAX)
		return u;
	memcpy(any + 1, realm.p, realm.n);
	return find(d->users, (struct span){ (const uint8_t *)any, realm.n + 1 });
}

const struct ha_association *directory_association(const struct directory *d, struct span nai, uint32_t spi)
{
	uint8_t key[KEY_MAX];
	struct span realm = realm_of(nai);
	const struct ha_association *a = find(d->associations, association_key(spi, (struct span){ 0 }, nai, key));

	if (a || realm.n == 0)
		return a;
	return find(d->associations, association_key(spi, (struct span){ 0 }, realm, key)); /* L-05 */
}

bool directory_knows_node(const struct directory *d, struct in_addr node)
{
	for (size_t i = 0; i < d->conf->association_n; i++) {
		const struct ha_association *a = &d->conf->associations[i];

		if (a->scope == SA_SCOPE_NODE && prefixes_contain(a->nodes, a->node_n, node))
			return true;
	}
	return false;
}

const struct ha_association *directory_node(const struct directory *d, struct in_addr node, uint32_t spi)
{
	for (size_t i = 0; i < d->conf->association_n; i++) {
		const struct ha_association *a = &d->conf->associations[i];

		if (a->scope == SA_SCOPE_NODE && a->sa.spi == spi && prefixes_contain(a->nodes, a->node_n, node))
			return a;
	}
	return NULL;
}
