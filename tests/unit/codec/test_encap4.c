/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GRE and minimal encapsulation. Headers of RFC 2004 and sums of RFC 1071 were computed apart from this code. */
#include "codec/encap4.h"
#include "tests/unit/test.h"

static uint8_t octets[256], packet[256];

static struct span in_hex(const char *hex)
{
	return (struct span){ octets, unhex(hex, octets, sizeof(octets)) };
}

static int parse(const char *hex, struct gre *ret)
{
	return gre_parse(in_hex(hex), ret);
}

/* RFC 2784 2.1, RFC 2890 2 */
static void gre_headers(void **state)
{
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof(out));
	struct gre g;

	(void)state;
	gre_build(&w, 0);
	gre_build(&w, 0x0a0b0c0d);
	assert_written(&w, "00000800 200008000a0b0c0d");
	assert_int_equal(parse("00000800 45aa", &g), 0);
	assert_int_equal(g.key, 0);
	assert_int_equal(g.payload.n, 2);
	assert_int_equal(parse("20000800 0a0b0c0d 45aa", &g), 0);
	assert_int_equal(g.key, 0x0a0b0c0d);
	assert_octets(g.payload.p, g.payload.n, "45aa");
	assert_int_equal(parse("30000800 0a0b0c0d 00000001 45aa", &g), 0); /* with a sequence number */
	assert_int_equal(g.payload.n, 2);
	/* 8000 + 0800 + 45aa = cdaa, ~ 3255 */
	assert_int_equal(parse("80000800 32550000 45aa", &g), 0);
	assert_octets(g.payload.p, g.payload.n, "45aa");
	assert_int_equal(parse("80000800 32560000 45aa", &g), -EBADMSG);
	assert_int_equal(parse("03f80800 45aa", &g), 0); /* reserved bits 6 to 12: ignored */
}

static void gre_that_is_none(void **state)
{
	static const char *const other[] = { "40000800", "08000800", "04000800", "00010800", "000086dd" };
	static const char *const cut[] = { "",           "000008",         "2000080000",
					   "8000080000", "10000800ffffff", "2000080000000000" };
	struct gre g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_int_equal(parse(other[i], &g), -EPROTO);
	for (size_t i = 0; i < ARRAY_SIZE(cut); i++)
		assert_int_equal(parse(cut[i], &g), -EBADMSG);
}

static struct span udp(uint16_t fragment)
{
	struct wr w = wr_init(packet, sizeof(packet));
	const struct ip4 h = { .tos = 0xb8,
			       .ttl = 17,
			       .protocol = IPPROTO_UDP,
			       .id = 99,
			       .fragment = fragment,
			       .source = ip("198.51.100.9"),
			       .destination = ip("10.0.2.33") };

	ip4_build(&w, &h, 5);
	wr_bytes(&w, "hello", 5);
	return (struct span){ packet, wr_len(&w) };
}

/* RFC 2004 3.1 */
static void minimal_goes_and_comes(void **state)
{
	uint8_t out[128], back[128];
	struct wr w = wr_init(out, sizeof(out)), b = wr_init(back, sizeof(back));
	struct span inner = udp(IP4_DF);
	struct ip4 h;

	(void)state;
	assert_int_equal(minimal_build(&w, ip("10.0.0.1"), ip("10.0.1.7"), inner), 0);
	assert_int_equal(wr_len(&w), inner.n + 12);
	assert_int_equal(ip4_parse(out, wr_len(&w), &h), 0);
	assert_int_equal(h.protocol, 55);
	assert_int_equal(h.ttl, 17);
	assert_int_equal(h.tos, 0xb8);
	assert_int_equal(h.id, 99);
	assert_int_equal(h.fragment, IP4_DF);
	assert_int_equal(h.source.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(h.destination.s_addr, ip("10.0.1.7").s_addr);
	assert_octets(h.payload.p, 12, "1180b8210a000221c6336409");
	assert_int_equal(minimal_parse(&b, (struct span){ out, wr_len(&w) }), 0);
	assert_int_equal(wr_len(&b), inner.n);
	assert_memory_equal(back, inner.p, inner.n);
}

/* Its source is the tunnel's: 8 octets say all. */
static void the_short_form_is_read(void **state)
{
	uint8_t out[64], back[64];
	struct wr w = wr_init(out, sizeof(out)), b = wr_init(back, sizeof(back));
	const struct ip4 h = { .ttl = 64, .protocol = 55, .source = ip("198.51.100.9"), .destination = ip("10.0.0.1") };
	struct span head = in_hex("1100e2de0a000221");
	struct ip4 inner;

	(void)state;
	ip4_build(&w, &h, head.n + 3);
	wr_bytes(&w, head.p, head.n);
	wr_bytes(&w, "abc", 3);
	assert_int_equal(minimal_parse(&b, (struct span){ out, wr_len(&w) }), 0);
	assert_int_equal(ip4_parse(back, wr_len(&b), &inner), 0);
	assert_int_equal(inner.protocol, IPPROTO_UDP);
	assert_int_equal(inner.source.s_addr, ip("198.51.100.9").s_addr);
	assert_int_equal(inner.destination.s_addr, ip("10.0.2.33").s_addr);
	assert_octets(inner.payload.p, inner.payload.n, "616263");
}

static void minimal_that_cannot_be(void **state)
{
	uint8_t out[128], back[128];
	struct wr w = wr_init(out, sizeof(out)), b = wr_init(back, sizeof(back));
	struct span whole;

	(void)state;
	assert_int_equal(minimal_build(&w, ip("10.0.0.1"), ip("10.0.1.7"), udp(IP4_MF)), -EOPNOTSUPP);
	assert_int_equal(minimal_build(&w, ip("10.0.0.1"), ip("10.0.1.7"), udp(3)), -EOPNOTSUPP);
	assert_int_equal(wr_len(&w), 0);
	assert_int_equal(minimal_build(&w, ip("10.0.0.1"), ip("10.0.1.7"), udp(0)), 0);
	whole = (struct span){ out, wr_len(&w) };
	assert_int_equal(minimal_parse(&b, udp(0)), -EPROTO);
	out[20 + 5] ^= 1; /* the sum of its header is wrong */
	assert_int_equal(minimal_parse(&b, whole), -EBADMSG);
	w = wr_init(out, 30);
	assert_int_equal(minimal_build(&w, ip("10.0.0.1"), ip("10.0.1.7"), udp(0)), -EMSGSIZE);
	w = wr_init(out, sizeof(out));
	ip4_build(&w, &(struct ip4){ .ttl = 1, .protocol = 55 }, 7);
	(void)wr_skip(&w, 7);
	assert_int_equal(minimal_parse(&b, (struct span){ out, wr_len(&w) }), -EBADMSG);
}

/* The total length of IPv4 holds no more than 65535. */
static void the_longest_packet(void **state)
{
	static uint8_t whole[UINT16_MAX + 64], inner[UINT16_MAX], back[UINT16_MAX];
	const struct ip4 h = { .ttl = 1, .protocol = 1, .source = ip("10.0.2.33"), .destination = ip("10.9.0.2") };
	struct wr w, b = wr_init(back, sizeof(back));
	size_t n = UINT16_MAX - MINIMAL_OCTETS;

	(void)state;
	w = wr_init(inner, sizeof(inner));
	ip4_build(&w, &h, n - IP4_HEADER_OCTETS);
	w = wr_init(whole, sizeof(whole));
	assert_int_equal(minimal_build(&w, ip("10.0.1.7"), ip("10.0.0.1"), (struct span){ inner, n }), 0);
	assert_int_equal(minimal_parse(&b, (struct span){ whole, wr_len(&w) }), 0);
	assert_memory_equal(back, inner, n);
	w = wr_init(inner, sizeof(inner));
	ip4_build(&w, &h, n + 1 - IP4_HEADER_OCTETS);
	w = wr_init(whole, sizeof(whole));
	assert_int_equal(minimal_build(&w, ip("10.0.1.7"), ip("10.0.0.1"), (struct span){ inner, n + 1 }), -EMSGSIZE);
}

/* As in a frame; and a frame too short for it. */
static void behind_something_else(void **state)
{
	uint8_t out[128], back[128];
	struct wr w = wr_init(out, sizeof(out)), b = wr_init(back, sizeof(back));
	struct span inner = udp(0);
	struct ip4 h;

	(void)state;
	wr_u16(&w, 0);
	assert_int_equal(minimal_build(&w, ip("10.0.0.1"), ip("10.0.1.7"), inner), 0);
	assert_int_equal(ip4_parse(out + 2, wr_len(&w) - 2, &h), 0);
	assert_int_equal(h.payload.n, inner.n - 20 + MINIMAL_OCTETS);
	wr_u16(&b, 0);
	assert_int_equal(minimal_parse(&b, (struct span){ out + 2, wr_len(&w) - 2 }), 0);
	assert_memory_equal(back + 2, inner.p, inner.n);
	b = wr_init(back, inner.n - 1);
	assert_int_equal(minimal_parse(&b, (struct span){ out + 2, wr_len(&w) - 2 }), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gre_headers),
		cmocka_unit_test(gre_that_is_none),
		cmocka_unit_test(minimal_goes_and_comes),
		cmocka_unit_test(the_short_form_is_read),
		cmocka_unit_test(minimal_that_cannot_be),
		cmocka_unit_test(the_longest_packet),
		cmocka_unit_test(behind_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
