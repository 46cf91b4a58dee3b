/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of the AAA servers: what they are asked, and what their replies mean. */
#include "base/util.h"
#include "roles/relay/exchange.h"

static void put(const struct radius_call *call, struct wr *w)
{
	const struct exchange *x = container_of(call, const struct exchange, call);
	const struct radius_hop from = { secret_of(&x->nas->secret), x->authenticator };
	const struct radius_hop to = { call->to.secret, x->authenticator };
	struct radius_at at = { 0 };

	while (radius_next(&x->request.parsed, &at))
		if (at.type != RADIUS_MESSAGE_AUTHENTICATOR)
			rewrite_attribute(w, &at, &from, &to);
}

/* FNV-1a. Its values are the servers' own, who have no reason to make them collide. */
static uint64_t hash_of(struct span s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* The place of @p's State, or NULL. */
static struct ongoing *ongoing_of(struct relay *r, const struct radius *p, uint64_t *ret_state)
{
	struct radius_at at;

	if (!radius_find(p, RADIUS_STATE, &at))
		return NULL;
	*ret_state = hash_of(at.value);
	return &r->ongoing[*ret_state % ONGOING_COUNT];
}

static void remember(struct relay *r, const struct exchange *x, const struct radius *challenge)
{
	uint64_t state;
	struct ongoing *o = ongoing_of(r, challenge, &state);

	if (o)
		*o = (struct ongoing){
			.state = state, .server = x->call.server + 1, .began_us = x->began_us, .rounds = x->rounds
		};
}

/* RFC 2865 5.24: a State goes back to whom it came from. */
static void go_on(struct relay *r, struct instant now, struct exchange *x)
{
	struct ongoing *o;
	uint64_t state;

	x->began_us = now.us;
	x->rounds = 1;
	o = ongoing_of(r, &x->request.parsed, &state);
	if (!o || o->state != state || o->server == 0)
		return;
	x->call.prefer = o->server;
	x->began_us = o->began_us;
	x->rounds = o->rounds + 1;
}

void server_ask(struct relay *r, struct instant now, struct exchange *x, struct actions *out)
{
	int error;

	x->state = EXCHANGE_ASKED;
	/* It stays: passwords and challenges of the user are made with it. */
	memcpy(x->call.authenticator, x->authenticator, sizeof(x->call.authenticator));
	go_on(r, now, x);
	error = radius_ask(r->client, now, &x->call, out);
	if (error == -ENOENT && is_accounting(x)) /* nobody wants to know it but us */
		nas_answer(r, now, x, RADIUS_ACCOUNTING_RESPONSE, NULL, (struct in_addr){ INADDR_ANY }, NULL, out);
	else if (error < 0)
		exchange_free(r, x); /* its authenticator asks again */
}

static void on_silence(void *ctx, struct instant now, struct radius_call *call, struct actions *out)
{
	(void)now;
	(void)out;
	exchange_free(ctx, container_of(call, struct exchange, call)); /* its authenticator asks again, or gives up */
}

static uint32_t wimax_u32(const struct radius *p, uint8_t type)
{
	uint8_t v[sizeof(uint32_t)] = { 0 };
	struct rd rd = rd_init(v, sizeof(v));

	return radius_find_wimax(p, type, v, sizeof(v)) == (int)sizeof(v) ? rd_u32(&rd) : 0;
}

static void read_key(const struct exchange *x, const struct radius *p, struct relay_login *l)
{
	uint8_t salted[RADIUS_VALUE_MAX], plain[RADIUS_VALUE_MAX];
	int n = radius_find_wimax(p, RADIUS_WIMAX_MN_HHA_KEY, salted, sizeof(salted));

	if (n <= 0)
		return;
	n = radius_unsalt((struct span){ salted, (size_t)n }, x->call.to.secret, x->call.authenticator, plain);
	if (n > 0 && n <= RELAY_KEY_MAX) {
		memcpy(l->key, plain, (size_t)n);
		l->key_n = (size_t)n;
		l->spi = wimax_u32(p, RADIUS_WIMAX_MN_HHA_SPI);
	}
	explicit_bzero(plain, sizeof(plain));
}

/* A-21, L-54, L-63: identifier and profile of who was let in. */
static void read_login(const struct exchange *x, const struct radius *p, struct relay_login *l)
{
	const struct radius *request = &x->request.parsed;
	struct radius_at at, eap;

	*l = (struct relay_login){ .id = x->number,
				   .ids = ids_read(x->nas, x->key.address, request),
				   .began_us = x->began_us,
				   .rounds = x->rounds };
	if (radius_find(p, RADIUS_USER_NAME, &at) ||
	    (!radius_find(request, RADIUS_EAP_MESSAGE, &eap) && radius_find(request, RADIUS_USER_NAME, &at)))
		l->user = at.value;
	(void)radius_find_u32(p, RADIUS_SESSION_TIMEOUT, &l->session_s); /* absent: 0, as it is */
	(void)radius_find_ip4(p, RADIUS_FRAMED_IP_ADDRESS, &l->home);
	if (ntohl(l->home.s_addr) >= UINT32_C(0xfffffffe)) /* whoever, not we, shall choose one (RFC 2865 5.8) */
		l->home.s_addr = INADDR_ANY;
	l->home_agent.s_addr = htonl(wimax_u32(p, RADIUS_WIMAX_HHA_IP));
	l->encapsulation = rewrite_encapsulation(p);
	read_key(x, p, l);
}

static void accepted(struct relay *r, struct instant now, struct exchange *x, const struct radius *p,
		     struct actions *out)
{
	struct in_addr home = { INADDR_ANY };
	struct relay_login l;
	const char *why = "";

	RELAY_COUNT(r, accepts);
	read_login(x, p, &l);
	end_forget(r, now, l.ids.source, l.user, out);
	switch (r->listener.on_login(r->listener.ctx, now, &l, &home, &why, out)) {
	case RELAY_PASS:
		nas_answer(r, now, x, RADIUS_ACCESS_ACCEPT, p, home, NULL, out);
		break;
	case RELAY_HOLD:
		RELAY_COUNT(r, held);
		x->state = EXCHANGE_HELD;
		if (packet_keep(&x->reply, p) < 0)
			exchange_free(r, x);
		else
			exchange_wait(r, x, now.us + r->conf->hold_ms * US_PER_MS);
		break;
	case RELAY_REFUSE:
		RELAY_COUNT(r, refused);
		nas_answer(r, now, x, RADIUS_ACCESS_REJECT, NULL, home, why, out);
		break;
	}
	explicit_bzero(l.key, sizeof(l.key));
}

static void rejected(struct relay *r, struct instant now, const struct exchange *x, struct actions *out)
{
	const struct relay_ids ids = ids_read(x->nas, x->key.address, &x->request.parsed);

	RELAY_COUNT(r, rejects);
	r->listener.on_refused(r->listener.ctx, now, &ids, out);
}

static void on_reply(void *ctx, struct instant now, struct radius_call *call, const struct radius *p,
		     struct actions *out)
{
	struct exchange *x = container_of(call, struct exchange, call);
	struct relay *r = ctx;

	if (p->code == RADIUS_ACCESS_ACCEPT) {
		accepted(r, now, x, p, out);
		return;
	}
	if (p->code == RADIUS_ACCESS_CHALLENGE)
		remember(r, x, p);
	if (p->code == RADIUS_ACCESS_REJECT)
		rejected(r, now, x, out);
	nas_answer(r, now, x, p->code, p, (struct in_addr){ INADDR_ANY }, NULL, out);
}

struct radius_caller server_caller(struct relay *r)
{
	return (struct radius_caller){ .put = put, .on_reply = on_reply, .on_silence = on_silence, .ctx = r };
}
