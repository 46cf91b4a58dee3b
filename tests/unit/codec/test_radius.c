/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames by hand from RFC 2865 3 and 5; WiMAX attributes as FreeRADIUS' dictionary encodes them. */
#include "codec/radius.h"
#include "tests/unit/test.h"

static uint8_t octets[4096];

static struct radius parsed(const char *hex)
{
	struct radius r;

	assert_int_equal(radius_parse(octets, unhex(hex, octets, sizeof(octets)), &r), 0);
	return r;
}

static int parse_result(const char *hex)
{
	struct radius r;

	return radius_parse(octets, unhex(hex, octets, sizeof(octets)), &r);
}

#define HEAD(length) "0107" length "000102030405060708090a0b0c0d0e0f"

static void frames(void **state)
{
	struct radius r = parsed(HEAD("0016") "0102");

	(void)state;
	assert_int_equal(r.code, RADIUS_ACCESS_REQUEST);
	assert_int_equal(r.id, 7);
	assert_int_equal(r.attributes.n, 2);
	assert_int_equal(r.authenticator[15], 15);
	assert_int_equal(parsed(HEAD("0014")).attributes.n, 0);
	assert_int_equal(parsed(HEAD("0014") "ffffff").packet.n, 20); /* padding */
}

static void broken_frames(void **state)
{
	(void)state;
	assert_int_equal(parse_result("0107 0014 0001"), -EBADMSG);      /* shorter than a header */
	assert_int_equal(parse_result(HEAD("0013")), -EBADMSG);          /* length below 20 */
	assert_int_equal(parse_result(HEAD("0015")), -EBADMSG);          /* length beyond the datagram */
	assert_int_equal(parse_result(HEAD("0015") "01"), -EBADMSG);     /* half an attribute */
	assert_int_equal(parse_result(HEAD("0016") "0101"), -EBADMSG);   /* attribute of length 1 */
	assert_int_equal(parse_result(HEAD("0016") "0100"), -EBADMSG);   /* of length 0 */
	assert_int_equal(parse_result(HEAD("0017") "010461"), -EBADMSG); /* attribute beyond the packet */
}

static void numbers_have_four_octets(void **state)
{
	struct radius r = parsed(HEAD("001f") "1b0600000e10"
					      "0805010203");
	uint32_t v = 1;

	(void)state;
	assert_true(radius_find_u32(&r, RADIUS_SESSION_TIMEOUT, &v));
	assert_int_equal(v, 3600);
	assert_false(radius_find_u32(&r, RADIUS_FRAMED_IP_ADDRESS, &v));
	assert_int_equal(v, 3600);
}

static void wimax_attributes(void **state)
{
	uint8_t v[64];
	struct radius r = parsed(HEAD("0021") "1a0d000060b50607000a000001");

	(void)state;
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_HHA_IP, v, sizeof(v)), 4);
	assert_memory_equal(v, "\x0a\0\0\1", 4);
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_MN_HHA_SPI, v, sizeof(v)), -ENOENT);
	/* another vendor, a length that does not fit, no room */
	r = parsed(HEAD("0021") "1a0d000060b60607000a000001");
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_HHA_IP, v, sizeof(v)), -ENOENT);
	r = parsed(HEAD("0021") "1a0d000060b50608000a000001");
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_HHA_IP, v, sizeof(v)), -ENOENT);
	r = parsed(HEAD("0021") "1a0d000060b50607000a000001");
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_HHA_IP, v, 3), -EMSGSIZE);
}

static void wimax_values_continue(void **state)
{
	uint8_t v[64];
	/* "ab" goes on in the next attribute of this type: "c"; one of another type is between */
	struct radius r = parsed(HEAD("0036") "1a0b000060b51205806162"
					      "1a0d000060b50b070000000100"
					      "1a0a000060b512040063");

	(void)state;
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_RRQ_HA_IP, v, sizeof(v)), 3);
	assert_memory_equal(v, "abc", 3);
	r = parsed(HEAD("001f") "1a0b000060b51205806162");
	assert_int_equal(radius_find_wimax(&r, RADIUS_WIMAX_RRQ_HA_IP, v, sizeof(v)), -EBADMSG);
}

static void eap_is_put_together(void **state)
{
	uint8_t eap[600], buf[1024], out[600];
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius r;

	(void)state;
	for (size_t i = 0; i < sizeof(eap); i++)
		eap[i] = (uint8_t)i;
	radius_begin(&w, RADIUS_ACCESS_CHALLENGE, 1);
	radius_put_eap(&w, (struct span){ eap, sizeof(eap) });
	radius_end(&w);
	assert_int_equal(w.err, 0);
	assert_int_equal(wr_len(&w), 20 + 600 + 3 * 2); /* 253, 253, 94 */
	assert_int_equal(radius_parse(buf, wr_len(&w), &r), 0);
	assert_int_equal(radius_eap(&r, out, sizeof(out)), 600);
	assert_memory_equal(out, eap, sizeof(eap));
	assert_int_equal(radius_eap(&r, out, 599), -EMSGSIZE);
}

static void mac_addresses(void **state)
{
	static const char *const good[] = { "02-00-00-00-00-0A", "02:00:00:00:00:0a", "02000000000a", "0200.0000.000a",
					    "02-00-00-00-00-0A:guests" };
	static const char *const bad[] = {
		"", "02-00-00-00-00", "02-00-00-00-00-0", "02-00-00-00-00-0g", "02000000000a0", "alice@example.com"
	};
	uint8_t mac[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		memset(mac, 0xff, sizeof(mac));
		assert_true(radius_mac((struct span){ (const uint8_t *)good[i], strlen(good[i]) }, mac));
		assert_memory_equal(mac, "\2\0\0\0\0\x0a", 6);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(radius_mac((struct span){ (const uint8_t *)bad[i], strlen(bad[i]) }, mac));
	assert_true(radius_mac((struct span){ (const uint8_t *)"\2\0\0\0\0\x0b", 6 }, mac)); /* as WiMAX sends it */
	assert_int_equal(mac[5], 0x0b);
}

static void builders(void **state)
{
	uint8_t buf[128], expected[128];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t n = unhex("0209 0034 00000000000000000000000000000000 0803ab"
			 "1b0600000e10 08060a000221"
			 "1a0d000060b50607000a000001",
			 expected, sizeof(expected));

	(void)state;
	expected[20] = 1; /* User-Name, of one octet */
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, 9);
	radius_put(&w, RADIUS_USER_NAME, (struct span){ (const uint8_t *)"\xab", 1 });
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put_ip4(&w, RADIUS_FRAMED_IP_ADDRESS, ip("10.0.2.33"));
	radius_put_wimax(&w, RADIUS_WIMAX_HHA_IP, (struct span){ (const uint8_t *)"\x0a\0\0\1", 4 });
	radius_end(&w);
	expected[3] = (uint8_t)n;
	assert_int_equal(w.err, 0);
	assert_int_equal(wr_len(&w), n);
	assert_memory_equal(buf, expected, n);
}

static void too_long_values_are_refused(void **state)
{
	static uint8_t big[254], buf[512];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	radius_begin(&w, RADIUS_ACCESS_ACCEPT, 9);
	radius_put(&w, RADIUS_REPLY_MESSAGE, (struct span){ big, sizeof(big) });
	assert_int_equal(w.err, -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(broken_frames),
		cmocka_unit_test(numbers_have_four_octets),
		cmocka_unit_test(wimax_attributes),
		cmocka_unit_test(wimax_values_continue),
		cmocka_unit_test(eap_is_put_together),
		cmocka_unit_test(mac_addresses),
		cmocka_unit_test(builders),
		cmocka_unit_test(too_long_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
