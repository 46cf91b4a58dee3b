/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode outside: the gateway and the home agent answer, both, one of them, or none. */
#include "client_rig.h"

static void assert_blocked(void)
{
	assert_int_equal(client_path.how, PATH_BLOCKED);
	assert_string_equal(client_mode(), "");
}

static void assert_mode_mc(const char *tia)
{
	assert_string_equal(rig_state(), "outside");
	assert_string_equal(client_mode(), "mc");
	assert_int_equal(client_path.how, PATH_TUNNEL);
	assert_true(client_path.vpn); /* B-18 */
	assert_int_equal(client_path.tunnel.local.s_addr, ip(tia).s_addr);
	assert_int_equal(client_path.tunnel.remote.s_addr, ip(HA).s_addr);
}

/* B-33, B-46, B-07, B-10, B-18, B-21: the gateway alone answers. Data waits until the address is registered. */
static void test_gateway_alone(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	assert_string_equal(rig_state(), "deciding"); /* however fast it is: the timer decides */
	assert_int_equal(client_requests(VPN), 0);
	assert_blocked();
	client_pass_ms(400);
	assert_string_equal(rig_state(), "binding");
	assert_blocked();
	c = client_caught(VPN);
	assert_true(c.here);
	assert_int_equal(c.from.s_addr, ip(TIA).s_addr);
	assert_int_equal(c.m.care_of.s_addr, ip(TIA).s_addr);
	assert_int_equal(c.m.flags, MIP_REQ_D | MIP_REQ_T);
	client_answer(&c, &(struct answer_spec){ .wrong_key = true });
	assert_blocked();
	client_answer(&c, &(struct answer_spec){ .no_tnc = true });
	assert_mode_mc(TIA);
}

/* B-46: a home agent that was away is found again soon, as data wait for it. */
static void test_home_agent_comes_back(void **state)
{
	(void)state;
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(60000);
	client_pass_ms(2000);
	assert_true(client_caught(VPN).here);
	client_accept(VPN);
	assert_mode_mc(TIA);
}

/* TNC through the VPN says nothing of the network that we are in. */
static void test_tnc_through_vpn(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(400);
	c = client_caught(VPN);
	client_answer(&c, &(struct answer_spec){ .no_tnc = false });
	assert_mode_mc(TIA);
}

/* B-34: both answer, the gateway first. */
static void test_both_gateway_first(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_vpn_up(1, "gw1", TIA);
	client_answer(&c, &(struct answer_spec){ 0 });
	assert_string_equal(client_mode(), "c");
	assert_false(client_path.vpn);
	client_pass_ms(5000);
	assert_int_equal(client_requests(VPN), 0);
	assert_string_equal(client_mode(), "c");
}

/* B-34, B-38, B-42: both answer, the home agent first; then the gateway is lost, which is no error. */
static void test_both_home_agent_first(void **state)
{
	(void)state;
	client_inside();
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(5000);
	assert_string_equal(client_mode(), "c");
	assert_int_equal(client_requests(VPN), 0);
	client_vpn_down(1, "gw1");
	client_pass_ms(5000);
	assert_string_equal(client_mode(), "c");
	assert_null(rig_command(CHARON_OPEN, 0));
}

/* B-34: the home agent alone answers. */
static void test_home_agent_alone(void **state)
{
	(void)state;
	client_inside();
	client_pass_ms(20000);
	assert_string_equal(client_mode(), "c");
}

/* Nobody answers: nothing leaves, both are tried on, ever more seldom. */
static void test_nobody(void **state)
{
	uint64_t sent;

	(void)state;
	client_attach(WLAN, CAFE);
	client_pass_ms(400);
	assert_string_equal(rig_state(), "connecting");
	assert_blocked();
	client_pass_ms(10000);
	sent = rig_counter("requests_sent");
	assert_in_range(sent, 6, 15);
	client_pass_ms(600000);
	assert_in_range(rig_counter("requests_sent") - sent, 20, 60);
	assert_blocked();
	client_pass_ms(60000);
	client_accept(WLAN); /* the last request of all: and when the home agent is there again, that is enough */
	assert_string_equal(client_mode(), "c");
}

/* B-34 against B-46: the proof comes when the request through the VPN is under way already. The home agent has taken that
 * one for the newer; it has to hear once more where we are. */
static void test_proof_after_vpn_request(void **state)
{
	struct caught clear, through, again;

	(void)state;
	client_attach(ETH, OFFICE);
	clear = client_caught(ETH);
	client_vpn_up(1, "gw1", TIA);
	client_vpn_moved(1, OFFICE);
	client_pass_ms(400);
	through = client_caught(VPN);
	assert_true(through.here);
	client_answer(&clear, &(struct answer_spec){ 0 });
	assert_string_equal(client_mode(), "c");
	again = client_caught(ETH);
	assert_true(again.here && again.m.id > through.m.id);
	client_answer(&through, &(struct answer_spec){ .no_tnc = true });
	assert_string_equal(client_mode(), "c");
	client_answer(&again, &(struct answer_spec){ 0 });
	assert_string_equal(client_mode(), "c");
	assert_int_equal(client_requests(ETH), 0);
}

/* B-32, B-37, B-09, B-39: an address change outside: request in clear and MOBIKE together; then the tunnel continues, and
 * the home agent hears nothing through it. */
static void test_move_outside(void **state)
{
	(void)state;
	client_outside();
	client_pass_ms(5000);
	client_lose(WLAN, CAFE);
	assert_int_equal(rig_find(ACTION_PATH_SET)->path.how, PATH_BLOCKED);
	client_attach(WLAN, "172.20.0.5");
	assert_int_equal(client_requests(WLAN), 1);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	assert_string_equal(rig_state(), "deciding");
	assert_blocked();
	client_vpn_moved(1, "172.20.0.5");
	client_pass_ms(400);
	assert_mode_mc(TIA);
	assert_int_equal(client_requests(VPN), 0);
}

/* B-43, B-44: leaving the inside with a tunnel that was kept: it moves, and its address is registered once. */
static void test_leaving_with_kept_tunnel(void **state)
{
	(void)state;
	client_inside();
	client_vpn_up(1, "gw1", TIA);
	client_attach(WWAN, "100.64.0.2");
	client_detach(ETH);
	assert_int_equal(client_requests(WWAN), 1);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	assert_blocked();
	client_pass_ms(200);
	assert_string_equal(rig_state(), "connecting"); /* B-33: the gateway has not answered from here */
	assert_int_equal(client_requests(VPN), 0);
	client_pass_ms(1200);
	assert_in_range(client_requests(WWAN), 1, 3); /* so that it may be inside as well */
	assert_blocked();
	client_vpn_moved(1, "100.64.0.2");
	assert_string_equal(rig_state(), "binding");
	assert_int_equal(client_requests(VPN), 1);
	client_accept(VPN);
	assert_mode_mc(TIA);
}

/* B-08, S-03, S-04, X-13: a new TIA, or another gateway with the same one. */
static void test_new_inner_address(void **state)
{
	struct caught c;

	(void)state;
	client_outside();
	client_vpn_down(1, "gw1");
	client_vpn_up(2, "gw1", "10.99.0.77");
	assert_blocked();
	c = client_caught(VPN);
	assert_int_equal(client_requests(VPN), 1);
	assert_int_equal(c.m.care_of.s_addr, ip("10.99.0.77").s_addr);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true });
	assert_mode_mc("10.99.0.77");
	client_pass_ms(1000);
	assert_int_equal(client_requests(VPN), 0);
	client_vpn_up(3, "gw2", "10.99.0.77");
	assert_int_equal(client_requests(VPN), 1);
}

/* What came to us by the VPN leaves by the VPN: the address is guarded as long as we have it. */
static void test_inner_address_is_guarded(void **state)
{
	(void)state;
	client_attach(WLAN, CAFE);
	rig_assign("gw1", TIA, 7);
	assert_int_equal(rig_find(ACTION_HOME_SET)->home.s_addr, ip(TIA).s_addr);
	assert_int_equal(rig_find(ACTION_GUARD_SET)->home.s_addr, ip(TIA).s_addr);
	assert_true(rig_place(ACTION_GUARD_SET) < rig_place_of_command(CHARON_ANSWER));
	assert_null(rig_command(CHARON_ANSWER, 0)->refused);
	rig_charon(CHARON_IKE_UP, 1, "gw1");
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	client_vpn_down(1, "gw1");
	assert_int_equal(rig_find(ACTION_HOME_DEL)->home.s_addr, ip(TIA).s_addr);
	assert_int_equal(rig_find(ACTION_GUARD_DEL)->home.s_addr, ip(TIA).s_addr);
	rig_assign("gw1", HOME, 8); /* a gateway cannot take the home address for its own */
	assert_non_null(rig_command(CHARON_ANSWER, 0)->refused);
	rig_assign("gw1", "224.0.0.1", 9);
	assert_non_null(rig_command(CHARON_ANSWER, 0)->refused);
}

/* B-09: rekeying and reauthentication keep the address: nobody hears of it. */
static void test_reauthentication(void **state)
{
	const struct charon_event replaced = { .type = CHARON_IKE_REPLACED, .sa = 1, .new_sa = 2, .connection = "gw1" };

	(void)state;
	client_outside();
	client_vpn_up(2, "gw1", TIA);
	rig_charon_event(&replaced);
	assert_null(rig_find(ACTION_HOME_DEL));
	client_pass_ms(1000);
	assert_mode_mc(TIA);
	assert_int_equal(client_requests(VPN), 0);
}

/* B-23: renewed at three quarters of the lifetime; without an answer for the rest of it there is no binding. */
static void test_refresh_outside(void **state)
{
	(void)state;
	client_outside();
	client_pass_ms(1349000);
	assert_int_equal(client_requests(VPN), 0);
	client_pass_ms(2000);
	assert_in_range(client_requests(VPN), 1, 10);
	assert_mode_mc(TIA);
	client_pass_ms(450000);
	assert_string_equal(rig_state(), "binding");
	assert_blocked();
	client_accept(VPN);
	assert_mode_mc(TIA);
}

/* B-27, B-33: an answer without TNC moved the binding to where it must not be; it is taken back through the VPN. */
static void test_binding_in_the_open_is_taken_back(void **state)
{
	struct caught c;

	(void)state;
	client_outside();
	client_attach(ETH, "198.51.100.4");
	assert_mode_mc(TIA);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true });
	assert_string_equal(rig_state(), "binding");
	assert_blocked();
	assert_int_equal(client_requests(VPN), 1);
	client_accept(VPN);
	assert_mode_mc(TIA);
}

/* Outside, another link is looked at beside the tunnel, which is as good as before; then it is inside. */
static void test_from_outside_to_inside(void **state)
{
	(void)state;
	client_outside();
	client_attach(ETH, OFFICE);
	assert_mode_mc(TIA);
	client_accept(ETH);
	assert_string_equal(client_mode(), "c");
	assert_false(client_path.vpn);
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
}

/* B-41 */
static void test_tunnel_is_closed_inside(void **state)
{
	(void)state;
	rig.conf.keep_ike = false;
	client_restart();
	client_outside();
	client_attach(ETH, OFFICE);
	client_accept(ETH);
	assert_non_null(rig_command(CHARON_CLOSE_IKE, 0));
}

/* B-49: the inner address is a private one, behind a NAT of its own. */
static void test_udp_inside_the_vpn(void **state)
{
	struct caught c;

	(void)state;
	rig.conf.client.udp = MN_UDP_OFFER;
	client_restart();
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(400);
	c = client_caught(VPN);
	assert_true(c.x.udp_request_at > 0);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true, .udp = true });
	assert_mode_mc(TIA);
	assert_int_equal(client_path.tunnel.encap, ENCAP_UDP);
}

/* We were started anew beside a charon that runs: its inner address is told, or the VPN set up anew. */
static void test_restart_beside_charon(void **state)
{
	struct charon_event session = { .type = CHARON_SESSION, .sa = 4, .connection = "gw1", .children = 1 };

	(void)state;
	rig_restart();
	rig_net(NET_LISTING, 0, NULL);
	rig_net(NET_LISTED, 0, NULL);
	rig_charon(CHARON_CONNECTED, 0, NULL);
	session.address = ip(TIA);
	session.local = ip(CAFE);
	rig_charon_event(&session);
	rig_charon(CHARON_LISTED, 0, NULL);
	client_attach(WLAN, CAFE);
	client_pass_ms(400);
	assert_int_equal(client_caught(VPN).from.s_addr, ip(TIA).s_addr);
	client_restart();
	session.address = ip("0.0.0.0");
	rig_charon_event(&session);
	assert_non_null(rig_command(CHARON_CLOSE_IKE, 0));
}

/* The refusal of a binding through the VPN leaves nothing open, and is asked again. */
static void test_refused_outside(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, CAFE);
	client_vpn_up(1, "gw1", TIA);
	client_pass_ms(400);
	c = client_caught(VPN);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_NO_RESOURCES });
	assert_blocked();
	client_pass_ms(9900);
	assert_int_equal(client_requests(VPN), 0);
	client_pass_ms(200);
	client_accept(VPN);
	assert_mode_mc(TIA);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_gateway_alone),
		CASE(test_tnc_through_vpn),
		CASE(test_both_gateway_first),
		CASE(test_both_home_agent_first),
		CASE(test_home_agent_alone),
		CASE(test_nobody),
		CASE(test_proof_after_vpn_request),
		CASE(test_move_outside),
		CASE(test_leaving_with_kept_tunnel),
		CASE(test_new_inner_address),
		CASE(test_inner_address_is_guarded),
		CASE(test_reauthentication),
		CASE(test_home_agent_comes_back),
		CASE(test_refresh_outside),
		CASE(test_binding_in_the_open_is_taken_back),
		CASE(test_from_outside_to_inside),
		CASE(test_tunnel_is_closed_inside),
		CASE(test_udp_inside_the_vpn),
		CASE(test_restart_beside_charon),
		CASE(test_refused_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
