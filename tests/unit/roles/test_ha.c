/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent as its agents see it: a request in, actions out. Every reply code it can give is reached here. */
#include "codec/arp.h"
#include "codec/icmp4.h"
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "roles/ha/ha.h"
#include "tests/unit/test.h"

enum { SPI = 1000, NODE_SPI = 2000, USER_SPI = 3000, NONCE_SPI = 4000 };

static struct address_range pools[] = { { { 0 }, { 0 } } };
static struct ha_network networks[2];
static struct ha_association associations[4];
static struct ha_user users[4];
static struct prefix nodes[1], trusted[1];
static struct ha_conf conf;
static struct ha *ha;
static struct actions out;
static struct instant now;

static void fill_random(void *ctx, uint8_t *ret, size_t n)
{
	static uint8_t next = 1;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		ret[i] = next++;
}

static struct sa sa_with(uint32_t spi, enum mac_alg alg)
{
	struct sa sa = { .spi = spi, .alg = alg, .tolerance_s = 7, .key_n = 8 };

	memcpy(sa.key, "8 octets", 8);
	return sa;
}

static void default_conf(void)
{
	pools[0] = (struct address_range){ ip("10.42.0.10"), ip("10.42.0.12") };
	networks[0] = (struct ha_network){ .name = "office",
					   .prefix = { ip("10.42.0.0"), 24 },
					   .gateway = ip("10.42.0.1"),
					   .pools = pools,
					   .pool_n = 1 };
	networks[1] = (struct ha_network){ .name = "lab",
					   .prefix = { ip("10.43.0.0"), 24 },
					   .gateway = ip("10.43.0.1"),
					   .interface = "eth1",
					   .ifindex = 7,
					   .mac = { 2, 0, 0, 0, 0, 9 } };
	nodes[0] = (struct prefix){ ip("10.0.1.0"), 24 };
	trusted[0] = (struct prefix){ ip("10.0.0.0"), 16 };
	associations[0] = (struct ha_association){ .name = "staff",
						   .scope = SA_SCOPE_DOMAIN,
						   .realm = (char *)"example.com",
						   .sa = sa_with(SPI, MAC_HMAC_SHA_256) };
	associations[1] = (struct ha_association){ .name = "node",
						   .scope = SA_SCOPE_NODE,
						   .nodes = nodes,
						   .node_n = 1,
						   .sa = sa_with(NODE_SPI, MAC_HMAC_MD5) };
	associations[2] = (struct ha_association){ .name = "bob",
						   .scope = SA_SCOPE_USER,
						   .nai = (char *)"bob@example.com",
						   .sa = sa_with(USER_SPI, MAC_KEYED_MD5) };
	associations[3] = (struct ha_association){ .name = "nonce",
						   .scope = SA_SCOPE_DOMAIN,
						   .realm = (char *)"example.com",
						   .sa = sa_with(NONCE_SPI, MAC_HMAC_MD5) };
	associations[3].sa.replay = REPLAY_NONCE;
	users[0] = (struct ha_user){ .nai = (char *)"*@example.com", .proxy_allowed = true };
	users[1] = (struct ha_user){ .nai = (char *)"client@example.com" };
	users[2] = (struct ha_user){ .nai = (char *)"fixed@example.com",
				     .home_address = ip("10.42.0.10"),
				     .proxy_allowed = true };
	users[3] = (struct ha_user){ .nai = (char *)"lab@example.com",
				     .network = "lab",
				     .home_address = ip("10.43.0.5"),
				     .proxy_allowed = true };
	conf = (struct ha_conf){ .address = ip("10.0.0.1"),
				 .networks = networks,
				 .network_n = 2,
				 .associations = associations,
				 .association_n = 4,
				 .users = users,
				 .user_n = 4,
				 .max_lifetime_s = 600,
				 .udp_max_lifetime_s = 60,
				 .udp_keepalive_s = 110,
				 .sticky_s = 1000,
				 .max_bindings = 4,
				 .max_addresses_per_nai = 1,
				 .pmip = true,
				 .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
				 .auth_failure_rate = 10 };
}

static void begin(void)
{
	const struct random random = { .fill = fill_random };

	assert_int_equal(ha_new(&conf, &random, &ha), 0);
	assert_int_equal(actions_init(&out), 0);
	now = (struct instant){ .us = 1000 * US_PER_S, .ntp = UINT64_C(4000000000) << 32 };
}

static int setup(void **state)
{
	(void)state;
	default_conf();
	begin();
	return 0;
}

/* The agent with a changed configuration. */
static void restart(void)
{
	ha_freep(&ha);
	actions_done(&out);
	begin();
}

static int teardown(void **state)
{
	(void)state;
	ha_freep(&ha);
	actions_done(&out);
	return 0;
}

static void pass_ms(uint64_t ms)
{
	now.us += ms * US_PER_MS;
	now.ntp += (ms << 32) / 1000;
}

struct ask {
	const char *nai, *care_of, *home, *source, *home_agent;
	uint8_t flags_off, flags_on;
	uint16_t lifetime_s;
	uint32_t sequence, spi;
	uint64_t id; /* 0: our clock */
	bool deregister, no_sequence, no_revocation, node, no_auth, bad_auth, udp, udp_force, udp_via_fa, gre, cvse;
	uint8_t udp_encapsulation, udp_reserved, tech, method;
	uint16_t port;
};

static uint64_t last_id;

static size_t build(const struct ask *a, uint8_t *ret, size_t room)
{
	struct wr w = wr_init(ret, room);
	struct mip_request m = { .flags = (uint8_t)(((MIP_REQ_T | MIP_REQ_D) & ~a->flags_off) | a->flags_on),
				 .lifetime_s = a->deregister ? 0 :
					       a->lifetime_s ? a->lifetime_s :
							       300,
				 .home = a->home ? ip(a->home) : (struct in_addr){ 0 },
				 .home_agent = ip(a->home_agent ? a->home_agent : "10.0.0.1"),
				 .care_of = ip(a->care_of ? a->care_of : "10.0.1.1"),
				 .id = a->id ? a->id : now.ntp };
	uint32_t spi = a->spi ? a->spi : a->node ? NODE_SPI : SPI;
	struct sa sa = sa_with(spi, a->node || spi == NONCE_SPI ? MAC_HMAC_MD5 :
				    spi == USER_SPI             ? MAC_KEYED_MD5 :
								  MAC_HMAC_SHA_256);

	last_id = m.id;
	mip_request_build(&w, &m);
	mip_ext_nai_build(&w, text(a->nai ? a->nai : "alice@example.com"));
	if (!a->no_revocation)
		mip_ext_revocation_support_build(&w, false, 77);
	if (a->udp)
		mip_ext_udp_request_build(&w, a->udp_force, a->udp_via_fa, a->udp_encapsulation);
	if (a->udp_reserved)
		w.at[-1] = a->udp_reserved;
	if (a->node || a->method)
		mip_ext_pmip_method_build(&w, a->method ? a->method : MIP_PMIP_METHOD_FA_HA_AUTH);
	if (a->tech)
		mip_ext_access_tech_build(&w, a->tech);
	if (a->gre)
		mip_ext_gre_key_build(&w, 1);
	if (a->cvse)
		wr_bytes(&w, "\x26\x00\x00\x04\x00\x00\x7e\xd9", 8);
	if (!a->no_sequence)
		mip_ext_sequence_build(&w, &conf.sequence, a->sequence);
	if (!a->no_auth)
		assert_int_equal(sa_sign(&sa, a->node ? MIP_EXT_FA_HA_AUTH : MIP_EXT_MN_HA_AUTH, &w), 0);
	if (a->bad_auth)
		w.at[-1] ^= 1;
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

struct got {
	bool replied;
	struct mip_reply m;
	struct mip_exts x;
	struct span octets;
	struct in_addr to;
	uint16_t to_port;
};

/* Feeds a request and finds its reply among the actions. */
static struct got ask(const struct ask *a)
{
	static uint8_t msg[1400];
	struct datagram d = { .local = ip("10.0.0.1"),
			      .local_port = MIP_PORT,
			      .remote = ip(a->source  ? a->source :
					   a->care_of ? a->care_of :
							"10.0.1.1"),
			      .remote_port = a->port ? a->port : MIP_PORT };
	struct got got = { 0 };

	actions_clear(&out);
	d.payload = (struct span){ msg, build(a, msg, sizeof(msg)) };
	ha_on_datagram(ha, now, &d, &out);
	for (size_t i = 0; i < out.n; i++) {
		const struct action *act = &out.v[i];

		if (act->type != ACTION_SEND_DATAGRAM || act->octets.p[0] != MIP_TYPE_REPLY)
			continue;
		assert_false(got.replied);
		got.replied = true;
		got.octets = act->octets;
		got.to = act->udp.remote;
		got.to_port = act->udp.remote_port;
		assert_int_equal(act->udp.local.s_addr, ip("10.0.0.1").s_addr);
		assert_int_equal(mip_reply_parse(act->octets.p, act->octets.n, &got.m), 0);
		assert_int_equal(mip_exts_parse(act->octets.p, act->octets.n, MIP_REPLY_OCTETS, &conf.sequence, &got.x),
				 0);
		assert_int_equal((uint32_t)got.m.id, (uint32_t)last_id);
	}
	pass_ms(1);
	return got;
}

static void assert_code(const struct ask *a, int code)
{
	struct got got = ask(a);

	assert_true(got.replied);
	assert_int_equal(got.m.code, code);
}

static const struct action *find_action(enum action_type type)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type)
			return &out.v[i];
	return NULL;
}

static size_t place_of(enum action_type type, uint8_t message)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type && (type != ACTION_SEND_DATAGRAM || out.v[i].octets.p[0] == message))
			return i;
	return SIZE_MAX;
}

static uint64_t counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = ha_counters(ha, &names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

/* A-32, L-14, L-23, L-60 */
static void first_request_gets_an_address_and_a_tunnel(void **state)
{
	struct got got = ask(&(struct ask){ 0 });
	struct sa sa = sa_with(SPI, MAC_HMAC_SHA_256);

	(void)state;
	assert_int_equal(got.m.code, MIP_CODE_ACCEPTED);
	assert_int_equal(got.m.lifetime_s, 300);
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr); /* .10 is somebody's own */
	assert_int_equal(got.m.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_true(got.m.id == last_id);
	assert_int_equal(got.x.nai.n, strlen("alice@example.com"));
	assert_int_equal(got.x.sequence, 1);
	assert_true(got.x.revocation_at != 0);
	assert_true(sa_verify(&sa, got.octets.p, &got.x.mn_ha));
	assert_non_null(find_action(ACTION_BINDING_SET));
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.remote.s_addr, ip("10.0.1.1").s_addr);
	assert_true(place_of(ACTION_BINDING_SET, 0) < place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY));
}

/* L-13, L-15, L-19: a refresh changes nothing but its time and number. */
static void refresh_extends_the_lifetime(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	pass_ms(200000);
	struct got got = ask(&(struct ask){ .sequence = 1, .home = "10.42.0.11" });

	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.x.sequence, 2);
	assert_null(find_action(ACTION_BINDING_SET));
	assert_int_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
	assert_true(ha_due(ha) > now.us + 299 * US_PER_S);
}

/* L-16..L-22, X-14: a new agent wins at once; the old one is told beside. */
static void a_new_agent_takes_over(void **state)
{
	const struct action *revocation;
	struct mip_revocation m;
	struct mip_exts x;
	struct sa sa = sa_with(SPI, MAC_HMAC_SHA_256);

	(void)state;
	(void)ask(&(struct ask){ 0 });
	struct got got = ask(&(struct ask){ .care_of = "10.0.2.1" });

	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr);
	assert_int_equal(got.x.sequence, 2);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.remote.s_addr, ip("10.0.2.1").s_addr);
	assert_true(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY) <
		    place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION));
	revocation = &out.v[place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION)];
	assert_int_equal(revocation->udp.remote.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(revocation->udp.remote_port, MIP_PORT);
	assert_int_equal(mip_revocation_parse(revocation->octets.p, revocation->octets.n, &m), 0);
	assert_true(m.from_ha);
	assert_int_equal(m.foreign_domain.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(m.home.s_addr, ip("10.42.0.11").s_addr);
	assert_int_equal(mip_exts_parse(revocation->octets.p, revocation->octets.n, MIP_REVOCATION_OCTETS, NULL, &x),
			 0);
	assert_true(sa_verify(&sa, revocation->octets.p, &x.mn_ha));
}

static void acknowledge(const char *from, uint32_t id, bool good)
{
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct mip_revocation_ack ack = { .home = ip("10.42.0.11"), .id = id };
	struct sa sa = sa_with(good ? SPI : SPI + 1, MAC_HMAC_SHA_256);
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip(from), .remote_port = MIP_PORT
	};

	mip_revocation_ack_build(&w, &ack);
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
}

static uint32_t revocation_id(void)
{
	size_t at = place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION);
	struct mip_revocation m;

	assert_int_not_equal(at, SIZE_MAX);
	assert_int_equal(mip_revocation_parse(out.v[at].octets.p, out.v[at].octets.n, &m), 0);
	return m.id;
}

/* G-07 */
static void revocation_is_repeated_until_acknowledged(void **state)
{
	uint32_t first, second;

	(void)state;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	first = revocation_id();
	pass_ms(1000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	second = revocation_id();
	assert_true((int32_t)(second - first) > 0);
	acknowledge("10.0.3.1", second, true);
	acknowledge("10.0.1.1", second, false);
	acknowledge("10.0.1.1", second + 1, true);
	assert_int_equal(counter("revocations_acknowledged"), 0);
	assert_int_equal(counter("revocations_ignored"), 3);
	acknowledge("10.0.1.1", first, true); /* late, but an answer */
	assert_int_equal(counter("revocations_acknowledged"), 1);
	pass_ms(100000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	assert_int_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
}

static void revocation_ends_with_the_old_lifetime(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	for (int i = 0; i < 400; i++) {
		pass_ms(1000);
		actions_clear(&out);
		ha_on_time(ha, now, &out);
	}
	assert_int_equal(counter("revocations_given_up"), 1);
	assert_in_range(counter("revocations_sent"), 8, 20); /* 1, 2, 4 ... 32 s apart */
}

static void coming_back_cancels_the_revocation(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	(void)ask(&(struct ask){ 0 });
	pass_ms(60000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == ACTION_SEND_DATAGRAM)
			assert_int_not_equal(out.v[i].udp.remote.s_addr, ip("10.0.1.1").s_addr);
}

/* */
static void revocation_follows_its_policy(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ .no_revocation = true });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_int_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
	conf.revoke = HA_REVOKE_ALWAYS;
	restart();
	(void)ask(&(struct ask){ .no_revocation = true });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_int_not_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
	conf.revoke = HA_REVOKE_OFF;
	restart();
	struct got got = ask(&(struct ask){ 0 });

	assert_int_equal(got.x.revocation_at, 0);
}

/* L-16, L-48, L-50, X-02, X-03 */
static void stale_numbers_are_refused(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" }); /* 2 */
	assert_code(&(struct ask){ .sequence = 1 }, MIP_CODE_ADMIN_PROHIBITED);
	assert_null(find_action(ACTION_BINDING_SET));
	conf.stale = HA_STALE_DENY_65;
	assert_code(&(struct ask){ .sequence = 1 }, MIP_CODE_FA_ADMIN_PROHIBITED);
	conf.stale = HA_STALE_SILENT;
	struct got got = ask(&(struct ask){ .sequence = 1 });

	assert_false(got.replied);
	assert_int_equal(counter("stale_sequences"), 3);
	/* the agent that holds the binding may lag behind, its reply was lost. */
	assert_code(&(struct ask){ .care_of = "10.0.2.1", .sequence = 1 }, MIP_CODE_ACCEPTED);
}

/* G-08: a delayed first request of the old agent must not win by its zero. */
static void late_first_requests_do_not_steal(void **state)
{
	uint64_t early = now.ntp;

	(void)state;
	pass_ms(500);
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_code(&(struct ask){ .care_of = "10.0.1.1", .id = early }, MIP_CODE_ID_MISMATCH);
}

/* RFC 5944 5.7.1: the clock of the reply, the low half of the request. */
static void identification_is_checked(void **state)
{
	uint64_t ahead = now.ntp + (UINT64_C(60) << 32);
	struct got got = ask(&(struct ask){ .id = ahead });

	(void)state;
	assert_int_equal(got.m.code, MIP_CODE_ID_MISMATCH);
	assert_true(got.m.id >> 32 == 4000000000);
	assert_true(got.x.mn_ha.present);
}

static void duplicates_are_answered_again(void **state)
{
	uint64_t id = now.ntp;

	(void)state;
	(void)ask(&(struct ask){ .id = id });
	pass_ms(2000);
	struct got got = ask(&(struct ask){ .id = id });

	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.x.sequence, 1);
	assert_int_equal(got.m.lifetime_s, 297); /* not extended */
	assert_code(&(struct ask){ .id = id, .care_of = "10.0.3.1" }, MIP_CODE_ID_MISMATCH);
}

static void nonces_resynchronise(void **state)
{
	struct got got = ask(&(struct ask){ .spi = NONCE_SPI, .id = 5 });
	uint64_t nonce = got.m.id >> 32;

	(void)state;
	assert_int_equal(got.m.code, MIP_CODE_ID_MISMATCH);
	got = ask(&(struct ask){ .spi = NONCE_SPI, .id = nonce << 32 | 6 });
	assert_int_equal(got.m.code, 0);
	assert_true(got.m.id >> 32 != nonce);
	assert_code(&(struct ask){ .spi = NONCE_SPI, .id = nonce << 32 | 7, .sequence = 1 }, MIP_CODE_ID_MISMATCH);
}

/* L-60, L-61: 131 without touching anything; a security record; limited in rate. */
static void wrong_authenticators_are_refused(void **state)
{
	size_t replies = 0;

	(void)state;
	assert_code(&(struct ask){ .bad_auth = true }, MIP_CODE_MN_AUTH_FAILED);
	assert_true(find_action(ACTION_RECORD)->record.security);
	assert_null(find_action(ACTION_BINDING_SET));
	assert_code(&(struct ask){ .spi = 999 }, MIP_CODE_MN_AUTH_FAILED);
	assert_code(&(struct ask){ .no_auth = true }, MIP_CODE_MN_AUTH_FAILED);
	assert_code(&(struct ask){ .nai = "eve@elsewhere.org" }, MIP_CODE_MN_AUTH_FAILED);
	for (int i = 0; i < 100; i++)
		replies += ask(&(struct ask){ .bad_auth = true }).replied;
	assert_in_range(replies, 5, 8); /* 10 in all, and one comes back in 100 ms */
	conf.unknown_sa = HA_UNKNOWN_SA_SILENT;
	restart();
	assert_false(ask(&(struct ask){ .spi = 999 }).replied);
}

/* L-05, L-63: per user, per domain, per node. */
static void associations_of_every_scope_work(void **state)
{
	(void)state;
	assert_code(&(struct ask){ .nai = "bob@EXAMPLE.com", .spi = USER_SPI }, MIP_CODE_ACCEPTED);
	struct got got = ask(&(struct ask){ .node = true });

	assert_int_equal(got.m.code, 0);
	assert_true(got.x.fa_ha.present);
	assert_int_equal(got.x.pmip_method, MIP_PMIP_METHOD_FA_HA_AUTH);
	assert_code(&(struct ask){ .nai = "eve@example.com", .spi = USER_SPI }, MIP_CODE_MN_AUTH_FAILED);
	/* A node's key is good from its own addresses only. */
	assert_code(&(struct ask){ .node = true, .care_of = "10.0.9.1" }, MIP_CODE_MN_AUTH_FAILED);
}

/* A foreign agent on the way: 132 when it cannot prove itself. */
static void foreign_agents_are_checked(void **state)
{
	uint8_t msg[1400];
	struct ask a = { .flags_off = MIP_REQ_D };
	struct sa fa = sa_with(NODE_SPI, MAC_HMAC_MD5);
	struct wr w = wr_init(msg, sizeof(msg));
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.1.1"), .remote_port = MIP_PORT
	};

	(void)state;
	for (int good = 1; good >= 0; good--) {
		struct mip_reply m;
		size_t at;

		w = wr_init(msg, sizeof(msg));
		(void)wr_skip(&w, build(&a, msg, sizeof(msg)));
		assert_int_equal(sa_sign(&fa, MIP_EXT_FA_HA_AUTH, &w), 0);
		msg[wr_len(&w) - 1] ^= !good;
		d.payload = (struct span){ msg, wr_len(&w) };
		actions_clear(&out);
		ha_on_datagram(ha, now, &d, &out);
		at = place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY);
		assert_int_equal(mip_reply_parse(out.v[at].octets.p, out.v[at].octets.n, &m), 0);
		assert_int_equal(m.code, good ? MIP_CODE_ACCEPTED : MIP_CODE_FA_AUTH_FAILED);
		pass_ms(5);
	}
}

static void policy_codes(void **state)
{
	(void)state;
	conf.strict_reserved = true;
	users[0].nai = (char *)"alice@example.com";
	restart();
	assert_code(&(struct ask){ .nai = "nobody@example.com" }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .flags_on = MIP_REQ_RESERVED_R }, MIP_CODE_MALFORMED);
	assert_code(&(struct ask){ .flags_on = MIP_REQ_S }, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_code(&(struct ask){ .cvse = true }, MIP_CODE_CVSE_UNSUPPORTED);
	assert_code(&(struct ask){ .home_agent = "10.0.0.2" }, MIP_CODE_UNKNOWN_HA);
	assert_code(&(struct ask){ .flags_on = MIP_REQ_G }, MIP_CODE_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .gre = true }, MIP_CODE_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .flags_off = MIP_REQ_T }, MIP_CODE_REVERSE_TUNNEL_MANDATORY); /* X-20, L-24 */
	assert_code(&(struct ask){ .care_of = "224.0.0.5", .source = "10.0.1.1" }, MIP_CODE_MALFORMED);
	assert_code(&(struct ask){ .care_of = "10.0.0.1" }, MIP_CODE_MALFORMED);
	assert_code(&(struct ask){ .nai = "client@example.com" }, MIP_CODE_PMIP_DISALLOWED);
	assert_code(&(struct ask){ .method = 2 }, MIP_CODE_PMIP_UNSUPPORTED);
	assert_code(&(struct ask){ .home = "10.44.0.5" }, MIP_CODE_ADMIN_PROHIBITED);
	conf.reverse_tunnel = HA_REVERSE_TUNNEL_UNAVAILABLE;
	assert_code(&(struct ask){ 0 }, MIP_CODE_REVERSE_TUNNEL_UNAVAILABLE);
	conf.pmip = false;
	assert_code(&(struct ask){ 0 }, MIP_CODE_PMIP_UNSUPPORTED);
}

/* L-06: hosts that run Mobile IPv4 themselves send nothing of the proxies' and get nothing of it. */
static void clients_of_their_own_are_served(void **state)
{
	struct got got = ask(&(struct ask){ .nai = "client@example.com", .no_sequence = true, .no_revocation = true });

	(void)state;
	assert_int_equal(got.m.code, MIP_CODE_ACCEPTED);
	assert_int_equal(got.x.sequence_at, 0);
}

/* RFC 3519; L-08: all agents' stations share the port that is seen. */
static void tunnels_through_nat(void **state)
{
	struct got got = ask(&(struct ask){ .udp = true, .source = "192.0.2.9", .port = 40000 });

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.lifetime_s, 60);
	assert_int_equal(got.x.udp_reply_code, 0);
	assert_int_equal(got.x.udp_keepalive_s, 110);
	assert_int_equal(got.to_port, 40000);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.encap, ENCAP_UDP);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.remote_port, 40000);
	got = ask(&(struct ask){ .udp = true, .sequence = 1 }); /* no NAT: a polite no */
	assert_int_equal(got.x.udp_reply_code, 64);
	assert_code(&(struct ask){ .udp = true, .udp_force = true }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .source = "192.0.2.9" }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .udp = true, .udp_encapsulation = 47, .source = "192.0.2.9" },
		    MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .udp = true, .udp_via_fa = true, .source = "192.0.2.9" }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .udp = true, .udp_reserved = 1, .source = "192.0.2.9" }, MIP_CODE_MALFORMED);
	conf.udp = HA_UDP_FORCE_ALLOWED;
	got = ask(&(struct ask){ .udp = true, .udp_force = true });
	assert_true(got.x.udp_reply_force);
	conf.udp = HA_UDP_OFF;
	assert_code(&(struct ask){ .udp = true, .source = "192.0.2.9" }, MIP_CODE_ADMIN_PROHIBITED);
}

static void resources_run_out_politely(void **state)
{
	(void)state;
	assert_code(&(struct ask){ .nai = "a@example.com" }, 0);
	assert_code(&(struct ask){ .nai = "b@example.com" }, 0);
	assert_code(&(struct ask){ .nai = "c@example.com" }, MIP_CODE_NO_RESOURCES); /* pool */
	assert_code(&(struct ask){ .nai = "c@example.com", .home = "10.42.0.50" }, 0);
	assert_code(&(struct ask){ .nai = "d@example.com", .home = "10.42.0.51" }, 0);
	assert_code(&(struct ask){ .nai = "e@example.com", .home = "10.42.0.52" }, MIP_CODE_NO_RESOURCES); /* table */
	assert_code(&(struct ask){ .nai = "f@example.com", .home = "10.42.0.50" }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .nai = "a@example.com", .home = "10.42.0.60", .sequence = 1 },
		    MIP_CODE_ADMIN_PROHIBITED); /* G-14 */
}

/* L-09: one address whatever the technology, unless more are wanted. */
static void access_technologies(void **state)
{
	struct got wired = ask(&(struct ask){ .tech = 1 }), wireless = ask(&(struct ask){ .tech = 2 });

	(void)state;
	assert_int_equal(wired.m.home.s_addr, wireless.m.home.s_addr);
	conf.max_addresses_per_nai = 2;
	restart();
	wired = ask(&(struct ask){ .tech = 1 });
	wireless = ask(&(struct ask){ .tech = 2 });
	assert_int_not_equal(wired.m.home.s_addr, wireless.m.home.s_addr);
	assert_code(&(struct ask){ .tech = 3 }, MIP_CODE_TOO_MANY_BINDINGS);
}

static void fixed_addresses_are_their_owners(void **state)
{
	struct got got = ask(&(struct ask){ .nai = "fixed@example.com" });

	(void)state;
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.10").s_addr);
	assert_code(&(struct ask){ .nai = "a@example.com", .home = "10.42.0.10" }, MIP_CODE_ADMIN_PROHIBITED);
}

static void deregistration_ends_it(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	struct got got = ask(&(struct ask){ .deregister = true, .home = "10.42.0.11", .sequence = 1 });

	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.lifetime_s, 0);
	assert_non_null(find_action(ACTION_BINDING_DEL));
	/* Not by an agent that does not hold it. */
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1", .deregister = true });
	assert_null(find_action(ACTION_BINDING_DEL));
}

/* the same address again, also long after. */
static void expiry_frees_the_binding_not_the_address(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	pass_ms(301000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	assert_non_null(find_action(ACTION_BINDING_DEL));
	assert_int_equal(counter("expired"), 1);
	(void)ask(&(struct ask){ .nai = "b@example.com" });
	struct got got = ask(&(struct ask){ 0 });

	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr);
}

static void lifetimes_are_capped(void **state)
{
	struct got got = ask(&(struct ask){ .lifetime_s = MIP_LIFETIME_INFINITE });

	(void)state;
	assert_int_equal(got.m.lifetime_s, 600);
	conf.max_lifetime_s = MIP_LIFETIME_INFINITE;
	got = ask(&(struct ask){ .lifetime_s = MIP_LIFETIME_INFINITE, .sequence = 1 });
	assert_int_equal(got.m.lifetime_s, MIP_LIFETIME_INFINITE);
	assert_int_equal(ha_due(ha), NEVER);
}

/* RFC 5265 */
static void trusted_subnets(void **state)
{
	(void)state;
	conf.trusted_subnets = trusted;
	conf.trusted_subnet_n = 1;
	struct got got = ask(&(struct ask){ 0 });

	assert_true(got.x.tnc_at != 0);
	assert_false(ask(&(struct ask){ .care_of = "192.0.2.1" }).replied);
	assert_int_equal(counter("untrusted_source"), 1);
}

static void kick_tells_the_agent(void **state)
{
	(void)state;
	assert_int_equal(ha_kick(ha, now, "alice@example.com", &out), -ENOENT);
	(void)ask(&(struct ask){ 0 });
	actions_clear(&out);
	assert_int_equal(ha_kick(ha, now, "alice@EXAMPLE.com", &out), 0);
	assert_non_null(find_action(ACTION_BINDING_DEL));
	assert_int_not_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
}

/* An agent gives its station up by itself (RFC 3543 3.3). */
static void agents_may_revoke(void **state)
{
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));
	struct mip_revocation m = {
		.home = ip("10.42.0.11"), .home_domain = ip("10.0.0.1"), .foreign_domain = ip("10.0.1.1"), .id = 77
	};
	struct sa sa = sa_with(SPI, MAC_HMAC_SHA_256);
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.1.1"), .remote_port = MIP_PORT
	};

	(void)state;
	(void)ask(&(struct ask){ 0 });
	for (int fresh = 0; fresh < 2; fresh++) {
		m.id = 77 + (uint32_t)fresh; /* 77 is the registration's own: a replay */
		w = wr_init(msg, sizeof(msg));
		mip_revocation_build(&w, &m);
		assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
		d.payload = (struct span){ msg, wr_len(&w) };
		actions_clear(&out);
		ha_on_datagram(ha, now, &d, &out);
		assert_int_equal(find_action(ACTION_BINDING_DEL) != NULL, fresh);
		assert_int_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK) != SIZE_MAX, fresh);
	}
}

static void garbage_is_counted_and_not_answered(void **state)
{
	static const char *const bad[] = { "", "01", "03", "07", "0f", "63", "0122070800000000" };
	uint8_t msg[64];
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.1.1"), .remote_port = MIP_PORT
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		d.payload = (struct span){ msg, unhex(bad[i], msg, sizeof(msg)) };
		ha_on_datagram(ha, now, &d, &out);
	}
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("malformed"), 5);
	assert_int_equal(counter("unknown_type"), 1);
	assert_int_equal(counter("replies_unexpected"), 1);
}

/* RFC 5944 4.6: a home network on a real link. */
static void real_home_links_are_claimed(void **state)
{
	static const char question[] = "ffffffffffff02000000000808060001080006040001"
				       "0200000000080a2b00070000000000000a2b0005";
	uint8_t frame[64];
	size_t n = unhex(question, frame, sizeof(frame)), announcements = 0;

	(void)state;
	ha_on_home_frame(ha, now, 7, (struct span){ frame, n }, &out);
	assert_int_equal(out.n, 0); /* it is at home: it answers itself */
	(void)ask(&(struct ask){ .nai = "lab@example.com" });
	assert_octets(find_action(ACTION_SEND_FRAME)->octets.p, 42,
		      "ffffffffffff02000000000908060001080006040001"
		      "0200000000090a2b00050000000000000a2b0005");
	for (int i = 0; i < 5; i++) {
		pass_ms(1000);
		actions_clear(&out);
		ha_on_time(ha, now, &out);
		announcements += find_action(ACTION_SEND_FRAME) != NULL;
	}
	assert_int_equal(announcements, 2); /* with the first one, three */
	actions_clear(&out);
	ha_on_home_frame(ha, now, 7, (struct span){ frame, n }, &out);
	assert_octets(find_action(ACTION_SEND_FRAME)->octets.p, 42,
		      "02000000000802000000000908060001080006040002"
		      "0200000000090a2b00050200000000080a2b0007");
	actions_clear(&out);
	ha_on_home_frame(ha, now, 8, (struct span){ frame, n }, &out); /* another link */
	assert_int_equal(out.n, 0);
}

static size_t packet(uint8_t *ret, size_t room, const char *from, const char *to, uint16_t fragment, size_t payload)
{
	struct wr w = wr_init(ret, room);
	const struct ip4 h = {
		.ttl = 1, .protocol = IPPROTO_UDP, .source = ip(from), .destination = ip(to), .fragment = fragment
	};
	uint8_t *at;

	ip4_build(&w, &h, payload);
	at = wr_skip(&w, payload);
	memset(at, 0, payload);
	return wr_len(&w);
}

/* L-43, L-44: to the others, not back; wrapped so that it is clear whose copy it is. */
static void broadcasts_are_copied(void **state)
{
	uint8_t p[64];
	struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };
	struct ip4 wrap;

	(void)state;
	conf.forward_broadcast = true;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .nai = "b@example.com", .care_of = "10.0.2.1" });
	actions_clear(&out);
	t.inner = (struct span){ p, packet(p, sizeof(p), "10.42.0.11", "224.0.0.251", 0, 8) };
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.v[0].type, ACTION_SEND_TUNNELLED);
	assert_int_equal(out.v[0].tunnel.remote.s_addr, ip("10.0.2.1").s_addr);
	assert_int_equal(ip4_parse(out.v[0].octets.p, out.v[0].octets.n, &wrap), 0);
	assert_int_equal(wrap.protocol, IPPROTO_IPIP);
	assert_int_equal(wrap.destination.s_addr, ip("10.42.0.12").s_addr);
	assert_int_equal(wrap.payload.n, 28);
	t.tunnel.remote = ip("10.0.3.1"); /* not its tunnel (RFC 3024 4.1) */
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("tunnel_spoofs"), 1);
}

static void senders_hear_what_is_wrong(void **state)
{
	uint8_t p[1500];
	struct ip4 h;
	struct icmp4 m;

	(void)state;
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.9.0.2", "10.42.0.99", 0, 8) }, 0, &out);
	assert_int_equal(ip4_parse(find_action(ACTION_SEND_OWN)->octets.p, find_action(ACTION_SEND_OWN)->octets.n, &h),
			 0);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.type, ICMP4_UNREACHABLE);
	assert_int_equal(m.code, ICMP4_HOST_UNREACHABLE);
	assert_int_equal(h.source.s_addr, ip("10.42.0.1").s_addr);
	(void)ask(&(struct ask){ 0 });
	actions_clear(&out);
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.9.0.2", "10.42.0.11", IP4_DF, 1400) }, 1400,
		     &out);
	assert_int_equal(ip4_parse(out.v[0].octets.p, out.v[0].octets.n, &h), 0);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.code, ICMP4_FRAGMENTATION_NEEDED);
	assert_int_equal(m.rest, 1380);
	actions_clear(&out);
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.9.0.2", "10.42.0.11", 0, 1400) }, 1400, &out);
	assert_int_equal(out.v[0].type, ACTION_SEND_TUNNELLED); /* in pieces */
}

static void keepalives_are_answered_inside_a_tunnel_in_use(void **state)
{
	uint8_t msg[64] = { MIP_TYPE_TUNNEL_DATA, IPPROTO_IPIP };
	struct wr w = wr_init(msg + 4, sizeof(msg) - 4);
	const struct ip4 h = { .ttl = 64, .source = ip("10.0.1.1"), .destination = ip("10.0.0.1") };
	const struct icmp4 echo = { .type = ICMP4_ECHO };
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("192.0.2.9"), .remote_port = 40000
	};

	(void)state;
	icmp4_build(&w, &h, &echo);
	d.payload = (struct span){ msg, 4 + wr_len(&w) };
	ha_on_datagram(ha, now, &d, &out);
	assert_null(find_action(ACTION_SEND_TUNNELLED));
	(void)ask(&(struct ask){ .udp = true, .source = "192.0.2.9", .port = 40000 });
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
	assert_int_equal(find_action(ACTION_SEND_TUNNELLED)->tunnel.remote_port, 40000);
	assert_int_equal(counter("keepalives_answered"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_request_gets_an_address_and_a_tunnel),
		TEST(refresh_extends_the_lifetime),
		TEST(a_new_agent_takes_over),
		TEST(revocation_is_repeated_until_acknowledged),
		TEST(revocation_ends_with_the_old_lifetime),
		TEST(coming_back_cancels_the_revocation),
		TEST(revocation_follows_its_policy),
		TEST(stale_numbers_are_refused),
		TEST(late_first_requests_do_not_steal),
		TEST(identification_is_checked),
		TEST(duplicates_are_answered_again),
		TEST(nonces_resynchronise),
		TEST(wrong_authenticators_are_refused),
		TEST(associations_of_every_scope_work),
		TEST(foreign_agents_are_checked),
		TEST(policy_codes),
		TEST(clients_of_their_own_are_served),
		TEST(tunnels_through_nat),
		TEST(resources_run_out_politely),
		TEST(access_technologies),
		TEST(fixed_addresses_are_their_owners),
		TEST(deregistration_ends_it),
		TEST(expiry_frees_the_binding_not_the_address),
		TEST(lifetimes_are_capped),
		TEST(trusted_subnets),
		TEST(kick_tells_the_agent),
		TEST(agents_may_revoke),
		TEST(garbage_is_counted_and_not_answered),
		TEST(real_home_links_are_claimed),
		TEST(broadcasts_are_copied),
		TEST(senders_hear_what_is_wrong),
		TEST(keepalives_are_answered_inside_a_tunnel_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
