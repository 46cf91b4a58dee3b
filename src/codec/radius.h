/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RADIUS packets: RFC 2865, RFC 2866, RFC 3579 (EAP), RFC 5176 (dynamic authorization), and the attributes of the WiMAX
 * Forum that carry Mobile IP keys. Octets only; whatever a secret has to do with is in core/radius_auth.h. */
#ifndef HF_CODEC_RADIUS_H
#define HF_CODEC_RADIUS_H

#include "base/wire.h"

enum {
	RADIUS_HEADER_OCTETS = 20,
	RADIUS_PACKET_MAX = 4096,
	RADIUS_AUTHENTICATOR_OCTETS = 16,
	RADIUS_AUTHENTICATOR_AT = 4,
	RADIUS_VALUE_MAX = 253, /* of one attribute */
};

enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45,
};

enum radius_attribute {
	RADIUS_USER_NAME = 1,
	RADIUS_USER_PASSWORD = 2,
	RADIUS_NAS_IP_ADDRESS = 4,
	RADIUS_NAS_PORT = 5,
	RADIUS_SERVICE_TYPE = 6,
	RADIUS_FRAMED_IP_ADDRESS = 8,
	RADIUS_FILTER_ID = 11,
	RADIUS_REPLY_MESSAGE = 18,
	RADIUS_STATE = 24,
	RADIUS_CLASS = 25,
	RADIUS_VENDOR_SPECIFIC = 26,
	RADIUS_SESSION_TIMEOUT = 27,
	RADIUS_CALLED_STATION_ID = 30,
	RADIUS_CALLING_STATION_ID = 31,
	RADIUS_NAS_IDENTIFIER = 32,
	RADIUS_PROXY_STATE = 33,
	RADIUS_ACCT_STATUS_TYPE = 40,
	RADIUS_ACCT_DELAY_TIME = 41,
	RADIUS_ACCT_SESSION_ID = 44,
	RADIUS_ACCT_TERMINATE_CAUSE = 49,
	RADIUS_EVENT_TIMESTAMP = 55,
	RADIUS_NAS_PORT_TYPE = 61,
	RADIUS_EAP_MESSAGE = 79,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_NAS_PORT_ID = 87,
	RADIUS_ERROR_CAUSE = 101,
};

enum { RADIUS_VENDOR_WIMAX = 24757 };

/* RFC 2866 5.1. */
enum radius_acct_status {
	RADIUS_ACCT_START = 1,
	RADIUS_ACCT_STOP = 2,
	RADIUS_ACCT_INTERIM = 3,
	RADIUS_ACCT_ON = 7, /* the authenticator starts, or stops: it has no sessions any more */
	RADIUS_ACCT_OFF = 8,
};

/* RFC 5176 3.5. */
enum radius_error_cause {
	RADIUS_UNSUPPORTED_ATTRIBUTE = 401,
	RADIUS_MISSING_ATTRIBUTE = 402,
	RADIUS_NAS_MISMATCH = 403,
	RADIUS_INVALID_REQUEST = 404,
	RADIUS_UNSUPPORTED_SERVICE = 405,
	RADIUS_UNSUPPORTED_EXTENSION = 406,
	RADIUS_INVALID_VALUE = 407,
	RADIUS_NOT_ROUTABLE = 502, /* by a proxy */
	RADIUS_NO_SESSION = 503,
	RADIUS_NO_RESOURCES = 506,
	RADIUS_SEVERAL_SESSIONS = 508, /* fit, and one was meant */
};

enum radius_wimax {
	RADIUS_WIMAX_HHA_IP = 6,
	RADIUS_WIMAX_MN_HHA_KEY = 10, /* salted */
	RADIUS_WIMAX_MN_HHA_SPI = 11,
	RADIUS_WIMAX_RRQ_HA_IP = 18,
	RADIUS_WIMAX_RRQ_MN_HA_KEY = 19, /* salted */
	RADIUS_WIMAX_RRQ_MN_HA_SPI = 20,
};

struct radius {
	uint8_t code, id;
	const uint8_t *authenticator; /* 16 octets, borrowed */
	struct span attributes;       /* whole and consistent */
	struct span packet;           /* as far as its length says; octets behind it are padding */
};

/**
 * radius_parse() - check the frame of a packet: length 20..4096 and within @n, attributes that fill it exactly, each of
 * at least 2 octets (RFC 2865 3, 5).
 * @ret: borrows @p. Return: 0 or -EBADMSG.
 */
int radius_parse(const uint8_t *p, size_t n, struct radius *ret);

/* Goes through the attributes of a parsed packet. @at: {0} before the first. Return: false at the end. */
struct radius_at {
	uint8_t type;
	struct span value;
	size_t offset; /* of the attribute in the packet */
	size_t next;   /* where to go on; start with 0 */
};
bool radius_next(const struct radius *r, struct radius_at *at);

/* The first attribute of a type. Return: false when there is none. */
bool radius_find(const struct radius *r, uint8_t type, struct radius_at *ret);
/* As a number, an address: only with exactly 4 octets. */
bool radius_find_u32(const struct radius *r, uint8_t type, uint32_t *ret);
bool radius_find_ip4(const struct radius *r, uint8_t type, struct in_addr *ret);

/**
 * radius_find_wimax() - the value of a WiMAX attribute, put together when it is continued in further ones.
 * @buf, @cap: where it is put together.
 * Return: octets of the value, -ENOENT, -EBADMSG (lengths do not fit, or the continuation is missing), or -EMSGSIZE.
 */
int radius_find_wimax(const struct radius *r, uint8_t type, uint8_t *buf, size_t cap);

/* Puts the EAP packet of all EAP-Message attributes together (RFC 3579 3.1). Return: octets, 0 = none, or -EMSGSIZE. */
int radius_eap(const struct radius *r, uint8_t *buf, size_t cap);

/* Text of a MAC address as access points write it: six pairs of hexadecimal digits with '-', ':', '.' or nothing between;
 * what follows is left alone (":SSID"). Six octets count as well. Return: false when it is none. */
bool radius_mac(struct span value, uint8_t ret[6]);

/* Builders. radius_begin() leaves the authenticator zero; radius_end() writes the length. A value of more than 253 octets
 * sets w->err. */
void radius_begin(struct wr *w, uint8_t code, uint8_t id);
void radius_put(struct wr *w, uint8_t type, struct span value);
void radius_put_u32(struct wr *w, uint8_t type, uint32_t value);
void radius_put_ip4(struct wr *w, uint8_t type, struct in_addr value);
void radius_put_wimax(struct wr *w, uint8_t type, struct span value); /* up to 246 octets, no continuation */
/* As many EAP-Message attributes as @eap takes. */
void radius_put_eap(struct wr *w, struct span eap);
void radius_end(struct wr *w); /* @w: begun at its start */

const char *radius_code_name(uint8_t code); /* "Access-Request"; "unknown" */

#endif
