/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The anchor's tunnels with real packets: a TAP as its core link, the TUN of the home networks, and a socket as the
 * correspondent. Needs root. */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/encap4.h"
#include "codec/ether.h"
#include "dataplane/dataplane.h"
#include "kernel_rig.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 2000, SILENCE_MS = 50, PORT = 5000, PAYLOAD_AT = 28 };

#define HOME "10.42.0.10"
#define ANCHOR "10.0.0.1"
#define PEER "10.9.0.2"

static char pins[] = "/tmp/hf-anchor-XXXXXX";
static uint32_t core;
static struct dp_home_network network = { .prefix_len = 24 };
static struct dp_conf conf = { .role = DP_ROLE_ANCHOR,
			       .device = "hf0",
			       .pin_dir = pins,
			       .core = &core,
			       .core_n = 1,
			       .networks = &network,
			       .network_n = 1,
			       .max_entries = 4 };
static struct dp *dp;
static int wire, peer; /* TAP, UDP socket */
static uint8_t buffer[4096];

static int open_tap(const char *name)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req) < 0)
		abort();
	return fd;
}

static int open_peer(void)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(PEER) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	return fd;
}

static int setup(void **state)
{
	const char *why = "";

	(void)state;
	run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=1");
	wire = open_tap("wire");
	run("ip link set lo up && ip link set wire address 02:00:00:00:00:01 up");
	run("ip address replace " ANCHOR "/16 dev wire && ip address replace " PEER "/32 dev lo");
	run("for i in 1 2 3 4; do ip neighbour add 10.0.$i.1 lladdr 02:00:00:00:00:1$i dev wire; done");
	core = if_nametoindex("wire");
	network.prefix = ip("10.42.0.0");
	network.gateway = ip("10.42.0.1");
	if (dp_open(&conf, &dp, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	peer = open_peer();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(peer);
	dp_closep(&dp);
	dp_flush(&conf);
	(void)close(wire);
	return 0;
}

static struct tunnel way(const char *to)
{
	return (struct tunnel){ .encap = ENCAP_IPIP, .local = ip(ANCHOR), .remote = ip(to) };
}

static void bind_home(const struct tunnel *ways, size_t n)
{
	struct dp_binding b = { .home = ip(HOME), .tunnel = ways[0], .copy_n = n - 1 };

	for (size_t i = 1; i < n; i++)
		b.copies[i - 1] = ways[i];
	assert_int_equal(dp_binding_set(dp, &b), 0);
}

static void say(const char *words)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(HOME) };

	assert_int_equal(sendto(peer, words, strlen(words), 0, (const struct sockaddr *)&to, sizeof(to)),
			 strlen(words));
}

/* The next IPv4 packet on the core link; false: there is none. */
static bool next_packet(int wait_ms, struct ip4 *ret, uint8_t *ret_to)
{
	struct pollfd p = { .fd = wire, .events = POLLIN };

	while (poll(&p, 1, wait_ms) > 0) {
		ssize_t n = read(wire, buffer, sizeof(buffer));
		struct ether e;

		assert_true(n > 0);
		assert_int_equal(ether_parse(buffer, (size_t)n, &e), 0);
		if (e.type != ETHER_IP4)
			continue;
		assert_int_equal(ip4_parse(e.payload.p, e.payload.n, ret), 0);
		*ret_to = e.destination[5];
		return true;
	}
	return false;
}

static void assert_words(struct span inner, const char *words)
{
	struct ip4 h;

	assert_int_equal(ip4_parse(inner.p, inner.n, &h), 0);
	assert_int_equal(h.source.s_addr, ip(PEER).s_addr);
	assert_int_equal(h.destination.s_addr, ip(HOME).s_addr);
	assert_int_equal(inner.n, PAYLOAD_AT + strlen(words));
	assert_memory_equal(inner.p + PAYLOAD_AT, words, strlen(words));
}

/* From the home address to the correspondent, by @t. */
static void answer_by(const struct tunnel *t, const char *words)
{
	uint8_t octets[256];
	struct wr w = wr_init(octets, sizeof(octets));
	size_t n = PAYLOAD_AT + strlen(words), gre = t->encap == ENCAP_GRE ? 8 : 0;
	const struct ip4 outer = {
		.ttl = 64, .protocol = gre ? IPPROTO_GRE : IPPROTO_IPIP, .source = t->remote, .destination = t->local
	};
	const struct ip4 inner = { .ttl = 64, .source = ip(HOME), .destination = ip(PEER) };
	const struct udp4 u = { .source = PORT, .destination = PORT, .payload = text(words) };
	static const uint8_t to[6] = { 2, 0, 0, 0, 0, 1 }, from[6] = { 2, 0, 0, 0, 0, 0x11 };

	ether_build(&w, to, from, ETHER_IP4);
	ip4_build(&w, &outer, gre + n);
	if (gre)
		gre_build(&w, t->in_key);
	udp4_build(&w, &inner, &u);
	assert_int_equal(w.err, 0);
	assert_int_equal(write(wire, octets, wr_len(&w)), wr_len(&w));
}

static bool is_heard(const char *words, int wait_ms)
{
	struct pollfd p = { .fd = peer, .events = POLLIN };
	char octets[64];
	ssize_t n = poll(&p, 1, wait_ms) > 0 ? read(peer, octets, sizeof(octets)) : 0;

	return n == (ssize_t)strlen(words) && memcmp(octets, words, (size_t)n) == 0;
}

/* RFC 2784, RFC 6245 */
static void gre_goes_and_comes(void **state)
{
	struct tunnel t = way("10.0.1.1");
	struct gre g;
	struct ip4 h;
	uint8_t to;

	(void)state;
	t.encap = ENCAP_GRE;
	t.in_key = 0x0a0b0c0d;
	t.out_key = 0x01020304;
	bind_home(&t, 1);
	say("hello");
	assert_true(next_packet(WAIT_MS, &h, &to));
	assert_int_equal(h.protocol, IPPROTO_GRE);
	assert_int_equal(h.destination.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(to, 0x11);
	assert_int_equal(gre_parse(h.payload, &g), 0);
	assert_int_equal(g.key, 0x01020304);
	assert_words(g.payload, "hello");
	answer_by(&t, "good day");
	assert_true(is_heard("good day", WAIT_MS));
	t.in_key++;
	answer_by(&t, "forged");
	assert_false(is_heard("forged", SILENCE_MS));
	assert_int_equal(counted_by(dp, "spoofed_tunnel"), 1);
}

enum { SYN = 0x02, ACK = 0x10, MSS = 500, SEGMENTS = 3 };

struct tcp {
	uint16_t source, destination;
	uint32_t sequence, acknowledged;
	uint8_t flags;
	struct span payload;
};

static struct tcp parse_tcp(const struct tunnel *t, const struct ip4 *outer)
{
	size_t head = tunnel_overhead(t) - IP4_HEADER_OCTETS;
	struct tcp s;
	struct ip4 h;
	struct rd r;

	assert_int_equal(ip4_parse(outer->payload.p + head, outer->payload.n - head, &h), 0);
	assert_int_equal(h.protocol, IPPROTO_TCP);
	r = rd_init(h.payload.p, h.payload.n);
	s.source = rd_u16(&r);
	s.destination = rd_u16(&r);
	s.sequence = rd_u32(&r);
	s.acknowledged = rd_u32(&r);
	head = (size_t)(rd_u8(&r) >> 4) * 4;
	s.flags = rd_u8(&r);
	s.payload = (struct span){ h.payload.p + head, h.payload.n - head };
	return s;
}

/* From the home address. A SYN says how long segments may be. */
static void send_tcp(const struct tunnel *t, const struct tcp *s)
{
	uint8_t octets[256], pseudo[64];
	size_t gre = t->encap == ENCAP_GRE ? tunnel_overhead(t) - IP4_HEADER_OCTETS : 0, n = s->flags & SYN ? 24 : 20;
	struct wr w = wr_init(octets, sizeof(octets)), p = wr_init(pseudo, sizeof(pseudo));
	const struct ip4 outer = {
		.ttl = 64, .protocol = gre ? IPPROTO_GRE : IPPROTO_IPIP, .source = t->remote, .destination = t->local
	};
	const struct ip4 inner = { .ttl = 64, .protocol = IPPROTO_TCP, .source = ip(HOME), .destination = ip(PEER) };
	static const uint8_t to[6] = { 2, 0, 0, 0, 0, 1 }, from[6] = { 2, 0, 0, 0, 0, 0x11 };
	uint16_t check;

	wr_ip4(&p, inner.source);
	wr_ip4(&p, inner.destination);
	wr_u16(&p, IPPROTO_TCP);
	wr_u16(&p, (uint16_t)n);
	wr_u16(&p, s->source);
	wr_u16(&p, s->destination);
	wr_u32(&p, s->sequence);
	wr_u32(&p, s->acknowledged);
	wr_u8(&p, (uint8_t)(n / 4 << 4));
	wr_u8(&p, s->flags);
	wr_u32(&p, UINT32_C(0xffff0000)); /* window, and no checksum yet */
	wr_u16(&p, 0);
	if (n > 20)
		wr_u32(&p, UINT32_C(0x02040000) | MSS);
	check = ip4_checksum(pseudo, wr_len(&p));
	pseudo[12 + 16] = (uint8_t)(check >> 8);
	pseudo[12 + 17] = (uint8_t)check;
	ether_build(&w, to, from, ETHER_IP4);
	ip4_build(&w, &outer, gre + IP4_HEADER_OCTETS + n);
	if (gre)
		gre_build(&w, t->in_key);
	ip4_build(&w, &inner, n);
	wr_bytes(&w, pseudo + 12, n);
	assert_int_equal(w.err, 0);
	assert_int_equal(write(wire, octets, wr_len(&w)), wr_len(&w));
}

static struct tcp next_tcp(const struct tunnel *t)
{
	struct ip4 h;
	uint8_t to;

	assert_true(next_packet(WAIT_MS, &h, &to));
	return parse_tcp(t, &h);
}

/* A connection from @port of the home address to @listener. Return: the correspondent's end. */
static int connect_by(const struct tunnel *t, int listener, uint16_t port, struct tcp *ret_last)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	struct tcp s = { .source = port, .destination = PORT, .sequence = 1000, .flags = SYN }, got;

	send_tcp(t, &s);
	got = next_tcp(t);
	assert_int_equal(got.flags, SYN | ACK);
	s = (struct tcp){
		.source = port, .destination = PORT, .sequence = 1001, .acknowledged = got.sequence + 1, .flags = ACK
	};
	send_tcp(t, &s);
	*ret_last = s;
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return accept(listener, NULL, NULL);
}

/* What TCP leaves in one piece to be cut later is cut behind the tunnel's headers. */
static void super_packets_are_cut(void **state)
{
	static const uint32_t keys[] = { 0, 0, 7 };
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(PEER) };
	static const struct linger at_once = { .l_onoff = 1 };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	uint8_t octets[SEGMENTS * MSS];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i % 251);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 4), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct tunnel t = way("10.0.1.1");
		struct tcp last;
		int fd;

		t.encap = i == 0 ? ENCAP_IPIP : ENCAP_GRE;
		t.in_key = t.out_key = keys[i];
		bind_home(&t, 1);
		fd = connect_by(&t, listener, (uint16_t)(40000 + i), &last);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, octets, sizeof(octets)), sizeof(octets));
		for (size_t k = 0; k < SEGMENTS;) {
			struct tcp s = next_tcp(&t);

			if (s.sequence - last.acknowledged != k * MSS)
				continue; /* sent again: we are slow */
			assert_int_equal(s.payload.n, MSS);
			assert_memory_equal(s.payload.p, octets + k * MSS, MSS);
			k++;
		}
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
		while (next_packet(SILENCE_MS, &(struct ip4){ 0 }, &(uint8_t){ 0 }))
			; /* its end */
	}
	close(listener);
	/* An answer to SYN, a super-packet and an end of each; uncut ones were five. */
	assert_in_range(counted_by(dp, "down_forwarded"), 9, 14);
}

/* RFC 5944 3.8.2, S: one copy to each care-of address, and answers by each of them. */
static void every_place_gets_a_copy(void **state)
{
	struct tunnel ways[] = { way("10.0.1.1"), way("10.0.2.1"), way("10.0.3.1"), way("10.0.4.1") };
	const struct tunnel stranger = way("10.0.5.1");
	struct dp_counters counters;
	unsigned seen[5] = { 0 };
	struct ip4 h;
	uint8_t to;

	(void)state;
	ways[2].encap = ENCAP_MINIMAL; /* as IP in IP, which every end understands */
	bind_home(ways, 4);
	say("to all");
	for (int i = 0; i < 4; i++) {
		assert_true(next_packet(WAIT_MS, &h, &to));
		assert_int_equal(h.protocol, IPPROTO_IPIP);
		assert_words(h.payload, "to all");
		assert_in_range(to, 0x11, 0x14);
		seen[to - 0x10]++;
		assert_int_equal(ntohl(h.destination.s_addr) >> 8 & 0xff, to - 0x10);
	}
	for (int i = 1; i <= 4; i++)
		assert_int_equal(seen[i], 1);
	assert_false(next_packet(SILENCE_MS, &h, &to));
	assert_int_equal(counted_by(dp, "copies_sent"), 3);
	assert_int_equal(counted_by(dp, "down_forwarded"), 1);
	assert_int_equal(dp_counters_get(dp, 0, &counters), 0);
	assert_int_equal(counters.down_packets, 1);
	for (int i = 0; i < 4; i++) {
		answer_by(&ways[i], "me");
		assert_true(is_heard("me", WAIT_MS));
	}
	answer_by(&stranger, "me");
	assert_false(is_heard("me", SILENCE_MS));
	bind_home(ways + 1, 1); /* the others left */
	say("to one");
	assert_true(next_packet(WAIT_MS, &h, &to));
	assert_int_equal(to, 0x12);
	assert_false(next_packet(SILENCE_MS, &h, &to));
	answer_by(&ways[0], "me");
	assert_false(is_heard("me", SILENCE_MS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(gre_goes_and_comes), TEST(super_packets_are_cut),
					    TEST(every_place_gets_a_copy) };
	int r = enter_own_namespaces(pins);

	if (r != 0)
		return r;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	remove_pins(pins);
	return r;
}
