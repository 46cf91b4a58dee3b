/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dp_tun.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/util.h"

enum { MTU_FALLBACK = 1500, REQUEST_OCTETS = 512, ANSWER_OCTETS = 8192 };

static void mnl_closep(struct mnl_socket **s)
{
	if (*s)
		(void)mnl_socket_close(*s);
}

/* Sends one request and waits for its acknowledgment. */
static int ask(struct mnl_socket *s, struct nlmsghdr *h)
{
	char answer[ANSWER_OCTETS];
	ssize_t n;

	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(s, answer, sizeof(answer));
	if (n < 0)
		return -errno;
	return mnl_cb_run(answer, (size_t)n, h->nlmsg_seq, mnl_socket_get_portid(s), NULL, NULL) < 0 ? -errno : 0;
}

static int set_link(struct mnl_socket *s, uint32_t ifindex, uint32_t mtu)
{
	char request[REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct ifinfomsg *m;

	h->nlmsg_type = RTM_NEWLINK;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifi_index = (int)ifindex;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return ask(s, h);
}

static int add_address(struct mnl_socket *s, uint32_t ifindex, struct in_addr a)
{
	char request[REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct ifaddrmsg *m;

	h->nlmsg_type = RTM_NEWADDR;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = AF_INET;
	m->ifa_prefixlen = 32;
	m->ifa_index = ifindex;
	mnl_attr_put_u32(h, IFA_LOCAL, a.s_addr);
	mnl_attr_put_u32(h, IFA_ADDRESS, a.s_addr);
	return ask(s, h);
}

static int add_route(struct mnl_socket *s, uint32_t ifindex, struct in_addr prefix, uint8_t len)
{
	char request[REQUEST_OCTETS];
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
	return ask(s, h);
}

/* On a real home link the kernel has the prefix on that link already; two halves of it are more specific. */
static int add_network(struct mnl_socket *s, uint32_t ifindex, const struct dp_home_network *n)
{
	struct in_addr upper = n->prefix;
	int r;

	if (n->ifindex == 0) {
		r = add_address(s, ifindex, n->gateway);
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

static int open_tun(const char *device)
{
	auto_(closep) int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	if (fd < 0)
		return -errno;
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", device); /* conf/ checked its length */
	if (ioctl(fd, TUNSETIFF, &req) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int write_setting(const char *device, const char *name, const char *value)
{
	char path[128];
	auto_(closep) int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", device, name); /* fits: names are short */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* Two stations of ours that talk come in and leave by the same device: no reason to send them redirects. The kernel
 * sends them when either setting allows it. */
static int forbid_redirects(const char *device)
{
	int r = write_setting("all", "send_redirects", "0");

	return r < 0 ? r : write_setting(device, "send_redirects", "0");
}

int dp_tun_open(const struct dp_conf *conf, int *ret_fd, uint32_t *ret_ifindex, const char **ret_why)
{
	auto_(mnl_closep) struct mnl_socket *s = mnl_socket_open(NETLINK_ROUTE);
	auto_(closep) int fd = -1;
	uint32_t ifindex;
	int r;

	*ret_why = "cannot open a netlink socket";
	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	*ret_why = "cannot create the TUN device (is the tun module there?)";
	fd = open_tun(conf->device);
	if (fd < 0)
		return fd;
	ifindex = if_nametoindex(conf->device);
	*ret_why = "cannot set up the TUN device";
	r = set_link(s, ifindex, inner_mtu(conf));
	if (r == 0)
		r = forbid_redirects(conf->device);
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
	auto_(closep) int fd = open_tun(conf->device);

	if (fd >= 0)
		(void)ioctl(fd, TUNSETPERSIST, 0); /* gone when @fd closes; if not, nothing is lost by it */
}
