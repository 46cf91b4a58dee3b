/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several care-of addresses of one home address (RFC 5944 3.8.2, S bit): all get what is sent to it. The binding is that of
 * the latest request; those before it are its copies. */
#include <arpa/inet.h>

#include "roles/ha/agent.h"

struct binding_copy *ha_copy_find(struct binding *b, struct in_addr care_of)
{
	for (size_t i = 0; i < b->copy_n; i++)
		if (b->copies[i].care_of.s_addr == care_of.s_addr)
			return &b->copies[i];
	return NULL;
}

/* As it was when it was the binding. The user's keys are the same whatever the way. */
static struct binding as_binding(const struct binding *b, const struct binding_copy *c)
{
	struct binding was = *b;

	was.care_of = c->care_of;
	was.peer = c->peer;
	was.peer_port = c->peer_port;
	was.tunnel = c->tunnel;
	was.expires_us = c->expires_us;
	was.revocation = c->revocation;
	was.inform = c->inform;
	was.peer_stamp = c->peer_stamp;
	was.own_tunnel = c->own_tunnel;
	return was;
}

static void remove_at(struct binding *b, size_t i)
{
	b->copy_n--;
	for (; i < b->copy_n; i++)
		b->copies[i] = b->copies[i + 1];
}

bool ha_copy_forget(struct binding *b, struct in_addr care_of)
{
	struct binding_copy *c = ha_copy_find(b, care_of);

	if (c)
		remove_at(b, (size_t)(c - b->copies));
	return c != NULL;
}

/* Where no port is known yet there is nothing to keep: nothing could be sent there. */
bool ha_copies_keep(const struct ha *ha, const struct binding *old, struct binding *b)
{
	(void)ha_copy_forget(b, b->care_of);
	if (old->care_of.s_addr == b->care_of.s_addr || !tunnel_is_whole(&old->tunnel) ||
	    b->copy_n + 1U >= ha->conf->simultaneous)
		return false;
	b->copies[b->copy_n++] = (struct binding_copy){ .care_of = old->care_of,
							.peer = old->peer,
							.peer_port = old->peer_port,
							.tunnel = old->tunnel,
							.expires_us = old->expires_us,
							.revocation = old->revocation,
							.inform = old->inform,
							.peer_stamp = old->peer_stamp,
							.own_tunnel = old->own_tunnel };
	return true;
}

bool ha_copies_promote(struct binding *b)
{
	struct binding next;

	if (b->copy_n == 0)
		return false;
	next = as_binding(b, &b->copies[b->copy_n - 1]);
	next.copy_n--;
	next.port_open = false;
	*b = next; /* timers, lists and tables know it by where it lies */
	return true;
}

void ha_copies_revoke(struct ha *ha, struct instant now, const struct binding *old, struct binding *b,
		      struct actions *out)
{
	for (size_t i = 0; i < old->copy_n; i++) {
		const struct binding was = as_binding(old, &old->copies[i]);

		if (!b || (was.care_of.s_addr != b->care_of.s_addr && !ha_copy_find(b, was.care_of)))
			ha_revoke(ha, now, &was, !b, out);
	}
}

uint64_t ha_copies_due(const struct binding *b)
{
	uint64_t due_us = b->expires_us;

	for (size_t i = 0; i < b->copy_n; i++)
		if (b->copies[i].expires_us < due_us)
			due_us = b->copies[i].expires_us;
	return due_us;
}

void ha_copies_changed(struct ha *ha, struct instant now, struct binding *b, struct in_addr gone, const char *reason,
		       struct actions *out)
{
	const struct record note = {
		.level = RECORD_NOTICE, .event = "care_of_removed", .home = b->home, .peer = gone
	};

	(void)timers_set(&ha->expiries, &b->expiry, ha_copies_due(b)); /* ha_new() made room for all */
	ha_data_plane_set(ha, b, out);
	ha_store(ha, now, b, true, out);
	actions_record(out, &note, b->nai, "%s; %zu left", reason, b->copy_n + 1);
}

bool ha_copies_expire(struct ha *ha, struct instant now, struct binding *b, struct actions *out)
{
	struct in_addr gone = b->care_of;

	for (size_t i = b->copy_n; i > 0; i--)
		if (b->copies[i - 1].expires_us <= now.us) {
			gone = b->copies[i - 1].care_of;
			remove_at(b, i - 1);
		}
	if (b->expires_us <= now.us) {
		gone = b->care_of;
		if (!ha_copies_promote(b))
			return false;
	}
	ha_copies_changed(ha, now, b, gone, "lifetime over", out);
	return true;
}

bool ha_copies_leave(struct ha *ha, struct instant now, struct binding *b, struct in_addr care_of, const char *reason,
		     struct actions *out)
{
	if (!ha_copy_forget(b, care_of) && (b->care_of.s_addr != care_of.s_addr || !ha_copies_promote(b)))
		return false;
	ha_copies_changed(ha, now, b, care_of, reason, out);
	return true;
}
