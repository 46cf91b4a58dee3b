/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "node_rig.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/ether.h"
#include "tests/unit/test.h"

const uint8_t own_mac[6] = { 2, 0, 0, 0, 1, 1 }, router_mac[6] = { 2, 0, 0, 0, 1, 254 },
	      agent_mac[6] = { 2, 0, 0, 0, 1, 7 };
char pins[] = "/tmp/hf-node-XXXXXX";
int wire, vpn, user;
uint32_t wire_ifindex, vpn_ifindex;
static struct dp_conf conf = { .role = DP_ROLE_NODE, .device = "hf0", .pin_dir = pins, .max_entries = 1 };
struct dp_home *home;
struct dp *dp;
uint8_t buffer[FRAME_MAX];
unsigned arps;

int open_user(const char *address)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(address) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	return fd;
}

void vpn_is_up(bool up)
{
	run(up ? "ip route add 10.0.0.0/8 dev ipsec0 src " TIA " table 220" :
		 "ip route del 10.0.0.0/8 dev ipsec0 table 220");
}

int setup(void **state)
{
	const char *why = "";

	(void)state;
	run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	wire = tun_device("wire", IFF_TAP);
	vpn = tun_device("ipsec0", IFF_TUN);
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

int teardown(void **state)
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

uint64_t counted(const char *name)
{
	return counted_by(dp, name);
}

size_t receive(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&p, 1, wait_ms) > 0)
		n = read(fd, buffer, sizeof(buffer));
	return n > 0 ? (size_t)n : 0;
}

/* The next frame on the link that is no ARP; these are counted. */
size_t next_frame(int wait_ms)
{
	size_t n;

	while ((n = receive(wire, wait_ms)) > 0 && buffer[12] == 0x08 && buffer[13] == 0x06)
		arps++;
	return n;
}

void user_sends(size_t n)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip(PEER) };
	static const uint8_t octets[4096];

	assert_int_equal(sendto(user, octets, n, 0, (const struct sockaddr *)&to, sizeof(to)), n);
}

size_t to_home(uint8_t *p, size_t room, uint16_t port)
{
	static const uint8_t octets[] = "answer";
	struct wr w = wr_init(p, room);
	const struct ip4 h = { .ttl = 60, .source = ip(PEER), .destination = ip(HOME) };
	const struct udp4 u = { .source = port, .destination = port, .payload = { octets, sizeof(octets) } };

	udp4_build(&w, &h, &u);
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

size_t from_peer(uint8_t *p, size_t room)
{
	return to_home(p, room, PORT);
}

size_t from_anchor(uint8_t *p, size_t room, const char *to)
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

void onto_wire(const uint8_t *packet, size_t n)
{
	uint8_t frame[512];
	struct wr w = wr_init(frame, sizeof(frame));

	ether_build(&w, own_mac, router_mac, ETHER_IP4);
	wr_bytes(&w, packet, n);
	assert_int_equal(write(wire, frame, wr_len(&w)), wr_len(&w));
}

bool user_hears(void)
{
	return receive(user, SILENCE_MS) > 0;
}

struct dp_path clear_path(void)
{
	return (struct dp_path){ .home = ip(HOME),
				 .how = PATH_TUNNEL,
				 .ifindex = wire_ifindex,
				 .tunnel = { .encap = ENCAP_IPIP, .local = ip(CARE_OF), .remote = ip(ANCHOR) } };
}

struct dp_path vpn_path(void)
{
	return (struct dp_path){ .home = ip(HOME),
				 .how = PATH_TUNNEL,
				 .vpn = true,
				 .tunnel = { .encap = ENCAP_IPIP, .local = ip(TIA), .remote = ip(ANCHOR) } };
}

struct dp_path way(enum path_how how)
{
	return (struct dp_path){ .home = ip(HOME), .how = how, .ifindex = wire_ifindex };
}

struct ip4 outer_of(const uint8_t *packet, size_t n)
{
	struct ip4 outer, inner;

	assert_int_equal(ip4_parse(packet, n, &outer), 0);
	assert_int_equal(outer.protocol, 4);
	assert_int_equal(ip4_parse(outer.payload.p, outer.payload.n, &inner), 0);
	assert_int_equal(inner.source.s_addr, ip(HOME).s_addr);
	assert_int_equal(inner.destination.s_addr, ip(PEER).s_addr);
	return outer;
}
