/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Advertisements on the links of a host, with a TAP as such a link. Needs root. */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "io/agent_watch.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 1000, SILENCE_MS = 50 };

static const uint8_t all_hosts[6] = { 1, 0, 0x5e, 0, 0, 1 }, agent[6] = { 2, 0, 0, 0, 0, 7 };
static int wire, fd;
static uint32_t ifindex, heard_by;
static uint8_t heard[2048];
static size_t heard_n;

static int setup(void **state)
{
	struct ifreq req = { .ifr_name = "wire", .ifr_flags = IFF_TAP | IFF_NO_PI };

	(void)state;
	wire = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (wire < 0 || ioctl(wire, TUNSETIFF, &req) < 0 || system("ip link set wire up") != 0)
		return -1;
	ifindex = if_nametoindex("wire");
	heard_n = 0;
	fd = agent_watch_open();
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(fd);
	(void)close(wire);
	return 0;
}

static void keep(void *ctx, uint32_t by, struct span frame)
{
	(void)ctx;
	heard_by = by;
	heard_n = frame.n;
	memcpy(heard, frame.p, min_size(frame.n, sizeof(heard)));
}

static size_t listen_for(int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	heard_n = 0;
	if (poll(&p, 1, wait_ms) > 0)
		agent_watch_read(fd, keep, NULL);
	return heard_n;
}

static size_t frame_of(uint8_t *p, size_t room, uint8_t protocol, uint16_t fragment, uint8_t type)
{
	struct wr w = wr_init(p, room);
	const struct ip4 h = { .ttl = 1,
			       .protocol = protocol,
			       .fragment = fragment,
			       .source = ip("192.0.2.1"),
			       .destination = ip("224.0.0.1") };
	const uint8_t message[16] = { type };

	ether_build(&w, all_hosts, agent, ETHER_IP4);
	ip4_build(&w, &h, sizeof(message));
	wr_bytes(&w, message, sizeof(message));
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

static void advertisements_are_heard_whole(void **state)
{
	uint8_t frame[128];
	size_t n = frame_of(frame, sizeof(frame), IPPROTO_ICMP, 0, ICMP4_ROUTER_ADVERTISEMENT);

	(void)state;
	assert_int_equal(write(wire, frame, n), n);
	assert_int_equal(listen_for(WAIT_MS), n);
	assert_int_equal(heard_by, ifindex);
	assert_memory_equal(heard, frame, n);
}

static void nothing_else_is(void **state)
{
	static const struct {
		uint8_t protocol;
		uint16_t fragment;
		uint8_t type;
	} rows[] = { { IPPROTO_ICMP, 0, ICMP4_ROUTER_SOLICITATION },
		     { IPPROTO_ICMP, 1, ICMP4_ROUTER_ADVERTISEMENT },
		     { IPPROTO_UDP, 0, ICMP4_ROUTER_ADVERTISEMENT } };
	uint8_t frame[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = frame_of(frame, sizeof(frame), rows[i].protocol, rows[i].fragment, rows[i].type);

		assert_int_equal(write(wire, frame, n), n);
		assert_int_equal(listen_for(SILENCE_MS), 0);
	}
}

static void frames_leave_by_the_link_named(void **state)
{
	uint8_t frame[128], got[2048] = { 0 };
	struct pollfd p = { .fd = wire, .events = POLLIN };
	size_t n = frame_of(frame, sizeof(frame), IPPROTO_ICMP, 0, ICMP4_ROUTER_ADVERTISEMENT);
	bool seen = false;

	(void)state;
	assert_int_equal(agent_watch_send(fd, ifindex, (struct span){ frame, n }), 0);
	while (!seen && poll(&p, 1, WAIT_MS) > 0)
		seen = read(wire, got, sizeof(got)) == (ssize_t)n && memcmp(got, frame, n) == 0;
	assert_true(seen);
	assert_int_equal(listen_for(SILENCE_MS), 0); /* it is ours */
	assert_int_equal(agent_watch_send(fd, ifindex + 100, (struct span){ frame, n }), -ENXIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(advertisements_are_heard_whole),
		TEST(nothing_else_is),
		TEST(frames_leave_by_the_link_named),
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("skipped: network namespaces are for root only\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
