/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent says that a station is served elsewhere now (RFC 3543 4.2, draft-leung 4.1.2). */
#include "roles/mpa/agent.h"

/* The care-of address we registered: ours, or that of the foreign agent on the way. */
static struct in_addr care_of(const struct subscriber *s)
{
	bool direct = !s->agent || s->agent->via_fa.s_addr == INADDR_ANY;

	return direct ? s->mpa->conf->care_of : s->agent->via_fa;
}

/* The subscriber a revocation is about, if the message is proven, new and from its own home agent. */
static struct subscriber *revoked(struct mpa *mpa, const struct datagram *d, const struct mip_revocation *m,
				  const struct mip_exts *x)
{
	struct subscriber *s = subscriber_with_home(mpa, m->home, d->remote);
	const struct mip_auth *auth;

	if (!s || !m->from_ha || m->home_domain.s_addr != s->agent_address.s_addr ||
	    m->foreign_domain.s_addr != care_of(s).s_addr || x->duplicate_auth)
		return NULL;
	/* Older than our registration: it was meant for the station's last stay here. */
	if (!serial_after(m->id, s->agent_stamp))
		return NULL;
	auth = s->auth_type == MIP_EXT_FA_HA_AUTH ? &x->fa_ha : &x->mn_ha;
	return sa_verify(subscriber_sa(s), d->payload.p, auth) ? s : NULL;
}

static void acknowledge(const struct mpa *mpa, const struct sa *sa, uint8_t auth_type, const struct datagram *d,
			const struct mip_revocation *m, struct actions *out)
{
	const struct mip_revocation_ack ack = { .home = m->home, .id = m->id };
	struct wr w = actions_writer(out, MIP_MSG_MAX);

	mip_revocation_ack_build(&w, &ack);
	if (sa_sign(sa, auth_type, &w) == 0)
		actions_send_datagram(out, mpa->conf->care_of, d->local_port, d->remote, d->remote_port, &w);
}

/* Our acknowledgment was lost and the subscriber is gone: any association of ours that fits the message proves it as
 * well, and the home agent must hear it once more (RFC 3543 4.2.2). */
static bool acknowledge_again(const struct mpa *mpa, const struct datagram *d, const struct mip_revocation *m,
			      const struct mip_exts *x, struct actions *out)
{
	const struct subscriber *s = subscriber_with_home(mpa, m->home, d->remote);

	if (!m->from_ha || m->home_domain.s_addr != d->remote.s_addr ||
	    m->foreign_domain.s_addr != mpa->conf->care_of.s_addr || x->duplicate_auth ||
	    (s && s->revocation_id != m->id))
		return false;
	for (size_t i = 0; i < mpa->conf->association_n; i++) {
		const struct mpa_association *a = &mpa->conf->associations[i];
		bool node = a->scope == SA_SCOPE_NODE;

		if (!sa_verify(&a->sa, d->payload.p, node ? &x->fa_ha : &x->mn_ha))
			continue;
		acknowledge(mpa, &a->sa, node ? MIP_EXT_FA_HA_AUTH : MIP_EXT_MN_HA_AUTH, d, m, out);
		return true;
	}
	return false;
}

void mpa_on_revocation(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct mip_revocation m;
	struct mip_exts x;
	struct subscriber *s;
	struct sa sa;
	uint8_t auth_type;

	if (mip_revocation_parse(d->payload.p, d->payload.n, &m) < 0 ||
	    mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_OCTETS, NULL, &x) < 0) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	s = revoked(mpa, d, &m, &x);
	if (!s) {
		if (!acknowledge_again(mpa, d, &m, &x, out))
			MPA_COUNT(mpa, revocations_ignored);
		return;
	}
	MPA_COUNT(mpa, revoked);
	subscriber_record(s, out, RECORD_INFO, "revocation_received", "identifier %u", m.id);
	mpa_hold_off(mpa, &s->port, now.us);
	s->revocation_id = m.id;
	s->agent_stamp = m.id;
	sa = *subscriber_sa(s); /* the subscriber is gone before the acknowledgment leaves (L-20) */
	auth_type = s->auth_type;
	(void)subscriber_event(s, now, EVENT_REVOKED, "served by another agent now", out);
	acknowledge(mpa, &sa, auth_type, d, &m, out);
	sa_wipe(&sa);
}
