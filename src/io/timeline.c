/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include "io/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/util.h"

struct user {
	UT_hash_handle hh; /* in order of the last record: the first is silent for longest */
	size_t at, n;      /* ring: oldest record, number of them */
	json_t *records[TIMELINE_RECORDS];
	char nai[];
};

struct timeline {
	struct user *users;
};

int timeline_new(struct timeline **ret)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

static void drop(struct timeline *t, struct user *u)
{
	HASH_DEL(t->users, u);
	for (size_t i = 0; i < u->n; i++)
		json_decref(u->records[(u->at + i) % TIMELINE_RECORDS]);
	free(u);
}

void timeline_freep(struct timeline **t)
{
	if (!*t)
		return;
	while ((*t)->users)
		drop(*t, (*t)->users);
	free(*t);
	*t = NULL;
}

static struct user *find(const struct timeline *t, const char *nai)
{
	struct user *u;

	HASH_FIND_STR(t->users, nai, u);
	return u;
}

/* The user as the youngest of the table. */
static struct user *get(struct timeline *t, const char *nai)
{
	struct user *u = find(t, nai);

	if (u) {
		HASH_DEL(t->users, u);
	} else {
		if (HASH_COUNT(t->users) >= TIMELINE_USERS)
			drop(t, t->users);
		u = calloc(1, sizeof(*u) + strlen(nai) + 1);
		if (!u)
			return NULL;
		memcpy(u->nai, nai, strlen(nai) + 1);
	}
	HASH_ADD_STR(t->users, nai, u);
	if (u->hh.tbl)
		return u;
	for (size_t i = 0; i < u->n; i++)
		json_decref(u->records[(u->at + i) % TIMELINE_RECORDS]);
	free(u);
	return NULL;
}

void timeline_add(struct timeline *t, const char *nai, json_t *record)
{
	struct user *u = get(t, nai);

	if (!u)
		return; /* history is lost, service is not */
	if (u->n == TIMELINE_RECORDS) {
		json_decref(u->records[u->at]);
		u->at = (u->at + 1) % TIMELINE_RECORDS;
		u->n--;
	}
	u->records[(u->at + u->n++) % TIMELINE_RECORDS] = json_incref(record);
}

json_t *timeline_get(const struct timeline *t, const char *nai)
{
	const struct user *u = find(t, nai);
	json_t *all = u ? json_array() : NULL;

	for (size_t i = 0; all && i < u->n; i++)
		(void)json_array_append(all, u->records[(u->at + i) % TIMELINE_RECORDS]); /* short without memory */
	return all;
}
