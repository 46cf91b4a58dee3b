/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "radius_world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "core/radius_auth.h"
#include "roles/relay/relay.h"
#include "world.h"

enum { AUTH = 1812, ACCT = 1813, CLIENT = 50001, NAS_PORT = 40000, MAC_OCTETS_TEXT = 18, STATE_MAX = 48 };
enum { REPEAT_MS = 3000, TRIES = 4, CAUSE_REAUTHENTICATION_FAILURE = 20 };

static const struct span nas_secret = { (const uint8_t *)"of the nas", 10 },
			 aaa_secret = { (const uint8_t *)"of aaa", 6 };
static struct relay_nas nas;
static struct radius_server servers[RADIUS_SERVERS];

static _Noreturn void wrong(const struct world *w, const char *what, size_t station)
{
	fprintf(stderr, "at %.3f s: %s: station %zu\n", (double)w->now_us / (double)US_PER_S - 1000, what, station);
	abort();
}

static struct in_addr nas_address(size_t agent)
{
	return (struct in_addr){ htonl(0x0a000009 + (uint32_t)agent * 256) };
}

static struct in_addr server_address(size_t server)
{
	return (struct in_addr){ htonl(0x0a00000b + (uint32_t)server) };
}

static size_t agent_of(struct in_addr a)
{
	for (size_t i = 1; i <= RADIUS_AGENTS_MAX; i++)
		if (nas_address(i).s_addr == a.s_addr)
			return i;
	return 0;
}

size_t world_aaa(const char *name)
{
	if (strcmp(name, "aaa") == 0)
		return 0;
	return strcmp(name, "aaa2") == 0 ? 1 : SIZE_MAX;
}

static size_t server_of(struct in_addr a)
{
	for (size_t i = 0; i < RADIUS_SERVERS; i++)
		if (server_address(i).s_addr == a.s_addr)
			return i;
	return SIZE_MAX;
}

static struct radius_secret secret(struct span s)
{
	struct radius_secret r = { .n = s.n };

	memcpy(r.octets, s.p, s.n);
	return r;
}

const struct radius_server *radius_world_servers(void)
{
	for (size_t i = 0; i < RADIUS_SERVERS; i++)
		servers[i] = (struct radius_server){ .name = "aaa",
						     .address = server_address(i),
						     .auth_port = AUTH,
						     .acct_port = ACCT,
						     .secret = secret(aaa_secret),
						     .timeout_ms = 1000,
						     .tries = 3 };
	return servers;
}

void radius_world_configure(struct mpa_conf *c)
{
	nas = (struct relay_nas){ .name = "floor",
				  .address = { { htonl(0x0a000000) }, 16 },
				  .secret = secret(nas_secret) };
	(void)radius_world_servers();
	c->relay = (struct relay_conf){ .address = c->care_of,
					.auth_port = AUTH,
					.acct_port = ACCT,
					.nases = &nas,
					.nas_n = 1,
					.servers = servers,
					.server_n = RADIUS_SERVERS,
					.dead_s = 30,
					.hold_ms = 4000,
					.max_exchanges = 4096 };
}

void radius_world_start(struct mpa *mpa)
{
	static const uint16_t client = CLIENT;

	if (relay_set_clients(mpa_relay(mpa), &client, 1) < 0)
		abort();
}

unsigned radius_world_way(const struct datagram *d)
{
	if (d->local_port == CLIENT)
		return RADIUS_WAY_REPLY;
	if (d->remote_port == CLIENT)
		return RADIUS_WAY_FORWARD;
	if (d->local_port == AUTH || d->local_port == ACCT)
		return RADIUS_WAY_ASK;
	return d->remote_port == AUTH || d->remote_port == ACCT ? RADIUS_WAY_TELL : RADIUS_WAY_NONE;
}

static void put_text(struct wr *w, uint8_t type, const char *text)
{
	radius_put(w, type, (struct span){ (const uint8_t *)text, strlen(text) });
}

static void send_between(struct world *w, struct in_addr from, uint16_t from_port, struct in_addr to, uint16_t to_port,
			 struct span payload)
{
	const struct datagram d = {
		.local = to, .local_port = to_port, .remote = from, .remote_port = from_port, .payload = payload
	};

	world_send(w, &d);
}

static struct radius_port_world *port_at(struct world *w, size_t station, size_t agent)
{
	return &w->radius.ports[agent - 1][station];
}

const struct radius_port_world *world_port(const struct world *w, size_t station, size_t agent)
{
	return &w->radius.ports[agent - 1][station];
}

static void transmit(struct world *w, size_t station, size_t agent, struct radius_asked *x)
{
	x->tries++;
	x->next_us = w->now_us + REPEAT_MS * US_PER_MS;
	send_between(w, nas_address(agent), (uint16_t)(NAS_PORT + station), w->nodes[HOME_AGENTS + agent - 1].address,
		     x->code == RADIUS_ACCESS_REQUEST ? AUTH : ACCT, (struct span){ x->packet, x->n });
}

static struct wr begin(struct world *w, size_t station, size_t agent, struct radius_asked *x, uint8_t code,
		       uint32_t session)
{
	static const uint8_t identity[] = "\2\1\0\x10\1anonymous@x";
	struct radius_port_world *port = port_at(w, station, agent);
	struct wr p = wr_init(x->packet, sizeof(x->packet));
	char text[MAC_OCTETS_TEXT];

	w->radius.waiting += x->code == 0;
	*x = (struct radius_asked){ .code = code, .id = ++port->last_id };
	radius_begin(&p, code, x->id);
	if (code == RADIUS_ACCESS_REQUEST)
		radius_put_proof(&p);
	put_text(&p, RADIUS_USER_NAME, code == RADIUS_ACCESS_REQUEST ? "anonymous@x" : world_nai(station));
	(void)snprintf(text, sizeof(text), "02-00-00-00-00-%02zX", station + 1);
	put_text(&p, RADIUS_CALLING_STATION_ID, text);
	(void)snprintf(text, sizeof(text), "02-00-00-00-01-%02zX", HOME_AGENTS + agent - 1);
	put_text(&p, RADIUS_CALLED_STATION_ID, text);
	(void)snprintf(text, sizeof(text), "%08X", session);
	put_text(&p, RADIUS_ACCT_SESSION_ID, text);
	if (code == RADIUS_ACCESS_REQUEST)
		radius_put_eap(&p, (struct span){ identity, sizeof(identity) - 1 });
	return p;
}

static void finish(struct world *w, size_t station, size_t agent, struct radius_asked *x, struct wr *p)
{
	uint8_t authenticator[RADIUS_AUTHENTICATOR_OCTETS] = { 1, 2, 3 };
	uint32_t n = ++w->radius.last_request;

	memcpy(authenticator + sizeof(authenticator) - sizeof(n), &n, sizeof(n));
	if (radius_sign_request(p, nas_secret, x->code == RADIUS_ACCESS_REQUEST ? authenticator : NULL) < 0)
		abort();
	x->n = wr_len(p);
	transmit(w, station, agent, x);
}

static void ask(struct world *w, size_t station, size_t agent, struct span state)
{
	struct radius_port_world *port = port_at(w, station, agent);
	struct wr p = begin(w, station, agent, &port->access, RADIUS_ACCESS_REQUEST, port->session);

	if (state.n > 0)
		radius_put(&p, RADIUS_STATE, state);
	finish(w, station, agent, &port->access, &p);
}

static void account(struct world *w, size_t station, size_t agent, uint32_t status, uint32_t session, uint32_t cause)
{
	struct radius_port_world *port = port_at(w, station, agent);
	struct wr p = begin(w, station, agent, &port->accounting, RADIUS_ACCOUNTING_REQUEST, session);

	radius_put_u32(&p, RADIUS_ACCT_STATUS_TYPE, status);
	if (cause)
		radius_put_u32(&p, RADIUS_ACCT_TERMINATE_CAUSE, cause);
	finish(w, station, agent, &port->accounting, &p);
}

void world_login(struct world *w, size_t station, size_t agent)
{
	struct radius_port_world *port = port_at(w, station, agent);

	port->was_open = port->state == RADIUS_PORT_OPEN;
	if (!port->was_open) {
		port->old_session = port->session;
		port->session = ++w->radius.last_session;
	}
	port->state = RADIUS_PORT_ASKING;
	ask(w, station, agent, (struct span){ NULL, 0 });
}

void world_logoff(struct world *w, size_t station, size_t agent, uint32_t cause, bool late)
{
	struct radius_port_world *port = port_at(w, station, agent);

	if (!late)
		port->state = RADIUS_PORT_CLOSED;
	account(w, station, agent, RADIUS_ACCT_STOP, late ? port->old_session : port->session, cause);
}

static void answered(struct world *w, struct radius_asked *x)
{
	w->radius.waiting -= x->code != 0;
	*x = (struct radius_asked){ 0 };
}

/* Whoever was in and is not any more: the session is over. */
static void shut(struct world *w, size_t station, size_t agent, enum radius_port_state state)
{
	struct radius_port_world *port = port_at(w, station, agent);

	port->state = state;
	if (port->was_open)
		account(w, station, agent, RADIUS_ACCT_STOP, port->session, CAUSE_REAUTHENTICATION_FAILURE);
}

/* RFC 3579 2.6.5: who asked with EAP is refused with EAP, and not with a text beside it. */
static void check_failure(const struct world *w, size_t station, const struct radius *reject)
{
	static const uint8_t failure[] = { 4, 1, 0, 4 };
	struct radius_at at;

	if (!radius_find(reject, RADIUS_EAP_MESSAGE, &at) || at.value.n != sizeof(failure) ||
	    memcmp(at.value.p, failure, sizeof(failure)) != 0 || radius_find(reject, RADIUS_REPLY_MESSAGE, &at))
		wrong(w, "refused in another language", station);
}

static void told(struct world *w, size_t agent, const struct datagram *d, const struct radius *r)
{
	size_t station = d->local_port - (size_t)NAS_PORT;
	struct radius_port_world *port = port_at(w, station, agent);
	struct radius_asked *x = d->remote_port == AUTH ? &port->access : &port->accounting;
	struct radius_at state = { 0 };

	if (x->code == 0 || x->id != r->id) {
		port->told_twice++;
		return;
	}
	if (!radius_check_response(r, nas_secret, x->packet + RADIUS_AUTHENTICATOR_AT) ||
	    (d->remote_port == AUTH &&
	     radius_check_message(r, nas_secret, x->packet + RADIUS_AUTHENTICATOR_AT) != RADIUS_PROOF_RIGHT))
		wrong(w, "an answer is not authentic", station);
	answered(w, x);
	if (r->code == RADIUS_ACCESS_CHALLENGE && radius_find(r, RADIUS_STATE, &state)) {
		ask(w, station, agent, state.value);
	} else if (r->code == RADIUS_ACCESS_REJECT) {
		check_failure(w, station, r);
		shut(w, station, agent, RADIUS_PORT_REFUSED);
	} else if (r->code == RADIUS_ACCESS_ACCEPT) {
		port->state = RADIUS_PORT_OPEN;
		port->accepted++;
		if (!port->was_open)
			account(w, station, agent, RADIUS_ACCT_START, port->session, 0);
	}
}

static size_t station_of(const struct world *w, const struct radius *r)
{
	struct radius_at at;
	uint8_t mac[6];

	if (!radius_find(r, RADIUS_CALLING_STATION_ID, &at) || !radius_mac(at.value, mac))
		wrong(w, "a request without its station", 0);
	return mac[5] - 1U;
}

/* @r is the first or a further round; it may be of a conversation this server does not know. */
static uint8_t judge(const struct world *w, size_t server, size_t station, const struct radius *r,
		     char ret_state[STATE_MAX])
{
	const struct radius_world *v = &w->radius;
	unsigned its_server = (unsigned)server, epoch = v->servers[server].epoch, round = 0;
	char text[STATE_MAX] = "";
	struct radius_at at;

	if (radius_find(r, RADIUS_STATE, &at) && at.value.n < sizeof(text)) {
		memcpy(text, at.value.p, at.value.n);
		if (sscanf(text, "%u %u %u", &its_server, &epoch, &round) != 3)
			wrong(w, "a State that is nobody's", station);
	}
	if (its_server != server || epoch != v->servers[server].epoch)
		return RADIUS_ACCESS_REJECT;
	(void)snprintf(ret_state, STATE_MAX, "%u %u %u", its_server, epoch, round + 1);
	if (round < v->rounds)
		return RADIUS_ACCESS_CHALLENGE;
	return v->denied[station] ? RADIUS_ACCESS_REJECT : RADIUS_ACCESS_ACCEPT;
}

static void serve(struct world *w, size_t server, const struct datagram *d, const struct radius *r)
{
	struct radius_server_world *s = &w->radius.servers[server];
	uint8_t packet[RADIUS_REQUEST_MAX], code = RADIUS_ACCOUNTING_RESPONSE;
	struct wr p = wr_init(packet, sizeof(packet));
	size_t station = station_of(w, r);
	char state[STATE_MAX];
	uint32_t status = 0;

	if (r->code == RADIUS_ACCOUNTING_REQUEST) {
		if (!radius_check_request(r, aaa_secret) || !radius_find_u32(r, RADIUS_ACCT_STATUS_TYPE, &status))
			wrong(w, "a record is not authentic", station);
		s->starts += status == RADIUS_ACCT_START;
		s->stops += status == RADIUS_ACCT_STOP;
	} else {
		if (radius_check_message(r, aaa_secret, NULL) != RADIUS_PROOF_RIGHT)
			wrong(w, "a request is not authentic", station);
		code = judge(w, server, station, r, state);
	}
	s->requests++;
	radius_begin(&p, code, r->id);
	if (code != RADIUS_ACCOUNTING_RESPONSE)
		radius_put_proof(&p);
	if (code == RADIUS_ACCESS_CHALLENGE)
		put_text(&p, RADIUS_STATE, state);
	if (code == RADIUS_ACCESS_REJECT)
		radius_put_eap(&p, (struct span){ (const uint8_t *)"\4\1\0\4", 4 });
	if (code == RADIUS_ACCESS_ACCEPT)
		put_text(&p, RADIUS_USER_NAME, world_nai(station));
	if (code == RADIUS_ACCESS_ACCEPT && w->keys.on)
		key_world_put(w, station, false, r->authenticator, aaa_secret, &p);
	if (code == RADIUS_ACCESS_ACCEPT && w->radius.session_s > 0)
		radius_put_u32(&p, RADIUS_SESSION_TIMEOUT, w->radius.session_s);
	if (radius_sign_response(&p, aaa_secret, r->authenticator) < 0)
		abort();
	send_between(w, d->local, d->local_port, d->remote, d->remote_port, (struct span){ packet, wr_len(&p) });
}

static void give_key(struct world *w, const struct datagram *d, const struct radius *r)
{
	uint8_t packet[RADIUS_REQUEST_MAX];

	send_between(w, d->local, d->local_port, d->remote, d->remote_port,
		     key_world_serve(w, r, aaa_secret, packet, sizeof(packet)));
}

void radius_world_deliver(struct world *w, const struct datagram *d)
{
	size_t server = server_of(d->local), agent = agent_of(d->local);
	struct radius r;

	if (server == SIZE_MAX && agent == 0)
		return;
	if (radius_parse(d->payload.p, d->payload.n, &r) < 0)
		wrong(w, "a broken packet", 0);
	if (agent > 0)
		told(w, agent, d, &r);
	else if (!w->radius.servers[server].dead && key_world_way(d))
		give_key(w, d, &r);
	else if (!w->radius.servers[server].dead)
		serve(w, server, d, &r);
}

/* L-54: nobody is told to be in before there is a home address, and a tunnel to it. A request that comes once more gets the
 * answer it had. */
void radius_world_look(struct world *w, const struct datagram *d)
{
	size_t agent = agent_of(d->local), station = d->local_port - (size_t)NAS_PORT;
	const uint8_t *authenticator = d->payload.p + RADIUS_AUTHENTICATOR_AT;
	struct radius_port_world *port;

	if (agent == 0 || d->remote_port != AUTH || d->payload.p[0] != RADIUS_ACCESS_ACCEPT)
		return;
	port = port_at(w, station, agent);
	if (memcmp(port->last_accept, authenticator, sizeof(port->last_accept)) == 0)
		return;
	memcpy(port->last_accept, authenticator, sizeof(port->last_accept));
	if (w->nodes[HOME_AGENTS + agent - 1].visitors[station].home.s_addr == INADDR_ANY)
		wrong(w, "let in, and not served", station);
}

uint64_t radius_world_due(const struct world *w)
{
	uint64_t due = NEVER;

	for (size_t i = 0; w->radius.waiting > 0 && i < RADIUS_AGENTS_MAX * RADIUS_STATIONS_MAX; i++) {
		const struct radius_port_world *port = &w->radius.ports[0][0] + i;

		if (port->access.code && port->access.next_us < due)
			due = port->access.next_us;
		if (port->accounting.code && port->accounting.next_us < due)
			due = port->accounting.next_us;
	}
	return due;
}

void radius_world_run(struct world *w)
{
	for (size_t i = 0; w->radius.waiting > 0 && i < RADIUS_AGENTS_MAX * RADIUS_STATIONS_MAX; i++) {
		size_t agent = 1 + i / RADIUS_STATIONS_MAX, station = i % RADIUS_STATIONS_MAX;
		struct radius_port_world *port = port_at(w, station, agent);

		if (port->accounting.code && port->accounting.next_us <= w->now_us) {
			if (port->accounting.tries < TRIES)
				transmit(w, station, agent, &port->accounting);
			else
				answered(w, &port->accounting);
		}
		if (!port->access.code || port->access.next_us > w->now_us)
			continue;
		if (port->access.tries < TRIES) {
			transmit(w, station, agent, &port->access);
			continue;
		}
		answered(w, &port->access);
		shut(w, station, agent, RADIUS_PORT_SILENT);
	}
}

void world_aaa_set_dead(struct world *w, size_t server, bool dead)
{
	w->radius.servers[server].dead = dead;
}

void world_aaa_restart(struct world *w, size_t server)
{
	w->radius.servers[server].dead = false;
	w->radius.servers[server].epoch++;
}
