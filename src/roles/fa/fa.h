/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Foreign agent: tells mobile nodes of itself, passes their registrations on to their home agents, and is the other end of
 * the tunnels of those that are visiting. It never asks for anything by itself (RFC 5944 3.7). Events in, actions out; no
 * socket, clock, randomness or log inside.
 * Supported standards: RFC 5944 2, 3.7, 4.2.2; RFC 1256 (as a router); RFC 3024 (both delivery styles); RFC 3519 (as the
 * end of the tunnel); RFC 3543 (as the foreign agent, both ways); RFC 2794 (NAI); RFC 4433 (as the foreign agent). */
#ifndef HF_ROLES_FA_H
#define HF_ROLES_FA_H

#include "roles/actions.h"
#include "roles/events.h"
#include "roles/fa/fa_conf.h"

struct fa; /* opaque; one thread */

/* @conf: borrowed. Return: 0 or -ENOMEM. */
int fa_new(const struct fa_conf *conf, const struct random *random, struct fa **ret);
void fa_freep(struct fa **at);

/* A frame from an access link: solicitations, and registration requests. Others are ignored. */
void fa_on_frame(struct fa *fa, struct instant now, uint32_t ifindex, struct span frame, struct actions *out);
/* From the core side: registration replies, revocations, tunnel data. What came by an access link is ignored: no home
 * agent is there, but anybody who would like to be taken for one. */
void fa_on_datagram(struct fa *fa, struct instant now, const struct datagram *d, struct actions *out);
/* A tunnelled packet that the kernel programs left to us. */
void fa_on_tunnelled(struct fa *fa, const struct tunnelled *t, struct actions *out);
/* A visitor's packet does not fit the path to its home agent: as mpa_on_too_big(). */
void fa_on_too_big(struct fa *fa, struct instant now, uint32_t index, struct span packet, uint16_t mtu,
		   struct actions *out);
/* ICMP says that what went from `care_of` to `home_agent` did not arrive: destination unreachable, `code` (RFC 792). */
struct unreachable_request {
	struct in_addr care_of, home_agent;
	uint32_t ifindex; /* the ICMP message came by */
	uint8_t code;
	struct span request; /* what it quotes of the request; too little to tell which one it was is ignored */
};
void fa_on_unreachable(struct fa *fa, struct instant now, const struct unreachable_request *u, struct actions *out);
/* The first call makes the first advertisements due. */
void fa_on_time(struct fa *fa, struct instant now, struct actions *out);
uint64_t fa_due(const struct fa *fa);

/* The agent goes for good: all visits end as by fa_kick(), and it is advertised no more. Without it, the next start finds them
 * as they are. Return: whether @out was too small for all: perform it and call again. */
bool fa_stop(struct fa *fa, struct instant now, struct actions *out);

/* Ends a visit: its traffic stops, and the mobile node hears from an advertisement as after a restart that it has to
 * register again (RFC 3543 4.1). Its home agent is told as well. @nai or its home address as text. Return: 0 or -ENOENT. */
int fa_kick(struct fa *fa, struct instant now, const char *who, struct actions *out);

struct fa_visitor_view {
	const char *nai; /* "" = it registered without one */
	uint32_t index, ifindex;
	uint8_t mac[6];
	struct in_addr home, home_agent, care_of; /* `care_of` of its own: co-located, we only passed it on */
	struct tunnel tunnel;
	enum delivery delivery;
	uint64_t since_us, expires_us;
};
void fa_each_visitor(const struct fa *fa, void (*fn)(void *ctx, const struct fa_visitor_view *v), void *ctx);
size_t fa_counters(const struct fa *fa, const char *const **ret_names, const uint64_t **ret_values);

#endif
