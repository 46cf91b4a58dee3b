/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tunnel.h"
#include "tests/unit/test.h"

/* Two tunnels are one only when every field that a packet shows is the same. */
static void equality(void **state)
{
	const struct tunnel a = { .encap = ENCAP_UDP,
				  .local = ip("10.0.0.1"),
				  .remote = ip("10.0.1.1"),
				  .local_port = 434,
				  .remote_port = 40000 };
	struct tunnel b = a;

	(void)state;
	assert_true(tunnel_equal(&a, &b));
	b.encap = ENCAP_IPIP;
	assert_false(tunnel_equal(&a, &b));
	b = a;
	b.local = ip("10.0.0.2");
	assert_false(tunnel_equal(&a, &b));
	b = a;
	b.remote = ip("10.0.1.2");
	assert_false(tunnel_equal(&a, &b));
	b = a;
	b.local_port = 435;
	assert_false(tunnel_equal(&a, &b));
	b = a;
	b.remote_port = 40001;
	assert_false(tunnel_equal(&a, &b));
}

/* RFC 3519, R flag */
static void without_a_port_it_leads_nowhere(void **state)
{
	struct tunnel t = { .encap = ENCAP_UDP, .remote = ip("192.0.2.9") };

	(void)state;
	assert_false(tunnel_is_whole(&t));
	t.remote_port = 40000;
	assert_true(tunnel_is_whole(&t));
	t = (struct tunnel){ .encap = ENCAP_IPIP };
	assert_true(tunnel_is_whole(&t));
}

/* Octets of the headers of RFC 2003, RFC 3519 4.3, RFC 2784, RFC 2890, RFC 2004. */
static void overheads(void **state)
{
	struct tunnel t = { .encap = ENCAP_IPIP };

	(void)state;
	assert_int_equal(tunnel_overhead(&t), 20);
	t.encap = ENCAP_UDP;
	assert_int_equal(tunnel_overhead(&t), 20 + 8 + 4);
	t.encap = ENCAP_GRE;
	assert_int_equal(tunnel_overhead(&t), 20 + 4);
	t.out_key = 1;
	assert_int_equal(tunnel_overhead(&t), 20 + 8);
	t.encap = ENCAP_MINIMAL;
	assert_int_equal(tunnel_overhead(&t), 12);
}

/* RFC 3024 4.1: what a packet shows, and no more, must be what was registered. */
static void arrivals(void **state)
{
	const struct tunnel gre = { .encap = ENCAP_GRE, .remote = ip("10.0.1.1"), .in_key = 7, .out_key = 8 };
	const struct tunnel minimal = { .encap = ENCAP_MINIMAL, .remote = ip("10.0.1.1") };
	struct tunnel seen = { .encap = ENCAP_GRE, .remote = ip("10.0.1.1"), .in_key = 7 };

	(void)state;
	assert_false(tunnel_equal(&gre, &seen));
	assert_true(tunnel_accepts(&gre, &seen));
	seen.in_key = 8;
	assert_false(tunnel_accepts(&gre, &seen));
	seen = (struct tunnel){ .encap = ENCAP_IPIP, .remote = ip("10.0.1.1") };
	assert_false(tunnel_accepts(&gre, &seen));
	assert_true(tunnel_accepts(&minimal, &seen)); /* RFC 2004 1: fragments */
	seen.encap = ENCAP_MINIMAL;
	assert_true(tunnel_accepts(&minimal, &seen));
	seen.remote = ip("10.0.1.2");
	assert_false(tunnel_accepts(&minimal, &seen));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(encap_names[ENCAP_IPIP], "ipip");
	assert_string_equal(encap_names[ENCAP_UDP], "udp");
	assert_string_equal(encap_names[ENCAP_GRE], "gre");
	assert_string_equal(encap_names[ENCAP_MINIMAL], "minimal");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(equality), cmocka_unit_test(names),
					    cmocka_unit_test(without_a_port_it_leads_nowhere),
					    cmocka_unit_test(overheads), cmocka_unit_test(arrivals) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
