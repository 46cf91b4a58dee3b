/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast-mn: the helper of a mobile host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemons/daemon.h"
#include "io/log.h"
#include "io/now.h"
#include "roles/mn/mn.h"

static const char help[] = "usage: holdfast-mn -c FILE [--check] [--flush] [--run-dir DIR] [--instance NAME]\n"
			   "  -c, --config FILE   configuration, see holdfast-mn.conf(5)\n"
			   "      --check         only check it\n"
			   "      --flush         take the home address and its device away and exit\n"
			   "      --run-dir DIR   directory of the control socket and of charon's\n"
			   "      --instance NAME name of this daemon\n"
			   "      --version, --help\n";

static void on_net(void *role, struct instant now, const struct net_event *e, struct actions *out)
{
	mn_on_net(role, now, e, out);
}

static void on_charon(void *role, struct instant now, const struct charon_event *e, struct actions *out)
{
	mn_on_charon(role, now, e, out);
}

static void on_time(void *role, struct instant now, struct actions *out)
{
	mn_on_time(role, now, out);
}

static uint64_t due(const void *role)
{
	return mn_due(role);
}

static void list_link(void *ctx, const struct mn_link_view *v)
{
	json_t *addresses = json_array();

	for (size_t i = 0; i < v->address_n; i++)
		(void)json_array_append_new(addresses, json_address(v->addresses[i])); /* short without memory */
	(void)json_array_append_new(
		ctx, json_pack("{s:s, s:b, s:o}", "name", v->name, "up", v->up, "addresses", addresses)); /* as above */
}

static const struct mn_conf *conf_of(const struct daemon *d)
{
	return &container_of(d->conf, const struct mn_file, daemon)->mn;
}

static json_t *show_node(struct daemon *d, struct instant now)
{
	const struct mn_conf *conf = conf_of(d);
	json_t *links = json_array();
	struct mn_view v;

	mn_describe(d->state, &v);
	mn_each_link(d->state, list_link, links);
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:o, s:o, s:I, s:o}",
			 "ok", 1, "role", "mn", "nai", conf->user, "state", v.state, "reason", v.reason, "age_s",
			 (json_int_t)(v.since_us ? (now.us - v.since_us) / US_PER_S : 0), "home", json_address(v.home),
			 "device", conf->device, "native", v.native, "proof", v.proof, "charon", v.charon, "connection",
			 v.gateway, "sa", (json_int_t)v.sa, "children", (json_int_t)v.children, "local",
			 json_address(v.local), "remote", json_address(v.remote), "retry_s",
			 seconds_left(v.retry_us, now), "links", links);
}

static json_t *show(struct daemon *d, const char *what, struct instant now)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = mn_counters(d->state, &names, &values);
	struct mn_view v;

	if (strcmp(what, "counters") == 0)
		return json_pack("{s:b, s:s, s:o}", "ok", 1, "role", "mn", "counters",
				 daemon_counters(d, names, values, n));
	if (strcmp(what, "node") == 0)
		return show_node(d, now);
	mn_describe(d->state, &v);
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
	r = mn_use(d->state, now, name, out);
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
	.name = "mn", .on_net = on_net, .on_charon = on_charon, .on_time = on_time, .due = due, .answer = answer
};

static void on_news(void *ctx, const struct net_event *e)
{
	struct daemon *d = ctx;

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

	mn_on_plain(d->state, daemon_now(d), ifindex, &d->actions);
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

static int open_host(struct daemon *d, struct mn_file *f)
{
	int r = dp_home_open(f->mn.device, f->mn.mark, &d->home);

	if (r < 0) {
		log_line(RECORD_ERR, "cannot make the device %s (CAP_NET_ADMIN and the tun module are needed): %s",
			 f->mn.device, strerror(-r));
		return r;
	}
	r = net_watch_open(&d->net);
	if (r == 0)
		r = daemon_watch(d, &d->net_poll, net_watch_fd(d->net), net_readable);
	if (r == 0)
		r = open_plain(d);
	if (r < 0)
		log_line(RECORD_ERR, "cannot watch the network: %s", strerror(-r));
	return r == 0 ? daemon_add_charon(d) : r;
}

static int run(void *file)
{
	static struct daemon d;
	struct mn_file *f = file;
	auto_(mn_freep) struct mn *mn = NULL;
	int r = daemon_open_plain(&d, &role, &f->daemon);

	if (r == 0)
		r = open_host(&d, f);
	if (r == 0)
		r = mn_new(&f->mn, &system_random, &mn);
	if (r == 0)
		r = daemon_run(&d, mn);
	daemon_close(&d);
	return r;
}

static int flush(void *file)
{
	const struct mn_file *f = file;

	dp_home_flush(f->mn.device, f->mn.mark);
	return 0;
}

static int load(const char *path, void *file, struct conf_error *e)
{
	return mn_file_load(path, file, e);
}

int main(int argc, char **argv)
{
	static const struct program program = { .help = help, .load = load, .flush = flush, .run = run };
	auto_(mn_file_done) struct mn_file f = { 0 };

	return daemon_main(argc, argv, &program, &f);
}
