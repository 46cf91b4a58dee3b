/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client half of RADIUS between a caller and three servers. The test plays both; what the relay does with it is in
 * test_relay.c. */
#include "roles/radius/client.h"
#include "tests/unit/test.h"

enum { PORT = 50001, OTHER_PORT = 50002, AUTH = 1812, ACCT = 1813, IDS = 256 };

static const struct span secret = { (const uint8_t *)"aaa secret", 10 };
static const char *const names[3] = { "10.0.0.11", "10.0.0.12", "10.0.0.13" };

static struct radius_server servers[3];
static struct radius_client *client;
static uint64_t counters[16];
static struct actions out;
static struct instant now;
static unsigned replies, silences;
static uint8_t reply_code;
static size_t filler; /* attributes that do not fit */

#define COUNTER_ID(name) COUNTER_##name,
enum { RADIUS_CLIENT_COUNTERS(COUNTER_ID) COUNTER_COUNT };

static void put(const struct radius_call *call, struct wr *w)
{
	static const uint8_t octets[RADIUS_VALUE_MAX];

	(void)call;
	radius_put(w, RADIUS_USER_NAME, (struct span){ (const uint8_t *)"mn@example.com", 14 });
	for (size_t i = 0; i < filler; i++)
		radius_put(w, RADIUS_PROXY_STATE, (struct span){ octets, sizeof(octets) });
}

static void on_reply(void *ctx, struct instant at, struct radius_call *call, const struct radius *p, struct actions *a)
{
	(void)ctx;
	(void)at;
	(void)a;
	assert_null(call->port);
	replies++;
	reply_code = p->code;
}

static void on_silence(void *ctx, struct instant at, struct radius_call *call, struct actions *a)
{
	(void)ctx;
	(void)at;
	(void)a;
	assert_null(call->port);
	silences++;
}

static const struct radius_caller caller = { .put = put, .on_reply = on_reply, .on_silence = on_silence };

static int rig_up(void **state)
{
	const struct radius_client_conf conf = {
		.address = ip("10.0.1.1"), .servers = servers, .server_n = 3, .dead_s = 30
	};
	const uint16_t port = PORT;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		servers[i] = (struct radius_server){ .address = ip(names[i]),
						     .auth_port = AUTH,
						     .acct_port = ACCT,
						     .secret = { .n = secret.n },
						     .timeout_ms = 1000,
						     .tries = 2 };
		memcpy(servers[i].secret.octets, secret.p, secret.n);
	}
	memset(counters, 0, sizeof(counters));
	now = (struct instant){ .us = 1000000 };
	replies = silences = 0;
	filler = 0;
	assert_true(COUNTER_COUNT <= sizeof(counters) / sizeof(counters[0]));
	assert_int_equal(actions_init(&out), 0);
	assert_int_equal(radius_client_new(&conf, counters, &client), 0);
	assert_int_equal(radius_client_set_ports(client, &port, 1), 0);
	return 0;
}

static int rig_down(void **state)
{
	(void)state;
	radius_client_freep(&client);
	actions_done(&out);
	return 0;
}

static struct radius_call call_of(uint8_t code)
{
	return (struct radius_call){ .caller = &caller, .code = code, .authenticator = { 1, 2, 3, 4 } };
}

/* Whom the last datagram went to, as an index of names[]. */
static int asked(void)
{
	const struct action *a = out.n > 0 ? &out.v[out.n - 1] : NULL;

	for (int i = 0; a && i < 3; i++)
		if (a->type == ACTION_SEND_DATAGRAM && a->udp.remote.s_addr == ip(names[i]).s_addr)
			return i;
	return -1;
}

static void wait_ms(uint64_t ms)
{
	actions_clear(&out);
	now.us += ms * 1000;
	radius_client_on_time(client, now, &out);
}

static void deliver(const struct radius_call *call, uint8_t id, uint8_t code, const char *from, uint16_t from_port,
		    uint16_t to_port, struct span key)
{
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));
	struct datagram d = {
		.local = ip("10.0.1.1"), .local_port = to_port, .remote = ip(from), .remote_port = from_port
	};

	radius_begin(&w, code, id);
	radius_put_proof(&w);
	assert_int_equal(radius_sign_response(&w, key, call->authenticator), 0);
	d.payload = (struct span){ buf, wr_len(&w) };
	radius_client_on_datagram(client, now, &d, &out);
}

/* Each server is asked once, in order, whoever was silent before; then it is over. */
static void every_server_has_its_turn(void **state)
{
	struct radius_call call = call_of(RADIUS_ACCESS_REQUEST), later = call_of(RADIUS_ACCESS_REQUEST);
	static const int order[] = { 0, 0, 1, 1, 2, 2 };

	(void)state;
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(asked(), order[i]);
		assert_memory_equal(out.v[out.n - 1].octets.p + 4, ((uint8_t[16]){ 1, 2, 3, 4 }), 16);
		wait_ms(1000);
	}
	assert_int_equal(silences, 1);
	assert_int_equal(counters[COUNTER_failovers], 2);
	assert_int_equal(counters[COUNTER_retransmissions], 3);
	assert_int_equal(counters[COUNTER_unanswered], 1);
	now.us += 30 * 1000000;
	assert_int_equal(radius_ask(client, now, &later, &out), 0);
	assert_int_equal(asked(), 0);
	wait_ms(1000);
	wait_ms(1000);
	assert_int_equal(asked(), 1);
	radius_drop(client, &later);
	assert_int_equal(radius_client_due(client), NEVER);
}

static void a_silent_server_is_passed_by(void **state)
{
	struct radius_call call = call_of(RADIUS_ACCESS_REQUEST);

	(void)state;
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	wait_ms(1000);
	wait_ms(1000);
	assert_int_equal(asked(), 1);
	deliver(&call, call.id, RADIUS_ACCESS_REJECT, names[1], AUTH, PORT, secret);
	assert_int_equal(replies, 1);
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	assert_int_equal(asked(), 1);
	radius_drop(client, &call);
	now.us += 30 * 1000000;
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	assert_int_equal(asked(), 0);
	radius_drop(client, &call);
}

/* It may not like one question; whoever can make it ask such would send everybody to the next server. */
static void who_answers_others_is_not_silent(void **state)
{
	struct radius_call disliked = call_of(RADIUS_ACCESS_REQUEST), other = call_of(RADIUS_ACCESS_REQUEST);

	(void)state;
	assert_int_equal(radius_ask(client, now, &disliked, &out), 0);
	wait_ms(1000);
	assert_int_equal(radius_ask(client, now, &other, &out), 0);
	deliver(&other, other.id, RADIUS_ACCESS_ACCEPT, names[0], AUTH, PORT, secret);
	wait_ms(1000);
	assert_int_equal(asked(), 1); /* the question itself goes on */
	radius_drop(client, &disliked);
	assert_int_equal(radius_ask(client, now, &other, &out), 0);
	assert_int_equal(asked(), 0);
	radius_drop(client, &other);
}

/* Who began a conversation is asked to go on with it, silent of late or not; then the others in their order. */
static void a_preferred_server_is_asked_first(void **state)
{
	static const int order[] = { 1, 1, 0, 0, 2, 2 };
	struct radius_call call = call_of(RADIUS_ACCESS_REQUEST);

	(void)state;
	call.prefer = 2;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(radius_ask(client, now, &call, &out), 0);
		for (size_t i = 0; i < 6; i++) {
			assert_int_equal(asked(), order[i]);
			wait_ms(1000);
		}
	}
	assert_int_equal(silences, 2);
	call.prefer = 4; /* there is none such */
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	assert_int_equal(asked(), 0);
	radius_drop(client, &call);
}

/* Nothing but the server that was asked, from its port, with its secret, and to our port and identifier. */
static void only_a_true_reply_counts(void **state)
{
	static const struct {
		const char *what, *from;
		uint16_t from_port, to_port;
		uint8_t id, code;
		const char *key;
	} rows[] = {
		{ "another server", "10.0.0.12", AUTH, PORT, 0, RADIUS_ACCESS_ACCEPT, "aaa secret" },
		{ "its other port", "10.0.0.11", ACCT, PORT, 0, RADIUS_ACCESS_ACCEPT, "aaa secret" },
		{ "a port of ours that did not ask", "10.0.0.11", AUTH, OTHER_PORT, 0, RADIUS_ACCESS_ACCEPT,
		  "aaa secret" },
		{ "an identifier not in use", "10.0.0.11", AUTH, PORT, 1, RADIUS_ACCESS_ACCEPT, "aaa secret" },
		{ "an answer to something else", "10.0.0.11", AUTH, PORT, 0, RADIUS_ACCOUNTING_RESPONSE, "aaa secret" },
		{ "a request", "10.0.0.11", AUTH, PORT, 0, RADIUS_ACCESS_REQUEST, "aaa secret" },
		{ "another secret", "10.0.0.11", AUTH, PORT, 0, RADIUS_ACCESS_ACCEPT, "other secret" },
	};
	struct radius_call call = call_of(RADIUS_ACCESS_REQUEST);

	(void)state;
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct span key = { (const uint8_t *)rows[i].key, strlen(rows[i].key) };

		deliver(&call, (uint8_t)(call.id + rows[i].id), rows[i].code, rows[i].from, rows[i].from_port,
			rows[i].to_port, key);
		if (replies > 0)
			fail_msg("%s", rows[i].what);
	}
	assert_int_equal(counters[COUNTER_replies_unmatched], 6);
	assert_int_equal(counters[COUNTER_replies_unauthentic], 1);
	deliver(&call, call.id, RADIUS_ACCESS_ACCEPT, names[0], AUTH, PORT, secret);
	deliver(&call, call.id, RADIUS_ACCESS_ACCEPT, names[0], AUTH, PORT, secret); /* twice is once */
	assert_int_equal(replies, 1);
	assert_int_equal(radius_client_due(client), NEVER);
}

/* RFC 5176 2.3: a NAS is asked alone, repeats included, and its silence is no server's. */
static void a_nas_is_asked_alone(void **state)
{
	const struct radius_peer nas = {
		.address = ip("10.0.2.9"), .port = 3799, .secret = secret, .timeout_ms = 500, .tries = 3
	};
	struct radius_call call = call_of(RADIUS_DISCONNECT_REQUEST);
	struct radius p;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(radius_ask_peer(client, now, &call, &nas, &out), 0);
		assert_int_equal(radius_parse(out.v[out.n - 1].octets.p, out.v[out.n - 1].octets.n, &p), 0);
		assert_int_equal(p.code, RADIUS_DISCONNECT_REQUEST);
		assert_true(radius_check_request(&p, secret));
		assert_int_equal(radius_check_message(&p, secret, NULL), RADIUS_PROOF_RIGHT);
		if (round == 0)
			for (unsigned i = 0; i < 3; i++)
				wait_ms(500);
	}
	assert_int_equal(silences, 1);
	assert_int_equal(counters[COUNTER_failovers], 0);
	deliver(&call, call.id, RADIUS_ACCESS_ACCEPT, "10.0.2.9", 3799, PORT, secret);
	assert_int_equal(replies, 0);
	deliver(&call, call.id, RADIUS_DISCONNECT_NAK, "10.0.2.9", 3799, PORT, secret);
	assert_int_equal(replies, 1);
	assert_int_equal(reply_code, RADIUS_DISCONNECT_NAK);
}

static void servers_without_accounting_are_not_asked(void **state)
{
	struct radius_call call = call_of(RADIUS_ACCOUNTING_REQUEST);

	(void)state;
	servers[0].acct_port = 0;
	assert_int_equal(radius_ask(client, now, &call, &out), 0);
	assert_int_equal(asked(), 1);
	servers[1].acct_port = servers[2].acct_port = 0;
	assert_int_equal(radius_ask(client, now, &call, &out), -ENOENT);
	assert_int_equal(radius_client_due(client), NEVER);
}

static void identifiers_are_all_used_and_given_back(void **state)
{
	static struct radius_call calls[IDS + 1];
	bool seen[IDS] = { false };

	(void)state;
	for (size_t i = 0; i <= IDS; i++) {
		calls[i] = call_of(RADIUS_ACCESS_REQUEST);
		actions_clear(&out);
		assert_int_equal(radius_ask(client, now, &calls[i], &out), i < IDS ? 0 : -EBUSY);
		if (i < IDS) {
			assert_false(seen[calls[i].id]);
			seen[calls[i].id] = true;
		}
	}
	assert_int_equal(counters[COUNTER_no_identifier], 1);
	radius_drop(client, &calls[77]);
	assert_int_equal(radius_ask(client, now, &calls[IDS], &out), 0);
	for (size_t i = 0; i <= IDS; i++)
		radius_drop(client, &calls[i]);
	assert_int_equal(radius_client_due(client), NEVER);
}

/* What does not fit is said at once, and no server is held to be silent for it. */
static void a_question_too_large(void **state)
{
	struct radius_call call = call_of(RADIUS_ACCESS_REQUEST);

	(void)state;
	filler = 17;
	assert_int_equal(radius_ask(client, now, &call, &out), -EMSGSIZE);
	assert_int_equal(out.n, 0);
	assert_int_equal(radius_client_due(client), NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_server_has_its_turn, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(a_silent_server_is_passed_by, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(who_answers_others_is_not_silent, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(a_preferred_server_is_asked_first, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(only_a_true_reply_counts, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(a_nas_is_asked_alone, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(servers_without_accounting_are_not_asked, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(identifiers_are_all_used_and_given_back, rig_up, rig_down),
		cmocka_unit_test_setup_teardown(a_question_too_large, rig_up, rig_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
