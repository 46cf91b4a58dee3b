/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DHCPv4 messages (RFC 2131, RFC 2132), options over several areas and instances included (RFC 3396). No malloc. */
#ifndef HF_CODEC_DHCP4_H
#define HF_CODEC_DHCP4_H

#include "base/wire.h"

enum {
	DHCP4_SERVER_PORT = 67,
	DHCP4_CLIENT_PORT = 68,
	DHCP4_BROADCAST = 0x8000,
	DHCP4_MIN_OCTETS = 300,
	DHCP4_MAX_OCTETS = 1472 /* with its headers just an Ethernet payload */
};

enum dhcp4_op { DHCP4_BOOTREQUEST = 1, DHCP4_BOOTREPLY = 2 };

enum dhcp4_type {
	DHCP4_DISCOVER = 1,
	DHCP4_OFFER = 2,
	DHCP4_REQUEST = 3,
	DHCP4_DECLINE = 4,
	DHCP4_ACK = 5,
	DHCP4_NAK = 6,
	DHCP4_RELEASE = 7,
	DHCP4_INFORM = 8,
};

enum dhcp4_option {
	DHCP4_OPT_PAD = 0,
	DHCP4_OPT_MASK = 1,
	DHCP4_OPT_ROUTERS = 3,
	DHCP4_OPT_DNS = 6,
	DHCP4_OPT_HOST_NAME = 12,
	DHCP4_OPT_DOMAIN = 15,
	DHCP4_OPT_BROADCAST = 28,
	DHCP4_OPT_REQUESTED = 50,
	DHCP4_OPT_LEASE = 51,
	DHCP4_OPT_OVERLOAD = 52,
	DHCP4_OPT_TYPE = 53,
	DHCP4_OPT_SERVER_ID = 54,
	DHCP4_OPT_PARAMETERS = 55,
	DHCP4_OPT_MESSAGE = 56,
	DHCP4_OPT_MAX_SIZE = 57,
	DHCP4_OPT_T1 = 58,
	DHCP4_OPT_T2 = 59,
	DHCP4_OPT_CLIENT_ID = 61,
	DHCP4_OPT_FQDN = 81,
	DHCP4_OPT_RELAY = 82,
	DHCP4_OPT_SUBNET = 118,
	DHCP4_OPT_END = 255,
};

enum dhcp4_fqdn_flag { DHCP4_FQDN_S = 0x01, DHCP4_FQDN_O = 0x02, DHCP4_FQDN_E = 0x04, DHCP4_FQDN_N = 0x08 };

struct dhcp4 {
	uint8_t op, hops, hlen;
	uint32_t xid;
	uint16_t secs, flags;
	struct in_addr client, your, server, relay; /* ciaddr, yiaddr, siaddr, giaddr */
	uint8_t chaddr[16];

	uint8_t type;                        /* enum dhcp4_type as received; 0 = BOOTP without option 53 */
	struct in_addr requested, server_id; /* 0.0.0.0 = absent */
	uint32_t lease_s;                    /* 0 = absent */
	uint16_t max_size;                   /* 0 = absent */
	struct in_addr subnet;               /* option 118; 0.0.0.0 = absent */
	struct span client_id, parameters, relay_info, fqdn_raw; /* n = 0: absent */
	struct span host_name;                                   /* without the NULs at its end (RFC 2132 2) */
	uint8_t fqdn_flags;
	char fqdn[256]; /* lower case, no trailing dot; "" = absent */

	uint8_t scratch[512]; /* options that came in pieces, put together */
	size_t scratch_n;
};

/**
 * dhcp4_parse() - one message; all spans borrow @p or ret->scratch, so @ret must not be copied.
 * Return: 0, -EBADMSG (too short, no cookie, an option that overruns, a known one with an impossible length).
 */
int dhcp4_parse(const uint8_t *p, size_t n, struct dhcp4 *ret);

/**
 * dhcp4_copy() - a message as it came, sname, file and unknown options included, for more options and dhcp4_end().
 * @omit: codes of the options to leave out of the options field; in sname and file they stay.
 * Return: 0, -EBADMSG (no whole message), -EMSGSIZE (no room in @w, of which it must be the first).
 */
int dhcp4_copy(struct wr *w, struct span message, struct span omit);
/* What a relay agent writes into a request on its way (RFC 1542 4.1.1): itself, and one hop more. @w: as begun. */
void dhcp4_set_relay(struct wr *w, struct in_addr relay);

/* Fixed part with cookie: @m's op to chaddr; sname and file are empty. Options follow, then dhcp4_end(). */
void dhcp4_begin(struct wr *w, const struct dhcp4 *m);
/* More than 255 octets become several instances (RFC 3396 7). */
void dhcp4_option(struct wr *w, uint8_t code, struct span data);
void dhcp4_option_u8(struct wr *w, uint8_t code, uint8_t v);
void dhcp4_option_u32(struct wr *w, uint8_t code, uint32_t v);
void dhcp4_option_ip4(struct wr *w, uint8_t code, struct in_addr a);
/* End option, and padding to what old relays want to see. */
void dhcp4_end(struct wr *w);

#endif
