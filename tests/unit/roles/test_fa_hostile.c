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

/* Whoever has the home agent's address, and knows what is asked as it asks itself: replies without a lifetime are not signed
 * for us. */
static void nobody_deregisters_another(void **state)
{
	(void)state;
	visit();
	ask(&(struct asked){ .deregister = true, .mac = 0x66, .id = 66 });
	answer(&(struct answered){ .id = 66, .unproven = true });
	assert_null(find(ACTION_VISITOR_DEL));
	ask(&(struct asked){ .deregister = true, .id = 67 });
	answer(&(struct answered){ .id = 67, .unproven = true });
	assert_non_null(find(ACTION_VISITOR_DEL));
}

/* Places are for interfaces, whatever they say of tunnels, home addresses and home agents. */
static void one_mac_has_one_place(void **state)
{
	(void)state;
	associations[0].scope = FA_SCOPE_MN;
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77" });
	answer(&(struct answered){ .unproven = true });
	assert_int_equal(told().m.code, 0);
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .home = "10.42.0.21", .id = 8 });
	assert_int_equal(told().m.code, 65);
}

/* A table full of requests from everywhere does not end the visits of those who are here. */
static void a_crowd_does_not_push_out(void **state)
{
	(void)state;
	conf.max_visitors = 20;
	restart();
	visit();
	for (uint32_t i = 0; i < conf.max_pending; i++)
		ask(&(struct asked){
			.home = "10.42.0.66", .home_agent = "10.0.0.66", .mac = (uint8_t)(0x60 + i), .id = 100 + i });
	ask(&(struct asked){ .home = "10.42.0.67", .mac = 0x50, .id = 200 });
	assert_int_equal(told().m.code, 66);
	ask(&(struct asked){ .id = 9 });
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	answer(&(struct answered){ .id = 9 });
	assert_int_equal(told().m.code, 0);
}

/* What lies behind the authenticator is not known to the home agent, and what lies before it is not for us. */
static void extensions_have_their_places(void **state)
{
	(void)state;
	ask(&(struct asked){ .nai_behind = "victim@example.com" });
	answer(&(struct answered){ 0 }); /* no name in it, none missed */
	assert_int_equal(told().m.code, 0);
	ask(&(struct asked){ .home = "0.0.0.0", .nai_behind = "victim@example.com", .id = 8 });
	pass_s(1);
	ask(&(struct asked){ .home = "0.0.0.0", .nai_behind = "victim@example.com", .id = 8 });
	assert_int_equal(told().m.code, 96);
	ask(&(struct asked){ .delivery_before = true, .id = 9 });
	answer(&(struct answered){ .id = 9 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.delivery, DELIVERY_DIRECT);
}

/* D: our care-of address is not the mobile node's own. */
static void our_address_is_ours(void **state)
{
	(void)state;
	ask(&(struct asked){ .flags = MIP_REQ_D });
	assert_int_equal(told().m.code, 77);
}

/* A tunnel that comes by the link: no home agent sits there. */
static void tunnels_come_from_home(void **state)
{
	uint8_t packet[28];
	struct wr w = wr_init(packet, sizeof(packet));
	struct tunnelled t = { .tunnel = { .local = conf.care_of, .remote = ip("10.0.0.1") } };

	(void)state;
	visit();
	ip4_build(
		&w,
		&(struct ip4){
			.ttl = 9, .protocol = IPPROTO_UDP, .source = ip("10.9.0.2"), .destination = ip("10.42.0.20") },
		8);
	memset(wr_skip(&w, 8), 0, 8);
	t.inner = (struct span){ packet, wr_len(&w) };
	t.ifindex = LINK;
	actions_clear(&out);
	fa_on_tunnelled(fa, &t, &out);
	assert_int_equal(out.n, 0);
	t.ifindex = LINK + 1;
	fa_on_tunnelled(fa, &t, &out);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p, 6, "020000000001");
}

/* RFC 5944 3.7.1: private addresses of two home networks are no one's alone. */
static void equal_home_addresses(void **state)
{
	const char *agents[] = { "10.0.0.1", "10.0.0.2" };
	uint8_t packet[28];
	struct wr w = wr_init(packet, sizeof(packet));
	const struct ip4 h = {
		.ttl = 9, .protocol = IPPROTO_UDP, .source = ip("10.9.0.2"), .destination = ip("10.42.0.20")
	};
	struct tunnelled t = { .tunnel = { .local = conf.care_of } };

	(void)state;
	visit();
	ask(&(struct asked){ .home_agent = agents[1], .mac = 2, .id = 8 });
	answer(&(struct answered){ .from = agents[1], .home_agent = agents[1], .id = 8 });
	assert_non_null(find(ACTION_VISITOR_SET));
	assert_null(find(ACTION_VISITOR_DEL));
	ip4_build(&w, &h, 8);
	memset(wr_skip(&w, 8), 0, 8);
	t.inner = (struct span){ packet, wr_len(&w) };
	for (uint8_t i = 0; i < 2; i++) {
		t.tunnel.remote = ip(agents[i]);
		actions_clear(&out);
		fa_on_tunnelled(fa, &t, &out);
		assert_int_equal(find(ACTION_SEND_FRAME)->octets.p[5], i + 1);
	}
	ask(&(struct asked){ .deregister = true, .home_agent = agents[1], .mac = 2, .id = 9 });
	answer(&(struct answered){ .from = agents[1], .home_agent = agents[1], .id = 9 });
	assert_int_equal(find(ACTION_VISITOR_DEL)->visitor.mac[5], 2);
}

/* Anybody can run a home agent, and show somebody's MAC before that one comes. */
static void places_are_not_squatted(void **state)
{
	(void)state;
	ask(&(struct asked){ .home = "10.66.0.1", .home_agent = "10.0.0.66", .id = 66 });
	answer(&(struct answered){ .home = "10.66.0.1", .from = "10.0.0.66", .home_agent = "10.0.0.66", .id = 66 });
	assert_non_null(find(ACTION_VISITOR_SET));
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .unproven = true });
	assert_null(find(ACTION_VISITOR_DEL));
	pass_s(1);
	visit();
	assert_int_equal(find(ACTION_VISITOR_DEL)->visitor.home.s_addr, ip("10.66.0.1").s_addr);
	pass_s(1);
	ask(&(struct asked){ .home = "10.66.0.1", .home_agent = "10.0.0.66", .id = 67 });
	assert_int_equal(told().m.code, 65);
}

static void only_home_agents_we_know(void **state)
{
	(void)state;
	conf.ha_authentication = true;
	ask(&(struct asked){ .home_agent = "10.0.0.66" });
	assert_int_equal(told().m.code, 65);
	visit();
}

/* A host and a home agent of its own do not fill the log: all are counted, few are told. */
static void bad_replies_are_told_now_and_then(void **state)
{
	size_t said = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		ask(&(struct asked){ .id = 100 + i });
		answer(&(struct answered){ .id = 100 + i, .unproven = true });
		for (size_t k = 0; k < out.n; k++)
			said += out.v[k].type == ACTION_RECORD && strcmp(out.v[k].record.event, "reply_refused") == 0;
	}
	assert_int_equal(counter("replies_unauthenticated"), 100);
	assert_in_range(said, 1, 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_copied),
		TEST(replies_go_by_home_agent),
		TEST(home_agents_are_not_on_the_link),
		TEST(a_mac_is_taken),
		TEST(no_room_after_all),
		TEST(malformed_replies),
		TEST(nobody_deregisters_another),
		TEST(one_mac_has_one_place),
		TEST(a_crowd_does_not_push_out),
		TEST(extensions_have_their_places),
		TEST(our_address_is_ours),
		TEST(tunnels_come_from_home),
		TEST(only_home_agents_we_know),
		TEST(equal_home_addresses),
		TEST(places_are_not_squatted),
		TEST(bad_replies_are_told_now_and_then),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
