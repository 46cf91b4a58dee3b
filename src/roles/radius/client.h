/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client half of RADIUS: asking a server, repeating the question, going to the next server, and telling a true
 * answer from any other datagram. What is asked and what the answer means is its caller's. Events in, actions out.
 * Supported standards: RFC 2865 2.4 and 3, RFC 2866, RFC 3579 3.2, RFC 5080 2.2.1, RFC 5176 2.3. */
#ifndef HF_ROLES_RADIUS_CLIENT_H
#define HF_ROLES_RADIUS_CLIENT_H

#include "base/timers.h"
#include "core/radius_auth.h"
#include "roles/actions.h"
#include "roles/events.h"
#include "roles/radius/radius_conf.h"

/* Counted in the first counters of whoever has the client: its list of counters begins with these. */
/* clang-format off */
#define RADIUS_CLIENT_COUNTERS(X) \
	X(forwarded) X(retransmissions) X(failovers) X(unanswered) X(no_identifier) X(replies) X(replies_malformed) \
	X(replies_unmatched) X(replies_unauthentic)
/* clang-format on */

struct radius_client; /* opaque; one thread */
struct radius_call;

enum { RADIUS_CLIENT_PORTS_MAX = 8 };

/* Whom a call goes to. */
struct radius_peer {
	struct in_addr address;
	uint16_t port;
	struct span secret; /* borrowed as long as the call is used */
	uint16_t timeout_ms;
	uint8_t tries;
	bool unproven;    /* see struct radius_server */
	const char *name; /* in records; borrowed likewise */
};

/* What a caller does for its calls. One table for all calls of a kind. */
struct radius_caller {
	/* Puts the attributes of @call, but for the Message-Authenticator, which is none of its business. Called for each
	 * transmission. call->to and call->authenticator are what they are hidden with. */
	void (*put)(const struct radius_call *call, struct wr *w);
	/* @call is over and was answered by call->to: @p is authentic, and of a code that answers call->code. The call may
	 * be asked anew or freed. */
	void (*on_reply)(void *ctx, struct instant now, struct radius_call *call, const struct radius *p,
			 struct actions *out);
	/* @call is over; no server answered. Likewise. */
	void (*on_silence)(void *ctx, struct instant now, struct radius_call *call, struct actions *out);
	void *ctx;
};

/* One question, part of whatever its caller asks it for. Zeroed; the caller sets the first members, the rest is the
 * client's. Before its memory goes, or its first members change: radius_drop(). */
struct radius_call {
	const struct radius_caller *caller;
	uint8_t code; /* Access-, Accounting-, Disconnect- or CoA-Request */
	/* Access-Request: 16 octets nobody can guess, set by the caller; stays the same for repetitions and for other
	 * servers. Else: as sent last. Either way what salted values of the answer are hidden with. */
	uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS];
	size_t prefer; /* 1 + index of the server that is asked first even when it was silent; 0 = whichever */

	struct radius_peer to; /* asked last */
	size_t server;         /* its index */
	uint64_t since_us;     /* first asked */
	uint32_t asked;        /* bits of the servers that were; 0: radius_ask_peer(), there are none */
	unsigned tries;
	struct radius_port *port; /* NULL = not under way */
	uint8_t id;
	struct timer timer;
};

struct radius_client_conf {
	struct in_addr address; /* asked from */
	const struct radius_server *servers;
	size_t server_n;
	uint16_t dead_s; /* a silent server is not asked first for so long */
};

/* @conf: copied; what it refers to is borrowed. @counters: RADIUS_CLIENT_COUNTERS, borrowed. Return: 0 or -ENOMEM. */
int radius_client_new(const struct radius_client_conf *conf, uint64_t *counters, struct radius_client **ret);
void radius_client_freep(struct radius_client **at); /* after its calls were dropped */

/* Ports of the sockets that are asked from: 256 questions under way in each. Before the first question.
 * Return: 0 or -ENOMEM. */
int radius_client_set_ports(struct radius_client *c, const uint16_t *ports, size_t n);
bool radius_client_owns_port(const struct radius_client *c, uint16_t port);

/**
 * radius_ask() - ask the servers, beginning with the first that was not silent of late.
 * @call: as above, for Access- or Accounting-Request; one under way is dropped first.
 * Return: 0; -ENOENT: no server takes such a code; -EBUSY: every identifier is in use, counted; -EMSGSIZE: its attributes
 * do not fit, or libcrypto failed. After an error the call is over.
 */
int radius_ask(struct radius_client *c, struct instant now, struct radius_call *call, struct actions *out);
/* The same of nobody but @peer, which is copied: a NAS, for Disconnect-Requests. Return: 0, -EBUSY or -EMSGSIZE. */
int radius_ask_peer(struct radius_client *c, struct instant now, struct radius_call *call,
		    const struct radius_peer *peer, struct actions *out);
/* The call is over without an answer. Nothing happens when it is not under way. */
void radius_drop(struct radius_client *c, struct radius_call *call);

void radius_client_on_datagram(struct radius_client *c, struct instant now, const struct datagram *d,
			       struct actions *out);
void radius_client_on_time(struct radius_client *c, struct instant now, struct actions *out);
uint64_t radius_client_due(const struct radius_client *c);

#endif
