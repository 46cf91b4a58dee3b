/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DHCP messages; the DISCOVER below was made by scapy. */
#include "codec/dhcp4.h"
#include "tests/unit/test.h"

enum { FIXED = 240 };

static const uint8_t options[] = "\x35\x01\x01\x3d\x07\x01\x02\x00\x00\x00\x00\x01\x0c\x05"
				 "alice\x37\x03\x01\x03\x06\x39\x02\x05\x78\x51\x16\x04\x00\x00\x05"
				 "Alice\x07"
				 "Example\x03"
				 "COM\x00\xff";

/* A request with these options, and perhaps something in sname and file. */
static size_t message(uint8_t *ret, const void *opts, size_t n)
{
	memset(ret, 0, FIXED);
	memcpy(ret, "\x01\x01\x06\x00\x11\x22\x33\x44\x00\x00\x80\x00", 12);
	memcpy(ret + 28, "\x02\x00\x00\x00\x00\x01", 6);
	memcpy(ret + 236, "\x63\x82\x53\x63", 4);
	memcpy(ret + FIXED, opts, n);
	return FIXED + n;
}

static void discover_is_parsed(void **state)
{
	uint8_t p[512];
	struct dhcp4 m;

	(void)state;
	assert_int_equal(dhcp4_parse(p, message(p, options, sizeof(options) - 1), &m), 0);
	assert_int_equal(m.op, DHCP4_BOOTREQUEST);
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_int_equal(m.xid, 0x11223344);
	assert_int_equal(m.flags, DHCP4_BROADCAST);
	assert_octets(m.client_id.p, m.client_id.n, "01020000000001");
	assert_int_equal(m.host_name.n, 5);
	assert_int_equal(m.parameters.n, 3);
	assert_int_equal(m.max_size, 1400);
	assert_string_equal(m.fqdn, "alice.example.com");
	assert_int_equal(m.fqdn_flags, DHCP4_FQDN_E);
}

static void truncated_messages_are_refused_or_shorter(void **state)
{
	uint8_t p[512];
	size_t n = message(p, options, sizeof(options) - 1);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *exact = malloc(cut + 1);
		struct dhcp4 m;
		int r;

		assert_non_null(exact);
		memcpy(exact, p, cut);
		r = dhcp4_parse(exact, cut, &m);
		assert_true(r == -EBADMSG || (r == 0 && cut >= FIXED));
		free(exact);
	}
	p[236] = 0;
	struct dhcp4 m;
	assert_int_equal(dhcp4_parse(p, n, &m), -EBADMSG); /* no cookie */
}

/* RFC 2131 4.1: options go on in file, then in sname; RFC 3396: in pieces. */
static void overload_and_pieces_are_put_together(void **state)
{
	static const uint8_t first[] = "\x35\x01\x03\x34\x01\x03\x0c\x02"
				       "al\xff";
	uint8_t p[512];
	size_t n = message(p, first, sizeof(first) - 1);
	struct dhcp4 m;

	(void)state;
	memcpy(p + 108,
	       "\x0c\x02"
	       "ic\xff",
	       5);
	memcpy(p + 44,
	       "\x0c\x01"
	       "e\x32\x04\x0a\x2a\x00\x14\xff",
	       10);
	assert_int_equal(dhcp4_parse(p, n, &m), 0);
	assert_int_equal(m.host_name.n, 5);
	assert_memory_equal(m.host_name.p, "alice", 5);
	assert_int_equal(m.requested.s_addr, ip("10.42.0.20").s_addr);
}

static void too_many_pieces_are_refused(void **state)
{
	uint8_t p[FIXED + 4 * 257], *at = p + FIXED;
	struct dhcp4 m;

	(void)state;
	(void)message(p, "", 0);
	for (int i = 0; i < 4; i++, at += 257) {
		at[0] = DHCP4_OPT_HOST_NAME;
		at[1] = 255;
		memset(at + 2, 'a', 255);
	}
	assert_int_equal(dhcp4_parse(p, sizeof(p), &m), -EBADMSG);
}

static void impossible_lengths_are_refused(void **state)
{
	static const uint8_t bad[] = "\x35\x02\x01\x01\xff";
	uint8_t p[512];
	struct dhcp4 m;

	(void)state;
	assert_int_equal(dhcp4_parse(p, message(p, bad, sizeof(bad) - 1), &m), -EBADMSG);
	assert_int_equal(dhcp4_parse(p, message(p, "\x32\x03\x01\x01\x01\xff", 6), &m), -EBADMSG);
}

static void replies_are_built(void **state)
{
	uint8_t p[512];
	struct wr w = wr_init(p, sizeof(p));
	const struct dhcp4 m = { .op = DHCP4_BOOTREPLY, .hlen = 6, .xid = 7, .your = ip("10.42.0.20") };

	(void)state;
	dhcp4_begin(&w, &m);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, DHCP4_ACK);
	dhcp4_option_ip4(&w, DHCP4_OPT_ROUTERS, ip("10.42.0.1"));
	dhcp4_option_u32(&w, DHCP4_OPT_LEASE, 3600);
	dhcp4_end(&w);
	assert_int_equal(wr_len(&w), DHCP4_MIN_OCTETS);
	assert_octets(p, 12, "02010600 00000007 00000000");
	assert_octets(p + 16, 4, "0a2a0014");
	assert_octets(p + 236, 20, "63825363 350105 03040a2a0001 330400000e10 ff");
}

static void long_options_become_several(void **state)
{
	uint8_t p[1024], long_text[300];
	struct wr w = wr_init(p, sizeof(p));

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	dhcp4_option(&w, DHCP4_OPT_MESSAGE, (struct span){ long_text, sizeof(long_text) });
	assert_int_equal(wr_len(&w), 2 + 255 + 2 + 45);
	assert_octets(p + 257, 3, "382d78");
}

/* RFC 2132 2: "the receiver of such options MUST be prepared to delete trailing nulls". */
static void text_ends_before_its_nuls(void **state)
{
	static const uint8_t opts[] = "\x35\x01\x01\x0c\x07"
				      "alice\0\0\x51\x07\0\0\0"
				      "Al.\0\xff";
	uint8_t p[512];
	struct dhcp4 m;

	(void)state;
	assert_int_equal(dhcp4_parse(p, message(p, opts, sizeof(opts) - 1), &m), 0);
	assert_octets(m.host_name.p, m.host_name.n, "616c696365");
	assert_string_equal(m.fqdn, "al");
	assert_int_equal(dhcp4_parse(p, message(p, "\x0c\x02\0\0\xff", 5), &m), 0);
	assert_int_equal(m.host_name.n, 0);
}

/* RFC 1542 4.1.1: a relay changes hops and giaddr; RFC 3046 2.1: it adds an option; all else stays as it is. */
static void relays_copy_what_they_do_not_know(void **state)
{
	static const uint8_t opts[] = "\x35\x01\x01\x3c\x03"
				      "abc\x76\x04\x0a\x63\x00\x00\x00\x50\x00\xfe\x01\x07\xff\x11";
	static const uint8_t omit[] = { DHCP4_OPT_SUBNET };
	uint8_t p[512], to[512];
	struct wr w = wr_init(to, sizeof(to));
	struct span all = { p, message(p, opts, sizeof(opts) - 1) };

	(void)state;
	p[44] = 's';
	p[108] = 'f';
	p[3] = 2;
	assert_int_equal(dhcp4_copy(&w, all, (struct span){ omit, 1 }), 0);
	dhcp4_set_relay(&w, ip("10.0.1.1"));
	dhcp4_option_ip4(&w, DHCP4_OPT_SUBNET, ip("10.42.0.0"));
	dhcp4_end(&w);
	assert_int_equal(to[3], 3);
	assert_octets(to + 24, 4, "0a000101");
	memcpy(p + 24, to + 24, 4);
	p[3] = 3;
	assert_memory_equal(to, p, FIXED);
	assert_octets(to + FIXED, 20, "350101 3c03616263 5000 fe0107 76040a2a0000 ff");
	assert_int_equal(wr_len(&w), DHCP4_MIN_OCTETS);
	w = wr_init(to, sizeof(to));
	assert_int_equal(dhcp4_copy(&w, (struct span){ p, FIXED - 1 }, (struct span){ 0 }), -EBADMSG);
	w = wr_init(to, sizeof(to));
	assert_int_equal(dhcp4_copy(&w, (struct span){ p, FIXED + 4 }, (struct span){ 0 }), -EBADMSG);
	w = wr_init(to, FIXED + 2);
	assert_int_equal(dhcp4_copy(&w, all, (struct span){ 0 }), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discover_is_parsed),
		cmocka_unit_test(truncated_messages_are_refused_or_shorter),
		cmocka_unit_test(overload_and_pieces_are_put_together),
		cmocka_unit_test(too_many_pieces_are_refused),
		cmocka_unit_test(impossible_lengths_are_refused),
		cmocka_unit_test(replies_are_built),
		cmocka_unit_test(long_options_become_several),
		cmocka_unit_test(text_ends_before_its_nuls),
		cmocka_unit_test(relays_copy_what_they_do_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
