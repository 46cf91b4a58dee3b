/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility proxy agent: from the port of a station into its tunnel, and back. The port is closed for everything else but
 * 802.1X (L-53): ARP, DHCP and pings of the gateway are seen by the daemon's packet socket before they are dropped here,
 * whereas an authenticator's is for one protocol and comes later. Inner TTLs are left alone: to its station, the tunnel is the home link, and the first router is the anchor (L-28, L-56). */
#include "common.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct dp_port_def);
	__type(value, struct dp_visitor_def);
	__uint(max_entries, 1); /* set before loading */
} uplink SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct dp_inside_def);
	__type(value, struct dp_visitor_def);
	__uint(max_entries, 1); /* set before loading */
} downlink SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64); /* when the daemon may see the next packet of an unknown tunnel */
	__uint(max_entries, 1);
} early SEC(".maps");

enum { EARLY_INTERVAL_NS = 250000 };

static __always_inline void tell_mac(__u32 type, const struct dp_port_def *port, __u32 source)
{
	struct dp_limit_def origin = { .type = type, .ifindex = port->ifindex };
	struct dp_event_def *e;

	__builtin_memcpy(origin.origin, port->mac, DP_MAC_OCTETS);
	if (!may_tell(&origin))
		return;
	e = event_begin(type, port->ifindex, 0, source);
	if (!e)
		return;
	__builtin_memcpy(e->mac, port->mac, DP_MAC_OCTETS);
	bpf_ringbuf_submit(e, 0);
}

/* What the daemon answers in the home network's name. */
static __always_inline int is_for_daemon(struct __sk_buff *skb, const struct iphdr *ip, const struct dp_visitor_def *v)
{
	__u32 at = ETH_HLEN + ip->ihl * 4U;
	__u16 port;
	__u8 type;

	if (ip->daddr != v->gateway && ip->daddr != v->server && ip->daddr != 0xffffffff)
		return 0;
	if (ip->protocol == IPPROTO_UDP)
		return bpf_skb_load_bytes(skb, at + 2, &port, sizeof(port)) == 0 && port == bpf_htons(67);
	if (ip->protocol == IPPROTO_ICMP && ip->daddr == v->gateway)
		return bpf_skb_load_bytes(skb, at, &type, sizeof(type)) == 0 && type == 8;
	return 0;
}

static __always_inline int is_broadcast(const struct iphdr *ip, const struct dp_visitor_def *v)
{
	return ip->daddr == 0xffffffff || ip->daddr == v->broadcast || is_link_local_multicast(ip->daddr);
}

/* all of it goes to the home agent. @l2: octets in front of the IP header. */
static __always_inline int into_tunnel(struct __sk_buff *skb, struct dp_visitor_def *v, const struct iphdr *ip,
				       __u32 l2)
{
	const struct dp_tunnel_def t = v->tunnel;
	__u32 octets = skb->len - l2;
	struct route r;

	find_route(skb, &t, skb->ifindex, ip->tos, wire_octets(skb, l2, ip) + overhead(&t), &r);
	if (r.result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return tell_too_big(skb, v->port.mac, l2, v->index, r.fib.mtu_result);
	if (encapsulate(skb, &t, ip, l2, octets) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	account(v->index, octets, 1);
	note_first(&v->seen, DP_SEEN_UP, v->index);
	count(DP_STAT_up_forwarded, 0);
	return send_routed(skb, &r); /* L-25: whatever its destination */
}

static __always_inline int is_for_authenticator(const struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_PAE) && skb->pkt_type != PACKET_OTHERHOST;
}

SEC("tc")
int mpa_up(struct __sk_buff *skb)
{
	struct dp_port_def port = { .ifindex = skb->ifindex };
	struct dp_visitor_def *v;
	struct iphdr ip;

	if (is_for_authenticator(skb))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, ETH_ALEN, port.mac, DP_MAC_OCTETS) < 0 || skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) < 0)
		return count(DP_STAT_local_dropped, TC_ACT_SHOT);
	v = bpf_map_lookup_elem(&uplink, &port); /* L-26 */
	if (!v) {
		if (ip.saddr)
			tell_mac(EV_UNKNOWN_SOURCE, &port, ip.saddr);
		return count(DP_STAT_unknown_source, TC_ACT_SHOT);
	}
	if (ip.saddr != v->home) { /* G-15 */
		if (ip.saddr)
			tell_mac(EV_SPOOF, &port, ip.saddr);
		return count(DP_STAT_spoofed_source, TC_ACT_SHOT);
	}
	if (is_for_daemon(skb, &ip, v) || (is_broadcast(&ip, v) && !v->forward_broadcast)) /* L-43 */
		return count(DP_STAT_local_dropped, TC_ACT_SHOT);
	return into_tunnel(skb, v, &ip, ETH_HLEN);
}

/* Takes off what a visitor put around its packet. Return: 0, or -1: it is none, or nobody's but its own. */
static __always_inline int unwrap(struct __sk_buff *skb, const struct dp_visitor_def *v, const struct iphdr *outer,
				  struct iphdr *ret_inner)
{
	if (outer->protocol != IPPROTO_IPIP || outer->ihl != 5 || (outer->frag_off & bpf_htons(FRAGMENT)) ||
	    outer->daddr != v->gateway ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(*outer), ret_inner, sizeof(*ret_inner)) < 0 ||
	    ret_inner->version != 4 || ret_inner->saddr != v->home)
		return -1;
	return (int)bpf_skb_adjust_room(skb, -(__s32)sizeof(*outer), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/* To a visitor we are a router, not its home link. */
static __always_inline int forward(struct __sk_buff *skb, struct dp_visitor_def *v, const struct iphdr *ip)
{
	if (ip->ttl <= 1)
		return TC_ACT_OK;
	if (count_hop(skb, ip) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	return into_tunnel(skb, v, ip, ETH_HLEN);
}

/* Foreign agent: its link is an ordinary one, of ordinary hosts; only what visitors send from their home address goes
 * home (RFC 5944 4.2.2, RFC 3024 5). What is for the agent itself stays here. */
SEC("tc")
int fa_up(struct __sk_buff *skb)
{
	struct dp_port_def port = { .ifindex = skb->ifindex };
	struct dp_visitor_def *v;
	struct iphdr ip;

	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->pkt_type != PACKET_HOST ||
	    bpf_skb_load_bytes(skb, ETH_ALEN, port.mac, DP_MAC_OCTETS) < 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) < 0)
		return TC_ACT_OK;
	v = bpf_map_lookup_elem(&uplink, &port);
	if (!v || ip.saddr != v->home || v->delivery == DELIVERY_NONE_DEF || is_broadcast(&ip, v) ||
	    is_signalling(skb, &ip))
		return TC_ACT_OK;
	if (v->delivery == DELIVERY_ENCAPSULATING_DEF) {
		struct iphdr inner;

		if (unwrap(skb, v, &ip, &inner) < 0)
			return TC_ACT_OK;
		return forward(skb, v, &inner);
	}
	return ip.daddr == v->gateway ? TC_ACT_OK : forward(skb, v, &ip);
}

static __always_inline void tell_user(__u32 type, __u32 ifindex, __u32 address, __u32 reqid)
{
	struct dp_limit_def origin = { .type = type, .ifindex = ifindex };
	struct dp_event_def *e;

	__builtin_memcpy(origin.origin, &address, sizeof(address));
	__builtin_memcpy(origin.origin + sizeof(address), &reqid, sizeof(reqid));
	if (!may_tell(&origin))
		return;
	e = event_begin(type, ifindex, 0, address);
	if (!e)
		return;
	__builtin_memcpy(e->mac, &address, sizeof(address));
	e->reqid = reqid;
	bpf_ringbuf_submit(e, 0);
}

/* Some packets of a visitor that is held go to the daemon, which keeps no more of them. */
static __always_inline int hold(struct __sk_buff *skb, struct dp_visitor_def *v, __u32 ip_at)
{
	struct dp_event_def about = { .type = EV_HELD, .ifindex = skb->ifindex, .index = v->index, .source = v->home };

	if (__sync_fetch_and_add(&v->held_n, 1) >= DP_HELD_MAX)
		return count(DP_STAT_held_dropped, TC_ACT_SHOT);
	return count(DP_STAT_held, tell_packet(skb, &about, ip_at));
}

/* From a device without link layer, where IPsec was taken off (A-38, A-43, G-15): its source address tells who it is, and
 * it must have come by an SA of that user. There is nothing of Mobile IP in it. */
SEC("tc")
int mpa_up_layer3(struct __sk_buff *skb)
{
	struct dp_port_def port = { .ifindex = skb->ifindex };
	struct dp_visitor_def *v;
	struct iphdr ip;
	int at = load_layer3(skb, &ip);
	__u32 reqid = reqid_of(skb);

	if (at < 0)
		return count(DP_STAT_local_dropped, TC_ACT_SHOT);
	__builtin_memcpy(port.mac, &ip.saddr, sizeof(ip.saddr));
	v = bpf_map_lookup_elem(&uplink, &port);
	if (!v || v->home != ip.saddr) {
		tell_user(EV_UNKNOWN_SOURCE, skb->ifindex, ip.saddr, reqid);
		return count(DP_STAT_unknown_source, TC_ACT_SHOT);
	}
	if (reqid && reqid != v->reqid) {
		tell_user(EV_SPOOF, skb->ifindex, ip.saddr, reqid);
		return count(DP_STAT_spoofed_source, TC_ACT_SHOT);
	}
	if (v->layer3 == DP_LAYER3_HELD)
		return hold(skb, v, at);
	if (is_broadcast(&ip, v) && !v->forward_broadcast)
		return count(DP_STAT_local_dropped, TC_ACT_SHOT);
	return into_tunnel(skb, v, &ip, at);
}

static __always_inline int tell_too_big_down(struct __sk_buff *skb, const struct dp_visitor_def *v, __u32 ip_at)
{
	struct dp_event_def about = {
		.type = EV_TOO_BIG_DOWN, .ifindex = v->port.ifindex, .index = v->index, .mtu = v->mtu
	};

	return count(DP_STAT_too_big, tell_unfit(skb, &about, ip_at));
}

/* The home agent switches a moment before the daemon knows: it gets to see packets of unknown tunnels, but so few that
 * nobody can keep it busy with them. A race between processors lets one more pass. */
static __always_inline int is_early(void)
{
	__u64 now = bpf_ktime_get_ns(), *next;
	__u32 zero = 0;

	next = bpf_map_lookup_elem(&early, &zero);
	if (!next || now < *next)
		return 0;
	*next = now + EARLY_INTERVAL_NS;
	return 1;
}

SEC("tc")
int mpa_down(struct __sk_buff *skb)
{
	struct ethhdr eth = { .h_proto = bpf_htons(ETH_P_IP) };
	struct dp_inside_def key;
	struct dp_visitor_def *v;
	struct tunnelled p;

	if (parse_tunnelled(skb, &p) != TUNNELLED)
		return TC_ACT_OK;
	key.anchor = p.outer.ip.saddr;
	key.home = p.inner.daddr;
	v = bpf_map_lookup_elem(&downlink, &key); /* L-27 */
	if (!v || v->home != p.inner.daddr) {     /* a slot may be reused while it is read */
		if (is_in_transit(skb, &p))
			return TC_ACT_OK;
		count(DP_STAT_unknown_tunnel, 0);
		if (p.encap != ENCAP_IPIP_DEF ||
		    is_early()) /* answers to keepalives, and what was sent before the reply is read */
			return TC_ACT_OK;
		tell_address(EV_TUNNEL_SPOOF, skb->ifindex, p.inner.daddr);
		return TC_ACT_SHOT;
	}
	if (!fits(&p, &v->tunnel)) {
		if (is_in_transit(skb, &p))
			return TC_ACT_OK;
		tell_address(EV_TUNNEL_SPOOF, skb->ifindex, p.inner.daddr);
		return count(DP_STAT_spoofed_tunnel, TC_ACT_SHOT);
	}
	if (p.inner.protocol == IPPROTO_IPIP && p.inner.saddr == p.outer.ip.saddr)
		return count(DP_STAT_left_to_daemon, TC_ACT_OK); /* a wrapped broadcast (L-44) */
	if (v->layer3 && wire_octets(skb, p.inner_at, &p.inner) > v->mtu)
		return tell_too_big_down(skb, v, p.inner_at);
	if (decapsulate(skb, &p) < 0)
		return TC_ACT_SHOT;
	if (!v->layer3) {
		__builtin_memcpy(eth.h_dest, v->port.mac, ETH_ALEN);
		__builtin_memcpy(eth.h_source, v->gateway_mac, ETH_ALEN);
	}
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return count(DP_STAT_decap_failed, TC_ACT_SHOT);
	account(v->index, skb->len - ETH_HLEN, 0);
	note_first(&v->seen, DP_SEEN_DOWN, v->index);
	count(DP_STAT_down_forwarded, 0);
	/* A device without link layer gets the packet without the header: past routing, so ESP or nothing. */
	return (int)bpf_redirect(v->port.ifindex, 0);
}

char program_license[] SEC("license") = "GPL";
