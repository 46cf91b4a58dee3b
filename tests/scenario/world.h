/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home agent and its proxy agents in virtual time, with a network between them that loses, repeats and delays. */
#ifndef HF_SCENARIO_WORLD_H
#define HF_SCENARIO_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/mip_msg.h"
#include "roles/ha/ha.h"
#include "roles/mpa/mpa.h"
#include "key_world.h"
#include "radius_world.h"
#include "vpn_world.h"

enum {
	AGENTS_MAX = 4,
	HOME_AGENTS = 2,
	NAMES_MAX = 8,      /* stations that have a name; agents know their MAC addresses */
	STATIONS_MAX = 220, /* the others are known to AAA */
	BINDINGS_MAX = 256,
	WIRE_MAX = 4096,
	FAULTS_MAX = 32,
	MESSAGE_MAX = 1400,
	ALL = 0
};

enum fault_kind { FAULT_LOSE, FAULT_DUPLICATE, FAULT_LATE };

/* What happens to the `nth` message of a type (ALL: to each) on its way. */
struct fault {
	enum fault_kind kind;
	unsigned type; /* enum mip_type, or a way of radius_world.h or key_world.h */
	unsigned nth;
	uint64_t extra_us;
};

struct message {
	uint64_t due_us, order;
	struct datagram d;
	uint8_t octets[MESSAGE_MAX];
};

struct node {
	struct in_addr address;
	int64_t clock_s; /* added to the true time */
	bool dead;
	struct ha *ha; /* one of the two */
	struct mpa *mpa;
	struct ha_conf ha_conf;
	struct mpa_conf mpa_conf;
	struct mpa_access access;
	struct dp_binding bindings[BINDINGS_MAX]; /* what the kernel would do; by index */
	struct dp_visitor visitors[STATIONS_MAX]; /* what the kernel would forward; by station, home 0: none */
};

struct world {
	uint64_t now_us, order;
	uint64_t delay_us, jitter_us;
	double loss, repeat; /* on top of the faults */
	uint32_t seed;
	struct node nodes[HOME_AGENTS + AGENTS_MAX]; /* home agents first */
	size_t agents, home_agents;
	struct message *wire[WIRE_MAX];
	size_t wire_n;
	struct fault faults[FAULTS_MAX];
	size_t fault_n;
	unsigned sent[256]; /* by message type */
	struct actions out;
	struct vpn_world vpn;
	struct radius_world radius;
	struct key_world keys;
	bool closed; /* ports open for who is let in by AAA only */
	bool trace;
};

void world_init(struct world *w, size_t agents, size_t home_agents, bool trace);
void world_done(struct world *w);
void world_set_closed(struct world *w);
void world_set_prohibited(bool prohibited); /* the anchors refuse everybody */
/* Puts a datagram on the wire, where faults wait for it. */
void world_send(struct world *w, const struct datagram *d);
/* Lets time pass until @until_us. */
void world_run(struct world *w, uint64_t until_us);

/* Agents count from 1, as in scripts. @station: "alice" or another name of at most 7 letters. */
void world_attach(struct world *w, const char *station, size_t agent);
void world_detach(struct world *w, const char *station, size_t agent, bool hold);
void world_unplug(struct world *w, size_t agent);
/* What an agent sends that has come far already: a request with this sequence number (L-15). */
void world_number(struct world *w, const char *station, size_t agent, uint32_t sequence);
void world_kick(struct world *w, const char *station);
void world_set_dead(struct world *w, size_t node, bool dead);
/* A restart: the role forgets everything. */
void world_restart(struct world *w, size_t node);

/* Agent that holds the station's binding at home agent @ha (0-based), or 0. */
size_t world_binding(struct world *w, const char *station, size_t ha);
uint32_t world_sequence(struct world *w, const char *station); /* of its binding; 0: none */
bool world_is_served(const struct world *w, const char *station, size_t agent);
/* Whether the first anchor takes what the station sends through that agent. */
bool world_accepts(struct world *w, const char *station, size_t agent);
uint64_t world_counter(const struct world *w, size_t node, const char *name);
size_t world_station(const char *name);
const char *world_nai(size_t station);
/* State of the user at an agent, "none" when it is not known there. */
const char *world_state(struct world *w, const char *station, size_t agent);
/* What an agent hears from charon and from its vpn device. */
void world_charon_event(struct world *w, size_t node, const struct charon_event *e);
void world_device(struct world *w, size_t node);
void world_unknown_source(struct world *w, size_t node, struct in_addr source);
void world_held_packet(struct world *w, size_t node, uint32_t index, struct in_addr source);
size_t world_node(const struct world *w, const char *name); /* "ha", "ha2", "ar1" ...; SIZE_MAX: none */

#endif
