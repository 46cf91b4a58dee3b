/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home agent says that a visit is over, or hears it from us (RFC 3543 4). */
#define HASH_NONFATAL_OOM 1

#include "base/util.h"
#include "roles/fa/agent.h"

enum { RETRY_FIRST_S = 1, RETRY_DOUBLINGS = 5 };

/* What is left of a visit that we ended, until its home agent has heard of it or would have forgotten it anyway. */
struct revoking {
	UT_hash_handle hh;
	struct visit_key key;
	struct fa *fa;
	uint32_t first_id, last_id; /* identifiers sent so far */
	unsigned sent;
	uint64_t ends_us;
	struct timer retry;
};

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
	if (v && (!v->revocation || !serial_after(m.id, v->stamp))) {
		FA_COUNT(fa, revocations_ignored);
		return;
	}
	if (v) {
		FA_COUNT(fa, revoked);
		if (m.inform || !v->inform) /* where that is not its home agent's to say, it hears of it */
			advertise_restart(fa, v, out);
		visit_end(v, "its home agent revoked it", out);
	}
	acknowledge(fa, sa, d, &m, out);
}

static struct revoking *find(const struct fa *fa, struct in_addr home, struct in_addr home_agent)
{
	const struct visit_key key = { home, home_agent };
	struct revoking *r;

	HASH_FIND(hh, fa->revoking, &key, sizeof(key), r);
	return r;
}

static void drop(struct revoking *r)
{
	timers_cancel(&r->fa->retries, &r->retry);
	HASH_DEL(r->fa->revoking, r);
	free(r);
}

void revoke_free(struct fa *fa)
{
	struct revoking *r, *next;

	HASH_ITER(hh, fa->revoking, r, next)
		drop(r);
}

void revoke_cancel(struct fa *fa, struct in_addr home, struct in_addr home_agent)
{
	struct revoking *r = find(fa, home, home_agent);

	if (r)
		drop(r);
}

/* I is left out: we have told the mobile node, and do not ask whether to. */
static void send_once(struct revoking *r, struct instant now, struct actions *out)
{
	const struct sa *sa = association_ha(r->fa, r->key.home_agent);
	const struct mip_revocation m = { .home = r->key.home,
					  .home_domain = r->key.home_agent,
					  .foreign_domain = r->fa->conf->care_of,
					  .id = serial_after((uint32_t)(now.ntp >> 32), r->last_id) ?
							(uint32_t)(now.ntp >> 32) :
							r->last_id + 1 };
	unsigned doublings = r->sent < RETRY_DOUBLINGS ? r->sent : RETRY_DOUBLINGS;
	struct wr w = actions_writer(out, MIP_MSG_MAX);

	mip_revocation_build(&w, &m);
	if (sa && sa_sign(sa, MIP_EXT_FA_HA_AUTH, &w) == 0) {
		actions_send_datagram(out, r->fa->conf->care_of, MIP_PORT, r->key.home_agent, MIP_PORT, &w);
		keepalive_sent(r->fa, now, r->key.home_agent);
		FA_COUNT(r->fa, revocations_sent);
	}
	if (r->sent++ == 0)
		r->first_id = m.id;
	r->last_id = m.id;
	(void)timers_set(&r->fa->retries, &r->retry,
			 now.us + (RETRY_FIRST_S * US_PER_S << doublings)); /* room was made */
}

static struct revoking *add(struct fa *fa, const struct visit *v)
{
	struct revoking *r;

	if (HASH_COUNT(fa->revoking) >= fa->conf->max_visitors || timers_reserve(&fa->retries, 1) < 0)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->key = v->key;
	r->fa = fa;
	r->last_id = v->own_stamp; /* what is not later is taken for one of an earlier visit (RFC 3543 4.1) */
	r->ends_us = v->expires_us;
	HASH_ADD(hh, fa->revoking, key, sizeof(r->key), r);
	if (!r->hh.tbl) {
		free(r);
		return NULL;
	}
	return r;
}

void revoke_begin(struct fa *fa, struct instant now, const struct visit *v, struct actions *out)
{
	struct revoking *r;

	if (!v->revocation || v->co_located)
		return;
	revoke_cancel(fa, v->key.home, v->key.home_agent);
	r = add(fa, v);
	if (r)
		send_once(r, now, out);
	else
		FA_COUNT(fa, revocations_given_up);
}

/* The mobile node asks for this very visit again: a message after its request would end that one. */
static bool is_asked_for(const struct revoking *r)
{
	for (const struct pending *p = r->fa->pending; p; p = p->next)
		if (p->home_agent.s_addr == r->key.home_agent.s_addr &&
		    (p->request.home.s_addr == r->key.home.s_addr || p->request.home.s_addr == INADDR_ANY))
			return true;
	return false;
}

void revoke_on_time(struct fa *fa, struct instant now, struct actions *out)
{
	struct timer *timer;

	while (actions_have_room(out, 1) && (timer = timers_pop(&fa->retries, now.us))) {
		struct revoking *r = container_of(timer, struct revoking, retry);

		if (now.us >= r->ends_us) {
			FA_COUNT(fa, revocations_given_up);
			drop(r);
		} else if (is_asked_for(r)) {
			(void)timers_set(&fa->retries, &r->retry, now.us + US_PER_S); /* it was there a moment ago */
		} else {
			send_once(r, now, out);
		}
	}
}

void revoke_on_ack(struct fa *fa, const struct datagram *d, struct actions *out)
{
	const struct sa *sa = association_ha(fa, d->remote);
	struct mip_revocation_ack m;
	struct revoking *r;
	struct mip_exts x;

	if (mip_revocation_ack_parse(d->payload.p, d->payload.n, &m) < 0 ||
	    mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_ACK_OCTETS, NULL, &x) < 0) {
		FA_COUNT(fa, malformed);
		return;
	}
	r = find(fa, m.home, d->remote);
	if (!r || !sa || m.id - r->first_id > r->last_id - r->first_id || x.duplicate_auth ||
	    !sa_verify(sa, d->payload.p, &x.fa_ha)) {
		FA_COUNT(fa, revocations_ignored);
		return;
	}
	FA_COUNT(fa, revocations_acknowledged);
	fa_record(out, RECORD_INFO, false, "revocation_acknowledged", "", m.home, d->remote, "attempt %u", r->sent);
	drop(r);
}
