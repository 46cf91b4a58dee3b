/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports where hostapd authenticates: when it is told to begin and to end, and what its news mean (L-03, L-53). */
#include "codec/arp.h"
#include "codec/dhcp4.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "login_rig.h"

enum {
	SECOND_MS = 1000,
	SETTLE_MS = 1500,
	HOLD_S = 30,
	AWAY_S = 300,
	LIFETIME_S = 3600,
	CALLERS_MAX = 512,
	STARTS_PER_S = 250
};

static const uint8_t stranger_mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, 9 };

static const char port1[] = "02-00-00-00-01-00:office"; /* Called-Station-Id of PORT */

static int guarded(void **state)
{
	int r = setup(state);

	for (size_t i = 0; i < 2; i++)
		rig.accesses[i].hostapd = (char *)"/run/hostapd";
	rig.conf.lifetime_s = LIFETIME_S;
	restart();
	return r;
}

static void arp_from(const uint8_t *mac)
{
	uint8_t frame[64];
	struct wr w = wr_init(frame, sizeof(frame));
	struct arp a = { .op = ARP_REQUEST, .sender = ip("10.42.0.20"), .target = ip("10.42.0.1") };

	memcpy(a.sender_mac, mac, MAC_OCTETS);
	ether_build(&w, ether_broadcast, mac, ETHER_ARP);
	arp_build(&w, &a);
	rig_feed(&w);
}

static void news(enum port_event_type type, uint32_t ifindex, const uint8_t *mac)
{
	struct port_event e = { .type = type, .ifindex = ifindex };

	if (mac)
		memcpy(e.mac, mac, MAC_OCTETS);
	actions_clear(&rig.out);
	mpa_on_port(rig.mpa, rig.now, &e, &rig.out);
}

/* As after an Access-Accept. */
static void let_in(uint32_t ifindex)
{
	struct mpa_attach a = { .ifindex = ifindex, .nai = "alice@example.com", .trigger = MPA_TRIGGER_AAA };

	memcpy(a.mac, alice_mac, sizeof(a.mac));
	actions_clear(&rig.out);
	assert_int_equal(mpa_attach(rig.mpa, rig.now, &a, &rig.out), 0);
}

static int served(void **state)
{
	int r = guarded(state);

	let_in(PORT);
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "served");
	return r;
}

static size_t ordered(enum port_order order, uint32_t ifindex, const uint8_t *mac)
{
	size_t n = 0;

	for (size_t i = 0; i < rig.out.n; i++) {
		const struct action *a = &rig.out.v[i];

		if (a->type != ACTION_PORT)
			continue;
		assert_int_equal(a->port.order, order);
		assert_int_equal(a->port.ifindex, ifindex);
		assert_memory_equal(a->port.mac, mac, MAC_OCTETS);
		n++;
	}
	return n;
}

static const char *recorded(const char *event)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_RECORD && strcmp(rig.out.v[i].record.event, event) == 0)
			return rig.out.v[i].record.reason;
	return "";
}

static void nothing_but_port_orders(void)
{
	for (size_t i = 0; i < rig.out.n; i++)
		assert_true(rig.out.v[i].type == ACTION_PORT || rig.out.v[i].type == ACTION_RECORD);
}

/* L-53, G-15: it is asked who it is, at once and once a second, and gets nothing. */
static void strangers_are_asked(void **state)
{
	(void)state;
	arp_from(stranger_mac);
	assert_int_equal(ordered(PORT_START, PORT, stranger_mac), 1);
	nothing_but_port_orders();
	arp_from(stranger_mac);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(SECOND_MS - 1);
	arp_from(stranger_mac);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(1);
	arp_from(stranger_mac);
	assert_int_equal(ordered(PORT_START, PORT, stranger_mac), 1);
	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, PORT, alice_mac, ip("10.42.0.20"), 0, &rig.out);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
	nothing_but_port_orders();
}

static void groups_are_not_asked(void **state)
{
	static const uint8_t senders[][MAC_OCTETS] = { { 1, 0x80, 0xc2, 0, 0, 3 }, { 0 } };

	(void)state;
	actions_clear(&rig.out);
	for (size_t i = 0; i < ARRAY_SIZE(senders); i++)
		mpa_on_unknown_source(rig.mpa, rig.now, PORT, senders[i], ip("10.42.0.20"), 0, &rig.out);
	assert_null(rig_find(ACTION_PORT));
}

static void only_where_it_authenticates(void **state)
{
	(void)state;
	rig.accesses[0].hostapd = NULL;
	arp_from(stranger_mac);
	news(PORT_SILENT, PORT, stranger_mac);
	assert_null(rig_find(ACTION_PORT));
}

static void not_while_it_is_being_asked(void **state)
{
	(void)state;
	news(PORT_STARTED, PORT, alice_mac);
	arp_from(alice_mac);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(3 * SECOND_MS);
	arp_from(alice_mac);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
}

static void the_served_are_left_alone(void **state)
{
	(void)state;
	arp_from(alice_mac);
	assert_null(rig_find(ACTION_PORT));
	let_in(OTHER_PORT); /* moved: its frames here are a stranger's, and a registration under way needs no second */
	arp_from(alice_mac);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
}

/* G-11: logged off, or its new authentication failed. Back, it is served as soon as it is let in. */
static void a_closed_port(void **state)
{
	(void)state;
	news(PORT_CLOSED, PORT, stranger_mac);
	assert_string_equal(rig_state(), "served");
	news(PORT_CLOSED, PORT, alice_mac);
	assert_string_equal(rig_state(), "holding");
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	arp_from(alice_mac);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
	assert_string_equal(rig_state(), "holding");
	let_in(PORT);
	assert_string_equal(rig_state(), "served");
}

static void held_too_long(void **state)
{
	(void)state;
	news(PORT_CLOSED, PORT, alice_mac);
	rig_pass_ms(HOLD_S * SECOND_MS);
	assert_int_equal(ordered(PORT_END, PORT, alice_mac), 1);
	assert_string_equal(rig_state(), "deregistering");
}

/* A cable that is plugged in again (L-03): bridges on the way open up to a second later than we hear of it. */
static void link_up(void **state)
{
	(void)state;
	actions_clear(&rig.out);
	mpa_on_carrier(rig.mpa, rig.now, PORT, false, &rig.out);
	assert_string_equal(rig_state(), "holding");
	assert_null(rig_find(ACTION_PORT));
	mpa_on_carrier(rig.mpa, rig.now, PORT, true, &rig.out);
	rig_pass_ms(SETTLE_MS - 1);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(1);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
}

/* It speaks by itself meanwhile. */
static void link_up_and_a_frame(void **state)
{
	(void)state;
	mpa_on_carrier(rig.mpa, rig.now, PORT, false, &rig.out);
	mpa_on_carrier(rig.mpa, rig.now, PORT, true, &rig.out);
	rig_pass_ms(50);
	arp_from(alice_mac);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
	rig_pass_ms(10 * SECOND_MS);
	assert_null(rig_find(ACTION_PORT));
}

static void link_up_of_a_known_station(void **state)
{
	(void)state;
	memcpy(rig.accesses[0].carrier_mac, stranger_mac, MAC_OCTETS);
	actions_clear(&rig.out);
	mpa_on_carrier(rig.mpa, rig.now, PORT, true, &rig.out);
	rig_pass_ms(SETTLE_MS);
	assert_int_equal(ordered(PORT_START, PORT, stranger_mac), 1);
}

static void kicked(void **state)
{
	(void)state;
	actions_clear(&rig.out);
	assert_int_equal(mpa_kick(rig.mpa, rig.now, "alice@example.com", &rig.out), 0);
	assert_int_equal(ordered(PORT_END, PORT, alice_mac), 1);
}

static void detached_for_a_while(void **state)
{
	(void)state;
	actions_clear(&rig.out);
	assert_int_equal(mpa_detach(rig.mpa, rig.now, "alice@example.com", true, &rig.out), 0);
	assert_null(rig_find(ACTION_PORT));
}

/* L-18: who is served elsewhere may be back in a moment, and hostapd takes seconds to forget: it ends when the station
 * stays away. Frames still under way are no sign of it. */
static void served_elsewhere(void **state)
{
	(void)state;
	rig_revoke(60, "10.0.0.1", true);
	assert_string_equal(rig_state(), "");
	assert_null(rig_find(ACTION_PORT));
	arp_from(alice_mac);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(AWAY_S * SECOND_MS - 1);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(1);
	assert_int_equal(ordered(PORT_END, PORT, alice_mac), 1);
}

static void back_from_elsewhere(void **state)
{
	(void)state;
	rig_revoke(60, "10.0.0.1", true);
	rig_pass_ms(SECOND_MS);
	arp_from(alice_mac);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
	let_in(PORT);
	rig_answer(&(struct rig_reply){ .stamp = 70 });
	rig_pass_ms(2 * AWAY_S * SECOND_MS);
	assert_null(rig_find(ACTION_PORT));
	assert_string_equal(rig_state(), "served");
}

/* Faster than hostapd repeats itself. */
static void to_and_fro(void **state)
{
	(void)state;
	news(PORT_STARTED, PORT, alice_mac);
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	rig_revoke(60, "10.0.0.1", true);
	rig_pass_ms(SECOND_MS);
	arp_from(alice_mac);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
}

static void moved_within(void **state)
{
	(void)state;
	let_in(OTHER_PORT);
	assert_null(rig_find(ACTION_PORT));
	rig_pass_ms(AWAY_S * SECOND_MS);
	assert_int_equal(ordered(PORT_END, PORT, alice_mac), 1);
	assert_string_equal(rig_state(), "served");
}

/* The home agent does not want it any more: the port closes, so that its next login is refused with the reason. */
static void refused_later(void **state)
{
	(void)state;
	rig_pass_ms(LIFETIME_S / 4 * 3 * SECOND_MS);
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_UNSPECIFIED });
	assert_int_equal(ordered(PORT_END, PORT, alice_mac), 1);
	news(PORT_CLOSED, PORT, alice_mac);
	assert_string_equal(rig_state(), "");
}

/* hostapd was restarted: it is to know its stations again. */
static void a_new_hostapd(void **state)
{
	(void)state;
	news(PORT_LINKED, OTHER_PORT, NULL);
	assert_null(rig_find(ACTION_PORT));
	news(PORT_LINKED, PORT, NULL);
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
	assert_string_equal(rig_state(), "served");
}

/* We were restarted: hostapd's stations are to be ours again. */
static void a_new_agent(void **state)
{
	(void)state;
	news(PORT_KNOWN, PORT, alice_mac);
	assert_null(rig_find(ACTION_PORT));
	news(PORT_KNOWN, PORT, stranger_mac);
	assert_int_equal(ordered(PORT_START, PORT, stranger_mac), 1);
}

/* Its server is another one, by mistake: nobody would know why its stations have no service. */
static void let_in_without_us(void **state)
{
	(void)state;
	news(PORT_OPENED, PORT, alice_mac);
	assert_string_equal(recorded("login_missing"), "");
	news(PORT_OPENED, PORT, stranger_mac);
	assert_string_equal(recorded("login_missing"),
			    "hostapd let 02:00:00:00:00:09 in at floor1, and has not asked us by RADIUS");
	nothing_but_port_orders();
}

static void hostapd_is_gone(void **state)
{
	(void)state;
	news(PORT_LOST, PORT, NULL);
	assert_string_equal(recorded("hostapd_lost"), "nobody new is let in at floor1");
	assert_string_equal(rig_state(), "served");
}

/* Nobody answered: hostapd is to forget it, so that a supplicant that starts late is heard. */
static void no_supplicant(void **state)
{
	(void)state;
	news(PORT_SILENT, PORT, stranger_mac);
	assert_int_equal(ordered(PORT_END, PORT, stranger_mac), 1);
}

static void silent_stations_are_asked_for(void **state)
{
	(void)state;
	rig.accesses[0].presence_s = 60;
	mpa_on_carrier(rig.mpa, rig.now, PORT, false, &rig.out);
	let_in(PORT);
	rig_pass_ms(60 * SECOND_MS);
	assert_non_null(rig_find(ACTION_SEND_FRAME));
}

static void discover(void)
{
	uint8_t frame[700], message[600];
	struct wr d = wr_init(message, sizeof(message)), w = wr_init(frame, sizeof(frame));
	struct dhcp4 m = { .op = DHCP4_BOOTREQUEST, .hlen = MAC_OCTETS, .xid = 0x11223344 };
	const struct ip4 h = { .ttl = 64, .destination = ip("255.255.255.255") };
	struct udp4 u = { .source = DHCP4_CLIENT_PORT, .destination = DHCP4_SERVER_PORT };

	memcpy(m.chaddr, alice_mac, MAC_OCTETS);
	dhcp4_begin(&d, &m);
	dhcp4_option_u8(&d, DHCP4_OPT_TYPE, DHCP4_DISCOVER);
	dhcp4_end(&d);
	u.payload = (struct span){ message, wr_len(&d) };
	ether_build(&w, ether_broadcast, alice_mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	rig_feed(&w);
}

static size_t frames_sent(void)
{
	size_t n = 0;

	for (size_t i = 0; i < rig.out.n; i++)
		n += rig.out.v[i].type == ACTION_SEND_FRAME;
	return n;
}

/* L-53: no answer before it is let in; then one to what it has asked, so that nobody waits for a repetition. Its address
 * is asked for (L-35), and how long it took is told. */
static void questions_wait_for_the_login(void **state)
{
	(void)state;
	arp_from(alice_mac);
	rig_pass_ms(40);
	discover();
	assert_int_equal(frames_sent(), 0);
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(frames_sent(), 0);
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.20").s_addr);
	rig.now.us += 7500;
	rig_answer(&(struct rig_reply){ 0 });
	assert_int_equal(frames_sent(), 2);
	assert_string_equal(recorded("login_done"),
			    "authentication 0.0 ms in 1 rounds, registration 7.5 ms, first frame 40.0 ms before");
}

/* L-53: nor does another server answer for us. */
static void a_closed_port_is_not_relayed(void **state)
{
	(void)state;
	rig.conf.dhcp = MPA_DHCP_RELAY;
	rig.conf.dhcp_server = ip("10.0.0.53");
	discover();
	assert_non_null(sent_to("10.0.0.53"));
	news(PORT_CLOSED, PORT, alice_mac);
	discover();
	assert_null(sent_to("10.0.0.53"));
	assert_int_equal(ordered(PORT_START, PORT, alice_mac), 1);
}

static void old_questions_are_forgotten(void **state)
{
	(void)state;
	discover();
	rig_pass_ms(5001);
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	assert_int_equal(frames_sent(), 0);
}

static void back_before_the_hold_is_over(void **state)
{
	(void)state;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(recorded("login_done"), "authentication 0.0 ms in 1 rounds, registration 0.0 ms");
	news(PORT_CLOSED, PORT, alice_mac);
	arp_from(alice_mac);
	assert_int_equal(frames_sent(), 0);
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	assert_int_equal(frames_sent(), 1);
	assert_string_equal(recorded("login_done"),
			    "authentication 0.0 ms in 1 rounds, registered before, first frame 0.0 ms before");
}

static void the_session_time_is_over(void **state)
{
	(void)state;
	granted.session_s = 100;
	log_in(port1, RADIUS_ACCESS_ACCEPT);
	rig_answer(&(struct rig_reply){ 0 });
	rig_pass_ms(131 * SECOND_MS);
	assert_int_equal(ordered(PORT_END, PORT, alice_mac), 1);
	assert_string_equal(rig_state(), "deregistering");
}

static void strangers(unsigned from, unsigned n)
{
	uint8_t mac[MAC_OCTETS] = { 2, 1 };

	for (unsigned i = from; i < from + n; i++) {
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
		arp_from(mac);
	}
}

/* Whoever invents MAC addresses keeps neither us nor hostapd busy for long, nor other ports, and takes no room of
 * hostapd's that stays taken. */
static void many_strangers(void **state)
{
	const uint8_t first[MAC_OCTETS] = { 2, 1 };

	(void)state;
	strangers(0, STARTS_PER_S + 7);
	assert_int_equal(rig_counter("port_starts"), STARTS_PER_S);
	assert_int_equal(rig_counter("port_starts_limited"), 7);
	actions_clear(&rig.out);
	mpa_on_unknown_source(rig.mpa, rig.now, OTHER_PORT, alice_mac, ip("10.42.0.20"), 0, &rig.out);
	assert_int_equal(ordered(PORT_START, OTHER_PORT, alice_mac), 1);
	rig_pass_ms(SECOND_MS);
	strangers(STARTS_PER_S, STARTS_PER_S);
	rig_pass_ms(SECOND_MS);
	strangers(2 * STARTS_PER_S, CALLERS_MAX - 2 * STARTS_PER_S - 1); /* and alice */
	assert_int_equal(rig_counter("callers_forgotten"), 0);
	strangers(CALLERS_MAX, 1);
	assert_int_equal(rig_counter("callers_forgotten"), 1);
	assert_int_equal(rig.out.v[0].type, ACTION_PORT);
	assert_int_equal(rig.out.v[0].port.order, PORT_END);
	assert_memory_equal(rig.out.v[0].port.mac, first, MAC_OCTETS);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, guarded, rig_teardown)
#define SERVED(f) cmocka_unit_test_setup_teardown(f, served, rig_teardown)
	const struct CMUnitTest tests[] = {
		FRESH(strangers_are_asked),
		FRESH(groups_are_not_asked),
		FRESH(only_where_it_authenticates),
		FRESH(not_while_it_is_being_asked),
		SERVED(the_served_are_left_alone),
		SERVED(a_closed_port),
		SERVED(held_too_long),
		SERVED(link_up),
		SERVED(link_up_and_a_frame),
		FRESH(link_up_of_a_known_station),
		SERVED(kicked),
		SERVED(detached_for_a_while),
		SERVED(served_elsewhere),
		SERVED(back_from_elsewhere),
		FRESH(to_and_fro),
		SERVED(moved_within),
		SERVED(refused_later),
		SERVED(a_new_hostapd),
		SERVED(a_new_agent),
		SERVED(let_in_without_us),
		SERVED(hostapd_is_gone),
		FRESH(no_supplicant),
		SERVED(silent_stations_are_asked_for),
		FRESH(questions_wait_for_the_login),
		SERVED(a_closed_port_is_not_relayed),
		FRESH(old_questions_are_forgotten),
		FRESH(back_before_the_hold_is_over),
		FRESH(the_session_time_is_over),
		FRESH(many_strangers),
	};
#undef FRESH
#undef SERVED

	return cmocka_run_group_tests(tests, NULL, NULL);
}
