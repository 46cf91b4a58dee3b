/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many random walks over a bad network. When it is good again and time has passed, anchor and agents must agree:
 * one binding, and a visitor at its agent and nowhere else (L-22). */
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "world.h"

enum { WALKS = 300, STEPS = 25, AGENTS = 3, SETTLE_S = 400 };

static const char *const names[] = { "alice", "bob" };

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

static void walk(struct world *w, uint32_t *seed, size_t at[2])
{
	for (int step = 0; step < STEPS; step++) {
		size_t who = draw(seed, 2);

		world_run(w, w->now_us + draw(seed, 3000) * US_PER_MS);
		if (draw(seed, 8) == 0 && at[who] != 0)
			world_detach(w, names[who], at[who], true);
		at[who] = 1 + draw(seed, AGENTS);
		world_attach(w, names[who], at[who]);
	}
}

/* A station keeps sending, so an agent that forgot it learns of it again. */
static void settle(struct world *w, const size_t at[2])
{
	w->loss = w->repeat = 0;
	for (int s = 0; s < SETTLE_S; s++) {
		world_run(w, w->now_us + US_PER_S);
		for (size_t who = 0; who < 2; who++)
			if (!world_is_served(w, names[who], at[who]))
				world_attach(w, names[who], at[who]);
	}
}

static bool agree(struct world *w, const size_t at[2], uint32_t seed)
{
	for (size_t who = 0; who < 2; who++)
		for (size_t agent = 1; agent <= AGENTS; agent++) {
			bool here = agent == at[who];

			if (world_is_served(w, names[who], agent) == here && world_binding(w, names[who], 0) == at[who])
				continue;
			fprintf(stderr, "seed %u: %s is at %zu, bound at %zu, %s at %zu\n", seed, names[who], at[who],
				world_binding(w, names[who], 0), here ? "not served" : "served", agent);
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	uint32_t first = argc > 1 ? (uint32_t)atoi(argv[1]) : 1, last = argc > 1 ? first : WALKS;
	bool good = true;

	for (uint32_t seed = first; seed <= last; seed++) {
		static struct world w;
		uint32_t draws = seed * 7919;
		size_t at[2] = { 0 };

		world_init(&w, AGENTS, 1, argc > 1);
		w.seed = seed;
		w.loss = 0.05 * draw(&draws, 7);
		w.repeat = 0.05 * draw(&draws, 5);
		w.jitter_us = draw(&draws, 1500) * US_PER_MS;
		w.nodes[HOME_AGENTS].clock_s = (int64_t)draw(&draws, 7) - 3;
		w.nodes[HOME_AGENTS + 1].clock_s = draw(&draws, 5) == 0 ? 3600 : 0;
		walk(&w, &draws, at);
		settle(&w, at);
		good = agree(&w, at, seed) && good;
		world_done(&w);
	}
	return good ? 0 : 1;
}
