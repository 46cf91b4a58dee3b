/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/binding.h"
#include "core/prefix.h"
#include "tests/unit/test.h"

static void found_by_address_name_and_network(void **state)
{
	struct binding_table *t = NULL;
	struct binding *a, *b, *c;

	(void)state;
	assert_int_equal(binding_table_new(4, 2, &t), 0);
	assert_int_equal(binding_add(t, 0, ip("10.42.0.10"), text("alice"), &a), 0);
	assert_int_equal(binding_add(t, 1, ip("10.43.0.10"), text("alice"), &b), 0);
	assert_int_equal(binding_add(t, 0, ip("10.42.0.11"), text("bob"), &c), 0);
	assert_int_equal(binding_add(t, 0, ip("10.42.0.10"), text("eve"), &c), -EEXIST);
	assert_int_equal(binding_count(t), 3);
	assert_ptr_equal(binding_find(t, ip("10.43.0.10")), b);
	assert_null(binding_find(t, ip("10.42.0.99")));
	assert_ptr_equal(binding_find_nai(t, text("bob")), c); /* L-47 */
	assert_ptr_equal(binding_find_nai(t, text("alice"))->sibling, binding_find_nai(t, text("alice")) == a ? b : a);
	assert_ptr_equal(binding_first(t, 0), a);
	assert_ptr_equal(a->next, c);
	assert_ptr_equal(binding_first(t, 1), b);
	assert_null(binding_first(t, 2));
	binding_remove(t, a);
	assert_ptr_equal(binding_find_nai(t, text("alice")), b);
	assert_null(b->sibling);
	assert_ptr_equal(binding_first(t, 0), c);
	binding_remove(t, b);
	assert_null(binding_find_nai(t, text("alice")));
	binding_table_freep(&t);
	assert_null(t);
}

/* Who wants no broadcasts is not walked for each. */
static void who_wants_broadcasts_is_first(void **state)
{
	static const uint32_t wanted[] = { 0, 5, 7, 2, 5, 0 }; /* bit i: the i-th binding wants them */
	struct binding_table *t = NULL;
	struct binding *b[3];

	(void)state;
	assert_int_equal(binding_table_new(3, 1, &t), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(binding_add(t, 0, (struct in_addr){ htonl(0x0a2a000a + i) }, text("a"), &b[i]), 0);
	for (size_t step = 0; step < ARRAY_SIZE(wanted); step++) {
		uint32_t found = 0, all = 0;
		bool others = false;

		for (uint32_t i = 0; i < 3; i++)
			binding_want_broadcasts(t, b[i], wanted[step] >> i & 1);
		for (const struct binding *at = binding_first(t, 0); at; at = at->next) {
			uint32_t bit = UINT32_C(1) << (ntohl(at->home.s_addr) - 0x0a2a000a);

			assert_false(others && at->broadcast);
			others |= !at->broadcast;
			found |= at->broadcast ? bit : 0;
			all |= bit;
		}
		assert_int_equal(found, wanted[step]);
		assert_int_equal(all, 7);
	}
	binding_table_freep(&t);
}

/* An index is a counter slot: unique, found, and not used again at once by somebody else. */
static void indexes_are_unique_and_rest(void **state)
{
	struct binding_table *t = NULL;
	struct binding *b;
	uint32_t first;

	(void)state;
	assert_int_equal(binding_table_new(3, 1, &t), 0);
	assert_int_equal(binding_add(t, 0, ip("10.42.0.10"), text("a"), &b), 0);
	first = b->index;
	assert_ptr_equal(binding_by_index(t, first), b);
	binding_remove(t, b);
	assert_null(binding_by_index(t, first));
	assert_null(binding_by_index(t, 3));
	for (uint32_t host = 11; host < 14; host++) {
		assert_int_equal(binding_add(t, 0, (struct in_addr){ htonl(0x0a2a0000 + host) }, text("b"), &b), 0);
		assert_int_equal(b->index == first, host == 13); /* last of all */
	}
	assert_int_equal(binding_add(t, 0, ip("10.42.0.99"), text("c"), &b), -ENOSPC);
	assert_null(binding_find_nai(t, text("c")));
	binding_table_freep(&t);
}

static void prefixes(void **state)
{
	const struct prefix p = { ip("10.42.0.0"), 23 }, all = { ip("0.0.0.0"), 0 }, one = { ip("10.0.0.1"), 32 };
	const struct prefix list[] = { p, one };

	(void)state;
	assert_true(prefix_contains(&p, ip("10.42.1.255")));
	assert_false(prefix_contains(&p, ip("10.42.2.0")));
	assert_true(prefix_contains(&all, ip("203.0.113.7")));
	assert_true(prefix_contains(&one, ip("10.0.0.1")));
	assert_false(prefix_contains(&one, ip("10.0.0.2")));
	assert_int_equal(prefix_broadcast(&p).s_addr, ip("10.42.1.255").s_addr);
	assert_int_equal(prefix_broadcast(&one).s_addr, ip("10.0.0.1").s_addr);
	assert_true(prefixes_contain(list, 2, ip("10.0.0.1")));
	assert_false(prefixes_contain(list, 2, ip("10.0.0.3")));
	assert_false(prefixes_contain(list, 0, ip("10.0.0.1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_address_name_and_network),
		cmocka_unit_test(who_wants_broadcasts_is_first),
		cmocka_unit_test(indexes_are_unique_and_rest),
		cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
