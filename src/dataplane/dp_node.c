/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobile node: one path, and the links and the device it is about. */
#include <assert.h>
#include <bpf/bpf.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/util.h"
#include "codec/ip4.h"
#include "codec/mip_msg.h"
#include "dataplane/dp_attach.h"
#include "dataplane/dp_inside.h"
#include "dataplane/dp_tun.h"
#include "dataplane/rtnl.h"

static_assert((int)DP_PATH_BLOCKED == (int)PATH_BLOCKED && (int)DP_PATH_TUNNEL == (int)PATH_TUNNEL &&
		      (int)DP_PATH_NEIGHBOUR == (int)PATH_NEIGHBOUR,
	      "the kernel's names of ways are ours");

/* VPN_MTU: as charon's device has it; with any cipher, and in UDP, it fits into an Ethernet frame. */
enum { LINKS_MAX = 64, ETHERNET_MTU = 1500, VPN_MTU = 1400, MTU_MIN = 576, FORMER_S = 2 };
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)

struct dp_node {
	const char *device;
	uint32_t attached; /* ifindex of the device as the program was put on it */
	uint16_t mtu;      /* it has; 0 = not ours */
	struct mnl_socket *rtnl;
	int paths;               /* map; owned by the object */
	struct dp_path path;     /* as it was set last */
	struct dp_path_def last; /* as the kernel has it; home 0.0.0.0 = nothing yet */
	struct {
		uint32_t ifindex;
		bool vpn;
	} links[LINKS_MAX];
	size_t link_n;
};

static int attach(struct dp *dp, uint32_t ifindex, bool egress, const char *program)
{
	const struct dp_hook h = { .ifindex = ifindex, .egress = egress, .pin_dir = dp->pin_dir, .no_tcx = dp->no_tcx };

	return dp_attach(&h, dp_program(dp, program));
}

/* What arrives from the programs has a source of somewhere else, or, on its way into the VPN, our own; both are routed as
 * if another host had sent them. */
static int prepare_device(const char *device)
{
	static const struct {
		const char *name, *value;
	} wanted[] = { { "forwarding", "1" }, { "accept_local", "1" }, { "rp_filter", "2" } };
	int r = dp_tun_forbid_redirects(device);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(wanted); i++)
		r = dp_tun_setting(device, wanted[i].name, wanted[i].value);
	return r;
}

/* Its filters would drop replies by any link but the first choice; and away from home, nobody on the link is to learn that
 * the home address is here (RFC 5944 4.6). Where settings are out of our reach their owner has chosen. */
static void prepare_link(uint32_t ifindex, bool is_home)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname(ifindex, name))
		return;
	(void)dp_tun_setting(name, "rp_filter", "2");
	(void)dp_tun_setting(name, "arp_ignore", is_home ? "0" : "1");
}

/* The device may have been made anew since. */
static int adopt_device(struct dp *dp)
{
	struct dp_node *n = dp->home;
	uint32_t ifindex = if_nametoindex(n->device);
	int r;

	if (ifindex == 0)
		return -ENODEV;
	if (ifindex == n->attached)
		return 0;
	r = prepare_device(n->device);
	if (r == 0)
		r = attach(dp, ifindex, true, "node_up");
	if (r < 0)
		return r;
	n->attached = ifindex;
	n->mtu = 0;
	return 0;
}

/* But for that of @kept. */
static void forget_paths(struct dp_node *n, uint32_t kept)
{
	uint32_t key, next;
	int r = bpf_map_get_next_key(n->paths, NULL, &next);

	while (r == 0) {
		key = next;
		r = bpf_map_get_next_key(n->paths, &key, &next); /* before it is gone */
		if (key != kept)
			(void)bpf_map_delete_elem(n->paths, &key); /* it was there a moment ago */
	}
}

int dp_node_open(struct dp *dp, const char *device)
{
	struct dp_node *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	dp->home = n;
	n->device = device;
	n->paths = bpf_object__find_map_fd_by_name(dp->object, "paths");
	r = rtnl_open(&n->rtnl);
	if (r == 0)
		r = adopt_device(dp);
	if (r == 0)
		forget_paths(n, INADDR_ANY); /* of a run before: it is not known any more where the host is (B-36) */
	return r;
}

void dp_node_closep(struct dp_node **at)
{
	if (!*at)
		return;
	rtnl_closep(&(*at)->rtnl);
	free(*at);
	*at = NULL;
}

void dp_node_flush(const struct dp_conf *conf)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *i = all; i && i->if_index != 0; i++)
		dp_detach(&(struct dp_hook){ .ifindex = i->if_index,
					     .egress = strcmp(i->if_name, conf->device) == 0,
					     .pin_dir = conf->pin_dir });
	if (all)
		if_freenameindex(all);
}

static uint32_t vpn_device(const struct dp_node *n)
{
	for (size_t i = n->link_n; i > 0; i--) /* the youngest */
		if (n->links[i - 1].vpn)
			return n->links[i - 1].ifindex;
	return 0;
}

bool dp_has_vpn_device(const struct dp *dp)
{
	return vpn_device(dp->home) != 0;
}

/* Of the link a packet leaves by; without one, the usual. */
static uint16_t mtu_of(uint32_t ifindex)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	if (fd < 0 || !if_indextoname(ifindex, req.ifr_name) || ioctl(fd, SIOCGIFMTU, &req) < 0 ||
	    req.ifr_mtu < MTU_MIN)
		return ETHERNET_MTU;
	return req.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)req.ifr_mtu;
}

/* Sockets of this host then make packets that fit, and nobody has to tell them by ICMP. */
static int set_mtu(struct dp_node *n, uint16_t mtu)
{
	int r;

	if (mtu < MTU_MIN)
		mtu = MTU_MIN;
	if (mtu == n->mtu)
		return 0;
	r = rtnl_set_up(n->rtnl, n->attached, mtu);
	if (r == 0)
		n->mtu = mtu;
	return r;
}

/* Where the kernel encrypts, it tells a socket what is left of the link's size behind the SA. */
static uint16_t mtu_by_esp(const struct tunnel *t)
{
	const struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr = t->local };
	const struct sockaddr_in remote = { .sin_family = AF_INET, .sin_port = htons(MIP_PORT), .sin_addr = t->remote };
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t octets = sizeof(int);
	int mtu;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0 ||
	    connect(fd, (const struct sockaddr *)&remote, sizeof(remote)) < 0 ||
	    getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &octets) < 0 || mtu < MTU_MIN || mtu > VPN_MTU)
		return VPN_MTU;
	return (uint16_t)mtu;
}

static uint16_t inner_mtu(const struct dp_path *p, uint32_t vpn_ifindex)
{
	uint16_t mtu = p->vpn && vpn_ifindex == 0 ? mtu_by_esp(&p->tunnel) : mtu_of(p->vpn ? vpn_ifindex : p->ifindex);

	return p->how == PATH_TUNNEL ? (uint16_t)(mtu - tunnel_overhead(&p->tunnel)) : mtu;
}

static int own_mac(uint32_t ifindex, uint8_t ret[MAC_OCTETS])
{
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	if (fd < 0 || !if_indextoname(ifindex, req.ifr_name) || ioctl(fd, SIOCGIFHWADDR, &req) < 0)
		return -errno;
	memcpy(ret, req.ifr_hwaddr.sa_data, MAC_OCTETS);
	return 0;
}

static uint64_t boot_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail: the clock exists */
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* What the anchor sent before it heard of the change (ADR 11). */
static void keep_former(struct dp_path_def *d, const struct dp_path_def *last)
{
	if (last->home != d->home)
		return;
	if (last->how == DP_PATH_TUNNEL &&
	    (d->how != DP_PATH_TUNNEL || memcmp(&d->tunnel, &last->tunnel, sizeof(d->tunnel)) != 0)) {
		d->former = last->tunnel;
		d->former_vpn = last->vpn;
		d->former_ifindex = last->ifindex;
		d->former_until_ns = boot_ns() + FORMER_S * NS_PER_S;
	} else {
		d->former = last->former;
		d->former_vpn = last->former_vpn;
		d->former_ifindex = last->former_ifindex;
		d->former_until_ns = last->former_until_ns;
	}
}

static bool is_home(const struct dp_path_def *d)
{
	return d->how == DP_PATH_NEIGHBOUR && d->resolve;
}

static void tell_links(const struct dp_path_def *last, const struct dp_path_def *d)
{
	if (is_home(last) && (!is_home(d) || d->ifindex != last->ifindex))
		prepare_link(last->ifindex, false);
	if (is_home(d))
		prepare_link(d->ifindex, true);
}

static int write_path(struct dp_node *n, const struct dp_path_def *d)
{
	if (bpf_map_update_elem(n->paths, &d->home, d, BPF_ANY) < 0)
		return -errno;
	forget_paths(n, d->home);
	n->last = *d;
	return 0;
}

static int define(const struct dp_node *n, const struct dp_path *p, struct dp_path_def *ret)
{
	static const uint8_t nobody[MAC_OCTETS];
	struct dp_path_def d = { .home = p->home.s_addr, .how = (uint8_t)p->how };
	int r = 0;

	d.device = n->attached;
	d.ifindex = p->ifindex;
	d.until_ns = p->until_us * NS_PER_US;
	if (p->how == PATH_TUNNEL) {
		d.tunnel = dp_tunnel_def(&p->tunnel);
		d.vpn = p->vpn;
		d.vpn_ifindex = p->vpn ? vpn_device(n) : 0;
	} else if (p->how == PATH_NEIGHBOUR) {
		d.resolve = memcmp(p->mac, nobody, sizeof(nobody)) == 0;
		memcpy(d.mac, p->mac, sizeof(d.mac));
		r = d.resolve ? 0 : own_mac(p->ifindex, d.own_mac);
	}
	keep_former(&d, &n->last);
	if (r == 0)
		*ret = d;
	return r;
}

/* B-36: the former path is over, whatever stands in the way of the next one. */
static void leave_none(struct dp_node *n)
{
	const struct dp_path_def none = { 0 };

	tell_links(&n->last, &none);
	forget_paths(n, INADDR_ANY);
	n->last = none;
}

int dp_path_set(struct dp *dp, const struct dp_path *p)
{
	struct dp_node *n = dp->home;
	struct dp_path_def d = { 0 };
	int r = adopt_device(dp);

	n->path = *p; /* also where it cannot be had: it is what dp_path_renew() tries again */
	if (r == 0)
		r = define(n, p, &d);
	if (r == 0) {
		tell_links(&n->last, &d);
		r = write_path(n, &d);
	}
	if (r < 0) {
		leave_none(n);
		return r;
	}
	/* While nothing leaves, sockets need not learn of another size. */
	return p->how == PATH_BLOCKED ? 0 : set_mtu(n, inner_mtu(p, d.vpn_ifindex));
}

int dp_path_narrow(struct dp *dp, uint16_t mtu)
{
	struct dp_node *n = dp->home;
	uint16_t overhead = n->path.how == PATH_TUNNEL ? tunnel_overhead(&n->path.tunnel) : 0;

	if (mtu <= overhead || (n->mtu != 0 && mtu - overhead >= n->mtu))
		return 0; /* it is smaller already */
	return set_mtu(n, (uint16_t)(mtu - overhead));
}

int dp_path_review(struct dp *dp, struct in_addr local, struct in_addr remote)
{
	struct dp_node *n = dp->home;
	const struct dp_path *p = &n->path;

	if (p->how != PATH_TUNNEL || !p->vpn || n->last.vpn_ifindex != 0 || p->tunnel.local.s_addr != local.s_addr ||
	    p->tunnel.remote.s_addr != remote.s_addr)
		return 0;
	return set_mtu(n, inner_mtu(p, 0));
}

static bool is_by_path(const struct dp_node *n, uint32_t ifindex)
{
	if (n->path.vpn)
		return n->last.vpn_ifindex != 0 && n->last.vpn_ifindex == ifindex;
	return n->path.ifindex == 0 || n->path.ifindex == ifindex;
}

bool dp_path_takes(const struct dp *dp, uint32_t ifindex, const struct tunnel *t, struct span inner)
{
	const struct dp_path *p = &dp->home->path;
	struct ip4 ip;

	return p->how == PATH_TUNNEL && is_by_path(dp->home, ifindex) && tunnel_accepts(&p->tunnel, t) &&
	       ip4_parse(inner.p, inner.n, &ip) == 0 && ip.destination.s_addr == p->home.s_addr;
}

int dp_path_renew(struct dp *dp)
{
	const struct dp_path p = dp->home->path;

	return p.home.s_addr != INADDR_ANY ? dp_path_set(dp, &p) : 0;
}

int dp_node_add_link(struct dp *dp, uint32_t ifindex, bool vpn)
{
	struct dp_node *n = dp->home;
	int r;

	for (size_t i = 0; i < n->link_n; i++)
		if (n->links[i].ifindex == ifindex)
			return 0;
	if (n->link_n == LINKS_MAX)
		return -ENOSPC;
	dp_forget_links(dp->pin_dir, false); /* links come and go */
	r = attach(dp, ifindex, false, vpn ? "node_down_vpn" : "node_down");
	if (r < 0)
		return r;
	if (!vpn)
		prepare_link(ifindex, false);
	n->links[n->link_n].ifindex = ifindex;
	n->links[n->link_n++].vpn = vpn;
	return vpn ? dp_path_renew(dp) : 0; /* which may have waited for it */
}

void dp_node_del_link(struct dp *dp, uint32_t ifindex)
{
	struct dp_node *n = dp->home;
	size_t i = 0;

	while (i < n->link_n && n->links[i].ifindex != ifindex)
		i++;
	if (i == n->link_n)
		return;
	memmove(&n->links[i], &n->links[i + 1], (n->link_n - i - 1) * sizeof(n->links[i]));
	n->link_n--;
}
