/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast-fa: the foreign agent. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "codec/mip_msg.h"
#include "daemons/daemon.h"
#include "io/log.h"
#include "io/now.h"
#include "roles/fa/fa.h"

static void on_datagram(void *role, struct instant now, const struct datagram *d, struct actions *out)
{
	fa_on_datagram(role, now, d, out);
}

static void on_frame(void *role, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	fa_on_frame(role, now, ifindex, frame, out);
}

static void on_tunnelled(void *role, struct instant now, const struct tunnelled *t, struct actions *out)
{
	(void)now;
	fa_on_tunnelled(role, t, out);
}

static void on_dp_event(void *role, struct instant now, const struct dp_event *e, struct actions *out)
{
	switch (e->type) {
	case DP_EVENT_TOO_BIG:
		fa_on_too_big(role, now, e->index, e->packet, e->mtu, out);
		break;
	case DP_EVENT_UNKNOWN_SOURCE:
	case DP_EVENT_SPOOF:
	case DP_EVENT_FIRST_UP:
	case DP_EVENT_FIRST_DOWN:
	case DP_EVENT_UNKNOWN_HOME:
	case DP_EVENT_TUNNEL_SPOOF:
	case DP_EVENT_HELD:
	case DP_EVENT_TOO_BIG_DOWN: /* the kernel counts what concerns us of these */
		break;
	}
}

static void on_unreachable(void *role, struct instant now, const struct unreachable *u, struct actions *out)
{
	const struct unreachable_request r = { .care_of = u->local,
					       .home_agent = u->remote,
					       .ifindex = u->ifindex,
					       .code = u->code,
					       .request = u->payload };

	if (u->remote_port == MIP_PORT)
		fa_on_unreachable(role, now, &r, out);
}

static void on_time(void *role, struct instant now, struct actions *out)
{
	fa_on_time(role, now, out);
}

static uint64_t due(const void *role)
{
	return fa_due(role);
}

struct listing {
	struct daemon *d;
	json_t *array;
	struct instant now;
};

static const char *delivery_name(enum delivery d)
{
	switch (d) {
	case DELIVERY_DIRECT:
		return "direct";
	case DELIVERY_ENCAPSULATING:
		return "encapsulating";
	case DELIVERY_NONE:
		break;
	}
	return "none";
}

static void list_visitor(void *ctx, const struct fa_visitor_view *v)
{
	struct listing *l = ctx;
	char interface[IF_NAMESIZE] = "";
	json_t *j;

	(void)if_indextoname(v->ifindex, interface); /* "" when it is gone */
	j = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:I, s:I, s:o}", "nai", v->nai, "home",
		      json_address(v->home), "home_agent", json_address(v->home_agent), "care_of",
		      json_address(v->care_of), "mac",
		      json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1], v->mac[2], v->mac[3],
				   v->mac[4], v->mac[5]),
		      "interface", interface, "tunnel", json_tunnel(&v->tunnel), "reverse", delivery_name(v->delivery),
		      "age_s", (json_int_t)((l->now.us - v->since_us) / US_PER_S), "expires_s",
		      seconds_left(v->expires_us, l->now), "counters", json_counters(l->d, v->index));
	(void)json_array_append_new(l->array, j); /* short without memory */
}

static void count_visitor(void *ctx, const struct fa_visitor_view *v)
{
	(void)v;
	(*(json_int_t *)ctx)++;
}

static json_t *show(struct daemon *d, const char *what, struct instant now)
{
	struct listing l = { .d = d, .now = now };
	const char *const *names;
	const uint64_t *values;
	size_t counter_n = fa_counters(d->state, &names, &values);
	json_int_t n = 0;

	if (strcmp(what, "counters") == 0)
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "fa", "counters",
				 daemon_counters(d, names, values, counter_n));
	if (strcmp(what, "summary") == 0) {
		fa_each_visitor(d->state, count_visitor, &n);
		return json_pack("{s:b, s:s, s:s, s:I}", "ok", 1, "role", "fa", "version", HF_VERSION, "visitors", n);
	}
	if (strcmp(what, "visitors") == 0) {
		l.array = json_array();
		fa_each_visitor(d->state, list_visitor, &l);
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "fa", "visitors", l.array);
	}
	return control_error("not_found", "a foreign agent shows: summary, visitors, counters");
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
		return control_error("usage", "a member \"nai\" is needed");
	return fa_kick(d->state, now, nai, out) < 0 ? control_error("not_found", "this user is not here") :
						      json_pack("{s:b}", "ok", 1);
}

static const struct role role = {
	.name = "fa",
	.on_datagram = on_datagram,
	.on_frame = on_frame,
	.on_tunnelled = on_tunnelled,
	.on_dp_event = on_dp_event,
	.on_unreachable = on_unreachable,
	.on_time = on_time,
	.due = due,
	.answer = answer,
};

static int kernel_conf(void *file, struct kernel_conf *ret)
{
	struct fa_file *f = file;
	int r = 0;

	ret->dp.role = DP_ROLE_FA;
	ret->dp.max_entries = f->fa.max_visitors;
	for (size_t i = 0; r == 0 && i < f->fa.access_n; i++)
		r = daemon_conf_access(ret, f->fa.accesses[i].interface, &f->fa.accesses[i].ifindex);
	return r;
}

/* One of the interface's addresses by @request, SIOCGIFADDR or SIOCGIFNETMASK. */
static int address_of(int fd, const char *interface, unsigned long request, struct in_addr *ret)
{
	struct ifreq req = { 0 };
	struct sockaddr_in at;

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", interface); /* conf/ checked its length */
	if (ioctl(fd, request, &req) < 0)
		return -errno;
	memcpy(&at, &req.ifr_addr, sizeof(at));
	*ret = at.sin_addr;
	return 0;
}

static int open_access(struct daemon *d, struct fa_access *a)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct in_addr mask = { 0 };
	int r = fd < 0 ? -errno : address_of(fd, a->interface, SIOCGIFADDR, &a->address);

	if (r == 0)
		r = address_of(fd, a->interface, SIOCGIFNETMASK, &mask);
	if (r < 0) {
		log_line(RECORD_ERR, "%s has no IPv4 address that mobile nodes could have as their router",
			 a->interface);
		return r;
	}
	a->prefix_len = (uint8_t)__builtin_popcount(mask.s_addr);
	r = daemon_add_port(d, a->interface, PACKET_PORT_AGENT);
	if (r == 0)
		memcpy(a->mac, d->ports[d->port_n - 1].mac, sizeof(a->mac));
	return r;
}

static int run(void *file, const struct dp_conf *kernel)
{
	static struct daemon d;
	struct fa_file *f = file;
	auto_(fa_freep) struct fa *fa = NULL;
	int r = daemon_open(&d, &role, &f->daemon, kernel, false);

	for (size_t i = 0; r == 0 && i < f->fa.access_n; i++)
		r = open_access(&d, &f->fa.accesses[i]);
	if (r == 0)
		r = daemon_add_icmp(&d);
	if (r == 0)
		r = fa_new(&f->fa, &system_random, &fa);
	if (r == 0)
		r = daemon_run(&d, fa);
	if (r == 0 && f->fa.revoke_at_exit) {
		while (fa_stop(fa, daemon_now(&d), &d.actions))
			daemon_perform(&d);
		daemon_perform(&d);
	}
	daemon_close(&d);
	return r;
}

static int load(const char *path, void *file, struct conf_error *e)
{
	return fa_file_load(path, file, e);
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "holdfast-fa", .load = load, .kernel_conf = kernel_conf, .run = run
	};
	auto_(fa_file_done) struct fa_file f = { 0 };

	return daemon_main(argc, argv, &program, &f);
}
