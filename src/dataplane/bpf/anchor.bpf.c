/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Home agent: into the tunnel at the egress of the TUN, out of it at the ingress of the core. */
#include "common.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct dp_binding_def);
	__uint(max_entries, 1); /* set before loading */
} bindings SEC(".maps");

/* Home networks on a real link: who is not away is on it. */
struct dp_network_key {
	__u32 len, prefix;
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct dp_network_key);
	__type(value, __u32); /* ifindex */
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} links SEC(".maps");

enum { COPY_MARK = 0x48460000 };

static __always_inline int to_home_link(struct __sk_buff *skb, __u32 home)
{
	struct dp_network_key key = { .len = 32, .prefix = home };
	struct bpf_redir_neigh next = { .nh_family = AF_INET4 };
	__u32 *ifindex = bpf_map_lookup_elem(&links, &key);

	if (!ifindex)
		return TC_ACT_OK;
	if (bpf_skb_change_head(skb, ETH_HLEN, 0) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	next.ipv4_nh = home;
	return (int)bpf_redirect_neigh(*ifindex, &next, sizeof(next), 0);
}

/* Minimal encapsulation leaves no second IP header behind which the kernel could cut super-packets or finish checksums:
 * what comes out of the TUN is cut and finished, and the daemon changes headers. */
static __always_inline int to_daemon(struct dp_binding_def *b, __u32 octets)
{
	account(b->index, octets, 0);
	note_first(&b->seen, DP_SEEN_DOWN, b->index);
	return count(DP_STAT_left_to_daemon, TC_ACT_OK);
}

/* What does not fit there is told as of any tunnel if its sender can do something about it. What it cannot, the daemon would
 * cut, and send by the latest tunnel, which had it already. */
static __always_inline int drop_too_big(struct __sk_buff *skb, struct dp_binding_def *b, const struct iphdr *ip,
					__u32 l2, __u16 mtu, int is_copy)
{
	if (is_copy && !(ip->frag_off & bpf_htons(DONT_FRAGMENT)))
		return count(DP_STAT_too_big, TC_ACT_SHOT);
	return tell_too_big(skb, 0, l2, b->index, mtu);
}

/* A program of this machine leaves it to the kernel to cut its datagrams (UDP_SEGMENT). As the device makes no checksums, it
 * is lost where they begin when we put a header in front; on the way to the daemon they are cut. */
static __always_inline int is_own_uncut(const struct __sk_buff *skb, const struct iphdr *ip)
{
	return !skb->ingress_ifindex && skb->gso_size && ip->protocol == IPPROTO_UDP;
}

/* @t: a tunnel of @b, of which @is_copy is for simultaneous bindings. @l2: octets in front of the IP header: 0 on the
 * TUN. */
static __always_inline int into_tunnel(struct __sk_buff *skb, struct dp_binding_def *b, const struct dp_tunnel_def *t,
				       const struct iphdr *ip, __u32 l2, int is_copy)
{
	__u32 octets = skb->len - l2;
	struct route r;

	/* It looks as if we had wrapped a broadcast for this station (L-44), but we never send those this way: whoever
	 * did could speak to all of the station's link in its neighbours' name. */
	if (ip->protocol == IPPROTO_IPIP && ip->saddr == t->local)
		return count(DP_STAT_spoofed_source, TC_ACT_SHOT);
	if (t->encap == ENCAP_MINIMAL_DEF || is_own_uncut(skb, ip))
		return to_daemon(b, octets);
	if (t->encap == ENCAP_UDP_DEF && !t->remote_port)
		return count(DP_STAT_no_port, TC_ACT_SHOT); /* its NAT has not told us yet (RFC 3519, R flag) */
	find_route(skb, t, skb->ifindex, ip->tos, wire_octets(skb, l2, ip) + overhead(t), &r);
	if (r.result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return drop_too_big(skb, b, ip, l2, r.fib.mtu_result, is_copy);
	if (encapsulate(skb, t, ip, l2, octets) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	if (is_copy) {
		count(DP_STAT_copies_sent, 0);
		return send_routed(skb, &r);
	}
	account(b->index, octets, 0);
	note_first(&b->seen, DP_SEEN_DOWN, b->index);
	count(DP_STAT_down_forwarded, 0);
	return send_routed(skb, &r);
}

/* Copies come by here again, each with a mark that says by which tunnel it goes. Nobody outside can set marks; a packet
 * that this machine marks so goes by one tunnel only. Return: whether it is a copy, which goes by *@tunnel. */
static __always_inline int copy_to_others(struct __sk_buff *skb, const struct dp_binding_def *b,
					  struct dp_tunnel_def *tunnel)
{
	__u32 mark = skb->mark, which = mark - COPY_MARK;

	if (which < DP_COPIES_MAX && which < b->copy_n) {
		skb->mark = 0;
		*tunnel = b->copies[which];
		/* Every end understands IP in IP, and the daemon serves the latest only. */
		if (tunnel->encap == ENCAP_MINIMAL_DEF)
			tunnel->encap = ENCAP_IPIP_DEF;
		return 1;
	}
#pragma unroll
	for (__u32 i = 0; i < DP_COPIES_MAX; i++) {
		if (i >= b->copy_n)
			break;
		skb->mark = COPY_MARK + i;
		bpf_clone_redirect(skb, skb->ifindex, 0);
	}
	skb->mark = mark;
	return 0;
}

static __always_inline int send_down(struct __sk_buff *skb, struct dp_binding_def *b, const struct iphdr *ip)
{
	struct dp_tunnel_def tunnel = b->tunnel;
	int is_copy = b->copy_n ? copy_to_others(skb, b, &tunnel) : 0;

	return into_tunnel(skb, b, &tunnel, ip, 0, is_copy);
}

/* From another station as well as from a correspondent: what comes out of one tunnel is routed to hf0 again (L-30). */
SEC("tc")
int anchor_down(struct __sk_buff *skb)
{
	struct dp_binding_def *b;
	struct iphdr ip;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) < 0)
		return TC_ACT_SHOT;
	b = bpf_map_lookup_elem(&bindings, &ip.daddr);
	if (b && b->home == ip.daddr)
		return send_down(skb, b, &ip);
	count(DP_STAT_unknown_home, 0);
	tell_address(EV_UNKNOWN_HOME, 0, ip.daddr);
	return to_home_link(skb, ip.daddr);
}

/* Straight from the wire, before the stack, for packets with nothing special about them. */
SEC("tc")
int anchor_fast(struct __sk_buff *skb)
{
	struct dp_binding_def *b;
	struct dp_tunnel_def tunnel;
	struct iphdr ip;

	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->pkt_type != PACKET_HOST ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) < 0 || ip.ihl != 5 || ip.ttl <= 1 ||
	    (ip.frag_off & bpf_htons(FRAGMENT)))
		return TC_ACT_OK;
	b = bpf_map_lookup_elem(&bindings, &ip.daddr);
	if (!b || b->home != ip.daddr || b->copy_n || b->tunnel.encap == ENCAP_MINIMAL_DEF ||
	    wire_octets(skb, ETH_HLEN, &ip) > 1400)
		return TC_ACT_OK; /* the stack knows what to say about its size; the rest is done at the TUN */
	if (count_hop(skb, &ip) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	tunnel = b->tunnel;
	return into_tunnel(skb, b, &tunnel, &ip, ETH_HLEN, 0);
}

static __always_inline int fits_any(const struct tunnelled *p, const struct dp_binding_def *b)
{
#pragma unroll
	for (__u32 i = 0; i < DP_COPIES_MAX; i++)
		if (i < b->copy_n && fits(p, &b->copies[i]))
			return 1;
	return fits(p, &b->tunnel);
}

/* Sent before its agent knew that the station had moved (ADR 11). */
static __always_inline int fits_former(const struct tunnelled *p, const struct dp_binding_def *b)
{
	return fits(p, &b->former) && bpf_ktime_get_boot_ns() < b->former_until_ns;
}

/* Where the port of the tunnel is not known yet, or was another one until now, a keepalive tells the daemon (RFC 3519). */
static __always_inline int is_keepalive(const struct tunnelled *p)
{
	return p->encap == ENCAP_UDP_DEF && p->inner.protocol == IPPROTO_ICMP && p->inner.daddr == p->outer.ip.daddr;
}

/* what comes out goes on as the user sent it. */
SEC("tc")
int anchor_up(struct __sk_buff *skb)
{
	struct dp_binding_def *b;
	struct tunnelled p;
	int late;

	if (parse_tunnelled(skb, &p) != TUNNELLED)
		return TC_ACT_OK;
	b = bpf_map_lookup_elem(&bindings, &p.inner.saddr);
	if (!b || b->home != p.inner.saddr) {
		if (is_in_transit(skb, &p))
			return TC_ACT_OK;
		count(DP_STAT_unknown_tunnel, 0);
		if (p.encap != ENCAP_IPIP_DEF) /* keepalives: the daemon looks at them; GRE: may be somebody else's */
			return TC_ACT_OK;
		tell_address(EV_TUNNEL_SPOOF, skb->ifindex, p.inner.saddr);
		return TC_ACT_SHOT;
	}
	late = !fits_any(&p, b);
	if (late && !fits_former(&p, b)) {
		if (is_in_transit(skb, &p) || is_keepalive(&p))
			return TC_ACT_OK;
		tell_address(EV_TUNNEL_SPOOF, skb->ifindex, p.inner.saddr);
		return count(DP_STAT_spoofed_tunnel, TC_ACT_SHOT);
	}
	if (p.encap == ENCAP_GRE_DEF && p.inner.daddr == p.outer.ip.saddr)
		return count(DP_STAT_decap_failed, TC_ACT_SHOT); /* RFC 2784 4: it would come back for ever */
	if (p.inner.daddr == 0xffffffff || p.inner.daddr == b->broadcast || is_link_local_multicast(p.inner.daddr))
		return count(DP_STAT_left_to_daemon, TC_ACT_OK);
	if (decapsulate(skb, &p) < 0)
		return TC_ACT_SHOT;
	account(b->index, skb->len - ETH_HLEN, 1);
	if (late)
		count(DP_STAT_former_accepted, 0);
	else
		note_first(&b->seen, DP_SEEN_UP, b->index);
	count(DP_STAT_up_forwarded, 0);
	return (int)bpf_redirect(tun_ifindex, BPF_F_INGRESS);
}

char program_license[] SEC("license") = "GPL";
