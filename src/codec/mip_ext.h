/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobile IPv4 registration extensions: one pass over the extension area into one struct, and a builder per
 * extension. No I/O, no clock, no malloc, no cryptography: authenticators are located here and computed in core/.
 * Supported standards: RFC 5944 1.8-1.10, 3.5 (framing, skip rule, authentication); RFC 2794 (NAI); RFC 3024 3.3
 * (delivery style); RFC 3519 3.1, 3.2 (UDP tunnel); RFC 3543 3.2 (revocation support); RFC 3846 (NAI carrying);
 * RFC 4064 (experimental); RFC 4433 (dynamic HA); RFC 4636 (FA error); RFC 4721 (challenge, Mobile-AAA);
 * RFC 4917 (message string); RFC 5265 (TNC); RFC 5563 (PMIPv4); RFC 6245 (GRE key); RFC 3115 (vendor). */
#ifndef HF_CODEC_MIP_EXT_H
#define HF_CODEC_MIP_EXT_H

#include "base/wire.h"

enum mip_ext_type {
	MIP_EXT_PAD = 0,
	MIP_EXT_MN_HA_AUTH = 32,
	MIP_EXT_MN_FA_AUTH = 33,
	MIP_EXT_FA_HA_AUTH = 34,
	MIP_EXT_GENERALIZED_AUTH = 36,
	MIP_EXT_CVSE_OLD = 37,
	MIP_EXT_CVSE = 38,
	MIP_EXT_UDP_TUNNEL_REPLY = 44,
	MIP_EXT_FA_ERROR = 45,
	MIP_EXT_PMIP = 47, /* non-skippable family, long form */
	MIP_EXT_GRE_KEY = 48,
	MIP_EXT_DELIVERY_STYLE = 130,
	MIP_EXT_NAI = 131,
	MIP_EXT_CHALLENGE = 132,
	MIP_EXT_NVSE = 134,
	MIP_EXT_NAI_CARRYING = 136,
	MIP_EXT_REVOCATION_SUPPORT = 137,
	MIP_EXT_DYNAMIC_HA = 139,
	MIP_EXT_UDP_TUNNEL_REQUEST = 144,
	MIP_EXT_MESSAGE_STRING = 145,
	MIP_EXT_PMIP_SKIPPABLE = 147,
	MIP_EXT_TNC = 149,
	MIP_EXT_EXPERIMENTAL = 255,
};

enum { MIP_EXT_MAX = 64 };   /* extensions accepted in one message; more is -EBADMSG */
enum { MIP_MSG_MAX = 1400 }; /* octets of the longest message we build */
enum { MIP_NAI_MAX = 253 };  /* octets of the longest NAI (RFC 4282 2.3 says 253 must be supported) */

/* Which extension carries the draft's sequence number; it assigns none (L-59). */
enum mip_sequence_form {
	MIP_SEQUENCE_EXPERIMENTAL,  /* 255, Length 6: Sub-Type, Reserved, Sequence(4)              (default) */
	MIP_SEQUENCE_NVSE,          /* 134: Reserved(2), vendor(4), vendor type(2), Sequence(4)              */
	MIP_SEQUENCE_PMIP_SUBTYPE,  /* 147, Length 6: Sub-Type, Reserved, Sequence(4)                        */
	MIP_SEQUENCE_NON_SKIPPABLE, /* 127 long form: Sub-Type, Length(2) = 4, Sequence(4)                   */
};

struct mip_sequence_carrier {
	enum mip_sequence_form form;
	uint8_t subtype;      /* for all forms but NVSE */
	uint32_t vendor;      /* NVSE: enterprise number */
	uint16_t vendor_type; /* NVSE */
};

/* Where one authenticator lies. It covers msg[0 .. covered), i.e. up to and including its own SPI. */
struct mip_auth {
	bool present;
	uint8_t type; /* MIP_EXT_MN_HA_AUTH, ..._MN_FA_AUTH, ..._FA_HA_AUTH or ..._GENERALIZED_AUTH */
	uint32_t spi;
	size_t at;       /* offset of the extension's Type octet: extensions below it are protected */
	size_t covered;  /* = offset of the first authenticator octet */
	struct span mac; /* borrowed */
};

enum mip_pmip_method { MIP_PMIP_METHOD_NONE = 0, MIP_PMIP_METHOD_FA_HA_AUTH = 1, MIP_PMIP_METHOD_IPSEC = 2 };

enum mip_access_tech { MIP_ACCESS_TECH_NONE = 0, MIP_ACCESS_TECH_8023 = 1, MIP_ACCESS_TECH_80211 = 2 };

/* Everything known in one message. `at` members are offsets in the message, 0 = absent, so that callers can ask
 * whether an extension lies under an authenticator (x.nai_at < x.mn_ha.at). All spans borrow the message. */
struct mip_exts {
	size_t count;

	struct mip_auth mn_ha, mn_fa, fa_ha, mn_aaa;
	bool duplicate_auth; /* two of the same authentication extension: an authentication failure (RFC 5944 3.5) */

	size_t nai_at;
	struct span nai; /* 1..MIP_NAI_MAX octets, not terminated, no NUL inside */

	size_t sequence_at;
	uint32_t sequence;

	size_t revocation_at;
	bool revocation_inform; /* I */
	uint32_t revocation_timestamp;

	size_t udp_request_at;
	bool udp_force, udp_via_fa; /* F, R */
	uint8_t udp_encapsulation;  /* 0, 4, 47, 55 */
	uint16_t udp_reserved;      /* Reserved 3: non-zero makes it not understood (RFC 3519 3.1.1) */

	size_t udp_reply_at;
	uint8_t udp_reply_code; /* 0..63 assent, 64..255 decline */
	bool udp_reply_force;
	uint16_t udp_keepalive_s;

	size_t pmip_at;           /* of the last one of the family: all are protected when this one is */
	uint8_t pmip_method;      /* enum mip_pmip_method; other values as received */
	struct span interface_id; /* 147/1 */
	uint8_t device_id_type, subscriber_id_type; /* 0 = absent */
	struct span device_id, subscriber_id;       /* 147/2, 147/3 */
	uint8_t access_tech;                        /* 147/4; 0 = absent */

	size_t gre_key_at;
	uint32_t gre_key;

	size_t tnc_at;
	size_t delivery_style_at;
	size_t challenge_at;
	struct span challenge;
	size_t message_at;
	uint8_t message_subtype; /* 1 HA, 2 FA */
	struct span message;     /* UTF-8, for people only: escape before printing */
	size_t fa_error_at;
	uint8_t fa_error;
	size_t dynamic_ha_at;
	uint8_t dynamic_ha_subtype; /* 1 requested, 2 redirected */
	struct in_addr dynamic_ha;
	size_t nai_carrying_at;
	uint8_t nai_carrying_subtype;
	struct span nai_carrying;
	size_t cvse_at; /* the first critical vendor extension, 37 or 38: we know none, so the HA denies with 140 or 141 (RFC 3115) */
};

/**
 * mip_exts_parse() - walk the extensions of one message.
 * @msg, @len: the whole UDP payload, borrowed by @ret.
 * @fixed: octets of the fixed part (MIP_..._OCTETS).
 * @carrier: where to look for the sequence number; NULL looks nowhere.
 * @ret: written only on 0.
 *
 * Return: 0, or
 *   -EBADMSG  bad framing, a known extension with an impossible length, an SPI area that is too short, or more than
 *             MIP_EXT_MAX extensions: "malformed" (an HA answers 134, RFC 5944 3.8.2)
 *   -ENOTSUP  unknown extension in 0..127: the message MUST be silently discarded (RFC 5944 1.8)
 * A second NAI, sequence or other single-valued extension is -EBADMSG; a second authenticator sets duplicate_auth.
 */
int mip_exts_parse(const uint8_t *msg, size_t len, size_t fixed, const struct mip_sequence_carrier *carrier,
		   struct mip_exts *ret);

/* Builders append one extension to @w; running out of room sets w->err. */
void mip_ext_nai_build(struct wr *w, struct span nai);
void mip_ext_sequence_build(struct wr *w, const struct mip_sequence_carrier *carrier, uint32_t sequence);
void mip_ext_revocation_support_build(struct wr *w, bool inform, uint32_t timestamp);
void mip_ext_udp_request_build(struct wr *w, bool force, bool via_fa, uint8_t encapsulation);
void mip_ext_udp_reply_build(struct wr *w, uint8_t code, bool force, uint16_t keepalive_s);
void mip_ext_pmip_method_build(struct wr *w, uint8_t method);
void mip_ext_interface_id_build(struct wr *w, struct span id);
void mip_ext_device_id_build(struct wr *w, uint8_t id_type, struct span id);
void mip_ext_subscriber_id_build(struct wr *w, uint8_t id_type, struct span id);
void mip_ext_access_tech_build(struct wr *w, uint8_t tech);
void mip_ext_gre_key_build(struct wr *w, uint32_t key);
void mip_ext_tnc_build(struct wr *w);
void mip_ext_delivery_style_build(struct wr *w);
void mip_ext_challenge_build(struct wr *w, struct span challenge);
void mip_ext_message_string_build(struct wr *w, uint8_t subtype, struct span text);
void mip_ext_fa_error_build(struct wr *w, uint8_t status);
void mip_ext_dynamic_ha_build(struct wr *w, uint8_t subtype, struct in_addr ha); /* long form as printed in RFC 4433 */
void mip_ext_nai_carrying_build(struct wr *w, uint8_t subtype, struct span nai);

/**
 * mip_ext_auth_build() - append an authentication extension (32, 33, 34) with an empty authenticator.
 * @mac_octets: room to leave for the authenticator.
 * Return: where the authenticator goes (computed over everything in @w before it), or NULL with w->err set.
 */
uint8_t *mip_ext_auth_build(struct wr *w, uint8_t type, uint32_t spi, size_t mac_octets);

#endif
