/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RADIUS relay: between the authenticators of the access network and the AAA servers behind. It passes on what it does
 * not have to understand, and stops at two places: an Access-Accept waits for whoever listens, who may turn it into a
 * Reject; and the end of a session is told. Events in, actions out.
 * Supported standards: RFC 2865 (proxy operation 2.3), RFC 2866, RFC 3579, RFC 2868 3.5 (salted attributes),
 * RFC 5176 (Disconnect, both ways). */
#ifndef HF_ROLES_RELAY_H
#define HF_ROLES_RELAY_H

#include "codec/radius.h"
#include "roles/actions.h"
#include "roles/events.h"
#include "roles/relay/relay_conf.h"

struct relay;       /* opaque; one thread */
struct relay_order; /* opaque: a Disconnect-Request of an AAA server that is not answered yet */

enum { RELAY_KEY_MAX = 64, RELAY_TEXT_MAX = 63 };

struct relay_text {
	uint8_t n; /* 0: not said, or longer than is kept */
	uint8_t octets[RELAY_TEXT_MAX];
};

/* A session, as its authenticator names it in a request. Owns what is in it: whoever has let the session in keeps this,
 * to know it again. */
struct relay_ids {
	const struct relay_nas *nas;
	struct in_addr source;  /* where it asks from; one section may be many authenticators */
	struct relay_text user; /* User-Name */
	struct relay_text session, calling, called,
		port_id;            /* Acct-Session-Id, Calling-, Called-Station-Id, NAS-Port-Id */
	struct relay_text nas_id;   /* NAS-Identifier */
	struct in_addr nas_address; /* NAS-IP-Address; 0.0.0.0 = not said */
	bool has_port, has_mac;
	uint32_t port;  /* NAS-Port */
	uint8_t mac[6]; /* Calling-Station-Id, when it is one */
};

/* No number of Tunnel-Type means Mobile IP in UDP, so a Filter-Id names it: "holdfast-ipip", "holdfast-udp". */
enum relay_encapsulation { RELAY_ENCAPSULATION_ANY, RELAY_ENCAPSULATION_IPIP, RELAY_ENCAPSULATION_UDP };

/* Who was let in, as the Accept and its request tell. */
struct relay_login {
	uint32_t id; /* of the exchange, for relay_release() and relay_refuse() */
	struct relay_ids ids;
	uint64_t began_us; /* with the first request of this conversation */
	unsigned rounds;   /* requests of it */
	/* User-Name of the Accept; else of the request, but with EAP: that one is what the station says before it proves
	 * anything, and empty then. */
	struct span user;
	uint32_t session_s;              /* Session-Timeout; 0 = none */
	struct in_addr home_agent, home; /* 0.0.0.0 = not said */
	enum relay_encapsulation encapsulation;
	uint32_t spi; /* 0 = no key */
	uint8_t key[RELAY_KEY_MAX];
	size_t key_n;
};

/* Whose session goes on, or ended, as its authenticator's accounting says. */
struct relay_accounting {
	struct relay_ids ids;
	struct span user; /* may be empty */
	uint32_t cause;   /* of the end: Acct-Terminate-Cause; 0 = not said */
};

/* What an AAA server says of the session it wants ended (RFC 5176 3). */
struct relay_wanted {
	struct relay_ids ids;      /* but for nas and source */
	struct span user;          /* may be empty */
	struct in_addr home;       /* Framed-IP-Address; 0.0.0.0 = not said */
	struct relay_order *order; /* for relay_end(), before on_wanted returns */
};

enum relay_verdict { RELAY_PASS, RELAY_HOLD, RELAY_REFUSE };

struct relay_listener {
	/* @ret_home: with RELAY_PASS, the address for NASes that give one. @ret_why: with RELAY_REFUSE, for the user. */
	enum relay_verdict (*on_login)(void *ctx, struct instant now, const struct relay_login *l,
				       struct in_addr *ret_home, const char **ret_why, struct actions *out);
	/* AAA does not let in who asked as @ids, or not any more. */
	void (*on_refused)(void *ctx, struct instant now, const struct relay_ids *ids, struct actions *out);
	/* It began, or goes on: from now on its Acct-Session-Id is known, which need not be in an Access-Request. */
	void (*on_session)(void *ctx, const struct relay_accounting *a);
	void (*on_logout)(void *ctx, struct instant now, const struct relay_accounting *a, struct actions *out);
	/* @a->ids: an authenticator, as far as it tells; it knows nothing of sessions that began more than @ago_s ago. */
	void (*on_restart)(void *ctx, struct instant now, const struct relay_ids *ids, uint32_t ago_s,
			   struct actions *out);
	/* Ends the one session that fits, with relay_end() where its authenticator has to hear of it. Return: 0, or why
	 * not: enum radius_error_cause. */
	uint32_t (*on_wanted)(void *ctx, struct instant now, const struct relay_wanted *w, struct actions *out);
	void *ctx;
};

int relay_new(const struct relay_conf *conf, const struct relay_listener *listener,
	      struct relay **ret); /* 0, -ENOMEM */
void relay_freep(struct relay **at);

/* Ports of the sockets that AAA servers are asked from, at most RADIUS_CLIENT_PORTS_MAX: 256 requests under way in each.
 * Before the first datagram. Return: 0 or -ENOMEM. */
int relay_set_clients(struct relay *r, const uint16_t *ports, size_t n);
/* Is a datagram to this port of ours the relay's? */
bool relay_owns_port(const struct relay *r, uint16_t port);
void relay_on_datagram(struct relay *r, struct instant now, const struct datagram *d, struct actions *out);

/* Ends the waiting of a held login. Nothing happens when it is over. */
void relay_release(struct relay *r, struct instant now, uint32_t id, struct in_addr home, struct actions *out);
void relay_refuse(struct relay *r, struct instant now, uint32_t id, const char *why, struct actions *out);

/**
 * relay_end() - asks the authenticator of @ids, in their words, to end that session.
 * @nai: whose it is. @order: the order of an AAA server, which is answered when the authenticator has answered; or NULL.
 * Return: 0; -ENOENT: it is not to be asked, its section has no port for that; -ENOSPC, -ENOMEM: too much is under way,
 * which is counted; the session stays at its authenticator.
 */
int relay_end(struct relay *r, struct instant now, const struct relay_ids *ids, struct span nai,
	      struct relay_order *order, struct actions *out);

void relay_on_time(struct relay *r, struct instant now, struct actions *out);
uint64_t relay_due(const struct relay *r);

static inline struct span relay_span(const struct relay_text *t)
{
	return (struct span){ t->octets, t->n };
}

/* May @said, of an accounting record, be the session that @kept began? The same Acct-Session-Id of the same
 * authenticator decides; where one of them has none, nothing that both say may differ. */
bool relay_ids_fit(const struct relay_ids *kept, const struct relay_ids *said);

/* Does all that @w says fit the session that @kept began? Not looked at: user and home, which the listener knows. */
bool relay_wanted_fits(const struct relay_wanted *w, const struct relay_ids *kept);
/* Is the authenticator the one @said is of? Says nothing: it is. */
bool relay_same_nas(const struct relay_ids *said, const struct relay_ids *kept);
/* Are they, at one authenticator, sessions of two ports, as far as both say (NAS-Port, NAS-Port-Id)? */
bool relay_other_port(const struct relay_ids *a, const struct relay_ids *b);

size_t relay_counters(const struct relay *r, const char *const **ret_names, const uint64_t **ret_values);

#endif
