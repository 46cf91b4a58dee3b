/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who asks, and is it really them: the first half of RFC 5944 3.8.2.1, as a list of checks in order. */
#include "roles/ha/agent.h"

#include "base/util.h"

/* The user a request without NAI is about: whoever holds that home address. */
static struct span holder_of(const struct ha *ha, struct in_addr home)
{
	for (size_t i = 0; i < ha->conf->network_n; i++) {
		struct span holder = pool_holder(ha->pools[i], home);

		if (holder.n > 0)
			return holder;
	}
	return (struct span){ 0 };
}

static int check_identity(struct ha *ha, struct transaction *t)
{
	struct span nai = t->x.nai_at ? t->x.nai : holder_of(ha, t->req.home);

	if (nai.n > sizeof(t->nai_text))
		nai.n = 0; /* cannot be: the codec refuses it */
	directory_normalise(nai, t->nai_text);
	t->nai = (struct span){ (const uint8_t *)t->nai_text, nai.n };
	return 0;
}

/* Which association signs: the node's when the request says so (RFC 5563 4.1), else the user's or its realm's. */
static void find_association(struct ha *ha, struct transaction *t)
{
	if (t->x.pmip_at && t->x.pmip_method == MIP_PMIP_METHOD_FA_HA_AUTH && t->x.fa_ha.present) {
		t->auth = &t->x.fa_ha;
		t->assoc = directory_node(ha->directory, t->d->remote, t->auth->spi);
	} else if (t->x.mn_ha.present) {
		t->auth = &t->x.mn_ha;
		t->assoc = directory_association(ha->directory, t->nai, t->auth->spi);
	}
}

static int check_association(struct ha *ha, struct transaction *t)
{
	int code;

	find_association(ha, t);
	if (t->assoc)
		return 0;
	t->why = t->auth ? "no security association with this SPI" : "no authentication extension";
	if (t->auth == &t->x.mn_ha && ha_aaa_serves(ha, t->nai)) { /* L-63 */
		code = ha_aaa_association(ha, t);
		if (code != MIP_CODE_MN_AUTH_FAILED)
			return code;
	}
	HA_COUNT(ha, authentication_failures);
	return ha->conf->unknown_sa == HA_UNKNOWN_SA_SILENT ? DISCARD : MIP_CODE_MN_AUTH_FAILED;
}

/* What lies under no authenticator anybody could have added: it is as good as absent. What a foreign agent added lies
 * under its own. */
static void drop_unprotected(struct transaction *t)
{
	size_t end = t->fa_assoc ? t->x.fa_ha.at : t->auth->at;

	if (t->x.sequence_at > t->auth->at)
		t->x.sequence_at = 0;
	t->sequence = t->x.sequence_at ? t->x.sequence : 0;
	if (t->x.udp_request_at > end)
		t->x.udp_request_at = 0; /* or the tunnel would go to whoever copied the request */
	/* RFC 3543 3.2: must be protected, and is none between us and a node that is its own end behind an agent. */
	if (t->x.revocation_at > end || (t->fa_assoc && t->req.flags & MIP_REQ_D))
		t->x.revocation_at = 0;
	if (t->x.dynamic_ha_at > end)
		t->x.dynamic_ha_at = 0;
	if (t->x.gre_key_at > end)
		t->x.gre_key_at = 0;
}

/* L-60 */
static int check_authenticator(struct ha *ha, struct transaction *t)
{
	int code = MIP_CODE_MN_AUTH_FAILED;

	if (!t->x.duplicate_auth && t->x.nai_at < t->auth->at && t->x.pmip_at < t->auth->at &&
	    sa_verify(&t->assoc->sa, t->d->payload.p, t->auth)) {
		drop_unprotected(t);
		return 0;
	}
	if (t->shared && !t->x.duplicate_auth)
		code = ha_aaa_doubt(ha, t);
	if (code != MIP_CODE_MN_AUTH_FAILED)
		return code;
	HA_COUNT(ha, authentication_failures);
	t->why = t->x.duplicate_auth ? "more than one authenticator of a kind" : "wrong authenticator";
	return code;
}

/* A proxy agent's own request may do without (RFC 5563), and so does who has the care-of address itself. */
static bool is_by_agent(const struct transaction *t)
{
	return !(t->req.flags & MIP_REQ_D) && !t->x.pmip_at && !t->x.sequence_at;
}

/* A foreign agent on the way signs too when it shares a key with us (RFC 5944 3.8.2.1); never on deregistrations. */
static int check_foreign_agent(struct ha *ha, struct transaction *t)
{
	const struct mip_auth *fa = &t->x.fa_ha;

	if (t->auth == fa || t->req.lifetime_s == 0)
		return 0;
	if (!fa->present) {
		/* Without it, anybody on the way could take off what the agent has added. */
		if (!is_by_agent(t) || !directory_knows_node(ha->directory, t->d->remote))
			return 0;
		t->why = "not authenticated by the foreign agent, with which we share a key";
		return MIP_CODE_FA_AUTH_FAILED;
	}
	t->fa_assoc = directory_node(ha->directory, t->d->remote, fa->spi); /* L-02: who relays */
	if (!t->fa_assoc) {
		t->why = "authenticated by a foreign agent that shares no key with us";
		return DISCARD;
	}
	if (sa_verify(&t->fa_assoc->sa, t->d->payload.p, fa))
		return 0;
	HA_COUNT(ha, authentication_failures);
	t->fa_assoc = NULL;
	t->why = "wrong authenticator of the foreign agent";
	return MIP_CODE_FA_AUTH_FAILED;
}

static int check_user(struct ha *ha, struct transaction *t)
{
	const char *network;

	t->user = t->nai.n > 0 ? directory_user(ha->directory, t->nai) : NULL;
	if (!t->user) {
		t->why = "unknown user";
		return MIP_CODE_ADMIN_PROHIBITED;
	}
	network = t->user->network;
	for (size_t i = 0; i < ha->conf->network_n; i++)
		if (!network[0] || strcmp(ha->conf->networks[i].name, network) == 0) {
			t->network = i;
			return 0;
		}
	t->why = "the user's home network does not exist";
	return MIP_CODE_UNSPECIFIED;
}

/* Its last answer is lost, or the datagram came twice: nothing changed since. */
static bool is_repeated(const struct ha *ha, const struct transaction *t)
{
	bool is_there = false;

	for (const struct binding *b = binding_find_nai(ha->bindings, t->nai); b; b = b->sibling) {
		if (b->care_of.s_addr != t->req.care_of.s_addr)
			continue;
		if (t->req.lifetime_s > 0 && b->id == t->req.id)
			return true;
		is_there = true; /* as one of several: an agent may have registered all of them */
	}
	return t->req.lifetime_s == 0 && !is_there;
}

static int check_replay_room(struct ha *ha, struct transaction *t)
{
	uint64_t guard_us = 2 * t->assoc->sa.tolerance_s * US_PER_S;
	int r = replay_entry_get(ha->replay, t->nai, t->now.us, guard_us, &t->replay);

	if (r == 0)
		return 0;
	HA_COUNT(ha, table_full);
	t->why = "no room to remember this user";
	return MIP_CODE_NO_RESOURCES;
}

static int check_identification(struct ha *ha, struct transaction *t)
{
	const struct sa *sa = &t->assoc->sa;

	if (sa->replay == REPLAY_NONCE)
		ha->random.fill(ha->random.ctx, (uint8_t *)&t->nonce, sizeof(t->nonce));
	switch (replay_check(sa, t->replay, t->now.ntp, t->req.id)) {
	case REPLAY_FRESH:
		return 0;
	case REPLAY_REPEATED:
		if (is_repeated(ha, t)) {
			t->repeated = true;
			return 0;
		}
		break;
	case REPLAY_MISMATCH:
		break;
	}
	HA_COUNT(ha, identification_mismatches);
	t->why = "Identification is outside of the window or not newer than the last";
	return MIP_CODE_ID_MISMATCH;
}

/* r and x are ignored unless told otherwise: RFC 5944 says both (DEVIATES: 3.8.2.1 "MUST reject"). */
static int check_reserved(struct ha *ha, struct transaction *t)
{
	if (!ha->conf->strict_reserved || !(t->req.flags & (MIP_REQ_RESERVED_R | MIP_REQ_RESERVED_X)))
		return 0;
	t->why = "reserved bits are set";
	return MIP_CODE_MALFORMED;
}

static int check_vendor(struct ha *ha, struct transaction *t)
{
	(void)ha; /* checks share one signature */
	if (!t->x.cvse_at)
		return 0;
	t->why = "a critical vendor extension we do not know";
	if (t->x.cvse_at < t->auth->at)
		return MIP_CODE_CVSE_UNSUPPORTED;
	t->why = "a critical vendor extension of the foreign agent that we do not know";
	return MIP_CODE_FA_CVSE_UNSUPPORTED;
}

int ha_check(struct ha *ha, struct transaction *t)
{
	/* The foreign agent early: it discards every reply that is not signed for it, refusals too. */
	/* clang-format off */
	static int (*const checks[])(struct ha *, struct transaction *) = {
		check_identity,
		check_association,
		check_foreign_agent,
		check_authenticator,
		check_user,
		check_replay_room,
		check_identification,
		check_reserved,
		check_vendor,
		ha_check_agent,
		ha_check_proxy,
		ha_check_encapsulation,
		ha_check_reverse_tunnel,
		ha_check_care_of,
		ha_check_nat,
		ha_check_binding,
		ha_check_sequence,
	};
	/* clang-format on */
	int code = 0;

	for (size_t i = 0; code == 0 && i < ARRAY_SIZE(checks); i++)
		code = checks[i](ha, t);
	return code;
}
