/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random walks of a host in client mode. At every moment nothing may leave in clear but by a link in the office whose address
 * the home agent accepted, and to no foreign agent elsewhere (B-12, B-18, B-27, B-28, B-36); and when all is quiet, the home
 * agent has the host where it is (B-23). client_world.c has the rest of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client_world.h"

enum { WALKS = 120, STEPS = 30, QUIET_S = 70 };

static const char *walk(void)
{
	static const uint32_t pauses_ms[] = { 1, 5, 40, 400, 5000, 90000 };
	enum mode mode;

	for (unsigned i = 0; i < STEPS && !world.wrong; i++) {
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
	return 0;
}
