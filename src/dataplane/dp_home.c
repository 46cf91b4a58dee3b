/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dp_home.h"

#include <errno.h>
#include <net/if.h>

#include "base/util.h"
#include "dataplane/rtnl.h"

struct dp_home {
	const char *device;
	int fd; /* held, so that the device has carrier */
	struct mnl_socket *rtnl;
};

static int attach(struct dp_home *h)
{
	closep(&h->fd);
	h->fd = tun_open(h->device);
	return h->fd < 0 ? h->fd : rtnl_set_up(h->rtnl, if_nametoindex(h->device), 0);
}

int dp_home_open(const char *device, struct dp_home **ret)
{
	auto_(dp_home_closep) struct dp_home *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->device = device;
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

	return r < 0 ? r : rtnl_add_address(h->rtnl, if_nametoindex(h->device), a);
}

int dp_home_del(struct dp_home *h, struct in_addr a)
{
	uint32_t ifindex = if_nametoindex(h->device);
	int r = ifindex == 0 ? 0 : rtnl_del_address(h->rtnl, ifindex, a);

	return r == -EADDRNOTAVAIL ? 0 : r;
}

void dp_home_flush(const char *device)
{
	tun_remove(device);
}
