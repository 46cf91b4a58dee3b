/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frame as a station sends it: Ethernet, ARP, IPv4, UDP, ICMP. Checksums are tried as they are and put right. */
#include "codec/arp.h"
#include "codec/ether.h"
#include "codec/icmp4.h"
#include "codec/ip4.h"
#include "tests/fuzz/fuzz.h"

static void arp(struct span p)
{
	uint8_t buf[ARP_OCTETS];
	struct wr w = wr_init(buf, sizeof(buf));
	struct arp a;

	if (arp_parse(p.p, p.n, &a) < 0)
		return;
	arp_build(&w, &a);
	assert(w.err == 0 && wr_len(&w) == ARP_OCTETS && memcmp(buf, p.p, ARP_OCTETS) == 0);
}

static void icmp(const struct ip4 *ip, struct span packet)
{
	static uint8_t buf[1 << 16];
	struct wr w = wr_init(buf, sizeof(buf));
	struct icmp4 m, again;
	struct ip4 ip_again;

	(void)icmp4_error_build(&w, ip->destination, packet, ICMP4_UNREACHABLE, ICMP4_FRAGMENTATION_NEEDED, 1400);
	assert(w.err == 0);
	w = wr_init(buf, sizeof(buf));
	if (icmp4_parse(ip, &m) < 0)
		return;
	icmp4_build(&w, ip, &m);
	assert(w.err == 0);
	assert(ip4_parse(buf, wr_len(&w), &ip_again) == 0 && icmp4_parse(&ip_again, &again) == 0);
	assert(m.type == again.type && m.code == again.code && m.rest == again.rest);
	span_equal(m.payload, again.payload);
}

static void udp(const struct ip4 *ip)
{
	static uint8_t buf[1 << 16];
	struct wr w = wr_init(buf, sizeof(buf));
	struct udp4 u, again;
	struct ip4 ip_again;

	if (udp4_parse(ip, &u) < 0)
		return;
	udp4_build(&w, ip, &u);
	if (w.err) /* the longest payload with an options-free header always fits */
		abort();
	assert(ip4_parse(buf, wr_len(&w), &ip_again) == 0 && udp4_parse(&ip_again, &again) == 0);
	assert(u.source == again.source && u.destination == again.destination);
	span_equal(u.payload, again.payload);
}

static void packet(struct span p)
{
	struct ip4 ip, cut;

	if (ip4_parse_cut(p.p, p.n, &cut) == 0)
		assert(cut.header_n + cut.payload.n <= p.n);
	if (ip4_parse(p.p, p.n, &ip) < 0)
		return;
	assert(ip.payload.p == p.p + ip.header_n && ip.header_n + ip.payload.n <= p.n);
	icmp(&ip, p);
	udp(&ip);
}

/* Sets the checksum of the IPv4 header and, for ICMP, that of the message. */
static void mend(uint8_t *p, size_t n)
{
	size_t header_n = n > 0 ? (p[0] & 0x0fU) * 4U : 0;
	uint16_t sum;

	if (header_n < IP4_HEADER_OCTETS || header_n > n)
		return;
	p[10] = p[11] = 0;
	sum = ip4_checksum(p, header_n);
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	if (p[9] != IPPROTO_ICMP || n < header_n + ICMP4_HEADER_OCTETS)
		return;
	p[header_n + 2] = p[header_n + 3] = 0;
	sum = ip4_checksum(p + header_n, n - header_n);
	p[header_n + 2] = (uint8_t)(sum >> 8);
	p[header_n + 3] = (uint8_t)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ether e;
	uint8_t *copy;

	if (ether_parse(data, n, &e) < 0)
		return 0;
	arp(e.payload);
	packet(e.payload);
	copy = malloc(e.payload.n + 1);
	if (!copy)
		return 0;
	memcpy(copy, e.payload.p, e.payload.n);
	mend(copy, e.payload.n);
	packet((struct span){ copy, e.payload.n });
	free(copy);
	return 0;
}
