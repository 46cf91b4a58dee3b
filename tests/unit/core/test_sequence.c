/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/sequence.h"
#include "tests/unit/test.h"

/* L-48: zero, or at least the entry's; X-04: serial arithmetic, and the current agent may lag. */
static void acceptable(void **state)
{
	static const struct {
		uint32_t entry, request;
		bool from_current, want;
	} rows[] = {
		{ 0, 0, false, true },
		{ 0, 7, false, true },
		{ 7, 0, false, true },
		{ 7, 6, false, false },
		{ 7, 7, false, true },
		{ 7, 8, false, true },
		{ 7, 6, true, true },
		{ 0xffffffff, 1, false, true }, /* wrapped */
		{ 1, 0xffffffff, false, false },
		{ 0x80000000, 1, false, false },
		{ 1, 0x80000000, false, true },
		{ 1, 0x80000001, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (sequence_acceptable(rows[i].entry, rows[i].request, rows[i].from_current) != rows[i].want)
			fail_msg("row %zu", i);
}

/* L-14, L-49: max + 1; X-04: 0 is never issued. */
static void next(void **state)
{
	(void)state;
	assert_int_equal(sequence_next(0, 0), 1);
	assert_int_equal(sequence_next(7, 0), 8);
	assert_int_equal(sequence_next(7, 6), 8);
	assert_int_equal(sequence_next(7, 9), 10);
	assert_int_equal(sequence_next(0, 9), 10); /* after a restart the agent's number is adopted (G-06) */
	assert_int_equal(sequence_next(0, 0xfffffff0), 0xfffffff1);
	assert_int_equal(sequence_next(0xffffffff, 0), 1);
	assert_int_equal(sequence_next(0xffffffff, 1), 2);
	assert_int_equal(sequence_next(0xfffffffe, 0xffffffff), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(acceptable), cmocka_unit_test(next) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
