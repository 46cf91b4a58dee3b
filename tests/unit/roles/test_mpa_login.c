/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is let in by RADIUS: stations at ports. */
#include "login_rig.h"

enum { CAUSE_LOST_CARRIER = 2 };

static const char port1[] = "02-00-00-00-01-00:office", port2[] = "02-00-00-00-01-01";

/* A-21, L-11, L-53, L-54, L-61, L-62: nothing before AAA has said yes; then the inner identity is registered, and the
 * Accept waits for the home address. */
static void let_in(void **state)
{
	struct rig_sent sent;
	struct radius p;

	(void)state;
	rig_attach(); /* a packet of it: the port is not open */
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	assert_string_equal(rig_state(), "");
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(told(&p), 0);
	sent = rig_request();
	assert_memory_equal(sent.x.nai.p, "alice@example.com", sent.x.nai.n);
	assert_memory_equal(sent.x.device_id.p, alice_mac, MAC_OCTETS);
	assert_int_equal(sent.x.mn_ha.spi, SPI);
	rig_answer(&(struct rig_reply){ 0 });
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, PORT);
	assert_true(rig_place(ACTION_VISITOR_SET, 0) < rig_place(ACTION_SEND_DATAGRAM, RADIUS_ACCESS_ACCEPT));
}

/* L-37: it has to be let in to get its address from a DHCP server. */
static void let_in_without_an_address(void **state)
{
	struct radius p;

	(void)state;
	rig.conf.dhcp = MPA_DHCP_RELAY;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	assert_string_equal(rig_state(), "waiting");
	assert_null(rig_find(ACTION_VISITOR_SET));
	rig_pass_ms(rig.conf.hold_s * 1000 + 1); /* as long as its session */
	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, PORT, alice_mac, ip("192.168.1.5"), 0, &rig.out);
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	mpa_on_unknown_source(rig.mpa, rig.now, PORT, alice_mac, ip("10.42.0.50"), 0, &rig.out); /* L-35 */
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.50").s_addr);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.50" });
	assert_string_equal(rig_state(), "served");
}

static void rejected_by_aaa(void **state)
{
	struct radius p;

	(void)state;
	log_in(port1, RADIUS_ACCESS_REJECT);
	assert_int_equal(told(&p), RADIUS_ACCESS_REJECT);
	assert_string_equal(rig_state(), "");
}

/* L-63: home agent, key and address of the user's profile. */
static void profile(void **state)
{
	struct rig_sent sent;

	(void)state;
	granted.key = "8 octets";
	granted.spi = 7777;
	granted.home_agent = "10.0.0.3";
	granted.home = "10.42.0.50";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	sent = rig_request();
	assert_int_equal(sent.action->udp.remote.s_addr, ip("10.0.0.3").s_addr);
	assert_int_equal(sent.request.home.s_addr, ip("10.42.0.50").s_addr);
	assert_int_equal(sent.x.mn_ha.spi, 7777);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.50", .home_agent = "10.0.0.3" });
	assert_string_equal(rig_state(), "served");
}

/* the tunnel a user needs is told by AAA, whatever is configured for all. */
static void encapsulation(void **state)
{
	(void)state;
	granted.filter = "holdfast-udp";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_true(rig_request().x.udp_request_at != 0);
	rig_answer(&(struct rig_reply){ .udp = true });
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.tunnel.encap, ENCAP_UDP);
	rig.conf.udp = MPA_UDP_FORCE;
	restart();
	granted.filter = "holdfast-ipip";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_true(rig_request().x.udp_request_at == 0);
}

/* A refused registration is a refused login, with the reason, and nobody is served behind a closed port. */
static void refused_by_the_anchor(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	assert_rejected("resources");
	assert_string_equal(rig_state(), "");
	assert_int_equal(rig_counter("logins_refused"), 1);
}

static void the_anchor_is_silent(void **state)
{
	struct radius p;

	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_pass_ms(2900);
	assert_int_equal(told(&p), 0);
	rig_pass_ms(100);
	assert_rejected("in time");
	assert_string_equal(rig_state(), "deregistering"); /* the request may have arrived */
}

/* Who it is has to be told: outside of a tunnelled method all are anonymous. */
static void nobody(void **state)
{
	static const char *const users[] = { NULL,        "anonymous@example.com", "@example.com",
					     "Anonymous", "a b@example.com",       "a\n@example.com" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		granted.user = users[i];
		log_in(port1, RADIUS_ACCESS_ACCEPT);
		assert_rejected("");
		assert_string_equal(rig_state(), "");
	}
}

static void ports(void **state)
{
	(void)state;
	log_in("02-00-00-00-09-09", RADIUS_ACCESS_ACCEPT); /* nobody's */
	assert_rejected("port");
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
	assert_rejected("port");
	memcpy(nas.access, "floor2", 7);
	log_in(NULL, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, OTHER_PORT);
	memcpy(nas.access, "floor9", 7);
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_rejected("port");
}

/* Authenticated again where it is: no registration, no waiting, and the session lasts longer. */
static void reauthentication(void **state)
{
	struct radius p;

	(void)state;
	granted.session_s = 100;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	rig_pass_ms(100000);
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(told(&p), RADIUS_ACCESS_ACCEPT);
	rig_pass_ms(100000);
	assert_string_equal(rig_state(), "served");
	rig_pass_ms(31000);
	assert_string_equal(rig_state(), "deregistering");
}

/* L-53, L-61: a port that AAA does not let in any more is closed here as well, whether its authenticator accounts or not. */
static void not_let_in_again(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	said.from = "10.0.1.10"; /* another one, where somebody has alice's address */
	log_in(port1, RADIUS_ACCESS_REJECT);
	said.from = NULL;
	said.mac = "02-00-00-00-00-09";
	log_in(port1, RADIUS_ACCESS_REJECT);
	said.mac = NULL;
	log_in(port2, RADIUS_ACCESS_REJECT);
	assert_string_equal(rig_state(), "served");
	log_in(port1, RADIUS_ACCESS_REJECT);
	assert_string_equal(rig_state(), "deregistering");
	assert_int_equal(rig_find(ACTION_VISITOR_DEL)->visitor.ifindex, PORT);
}

/* L-53: who has not proved anything, and borrows an address at another port of the switch, ends nobody's session. */
static void not_let_in_elsewhere(void **state)
{
	(void)state;
	said.nas_port = 1;
	said.port_id = "GigabitEthernet1/0/1";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	said.nas_port = 2;
	log_in(port1, RADIUS_ACCESS_REJECT);
	assert_string_equal(rig_state(), "served");
	said.nas_port = 0;
	said.port_id = "GigabitEthernet1/0/2";
	log_in(port1, RADIUS_ACCESS_REJECT);
	assert_string_equal(rig_state(), "served");
	said.port_id = "GigabitEthernet1/0/1";
	log_in(port1, RADIUS_ACCESS_REJECT);
	assert_string_equal(rig_state(), "deregistering");
}

/* L-62: with EAP the name around is what a station says before it has proved anything. */
static void the_name_around_is_nobodys(void **state)
{
	struct radius_at at;
	struct radius p;

	(void)state;
	said.user = "bob@example.com";
	granted.user = NULL;
	said.eap = true;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(told(&p), RADIUS_ACCESS_REJECT);
	assert_true(radius_find(&p, RADIUS_EAP_MESSAGE, &at));
	assert_memory_equal(at.value.p, "\4\7\0\4", 4); /* RFC 3579 2.6.5: and no text */
	assert_false(radius_find(&p, RADIUS_REPLY_MESSAGE, &at));
	assert_string_equal(rig_state(), "");
	said.eap = false; /* CHAP and PAP prove this very name */
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(state_of("bob@example.com"), "registering");
}

/* G-11: logged out: deregistered; link lost: held. */
static void accounting_stops(void **state)
{
	struct radius p;

	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	stop(port1, CAUSE_LOST_CARRIER);
	assert_int_equal(told(&p), RADIUS_ACCOUNTING_RESPONSE);
	assert_string_equal(rig_state(), "holding");
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_string_equal(rig_state(), "served");
	stop(port1, 1);
	assert_string_equal(rig_state(), "deregistering");
}

/* Moved to another port of this agent: the Stop of the first is late, and means nothing. */
static void a_late_stop(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	log_in(port2, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, OTHER_PORT);
	stop(port1, 1);
	assert_string_equal(rig_state(), "served");
	stop(port2, 1);
	assert_string_equal(rig_state(), "deregistering");
}

/* Logged in once more at the same port: the Stop of the session before is late as well. */
static void a_late_stop_of_the_same_port(void **state)
{
	(void)state;
	said.session = "A-1";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	said.session = "A-2";
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	account(port1, RADIUS_ACCT_START, 0);
	said.session = "A-1";
	account(port1, RADIUS_ACCT_INTERIM, 0); /* changes nothing */
	stop(port1, 1);
	assert_string_equal(rig_state(), "served");
	said.session = "A-2";
	stop(port1, 1);
	assert_string_equal(rig_state(), "deregistering");
}

/* Some authenticators tell the session's name with the first record only, others tell another one than before. */
static void a_session_gets_its_name_later(void **state)
{
	static const char *const before[] = { NULL, "of the request" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		said.session = before[i];
		log_in(port1, RADIUS_ACCESS_ACCEPT);
		rig_answer(&(struct rig_reply){ 0 });
		said.session = "B-1";
		account(port1, RADIUS_ACCT_START, 0);
		said.session = "B-0";
		stop(port1, 1);
		assert_string_equal(rig_state(), "served");
		said.session = "B-1";
		stop(port1, 1);
		assert_string_equal(rig_state(), "deregistering");
	}
}

/* While one login waits the same user logs in at another port: the later one counts. */
static void two_logins(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	log_in(port2, RADIUS_ACCESS_ACCEPT);
	assert_rejected("once more");
	rig_pass_ms(1000);
	rig_answer(&(struct rig_reply){ 0 });
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, OTHER_PORT);
	assert_non_null(sent_to(nas_at));
}

/* The home agent revokes while its station is logged in: as ever (L-18). */
static void revoked(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	rig_revoke(60, "10.0.0.1", true);
	assert_string_equal(rig_state(), "");
	stop(port1, 1); /* nobody is there */
	assert_string_equal(rig_state(), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

/* L-53: the time was for the session at the port it left. */
static void session_time_elsewhere(void **state)
{
	(void)state;
	rig.accesses[1].trusted = true;
	granted.session_s = 100;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, rig.accesses[1].ifindex, alice_mac, (struct in_addr){ 0 }, 0, &rig.out);
	assert_non_null(rig_find(ACTION_VISITOR_SET));
	rig_pass_ms(131000);
	assert_string_equal(rig_state(), "served");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(let_in),
		TEST(let_in_without_an_address),
		TEST(rejected_by_aaa),
		TEST(profile),
		TEST(encapsulation),
		TEST(refused_by_the_anchor),
		TEST(the_anchor_is_silent),
		TEST(nobody),
		TEST(ports),
		TEST(reauthentication),
		TEST(not_let_in_again),
		TEST(session_time_elsewhere),
		TEST(not_let_in_elsewhere),
		TEST(the_name_around_is_nobodys),
		TEST(accounting_stops),
		TEST(a_late_stop),
		TEST(a_late_stop_of_the_same_port),
		TEST(a_session_gets_its_name_later),
		TEST(two_logins),
		TEST(revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
