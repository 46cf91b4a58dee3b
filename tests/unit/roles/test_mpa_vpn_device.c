/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VPN users at their layer-3 device: what the data plane is told, and what packets of others do not do. */
#include "mpa_rig.h"

enum { SA = 9, REQID = 7, OTHER_REQID = 8, DEVICE = 20, NEXT_DEVICE = 21 };

static int setup(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	rig_use_vpn();
	rig_restart();
	mpa_on_device(rig.mpa, rig.now, DEVICE, &rig.out);
	return 0;
}

static void say(struct charon_event e)
{
	e.sa = SA;
	e.id = (struct identity){ .type = IDENTITY_EMAIL, .text = "dora@example.com" };
	e.eap = e.connection = e.child = e.why = "";
	e.remote = ip("198.51.100.9");
	e.remote_port = 4500;
	actions_clear(&rig.out);
	mpa_on_charon(rig.mpa, rig.now, &e, &rig.out);
}

static void connect_user(void)
{
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 1 });
	rig_answer(&(struct rig_reply){ 0 });
	say((struct charon_event){ .type = CHARON_IKE_UP });
	say((struct charon_event){ .type = CHARON_CHILD_UP, .reqid = REQID });
	assert_string_equal(rig_state(), "served");
}

static const struct dp_visitor *visitor(enum action_type type)
{
	const struct action *a = rig_find(type);

	assert_non_null(a);
	return &a->visitor;
}

/* where the kernel does ESP, the reqid of its CHILD_SA tells whose a packet is. */
static void the_data_plane_knows_the_sa(void **state)
{
	(void)state;
	connect_user();
	assert_true(visitor(ACTION_VISITOR_SET)->layer3);
	assert_false(visitor(ACTION_VISITOR_SET)->held);
	assert_int_equal(visitor(ACTION_VISITOR_SET)->ifindex, DEVICE);
	assert_int_equal(visitor(ACTION_VISITOR_SET)->reqid, REQID);
	assert_int_equal(visitor(ACTION_VISITOR_SET)->home.s_addr, ip("10.42.0.20").s_addr);
	say((struct charon_event){ .type = CHARON_CHILD_UP, .reqid = REQID });
	assert_null(rig_find(ACTION_VISITOR_SET)); /* nothing new */
	say((struct charon_event){ .type = CHARON_CHILD_UP, .reqid = OTHER_REQID });
	assert_int_equal(visitor(ACTION_VISITOR_SET)->reqid, OTHER_REQID);
}

static void packet_by(uint32_t reqid)
{
	static const uint8_t no_mac[MAC_OCTETS];

	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, DEVICE, no_mac, ip("10.42.0.20"), reqid, &rig.out);
}

/* G-12: a displaced user comes back by its own packets; else one user could fetch another out of the office. */
static void only_its_own_packets_bring_a_user_back(void **state)
{
	(void)state;
	connect_user();
	rig_revoke(60, "10.0.0.1", true);
	assert_string_equal(rig_state(), "displaced");
	rig_pass_ms(5000);
	packet_by(OTHER_REQID);
	assert_string_equal(rig_state(), "displaced");
	assert_int_equal(rig_counter("spoofed_packets"), 1);
	packet_by(REQID);
	assert_string_equal(rig_state(), "registering");
}

/* Where ESP is done in userspace, which has looked at the source, packets have no reqid. */
static void userspace_esp_has_looked(void **state)
{
	(void)state;
	connect_user();
	rig_revoke(60, "10.0.0.1", true);
	rig_pass_ms(5000);
	packet_by(0);
	assert_string_equal(rig_state(), "registering");
}

/* charon restarted: its device is another one, and no entry is left of the old one. */
static void visitors_move_to_the_new_device(void **state)
{
	size_t del, set;

	(void)state;
	connect_user();
	actions_clear(&rig.out);
	mpa_on_device(rig.mpa, rig.now, NEXT_DEVICE, &rig.out);
	assert_int_equal(visitor(ACTION_VISITOR_DEL)->ifindex, DEVICE);
	assert_int_equal(visitor(ACTION_VISITOR_SET)->ifindex, NEXT_DEVICE);
	del = rig_place(ACTION_VISITOR_DEL, 0);
	set = rig_place(ACTION_VISITOR_SET, 0);
	assert_true(del < set);
}

/* Also of one whose packets are held while its request is under way. */
static void held_visitors_go_with_the_device(void **state)
{
	(void)state;
	connect_user();
	rig_revoke(60, "10.0.0.1", true);
	rig_pass_ms(5000);
	packet_by(REQID);
	assert_string_equal(rig_state(), "registering");
	assert_true(visitor(ACTION_VISITOR_SET)->held);
	actions_clear(&rig.out);
	mpa_on_device(rig.mpa, rig.now, 0, &rig.out);
	assert_int_equal(visitor(ACTION_VISITOR_DEL)->ifindex, DEVICE);
	assert_null(rig_find(ACTION_VISITOR_SET));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_data_plane_knows_the_sa),      TEST(only_its_own_packets_bring_a_user_back),
		TEST(userspace_esp_has_looked),         TEST(visitors_move_to_the_new_device),
		TEST(held_visitors_go_with_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
