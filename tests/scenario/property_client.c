/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random walks of a host in client mode. At every moment nothing may leave in clear but by a link in the office whose address
 * the home agent accepted, and to no foreign agent elsewhere (B-12, B-18, B-27, B-28, B-36); and when all is quiet, the home
 * agent has the host where it is (B-23). client_world.c has the rest of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client_world.h"

enum { WALKS = 120, STEPS = 30, QUIET_S = 70, REQUESTS = 9 /* in clear, at each move */ };

static const char *walk(void)
{
	static const uint32_t pauses_ms[] = { 1, 5, 40, 400, 5000, 90000 };
	enum mode mode;

	for (unsigned i = 0; i < STEPS && !world.wrong; i++) {
		world.heard = world_draw(1 << 16);
		world_plug(ETH + world_draw(LINKS - ETH), (enum place)world_draw(PLACES));
		world_run((1 + world_draw(pauses_ms[world_draw(ARRAY_SIZE(pauses_ms))])) * US_PER_MS, MODE_NONE);
	}
	if (world.at[ETH] == NOTHING && world.at[WLAN] == NOTHING)
		world_plug(WLAN, CAFE);
	world.lossy = false;
	world_run(QUIET_S * US_PER_S, MODE_NONE);
	mode = world_mode();
	if (!world.wrong && mode == MODE_NONE)
		world.wrong = "is not reachable when all is quiet";
	if (!world.wrong && mode == MODE_MC && (place_is_office(world.at[ETH]) || place_is_office(world.at[WLAN])))
		world.wrong = "does not know that it is inside";
	return world.wrong;
}

/* Outside, the home agent hears the requests in clear that are @heard, and none of its answers gets back: what it has then is
 * what the host decided, all the same. A round of requests, and two more 1 and 3 s later. @before: where the VPN was set up. */
static const char *one_way(enum place before, uint32_t heard)
{
	world.lossy = false;
	world_plug(WLAN, before);
	world_run(QUIET_S * US_PER_S, MODE_NONE);
	world.heard = heard;
	world_plug(WLAN, ONE_WAY);
	world_run(10 * US_PER_S, MODE_NONE);
	if (!world.wrong && world_mode() != MODE_MC)
		world.wrong = "is not where the home agent has it";
	return world.wrong;
}

static int try_one_way(void)
{
	static const enum place places[] = { NOTHING, CAFE, FLOOR1 };

	for (size_t p = 0; p < ARRAY_SIZE(places); p++)
		for (unsigned i = 0; i <= REQUESTS; i++) {
			uint32_t heard = i < REQUESTS ? UINT32_C(1) << i : UINT32_MAX;
			const char *wrong;

			world_start(i + 1);
			wrong = one_way(places[p], heard);
			world_stop();
			if (wrong) {
				fprintf(stderr, "place %d, request %u heard: the host %s\n", (int)places[p], i, wrong);
				return 1;
			}
		}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t first = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;

	for (uint32_t n = first; n < first + (argc > 1 ? 1 : WALKS); n++) {
		const char *wrong;

		world_start(n);
		wrong = walk();
		world_stop();
		if (wrong) {
			fprintf(stderr, "seed %u: the host %s\n", n, wrong);
			return 1;
		}
	}
	return argc > 1 ? 0 : try_one_way();
}
