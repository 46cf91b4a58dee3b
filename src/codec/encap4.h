/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encapsulations beside IP in IP: GRE (RFC 2784, RFC 2890) and minimal encapsulation (RFC 2004). No I/O, no malloc. */
#ifndef HF_CODEC_ENCAP4_H
#define HF_CODEC_ENCAP4_H

#include "codec/ip4.h"

enum { GRE_OCTETS = 4, GRE_KEY_OCTETS = 4, MINIMAL_OCTETS = 12 };
enum { PROTOCOL_MINIMAL = 55 }; /* <netinet/in.h> has no name for it */

struct gre {
	uint32_t key; /* 0: none. A key that is present and 0 is refused: nobody agrees on it (RFC 6245). */
	struct span payload;
};

/**
 * gre_parse() - what follows an IP header of protocol 47.
 * A checksum is verified. Sequence numbers are not looked at: nothing inside needs its order kept, and nobody asked for
 * them.
 * Return: 0, -EBADMSG (short, a wrong checksum, or the key 0), -EPROTO (not IPv4 inside, another version, or routing as in
 * RFC 1701: discard it).
 */
int gre_parse(struct span octets, struct gre *ret);
/* The header of an IPv4 packet that follows; @key 0: without a key. */
void gre_build(struct wr *w, uint32_t key);

/**
 * minimal_build() - @packet on its way from @local to @remote, with the header of RFC 2004 behind its own.
 * Options, TTL, TOS and Don't Fragment stay what they are.
 * Return: 0, -EBADMSG (not an IPv4 packet), -EOPNOTSUPP (a fragment: it must go as IP in IP), -EMSGSIZE (also in w->err).
 */
int minimal_build(struct wr *w, struct in_addr local, struct in_addr remote, struct span packet);
/**
 * minimal_parse() - the packet as it was before. @packet: one whole IPv4 packet of protocol 55.
 * Return: 0 (it is in @w), -EBADMSG (short or wrong checksum), -EPROTO (not that protocol, or a fragment), -EMSGSIZE.
 */
int minimal_parse(struct wr *w, struct span packet);

#endif
