/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast-mpa: the mobility proxy agent. */
#include <arpa/inet.h>
#include <net/if.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "base/util.h"
#include "conf/value.h"
#include "daemons/daemon.h"
#include "io/log.h"
#include "io/now.h"
#include "roles/mpa/mpa.h"
#include "roles/radius/client.h"
#include "roles/relay/relay.h"

static void on_datagram(void *role, struct instant now, const struct datagram *d, struct actions *out)
{
	mpa_on_datagram(role, now, d, out);
}

static void on_frame(void *role, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	mpa_on_frame(role, now, ifindex, frame, out);
}

static void on_tunnelled(void *role, struct instant now, const struct tunnelled *t, struct actions *out)
{
	mpa_on_tunnelled(role, now, t, out);
}

static void on_dp_event(void *role, struct instant now, const struct dp_event *e, struct actions *out)
{
	switch (e->type) {
	case DP_EVENT_UNKNOWN_SOURCE:
		mpa_on_unknown_source(role, now, e->ifindex, e->mac, e->source, e->reqid, out);
		break;
	case DP_EVENT_SPOOF:
		mpa_on_spoof(role, now, e->ifindex, e->mac, e->source, out);
		break;
	case DP_EVENT_FIRST_UP:
	case DP_EVENT_FIRST_DOWN:
		mpa_on_first_packet(role, now, e->index, e->type == DP_EVENT_FIRST_UP, out);
		break;
	case DP_EVENT_TOO_BIG:
		mpa_on_too_big(role, now, e->index, e->packet, e->mtu, out);
		break;
	case DP_EVENT_UNKNOWN_HOME:
	case DP_EVENT_HELD:
		mpa_on_held(role, now, e->index, e->packet, out);
		break;
	case DP_EVENT_TOO_BIG_DOWN:
		mpa_on_too_big_down(role, now, e->index, e->packet, e->mtu, out);
		break;
	case DP_EVENT_TUNNEL_SPOOF: /* the kernel counts them; late packets of a station that left are normal */
		break;
	}
}

static void on_carrier(void *role, struct instant now, uint32_t ifindex, bool up, struct actions *out)
{
	mpa_on_carrier(role, now, ifindex, up, out);
}

static void on_port(void *role, struct instant now, const struct port_event *e, struct actions *out)
{
	mpa_on_port(role, now, e, out);
}

static void on_charon(void *role, struct instant now, const struct charon_event *e, struct actions *out)
{
	mpa_on_charon(role, now, e, out);
}

static void on_device(void *role, struct instant now, uint32_t ifindex, struct actions *out)
{
	mpa_on_device(role, now, ifindex, out);
}

static void on_user_device(void *role, struct instant now, uint32_t ifindex, const char *name, uint16_t mtu,
			   struct actions *out)
{
	mpa_on_user_device(role, now, ifindex, name, mtu, out);
}

static void on_time(void *role, struct instant now, struct actions *out)
{
	mpa_on_time(role, now, out);
}

static uint64_t due(const void *role)
{
	return mpa_due(role);
}

struct listing {
	struct daemon *d;
	json_t *array;
	struct instant now;
};

static json_t *mac_json(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void list_subscriber(void *ctx, const struct mpa_subscriber_view *v)
{
	struct listing *l = ctx;
	char interface[IF_NAMESIZE] = "";
	json_t *j;

	(void)if_indextoname(v->ifindex, interface); /* "" when it is gone */
	j = json_pack("{s:s, s:s, s:o, s:s, s:o, s:s, s:o, s:I, s:I, s:I, s:i, s:s, s:s, s:I, s:o}", "nai", v->nai,
		      "state", v->state, "home", json_address(v->home), "home_agent", v->home_agent, "mac",
		      mac_json(v->mac), "interface", interface, "tunnel", json_tunnel(&v->tunnel), "sequence",
		      (json_int_t)v->sequence, "age_s",
		      (json_int_t)(v->since_us ? (l->now.us - v->since_us) / US_PER_S : 0), "expires_s",
		      seconds_left(v->expires_us, l->now), "last_code", v->last_code, "association", v->association,
		      "nas", v->nas, "login_expires_s", seconds_left(v->login_ends_us, l->now), "counters",
		      json_counters(l->d, v->index));
	(void)json_array_append_new(l->array, j); /* short without memory */
}

static void count_subscriber(void *ctx, const struct mpa_subscriber_view *v)
{
	(void)v;
	(*(json_int_t *)ctx)++;
}

static void list_tunnel(void *ctx, const struct mpa_subscriber_view *v)
{
	json_t *tunnels = ctx, *t, *fresh;
	size_t i;

	if (strcmp(v->state, "served") != 0)
		return;
	fresh = json_tunnel(&v->tunnel);
	json_array_foreach(tunnels, i, t) {
		if (!json_equal(json_object_get(t, "tunnel"), fresh))
			continue;
		(void)json_object_set_new(t, "subscribers",
					  json_integer(json_integer_value(json_object_get(t, "subscribers")) + 1));
		json_decref(fresh);
		return;
	}
	(void)json_array_append_new(tunnels, json_pack("{s:o, s:i}", "tunnel", fresh, "subscribers", 1)); /* as above */
}

static void list_session(void *ctx, const struct mpa_session_view *v)
{
	struct listing *l = ctx;

	(void)json_array_append_new(
		l->array, json_pack("{s:I, s:s, s:s, s:o, s:o, s:i, s:I, s:I}", "sa", (json_int_t)v->sa, "nai", v->nai,
				    "state", v->state, "home", json_address(v->home), "remote", json_address(v->remote),
				    "remote_port", v->remote_port, "children", (json_int_t)v->children, "age_s",
				    (json_int_t)((l->now.us - v->since_us) / US_PER_S))); /* as above */
}

static json_t *with_radius(const struct daemon *d, json_t *counters)
{
	const struct relay *relay = mpa_relay(d->state);
	const char *const *names;
	const uint64_t *values;
	size_t n = relay ? relay_counters(relay, &names, &values) : 0;

	return n > 0 ? daemon_counter_group(counters, "radius", names, values, n) : counters;
}

static json_t *show(struct daemon *d, const char *what, struct instant now)
{
	struct listing l = { .d = d, .now = now };
	const char *const *names;
	const uint64_t *values;
	json_int_t n = 0;
	size_t counter_n = mpa_counters(d->state, &names, &values);

	if (strcmp(what, "counters") == 0)
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "mpa", "counters",
				 with_radius(d, daemon_counters(d, names, values, counter_n)));
	if (strcmp(what, "summary") == 0) {
		mpa_each_subscriber(d->state, count_subscriber, &n);
		return json_pack("{s:b, s:s, s:s, s:I}", "ok", 1, "role", "mpa", "version", HF_VERSION, "subscribers",
				 n);
	}
	l.array = json_array();
	if (strcmp(what, "subscribers") == 0) {
		mpa_each_subscriber(d->state, list_subscriber, &l);
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "mpa", "subscribers", l.array);
	}
	if (strcmp(what, "sessions") == 0) {
		mpa_each_session(d->state, list_session, &l);
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "mpa", "sessions", l.array);
	}
	if (strcmp(what, "tunnels") == 0) {
		mpa_each_subscriber(d->state, list_tunnel, l.array);
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "mpa", "tunnels", l.array);
	}
	json_decref(l.array);
	return control_error("not_found", "a proxy agent shows: summary, subscribers, sessions, tunnels, counters");
}

static const char *text_of(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}

/* A value in the syntax of the configuration. @kind's default limits apply. */
static bool value_of(const json_t *request, const char *name, enum key_kind kind, void *ret)
{
	const struct conf_key key = { .name = name, .kind = kind, .min = SPI_MIN, .max = UINT32_MAX };
	const char *text = text_of(request, name), *allowed;
	char buffer[256];

	return text && value_parse(&key, text, ret, buffer, &allowed) == 0;
}

/* What access authentication would bring along (L-04, L-63). The key comes by file, never in the request. */
static json_t *read_profile(const json_t *request, struct mpa_profile_data *profile, struct sa *sa)
{
	struct key_source source = { .key_file = (char *)text_of(request, "key_file") };
	const char *algorithm = text_of(request, "algorithm");
	struct conf_error e = { 0 };
	int alg = algorithm ? name_find(mac_alg_names, MAC_ALG_COUNT, algorithm) : MAC_HMAC_SHA_256;

	if (text_of(request, "home_agent") && !value_of(request, "home_agent", KEY_ADDRESS, &profile->home_agent))
		return control_error("usage", "home_agent is not an IPv4 address");
	if (text_of(request, "home_address") && !value_of(request, "home_address", KEY_ADDRESS, &profile->home_address))
		return control_error("usage", "home_address is not an IPv4 address");
	if (!source.key_file)
		return NULL;
	if (!value_of(request, "spi", KEY_U32, &sa->spi) || alg < 0)
		return control_error("usage", "key_file needs an spi of at least 256, and a known algorithm if any");
	sa->alg = (enum mac_alg)alg;
	sa->tolerance_s = 7;
	if (key_load("attach", &source, sa, &e) < 0)
		return control_error("refused", e.text);
	profile->sa = sa;
	return NULL;
}

static json_t *attach_result(int r)
{
	switch (r) {
	case 0:
		return json_pack("{s:b}", "ok", 1);
	case -ENOENT:
		return control_error("not_found", "no such access interface, or no home agent for this user");
	case -EPERM:
		return control_error("refused", "this port is not trusted");
	case -ENOKEY:
		return control_error("refused", "there is no security association for this user");
	case -ENOSPC:
		return control_error("refused", "as many stations as this agent may serve");
	default:
		return control_error("refused", strerror(-r));
	}
}

static json_t *attach(struct daemon *d, const json_t *request, struct instant now, struct actions *out)
{
	struct mpa_profile_data profile = { 0 };
	struct sa sa = { 0 };
	struct mpa_attach a = { .trigger = MPA_TRIGGER_COMMAND, .profile = &profile };
	const char *interface = text_of(request, "interface");
	json_t *error;

	a.nai = text_of(request, "nai");
	if (!a.nai || !a.nai[0] || !interface || !value_of(request, "mac", KEY_MAC, a.mac))
		return control_error("usage", "attach needs nai, interface and mac");
	a.ifindex = if_nametoindex(interface);
	error = read_profile(request, &profile, &sa);
	if (!error)
		error = attach_result(mpa_attach(d->state, now, &a, out));
	OPENSSL_cleanse(&sa, sizeof(sa));
	return error;
}

static json_t *answer(struct daemon *d, const char *verb, const json_t *request, struct instant now,
		      struct actions *out)
{
	const char *nai = text_of(request, "nai"), *what = text_of(request, "what");
	int r;

	if (strcmp(verb, "show") == 0)
		return show(d, what ? what : "summary", now);
	if (strcmp(verb, "attach") == 0)
		return attach(d, request, now, out);
	if (strcmp(verb, "detach") != 0 && strcmp(verb, "kick") != 0)
		return NULL;
	if (!nai)
		return control_error("usage", "a member \"nai\" is needed");
	if (strcmp(verb, "kick") == 0)
		r = mpa_kick(d->state, now, nai, out);
	else
		r = mpa_detach(d->state, now, nai, json_is_true(json_object_get(request, "hold")), out);
	return r < 0 ? control_error("not_found", "this user is not here") : json_pack("{s:b}", "ok", 1);
}

static const struct role role = {
	.name = "mpa",
	.on_datagram = on_datagram,
	.on_frame = on_frame,
	.on_tunnelled = on_tunnelled,
	.on_dp_event = on_dp_event,
	.on_carrier = on_carrier,
	.on_port = on_port,
	.on_charon = on_charon,
	.on_device = on_device,
	.on_user_device = on_user_device,
	.on_time = on_time,
	.due = due,
	.answer = answer,
};

/* Names of the devices where users arrive as plain packets. */
static void fill_layer3(const struct mpa_conf *c, struct kernel_conf *ret)
{
	if (c->vpn_n > 0)
		ret->layer3[ret->dp.layer3_n++] = c->vpns[0].interface;
	for (size_t i = 0; i < c->relay.nas_n && ret->dp.layer3_n < ARRAY_SIZE(ret->layer3); i++)
		if (relay_has_user_devices(&c->relay.nases[i]))
			ret->layer3[ret->dp.layer3_n++] = c->relay.nases[i].access;
}

static int kernel_conf(void *file, struct kernel_conf *ret)
{
	struct mpa_file *f = file;
	int r = 0;

	ret->dp.role = DP_ROLE_MPA;
	ret->dp.max_entries = f->mpa.max_subscribers;
	for (size_t i = 0; r == 0 && i < f->mpa.access_n; i++)
		r = daemon_conf_access(ret, f->mpa.accesses[i].interface, &f->mpa.accesses[i].ifindex);
	fill_layer3(&f->mpa, ret);
	return r;
}

static int open_ports(struct daemon *d, struct mpa_file *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->mpa.access_n; i++) {
		struct mpa_access *a = &f->mpa.accesses[i];

		r = daemon_add_port(d, a->interface, PACKET_PORT_ACCESS);
		if (r == 0)
			memcpy(a->mac, d->ports[d->port_n - 1].mac, MAC_OCTETS);
		if (r == 0 && a->hostapd)
			r = daemon_add_authenticator(d, a->hostapd, a->interface, a->ifindex);
	}
	return r;
}

static int open_vpn(struct daemon *d, const struct mpa_conf *c)
{
	int r;

	if (c->vpn_n == 0)
		return 0;
	r = daemon_add_layer3(d, c->vpns[0].interface);
	return r < 0 ? r : daemon_add_charon(d);
}

static int open_user_devices(struct daemon *d, const struct relay_conf *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->nas_n; i++)
		if (relay_has_user_devices(&c->nases[i]))
			r = daemon_add_user_devices(d, c->nases[i].access);
	return r;
}

/* Its own ports, and those it asks AAA servers from: a request is found again by port and identifier. */
static int open_radius(struct daemon *d, const struct mpa *mpa, const struct relay_conf *c)
{
	struct relay *relay = mpa_relay(mpa);
	uint16_t clients[RADIUS_CLIENT_PORTS_MAX], own;
	int r;

	if (!relay)
		return 0;
	r = daemon_add_udp(d, c->auth_port, &own);
	if (r == 0)
		r = daemon_add_udp(d, c->acct_port, &own);
	if (r == 0 && c->das_port != 0)
		r = daemon_add_udp(d, c->das_port, &own);
	for (size_t i = 0; r == 0 && i < RADIUS_CLIENT_PORTS_MAX; i++)
		r = daemon_add_udp(d, 0, &clients[i]);
	return r < 0 ? r : relay_set_clients(relay, clients, RADIUS_CLIENT_PORTS_MAX);
}

static void mpa_closep(struct mpa **mpa)
{
	mpa_freep(mpa);
}

static int run(void *file, const struct dp_conf *kernel)
{
	static struct daemon d;
	struct mpa_file *f = file;
	auto_(mpa_closep) struct mpa *mpa = NULL;
	int r = daemon_open(&d, &role, &f->daemon, kernel, f->mpa.dhcp == MPA_DHCP_RELAY);

	if (r == 0)
		r = open_ports(&d, f);
	if (r == 0)
		r = open_vpn(&d, &f->mpa);
	if (r == 0)
		r = open_user_devices(&d, &f->mpa.relay);
	if (r == 0)
		r = mpa_new(&f->mpa, &system_random, &mpa);
	if (r == 0)
		r = open_radius(&d, mpa, &f->mpa.relay);
	if (r == 0)
		r = daemon_run(&d, mpa);
	daemon_close(&d);
	return r;
}

static int load(const char *path, void *file, struct conf_error *e)
{
	return mpa_file_load(path, file, e);
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "holdfast-mpa", .load = load, .kernel_conf = kernel_conf, .run = run
	};
	auto_(mpa_file_done) struct mpa_file f = { 0 };

	return daemon_main(argc, argv, &program, &f);
}
