/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The foreign agent (L-02) among hosts of its link, and home agents, that want what is not theirs. */
#include "base/util.h"
#include "tests/unit/roles/fa_rig.h"

/* A host of the link sends what it heard of another as its own, while that is under way and afterwards, whole or with
 * the half of the identification that replies are told apart by. */
static void a_request_is_copied(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	ask(&(struct asked){ .mac = 0x66 });
	assert_null(find(ACTION_SEND_DATAGRAM));
	ask(&(struct asked){ .mac = 0x66, .home = "10.42.0.66" });
	assert_null(find(ACTION_SEND_DATAGRAM));
	answer(&(struct answered){ 0 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.mac[5], 1);
	answer(&(struct answered){ 0 });
	assert_null(find(ACTION_SEND_FRAME));
	ask(&(struct asked){ .mac = 0x66 });
	assert_null(find(ACTION_SEND_DATAGRAM));
	ask(&(struct asked){ .mac = 0x66, .home = "0.0.0.0", .nai = "a@example.com" });
	assert_null(find(ACTION_SEND_DATAGRAM));
	assert_int_equal(counter("copied"), 4);
	ask(&(struct asked){ 0 }); /* its own retransmission is none */
	assert_non_null(find(ACTION_SEND_DATAGRAM));
}

/* A request of the same number to another home agent does not take the reply away. */
static void replies_go_by_home_agent(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	ask(&(struct asked){ .mac = 0x66, .home_agent = "10.0.0.66" });
	answer(&(struct answered){ 0 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.mac[5], 1);
}

/* A host of the link takes itself for a home agent: replies, and revocations. */
static void home_agents_are_not_on_the_link(void **state)
{
	(void)state;
	associations[0].scope = FA_SCOPE_MN; /* nothing shared with the home agent */
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .ifindex = LINK });
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("from_access"), 1);
	answer(&(struct answered){ .ifindex = LINK + 1 });
	assert_non_null(find(ACTION_VISITOR_SET));
}

/* MACs are not proven: who shows a visitor's does not put it out, neither with a request nor with a late reply. */
static void a_mac_is_taken(void **state)
{
	(void)state;
	ask(&(struct asked){ .home = "10.42.0.66", .nai = "m@example.com", .id = 66 }); /* before it is here */
	ask(&(struct asked){ .nai = "a@example.com" });
	answer(&(struct answered){ .nai = "a@example.com" });
	assert_non_null(find(ACTION_VISITOR_SET));
	answer(&(struct answered){ .home = "10.42.0.66", .nai = "m@example.com", .id = 66 });
	assert_null(find(ACTION_VISITOR_DEL));
	assert_null(find(ACTION_VISITOR_SET));
	assert_int_equal(told().m.code, 65);
	pass_s(1);
	ask(&(struct asked){ .home = "10.42.0.66", .nai = "m@example.com", .id = 67 });
	assert_int_equal(told().m.code, 65);
	pass_s(1);
	ask(&(struct asked){ .home_agent = "10.0.0.66", .nai = "a@example.com", .id = 69 }); /* anybody's home agent */
	assert_int_equal(told().m.code, 65);
	ask(&(struct asked){ .home = "10.42.0.21", .nai = "a@example.com", .id = 68 }); /* its own user may */
	answer(&(struct answered){ .home = "10.42.0.21", .nai = "a@example.com", .id = 68 });
	assert_int_equal(find(ACTION_VISITOR_DEL)->visitor.home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.home.s_addr, ip("10.42.0.21").s_addr);
	assert_int_equal(counter("displaced"), 1);
}

/* The last place was taken while the home agent was asked: nobody is told that it is served, and is not. */
static void no_room_after_all(void **state)
{
	(void)state;
	conf.max_visitors = 1;
	restart();
	ask(&(struct asked){ 0 });
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	answer(&(struct answered){ 0 });
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8 });
	assert_null(find(ACTION_VISITOR_SET));
	assert_int_equal(told().m.code, 66);
}

/* What a home agent may not say: an address of ours, a group, a vendor's word to us. */
static void malformed_replies(void **state)
{
	static const struct answered rows[] = { { .home = "192.0.2.1", .nai = "a@example.com" },
						{ .home = "224.0.0.1", .nai = "a@example.com" },
						{ .home = "10.42.0.9", .nai = "a@example.com", .vendor = true } };
	static const uint8_t codes[] = { 71, 71, 101 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pass_s(1);
		ask(&(struct asked){ .home = "0.0.0.0", .nai = "a@example.com" });
		answer(&rows[i]);
		assert_null(find(ACTION_VISITOR_SET));
		assert_int_equal(told().m.code, codes[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_copied), TEST(replies_go_by_home_agent), TEST(home_agents_are_not_on_the_link),
		TEST(a_mac_is_taken),      TEST(no_room_after_all),        TEST(malformed_replies),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
