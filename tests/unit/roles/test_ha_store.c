/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home agent that is restarted with what it stored: nobody notices. */
#include "tests/unit/roles/ha_fixture.h"

enum { RECORDS_MAX = 8 };

/* What a store would have. */
static struct {
	uint8_t key[256], value[256];
	size_t key_n, value_n;
} records[RECORDS_MAX];
static size_t record_n, restored;

static size_t record_of(struct span key)
{
	for (size_t i = 0; i < record_n; i++)
		if (records[i].key_n == key.n && memcmp(records[i].key, key.p, key.n) == 0)
			return i;
	return record_n;
}

/* Performs what was asked for. */
static void keep(void)
{
	for (size_t i = 0; i < out.n; i++) {
		const struct action *a = &out.v[i];
		size_t at = record_of(a->key);

		if (a->type == ACTION_STORE_PUT) {
			assert_true(at < RECORDS_MAX);
			memcpy(records[at].key, a->key.p, a->key.n);
			memcpy(records[at].value, a->octets.p, a->octets.n);
			records[at].key_n = a->key.n;
			records[at].value_n = a->octets.n;
			record_n = at == record_n ? at + 1 : record_n;
		} else if (a->type == ACTION_STORE_DEL && at < record_n) {
			records[at] = records[--record_n];
		}
	}
}

static struct got ask_and_keep(const struct ask *a)
{
	struct got got = ask(a);

	keep();
	return got;
}

/* As the daemon does it; actions of both halves stay in `out`. */
static void resume(void)
{
	size_t n = record_n;
	uint64_t ntp = now.ntp;

	restart();
	now.ntp = ntp; /* the other clock begins anew, as after a reboot */
	actions_clear(&out);
	restored = 0;
	for (int half = 0; half < 2; half++)
		for (size_t i = 0; i < n; i++) {
			struct span key = { records[i].key, records[i].key_n };
			struct span value = { records[i].value, records[i].value_n };

			restored += ha_restore(ha, now, key, value, half == 0, &out);
		}
	ha_restored(ha);
}

static int clean(void **state)
{
	record_n = 0;
	return setup(state);
}

static struct ha_binding_view seen;

static void look_at(void *ctx, const struct ha_binding_view *v)
{
	(*(size_t *)ctx)++;
	seen = *v;
}

static size_t bindings(void)
{
	size_t n = 0;

	ha_each_binding(ha, look_at, &n);
	return n;
}

static void a_binding_goes_on(void **state)
{
	struct got got;

	(void)state;
	(void)ask_and_keep(&(struct ask){ .nai = "b@example.com", .care_of = "10.0.2.1" }); /* .11 and slot 0 */
	(void)ask_and_keep(&(struct ask){ 0 });
	(void)ask_and_keep(&(struct ask){ .home = "10.42.0.12", .sequence = 1 });
	pass_ms(100000);
	resume();
	assert_int_equal(restored, 2);
	assert_int_equal(bindings(), 2);
	assert_non_null(find_action(ACTION_BINDING_SET)); /* the machine may have been restarted, too */
	assert_code(&(struct ask){ .nai = "c@example.com" }, MIP_CODE_NO_RESOURCES); /* both are in use */
	got = ask_and_keep(&(struct ask){ .care_of = "10.0.3.1" }); /* moved meanwhile, and asks for any address */
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.12").s_addr);
	assert_int_equal(got.x.sequence, 3); /* 2 was issued last (L-49) */
	assert_int_not_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.index, 1); /* counters go on */
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.former.remote.s_addr, ip("10.0.1.1").s_addr);
}

static struct tunnel tunnel_of(const struct ask *a)
{
	record_n = 0;
	(void)ask_and_keep(a);
	resume();
	assert_int_equal(restored, 1);
	return find_action(ACTION_BINDING_SET)->binding.tunnel;
}

/* Keys, ports that are still to come, and whether copies are wrapped. */
static void tunnels_of_every_kind_come_back(void **state)
{
	struct tunnel t;

	(void)state;
	conf.gre = conf.minimal = true;
	t = tunnel_of(&(struct ask){ .gre = true, .gre_key = 0xaabbccdd });
	assert_int_equal(t.encap, ENCAP_GRE);
	assert_int_equal(t.out_key, 0xaabbccdd);
	assert_int_not_equal(t.in_key, 0);
	assert_int_equal(tunnel_of(&(struct ask){ .flags_on = MIP_REQ_M }).encap, ENCAP_MINIMAL);
	t = tunnel_of(&(struct ask){ .udp = true, .udp_via_fa = true, .source = "192.0.2.9", .port = 40000 });
	assert_int_equal(t.encap, ENCAP_UDP);
	assert_int_equal(t.remote_port, 0);
	t = tunnel_of(&(struct ask){ .udp = true, .source = "192.0.2.9", .port = 40000 });
	assert_int_equal(t.remote_port, 40000);
}

/* RFC 5944 5.7: what was accepted before is not accepted again. */
static void replays_are_still_replays(void **state)
{
	(void)state;
	(void)ask_and_keep(&(struct ask){ 0 });
	resume();
	assert_code(&(struct ask){ .care_of = "10.0.2.1", .id = last_id }, MIP_CODE_ID_MISMATCH);
	assert_code(&(struct ask){ .care_of = "10.0.2.1", .id = last_id - 1 }, MIP_CODE_ID_MISMATCH);
}

/* Lifetimes run on while nobody is there. */
static void lifetimes_run_on(void **state)
{
	(void)state;
	(void)ask_and_keep(&(struct ask){ 0 });
	pass_ms(290000);
	resume();
	assert_int_equal(bindings(), 1);
	assert_in_range(seen.expires_us - now.us, 9 * US_PER_S, 10 * US_PER_S);
	assert_in_range(now.us - seen.since_us, 290 * US_PER_S, 291 * US_PER_S);
	pass_ms(11000);
	resume();
	assert_int_equal(bindings(), 0);
	assert_int_equal(find_action(ACTION_BINDING_DEL)->binding.tunnel.remote.s_addr, ip("10.0.1.1").s_addr);
	keep();
	resume();
	assert_null(find_action(ACTION_BINDING_DEL)); /* done */
	assert_int_equal(ask(&(struct ask){ .nai = "b@example.com" }).m.home.s_addr, ip("10.42.0.12").s_addr);
	assert_int_equal(ask(&(struct ask){ 0 }).m.home.s_addr, ip("10.42.0.11").s_addr);
}

/* The wall clock is set back, or passes the end of its era: nothing ends early, nothing lasts for ever. */
static void clocks_may_jump(void **state)
{
	(void)state;
	now.ntp = UINT64_MAX - (UINT64_C(100) << 32);
	(void)ask_and_keep(&(struct ask){ 0 });
	pass_ms(200000);
	resume();
	assert_int_equal(bindings(), 1);
	assert_in_range(seen.expires_us - now.us, 99 * US_PER_S, 100 * US_PER_S);
	now.ntp -= UINT64_C(100000) << 32;
	resume();
	assert_int_equal(bindings(), 1);
	assert_true(seen.expires_us - now.us == 600 * US_PER_S);
}

/* the address stays its user's, over any number of restarts. */
static void addresses_stick(void **state)
{
	struct got got;

	(void)state;
	(void)ask_and_keep(&(struct ask){ 0 });
	(void)ask_and_keep(&(struct ask){ .deregister = true, .home = "10.42.0.11", .sequence = 1 });
	resume();
	assert_int_equal(bindings(), 0);
	resume();
	assert_int_equal(restored, 1);
	got = ask(&(struct ask){ .nai = "b@example.com" });
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.12").s_addr);
	got = ask(&(struct ask){ 0 });
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr);
}

static void reservations_end(void **state)
{
	(void)state;
	conf.sticky_s = 1000;
	restart();
	(void)ask_and_keep(&(struct ask){ 0 });
	(void)ask_and_keep(&(struct ask){ .deregister = true, .home = "10.42.0.11", .sequence = 1 });
	pass_ms(1001000);
	resume();
	assert_int_equal(restored, 0);
	assert_non_null(find_action(ACTION_STORE_DEL));
}

/* What the configuration does not allow any more is taken out of the kernel and the store. */
static void policy_wins(void **state)
{
	(void)state;
	(void)ask_and_keep(&(struct ask){ 0 });
	conf.address = ip("10.0.0.9");
	resume();
	assert_int_equal(bindings(), 0);
	assert_non_null(find_action(ACTION_BINDING_DEL));
	conf.address = ip("10.0.0.1");
	conf.user_n = 0;
	resume();
	assert_int_equal(restored, 0);
	assert_non_null(find_action(ACTION_BINDING_DEL));
	assert_non_null(find_action(ACTION_STORE_DEL));
}

static void damaged_records_are_dropped(void **state)
{
	uint8_t whole[256];
	size_t n;

	(void)state;
	(void)ask_and_keep(&(struct ask){ 0 });
	n = records[0].value_n;
	memcpy(whole, records[0].value, n);
	for (size_t cut = 0; cut < n; cut++) {
		records[0].value_n = cut;
		resume();
		assert_int_equal(restored, 0);
		assert_int_equal(bindings(), 0);
	}
	for (size_t i = 0; i < n; i++) {
		records[0].value_n = n;
		memcpy(records[0].value, whole, n);
		records[0].value[i] ^= 0xff;
		resume(); /* whatever it says now: no harm */
		pass_ms(700000);
		ha_on_time(ha, now, &out);
		assert_int_equal(bindings() <= 1, 1);
	}
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, clean, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_binding_goes_on),
		TEST(tunnels_of_every_kind_come_back),
		TEST(replays_are_still_replays),
		TEST(lifetimes_run_on),
		TEST(clocks_may_jump),
		TEST(addresses_stick),
		TEST(reservations_end),
		TEST(policy_wins),
		TEST(damaged_records_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
