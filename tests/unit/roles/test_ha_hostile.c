/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent against those who hold no key, or the key of somebody else: copied, bent and repeated messages. */
#include "codec/icmp4.h"
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "roles/ha/ha.h"
#include "tests/unit/test.h"

static const struct sa user_sa = { .spi = 256, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 4, .key = "user" };
static const struct sa agent_sa = { .spi = 257, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 5, .key = "agent" };

static struct address_range range;
static struct ha_network network;
static struct ha_association associations[2];
static struct ha_user user;
static struct prefix agents;
static struct ha_conf conf;
static struct ha *ha;
static struct actions out;
static struct instant now;

static uint8_t msg[MIP_MSG_MAX];
static struct wr w;
static struct mip_reply reply;
static struct mip_exts reply_x;
static struct span reply_octets;

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, 0x5a, n);
}

static int setup(void **state)
{
	static char realm[] = "example.com", everybody[] = "*@example.com";
	const struct random random = { .fill = fill };

	(void)state;
	range = (struct address_range){ ip("10.42.0.2"), ip("10.42.0.20") };
	network = (struct ha_network){ .name = "office",
				       .prefix = { ip("10.42.0.0"), 24 },
				       .gateway = ip("10.42.0.1"),
				       .pools = &range,
				       .pool_n = 1 };
	agents = (struct prefix){ ip("10.0.1.0"), 24 };
	associations[0] =
		(struct ha_association){ .name = "staff", .scope = SA_SCOPE_DOMAIN, .realm = realm, .sa = user_sa };
	associations[1] = (struct ha_association){
		.name = "agents", .scope = SA_SCOPE_NODE, .nodes = &agents, .node_n = 1, .sa = agent_sa
	};
	user = (struct ha_user){ .nai = everybody, .proxy_allowed = true };
	conf = (struct ha_conf){ .address = ip("10.42.0.2"),
				 .networks = &network,
				 .network_n = 1,
				 .associations = associations,
				 .association_n = 2,
				 .users = &user,
				 .user_n = 1,
				 .max_lifetime_s = 600,
				 .udp_max_lifetime_s = 60,
				 .udp_keepalive_s = 110,
				 .sticky_s = 1000,
				 .max_bindings = 8,
				 .max_addresses_per_nai = 1,
				 .pmip = true,
				 .forward_broadcast = true,
				 .auth_failure_rate = 10,
				 .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 } };
	now = (struct instant){ .us = 1000 * US_PER_S, .ntp = UINT64_C(4000000000) << 32 };
	assert_int_equal(actions_init(&out), 0);
	return ha_new(&conf, &random, &ha);
}

static int teardown(void **state)
{
	(void)state;
	ha_freep(&ha);
	actions_done(&out);
	return 0;
}

/* A request in `w`: up to and with the NAI, to be continued. */
static void begin_request(const char *nai, const char *care_of, const char *home, uint8_t flags)
{
	const struct mip_request m = { .flags = flags,
				       .lifetime_s = 300,
				       .home = ip(home),
				       .home_agent = conf.address,
				       .care_of = ip(care_of),
				       .id = now.ntp };

	w = wr_init(msg, sizeof(msg));
	mip_request_build(&w, &m);
	mip_ext_nai_build(&w, text(nai));
}

static void sign(const struct sa *sa, uint8_t type)
{
	assert_int_equal(sa_sign(sa, type, &w), 0);
}

/* Sends what is in `w`. Return: the code of the reply, or -1 for silence. */
static int send_from(const char *source, uint16_t port)
{
	const struct datagram d = { .local = conf.address,
				    .local_port = MIP_PORT,
				    .remote = ip(source),
				    .remote_port = port,
				    .payload = { msg, wr_len(&w) } };
	int code = -1;

	assert_int_equal(w.err, 0);
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
	for (size_t i = 0; i < out.n; i++) {
		const struct action *a = &out.v[i];

		if (a->type != ACTION_SEND_DATAGRAM || a->octets.p[0] != MIP_TYPE_REPLY)
			continue;
		reply_octets = a->octets;
		assert_int_equal(mip_reply_parse(a->octets.p, a->octets.n, &reply), 0);
		assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REPLY_OCTETS, &conf.sequence, &reply_x),
				 0);
		code = reply.code;
	}
	now.us += US_PER_MS;
	now.ntp += (UINT64_C(1) << 32) / 1000;
	return code;
}

static const struct action *find(enum action_type type)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type)
			return &out.v[i];
	return NULL;
}

static void register_station(const char *nai, const char *care_of)
{
	begin_request(nai, care_of, "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	mip_ext_sequence_build(&w, &conf.sequence, 0);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from(care_of, MIP_PORT), MIP_CODE_ACCEPTED);
}

/* Somebody on the path copies a good request, adds a UDP tunnel request behind the authenticator and sends it from his
 * own address: the tunnel must not go to him. */
static void unprotected_udp_request_moves_no_tunnel(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	mip_ext_udp_request_build(&w, false, false, 0);
	assert_int_equal(send_from("192.0.2.66", 6666), MIP_CODE_ADMIN_PROHIBITED);
	assert_null(find(ACTION_BINDING_SET));
}

/* RFC 3519 4.4: behind the user's authenticator only a foreign agent may put it, under its own, and with D clear. */
static void udp_request_of_a_foreign_agent(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.9.9", "0.0.0.0", MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	mip_ext_udp_request_build(&w, false, false, 0);
	sign(&agent_sa, MIP_EXT_FA_HA_AUTH);
	assert_int_equal(send_from("10.0.1.7", 6666), MIP_CODE_ACCEPTED);
	assert_int_equal(find(ACTION_BINDING_SET)->binding.tunnel.encap, ENCAP_UDP);

	begin_request("bob@example.com", "10.0.9.9", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	mip_ext_udp_request_build(&w, false, false, 0);
	sign(&agent_sa, MIP_EXT_FA_HA_AUTH);
	assert_int_equal(send_from("10.0.1.7", 6666), MIP_CODE_MALFORMED);
}

/* RFC 3543 3.2: revocation support counts under an authenticator only. */
static void unprotected_revocation_support_is_ignored(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	mip_ext_revocation_support_build(&w, false, UINT32_MAX);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_ACCEPTED);
	assert_int_equal(reply_x.revocation_at, 0);
}

/* L-48: a number that anybody could have added orders nothing; the answer carries none either. */
static void unprotected_sequence_is_ignored(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	mip_ext_sequence_build(&w, &conf.sequence, 0x7fffffff);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_ACCEPTED);
	assert_int_equal(reply_x.sequence_at, 0);
}

static void proxy_extensions_behind_the_authenticator_are_refused(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	mip_ext_interface_id_build(&w, text("eth1"));
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	mip_ext_access_tech_build(&w, MIP_ACCESS_TECH_80211); /* not by who signed */
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_MN_AUTH_FAILED);
}

static void swapped_nai_is_refused(void **state)
{
	size_t at;

	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	at = wr_len(&w);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_memory_equal(msg + at - strlen("alice@example.com"), "alice", 5);
	memcpy(msg + at - strlen("alice@example.com"), "mally", 5);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_MN_AUTH_FAILED);
}

static void second_authenticator_is_no_second_chance(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_MN_AUTH_FAILED);
}

/* RFC 5944 3.7.3.1: a foreign agent that shares a key drops every reply that is not signed for it. */
static void refusals_are_signed_for_the_foreign_agent(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_T);
	msg[16] ^= 0x40; /* a time long gone */
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	sign(&agent_sa, MIP_EXT_FA_HA_AUTH);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_ID_MISMATCH);
	assert_true(sa_verify(&agent_sa, reply_octets.p, &reply_x.fa_ha));
	assert_true(sa_verify(&user_sa, reply_octets.p, &reply_x.mn_ha));

	begin_request("alice@example.com", "10.0.1.1", "0.0.0.0", MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	w.at[-1] ^= 1;
	sign(&agent_sa, MIP_EXT_FA_HA_AUTH);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_MN_AUTH_FAILED);
	assert_true(sa_verify(&agent_sa, reply_octets.p, &reply_x.fa_ha));
}

/* RFC 5944 3.8.2.1: from an agent that shares no key, an authenticator is a reason to be silent. */
static void foreign_agents_without_a_key_are_discarded(void **state)
{
	(void)state;
	begin_request("alice@example.com", "10.7.7.7", "0.0.0.0", MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	sign(&agent_sa, MIP_EXT_FA_HA_AUTH);
	assert_int_equal(send_from("10.7.7.7", MIP_PORT), -1); /* the key is good, the address is not one of its */
}

/* Our own address lies in the home network and in its pool; nobody gets it, asked for or not. */
static void own_address_is_never_given_out(void **state)
{
	(void)state;
	register_station("alice@example.com", "10.0.1.1");
	assert_int_not_equal(reply.home.s_addr, conf.address.s_addr);
	begin_request("bob@example.com", "10.0.1.1", "10.42.0.2", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_ADMIN_PROHIBITED);
	begin_request("bob@example.com", "10.0.1.1", "10.42.0.1", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_ADMIN_PROHIBITED);
}

/* A care-of address that is itself reached through us would make packets go round. */
static void tunnels_do_not_nest(void **state)
{
	(void)state;
	register_station("alice@example.com", "10.0.1.1");
	begin_request("bob@example.com", "10.42.0.3", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	assert_int_equal(reply.home.s_addr, ip("10.42.0.3").s_addr);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.42.0.3", MIP_PORT), MIP_CODE_MALFORMED);
}

struct recorded {
	uint8_t octets[MIP_MSG_MAX];
	size_t n;
};

/* A request of a user who then goes to another agent. */
static struct recorded recorded_before_a_move(void)
{
	struct recorded r;

	register_station("alice@example.com", "10.0.1.1");
	r.n = wr_len(&w);
	memcpy(r.octets, msg, r.n);
	register_station("alice@example.com", "10.0.2.1");
	return r;
}

static void play_again(const struct recorded *r)
{
	memcpy(msg, r->octets, r->n);
	w = wr_init(msg, sizeof(msg));
	(void)wr_skip(&w, r->n);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), MIP_CODE_ID_MISMATCH);
}

/* A recorded request, played again after its user went elsewhere and came back to another agent. */
static void old_requests_do_not_come_back(void **state)
{
	struct recorded r;

	(void)state;
	r = recorded_before_a_move();
	play_again(&r);
	assert_null(find(ACTION_BINDING_SET));
}

/* Whoever has recorded one may send it for ever. The user, for whom it may be, is answered; the log is not filled. */
static void replays_are_told_now_and_then(void **state)
{
	struct recorded r;
	size_t said = 0;

	(void)state;
	r = recorded_before_a_move();
	for (unsigned i = 0; i < 200; i++) {
		play_again(&r);
		for (size_t k = 0; k < out.n; k++)
			said += out.v[k].type == ACTION_RECORD && out.v[k].record.level <= RECORD_WARN;
	}
	assert_in_range(said, 1, 2 * conf.auth_failure_rate);
}

/* The agent that lost the station cannot end the binding that is not its own any more. */
static void old_agents_cannot_revoke(void **state)
{
	struct mip_revocation m = { .home_domain = conf.address,
				    .foreign_domain = ip("10.0.1.1"),
				    .id = UINT32_MAX / 3 };

	(void)state;
	register_station("alice@example.com", "10.0.1.1");
	register_station("alice@example.com", "10.0.2.1");
	m.home = reply.home;
	w = wr_init(msg, sizeof(msg));
	mip_revocation_build(&w, &m);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.0.1.1", MIP_PORT), -1);
	assert_int_equal(out.n, 0);
}

/* A revocation of ours sent back to us is no revocation (RFC 3543 3.3: the A bit). */
static void reflected_revocations_are_ignored(void **state)
{
	const struct action *sent = NULL;

	(void)state;
	conf.revoke = HA_REVOKE_ALWAYS;
	register_station("alice@example.com", "10.0.1.1");
	register_station("alice@example.com", "10.0.2.1");
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == ACTION_SEND_DATAGRAM && out.v[i].octets.p[0] == MIP_TYPE_REVOCATION)
			sent = &out.v[i];
	assert_non_null(sent);
	w = wr_init(msg, sizeof(msg));
	wr_bytes(&w, sent->octets.p, sent->octets.n);
	assert_int_equal(send_from("10.0.2.1", MIP_PORT), -1);
	assert_null(find(ACTION_BINDING_DEL));
}

/* RFC 5944 4.3, L-44: hosts of their own hear broadcasts when they asked to; proxies' stations always do. */
static void broadcasts_reach_who_wants_them(void **state)
{
	uint8_t packet[64];
	struct wr p = wr_init(packet, sizeof(packet));
	struct ip4 h = { .ttl = 1, .protocol = IPPROTO_UDP, .destination = ip("224.0.0.251") };
	struct tunnelled t = { .tunnel = { .local = conf.address, .remote = ip("10.0.1.1") } };
	size_t copies = 0;

	(void)state;
	register_station("alice@example.com", "10.0.1.1");
	h.source = reply.home;
	register_station("bob@example.com", "10.0.2.1");
	begin_request("quiet@example.com", "10.0.3.1", "0.0.0.0", MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.0.3.1", MIP_PORT), 0);
	begin_request("curious@example.com", "10.0.4.1", "0.0.0.0", MIP_REQ_B | MIP_REQ_D | MIP_REQ_T);
	sign(&user_sa, MIP_EXT_MN_HA_AUTH);
	assert_int_equal(send_from("10.0.4.1", MIP_PORT), 0);

	ip4_build(&p, &h, 0);
	t.inner = (struct span){ packet, wr_len(&p) };
	actions_clear(&out);
	ha_on_tunnelled(ha, now, &t, &out);
	for (size_t i = 0; i < out.n; i++) {
		copies += out.v[i].type == ACTION_SEND_TUNNELLED;
		assert_int_not_equal(out.v[i].tunnel.remote.s_addr, ip("10.0.3.1").s_addr);
	}
	assert_int_equal(copies, 2);
}

/* RFC 1812 4.3.2.8: somebody who walks through the home network's addresses gets some answers, not all. */
static void icmp_errors_are_limited(void **state)
{
	uint8_t packet[64];
	size_t errors = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct wr p = wr_init(packet, sizeof(packet));
		const struct ip4 h = {
			.ttl = 64, .protocol = IPPROTO_UDP, .source = ip("10.9.0.2"), .destination = ip("10.42.0.99")
		};

		ip4_build(&p, &h, 0);
		actions_clear(&out);
		ha_on_packet(ha, now, (struct span){ packet, wr_len(&p) }, 0, &out);
		errors += out.n;
	}
	assert_in_range(errors, 1, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unprotected_udp_request_moves_no_tunnel),
		TEST(udp_request_of_a_foreign_agent),
		TEST(unprotected_revocation_support_is_ignored),
		TEST(unprotected_sequence_is_ignored),
		TEST(proxy_extensions_behind_the_authenticator_are_refused),
		TEST(swapped_nai_is_refused),
		TEST(second_authenticator_is_no_second_chance),
		TEST(refusals_are_signed_for_the_foreign_agent),
		TEST(foreign_agents_without_a_key_are_discarded),
		TEST(own_address_is_never_given_out),
		TEST(tunnels_do_not_nest),
		TEST(old_requests_do_not_come_back),
		TEST(replays_are_told_now_and_then),
		TEST(old_agents_cannot_revoke),
		TEST(reflected_revocations_are_ignored),
		TEST(broadcasts_reach_who_wants_them),
		TEST(icmp_errors_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
