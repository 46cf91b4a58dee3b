/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/value.h"
#include "core/prefix.h"
#include "tests/unit/test.h"

static const char *const colours[] = { "red", "green" };

/* Each row: what is written, and whether it is right for that kind. */
static const struct {
	enum key_kind kind;
	const char *text;
	int want;
} values[] = {
	{ KEY_U8, "5", 0 },
	{ KEY_U8, "200", 0 },
	{ KEY_U8, "4", -EINVAL },
	{ KEY_U8, "201", -EINVAL },
	{ KEY_U8, "", -EINVAL },
	{ KEY_U8, "+7", -EINVAL },
	{ KEY_U8, "-7", -EINVAL },
	{ KEY_U8, " 7", -EINVAL },
	{ KEY_U8, "7s", -EINVAL },
	{ KEY_U16, "0x10", -EINVAL },
	{ KEY_U32, "99999999999999999999", -EINVAL },
	{ KEY_BOOL, "yes", 0 },
	{ KEY_BOOL, "off", 0 },
	{ KEY_BOOL, "Yes", -EINVAL },
	{ KEY_BOOL, "1", -EINVAL },
	{ KEY_ENUM, "green", 0 },
	{ KEY_ENUM, "blue", -EINVAL },
	{ KEY_TEXT, "", 0 },
	{ KEY_TEXT, "123456789", -EINVAL },
	{ KEY_STRING, "", -EINVAL },
	{ KEY_ADDRESS, "10.0.0.1", 0 },
	{ KEY_ADDRESS, "10.0.1", -EINVAL },
	{ KEY_ADDRESS, "10.0.0.256", -EINVAL },
	{ KEY_ADDRESS, "::1", -EINVAL },
	{ KEY_PREFIX, "10.42.0.0/24", 0 },
	{ KEY_PREFIX, "0.0.0.0/0", 0 },
	{ KEY_PREFIX, "10.42.0.7/32", 0 },
	{ KEY_PREFIX, "10.42.0.7/24", -EINVAL },
	{ KEY_PREFIX, "10.42.0.0", -EINVAL },
	{ KEY_PREFIX, "10.42.0.0/33", -EINVAL },
	{ KEY_PREFIX, "/24", -EINVAL },
	{ KEY_PREFIX, "1000.1000.1000.1000/24", -EINVAL },
	{ KEY_RANGES, "10.42.0.10-10.42.0.20", 0 },
	{ KEY_RANGES, "10.42.0.20-10.42.0.10", -EINVAL },
	{ KEY_RANGES, "10.42.0.10", -EINVAL },
	{ KEY_MAC, "02:00:00:00:00:Fe", 0 },
	{ KEY_MAC, "02:00:00:00:00", -EINVAL },
	{ KEY_MAC, "02:00:00:00:00:0", -EINVAL },
	{ KEY_MAC, "02:00:00:00:00:01:02", -EINVAL },
	{ KEY_MAC, "02-00-00-00-00-01", -EINVAL },
};

static void accepts_and_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct conf_key key = {
			.name = "k", .kind = values[i].kind, .min = 5, .max = 200, .names = colours, .name_n = 2
		};
		union {
			char text[8];
			void *pointer;
			struct address_range range;
		} v = { .pointer = NULL };
		const char *allowed = NULL;
		char buffer[256];

		if (values[i].kind == KEY_TEXT)
			key.max = 8;
		if (value_parse(&key, values[i].text, &v, buffer, &allowed) != values[i].want)
			fail_msg("'%s'", values[i].text);
		if (values[i].want < 0)
			assert_true(allowed && allowed[0]); /* it says what is right */
	}
}

static void tells_what_is_allowed(void **state)
{
	const struct conf_key number = { .kind = KEY_U16, .min = 5, .max = 1800 };
	const struct conf_key colour = { .kind = KEY_ENUM, .names = colours, .name_n = 2 };
	const char *allowed = NULL;
	char buffer[256];
	uint16_t v;
	int e;

	(void)state;
	assert_int_equal(value_parse(&number, "4", &v, buffer, &allowed), -EINVAL);
	assert_string_equal(allowed, "a number from 5 to 1800");
	assert_int_equal(value_parse(&colour, "blue", &e, buffer, &allowed), -EINVAL);
	assert_string_equal(allowed, "red, green");
}

static void octets(void **state)
{
	uint8_t v[4];
	size_t n = 9;

	(void)state;
	assert_int_equal(octets_parse("hex:01aBff", v, sizeof(v), &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(v, "\x01\xab\xff", 3);
	assert_int_equal(octets_parse("text:hex:", v, sizeof(v), &n), 0);
	assert_memory_equal(v, "hex:", 4);
	assert_int_equal(octets_parse("hex:", v, sizeof(v), &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(octets_parse("hex:0", v, sizeof(v), &n), -EINVAL);
	assert_int_equal(octets_parse("hex:0g", v, sizeof(v), &n), -EINVAL);
	assert_int_equal(octets_parse("0102", v, sizeof(v), &n), -EINVAL);
	assert_int_equal(octets_parse("hex:0102030405", v, sizeof(v), &n), -ENOSPC);
	assert_int_equal(octets_parse("text:12345", v, sizeof(v), &n), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_and_refuses),
		cmocka_unit_test(tells_what_is_allowed),
		cmocka_unit_test(octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
