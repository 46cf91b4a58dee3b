/* SPDX-License-Identifier: GPL-2.0-or-later */
/* charon's userspace ESP can change the addresses of its SAs, but its plugin kernel-libipsec never asks it to: each MOBIKE
 * update then costs a rekey of the CHILD_SA, by both ends. Here it is asked.
 *
 * It looks inbound SAs up by SPI and destination, of which it knows one. Around a change packets arrive at both addresses:
 * those under way to the former one, and those of a peer who learnt of the new one first. So where its look-up finds
 * nothing, it is asked again with the destination it knows; the SPI alone says which SA it is (RFC 4301 4.1).
 *
 * Policies and routes name no outer address, so a change leaves them alone: charon would take them away and put them back,
 * and lose what passes meanwhile. Only routes around the tunnel for the peer itself would have to follow, and with
 * allow_peer_ts there are none.
 *
 * And it takes an outbound policy away before the route that leads packets to it, which loses those in between: a host
 * that enters the office with both links up would lose one. Here the route goes first, then what is under way, then the
 * policy and the SA. */
#include <collections/hashtable.h>
#include <dlfcn.h>
#include <ipsec.h>
#include <pthread.h>
#include <unistd.h>

#include "plugin.h"

static kernel_interface_t original;
static ipsec_sa_t *(*checkout_exactly)(ipsec_sa_mgr_t *this, uint32_t spi, host_t *dst);
static typeof(((ipsec_policy_mgr_t *)0)->del_policy) del_policy_now;
static ipsec_t **userspace; /* libipsec's `ipsec` */

static __thread bool route_first;

enum { DRAIN_US = 2000 }; /* for packets from the TUN to be encrypted, by another thread of this process */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* innermost: nothing of charon's waits with it */
static hashtable_t *places;                               /* SPI -> destination its inbound SA is known with */

static void *key_of(uint32_t spi)
{
	return (void *)(uintptr_t)spi;
}

static void set_place(uint32_t spi, host_t *dst)
{
	host_t *old, *copy = dst->clone(dst);

	(void)pthread_mutex_lock(&mutex);
	old = places->put(places, key_of(spi), copy);
	(void)pthread_mutex_unlock(&mutex);
	DESTROY_IF(old);
}

/* NULL, or a copy. Outbound SAs have the peer's SPIs, which may be the same numbers: hence @dst. */
static host_t *take_place(uint32_t spi, host_t *dst)
{
	host_t *h;

	(void)pthread_mutex_lock(&mutex);
	h = places->get(places, key_of(spi));
	if (h && h->ip_equals(h, dst))
		h = places->remove(places, key_of(spi));
	else
		h = NULL;
	(void)pthread_mutex_unlock(&mutex);
	return h;
}

static kernel_feature_t get_features(kernel_interface_t *this)
{
	return original.get_features(this) | KERNEL_NO_POLICY_UPDATES;
}

static status_t add_sa(kernel_interface_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	status_t r = original.add_sa(this, id, data);

	if (r == SUCCESS && data->inbound)
		set_place(id->spi, id->dst);
	return r;
}

/* Behind a NAT the ports are others as well (B-48). */
static status_t update_sa(kernel_interface_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_update_sa_t *data)
{
	status_t r = original.update_sa(this, id, data);
	host_t *old;

	if (r != NOT_SUPPORTED || !*userspace)
		return r;
	r = (*userspace)
		    ->sas->update_sa((*userspace)->sas, id->spi, id->proto, data->cpi, id->src, id->dst, data->new_src,
				     data->new_dst, data->encap, data->new_encap, id->mark);
	old = r == SUCCESS ? take_place(id->spi, id->dst) : NULL;
	if (old) {
		set_place(id->spi, data->new_dst);
		old->destroy(old);
	}
	return r;
}

static status_t del_sa(kernel_interface_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_del_sa_t *data)
{
	host_t *old = take_place(id->spi, id->dst);

	DESTROY_IF(old);
	return original.del_sa(this, id, data);
}

/* libipsec's part of del_policy() below. */
static status_t del_policy_later(ipsec_policy_mgr_t *this, host_t *src, host_t *dst, traffic_selector_t *src_ts,
				 traffic_selector_t *dst_ts, policy_dir_t direction, policy_type_t type,
				 ipsec_sa_cfg_t *sa, mark_t mark, policy_priority_t priority)
{
	if (!route_first)
		return del_policy_now(this, src, dst, src_ts, dst_ts, direction, type, sa, mark, priority);
	return SUCCESS;
}

static status_t del_policy(kernel_interface_t *this, kernel_ipsec_policy_id_t *id, kernel_ipsec_manage_policy_t *data)
{
	status_t r;

	if (id->dir != POLICY_OUT)
		return original.del_policy(this, id, data);
	route_first = true;
	r = original.del_policy(this, id, data);
	route_first = false;
	(void)usleep(DRAIN_US);
	(void)del_policy_now((*userspace)->policies, data->src, data->dst, id->src_ts, id->dst_ts, id->dir, data->type,
			     data->sa, id->mark, data->prio); /* what it says nobody hears in any case */
	return r;
}

static ipsec_sa_t *checkout_by_spi(ipsec_sa_mgr_t *this, uint32_t spi, host_t *dst)
{
	ipsec_sa_t *sa = checkout_exactly(this, spi, dst);
	host_t *known;

	if (sa)
		return sa;
	(void)pthread_mutex_lock(&mutex);
	known = places->get(places, key_of(spi));
	known = known ? known->clone(known) : NULL;
	(void)pthread_mutex_unlock(&mutex);
	if (known) {
		sa = checkout_exactly(this, spi, known);
		known->destroy(known);
	}
	return sa;
}

void in_place_install(void)
{
	/* Only if it is in use: with the kernel's ESP there is nothing to mend. The handle is kept for the symbol. */
	void *library = dlopen("libipsec.so.0", RTLD_NOLOAD | RTLD_LAZY);

	if (!library)
		library = dlopen("/usr/lib/ipsec/libipsec.so.0", RTLD_NOLOAD | RTLD_LAZY);
	userspace = library ? dlsym(library, "ipsec") : NULL;
	/* It may be there and not be used: then the kernel's policies do name outer addresses. */
	if (!userspace || !*userspace ||
	    !(charon->kernel->get_features(charon->kernel) & KERNEL_REQUIRE_UDP_ENCAPSULATION))
		return;
	places = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	original = *charon->kernel;
	if (lib->settings->get_bool(lib->settings, "%s.plugins.kernel-libipsec.allow_peer_ts", false, lib->ns))
		charon->kernel->get_features = get_features;
	charon->kernel->add_sa = add_sa;
	charon->kernel->update_sa = update_sa;
	charon->kernel->del_sa = del_sa;
	charon->kernel->del_policy = del_policy;
	checkout_exactly = (*userspace)->sas->checkout_by_spi;
	(*userspace)->sas->checkout_by_spi = checkout_by_spi;
	del_policy_now = (*userspace)->policies->del_policy;
	(*userspace)->policies->del_policy = del_policy_later;
	DBG1(DBG_CFG, "holdfast: addresses of SAs are updated in place");
}

void in_place_remove(void)
{
	enumerator_t *e;
	host_t *place;
	void *key;

	if (!places)
		return;
	charon->kernel->get_features = original.get_features;
	charon->kernel->add_sa = original.add_sa;
	charon->kernel->update_sa = original.update_sa;
	charon->kernel->del_sa = original.del_sa;
	charon->kernel->del_policy = original.del_policy;
	if (*userspace) {
		(*userspace)->sas->checkout_by_spi = checkout_exactly;
		(*userspace)->policies->del_policy = del_policy_now;
	}
	e = places->create_enumerator(places);
	while (e->enumerate(e, &key, &place))
		place->destroy(place);
	e->destroy(e);
	places->destroy(places);
	places = NULL;
}
