/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ARP for IPv4 over Ethernet (RFC 826). */
#ifndef HF_CODEC_ARP_H
#define HF_CODEC_ARP_H

#include "codec/ether.h"

enum { ARP_OCTETS = 28 };
enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint16_t op; /* any value on the wire */
	uint8_t sender_mac[ETHER_ADDR_OCTETS], target_mac[ETHER_ADDR_OCTETS];
	struct in_addr sender, target;
};

/* @p: behind the Ethernet header; padding is ignored. Return: 0, -EBADMSG (short), -EPROTO (not IPv4 on Ethernet). */
int arp_parse(const uint8_t *p, size_t n, struct arp *ret);
void arp_build(struct wr *w, const struct arp *a);

#endif
