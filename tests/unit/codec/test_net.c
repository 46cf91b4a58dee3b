/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet, ARP, IPv4, UDP and ICMP. Expected octets come from scapy. */
#include "codec/arp.h"
#include "codec/icmp4.h"
#include "tests/unit/test.h"

#define UDP_PACKET "4500002100010000401166830a2a00140a09000200440043000da732 68656c6c6f"
#define ECHO_PACKET "45000020000100000101a5740a2a00140a2a00010800191f00070009 70696e67"
#define ARP_FRAME "ffffffffffff0200000000010806 0001080006040001 0200000000010a2a0014 0000000000000a2a0001"
#define QUOTED "4500003000054000401126700a0900020a2a001400010002001c36b67878787878787878787878787878787878787878"
#define TOO_BIG "4500004c000000004001667c0a2a00010a09000203040bfa00000578"

static void udp_is_parsed_and_built(void **state)
{
	uint8_t p[64], again[64];
	size_t n = unhex(UDP_PACKET, p, sizeof(p));
	struct ip4 h;
	struct udp4 u;
	struct wr w = wr_init(again, sizeof(again));

	(void)state;
	assert_int_equal(ip4_parse(p, n, &h), 0);
	assert_int_equal(h.protocol, IPPROTO_UDP);
	assert_int_equal(udp4_parse(&h, &u), 0);
	assert_int_equal(u.destination, 67);
	assert_int_equal(u.payload.n, 5);
	udp4_build(&w, &h, &u);
	assert_octets(again, wr_len(&w), UDP_PACKET);
	p[n - 1] ^= 1;
	assert_int_equal(ip4_parse(p, n, &h), 0);
	assert_int_equal(udp4_parse(&h, &u), -EBADMSG); /* checksum */
	p[26] = p[27] = 0;
	assert_int_equal(udp4_parse(&h, &u), 0); /* none */
}

static void bad_ip_headers_are_refused(void **state)
{
	uint8_t p[64];
	size_t n = unhex(UDP_PACKET, p, sizeof(p));
	struct ip4 h;

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(ip4_parse(p, cut, &h), -EBADMSG);
	assert_int_equal(ip4_parse_cut(p, IP4_HEADER_OCTETS + 2, &h), 0); /* the front is enough to quote */
	assert_int_equal(h.payload.n, 2);
	p[8] ^= 1;
	assert_int_equal(ip4_parse(p, n, &h), -EBADMSG);
	p[0] = 0x65;
	assert_int_equal(ip4_parse(p, n, &h), -EPROTO);
	p[0] = 0x44;
	assert_int_equal(ip4_parse(p, n, &h), -EBADMSG);
}

static void echo_is_parsed_and_built(void **state)
{
	uint8_t p[64], again[64];
	struct ip4 h;
	struct icmp4 m;
	struct wr w = wr_init(again, sizeof(again));

	(void)state;
	assert_int_equal(ip4_parse(p, unhex(ECHO_PACKET, p, sizeof(p)), &h), 0);
	assert_int_equal(h.ttl, 1);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.type, ICMP4_ECHO);
	assert_int_equal(m.rest, 0x00070009);
	icmp4_build(&w, &h, &m);
	assert_octets(again, wr_len(&w), ECHO_PACKET);
	p[IP4_HEADER_OCTETS + 9] ^= 0x80;
	assert_int_equal(icmp4_parse(&h, &m), -EBADMSG);
}

static void errors_quote_what_they_are_about(void **state)
{
	uint8_t p[64], again[128];
	size_t n = unhex(QUOTED, p, sizeof(p));
	struct wr w = wr_init(again, sizeof(again));

	(void)state;
	assert_true(icmp4_error_build(&w, ip("10.42.0.1"), (struct span){ p, n }, ICMP4_UNREACHABLE,
				      ICMP4_FRAGMENTATION_NEEDED, 1400));
	assert_octets(again, wr_len(&w), TOO_BIG QUOTED);
}

/* RFC 1122 3.2.2 */
static void no_errors_about_errors_or_to_many(void **state)
{
	uint8_t p[128], again[256];
	size_t n = unhex(TOO_BIG QUOTED, p, sizeof(p));
	struct wr w = wr_init(again, sizeof(again));
	struct ip4 h = { .ttl = 1, .protocol = IPPROTO_UDP, .source = ip("10.0.0.1"), .destination = ip("224.0.0.1") };

	(void)state;
	assert_false(icmp4_error_build(&w, ip("10.0.0.9"), (struct span){ p, n }, ICMP4_UNREACHABLE, 1, 0));
	w = wr_init(p, sizeof(p));
	ip4_build(&w, &h, 0);
	n = wr_len(&w);
	w = wr_init(again, sizeof(again));
	assert_false(icmp4_error_build(&w, ip("10.0.0.9"), (struct span){ p, n }, ICMP4_UNREACHABLE, 1, 0));
	h.destination = ip("10.0.0.2");
	h.fragment = 5;
	w = wr_init(p, sizeof(p));
	ip4_build(&w, &h, 0);
	w = wr_init(again, sizeof(again));
	assert_false(icmp4_error_build(&w, ip("10.0.0.9"), (struct span){ p, n }, ICMP4_UNREACHABLE, 1, 0));
}

static void arp_is_parsed_and_built(void **state)
{
	uint8_t p[64], again[64];
	size_t n = unhex(ARP_FRAME, p, sizeof(p));
	struct ether e;
	struct arp a;
	struct wr w = wr_init(again, sizeof(again));

	(void)state;
	assert_int_equal(ether_parse(p, n, &e), 0);
	assert_int_equal(e.type, ETHER_ARP);
	assert_int_equal(arp_parse(e.payload.p, e.payload.n, &a), 0);
	assert_int_equal(a.op, ARP_REQUEST);
	assert_int_equal(a.target.s_addr, ip("10.42.0.1").s_addr);
	ether_build(&w, e.destination, e.source, e.type);
	arp_build(&w, &a);
	assert_octets(again, wr_len(&w), ARP_FRAME);
	assert_int_equal(arp_parse(e.payload.p, ARP_OCTETS - 1, &a), -EBADMSG);
	p[15] = 6; /* another kind of hardware */
	assert_int_equal(arp_parse(e.payload.p, e.payload.n, &a), -EPROTO);
	assert_int_equal(ether_parse(p, 13, &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_is_parsed_and_built),           cmocka_unit_test(bad_ip_headers_are_refused),
		cmocka_unit_test(echo_is_parsed_and_built),          cmocka_unit_test(errors_quote_what_they_are_about),
		cmocka_unit_test(no_errors_about_errors_or_to_many), cmocka_unit_test(arp_is_parsed_and_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
