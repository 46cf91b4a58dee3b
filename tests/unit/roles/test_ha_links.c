/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the home agent does beside bindings: home links, broadcasts, packets nobody else knows what to do with, garbage. */
#include "codec/icmp4.h"
#include "tests/unit/roles/ha_fixture.h"

/* X-11, RFC 3519; L-08: all agents' stations share the port that is seen. */
static void tunnels_through_nat(void **state)
{
	struct got got = ask(&(struct ask){ .udp = true, .source = "192.0.2.9", .port = 40000 });

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.lifetime_s, 60);
	assert_int_equal(got.x.udp_reply_code, 0);
	assert_int_equal(got.x.udp_keepalive_s, 110);
	assert_int_equal(got.to_port, 40000);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.encap, ENCAP_UDP);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.remote_port, 40000);
	got = ask(&(struct ask){ .udp = true, .sequence = 1 }); /* no NAT: a polite no */
	assert_int_equal(got.x.udp_reply_code, 64);
	assert_code(&(struct ask){ .udp = true, .udp_force = true }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .source = "192.0.2.9" }, MIP_CODE_ADMIN_PROHIBITED);
	assert_code(&(struct ask){ .udp = true, .udp_encapsulation = 47, .source = "192.0.2.9" },
		    MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .udp = true, .udp_reserved = 1, .source = "192.0.2.9" }, MIP_CODE_MALFORMED);
	conf.udp = HA_UDP_FORCE_ALLOWED;
	got = ask(&(struct ask){ .udp = true, .udp_force = true });
	assert_true(got.x.udp_reply_force);
	conf.udp = HA_UDP_OFF;
	assert_code(&(struct ask){ .udp = true, .source = "192.0.2.9" }, MIP_CODE_ADMIN_PROHIBITED);
}

static void garbage_is_counted_and_not_answered(void **state)
{
	static const char *const bad[] = { "", "01", "03", "07", "0f", "63", "0122070800000000" };
	uint8_t msg[64];
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.1.1"), .remote_port = MIP_PORT
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		d.payload = (struct span){ msg, unhex(bad[i], msg, sizeof(msg)) };
		ha_on_datagram(ha, now, &d, &out);
	}
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("malformed"), 5);
	assert_int_equal(counter("unknown_type"), 1);
	assert_int_equal(counter("replies_unexpected"), 1);
}

/* RFC 5944 4.6: a home network on a real link. */
static void real_home_links_are_claimed(void **state)
{
	static const char question[] = "ffffffffffff02000000000808060001080006040001"
				       "0200000000080a2b00070000000000000a2b0005";
	uint8_t frame[64];
	size_t n = unhex(question, frame, sizeof(frame)), announcements = 0;

	(void)state;
	ha_on_home_frame(ha, now, 7, (struct span){ frame, n }, &out);
	assert_int_equal(out.n, 0); /* it is at home: it answers itself */
	(void)ask(&(struct ask){ .nai = "lab@example.com" });
	assert_octets(find_action(ACTION_SEND_FRAME)->octets.p, 42,
		      "ffffffffffff02000000000908060001080006040001"
		      "0200000000090a2b00050000000000000a2b0005");
	for (int i = 0; i < 5; i++) {
		pass_ms(1000);
		actions_clear(&out);
		ha_on_time(ha, now, &out);
		announcements += find_action(ACTION_SEND_FRAME) != NULL;
	}
	assert_int_equal(announcements, 2); /* with the first one, three */
	actions_clear(&out);
	ha_on_home_frame(ha, now, 7, (struct span){ frame, n }, &out);
	assert_octets(find_action(ACTION_SEND_FRAME)->octets.p, 42,
		      "02000000000802000000000908060001080006040002"
		      "0200000000090a2b00050200000000080a2b0007");
	actions_clear(&out);
	ha_on_home_frame(ha, now, 8, (struct span){ frame, n }, &out); /* another link */
	assert_int_equal(out.n, 0);
}

static size_t packet(uint8_t *ret, size_t room, const char *from, const char *to, uint16_t fragment, size_t payload)
{
	struct wr w = wr_init(ret, room);
	const struct ip4 h = {
		.ttl = 1, .protocol = IPPROTO_UDP, .source = ip(from), .destination = ip(to), .fragment = fragment
	};
	uint8_t *at;

	ip4_build(&w, &h, payload);
	at = wr_skip(&w, payload);
	memset(at, 0, payload);
	return wr_len(&w);
}

/* L-43, L-44: to the others, not back; wrapped so that it is clear whose copy it is. */
static void broadcasts_are_copied(void **state)
{
	uint8_t p[64];
	struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };
	struct ip4 wrap;

	(void)state;
	conf.forward_broadcast = true;
	(void)ask(&(struct ask){ 0 });
	(void)ask(&(struct ask){ .nai = "b@example.com", .care_of = "10.0.2.1" });
	actions_clear(&out);
	t.inner = (struct span){ p, packet(p, sizeof(p), "10.42.0.11", "224.0.0.251", 0, 8) };
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.v[0].type, ACTION_SEND_TUNNELLED);
	assert_int_equal(out.v[0].tunnel.remote.s_addr, ip("10.0.2.1").s_addr);
	assert_int_equal(ip4_parse(out.v[0].octets.p, out.v[0].octets.n, &wrap), 0);
	assert_int_equal(wrap.protocol, IPPROTO_IPIP);
	assert_int_equal(wrap.destination.s_addr, ip("10.42.0.12").s_addr);
	assert_int_equal(wrap.payload.n, 28);
	t.tunnel.remote = ip("10.0.3.1"); /* not its tunnel (RFC 3024 4.1) */
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("tunnel_spoofs"), 1);
}

static void senders_hear_what_is_wrong(void **state)
{
	uint8_t p[1500];
	struct ip4 h;
	struct icmp4 m;

	(void)state;
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.9.0.2", "10.42.0.99", 0, 8) }, 0, &out);
	assert_int_equal(ip4_parse(find_action(ACTION_SEND_OWN)->octets.p, find_action(ACTION_SEND_OWN)->octets.n, &h),
			 0);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.type, ICMP4_UNREACHABLE);
	assert_int_equal(m.code, ICMP4_HOST_UNREACHABLE);
	assert_int_equal(h.source.s_addr, ip("10.42.0.1").s_addr);
	(void)ask(&(struct ask){ 0 });
	actions_clear(&out);
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.9.0.2", "10.42.0.11", IP4_DF, 1400) }, 1400,
		     &out);
	assert_int_equal(ip4_parse(out.v[0].octets.p, out.v[0].octets.n, &h), 0);
	assert_int_equal(icmp4_parse(&h, &m), 0);
	assert_int_equal(m.code, ICMP4_FRAGMENTATION_NEEDED);
	assert_int_equal(m.rest, 1380);
	actions_clear(&out);
	ha_on_packet(ha, now, (struct span){ p, packet(p, sizeof(p), "10.9.0.2", "10.42.0.11", 0, 1400) }, 1400, &out);
	assert_int_equal(out.v[0].type, ACTION_SEND_TUNNELLED); /* in pieces */
	actions_clear(&out);
	(void)packet(p, sizeof(p), "10.9.0.2", "10.42.0.11", 0, 1400);
	ha_on_packet(ha, now, (struct span){ p, 600 }, 1400, &out); /* the rest was cut off on its way to us */
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("packets_dropped"), 1);
}

static void keepalives_are_answered_inside_a_tunnel_in_use(void **state)
{
	uint8_t msg[64] = { MIP_TYPE_TUNNEL_DATA, IPPROTO_IPIP };
	struct wr w = wr_init(msg + 4, sizeof(msg) - 4);
	const struct ip4 h = { .ttl = 64, .source = ip("10.0.1.1"), .destination = ip("10.0.0.1") };
	const struct icmp4 echo = { .type = ICMP4_ECHO };
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("192.0.2.9"), .remote_port = 40000
	};

	(void)state;
	icmp4_build(&w, &h, &echo);
	d.payload = (struct span){ msg, 4 + wr_len(&w) };
	ha_on_datagram(ha, now, &d, &out);
	assert_null(find_action(ACTION_SEND_TUNNELLED));
	(void)ask(&(struct ask){ .udp = true, .source = "192.0.2.9", .port = 40000 });
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
	assert_int_equal(find_action(ACTION_SEND_TUNNELLED)->tunnel.remote_port, 40000);
	assert_int_equal(counter("keepalives_answered"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tunnels_through_nat),         TEST(garbage_is_counted_and_not_answered),
		TEST(real_home_links_are_claimed), TEST(broadcasts_are_copied),
		TEST(senders_hear_what_is_wrong),  TEST(keepalives_are_answered_inside_a_tunnel_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
