/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home address stays where sockets find it, and leaves the host in clear by no other link. */
#include "mn_rig.h"

/* nothing is stopped while it is not decided; the home address stays where sockets find it. */
static void the_home_address_stays_throughout(void **state)
{
	(void)state;
	rig_inside();
	rig_link(ETH, false);
	rig_pass_ms(100);
	assert_null(rig_find(ACTION_HOME_DEL));
	rig_charon(CHARON_GONE, 0, NULL);
	rig_link(WWAN, false);
	rig_pass_ms(100000);
	assert_string_equal(rig_state(), "nowhere");
	assert_null(rig_find(ACTION_HOME_DEL));
}

/* In clear only by a link that has the home address; and it is let pass before the tunnel goes, so that nothing is lost. */
static void the_guard_follows_the_link(void **state)
{
	(void)state;
	rig_boot();
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	assert_null(rig_find(ACTION_GUARD_SET));
	rig_assign("gw1", HOME, 1);
	assert_int_equal(rig_find(ACTION_GUARD_SET)->home.s_addr, ip(HOME).s_addr);
	assert_true(rig_place(ACTION_HOME_SET) < rig_place(ACTION_GUARD_SET)); /* the device is there */
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_non_null(rig_find(ACTION_GUARD_DEL));
	rig_child_down(1, true);
	assert_null(rig_find(ACTION_GUARD_SET));
	rig_link(ETH, false);
	assert_non_null(rig_find(ACTION_GUARD_SET));
	rig_link(WWAN, false);
	assert_null(rig_find(ACTION_GUARD_DEL));
	rig_net(NET_LINK_GONE, HF0, NULL);
	assert_true(rig_place(ACTION_HOME_SET) < rig_place(ACTION_GUARD_SET));
}

static void the_guard_follows_the_address(void **state)
{
	(void)state;
	rig_outside();
	rig_assign("gw1", "10.42.0.99", 1);
	assert_int_equal(rig_find(ACTION_GUARD_DEL)->home.s_addr, ip(HOME).s_addr);
	assert_int_equal(rig_find(ACTION_GUARD_SET)->home.s_addr, ip("10.42.0.99").s_addr);
}

/* What an earlier run left is put right. */
static void the_guard_is_put_right_at_the_start(void **state)
{
	(void)state;
	rig_net(NET_LISTING, 0, NULL);
	rig_link(HF0, true);
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, HF0, HOME);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_net(NET_LISTED, 0, NULL);
	assert_non_null(rig_find(ACTION_GUARD_DEL));
}

static void no_guard_where_none_is_wanted(void **state)
{
	(void)state;
	rig.conf.guard = false;
	rig_restart();
	rig_inside();
	rig_link(ETH, false);
	assert_null(rig_find(ACTION_GUARD_SET));
	rig.conf.guard = true;
	rig.conf.inside = MN_INSIDE_NEVER;
	rig_restart();
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	assert_null(rig_find(ACTION_GUARD_DEL));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_home_address_stays_throughout), CASE(the_guard_follows_the_link),
		CASE(the_guard_follows_the_address),     CASE(the_guard_is_put_right_at_the_start),
		CASE(no_guard_where_none_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
