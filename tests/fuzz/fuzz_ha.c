/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent as a whole. The input is a list of steps: what happens (1 octet), milliseconds before it (1, cubed),
 * octets that follow (2), octets. What an AAA server says is put together from the octets behind its first, and signed for the
 * question that was asked last unless that says otherwise. Requests are signed and dated by us, or nothing would get past the first checks. After each step the data plane, as the actions made it, holds exactly the bindings the agent shows. */
#include "codec/mip_msg.h"
#include "core/radius_auth.h"
#include "core/sa.h"
#include "roles/ha/ha.h"
#include "tests/fuzz/fuzz.h"

enum step {
	STEP_DATAGRAM,
	STEP_SIGNED,
	STEP_FRAME,
	STEP_TUNNELLED,
	STEP_PACKET,
	STEP_KICK,
	STEP_ACK,
	STEP_TIME, /* with octets: what AAA says */
	STEP_COUNT
};

enum { MAX_BINDINGS = 4, IFINDEX = 3, AAA_PORT = 50000, AUTH = 1812 };
enum { SAYS_REJECT = 1, SAYS_CHALLENGE = 2, SAYS_KEY = 4, SAYS_UNSIGNED = 8 };

#define A(a, b, c, d)                                                                                                  \
	{                                                                                                              \
		.s_addr = htonl((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))                                      \
	}

static struct sa sas[] = {
	{ .spi = 256, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 },
	{ .spi = 257, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 16 },
	{ .spi = 258, .alg = MAC_KEYED_MD5, .replay = REPLAY_NONCE, .tolerance_s = 7, .key_n = 16 },
	{ .spi = 300, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 }, /* AAA's */
};
static const struct span secret = { (const uint8_t *)"secret", 6 };
static struct radius_server server;
static uint8_t question[RADIUS_HEADER_OCTETS]; /* begin of the last, code 0: none */

static struct shadow {
	struct in_addr home;
	struct tunnel tunnel;
	bool used, seen;
} shadow[MAX_BINDINGS];
static struct mip_revocation last_revocation;
static struct in_addr last_peer;

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	uint8_t *next = ctx;

	for (size_t i = 0; i < n; i++)
		ret[i] = (*next)++;
}

static struct ha_conf *conf(void)
{
	static char alice[] = "alice@example.com", all[] = "*@example.com", carol[] = "carol@example.org",
		    realm[] = "example.org";
	static struct address_range pool;
	static struct ha_network network;
	static struct prefix nodes;
	static struct ha_association associations[3];
	static struct ha_user users[2];
	static struct ha_conf c;

	nodes = (struct prefix){ A(10, 0, 0, 0), 16 };
	pool = (struct address_range){ A(10, 42, 0, 10), A(10, 42, 0, 15) };
	network = (struct ha_network){ .name = "office",
				       .prefix = { A(10, 42, 0, 0), 24 },
				       .gateway = A(10, 42, 0, 1),
				       .pools = &pool,
				       .pool_n = 1,
				       .ifindex = IFINDEX };
	associations[0] = (struct ha_association){ .name = "a", .scope = SA_SCOPE_USER, .nai = alice, .sa = sas[0] };
	associations[1] = (struct ha_association){
		.name = "n", .scope = SA_SCOPE_NODE, .nodes = &nodes, .node_n = 1, .sa = sas[1]
	};
	associations[2] =
		(struct ha_association){ .name = "d", .scope = SA_SCOPE_DOMAIN, .realm = realm, .sa = sas[2] };
	users[0] = (struct ha_user){ .nai = all, .proxy_allowed = true, .aaa_key = true };
	users[1] = (struct ha_user){ .nai = carol, .home_address = A(10, 42, 0, 99) };
	server = (struct radius_server){ .name = "aaa",
					 .address = A(10, 0, 2, 9),
					 .auth_port = AUTH,
					 .secret = { "secret", 6 },
					 .timeout_ms = 1000,
					 .tries = 3 };
	c = (struct ha_conf){ .aaa = { &server, 1, 30, MAC_HMAC_MD5, 60, 100 },
			      .address = A(10, 0, 0, 1),
			      .networks = &network,
			      .network_n = 1,
			      .associations = associations,
			      .association_n = 3,
			      .users = users,
			      .user_n = 2,
			      .max_lifetime_s = 1800,
			      .udp_max_lifetime_s = 60,
			      .udp_keepalive_s = 110,
			      .sticky_s = 600,
			      .max_bindings = MAX_BINDINGS,
			      .max_addresses_per_nai = 2,
			      .reverse_tunnel = HA_REVERSE_TUNNEL_OPTIONAL,
			      .udp = HA_UDP_FORCE_ALLOWED,
			      .revoke = HA_REVOKE_ALWAYS,
			      .pmip = true,
			      .forward_broadcast = true,
			      .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
			      .auth_failure_rate = 10,
			      .grace_ms = 500 };
	return &c;
}

static const struct sa *sa_of(uint32_t spi)
{
	for (size_t i = 0; i < ARRAY_SIZE(sas); i++)
		if (sas[i].spi == spi)
			return &sas[i];
	return NULL;
}

static void sign(uint8_t *msg, const struct mip_auth *a)
{
	const struct sa *sa = a->present ? sa_of(a->spi) : NULL;

	if (sa && a->mac.n == mac_octets(sa->alg))
		(void)sa_compute(sa, msg, a->covered, msg + a->covered); /* a failure is a wrong authenticator */
}

/* Gives a request the right time, when its own is 0, and right authenticators. */
static void mend(uint8_t *msg, size_t n, struct instant now)
{
	struct wr id = wr_init(msg + 16, 8);
	struct mip_request m;
	struct mip_exts x;

	if (mip_request_parse(msg, n, &m) < 0 || mip_exts_parse(msg, n, MIP_REQUEST_OCTETS, &conf()->sequence, &x) < 0)
		return;
	if (m.id >> 32 == 0)
		wr_u64(&id, now.ntp + m.id);
	if (x.mn_ha.at < x.fa_ha.at) {
		sign(msg, &x.mn_ha);
		sign(msg, &x.fa_ha);
	} else {
		sign(msg, &x.fa_ha);
		sign(msg, &x.mn_ha);
	}
}

static struct shadow *shadow_of(struct in_addr home)
{
	for (size_t i = 0; i < MAX_BINDINGS; i++)
		if (shadow[i].used && shadow[i].home.s_addr == home.s_addr)
			return &shadow[i];
	return NULL;
}

static void set(const struct dp_binding *b)
{
	struct shadow *s = shadow_of(b->home);

	for (size_t i = 0; !s && i < MAX_BINDINGS; i++)
		if (!shadow[i].used)
			s = &shadow[i];
	assert(s && b->index < MAX_BINDINGS); /* never more than the table may hold */
	*s = (struct shadow){ .home = b->home, .tunnel = b->tunnel, .used = true };
}

static void check_sent(const struct action *a)
{
	struct mip_reply reply;
	struct mip_exts x;
	size_t fixed = MIP_REVOCATION_ACK_OCTETS;
	struct radius asked;

	if (a->udp.remote_port == AUTH) {
		assert(radius_parse(a->octets.p, a->octets.n, &asked) == 0 && asked.code == RADIUS_ACCESS_REQUEST);
		assert(radius_check_message(&asked, secret, NULL) == RADIUS_PROOF_RIGHT);
		memcpy(question, a->octets.p, sizeof(question));
		return;
	}
	if (a->octets.p[0] == MIP_TYPE_REVOCATION) {
		assert(mip_revocation_parse(a->octets.p, a->octets.n, &last_revocation) == 0);
		assert(last_revocation.from_ha);
		last_peer = a->udp.remote;
		fixed = MIP_REVOCATION_OCTETS;
	} else if (a->octets.p[0] == MIP_TYPE_REPLY) {
		assert(mip_reply_parse(a->octets.p, a->octets.n, &reply) == 0);
		assert(reply.code > 1 || reply.lifetime_s == 0 || shadow_of(reply.home)); /* tunnel before reply */
		fixed = MIP_REPLY_OCTETS;
	} else {
		assert(a->octets.p[0] == MIP_TYPE_REVOCATION_ACK);
	}
	assert(mip_exts_parse(a->octets.p, a->octets.n, fixed, &conf()->sequence, &x) == 0);
}

static void perform(const struct actions *out)
{
	assert(out->dropped == 0);
	for (size_t i = 0; i < out->n; i++) {
		const struct action *a = &out->v[i];

		switch (a->type) {
		case ACTION_BINDING_SET:
			set(&a->binding);
			break;
		case ACTION_BINDING_DEL:
			assert(shadow_of(a->binding.home));
			shadow_of(a->binding.home)->used = false;
			break;
		case ACTION_SEND_DATAGRAM:
			check_sent(a);
			break;
		case ACTION_SEND_FRAME:
			assert(a->ifindex == IFINDEX);
			break;
		case ACTION_RECORD:
			assert(a->record.nai && a->record.reason && a->record.event);
			break;
		case ACTION_SEND_TUNNELLED:
		case ACTION_SEND_PACKET:
		case ACTION_SEND_OWN:
		case ACTION_STORE_PUT:
		case ACTION_STORE_DEL:
			break;
		case ACTION_VISITOR_SET:
		case ACTION_VISITOR_DEL:
		case ACTION_PORT:
		case ACTION_CHARON:
		case ACTION_HOME_SET:
		case ACTION_HOME_DEL:
		case ACTION_GUARD_SET:
		case ACTION_GUARD_DEL:
		case ACTION_PATH_SET:
		case ACTION_HINT_WATCH:
			abort();
		}
	}
}

static void put_key(struct wr *w)
{
	uint8_t salted[40];
	int n = radius_salt((struct span){ sas[3].key, sas[3].key_n }, 0x8000, secret,
			    question + RADIUS_AUTHENTICATOR_AT, salted);

	if (n > 0)
		radius_put_wimax(w, RADIUS_WIMAX_RRQ_MN_HA_KEY, (struct span){ salted, (size_t)n });
}

static void aaa_says(struct ha *ha, struct instant now, struct datagram *d, struct actions *out)
{
	uint8_t buf[RADIUS_PACKET_MAX], how = d->payload.p[0];
	struct wr w = wr_init(buf, sizeof(buf));

	d->local_port = AAA_PORT;
	d->remote = server.address;
	d->remote_port = AUTH;
	d->payload = (struct span){ d->payload.p + 1, d->payload.n - 1 };
	if (how & SAYS_UNSIGNED) {
		ha_on_datagram(ha, now, d, out);
		return;
	}
	radius_begin(&w,
		     how & SAYS_REJECT    ? RADIUS_ACCESS_REJECT :
		     how & SAYS_CHALLENGE ? RADIUS_ACCESS_CHALLENGE :
					    RADIUS_ACCESS_ACCEPT,
		     question[1]);
	radius_put_proof(&w);
	if (how & SAYS_KEY)
		put_key(&w);
	wr_bytes(&w, d->payload.p, d->payload.n);
	if (radius_sign_response(&w, secret, question + RADIUS_AUTHENTICATOR_AT) < 0)
		return;
	d->payload = (struct span){ buf, wr_len(&w) };
	ha_on_datagram(ha, now, d, out);
}

static void compare(void *ctx, const struct ha_binding_view *v)
{
	struct shadow *s = shadow_of(v->home);
	size_t *n = ctx;

	assert(s && tunnel_equal(&s->tunnel, &v->tunnel));
	(*n)++;
}

static void run(struct ha *ha, uint8_t kind, struct instant now, uint8_t *p, size_t n, struct actions *out)
{
	struct datagram d = { .local = conf()->address, .local_port = MIP_PORT, .remote_port = MIP_PORT };
	struct tunnelled t = { .tunnel = { .local = conf()->address } };
	const uint8_t from = n > 0 ? p[n - 1] : 0;
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));

	d.remote = t.tunnel.remote = (struct in_addr)A(10, 0, from & 1, 7);
	d.payload = t.inner = (struct span){ p, n };
	switch ((enum step)(kind % STEP_COUNT)) {
	case STEP_SIGNED:
		mend(p, n, now);
		if (n >= MIP_REQUEST_OCTETS && !(kind & 0x80)) /* else from somewhere else: a NAT */
			memcpy(&d.remote, p + 12, 4);
		ha_on_datagram(ha, now, &d, out);
		break;
	case STEP_DATAGRAM:
		ha_on_datagram(ha, now, &d, out);
		break;
	case STEP_FRAME:
		ha_on_home_frame(ha, now, IFINDEX, d.payload, out);
		break;
	case STEP_TUNNELLED:
		ha_on_tunnelled(ha, now, &t, out);
		break;
	case STEP_PACKET:
		ha_on_packet(ha, now, d.payload, kind & 0x80 ? 1000 : 0, out);
		break;
	case STEP_KICK:
		(void)ha_kick(ha, now, "alice@example.com", out); /* -ENOENT is fine */
		break;
	case STEP_ACK:
		mip_revocation_ack_build(
			&w, &(struct mip_revocation_ack){ .home = last_revocation.home, .id = last_revocation.id });
		(void)sa_sign(&sas[from % 3], from & 4 ? MIP_EXT_FA_HA_AUTH : MIP_EXT_MN_HA_AUTH, &w);
		d.remote = last_peer;
		d.payload = (struct span){ buf, wr_len(&w) };
		ha_on_datagram(ha, now, &d, out);
		break;
	case STEP_TIME:
		if (n > 0)
			aaa_says(ha, now, &d, out);
		break;
	case STEP_COUNT:
		break;
	}
}

static void settle(struct ha *ha, struct instant now, struct actions *out)
{
	size_t shown = 0, used = 0;

	perform(out);
	actions_clear(out);
	for (unsigned i = 0; ha_due(ha) <= now.us; i++) {
		assert(i < 1000); /* each call gets on */
		ha_on_time(ha, now, out);
		perform(out);
		actions_clear(out);
	}
	ha_each_binding(ha, compare, &shown);
	for (size_t i = 0; i < MAX_BINDINGS; i++)
		used += shadow[i].used;
	assert(shown == used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t counter = 1;
	const struct random random = { fill, &counter };
	struct instant now = { .us = US_PER_S, .ntp = UINT64_C(0xd000000000000000) };
	struct rd r = rd_init(data, n);
	struct fuzz_step step;
	struct actions out;
	struct ha *ha = NULL;

	memset(shadow, 0, sizeof(shadow));
	memset(question, 0, sizeof(question));
	if (actions_init(&out) < 0)
		return 0;
	if (ha_new(conf(), &random, &ha) == 0 && ha_set_aaa_ports(ha, &(uint16_t){ AAA_PORT }, 1) == 0) {
		while (fuzz_next(&r, &now, &step)) {
			uint8_t *copy = malloc(step.octets.n + 1);

			if (!copy)
				abort();
			memcpy(copy, step.octets.p, step.octets.n);
			run(ha, step.kind, now, copy, step.octets.n, &out);
			settle(ha, now, &out);
			free(copy);
		}
	}
	ha_freep(&ha);
	actions_done(&out);
	return 0;
}
