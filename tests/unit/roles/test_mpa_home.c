/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link looks like home: ARP, echo, DHCP as server and as relay, broadcasts, what does not fit. */
#include "codec/arp.h"
#include "codec/dhcp4.h"
#include "codec/icmp4.h"
#include "mpa_rig.h"

enum { FRAME_MAX = 1518 };

static uint8_t frame[FRAME_MAX];

static void feed(struct wr *w)
{
	assert_int_equal(w->err, 0);
	actions_clear(&rig.out);
	mpa_on_frame(rig.mpa, rig.now, PORT, (struct span){ w->start, wr_len(w) }, &rig.out);
}

static void ask_arp(const char *sender, const char *target)
{
	struct wr w = wr_init(frame, sizeof(frame));
	struct arp a = { .op = ARP_REQUEST, .sender = ip(sender), .target = ip(target) };

	memcpy(a.sender_mac, alice_mac, sizeof(alice_mac));
	ether_build(&w, ether_broadcast, alice_mac, ETHER_ARP);
	arp_build(&w, &a);
	feed(&w);
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
	feed(&w);
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

struct ask {
	uint8_t type;
	const char *client, *requested, *server, *host_name, *fqdn;
	uint16_t flags;
	bool no_mac_match;
};

static void ask_dhcp(const struct ask *a)
{
	static const uint8_t stranger[] = { 2, 0, 0, 0, 0, 0x77 };
	const uint8_t *mac = a->no_mac_match ? stranger : alice_mac;
	uint8_t message[600];
	struct wr d = wr_init(message, sizeof(message)), w = wr_init(frame, sizeof(frame));
	struct dhcp4 m = { .op = DHCP4_BOOTREQUEST, .hlen = 6, .xid = 0x11223344, .flags = a->flags };
	const struct ip4 h = { .ttl = 64, .destination = { INADDR_BROADCAST } };
	struct udp4 u = { .source = DHCP4_CLIENT_PORT, .destination = DHCP4_SERVER_PORT };

	memcpy(m.chaddr, mac, 6);
	if (a->client)
		m.client = ip(a->client);
	dhcp4_begin(&d, &m);
	dhcp4_option_u8(&d, DHCP4_OPT_TYPE, a->type);
	if (a->requested)
		dhcp4_option_ip4(&d, DHCP4_OPT_REQUESTED, ip(a->requested));
	if (a->server)
		dhcp4_option_ip4(&d, DHCP4_OPT_SERVER_ID, ip(a->server));
	if (a->host_name)
		dhcp4_option(&d, DHCP4_OPT_HOST_NAME, text(a->host_name));
	if (a->fqdn) {
		uint8_t option[64] = { DHCP4_FQDN_S, 0, 0 };

		memcpy(option + 3, a->fqdn, strlen(a->fqdn));
		dhcp4_option(&d, DHCP4_OPT_FQDN, (struct span){ option, 3 + strlen(a->fqdn) });
	}
	dhcp4_end(&d);
	u.payload = (struct span){ message, wr_len(&d) };
	ether_build(&w, ether_broadcast, mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	feed(&w);
}

struct answer {
	struct ether e;
	struct ip4 ip;
	struct udp4 udp;
	struct dhcp4 m;
};

/* The DHCP message sent to the station; false when there is none. */
static bool answered(struct answer *ret)
{
	const struct action *a = rig_find(ACTION_SEND_FRAME);

	if (!a)
		return false;
	assert_int_equal(ether_parse(a->octets.p, a->octets.n, &ret->e), 0);
	assert_int_equal(ip4_parse(ret->e.payload.p, ret->e.payload.n, &ret->ip), 0);
	assert_int_equal(udp4_parse(&ret->ip, &ret->udp), 0);
	assert_int_equal(ret->udp.destination, DHCP4_CLIENT_PORT);
	assert_int_equal(dhcp4_parse(ret->udp.payload.p, ret->udp.payload.n, &ret->m), 0);
	return true;
}

/* L-28, L-51, L-57: held until the home address is there, then offered. */
static void discover_is_held_then_offered(void **state)
{
	struct answer a;

	(void)state;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_null(rig_find(ACTION_SEND_FRAME));
	assert_int_equal(rig_counter("dhcp_held"), 1);
	rig_answer(&(struct rig_reply){ 0 });
	assert_true(answered(&a));
	assert_int_equal(a.m.type, DHCP4_OFFER);
	assert_int_equal(a.m.xid, 0x11223344);
	assert_int_equal(a.m.your.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(a.m.server_id.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(a.m.lease_s, 3600);
	assert_int_equal(a.ip.destination.s_addr, ip("10.42.0.20").s_addr);
	assert_memory_equal(a.e.destination, alice_mac, sizeof(alice_mac));
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .flags = DHCP4_BROADCAST });
	assert_true(answered(&a));
	assert_int_equal(a.ip.destination.s_addr, INADDR_BROADCAST);
}

/* RFC 2131 4.3.2: every state a client can be in. */
static void requests_in_every_state(void **state)
{
	static const struct {
		struct ask ask;
		uint8_t type; /* of the answer; 0: none */
	} rows[] = {
		{ { .requested = "10.42.0.20", .server = "10.42.0.1" }, DHCP4_ACK }, /* selecting us */
		{ { .requested = "10.42.0.20", .server = "192.0.2.1" }, 0 },         /* somebody else */
		{ { .requested = "10.42.0.20" }, DHCP4_ACK },                        /* init-reboot */
		{ { .requested = "10.42.0.99" }, DHCP4_NAK },
		{ { .requested = "192.168.1.5" }, DHCP4_NAK },
		{ { .client = "10.42.0.20" }, DHCP4_ACK }, /* renewing, rebinding */
		{ { .client = "10.42.0.99" }, DHCP4_NAK },
	};

	(void)state;
	rig_serve();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ask ask = rows[i].ask;
		struct answer a;

		ask.type = DHCP4_REQUEST;
		ask_dhcp(&ask);
		assert_int_equal(answered(&a), rows[i].type != 0);
		if (rows[i].type)
			assert_int_equal(a.m.type, rows[i].type);
		if (rows[i].type == DHCP4_NAK)
			assert_int_equal(a.ip.destination.s_addr, INADDR_BROADCAST);
	}
	ask_dhcp(&(struct ask){ .type = DHCP4_INFORM, .client = "10.42.0.20" });
	struct answer a;
	assert_true(answered(&a));
	assert_int_equal(a.m.your.s_addr, INADDR_ANY);
	assert_int_equal(a.m.lease_s, 0);
}

/* names are looked up, unknown ones are nobody. */
static void stations_are_known_by_name(void **state)
{
	(void)state;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .no_mac_match = true, .fqdn = "Carol.Example.COM" });
	assert_memory_equal(rig_request().x.nai.p, "carol@example.com", rig_request().x.nai.n);
	rig_restart();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .no_mac_match = true, .host_name = "NODE" });
	assert_memory_equal(rig_request().x.nai.p, "node@elsewhere.org", rig_request().x.nai.n);
	rig_restart();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER,
				.no_mac_match = true,
				.fqdn = "mallory.example.com",
				.host_name = "node" }); /* 81 counts, 12 does not */
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("unknown_stations"), 1);
	rig.accesses[0].trusted = false;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("not_trusted"), 1);
}

/* G-11 */
static void release_and_lost_leases_deregister(void **state)
{
	(void)state;
	rig_serve();
	ask_dhcp(&(struct ask){ .type = DHCP4_RELEASE, .client = "10.42.0.20" });
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_int_equal(rig_request().request.lifetime_s, 0);
	rig.networks[0].lease_s = 100;
	rig_restart();
	rig_serve();
	ask_dhcp(&(struct ask){ .type = DHCP4_REQUEST, .client = "10.42.0.20" });
	rig_pass_ms(226000); /* when the binding would be refreshed */
	assert_int_equal(rig_request().request.lifetime_s, 0);
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
}

/* L-36, L-37 */
static void relay_names_the_home_subnet(void **state)
{
	const struct action *a;
	struct dhcp4 m, reply = { .op = DHCP4_BOOTREPLY, .hlen = 6, .xid = 0x11223344, .your = ip("10.42.0.33") };
	uint8_t message[600];
	struct wr w = wr_init(message, sizeof(message));
	struct datagram d = { .local = ip("10.0.1.1"),
			      .local_port = DHCP4_SERVER_PORT,
			      .remote = ip("10.9.0.2"),
			      .remote_port = DHCP4_SERVER_PORT };
	struct answer answer;

	(void)state;
	rig.conf.dhcp = MPA_DHCP_RELAY;
	rig.conf.dhcp_server = ip("10.9.0.2");
	rig.conf.dhcp_subnet = (struct prefix){ ip("10.42.0.0"), 24 };
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	a = rig_find(ACTION_SEND_DATAGRAM);
	assert_int_equal(a->udp.remote.s_addr, ip("10.9.0.2").s_addr);
	assert_int_equal(a->udp.remote_port, DHCP4_SERVER_PORT);
	assert_int_equal(dhcp4_parse(a->octets.p, a->octets.n, &m), 0);
	assert_int_equal(m.subnet.s_addr, ip("10.42.0.0").s_addr);
	assert_int_equal(m.relay.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(m.hops, 1);
	assert_octets(m.relay_info.p, m.relay_info.n, "0104 00000003 0206 020000000001");
	dhcp4_begin(&w, &reply);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, DHCP4_ACK);
	dhcp4_option_u32(&w, DHCP4_OPT_LEASE, 600);
	dhcp4_option(&w, DHCP4_OPT_RELAY, m.relay_info);
	dhcp4_end(&w);
	d.payload = (struct span){ message, wr_len(&w) };
	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
	assert_true(answered(&answer));
	assert_int_equal(answer.m.relay_info.n, 0); /* between agents only (RFC 3046 2.2) */
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.33").s_addr);
	d.remote = ip("10.9.0.3"); /* not our server */
	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
	assert_int_equal(rig.out.n, 0);
}

/* L-38 */
static void dhcp_through_the_tunnel(void **state)
{
	const struct action *a;
	struct ip4 h;
	struct udp4 u;

	(void)state;
	rig.conf.dhcp = MPA_DHCP_ANCHOR;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_null(rig_find(ACTION_SEND_TUNNELLED));
	rig_answer(&(struct rig_reply){ 0 });
	a = rig_find(ACTION_SEND_TUNNELLED);
	assert_int_equal(a->tunnel.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(ip4_parse(a->octets.p, a->octets.n, &h), 0);
	assert_int_equal(h.source.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(h.destination.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(udp4_parse(&h, &u), 0);
	assert_int_equal(u.destination, DHCP4_SERVER_PORT);
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
		TEST(discover_is_held_then_offered),
		TEST(requests_in_every_state),
		TEST(stations_are_known_by_name),
		TEST(release_and_lost_leases_deregister),
		TEST(relay_names_the_home_subnet),
		TEST(dhcp_through_the_tunnel),
		TEST(copies_are_unwrapped_onto_the_port),
		TEST(what_does_not_fit),
		TEST(carrier_holds_and_attaches),
		TEST(moves_between_own_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
