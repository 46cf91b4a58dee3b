/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel programs on single packets, run by the kernel without any interface (BPF_PROG_TEST_RUN): what must not
 * pass does not, and what is not ours is left alone. Needs the right to load programs. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <time.h>

#include "anchor.skel.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "core/tunnel.h"
#include "dataplane/dp_def.h"
#include "mpa.skel.h"
#include "tests/unit/test.h"

enum { LOOPBACK = 1, MAX = 8 };

static struct anchor_bpf *anchor;
static struct mpa_bpf *mpa;
static uint8_t frame[256], result[512];
static size_t result_n; /* of the last run */
static struct wr w;

static int set_max(struct bpf_map *m)
{
	return bpf_map__set_max_entries(m, MAX);
}

static int setup(void **state)
{
	(void)state;
	anchor = anchor_bpf__open();
	mpa = mpa_bpf__open();
	if (!anchor || !mpa || set_max(anchor->maps.bindings) < 0 || set_max(anchor->maps.counters) < 0 ||
	    set_max(mpa->maps.uplink) < 0 || set_max(mpa->maps.downlink) < 0 || set_max(mpa->maps.counters) < 0)
		return -1;
	return anchor_bpf__load(anchor) < 0 || mpa_bpf__load(mpa) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	anchor_bpf__destroy(anchor);
	mpa_bpf__destroy(mpa);
	return 0;
}

static uint64_t stat(struct bpf_map *stats, uint32_t reason)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *v = calloc((size_t)cpus, sizeof(*v)), sum = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(stats), &reason, v), 0);
	for (int i = 0; i < cpus; i++)
		sum += v[i];
	free(v);
	return sum;
}

/* An Ethernet header and IPv4 headers around each other, outermost first; the innermost has @rest octets behind it. */
static void build(const struct ip4 *headers, size_t n, size_t rest)
{
	static const uint8_t to[6] = { 0 } /* loopback's own */, from[6] = { 2, 0, 0, 0, 0, 1 };

	memset(frame, 0, sizeof(frame));
	w = wr_init(frame, sizeof(frame));
	ether_build(&w, to, from, ETHER_IP4);
	for (size_t i = 0; i < n; i++)
		ip4_build(&w, &headers[i], (n - 1 - i) * IP4_HEADER_OCTETS + rest);
	(void)wr_skip(&w, rest);
	assert_int_equal(w.err, 0);
}

/* An Ethernet header, and the second header of @h with 8 octets behind it inside of UDP tunnel data inside of the first. */
static void build_in_udp(const struct ip4 h[2], uint16_t port)
{
	static const uint8_t to[6] = { 0 }, from[6] = { 2, 0, 0, 0, 0, 1 };

	memset(frame, 0, sizeof(frame));
	w = wr_init(frame, sizeof(frame));
	ether_build(&w, to, from, ETHER_IP4);
	ip4_build(&w, &h[0], 8 + 4 + IP4_HEADER_OCTETS + 8);
	wr_u16(&w, port);
	wr_u16(&w, 434);
	wr_u16(&w, 8 + 4 + IP4_HEADER_OCTETS + 8);
	wr_u16(&w, 0);
	wr_u32(&w, 0x04040000);
	ip4_build(&w, &h[1], 8);
	(void)wr_skip(&w, 8);
	assert_int_equal(w.err, 0);
}

/* An Ethernet header, and the second header of @h with 8 octets behind it behind GRE, inside of the first. */
static void build_in_gre(const struct ip4 h[2], const char *gre_hex)
{
	static const uint8_t to[6] = { 0 }, from[6] = { 2, 0, 0, 0, 0, 1 };
	uint8_t gre[16];
	size_t n = unhex(gre_hex, gre, sizeof(gre));

	memset(frame, 0, sizeof(frame));
	w = wr_init(frame, sizeof(frame));
	ether_build(&w, to, from, ETHER_IP4);
	ip4_build(&w, &h[0], n + IP4_HEADER_OCTETS + 8);
	wr_bytes(&w, gre, n);
	ip4_build(&w, &h[1], 8);
	(void)wr_skip(&w, 8);
	assert_int_equal(w.err, 0);
}

static int run(const struct bpf_program *program)
{
	struct __sk_buff skb = { .ifindex = LOOPBACK, .ingress_ifindex = LOOPBACK };
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = frame,
					  .data_size_in = (uint32_t)wr_len(&w),
					  .ctx_in = &skb,
					  .ctx_size_in = sizeof(skb),
					  .repeat = 1 };

	opts.data_out = result;
	opts.data_size_out = sizeof(result);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	result_n = opts.data_size_out;
	return (int)opts.retval;
}

static void add_visitor_by(enum delivery delivery)
{
	struct dp_visitor_def v = { .port = { .ifindex = LOOPBACK, .mac = { 2, 0, 0, 0, 0, 1 } },
				    .home = ip("10.42.0.10").s_addr,
				    .gateway = ip("10.42.0.1").s_addr,
				    .broadcast = ip("10.42.0.255").s_addr,
				    .delivery = (uint8_t)delivery,
				    .tunnel = { .local = ip("10.0.1.1").s_addr, .remote = ip("10.0.0.1").s_addr } };
	const struct dp_inside_def inside = { .anchor = v.tunnel.remote, .home = v.home };

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(mpa->maps.uplink), &v.port, &v, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(mpa->maps.downlink), &inside, &v, BPF_ANY), 0);
}

static void add_visitor(void)
{
	add_visitor_by(DELIVERY_DIRECT); /* of which a proxy agent knows nothing */
}

static struct dp_binding_def add_binding(void)
{
	const struct dp_binding_def b = { .home = ip("10.42.0.10").s_addr,
					  .tunnel = { .local = ip("10.0.0.1").s_addr,
						      .remote = ip("10.0.1.1").s_addr } };

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(anchor->maps.bindings), &b.home, &b, BPF_ANY), 0);
	return b;
}

/* Its former tunnel was that of 10.0.3.1, and ends @ms from now. */
static void add_former(int ms)
{
	struct dp_binding_def b = add_binding();
	struct timespec boot;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
	b.former = b.tunnel;
	b.former.remote = ip("10.0.3.1").s_addr;
	b.former_until_ns = (uint64_t)boot.tv_sec * 1000000000U + (uint64_t)boot.tv_nsec + (uint64_t)(ms * 1000000LL);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(anchor->maps.bindings), &b.home, &b, BPF_ANY), 0);
}

static struct ip4 header(const char *from, const char *to, uint8_t protocol)
{
	return (struct ip4){ .ttl = 64, .protocol = protocol, .source = ip(from), .destination = ip(to) };
}

/* L-26, G-15 */
static void ports_are_closed(void **state)
{
	const struct ip4 own = header("10.42.0.10", "10.9.0.2", 17), other = header("10.42.0.11", "10.9.0.2", 17);
	const struct ip4 broadcast = header("10.42.0.10", "224.0.0.251", 17);

	(void)state;
	build(&own, 1, 8);
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_SHOT);
	assert_int_equal(stat(mpa->maps.stats, DP_STAT_unknown_source), 1);
	add_visitor();
	build(&other, 1, 8);
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_SHOT);
	assert_int_equal(stat(mpa->maps.stats, DP_STAT_spoofed_source), 1);
	build(&broadcast, 1, 8);
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_SHOT);
	assert_int_equal(stat(mpa->maps.stats, DP_STAT_local_dropped), 1);
	build(&own, 1, 8);
	frame[13] = 0x06; /* ARP */
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_SHOT);
	assert_int_equal(stat(mpa->maps.stats, DP_STAT_local_dropped), 2);
}

/* L-53: 802.1X, and nothing else, reaches the authenticator at a closed port; it is not passed on to others. */
static void authenticators_are_heard(void **state)
{
	static const uint8_t pae_group[] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x03 }; /* IEEE 802.1X table 11-1 */
	const struct ip4 any = header("10.42.0.10", "10.9.0.2", 17);

	(void)state;
	build(&any, 1, 8);
	memcpy(frame, pae_group, sizeof(pae_group));
	frame[12] = 0x88;
	frame[13] = 0x8e;
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_OK);
	memcpy(frame, "\x02\x00\x00\x00\x00\x77", 6);
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_SHOT);
	frame[12] = 0x88;
	frame[13] = 0xc7; /* RSN pre-authentication */
	memcpy(frame, pae_group, sizeof(pae_group));
	assert_int_equal(run(mpa->progs.mpa_up), TC_ACT_SHOT);
}

/* RFC 3024 4.1, L-27 */
static void tunnels_are_checked(void **state)
{
	const struct ip4 good[] = { header("10.0.0.1", "10.0.1.1", 4), header("10.9.0.2", "10.42.0.10", 17) };
	const struct ip4 elsewhere[] = { header("10.0.0.2", "10.0.1.1", 4), header("10.9.0.2", "10.42.0.10", 17) };
	const struct ip4 wrapped[] = { header("10.0.0.1", "10.0.1.1", 4), header("10.0.0.1", "10.42.0.10", 4),
				       header("10.42.0.11", "224.0.0.251", 17) };
	const struct ip4 plain = header("10.0.0.1", "10.0.1.1", 6);

	(void)state;
	add_visitor();
	build(good, 2, 8);
	assert_int_equal(run(mpa->progs.mpa_down), TC_ACT_REDIRECT);
	build(elsewhere, 2, 8);
	assert_int_equal(run(mpa->progs.mpa_down), TC_ACT_OK);   /* for all we know the reply is on its way */
	assert_int_equal(run(mpa->progs.mpa_down), TC_ACT_SHOT); /* but not many of them */
	assert_int_equal(stat(mpa->maps.stats, DP_STAT_unknown_tunnel), 2);
	build(wrapped, 3, 8); /* L-44: the daemon's */
	assert_int_equal(run(mpa->progs.mpa_down), TC_ACT_OK);
	build(&plain, 1, 20);
	assert_int_equal(run(mpa->progs.mpa_down), TC_ACT_OK);
	build(good, 2, 8);
	frame[14 + 6] = 0x20; /* a fragment: the stack puts it together */
	assert_int_equal(run(mpa->progs.mpa_down), TC_ACT_OK);
}

static void anchor_checks_who_speaks(void **state)
{
	const struct ip4 good[] = { header("10.0.1.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };
	const struct ip4 thief[] = { header("10.0.2.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };
	const struct ip4 nobody[] = { header("10.0.1.1", "10.0.0.1", 4), header("10.42.0.99", "10.9.0.2", 17) };

	(void)state;
	(void)add_binding();
	build(good, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_REDIRECT);
	build(thief, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_spoofed_tunnel), 1);
	build(nobody, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_unknown_tunnel), 1);
}

/* L-43: what is for all of the subnet is the daemon's, on a real home link too, where the kernel would take it for itself. */
static void broadcasts_are_the_daemons(void **state)
{
	const struct ip4 all[] = { header("10.0.1.1", "10.0.0.1", 4), header("10.42.0.10", "10.42.0.255", 17) };
	struct dp_binding_def b = add_binding();

	(void)state;
	b.broadcast = ip("10.42.0.255").s_addr;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(anchor->maps.bindings), &b.home, &b, BPF_ANY), 0);
	build(all, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_OK);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_left_to_daemon), 1);
}

static uint32_t seen(void)
{
	const uint32_t home = ip("10.42.0.10").s_addr;
	struct dp_binding_def b;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(anchor->maps.bindings), &home, &b), 0);
	return b.seen;
}

/* ADR 11 */
static void anchor_hears_the_former_agent_out(void **state)
{
	const struct ip4 good[] = { header("10.0.1.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };
	const struct ip4 late[] = { header("10.0.3.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };
	const struct ip4 other[] = { header("10.0.3.1", "10.0.0.2", 4), header("10.42.0.10", "10.9.0.2", 17) };
	const struct ip4 thief[] = { header("10.0.2.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };

	(void)state;
	add_former(60000);
	build(late, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_REDIRECT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_former_accepted), 1);
	assert_int_equal(seen(), 0); /* the first packet to tell of is the new agent's */
	build(good, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_REDIRECT);
	assert_int_equal(seen(), DP_SEEN_UP);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_former_accepted), 1);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_up_forwarded), 2);
	build(thief, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	build(other, 2, 8); /* not the way it was */
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_spoofed_tunnel), 2);
	add_former(-1);
	build(late, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_spoofed_tunnel), 3);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_former_accepted), 1);
}

static void add_half_bound(void)
{
	struct dp_binding_def b = add_binding();

	b.tunnel.encap = ENCAP_UDP;
	b.tunnel.local_port = htons(434);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(anchor->maps.bindings), &b.home, &b, BPF_ANY), 0);
}

/* RFC 3519, R flag: nothing goes where no port is known, and by a port that is not known come only keepalives. */
static void half_bound_stations_wait(void **state)
{
	const struct ip4 down = header("10.9.0.2", "10.42.0.10", 17);
	const struct ip4 ping[] = { header("10.0.1.1", "10.0.0.1", 17), header("10.42.0.10", "10.0.0.1", 1) };
	const struct ip4 data[] = { header("10.0.1.1", "10.0.0.1", 17), header("10.42.0.10", "10.9.0.2", 17) };

	(void)state;
	add_half_bound();
	build(&down, 1, 8);
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_no_port), 1);
	build_in_udp(ping, 40000);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_OK);
	build_in_udp(data, 40000);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_spoofed_tunnel), 1);
}

static void add_gre(uint32_t in_key, uint32_t out_key)
{
	struct dp_binding_def b = add_binding();

	b.tunnel.encap = ENCAP_GRE;
	b.tunnel.in_key = htonl(in_key);
	b.tunnel.out_key = htonl(out_key);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(anchor->maps.bindings), &b.home, &b, BPF_ANY), 0);
}

static const struct ip4 *gre_up(const char *to)
{
	static struct ip4 h[2];

	h[0] = header("10.0.1.1", "10.0.0.1", 47);
	h[1] = header("10.42.0.10", to, 17);
	return h;
}

/* RFC 6040 4.2: the tunnel met congestion, and what is in it cannot be told. Lost once, counted once. */
static void congestion_is_one_loss(void **state)
{
	struct ip4 h[] = { header("10.0.1.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };

	(void)state;
	h[0].tos = 3;
	(void)add_binding();
	build(h, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_congestion_dropped), 1);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_decap_failed), 0);
}

/* RFC 2784, RFC 2890, RFC 6245: by the key that was agreed, and only by it. */
static void gre_is_taken_apart(void **state)
{
	(void)state;
	add_gre(0x0a0b0c0d, 5);
	build_in_gre(gre_up("10.9.0.2"), "200008000a0b0c0d");
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_REDIRECT);
	assert_int_equal(result_n, 14 + 20 + 8);
	assert_memory_equal(result + 14, frame + 14 + 28, 28);
	build_in_gre(gre_up("10.9.0.2"), "200008000a0b0c0e");
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	build_in_gre(gre_up("10.9.0.2"), "00000800");
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_spoofed_tunnel), 2);
	build_in_gre(gre_up("10.9.0.2"), "800008000000 0000"); /* with a checksum: the daemon's */
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_OK);
	build_in_gre(gre_up("10.9.0.2"), "00006558"); /* not IPv4: somebody else's */
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_OK);
	build_in_gre(gre_up("10.0.1.1"), "200008000a0b0c0d"); /* RFC 2784 4: it would come back for ever */
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_decap_failed), 1);
	add_gre(0, 0);
	build_in_gre(gre_up("10.9.0.2"), "00000800");
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_REDIRECT);
	assert_int_equal(result_n, 14 + 20 + 8);
}

/* There is no route here: what it became is looked at where it ended. */
static void gre_is_put_around(void **state)
{
	const struct ip4 down = header("10.9.0.2", "10.42.0.10", 17);

	(void)state;
	add_gre(7, 0x0a0b0c0d);
	build(&down, 1, 8);
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_no_route), 1);
	assert_int_equal(result_n, 14 + 28 + 28);
	assert_int_equal(result[14 + 9], 47);
	assert_int_equal(ip4_checksum(result + 14, 20), 0);
	assert_octets(result + 14 + 20, 8, "200008000a0b0c0d");
	assert_int_equal(result[14 + 28 + 8], 63);
	assert_memory_equal(result + 14 + 28 + 12, frame + 14 + 12, 16);
	add_gre(0, 0);
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_SHOT);
	assert_int_equal(result_n, 14 + 24 + 28);
	assert_octets(result + 14 + 20, 4, "00000800");
}

/* This machine may have GRE tunnels of its own; IP in IP of nobody's is a forgery. */
static void gre_of_others_is_left_alone(void **state)
{
	(void)state;
	build_in_gre(gre_up("10.9.0.2"), "00000800");
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_OK);
}

/* RFC 2004 is the daemon's, both ways; what cannot be sent so comes as IP in IP. */
static void minimal_encapsulation_is_the_daemons(void **state)
{
	const struct ip4 up = header("10.0.1.1", "10.0.0.1", 55), down = header("10.9.0.2", "10.42.0.10", 17);
	const struct ip4 plain[] = { header("10.0.1.1", "10.0.0.1", 4), header("10.42.0.10", "10.9.0.2", 17) };
	struct dp_binding_def b = add_binding();

	(void)state;
	b.tunnel.encap = ENCAP_MINIMAL;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(anchor->maps.bindings), &b.home, &b, BPF_ANY), 0);
	build(&up, 1, 20);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_OK);
	build(&down, 1, 8);
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_OK);
	assert_memory_equal(result, frame, 14 + 28); /* its TTL too: the stack lowers it */
	build(plain, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_up), TC_ACT_REDIRECT);
}

/* A correspondent that plays the anchor may not wrap broadcasts for a station. */
static void forged_wrapping_goes_nowhere(void **state)
{
	const struct ip4 forged[] = { header("10.0.0.1", "10.42.0.10", 4), header("10.42.0.1", "255.255.255.255", 17) };
	const struct ip4 away = header("10.9.0.2", "10.42.0.99", 17), dying = header("10.9.0.2", "10.42.0.10", 17);

	(void)state;
	(void)add_binding();
	build(forged, 2, 8);
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_SHOT);
	assert_int_equal(stat(anchor->maps.stats, DP_STAT_spoofed_source), 1);
	build(&away, 1, 8);
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_OK); /* the stack's */
	build(&dying, 1, 8);
	frame[14 + 8] = 1; /* TTL: the stack says so to its sender */
	assert_int_equal(run(anchor->progs.anchor_fast), TC_ACT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void goes_home(bool yes)
{
	uint64_t before = stat(mpa->maps.stats, DP_STAT_up_forwarded);
	int verdict = run(mpa->progs.fa_up);

	assert_int_equal(stat(mpa->maps.stats, DP_STAT_up_forwarded) - before, yes);
	if (!yes)
		assert_int_equal(verdict, TC_ACT_OK); /* as any host's */
}

/* L-02, RFC 5944 4.2.2: only what a visitor sends from its home address, but not what is for the agent. */
static void visitors_among_hosts(void **state)
{
	const struct ip4 own = header("10.42.0.10", "10.9.0.2", 17), other = header("10.42.0.11", "10.9.0.2", 17);
	const struct ip4 agent = header("10.42.0.10", "10.42.0.1", 1), group = header("10.42.0.10", "224.0.0.251", 17);

	(void)state;
	build(&own, 1, 8);
	goes_home(false); /* not a visitor yet */
	add_visitor_by(DELIVERY_DIRECT);
	goes_home(true);
	frame[6 + 5] = 9; /* of another MAC */
	goes_home(false);
	build(&own, 1, 8);
	frame[14 + 20 + 2] = 0x01; /* to UDP port 434 */
	frame[14 + 20 + 3] = 0xb2;
	goes_home(false);
	build(&own, 1, 8);
	frame[13] = 0x06; /* ARP */
	goes_home(false);
	build(&other, 1, 8);
	goes_home(false);
	build(&agent, 1, 8);
	goes_home(false);
	build(&group, 1, 8);
	goes_home(false);
	add_visitor_by(DELIVERY_NONE);
	build(&own, 1, 8);
	goes_home(false);
}

/* RFC 2003 3.1: the agent is a router on the way, and says so when the way ends here. A later piece of a datagram is not for
 * port 434, whatever stands where the port would. */
static void visitors_have_a_router(void **state)
{
	struct ip4 h = header("10.42.0.10", "10.9.0.2", 17);
	const struct ip4 wrapped[] = { header("10.42.0.10", "10.42.0.1", 4), h };
	struct ip4 inner;

	(void)state;
	add_visitor_by(DELIVERY_DIRECT);
	build(&h, 1, 8);
	goes_home(true);
	assert_int_equal(ip4_parse(result + 34, result_n - 34, &inner), 0); /* its checksum is right */
	assert_int_equal(inner.ttl, h.ttl - 1);
	h.fragment = 3;
	build(&h, 1, 8);
	frame[14 + 20 + 2] = 0x01;
	frame[14 + 20 + 3] = 0xb2;
	goes_home(true);
	h.fragment = 0;
	h.ttl = 1;
	build(&h, 1, 8);
	goes_home(false);
	add_visitor_by(DELIVERY_ENCAPSULATING);
	build(wrapped, 2, 8);
	goes_home(true);
	assert_int_equal(ip4_parse(result + 34, result_n - 34, &inner), 0);
	assert_int_equal(inner.ttl, wrapped[1].ttl - 1);
}

/* RFC 3024 4.2, 5.2: only what comes in a tunnel of the visitor's own, to the agent. */
static void encapsulating_delivery(void **state)
{
	const struct ip4 plain = header("10.42.0.10", "10.9.0.2", 17);
	const struct ip4 good[] = { header("10.42.0.10", "10.42.0.1", 4), plain };
	const struct ip4 elsewhere[] = { header("10.42.0.10", "10.0.1.1", 4), plain };
	const struct ip4 another[] = { header("10.42.0.10", "10.42.0.1", 4), header("10.42.0.11", "10.9.0.2", 17) };

	(void)state;
	add_visitor_by(DELIVERY_ENCAPSULATING);
	build(&plain, 1, 8);
	goes_home(false);
	build(good, 2, 8);
	goes_home(true);
	frame[14 + 6] = 0x20; /* a fragment */
	goes_home(false);
	build(elsewhere, 2, 8);
	goes_home(false);
	build(another, 2, 8);
	goes_home(false);
	build(good, 1, 8); /* cut off before the inner header's end */
	goes_home(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ports_are_closed),
		TEST(authenticators_are_heard),
		TEST(tunnels_are_checked),
		TEST(anchor_checks_who_speaks),
		TEST(broadcasts_are_the_daemons),
		TEST(anchor_hears_the_former_agent_out),
		TEST(half_bound_stations_wait),
		TEST(congestion_is_one_loss),
		TEST(gre_is_taken_apart),
		TEST(gre_is_put_around),
		TEST(gre_of_others_is_left_alone),
		TEST(minimal_encapsulation_is_the_daemons),
		TEST(forged_wrapping_goes_nowhere),
		TEST(visitors_among_hosts),
		TEST(visitors_have_a_router),
		TEST(encapsulating_delivery),
	};

	if (geteuid() != 0) {
		printf("skipped: kernel programs are loaded by root only\n");
		return 77;
	}
	/* Routes of this machine must not decide. */
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no network namespace can be made here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
