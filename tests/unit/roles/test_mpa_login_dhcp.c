/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users whom AAA lets in and whose addresses a DHCP server behind us gives. */
#include "codec/dhcp4.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "login_rig.h"

static const char port1[] = "02-00-00-00-01-00";

static int setup_relay(void **state)
{
	if (setup(state) < 0)
		return -1;
	rig.conf.dhcp = MPA_DHCP_RELAY;
	rig.conf.dhcp_server = ip("10.9.0.2");
	rig.conf.dhcp_subnet = (struct prefix){ ip("10.42.0.0"), 24 };
	nas.das_port = 3799;
	return 0;
}

static void server_acks(const char *address)
{
	static const uint8_t alice_info[] = "\x01\x04\0\0\0\x03\x02\x06\x02\0\0\0\0\x01\x06\x11"
					    "alice@example.com";
	const struct dhcp4 reply = { .op = DHCP4_BOOTREPLY, .hlen = 6, .xid = 1, .your = ip(address) };
	uint8_t message[600];
	struct wr w = wr_init(message, sizeof(message));
	struct datagram d = { .local = ip("10.0.1.1"),
			      .local_port = DHCP4_SERVER_PORT,
			      .remote = ip("10.9.0.2"),
			      .remote_port = DHCP4_SERVER_PORT };

	dhcp4_begin(&w, &reply);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, DHCP4_ACK);
	dhcp4_option_u32(&w, DHCP4_OPT_LEASE, 600);
	dhcp4_option(&w, DHCP4_OPT_RELAY, (struct span){ alice_info, sizeof(alice_info) - 1 });
	dhcp4_end(&w);
	d.payload = (struct span){ message, wr_len(&w) };
	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
}

static void station_releases(const char *address)
{
	struct dhcp4 m = { .op = DHCP4_BOOTREQUEST, .hlen = 6, .xid = 2, .client = ip(address) };
	const struct ip4 h = { .ttl = 64, .source = ip(address), .destination = ip("10.9.0.2") };
	struct udp4 u = { .source = DHCP4_CLIENT_PORT, .destination = DHCP4_SERVER_PORT };
	uint8_t message[600], frame[700];
	struct wr d = wr_init(message, sizeof(message)), w = wr_init(frame, sizeof(frame));

	memcpy(m.chaddr, alice_mac, sizeof(alice_mac));
	dhcp4_begin(&d, &m);
	dhcp4_option_u8(&d, DHCP4_OPT_TYPE, DHCP4_RELEASE);
	dhcp4_end(&d);
	u.payload = (struct span){ message, wr_len(&d) };
	ether_build(&w, gateway_mac, alice_mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	rig_feed(&w);
}

static void serve(const char *address)
{
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	server_acks(address);
	rig_answer(&(struct rig_reply){ .home = address });
	assert_string_equal(rig_state(), "served");
}

/* G-11: the authenticator hears nothing of it, and the next address needs no login. */
static void a_released_address_ends_no_session(void **state)
{
	(void)state;
	serve("10.42.0.50");
	station_releases("10.42.0.50");
	assert_int_equal(rig_request().request.lifetime_s, 0);
	assert_null(sent_to(nas_at));
	rig_answer(&(struct rig_reply){ .home = "10.42.0.50" });
	assert_string_equal(rig_state(), "waiting");
	assert_null(sent_to(nas_at));
	server_acks("10.42.0.51");
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.51").s_addr);
}

/* L-37: nor does it when the server gives it another address. */
static void another_address_ends_no_session(void **state)
{
	(void)state;
	serve("10.42.0.50");
	server_acks("10.42.0.51");
	assert_int_equal(rig_request().request.lifetime_s, 0);
	assert_null(sent_to(nas_at));
	rig_answer(&(struct rig_reply){ .home = "10.42.0.50" });
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.51").s_addr);
}

/* The home agent does not answer the deregistration. */
static void give_up_asking(void)
{
	for (int i = 0; i < 8; i++)
		rig_pass_ms(rig.conf.retransmit_max_s * 1000);
}

/* L-53: an address that comes too late brings nobody back who has logged out. */
static void logged_out_is_logged_out(void **state)
{
	(void)state;
	serve("10.42.0.50");
	stop(port1, 1);
	assert_string_equal(rig_state(), "deregistering");
	server_acks("10.42.0.51");
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	give_up_asking();
	assert_string_equal(rig_state(), "");
	serve("10.42.0.50");
	server_acks("10.42.0.51"); /* about to change */
	stop(port1, 1);
	give_up_asking();
	assert_string_equal(rig_state(), "");
}

/* Whoever goes on to a layer-3 device keeps the address, and has nothing to renew there. */
static void no_lease_at_a_device(void **state)
{
	(void)state;
	serve("10.42.0.50");
	memcpy(nas.access, "ppp*", 5);
	mpa_on_user_device(rig.mpa, rig.now, 23, "ppp3", 1492, &rig.out);
	said.port_id = "ppp3";
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.50" });
	for (int i = 0; i < 4; i++) {
		rig_pass_ms(225000); /* of a lifetime of 300 s; the lease has 600 s */
		assert_string_equal(rig_state(), "served");
		rig_answer(&(struct rig_reply){ .home = "10.42.0.50" });
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_relay, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_released_address_ends_no_session),
		TEST(another_address_ends_no_session),
		TEST(logged_out_is_logged_out),
		TEST(no_lease_at_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
