/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a scenario may look at. */
#include <stdio.h>
#include <stdlib.h>

#include "roles/relay/relay.h"
#include "world.h"

static const struct node *agent(const struct world *w, size_t number)
{
	return &w->nodes[HOME_AGENTS + number - 1];
}

struct state_search {
	const char *nai, *state;
};

static void look_at_subscriber(void *ctx, const struct mpa_subscriber_view *v)
{
	struct state_search *s = ctx;

	if (strcmp(v->nai, s->nai) == 0)
		s->state = v->state;
}

const char *world_state(struct world *w, const char *station, size_t number)
{
	struct state_search s = { .nai = world_nai(world_station(station)), .state = "none" };

	mpa_each_subscriber(agent(w, number)->mpa, look_at_subscriber, &s);
	return s.state;
}

struct search {
	const char *nai;
	struct in_addr home, care_of;
	uint32_t sequence, index;
};

static void look_at(void *ctx, const struct ha_binding_view *v)
{
	struct search *s = ctx;

	if (strcmp(v->nai, s->nai) != 0)
		return;
	s->home = v->home;
	s->index = v->index;
	s->care_of = v->care_of;
	s->sequence = v->sequence;
}

size_t world_binding(struct world *w, const char *station, size_t ha)
{
	struct search s = { .nai = world_nai(world_station(station)) };

	ha_each_binding(w->nodes[ha].ha, look_at, &s);
	for (size_t i = 1; i <= w->agents; i++)
		if (agent(w, i)->address.s_addr == s.care_of.s_addr)
			return i;
	return 0;
}

uint32_t world_sequence(struct world *w, const char *station)
{
	struct search s = { .nai = world_nai(world_station(station)) };

	ha_each_binding(w->nodes[0].ha, look_at, &s);
	return s.sequence;
}

bool world_is_served(const struct world *w, const char *station, size_t number)
{
	return w->nodes[HOME_AGENTS + number - 1].visitors[world_station(station)].home.s_addr != INADDR_ANY;
}

bool world_accepts(struct world *w, const char *station, size_t number)
{
	struct search s = { .nai = world_nai(world_station(station)) };
	const struct in_addr from = agent(w, number)->address;
	const struct dp_binding *b;

	ha_each_binding(w->nodes[0].ha, look_at, &s);
	b = &w->nodes[0].bindings[s.index];
	if (s.home.s_addr == INADDR_ANY || b->home.s_addr != s.home.s_addr)
		return false;
	return b->tunnel.remote.s_addr == from.s_addr ||
	       (b->former.remote.s_addr == from.s_addr && w->now_us < b->former_until_us);
}

uint64_t world_counter(const struct world *w, size_t node, const char *name)
{
	const char *const *names;
	const uint64_t *values;
	const struct node *n = &w->nodes[node];
	size_t count;

	if (strncmp(name, "radius_", strlen("radius_")) == 0)
		count = relay_counters(mpa_relay(n->mpa), &names, &values);
	else
		count = strncmp(name, "aaa_", strlen("aaa_")) == 0 ? ha_aaa_counters(n->ha, &names, &values) :
			n->ha                                      ? ha_counters(n->ha, &names, &values) :
								     mpa_counters(n->mpa, &names, &values);

	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fprintf(stderr, "no counter %s\n", name);
	abort();
}

size_t world_node(const struct world *w, const char *name)
{
	if (strcmp(name, "ha") == 0)
		return 0;
	if (strcmp(name, "ha2") == 0)
		return w->home_agents > 1 ? 1 : SIZE_MAX;
	if (strncmp(name, "ar", 2) == 0 && name[2] >= '1' && (size_t)(name[2] - '0') <= w->agents)
		return HOME_AGENTS + (size_t)(name[2] - '1');
	return SIZE_MAX;
}
