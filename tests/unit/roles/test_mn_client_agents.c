/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode and foreign agents: used where it is proven that the link is inside, and nowhere else. */
#include "client_rig.h"

#include "codec/agent_adv.h"

enum { OFFERS = AGENT_ADV_F | AGENT_ADV_T };

static const uint8_t agent_mac[6] = { 2, 0xfa, 0, 0, 0, 1 };

static void assert_mode_f(void)
{
	struct mn_view v;

	assert_string_equal(client_mode(), "f");
	assert_int_equal(client_path.how, PATH_NEIGHBOUR);
	assert_int_equal(client_path.ifindex, ETH);
	assert_memory_equal(client_path.mac, agent_mac, 6);
	mn_describe(rig.mn, &v);
	assert_int_equal(v.care_of.s_addr, ip(AGENT_CARE_OF).s_addr);
}

static void accept_by_agent(void)
{
	const struct caught c = client_caught_frame(ETH);

	client_answer(&c, &(struct answer_spec){ 0 });
}

/* On ETH, proven, and with an agent. */
static void visiting(void)
{
	client_attach(ETH, OFFICE);
	client_advertise(ETH, OFFERS, 300);
	client_pass_ms(100);
	client_accept(ETH);
	accept_by_agent();
	assert_mode_f();
}

/* B-12, B-20: an agent on a network that is not known to be inside is not used, in no state, whatever it offers. */
static void test_agent_outside_is_never_used(void **state)
{
	struct caught c;

	(void)state;
	client_advertise(WLAN, OFFERS, 1);
	client_attach(WLAN, CAFE);
	c = client_caught(WLAN);
	client_advertise(WLAN, OFFERS | AGENT_ADV_R, 2);
	assert_false(client_caught_frame(WLAN).here);
	client_answer(&c, &(struct answer_spec){ .unsigned_ = true });
	client_answer(&c, &(struct answer_spec){ .wrong_key = true });
	client_advertise(WLAN, OFFERS, 3);
	assert_false(client_caught_frame(WLAN).here);
	client_pass_ms(400);
	assert_false(client_caught_frame(WLAN).here);
	client_vpn_up(1, "gw1", TIA);
	client_accept(VPN);
	for (uint16_t i = 4; i < 30; i++) {
		client_advertise(WLAN, OFFERS, i);
		assert_false(client_caught_frame(WLAN).here);
		client_pass_ms(10000);
		assert_false(client_caught_frame(WLAN).here);
	}
	assert_string_equal(client_mode(), "mc");
}

/* An agent is no proof of anything for another link, either. */
static void test_agent_of_another_link(void **state)
{
	(void)state;
	client_inside();
	client_attach(WLAN, CAFE);
	client_advertise(WLAN, OFFERS, 1);
	client_pass_ms(1000);
	assert_false(client_caught_frame(WLAN).here);
	assert_false(client_caught_frame(ETH).here);
	assert_string_equal(client_mode(), "c");
}

/* B-15, B-20: mode c first, then a request of its own through the agent. RFC 3024 3.2: TTL 255; RFC 5944 3.3: D clear. */
static void test_agent_inside(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	client_advertise(ETH, OFFERS, 1);
	assert_false(client_caught_frame(ETH).here);
	client_pass_ms(100);
	client_accept(ETH);
	assert_string_equal(client_mode(), "c");
	c = client_caught_frame(ETH);
	assert_true(c.here);
	assert_memory_equal(rig_find(ACTION_SEND_FRAME)->octets.p, agent_mac, 6);
	assert_int_equal(c.ttl, 255);
	assert_int_equal(c.from.s_addr, ip(HOME).s_addr);
	assert_int_equal(c.to.s_addr, ip(AGENT).s_addr);
	assert_int_equal(c.m.flags, MIP_REQ_T);
	assert_int_equal(c.m.care_of.s_addr, ip(AGENT_CARE_OF).s_addr);
	assert_int_equal(c.m.lifetime_s, 600); /* as long as it accepts */
	client_answer(&c, &(struct answer_spec){ 0 });
	assert_mode_f();
}

/* RFC 5944 2.1.1, R: it wants to be registered by, which mode f does. With an agent that has no reverse tunnels there is no
 * such mode. */
static void test_agent_requires_registration(void **state)
{
	(void)state;
	client_inside();
	client_advertise(ETH, AGENT_ADV_F | AGENT_ADV_R, 1);
	client_pass_ms(5000);
	assert_string_equal(client_mode(), "c");
	client_advertise(ETH, OFFERS | AGENT_ADV_R, 2);
	accept_by_agent();
	assert_mode_f();
}

/* In one moment it falls silent, and another link goes by which the binding may have been moved: it is bound again, but not by
 * an agent that is not there any more. */
static void test_agent_gone_when_bound_again(void **state)
{
	(void)state;
	client_inside();
	client_advertise(ETH, OFFERS, 1);
	accept_by_agent();
	assert_mode_f();
	client_pass_ms(29900);
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS, WLAN, CAFE);
	rig_route(WLAN, 50, true); /* a better one than ETH */
	client_pass_ms(3);
	assert_int_equal(client_requests(WLAN), 1);
	rig.now.us += 200 * US_PER_MS;
	rig_link(WLAN, false);
	assert_false(client_caught_frame(ETH).here);
	client_pass_ms(200);
	assert_true(client_requests(ETH) > 0);
	assert_int_equal(client_caught(ETH).m.flags, MIP_REQ_D | MIP_REQ_T);
}

/* It was heard later: the move to it is made then. */
static void test_agent_heard_later(void **state)
{
	(void)state;
	client_inside();
	client_advertise(ETH, OFFERS, 1);
	assert_string_equal(client_mode(), "c"); /* data goes on meanwhile */
	accept_by_agent();
	assert_mode_f();
}

/* An answer by the agent without the home agent's TNC proves nothing: mode c, which was proven, stays. */
static void test_agent_without_tnc(void **state)
{
	struct caught c;

	(void)state;
	client_inside();
	client_advertise(ETH, OFFERS, 1);
	c = client_caught_frame(ETH);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true });
	assert_string_equal(client_mode(), "c");
	assert_int_equal(client_requests(ETH), 1); /* and the binding is taken back */
	client_answer(&c, &(struct answer_spec){ .wrong_key = true });
	assert_string_equal(client_mode(), "c");
}

static void test_agents_that_do_not_serve(void **state)
{
	static const uint16_t flags[] = { AGENT_ADV_F, AGENT_ADV_T, AGENT_ADV_H | AGENT_ADV_T, OFFERS | AGENT_ADV_B };

	(void)state;
	client_inside();
	for (uint16_t i = 0; i < ARRAY_SIZE(flags); i++) {
		client_advertise(ETH, flags[i], i);
		assert_false(client_caught_frame(ETH).here);
	}
	rig.conf.client.foreign_agents = false;
	client_restart();
	client_inside();
	client_advertise(ETH, OFFERS, 9);
	assert_false(client_caught_frame(ETH).here);
}

/* It refuses, by itself or for the home agent; it is silent: mode c, and it is let be for a minute. */
static void test_agent_refuses(void **state)
{
	static const uint8_t codes[] = { MIP_CODE_FA_NO_RESOURCES, MIP_CODE_NO_RESOURCES };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct caught c;

		client_restart();
		client_inside();
		client_advertise(ETH, OFFERS, 1);
		c = client_caught_frame(ETH);
		client_answer(&c, &(struct answer_spec){ .code = codes[i],
							 .unsigned_ = codes[i] == MIP_CODE_FA_NO_RESOURCES });
		assert_string_equal(client_mode(), "c");
		client_accept(ETH);
		client_advertise(ETH, OFFERS, 2);
		assert_false(client_caught_frame(ETH).here);
		assert_int_equal(rig_counter("agents_refused"), 1);
	}
}

/* Nobody but the one asked refuses in the agent's name. */
static void test_refusal_by_somebody_else(void **state)
{
	struct caught c;

	(void)state;
	client_inside();
	client_advertise(ETH, OFFERS, 1);
	c = client_caught_frame(ETH);
	client_answer(
		&c, &(struct answer_spec){ .code = MIP_CODE_FA_NO_RESOURCES, .unsigned_ = true, .from = "10.1.0.99" });
	assert_int_equal(rig_counter("agents_refused"), 0);
	client_answer(&c, &(struct answer_spec){ 0 });
	assert_mode_f();
}

static void test_silent_agent(void **state)
{
	(void)state;
	client_inside();
	client_advertise(ETH, OFFERS, 1);
	client_pass_ms(100);
	assert_int_equal(client_requests(ETH), 1); /* in case the home agent heard it, and only the answer was lost */
	client_accept(ETH);
	assert_string_equal(client_mode(), "c");
	client_advertise(ETH, OFFERS, 2);
	assert_false(client_caught_frame(ETH).here);
}

/* RFC 5944 2.4.2.1: no advertisement within its lifetime: it is gone. */
static void test_agent_gone(void **state)
{
	(void)state;
	visiting();
	client_pass_ms(29000);
	assert_mode_f();
	client_pass_ms(920);
	assert_int_equal(client_requests(ETH), 1);
	client_accept(ETH);
	assert_string_equal(client_mode(), "c");
}

/* RFC 1256 4.3: it says itself that it goes, and is asked no more; one that was never heard of may go as well. */
static void test_agent_goes(void **state)
{
	(void)state;
	visiting();
	client_agent_lifetime_s = 0;
	client_advertise(ETH, OFFERS | AGENT_ADV_B, 301);
	client_advertise(ETH, OFFERS | AGENT_ADV_B, 0);
	assert_false(client_caught_frame(ETH).here);
	client_pass_ms(1);
	assert_false(client_caught_frame(ETH).here);
	assert_int_equal(client_requests(ETH), 1);
	client_accept(ETH);
	assert_string_equal(client_mode(), "c");
	client_advertise(ETH, OFFERS, 7);
	assert_false(client_caught_frame(ETH).here);
	client_pass_ms(1);
	client_agent_lifetime_s = 30;
	client_advertise(ETH, OFFERS, 8);
	accept_by_agent();
	assert_mode_f();
}

/* RFC 5944 2.4.4: it started anew, and knows nobody. */
static void test_agent_restarted(void **state)
{
	(void)state;
	visiting();
	client_advertise(ETH, OFFERS, 301);
	assert_false(client_caught_frame(ETH).here);
	client_advertise(ETH, OFFERS, 0);
	accept_by_agent();
	assert_mode_f();
	for (uint32_t i = 1; i < 30; i++)
		client_advertise(ETH, OFFERS, (uint16_t)(i));
	client_advertise(ETH, OFFERS, 0xffff);
	client_advertise(ETH, OFFERS, 256); /* wrapped (RFC 5944 2.3.2) */
	assert_false(client_caught_frame(ETH).here);
}

/* The proof is renewed through the agent as well (RFC 5265 3.4); the loss of the link ends all. */
static void test_refresh_by_agent(void **state)
{
	(void)state;
	visiting();
	for (uint16_t i = 0; i < 4; i++) {
		client_pass_ms(11000);
		client_advertise(ETH, OFFERS, (uint16_t)(301 + i));
	}
	client_pass_ms(1010);
	accept_by_agent();
	assert_mode_f();
	client_detach(ETH);
	assert_int_equal(client_path.how, PATH_BLOCKED);
	client_attach(ETH, OFFICE);
	assert_false(client_caught_frame(ETH).here);
	assert_int_equal(client_requests(ETH), 1);
}

/* Another network at the same link: its agents are its own. */
static void test_agent_of_the_network_before(void **state)
{
	(void)state;
	visiting();
	client_detach(ETH);
	client_lose(ETH, OFFICE);
	client_attach(ETH, "10.1.9.9");
	client_accept(ETH);
	assert_false(client_caught_frame(ETH).here);
	client_advertise(ETH, OFFERS, 1);
	client_lose(ETH, "10.1.9.9"); /* without loss of carrier */
	client_attach(ETH, OFFICE);
	client_accept(ETH);
	assert_false(client_caught_frame(ETH).here);
	assert_string_equal(client_mode(), "c");
}

/* Somebody else with the agent's address does not get our packets, and says nothing of the agent. */
static void test_impostor(void **state)
{
	(void)state;
	visiting();
	client_agent_mac[5] = 9;
	client_advertise(ETH, OFFERS, 302);
	client_advertise(ETH, OFFERS, 0); /* nor does its restart count */
	assert_false(client_caught_frame(ETH).here);
	assert_mode_f();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_agent_outside_is_never_used),
		CASE(test_agent_of_another_link),
		CASE(test_agent_inside),
		CASE(test_agent_requires_registration),
		CASE(test_agent_gone_when_bound_again),
		CASE(test_agent_heard_later),
		CASE(test_agent_without_tnc),
		CASE(test_agents_that_do_not_serve),
		CASE(test_agent_refuses),
		CASE(test_refusal_by_somebody_else),
		CASE(test_silent_agent),
		CASE(test_agent_gone),
		CASE(test_agent_goes),
		CASE(test_agent_restarted),
		CASE(test_refresh_by_agent),
		CASE(test_agent_of_the_network_before),
		CASE(test_impostor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
