/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AAA servers of a world have the keys of its users: an Accept brings one to the agent, the anchors ask for them. */
#ifndef HF_SCENARIO_KEY_WORLD_H
#define HF_SCENARIO_KEY_WORLD_H

#include "core/radius_auth.h"
#include "roles/events.h"
#include "roles/ha/ha.h"

struct world;

enum { KEY_STATIONS_MAX = 220 };

/* For faults, as the ways of radius_world.h. */
enum { KEY_WAY_ASK = 110 /* anchor to server */, KEY_WAY_REPLY };

struct key_world {
	bool on; /* else agents and anchors are configured with one key for all */
	bool unknown[KEY_STATIONS_MAX];
	unsigned version[KEY_STATIONS_MAX];
	uint32_t life_s; /* Session-Timeout of a key's Accept; 0 = none */
};

/* What world.c and radius_world.c call. */
void key_world_configure(const struct world *w, struct ha_conf *c, const struct radius_server *servers);
void key_world_start(const struct world *w, struct ha *ha);
unsigned key_world_way(const struct datagram *d); /* 0: nothing of ours */
/* Puts the key of a station into an Accept that answers @authenticator. */
void key_world_put(const struct world *w, size_t station, bool to_anchor, const uint8_t *authenticator,
		   struct span secret, struct wr *p);
/* Answers an anchor's question. @buf: for the answer. */
struct span key_world_serve(const struct world *w, const struct radius *r, struct span secret, uint8_t *buf, size_t n);

void world_set_keys(struct world *w);
/* A login makes a new one, under the same SPI. */
void world_renew_key(struct world *w, size_t station);

#endif
