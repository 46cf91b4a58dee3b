/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP (RFC 792): echo and errors. */
#ifndef HF_CODEC_ICMP4_H
#define HF_CODEC_ICMP4_H

#include "codec/ip4.h"

enum icmp4_type { ICMP4_ECHO_REPLY = 0, ICMP4_UNREACHABLE = 3, ICMP4_ECHO = 8, ICMP4_TIME_EXCEEDED = 11 };
enum icmp4_unreachable { ICMP4_HOST_UNREACHABLE = 1, ICMP4_FRAGMENTATION_NEEDED = 4 };

enum { ICMP4_HEADER_OCTETS = 8 };

struct icmp4 {
	uint8_t type, code;
	uint32_t rest;       /* identifier and sequence number, or unused and MTU */
	struct span payload; /* borrowed */
};

/* Return: 0, -EBADMSG (short or wrong checksum), -EPROTO (not ICMP, or a fragment). */
int icmp4_parse(const struct ip4 *ip, struct icmp4 *ret);
/* IPv4 header and message with checksums; @h->protocol is ignored. */
void icmp4_build(struct wr *w, const struct ip4 *h, const struct icmp4 *m);

/**
 * icmp4_error_build() - an ICMP error about @packet, from @source to its sender.
 * @packet: one IPv4 packet or its front; its header and the first octets of its payload are quoted (RFC 1812 4.3.2.3).
 * @mtu: for ICMP4_FRAGMENTATION_NEEDED (RFC 1191 4), else 0.
 * Return: true when something was built; false when no error may be sent about this packet (RFC 1122 3.2.2: ICMP
 * errors, multicast or broadcast, later fragments, no single source) or it is none.
 */
bool icmp4_error_build(struct wr *w, struct in_addr source, struct span packet, uint8_t type, uint8_t code,
		       uint16_t mtu);

#endif
