/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Over loopback: which of our addresses a datagram came to, and which it leaves from. */
#include <poll.h>

#include "io/udp_socket.h"
#include "tests/unit/test.h"

enum { PORT_A = 20434, PORT_B = 20435, PATIENCE_MS = 5000 };

static struct datagram last;
static uint8_t last_octets[64];
static unsigned received;

static void keep(void *ctx, const struct datagram *d)
{
	(void)ctx;
	last = *d;
	received++;
	if (d->payload.n > 0)
		memcpy(last_octets, d->payload.p, min_size(d->payload.n, sizeof(last_octets)));
}

static void wait_and_receive(int fd, uint16_t port)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	udp_socket_receive(fd, port, keep, NULL);
}

static void addresses_are_told_and_kept(void **state)
{
	int a = udp_socket_open(PORT_A, false), b = udp_socket_open(PORT_B, false);

	(void)state;
	assert_true(a >= 0 && b >= 0);
	received = 0;
	assert_int_equal(udp_socket_send(a, ip("127.0.0.7"), ip("127.0.0.9"), PORT_B, text("ab"), text("cd")), 0);
	wait_and_receive(b, PORT_B);
	assert_int_equal(received, 1);
	assert_int_equal(last.local.s_addr, ip("127.0.0.9").s_addr);
	assert_int_equal(last.remote.s_addr, ip("127.0.0.7").s_addr);
	assert_int_equal(last.local_port, PORT_B);
	assert_int_equal(last.remote_port, PORT_A);
	assert_int_equal(last.payload.n, 4);
	assert_memory_equal(last_octets, "abcd", 4);
	close(a);
	close(b);
}

static void empty_datagrams_come_through(void **state)
{
	int a = udp_socket_open(PORT_A, false);
	const struct span none = { 0 };

	(void)state;
	received = 0;
	assert_int_equal(udp_socket_send(a, ip("127.0.0.1"), ip("127.0.0.1"), PORT_A, none, none), 0);
	wait_and_receive(a, PORT_A);
	assert_int_equal(received, 1);
	assert_int_equal(last.payload.n, 0);
	close(a);
}

static void a_batch_has_an_end(void **state)
{
	int a = udp_socket_open(PORT_A, false);

	(void)state;
	received = 0;
	for (int i = 0; i < RECEIVE_BATCH + 3; i++)
		assert_int_equal(udp_socket_send(a, ip("127.0.0.1"), ip("127.0.0.1"), PORT_A, text("x"), text("")), 0);
	wait_and_receive(a, PORT_A);
	assert_int_equal(received, RECEIVE_BATCH);
	wait_and_receive(a, PORT_A);
	assert_int_equal(received, RECEIVE_BATCH + 3);
	close(a);
}

static void a_port_in_use_is_told(void **state)
{
	int a = udp_socket_open(PORT_A, false), b;

	(void)state;
	assert_int_equal(udp_socket_open(PORT_A, false), -EADDRINUSE);
	assert_int_equal(udp_socket_open(PORT_A, true), -EADDRINUSE); /* both have to agree */
	close(a);
	a = udp_socket_open(PORT_A, true);
	b = udp_socket_open(PORT_A, true);
	assert_true(a >= 0 && b >= 0);
	close(a);
	close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_told_and_kept),
		cmocka_unit_test(empty_datagrams_come_through),
		cmocka_unit_test(a_batch_has_an_end),
		cmocka_unit_test(a_port_in_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
