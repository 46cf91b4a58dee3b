/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel programs and dp_bpf.c share: map layouts, one writer each. User space writes bindings and visitors
 * (except `seen`), the programs write counters, statistics and events. Fixed widths, explicit padding. */
#ifndef HF_DP_DEF_H
#define HF_DP_DEF_H

#include <linux/types.h>

#define DP_LAYOUT 7 /* part of the pin names: another layout never meets old maps */

enum { DP_MAC_OCTETS = 6, DP_PACKET_MAX = 2048, DP_PACKET_WHOLE = 65535, DP_HELD_MAX = 16, DP_COPIES_MAX = 3 };

struct dp_tunnel_def { /* addresses and ports in network order */
	__u32 local, remote;
	__u16 local_port, remote_port; /* 0 with IP-in-IP */
	__u8 encap;                    /* enum encap */
	__u8 pad[3];
	__u32 in_key, out_key; /* GRE, network order; 0: none */
};

/* Map "bindings", key: home address. */
struct dp_binding_def {
	__u32 home; /* again: a value read while its slot is reused must not be taken for the key's */
	__u32 index;
	__u32 seen;      /* DP_SEEN_...: first packets already told; set by the programs */
	__u32 broadcast; /* of its subnet */
	struct dp_tunnel_def tunnel, former;
	__u64 former_until_ns;                      /* CLOCK_BOOTTIME; packets out of `former` are accepted before it */
	struct dp_tunnel_def copies[DP_COPIES_MAX]; /* simultaneous bindings */
	__u32 copy_n;
	__u32 pad;
};

enum { DP_SEEN_UP = 1, DP_SEEN_DOWN = 2 };

/* Map "uplink", key. */
struct dp_port_def {
	__u32 ifindex;
	__u8 mac[DP_MAC_OCTETS]; /* on a layer-3 device: home address, zero padded */
	__u8 pad[2];
};

enum { DP_LAYER3_OPEN = 1, DP_LAYER3_HELD };

/* Map "downlink", key: two anchors may use one home address (L-27). */
struct dp_inside_def {
	__u32 anchor, home;
};

/* Value of both. */
struct dp_visitor_def {
	struct dp_port_def port;
	__u8 gateway_mac[DP_MAC_OCTETS];
	__u8 forward_broadcast;
	__u8 layer3;   /* DP_LAYER3_... or 0 */
	__u16 mtu;     /* layer 3 */
	__u8 delivery; /* enum delivery */
	__u8 pad;
	__u32 home, gateway, broadcast, server;
	__u32 index;
	__u32 seen;
	__u32 reqid;  /* layer 3: of its SAs, where the kernel does ESP */
	__u32 held_n; /* layer 3: packets passed to the daemon; counted by the programs */
	struct dp_tunnel_def tunnel;
};

enum dp_path_how { DP_PATH_BLOCKED, DP_PATH_TUNNEL, DP_PATH_NEIGHBOUR }; /* as enum path_how */

/* Map "paths" of a mobile node, key: home address. */
struct dp_path_def {
	__u32 home;
	__u32 device;  /* ifindex of the TUN that has it */
	__u32 ifindex; /* of the link of the care-of address, or of the neighbour; 0 = by route */
	__u32 former_ifindex;
	__u32 vpn_ifindex; /* of the device that encrypts; 0 = the kernel does */
	__u8 how;          /* enum dp_path_how */
	__u8 vpn, former_vpn;
	__u8 resolve; /* DP_PATH_NEIGHBOUR: each destination has its own MAC */
	__u8 mac[DP_MAC_OCTETS], own_mac[DP_MAC_OCTETS];
	struct dp_tunnel_def tunnel, former;
	__u32 pad;
	__u64 former_until_ns; /* CLOCK_BOOTTIME */
	__u64 until_ns;        /* the same; 0 = it has no end */
};

/* Map "counters": per-CPU array by index. */
struct dp_counters_def {
	__u64 up_packets, up_bytes, down_packets, down_bytes, up_last_ns, down_last_ns;
};

/* Map "limits": last event per origin. */
struct dp_limit_def {
	__u32 type, ifindex;
	__u8 origin[8]; /* MAC or address, zero padded */
};

/* Record of the ring buffers "events" and "packets"; the latter carries `packet_n` octets from the inner IP header on. */
struct dp_event_def {
	__u32 type; /* enum dp_event_type */
	__u32 ifindex, index, source;
	__u8 mac[DP_MAC_OCTETS];
	__u16 mtu;
	__u32 packet_n;
	__u32 reqid;
};

/* Map "stats": per-CPU array of packet counts by reason. */
/* clang-format off */
#define DP_STATS(X) \
	X(up_forwarded) X(down_forwarded) X(held) X(held_dropped) X(unknown_home) X(unknown_source) X(unknown_tunnel) \
	X(spoofed_source) X(spoofed_tunnel) X(too_big) X(left_to_daemon) X(encap_failed) X(decap_failed) \
	X(no_route) X(local_dropped) X(congestion_dropped) X(former_accepted) X(no_port) X(copies_sent)
/* clang-format on */

#define DP_STAT_ID(name) DP_STAT_##name,
enum dp_stat { DP_STATS(DP_STAT_ID) DP_STAT_COUNT };
#undef DP_STAT_ID

#endif
