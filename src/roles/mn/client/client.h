/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of client mode. Only for files of roles/mn.
 *
 * There is a "way" for each link with an address, and one through the VPN. Each has its own exchange of requests with the
 * home agent, and a link's way also a verdict: whether the link is inside. A link is inside when the home agent answered a
 * request that left by this link in clear: successfully, with TNC, both under the authenticator, by the same link, and with
 * no change of the link since (B-27, B-28, X-07). Nothing else is proof: no advertisement, no address, no word of a gateway.
 *
 * The binding is what the home agent has for us, the last request it accepted. From the ways' verdicts and the binding
 * follows the state, and from the state the way of the home address, which is blocked unless one of both is proven (B-36).
 * Data goes on by a way that was proven and did not change, while another link is being looked at. */
#ifndef HF_MN_CLIENT_H
#define HF_MN_CLIENT_H

#include "base/ratelimit.h"
#include "codec/mip_msg.h"
#include "roles/mn/node.h"

enum client_state {
	CLIENT_NOWHERE,    /* no link with an address */
	CLIENT_DECIDING,   /* requests in clear are under way, and so may be the VPN */
	CLIENT_CONNECTING, /* nobody answers in clear, and no gateway from here */
	CLIENT_BINDING,    /* outside, registering through the VPN (B-46) */
	CLIENT_OUTSIDE,    /* mode mc */
	CLIENT_INSIDE_C,   /* mode c */
	CLIENT_INSIDE_F,   /* mode f */
	CLIENT_HOME,       /* deregistered, on the home link (B-52) */
	CLIENT_STATE_COUNT
};

extern const char *const client_state_names[CLIENT_STATE_COUNT];

enum verdict { VERDICT_UNKNOWN, VERDICT_OUTSIDE, VERDICT_INSIDE };

/* What is asked of the home agent, and how. */
enum ask {
	ASK_CO_LOCATED, /* in clear, with the link's address as care-of address; also the probe */
	ASK_AGENT,      /* through a foreign agent on the link */
	ASK_HOME,       /* deregistration, on the home link */
	ASK_VPN,        /* through the VPN, with the inner address (TIA) as care-of address */
};

enum {
	WAYS_MAX = MN_LINKS_MAX,
	AGENTS_MAX = 8,
	SENT_MAX = 4,  /* requests whose answers may still come (B-34) */
	INNERS_MAX = 8 /* inner addresses of IKE_SAs */
};

/* Whether the host is to be the tunnel's own end. */
static inline bool ask_is_own_end(enum ask what)
{
	return what == ASK_CO_LOCATED || what == ASK_VPN;
}

struct sent {
	uint64_t id, at_us;
	uint32_t serial; /* of all our requests: the home agent accepts them in this order only */
	enum ask what;
	uint16_t lifetime_s;
	struct in_addr to; /* home agent, or foreign agent (ASK_AGENT) */
	bool any_home;     /* no home address was named */
	bool answered;     /* and once is enough: what comes then is a replay */
};

struct exchange {
	bool pending; /* `due_us` is the next repetition; else when to ask anew, NEVER = not */
	uint64_t due_us;
	enum ask what;
	unsigned tries, resyncs;
	unsigned rounds; /* of `tries` that brought nothing: longer and longer pauses */
	bool without_udp;
	bool any_home;              /* the one that was assigned is refused: whichever there is */
	struct sent sent[SENT_MAX]; /* ring */
	size_t sent_n;              /* ever written to it */
};

struct way {
	uint32_t ifindex; /* 0: through the VPN */
	struct in_addr care_of;
	unsigned stay; /* of the link */
	enum verdict verdict;
	uint64_t proven_us;    /* VERDICT_INSIDE: when what proves it was asked */
	unsigned more;         /* outside, it is asked so often again: silence may have been bad luck */
	uint64_t asked_metric; /* of the link's route when it was asked last: without one, nothing gets far */
	uint64_t home_from_us; /* no deregistration before: nobody answered the last one */
	struct exchange x;
};

/* A foreign agent that was heard. */
struct agent {
	uint32_t ifindex;
	uint8_t mac[MAC_OCTETS];
	struct in_addr address, care_of;
	uint16_t flags, sequence, lifetime_s;
	uint64_t expires_us;
	uint64_t use_from_us;     /* it refused, or did not answer: not before this */
	uint64_t restart_from_us; /* that it started anew is not believed before this */
};

/* What the home agent has for us, as far as we know. */
struct bound {
	bool here;
	enum ask what;
	uint32_t ifindex; /* of its way */
	struct in_addr care_of;
	struct in_addr agent; /* ASK_AGENT */
	uint8_t agent_mac[MAC_OCTETS];
	size_t connection; /* ASK_VPN: of the gateway */
	uint32_t serial;
	bool revoked;        /* ASK_VPN: it heard a request in clear after this one */
	uint64_t expires_us; /* NEVER: does not */
	struct tunnel tunnel;
};

/* An address the gateway assigned (TIA). */
struct inner {
	uint32_t sa;
	struct in_addr address;
};

struct client {
	enum client_state state;
	struct way ways[WAYS_MAX];
	size_t way_n;
	struct way vpn;
	size_t vpn_connection; /* of the gateway behind `vpn` */
	struct bound bound;
	struct agent agents[AGENTS_MAX];
	size_t agent_n;
	struct inner inners[INNERS_MAX];
	size_t inner_n;

	struct in_addr home_agent; /* as configured, or as it named itself */
	int64_t offset;            /* of its clock, added to ours */
	uint64_t last_id;
	uint32_t nonce, serial;
	uint32_t clear_serial; /* of the last request that did not leave through the VPN */
	bool revocable;        /* the home agent tells when what it has by the VPN ends (RFC 3543), */
	uint32_t stamp;        /* and has told the last time at this, by its clock */
	uint32_t rtt_us[2];    /* smoothed; 0 = not measured. [1]: through the VPN */

	bool path_set; /* `path` is what the data plane was told last */
	struct dp_path path;
	struct ratelimit security;
};

/* client.c */
int client_new(struct mn *mn); /* Return: 0 or -ENOMEM */
/* Changes of links were gathered: charon is told in the same batch of actions (B-32, B-44). */
void client_on_change(struct mn *mn, struct instant now, struct actions *out);
void client_on_time(struct mn *mn, struct instant now, struct actions *out);
void client_describe(const struct mn *mn, struct mn_view *ret);
/* The NAI we go by, towards others. */
struct span client_nai(const struct mn *mn);

/* ways.c */
/* Ways follow the links as they are; what is lost takes its verdict and its exchange with it. */
void ways_follow_links(struct mn *mn, struct instant now, struct actions *out);
struct way *ways_at(struct client *c, uint32_t ifindex); /* or NULL */
struct way *ways_inside(struct client *c);               /* the one that is proven, or NULL: at most one is */
bool ways_are_asked(const struct client *c);             /* the home agent may still answer in clear */
bool ways_undecided(const struct client *c);             /* none is known to be outside, and one may be inside */
/* By the host's routes. Where none is worse, none is better. */
bool ways_is_better(const struct mn *mn, const struct way *a, const struct way *b);
/* It is the one to use: requests by those that are no better would only take the binding away. */
void ways_prefer(struct mn *mn, struct way *w);
/* Ends what has lasted for too long: the binding, and proof (RFC 5265 3.4: T_MONITOR). */
void ways_expire(struct mn *mn, struct instant now, struct actions *out);
uint64_t ways_proven_until_us(const struct mn *mn, const struct way *w);
/* Asks on all links that may be better than what there is. */
void ways_probe(struct mn *mn, struct instant now, struct actions *out);
void ways_on_time(struct mn *mn, struct instant now, struct actions *out);
/* Asks what is best next, by a link that is inside: a foreign agent, or to be at home. */
void ways_improve(struct mn *mn, struct instant now, struct way *w, struct actions *out);
/* It is not proven any more; it is asked again at once. */
void ways_doubt(struct mn *mn, struct instant now, struct way *w, const char *why, struct actions *out);
uint64_t ways_due(const struct mn *mn);

/* request.c */
void request_start(struct mn *mn, struct instant now, struct way *w, enum ask what, struct actions *out);
void request_again(struct mn *mn, struct instant now, struct way *w, struct actions *out); /* one more try, at once */
void request_cancel(struct way *w);
const struct sent *request_last(const struct way *w); /* NULL: nothing was sent */
/* Who was named in the place of the configured home agent does not answer: that one is asked again. */
void request_fall_back(struct mn *mn);
/* As many tries as are configured brought no answer. */
bool request_is_silent(const struct mn *mn, const struct way *w);

/* reply.c */
void reply_on_datagram(struct mn *mn, struct instant now, const struct datagram *d, struct actions *out);

/* revoked.c: RFC 3543, of registrations through the VPN. */
void revoked_on_datagram(struct mn *mn, struct instant now, const struct datagram *d, struct actions *out);
void revoked_note_support(struct client *c, const struct mip_exts *x); /* in a reply */

/* agents.c */
void agents_on_frame(struct mn *mn, struct instant now, uint32_t ifindex, struct span frame, struct actions *out);
struct agent *agents_best(struct mn *mn, struct instant now, uint32_t ifindex); /* to be used on this link, or NULL */
struct agent *agents_find(struct client *c, uint32_t ifindex, struct in_addr address);
/* Another network may be behind the link now: those heard before are of no use there. */
void agents_forget_link(struct mn *mn, uint32_t ifindex);
void agents_forget_silent(struct mn *mn, struct instant now); /* and those of links that are down */
void agents_on_time(struct mn *mn, struct instant now, struct actions *out);
uint64_t agents_due(const struct mn *mn);

/* inner.c */
void inner_on_address(struct mn *mn, const struct charon_event *e, struct actions *out);
void inner_on_event(struct mn *mn, const struct charon_event *e, struct actions *out);
bool inner_is_held(const struct mn *mn, struct in_addr a);
/* Sets all of them again on the device. */
void inner_restore(const struct mn *mn, struct actions *out);
/* The way through the VPN follows the IKE_SA that carries. */
void inner_follow(struct mn *mn, struct instant now, struct actions *out);

/* state.c */
void client_decide(struct mn *mn, struct instant now, struct actions *out);

#endif
