/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AAA servers that want a session ended (RFC 5176). What is not proven to be theirs, or is old, is dropped without a
 * word; everything else is answered, once its authenticator has answered too. A request that comes again, however late,
 * gets the answer it got and ends nothing: its answer is kept until its Event-Timestamp is too old. */
#include "base/util.h"
#include "roles/relay/exchange.h"

enum {
	WINDOW_S = 300, /* RFC 5176 6.3 */
	KEEP_S = 10,    /* where there is no Event-Timestamp, the same request later may well be meant */
	ORDERS_MAX = 1024,
	TIMES_PER_CALL = 64,
};

static void note(struct relay *r, struct instant now, const struct datagram *d, const char *why, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = "radius_ignored", .peer = d->remote
	};

	if (ratelimit_allow(&r->notes, now.us))
		actions_record(out, &note, (struct span){ NULL, 0 }, "Disconnect- or CoA-Request: %s", why);
}

static bool is_proven(const struct radius_server *s, const struct radius *p)
{
	if (!radius_check_request(p, secret_of(&s->secret)))
		return false;
	switch (radius_check_message(p, secret_of(&s->secret), NULL)) {
	case RADIUS_PROOF_RIGHT:
		return true;
	case RADIUS_PROOF_WRONG:
		return false;
	case RADIUS_PROOF_ABSENT:
		return s->unproven;
	}
	return false;
}

/* The server it is of. Several may be at one address. */
static const struct radius_server *sender(struct relay *r, struct instant now, const struct datagram *d,
					  const struct radius *p, struct actions *out)
{
	bool known = false;

	for (size_t i = 0; i < r->conf->server_n; i++) {
		const struct radius_server *s = &r->conf->servers[i];

		if (s->address.s_addr != d->remote.s_addr)
			continue;
		if (is_proven(s, p))
			return s;
		known = true;
	}
	if (known) {
		RELAY_COUNT(r, das_unproven);
		note(r, now, d, "its Message-Authenticator is absent, or it is made with another secret", out);
	} else {
		RELAY_COUNT(r, das_unknown_server);
		note(r, now, d, "no aaa section has this address", out);
	}
	return NULL;
}

/* RFC 5176 6.3. @ret_forget_us: when a repetition of it would be old. */
static bool is_current(struct instant now, const struct radius *p, uint64_t *ret_forget_us)
{
	struct radius_at at;
	uint32_t stamp;
	int64_t age_s;

	*ret_forget_us = now.us + KEEP_S * US_PER_S;
	if (!radius_find(p, RADIUS_EVENT_TIMESTAMP, &at))
		return true;
	if (!radius_find_u32(p, RADIUS_EVENT_TIMESTAMP, &stamp))
		return false;
	age_s = unix_s(now) - (int64_t)stamp;
	if (age_s > WINDOW_S || age_s < -WINDOW_S)
		return false;
	*ret_forget_us = now.us + (uint64_t)(WINDOW_S + 1 - age_s) * US_PER_S;
	return true;
}

void das_forget(struct relay *r, struct relay_order *o)
{
	timers_cancel(&r->order_timers, &o->timer);
	HASH_DELETE(by_key, r->orders, o);
	free(o->request.octets.p);
	free(o->answer.p);
	free(o);
}

void das_free(struct relay *r)
{
	struct relay_order *o, *next;

	HASH_ITER(by_key, r->orders, o, next)
		das_forget(r, o);
	timers_done(&r->order_timers);
}

static struct relay_order *add(struct relay *r, const struct order_key *key, const struct radius *p)
{
	size_t all = HASH_CNT(by_key, r->orders);
	struct relay_order *o;

	if (all >= ORDERS_MAX) { /* the first to be forgotten of those that are answered */
		struct timer *oldest = timers_pop(&r->order_timers, NEVER - 1);

		if (!oldest)
			return NULL;
		das_forget(r, container_of(oldest, struct relay_order, timer));
	}
	o = calloc(1, sizeof(*o));
	if (!o || timers_reserve(&r->order_timers, all + 1) < 0 || packet_keep(&o->request, p) < 0) {
		free(o);
		return NULL;
	}
	o->key = *key;
	o->code = p->code;
	o->id = p->id;
	HASH_ADD(by_key, r->orders, key, sizeof(o->key), o);
	if (o->by_key.tbl)
		return o;
	free(o->request.octets.p);
	free(o);
	return NULL;
}

static void send_answer(const struct relay *r, const struct relay_order *o, struct actions *out)
{
	struct wr w = actions_writer(out, o->answer.n);

	wr_bytes(&w, o->answer.p, o->answer.n);
	actions_send_datagram(out, o->local, r->conf->das_port, o->key.address, o->port, &w);
}

static void answer(struct relay *r, struct relay_order *o, uint32_t cause, struct actions *out)
{
	bool disconnects = o->code == RADIUS_DISCONNECT_REQUEST;
	uint8_t packet[RADIUS_PACKET_MAX];
	struct wr w = wr_init(packet, sizeof(packet));

	if (cause == 0)
		RELAY_COUNT(r, das_acks);
	else
		RELAY_COUNT(r, das_naks);
	if (disconnects)
		radius_begin(&w, cause == 0 ? RADIUS_DISCONNECT_ACK : RADIUS_DISCONNECT_NAK, o->id);
	else
		radius_begin(&w, RADIUS_COA_NAK, o->id);
	radius_put_proof(&w);
	if (cause != 0)
		radius_put_u32(&w, RADIUS_ERROR_CAUSE, cause);
	put_proxy_states(&w, &o->request.parsed);
	if (radius_sign_response(&w, secret_of(&o->server->secret), o->key.authenticator) < 0 ||
	    octets_copy(&o->answer, (struct span){ packet, wr_len(&w) }) < 0) {
		das_forget(r, o); /* too large, or without memory: it asks again, and the session is over then */
		return;
	}
	send_answer(r, o, out);
	free(o->request.octets.p);
	o->request = (struct kept_packet){ 0 };
	(void)timers_set(&r->order_timers, &o->timer, o->forget_us); /* room was made with the order */
}

void das_finish(struct relay *r, struct instant now, struct relay_order *o, uint32_t cause, struct actions *out)
{
	uint64_t at_least_us = now.us + KEEP_S * US_PER_S;

	o->end = NULL;
	if (o->forget_us < at_least_us)
		o->forget_us = at_least_us;
	answer(r, o, cause, out);
}

/* RFC 5176 3: all that is in a request is mandatory. @ret_identifies: the session, not just its authenticator. */
static uint32_t check_attribute(const struct radius_at *at, bool *ret_identifies)
{
	switch (at->type) {
	case RADIUS_NAS_PORT:
	case RADIUS_FRAMED_IP_ADDRESS:
		*ret_identifies = true;
		return at->value.n == sizeof(uint32_t) ? 0 : RADIUS_INVALID_VALUE;
	case RADIUS_NAS_IP_ADDRESS:
		return at->value.n == sizeof(uint32_t) ? 0 : RADIUS_INVALID_VALUE;
	case RADIUS_USER_NAME:
		*ret_identifies = true;
		return at->value.n > 0 ? 0 : RADIUS_INVALID_VALUE;
	case RADIUS_CALLED_STATION_ID:
	case RADIUS_CALLING_STATION_ID:
	case RADIUS_ACCT_SESSION_ID:
	case RADIUS_NAS_PORT_ID:
		*ret_identifies = true;
		__attribute__((fallthrough));
	case RADIUS_NAS_IDENTIFIER:
		if (at->value.n == 0)
			return RADIUS_INVALID_VALUE;
		return at->value.n <= RELAY_TEXT_MAX ? 0 : RADIUS_NO_SESSION; /* no longer ones were ever kept */
	case RADIUS_CLASS:
	case RADIUS_PROXY_STATE:
	case RADIUS_ACCT_TERMINATE_CAUSE:
	case RADIUS_EVENT_TIMESTAMP:
	case RADIUS_MESSAGE_AUTHENTICATOR:
		return 0;
	default: /* types of a peer */
		return RADIUS_UNSUPPORTED_ATTRIBUTE;
	}
}

static bool may_repeat(uint8_t type)
{
	return type == RADIUS_PROXY_STATE || type == RADIUS_CLASS;
}

static uint32_t check(const struct radius *p)
{
	bool seen[UINT8_MAX + 1] = { false }, identifies = false;
	struct radius_at at = { 0 };
	uint32_t cause = 0;

	if (p->code == RADIUS_COA_REQUEST)
		return radius_find(p, RADIUS_SERVICE_TYPE, &at) ? RADIUS_UNSUPPORTED_SERVICE :
								  RADIUS_UNSUPPORTED_EXTENSION;
	while (cause == 0 && radius_next(p, &at)) {
		cause = check_attribute(&at, &identifies);
		if (cause == 0 && seen[at.type] && !may_repeat(at.type))
			cause = RADIUS_INVALID_REQUEST;
		seen[at.type] = true;
	}
	return cause == 0 && !identifies ? RADIUS_MISSING_ATTRIBUTE : cause;
}

static uint32_t carry_out(struct relay *r, struct instant now, struct relay_order *o, const struct radius *p,
			  struct actions *out)
{
	struct relay_wanted w = { .order = o };
	uint32_t cause = check(p);
	struct radius_at at;

	if (cause != 0)
		return cause;
	w.ids = ids_read(NULL, (struct in_addr){ INADDR_ANY }, p);
	if (radius_find(p, RADIUS_USER_NAME, &at))
		w.user = at.value;
	(void)radius_find_ip4(p, RADIUS_FRAMED_IP_ADDRESS, &w.home); /* absent: 0.0.0.0, as it is */
	cause = r->listener.on_wanted(r->listener.ctx, now, &w, out);
	/* It ended the session before, and asks anew, with another Event-Timestamp. */
	return cause == RADIUS_NO_SESSION && end_adopt(r, &w) ? 0 : cause;
}

void das_on_request(struct relay *r, struct instant now, const struct datagram *d, struct actions *out)
{
	struct order_key key = { .address = d->remote };
	const struct radius_server *server;
	struct relay_order *o;
	uint64_t forget_us;
	struct radius p;
	uint32_t cause;

	RELAY_COUNT(r, das_requests);
	if (radius_parse(d->payload.p, d->payload.n, &p) < 0 ||
	    (p.code != RADIUS_DISCONNECT_REQUEST && p.code != RADIUS_COA_REQUEST)) {
		RELAY_COUNT(r, das_malformed);
		return;
	}
	server = sender(r, now, d, &p, out);
	if (!server)
		return;
	memcpy(key.authenticator, p.authenticator, sizeof(key.authenticator));
	HASH_FIND(by_key, r->orders, &key, sizeof(key), o);
	if (o) {
		RELAY_COUNT(r, das_duplicates);
		if (o->answer.p)
			send_answer(r, o, out);
		return;
	}
	if (!is_current(now, &p, &forget_us)) {
		RELAY_COUNT(r, das_stale);
		note(r, now, d, "its Event-Timestamp is not of now", out);
		return;
	}
	o = add(r, &key, &p);
	if (!o)
		return; /* it asks again */
	o->server = server;
	o->local = d->local;
	o->port = d->remote_port;
	o->forget_us = forget_us;
	cause = carry_out(r, now, o, &p, out);
	if (!o->end)
		answer(r, o, cause, out);
}

void das_on_time(struct relay *r, struct instant now)
{
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&r->order_timers, now.us);

		if (!timer)
			return;
		das_forget(r, container_of(timer, struct relay_order, timer));
	}
}
