/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of the AAA servers: asking, repeating, going to the next one, and their replies. */
#include "base/util.h"
#include "roles/relay/exchange.h"

enum { IDS = 256 };

void server_leave(struct exchange *x)
{
	if (x->client)
		x->client->by_id[x->client_id] = NULL;
	x->client = NULL;
}

static bool take_id(struct relay *r, struct exchange *x)
{
	for (size_t i = 0; i < r->client_n * IDS; i++) {
		struct client *c = &r->clients[(r->client_at + i / IDS) % r->client_n];
		uint8_t id = c->next++;

		if (c->by_id[id])
			continue;
		c->by_id[id] = x;
		x->client = c;
		x->client_id = id;
		r->client_at++;
		return true;
	}
	return false;
}

/* The first from @from on that is not known to be silent; if all are, the next one all the same. */
static size_t choose(const struct relay *r, struct instant now, size_t from)
{
	for (size_t i = 0; i < r->conf->server_n; i++) {
		size_t at = (from + i) % r->conf->server_n;

		if (r->dead_until_us[at] <= now.us)
			return at;
	}
	return from % r->conf->server_n;
}

static uint16_t port_of(const struct exchange *x, const struct relay_server *s)
{
	return is_accounting(x) ? s->acct_port : s->auth_port;
}

static void transmit(struct relay *r, struct instant now, struct exchange *x, struct actions *out)
{
	const struct relay_server *s = &r->conf->servers[x->server];
	struct wr w = actions_writer(out, RADIUS_PACKET_MAX);
	struct radius_at at = { 0 };
	struct radius request;
	/* The authenticator stays: passwords and challenges of the user are made with it. */
	const struct radius_hop from = { secret_of(&x->nas->secret), x->authenticator };
	const struct radius_hop to = { secret_of(&s->secret), x->authenticator };

	if (radius_parse(x->request.p, x->request.n, &request) < 0)
		return; /* it was parsed before */
	radius_begin(&w, x->code, x->client_id);
	radius_put_proof(&w);
	while (radius_next(&request, &at))
		if (at.type != RADIUS_MESSAGE_AUTHENTICATOR)
			rewrite_attribute(&w, &at, &from, &to);
	if (radius_sign_request(&w, to.secret, is_accounting(x) ? NULL : x->authenticator) < 0)
		return; /* too large: as good as lost */
	memcpy(x->sent_authenticator, w.start + RADIUS_AUTHENTICATOR_AT, sizeof(x->sent_authenticator));
	actions_send_datagram(out, r->conf->address, x->client->port, s->address, port_of(x, s), &w);
	x->tries++;
	exchange_wait(r, x, now.us + s->timeout_ms * US_PER_MS);
}

void server_ask(struct relay *r, struct instant now, struct exchange *x, struct actions *out)
{
	x->state = EXCHANGE_ASKED;
	x->server = r->conf->server_n > 0 ? choose(r, now, x->asked > 0 ? x->server + 1 : 0) : 0;
	if (r->conf->server_n == 0 || (is_accounting(x) && r->conf->servers[x->server].acct_port == 0)) {
		if (is_accounting(x)) /* nobody wants to know it but us */
			nas_answer(r, now, x, RADIUS_ACCOUNTING_RESPONSE, NULL, (struct in_addr){ INADDR_ANY }, NULL,
				   out);
		else
			exchange_free(r, x);
		return;
	}
	server_leave(x); /* another server may still answer under the old identifier */
	if (!take_id(r, x)) {
		RELAY_COUNT(r, table_full);
		exchange_free(r, x);
		return;
	}
	x->asked++;
	x->tries = 0;
	RELAY_COUNT(r, forwarded);
	transmit(r, now, x, out);
}

void server_on_silence(struct relay *r, struct instant now, struct exchange *x, struct actions *out)
{
	const struct relay_server *s = &r->conf->servers[x->server];
	const struct record note = { .level = RECORD_WARN, .event = "aaa_silent", .peer = s->address };

	if (x->tries < s->tries) {
		RELAY_COUNT(r, retransmissions);
		transmit(r, now, x, out);
		return;
	}
	if (r->dead_until_us[x->server] <= now.us)
		actions_record(out, &note, (struct span){ NULL, 0 }, "%s does not answer; asked again first in %u s",
			       s->name, r->conf->dead_s);
	r->dead_until_us[x->server] = now.us + r->conf->dead_s * US_PER_S;
	if (x->asked < r->conf->server_n) {
		RELAY_COUNT(r, failovers);
		server_ask(r, now, x, out);
		return;
	}
	RELAY_COUNT(r, unanswered);
	exchange_free(r, x); /* its authenticator asks again, or gives up */
}

static struct exchange *asked_by(const struct relay *r, const struct datagram *d, uint8_t id)
{
	for (size_t i = 0; i < r->client_n; i++)
		if (r->clients[i].port == d->local_port)
			return r->clients[i].by_id[id];
	return NULL;
}

static bool is_reply_to(const struct exchange *x, uint8_t code)
{
	if (is_accounting(x))
		return code == RADIUS_ACCOUNTING_RESPONSE;
	return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCESS_REJECT || code == RADIUS_ACCESS_CHALLENGE;
}

/* RFC 3579 3.2, and CVE-2024-3596: the response authenticator alone proves too little. */
static bool is_authentic(const struct exchange *x, const struct relay_server *s, const struct radius *p)
{
	struct radius_at eap;

	if (!radius_check_response(p, secret_of(&s->secret), x->sent_authenticator))
		return false;
	switch (radius_check_message(p, secret_of(&s->secret), x->sent_authenticator)) {
	case RADIUS_PROOF_RIGHT:
		return true;
	case RADIUS_PROOF_WRONG:
		return false;
	case RADIUS_PROOF_ABSENT:
		return is_accounting(x) || (s->unproven && !radius_find(p, RADIUS_EAP_MESSAGE, &eap));
	}
	return false;
}

static uint32_t wimax_u32(const struct radius *p, uint8_t type)
{
	uint8_t v[sizeof(uint32_t)] = { 0 };
	struct rd rd = rd_init(v, sizeof(v));

	return radius_find_wimax(p, type, v, sizeof(v)) == (int)sizeof(v) ? rd_u32(&rd) : 0;
}

static void read_key(const struct relay *r, const struct exchange *x, const struct radius *p, struct relay_login *l)
{
	uint8_t salted[RADIUS_VALUE_MAX], plain[RADIUS_VALUE_MAX];
	int n = radius_find_wimax(p, RADIUS_WIMAX_MN_HHA_KEY, salted, sizeof(salted));

	if (n <= 0)
		return;
	n = radius_unsalt((struct span){ salted, (size_t)n }, secret_of(&r->conf->servers[x->server].secret),
			  x->sent_authenticator, plain);
	if (n > 0 && n <= RELAY_KEY_MAX) {
		memcpy(l->key, plain, (size_t)n);
		l->key_n = (size_t)n;
		l->spi = wimax_u32(p, RADIUS_WIMAX_MN_HHA_SPI);
	}
	explicit_bzero(plain, sizeof(plain));
}

/* L-54, L-63: identifier and profile of who was let in. */
static void read_login(const struct relay *r, const struct exchange *x, const struct radius *p,
		       const struct radius *request, struct relay_login *l)
{
	struct radius_at at;

	*l = (struct relay_login){ .id = x->number, .nas = x->nas };
	if (radius_find(p, RADIUS_USER_NAME, &at) || radius_find(request, RADIUS_USER_NAME, &at))
		l->user = at.value;
	if (radius_find(request, RADIUS_CALLED_STATION_ID, &at))
		l->called = at.value;
	if (radius_find(request, RADIUS_NAS_PORT_ID, &at))
		l->port = at.value;
	l->has_mac = radius_find(request, RADIUS_CALLING_STATION_ID, &at) && radius_mac(at.value, l->mac);
	(void)radius_find_u32(p, RADIUS_SESSION_TIMEOUT, &l->session_s); /* absent: 0, as it is */
	(void)radius_find_ip4(p, RADIUS_FRAMED_IP_ADDRESS, &l->home);
	if (ntohl(l->home.s_addr) >= UINT32_C(0xfffffffe)) /* whoever, not we, shall choose one (RFC 2865 5.8) */
		l->home.s_addr = INADDR_ANY;
	l->home_agent.s_addr = htonl(wimax_u32(p, RADIUS_WIMAX_HHA_IP));
	read_key(r, x, p, l);
}

static void accepted(struct relay *r, struct instant now, struct exchange *x, const struct radius *p,
		     struct actions *out)
{
	struct in_addr home = { INADDR_ANY };
	struct relay_login l;
	const char *why = "";
	struct radius request;

	RELAY_COUNT(r, accepts);
	if (radius_parse(x->request.p, x->request.n, &request) < 0)
		return; /* it was parsed before */
	read_login(r, x, p, &request, &l);
	switch (r->listener.on_login(r->listener.ctx, now, &l, &home, &why, out)) {
	case RELAY_PASS:
		nas_answer(r, now, x, RADIUS_ACCESS_ACCEPT, p, home, NULL, out);
		break;
	case RELAY_HOLD:
		RELAY_COUNT(r, held);
		x->state = EXCHANGE_HELD;
		server_leave(x);
		if (octets_copy(&x->reply, p->packet) < 0)
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

void server_on_reply(struct relay *r, struct instant now, const struct datagram *d, struct actions *out)
{
	struct radius p;
	const struct relay_server *s;
	struct exchange *x;

	RELAY_COUNT(r, replies);
	if (radius_parse(d->payload.p, d->payload.n, &p) < 0) {
		RELAY_COUNT(r, malformed);
		return;
	}
	x = asked_by(r, d, p.id);
	s = x ? &r->conf->servers[x->server] : NULL;
	if (!s || x->state != EXCHANGE_ASKED || d->remote.s_addr != s->address.s_addr ||
	    d->remote_port != port_of(x, s) || !is_reply_to(x, p.code)) {
		RELAY_COUNT(r, replies_unmatched);
		return;
	}
	if (!is_authentic(x, s, &p)) {
		RELAY_COUNT(r, replies_unauthentic);
		return;
	}
	r->dead_until_us[x->server] = 0;
	if (p.code == RADIUS_ACCESS_ACCEPT) {
		accepted(r, now, x, &p, out);
		return;
	}
	if (p.code == RADIUS_ACCESS_REJECT)
		RELAY_COUNT(r, rejects);
	nas_answer(r, now, x, p.code, &p, (struct in_addr){ INADDR_ANY }, NULL, out);
}
