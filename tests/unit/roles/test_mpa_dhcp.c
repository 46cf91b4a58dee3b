/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DHCP as at home: as the server, as a relay, through the tunnel to the home agent. */
#include "codec/dhcp4.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "mpa_rig.h"

enum { FRAME_MAX = 1518 };

static uint8_t frame[FRAME_MAX];

struct ask {
	uint8_t type;
	const char *client, *requested, *server, *host_name, *fqdn;
	const char *source, *destination; /* default: as a client without address */
	const char *more;                 /* options as hex text */
	uint16_t flags;
	bool no_mac_match;
};

static void ask_dhcp(const struct ask *a)
{
	static const uint8_t stranger[] = { 2, 0, 0, 0, 0, 0x77 };
	const uint8_t *mac = a->no_mac_match ? stranger : alice_mac;
	uint8_t message[800];
	struct wr d = wr_init(message, sizeof(message)), w = wr_init(frame, sizeof(frame));
	struct dhcp4 m = { .op = DHCP4_BOOTREQUEST, .hlen = 6, .xid = 0x11223344, .flags = a->flags };
	const struct ip4 h = { .ttl = 64,
			       .source = ip(a->source ? a->source : "0.0.0.0"),
			       .destination = ip(a->destination ? a->destination : "255.255.255.255") };
	struct udp4 u = { .source = DHCP4_CLIENT_PORT, .destination = DHCP4_SERVER_PORT };

	memcpy(m.chaddr, mac, 6);
	if (a->client)
		m.client = ip(a->client);
	dhcp4_begin(&d, &m);
	dhcp4_option_u8(&d, DHCP4_OPT_TYPE, a->type);
	if (a->requested)
		dhcp4_option_ip4(&d, DHCP4_OPT_REQUESTED, ip(a->requested));
	if (a->server)
		dhcp4_option_ip4(&d, DHCP4_OPT_SERVER_ID, ip(a->server));
	if (a->host_name)
		dhcp4_option(&d, DHCP4_OPT_HOST_NAME, text(a->host_name));
	if (a->fqdn) {
		uint8_t option[64] = { DHCP4_FQDN_S, 0, 0 };

		memcpy(option + 3, a->fqdn, strlen(a->fqdn));
		dhcp4_option(&d, DHCP4_OPT_FQDN, (struct span){ option, 3 + strlen(a->fqdn) });
	}
	if (a->more) {
		uint8_t more[400];

		wr_bytes(&d, more, unhex(a->more, more, sizeof(more)));
	}
	dhcp4_end(&d);
	u.payload = (struct span){ message, wr_len(&d) };
	ether_build(&w, ether_broadcast, mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	rig_feed(&w);
}

struct answer {
	struct ether e;
	struct ip4 ip;
	struct udp4 udp;
	struct dhcp4 m;
};

/* The DHCP message sent to the station; false when there is none. */
static bool answered(struct answer *ret)
{
	const struct action *a = rig_find(ACTION_SEND_FRAME);

	if (!a)
		return false;
	assert_int_equal(ether_parse(a->octets.p, a->octets.n, &ret->e), 0);
	assert_int_equal(ip4_parse(ret->e.payload.p, ret->e.payload.n, &ret->ip), 0);
	assert_int_equal(udp4_parse(&ret->ip, &ret->udp), 0);
	assert_int_equal(ret->udp.destination, DHCP4_CLIENT_PORT);
	assert_int_equal(dhcp4_parse(ret->udp.payload.p, ret->udp.payload.n, &ret->m), 0);
	return true;
}

/* L-28, L-51, L-57: held until the home address is there, then offered. */
static void discover_is_held_then_offered(void **state)
{
	struct answer a;

	(void)state;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_null(rig_find(ACTION_SEND_FRAME));
	assert_int_equal(rig_counter("dhcp_held"), 1);
	rig_answer(&(struct rig_reply){ 0 });
	assert_true(answered(&a));
	assert_int_equal(a.m.type, DHCP4_OFFER);
	assert_int_equal(a.m.xid, 0x11223344);
	assert_int_equal(a.m.your.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(a.m.server_id.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(a.m.lease_s, 3600);
	assert_int_equal(a.ip.destination.s_addr, ip("10.42.0.20").s_addr);
	assert_memory_equal(a.e.destination, alice_mac, sizeof(alice_mac));
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .flags = DHCP4_BROADCAST });
	assert_true(answered(&a));
	assert_int_equal(a.ip.destination.s_addr, INADDR_BROADCAST);
}

/* RFC 2131 4.3.2: every state a client can be in. */
static void requests_in_every_state(void **state)
{
	static const struct {
		struct ask ask;
		uint8_t type; /* of the answer; 0: none */
	} rows[] = {
		{ { .requested = "10.42.0.20", .server = "10.42.0.1" }, DHCP4_ACK }, /* selecting us */
		{ { .requested = "10.42.0.20", .server = "192.0.2.1" }, 0 },         /* somebody else */
		{ { .requested = "10.42.0.20" }, DHCP4_ACK },                        /* init-reboot */
		{ { .requested = "10.42.0.99" }, DHCP4_NAK },
		{ { .requested = "192.168.1.5" }, DHCP4_NAK },
		{ { .client = "10.42.0.20" }, DHCP4_ACK }, /* renewing, rebinding */
		{ { .client = "10.42.0.99" }, DHCP4_NAK },
	};

	(void)state;
	rig_serve();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ask ask = rows[i].ask;
		struct answer a;

		ask.type = DHCP4_REQUEST;
		ask_dhcp(&ask);
		assert_int_equal(answered(&a), rows[i].type != 0);
		if (rows[i].type)
			assert_int_equal(a.m.type, rows[i].type);
		if (rows[i].type == DHCP4_NAK)
			assert_int_equal(a.ip.destination.s_addr, INADDR_BROADCAST);
	}
	ask_dhcp(&(struct ask){ .type = DHCP4_INFORM, .client = "10.42.0.20" });
	struct answer a;
	assert_true(answered(&a));
	assert_int_equal(a.m.your.s_addr, INADDR_ANY);
	assert_int_equal(a.m.lease_s, 0);
}

/* names are looked up, unknown ones are nobody. */
static void stations_are_known_by_name(void **state)
{
	(void)state;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .no_mac_match = true, .fqdn = "Carol.Example.COM" });
	assert_memory_equal(rig_request().x.nai.p, "carol@example.com", rig_request().x.nai.n);
	rig_restart();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .no_mac_match = true, .host_name = "NODE" });
	assert_memory_equal(rig_request().x.nai.p, "node@elsewhere.org", rig_request().x.nai.n);
	rig_restart();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER,
				.no_mac_match = true,
				.fqdn = "mallory.example.com",
				.host_name = "node" }); /* 81 counts, 12 does not */
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("unknown_stations"), 1);
	rig.accesses[0].trusted = false;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("not_trusted"), 1);
}

/* G-11 */
static void release_and_lost_leases_deregister(void **state)
{
	(void)state;
	rig_serve();
	ask_dhcp(&(struct ask){ .type = DHCP4_RELEASE, .client = "10.42.0.99" }); /* not its own */
	assert_string_equal(rig_state(), "served");
	ask_dhcp(&(struct ask){ .type = DHCP4_RELEASE, .client = "10.42.0.20" });
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_int_equal(rig_request().request.lifetime_s, 0);
	rig.networks[0].lease_s = 100;
	rig_restart();
	rig_serve();
	ask_dhcp(&(struct ask){ .type = DHCP4_REQUEST, .client = "10.42.0.20" });
	rig_pass_ms(226000); /* when the binding would be refreshed */
	assert_int_equal(rig_request().request.lifetime_s, 0);
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
}

/* RFC 2131 4.3.1, RFC 6842: what was asked for and nothing else, the client's identifier back. */
static void answers_hold_what_was_asked_for(void **state)
{
	struct answer a;

	(void)state;
	rig.networks[0].dns[0] = ip("10.9.0.2");
	rig.networks[0].dns_n = 1;
	rig_serve();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .more = "3702 0306 3d03 00aabb" });
	assert_true(answered(&a));
	assert_octets(a.udp.payload.p + 240, 45,
		      "350102 36040a2a0001 330400000e10 3a0400000708 3b0400000c4e 03040a2a0001 06040a090002"
		      "3d0300aabb ff");
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_true(answered(&a));
	assert_octets(a.udp.payload.p + 240, 65,
		      "350102 36040a2a0001 330400000e10 3a0400000708 3b0400000c4e 0104ffffff00 03040a2a0001"
		      "06040a090002 0f0b6578616d706c652e636f6d 1c040a2a00ff ff");
	ask_dhcp(&(struct ask){ .type = DHCP4_REQUEST, .requested = "10.42.0.99", .more = "3d03 00aabb" });
	assert_true(answered(&a));
	assert_octets(a.udp.payload.p + 240, 37,
		      "350106 36040a2a0001 38146e6f742074686520686f6d652061646472657373 3d0300aabb ff");
}

/* RFC 2131 2: 576 octets reach every client, more only those that say so (option 57). RFC 4702 4. */
static void long_answers_only_where_welcome(void **state)
{
	static char domain[100], id[2 * 100 + 1], fqdn[2 * 120 + 1];
	char more[640];
	struct answer a;

	(void)state;
	memset(domain, 'd', sizeof(domain) - 1);
	memset(id, '1', sizeof(id) - 1);
	memset(fqdn, '6', sizeof(fqdn) - 1);
	memcpy(rig.networks[0].domain, domain, sizeof(domain));
	rig_serve();
	(void)snprintf(more, sizeof(more), "3d64%s 517b000000%s", id, fqdn);
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .more = more });
	assert_true(answered(&a));
	assert_in_range(a.ip.payload.n, 300, 576 - IP4_HEADER_OCTETS);
	assert_int_equal(a.m.fqdn_raw.n, 0);
	(void)snprintf(more, sizeof(more), "390205dc 3d64%s 517b000000%s", id, fqdn);
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .more = more });
	assert_true(answered(&a));
	assert_int_equal(a.m.fqdn_raw.n, 123);
	assert_octets(a.m.fqdn_raw.p, 3, "08ffff"); /* no updates by us */
}

/* L-39: what is for a server elsewhere goes through the tunnel, like every other packet. */
static void other_servers_are_left_alone(void **state)
{
	struct ask renew = { .type = DHCP4_REQUEST, .client = "10.42.0.20", .source = "10.42.0.20" };
	struct answer a;

	(void)state;
	rig.conf.server_id = ip("192.0.2.67");
	rig_serve();
	renew.destination = "10.9.0.9";
	ask_dhcp(&renew);
	assert_int_equal(rig.out.n, 0);
	renew.destination = "10.42.0.1";
	ask_dhcp(&renew);
	assert_true(answered(&a));
	renew.destination = "192.0.2.67";
	ask_dhcp(&renew);
	assert_true(answered(&a));
	assert_int_equal(a.m.server_id.s_addr, ip("192.0.2.67").s_addr);
	assert_int_equal(a.ip.source.s_addr, ip("192.0.2.67").s_addr);
}

static void relaying(void)
{
	rig.conf.dhcp = MPA_DHCP_RELAY;
	rig.conf.dhcp_server = ip("10.9.0.2");
	rig.conf.dhcp_subnet = (struct prefix){ ip("10.42.0.0"), 24 };
}

/* The last message to the server; its octets stay until the next event. */
static void relayed(struct dhcp4 *ret)
{
	const struct action *a = rig_find(ACTION_SEND_DATAGRAM);

	assert_non_null(a);
	assert_int_equal(a->udp.remote.s_addr, ip("10.9.0.2").s_addr);
	assert_int_equal(a->udp.remote_port, DHCP4_SERVER_PORT);
	assert_int_equal(a->udp.local_port, DHCP4_SERVER_PORT);
	assert_int_equal(dhcp4_parse(a->octets.p, a->octets.n, ret), 0);
}

/* What the server says, with option 82 as hex text. */
static void server_says(uint8_t type, const char *address, const char *from, const char *info)
{
	struct dhcp4 reply = { .op = DHCP4_BOOTREPLY, .hlen = 6, .xid = 0x11223344, .your = ip(address) };
	uint8_t message[600], relay_info[255];
	struct wr w = wr_init(message, sizeof(message));
	struct datagram d = { .local = ip("10.0.1.1"),
			      .local_port = DHCP4_SERVER_PORT,
			      .remote = ip(from),
			      .remote_port = DHCP4_SERVER_PORT };

	dhcp4_begin(&w, &reply);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, type);
	dhcp4_option_u32(&w, DHCP4_OPT_LEASE, 600);
	dhcp4_option(&w, 43, text("vendor"));
	dhcp4_option(&w, DHCP4_OPT_RELAY, (struct span){ relay_info, unhex(info, relay_info, sizeof(relay_info)) });
	dhcp4_end(&w);
	d.payload = (struct span){ message, wr_len(&w) };
	actions_clear(&rig.out);
	mpa_on_datagram(rig.mpa, rig.now, &d, &rig.out);
}

#define ALICE_INFO "0104 00000003 0206 020000000001 0611 616c696365406578616d706c652e636f6d"

/* L-36, L-37 */
static void relay_names_the_home_subnet(void **state)
{
	struct dhcp4 m;
	struct answer a;

	(void)state;
	relaying();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .more = "3c03616263 7604 c0000200" });
	relayed(&m);
	assert_int_equal(m.subnet.s_addr, ip("10.42.0.0").s_addr); /* not the one the station asked for */
	assert_int_equal(m.relay.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(m.hops, 1);
	assert_octets(m.relay_info.p, m.relay_info.n, ALICE_INFO);
	assert_octets(rig_find(ACTION_SEND_DATAGRAM)->octets.p + 243, 5, "3c03616263"); /* unknown to us */
	server_says(DHCP4_OFFER, "10.42.0.33", "10.9.0.2", ALICE_INFO);
	assert_true(answered(&a));
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	server_says(DHCP4_ACK, "10.42.0.33", "10.9.0.2", ALICE_INFO);
	assert_true(answered(&a));
	assert_int_equal(a.m.relay_info.n, 0); /* between agents only (RFC 3046 2.2) */
	assert_octets(a.udp.payload.p + 249, 8, "2b0676656e646f72");
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.33").s_addr);
	server_says(DHCP4_ACK, "10.42.0.33", "10.9.0.3", ALICE_INFO); /* not our server */
	assert_int_equal(rig.out.n, 0);
	server_says(DHCP4_ACK, "10.42.0.33", "10.9.0.2", "0104 00000063 0206 020000000001"); /* not our port */
	assert_int_equal(rig.out.n, 0);
	server_says(DHCP4_ACK, "10.42.0.33", "10.9.0.2", "0104 00000003 0206 0200"); /* not our option */
	assert_int_equal(rig.out.n, 0);
}

/* L-61, X-25: a server's address is nothing for strangers either. */
static void relay_is_not_for_strangers(void **state)
{
	(void)state;
	relaying();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .no_mac_match = true });
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("unknown_stations"), 1);
	rig.accesses[0].trusted = false;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("not_trusted"), 1);
	rig.accesses[0].trusted = true;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .more = "5204 01020304" }); /* RFC 3046 2.1 */
	assert_int_equal(rig.out.n, 0);
	assert_int_equal(rig_counter("dhcp_ignored"), 1);
}

/* L-37, L-62, A-22: known by its name, which the server's answer does not tell. */
static void relay_remembers_who_asked(void **state)
{
	struct dhcp4 m;

	(void)state;
	relaying();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .no_mac_match = true, .host_name = "node" });
	relayed(&m);
	assert_octets(m.relay_info.p, m.relay_info.n,
		      "0104 00000003 0206 020000000077 0612 6e6f646540656c736577686572652e6f7267");
	server_says(DHCP4_ACK, "10.42.0.34", "10.9.0.2",
		    "0104 00000003 0206 020000000077 0612 6e6f646540656c736577686572652e6f7267");
	assert_memory_equal(rig_request().x.nai.p, "node@elsewhere.org", 18);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.34").s_addr);
}

/* L-39, G-11: renewals and releases go straight to the server, and are seen on their way. */
static void relayed_lease_lives_as_long_as_it_is_renewed(void **state)
{
	struct ask passing = {
		.type = DHCP4_REQUEST, .client = "10.42.0.20", .source = "10.42.0.20", .destination = "10.9.0.2"
	};

	(void)state;
	relaying();
	rig.conf.lifetime_s = 3000;
	server_says(DHCP4_ACK, "10.42.0.20", "10.9.0.2", ALICE_INFO);
	rig_answer(&(struct rig_reply){ .lifetime_s = 3000 });
	assert_string_equal(rig_state(), "served");
	rig_pass_ms(300000);
	ask_dhcp(&passing);
	assert_null(rig_find(ACTION_SEND_DATAGRAM)); /* the tunnel carries it */
	rig_pass_ms(599000);
	assert_string_equal(rig_state(), "served");
	rig.conf.server_id = ip("10.9.0.2"); /* then the kernel leaves it to us */
	ask_dhcp(&passing);
	assert_non_null(rig_find(ACTION_SEND_DATAGRAM));
	rig.conf.server_id = ip("0.0.0.0");
	passing.type = DHCP4_RELEASE;
	passing.client = "10.42.0.21";
	ask_dhcp(&passing);
	assert_string_equal(rig_state(), "served");
	passing.client = "10.42.0.20";
	ask_dhcp(&passing);
	assert_string_equal(rig_state(), "deregistering");
}

/* L-37: where the server has another idea of where it lives, it is the server's that counts: the station believes it. */
static void relay_follows_the_server(void **state)
{
	struct dhcp4 m;

	(void)state;
	relaying();
	rig_serve();
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER, .requested = "192.168.1.5" });
	relayed(&m);
	assert_int_equal(m.requested.s_addr, ip("10.42.0.20").s_addr); /* at best it gives what there is */
	server_says(DHCP4_OFFER, "10.42.0.99", "10.9.0.2", ALICE_INFO);
	assert_non_null(rig_find(ACTION_SEND_FRAME));
	assert_string_equal(rig_state(), "served");
	server_says(DHCP4_ACK, "10.42.0.99", "10.9.0.2", ALICE_INFO);
	assert_non_null(rig_find(ACTION_SEND_FRAME));
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_int_equal(rig_request().request.lifetime_s, 0);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.20").s_addr);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.99").s_addr);
	assert_int_not_equal(rig_request().request.lifetime_s, 0);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.99" });
	assert_string_equal(rig_state(), "served");
	server_says(DHCP4_ACK, "10.42.0.99", "10.9.0.2", ALICE_INFO);
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	server_says(DHCP4_ACK, "10.42.0.98", "10.9.0.2", /* for node@elsewhere.org, who was at this port before */
		    "0104 00000003 0206 020000000001 0612 6e6f646540656c736577686572652e6f7267");
	assert_string_equal(rig_state(), "served");
}

/* L-37: an address of before is given up once; where the new one is not to be had, no other helps. */
static void relay_gives_up_the_address_of_before(void **state)
{
	(void)state;
	relaying();
	server_says(DHCP4_ACK, "10.42.0.99", "10.9.0.2", ALICE_INFO);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.99").s_addr);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ADMIN_PROHIBITED, .home = "10.42.0.99" });
	assert_int_equal(rig_request().request.home.s_addr, INADDR_ANY);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" }); /* of elsewhere */
	assert_int_equal(rig_request().request.lifetime_s, 0);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.20").s_addr);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.99").s_addr);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ADMIN_PROHIBITED, .home = "10.42.0.99" });
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	assert_string_equal(rig_state(), "barred");
	server_says(DHCP4_ACK, "10.42.0.98", "10.9.0.2", ALICE_INFO);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.98").s_addr);
}

/* L-37: a home agent that has no addresses of its own leaves it to the server. */
static void relay_waits_for_the_server(void **state)
{
	(void)state;
	relaying();
	rig_attach();
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	assert_string_equal(rig_state(), "waiting");
	server_says(DHCP4_ACK, "10.42.0.99", "10.9.0.2", ALICE_INFO);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.99").s_addr);
	rig_restart();
	rig_attach();
	server_says(DHCP4_ACK, "10.42.0.99", "10.9.0.2", ALICE_INFO); /* while the home agent is asked */
	rig_pass_ms(rig.conf.retransmit_ms);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.99").s_addr);
	rig_restart();
	rig_attach();
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	rig_pass_ms(rig.conf.hold_s * 1000 + 1);
	assert_string_equal(rig_state(), ""); /* it never came */
}

/* An address no home agent can serve: the server did not heed the subnet. */
static void relay_refuses_other_networks(void **state)
{
	(void)state;
	relaying();
	server_says(DHCP4_OFFER, "10.0.1.100", "10.9.0.2", ALICE_INFO);
	assert_null(rig_find(ACTION_SEND_FRAME));
	assert_string_equal(rig_find(ACTION_RECORD)->record.event, "dhcp_dropped");
	server_says(DHCP4_ACK, "10.0.1.100", "10.9.0.2", ALICE_INFO);
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	assert_int_equal(rig_counter("dhcp_ignored"), 2);
}

/* G-11: its lease is over, and the server may give the address to another one; not when the binding is refreshed. */
static void relayed_lease_ends_in_time(void **state)
{
	(void)state;
	relaying();
	rig.conf.lifetime_s = 3000;
	server_says(DHCP4_ACK, "10.42.0.20", "10.9.0.2", ALICE_INFO);
	rig_answer(&(struct rig_reply){ .lifetime_s = 3000 });
	rig_pass_ms(599000);
	assert_string_equal(rig_state(), "served");
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	rig_pass_ms(1001);
	assert_int_equal(rig_request().request.lifetime_s, 0);
}

/* G-11: by us or past us, who gives an address back has none, and who finds it taken wants another. */
static void relayed_releases_end_the_binding(void **state)
{
	struct dhcp4 m;

	(void)state;
	relaying();
	server_says(DHCP4_ACK, "10.42.0.20", "10.9.0.2", ALICE_INFO);
	rig_answer(&(struct rig_reply){ 0 });
	ask_dhcp(&(struct ask){ .type = DHCP4_DECLINE, .requested = "10.42.0.21" });
	assert_string_equal(rig_state(), "served");
	ask_dhcp(&(struct ask){ .type = DHCP4_DECLINE, .requested = "10.42.0.20" });
	relayed(&m); /* the server hears of it, too */
	assert_string_equal(rig_state(), "deregistering");
	server_says(DHCP4_ACK, "10.42.0.99", "10.9.0.2", ALICE_INFO);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.99").s_addr);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.99" });
	ask_dhcp(&(struct ask){ .type = DHCP4_RELEASE, .client = "10.42.0.99" });
	assert_string_equal(rig_state(), "deregistering");
}

/* L-38 */
static void dhcp_through_the_tunnel(void **state)
{
	const struct action *a;
	struct ip4 h;
	struct udp4 u;

	(void)state;
	rig.conf.dhcp = MPA_DHCP_ANCHOR;
	ask_dhcp(&(struct ask){ .type = DHCP4_DISCOVER });
	assert_null(rig_find(ACTION_SEND_TUNNELLED));
	rig_answer(&(struct rig_reply){ 0 });
	a = rig_find(ACTION_SEND_TUNNELLED);
	assert_int_equal(a->tunnel.remote.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(ip4_parse(a->octets.p, a->octets.n, &h), 0);
	assert_int_equal(h.source.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(h.destination.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(udp4_parse(&h, &u), 0);
	assert_int_equal(u.destination, DHCP4_SERVER_PORT);
	ask_dhcp(&(struct ask){ .type = DHCP4_RELEASE, .client = "10.42.0.20" }); /* G-11 */
	assert_non_null(rig_find(ACTION_SEND_TUNNELLED));
	assert_string_equal(rig_state(), "deregistering");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(discover_is_held_then_offered),
		TEST(requests_in_every_state),
		TEST(stations_are_known_by_name),
		TEST(release_and_lost_leases_deregister),
		TEST(answers_hold_what_was_asked_for),
		TEST(long_answers_only_where_welcome),
		TEST(other_servers_are_left_alone),
		TEST(relay_names_the_home_subnet),
		TEST(relay_is_not_for_strangers),
		TEST(relay_remembers_who_asked),
		TEST(relayed_lease_lives_as_long_as_it_is_renewed),
		TEST(relay_follows_the_server),
		TEST(relay_gives_up_the_address_of_before),
		TEST(relay_waits_for_the_server),
		TEST(relay_refuses_other_networks),
		TEST(relayed_lease_ends_in_time),
		TEST(relayed_releases_end_the_binding),
		TEST(dhcp_through_the_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
