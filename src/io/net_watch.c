/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/net_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/util.h"

enum { MESSAGES_OCTETS = 32768, READS_MAX = 64, REQUEST_OCTETS = 64, ATTRIBUTES_MAX = 64, PATIENCE_MS = 250 };

/* What a listing asks for, one after the other: a socket does one listing at a time. */
static const uint16_t questions[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE };

struct net_watch {
	struct mnl_socket *socket;
	int either;    /* readable when one of these two is: the socket, */
	int patience;  /* and a timer that runs while something is being listed */
	bool answered; /* something of a listing came since the timer went off */
	size_t asked;  /* of `questions`; all of them: nothing is being listed */
	uint32_t seq;  /* of the last question: its answers carry it, news do not */
	bool listing;  /* NET_LISTING was told, NET_LISTED not yet */
	bool stale;    /* what is being listed has changed meanwhile, or news were lost */
	void (*fn)(void *ctx, const struct net_event *e); /* during net_watch_read() */
	void *ctx;
};

/* A question that cannot be sent, is refused, or whose answer is lost is asked again when patience ends: the kernel answers
 * while it takes the question, so silence is a loss. */
static void ask(struct net_watch *w)
{
	char request[REQUEST_OCTETS];
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct rtgenmsg *m;

	h->nlmsg_type = questions[w->asked];
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++w->seq;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtgen_family = h->nlmsg_type == RTM_GETLINK ? AF_UNSPEC : AF_INET;
	(void)mnl_socket_sendto(w->socket, h, h->nlmsg_len);
}

/* Zero: it stops. */
static int set_patience(const struct net_watch *w, long ms)
{
	const struct timespec every = { .tv_nsec = ms * 1000000 };
	const struct itimerspec t = { .it_interval = every, .it_value = every };

	return timerfd_settime(w->patience, 0, &t, NULL) < 0 ? -errno : 0;
}

static void ask_from_the_first(struct net_watch *w)
{
	w->asked = 0;
	w->stale = w->listing = false;
	ask(w);
}

static int open_both(struct net_watch *w)
{
	struct epoll_event readable = { .events = EPOLLIN };

	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket ||
	    mnl_socket_bind(w->socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	w->patience = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	w->either = epoll_create1(EPOLL_CLOEXEC);
	if (w->patience < 0 || w->either < 0 ||
	    epoll_ctl(w->either, EPOLL_CTL_ADD, mnl_socket_get_fd(w->socket), &readable) < 0 ||
	    epoll_ctl(w->either, EPOLL_CTL_ADD, w->patience, &readable) < 0)
		return -errno;
	return set_patience(w, PATIENCE_MS);
}

int net_watch_open(struct net_watch **ret)
{
	auto_(net_watch_closep) struct net_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->either = w->patience = -1;
	r = open_both(w);
	if (r < 0)
		return r;
	ask_from_the_first(w);
	*ret = TAKE_PTR(w);
	return 0;
}

void net_watch_closep(struct net_watch **w)
{
	if (!*w)
		return;
	if ((*w)->socket)
		(void)mnl_socket_close((*w)->socket); /* nothing useful can be done about a failing close */
	closep(&(*w)->patience);
	closep(&(*w)->either);
	free(*w);
	*w = NULL;
}

int net_watch_fd(const struct net_watch *w)
{
	return w->either;
}

static void tell(const struct net_watch *w, enum net_event_type type)
{
	const struct net_event e = { .type = type, .name = "" };

	w->fn(w->ctx, &e);
}

/* By type; NULL: absent, or longer than what we know of. */
struct attributes {
	const struct nlattr *v[ATTRIBUTES_MAX];
};

static int take_attribute(const struct nlattr *a, void *data)
{
	struct attributes *to = data;

	if (mnl_attr_get_type(a) < ATTRIBUTES_MAX)
		to->v[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static uint32_t number(const struct attributes *from, uint16_t type)
{
	const struct nlattr *a = from->v[type];

	return a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 ? mnl_attr_get_u32(a) : 0;
}

static struct attributes attributes_of(const struct nlmsghdr *h, unsigned head_octets)
{
	struct attributes all = { 0 };

	(void)mnl_attr_parse(h, head_octets, take_attribute, &all); /* take_attribute() never fails */
	return all;
}

static void read_link(const struct net_watch *w, const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	struct net_event e = { .type = h->nlmsg_type == RTM_NEWLINK ? NET_LINK : NET_LINK_GONE,
			       .ifindex = (uint32_t)m->ifi_index,
			       .name = "",
			       .up = (m->ifi_flags & IFF_UP) && (m->ifi_flags & IFF_LOWER_UP),
			       .unplugged = (m->ifi_flags & IFF_UP) && !(m->ifi_flags & IFF_LOWER_UP) };
	const struct attributes all = attributes_of(h, sizeof(*m));
	const struct nlattr *name = all.v[IFLA_IFNAME], *mac = all.v[IFLA_ADDRESS];

	/* A port that leaves its bridge is told as deleted from it, by that family. */
	if (m->ifi_family != AF_UNSPEC)
		return;
	if (name && mnl_attr_validate(name, MNL_TYPE_NUL_STRING) >= 0)
		e.name = mnl_attr_get_str(name);
	if (mac && m->ifi_type == ARPHRD_ETHER && mnl_attr_get_payload_len(mac) == sizeof(e.mac))
		memcpy(e.mac, mnl_attr_get_payload(mac), sizeof(e.mac));
	e.losses = number(&all, IFLA_CARRIER_DOWN_COUNT);
	w->fn(w->ctx, &e);
}

static void read_address(const struct net_watch *w, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct net_event e = { .type = h->nlmsg_type == RTM_NEWADDR ? NET_ADDRESS : NET_ADDRESS_GONE,
			       .ifindex = m->ifa_index,
			       .name = "" };
	const struct attributes all = attributes_of(h, sizeof(*m));

	e.address.s_addr = number(&all, IFA_LOCAL);
	if (m->ifa_family == AF_INET && e.address.s_addr != INADDR_ANY)
		w->fn(w->ctx, &e);
}

/* A route by several links is told as one by each. */
static void tell_each_hop(const struct net_watch *w, const struct nlattr *hops, struct net_event *e)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	int left = mnl_attr_get_payload_len(hops);

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		e->ifindex = (uint32_t)hop->rtnh_ifindex;
		w->fn(w->ctx, e);
		e->replaces = false; /* the one before is of this route too */
	}
}

static void read_route(const struct net_watch *w, const struct nlmsghdr *h)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct net_event e = { .type = NET_ROUTE, .name = "", .up = h->nlmsg_type == RTM_NEWROUTE };
	const struct attributes all = attributes_of(h, sizeof(*m));

	if (m->rtm_family != AF_INET || m->rtm_dst_len != 0 || m->rtm_type != RTN_UNICAST)
		return;
	e.ifindex = number(&all, RTA_OIF);
	e.metric = number(&all, RTA_PRIORITY);
	e.replaces = e.up && (h->nlmsg_flags & NLM_F_REPLACE);
	if (number(&all, RTA_TABLE) != RT_TABLE_MAIN)
		return;
	if (all.v[RTA_MULTIPATH])
		tell_each_hop(w, all.v[RTA_MULTIPATH], &e);
	else
		w->fn(w->ctx, &e);
}

static void on_news(const struct net_watch *w, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		read_link(w, h);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		read_address(w, h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		read_route(w, h);
		break;
	default: /* of the kernel's many */
		break;
	}
}

/* The answer to one question is complete. */
static void on_done(struct net_watch *w)
{
	if (w->stale) {
		ask_from_the_first(w);
	} else if (++w->asked < ARRAY_SIZE(questions)) {
		ask(w);
	} else {
		w->listing = false;
		(void)set_patience(w, 0); /* if it does not stop, on_patience() says nothing */
		tell(w, NET_LISTED);
	}
}

/* A refused question has no answer, and one that broke off is none: what it does not name may be there. */
static bool is_failed(const struct nlmsghdr *h)
{
	return h->nlmsg_type == NLMSG_ERROR ||
	       (h->nlmsg_type == NLMSG_DONE && mnl_nlmsg_get_payload_len(h) >= sizeof(int) &&
		*(const int *)mnl_nlmsg_get_payload(h) < 0);
}

static void on_message(struct net_watch *w, const struct nlmsghdr *h)
{
	bool answer = h->nlmsg_seq == w->seq && h->nlmsg_pid == mnl_socket_get_portid(w->socket) && !is_failed(h);

	if (answer)
		w->answered = true;
	if (answer && (h->nlmsg_flags & NLM_F_DUMP_INTR))
		w->stale = true;
	/* Only now: what was read before may be older than the losses that made us ask. */
	if (answer && w->asked == 0 && !w->listing) {
		w->listing = true;
		tell(w, NET_LISTING);
	}
	if (h->nlmsg_type >= NLMSG_MIN_TYPE)
		on_news(w, h);
	else if (answer && h->nlmsg_type == NLMSG_DONE)
		on_done(w);
}

static void on_lost(struct net_watch *w)
{
	if (w->asked < ARRAY_SIZE(questions)) {
		w->stale = true; /* one listing at a time */
		return;
	}
	w->answered = false;
	(void)set_patience(w, PATIENCE_MS); /* cannot fail: it did not in net_watch_open() */
	ask_from_the_first(w);
}

/* All answers that there are were read before. */
static void on_patience(struct net_watch *w)
{
	uint64_t times;

	if (read(w->patience, &times, sizeof(times)) < 0 || w->asked == ARRAY_SIZE(questions))
		return;
	if (!w->answered)
		ask_from_the_first(w);
	w->answered = false;
}

static bool read_socket(struct net_watch *w)
{
	_Alignas(struct nlmsghdr) char messages[MESSAGES_OCTETS];
	ssize_t got = mnl_socket_recvfrom(w->socket, messages, sizeof(messages));
	int n = (int)got;

	if (got < 0 && errno == ENOBUFS) {
		on_lost(w);
		return true;
	}
	if (got <= 0)
		return false;
	for (const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)messages; mnl_nlmsg_ok(h, n);
	     h = mnl_nlmsg_next(h, &n))
		on_message(w, h);
	return true;
}

void net_watch_read(struct net_watch *w, void (*fn)(void *ctx, const struct net_event *e), void *ctx)
{
	w->fn = fn;
	w->ctx = ctx;
	for (int i = 0; i < READS_MAX; i++)
		if (!read_socket(w)) {
			on_patience(w);
			return;
		}
}
