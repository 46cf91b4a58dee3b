/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RADIUS relay between an authenticator with one secret and two AAA servers with others. The test plays both. */
#include "core/radius_auth.h"
#include "roles/relay/relay.h"
#include "tests/unit/test.h"

enum { NAS_PORT = 40000, CLIENT = 50001, AUTH = 1812, ACCT = 1813 };

static const uint8_t authenticator[16] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const struct span nas_secret = { (const uint8_t *)"nas secret", 10 };
static const struct span aaa_secret = { (const uint8_t *)"aaa secret", 10 };

static struct relay_nas nas;
static struct radius_server servers[2];
static struct relay_conf conf;
static struct relay *relay;
static struct actions out;
static struct instant now;

static enum relay_verdict verdict;
static const char *why;
static struct in_addr home;
static struct relay_login login;
static char login_user[64], logout_user[64];
static unsigned logins, logouts;
static uint32_t logout_cause, refused_mac;

static struct radius_secret secret(struct span s)
{
	struct radius_secret r = { .n = s.n };

	memcpy(r.octets, s.p, s.n);
	return r;
}

static void keep(char *to, struct span s)
{
	assert_true(s.n < 64);
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

static enum relay_verdict on_login(void *ctx, struct instant at, const struct relay_login *l, struct in_addr *ret_home,
				   const char **ret_why, struct actions *a)
{
	(void)ctx;
	(void)at;
	(void)a;
	logins++;
	login = *l;
	keep(login_user, l->user);
	*ret_home = home;
	*ret_why = why;
	return verdict;
}

static void on_logout(void *ctx, struct instant at, const struct relay_accounting *l, struct actions *a)
{
	(void)ctx;
	(void)at;
	(void)a;
	logouts++;
	keep(logout_user, l->user);
	logout_cause = l->cause;
	assert_ptr_equal(l->ids.nas, &nas);
	assert_true(l->ids.has_mac);
	assert_int_equal(l->ids.mac[5], 0x0a);
}

static void on_refused(void *ctx, struct instant at, const struct relay_ids *ids, struct actions *a)
{
	(void)ctx;
	(void)at;
	(void)a;
	refused_mac = ids->mac[5];
}

static int rig_up(void **state)
{
	static const struct relay_listener listener = { .on_login = on_login,
							.on_refused = on_refused,
							.on_logout = on_logout };
	const uint16_t port = CLIENT;

	(void)state;
	nas = (struct relay_nas){ .name = "ap",
				  .address = { .addr = ip("10.0.1.0"), .len = 24 },
				  .secret = secret(nas_secret) };
	for (size_t i = 0; i < 2; i++)
		servers[i] = (struct radius_server){ .name = "one",
						     .address = ip(i == 0 ? "10.0.0.11" : "10.0.0.12"),
						     .auth_port = AUTH,
						     .acct_port = ACCT,
						     .secret = secret(aaa_secret),
						     .timeout_ms = 1000,
						     .tries = 2 };
	conf = (struct relay_conf){ .address = ip("10.0.1.1"),
				    .auth_port = AUTH,
				    .acct_port = ACCT,
				    .nases = &nas,
				    .nas_n = 1,
				    .servers = servers,
				    .server_n = 2,
				    .dead_s = 30,
				    .hold_ms = 3000,
				    .max_exchanges = 8 };
	now = (struct instant){ .us = 1000000 };
	verdict = RELAY_PASS;
	why = "";
	home = (struct in_addr){ 0 };
	logins = logouts = refused_mac = 0;
	assert_int_equal(actions_init(&out), 0);
	assert_int_equal(relay_new(&conf, &listener, &relay), 0);
	assert_int_equal(relay_set_clients(relay, &port, 1), 0);
	return 0;
}

static int rig_down(void **state)
{
	(void)state;
	relay_freep(&relay);
	actions_done(&out);
	return 0;
}

/* The @n-th datagram that went to @to. */
static const struct action *sent(const char *to, size_t n)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == ACTION_SEND_DATAGRAM && out.v[i].udp.remote.s_addr == ip(to).s_addr && n-- == 0)
			return &out.v[i];
	return NULL;
}

/* What an operator was told last. */
static const char *told(const char *event)
{
	for (size_t i = out.n; i > 0; i--)
		if (out.v[i - 1].type == ACTION_RECORD && strcmp(out.v[i - 1].record.event, event) == 0)
			return out.v[i - 1].record.reason;
	return "";
}

static struct radius read_of(const struct action *a)
{
	struct radius r;

	assert_non_null(a);
	assert_int_equal(radius_parse(a->octets.p, a->octets.n, &r), 0);
	return r;
}

static void deliver(const struct wr *w, const char *from, uint16_t from_port, uint16_t to_port)
{
	/* Authenticators ask at another address of ours than the one AAA servers are asked from. */
	const struct datagram d = { .local = ip(to_port == CLIENT ? "10.0.1.1" : "10.0.1.2"),
				    .remote = ip(from),
				    .local_port = to_port,
				    .remote_port = from_port,
				    .payload = { w->start, wr_len(w) } };

	relay_on_datagram(relay, now, &d, &out);
}

static uint8_t buf[4096];

static struct wr request(uint8_t id)
{
	struct wr w = wr_init(buf, sizeof(buf));

	radius_begin(&w, RADIUS_ACCESS_REQUEST, id);
	radius_put_proof(&w);
	radius_put(&w, RADIUS_USER_NAME, (struct span){ (const uint8_t *)"anonymous", 9 });
	radius_put(&w, RADIUS_CALLING_STATION_ID, (struct span){ (const uint8_t *)"02-00-00-00-00-0A", 17 });
	radius_put(&w, RADIUS_PROXY_STATE, (struct span){ (const uint8_t *)"state", 5 });
	return w;
}

static void ask(uint8_t id)
{
	struct wr w = request(id);

	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, "10.0.1.9", NAS_PORT, AUTH);
}

/* The server answers what it was asked last. */
static void reply(uint8_t code, const char *server, void (*put)(struct wr *w, const struct radius *asked))
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius asked;
	uint8_t a[16];
	size_t n = 0;

	while (sent(server, n + 1))
		n++;
	asked = read_of(sent(server, n));
	memcpy(a, asked.authenticator, sizeof(a));
	radius_begin(&w, code, asked.id);
	radius_put_proof(&w);
	if (put)
		put(&w, &asked);
	assert_int_equal(radius_sign_response(&w, aaa_secret, a), 0);
	deliver(&w, server, AUTH, CLIENT);
}

static void a_request_and_its_reject(void **state)
{
	struct radius p;
	struct radius_at at;

	(void)state;
	ask(7);
	p = read_of(sent("10.0.0.11", 0));
	assert_int_equal(radius_check_message(&p, aaa_secret, NULL), RADIUS_PROOF_RIGHT);
	assert_memory_equal(p.authenticator, authenticator, 16);
	assert_true(radius_find(&p, RADIUS_PROXY_STATE, &at));
	reply(RADIUS_ACCESS_REJECT, "10.0.0.11", NULL);
	p = read_of(sent("10.0.1.9", 0));
	assert_int_equal(p.code, RADIUS_ACCESS_REJECT);
	assert_int_equal(p.id, 7);
	assert_true(radius_check_response(&p, nas_secret, authenticator));
	assert_int_equal(radius_check_message(&p, nas_secret, authenticator), RADIUS_PROOF_RIGHT);
	assert_int_equal(logins, 0);
	assert_int_equal(refused_mac, 0x0a);
}

static void put_state(struct wr *w, const struct radius *asked)
{
	(void)asked;
	radius_put(w, RADIUS_STATE, (struct span){ (const uint8_t *)"round two", 9 });
}

/* The second server began a conversation while the first was away; it has to end it, though the first is back. */
static void a_conversation_stays_with_its_server(void **state)
{
	struct wr w;

	(void)state;
	ask(7);
	for (unsigned i = 0; i < 2; i++) {
		now.us += 1000000;
		relay_on_time(relay, now, &out);
	}
	reply(RADIUS_ACCESS_CHALLENGE, "10.0.0.12", put_state);
	now.us += 60 * 1000000; /* a user thinks about the password */
	relay_on_time(relay, now, &out);
	actions_clear(&out);
	w = request(8);
	put_state(&w, NULL);
	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, "10.0.1.9", NAS_PORT, AUTH);
	assert_null(sent("10.0.0.11", 0));
	assert_non_null(sent("10.0.0.12", 0));
	ask(9); /* somebody else */
	assert_non_null(sent("10.0.0.11", 0));
}

/* How long it took, and in how many steps. */
static void a_login_remembers_its_beginning(void **state)
{
	uint64_t began_us = now.us;
	struct wr w;

	(void)state;
	ask(7);
	reply(RADIUS_ACCESS_CHALLENGE, "10.0.0.11", put_state);
	now.us += 20000;
	w = request(8);
	put_state(&w, NULL);
	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, "10.0.1.9", NAS_PORT, AUTH);
	now.us += 3000;
	reply(RADIUS_ACCESS_ACCEPT, "10.0.0.11", NULL);
	assert_int_equal(logins, 1);
	assert_int_equal(login.began_us, began_us);
	assert_int_equal(login.rounds, 2);
	ask(9); /* another, without a State */
	reply(RADIUS_ACCESS_ACCEPT, "10.0.0.11", NULL);
	assert_int_equal(login.began_us, now.us);
	assert_int_equal(login.rounds, 1);
}

static void requests_without_proof_are_ignored(void **state)
{
	struct wr w = request(7);

	(void)state;
	assert_int_equal(radius_sign_request(&w, aaa_secret, authenticator), 0); /* another's secret */
	deliver(&w, "10.0.1.9", NAS_PORT, AUTH);
	assert_string_equal(told("radius_ignored"), "a request of ap is signed with another secret");
	w = wr_init(buf, sizeof(buf));
	radius_begin(&w, RADIUS_ACCESS_REQUEST, 8); /* none at all */
	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, "10.0.1.9", NAS_PORT, AUTH);
	assert_string_equal(told("radius_ignored"), "a request of ap has no Message-Authenticator");
	assert_null(sent("10.0.0.11", 0));
	nas.unproven = true;
	deliver(&w, "10.0.1.9", NAS_PORT, AUTH);
	assert_non_null(sent("10.0.0.11", 0));
	w = request(9);
	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, "10.0.2.9", NAS_PORT, AUTH); /* nobody's */
	assert_string_equal(told("radius_ignored"), "no nas section has this address");
	assert_null(sent("10.0.0.11", 1));
}

static void duplicates_are_answered_once_more(void **state)
{
	(void)state;
	ask(7);
	ask(7);
	assert_null(sent("10.0.0.11", 1));
	reply(RADIUS_ACCESS_REJECT, "10.0.0.11", NULL);
	ask(7);
	assert_null(sent("10.0.0.11", 1));
	assert_memory_equal(sent("10.0.1.9", 0)->octets.p, sent("10.0.1.9", 1)->octets.p,
			    sent("10.0.1.9", 0)->octets.n);
}

static void answers_leave_from_where_it_was_asked(void **state)
{
	(void)state;
	ask(7);
	assert_int_equal(sent("10.0.0.11", 0)->udp.local.s_addr, conf.address.s_addr);
	reply(RADIUS_ACCESS_REJECT, "10.0.0.11", NULL);
	assert_int_equal(sent("10.0.1.9", 0)->udp.local.s_addr, ip("10.0.1.2").s_addr);
	assert_int_equal(sent("10.0.1.9", 0)->udp.local_port, AUTH);
}

static void forged_replies_are_ignored(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius p;

	(void)state;
	ask(7);
	p = read_of(sent("10.0.0.11", 0));
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, p.id); /* a right response authenticator, no Message-Authenticator */
	assert_int_equal(radius_sign_response(&w, aaa_secret, authenticator), 0);
	deliver(&w, "10.0.0.11", AUTH, CLIENT);
	assert_string_equal(told("aaa_ignored"), "an answer of one has no Message-Authenticator");
	w = wr_init(buf, sizeof(buf));
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, p.id);
	radius_put_proof(&w);
	assert_int_equal(radius_sign_response(&w, nas_secret, authenticator), 0); /* another's secret */
	deliver(&w, "10.0.0.11", AUTH, CLIENT);
	assert_string_equal(told("aaa_ignored"), "an answer of one is signed with another secret");
	w = wr_init(buf, sizeof(buf));
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, p.id);
	radius_put_proof(&w);
	assert_int_equal(radius_sign_response(&w, aaa_secret, authenticator), 0);
	deliver(&w, "10.0.0.12", AUTH, CLIENT); /* not who was asked */
	assert_int_equal(logins, 0);
	deliver(&w, "10.0.0.11", AUTH, CLIENT);
	assert_int_equal(logins, 1);
}

static void put_profile(struct wr *w, const struct radius *asked)
{
	static const uint8_t key[20] = "twenty octets of key";
	/* MS-MPPE-Recv-Key (RFC 2548 2.4.3): vendor 311, type 17, length, then salt and two blocks */
	uint8_t salted[64], mppe[40] = { 0, 0, 1, 0x37, 17, 36 };
	int n = radius_salt((struct span){ key, sizeof(key) }, 0x8123, aaa_secret, asked->authenticator, salted);

	assert_true(n > 0);
	radius_put(w, RADIUS_USER_NAME, (struct span){ (const uint8_t *)"alice@example.com", 17 });
	radius_put_u32(w, RADIUS_SESSION_TIMEOUT, 600);
	radius_put_ip4(w, RADIUS_FRAMED_IP_ADDRESS, ip("255.255.255.254"));
	radius_put_wimax(w, RADIUS_WIMAX_HHA_IP, (struct span){ (const uint8_t *)"\x0a\0\0\1", 4 });
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_SPI, (struct span){ (const uint8_t *)"\0\0\3\xe8", 4 });
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_KEY, (struct span){ salted, (size_t)n });
	radius_put(w, RADIUS_FILTER_ID, text("std.in"));
	radius_put(w, RADIUS_FILTER_ID, text("holdfast-udp"));
	n = radius_salt((struct span){ key, sizeof(key) }, 0x8124, aaa_secret, asked->authenticator, salted);
	memcpy(mppe + sizeof(mppe) - 34, salted, 34);
	radius_put(w, RADIUS_VENDOR_SPECIFIC, (struct span){ mppe, sizeof(mppe) });
}

/* L-54, L-62, L-63 */
static void an_accept_brings_a_profile(void **state)
{
	struct span salted = { 0 };
	struct radius_at at = { 0 };
	unsigned filters = 0;
	uint8_t plain[64];
	struct radius p;

	(void)state;
	ask(7);
	reply(RADIUS_ACCESS_ACCEPT, "10.0.0.11", put_profile);
	assert_string_equal(login_user, "alice@example.com");
	assert_true(login.ids.has_mac);
	assert_int_equal(login.ids.mac[5], 0x0a);
	assert_int_equal(login.session_s, 600);
	assert_int_equal(login.home.s_addr, 0);
	assert_int_equal(login.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(login.spi, 1000);
	assert_int_equal(login.key_n, 20);
	assert_int_equal(login.encapsulation, RELAY_ENCAPSULATION_UDP);
	/* the authenticator behind gets its key under its own secret, and none of ours */
	p = read_of(sent("10.0.1.9", 0));
	assert_int_equal(radius_find_wimax(&p, RADIUS_WIMAX_MN_HHA_KEY, plain, sizeof(plain)), -ENOENT);
	while (radius_next(&p, &at)) {
		if (at.type == RADIUS_VENDOR_SPECIFIC && at.value.n == 40)
			salted = (struct span){ at.value.p + 6, 34 };
		filters += at.type == RADIUS_FILTER_ID;
	}
	assert_int_equal(filters, 1); /* the one that is not for us */
	assert_int_equal(radius_unsalt(salted, nas_secret, authenticator, plain), 20);
	assert_memory_equal(plain, "twenty octets of key", 20);
}

static void a_held_accept_is_released(void **state)
{
	struct in_addr framed;
	struct radius p;

	(void)state;
	verdict = RELAY_HOLD;
	nas.gives_address = true;
	ask(7);
	reply(RADIUS_ACCESS_ACCEPT, "10.0.0.11", put_profile);
	assert_null(sent("10.0.1.9", 0));
	ask(7); /* the authenticator grows impatient */
	assert_null(sent("10.0.1.9", 0));
	assert_null(sent("10.0.0.11", 1));
	relay_release(relay, now, login.id, ip("10.42.0.10"), &out);
	p = read_of(sent("10.0.1.9", 0));
	assert_int_equal(p.code, RADIUS_ACCESS_ACCEPT);
	assert_true(radius_find_ip4(&p, RADIUS_FRAMED_IP_ADDRESS, &framed)); /* L-41 */
	assert_int_equal(framed.s_addr, ip("10.42.0.10").s_addr);
	relay_refuse(relay, now, login.id, "too late", &out);
	assert_null(sent("10.0.1.9", 1));
}

static void a_held_accept_is_refused(void **state)
{
	struct radius_at at;
	struct radius p;

	(void)state;
	verdict = RELAY_HOLD;
	ask(7);
	reply(RADIUS_ACCESS_ACCEPT, "10.0.0.11", put_profile);
	relay_refuse(relay, now, login.id, "no address is free", &out);
	p = read_of(sent("10.0.1.9", 0));
	assert_int_equal(p.code, RADIUS_ACCESS_REJECT);
	assert_true(radius_find(&p, RADIUS_REPLY_MESSAGE, &at));
	assert_memory_equal(at.value.p, "no address is free", 18);
	assert_true(radius_find(&p, RADIUS_PROXY_STATE, &at));
	assert_int_equal(radius_check_message(&p, nas_secret, authenticator), RADIUS_PROOF_RIGHT);
}

static void a_held_accept_does_not_wait_for_ever(void **state)
{
	(void)state;
	verdict = RELAY_HOLD;
	ask(7);
	reply(RADIUS_ACCESS_ACCEPT, "10.0.0.11", put_profile);
	assert_int_equal(relay_due(relay), now.us + 3000000);
	now.us += 3000000;
	relay_on_time(relay, now, &out);
	assert_int_equal(read_of(sent("10.0.1.9", 0)).code, RADIUS_ACCESS_REJECT);
}

static void silence_leads_to_the_next_server(void **state)
{
	(void)state;
	ask(7);
	for (int i = 0; i < 2; i++) {
		now.us += 1000000;
		relay_on_time(relay, now, &out);
	}
	assert_non_null(sent("10.0.0.11", 1));
	assert_null(sent("10.0.0.11", 2));
	assert_non_null(sent("10.0.0.12", 0));
	ask(8); /* the silent one is not asked first now */
	assert_null(sent("10.0.0.11", 2));
	assert_non_null(sent("10.0.0.12", 1));
	now.us += 31000000;
	actions_clear(&out);
	ask(9);
	assert_non_null(sent("10.0.0.11", 0));
}

static void nobody_answers(void **state)
{
	(void)state;
	ask(7);
	for (int i = 0; i < 4; i++) {
		now.us += 1000000;
		relay_on_time(relay, now, &out);
	}
	assert_int_equal(relay_due(relay), NEVER);
	actions_clear(&out);
	ask(7); /* the same, from the beginning */
	assert_true(sent("10.0.0.11", 0) || sent("10.0.0.12", 0));
}

static void accounting(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius p;

	(void)state;
	radius_begin(&w, RADIUS_ACCOUNTING_REQUEST, 3);
	radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, RADIUS_ACCT_STOP);
	radius_put(&w, RADIUS_USER_NAME, (struct span){ (const uint8_t *)"alice@example.com", 17 });
	radius_put(&w, RADIUS_CALLING_STATION_ID, (struct span){ (const uint8_t *)"02-00-00-00-00-0A", 17 });
	assert_int_equal(radius_sign_request(&w, nas_secret, NULL), 0);
	deliver(&w, "10.0.1.9", NAS_PORT, ACCT);
	assert_int_equal(logouts, 1);
	assert_int_equal(logout_cause, 0);
	assert_string_equal(logout_user, "alice@example.com");
	p = read_of(sent("10.0.0.11", 0));
	assert_int_equal(sent("10.0.0.11", 0)->udp.remote_port, ACCT);
	assert_true(radius_check_request(&p, aaa_secret));
	assert_int_equal(radius_check_message(&p, aaa_secret, NULL), RADIUS_PROOF_ABSENT);
	w.start[4] ^= 1; /* its authenticator */
	deliver(&w, "10.0.1.9", NAS_PORT, ACCT);
	assert_int_equal(logouts, 1);
}

static uint64_t counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = relay_counters(relay, &names, &values);

	while (n > 0 && strcmp(names[n - 1], name) != 0)
		n--;
	assert_true(n > 0);
	return values[n - 1];
}

/* Requests under way keep out others; answers that are only kept do not, the oldest gives way. */
static void the_table_has_an_end(void **state)
{
	(void)state;
	for (uint8_t id = 0; id < 20; id++)
		ask(id);
	assert_int_equal(counter("radius_table_full"), 12);
	assert_null(sent("10.0.0.11", 8));
	reply(RADIUS_ACCESS_REJECT, "10.0.0.11", NULL); /* to the last, 7 */
	ask(20);
	assert_int_equal(counter("radius_table_full"), 12);
	assert_non_null(sent("10.0.0.11", 8));
	ask(7); /* its answer is forgotten, and there is no room for it */
	assert_int_equal(counter("radius_duplicates"), 0);
	assert_int_equal(counter("radius_table_full"), 13);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		CASE(a_request_and_its_reject),
		CASE(requests_without_proof_are_ignored),
		CASE(duplicates_are_answered_once_more),
		CASE(answers_leave_from_where_it_was_asked),
		CASE(a_conversation_stays_with_its_server),
		CASE(a_login_remembers_its_beginning),
		CASE(forged_replies_are_ignored),
		CASE(an_accept_brings_a_profile),
		CASE(a_held_accept_is_released),
		CASE(a_held_accept_is_refused),
		CASE(a_held_accept_does_not_wait_for_ever),
		CASE(silence_leads_to_the_next_server),
		CASE(nobody_answers),
		CASE(accounting),
		CASE(the_table_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
