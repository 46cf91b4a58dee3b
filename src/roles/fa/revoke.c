/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home agent says that a visit is over (RFC 3543 4.2). */
#include "roles/fa/agent.h"

static bool is_later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static bool is_proven(const struct fa *fa, const struct datagram *d, const struct mip_revocation *m,
		      const struct mip_exts *x, const struct sa **ret)
{
	*ret = association_ha(fa, d->remote);
	return *ret && m->from_ha && m->home_domain.s_addr == d->remote.s_addr &&
	       m->foreign_domain.s_addr == fa->conf->care_of.s_addr && !x->duplicate_auth &&
	       sa_verify(*ret, d->payload.p, &x->fa_ha);
}

static void acknowledge(const struct fa *fa, const struct sa *sa, const struct datagram *d,
			const struct mip_revocation *m, struct actions *out)
{
	const struct mip_revocation_ack ack = { .inform = m->inform, .home = m->home, .id = m->id };
	struct wr w = actions_writer(out, MIP_MSG_MAX);

	mip_revocation_ack_build(&w, &ack);
	if (sa_sign(sa, MIP_EXT_FA_HA_AUTH, &w) == 0)
		actions_send_datagram(out, fa->conf->care_of, d->local_port, d->remote, d->remote_port, &w);
}

void revoke_on_datagram(struct fa *fa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct mip_revocation m;
	struct mip_exts x;
	const struct sa *sa;
	struct visit *v;

	if (mip_revocation_parse(d->payload.p, d->payload.n, &m) < 0 ||
	    mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_OCTETS, NULL, &x) < 0) {
		FA_COUNT(fa, malformed);
		return;
	}
	if (!is_proven(fa, d, &m, &x, &sa)) {
		FA_COUNT(fa, revocations_ignored);
		if (ratelimit_allow(&fa->security, now.us))
			fa_record(out, RECORD_WARN, true, "revocation_ignored", "", m.home, d->remote,
				  "its authentication is missing or wrong");
		return;
	}
	v = visit_find(fa, m.home, d->remote);
	/* Older than the registration: it was meant for its last visit. Our acknowledgment of a visit that is over was
	 * lost, and is wanted once more (RFC 3543 4.2.2). */
	if (v && (!v->revocation || !is_later(m.id, v->stamp))) {
		FA_COUNT(fa, revocations_ignored);
		return;
	}
	if (v) {
		FA_COUNT(fa, revoked);
		if (m.inform)
			advertise_restart(fa, v, out);
		visit_end(v, "its home agent revoked it", out);
	}
	acknowledge(fa, sa, d, &m, out);
}
