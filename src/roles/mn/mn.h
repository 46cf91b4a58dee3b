/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobile node, the helper beside charon. It decides whether the host is inside or outside, where its packets go through
 * the VPN, and has charon act on it. In proxy mode it speaks no Mobile IP, and inside its packets need no tunnel; in
 * client mode it registers its own bindings (see client/client.h). Events in, actions out; no socket, clock, randomness
 * or log inside.
 * Supported standards: draft-antoine-mip4-proxymobike-00 4.2 to 4.5; RFC 5266; RFC 5265 (i-HA, TNC); RFC 5944 2.4, 3.6
 * (as the mobile node); RFC 3024 (direct delivery); RFC 3519; RFC 2794; RFC 4555 (as a user of it). */
#ifndef HF_ROLES_MN_H
#define HF_ROLES_MN_H

#include "roles/actions.h"
#include "roles/events.h"
#include "roles/mn/mn_conf.h"

struct mn; /* opaque; one thread */

/* @conf: borrowed. @random: copied. Return: 0 or -ENOMEM. */
int mn_new(const struct mn_conf *conf, const struct random *random, struct mn **ret);
void mn_freep(struct mn **at);

/* Nothing is decided before the first NET_LISTED. */
void mn_on_net(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out);
void mn_on_charon(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out);
/* A plain packet to the home address came by this link, after ACTION_HINT_WATCH asked for it. */
void mn_on_plain(struct mn *mn, struct instant now, uint32_t ifindex, struct actions *out);
/* Client mode: what came to UDP port 434. Its `ifindex` says by which link, and is part of the proof. */
void mn_on_datagram(struct mn *mn, struct instant now, const struct datagram *d, struct actions *out);
/* Client mode: a router advertisement (ICMP 9) heard on a link, whole frame. Others are ignored. */
void mn_on_frame(struct mn *mn, struct instant now, uint32_t ifindex, struct span frame, struct actions *out);
void mn_on_time(struct mn *mn, struct instant now, struct actions *out);
uint64_t mn_due(const struct mn *mn); /* when to call mn_on_time(); NEVER = not needed */

/**
 * mn_use() - use the gateway of connection @name. Outside, its tunnel is set up beside the one there is, which then gives
 * way (make before break); inside, it is the one to go outside by.
 * Return: 0, -ENOENT (no such connection), -EALREADY (it is in use), -ENOTCONN (charon is not there).
 */
int mn_use(struct mn *mn, struct instant now, const char *name, struct actions *out);

/* For `show`. Texts live until the next event; "" = none. */
struct mn_view {
	const char *state, *reason; /* and why it is in it */
	uint64_t since_us;
	struct in_addr home; /* 0.0.0.0: none yet */
	const char *native;  /* link that has the home address */
	const char *proof;   /* why the host is believed to be inside */
	bool charon;         /* its plugin is connected */
	const char *gateway; /* connection in use, or kept */
	uint32_t sa;
	unsigned children;
	struct in_addr local, remote; /* outer */
	uint64_t retry_us;            /* when a gateway is tried next; NEVER = not now */
	/* Client mode */
	const char *mode;             /* access mode of RFC 5266: "c", "f", "mc"; "home"; "" = none */
	struct in_addr care_of;       /* registered; 0.0.0.0 = none, or at home */
	struct in_addr foreign_agent; /* mode f */
	uint64_t expires_us;          /* of the binding; NEVER = does not */
};
void mn_describe(const struct mn *mn, struct mn_view *ret);

struct mn_link_view {
	const char *name;
	bool up;
	const struct in_addr *addresses;
	size_t address_n;
};
void mn_each_link(const struct mn *mn, void (*fn)(void *ctx, const struct mn_link_view *v), void *ctx);

/* Named counters. Return: their number. */
size_t mn_counters(const struct mn *mn, const char *const **ret_names, const uint64_t **ret_values);

#endif
