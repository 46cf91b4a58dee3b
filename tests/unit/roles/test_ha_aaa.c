/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L-63: keys of users that AAA keeps. The test is the AAA server, too. */
#include "core/radius_auth.h"
#include "tests/unit/roles/ha_fixture.h"

enum { AAA_SPI = 5000, PORT = 50001, AUTH = 1812, RECORDS_MAX = 4, MANY = 300 };

static const struct span secret = { (const uint8_t *)"aaa secret", 10 };
static struct radius_server server;

static const struct ask first = { .spi = AAA_SPI };

static int rig_up(void **state)
{
	const uint16_t port = PORT;
	int r = setup(state);

	server = (struct radius_server){ .name = "aaa",
					 .address = ip("10.0.0.11"),
					 .auth_port = AUTH,
					 .secret = { .n = secret.n },
					 .timeout_ms = 1000,
					 .tries = 3 };
	memcpy(server.secret.octets, secret.p, secret.n);
	conf.aaa = (struct ha_aaa){ .servers = &server, .server_n = 1, .dead_s = 30, .key_life_s = 3600, .rate = 1000 };
	users[0].aaa_key = true;
	restart();
	assert_int_equal(ha_set_aaa_ports(ha, &port, 1), 0);
	return r;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_up, teardown)

/* The question that was asked last, or false. */
static bool question(struct radius *ret)
{
	bool found = false;

	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == ACTION_SEND_DATAGRAM && out.v[i].udp.remote_port == AUTH) {
			assert_int_equal(out.v[i].udp.remote.s_addr, server.address.s_addr);
			assert_in_range(out.v[i].udp.local_port, PORT, PORT + 1);
			assert_int_equal(radius_parse(out.v[i].octets.p, out.v[i].octets.n, ret), 0);
			found = true;
		}
	return found;
}

static bool asks(void)
{
	struct radius p;

	return question(&p);
}

struct answer {
	const char *key; /* NULL: none */
	uint32_t spi, session_s;
	bool reject;
};

/* Answers it. What becomes of that is left in `out`. */
static void aaa_says(const struct answer *a)
{
	uint8_t buf[256], authenticator[16], salted[64], spi[4];
	struct wr w = wr_init(buf, sizeof(buf)), s = wr_init(spi, sizeof(spi));
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = PORT, .remote = server.address, .remote_port = AUTH
	};
	struct radius p;
	int n;

	assert_true(question(&p));
	memcpy(authenticator, p.authenticator, sizeof(authenticator));
	radius_begin(&w, a->reject ? RADIUS_ACCESS_REJECT : RADIUS_ACCESS_ACCEPT, p.id);
	radius_put_proof(&w);
	if (a->key) {
		n = radius_salt(text(a->key), 0x8001, secret, authenticator, salted);
		assert_true(n > 0);
		radius_put_wimax(&w, RADIUS_WIMAX_RRQ_MN_HA_KEY, (struct span){ salted, (size_t)n });
	}
	wr_u32(&s, a->spi);
	if (a->spi)
		radius_put_wimax(&w, RADIUS_WIMAX_RRQ_MN_HA_SPI, (struct span){ spi, sizeof(spi) });
	if (a->session_s)
		radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, a->session_s);
	assert_int_equal(radius_sign_response(&w, secret, authenticator), 0);
	actions_clear(&out);
	d.payload = (struct span){ buf, wr_len(&w) };
	ha_on_datagram(ha, now, &d, &out);
}

static const struct answer here_it_is = { .key = "8 octets" }, unknown = { .reject = true };

/* Codes of the replies in `out`. */
static size_t codes(uint8_t *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == ACTION_SEND_DATAGRAM && out.v[i].octets.p[0] == MIP_TYPE_REPLY) {
			assert_true(n < max);
			ret[n++] = out.v[i].octets.p[1];
		}
	return n;
}

static void assert_answered(int code)
{
	uint8_t c[1];

	assert_int_equal(codes(c, 1), 1);
	assert_int_equal(c[0], code);
}

static uint64_t aaa_counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = ha_aaa_counters(ha, &names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

static void bind_first(void)
{
	assert_false(ask(&first).replied);
	aaa_says(&here_it_is);
	assert_answered(0);
}

static void a_key_is_asked_for_once(void **state)
{
	struct radius_at at;
	struct in_addr own;
	uint8_t value[8];
	struct radius p;
	uint32_t n;

	(void)state;
	assert_false(ask(&first).replied);
	assert_true(question(&p));
	assert_int_equal(p.code, RADIUS_ACCESS_REQUEST);
	assert_int_equal(radius_check_message(&p, secret, NULL), RADIUS_PROOF_RIGHT);
	assert_true(radius_find(&p, RADIUS_USER_NAME, &at));
	assert_int_equal(at.value.n, 17);
	assert_memory_equal(at.value.p, "alice@example.com", 17);
	assert_true(radius_find_u32(&p, RADIUS_SERVICE_TYPE, &n));
	assert_int_equal(n, 17);
	assert_true(radius_find_ip4(&p, RADIUS_NAS_IP_ADDRESS, &own));
	assert_int_equal(own.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(radius_find_wimax(&p, RADIUS_WIMAX_RRQ_HA_IP, value, sizeof(value)), 4);
	assert_memory_equal(value, "\x0a\0\0\1", 4);
	assert_int_equal(radius_find_wimax(&p, RADIUS_WIMAX_RRQ_MN_HA_SPI, value, sizeof(value)), 4);
	assert_memory_equal(value, "\0\0\x13\x88", 4); /* 5000 */
	pass_ms(20);
	aaa_says(&here_it_is);
	assert_answered(0);
	assert_non_null(find_action(ACTION_BINDING_SET));
	assert_int_equal(counter("requests"), 1);
	assert_int_equal(counter("accepted"), 1);
	assert_code(&(struct ask){ .spi = AAA_SPI, .sequence = 1 }, 0);
	assert_false(asks());
	assert_int_equal(aaa_counter("aaa_keys_asked"), 1);
}

static void a_key_has_a_lifetime(void **state)
{
	const struct answer a_minute = { .key = "8 octets", .spi = AAA_SPI, .session_s = 60 };

	(void)state;
	assert_false(ask(&first).replied);
	aaa_says(&a_minute);
	assert_answered(0);
	pass_ms(59900);
	assert_code(&(struct ask){ .spi = AAA_SPI, .sequence = 1 }, 0);
	pass_ms(100);
	assert_false(ask(&(struct ask){ .spi = AAA_SPI, .sequence = 2 }).replied);
	aaa_says(&here_it_is); /* it does not say how long: as configured */
	assert_answered(0);
	pass_ms(3599900);
	actions_clear(&out);
	ha_on_time(ha, now, &out); /* the binding is over by then */
	assert_code(&(struct ask){ .spi = AAA_SPI }, 0);
	assert_false(asks());
}

static void a_refusal_is_believed_for_a_while(void **state)
{
	(void)state;
	assert_false(ask(&first).replied);
	aaa_says(&unknown);
	assert_answered(131);
	assert_null(find_action(ACTION_BINDING_SET));
	assert_code(&first, 131);
	assert_false(asks());
	pass_ms(2000);
	assert_false(ask(&first).replied); /* who logged in meanwhile */
	aaa_says(&here_it_is);
	assert_answered(0);
}

/* A key that is none, not salted as it should be, or another's. */
static void an_accept_without_its_key(void **state)
{
	static const struct answer rows[] = { { .spi = AAA_SPI }, { .key = "" }, { .key = "8 octets", .spi = 4999 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(ask(&first).replied);
		aaa_says(&rows[i]);
		assert_answered(131);
		assert_int_equal(aaa_counter("aaa_keys_unusable"), i + 1);
		pass_ms(2000);
	}
}

/* Nobody knows whether the key is right: nothing is said, and the next request tries again. */
static void silence_is_no_refusal(void **state)
{
	(void)state;
	assert_false(ask(&first).replied);
	for (unsigned i = 0; i < 3; i++) {
		pass_ms(1000);
		actions_clear(&out);
		ha_on_time(ha, now, &out);
		assert_int_equal(asks(), i < 2);
		assert_int_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY), SIZE_MAX);
	}
	assert_int_equal(aaa_counter("aaa_keys_in_vain"), 1);
	assert_int_equal(ha_due(ha), NEVER);
	bind_first();
}

/* G-09: its time stamp is judged by the time it has become. */
static void who_waits_too_long_has_to_look_at_the_clock(void **state)
{
	(void)state;
	server.timeout_ms = 9000;
	assert_false(ask(&first).replied);
	pass_ms(8000);
	aaa_says(&here_it_is);
	assert_answered(133);
	assert_code(&first, 0);
}

/* An agent repeats its request while the key is asked for: one question, one answer. */
static void repetitions_wait_as_one(void **state)
{
	(void)state;
	assert_false(ask(&first).replied);
	pass_ms(500);
	assert_false(ask(&first).replied);
	assert_false(asks());
	actions_clear(&out);
	pass_ms(500);
	ha_on_time(ha, now, &out); /* the question is repeated, too */
	aaa_says(&here_it_is);
	assert_answered(0);
	assert_int_equal(counter("requests"), 2);
	assert_int_equal(counter("accepted"), 1);
}

/* Two agents at once: the newer request wins as ever. */
static void two_agents_wait(void **state)
{
	struct radius p;
	uint8_t buf[128], c[2];
	struct span kept;

	(void)state;
	assert_false(ask(&first).replied);
	assert_true(question(&p));
	memcpy(buf, p.packet.p, p.packet.n);
	kept = (struct span){ buf, p.packet.n };
	assert_false(ask(&(struct ask){ .spi = AAA_SPI, .care_of = "10.0.2.1" }).replied);
	actions_clear(&out);
	{
		struct wr w = actions_writer(&out, kept.n);

		wr_bytes(&w, kept.p, kept.n);
		actions_send_datagram(&out, ip("10.0.0.1"), PORT, server.address, AUTH, &w);
	}
	aaa_says(&here_it_is);
	assert_int_equal(codes(c, 2), 2);
	assert_int_equal(c[0], 0);
	assert_int_equal(c[1], 0);
	assert_int_equal(counter("moves"), 1);
}

/* What anybody can ask for without proof has an end: one source cannot fill the room of all. */
static void waiting_is_bounded(void **state)
{
	const uint16_t ports[] = { PORT + 1, PORT };
	char nai[64];

	(void)state;
	restart();
	assert_int_equal(ha_set_aaa_ports(ha, ports, 2), 0);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(nai, sizeof(nai), "user%u@example.com", i);
		assert_false(ask(&(struct ask){ .spi = AAA_SPI, .nai = nai }).replied);
	}
	assert_int_equal(aaa_counter("aaa_keys_asked"), 256);
	assert_int_equal(aaa_counter("aaa_keys_waited_for"), 256);
	assert_int_equal(aaa_counter("aaa_keys_no_room"), MANY - 256);
	assert_int_equal(counter("discarded"), MANY - 256);
	assert_false(ask(&(struct ask){ .spi = AAA_SPI, .nai = nai, .source = "10.0.1.2" }).replied);
	assert_true(asks());
}

static void questions_have_a_rate(void **state)
{
	const uint16_t port = PORT;
	char nai[64];

	(void)state;
	conf.aaa.rate = 10;
	restart();
	assert_int_equal(ha_set_aaa_ports(ha, &port, 1), 0);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(nai, sizeof(nai), "user%u@example.com", i);
		assert_false(ask(&(struct ask){ .spi = AAA_SPI, .nai = nai }).replied);
		now.us -= US_PER_MS;
	}
	assert_int_equal(aaa_counter("aaa_keys_asked"), 10);
	assert_int_equal(aaa_counter("aaa_keys_rate_limited"), 10);
	pass_ms(1000);
	assert_false(ask(&(struct ask){ .spi = AAA_SPI, .nai = nai }).replied);
	assert_true(asks());
}

/* Whose row does not allow it, and who has an association of that SPI, is not asked for. */
static void only_whom_it_is_for(void **state)
{
	(void)state;
	assert_code(&(struct ask){ .spi = AAA_SPI, .nai = "client@example.com" }, 131);
	assert_false(asks());
	assert_code(&(struct ask){ .spi = AAA_SPI, .nai = "nobody@example.org" }, 131);
	assert_false(asks());
	assert_code(&(struct ask){ 0 }, 0);
	assert_false(asks());
	assert_code(&(struct ask){ .no_auth = true, .nai = "carol@example.com" }, 131);
	assert_false(asks());
}

/* A wrong authenticator may mean a new key; it may be an attacker's as well, who must not make us ask all the time or harm
 * who is served. */
static void a_wrong_authenticator_is_doubted_once(void **state)
{
	const struct ask wrong = { .spi = AAA_SPI, .bad_auth = true, .source = "10.0.9.9" };

	(void)state;
	bind_first();
	assert_code(&wrong, 131); /* the key came just now */
	assert_false(asks());
	pass_ms(1000);
	assert_false(ask(&wrong).replied);
	assert_code(&(struct ask){ .spi = AAA_SPI, .sequence = 1 }, 0); /* meanwhile */
	pass_ms(1000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	aaa_says(&unknown);
	assert_answered(131);
	assert_code(&wrong, 131);
	assert_false(asks());
	assert_code(&(struct ask){ .spi = AAA_SPI, .sequence = 2 }, 0); /* what AAA let in before goes on */
}

/* L-17: the same SPI with another key after the user logged in anew at another agent. The former agent has the former key. */
static void another_key_under_the_same_spi(void **state)
{
	const struct answer another = { .key = "other 8o" };
	const struct action *a;
	struct mip_exts x;
	struct sa old;

	(void)state;
	bind_first();
	old = sa_with(AAA_SPI, MAC_HMAC_SHA_256);
	pass_ms(1000);
	sa_key = "other 8o";
	assert_false(ask(&(struct ask){ .spi = AAA_SPI, .care_of = "10.0.2.1" }).replied);
	aaa_says(&another);
	assert_answered(0);
	a = &out.v[place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION)];
	assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REVOCATION_OCTETS, NULL, &x), 0);
	assert_true(sa_verify(&old, a->octets.p, &x.mn_ha));
	assert_code(&(struct ask){ .spi = AAA_SPI, .care_of = "10.0.2.1", .sequence = 1 }, 0);
}

/* What a store would have after it: one record, without any key. */
static struct {
	uint8_t key[256], value[256];
	size_t key_n, value_n;
} stored;

static void resume(void)
{
	const uint16_t port = PORT;
	const struct action *a = find_action(ACTION_STORE_PUT);
	uint64_t ntp = now.ntp;

	assert_non_null(a);
	memcpy(stored.key, a->key.p, a->key.n);
	memcpy(stored.value, a->octets.p, a->octets.n);
	stored.key_n = a->key.n;
	stored.value_n = a->octets.n;
	assert_null(memmem(stored.value, stored.value_n, "8 octets", 8));
	restart();
	now.ntp = ntp;
	assert_int_equal(ha_set_aaa_ports(ha, &port, 1), 0);
	assert_true(ha_restore(ha, now, (struct span){ stored.key, stored.key_n },
			       (struct span){ stored.value, stored.value_n }, true, &out));
	ha_restored(ha);
}

static void after_a_restart_it_is_asked_for_again(void **state)
{
	(void)state;
	bind_first();
	resume();
	assert_non_null(find_action(ACTION_BINDING_SET)); /* who is served goes on being served */
	assert_false(asks());
	pass_ms(1000);
	assert_false(ask(&(struct ask){ .spi = AAA_SPI, .sequence = 1 }).replied);
	aaa_says(&here_it_is);
	assert_answered(0);
	assert_int_equal(counter("moves"), 0);
}

/* Without its key nothing is signed, least of all with none: the revocation goes out when the key is there. */
static void after_a_restart_revocations_wait_for_the_key(void **state)
{
	struct sa sa = sa_with(AAA_SPI, MAC_HMAC_SHA_256);
	const struct action *a;
	struct mip_exts x;

	(void)state;
	bind_first();
	resume();
	actions_clear(&out);
	assert_int_equal(ha_kick(ha, now, "alice@example.com", &out), 0);
	assert_int_equal(place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION), SIZE_MAX);
	aaa_says(&here_it_is);
	pass_ms(1000);
	actions_clear(&out);
	ha_on_time(ha, now, &out);
	a = &out.v[place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION)];
	assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REVOCATION_OCTETS, NULL, &x), 0);
	assert_true(sa_verify(&sa, a->octets.p, &x.mn_ha));
}

static void after_a_restart_others_rows_count(void **state)
{
	(void)state;
	bind_first();
	users[0].aaa_key = false;
	{
		const struct action *a = find_action(ACTION_STORE_PUT);

		memcpy(stored.key, a->key.p, a->key.n);
		memcpy(stored.value, a->octets.p, a->octets.n);
		stored.key_n = a->key.n;
		stored.value_n = a->octets.n;
	}
	restart();
	assert_false(ha_restore(ha, now, (struct span){ stored.key, stored.key_n },
				(struct span){ stored.value, stored.value_n }, true, &out));
	assert_non_null(find_action(ACTION_BINDING_DEL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_key_is_asked_for_once),
		CASE(a_key_has_a_lifetime),
		CASE(a_refusal_is_believed_for_a_while),
		CASE(an_accept_without_its_key),
		CASE(silence_is_no_refusal),
		CASE(who_waits_too_long_has_to_look_at_the_clock),
		CASE(repetitions_wait_as_one),
		CASE(two_agents_wait),
		CASE(waiting_is_bounded),
		CASE(questions_have_a_rate),
		CASE(only_whom_it_is_for),
		CASE(a_wrong_authenticator_is_doubted_once),
		CASE(another_key_under_the_same_spi),
		CASE(after_a_restart_it_is_asked_for_again),
		CASE(after_a_restart_revocations_wait_for_the_key),
		CASE(after_a_restart_others_rows_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
