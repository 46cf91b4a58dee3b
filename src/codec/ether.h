/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet II framing. */
#ifndef HF_CODEC_ETHER_H
#define HF_CODEC_ETHER_H

#include "base/wire.h"

enum { ETHER_HEADER_OCTETS = 14, ETHER_ADDR_OCTETS = 6, ETHER_IP4 = 0x0800, ETHER_ARP = 0x0806 };

extern const uint8_t ether_broadcast[ETHER_ADDR_OCTETS];

struct ether {
	uint8_t destination[ETHER_ADDR_OCTETS], source[ETHER_ADDR_OCTETS];
	uint16_t type;
	struct span payload; /* parse only, borrowed; may include padding */
};

/* Return: 0 or -EBADMSG (too short). VLAN tags are not looked into: the type is then 0x8100. */
int ether_parse(const uint8_t *p, size_t n, struct ether *ret);
void ether_build(struct wr *w, const uint8_t destination[ETHER_ADDR_OCTETS], const uint8_t source[ETHER_ADDR_OCTETS],
		 uint16_t type);

#endif
