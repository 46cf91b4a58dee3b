/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent as DHCP relay of stations whose messages come through their tunnels (L-38). */
#include "codec/dhcp4.h"
#include "codec/ip4.h"
#include "tests/unit/roles/ha_fixture.h"

#define SERVER "10.9.0.2"
#define HOME "10.42.0.11"
#define OWN_INFO "0104 0a2a000b"

static void says(const struct dhcp4 *m, uint8_t type, const char *from, const char *options)
{
	uint8_t message[800], more[400];
	struct wr w = wr_init(message, sizeof(message));
	struct datagram d = { .local = ip("10.0.0.1"),
			      .local_port = DHCP4_SERVER_PORT,
			      .remote = ip(from),
			      .remote_port = DHCP4_SERVER_PORT };

	dhcp4_begin(&w, m);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, type);
	wr_bytes(&w, more, unhex(options, more, sizeof(more)));
	dhcp4_end(&w);
	assert_int_equal(w.err, 0);
	d.payload = (struct span){ message, wr_len(&w) };
	actions_clear(&out);
	ha_on_datagram(ha, now, &d, &out);
}

static void station_says(uint8_t type, const char *options)
{
	const struct dhcp4 m = { .op = DHCP4_BOOTREQUEST, .hlen = 6, .xid = 0x11223344 };

	says(&m, type, HOME, options);
}

static void server_says(uint8_t type, const char *address, const char *options)
{
	const struct dhcp4 m = { .op = DHCP4_BOOTREPLY, .hlen = 6, .xid = 0x11223344, .your = ip(address) };

	says(&m, type, SERVER, options);
}

static void begin(void)
{
	conf.dhcp_server = ip(SERVER);
	restart();
	assert_code(&(struct ask){ 0 }, MIP_CODE_ACCEPTED); /* bound to HOME, the first free of the pool */
}

/* The datagram sent on; fails the test when there is none. */
static const struct action *relayed(struct dhcp4 *ret)
{
	const struct action *a = find_action(ACTION_SEND_DATAGRAM);

	assert_non_null(a);
	assert_int_equal(dhcp4_parse(a->octets.p, a->octets.n, ret), 0);
	return a;
}

/* L-38: from the gateway of its network, asking for the address its binding has; the rest as the station sent it. */
static void requests_go_to_the_server(void **state)
{
	const struct action *a;
	struct dhcp4 m;

	(void)state;
	begin();
	station_says(DHCP4_DISCOVER, "3c03616263 3204 c0a80105");
	a = relayed(&m);
	assert_int_equal(a->udp.remote.s_addr, ip(SERVER).s_addr);
	assert_int_equal(a->udp.remote_port, DHCP4_SERVER_PORT);
	assert_int_equal(a->udp.local.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(m.relay.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(m.hops, 1);
	assert_octets(a->octets.p + 240, 23, "350101 3c03616263 32040a2a000b 5206" OWN_INFO "ff");
	station_says(DHCP4_REQUEST, "3204 c0a80105");
	(void)relayed(&m);
	assert_int_equal(m.requested.s_addr, ip("192.168.1.5").s_addr); /* the server says no, not we */
}

static void strangers_and_relays_are_not_served(void **state)
{
	const struct dhcp4 hidden = { .op = DHCP4_BOOTREQUEST, .hlen = 6, .relay = ip("10.42.0.99") };
	const struct dhcp4 far = { .op = DHCP4_BOOTREQUEST, .hlen = 6, .hops = 16 };
	const struct dhcp4 plain = { .op = DHCP4_BOOTREQUEST, .hlen = 6 };

	(void)state;
	begin();
	says(&plain, DHCP4_DISCOVER, "10.42.0.10", ""); /* no binding */
	says(&hidden, DHCP4_DISCOVER, HOME, "");
	says(&far, DHCP4_DISCOVER, HOME, "");
	says(&plain, DHCP4_DISCOVER, HOME, "5206" OWN_INFO); /* RFC 3046 2.1 */
	assert_int_equal(counter("dhcp_dropped"), 4);
	assert_int_equal(counter("dhcp_relayed"), 0);
}

static void answers_go_into_the_tunnel(void **state)
{
	const struct action *a;
	struct dhcp4 m;

	(void)state;
	begin();
	server_says(DHCP4_OFFER, HOME, "2b03616263 5206" OWN_INFO);
	a = relayed(&m);
	assert_int_equal(a->udp.remote.s_addr, ip(HOME).s_addr);
	assert_int_equal(a->udp.remote_port, DHCP4_CLIENT_PORT);
	assert_octets(a->octets.p + 240, 9, "350102 2b03616263 ff"); /* RFC 3046 2.2 */
	server_says(DHCP4_ACK, HOME, "");                            /* a server that knows no option 82 */
	(void)relayed(&m);
	server_says(DHCP4_ACK, "0.0.0.0", "5206" OWN_INFO); /* to an INFORM */
	(void)relayed(&m);
}

/* What comes out of the wrapping that goes to HOME. */
static uint8_t wrapped_type(void)
{
	const struct action *a = find_action(ACTION_SEND_TUNNELLED);
	struct ip4 wrap, h;
	struct udp4 u;
	struct dhcp4 m;

	assert_non_null(a);
	assert_int_equal(ip4_parse(a->octets.p, a->octets.n, &wrap), 0);
	assert_int_equal(wrap.protocol, IPPROTO_IPIP);
	assert_int_equal(wrap.source.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(wrap.destination.s_addr, ip(HOME).s_addr);
	assert_int_equal(ip4_parse(wrap.payload.p, wrap.payload.n, &h), 0);
	assert_int_equal(h.source.s_addr, ip("10.42.0.1").s_addr);
	assert_int_equal(h.destination.s_addr, INADDR_BROADCAST);
	assert_int_equal(udp4_parse(&h, &u), 0);
	assert_int_equal(u.source, DHCP4_SERVER_PORT);
	assert_int_equal(u.destination, DHCP4_CLIENT_PORT);
	assert_int_equal(dhcp4_parse(u.payload.p, u.payload.n, &m), 0);
	assert_int_equal(m.relay_info.n, 0);
	return m.type;
}

/* RFC 2131 4.1 */
static void broadcasts_reach_the_one_station(void **state)
{
	const struct dhcp4 offer = { .op = DHCP4_BOOTREPLY, .hlen = 6, .flags = DHCP4_BROADCAST, .your = ip(HOME) };

	(void)state;
	begin();
	server_says(DHCP4_NAK, "0.0.0.0", "5206" OWN_INFO);
	assert_int_equal(wrapped_type(), DHCP4_NAK);
	assert_null(find_action(ACTION_SEND_DATAGRAM));
	says(&offer, DHCP4_OFFER, SERVER, "5206" OWN_INFO);
	assert_int_equal(wrapped_type(), DHCP4_OFFER);
}

static void answers_of_no_use_are_dropped(void **state)
{
	const struct dhcp4 forged = { .op = DHCP4_BOOTREPLY, .hlen = 6, .your = ip(HOME) };

	(void)state;
	begin();
	server_says(DHCP4_ACK, "10.42.0.77", "5206" OWN_INFO);
	assert_string_equal(find_action(ACTION_RECORD)->record.event, "dhcp_dropped");
	server_says(DHCP4_ACK, "10.42.0.10", "5206 0104 0a2a000a"); /* no binding */
	server_says(DHCP4_NAK, "0.0.0.0", "");
	server_says(DHCP4_ACK, HOME, "5203 010477"); /* not our option */
	says(&forged, DHCP4_ACK, "10.9.0.3", "5206" OWN_INFO);
	assert_null(find_action(ACTION_SEND_DATAGRAM));
	assert_null(find_action(ACTION_SEND_TUNNELLED));
	assert_int_equal(counter("dhcp_dropped"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_go_to_the_server),     TEST(strangers_and_relays_are_not_served),
		TEST(answers_go_into_the_tunnel),    TEST(broadcasts_reach_the_one_station),
		TEST(answers_of_no_use_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
