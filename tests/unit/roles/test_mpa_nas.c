/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is let in by RADIUS: users of VPN and PPP servers, at layer-3 devices. */
#include "login_rig.h"

enum { DEVICE = 20 };

static struct mpa_vpn vpn;

static void use_device(void)
{
	vpn = (struct mpa_vpn){ .interface = "ipsec0", .mtu = 1400, .hold_s = 300, .resume_s = 1 };
	rig.conf.vpns = &vpn;
	rig.conf.vpn_n = 1;
	memcpy(nas.access, "ipsec0", 7);
	nas.gives_address = true;
	restart();
	mpa_on_device(rig.mpa, rig.now, DEVICE, &rig.out);
}

/* L-40..L-42: a NAS that gives its users addresses gives them the home address. */
static void a_nas_that_gives_addresses(void **state)
{
	struct radius p;
	struct in_addr framed;

	(void)state;
	use_device();
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(rig_request().x.device_id.n, 0);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	assert_true(rig_find(ACTION_VISITOR_SET)->visitor.layer3);
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	assert_true(radius_find_ip4(&p, RADIUS_FRAMED_IP_ADDRESS, &framed));
	assert_int_equal(framed.s_addr, ip("10.42.0.20").s_addr);
	log_in(NULL, RADIUS_ACCESS_ACCEPT); /* again: the same, at once or after one more round trip */
	if (told(&p) == 0)
		rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	assert_true(radius_find_ip4(&p, RADIUS_FRAMED_IP_ADDRESS, &framed));
	assert_int_equal(framed.s_addr, ip("10.42.0.20").s_addr);
	stop(NULL, 1);
	assert_string_equal(rig_state(), "deregistering");
}

/* A VPN server that stays with the identity outside of the tunnelled method: its user is known by the session. And one
 * that takes somebody else's name for its outer identity does that person no harm. */
static void the_outer_identity(void **state)
{
	(void)state;
	use_device();
	said.session = "1-1";
	said.nas_port = 1;
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	granted.user = "bob@example.com";
	said.session = "1-2";
	said.nas_port = 2;
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.21" });
	granted.user = "alice@example.com"; /* in the records; bob's session it is */
	account(NULL, RADIUS_ACCT_START, 0);
	stop(NULL, 1);
	assert_string_equal(state_of("bob@example.com"), "deregistering");
	assert_string_equal(state_of("alice@example.com"), "served");
	granted.user = "anonymous@example.com";
	said.session = "1-1";
	said.nas_port = 9; /* of the IKE_SA, which was rekeyed */
	stop(NULL, 1);
	assert_string_equal(state_of("alice@example.com"), "deregistering");
}

enum { PPP3 = 23, PPP4 = 24, PPP_MTU = 1492 };

/* A PPP server on this machine, with two connections that nobody has logged in on. */
static void use_ppp(void)
{
	memcpy(nas.access, "ppp*", 5);
	nas.gives_address = true;
	restart();
	mpa_on_user_device(rig.mpa, rig.now, PPP3, "ppp3", PPP_MTU, &rig.out);
	mpa_on_user_device(rig.mpa, rig.now, PPP4, "ppp4", PPP_MTU, &rig.out);
}

static void log_in_at(const char *port_id, uint32_t nas_port)
{
	said.port_id = port_id;
	said.nas_port = nas_port;
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
}

static void assert_no_visitor(void)
{
	assert_null(rig_find(ACTION_VISITOR_SET));
}

/* L-26, L-40, L-41, G-15: each at the device it logged in on, told in either way; the NAS hears the home address. */
static void at_a_device_of_its_own(void **state)
{
	struct rig_sent sent;
	struct radius p;
	struct in_addr framed;

	(void)state;
	use_ppp();
	log_in_at(NULL, 5);
	assert_rejected("port");
	log_in_at("ppp5", 3); /* the name counts */
	assert_rejected("port");
	log_in_at("Serial3", 4);
	sent = rig_request();
	assert_int_equal(told(&p), 0);
	assert_memory_equal(sent.x.interface_id.p, "ppp4", 4);
	assert_int_equal(sent.x.device_id.n, 0);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	assert_true(radius_find_ip4(&p, RADIUS_FRAMED_IP_ADDRESS, &framed));
	assert_int_equal(framed.s_addr, ip("10.42.0.20").s_addr);
	assert_true(rig_find(ACTION_VISITOR_SET)->visitor.layer3);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, PPP4);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.mtu, PPP_MTU);
	actions_clear(&rig.out);
	mpa_on_user_device(rig.mpa, rig.now, PPP3, "ppp3", 1400, &rig.out);
	mpa_on_user_device(rig.mpa, rig.now, PPP4, "ppp4", PPP_MTU, &rig.out);
	assert_no_visitor();
	mpa_on_user_device(rig.mpa, rig.now, PPP4, "ppp4", 1400, &rig.out);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.mtu, 1400);
}

/* G-15: what comes out of a user's device with another source is told as that user's. */
static void spoofing_at_a_device(void **state)
{
	static const uint8_t mac[MAC_OCTETS];
	const struct action *a;

	(void)state;
	use_ppp();
	mpa_on_unknown_source(rig.mpa, rig.now, PPP3, mac, ip("10.42.0.21"), 0, &rig.out);
	assert_null(rig_find(ACTION_RECORD)); /* nobody is there */
	log_in_at("ppp3", 0);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, PPP3, mac, ip("10.42.0.21"), 0, &rig.out);
	a = rig_find(ACTION_RECORD);
	assert_non_null(a);
	assert_string_equal(a->record.event, "spoofed_source");
	assert_string_equal(a->record.nai, "alice@example.com");
	assert_int_equal(rig_counter("spoofed_packets"), 2);
}

/* The device goes before its Stop comes, as with pppd: first the binding is held, then ended. */
static void a_device_goes(void **state)
{
	(void)state;
	use_ppp();
	said.session = "S-1";
	log_in_at("ppp3", 3);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	actions_clear(&rig.out);
	mpa_on_user_device(rig.mpa, rig.now, PPP4, NULL, 0, &rig.out);
	assert_string_equal(rig_state(), "served");
	mpa_on_user_device(rig.mpa, rig.now, PPP3, NULL, 0, &rig.out);
	assert_int_equal(rig_find(ACTION_VISITOR_DEL)->visitor.ifindex, PPP3);
	assert_string_equal(rig_state(), "holding");
	stop(NULL, 1);
	assert_string_equal(rig_state(), "deregistering");
	log_in_at("ppp3", 3);
	assert_rejected("port");
}

/* Dialled in again by another device before the end of the first was told: the later one is true; and a device is its
 * last user's. */
static void devices_and_users_change(void **state)
{
	struct radius p;

	(void)state;
	use_ppp();
	log_in_at("ppp3", 3);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	log_in_at("ppp4", 4);
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	assert_int_equal(rig_find(ACTION_VISITOR_DEL)->visitor.ifindex, PPP3);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, PPP4);
	said.port_id = "ppp3";
	said.nas_port = 3;
	stop(NULL, 1); /* late */
	assert_string_equal(rig_state(), "served");
	granted.user = "bob@example.com";
	log_in_at("ppp4", 4);
	assert_string_equal(state_of("alice@example.com"), "deregistering");
	rig_answer(&(struct rig_reply){ .home = "10.42.0.21" });
	assert_string_equal(state_of("bob@example.com"), "served");
	stop(NULL, 1);
	assert_string_equal(state_of("bob@example.com"), "deregistering");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_nas_that_gives_addresses), TEST(the_outer_identity), TEST(at_a_device_of_its_own),
		TEST(spoofing_at_a_device),       TEST(a_device_goes),      TEST(devices_and_users_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
