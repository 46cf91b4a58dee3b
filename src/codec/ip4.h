/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 (RFC 791) and UDP (RFC 768) headers. No I/O, no malloc. */
#ifndef HF_CODEC_IP4_H
#define HF_CODEC_IP4_H

#include "base/wire.h"

enum { IP4_HEADER_OCTETS = 20, UDP_HEADER_OCTETS = 8, IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFFSET = 0x1fff };

struct ip4 {
	uint8_t tos, ttl, protocol;
	uint16_t id, fragment; /* IP4_DF | IP4_MF | offset in units of 8 octets */
	struct in_addr source, destination;
	struct span payload; /* parse only: borrowed, as long as the header says */
	size_t header_n;     /* parse only: octets of the header, options included */
};

struct udp4 {
	uint16_t source, destination;
	struct span payload; /* borrowed */
};

/* Internet checksum (RFC 1071) of @n octets, to be stored as it is: 0 over data that contains a right one. */
uint16_t ip4_checksum(const uint8_t *p, size_t n);

/**
 * ip4_parse() - one IPv4 packet; what lies behind its total length is ignored.
 * Return: 0, -EBADMSG (shorter than it says, impossible lengths or wrong checksum), -EPROTO (not version 4).
 */
int ip4_parse(const uint8_t *p, size_t n, struct ip4 *ret);
/* The same for the front of a packet, at least its header: the payload is what is there. */
int ip4_parse_cut(const uint8_t *p, size_t n, struct ip4 *ret);
/* A header of 20 octets for @payload_n octets that follow; over 65535 in all sets w->err. */
void ip4_build(struct wr *w, const struct ip4 *h, size_t payload_n);

/**
 * ip4_piece_build() - the fragment of @ip that begins at octet *@at of its payload, at most @mtu octets long.
 * @ip: without options, and without DF; may be a fragment itself. @mtu: at least 28.
 * *@at moves behind what was written; the whole is done when it is ip->payload.n. (RFC 791 3.2)
 */
void ip4_piece_build(struct wr *w, const struct ip4 *ip, uint16_t mtu, size_t *at);

/**
 * udp4_parse() - the UDP datagram in @ip, which must be no fragment.
 * Return: 0, -EBADMSG (lengths, or a checksum that is there and wrong), -EPROTO (not UDP, or a fragment).
 */
int udp4_parse(const struct ip4 *ip, struct udp4 *ret);
/* IPv4 and UDP headers with checksums, and the payload; @h->protocol is ignored. */
void udp4_build(struct wr *w, const struct ip4 *h, const struct udp4 *u);

#endif
