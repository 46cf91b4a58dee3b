/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/encap4.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_REFUSED = 0x4c07, /* routing, strict source route, a recursion too deep; any version but 0 */
	GRE_IP4 = 0x0800,
	MINIMAL_SOURCE = 0x80,
	MINIMAL_SHORT_OCTETS = 8,
	AT_TOTAL = 2,
	AT_PROTOCOL = 9,
	AT_CHECKSUM = 10,
	AT_SOURCE = 12,
	AT_DESTINATION = 16
};

int gre_parse(struct span octets, struct gre *ret)
{
	struct rd r = rd_init(octets.p, octets.n);
	uint16_t flags = rd_u16(&r), protocol = rd_u16(&r);
	struct gre g = { 0 };

	if (r.err)
		return -EBADMSG;
	if ((flags & GRE_REFUSED) || protocol != GRE_IP4)
		return -EPROTO;
	if (flags & GRE_CHECKSUM) {
		(void)rd_u32(&r); /* it covers all of the packet, itself too */
		if (ip4_checksum(octets.p, octets.n) != 0)
			return -EBADMSG;
	}
	if (flags & GRE_KEY) {
		g.key = rd_u32(&r);
		if (g.key == 0)
			return -EBADMSG;
	}
	if (flags & GRE_SEQUENCE)
		(void)rd_u32(&r);
	if (r.err)
		return -EBADMSG;
	g.payload = (struct span){ r.at, rd_left(&r) };
	*ret = g;
	return 0;
}

void gre_build(struct wr *w, uint32_t key)
{
	wr_u16(w, key != 0 ? GRE_KEY : 0);
	wr_u16(w, GRE_IP4);
	if (key != 0)
		wr_u32(w, key);
}

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The header at @p, of a packet of @total octets, is changed in place. */
static void finish_header(uint8_t *p, size_t header_n, size_t total)
{
	put_u16(p + AT_TOTAL, (uint16_t)total);
	put_u16(p + AT_CHECKSUM, 0);
	put_u16(p + AT_CHECKSUM, ip4_checksum(p, header_n));
}

int minimal_build(struct wr *w, struct in_addr local, struct in_addr remote, struct span packet)
{
	uint8_t *start = w->at, *head;
	struct ip4 ip;

	if (ip4_parse(packet.p, packet.n, &ip) < 0)
		return -EBADMSG;
	if (ip.fragment & (IP4_MF | IP4_OFFSET))
		return -EOPNOTSUPP;
	if (ip.header_n + MINIMAL_OCTETS + ip.payload.n > UINT16_MAX)
		w->err = -EMSGSIZE;
	wr_bytes(w, packet.p, ip.header_n);
	head = w->at;
	wr_u8(w, ip.protocol);
	wr_u8(w, MINIMAL_SOURCE);
	wr_u16(w, 0);
	wr_ip4(w, ip.destination);
	wr_ip4(w, ip.source);
	wr_bytes(w, ip.payload.p, ip.payload.n);
	if (w->err)
		return w->err;
	put_u16(head + 2, ip4_checksum(head, MINIMAL_OCTETS));
	start[AT_PROTOCOL] = PROTOCOL_MINIMAL;
	memcpy(start + AT_SOURCE, &local, sizeof(local));
	memcpy(start + AT_DESTINATION, &remote, sizeof(remote));
	finish_header(start, ip.header_n, wr_len(w) - (size_t)(start - w->start));
	return 0;
}

int minimal_parse(struct wr *w, struct span packet)
{
	uint8_t *start = w->at;
	struct in_addr source, destination;
	struct ip4 ip;
	struct rd r;
	uint8_t protocol, flags;

	if (ip4_parse(packet.p, packet.n, &ip) < 0)
		return -EBADMSG;
	if (ip.protocol != PROTOCOL_MINIMAL || (ip.fragment & (IP4_MF | IP4_OFFSET)))
		return -EPROTO;
	r = rd_init(ip.payload.p, ip.payload.n);
	protocol = rd_u8(&r);
	flags = rd_u8(&r);
	(void)rd_u16(&r); /* checked over the whole header below */
	destination = rd_ip4(&r);
	source = flags & MINIMAL_SOURCE ? rd_ip4(&r) : ip.source;
	if (r.err || ip4_checksum(ip.payload.p, flags & MINIMAL_SOURCE ? MINIMAL_OCTETS : MINIMAL_SHORT_OCTETS) != 0)
		return -EBADMSG;
	wr_bytes(w, packet.p, ip.header_n);
	wr_bytes(w, r.at, rd_left(&r));
	if (w->err)
		return w->err;
	start[AT_PROTOCOL] = protocol;
	memcpy(start + AT_SOURCE, &source, sizeof(source));
	memcpy(start + AT_DESTINATION, &destination, sizeof(destination));
	finish_header(start, ip.header_n, wr_len(w) - (size_t)(start - w->start));
	return 0;
}
