/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration of the foreign agent. */
#include <sys/stat.h>

#include "conf/daemon_conf.h"
#include "tests/unit/test.h"

static char path[64];
static struct conf_error error;

static void write_file(const char *content)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/hf-test-fa-%d", (int)getpid());
	memset(&error, 0, sizeof(error));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void fills_the_foreign_agent(void **state)
{
	struct fa_file f = { 0 };

	(void)state;
	write_file("care-of = \"10.0.2.1\"\ninterfaces = {\"eth0\"}\nadvertise = 3\nreverse-tunnel = required\n"
		   "access \"eth1\" { registration-required = yes }\naccess eth2 { }\n"
		   "association anchor { home-agent = \"10.0.0.1\" spi = 4000 key = \"text:sixteen octets!!\" }\n"
		   "association dora { scope = mobile-node nai = \"dora@example.com\" spi = 256 key = \"hex:0001\" "
		   "algorithm = hmac-md5 }\n");
	if (fa_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(f.fa.care_of.s_addr, ip("10.0.2.1").s_addr);
	assert_int_equal(f.fa.access_n, 2);
	assert_true(f.fa.accesses[0].registration_required);
	assert_false(f.fa.accesses[1].registration_required);
	assert_int_equal(f.fa.reverse_tunnel, FA_REVERSE_TUNNEL_REQUIRED);
	assert_int_equal(f.fa.association_n, 2);
	assert_int_equal(f.fa.associations[0].home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(f.fa.associations[0].sa.key_n, 16);
	assert_int_equal(f.fa.associations[1].scope, FA_SCOPE_MN);
	assert_int_equal(f.fa.associations[1].sa.alg, MAC_HMAC_MD5);
	assert_string_equal(f.daemon.instance, "fa"); /* defaults from here on */
	assert_int_equal(f.fa.max_lifetime_s, 1800);
	assert_int_equal(f.fa.max_pending_per_mac, 5);
	assert_true(f.fa.revocation);
	fa_file_done(&f);
}

static void mistakes(void **state)
{
#define HEAD "care-of = \"10.0.2.1\"\ninterfaces = {\"eth0\"}\n"
	static const struct {
		const char *content, *want;
	} rows[] = {
		{ "interfaces = {\"eth0\"}\naccess eth1 { }\n", "care-of: missing" },
		{ HEAD, "access: missing" },
		{ HEAD "advertise = 2\naccess eth1 { }\n", "advertise" },
		{ HEAD "reverse-tunnel = maybe\naccess eth1 { }\n", "allowed: offered, required, off" },
		{ HEAD "access eth1 { }\nassociation a { spi = 300 key = \"hex:00\" }\n", "'a': home-agent: missing" },
		{ HEAD "access eth1 { }\nassociation a { scope = mobile-node spi = 300 key = \"hex:00\" }\n",
		  "'a': nai: missing" },
		{ HEAD "access eth1 { }\nassociation a { home-agent = \"10.0.0.1\" spi = 300 }\n", "key" },
		{ HEAD "access eth1 { trusted = yes }\n", "trusted" },
		{ "care-of = \"10.0.2.1\"\ninterfaces = {}\naccess eth1 { }\n", ":4: interfaces: missing" },
		{ HEAD "access eth1 { }\nhome-agent-authentication = yes\n",
		  ":4: home-agent-authentication: allowed: no, without an association of scope home-agent" },
		{ HEAD "access eth1 { }\nmobile-node-authentication = yes\n",
		  ":4: mobile-node-authentication: allowed: no, without an association of scope mobile-node" },
		{ HEAD "access eth1 { }\nassociation a { home-agent = \"10.0.0.1\" spi = 300 key = \"hex:00\" }\n"
		       "association b { home-agent = \"10.0.0.1\" spi = 301 key = \"hex:01\" }\n",
		  ":5: association 'b': home-agent: association 'a' has the same" },
	};
#undef HEAD

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fa_file f = { 0 };

		write_file(rows[i].content);
		assert_int_equal(fa_file_load(path, &f, &error), -EINVAL);
		if (!strstr(error.text, rows[i].want))
			fail_msg("%s: wanted: %s", error.text, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fills_the_foreign_agent, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
