/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/timeline.h"
#include "tests/unit/test.h"

static void add(struct timeline *t, const char *nai, json_int_t n)
{
	json_t *record = json_integer(n);

	timeline_add(t, nai, record);
	json_decref(record);
}

/* Numbers of @nai's records, first and last, and how many. */
static void assert_records(const struct timeline *t, const char *nai, json_int_t first, json_int_t last)
{
	json_t *all = timeline_get(t, nai);

	assert_int_equal(json_array_size(all), last - first + 1);
	for (size_t i = 0; i < json_array_size(all); i++)
		assert_int_equal(json_integer_value(json_array_get(all, i)), first + (json_int_t)i);
	json_decref(all);
}

static void keeps_users_apart_and_in_order(void **state)
{
	struct timeline *t = NULL;

	(void)state;
	assert_int_equal(timeline_new(&t), 0);
	assert_null(timeline_get(t, "alice"));
	add(t, "alice", 1);
	add(t, "bob", 10);
	add(t, "alice", 2);
	add(t, "alice", 3);
	assert_records(t, "alice", 1, 3);
	assert_records(t, "bob", 10, 10);
	timeline_freep(&t);
	assert_null(t);
}

static void forgets_the_oldest_record(void **state)
{
	struct timeline *t = NULL;

	(void)state;
	assert_int_equal(timeline_new(&t), 0);
	for (json_int_t i = 1; i <= TIMELINE_RECORDS + 7; i++)
		add(t, "alice", i);
	assert_records(t, "alice", 8, TIMELINE_RECORDS + 7);
	timeline_freep(&t);
}

static void forgets_who_was_silent_for_longest(void **state)
{
	struct timeline *t = NULL;
	char nai[32];

	(void)state;
	assert_int_equal(timeline_new(&t), 0);
	for (int i = 0; i < TIMELINE_USERS; i++) {
		(void)snprintf(nai, sizeof(nai), "user%d", i);
		add(t, nai, i);
	}
	add(t, "user0", 1);
	add(t, "new", 1);
	assert_records(t, "user0", 0, 1);
	assert_records(t, "new", 1, 1);
	assert_null(timeline_get(t, "user1"));
	assert_records(t, "user2", 2, 2);
	timeline_freep(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_users_apart_and_in_order),
		cmocka_unit_test(forgets_the_oldest_record),
		cmocka_unit_test(forgets_who_was_silent_for_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
