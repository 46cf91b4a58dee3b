/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside or outside: what counts as proof, and what charon is told at each crossing. */
#include "mn_rig.h"

static void one_change_of_state_one_record(void **state)
{
	const struct record *r;

	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	r = rig_record("state");
	assert_non_null(r);
	assert_string_equal(r->old_state, "outside");
	assert_string_equal(r->new_state, "crossing");
	assert_string_equal(r->nai, "alice@example.com");
	assert_true(strlen(r->reason) > 0);
	rig_net(NET_ADDRESS, ETH, HOME); /* repeated */
	assert_null(rig_record("state"));
}

/* the address alone is a hint. It fires the trigger, and nothing else. */
static void an_address_is_only_a_hint(void **state)
{
	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_string_equal(rig_state(), "crossing");
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	rig_pass_ms(3600 * 1000);
	assert_string_equal(rig_state(), "crossing");
	assert_null(rig_command(CHARON_CLOSE_CHILD, 0));
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
}

/* so is plain data. It fires the trigger once, until something changes. */
static void plain_data_is_only_a_hint(void **state)
{
	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_pass_ms(100);
	mn_on_plain(rig.mn, rig.now, ETH, &rig.out);
	assert_non_null(rig_command(CHARON_ROAM, 0)); /* at once */
	assert_non_null(rig_record("plain_data"));
	assert_int_equal(rig_find(ACTION_HINT_WATCH)->home.s_addr, INADDR_ANY);
	assert_string_equal(rig_state(), "outside");
	actions_clear(&rig.out);
	mn_on_plain(rig.mn, rig.now, ETH, &rig.out); /* was under way */
	assert_null(rig_find(ACTION_CHARON));
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_null(rig_find(ACTION_HINT_WATCH)); /* no news at such a link */
	rig_link(ETH, false);
	assert_int_equal(rig_find(ACTION_HINT_WATCH)->home.s_addr, ip(HOME).s_addr);
	actions_clear(&rig.out);
	mn_on_plain(rig.mn, rig.now, 99, &rig.out); /* by a link that does not count */
	assert_null(rig_find(ACTION_CHARON));
}

/* the gateway's word is the proof; the IKE_SA stays and nothing is opened. */
static void the_gateway_proves_it(void **state)
{
	struct mn_view v;

	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_pass_ms(10);
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "inside");
	assert_string_equal(rig_record("state")->reason, "eth0 has the home address, proven by the gateway");
	mn_describe(rig.mn, &v);
	assert_string_equal(v.native, "eth0");
	assert_string_equal(v.proof, "proven by the gateway");
	assert_int_equal(v.sa, 1);
	assert_int_equal(v.children, 0);
	rig_pass_ms(3600 * 1000);
	assert_string_equal(rig_state(), "inside");
	assert_null(rig_find(ACTION_CHARON));
	assert_int_equal(rig_counter("crossed_inside"), 1);
}

/* The deletion may overtake DHCP: the proof waits a second for the address. */
static void proof_may_come_first(void **state)
{
	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "crossing");
	rig_pass_ms(900);
	assert_null(rig_command(CHARON_OPEN, 0));
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_string_equal(rig_state(), "inside");
	rig_pass_ms(5000);
	assert_string_equal(rig_state(), "inside");
}

static void proof_does_not_wait_elsewhere(void **state)
{
	(void)state;
	rig_outside();
	rig_child_down(1, true);
	rig_link(WWAN, false);
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_string_equal(rig_state(), "connecting");
}

static void proof_without_an_address_is_over_soon(void **state)
{
	(void)state;
	rig_outside();
	rig_child_down(1, true);
	rig_pass_ms(1010);
	assert_string_equal(rig_state(), "connecting");
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	assert_true(rig_place_of_command(CHARON_ROAM) < rig_place_of_command(CHARON_OPEN));
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_string_equal(rig_state(), "connecting"); /* the old proof counts no more */
}

/* Who pulls the cable and plugs it in elsewhere, at a network that hands out the same address, proves nothing. */
static void proof_ends_with_its_link(void **state)
{
	(void)state;
	rig_inside();
	rig_link(ETH, false);
	rig_link(ETH, true);
	assert_string_equal(rig_state(), "connecting");
	rig_pass_ms(10);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

static void proof_ends_with_the_address(void **state)
{
	(void)state;
	rig_inside();
	rig_net(NET_ADDRESS_GONE, ETH, HOME);
	assert_string_equal(rig_state(), "connecting");
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_string_equal(rig_state(), "connecting");
}

/* A second link with the home address takes nothing over by itself, and takes nothing away. */
static void the_first_native_link_counts(void **state)
{
	(void)state;
	rig_inside();
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS, WLAN, HOME);
	assert_string_equal(rig_state(), "inside");
	rig_link(WLAN, false);
	assert_string_equal(rig_state(), "inside");
	rig_link(WLAN, true);
	rig_link(ETH, false);
	assert_string_equal(rig_state(), "connecting");
}

/* outside at once, on the IKE_SA that was kept. */
static void losing_the_link_is_outside_at_once(void **state)
{
	(void)state;
	rig_inside();
	rig_moved(1, "100.64.0.2"); /* its path is the phone network already */
	rig_link(ETH, false);
	assert_string_equal(rig_state(), "connecting");
	assert_string_equal(rig_record("state")->reason, "the link with the home address is lost");
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	assert_string_equal(rig_command(CHARON_OPEN, 0)->child, "net");
	assert_true(rig_place_of_command(CHARON_ROAM) < rig_place_of_command(CHARON_OPEN));
	assert_null(rig_command(CHARON_ROAM, 1)); /* one change, one search for the gateway */
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	assert_string_equal(rig_state(), "outside");
	assert_int_equal(rig_counter("crossed_outside"), 1);
	assert_int_equal(rig_counter("resumed"), 1);
}

/* A network manager that prefers another link says that the host is leaving, while the old link still carries. */
static void another_link_is_preferred(void **state)
{
	(void)state;
	rig_inside();
	rig_route(ETH, 100, true);
	rig_route(WWAN, 700, true);
	assert_string_equal(rig_state(), "inside");
	rig_route(WWAN, 50, true);
	assert_string_equal(rig_state(), "connecting");
	rig_pass_ms(50);
	assert_null(rig_command(CHARON_OPEN, 0)); /* not from the home address: that would say that we are inside */
	rig_moved(1, "100.64.0.2");
	rig_pass_ms(0);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	assert_string_equal(rig_state(), "outside");
	rig_route(WWAN, 50, false);
	assert_string_equal(rig_state(), "crossing");
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "inside");
}

static void routes_go_with_their_links(void **state)
{
	struct net_event replacing = { .type = NET_ROUTE, .name = "", .up = true, .replaces = true };

	(void)state;
	rig_inside();
	rig_route(ETH, 100, true);
	rig_route(WWAN, 50, true);
	assert_string_equal(rig_state(), "connecting");
	rig_link(WWAN, false); /* its route went without a word */
	rig_link(WWAN, true);
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	assert_string_equal(rig_state(), "crossing");
	rig_route(WWAN, 50, true);
	assert_string_equal(rig_state(), "outside");
	rig_net(NET_ADDRESS_GONE, WWAN, "100.64.0.2");
	assert_string_equal(rig_state(), "crossing");
	rig_route(WWAN, 50, true);
	assert_string_equal(rig_state(), "outside");
	replacing.ifindex = ETH;
	replacing.metric = 50;
	mn_on_net(rig.mn, rig.now, &replacing, &rig.out);
	assert_string_equal(rig_state(), "crossing");
	rig_route(WWAN, 40, true);
	assert_string_equal(rig_state(), "outside");
	replacing.ifindex = 77; /* by a link that is none of ours */
	replacing.metric = 40;
	mn_on_net(rig.mn, rig.now, &replacing, &rig.out);
	assert_string_equal(rig_state(), "crossing");
}

/* News were lost, and all is told again: half a list must not make us leave. */
static void a_listing_is_heard_to_its_end(void **state)
{
	(void)state;
	rig_inside();
	rig_route(ETH, 100, true);
	rig_route(WWAN, 700, true);
	rig_net(NET_LISTING, 0, NULL);
	rig_link(HF0, true);
	rig_link(WWAN, true);
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, HF0, HOME);
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_route(WWAN, 700, true);
	assert_string_equal(rig_state(), "inside");
	rig_route(ETH, 100, true);
	rig_net(NET_LISTED, 0, NULL);
	assert_string_equal(rig_state(), "inside");
	rig_net(NET_LISTING, 0, NULL);
	rig_link(ETH, true);
	rig_link(WWAN, true);
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	rig_net(NET_LISTED, 0, NULL);
	assert_string_equal(rig_state(), "connecting");
}

static void both_gateways_up_one_taken_down_is_no_proof(void **state)
{
	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_charon(CHARON_IKE_UP, 2, "gw2");
	rig_charon(CHARON_CHILD_UP, 2, "gw2");
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "crossing");
	assert_int_equal(rig_counter("proofs"), 0);
}

static void closed_by_somebody_here_is_no_proof(void **state)
{
	(void)state;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_child_down(1, false);
	assert_string_equal(rig_state(), "connecting");
}

static void a_tunnel_that_comes_up_inside_is_a_crossing(void **state)
{
	(void)state;
	rig_inside();
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	assert_string_equal(rig_state(), "crossing");
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "inside");
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	rig_child_down(1, false); /* nor does the proof of before count */
	assert_string_equal(rig_state(), "connecting");
}

/* Who crossed with proof did not fail. */
static void a_proven_crossing_makes_pauses_short_again(void **state)
{
	(void)state;
	rig_outside();
	for (int i = 0; i < 4; i++) { /* pauses of 1, 2, 4 s */
		rig_child_down(1, true);
		rig_pass_ms(4100);
		rig_charon(CHARON_CHILD_UP, 1, "gw1");
	}
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "inside");
	rig_link(ETH, false);
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	rig_child_down(1, true);
	rig_pass_ms(1100);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

/* the IKE_SA may be rekeyed, move or even end while we are inside. */
static void inside_outlives_its_ike_sa(void **state)
{
	const struct charon_event rekeyed = { .type = CHARON_IKE_REPLACED, .sa = 1, .new_sa = 7, .connection = "gw1" };
	struct mn_view v;

	(void)state;
	rig_inside();
	rig_charon_event(&rekeyed);
	mn_describe(rig.mn, &v);
	assert_int_equal(v.sa, 7);
	rig_charon(CHARON_IKE_DOWN, 7, "gw1");
	assert_string_equal(rig_state(), "inside");
	rig_pass_ms(60000);
	assert_null(rig_find(ACTION_CHARON));
	rig_link(ETH, false);
	rig_pass_ms(10);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	assert_int_equal(rig_counter("opened"), 2);
}

/* the tunnel's IKE_SA may go as well. */
static void keep_ike_no_closes_it(void **state)
{
	(void)state;
	rig.conf.keep_ike = false;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "inside");
	assert_int_equal(rig_command(CHARON_CLOSE_IKE, 0)->sa, 1);
}

static void policy_never(void **state)
{
	(void)state;
	rig.conf.inside = MN_INSIDE_NEVER;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_string_equal(rig_state(), "outside");
	rig_child_down(1, true);
	assert_string_equal(rig_state(), "connecting");
	rig_pass_ms(990);
	assert_null(rig_command(CHARON_OPEN, 0));
	rig_pass_ms(20);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

static void policy_address_closes_the_tunnel_itself(void **state)
{
	(void)state;
	rig.conf.inside = MN_INSIDE_ADDRESS;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_int_equal(rig_command(CHARON_CLOSE_CHILD, 0)->sa, 1);
	assert_string_equal(rig_state(), "crossing");
	rig_child_down(1, false);
	assert_string_equal(rig_state(), "inside");
	assert_string_equal(rig_record("state")->reason, "eth0 has the home address, by policy");
}

/* The gateway cannot be reached from inside: the tunnel must not swallow data until it is given up. */
static void policy_address_does_not_wait_for_the_gateway(void **state)
{
	(void)state;
	rig.conf.inside = MN_INSIDE_ADDRESS;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_pass_ms(990);
	assert_string_equal(rig_state(), "crossing");
	rig_pass_ms(20);
	assert_int_equal(rig_command(CHARON_CLOSE_IKE, 0)->sa, 1);
	assert_string_equal(rig_state(), "inside");
}

/* The link went before the tunnel was closed: it is wanted again. */
static void policy_address_changes_its_mind(void **state)
{
	(void)state;
	rig.conf.inside = MN_INSIDE_ADDRESS;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_link(ETH, false);
	assert_string_equal(rig_state(), "outside");
	rig_pass_ms(5000);
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
}

/* Hysteresis: a link that comes and goes does not take us along each time, and the record says why. */
static void policy_address_holds_off(void **state)
{
	const struct record *r;

	(void)state;
	rig.conf.inside = MN_INSIDE_ADDRESS;
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_child_down(1, false);
	assert_string_equal(rig_state(), "inside");
	rig_pass_ms(5000);
	rig_link(ETH, false); /* losing it is proof enough */
	assert_string_equal(rig_state(), "connecting");
	rig_pass_ms(100);
	rig_link(ETH, true);
	assert_string_equal(rig_state(), "connecting");
	r = rig_record("held_off");
	assert_non_null(r);
	assert_string_equal(r->reason, "eth0 has the home address, but the last crossing is too recent: "
				       "looked at again in 1900 ms");
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	rig_pass_ms(1890);
	assert_string_equal(rig_state(), "crossing");
	assert_null(rig_command(CHARON_CLOSE_CHILD, 0));
	rig_pass_ms(20);
	assert_non_null(rig_command(CHARON_CLOSE_CHILD, 0));
	rig_child_down(1, false);
	assert_string_equal(rig_state(), "inside");
	assert_int_equal(rig_counter("held_off"), 1);
}

/* Started anew in the middle of it: what is there is believed (design: the decision is recomputed at start). */
static void a_restart_inside_stays_inside(void **state)
{
	struct charon_event session = { .type = CHARON_SESSION, .sa = 1, .connection = "gw1" };

	(void)state;
	rig_net(NET_LISTING, 0, NULL);
	rig_link(HF0, true);
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, HF0, HOME);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_net(NET_LISTED, 0, NULL);
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon_event(&session);
	rig_charon(CHARON_LISTED, 0, NULL);
	assert_string_equal(rig_state(), "inside");
	rig_pass_ms(10000);
	assert_null(rig_command(CHARON_OPEN, 0));
}

static void a_restart_outside_stays_outside(void **state)
{
	struct charon_event session = { .type = CHARON_SESSION, .sa = 1, .connection = "gw2", .children = 1 };

	(void)state;
	rig_net(NET_LISTING, 0, NULL);
	rig_link(WWAN, true);
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	rig_net(NET_LISTED, 0, NULL);
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon_event(&session);
	rig_charon(CHARON_LISTED, 0, NULL);
	assert_string_equal(rig_state(), "outside");
	rig_pass_ms(10000);
	assert_null(rig_command(CHARON_OPEN, 0));
}

static void nothing_is_decided_before_the_links_are_known(void **state)
{
	(void)state;
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon(CHARON_LISTED, 0, NULL);
	rig_net(NET_LISTING, 0, NULL);
	rig_link(WWAN, true);
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	assert_null(rig_record("state"));
	rig_net(NET_LISTED, 0, NULL);
	assert_string_equal(rig_state(), "connecting");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		CASE(one_change_of_state_one_record),
		CASE(an_address_is_only_a_hint),
		CASE(plain_data_is_only_a_hint),
		CASE(the_gateway_proves_it),
		CASE(proof_may_come_first),
		CASE(proof_does_not_wait_elsewhere),
		CASE(proof_without_an_address_is_over_soon),
		CASE(proof_ends_with_its_link),
		CASE(proof_ends_with_the_address),
		CASE(the_first_native_link_counts),
		CASE(losing_the_link_is_outside_at_once),
		CASE(another_link_is_preferred),
		CASE(routes_go_with_their_links),
		CASE(a_listing_is_heard_to_its_end),
		CASE(both_gateways_up_one_taken_down_is_no_proof),
		CASE(closed_by_somebody_here_is_no_proof),
		CASE(a_tunnel_that_comes_up_inside_is_a_crossing),
		CASE(a_proven_crossing_makes_pauses_short_again),
		CASE(inside_outlives_its_ike_sa),
		CASE(keep_ike_no_closes_it),
		CASE(policy_never),
		CASE(policy_address_closes_the_tunnel_itself),
		CASE(policy_address_does_not_wait_for_the_gateway),
		CASE(policy_address_changes_its_mind),
		CASE(policy_address_holds_off),
		CASE(a_restart_inside_stays_inside),
		CASE(a_restart_outside_stays_outside),
		CASE(nothing_is_decided_before_the_links_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
