/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/arp.h"

enum { HARDWARE_ETHERNET = 1 };

int arp_parse(const uint8_t *p, size_t n, struct arp *ret)
{
	struct rd r = rd_init(p, n);
	uint16_t hardware = rd_u16(&r), protocol = rd_u16(&r), sizes = rd_u16(&r);
	const uint8_t *sender_mac, *target_mac;
	struct arp a = { .op = rd_u16(&r) };

	sender_mac = rd_take(&r, ETHER_ADDR_OCTETS);
	a.sender = rd_ip4(&r);
	target_mac = rd_take(&r, ETHER_ADDR_OCTETS);
	a.target = rd_ip4(&r);
	if (r.err)
		return -EBADMSG;
	if (hardware != HARDWARE_ETHERNET || protocol != ETHER_IP4 || sizes != (ETHER_ADDR_OCTETS << 8 | 4))
		return -EPROTO;
	memcpy(a.sender_mac, sender_mac, ETHER_ADDR_OCTETS);
	memcpy(a.target_mac, target_mac, ETHER_ADDR_OCTETS);
	*ret = a;
	return 0;
}

void arp_build(struct wr *w, const struct arp *a)
{
	wr_u16(w, HARDWARE_ETHERNET);
	wr_u16(w, ETHER_IP4);
	wr_u16(w, ETHER_ADDR_OCTETS << 8 | 4);
	wr_u16(w, a->op);
	wr_bytes(w, a->sender_mac, ETHER_ADDR_OCTETS);
	wr_ip4(w, a->sender);
	wr_bytes(w, a->target_mac, ETHER_ADDR_OCTETS);
	wr_ip4(w, a->target);
}
