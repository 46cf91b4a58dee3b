/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is let in by RADIUS: the proxy agent between an authenticator and an AAA server, both played here. */
#include "core/radius_auth.h"
#include "mpa_rig.h"
#include "roles/relay/relay.h"

enum { NAS_PORT = 40000, CLIENT = 50001, AUTH = 1812, ACCT = 1813, DEVICE = 20, CAUSE_LOST_CARRIER = 2 };

static const char nas_at[] = "10.0.1.9", server_at[] = "10.0.0.11";
static const uint8_t authenticator[16] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const struct span nas_secret = { (const uint8_t *)"nas secret", 10 };
static const struct span aaa_secret = { (const uint8_t *)"aaa secret", 10 };

static struct relay_nas nas;
static struct radius_server server;
static struct mpa_vpn vpn;
static uint8_t buf[4096], next_id;

/* What the server's Accept says. */
static struct {
	const char *user;
	uint32_t session_s, spi;
	const char *key, *home_agent, *home, *filter;
} granted;

/* What the authenticator says of its session, beside address and port. */
static struct {
	const char *session;
	uint32_t nas_port; /* 0: none */
} said;

static struct radius_secret secret(struct span s)
{
	struct radius_secret r = { .n = s.n };

	memcpy(r.octets, s.p, s.n);
	return r;
}

static void restart(void)
{
	const uint16_t port = CLIENT;

	rig_restart();
	assert_non_null(mpa_relay(rig.mpa));
	assert_int_equal(relay_set_clients(mpa_relay(rig.mpa), &port, 1), 0);
}

static int setup(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	nas = (struct relay_nas){ .name = "floor", .address = { ip("10.0.1.0"), 24 }, .secret = secret(nas_secret) };
	server = (struct radius_server){ .name = "aaa",
					 .address = ip(server_at),
					 .auth_port = AUTH,
					 .secret = secret(aaa_secret),
					 .timeout_ms = 1000,
					 .tries = 3 };
	rig.conf.relay = (struct relay_conf){ .address = rig.conf.care_of,
					      .auth_port = AUTH,
					      .acct_port = ACCT,
					      .nases = &nas,
					      .nas_n = 1,
					      .servers = &server,
					      .server_n = 1,
					      .dead_s = 30,
					      .hold_ms = 3000,
					      .max_exchanges = 64 };
	for (size_t i = 0; i < 2; i++) {
		rig.accesses[i].trusted = false;
		memcpy(rig.accesses[i].mac, (uint8_t[]){ 2, 0, 0, 0, 1, (uint8_t)i }, MAC_OCTETS);
	}
	memset(&granted, 0, sizeof(granted));
	memset(&said, 0, sizeof(said));
	granted.user = "alice@example.com";
	next_id = 1;
	restart();
	return 0;
}

static void deliver(const struct wr *w, const char *from, uint16_t from_port, uint16_t to_port)
{
	const struct datagram d = { .local = rig.conf.care_of,
				    .remote = ip(from),
				    .local_port = to_port,
				    .remote_port = from_port,
				    .payload = { w->start, wr_len(w) } };

	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
}

static void put_text(struct wr *w, uint8_t type, const char *value)
{
	radius_put(w, type, text(value));
}

static void put_station(struct wr *w, const char *user, const char *called)
{
	put_text(w, RADIUS_USER_NAME, user);
	put_text(w, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-01");
	if (called)
		put_text(w, RADIUS_CALLED_STATION_ID, called);
	if (said.session)
		put_text(w, RADIUS_ACCT_SESSION_ID, said.session);
	if (said.nas_port)
		radius_put_u32(w, RADIUS_NAS_PORT, said.nas_port);
}

static const struct action *sent_to(const char *to)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_SEND_DATAGRAM && rig.out.v[i].udp.remote.s_addr == ip(to).s_addr)
			return &rig.out.v[i];
	return NULL;
}

static void put_accept(struct wr *w, const uint8_t *asked)
{
	uint8_t salted[64], spi[4] = { (uint8_t)(granted.spi >> 24), (uint8_t)(granted.spi >> 16),
				       (uint8_t)(granted.spi >> 8), (uint8_t)granted.spi };
	int n;

	if (granted.user)
		put_text(w, RADIUS_USER_NAME, granted.user);
	if (granted.session_s)
		radius_put_u32(w, RADIUS_SESSION_TIMEOUT, granted.session_s);
	if (granted.filter)
		put_text(w, RADIUS_FILTER_ID, granted.filter);
	if (granted.home)
		radius_put_ip4(w, RADIUS_FRAMED_IP_ADDRESS, ip(granted.home));
	if (granted.home_agent) {
		struct in_addr a = ip(granted.home_agent);

		radius_put_wimax(w, RADIUS_WIMAX_HHA_IP, (struct span){ (const uint8_t *)&a, sizeof(a) });
	}
	if (!granted.key)
		return;
	n = radius_salt(text(granted.key), 0x8123, aaa_secret, asked, salted);
	assert_true(n > 0);
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_SPI, (struct span){ spi, sizeof(spi) });
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_KEY, (struct span){ salted, (size_t)n });
}

/* A station at the port of @called asks, and the server answers with @code. */
static void log_in(const char *called, uint8_t code)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius asked;
	const struct action *a;
	uint8_t asked_authenticator[16], id;

	radius_begin(&w, RADIUS_ACCESS_REQUEST, next_id++);
	radius_put_proof(&w);
	put_station(&w, "anonymous@example.com", called);
	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, nas_at, NAS_PORT, AUTH);
	a = sent_to(server_at);
	assert_non_null(a);
	assert_int_equal(radius_parse(a->octets.p, a->octets.n, &asked), 0);
	memcpy(asked_authenticator, asked.authenticator, sizeof(asked_authenticator));
	id = asked.id;
	w = wr_init(buf, sizeof(buf));
	radius_begin(&w, code, id);
	radius_put_proof(&w);
	if (code == RADIUS_ACCESS_ACCEPT)
		put_accept(&w, asked_authenticator);
	assert_int_equal(radius_sign_response(&w, aaa_secret, asked_authenticator), 0);
	deliver(&w, server_at, AUTH, CLIENT);
}

static void account(const char *called, uint32_t status, uint32_t cause)
{
	struct wr w = wr_init(buf, sizeof(buf));

	radius_begin(&w, RADIUS_ACCOUNTING_REQUEST, next_id++);
	put_station(&w, granted.user, called); /* RFC 2865 5.1 */
	radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, status);
	if (cause)
		radius_put_u32(&w, RADIUS_ACCT_TERMINATE_CAUSE, cause);
	assert_int_equal(radius_sign_request(&w, nas_secret, NULL), 0);
	deliver(&w, nas_at, NAS_PORT, ACCT);
}

static void stop(const char *called, uint32_t cause)
{
	account(called, RADIUS_ACCT_STOP, cause);
}

/* What the authenticator is told; 0: nothing yet. */
static uint8_t told(struct radius *ret)
{
	const struct action *a = sent_to(nas_at);

	if (!a)
		return 0;
	assert_int_equal(radius_parse(a->octets.p, a->octets.n, ret), 0);
	return ret->code;
}

static void assert_rejected(const char *why)
{
	struct radius p;
	struct radius_at at;
	char message[254] = "";

	assert_int_equal(told(&p), RADIUS_ACCESS_REJECT);
	assert_true(radius_find(&p, RADIUS_REPLY_MESSAGE, &at));
	memcpy(message, at.value.p, at.value.n);
	if (!strstr(message, why))
		fail_msg("%s", message);
}

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

struct lookup {
	const char *nai, *state;
};

static void look(void *ctx, const struct mpa_subscriber_view *v)
{
	struct lookup *l = ctx;

	if (strcmp(v->nai, l->nai) == 0)
		l->state = v->state;
}

static const char *state_of(const char *nai)
{
	struct lookup l = { nai, "" };

	mpa_each_subscriber(rig.mpa, look, &l);
	return l.state;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(let_in),
		TEST(rejected_by_aaa),
		TEST(profile),
		TEST(encapsulation),
		TEST(refused_by_the_anchor),
		TEST(the_anchor_is_silent),
		TEST(nobody),
		TEST(ports),
		TEST(reauthentication),
		TEST(accounting_stops),
		TEST(a_late_stop),
		TEST(a_late_stop_of_the_same_port),
		TEST(a_session_gets_its_name_later),
		TEST(two_logins),
		TEST(a_nas_that_gives_addresses),
		TEST(the_outer_identity),
		TEST(revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
