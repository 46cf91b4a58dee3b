/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/mip_ext.h"
#include "codec/mip_msg.h"
#include "tests/unit/test.h"
#include "tests/vectors/mip.h"

enum { FIXED = MIP_REVOCATION_ACK_OCTETS };

static uint8_t msg[2048];
static struct mip_exts x;

static const struct mip_sequence_carrier carriers[] = {
	{ .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
	{ .form = MIP_SEQUENCE_NVSE, .vendor = 32473, .vendor_type = 9 },
	{ .form = MIP_SEQUENCE_PMIP_SUBTYPE, .subtype = 77 },
	{ .form = MIP_SEQUENCE_NON_SKIPPABLE, .subtype = 1 },
};

/* Extensions @hex behind a fixed part of FIXED octets. */
static int parse(const char *hex, const struct mip_sequence_carrier *carrier)
{
	size_t n = unhex(hex, msg + FIXED, sizeof(msg) - FIXED);

	memset(msg, 0xee, FIXED);
	return mip_exts_parse(msg, FIXED + n, FIXED, carrier, &x);
}

static void relayed_request(void **state)
{
	size_t n = unhex(VECTOR_REQUEST_RELAYED, msg, sizeof(msg));

	(void)state;
	assert_int_equal(n, 92);
	assert_int_equal(mip_exts_parse(msg, n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	assert_int_equal(x.count, 4);
	assert_int_equal(x.nai_at, 24);
	assert_int_equal(x.nai.n, 14);
	assert_memory_equal(x.nai.p, "mn@example.com", 14);
	assert_true(x.mn_ha.present);
	assert_int_equal(x.mn_ha.type, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(x.mn_ha.spi, 256);
	assert_int_equal(x.mn_ha.at, 40);
	assert_int_equal(x.mn_ha.covered, 46);
	assert_ptr_equal(x.mn_ha.mac.p, msg + 46);
	assert_int_equal(x.mn_ha.mac.n, 16);
	assert_int_equal(x.revocation_at, 62);
	assert_true(x.revocation_inform);
	assert_int_equal(x.revocation_timestamp, 0x5f000000);
	assert_true(x.fa_ha.present);
	assert_int_equal(x.fa_ha.spi, 257);
	assert_int_equal(x.fa_ha.covered, 76);
	assert_false(x.duplicate_auth || x.mn_fa.present || x.mn_aaa.present);
	assert_int_equal(x.sequence_at, 0);
}

/* Cut anywhere, a message is whole up to an extension or malformed; nothing behind the cut is read (ASan). */
static void truncated_at_every_octet(void **state)
{
	size_t n = unhex(VECTOR_REQUEST_RELAYED, msg, sizeof(msg));

	(void)state;
	for (size_t cut = 24; cut < n; cut++) {
		uint8_t *exact = malloc(cut);
		int want = cut == 24 || cut == 40 || cut == 62 || cut == 70 ? 0 : -EBADMSG;

		memcpy(exact, msg, cut);
		assert_int_equal(mip_exts_parse(exact, cut, MIP_REQUEST_OCTETS, NULL, &x), want);
		free(exact);
	}
}

static void pads_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(parse("0000" VECTOR_NAI "00" VECTOR_TNC "000000", NULL), 0);
	assert_int_equal(x.count, 2);
	assert_int_equal(x.nai_at, FIXED + 2);
	assert_int_equal(x.tnc_at, FIXED + 19);
}

static void no_extensions(void **state)
{
	(void)state;
	assert_int_equal(parse("", NULL), 0);
	assert_int_equal(x.count, 0);
}

/* L-59: the draft leaves type and layout open, so there are four. */
static void sequence_in_every_form(void **state)
{
	static const char *const hex[] = {
		"ff06 01 00 fffffffe",
		"860c 0000 00007ed9 0009 fffffffe",
		"9306 4d 00 fffffffe",
		"7f01 0004 fffffffe",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(carriers); i++) {
		uint8_t buf[32];
		struct wr w = wr_init(buf, sizeof(buf));

		assert_int_equal(parse(hex[i], &carriers[i]), 0);
		assert_int_equal(x.sequence_at, FIXED);
		assert_true(x.sequence == 0xfffffffe);
		mip_ext_sequence_build(&w, &carriers[i], 0xfffffffe);
		assert_written(&w, hex[i]);
		/* Nobody looks for it: skipped, but the non-skippable one is an unknown extension. */
		assert_int_equal(parse(hex[i], NULL), carriers[i].form == MIP_SEQUENCE_NON_SKIPPABLE ? -ENOTSUP : 0);
		if (carriers[i].form != MIP_SEQUENCE_NON_SKIPPABLE)
			assert_int_equal(x.sequence_at, 0);
	}
	assert_int_equal(parse("ff06 02 00 00000001", &carriers[0]), 0); /* another sub-type: not ours */
	assert_int_equal(x.sequence_at, 0);
	assert_int_equal(parse("ff05 01 00 000000", &carriers[0]), -EBADMSG);
	assert_int_equal(parse("860b 0000 00007ed9 0009 000000", &carriers[1]), -EBADMSG);
	assert_int_equal(parse("860c 0000 00007eda 0009 00000001", &carriers[1]), 0);
	assert_int_equal(x.sequence_at, 0);
	assert_int_equal(parse("7f02 0004 00000001", &carriers[3]), -ENOTSUP);
	assert_int_equal(parse("ff06 01 00 00000001 ff06 01 00 00000002", &carriers[0]), -EBADMSG);
}

static void udp_tunnel(void **state)
{
	(void)state;
	assert_int_equal(parse("9006 00 ff c0 04 0001", NULL), 0);
	assert_int_equal(x.udp_request_at, FIXED);
	assert_true(x.udp_force && x.udp_via_fa);
	assert_int_equal(x.udp_encapsulation, 4);
	assert_int_equal(x.udp_reserved, 1);
	assert_int_equal(parse("2c06 00 40 8000 006e", NULL), 0);
	assert_int_equal(x.udp_reply_code, 64);
	assert_true(x.udp_reply_force);
	assert_int_equal(x.udp_keepalive_s, 110);
}

static void proxy_family(void **state)
{
	(void)state;
	assert_int_equal(parse("2f01 0001 01 9304 01 aabbcc 9308 02 01 020000000001 9304 03 01 3132 9302 04 01", NULL),
			 0);
	assert_int_equal(x.pmip_method, MIP_PMIP_METHOD_FA_HA_AUTH);
	assert_int_equal(x.interface_id.n, 3);
	assert_int_equal(x.device_id_type, 1);
	assert_int_equal(x.device_id.n, 6);
	assert_int_equal(x.subscriber_id_type, 1);
	assert_memory_equal(x.subscriber_id.p, "12", 2);
	assert_int_equal(x.access_tech, MIP_ACCESS_TECH_8023);
	assert_int_equal(x.pmip_at, FIXED + 5 + 6 + 10 + 6); /* the last of them */
	assert_int_equal(parse("9303 63 0102", NULL), 0);    /* unknown member of the skippable family */
	assert_int_equal(parse("2f01 0001 01", NULL), 0);
	assert_int_equal(x.pmip_at, FIXED);
}

/* RFC 4433 prints the long form, others send the short one. */
static void dynamic_ha_both_forms(void **state)
{
	(void)state;
	assert_int_equal(parse("8b02 0004 0a000002" VECTOR_TNC, NULL), 0);
	assert_int_equal(x.dynamic_ha_subtype, 2);
	assert_int_equal(x.dynamic_ha.s_addr, ip("10.0.0.2").s_addr);
	assert_int_equal(x.tnc_at, FIXED + 8);
	assert_int_equal(parse("8b05 01 0a000002" VECTOR_TNC, NULL), 0);
	assert_int_equal(x.dynamic_ha_subtype, 1);
	assert_int_equal(x.tnc_at, FIXED + 7);
}

static void others(void **state)
{
	(void)state;
	assert_int_equal(parse("3000 0004 01020304 8200 8404a1a2a3a4 9103 01 6869 2d02 00 47 8803 01 6161", NULL), 0);
	assert_int_equal(x.gre_key, 0x01020304);
	assert_true(x.delivery_style_at != 0);
	assert_int_equal(x.challenge.n, 4);
	assert_int_equal(x.message_subtype, 1);
	assert_memory_equal(x.message.p, "hi", 2);
	assert_int_equal(x.fa_error, 71);
	assert_int_equal(x.nai_carrying_subtype, 1);
	assert_int_equal(x.nai_carrying.n, 2);
	assert_int_equal(parse("2600 0006 00007ed9 0001 8608 0000 00007ed9 0001", NULL), 0);
	assert_int_equal(x.cvse_at, FIXED);
	assert_int_equal(parse("2401 0014 00000002" VECTOR_MN_HA_HMAC_MD5 "2114 00000101" VECTOR_FA_HA_HMAC_MD5, NULL),
			 0);
	assert_int_equal(x.mn_aaa.spi, 2);
	assert_int_equal(x.mn_aaa.covered, FIXED + 8);
	assert_int_equal(x.mn_fa.spi, 257);
	assert_int_equal(x.mn_fa.at, FIXED + 24);
}

/* RFC 5944 1.8: 1..127 unknown discards the message, 128..255 unknown is skipped. */
static void unknown_types(void **state)
{
	static const uint8_t known[] = { 0, 32, 33, 34, 36, 37, 38, 44, 45, 47, 48 };

	(void)state;
	for (unsigned type = 1; type < 256; type++) {
		char hex[64];
		int r;

		if (type < 128 && memchr(known, (int)type, sizeof(known)))
			continue;
		(void)snprintf(hex, sizeof(hex), "%02x04 0004 0203 %s", type, VECTOR_TNC);
		r = parse(hex, NULL);
		if (type < 128)
			assert_int_equal(r, -ENOTSUP);
		else if (type == 128 || type == 129 || type == 133 || type == 135 || type == 138 || type == 146 ||
			 type == 148 || (type > 149 && type < 255))
			assert_int_equal(r, 0);
	}
	assert_int_equal(parse("fe04 01020304" VECTOR_TNC, NULL), 0);
	assert_int_equal(x.tnc_at, FIXED + 6);
}

static void bad(void **state)
{
	static const struct {
		const char *what, *hex;
		int want;
	} rows[] = {
		{ "type without length", "20", -EBADMSG },
		{ "length overruns", "830501020304", -EBADMSG },
		{ "length zero", "2000", -EBADMSG },
		{ "SPI too short", "2003 000001", -EBADMSG },
		{ "SPI without authenticator", "2004 00000100", -EBADMSG },
		{ "FA-HA SPI too short", "2202 0001", -EBADMSG },
		{ "Mobile-AAA SPI too short", "2401 0003 000001", -EBADMSG },
		{ "unknown generalized authentication", "2402 0005 0000010001", -ENOTSUP },
		{ "long form without length", "2f0100", -EBADMSG },
		{ "empty NAI", "8300", -EBADMSG },
		{ "NUL in NAI", "8303 610062", -EBADMSG },
		{ "two NAIs", VECTOR_NAI VECTOR_NAI, -EBADMSG },
		{ "revocation support too short", "8905 8000 5f0000", -EBADMSG },
		{ "two revocation supports", VECTOR_REVOCATION_SUPPORT VECTOR_REVOCATION_SUPPORT, -EBADMSG },
		{ "UDP request too short", "9005 0000 0000 00", -EBADMSG },
		{ "two UDP requests", "9006 0000 0000 0000 9006 0000 0000 0000", -EBADMSG },
		{ "UDP reply too short", "2c05 0000 0000 00", -EBADMSG },
		{ "two UDP replies", "2c06 0000 0000 0000 2c06 0000 0000 0000", -EBADMSG },
		{ "per-node method without value", "2f01 0000", -EBADMSG },
		{ "unknown non-skippable PMIP", "2f02 0001 01", -ENOTSUP },
		{ "two per-node methods", "2f01 0001 01 2f01 0001 02", -EBADMSG },
		{ "skippable PMIP without sub-type", "9300", -EBADMSG },
		{ "device id without type", "9301 02", -EBADMSG },
		{ "two device ids", "9303 02 01 aa 9303 02 01 bb", -EBADMSG },
		{ "two interface ids", "9302 01 aa 9302 01 bb", -EBADMSG },
		{ "two access technologies", "9302 04 01 9302 04 02", -EBADMSG },
		{ "access technology without value", "9301 04", -EBADMSG },
		{ "GRE key too short", "3000 0003 010203", -EBADMSG },
		{ "two GRE keys", "3000 0004 01020304 3000 0004 01020304", -EBADMSG },
		{ "TNC too short", "9501 00", -EBADMSG },
		{ "two TNCs", VECTOR_TNC VECTOR_TNC, -EBADMSG },
		{ "two delivery styles", "8200 8200", -EBADMSG },
		{ "two challenges", "8401aa 8401bb", -EBADMSG },
		{ "message string without sub-type", "9100", -EBADMSG },
		{ "two message strings", "9102 01 61 9102 01 62", -EBADMSG },
		{ "FA error without status", "2d01 00", -EBADMSG },
		{ "two FA errors", "2d02 0041 2d02 0041", -EBADMSG },
		{ "dynamic HA of length 3", "8b01 0003 0a0000", -EBADMSG },
		{ "dynamic HA with sub-type 3", "8b03 0004 0a000002", -EBADMSG },
		{ "dynamic HA cut", "8b01 0004 0a0000", -EBADMSG },
		{ "two dynamic HAs", "8b01 0004 0a000002 8b01 0004 0a000002", -EBADMSG },
		{ "NAI carrying without sub-type", "8800", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&x, 0xaa, sizeof(x));
		if (parse(rows[i].hex, &carriers[0]) != rows[i].want)
			fail_msg("%s", rows[i].what);
		assert_int_equal(((const uint8_t *)&x)[0], 0xaa); /* untouched */
	}
}

/* RFC 5944 3.5.1: two of a kind are an authentication failure, for the role to answer. */
static void duplicate_authenticators(void **state)
{
	static const char *const rows[] = {
		"2005 00000100 aa 2005 00000101 bb",
		"2105 00000100 aa 2105 00000101 bb",
		"2205 00000100 aa 2205 00000101 bb",
		"2401 0005 00000002 aa 2401 0005 00000002 bb",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse(rows[i], NULL), 0);
		assert_true(x.duplicate_auth);
	}
}

static void as_many_as_allowed(void **state)
{
	(void)state;
	memset(msg, 0, sizeof(msg));
	for (size_t i = 0; i <= MIP_EXT_MAX; i++)
		msg[FIXED + 2 * i] = 254; /* unknown, skippable, empty */
	assert_int_equal(mip_exts_parse(msg, FIXED + 2 * MIP_EXT_MAX, FIXED, NULL, &x), 0);
	assert_int_equal(x.count, MIP_EXT_MAX);
	assert_int_equal(mip_exts_parse(msg, FIXED + 2 * MIP_EXT_MAX + 2, FIXED, NULL, &x), -EBADMSG);
}

static void longest_nai(void **state)
{
	char hex[2 * 256 + 5];
	int r;

	(void)state;
	for (unsigned n = MIP_NAI_MAX; n <= MIP_NAI_MAX + 1; n++) {
		(void)snprintf(hex, sizeof(hex), "83%02x", n);
		for (unsigned i = 0; i < n; i++)
			(void)snprintf(hex + 4 + 2 * i, 3, "61");
		r = parse(hex, NULL);
		assert_int_equal(r, n == MIP_NAI_MAX ? 0 : -EBADMSG);
	}
}

static void builders(void **state)
{
	const struct span abc = { (const uint8_t *)"abc", 3 };
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	const uint8_t *mac;

	(void)state;
	mip_ext_nai_build(&w, text("mn@example.com"));
	mip_ext_revocation_support_build(&w, true, 0x5f000000);
	mip_ext_udp_request_build(&w, true, true, 4);
	mip_ext_udp_reply_build(&w, 64, true, 110);
	mip_ext_pmip_method_build(&w, MIP_PMIP_METHOD_FA_HA_AUTH);
	mip_ext_interface_id_build(&w, abc);
	mip_ext_device_id_build(&w, 1, abc);
	mip_ext_subscriber_id_build(&w, 1, abc);
	mip_ext_access_tech_build(&w, 2);
	mip_ext_gre_key_build(&w, 0x01020304);
	mip_ext_tnc_build(&w);
	mip_ext_delivery_style_build(&w);
	mip_ext_challenge_build(&w, abc);
	mip_ext_message_string_build(&w, 1, abc);
	mip_ext_fa_error_build(&w, 71);
	mip_ext_dynamic_ha_build(&w, 2, ip("10.0.0.2"));
	mip_ext_nai_carrying_build(&w, 1, abc);
	mac = mip_ext_auth_build(&w, MIP_EXT_MN_HA_AUTH, 256, 2);
	assert_ptr_equal(mac, w.at - 2);
	memset(w.at - 2, 0xcc, 2);
	assert_written(&w, VECTOR_NAI VECTOR_REVOCATION_SUPPORT
		       "9006 0000 c004 0000  2c06 0040 8000 006e  2f01 0001 01  9304 01 616263  9305 02 01 616263"
		       "9305 03 01 616263  9302 04 02  3000 0004 01020304  9502 0000  8200  8403 616263"
		       "9104 01 616263  2d02 00 47  8b02 0004 0a000002  8804 01 616263  2006 00000100 cccc");
}

static void builders_refuse_too_much(void **state)
{
	uint8_t big[256] = { 1 }, buf[512];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	mip_ext_nai_build(&w, (struct span){ big, sizeof(big) });
	assert_int_equal(w.err, -EMSGSIZE);
	assert_int_equal(wr_len(&w), 0);
	w = wr_init(buf, sizeof(buf));
	mip_ext_challenge_build(&w, (struct span){ big, 255 });
	assert_int_equal(wr_len(&w), 257);
	w = wr_init(buf, sizeof(buf));
	mip_ext_message_string_build(&w, 1, (struct span){ big, 255 });
	assert_int_equal(w.err, -EMSGSIZE);
	w = wr_init(buf, sizeof(buf));
	mip_ext_device_id_build(&w, 1, (struct span){ big, 254 });
	assert_int_equal(w.err, -EMSGSIZE);
	w = wr_init(buf, 21);
	assert_null(mip_ext_auth_build(&w, MIP_EXT_FA_HA_AUTH, 256, 16));
	assert_int_equal(w.err, -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relayed_request),
		cmocka_unit_test(truncated_at_every_octet),
		cmocka_unit_test(pads_are_skipped),
		cmocka_unit_test(no_extensions),
		cmocka_unit_test(sequence_in_every_form),
		cmocka_unit_test(udp_tunnel),
		cmocka_unit_test(proxy_family),
		cmocka_unit_test(dynamic_ha_both_forms),
		cmocka_unit_test(others),
		cmocka_unit_test(unknown_types),
		cmocka_unit_test(bad),
		cmocka_unit_test(duplicate_authenticators),
		cmocka_unit_test(as_many_as_allowed),
		cmocka_unit_test(longest_nai),
		cmocka_unit_test(builders),
		cmocka_unit_test(builders_refuse_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
