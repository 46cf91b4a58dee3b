/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layer-3 devices of one user each, as PPP has them (L-26, L-40): they come before their users and go with them.
 * Nothing passes but what carries the home address of the user who is there (G-15). */
#define HASH_NONFATAL_OOM 1

#include <stdio.h>

#include "base/util.h"
#include "roles/mpa/agent.h"

static struct user_device *find(const struct mpa *mpa, uint32_t ifindex)
{
	struct user_device *d;

	HASH_FIND(by_ifindex, mpa->user_devices, &ifindex, sizeof(ifindex), d);
	return d;
}

static struct user_device *find_named(const struct mpa *mpa, const char *name)
{
	struct user_device *d, *next;

	HASH_ITER(by_ifindex, mpa->user_devices, d, next)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

/* Most servers tell the device by NAS-Port-Id; pppd tells its number as NAS-Port. */
struct user_device *user_device_of(const struct mpa *mpa, const struct relay_ids *ids)
{
	size_t prefix_n = strlen(ids->nas->access) - 1; /* the rest is the star */
	char name[sizeof(((struct user_device *)NULL)->name)] = "";

	if (ids->port_id.n >= prefix_n && ids->port_id.n < sizeof(name) &&
	    memcmp(ids->port_id.octets, ids->nas->access, prefix_n) == 0)
		memcpy(name, ids->port_id.octets, ids->port_id.n);
	else if (!ids->has_port || snprintf(name, sizeof(name), "%.*s%u", (int)prefix_n, ids->nas->access, ids->port) >=
					   (int)sizeof(name))
		return NULL;
	return find_named(mpa, name);
}

static struct subscriber *user_of(const struct mpa *mpa, const struct user_device *d)
{
	struct subscriber *s, *next;

	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->vpn.own == d)
			return s;
	return NULL;
}

static void leave(struct subscriber *s, struct actions *out)
{
	subscriber_visitor_del(s, out);
	subscriber_leave_port(s);
	s->vpn.here = false;
	s->vpn.own = NULL;
}

int user_device_enter(struct subscriber *s, struct instant now, struct user_device *d, struct actions *out)
{
	struct subscriber *other = user_of(s->mpa, d);

	if (other && other != s) { /* its end was not told */
		leave(other, out);
		(void)subscriber_event(other, now, EVENT_LEFT, "its device is somebody else's now", out);
	}
	if (!s->vpn.own)
		vpn_close_children(s, out);
	return layer3_enter(s, d, out);
}

void user_device_on_spoof(struct mpa *mpa, struct instant now, uint32_t ifindex, struct in_addr source,
			  struct actions *out)
{
	struct record note = { .level = RECORD_WARN, .security = true, .event = "spoofed_source", .peer = source };
	const struct user_device *d = find(mpa, ifindex);
	const struct subscriber *s;

	MPA_COUNT(mpa, spoofed_packets);
	if (!d || !ratelimit_allow(&mpa->security, now.us)) /* before the search: there are many addresses to try */
		return;
	s = user_of(mpa, d);
	if (!s)
		return;
	note.home = s->home;
	actions_record(out, &note, text_span(s->nai), "packets with a source that is not the home address are dropped");
}

bool mpa_has_user_device(const struct mpa *mpa, uint32_t ifindex)
{
	return find(mpa, ifindex) != NULL;
}

static void gone(struct mpa *mpa, struct instant now, struct user_device *d, struct actions *out)
{
	struct subscriber *s = user_of(mpa, d);

	HASH_DELETE(by_ifindex, mpa->user_devices, d);
	if (s) {
		leave(s, out);
		(void)subscriber_event(s, now, EVENT_LOST, "its device is gone",
				       out); /* a Stop may follow, or have been */
	}
	free(d);
}

static struct user_device *add(struct mpa *mpa, uint32_t ifindex)
{
	struct user_device *d =
		HASH_CNT(by_ifindex, mpa->user_devices) < mpa->conf->max_subscribers ? calloc(1, sizeof(*d)) : NULL;

	if (d) {
		d->ifindex = ifindex;
		HASH_ADD(by_ifindex, mpa->user_devices, ifindex, sizeof(d->ifindex), d);
		if (d->by_ifindex.tbl)
			return d;
		free(d);
	}
	MPA_COUNT(mpa, table_full);
	return NULL;
}

void mpa_on_user_device(struct mpa *mpa, struct instant now, uint32_t ifindex, const char *name, uint16_t mtu,
			struct actions *out)
{
	struct user_device *d = find(mpa, ifindex);
	const struct subscriber *s;

	if (!name) {
		if (d)
			gone(mpa, now, d, out);
		return;
	}
	if (!d)
		d = add(mpa, ifindex);
	if (!d)
		return;
	(void)snprintf(d->name, sizeof(d->name), "%s", name); /* interface names are shorter than that */
	if (d->mtu == mtu)
		return;
	d->mtu = mtu;
	s = user_of(mpa, d);
	if (s && s->state == SUBSCRIBER_SERVED)
		subscriber_visitor_set(s, out);
}

void user_devices_free(struct mpa *mpa)
{
	struct user_device *d, *next;

	HASH_ITER(by_ifindex, mpa->user_devices, d, next) {
		HASH_DELETE(by_ifindex, mpa->user_devices, d);
		free(d);
	}
}
