/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dp_tun.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/util.h"
#include "dataplane/rtnl.h"

enum { MTU_FALLBACK = 1500 };

static int add_route(struct mnl_socket *s, uint32_t ifindex, struct in_addr prefix, uint8_t len)
{
	char request[RTNL_REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct rtmsg *m;

	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = AF_INET;
	m->rtm_dst_len = len;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = RT_SCOPE_LINK;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(h, RTA_DST, prefix.s_addr);
	mnl_attr_put_u32(h, RTA_OIF, ifindex);
	return rtnl_ask(s, h);
}

/* On a real home link the kernel has the prefix on that link already; two halves of it are more specific. */
static int add_network(struct mnl_socket *s, uint32_t ifindex, const struct dp_home_network *n)
{
	struct in_addr upper = n->prefix;
	int r;

	if (n->ifindex == 0) {
		r = rtnl_add_address(s, ifindex, n->gateway);
		return r < 0 ? r : add_route(s, ifindex, n->prefix, n->prefix_len);
	}
	if (n->prefix_len >= 31)
		return -EINVAL;
	upper.s_addr |= htonl(UINT32_C(0x80000000) >> n->prefix_len);
	r = add_route(s, ifindex, n->prefix, (uint8_t)(n->prefix_len + 1));
	return r < 0 ? r : add_route(s, ifindex, upper, (uint8_t)(n->prefix_len + 1));
}

/* The smallest core link, less the outer headers: the kernel then says "fragmentation needed" by itself. */
static uint32_t inner_mtu(const struct dp_conf *conf)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t mtu = MTU_FALLBACK;

	for (size_t i = 0; fd >= 0 && i < conf->core_n; i++) {
		struct ifreq req = { 0 };

		if (if_indextoname(conf->core[i], req.ifr_name) && ioctl(fd, SIOCGIFMTU, &req) == 0 &&
		    req.ifr_mtu > TUNNEL_OVERHEAD_UDP && (uint32_t)req.ifr_mtu < mtu)
			mtu = (uint32_t)req.ifr_mtu;
	}
	return mtu - TUNNEL_OVERHEAD_UDP;
}

int dp_tun_setting(const char *device, const char *name, const char *value)
{
	char path[128];
	auto_(closep) int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", device, name); /* fits: names are short */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* The kernel sends them when either setting allows it. */
int dp_tun_forbid_redirects(const char *device)
{
	int r = dp_tun_setting("all", "send_redirects", "0");

	return r < 0 ? r : dp_tun_setting(device, "send_redirects", "0");
}

int dp_tun_open(const struct dp_conf *conf, int *ret_fd, uint32_t *ret_ifindex, const char **ret_why)
{
	auto_(rtnl_closep) struct mnl_socket *s = NULL;
	auto_(closep) int fd = -1;
	uint32_t ifindex;
	int r;

	*ret_why = "cannot open a netlink socket";
	r = rtnl_open(&s);
	if (r < 0)
		return r;
	*ret_why = "cannot create the TUN device (is the tun module there?)";
	fd = tun_open(conf->device);
	if (fd < 0)
		return fd;
	ifindex = if_nametoindex(conf->device);
	*ret_why = "cannot set up the TUN device";
	r = rtnl_set_up(s, ifindex, inner_mtu(conf));
	if (r == 0)
		r = dp_tun_forbid_redirects(conf->device);
	*ret_why = "cannot route a home network to the TUN device";
	for (size_t i = 0; r == 0 && i < conf->network_n; i++)
		r = add_network(s, ifindex, &conf->networks[i]);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	*ret_ifindex = ifindex;
	return 0;
}

void dp_tun_remove(const struct dp_conf *conf)
{
	tun_remove(conf->device);
}
