/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "base/util.h"
#include "codec/mip_ext.h"

enum { SPI_OCTETS = 4, AAA_SUBTYPE = 1, EXPERIMENTAL_NON_SKIPPABLE = 127 };

struct walk {
	const uint8_t *msg;
	const struct mip_sequence_carrier *carrier;
	size_t at;      /* offset of the Type octet of the extension in hand */
	struct rd body; /* its data, sub-type included */
	struct mip_exts x;
};

static bool set_once(const struct walk *w, size_t *ret_at)
{
	if (*ret_at != 0)
		return false;
	*ret_at = w->at;
	return true;
}

static struct span rest(struct rd *r)
{
	size_t n = rd_left(r);

	return (struct span){ rd_take(r, n), n };
}

static int parse_auth(struct walk *w, uint8_t type, struct mip_auth *ret)
{
	uint32_t spi = rd_u32(&w->body);
	struct span mac = rest(&w->body);

	if (w->body.err || mac.n == 0)
		return -EBADMSG;
	if (ret->present) {
		w->x.duplicate_auth = true;
		return 0;
	}
	*ret = (struct mip_auth){ .present = true, .type = type, .spi = spi, .at = w->at, .mac = mac };
	ret->covered = (size_t)(mac.p - w->msg);
	return 0;
}

static int parse_nai(struct walk *w)
{
	struct span nai = rest(&w->body);

	if (!set_once(w, &w->x.nai_at) || nai.n == 0 || nai.n > MIP_NAI_MAX || memchr(nai.p, 0, nai.n))
		return -EBADMSG;
	w->x.nai = nai;
	return 0;
}

static int parse_revocation_support(struct walk *w)
{
	uint16_t flags = rd_u16(&w->body);

	if (!set_once(w, &w->x.revocation_at))
		return -EBADMSG;
	w->x.revocation_inform = flags & 0x8000;
	w->x.revocation_timestamp = rd_u32(&w->body);
	return w->body.err;
}

static int parse_udp_request(struct walk *w)
{
	uint8_t flags;

	if (!set_once(w, &w->x.udp_request_at))
		return -EBADMSG;
	(void)rd_u16(&w->body); /* sub-type, reserved 1 */
	flags = rd_u8(&w->body);
	w->x.udp_force = flags & 0x80;
	w->x.udp_via_fa = flags & 0x40;
	w->x.udp_encapsulation = rd_u8(&w->body);
	w->x.udp_reserved = rd_u16(&w->body);
	return w->body.err;
}

static int parse_udp_reply(struct walk *w)
{
	if (!set_once(w, &w->x.udp_reply_at))
		return -EBADMSG;
	(void)rd_u8(&w->body); /* sub-type */
	w->x.udp_reply_code = rd_u8(&w->body);
	w->x.udp_reply_force = rd_u16(&w->body) & 0x8000;
	w->x.udp_keepalive_s = rd_u16(&w->body);
	return w->body.err;
}

static int parse_typed_id(struct walk *w, uint8_t *ret_type, struct span *ret_id)
{
	if (*ret_type != 0)
		return -EBADMSG;
	*ret_type = rd_u8(&w->body);
	*ret_id = rest(&w->body);
	return w->body.err;
}

static int parse_sequence_body(struct walk *w)
{
	if (!set_once(w, &w->x.sequence_at))
		return -EBADMSG;
	w->x.sequence = rd_u32(&w->body);
	return w->body.err;
}

/* The short form of the sequence carrier, when this is its sub-type. */
static bool is_sequence(const struct walk *w, enum mip_sequence_form form, uint8_t subtype)
{
	return w->carrier && w->carrier->form == form && w->carrier->subtype == subtype;
}

static int parse_pmip_skippable(struct walk *w)
{
	uint8_t subtype = rd_u8(&w->body);

	if (w->body.err)
		return -EBADMSG;
	if (is_sequence(w, MIP_SEQUENCE_PMIP_SUBTYPE, subtype)) {
		(void)rd_u8(&w->body); /* reserved */
		return parse_sequence_body(w);
	}
	w->x.pmip_at = w->at;
	switch (subtype) {
	case 1:
		if (w->x.interface_id.n > 0)
			return -EBADMSG;
		w->x.interface_id = rest(&w->body);
		return 0;
	case 2:
		return parse_typed_id(w, &w->x.device_id_type, &w->x.device_id);
	case 3:
		return parse_typed_id(w, &w->x.subscriber_id_type, &w->x.subscriber_id);
	case 4:
		if (w->x.access_tech != 0)
			return -EBADMSG;
		w->x.access_tech = rd_u8(&w->body);
		return w->body.err;
	default:
		return 0; /* a skippable family: unknown members are skipped too */
	}
}

/* @subtype comes from the long header. */
static int parse_pmip_method(struct walk *w, uint8_t subtype)
{
	uint8_t method = rd_u8(&w->body);

	if (subtype != 1)
		return -ENOTSUP;
	if (w->body.err || w->x.pmip_method != 0)
		return -EBADMSG;
	w->x.pmip_at = w->at;
	w->x.pmip_method = method;
	return 0;
}

static int parse_experimental(struct walk *w)
{
	uint8_t subtype = rd_u8(&w->body);

	if (w->body.err || !is_sequence(w, MIP_SEQUENCE_EXPERIMENTAL, subtype))
		return 0;      /* somebody else's experiment */
	(void)rd_u8(&w->body); /* reserved */
	return parse_sequence_body(w);
}

static int parse_nvse(struct walk *w)
{
	uint32_t vendor;
	uint16_t type;

	(void)rd_u16(&w->body); /* reserved */
	vendor = rd_u32(&w->body);
	type = rd_u16(&w->body);
	if (w->body.err || !w->carrier || w->carrier->form != MIP_SEQUENCE_NVSE || vendor != w->carrier->vendor ||
	    type != w->carrier->vendor_type)
		return 0;
	return parse_sequence_body(w);
}

/* RFC 4433 prints the long form for a skippable type; others send the short form. Both are told apart by the first
 * octets: long "1|2 0 4", short "5 1|2". @head: the octets behind the Type. */
static int parse_dynamic_ha(struct walk *w, const struct rd *head, struct rd *ret_behind)
{
	struct rd r = *head;
	uint8_t first = rd_u8(&r);
	uint8_t subtype = first;

	if (first == 5)
		subtype = rd_u8(&r);
	else if (rd_u16(&r) != 4)
		return -EBADMSG;
	w->x.dynamic_ha = rd_ip4(&r);
	if (r.err || subtype < 1 || subtype > 2 || !set_once(w, &w->x.dynamic_ha_at))
		return -EBADMSG;
	w->x.dynamic_ha_subtype = subtype;
	*ret_behind = r;
	return 0;
}

static int parse_subtyped_text(struct walk *w, size_t *ret_at, uint8_t *ret_subtype, struct span *ret_text)
{
	if (!set_once(w, ret_at))
		return -EBADMSG;
	*ret_subtype = rd_u8(&w->body);
	*ret_text = rest(&w->body);
	return w->body.err;
}

static int parse_fa_error(struct walk *w)
{
	if (!set_once(w, &w->x.fa_error_at))
		return -EBADMSG;
	(void)rd_u8(&w->body); /* sub-type */
	w->x.fa_error = rd_u8(&w->body);
	return w->body.err;
}

static int parse_gre_key(struct walk *w)
{
	if (!set_once(w, &w->x.gre_key_at))
		return -EBADMSG;
	w->x.gre_key = rd_u32(&w->body);
	return w->body.err;
}

static int parse_tnc(struct walk *w)
{
	if (!set_once(w, &w->x.tnc_at))
		return -EBADMSG;
	(void)rd_u16(&w->body); /* sub-type, reserved */
	return w->body.err;
}

static int parse_challenge(struct walk *w)
{
	w->x.challenge = rest(&w->body);
	return set_once(w, &w->x.challenge_at) ? 0 : -EBADMSG;
}

static int parse_tlv(struct walk *w, uint8_t type)
{
	switch (type) {
	case MIP_EXT_MN_HA_AUTH:
		return parse_auth(w, type, &w->x.mn_ha);
	case MIP_EXT_MN_FA_AUTH:
		return parse_auth(w, type, &w->x.mn_fa);
	case MIP_EXT_FA_HA_AUTH:
		return parse_auth(w, type, &w->x.fa_ha);
	case MIP_EXT_UDP_TUNNEL_REPLY:
		return parse_udp_reply(w);
	case MIP_EXT_FA_ERROR:
		return parse_fa_error(w);
	case MIP_EXT_DELIVERY_STYLE:
		return set_once(w, &w->x.delivery_style_at) ? 0 : -EBADMSG;
	case MIP_EXT_NAI:
		return parse_nai(w);
	case MIP_EXT_CHALLENGE:
		return parse_challenge(w);
	case MIP_EXT_NVSE:
		return parse_nvse(w);
	case MIP_EXT_NAI_CARRYING:
		return parse_subtyped_text(w, &w->x.nai_carrying_at, &w->x.nai_carrying_subtype, &w->x.nai_carrying);
	case MIP_EXT_REVOCATION_SUPPORT:
		return parse_revocation_support(w);
	case MIP_EXT_UDP_TUNNEL_REQUEST:
		return parse_udp_request(w);
	case MIP_EXT_MESSAGE_STRING:
		return parse_subtyped_text(w, &w->x.message_at, &w->x.message_subtype, &w->x.message);
	case MIP_EXT_PMIP_SKIPPABLE:
		return parse_pmip_skippable(w);
	case MIP_EXT_TNC:
		return parse_tnc(w);
	case MIP_EXT_EXPERIMENTAL:
		return parse_experimental(w);
	default:
		return type < 128 ? -ENOTSUP : 0;
	}
}

static bool is_long(uint8_t type)
{
	return type == MIP_EXT_GENERALIZED_AUTH || type == MIP_EXT_CVSE_OLD || type == MIP_EXT_CVSE ||
	       type == MIP_EXT_PMIP || type == MIP_EXT_GRE_KEY || type == EXPERIMENTAL_NON_SKIPPABLE;
}

/* Type, sub-type (reserved in 37 and 38), Length(2). */
static int parse_long(struct walk *w, uint8_t type, uint8_t subtype)
{
	switch (type) {
	case MIP_EXT_GENERALIZED_AUTH:
		return subtype == AAA_SUBTYPE ? parse_auth(w, type, &w->x.mn_aaa) : -ENOTSUP;
	case MIP_EXT_CVSE_OLD:
	case MIP_EXT_CVSE:
		if (w->x.cvse_at == 0) /* what agents on the way add comes later */
			w->x.cvse_at = w->at;
		return 0;
	case MIP_EXT_PMIP:
		return parse_pmip_method(w, subtype);
	case MIP_EXT_GRE_KEY:
		return parse_gre_key(w);
	default: /* 127 */
		return is_sequence(w, MIP_SEQUENCE_NON_SKIPPABLE, subtype) ? parse_sequence_body(w) : -ENOTSUP;
	}
}

/* One extension; @r stands behind its Type octet and is moved behind the extension. */
static int parse_one(struct walk *w, uint8_t type, struct rd *r)
{
	uint8_t subtype = 0;
	const uint8_t *data;
	size_t n;

	if (type == MIP_EXT_DYNAMIC_HA)
		return parse_dynamic_ha(w, r, r);
	if (is_long(type)) {
		subtype = rd_u8(r);
		n = rd_u16(r);
	} else {
		n = rd_u8(r);
	}
	data = rd_take(r, n);
	if (r->err)
		return -EBADMSG;
	w->body = rd_init(data, n);
	return is_long(type) ? parse_long(w, type, subtype) : parse_tlv(w, type);
}

int mip_exts_parse(const uint8_t *msg, size_t len, size_t fixed, const struct mip_sequence_carrier *carrier,
		   struct mip_exts *ret)
{
	struct walk w = { .msg = msg, .carrier = carrier };
	struct rd r;
	int res;

	assert(fixed <= len);

	r = rd_init(msg + fixed, len - fixed);
	while (rd_left(&r) > 0) {
		uint8_t type;

		w.at = (size_t)(r.at - msg);
		type = rd_u8(&r);
		if (type == MIP_EXT_PAD)
			continue;
		if (++w.x.count > MIP_EXT_MAX)
			return -EBADMSG;
		res = parse_one(&w, type, &r);
		if (res < 0)
			return res;
	}
	*ret = w.x;
	return 0;
}
