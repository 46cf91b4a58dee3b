/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What survives a restart: for each user the home address, the binding while there is one, and the greatest
 * Identification. Times are kept on the wall clock, as the other one starts anew with the machine. */
#include "base/util.h"
#include "roles/ha/agent.h"

enum {
	FORMAT = 1,
	VALUE_MAX = 320,
	AAA_PREFIX_OCTETS = 4,
	SPI_OCTETS = 4,
	FLAG_BOUND = 1,
	FLAG_PROXY = 2,
	FLAG_REVERSE = 4,
	FLAG_BROADCAST = 8,
	FLAG_REVOCATION = 16,
	FLAG_OWN_TUNNEL = 32,
	FLAG_INFORM = 64
};

static const char aaa_prefix[] = "aaa/";

struct stored {
	uint8_t tech;
	struct span nai;
	bool bound;
	struct in_addr home;
	uint64_t last_id;
	uint64_t written_ntp;
	uint64_t since_ntp, expires_ntp; /* of the binding; expires 0 = never */
	struct binding b;                /* what is not the table's own */
	uint32_t index;
	struct span association;
};

static uint64_t ntp_of_us(uint64_t us)
{
	return (us / US_PER_S) << 32 | ((us % US_PER_S) << 32) / US_PER_S;
}

static uint64_t us_of_ntp(uint64_t ntp)
{
	return (ntp >> 32) * US_PER_S + ((ntp & UINT32_MAX) * US_PER_S >> 32);
}

static struct wr key_of(const struct binding *b, uint8_t key[ACTIONS_KEY_MAX])
{
	struct wr w = wr_init(key, ACTIONS_KEY_MAX);

	wr_u8(&w, b->access_tech);
	wr_bytes(&w, b->nai.p, b->nai.n);
	return w;
}

static void build_tunnel(struct wr *w, const struct tunnel *t)
{
	wr_u8(w, (uint8_t)t->encap);
	wr_ip4(w, t->local);
	wr_ip4(w, t->remote);
	if (t->encap == ENCAP_GRE) {
		wr_u32(w, t->in_key);
		wr_u32(w, t->out_key);
		return;
	}
	wr_u16(w, t->local_port);
	wr_u16(w, t->remote_port);
}

static struct tunnel parse_tunnel(struct rd *r)
{
	uint8_t encap = rd_u8(r);
	struct tunnel t = { .encap = encap < ENCAP_COUNT ? (enum encap)encap : ENCAP_IPIP };

	t.local = rd_ip4(r);
	t.remote = rd_ip4(r);
	if (t.encap == ENCAP_GRE) {
		t.in_key = rd_u32(r);
		t.out_key = rd_u32(r);
		return t;
	}
	t.local_port = rd_u16(r);
	t.remote_port = rd_u16(r);
	return t;
}

/* The configured name; of an association whose key AAA keeps, the SPI it is found by again. */
static void build_association(struct wr *w, const struct binding *b)
{
	size_t n = strlen(b->association);

	if (b->shared) {
		wr_u8(w, AAA_PREFIX_OCTETS + SPI_OCTETS);
		wr_bytes(w, aaa_prefix, AAA_PREFIX_OCTETS);
		wr_u32(w, b->sa->spi);
	} else {
		wr_u8(w, (uint8_t)n);
		wr_bytes(w, b->association, n);
	}
}

static uint64_t ntp_of_expiry(struct instant now, uint64_t expires_us)
{
	return expires_us == NEVER ? 0 : now.ntp + ntp_of_us(us_until(now, expires_us));
}

static void build_copy(struct wr *w, struct instant now, const struct binding_copy *c)
{
	wr_u8(w, (uint8_t)((c->revocation ? FLAG_REVOCATION : 0) | (c->own_tunnel ? FLAG_OWN_TUNNEL : 0) |
			   (c->inform ? FLAG_INFORM : 0)));
	wr_u64(w, ntp_of_expiry(now, c->expires_us));
	wr_ip4(w, c->care_of);
	wr_ip4(w, c->peer);
	wr_u16(w, c->peer_port);
	build_tunnel(w, &c->tunnel);
	wr_u32(w, c->peer_stamp);
}

/* `expires_us` is on the wall clock until the binding is restored. */
static struct binding_copy parse_copy(struct rd *r)
{
	uint8_t flags = rd_u8(r);
	struct binding_copy c = { .revocation = flags & FLAG_REVOCATION,
				  .inform = flags & FLAG_INFORM,
				  .own_tunnel = flags & FLAG_OWN_TUNNEL };

	c.expires_us = rd_u64(r);
	c.care_of = rd_ip4(r);
	c.peer = rd_ip4(r);
	c.peer_port = rd_u16(r);
	c.tunnel = parse_tunnel(r);
	c.peer_stamp = rd_u32(r);
	return c;
}

static void build_binding(struct wr *w, struct instant now, const struct binding *b)
{
	wr_u64(w, now.ntp - ntp_of_us(now.us - b->since_us));
	wr_u64(w, ntp_of_expiry(now, b->expires_us));
	wr_ip4(w, b->care_of);
	wr_ip4(w, b->agent);
	wr_ip4(w, b->peer);
	wr_u16(w, b->peer_port);
	build_tunnel(w, &b->tunnel);
	wr_u32(w, b->index);
	wr_u64(w, b->id);
	wr_u32(w, b->sequence);
	wr_u32(w, b->peer_stamp);
	wr_u8(w, b->auth_type);
	build_association(w, b);
	for (size_t i = 0; i < b->copy_n; i++)
		build_copy(w, now, &b->copies[i]);
}

static void parse_binding(struct rd *r, struct stored *s)
{
	s->since_ntp = rd_u64(r);
	s->expires_ntp = rd_u64(r);
	s->b.care_of = rd_ip4(r);
	s->b.agent = rd_ip4(r);
	s->b.peer = rd_ip4(r);
	s->b.peer_port = rd_u16(r);
	s->b.tunnel = parse_tunnel(r);
	s->index = rd_u32(r);
	s->b.id = rd_u64(r);
	s->b.sequence = rd_u32(r);
	s->b.peer_stamp = rd_u32(r);
	s->b.auth_type = rd_u8(r);
	s->association.n = rd_u8(r);
	s->association.p = rd_take(r, s->association.n);
	while (!r->err && rd_left(r) > 0 && s->b.copy_n < TUNNEL_COPIES_MAX)
		s->b.copies[s->b.copy_n++] = parse_copy(r);
}

static uint8_t flags_of(const struct binding *b, bool bound)
{
	return (uint8_t)((bound ? FLAG_BOUND : 0) | (b->proxy ? FLAG_PROXY : 0) |
			 (b->reverse_tunnel ? FLAG_REVERSE : 0) | (b->broadcast ? FLAG_BROADCAST : 0) |
			 (b->revocation ? FLAG_REVOCATION : 0) | (b->own_tunnel ? FLAG_OWN_TUNNEL : 0) |
			 (b->inform ? FLAG_INFORM : 0));
}

/* What every record begins with; without a binding it is all. */
static void build_address(struct wr *w, uint8_t flags, struct in_addr home, uint64_t last_id, uint64_t ntp)
{
	wr_u8(w, FORMAT);
	wr_u8(w, flags);
	wr_ip4(w, home);
	wr_u64(w, last_id);
	wr_u64(w, ntp);
}

void ha_store(const struct ha *ha, struct instant now, const struct binding *b, bool bound, struct actions *out)
{
	const struct replay_entry *e = replay_entry_find(ha->replay, b->nai);
	uint8_t key[ACTIONS_KEY_MAX];
	struct wr k = key_of(b, key), w = actions_writer(out, VALUE_MAX);

	build_address(&w, flags_of(b, bound), b->home, e && e->last_id > b->id ? e->last_id : b->id, now.ntp);
	if (bound)
		build_binding(&w, now, b);
	actions_store_put(out, (struct span){ k.start, wr_len(&k) }, &w);
}

static int parse(struct span key, struct span value, struct stored *ret)
{
	struct rd k = rd_init(key.p, key.n), r = rd_init(value.p, value.n);
	struct stored s = { .tech = rd_u8(&k) };
	uint8_t flags;

	s.nai = (struct span){ k.at, rd_left(&k) };
	if (rd_u8(&r) != FORMAT || s.nai.n == 0 || s.nai.n > MIP_NAI_MAX)
		return -EBADMSG;
	flags = rd_u8(&r);
	s.bound = flags & FLAG_BOUND;
	s.b.proxy = flags & FLAG_PROXY;
	s.b.reverse_tunnel = flags & FLAG_REVERSE;
	s.b.broadcast = flags & FLAG_BROADCAST;
	s.b.revocation = flags & FLAG_REVOCATION;
	s.b.own_tunnel = flags & FLAG_OWN_TUNNEL;
	s.b.inform = flags & FLAG_INFORM;
	s.home = rd_ip4(&r);
	s.last_id = rd_u64(&r);
	s.written_ntp = rd_u64(&r);
	if (s.bound)
		parse_binding(&r, &s);
	if (r.err || rd_left(&r) != 0)
		return -EBADMSG;
	*ret = s;
	return 0;
}

/* The network @s is of, as the configuration is now; -1: none, or the user is not there any more. */
static int network_of(const struct ha *ha, const struct stored *s)
{
	const struct ha_user *u = directory_user(ha->directory, s->nai);

	if (!u || (u->home_address.s_addr != INADDR_ANY && u->home_address.s_addr != s->home.s_addr))
		return -1;
	for (size_t i = 0; i < ha->conf->network_n; i++)
		if (!u->network[0] || strcmp(ha->conf->networks[i].name, u->network) == 0)
			return prefix_contains(&ha->conf->networks[i].prefix, s->home) ? (int)i : -1;
	return -1;
}

static const struct ha_association *association_of(const struct ha *ha, const struct stored *s)
{
	for (size_t i = 0; i < ha->conf->association_n; i++) {
		const struct ha_association *a = &ha->conf->associations[i];

		if (strlen(a->name) == s->association.n && memcmp(a->name, s->association.p, s->association.n) == 0)
			return a;
	}
	return NULL;
}

/* An association without its key, which is asked for when it is needed. Return: 0, -ESTALE or -ENOMEM. */
static int restore_aaa(const struct ha *ha, const struct stored *s, struct shared_sa **ret)
{
	struct rd r = rd_init(s->association.p, s->association.n);
	const uint8_t *prefix = rd_take(&r, AAA_PREFIX_OCTETS);
	const struct sa sa = { .spi = rd_u32(&r), .alg = ha->conf->aaa.mac };

	if (r.err || rd_left(&r) != 0 || memcmp(prefix, aaa_prefix, AAA_PREFIX_OCTETS) != 0 ||
	    !ha_aaa_serves(ha, s->nai))
		return -ESTALE;
	return shared_sa_new(&sa, ret);
}

/* From @earlier to @later, 0 when it is the other way round: clocks are set back, and wrap in 2036. */
static uint64_t between_us(uint64_t earlier_ntp, uint64_t later_ntp)
{
	return (int64_t)(later_ntp - earlier_ntp) > 0 ? us_of_ntp(later_ntp - earlier_ntp) : 0;
}

/* Time that is left of the lifetime, on our clock; 0: it is over. */
static uint64_t left_us(const struct ha *ha, struct instant now, uint64_t expires_ntp)
{
	uint64_t max_us = ha->conf->max_lifetime_s * US_PER_S, left;

	if (expires_ntp == 0)
		return NEVER;
	left = between_us(now.ntp, expires_ntp);
	return left < max_us ? left : max_us;
}

static void restore_copies(const struct ha *ha, struct instant now, const struct stored *s, struct binding *b)
{
	for (size_t i = 0; i < s->b.copy_n && b->copy_n + 1U < ha->conf->simultaneous; i++) {
		struct binding_copy c = s->b.copies[i];
		uint64_t left = left_us(ha, now, c.expires_us);

		c.expires_us = left == NEVER ? NEVER : now.us + left;
		if (left > 0 && c.tunnel.local.s_addr == ha->conf->address.s_addr)
			b->copies[b->copy_n++] = c;
	}
}

static int restore_binding(struct ha *ha, struct instant now, const struct stored *s, size_t network,
			   struct actions *out)
{
	const struct ha_association *a = association_of(ha, s);
	uint64_t left = left_us(ha, now, s->expires_ntp);
	uint64_t age = between_us(s->since_ntp, now.ntp);
	auto_(shared_sa_dropp) struct shared_sa *shared = NULL;
	struct binding *b;
	int r = a ? 0 : restore_aaa(ha, s, &shared);

	if (r < 0 || left == 0 || s->b.tunnel.local.s_addr != ha->conf->address.s_addr)
		return -ESTALE;
	r = binding_restore(ha->bindings, network, s->home, s->nai, s->index, &b);
	if (r < 0)
		return r;
	b->care_of = s->b.care_of;
	b->agent = s->b.agent;
	b->peer = s->b.peer;
	b->peer_port = s->b.peer_port;
	b->tunnel = s->b.tunnel;
	b->since_us = age < now.us ? now.us - age : 1; /* perhaps before the machine was started */
	b->expires_us = left == NEVER ? NEVER : now.us + left;
	b->id = s->b.id;
	b->sequence = s->b.sequence;
	b->access_tech = s->tech;
	b->proxy = s->b.proxy;
	b->reverse_tunnel = s->b.reverse_tunnel;
	binding_want_broadcasts(ha->bindings, b, s->b.broadcast);
	b->own_tunnel = s->b.own_tunnel;
	b->port_open = !tunnel_is_whole(&b->tunnel);
	b->revocation = s->b.revocation;
	b->inform = s->b.inform;
	b->peer_stamp = s->b.peer_stamp;
	b->auth_type = s->b.auth_type;
	b->shared = TAKE_PTR(shared);
	b->sa = a ? &a->sa : &b->shared->sa;
	b->association = a ? a->name : ha_aaa_name;
	restore_copies(ha, now, s, b);
	(void)timers_set(&ha->expiries, &b->expiry, ha_copies_due(b)); /* ha_new() made room for all */
	ha_data_plane_set(ha, b, out);
	ha_home_link_claim(ha, now, b, out);
	return 0;
}

static void remove_tunnel(const struct stored *s, struct actions *out)
{
	const struct dp_binding dp = { .home = s->home, .tunnel = s->b.tunnel, .index = s->index };

	if (s->bound)
		actions_binding_del(out, &dp);
}

/* The binding is over; its user keeps the address for a while. */
static void keep_address(struct instant now, struct span key, const struct stored *s, struct actions *out)
{
	struct wr w = actions_writer(out, VALUE_MAX);

	build_address(&w, 0, s->home, s->last_id, now.ntp);
	actions_store_put(out, key, &w);
	remove_tunnel(s, out);
}

static bool is_over(const struct ha *ha, struct instant now, const struct stored *s)
{
	return !s->bound && between_us(s->written_ntp, now.ntp) >= ha->conf->sticky_s * US_PER_S;
}

bool ha_restore(struct ha *ha, struct instant now, struct span key, struct span value, bool bound, struct actions *out)
{
	struct replay_entry *e;
	struct in_addr home;
	struct stored s = { 0 };
	int r = parse(key, value, &s), network;

	if (r == 0 && s.bound != bound)
		return false;
	network = r == 0 ? network_of(ha, &s) : -1;
	if (network < 0 || is_over(ha, now, &s) ||
	    pool_acquire(ha->pools[network], &(struct lease_key){ s.nai, s.tech }, s.home, now.us, &home) < 0) {
		actions_store_del(out, key);
		remove_tunnel(&s, out);
		return false;
	}
	if (replay_entry_get(ha->replay, s.nai, now.us, 0, &e) == 0 && s.last_id > e->last_id)
		replay_accept(e, s.last_id);
	if (s.bound && restore_binding(ha, now, &s, (size_t)network, out) == 0)
		return true;
	pool_release(ha->pools[network], s.home, now.us);
	if (s.bound)
		keep_address(now, key, &s, out);
	return !s.bound;
}

void ha_restored(struct ha *ha)
{
	binding_table_settle(ha->bindings);
}
