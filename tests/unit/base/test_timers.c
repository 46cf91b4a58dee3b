/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/timers.h"
#include "tests/unit/test.h"

enum { MANY = 500 };

static void pops_in_order_of_due_time(void **state)
{
	struct timers ts = { 0 };
	struct timer t[3] = { 0 };

	(void)state;
	assert_true(timers_due(&ts) == NEVER);
	assert_int_equal(timers_set(&ts, &t[0], 30), 0);
	assert_int_equal(timers_set(&ts, &t[1], 10), 0);
	assert_int_equal(timers_set(&ts, &t[2], 20), 0);
	assert_int_equal(timers_due(&ts), 10);
	assert_null(timers_pop(&ts, 9));
	assert_ptr_equal(timers_pop(&ts, 25), &t[1]);
	assert_ptr_equal(timers_pop(&ts, 25), &t[2]);
	assert_null(timers_pop(&ts, 25));
	assert_int_equal(t[1].slot, 0); /* idle again */
	assert_ptr_equal(timers_pop(&ts, NEVER), &t[0]);
	assert_null(timers_pop(&ts, NEVER)); /* empty, at the end of time */
	timers_done(&ts);
}

static void moves_and_cancels(void **state)
{
	struct timers ts = { 0 };
	struct timer a = { 0 }, b = { 0 };

	(void)state;
	timers_cancel(&ts, &a); /* idle: nothing happens */
	assert_int_equal(timers_set(&ts, &a, 10), 0);
	assert_int_equal(timers_set(&ts, &b, 20), 0);
	assert_int_equal(timers_set(&ts, &a, 30), 0);
	assert_int_equal(timers_due(&ts), 20);
	assert_int_equal(timers_set(&ts, &b, NEVER), 0);
	assert_int_equal(b.slot, 0);
	assert_int_equal(timers_due(&ts), 30);
	timers_cancel(&ts, &a);
	assert_true(timers_due(&ts) == NEVER);
	timers_done(&ts);
}

/* Random sets, moves and cancels against a plain search for the least. */
static void agrees_with_linear_search(void **state)
{
	static struct timer t[MANY];
	struct timers ts = { 0 };
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20 * MANY; round++) {
		struct timer *one = &t[(unsigned)rand_r(&seed) % MANY];
		uint64_t least = NEVER;

		if (rand_r(&seed) % 4 == 0)
			timers_cancel(&ts, one);
		else
			assert_int_equal(timers_set(&ts, one, (uint64_t)rand_r(&seed) % 1000), 0);
		for (size_t i = 0; i < MANY; i++)
			if (t[i].slot > 0 && t[i].due_us < least)
				least = t[i].due_us;
		assert_true(timers_due(&ts) == least);
	}
	for (uint64_t last = 0; ts.n > 0;) {
		const struct timer *one = timers_pop(&ts, NEVER);

		assert_true(one->due_us >= last);
		last = one->due_us;
	}
	timers_done(&ts);
}

static void reserve_makes_room(void **state)
{
	struct timers ts = { 0 };

	(void)state;
	assert_int_equal(timers_reserve(&ts, 1000), 0);
	assert_true(ts.cap >= 1000);
	timers_done(&ts);
	assert_null(ts.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pops_in_order_of_due_time),
		cmocka_unit_test(moves_and_cancels),
		cmocka_unit_test(agrees_with_linear_search),
		cmocka_unit_test(reserve_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
