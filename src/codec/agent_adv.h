/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agent discovery: ICMP router advertisements that carry agent information, and solicitations. No I/O, no malloc.
 * Supported standards: RFC 1256 3 (router advertisement, solicitation); RFC 5944 1.8, 2.1 (Mobility Agent
 * Advertisement, Prefix-Lengths, padding); RFC 3024 3.1 (T); RFC 3519 3.4 (U); RFC 3543 3.1 (X); RFC 4721 2.1
 * (challenge). */
#ifndef HF_CODEC_AGENT_ADV_H
#define HF_CODEC_AGENT_ADV_H

#include "base/wire.h"

enum { ICMP4_ROUTER_ADVERTISEMENT = 9, ICMP4_ROUTER_SOLICITATION = 10 };

enum agent_adv_flag {
	AGENT_ADV_R = 0x8000, /* registration required */
	AGENT_ADV_B = 0x4000, /* busy */
	AGENT_ADV_H = 0x2000, /* home agent on this link */
	AGENT_ADV_F = 0x1000, /* foreign agent */
	AGENT_ADV_M = 0x0800, /* minimal encapsulation */
	AGENT_ADV_G = 0x0400, /* GRE */
	AGENT_ADV_T = 0x0100, /* reverse tunnelling */
	AGENT_ADV_U = 0x0080, /* UDP tunnelling */
	AGENT_ADV_X = 0x0040, /* revocation */
};

/* Routers and care-of addresses kept of one advertisement; it may list more, which are ignored. */
enum { AGENT_ADV_ROUTERS = 16, AGENT_ADV_CARE_OFS = 16 };

enum agent_adv_code { AGENT_ADV_ROUTES_COMMON = 0, AGENT_ADV_ROUTES_MOBILE_ONLY = 16 };

struct agent_adv_router {
	struct in_addr addr;
	int32_t preference;
	uint8_t prefix_len; /* 0..32, when has_prefixes */
};

struct agent_adv {
	uint8_t code;        /* enum agent_adv_code, any value on the wire */
	uint16_t lifetime_s; /* [s] of the advertisement */
	size_t router_n;
	struct agent_adv_router routers[AGENT_ADV_ROUTERS];
	bool has_prefixes; /* one length for each router */

	bool is_agent; /* carries a Mobility Agent Advertisement; else the rest is zero */
	uint16_t sequence;
	uint16_t registration_lifetime_s; /* [s] longest accepted, 0xffff = infinite */
	uint16_t flags;                   /* enum agent_adv_flag, all sixteen bits as received */
	size_t care_of_n;
	struct in_addr care_of[AGENT_ADV_CARE_OFS];

	struct span challenge; /* RFC 4721; n = 0: none; parse: borrowed */
};

/**
 * agent_adv_parse() - one advertisement, agent or plain router.
 * @icmp, @n: the ICMP message from its Type octet, borrowed. The IP header (TTL 1) is the caller's to check.
 * @ret: written only on 0.
 * Return: 0, or
 *   -EPROTO   not an ICMP router advertisement
 *   -EBADMSG  short, wrong checksum, an extension that overruns, comes twice or has an impossible length: drop
 *   -ENOTSUP  unknown extension in 0..127: silently discard (RFC 5944 1.8)
 */
int agent_adv_parse(const uint8_t *icmp, size_t n, struct agent_adv *ret);

/* Appends the ICMP message with checksum, padded to an even length (RFC 5944 2.1.3). w->err when there is no room or
 * @a holds more than its arrays can. */
void agent_adv_build(struct wr *w, const struct agent_adv *a);

/* A solicitation: Return: 0, -EPROTO (another type), -EBADMSG (short or wrong checksum). */
int agent_solicitation_parse(const uint8_t *icmp, size_t n);
void agent_solicitation_build(struct wr *w);

#endif
