/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of the tunnel that overtake the reply. */
#include "codec/ether.h"
#include "codec/ip4.h"
#include "mpa_rig.h"

/* With a number in its source, to tell one from the other. */
static void comes(const char *home, const char *agent, uint8_t number)
{
	uint8_t p[IP4_HEADER_OCTETS + 8] = { 0 };
	struct wr w = wr_init(p, sizeof(p));
	struct ip4 h = { .ttl = 64, .protocol = IPPROTO_UDP, .destination = ip(home) };
	const struct tunnelled t = { .tunnel = { .encap = ENCAP_IPIP, .local = ip("10.0.1.1"), .remote = ip(agent) },
				     .inner = { p, sizeof(p) } };
	size_t before;

	h.source.s_addr = htonl(0x0a090000u + number);
	ip4_build(&w, &h, sizeof(p) - IP4_HEADER_OCTETS);
	before = rig.out.n;
	mpa_on_tunnelled(rig.mpa, rig.now, &t, &rig.out);
	assert_int_equal(rig.out.n, before); /* the request, which rig_answer() answers */
}

/* The numbers of those that go to the station now; 0 ends. */
static void assert_delivered(const uint8_t *numbers)
{
	bool set = false;

	for (size_t i = 0; i < rig.out.n; i++) {
		const struct action *a = &rig.out.v[i];

		set |= a->type == ACTION_VISITOR_SET;
		if (a->type != ACTION_SEND_FRAME || a->octets.n != ETHER_HEADER_OCTETS + IP4_HEADER_OCTETS + 8)
			continue;
		assert_true(set); /* later ones must not overtake them on a way that is not there yet */
		assert_memory_equal(a->octets.p, alice_mac, MAC_OCTETS);
		assert_int_equal(a->octets.p[ETHER_HEADER_OCTETS + 15], *numbers++);
	}
	assert_int_equal(*numbers, 0);
}

static void they_wait_for_the_reply(void **state)
{
	(void)state;
	rig_attach();
	comes("10.42.0.20", "10.0.0.1", 1);
	comes("10.42.0.20", "10.0.0.1", 2);
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "served");
	assert_delivered((const uint8_t[]){ 1, 2, 0 });
	assert_int_equal(rig_counter("early_packets"), 2);
	assert_int_equal(rig_counter("packets_dropped"), 0);
}

static void those_of_others_do_not_count(void **state)
{
	(void)state;
	rig_attach();
	comes("10.42.0.21", "10.0.0.1", 1);
	comes("10.42.0.20", "10.0.0.9", 2);
	rig_answer(&(struct rig_reply){ 0 });
	assert_delivered((const uint8_t[]){ 0 });
}

static void they_grow_old(void **state)
{
	(void)state;
	rig_attach();
	comes("10.42.0.20", "10.0.0.1", 1);
	rig.now.us += 40 * US_PER_MS;
	comes("10.42.0.20", "10.0.0.1", 2);
	rig.now.us += 20 * US_PER_MS;
	rig_answer(&(struct rig_reply){ 0 });
	assert_delivered((const uint8_t[]){ 2, 0 });
}

static void only_the_last_eight_are_kept(void **state)
{
	(void)state;
	rig_attach();
	for (uint8_t i = 1; i <= 11; i++)
		comes("10.42.0.20", "10.0.0.1", i);
	assert_int_equal(rig_counter("packets_dropped"), 3);
	rig_answer(&(struct rig_reply){ 0 });
	assert_delivered((const uint8_t[]){ 4, 5, 6, 7, 8, 9, 10, 11, 0 });
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_wait_for_the_reply),
		TEST(those_of_others_do_not_count),
		TEST(they_grow_old),
		TEST(only_the_last_eight_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
