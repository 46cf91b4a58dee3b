/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The visitor list (RFC 5944 3.7.1). */
#define HASH_NONFATAL_OOM 1

#include "base/util.h"
#include "roles/fa/agent.h"

enum { LIVES_PER_CALL = 64 };

struct visit *visit_find(const struct fa *fa, struct in_addr home, struct in_addr home_agent)
{
	const struct visit_key key = { home, home_agent };
	struct visit *v;

	HASH_FIND(by_key, fa->visits, &key, sizeof(key), v);
	return v;
}

bool visit_is_full(const struct fa *fa)
{
	return HASH_CNT(by_key, fa->visits) >= fa->conf->max_visitors;
}

struct visit *visit_at(const struct fa *fa, const struct fa_station *station)
{
	struct visit *v;

	HASH_FIND(by_station, fa->stations, station, STATION_OCTETS, v);
	return v;
}

/* MACs prove nothing: who is here is not put out by whoever shows the same one, but by its own user, which its home agent
 * vouches for, or by its lifetime. */
bool visit_is_in_the_way(const struct fa *fa, const struct pending *p, struct in_addr home)
{
	const struct visit_key key = { home, p->home_agent };
	const struct visit *v = visit_at(fa, &p->station);

	if (!v || memcmp(&v->key, &key, sizeof(key)) == 0)
		return false;
	/* A word that we can check goes before one that anybody can give. */
	if (association_ha(fa, p->home_agent) && !association_ha(fa, v->key.home_agent))
		return false;
	/* Its user: of the same home agent, or of one whose word we can check, as anybody may run one. */
	return !p->nai[0] || strcmp(p->nai, v->nai) != 0 ||
	       (v->key.home_agent.s_addr != p->home_agent.s_addr && !association_ha(fa, p->home_agent));
}

static bool is_began_with(const struct visit *v, const struct pending *p)
{
	return v && (uint32_t)v->id == (uint32_t)p->request.id && !same_station(&v->station, &p->station) &&
	       v->key.home_agent.s_addr == p->home_agent.s_addr;
}

bool visit_began_with(const struct fa *fa, const struct pending *p)
{
	const struct visit *v, *next;

	if (p->request.home.s_addr != INADDR_ANY)
		return is_began_with(visit_find(fa, p->request.home, p->home_agent), p);
	HASH_ITER(by_key, fa->visits, v, next)
		if (is_began_with(v, p))
			return true;
	return false;
}

static struct dp_visitor to_dp(const struct visit *v)
{
	const struct fa_access *access = fa_access_of(v->fa, v->station.ifindex);
	struct dp_visitor d = {
		.ifindex = v->station.ifindex,
		.delivery = v->delivery,
		.home = v->key.home,
		.tunnel = v->tunnel,
		.index = v->index,
	};

	memcpy(d.mac, v->station.mac, sizeof(d.mac));
	if (access) {
		memcpy(d.gateway_mac, access->mac, sizeof(d.gateway_mac));
		d.gateway = access->address;
	}
	return d;
}

static void open_path(const struct visit *v, struct actions *out)
{
	const struct dp_visitor d = to_dp(v);

	if (!v->co_located)
		actions_visitor_set(out, &d);
}

static void close_path(const struct visit *v, struct actions *out)
{
	const struct dp_visitor d = to_dp(v);

	if (!v->co_located)
		actions_visitor_del(out, &d);
}

static void visit_free(struct visit *v)
{
	keepalive_leave(v);
	timers_cancel(&v->fa->lives, &v->life);
	HASH_DELETE(by_key, v->fa->visits, v);
	HASH_DELETE(by_station, v->fa->stations, v);
	v->fa->by_index[v->index] = NULL;
	free(v);
}

void visit_end(struct visit *v, const char *why, struct actions *out)
{
	fa_record(out, RECORD_NOTICE, false, "visit_ended", v->nai, v->key.home, v->key.home_agent, "%s", why);
	close_path(v, out);
	visit_free(v);
}

static struct visit *add(struct fa *fa, struct in_addr home, const struct pending *p)
{
	auto_(freep) struct visit *v = calloc(1, sizeof(*v));
	uint32_t i = 0;

	while (i < fa->conf->max_visitors && fa->by_index[i])
		i++;
	if (!v || i == fa->conf->max_visitors || timers_reserve(&fa->lives, HASH_CNT(by_key, fa->visits) + 1) < 0)
		return NULL;
	v->fa = fa;
	v->index = i;
	v->key = (struct visit_key){ home, p->home_agent };
	v->station = p->station;
	HASH_ADD(by_key, fa->visits, key, sizeof(v->key), v);
	if (!v->by_key.tbl)
		return NULL;
	HASH_ADD(by_station, fa->stations, station, STATION_OCTETS, v);
	if (!v->by_station.tbl) {
		HASH_DELETE(by_key, fa->visits, v);
		return NULL;
	}
	fa->by_index[i] = v;
	return TAKE_PTR(v);
}

/* Makes room at @station for @by: a user with another home address than before. */
static void displace(struct fa *fa, struct instant now, const struct fa_station *station, const struct visit *by,
		     struct actions *out)
{
	struct visit *v = visit_at(fa, station);

	if (!v || v == by)
		return;
	FA_COUNT(fa, displaced);
	revoke_begin(fa, now, v, out);
	visit_end(v, "its interface has another home address now", out);
}

static enum delivery delivery_of(const struct pending *p)
{
	if (!(p->request.flags & MIP_REQ_T))
		return DELIVERY_NONE;
	return p->encapsulating ? DELIVERY_ENCAPSULATING : DELIVERY_DIRECT;
}

/* What changes with each registration. */
static void fill(struct visit *v, struct instant now, const struct pending *p, uint16_t lifetime_s,
		 const struct tunnel *tunnel)
{
	(void)memcpy(v->nai, p->nai, sizeof(v->nai));
	v->id = p->request.id;
	v->co_located = p->request.flags & MIP_REQ_D;
	v->delivery = delivery_of(p);
	v->care_of = p->request.care_of;
	v->tunnel = *tunnel;
	v->expires_us = lifetime_s == MIP_LIFETIME_INFINITE ? NEVER : now.us + lifetime_s * US_PER_S;
}

/* It shows up with another MAC: what follows is a new visit. */
static void leave_station(struct visit *v, struct actions *out)
{
	FA_COUNT(v->fa, moved_here);
	close_path(v, out);
	visit_free(v);
}

struct visit *visit_set(struct fa *fa, struct instant now, const struct pending *p, struct in_addr home,
			uint16_t lifetime_s, const struct tunnel *tunnel, struct actions *out)
{
	struct visit *v = visit_find(fa, home, p->home_agent);
	bool moved = v && !same_station(&v->station, &p->station);

	displace(fa, now, &p->station, v, out);
	revoke_cancel(fa, home, p->home_agent);
	if (moved)
		leave_station(v, out);
	else if (v && p->request.flags & MIP_REQ_D)
		close_path(v, out); /* it takes its packets apart itself from now on */
	if (!v || moved) {
		v = add(fa, home, p);
		if (!v)
			return NULL;
		v->since_us = now.us;
		fa_record(out, RECORD_NOTICE, false, "visit_began", p->nai, home, p->home_agent, "lifetime %u s%s",
			  lifetime_s, moved ? ", with another MAC than before" : "");
	}
	fill(v, now, p, lifetime_s, tunnel);
	open_path(v, out);
	(void)timers_set(&fa->lives, &v->life, v->expires_us); /* room was made with it */
	return v;
}

void visit_on_time(struct fa *fa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < LIVES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&fa->lives, now.us);

		if (!timer)
			return;
		FA_COUNT(fa, expired);
		visit_end(container_of(timer, struct visit, life), "its lifetime is over", out);
	}
}
