/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/name.h"
#include "tests/unit/test.h"

static void finds_exact_names_only(void **state)
{
	static const char *const names[] = { "one", "two", "three" };

	(void)state;
	assert_int_equal(name_find(names, ARRAY_SIZE(names), "one"), 0);
	assert_int_equal(name_find(names, ARRAY_SIZE(names), "three"), 2);
	assert_int_equal(name_find(names, ARRAY_SIZE(names), "tw"), -EINVAL);
	assert_int_equal(name_find(names, ARRAY_SIZE(names), "Two"), -EINVAL);
	assert_int_equal(name_find(names, ARRAY_SIZE(names), ""), -EINVAL);
	assert_int_equal(name_find(names, 0, "one"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds_exact_names_only) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
