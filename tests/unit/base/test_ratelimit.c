/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/ratelimit.h"
#include "tests/unit/test.h"

static unsigned allowed(struct ratelimit *l, uint64_t now_us, unsigned tries)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += ratelimit_allow(l, now_us);
	return n;
}

static void burst_then_rate(void **state)
{
	struct ratelimit l = ratelimit_init(10);

	(void)state;
	assert_int_equal(allowed(&l, 5 * US_PER_S, 50), 10);
	assert_int_equal(l.suppressed, 40);
	assert_int_equal(allowed(&l, 5 * US_PER_S + 99 * US_PER_MS, 5), 0);
	assert_int_equal(allowed(&l, 5 * US_PER_S + 100 * US_PER_MS, 5), 1);
	assert_int_equal(allowed(&l, 60 * US_PER_S, 50), 10); /* idle time buys one burst, not many */
}

static void steady_second(void **state)
{
	struct ratelimit l = ratelimit_init(100);
	unsigned n = 0;

	(void)state;
	(void)allowed(&l, US_PER_S, 100);
	for (uint64_t ms = 1; ms <= 1000; ms++)
		n += allowed(&l, US_PER_S + ms * US_PER_MS, 3);
	assert_int_equal(n, 100);
}

static void zero_rate_and_clock_going_back(void **state)
{
	struct ratelimit none = ratelimit_init(0), one = ratelimit_init(1);

	(void)state;
	assert_int_equal(allowed(&none, US_PER_S, 3), 0);
	assert_int_equal(allowed(&one, 10 * US_PER_S, 2), 1);
	assert_int_equal(allowed(&one, 9 * US_PER_S, 2), 0); /* no credit out of nowhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_then_rate),
		cmocka_unit_test(steady_second),
		cmocka_unit_test(zero_rate_and_clock_going_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
