/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/link_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/util.h"

enum { MESSAGES_OCTETS = 16384, READS_MAX = 16 };

struct link_watch {
	struct mnl_socket *socket;
	void (*fn)(void *ctx, uint32_t ifindex, bool up); /* during link_watch_read() */
	void *ctx;
};

int link_watch_open(struct link_watch **ret)
{
	auto_(link_watch_closep) struct link_watch *w = calloc(1, sizeof(*w));
	int fd;

	if (!w)
		return -ENOMEM;
	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!w->socket || mnl_socket_bind(w->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = mnl_socket_get_fd(w->socket);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	*ret = TAKE_PTR(w);
	return 0;
}

void link_watch_closep(struct link_watch **w)
{
	if (!*w)
		return;
	if ((*w)->socket)
		(void)mnl_socket_close((*w)->socket);
	free(*w);
	*w = NULL;
}

int link_watch_fd(const struct link_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

static int on_message(const struct nlmsghdr *h, void *data)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	struct link_watch *w = data;

	if (h->nlmsg_type == RTM_NEWLINK)
		w->fn(w->ctx, (uint32_t)m->ifi_index, (m->ifi_flags & IFF_UP) && (m->ifi_flags & IFF_LOWER_UP));
	else if (h->nlmsg_type == RTM_DELLINK)
		w->fn(w->ctx, (uint32_t)m->ifi_index, false);
	return MNL_CB_OK;
}

/* The kernel threw news away: it shall tell how every interface is. */
static void ask_all(const struct link_watch *w)
{
	char request[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct ifinfomsg))];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);

	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	(void)mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	(void)mnl_socket_sendto(w->socket, h, h->nlmsg_len); /* refused while an answer is under way, which does too */
}

void link_watch_read(struct link_watch *w, void (*fn)(void *ctx, uint32_t ifindex, bool up), void *ctx)
{
	char messages[MESSAGES_OCTETS];

	w->fn = fn;
	w->ctx = ctx;
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(w->socket, messages, sizeof(messages));

		if (n < 0 && errno == ENOBUFS) {
			ask_all(w);
			continue;
		}
		if (n <= 0)
			return;
		(void)mnl_cb_run(messages, (size_t)n, 0, 0, on_message, w); /* on_message() never fails */
	}
}
