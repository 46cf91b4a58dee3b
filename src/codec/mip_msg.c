/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/mip_msg.h"

#include <assert.h>

enum { REVOCATION_A = 0x8000, REVOCATION_I = 0x4000, REVOCATION_ACK_I = 0x8000 };

/* A cursor behind the type octet. Return: 0, -EBADMSG, -EPROTO. */
static int begin(struct rd *r, const uint8_t *msg, size_t len, enum mip_type type, size_t fixed)
{
	assert(msg || len == 0);

	*r = rd_init(msg, len);
	if (len < fixed)
		return -EBADMSG;
	return rd_u8(r) == type ? 0 : -EPROTO;
}

int mip_request_parse(const uint8_t *msg, size_t len, struct mip_request *ret)
{
	struct mip_request m;
	struct rd r;
	int res = begin(&r, msg, len, MIP_TYPE_REQUEST, MIP_REQUEST_OCTETS);

	if (res < 0)
		return res;
	m.flags = rd_u8(&r);
	m.lifetime_s = rd_u16(&r);
	m.home = rd_ip4(&r);
	m.home_agent = rd_ip4(&r);
	m.care_of = rd_ip4(&r);
	m.id = rd_u64(&r);
	*ret = m;
	return 0;
}

int mip_reply_parse(const uint8_t *msg, size_t len, struct mip_reply *ret)
{
	struct mip_reply m;
	struct rd r;
	int res = begin(&r, msg, len, MIP_TYPE_REPLY, MIP_REPLY_OCTETS);

	if (res < 0)
		return res;
	m.code = rd_u8(&r);
	m.lifetime_s = rd_u16(&r);
	m.home = rd_ip4(&r);
	m.home_agent = rd_ip4(&r);
	m.id = rd_u64(&r);
	*ret = m;
	return 0;
}

int mip_revocation_parse(const uint8_t *msg, size_t len, struct mip_revocation *ret)
{
	struct mip_revocation m;
	uint16_t flags;
	struct rd r;
	int res = begin(&r, msg, len, MIP_TYPE_REVOCATION, MIP_REVOCATION_OCTETS);

	if (res < 0)
		return res;
	(void)rd_u8(&r); /* reserved */
	flags = rd_u16(&r);
	m.from_ha = flags & REVOCATION_A;
	m.inform = flags & REVOCATION_I;
	m.home = rd_ip4(&r);
	m.home_domain = rd_ip4(&r);
	m.foreign_domain = rd_ip4(&r);
	m.id = rd_u32(&r);
	*ret = m;
	return 0;
}

int mip_revocation_ack_parse(const uint8_t *msg, size_t len, struct mip_revocation_ack *ret)
{
	struct mip_revocation_ack m;
	struct rd r;
	int res = begin(&r, msg, len, MIP_TYPE_REVOCATION_ACK, MIP_REVOCATION_ACK_OCTETS);

	if (res < 0)
		return res;
	(void)rd_u8(&r); /* reserved */
	m.inform = rd_u16(&r) & REVOCATION_ACK_I;
	m.home = rd_ip4(&r);
	m.id = rd_u32(&r);
	*ret = m;
	return 0;
}

int mip_tunnel_data_parse(const uint8_t *msg, size_t len, uint8_t *ret_next_header, struct span *ret_inner)
{
	struct rd r;
	uint8_t next;
	int res = begin(&r, msg, len, MIP_TYPE_TUNNEL_DATA, MIP_TUNNEL_DATA_OCTETS);

	if (res < 0)
		return res;
	next = rd_u8(&r);
	(void)rd_u16(&r); /* reserved */
	*ret_next_header = next;
	*ret_inner = (struct span){ r.at, rd_left(&r) };
	return 0;
}

void mip_request_build(struct wr *w, const struct mip_request *m)
{
	wr_u8(w, MIP_TYPE_REQUEST);
	wr_u8(w, m->flags);
	wr_u16(w, m->lifetime_s);
	wr_ip4(w, m->home);
	wr_ip4(w, m->home_agent);
	wr_ip4(w, m->care_of);
	wr_u64(w, m->id);
}

void mip_reply_build(struct wr *w, const struct mip_reply *m)
{
	wr_u8(w, MIP_TYPE_REPLY);
	wr_u8(w, m->code);
	wr_u16(w, m->lifetime_s);
	wr_ip4(w, m->home);
	wr_ip4(w, m->home_agent);
	wr_u64(w, m->id);
}

void mip_revocation_build(struct wr *w, const struct mip_revocation *m)
{
	wr_u8(w, MIP_TYPE_REVOCATION);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)((m->from_ha ? REVOCATION_A : 0) | (m->inform ? REVOCATION_I : 0)));
	wr_ip4(w, m->home);
	wr_ip4(w, m->home_domain);
	wr_ip4(w, m->foreign_domain);
	wr_u32(w, m->id);
}

void mip_revocation_ack_build(struct wr *w, const struct mip_revocation_ack *m)
{
	wr_u8(w, MIP_TYPE_REVOCATION_ACK);
	wr_u8(w, 0);
	wr_u16(w, m->inform ? REVOCATION_ACK_I : 0);
	wr_ip4(w, m->home);
	wr_u32(w, m->id);
}

void mip_tunnel_data_build(struct wr *w, uint8_t next_header)
{
	wr_u8(w, MIP_TYPE_TUNNEL_DATA);
	wr_u8(w, next_header);
	wr_u16(w, 0);
}
