/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole messages of mobile nodes and their agents, written by others, as we read them (see tests/vectors/mip.h). */
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "tests/unit/test.h"
#include "tests/vectors/mip.h"

static uint8_t msg[256];
static struct mip_exts x;

static size_t exts_of(const char *hex, size_t fixed)
{
	size_t n = unhex(hex, msg, sizeof(msg));

	assert_int_equal(mip_exts_parse(msg, n, fixed, NULL, &x), 0);
	assert_int_equal(x.nai_at, fixed);
	assert_octets(x.nai.p, x.nai.n, "6d6e406578616d706c652e636f6d");
	assert_false(x.duplicate_auth);
	return n;
}

static bool verifies(const struct mip_auth *auth, uint32_t spi, const char *key)
{
	struct sa sa = { .spi = spi, .alg = MAC_HMAC_MD5 };

	sa.key_n = (uint8_t)unhex(key, sa.key, sizeof(sa.key));
	return sa_verify(&sa, msg, auth);
}

/* RFC 3024 3.3, RFC 4721 2: what is for the foreign agent lies between the two authenticators. */
static void to_a_foreign_agent(void **state)
{
	size_t n = exts_of(VECTOR_TO_AGENT, MIP_REQUEST_OCTETS);
	struct mip_request m;

	(void)state;
	assert_int_equal(mip_request_parse(msg, n, &m), 0);
	assert_int_equal(m.flags, MIP_REQ_T);
	assert_int_equal(m.lifetime_s, 600);
	assert_int_equal(m.home.s_addr, ip("10.0.2.33").s_addr);
	assert_int_equal(m.care_of.s_addr, ip("192.0.2.1").s_addr);
	assert_true(verifies(&x.mn_ha, 256, VECTOR_KEY1) && verifies(&x.mn_fa, 258, VECTOR_KEY2));
	assert_true(x.mn_ha.at < x.delivery_style_at && x.delivery_style_at < x.challenge_at &&
		    x.challenge_at < x.mn_fa.at);
	assert_octets(x.challenge.p, x.challenge.n, "a1a2a3a4");
	assert_int_equal(x.count, 5);
}

static void asks_for_all_there_is(void **state)
{
	size_t n = exts_of(VECTOR_ASKS_ALL, MIP_REQUEST_OCTETS);
	struct mip_request m;

	(void)state;
	assert_int_equal(mip_request_parse(msg, n, &m), 0);
	assert_int_equal(m.flags, MIP_REQ_S | MIP_REQ_B | MIP_REQ_D | MIP_REQ_G | MIP_REQ_T);
	assert_int_equal(m.lifetime_s, MIP_LIFETIME_INFINITE);
	assert_int_equal(m.home.s_addr, INADDR_ANY);
	assert_int_equal(m.home_agent.s_addr, INADDR_BROADCAST);
	assert_int_equal(m.care_of.s_addr, ip("192.168.7.7").s_addr);
	assert_true(x.udp_force && x.udp_via_fa);
	assert_int_equal(x.udp_encapsulation, IPPROTO_GRE);
	assert_int_equal(x.udp_reserved, 0);
	assert_int_equal(x.gre_key, 0x01020304);
	assert_int_equal(x.dynamic_ha_subtype, 1);
	assert_int_equal(x.dynamic_ha.s_addr, ip("10.0.0.1").s_addr);
	assert_true(x.udp_request_at < x.mn_ha.at && x.gre_key_at < x.mn_ha.at && x.dynamic_ha_at < x.mn_ha.at);
	assert_true(verifies(&x.mn_ha, 256, VECTOR_KEY1));
	assert_false(verifies(&x.mn_ha, 256, VECTOR_KEY2));
}

static void is_answered_on_all(void **state)
{
	size_t n = exts_of(VECTOR_ANSWERS_ALL, MIP_REPLY_OCTETS);
	struct mip_reply m;

	(void)state;
	assert_int_equal(mip_reply_parse(msg, n, &m), 0);
	assert_int_equal(m.code, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(m.lifetime_s, 60);
	assert_int_equal(x.udp_reply_code, 0);
	assert_true(x.udp_reply_force);
	assert_int_equal(x.udp_keepalive_s, 110);
	assert_int_equal(x.gre_key, 0x05060708);
	assert_int_equal(x.message_subtype, 1);
	assert_octets(x.message.p, x.message.n, "6869");
	assert_true(x.tnc_at != 0 && x.tnc_at < x.mn_ha.at);
	assert_true(x.mn_ha.at < x.revocation_at && x.revocation_at < x.fa_ha.at);
	assert_true(x.revocation_inform);
	assert_int_equal(x.revocation_timestamp, 0x5f000001);
	assert_true(verifies(&x.mn_ha, 256, VECTOR_KEY1) && verifies(&x.fa_ha, 257, VECTOR_KEY2));
}

static void a_foreign_agent_denies(void **state)
{
	size_t n = exts_of(VECTOR_AGENT_DENIES, MIP_REPLY_OCTETS);
	struct mip_reply m;

	(void)state;
	assert_int_equal(mip_reply_parse(msg, n, &m), 0);
	assert_int_equal(m.code, MIP_CODE_FA_LIFETIME_TOO_LONG);
	assert_int_equal(m.lifetime_s, 600);
	assert_false(x.mn_ha.present);
	assert_true(verifies(&x.mn_fa, 258, VECTOR_KEY2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_a_foreign_agent),
		cmocka_unit_test(asks_for_all_there_is),
		cmocka_unit_test(is_answered_on_all),
		cmocka_unit_test(a_foreign_agent_denies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
