/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the relay does to attributes on their way, and how it tells sessions apart. */
#include "roles/relay/exchange.h"
#include "tests/unit/test.h"

static const uint8_t authenticator[16] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const struct radius_hop nas_hop = { { (const uint8_t *)"nas secret", 10 }, authenticator };
static const struct radius_hop aaa_hop = { { (const uint8_t *)"aaa secret", 10 }, authenticator };

static const struct relay_nas nas = { .name = "ap" };
static uint8_t octets[512];

/* One attribute, as it comes out at the other hop. */
static struct span rewritten(uint8_t type, struct span value, const struct radius_hop *from,
			     const struct radius_hop *to)
{
	const struct radius_at at = { .type = type, .value = value };
	struct wr w = wr_init(octets, sizeof(octets));

	rewrite_attribute(&w, &at, from, to);
	assert_int_equal(w.err, 0);
	if (wr_len(&w) == 0)
		return (struct span){ NULL, 0 };
	assert_int_equal(octets[0], type);
	assert_int_equal(octets[1], wr_len(&w));
	return (struct span){ octets + 2, wr_len(&w) - 2 };
}

/* RFC 2865 5.2, computed with Python's hashlib: "abc" under either secret. */
static void passwords(void **state)
{
	uint8_t hidden[16], expected[16];
	struct span value;

	(void)state;
	(void)unhex("1db471e0a140a05282f652543453f4c0", hidden, sizeof(hidden));
	(void)unhex("8eb1862a04b950a145910ff010f03778", expected, sizeof(expected));
	value = rewritten(RADIUS_USER_PASSWORD, (struct span){ hidden, 16 }, &nas_hop, &aaa_hop);
	assert_int_equal(value.n, 16);
	assert_memory_equal(value.p, expected, 16);
	value = rewritten(RADIUS_USER_PASSWORD, (struct span){ hidden, 16 }, &nas_hop, &nas_hop);
	assert_memory_equal(value.p, hidden, 16);
	assert_int_equal(rewritten(RADIUS_USER_PASSWORD, (struct span){ hidden, 15 }, &nas_hop, &aaa_hop).n, 0);
}

/* RFC 2865 5.26: one attribute may hold several of a vendor's. MS-CHAP-Domain (RFC 2548 2.1.7) is not hidden. */
static void keys_in_one_attribute(void **state)
{
	uint8_t v[4 + 5 + 2 * 20] = { 0, 0, 1, 0x37, 10, 5, 'x', 'y', 'z' }, plain[32];
	struct span value;

	(void)state;
	for (uint8_t i = 0; i < 2; i++) {
		v[9 + i * 20] = 16 + i;
		v[10 + i * 20] = 20;
		assert_int_equal(radius_salt((struct span){ (const uint8_t *)(i ? "recv" : "send"), 4 }, 0x8001 + i,
					     aaa_hop.secret, authenticator, v + 11 + i * 20),
				 18);
	}
	value = rewritten(RADIUS_VENDOR_SPECIFIC, (struct span){ v, sizeof(v) }, &aaa_hop, &nas_hop);
	assert_int_equal(value.n, sizeof(v));
	assert_memory_equal(value.p, v, 11);
	assert_int_equal(radius_unsalt((struct span){ value.p + 11, 18 }, nas_hop.secret, authenticator, plain), 4);
	assert_memory_equal(plain, "send", 4);
	assert_int_equal(radius_unsalt((struct span){ value.p + 31, 18 }, nas_hop.secret, authenticator, plain), 4);
	assert_memory_equal(plain, "recv", 4);
	v[10] = 19; /* what cannot be uncovered is of no use to anybody */
	assert_int_equal(rewritten(RADIUS_VENDOR_SPECIFIC, (struct span){ v, sizeof(v) }, &aaa_hop, &nas_hop).n, 0);
}

/* As an authenticator names a session, at its beginning and in every record (RFC 2866 5.5). */
static void names_of_a_session(void **state)
{
	struct wr w = wr_init(octets, sizeof(octets));
	struct relay_ids ids;
	struct radius p;

	(void)state;
	radius_begin(&w, RADIUS_ACCOUNTING_REQUEST, 3);
	radius_put(&w, RADIUS_ACCT_SESSION_ID, (struct span){ (const uint8_t *)"4D2E-7", 6 });
	radius_put_u32(&w, RADIUS_NAS_PORT, 17);
	radius_put(&w, RADIUS_CALLING_STATION_ID, (struct span){ (const uint8_t *)"192.0.2.1[4500]", 15 });
	radius_end(&w);
	assert_int_equal(radius_parse(octets, wr_len(&w), &p), 0);
	ids = ids_read(&nas, ip("10.0.1.9"), &p);
	assert_ptr_equal(ids.nas, &nas);
	assert_int_equal(ids.source.s_addr, ip("10.0.1.9").s_addr);
	assert_int_equal(ids.session.n, 6);
	assert_memory_equal(ids.session.octets, "4D2E-7", 6);
	assert_true(ids.has_port && !ids.has_mac);
	assert_int_equal(ids.port, 17);
	assert_int_equal(ids.calling.n, 15);
}

static void set_text(struct relay_text *t, const char *text)
{
	t->n = (uint8_t)strlen(text);
	memcpy(t->octets, text, t->n);
}

static void sessions_are_told_apart(void **state)
{
	const struct relay_ids bare = { .nas = &nas, .source = ip("10.0.1.9") };
	struct relay_ids kept = bare, said = bare;
	struct relay_nas other_nas = { 0 };

	(void)state;
	assert_true(relay_ids_fit(&bare, &bare)); /* neither says more */
	said.source = ip("10.0.1.8");
	assert_false(relay_ids_fit(&kept, &said));
	said = bare;
	said.nas = &other_nas;
	assert_false(relay_ids_fit(&kept, &said));

	said = bare;
	kept.has_port = true;
	kept.port = 3;
	set_text(&kept.calling, "192.0.2.1[4500]");
	assert_true(relay_ids_fit(&kept, &said));
	said.has_port = true;
	assert_false(relay_ids_fit(&kept, &said));
	said.port = 3;
	set_text(&said.calling, "192.0.2.2[4500]");
	assert_false(relay_ids_fit(&kept, &said));

	kept.has_mac = said.has_mac = true; /* of the same address, written in another way */
	assert_true(relay_ids_fit(&kept, &said));
	said.mac[5] = 1;
	assert_false(relay_ids_fit(&kept, &said));

	set_text(&kept.session, "1-1"); /* decides alone: MOBIKE moves users, and IKE_SAs get other numbers */
	assert_false(relay_ids_fit(&kept, &said));
	set_text(&said.session, "1-1");
	assert_true(relay_ids_fit(&kept, &said));
	set_text(&said.session, "1-12");
	assert_false(relay_ids_fit(&kept, &said));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords),
		cmocka_unit_test(keys_in_one_attribute),
		cmocka_unit_test(names_of_a_session),
		cmocka_unit_test(sessions_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
