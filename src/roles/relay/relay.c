/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of exchanges, and who an arriving datagram is for. */
#include "base/util.h"
#include "roles/relay/exchange.h"

enum { TIMES_PER_CALL = 64, NOTES_PER_S = 10 };

int relay_new(const struct relay_conf *conf, const struct relay_listener *listener, struct relay **ret)
{
	const struct radius_client_conf client = {
		.address = conf->address, .servers = conf->servers, .server_n = conf->server_n, .dead_s = conf->dead_s
	};
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	if (radius_client_new(&client, r->counters, &r->client) < 0) {
		free(r);
		return -ENOMEM;
	}
	r->caller = server_caller(r);
	r->end_caller = end_caller(r);
	r->conf = conf;
	r->listener = *listener;
	r->notes = ratelimit_init(NOTES_PER_S);
	*ret = r;
	return 0;
}

void relay_freep(struct relay **at)
{
	struct relay *r = *at;
	struct exchange *x, *next;

	if (!r)
		return;
	HASH_ITER(by_number, r->by_number, x, next)
		exchange_free(r, x);
	end_free_all(r);
	das_free(r);
	timers_done(&r->timers);
	radius_client_freep(&r->client);
	free(r);
	*at = NULL;
}

int relay_set_clients(struct relay *r, const uint16_t *ports, size_t n)
{
	return radius_client_set_ports(r->client, ports, n);
}

static bool is_nas_port(const struct relay *r, uint16_t port)
{
	return port != 0 && (port == r->conf->auth_port || port == r->conf->acct_port);
}

static bool is_das_port(const struct relay *r, uint16_t port)
{
	return port != 0 && port == r->conf->das_port;
}

bool relay_owns_port(const struct relay *r, uint16_t port)
{
	return is_nas_port(r, port) || is_das_port(r, port) || radius_client_owns_port(r->client, port);
}

void relay_on_datagram(struct relay *r, struct instant now, const struct datagram *d, struct actions *out)
{
	if (is_nas_port(r, d->local_port))
		nas_on_request(r, now, d, out);
	else if (is_das_port(r, d->local_port))
		das_on_request(r, now, d, out);
	else
		radius_client_on_datagram(r->client, now, d, out);
}

int octets_copy(struct octets *to, struct span from)
{
	uint8_t *p = malloc(from.n > 0 ? from.n : 1);

	if (!p)
		return -ENOMEM;
	if (from.n > 0)
		memcpy(p, from.p, from.n);
	free(to->p);
	*to = (struct octets){ p, from.n };
	return 0;
}

int packet_keep(struct kept_packet *to, const struct radius *from)
{
	int r = octets_copy(&to->octets, from->packet);

	if (r == 0)
		(void)radius_parse(to->octets.p, to->octets.n, &to->parsed); /* as well as the original */
	return r;
}

void put_proxy_states(struct wr *w, const struct radius *request)
{
	struct radius_at at = { 0 };

	while (radius_next(request, &at))
		if (at.type == RADIUS_PROXY_STATE)
			radius_put(w, at.type, at.value);
}

void exchange_free(struct relay *r, struct exchange *x)
{
	radius_drop(r->client, &x->call);
	timers_cancel(&r->timers, &x->timer);
	HASH_DELETE(by_nas, r->by_nas, x);
	HASH_DELETE(by_number, r->by_number, x);
	free(x->request.octets.p);
	free(x->reply.octets.p);
	free(x->answer.p);
	free(x);
}

void exchange_wait(struct relay *r, struct exchange *x, uint64_t due_us)
{
	(void)timers_set(&r->timers, &x->timer, due_us); /* room was made with the exchange */
}

static struct exchange *held(const struct relay *r, uint32_t number)
{
	struct exchange *x;

	HASH_FIND(by_number, r->by_number, &number, sizeof(number), x);
	return x && x->state == EXCHANGE_HELD ? x : NULL;
}

void relay_release(struct relay *r, struct instant now, uint32_t id, struct in_addr home, struct actions *out)
{
	struct exchange *x = held(r, id);

	if (x)
		nas_answer(r, now, x, RADIUS_ACCESS_ACCEPT, &x->reply.parsed, home, NULL, out);
}

void relay_refuse(struct relay *r, struct instant now, uint32_t id, const char *why, struct actions *out)
{
	struct exchange *x = held(r, id);

	if (!x)
		return;
	RELAY_COUNT(r, refused);
	nas_answer(r, now, x, RADIUS_ACCESS_REJECT, NULL, (struct in_addr){ INADDR_ANY }, why, out);
}

void relay_on_time(struct relay *r, struct instant now, struct actions *out)
{
	radius_client_on_time(r->client, now, out);
	das_on_time(r, now);
	end_ask_waiting(r, now, out);
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&r->timers, now.us);
		struct exchange *x;

		if (!timer)
			return;
		x = container_of(timer, struct exchange, timer);
		switch (x->state) {
		case EXCHANGE_ASKED: /* the client waits for it */
			break;
		case EXCHANGE_HELD:
			relay_refuse(r, now, x->number, "the home agent did not answer in time", out);
			break;
		case EXCHANGE_ANSWERED:
			exchange_free(r, x);
			break;
		}
	}
}

uint64_t relay_due(const struct relay *r)
{
	const uint64_t all[] = { timers_due(&r->timers), timers_due(&r->order_timers), radius_client_due(r->client) };
	uint64_t due_us = NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] < due_us)
			due_us = all[i];
	return due_us;
}

size_t relay_counters(const struct relay *r, const char *const **ret_names, const uint64_t **ret_values)
{
#define RELAY_COUNTER_NAME(name) "radius_" #name,
	static const char *const names[RELAY_COUNTER_COUNT] = { RELAY_COUNTERS(RELAY_COUNTER_NAME) };
#undef RELAY_COUNTER_NAME

	*ret_names = names;
	*ret_values = r->counters;
	return RELAY_COUNTER_COUNT;
}
