/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link looks like home: ARP, echo, broadcasts, what does not fit. */
#include "codec/arp.h"
#include "codec/icmp4.h"
#include "mpa_rig.h"

enum { FRAME_MAX = 1518 };

static uint8_t frame[FRAME_MAX];

static void ask_arp(const char *sender, const char *target)
{
	struct wr w = wr_init(frame, sizeof(frame));
	struct arp a = { .op = ARP_REQUEST, .sender = ip(sender), .target = ip(target) };

	memcpy(a.sender_mac, alice_mac, sizeof(alice_mac));
	ether_build(&w, ether_broadcast, alice_mac, ETHER_ARP);
	arp_build(&w, &a);
	rig_feed(&w);
}

/* L-25, L-29, L-31, L-32, X-16 */
static void arp_for_the_whole_subnet(void **state)
{
	static const char *const answered[] = { "10.42.0.1", "10.42.0.77", "10.42.0.254" };

	(void)state;
	rig_serve();
	for (size_t i = 0; i < ARRAY_SIZE(answered); i++) {
		struct ether e;
		struct arp a;

		ask_arp("10.42.0.20", answered[i]);
		assert_int_equal(rig_find(ACTION_SEND_FRAME)->ifindex, PORT);
		assert_int_equal(
			ether_parse(rig_find(ACTION_SEND_FRAME)->octets.p, rig_find(ACTION_SEND_FRAME)->octets.n, &e),
			0);
		assert_memory_equal(e.destination, alice_mac, sizeof(alice_mac));
		assert_int_equal(arp_parse(e.payload.p, e.payload.n, &a), 0);
		assert_int_equal(a.op, ARP_REPLY);
		assert_int_equal(a.sender.s_addr, ip(answered[i]).s_addr);
		assert_memory_equal(a.sender_mac, gateway_mac, sizeof(gateway_mac));
	}
}

/* G-10, RFC 5227, RFC 3927 */
static void arp_is_silent_where_it_must(void **state)
{
	static const char *const ignored[][2] = {
		{ "10.42.0.20", "10.42.0.20" },                                 /* announces itself */
		{ "0.0.0.0", "10.42.0.20" },                                    /* probes its own address */
		{ "10.42.0.20", "169.254.1.2" }, { "10.42.0.20", "10.99.0.1" }, /* another subnet */
		{ "10.42.0.77", "10.42.0.77" },                                 /* announces another address */
	};

	(void)state;
	rig_serve();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		ask_arp(ignored[i][0], ignored[i][1]);
		assert_null(rig_find(ACTION_SEND_FRAME));
	}
	assert_int_equal(rig_counter("arp_ignored"), ARRAY_SIZE(ignored));
}

/* L-35, L-55: an ARP request is what a station sends first; it waits for the registration. */
static void early_arp_attaches_and_is_answered_later(void **state)
{
	(void)state;
	ask_arp("10.42.0.20", "10.42.0.1");
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.20").s_addr);
	assert_null(rig_find(ACTION_SEND_FRAME));
	rig_answer(&(struct rig_reply){ 0 });
	assert_true(rig_place(ACTION_VISITOR_SET, 0) < rig_place(ACTION_SEND_FRAME, 0));
}

static void ping(const char *from, const char *to, uint8_t type)
{
	struct wr w = wr_init(frame, sizeof(frame));
	const struct ip4 h = { .ttl = 1, .source = ip(from), .destination = ip(to) };
	const struct icmp4 m = { .type = type, .rest = 0x00010002, .payload = text("abc") };

	ether_build(&w, gateway_mac, alice_mac, ETHER_IP4);
	icmp4_build(&w, &h, &m);
	rig_feed(&w);
}

/* L-33 */
static void gateway_answers_pings(void **state)
{
	const struct action *a;
	struct ip4 h;
	struct icmp4 m;

	(void)state;
	ping("10.42.0.20", "10.42.0.1", ICMP4_ECHO);
	assert_null(rig_find(ACTION_SEND_FRAME)); /* not to strangers */
	rig_serve();
	ping("10.42.0.20", "10.42.0.1", ICMP4_ECHO);
	a = rig_find(ACTION_SEND_FRAME);
	assert_int_equal(ip4_parse(a->octets.p + ETHER_HEADER_OCTETS, a->octets.n - ETHER_HEADER_OCTETS, &h), 0);
	assert_int_equal(h.source.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(h.ttl, 64);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.type, ICMP4_ECHO_REPLY);
	assert_int_equal(m.rest, 0x00010002);
	ping("10.42.0.20", "10.42.0.2", ICMP4_ECHO); /* others are behind the tunnel */
	assert_null(rig_find(ACTION_SEND_FRAME));
	ping("10.42.0.99", "10.42.0.1", ICMP4_ECHO); /* somebody else's address */
	assert_null(rig_find(ACTION_SEND_FRAME));
}

static size_t wrapped(uint8_t *ret, size_t room, const char *group)
{
	uint8_t inner[64];
	struct wr i = wr_init(inner, sizeof(inner)), w = wr_init(ret, room);
	const struct ip4 h = { .ttl = 1, .source = ip("10.42.0.21"), .destination = ip(group) };
	const struct udp4 u = { .source = 5353, .destination = 5353, .payload = text("hi") };
	const struct ip4 wrap = {
		.ttl = 64, .protocol = IPPROTO_IPIP, .source = ip("10.0.0.1"), .destination = ip("10.42.0.20")
	};

	udp4_build(&i, &h, &u);
	ip4_build(&w, &wrap, wr_len(&i));
	wr_bytes(&w, inner, wr_len(&i));
	return wr_len(&w);
}

/* L-44 */
static void copies_are_unwrapped_onto_the_port(void **state)
{
	uint8_t p[128];
	struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.1.1"), .remote = ip("10.0.0.1") } };

	(void)state;
	rig_serve();
	actions_clear(&rig.out);
	t.inner = (struct span){ p, wrapped(p, sizeof(p), "224.0.0.251") };
	mpa_on_tunnelled(rig.mpa, rig.now, &t, &rig.out);
	assert_octets(rig_find(ACTION_SEND_FRAME)->octets.p, 14, "01005e0000fb 00005e000133 0800");
	actions_clear(&rig.out);
	t.inner = (struct span){ p, wrapped(p, sizeof(p), "255.255.255.255") };
	mpa_on_tunnelled(rig.mpa, rig.now, &t, &rig.out);
	assert_octets(rig_find(ACTION_SEND_FRAME)->octets.p, 14, "ffffffffffff 00005e000133 0800");
	actions_clear(&rig.out);
	t.tunnel.remote = ip("10.0.0.9"); /* not its home agent */
	mpa_on_tunnelled(rig.mpa, rig.now, &t, &rig.out);
	assert_int_equal(rig.out.n, 0);
}

/* G-13 */
static void what_does_not_fit(void **state)
{
	uint8_t p[1500] = { 0 };
	struct wr w = wr_init(p, sizeof(p));
	struct ip4 h = { .ttl = 64,
			 .protocol = IPPROTO_UDP,
			 .fragment = IP4_DF,
			 .source = ip("10.42.0.20"),
			 .destination = ip("10.9.0.2") };
	const struct action *a;
	struct icmp4 m;

	(void)state;
	rig_serve();
	ip4_build(&w, &h, sizeof(p) - IP4_HEADER_OCTETS);
	actions_clear(&rig.out);
	mpa_on_too_big(rig.mpa, rig.now, 0, (struct span){ p, 600 }, 1500, &rig.out); /* cut: a super-packet */
	a = rig_find(ACTION_SEND_FRAME);
	assert_int_equal(ip4_parse(a->octets.p + ETHER_HEADER_OCTETS, a->octets.n - ETHER_HEADER_OCTETS, &h), 0);
	assert_int_equal(h.source.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.code, ICMP4_FRAGMENTATION_NEEDED);
	assert_int_equal(m.rest, 1480);
	w = wr_init(p, sizeof(p));
	h = (struct ip4){
		.ttl = 64, .protocol = IPPROTO_UDP, .source = ip("10.42.0.20"), .destination = ip("10.9.0.2")
	};
	ip4_build(&w, &h, sizeof(p) - IP4_HEADER_OCTETS);
	actions_clear(&rig.out);
	mpa_on_too_big(rig.mpa, rig.now, 0, (struct span){ p, sizeof(p) }, 1500, &rig.out);
	assert_int_equal(rig_find(ACTION_SEND_TUNNELLED)->octets.n, sizeof(p));
	actions_clear(&rig.out);
	mpa_on_too_big(rig.mpa, rig.now, 0, (struct span){ p, 600 }, 1500, &rig.out); /* no half packets */
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("packets_dropped"), 1);
}

/* L-03, G-11: what the port itself tells. */
static void carrier_holds_and_attaches(void **state)
{
	(void)state;
	rig_serve();
	actions_clear(&rig.out);
	mpa_on_carrier(rig.mpa, rig.now, OTHER_PORT, false, &rig.out);
	assert_string_equal(rig_state(), "served");
	mpa_on_carrier(rig.mpa, rig.now, PORT, false, &rig.out);
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_string_equal(rig_state(), "holding");
	rig.accesses[0].carrier_nai = (char *)"alice@example.com";
	memcpy(rig.accesses[0].carrier_mac, alice_mac, sizeof(alice_mac));
	mpa_on_carrier(rig.mpa, rig.now, PORT, true, &rig.out);
	assert_string_equal(rig_state(), "served");
	assert_non_null(rig_find(ACTION_VISITOR_SET));
}

/* A move between two ports of one agent is nobody else's business. */
static void moves_between_own_ports(void **state)
{
	struct mpa_attach a = { .ifindex = OTHER_PORT, .trigger = MPA_TRIGGER_PACKET };

	(void)state;
	rig_serve();
	actions_clear(&rig.out);
	memcpy(a.mac, alice_mac, sizeof(alice_mac));
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), 0);
	assert_int_equal(rig_find(ACTION_VISITOR_DEL)->visitor.ifindex, PORT);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.ifindex, OTHER_PORT);
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	assert_int_equal(rig_counter("moved_here"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arp_for_the_whole_subnet),
		TEST(arp_is_silent_where_it_must),
		TEST(early_arp_attaches_and_is_answered_later),
		TEST(gateway_answers_pings),
		TEST(copies_are_unwrapped_onto_the_port),
		TEST(what_does_not_fit),
		TEST(carrier_holds_and_attaches),
		TEST(moves_between_own_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
