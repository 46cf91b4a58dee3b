/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobile IPv4 messages on UDP 434: fixed parts, bytes <-> structs. No I/O, no clock, no malloc.
 * Supported standards: RFC 5944 3.3, 3.4 (request, reply); RFC 3543 3.3, 3.4 (revocation, acknowledgment);
 * RFC 3519 3.3 (tunnel data); RFC 3024 3.2 (T bit). Extensions: mip_ext.h. */
#ifndef HF_CODEC_MIP_MSG_H
#define HF_CODEC_MIP_MSG_H

#include "base/wire.h"

#define MIP_PORT 434

enum mip_type {
	MIP_TYPE_REQUEST = 1,
	MIP_TYPE_REPLY = 3,
	MIP_TYPE_TUNNEL_DATA = 4,
	MIP_TYPE_REVOCATION = 7,
	MIP_TYPE_REVOCATION_ACK = 15,
};

/* Octets of each fixed part; extensions follow. */
enum {
	MIP_REQUEST_OCTETS = 24,
	MIP_REPLY_OCTETS = 20,
	MIP_REVOCATION_OCTETS = 20,
	MIP_REVOCATION_ACK_OCTETS = 12,
	MIP_TUNNEL_DATA_OCTETS = 4
};

/* Second octet of a request, RFC 5944 3.3. r (0x04) and x (0x01) are sent as 0 and ignored. */
enum mip_request_flag {
	MIP_REQ_S = 0x80, /* keep earlier bindings */
	MIP_REQ_B = 0x40, /* forward home-network broadcasts */
	MIP_REQ_D = 0x20, /* the sender decapsulates itself */
	MIP_REQ_M = 0x10, /* minimal encapsulation */
	MIP_REQ_G = 0x08, /* GRE */
	MIP_REQ_RESERVED_R = 0x04,
	MIP_REQ_T = 0x02, /* reverse tunnel */
	MIP_REQ_RESERVED_X = 0x01,
};

#define MIP_LIFETIME_INFINITE 0xffff

/* Reply codes (RFC 5944 3.4 and the documents named in wire order of their registry). */
enum mip_code {
	MIP_CODE_ACCEPTED = 0,
	MIP_CODE_ACCEPTED_NO_SIMULTANEOUS = 1,
	MIP_CODE_FA_UNSPECIFIED = 64,
	MIP_CODE_FA_ADMIN_PROHIBITED = 65,
	MIP_CODE_FA_NO_RESOURCES = 66,
	MIP_CODE_FA_MN_AUTH_FAILED = 67,
	MIP_CODE_FA_HA_AUTH_FAILED = 68,
	MIP_CODE_FA_LIFETIME_TOO_LONG = 69,
	MIP_CODE_FA_MALFORMED_REQUEST = 70,
	MIP_CODE_FA_MALFORMED_REPLY = 71,
	MIP_CODE_FA_ENCAPSULATION_UNAVAILABLE = 72,
	MIP_CODE_FA_REVERSE_TUNNEL_UNAVAILABLE = 74,
	MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY = 75,
	MIP_CODE_FA_TOO_DISTANT = 76,
	MIP_CODE_FA_INVALID_CARE_OF = 77,
	MIP_CODE_FA_TIMED_OUT = 78,
	MIP_CODE_FA_NET_UNREACHABLE = 80,
	MIP_CODE_FA_HOST_UNREACHABLE = 81,
	MIP_CODE_FA_PORT_UNREACHABLE = 82,
	MIP_CODE_FA_HA_UNREACHABLE = 88,
	MIP_CODE_FA_NONZERO_HA_REQUIRED = 90,
	MIP_CODE_FA_NONZERO_HOME_REQUIRED = 96,
	MIP_CODE_FA_NAI_MISSING = 97,
	MIP_CODE_FA_HA_MISSING = 98,
	MIP_CODE_FA_HOME_MISSING = 99,
	MIP_CODE_FA_VENDOR_OF_MN = 100, /* RFC 3115: no such extension is known here */
	MIP_CODE_FA_VENDOR_OF_HA = 101,
	MIP_CODE_UNSPECIFIED = 128,
	MIP_CODE_ADMIN_PROHIBITED = 129,
	MIP_CODE_NO_RESOURCES = 130,
	MIP_CODE_MN_AUTH_FAILED = 131,
	MIP_CODE_FA_AUTH_FAILED = 132,
	MIP_CODE_ID_MISMATCH = 133,
	MIP_CODE_MALFORMED = 134,
	MIP_CODE_TOO_MANY_BINDINGS = 135,
	MIP_CODE_UNKNOWN_HA = 136,
	MIP_CODE_REVERSE_TUNNEL_UNAVAILABLE = 137,
	MIP_CODE_REVERSE_TUNNEL_MANDATORY = 138,
	MIP_CODE_ENCAPSULATION_UNAVAILABLE = 139,
	MIP_CODE_CVSE_UNSUPPORTED = 140,
	MIP_CODE_FA_CVSE_UNSUPPORTED = 141,
	MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE = 142,
	MIP_CODE_PMIP_UNSUPPORTED = 149,
	MIP_CODE_PMIP_DISALLOWED = 150,
	MIP_CODE_INVALID_HA_FIELD = 194,
};

/* True for codes only a home agent may originate or that mean success (0, 1, 128..192): the reply must then carry
 * a valid authenticator towards the requester (RFC 5944 3.6.2.1). */
bool mip_code_is_from_ha(uint8_t code);
/* Short label for people ("accepted", "identification mismatch"); "unknown" for unassigned values. Never NULL. */
const char *mip_code_name(uint8_t code);

struct mip_request {
	uint8_t flags;       /* enum mip_request_flag, all eight bits as received */
	uint16_t lifetime_s; /* [s] 0 = deregister, MIP_LIFETIME_INFINITE = no expiry */
	struct in_addr home, home_agent, care_of;
	uint64_t id; /* Identification */
};

struct mip_reply {
	uint8_t code; /* enum mip_code, any value on the wire */
	uint16_t lifetime_s;
	struct in_addr home, home_agent;
	uint64_t id;
};

/* RFC 3543 3.3. Home/foreign domain address = home agent / care-of address. */
struct mip_revocation {
	bool from_ha; /* A bit */
	bool inform;  /* I bit */
	struct in_addr home, home_domain, foreign_domain;
	uint32_t id; /* Revocation Identifier */
};

/* Whether @a is the later one of two numbers that wrap, as those of revocations do. */
static inline bool serial_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

struct mip_revocation_ack {
	bool inform;
	struct in_addr home;
	uint32_t id;
};

/**
 * mip_request_parse() and siblings - decode the fixed part of one message.
 * @msg, @len: the UDP payload, borrowed.
 * @ret: written only when 0 is returned.
 * Return: 0, -EBADMSG (shorter than the fixed part: count and drop), -EPROTO (first octet is another type).
 */
int mip_request_parse(const uint8_t *msg, size_t len, struct mip_request *ret);
int mip_reply_parse(const uint8_t *msg, size_t len, struct mip_reply *ret);
int mip_revocation_parse(const uint8_t *msg, size_t len, struct mip_revocation *ret);
int mip_revocation_ack_parse(const uint8_t *msg, size_t len, struct mip_revocation_ack *ret);

/* Tunnel data (RFC 3519 3.3): inner packet in @ret_inner (borrowed), next header 4, 47 or 55 in @ret_next_header.
 * Reserved octets are ignored. Errors as above. */
int mip_tunnel_data_parse(const uint8_t *msg, size_t len, uint8_t *ret_next_header, struct span *ret_inner);

/* Builders append the fixed part to @w; running out of room sets w->err. */
void mip_request_build(struct wr *w, const struct mip_request *m);
void mip_reply_build(struct wr *w, const struct mip_reply *m);
void mip_revocation_build(struct wr *w, const struct mip_revocation *m);
void mip_revocation_ack_build(struct wr *w, const struct mip_revocation_ack *m);
void mip_tunnel_data_build(struct wr *w, uint8_t next_header);

#endif
