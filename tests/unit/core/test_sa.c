/* SPDX-License-Identifier: GPL-2.0-or-later */
/* L-60: authenticators against digests computed elsewhere (see tests/vectors/mip.h). */
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "tests/unit/test.h"
#include "tests/vectors/mip.h"

static struct sa sa_of(enum mac_alg alg, uint32_t spi, const char *key_hex)
{
	struct sa sa = { .spi = spi, .alg = alg };

	sa.key_n = (uint8_t)unhex(key_hex, sa.key, sizeof(sa.key));
	return sa;
}

#define COVERED VECTOR_REQUEST_FIXED VECTOR_NAI VECTOR_MN_HA_HEADER

static void computes(void **state)
{
	static const struct {
		enum mac_alg alg;
		const char *mac;
	} rows[] = {
		{ MAC_HMAC_MD5, VECTOR_MN_HA_HMAC_MD5 },
		{ MAC_KEYED_MD5, VECTOR_MN_HA_KEYED_MD5 },
		{ MAC_KEYED_MD5_2002, VECTOR_MN_HA_KEYED_MD5_2002 },
		{ MAC_HMAC_SHA_256, VECTOR_MN_HA_HMAC_SHA_256 },
	};
	uint8_t msg[256], want[MAC_MAX_OCTETS], got[MAC_MAX_OCTETS];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sa sa = sa_of(rows[i].alg, 256, VECTOR_KEY1);
		size_t n = unhex(COVERED, msg, sizeof(msg));
		size_t mac_n = unhex(rows[i].mac, want, sizeof(want));

		assert_int_equal(mac_octets(sa.alg), mac_n);
		assert_int_equal(sa_compute(&sa, msg, n, got), 0);
		assert_memory_equal(got, want, mac_n);
	}
}

/* RFC 4231 test case 2: the usual check of HMAC-SHA-256 itself. */
static void rfc4231(void **state)
{
	struct sa sa = sa_of(MAC_HMAC_SHA_256, 256, "4a656665");
	uint8_t want[32], got[32];

	(void)state;
	(void)unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want, sizeof(want));
	assert_int_equal(sa_compute(&sa, (const uint8_t *)"what do ya want for nothing?", 28, got), 0);
	assert_memory_equal(got, want, 32);
}

static void verifies_both_authenticators(void **state)
{
	struct sa mn = sa_of(MAC_HMAC_MD5, 256, VECTOR_KEY1), fa = sa_of(MAC_HMAC_MD5, 257, VECTOR_KEY2);
	uint8_t msg[256];
	size_t n = unhex(VECTOR_REQUEST_RELAYED, msg, sizeof(msg));
	struct mip_exts x;

	(void)state;
	assert_int_equal(mip_exts_parse(msg, n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	assert_true(sa_verify(&mn, msg, &x.mn_ha));
	assert_true(sa_verify(&fa, msg, &x.fa_ha));
	assert_false(sa_verify(&fa, msg, &x.mn_ha)); /* SPI */
	assert_false(sa_verify(&mn, msg, &x.mn_fa)); /* absent */
	fa.key[0] ^= 1;
	assert_false(sa_verify(&fa, msg, &x.fa_ha));
}

/* Each octet under an authenticator counts, each behind it does not. */
static void one_bit_off(void **state)
{
	struct sa mn = sa_of(MAC_HMAC_MD5, 256, VECTOR_KEY1);
	uint8_t msg[256];
	size_t n = unhex(VECTOR_REQUEST_RELAYED, msg, sizeof(msg));
	struct mip_exts x;

	(void)state;
	assert_int_equal(mip_exts_parse(msg, n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	for (size_t i = 0; i < n; i++) {
		bool covered = i < x.mn_ha.covered + x.mn_ha.mac.n;

		msg[i] ^= 0x10;
		assert_int_equal(sa_verify(&mn, msg, &x.mn_ha), !covered);
		msg[i] ^= 0x10;
	}
}

/* A cut authenticator is a wrong one: the length is the algorithm's, exactly. */
static void length_is_exact(void **state)
{
	struct sa mn = sa_of(MAC_HMAC_MD5, 256, VECTOR_KEY1);
	uint8_t msg[256];
	size_t n = unhex(VECTOR_REQUEST_FIXED VECTOR_NAI VECTOR_MN_HA_HEADER VECTOR_MN_HA_HMAC_MD5, msg, sizeof(msg));
	struct mip_exts x;

	(void)state;
	assert_int_equal(mip_exts_parse(msg, n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	x.mn_ha.mac.n = 15;
	assert_false(sa_verify(&mn, msg, &x.mn_ha));
	x.mn_ha.mac.n = 1;
	assert_false(sa_verify(&mn, msg, &x.mn_ha));
	mn.alg = MAC_HMAC_SHA_256;
	x.mn_ha.mac.n = 16;
	assert_false(sa_verify(&mn, msg, &x.mn_ha));
}

static void signs(void **state)
{
	static const struct {
		const char *fixed, *want, *key;
		uint32_t spi;
		uint8_t type;
	} rows[] = {
		{ VECTOR_REPLY_FIXED VECTOR_NAI VECTOR_TNC, VECTOR_REPLY, VECTOR_KEY1, 256, MIP_EXT_MN_HA_AUTH },
		{ VECTOR_REVOCATION_FIXED, VECTOR_REVOCATION, VECTOR_KEY2, 257, MIP_EXT_FA_HA_AUTH },
		{ VECTOR_REVOCATION_ACK_FIXED, VECTOR_REVOCATION_ACK, VECTOR_KEY2, 257, MIP_EXT_FA_HA_AUTH },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sa sa = sa_of(MAC_HMAC_MD5, rows[i].spi, rows[i].key);
		uint8_t buf[256];
		struct wr w = wr_init(buf, sizeof(buf));

		w.at += unhex(rows[i].fixed, buf, sizeof(buf));
		assert_int_equal(sa_sign(&sa, rows[i].type, &w), 0);
		assert_written(&w, rows[i].want);
	}
}

static void sign_without_room(void **state)
{
	struct sa sa = sa_of(MAC_HMAC_MD5, 256, VECTOR_KEY1);
	uint8_t buf[21];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), -EMSGSIZE);
}

static void wipes(void **state)
{
	struct sa sa = sa_of(MAC_HMAC_MD5, 256, VECTOR_KEY1);
	static const uint8_t zero[SA_KEY_MAX];

	(void)state;
	sa_wipe(&sa);
	assert_memory_equal(sa.key, zero, sizeof(zero));
	assert_int_equal(sa.key_n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(computes),
		cmocka_unit_test(rfc4231),
		cmocka_unit_test(verifies_both_authenticators),
		cmocka_unit_test(one_bit_off),
		cmocka_unit_test(length_is_exact),
		cmocka_unit_test(signs),
		cmocka_unit_test(sign_without_room),
		cmocka_unit_test(wipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
