/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "talk.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/ether.h"
#include "codec/ip4.h"

enum { ETH = 1, HF0 = 9, IPSEC0 = 20, FLOOR = 3, CORE = 4, QUEUE = 64, NATTED_PORT = 40000 };
enum { RANDOM_OCTET = 0x5a, SETTLED_MS = 50 };

const char home[] = "10.42.0.17", agent[] = "10.0.0.1", office[] = "10.1.0.23", tia[] = "10.99.0.5";
const char care_of[] = "10.0.1.7", router[] = "10.1.0.2", cafe[] = "192.168.7.20";
char user[] = "alice@example.com", stranger[] = "dora@example.com", pseudonym[] = "x7@example.com";
static const char nat[] = "10.3.0.1";
static const struct sa user_home = {
	.spi = 3000, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 11, .key = "alice's key"
};
const struct sa stranger_home = {
	.spi = 3001, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 10, .key = "dora's key"
};
const struct sa stranger_floor = {
	.spi = 5000, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 17, .key = "dora on the floor"
};
static const struct sa agents = {
	.spi = 4000, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 14, .key = "between agents"
};

static const char *const node_names[] = { "mn", "fa", "ha" };

static struct talk_message queue[QUEUE];
static size_t queued;

struct talk talk;

struct mn_conf mn_conf;
struct fa_conf fa_conf;
struct ha_conf ha_conf;
struct fa_access fa_access;

struct in_addr addr(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		abort();
	return a;
}

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, RANDOM_OCTET, n);
}

static void print(const struct talk_message *m)
{
	char local[INET_ADDRSTRLEN], remote[INET_ADDRSTRLEN];

	if (!talk.scene)
		return;
	printf("%s %s ", talk.scene, node_names[m->from]);
	if (m->frame)
		printf("frame ");
	else
		printf("udp %s %u %s %u ", inet_ntop(AF_INET, &m->local, local, sizeof(local)), m->local_port,
		       inet_ntop(AF_INET, &m->remote, remote, sizeof(remote)), m->remote_port);
	for (size_t i = 0; i < m->n; i++)
		printf("%02x", m->octets[i]);
	putchar('\n');
}

/* What a role wants sent is printed, and waits for who hears it. */
static void take(enum talk_node from)
{
	for (size_t i = 0; i < talk.out.n; i++) {
		const struct action *a = &talk.out.v[i];
		struct talk_message *m = &queue[queued];

		if (a->type != ACTION_SEND_DATAGRAM && a->type != ACTION_SEND_FRAME)
			continue;
		if (queued == QUEUE || a->octets.n > sizeof(m->octets))
			abort();
		*m = (struct talk_message){ .from = from, .frame = a->type == ACTION_SEND_FRAME, .n = a->octets.n };
		if (!m->frame) {
			m->ifindex = a->udp.ifindex;
			m->local = a->udp.local;
			m->remote = a->udp.remote;
			m->local_port = a->udp.local_port;
			m->remote_port = a->udp.remote_port;
		}
		memcpy(m->octets, a->octets.p, a->octets.n);
		queued++;
		print(m);
	}
	actions_clear(&talk.out);
}

static void to_ha(const struct talk_message *m)
{
	struct datagram d = { .local = m->remote,
			      .remote = m->local,
			      .local_port = m->remote_port,
			      .remote_port = m->local_port,
			      .payload = { m->octets, m->n } };

	if (talk.natted && m->from == MN) {
		d.remote = addr(nat);
		d.remote_port = NATTED_PORT;
	}
	ha_on_datagram(talk.ha, talk.now, &d, &talk.out);
	take(HA);
}

static void from_ha(const struct talk_message *m)
{
	struct datagram d = { .local = m->remote,
			      .remote = m->local,
			      .local_port = m->remote_port,
			      .remote_port = m->local_port,
			      .payload = { m->octets, m->n } };

	if (m->remote.s_addr == addr(care_of).s_addr) {
		d.ifindex = CORE;
		fa_on_datagram(talk.fa, talk.now, &d, &talk.out);
		take(FA);
		return;
	}
	d.ifindex = m->remote.s_addr == addr(tia).s_addr ? (uint32_t)IPSEC0 : (uint32_t)ETH;
	if (talk.natted) {
		d.local = addr(office);
		d.local_port = MIP_PORT;
	}
	mn_on_datagram(talk.mn, talk.now, &d, &talk.out);
	take(MN);
}

static void to_mn(const struct talk_message *m)
{
	struct datagram d = { .ifindex = ETH };
	struct ether e;
	struct udp4 u;
	struct ip4 h;

	if (ether_parse(m->octets, m->n, &e) < 0 || ip4_parse(e.payload.p, e.payload.n, &h) < 0)
		abort();
	if (udp4_parse(&h, &u) == 0) {
		d.local = h.destination;
		d.remote = h.source;
		d.local_port = u.destination;
		d.remote_port = u.source;
		d.payload = u.payload;
		mn_on_datagram(talk.mn, talk.now, &d, &talk.out);
	} else {
		mn_on_frame(talk.mn, talk.now, ETH, (struct span){ m->octets, m->n }, &talk.out);
	}
	take(MN);
}

static void deliver(void)
{
	for (size_t i = 0; i < queued; i++) {
		const struct talk_message m = queue[i];

		if (m.frame && talk.fa_here && m.from == FA) {
			to_mn(&m);
		} else if (m.frame && talk.fa_here) {
			fa_on_frame(talk.fa, talk.now, FLOOR, (struct span){ m.octets, m.n }, &talk.out);
			take(FA);
		} else if (!m.frame && m.from == HA) {
			from_ha(&m);
		} else if (!m.frame) {
			to_ha(&m);
		}
	}
	queued = 0;
}

void talk_pass_ms(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++) {
		talk.now.us += US_PER_MS;
		talk.now.ntp += (US_PER_MS << 32) / US_PER_S;
		mn_on_time(talk.mn, talk.now, &talk.out);
		talk_take(MN);
	}
}

static void tell_net(enum net_event_type type, uint32_t link, const char *address)
{
	struct net_event e = { .type = type, .ifindex = link, .name = "", .up = true, .metric = 100 };

	if (type == NET_LINK)
		e.name = link == HF0 ? "hf0" : "eth0";
	memcpy(e.mac, (uint8_t[]){ 2, 0, 0, 0, 0, 0x17 }, sizeof(e.mac));
	if (address)
		e.address = addr(address);
	mn_on_net(talk.mn, talk.now, &e, &talk.out);
	talk_take(MN);
}

void talk_tell_charon(struct charon_event e)
{
	e.sa = 1;
	e.connection = "gw1";
	e.child = "net";
	e.eap = e.why = e.id.text = "";
	mn_on_charon(talk.mn, talk.now, &e, &talk.out);
	talk_take(MN);
}

static void configure_node(void)
{
	static struct mn_connection connection = { "gw1", "net" };

	mn_conf = (struct mn_conf){ .mode = MN_MODE_CLIENT,
				    .user = user,
				    .device = "hf0",
				    .inside = MN_INSIDE_NEVER,
				    .keep_ike = true,
				    .connections = &connection,
				    .connection_n = 1,
				    .open_timeout_ms = 7000,
				    .backoff_ms = 1000,
				    .backoff_max_s = 60 };
	mn_conf.client = (struct mn_client_conf){ .home = addr(home),
						  .home_prefix = { addr("10.42.0.0"), 24 },
						  .home_agent = addr(agent),
						  .sa = user_home,
						  .agent_discovery = true,
						  .foreign_agents = true,
						  .udp = MN_UDP_OFF,
						  .retransmissions = 2,
						  .lifetime_s = 1800,
						  .monitor_s = 60 };
}

static void configure_floor(void)
{
	static struct fa_association fa_associations[2];

	fa_access = (struct fa_access){ .interface = "floor",
					.ifindex = FLOOR,
					.mac = { 2, 0, 0, 0, 0, 0xfa },
					.address = addr(router),
					.prefix_len = 24 };
	fa_associations[0] = (struct fa_association){ .scope = FA_SCOPE_HA, .home_agent = addr(agent), .sa = agents };
	fa_associations[1] = (struct fa_association){ .scope = FA_SCOPE_MN, .nai = stranger, .sa = stranger_floor };
	fa_conf = (struct fa_conf){ .care_of = addr(care_of),
				    .accesses = &fa_access,
				    .access_n = 1,
				    .associations = fa_associations,
				    .association_n = 2,
				    .advertise_s = 10,
				    .max_lifetime_s = 600,
				    .reply_timeout_s = 7,
				    .revocation = true,
				    .max_visitors = 2,
				    .max_pending = 8,
				    .max_pending_per_mac = 5,
				    .solicited_rate = 10 };
}

static void configure_home(void)
{
	static struct address_range pool;
	static struct ha_network network;
	static struct ha_association associations[4];
	static struct ha_user users[3];
	static struct prefix trusted, floor;

	pool = (struct address_range){ addr("10.42.0.50"), addr("10.42.0.60") };
	network = (struct ha_network){ .name = "office",
				       .prefix = { addr("10.42.0.0"), 24 },
				       .gateway = addr("10.42.0.1"),
				       .pools = &pool,
				       .pool_n = 1 };
	floor = (struct prefix){ addr(care_of), 32 };
	trusted = (struct prefix){ addr("10.0.0.0"), 8 };
	associations[0] = (struct ha_association){ .name = "alice", .nai = user, .sa = user_home };
	associations[1] = (struct ha_association){ .name = "dora", .nai = stranger, .sa = stranger_home };
	associations[2] = (struct ha_association){
		.name = "floor", .scope = SA_SCOPE_NODE, .nodes = &floor, .node_n = 1, .sa = agents
	};
	associations[3] = (struct ha_association){ .name = "x7", .nai = pseudonym, .sa = user_home };
	users[0] = (struct ha_user){ .nai = user, .home_address = addr(home) };
	users[1] = (struct ha_user){ .nai = stranger };
	users[2] = (struct ha_user){ .nai = pseudonym };
	ha_conf = (struct ha_conf){ .address = addr(agent),
				    .networks = &network,
				    .network_n = 1,
				    .associations = associations,
				    .association_n = 4,
				    .users = users,
				    .user_n = 3,
				    .trusted_subnets = &trusted,
				    .trusted_subnet_n = 1,
				    .max_lifetime_s = 1800,
				    .udp_max_lifetime_s = 60,
				    .udp_keepalive_s = 110,
				    .udp = HA_UDP_FORCE_ALLOWED,
				    .gre = true,
				    .minimal = true,
				    .max_bindings = 4,
				    .max_addresses_per_nai = 1,
				    .simultaneous = 4,
				    .auth_failure_rate = 10 };
}

void talk_configure(void)
{
	configure_node();
	configure_floor();
	configure_home();
}

void talk_end(void)
{
	mn_freep(&talk.mn);
	fa_freep(&talk.fa);
	ha_freep(&talk.ha);
	actions_done(&talk.out);
}

/* Everything anew, as it is configured; nothing is heard of it but what @scene brings. */
void talk_begin(const char *scene)
{
	static const struct random lots = { fill, NULL };

	memset(&talk, 0, sizeof(talk));
	talk.now = (struct instant){ .us = US_PER_S, .ntp = UINT64_C(0xe9000000) << 32 };
	if (actions_init(&talk.out) < 0 || mn_new(&mn_conf, &lots, &talk.mn) < 0 ||
	    fa_new(&fa_conf, &lots, &talk.fa) < 0 || ha_new(&ha_conf, &lots, &talk.ha) < 0)
		abort();
	tell_net(NET_LISTING, 0, NULL);
	tell_net(NET_LINK, HF0, NULL);
	tell_net(NET_LISTED, 0, NULL);
	talk_tell_charon((struct charon_event){ .type = CHARON_CONNECTED });
	talk_tell_charon((struct charon_event){ .type = CHARON_LISTED });
	talk.scene = scene;
}

void talk_attach(const char *address)
{
	tell_net(NET_LINK, ETH, NULL);
	tell_net(NET_ADDRESS, ETH, address);
	tell_net(NET_ROUTE, ETH, NULL);
	talk_pass_ms(SETTLED_MS);
}

void talk_take(enum talk_node from)
{
	take(from);
	deliver();
}

void talk_say(const struct talk_message *m)
{
	print(m);
	queue[queued++] = *m;
	deliver();
}
