/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tunnels of every encapsulation through raw sockets, over the loopback of a namespace of our own. Needs root. */
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "codec/encap4.h"
#include "io/udp_socket.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 5000 };

static struct tunnelled last;
static uint8_t last_octets[64], inner_octets[64];
static unsigned received;

static void keep(void *ctx, const struct tunnelled *t)
{
	(void)ctx;
	last = *t;
	received++;
	memcpy(last_octets, t->inner.p, min_size(t->inner.n, sizeof(last_octets)));
}

static struct span inner(uint16_t fragment)
{
	struct wr w = wr_init(inner_octets, sizeof(inner_octets));
	const struct ip4 h = { .id = 7, /* 0 is for the kernel to choose */
			       .ttl = 9,
			       .protocol = IPPROTO_UDP,
			       .fragment = fragment,
			       .source = ip("10.42.0.10"),
			       .destination = ip("10.9.0.2") };

	ip4_build(&w, &h, 5);
	wr_bytes(&w, "hello", 5);
	return (struct span){ inner_octets, wr_len(&w) };
}

/* What was sent by @t arrives at @fd as it was, and shows its tunnel from the other side. */
static void assert_arrives(int fd, const struct tunnel *t, struct span sent)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	received = 0;
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	tunnel_socket_receive(fd, keep, NULL);
	assert_int_equal(received, 1);
	assert_int_equal(last.tunnel.encap, t->encap);
	assert_int_equal(last.tunnel.local.s_addr, t->remote.s_addr);
	assert_int_equal(last.tunnel.remote.s_addr, t->local.s_addr);
	assert_int_equal(last.tunnel.in_key, t->out_key);
	assert_int_equal(last.inner.n, sent.n);
	assert_memory_equal(last_octets, sent.p, sent.n);
}

static void ipip_and_gre(void **state)
{
	struct tunnel t = { .encap = ENCAP_IPIP, .local = ip("127.0.0.7"), .remote = ip("127.0.0.9") };
	int ipip = tunnel_socket_open(ENCAP_IPIP), gre = tunnel_socket_open(ENCAP_GRE);

	(void)state;
	assert_true(ipip >= 0 && gre >= 0);
	assert_int_equal(tunnel_socket_send(ipip, &t, inner(0)), 0);
	assert_arrives(ipip, &t, inner(0));
	t.encap = ENCAP_GRE;
	assert_int_equal(tunnel_socket_send(gre, &t, inner(IP4_MF)), 0);
	assert_arrives(gre, &t, inner(IP4_MF));
	t.out_key = 0x01020304;
	assert_int_equal(tunnel_socket_send(gre, &t, inner(0)), 0);
	assert_arrives(gre, &t, inner(0));
	close(ipip);
	close(gre);
}

static void minimal(void **state)
{
	const struct tunnel t = { .encap = ENCAP_MINIMAL, .local = ip("127.0.0.7"), .remote = ip("127.0.0.9") };
	int in = tunnel_socket_open(ENCAP_MINIMAL), out = ip_socket_open();

	(void)state;
	assert_true(in >= 0 && out >= 0);
	assert_int_equal(minimal_send(out, &t, inner(0)), 0);
	assert_arrives(in, &t, inner(0));
	assert_int_equal(minimal_send(out, &t, inner(IP4_MF)), -EOPNOTSUPP);
	close(in);
	close(out);
}

static int set_loopback_up(void)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return fd < 0 ? fd : ioctl(fd, SIOCSIFFLAGS, &req);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ipip_and_gre), cmocka_unit_test(minimal) };

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || set_loopback_up() < 0) {
		printf("skipped: raw sockets and namespaces are for root only\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
