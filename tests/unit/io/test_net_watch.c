/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture of links, addresses and routes is whole in the end, whatever becomes of the questions. Needs root. */
#include <libmnl/libmnl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/net_watch.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 3000, SILENCE_MS = 400, TURNS_MAX = 100, UNKNOWN_QUESTION = 0x3ffe };

/* What becomes of the next questions, one letter for each: sent, not sent, lost, refused by the kernel. */
static const char *fate;
static unsigned questions;
static struct net_watch *watch;
static unsigned listings, whole, links_seen, addresses_seen;

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
	case NET_LINK_GONE:
	case NET_ADDRESS_GONE:
	case NET_ROUTE:
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
	questions = listings = whole = 0;
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

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_there_is_is_listed_once),
		TEST(questions_without_an_answer_are_asked_again),
		TEST(a_listing_after_losses_comes_about),
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("skipped: network namespaces are for root only\n");
		return 77;
	}
	if (system("ip link set lo up") != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
