/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility bindings of a home agent: who is where, until when (RFC 5944 3.8.1). Found by home address and by NAI. */
#ifndef HF_CORE_BINDING_H
#define HF_CORE_BINDING_H

#include <uthash.h>

#include "base/timers.h"
#include "core/sa.h"
#include "core/tunnel.h"

struct binding_owner; /* private: all bindings of one NAI */

/* Another care-of address at the same time; the members are as below. */
struct binding_copy {
	struct in_addr care_of, peer;
	uint16_t peer_port;
	struct tunnel tunnel;
	uint64_t expires_us;
	bool revocation, inform, own_tunnel;
	uint32_t peer_stamp;
};

struct binding {
	/* Kept by the table; read only. */
	UT_hash_handle hh;
	struct binding_owner *owner;
	struct binding *sibling;     /* next binding of the same NAI, or NULL */
	struct binding *prev, *next; /* all bindings of one network, those that want broadcasts first */
	bool broadcast;              /* wants copies of its subnet's broadcasts (RFC 5944 4.3) */
	struct span nai;             /* lives as long as the binding */
	struct in_addr home;
	size_t network; /* index of its home network */
	uint32_t index; /* counter slot in the data plane, unique among living bindings */

	/* Written by the role with each accepted request. */
	struct timer expiry;           /* must be idle when the binding is removed */
	struct in_addr care_of, agent; /* `agent`: our address the request was sent to */
	struct in_addr peer;           /* where its requests come from: revocations go there */
	uint16_t peer_port;
	struct tunnel tunnel, former; /* `former`: the one before the last move, good until `former_until_us` */
	uint64_t former_until_us;
	uint64_t since_us, expires_us; /* NEVER = no expiry */
	uint64_t id;                   /* Identification accepted last */
	uint32_t sequence;             /* number issued last */
	uint8_t access_tech;
	bool proxy, reverse_tunnel, revocation;
	bool own_tunnel; /* the station itself is the tunnel's end: such copies need not say whose they are */
	bool port_open;  /* the tunnel's UDP port is that of the next keepalive (RFC 3519, R flag) */
	bool inform;     /* its foreign agent asks us whether the station is to hear of revocations (RFC 3543 3.2, I) */
	uint32_t peer_stamp;                           /* its revocation timestamp, when `revocation` (RFC 3543 3.2) */
	struct binding_copy copies[TUNNEL_COPIES_MAX]; /* of simultaneous bindings, the latest last */
	size_t copy_n;
	uint8_t auth_type; /* extension that signs towards the peer: 32 or 34 */
	const struct sa *sa;
	struct shared_sa *shared; /* what `sa` is part of; NULL: of the configuration. Held by the binding. */
	const char *association;  /* its name */
};

struct binding_table; /* opaque; one thread */

int binding_table_new(uint32_t max, size_t networks, struct binding_table **ret); /* 0 or -ENOMEM */
/* NULL-safe. Timers of bindings still inside must be idle. */
void binding_table_freep(struct binding_table **t);

/**
 * binding_add() - a binding for @home with everything else zero.
 * Return: 0, -EEXIST (that home address is bound), -ENOSPC (the table is full: code 130), -ENOMEM.
 */
int binding_add(struct binding_table *t, size_t network, struct in_addr home, struct span nai, struct binding **ret);
/* The same with the counter slot @index when it is free, for bindings from before a restart; none may be added otherwise
 * until binding_table_settle(). */
int binding_restore(struct binding_table *t, size_t network, struct in_addr home, struct span nai, uint32_t index,
		    struct binding **ret);
void binding_table_settle(struct binding_table *t);
void binding_remove(struct binding_table *t, struct binding *b); /* frees @b */

void binding_want_broadcasts(struct binding_table *t, struct binding *b, bool wanted);

struct binding *binding_find(const struct binding_table *t, struct in_addr home);
/* First binding of @nai (then ->sibling), or NULL. */
struct binding *binding_find_nai(const struct binding_table *t, struct span nai);
/* First binding of home network @network (then ->next), or NULL. */
struct binding *binding_first(const struct binding_table *t, size_t network);
struct binding *binding_by_index(const struct binding_table *t, uint32_t index);
uint32_t binding_count(const struct binding_table *t);

#endif
