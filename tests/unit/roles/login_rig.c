/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "login_rig.h"

enum { NAS_PORT = 40000, CLIENT = 50001, AUTH = 1812, ACCT = 1813, DAS = 3799 };

const char nas_at[] = "10.0.1.9", server_at[] = "10.0.0.11";
static const uint8_t authenticator[16] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const struct span nas_secret = { (const uint8_t *)"nas secret", 10 };
static const struct span aaa_secret = { (const uint8_t *)"aaa secret", 10 };

struct relay_nas nas;
static struct radius_server server;
static uint8_t buf[4096], next_id;

struct granted granted;

struct said said;

static struct radius_secret secret(struct span s)
{
	struct radius_secret r = { .n = s.n };

	memcpy(r.octets, s.p, s.n);
	return r;
}

void restart(void)
{
	const uint16_t port = CLIENT;

	rig_restart();
	assert_non_null(mpa_relay(rig.mpa));
	assert_int_equal(relay_set_clients(mpa_relay(rig.mpa), &port, 1), 0);
}

int setup(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	nas = (struct relay_nas){ .name = "floor", .address = { ip("10.0.1.0"), 24 }, .secret = secret(nas_secret) };
	server = (struct radius_server){ .name = "aaa",
					 .address = ip(server_at),
					 .auth_port = AUTH,
					 .secret = secret(aaa_secret),
					 .timeout_ms = 1000,
					 .tries = 3 };
	rig.conf.relay = (struct relay_conf){ .address = rig.conf.care_of,
					      .auth_port = AUTH,
					      .acct_port = ACCT,
					      .das_port = DAS,
					      .nases = &nas,
					      .nas_n = 1,
					      .servers = &server,
					      .server_n = 1,
					      .dead_s = 30,
					      .hold_ms = 3000,
					      .max_exchanges = 64 };
	for (size_t i = 0; i < 2; i++) {
		rig.accesses[i].trusted = false;
		memcpy(rig.accesses[i].mac, (uint8_t[]){ 2, 0, 0, 0, 1, (uint8_t)i }, MAC_OCTETS);
	}
	memset(&granted, 0, sizeof(granted));
	memset(&said, 0, sizeof(said));
	granted.user = "alice@example.com";
	next_id = 1;
	restart();
	return 0;
}

static void deliver(const struct wr *w, const char *from, uint16_t from_port, uint16_t to_port)
{
	const struct datagram d = { .local = rig.conf.care_of,
				    .remote = ip(from),
				    .local_port = to_port,
				    .remote_port = from_port,
				    .payload = { w->start, wr_len(w) } };

	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
}

static void put_text(struct wr *w, uint8_t type, const char *value)
{
	radius_put(w, type, text(value));
}

static void put_station(struct wr *w, const char *user, const char *called)
{
	put_text(w, RADIUS_USER_NAME, user);
	put_text(w, RADIUS_CALLING_STATION_ID, said.mac ? said.mac : "02-00-00-00-00-01");
	if (called)
		put_text(w, RADIUS_CALLED_STATION_ID, called);
	if (said.session)
		put_text(w, RADIUS_ACCT_SESSION_ID, said.session);
	if (said.nas_port)
		radius_put_u32(w, RADIUS_NAS_PORT, said.nas_port);
	if (said.nas_id)
		put_text(w, RADIUS_NAS_IDENTIFIER, said.nas_id);
	if (said.port_id)
		put_text(w, RADIUS_NAS_PORT_ID, said.port_id);
}

const struct action *sent_to(const char *to)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_SEND_DATAGRAM && rig.out.v[i].udp.remote.s_addr == ip(to).s_addr)
			return &rig.out.v[i];
	return NULL;
}

static void put_accept(struct wr *w, const uint8_t *asked)
{
	uint8_t salted[64], spi[4] = { (uint8_t)(granted.spi >> 24), (uint8_t)(granted.spi >> 16),
				       (uint8_t)(granted.spi >> 8), (uint8_t)granted.spi };
	int n;

	if (granted.user)
		put_text(w, RADIUS_USER_NAME, granted.user);
	if (granted.session_s)
		radius_put_u32(w, RADIUS_SESSION_TIMEOUT, granted.session_s);
	if (granted.filter)
		put_text(w, RADIUS_FILTER_ID, granted.filter);
	if (granted.home)
		radius_put_ip4(w, RADIUS_FRAMED_IP_ADDRESS, ip(granted.home));
	if (granted.home_agent) {
		struct in_addr a = ip(granted.home_agent);

		radius_put_wimax(w, RADIUS_WIMAX_HHA_IP, (struct span){ (const uint8_t *)&a, sizeof(a) });
	}
	if (!granted.key)
		return;
	n = radius_salt(text(granted.key), 0x8123, aaa_secret, asked, salted);
	assert_true(n > 0);
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_SPI, (struct span){ spi, sizeof(spi) });
	radius_put_wimax(w, RADIUS_WIMAX_MN_HHA_KEY, (struct span){ salted, (size_t)n });
}

void log_in(const char *called, uint8_t code)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct radius asked;
	const struct action *a;
	uint8_t asked_authenticator[16], id;

	radius_begin(&w, RADIUS_ACCESS_REQUEST, next_id++);
	radius_put_proof(&w);
	put_station(&w, said.user ? said.user : "anonymous@example.com", called);
	if (said.eap)
		radius_put_eap(&w, (struct span){ (const uint8_t *)"\2\7\0\5\1", 5 });
	assert_int_equal(radius_sign_request(&w, nas_secret, authenticator), 0);
	deliver(&w, said.from ? said.from : nas_at, NAS_PORT, AUTH);
	a = sent_to(server_at);
	assert_non_null(a);
	assert_int_equal(radius_parse(a->octets.p, a->octets.n, &asked), 0);
	memcpy(asked_authenticator, asked.authenticator, sizeof(asked_authenticator));
	id = asked.id;
	w = wr_init(buf, sizeof(buf));
	radius_begin(&w, code, id);
	radius_put_proof(&w);
	if (code == RADIUS_ACCESS_ACCEPT)
		put_accept(&w, asked_authenticator);
	assert_int_equal(radius_sign_response(&w, aaa_secret, asked_authenticator), 0);
	deliver(&w, server_at, AUTH, CLIENT);
}

void account(const char *called, uint32_t status, uint32_t cause)
{
	struct wr w = wr_init(buf, sizeof(buf));

	radius_begin(&w, RADIUS_ACCOUNTING_REQUEST, next_id++);
	put_station(&w, granted.user, called); /* RFC 2865 5.1 */
	radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, status);
	if (cause)
		radius_put_u32(&w, RADIUS_ACCT_TERMINATE_CAUSE, cause);
	if (said.delay_s)
		radius_put_u32(&w, RADIUS_ACCT_DELAY_TIME, said.delay_s);
	assert_int_equal(radius_sign_request(&w, nas_secret, NULL), 0);
	deliver(&w, said.from ? said.from : nas_at, NAS_PORT, ACCT);
}

void stop(const char *called, uint32_t cause)
{
	account(called, RADIUS_ACCT_STOP, cause);
}

void order(const struct order *o)
{
	struct wr w = wr_init(buf, sizeof(buf));
	struct in_addr a;

	radius_begin(&w, RADIUS_DISCONNECT_REQUEST, next_id++);
	radius_put_proof(&w);
	for (size_t i = 0; i < ARRAY_SIZE(o->said); i++) {
		switch (o->said[i].type) {
		case 0:
			break;
		case RADIUS_NAS_IP_ADDRESS:
		case RADIUS_FRAMED_IP_ADDRESS:
		case RADIUS_NAS_PORT:
			memcpy(&a, o->said[i].value, sizeof(a));
			radius_put_ip4(&w, o->said[i].type, a);
			break;
		default:
			put_text(&w, o->said[i].type, o->said[i].value);
			break;
		}
	}
	assert_int_equal(radius_sign_request(&w, aaa_secret, NULL), 0);
	deliver(&w, server_at, NAS_PORT, DAS);
}

uint8_t told(struct radius *ret)
{
	const struct action *a = sent_to(nas_at);

	if (!a)
		return 0;
	assert_int_equal(radius_parse(a->octets.p, a->octets.n, ret), 0);
	return ret->code;
}

void assert_rejected(const char *why)
{
	struct radius p;
	struct radius_at at;
	char message[254] = "";

	assert_int_equal(told(&p), RADIUS_ACCESS_REJECT);
	assert_true(radius_find(&p, RADIUS_REPLY_MESSAGE, &at));
	memcpy(message, at.value.p, at.value.n);
	if (!strstr(message, why))
		fail_msg("%s", message);
}

struct lookup {
	const char *nai, *state;
};

static void look(void *ctx, const struct mpa_subscriber_view *v)
{
	struct lookup *l = ctx;

	if (strcmp(v->nai, l->nai) == 0)
		l->state = v->state;
}

const char *state_of(const char *nai)
{
	struct lookup l = { nai, "" };

	mpa_each_subscriber(rig.mpa, look, &l);
	return l.state;
}
