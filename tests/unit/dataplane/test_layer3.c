/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users behind a layer-3 device, with real packets: a TUN as charon makes it on one side, a TAP as the core on the
 * other, and between them the kernel programs as dp_open() attaches them. Needs root. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <unistd.h>

#include "codec/ether.h"
#include "codec/ip4.h"
#include "dataplane/dataplane.h"
#include "kernel_rig.h"
#include "tests/unit/test.h"

enum { HELD_MAX = 16, EVENTS_MAX = 2048, WAIT_MS = 1000, SILENCE_MS = 50 };

static const uint8_t core_mac[6] = { 2, 0, 0, 0, 1, 1 }, router_mac[6] = { 2, 0, 0, 0, 1, 254 };
static char pins[] = "/tmp/hf-layer3-XXXXXX";
static const char *const kinds = "ipsec*";
static int core, users;
static struct dp_conf conf = {
	.role = DP_ROLE_MPA, .pin_dir = pins, .core_n = 1, .max_entries = 8, .layer3 = &kinds, .layer3_n = 1
};
static uint32_t core_ifindex;
static struct dp *dp;
static uint8_t buffer[4096];

static struct {
	struct dp_event e;
	uint8_t head[20];
} events[EVENTS_MAX];
static size_t event_n;

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		abort();
	(void)close(fd); /* /proc takes it with the write */
}

static uint32_t open_users(void)
{
	users = tun_device("ipsec0", IFF_TUN);
	run("ip link set ipsec0 mtu 1400 up");
	return if_nametoindex("ipsec0");
}

static int setup(void **state)
{
	const char *why = "";

	(void)state;
	core = tun_device("core", IFF_TAP);
	run("ip link set core address 02:00:00:00:01:01 up");
	run("ip address add 10.0.1.1/24 dev core");
	run("ip neighbour add 10.0.1.254 lladdr 02:00:00:00:01:fe dev core");
	run("ip route add 10.0.0.0/24 via 10.0.1.254");
	core_ifindex = if_nametoindex("core");
	conf.core = &core_ifindex;
	if (dp_open(&conf, &dp, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	event_n = 0;
	return dp_add_layer3(dp, open_users());
}

static int teardown(void **state)
{
	(void)state;
	dp_closep(&dp);
	dp_flush(&conf);
	if (users >= 0)
		(void)close(users);
	(void)close(core);
	return 0;
}

static void keep_event(void *ctx, const struct dp_event *e)
{
	(void)ctx;
	if (event_n == EVENTS_MAX)
		return;
	events[event_n].e = *e;
	memcpy(events[event_n].head, e->packet.p, min_size(e->packet.n, sizeof(events[event_n].head)));
	event_n++;
}

static size_t events_of(enum dp_event_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < event_n; i++)
		n += events[i].e.type == type;
	return n;
}

static void read_events(void)
{
	struct pollfd p = { .fd = dp_events_fd(dp), .events = POLLIN };

	while (poll(&p, 1, 0) > 0)
		dp_events_read(dp, keep_event, NULL);
}

/* What comes out of @fd next into `buffer`, or 0 after @wait_ms. */
static size_t receive(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&p, 1, wait_ms) > 0)
		n = read(fd, buffer, sizeof(buffer));
	return n > 0 ? (size_t)n : 0;
}

static size_t packet(uint8_t *p, size_t room, const char *from, const char *to, size_t rest)
{
	struct wr w = wr_init(p, room);
	const struct ip4 h = { .ttl = 64, .protocol = 17, .source = ip(from), .destination = ip(to) };

	memset(p, 0, room);
	ip4_build(&w, &h, rest);
	(void)wr_skip(&w, rest);
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

static void user_sends(const char *from, size_t rest)
{
	uint8_t p[2048];
	size_t n = packet(p, sizeof(p), from, "10.9.0.2", rest);

	assert_int_equal(write(users, p, n), n);
}

/* Through the tunnel, with @rest octets behind the inner header. */
static void anchor_sends(const char *to, size_t rest)
{
	uint8_t frame[2048], inner[2048];
	struct wr w = wr_init(frame, sizeof(frame));
	size_t n = packet(inner, sizeof(inner), "10.9.0.2", to, rest);
	const struct ip4 outer = { .ttl = 64, .protocol = 4, .source = ip("10.0.0.1"), .destination = ip("10.0.1.1") };

	ether_build(&w, core_mac, router_mac, ETHER_IP4);
	ip4_build(&w, &outer, n);
	wr_bytes(&w, inner, n);
	assert_int_equal(w.err, 0);
	assert_int_equal(write(core, frame, wr_len(&w)), wr_len(&w));
}

static struct dp_visitor visitor(void)
{
	return (struct dp_visitor){ .ifindex = if_nametoindex("ipsec0"),
				    .layer3 = true,
				    .mtu = 1400,
				    .home = ip("10.42.0.10"),
				    .gateway = ip("10.42.0.1"),
				    .broadcast = ip("10.42.0.255"),
				    .tunnel = { .local = ip("10.0.1.1"), .remote = ip("10.0.0.1") },
				    .index = 3 };
}

/* what comes out of IPsec goes into the tunnel, and back, untouched. */
static void packets_cross(void **state)
{
	const struct dp_visitor v = visitor();
	struct ether e;
	struct ip4 outer, inner;
	size_t n;

	(void)state;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	user_sends("10.42.0.10", 100);
	n = receive(core, WAIT_MS);
	assert_int_equal(n, 14 + 20 + 20 + 100);
	assert_int_equal(ether_parse(buffer, n, &e), 0);
	assert_memory_equal(e.destination, router_mac, 6);
	assert_int_equal(ip4_parse(e.payload.p, e.payload.n, &outer), 0);
	assert_int_equal(outer.protocol, 4);
	assert_int_equal(outer.source.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(outer.destination.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(ip4_parse(outer.payload.p, outer.payload.n, &inner), 0);
	assert_int_equal(inner.source.s_addr, ip("10.42.0.10").s_addr);
	anchor_sends("10.42.0.10", 1380); /* as large as the device takes */
	n = receive(users, WAIT_MS);
	assert_int_equal(n, 1400);
	assert_int_equal(ip4_parse(buffer, n, &inner), 0);
	assert_int_equal(inner.destination.s_addr, ip("10.42.0.10").s_addr);
	assert_int_equal(inner.ttl, 64);
	assert_int_equal(counted_by(dp, "down_forwarded"), 1);
}

/* A-38, G-15 */
static void strangers_do_not(void **state)
{
	const struct dp_visitor v = visitor();

	(void)state;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	user_sends("10.42.0.11", 100);
	assert_int_equal(receive(core, SILENCE_MS), 0);
	assert_int_equal(counted_by(dp, "unknown_source"), 1);
	anchor_sends("10.42.0.11", 100);
	assert_int_equal(receive(users, SILENCE_MS), 0);
	assert_int_equal(counted_by(dp, "unknown_tunnel"), 1);
	read_events();
	assert_int_equal(events_of(DP_EVENT_UNKNOWN_SOURCE), 1);
	assert_int_equal(events[0].e.source.s_addr, ip("10.42.0.11").s_addr);
}

/* G-13: neither forwarded nor counted as such; the daemon gets it. */
static void what_does_not_fit_is_told(void **state)
{
	const struct dp_visitor v = visitor();
	struct ip4 ip4;

	(void)state;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	anchor_sends("10.42.0.10", 1381);
	assert_int_equal(receive(users, SILENCE_MS), 0);
	read_events();
	assert_int_equal(event_n, 1);
	assert_int_equal(events[0].e.type, DP_EVENT_TOO_BIG_DOWN);
	assert_int_equal(events[0].e.index, 3);
	assert_int_equal(events[0].e.mtu, 1400);
	assert_int_equal(events[0].e.packet.n, 1401);
	assert_int_equal(ip4_parse_cut(events[0].head, 20, &ip4), 0);
	assert_int_equal(ip4.destination.s_addr, ip("10.42.0.10").s_addr);
	assert_int_equal(counted_by(dp, "down_forwarded"), 0);
	assert_int_equal(counted_by(dp, "too_big"), 1);
}

/* Hosts whose kernel does ESP encrypt a datagram whole and cut it afterwards: it comes here in one. What may go on in
 * pieces must reach the daemon to the last octet; of what may not, the head is enough. */
static void large_datagrams_are_told_whole(void **state)
{
	static const struct {
		size_t rest;
		uint16_t fragment;
		size_t told;
	} rows[] = { { 2028, 0, 2048 }, { 2029, 0, 2049 }, { 65495, 0, 65515 }, { 2029, IP4_DF, 2048 } };
	static uint8_t p[65535];
	const struct dp_visitor v = visitor();

	(void)state;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wr w = wr_init(p, sizeof(p));
		const struct ip4 h = { .ttl = 64,
				       .protocol = IPPROTO_UDP,
				       .fragment = rows[i].fragment,
				       .source = ip("10.42.0.10"),
				       .destination = ip("10.9.0.2") };

		ip4_build(&w, &h, rows[i].rest);
		assert_int_equal(write(users, p, 20 + rows[i].rest), 20 + rows[i].rest);
		event_n = 0;
		read_events();
		assert_int_equal(event_n, 1);
		assert_int_equal(events[0].e.type, DP_EVENT_TOO_BIG);
		assert_int_equal(events[0].e.packet.n, rows[i].told);
	}
}

/* what a user sends before it is registered waits at the daemon: some of it. */
static void held_packets_are_few(void **state)
{
	struct dp_visitor v = visitor();
	struct ip4 ip4;

	(void)state;
	v.held = true;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	for (int i = 0; i < 100; i++)
		user_sends("10.42.0.10", 100);
	assert_int_equal(receive(core, SILENCE_MS), 0);
	read_events();
	assert_int_equal(events_of(DP_EVENT_HELD), HELD_MAX);
	assert_int_equal(events[0].e.index, 3);
	assert_int_equal(events[0].e.packet.n, 120);
	assert_int_equal(ip4_parse_cut(events[0].head, 20, &ip4), 0);
	assert_int_equal(ip4.source.s_addr, ip("10.42.0.10").s_addr);
	assert_int_equal(counted_by(dp, "held"), HELD_MAX);
	assert_int_equal(counted_by(dp, "held_dropped"), 100 - HELD_MAX);
	v.held = false;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	user_sends("10.42.0.10", 100);
	assert_int_equal(receive(core, WAIT_MS), 154);
}

/* Packets that only the daemon can answer must not hide who arrives, nor keep it from everything else. */
static void a_flood_hides_nobody(void **state)
{
	const struct dp_visitor v = visitor();

	(void)state;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	for (int i = 0; i < 1000; i++)
		anchor_sends("10.42.0.10", 1500);
	for (int i = 0; i < 100; i++) {
		char from[16];

		(void)snprintf(from, sizeof(from), "10.42.0.%d", 100 + i);
		user_sends(from, 100);
	}
	dp_events_read(dp, keep_event, NULL);
	assert_int_equal(event_n, 256);
	assert_int_equal(events_of(DP_EVENT_UNKNOWN_SOURCE), 100);
	read_events();
	assert_in_range(events_of(DP_EVENT_TOO_BIG_DOWN), 200, 1000);
}

/* A peer that does ESP as two users, over SAs of their own; ours with an xfrm interface in the place of the TUN. */
static const char kernel_esp[] =
	"ip netns add hf-layer3 && ip link add outer type veth peer name e netns hf-layer3 && "
	"ip address add 192.0.2.1/24 dev outer && ip link set outer up && "
	"ip link add ipsec0 type xfrm dev outer if_id 42 && ip link set ipsec0 mtu 1400 up && "
	"ip -n hf-layer3 address add 192.0.2.2/24 dev e && ip -n hf-layer3 link set e up && ip -n hf-layer3 link set "
	"lo up && "
	"ip -n hf-layer3 address add 10.42.0.10/32 dev lo && ip -n hf-layer3 address add 10.42.0.11/32 dev lo && "
	"ip -n hf-layer3 route add 10.9.0.0/24 via 192.0.2.1 && "
	"sa() { ip $1 xfrm state add src $2 dst $3 proto esp spi $4 reqid $5 mode tunnel $6 $7 "
	"aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128; } && "
	"policy() { ip $1 xfrm policy add src $2 dst $3 dir out $6 $7 "
	"tmpl src $4 dst $5 proto esp reqid $8 mode tunnel; } && "
	"for user in 5 6; do "
	"sa '-n hf-layer3' 192.0.2.2 192.0.2.1 0x100$user $user && sa '' 192.0.2.2 192.0.2.1 0x100$user $user if_id 42 "
	"&& "
	"sa '-n hf-layer3' 192.0.2.1 192.0.2.2 0x200$user $user && sa '' 192.0.2.1 192.0.2.2 0x200$user $user if_id 42 "
	"|| "
	"exit 1; done && "
	"policy '-n hf-layer3' 10.42.0.0/24 10.9.0.0/24 192.0.2.2 192.0.2.1 '' '' 5 && "
	"policy '' 10.9.0.0/24 10.42.0.10/32 192.0.2.1 192.0.2.2 if_id 42 5";

static void peer_pings_from(const char *source)
{
	char command[128];

	(void)snprintf(command, sizeof(command),
		       "ip netns exec hf-layer3 ping -n -q -c 1 -W 1 -I %s 10.9.0.2 >/dev/null; true", source);
	run(command);
}

/* A-38 with ESP in the kernel: a source is good only by an SA of its user, and what leaves is ESP. */
static void kernel_esp_is_checked(void **state)
{
	struct dp_visitor v = visitor();

	(void)state;
	(void)close(users);
	users = -1;
	run(kernel_esp);
	assert_int_equal(dp_add_layer3(dp, if_nametoindex("ipsec0")), 0);
	v.ifindex = if_nametoindex("ipsec0");
	v.reqid = 5;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	peer_pings_from("10.42.0.10");
	assert_int_equal(receive(core, WAIT_MS), 14 + 20 + 84);
	v.reqid = 6;
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	peer_pings_from("10.42.0.10");
	assert_int_equal(receive(core, SILENCE_MS), 0);
	assert_int_equal(counted_by(dp, "spoofed_source"), 1);
	peer_pings_from("10.42.0.11");
	assert_int_equal(receive(core, SILENCE_MS), 0);
	read_events();
	assert_int_equal(events_of(DP_EVENT_SPOOF), 1);
	assert_int_equal(events_of(DP_EVENT_UNKNOWN_SOURCE), 1);
	assert_int_equal(events[event_n - 1].e.reqid, 5);
	anchor_sends("10.42.0.10", 100);
	run("ip -n hf-layer3 -s xfrm state get src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x2005 | grep -q '120(bytes), "
	    "1(packets)'");
	run("ip netns del hf-layer3; ip link del outer 2>/dev/null; true");
}

static size_t pinned(const char *prefix)
{
	DIR *dir = opendir(pins);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.' && strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	(void)closedir(dir); /* only read */
	return n;
}

/* charon restarts: its device is another one, and nothing is left of the one before. */
static void the_device_may_come_back(void **state)
{
	struct dp_visitor v = visitor();
	uint32_t before = v.ifindex;
	size_t links = pinned("link_");

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)close(users);
		assert_int_equal(dp_add_layer3(dp, open_users()), 0);
		assert_int_equal(pinned("link_"), links);
	}
	assert_int_not_equal(if_nametoindex("ipsec0"), before);
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	user_sends("10.42.0.10", 100);
	assert_int_equal(receive(core, SILENCE_MS), 0); /* still of the old device */
	assert_int_equal(dp_visitor_del(dp, &v), 0);
	v = visitor();
	assert_int_equal(dp_visitor_set(dp, &v), 0);
	user_sends("10.42.0.10", 100);
	assert_int_equal(receive(core, WAIT_MS), 154);
	anchor_sends("10.42.0.10", 100);
	assert_int_equal(receive(users, WAIT_MS), 120);
}

static void flush_leaves_nothing(void **state)
{
	(void)state;
	dp_closep(&dp);
	dp_flush(&conf);
	assert_int_equal(pinned("link_"), 0);
	assert_int_equal(pinned("v"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_cross),
		TEST(strangers_do_not),
		TEST(what_does_not_fit_is_told),
		TEST(held_packets_are_few),
		TEST(a_flood_hides_nobody),
		TEST(the_device_may_come_back),
		TEST(large_datagrams_are_told_whole),
		TEST(flush_leaves_nothing),
	};
	const struct CMUnitTest of_kernel_esp[] = { TEST(kernel_esp_is_checked) };
	int r = enter_own_namespaces(pins);

	if (r != 0)
		return r;
	write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	write_setting("/proc/sys/net/ipv4/ip_forward", "1");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (system("ip link add hf-try type xfrm dev lo if_id 1 2>/dev/null && ip link del hf-try") == 0)
		r |= cmocka_run_group_tests(of_kernel_esp, NULL, NULL);
	else
		printf("This kernel has no xfrm interfaces: `make guest` runs the case of kernel ESP.\n");
	remove_pins(pins);
	return r;
}
