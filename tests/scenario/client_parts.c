/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is who in the world of a host in client mode, and what its enemy says. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "codec/mip_ext.h"
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "client_parts.h"

const uint8_t agent_mac[6] = { 0x0a, 0, 0, 0, 0, 0xfa };

const char *const place_addresses[PLACES][LINKS] = {
	[NOTHING] = { "", "", "" },
	[FLOOR1] = { "", "10.1.0.11", "10.1.0.12" },
	[FLOOR2] = { "", "10.2.0.11", "10.2.0.12" },
	[AGENT] = { "", "10.3.0.11", "10.3.0.12" },
	[CAFE] = { "", "192.168.7.11", "192.168.7.12" },
	[ONE_WAY] = { "", "10.4.0.11", "10.4.0.12" },
	[ENEMY] = { "", "10.1.0.11", "10.1.0.12" },
};

static char user[] = "alice@example.com";

struct in_addr addr(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		abort();
	return a;
}

bool place_is_office(enum place p)
{
	return p == FLOOR1 || p == FLOOR2 || p == AGENT;
}

bool place_is_outside(enum place p)
{
	return p == CAFE || p == ONE_WAY || p == ENEMY;
}

bool is_heard_from(uint32_t link)
{
	bool heard = world.heard & 1;

	if (world.at[link] != ONE_WAY)
		return false;
	world.heard >>= 1;
	return heard;
}

static const struct sa shared = { .spi = 0x1001, .tolerance_s = 7, .key_n = 8, .key = "8 octets" };

int make_home_agent(const struct random *random, struct ha **ret)
{
	static struct address_range pool;
	static struct ha_network network = { .name = "office", .pools = &pool, .pool_n = 1 };
	static struct ha_association association = { .name = "alice", .nai = user };
	static struct ha_user who = { .nai = user };
	static struct prefix trusted;
	static struct ha_conf conf;

	pool = (struct address_range){ addr("10.42.0.10"), addr("10.42.0.20") };
	network.prefix = (struct prefix){ addr("10.42.0.0"), 24 };
	network.gateway = addr("10.42.0.1");
	association.sa = shared;
	who.home_address = addr("10.42.0.17");
	trusted = (struct prefix){ addr("10.0.0.0"), 8 };
	conf = (struct ha_conf){ .address = addr("10.0.0.1"),
				 .networks = &network,
				 .network_n = 1,
				 .associations = &association,
				 .association_n = 1,
				 .users = &who,
				 .user_n = 1,
				 .trusted_subnets = &trusted,
				 .trusted_subnet_n = 1,
				 .max_lifetime_s = 1800,
				 .udp_max_lifetime_s = 60,
				 .udp_keepalive_s = 110,
				 .max_bindings = 4,
				 .max_addresses_per_nai = 1,
				 .auth_failure_rate = 10 };
	return ha_new(&conf, random, ret);
}

int make_agent(const struct random *random, struct fa **ret)
{
	static struct fa_access access = { .interface = "access", .ifindex = ACCESS, .prefix_len = 24 };
	static struct fa_conf conf = { .accesses = &access,
				       .access_n = 1,
				       .advertise_s = 3,
				       .max_lifetime_s = 1800,
				       .reply_timeout_s = 7,
				       .max_visitors = 4,
				       .max_pending = 16,
				       .max_pending_per_mac = 5,
				       .solicited_rate = 10 };

	memcpy(access.mac, agent_mac, sizeof(access.mac));
	access.address = addr("10.3.0.1");
	conf.care_of = addr(AGENT_CARE_OF);
	return fa_new(&conf, random, ret);
}

int make_host(const struct random *random, struct mn **ret)
{
	static struct mn_connection connection = { "gw1", "net" };
	static struct mn_conf conf;

	conf = (struct mn_conf){ .mode = MN_MODE_CLIENT,
				 .client = { .home = addr("10.42.0.17"),
					     .home_agent = addr("10.0.0.1"),
					     .sa = shared,
					     .foreign_agents = true,
					     .agent_discovery = true,
					     .retransmissions = 2,
					     .lifetime_s = 1800,
					     .monitor_s = 60 },
				 .user = user,
				 .device = "hf0",
				 .inside = MN_INSIDE_NEVER,
				 .keep_ike = true,
				 .connections = &connection,
				 .connection_n = 1,
				 .open_timeout_ms = 7000,
				 .backoff_ms = 1000,
				 .backoff_max_s = 60 };
	return mn_new(&conf, random, ret);
}

int enemy_reply(struct span request, bool with_authenticator, struct wr *ret)
{
	const struct sa wrong = { .spi = 0x1001, .alg = MAC_HMAC_SHA_256, .key_n = 8, .key = "wrong" };
	struct mip_request m;

	if (mip_request_parse(request.p, request.n, &m) < 0)
		return -EBADMSG;
	mip_reply_build(
		ret, &(struct mip_reply){ .lifetime_s = 1800, .home = m.home, .home_agent = m.home_agent, .id = m.id });
	mip_ext_tnc_build(ret);
	return with_authenticator ? sa_sign(&wrong, MIP_EXT_MN_HA_AUTH, ret) : 0;
}

void enemy_advertisement(uint16_t sequence, struct wr *ret)
{
	const struct agent_adv adv = { .lifetime_s = 30,
				       .is_agent = true,
				       .sequence = sequence,
				       .registration_lifetime_s = 600,
				       .flags = AGENT_ADV_F | AGENT_ADV_T,
				       .care_of_n = 1,
				       .care_of = { addr("10.1.0.3") } };
	const struct ip4 h = {
		.ttl = 1, .protocol = IPPROTO_ICMP, .source = addr("10.1.0.2"), .destination = addr("224.0.0.1")
	};
	static const uint8_t all[6] = { 1, 0, 0x5e, 0, 0, 1 }, mac[6] = { ENEMY_MAC, 0xfa };
	uint8_t message[128];
	struct wr icmp = wr_init(message, sizeof(message));

	agent_adv_build(&icmp, &adv);
	ether_build(ret, all, mac, ETHER_IP4);
	ip4_build(ret, &h, wr_len(&icmp));
	wr_bytes(ret, message, wr_len(&icmp));
}
