/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors: computed with Python's hashlib and hmac from the RFCs' formulas, accepted by tshark; the last salted one was
 * taken from FreeRADIUS on the wire. */
#include "core/radius_auth.h"
#include "tests/unit/test.h"

static const struct span secret = { (const uint8_t *)"secret", 6 };
static const uint8_t authenticator[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static uint8_t buf[512];

static struct radius parse(const struct wr *w)
{
	struct radius r;

	assert_int_equal(radius_parse(w->start, wr_len(w), &r), 0);
	return r;
}

static struct wr access_request(void)
{
	struct wr w = wr_init(buf, sizeof(buf));

	radius_begin(&w, RADIUS_ACCESS_REQUEST, 7);
	radius_put(&w, RADIUS_USER_NAME, (struct span){ (const uint8_t *)"mn@example.com", 14 });
	radius_put_proof(&w);
	return w;
}

static void message_authenticator(void **state)
{
	struct wr w = access_request();
	uint8_t expected[16];
	struct radius_at at;
	struct radius r;

	(void)state;
	(void)unhex("85aca295ce40d6018f26b8ada8ea4fd4", expected, sizeof(expected));
	assert_int_equal(radius_sign_request(&w, secret, authenticator), 0);
	assert_int_equal(wr_len(&w), 54);
	r = parse(&w);
	assert_true(radius_find(&r, RADIUS_MESSAGE_AUTHENTICATOR, &at));
	assert_memory_equal(at.value.p, expected, 16);
	assert_memory_equal(r.authenticator, authenticator, 16);
	assert_int_equal(radius_check_message(&r, secret, NULL), RADIUS_PROOF_RIGHT);
	buf[25] ^= 1;
	assert_int_equal(radius_check_message(&r, secret, NULL), RADIUS_PROOF_WRONG);
	buf[25] ^= 1;
	assert_int_equal(radius_check_message(&r, (struct span){ (const uint8_t *)"Secret", 6 }, NULL),
			 RADIUS_PROOF_WRONG);
}

static void a_second_message_authenticator_is_wrong(void **state)
{
	struct wr w = access_request();
	struct radius r;

	(void)state;
	radius_put_proof(&w);
	assert_int_equal(radius_sign_request(&w, secret, authenticator), 0);
	r = parse(&w);
	assert_int_equal(radius_check_message(&r, secret, NULL), RADIUS_PROOF_WRONG);
}

static void absence_is_told(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius r;

	(void)state;
	radius_begin(&w, RADIUS_ACCESS_REQUEST, 7);
	assert_int_equal(radius_sign_request(&w, secret, authenticator), 0);
	r = parse(&w);
	assert_int_equal(radius_check_message(&r, secret, NULL), RADIUS_PROOF_ABSENT);
}

static void response_authenticator(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	uint8_t expected[16];
	struct radius r;

	(void)state;
	(void)unhex("217d523d1a93197dfe54d7d58152c618", expected, sizeof(expected));
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, 7);
	radius_put_ip4(&w, RADIUS_FRAMED_IP_ADDRESS, ip("10.0.2.33"));
	assert_int_equal(radius_sign_response(&w, secret, authenticator), 0);
	assert_int_equal(wr_len(&w), 26);
	r = parse(&w);
	assert_memory_equal(r.authenticator, expected, 16);
	assert_true(radius_check_response(&r, secret, authenticator));
	buf[25] ^= 1;
	assert_false(radius_check_response(&r, secret, authenticator));
}

/* RFC 3579 3.2: of a response it covers the request's authenticator, and the response authenticator covers it. */
static void a_response_with_both(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius r;

	(void)state;
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, 7);
	radius_put_proof(&w);
	assert_int_equal(radius_sign_response(&w, secret, authenticator), 0);
	r = parse(&w);
	assert_true(radius_check_response(&r, secret, authenticator));
	assert_int_equal(radius_check_message(&r, secret, authenticator), RADIUS_PROOF_RIGHT);
	assert_int_equal(radius_check_message(&r, secret, r.authenticator), RADIUS_PROOF_WRONG);
}

static void accounting_authenticator(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	uint8_t expected[16];
	struct radius r;

	(void)state;
	(void)unhex("a4f01534cae65ff67ab35181aa05e72a", expected, sizeof(expected));
	radius_begin(&w, RADIUS_ACCOUNTING_REQUEST, 9);
	radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, 1);
	radius_put(&w, RADIUS_ACCT_SESSION_ID, (struct span){ (const uint8_t *)"ab", 2 });
	assert_int_equal(radius_sign_request(&w, secret, NULL), 0);
	assert_int_equal(wr_len(&w), 30);
	r = parse(&w);
	assert_memory_equal(r.authenticator, expected, 16);
	assert_true(radius_check_request(&r, secret));
	buf[29] ^= 1;
	assert_false(radius_check_request(&r, secret));
}

static void salted_values(void **state)
{
	uint8_t in[64], key[64], out[64], expected[64], ra[16];
	size_t n = unhex("8001 6840ea46ecbea091906d04a9a5af0dd2bb75e2fec4845317c9c99fc9803e63f2", in, sizeof(in));

	(void)state;
	assert_int_equal(radius_unsalt((struct span){ in, n }, secret, authenticator, key), 16);
	assert_memory_equal(key, authenticator, 16); /* Key1 = 00 01 .. 0f */
	assert_int_equal(radius_salt((struct span){ key, 16 }, 0x8001, secret, authenticator, out), (int)n);
	assert_memory_equal(out, in, n);

	n = unhex("8350 12ae7f34956a058c88b8cee13c3258f3c2713d5e714343a55355063cc5e2292b", in, sizeof(in));
	(void)unhex("a7db01808eb42818b63140b9d53bc218", ra, sizeof(ra));
	(void)unhex("000102030405060708090a0b0c0d0e0f", expected, sizeof(expected));
	assert_int_equal(
		radius_unsalt((struct span){ in, n }, (struct span){ (const uint8_t *)"testing123", 10 }, ra, key), 16);
	assert_memory_equal(key, expected, 16);
}

/* Padded with something else than zeros, which is the next hop's to see, too. */
static void salted_values_on_their_way(void **state)
{
	const struct radius_hop from = { secret, authenticator };
	const struct radius_hop to = { { (const uint8_t *)"testing123", 10 }, authenticator };
	uint8_t in[64], expected[64], out[64];
	size_t n = unhex("8123 153faeb69521cec550951d950d16c23bf583794ee80c883ad8341f0361792692", in, sizeof(in));

	(void)state;
	(void)unhex("8123 66529fadb22f2fafe4b3691e9ac9afec46f6a88c27951dd3291f14e48c82ce8b", expected,
		    sizeof(expected));
	assert_int_equal(radius_resalt((struct span){ in, n }, &from, &to, out), 0);
	assert_memory_equal(out, expected, n);
	for (size_t bad = 0; bad < n; bad++)
		if (bad != 18)
			assert_int_equal(radius_resalt((struct span){ in, bad }, &from, &to, out), -EBADMSG);
}

static void broken_salted_values(void **state)
{
	uint8_t in[64] = { 0x80, 1 }, key[64];
	const size_t lengths[] = { 0, 2, 17, 19, 33 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		assert_int_equal(radius_unsalt((struct span){ in, lengths[i] }, secret, authenticator, key), -EBADMSG);
	/* one block that says it holds more than a block: first octet of the stream is not known, so take all */
	for (unsigned c = 0; c < 256; c++) {
		in[2] = (uint8_t)c;
		assert_true(radius_unsalt((struct span){ in, 18 }, secret, authenticator, key) <= 15);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_authenticator), cmocka_unit_test(a_second_message_authenticator_is_wrong),
		cmocka_unit_test(absence_is_told),       cmocka_unit_test(response_authenticator),
		cmocka_unit_test(a_response_with_both),  cmocka_unit_test(accounting_authenticator),
		cmocka_unit_test(salted_values),         cmocka_unit_test(salted_values_on_their_way),
		cmocka_unit_test(broken_salted_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
