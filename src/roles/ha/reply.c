/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration replies: order of extensions as in RFC 5944 3.5, signed like the request. */
#include "roles/ha/agent.h"

static uint64_t reply_id(const struct transaction *t, uint8_t code)
{
	if (t->assoc && t->assoc->sa.replay == REPLAY_NONCE)
		return (uint64_t)t->nonce << 32 | (t->req.id & UINT32_MAX);
	if (code == MIP_CODE_ID_MISMATCH)
		return replay_resync_id(t->replay, t->now.ntp, t->req.id);
	return t->req.id;
}

static bool revocation_offered(const struct ha *ha, const struct transaction *t, uint8_t code)
{
	return ha->conf->revoke != HA_REVOKE_OFF && t->x.revocation_at && t->replay && code <= 1;
}

/* The foreign agent's part comes after the user's authenticator; without such an agent all is one part. */
static bool revocation_is_foreign(const struct transaction *t)
{
	return t->fa_assoc && t->x.revocation_at > t->auth->at;
}

static void build_user_part(const struct ha *ha, const struct transaction *t, const struct reply *r, struct wr *w)
{
	if (t->x.nai_at)
		mip_ext_nai_build(w, t->x.nai);
	if (r->sequence != 0)
		mip_ext_sequence_build(w, &ha->conf->sequence, r->sequence);
	if (t->x.udp_request_at && r->code <= 1) /* 64: a polite refusal (RFC 3519 4.9) */
		mip_ext_udp_reply_build(w, t->udp ? 0 : 64, t->udp && t->x.udp_force, ha->conf->udp_keepalive_s);
	if (r->gre_key != 0 && t->x.gre_key_at < t->auth->at)
		mip_ext_gre_key_build(w, r->gre_key);
	if (ha->conf->trusted_subnet_n > 0 && t->assoc)
		mip_ext_tnc_build(
			w); /* only trusted sources got this far (RFC 5265 4.2); it counts where it is signed */
	if (t->assoc && t->assoc->scope == SA_SCOPE_NODE)
		mip_ext_pmip_method_build(w, MIP_PMIP_METHOD_FA_HA_AUTH);
	if (t->why && r->code > 1 && t->replay) {
		struct span text = { (const uint8_t *)t->why, strlen(t->why) };

		mip_ext_message_string_build(w, 1, text); /* so that the other end's operator sees why */
	}
}

static int build(struct ha *ha, struct transaction *t, const struct reply *r, struct wr *w)
{
	const struct mip_reply m = {
		.code = r->code,
		.lifetime_s = r->lifetime_s,
		.home = r->home,
		.home_agent = ha->conf->address,
		.id = reply_id(t, r->code),
	};
	bool revocation = revocation_offered(ha, t, r->code);
	uint32_t stamp = revocation ? replay_stamp(t->replay, t->now.ntp) : 0;
	int res = 0;

	mip_reply_build(w, &m);
	build_user_part(ha, t, r, w);
	if (revocation && !revocation_is_foreign(t))
		mip_ext_revocation_support_build(w, false, stamp);
	if (t->assoc) /* without one there is no key to sign a refusal with */
		res = sa_sign(&t->assoc->sa, t->auth->type, w);
	if (revocation && revocation_is_foreign(t))
		mip_ext_revocation_support_build(w, t->x.revocation_inform, stamp);
	if (r->gre_key != 0 && t->x.gre_key_at > t->auth->at) /* RFC 6245: where the foreign agent had it */
		mip_ext_gre_key_build(w, r->gre_key);
	if (res == 0 && t->fa_assoc)
		res = sa_sign(&t->fa_assoc->sa, MIP_EXT_FA_HA_AUTH, w);
	return res < 0 ? res : w->err;
}

void ha_reply(struct ha *ha, struct transaction *t, const struct reply *r, struct actions *out)
{
	const struct datagram *d = t->d;
	struct wr w = actions_writer(out, MIP_MSG_MAX);
	struct record note = { .level = RECORD_INFO, .event = "reply_sent", .home = r->home, .peer = d->remote };
	int res = build(ha, t, r, &w);

	if (res < 0) {
		note.level = RECORD_ERR;
		actions_record(out, &note, t->nai, "the reply could not be built: %s", strerror(-res));
		return;
	}
	/* A request sent to a broadcast address is answered from our own. */
	actions_send_datagram(out, ha->conf->address, d->local_port, d->remote, d->remote_port, &w);
	if (t->nonce != 0 && t->replay && t->assoc)
		replay_issue_nonce(t->replay, t->nonce);
	actions_record(out, &note, t->nai, "code %u (%s), lifetime %u s", r->code, mip_code_name(r->code),
		       r->lifetime_s);
}
