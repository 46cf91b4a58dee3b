/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast-ha: the home agent. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemons/daemon.h"
#include "io/log.h"
#include "io/now.h"
#include "io/store.h"
#include "roles/ha/ha.h"

enum { STORE_ROOM = 64 << 20, STORE_ROOM_PER_BINDING = 4096 }; /* sparse: what is not used is not there */

enum { AAA_PORTS = 4 };

static void on_datagram(void *role, struct instant now, const struct datagram *d, struct actions *out)
{
	ha_on_datagram(role, now, d, out);
}

static void on_frame(void *role, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	ha_on_home_frame(role, now, ifindex, frame, out);
}

static void on_tunnelled(void *role, struct instant now, const struct tunnelled *t, struct actions *out)
{
	ha_on_tunnelled(role, now, t, out);
}

static void on_packet(void *role, struct instant now, struct span packet, struct actions *out)
{
	ha_on_packet(role, now, packet, 0, out);
}

static void on_dp_event(void *role, struct instant now, const struct dp_event *e, struct actions *out)
{
	switch (e->type) {
	case DP_EVENT_FIRST_UP:
	case DP_EVENT_FIRST_DOWN:
		ha_on_first_packet(role, now, e->index, e->type == DP_EVENT_FIRST_UP, out);
		break;
	case DP_EVENT_TOO_BIG:
		ha_on_packet(role, now, e->packet, e->mtu, out);
		break;
	case DP_EVENT_TUNNEL_SPOOF:
		ha_on_tunnel_spoof(role, now, e->source, out);
		break;
	case DP_EVENT_UNKNOWN_HOME: /* the packet itself comes out of the TUN */
	case DP_EVENT_UNKNOWN_SOURCE:
	case DP_EVENT_SPOOF:
	case DP_EVENT_HELD:
	case DP_EVENT_TOO_BIG_DOWN:
		break;
	}
}

static void on_time(void *role, struct instant now, struct actions *out)
{
	ha_on_time(role, now, out);
}

static uint64_t due(const void *role)
{
	return ha_due(role);
}

struct listing {
	struct daemon *d;
	json_t *array;
	struct instant now;
};

static void list_binding(void *ctx, const struct ha_binding_view *v)
{
	struct listing *l = ctx;
	json_t *copies = json_array();
	json_t *j = json_pack("{s:s, s:o, s:o, s:s, s:o, s:I, s:I, s:I, s:b, s:b, s:b, s:s, s:o}", "nai", v->nai,
			      "home", json_address(v->home), "care_of", json_address(v->care_of), "network", v->network,
			      "tunnel", json_tunnel(&v->tunnel), "sequence", (json_int_t)v->sequence, "age_s",
			      (json_int_t)((l->now.us - v->since_us) / US_PER_S), "expires_s",
			      seconds_left(v->expires_us, l->now), "proxy", v->proxy, "reverse_tunnel",
			      v->reverse_tunnel, "revocation", v->revocation, "association", v->association, "counters",
			      json_counters(l->d, v->index));

	for (size_t i = 0; copies && i < v->copy_n; i++) /* short without memory, as below */
		(void)json_array_append_new(copies,
					    json_pack("{s:o, s:o, s:I}", "care_of", json_address(v->copies[i].care_of),
						      "tunnel", json_tunnel(&v->copies[i].tunnel), "expires_s",
						      seconds_left(v->copies[i].expires_us, l->now)));
	if (j && v->copy_n > 0)
		(void)json_object_set(j, "copies", copies);
	json_decref(copies);
	(void)json_array_append_new(l->array, j); /* short without memory */
}

static void count_binding(void *ctx, const struct ha_binding_view *v)
{
	(void)v;
	(*(json_int_t *)ctx)++;
}

static void list_tunnel(void *ctx, const struct ha_binding_view *v)
{
	json_t *tunnels = ctx, *t, *fresh = json_tunnel(&v->tunnel);
	size_t i;

	json_array_foreach(tunnels, i, t) {
		if (!json_equal(json_object_get(t, "tunnel"), fresh))
			continue;
		(void)json_object_set_new(t, "bindings",
					  json_integer(json_integer_value(json_object_get(t, "bindings")) + 1));
		json_decref(fresh);
		return;
	}
	(void)json_array_append_new(tunnels, json_pack("{s:o, s:i}", "tunnel", fresh, "bindings", 1)); /* as above */
}

static json_t *with_aaa(const struct daemon *d, json_t *counters)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = ha_aaa_counters(d->state, &names, &values);

	return n > 0 ? daemon_counter_group(counters, "aaa", names, values, n) : counters;
}

static json_t *show(struct daemon *d, const char *what, struct instant now)
{
	struct listing l = { .d = d, .now = now };
	const char *const *names;
	const uint64_t *values;
	json_int_t n = 0;
	size_t counter_n = ha_counters(d->state, &names, &values);

	if (strcmp(what, "counters") == 0)
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "ha", "counters",
				 with_aaa(d, daemon_counters(d, names, values, counter_n)));
	if (strcmp(what, "summary") == 0) {
		ha_each_binding(d->state, count_binding, &n);
		return json_pack("{s:b, s:s, s:s, s:I}", "ok", 1, "role", "ha", "version", HF_VERSION, "bindings", n);
	}
	l.array = json_array();
	if (strcmp(what, "bindings") == 0) {
		ha_each_binding(d->state, list_binding, &l);
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "ha", "bindings", l.array);
	}
	if (strcmp(what, "tunnels") == 0) {
		ha_each_binding(d->state, list_tunnel, l.array);
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "ha", "tunnels", l.array);
	}
	json_decref(l.array);
	return control_error("not_found", "a home agent shows: summary, bindings, tunnels, counters");
}

static json_t *answer(struct daemon *d, const char *verb, const json_t *request, struct instant now,
		      struct actions *out)
{
	const char *nai = json_string_value(json_object_get(request, "nai"));
	const char *what = json_string_value(json_object_get(request, "what"));

	if (strcmp(verb, "show") == 0)
		return show(d, what ? what : "summary", now);
	if (strcmp(verb, "kick") != 0)
		return NULL;
	if (!nai)
		return control_error("usage", "kick needs a member \"nai\"");
	if (ha_kick(d->state, now, nai, out) < 0)
		return control_error("not_found", "this user has no binding");
	return json_pack("{s:b}", "ok", 1);
}

static const struct role role = {
	.name = "ha",
	.on_datagram = on_datagram,
	.on_frame = on_frame,
	.on_tunnelled = on_tunnelled,
	.on_packet = on_packet,
	.on_dp_event = on_dp_event,
	.on_time = on_time,
	.due = due,
	.answer = answer,
};

static int kernel_conf(void *file, struct kernel_conf *ret)
{
	struct ha_file *f = file;
	const struct daemon_conf *c = &f->daemon;
	int r = daemon_ifindexes(c->fast_interfaces, c->fast_interface_n, ret->fast);

	ret->dp.role = DP_ROLE_ANCHOR;
	ret->dp.device = c->device;
	ret->dp.fast_n = c->fast_interface_n;
	ret->dp.network_n = f->ha.network_n;
	ret->dp.max_entries = f->ha.max_bindings;
	for (size_t i = 0; r == 0 && i < ret->dp.network_n; i++) {
		struct ha_network *n = &f->ha.networks[i];
		char *name = n->interface;

		if (name[0])
			r = daemon_ifindexes(&name, 1, &n->ifindex);
		ret->networks[i] = (struct dp_home_network){ .prefix = n->prefix.addr,
							     .prefix_len = n->prefix.len,
							     .gateway = n->gateway,
							     .ifindex = n->ifindex };
	}
	return r;
}

static int open_home_links(struct daemon *d, struct ha_file *f)
{
	for (size_t i = 0; i < f->ha.network_n; i++) {
		struct ha_network *n = &f->ha.networks[i];
		int r = n->ifindex != 0 ? daemon_add_port(d, n->interface, PACKET_PORT_HOME_LINK) : 1;

		if (r < 0)
			return r;
		if (r == 0)
			memcpy(n->mac, d->ports[d->port_n - 1].mac, sizeof(n->mac));
	}
	return 0;
}

struct resume {
	struct daemon *d;
	struct ha *ha;
	bool bound; /* which half */
	size_t restored, held;
};

static void restore(void *ctx, struct span key, struct span value)
{
	struct resume *r = ctx;

	if (ha_restore(r->ha, daemon_now(r->d), key, value, r->bound, &r->d->actions))
		r->restored++;
	daemon_perform_early(r->d);
}

static void hold(void *ctx, const struct dp_binding *there)
{
	struct resume *h = ctx;
	int r = ha_hold(h->ha, daemon_now(h->d), there);

	if (r == 0)
		h->held++;
	else if (r != -EEXIST && r != -EADDRNOTAVAIL)
		log_line(RECORD_ERR, "event=leftover_not_held reason=\"%s\"", strerror(-r));
}

/* Users were served before we started, and go on being served: they are known again, or at least nobody else gets their
 * addresses. */
static void resume(struct daemon *d, struct ha *ha)
{
	struct resume r = { .d = d, .ha = ha, .bound = true };
	int error = d->store ? store_each(d->store, restore, &r) : 0;
	size_t bindings = r.restored;

	r.bound = false;
	if (error == 0 && d->store)
		error = store_each(d->store, restore, &r);
	ha_restored(ha);
	if (error < 0)
		log_line(RECORD_ERR, "event=store_error what=read reason=\"%s\"", strerror(-error));
	dp_each_binding(d->dp, hold, &r);
	if (r.restored > 0 || r.held > 0)
		log_line(RECORD_NOTICE, "event=resumed bindings=%zu addresses=%zu unknown=%zu", bindings,
			 r.restored - bindings, r.held);
}

static void open_store(struct daemon *d, const struct ha_file *f)
{
	char path[sizeof(f->store) + sizeof(f->daemon.instance)];

	if (f->store[0])
		(void)snprintf(path, sizeof(path), "%s", f->store); /* fits */
	else
		(void)snprintf(path, sizeof(path), "/var/lib/holdfast/%s.mdb", f->daemon.instance); /* as above */
	if (strcmp(f->store, "none") != 0)
		daemon_add_store(d, path, STORE_ROOM + STORE_ROOM_PER_BINDING * (size_t)f->ha.max_bindings);
}

/* What AAA servers are asked from: an answer is found by port and identifier. */
static int open_aaa(struct daemon *d, struct ha *ha, const struct ha_aaa *c)
{
	uint16_t ports[AAA_PORTS];
	int r = 0;

	if (c->server_n == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < AAA_PORTS; i++)
		r = daemon_add_udp(d, 0, &ports[i]);
	return r < 0 ? r : ha_set_aaa_ports(ha, ports, AAA_PORTS);
}

static void ha_closep(struct ha **ha)
{
	ha_freep(ha);
}

static int run(void *file, const struct dp_conf *kernel)
{
	static struct daemon d;
	struct ha_file *f = file;
	auto_(ha_closep) struct ha *ha = NULL;
	int r = daemon_open(&d, &role, &f->daemon, kernel, f->ha.dhcp_server.s_addr != INADDR_ANY);

	if (r == 0)
		r = daemon_add_encapsulations(&d, f->ha.gre, f->ha.minimal);
	if (r == 0)
		r = open_home_links(&d, f);
	if (r == 0)
		open_store(&d, f);
	if (r == 0)
		r = ha_new(&f->ha, &system_random, &ha);
	if (r == 0)
		r = open_aaa(&d, ha, &f->ha.aaa);
	if (r == 0)
		resume(&d, ha);
	if (r == 0)
		r = daemon_run(&d, ha);
	daemon_close(&d);
	return r;
}

static int load(const char *path, void *file, struct conf_error *e)
{
	return ha_file_load(path, file, e);
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "holdfast-ha", .load = load, .kernel_conf = kernel_conf, .run = run
	};
	auto_(ha_file_done) struct ha_file f = { 0 };

	return daemon_main(argc, argv, &program, &f);
}
