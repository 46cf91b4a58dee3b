/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy agent against late, bent and misleading answers. */
#include "codec/ip4.h"
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "roles/mpa/mpa.h"
#include "tests/unit/test.h"

enum { IFINDEX = 3 };

static const struct sa sa = { .spi = 256, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 3, .key = "key" };
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static struct mpa_home_agent agent;
static struct mpa_network network;
static struct mpa_association association;
static struct mpa_station station;
static struct mpa_access port;
static struct mpa_conf conf;
static struct mpa *mpa;
static struct actions out;
static struct instant now;

static struct mip_request request; /* the last one sent, and what it carried */
static struct mip_exts request_x;
static unsigned requests;

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, 0x5a, n);
}

static int setup(void **state)
{
	static char realm[] = "example.com", nai[] = "alice@example.com";
	const struct random random = { .fill = fill };

	(void)state;
	agent = (struct mpa_home_agent){ .name = "ha", .address = ip("10.0.0.1") };
	network = (struct mpa_network){
		.name = "office", .prefix = { ip("10.42.0.0"), 24 }, .gateway = ip("10.42.0.1"), .lease_s = 3600
	};
	association = (struct mpa_association){ .name = "staff", .scope = SA_SCOPE_DOMAIN, .realm = realm, .sa = sa };
	station = (struct mpa_station){ .nai = nai, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } };
	port = (struct mpa_access){ .interface = "eth1",
				    .ifindex = IFINDEX,
				    .trusted = true,
				    .by_dhcp = true,
				    .by_packet = true,
				    .by_carrier = true };
	conf = (struct mpa_conf){ .care_of = ip("10.0.1.1"),
				  .home_agents = &agent,
				  .home_agent_n = 1,
				  .networks = &network,
				  .network_n = 1,
				  .associations = &association,
				  .association_n = 1,
				  .stations = &station,
				  .station_n = 1,
				  .accesses = &port,
				  .access_n = 1,
				  .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
				  .lifetime_s = 600,
				  .retransmit_ms = 1000,
				  .retransmit_max_s = 32,
				  .failover_after = 3,
				  .hold_s = 30,
				  .holdoff_ms = 200,
				  .max_subscribers = 4 };
	now = (struct instant){ .us = 1000 * US_PER_S, .ntp = UINT64_C(4000000000) << 32 };
	requests = 0;
	assert_int_equal(actions_init(&out), 0);
	return mpa_new(&conf, &random, &mpa);
}

static int teardown(void **state)
{
	(void)state;
	mpa_freep(&mpa);
	actions_done(&out);
	return 0;
}

static void pass_ms(uint64_t ms)
{
	now.us += ms * US_PER_MS;
	now.ntp += (ms << 32) / 1000;
}

/* Notes the requests among the actions. */
static void look(void)
{
	for (size_t i = 0; i < out.n; i++) {
		const struct action *a = &out.v[i];

		if (a->type != ACTION_SEND_DATAGRAM || a->octets.p[0] != MIP_TYPE_REQUEST)
			continue;
		requests++;
		assert_int_equal(mip_request_parse(a->octets.p, a->octets.n, &request), 0);
		assert_int_equal(
			mip_exts_parse(a->octets.p, a->octets.n, MIP_REQUEST_OCTETS, &conf.sequence, &request_x), 0);
	}
}

static bool has(enum action_type type)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type)
			return true;
	return false;
}

static void packet(void)
{
	actions_clear(&out);
	mpa_on_unknown_source(mpa, now, IFINDEX, mac, ip("10.42.0.10"), 0, &out);
	look();
}

static void carrier(bool up)
{
	actions_clear(&out);
	mpa_on_carrier(mpa, now, IFINDEX, up, &out);
	look();
}

static void tick(void)
{
	actions_clear(&out);
	mpa_on_time(mpa, now, &out);
	look();
}

struct answer {
	uint8_t code;
	uint16_t lifetime_s;
	uint32_t sequence;
	uint32_t stamp;  /* revocation support, 0 = none */
	bool udp_behind; /* a UDP tunnel reply behind the authenticator */
	bool revocation_behind;
};

static void receive(const struct wr *w)
{
	const struct datagram d = { .local = conf.care_of,
				    .remote = agent.address,
				    .local_port = MIP_PORT,
				    .remote_port = MIP_PORT,
				    .payload = { w->start, wr_len(w) } };

	assert_int_equal(w->err, 0);
	actions_clear(&out);
	mpa_on_datagram(mpa, now, &d, &out);
	look();
}

static void answer(const struct answer *a)
{
	const struct mip_reply m = { .code = a->code,
				     .lifetime_s = a->lifetime_s,
				     .home = ip("10.42.0.10"),
				     .home_agent = agent.address,
				     .id = request.id };
	uint8_t msg[MIP_MSG_MAX];
	struct wr w = wr_init(msg, sizeof(msg));

	mip_reply_build(&w, &m);
	mip_ext_nai_build(&w, text("alice@example.com"));
	mip_ext_sequence_build(&w, &conf.sequence, a->sequence);
	if (a->stamp != 0)
		mip_ext_revocation_support_build(&w, false, a->stamp);
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	if (a->udp_behind)
		mip_ext_udp_reply_build(&w, 0, false, 10);
	if (a->revocation_behind)
		mip_ext_revocation_support_build(&w, false, UINT32_MAX / 2);
	receive(&w);
}

static void send_revocation(const char *care_of, uint32_t id)
{
	const struct mip_revocation m = { .from_ha = true,
					  .home = ip("10.42.0.10"),
					  .home_domain = agent.address,
					  .foreign_domain = ip(care_of),
					  .id = id };
	uint8_t msg[MIP_MSG_MAX];
	struct wr w = wr_init(msg, sizeof(msg));

	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	receive(&w);
}

static void count_one(void *ctx, const struct mpa_subscriber_view *v)
{
	(void)v;
	(*(size_t *)ctx)++;
}

static size_t subscribers(void)
{
	size_t n = 0;

	mpa_each_subscriber(mpa, count_one, &n);
	return n;
}

/* An answer that comes after the lifetime it grants: asked again, not served for ever. */
static void late_answers_do_not_last(void **state)
{
	(void)state;
	conf.retransmit_ms = 60000;
	conf.retransmit_max_s = 60;
	packet();
	pass_ms(6000);
	answer(&(struct answer){ .lifetime_s = 5, .sequence = 1 });
	assert_true(mpa_due(mpa) <= now.us + 60 * US_PER_S);
	requests = 0;
	tick();
	assert_int_equal(requests, 1);
	assert_true(has(ACTION_VISITOR_DEL));
}

/* Accepted for no time: no tunnel, and no storm of requests. */
static void a_lifetime_of_zero_is_a_refusal(void **state)
{
	(void)state;
	packet();
	answer(&(struct answer){ .lifetime_s = 0, .sequence = 1 });
	assert_false(has(ACTION_VISITOR_SET));
	requests = 0;
	for (int i = 0; i < 20; i++) {
		pass_ms(1000);
		tick();
		packet();
	}
	assert_int_equal(requests, 0);
	pass_ms(15000);
	tick();
	assert_int_equal(requests, 1);
}

/* What lies behind the authenticator changes no tunnel and starts no revocation. */
static void unprotected_extensions_are_ignored(void **state)
{
	(void)state;
	packet();
	answer(&(struct answer){ .lifetime_s = 600, .sequence = 1, .udp_behind = true, .revocation_behind = true });
	assert_true(has(ACTION_VISITOR_SET));
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == ACTION_VISITOR_SET)
			assert_int_equal(out.v[i].visitor.tunnel.encap, ENCAP_IPIP);
}

/* RFC 3543 4.2.1: about another care-of address, it is not about us. */
static void revocations_of_others_are_ignored(void **state)
{
	(void)state;
	packet();
	answer(&(struct answer){ .lifetime_s = 600, .sequence = 1, .stamp = 1000 });
	send_revocation("10.0.2.1", 1001);
	assert_int_equal(subscribers(), 1);
	assert_false(has(ACTION_VISITOR_DEL));
	send_revocation("10.0.1.1", 1000); /* not after the registration */
	assert_int_equal(subscribers(), 1);
	send_revocation("10.0.1.1", 1001);
	assert_int_equal(subscribers(), 0);
	assert_true(has(ACTION_VISITOR_DEL));
}

/* L-18, X-04: back after it was served elsewhere, unknown to us: the old number would be stale, so it is not sent. */
static void coming_back_claims_anew(void **state)
{
	(void)state;
	packet();
	answer(&(struct answer){ .lifetime_s = 600, .sequence = 41 });
	pass_ms(10000);
	carrier(false);
	packet();
	assert_true(request_x.sequence_at != 0);
	assert_int_equal(request_x.sequence, 0);

	answer(&(struct answer){ .lifetime_s = 600, .sequence = 43 });
	pass_ms(10000);
	carrier(false);
	pass_ms(31000); /* the hold is over: deregistration under way */
	tick();
	assert_int_equal(request.lifetime_s, 0);
	packet();
	assert_int_equal(request.lifetime_s, 600);
	assert_int_equal(request_x.sequence, 0);
}

/* L-15, L-16: a refresh sends the number; told that another agent is newer, we forget the station, and serve it again
 * when it shows that it is here. */
static void superseded_is_not_for_ever(void **state)
{
	(void)state;
	packet();
	answer(&(struct answer){ .lifetime_s = 100, .sequence = 41 });
	pass_ms(75000);
	tick();
	assert_int_equal(request_x.sequence, 41);
	pass_ms(30000); /* nobody answers to the end of the lifetime */
	tick();
	answer(&(struct answer){ .code = MIP_CODE_ADMIN_PROHIBITED });
	assert_int_equal(subscribers(), 0);
	requests = 0;
	pass_ms(1000);
	packet();
	assert_int_equal(requests, 1);
	assert_int_equal(request_x.sequence, 0);
}

/* RFC 5944 3.6.2.1: the low half of the Identification tells which request is answered. */
static void answers_to_other_requests_are_ignored(void **state)
{
	(void)state;
	packet();
	request.id ^= 1;
	answer(&(struct answer){ .lifetime_s = 600, .sequence = 1 });
	assert_false(has(ACTION_VISITOR_SET));
	request.id ^= 1;
	answer(&(struct answer){ .lifetime_s = 600, .sequence = 1 });
	assert_true(has(ACTION_VISITOR_SET));
	answer(&(struct answer){ .code = MIP_CODE_ADMIN_PROHIBITED }); /* nothing is asked any more */
	assert_int_equal(subscribers(), 1);
	assert_false(has(ACTION_VISITOR_DEL));
}

/* L-44: the wrapping is for broadcasts; anything else in it would reach the link past the data plane's checks. */
static void only_broadcasts_come_wrapped(void **state)
{
	static const struct {
		const char *destination;
		bool delivered;
	} rows[] = {
		{ "224.0.0.251", true }, { "255.255.255.255", true }, { "10.42.0.255", true },  { "10.42.0.10", false },
		{ "10.42.0.11", false }, { "239.1.2.3", false },      { "10.43.0.255", false },
	};

	(void)state;
	packet();
	answer(&(struct answer){ .lifetime_s = 600, .sequence = 1 });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t octets[64];
		struct wr w = wr_init(octets, sizeof(octets));
		const struct ip4 wrap = {
			.ttl = 64, .protocol = IPPROTO_IPIP, .source = agent.address, .destination = ip("10.42.0.10")
		};
		const struct ip4 inner = { .ttl = 1,
					   .protocol = IPPROTO_UDP,
					   .source = ip("10.42.0.11"),
					   .destination = ip(rows[i].destination) };
		const struct tunnelled t = { .tunnel = { .local = conf.care_of, .remote = agent.address },
					     .inner = { octets, 40 } };

		ip4_build(&w, &wrap, 20);
		ip4_build(&w, &inner, 0);
		assert_int_equal(wr_len(&w), 40);
		actions_clear(&out);
		mpa_on_tunnelled(mpa, now, &t, &out);
		if (has(ACTION_SEND_FRAME) != rows[i].delivered)
			fail_msg("%s", rows[i].destination);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(late_answers_do_not_last),
		TEST(a_lifetime_of_zero_is_a_refusal),
		TEST(unprotected_extensions_are_ignored),
		TEST(revocations_of_others_are_ignored),
		TEST(coming_back_claims_anew),
		TEST(superseded_is_not_for_ever),
		TEST(answers_to_other_requests_are_ignored),
		TEST(only_broadcasts_come_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
