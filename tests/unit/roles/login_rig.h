/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy agent of mpa_rig.h between an authenticator and an AAA server, both played here. */
#ifndef HF_LOGIN_RIG_H
#define HF_LOGIN_RIG_H

#include "core/radius_auth.h"
#include "mpa_rig.h"
#include "roles/relay/relay.h"

extern const char nas_at[], server_at[];
extern struct relay_nas nas;

/* What the server's Accept says. */
struct granted {
	const char *user;
	uint32_t session_s, spi;
	const char *key, *home_agent, *home, *filter;
};
extern struct granted granted;

/* What the authenticator says of its session, beside address and port. */
struct said {
	const char *session;
	uint32_t nas_port; /* 0: none */
	const char *port_id, *nas_id;
	const char *mac;  /* NULL: alice's */
	const char *from; /* NULL: nas_at */
	uint32_t delay_s; /* of accounting; 0: not said */
	bool eap;         /* it asks with EAP */
	const char *user; /* in Access-Requests; NULL: anonymous@example.com */
};
extern struct said said;

int setup(void **state); /* ports are not trusted; one authenticator, one server */
void restart(void);

/* A station at the port of @called asks, and the server answers with @code. */
void log_in(const char *called, uint8_t code);
void account(const char *called, uint32_t status, uint32_t cause);
void stop(const char *called, uint32_t cause);

/* The server wants a session ended. Addresses and numbers are values of 4 octets. */
struct order {
	struct {
		uint8_t type; /* 0: none */
		const char *value;
	} said[2];
};
void order(const struct order *o);

const struct action *sent_to(const char *to);
uint8_t told(struct radius *ret);      /* what the authenticator is told; 0: nothing yet */
void assert_rejected(const char *why); /* ... that, with a reason like this */
const char *state_of(const char *nai); /* "" when it is not there */

#endif
