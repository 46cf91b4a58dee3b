/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the data plane. Only for its own files. */
#ifndef HF_DP_INSIDE_H
#define HF_DP_INSIDE_H

#include <limits.h>

#include "anchor.skel.h"
#include "dataplane/dataplane.h"
#include "dataplane/dp_def.h"
#include "mpa.skel.h"
#include "node.skel.h"

struct dp {
	enum dp_role role;
	char pin_dir[PATH_MAX];
	bool no_tcx;
	uint32_t max_entries;
	struct anchor_bpf *anchor; /* one of the three */
	struct mpa_bpf *mpa;
	struct node_bpf *node;
	struct bpf_object *object;
	struct ring_buffer *ring;
	int tun;
	int cpus;
	int bindings, uplink, downlink, counters, stats; /* map descriptors, -1 = not of this role; owned by `object` */
	uint8_t *told;                                   /* by index: DP_SEEN_... of first packets passed on */
	struct dp_counters_def *per_cpu;                 /* `cpus` values to read into */

	void (*fn)(void *ctx, const struct dp_event *e); /* during dp_events_read() */
	void *ctx;
	unsigned read_n;

	struct dp_node *home; /* dp_node.c; NULL in other roles */
};

struct dp_tunnel_def dp_tunnel_def(const struct tunnel *t);
int dp_program(const struct dp *dp, const char *name); /* its descriptor, or -ENOENT */

/* dp_node.c */
int dp_node_open(struct dp *dp, const char *device); /* @device: borrowed; 0 or -errno */
void dp_node_closep(struct dp_node **at);
void dp_node_flush(const struct dp_conf *conf);

#endif
