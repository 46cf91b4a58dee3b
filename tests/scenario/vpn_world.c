/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vpn_world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "world.h"

enum { PLUGIN_WAITS_S = 5, CLIENT_RTT_MS = 20, STREAM_MS = 50 };

static struct mpa_vpn vpn = { .interface = "ipsec0",
			      .mtu = 1400,
			      .timeout_ms = 4500,
			      .hold_s = 300,
			      .linger_ms = 300,
			      .wait_ms = 100,
			      .resume_s = 1 };

void vpn_world_configure(struct mpa_conf *c)
{
	c->vpns = &vpn;
	c->vpn_n = 1;
}

static struct in_addr outside(size_t station)
{
	return (struct in_addr){ htonl(0x64400002 + (uint32_t)station) }; /* 100.64.0.2 ... */
}

/* Events of one moment stay in order. */
static void tell(struct world *w, const struct world_sa *sa, struct charon_event e, uint64_t delay_us)
{
	struct vpn_world *v = &w->vpn;

	if (v->event_n == CHARON_EVENTS_MAX)
		abort();
	e.sa = sa ? sa->id : 0;
	e.id = (struct identity){ IDENTITY_EMAIL, sa ? world_nai(sa->station) : "" };
	e.eap = e.connection = e.child = e.why = "";
	if (sa) {
		e.remote = sa->remote;
		e.remote_port = 4500;
	}
	v->events[v->event_n++] =
		(struct world_event){ w->now_us + delay_us, w->order++, sa ? sa->node : e.request, e };
}

static void tell_node(struct world *w, size_t node, enum charon_event_type type)
{
	tell(w, NULL, (struct charon_event){ .type = type, .request = (uint32_t)node }, 0);
}

static struct world_sa *sa_with(struct world *w, size_t node, uint32_t id, uint32_t request)
{
	for (size_t i = 0; i < SAS_MAX; i++) {
		struct world_sa *sa = &w->vpn.sas[i];

		if (sa->used && sa->node == node && (id == 0 || sa->id == id) &&
		    (request == 0 || sa->request == request))
			return sa;
	}
	return NULL;
}

struct world_sa *world_sa(struct world *w, size_t station, size_t agent)
{
	struct world_sa *newest = NULL;

	for (size_t i = 0; i < SAS_MAX; i++) {
		struct world_sa *sa = &w->vpn.sas[i];

		if (sa->used && sa->station == station && sa->node == HOME_AGENTS + agent - 1 &&
		    (!newest || sa->id > newest->id))
			newest = sa;
	}
	return newest;
}

static struct world_sa *sa_new(struct world *w, size_t station, size_t node)
{
	for (size_t i = 0; i < SAS_MAX; i++) {
		struct world_sa *sa = &w->vpn.sas[i];

		if (sa->used)
			continue;
		*sa = (struct world_sa){ .used = true,
					 .id = ++w->vpn.last_sa,
					 .node = node,
					 .station = station,
					 .remote = outside(station) };
		return sa;
	}
	abort();
}

/* RELEASE comes first, as charon does it. */
static void sa_gone(struct world *w, struct world_sa *sa, bool by_peer)
{
	tell(w, sa, (struct charon_event){ .type = CHARON_RELEASE, .address = sa->address }, 0);
	if (sa->up)
		tell(w, sa, (struct charon_event){ .type = CHARON_IKE_DOWN, .by_peer = by_peer }, 0);
	sa->used = false;
}

void world_vpn_connect(struct world *w, size_t station, size_t agent)
{
	struct world_sa *sa;

	if (w->vpn.charon_dead[HOME_AGENTS + agent - 1])
		return;
	sa = sa_new(w, station, HOME_AGENTS + agent - 1);
	if (w->nodes[sa->node].dead) { /* there is no link: charon refuses by itself */
		w->vpn.refused[station]++;
		sa->used = false;
		return;
	}
	sa->request = ++w->vpn.last_request;
	sa->asked_us = w->now_us;
	tell(w, sa,
	     (struct charon_event){
		     .type = CHARON_ACQUIRE, .request = sa->request, .address = w->vpn.address[station] },
	     0);
}

static void sa_up(struct world *w, struct world_sa *sa, struct in_addr address)
{
	struct vpn_world *v = &w->vpn;
	struct world_sa *old = sa->successor_of ? sa_with(w, sa->node, sa->successor_of, 0) : NULL;

	v->connected_us[sa->station] = w->now_us - sa->asked_us;
	if (v->address[sa->station].s_addr == INADDR_ANY)
		v->address[sa->station] = address;
	else
		v->changed[sa->station] += v->address[sa->station].s_addr != address.s_addr;
	sa->request = 0;
	sa->address = address;
	sa->up = true;
	tell(w, sa, (struct charon_event){ .type = CHARON_IKE_UP }, 0);
	sa->children = 1;
	tell(w, sa, (struct charon_event){ .type = CHARON_CHILD_UP }, 0);
	if (old)
		sa_gone(w, old, true);
}

static void refused(struct world *w, struct world_sa *sa)
{
	w->vpn.refused[sa->station]++;
	sa_gone(w, sa, false);
}

static void close_child(struct world *w, struct world_sa *sa)
{
	if (sa->children == 0 || sa->deaf)
		return;
	sa->children = 0;
	tell(w, sa, (struct charon_event){ .type = CHARON_CHILD_DOWN }, CLIENT_RTT_MS * US_PER_MS);
	if (!sa->stream)
		return;
	sa->children = 1;
	tell(w, sa, (struct charon_event){ .type = CHARON_CHILD_UP }, 2 * CLIENT_RTT_MS * US_PER_MS);
}

void vpn_world_command(struct world *w, size_t node, const struct charon_command *c)
{
	struct world_sa *sa = sa_with(w, node, c->type == CHARON_ANSWER ? 0 : c->sa, c->request);

	if (!sa || w->vpn.charon_dead[node])
		return; /* too late: charon does nothing */
	switch (c->type) {
	case CHARON_ANSWER:
		if (c->refused)
			refused(w, sa);
		else
			sa_up(w, sa, c->address);
		break;
	case CHARON_CLOSE_CHILD:
		close_child(w, sa);
		break;
	case CHARON_CLOSE_IKE:
		sa_gone(w, sa, false);
		break;
	case CHARON_OPEN:
	case CHARON_ROAM:
	case CHARON_COMMAND_COUNT:
		abort(); /* of a node's helper */
	}
}

void world_vpn_down(struct world *w, size_t station, size_t agent, bool by_peer)
{
	struct world_sa *sa = world_sa(w, station, agent);

	if (sa)
		sa_gone(w, sa, by_peer);
}

void world_vpn_child(struct world *w, size_t station, size_t agent, bool up)
{
	struct world_sa *sa = world_sa(w, station, agent);

	if (!sa || !sa->up || up == (sa->children > 0))
		return;
	sa->children = up;
	tell(w, sa, (struct charon_event){ .type = up ? CHARON_CHILD_UP : CHARON_CHILD_DOWN, .by_peer = true }, 0);
}

void world_vpn_move(struct world *w, size_t station, size_t agent, bool inside)
{
	struct world_sa *sa = world_sa(w, station, agent);

	if (!sa || !sa->up)
		return;
	sa->remote = inside ? w->vpn.address[station] : outside(station);
	tell(w, sa, (struct charon_event){ .type = CHARON_IKE_MOVED }, 0);
}

void world_vpn_rekey(struct world *w, size_t station, size_t agent)
{
	struct world_sa *sa = world_sa(w, station, agent);

	if (!sa || !sa->up)
		return;
	tell(w, sa, (struct charon_event){ .type = CHARON_IKE_REPLACED, .new_sa = w->vpn.last_sa + 1 }, 0);
	sa->id = ++w->vpn.last_sa;
}

/* Make before break: the new IKE_SA asks for its address while the old one uses it. */
void world_vpn_reauth(struct world *w, size_t station, size_t agent)
{
	struct world_sa *old = world_sa(w, station, agent), *sa;

	if (!old || !old->up)
		return;
	world_vpn_connect(w, station, agent);
	sa = world_sa(w, station, agent);
	if (sa != old) {
		sa->successor_of = old->id;
		sa->remote = old->remote;
		w->vpn.events[w->vpn.event_n - 1].e.remote = old->remote;
	}
}

void world_vpn_data(struct world *w, size_t station, size_t agent)
{
	size_t node = HOME_AGENTS + agent - 1;
	struct node *n = &w->nodes[node];
	struct world_sa *sa = world_sa(w, station, agent);

	if (!sa || !sa->up || sa->children == 0 || w->vpn.charon_dead[node])
		return;
	for (size_t i = 0; i < VPN_VISITORS_MAX; i++) {
		const struct dp_visitor *v = &w->vpn.visitors[node][i];

		if (v->home.s_addr != sa->address.s_addr)
			continue;
		if (v->held)
			world_held_packet(w, node, v->index, sa->address);
		else
			w->vpn.forwarded[station]++;
		return;
	}
	w->vpn.lost[station]++;
	if (!n->dead)
		world_unknown_source(w, node, sa->address);
}

void world_charon_dies(struct world *w, size_t agent)
{
	size_t node = HOME_AGENTS + agent - 1;

	w->vpn.charon_dead[node] = true;
	for (size_t i = 0; i < SAS_MAX; i++)
		if (w->vpn.sas[i].node == node)
			w->vpn.sas[i].used = false;
	tell_node(w, node, CHARON_GONE);
}

void world_charon_lives(struct world *w, size_t agent)
{
	size_t node = HOME_AGENTS + agent - 1;

	if (!w->vpn.charon_dead[node])
		return;
	w->vpn.charon_dead[node] = false;
	tell_node(w, node, CHARON_CONNECTED);
	tell_node(w, node, CHARON_LISTED);
}

void vpn_world_start(struct world *w, size_t node)
{
	world_device(w, node);
	for (size_t i = w->vpn.event_n; i-- > 0;)
		if (w->vpn.events[i].node == node) /* told to the one before */
			w->vpn.events[i] = w->vpn.events[--w->vpn.event_n];
	if (w->vpn.charon_dead[node])
		return;
	tell_node(w, node, CHARON_CONNECTED);
	for (size_t i = 0; i < SAS_MAX; i++) {
		struct world_sa *sa = &w->vpn.sas[i];

		if (!sa->used || sa->node != node)
			continue;
		if (sa->up)
			tell(w, sa,
			     (struct charon_event){
				     .type = CHARON_SESSION, .address = sa->address, .children = sa->children },
			     0);
		else
			refused(w, sa); /* the wait ended with the connection */
	}
	tell_node(w, node, CHARON_LISTED);
}

void vpn_world_visitor(struct world *w, size_t node, const struct dp_visitor *v, bool set)
{
	struct dp_visitor *slots = w->vpn.visitors[node], *free_slot = NULL;

	for (size_t i = 0; i < VPN_VISITORS_MAX; i++) {
		if (slots[i].home.s_addr == v->home.s_addr) {
			slots[i] = set ? *v : (struct dp_visitor){ 0 };
			return;
		}
		if (slots[i].home.s_addr == INADDR_ANY)
			free_slot = &slots[i];
	}
	if (!set)
		return;
	if (!free_slot)
		abort();
	*free_slot = *v;
}

bool world_is_tunnelled(const struct world *w, size_t station, size_t agent)
{
	const struct dp_visitor *slots = w->vpn.visitors[HOME_AGENTS + agent - 1];

	for (size_t i = 0; i < VPN_VISITORS_MAX; i++)
		if (slots[i].home.s_addr != INADDR_ANY && slots[i].home.s_addr == w->vpn.address[station].s_addr)
			return !slots[i].held;
	return false;
}

static uint64_t sa_due(const struct world_sa *sa)
{
	uint64_t due = NEVER;

	if (!sa->used)
		return NEVER;
	if (sa->request)
		due = sa->asked_us + PLUGIN_WAITS_S * US_PER_S;
	if (sa->up && sa->stream && sa->next_us < due)
		due = sa->next_us;
	return due;
}

uint64_t vpn_world_due(const struct world *w)
{
	uint64_t due = NEVER;

	for (size_t i = 0; i < w->vpn.event_n; i++)
		if (w->vpn.events[i].due_us < due)
			due = w->vpn.events[i].due_us;
	for (size_t i = 0; i < SAS_MAX; i++)
		if (sa_due(&w->vpn.sas[i]) < due)
			due = sa_due(&w->vpn.sas[i]);
	return due;
}

static bool next_event(struct world *w, struct world_event *ret)
{
	struct vpn_world *v = &w->vpn;
	struct world_event *first = NULL;

	for (size_t i = 0; i < v->event_n; i++) {
		struct world_event *e = &v->events[i];

		if (e->due_us <= w->now_us && (!first || e->order < first->order))
			first = e;
	}
	if (!first)
		return false;
	*ret = *first;
	*first = v->events[--v->event_n];
	return true;
}

void vpn_world_run(struct world *w)
{
	struct world_event e;

	while (next_event(w, &e))
		world_charon_event(w, e.node, &e.e);
	for (size_t i = 0; i < SAS_MAX; i++) {
		struct world_sa *sa = &w->vpn.sas[i];

		if (sa_due(sa) > w->now_us)
			continue;
		if (sa->request) {
			refused(w, sa);
		} else {
			sa->next_us = w->now_us + STREAM_MS * US_PER_MS;
			world_vpn_data(w, sa->station, sa->node - HOME_AGENTS + 1);
		}
	}
}
