/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/icmp4.h"

#include "base/util.h"

enum { QUOTE_MAX = 548 }; /* so that the error stays within the 576 octets every host takes */

int icmp4_parse(const struct ip4 *ip, struct icmp4 *ret)
{
	struct rd r = rd_init(ip->payload.p, ip->payload.n);
	struct icmp4 m;

	if (ip->protocol != IPPROTO_ICMP || (ip->fragment & (IP4_MF | IP4_OFFSET)))
		return -EPROTO;
	m.type = rd_u8(&r);
	m.code = rd_u8(&r);
	(void)rd_u16(&r); /* checked over the whole below */
	m.rest = rd_u32(&r);
	if (r.err || ip4_checksum(ip->payload.p, ip->payload.n) != 0)
		return -EBADMSG;
	m.payload = (struct span){ r.at, rd_left(&r) };
	*ret = m;
	return 0;
}

void icmp4_build(struct wr *w, const struct ip4 *h, const struct icmp4 *m)
{
	struct ip4 ip = *h;
	uint8_t *start;
	uint16_t check;

	ip.protocol = IPPROTO_ICMP;
	ip4_build(w, &ip, ICMP4_HEADER_OCTETS + m->payload.n);
	start = w->at;
	wr_u8(w, m->type);
	wr_u8(w, m->code);
	wr_u16(w, 0);
	wr_u32(w, m->rest);
	wr_bytes(w, m->payload.p, m->payload.n);
	if (w->err)
		return;
	check = ip4_checksum(start, (size_t)(w->at - start));
	start[2] = (uint8_t)(check >> 8);
	start[3] = (uint8_t)check;
}

static bool is_host(struct in_addr a)
{
	uint32_t host = ntohl(a.s_addr);

	return host != 0 && host < UINT32_C(0xe0000000) && host >> 24 != 127;
}

static bool is_icmp_error(const struct ip4 *ip)
{
	uint8_t type;

	if (ip->protocol != IPPROTO_ICMP || ip->payload.n == 0)
		return false;
	type = ip->payload.p[0];
	return type != ICMP4_ECHO && type != ICMP4_ECHO_REPLY;
}

bool icmp4_error_build(struct wr *w, struct in_addr source, struct span packet, uint8_t type, uint8_t code,
		       uint16_t mtu)
{
	struct ip4 about, h = { .ttl = 64, .source = source };
	struct icmp4 m = { .type = type, .code = code, .rest = mtu };

	if (ip4_parse_cut(packet.p, packet.n, &about) < 0)
		return false;
	if (!is_host(about.source) || !is_host(about.destination) || (about.fragment & IP4_OFFSET) ||
	    is_icmp_error(&about))
		return false;
	h.destination = about.source;
	m.payload = (struct span){ packet.p, min_size(about.header_n + about.payload.n, QUOTE_MAX) };
	icmp4_build(w, &h, &m);
	return w->err == 0;
}
