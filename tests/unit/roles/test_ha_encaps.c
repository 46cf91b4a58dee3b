/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent's tunnels beside IP in IP: GRE, with keys or without, and minimal encapsulation. */
#include "codec/ip4.h"
#include "tests/unit/roles/ha_fixture.h"

static int setup_encaps(void **state)
{
	int r = setup(state);

	conf.gre = conf.minimal = true;
	return r;
}

static struct tunnel bound(void)
{
	const struct action *a = find_action(ACTION_BINDING_SET);

	assert_non_null(a);
	return a->binding.tunnel;
}

static struct span packet(const char *from, const char *to)
{
	static uint8_t octets[64];
	struct wr w = wr_init(octets, sizeof(octets));
	const struct ip4 h = { .ttl = 9, .protocol = IPPROTO_UDP, .source = ip(from), .destination = ip(to) };

	ip4_build(&w, &h, 8);
	memset(wr_skip(&w, 8), 0, 8);
	return (struct span){ octets, wr_len(&w) };
}

/* RFC 5944 3.8.2.1 */
static void what_is_switched_off_is_refused(void **state)
{
	(void)state;
	conf.gre = conf.minimal = false;
	assert_code(&(struct ask){ .flags_on = MIP_REQ_G }, MIP_CODE_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .flags_on = MIP_REQ_M }, MIP_CODE_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .gre = true, .gre_key = 5 }, MIP_CODE_ENCAPSULATION_UNAVAILABLE);
	conf.gre = true;
	assert_code(&(struct ask){ .flags_on = MIP_REQ_M }, MIP_CODE_ENCAPSULATION_UNAVAILABLE);
	assert_code(&(struct ask){ .flags_on = MIP_REQ_G }, MIP_CODE_ACCEPTED);
}

static void gre_without_keys(void **state)
{
	struct got got = ask(&(struct ask){ .flags_on = MIP_REQ_G });

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.x.gre_key_at, 0);
	assert_int_equal(bound().encap, ENCAP_GRE);
	assert_int_equal(bound().in_key, 0);
	assert_int_equal(bound().out_key, 0);
	/* Both: GRE is the one the kernel does. */
	(void)ask(&(struct ask){ .flags_on = MIP_REQ_G | MIP_REQ_M, .care_of = "10.0.2.1" });
	assert_int_equal(bound().encap, ENCAP_GRE);
}

/* RFC 6245: each side names the key it wants to see; a refresh changes none. */
static void gre_keys_are_exchanged(void **state)
{
	struct got got = ask(&(struct ask){ .gre = true, .gre_key = 0xaabbccdd });
	uint32_t ours = got.x.gre_key;

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_true(got.x.gre_key_at != 0 && got.x.gre_key_at < got.x.mn_ha.at);
	assert_int_not_equal(ours, 0);
	assert_int_equal(bound().encap, ENCAP_GRE);
	assert_int_equal(bound().out_key, 0xaabbccdd);
	assert_int_equal(bound().in_key, ours);
	got = ask(&(struct ask){ .gre = true, .gre_key = 0xaabbccdd, .sequence = 1 });
	assert_int_equal(got.x.gre_key, ours);
	assert_null(find_action(ACTION_BINDING_SET));
	got = ask(&(struct ask){ .gre = true, .gre_key = 0x11, .sequence = 1 });
	assert_int_equal(bound().out_key, 0x11);
	assert_int_equal(bound().in_key, ours);
}

static void one_key_for_who_leaves_it_to_us(void **state)
{
	struct got got = ask(&(struct ask){ .gre = true });

	(void)state;
	assert_int_not_equal(got.x.gre_key, 0);
	assert_int_equal(bound().in_key, got.x.gre_key);
	assert_int_equal(bound().out_key, got.x.gre_key);
}

/* A foreign agent adds its key behind the user's authenticator, and finds ours there. */
static void a_foreign_agent_finds_it_in_its_part(void **state)
{
	uint8_t msg[1400];
	struct ask a = { .flags_off = MIP_REQ_D };
	struct sa fa = sa_with(NODE_SPI, MAC_HMAC_MD5);
	struct wr w = wr_init(msg, sizeof(msg));
	struct datagram d = {
		.local = ip("10.0.0.1"), .local_port = MIP_PORT, .remote = ip("10.0.1.1"), .remote_port = MIP_PORT
	};
	const struct action *reply;
	struct mip_exts x;

	(void)state;
	(void)wr_skip(&w, build(&a, msg, sizeof(msg)));
	mip_ext_gre_key_build(&w, 0xaabbccdd);
	assert_int_equal(sa_sign(&fa, MIP_EXT_FA_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
	reply = &out.v[place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY)];
	assert_int_equal(mip_exts_parse(reply->octets.p, reply->octets.n, MIP_REPLY_OCTETS, &conf.sequence, &x), 0);
	assert_true(x.mn_ha.at < x.gre_key_at && x.gre_key_at < x.fa_ha.at);
	assert_true(sa_verify(&fa, reply->octets.p, &x.fa_ha));
	assert_int_equal(bound().out_key, 0xaabbccdd);
	assert_int_equal(bound().in_key, x.gre_key);
}

/* RFC 3024 4.1: by the tunnel that was agreed, its key and its encapsulation. */
static void what_comes_is_checked(void **state)
{
	struct tunnelled t = { .tunnel = { .encap = ENCAP_GRE, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };

	(void)state;
	(void)ask(&(struct ask){ .gre = true, .gre_key = 5 });
	t.inner = packet("10.42.0.11", "10.9.0.2");
	t.tunnel.in_key = bound().in_key;
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	assert_non_null(find_action(ACTION_SEND_PACKET));
	actions_clear(&out);
	t.tunnel.in_key ^= 1;
	ha_on_tunnelled(ha, now, &t, &out);
	t.tunnel.in_key = 0;
	ha_on_tunnelled(ha, now, &t, &out);
	t.tunnel.encap = ENCAP_IPIP;
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("tunnel_spoofs"), 3);
}

/* RFC 2784 4 */
static void nothing_goes_round_in_circles(void **state)
{
	struct tunnelled t = { .tunnel = { .encap = ENCAP_GRE, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };

	(void)state;
	(void)ask(&(struct ask){ .flags_on = MIP_REQ_G });
	actions_clear(&out);
	t.inner = packet("10.42.0.11", "10.0.1.1");
	ha_on_tunnelled(ha, now, &t, &out);
	assert_int_equal(out.n, 0);
	t.inner = packet("10.42.0.11", "10.0.1.2");
	ha_on_tunnelled(ha, now, &t, &out);
	assert_non_null(find_action(ACTION_SEND_PACKET));
}

/* RFC 2004: all of it passes the daemon; fragments come as IP in IP. */
static void minimal_encapsulation(void **state)
{
	struct tunnelled t = { .tunnel = {
				       .encap = ENCAP_MINIMAL, .local = ip("10.0.0.1"), .remote = ip("10.0.1.1") } };
	struct span down = packet("10.9.0.2", "10.42.0.11"), forged;
	uint8_t octets[64];
	struct wr w = wr_init(octets, sizeof(octets));

	(void)state;
	assert_code(&(struct ask){ .flags_on = MIP_REQ_M }, MIP_CODE_ACCEPTED);
	assert_int_equal(bound().encap, ENCAP_MINIMAL);
	actions_clear(&out);
	ha_on_packet(ha, now, down, 0, &out);
	assert_int_equal(find_action(ACTION_SEND_TUNNELLED)->tunnel.encap, ENCAP_MINIMAL);
	assert_int_equal(find_action(ACTION_SEND_TUNNELLED)->octets.n, down.n);
	t.inner = packet("10.42.0.11", "10.9.0.2");
	for (int i = 0; i < 2; i++) {
		actions_clear(&out);
		ha_on_tunnelled(ha, now, &t, &out);
		assert_non_null(find_action(ACTION_SEND_PACKET));
		t.tunnel.encap = ENCAP_IPIP;
	}
	/* L-44: only we wrap broadcasts, and we do not do it by this way. */
	ip4_build(
		&w,
		&(struct ip4){
			.ttl = 9, .protocol = IPPROTO_IPIP, .source = ip("10.0.0.1"), .destination = ip("10.42.0.11") },
		down.n);
	wr_bytes(&w, down.p, down.n);
	forged = (struct span){ octets, wr_len(&w) };
	actions_clear(&out);
	ha_on_packet(ha, now, forged, 0, &out);
	assert_int_equal(out.n, 0);
}

/* RFC 3519 3.1: inside of UDP there is only IP in IP. */
static void behind_a_nat(void **state)
{
	struct ask a = { .udp = true, .source = "192.0.2.9", .flags_on = MIP_REQ_G };

	(void)state;
	assert_code(&a, MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE);
	a.udp_encapsulation = IPPROTO_IPIP;
	assert_code(&a, MIP_CODE_ACCEPTED);
	assert_int_equal(bound().encap, ENCAP_UDP);
	a = (struct ask){ .udp = true, .flags_on = MIP_REQ_G, .sequence = 1 }; /* no NAT is in the way */
	assert_code(&a, MIP_CODE_ACCEPTED);
	assert_int_equal(bound().encap, ENCAP_GRE);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_encaps, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_switched_off_is_refused),
		TEST(gre_without_keys),
		TEST(gre_keys_are_exchanged),
		TEST(one_key_for_who_leaves_it_to_us),
		TEST(a_foreign_agent_finds_it_in_its_part),
		TEST(what_comes_is_checked),
		TEST(nothing_goes_round_in_circles),
		TEST(minimal_encapsulation),
		TEST(behind_a_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
