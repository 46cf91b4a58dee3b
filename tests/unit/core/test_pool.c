/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/pool.h"
#include "tests/unit/test.h"

enum { STICKY_S = 100, CAP = 16 };

static struct address_range ranges[2];
static struct prefix prefix;
static struct pool *p;
static struct in_addr got;

static int setup(void **state)
{
	(void)state;
	prefix = (struct prefix){ ip("10.42.0.0"), 24 };
	ranges[0] = (struct address_range){ ip("10.42.0.0"), ip("10.42.0.3") }; /* .0 and the gateway are not for use */
	ranges[1] = (struct address_range){ ip("10.42.0.10"), ip("10.42.0.10") };
	return pool_new(&prefix, ip("10.42.0.1"), ranges, 2, STICKY_S, CAP, &p);
}

static int teardown(void **state)
{
	(void)state;
	pool_freep(&p);
	return 0;
}

static int ask_at(const char *nai, const char *want, uint64_t now_s)
{
	const struct lease_key key = { .nai = text(nai) };

	return pool_acquire(p, &key, ip(want), now_s * US_PER_S, &got);
}

static int ask(const char *nai, const char *want)
{
	return ask_at(nai, want, 0);
}

static void release(const char *address, uint64_t now_s)
{
	pool_release(p, ip(address), now_s * US_PER_S);
}

#define assert_got(address) assert_int_equal(got.s_addr, ip(address).s_addr)

static void gives_what_there_is(void **state)
{
	(void)state;
	assert_int_equal(ask("a", "0.0.0.0"), 0);
	assert_got("10.42.0.2");
	assert_int_equal(ask("b", "0.0.0.0"), 0);
	assert_got("10.42.0.3");
	assert_int_equal(ask("c", "0.0.0.0"), 0);
	assert_got("10.42.0.10");
	assert_int_equal(ask("d", "0.0.0.0"), -ENOSPC);
	assert_int_equal(ask("b", "0.0.0.0"), 0); /* again: the same */
	assert_got("10.42.0.3");
}

/* L-35: a station may have got its address at home, from somebody else. */
static void takes_wishes_inside_of_the_prefix(void **state)
{
	static const char *const bad[] = { "10.42.0.0", "10.42.0.1", "10.42.0.255", "10.43.0.5" };

	(void)state;
	assert_int_equal(ask("a", "10.42.0.200"), 0);
	assert_got("10.42.0.200");
	assert_int_equal(ask("b", "10.42.0.200"), -EADDRINUSE);
	assert_int_equal(ask("a", "10.42.0.201"), -EADDRINUSE); /* one at a time */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ask("b", bad[i]), -EADDRNOTAVAIL);
}

/* the same name gets the same address again, also when others came meanwhile. */
static void addresses_stick(void **state)
{
	(void)state;
	assert_int_equal(ask("a", "0.0.0.0"), 0);
	release("10.42.0.2", 0);
	assert_int_equal(ask("b", "0.0.0.0"), 0);
	assert_got("10.42.0.3");
	assert_int_equal(ask("b2", "10.42.0.2"), -EADDRINUSE);
	assert_int_equal(ask("a", "0.0.0.0"), 0);
	assert_got("10.42.0.2");
}

static void stickiness_ends(void **state)
{
	(void)state;
	assert_int_equal(ask("a", "0.0.0.0"), 0);
	assert_int_equal(ask("b", "0.0.0.0"), 0);
	assert_int_equal(ask("c", "0.0.0.0"), 0);
	release("10.42.0.3", 10);
	release("10.42.0.2", 20);
	assert_int_equal(ask_at("d", "0.0.0.0", 10 + STICKY_S - 1), -ENOSPC);
	assert_int_equal(ask_at("d", "0.0.0.0", 10 + STICKY_S), 0); /* free for longest first */
	assert_got("10.42.0.3");
	assert_int_equal(ask_at("e", "10.42.0.2", 20 + STICKY_S), 0);
	assert_int_equal(pool_holder(p, ip("10.42.0.2")).n, 1);
}

/* L-37: who gives out the others decides who is next. */
static void addresses_of_others_are_not_kept(void **state)
{
	(void)state;
	assert_int_equal(ask("a", "10.42.0.77"), 0);
	assert_int_equal(ask("b", "10.42.0.77"), -EADDRINUSE);
	release("10.42.0.77", 0);
	assert_int_equal(ask("b", "10.42.0.77"), 0);
}

static void who_asks_for_another_gives_the_old_one_up(void **state)
{
	(void)state;
	assert_int_equal(ask("a", "0.0.0.0"), 0);
	release("10.42.0.2", 0);
	assert_int_equal(ask("a", "10.42.0.77"), 0);
	assert_int_equal(pool_holder(p, ip("10.42.0.2")).n, 0);
	assert_int_equal(ask("b", "10.42.0.2"), 0);
}

static void reservations_are_for_ever(void **state)
{
	const struct lease_key key = { .nai = text("boss") };

	(void)state;
	assert_int_equal(pool_reserve(p, &key, ip("10.42.0.2")), 0);
	assert_int_equal(pool_reserve(p, &key, ip("10.42.0.3")), -EADDRINUSE);
	assert_int_equal(pool_reserve(p, &key, ip("10.42.0.1")), -EADDRNOTAVAIL);
	assert_int_equal(ask("a", "0.0.0.0"), 0);
	assert_got("10.42.0.3");
	assert_int_equal(ask("boss", "0.0.0.0"), 0);
	assert_got("10.42.0.2");
	release("10.42.0.2", 0);
	assert_int_equal(ask_at("b", "10.42.0.2", 1000000), -EADDRINUSE);
	assert_int_equal(ask_at("boss", "10.42.0.99", 1000000), -EADDRINUSE);
}

/* RFC 5563 4.1: two devices of one user on two technologies. */
static void technologies_are_apart(void **state)
{
	struct lease_key key = { .nai = text("a"), .access_tech = 1 };
	struct in_addr first;

	(void)state;
	assert_int_equal(pool_acquire(p, &key, ip("0.0.0.0"), 0, &first), 0);
	key.access_tech = 2;
	assert_int_equal(pool_acquire(p, &key, ip("0.0.0.0"), 0, &got), 0);
	assert_int_not_equal(first.s_addr, got.s_addr);
}

/* Memory is bounded: at the cap a kept reservation goes before a living lease is refused. */
static void leases_have_a_cap(void **state)
{
	char nai[8], want[16];

	(void)state;
	for (int i = 0; i < CAP; i++) {
		(void)snprintf(nai, sizeof(nai), "n%d", i);
		(void)snprintf(want, sizeof(want), "10.42.0.%d", 100 + i);
		assert_int_equal(ask(nai, want), 0);
	}
	assert_int_equal(ask("late", "10.42.0.50"), -ENOSPC);
	release("10.42.0.105", 0);
	assert_int_equal(ask("late", "10.42.0.50"), 0);
	assert_int_equal(pool_holder(p, ip("10.42.0.105")).n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_what_there_is),
		TEST(takes_wishes_inside_of_the_prefix),
		TEST(addresses_stick),
		TEST(stickiness_ends),
		TEST(addresses_of_others_are_not_kept),
		TEST(who_asks_for_another_gives_the_old_one_up),
		TEST(reservations_are_for_ever),
		TEST(technologies_are_apart),
		TEST(leases_have_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
