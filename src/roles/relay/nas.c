/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of the authenticators: their requests, and what they are answered. */
#include <stdio.h>

#include "base/util.h"
#include "roles/relay/exchange.h"

/* Answers are kept as long as a request may be repeated by a patient authenticator. */
enum { KEEP_US = 10 * US_PER_S, EAP_MAX = 4096, EAP_FAILURE = 4, EAP_HEAD = 4, REPLY_TEXT_MAX = 200 };

static const struct relay_nas *nas_at(const struct relay_conf *c, struct in_addr a)
{
	const struct relay_nas *best = NULL;

	for (size_t i = 0; i < c->nas_n; i++)
		if (prefix_contains(&c->nases[i].address, a) && (!best || c->nases[i].address.len > best->address.len))
			best = &c->nases[i];
	return best;
}

/* NULL: it is the authenticator's. */
static const char *fault_of(const struct relay_nas *nas, const struct radius *p)
{
	static const char wrong[] = "is signed with another secret";
	struct radius_at eap;

	if (p->code == RADIUS_ACCOUNTING_REQUEST && !radius_check_request(p, secret_of(&nas->secret)))
		return wrong;
	switch (radius_check_message(p, secret_of(&nas->secret), NULL)) {
	case RADIUS_PROOF_RIGHT:
		return NULL;
	case RADIUS_PROOF_WRONG:
		return wrong;
	case RADIUS_PROOF_ABSENT: /* an accounting request proved itself above; RFC 3579 3.1: with EAP it is a must */
		if (p->code == RADIUS_ACCOUNTING_REQUEST ||
		    (nas->unproven && !radius_find(p, RADIUS_EAP_MESSAGE, &eap)))
			return NULL;
		break;
	}
	return "has no Message-Authenticator";
}

static bool is_expected(const struct relay *r, const struct datagram *d, uint8_t code)
{
	return (d->local_port == r->conf->auth_port && code == RADIUS_ACCESS_REQUEST) ||
	       (d->local_port == r->conf->acct_port && code == RADIUS_ACCOUNTING_REQUEST);
}

static void note_ignored(struct relay *r, struct instant now, const struct datagram *d, const struct relay_nas *nas,
			 const char *fault, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = "radius_ignored", .peer = d->remote
	};

	if (!ratelimit_allow(&r->notes, now.us))
		return;
	if (nas)
		actions_record(out, &note, (struct span){ NULL, 0 }, "a request of %s %s", nas->name, fault);
	else
		actions_record(out, &note, (struct span){ NULL, 0 }, "no nas section has this address");
}

static struct nas_key key_of(const struct datagram *d, uint8_t id)
{
	return (struct nas_key){ .address = d->remote, .port = d->remote_port, .local_port = d->local_port, .id = id };
}

static void send_answer(const struct exchange *x, struct actions *out)
{
	struct wr w = actions_writer(out, x->answer.n);

	wr_bytes(&w, x->answer.p, x->answer.n);
	actions_send_datagram(out, x->local, x->key.local_port, x->key.address, x->key.port, &w);
}

/* An answer that is kept gives way, the oldest first: most likely it was heard. */
static bool make_room(struct relay *r)
{
	struct exchange *x, *next;

	if (HASH_CNT(by_number, r->by_number) < r->conf->max_exchanges)
		return true;
	HASH_ITER(by_number, r->by_number, x, next)
		if (x->state == EXCHANGE_ANSWERED) {
			exchange_free(r, x);
			return true;
		}
	RELAY_COUNT(r, table_full);
	return false;
}

static struct exchange *add(struct relay *r, const struct nas_key *key, const struct radius *p)
{
	struct exchange *x;
	size_t all;

	if (!make_room(r))
		return NULL;
	all = HASH_CNT(by_number, r->by_number);
	x = calloc(1, sizeof(*x));
	if (!x || timers_reserve(&r->timers, all + 1) < 0 || packet_keep(&x->request, p) < 0) {
		free(x);
		return NULL;
	}
	x->key = *key;
	if (++r->last_number == 0) /* means none, where a login is held */
		r->last_number = 1;
	x->number = r->last_number;
	x->code = p->code;
	x->call = (struct radius_call){ .caller = &r->caller, .code = p->code };
	memcpy(x->authenticator, p->authenticator, sizeof(x->authenticator));
	HASH_ADD(by_nas, r->by_nas, key, sizeof(x->key), x);
	if (x->by_nas.tbl)
		HASH_ADD(by_number, r->by_number, number, sizeof(x->number), x);
	if (x->by_nas.tbl && x->by_number.tbl)
		return x;
	if (x->by_nas.tbl)
		HASH_DELETE(by_nas, r->by_nas, x);
	free(x->request.octets.p);
	free(x);
	return NULL;
}

/* RFC 2866 5.1: who leaves is told at once, whatever becomes of the record. */
static void note_accounting(struct relay *r, struct instant now, const struct relay_nas *nas, struct in_addr source,
			    const struct radius *p, struct actions *out)
{
	struct relay_accounting a = { .ids = ids_read(nas, source, p) };
	struct radius_at at;
	uint32_t status;

	RELAY_COUNT(r, accounting);
	if (!radius_find_u32(p, RADIUS_ACCT_STATUS_TYPE, &status))
		return;
	if (radius_find(p, RADIUS_USER_NAME, &at))
		a.user = at.value;
	(void)radius_find_u32(p, RADIUS_ACCT_TERMINATE_CAUSE, &a.cause); /* absent: 0, as it is */
	if (status == RADIUS_ACCT_ON || status == RADIUS_ACCT_OFF) {
		uint32_t ago_s = 0;

		(void)radius_find_u32(p, RADIUS_ACCT_DELAY_TIME, &ago_s); /* absent: now */
		r->listener.on_restart(r->listener.ctx, now, &a.ids, ago_s, out);
	} else if (status == RADIUS_ACCT_STOP) {
		r->listener.on_logout(r->listener.ctx, now, &a, out);
	} else if (status == RADIUS_ACCT_START || status == RADIUS_ACCT_INTERIM) {
		r->listener.on_session(r->listener.ctx, &a);
	}
}

static void begin(struct relay *r, struct instant now, const struct datagram *d, const struct radius *p,
		  const struct relay_nas *nas, struct actions *out)
{
	const struct nas_key key = key_of(d, p->id);
	struct exchange *x;

	HASH_FIND(by_nas, r->by_nas, &key, sizeof(key), x);
	if (x && memcmp(x->authenticator, p->authenticator, sizeof(x->authenticator)) == 0) {
		RELAY_COUNT(r, duplicates);
		if (x->state == EXCHANGE_ANSWERED)
			send_answer(x, out);
		return;
	}
	if (x) /* its identifier is used again: whoever asked before has given up */
		exchange_free(r, x);
	x = add(r, &key, p);
	if (!x)
		return;
	x->nas = nas;
	x->local = d->local;
	if (is_accounting(x))
		note_accounting(r, now, nas, d->remote, p, out);
	server_ask(r, now, x, out);
}

void nas_on_request(struct relay *r, struct instant now, const struct datagram *d, struct actions *out)
{
	const struct relay_nas *nas = nas_at(r->conf, d->remote);
	const char *fault;
	struct radius p;

	RELAY_COUNT(r, requests);
	if (!nas) {
		RELAY_COUNT(r, unknown_nas);
		note_ignored(r, now, d, NULL, NULL, out);
		return;
	}
	if (radius_parse(d->payload.p, d->payload.n, &p) < 0 || !is_expected(r, d, p.code)) {
		RELAY_COUNT(r, malformed);
		return;
	}
	fault = fault_of(nas, &p);
	if (fault) {
		RELAY_COUNT(r, unproven);
		note_ignored(r, now, d, nas, fault, out);
		return;
	}
	begin(r, now, d, &p, nas, out);
}

/* What a refusal of ours says: EAP-Failure to the peer, or else a reason to people (RFC 3579 2.6.5: not both), and what
 * proxies on the way want back. */
static void put_refusal(struct wr *w, const struct radius *request, const char *why)
{
	uint8_t eap[EAP_MAX];
	int n = radius_eap(request, eap, sizeof(eap));

	if (n >= EAP_HEAD) {
		const uint8_t failure[EAP_HEAD] = { EAP_FAILURE, eap[1], 0, EAP_HEAD };

		radius_put_eap(w, (struct span){ failure, sizeof(failure) });
	} else if (why) {
		radius_put(w, RADIUS_REPLY_MESSAGE,
			   (struct span){ (const uint8_t *)why, strnlen(why, REPLY_TEXT_MAX) });
	}
	put_proxy_states(w, request);
}

static void put_attributes(struct wr *w, const struct exchange *x, const struct radius *reply, struct in_addr home)
{
	const struct radius_hop from = { x->call.to.secret, x->call.authenticator };
	const struct radius_hop to = { secret_of(&x->nas->secret), x->authenticator };
	bool rewrites = home.s_addr != INADDR_ANY && x->nas->gives_address;
	struct radius_at at = { 0 };

	if (rewrites)
		radius_put_ip4(w, RADIUS_FRAMED_IP_ADDRESS, home); /* L-41, L-42 */
	while (radius_next(reply, &at)) {
		if (at.type == RADIUS_MESSAGE_AUTHENTICATOR || (rewrites && at.type == RADIUS_FRAMED_IP_ADDRESS))
			continue;
		rewrite_attribute(w, &at, &from, &to);
	}
}

void nas_answer(struct relay *r, struct instant now, struct exchange *x, uint8_t code, const struct radius *reply,
		struct in_addr home, const char *why, struct actions *out)
{
	uint8_t packet[RADIUS_PACKET_MAX];
	struct wr w = wr_init(packet, sizeof(packet));

	radius_begin(&w, code, (uint8_t)x->key.id);
	if (!is_accounting(x))
		radius_put_proof(&w);
	if (reply)
		put_attributes(&w, x, reply, home);
	else
		put_refusal(&w, &x->request.parsed, why);
	if (radius_sign_response(&w, secret_of(&x->nas->secret), x->authenticator) < 0 ||
	    octets_copy(&x->answer, (struct span){ packet, wr_len(&w) }) < 0) {
		exchange_free(r, x); /* too large, or without memory: its authenticator asks again */
		return;
	}
	x->state = EXCHANGE_ANSWERED;
	exchange_wait(r, x, now.us + KEEP_US);
	send_answer(x, out);
}
