/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode: the home agent tells, through the VPN, that it heard a request in clear whose answer may be lost (RFC 3543). */
#include "client_rig.h"

enum { STAMP = 5000, OTHER_CLOCK = 70000 };

struct told {
	bool wrong_key, from_agent;
	uint32_t id;
	const char *home, *home_agent, *care_of, *from; /* NULL: as they are */
};

static struct in_addr or_else(const char *text, const char *usual)
{
	return ip(text ? text : usual);
}

static void tell(const struct told *t)
{
	const struct mip_revocation m = { .from_ha = !t->from_agent,
					  .home = or_else(t->home, HOME),
					  .home_domain = or_else(t->home_agent, HA),
					  .foreign_domain = or_else(t->care_of, TIA),
					  .id = t->id };
	struct sa sa = rig.conf.client.sa;
	uint8_t octets[256];
	struct wr w = wr_init(octets, sizeof(octets));
	struct datagram d = { .local = ip(TIA),
			      .remote = or_else(t->from, HA),
			      .local_port = MIP_PORT,
			      .remote_port = MIP_PORT,
			      .ifindex = IPSEC0 };

	if (t->wrong_key)
		sa.key[0] ^= 1;
	mip_revocation_build(&w, &m);
	assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	d.payload = (struct span){ octets, wr_len(&w) };
	actions_clear(&rig.out);
	mn_on_datagram(rig.mn, rig.now, &d, &rig.out);
}

/* In mode mc, as the home agent knows at STAMP of its clock; all tries in clear are over. */
static void outside(uint32_t stamp)
{
	struct caught c;

	client_attach(WLAN, CAFE);
	client_pass_ms(1000);
	client_vpn_up(1, "gw1", TIA);
	c = client_caught(VPN);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true, .stamp = stamp });
	assert_string_equal(rig_state(), "outside");
	client_pass_ms(20000);
	client_pass_ms(1000);
	assert_int_equal(client_requests(WLAN), 0);
}

static void assert_acknowledged(uint32_t id)
{
	const struct action *a = rig_find(ACTION_SEND_DATAGRAM);
	struct mip_revocation_ack ack;
	struct mip_exts x;

	assert_non_null(a);
	assert_int_equal(a->udp.local.s_addr, ip(TIA).s_addr);
	assert_int_equal(a->udp.remote.s_addr, ip(HA).s_addr);
	assert_int_equal(a->udp.remote_port, MIP_PORT);
	assert_int_equal(mip_revocation_ack_parse(a->octets.p, a->octets.n, &ack), 0);
	assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REVOCATION_ACK_OCTETS, NULL, &x), 0);
	assert_true(sa_verify(&rig.conf.client.sa, a->octets.p, &x.mn_ha));
	assert_int_equal(ack.id, id);
	assert_int_equal(ack.home.s_addr, ip(HOME).s_addr);
}

static void test_asked_for_through_the_vpn_only(void **state)
{
	struct caught c;

	(void)state;
	client_attach(WLAN, CAFE);
	assert_int_equal(client_caught(WLAN).x.revocation_at, 0);
	client_pass_ms(1000);
	client_vpn_up(1, "gw1", TIA);
	c = client_caught(VPN);
	assert_in_range(c.x.revocation_at, 1, c.x.mn_ha.at - 1);
	assert_false(c.x.revocation_inform);
	assert_int_equal(c.x.revocation_timestamp, rig.now.ntp >> 32);
}

/* B-09, B-23: outside the host moves on. The home agent hears of it by a request in clear, and its answer is lost: when no
 * answer can come any more, the host registers through the VPN once more. */
static void test_heard_in_clear(void **state)
{
	(void)state;
	outside(STAMP);
	client_lose(WLAN, CAFE);
	client_attach(WLAN, "172.20.0.5");
	client_vpn_moved(1, "172.20.0.5");
	tell(&(struct told){ .id = STAMP + 1 });
	assert_acknowledged(STAMP + 1);
	assert_string_equal(rig_state(), "deciding"); /* it may be the truth */
	client_pass_ms(400);
	assert_string_equal(rig_state(), "binding");
	client_assert_blocked();
	assert_in_range(client_requests(VPN), 1, 4);
	client_accept(VPN);
	assert_string_equal(rig_state(), "outside");
}

/* A later round is heard: data goes on meanwhile. It was answered: that counts. */
static void test_answered_in_clear(void **state)
{
	struct caught c;

	(void)state;
	outside(STAMP);
	client_lose(WLAN, CAFE);
	client_attach(WLAN, "172.20.0.5");
	client_vpn_moved(1, "172.20.0.5");
	client_pass_ms(900);
	assert_string_equal(rig_state(), "outside");
	do
		client_pass_ms(10);
	while (client_requests(WLAN) == 0);
	c = client_caught(WLAN);
	tell(&(struct told){ .id = STAMP + 1 });
	assert_string_equal(rig_state(), "outside");
	client_answer(&c, &(struct answer_spec){ 0 });
	client_assert_mode_c(WLAN, "172.20.0.5");
	client_pass_ms(5000);
	assert_int_equal(client_requests(VPN), 0);
	tell(&(struct told){ .id = STAMP + 2 }); /* our first acknowledgment was lost */
	assert_acknowledged(STAMP + 2);
	client_assert_mode_c(WLAN, "172.20.0.5");
}

static void test_forged(void **state)
{
	static const struct told forged[] = {
		{ .id = STAMP + 1, .wrong_key = true },        { .id = STAMP }, /* a replay */
		{ .id = STAMP + 1, .from_agent = true },       { .id = STAMP + 1, .home = "10.42.0.18" },
		{ .id = STAMP + 1, .home_agent = "10.0.0.2" }, { .id = STAMP + 1, .care_of = CAFE },
		{ .id = STAMP + 1, .from = "10.0.0.2" },
	};

	(void)state;
	outside(STAMP);
	client_lose(WLAN, CAFE);
	client_attach(WLAN, "172.20.0.5");
	client_vpn_moved(1, "172.20.0.5");
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		tell(&forged[i]);
		assert_null(rig_find(ACTION_SEND_DATAGRAM));
	}
	assert_int_equal(rig_counter("revocations_ignored"), ARRAY_SIZE(forged));
	client_pass_ms(400);
	assert_string_equal(rig_state(), "outside");
	tell(&(struct told){ .id = STAMP + 1 });
	assert_acknowledged(STAMP + 1);
	assert_int_equal(rig_counter("revoked"), 1);
	tell(&(struct told){ .id = STAMP + 1 });
	assert_int_equal(rig_counter("revoked"), 1);
}

/* A home agent that never said so does not revoke. */
static void test_not_agreed_on(void **state)
{
	(void)state;
	outside(0);
	tell(&(struct told){ .id = OTHER_CLOCK });
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	assert_int_equal(rig_counter("revocations_ignored"), 1);
}

/* Not on a request of ours: somebody ended it there, or another host goes by our name, which must not become a race. */
static void test_ended_there(void **state)
{
	struct caught c;

	(void)state;
	outside(STAMP);
	tell(&(struct told){ .id = STAMP + 1 });
	assert_string_equal(rig_state(), "binding"); /* it may have been one of those in clear before */
	c = client_caught(VPN);
	client_answer(&c, &(struct answer_spec){ .no_tnc = true, .stamp = STAMP + 2 });
	tell(&(struct told){ .id = STAMP + 3 });
	assert_acknowledged(STAMP + 3);
	assert_string_equal(rig_state(), "outside");
	client_pass_ms(29999);
	assert_int_equal(client_requests(VPN), 0);
	client_pass_ms(1);
	assert_int_equal(client_requests(VPN), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, client_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_asked_for_through_the_vpn_only),
		CASE(test_heard_in_clear),
		CASE(test_answered_in_clear),
		CASE(test_forged),
		CASE(test_not_agreed_on),
		CASE(test_ended_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
