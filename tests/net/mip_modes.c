/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a mobile node in client mode and its agents say to each other in each access mode, and what the agents answer to hosts
 * that ask for more; printed as talk.h has it. test_tshark_client.py knows what has to be in it. */
#include <stdlib.h>

#include "base/util.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "talk.h"

enum { SETTLED_MS = 50, LAST_SEQUENCE = 65535 };

static void advertise(void)
{
	fa_on_time(talk.fa, talk.now, &talk.out);
	talk_take(FA);
}

static void co_located(void)
{
	talk_configure();
	talk_begin("c");
	talk_attach(office);
	talk_end();

	mn_conf.client.broadcast = mn_conf.client.simultaneous = true;
	mn_conf.client.udp = MN_UDP_FORCE;
	talk_begin("forced");
	talk_attach(office);
	talk_end();

	talk_configure();
	mn_conf.client.udp = MN_UDP_OFFER;
	talk_begin("declined");
	talk_attach(office);
	talk_end();

	talk_begin("nat");
	talk.natted = true;
	talk_attach(office);
	talk_end();

	talk_configure();
	mn_conf.client.sa.replay = ha_conf.associations[0].sa.replay = REPLAY_NONCE;
	talk_begin("nonce");
	talk_attach(office);
	talk_end();

	talk_configure();
	mn_conf.client.pseudonym = pseudonym;
	talk_begin("pseudonym");
	talk_attach(office);
	talk_end();
}

static void at_home(void)
{
	talk_configure();
	talk_begin("home");
	talk_attach(home);
	talk_end();
}

static void outside(void)
{
	struct charon_event e = { .type = CHARON_ADDRESS, .request = 7, .address = addr(tia), .local = addr(cafe) };

	talk_configure();
	mn_conf.client.probe = MN_PROBE_NEVER;
	mn_conf.client.foreign_agents = false;
	talk_begin("mc");
	talk_attach(cafe);
	talk_tell_charon(e);
	e.address.s_addr = INADDR_ANY;
	e.type = CHARON_IKE_UP;
	talk_tell_charon(e);
	e.type = CHARON_CHILD_UP;
	talk_tell_charon(e);
	talk_pass_ms(SETTLED_MS);
	talk_end();
}

static void by_agent(void)
{
	talk_configure();
	talk_begin("f");
	talk.fa_here = true;
	talk_attach(office);
	talk.scene = "revoked";
	if (ha_kick(talk.ha, talk.now, user, &talk.out) < 0)
		abort();
	talk_take(HA);
	talk_end();

	fa_conf.udp = FA_UDP_FORCE;
	talk_begin("f-udp");
	talk.fa_here = true;
	talk_attach(office);
	talk.scene = "kicked";
	if (fa_kick(talk.fa, talk.now, user, &talk.out) < 0)
		abort();
	talk_take(FA);
	talk_end();

	talk_configure();
	talk_begin("f-again");
	talk.fa_here = true;
	talk_attach(office);
	talk.scene = "stops";
	(void)fa_stop(talk.fa, talk.now, &talk.out);
	talk_take(FA);
	talk_pass_ms(SETTLED_MS);
	talk_end();
}

/* A request of a host that is not ours; what it wants is written by @more, before (0) and behind (1) its authenticator. */
static void ask(struct mip_request m, void (*more)(struct wr *w, int behind), bool by_floor)
{
	struct talk_message q = { .from = MN,
				  .frame = by_floor,
				  .local = m.care_of,
				  .remote = addr(agent),
				  .local_port = MIP_PORT,
				  .remote_port = MIP_PORT };
	uint8_t octets[MIP_MSG_MAX];
	struct wr msg = wr_init(octets, sizeof(octets)), f = wr_init(q.octets, sizeof(q.octets));

	m.lifetime_s = m.lifetime_s ? m.lifetime_s : 300;
	m.id = m.id ? m.id : talk.now.ntp;
	mip_request_build(&msg, &m);
	mip_ext_nai_build(&msg, (struct span){ (const uint8_t *)stranger, strlen(stranger) });
	if (more)
		more(&msg, 0);
	if (sa_sign(&stranger_home, MIP_EXT_MN_HA_AUTH, &msg) < 0)
		abort();
	if (more)
		more(&msg, 1);
	if (by_floor) {
		ether_build(&f, fa_access.mac, (uint8_t[]){ 2, 0, 0, 0, 0, 0x77 }, ETHER_IP4);
		udp4_build(&f, &(struct ip4){ .ttl = 255, .source = m.home, .destination = addr(router) },
			   &(struct udp4){ MIP_PORT, MIP_PORT, { octets, wr_len(&msg) } });
	} else {
		wr_bytes(&f, octets, wr_len(&msg));
	}
	q.n = wr_len(&f);
	talk.fa_here = by_floor;
	talk_say(&q);
}

static void gre_key(struct wr *wr, int behind)
{
	if (!behind)
		mip_ext_gre_key_build(wr, 0x01020304);
}

static void by_fa(struct wr *wr, int behind) /* RFC 3519 with R */
{
	if (!behind)
		mip_ext_udp_request_build(wr, false, true, 4);
}

static void requested(struct wr *wr, int behind)
{
	if (!behind)
		mip_ext_dynamic_ha_build(wr, 1, addr(agent));
}

static void requested_short(struct wr *wr, int behind) /* as some have it, tshark among them */
{
	if (!behind)
		wr_bytes(wr, (uint8_t[]){ MIP_EXT_DYNAMIC_HA, 5, 1, 10, 0, 0, 1 }, 7);
}

static void another(struct wr *wr, int behind)
{
	if (!behind)
		mip_ext_dynamic_ha_build(wr, 1, addr("10.0.0.2"));
}

static void for_the_floor(struct wr *wr, int behind)
{
	if (!behind)
		return;
	mip_ext_delivery_style_build(wr);
	mip_ext_challenge_build(wr, (struct span){ (const uint8_t *)"\xa1\xa2\xa3\xa4", 4 });
	if (sa_sign(&stranger_floor, MIP_EXT_MN_FA_AUTH, wr) < 0)
		abort();
}

static void any_by_floor(struct wr *wr, int behind)
{
	if (!behind)
		mip_ext_dynamic_ha_build(wr, 1, addr(agent));
	else if (sa_sign(&stranger_floor, MIP_EXT_MN_FA_AUTH, wr) < 0)
		abort();
}

static void strangers(void)
{
	static const struct {
		const char *scene;
		uint8_t flags;
		uint16_t lifetime_s;
		const char *home, *home_agent, *care_of;
		void (*more)(struct wr *w, int behind);
	} rows[] = {
		{ "gre", MIP_REQ_D | MIP_REQ_T | MIP_REQ_G, 0, "10.42.0.50", agent, office, NULL },
		{ "gre-key", MIP_REQ_D | MIP_REQ_T | MIP_REQ_G, 0, "10.42.0.50", agent, office, gre_key },
		{ "minimal", MIP_REQ_D | MIP_REQ_T | MIP_REQ_M, 0, "10.42.0.50", agent, office, NULL },
		{ "broadcast", MIP_REQ_D | MIP_REQ_T | MIP_REQ_B, 0xffff, "10.42.0.50", agent, office, NULL },
		{ "simultaneous", MIP_REQ_D | MIP_REQ_T | MIP_REQ_S, 0, "10.42.0.50", agent, office, NULL },
		{ "any-agent", MIP_REQ_D | MIP_REQ_T, 0, "0.0.0.0", "0.0.0.0", office, requested },
		{ "any-agent-short", MIP_REQ_D | MIP_REQ_T, 0, "0.0.0.0", "0.0.0.0", office, requested_short },
		{ "any-home-agent", MIP_REQ_D | MIP_REQ_T, 0, "0.0.0.0", "255.255.255.255", office, NULL },
		{ "by-the-agent", MIP_REQ_D | MIP_REQ_T, 0, "10.42.0.50", agent, office, by_fa },
		/* refused */
		{ "other-agent-requested", MIP_REQ_D | MIP_REQ_T, 0, "0.0.0.0", "0.0.0.0", office, another },
		{ "subnet-broadcast", MIP_REQ_D | MIP_REQ_T, 0, "10.42.0.50", "10.42.0.255", office, NULL },
		{ "no-reverse-tunnel", MIP_REQ_D, 0, "10.42.0.50", agent, office, NULL },
		{ "impossible", MIP_REQ_D | MIP_REQ_T, 0, "10.42.0.50", agent, agent, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct mip_request m = { .flags = rows[i].flags,
					       .lifetime_s = rows[i].lifetime_s,
					       .home = addr(rows[i].home),
					       .home_agent = addr(rows[i].home_agent),
					       .care_of = addr(rows[i].care_of) };

		talk_configure();
		talk_begin(rows[i].scene);
		ask(m, rows[i].more, false);
		talk_end();
	}
}

/* What the agents refuse, each in its own words. */
static void refusals(void)
{
	struct mip_request m = { .flags = MIP_REQ_D | MIP_REQ_T,
				 .home = addr("10.42.0.50"),
				 .home_agent = addr(agent),
				 .care_of = addr(office) };

	talk_configure();
	ha_conf.gre = ha_conf.minimal = false;
	ha_conf.udp = HA_UDP_OFF;
	talk_begin("switched-off");
	m.flags |= MIP_REQ_M;
	ask(m, NULL, false);
	m.flags ^= MIP_REQ_M;
	talk_pass_ms(1);
	ask(m, by_fa, false);
	m.id = UINT64_C(0xd000000012345678);
	ask(m, NULL, false);
	talk_end();

	talk_configure();
	ha_conf.simultaneous = 1;
	talk_begin("one-at-a-time");
	m.id = 0;
	m.flags |= MIP_REQ_S;
	ask(m, NULL, false);
	talk_end();

	talk_configure();
	ha_conf.simultaneous = 2;
	talk_begin("two-at-a-time");
	for (unsigned i = 0; i < 3; i++) {
		m.care_of.s_addr = htonl(ntohl(addr(office).s_addr) + i);
		talk_pass_ms(1);
		ask(m, NULL, false);
	}
	talk_end();
}

static void on_the_floor(void)
{
	struct mip_request m = {
		.flags = MIP_REQ_T, .home = addr("10.42.0.50"), .home_agent = addr(agent), .care_of = addr(care_of)
	};

	talk_configure();
	talk_begin("keyed");
	ask(m, for_the_floor, true);
	talk_end();

	talk_begin("any-agent-by-fa");
	m.home.s_addr = INADDR_ANY;
	m.home_agent.s_addr = INADDR_BROADCAST;
	ask(m, any_by_floor, true);
	talk_end();

	talk_begin("unkeyed");
	m.home = addr("10.42.0.50");
	m.home_agent = addr(agent);
	ask(m, NULL, true);
	talk_end();

	talk_begin("too-long");
	m.lifetime_s = 1800;
	ask(m, for_the_floor, true);
	talk_end();
}

static void advertisements(void)
{
	talk_configure();
	talk_begin("first");
	advertise();
	talk_end();

	fa_access.registration_required = true;
	fa_conf.udp = FA_UDP_OFFER;
	fa_conf.max_visitors = 0;
	fa_conf.max_lifetime_s = MIP_LIFETIME_INFINITE;
	talk_begin("busy");
	advertise();
	talk_end();

	talk_configure();
	talk_begin(NULL);
	for (unsigned i = 0; i <= LAST_SEQUENCE + 1; i++) {
		talk.scene = i < LAST_SEQUENCE ? NULL : "wrap";
		talk.now.us += fa_conf.advertise_s * US_PER_S;
		advertise();
	}
	talk_end();
}

int main(void)
{
	co_located();
	at_home();
	outside();
	by_agent();
	strangers();
	refusals();
	on_the_floor();
	advertisements();
	return 0;
}
