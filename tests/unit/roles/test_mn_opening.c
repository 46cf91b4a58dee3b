/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, the trigger, and bringing tunnels up: which gateway, when, and what if it does not answer. */
#include "mn_rig.h"

static void on_wwan(void)
{
	rig_boot();
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
}

static void opens_the_first_gateway(void **state)
{
	(void)state;
	on_wwan();
	assert_string_equal(rig_state(), "connecting");
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	assert_string_equal(rig_command(CHARON_OPEN, 0)->child, "net");
	assert_null(rig_command(CHARON_OPEN, 1));
	rig_charon(CHARON_IKE_UP, 1, "gw1");
	assert_string_equal(rig_state(), "connecting");
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	assert_string_equal(rig_state(), "outside");
	rig_pass_ms(3600 * 1000);
	assert_null(rig_find(ACTION_CHARON));
}

static void waits_for_charon(void **state)
{
	(void)state;
	rig_net(NET_LISTING, 0, NULL);
	rig_link(WWAN, true);
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	rig_net(NET_LISTED, 0, NULL);
	rig_pass_ms(60000);
	assert_null(rig_find(ACTION_CHARON));
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon(CHARON_LISTED, 0, NULL);
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

/* gateways in order; a round without success is a pause, which doubles up to its longest. */
static void gateways_in_order_with_back_off(void **state)
{
	uint64_t pauses_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

	(void)state;
	on_wwan();
	rig_pass_ms(5);
	for (size_t i = 0; i < ARRAY_SIZE(pauses_ms); i++) {
		rig_pass_ms(6999);
		assert_null(rig_find(ACTION_CHARON));
		rig_pass_ms(1);
		assert_string_equal(rig_command(CHARON_CLOSE_IKE, 0)->connection, "gw1");
		assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
		assert_true(rig_place_of_command(CHARON_CLOSE_IKE) < rig_place_of_command(CHARON_OPEN));
		rig_pass_ms(6999 + pauses_ms[i]);
		assert_null(rig_command(CHARON_OPEN, 0));
		rig_pass_ms(1);
		assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	}
	assert_int_equal(rig_counter("open_failures"), 2 * ARRAY_SIZE(pauses_ms));
}

static void success_makes_pauses_short_again(void **state)
{
	(void)state;
	on_wwan();
	rig_pass_ms(100 * 1000); /* several rounds */
	rig_charon(CHARON_CHILD_UP, 5, "gw2");
	rig_pass_ms(10000);
	rig_charon(CHARON_IKE_DOWN, 5, "gw2");
	assert_string_equal(rig_state(), "connecting");
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	rig_pass_ms(14000);
	rig_pass_ms(999);
	assert_null(rig_command(CHARON_OPEN, 0));
	rig_pass_ms(2);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

/* A gateway that dies: the next one at once. One that takes us and throws us out again does not keep us busy. */
static void a_tunnel_that_does_not_last_counts_as_failure(void **state)
{
	size_t opens = 0;

	(void)state;
	on_wwan();
	for (uint32_t sa = 1; sa <= 100; sa++) {
		rig_pass_ms(100);
		if (!rig_command(CHARON_OPEN, 0))
			continue;
		opens++;
		rig_charon(CHARON_CHILD_UP, sa, rig_command(CHARON_OPEN, 0)->connection);
		rig_charon(CHARON_IKE_DOWN, sa, "gw1");
	}
	assert_in_range(opens, 4, 10); /* of 100: two at a time, pauses of 1, 2, 4 s */
}

static void a_refusal_is_noticed_at_once(void **state)
{
	(void)state;
	on_wwan();
	rig_pass_ms(5);
	rig_charon(CHARON_IKE_DOWN, 9, "gw1"); /* never was up */
	assert_non_null(rig_record("open_failed"));
	rig_pass_ms(0);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
}

/* The end of an IKE_SA we closed ourselves says nothing of the attempt after it. */
static void our_own_farewell_is_no_refusal(void **state)
{
	(void)state;
	rig.conf.connection_n = 1;
	rig_restart();
	on_wwan();
	rig_pass_ms(5);
	rig_route(WWAN, 600, true); /* another attempt, then */
	rig_pass_ms(990);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	rig_charon(CHARON_IKE_DOWN, 9, "gw1"); /* of the first attempt */
	assert_null(rig_record("open_failed"));
	rig_charon(CHARON_IKE_DOWN, 10, "gw1");
	assert_non_null(rig_record("open_failed"));
}

/* Charon had nothing that we could have closed, and says nothing of it: the next end is no farewell. */
static void a_farewell_that_never_comes(void **state)
{
	(void)state;
	on_wwan();
	rig_pass_ms(5);
	rig_pass_ms(7000); /* timeout, of the first gateway */
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
	rig_charon(CHARON_IKE_DOWN, 9, "gw2"); /* at once, and not of what was closed */
	assert_non_null(rig_record("open_failed"));
	rig_pass_ms(1000); /* pause */
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	rig_charon(CHARON_IKE_DOWN, 10, "gw1");
	assert_non_null(rig_record("open_failed"));
}

/* charon must have moved the IKE_SA before it uses it, or it repeats a request that cannot be answered. */
static void a_kept_ike_sa_moves_first(void **state)
{
	(void)state;
	rig_inside(); /* its path is by ETH */
	rig_link(ETH, false);
	rig_pass_ms(40);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	assert_null(rig_command(CHARON_OPEN, 0));
	assert_non_null(rig_record("moving"));
	rig_moved(1, "100.64.0.2");
	rig_pass_ms(0);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	assert_int_equal(rig_counter("open_failures"), 0);
}

static void a_kept_ike_sa_that_cannot_move_is_given_up(void **state)
{
	(void)state;
	rig_inside();
	rig_link(ETH, false);
	rig_pass_ms(1900);
	assert_null(rig_command(CHARON_OPEN, 0));
	rig_net(NET_ROUTE, WWAN, NULL); /* the time counts from the last change */
	rig_pass_ms(1900);
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
	rig_pass_ms(200);
	assert_int_equal(rig_command(CHARON_CLOSE_IKE, 0)->sa, 1);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
}

/* with another gateway the address is the same, and nothing is said about it. */
static void same_address_from_another_gateway(void **state)
{
	(void)state;
	rig_outside();
	rig_charon(CHARON_IKE_DOWN, 1, "gw1");
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
	rig_assign("gw2", HOME, 2);
	assert_null(rig_record("home_address"));
	assert_int_equal(rig_command(CHARON_ANSWER, 0)->request, 2);
	assert_null(rig_command(CHARON_ANSWER, 0)->refused);
	rig_charon(CHARON_CHILD_UP, 2, "gw2");
	assert_string_equal(rig_state(), "outside");
}

/* configured first, confirmed then. */
static void the_address_is_set_before_it_is_confirmed(void **state)
{
	(void)state;
	on_wwan();
	rig_assign("gw1", HOME, 5);
	assert_int_equal(rig_find(ACTION_HOME_SET)->home.s_addr, ip(HOME).s_addr);
	assert_true(rig_place(ACTION_HOME_SET) < rig_place_of_command(CHARON_ANSWER));
	assert_int_equal(rig_command(CHARON_ANSWER, 0)->request, 5);
	assert_int_equal(rig_record("home_address")->level, RECORD_NOTICE);
}

static void another_address_replaces_the_first_with_a_warning(void **state)
{
	(void)state;
	rig_outside();
	rig_assign("gw2", "10.42.0.99", 5);
	assert_int_equal(rig_find(ACTION_HOME_SET)->home.s_addr, ip("10.42.0.99").s_addr);
	assert_int_equal(rig_find(ACTION_HOME_DEL)->home.s_addr, ip(HOME).s_addr);
	assert_int_equal(rig_record("home_address")->level, RECORD_WARN);
	assert_null(rig_command(CHARON_ANSWER, 0)->refused);
	assert_int_equal(rig_counter("home_changed"), 1);
	rig_net(NET_ADDRESS_GONE, HF0, HOME); /* our own doing */
	assert_null(rig_find(ACTION_HOME_SET));
}

static void addresses_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "0.1.2.3" };

	(void)state;
	rig_outside();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		rig_assign("gw1", bad[i], 6);
		assert_null(rig_find(ACTION_HOME_SET));
		assert_null(rig_find(ACTION_HOME_DEL));
		assert_non_null(rig_command(CHARON_ANSWER, 0)->refused);
	}
	rig_assign("somebody-else", "10.1.2.3", 7);
	assert_null(rig_find(ACTION_HOME_SET));
	assert_non_null(rig_command(CHARON_ANSWER, 0)->refused);
}

static void what_somebody_took_away_goes_back(void **state)
{
	(void)state;
	rig_outside();
	rig_net(NET_ADDRESS_GONE, HF0, HOME);
	assert_int_equal(rig_find(ACTION_HOME_SET)->home.s_addr, ip(HOME).s_addr);
	assert_int_equal(rig_record("home_address")->level, RECORD_WARN);
	rig_net(NET_ADDRESS_GONE, HF0, HOME);
	assert_null(rig_find(ACTION_HOME_SET)); /* not a fight: once a second */
	rig_pass_ms(1000);
	assert_non_null(rig_find(ACTION_HOME_SET));
	rig_pass_ms(1000);
	assert_null(rig_find(ACTION_HOME_SET));
	rig_net(NET_LINK_GONE, HF0, NULL);
	assert_non_null(rig_find(ACTION_HOME_SET));
	rig_pass_ms(1000);
	rig_net(NET_LISTING, 0, NULL); /* news were lost, and HF0 is not there */
	rig_link(WWAN, true);
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	rig_net(NET_LISTED, 0, NULL);
	assert_true(rig_place(ACTION_HOME_SET) < rig_place(ACTION_GUARD_SET));
}

/* Several changes are one move: the trigger waits for a pause, and not for long. */
static void changes_are_gathered(void **state)
{
	(void)state;
	rig_outside();
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS_GONE, WWAN, "100.64.0.2");
	rig_pass_ms(1);
	rig_net(NET_ADDRESS, WLAN, "192.168.7.23");
	assert_null(rig_find(ACTION_CHARON));
	rig_pass_ms(1);
	assert_null(rig_find(ACTION_CHARON));
	rig_net(NET_ROUTE, WLAN, NULL);
	rig_pass_ms(2);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	assert_null(rig_command(CHARON_ROAM, 1));
	for (int i = 0; i < 5; i++) { /* without a pause, at the latest after 5 ms */
		rig_net(i % 2 ? NET_ADDRESS_GONE : NET_ADDRESS, WLAN, "192.168.7.99");
		assert_null(rig_find(ACTION_CHARON));
		rig_pass_ms(1);
	}
	assert_non_null(rig_command(CHARON_ROAM, 0));
}

static void no_trigger_without_a_change(void **state)
{
	(void)state;
	rig_outside();
	rig_link(WWAN, true);                      /* as before */
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");  /* as before */
	rig_net(NET_ADDRESS, WWAN, "169.254.3.4"); /* leads nowhere */
	rig_net(NET_ADDRESS, HF0, HOME);           /* ours */
	rig_net(NET_LINK, 20, "ipsec0");           /* charon's */
	rig_net(NET_ADDRESS, 20, "10.99.0.1");
	rig_net(NET_ROUTE, 20, NULL);
	rig_net(NET_LINK, 21, "docker0");
	rig_net(NET_ADDRESS, 21, "172.17.0.1");
	rig_net(NET_LINK, 1, "lo");
	rig_net(NET_ADDRESS, 1, "127.0.0.1");
	rig_pass_ms(100);
	assert_null(rig_find(ACTION_CHARON));
	rig_net(NET_LINK, 22, "docker1");
	rig_net(NET_ADDRESS, 22, "172.18.0.1"); /* not the one that was named */
	rig_pass_ms(100);
	assert_non_null(rig_command(CHARON_ROAM, 0));
}

static void without_a_way_out_nothing_is_tried(void **state)
{
	(void)state;
	rig_outside();
	rig_link(WWAN, false);
	assert_string_equal(rig_state(), "nowhere");
	rig_charon(CHARON_IKE_DOWN, 1, "gw1");
	rig_pass_ms(3600 * 1000);
	assert_null(rig_find(ACTION_CHARON));
	rig_link(WWAN, true);
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

static void a_blink_of_the_link_keeps_the_tunnel(void **state)
{
	(void)state;
	rig_outside();
	rig_link(WWAN, false);
	rig_pass_ms(3000);
	rig_link(WWAN, true);
	assert_string_equal(rig_state(), "outside");
	rig_pass_ms(1000);
	assert_null(rig_command(CHARON_OPEN, 0));
	assert_non_null(rig_command(CHARON_ROAM, 0));
}

/* IKE_SA_INIT left by an address that is gone: its answer will not come. */
static void moved_before_the_answer(void **state)
{
	(void)state;
	on_wwan();
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_OPEN, 0));
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS, WLAN, "192.168.7.23");
	rig_net(NET_ADDRESS_GONE, WWAN, "100.64.0.2");
	assert_string_equal(rig_command(CHARON_CLOSE_IKE, 0)->connection, "gw1");
	assert_int_equal(rig_command(CHARON_CLOSE_IKE, 0)->sa, 0);
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1"); /* the same: it is not to blame */
	assert_int_equal(rig_counter("open_failures"), 0);
}

static void the_link_went_before_the_answer(void **state)
{
	(void)state;
	on_wwan();
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS, WLAN, "192.168.7.23");
	rig_pass_ms(5);
	rig_link(WWAN, false);
	assert_non_null(rig_command(CHARON_CLOSE_IKE, 0));
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
}

/* DHCP gives the address first and the route some time later. */
static void the_route_comes_late(void **state)
{
	(void)state;
	on_wwan();
	rig_pass_ms(50);
	rig_net(NET_ROUTE, WWAN, NULL);
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

static void news_of_links_cut_a_pause_short(void **state)
{
	(void)state;
	on_wwan();
	rig_pass_ms(4 * 14000 + 7000); /* in the pause of 8 s */
	rig_pass_ms(2000);
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS, WLAN, "192.168.7.23");
	rig_pass_ms(0);
	assert_non_null(rig_command(CHARON_OPEN, 0));
}

/* Chaos: charon is killed and comes back. */
static void charon_comes_back(void **state)
{
	(void)state;
	rig_outside();
	rig_charon(CHARON_GONE, 0, NULL);
	assert_string_equal(rig_state(), "connecting");
	assert_non_null(rig_record("charon_gone"));
	rig_pass_ms(10000);
	assert_null(rig_find(ACTION_CHARON));
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon(CHARON_LISTED, 0, NULL);
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw1");
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	assert_string_equal(rig_state(), "outside");
}

static void count_link(void *ctx, const struct mn_link_view *v)
{
	(void)v;
	(*(int *)ctx)++;
}

static void news_that_were_lost_are_found(void **state)
{
	int links = 0;

	(void)state;
	rig_outside();
	rig_net(NET_LISTING, 0, NULL);
	rig_link(HF0, true);
	rig_net(NET_ADDRESS, HF0, HOME);
	rig_link(WLAN, true);
	rig_net(NET_ADDRESS, WLAN, "192.168.7.23");
	rig_net(NET_LISTED, 0, NULL); /* WWAN was not named, ETH neither */
	mn_each_link(rig.mn, count_link, &links);
	assert_int_equal(links, 1);
	rig_pass_ms(5);
	assert_non_null(rig_command(CHARON_ROAM, 0));
	rig_link(WLAN, false);
	assert_string_equal(rig_state(), "nowhere");
}

/* Make before break: the second tunnel is there before the first is given up, and nobody takes that for a crossing. */
static void another_gateway_on_command(void **state)
{
	struct mn_view v;

	(void)state;
	rig_outside();
	actions_clear(&rig.out);
	assert_int_equal(mn_use(rig.mn, rig.now, "gw2", &rig.out), 0);
	assert_int_equal(mn_use(rig.mn, rig.now, "gw2", &rig.out), 0); /* it is being done */
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
	assert_null(rig_command(CHARON_OPEN, 1));
	assert_null(rig_command(CHARON_CLOSE_IKE, 0));
	assert_string_equal(rig_state(), "outside");
	rig_charon(CHARON_IKE_UP, 2, "gw2");
	rig_charon(CHARON_CHILD_UP, 2, "gw2");
	rig_child_down(1, true); /* the anchor revoked there */
	assert_string_equal(rig_state(), "outside");
	mn_describe(rig.mn, &v);
	assert_string_equal(v.gateway, "gw2");
	assert_int_equal(v.children, 1);
	assert_int_equal(mn_use(rig.mn, rig.now, "gw2", &rig.out), -EALREADY);
	assert_int_equal(mn_use(rig.mn, rig.now, "gw9", &rig.out), -ENOENT);
	rig_pass_ms(3600 * 1000);
	assert_null(rig_find(ACTION_CHARON));
}

static void a_wanted_gateway_that_is_dead_changes_nothing(void **state)
{
	(void)state;
	rig_outside();
	assert_int_equal(mn_use(rig.mn, rig.now, "gw2", &rig.out), 0);
	rig_pass_ms(7000);
	assert_string_equal(rig_command(CHARON_CLOSE_IKE, 0)->connection, "gw2");
	assert_non_null(rig_record("open_failed"));
	rig_pass_ms(3600 * 1000);
	assert_null(rig_find(ACTION_CHARON));
	assert_string_equal(rig_state(), "outside");
	rig_charon(CHARON_IKE_DOWN, 1, "gw1"); /* and it is still the one that is next */
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
}

static void a_gateway_wanted_inside_is_for_later(void **state)
{
	(void)state;
	rig_inside();
	assert_int_equal(mn_use(rig.mn, rig.now, "gw2", &rig.out), 0);
	rig_pass_ms(60000);
	assert_null(rig_find(ACTION_CHARON));
	rig_link(ETH, false);
	rig_pass_ms(5);
	assert_string_equal(rig_command(CHARON_OPEN, 0)->connection, "gw2");
	rig_charon(CHARON_GONE, 0, NULL);
	assert_int_equal(mn_use(rig.mn, rig.now, "gw1", &rig.out), -ENOTCONN);
}

static void sessions_of_others_are_left_alone(void **state)
{
	(void)state;
	on_wwan();
	rig_charon(CHARON_IKE_UP, 30, "office-printer");
	rig_charon(CHARON_CHILD_UP, 30, "office-printer");
	assert_string_equal(rig_state(), "connecting");
	rig_charon(CHARON_IKE_DOWN, 30, "office-printer");
	assert_null(rig_record("ike_down"));
}

/* What the kernel and charon can pile up has an end, and it is counted. */
static void tables_have_an_end(void **state)
{
	char text[32];

	(void)state;
	rig_outside();
	for (uint32_t i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "v%u", i);
		rig_net(NET_LINK, 100 + i, text);
	}
	for (uint32_t i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "10.1.1.%u", i + 1);
		rig_net(NET_ADDRESS, WWAN, text);
	}
	for (uint32_t i = 0; i < 100; i++)
		rig_charon(CHARON_IKE_UP, 100 + i, "gw2");
	assert_int_equal(rig_counter("links_full"), 100 - (64 - 3));
	assert_int_equal(rig_counter("addresses_full"), 100 - (16 - 1));
	assert_int_equal(rig_counter("sessions_full"), 100 - (16 - 1));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		CASE(opens_the_first_gateway),
		CASE(waits_for_charon),
		CASE(gateways_in_order_with_back_off),
		CASE(success_makes_pauses_short_again),
		CASE(a_tunnel_that_does_not_last_counts_as_failure),
		CASE(a_refusal_is_noticed_at_once),
		CASE(our_own_farewell_is_no_refusal),
		CASE(a_farewell_that_never_comes),
		CASE(a_kept_ike_sa_moves_first),
		CASE(a_kept_ike_sa_that_cannot_move_is_given_up),
		CASE(same_address_from_another_gateway),
		CASE(the_address_is_set_before_it_is_confirmed),
		CASE(another_address_replaces_the_first_with_a_warning),
		CASE(addresses_that_are_none_are_refused),
		CASE(what_somebody_took_away_goes_back),
		CASE(changes_are_gathered),
		CASE(no_trigger_without_a_change),
		CASE(without_a_way_out_nothing_is_tried),
		CASE(a_blink_of_the_link_keeps_the_tunnel),
		CASE(moved_before_the_answer),
		CASE(the_link_went_before_the_answer),
		CASE(the_route_comes_late),
		CASE(news_of_links_cut_a_pause_short),
		CASE(charon_comes_back),
		CASE(news_that_were_lost_are_found),
		CASE(another_gateway_on_command),
		CASE(a_wanted_gateway_that_is_dead_changes_nothing),
		CASE(a_gateway_wanted_inside_is_for_later),
		CASE(sessions_of_others_are_left_alone),
		CASE(tables_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
