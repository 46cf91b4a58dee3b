/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/ip4.h"

#include <assert.h>

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		s += (uint32_t)(p[0] << 8 | p[1]);
	if (n == 1)
		s += (uint32_t)(p[0] << 8);
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

uint16_t ip4_checksum(const uint8_t *p, size_t n)
{
	return fold(sum(0, p, n));
}

static int parse(const uint8_t *p, size_t n, bool cut, struct ip4 *ret)
{
	struct rd r = rd_init(p, n);
	uint8_t first = rd_u8(&r);
	size_t header_n = (first & 0x0fU) * 4U;
	size_t total;
	struct ip4 h = { .tos = rd_u8(&r) };

	total = rd_u16(&r);
	h.id = rd_u16(&r);
	h.fragment = rd_u16(&r);
	h.ttl = rd_u8(&r);
	h.protocol = rd_u8(&r);
	(void)rd_u16(&r); /* checked over the whole header below */
	h.source = rd_ip4(&r);
	h.destination = rd_ip4(&r);
	if (r.err)
		return -EBADMSG;
	if (first >> 4 != 4)
		return -EPROTO;
	if (header_n < IP4_HEADER_OCTETS || total < header_n || header_n > n || (total > n && !cut) ||
	    ip4_checksum(p, header_n) != 0)
		return -EBADMSG;
	h.header_n = header_n;
	h.payload = (struct span){ p + header_n, (total < n ? total : n) - header_n };
	*ret = h;
	return 0;
}

int ip4_parse(const uint8_t *p, size_t n, struct ip4 *ret)
{
	return parse(p, n, false, ret);
}

int ip4_parse_cut(const uint8_t *p, size_t n, struct ip4 *ret)
{
	return parse(p, n, true, ret);
}

void ip4_build(struct wr *w, const struct ip4 *h, size_t payload_n)
{
	uint8_t *start = w->at;
	uint16_t check;

	if (payload_n + IP4_HEADER_OCTETS > UINT16_MAX)
		w->err = -EMSGSIZE;
	wr_u8(w, 0x45);
	wr_u8(w, h->tos);
	wr_u16(w, (uint16_t)(payload_n + IP4_HEADER_OCTETS));
	wr_u16(w, h->id);
	wr_u16(w, h->fragment);
	wr_u8(w, h->ttl);
	wr_u8(w, h->protocol);
	wr_u16(w, 0);
	wr_ip4(w, h->source);
	wr_ip4(w, h->destination);
	if (w->err)
		return;
	check = ip4_checksum(start, IP4_HEADER_OCTETS);
	start[10] = (uint8_t)(check >> 8);
	start[11] = (uint8_t)check;
}

void ip4_piece_build(struct wr *w, const struct ip4 *ip, uint16_t mtu, size_t *at)
{
	size_t left = ip->payload.n - *at, n;
	struct ip4 h = *ip;

	assert(mtu >= IP4_HEADER_OCTETS + 8);
	n = (size_t)(mtu - IP4_HEADER_OCTETS) & ~(size_t)7;
	if (left < n)
		n = left;
	h.fragment = (uint16_t)((ip->fragment & IP4_OFFSET) + *at / 8);
	if (n < left || (ip->fragment & IP4_MF))
		h.fragment |= IP4_MF;
	ip4_build(w, &h, n);
	wr_bytes(w, ip->payload.p + *at, n);
	*at += n;
}

static uint16_t udp_checksum(const struct ip4 *ip, const uint8_t *p, size_t n)
{
	uint32_t s = sum(0, (const uint8_t *)&ip->source, 4);

	s = sum(s, (const uint8_t *)&ip->destination, 4);
	s += IPPROTO_UDP + (uint32_t)n;
	return fold(sum(s, p, n));
}

int udp4_parse(const struct ip4 *ip, struct udp4 *ret)
{
	struct rd r = rd_init(ip->payload.p, ip->payload.n);
	struct udp4 u;
	uint16_t n, check;

	if (ip->protocol != IPPROTO_UDP || (ip->fragment & (IP4_MF | IP4_OFFSET)))
		return -EPROTO;
	u.source = rd_u16(&r);
	u.destination = rd_u16(&r);
	n = rd_u16(&r);
	check = rd_u16(&r);
	if (r.err || n < UDP_HEADER_OCTETS || n > ip->payload.n)
		return -EBADMSG;
	if (check != 0 && udp_checksum(ip, ip->payload.p, n) != 0)
		return -EBADMSG;
	u.payload = (struct span){ r.at, n - (size_t)UDP_HEADER_OCTETS };
	*ret = u;
	return 0;
}

void udp4_build(struct wr *w, const struct ip4 *h, const struct udp4 *u)
{
	struct ip4 ip = *h;
	size_t n = u->payload.n + UDP_HEADER_OCTETS;
	uint8_t *start;
	uint16_t check;

	ip.protocol = IPPROTO_UDP;
	ip4_build(w, &ip, n);
	start = w->at;
	wr_u16(w, u->source);
	wr_u16(w, u->destination);
	wr_u16(w, (uint16_t)n);
	wr_u16(w, 0);
	wr_bytes(w, u->payload.p, u->payload.n);
	if (w->err)
		return;
	check = udp_checksum(&ip, start, n);
	if (check == 0)
		check = 0xffff; /* 0 on the wire means "none" */
	start[6] = (uint8_t)(check >> 8);
	start[7] = (uint8_t)check;
}
