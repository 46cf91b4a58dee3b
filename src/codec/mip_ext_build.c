/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/mip_ext.h"

enum { SPI_OCTETS = 4, TLV_MAX = 255, EXPERIMENTAL_NON_SKIPPABLE = 127 };

/* Type and Length of an extension with @n octets of data; too long an extension sets the error. */
static void tlv(struct wr *w, uint8_t type, size_t n)
{
	if (n > TLV_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	wr_u8(w, type);
	wr_u8(w, (uint8_t)n);
}

static void long_form(struct wr *w, uint8_t type, uint8_t subtype, uint16_t n)
{
	wr_u8(w, type);
	wr_u8(w, subtype);
	wr_u16(w, n);
}

static void subtyped(struct wr *w, uint8_t type, uint8_t subtype, struct span data)
{
	tlv(w, type, data.n + 1);
	wr_u8(w, subtype);
	wr_bytes(w, data.p, data.n);
}

static void typed_id(struct wr *w, uint8_t subtype, uint8_t id_type, struct span id)
{
	tlv(w, MIP_EXT_PMIP_SKIPPABLE, id.n + 2);
	wr_u8(w, subtype);
	wr_u8(w, id_type);
	wr_bytes(w, id.p, id.n);
}

void mip_ext_nai_build(struct wr *w, struct span nai)
{
	tlv(w, MIP_EXT_NAI, nai.n);
	wr_bytes(w, nai.p, nai.n);
}

void mip_ext_sequence_build(struct wr *w, const struct mip_sequence_carrier *carrier, uint32_t sequence)
{
	switch (carrier->form) {
	case MIP_SEQUENCE_EXPERIMENTAL:
	case MIP_SEQUENCE_PMIP_SUBTYPE:
		tlv(w, carrier->form == MIP_SEQUENCE_EXPERIMENTAL ? MIP_EXT_EXPERIMENTAL : MIP_EXT_PMIP_SKIPPABLE, 6);
		wr_u8(w, carrier->subtype);
		wr_u8(w, 0);
		break;
	case MIP_SEQUENCE_NVSE:
		tlv(w, MIP_EXT_NVSE, 12);
		wr_u16(w, 0);
		wr_u32(w, carrier->vendor);
		wr_u16(w, carrier->vendor_type);
		break;
	case MIP_SEQUENCE_NON_SKIPPABLE:
		long_form(w, EXPERIMENTAL_NON_SKIPPABLE, carrier->subtype, 4);
		break;
	}
	wr_u32(w, sequence);
}

void mip_ext_revocation_support_build(struct wr *w, bool inform, uint32_t timestamp)
{
	tlv(w, MIP_EXT_REVOCATION_SUPPORT, 6);
	wr_u16(w, inform ? 0x8000 : 0);
	wr_u32(w, timestamp);
}

void mip_ext_udp_request_build(struct wr *w, bool force, bool via_fa, uint8_t encapsulation)
{
	tlv(w, MIP_EXT_UDP_TUNNEL_REQUEST, 6);
	wr_u16(w, 0); /* sub-type, reserved 1 */
	wr_u8(w, (uint8_t)((force ? 0x80 : 0) | (via_fa ? 0x40 : 0)));
	wr_u8(w, encapsulation);
	wr_u16(w, 0);
}

void mip_ext_udp_reply_build(struct wr *w, uint8_t code, bool force, uint16_t keepalive_s)
{
	tlv(w, MIP_EXT_UDP_TUNNEL_REPLY, 6);
	wr_u8(w, 0);
	wr_u8(w, code);
	wr_u16(w, force ? 0x8000 : 0);
	wr_u16(w, keepalive_s);
}

void mip_ext_pmip_method_build(struct wr *w, uint8_t method)
{
	long_form(w, MIP_EXT_PMIP, 1, 1);
	wr_u8(w, method);
}

void mip_ext_interface_id_build(struct wr *w, struct span id)
{
	subtyped(w, MIP_EXT_PMIP_SKIPPABLE, 1, id);
}

void mip_ext_device_id_build(struct wr *w, uint8_t id_type, struct span id)
{
	typed_id(w, 2, id_type, id);
}

void mip_ext_subscriber_id_build(struct wr *w, uint8_t id_type, struct span id)
{
	typed_id(w, 3, id_type, id);
}

void mip_ext_access_tech_build(struct wr *w, uint8_t tech)
{
	subtyped(w, MIP_EXT_PMIP_SKIPPABLE, 4, (struct span){ &tech, 1 });
}

void mip_ext_gre_key_build(struct wr *w, uint32_t key)
{
	long_form(w, MIP_EXT_GRE_KEY, 0, 4);
	wr_u32(w, key);
}

void mip_ext_tnc_build(struct wr *w)
{
	tlv(w, MIP_EXT_TNC, 2);
	wr_u16(w, 0);
}

void mip_ext_delivery_style_build(struct wr *w)
{
	tlv(w, MIP_EXT_DELIVERY_STYLE, 0);
}

void mip_ext_challenge_build(struct wr *w, struct span challenge)
{
	tlv(w, MIP_EXT_CHALLENGE, challenge.n);
	wr_bytes(w, challenge.p, challenge.n);
}

void mip_ext_message_string_build(struct wr *w, uint8_t subtype, struct span text)
{
	subtyped(w, MIP_EXT_MESSAGE_STRING, subtype, text);
}

void mip_ext_fa_error_build(struct wr *w, uint8_t status)
{
	tlv(w, MIP_EXT_FA_ERROR, 2);
	wr_u8(w, 0);
	wr_u8(w, status);
}

void mip_ext_dynamic_ha_build(struct wr *w, uint8_t subtype, struct in_addr ha)
{
	long_form(w, MIP_EXT_DYNAMIC_HA, subtype, 4);
	wr_ip4(w, ha);
}

void mip_ext_nai_carrying_build(struct wr *w, uint8_t subtype, struct span nai)
{
	subtyped(w, MIP_EXT_NAI_CARRYING, subtype, nai);
}

uint8_t *mip_ext_auth_build(struct wr *w, uint8_t type, uint32_t spi, size_t mac_octets)
{
	tlv(w, type, SPI_OCTETS + mac_octets);
	wr_u32(w, spi);
	return wr_skip(w, mac_octets);
}
