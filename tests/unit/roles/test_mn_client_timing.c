/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When requests leave (G-04, B-29, B-30; doc/adr/0016-tries-in-a-hurry.md). To the microsecond: each number is a promise. */
#include "client_rig.h"

#define TIA2 "10.99.0.6"

/* Until the next request by @ifindex leaves, and one that leaves now. Return: when. */
static uint64_t next_us(uint32_t ifindex)
{
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(mn_due(rig.mn) != NEVER);
		if (mn_due(rig.mn) > rig.now.us)
			rig.now.us = mn_due(rig.mn);
		actions_clear(&rig.out);
		mn_on_time(rig.mn, rig.now, &rig.out);
		if (client_requests(ifindex) > 0)
			return rig.now.us;
	}
	fail_msg("no request any more");
	return 0;
}

/* The request that is among the actions was just sent; the next ones follow after each of @gaps_us. */
static void assert_gaps(uint32_t ifindex, const uint64_t *gaps_us, size_t n)
{
	uint64_t last = rig.now.us;

	assert_true(client_requests(ifindex) > 0);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = next_us(ifindex);

		assert_int_equal(at - last, gaps_us[i]);
		last = at;
	}
}

#define ASSERT_GAPS(ifindex, ...)                                                                                      \
	assert_gaps(ifindex, (const uint64_t[]){ __VA_ARGS__ },                                                        \
		    sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static void plug(uint32_t ifindex, const char *address)
{
	rig_link(ifindex, true);
	rig_net(NET_ADDRESS, ifindex, address);
	rig_route(ifindex, 100, true);
	(void)next_us(ifindex);
}

/* The answer to the request that is among the actions comes @ms later. */
static void accept_after(uint32_t ifindex, uint64_t ms)
{
	const struct caught c = client_caught(ifindex);

	rig.now.us += ms * US_PER_MS;
	client_answer(&c, &(struct answer_spec){ .no_tnc = ifindex == VPN });
}

static void vpn(uint32_t sa, const char *tia)
{
	client_vpn_up(sa, "gw1", tia);
	assert_int_equal(client_requests(VPN), 1);
}

static void outside(void)
{
	client_attach(WLAN, CAFE);
	client_pass_ms(1000);
	vpn(1, TIA);
}

/* Three rounds of three, 1 s and 2 s apart. */
static void test_nothing_measured(void **state)
{
	(void)state;
	plug(ETH, OFFICE);
	ASSERT_GAPS(ETH, 100000, 100000, 1100000, 100000, 100000, 2100000, 100000, 100000);
}

/* Twice the round trip and 20 ms, at least 30 and at most 100. An answer counts for twice of what is known, which is 20 ms
 * at first, and for an eighth later. The microsecond more is that of a clock that had just ticked. */
static void test_measured_in_clear(void **state)
{
	static const struct {
		uint64_t ms[3], wait_us;
	} rows[] = {
		{ { 1 }, 30000 },   { { 4 }, 30000 },      { { 5 }, 30002 },
		{ { 10 }, 40002 },  { { 39 }, 98002 },     { { 39, 47 }, 100000 },
		{ { 60 }, 100000 }, { { 10, 18 }, 42002 }, { { 10, 25, 1 }, 39938 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		client_restart();
		for (size_t k = 0; k < 3 && rows[i].ms[k] != 0; k++) {
			plug(ETH, OFFICE);
			accept_after(ETH, rows[i].ms[k]);
			client_detach(ETH);
		}
		plug(ETH, OFFICE);
		ASSERT_GAPS(ETH, rows[i].wait_us, rows[i].wait_us);
	}
}

/* The way through the VPN is another one, of its own length, which has no upper bound of a tenth of a second. */
static void test_measured_through_the_vpn(void **state)
{
	(void)state;
	outside();
	accept_after(VPN, 60); /* counts for 40 */
	client_vpn_down(1, "gw1");
	vpn(2, TIA2);
	accept_after(VPN, 60);
	client_vpn_down(2, "gw1");
	vpn(3, TIA);
	ASSERT_GAPS(VPN, 105000, 105000, 105000, 210000);
	client_detach(WLAN);
	plug(ETH, OFFICE);
	ASSERT_GAPS(ETH, 100000, 100000); /* in clear, nothing was measured */
}

/* B-46: data wait. */
static void test_awaited_through_the_vpn(void **state)
{
	(void)state;
	outside();
	ASSERT_GAPS(VPN, 100000, 100000, 100000, 200000, 400000, 800000, 1600000, 2000000, 2000000);
}

/* B-23: they do not, as the binding lasts. 1350 s is three quarters of its lifetime. */
static void test_renewed_through_the_vpn(void **state)
{
	uint64_t asked;

	(void)state;
	outside();
	asked = rig.now.us;
	accept_after(VPN, 10);
	assert_int_equal(next_us(VPN) - asked, 1350 * US_PER_S);
	ASSERT_GAPS(VPN, 40002, 40002, 40002, 80004, 160008, 320016, 640032, 1280064, 2560128, 5120256, 10240512,
		    20481024, 40962048, 60000000, 60000000);
	assert_string_equal(rig_state(), "outside");
}

/* The RFC's way: nothing of the above but the upper bound. */
static void test_as_configured(void **state)
{
	(void)state;
	rig.conf.client.timeout_ms = 1000;
	client_restart();
	client_attach(WLAN, CAFE);
	client_pass_ms(8000);
	vpn(1, TIA);
	ASSERT_GAPS(VPN, 1000000, 2000000, 4000000, 8000000, 16000000, 32000000, 60000000, 60000000);
}

/* However short it is, it grows to the upper bound. */
static void test_shortest_as_configured(void **state)
{
	uint64_t last;

	(void)state;
	rig.conf.client.timeout_ms = 1;
	client_restart();
	outside();
	last = rig.now.us;
	for (uint64_t ms = 1; ms < 60000; ms *= 2) {
		assert_int_equal(next_us(VPN) - last, ms * US_PER_MS);
		last = rig.now.us;
	}
	ASSERT_GAPS(VPN, 60000000, 60000000);
}

/* RFC 5944 5.7.1: time, as far as our clock tells it, and nothing that could be foreseen below. */
static void test_identification_is_the_time(void **state)
{
	struct caught c;

	(void)state;
	rig.now.ntp = UINT64_C(0xe9000000fedcb123);
	plug(ETH, OFFICE);
	c = client_caught(ETH);
	assert_int_equal(c.m.id >> 12, rig.now.ntp >> 12);
	assert_int_not_equal(c.m.id & 0xfff, rig.now.ntp & 0xfff);
}

/* RFC 3519 3.1: F only when it is wanted in any case; R never, as no agent is on the way. */
static void test_udp_forced_or_offered(void **state)
{
	struct caught c;

	(void)state;
	for (unsigned force = 0; force < 2; force++) {
		rig.conf.client.udp = force ? MN_UDP_FORCE : MN_UDP_OFFER;
		client_restart();
		plug(ETH, OFFICE);
		c = client_caught(ETH);
		assert_int_not_equal(c.x.udp_request_at, 0);
		assert_int_equal(c.x.udp_force, force);
		assert_false(c.x.udp_via_fa);
		assert_int_equal(c.x.udp_encapsulation, 0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nothing_measured),         CASE(test_measured_in_clear),
		CASE(test_measured_through_the_vpn), CASE(test_awaited_through_the_vpn),
		CASE(test_renewed_through_the_vpn),  CASE(test_as_configured),
		CASE(test_shortest_as_configured),   CASE(test_identification_is_the_time),
		CASE(test_udp_forced_or_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
