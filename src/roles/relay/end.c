/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions that end here, of which their authenticator has to hear (RFC 5176): by us or by order of an AAA server. */
#include <utlist.h>

#include "base/util.h"
#include "roles/relay/exchange.h"

/* As many are asked at once: fewer than the identifiers there are, which logins need more. The others wait. Each is asked
 * for four seconds, while the AAA server still waits. */
enum { ASKED_MAX = 256, ENDS_MAX = 4096, TIMEOUT_MS = 1000, TRIES = 4 };

static void put_text(struct wr *w, uint8_t type, const struct relay_text *t)
{
	if (t->n > 0)
		radius_put(w, type, relay_span(t));
}

/* What it told us of the session, and no more than the strictest authenticator takes; where a session is numbered, its
 * port says nothing new. */
static void put(const struct radius_call *call, struct wr *w)
{
	const struct relay_end *e = container_of(call, const struct relay_end, call);
	const struct relay_ids *ids = &e->ids;

	put_text(w, RADIUS_USER_NAME, &ids->user);
	if (ids->nas_address.s_addr != INADDR_ANY)
		radius_put_ip4(w, RADIUS_NAS_IP_ADDRESS, ids->nas_address);
	put_text(w, RADIUS_NAS_IDENTIFIER, &ids->nas_id);
	put_text(w, RADIUS_CALLING_STATION_ID, &ids->calling);
	put_text(w, RADIUS_ACCT_SESSION_ID, &ids->session);
	if (ids->session.n == 0) {
		if (ids->has_port)
			radius_put_u32(w, RADIUS_NAS_PORT, ids->port);
		put_text(w, RADIUS_NAS_PORT_ID, &ids->port_id);
	}
	radius_put_u32(w, RADIUS_EVENT_TIMESTAMP, e->stamp);
}

static void drop(struct relay_end *e)
{
	struct relay *r = e->relay;

	radius_drop(r->client, &e->call);
	DL_DELETE(r->ends, e);
	r->end_n--;
	r->asked_n -= e->asked;
	free(e->nai.p);
	free(e);
}

void end_free_all(struct relay *r)
{
	while (r->ends)
		drop(r->ends);
}

static struct span nai_of(const struct relay_end *e)
{
	return (struct span){ e->nai.p, e->nai.n };
}

static int ask(struct relay_end *e, struct instant now, struct actions *out)
{
	const struct relay_nas *nas = e->ids.nas;
	const struct radius_peer peer = {
		.address = e->ids.source,
		.port = nas->das_port,
		.secret = secret_of(&nas->secret),
		.timeout_ms = TIMEOUT_MS,
		.tries = TRIES,
		.unproven = nas->unproven,
		.name = nas->name,
	};
	int error;

	e->stamp = (uint32_t)unix_s(now);
	error = radius_ask_peer(e->relay->client, now, &e->call, &peer, out);
	if (error < 0)
		return error;
	e->asked = true;
	e->relay->asked_n++;
	return 0;
}

/* @cause: 0, or why the session may go on at its authenticator. */
static void conclude(struct relay_end *e, struct instant now, uint32_t cause, const char *why, struct actions *out)
{
	const struct record note = { .level = RECORD_WARN, .event = "session_not_ended", .peer = e->ids.source };
	struct relay *r = e->relay;
	struct relay_order *order = e->order;

	if (cause == 0) {
		RELAY_COUNT(r, ends_done);
	} else {
		RELAY_COUNT(r, ends_failed);
		actions_record(out, &note, nai_of(e), "%s %s (Error-Cause %u); there, the session may go on",
			       e->ids.nas->name, why, cause);
	}
	drop(e);
	if (order)
		das_finish(r, now, order, cause, out);
}

static struct relay_end *first_waiting(const struct relay *r)
{
	struct relay_end *e = r->end_n > r->asked_n ? r->ends : NULL;

	while (e && e->asked)
		e = e->next;
	return e;
}

void end_ask_waiting(struct relay *r, struct instant now, struct actions *out)
{
	struct relay_end *e;

	while (r->asked_n < ASKED_MAX && (e = first_waiting(r)) != NULL) {
		int error = ask(e, now, out);

		if (error == -EBUSY)
			return; /* when an identifier is free again */
		if (error < 0)
			conclude(e, now, RADIUS_NO_RESOURCES, "cannot be asked", out);
	}
}

static void finish(struct relay_end *e, struct instant now, uint32_t cause, const char *why, struct actions *out)
{
	struct relay *r = e->relay;

	conclude(e, now, cause, why, out);
	end_ask_waiting(r, now, out);
}

/* It is over, and nothing else was wanted, when the authenticator does not know it. */
static void on_reply(void *ctx, struct instant now, struct radius_call *call, const struct radius *p,
		     struct actions *out)
{
	struct relay_end *e = container_of(call, struct relay_end, call);
	uint32_t cause = 0;

	(void)ctx;
	if (p->code == RADIUS_DISCONNECT_NAK && !radius_find_u32(p, RADIUS_ERROR_CAUSE, &cause))
		cause = RADIUS_INVALID_REQUEST; /* it does not say; an ACK would be worse */
	finish(e, now, cause == RADIUS_NO_SESSION ? 0 : cause, "refuses to end it", out);
}

static void on_silence(void *ctx, struct instant now, struct radius_call *call, struct actions *out)
{
	(void)ctx;
	finish(container_of(call, struct relay_end, call), now, RADIUS_NOT_ROUTABLE, "does not answer", out);
}

struct radius_caller end_caller(struct relay *r)
{
	return (struct radius_caller){ .put = put, .on_reply = on_reply, .on_silence = on_silence, .ctx = r };
}

static int add(struct relay *r, const struct relay_ids *ids, struct span nai, struct relay_end **ret)
{
	auto_(freep) struct relay_end *e = NULL;

	if (r->end_n >= ENDS_MAX)
		return -ENOSPC;
	e = calloc(1, sizeof(*e));
	if (!e || octets_copy(&e->nai, nai) < 0)
		return -ENOMEM;
	e->relay = r;
	e->ids = *ids;
	e->call = (struct radius_call){ .caller = &r->end_caller, .code = RADIUS_DISCONNECT_REQUEST };
	DL_APPEND(r->ends, e);
	r->end_n++;
	*ret = TAKE_PTR(e);
	return 0;
}

int relay_end(struct relay *r, struct instant now, const struct relay_ids *ids, struct span nai,
	      struct relay_order *order, struct actions *out)
{
	struct relay_end *e;
	int error;

	if (ids->nas->das_port == 0)
		return -ENOENT;
	error = add(r, ids, nai, &e);
	if (error < 0) {
		RELAY_COUNT(r, ends_full);
		return error;
	}
	RELAY_COUNT(r, ends_asked);
	e->order = order;
	if (order)
		order->end = e;
	end_ask_waiting(r, now, out);
	return 0;
}

bool end_adopt(struct relay *r, const struct relay_wanted *w)
{
	struct relay_end *e;

	DL_FOREACH(r->ends, e) {
		if (!e->order || !relay_wanted_fits(w, &e->ids) || !relay_same_nas(&w->ids, &e->ids) ||
		    (w->user.n > 0 && !spans_equal(w->user, nai_of(e)) &&
		     !spans_equal(w->user, relay_span(&e->ids.user))))
			continue;
		das_forget(r, e->order);
		e->order = w->order;
		w->order->end = e;
		return true;
	}
	return false;
}

void end_forget(struct relay *r, struct instant now, struct in_addr source, struct span nai, struct actions *out)
{
	struct relay_end *e, *next;

	DL_FOREACH_SAFE(r->ends, e, next)
		if (e->ids.source.s_addr == source.s_addr && spans_equal(nai_of(e), nai))
			conclude(e, now, 0, "", out);
	end_ask_waiting(r, now, out);
}
