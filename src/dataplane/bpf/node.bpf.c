/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobile node: what leaves by the device that has the home address goes the one way there is, or nowhere; what comes back
 * by that way, and by no other, goes to the device. */
#include "common.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct dp_path_def);
	__uint(max_entries, 4); /* one, and another while it gives way */
} paths SEC(".maps");

enum { THE_ONLY_INDEX = 0, LOOKUP_MAIN_TABLE = BPF_FIB_LOOKUP_DIRECT };

static __always_inline struct dp_path_def *path_of(__u32 home)
{
	struct dp_path_def *p = bpf_map_lookup_elem(&paths, &home);

	return p && p->home == home ? p : 0;
}

/* B-03. Clear of the VPN's routes, which may still stand: the main table, and only by the care-of address's own link. */
static __always_inline void find_clear_route(struct __sk_buff *skb, const struct dp_path_def *p, __u8 tos, __u32 octets,
					     struct route *ret)
{
	find_route_in(skb, &p->tunnel, skb->ifindex, tos, octets, LOOKUP_MAIN_TABLE, ret);
	if (p->ifindex && ret->fib.ifindex != p->ifindex && ret->result != BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		ret->fib.ifindex = p->ifindex;
		ret->result = BPF_FIB_LKUP_RET_NO_NEIGH; /* that link's own route is looked for when it leaves */
	}
}

/* As on a wire. Told of a drop, TCP takes it for congestion of its own host, asks again every half second, and is at the end
 * of its patience after 15 times; what it knows nothing of it repeats for a quarter of an hour. */
static __always_inline int lose(__u32 stat)
{
	count(stat, 0);
	return (int)bpf_redirect(0, 0);
}

/* Mode mc (B-10, B-18): ESP or nothing. Where a device encrypts, the route has to lead there. Where the kernel does, the
 * packet is routed as if it had arrived, so that IPsec policies see it; without one the guard leads it to node_up() again,
 * and it ends there. */
static __always_inline int send_by_vpn(struct __sk_buff *skb, const struct dp_path_def *p, const struct route *r)
{
	if (!p->vpn_ifindex)
		return (int)bpf_redirect(p->device, BPF_F_INGRESS);
	if (r->fib.ifindex != p->vpn_ifindex)
		return lose(DP_STAT_no_route);
	return send_routed(skb, r);
}

static __always_inline int into_tunnel(struct __sk_buff *skb, const struct dp_path_def *p, const struct iphdr *ip)
{
	const struct dp_tunnel_def t = p->tunnel;
	__u32 octets = skb->len, wire = wire_octets(skb, 0, ip) + overhead(&t);
	struct route r = { .result = BPF_FIB_LKUP_RET_SUCCESS };

	if (!p->vpn)
		find_clear_route(skb, p, ip->tos, wire, &r);
	else if (p->vpn_ifindex)
		find_route(skb, &t, skb->ifindex, ip->tos, wire, &r);
	if (r.result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return tell_too_big(skb, 0, 0, THE_ONLY_INDEX, r.fib.mtu_result);
	if (encapsulate(skb, &t, ip, 0, octets) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	account(THE_ONLY_INDEX, octets, 1);
	count(DP_STAT_up_forwarded, 0);
	return p->vpn ? send_by_vpn(skb, p, &r) : send_routed(skb, &r);
}

/* Mode f: to the foreign agent's MAC as it was heard; asking for it by ARP would tell the link of an address that does not
 * belong there (RFC 5944 4.6). At home the link is asked as by any host. */
static __always_inline int to_neighbour(struct __sk_buff *skb, const struct dp_path_def *p)
{
	struct ethhdr eth = { .h_proto = bpf_htons(ETH_P_IP) };
	__u32 octets = skb->len;

	if (bpf_skb_change_head(skb, ETH_HLEN, 0) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	account(THE_ONLY_INDEX, octets, 1);
	count(DP_STAT_up_forwarded, 0);
	if (p->resolve)
		return (int)bpf_redirect_neigh(p->ifindex, 0, 0, 0);
	__builtin_memcpy(eth.h_dest, p->mac, ETH_ALEN);
	__builtin_memcpy(eth.h_source, p->own_mac, ETH_ALEN);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return count(DP_STAT_encap_failed, TC_ACT_SHOT);
	return (int)bpf_redirect(p->ifindex, 0);
}

static __always_inline int is_of_link(const struct iphdr *ip)
{
	return ip->daddr == 0xffffffff || is_link_local_multicast(ip->daddr);
}

/* B-36: nothing leaves from the home address but by the path. */
SEC("tc")
int node_up(struct __sk_buff *skb)
{
	const struct dp_path_def *p;
	struct iphdr ip;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) < 0)
		return count(DP_STAT_local_dropped, TC_ACT_SHOT);
	p = path_of(ip.saddr);
	if (!p)
		return count(DP_STAT_unknown_source, TC_ACT_SHOT);
	if (p->how == DP_PATH_BLOCKED || (p->until_ns && bpf_ktime_get_boot_ns() >= p->until_ns))
		return lose(DP_STAT_held_dropped);
	if (is_of_link(&ip) && !(p->how == DP_PATH_NEIGHBOUR && p->resolve))
		return count(DP_STAT_local_dropped, TC_ACT_SHOT); /* the home link's, which is elsewhere */
	return p->how == DP_PATH_TUNNEL ? into_tunnel(skb, p, &ip) : to_neighbour(skb, p);
}

static __always_inline int to_device(struct __sk_buff *skb, const struct dp_path_def *p, __u32 octets)
{
	account(THE_ONLY_INDEX, octets, 0);
	count(DP_STAT_down_forwarded, 0);
	return (int)bpf_redirect(p->device, BPF_F_INGRESS);
}

static __always_inline int is_by(const struct __sk_buff *skb, __u32 ifindex)
{
	return !ifindex || skb->ifindex == ifindex;
}

/* Out of the tunnel that is registered, or of the one before for a moment; one that goes by the VPN only out of ESP. */
static __always_inline int out_of_tunnel(struct __sk_buff *skb, const struct dp_path_def *p, const struct tunnelled *t,
					 int decrypted)
{
	int fitting = p->how == DP_PATH_TUNNEL && fits(t, &p->tunnel) && (p->vpn ? decrypted : is_by(skb, p->ifindex));

	if (!fitting && fits(t, &p->former) && (p->former_vpn ? decrypted : is_by(skb, p->former_ifindex)) &&
	    bpf_ktime_get_boot_ns() < p->former_until_ns) {
		count(DP_STAT_former_accepted, 0);
		fitting = 1;
	}
	if (!fitting)
		return count(DP_STAT_spoofed_tunnel, TC_ACT_SHOT);
	if (decapsulate(skb, t) < 0)
		return TC_ACT_SHOT;
	return to_device(skb, p, skb->len - t->outer_at);
}

/* Plain packets go to the device too where the path says that they come so: seen from there their way back is the way they
 * came, which strict filters of the host ask for. Signalling goes to its socket, which tells by which link it came. */
SEC("tc")
int node_down(struct __sk_buff *skb)
{
	const struct dp_path_def *p;
	struct tunnelled t;
	struct iphdr ip;

	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->pkt_type != PACKET_HOST ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) < 0)
		return TC_ACT_OK;
	if (parse_tunnelled(skb, &t) == TUNNELLED) {
		p = path_of(t.inner.daddr);
		if (p)
			return out_of_tunnel(skb, p, &t, reqid_of(skb) != 0);
	}
	p = path_of(ip.daddr);
	if (p && p->how == DP_PATH_NEIGHBOUR && p->ifindex == skb->ifindex && !is_signalling(skb, &ip))
		return to_device(skb, p, skb->len - ETH_HLEN);
	return TC_ACT_OK;
}

/* A device that packets come out of decrypted. */
SEC("tc")
int node_down_vpn(struct __sk_buff *skb)
{
	const struct dp_path_def *p;
	struct tunnelled t;
	struct iphdr ip;
	int at = load_layer3(skb, &ip);

	if (at < 0 || parse_tunnelled_at(skb, at, &t) != TUNNELLED)
		return TC_ACT_OK;
	p = path_of(t.inner.daddr);
	return p ? out_of_tunnel(skb, p, &t, 1) : TC_ACT_OK;
}

char program_license[] SEC("license") = "GPL";
