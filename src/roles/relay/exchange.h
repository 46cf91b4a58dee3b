/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the RADIUS relay. Only for files of roles/relay. */
#ifndef HF_ROLES_RELAY_EXCHANGE_H
#define HF_ROLES_RELAY_EXCHANGE_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/ratelimit.h"
#include "roles/radius/client.h"
#include "roles/relay/relay.h"

/* clang-format off */
#define RELAY_COUNTERS(X) \
	RADIUS_CLIENT_COUNTERS(X) \
	X(requests) X(duplicates) X(unknown_nas) X(malformed) X(unproven) X(table_full) X(accepts) X(held) X(rejects) \
	X(refused) X(accounting) X(das_requests) X(das_duplicates) X(das_unknown_server) X(das_malformed) X(das_unproven) \
	X(das_stale) X(das_acks) X(das_naks) X(ends_asked) X(ends_done) X(ends_failed) X(ends_full)
/* clang-format on */

#define RELAY_COUNTER_ID(name) RELAY_COUNTER_##name,
enum relay_counter { RELAY_COUNTERS(RELAY_COUNTER_ID) RELAY_COUNTER_COUNT };
#undef RELAY_COUNTER_ID

enum exchange_state {
	EXCHANGE_ASKED,    /* a server was asked */
	EXCHANGE_HELD,     /* its Accept waits for a registration */
	EXCHANGE_ANSWERED, /* kept a while for duplicates of the request */
};

struct octets {
	uint8_t *p;
	size_t n;
};

/* One that outlives its datagram. */
struct kept_packet {
	struct octets octets;
	struct radius parsed; /* of them */
};

/* What makes a request the same one (RFC 2865 2.5); no padding. */
struct nas_key {
	struct in_addr address;
	uint16_t port, local_port;
	uint32_t id;
};

struct exchange {
	UT_hash_handle by_nas, by_number;
	struct nas_key key;
	struct in_addr local; /* where it was asked, and is answered from */
	uint32_t number;
	enum exchange_state state;
	const struct relay_nas *nas;
	uint8_t code; /* of the request */
	uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS];
	uint64_t began_us;                 /* its login, with the first request of it */
	unsigned rounds;                   /* requests of its login so far */
	struct kept_packet request, reply; /* of the NAS; of the server while held */
	struct octets answer;              /* to the NAS */
	struct radius_call call;           /* of the server */
	struct timer timer;                /* while it is held or answered */
};

/* What makes a Disconnect-Request the same one: whoever repeats it, from whatever port, cannot change it. No padding. */
struct order_key {
	struct in_addr address;
	uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS];
};

/* A request of an AAA server to end a session. */
struct relay_order {
	UT_hash_handle by_key;
	struct order_key key;
	struct in_addr local; /* where it was asked, and is answered from */
	uint16_t port;        /* to */
	uint8_t code, id;
	uint64_t forget_us;
	const struct radius_server *server;
	struct kept_packet request;
	struct octets answer;  /* none: an authenticator is asked */
	struct relay_end *end; /* the question */
	struct timer timer;    /* once it is answered */
};

/* A session that is over, of which its authenticator hears. */
struct relay_end {
	struct relay_end *prev, *next;
	struct relay *relay;
	struct relay_ids ids;
	struct octets nai;
	uint32_t stamp; /* [s] Unix; of its packets */
	bool asked;
	struct relay_order *order; /* or NULL */
	struct radius_call call;
};

/* Which server sent the Challenge of a State: only it knows how to go on; and when the login began. One place for each
 * hash; who is overwritten is asked for in the usual order, and seems to begin. */
struct ongoing {
	uint64_t state; /* hash */
	size_t server;  /* 1 + index; 0 = free */
	uint64_t began_us;
	unsigned rounds;
};

enum { ONGOING_COUNT = 4096 };

struct relay {
	const struct relay_conf *conf;
	struct relay_listener listener;
	struct exchange *by_nas, *by_number;
	struct radius_client *client;
	struct radius_caller caller; /* of the exchanges' calls */
	struct ongoing ongoing[ONGOING_COUNT];
	struct timers timers; /* of exchanges */
	struct relay_order *orders;
	struct timers order_timers;
	struct relay_end *ends;
	size_t end_n, asked_n;
	struct radius_caller end_caller;
	uint32_t last_number;
	struct ratelimit notes;
	uint64_t counters[RELAY_COUNTER_COUNT];
};

#define RELAY_COUNT(r, name) ((r)->counters[RELAY_COUNTER_##name]++)

static inline struct span secret_of(const struct radius_secret *s)
{
	return (struct span){ s->octets, s->n };
}

static inline int64_t unix_s(struct instant now)
{
	return (int64_t)(now.ntp >> 32) - (int64_t)NTP_UNIX_OFFSET_S;
}

static inline bool is_accounting(const struct exchange *x)
{
	return x->code == RADIUS_ACCOUNTING_REQUEST;
}

/* ids.c */
struct relay_ids ids_read(const struct relay_nas *nas, struct in_addr source, const struct radius *request);

/* relay.c */
void exchange_free(struct relay *r, struct exchange *x);
int octets_copy(struct octets *to, struct span from);               /* 0 or -ENOMEM; frees what was there */
int packet_keep(struct kept_packet *to, const struct radius *from); /* likewise */
/* What proxies on the way want back (RFC 2865 5.33). */
void put_proxy_states(struct wr *w, const struct radius *request);
void exchange_wait(struct relay *r, struct exchange *x, uint64_t due_us);

/* nas.c: towards the authenticator */
void nas_on_request(struct relay *r, struct instant now, const struct datagram *d, struct actions *out);
/* Answers @x with the attributes of @reply (NULL: only those a refusal has) and keeps the answer. */
void nas_answer(struct relay *r, struct instant now, struct exchange *x, uint8_t code, const struct radius *reply,
		struct in_addr home, const char *why, struct actions *out);

/* server.c: towards the AAA servers */
struct radius_caller server_caller(struct relay *r);
void server_ask(struct relay *r, struct instant now, struct exchange *x, struct actions *out);

/* das.c: orders of the AAA servers */
void das_on_request(struct relay *r, struct instant now, const struct datagram *d, struct actions *out);
void das_on_time(struct relay *r, struct instant now);
/* Its authenticator has answered; @cause: 0, or why the session goes on there. */
void das_finish(struct relay *r, struct instant now, struct relay_order *o, uint32_t cause, struct actions *out);
/* It is not to be answered. */
void das_forget(struct relay *r, struct relay_order *o);
void das_free(struct relay *r);

/* end.c: sessions that end at their authenticator */
struct radius_caller end_caller(struct relay *r);
void end_ask_waiting(struct relay *r, struct instant now, struct actions *out);
/* A wish that is being fulfilled already, told anew: whoever told it before waits no longer. False: there is none such. */
bool end_adopt(struct relay *r, const struct relay_wanted *w);
/* The user logs in there once more, and an authenticator that goes by the name alone would end that. */
void end_forget(struct relay *r, struct instant now, struct in_addr source, struct span nai, struct actions *out);
void end_free_all(struct relay *r);

/* rewrite.c: attributes from one hop to the next */
enum relay_encapsulation rewrite_encapsulation(const struct radius *accept);
/* Copies @at to @w; hidden values are uncovered with @from and covered with @to. What is for Mobile IP stays
 * here: its keys, and how it is to encapsulate. */
void rewrite_attribute(struct wr *w, const struct radius_at *at, const struct radius_hop *from,
		       const struct radius_hop *to);

#endif
