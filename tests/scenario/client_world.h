/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host in client mode in virtual time, with a real home agent and a real foreign agent, and two links that are plugged in
 * and out of places. Charon and its gateway are played: what they say to each other is as much lost as all the rest. */
#ifndef HF_SCENARIO_CLIENT_WORLD_H
#define HF_SCENARIO_CLIENT_WORLD_H

#include "roles/fa/fa.h"
#include "roles/ha/ha.h"
#include "roles/mn/mn.h"

/* Each way: on a link in the office, between there and the home agent, between a place outside and the gateway. */
enum { LINK_US = 1 * US_PER_MS, CORE_US = 1 * US_PER_MS, OUTSIDE_US = 20 * US_PER_MS };
enum { LOSS_PERCENT = 5 };

enum { ETH = 1, WLAN, LINKS };

enum place {
	NOTHING,
	FLOOR1,
	FLOOR2,
	AGENT,   /* a floor with a foreign agent */
	CAFE,    /* swallows what goes to the home agent */
	ONE_WAY, /* requests may get to the home agent, its answers are lost */
	ENEMY, /* looks like the office; answers every request with forged and replayed replies, pretends to be an agent */
	PLACES
};

/* As is_whole() sees them. */
enum mode { MODE_NONE, MODE_C, MODE_F, MODE_MC };

struct world {
	struct mn *mn;
	struct ha *ha;
	struct fa *fa;
	struct instant now;
	enum place at[LINKS];
	bool lossy;          /* everything is, by LOSS_PERCENT */
	uint32_t heard;      /* requests in clear from ONE_WAY that get through: a bit for each, lowest first */
	uint64_t severed_us; /* how long the host was not reachable, in all */
	const char *wrong;   /* the first thing that went wrong; NULL */
};

extern struct world world;

void world_start(uint32_t seed);
void world_stop(void);
uint32_t world_draw(uint32_t below);
/* The cable, or the radio: @link leaves where it is, and is at @at with an address in the same moment. */
void world_plug(uint32_t link, enum place at);
/* Charon gave its IKE_SA up, as it does when the gateway did not answer for long. */
void world_end_vpn(void);
bool place_is_office(enum place p);
bool place_is_outside(enum place p);
/* How packets to and from the home address get through: the host, its home agent, and who is between them agree on it. */
enum mode world_mode(void);
/* Until @for_us have passed, or packets get through as @wanted, unless that is MODE_NONE. */
void world_run(uint64_t for_us, enum mode wanted);

#endif
