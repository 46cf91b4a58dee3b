/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The foreign agent (L-02) and home agents: what it tells them, how it reaches them, and what it believes of them. */
#include "base/util.h"
#include "codec/icmp4.h"
#include "tests/unit/roles/fa_rig.h"

static const struct action *revocation(struct mip_revocation *ret)
{
	const struct action *a = find(ACTION_SEND_DATAGRAM);
	struct mip_exts x;

	assert_non_null(a);
	assert_int_equal(a->udp.local.s_addr, conf.care_of.s_addr);
	assert_int_equal(a->udp.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(a->udp.remote_port, 434);
	assert_int_equal(mip_revocation_parse(a->octets.p, a->octets.n, ret), 0);
	assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REVOCATION_OCTETS, NULL, &x), 0);
	assert_true(sa_verify(&associations[0].sa, a->octets.p, &x.fa_ha));
	return a;
}

static void acknowledge(uint32_t id, uint32_t spi, uint32_t ifindex)
{
	const struct mip_revocation_ack ack = { .home = ip("10.42.0.20"), .id = id };
	struct datagram d = { .local = conf.care_of,
			      .remote = ip("10.0.0.1"),
			      .local_port = 434,
			      .remote_port = 434,
			      .ifindex = ifindex };
	const struct sa sa = key_of(spi);
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));

	mip_revocation_ack_build(&w, &ack);
	assert_int_equal(sa_sign(&sa, MIP_EXT_FA_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	fa_on_datagram(fa, now, &d, &out);
}

static void kick(void)
{
	actions_clear(&out);
	assert_int_equal(fa_kick(fa, now, "10.42.0.20", &out), 0);
}

/* RFC 3543 4: who is sent away is sent away at home too; repeated with a new identifier until its home agent says so. */
static void home_agents_are_told(void **state)
{
	struct mip_revocation m;

	(void)state;
	visit();
	kick();
	(void)revocation(&m);
	assert_false(m.from_ha);
	assert_false(m.inform);
	assert_int_equal(m.home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(m.home_domain.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(m.foreign_domain.s_addr, conf.care_of.s_addr);
	assert_int_equal(m.id, 0xd0000002); /* later than that of the request, which went out in the same second */
	assert_int_equal(out.v[0].type, ACTION_SEND_DATAGRAM); /* before the mobile node can ask again */
	assert_non_null(find(ACTION_SEND_FRAME));
	pass_s(1);
	(void)revocation(&m);
	assert_int_equal(m.id, 0xd0000003);
	pass_s(1);
	assert_null(find(ACTION_SEND_DATAGRAM)); /* 2 s by now */
	acknowledge(m.id + 1, 257, 0);           /* never sent */
	acknowledge(m.id, 258, 0);               /* not the home agent's key */
	acknowledge(m.id, 257, LINK);            /* by a host of the link */
	assert_int_equal(counter("revocations_acknowledged"), 0);
	pass_s(1);
	(void)revocation(&m);
	acknowledge(m.id - 1, 257, 0); /* late, of the one before */
	assert_int_equal(counter("revocations_acknowledged"), 1);
	pass_s(100);
	assert_null(find(ACTION_SEND_DATAGRAM));
}

/* By our clock; an acknowledgment of what was never sent is none; and requests of others do not hold it up. */
static void revocations_go_on(void **state)
{
	struct mip_revocation m;

	(void)state;
	visit();
	pass_s(5);
	kick();
	(void)revocation(&m);
	assert_int_equal(m.id, 0xd0000006);
	acknowledge(0xd0000005, 257, 0);
	assert_int_equal(counter("revocations_ignored"), 1);
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	ask(&(struct asked){ .home_agent = "10.0.0.9", .mac = 3, .id = 9 });
	pass_s(1);
	(void)revocation(&m);
	assert_int_equal(m.id, 0xd0000007);
	ask(&(struct asked){
		.home = "0.0.0.0", .nai = "a@example.com", .mac = 4, .id = 10 }); /* that may be the same one */
	pass_s(2);
	assert_null(find(ACTION_SEND_DATAGRAM));
	pass_s(6);
	(void)revocation(&m);
	acknowledge(m.id, 257, 0);
	assert_int_equal(counter("revocations_sent"), 3);
	assert_int_equal(counter("revocations_acknowledged"), 1);
}

/* As many at a time as there may be visitors. */
static void revocations_have_a_limit(void **state)
{
	static const char *const homes[] = { "10.42.0.20", "10.42.0.21", "10.42.0.22" };

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(homes); i++) {
		ask(&(struct asked){ .home = homes[i], .id = 7 + i });
		answer(&(struct answered){ .home = homes[i], .id = 7 + i });
		actions_clear(&out);
		assert_int_equal(fa_kick(fa, now, homes[i], &out), 0);
		assert_int_equal(count_of(ACTION_SEND_DATAGRAM), i < conf.max_visitors);
	}
	assert_int_equal(counter("revocations_given_up"), 1);
}

/* RFC 3543 4.4.2: never about what has expired. */
static void nobody_is_told_of_what_is_over(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .lifetime_s = 3 });
	pass_s(1);
	kick();
	pass_s(1);
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	pass_s(2);
	assert_null(find(ACTION_SEND_DATAGRAM));
	assert_int_equal(counter("revocations_given_up"), 1);
	visit();
	pass_s(300); /* its lifetime */
	assert_null(find(ACTION_SEND_DATAGRAM));
}

/* The message would end the new visit: none while it is asked for, none when it is there. */
static void who_is_back_is_not_revoked(void **state)
{
	(void)state;
	visit();
	kick();
	ask(&(struct asked){ .id = 9 });
	pass_s(1);
	assert_null(find(ACTION_SEND_DATAGRAM));
	answer(&(struct answered){ .id = 9 });
	pass_s(2);
	assert_null(find(ACTION_SEND_DATAGRAM));
	kick();
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	ask(&(struct asked){ .id = 10 });
	answer(&(struct answered){ .id = 10, .code = 129 }); /* it is not let in again */
	pass_s(2);
	assert_non_null(find(ACTION_SEND_DATAGRAM));
}

static void not_without_negotiation(void **state)
{
	struct mip_exts x;

	(void)state;
	conf.revocation = false;
	ask(&(struct asked){ 0 });
	assert_int_equal(mip_exts_parse(find(ACTION_SEND_DATAGRAM)->octets.p, find(ACTION_SEND_DATAGRAM)->octets.n,
					MIP_REQUEST_OCTETS, NULL, &x),
			 0);
	assert_int_equal(x.revocation_at, 0);
	answer(&(struct answered){ 0 });
	kick();
	assert_null(find(ACTION_SEND_DATAGRAM));
	assert_non_null(find(ACTION_VISITOR_DEL));
	conf.revocation = true;
	associations[0].scope = FA_SCOPE_MN; /* nothing shared with the home agent */
	visit();
	kick();
	assert_null(find(ACTION_SEND_DATAGRAM));
}

/* RFC 1256 4.3: the last advertisement of the link has no lifetime, nor has what visitors hear. */
static void stopping_for_good(void **state)
{
	(void)state;
	pass_s(0);
	visit();
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8 });
	actions_clear(&out);
	assert_false(fa_stop(fa, now, &out));
	assert_int_equal(count_of(ACTION_VISITOR_DEL), 2);
	assert_int_equal(count_of(ACTION_SEND_DATAGRAM), 2);
	assert_int_equal(count_of(ACTION_SEND_FRAME), 3);
	for (size_t i = 0, n = 0; i < out.n; i++) {
		const uint8_t *octets = out.v[i].octets.p;

		if (out.v[i].type != ACTION_SEND_FRAME)
			continue;
		assert_octets(octets, 6, n == 0 ? "01005e000001" : octets[5] == 1 ? "020000000001" : "020000000002");
		assert_octets(octets + 40, 2, "0000");                     /* lifetime */
		assert_octets(octets + 52, 2, n++ == 0 ? "0001" : "0000"); /* number */
		assert_octets(octets + 56, 2, "5140");                     /* B F T X */
	}
}

/* More than there is room for at a time. */
static void stopping_by_and_by(void **state)
{
	(void)state;
	visit();
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8 });
	actions_clear(&out);
	out.cap = 7;
	assert_true(fa_stop(fa, now, &out));
	assert_int_equal(count_of(ACTION_VISITOR_DEL), 1);
	actions_clear(&out);
	assert_false(fa_stop(fa, now, &out));
	assert_int_equal(count_of(ACTION_VISITOR_DEL), 1);
	assert_int_equal(count_of(ACTION_SEND_FRAME), 1); /* the link heard it before */
	assert_int_equal(out.dropped, 0);
}

static bool told_when_revoked(bool negotiated, bool inform)
{
	const struct mip_revocation m = { .from_ha = true,
					  .inform = inform,
					  .home = ip("10.42.0.20"),
					  .home_domain = ip("10.0.0.1"),
					  .foreign_domain = conf.care_of,
					  .id = 101 };
	struct datagram d = { .local = conf.care_of, .remote = ip("10.0.0.1"), .local_port = 434, .remote_port = 434 };
	struct mip_revocation_ack ack;
	const struct sa sa = key_of(257);
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));

	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .inform = negotiated });
	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&sa, MIP_EXT_FA_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	fa_on_datagram(fa, now, &d, &out);
	assert_non_null(find(ACTION_VISITOR_DEL));
	assert_int_equal(mip_revocation_ack_parse(find(ACTION_SEND_DATAGRAM)->octets.p,
						  find(ACTION_SEND_DATAGRAM)->octets.n, &ack),
			 0);
	assert_int_equal(ack.inform, inform);
	return find(ACTION_SEND_FRAME) != NULL;
}

/* RFC 3543 3.2, I: whether the mobile node hears of it is for the home agent to say, if it wants to. */
static void informing(void **state)
{
	struct mip_exts x;

	(void)state;
	ask(&(struct asked){ 0 });
	assert_int_equal(mip_exts_parse(find(ACTION_SEND_DATAGRAM)->octets.p, find(ACTION_SEND_DATAGRAM)->octets.n,
					MIP_REQUEST_OCTETS, NULL, &x),
			 0);
	assert_true(x.revocation_inform);
	assert_true(told_when_revoked(false, false));
	assert_false(told_when_revoked(true, false));
	assert_true(told_when_revoked(true, true));
}

static void echo_reply(const char *from, uint16_t port)
{
	static uint8_t msg[64];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct ip4 h = { .ttl = 64, .source = ip("10.0.0.1"), .destination = conf.care_of };
	const struct icmp4 echo = { .type = ICMP4_ECHO_REPLY };
	struct datagram d = { .local = conf.care_of, .local_port = 434, .remote = ip(from), .remote_port = port };

	mip_tunnel_data_build(&w, IPPROTO_IPIP);
	icmp4_build(&w, &h, &echo);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	fa_on_datagram(fa, now, &d, &out);
}

static void visit_in_udp(void)
{
	conf.udp = FA_UDP_OFFER;
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .udp = true }); /* it wants 60 s */
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.tunnel.encap, ENCAP_UDP);
}

/* B-47, RFC 3519 4.9: an echo request in the tunnel after each silent interval, for as long as somebody needs it. */
static void mappings_are_kept(void **state)
{
	const struct action *a;
	struct ip4 h;
	struct icmp4 echo;

	(void)state;
	visit_in_udp();
	pass_s(59);
	assert_null(find(ACTION_SEND_TUNNELLED));
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 }); /* whatever goes there counts */
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8, .code = 129 });
	pass_s(1);
	assert_null(find(ACTION_SEND_TUNNELLED));
	pass_s(59);
	a = find(ACTION_SEND_TUNNELLED);
	assert_non_null(a);
	assert_int_equal(a->tunnel.encap, ENCAP_UDP);
	assert_int_equal(a->tunnel.local.s_addr, conf.care_of.s_addr);
	assert_int_equal(a->tunnel.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(a->tunnel.local_port, 434);
	assert_int_equal(a->tunnel.remote_port, 434);
	assert_int_equal(ip4_parse(a->octets.p, a->octets.n, &h), 0);
	assert_int_equal(h.source.s_addr, conf.care_of.s_addr);
	assert_int_equal(h.destination.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(icmp4_parse(&h, &echo), 0);
	assert_int_equal(echo.type, ICMP4_ECHO);
	echo_reply("10.0.0.1", 434);
	assert_int_equal(counter("keepalives_answered"), 1);
	pass_s(59);
	assert_null(find(ACTION_SEND_TUNNELLED));
	pass_s(1);
	assert_non_null(find(ACTION_SEND_TUNNELLED));
	assert_int_equal(fa_kick(fa, now, "10.42.0.20", &out), 0);
	pass_s(200);
	assert_null(find(ACTION_SEND_TUNNELLED));
}

/* RFC 3519 4.8: cut before the UDP header, not behind it; and who does not want that is told. */
static void pieces_pass_nats(void **state)
{
	uint8_t p[1500];
	struct wr w = wr_init(p, sizeof(p));
	struct ip4 h = {
		.id = 7, .ttl = 9, .protocol = IPPROTO_UDP, .source = ip("10.42.0.20"), .destination = ip("10.9.0.2")
	};
	size_t payload = 0;

	(void)state;
	visit_in_udp();
	ip4_build(&w, &h, 1400);
	memset(wr_skip(&w, 1400), 0, 1400);
	actions_clear(&out);
	fa_on_too_big(fa, now, 0, (struct span){ p, wr_len(&w) }, 600, &out);
	assert_int_equal(count_of(ACTION_SEND_TUNNELLED), 3);
	for (size_t i = 0; i < out.n; i++) {
		assert_in_range(out.v[i].octets.n, 20, 600 - 32);
		assert_int_equal(ip4_parse(out.v[i].octets.p, out.v[i].octets.n, &h), 0);
		assert_int_equal(h.fragment & IP4_OFFSET, payload / 8);
		payload += h.payload.n;
	}
	assert_int_equal(payload, 1400);
	h.fragment = IP4_DF;
	w = wr_init(p, sizeof(p));
	ip4_build(&w, &h, 1400);
	(void)wr_skip(&w, 1400);
	actions_clear(&out);
	fa_on_too_big(fa, now, 0, (struct span){ p, wr_len(&w) }, 600, &out);
	assert_int_equal(count_of(ACTION_SEND_TUNNELLED), 0);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 34, 2, "0304"); /* fragmentation needed */
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 40, 2, "0238"); /* 600 - 32 */
}

/* RFC 3519 4.10: nobody answers, so the home agent sends to a port that is not ours any more. */
static void mappings_are_lost(void **state)
{
	(void)state;
	visit_in_udp();
	pass_s(60);
	echo_reply("10.0.0.1", 435);
	echo_reply("10.0.0.2", 434);
	assert_int_equal(counter("keepalives_answered"), 0);
	for (unsigned s = 1; s <= 4; s *= 2) {
		pass_s(s);
		assert_non_null(find(ACTION_SEND_TUNNELLED));
		assert_null(count_of(ACTION_SEND_FRAME) > 1 ? find(ACTION_SEND_FRAME) : NULL); /* but advertisements */
	}
	assert_int_equal(counter("mappings_lost"), 0);
	pass_s(8);
	assert_int_equal(counter("mappings_lost"), 1);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p, 6, "020000000001");
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 52, 2, "0000"); /* as if we had restarted */
	assert_non_null(find(ACTION_SEND_TUNNELLED));
	echo_reply("10.0.0.1", 434);
	assert_int_equal(counter("keepalives_answered"), 1);
	assert_null(find(ACTION_SEND_TUNNELLED));
}

/* RFC 3519 4.9: what the home agent says, but no shorter than 10 s; it says nothing: 110 s. */
static void mappings_have_intervals(void **state)
{
	static const struct {
		const char *reply;
		unsigned s;
	} rows[] = { { "2c06 0000 0000 0000", 110 }, { "2c06 0000 0000 0005", 10 }, { "2c06 0000 0000 000b", 11 } };

	(void)state;
	conf.udp = FA_UDP_OFFER;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		restart();
		ask(&(struct asked){ 0 });
		answer(&(struct answered){ .before = rows[i].reply });
		pass_s(rows[i].s - 1);
		assert_null(find(ACTION_SEND_TUNNELLED));
		pass_s(1);
		assert_non_null(find(ACTION_SEND_TUNNELLED));
		assert_int_equal(counter("keepalives_sent"), 1);
	}
}

/* One for all visitors of a home agent, until the last of them goes; who registers again is none more. */
static void mappings_are_shared(void **state)
{
	(void)state;
	visit_in_udp();
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	answer(&(struct answered){ .home = "10.42.0.21", .udp = true, .id = 8 });
	ask(&(struct asked){ .id = 9 });
	answer(&(struct answered){ .udp = true, .id = 9 });
	pass_s(60);
	assert_int_equal(count_of(ACTION_SEND_TUNNELLED), 1);
	pass_s(1); /* not answered; but who registers again has a mapping again */
	ask(&(struct asked){ .id = 10 });
	answer(&(struct answered){ .udp = true, .id = 10 });
	pass_s(59);
	assert_null(find(ACTION_SEND_TUNNELLED));
	pass_s(1);
	assert_non_null(find(ACTION_SEND_TUNNELLED));
	echo_reply("10.0.0.1", 434);
	assert_int_equal(fa_kick(fa, now, "10.42.0.20", &out), 0);
	pass_s(60);
	assert_int_equal(count_of(ACTION_SEND_TUNNELLED), 1);
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 11 }); /* no NAT any more */
	answer(&(struct answered){ .home = "10.42.0.21", .id = 11 });
	pass_s(200);
	assert_null(find(ACTION_SEND_TUNNELLED));
}

/* Only those who are behind it hear that it is lost, as often as it is. */
static void whose_mapping_is_lost(void **state)
{
	(void)state;
	conf.advertise_s = 1800;
	restart();
	pass_s(100);
	visit_in_udp();
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8, .home_agent = "10.0.0.9" });
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8, .from = "10.0.0.9", .home_agent = "10.0.0.9" });
	assert_non_null(find(ACTION_VISITOR_SET));
	pass_s(60);
	for (unsigned n = 1; n <= 2; n++) {
		for (unsigned i = 0; i < 15; i++)
			pass_s(1);
		assert_int_equal(counter("mappings_lost"), n);
		assert_int_equal(count_of(ACTION_SEND_FRAME), 1);
		assert_octets(find(ACTION_SEND_FRAME)->octets.p, 6, "020000000001");
	}
}

/* RFC 4433: whoever is asked for any home agent is asked where the mobile node wants. */
static void any_home_agent(void **state)
{
	const char *nai = "a@example.com", *any = "255.255.255.255";

	(void)state;
	ask(&(struct asked){ .home = "0.0.0.0", .home_agent = any, .nai = nai, .dynamic_ha = "10.0.0.1" });
	assert_int_equal(find(ACTION_SEND_DATAGRAM)->udp.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_octets(find(ACTION_SEND_DATAGRAM)->octets.p + 8, 4, "ffffffff"); /* as it was */
	answer(&(struct answered){ .home = "10.42.0.30", .nai = nai });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.tunnel.remote.s_addr, ip("10.0.0.1").s_addr);
	ask(&(struct asked){
		.home = "0.0.0.0", .home_agent = "0.0.0.0", .nai = nai, .dynamic_ha = "10.0.0.1", .id = 8 });
	assert_non_null(find(ACTION_SEND_DATAGRAM));
	pass_s(1);
	ask(&(struct asked){ .home = "0.0.0.0", .home_agent = any, .nai = nai, .dynamic_ha = "224.0.0.1", .id = 9 });
	assert_int_equal(told().m.code, 70);
	pass_s(1);
	ask(&(struct asked){ .home = "0.0.0.0", .home_agent = any, .nai = nai, .dynamic_ha = "192.0.2.1", .id = 9 });
	assert_int_equal(told().m.code, 194);
	pass_s(1);
	ask(&(struct asked){ .home = "0.0.0.0", .home_agent = any, .nai = nai, .id = 9 });
	assert_int_equal(told().m.code, 90);
}

/* Only who could read the request can know what was in it; and on the link anybody can. */
static void routers_are_believed_a_little(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	unreachable(1, LINK, MIP_REQUEST_OCTETS);
	assert_null(find(ACTION_SEND_FRAME));
	unreachable(1, 0, MIP_REQUEST_OCTETS - 1);
	assert_null(find(ACTION_SEND_FRAME));
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	unreachable(1, 0, MIP_REQUEST_OCTETS);
	assert_int_equal(told().m.home.s_addr, ip("10.42.0.21").s_addr);
	assert_int_equal(told().m.code, 81);
	answer(&(struct answered){ 0 }); /* that was about another one */
	assert_int_equal(told().m.code, 0);
	assert_int_equal(counter("unreachable"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(home_agents_are_told),
		TEST(revocations_go_on),
		TEST(revocations_have_a_limit),
		TEST(nobody_is_told_of_what_is_over),
		TEST(who_is_back_is_not_revoked),
		TEST(not_without_negotiation),
		TEST(stopping_for_good),
		TEST(stopping_by_and_by),
		TEST(informing),
		TEST(mappings_are_kept),
		TEST(mappings_are_lost),
		TEST(pieces_pass_nats),
		TEST(mappings_have_intervals),
		TEST(mappings_are_shared),
		TEST(whose_mapping_is_lost),
		TEST(any_home_agent),
		TEST(routers_are_believed_a_little),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
