/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of users that AAA servers keep (L-63): who registers under an SPI that nobody configured waits here until a server
 * said which key it is. Keys are kept for as long as the server says, in memory only. What anybody can ask for without
 * proof is bounded: requests that wait, those of one source, and questions a second. */
#define HASH_NONFATAL_OOM 1

#include <utlist.h>

#include "base/util.h"
#include "roles/ha/agent.h"
#include "roles/radius/client.h"

enum {
	PORTS = 4,
	WAITING_MAX = 256 * PORTS,
	WAITING_PER_SOURCE = WAITING_MAX / 4,
	REMEMBERED_PER_BINDING = 2,
	/* Both shorter than a login waits at its agent, which repeats its request meanwhile. */
	REFUSED_S = 2, /* a refusal is believed */
	DOUBT_S = 1,   /* between two questions about a key we have */
	TOLERANCE_S = 7,
	TIMES_PER_CALL = 64,
	SPI_OCTETS = 4,
	AUTHORIZE_ONLY = 17, /* Service-Type (RFC 5176 3.1) */
};

/* clang-format off */
#define AAA_KEY_COUNTERS(X) \
	RADIUS_CLIENT_COUNTERS(X) \
	X(keys_asked) X(keys_received) X(keys_refused) X(keys_unusable) X(keys_waited_for) X(keys_in_vain) X(keys_no_room) \
	X(keys_rate_limited)
/* clang-format on */

#define COUNTER_ID(name) COUNTER_##name,
enum { AAA_KEY_COUNTERS(COUNTER_ID) COUNTER_COUNT };
#undef COUNTER_ID

const char ha_aaa_name[] = "aaa";

/* A request whose key is asked for. */
struct waiting {
	struct waiting *prev, *next;
	struct aaa_key *key;
	struct datagram d;
	uint8_t octets[];
};

struct aaa_key {
	UT_hash_handle hh;
	struct radius_call call; /* under way, or over */
	struct timer end;        /* of what is known; idle while it is asked for */
	struct ha_association association;
	struct shared_sa *sa;   /* the same for those who outlive us; NULL: not known */
	uint64_t good_until_us; /* requests are judged by `sa` */
	uint64_t refused_until_us;
	uint64_t asked_us, answered_us;
	size_t octets_n;
	uint8_t octets[]; /* SPI, NAI */
};

struct aaa {
	const struct ha_conf *conf;
	struct ha *ha;
	struct radius_client *client;
	struct radius_caller caller;
	struct aaa_key *keys;
	struct waiting *waiting;
	struct timers ends;
	struct ratelimit questions;
	uint64_t counters[COUNTER_COUNT];
};

#define COUNT(a, name) ((a)->counters[COUNTER_##name]++)

static bool is_asked_for(const struct aaa_key *k)
{
	return k->call.port != NULL;
}

static struct span nai_of(const struct aaa_key *k)
{
	return (struct span){ k->octets + SPI_OCTETS, k->octets_n - SPI_OCTETS };
}

static struct wr key_octets(uint32_t spi, struct span nai, uint8_t *buf, size_t n)
{
	struct wr w = wr_init(buf, n);

	wr_u32(&w, spi);
	wr_bytes(&w, nai.p, nai.n);
	return w;
}

static struct aaa_key *find(const struct aaa *a, uint32_t spi, struct span nai)
{
	uint8_t octets[SPI_OCTETS + MIP_NAI_MAX];
	struct wr w = key_octets(spi, nai, octets, sizeof(octets));
	struct aaa_key *k;

	HASH_FIND(hh, a->keys, octets, wr_len(&w), k);
	return k;
}

static size_t keys_max(const struct aaa *a)
{
	return REMEMBERED_PER_BINDING * (size_t)a->conf->max_bindings + WAITING_MAX +
	       (size_t)REFUSED_S * a->conf->aaa.rate;
}

static struct aaa_key *add(struct aaa *a, uint32_t spi, struct span nai)
{
	size_t n = HASH_COUNT(a->keys);
	struct aaa_key *k;
	struct wr w;

	if (n >= keys_max(a) || timers_reserve(&a->ends, n + 1) < 0)
		return NULL;
	k = calloc(1, sizeof(*k) + SPI_OCTETS + nai.n);
	if (!k)
		return NULL;
	k->octets_n = SPI_OCTETS + nai.n;
	w = key_octets(spi, nai, k->octets, k->octets_n);
	k->call = (struct radius_call){ .caller = &a->caller, .code = RADIUS_ACCESS_REQUEST };
	k->association = (struct ha_association){ .name = "aaa", .scope = SA_SCOPE_USER, .sa = { .spi = spi } };
	HASH_ADD_KEYPTR(hh, a->keys, k->octets, wr_len(&w), k);
	if (k->hh.tbl)
		return k;
	free(k);
	return NULL;
}

static void remove_key(struct aaa *a, struct aaa_key *k)
{
	radius_drop(a->client, &k->call);
	timers_cancel(&a->ends, &k->end);
	HASH_DEL(a->keys, k);
	sa_wipe(&k->association.sa);
	shared_sa_dropp(&k->sa);
	free(k);
}

/* It stays as long as something is known by it. */
static void settle(struct aaa *a, struct instant now, struct aaa_key *k)
{
	uint64_t end_us = k->good_until_us > k->refused_until_us ? k->good_until_us : k->refused_until_us;

	if (is_asked_for(k))
		timers_cancel(&a->ends, &k->end);
	else if (end_us <= now.us)
		remove_key(a, k);
	else
		(void)timers_set(&a->ends, &k->end, end_us); /* room was made with the key */
}

/* What the server is told: who, under which SPI, at which home agent. */
static void put(const struct radius_call *call, struct wr *w)
{
	const struct aaa_key *k = container_of(call, const struct aaa_key, call);
	const struct aaa *a = call->caller->ctx;
	const struct in_addr *own = &a->conf->address;

	radius_put(w, RADIUS_USER_NAME, nai_of(k));
	radius_put_ip4(w, RADIUS_NAS_IP_ADDRESS, *own);
	radius_put_u32(w, RADIUS_SERVICE_TYPE, AUTHORIZE_ONLY);
	radius_put_wimax(w, RADIUS_WIMAX_RRQ_HA_IP, (struct span){ (const uint8_t *)own, sizeof(*own) });
	radius_put_wimax(w, RADIUS_WIMAX_RRQ_MN_HA_SPI, (struct span){ k->octets, SPI_OCTETS });
}

static int start(struct aaa *a, struct instant now, struct aaa_key *k, struct actions *out)
{
	int r;

	if (!ratelimit_allow(&a->questions, now.us)) {
		COUNT(a, keys_rate_limited);
		return -EAGAIN;
	}
	a->ha->random.fill(a->ha->random.ctx, k->call.authenticator, sizeof(k->call.authenticator));
	r = radius_ask(a->client, now, &k->call, out);
	if (r < 0)
		return r;
	k->asked_us = now.us;
	COUNT(a, keys_asked);
	return 0;
}

static void drop_waiting(struct aaa *a, struct waiting *w)
{
	DL_DELETE(a->waiting, w);
	free(w);
}

/* The same sender's earlier request is as good as lost: it asks again because nobody answered. Return: whether there is
 * room. */
static bool make_room(struct aaa *a, const struct aaa_key *k, const struct datagram *d)
{
	size_t n = 0, same_source = 0;
	struct waiting *w, *next;

	DL_FOREACH_SAFE(a->waiting, w, next) {
		bool same = w->d.remote.s_addr == d->remote.s_addr;

		if (same && w->d.remote_port == d->remote_port && w->key == k) {
			drop_waiting(a, w);
			return true;
		}
		n++;
		same_source += same;
	}
	return n < WAITING_MAX && same_source < WAITING_PER_SOURCE && d->payload.n <= MIP_MSG_MAX;
}

static int wait_for(struct aaa *a, struct aaa_key *k, const struct datagram *d)
{
	struct waiting *w = malloc(sizeof(*w) + d->payload.n);

	if (!w)
		return -ENOMEM;
	*w = (struct waiting){ .key = k, .d = *d };
	memcpy(w->octets, d->payload.p, d->payload.n);
	w->d.payload.p = w->octets;
	DL_APPEND(a->waiting, w);
	COUNT(a, keys_waited_for);
	return 0;
}

/* Nobody is asked on behalf of a request that cannot wait. Return: AAA_WAIT, or a refusal without an answer: none helps but
 * an attacker. */
static int ask_and_wait(struct aaa *a, struct transaction *t, struct aaa_key *k)
{
	int code = DISCARD;

	if (!make_room(a, k, t->d)) {
		COUNT(a, keys_no_room);
		t->why = "too many requests wait for keys";
	} else if (!is_asked_for(k) && start(a, t->now, k, t->out) < 0) {
		t->why = "the AAA servers cannot be asked for its key now";
	} else if (wait_for(a, k, t->d) < 0) {
		t->why = "out of memory";
	} else {
		code = AAA_WAIT;
	}
	settle(a, t->now, k);
	return code;
}

int ha_aaa_association(struct ha *ha, struct transaction *t)
{
	struct aaa *a = ha->aaa;
	struct aaa_key *k = find(a, t->auth->spi, t->nai);

	if (k && k->good_until_us > t->now.us) {
		t->assoc = &k->association;
		t->shared = k->sa;
		return 0;
	}
	if (k && !is_asked_for(k) && k->refused_until_us > t->now.us) {
		t->why = "the AAA server has no key of this user under this SPI";
		return MIP_CODE_MN_AUTH_FAILED;
	}
	if (!k)
		k = add(a, t->auth->spi, t->nai);
	if (!k) {
		COUNT(a, keys_no_room);
		t->why = "no room for another user's key";
		return DISCARD;
	}
	return ask_and_wait(a, t, k);
}

int ha_aaa_doubt(struct ha *ha, struct transaction *t)
{
	struct aaa *a = ha->aaa;
	struct aaa_key *k = find(a, t->auth->spi, t->nai);

	if (!k || (!is_asked_for(k) && t->now.us - k->answered_us < DOUBT_S * US_PER_S))
		return MIP_CODE_MN_AUTH_FAILED;
	return ask_and_wait(a, t, k);
}

bool ha_aaa_serves(const struct ha *ha, struct span nai)
{
	const struct ha_user *u = ha->aaa && nai.n > 0 ? directory_user(ha->directory, nai) : NULL;

	return u && u->aaa_key;
}

struct shared_sa *ha_aaa_key(struct ha *ha, struct instant now, uint32_t spi, struct span nai, struct actions *out)
{
	struct aaa *a = ha->aaa;
	struct aaa_key *k;

	if (!ha_aaa_serves(ha, nai))
		return NULL;
	k = find(a, spi, nai);
	if (k && k->good_until_us > now.us)
		return k->sa;
	if (k && (is_asked_for(k) || k->refused_until_us > now.us))
		return NULL;
	if (!k)
		k = add(a, spi, nai);
	if (!k)
		return NULL;
	(void)start(a, now, k, out); /* who needs it comes back */
	settle(a, now, k);
	return NULL;
}

/* They are handled as if they came now: their Identification is judged by the time it has become. */
static void release(struct aaa *a, struct instant now, const struct aaa_key *k, struct actions *out)
{
	struct waiting *ready = NULL, *w, *next;

	DL_FOREACH_SAFE(a->waiting, w, next)
		if (w->key == k) {
			DL_DELETE(a->waiting, w);
			DL_APPEND(ready, w);
		}
	DL_FOREACH_SAFE(ready, w, next) {
		ha_on_request(a->ha, now, &w->d, out);
		free(w);
	}
}

static bool read_key(const struct aaa_key *k, const struct radius *p, struct sa *ret)
{
	uint8_t salted[RADIUS_VALUE_MAX], plain[RADIUS_VALUE_MAX], spi[SPI_OCTETS];
	int n = radius_find_wimax(p, RADIUS_WIMAX_RRQ_MN_HA_SPI, spi, sizeof(spi));
	bool ok;

	if (n != -ENOENT && (n != (int)sizeof(spi) || memcmp(spi, k->octets, sizeof(spi)) != 0))
		return false;
	n = radius_find_wimax(p, RADIUS_WIMAX_RRQ_MN_HA_KEY, salted, sizeof(salted));
	if (n <= 0)
		return false;
	n = radius_unsalt((struct span){ salted, (size_t)n }, k->call.to.secret, k->call.authenticator, plain);
	ok = n > 0 && n <= SA_KEY_MAX;
	if (ok) {
		memcpy(ret->key, plain, (size_t)n);
		ret->key_n = (uint8_t)n;
	}
	explicit_bzero(plain, sizeof(plain));
	return ok;
}

/* Another key than before is another association: who is served under the old one goes on with it. */
static int take(struct aaa *a, struct instant now, struct aaa_key *k, const struct sa *sa, uint32_t life_s)
{
	bool same = k->sa && k->sa->sa.key_n == sa->key_n && memcmp(k->sa->sa.key, sa->key, sa->key_n) == 0;
	struct shared_sa *fresh;

	if (!same) {
		if (shared_sa_new(sa, &fresh) < 0)
			return -ENOMEM;
		shared_sa_dropp(&k->sa);
		k->sa = fresh;
		k->association.sa = *sa;
	}
	k->good_until_us = now.us + life_s * US_PER_S;
	k->refused_until_us = 0;
	COUNT(a, keys_received);
	return 0;
}

/* Whoever made us ask has proved nothing, and gets few lines in the log. */
static void note_failure(struct aaa *a, struct instant now, const struct aaa_key *k, const char *event,
			 const char *what, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = event, .peer = k->call.to.address
	};

	if (ratelimit_allow(&a->ha->auth_failures, now.us))
		actions_record(out, &note, nai_of(k), "SPI %u: %s %s", k->association.sa.spi, k->call.to.name, what);
}

static void accepted(struct aaa *a, struct instant now, struct aaa_key *k, const struct radius *p, struct actions *out)
{
	const struct record note = { .level = RECORD_INFO, .event = "key_received", .peer = k->call.to.address };
	struct sa sa = { .spi = k->association.sa.spi, .alg = a->conf->aaa.mac, .tolerance_s = TOLERANCE_S };
	uint32_t life_s = 0;

	k->refused_until_us = now.us + REFUSED_S * US_PER_S; /* unless it is taken */
	if (!read_key(k, p, &sa)) {
		COUNT(a, keys_unusable);
		note_failure(a, now, k, "key_unusable", "accepts without a WiMAX-RRQ-MN-HA-Key for it", out);
		return;
	}
	(void)radius_find_u32(p, RADIUS_SESSION_TIMEOUT, &life_s); /* absent: 0, as it is */
	if (life_s == 0)
		life_s = a->conf->aaa.key_life_s;
	if (take(a, now, k, &sa, life_s) == 0)
		actions_record(out, &note, nai_of(k), "SPI %u, after %.1f ms, good for %u s", sa.spi,
			       (double)(now.us - k->asked_us) / (double)US_PER_MS, life_s);
	sa_wipe(&sa);
}

/* What AAA let in before stays until its time is over: the request that made us ask may be anybody's. */
static void refused(struct aaa *a, struct instant now, struct aaa_key *k, struct actions *out)
{
	COUNT(a, keys_refused);
	k->refused_until_us = now.us + REFUSED_S * US_PER_S;
	note_failure(a, now, k, "key_refused", "has no key for it", out);
}

static void on_reply(void *ctx, struct instant now, struct radius_call *call, const struct radius *p,
		     struct actions *out)
{
	struct aaa_key *k = container_of(call, struct aaa_key, call);
	struct aaa *a = ctx;

	k->answered_us = now.us;
	if (p->code == RADIUS_ACCESS_ACCEPT)
		accepted(a, now, k, p, out);
	else /* whoever is only to be authorised has nothing to say to a Challenge */
		refused(a, now, k, out);
	release(a, now, k, out); /* it stays: one thing or the other is known of it now */
	settle(a, now, k);
}

/* Those who wait are not answered: a refusal would say that the key is wrong, and nobody knows that. They ask again. */
static void on_silence(void *ctx, struct instant now, struct radius_call *call, struct actions *out)
{
	struct aaa_key *k = container_of(call, struct aaa_key, call);
	struct waiting *w, *next;
	struct aaa *a = ctx;

	note_failure(a, now, k, "key_unanswered", "does not answer", out);
	DL_FOREACH_SAFE(a->waiting, w, next)
		if (w->key == k) {
			COUNT(a, keys_in_vain);
			drop_waiting(a, w);
		}
	settle(a, now, k);
}

int ha_aaa_new(struct ha *ha)
{
	const struct ha_aaa *c = &ha->conf->aaa;
	const struct radius_client_conf client = {
		.address = ha->conf->address, .servers = c->servers, .server_n = c->server_n, .dead_s = c->dead_s
	};
	struct aaa *a;
	int r;

	if (c->server_n == 0)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	r = radius_client_new(&client, a->counters, &a->client);
	if (r < 0) {
		free(a);
		return r;
	}
	a->conf = ha->conf;
	a->ha = ha;
	a->caller = (struct radius_caller){ .put = put, .on_reply = on_reply, .on_silence = on_silence, .ctx = a };
	a->questions = ratelimit_init(c->rate);
	ha->aaa = a;
	return 0;
}

void ha_aaa_free(struct ha *ha)
{
	struct aaa *a = ha->aaa;
	struct aaa_key *k, *next_key;
	struct waiting *w, *next;

	if (!a)
		return;
	DL_FOREACH_SAFE(a->waiting, w, next)
		drop_waiting(a, w);
	HASH_ITER(hh, a->keys, k, next_key)
		remove_key(a, k);
	timers_done(&a->ends);
	radius_client_freep(&a->client);
	freep(&ha->aaa);
}

bool ha_aaa_owns_port(const struct ha *ha, uint16_t port)
{
	return ha->aaa && radius_client_owns_port(ha->aaa->client, port);
}

void ha_aaa_on_datagram(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out)
{
	radius_client_on_datagram(ha->aaa->client, now, d, out);
}

void ha_aaa_on_time(struct ha *ha, struct instant now, struct actions *out)
{
	struct aaa *a = ha->aaa;

	if (!a)
		return;
	radius_client_on_time(a->client, now, out);
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&a->ends, now.us);

		if (!timer)
			return;
		remove_key(a, container_of(timer, struct aaa_key, end));
	}
}

uint64_t ha_aaa_due(const struct ha *ha)
{
	uint64_t ends_us, client_us;

	if (!ha->aaa)
		return NEVER;
	ends_us = timers_due(&ha->aaa->ends);
	client_us = radius_client_due(ha->aaa->client);
	return ends_us < client_us ? ends_us : client_us;
}

int ha_set_aaa_ports(struct ha *ha, const uint16_t *ports, size_t n)
{
	return ha->aaa ? radius_client_set_ports(ha->aaa->client, ports, n) : 0;
}

size_t ha_aaa_counters(const struct ha *ha, const char *const **ret_names, const uint64_t **ret_values)
{
#define COUNTER_NAME(name) "aaa_" #name,
	static const char *const names[COUNTER_COUNT] = { AAA_KEY_COUNTERS(COUNTER_NAME) };
#undef COUNTER_NAME

	if (!ha->aaa)
		return 0;
	*ret_names = names;
	*ret_values = ha->aaa->counters;
	return COUNTER_COUNT;
}
