/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home agent that was restarted: what the kernel still has belongs to somebody. */
#include "tests/unit/roles/ha_fixture.h"

static void hold(const char *home, const char *care_of)
{
	const struct dp_binding there = { .home = ip(home),
					  .tunnel = { .local = ip("10.0.0.1"), .remote = ip(care_of) } };

	assert_int_equal(ha_hold(ha, now, &there), 0);
}

static void who_is_served_keeps_the_address(void **state)
{
	struct got got;

	(void)state;
	hold("10.42.0.11", "10.0.1.1");
	got = ask(&(struct ask){ .nai = "b@example.com" });
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.12").s_addr); /* not the first one, which is in use */
	assert_code(&(struct ask){ .nai = "c@example.com", .home = "10.42.0.11", .care_of = "10.0.2.1" },
		    MIP_CODE_ADMIN_PROHIBITED);
	assert_null(find_action(ACTION_BINDING_SET));
	assert_null(find_action(ACTION_BINDING_DEL));
	got = ask(&(struct ask){ .home = "10.42.0.11", .sequence = 5 }); /* its agent's refresh */
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.home.s_addr, ip("10.42.0.11").s_addr);
	got = ask(&(struct ask){ .home = "10.42.0.11", .care_of = "10.0.2.1" }); /* known again: it may move */
	assert_int_equal(got.m.code, 0);
}

static void what_nobody_asks_for_ends(void **state)
{
	(void)state;
	hold("10.42.0.11", "10.0.1.1");
	pass_ms(599999);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	assert_null(find_action(ACTION_BINDING_DEL));
	assert_true(ha_due(ha) == now.us + US_PER_MS);
	pass_ms(1);
	ha_on_time(ha, now, &out);
	assert_int_equal(find_action(ACTION_BINDING_DEL)->binding.home.s_addr, ip("10.42.0.11").s_addr);
	assert_int_equal(find_action(ACTION_BINDING_DEL)->binding.tunnel.remote.s_addr, ip("10.0.1.1").s_addr);
	assert_true(ha_due(ha) == NEVER);
	assert_code(&(struct ask){ .home = "10.42.0.11", .care_of = "10.0.2.1" }, 0);
}

static void who_claimed_it_is_not_ended(void **state)
{
	(void)state;
	hold("10.42.0.11", "10.0.1.1");
	pass_ms(400000);
	assert_code(&(struct ask){ .home = "10.42.0.11" }, 0);
	pass_ms(250000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	assert_null(find_action(ACTION_BINDING_DEL));
}

/* Whose a configured address is, and what is none of ours, nobody has to remember. */
static void known_and_foreign_addresses(void **state)
{
	const struct dp_binding foreign = { .home = ip("172.16.0.1") };

	(void)state;
	hold("10.42.0.10", "10.0.1.1"); /* a configured address: its user only gets it, but the entry may be dead */
	assert_true(ha_due(ha) == now.us + 600 * US_PER_S);
	assert_int_equal(ha_hold(ha, now, &foreign), -EADDRNOTAVAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_served_keeps_the_address),
		TEST(what_nobody_asks_for_ends),
		TEST(who_claimed_it_is_not_ended),
		TEST(known_and_foreign_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
