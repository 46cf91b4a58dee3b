/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bindings come, move, stay and go (RFC 5944 3.8.2, draft-leung 4.1). */
#include <arpa/inet.h>

#include "base/util.h"
#include "roles/ha/agent.h"

enum { EXPIRIES_PER_CALL = 64 };

static const char unbound[] = "unbound", bound[] = "bound";

static struct lease_key lease_key(const struct transaction *t)
{
	return (struct lease_key){ .nai = t->nai, .access_tech = t->access_tech };
}

/* G-05 */
static uint16_t granted_lifetime(const struct ha *ha, const struct transaction *t)
{
	uint16_t max = t->udp && ha->conf->udp_max_lifetime_s < ha->conf->max_lifetime_s ?
			       ha->conf->udp_max_lifetime_s :
			       ha->conf->max_lifetime_s;

	return t->req.lifetime_s < max ? t->req.lifetime_s : max;
}

/* RFC 6245: each side names the key it wants to see; an agent that says 0 leaves both to us. What was agreed stays. */
static void choose_keys(const struct ha *ha, struct transaction *t)
{
	const struct tunnel *there = t->binding ? &t->binding->tunnel : NULL;

	if (!t->x.gre_key_at || t->udp)
		return;
	if (there && there->encap == ENCAP_GRE && there->remote.s_addr == t->req.care_of.s_addr)
		t->in_key = there->in_key;
	while (t->in_key == 0)
		ha->random.fill(ha->random.ctx, (uint8_t *)&t->in_key, sizeof(t->in_key));
	t->out_key = t->x.gre_key != 0 ? t->x.gre_key : t->in_key;
}

/* Until a keepalive tells, the port is the one it was, or none (RFC 3519, R flag). */
static uint16_t port_of(const struct transaction *t)
{
	const struct tunnel *there = t->binding ? &t->binding->tunnel : NULL;

	if (!t->port_open)
		return t->d->remote_port;
	return there && there->encap == ENCAP_UDP && there->remote.s_addr == t->d->remote.s_addr ? there->remote_port :
												   0;
}

static struct tunnel tunnel_for(const struct ha *ha, const struct transaction *t)
{
	if (t->udp)
		return (struct tunnel){ .encap = ENCAP_UDP,
					.local = ha->conf->address,
					.remote = t->d->remote,
					.local_port = MIP_PORT,
					.remote_port = port_of(t) };
	return (struct tunnel){ .encap = t->encap,
				.local = ha->conf->address,
				.remote = t->req.care_of,
				.in_key = t->in_key,
				.out_key = t->out_key };
}

void ha_data_plane_set(const struct ha *ha, const struct binding *b, struct actions *out)
{
	struct dp_binding dp = { .home = b->home,
				 .broadcast = prefix_broadcast(&ha->conf->networks[b->network].prefix),
				 .tunnel = b->tunnel,
				 .former = b->former,
				 .former_until_us = b->former_until_us,
				 .copy_n = b->copy_n,
				 .index = b->index };

	for (size_t i = 0; i < b->copy_n; i++)
		dp.copies[i] = b->copies[i].tunnel;
	actions_binding_set(out, &dp);
}

/* What the former agent sent before it could know better is still this station's, as long as that agent would have been
 * allowed to send it (ADR 11). */
static void keep_former(const struct ha *ha, struct instant now, const struct binding *old, struct binding *b)
{
	uint64_t until_us = now.us + ha->conf->grace_ms * US_PER_MS;

	b->former = old->tunnel;
	b->former_until_us = until_us < old->expires_us ? until_us : old->expires_us;
}

static int add_binding(struct ha *ha, struct transaction *t, struct binding **ret)
{
	struct pool *pool = ha->pools[t->network];
	struct lease_key key = lease_key(t);
	const struct tunnel tunnel = tunnel_for(ha, t);
	struct in_addr home;
	int r;

	ha_held_claim(ha, t->req.home, &tunnel);
	r = pool_acquire(pool, &key, t->req.home, t->now.us, &home);
	if (r < 0)
		return r;
	r = binding_add(ha->bindings, t->network, home, t->nai, ret);
	if (r < 0) {
		pool_release(pool, home, t->now.us);
		return r;
	}
	ha_held_replace(ha, home);
	return 0;
}

static int refuse_binding(struct ha *ha, struct transaction *t, int error)
{
	switch (error) {
	case -EADDRNOTAVAIL:
		t->why = "the home address is outside of the user's home network";
		return MIP_CODE_ADMIN_PROHIBITED;
	case -EADDRINUSE:
		t->why = "the home address is reserved for somebody else";
		return MIP_CODE_ADMIN_PROHIBITED;
	case -ENOSPC:
		HA_COUNT(ha, pool_empty);
		t->why = "no home address or no room for a binding is left";
		return MIP_CODE_NO_RESOURCES;
	default:
		t->why = "out of memory";
		return MIP_CODE_NO_RESOURCES;
	}
}

static void fill(const struct ha *ha, const struct transaction *t, uint16_t lifetime_s, struct binding *b)
{
	b->care_of = t->req.care_of;
	b->agent = ha->conf->address;
	b->peer = t->d->remote;
	b->peer_port = t->udp ? t->d->remote_port : MIP_PORT;
	b->tunnel = tunnel_for(ha, t);
	b->expires_us = lifetime_s == MIP_LIFETIME_INFINITE ? NEVER : t->now.us + lifetime_s * US_PER_S;
	b->id = t->req.id;
	b->sequence = sequence_next(b->sequence, t->sequence); /* L-14, L-49 */
	b->access_tech = t->access_tech;
	b->proxy = t->proxy;
	b->reverse_tunnel = t->req.flags & MIP_REQ_T;
	binding_want_broadcasts(ha->bindings, b, t->proxy || t->req.flags & MIP_REQ_B);
	b->own_tunnel = !t->proxy && t->req.flags & MIP_REQ_D;
	b->port_open = t->udp && t->port_open;
	b->revocation = t->x.revocation_at != 0 && ha->conf->revoke != HA_REVOKE_OFF;
	b->inform = b->revocation && t->fa_assoc && t->x.revocation_inform;
	b->peer_stamp = t->x.revocation_timestamp;
	shared_sa_dropp(&b->shared);
	if (t->fa_assoc) { /* RFC 3543 3.5: a revocation is between us and the foreign agent */
		b->auth_type = MIP_EXT_FA_HA_AUTH;
		b->sa = &t->fa_assoc->sa;
		b->association = t->fa_assoc->name;
	} else {
		b->auth_type = t->auth->type;
		b->shared = shared_sa_hold(t->shared);
		b->sa = b->shared ? &b->shared->sa : &t->assoc->sa;
		b->association = t->shared ? ha_aaa_name : t->assoc->name;
	}
}

static bool is_simultaneous(const struct ha *ha, const struct transaction *t)
{
	return t->req.flags & MIP_REQ_S && ha->conf->simultaneous > 1;
}

static uint8_t success_code(const struct ha *ha, const struct transaction *t)
{
	return t->req.flags & MIP_REQ_S && !is_simultaneous(ha, t) ? MIP_CODE_ACCEPTED_NO_SIMULTANEOUS :
								     MIP_CODE_ACCEPTED;
}

static void reply_bound(struct ha *ha, struct transaction *t, const struct binding *b, struct actions *out)
{
	uint64_t left_s = b->expires_us == NEVER ? MIP_LIFETIME_INFINITE : us_until(t->now, b->expires_us) / US_PER_S;
	const struct reply r = { .code = success_code(ha, t),
				 .lifetime_s = (uint16_t)left_s,
				 .home = b->home,
				 .sequence = t->x.sequence_at ? b->sequence : 0,
				 .gre_key = t->x.gre_key_at ? b->tunnel.in_key : 0 };

	ha_reply(ha, t, &r, out);
}

/* The tunnel first, then the reply, then the revocation: the first packet of the new agent finds its tunnel, and the
 * new agent does not wait for the old one (L-21, X-14). */
static void announce_binding(struct ha *ha, struct transaction *t, struct binding *b, const struct binding *old,
			     struct actions *out)
{
	struct record note = {
		.level = RECORD_NOTICE, .home = b->home, .peer = b->care_of, .old_state = bound, .new_state = bound
	};
	bool created = old->since_us == 0;
	bool moved = !created && old->care_of.s_addr != b->care_of.s_addr;
	bool kept = moved && ha_copy_find(b, old->care_of);

	if (created) {
		note.event = "binding_created";
		note.old_state = unbound;
		actions_record(out, &note, b->nai, "%s by %s", encap_names[b->tunnel.encap], b->association);
	} else if (moved) {
		char from[INET_ADDRSTRLEN] = "";

		(void)inet_ntop(AF_INET, &old->care_of, from, sizeof(from)); /* large enough */
		note.event = kept ? "binding_added" : "binding_moved";
		HA_COUNT(ha, moves);
		actions_record(out, &note, b->nai, "%s %s", kept ? "beside" : "from", from);
	} else {
		note.event = "binding_refreshed";
		note.level = RECORD_INFO;
		actions_record(out, &note, b->nai, "sequence %u", b->sequence);
	}
	ha_revoke_cancel(ha, b->home, b->peer);
	reply_bound(ha, t, b, out);
	if (moved && !kept)
		ha_revoke(ha, t->now, old, false, out); /* L-17, L-19 */
	ha_copies_revoke(ha, t->now, old, b, out);
	if (created)
		ha_home_link_claim(ha, t->now, b, out);
}

/* Who sets S keeps what there is beside; who does not is at one place only (RFC 5944 3.8.2.1). The packets of the former
 * place that are under way are accepted in both cases. */
static void place(const struct ha *ha, const struct transaction *t, const struct binding *old, struct binding *b,
		  struct actions *out)
{
	bool same_way = tunnel_equal(&old->tunnel, &b->tunnel);
	bool kept = is_simultaneous(ha, t) && ha_copies_keep(ha, old, b);

	if (!is_simultaneous(ha, t))
		b->copy_n = 0;
	if (!same_way && !kept)
		keep_former(ha, t->now, old, b);
	if (!same_way || old->copy_n != b->copy_n)
		ha_data_plane_set(ha, b, out); /* L-23 */
}

static int bind_here(struct ha *ha, struct transaction *t, struct actions *out)
{
	struct binding *b = t->binding;
	struct binding old = { 0 };
	int r;

	choose_keys(ha, t);
	if (!b) {
		r = add_binding(ha, t, &b);
		if (r < 0)
			return refuse_binding(ha, t, r);
	} else {
		old = *b;
		(void)shared_sa_hold(old.shared); /* the revocation is signed with it */
	}
	fill(ha, t, granted_lifetime(ha, t), b);
	if (old.since_us == 0 || old.care_of.s_addr != b->care_of.s_addr)
		b->since_us = t->now.us;
	replay_accept(t->replay, t->req.id);
	if (old.since_us == 0)
		ha_data_plane_set(ha, b, out); /* L-23 */
	else
		place(ha, t, &old, b, out);
	(void)timers_set(&ha->expiries, &b->expiry, ha_copies_due(b)); /* ha_new() made room for all */
	ha_store(ha, t->now, b, true, out);
	announce_binding(ha, t, b, &old, out);
	shared_sa_dropp(&old.shared);
	return 0;
}

/* RFC 5944 3.8.2.2: all bindings when care-of and home address are the same, else the one with that care-of address.
 * One that lies elsewhere is not the requester's to end. */
static void deregister(struct ha *ha, struct transaction *t, struct actions *out)
{
	struct in_addr home = t->req.home;
	bool all = t->req.care_of.s_addr == home.s_addr;
	struct binding *next;
	struct reply r = { .code = success_code(ha, t) };

	replay_accept(t->replay, t->req.id);
	HA_COUNT(ha, deregistrations);
	for (struct binding *b = binding_find_nai(ha->bindings, t->nai); b; b = next) {
		bool this_one = all ? b->home.s_addr == home.s_addr :
				      b->care_of.s_addr == t->req.care_of.s_addr || ha_copy_find(b, t->req.care_of);

		next = b->sibling;
		if (!this_one || (home.s_addr != INADDR_ANY && b->home.s_addr != home.s_addr))
			continue;
		home = b->home;
		r.sequence = t->x.sequence_at ? sequence_next(b->sequence, t->sequence) : 0;
		if (all || !ha_copies_leave(ha, t->now, b, t->req.care_of, "deregistered", out))
			ha_binding_end(ha, t->now, b, "binding_removed", "deregistered", out);
	}
	r.home = home;
	ha_reply(ha, t, &r, out);
}

/* whichever proxy agent the user came to, it is the care-of address from now. */
int ha_bind(struct ha *ha, struct transaction *t, struct actions *out)
{
	if (t->req.lifetime_s == 0) {
		deregister(ha, t, out);
		return 0;
	}
	if (t->repeated && t->binding) {
		reply_bound(ha, t, t->binding, out);
		return 0;
	}
	return bind_here(ha, t, out);
}

void ha_binding_end(struct ha *ha, struct instant now, struct binding *b, const char *event, const char *reason,
		    struct actions *out)
{
	const struct dp_binding dp = { .home = b->home, .tunnel = b->tunnel, .index = b->index };
	const struct record note = { .level = RECORD_NOTICE,
				     .event = event,
				     .home = b->home,
				     .peer = b->care_of,
				     .old_state = bound,
				     .new_state = unbound };

	actions_binding_del(out, &dp);
	ha_store(ha, now, b, false, out);
	actions_record(out, &note, b->nai, "%s", reason);
	ha_home_link_release(ha, b);
	timers_cancel(&ha->expiries, &b->expiry);
	pool_release(ha->pools[b->network], b->home, now.us);
	binding_remove(ha->bindings, b);
}

void ha_expire(struct ha *ha, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < EXPIRIES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&ha->expiries, now.us);
		struct binding *b;

		if (!timer)
			return;
		b = container_of(timer, struct binding, expiry);
		HA_COUNT(ha, expired);
		/* Nobody is told: its agent's clock ran out as well (RFC 3543 4.4.2). */
		if (!ha_copies_expire(ha, now, b, out))
			ha_binding_end(ha, now, b, "binding_expired", "lifetime over", out);
	}
}
