/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/ether.h"

const uint8_t ether_broadcast[ETHER_ADDR_OCTETS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

int ether_parse(const uint8_t *p, size_t n, struct ether *ret)
{
	struct rd r = rd_init(p, n);
	const uint8_t *destination = rd_take(&r, ETHER_ADDR_OCTETS);
	const uint8_t *source = rd_take(&r, ETHER_ADDR_OCTETS);
	uint16_t type = rd_u16(&r);

	if (r.err)
		return -EBADMSG;
	memcpy(ret->destination, destination, ETHER_ADDR_OCTETS);
	memcpy(ret->source, source, ETHER_ADDR_OCTETS);
	ret->type = type;
	ret->payload = (struct span){ r.at, rd_left(&r) };
	return 0;
}

void ether_build(struct wr *w, const uint8_t destination[ETHER_ADDR_OCTETS], const uint8_t source[ETHER_ADDR_OCTETS],
		 uint16_t type)
{
	wr_bytes(w, destination, ETHER_ADDR_OCTETS);
	wr_bytes(w, source, ETHER_ADDR_OCTETS);
	wr_u16(w, type);
}
