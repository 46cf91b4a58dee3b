/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Home agent: the anchor of every home address. Events in, actions out; no socket, clock, randomness or log inside.
 * Supported standards: RFC 5944 3.8 (registration), RFC 2794, RFC 3024, RFC 3519, RFC 3543, RFC 5265 (TNC),
 * RFC 5563 (proxy), draft-leung-mip4-proxy-mode-00 4.1, 5.1, 5.5, 7.1 (sequence, revocation, home appearance). */
#ifndef HF_ROLES_HA_H
#define HF_ROLES_HA_H

#include "core/binding.h"
#include "roles/actions.h"
#include "roles/events.h"
#include "roles/ha/ha_conf.h"

struct ha; /* opaque; one thread */

/**
 * ha_new() - a home agent with no bindings.
 * @conf: borrowed; must outlive the agent and stay as it is. Checked by conf/ beforehand.
 * @random: copied; used for nonces only.
 * Return: 0 or -ENOMEM.
 */
int ha_new(const struct ha_conf *conf, const struct random *random, struct ha **ret);
void ha_freep(struct ha **at); /* NULL-safe; wipes nothing of @conf */

/* Ports of the sockets that AAA servers are asked from: 256 questions under way in each. Before the first datagram.
 * Nothing happens without AAA servers. Return: 0 or -ENOMEM. */
int ha_set_aaa_ports(struct ha *ha, const uint16_t *ports, size_t n);

/**
 * ha_restore() - what was stored under @key (ACTION_STORE_PUT) before we started. All with @bound first, then all
 * without, so that who is served has the address; then ha_restored(). What does not hold any more is deleted.
 * Return: whether it was restored.
 */
bool ha_restore(struct ha *ha, struct instant now, struct span key, struct span value, bool bound, struct actions *out);
void ha_restored(struct ha *ha);

/**
 * ha_hold() - the kernel has this entry from before we started: its address is kept for the agent that serves it.
 * Return: 0, -EEXIST (known already), -EADDRNOTAVAIL (in none of our networks: the caller may remove the entry), -ENOSPC, -ENOMEM.
 */
int ha_hold(struct ha *ha, struct instant now, const struct dp_binding *there);

/* A datagram to UDP 434 (or 67, from the DHCP server of L-38; or to a port of ha_set_aaa_ports()). Never fails: what is wrong is counted by reason. */
void ha_on_datagram(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out);
/* An Ethernet frame from a real home link (ARP; everything else is ignored). */
void ha_on_home_frame(struct ha *ha, struct instant now, uint32_t ifindex, struct span frame, struct actions *out);
/* A packet the kernel programs left to us after it came out of (or with) a tunnel: link-local, fragments, DHCP. */
void ha_on_tunnelled(struct ha *ha, struct instant now, const struct tunnelled *t, struct actions *out);
/* A plain packet out of the TUN: no binding, or too big for the path MTU @path_mtu (0 = unknown) to its care-of
 * address. Answered by ICMP where the RFCs say so. */
void ha_on_packet(struct ha *ha, struct instant now, struct span packet, uint16_t path_mtu, struct actions *out);
/* First packet of a binding in one direction after it was set: for the timeline. */
void ha_on_first_packet(struct ha *ha, struct instant now, uint32_t index, bool up, struct actions *out);
/* The kernel dropped tunnelled packets with inner source @home: no binding there, or another tunnel (RFC 3024 4.1). */
void ha_on_tunnel_spoof(struct ha *ha, struct instant now, struct in_addr home, struct actions *out);
/* Performs what is due. Bounded work per call: call again while ha_due() <= now.us. */
void ha_on_time(struct ha *ha, struct instant now, struct actions *out);
/* [us] when ha_on_time() wants to run next; NEVER = nothing pending. */
uint64_t ha_due(const struct ha *ha);

/* Ends all bindings of @nai: revoked at their MPAs, removed. Return: 0 or -ENOENT. */
int ha_kick(struct ha *ha, struct instant now, const char *nai, struct actions *out);

/* One binding as `show` prints it. Borrowed until the next call into @ha. */
struct ha_binding_view {
	const char *nai, *network;
	uint32_t index, sequence;
	struct tunnel tunnel;
	struct in_addr home, care_of;
	uint64_t since_us, expires_us; /* NEVER = infinite lifetime */
	uint8_t access_tech;
	bool proxy, reverse_tunnel, revocation;
	const char *association;           /* name only, never the key */
	const struct binding_copy *copies; /* simultaneous bindings */
	size_t copy_n;
};
void ha_each_binding(const struct ha *ha, void (*fn)(void *ctx, const struct ha_binding_view *v), void *ctx);

/* Counters, in a fixed order; names are snake_case. */
size_t ha_counters(const struct ha *ha, const char *const **ret_names, const uint64_t **ret_values);
/* Those of keys from AAA; none without AAA servers. */
size_t ha_aaa_counters(const struct ha *ha, const char *const **ret_names, const uint64_t **ret_values);

#endif
