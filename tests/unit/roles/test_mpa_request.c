/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the proxy agent asks for, and of whom, by its configuration. */
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "roles/mpa/mpa.h"
#include "tests/unit/test.h"

enum { IFINDEX = 3 };

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static struct mpa_home_agent agent;
static struct mpa_network network;
static struct mpa_association association;
static struct mpa_station station;
static struct mpa_access port;
static struct mpa_conf conf;

static struct mip_request request;
static struct mip_exts request_x;
static struct in_addr sent_to;

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, 0x5a, n);
}

static int setup(void **state)
{
	static char nai[] = "alice@example.com";

	(void)state;
	agent = (struct mpa_home_agent){ .name = "ha", .address = ip("10.0.0.1") };
	network = (struct mpa_network){
		.name = "office", .prefix = { ip("10.42.0.0"), 24 }, .gateway = ip("10.42.0.1"), .lease_s = 3600
	};
	association = (struct mpa_association){ .name = "a", .scope = SA_SCOPE_USER, .nai = nai };
	association.sa = (struct sa){ .spi = 256, .alg = MAC_HMAC_MD5, .key_n = 3, .key = "key" };
	station = (struct mpa_station){ .nai = nai, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } };
	port = (struct mpa_access){ .interface = "eth1", .ifindex = IFINDEX, .trusted = true, .by_packet = true };
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
				  .max_subscribers = 4 };
	return 0;
}

/* The first request of a station that shows up with @source. */
static void attach(const char *source)
{
	const struct random random = { .fill = fill };
	const struct instant now = { .us = US_PER_S, .ntp = UINT64_C(4000000000) << 32 };
	struct actions out;
	struct mpa *mpa = NULL;
	size_t found = 0;

	assert_int_equal(actions_init(&out), 0);
	assert_int_equal(mpa_new(&conf, &random, &mpa), 0);
	mpa_on_unknown_source(mpa, now, IFINDEX, mac, ip(source), &out);
	for (size_t i = 0; i < out.n; i++) {
		const struct action *a = &out.v[i];
		static uint8_t copy[MIP_MSG_MAX]; /* request_x points into it */

		if (a->type != ACTION_SEND_DATAGRAM)
			continue;
		found++;
		sent_to = a->udp.remote;
		assert_int_equal(a->udp.local.s_addr, conf.care_of.s_addr);
		assert_int_equal(a->udp.remote_port, MIP_PORT);
		memcpy(copy, a->octets.p, a->octets.n);
		assert_int_equal(mip_request_parse(copy, a->octets.n, &request), 0);
		assert_int_equal(mip_exts_parse(copy, a->octets.n, MIP_REQUEST_OCTETS, &conf.sequence, &request_x), 0);
		assert_true(sa_verify(&association.sa, copy,
				      association.scope == SA_SCOPE_NODE ? &request_x.fa_ha : &request_x.mn_ha));
	}
	assert_int_equal(found, 1);
	mpa_freep(&mpa);
	actions_done(&out);
}

/* L-45, X-05: without a foreign agent we are the tunnel's end and say so (D), unless the RFC's profile is wanted. */
static void direct_registration(void **state)
{
	(void)state;
	attach("10.42.0.10");
	assert_int_equal(sent_to.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(request.flags, MIP_REQ_D | MIP_REQ_T); /* */
	assert_int_equal(request.care_of.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(request.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(request.home.s_addr, ip("10.42.0.10").s_addr); /* L-35 */
	assert_int_equal(request.lifetime_s, 600);
	conf.profile = MPA_PROFILE_RFC5563;
	attach("10.42.0.10");
	assert_int_equal(request.flags, MIP_REQ_T);
}

/* L-12, L-45: through a foreign agent, to it, with its care-of address; the tunnel ends there, so no D. */
static void registration_through_a_foreign_agent(void **state)
{
	(void)state;
	agent.via_fa = ip("10.0.7.1");
	conf.forward_broadcast = true; /* the B bit is for those who decapsulate */
	attach("10.42.0.10");
	assert_int_equal(sent_to.s_addr, ip("10.0.7.1").s_addr);
	assert_int_equal(request.flags, MIP_REQ_T);
	assert_int_equal(request.care_of.s_addr, ip("10.0.7.1").s_addr);
	assert_int_equal(request.home_agent.s_addr, ip("10.0.0.1").s_addr);
}

/* L-43: who forwards its stations' broadcasts wants the others' too. */
static void broadcasts_are_asked_for(void **state)
{
	(void)state;
	conf.forward_broadcast = true;
	attach("10.42.0.10");
	assert_int_equal(request.flags, MIP_REQ_B | MIP_REQ_D | MIP_REQ_T);
}

/* L-01, L-15, L-62, X-15: the NAI, the number known (none), revocation support, all under the authenticator. */
static void extensions_are_protected(void **state)
{
	(void)state;
	attach("192.0.2.7"); /* not of a home network: no wish */
	assert_int_equal(request.home.s_addr, INADDR_ANY);
	assert_memory_equal(request_x.nai.p, "alice@example.com", request_x.nai.n);
	assert_int_equal(request_x.sequence, 0);
	assert_true(request_x.nai_at < request_x.mn_ha.at && request_x.sequence_at < request_x.mn_ha.at);
	assert_in_range(request_x.revocation_at, 1, request_x.mn_ha.at);
	assert_in_range(request_x.pmip_at, 1, request_x.mn_ha.at);
	assert_int_equal(request_x.access_tech, MIP_ACCESS_TECH_8023);
	assert_memory_equal(request_x.device_id.p, mac, sizeof(mac));
	assert_int_equal(request_x.udp_request_at, 0);
	conf.udp = MPA_UDP_FORCE;
	attach("192.0.2.7");
	assert_true(request_x.udp_force);
}

/* RFC 5563 4.1: a key of the node instead of the user's. */
static void node_keys_are_named(void **state)
{
	(void)state;
	association.scope = SA_SCOPE_NODE;
	attach("10.42.0.10");
	assert_int_equal(request_x.pmip_method, MIP_PMIP_METHOD_FA_HA_AUTH);
	assert_false(request_x.mn_ha.present);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(direct_registration),      TEST(registration_through_a_foreign_agent),
		TEST(broadcasts_are_asked_for), TEST(extensions_are_protected),
		TEST(node_keys_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
