/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hf-probe: traffic that shows what a move does to it.
 *   udp-echo PORT                    answers every datagram
 *   udp-probe ADDRESS PORT HZ SECONDS FILE
 *                                    sends numbered datagrams, writes "number sent_ns received_ns" per line (0: lost)
 *   tcp-serve PORT                   sends back what it gets, for one connection after the other
 *   tcp-probe ADDRESS PORT SECONDS MBIT
 *                                    sends a known pattern at MBIT Mbit/s (0: as fast as it goes), checks it octet for
 *                                    octet on its way back, and prints "octets=N intact=yes|no resets=N"
 * Times are CLOCK_MONOTONIC. Both probes end early, and orderly, at SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 16384, DATAGRAM = 64, NS_PER_MS = 1000000, WINDOW = 1 << 20, DRAIN_MS = 20000 };
enum { QUEUE = 4 << 20 }; /* octets that a socket keeps while its process waits for a processor */
enum { LATE_MS = 5 };     /* what a stream makes up for; after more its machine stood still */
enum { DRAIN_PROBE_MS = 300 };

static volatile sig_atomic_t told_to_end;

static void on_sigterm(int signal)
{
	(void)signal;
	told_to_end = 1;
}

static void end_orderly(void)
{
	const struct sigaction ended = { .sa_handler = on_sigterm };

	sigaction(SIGTERM, &ended, NULL);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "hf-probe: %s is no IPv4 address\n", host);
		exit(2);
	}
	return a;
}

static int open_socket(int type, const struct sockaddr_in *local)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		die("socket");
	if (local && bind(fd, (const struct sockaddr *)local, sizeof(*local)) < 0)
		die("bind");
	return fd;
}

/* What it loses the network has lost. */
static int open_datagrams(const struct sockaddr_in *local)
{
	int fd = open_socket(SOCK_DGRAM, local);
	const int octets = QUEUE;

	/* Without privilege there is less room. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets));
	return fd;
}

/* What is measured is the network, not how long this process waits for a busy machine's processor. */
static void go_first(void)
{
	const struct sched_param p = { .sched_priority = 1 };

	(void)sched_setscheduler(0, SCHED_FIFO, &p); /* without privilege the figures are merely worse */
}

static _Noreturn void udp_echo(const char *port)
{
	struct sockaddr_in local = address("0.0.0.0", port), from;
	int fd = open_datagrams(&local);
	char buffer[2048];

	go_first();
	for (;;) {
		socklen_t from_n = sizeof(from);
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &from_n);

		if (n >= 0)
			sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, from_n);
	}
}

struct times {
	int64_t sent, received;
};

static void receive_all(int fd, struct times *times, uint64_t sent)
{
	uint64_t number[DATAGRAM / sizeof(uint64_t)];

	while (recv(fd, number, sizeof(number), MSG_DONTWAIT) == sizeof(number))
		if (number[0] < sent && times[number[0]].received == 0)
			times[number[0]].received = now_ns();
}

static void wait_until(int fd, int64_t until, struct times *times, uint64_t sent)
{
	for (int64_t left = until - now_ns(); left > 0; left = until - now_ns()) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		const struct timespec limit = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };

		if (ppoll(&p, 1, &limit, NULL) > 0)
			receive_all(fd, times, sent);
	}
	receive_all(fd, times, sent); /* also when there was no time to wait */
}

static int udp_probe(char **argv)
{
	struct sockaddr_in to = address(argv[0], argv[1]);
	int64_t interval = 1000000000 / atoi(argv[2]), due;
	uint64_t count = (uint64_t)(atof(argv[3]) * atoi(argv[2])), sent;
	struct times *times = calloc(count, sizeof(*times));
	uint64_t number[DATAGRAM / sizeof(uint64_t)] = { 0 };
	int fd = open_datagrams(NULL);
	FILE *f = fopen(argv[4], "w");

	if (!times || !f)
		die(argv[4]);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	end_orderly();
	go_first();
	due = now_ns();
	for (sent = 0; sent < count && !told_to_end; sent++) {
		number[0] = sent;
		times[sent].sent = now_ns();
		send(fd, number, sizeof(number), 0); /* a lost one shows in the list */
		if (times[sent].sent - due > LATE_MS * NS_PER_MS)
			due = times[sent].sent; /* all that was not sent at once would be a burst that no host sends */
		due += interval;
		wait_until(fd, due, times, sent + 1);
	}
	for (int i = 0; i < DRAIN_PROBE_MS; i++) /* one by one: while the machine stands still nothing arrives */
		wait_until(fd, now_ns() + NS_PER_MS, times, sent);
	for (uint64_t i = 0; i < sent; i++)
		fprintf(f, "%" PRIu64 " %" PRId64 " %" PRId64 "\n", i, times[i].sent, times[i].received);
	return fclose(f) == 0 ? 0 : 1;
}

static void echo_connection(int fd)
{
	char buffer[BLOCK];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		for (ssize_t at = 0, w; at < n; at += w) {
			w = send(fd, buffer + at, (size_t)(n - at), MSG_NOSIGNAL);
			if (w < 0)
				return;
		}
}

static _Noreturn void tcp_serve(const char *port)
{
	struct sockaddr_in local = address("0.0.0.0", port);
	int fd = open_socket(SOCK_STREAM, &local);

	if (listen(fd, 4) < 0)
		die("listen");
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			continue;
		echo_connection(c);
		close(c);
	}
}

/* Octet @at of the pattern: any shift, loss or change shows. */
static unsigned char pattern(uint64_t at)
{
	uint64_t x = at * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned char)(x >> 56 ^ at);
}

struct transfer {
	uint64_t sent, received;
	bool intact, reset;
};

static void send_some(int fd, struct transfer *t)
{
	unsigned char block[BLOCK];
	ssize_t n;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = pattern(t->sent + i);
	n = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		t->sent += (uint64_t)n;
	else if (n < 0 && errno != EAGAIN)
		t->reset = true;
}

static void receive_some(int fd, struct transfer *t)
{
	unsigned char block[BLOCK];
	ssize_t n = recv(fd, block, sizeof(block), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		t->reset = true;
	for (ssize_t i = 0; i < n; i++)
		if (block[i] != pattern(t->received++))
			t->intact = false;
}

static int tcp_probe(char **argv)
{
	struct sockaddr_in to = address(argv[0], argv[1]);
	int fd = open_socket(SOCK_STREAM, NULL);
	struct transfer t = { .intact = true };
	int64_t start, end, octets_per_ms = atoi(argv[3]) * 125; /* 0: as fast as it goes */

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	end_orderly();
	start = now_ns();
	end = start + (int64_t)(atof(argv[2]) * 1e9);
	/* What is under way at the end may still be waiting for a retransmission. */
	for (int64_t now = start; !t.reset && now < end + (int64_t)DRAIN_MS * NS_PER_MS; now = now_ns()) {
		if (told_to_end && now < end)
			end = now;
		if (now >= end && t.received == t.sent)
			break;
		bool more = now < end && t.sent - t.received < WINDOW &&
			    (octets_per_ms == 0 || (int64_t)t.sent < (now - start) / NS_PER_MS * octets_per_ms);
		struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (more ? POLLOUT : 0)) };

		if (poll(&p, 1, 1) <= 0)
			continue;
		if (p.revents & POLLOUT)
			send_some(fd, &t);
		if (p.revents & (POLLIN | POLLERR | POLLHUP))
			receive_some(fd, &t);
	}
	printf("octets=%" PRIu64 " intact=%s resets=%d\n", t.received, t.intact && t.received == t.sent ? "yes" : "no",
	       t.reset ? 1 : 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "udp-echo") == 0)
		udp_echo(argv[2]);
	if (argc == 7 && strcmp(argv[1], "udp-probe") == 0)
		return udp_probe(argv + 2);
	if (argc == 3 && strcmp(argv[1], "tcp-serve") == 0)
		tcp_serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "tcp-probe") == 0)
		return tcp_probe(argv + 2);
	fprintf(stderr, "usage: hf-probe udp-echo PORT | udp-probe ADDRESS PORT HZ SECONDS FILE | tcp-serve PORT |\n"
			"       tcp-probe ADDRESS PORT SECONDS MBIT\n");
	return 2;
}
