/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IKE_SAs by unique id: those that are up, and those a node is setting up. charon itself finds one by that only after it
 * has waited for each that another thread holds, and one whose address is being asked for is held up to `timeout`.
 * By its SPIs it is found directly. */
#include <collections/hashtable.h>
#include <pthread.h>

#include "plugin.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* innermost: nothing of charon's is called with it */
static hashtable_t *entries;                              /* unique id -> struct entry */

struct entry {
	ike_sa_id_t *id;
	bool up;
	uint32_t listed; /* number of the last list it was in */
};

static void *key_of(uint32_t sa)
{
	return (void *)(uintptr_t)sa;
}

int known_open(void)
{
	entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	return entries ? 0 : -ENOMEM;
}

static void destroy(struct entry *entry)
{
	if (entry)
		entry->id->destroy(entry->id);
	free(entry);
}

void known_close(void)
{
	enumerator_t *e = entries->create_enumerator(entries);
	struct entry *entry;
	void *key;

	while (e->enumerate(e, &key, &entry))
		destroy(entry);
	e->destroy(e);
	entries->destroy(entries);
	entries = NULL;
}

void known_add(ike_sa_t *ike_sa, bool up)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	if (!entry)
		return; /* commands about it do nothing then */
	entry->id = id->clone(id);
	entry->up = up;
	(void)pthread_mutex_lock(&mutex);
	entry = entries->put(entries, key_of(ike_sa->get_unique_id(ike_sa)), entry);
	(void)pthread_mutex_unlock(&mutex);
	destroy(entry);
}

bool known_remove(uint32_t sa)
{
	struct entry *entry;
	bool found;

	(void)pthread_mutex_lock(&mutex);
	entry = entries->remove(entries, key_of(sa));
	(void)pthread_mutex_unlock(&mutex);
	found = entry;
	destroy(entry);
	return found;
}

ike_sa_t *known_checkout(uint32_t sa)
{
	ike_sa_id_t *id = NULL;
	struct entry *entry;
	ike_sa_t *ike_sa;

	(void)pthread_mutex_lock(&mutex);
	entry = entries->get(entries, key_of(sa));
	if (entry)
		id = entry->id->clone(entry->id);
	(void)pthread_mutex_unlock(&mutex);
	if (!id)
		return NULL;
	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	id->destroy(id);
	return ike_sa;
}

uint32_t *known_list(uint32_t number, size_t *ret_n)
{
	struct entry *entry;
	enumerator_t *e;
	uint32_t *list;
	size_t n = 0;
	void *key;

	(void)pthread_mutex_lock(&mutex);
	list = calloc(entries->get_count(entries) + 1, sizeof(*list));
	e = entries->create_enumerator(entries);
	while (list && e->enumerate(e, &key, &entry)) {
		if (number != 0 && (!entry->up || entry->listed == number))
			continue;
		if (number != 0)
			entry->listed = number;
		list[n++] = (uint32_t)(uintptr_t)key;
	}
	e->destroy(e);
	(void)pthread_mutex_unlock(&mutex);
	*ret_n = n;
	return list;
}
