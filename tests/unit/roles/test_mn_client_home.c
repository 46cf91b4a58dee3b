/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode: home address and home link, and what is told of them in clear. */
#include "client_rig.h"

#include "codec/arp.h"

/* B-52: an address of the home link, proven to be inside: ARP tells the neighbours, then the binding is given up. */
static void test_at_home(void **state)
{
	struct caught c;
	struct ether e;
	struct arp a;

	(void)state;
	rig.conf.client.home_prefix = (struct prefix){ ip("10.42.0.0"), 16 };
	client_restart();
	client_attach(ETH, "10.42.7.7");
	client_accept(ETH);
	client_assert_mode_c(ETH, "10.42.7.7");
	c = client_caught(ETH);
	assert_int_equal(c.m.lifetime_s, 0);
	assert_int_equal(c.m.flags, 0);
	assert_int_equal(c.m.care_of.s_addr, ip(HOME).s_addr);
	assert_int_equal(c.from.s_addr, ip(HOME).s_addr);
	assert_true(rig_place(ACTION_SEND_FRAME) < rig_place(ACTION_SEND_DATAGRAM));
	assert_int_equal(ether_parse(rig_find(ACTION_SEND_FRAME)->octets.p, 42, &e), 0);
	assert_int_equal(arp_parse(e.payload.p, e.payload.n, &a), 0);
	assert_int_equal(a.sender.s_addr, ip(HOME).s_addr);
	assert_int_equal(a.target.s_addr, ip(HOME).s_addr);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true });
	assert_string_not_equal(rig_state(), "home");
	client_pass_ms(61000); /* let be for a minute, then tried again with the next proof */
	while (!client_caught(ETH).here || client_caught(ETH).m.lifetime_s != 0) {
		if (client_caught(ETH).here)
			client_accept(ETH);
		else
			client_pass_ms(1000);
	}
	client_accept(ETH);
	assert_string_equal(client_mode(), "home");
	assert_int_equal(client_path.how, PATH_NEIGHBOUR);
	assert_int_equal(client_path.ifindex, ETH);
	client_pass_ms(44900);
	assert_string_equal(client_mode(), "home");
	client_pass_ms(110);
	assert_int_equal(client_caught(ETH).m.lifetime_s, 0);
	assert_null(rig_find(ACTION_SEND_FRAME)); /* all know it already */
	client_pass_ms(15000);                    /* and not for longer than it is proven */
	client_assert_blocked();
}

/* B-52: where the link's address is of another network, it is not the home link. */
static void test_not_at_home(void **state)
{
	(void)state;
	rig.conf.client.home_prefix = (struct prefix){ ip("10.42.0.0"), 16 };
	client_restart();
	client_attach(ETH, OFFICE);
	client_accept(ETH);
	client_assert_mode_c(ETH, OFFICE);
	assert_false(client_caught(ETH).here);
	assert_null(rig_find(ACTION_SEND_FRAME));
}

/* B-50 */
static void test_probe_never(void **state)
{
	(void)state;
	rig.conf.client.probe = MN_PROBE_NEVER;
	client_restart();
	client_attach(ETH, OFFICE);
	client_pass_ms(20000);
	assert_int_equal(rig_counter("requests_sent"), 0);
	assert_string_equal(rig_state(), "connecting");
	client_assert_blocked();
}

/* B-35, B-50 */
static void test_probe_known(void **state)
{
	static struct prefix known[] = { { .len = 16 } };

	(void)state;
	known[0].addr = ip("10.1.0.0");
	rig.conf.client.probe = MN_PROBE_KNOWN;
	rig.conf.client.known = known;
	rig.conf.client.known_n = 1;
	client_restart();
	client_attach(WLAN, CAFE);
	assert_int_equal(client_requests(WLAN), 0);
	client_attach(ETH, OFFICE);
	assert_int_equal(client_requests(ETH), 1);
	assert_int_equal(client_requests(WLAN), 0);
}

/* In clear nothing tells who it is, or where its home is; the home agent knows. */
static void test_pseudonym(void **state)
{
	struct caught c;

	(void)state;
	rig.conf.client.pseudonym = (char *)"x91@example.com";
	client_restart();
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	assert_int_equal(c.m.home.s_addr, INADDR_ANY);
	assert_memory_equal(c.x.nai.p, "x91@example.com", c.x.nai.n);
	client_answer(&c, &(struct answer_spec){ .home = HOME });
	client_assert_mode_c(ETH, OFFICE);
}

/* RFC 2794: the home agent assigns the address. */
static void test_assigned_home(void **state)
{
	struct caught c;

	(void)state;
	rig.conf.client.home = ip("0.0.0.0");
	client_restart();
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .home = "10.42.3.3" });
	assert_int_equal(rig_find(ACTION_HOME_SET)->home.s_addr, ip("10.42.3.3").s_addr);
	assert_int_equal(client_path.home.s_addr, ip("10.42.3.3").s_addr);
	client_assert_mode_c(ETH, OFFICE);
}

static size_t place_of(enum action_type type, const char *home)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == type &&
		    (type == ACTION_PATH_SET ? rig.out.v[i].path.home : rig.out.v[i].home).s_addr == ip(home).s_addr)
			return i;
	fail_msg("no such action for %s", home);
	return 0;
}

static struct caught assigned(const char *home)
{
	struct caught c;

	rig.conf.client.home = ip("0.0.0.0");
	client_restart();
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .home = home });
	client_detach(ETH);
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	assert_int_equal(c.m.home.s_addr, ip(home).s_addr);
	return c;
}

/* While the host was away its address went to somebody else: whichever there is, then. Packets find another way before the
 * former address goes: none leaves by accident. */
static void test_assigned_home_is_lost(void **state)
{
	struct caught c;

	(void)state;
	c = assigned("10.42.3.3");
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ADMIN_PROHIBITED });
	c = client_caught(ETH);
	assert_true(c.here);
	assert_int_equal(c.m.home.s_addr, INADDR_ANY);
	assert_int_equal(client_path.home.s_addr, ip("10.42.3.3").s_addr); /* until there is another one */
	client_answer(&c, &(struct answer_spec){ .home = "10.42.3.9" });
	assert_true(place_of(ACTION_HOME_SET, "10.42.3.9") < place_of(ACTION_PATH_SET, "10.42.3.9"));
	assert_true(place_of(ACTION_PATH_SET, "10.42.3.9") < place_of(ACTION_HOME_DEL, "10.42.3.3"));
	assert_int_equal(rig_counter("home_changed"), 1);
	client_assert_mode_c(ETH, OFFICE);
	client_detach(ETH);
	client_attach(ETH, OFFICE);
	assert_int_equal(client_caught(ETH).m.home.s_addr, ip("10.42.3.9").s_addr);
}

static void test_assigned_home_is_lost_outside(void **state)
{
	struct caught c;

	(void)state;
	(void)assigned("10.42.3.3");
	client_detach(ETH);
	client_attach(WLAN, CAFE);
	client_pass_ms(1000);
	client_vpn_up(1, "gw1", TIA);
	c = client_caught(VPN);
	assert_int_equal(c.m.home.s_addr, ip("10.42.3.3").s_addr);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ADMIN_PROHIBITED });
	c = client_caught(VPN);
	assert_int_equal(c.m.home.s_addr, INADDR_ANY);
	client_answer(&c, &(struct answer_spec){ .home = "10.42.3.9" });
	assert_string_equal(rig_state(), "outside");
	assert_int_equal(client_path.home.s_addr, ip("10.42.3.9").s_addr);
}

/* That was not the reason: sockets keep their address, and later it is asked for again. */
static void test_assigned_home_is_kept(void **state)
{
	struct caught c;

	(void)state;
	c = assigned("10.42.3.3");
	for (unsigned i = 0; i < 2; i++) {
		client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ADMIN_PROHIBITED });
		assert_int_equal(client_requests(ETH), i == 0);
		if (i == 0)
			c = client_caught(ETH);
	}
	assert_int_equal(client_path.home.s_addr, ip("10.42.3.3").s_addr);
	assert_int_equal(rig_counter("home_changed"), 0);
	client_pass_ms(30000);
	c = client_caught(ETH);
	assert_int_equal(c.m.home.s_addr, ip("10.42.3.3").s_addr);
	client_answer(&c, &(struct answer_spec){ .home = "10.42.3.9" }); /* which was not asked for */
	assert_int_equal(client_path.home.s_addr, ip("10.42.3.3").s_addr);
	assert_int_equal(client_path.how, PATH_BLOCKED);
}

static void test_configured_home_stays(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .code = MIP_CODE_ADMIN_PROHIBITED });
	assert_int_equal(client_requests(ETH), 0);
}

static void test_another_home_address(void **state)
{
	struct caught c;

	(void)state;
	client_attach(ETH, OFFICE);
	c = client_caught(ETH);
	client_answer(&c, &(struct answer_spec){ .home = "10.42.3.3" });
	client_assert_blocked();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_at_home),
		CASE(test_not_at_home),
		CASE(test_probe_never),
		CASE(test_probe_known),
		CASE(test_pseudonym),
		CASE(test_assigned_home),
		CASE(test_another_home_address),
		CASE(test_assigned_home_is_lost),
		CASE(test_assigned_home_is_lost_outside),
		CASE(test_assigned_home_is_kept),
		CASE(test_configured_home_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
