/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gateway: the client's inner address is its home address, from the mobility proxy agent.
 * charon asks here when it has verified IKE_AUTH, in the thread that handles the message. */
#include <arpa/inet.h>

#include "plugin.h"

static const char *our_pool;

/* Name servers of the address granted a moment ago: charon asks for them next, in the same thread. */
static __thread struct {
	uint32_t sa;
	struct answer answer;
} granted;

static bool is_ours(linked_list_t *pools)
{
	enumerator_t *e = pools->create_enumerator(pools);
	bool found = false;
	char *pool;

	while (!found && e->enumerate(e, &pool))
		found = strcmp(pool, our_pool) == 0;
	e->destroy(e);
	return found;
}

static const char *reason(int r)
{
	switch (r) {
	case -ENOTCONN:
		return "the mobility proxy agent is not running";
	case -ETIMEDOUT:
		return "the mobility proxy agent did not answer in time";
	case -EBUSY:
		return "too many users are connecting";
	default:
		return strerror(-r);
	}
}

static host_t *acquire_address(attribute_provider_t *this, linked_list_t *pools, ike_sa_t *ike_sa, host_t *requested)
{
	identification_t *id = ike_sa->get_other_eap_id(ike_sa);
	host_t *home;
	json_t *event;
	int r;

	(void)this;
	if (!is_ours(pools) || requested->get_family(requested) != AF_INET)
		return NULL;
	if (ike_sa->get_version(ike_sa) != IKEV2) { /* its identity may be that of a group (XAuth) */
		events_refused(ike_sa, "only IKEv2 is served");
		return NULL;
	}
	event = event_new("acquire", ike_sa);
	if (!requested->is_anyaddr(requested)) /* */
		event_put_host(event, "address", NULL, requested);
	r = link_ask(event, &granted.answer);
	if (r == -ETIMEDOUT)
		link_send(event_new("release", ike_sa)); /* it may still have the question before it */
	if (r < 0) {
		DBG1(DBG_IKE, "holdfast: no home address for '%Y': %s", id, reason(r));
		events_refused(ike_sa, reason(r));
		return NULL;
	}
	if (!granted.answer.address[0]) {
		DBG1(DBG_IKE, "holdfast: no home address for '%Y': %s", id, granted.answer.refused);
		return NULL;
	}
	granted.sa = ike_sa->get_unique_id(ike_sa);
	home = host_create_from_string(granted.answer.address, 0);
	if (home && !requested->is_anyaddr(requested) && !requested->ip_equals(requested, home))
		DBG1(DBG_IKE, "holdfast: '%Y' asked for %H, which it cannot have", id, requested);
	DBG1(DBG_IKE, "holdfast: home address of '%Y' is %s", id, granted.answer.address);
	return home;
}

static bool release_address(attribute_provider_t *this, linked_list_t *pools, host_t *address, ike_sa_t *ike_sa)
{
	json_t *event;

	(void)this;
	if (!is_ours(pools) || address->get_family(address) != AF_INET)
		return false;
	event = event_new("release", ike_sa);
	event_put_host(event, "address", NULL, address);
	link_send(event);
	return true;
}

struct dns_enumerator {
	enumerator_t public;
	struct answer answer;
	unsigned next;
	uint8_t octets[4];
};

static bool next_dns(enumerator_t *e, va_list args)
{
	struct dns_enumerator *d = (struct dns_enumerator *)e;
	configuration_attribute_type_t *type = va_arg(args, configuration_attribute_type_t *);
	chunk_t *value = va_arg(args, chunk_t *);

	while (d->next < d->answer.dns_n) {
		if (inet_pton(AF_INET, d->answer.dns[d->next++], d->octets) != 1)
			continue;
		*type = INTERNAL_IP4_DNS;
		*value = chunk_create(d->octets, sizeof(d->octets));
		return true;
	}
	return false;
}

static void destroy_dns(enumerator_t *e)
{
	free(e);
}

static enumerator_t *create_attribute_enumerator(attribute_provider_t *this, linked_list_t *pools, ike_sa_t *ike_sa,
						 linked_list_t *vips)
{
	struct dns_enumerator *d;

	(void)this;
	if (!is_ours(pools) || vips->get_count(vips) == 0 || granted.sa != ike_sa->get_unique_id(ike_sa))
		return enumerator_create_empty();
	d = calloc(1, sizeof(*d));
	if (!d)
		return enumerator_create_empty();
	d->public.enumerate = enumerator_enumerate_default;
	d->public.venumerate = next_dns;
	d->public.destroy = destroy_dns;
	d->answer = granted.answer;
	granted.sa = 0;
	return &d->public;
}

attribute_provider_t acquire_provider = {
	.acquire_address = acquire_address,
	.release_address = release_address,
	.create_attribute_enumerator = create_attribute_enumerator,
};

void acquire_init(const char *pool)
{
	our_pool = pool;
}
