/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IKE_SAs that are up, by unique id. charon finds one by that only after it has waited for each that another thread holds:
 * among them those whose address is being asked for, up to `timeout`. By its SPIs it is found directly. */
#include <collections/hashtable.h>
#include <pthread.h>

#include "plugin.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* innermost: nothing of charon's is called with it */
static hashtable_t *ids;                                  /* unique id -> ike_sa_id_t */

static void *key_of(uint32_t sa)
{
	return (void *)(uintptr_t)sa;
}

int known_open(void)
{
	ids = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	return ids ? 0 : -ENOMEM;
}

static void destroy(ike_sa_id_t *id)
{
	if (id)
		id->destroy(id);
}

void known_close(void)
{
	enumerator_t *e = ids->create_enumerator(ids);
	ike_sa_id_t *id;
	void *key;

	while (e->enumerate(e, &key, &id))
		destroy(id);
	e->destroy(e);
	ids->destroy(ids);
	ids = NULL;
}

void known_add(ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	id = id->clone(id);
	(void)pthread_mutex_lock(&mutex);
	id = ids->put(ids, key_of(ike_sa->get_unique_id(ike_sa)), id);
	(void)pthread_mutex_unlock(&mutex);
	destroy(id);
}

void known_remove(uint32_t sa)
{
	ike_sa_id_t *id;

	(void)pthread_mutex_lock(&mutex);
	id = ids->remove(ids, key_of(sa));
	(void)pthread_mutex_unlock(&mutex);
	destroy(id);
}

ike_sa_t *known_checkout(uint32_t sa)
{
	ike_sa_t *ike_sa;
	ike_sa_id_t *id;

	(void)pthread_mutex_lock(&mutex);
	id = ids->get(ids, key_of(sa));
	if (id)
		id = id->clone(id);
	(void)pthread_mutex_unlock(&mutex);
	if (!id)
		return NULL;
	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	destroy(id);
	return ike_sa;
}

uint32_t *known_list(size_t *ret_n)
{
	enumerator_t *e;
	ike_sa_id_t *id;
	size_t n = 0, max;
	uint32_t *list;
	void *key;

	(void)pthread_mutex_lock(&mutex);
	max = ids->get_count(ids);
	list = calloc(max + 1, sizeof(*list));
	e = ids->create_enumerator(ids);
	while (list && n < max && e->enumerate(e, &key, &id))
		list[n++] = (uint32_t)(uintptr_t)key;
	e->destroy(e);
	(void)pthread_mutex_unlock(&mutex);
	*ret_n = n;
	return list;
}
