/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/roles/ha_fixture.h"

static struct address_range pools[] = { { { 0 }, { 0 } } };

static struct ha_network networks[2];
static struct ha_association associations[4];
struct ha_user users[4];
struct prefix nodes[1], trusted[1];
struct ha_conf conf;
struct ha *ha;
struct actions out;
struct instant now;

static void fill_random(void *ctx, uint8_t *ret, size_t n)
{
	static uint8_t next = 1;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		ret[i] = next++;
}

const char *sa_key;

struct sa sa_with(uint32_t spi, enum mac_alg alg)
{
	struct sa sa = { .spi = spi, .alg = alg, .tolerance_s = 7, .key_n = 8 };

	memcpy(sa.key, sa_key, 8);
	return sa;
}

static void default_conf(void)
{
	sa_key = "8 octets";
	pools[0] = (struct address_range){ ip("10.42.0.10"), ip("10.42.0.12") };
	networks[0] = (struct ha_network){ .name = "office",
					   .prefix = { ip("10.42.0.0"), 24 },
					   .gateway = ip("10.42.0.1"),
					   .pools = pools,
					   .pool_n = 1 };
	networks[1] = (struct ha_network){ .name = "lab",
					   .prefix = { ip("10.43.0.0"), 24 },
					   .gateway = ip("10.43.0.1"),
					   .interface = "eth1",
					   .ifindex = 7,
					   .mac = { 2, 0, 0, 0, 0, 9 } };
	nodes[0] = (struct prefix){ ip("10.0.1.0"), 24 };
	trusted[0] = (struct prefix){ ip("10.0.0.0"), 16 };
	associations[0] = (struct ha_association){ .name = "staff",
						   .scope = SA_SCOPE_DOMAIN,
						   .realm = (char *)"example.com",
						   .sa = sa_with(SPI, MAC_HMAC_SHA_256) };
	associations[1] = (struct ha_association){ .name = "node",
						   .scope = SA_SCOPE_NODE,
						   .nodes = nodes,
						   .node_n = 1,
						   .sa = sa_with(NODE_SPI, MAC_HMAC_MD5) };
	associations[2] = (struct ha_association){ .name = "bob",
						   .scope = SA_SCOPE_USER,
						   .nai = (char *)"bob@example.com",
						   .sa = sa_with(USER_SPI, MAC_KEYED_MD5) };
	associations[3] = (struct ha_association){ .name = "nonce",
						   .scope = SA_SCOPE_DOMAIN,
						   .realm = (char *)"example.com",
						   .sa = sa_with(NONCE_SPI, MAC_HMAC_MD5) };
	associations[3].sa.replay = REPLAY_NONCE;
	users[0] = (struct ha_user){ .nai = (char *)"*@example.com", .proxy_allowed = true };
	users[1] = (struct ha_user){ .nai = (char *)"client@example.com" };
	users[2] = (struct ha_user){ .nai = (char *)"fixed@example.com",
				     .home_address = ip("10.42.0.10"),
				     .proxy_allowed = true };
	users[3] = (struct ha_user){ .nai = (char *)"lab@example.com",
				     .network = "lab",
				     .home_address = ip("10.43.0.5"),
				     .proxy_allowed = true };
	conf = (struct ha_conf){ .address = ip("10.0.0.1"),
				 .networks = networks,
				 .network_n = 2,
				 .associations = associations,
				 .association_n = 4,
				 .users = users,
				 .user_n = 4,
				 .max_lifetime_s = 600,
				 .udp_max_lifetime_s = 60,
				 .udp_keepalive_s = 110,
				 .sticky_s = 1000,
				 .max_bindings = 4,
				 .max_addresses_per_nai = 1,
				 .simultaneous = 1,
				 .pmip = true,
				 .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
				 .auth_failure_rate = 10,
				 .grace_ms = 500 };
}

static void begin(void)
{
	const struct random random = { .fill = fill_random };

	assert_int_equal(ha_new(&conf, &random, &ha), 0);
	assert_int_equal(actions_init(&out), 0);
	now = (struct instant){ .us = 1000 * US_PER_S, .ntp = UINT64_C(4000000000) << 32 };
}

int setup(void **state)
{
	(void)state;
	default_conf();
	begin();
	return 0;
}

/* The agent with a changed configuration. */
void restart(void)
{
	ha_freep(&ha);
	actions_done(&out);
	begin();
}

int teardown(void **state)
{
	(void)state;
	ha_freep(&ha);
	actions_done(&out);
	return 0;
}

void pass_ms(uint64_t ms)
{
	now.us += ms * US_PER_MS;
	now.ntp += (ms << 32) / 1000;
}

uint64_t last_id;

size_t build(const struct ask *a, uint8_t *ret, size_t room)
{
	struct wr w = wr_init(ret, room);
	struct mip_request m = { .flags = (uint8_t)(((MIP_REQ_T | MIP_REQ_D) & ~a->flags_off) | a->flags_on),
				 .lifetime_s = a->deregister ? 0 :
					       a->lifetime_s ? a->lifetime_s :
							       300,
				 .home = a->home ? ip(a->home) : (struct in_addr){ 0 },
				 .home_agent = ip(a->home_agent ? a->home_agent : "10.0.0.1"),
				 .care_of = ip(a->care_of ? a->care_of : "10.0.1.1"),
				 .id = a->id ? a->id : now.ntp };
	uint32_t spi = a->spi ? a->spi : a->node ? NODE_SPI : SPI;
	struct sa sa = sa_with(spi, a->node || spi == NONCE_SPI ? MAC_HMAC_MD5 :
				    spi == USER_SPI             ? MAC_KEYED_MD5 :
								  MAC_HMAC_SHA_256);

	last_id = m.id;
	mip_request_build(&w, &m);
	mip_ext_nai_build(&w, text(a->nai ? a->nai : "alice@example.com"));
	if (!a->no_revocation)
		mip_ext_revocation_support_build(&w, false, 77);
	if (a->udp)
		mip_ext_udp_request_build(&w, a->udp_force, a->udp_via_fa, a->udp_encapsulation);
	if (a->udp_reserved)
		w.at[-1] = a->udp_reserved;
	if (a->node || a->method)
		mip_ext_pmip_method_build(&w, a->method ? a->method : MIP_PMIP_METHOD_FA_HA_AUTH);
	if (a->tech)
		mip_ext_access_tech_build(&w, a->tech);
	if (a->gre)
		mip_ext_gre_key_build(&w, a->gre_key);
	if (a->cvse)
		wr_bytes(&w, "\x26\x00\x00\x06\x00\x00\x7e\xd9\x00\x01", 10);
	if (!a->no_sequence)
		mip_ext_sequence_build(&w, &conf.sequence, a->sequence);
	if (!a->no_auth)
		assert_int_equal(sa_sign(&sa, a->node ? MIP_EXT_FA_HA_AUTH : MIP_EXT_MN_HA_AUTH, &w), 0);
	if (a->bad_auth)
		w.at[-1] ^= 1;
	if (a->cvse_behind)
		wr_bytes(&w, "\x26\x00\x00\x06\x00\x00\x7e\xd9\x00\x01", 10);
	assert_int_equal(w.err, 0);
	return wr_len(&w);
}

/* Feeds a request and finds its reply among the actions. */
struct got ask(const struct ask *a)
{
	static uint8_t msg[1400];
	struct datagram d = { .local = ip("10.0.0.1"),
			      .local_port = MIP_PORT,
			      .remote = ip(a->source  ? a->source :
					   a->care_of ? a->care_of :
							"10.0.1.1"),
			      .remote_port = a->port ? a->port : MIP_PORT };
	struct got got = { 0 };

	actions_clear(&out);
	d.payload = (struct span){ msg, build(a, msg, sizeof(msg)) };
	ha_on_datagram(ha, now, &d, &out);
	for (size_t i = 0; i < out.n; i++) {
		const struct action *act = &out.v[i];

		if (act->type != ACTION_SEND_DATAGRAM || act->octets.p[0] != MIP_TYPE_REPLY)
			continue;
		assert_false(got.replied);
		got.replied = true;
		got.octets = act->octets;
		got.to = act->udp.remote;
		got.to_port = act->udp.remote_port;
		assert_int_equal(act->udp.local.s_addr, ip("10.0.0.1").s_addr);
		assert_int_equal(mip_reply_parse(act->octets.p, act->octets.n, &got.m), 0);
		assert_int_equal(mip_exts_parse(act->octets.p, act->octets.n, MIP_REPLY_OCTETS, &conf.sequence, &got.x),
				 0);
		assert_int_equal((uint32_t)got.m.id, (uint32_t)last_id);
	}
	pass_ms(1);
	return got;
}

void assert_code(const struct ask *a, int code)
{
	struct got got = ask(a);

	assert_true(got.replied);
	assert_int_equal(got.m.code, code);
}

const struct action *find_action(enum action_type type)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type)
			return &out.v[i];
	return NULL;
}

size_t place_of(enum action_type type, uint8_t message)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type && (type != ACTION_SEND_DATAGRAM || out.v[i].octets.p[0] == message))
			return i;
	return SIZE_MAX;
}

uint64_t counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = ha_counters(ha, &names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}
