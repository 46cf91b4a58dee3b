/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode when others do not do as they should: answers that come twice or late, agents that are silent, deaf or gone,
 * gateways that are dead. Nothing of it may move the host to where it should not be, or leave it stuck. */
#include "client_rig.h"

#include "codec/agent_adv.h"

enum { OFFERS = AGENT_ADV_F | AGENT_ADV_T };

static const struct answer_spec truly = { 0 };

static void assert_mode_mc(void)
{
	assert_string_equal(client_mode(), "mc");
	assert_true(client_path.vpn);
}

static void two_links(struct caught *wlan, struct caught *eth)
{
	rig_link(WLAN, true);
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, WLAN, "10.2.0.9");
	rig_net(NET_ADDRESS, ETH, OFFICE);
	rig_route(WLAN, 600, true);
	rig_route(ETH, 100, true);
	client_pass_ms(3);
	*wlan = client_caught(WLAN);
	*eth = client_caught(ETH);
}

/* B-08: the better link is proven; another request by the worse one would take the binding away from it. */
static void test_worse_link_is_not_asked_again(void **state)
{
	struct caught wlan, eth;

	(void)state;
	two_links(&wlan, &eth);
	client_answer(&eth, &truly);
	client_assert_mode_c(ETH, OFFICE);
	client_pass_ms(5000);
	assert_int_equal(client_requests(WLAN), 0);
}

/* The same with a request that was to renew the proof of the link that is left. */
static void test_link_that_is_left_is_not_asked_again(void **state)
{
	(void)state;
	client_attach(WLAN, "10.2.0.9");
	client_accept(WLAN);
	client_pass_ms(45020);
	assert_true(client_caught(WLAN).here);
	client_attach(ETH, OFFICE);
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
	client_pass_ms(5000);
	assert_int_equal(client_requests(WLAN), 0);
}

/* The worse link's request got through last, whatever the reason: the binding goes back to the better one. */
static void test_binding_moved_by_the_worse_link(void **state)
{
	struct caught wlan, eth;

	(void)state;
	two_links(&wlan, &eth);
	client_pass_ms(250); /* both are asked anew, by turns */
	wlan = client_caught(WLAN);
	client_answer(&eth, &truly);
	client_answer(&wlan, &truly);
	assert_int_equal(client_requests(ETH), wlan.m.id > eth.m.id);
	client_assert_mode_c(ETH, OFFICE);
}

/* B-27: a better link turns out not to be trusted; the one that is gets the binding back, at once. */
static void test_untrusted_better_link(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, "10.2.0.9");
	client_accept(WLAN);
	client_attach(ETH, "198.51.100.4");
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true });
	assert_int_equal(client_requests(WLAN), 1);
	assert_int_equal(client_requests(VPN), 0);
	client_accept(WLAN);
	client_assert_mode_c(WLAN, "10.2.0.9");
}

/* A link that comes and goes at once: its request may have moved the binding, though no answer found us. */
static void test_link_for_a_moment(void **state)
{
	(void)state;
	client_attach(WLAN, "10.2.0.9");
	client_accept(WLAN);
	client_attach(ETH, OFFICE);
	assert_int_equal(client_requests(ETH), 1);
	rig_link(ETH, false);
	assert_int_equal(client_requests(WLAN), 1);
	client_assert_mode_c(WLAN, "10.2.0.9");
	client_restart();
	client_outside();
	client_attach(ETH, OFFICE);
	assert_mode_mc();
	rig_link(ETH, false);
	assert_int_equal(client_requests(VPN), 1);
	client_accept(VPN);
	assert_mode_mc();
}

/* Nor does one by a better link that nobody answers. */
static void test_silent_better_link(void **state)
{
	(void)state;
	client_attach(WLAN, "10.2.0.9");
	client_accept(WLAN);
	client_attach(ETH, OFFICE);
	client_pass_ms(90);
	assert_int_equal(client_requests(WLAN), 1);
	client_accept(WLAN);
	client_assert_mode_c(WLAN, "10.2.0.9");
}

/* A home agent that refuses every time stamp for some minutes, as its clock went back: we follow its clock, and no further
 * (RFC 5944 5.7.1: 7 s are the default of what it accepts). */
static void test_refused_time_stamps(void **state)
{
	uint64_t theirs = rig.now.ntp >> 32;
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	for (unsigned i = 0; i < 200; i++) {
		if (c.here)
			client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ID_MISMATCH, .id_high = theirs });
		else
			client_pass_ms(1000);
		c = client_caught(ETH);
		assert_true(!c.here || (c.m.id >> 32) <= theirs + 7);
	}
}

/* RFC 3519: refused with and without UDP, the host asks later as at first: behind a NAT nothing else will do. */
static void test_udp_is_offered_again(void **state)
{
	struct caught c;

	(void)state;
	rig.conf.client.udp = MN_UDP_OFFER;
	client_restart();
	client_attach(ETH, OFFICE);
	for (unsigned i = 0; i < 2; i++) {
		c = client_caught(ETH);
		assert_int_equal(c.x.udp_request_at > 0, i == 0);
		client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ADMIN_PROHIBITED });
	}
	assert_false(client_caught(ETH).here);
	client_pass_ms(30100);
	assert_true(client_caught(ETH).x.udp_request_at > 0);
}

/* RFC 5944 5.7.2: the request that is answered with a new nonce may have been repeated before, as it was. */
static void test_nonce_after_repetition(void **state)
{
	struct caught first, second;

	(void)state;
	rig.conf.client.sa.replay = REPLAY_NONCE;
	client_restart();
	client_attach(ETH, OFFICE);
	first = client_caught(ETH);
	client_pass_ms(110);
	second = client_caught(ETH);
	assert_true(second.here && second.m.id == first.m.id);
	client_answer(&second, &(struct answer_spec){ .code = MIP_CODE_ID_MISMATCH, .id_high = 4711 });
	second = client_caught(ETH);
	assert_true(second.here);
	assert_int_equal(second.m.id >> 32, 4711);
	client_answer(&second, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* an answer counts once, and not for longer than what it proves. */
static void test_answer_counts_once(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &truly);
	client_answer(&c, &truly);
	assert_int_equal(rig_counter("accepted"), 1);
	assert_int_equal(rig_counter("replies_unmatched"), 1);
	client_pass_ms(61000); /* nothing else is answered */
	client_assert_blocked();
	client_answer(&c, &truly);
	client_assert_blocked();
}

static void test_answer_that_is_too_old(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(400);
	client_accept(VPN);
	client_pass_ms(1000000);
	client_attach(WWAN, "100.64.0.2");
	c = client_caught(WWAN);
	client_pass_ms(1); /* a replayer holds the answer back */
	rig.now.us += 61 * US_PER_S;
	client_answer(&c, &truly);
	assert_int_equal(rig_counter("replies_unmatched"), 1);
	assert_mode_mc();
}

/* RFC 5265 3.4: the proof is good for T_MONITOR. A request that is lost on the way ends nothing before. */
static void test_silence_while_the_proof_holds(void **state)
{
	(void)state;
	client_inside();
	client_pass_ms(46500);
	assert_in_range(client_requests(ETH), 4, 8);
	client_assert_mode_c(ETH, OFFICE);
	client_accept(ETH);
	client_pass_ms(44000);
	client_assert_mode_c(ETH, OFFICE);
	client_pass_ms(16500);
	client_assert_blocked();
}

/* The host slept: whatever is heard first, the proof is over. */
static void test_proof_is_over_after_sleep(void **state)
{
	(void)state;
	client_inside();
	rig.now.us += 8 * 3600 * US_PER_S;
	rig_charon(CHARON_LISTED, 0, NULL);
	assert_int_equal(rig_find(ACTION_PATH_SET)->path.how, PATH_BLOCKED);
	assert_int_equal(client_requests(ETH), 1);
}

/* RFC 5944 3.6.2.3: who named another home agent is asked again when that one is silent. */
static void test_named_home_agent_is_silent(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_UNKNOWN_HA, .home_agent = "10.0.0.9" });
	client_pass_ms(500);
	assert_string_equal(rig_state(), "connecting");
	client_pass_ms(1000);
	c = client_caught(ETH);
	assert_true(c.here);
	assert_int_equal(c.to.s_addr, ip(HA).s_addr);
}

/* B-46, B-08: through a VPN that came to another place it is asked at once, however long the last pause was. */
static void test_pause_ends_with_move(void **state)
{
	(void)state;
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(40000);
	assert_string_equal(rig_state(), "binding");
	client_attach(WWAN, "100.64.0.2");
	client_detach(WLAN);
	client_pass_ms(1000);
	assert_string_equal(rig_state(), "connecting");
	client_vpn_moved(1, "100.64.0.2");
	assert_string_equal(rig_state(), "binding");
	assert_int_equal(client_requests(VPN), 1);
}

/* Its packets would be for everybody on the link, as at home. */
static void test_agent_without_mac(void **state)
{
	(void)state;
	client_inside();
	memset(client_agent_mac, 0, sizeof(client_agent_mac));
	client_advertise(ETH, OFFERS, 1);
	assert_false(client_caught_frame(ETH).here);
}

/* Who says all the time that it was started anew does not make us ask all the time (RFC 5944 3.6.3: one a second). */
static void test_agent_that_restarts_all_the_time(void **state)
{
	unsigned asked = 0;
	struct caught c;

	(void)state;
	client_inside();
	client_advertise(ETH, OFFERS, 300);
	c = client_caught_frame(ETH);
	client_answer(&c, &truly);
	assert_string_equal(client_mode(), "f");
	for (uint16_t i = 0; i < 200; i++) {
		client_advertise(ETH, OFFERS, i % 2 ? 200 : 0);
		c = client_caught_frame(ETH);
		if (!c.here) {
			client_pass_ms(10);
			c = client_caught_frame(ETH);
		}
		asked += c.here;
		if (c.here)
			client_answer(&c, &truly);
	}
	assert_in_range(asked, 1, 4);
	assert_string_equal(client_mode(), "f");
}

/* The gateway is dead, or does not know us any more: its IKE_SA does not follow. Then the next gateway is tried. */
static void test_gateway_does_not_follow(void **state)
{
	(void)state;
	client_outside();
	client_attach(WWAN, "100.64.0.2");
	client_detach(WLAN);
	client_pass_ms(6500);
	assert_null(rig_command(CHARON_CLOSE_IKE, 0)); /* it has its time */
	client_assert_blocked();
	client_pass_ms(1500);
	assert_non_null(rig_command(CHARON_CLOSE_IKE, 0));
	assert_string_equal(rig_command(CHARON_CLOSE_IKE, 0)->connection, "gw1");
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
}

/* B-38: inside, that the gateway is not reachable is no error, and its IKE_SA is kept. */
static void test_gateway_is_not_reachable_inside(void **state)
{
	(void)state;
	client_outside();
	client_detach(WLAN);
	client_inside();
	client_pass_ms(20000);
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
}

/* B-43: an attempt that began where the gateway is out of reach is not waited for elsewhere: it would be joined by the next
 * one, and both would go on from where we are not any more. */
static void test_attempt_from_inside_is_ended(void **state)
{
	(void)state;
	client_attach(WWAN, "100.64.0.2");
	client_attach(ETH, OFFICE);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
	client_pass_ms(2000);
	rig_link(ETH, false);
	assert_non_null(rig_command(CHARON_CLOSE_IKE, 0));
	assert_null(rig_command(CHARON_OPEN, 0));
	client_pass_ms(10);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

/* And when nobody answered it inside, leaving is no worse for that. */
static void test_attempt_from_inside_fails(void **state)
{
	(void)state;
	client_attach(ETH, OFFICE);
	client_accept(ETH);
	client_pass_ms(8000);
	assert_non_null(rig_command(CHARON_CLOSE_IKE, 0));
	client_pass_ms(30000);
	client_attach(WWAN, "100.64.0.2");
	rig_link(ETH, false);
	client_pass_ms(10);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

/* B-33: silence may be loss. Outside, it is asked twice more, and then not again until something changes (B-50). */
static void test_silence_is_made_sure_of(void **state)
{
	(void)state;
	client_outside();
	client_pass_ms(60000);
	assert_in_range(rig_counter("requests_sent"), 3 + 1 + 3, 3 + 1 + 6);
	client_pass_ms(600000);
	assert_int_equal(client_requests(WLAN), 0);
	assert_mode_mc();
}

/* A refusal is no silence, and an answer without TNC moved the binding: neither is asked for again. */
static void test_answers_are_believed(void **state)
{
	struct caught c;

	(void)state;
	client_outside();
	client_attach(ETH, "198.51.100.4");
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ADMIN_PROHIBITED });
	client_pass_ms(600000);
	assert_int_equal(client_requests(ETH), 0);
}

/* RFC 5944 3.7.2.2, 3.6.2.1: one authenticator; from the port that was asked; and time to be bound for. */
static void test_answers_that_are_not_right(void **state)
{
	static const struct answer_spec wrong[] = { { .signed_twice = true },
						    { .port = 4434 },
						    { .no_lifetime = true } };
	static const char *const counted[] = { "replies_unauthenticated", "replies_elsewhere", "refused" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct caught c;

		client_restart();
		client_attach(ETH, OFFICE);
		c = client_caught(ETH);
		client_answer(&c, &wrong[i]);
		client_assert_blocked();
		assert_int_equal(rig_counter(counted[i]), 1);
	}
}

/* RFC 5944 3.6.1.2, 3.4: a binding lasts no longer than was asked for, nor than was granted, from the request on. */
static void test_end_of_binding(void **state)
{
	static const uint16_t granted[] = { 0, 65535, 1000 };
	static const uint64_t lasts_s[] = { 1800, 1800, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(granted); i++) {
		struct mn_view v;
		struct caught c;

		client_restart();
		client_attach(WLAN, CAFE);
		client_pass_ms(1000);
		client_vpn_up(1, "gw1", TIA);
		c = client_caught(VPN);
		rig.now.us += 50 * US_PER_MS;
		client_answer(&c, &(struct answer_spec){ .no_tnc = true, .lifetime_s = granted[i] });
		assert_mode_mc();
		mn_describe(rig.mn, &v);
		assert_int_equal(v.expires_us, rig.now.us - 50 * US_PER_MS + lasts_s[i] * US_PER_S);
	}
}

/* RFC 5944 2.3: it was not on this link that it was sent. */
static void test_agent_from_afar(void **state)
{
	(void)state;
	client_inside();
	client_agent_ttl = 2;
	client_advertise(ETH, OFFERS, 1);
	assert_int_equal(rig_counter("agents_heard"), 0);
}

/* G-04: the answers to three requests came at once, a second later, as they waited for ARP. That is no measure. */
static void test_late_answers_are_no_measure(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_pass_ms(250);
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
	client_detach(ETH);
	client_attach(ETH, OFFICE);
	client_pass_ms(270);
	assert_string_equal(rig_state(), "deciding");
	client_pass_ms(40);
	assert_string_equal(rig_state(), "connecting");
}

/* A host full of bridges and tunnels of its own still finds out where it is. */
static void test_many_links(void **state)
{
	char name[16], address[16];

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "br%u", i);
		(void)snprintf(address, sizeof(address), "172.16.%u.1", i);
		rig_net(NET_LINK, 100 + i, name);
		rig_net(NET_ADDRESS, 100 + i, address);
	}
	client_inside();
}

/* The link lost its carrier for a moment that nobody saw: another network may be behind it. */
static void test_unseen_loss_of_carrier(void **state)
{
	struct net_event e = {
		.type = NET_LINK, .ifindex = ETH, .name = "eth0", .up = true, .mac = { 2, 0, 0, 0, 0, ETH }
	};
	struct caught c;

	(void)state;
	client_inside();
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
	assert_string_equal(client_mode(), "c"); /* statistics, and the like */
	e.losses = 1;
	actions_clear(&rig.out);
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
	assert_int_equal(rig_find(ACTION_PATH_SET)->path.how, PATH_BLOCKED);
	client_pass_ms(3);
	c = client_caught(ETH);
	assert_true(c.here);
	client_answer(&c, &truly);
	client_assert_mode_c(ETH, OFFICE);
}

/* A cable that was pulled and is put back: the kernel kept the link's routes, so it is the better one again. */
static void test_routes_without_carrier(void **state)
{
	struct net_event e = { .type = NET_LINK,
			       .ifindex = ETH,
			       .name = "eth0",
			       .unplugged = true,
			       .mac = { 2, 0, 0, 0, 0, ETH },
			       .losses = 1 };

	(void)state;
	client_inside();
	client_attach(WLAN, "10.2.0.9");
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
	client_pass_ms(3);
	client_accept(WLAN);
	client_assert_mode_c(WLAN, "10.2.0.9");
	e.up = true;
	e.unplugged = false;
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
	client_pass_ms(3);
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
}

/* The care-of address of mode mc is not to be lost by somebody else's clearing of the device. */
static void test_inner_address_is_put_back(void **state)
{
	(void)state;
	client_outside();
	rig_net(NET_ADDRESS, HF0, TIA);
	client_pass_ms(2000);
	rig_net(NET_ADDRESS_GONE, HF0, TIA);
	assert_true(rig.out.n > 0);
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_HOME_SET && rig.out.v[i].home.s_addr == ip(TIA).s_addr)
			return;
	fail_msg("it is not there");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_worse_link_is_not_asked_again),
		CASE(test_link_that_is_left_is_not_asked_again),
		CASE(test_binding_moved_by_the_worse_link),
		CASE(test_untrusted_better_link),
		CASE(test_link_for_a_moment),
		CASE(test_silent_better_link),
		CASE(test_refused_time_stamps),
		CASE(test_udp_is_offered_again),
		CASE(test_nonce_after_repetition),
		CASE(test_answer_counts_once),
		CASE(test_answer_that_is_too_old),
		CASE(test_silence_while_the_proof_holds),
		CASE(test_proof_is_over_after_sleep),
		CASE(test_named_home_agent_is_silent),
		CASE(test_pause_ends_with_move),
		CASE(test_agent_without_mac),
		CASE(test_agent_that_restarts_all_the_time),
		CASE(test_gateway_does_not_follow),
		CASE(test_gateway_is_not_reachable_inside),
		CASE(test_attempt_from_inside_is_ended),
		CASE(test_attempt_from_inside_fails),
		CASE(test_silence_is_made_sure_of),
		CASE(test_answers_are_believed),
		CASE(test_late_answers_are_no_measure),
		CASE(test_answers_that_are_not_right),
		CASE(test_end_of_binding),
		CASE(test_agent_from_afar),
		CASE(test_many_links),
		CASE(test_unseen_loss_of_carrier),
		CASE(test_routes_without_carrier),
		CASE(test_inner_address_is_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
