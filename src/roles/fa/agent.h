/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the foreign agent. Only for files of roles/fa. */
#ifndef HF_ROLES_FA_AGENT_H
#define HF_ROLES_FA_AGENT_H

#include <uthash.h>

#include "base/ratelimit.h"
#include "base/timers.h"
#include "codec/ip4.h"
#include "codec/mip_ext.h"
#include "codec/mip_msg.h"
#include "roles/fa/fa.h"

/* clang-format off */
#define FA_COUNTERS(X) \
	X(advertisements) X(solicitations) X(solicitations_ignored) X(requests) X(malformed) X(unknown_extension) \
	X(discarded) X(from_access) X(copied) X(relayed) X(denied) X(denials_suppressed) X(timed_out) X(unreachable) X(replies) \
	X(replies_unmatched) X(replies_unauthenticated) X(accepted) X(deregistered) X(refused_by_home) X(expired) \
	X(revoked) X(revocations_ignored) X(revocations_sent) X(revocations_acknowledged) X(revocations_given_up) \
	X(moved_here) X(displaced) X(occupied) X(keepalives_sent) X(keepalives_answered) X(mappings_lost) \
	X(packets_dropped) X(too_big_told)
/* clang-format on */

#define FA_COUNTER_ID(name) FA_COUNTER_##name,
enum fa_counter { FA_COUNTERS(FA_COUNTER_ID) FA_COUNTER_COUNT };
#undef FA_COUNTER_ID

/* How a mobile node can be reached before and while it is registered: only by its MAC, never by ARP (RFC 5944 4.6). */
struct fa_station {
	uint32_t ifindex;
	uint8_t mac[MAC_OCTETS];
};
enum { STATION_OCTETS = offsetof(struct fa_station, mac) + MAC_OCTETS }; /* of a key, without padding */

struct revoking; /* revoke.c */

/* A request under way; beside the visit it may be about, not over it (RFC 5944 3.7.1). */
struct pending {
	struct pending *next;
	struct fa_station station;
	uint16_t port;                  /* UDP, of the mobile node */
	struct in_addr source, our_end; /* addresses of its packet */
	struct in_addr home_agent;      /* it goes to: as requested, or what RFC 4433 has for it */
	struct mip_request request;
	char nai[MIP_NAI_MAX + 1]; /* "" = none */
	bool encapsulating;
	uint32_t stamp; /* our revocation timestamp in it */
	struct timer timer;
	struct fa *fa;
};

/* By home address and home agent: private addresses of two networks may be equal (RFC 5944 3.7.1). */
struct visit_key {
	struct in_addr home, home_agent;
};

/* What keeps a NAT before us open towards one home agent, for all visits at once (RFC 3519 4.9). */
struct mapping {
	UT_hash_handle hh;
	struct in_addr home_agent;
	struct fa *fa;
	size_t visits;
	uint16_t interval_s;
	uint64_t last_sent_us;
	unsigned unanswered;
	struct timer timer;
};

/* An interface has one visit at a time: its packets are told by their MAC. */
struct visit {
	UT_hash_handle by_key, by_station;
	struct visit_key key;
	struct fa *fa;
	struct fa_station station;
	uint32_t index;
	char nai[MIP_NAI_MAX + 1];
	bool co_located; /* decapsulates itself: no traffic of it passes our tunnels */
	enum delivery delivery;
	struct in_addr care_of;
	struct tunnel tunnel;
	uint64_t id;             /* of the request that was accepted last */
	bool revocation;         /* negotiated */
	bool inform;             /* so is who decides whether the mobile node hears of it (RFC 3543 3.2) */
	uint32_t stamp;          /* revocation timestamps: newest of the home agent */
	uint32_t own_stamp;      /* and ours */
	struct mapping *mapping; /* NULL: not in UDP */
	uint64_t since_us, expires_us;
	struct timer life;
};

struct advertiser {
	struct fa *fa;
	const struct fa_access *access;
	uint16_t sequence; /* of the last one */
	unsigned sent;     /* the first ones go out faster */
	struct ratelimit solicited;
	struct timer timer;
};

/* Whom we denied something a moment ago: once a second is enough (RFC 5944 3.7.2.3). */
struct denial {
	struct fa_station station;
	uint64_t until_us;
};
enum { DENIALS_MAX = 64 };

struct fa {
	const struct fa_conf *conf;
	struct random random;
	struct advertiser *advertisers; /* one per access */
	bool stopping;                  /* what is advertised is over at once (RFC 1256 4.3) */
	struct pending *pending;
	size_t pending_n;
	struct visit *visits, *stations;
	struct visit **by_index; /* max_visitors */
	struct mapping *mappings;
	struct revoking *revoking;
	struct timers timers, lives, adverts, keepalives, retries;
	struct denial denials[DENIALS_MAX];
	unsigned denial_at;
	struct ratelimit security, denials_told, errors;
	uint64_t counters[FA_COUNTER_COUNT];
};

#define FA_COUNT(fa, name) ((fa)->counters[FA_COUNTER_##name]++)

static inline bool same_station(const struct fa_station *a, const struct fa_station *b)
{
	return a->ifindex == b->ifindex && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

const struct fa_access *fa_access_of(const struct fa *fa, uint32_t ifindex);
/* Who may be meant for people: the NAI, else the home address. */
void fa_record(struct actions *out, enum record_level level, bool security, const char *event, const char *nai,
	       struct in_addr home, struct in_addr peer, const char *reason_fmt, ...)
	__attribute__((format(printf, 8, 9)));

/* advertise.c */
void advertise_start(struct fa *fa);
void advertise_on_time(struct fa *fa, struct instant now, struct actions *out);
void advertise_on_solicitation(struct fa *fa, struct instant now, const struct fa_station *to, struct in_addr source,
			       struct actions *out);
/* To one mobile node, as if we had restarted: it has to register again (RFC 3543 4.1). */
void advertise_restart(struct fa *fa, const struct visit *v, struct actions *out);
/* The last one of each link. */
void advertise_end(struct fa *fa, struct actions *out);

/* request.c */
void request_on_frame(struct fa *fa, struct instant now, const struct fa_station *from, struct span packet,
		      struct actions *out);
void request_on_time(struct fa *fa, struct instant now, struct actions *out);
void request_deny(struct fa *fa, struct instant now, const struct pending *p, uint8_t code, struct actions *out);
void pending_free(struct fa *fa, struct pending *p);
/* The one that @m, from @home_agent, answers. NULL: none. */
struct pending *pending_find(struct fa *fa, struct in_addr home_agent, const struct mip_reply *m, struct span nai);

/* check.c: what is wrong with a request (RFC 5944 3.7.2.2, RFC 3024 4.1). */
enum { CHECK_PASS = -1, CHECK_DISCARD = -2 }; /* else: a code to deny it with */
int request_check(const struct fa *fa, const struct pending *p, const uint8_t *msg, const struct mip_exts *x,
		  uint8_t ttl, const char **ret_why);
/* Octets up to the last extension that is for the home agent; what follows was for us (RFC 5944 3.7.2.2). */
size_t request_home_part(const struct mip_exts *x);
/* An address that one interface can have. */
bool is_of_one(struct in_addr a);
bool is_ours(const struct fa *fa, struct in_addr a);

/* association.c */
const struct sa *association_mn(const struct fa *fa, const char *nai, struct in_addr home);
const struct sa *association_ha(const struct fa *fa, struct in_addr home_agent);

/* reply.c */
void fa_on_reply(struct fa *fa, struct instant now, const struct datagram *d, struct actions *out);
/* @head: what the mobile node gets, up to our own authenticator, in a writer of the list. */
void reply_send(struct fa *fa, const struct pending *p, struct wr *head, struct actions *out);

/* visit.c */
struct visit *visit_find(const struct fa *fa, struct in_addr home, struct in_addr home_agent);
bool visit_is_full(const struct fa *fa);
struct visit *visit_at(const struct fa *fa, const struct fa_station *station);
/* Somebody else visits with the MAC of @p already. @home: what @p has or gets, 0.0.0.0 = not known yet. */
bool visit_is_in_the_way(const struct fa *fa, const struct pending *p, struct in_addr home);
/* @p is what a visitor at another MAC was let in with. */
bool visit_began_with(const struct fa *fa, const struct pending *p);
/* Begins or renews one. Return: it, or NULL (no room: it was counted). */
struct visit *visit_set(struct fa *fa, struct instant now, const struct pending *p, struct in_addr home,
			uint16_t lifetime_s, const struct tunnel *tunnel, struct actions *out);
void visit_end(struct visit *v, const char *why, struct actions *out);
void visit_on_time(struct fa *fa, struct instant now, struct actions *out);

/* forward.c */
void fa_on_tunnel_data(struct fa *fa, const struct datagram *d, struct actions *out);

/* revoke.c: RFC 3543, in both directions. */
void revoke_on_datagram(struct fa *fa, struct instant now, const struct datagram *d, struct actions *out);
void revoke_on_ack(struct fa *fa, const struct datagram *d, struct actions *out);
/* Tells the home agent that we end @v, until it says that it heard. No effect where that was not negotiated. */
void revoke_begin(struct fa *fa, struct instant now, const struct visit *v, struct actions *out);
/* The mobile node is here again: nothing of the past may reach its home agent any more. */
void revoke_cancel(struct fa *fa, struct in_addr home, struct in_addr home_agent);
void revoke_on_time(struct fa *fa, struct instant now, struct actions *out);
void revoke_free(struct fa *fa);

/* keepalive.c */
/* @v, which has got its tunnel, is one of those that need the mapping, or none any more. @interval_s 0: ours. */
void keepalive_join(struct visit *v, struct instant now, uint16_t interval_s);
void keepalive_leave(struct visit *v);
/* Something went to @home_agent by Mobile IP's port. */
void keepalive_sent(struct fa *fa, struct instant now, struct in_addr home_agent);
/* Whether @t was an answer. */
bool keepalive_answered(struct fa *fa, const struct tunnelled *t, const struct ip4 *ip);
void keepalive_on_time(struct fa *fa, struct instant now, struct actions *out);
void keepalive_free(struct fa *fa);

#endif
