/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the home agent role: its state and one request on its way through. Only for files of roles/ha. */
#ifndef HF_ROLES_HA_AGENT_H
#define HF_ROLES_HA_AGENT_H

#include "base/ratelimit.h"
#include "base/timers.h"
#include "codec/mip_msg.h"
#include "core/binding.h"
#include "core/pool.h"
#include "core/replay.h"
#include "core/sequence.h"
#include "roles/ha/directory.h"
#include "roles/ha/ha.h"

/* What is counted; the order is that of ha_counters(). */
/* clang-format off */
#define HA_COUNTERS(X) \
	X(requests) X(accepted) X(denied) X(discarded) X(deregistrations) X(moves) X(expired) X(kicked) \
	X(malformed) X(unknown_extension) X(unknown_type) X(untrusted_source) X(authentication_failures) \
	X(identification_mismatches) X(stale_sequences) X(table_full) X(pool_empty) X(revocations_sent) \
	X(revocations_acknowledged) X(revocations_given_up) X(revocations_received) X(revocations_ignored) \
	X(replies_unexpected) X(arp_answered) X(broadcast_copies) X(broadcast_suppressed) X(tunnel_spoofs) \
	X(packets_dropped) X(icmp_sent) X(keepalives_answered) X(ports_settled) X(dhcp_relayed) X(dhcp_dropped)
/* clang-format on */

#define HA_COUNTER_ID(name) HA_COUNTER_##name,
enum ha_counter { HA_COUNTERS(HA_COUNTER_ID) HA_COUNTER_COUNT };
#undef HA_COUNTER_ID

struct revocation; /* stored.c: @b is to survive a restart, as it is now, or when it is not @bound any more, as the address of its user. */
void ha_store(const struct ha *ha, struct instant now, const struct binding *b, bool bound, struct actions *out);

/* held.c: what the kernel has from before a restart. */
/* @home is asked for by the agent at the other end of @by: its own is no longer held. */
void ha_held_claim(struct ha *ha, struct in_addr home, const struct tunnel *by);
/* A binding takes the place of whatever is held. */
void ha_held_replace(struct ha *ha, struct in_addr home);
void ha_held_expire(struct ha *ha, struct instant now, struct actions *out);
void ha_held_free(struct ha *ha);

/* revoke.c */
struct announcement; /* home_link.c */
struct held;         /* held.c */
struct aaa;          /* aaa_key.c */

struct ha {
	const struct ha_conf *conf;
	struct random random;
	struct directory *directory;
	struct binding_table *bindings;
	struct pool **pools; /* one per home network, same order */
	struct replay_table *replay;
	struct revocation *revocations;
	struct announcement *announcements;
	struct held *held;
	struct aaa *aaa; /* or NULL: no servers */
	struct timers expiries, retries, announces, holds;
	struct ratelimit auth_failures, replays_told, broadcast, keepalives, icmp_errors;
	uint64_t counters[HA_COUNTER_COUNT];
};

#define HA_COUNT(ha, name) ((ha)->counters[HA_COUNTER_##name]++)

/* One registration request. Filled from the front as the checks of check.c pass. */
struct transaction {
	struct instant now;
	const struct datagram *d;
	struct actions *out; /* what checks have done beside */
	struct mip_request req;
	struct mip_exts x;

	char nai_text[MIP_NAI_MAX];
	struct span nai;                       /* normalised; n = 0 until known */
	const struct ha_association *assoc;    /* signs the reply; NULL until known */
	struct shared_sa *shared;              /* its key when AAA keeps it, else NULL */
	const struct mip_auth *auth;           /* the authenticator under `assoc` */
	const struct ha_association *fa_assoc; /* of the foreign agent on the way, if any */
	const struct ha_user *user;
	size_t network;
	struct replay_entry *replay;
	uint32_t nonce; /* fresh, for the reply of a nonce association */
	bool repeated;  /* answer again, change nothing */
	bool proxy;
	bool udp;                 /* RFC 3519 encapsulation is granted */
	bool port_open;           /* by which port is still to be seen */
	enum encap encap;         /* without `udp` */
	uint32_t in_key, out_key; /* GRE; 0: none */
	uint8_t access_tech;      /* 0 = does not distinguish bindings */
	struct binding *binding;  /* the one this request is about, or NULL */
	uint32_t sequence;        /* number in the request, 0 = none */

	const char *why; /* of a refusal, for people */
};

/* check.c - what a check says: 0 = go on, a reply code, DISCARD, or AAA_WAIT (it comes again). */
enum { DISCARD = -1, AAA_WAIT = -2 };
int ha_check(struct ha *ha, struct transaction *t);

/* check_policy.c: the checks of the second half, in the order they run. */
int ha_check_agent(struct ha *ha, struct transaction *t);
int ha_check_proxy(struct ha *ha, struct transaction *t);
int ha_check_encapsulation(struct ha *ha, struct transaction *t);
int ha_check_reverse_tunnel(struct ha *ha, struct transaction *t);
int ha_check_care_of(struct ha *ha, struct transaction *t);
int ha_check_nat(struct ha *ha, struct transaction *t);
int ha_check_binding(struct ha *ha, struct transaction *t);
int ha_check_sequence(struct ha *ha, struct transaction *t);

/* ha.c - a registration request, for the first time or after it waited. */
void ha_on_request(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out);

/* bind.c - performs a request that passed all checks. Return: 0, or the code of the refusal (nothing changed). */
int ha_bind(struct ha *ha, struct transaction *t, struct actions *out);
/* Ends a binding whatever the reason: data plane, address, ARP, table. @event names it in the record. */
void ha_binding_end(struct ha *ha, struct instant now, struct binding *b, const char *event, const char *reason,
		    struct actions *out);
void ha_data_plane_set(const struct ha *ha, const struct binding *b, struct actions *out);
void ha_expire(struct ha *ha, struct instant now, struct actions *out);

/* copies.c: simultaneous bindings. */
struct binding_copy *ha_copy_find(struct binding *b, struct in_addr care_of); /* or NULL */
bool ha_copy_forget(struct binding *b, struct in_addr care_of);               /* false: it was none */
/* @b, which has a new care-of address, keeps the one it had as @old. Return: whether it does. */
bool ha_copies_keep(const struct ha *ha, const struct binding *old, struct binding *b);
/* The latest copy becomes the binding. Return: false: there is none. */
bool ha_copies_promote(struct binding *b);
/* Tells agents of @old's copies that serve no more: those that are not of @b, or, without it, all. */
void ha_copies_revoke(struct ha *ha, struct instant now, const struct binding *old, struct binding *b,
		      struct actions *out);
uint64_t ha_copies_due(const struct binding *b); /* [us] when the first of its care-of addresses ends */
/* Care-of address @gone left @b, which goes on. */
void ha_copies_changed(struct ha *ha, struct instant now, struct binding *b, struct in_addr gone, const char *reason,
		       struct actions *out);
/* Drops what is over. Return: whether anything is left. */
bool ha_copies_expire(struct ha *ha, struct instant now, struct binding *b, struct actions *out);
/* @care_of leaves while others stay. Return: false: nothing was done, as it is the only one, or none of @b's. */
bool ha_copies_leave(struct ha *ha, struct instant now, struct binding *b, struct in_addr care_of, const char *reason,
		     struct actions *out);

/* reply.c - @sequence 0: none. */
struct reply {
	uint8_t code;
	uint16_t lifetime_s;
	struct in_addr home;
	uint32_t sequence;
	uint32_t gre_key; /* 0: none */
};
void ha_reply(struct ha *ha, struct transaction *t, const struct reply *r, struct actions *out);

/* revoke.c */
/* Tells the agent of @b (or of its former self) that it serves no more; repeats until acknowledged (L-17, G-07). @inform: the
 * station does not know yet, and is to hear of it there. */
void ha_revoke(struct ha *ha, struct instant now, const struct binding *b, bool inform, struct actions *out);
/* The agent at @peer serves @home again: a pending revocation must not reach it. */
void ha_revoke_cancel(struct ha *ha, struct in_addr home, struct in_addr peer);
void ha_revoke_retry(struct ha *ha, struct instant now, struct actions *out);
void ha_on_revocation(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out);
void ha_on_revocation_ack(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out);
void ha_revocations_free(struct ha *ha);

/* home_link.c: a home network on a real link (RFC 5944 4.6). No effect on virtual ones. */
void ha_home_link_claim(struct ha *ha, struct instant now, const struct binding *b, struct actions *out);
void ha_home_link_release(struct ha *ha, const struct binding *b);
void ha_home_link_announce(struct ha *ha, struct instant now, struct actions *out);
/* What the station of @from sends to all of its home network, to those on the real link. */
void ha_home_link_broadcast(struct ha *ha, struct instant now, const struct binding *from, struct span packet,
			    struct actions *out);
void ha_announcements_free(struct ha *ha);

/* broadcast.c: link-local multicast or broadcast that @from sent, to the others of its subnet (L-44). */
bool ha_is_subnet_broadcast(const struct ha *ha, const struct binding *b, struct in_addr destination);
void ha_broadcast(struct ha *ha, struct instant now, const struct binding *from, struct span packet,
		  struct actions *out);

/* The same for what was heard on a real home link. */
void ha_broadcast_from_link(struct ha *ha, struct instant now, size_t network, struct span packet, struct actions *out);

/* @packet for one station although its address does not say so: inside of a unicast packet to it unless the tunnel is the
 * station's own (RFC 5944 4.3), as an agent that serves many could not tell whose it is. */
void ha_send_copy(const struct ha *ha, const struct binding *to, struct span packet, struct actions *out);

/* dhcp.c: a message to UDP 67, from a station through its tunnel or from the server. */
void ha_on_dhcp(struct ha *ha, const struct datagram *d, struct actions *out);

/* aaa_key.c: keys of users that AAA servers keep. */
extern const char ha_aaa_name[]; /* of their associations */
int ha_aaa_new(struct ha *ha);   /* 0 or -ENOMEM */
void ha_aaa_free(struct ha *ha);
bool ha_aaa_owns_port(const struct ha *ha, uint16_t port);
void ha_aaa_on_datagram(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out);
void ha_aaa_on_time(struct ha *ha, struct instant now, struct actions *out);
uint64_t ha_aaa_due(const struct ha *ha);
/* May keys of this user be asked for? @nai: normalised. */
bool ha_aaa_serves(const struct ha *ha, struct span nai);
/* Finds @t's association by its SPI, or asks for it. Return: as checks do; 0: t->assoc and t->shared are set. */
int ha_aaa_association(struct ha *ha, struct transaction *t);
/* The authenticator is wrong by the key that AAA gave us: perhaps it gives another one by now. Return: as checks do, not 0. */
int ha_aaa_doubt(struct ha *ha, struct transaction *t);
/* The key of a user's agent, or NULL: then it is asked for, and known in a while if at all. @nai: normalised. */
struct shared_sa *ha_aaa_key(struct ha *ha, struct instant now, uint32_t spi, struct span nai, struct actions *out);

/* forward.c: RFC 3519 tunnel data that the kernel programs left to us. */
void ha_on_tunnel_data(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out);

#endif
