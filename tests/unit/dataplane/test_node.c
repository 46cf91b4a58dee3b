/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mobile node's one path, with real sockets and packets: a TAP as its link, a TUN as charon's device, and between them
 * the home address as dp_home.h and dp_node.c keep it. Needs root. */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/arp.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "dataplane/dataplane.h"
#include "dataplane/dp_home.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 1000, SILENCE_MS = 50, PORT = 5000, MARK = 66 };

#define HOME "10.42.0.10"
#define CARE_OF "192.0.2.5"
#define TIA "10.77.0.5"
#define ANCHOR "10.0.0.1"
#define PEER "10.9.0.2"

static const uint8_t own_mac[6] = { 2, 0, 0, 0, 1, 1 }, router_mac[6] = { 2, 0, 0, 0, 1, 254 },
		     agent_mac[6] = { 2, 0, 0, 0, 1, 7 };
static char pins[] = "/tmp/hf-node-XXXXXX";
static int wire, vpn, user; /* TAP, TUN, a socket with the home address */
static uint32_t wire_ifindex, vpn_ifindex;
static struct dp_conf conf = { .role = DP_ROLE_NODE, .device = "hf0", .pin_dir = pins, .max_entries = 1 };
static struct dp_home *home;
static struct dp *dp;
static uint8_t buffer[4096];
static unsigned arps;

static void run(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

static int device(const char *name, short flags)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq req = { .ifr_flags = (short)(flags | IFF_NO_PI) };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req) < 0)
		abort();
	return fd;
}

static int open_user(const char *address)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(address) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	return fd;
}

/* As charon's routes are while a CHILD_SA is up: the intranet by its device. */
static void vpn_is_up(bool up)
{
	run(up ? "ip route add 10.0.0.0/8 dev ipsec0 src " TIA " table 220" :
		 "ip route del 10.0.0.0/8 dev ipsec0 table 220");
}

static int setup(void **state)
{
	const char *why = "";

	(void)state;
	run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	wire = device("wire", IFF_TAP);
	vpn = device("ipsec0", IFF_TUN);
	run("ip link set lo up && ip link set wire address 02:00:00:00:01:01 up && ip link set ipsec0 mtu 1400 up");
	run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.wire.rp_filter=1");
	run("ip address add " CARE_OF "/24 dev wire && ip route add default via 192.0.2.254");
	run("ip neighbour add 192.0.2.254 lladdr 02:00:00:00:01:fe dev wire");
	run("ip rule add pref 220 not fwmark 66 lookup 220");
	wire_ifindex = if_nametoindex("wire");
	vpn_ifindex = if_nametoindex("ipsec0");
	if (dp_home_open("hf0", MARK, &home) < 0 || dp_home_set(home, ip(TIA)) < 0 ||
	    dp_home_prefer(home, ip(HOME)) < 0 || dp_home_guard(home, ip(TIA), DP_GUARD_ON) < 0)
		return -1;
	if (dp_open(&conf, &dp, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	user = open_user(HOME);
	arps = 0;
	return dp_node_add_link(dp, wire_ifindex, false) < 0 || dp_node_add_link(dp, vpn_ifindex, true) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(user);
	dp_closep(&dp);
	dp_flush(&conf);
	dp_home_closep(&home);
	dp_home_flush("hf0", MARK);
	run("ip rule del pref 220");
	(void)close(vpn);
	(void)close(wire);
	return 0;
}

static uint64_t stat(const char *name)
{
	const char *const *names;
	uint64_t values[64];
	size_t n = dp_stats(dp, &names, values, ARRAY_SIZE(values));

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

static size_t receive(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&p, 1, wait_ms) > 0)
		n = read(fd, buffer, sizeof(buffer));
	return n > 0 ? (size_t)n : 0;
}

/* The next frame on the link that is no ARP; these are counted. */
static size_t next_frame(int wait_ms)
{
	size_t n;

	while ((n = receive(wire, wait_ms)) > 0 && buffer[12] == 0x08 && buffer[13] == 0x06)
		arps++;
	return n;
}

static void user_sends(size_t n)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(PEER) };
	static const uint8_t octets[4096];

	assert_int_equal(sendto(user, octets, n, 0, (const struct sockaddr *)&to, sizeof(to)), n);
}

static size_t to_home(uint8_t *p, size_t room, uint16_t port)
{
	static const uint8_t octets[] = "answer";
	struct wr w = wr_init(p, room);
	const struct ip4 h = { .ttl = 60, .source = ip(PEER), .destination = ip(HOME) };
	const struct udp4 u = { .source = port, .destination = port, .payload = { octets, sizeof(octets) } };

	udp4_build(&w, &h, &u);
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

static size_t from_peer(uint8_t *p, size_t room)
{
	return to_home(p, room, PORT);
}

/* An IP-in-IP packet from the anchor. */
static size_t from_anchor(uint8_t *p, size_t room, const char *to)
{
	uint8_t inner[256];
	size_t n = from_peer(inner, sizeof(inner));
	struct wr w = wr_init(p, room);
	const struct ip4 h = { .ttl = 60, .protocol = 4, .source = ip(ANCHOR), .destination = ip(to) };

	ip4_build(&w, &h, n);
	wr_bytes(&w, inner, n);
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

static void onto_wire(const uint8_t *packet, size_t n)
{
	uint8_t frame[512];
	struct wr w = wr_init(frame, sizeof(frame));

	ether_build(&w, own_mac, router_mac, ETHER_IP4);
	wr_bytes(&w, packet, n);
	assert_int_equal(write(wire, frame, wr_len(&w)), wr_len(&w));
}

static bool user_hears(void)
{
	return receive(user, SILENCE_MS) > 0;
}

static struct dp_path clear_path(void)
{
	return (struct dp_path){ .home = ip(HOME),
				 .how = PATH_TUNNEL,
				 .ifindex = wire_ifindex,
				 .tunnel = { .encap = ENCAP_IPIP, .local = ip(CARE_OF), .remote = ip(ANCHOR) } };
}

static struct dp_path vpn_path(void)
{
	return (struct dp_path){ .home = ip(HOME),
				 .how = PATH_TUNNEL,
				 .vpn = true,
				 .tunnel = { .encap = ENCAP_IPIP, .local = ip(TIA), .remote = ip(ANCHOR) } };
}

static struct dp_path way(enum path_how how)
{
	return (struct dp_path){ .home = ip(HOME), .how = how, .ifindex = wire_ifindex };
}

/* The outer header of @packet, with the user's packet in it. */
static struct ip4 outer_of(const uint8_t *packet, size_t n)
{
	struct ip4 outer, inner;

	assert_int_equal(ip4_parse(packet, n, &outer), 0);
	assert_int_equal(outer.protocol, 4);
	assert_int_equal(ip4_parse(outer.payload.p, outer.payload.n, &inner), 0);
	assert_int_equal(inner.source.s_addr, ip(HOME).s_addr);
	assert_int_equal(inner.destination.s_addr, ip(PEER).s_addr);
	return outer;
}

/* B-36: neither before anything is known, nor while it is not decided. */
static void undecided_is_silent(void **state)
{
	const struct dp_path blocked = way(PATH_BLOCKED);

	(void)state;
	user_sends(10);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(dp_path_set(dp, &blocked), 0);
	vpn_is_up(true);
	user_sends(10);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(receive(vpn, SILENCE_MS), 0);
	assert_int_equal(stat("held_dropped"), 1);
	assert_int_equal(arps, 0);
	vpn_is_up(false);
}

/* B-03, B-19, B-40: mode c, also while routes of the VPN are still there. */
static void clear_tunnel_leaves_by_its_link(void **state)
{
	const struct dp_path p = clear_path();
	uint8_t packet[256];
	struct ip4 outer;
	size_t n;

	(void)state;
	vpn_is_up(true);
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(100);
	n = next_frame(WAIT_MS);
	assert_int_equal(n, 14 + 20 + 20 + 8 + 100);
	assert_memory_equal(buffer, router_mac, 6);
	assert_memory_equal(buffer + 6, own_mac, 6);
	outer = outer_of(buffer + 14, n - 14);
	assert_int_equal(outer.source.s_addr, ip(CARE_OF).s_addr);
	assert_int_equal(outer.destination.s_addr, ip(ANCHOR).s_addr);
	onto_wire(packet, from_anchor(packet, sizeof(packet), CARE_OF));
	assert_true(user_hears());
	user_sends(1480 - 28); /* more than the VPN's device takes */
	assert_int_equal(next_frame(WAIT_MS), 14 + 1500);
	vpn_is_up(false);
}

/* B-10, B-18: under ESP or not at all, and out of ESP or forged. */
static void vpn_tunnel_is_never_clear(void **state)
{
	const struct dp_path p = vpn_path();
	uint8_t packet[256];
	size_t n;

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(100);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(stat("no_route"), 1);
	vpn_is_up(true);
	user_sends(100);
	n = receive(vpn, WAIT_MS);
	assert_int_equal(n, 20 + 20 + 8 + 100);
	assert_int_equal(outer_of(buffer, n).source.s_addr, ip(TIA).s_addr);
	n = from_anchor(packet, sizeof(packet), TIA);
	assert_int_equal(write(vpn, packet, n), n);
	assert_true(user_hears());
	onto_wire(packet, n);
	assert_false(user_hears());
	assert_int_equal(stat("spoofed_tunnel"), 1);
	vpn_is_up(false);
}

/* B-10, B-18: where it is the kernel that encrypts, by a policy or not at all: a route that charon left behind leads no
 * packet out of the host, neither data nor a request. */
static void kernel_encrypts_or_nobody(void **state)
{
	const struct dp_path p = vpn_path();
	const struct sockaddr_in anchor = { .sin_family = AF_INET, .sin_port = htons(434), .sin_addr = ip(ANCHOR) };
	int care_of = open_user(TIA);

	(void)state;
	dp_node_del_link(dp, vpn_ifindex);
	assert_false(dp_has_vpn_device(dp));
	assert_int_equal(dp_home_guard(home, ip(TIA), DP_GUARD_OFF), 0);
	assert_int_equal(dp_home_guard(home, ip(TIA), DP_GUARD_BY_ESP), 0);
	run("ip route add 10.0.0.0/8 via 192.0.2.254 dev wire src " TIA " table 220");
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(1400 - 20 - 28); /* as large as it can be */
	assert_int_equal(sendto(care_of, "request", 7, 0, (const struct sockaddr *)&anchor, sizeof(anchor)), 7);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(stat("up_forwarded"), 1);
	assert_int_equal(stat("unknown_source"), 2); /* both came back to the device */
	run("ip xfrm policy add src " TIA "/32 dst 10.0.0.0/8 dir out action block");
	user_sends(100);
	assert_int_equal(stat("up_forwarded"), 2);
	assert_int_equal(stat("unknown_source"), 2); /* a policy has it */
	run("ip xfrm policy delete src " TIA "/32 dst 10.0.0.0/8 dir out");
	run("ip route del 10.0.0.0/8 table 220");
	(void)close(care_of);
}

/* Whoever else sends what looks like the tunnel. */
static void only_the_registered_tunnel_is_heard(void **state)
{
	const struct dp_path p = clear_path();
	uint8_t packet[256];

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	onto_wire(packet, from_anchor(packet, sizeof(packet), TIA));
	assert_false(user_hears());
	assert_int_equal(stat("spoofed_tunnel"), 1);
}

/* Make before break: what the anchor sent before it knew still arrives. */
static void former_tunnel_is_heard_out(void **state)
{
	const struct dp_path former = clear_path(), next = vpn_path(), blocked = way(PATH_BLOCKED);
	uint8_t packet[256];

	(void)state;
	assert_int_equal(dp_path_set(dp, &former), 0);
	assert_int_equal(dp_path_set(dp, &blocked), 0);
	onto_wire(packet, from_anchor(packet, sizeof(packet), CARE_OF));
	assert_true(user_hears());
	assert_int_equal(dp_path_set(dp, &next), 0);
	onto_wire(packet, from_anchor(packet, sizeof(packet), CARE_OF));
	assert_true(user_hears());
	assert_int_equal(stat("former_accepted"), 2);
}

/* B-20: mode f, with the agent's MAC as it was heard, and no ARP about the home address (RFC 5944 4.6). */
static void foreign_agent_is_not_asked_for(void **state)
{
	struct dp_path p = way(PATH_NEIGHBOUR);
	uint8_t packet[256];
	size_t n;

	(void)state;
	memcpy(p.mac, agent_mac, sizeof(p.mac));
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(100);
	n = next_frame(WAIT_MS);
	assert_int_equal(n, 14 + 20 + 8 + 100);
	assert_int_equal(arps, 0);
	assert_memory_equal(buffer, agent_mac, 6);
	assert_memory_equal(buffer + 6, own_mac, 6);
	assert_memory_equal(buffer + 26, &p.home, 4);
	n = from_peer(packet, sizeof(packet));
	onto_wire(packet, n); /* by a link whose strict filter would refuse it */
	assert_true(user_hears());
}

static void wire_asks_for_home(void)
{
	struct arp ask = { .op = ARP_REQUEST, .sender = ip("192.0.2.254"), .target = ip(HOME) };
	uint8_t frame[64];
	struct wr w = wr_init(frame, sizeof(frame));

	memcpy(ask.sender_mac, router_mac, sizeof(ask.sender_mac));
	ether_build(&w, ether_broadcast, router_mac, ETHER_ARP);
	arp_build(&w, &ask);
	assert_int_equal(write(wire, frame, wr_len(&w)), wr_len(&w));
}

/* RFC 5944 4.6: elsewhere the home address is not answered for. */
static void home_address_is_told_at_home_only(void **state)
{
	const struct dp_path at_home = way(PATH_NEIGHBOUR), away = clear_path();

	(void)state;
	assert_int_equal(dp_path_set(dp, &away), 0);
	wire_asks_for_home();
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(arps, 0);
	assert_int_equal(dp_path_set(dp, &at_home), 0);
	wire_asks_for_home();
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(arps, 1);
	assert_int_equal(dp_path_set(dp, &away), 0);
	wire_asks_for_home();
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(arps, 1);
}

/* by which link a reply came is part of what it proves. */
static void signalling_tells_its_link(void **state)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(434), .sin_addr = ip(HOME) };
	const struct dp_path p = way(PATH_NEIGHBOUR);
	union {
		char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buffer, sizeof(buffer) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct in_pktinfo info;
	uint8_t packet[256];

	(void)state;
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(dp_path_set(dp, &p), 0);
	onto_wire(packet, to_home(packet, sizeof(packet), 434));
	assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
	assert_true(recvmsg(fd, &m, 0) > 0);
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(info));
	assert_int_equal(info.ipi_ifindex, wire_ifindex);
	(void)close(fd);
}

/* B-52: at home its neighbours are the link's. */
static void home_is_an_ordinary_link(void **state)
{
	const struct dp_path p = way(PATH_NEIGHBOUR);
	size_t n;

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(100);
	n = next_frame(WAIT_MS);
	assert_int_equal(n, 14 + 20 + 8 + 100);
	assert_memory_equal(buffer, router_mac, 6);
	assert_memory_equal(buffer + 26, &p.home, 4);
}

/* B-47: as RFC 3519 4.3 draws it. */
static void udp_tunnel(void **state)
{
	struct dp_path p = clear_path();

	(void)state;
	p.tunnel.encap = ENCAP_UDP;
	p.tunnel.local_port = p.tunnel.remote_port = 434;
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(100);
	assert_int_equal(next_frame(WAIT_MS), 14 + 20 + 8 + 4 + 20 + 8 + 100);
	assert_memory_equal(buffer + 34, "\x01\xb2\x01\xb2\0\x8c\0\0\x04\x04\0\0\x45", 13);
}

/* RFC 2890: each end has its key. */
static void gre_tunnel(void **state)
{
	struct dp_path p = clear_path();
	uint8_t packet[256], inner[256];
	size_t n = from_peer(inner, sizeof(inner));
	const struct ip4 h = { .ttl = 60, .protocol = 47, .source = ip(ANCHOR), .destination = ip(CARE_OF) };

	(void)state;
	p.tunnel.encap = ENCAP_GRE;
	p.tunnel.in_key = 7;
	p.tunnel.out_key = 8;
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(100);
	assert_int_equal(next_frame(WAIT_MS), 14 + 20 + 8 + 20 + 8 + 100);
	assert_memory_equal(buffer + 34, "\x20\0\x08\0\0\0\0\x08\x45", 9);
	for (uint32_t key = 7; key < 9; key++) {
		struct wr w = wr_init(packet, sizeof(packet));

		ip4_build(&w, &h, 8 + n);
		wr_u32(&w, 0x20000800);
		wr_u32(&w, key);
		wr_bytes(&w, inner, n);
		onto_wire(packet, wr_len(&w));
		assert_int_equal(user_hears(), key == 7);
	}
}

static int device_mtu(void)
{
	struct ifreq req = { .ifr_name = "hf0" };

	assert_int_equal(ioctl(user, SIOCGIFMTU, &req), 0);
	return req.ifr_mtu;
}

/* G-13 */
static void sockets_make_packets_that_fit(void **state)
{
	const struct dp_path p = clear_path(), q = vpn_path();

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	assert_int_equal(device_mtu(), 1480);
	assert_int_equal(dp_path_narrow(dp, 1300), 0);
	assert_int_equal(device_mtu(), 1280);
	assert_int_equal(dp_path_narrow(dp, 1400), 0);
	assert_int_equal(device_mtu(), 1280);
	assert_int_equal(dp_path_set(dp, &q), 0);
	assert_int_equal(device_mtu(), 1380);
}

/* Sockets that are not bound begin with the home address; what is marked, as charon's packets are, does not. */
static void unbound_sockets_prefer_home(void **state)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = ip(PEER) };
	struct sockaddr_in at;
	const int mark = MARK;

	(void)state;
	vpn_is_up(true);
	for (int marked = 0; marked < 2; marked++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		socklen_t n = sizeof(at);

		if (marked)
			assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
		assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
		assert_int_equal(at.sin_addr.s_addr, ip(marked ? CARE_OF : HOME).s_addr);
		(void)close(fd);
	}
	vpn_is_up(false);
}

/* Put together from pieces by the kernel, it comes to the daemon. */
static void whole_packets_are_judged_alike(void **state)
{
	const struct dp_path p = clear_path(), q = vpn_path();
	struct tunnel t = p.tunnel;
	uint8_t packet[256];
	const struct span inner = { packet, from_peer(packet, sizeof(packet)) };

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	assert_true(dp_path_takes(dp, wire_ifindex, &t, inner));
	assert_false(dp_path_takes(dp, vpn_ifindex, &t, inner));
	assert_int_equal(dp_home_inject(home, inner), 0);
	assert_true(user_hears());
	t.remote = ip(PEER);
	assert_false(dp_path_takes(dp, wire_ifindex, &t, inner));
	assert_int_equal(dp_path_set(dp, &q), 0);
	assert_false(dp_path_takes(dp, wire_ifindex, &q.tunnel, inner));
	assert_true(dp_path_takes(dp, vpn_ifindex, &q.tunnel, inner));
	packet[19] ^= 1; /* to another address than home */
	assert_false(dp_path_takes(dp, vpn_ifindex, &q.tunnel, inner));
}

/* Somebody removed the device. */
static void device_made_anew_has_the_path(void **state)
{
	const struct dp_path p = clear_path();

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	(void)close(user);
	run("ip link del hf0");
	assert_int_equal(dp_home_set(home, ip(HOME)), 0);
	assert_int_equal(dp_path_renew(dp), 0);
	user = open_user(HOME);
	user_sends(100);
	assert_int_equal(next_frame(WAIT_MS), 14 + 20 + 20 + 8 + 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(undecided_is_silent),
		TEST(clear_tunnel_leaves_by_its_link),
		TEST(vpn_tunnel_is_never_clear),
		TEST(kernel_encrypts_or_nobody),
		TEST(only_the_registered_tunnel_is_heard),
		TEST(former_tunnel_is_heard_out),
		TEST(foreign_agent_is_not_asked_for),
		TEST(home_is_an_ordinary_link),
		TEST(home_address_is_told_at_home_only),
		TEST(signalling_tells_its_link),
		TEST(udp_tunnel),
		TEST(gre_tunnel),
		TEST(sockets_make_packets_that_fit),
		TEST(unbound_sockets_prefer_home),
		TEST(whole_packets_are_judged_alike),
		TEST(device_made_anew_has_the_path),
	};
	int r;

	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("skipped: kernel programs and namespaces are for root only\n");
		return 77;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(pins))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)umount(pins);
	(void)rmdir(pins);
	return r;
}
