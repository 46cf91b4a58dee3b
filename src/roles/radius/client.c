/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "roles/radius/client.h"

#include <assert.h>
#include <errno.h>

#include "base/ratelimit.h"
#include "base/util.h"

enum { IDS = 256, TIMES_PER_CALL = 64, NOTES_PER_S = 10 };

#define COUNTER_ID(name) COUNTER_##name,
enum counter { RADIUS_CLIENT_COUNTERS(COUNTER_ID) COUNTER_COUNT };
#undef COUNTER_ID

struct radius_port {
	uint16_t number;
	uint8_t next;
	struct radius_call *by_id[IDS];
};

struct radius_client {
	struct radius_client_conf conf;
	uint64_t *counters;
	struct radius_port ports[RADIUS_CLIENT_PORTS_MAX];
	size_t port_n, port_at;
	uint64_t dead_until_us[RADIUS_SERVERS_MAX], heard_us[RADIUS_SERVERS_MAX]; /* `heard`: anything true */
	struct timers timers;
	struct ratelimit notes;
};

#define COUNT(c, name) ((c)->counters[COUNTER_##name]++)

int radius_client_new(const struct radius_client_conf *conf, uint64_t *counters, struct radius_client **ret)
{
	struct radius_client *c = calloc(1, sizeof(*c));

	assert(conf->server_n <= RADIUS_SERVERS_MAX);

	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	c->counters = counters;
	c->notes = ratelimit_init(NOTES_PER_S);
	*ret = c;
	return 0;
}

void radius_client_freep(struct radius_client **at)
{
	if (!*at)
		return;
	timers_done(&(*at)->timers);
	free(*at);
	*at = NULL;
}

int radius_client_set_ports(struct radius_client *c, const uint16_t *ports, size_t n)
{
	assert(n <= RADIUS_CLIENT_PORTS_MAX);

	if (timers_reserve(&c->timers, n * IDS) < 0)
		return -ENOMEM;
	c->port_n = n;
	for (size_t i = 0; i < n; i++)
		c->ports[i].number = ports[i];
	return 0;
}

static struct radius_port *port_numbered(struct radius_client *c, uint16_t number)
{
	for (size_t i = 0; i < c->port_n; i++)
		if (c->ports[i].number == number)
			return &c->ports[i];
	return NULL;
}

bool radius_client_owns_port(const struct radius_client *c, uint16_t port)
{
	for (size_t i = 0; i < c->port_n; i++)
		if (c->ports[i].number == port)
			return true;
	return false;
}

void radius_drop(struct radius_client *c, struct radius_call *call)
{
	if (!call->port)
		return;
	call->port->by_id[call->id] = NULL;
	call->port = NULL;
	timers_cancel(&c->timers, &call->timer);
}

static bool take_id(struct radius_client *c, struct radius_call *call)
{
	for (size_t i = 0; i < c->port_n * IDS; i++) {
		struct radius_port *port = &c->ports[(c->port_at + i / IDS) % c->port_n];
		uint8_t id = port->next++;

		if (port->by_id[id])
			continue;
		port->by_id[id] = call;
		call->port = port;
		call->id = id;
		c->port_at++;
		return true;
	}
	COUNT(c, no_identifier);
	return false;
}

static uint16_t port_of(const struct radius_server *s, uint8_t code)
{
	return code == RADIUS_ACCOUNTING_REQUEST ? s->acct_port : s->auth_port;
}

static bool may_ask(const struct radius_client *c, const struct radius_call *call, size_t i)
{
	return i < c->conf.server_n && port_of(&c->conf.servers[i], call->code) != 0 &&
	       !(call->asked & UINT32_C(1) << i);
}

/* The first, in their order, that was not asked yet and is not known to be silent; else one that is, all the same.
 * Return: index, or -ENOENT. */
static int choose(const struct radius_client *c, struct instant now, const struct radius_call *call)
{
	int silent = -ENOENT;

	if (call->prefer > 0 && may_ask(c, call, call->prefer - 1))
		return (int)call->prefer - 1;
	for (size_t i = 0; i < c->conf.server_n; i++) {
		if (!may_ask(c, call, i))
			continue;
		if (c->dead_until_us[i] <= now.us)
			return (int)i;
		if (silent < 0)
			silent = (int)i;
	}
	return silent;
}

static int transmit(struct radius_client *c, struct instant now, struct radius_call *call, struct actions *out)
{
	struct wr w = actions_writer(out, RADIUS_PACKET_MAX);
	bool is_access = call->code == RADIUS_ACCESS_REQUEST;
	int r;

	call->tries++;
	(void)timers_set(&c->timers, &call->timer, now.us + call->to.timeout_ms * US_PER_MS); /* room for every id */
	radius_begin(&w, call->code, call->id);
	if (call->code != RADIUS_ACCOUNTING_REQUEST) /* RFC 2866 knows of none: its authenticator proves it all */
		radius_put_proof(&w);
	call->caller->put(call, &w);
	r = radius_sign_request(&w, call->to.secret, is_access ? call->authenticator : NULL);
	if (r < 0)
		return -EMSGSIZE;
	memcpy(call->authenticator, w.start + RADIUS_AUTHENTICATOR_AT, sizeof(call->authenticator));
	actions_send_datagram(out, c->conf.address, call->port->number, call->to.address, call->to.port, &w);
	return 0;
}

static int start(struct radius_client *c, struct instant now, struct radius_call *call, struct actions *out)
{
	int r;

	radius_drop(c, call); /* another server may still answer under the old identifier */
	if (!take_id(c, call))
		return -EBUSY;
	call->tries = 0;
	call->since_us = now.us;
	r = transmit(c, now, call, out);
	if (r < 0)
		radius_drop(c, call);
	else
		COUNT(c, forwarded);
	return r;
}

static int ask_next(struct radius_client *c, struct instant now, struct radius_call *call, struct actions *out)
{
	int i = choose(c, now, call);
	const struct radius_server *s;

	if (i < 0) {
		radius_drop(c, call);
		return -ENOENT;
	}
	s = &c->conf.servers[i];
	call->server = (size_t)i;
	call->asked |= UINT32_C(1) << i;
	call->to = (struct radius_peer){ .address = s->address,
					 .port = port_of(s, call->code),
					 .secret = { s->secret.octets, s->secret.n },
					 .timeout_ms = s->timeout_ms,
					 .tries = s->tries,
					 .unproven = s->unproven,
					 .name = s->name };
	return start(c, now, call, out);
}

int radius_ask(struct radius_client *c, struct instant now, struct radius_call *call, struct actions *out)
{
	call->asked = 0;
	return ask_next(c, now, call, out);
}

int radius_ask_peer(struct radius_client *c, struct instant now, struct radius_call *call,
		    const struct radius_peer *peer, struct actions *out)
{
	call->asked = 0;
	call->to = *peer;
	return start(c, now, call, out);
}

/* One that answers others is not silent: it may not like this question, and whoever can make it ask such would decide which
 * server everybody is sent to. */
static void note_silence(struct radius_client *c, struct instant now, const struct radius_call *call,
			 struct actions *out)
{
	const struct record note = { .level = RECORD_WARN, .event = "aaa_silent", .peer = call->to.address };

	if (c->heard_us[call->server] >= call->since_us)
		return;
	if (c->dead_until_us[call->server] <= now.us)
		actions_record(out, &note, (struct span){ NULL, 0 },
			       "%s does not answer; the others are asked first for %u s", call->to.name,
			       c->conf.dead_s);
	c->dead_until_us[call->server] = now.us + c->conf.dead_s * US_PER_S;
}

static void on_silence(struct radius_client *c, struct instant now, struct radius_call *call, struct actions *out)
{
	bool has_servers = call->asked != 0;

	if (call->tries < call->to.tries) {
		COUNT(c, retransmissions);
		(void)transmit(c, now, call, out); /* as good as lost */
		return;
	}
	if (has_servers) {
		note_silence(c, now, call, out);
		if (ask_next(c, now, call, out) == 0) {
			COUNT(c, failovers);
			return;
		}
	}
	radius_drop(c, call);
	COUNT(c, unanswered);
	call->caller->on_silence(call->caller->ctx, now, call, out);
}

static bool answers(uint8_t code, uint8_t request)
{
	switch ((enum radius_code)request) {
	case RADIUS_ACCESS_REQUEST:
		return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCESS_REJECT || code == RADIUS_ACCESS_CHALLENGE;
	case RADIUS_ACCOUNTING_REQUEST:
		return code == RADIUS_ACCOUNTING_RESPONSE;
	case RADIUS_DISCONNECT_REQUEST:
		return code == RADIUS_DISCONNECT_ACK || code == RADIUS_DISCONNECT_NAK;
	case RADIUS_COA_REQUEST:
		return code == RADIUS_COA_ACK || code == RADIUS_COA_NAK;
	case RADIUS_ACCESS_ACCEPT:
	case RADIUS_ACCESS_REJECT:
	case RADIUS_ACCOUNTING_RESPONSE:
	case RADIUS_ACCESS_CHALLENGE:
	case RADIUS_DISCONNECT_ACK:
	case RADIUS_DISCONNECT_NAK:
	case RADIUS_COA_ACK:
	case RADIUS_COA_NAK:
		break;
	}
	return false;
}

/* RFC 3579 3.2, and CVE-2024-3596: the response authenticator alone proves too little where somebody else chooses what
 * the request holds, as the user of an Access-Request does. */
static const char *fault_of(const struct radius_call *call, const struct radius *p)
{
	struct radius_at eap;

	if (!radius_check_response(p, call->to.secret, call->authenticator))
		return "is signed with another secret";
	switch (radius_check_message(p, call->to.secret, call->authenticator)) {
	case RADIUS_PROOF_RIGHT:
		return NULL;
	case RADIUS_PROOF_WRONG:
		return "is signed with another secret";
	case RADIUS_PROOF_ABSENT:
		if (call->code != RADIUS_ACCESS_REQUEST ||
		    (call->to.unproven && !radius_find(p, RADIUS_EAP_MESSAGE, &eap)))
			return NULL;
		break;
	}
	return "has no Message-Authenticator";
}

static void ignore(struct radius_client *c, struct instant now, const struct radius_call *call, const char *fault,
		   struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = "aaa_ignored", .peer = call->to.address
	};

	COUNT(c, replies_unauthentic);
	if (ratelimit_allow(&c->notes, now.us))
		actions_record(out, &note, (struct span){ NULL, 0 }, "an answer of %s %s", call->to.name, fault);
}

void radius_client_on_datagram(struct radius_client *c, struct instant now, const struct datagram *d,
			       struct actions *out)
{
	struct radius_port *port = port_numbered(c, d->local_port);
	struct radius_call *call;
	const char *fault;
	struct radius p;

	COUNT(c, replies);
	if (radius_parse(d->payload.p, d->payload.n, &p) < 0) {
		COUNT(c, replies_malformed);
		return;
	}
	call = port ? port->by_id[p.id] : NULL;
	if (!call || d->remote.s_addr != call->to.address.s_addr || d->remote_port != call->to.port ||
	    !answers(p.code, call->code)) {
		COUNT(c, replies_unmatched);
		return;
	}
	fault = fault_of(call, &p);
	if (fault) {
		ignore(c, now, call, fault, out);
		return;
	}
	if (call->asked != 0) {
		c->dead_until_us[call->server] = 0;
		c->heard_us[call->server] = now.us;
	}
	radius_drop(c, call);
	call->caller->on_reply(call->caller->ctx, now, call, &p, out);
}

void radius_client_on_time(struct radius_client *c, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&c->timers, now.us);

		if (!timer)
			return;
		on_silence(c, now, container_of(timer, struct radius_call, timer), out);
	}
}

uint64_t radius_client_due(const struct radius_client *c)
{
	return timers_due(&c->timers);
}
