/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent judges requests: every reply code it can give is reached here. */
#include "tests/unit/roles/ha_fixture.h"

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

/* L-02: a foreign agent on the way: 132 when it cannot prove itself. */
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
	assert_code(&(struct ask){ .cvse_behind = true }, MIP_CODE_FA_CVSE_UNSUPPORTED);
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

/* L-09, L-47: one address whatever the technology, unless more are wanted. */
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

/* Each interface's own request is known again, also where one agent has registered both. */
static void duplicates_of_several_addresses(void **state)
{
	(void)state;
	conf.max_addresses_per_nai = 2;
	restart();
	for (uint8_t i = 1; i <= 3; i++) { /* the first one is renewed at last */
		const struct ask a = { .tech = i == 2 ? 2 : 1, .id = now.ntp + i, .sequence = i == 3 };
		struct got first = ask(&a), again = ask(&a);

		assert_int_equal(first.m.code, MIP_CODE_ACCEPTED);
		assert_int_equal(again.m.code, MIP_CODE_ACCEPTED);
		assert_int_equal(again.m.home.s_addr, first.m.home.s_addr);
		assert_null(find_action(ACTION_BINDING_SET));
	}
}

/* Its time is over, and nobody has noticed yet. */
static void a_duplicate_prolongs_nothing(void **state)
{
	const struct ask a = { .id = now.ntp + 1 };

	(void)state;
	assert_int_equal(ask(&a).m.lifetime_s, 300);
	now.us += 301 * US_PER_S;
	assert_int_equal(ask(&a).m.lifetime_s, 0);
}

static void fixed_addresses_are_their_owners(void **state)
{
	struct got got = ask(&(struct ask){ .nai = "fixed@example.com" });

	(void)state;
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.10").s_addr);
	assert_code(&(struct ask){ .nai = "a@example.com", .home = "10.42.0.10" }, MIP_CODE_ADMIN_PROHIBITED);
}

/* RFC 5265, B-51 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(resources_run_out_politely),
		TEST(access_technologies),
		TEST(duplicates_of_several_addresses),
		TEST(a_duplicate_prolongs_nothing),
		TEST(fixed_addresses_are_their_owners),
		TEST(trusted_subnets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
