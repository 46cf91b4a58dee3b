/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

static void reads_big_endian(void **state)
{
	const uint8_t octets[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 10, 0, 0, 1 };
	struct rd r = rd_init(octets, sizeof(octets));

	(void)state;
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(rd_ip4(&r).s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(r.err, 0);
}

static void short_read_sticks(void **state)
{
	const uint8_t octets[] = { 1, 2, 3 };
	struct rd r = rd_init(octets, sizeof(octets));

	(void)state;
	assert_int_equal(rd_u32(&r), 0);
	assert_int_equal(r.err, -EBADMSG);
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_u8(&r), 0); /* would fit, but the cursor is dead */
	assert_null(rd_take(&r, 0));
	assert_int_equal(rd_ip4(&r).s_addr, 0);
}

static void empty_and_huge(void **state)
{
	struct rd none = rd_init(NULL, 0);
	const uint8_t one[] = { 7 };
	struct rd r = rd_init(one, 1);

	(void)state;
	assert_int_equal(rd_left(&none), 0);
	assert_null(rd_take(&none, 1));
	assert_null(rd_take(&r, SIZE_MAX)); /* no wrap in the comparison */
}

static void writes_big_endian(void **state)
{
	uint8_t buf[32];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	wr_u8(&w, 1);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	wr_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
	wr_ip4(&w, ip("10.0.0.1"));
	wr_bytes(&w, "ab", 2);
	wr_bytes(&w, NULL, 0);
	assert_written(&w, "010203040506070809 0a0b0c0d0e0f 0a000001 6162");
}

static void full_buffer_sticks(void **state)
{
	uint8_t buf[3] = { 0 };
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	wr_u16(&w, 0xaabb);
	wr_u16(&w, 0xccdd);
	assert_int_equal(w.err, -EMSGSIZE);
	wr_u8(&w, 0xee);
	assert_int_equal(wr_len(&w), 2);
	assert_int_equal(buf[2], 0); /* not even the part that fits */
	assert_null(wr_skip(&w, 0));
}

static void pointers_are_handed_over(void **state)
{
	auto_(freep) char *a = malloc(1);
	auto_(freep) char *b = NULL;
	int fd = 7;

	(void)state;
	b = TAKE_PTR(a);
	assert_null(a);
	assert_non_null(b);
	assert_int_equal(TAKE_FD(fd), 7);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_big_endian),   cmocka_unit_test(short_read_sticks),
		cmocka_unit_test(empty_and_huge),     cmocka_unit_test(writes_big_endian),
		cmocka_unit_test(full_buffer_sticks), cmocka_unit_test(pointers_are_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
