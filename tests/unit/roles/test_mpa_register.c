/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration on behalf of a station: requests, every reaction to a reply, silence, revocation. */
#include "codec/icmp4.h"
#include "mpa_rig.h"

/* L-01, L-45, L-59, L-62, X-05, X-15, X-20: what a first request looks like. */
static void first_request(void **state)
{
	struct rig_sent sent;

	(void)state;
	rig_attach();
	sent = rig_request();
	assert_int_equal(sent.action->udp.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(sent.action->udp.local.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(sent.request.flags, MIP_REQ_T | MIP_REQ_D);
	assert_int_equal(sent.request.home.s_addr, INADDR_ANY);
	assert_int_equal(sent.request.care_of.s_addr, ip("10.0.1.1").s_addr);
	assert_memory_equal(sent.x.nai.p, "alice@example.com", sent.x.nai.n);
	assert_true(sent.x.sequence_at != 0 && sent.x.sequence == 0);
	assert_true(sent.x.revocation_at != 0 && sent.x.revocation_at < sent.x.mn_ha.at);
	assert_int_equal(sent.x.access_tech, MIP_ACCESS_TECH_8023);
	assert_memory_equal(sent.x.device_id.p, alice_mac, sizeof(alice_mac));
	assert_int_equal(sent.x.mn_ha.spi, SPI);
	assert_null(rig_find(ACTION_VISITOR_SET)); /* L-23: not before the reply */
}

/* */
static void final_profile_clears_the_d_bit(void **state)
{
	(void)state;
	rig.conf.profile = MPA_PROFILE_RFC5563;
	rig_attach();
	assert_int_equal(rig_request().request.flags, MIP_REQ_T);
	rig.conf.forward_broadcast = true; /* L-44 */
	rig_restart();
	rig_attach();
	assert_int_equal(rig_request().request.flags, MIP_REQ_T | MIP_REQ_B);
}

/* L-02, L-12, L-45: through a foreign agent, the tunnel ends there. */
static void through_a_foreign_agent(void **state)
{
	struct rig_sent sent;

	(void)state;
	rig.home_agents[0].via_fa = ip("10.0.1.254");
	rig_attach();
	sent = rig_request();
	assert_int_equal(sent.action->udp.remote.s_addr, ip("10.0.1.254").s_addr);
	assert_int_equal(sent.request.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(sent.request.care_of.s_addr, ip("10.0.1.254").s_addr);
	assert_int_equal(sent.request.flags & MIP_REQ_D, 0);
	rig_answer(&(struct rig_reply){ .from = "10.0.1.254" });
	assert_string_equal(rig_state(), "served");
	assert_null(rig_find(ACTION_VISITOR_SET));
}

/* L-05, L-60, L-63: user before domain before node. */
static void the_narrowest_association_signs(void **state)
{
	struct mpa_attach a = { .ifindex = PORT, .mac = { 2, 0, 0, 0, 0, 9 }, .nai = "bob@example.com" };
	struct rig_sent sent;

	(void)state;
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), 0);
	assert_int_equal(rig_request().x.mn_ha.spi, USER_SPI);
	a.nai = "node@elsewhere.org";
	a.mac[5] = 10;
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), 0);
	sent = rig_request();
	assert_int_equal(sent.x.fa_ha.spi, NODE_SPI);
	assert_int_equal(sent.x.pmip_method, MIP_PMIP_METHOD_FA_HA_AUTH);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.21" });
	assert_int_equal(rig_counter("accepted"), 1);
	rig.conf.association_n = 1;
	rig_restart();
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), -ENOKEY); /* L-04 */
	assert_string_equal(rig_state(), "");
}

static void visitors_get_what_the_kernel_needs(void **state)
{
	const struct dp_visitor *v;

	(void)state;
	rig_attach();
	rig_answer(&(struct rig_reply){ 0 });
	v = &rig_find(ACTION_VISITOR_SET)->visitor;
	assert_int_equal(v->ifindex, PORT);
	assert_memory_equal(v->mac, alice_mac, sizeof(alice_mac));
	assert_memory_equal(v->gateway_mac, gateway_mac, sizeof(gateway_mac)); /* */
	assert_int_equal(v->home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(v->gateway.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(v->broadcast.s_addr, ip("10.42.0.255").s_addr);
	assert_int_equal(v->tunnel.local.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(v->tunnel.remote.s_addr, ip("10.0.0.1").s_addr);
}

/* L-13, L-15, G-05 */
static void refresh_echoes_the_number(void **state)
{
	struct rig_sent sent;

	(void)state;
	rig_serve();
	rig_pass_ms(224000);
	assert_int_equal(rig.out.n, 0);
	rig_pass_ms(2000);
	sent = rig_request();
	assert_int_equal(sent.x.sequence, 1);
	assert_int_equal(sent.request.home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(sent.request.lifetime_s, 300);
	rig_answer(&(struct rig_reply){ .sequence = 8 });
	rig_pass_ms(226000);
	assert_int_equal(rig_request().x.sequence, 8);
}

static void silence_backs_off(void **state)
{
	static const unsigned waits_s[] = { 1, 2, 4, 8, 16, 32, 32 };
	uint64_t id;

	(void)state;
	rig_attach();
	id = rig_request().request.id;
	for (size_t i = 0; i < ARRAY_SIZE(waits_s); i++) {
		rig_pass_ms(waits_s[i] * 1000 - 1);
		assert_int_equal(rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REQUEST), SIZE_MAX);
		rig_pass_ms(1);
		assert_true(rig_request().request.id > id); /* a time stamp is made anew */
		id = rig_request().request.id;
	}
}

static void silence_ends_with_the_lifetime(void **state)
{
	(void)state;
	rig_serve();
	rig_pass_ms(299000);
	assert_string_equal(rig_state(), "served");
	rig_pass_ms(1500);
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_string_equal(rig_state(), "registering");
	assert_int_equal(rig_counter("expired"), 1);
}

/* G-09 */
static void clock_is_learnt_from_133(void **state)
{
	uint64_t theirs = UINT64_C(4000003600) << 32, id;

	(void)state;
	rig_attach();
	id = rig_request().request.id;
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ID_MISMATCH, .id = theirs | (uint32_t)id });
	assert_true(rig_request().request.id >> 32 == 4000003600);
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "served");
	assert_int_equal(rig_counter("resynchronised"), 1);
}

static void endless_133_is_given_up_for_a_while(void **state)
{
	(void)state;
	rig_attach();
	for (int i = 0; i < 4; i++) {
		uint64_t id = rig_request().request.id;

		rig_answer(&(struct rig_reply){ .code = MIP_CODE_ID_MISMATCH,
						.id = (UINT64_C(4000000100) << 32) | (uint32_t)id });
	}
	assert_string_equal(rig_state(), "barred");
	rig_pass_ms(10000);
	assert_string_equal(rig_state(), "registering");
}

static void unproven_replies_change_nothing(void **state)
{
	(void)state;
	rig_attach();
	struct action request = *rig_request().action;

	rig_answer(&(struct rig_reply){ .bad_auth = true });
	assert_string_equal(rig_state(), "registering");
	assert_true(rig_find(ACTION_RECORD)->record.security);
	rig.out.v[rig.out.n++] = request;
	rig_answer(&(struct rig_reply){ .no_auth = true, .code = MIP_CODE_MN_AUTH_FAILED });
	assert_string_equal(rig_state(), "registering");
	assert_int_equal(rig_counter("replies_unauthenticated"), 2);
	rig_attach();
	rig_pass_ms(1000);
	rig_answer(&(struct rig_reply){ .id = 12345 }); /* nobody asked for that */
	assert_int_equal(rig_counter("replies_unmatched"), 1);
}

static void refusals_bar_for_their_time(void **state)
{
	static const struct {
		uint8_t code;
		unsigned retry_s; /* 0: not before an operator says so */
	} rows[] = {
		{ 128, 30 }, { 130, 10 }, { 131, 60 }, { 132, 60 }, { 134, 60 }, { 135, 60 }, { 136, 60 }, { 137, 60 },
		{ 138, 60 }, { 139, 60 }, { 140, 60 }, { 142, 60 }, { 149, 0 },  { 150, 0 },  { 177, 30 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_restart();
		rig_attach();
		rig_answer(&(struct rig_reply){ .code = rows[i].code });
		if (rows[i].code == 142) /* once more without UDP */
			assert_string_equal(rig_state(), "registering");
		if (rows[i].code == 142)
			rig_answer(&(struct rig_reply){ .code = 142 });
		assert_string_equal(rig_state(), "barred");
		rig_attach(); /* its packets change nothing */
		rig_pass_ms(rows[i].retry_s ? rows[i].retry_s * 1000 - 1 : 3600000);
		assert_string_equal(rig_state(), "barred");
		if (rows[i].retry_s)
			rig_pass_ms(1);
		else
			assert_int_equal(mpa_attach(rig.mpa, rig.now,
						    &(struct mpa_attach){ .ifindex = PORT,
									  .mac = { 2, 0, 0, 0, 0, 1 },
									  .nai = "alice@example.com" },
						    &rig.out),
					 0);
		assert_string_equal(rig_state(), "registering");
	}
}

/* 129 to somebody who hinted at an address: any other will do. */
static void a_refused_hint_is_dropped(void **state)
{
	(void)state;
	mpa_on_unknown_source(rig.mpa, rig.now, PORT, alice_mac, ip("10.42.0.77"), 0, &rig.out);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.77").s_addr); /* L-35 */
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ADMIN_PROHIBITED });
	assert_int_equal(rig_request().request.home.s_addr, INADDR_ANY);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ADMIN_PROHIBITED });
	assert_string_equal(rig_state(), "barred");
}

/* L-16, L-18, X-02, X-10 */
static void a_stale_agent_lets_go(void **state)
{
	(void)state;
	for (int code = 65; code <= 129; code += 64) {
		rig_restart();
		rig_serve();
		rig_pass_ms(226000);
		rig_answer(&(struct rig_reply){ .code = (uint8_t)code });
		assert_non_null(rig_find(ACTION_VISITOR_DEL));
		assert_string_equal(rig_state(), "");
	}
}

/* G-14 */
static void a_changed_home_address_is_refused(void **state)
{
	(void)state;
	rig_serve();
	rig_pass_ms(226000);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.99" });
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_string_equal(rig_state(), "deregistering");
}

static void secondary_is_asked_and_named_agents_are_believed(void **state)
{
	(void)state;
	rig.home_agents[0].secondary = ip("10.0.0.2");
	rig_attach();
	rig_pass_ms(1000);
	rig_pass_ms(2000);
	rig_pass_ms(4000);
	assert_int_equal(rig_request().action->udp.remote.s_addr, ip("10.0.0.2").s_addr);
	assert_int_equal(rig_request().x.sequence, 0);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_UNKNOWN_HA, .home_agent = "10.0.0.1", .from = "10.0.0.2" });
	assert_int_equal(rig_request().action->udp.remote.s_addr, ip("10.0.0.1").s_addr);
}

/* Two agents that name each other are not asked in a circle. */
static void named_agents_are_believed_once(void **state)
{
	(void)state;
	rig.home_agents[0].secondary = ip("10.0.0.2");
	rig_attach();
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_UNKNOWN_HA, .home_agent = "10.0.0.2" });
	assert_int_equal(rig_request().action->udp.remote.s_addr, ip("10.0.0.2").s_addr);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_UNKNOWN_HA, .home_agent = "10.0.0.1", .from = "10.0.0.2" });
	assert_string_equal(rig_state(), "barred");
}

/* L-04: what is configured for a user holds also when it is a command that names the user. */
static void commands_find_the_configured_station(void **state)
{
	const struct mpa_attach a = { .ifindex = PORT, .mac = { 2, 0, 0, 0, 0, 1 }, .nai = "alice@example.com" };

	(void)state;
	rig.stations[0].home_address = ip("10.42.0.33");
	(void)snprintf(rig.stations[0].home_agent, sizeof(rig.stations[0].home_agent), "lab");
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), 0);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.33").s_addr);
	assert_int_equal(rig_request().request.home_agent.s_addr, ip("10.0.0.3").s_addr);
}

/* L-46: by the longest subnet that holds its address. */
static void the_subnet_chooses_the_home_agent(void **state)
{
	(void)state;
	mpa_on_unknown_source(rig.mpa, rig.now, PORT, alice_mac, ip("10.43.0.7"), 0, &rig.out);
	assert_int_equal(rig_request().request.home_agent.s_addr, ip("10.0.0.3").s_addr);
}

/* L-17..L-20 */
static void revocation_removes_before_it_acknowledges(void **state)
{
	(void)state;
	rig_serve();
	rig_revoke(51, "10.0.0.1", true);
	assert_true(rig_place(ACTION_VISITOR_DEL, 0) < rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK));
	assert_int_not_equal(rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK), SIZE_MAX);
	assert_string_equal(rig_state(), "");
	rig_revoke(52, "10.0.0.1", true); /* its acknowledgment was lost */
	assert_int_not_equal(rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK), SIZE_MAX);
	rig_attach(); /* a late frame */
	assert_string_equal(rig_state(), "");
	rig_pass_ms(201);
	rig_attach();
	assert_string_equal(rig_state(), "registering");
}

static void false_revocations_are_ignored(void **state)
{
	(void)state;
	rig_serve();
	rig_revoke(51, "10.0.0.1", false);
	rig_revoke(51, "10.0.0.9", true);
	rig_revoke(50, "10.0.0.1", true); /* as old as the registration: a replay */
	rig_revoke(49, "10.0.0.1", true);
	assert_string_equal(rig_state(), "served");
	assert_int_equal(rig_counter("revocations_ignored"), 4);
}

/* A-41, L-07, L-08, X-11: one stream for all, and only while nothing else is sent. */
static void keepalives_do_not_grow_with_stations(void **state)
{
	static const uint8_t bob_mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, 2 };
	const struct mpa_attach bob = { .ifindex = PORT, .mac = { 2, 0, 0, 0, 0, 2 }, .nai = "bob@example.com" };
	struct ip4 h;
	struct icmp4 m;

	(void)state;
	(void)bob_mac;
	rig.conf.udp = MPA_UDP_OFFER;
	rig_attach();
	assert_true(rig_request().x.udp_request_at != 0);
	rig_answer(&(struct rig_reply){ .udp = true });
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.tunnel.encap, ENCAP_UDP);
	assert_int_equal(rig_find(ACTION_VISITOR_SET)->visitor.tunnel.remote_port, MIP_PORT);
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &bob, &rig.out), 0);
	rig_answer(&(struct rig_reply){ .udp = true, .home = "10.42.0.21" });
	for (int i = 0; i < 10; i++)
		rig_pass_ms(20000);
	assert_int_equal(rig_counter("keepalives_sent"), 10);
	assert_int_equal(
		ip4_parse(rig_find(ACTION_SEND_TUNNELLED)->octets.p, rig_find(ACTION_SEND_TUNNELLED)->octets.n, &h), 0);
	assert_int_equal(h.source.s_addr, ip("10.0.1.1").s_addr); /* so that the answer ends here */
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.type, ICMP4_ECHO);
}

static void tables_are_capped(void **state)
{
	struct mpa_attach a = { .ifindex = PORT, .nai = NULL };
	char nai[32];

	(void)state;
	for (int i = 0; i < 6; i++) {
		(void)snprintf(nai, sizeof(nai), "user%d@example.com", i);
		a.nai = nai;
		a.mac[5] = (uint8_t)(i + 1);
		assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), i < 4 ? 0 : -ENOSPC);
	}
	assert_int_equal(rig_counter("table_full"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_request),
		TEST(final_profile_clears_the_d_bit),
		TEST(through_a_foreign_agent),
		TEST(the_narrowest_association_signs),
		TEST(visitors_get_what_the_kernel_needs),
		TEST(refresh_echoes_the_number),
		TEST(silence_backs_off),
		TEST(silence_ends_with_the_lifetime),
		TEST(clock_is_learnt_from_133),
		TEST(endless_133_is_given_up_for_a_while),
		TEST(unproven_replies_change_nothing),
		TEST(refusals_bar_for_their_time),
		TEST(a_refused_hint_is_dropped),
		TEST(a_stale_agent_lets_go),
		TEST(a_changed_home_address_is_refused),
		TEST(secondary_is_asked_and_named_agents_are_believed),
		TEST(named_agents_are_believed_once),
		TEST(commands_find_the_configured_station),
		TEST(the_subnet_chooses_the_home_agent),
		TEST(revocation_removes_before_it_acknowledges),
		TEST(false_revocations_are_ignored),
		TEST(keepalives_do_not_grow_with_stations),
		TEST(tables_are_capped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
