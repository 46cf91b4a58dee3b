/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent and hosts that register themselves: behind a NAT (RFC 3519), and those that want broadcasts. */
#include "codec/icmp4.h"
#include "tests/unit/roles/ha_fixture.h"

/* One that runs Mobile IP itself. */
#define CLIENT .nai = "client@example.com", .no_sequence = true

static const struct tunnel *bound(void)
{
	const struct action *a = find_action(ACTION_BINDING_SET);

	assert_non_null(a);
	return &a->binding.tunnel;
}

/* An echo request inside of a UDP tunnel, from @home to the home agent. */
static void keepalive(const char *source, uint16_t port, const char *home)
{
	static uint8_t msg[64];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct ip4 h = { .ttl = 64, .source = ip(home), .destination = ip("10.0.0.1") };
	const struct icmp4 echo = { .type = ICMP4_ECHO };
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip(source), .remote_port = port
	};

	mip_tunnel_data_build(&w, IPPROTO_IPIP);
	icmp4_build(&w, &h, &echo);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
}

static size_t packet(uint8_t *ret, size_t room, const char *to, uint16_t fragment, size_t payload)
{
	struct wr w = wr_init(ret, room);
	const struct ip4 h = { .id = 7,
			       .ttl = 9,
			       .protocol = IPPROTO_UDP,
			       .source = ip("10.9.0.2"),
			       .destination = ip(to),
			       .fragment = fragment };

	ip4_build(&w, &h, payload);
	memset(wr_skip(&w, payload), 0, payload);
	return wr_len(&w);
}

/* B-47, RFC 3519, R flag: the reply went by the foreign agent; only the first keepalive tells the port. */
static void half_bound_until_the_first_keepalive(void **state)
{
	struct ask by_fa = { CLIENT, .udp = true, .udp_via_fa = true, .source = "192.0.2.9", .port = 40000 };
	struct got got = ask(&by_fa);
	uint8_t p[64];

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.x.udp_reply_code, 0);
	assert_int_equal(got.to_port, 40000);
	assert_int_equal(bound()->encap, ENCAP_UDP);
	assert_int_equal(bound()->remote_port, 0);
	actions_clear(&out);
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.42.0.11", 0, 8) }, 0, &out);
	assert_int_equal(out.n, 0); /* whereto? */
	assert_int_equal(counter("packets_dropped"), 1);
	keepalive("192.0.2.10", 41000, "10.42.0.11"); /* not where the request came from */
	assert_int_equal(out.n, 0);
	keepalive("192.0.2.9", 41000, "10.42.0.12"); /* nobody's home address */
	assert_int_equal(out.n, 0);
	keepalive("192.0.2.9", 41000, "10.42.0.11");
	assert_int_equal(bound()->remote_port, 41000);
	assert_int_equal(find_action(ACTION_SEND_TUNNELLED)->tunnel.remote_port, 41000);
	assert_non_null(find_action(ACTION_STORE_PUT));
	assert_int_equal(counter("ports_settled"), 1);
	keepalive("192.0.2.9", 42000, "10.42.0.11"); /* it is bound now: others may be behind that NAT */
	assert_int_equal(out.n, 0);
	/* With each registration it may be another one; until then it is what it was. */
	got = ask(&by_fa);
	assert_int_equal(got.m.code, 0);
	assert_null(find_action(ACTION_BINDING_SET));
	keepalive("192.0.2.9", 42000, "10.42.0.11");
	assert_int_equal(bound()->remote_port, 42000);
	by_fa.source = "192.0.2.77";
	(void)ask(&by_fa);
	assert_int_equal(bound()->remote_port, 0);
}

/* Forged ones from anywhere leave those of stations alone. */
static void keepalives_are_not_crowded_out(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ CLIENT, .udp = true, .source = "192.0.2.9", .port = 40000 });
	for (unsigned i = 0; i < 200; i++)
		keepalive("192.0.2.66", 40000, i % 2 ? "10.42.0.11" : "10.0.9.9");
	assert_int_equal(counter("keepalives_answered"), 0);
	keepalive("192.0.2.9", 40000, "10.42.0.11");
	assert_int_equal(counter("keepalives_answered"), 1);
}

static void r_without_an_agent_between_is_no_nat(void **state)
{
	struct got got = ask(&(struct ask){ CLIENT, .udp = true, .udp_via_fa = true });

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.x.udp_reply_code, 64);
	assert_int_equal(bound()->encap, ENCAP_IPIP);
}

/* B-47, RFC 3519 4.4: its NAT has started anew. */
static void ports_move_with_registrations(void **state)
{
	(void)state;
	(void)ask(&(struct ask){ CLIENT, .udp = true, .source = "192.0.2.9", .port = 40000 });
	assert_int_equal(bound()->remote_port, 40000);
	struct got got = ask(&(struct ask){ CLIENT, .udp = true, .source = "192.0.2.9", .port = 50000 });

	assert_int_equal(got.to_port, 50000);
	assert_int_equal(bound()->remote_port, 50000);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.former.remote_port, 40000);
	pass_ms(conf.grace_ms); /* what was under way has arrived */
	keepalive("192.0.2.9", 40000, "10.42.0.11");
	assert_int_equal(out.n, 0);
	keepalive("192.0.2.9", 50000, "10.42.0.11");
	assert_int_equal(find_action(ACTION_SEND_TUNNELLED)->tunnel.remote_port, 50000);
	got = ask(&(struct ask){ CLIENT }); /* and no NAT any more */
	assert_int_equal(got.m.code, 0);
	assert_int_equal(bound()->encap, ENCAP_IPIP);
}

/* RFC 3519 4.8: what does not fit is cut before the UDP header, not behind it. */
static void pieces_pass_nats(void **state)
{
	uint8_t p[1500];
	size_t n = packet(p, sizeof(p), "10.42.0.11", 0, 1400), payload = 0;
	struct ip4 h = { 0 };

	(void)state;
	(void)ask(&(struct ask){ CLIENT, .udp = true, .source = "192.0.2.9", .port = 40000 });
	actions_clear(&out);
	ha_on_packet(ha, now, (struct span){ p, n }, 600, &out);
	assert_int_equal(out.n, 3); /* 600 - 32 - 20 = 548, of which 544 are whole eights */
	for (size_t i = 0; i < out.n; i++) {
		assert_int_equal(out.v[i].type, ACTION_SEND_TUNNELLED);
		assert_in_range(out.v[i].octets.n, 20, 600 - 32);
		assert_int_equal(ip4_parse(out.v[i].octets.p, out.v[i].octets.n, &h), 0);
		assert_int_equal(h.id, 7);
		assert_int_equal(h.ttl, 9);
		assert_int_equal(h.fragment & IP4_OFFSET, payload / 8);
		payload += h.payload.n;
	}
	assert_int_equal(payload, 1400);
	assert_int_equal(h.fragment & IP4_MF, 0);
}

static size_t copies(bool wrapped)
{
	size_t n = 0;

	for (size_t i = 0; i < out.n; i++) {
		struct ip4 h;

		if (out.v[i].type != ACTION_SEND_TUNNELLED)
			continue;
		assert_int_equal(ip4_parse(out.v[i].octets.p, out.v[i].octets.n, &h), 0);
		n += wrapped == (h.protocol == IPPROTO_IPIP);
	}
	return n;
}

/* RFC 5944 4.3: once for who takes the tunnel apart itself, twice for who is behind an agent; not for who did not ask. */
static void broadcasts_are_for_who_asked(void **state)
{
	uint8_t p[64];
	struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };
	struct wr w = wr_init(p, sizeof(p));
	const struct ip4 h = {
		.ttl = 1, .protocol = IPPROTO_UDP, .source = ip("10.42.0.11"), .destination = ip("10.42.0.255")
	};

	(void)state;
	conf.forward_broadcast = true;
	(void)ask(&(struct ask){ .nai = "alice@example.com" });
	(void)ask(&(struct ask){ CLIENT, .flags_on = MIP_REQ_B, .care_of = "10.0.2.1" });
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.broadcast.s_addr, ip("10.42.0.255").s_addr);
	ip4_build(&w, &h, 8);
	(void)wr_skip(&w, 8);
	t.inner = (struct span){ p, wr_len(&w) };
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(copies(false), 1);
	assert_int_equal(copies(true), 0);
	(void)ask(&(struct ask){ CLIENT, .flags_on = MIP_REQ_B, .flags_off = MIP_REQ_D, .care_of = "10.0.2.1" });
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(copies(false), 0);
	assert_int_equal(copies(true), 1);
	(void)ask(&(struct ask){ CLIENT, .care_of = "10.0.2.1" });
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 0);
}

/* RFC 5944 4.3, B: what all hear on the real home link, and the other way round. */
static void home_links_hear_and_are_heard(void **state)
{
	uint8_t frame[96];
	struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };
	size_t n = unhex("ffffffffffff0200000000080800"
			 "45000020000000000111bc020a2b0007ffffffff00448000000c0000aabbccdd00000000",
			 frame, sizeof(frame)); /* the last four octets are padding */
	uint16_t check;

	(void)state;
	frame[24] = frame[25] = 0;
	check = ip4_checksum(frame + 14, 20);
	frame[24] = (uint8_t)(check >> 8);
	frame[25] = (uint8_t)check;
	(void)ask(&(struct ask){ .nai = "lab@example.com" });
	actions_clear(&out);
	ha_on_home_frame(ha, now, 7, (struct span){ frame, n }, &out);
	assert_int_equal(out.n, 0); /* it is not switched on */
	conf.forward_broadcast = true;
	ha_on_home_frame(ha, now, 8, (struct span){ frame, n }, &out);
	assert_int_equal(out.n, 0); /* not a home link */
	ha_on_home_frame(ha, now, 7, (struct span){ frame, n }, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.v[0].tunnel.remote.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(out.v[0].octets.n, 20 + 32); /* a proxy agent's: wrapped */
	actions_clear(&out);
	memcpy(frame + 14 + 12, "\x0a\x2b\x00\x05\xe0\x00\x00\xfb", 8);
	frame[24] = frame[25] = 0;
	check = ip4_checksum(frame + 14, 20);
	frame[24] = (uint8_t)(check >> 8);
	frame[25] = (uint8_t)check;
	t.inner = (struct span){ frame + 14, 32 };
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 1); /* back to its sender: no */
	assert_int_equal(out.v[0].type, ACTION_SEND_FRAME);
	assert_int_equal(out.v[0].ifindex, 7);
	assert_octets(out.v[0].octets.p, 14, "01005e0000fb0200000000090800");
	assert_int_equal(out.v[0].octets.n, 14 + 32);
}

/* RFC 4917: what an agent says about its revocation is shown, and cannot write on the operator's terminal. */
static void words_of_revocations_are_shown(void **state)
{
	uint8_t msg[256];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct mip_revocation m = {
		.home = ip("10.42.0.11"), .home_domain = ip("10.0.0.1"), .foreign_domain = ip("10.0.1.1"), .id = 78
	};
	struct sa sa = sa_with(SPI, MAC_HMAC_SHA_256);
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.1.1"), .remote_port = MIP_PORT
	};

	(void)state;
	(void)ask(&(struct ask){ 0 });
	mip_revocation_build(&w, &m);
	mip_ext_message_string_build(&w, 2, text("closing\x1b[2J"));
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
	assert_string_equal(find_action(ACTION_RECORD)->record.reason, "its agent revoked it: closing?[2J");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(half_bound_until_the_first_keepalive), TEST(r_without_an_agent_between_is_no_nat),
		TEST(ports_move_with_registrations),        TEST(pieces_pass_nats),
		TEST(broadcasts_are_for_who_asked),         TEST(home_links_hear_and_are_heard),
		TEST(words_of_revocations_are_shown),       TEST(keepalives_are_not_crowded_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
