/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent and foreign agents (L-02): what they share a key for, and what nobody may do without one. */
#include "tests/unit/roles/ha_fixture.h"

/* Registers itself. */
#define CLIENT .nai = "client@example.com", .no_sequence = true, .no_revocation = true

static struct sa agents_key(void)
{
	return sa_with(NODE_SPI, MAC_HMAC_MD5);
}

static void deliver(const char *source, struct span payload)
{
	const struct datagram d = { .local = ip("10.0.0.1"),
				    .local_port = MIP_PORT,
				    .remote = ip(source),
				    .remote_port = MIP_PORT,
				    .payload = payload };

	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
	pass_ms(1);
}

static int code(void)
{
	size_t at = place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY);

	return at == SIZE_MAX ? -1 : out.v[at].octets.p[1];
}

/* By the foreign agent at @agent, which signs what it adds, and leaves the decision about informing to us or does not. */
static void by_agent(const char *agent, bool inform)
{
	const struct ask a = { CLIENT, .flags_off = MIP_REQ_D, .care_of = agent };
	const struct sa sa = agents_key();
	uint8_t msg[1400];
	struct wr w = wr_init(msg, sizeof(msg));

	(void)wr_skip(&w, build(&a, msg, sizeof(msg)));
	mip_ext_revocation_support_build(&w, inform, 500);
	assert_int_equal(sa_sign(&sa, MIP_EXT_FA_HA_AUTH, &w), 0);
	deliver(agent, (struct span){ msg, wr_len(&w) });
	assert_int_equal(code(), 0);
}

/* The revocation that was sent: signed with what the agents share. */
static struct mip_revocation revocation(const char *to)
{
	size_t at = place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION);
	struct mip_revocation m = { 0 };
	struct sa sa = agents_key();
	struct span octets;
	struct mip_exts x;

	assert_int_not_equal(at, SIZE_MAX);
	octets = out.v[at].octets;
	assert_int_equal(out.v[at].udp.remote.s_addr, ip(to).s_addr);
	assert_int_equal(mip_revocation_parse(octets.p, octets.n, &m), 0);
	assert_int_equal(mip_exts_parse(octets.p, octets.n, MIP_REVOCATION_OCTETS, NULL, &x), 0);
	assert_false(x.mn_ha.present);
	assert_true(sa_verify(&sa, octets.p, &x.fa_ha));
	assert_true(m.from_ha);
	return m;
}

static void acknowledge(const char *from, uint32_t id, bool users_key)
{
	const struct mip_revocation_ack m = { .home = ip("10.42.0.11"), .id = id };
	const struct sa sa = users_key ? sa_with(SPI, MAC_HMAC_SHA_256) : agents_key();
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));

	mip_revocation_ack_build(&w, &m);
	assert_int_equal(sa_sign(&sa, users_key ? MIP_EXT_MN_HA_AUTH : MIP_EXT_FA_HA_AUTH, &w), 0);
	deliver(from, (struct span){ msg, wr_len(&w) });
}

static void kick(void)
{
	actions_clear(&out);
	assert_int_equal(ha_kick(ha, now, "client@example.com", &out), 0);
}

/* RFC 3543 3.5: revocations are between the agents, and the user's key is not theirs. */
static void revocations_are_signed_by_agents(void **state)
{
	struct mip_revocation m;

	(void)state;
	by_agent("10.0.1.7", true);
	kick();
	m = revocation("10.0.1.7");
	assert_int_equal(m.home.s_addr, ip("10.42.0.11").s_addr);
	assert_int_equal(m.foreign_domain.s_addr, ip("10.0.1.7").s_addr);
	acknowledge("10.0.1.7", m.id, true);
	assert_int_equal(counter("revocations_ignored"), 1);
	acknowledge("10.0.1.7", m.id, false);
	assert_int_equal(counter("revocations_acknowledged"), 1);
}

/* RFC 3543 3.2, I: a user who was thrown out does not know; one who went elsewhere does. Not where the agent did not ask. */
static void users_hear_what_they_do_not_know(void **state)
{
	(void)state;
	by_agent("10.0.1.7", true);
	by_agent("10.0.1.8", true);
	assert_false(revocation("10.0.1.7").inform);
	kick();
	assert_true(revocation("10.0.1.8").inform);
	by_agent("10.0.1.7", false);
	kick();
	assert_false(revocation("10.0.1.7").inform);
}

static void a_restart_forgets_nothing(void **state)
{
	uint8_t key[256], value[512];
	struct span k = { key, 0 }, v = { value, 0 };
	const struct action *put;

	(void)state;
	by_agent("10.0.1.7", true);
	put = find_action(ACTION_STORE_PUT);
	assert_non_null(put);
	k.n = put->key.n;
	v.n = put->octets.n;
	memcpy(key, put->key.p, k.n);
	memcpy(value, put->octets.p, v.n);
	restart();
	assert_true(ha_restore(ha, now, k, v, true, &out));
	ha_restored(ha);
	kick();
	assert_true(revocation("10.0.1.7").inform);
}

static void agent_revokes(const char *from, const char *care_of, uint32_t id, bool right)
{
	const struct mip_revocation m = { .inform = true,
					  .home = ip("10.42.0.11"),
					  .home_domain = ip("10.0.0.1"),
					  .foreign_domain = ip(care_of),
					  .id = id };
	struct sa sa = agents_key();
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));

	sa.key[0] = (uint8_t)(sa.key[0] ^ !right);
	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&sa, MIP_EXT_FA_HA_AUTH, &w), 0);
	deliver(from, (struct span){ msg, wr_len(&w) });
}

static bool is_acknowledged(uint32_t id)
{
	size_t at = place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK);
	const struct sa sa = agents_key();
	struct mip_revocation_ack m;
	struct mip_exts x;

	if (at == SIZE_MAX)
		return false;
	assert_int_equal(mip_revocation_ack_parse(out.v[at].octets.p, out.v[at].octets.n, &m), 0);
	assert_int_equal(mip_exts_parse(out.v[at].octets.p, out.v[at].octets.n, MIP_REVOCATION_ACK_OCTETS, NULL, &x),
			 0);
	assert_true(sa_verify(&sa, out.v[at].octets.p, &x.fa_ha));
	assert_true(m.inform); /* it asked whether the user should hear */
	return m.id == id;
}

/* RFC 3543 4.2.2: what it ends is over, and it hears so as often as it asks. */
static void agents_end_visits(void **state)
{
	(void)state;
	by_agent("10.0.1.7", true);
	agent_revokes("10.0.1.7", "10.0.1.7", 501, false);
	agent_revokes("10.0.1.7", "10.0.1.7", 500, true); /* not later than the registration */
	agent_revokes("10.0.1.8", "10.0.1.7", 501, true); /* another agent, which shares the same key */
	assert_null(find_action(ACTION_BINDING_DEL));
	assert_int_equal(counter("revocations_ignored"), 3);
	agent_revokes("10.0.1.7", "10.0.1.7", 501, true);
	assert_non_null(find_action(ACTION_BINDING_DEL));
	assert_true(is_acknowledged(501));
	agent_revokes("10.0.1.7", "10.0.1.7", 502, true); /* the acknowledgment was lost */
	assert_null(find_action(ACTION_BINDING_DEL));
	assert_true(is_acknowledged(502));
	agent_revokes("10.0.1.7", "10.0.1.7", 503, false);
	assert_int_equal(out.n, 0);
	by_agent("10.0.1.8", true);
	agent_revokes("10.0.1.7", "10.0.1.7", 504, true); /* the user is elsewhere by now, and stays there */
	assert_null(find_action(ACTION_BINDING_DEL));
	assert_true(is_acknowledged(504));
}

/* RFC 5944 3.8.2.1: who shares a key with us signs, or somebody has taken off what it added. */
static void agents_with_a_key_sign(void **state)
{
	struct ask a = { CLIENT, .flags_off = MIP_REQ_D, .care_of = "10.0.1.7" };

	(void)state;
	assert_code(&a, 132);
	a.deregister = true; /* nobody signs these (RFC 5944 3.5.4) */
	assert_code(&a, 0);
	assert_code(&(struct ask){ CLIENT, .care_of = "10.0.1.7" }, 0); /* its own end of the tunnel */
	assert_code(&(struct ask){ CLIENT, .flags_off = MIP_REQ_D, .care_of = "10.0.3.7" }, 0);
	assert_code(&(struct ask){ .flags_off = MIP_REQ_D, .care_of = "10.0.1.7" }, 0); /* by proxy (RFC 5563) */
}

/* RFC 5944 2.1.1, R: a node that is its own end of the tunnel, but has to register by the agent. The source is not its
 * care-of address: that is no NAT when somebody we know signs for it. Revocation is of no use on the way (RFC 3543 3.2). */
static void by_an_agent_that_wants_it(void **state)
{
	const struct ask a = { CLIENT, .care_of = "10.0.5.77", .source = "10.0.1.7" };
	const struct sa sa = agents_key();
	uint8_t msg[1400];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct action *bound;
	struct mip_exts x;

	(void)state;
	assert_code(&a, 129);
	(void)wr_skip(
		&w, build(&(struct ask){ .nai = a.nai, .no_sequence = true, .care_of = a.care_of }, msg, sizeof(msg)));
	assert_int_equal(sa_sign(&sa, MIP_EXT_FA_HA_AUTH, &w), 0);
	deliver("10.0.1.7", (struct span){ msg, wr_len(&w) });
	assert_int_equal(code(), 0);
	bound = find_action(ACTION_BINDING_SET);
	assert_non_null(bound);
	assert_int_equal(bound->binding.tunnel.remote.s_addr, ip("10.0.5.77").s_addr);
	assert_int_equal(bound->binding.tunnel.encap, ENCAP_IPIP);
	bound = &out.v[place_of(ACTION_SEND_DATAGRAM, MIP_TYPE_REPLY)];
	assert_int_equal(mip_exts_parse(bound->octets.p, bound->octets.n, MIP_REPLY_OCTETS, NULL, &x), 0);
	assert_int_equal(x.revocation_at, 0);
	assert_true(x.fa_ha.present);
}

/* What anybody could have put behind the authenticator. */
static void unprotected_keys_change_nothing(void **state)
{
	const struct ask a = { CLIENT, .care_of = "10.0.3.7" };
	uint8_t msg[1400];
	struct wr w = wr_init(msg, sizeof(msg));

	(void)state;
	conf.gre = true;
	(void)wr_skip(&w, build(&a, msg, sizeof(msg)));
	mip_ext_gre_key_build(&w, 0xaabbccdd);
	deliver("10.0.3.7", (struct span){ msg, wr_len(&w) });
	assert_int_equal(code(), 0);
	assert_int_equal(find_action(ACTION_BINDING_SET)->binding.tunnel.encap, ENCAP_IPIP);
}

/* RFC 2003 5.1: a tunnel that ends in a tunnel of ours, now or later, or at ourselves, would go round. */
static void nothing_goes_round(void **state)
{
	(void)state;
	assert_code(&(struct ask){ CLIENT, .care_of = "10.42.0.77" }, 134); /* nobody's yet */
	assert_code(&(struct ask){ CLIENT, .care_of = "10.43.0.1" }, 134);  /* the gateway of a home link is us */
	assert_code(&(struct ask){ CLIENT, .care_of = "10.43.0.77" }, 0);   /* but others may be on it */
	/* In UDP, the tunnel ends where the request came from: its own home address, by the tunnel that it has. */
	assert_code(&(struct ask){ CLIENT, .care_of = "192.168.1.2", .source = "10.42.0.11", .udp = true }, 134);
	assert_code(&(struct ask){ CLIENT, .care_of = "192.168.1.2", .source = "10.42.0.77", .udp = true }, 134);
	assert_code(&(struct ask){ CLIENT, .care_of = "192.168.1.2", .source = "192.0.2.9", .udp = true }, 0);
}

/* RFC 5265 4.2: a word that nobody has signed says nothing. */
static void trust_is_signed(void **state)
{
	struct got got;

	(void)state;
	conf.trusted_subnets = trusted;
	conf.trusted_subnet_n = 1;
	got = ask(&(struct ask){ CLIENT, .spi = 9999 });
	assert_int_equal(got.m.code, 131);
	assert_false(got.x.mn_ha.present);
	assert_int_equal(got.x.tnc_at, 0);
	got = ask(&(struct ask){ CLIENT });
	assert_true(got.x.tnc_at != 0 && got.x.tnc_at < got.x.mn_ha.at);
}

/* RFC 4433 3: any agent will do; one that was meant is told from us; and only who has no address yet may ask so. */
static void any_agent_will_do(void **state)
{
	struct got got = ask(&(struct ask){ CLIENT, .home_agent = "255.255.255.255" });
	uint8_t msg[1400];

	(void)state;
	assert_int_equal(got.m.code, 0);
	assert_int_equal(got.m.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_code(&(struct ask){ CLIENT, .home_agent = "0.0.0.0" }, 0);
	assert_code(&(struct ask){ CLIENT, .home_agent = "0.0.0.0", .home = "10.42.0.11" }, 136);
	assert_code(&(struct ask){ CLIENT, .home_agent = "10.0.0.255" }, 136);
	for (int i = 1; i <= 2; i++) {
		const struct ask none = { CLIENT, .home_agent = "0.0.0.0", .no_auth = true };
		const struct sa sa = sa_with(SPI, MAC_HMAC_SHA_256);
		struct wr w = wr_init(msg, sizeof(msg));

		(void)wr_skip(&w, build(&none, msg, sizeof(msg)));
		mip_ext_dynamic_ha_build(&w, 1, ip(i == 1 ? "10.0.0.1" : "10.0.0.2"));
		assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
		deliver("10.0.1.1", (struct span){ msg, wr_len(&w) });
		assert_int_equal(code(), i == 1 ? 0 : 136);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(revocations_are_signed_by_agents),
		TEST(users_hear_what_they_do_not_know),
		TEST(a_restart_forgets_nothing),
		TEST(agents_end_visits),
		TEST(by_an_agent_that_wants_it),
		TEST(agents_with_a_key_sign),
		TEST(unprotected_keys_change_nothing),
		TEST(nothing_goes_round),
		TEST(trust_is_signed),
		TEST(any_agent_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
