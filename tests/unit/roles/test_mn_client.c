/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode: what proves that a link is inside, and what does not; and what happens until then. */
#include "client_rig.h"

static const struct answer_spec truly = { 0 };

/* B-36: before anything is known nothing leaves. B-05: the address is there all the same. */
static void test_nothing_leaves_at_first(void **state)
{
	(void)state;
	client_path.how = PATH_TUNNEL;
	rig_restart();
	rig_net(NET_LISTING, 0, NULL);
	assert_int_equal(rig_find(ACTION_PATH_SET)->path.how, PATH_BLOCKED);
	rig_net(NET_LISTED, 0, NULL);
	assert_int_equal(rig_find(ACTION_HOME_SET)->home.s_addr, ip(HOME).s_addr);
	assert_string_equal(rig_state(), "nowhere");
}

/* B-14, B-26, B-43, B-44, S-06: with the link, in one batch, a request in clear and the VPN; L: RFC 5944 3.3 for its fields. */
static void test_request_and_vpn_together(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	assert_true(c.here);
	assert_int_equal(client_requests(ETH), 1);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	assert_int_equal(c.from.s_addr, ip(OFFICE).s_addr);
	assert_int_equal(c.to.s_addr, ip(HA).s_addr);
	assert_int_equal(c.m.flags, MIP_REQ_D | MIP_REQ_T); /* B-14, B-10, X-05, X-20 */
	assert_int_equal(c.m.care_of.s_addr, ip(OFFICE).s_addr);
	assert_int_equal(c.m.home.s_addr, ip(HOME).s_addr);
	assert_int_equal(c.m.home_agent.s_addr, ip(HA).s_addr);
	assert_int_equal(c.m.lifetime_s, 1800); /* G-05 */
	assert_memory_equal(c.x.nai.p, "alice@example.com", c.x.nai.n);
	assert_int_equal(client_requests(VPN), 0);
	assert_string_equal(rig_state(), "deciding");
	client_assert_blocked();
}

/* B-22, B-13, S-07: the solicitation goes when the link is up, before any address is there. */
static void test_solicitation_beside_dhcp(void **state)
{
	static const uint8_t all_agents[] = { 1, 0, 0x5e, 0, 0, 0x0b };

	(void)state;
	rig_link(ETH, true);
	client_pass_ms(0);
	assert_non_null(rig_find(ACTION_SEND_FRAME));
	assert_memory_equal(rig_find(ACTION_SEND_FRAME)->octets.p, all_agents, 6);
	client_pass_ms(999);
	assert_null(rig_find(ACTION_SEND_FRAME)); /* RFC 5944 2.4: one a second, three at first */
	client_pass_ms(1);
	assert_non_null(rig_find(ACTION_SEND_FRAME));
	client_pass_ms(60000);
	assert_int_equal(rig_counter("solicitations"), 3);
}

static void test_solicitation_switched_off(void **state)
{
	(void)state;
	rig.conf.client.agent_discovery = false;
	client_restart();
	client_attach(ETH, OFFICE);
	client_pass_ms(5000);
	assert_int_equal(rig_counter("solicitations"), 0);
}

/* B-19, B-27, B-40, B-45, B-06 */
static void test_proof(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* B-28, S-05: neither a success nor TNC says anything without the authenticator, nor with a wrong one. */
static void test_forged_replies(void **state)
{
	static const struct answer_spec forged[] = {
		{ .unsigned_ = true, .no_tnc = true },
		{ .unsigned_ = true },
		{ .wrong_key = true, .no_tnc = true },
		{ .wrong_key = true },
	};
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		client_answer(&c, &forged[i]);
		assert_string_equal(rig_state(), "deciding");
		client_assert_blocked();
	}
	assert_int_equal(rig_counter("replies_unauthenticated"), ARRAY_SIZE(forged));
	client_answer(&c, &truly); /* and they did no harm to the true one */
	client_assert_mode_c(ETH, OFFICE);
}

/* B-27, X-07: authentic, but no word of a trusted network; what lies behind the authenticator is nobody's word. */
static void test_success_without_tnc(void **state)
{
	static const struct answer_spec specs[] = { { .no_tnc = true }, { .tnc_behind = true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct caught c;

		client_restart();
		client_attach(ETH, OFFICE);
		c = client_caught(ETH);
		client_answer(&c, &specs[i]);
		assert_int_equal(rig_counter("replies_without_tnc"), 1);
		assert_string_equal(rig_state(), "connecting");
		client_assert_blocked();
		client_pass_ms(20000);
		client_assert_blocked();
	}
}

/* A refusal, authentic and with TNC, is no success. */
static void test_refusal_is_no_proof(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_NO_RESOURCES });
	assert_string_equal(rig_state(), "connecting");
	client_assert_blocked();
}

/* Only a foreign agent that was asked may refuse without the home agent's authenticator. */
static void test_forged_refusals(void **state)
{
	static const uint8_t codes[] = { MIP_CODE_FA_ADMIN_PROHIBITED, MIP_CODE_ADMIN_PROHIBITED,
					 MIP_CODE_INVALID_HA_FIELD };
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		client_answer(&c, &(struct answer_spec){ .code = codes[i], .unsigned_ = true });
		assert_string_equal(rig_state(), "deciding");
	}
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* RFC 5944 3.3: S and B where they are configured. */
static void test_flags_as_configured(void **state)
{
	(void)state;
	rig.conf.client.simultaneous = true;
	client_restart();
	client_attach(ETH, OFFICE);
	assert_int_equal(client_caught(ETH).m.flags, MIP_REQ_D | MIP_REQ_T | MIP_REQ_S);
	rig.conf.client.simultaneous = false;
	rig.conf.client.broadcast = true;
	client_restart();
	client_attach(ETH, OFFICE);
	assert_int_equal(client_caught(ETH).m.flags, MIP_REQ_D | MIP_REQ_T | MIP_REQ_B);
}

/* what proved one attachment proves no other, not even at the same link with the same address. */
static void test_replayed_reply(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
	client_detach(ETH);
	client_assert_blocked();
	client_attach(ETH, OFFICE);
	client_answer(&c, &truly);
	assert_int_equal(rig_counter("replies_unmatched"), 1);
	assert_string_equal(rig_state(), "deciding");
	client_assert_blocked();
}

/* an answer proves the link that the request left by, and comes back by it. */
static void test_reply_by_another_link(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, CAFE);
	client_attach(ETH, OFFICE);
	client_pass_ms(100);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .by = WLAN });
	client_answer(&c, &(struct answer_spec){ .from = "10.0.0.2" });
	assert_int_equal(rig_counter("replies_elsewhere"), 2);
	client_assert_blocked();
}

/* Links that come while the answer is under way do not spoil it; the loss of its link does. */
static void test_link_lost_before_reply(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_detach(ETH);
	client_answer(&c, &truly);
	assert_string_equal(rig_state(), "nowhere");
	client_assert_blocked();
}

static unsigned tries_until_ms(unsigned ms, uint32_t ifindex)
{
	client_pass_ms(ms);
	return (unsigned)client_requests(ifindex);
}

/* B-29, B-30, G-04: three tries at 0, 1 and 3 s, silence at 7 s. */
static void test_retransmission_as_configured(void **state)
{
	struct caught first, second;

	(void)state;
	rig.conf.client.timeout_ms = 1000;
	client_restart();
	client_attach(ETH, OFFICE);
	first = client_caught(ETH);
	assert_int_equal(tries_until_ms(990, ETH), 0);
	assert_int_equal(tries_until_ms(20, ETH), 1);
	second = client_caught(ETH);
	assert_true(second.m.id > first.m.id); /* RFC 5944 3.6.3 */
	assert_int_equal(tries_until_ms(1970, ETH), 0);
	assert_int_equal(tries_until_ms(40, ETH), 1);
	assert_string_equal(rig_state(), "deciding");
	assert_int_equal(tries_until_ms(3900, ETH), 0);
	assert_string_equal(rig_state(), "deciding");
	assert_int_equal(tries_until_ms(150, ETH), 0);
	assert_string_equal(rig_state(), "connecting");
}

static void test_number_of_retransmissions(void **state)
{
	(void)state;
	rig.conf.client.retransmissions = 0;
	client_restart();
	client_attach(ETH, OFFICE);
	assert_int_equal(tries_until_ms(150, ETH), 0);
	assert_string_equal(rig_state(), "connecting");
	rig.conf.client.retransmissions = 4;
	client_restart();
	client_attach(ETH, OFFICE);
	assert_int_equal(tries_until_ms(480, ETH), 4);
	assert_string_equal(rig_state(), "deciding");
}

/* Adaptive: the wait follows what answers take. */
static void test_wait_follows_round_trip(void **state)
{
	(void)state;
	client_attach(ETH, OFFICE);
	assert_int_equal(tries_until_ms(90, ETH), 0);
	assert_int_equal(tries_until_ms(10, ETH), 1); /* nothing measured: 100 ms */
	client_pass_ms(1);
	client_detach(ETH);
	client_attach(ETH, OFFICE);
	client_accept(ETH); /* after less than 3 ms */
	client_detach(ETH);
	client_attach(ETH, OFFICE);
	assert_int_equal(tries_until_ms(25, ETH), 0);
	assert_int_equal(tries_until_ms(5, ETH), 1); /* 30 ms is the least */
}

/* DHCP sets the address first, and the route some milliseconds later: what was sent meanwhile got nowhere. */
static void test_asked_again_with_route(void **state)
{
	(void)state;
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, OFFICE);
	client_pass_ms(3);
	assert_int_equal(client_requests(ETH), 1);
	rig_route(ETH, 100, true);
	client_pass_ms(2);
	assert_int_equal(client_requests(ETH), 1);
	rig_route(ETH, 100, true); /* the same again */
	client_pass_ms(5);
	assert_int_equal(client_requests(ETH), 0);
}

/* B-34: late, when it was taken for outside. */
static void test_late_reply(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_pass_ms(400);
	assert_string_equal(rig_state(), "connecting");
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* RFC 5944 3.6.2.1: after 133 the next one carries the home agent's time; a forged 133 changes nothing. */
static void test_clock_is_corrected(void **state)
{
	uint64_t theirs = (rig.now.ntp >> 32) + 500;
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ID_MISMATCH, .id_high = theirs, .wrong_key = true });
	assert_int_equal(client_requests(ETH), 0);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ID_MISMATCH, .id_high = theirs });
	c = client_caught(ETH);
	assert_true(c.here);
	assert_int_equal(c.m.id >> 32, theirs);
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* A home agent that never is content is not asked in a circle. */
static void test_corrections_are_bounded(void **state)
{
	(void)state;
	client_attach(ETH, OFFICE);
	for (unsigned i = 0; i < 4; i++) {
		struct caught c = client_caught(ETH);

		assert_true(c.here);
		client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ID_MISMATCH, .id_high = 77 + 50 * i });
	}
	assert_int_equal(client_requests(ETH), 0);
	assert_string_equal(rig_state(), "connecting");
}

/* RFC 5265 3.4, G-04: proof is renewed before T_MONITOR; B-23. */
static void test_proof_is_renewed(void **state)
{
	(void)state;
	client_inside();
	client_pass_ms(44900);
	assert_int_equal(client_requests(ETH), 0);
	client_pass_ms(120);
	assert_int_equal(client_requests(ETH), 1);
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
	client_pass_ms(44900);
	client_assert_mode_c(ETH, OFFICE);
}

/* And should we not be there to say that it is over, the kernel knows when. Data under ESP needs no proof. */
static void test_proof_ends_by_itself(void **state)
{
	uint64_t until_us;

	(void)state;
	client_inside();
	until_us = client_path.until_us;
	assert_in_range(until_us, rig.now.us + 59990 * US_PER_MS, rig.now.us + 60 * US_PER_S);
	client_pass_ms(45020);
	assert_int_equal(client_path.until_us, until_us);
	client_accept(ETH);
	assert_in_range(client_path.until_us, until_us + 44990 * US_PER_MS, until_us + 45020 * US_PER_MS);
	rig_net(NET_LISTING, 0, NULL);
	client_pass_ms(60000);
	assert_int_equal(client_path.how, PATH_BLOCKED);
	client_restart();
	client_outside();
	assert_int_equal(client_path.until_us, 0);
}

/* RFC 5265 3.4: not renewed, it is over; nothing leaves, and all is asked anew, VPN included (B-36). */
static void test_proof_ends_with_silence(void **state)
{
	(void)state;
	client_inside();
	client_pass_ms(59990);
	assert_string_equal(client_mode(), "c");
	client_pass_ms(10);
	assert_string_equal(rig_state(), "deciding");
	client_assert_blocked();
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
}

/* B-24, B-26: a new address inside is a new binding, and nothing leaves until it is accepted. */
static void test_move_inside(void **state)
{
	struct caught c;

	(void)state;
	client_inside();
	client_lose(ETH, OFFICE);
	assert_int_equal(rig_find(ACTION_PATH_SET)->path.how, PATH_BLOCKED);
	client_attach(ETH, "10.1.9.9");
	c = client_caught(ETH);
	assert_int_equal(c.m.care_of.s_addr, ip("10.1.9.9").s_addr);
	assert_string_equal(rig_state(), "deciding");
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, "10.1.9.9");
}

/* Make before break: a better link is tried beside the one in use, a worse one is not. */
static void test_better_link(void **state)
{
	(void)state;
	client_attach(WLAN, "10.2.0.9");
	client_accept(WLAN);
	client_assert_mode_c(WLAN, "10.2.0.9");
	client_attach(WWAN, "100.64.0.2");
	assert_int_equal(client_requests(WWAN), 0);
	client_attach(ETH, OFFICE);
	client_assert_mode_c(WLAN, "10.2.0.9");
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
	client_detach(ETH); /* the way back is to be proven anew: the binding is elsewhere */
	client_assert_blocked();
	assert_int_equal(client_requests(WLAN), 1);
	client_accept(WLAN);
	client_assert_mode_c(WLAN, "10.2.0.9");
}

/* Asked by two links at once, the best one's request is the last, and its binding counts in whatever order answers come. */
static void test_two_links_answer(void **state)
{
	struct caught wlan, eth;

	(void)state;
	rig_link(WLAN, true);
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, WLAN, "10.2.0.9");
	rig_net(NET_ADDRESS, ETH, OFFICE);
	rig_route(WLAN, 600, true);
	rig_route(ETH, 100, true);
	client_pass_ms(3);
	wlan = client_caught(WLAN);
	eth = client_caught(ETH);
	assert_true(eth.m.id > wlan.m.id);
	client_answer(&eth, &truly);
	client_answer(&wlan, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* B-47: behind a NAT, in modes c and f. */
static void test_udp_tunnel(void **state)
{
	struct caught c;

	(void)state;
	rig.conf.client.udp = MN_UDP_OFFER;
	client_restart();
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	assert_true(c.x.udp_request_at > 0 && c.x.udp_request_at < c.x.mn_ha.at);
	client_answer(&c, &(struct answer_spec){ .udp = true, .keepalive_s = 20 });
	assert_int_equal(client_path.tunnel.encap, ENCAP_UDP);
	assert_int_equal(client_path.tunnel.local_port, MIP_PORT);
	client_pass_ms(14900);
	assert_int_equal(client_requests(ETH), 0);
	client_pass_ms(120); /* what keeps the NAT's mapping is the next request */
	assert_int_equal(client_requests(ETH), 1);
}

static void test_udp_refused(void **state)
{
	struct caught c;

	(void)state;
	rig.conf.client.udp = MN_UDP_OFFER;
	client_restart();
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE });
	c = client_caught(ETH);
	assert_true(c.here && c.x.udp_request_at == 0);
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* RFC 5944 3.6.2.3: code 136 names the one to ask. */
static void test_home_agent_names_another(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_UNKNOWN_HA, .home_agent = "10.0.0.9" });
	c = client_caught(ETH);
	assert_int_equal(c.to.s_addr, ip("10.0.0.9").s_addr);
	client_answer(&c, &truly);
	assert_int_equal(client_path.tunnel.remote.s_addr, ip("10.0.0.9").s_addr);
}

static void test_malformed(void **state)
{
	static const uint8_t octets[] = { MIP_TYPE_REPLY, 0, 0, 0 };
	struct datagram d = { .payload = { octets, sizeof(octets) } };

	(void)state;
	for (size_t n = 0; n <= sizeof(octets); n++) {
		d.payload.n = n;
		mn_on_datagram(rig.mn, rig.now, &d, &rig.out);
	}
	assert_int_equal(rig_counter("discarded"), 1);
	assert_int_equal(rig_counter("malformed"), sizeof(octets));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nothing_leaves_at_first),
		CASE(test_request_and_vpn_together),
		CASE(test_solicitation_beside_dhcp),
		CASE(test_solicitation_switched_off),
		CASE(test_proof),
		CASE(test_forged_replies),
		CASE(test_success_without_tnc),
		CASE(test_refusal_is_no_proof),
		CASE(test_forged_refusals),
		CASE(test_flags_as_configured),
		CASE(test_replayed_reply),
		CASE(test_reply_by_another_link),
		CASE(test_link_lost_before_reply),
		CASE(test_retransmission_as_configured),
		CASE(test_number_of_retransmissions),
		CASE(test_wait_follows_round_trip),
		CASE(test_asked_again_with_route),
		CASE(test_late_reply),
		CASE(test_clock_is_corrected),
		CASE(test_corrections_are_bounded),
		CASE(test_proof_is_renewed),
		CASE(test_proof_ends_by_itself),
		CASE(test_proof_ends_with_silence),
		CASE(test_move_inside),
		CASE(test_better_link),
		CASE(test_two_links_answer),
		CASE(test_udp_tunnel),
		CASE(test_udp_refused),
		CASE(test_home_agent_names_another),
		CASE(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
