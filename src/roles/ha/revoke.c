/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration revocation (RFC 3543): telling an agent that was overtaken, until it says it heard. */
#define HASH_NONFATAL_OOM 1

#include <stdio.h>

#include "base/util.h"
#include "roles/ha/agent.h"

enum { RETRIES_PER_CALL = 64, RETRY_FIRST_S = 1, RETRY_MAX_S = 32, REASON_MAX = 256 };

/* What is left of a binding that moved away: enough to tell its old agent, until that binding would have expired. */
struct revocation {
	struct {
		struct in_addr home, peer;
	} key;
	UT_hash_handle hh;
	struct timer retry;
	struct in_addr agent, care_of;
	uint16_t peer_port;
	uint32_t first_id, last_id; /* identifiers sent so far */
	uint64_t began_us, ends_us;
	unsigned sent;
	bool inform;
	uint8_t auth_type;
	const struct sa *sa;
	struct shared_sa *shared; /* what `sa` is part of, or NULL */
	size_t nai_n;
	uint8_t nai[];
};

static struct revocation *find(const struct ha *ha, struct in_addr home, struct in_addr peer)
{
	const struct in_addr key[2] = { home, peer };
	struct revocation *v;

	_Static_assert(sizeof(key) == sizeof(v->key), "two addresses and nothing else");
	HASH_FIND(hh, ha->revocations, key, sizeof(key), v);
	return v;
}

static void drop(struct ha *ha, struct revocation *v)
{
	timers_cancel(&ha->retries, &v->retry);
	HASH_DEL(ha->revocations, v);
	shared_sa_dropp(&v->shared);
	free(v);
}

void ha_revocations_free(struct ha *ha)
{
	struct revocation *v, *next;

	HASH_ITER(hh, ha->revocations, v, next)
		drop(ha, v);
}

static struct span nai_of(const struct revocation *v)
{
	return (struct span){ v->nai, v->nai_n };
}

static uint32_t next_id(struct ha *ha, const struct revocation *v, struct instant now)
{
	struct replay_entry *e = replay_entry_find(ha->replay, nai_of(v));
	uint32_t clock_s = (uint32_t)(now.ntp >> 32);

	if (e)
		return replay_stamp(e, now.ntp);
	return v->sent > 0 && clock_s == v->last_id ? clock_s + 1 : clock_s;
}

/* After a restart the keys that AAA keeps are unknown until somebody needs one. */
static void learn_key(struct ha *ha, struct instant now, struct span nai, const struct sa **sa,
		      struct shared_sa **shared, struct actions *out)
{
	struct shared_sa *known;

	if ((*sa)->key_n > 0)
		return;
	known = ha_aaa_key(ha, now, (*sa)->spi, nai, out);
	if (!known)
		return;
	shared_sa_dropp(shared);
	*shared = shared_sa_hold(known);
	*sa = &known->sa;
}

static void send_once(struct ha *ha, struct revocation *v, struct instant now, struct actions *out)
{
	const struct mip_revocation m = { .from_ha = true,
					  .inform = v->inform,
					  .home = v->key.home,
					  .home_domain = v->agent,
					  .foreign_domain = v->care_of,
					  .id = next_id(ha, v, now) };
	struct record note = {
		.level = RECORD_INFO, .event = "revocation_sent", .home = v->key.home, .peer = v->key.peer
	};
	struct wr w = actions_writer(out, MIP_MSG_MAX);
	unsigned shift = v->sent < 5 ? v->sent : 5;
	uint64_t wait_us = (RETRY_FIRST_S << shift) * US_PER_S; /* 1, 2, 4 ... 32 s */

	bool is_signed;

	learn_key(ha, now, nai_of(v), &v->sa, &v->shared, out);
	mip_revocation_build(&w, &m);
	is_signed = sa_sign(v->sa, v->auth_type, &w) == 0;
	if (is_signed) {
		actions_send_datagram(out, v->agent, MIP_PORT, v->key.peer, v->peer_port, &w);
		HA_COUNT(ha, revocations_sent);
	}
	if (v->sent == 0)
		v->first_id = m.id;
	v->last_id = m.id;
	v->sent++;
	(void)timers_set(&ha->retries, &v->retry, now.us + wait_us); /* room was made when it was added */
	actions_record(out, &note, nai_of(v), "attempt %u%s", v->sent, is_signed ? "" : ", which waits for its key");
}

static struct revocation *add(struct ha *ha, struct instant now, const struct binding *b)
{
	struct revocation *v;

	if (HASH_COUNT(ha->revocations) >= ha->conf->max_bindings || timers_reserve(&ha->retries, 1) < 0)
		return NULL;
	v = calloc(1, sizeof(*v) + b->nai.n);
	if (!v)
		return NULL;
	v->key.home = b->home;
	v->key.peer = b->peer;
	v->agent = b->agent;
	v->care_of = b->care_of;
	v->peer_port = b->peer_port;
	v->began_us = now.us;
	v->ends_us = b->expires_us;
	v->auth_type = b->auth_type;
	v->sa = b->sa;
	v->shared = shared_sa_hold(b->shared);
	memcpy(v->nai, b->nai.p, b->nai.n);
	v->nai_n = b->nai.n;
	HASH_ADD(hh, ha->revocations, key, sizeof(v->key), v);
	if (!v->hh.tbl) {
		shared_sa_dropp(&v->shared);
		free(v);
		return NULL;
	}
	return v;
}

/* L-17, X-15 */
void ha_revoke(struct ha *ha, struct instant now, const struct binding *b, bool inform, struct actions *out)
{
	struct revocation *v = find(ha, b->home, b->peer);
	bool wanted =
		ha->conf->revoke == HA_REVOKE_ALWAYS || (ha->conf->revoke == HA_REVOKE_NEGOTIATED && b->revocation);
	const struct record lost = {
		.level = RECORD_WARN, .event = "revocation_given_up", .home = b->home, .peer = b->peer
	};

	if (!wanted || b->expires_us <= now.us)
		return;
	if (v)
		drop(ha, v); /* the older one says less */
	v = add(ha, now, b);
	if (v) {
		v->inform = inform && b->inform;
		send_once(ha, v, now, out);
		return;
	}
	HA_COUNT(ha, revocations_given_up);
	actions_record(out, &lost, b->nai, "no room to remember it; the old agent finds out at its next refresh");
}

void ha_revoke_cancel(struct ha *ha, struct in_addr home, struct in_addr peer)
{
	struct revocation *v = find(ha, home, peer);

	if (v)
		drop(ha, v);
}

void ha_revoke_retry(struct ha *ha, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < RETRIES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&ha->retries, now.us);
		struct revocation *v;
		struct record note = { .level = RECORD_WARN, .event = "revocation_given_up" };

		if (!timer)
			return;
		v = container_of(timer, struct revocation, retry);
		if (now.us < v->ends_us) {
			send_once(ha, v, now, out);
			continue;
		}
		HA_COUNT(ha, revocations_given_up);
		note.home = v->key.home;
		note.peer = v->key.peer;
		actions_record(out, &note, nai_of(v), "no acknowledgment before the old lifetime ended");
		drop(ha, v);
	}
}

void ha_on_revocation_ack(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out)
{
	struct mip_revocation_ack m;
	struct revocation *v;
	struct mip_exts x;
	struct record note = { .level = RECORD_INFO, .event = "revocation_acknowledged", .peer = d->remote };

	if (mip_revocation_ack_parse(d->payload.p, d->payload.n, &m) < 0 ||
	    mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_ACK_OCTETS, NULL, &x) < 0) {
		HA_COUNT(ha, malformed);
		return;
	}
	v = find(ha, m.home, d->remote);
	if (!v || m.id - v->first_id > v->last_id - v->first_id || x.duplicate_auth ||
	    !sa_verify(v->sa, d->payload.p, v->auth_type == MIP_EXT_FA_HA_AUTH ? &x.fa_ha : &x.mn_ha)) {
		HA_COUNT(ha, revocations_ignored);
		return;
	}
	HA_COUNT(ha, revocations_acknowledged);
	note.home = m.home;
	actions_record(out, &note, nai_of(v), "after %.1f ms", (double)(now.us - v->began_us) / (double)US_PER_MS);
	drop(ha, v);
}

/* Whether @m and its sender are those of one of @b's care-of addresses. */
static bool is_of(struct binding *b, const struct mip_revocation *m, struct in_addr from, uint32_t *ret_stamp)
{
	const struct binding_copy *c = ha_copy_find(b, m->foreign_domain);
	bool main = m->foreign_domain.s_addr == b->care_of.s_addr;

	if (!c && !main)
		return false;
	*ret_stamp = c ? c->peer_stamp : b->peer_stamp;
	return (c ? c->revocation : b->revocation) && (c ? c->peer : b->peer).s_addr == from.s_addr;
}

/* The binding an agent wants to end, if it is the one that serves it and can prove it. */
static struct binding *revocable(struct ha *ha, struct instant now, const struct datagram *d,
				 const struct mip_revocation *m, struct span *ret_text, struct actions *out)
{
	struct binding *b = binding_find(ha->bindings, m->home);
	const struct mip_auth *auth;
	struct mip_exts x;
	uint32_t stamp;

	if (m->from_ha || !b || m->home_domain.s_addr != b->agent.s_addr || !is_of(b, m, d->remote, &stamp))
		return NULL;
	if (mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_OCTETS, NULL, &x) < 0 || x.duplicate_auth)
		return NULL;
	if (!serial_after(m->id, stamp)) /* older than the registration: a replay */
		return NULL;
	learn_key(ha, now, b->nai, &b->sa, &b->shared, out); /* not known yet: its agent repeats what nobody answers */
	auth = b->auth_type == MIP_EXT_FA_HA_AUTH ? &x.fa_ha : &x.mn_ha;
	if (!sa_verify(b->sa, d->payload.p, auth))
		return NULL;
	*ret_text = x.message_at != 0 && x.message_at < auth->at ? x.message : (struct span){ 0 };
	return b;
}

/* The binding ends; its agent may have said why, in words for people (RFC 4917). */
static void end_revoked(struct ha *ha, struct instant now, struct binding *b, struct in_addr care_of, struct span text,
			struct actions *out)
{
	char reason[REASON_MAX];
	size_t n = min_size(text.n, REASON_MAX / 2);
	int at = snprintf(reason, sizeof(reason), "its agent revoked it%s", n > 0 ? ": " : "");

	for (size_t i = 0; i < n; i++) /* both fit */
		reason[at++] = (char)(text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
	reason[at] = '\0';
	if (!ha_copies_leave(ha, now, b, care_of, reason, out))
		ha_binding_end(ha, now, b, "binding_revoked", reason, out);
}

static void acknowledge(const struct datagram *d, const struct mip_revocation *m, const struct sa *sa,
			uint8_t auth_type, struct actions *out)
{
	/* I: whether the station is to hear of it. What its agent ends, it does not know otherwise. */
	const struct mip_revocation_ack ack = { .inform = m->inform, .home = m->home, .id = m->id };
	struct wr w = actions_writer(out, MIP_MSG_MAX);

	mip_revocation_ack_build(&w, &ack);
	if (sa_sign(sa, auth_type, &w) == 0)
		actions_send_datagram(out, d->local, d->local_port, d->remote, d->remote_port, &w);
}

static bool has_care_of(struct binding *b, struct in_addr care_of)
{
	return b->care_of.s_addr == care_of.s_addr || ha_copy_find(b, care_of);
}

/* Our acknowledgment was lost, and the binding is gone: the agent has to hear it once more (RFC 3543 4.2.2). One that has
 * no key of its own gives up in the end. */
static bool acknowledge_again(const struct ha *ha, const struct datagram *d, const struct mip_revocation *m,
			      struct actions *out)
{
	struct binding *b = binding_find(ha->bindings, m->home);
	const struct ha_association *a;
	struct mip_exts x;

	if (m->from_ha || m->home_domain.s_addr != ha->conf->address.s_addr ||
	    (b && has_care_of(b, m->foreign_domain)) ||
	    mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_OCTETS, NULL, &x) < 0 || x.duplicate_auth ||
	    !x.fa_ha.present)
		return false;
	a = directory_node(ha->directory, d->remote, x.fa_ha.spi);
	if (!a || !sa_verify(&a->sa, d->payload.p, &x.fa_ha))
		return false;
	acknowledge(d, m, &a->sa, MIP_EXT_FA_HA_AUTH, out);
	return true;
}

void ha_on_revocation(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out)
{
	struct mip_revocation m;
	struct binding *b;
	struct span text;

	if (mip_revocation_parse(d->payload.p, d->payload.n, &m) < 0) {
		HA_COUNT(ha, malformed);
		return;
	}
	b = revocable(ha, now, d, &m, &text, out);
	if (!b) {
		if (!acknowledge_again(ha, d, &m, out))
			HA_COUNT(ha, revocations_ignored);
		return;
	}
	HA_COUNT(ha, revocations_received);
	acknowledge(d, &m, b->sa, b->auth_type, out);
	end_revoked(ha, now, b, m.foreign_domain, text, out);
}
