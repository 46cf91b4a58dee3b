/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture of links, addresses and routes is whole in the end, whatever becomes of the questions. Needs root. */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/net_watch.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 3000, SILENCE_MS = 400, TURNS_MAX = 100, UNKNOWN_QUESTION = 0x3ffe };

/* What becomes of the next questions, one letter for each: sent, not sent, lost, refused by the kernel. */
static const char *fate;
static unsigned questions;
static struct net_watch *watch;
static struct net_event routes[16];
static unsigned route_n, listings, whole, links_seen, addresses_seen;

/* In place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t siz)
{
	struct nlmsghdr *h = (struct nlmsghdr *)req;

	questions++;
	switch (*fate ? *fate++ : 's') {
	case 'n':
		errno = ENOBUFS;
		return -1;
	case 'l':
		return (ssize_t)siz;
	case 'r':
		h->nlmsg_type = UNKNOWN_QUESTION;
		break;
	}
	return send(mnl_socket_get_fd(nl), h, siz, 0);
}

static void on_event(void *ctx, const struct net_event *e)
{
	(void)ctx;
	switch (e->type) {
	case NET_LISTING:
		listings++;
		links_seen = addresses_seen = 0;
		break;
	case NET_LISTED:
		whole++;
		break;
	case NET_LINK:
		links_seen++;
		break;
	case NET_ADDRESS:
		addresses_seen++;
		break;
	case NET_ROUTE:
		assert_true(route_n < ARRAY_SIZE(routes));
		routes[route_n++] = *e;
		break;
	case NET_LINK_GONE:
	case NET_ADDRESS_GONE:
		break;
	}
}

/* Reads until @n listings were whole. Return: how often there was something to read. */
static unsigned list(unsigned n)
{
	struct pollfd p = { .fd = net_watch_fd(watch), .events = POLLIN };
	unsigned turns = 0;

	while (whole < n && turns < TURNS_MAX && poll(&p, 1, WAIT_MS) > 0) {
		net_watch_read(watch, on_event, NULL);
		turns++;
	}
	assert_int_equal(whole, n);
	assert_int_equal(links_seen, 1);
	assert_int_equal(addresses_seen, 1); /* 127.0.0.1 */
	return turns;
}

static void start(const char *questions_fate)
{
	fate = questions_fate;
	questions = listings = whole = route_n = 0;
	assert_int_equal(net_watch_open(&watch), 0);
}

static int teardown(void **state)
{
	(void)state;
	net_watch_closep(&watch);
	return 0;
}

/* Once, and then there is nothing to read, no timer either. */
static void all_there_is_is_listed_once(void **state)
{
	struct pollfd p;

	(void)state;
	start("");
	(void)list(1);
	assert_int_equal(listings, 1);
	assert_int_equal(questions, 3);
	p = (struct pollfd){ .fd = net_watch_fd(watch), .events = POLLIN };
	assert_int_equal(poll(&p, 1, SILENCE_MS), 0);
}

static void questions_without_an_answer_are_asked_again(void **state)
{
	static const char *const fates[] = { "n", "l", "r", "sn", "ssn", "sl", "ssl", "sr", "ssr", "nlr" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
		start(fates[i]);
		assert_true(list(1) < 16); /* and nothing spins meanwhile */
		net_watch_closep(&watch);
	}
}

/* News that do not fit the socket are lost, and then the question after what there is. */
static void a_listing_after_losses_comes_about(void **state)
{
	const int small = 1;
	int fd = -1;

	(void)state;
	start("");
	(void)list(1);
	for (int i = 3; i < 64 && fd < 0; i++) { /* the one netlink socket there is */
		struct sockaddr_storage a;
		socklen_t n = sizeof(a);

		if (getsockname(i, (struct sockaddr *)&a, &n) == 0 && a.ss_family == AF_NETLINK)
			fd = i;
	}
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(system("ip link set lo down && ip link set lo up"), 0);
	fate = "nl";
	(void)list(2);
	assert_int_equal(questions, 3 + 2 + 3);
}

static int tap(const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	memcpy(req.ifr_name, name, strlen(name));
	assert_true(fd >= 0 && ioctl(fd, TUNSETIFF, &req) == 0);
	return fd;
}

static void hear_route(size_t i, const char *link, bool up, uint32_t metric, bool replaces)
{
	struct pollfd p = { .fd = net_watch_fd(watch), .events = POLLIN };

	while (route_n <= i && poll(&p, 1, WAIT_MS) > 0)
		net_watch_read(watch, on_event, NULL);
	assert_true(route_n > i);
	assert_int_equal(routes[i].ifindex, if_nametoindex(link));
	assert_int_equal(routes[i].up, up);
	assert_int_equal(routes[i].metric, metric);
	assert_int_equal(routes[i].replaces, replaces);
}

/* Each of its links has the metric, listed and in news, and it goes from each. */
static void a_route_of_several_next_hops(void **state)
{
	static const char both[] = "default metric 7 nexthop via 10.1.0.1 dev one nexthop via 10.2.0.1 dev two";
	int one = tap("one"), two = tap("two");
	char command[256];

	(void)state;
	assert_int_equal(system("ip link set one up && ip link set two up && ip addr add 10.1.0.2/24 dev one && "
				"ip addr add 10.2.0.2/24 dev two"),
			 0);
	(void)snprintf(command, sizeof(command), "ip route add %s", both);
	assert_int_equal(system(command), 0);
	start("");
	hear_route(0, "one", true, 7, false);
	hear_route(1, "two", true, 7, false);
	assert_int_equal(system("ip route replace default metric 7 via 10.2.0.1 dev two"), 0);
	hear_route(2, "two", true, 7, true);
	(void)snprintf(command, sizeof(command), "ip route replace %s", both);
	assert_int_equal(system(command), 0);
	hear_route(3, "one", true, 7, true);
	hear_route(4, "two", true, 7, false);
	assert_int_equal(system("ip route del default metric 7"), 0);
	hear_route(5, "one", false, 7, false);
	hear_route(6, "two", false, 7, false);
	assert_int_equal(route_n, 7);
	(void)close(one);
	(void)close(two);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_there_is_is_listed_once),
		TEST(questions_without_an_answer_are_asked_again),
		TEST(a_listing_after_losses_comes_about),
		TEST(a_route_of_several_next_hops),
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("skipped: network namespaces are for root only\n");
		return 77;
	}
	if (system("ip link set lo up") != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
