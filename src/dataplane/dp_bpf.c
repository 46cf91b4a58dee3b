/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fnmatch.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/util.h"
#include "dataplane/dp_attach.h"
#include "dataplane/dp_def.h"
#include "dataplane/dp_inside.h"
#include "dataplane/dp_tun.h"

#define BPF_FS UINT32_C(0xcafe4a11)
enum { DIR_MODE = 0700, EVENTS_PER_READ = 256 };

static int silent(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

/* An existing bpffs is used; an empty directory gets one of its own. */
static int prepare_pin_dir(const char *dir, const char **ret_why)
{
	struct statfs fs;

	*ret_why = "cannot create the directory for pinned maps (pin-dir)";
	if (mkdir(dir, DIR_MODE) < 0 && errno != EEXIST)
		return -errno;
	if (statfs(dir, &fs) < 0)
		return -errno;
	if ((uint32_t)fs.f_type == BPF_FS)
		return 0;
	*ret_why = "cannot mount a BPF file system on pin-dir";
	return mount("bpf", dir, "bpf", 0, "mode=0700") < 0 ? -errno : 0;
}

static int set_max(struct bpf_object *o, const char *map, uint32_t n)
{
	struct bpf_map *m = bpf_object__find_map_by_name(o, map);

	return m ? bpf_map__set_max_entries(m, n) : 0;
}

/* What has to survive us. Rings and rate limits start afresh. */
static int pin_map(struct bpf_object *o, const char *map, const char *dir)
{
	struct bpf_map *m = bpf_object__find_map_by_name(o, map);
	char path[PATH_MAX];

	if (!m)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/v%d_%s", dir, DP_LAYOUT, map); /* dir was opened before: it fits */
	return bpf_map__set_pin_path(m, path);
}

static const char *const kept_maps[] = { "bindings", "uplink", "downlink", "counters", "stats", "links", "paths" };
static const char *const sized_maps[] = { "bindings", "uplink", "downlink", "counters" };

static int prepare_object(struct dp *dp, const struct dp_conf *conf)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sized_maps); i++)
		r = set_max(dp->object, sized_maps[i], conf->max_entries);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kept_maps); i++)
		r = pin_map(dp->object, kept_maps[i], conf->pin_dir);
	return r;
}

static void remove_pins(const char *dir, int layout)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(kept_maps); i++) {
		(void)snprintf(path, sizeof(path), "%s/v%d_%s", dir, layout, kept_maps[i]); /* as in pin_map() */
		(void)unlink(path);                                                         /* absent is what we want */
	}
}

/* Maps of former releases hold memory for nothing once our programs are attached in the place of theirs. */
static void remove_old_layouts(const char *dir)
{
	for (int layout = 1; layout < DP_LAYOUT; layout++)
		remove_pins(dir, layout);
}

static int open_object(struct dp *dp, const struct dp_conf *conf, uint32_t tun_ifindex)
{
	if (conf->role == DP_ROLE_ANCHOR) {
		dp->anchor = anchor_bpf__open();
		if (!dp->anchor)
			return -errno;
		dp->anchor->rodata->tun_ifindex = tun_ifindex;
		dp->object = dp->anchor->obj;
	} else if (conf->role == DP_ROLE_NODE) {
		dp->node = node_bpf__open();
		if (!dp->node)
			return -errno;
		dp->object = dp->node->obj;
	} else {
		dp->mpa = mpa_bpf__open();
		if (!dp->mpa)
			return -errno;
		dp->object = dp->mpa->obj;
	}
	return prepare_object(dp, conf);
}

static void close_object(struct dp *dp)
{
	anchor_bpf__destroy(dp->anchor);
	mpa_bpf__destroy(dp->mpa);
	node_bpf__destroy(dp->node);
	dp->anchor = NULL;
	dp->mpa = NULL;
	dp->node = NULL;
	dp->object = NULL;
}

static int load_object(struct dp *dp, const struct dp_conf *conf, uint32_t tun_ifindex)
{
	int r = open_object(dp, conf, tun_ifindex);

	if (r == 0)
		r = bpf_object__load(dp->object);
	if (r == -EINVAL) {
		/* Most likely maps of another size are pinned: give them up, their users register again. */
		close_object(dp);
		remove_pins(conf->pin_dir, DP_LAYOUT);
		r = open_object(dp, conf, tun_ifindex);
		if (r == 0)
			r = bpf_object__load(dp->object);
	}
	return r;
}

int dp_program(const struct dp *dp, const char *name)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(dp->object, name);

	return p ? bpf_program__fd(p) : -ENOENT;
}

static int attach_all(const struct dp *dp, const struct dp_conf *conf, const char *program, const uint32_t *ifindexes,
		      size_t n, bool egress)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct dp_hook h = {
			.ifindex = ifindexes[i], .egress = egress, .pin_dir = conf->pin_dir, .no_tcx = conf->no_tcx
		};

		r = dp_attach(&h, dp_program(dp, program));
	}
	return r;
}

static int attach_programs(const struct dp *dp, const struct dp_conf *conf, uint32_t tun_ifindex)
{
	int r;

	if (conf->role == DP_ROLE_NODE)
		return 0; /* links are added as they come */
	if (conf->role != DP_ROLE_ANCHOR) {
		const char *up = conf->role == DP_ROLE_MPA ? "mpa_up" : "fa_up";

		r = attach_all(dp, conf, "mpa_down", conf->core, conf->core_n, false);
		return r < 0 ? r : attach_all(dp, conf, up, conf->access, conf->access_n, false);
	}
	r = attach_all(dp, conf, "anchor_down", &tun_ifindex, 1, true);
	if (r == 0)
		r = attach_all(dp, conf, "anchor_up", conf->core, conf->core_n, false);
	return r < 0 ? r : attach_all(dp, conf, "anchor_fast", conf->fast, conf->fast_n, false);
}

static int map_fd(const struct dp *dp, const char *name)
{
	return bpf_object__find_map_fd_by_name(dp->object, name);
}

/* Home networks on real links, for the program that finds no binding. */
static int write_links(const struct dp *dp, const struct dp_conf *conf)
{
	int fd = map_fd(dp, "links"), r = 0;

	for (size_t i = 0; fd >= 0 && r == 0 && i < conf->network_n; i++) {
		const struct dp_home_network *n = &conf->networks[i];
		const uint32_t key[2] = { n->prefix_len, n->prefix.s_addr };

		if (n->ifindex != 0)
			r = bpf_map_update_elem(fd, key, &n->ifindex, BPF_ANY);
	}
	return r;
}

static struct in_addr address(uint32_t a)
{
	return (struct in_addr){ .s_addr = a };
}

static bool is_told_already(struct dp *dp, const struct dp_event_def *e)
{
	uint8_t bit = e->type == DP_EVENT_FIRST_UP ? DP_SEEN_UP : DP_SEEN_DOWN;

	if (e->type != DP_EVENT_FIRST_UP && e->type != DP_EVENT_FIRST_DOWN)
		return false;
	if (e->index >= dp->max_entries || (dp->told[e->index] & bit))
		return true;
	dp->told[e->index] |= bit;
	return false;
}

static int on_event(void *ctx, void *data, size_t n)
{
	const struct dp_event_def *e = data;
	struct dp *dp = ctx;
	struct dp_event out;

	if (n < sizeof(*e) || is_told_already(dp, e))
		return 0;
	dp->read_n++;
	out = (struct dp_event){ .type = (enum dp_event_type)e->type,
				 .ifindex = e->ifindex,
				 .index = e->index,
				 .source = address(e->source),
				 .mtu = e->mtu,
				 .reqid = e->reqid,
				 .packet = { (const uint8_t *)(e + 1), min_size(e->packet_n, n - sizeof(*e)) } };
	memcpy(out.mac, e->mac, sizeof(out.mac));
	dp->fn(dp->ctx, &out);
	return dp->read_n == EVENTS_PER_READ ? -EAGAIN : 0;
}

static const char *explain(int r, const char *otherwise)
{
	if (r == -EPERM)
		return "loading the kernel programs needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (or root)";
	if (r == -EACCES)
		return "the kernel's verifier refuses the tunnel programs (is CAP_PERFMON missing?)";
	if (r == -EOPNOTSUPP || r == -ENOSYS)
		return "this kernel cannot run the tunnel programs: Linux 6.1 or newer with CONFIG_BPF_SYSCALL is "
		       "needed";
	return otherwise;
}

static int open_programs(struct dp *dp, const struct dp_conf *conf, uint32_t tun_ifindex, const char **ret_why)
{
	int r = load_object(dp, conf, tun_ifindex);

	if (r < 0) {
		*ret_why = explain(r, "the kernel refuses the tunnel programs");
		return r;
	}
	dp->bindings = map_fd(dp, "bindings");
	dp->uplink = map_fd(dp, "uplink");
	dp->downlink = map_fd(dp, "downlink");
	dp->counters = map_fd(dp, "counters");
	dp->stats = map_fd(dp, "stats");
	*ret_why = "cannot write the home links into the kernel";
	r = write_links(dp, conf);
	if (r < 0)
		return r;
	*ret_why = "cannot attach the tunnel programs to the interfaces";
	r = attach_programs(dp, conf, tun_ifindex);
	if (r < 0)
		return r;
	remove_old_layouts(conf->pin_dir);
	dp_forget_links(conf->pin_dir, false);
	if (dp->uplink >= 0)
		dp_forget_ports(dp->uplink);
	*ret_why = "cannot read events from the kernel";
	dp->ring = ring_buffer__new(map_fd(dp, "events"), on_event, dp, NULL);
	if (!dp->ring)
		return -errno;
	return ring_buffer__add(dp->ring, map_fd(dp, "packets"), on_event, dp);
}

int dp_open(const struct dp_conf *conf, struct dp **ret, const char **ret_why)
{
	auto_(dp_closep) struct dp *dp = calloc(1, sizeof(*dp));
	uint32_t tun_ifindex = 0;
	int r;

	*ret_why = "out of memory";
	if (!dp)
		return -ENOMEM;
	(void)libbpf_set_print(silent); /* its lines are for developers; ours say what to do */
	dp->role = conf->role;
	dp->no_tcx = conf->no_tcx;
	if (snprintf(dp->pin_dir, sizeof(dp->pin_dir), "%s", conf->pin_dir) >= (int)sizeof(dp->pin_dir))
		return -ENAMETOOLONG;
	dp->max_entries = conf->max_entries;
	dp->tun = -1;
	dp->cpus = libbpf_num_possible_cpus();
	dp->told = calloc(conf->max_entries, 1);
	dp->per_cpu = dp->cpus > 0 ? calloc((size_t)dp->cpus, sizeof(*dp->per_cpu)) : NULL;
	if (!dp->told || !dp->per_cpu)
		return -ENOMEM;
	r = prepare_pin_dir(conf->pin_dir, ret_why);
	if (r == 0 && conf->role == DP_ROLE_ANCHOR)
		r = dp_tun_open(conf, &dp->tun, &tun_ifindex, ret_why);
	if (r == 0)
		r = open_programs(dp, conf, tun_ifindex, ret_why);
	if (r == 0 && conf->role == DP_ROLE_NODE)
		r = dp_node_open(dp, conf->device);
	if (r == -EPERM)
		*ret_why = explain(r, *ret_why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(dp);
	return 0;
}

void dp_closep(struct dp **at)
{
	struct dp *dp = *at;

	if (!dp)
		return;
	dp_node_closep(&dp->home);
	ring_buffer__free(dp->ring);
	close_object(dp);
	closep(&dp->tun);
	free(dp->told);
	free(dp->per_cpu);
	free(dp);
	*at = NULL;
}

static void detach_all(const struct dp_conf *conf, const uint32_t *ifindexes, size_t n, bool egress)
{
	for (size_t i = 0; i < n; i++)
		dp_detach(&(struct dp_hook){ .ifindex = ifindexes[i], .egress = egress, .pin_dir = conf->pin_dir });
}

static void detach_layer3(const struct dp_conf *conf)
{
	struct if_nameindex *all = conf->layer3_n > 0 ? if_nameindex() : NULL;

	for (const struct if_nameindex *i = all; i && i->if_index != 0; i++)
		for (size_t k = 0; k < conf->layer3_n; k++)
			if (fnmatch(conf->layer3[k], i->if_name, 0) == 0)
				detach_all(conf, &i->if_index, 1, false);
	if (all)
		if_freenameindex(all);
}

void dp_flush(const struct dp_conf *conf)
{
	const uint32_t tun_ifindex = conf->role == DP_ROLE_ANCHOR ? if_nametoindex(conf->device) : 0;

	(void)libbpf_set_print(silent); /* that nothing of ours is there is fine */
	detach_all(conf, conf->core, conf->core_n, false);
	detach_all(conf, conf->access, conf->access_n, false);
	detach_all(conf, conf->fast, conf->fast_n, false);
	if (tun_ifindex != 0)
		detach_all(conf, &tun_ifindex, 1, true);
	detach_layer3(conf);
	if (conf->role == DP_ROLE_NODE)
		dp_node_flush(conf);
	dp_forget_links(conf->pin_dir, true);
	remove_pins(conf->pin_dir, DP_LAYOUT);
	remove_old_layouts(conf->pin_dir);
	if (conf->role == DP_ROLE_ANCHOR)
		dp_tun_remove(conf);
}

struct dp_tunnel_def dp_tunnel_def(const struct tunnel *t)
{
	return (struct dp_tunnel_def){ .local = t->local.s_addr,
				       .remote = t->remote.s_addr,
				       .local_port = htons(t->local_port),
				       .remote_port = htons(t->remote_port),
				       .encap = (uint8_t)t->encap,
				       .in_key = htonl(t->in_key),
				       .out_key = htonl(t->out_key) };
}

static struct tunnel tunnel_of(const struct dp_tunnel_def *d)
{
	return (struct tunnel){ .encap = d->encap < ENCAP_COUNT ? (enum encap)d->encap : ENCAP_IPIP,
				.local = address(d->local),
				.remote = address(d->remote),
				.local_port = ntohs(d->local_port),
				.remote_port = ntohs(d->remote_port),
				.in_key = ntohl(d->in_key),
				.out_key = ntohl(d->out_key) };
}

/* A slot that somebody else used before starts from zero. */
static void reset_counters(struct dp *dp, uint32_t index)
{
	memset(dp->per_cpu, 0, (size_t)dp->cpus * sizeof(*dp->per_cpu));
	(void)bpf_map_update_elem(dp->counters, &index, dp->per_cpu, BPF_ANY); /* fails only beyond the end */
}

/* First packets are told again only when the way they go is new. */
static uint32_t keep_seen(struct dp *dp, uint32_t index, bool same_way, uint32_t seen)
{
	if (same_way)
		return seen;
	if (index < dp->max_entries)
		dp->told[index] = 0;
	return 0;
}

int dp_add_layer3(struct dp *dp, uint32_t ifindex)
{
	const struct dp_hook h = { .ifindex = ifindex, .pin_dir = dp->pin_dir, .no_tcx = dp->no_tcx };

	dp_forget_links(dp->pin_dir, false); /* such devices come and go */
	return dp_attach(&h, dp_program(dp, "mpa_up_layer3"));
}

int dp_binding_set(struct dp *dp, const struct dp_binding *b)
{
	struct dp_binding_def v = { .home = b->home.s_addr,
				    .broadcast = b->broadcast.s_addr,
				    .index = b->index,
				    .tunnel = dp_tunnel_def(&b->tunnel),
				    .former = dp_tunnel_def(&b->former),
				    .former_until_ns = b->former_until_us * 1000,
				    .copy_n = (uint32_t)b->copy_n };
	struct dp_binding_def old;
	bool known = bpf_map_lookup_elem(dp->bindings, &v.home, &old) == 0 && old.index == b->index;
	bool same_way = known && memcmp(&old.tunnel, &v.tunnel, sizeof(v.tunnel)) == 0;

	_Static_assert((int)DP_COPIES_MAX == (int)TUNNEL_COPIES_MAX, "one number of copies");
	for (size_t i = 0; i < b->copy_n; i++)
		v.copies[i] = dp_tunnel_def(&b->copies[i]);
	if (!known)
		reset_counters(dp, b->index);
	v.seen = keep_seen(dp, b->index, same_way, same_way ? old.seen : 0);
	return bpf_map_update_elem(dp->bindings, &v.home, &v, BPF_ANY) < 0 ? -errno : 0;
}

int dp_binding_del(struct dp *dp, const struct dp_binding *b)
{
	const struct dp_tunnel_def tunnel = dp_tunnel_def(&b->tunnel);
	struct dp_binding_def there;

	if (bpf_map_lookup_elem(dp->bindings, &b->home.s_addr, &there) == 0 &&
	    memcmp(&there.tunnel, &tunnel, sizeof(tunnel)) != 0)
		return 0;
	return bpf_map_delete_elem(dp->bindings, &b->home.s_addr) < 0 && errno != ENOENT ? -errno : 0;
}

void dp_each_binding(struct dp *dp, void (*fn)(void *ctx, const struct dp_binding *b), void *ctx)
{
	uint32_t home, next;
	struct dp_binding_def there;

	for (int r = bpf_map_get_next_key(dp->bindings, NULL, &next); r == 0;
	     r = bpf_map_get_next_key(dp->bindings, &home, &next)) {
		home = next;
		if (bpf_map_lookup_elem(dp->bindings, &home, &there) == 0)
			fn(ctx, &(struct dp_binding){ .home = address(home),
						      .tunnel = tunnel_of(&there.tunnel),
						      .index = there.index });
	}
}

static struct dp_visitor_def visitor_def(const struct dp_visitor *v)
{
	struct dp_visitor_def d = { .port = { .ifindex = v->ifindex },
				    .forward_broadcast = v->forward_broadcast,
				    .delivery = (uint8_t)v->delivery,
				    .home = v->home.s_addr,
				    .gateway = v->gateway.s_addr,
				    .broadcast = v->broadcast.s_addr,
				    .server = v->server.s_addr,
				    .index = v->index,
				    .tunnel = dp_tunnel_def(&v->tunnel) };

	if (v->layer3) {
		d.layer3 = v->held ? DP_LAYER3_HELD : DP_LAYER3_OPEN;
		d.mtu = v->mtu;
		d.reqid = v->reqid;
		memcpy(d.port.mac, &v->home, sizeof(v->home));
	} else {
		memcpy(d.port.mac, v->mac, sizeof(d.port.mac));
	}
	memcpy(d.gateway_mac, v->gateway_mac, sizeof(d.gateway_mac));
	return d;
}

static struct dp_inside_def inside_of(const struct dp_visitor_def *d)
{
	return (struct dp_inside_def){ .anchor = d->tunnel.remote, .home = d->home };
}

int dp_visitor_set(struct dp *dp, const struct dp_visitor *v)
{
	struct dp_visitor_def d = visitor_def(v), old;
	struct dp_inside_def key = inside_of(&d), old_key;
	bool known = bpf_map_lookup_elem(dp->uplink, &d.port, &old) == 0;
	bool same_way = known && old.index == d.index && memcmp(&old.tunnel, &d.tunnel, sizeof(d.tunnel)) == 0;
	uint32_t seen = same_way ? old.seen : 0;

	if (!known || old.index != d.index)
		reset_counters(dp, v->index);
	if (known) {
		old_key = inside_of(&old);
		if (memcmp(&old_key, &key, sizeof(key)) != 0)
			(void)bpf_map_delete_elem(dp->downlink, &old_key); /* absent is what we want */
	}
	d.seen = keep_seen(dp, v->index, same_way, seen);
	/* Downlink first: whoever can send can be answered. */
	if (bpf_map_update_elem(dp->downlink, &key, &d, BPF_ANY) < 0 ||
	    bpf_map_update_elem(dp->uplink, &d.port, &d, BPF_ANY) < 0)
		return -errno;
	return 0;
}

int dp_visitor_del(struct dp *dp, const struct dp_visitor *v)
{
	struct dp_visitor_def d = visitor_def(v), there;
	struct dp_inside_def key = inside_of(&d);

	/* The station may be on another port already; that entry is newer than we know. */
	if (bpf_map_lookup_elem(dp->downlink, &key, &there) == 0 && memcmp(&there.port, &d.port, sizeof(d.port)) == 0)
		(void)bpf_map_delete_elem(dp->downlink, &key); /* it was there a moment ago */
	return bpf_map_delete_elem(dp->uplink, &d.port) < 0 && errno != ENOENT ? -errno : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int dp_counters_get(struct dp *dp, uint32_t index, struct dp_counters *ret)
{
	struct dp_counters sum = { 0 };

	if (bpf_map_lookup_elem(dp->counters, &index, dp->per_cpu) < 0)
		return -errno;
	for (int i = 0; i < dp->cpus; i++) {
		const struct dp_counters_def *c = &dp->per_cpu[i];

		sum.up_packets += c->up_packets;
		sum.up_bytes += c->up_bytes;
		sum.down_packets += c->down_packets;
		sum.down_bytes += c->down_bytes;
		sum.up_last_us = later(sum.up_last_us, c->up_last_ns / 1000);
		sum.down_last_us = later(sum.down_last_us, c->down_last_ns / 1000);
	}
	*ret = sum;
	return 0;
}

int dp_events_fd(const struct dp *dp)
{
	return ring_buffer__epoll_fd(dp->ring);
}

void dp_events_read(struct dp *dp, void (*fn)(void *ctx, const struct dp_event *e), void *ctx)
{
	dp->fn = fn;
	dp->ctx = ctx;
	dp->read_n = 0;
	(void)ring_buffer__consume(dp->ring); /* ends early when on_event() had enough: the descriptor stays readable */
}

int dp_tun_fd(const struct dp *dp)
{
	return dp->tun;
}

size_t dp_stats(struct dp *dp, const char *const **ret_names, uint64_t *ret_values, size_t max)
{
#define DP_STAT_NAME(name) #name,
	static const char *const names[DP_STAT_COUNT] = { DP_STATS(DP_STAT_NAME) };
#undef DP_STAT_NAME
	uint64_t *per_cpu = calloc((size_t)dp->cpus, sizeof(*per_cpu));
	size_t n = min_size(max, DP_STAT_COUNT);

	for (uint32_t i = 0; i < n; i++) {
		ret_values[i] = 0;
		if (!per_cpu || bpf_map_lookup_elem(dp->stats, &i, per_cpu) < 0)
			continue;
		for (int cpu = 0; cpu < dp->cpus; cpu++)
			ret_values[i] += per_cpu[cpu];
	}
	free(per_cpu);
	*ret_names = names;
	return n;
}
