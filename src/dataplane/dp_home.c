/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dp_home.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "base/util.h"
#include "dataplane/rtnl.h"

enum { ROUTE_MTU_ANY = 65520 };

static const struct in_addr no_source = { INADDR_ANY };

/* Client mode. Sockets that are not bound begin with the home address, those that are keep what they asked for (B-17).
 * But a DHCP client that renews its lease (RFC 2131 4.4.5) speaks for the link, and its server would not know it from
 * elsewhere (B-13). */
static const struct rtnl_rule unbound = { .priority = DP_HOME_FIRST, .table = DP_HOME_GUARD };
static const struct rtnl_rule renewals = { .udp_port = 67, .priority = DP_HOME_DHCP, .table = RT_TABLE_MAIN };

struct dp_home {
	const char *device;
	uint32_t mark;
	int fd;                   /* held, so that the device has carrier */
	struct in_addr preferred; /* 0.0.0.0: none */
	bool is_preferred;        /* the kernel has its rules and its route, as far as we know */
	struct mnl_socket *rtnl;
};

static int attach(struct dp_home *h)
{
	closep(&h->fd);
	h->fd = tun_open(h->device);
	if (h->fd < 0)
		return h->fd;
	/* Nobody reads it, so nobody misses checksums. A datagram that is to be cut into several loses its mark where it
	 * begins when it is made without, and then cannot be cut any more behind a tunnel's header. */
	if (ioctl(h->fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0)
		return -errno;
	return rtnl_set_up(h->rtnl, if_nametoindex(h->device), 0);
}

int dp_home_open(const char *device, uint32_t mark, struct dp_home **ret)
{
	auto_(dp_home_closep) struct dp_home *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->device = device;
	h->mark = mark;
	h->fd = -1;
	r = rtnl_open(&h->rtnl);
	if (r == 0)
		r = attach(h);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

void dp_home_closep(struct dp_home **h)
{
	if (!*h)
		return;
	closep(&(*h)->fd);
	rtnl_closep(&(*h)->rtnl);
	free(*h);
	*h = NULL;
}

int dp_home_set(struct dp_home *h, struct in_addr a)
{
	uint32_t ifindex = if_nametoindex(h->device);
	int r = ifindex == 0 ? attach(h) : 0;

	if (r == 0)
		r = rtnl_add_address(h->rtnl, if_nametoindex(h->device), a);
	if (r < 0 || h->preferred.s_addr != a.s_addr || a.s_addr == INADDR_ANY)
		return r;
	h->is_preferred = false; /* without the address, the kernel took the route away */
	return dp_home_prefer(h, a);
}

int dp_home_del(struct dp_home *h, struct in_addr a)
{
	uint32_t ifindex = if_nametoindex(h->device);
	int r = ifindex == 0 ? 0 : rtnl_del_address(h->rtnl, ifindex, a);

	return r == -EADDRNOTAVAIL ? 0 : r;
}

static int rules_off(struct mnl_socket *s, struct in_addr a, uint32_t mark, uint32_t priority)
{
	const struct rtnl_rule all = { .source = a, .priority = priority, .table = DP_HOME_GUARD };
	const struct rtnl_rule marked = { .source = a, .mark = mark, .priority = priority - 1, .table = RT_TABLE_MAIN };
	int r = rtnl_del_rule(s, &all);

	return r < 0 || mark == 0 ? r : rtnl_del_rule(s, &marked);
}

/* Into the device, but for charon's own packets. */
static int rules_on(struct dp_home *h, struct in_addr a, uint32_t priority)
{
	const struct rtnl_rule all = { .source = a, .priority = priority, .table = DP_HOME_GUARD };
	const struct rtnl_rule marked = {
		.source = a, .mark = h->mark, .priority = priority - 1, .table = RT_TABLE_MAIN
	};
	int r = rtnl_add_default(h->rtnl, if_nametoindex(h->device), DP_HOME_GUARD, h->preferred, 0);

	if (r == 0 && h->mark != 0)
		r = rtnl_add_rule(h->rtnl, &marked);
	return r < 0 ? r : rtnl_add_rule(h->rtnl, &all);
}

/* ESP makes packets larger, and the size of the device is for what is inside of the tunnel: with a route of that size no
 * packet would get as far as the policy, which has its own. */
static int by_esp(struct dp_home *h, struct in_addr a)
{
	const struct rtnl_rule first = { .source = a, .priority = DP_HOME_FIRST, .table = DP_HOME_ESP };
	int r = rtnl_add_default(h->rtnl, if_nametoindex(h->device), DP_HOME_ESP, no_source, ROUTE_MTU_ANY);

	return r < 0 ? r : rtnl_add_rule(h->rtnl, &first);
}

static int guard_off(struct mnl_socket *s, struct in_addr a, uint32_t mark)
{
	const struct rtnl_rule first = { .source = a, .priority = DP_HOME_FIRST, .table = DP_HOME_ESP };
	int r = rules_off(s, a, mark, DP_HOME_GUARD);

	return r < 0 ? r : rtnl_del_rule(s, &first);
}

int dp_home_guard(struct dp_home *h, struct in_addr a, enum dp_guard how)
{
	switch (how) {
	case DP_GUARD_OFF:
		return guard_off(h->rtnl, a, h->mark);
	case DP_GUARD_ON:
		return rules_on(h, a, DP_HOME_GUARD);
	case DP_GUARD_BY_ESP:
		return by_esp(h, a);
	}
	return -EINVAL;
}

int dp_home_prefer(struct dp_home *h, struct in_addr a)
{
	int r = 0;

	if (h->is_preferred && h->preferred.s_addr == a.s_addr)
		return 0;
	if (h->preferred.s_addr != a.s_addr && h->preferred.s_addr != INADDR_ANY)
		r = rules_off(h->rtnl, h->preferred, h->mark, DP_HOME_FIRST);
	h->preferred = a;
	if (r == 0) /* a route by an address that is not there is refused */
		r = rtnl_add_address(h->rtnl, if_nametoindex(h->device), a);
	if (r == 0)
		r = rules_on(h, a, DP_HOME_FIRST);
	if (r == 0)
		r = rtnl_add_rule(h->rtnl, &renewals);
	if (r == 0)
		r = rtnl_add_rule(h->rtnl, &unbound);
	h->is_preferred = r == 0;
	return r;
}

int dp_home_inject(struct dp_home *h, struct span packet)
{
	return write(h->fd, packet.p, packet.n) < 0 ? -errno : 0;
}

void dp_home_flush(const char *device, uint32_t mark)
{
	auto_(rtnl_closep) struct mnl_socket *s = NULL;
	struct ifaddrs *all = NULL;

	if (rtnl_open(&s) == 0) { /* as below */
		(void)rtnl_del_rule(s, &unbound);
		(void)rtnl_del_rule(s, &renewals);
	}
	if (s && getifaddrs(&all) == 0)
		for (const struct ifaddrs *i = all; i; i = i->ifa_next)
			if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && strcmp(i->ifa_name, device) == 0) {
				struct in_addr a = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;

				/* What cannot be taken away leads nowhere without the device. */
				(void)guard_off(s, a, mark);
				(void)rules_off(s, a, mark, DP_HOME_FIRST);
			}
	freeifaddrs(all);
	tun_remove(device);
}
