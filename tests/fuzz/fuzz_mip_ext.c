/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extensions behind a request. First octet: which sequence carrier is looked for. All that is found lies inside of
 * the message, and what we have builders for survives building and parsing again. */
#include "codec/mip_ext.h"
#include "codec/mip_msg.h"
#include "tests/fuzz/fuzz.h"

static const struct mip_sequence_carrier carriers[] = {
	{ .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
	{ .form = MIP_SEQUENCE_NVSE, .vendor = 32473, .vendor_type = 1 },
	{ .form = MIP_SEQUENCE_PMIP_SUBTYPE, .subtype = 99 },
	{ .form = MIP_SEQUENCE_NON_SKIPPABLE, .subtype = 1 },
};

static void inside(struct span all, struct span part)
{
	assert(part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

static void check_auth(struct span msg, const struct mip_auth *a)
{
	if (!a->present)
		return;
	inside(msg, a->mac);
	assert(a->mac.n > 0 && a->at >= MIP_REQUEST_OCTETS && a->at < a->covered);
	assert(msg.p + a->covered == a->mac.p && msg.p[a->at] == a->type);
}

static void check(struct span msg, const struct mip_exts *x)
{
	const size_t offsets[] = { x->nai_at,         x->sequence_at,     x->revocation_at,
				   x->udp_request_at, x->udp_reply_at,    x->pmip_at,
				   x->gre_key_at,     x->tnc_at,          x->delivery_style_at,
				   x->challenge_at,   x->message_at,      x->fa_error_at,
				   x->dynamic_ha_at,  x->nai_carrying_at, x->cvse_at };
	const struct span spans[] = { x->nai,       x->interface_id, x->device_id,   x->subscriber_id,
				      x->challenge, x->message,      x->nai_carrying };

	assert(x->count <= MIP_EXT_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		assert(offsets[i] == 0 || (offsets[i] >= MIP_REQUEST_OCTETS && offsets[i] < msg.n));
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		inside(msg, spans[i]);
	check_auth(msg, &x->mn_ha);
	check_auth(msg, &x->mn_fa);
	check_auth(msg, &x->fa_ha);
	check_auth(msg, &x->mn_aaa);
}

static void build(struct wr *w, const struct mip_exts *x, const struct mip_sequence_carrier *carrier)
{
	if (x->nai_at)
		mip_ext_nai_build(w, x->nai);
	if (x->sequence_at)
		mip_ext_sequence_build(w, carrier, x->sequence);
	if (x->revocation_at)
		mip_ext_revocation_support_build(w, x->revocation_inform, x->revocation_timestamp);
	if (x->udp_request_at)
		mip_ext_udp_request_build(w, x->udp_force, x->udp_via_fa, x->udp_encapsulation);
	if (x->udp_reply_at)
		mip_ext_udp_reply_build(w, x->udp_reply_code, x->udp_reply_force, x->udp_keepalive_s);
	if (x->pmip_method)
		mip_ext_pmip_method_build(w, x->pmip_method);
	if (x->interface_id.n)
		mip_ext_interface_id_build(w, x->interface_id);
	if (x->access_tech)
		mip_ext_access_tech_build(w, x->access_tech);
	if (x->gre_key_at)
		mip_ext_gre_key_build(w, x->gre_key);
	if (x->tnc_at)
		mip_ext_tnc_build(w);
	if (x->challenge_at)
		mip_ext_challenge_build(w, x->challenge);
	if (x->message_at)
		mip_ext_message_string_build(w, x->message_subtype, x->message);
	if (x->fa_error_at)
		mip_ext_fa_error_build(w, x->fa_error);
	if (x->dynamic_ha_at)
		mip_ext_dynamic_ha_build(w, x->dynamic_ha_subtype, x->dynamic_ha);
	if (x->nai_carrying_at)
		mip_ext_nai_carrying_build(w, x->nai_carrying_subtype, x->nai_carrying);
}

static void same(const struct mip_exts *a, const struct mip_exts *b)
{
	span_equal(a->nai, b->nai);
	assert(a->sequence == b->sequence && !a->sequence_at == !b->sequence_at);
	assert(a->revocation_inform == b->revocation_inform && a->revocation_timestamp == b->revocation_timestamp);
	assert(a->udp_force == b->udp_force && a->udp_via_fa == b->udp_via_fa);
	assert(a->udp_encapsulation == b->udp_encapsulation && a->udp_reply_code == b->udp_reply_code);
	assert(a->udp_reply_force == b->udp_reply_force && a->udp_keepalive_s == b->udp_keepalive_s);
	assert(a->pmip_method == b->pmip_method && a->access_tech == b->access_tech && a->gre_key == b->gre_key);
	span_equal(a->interface_id, b->interface_id);
	assert(!a->tnc_at == !b->tnc_at && a->fa_error == b->fa_error);
	span_equal(a->challenge, b->challenge);
	assert(a->message_subtype == b->message_subtype);
	span_equal(a->message, b->message);
	assert(a->dynamic_ha_subtype == b->dynamic_ha_subtype && a->dynamic_ha.s_addr == b->dynamic_ha.s_addr);
	assert(a->nai_carrying_subtype == b->nai_carrying_subtype);
	span_equal(a->nai_carrying, b->nai_carrying);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct mip_sequence_carrier *carrier;
	static uint8_t buf[1 << 16];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_exts x, again;

	if (n < 1 + MIP_REQUEST_OCTETS)
		return 0;
	carrier = &carriers[*data % ARRAY_SIZE(carriers)];
	data++;
	n--;
	if (mip_exts_parse(data, n, MIP_REQUEST_OCTETS, carrier, &x) < 0)
		return 0;
	check((struct span){ data, n }, &x);
	(void)wr_skip(&w, MIP_REQUEST_OCTETS);
	build(&w, &x, carrier);
	if (w.err) /* cannot be: each piece fitted its extension before */
		abort();
	assert(mip_exts_parse(buf, wr_len(&w), MIP_REQUEST_OCTETS, carrier, &again) == 0);
	same(&x, &again);
	return 0;
}
