/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/util.h"

enum { ANSWER_OCTETS = 8192 };

int rtnl_open(struct mnl_socket **ret)
{
	auto_(rtnl_closep) struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	*ret = TAKE_PTR(s);
	return 0;
}

void rtnl_closep(struct mnl_socket **s)
{
	if (*s)
		(void)mnl_socket_close(*s); /* nothing useful can be done about a failing close */
	*s = NULL;
}

int rtnl_ask(struct mnl_socket *s, struct nlmsghdr *h)
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

int rtnl_set_up(struct mnl_socket *s, uint32_t ifindex, uint32_t mtu)
{
	char request[RTNL_REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct ifinfomsg *m;

	h->nlmsg_type = RTM_NEWLINK;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifi_index = (int)ifindex;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	if (mtu != 0)
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return rtnl_ask(s, h);
}

static int change_address(struct mnl_socket *s, uint16_t type, uint16_t flags, uint32_t ifindex, struct in_addr a)
{
	char request[RTNL_REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct ifaddrmsg *m;

	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = AF_INET;
	m->ifa_prefixlen = 32;
	m->ifa_index = ifindex;
	mnl_attr_put_u32(h, IFA_LOCAL, a.s_addr);
	mnl_attr_put_u32(h, IFA_ADDRESS, a.s_addr);
	return rtnl_ask(s, h);
}

int rtnl_add_address(struct mnl_socket *s, uint32_t ifindex, struct in_addr a)
{
	return change_address(s, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, a);
}

int rtnl_del_address(struct mnl_socket *s, uint32_t ifindex, struct in_addr a)
{
	return change_address(s, RTM_DELADDR, 0, ifindex, a);
}

static void put_mtu(struct nlmsghdr *h, uint32_t mtu)
{
	struct nlattr *metrics = mnl_attr_nest_start(h, RTA_METRICS);

	mnl_attr_put_u32(h, RTAX_LOCK, 1U << RTAX_MTU);
	mnl_attr_put_u32(h, RTAX_MTU, mtu);
	mnl_attr_nest_end(h, metrics);
}

int rtnl_add_default(struct mnl_socket *s, uint32_t ifindex, uint32_t table, struct in_addr source, uint32_t mtu)
{
	char request[RTNL_REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct rtmsg *m;

	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = AF_INET;
	m->rtm_table = RT_TABLE_UNSPEC; /* RTA_TABLE says it */
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = RT_SCOPE_LINK;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(h, RTA_TABLE, table);
	mnl_attr_put_u32(h, RTA_OIF, ifindex);
	if (source.s_addr != INADDR_ANY)
		mnl_attr_put_u32(h, RTA_PREFSRC, source.s_addr);
	if (mtu != 0)
		put_mtu(h, mtu);
	return rtnl_ask(s, h);
}

static int change_rule(struct mnl_socket *s, uint16_t type, uint16_t flags, const struct rtnl_rule *r)
{
	const struct fib_rule_port_range port = { r->udp_port, r->udp_port };
	char request[RTNL_REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct fib_rule_hdr *m;

	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->family = AF_INET;
	m->src_len = 32;
	m->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(h, FRA_SRC, r->source.s_addr);
	mnl_attr_put_u32(h, FRA_PRIORITY, r->priority);
	mnl_attr_put_u32(h, FRA_TABLE, r->table);
	if (r->mark != 0 || r->source.s_addr == INADDR_ANY) {
		mnl_attr_put_u32(h, FRA_FWMARK, r->mark);
		mnl_attr_put_u32(h, FRA_FWMASK, UINT32_MAX);
	}
	if (r->udp_port != 0) {
		mnl_attr_put_u8(h, FRA_IP_PROTO, IPPROTO_UDP);
		mnl_attr_put(h, FRA_DPORT_RANGE, sizeof(port), &port);
	}
	return rtnl_ask(s, h);
}

int rtnl_add_rule(struct mnl_socket *s, const struct rtnl_rule *r)
{
	int e = change_rule(s, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);

	return e == -EEXIST ? 0 : e;
}

int rtnl_del_rule(struct mnl_socket *s, const struct rtnl_rule *r)
{
	int e = change_rule(s, RTM_DELRULE, 0, r);

	return e == -ENOENT ? 0 : e;
}

int tun_open(const char *device)
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

void tun_remove(const char *device)
{
	auto_(closep) int fd = tun_open(device);

	if (fd >= 0)
		(void)ioctl(fd, TUNSETPERSIST, 0); /* gone when @fd closes; if not, nothing is lost by it */
}
