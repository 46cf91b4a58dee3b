/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Authenticators in front of the agents of a world, and AAA servers behind them, as far as RADIUS shows them. An
 * authenticator repeats its requests and gives up, as hostapd does; a server knows its own conversations only, as long as it
 * runs, as FreeRADIUS does. Both check what a secret proves, and abort the test when it is wrong. */
#ifndef HF_SCENARIO_RADIUS_WORLD_H
#define HF_SCENARIO_RADIUS_WORLD_H

#include "roles/events.h"
#include "roles/mpa/mpa.h"

struct world;

enum { RADIUS_AGENTS_MAX = 4, RADIUS_STATIONS_MAX = 220, RADIUS_SERVERS = 2, RADIUS_REQUEST_MAX = 200 };

/* For faults: on which way a datagram is. Above all message types of Mobile IP. */
enum radius_way {
	RADIUS_WAY_NONE = 0,
	RADIUS_WAY_ASK = 100, /* authenticator to agent */
	RADIUS_WAY_FORWARD,   /* agent to server */
	RADIUS_WAY_REPLY,     /* server to agent */
	RADIUS_WAY_TELL,      /* agent to authenticator */
};

enum radius_port_state {
	RADIUS_PORT_CLOSED,
	RADIUS_PORT_ASKING,
	RADIUS_PORT_OPEN,
	RADIUS_PORT_REFUSED,
	RADIUS_PORT_SILENT
};

/* A request that waits for its answer. */
struct radius_asked {
	uint8_t code; /* 0 = none */
	uint8_t id;
	uint8_t packet[RADIUS_REQUEST_MAX];
	size_t n;
	unsigned tries;
	uint64_t next_us;
};

/* A station's port at an authenticator. */
struct radius_port_world {
	enum radius_port_state state;
	bool was_open; /* it is open while it asks again */
	uint8_t last_id;
	struct radius_asked access, accounting;
	uint32_t session, old_session; /* Acct-Session-Id */
	uint8_t last_accept[16];       /* its authenticator */
	unsigned accepted, told_twice; /* Accepts; answers that nobody waited for any more */
};

struct radius_server_world {
	bool dead;
	uint32_t epoch; /* it forgets at a restart */
	unsigned requests, starts, stops;
};

struct radius_world {
	struct radius_port_world ports[RADIUS_AGENTS_MAX][RADIUS_STATIONS_MAX];
	struct radius_server_world servers[RADIUS_SERVERS];
	bool denied[RADIUS_STATIONS_MAX];
	uint32_t session_s; /* Session-Timeout of Accepts; 0 = none */
	unsigned rounds;    /* Challenges before an Accept */
	uint32_t last_session, last_request;
	unsigned waiting; /* requests without an answer */
};

/* What world.c and key_world.c call. */
const struct radius_server *radius_world_servers(void); /* RADIUS_SERVERS of them */
void radius_world_configure(struct mpa_conf *c);
void radius_world_start(struct mpa *mpa);
void radius_world_look(struct world *w, const struct datagram *d); /* it is being sent */
unsigned radius_world_way(const struct datagram *d);               /* RADIUS_WAY_NONE: not RADIUS */
void radius_world_deliver(struct world *w, const struct datagram *d);
uint64_t radius_world_due(const struct world *w);
void radius_world_run(struct world *w);

/* What happens at a port of the authenticator of an agent (numbers from 1). */
void world_login(struct world *w, size_t station, size_t agent); /* again, when it is open */
/* @cause: Acct-Terminate-Cause. @late: of the session before. */
void world_logoff(struct world *w, size_t station, size_t agent, uint32_t cause, bool late);
const struct radius_port_world *world_port(const struct world *w, size_t station, size_t agent);
/* "aaa", "aaa2"; SIZE_MAX: none. */
size_t world_aaa(const char *name);
void world_aaa_set_dead(struct world *w, size_t server, bool dead);
void world_aaa_restart(struct world *w, size_t server);

#endif
