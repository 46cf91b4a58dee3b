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

static void names(void **state)
{
	(void)state;
	assert_string_equal(encap_names[ENCAP_IPIP], "ipip");
	assert_string_equal(encap_names[ENCAP_UDP], "udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(equality), cmocka_unit_test(names),
					    cmocka_unit_test(without_a_port_it_leads_nowhere) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
