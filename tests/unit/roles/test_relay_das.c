/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions that end by order (RFC 5176), towards and from the relay: an AAA server and an authenticator are played here,
 * and whoever listens. */
#include "core/radius_auth.h"
#include "roles/relay/relay.h"
#include "tests/unit/test.h"

enum { CLIENT = 50001, CLIENT2, DAS = 3799, NAS_DAS = 3800, SERVER_PORT = 41000, NOW_UNIX = 1700000000 };

static const char aaa_at[] = "10.0.0.11", nas_at[] = "10.0.1.9";
static const struct span nas_secret = { (const uint8_t *)"nas secret", 10 };
static const struct span aaa_secret = { (const uint8_t *)"aaa secret", 10 };

static struct relay_nas nas;
static struct radius_server server;
static struct relay_conf conf;
static struct relay *relay;
static struct actions out;
static struct instant now;
static uint8_t buf[4096];

/* What the listener heard, and answers. */
static struct relay_wanted wanted;
static char wanted_user[64];
static unsigned orders;
static uint32_t cause;
static bool ask_nas;
static struct relay_ids session;

static uint32_t on_wanted(void *ctx, struct instant at, const struct relay_wanted *w, struct actions *a)
{
	int r;

	(void)ctx;
	orders++;
	wanted = *w;
	memset(wanted_user, 0, sizeof(wanted_user));
	if (w->user.n > 0)
		memcpy(wanted_user, w->user.p, w->user.n);
	if (!ask_nas)
		return cause;
	r = relay_end(relay, at, &session, text("alice@example.com"), w->order, a);
	return r < 0 ? RADIUS_NO_RESOURCES : 0;
}

static struct radius_secret secret(struct span s)
{
	struct radius_secret r = { .n = s.n };

	memcpy(r.octets, s.p, s.n);
	return r;
}

static struct relay_text kept(const char *s)
{
	struct relay_text t = { .n = (uint8_t)strlen(s) };

	memcpy(t.octets, s, t.n);
	return t;
}

static int rig_up(void **state)
{
	static const struct relay_listener listener = { .on_wanted = on_wanted };
	static const uint16_t ports[] = { CLIENT, CLIENT2 };

	(void)state;
	nas = (struct relay_nas){ .name = "floor",
				  .address = { .addr = ip("10.0.1.0"), .len = 24 },
				  .secret = secret(nas_secret),
				  .das_port = NAS_DAS };
	server = (struct radius_server){ .name = "aaa", .address = ip(aaa_at), .secret = secret(aaa_secret) };
	conf = (struct relay_conf){ .address = ip("10.0.1.1"),
				    .auth_port = 1812,
				    .das_port = DAS,
				    .nases = &nas,
				    .nas_n = 1,
				    .servers = &server,
				    .server_n = 1,
				    .max_exchanges = 8 };
	session = (struct relay_ids){ .nas = &nas,
				      .source = ip(nas_at),
				      .user = kept("alice@example.com"),
				      .session = kept("0F1E2D3C"),
				      .calling = kept("02-00-00-00-00-0A"),
				      .nas_id = kept("ap1"),
				      .has_port = true,
				      .port = 7 };
	now = (struct instant){ .us = 1000000, .ntp = (NTP_UNIX_OFFSET_S + NOW_UNIX) << 32 };
	orders = 0;
	cause = 0;
	ask_nas = false;
	assert_int_equal(actions_init(&out), 0);
	assert_int_equal(relay_new(&conf, &listener, &relay), 0);
	assert_int_equal(relay_set_clients(relay, ports, ARRAY_SIZE(ports)), 0);
	return 0;
}

static int rig_down(void **state)
{
	(void)state;
	relay_freep(&relay);
	actions_done(&out);
	return 0;
}

static uint64_t counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = relay_counters(relay, &names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

/* Time passes in steps, as the timers want it. */
static void pass_ms(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i += 100) {
		now.us += 100 * US_PER_MS;
		relay_on_time(relay, now, &out);
	}
	now.ntp += (ms / 1000) << 32;
}

static size_t sent_n(const char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < out.n; i++)
		n += out.v[i].type == ACTION_SEND_DATAGRAM && out.v[i].udp.remote.s_addr == ip(to).s_addr;
	return n;
}

/* The last datagram that went to @to. */
static const struct action *sent(const char *to, struct radius *ret)
{
	for (size_t i = out.n; i > 0; i--)
		if (out.v[i - 1].type == ACTION_SEND_DATAGRAM && out.v[i - 1].udp.remote.s_addr == ip(to).s_addr) {
			assert_int_equal(radius_parse(out.v[i - 1].octets.p, out.v[i - 1].octets.n, ret), 0);
			return &out.v[i - 1];
		}
	fail_msg("nothing went to %s", to);
	return NULL;
}

static void deliver(const struct wr *w, const char *from, uint16_t from_port, uint16_t to_port)
{
	const struct datagram d = { .local = ip("10.0.1.2"),
				    .remote = ip(from),
				    .local_port = to_port,
				    .remote_port = from_port,
				    .payload = { w->start, wr_len(w) } };

	relay_on_datagram(relay, now, &d, &out);
}

static struct wr begin(uint8_t code, uint8_t id)
{
	struct wr w = wr_init(buf, sizeof(buf));

	radius_begin(&w, code, id);
	radius_put_proof(&w);
	return w;
}

static void order(struct wr *w)
{
	assert_int_equal(radius_sign_request(w, aaa_secret, NULL), 0);
	deliver(w, aaa_at, SERVER_PORT, DAS);
}

static void order_session(uint8_t id)
{
	struct wr w = begin(RADIUS_DISCONNECT_REQUEST, id);

	radius_put(&w, RADIUS_ACCT_SESSION_ID, text("0F1E2D3C"));
	order(&w);
}

/* What the server was answered last: a right packet. Return: Error-Cause; 0: none. */
static uint32_t answered(uint8_t code, uint8_t id)
{
	uint8_t asked[16];
	uint32_t why = 0;
	struct radius p = { 0 };
	const struct action *a = sent(aaa_at, &p);

	memcpy(asked, buf + RADIUS_AUTHENTICATOR_AT, sizeof(asked));
	assert_int_equal(p.code, code);
	assert_int_equal(p.id, id);
	assert_true(radius_check_response(&p, aaa_secret, asked));
	assert_int_equal(radius_check_message(&p, aaa_secret, asked), RADIUS_PROOF_RIGHT);
	assert_int_equal(a->udp.remote_port, SERVER_PORT);
	assert_int_equal(a->udp.local_port, DAS);
	assert_int_equal(a->udp.local.s_addr, ip("10.0.1.2").s_addr); /* where it asked */
	(void)radius_find_u32(&p, RADIUS_ERROR_CAUSE, &why);
	return why;
}

/* RFC 5176 2.1, 3, 3.1: told as it is said, answered with what proxies on the way want back. */
static void an_order_and_its_answer(void **state)
{
	struct wr w = begin(RADIUS_DISCONNECT_REQUEST, 7);
	struct radius_at at = { 0 };
	struct radius p = { 0 };

	(void)state;
	radius_put(&w, RADIUS_USER_NAME, text("alice@example.com"));
	radius_put_ip4(&w, RADIUS_NAS_IP_ADDRESS, ip("192.0.2.7"));
	radius_put_u32(&w, RADIUS_NAS_PORT, 12);
	radius_put_ip4(&w, RADIUS_FRAMED_IP_ADDRESS, ip("10.42.0.20"));
	radius_put(&w, RADIUS_CALLED_STATION_ID, text("02-00-00-00-01-00:office"));
	radius_put(&w, RADIUS_CALLING_STATION_ID, text("02-00-00-00-00-0A"));
	radius_put(&w, RADIUS_NAS_IDENTIFIER, text("ap1"));
	radius_put(&w, RADIUS_PROXY_STATE, text("one"));
	radius_put(&w, RADIUS_ACCT_SESSION_ID, text("0F1E2D3C"));
	radius_put(&w, RADIUS_NAS_PORT_ID, text("eth7"));
	radius_put(&w, RADIUS_PROXY_STATE, text("two"));
	radius_put_u32(&w, RADIUS_EVENT_TIMESTAMP, NOW_UNIX);
	radius_put_u32(&w, RADIUS_ACCT_TERMINATE_CAUSE, 6);
	order(&w);
	assert_int_equal(orders, 1);
	assert_string_equal(wanted_user, "alice@example.com");
	assert_int_equal(wanted.home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(wanted.ids.nas_address.s_addr, ip("192.0.2.7").s_addr);
	assert_int_equal(wanted.ids.port, 12);
	assert_memory_equal(wanted.ids.session.octets, "0F1E2D3C", wanted.ids.session.n);
	assert_memory_equal(wanted.ids.nas_id.octets, "ap1", wanted.ids.nas_id.n);
	assert_memory_equal(wanted.ids.port_id.octets, "eth7", wanted.ids.port_id.n);
	assert_int_equal(wanted.ids.mac[5], 0x0a);
	assert_int_equal(answered(RADIUS_DISCONNECT_ACK, 7), 0);
	(void)sent(aaa_at, &p);
	assert_true(radius_find(&p, RADIUS_PROXY_STATE, &at));
	assert_memory_equal(at.value.p, "one", 3);
	assert_true(radius_next(&p, &at) && at.type == RADIUS_PROXY_STATE);
	assert_memory_equal(at.value.p, "two", 3);
	cause = RADIUS_NO_SESSION;
	order_session(8);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 8), RADIUS_NO_SESSION);
	assert_int_equal(counter("radius_das_acks"), 1);
	assert_int_equal(counter("radius_das_naks"), 1);
}

/* RFC 5176 2.3, 6: what a server did not make is dropped, and so is what it made long ago. */
static void orders_of_others(void **state)
{
	static const struct {
		int32_t age_s;
		bool heard;
	} stamps[] = { { 301, false }, { -301, false }, { 300, true }, { -300, true } };
	struct wr w = begin(RADIUS_DISCONNECT_REQUEST, 1);

	(void)state;
	radius_put(&w, RADIUS_ACCT_SESSION_ID, text("0F1E2D3C"));
	assert_int_equal(radius_sign_request(&w, nas_secret, NULL), 0); /* another's secret */
	deliver(&w, aaa_at, SERVER_PORT, DAS);
	assert_int_equal(counter("radius_das_unproven"), 1);
	assert_int_equal(radius_sign_request(&w, aaa_secret, NULL), 0);
	deliver(&w, nas_at, SERVER_PORT, DAS); /* nobody who may */
	assert_int_equal(counter("radius_das_unknown_server"), 1);
	w.start[RADIUS_AUTHENTICATOR_AT]++; /* only its Message-Authenticator is right */
	deliver(&w, aaa_at, SERVER_PORT, DAS);
	assert_int_equal(counter("radius_das_unproven"), 2);
	w.start[0] = RADIUS_ACCOUNTING_REQUEST;
	deliver(&w, aaa_at, SERVER_PORT, DAS);
	assert_int_equal(counter("radius_das_malformed"), 1);
	w = wr_init(buf, sizeof(buf));
	radius_begin(&w, RADIUS_DISCONNECT_REQUEST, 2); /* without Message-Authenticator */
	radius_put(&w, RADIUS_ACCT_SESSION_ID, text("0F1E2D3C"));
	order(&w);
	assert_int_equal(counter("radius_das_unproven"), 3);
	assert_int_equal(orders, 0);
	assert_int_equal(sent_n(aaa_at), 0);
	server.unproven = true;
	order(&w);
	assert_int_equal(orders, 1);
	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++) {
		orders = 0;
		w = begin(RADIUS_DISCONNECT_REQUEST, (uint8_t)(10 + i));
		radius_put(&w, RADIUS_ACCT_SESSION_ID, text("0F1E2D3C"));
		radius_put_u32(&w, RADIUS_EVENT_TIMESTAMP, (uint32_t)(NOW_UNIX - stamps[i].age_s));
		order(&w);
		assert_int_equal(orders, stamps[i].heard);
	}
	assert_int_equal(counter("radius_das_stale"), 2);
}

/* RFC 5176 3, 3.5: what cannot be done as it is said is not done. */
static void orders_that_are_not_carried_out(void **state)
{
	static const char long_name[] = "0123456789012345678901234567890123456789012345678901234567890123"; /* 64 */
	static const struct {
		uint8_t type, n;
		const char *value;
		uint32_t cause;
	} rows[] = {
		{ RADIUS_NAS_IDENTIFIER, 3, "ap1", RADIUS_MISSING_ATTRIBUTE },
		{ RADIUS_SESSION_TIMEOUT, 4, "\0\0\0\1", RADIUS_UNSUPPORTED_ATTRIBUTE },
		{ RADIUS_VENDOR_SPECIFIC, 7, "\0\0\0\x09\1\3x", RADIUS_UNSUPPORTED_ATTRIBUTE },
		{ RADIUS_FRAMED_IP_ADDRESS, 3, "\x0a\x2a\0", RADIUS_INVALID_VALUE },
		{ RADIUS_USER_NAME, 0, "", RADIUS_INVALID_VALUE },
		{ RADIUS_ACCT_SESSION_ID, 64, long_name, RADIUS_NO_SESSION },
	};
	struct wr w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		w = begin(RADIUS_DISCONNECT_REQUEST, (uint8_t)i);
		radius_put(&w, rows[i].type, (struct span){ (const uint8_t *)rows[i].value, rows[i].n });
		order(&w);
		assert_int_equal(answered(RADIUS_DISCONNECT_NAK, (uint8_t)i), rows[i].cause);
	}
	w = begin(RADIUS_DISCONNECT_REQUEST, 20);
	radius_put(&w, RADIUS_USER_NAME, text("alice@example.com"));
	radius_put(&w, RADIUS_USER_NAME, text("bob@example.com"));
	order(&w);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 20), RADIUS_INVALID_REQUEST);
	w = begin(RADIUS_COA_REQUEST, 21);
	radius_put(&w, RADIUS_USER_NAME, text("alice@example.com"));
	order(&w);
	assert_int_equal(answered(RADIUS_COA_NAK, 21), RADIUS_UNSUPPORTED_EXTENSION);
	w = begin(RADIUS_COA_REQUEST, 22);
	radius_put_u32(&w, RADIUS_SERVICE_TYPE, 17);
	order(&w);
	assert_int_equal(answered(RADIUS_COA_NAK, 22), RADIUS_UNSUPPORTED_SERVICE);
	assert_int_equal(orders, 0);
}

/* RFC 5176 6.3: whoever recorded a request ends nothing with it, as long as its Event-Timestamp is good. */
static void repeated_orders(void **state)
{
	struct wr w = begin(RADIUS_DISCONNECT_REQUEST, 7);

	(void)state;
	radius_put(&w, RADIUS_USER_NAME, text("alice@example.com"));
	radius_put_u32(&w, RADIUS_EVENT_TIMESTAMP, NOW_UNIX + 100);
	order(&w);
	deliver(&w, aaa_at, SERVER_PORT, DAS);
	assert_int_equal(sent_n(aaa_at), 2);
	pass_ms(399000);
	deliver(&w, aaa_at, SERVER_PORT + 1, DAS); /* its answer goes where the server was */
	assert_int_equal(answered(RADIUS_DISCONNECT_ACK, 7), 0);
	pass_ms(3000);
	deliver(&w, aaa_at, SERVER_PORT, DAS);
	assert_int_equal(orders, 1);
	assert_int_equal(counter("radius_das_duplicates"), 2);
	assert_int_equal(counter("radius_das_stale"), 1);
	order_session(8); /* without one: the same a while later is meant */
	order_session(8);
	assert_int_equal(orders, 2);
	pass_ms(10100);
	order_session(8);
	assert_int_equal(orders, 3);
}

/* What went to the authenticator last. */
static struct radius asked_nas(void)
{
	struct radius p = { 0 };
	const struct action *a = sent(nas_at, &p);

	assert_int_equal(p.code, RADIUS_DISCONNECT_REQUEST);
	assert_int_equal(a->udp.remote_port, NAS_DAS);
	assert_true(a->udp.local_port == CLIENT || a->udp.local_port == CLIENT2);
	assert_true(radius_check_request(&p, nas_secret));
	assert_int_equal(radius_check_message(&p, nas_secret, NULL), RADIUS_PROOF_RIGHT);
	return p;
}

static void nas_answers(uint8_t code, uint32_t why)
{
	uint8_t packet[64], authenticator[16];
	struct wr w = wr_init(packet, sizeof(packet));
	struct radius p = asked_nas();

	memcpy(authenticator, p.authenticator, sizeof(authenticator));
	radius_begin(&w, code, p.id);
	if (why != 0)
		radius_put_u32(&w, RADIUS_ERROR_CAUSE, why);
	assert_int_equal(radius_sign_response(&w, nas_secret, authenticator), 0);
	deliver(&w, nas_at, NAS_DAS, sent(nas_at, &p)->udp.local_port);
}

static void assert_text(const struct radius *p, uint8_t type, const char *want)
{
	struct radius_at at;

	assert_true(radius_find(p, type, &at));
	assert_int_equal(at.value.n, strlen(want));
	assert_memory_equal(at.value.p, want, at.value.n);
}

/* The server hears what the authenticator says, and nothing before. */
static void passed_on(void **state)
{
	struct radius_at at;
	struct radius p = { 0 };
	uint32_t v;

	(void)state;
	ask_nas = true;
	order_session(7);
	order_session(7); /* patience */
	assert_int_equal(sent_n(aaa_at), 0);
	assert_int_equal(sent_n(nas_at), 1);
	p = asked_nas();
	assert_text(&p, RADIUS_USER_NAME, "alice@example.com");
	assert_text(&p, RADIUS_CALLING_STATION_ID, "02-00-00-00-00-0A");
	assert_text(&p, RADIUS_ACCT_SESSION_ID, "0F1E2D3C");
	assert_text(&p, RADIUS_NAS_IDENTIFIER, "ap1");
	assert_true(radius_find_u32(&p, RADIUS_EVENT_TIMESTAMP, &v) && v == NOW_UNIX);
	assert_false(radius_find(&p, RADIUS_NAS_PORT, &at)); /* hostapd: Unsupported-Attribute */
	nas_answers(RADIUS_DISCONNECT_ACK, 0);
	assert_int_equal(answered(RADIUS_DISCONNECT_ACK, 7), 0);
	order_session(8);
	nas_answers(RADIUS_DISCONNECT_NAK, 504);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 8), 504);
	order_session(9);
	nas_answers(RADIUS_DISCONNECT_NAK, RADIUS_NO_SESSION); /* nothing is left to be ended */
	assert_int_equal(answered(RADIUS_DISCONNECT_ACK, 9), 0);
	order_session(10);
	nas_answers(RADIUS_DISCONNECT_NAK, 0);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 10), RADIUS_INVALID_REQUEST);
	order_session(11);
	pass_ms(4000);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 11), RADIUS_NOT_ROUTABLE);
	assert_int_equal(sent_n(nas_at), 4 + 4); /* it was asked again, for a while */
	assert_int_equal(counter("radius_ends_done"), 2);
	assert_int_equal(counter("radius_ends_failed"), 3);
}

/* A session without number is told by its port. */
static void by_port(void **state)
{
	struct radius p = { 0 };
	uint32_t v;

	(void)state;
	session.session.n = 0;
	session.port_id = kept("ppp7");
	assert_int_equal(relay_end(relay, now, &session, text("alice@example.com"), NULL, &out), 0);
	p = asked_nas();
	assert_true(radius_find_u32(&p, RADIUS_NAS_PORT, &v) && v == 7);
	assert_text(&p, RADIUS_NAS_PORT_ID, "ppp7");
	nas.das_port = 0;
	assert_int_equal(relay_end(relay, now, &session, text("alice@example.com"), NULL, &out), -ENOENT);
	assert_int_equal(sent_n(nas_at), 1);
}

/* RFC 5176 6.3: with another Event-Timestamp it is another request; the session is over, and its end still awaited. */
static void asked_anew(void **state)
{
	struct wr w;

	(void)state;
	ask_nas = true;
	order_session(7);
	ask_nas = false;
	cause = RADIUS_NO_SESSION;
	w = begin(RADIUS_DISCONNECT_REQUEST, 9);
	radius_put(&w, RADIUS_USER_NAME, text("bob@example.com"));
	order(&w);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 9), RADIUS_NO_SESSION);
	actions_clear(&out);
	w = begin(RADIUS_DISCONNECT_REQUEST, 8);
	radius_put(&w, RADIUS_USER_NAME, text("alice@example.com"));
	radius_put(&w, RADIUS_ACCT_SESSION_ID, text("0F1E2D3C"));
	order(&w);
	assert_int_equal(sent_n(aaa_at), 0);
	pass_ms(1000); /* the authenticator is asked again */
	order(&w);
	nas_answers(RADIUS_DISCONNECT_ACK, 0);
	assert_int_equal(answered(RADIUS_DISCONNECT_ACK, 8), 0);
	assert_int_equal(sent_n(aaa_at), 1);
	order_session(7); /* of which nobody waits for the answer */
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 7), RADIUS_NO_SESSION);
}

static void order_port(uint32_t port)
{
	struct wr w = begin(RADIUS_DISCONNECT_REQUEST, (uint8_t)port);

	radius_put_u32(&w, RADIUS_NAS_PORT, port);
	actions_clear(&out);
	now.us++;
	order(&w);
}

/* However many end at once, logins find identifiers; and the server is told that it has to ask again. */
static void too_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(relay_end(relay, now, &session, text("alice@example.com"), NULL, &out), 0);
	assert_int_equal(sent_n(nas_at), 256); /* fewer than there are identifiers: somebody may want to log in */
	nas_answers(RADIUS_DISCONNECT_ACK, 0);
	assert_int_equal(sent_n(nas_at), 257); /* the next one's turn */
	assert_int_equal(relay_end(relay, now, &session, text("alice@example.com"), NULL, &out), 0);
	actions_clear(&out);
	ask_nas = true;
	order_session(7);
	assert_int_equal(answered(RADIUS_DISCONNECT_NAK, 7), RADIUS_NO_RESOURCES);
	assert_int_equal(counter("radius_ends_full"), 1);
	for (unsigned i = 0; i < 2000; i++) {
		order_port(i);
		assert_int_equal(answered(RADIUS_DISCONNECT_NAK, (uint8_t)i), RADIUS_NO_RESOURCES);
	}
	orders = 0;
	order_port(1900);
	assert_int_equal(orders, 0); /* remembered */
	order_port(100);
	assert_int_equal(orders, 1); /* not any more: there is a limit */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_order_and_its_answer, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(orders_of_others, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(orders_that_are_not_carried_out, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(repeated_orders, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(passed_on, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(by_port, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(asked_anew, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(too_many, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
