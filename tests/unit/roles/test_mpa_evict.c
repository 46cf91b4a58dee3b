/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of a session agree that it is over (RFC 5176): orders of the AAA server, and what authenticators hear. */
#include "codec/dhcp4.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "login_rig.h"

enum { NAS_DAS = 3800, CAUSE_LOST_CARRIER = 2 };

static const char port1[] = "02-00-00-00-01-00:office", port2[] = "02-00-00-00-01-01";

static int begin(void **state)
{
	if (setup(state) < 0)
		return -1;
	nas.das_port = NAS_DAS;
	said.session = "0F1E2D3C";
	return 0;
}

static void serve(const char *called)
{
	log_in(called, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "served");
}

/* The Disconnect-Request that went to @to. Return: its Acct-Session-Id; "": there is none. */
static const char *ended_at(const char *to)
{
	static char session[64];

	memset(session, 0, sizeof(session));
	for (size_t i = 0; i < rig.out.n; i++) {
		const struct action *a = &rig.out.v[i];
		struct radius_at at;
		struct radius p;

		if (a->type != ACTION_SEND_DATAGRAM || a->udp.remote.s_addr != ip(to).s_addr ||
		    a->udp.remote_port != NAS_DAS)
			continue;
		assert_int_equal(radius_parse(a->octets.p, a->octets.n, &p), 0);
		assert_int_equal(p.code, RADIUS_DISCONNECT_REQUEST);
		assert_int_equal(radius_find(&p, RADIUS_USER_NAME, &at), granted.user != NULL);
		if (granted.user)
			assert_memory_equal(at.value.p, granted.user, at.value.n);
		assert_true(radius_find(&p, RADIUS_ACCT_SESSION_ID, &at) && at.value.n < sizeof(session));
		memcpy(session, at.value.p, at.value.n);
	}
	return session;
}

/* An order with these attributes, and how it is answered; 0: it is not, yet; 1: ACK. */
enum { NOT_YET = 0, DONE = 1 };

static uint32_t order_of(uint8_t type, const char *value, uint8_t type2, const char *value2)
{
	struct order o = { { { type, value }, { type2, value2 } } };
	struct radius p;
	uint32_t cause = 0;
	const struct action *a;

	order(&o);
	a = sent_to(server_at);
	if (!a)
		return NOT_YET;
	assert_int_equal(radius_parse(a->octets.p, a->octets.n, &p), 0);
	if (p.code == RADIUS_DISCONNECT_ACK)
		return DONE;
	assert_int_equal(p.code, RADIUS_DISCONNECT_NAK);
	assert_true(radius_find_u32(&p, RADIUS_ERROR_CAUSE, &cause));
	return cause;
}

/* RFC 5176 3: all that is said has to fit. */
static void orders_that_fit_nobody(void **state)
{
	(void)state;
	nas.das_port = 0;
	said.nas_id = "ap1";
	serve(port1);
	assert_int_equal(order_of(RADIUS_USER_NAME, "bob@example.com", 0, NULL), RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_ACCT_SESSION_ID, "0F1E2D3D", 0, NULL), RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_ACCT_SESSION_ID, "0F1E"), RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-02"),
			 RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_NAS_PORT_ID, "eth7"), RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_NAS_PORT, "\0\0\0\7"), RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_FRAMED_IP_ADDRESS, "\x0a\x2a\x01\x15"),
			 RADIUS_NO_SESSION);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_NAS_IDENTIFIER, "ap2"), RADIUS_NAS_MISMATCH);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_NAS_IP_ADDRESS, "\x0a\x01\x01\x08"),
			 RADIUS_NAS_MISMATCH);
	assert_string_equal(rig_state(), "served");
}

/* Whichever of its names the server uses, and however it writes an address. */
static void orders_end_a_session(void **state)
{
	static const struct {
		uint8_t type;
		const char *value;
	} rows[] = {
		{ RADIUS_USER_NAME, "alice@example.com" },       { RADIUS_ACCT_SESSION_ID, "0F1E2D3C" },
		{ RADIUS_CALLING_STATION_ID, "0200.0000.0001" }, { RADIUS_CALLED_STATION_ID, "02-00-00-00-01-00" },
		{ RADIUS_FRAMED_IP_ADDRESS, "\x0a\x2a\0\x14" },
	};

	nas.das_port = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		log_in(port1, RADIUS_ACCESS_ACCEPT);
		rig_answer(&(struct rig_reply){ 0 });
		assert_string_equal(rig_state(), "served");
		assert_int_equal(order_of(rows[i].type, rows[i].value, RADIUS_NAS_IP_ADDRESS, "\x0a\0\1\x09"), DONE);
		assert_string_equal(rig_state(), "deregistering");
		assert_int_equal(rig_request().request.lifetime_s, 0); /* G-11 */
		assert_non_null(rig_find(ACTION_VISITOR_DEL));         /* L-53 */
		assert_int_equal(order_of(rows[i].type, rows[i].value, 0, NULL), RADIUS_NO_SESSION);
		rig_teardown(state);
		begin(state);
		nas.das_port = 0;
	}
}

static void several_fit(void **state)
{
	(void)state;
	nas.das_port = 0;
	serve(port1);
	granted.user = "bob@example.com";
	said.mac = "02-00-00-00-00-02";
	said.session = "0F1E2D3D";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(order_of(RADIUS_CALLED_STATION_ID, port1, 0, NULL), RADIUS_SEVERAL_SESSIONS);
	assert_string_equal(state_of("alice@example.com"), "served");
	assert_string_equal(state_of("bob@example.com"), "registering");
}

/* An Accept that waits becomes a Reject, which its authenticator understands. */
static void ordered_before_it_began(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, 0, NULL), DONE);
	assert_rejected("AAA server");
	assert_string_equal(ended_at(nas_at), "");
}

/* The server hears how it went when the authenticator has said so; the user is served no more from the beginning. */
static void passed_on(void **state)
{
	(void)state;
	serve(port1);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, 0, NULL), NOT_YET);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_string_equal(rig_state(), "deregistering");
	for (unsigned i = 0; i < 4; i++)
		rig_pass_ms(1000);
	assert_non_null(sent_to(server_at));
	assert_int_equal(rig_counter("logouts"), 1);
}

/* What cannot be passed on is not begun: the server asks again. */
static void too_much_at_once(void **state)
{
	const struct relay_ids other = { .nas = &nas, .source = ip("10.0.1.77") };

	(void)state;
	serve(port1);
	actions_clear(&rig.out);
	while (relay_end(mpa_relay(rig.mpa), rig.now, &other, text("x"), NULL, &rig.out) == 0)
		actions_clear(&rig.out);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, 0, NULL), RADIUS_NO_RESOURCES);
	assert_string_equal(rig_state(), "served");
}

/* Whatever ends the service, the authenticator is told, once. */
static void told_of_every_end(void **state)
{
	(void)state;
	serve(port1);
	actions_clear(&rig.out);
	assert_int_equal(mpa_kick(rig.mpa, rig.now, granted.user, &rig.out), 0);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(ended_at(nas_at), "");
	restart();
	granted.session_s = 60;
	serve(port1);
	rig_pass_ms(60000);
	assert_string_equal(rig_state(), "served");
	assert_string_equal(ended_at(nas_at), "");
	rig_pass_ms(30000);
	assert_string_equal(rig_state(), "deregistering");
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
}

/* By the name it has for the user itself, which its accounting shows: some go by that alone. */
static void told_in_its_own_words(void **state)
{
	(void)state;
	serve(port1);
	granted.user = "outer@example.com";
	account(port1, RADIUS_ACCT_START, 0);
	actions_clear(&rig.out);
	assert_int_equal(mpa_kick(rig.mpa, rig.now, "alice@example.com", &rig.out), 0);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
}

/* Several have the same outer identity: whoever goes by that alone must not end them all. */
static void not_in_words_that_others_share(void **state)
{
	(void)state;
	nas.gives_address = true;
	serve(port1);
	granted.user = "outer@example.com";
	account(port1, RADIUS_ACCT_START, 0);
	granted.user = "bob@example.com";
	said.session = "1F1E2D3C";
	log_in(port2, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.21" });
	granted.user = "outer@example.com";
	account(port2, RADIUS_ACCT_START, 0);
	actions_clear(&rig.out);
	granted.user = NULL;
	assert_int_equal(mpa_kick(rig.mpa, rig.now, "alice@example.com", &rig.out), 0);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
	granted.user = "outer@example.com"; /* the last who has it */
	rig_pass_ms(4000);
	actions_clear(&rig.out);
	assert_int_equal(mpa_kick(rig.mpa, rig.now, "bob@example.com", &rig.out), 0);
	assert_string_equal(ended_at(nas_at), "1F1E2D3C");
}

/* ... but not of what it said itself, and not when it never began. */
static void not_told_of_what_it_knows(void **state)
{
	(void)state;
	serve(port1);
	stop(port1, 0);
	assert_string_equal(rig_state(), "deregistering");
	assert_string_equal(ended_at(nas_at), "");
	restart();
	serve(port1);
	stop(port1, CAUSE_LOST_CARRIER);
	assert_string_equal(rig_state(), "holding");
	rig_pass_ms(30000);
	assert_string_equal(rig_state(), "deregistering");
	assert_string_equal(ended_at(nas_at), "");
	restart();
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	assert_rejected("resources");
	assert_string_equal(ended_at(nas_at), "");
}

/* A station may be back at its port any time; a tunnel that ends elsewhere now is dead (L-42). */
static void moved_elsewhere(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .stamp = 50 });
	rig_revoke(60, "10.0.0.1", true);
	assert_string_equal(rig_state(), "");
	assert_string_equal(ended_at(nas_at), "");
	nas.gives_address = true;
	restart();
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .stamp = 50 });
	rig_revoke(60, "10.0.0.1", true);
	assert_string_equal(rig_state(), "");
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
}

/* One station, two names: there is one session, and it is the other's now. */
static void another_name(void **state)
{
	(void)state;
	serve(port1);
	granted.user = "bob@example.com";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(state_of("alice@example.com"), "deregistering");
	granted.user = "alice@example.com"; /* of whom ended_at() looks for the end */
	assert_string_equal(ended_at(nas_at), "");
}

/* An authenticator beside us is told by its control socket, whoever wants it. */
static void by_its_control_socket(void **state)
{
	(void)state;
	rig.accesses[0].hostapd = (char *)"/run/hostapd";
	restart();
	serve(port1);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, 0, NULL), DONE);
	assert_int_equal(rig_find(ACTION_PORT)->port.order, PORT_END);
	assert_memory_equal(rig_find(ACTION_PORT)->port.mac, alice_mac, MAC_OCTETS);
	assert_string_equal(ended_at(nas_at), "");
}

/* L-42: the same identity at a second NAS of this agent. */
static void second_nas(void **state)
{
	(void)state;
	serve(port1);
	said.from = "10.0.1.10";
	log_in(port2, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(ended_at(nas_at), ""); /* an access point: it may be back */
	said.from = NULL;
	nas.gives_address = true;
	restart();
	serve(port1);
	said.from = "10.0.1.10";
	said.session = "second";
	log_in(port2, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
	assert_string_equal(ended_at("10.0.1.10"), "");
	said.session = "third"; /* the same one knows */
	log_in(port2, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(ended_at("10.0.1.10"), "");
	assert_string_equal(rig_state(), "served");
	rig_pass_ms(1000);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C"); /* not answered yet */
	said.from = nas_at;
	said.session = "fourth"; /* back there: one that goes by the name alone must not end this */
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(ended_at("10.0.1.10"), "third");
	rig_pass_ms(1000);
	assert_string_equal(ended_at(nas_at), "");
}

/* Some authenticators go on with the name shown outside of a tunnelled method, and know no other. */
static void called_otherwise(void **state)
{
	(void)state;
	nas.gives_address = true;
	serve(port1);
	granted.user = "outside@example.com";
	account(port1, RADIUS_ACCT_START, 0);
	actions_clear(&rig.out);
	assert_int_equal(mpa_kick(rig.mpa, rig.now, "alice@example.com", &rig.out), 0);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
	granted.user = "alice@example.com"; /* back, before it was answered */
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_pass_ms(1000);
	assert_string_equal(ended_at(nas_at), "");
	granted.user = "outside@example.com";
	rig_answer(&(struct rig_reply){ 0 });
	account(port1, RADIUS_ACCT_START, 0);
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, 0, NULL), RADIUS_NO_SESSION); /* anybody's */
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, RADIUS_ACCT_SESSION_ID, "0F1E2D3C"), NOT_YET);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
}

/* RFC 2866 5.1: an authenticator that starts anew has forgotten all; users come back, or are waited for in vain. */
static void started_anew(void **state)
{
	(void)state;
	said.nas_id = "ap1";
	serve(port1);
	rig_pass_ms(20000);
	said.nas_id = "ap2";
	account(NULL, RADIUS_ACCT_ON, 0); /* another one behind the same address */
	assert_string_equal(rig_state(), "served");
	said.nas_id = "ap1";
	account(port2, RADIUS_ACCT_ON, 0); /* another port of it */
	assert_string_equal(rig_state(), "served");
	said.delay_s = 30;
	account(port1, RADIUS_ACCT_ON, 0); /* it was before alice came */
	assert_string_equal(rig_state(), "served");
	said.delay_s = 3;
	account(port1, RADIUS_ACCT_ON, 0);
	assert_string_equal(rig_state(), "holding");
	serve(port1);
	account(NULL, RADIUS_ACCT_OFF, 0);
	assert_string_equal(rig_state(), "served"); /* came a moment ago, and this one 3 s late */
	said.delay_s = 0;
	rig_pass_ms(10);
	account(NULL, RADIUS_ACCT_OFF, 0);
	assert_string_equal(rig_state(), "holding");
	rig_pass_ms(30000);
	assert_string_equal(rig_state(), "deregistering");
	assert_string_equal(ended_at(nas_at), ""); /* it knows */
}

static void release_address(void)
{
	uint8_t frame[600], octets[400];
	struct wr d = wr_init(octets, sizeof(octets)), w = wr_init(frame, sizeof(frame));
	struct dhcp4 m = { .op = DHCP4_BOOTREQUEST, .hlen = MAC_OCTETS, .client = ip("10.42.0.20") };
	const struct ip4 h = { .ttl = 64, .source = ip("10.42.0.20"), .destination = ip("10.42.0.1") };
	struct udp4 u = { .source = DHCP4_CLIENT_PORT, .destination = DHCP4_SERVER_PORT };

	memcpy(m.chaddr, alice_mac, MAC_OCTETS);
	dhcp4_begin(&d, &m);
	dhcp4_option_u8(&d, DHCP4_OPT_TYPE, DHCP4_RELEASE);
	dhcp4_end(&d);
	u.payload = (struct span){ octets, wr_len(&d) };
	ether_build(&w, gateway_mac, alice_mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	rig_feed(&w);
}

/* Who gives its address back stays at its port, and may be sent away later. */
static void without_an_address(void **state)
{
	(void)state;
	serve(port1);
	release_address();
	assert_string_equal(rig_state(), "deregistering");
	assert_string_equal(ended_at(nas_at), "");
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "waiting");
	assert_string_equal(ended_at(nas_at), "");
	assert_int_equal(order_of(RADIUS_USER_NAME, granted.user, 0, NULL), NOT_YET);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
	assert_string_equal(rig_state(), "");
	restart();
	serve(port1);
	release_address();
	assert_int_equal(mpa_kick(rig.mpa, rig.now, granted.user, &rig.out), 0);
	assert_string_equal(ended_at(nas_at), "0F1E2D3C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(orders_that_fit_nobody, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(orders_end_a_session, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(several_fit, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(ordered_before_it_began, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(passed_on, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(too_much_at_once, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(told_of_every_end, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(told_in_its_own_words, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(not_in_words_that_others_share, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(not_told_of_what_it_knows, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(moved_elsewhere, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(another_name, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(by_its_control_socket, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(second_nas, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(called_otherwise, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(started_anew, begin, rig_teardown),
		cmocka_unit_test_setup_teardown(without_an_address, begin, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
