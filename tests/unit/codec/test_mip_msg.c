/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/mip_msg.h"
#include "tests/unit/test.h"
#include "tests/vectors/mip.h"

static uint8_t msg[512];

static void request(void **state)
{
	size_t n = unhex(VECTOR_REQUEST_FIXED, msg, sizeof(msg));
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_request m;

	(void)state;
	assert_int_equal(mip_request_parse(msg, n, &m), 0);
	assert_int_equal(m.flags, MIP_REQ_D | MIP_REQ_T);
	assert_int_equal(m.lifetime_s, 1800);
	assert_int_equal(m.home.s_addr, 0);
	assert_int_equal(m.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(m.care_of.s_addr, ip("10.0.1.7").s_addr);
	assert_true(m.id == UINT64_C(0xd000000012345678));
	mip_request_build(&w, &m);
	assert_written(&w, VECTOR_REQUEST_FIXED);
}

static void request_keeps_all_flag_bits(void **state)
{
	size_t n = unhex(VECTOR_REQUEST_FIXED, msg, sizeof(msg));
	struct mip_request m;

	(void)state;
	msg[1] = 0xff;
	assert_int_equal(mip_request_parse(msg, n, &m), 0);
	assert_int_equal(m.flags, MIP_REQ_S | MIP_REQ_B | MIP_REQ_D | MIP_REQ_M | MIP_REQ_G | MIP_REQ_RESERVED_R |
					  MIP_REQ_T | MIP_REQ_RESERVED_X);
}

static void reply(void **state)
{
	size_t n = unhex(VECTOR_REPLY_FIXED, msg, sizeof(msg));
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_reply m;

	(void)state;
	msg[1] = 133;
	assert_int_equal(mip_reply_parse(msg, n, &m), 0);
	assert_int_equal(m.code, MIP_CODE_ID_MISMATCH);
	assert_int_equal(m.lifetime_s, 1800);
	assert_int_equal(m.home.s_addr, ip("10.0.2.33").s_addr);
	assert_int_equal(m.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_true(m.id == UINT64_C(0xd000000012345678));
	m.code = 0;
	mip_reply_build(&w, &m);
	assert_written(&w, VECTOR_REPLY_FIXED);
}

static void revocation(void **state)
{
	size_t n = unhex(VECTOR_REVOCATION_FIXED, msg, sizeof(msg));
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_revocation m;

	(void)state;
	assert_int_equal(mip_revocation_parse(msg, n, &m), 0);
	assert_true(m.from_ha && m.inform);
	assert_int_equal(m.home.s_addr, ip("10.0.2.33").s_addr);
	assert_int_equal(m.home_domain.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(m.foreign_domain.s_addr, ip("10.0.1.7").s_addr);
	assert_int_equal(m.id, 0x5f000010);
	mip_revocation_build(&w, &m);
	assert_written(&w, VECTOR_REVOCATION_FIXED);

	msg[2] = 0x40; /* I without A: from a foreign agent */
	assert_int_equal(mip_revocation_parse(msg, n, &m), 0);
	assert_true(!m.from_ha && m.inform);
}

/* The I bit sits elsewhere than in the revocation itself. */
static void revocation_ack(void **state)
{
	size_t n = unhex(VECTOR_REVOCATION_ACK_FIXED, msg, sizeof(msg));
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_revocation_ack m;

	(void)state;
	assert_int_equal(mip_revocation_ack_parse(msg, n, &m), 0);
	assert_true(m.inform);
	assert_int_equal(m.home.s_addr, ip("10.0.2.33").s_addr);
	assert_int_equal(m.id, 0x5f000010);
	mip_revocation_ack_build(&w, &m);
	assert_written(&w, VECTOR_REVOCATION_ACK_FIXED);

	msg[2] = 0x40;
	assert_int_equal(mip_revocation_ack_parse(msg, n, &m), 0);
	assert_false(m.inform);
}

static void tunnel_data(void **state)
{
	size_t n = unhex("0404 ffff 45aabb", msg, sizeof(msg)); /* reserved octets are ignored */
	uint8_t buf[8], next;
	struct wr w = wr_init(buf, sizeof(buf));
	struct span inner;

	(void)state;
	assert_int_equal(mip_tunnel_data_parse(msg, n, &next, &inner), 0);
	assert_int_equal(next, 4);
	assert_ptr_equal(inner.p, msg + 4);
	assert_int_equal(inner.n, 3);
	mip_tunnel_data_build(&w, 47);
	assert_written(&w, "042f0000");
}

/* Truncation at every octet, and the type of another message. */
static void refuses_short_and_foreign(void **state)
{
	struct mip_request q;
	struct mip_reply r;
	struct mip_revocation v;
	struct mip_revocation_ack a;
	struct span inner = { 0 };
	uint8_t next = 99;

	(void)state;
	(void)unhex(VECTOR_REQUEST_FIXED, msg, sizeof(msg));
	for (size_t n = 0; n < MIP_REQUEST_OCTETS; n++)
		assert_int_equal(mip_request_parse(msg, n, &q), -EBADMSG);
	assert_int_equal(mip_reply_parse(msg, MIP_REPLY_OCTETS, &r), -EPROTO);
	assert_int_equal(mip_revocation_parse(msg, MIP_REVOCATION_OCTETS, &v), -EPROTO);
	assert_int_equal(mip_revocation_ack_parse(msg, MIP_REVOCATION_ACK_OCTETS, &a), -EPROTO);
	assert_int_equal(mip_tunnel_data_parse(msg, 4, &next, &inner), -EPROTO);
	(void)unhex(VECTOR_REPLY_FIXED, msg, sizeof(msg));
	for (size_t n = 0; n < MIP_REPLY_OCTETS; n++)
		assert_int_equal(mip_reply_parse(msg, n, &r), -EBADMSG);
	assert_int_equal(mip_request_parse(msg, 24, &q), -EPROTO);
	(void)unhex(VECTOR_REVOCATION_FIXED, msg, sizeof(msg));
	for (size_t n = 0; n < MIP_REVOCATION_OCTETS; n++)
		assert_int_equal(mip_revocation_parse(msg, n, &v), -EBADMSG);
	(void)unhex(VECTOR_REVOCATION_ACK_FIXED, msg, sizeof(msg));
	for (size_t n = 0; n < MIP_REVOCATION_ACK_OCTETS; n++)
		assert_int_equal(mip_revocation_ack_parse(msg, n, &a), -EBADMSG);
	(void)unhex("04040000", msg, sizeof(msg));
	for (size_t n = 0; n < MIP_TUNNEL_DATA_OCTETS; n++)
		assert_int_equal(mip_tunnel_data_parse(msg, n, &next, &inner), -EBADMSG);
	assert_int_equal(next, 99); /* untouched on failure */
	assert_null(inner.p);
}

static void builders_stop_at_the_end(void **state)
{
	const struct mip_request m = { 0 };
	uint8_t buf[MIP_REQUEST_OCTETS - 1];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	mip_request_build(&w, &m);
	assert_int_equal(w.err, -EMSGSIZE);
}

/* RFC 5944 3.4: who may send which code; 194 is a foreign agent's although it lies above the home agent's range. */
static void codes(void **state)
{
	(void)state;
	for (int code = 0; code < 256; code++) {
		bool from_ha = code <= 1 || (code >= 128 && code <= 192);

		assert_int_equal(mip_code_is_from_ha((uint8_t)code), from_ha);
		assert_non_null(mip_code_name((uint8_t)code));
	}
	assert_string_equal(mip_code_name(0), "accepted");
	assert_string_equal(mip_code_name(133), "identification mismatch");
	assert_string_equal(mip_code_name(200), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request),
		cmocka_unit_test(request_keeps_all_flag_bits),
		cmocka_unit_test(reply),
		cmocka_unit_test(revocation),
		cmocka_unit_test(revocation_ack),
		cmocka_unit_test(tunnel_data),
		cmocka_unit_test(refuses_short_and_foreign),
		cmocka_unit_test(builders_stop_at_the_end),
		cmocka_unit_test(codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
