/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bindings in the kernel across restarts of their daemon. Needs root. */

#include "dataplane/dataplane.h"
#include "kernel_rig.h"
#include "tests/unit/test.h"

static char pins[] = "/tmp/hf-bindings-XXXXXX";
static const uint32_t loopback = 1;
static const struct dp_conf conf = {
	.role = DP_ROLE_ANCHOR, .device = "hf0", .pin_dir = pins, .core = &loopback, .core_n = 1, .max_entries = 8
};
static struct dp *dp;
static struct dp_binding seen[8];
static size_t seen_n;

static void start(void)
{
	const char *why = "";

	if (dp_open(&conf, &dp, &why) < 0)
		fail_msg("%s", why);
}

static void look_at(void *ctx, const struct dp_binding *b)
{
	(void)ctx;
	assert_in_range(seen_n, 0, ARRAY_SIZE(seen) - 1);
	seen[seen_n++] = *b;
}

static void look(void)
{
	seen_n = 0;
	dp_each_binding(dp, look_at, NULL);
}

static struct dp_binding binding(const char *home, const char *care_of)
{
	return (struct dp_binding){ .home = ip(home),
				    .tunnel = { .encap = ENCAP_UDP,
						.local = ip("10.0.0.1"),
						.remote = ip(care_of),
						.local_port = 434,
						.remote_port = 40000 },
				    .index = 5 };
}

static void a_restarted_daemon_finds_them(void **state)
{
	const struct dp_binding b = binding("10.42.0.10", "10.0.1.1"), c = binding("10.42.0.11", "10.0.2.1");

	(void)state;
	start();
	assert_int_equal(dp_binding_set(dp, &b), 0);
	assert_int_equal(dp_binding_set(dp, &c), 0);
	dp_closep(&dp);
	start();
	look();
	assert_int_equal(seen_n, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct dp_binding *want = seen[i].home.s_addr == b.home.s_addr ? &b : &c;

		assert_int_equal(seen[i].home.s_addr, want->home.s_addr);
		assert_true(tunnel_equal(&seen[i].tunnel, &want->tunnel));
		assert_int_equal(seen[i].index, 5);
	}
	dp_closep(&dp);
	dp_flush(&conf);
}

/* Who deregisters late does not take away what another agent has by now. */
static void only_the_own_tunnel_is_removed(void **state)
{
	const struct dp_binding mine = binding("10.42.0.10", "10.0.1.1"), others = binding("10.42.0.10", "10.0.2.1");

	(void)state;
	start();
	assert_int_equal(dp_binding_set(dp, &others), 0);
	assert_int_equal(dp_binding_del(dp, &mine), 0);
	look();
	assert_int_equal(seen_n, 1);
	assert_int_equal(dp_binding_del(dp, &others), 0);
	look();
	assert_int_equal(seen_n, 0);
	assert_int_equal(dp_binding_del(dp, &others), 0); /* it is gone, as it should be */
	dp_closep(&dp);
	dp_flush(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restarted_daemon_finds_them),
		cmocka_unit_test(only_the_own_tunnel_is_removed),
	};
	int r = enter_own_namespaces(pins);

	if (r != 0)
		return r;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	remove_pins(pins);
	return r;
}
