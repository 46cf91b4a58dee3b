/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The foreign agent between a mobile node and its home agent, both played here (L-02). */
#include "base/util.h"
#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "tests/unit/roles/fa_rig.h"

/* RFC 5944 2.1, octets by hand: 224.0.0.1, TTL 1, routes common traffic, lifetime 30 s, one router, F T X, prefix 24. */
static void advertisement(void **state)
{
	const struct action *a;

	(void)state;
	fa_on_time(fa, now, &out);
	a = find(ACTION_SEND_FRAME);
	assert_octets(a->octets.p, 14, "01005e000001 0200000000fa 0800");
	assert_octets(a->octets.p + 22, 2, "01 01"); /* TTL, ICMP */
	assert_octets(a->octets.p + 26, 8, "c0000201 e0000001");
	assert_octets(a->octets.p + 34, 2, "09 00");
	assert_octets(a->octets.p + 38, 12, "01 02 001e c0000201 00000000");
	assert_octets(a->octets.p + 50, 12, "10 0a 0000 0708 1140 0a000107");
	assert_octets(a->octets.p + 62, 3, "13 01 18");
	pass_s(10);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 52, 2, "0001");
}

/* RFC 1256 4.3, 6: the first ones soon after each other; then at random, so that agents of a link do not fall into step. */
static void intervals(void **state)
{
	(void)state;
	conf.advertise_s = 600;
	restart();
	assert_int_equal(fa_due(fa), 0);
	for (unsigned i = 0; i < 3; i++) {
		pass_s(i == 0 ? 0 : 16);
		assert_non_null(find(ACTION_SEND_FRAME));
		assert_int_equal(fa_due(fa) - now.us, (i < 2 ? 16 : 600) * US_PER_S);
	}
	chance = 0xff;
	pass_s(600);
	assert_int_equal(fa_due(fa) - now.us, 600 * US_PER_S - UINT32_MAX % (150 * US_PER_S));
	assert_int_equal(counter("advertisements"), 4);
	conf.advertise_s = 4; /* which is shorter anyway */
	chance = 0;
	restart();
	pass_s(0);
	assert_int_equal(fa_due(fa) - now.us, 4 * US_PER_S);
}

/* RFC 5944 2.3.2: 0..255 are a restart's, so after 65535 comes 256. */
static void numbers_wrap(void **state)
{
	(void)state;
	conf.advertise_s = 4;
	restart();
	for (unsigned i = 0; i <= UINT16_MAX; i++)
		pass_s(4);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 52, 2, "ffff");
	pass_s(4);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 52, 2, "0100");
}

static void solicit_from(const char *source)
{
	uint8_t icmp[16], frame[64];
	struct wr i = wr_init(icmp, sizeof(icmp)), f = wr_init(frame, sizeof(frame));

	agent_solicitation_build(&i);
	ether_build(&f, fa_mac, mn_mac, ETHER_IP4);
	ip4_build(&f,
		  &(struct ip4){
			  .ttl = 1, .protocol = IPPROTO_ICMP, .source = ip(source), .destination = ip("224.0.0.11") },
		  wr_len(&i));
	wr_bytes(&f, icmp, wr_len(&i));
	actions_clear(&out);
	fa_on_frame(fa, now, LINK, (struct span){ frame, wr_len(&f) }, &out);
}

static void solicit(void)
{
	solicit_from("10.42.0.20");
}

static void solicitations(void **state)
{
	(void)state;
	pass_s(0);
	solicit();
	assert_octets(find(ACTION_SEND_FRAME)->octets.p, 6, "020000000001");
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 30, 4, "0a2a0014");
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 52, 2, "0000"); /* no number of its own */
	solicit();
	solicit();
	assert_null(find(ACTION_SEND_FRAME));
	assert_int_equal(counter("solicitations_ignored"), 1);
	pass_s(1);
	solicit_from("0.0.0.0");
	assert_octets(find(ACTION_SEND_FRAME)->octets.p, 6, "020000000001");
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 30, 4, "e0000001");
	assert_int_equal(counter("solicitations"), 4);
}

/* RFC 5944 3.7.2.2: the mobile node's part as it is, what was for us gone, ours behind it. */
static void relayed(void **state)
{
	const struct action *a;
	struct mip_exts x;
	struct told t;

	(void)state;
	ask(&(struct asked){ .nai = "keyed@example.com", .delivery = true, .keyed = true });
	a = find(ACTION_SEND_DATAGRAM);
	assert_int_equal(a->udp.local.s_addr, conf.care_of.s_addr);
	assert_int_equal(a->udp.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	assert_true(sa_verify(&mn_ha, a->octets.p, &x.mn_ha));
	assert_true(sa_verify(&associations[0].sa, a->octets.p, &x.fa_ha));
	assert_false(x.mn_fa.present);
	assert_int_equal(x.delivery_style_at, 0);
	assert_true(x.mn_ha.at < x.revocation_at && x.revocation_at < x.fa_ha.at);
	assert_int_equal(x.revocation_timestamp, 0xd0000001);
	/* and its reply, without what was for us, with ours */
	answer(&(struct answered){ .nai = "keyed@example.com" });
	t = told();
	assert_true(sa_verify(&mn_ha, t.msg.p, &t.x.mn_ha));
	assert_true(sa_verify(&associations[1].sa, t.msg.p, &t.x.mn_fa));
	assert_false(t.x.fa_ha.present);
	assert_int_equal(t.x.revocation_at, 0);
}

static void a_visit(void **state)
{
	const struct dp_visitor *v;

	(void)state;
	visit();
	v = &find(ACTION_VISITOR_SET)->visitor;
	assert_int_equal(v->ifindex, LINK);
	assert_memory_equal(v->mac, mn_mac, 6);
	assert_memory_equal(v->gateway_mac, fa_mac, 6);
	assert_int_equal(v->home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(v->tunnel.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(v->tunnel.encap, ENCAP_IPIP);
	assert_int_equal(told().m.lifetime_s, 300);
	pass_s(299);
	assert_null(find(ACTION_VISITOR_DEL));
	pass_s(1);
	assert_non_null(find(ACTION_VISITOR_DEL)); /* the home agent's lifetime, which was the shortest */
	assert_int_equal(counter("expired"), 1);
}

static void deregistered(void **state)
{
	(void)state;
	visit();
	ask(&(struct asked){ .deregister = true, .id = 8 });
	answer(&(struct answered){ .id = 8, .unproven = true }); /* RFC 5944 3.5.4: none without a lifetime */
	assert_non_null(find(ACTION_VISITOR_DEL));
	assert_int_equal(told().m.code, 0);
}

/* Each denial of RFC 5944 3.7.2 and RFC 3024 4.1 that the request alone brings. */
static void denials(void **state)
{
	static const struct {
		struct asked asked;
		uint8_t code;
	} rows[] = {
		{ { .unproven = true }, 70 },           { { .ttl = 254 }, 76 },
		{ { .nai = "keyed@example.com" }, 67 }, { { .home_agent = "192.0.2.1" }, 194 },
		{ { .home_agent = "10.0.1.7" }, 194 },  { { .home_agent = "255.255.255.255" }, 90 },
		{ { .care_of = "10.0.1.8" }, 77 },      { { .home = "0.0.0.0" }, 96 },
		{ { .lifetime_s = 1801 }, 69 },         { { .flags = MIP_REQ_M }, 72 },
		{ { .flags = MIP_REQ_G }, 72 },         { { .home_agent = "224.0.0.11" }, 70 },
		{ { .home_agent = "127.0.0.1" }, 70 },  { { .home = "192.0.2.1" }, 70 },
		{ { .home = "255.255.255.255" }, 70 },  { { .vendor = true }, 100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pass_s(1);
		ask(&rows[i].asked);
		assert_null(find(ACTION_SEND_DATAGRAM));
		assert_int_equal(told().m.code, rows[i].code);
	}
	assert_int_equal(told().m.id, UINT64_C(0xd000000000000007));
	conf.reverse_tunnel = FA_REVERSE_TUNNEL_REQUIRED;
	pass_s(1);
	ask(&(struct asked){ .flags = MIP_REQ_T, .ttl = 1 });
	assert_int_equal(told().m.code, 75);
	conf.reverse_tunnel = FA_REVERSE_TUNNEL_OFF;
	pass_s(1);
	ask(&(struct asked){ 0 });
	assert_int_equal(told().m.code, 74);
	ask(&(struct asked){ .deregister = true, .id = 8 }); /* who leaves needs none */
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .id = 9 }); /* who has its own neither */
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	ask(&(struct asked){ .id = 9 });
	assert_null(find(ACTION_SEND_FRAME)); /* once a second (RFC 5944 3.7.2.3) */
	ask(&(struct asked){ .revocation = true });
	assert_int_equal(counter("discarded"), 1);
}

/* What the home agent's answer, or its absence, brings. */
static void failures(void **state)
{
	static const struct {
		uint8_t icmp, code;
	} icmp[] = { { 0, 80 }, { 1, 81 }, { 3, 82 }, { 13, 88 } };

	(void)state;
	ask(&(struct asked){ 0 });
	pass_s(7);
	assert_int_equal(told().m.code, 78);
	for (size_t i = 0; i < ARRAY_SIZE(icmp); i++) {
		pass_s(1);
		ask(&(struct asked){ 0 });
		unreachable(icmp[i].icmp, 0, MIP_REQUEST_OCTETS);
		assert_int_equal(told().m.code, icmp[i].code);
	}
	pass_s(1);
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .unproven = true });
	assert_int_equal(told().m.code, 68);
	pass_s(1);
	ask(&(struct asked){ .nai = "bob@example.com" });
	answer(&(struct answered){ 0 });
	assert_int_equal(told().m.code, 97);
	pass_s(1);
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .home_agent = "0.0.0.0" });
	assert_int_equal(told().m.code, 98);
	pass_s(1);
	ask(&(struct asked){ .home = "0.0.0.0", .nai = "bob@example.com" });
	answer(&(struct answered){ .home = "0.0.0.0", .nai = "bob@example.com" });
	assert_int_equal(told().m.code, 99);
	assert_null(find(ACTION_VISITOR_SET));
	pass_s(1);
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .tail = "91 05 01" }); /* cut short */
	assert_int_equal(told().m.code, 71);
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .tail = "32 00" }); /* RFC 5944 1.8: not to be skipped, and nobody knows it */
	assert_null(find(ACTION_SEND_FRAME));
	assert_int_equal(counter("unknown_extension"), 1);
	answer(&(struct answered){ .code = 131 });
	assert_int_equal(told().m.code, 131); /* not ours to judge */
	answer(&(struct answered){ 0 });
	assert_int_equal(counter("replies_unmatched"), 1);
}

/* RFC 2794: without a home address the name tells whose reply it is, and the MAC where to. */
static void an_address_is_assigned(void **state)
{
	(void)state;
	ask(&(struct asked){ .home = "0.0.0.0", .nai = "a@example.com", .mac = 0x0a });
	ask(&(struct asked){ .home = "0.0.0.0", .nai = "b@example.com", .mac = 0x0b, .id = 8 });
	answer(&(struct answered){ .home = "10.42.0.30", .nai = "a@example.com" });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.mac[5], 0x0a);
	assert_int_equal(told().ip.destination.s_addr, INADDR_BROADCAST);
	answer(&(struct answered){ .home = "10.42.0.31", .nai = "b@example.com", .id = 8 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.mac[5], 0x0b);
}

static void limits(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < conf.max_pending_per_mac; i++)
		ask(&(struct asked){ .id = 20 + i });
	ask(&(struct asked){ .id = 30 });
	assert_int_equal(told().m.code, 66);
	pass_s(8);
	visit();
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2 });
	answer(&(struct answered){ .home = "10.42.0.21" });
	ask(&(struct asked){ .home = "10.42.0.22", .mac = 3 });
	assert_int_equal(told().m.code, 66);
	solicit();
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 56, 2, "5140"); /* B F T X */
	ask(&(struct asked){ .id = 40 });                                 /* who is here may stay */
	assert_non_null(find(ACTION_SEND_DATAGRAM));
}

static void revoked_by_home(uint32_t id, bool inform, bool right)
{
	const struct mip_revocation m = { .from_ha = true,
					  .inform = inform,
					  .home = ip("10.42.0.20"),
					  .home_domain = ip("10.0.0.1"),
					  .foreign_domain = conf.care_of,
					  .id = id };
	struct datagram d = { .local = conf.care_of, .remote = ip("10.0.0.1"), .local_port = 434, .remote_port = 434 };
	const struct sa wrong = key_of(257 + !right);
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));

	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&wrong, MIP_EXT_FA_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	fa_on_datagram(fa, now, &d, &out);
}

static void revocation(void **state)
{
	struct mip_revocation_ack ack;

	(void)state;
	visit();
	revoked_by_home(101, true, false);
	revoked_by_home(100, true, true); /* not later than the registration */
	assert_null(find(ACTION_VISITOR_DEL));
	assert_int_equal(counter("revocations_ignored"), 2);
	revoked_by_home(101, true, true);
	assert_non_null(find(ACTION_VISITOR_DEL));
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 52, 2, "0000"); /* as if we had restarted */
	assert_int_equal(mip_revocation_ack_parse(find(ACTION_SEND_DATAGRAM)->octets.p,
						  find(ACTION_SEND_DATAGRAM)->octets.n, &ack),
			 0);
	assert_int_equal(ack.id, 101);
	revoked_by_home(101, true, true); /* the acknowledgment was lost */
	assert_non_null(find(ACTION_SEND_DATAGRAM));
}

static void udp_tunnel(void **state)
{
	(void)state;
	conf.udp = FA_UDP_OFFER;
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .udp = true });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.tunnel.encap, ENCAP_UDP);
	conf.udp = FA_UDP_OFF; /* then it is not us who asked for it */
	ask(&(struct asked){ .id = 8 });
	answer(&(struct answered){ .id = 8, .udp = true });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.tunnel.encap, ENCAP_IPIP);
}

/* RFC 3024 2: no T, no tunnel from here; the style is the mobile node's choice. */
static void delivery_styles(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ 0 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.delivery, DELIVERY_DIRECT);
	ask(&(struct asked){ .delivery = true });
	answer(&(struct answered){ 0 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.delivery, DELIVERY_ENCAPSULATING);
	ask(&(struct asked){ .flags = MIP_REQ_T, .delivery = true });
	answer(&(struct answered){ 0 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.delivery, DELIVERY_NONE);
}

/* R: registered through us, its packets do not pass our tunnels. */
static void co_located(void **state)
{
	(void)state;
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77" });
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	answer(&(struct answered){ 0 });
	assert_int_equal(told().m.code, 0);
	assert_null(find(ACTION_VISITOR_SET));
	visit();
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .id = 8 });
	answer(&(struct answered){ .id = 8 });
	assert_non_null(find(ACTION_VISITOR_DEL)); /* not any more */
}

static void moved_and_kicked(void **state)
{
	(void)state;
	visit();
	ask(&(struct asked){ .mac = 9, .id = 9 });
	answer(&(struct answered){ .id = 9 });
	assert_non_null(find(ACTION_VISITOR_DEL));
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.mac[5], 9);
	actions_clear(&out);
	assert_int_equal(fa_kick(fa, now, "10.42.0.99", &out), -ENOENT);
	assert_int_equal(fa_kick(fa, now, "10.42.0.20", &out), 0);
	assert_non_null(find(ACTION_VISITOR_DEL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(advertisement),
		TEST(intervals),
		TEST(numbers_wrap),
		TEST(solicitations),
		TEST(relayed),
		TEST(a_visit),
		TEST(deregistered),
		TEST(denials),
		TEST(failures),
		TEST(limits),
		TEST(an_address_is_assigned),
		TEST(revocation),
		TEST(udp_tunnel),
		TEST(delivery_styles),
		TEST(co_located),
		TEST(moved_and_kicked),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
