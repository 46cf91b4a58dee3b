/* SPDX-License-Identifier: GPL-2.0-or-later */
#define HASH_NONFATAL_OOM 1

#include "base/util.h"
#include "roles/mpa/agent.h"

struct subscriber *subscriber_find(const struct mpa *mpa, struct span nai)
{
	struct subscriber *s;

	HASH_FIND(by_nai, mpa->by_nai, nai.p, nai.n, s);
	return s;
}

struct subscriber *subscriber_at(const struct mpa *mpa, const struct port *port)
{
	struct port key;
	struct subscriber *s;

	memset(&key, 0, sizeof(key)); /* padding is part of the key */
	key.ifindex = port->ifindex;
	memcpy(key.mac, port->mac, sizeof(key.mac));
	HASH_FIND(by_port, mpa->by_port, &key, sizeof(key), s);
	return s;
}

/* L-27: an address alone says nothing, two agents may use the same. */
struct subscriber *subscriber_with_home(const struct mpa *mpa, struct in_addr home, struct in_addr agent)
{
	struct subscriber *s, *next;

	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->home_known && s->home.s_addr == home.s_addr && s->agent_address.s_addr == agent.s_addr)
			return s;
	return NULL;
}

static int take_index(struct mpa *mpa, struct subscriber *s)
{
	for (uint32_t i = 0; i < mpa->conf->max_subscribers; i++)
		if (!mpa->by_index[i]) {
			mpa->by_index[i] = s;
			s->index = i;
			return 0;
		}
	return -ENOSPC;
}

int subscriber_add(struct mpa *mpa, const char *nai, struct subscriber **ret)
{
	auto_(freep) struct subscriber *s = NULL;
	auto_(freep) char *copy = strdup(nai);
	size_t all;
	int r;

	if (HASH_CNT(by_nai, mpa->by_nai) >= mpa->conf->max_subscribers)
		return -ENOSPC;
	s = calloc(1, sizeof(*s));
	all = HASH_CNT(by_nai, mpa->by_nai) + 1; /* the timers of all may be armed at once */
	if (!s || !copy || timers_reserve(&mpa->retransmits, all) < 0 || timers_reserve(&mpa->lives, all) < 0 ||
	    timers_reserve(&mpa->logins, all) < 0 || timers_reserve(&mpa->presences, all) < 0)
		return -ENOMEM;
	s->mpa = mpa;
	s->nai = copy;
	s->udp = mpa->conf->udp;
	HASH_ADD_KEYPTR(by_nai, mpa->by_nai, s->nai, strlen(s->nai), s);
	if (!s->by_nai.tbl)
		return -ENOMEM;
	r = take_index(mpa, s);
	if (r < 0) {
		HASH_DELETE(by_nai, mpa->by_nai, s);
		return r;
	}
	copy = NULL;
	*ret = TAKE_PTR(s);
	return 0;
}

void subscriber_leave_port(struct subscriber *s)
{
	if (s->port.ifindex != 0)
		HASH_DELETE(by_port, s->mpa->by_port, s);
	memset(&s->port, 0, sizeof(s->port));
}

int subscriber_set_port(struct subscriber *s, const struct port *port)
{
	subscriber_leave_port(s);
	s->port.ifindex = port->ifindex;
	memcpy(s->port.mac, port->mac, sizeof(s->port.mac));
	HASH_ADD(by_port, s->mpa->by_port, port, sizeof(s->port), s);
	if (s->by_port.tbl)
		return 0;
	memset(&s->port, 0, sizeof(s->port));
	return -ENOMEM;
}

void subscriber_free(struct subscriber *s)
{
	struct mpa *mpa = s->mpa;

	timers_cancel(&mpa->retransmits, &s->retransmit);
	timers_cancel(&mpa->lives, &s->life);
	timers_cancel(&mpa->logins, &s->login.timer);
	timers_cancel(&mpa->presences, &s->presence.timer);
	vpn_forget_held(s);
	subscriber_leave_port(s);
	HASH_DELETE(by_nai, mpa->by_nai, s);
	mpa->by_index[s->index] = NULL;
	sa_wipe(&s->own_sa);
	free(s->held_arp);
	free(s->held_dhcp);
	free(s->nai);
	free(s);
}
