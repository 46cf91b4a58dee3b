/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A station behind a switch goes without a word: it is asked, and then let go (L-03, G-11). */
#include "codec/arp.h"
#include "mpa_rig.h"

enum { PERIOD_S = 60, SECOND_MS = 1000 };

static int watched(void **state)
{
	int r = rig_setup(state);

	rig.accesses[0].presence_s = PERIOD_S;
	rig_restart();
	rig_serve();
	return r;
}

static void hear_arp(uint16_t op, const char *sender)
{
	uint8_t frame[64];
	struct wr w = wr_init(frame, sizeof(frame));
	struct arp a = { .op = op, .sender = ip(sender), .target = ip("10.42.0.1") };

	memcpy(a.sender_mac, alice_mac, sizeof(alice_mac));
	ether_build(&w, gateway_mac, alice_mac, ETHER_ARP);
	arp_build(&w, &a);
	rig_feed(&w);
}

static void pass_s(unsigned s)
{
	while (s-- > 0)
		rig_pass_ms(SECOND_MS);
}

static void the_silent_are_asked(void **state)
{
	const struct action *a;

	(void)state;
	pass_s(PERIOD_S - 1);
	assert_null(rig_find(ACTION_SEND_FRAME));
	pass_s(1);
	a = rig_find(ACTION_SEND_FRAME);
	assert_int_equal(a->ifindex, PORT);
	/* RFC 826: to the station alone, who has 10.42.0.20? tell 10.42.0.1 */
	assert_octets(a->octets.p, 42,
		      "020000000001 00005e000133 0806 0001 0800 06 04 0001"
		      "00005e000133 0a2a0001 000000000000 0a2a0014");
}

static void who_answers_stays(void **state)
{
	(void)state;
	pass_s(PERIOD_S);
	hear_arp(ARP_REPLY, "10.42.0.20");
	pass_s(PERIOD_S - 1);
	assert_null(rig_find(ACTION_SEND_FRAME));
	assert_string_equal(rig_state(), "served");
	pass_s(1);
	assert_non_null(rig_find(ACTION_SEND_FRAME));
	assert_int_equal(rig_counter("presence_asked"), 2);
}

static void who_does_not_is_lost_and_comes_back_by_itself(void **state)
{
	(void)state;
	pass_s(PERIOD_S + 2);
	assert_int_equal(rig_counter("presence_asked"), 3);
	assert_string_equal(rig_state(), "served");
	pass_s(1);
	assert_string_equal(rig_state(), "holding");
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_int_equal(rig_counter("presence_lost"), 1);
	hear_arp(ARP_REQUEST, "10.42.0.20");
	assert_string_equal(rig_state(), "served");
	pass_s(PERIOD_S); /* and is watched as before */
	assert_int_equal(rig_counter("presence_asked"), 4);
}

/* Where a frame would not bring it back, its authenticator tells who left. */
static void nobody_is_asked_who_could_not_return(void **state)
{
	(void)state;
	rig.accesses[0].trusted = false;
	pass_s(2 * PERIOD_S);
	assert_int_equal(rig_counter("presence_asked"), 0);
	assert_string_equal(rig_state(), "served");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, watched, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_silent_are_asked),
		TEST(who_answers_stays),
		TEST(who_does_not_is_lost_and_comes_back_by_itself),
		TEST(nobody_is_asked_who_could_not_return),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
