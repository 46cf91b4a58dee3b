/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Simultaneous bindings (RFC 5944 3.8.2, S bit): several care-of addresses that all get what is sent to a home address. */
#include "codec/ip4.h"
#include "tests/unit/roles/ha_fixture.h"

#define CLIENT .nai = "client@example.com", .no_sequence = true
#define S .flags_on = MIP_REQ_S

static int setup_simultaneous(void **state)
{
	int r = setup(state);

	conf.simultaneous = 3;
	return r;
}

static const struct dp_binding *bound(void)
{
	const struct action *a = find_action(ACTION_BINDING_SET);

	assert_non_null(a);
	return &a->binding;
}

/* The tunnels of the binding that was set, the latest first: "x.y" of 10.0.x.y each. */
static void assert_ways(const char *ways)
{
	const struct dp_binding *b = bound();
	char text[64];
	int n = snprintf(text, sizeof(text), "%u", ntohl(b->tunnel.remote.s_addr) >> 8 & 0xff);

	for (size_t i = b->copy_n; i > 0; i--)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %u",
			      ntohl(b->copies[i - 1].remote.s_addr) >> 8 & 0xff);
	assert_string_equal(text, ways);
}

static size_t revocations(void)
{
	size_t n = 0;

	for (size_t i = 0; i < out.n; i++)
		n += out.v[i].type == ACTION_SEND_DATAGRAM && out.v[i].octets.p[0] == MIP_TYPE_REVOCATION;
	return n;
}

static void time_passes(uint64_t ms)
{
	pass_ms(ms);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
}

static void who_asks_is_at_several_places(void **state)
{
	struct got got;

	(void)state;
	assert_code(&(struct ask){ CLIENT, S }, MIP_CODE_ACCEPTED);
	assert_ways("1");
	got = ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1" });
	assert_int_equal(got.m.code, MIP_CODE_ACCEPTED);
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr);
	assert_ways("2 1");
	assert_int_equal(revocations(), 0);
	assert_int_equal(bound()->former_until_us, 0);
	assert_code(&(struct ask){ CLIENT, S, .care_of = "10.0.3.1" }, MIP_CODE_ACCEPTED);
	assert_ways("3 2 1");
	assert_code(&(struct ask){ CLIENT, S, .care_of = "10.0.4.1" }, MIP_CODE_TOO_MANY_BINDINGS);
	assert_null(find_action(ACTION_BINDING_SET));
	assert_code(&(struct ask){ CLIENT, S, .care_of = "10.0.1.1" }, MIP_CODE_ACCEPTED); /* one of them again */
	assert_ways("1 3 2");
	assert_code(&(struct ask){ CLIENT, S, .care_of = "10.0.1.1" }, MIP_CODE_ACCEPTED);
	assert_null(find_action(ACTION_BINDING_SET)); /* a refresh */
}

/* Without S there is one place, and the agents of the others hear it. */
static void who_does_not_ask_is_at_one(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ CLIENT, S });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1" });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.3.1" });
	assert_code(&(struct ask){ CLIENT, .care_of = "10.0.2.1" }, MIP_CODE_ACCEPTED);
	assert_ways("2");
	assert_int_equal(revocations(), 2);
	conf.simultaneous = 1;
	assert_code(&(struct ask){ CLIENT, S, .care_of = "10.0.5.1" }, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_ways("5");
}

static void each_has_its_lifetime(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ CLIENT, S, .lifetime_s = 100 });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1", .lifetime_s = 300 });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.3.1", .lifetime_s = 200 });
	time_passes(99000);
	assert_int_equal(out.n, 0);
	time_passes(2000);
	assert_ways("3 2");
	time_passes(100000); /* the latest ends before an earlier one */
	assert_ways("2");
	assert_null(find_action(ACTION_BINDING_DEL));
	time_passes(100000);
	assert_int_equal(find_action(ACTION_BINDING_DEL)->binding.tunnel.remote.s_addr, ip("10.0.2.1").s_addr);
	assert_int_equal(counter("expired"), 3);
	assert_int_equal(ha_due(ha), NEVER);
}

/* RFC 5944 3.8.2.2: one care-of address, or all of them. */
static void each_may_leave(void **state)
{
	struct got got;

	(void)state;
	(void)ask(&(struct ask){ CLIENT, S });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1" });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.3.1" });
	assert_code(&(struct ask){ CLIENT, .deregister = true, .care_of = "10.0.2.1" }, MIP_CODE_ACCEPTED);
	assert_ways("3 1");
	got = ask(&(struct ask){ CLIENT, .deregister = true, .care_of = "10.0.3.1" });
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr);
	assert_ways("1");
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.3.1" });
	assert_code(&(struct ask){ CLIENT, .deregister = true, .home = "10.42.0.11", .care_of = "10.42.0.11",
				   .source = "10.42.0.11" },
		    MIP_CODE_ACCEPTED);
	assert_non_null(find_action(ACTION_BINDING_DEL));
}

static void agents_may_revoke_theirs(void **state)
{
	uint8_t msg[256];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct mip_revocation m = {
		.home = ip("10.42.0.11"), .home_domain = ip("10.0.0.1"), .foreign_domain = ip("10.0.1.1"), .id = 78
	};
	struct sa sa = sa_with(SPI, MAC_HMAC_SHA_256);
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.2.1"), .remote_port = MIP_PORT
	};

	(void)state;
	(void)ask(&(struct ask){ CLIENT, S });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1" });
	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out); /* not that agent's to revoke */
	assert_int_equal(counter("revocations_ignored"), 1);
	d.remote = ip("10.0.1.1");
	ha_on_datagram(ha, now, &d, &out);
	assert_ways("2");
	assert_int_not_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK), SIZE_MAX);
}

static void all_are_told_when_the_user_is_thrown_out(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ CLIENT, S });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1" });
	actions_clear(&out);
	assert_int_equal(ha_kick(ha, now, "client@example.com", &out), 0);
	assert_int_equal(revocations(), 2);
}

/* RFC 3024 4.1: by any of them. RFC 5944 4.3: broadcasts to all of them, each as its D says. */
static void packets_come_and_go_by_all(void **state)
{
	uint8_t p[64];
	struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.0.1") } };
	struct wr w = wr_init(p, sizeof(p));
	struct ip4 h = { .ttl = 9, .protocol = IPPROTO_UDP, .source = ip("10.42.0.11"), .destination = ip("10.9.0.2") };

	(void)state;
	conf.forward_broadcast = true;
	nodes[0].addr = ip("10.0.9.0"); /* nothing is shared with the foreign agent at 10.0.1.1 */
	(void)ask(&(struct ask){ CLIENT, .flags_on = MIP_REQ_S | MIP_REQ_B, .flags_off = MIP_REQ_D });
	(void)ask(&(struct ask){ CLIENT, .flags_on = MIP_REQ_S | MIP_REQ_B, .care_of = "10.0.2.1" });
	ip4_build(&w, &h, 8);
	memset(wr_skip(&w, 8), 0, 8);
	t.inner = (struct span){ p, wr_len(&w) };
	for (int i = 1; i <= 3; i++) {
		actions_clear(&out);
		t.tunnel.remote.s_addr = htonl(UINT32_C(0x0a000001) | (uint32_t)i << 8);
		ha_on_tunnelled(ha, now, &t, &out);
		assert_int_equal(find_action(ACTION_SEND_PACKET) != NULL, i < 3);
	}
	(void)ask(&(struct ask){ .nai = "alice@example.com", .care_of = "10.0.4.1" });
	w = wr_init(p, sizeof(p));
	h.source = ip("10.42.0.12");
	h.destination = ip("255.255.255.255");
	ip4_build(&w, &h, 8);
	(void)wr_skip(&w, 8);
	t.tunnel.remote = ip("10.0.4.1");
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 2);
	for (size_t i = 0; i < 2; i++) {
		bool direct = out.v[i].tunnel.remote.s_addr == ip("10.0.2.1").s_addr;

		assert_int_equal(out.v[i].octets.n, direct ? 28 : 48);
	}
}

/* Nothing can be sent where no port is known: that is no place to keep. */
static void half_bound_places_are_not_kept(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ CLIENT, S, .udp = true, .udp_via_fa = true, .source = "192.0.2.9", .port = 40000 });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1" });
	assert_ways("2");
}

static uint8_t key[256], value[512];
static size_t key_n, value_n;

/* As a store does: the last one counts. */
static void keep(void)
{
	for (size_t i = 0; i < out.n; i++) {
		if (out.v[i].type != ACTION_STORE_PUT)
			continue;
		key_n = out.v[i].key.n;
		value_n = out.v[i].octets.n;
		memcpy(key, out.v[i].key.p, key_n);
		memcpy(value, out.v[i].octets.p, value_n);
	}
}

static void a_restart_changes_nothing(void **state)
{
	struct instant before;

	(void)state;
	(void)ask(&(struct ask){ CLIENT, S, .lifetime_s = 100 });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.2.1", .lifetime_s = 300 });
	(void)ask(&(struct ask){ CLIENT, S, .care_of = "10.0.3.1", .lifetime_s = 600 });
	keep();
	before = now;
	restart();
	now = before;
	pass_ms(50000);
	actions_clear(&out);
	assert_true(ha_restore(ha, now, (struct span){ key, key_n }, (struct span){ value, value_n }, true, &out));
	ha_restored(ha);
	assert_ways("3 2 1");
	time_passes(51000);
	assert_ways("3 2");
	conf.simultaneous = 1; /* the operator thinks otherwise by now */
	restart();
	now = before;
	actions_clear(&out);
	assert_true(ha_restore(ha, now, (struct span){ key, key_n }, (struct span){ value, value_n }, true, &out));
	assert_ways("3");
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_simultaneous, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_asks_is_at_several_places), TEST(who_does_not_ask_is_at_one),
		TEST(each_has_its_lifetime),         TEST(each_may_leave),
		TEST(agents_may_revoke_theirs),      TEST(all_are_told_when_the_user_is_thrown_out),
		TEST(packets_come_and_go_by_all),    TEST(half_bound_places_are_not_kept),
		TEST(a_restart_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
