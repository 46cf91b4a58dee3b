/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bindings of the home agent: made, moved, revoked, ended. */
#include "tests/unit/roles/ha_fixture.h"

/* L-14, L-23, L-60 */
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

/* G-05 */
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

static const struct dp_binding *bound_now(void)
{
	const struct action *a = find_action(ACTION_BINDING_SET);

	assert_non_null(a);
	return &a->binding;
}

/* ADR 11: what is under way at a move still arrives. */
static void a_move_leaves_the_former_tunnel_open_for_a_moment(void **state)
{
	uint64_t at_us;

	(void)state;
	(void)ask(&(struct ask){ 0 });
	assert_true(bound_now()->former_until_us == 0);
	at_us = now.us;
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_int_equal(bound_now()->tunnel.remote.s_addr, ip("10.0.2.1").s_addr);
	assert_int_equal(bound_now()->former.encap, ENCAP_IPIP);
	assert_int_equal(bound_now()->former.local.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(bound_now()->former.remote.s_addr, ip("10.0.1.1").s_addr);
	assert_true(bound_now()->former_until_us == at_us + 500 * US_PER_MS);
	pass_ms(100);
	at_us = now.us;
	(void)ask(&(struct ask){ .care_of = "10.0.3.1" }); /* one former tunnel at most: the last */
	assert_int_equal(bound_now()->former.remote.s_addr, ip("10.0.2.1").s_addr);
	assert_true(bound_now()->former_until_us == at_us + 500 * US_PER_MS);
}

static void the_former_tunnel_outlives_neither_its_lifetime_nor_its_binding(void **state)
{
	uint64_t first_us = now.us;

	(void)state;
	(void)ask(&(struct ask){ 0 });
	pass_ms(299800);
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_true(bound_now()->former_until_us == first_us + 300 * US_PER_S);
	assert_int_equal(ha_kick(ha, now, "alice@example.com", &out), 0);
	(void)ask(&(struct ask){ .care_of = "10.0.3.1" });
	assert_true(bound_now()->former_until_us == 0);
	pass_ms(300000);
	ha_on_time(ha, now, &out); /* it expires */
	(void)ask(&(struct ask){ 0 });
	assert_true(bound_now()->former_until_us == 0);
	(void)ask(&(struct ask){ .deregister = true, .home = "10.42.0.11", .sequence = 1 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_true(bound_now()->former_until_us == 0);
}

static void without_grace_the_former_tunnel_ends_at_once(void **state)
{
	(void)state;
	conf.grace_ms = 0;
	restart();
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	assert_true(bound_now()->former_until_us < now.us);
}

static bool passes_from(const char *agent)
{
	static const uint8_t inner[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0x66, 0x92, 10, 42, 0, 11, 10, 9, 0, 2 };
	const struct tunnelled t = { .tunnel = { .local = ip("10.0.0.1"), .remote = ip(agent) },
				     .inner = { inner, sizeof(inner) } };

	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	return find_action(ACTION_SEND_PACKET) != NULL;
}

/* RFC 3024 4.1: the packets left to the daemon, fragments for one, are judged as in the kernel. */
static void the_slow_path_knows_the_former_tunnel_too(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .care_of = "10.0.2.1" });
	pass_ms(498); /* and one that ask() takes */
	assert_true(passes_from("10.0.2.1"));
	assert_true(passes_from("10.0.1.1"));
	assert_false(passes_from("10.0.3.1"));
	pass_ms(1);
	assert_true(passes_from("10.0.2.1"));
	assert_false(passes_from("10.0.1.1"));
	assert_int_equal(counter("tunnel_spoofs"), 2);
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
		TEST(deregistration_ends_it),
		TEST(expiry_frees_the_binding_not_the_address),
		TEST(lifetimes_are_capped),
		TEST(kick_tells_the_agent),
		TEST(a_move_leaves_the_former_tunnel_open_for_a_moment),
		TEST(the_former_tunnel_outlives_neither_its_lifetime_nor_its_binding),
		TEST(without_grace_the_former_tunnel_ends_at_once),
		TEST(the_slow_path_knows_the_former_tunnel_too),
		TEST(agents_may_revoke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
