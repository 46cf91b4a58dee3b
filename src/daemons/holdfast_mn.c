/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast-mn: the helper of a mobile host. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "codec/icmp4.h"
#include "codec/mip_msg.h"
#include "daemons/daemon.h"
#include "io/agent_watch.h"
#include "io/log.h"
#include "io/now.h"
#include "io/udp_socket.h"
#include "roles/mn/mn.h"

/* The role, and what it is told of by itself. */
struct node {
	struct mn *mn;
	struct daemon d;
};

static void on_net(void *role, struct instant now, const struct net_event *e, struct actions *out)
{
	const struct node *n = role;

	mn_on_net(n->mn, now, e, out);
}

static void on_charon(void *role, struct instant now, const struct charon_event *e, struct actions *out)
{
	const struct node *n = role;

	mn_on_charon(n->mn, now, e, out);
}

/* What the kernel put together from pieces: its programs leave that alone. */
static void on_tunnelled(void *role, struct instant now, const struct tunnelled *t, struct actions *out)
{
	const struct node *n = role;
	struct wr w;

	(void)now;
	if (!dp_path_takes(n->d.dp, t->ifindex, &t->tunnel, t->inner))
		return;
	w = actions_writer(out, t->inner.n);
	wr_bytes(&w, t->inner.p, t->inner.n);
	actions_send_packet(out, &w);
}

static void on_tunnel_data(void *role, struct instant now, const struct datagram *d, struct actions *out)
{
	const struct tunnelled t = { .tunnel = { .encap = ENCAP_UDP,
						 .local = d->local,
						 .remote = d->remote,
						 .local_port = d->local_port,
						 .remote_port = d->remote_port },
				     .ifindex = d->ifindex,
				     .inner = { d->payload.p + MIP_TUNNEL_DATA_OCTETS,
						d->payload.n - MIP_TUNNEL_DATA_OCTETS } };

	on_tunnelled(role, now, &t, out);
}

static void on_datagram(void *role, struct instant now, const struct datagram *d, struct actions *out)
{
	const struct node *n = role;

	if (d->payload.n > MIP_TUNNEL_DATA_OCTETS && d->payload.p[0] == MIP_TYPE_TUNNEL_DATA)
		on_tunnel_data(role, now, d, out);
	else
		mn_on_datagram(n->mn, now, d, out);
}

static void on_frame(void *role, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	const struct node *n = role;

	mn_on_frame(n->mn, now, ifindex, frame, out);
}

static void on_dp_event(void *role, struct instant now, const struct dp_event *e, struct actions *out)
{
	struct node *n = role;

	(void)now;
	(void)out;
	/* Its sockets are of this host: they see the device's size, and send again. */
	if (e->type == DP_EVENT_TOO_BIG && dp_path_narrow(n->d.dp, e->mtu) < 0)
		n->d.dp_errors++;
}

/* Anybody can say so: what is believed is the kernel's own figure. */
static void on_unreachable(void *role, struct instant now, const struct unreachable *u, struct actions *out)
{
	struct node *n = role;

	(void)now;
	(void)out;
	if (u->code == ICMP4_FRAGMENTATION_NEEDED && dp_path_review(n->d.dp, u->local, u->remote) < 0)
		n->d.dp_errors++;
}

static void on_time(void *role, struct instant now, struct actions *out)
{
	const struct node *n = role;

	mn_on_time(n->mn, now, out);
}

static uint64_t due(const void *role)
{
	const struct node *n = role;

	return mn_due(n->mn);
}

static struct mn *mn_of(const struct daemon *d)
{
	const struct node *n = d->state;

	return n->mn;
}

static void list_link(void *ctx, const struct mn_link_view *v)
{
	json_t *addresses = json_array();

	for (size_t i = 0; i < v->address_n; i++)
		(void)json_array_append_new(addresses, json_address(v->addresses[i])); /* short without memory */
	(void)json_array_append_new(
		ctx, json_pack("{s:s, s:b, s:o}", "name", v->name, "up", v->up, "addresses", addresses)); /* as above */
}

static const struct mn_file *file_of(const struct daemon *d)
{
	return container_of(d->conf, const struct mn_file, daemon);
}

static const struct mn_conf *conf_of(const struct daemon *d)
{
	return &file_of(d)->mn;
}

/* Client mode only. */
static void add_binding(struct daemon *d, const struct mn_view *v, struct instant now, json_t *to)
{
	const struct {
		const char *name;
		json_t *value;
	} members[] = { { "mode", json_string(v->mode) },
			{ "care_of", json_address(v->care_of) },
			{ "foreign_agent", json_address(v->foreign_agent) },
			{ "expires_s", json_integer(seconds_left(v->expires_us, now)) },
			{ "counters", json_counters(d, 0) } };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		(void)json_object_set_new(to, members[i].name, members[i].value); /* without memory, one is missing */
}

static json_t *show_node(struct daemon *d, struct instant now)
{
	const struct mn_conf *conf = conf_of(d);
	json_t *links = json_array(), *j;
	struct mn_view v;

	mn_describe(mn_of(d), &v);
	mn_each_link(mn_of(d), list_link, links);
	j = json_pack("{s:b, s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:o, s:o, s:I, s:o}",
		      "ok", 1, "role", "mn", "nai", conf->user, "state", v.state, "reason", v.reason, "age_s",
		      (json_int_t)(v.since_us ? (now.us - v.since_us) / US_PER_S : 0), "home", json_address(v.home),
		      "device", conf->device, "native", v.native, "proof", v.proof, "charon", v.charon, "connection",
		      v.gateway, "sa", (json_int_t)v.sa, "children", (json_int_t)v.children, "local",
		      json_address(v.local), "remote", json_address(v.remote), "retry_s", seconds_left(v.retry_us, now),
		      "links", links);
	if (d->dp && j)
		add_binding(d, &v, now, j);
	return j;
}

static json_t *show(struct daemon *d, const char *what, struct instant now)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = mn_counters(mn_of(d), &names, &values);
	struct mn_view v;

	if (strcmp(what, "counters") == 0)
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "mn", "counters",
				 daemon_counters(d, names, values, n));
	if (strcmp(what, "node") == 0)
		return show_node(d, now);
	mn_describe(mn_of(d), &v);
	if (strcmp(what, "summary") == 0)
		return json_pack("{s:b, s:s, s:s, s:s, s:o}", "ok", 1, "role", "mn", "version", HF_VERSION, "state",
				 v.state, "home", json_address(v.home));
	return control_error("not_found", "a mobile node shows: summary, node, counters");
}

/* "nai", where it is given, says which of several hosts is meant. */
static json_t *use_gateway(struct daemon *d, const json_t *request, struct instant now, struct actions *out)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *nai = json_string_value(json_object_get(request, "nai"));
	int r;

	if (!name)
		return control_error("usage", "gateway needs a member \"name\"");
	if (nai && strcmp(nai, conf_of(d)->user) != 0)
		return control_error("not_found", "this is the host of another user");
	r = mn_use(mn_of(d), now, name, out);
	if (r == -ENOENT)
		return control_error("not_found", "there is no such connection");
	if (r == -ENOTCONN)
		return control_error("refused", "charon is not there");
	return json_pack("{s:b}", "ok", 1); /* in use already is fine */
}

static json_t *answer(struct daemon *d, const char *verb, const json_t *request, struct instant now,
		      struct actions *out)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	if (strcmp(verb, "gateway") == 0)
		return use_gateway(d, request, now, out);
	return strcmp(verb, "show") == 0 ? show(d, what ? what : "summary", now) : NULL;
}

static const struct role role = {
	.name = "mn",
	.on_datagram = on_datagram,
	.on_frame = on_frame,
	.on_tunnelled = on_tunnelled,
	.on_dp_event = on_dp_event,
	.on_net = on_net,
	.on_unreachable = on_unreachable,
	.on_charon = on_charon,
	.on_time = on_time,
	.due = due,
	.answer = answer,
};

static bool is_named(const char *name, char *const *patterns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

/* Tunnels end at the device of the VPN and at each link with a MAC that may be a way out. */
static int add_link(struct daemon *d, const struct net_event *e)
{
	static const uint8_t none[MAC_OCTETS];
	const struct mn_file *f = file_of(d);

	if (is_named(e->name, f->vpn_devices, f->vpn_device_n))
		return dp_node_add_link(d->dp, e->ifindex, true);
	if (memcmp(e->mac, none, sizeof(none)) == 0 || is_named(e->name, f->mn.ignored, f->mn.ignored_n))
		return 0;
	return dp_node_add_link(d->dp, e->ifindex, false);
}

static void follow_link(struct daemon *d, const struct net_event *e)
{
	int r = 0;

	if (e->type == NET_LINK)
		r = add_link(d, e);
	else if (e->type == NET_LINK_GONE)
		dp_node_del_link(d->dp, e->ifindex);
	if (r == 0)
		return;
	d->dp_errors++;
	log_line(RECORD_WARN, "no tunnel can end at %s: %s", e->name, strerror(-r));
}

static void on_news(void *ctx, const struct net_event *e)
{
	struct daemon *d = ctx;

	if (d->dp)
		follow_link(d, e);
	d->role->on_net(d->state, daemon_now(d), e, &d->actions);
	daemon_perform(d);
}

static void net_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	net_watch_read(d->net, on_news, d);
	daemon_keep_watching(p, status, net_readable);
}

static void on_plain(void *ctx, uint32_t ifindex)
{
	struct daemon *d = ctx;

	mn_on_plain(mn_of(d), daemon_now(d), ifindex, &d->actions);
	daemon_perform(d);
}

static void plain_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	plain_watch_read(d->plain, on_plain, d);
	daemon_keep_watching(p, status, plain_readable);
}

/* Only a hint comes from there: without it all else works. */
static int open_plain(struct daemon *d)
{
	int r = plain_watch_open(&d->plain);

	if (r == 0)
		return daemon_watch(d, &d->plain_poll, plain_watch_fd(d->plain), plain_readable);
	log_line(RECORD_WARN, "plain packets are not watched for (CAP_NET_RAW is needed): %s", strerror(-r));
	return 0;
}

static void on_advertisement(void *ctx, uint32_t ifindex, struct span frame)
{
	struct daemon *d = ctx;

	d->role->on_frame(d->state, daemon_now(d), ifindex, frame, &d->actions);
	daemon_perform(d);
}

static void agents_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)events;
	agent_watch_read(d->agents, on_advertisement, d);
	daemon_keep_watching(p, status, agents_readable);
}

static int open_sockets(struct daemon *d)
{
	d->udp = udp_socket_open(MIP_PORT, false);
	if (d->udp < 0) {
		log_line(RECORD_ERR, "cannot open UDP port %d: %s", MIP_PORT, strerror(-d->udp));
		return d->udp;
	}
	d->ipip = tunnel_socket_open(ENCAP_IPIP);
	d->agents = agent_watch_open();
	if (d->ipip >= 0 && d->agents >= 0)
		return daemon_watch(d, &d->agents_poll, d->agents, agents_readable);
	log_line(RECORD_ERR, "cannot open a raw socket (CAP_NET_RAW is needed): %s",
		 strerror(d->ipip < 0 ? -d->ipip : -d->agents));
	return d->ipip < 0 ? d->ipip : d->agents;
}

static int kernel_conf(void *file, struct kernel_conf *ret)
{
	struct mn_file *f = file;

	ret->dp.role = DP_ROLE_NODE;
	ret->dp.device = f->mn.device;
	ret->dp.max_entries = 1;
	return 0;
}

/* A host that speaks Mobile IP itself. The home address is on its device from the first moment: nothing can be bound to
 * another one by mistake, and nothing leaves before it is known where to. */
static int open_client(struct daemon *d, const struct dp_conf *kernel)
{
	const char *why = "";
	int r = open_sockets(d);

	if (r < 0)
		return r;
	r = dp_open(kernel, &d->dp, &why);
	if (r < 0)
		log_line(RECORD_ERR, "%s: %s", why, strerror(-r));
	return r == 0 ? daemon_add_icmp(d) : r;
}

static int open_host(struct daemon *d, struct mn_file *f, const struct dp_conf *kernel)
{
	int r = dp_home_open(f->mn.device, f->mn.mark, &d->home);

	if (r < 0) {
		log_line(RECORD_ERR, "cannot make the device %s (CAP_NET_ADMIN and the tun module are needed): %s",
			 f->mn.device, strerror(-r));
		return r;
	}
	r = f->mn.mode == MN_MODE_CLIENT ? open_client(d, kernel) : 0;
	if (r < 0)
		return r;
	r = net_watch_open(&d->net);
	if (r == 0)
		r = daemon_watch(d, &d->net_poll, net_watch_fd(d->net), net_readable);
	if (r == 0)
		r = open_plain(d);
	if (r < 0)
		log_line(RECORD_ERR, "cannot watch the network: %s", strerror(-r));
	if (r == 0)
		r = daemon_add_wake(d);
	return r == 0 ? daemon_add_charon(d) : r;
}

static int run(void *file, const struct dp_conf *kernel)
{
	static struct node n;
	struct mn_file *f = file;
	int r = daemon_open_plain(&n.d, &role, &f->daemon);

	if (r == 0)
		r = open_host(&n.d, f, kernel);
	if (r == 0)
		r = mn_new(&f->mn, &system_random, &n.mn);
	if (r == 0)
		r = daemon_run(&n.d, &n);
	daemon_close(&n.d);
	mn_freep(&n.mn);
	return r;
}

static void flush(const void *file, const struct dp_conf *kernel)
{
	const struct mn_file *f = file;

	if (f->mn.mode == MN_MODE_CLIENT)
		dp_flush(kernel);
	dp_home_flush(f->mn.device, f->mn.mark);
}

static int load(const char *path, void *file, struct conf_error *e)
{
	return mn_file_load(path, file, e);
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "holdfast-mn", .load = load, .kernel_conf = kernel_conf, .flush = flush, .run = run
	};
	auto_(mn_file_done) struct mn_file f = { 0 };

	return daemon_main(argc, argv, &program, &f);
}
