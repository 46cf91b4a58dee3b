/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/agent_adv.h"
#include "codec/ip4.h"
#include "tests/unit/test.h"
#include "tests/vectors/mip.h"

static uint8_t msg[1024];

/* Octets of @hex with the right checksum put in. */
static size_t with_checksum(const char *hex)
{
	size_t n = unhex(hex, msg, sizeof(msg));
	uint16_t sum;

	msg[2] = msg[3] = 0;
	sum = ip4_checksum(msg, n);
	msg[2] = (uint8_t)(sum >> 8);
	msg[3] = (uint8_t)sum;
	return n;
}

static void advertisement(void **state)
{
	size_t n = unhex(VECTOR_AGENT_ADV, msg, sizeof(msg));
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct agent_adv a;

	(void)state;
	assert_int_equal(agent_adv_parse(msg, n, &a), 0);
	assert_int_equal(a.code, AGENT_ADV_ROUTES_MOBILE_ONLY);
	assert_int_equal(a.lifetime_s, 1800);
	assert_int_equal(a.router_n, 1);
	assert_int_equal(a.routers[0].addr.s_addr, ip("192.0.2.1").s_addr);
	assert_int_equal(a.routers[0].preference, 0);
	assert_true(a.has_prefixes);
	assert_int_equal(a.routers[0].prefix_len, 24);
	assert_true(a.is_agent);
	assert_int_equal(a.sequence, 5);
	assert_int_equal(a.registration_lifetime_s, 300);
	assert_int_equal(a.flags, AGENT_ADV_R | AGENT_ADV_F | AGENT_ADV_T | AGENT_ADV_U | AGENT_ADV_X);
	assert_int_equal(a.care_of_n, 1);
	assert_int_equal(a.care_of[0].s_addr, ip("192.0.2.1").s_addr);
	assert_int_equal(a.challenge.n, 0);
	agent_adv_build(&w, &a);
	assert_written(&w, VECTOR_AGENT_ADV);
}

static void plain_router(void **state)
{
	size_t n = with_checksum("09000000 0103 0708 c0000201 80000000 eeeeeeee"); /* entries of three words */
	struct agent_adv a;

	(void)state;
	assert_int_equal(agent_adv_parse(msg, n, &a), 0);
	assert_false(a.is_agent);
	assert_int_equal(a.router_n, 1);
	assert_int_equal(a.routers[0].preference, INT32_MIN);
}

static void challenge_and_unknown_skippable(void **state)
{
	size_t n = with_checksum("09000000 0002 0708 1804a1a2a3a4 ff03010203 1006000000000000");
	struct agent_adv a;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	assert_int_equal(agent_adv_parse(msg, n, &a), 0);
	assert_int_equal(a.challenge.n, 4);
	assert_memory_equal(a.challenge.p, "\xa1\xa2\xa3\xa4", 4);
	assert_true(a.is_agent);
	agent_adv_build(&w, &a);
	assert_int_equal(w.err, 0);
	assert_int_equal(wr_len(&w) % 2, 0);
	assert_int_equal(ip4_checksum(buf, wr_len(&w)), 0);
}

/* More than we keep is no error. */
static void many_routers(void **state)
{
	uint8_t buf[8 + 255 * 8];
	struct wr w = wr_init(buf, sizeof(buf));
	struct agent_adv a;
	uint16_t sum;

	(void)state;
	wr_be(&w, 0x09000000, 4);
	wr_be(&w, 0xff020708, 4);
	for (uint32_t i = 0; i < 255; i++)
		wr_u64(&w, (uint64_t)i << 32 | i);
	sum = ip4_checksum(buf, sizeof(buf));
	buf[2] = (uint8_t)(sum >> 8);
	buf[3] = (uint8_t)sum;
	assert_int_equal(agent_adv_parse(buf, sizeof(buf), &a), 0);
	assert_int_equal(a.router_n, AGENT_ADV_ROUTERS);
	assert_int_equal(a.routers[AGENT_ADV_ROUTERS - 1].preference, AGENT_ADV_ROUTERS - 1);
}

/* The same of care-of addresses, and of the prefix lengths of all those routers. */
static void many_of_everything(void **state)
{
	enum { CARE_OFS = 62, ROUTERS = 255 };
	uint8_t buf[8 + ROUTERS * 8 + 2 + 6 + CARE_OFS * 4 + 2 + ROUTERS];
	struct wr w = wr_init(buf, sizeof(buf));
	struct agent_adv a;
	uint16_t sum;

	(void)state;
	wr_be(&w, 0x09000000, 4);
	wr_be(&w, 0xff020708, 4);
	for (uint32_t i = 0; i < ROUTERS; i++)
		wr_u64(&w, (uint64_t)i << 32);
	wr_u16(&w, 16 << 8 | (6 + CARE_OFS * 4));
	wr_be(&w, 0x000101001000, 6);
	for (uint32_t i = 0; i < CARE_OFS; i++)
		wr_u32(&w, i);
	wr_u16(&w, 19 << 8 | ROUTERS);
	for (uint32_t i = 0; i < ROUTERS; i++)
		wr_u8(&w, (uint8_t)(i % 33));
	sum = ip4_checksum(buf, sizeof(buf));
	buf[2] = (uint8_t)(sum >> 8);
	buf[3] = (uint8_t)sum;
	assert_int_equal(agent_adv_parse(buf, sizeof(buf), &a), 0);
	assert_int_equal(a.router_n, AGENT_ADV_ROUTERS);
	assert_int_equal(a.routers[AGENT_ADV_ROUTERS - 1].prefix_len, AGENT_ADV_ROUTERS - 1);
	assert_int_equal(a.care_of_n, AGENT_ADV_CARE_OFS);
	assert_int_equal(a.care_of[AGENT_ADV_CARE_OFS - 1].s_addr, htonl(AGENT_ADV_CARE_OFS - 1));
	assert_int_equal(a.sequence, 1);
}

/* RFC 5944 1.8, 2.1.3 */
static void at_the_limits(void **state)
{
	struct agent_adv a;

	(void)state;
	assert_int_equal(agent_adv_parse(msg, with_checksum("09000000 0102 0708 c0000201 00000000 130120"), &a), 0);
	assert_int_equal(a.routers[0].prefix_len, 32);
	assert_int_equal(agent_adv_parse(msg, with_checksum("09000000 0002 0708 8001aa 00 1006000000000000"), &a), 0);
	assert_true(a.is_agent); /* behind one to skip, and behind padding */
	assert_int_equal(agent_adv_parse(msg, with_checksum("09000000 0002 0708 7f01aa"), &a), -ENOTSUP);
	assert_int_equal(agent_adv_parse(msg, with_checksum("09000000 0002 0708 1801aa 1801bb"), &a), -EBADMSG);
}

static void bad(void **state)
{
	static const struct {
		const char *what, *hex;
		int want;
	} rows[] = {
		{ "another ICMP type", "0a000000 0002 0708", -EPROTO },
		{ "entries too small", "09000000 0101 0708 c0000201", -EBADMSG },
		{ "routers missing", "09000000 0202 0708 c0000201 00000000", -EBADMSG },
		{ "extension overruns", "09000000 0002 0708 ff05 0102", -EBADMSG },
		{ "extension without length", "09000000 0002 0708 10", -EBADMSG },
		{ "unknown extension below 128", "09000000 0002 0708 1102 0102", -ENOTSUP },
		{ "agent extension too short", "09000000 0002 0708 1004 00000000", -EBADMSG },
		{ "agent extension with half an address", "09000000 0002 0708 1008 0000000000000000", -EBADMSG },
		{ "agent extension twice", "09000000 0002 0708 1006000000000000 1006000000000000", -EBADMSG },
		{ "foreign agent without care-of address", "09000000 0002 0708 1006 0000 0000 1000", -EBADMSG },
		{ "prefix lengths for other routers", "09000000 0002 0708 1301 18 00", -EBADMSG },
		{ "prefix length over 32", "09000000 0102 0708 c0000201 00000000 1301 21 00", -EBADMSG },
		{ "prefix lengths twice", "09000000 0102 0708 c0000201 00000000 130118 130118", -EBADMSG },
		{ "empty challenge", "09000000 0002 0708 1800", -EBADMSG },
	};
	struct agent_adv a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = with_checksum(rows[i].hex);

		memset(&a, 0xaa, sizeof(a));
		if (agent_adv_parse(msg, n, &a) != rows[i].want)
			fail_msg("%s", rows[i].what);
		assert_int_equal(((const uint8_t *)&a)[0], 0xaa); /* untouched */
	}
}

static void truncated_and_bent(void **state)
{
	size_t n = unhex(VECTOR_AGENT_ADV, msg, sizeof(msg));
	struct agent_adv a;

	(void)state;
	for (size_t i = 0; i < n - 1; i++) /* without its padding only the checksum is the same */
		assert_int_equal(agent_adv_parse(msg, i, &a), -EBADMSG);
	for (size_t i = 1; i < n; i++) {
		msg[i] ^= 1;
		assert_int_equal(agent_adv_parse(msg, n, &a), -EBADMSG);
		msg[i] ^= 1;
	}
}

static void as_much_as_fits(void **state)
{
	static const uint8_t challenge[256] = { 1, 2, 3 };
	struct agent_adv a = { .router_n = AGENT_ADV_ROUTERS,
			       .has_prefixes = true,
			       .is_agent = true,
			       .flags = AGENT_ADV_F,
			       .care_of_n = AGENT_ADV_CARE_OFS,
			       .challenge = { challenge, 255 } },
			 back;
	uint8_t buf[600];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	for (size_t i = 0; i < AGENT_ADV_ROUTERS; i++)
		a.routers[i] = (struct agent_adv_router){ { htonl((uint32_t)i) }, -1, (uint8_t)i };
	agent_adv_build(&w, &a);
	assert_int_equal(w.err, 0);
	assert_int_equal(agent_adv_parse(buf, wr_len(&w), &back), 0);
	assert_memory_equal(back.routers, a.routers, sizeof(a.routers));
	assert_int_equal(back.care_of_n, AGENT_ADV_CARE_OFS);
	assert_int_equal(back.challenge.n, 255);
	assert_memory_equal(back.challenge.p, challenge, 255);
	a.challenge.n = 256;
	agent_adv_build(&w, &a);
	assert_int_equal(w.err, -EMSGSIZE);
	a.challenge.n = 0;
	a.care_of_n++;
	w = wr_init(buf, sizeof(buf));
	agent_adv_build(&w, &a);
	assert_int_equal(w.err, -EMSGSIZE);
}

static void builder_refuses_too_much(void **state)
{
	struct agent_adv a = { .router_n = AGENT_ADV_ROUTERS + 1 };
	uint8_t buf[16], big[600];
	struct wr w = wr_init(big, sizeof(big));

	(void)state;
	agent_adv_build(&w, &a);
	assert_int_equal(w.err, -EMSGSIZE);
	a.router_n = 2;
	w = wr_init(buf, sizeof(buf));
	agent_adv_build(&w, &a);
	assert_int_equal(w.err, -EMSGSIZE);
}

static void solicitation(void **state)
{
	uint8_t buf[16];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	agent_solicitation_build(&w);
	assert_written(&w, "0a00f5ff00000000");
	assert_int_equal(agent_solicitation_parse(buf, 8), 0);
	assert_int_equal(agent_solicitation_parse(buf, 7), -EBADMSG);
	buf[7] = 1;
	assert_int_equal(agent_solicitation_parse(buf, 8), -EBADMSG);
	buf[0] = 9;
	assert_int_equal(agent_solicitation_parse(buf, 8), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advertisement),
		cmocka_unit_test(plain_router),
		cmocka_unit_test(challenge_and_unknown_skippable),
		cmocka_unit_test(many_routers),
		cmocka_unit_test(many_of_everything),
		cmocka_unit_test(at_the_limits),
		cmocka_unit_test(as_much_as_fits),
		cmocka_unit_test(bad),
		cmocka_unit_test(truncated_and_bent),
		cmocka_unit_test(builder_refuses_too_much),
		cmocka_unit_test(solicitation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
