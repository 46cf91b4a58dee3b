/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long moves of a host in client mode last when one of twenty messages is lost: 99 of 100 take less than half a second in
 * each mode. Lost are registrations on every leg, solicitations, advertisements, and what charon and its gateway say.
 * Prints a table for doc/handover.md. */
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "client_world.h"

enum { MOVES = 1000, LIMIT_US = 20 * US_PER_S, ALLOWED_US = 500 * US_PER_MS };

static const struct {
	enum place place;
	enum mode mode;
	const char *name;
} stops[] = {
	{ FLOOR1, MODE_C, "c" }, { FLOOR2, MODE_C, "c" },  { AGENT, MODE_F, "f" },
	{ CAFE, MODE_MC, "mc" }, { ENEMY, MODE_MC, "mc" },
};

enum { IN_FLOOR1, IN_FLOOR2, AT_AGENT, IN_CAFE, AT_ENEMY };

/* There and back. */
static const struct pair {
	unsigned a, b;
	bool anew;         /* the VPN is set up anew each time */
	bool never_inside; /* so it is not known how long the home agent takes to answer, and it is waited for longer */
	const char *how;
} pairs[] = {
	{ IN_FLOOR1, IN_FLOOR2, false, false, "" },
	{ IN_FLOOR1, AT_AGENT, false, false, "" },
	{ IN_FLOOR1, IN_CAFE, false, false, "" },
	{ AT_AGENT, IN_CAFE, false, false, "" },
	{ AT_ENEMY, IN_CAFE, false, false, "" },
	{ AT_ENEMY, IN_CAFE, false, true, ", never inside before" },
	{ IN_FLOOR1, IN_CAFE, true, false, ", VPN set up anew" },
};

static uint64_t severed_us[2 * MOVES];

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* By one link, which is gone before it is there again. Return: how long packets did not get through. */
static uint64_t move(unsigned to)
{
	world.severed_us = 0;
	world_plug(WLAN, stops[to].place);
	world_run(LIMIT_US, stops[to].mode);
	/* An agent that did not answer three times is let be for a minute: mode c is as good. */
	if (world_mode() != stops[to].mode && !(stops[to].mode == MODE_F && world_mode() == MODE_C) && !world.wrong)
		world.wrong = "did not arrive";
	return world.severed_us;
}

static void stay(void)
{
	world_run((200 + world_draw(3000)) * US_PER_MS, MODE_NONE);
}

static double ms(uint64_t us)
{
	return (double)us / US_PER_MS;
}

static bool is_fast(unsigned from, unsigned to, const char *how, uint64_t *gaps, size_t n)
{
	uint64_t p99;

	qsort(gaps, n, sizeof(gaps[0]), by_size);
	p99 = gaps[n * 99 / 100 - 1];
	printf("| %s to %s%s | %zu | %.1f ms | %.1f ms | %.1f ms |\n", stops[from].name, stops[to].name, how, n,
	       ms(gaps[n / 2 - 1]), ms(p99), ms(gaps[n - 1]));
	return p99 <= ALLOWED_US;
}

static void begin(const struct pair *p)
{
	if (!p->never_inside) {
		world_plug(WLAN, FLOOR1);
		world_run(LIMIT_US, MODE_C);
	}
	world_plug(WLAN, CAFE); /* the VPN is there */
	world_run(LIMIT_US, MODE_MC);
}

static bool is_pair_fast(uint32_t seed, const struct pair *p)
{
	bool alike = stops[p->a].mode == stops[p->b].mode, fast;

	world_start(seed);
	begin(p);
	for (unsigned i = 0; i < MOVES; i++) {
		severed_us[i] = move(p->a);
		stay();
		if (p->anew)
			world_end_vpn();
		severed_us[MOVES + i] = move(p->b);
		stay();
	}
	if (alike) {
		fast = is_fast(p->a, p->b, p->how, severed_us, ARRAY_SIZE(severed_us));
	} else {
		fast = p->anew || is_fast(p->b, p->a, p->how, severed_us, MOVES);
		fast = is_fast(p->a, p->b, p->how, severed_us + MOVES, MOVES) && fast;
	}
	if (world.wrong)
		fprintf(stderr, "%s to %s and back: the host %s\n", stops[p->a].name, stops[p->b].name, world.wrong);
	fast = fast && !world.wrong;
	world_stop();
	return fast;
}

int main(void)
{
	bool fast = true;

	printf("| move | n | median | p99 | longest |\n| --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < ARRAY_SIZE(pairs); i++)
		fast = is_pair_fast(i + 1, &pairs[i]) && fast;
	return fast ? 0 : 1;
}
