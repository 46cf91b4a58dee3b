/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encapsulation, decapsulation, counting and events for both roles. */
#ifndef HF_COMMON_BPF_H
#define HF_COMMON_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../dp_def.h"

enum {
	AF_INET4 = 2,
	FRAGMENT = 0x3fff,
	FRAGMENT_OFFSET = 0x1fff,
	DONT_FRAGMENT = 0x4000,
	MIP_PORT = 434,
	TUNNEL_DATA = 4,
	GRE_KEY = 0x2000,
	EVENT_EVERY_NS = 10 * 1000 * 1000
};
enum { ENCAP_IPIP_DEF = 0, ENCAP_UDP_DEF = 1, ENCAP_GRE_DEF = 2, ENCAP_MINIMAL_DEF = 3 }; /* enum encap */
enum { DELIVERY_ENCAPSULATING_DEF = 1, DELIVERY_NONE_DEF = 2 };                           /* enum delivery */
enum {
	EV_UNKNOWN_SOURCE,
	EV_SPOOF,
	EV_FIRST_UP,
	EV_FIRST_DOWN,
	EV_UNKNOWN_HOME,
	EV_TUNNEL_SPOOF,
	EV_HELD,
	EV_TOO_BIG_DOWN,
	EV_TOO_BIG
}; /* enum dp_event_type */
enum { INET_ECN_MASK = 3, INET_ECN_CE = 3 };

const volatile __u32 tun_ifindex = 0; /* anchor only */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct dp_counters_def);
	__uint(max_entries, 1); /* set before loading */
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, DP_STAT_COUNT);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} events SEC(".maps");

/* Events with packets: whoever floods us with them does not fill the ring that tells who arrived. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct dp_limit_def);
	__type(value, __u64);
	__uint(max_entries, 4096);
} limits SEC(".maps");

static __always_inline int count(__u32 reason, int verdict)
{
	__u64 *n = bpf_map_lookup_elem(&stats, &reason);

	if (n)
		(*n)++;
	return verdict;
}

static __always_inline struct dp_event_def *event_begin(__u32 type, __u32 ifindex, __u32 index, __u32 source)
{
	struct dp_event_def *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->type = type;
	e->ifindex = ifindex;
	e->index = index;
	e->source = source;
	return e;
}

static __always_inline void event(__u32 type, __u32 ifindex, __u32 index, __u32 source)
{
	struct dp_event_def *e = event_begin(type, ifindex, index, source);

	if (e)
		bpf_ringbuf_submit(e, 0);
}

/* One event per origin and interval. */
static __always_inline int may_tell(const struct dp_limit_def *origin)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u64 *last = bpf_map_lookup_elem(&limits, origin);

	if (last && now - *last < EVENT_EVERY_NS)
		return 0;
	bpf_map_update_elem(&limits, origin, &now, BPF_ANY);
	return 1;
}

static __always_inline void tell_address(__u32 type, __u32 ifindex, __u32 address)
{
	struct dp_limit_def origin = { .type = type, .ifindex = ifindex };

	__builtin_memcpy(origin.origin, &address, sizeof(address));
	if (may_tell(&origin))
		event(type, ifindex, 0, address);
}

static __always_inline int tell_octets(struct __sk_buff *skb, const struct dp_event_def *about, __u32 ip_at, __u32 max)
{
	struct dp_event_def *e;
	__u32 n = skb->len - ip_at;

	e = bpf_ringbuf_reserve(&packets, sizeof(*e) + max, 0);
	if (!e)
		return TC_ACT_SHOT;
	*e = *about;
	if (n > max)
		n = max;
	if (n < sizeof(struct iphdr) || bpf_skb_load_bytes(skb, ip_at, e + 1, n) < 0) {
		bpf_ringbuf_discard(e, 0);
		return TC_ACT_SHOT;
	}
	e->packet_n = n;
	bpf_ringbuf_submit(e, 0);
	return TC_ACT_SHOT;
}

/* The packet itself goes to the daemon, and nowhere else; of a large one its head, which is enough to quote. */
static __always_inline int tell_packet(struct __sk_buff *skb, const struct dp_event_def *about, __u32 ip_at)
{
	return tell_octets(skb, about, ip_at, DP_PACKET_MAX);
}

/* What the daemon may send on in pieces goes there whole: kernels encrypt datagrams before they cut them, so up to 64 KiB
 * arrive in one. Super-packets are of TCP, which wants to be told. */
static __always_inline int tell_unfit(struct __sk_buff *skb, const struct dp_event_def *about, __u32 ip_at)
{
	__u16 fragment;

	if (skb->len - ip_at <= DP_PACKET_MAX || skb->gso_size ||
	    bpf_skb_load_bytes(skb, ip_at + offsetof(struct iphdr, frag_off), &fragment, sizeof(fragment)) < 0 ||
	    (fragment & bpf_htons(DONT_FRAGMENT)))
		return tell_packet(skb, about, ip_at);
	return tell_octets(skb, about, ip_at, DP_PACKET_WHOLE);
}

/* The daemon knows what its sender has to hear (G-13). */
static __always_inline int tell_too_big(struct __sk_buff *skb, const __u8 *mac, __u32 ip_at, __u32 index, __u16 mtu)
{
	struct dp_event_def about = { .type = EV_TOO_BIG, .ifindex = skb->ingress_ifindex, .index = index, .mtu = mtu };

	if (mac)
		__builtin_memcpy(about.mac, mac, DP_MAC_OCTETS);
	return count(DP_STAT_too_big, tell_unfit(skb, &about, ip_at));
}

static __always_inline void account(__u32 index, __u32 octets, int up)
{
	struct dp_counters_def *c = bpf_map_lookup_elem(&counters, &index);

	if (!c)
		return;
	if (up) {
		c->up_packets++;
		c->up_bytes += octets;
		c->up_last_ns = bpf_ktime_get_boot_ns();
	} else {
		c->down_packets++;
		c->down_bytes += octets;
		c->down_last_ns = bpf_ktime_get_boot_ns();
	}
}

/* Two CPUs may both be first: then two events are sent, and the reader keeps one. */
static __always_inline void note_first(__u32 *seen, __u32 bit, __u32 index)
{
	if (*seen & bit)
		return;
	__sync_fetch_and_or(seen, bit);
	event(bit == DP_SEEN_UP ? EV_FIRST_UP : EV_FIRST_DOWN, 0, index, 0);
}

struct outer {
	struct iphdr ip;
	union {
		struct {
			struct udphdr udp;
			__u8 type, next;
			__u16 reserved;
		};
		struct {
			__u16 flags, protocol;
			__u32 key; /* only with GRE_KEY */
		} gre;
	};
};

enum { GRE_OCTETS = sizeof(struct iphdr) + 4, GRE_KEY_OCTETS = sizeof(struct iphdr) + 8 };

static __always_inline __u32 overhead(const struct dp_tunnel_def *t)
{
	if (t->encap == ENCAP_GRE_DEF)
		return t->out_key ? GRE_KEY_OCTETS : GRE_OCTETS;
	return t->encap == ENCAP_UDP_DEF ? sizeof(struct outer) : sizeof(struct iphdr);
}

static __always_inline __u16 checksum(const struct iphdr *ip)
{
	const __u16 *p = (const __u16 *)ip;
	__u32 s = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		s += p[i];
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (__u16)~s;
}

/* IP in IP, unless the registration asked for UDP. */
static __always_inline void fill_outer(struct outer *o, const struct dp_tunnel_def *t, const struct iphdr *inner,
				       __u32 octets)
{
	__builtin_memset(o, 0, sizeof(*o));
	o->ip.version = 4;
	o->ip.ihl = 5;
	o->ip.tos = inner->tos; /* RFC 6040 normal mode */
	o->ip.tot_len = bpf_htons((__u16)octets);
	o->ip.frag_off = inner->frag_off & bpf_htons(DONT_FRAGMENT); /* RFC 2003 5.1: DF is carried over */
	if (!o->ip.frag_off)
		o->ip.id = (__u16)bpf_get_prandom_u32();
	o->ip.ttl = 64;
	o->ip.saddr = t->local;
	o->ip.daddr = t->remote;
	o->ip.protocol = IPPROTO_IPIP;
	if (t->encap == ENCAP_UDP_DEF) {
		o->ip.protocol = IPPROTO_UDP;
		o->udp.source = t->local_port;
		o->udp.dest = t->remote_port;
		o->udp.len = bpf_htons((__u16)(octets - sizeof(struct iphdr)));
		o->type = TUNNEL_DATA;
		o->next = IPPROTO_IPIP;
	} else if (t->encap == ENCAP_GRE_DEF) {
		o->ip.protocol = IPPROTO_GRE;
		o->gre.flags = t->out_key ? bpf_htons(GRE_KEY) : 0;
		o->gre.protocol = bpf_htons(ETH_P_IP);
		o->gre.key = t->out_key;
	}
	o->ip.check = checksum(&o->ip);
}

static __always_inline int make_room(struct __sk_buff *skb, const struct dp_tunnel_def *t)
{
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_FIXED_GSO;
	int r;

	if (t->encap == ENCAP_UDP_DEF)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	else if (t->encap == ENCAP_GRE_DEF)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	r = bpf_skb_adjust_room(skb, (__s32)overhead(t), BPF_ADJ_ROOM_MAC, flags);
	/* A packet that came out of a tunnel a moment ago still counts as encapsulated for the kernel (-EALREADY). */
	if (r == -114)
		r = bpf_skb_adjust_room(skb, (__s32)overhead(t), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
	return r;
}

/* Octets of the longest IP packet this one, whose header is at @ip_at, becomes on the wire. */
static __always_inline __u32 wire_octets(const struct __sk_buff *skb, __u32 ip_at, const struct iphdr *ip)
{
	__u32 l4_at = ip_at + ip->ihl * 4U, headers = ip->ihl * 4U + sizeof(struct udphdr);
	__u32 gso_size = skb->gso_size;
	__u8 data_offset;

	barrier_var(gso_size); /* else clang reads it through a pointer into the context, which the verifier forbids */
	if (!gso_size)
		return skb->len - ip_at;
	/* A super-packet is cut into pieces of gso_size payload, each with the headers again. */
	if (ip->protocol == IPPROTO_TCP && bpf_skb_load_bytes(skb, l4_at + 12, &data_offset, sizeof(data_offset)) == 0)
		headers = ip->ihl * 4U + (data_offset >> 4) * 4U;
	return gso_size + headers;
}

struct route {
	struct bpf_fib_lookup fib;
	long result;
};

/* @flags: BPF_FIB_LOOKUP_... */
static __always_inline void find_route_in(struct __sk_buff *skb, const struct dp_tunnel_def *t, __u32 ifindex, __u8 tos,
					  __u32 octets, __u32 flags, struct route *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->fib.family = AF_INET4;
	ret->fib.tos = tos & ~INET_ECN_MASK;
	ret->fib.l4_protocol = t->encap == ENCAP_UDP_DEF ? IPPROTO_UDP :
			       t->encap == ENCAP_GRE_DEF ? IPPROTO_GRE :
							   IPPROTO_IPIP;
	ret->fib.tot_len = (__u16)octets;
	ret->fib.ipv4_src = t->local;
	ret->fib.ipv4_dst = t->remote;
	ret->fib.ifindex = ifindex;
	ret->result = bpf_fib_lookup(skb, &ret->fib, sizeof(ret->fib), flags);
}

static __always_inline void find_route(struct __sk_buff *skb, const struct dp_tunnel_def *t, __u32 ifindex, __u8 tos,
				       __u32 octets, struct route *ret)
{
	find_route_in(skb, t, ifindex, tos, octets, 0, ret);
}

/* The frame leaves by the route found. The Ethernet header starts at 0 and is there already. */
static __always_inline int send_routed(struct __sk_buff *skb, const struct route *r)
{
	struct ethhdr eth = { .h_proto = bpf_htons(ETH_P_IP) };

	if (r->result == BPF_FIB_LKUP_RET_NO_NEIGH)
		return (int)bpf_redirect_neigh(r->fib.ifindex, 0, 0, 0);
	if (r->result != BPF_FIB_LKUP_RET_SUCCESS)
		return count(DP_STAT_no_route, TC_ACT_SHOT);
	__builtin_memcpy(eth.h_dest, r->fib.dmac, ETH_ALEN);
	__builtin_memcpy(eth.h_source, r->fib.smac, ETH_ALEN);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	return (int)bpf_redirect(r->fib.ifindex, 0);
}

/* The packet behind the Ethernet header is forwarded, by a router (RFC 2003 3.1). Its TTL is more than 1: what cannot go
 * further is the stack's, which says so. */
static __always_inline int count_hop(struct __sk_buff *skb, const struct iphdr *ip)
{
	__u8 ttl = ip->ttl - 1;

	bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), bpf_htons((__u16)(ip->ttl << 8)),
			    bpf_htons((__u16)(ttl << 8)), 2);
	return (int)bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), &ttl, sizeof(ttl), 0);
}

/* Sizes have to be constants for the verifier. */
static __always_inline int store_outer(struct __sk_buff *skb, const struct outer *o, __u32 at, __u32 octets)
{
	if (octets == sizeof(struct outer))
		return (int)bpf_skb_store_bytes(skb, at, o, sizeof(struct outer), 0);
	if (octets == GRE_KEY_OCTETS)
		return (int)bpf_skb_store_bytes(skb, at, o, GRE_KEY_OCTETS, 0);
	if (octets == GRE_OCTETS)
		return (int)bpf_skb_store_bytes(skb, at, o, GRE_OCTETS, 0);
	return (int)bpf_skb_store_bytes(skb, at, o, sizeof(struct iphdr), 0);
}

/* Puts the outer header in front of the IP header at @ip_at, 0 or behind an Ethernet header, and makes sure that there
 * is room for an Ethernet header. */
static __always_inline int encapsulate(struct __sk_buff *skb, const struct dp_tunnel_def *t, const struct iphdr *ip,
				       __u32 ip_at, __u32 octets)
{
	struct outer o;

	if (make_room(skb, t) < 0)
		return -1;
	fill_outer(&o, t, ip, octets + overhead(t));
	if (store_outer(skb, &o, ip_at, overhead(t)) < 0)
		return -1;
	return ip_at == 0 ? (int)bpf_skb_change_head(skb, ETH_HLEN, 0) : 0;
}

/* What came out of a tunnel device: outer header and the inner one behind it. */
struct tunnelled {
	struct outer outer;
	struct iphdr inner;
	__u32 outer_at, inner_at;
	__u32 encap; /* ENCAP_..._DEF */
	__u32 key;   /* of GRE, 0: none */
};

enum { NOT_TUNNELLED, TUNNELLED };

/* Checksums and sequence numbers we never ask for: whoever sends them anyway is heard by the daemon. Return: octets of both
 * headers, or -1. */
static __always_inline int gre_octets(struct __sk_buff *skb, __u32 at, struct tunnelled *ret)
{
	if (bpf_skb_load_bytes(skb, at, &ret->outer, GRE_KEY_OCTETS) < 0 ||
	    ret->outer.gre.protocol != bpf_htons(ETH_P_IP))
		return -1;
	if (!ret->outer.gre.flags)
		return GRE_OCTETS;
	ret->key = ret->outer.gre.key;
	return ret->outer.gre.flags == bpf_htons(GRE_KEY) && ret->key ? GRE_KEY_OCTETS : -1;
}

/* A whole, unfragmented tunnel packet with plain headers, @at octets behind the start of the frame; anything else is the
 * stack's, and the daemon's from there. */
static __always_inline int parse_tunnelled_at(struct __sk_buff *skb, __u32 at, struct tunnelled *ret)
{
	ret->outer_at = at;
	ret->key = 0;
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->pkt_type != PACKET_HOST ||
	    bpf_skb_load_bytes(skb, at, &ret->outer.ip, sizeof(ret->outer.ip)) < 0)
		return NOT_TUNNELLED;
	if (ret->outer.ip.ihl != 5 || (ret->outer.ip.frag_off & bpf_htons(FRAGMENT)))
		return NOT_TUNNELLED;
	if (ret->outer.ip.protocol == IPPROTO_IPIP) {
		ret->encap = ENCAP_IPIP_DEF;
		at += sizeof(struct iphdr);
	} else if (ret->outer.ip.protocol == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, at, &ret->outer, sizeof(ret->outer)) < 0 ||
		    ret->outer.udp.dest != bpf_htons(MIP_PORT) || ret->outer.type != TUNNEL_DATA ||
		    ret->outer.next != IPPROTO_IPIP)
			return NOT_TUNNELLED;
		ret->encap = ENCAP_UDP_DEF;
		at += sizeof(struct outer);
	} else if (ret->outer.ip.protocol == IPPROTO_GRE) {
		int n = gre_octets(skb, at, ret);

		if (n < 0)
			return NOT_TUNNELLED;
		ret->encap = ENCAP_GRE_DEF;
		at += n;
	} else {
		return NOT_TUNNELLED;
	}
	if (bpf_skb_load_bytes(skb, at, &ret->inner, sizeof(ret->inner)) < 0 || ret->inner.version != 4)
		return NOT_TUNNELLED;
	ret->inner_at = at;
	return TUNNELLED;
}

static __always_inline int parse_tunnelled(struct __sk_buff *skb, struct tunnelled *ret)
{
	return parse_tunnelled_at(skb, ETH_HLEN, ret);
}

/* RFC 3024 4.1, RFC 3519 4.5: only through the tunnel that was registered. */
static __always_inline int fits(const struct tunnelled *p, const struct dp_tunnel_def *t)
{
	if (p->outer.ip.saddr != t->remote || p->outer.ip.daddr != t->local)
		return 0;
	if (p->encap == ENCAP_UDP_DEF)
		return t->encap == ENCAP_UDP_DEF && p->outer.udp.source == t->remote_port &&
		       p->outer.udp.dest == t->local_port;
	if (p->encap == ENCAP_GRE_DEF)
		return t->encap == ENCAP_GRE_DEF && p->key == t->in_key;
	return t->encap == ENCAP_IPIP_DEF || t->encap == ENCAP_MINIMAL_DEF; /* RFC 2004 is not for fragments */
}

/* A tunnel between others that we only route. */
static __always_inline int is_in_transit(struct __sk_buff *skb, const struct tunnelled *p)
{
	struct bpf_fib_lookup fib = { .family = AF_INET4,
				      .l4_protocol = p->outer.ip.protocol,
				      .tos = p->outer.ip.tos & ~INET_ECN_MASK,
				      .ipv4_src = p->outer.ip.saddr,
				      .ipv4_dst = p->outer.ip.daddr,
				      .ifindex = skb->ifindex };
	long r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);

	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH || r == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Takes the outer header off. Congestion that the tunnel met is passed on (RFC 6040). Return: 0, or -1: to be dropped, and
 * counted here. */
static __always_inline int decapsulate(struct __sk_buff *skb, const struct tunnelled *p)
{
	int ce = (p->outer.ip.tos & INET_ECN_MASK) == INET_ECN_CE;

	if (bpf_skb_adjust_room(skb, -(__s32)(p->inner_at - p->outer_at), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) <
	    0) {
		count(DP_STAT_decap_failed, 0);
		return -1;
	}
	if (ce && !(p->inner.tos & INET_ECN_MASK)) {
		count(DP_STAT_congestion_dropped, 0);
		return -1;
	}
	if (ce)
		bpf_skb_ecn_set_ce(skb);
	return 0;
}

static __always_inline int is_signalling(struct __sk_buff *skb, const struct iphdr *ip)
{
	__u16 port;

	return ip->protocol == IPPROTO_UDP && !(ip->frag_off & bpf_htons(FRAGMENT_OFFSET)) &&
	       bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4U + 2, &port, sizeof(port)) == 0 &&
	       port == bpf_htons(MIP_PORT);
}

static __always_inline int same_header(const struct iphdr *a, const struct iphdr *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;
	__u32 differ = 0;

#pragma unroll
	for (int i = 0; i < 5; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

/* The IP header of a packet from a device without link layer. A TUN begins with it; xfrm interfaces leave the Ethernet
 * header that came before ESP in front of it. Return: octets before it, or -1. */
static __always_inline int load_layer3(struct __sk_buff *skb, struct iphdr *ret)
{
	struct iphdr there;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes_relative(skb, 0, ret, sizeof(*ret), BPF_HDR_START_NET) < 0 ||
	    bpf_skb_load_bytes(skb, 0, &there, sizeof(there)) < 0)
		return -1;
	if (same_header(&there, ret))
		return 0;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &there, sizeof(there)) < 0 || !same_header(&there, ret))
		return -1;
	return ETH_HLEN;
}

/* Where the kernel does ESP, whether the SA allows this source is still to be seen: its policies come after us.
 * Userspace ESP has checked, and leaves no state. Return: reqid of the SA, 0 = none. */
static __always_inline __u32 reqid_of(struct __sk_buff *skb)
{
	struct bpf_xfrm_state sa;

	return bpf_skb_get_xfrm_state(skb, 0, &sa, sizeof(sa), 0) == 0 ? sa.reqid : 0;
}

static __always_inline int is_link_local_multicast(__u32 address)
{
	return (bpf_ntohl(address) >> 8) == 0xe00000;
}

#endif
