/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mobile node's one path. Needs root. */
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/arp.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "node_rig.h"
#include "tests/unit/test.h"

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
	assert_int_equal(counted("held_dropped"), 1);
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

/* Told of a drop, as this option has it, TCP would give up within seconds. */
static void what_waits_is_lost_quietly(void **state)
{
	const struct dp_path blocked = way(PATH_BLOCKED), vpn_only = vpn_path();
	const int on = 1, off = 0;

	(void)state;
	assert_int_equal(setsockopt(user, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	assert_int_equal(dp_path_set(dp, &blocked), 0);
	user_sends(10);
	assert_int_equal(counted("held_dropped"), 1);
	assert_int_equal(dp_path_set(dp, &vpn_only), 0);
	user_sends(10);
	assert_int_equal(counted("no_route"), 1);
	assert_int_equal(setsockopt(user, IPPROTO_IP, IP_RECVERR, &off, sizeof(off)), 0);
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
	assert_int_equal(counted("no_route"), 1);
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
	assert_int_equal(counted("spoofed_tunnel"), 1);
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
	assert_int_equal(counted("up_forwarded"), 1);
	assert_int_equal(counted("unknown_source"), 2); /* both came back to the device */
	run("ip xfrm policy add src " TIA "/32 dst 10.0.0.0/8 dir out action block");
	user_sends(100);
	assert_int_equal(counted("up_forwarded"), 2);
	assert_int_equal(counted("unknown_source"), 2); /* a policy has it */
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
	assert_int_equal(counted("spoofed_tunnel"), 1);
}

/* RFC 6040 4.2, as at the anchor */
static void congestion_is_one_loss(void **state)
{
	const struct dp_path p = clear_path();
	uint8_t packet[256];
	size_t n = from_anchor(packet, sizeof(packet), CARE_OF);

	(void)state;
	assert_int_equal(dp_path_set(dp, &p), 0);
	packet[1] = 3; /* the program comes before the checksum is looked at */
	onto_wire(packet, n);
	assert_false(user_hears());
	assert_int_equal(counted("congestion_dropped"), 1);
	assert_int_equal(counted("decap_failed"), 0);
}

/* Make before break: what the anchor sent before it knew still arrives. */
static void former_tunnel_is_heard_out(void **state)
{
	const struct dp_path former = clear_path(), blocked = way(PATH_BLOCKED);
	struct dp_path next = vpn_path();
	uint8_t packet[256];

	(void)state;
	assert_int_equal(dp_path_set(dp, &former), 0);
	assert_int_equal(dp_path_set(dp, &blocked), 0);
	onto_wire(packet, from_anchor(packet, sizeof(packet), CARE_OF));
	assert_true(user_hears());
	assert_int_equal(dp_path_set(dp, &next), 0);
	onto_wire(packet, from_anchor(packet, sizeof(packet), CARE_OF));
	assert_true(user_hears());
	next.until_us = UINT64_C(1) << 50; /* the same path, but for a longer time */
	assert_int_equal(dp_path_set(dp, &next), 0);
	onto_wire(packet, from_anchor(packet, sizeof(packet), CARE_OF));
	assert_true(user_hears());
	assert_int_equal(counted("former_accepted"), 3);
}

/* RFC 5265 3.4: nothing leaves in clear longer than it is proven, also when nobody is there any more to say so. */
static void path_ends_by_itself(void **state)
{
	struct dp_path p = clear_path();

	(void)state;
	p.until_us = UINT64_C(1) << 50; /* since the host was started */
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(10);
	assert_true(next_frame(WAIT_MS) > 0);
	p.until_us = 1;
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(10);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(counted("held_dropped"), 1);
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

/* B-36: the former path is over even where the new one cannot be had, and comes back by nothing. */
static void path_that_fails_leaves_none(void **state)
{
	const struct dp_path p = clear_path();
	struct dp_path q = way(PATH_NEIGHBOUR);

	(void)state;
	memcpy(q.mac, agent_mac, sizeof(q.mac));
	q.ifindex = 9999; /* a link that has just gone */
	assert_int_equal(dp_path_set(dp, &p), 0);
	assert_true(dp_path_set(dp, &q) < 0);
	user_sends(10);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_true(dp_path_renew(dp) < 0);
	user_sends(10);
	assert_int_equal(next_frame(SILENCE_MS), 0);
	assert_int_equal(counted("unknown_source"), 2);
	assert_int_equal(dp_path_set(dp, &p), 0);
	user_sends(10);
	assert_int_not_equal(next_frame(WAIT_MS), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(undecided_is_silent),
		TEST(what_waits_is_lost_quietly),
		TEST(clear_tunnel_leaves_by_its_link),
		TEST(vpn_tunnel_is_never_clear),
		TEST(kernel_encrypts_or_nobody),
		TEST(only_the_registered_tunnel_is_heard),
		TEST(congestion_is_one_loss),
		TEST(former_tunnel_is_heard_out),
		TEST(path_ends_by_itself),
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
		TEST(path_that_fails_leaves_none),
	};
	int r = enter_own_namespaces(pins);

	if (r != 0)
		return r;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	remove_pins(pins);
	return r;
}
