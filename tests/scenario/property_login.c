/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two hundred stations switched on at once, on a bad network, while a server, the anchor or the agent restarts. Some of them
 * AAA does not know; some move to the other floor. Whoever is refused or hears nothing tries again, as supplicants do. When
 * the network is good again and all registrations were refreshed once, each station that AAA lets in is served and bound where it is, with an
 * address of its own, and nobody else is anywhere (L-53, L-54, L-61). */
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "world.h"

enum { WALKS = 6, STATIONS = 200, AGENTS = 2, STORM_S = 30, SETTLE_S = 300, PATIENCE_S = 5, TROUBLES = 3 };

static struct world world;
static size_t floor_of[STATIONS];
static uint64_t again_us[STATIONS];
static bool served[STATIONS][AGENTS + 1]; /* by agent */

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* Station of an NAI of world.c: "u17@x", or a name. */
static size_t station_called(const char *nai)
{
	size_t i;

	if (sscanf(nai, "u%zu@", &i) == 1)
		return i;
	for (i = 0; strcmp(world_nai(i), nai) != 0; i++)
		;
	return i;
}

static void note_served(void *ctx, const struct mpa_subscriber_view *v)
{
	const size_t *agent = ctx;

	if (strcmp(v->state, "served") == 0)
		served[station_called(v->nai)][*agent] = true;
}

static void look_around(void)
{
	memset(served, 0, sizeof(served));
	for (size_t agent = 1; agent <= AGENTS; agent++)
		mpa_each_subscriber(world.nodes[HOME_AGENTS + agent - 1].mpa, note_served, &agent);
}

static bool has_service(size_t station)
{
	size_t here = floor_of[station];

	return world_port(&world, station, here)->state == RADIUS_PORT_OPEN &&
	       world.nodes[HOME_AGENTS + here - 1].visitors[station].home.s_addr != INADDR_ANY;
}

/* An agent that restarted does not know whom it serves in the kernel: the first frame shows that. */
static bool is_in(size_t station)
{
	return has_service(station) && served[station][floor_of[station]];
}

/* It was refused, or its frames find a closed port. */
static void try_again(size_t station)
{
	const struct radius_port_world *port = world_port(&world, station, floor_of[station]);

	if (is_in(station) || port->state == RADIUS_PORT_ASKING) {
		again_us[station] = world.now_us + PATIENCE_S * US_PER_S;
	} else if (world.now_us >= again_us[station]) {
		again_us[station] = world.now_us + PATIENCE_S * US_PER_S;
		world_login(&world, station, floor_of[station]);
	}
}

static void trouble(uint32_t what, bool over)
{
	static const size_t nodes[] = { 0, HOME_AGENTS };

	if (what < ARRAY_SIZE(nodes) && !over)
		world_set_dead(&world, nodes[what], true);
	else if (what < ARRAY_SIZE(nodes))
		world_restart(&world, nodes[what]);
	else if (!over)
		world_aaa_set_dead(&world, 0, true);
	else
		world_aaa_restart(&world, 0);
}

static void storm(uint32_t *seed)
{
	uint32_t what = draw(seed, TROUBLES), begin_ms = draw(seed, 200), end_ms = begin_ms + 100 + draw(seed, 8000);
	uint64_t start = world.now_us;

	for (size_t i = 0; i < STATIONS; i++) {
		floor_of[i] = draw(seed, 8) == 0 ? 2 : 1;
		world.radius.denied[i] = draw(seed, 10) == 0;
		world_login(&world, i, floor_of[i]);
	}
	world_run(&world, start + begin_ms * US_PER_MS);
	trouble(what, false);
	world_run(&world, start + end_ms * US_PER_MS);
	trouble(what, true);
	for (uint64_t s = end_ms / 1000 + 1; s < STORM_S; s++) {
		size_t mover = draw(seed, STATIONS);

		world_run(&world, start + s * US_PER_S);
		floor_of[mover] = 3 - floor_of[mover];
		world_login(&world, mover, floor_of[mover]);
		look_around();
		for (size_t i = 0; i < STATIONS; i++)
			try_again(i);
	}
}

static void settle(void)
{
	world.loss = world.repeat = 0;
	world.jitter_us = 0;
	for (int s = 0; s < SETTLE_S; s++) {
		world_run(&world, world.now_us + US_PER_S);
		look_around();
		for (size_t i = 0; i < STATIONS; i++)
			if (!world.radius.denied[i])
				try_again(i);
	}
}

struct holders {
	size_t agent[STATIONS], bindings;
};

static void look_at(void *ctx, const struct ha_binding_view *v)
{
	struct holders *h = ctx;

	h->bindings++;
	h->agent[station_called(v->nai)] = ntohl(v->care_of.s_addr) >> 8 & 0xff;
}

static bool has_address_alone(size_t station)
{
	struct in_addr home = world.nodes[HOME_AGENTS + floor_of[station] - 1].visitors[station].home;

	for (size_t i = 0; i < STATIONS; i++)
		if (i != station && world.nodes[HOME_AGENTS + floor_of[i] - 1].visitors[i].home.s_addr == home.s_addr)
			return false;
	return true;
}

static bool agree(uint32_t seed)
{
	struct holders h = { 0 };
	size_t known = 0;
	bool good = true;

	look_around();
	ha_each_binding(world.nodes[0].ha, look_at, &h);
	for (size_t i = 0; i < STATIONS; i++) {
		size_t other = 3 - floor_of[i], here = world.radius.denied[i] ? 0 : floor_of[i];
		bool elsewhere = world.nodes[HOME_AGENTS + other - 1].visitors[i].home.s_addr != INADDR_ANY;

		known += here != 0;
		if (is_in(i) == (here != 0) && h.agent[i] == here && !elsewhere && (here == 0 || has_address_alone(i)))
			continue;
		fprintf(stderr, "seed %u: %s at %zu %s: %s, bound at %zu%s\n", seed, world_nai(i), floor_of[i],
			here ? "is known" : "is not known", is_in(i) ? "in" : "out", h.agent[i],
			elsewhere ? ", served elsewhere too" : "");
		good = false;
	}
	if (h.bindings == known)
		return good;
	fprintf(stderr, "seed %u: %zu bindings of %zu stations\n", seed, h.bindings, known);
	return false;
}

/* On a good network nothing is lost at all: each station is let in at its first attempt, whatever was away for two seconds. */
static bool nothing_is_lost(uint32_t what)
{
	uint64_t start;
	size_t in = 0;

	world_init(&world, AGENTS, 1, false);
	world_set_closed(&world);
	start = world.now_us;
	for (size_t i = 0; i < STATIONS; i++) {
		floor_of[i] = 1;
		world_run(&world, start + i * US_PER_MS);
		if (i == STATIONS / 2)
			trouble(what, false);
		world_login(&world, i, 1);
	}
	world_run(&world, start + 2 * US_PER_S);
	trouble(what, true);
	world_run(&world, start + PATIENCE_S * US_PER_S);
	for (size_t i = 0; i < STATIONS; i++)
		in += has_service(i);
	world_done(&world);
	if (in < STATIONS)
		fprintf(stderr, "away %u: %zu of %d are in\n", what, in, STATIONS);
	return in == STATIONS;
}

int main(int argc, char **argv)
{
	uint32_t first = argc > 1 ? (uint32_t)atoi(argv[1]) : 1, last = argc > 1 ? first : WALKS;
	bool good = true;

	for (uint32_t what = 0; argc == 1 && what < TROUBLES; what++)
		good = nothing_is_lost(what) && good;
	for (uint32_t seed = first; seed <= last; seed++) {
		uint32_t draws = seed * 7919;

		world_init(&world, AGENTS, 1, argc > 1);
		world_set_closed(&world);
		memset(again_us, 0, sizeof(again_us));
		world.seed = seed;
		world.loss = 0.05 * draw(&draws, 4);
		world.repeat = 0.05 * draw(&draws, 4);
		world.jitter_us = draw(&draws, 300) * US_PER_MS;
		world.radius.rounds = draw(&draws, 5);
		storm(&draws);
		settle();
		good = agree(seed) && good;
		world_done(&world);
	}
	return good ? 0 : 1;
}
