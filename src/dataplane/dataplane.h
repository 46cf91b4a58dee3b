/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port to the kernel: who is tunnelled where. The implementation is dp_bpf.c; tests may bring another.
 * Everything the kernel needs to keep forwarding is pinned below `pin_dir`, so that traffic outlives the daemon. */
#ifndef HF_DATAPLANE_H
#define HF_DATAPLANE_H

#include "base/wire.h"
#include "core/tunnel.h"

enum dp_role { DP_ROLE_ANCHOR, DP_ROLE_MPA, DP_ROLE_FA, DP_ROLE_NODE };

struct dp_home_network { /* anchor only */
	struct in_addr prefix;
	uint8_t prefix_len;
	struct in_addr gateway;
	uint32_t ifindex; /* real home link, 0 = virtual */
};

struct dp_conf {
	enum dp_role role;
	const char *device;   /* anchor: TUN name, e.g. "hf0"; node: of dp_home.h, which made it */
	const char *pin_dir;  /* on a bpffs, or an empty directory where one may be mounted */
	const uint32_t *core; /* ifindexes where tunnels arrive */
	size_t core_n;
	const uint32_t *access; /* MPA, FA: ports of stations */
	size_t access_n;
	const char *const *
		layer3; /* MPA: names (globs) of devices dp_flush() takes our program off; dp_add_layer3() puts it on */
	size_t layer3_n;
	const struct dp_home_network *networks; /* anchor */
	size_t network_n;
	const uint32_t *fast; /* anchor: correspondent-facing ports with the pre-stack fast path (may be 0) */
	size_t fast_n;
	uint32_t max_entries; /* bindings or visitors */
	bool no_tcx;          /* use clsact even where the kernel has tcx: for tests */
};

enum dp_event_type {
	DP_EVENT_UNKNOWN_SOURCE, /* MPA: frame from a MAC that is no visitor (rate-limited per MAC in the kernel) */
	DP_EVENT_SPOOF,          /* MPA: visitor's packet with a foreign source (rate-limited) */
	DP_EVENT_FIRST_UP,
	DP_EVENT_FIRST_DOWN,   /* first packet of `index` since it was set */
	DP_EVENT_UNKNOWN_HOME, /* anchor: packet for a home address without binding (rate-limited) */
	DP_EVENT_TUNNEL_SPOOF, /* anchor or MPA: tunnelled packet that fits no binding (rate-limited) */
	DP_EVENT_HELD,         /* MPA, layer 3: `packet` of a visitor that is held */
	DP_EVENT_TOO_BIG_DOWN, /* MPA, layer 3: does not fit the device towards the user */
	DP_EVENT_TOO_BIG,      /* does not fit the path to the tunnel's other end: `packet` was dropped */
};

struct dp_event {
	enum dp_event_type type;
	uint32_t ifindex, index;
	uint8_t mac[MAC_OCTETS];
	uint32_t reqid;        /* layer 3, kernel ESP: of the SA it came by */
	struct in_addr source; /* inner source, or home address */
	uint16_t mtu;          /* TOO_BIG: of the path; octets that fit, outer headers included */
	struct span packet; /* TOO_BIG..., HELD: the inner packet from its IP header on, cut when very long; borrowed */
};

struct dp; /* opaque; one thread */

/**
 * dp_open() - create or adopt the TUN, programs and maps, and attach them.
 * Adopts pinned maps of the same layout, so entries survive a restart of the daemon; another layout is replaced.
 * @ret_why: on failure, one clear sentence for people (static or owned by the dp module until the next call).
 * Return: 0, -EPERM (privilege), -EOPNOTSUPP (the kernel lacks a feature; @ret_why names it), or another -errno.
 */
int dp_open(const struct dp_conf *conf, struct dp **ret, const char **ret_why);
/* Lets go; what is pinned keeps forwarding. */
void dp_closep(struct dp **at);
/* Detaches, unpins and removes the TUN: `--flush`. */
void dp_flush(const struct dp_conf *conf);

/**
 * dp_add_layer3() - MPA: users arrive at this layer-3 device too (charon's TUN, an xfrm interface), from now until it
 * vanishes. Return: 0 or -errno.
 */
int dp_add_layer3(struct dp *dp, uint32_t ifindex);

/* Node (dp_node.c). Packets for the home address may arrive at this link; @vpn: they come out of it decrypted. Adding it
 * again is cheap. Return: 0 or -errno. */
int dp_node_add_link(struct dp *dp, uint32_t ifindex, bool vpn);
void dp_node_del_link(struct dp *dp, uint32_t ifindex);
/* Whether one of the links is the VPN's; without one, it is the kernel that encrypts what its policies name. */
bool dp_has_vpn_device(const struct dp *dp);
/* The one path there is. What is under way by the former one is still taken for a moment. Return: 0 or -errno: then there
 * is none, and nothing leaves; unless all that failed was to tell the device how much fits. */
int dp_path_set(struct dp *dp, const struct dp_path *p);
/* The same once more: the device may have been made anew. */
int dp_path_renew(struct dp *dp);
/* A packet that came to the daemon, by @ifindex, put together from pieces: whether it came by the path. With ESP in the
 * kernel none does: from here it cannot be told from a forged one. */
bool dp_path_takes(const struct dp *dp, uint32_t ifindex, const struct tunnel *t, struct span inner);
/* The path takes packets of @mtu octets only, outer headers included: what is sent from now on fits it. */
int dp_path_narrow(struct dp *dp, uint16_t mtu);
/* The path from @local to @remote is said to be smaller than it was: where it is ours and the kernel encrypts on it, the
 * kernel is asked how large it is now. Saying so wrongly costs nothing but the asking. */
int dp_path_review(struct dp *dp, struct in_addr local, struct in_addr remote);

/* Each may return -ENOSPC (map full) or another -errno from the kernel; the caller records it. */
int dp_binding_set(struct dp *dp, const struct dp_binding *b);
/* Only with the tunnel of @b: what was put in its place is somebody else's. */
int dp_binding_del(struct dp *dp, const struct dp_binding *b);
/* What the kernel has, from before we started too; `former` is left out. @fn must not change it. */
void dp_each_binding(struct dp *dp, void (*fn)(void *ctx, const struct dp_binding *b), void *ctx);
int dp_visitor_set(struct dp *dp, const struct dp_visitor *v);
int dp_visitor_del(struct dp *dp, const struct dp_visitor *v);
int dp_counters_get(struct dp *dp, uint32_t index, struct dp_counters *ret);

/* fd to poll for readability; then dp_events_read() calls @fn for events that wait, for a bounded number of them. */
int dp_events_fd(const struct dp *dp);
void dp_events_read(struct dp *dp, void (*fn)(void *ctx, const struct dp_event *e), void *ctx);

/* Anchor: packets left to the daemon come out of the TUN, and those written into it are routed by the kernel. -1 at an
 * MPA, which needs none. */
int dp_tun_fd(const struct dp *dp);

/* Drop and pass reasons counted in the kernel. Names are snake_case; values are sums over CPUs. */
size_t dp_stats(struct dp *dp, const char *const **ret_names, uint64_t *ret_values, size_t max);

#endif
