/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration of a mobile node in client mode. */
#include <sys/stat.h>

#include "conf/daemon_conf.h"
#include "tests/unit/test.h"

#define TOP "user = a\nconnection gw1 { child = net }\nmode = client\n"
#define WHOLE TOP "home-agent = \"10.0.0.1\"\nspi = 4000\nkey = \"text:sixteen octets!!\"\n"

static char path[64];
static struct conf_error error;

static void write_file(const char *content, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/hf-test-mn-client-%d", (int)getpid());
	memset(&error, 0, sizeof(error));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void defaults(void **state)
{
	const struct mn_client_conf *c;
	struct mn_file f = { 0 };

	(void)state;
	write_file(WHOLE, 0600);
	if (mn_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	c = &f.mn.client;
	assert_int_equal(f.mn.mode, MN_MODE_CLIENT);
	assert_int_equal(f.mn.inside, MN_INSIDE_NEVER); /* B-27: the gateway proves nothing */
	assert_int_equal(c->home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_int_equal(c->home.s_addr, INADDR_ANY);
	assert_int_equal(c->home_prefix.len, 0);
	assert_int_equal(c->sa.spi, 4000);
	assert_int_equal(c->sa.key_n, 16);
	assert_int_equal(c->sa.alg, MAC_HMAC_SHA_256);
	assert_int_equal(c->sa.replay, REPLAY_TIMESTAMP);
	assert_int_equal(c->sa.tolerance_s, 7);
	assert_int_equal(c->probe, MN_PROBE_ALWAYS);
	assert_int_equal(c->udp, MN_UDP_OFFER);
	assert_true(c->agent_discovery);
	assert_true(c->foreign_agents);
	assert_false(c->simultaneous);
	assert_false(c->broadcast);
	assert_null(c->pseudonym);
	assert_int_equal(c->retransmissions, 2);
	assert_int_equal(c->timeout_ms, 0);
	assert_int_equal(c->lifetime_s, 1800);
	assert_int_equal(c->monitor_s, 60);
	assert_int_equal(f.vpn_device_n, 1);
	assert_string_equal(f.vpn_devices[0], "ipsec*");
	mn_file_done(&f);
}

/* B-30, B-50 */
static void all_there_is(void **state)
{
	const struct mn_client_conf *c;
	struct mn_file f = { 0 };

	(void)state;
	write_file(WHOLE
		   "home-address = \"10.42.0.10\"\nhome-prefix = \"10.42.0.0/24\"\nalgorithm = hmac-md5\n"
		   "replay = nonce\nprobe = known\nknown-networks = {\"10.1.0.0/16\", \"10.2.0.0/16\"}\n"
		   "pseudonym = \"p7@example.com\"\nagent-discovery = no\nforeign-agents = no\nudp-tunnel = force\n"
		   "simultaneous = yes\nbroadcasts = yes\nretransmissions = 5\ntimeout = 1000\nlifetime = 65535\n"
		   "monitor = 30\nvpn-devices = {\"tun7\"}\npin-dir = \"/sys/fs/bpf/x\"\nclsact = yes\n",
		   0600);
	if (mn_file_load(path, &f, &error) < 0)
		fail_msg("%s", error.text);
	c = &f.mn.client;
	assert_int_equal(c->home.s_addr, ip("10.42.0.10").s_addr);
	assert_int_equal(c->home_prefix.len, 24);
	assert_int_equal(c->sa.alg, MAC_HMAC_MD5);
	assert_int_equal(c->sa.replay, REPLAY_NONCE);
	assert_int_equal(c->probe, MN_PROBE_KNOWN);
	assert_int_equal(c->known_n, 2);
	assert_string_equal(c->pseudonym, "p7@example.com");
	assert_false(c->agent_discovery);
	assert_false(c->foreign_agents);
	assert_int_equal(c->udp, MN_UDP_FORCE);
	assert_true(c->simultaneous);
	assert_true(c->broadcast);
	assert_int_equal(c->retransmissions, 5);
	assert_int_equal(c->timeout_ms, 1000);
	assert_int_equal(c->lifetime_s, 65535);
	assert_int_equal(c->monitor_s, 30);
	assert_string_equal(f.vpn_devices[0], "tun7");
	assert_string_equal(f.daemon.pin_dir, "/sys/fs/bpf/x");
	assert_true(f.daemon.no_tcx);
	mn_file_done(&f);
}

static void one_sentence_per_mistake(void **state)
{
	static const struct {
		const char *content, *want;
		mode_t mode;
	} rows[] = {
		{ TOP "spi = 4000\nkey = \"hex:00\"\n", "home-agent: missing", 0600 },
		{ TOP "home-agent = \"10.0.0.1\"\nkey = \"hex:00\"\n", "spi: missing", 0600 },
		{ TOP "home-agent = \"10.0.0.1\"\nspi = 255\n", ":5: spi: ", 0600 },
		{ TOP "home-agent = \"10.0.0.1\"\nspi = 4000\n", "key: allowed: exactly one of key and key-file",
		  0600 },
		{ WHOLE, "key: ", 0644 },
		{ WHOLE "guard = no\n", ":7: guard: allowed: yes", 0600 },
		{ WHOLE "home-address = \"10.43.0.1\"\nhome-prefix = \"10.42.0.0/24\"\n",
		  ":7: home-address: allowed: an address of a host in home-prefix", 0600 },
		{ WHOLE "home-address = \"10.42.0.255\"\nhome-prefix = \"10.42.0.0/24\"\n",
		  ":7: home-address: allowed: an address of a host in home-prefix", 0600 },
		{ WHOLE "home-address = \"10.0.0.1\"\n", ":7: home-address: allowed: an address of this host's own",
		  0600 },
		{ WHOLE "home-agent = \"255.255.255.255\"\n", ":7: home-agent: allowed: the address of one home agent",
		  0600 },
		{ WHOLE "probe = known\n", "known-networks: missing", 0600 },
		/* B-50: what limits nothing must not look as if it did. */
		{ WHOLE "known-networks = {\"10.0.0.0/8\"}\n", ":7: known-networks: allowed: only with probe = known",
		  0600 },
		{ WHOLE "probe = sometimes\n", "allowed: always, known, never", 0600 },
		{ WHOLE "mode = server\n", "allowed: proxy, client", 0600 },
		{ "user = a\nconnection gw1 { child = net }\nhome-agent = \"10.0.0.1\"\n",
		  ":3: home-agent: allowed: only with mode = client", 0600 },
		{ "user = a\nprobe = always\nconnection gw1 { child = net }\n",
		  ":2: probe: allowed: only with mode = client", 0600 },
		{ WHOLE "inside = gateway\n", ":7: inside: allowed: only with mode = proxy", 0600 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mn_file f = { 0 };

		write_file(rows[i].content, rows[i].mode);
		assert_int_equal(mn_file_load(path, &f, &error), -EINVAL);
		if (!strstr(error.text, rows[i].want))
			fail_msg("%s: wanted: %s", error.text, rows[i].want);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(defaults), TEST(all_there_is), TEST(one_sentence_per_mistake) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
