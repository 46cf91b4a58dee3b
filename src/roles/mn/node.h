/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the mobile node role. Only for files of roles/mn. */
#ifndef HF_ROLES_MN_NODE_H
#define HF_ROLES_MN_NODE_H

#include "roles/mn/mn.h"

/* clang-format off */
#define MN_COUNTERS(X) \
	X(roams) X(opened) X(resumed) X(open_failures) X(tunnels_up) X(crossed_inside) X(crossed_outside) \
	X(hints) X(proofs) X(held_off) X(closed_by_peer) X(home_set) X(home_changed) X(home_restored) X(addresses_refused) \
	X(links_full) X(addresses_full) X(routes_full) X(sessions_full) \
	X(requests_sent) X(retransmissions) X(accepted) X(refused) X(resynchronised) X(decided_inside) X(decided_outside) \
	X(malformed) X(unknown_extension) X(discarded) X(replies_unmatched) X(replies_unauthenticated) X(replies_without_tnc) \
	X(replies_elsewhere) X(agents_heard) X(agents_full) X(agents_refused) X(solicitations) X(addresses_inner_full) \
	X(revoked) X(revocations_ignored)
/* clang-format on */

#define MN_COUNTER_ID(name) MN_COUNTER_##name,
enum mn_counter { MN_COUNTERS(MN_COUNTER_ID) MN_COUNTER_COUNT };
#undef MN_COUNTER_ID

#define MN_COUNT(mn, name) ((mn)->counters[MN_COUNTER_##name]++)

enum mn_state {
	MN_NOWHERE,    /* no link with an address */
	MN_CONNECTING, /* a way out, but no tunnel */
	MN_OUTSIDE,    /* through the tunnel */
	MN_CROSSING, /* half of what it takes to be inside: a link has the home address, or the gateway closed the tunnel */
	MN_INSIDE, /* at home on a link: no tunnel */
	MN_STATE_COUNT
};

/* Why the host may be believed to be inside. It ends with the link it was about. */
enum mn_proof {
	MN_PROOF_NONE,
	MN_PROOF_GATEWAY, /* the CHILD_SA was deleted over the authenticated IKE_SA */
	MN_PROOF_FOUND,   /* at our start: the IKE_SA was there, without CHILD_SA */
	MN_PROOF_POLICY,  /* MN_INSIDE_ADDRESS */
	MN_PROOF_COUNT
};

enum {
	MN_LINKS_MAX = 64,
	MN_ADDRESSES_MAX = 16,
	MN_ROUTES_MAX = 32,
	MN_SESSIONS_MAX = 16,
	MN_NAME_OCTETS = 16,
	MN_REASON_OCTETS = 160
};

#define ANY_METRIC UINT64_MAX

struct mn_link {
	uint32_t ifindex;
	char name[MN_NAME_OCTETS];
	uint8_t mac[MAC_OCTETS]; /* zero: it has none */
	bool up, listed;
	uint32_t losses;     /* of carrier, as the kernel counts them */
	unsigned stays;      /* client mode: attachments so far: what was proven of one says nothing of the next */
	unsigned solicited;  /* client mode: solicitations sent since it is up, */
	uint64_t solicit_us; /* and when the next is due */
	struct in_addr addresses[MN_ADDRESSES_MAX];
	bool address_listed[MN_ADDRESSES_MAX];
	size_t address_n;
};

/* A default route. */
struct mn_route {
	uint32_t ifindex, metric;
};

/* An IKE_SA of a configured connection that is up. */
struct mn_session {
	uint32_t sa;
	size_t connection; /* its place in the configuration */
	unsigned children;
	struct in_addr local, remote;
};

/* Bringing a tunnel up. */
struct mn_opening {
	size_t at;           /* connection that is tried, or next */
	unsigned tries;      /* connections that failed since the last pause */
	unsigned rounds;     /* pauses: the exponent of the back-off */
	bool in_flight;      /* told charon to; `MN_TIMER_OPEN` is its deadline */
	bool wanted;         /* somebody named this gateway: it is opened beside the one in use */
	bool waits_for_move; /* the IKE_SA has to reach its gateway from here first */
	unsigned farewells;  /* IKE_SAs of `closed` that we closed, whose end is still to be heard, */
	size_t closed;
	uint64_t farewells_until_us; /* and until when: charon may have had none any more */
	uint64_t asked_us;
};

enum mn_timer {
	MN_TIMER_ROAM,    /* changes are gathered */
	MN_TIMER_OPEN,    /* next attempt, or end of this one */
	MN_TIMER_PROOF,   /* the gateway closed the tunnel, and no link has the home address */
	MN_TIMER_CLOSE,   /* the gateway does not confirm that the tunnel is closed */
	MN_TIMER_HOLDOFF, /* a crossing is looked at again */
	MN_TIMER_STABLE,  /* the tunnel lasted: back-off starts anew */
	MN_TIMER_RESTORE, /* the home address was taken away again, too soon */
	MN_TIMER_CLIENT,  /* whatever client mode waits for */
	MN_TIMER_COUNT
};

enum mn_guard { MN_GUARD_UNKNOWN /* an earlier run may have left one */, MN_GUARD_OFF, MN_GUARD_ON };

struct client;

struct mn {
	const struct mn_conf *conf;
	struct random random;
	struct client *client; /* client mode, else NULL */
	enum mn_state state;
	char reason[MN_REASON_OCTETS];
	uint64_t since_us;
	bool net_listed, net_listing, charon_there, charon_listed;

	struct mn_link links[MN_LINKS_MAX];
	size_t link_n;
	struct mn_route routes[MN_ROUTES_MAX];
	size_t route_n;
	uint32_t device_ifindex; /* of the TUN; 0 = not there */
	struct in_addr home;
	bool home_listed;
	enum mn_guard guard;    /* of `home` */
	bool hinted;            /* a plain packet came, since the state changed */
	struct in_addr watched; /* plain packets to it are watched for */
	uint32_t native;        /* link that has the home address, and is the host's first choice; 0 = none */

	struct mn_session sessions[MN_SESSIONS_MAX];
	size_t session_n;
	enum mn_proof proof;
	uint64_t holdoff_us; /* no crossing without proof before this */
	struct mn_opening opening;
	uint64_t due[MN_TIMER_COUNT], changed_us; /* `changed_us`: first change of those gathered */
	uint64_t roamed_us;                       /* when charon was last told of changes */
	uint64_t restored_us;                     /* when the home address was last put back */
	uint64_t counters[MN_COUNTER_COUNT];
};

/* mn.c */
struct span mn_user(const struct mn *mn); /* whom records are about, whatever the host is called in clear */
void mn_record(const struct mn *mn, struct actions *out, enum record_level level, const char *event,
	       const char *reason_fmt, ...) __attribute__((format(printf, 5, 6)));

/* links.c: what there is */
uint64_t links_metric(const struct mn *mn, const struct mn_link *l); /* of its best default route; ANY_METRIC: none */
void links_on_event(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out);
const struct mn_link *links_at(const struct mn *mn, uint32_t ifindex); /* or NULL */
bool links_are_usable(const struct mn *mn);                            /* some link has an address */
bool links_have(const struct mn *mn, struct in_addr a);                /* a link that is up has it */
/* Looks again for a link with the home address. Where another link has a better default route, the host is about to leave
 * it, or not yet there: it does not count. The link that has it keeps the role; when it lost it, proof that the
 * host is inside is worth nothing any more. */
void links_find_native(struct mn *mn);
/* Sockets die with the address: it goes back, however it was lost. */
void links_restore_home(struct mn *mn, struct instant now, struct actions *out);
/* Tells charon at once what was gathered. */
void links_roam(struct mn *mn, struct instant now, struct actions *out);

/* sessions.c: IKE_SAs as charon tells them */
void sessions_on_event(struct mn *mn, struct instant now, const struct charon_event *e, struct actions *out);
size_t sessions_connection(const struct mn *mn, const char *name);            /* its place; SIZE_MAX: not configured */
const struct mn_session *sessions_of(const struct mn *mn, size_t connection); /* or NULL */
const struct mn_session *sessions_carrying(const struct mn *mn);              /* one with a CHILD_SA, or NULL */
void sessions_close_children(struct mn *mn, struct instant now, struct actions *out);
void sessions_close_all(struct mn *mn, struct instant now, struct actions *out);
/* All IKE_SAs of a connection, at once, whether its gateway answers or not. */
void sessions_close(struct mn *mn, struct instant now, size_t connection, struct actions *out);

/* opening.c: gateways in order, with back-off */
void opening_start(struct mn *mn, struct instant now); /* unless an attempt is planned or under way */
void opening_stop(struct mn *mn);
void opening_forgive(struct mn *mn); /* the next pause is the shortest again */
bool opening_is_under_way(const struct mn *mn);
void opening_next(struct mn *mn, struct instant now);  /* the next gateway at once; after the last one, a pause */
void opening_pause(struct mn *mn, struct instant now); /* the tunnel did not last: longer each time */
void opening_on_time(struct mn *mn, struct instant now, struct actions *out);
/* The attempt is over, its IKE_SA gone. */
void opening_failed(struct mn *mn, struct instant now, const char *why, struct actions *out);
void opening_on_links(struct mn *mn, struct instant now); /* there may be a better way now */
/* A link lost @a: what charon sent from there gets no answer any more. */
void opening_on_lost(struct mn *mn, struct instant now, struct in_addr a, struct actions *out);
/* @connection is to be used, whatever is in use now. */
void opening_want(struct mn *mn, struct instant now, size_t connection, struct actions *out);
/* There is a default route: an attempt that did not get far may have lacked one. */
void opening_on_route(struct mn *mn, struct instant now, struct actions *out);
void opening_on_moved(struct mn *mn, struct instant now, const struct mn_session *s);
void opening_done(struct mn *mn, struct instant now, const struct mn_session *s, struct actions *out);

/* state.c: the machine. Called after everything that happened. */
void mn_decide(struct mn *mn, struct instant now, struct actions *out);
extern const char *const mn_state_names[MN_STATE_COUNT];
extern const char *const mn_proof_names[MN_PROOF_COUNT];

#endif
