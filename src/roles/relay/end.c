/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions that end here, of which their authenticator has to hear (RFC 5176): by us or by order of an AAA server. */
#include <utlist.h>

#include "base/util.h"
#include "roles/relay/exchange.h"

/* Fewer than the identifiers there are: logins need them more. Four seconds, while the AAA server still waits. */
enum { ENDS_MAX = 256, TIMEOUT_MS = 1000, TRIES = 4 };

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
	free(e->nai.p);
	free(e);
}

void end_free_all(struct relay *r)
{
	while (r->ends)
		drop(r->ends);
}

static void finish(struct relay_end *e, struct instant now, uint32_t cause, const char *why, struct actions *out)
{
	const struct record note = { .level = RECORD_WARN, .event = "session_not_ended", .peer = e->ids.source };
	struct relay *r = e->relay;
	struct relay_order *order = e->order;

	if (cause == 0) {
		RELAY_COUNT(r, ends_done);
	} else {
		RELAY_COUNT(r, ends_failed);
		actions_record(out, &note, (struct span){ e->nai.p, e->nai.n },
			       "%s %s (Error-Cause %u); there, the session may go on", e->ids.nas->name, why, cause);
	}
	drop(e);
	if (order)
		das_finish(r, now, order, cause, out);
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
	const struct radius_peer peer = {
		.address = ids->source,
		.port = ids->nas->das_port,
		.secret = secret_of(&ids->nas->secret),
		.timeout_ms = TIMEOUT_MS,
		.tries = TRIES,
		.unproven = ids->nas->unproven,
		.name = ids->nas->name,
	};
	struct relay_end *e;
	int error;

	if (peer.port == 0)
		return -ENOENT;
	error = add(r, ids, nai, &e);
	if (error == 0) {
		e->stamp = (uint32_t)unix_s(now);
		error = radius_ask_peer(r->client, now, &e->call, &peer, out);
		if (error < 0)
			drop(e);
	}
	if (error < 0) {
		RELAY_COUNT(r, ends_full);
		return error;
	}
	RELAY_COUNT(r, ends_asked);
	e->order = order;
	if (order)
		order->end = e;
	return 0;
}

void end_forget(struct relay *r, struct instant now, struct in_addr source, struct span nai, struct actions *out)
{
	struct relay_end *e, *next;

	DL_FOREACH_SAFE(r->ends, e, next)
		if (e->ids.source.s_addr == source.s_addr && e->nai.n == nai.n && memcmp(e->nai.p, nai.p, nai.n) == 0)
			finish(e, now, 0, "", out);
}
