/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mpa_rig.h"

struct mpa_rig rig;
const uint8_t alice_mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, 1 };
const uint8_t gateway_mac[MAC_OCTETS] = { 0, 0, 0x5e, 0, 1, 0x33 };

static struct prefix lab_subnet;

static void fill_random(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, 0x5a, n);
}

static struct sa sa_with(uint32_t spi)
{
	struct sa sa = {
		.spi = spi, .alg = spi == NODE_SPI ? MAC_HMAC_MD5 : MAC_HMAC_SHA_256, .key_n = 8, .tolerance_s = 7
	};

	memcpy(sa.key, "8 octets", 8);
	return sa;
}

static void default_tables(void)
{
	lab_subnet = (struct prefix){ ip("10.43.0.0"), 24 };
	rig.home_agents[0] = (struct mpa_home_agent){ .name = "main", .address = ip("10.0.0.1") };
	rig.home_agents[1] = (struct mpa_home_agent){
		.name = "lab", .address = ip("10.0.0.3"), .subnets = &lab_subnet, .subnet_n = 1
	};
	rig.networks[0] = (struct mpa_network){ .name = "office",
						.prefix = { ip("10.42.0.0"), 24 },
						.gateway = ip("10.42.0.1"),
						.lease_s = 3600,
						.domain = "example.com" };
	rig.associations[0] = (struct mpa_association){
		.name = "staff", .scope = SA_SCOPE_DOMAIN, .realm = (char *)"example.com", .sa = sa_with(SPI)
	};
	rig.associations[1] =
		(struct mpa_association){ .name = "node", .scope = SA_SCOPE_NODE, .sa = sa_with(NODE_SPI) };
	rig.associations[2] = (struct mpa_association){
		.name = "bob", .scope = SA_SCOPE_USER, .nai = (char *)"bob@example.com", .sa = sa_with(USER_SPI)
	};
	rig.stations[0] = (struct mpa_station){ .nai = (char *)"alice@example.com", .has_mac = true };
	memcpy(rig.stations[0].mac, alice_mac, sizeof(alice_mac));
	rig.stations[1] =
		(struct mpa_station){ .nai = (char *)"carol@example.com", .fqdn = (char *)"carol.example.com" };
	rig.stations[2] = (struct mpa_station){ .nai = (char *)"node@elsewhere.org", .host_name = (char *)"node" };
	rig.accesses[0] = (struct mpa_access){ .interface = "floor1",
					       .ifindex = PORT,
					       .trusted = true,
					       .by_dhcp = true,
					       .by_packet = true,
					       .by_carrier = true };
	rig.accesses[1] = (struct mpa_access){ .interface = "floor2",
					       .ifindex = OTHER_PORT,
					       .trusted = true,
					       .by_dhcp = true,
					       .by_packet = true,
					       .by_carrier = true };
}

static void start(void)
{
	const struct random random = { .fill = fill_random };

	assert_int_equal(mpa_new(&rig.conf, &random, &rig.mpa), 0);
	assert_int_equal(actions_init(&rig.out), 0);
}

int rig_setup(void **state)
{
	(void)state;
	default_tables();
	rig.now = (struct instant){ .us = 1000 * US_PER_S, .ntp = UINT64_C(4000000000) << 32 };
	rig.conf = (struct mpa_conf){ .care_of = ip("10.0.1.1"),
				      .home_agents = rig.home_agents,
				      .home_agent_n = 2,
				      .networks = rig.networks,
				      .network_n = 1,
				      .associations = rig.associations,
				      .association_n = 3,
				      .stations = rig.stations,
				      .station_n = 3,
				      .accesses = rig.accesses,
				      .access_n = 2,
				      .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
				      .lifetime_s = 300,
				      .retransmit_ms = 1000,
				      .retransmit_max_s = 32,
				      .failover_after = 3,
				      .hold_s = 30,
				      .holdoff_ms = 200,
				      .max_subscribers = 4 };
	memcpy(rig.conf.gateway_mac, gateway_mac, sizeof(gateway_mac));
	start();
	return 0;
}

int rig_teardown(void **state)
{
	(void)state;
	mpa_freep(&rig.mpa);
	actions_done(&rig.out);
	return 0;
}

void rig_use_vpn(void)
{
	rig.vpn = (struct mpa_vpn){ .interface = "ipsec0",
				    .mtu = 1400,
				    .timeout_ms = 4500,
				    .hold_s = 300,
				    .linger_ms = 300,
				    .wait_ms = 100,
				    .resume_s = 1 };
	rig.conf.vpns = &rig.vpn;
	rig.conf.vpn_n = 1;
}

void rig_restart(void)
{
	(void)rig_teardown(NULL);
	start();
}

void rig_pass_ms(uint64_t ms)
{
	rig.now.us += ms * US_PER_MS;
	rig.now.ntp += (ms << 32) / 1000;
	actions_clear(&rig.out);
	while (mpa_due(rig.mpa) <= rig.now.us)
		mpa_on_time(rig.mpa, rig.now, &rig.out);
}

void rig_feed(const struct wr *w)
{
	assert_int_equal(w->err, 0);
	actions_clear(&rig.out);
	mpa_on_frame(rig.mpa, rig.now, PORT, (struct span){ w->start, wr_len(w) }, &rig.out);
}

const struct action *rig_find(enum action_type type)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == type)
			return &rig.out.v[i];
	return NULL;
}

size_t rig_place(enum action_type type, uint8_t message)
{
	for (size_t i = 0; i < rig.out.n; i++) {
		const struct action *a = &rig.out.v[i];

		if (a->type == type && (type != ACTION_SEND_DATAGRAM || a->octets.p[0] == message))
			return i;
	}
	return SIZE_MAX;
}

uint64_t rig_counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = mpa_counters(rig.mpa, &names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

static void take_state(void *ctx, const struct mpa_subscriber_view *v)
{
	*(const char **)ctx = v->state;
}

const char *rig_state(void)
{
	const char *state = "";

	mpa_each_subscriber(rig.mpa, take_state, &state);
	return state;
}

struct rig_sent rig_request(void)
{
	struct rig_sent sent = { 0 };

	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_SEND_DATAGRAM && rig.out.v[i].octets.p[0] == MIP_TYPE_REQUEST)
			sent.action = &rig.out.v[i];
	assert_non_null(sent.action);
	assert_int_equal(mip_request_parse(sent.action->octets.p, sent.action->octets.n, &sent.request), 0);
	assert_int_equal(mip_exts_parse(sent.action->octets.p, sent.action->octets.n, MIP_REQUEST_OCTETS,
					&rig.conf.sequence, &sent.x),
			 0);
	return sent;
}

static void deliver(struct wr *w, const char *from)
{
	const struct datagram d = { .local = rig.conf.care_of,
				    .local_port = MIP_PORT,
				    .remote = ip(from),
				    .remote_port = MIP_PORT,
				    .payload = { w->start, wr_len(w) } };

	assert_int_equal(w->err, 0);
	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
}

void rig_answer(const struct rig_reply *r)
{
	struct rig_sent sent = rig_request();
	uint8_t msg[512];
	struct wr w = wr_init(msg, sizeof(msg));
	const char *home_agent = r->home_agent ? r->home_agent : "10.0.0.1";
	const struct mip_reply m = { .code = r->code,
				     .lifetime_s = r->lifetime_s ? r->lifetime_s : sent.request.lifetime_s,
				     .home = ip(r->home ? r->home : "10.42.0.20"),
				     .home_agent = ip(home_agent),
				     .id = r->id ? r->id : sent.request.id };
	bool node = sent.x.fa_ha.present;
	struct sa sa = sa_with(node ? sent.x.fa_ha.spi : sent.x.mn_ha.spi);

	mip_reply_build(&w, &m);
	mip_ext_nai_build(&w, sent.x.nai);
	mip_ext_sequence_build(&w, &rig.conf.sequence, r->sequence ? r->sequence : sent.x.sequence + 1);
	if (r->udp)
		mip_ext_udp_reply_build(&w, 0, false, 20);
	mip_ext_revocation_support_build(&w, false, r->stamp ? r->stamp : 50);
	if (!r->no_auth)
		assert_int_equal(sa_sign(&sa, node ? MIP_EXT_FA_HA_AUTH : MIP_EXT_MN_HA_AUTH, &w), 0);
	if (r->bad_auth)
		w.at[-1] ^= 1;
	deliver(&w, r->from ? r->from : home_agent);
}

void rig_attach(void)
{
	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, PORT, alice_mac, (struct in_addr){ 0 }, 0, &rig.out);
}

void rig_serve(void)
{
	rig_attach();
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "served");
}

void rig_revoke(uint32_t id, const char *from, bool good)
{
	const struct mip_revocation m = { .from_ha = true,
					  .home = ip("10.42.0.20"),
					  .home_domain = ip("10.0.0.1"),
					  .foreign_domain = ip("10.0.1.1"),
					  .id = id };
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));
	struct sa sa = sa_with(SPI);

	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	if (!good)
		w.at[-1] ^= 1;
	deliver(&w, from);
}
