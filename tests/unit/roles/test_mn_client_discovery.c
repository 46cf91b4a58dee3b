/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode: which agents are heard, asked for and stayed with. */
#include "client_rig.h"

#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"

enum { OFFERS = AGENT_ADV_F | AGENT_ADV_T };

struct heard {
	const char *address; /* NULL: AGENT */
	uint8_t mac;
	uint16_t flags; /* 0: OFFERS */
	bool plain, no_registration, no_care_of;
};

static void hear(uint32_t link, const struct heard *h)
{
	static const uint8_t all[6] = { 1, 0, 0x5e, 0, 0, 1 };
	const uint8_t mac[6] = { 2, 0xfa, 0, 0, 0, h->mac };
	const struct agent_adv a = { .lifetime_s = 600,
				     .is_agent = !h->plain,
				     .sequence = 300,
				     .registration_lifetime_s = h->no_registration ? 0 : 600,
				     .flags = h->flags ? h->flags : (uint16_t)OFFERS,
				     .care_of_n = h->no_care_of || h->plain ? 0 : 1,
				     .care_of = { ip(AGENT_CARE_OF) } };
	const struct ip4 ip4 = { .ttl = 1,
				 .protocol = IPPROTO_ICMP,
				 .source = ip(h->address ? h->address : AGENT),
				 .destination = ip("224.0.0.1") };
	uint8_t icmp[128], frame[256];
	struct wr body = wr_init(icmp, sizeof(icmp)), w = wr_init(frame, sizeof(frame));

	agent_adv_build(&body, &a);
	ether_build(&w, all, mac, ETHER_IP4);
	ip4_build(&w, &ip4, wr_len(&body));
	wr_bytes(&w, icmp, wr_len(&body));
	assert_int_equal(w.err, 0);
	actions_clear(&rig.out);
	mn_on_frame(rig.mn, rig.now, link, (struct span){ frame, wr_len(&w) }, &rig.out);
}

static void accept_by_agent(void)
{
	const struct caught c = client_caught_frame(ETH);

	client_answer(&c, &(struct answer_spec){ 0 });
}

/* RFC 5944 2.1: a router, a home agent, and one that registers nobody are no foreign agents. */
static void test_who_is_no_agent(void **state)
{
	static const struct heard rows[] = {
		{ .plain = true },
		{ .no_registration = true },
		{ .no_care_of = true, .flags = AGENT_ADV_H | AGENT_ADV_T },
		{ .address = "0.0.0.0" },
	};

	(void)state;
	client_inside();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		hear(ETH, &rows[i]);
		assert_false(client_caught_frame(ETH).here);
	}
	assert_int_equal(rig_counter("agents_heard"), 0);
	hear(ETH, &(struct heard){ 0 });
	assert_true(client_caught_frame(ETH).here);
}

/* As many as anybody pretends to be: those who were first are known. */
static void test_many_agents(void **state)
{
	char address[16];

	(void)state;
	client_inside();
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(address, sizeof(address), "10.1.0.%u", 100 + i);
		hear(ETH, &(struct heard){ .address = address, .mac = (uint8_t)i, .flags = AGENT_ADV_F });
	}
	assert_int_equal(rig_counter("agents_heard"), 8);
	assert_int_equal(rig_counter("agents_full"), 2);
	hear(ETH, &(struct heard){ .address = "10.1.0.107", .mac = 7 });
	assert_int_equal(client_caught_frame(ETH).to.s_addr, ip("10.1.0.107").s_addr);
}

/* No wandering between agents of one link, and a busy one serves those it has. */
static void test_stays_with_its_agent(void **state)
{
	struct caught c;

	(void)state;
	client_inside();
	hear(ETH, &(struct heard){ .address = "10.1.0.9", .mac = 9, .flags = OFFERS | AGENT_ADV_B });
	assert_false(client_caught_frame(ETH).here);
	hear(ETH, &(struct heard){ 0 });
	accept_by_agent();
	assert_string_equal(client_mode(), "f");
	hear(ETH, &(struct heard){ .address = "10.1.0.9", .mac = 9 });
	hear(ETH, &(struct heard){ .flags = OFFERS | AGENT_ADV_B });
	assert_false(client_caught_frame(ETH).here);
	for (unsigned s = 0; s < 60 && !client_caught_frame(ETH).here; s++)
		client_pass_ms(1000);
	c = client_caught_frame(ETH);
	assert_true(c.here);
	assert_int_equal(c.to.s_addr, ip(AGENT).s_addr);
}

/* RFC 5944 2.4: until one is heard on the link; another network may be behind it after it was down. */
static void test_solicited_until_heard(void **state)
{
	uint64_t before;

	(void)state;
	client_attach(ETH, OFFICE);
	assert_int_equal(rig_counter("solicitations"), 1);
	hear(ETH, &(struct heard){ 0 });
	client_pass_ms(5000);
	assert_int_equal(rig_counter("solicitations"), 1);
	client_attach(WLAN, CAFE);
	client_pass_ms(5000);
	assert_int_equal(rig_counter("solicitations"), 4);
	before = rig_counter("agents_heard");
	client_detach(ETH);
	client_attach(ETH, OFFICE);
	client_pass_ms(5000);
	assert_int_equal(rig_counter("solicitations"), 7);
	hear(ETH, &(struct heard){ 0 });
	assert_int_equal(rig_counter("agents_heard"), before + 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, client_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_who_is_no_agent),
		CASE(test_many_agents),
		CASE(test_stays_with_its_agent),
		CASE(test_solicited_until_heard),
	};
#undef CASE

	return cmocka_run_group_tests(tests, NULL, NULL);
}
