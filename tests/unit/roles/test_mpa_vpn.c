/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VPN users: what charon says, what the home agent is asked, and what charon is told. Races are in tests/scenario. */
#include "codec/icmp4.h"
#include "codec/ip4.h"
#include "mpa_rig.h"

enum { DEVICE = 20, SA = 9 };

static const char outer[] = "100.64.0.2";
static struct mpa_identity rows[1];

static int setup(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	rows[0] = (struct mpa_identity){ (char *)"*.devices.test", (char *)"node@elsewhere.org" };
	rig_use_vpn();
	rig.conf.naming = (struct mpa_naming){ .rows = rows, .row_n = 1, .realm = (char *)"example.com" };
	rig_restart();
	mpa_on_device(rig.mpa, rig.now, DEVICE, &rig.out);
	return 0;
}

static void say(struct charon_event e)
{
	if (!e.id.text)
		e.id = (struct identity){ IDENTITY_EMAIL, "alice@example.com" };
	if (!e.why)
		e.why = "";
	if (!e.eap)
		e.eap = "";
	if (e.sa == 0)
		e.sa = SA;
	if (e.remote.s_addr == INADDR_ANY)
		e.remote = ip(outer);
	e.remote_port = 4500;
	e.connection = e.child = "";
	actions_clear(&rig.out);
	mpa_on_charon(rig.mpa, rig.now, &e, &rig.out);
}

static void acquire(void)
{
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5 });
}

static void connect_alice(void)
{
	acquire();
	rig_answer(&(struct rig_reply){ 0 });
	say((struct charon_event){ .type = CHARON_IKE_UP });
	say((struct charon_event){ .type = CHARON_CHILD_UP });
	assert_string_equal(rig_state(), "served");
}

static const struct charon_command *command(enum charon_command_type type)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_CHARON && rig.out.v[i].charon.type == type)
			return &rig.out.v[i].charon;
	return NULL;
}

static void assert_refused(const char *why)
{
	const struct charon_command *c = command(CHARON_ANSWER);
	const struct action *record = NULL;

	assert_non_null(c);
	assert_int_equal(c->request, 5);
	assert_non_null(c->refused);
	if (!strstr(c->refused, why))
		fail_msg("%s", c->refused);
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_RECORD && strcmp(rig.out.v[i].record.event, "vpn_refused") == 0)
			record = &rig.out.v[i];
	assert_non_null(record); /* and `explain` says so */
	assert_non_null(strstr(record->record.reason, why));
}

/* nothing of Mobile IP comes from the client, so the agent asks for it. */
static void first_request(void **state)
{
	struct rig_sent sent;

	(void)state;
	acquire();
	assert_null(command(CHARON_ANSWER)); /* not before the reply */
	sent = rig_request();
	assert_int_equal(sent.request.home.s_addr, INADDR_ANY);
	assert_int_equal(sent.request.care_of.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(sent.request.flags, MIP_REQ_T | MIP_REQ_D); /* */
	assert_int_equal(sent.x.nai.n, strlen("alice@example.com"));
	assert_memory_equal(sent.x.nai.p, "alice@example.com", sent.x.nai.n);
	assert_int_equal(sent.x.device_id.n, 0);
	assert_int_equal(sent.x.sequence, 0);
	assert_int_equal(sent.x.udp_request_at, 0);
}

/* the address of the reply, and name servers, are what the client gets, and once. */
static void the_reply_is_the_answer(void **state)
{
	const struct charon_command *c;

	(void)state;
	rig.networks[0].dns[0] = ip("10.9.0.2");
	rig.networks[0].dns_n = 1;
	acquire();
	rig_answer(&(struct rig_reply){ .home = "10.42.0.33" });
	c = command(CHARON_ANSWER);
	assert_non_null(c);
	assert_null(c->refused);
	assert_int_equal(c->request, 5);
	assert_int_equal(c->address.s_addr, ip("10.42.0.33").s_addr);
	assert_int_equal(c->dns_n, 1);
	assert_int_equal(c->dns[0].s_addr, ip("10.9.0.2").s_addr);
	say((struct charon_event){ .type = CHARON_IKE_UP });
	say((struct charon_event){ .type = CHARON_CHILD_UP });
	rig_pass_ms(230000); /* the refresh */
	rig_answer(&(struct rig_reply){ .home = "10.42.0.33" });
	assert_null(command(CHARON_ANSWER));
}

/* only ACQUIRE registers. */
static void other_events_register_nothing(void **state)
{
	(void)state;
	for (enum charon_event_type type = 0; type < CHARON_EVENT_COUNT; type++) {
		if (type == CHARON_ACQUIRE || type == CHARON_SESSION)
			continue;
		say((struct charon_event){ .type = type, .address = ip("10.42.0.20") });
		assert_null(rig_find(ACTION_SEND_DATAGRAM));
		assert_string_equal(rig_state(), "");
	}
}

/* the address the client had is asked for; one that is not of ours is not. */
static void the_clients_wish_is_passed_on(void **state)
{
	(void)state;
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .address = ip("192.168.7.7") });
	assert_int_equal(rig_request().request.home.s_addr, INADDR_ANY);
	rig_restart();
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .address = ip("10.42.0.44") });
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.44").s_addr);
	/* It is another user's: then any. */
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ADMIN_PROHIBITED });
	assert_int_equal(rig_request().request.home.s_addr, INADDR_ANY);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.45" });
	assert_int_equal(command(CHARON_ANSWER)->address.s_addr, ip("10.42.0.45").s_addr);
}

/* A-05, G-01: each refusal reaches the client at once with its reason, and leaves nothing behind. */
static void the_anchor_refuses(void **state)
{
	static const struct {
		uint8_t code;
		const char *why;
	} rows_[] = {
		{ MIP_CODE_UNSPECIFIED, "unspecified" },     { MIP_CODE_ADMIN_PROHIBITED, "prohibited" },
		{ MIP_CODE_NO_RESOURCES, "resources" },      { MIP_CODE_MN_AUTH_FAILED, "authentication" },
		{ MIP_CODE_TOO_MANY_BINDINGS, "bindings" },  { MIP_CODE_UNKNOWN_HA, "home agent" },
		{ MIP_CODE_PMIP_UNSUPPORTED, "" },           { MIP_CODE_PMIP_DISALLOWED, "" },
		{ MIP_CODE_REVERSE_TUNNEL_UNAVAILABLE, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows_); i++) {
		rig_restart();
		acquire();
		rig_answer(&(struct rig_reply){ .code = rows_[i].code });
		assert_refused(rows_[i].why);
		assert_string_equal(rig_state(), "");
		assert_int_equal(mpa_due(rig.mpa), NEVER);
	}
}

/* The clock is learnt on the way (G-09): one round trip more, no refusal. */
static void resynchronised_while_the_client_waits(void **state)
{
	uint64_t id;

	(void)state;
	acquire();
	id = rig_request().request.id;
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_ID_MISMATCH,
					.id = (id & 0xffffffff) | UINT64_C(4000003600) << 32 });
	assert_null(command(CHARON_ANSWER));
	rig_answer(&(struct rig_reply){ 0 });
	assert_non_null(command(CHARON_ANSWER));
	assert_null(command(CHARON_ANSWER)->refused);
}

/* Who has no NAI, no home agent or no key is refused without a message to anybody. */
static void nobody_we_know(void **state)
{
	(void)state;
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .id = { IDENTITY_IPV4, "10.1.2.3" } });
	assert_refused("type");
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	rig.conf.association_n = 1; /* of example.com */
	say((struct charon_event){
		.type = CHARON_ACQUIRE, .request = 5, .id = { IDENTITY_EMAIL, "eve@elsewhere.org" } });
	assert_refused("security association");
	rig.conf.home_agent_n = 0;
	acquire();
	assert_refused("home agent");
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
	assert_string_equal(rig_state(), "");
	assert_int_equal(rig_counter("vpn_refused"), 3);
}

static void without_a_vpn_section(void **state)
{
	(void)state;
	rig.conf.vpn_n = 0;
	rig_restart();
	acquire();
	assert_refused("vpn");
}

/* G-02: the key of the user, else of its realm, else the gateway's own. */
static void keys(void **state)
{
	static const struct {
		const char *id;
		uint32_t spi;
		bool node;
	} rows_[] = {
		{ "bob@example.com", USER_SPI, false },
		{ "alice@example.com", SPI, false },
		{ "box.devices.test", NODE_SPI, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows_); i++) {
		struct rig_sent sent;

		rig_restart();
		say((struct charon_event){
			.type = CHARON_ACQUIRE, .request = 5, .id = { IDENTITY_EMAIL, rows_[i].id } });
		sent = rig_request();
		assert_int_equal(rows_[i].node ? sent.x.fa_ha.spi : sent.x.mn_ha.spi, rows_[i].spi);
		rig_answer(&(struct rig_reply){ 0 });
		assert_null(command(CHARON_ANSWER)->refused);
	}
}

/* G-14: a running tunnel keeps its address or ends. */
static void the_anchor_changes_the_address(void **state)
{
	(void)state;
	connect_alice();
	rig_pass_ms(230000);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.99" });
	assert_non_null(command(CHARON_CLOSE_IKE));
	assert_int_equal(command(CHARON_CLOSE_IKE)->sa, SA);
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	assert_string_equal(rig_state(), "deregistering");
	say((struct charon_event){ .type = CHARON_IKE_DOWN }); /* of nobody now */
	for (int i = 0; i < 5; i++)
		rig_pass_ms(10000);
	assert_string_equal(rig_state(), "");
}

/* A connecting client is not given an address other than the one its session elsewhere has. */
static void the_anchor_changes_the_address_of_a_held_user(void **state)
{
	(void)state;
	connect_alice();
	say((struct charon_event){ .type = CHARON_IKE_DOWN });
	assert_string_equal(rig_state(), "holding");
	acquire();
	rig_answer(&(struct rig_reply){ .home = "10.42.0.99" });
	assert_refused("changed the home address");
}

/* nobody needs a tunnel inside, and who asks for one there takes nothing away from the access router. */
static void refused_inside(void **state)
{
	(void)state;
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .remote = ip("10.42.0.20") });
	assert_refused("inside");
	assert_null(rig_find(ACTION_SEND_DATAGRAM));
}

/* L-26: the same address at one device can be one user's only. */
static void an_address_is_one_users(void **state)
{
	(void)state;
	connect_alice();
	say((struct charon_event){
		.type = CHARON_ACQUIRE, .request = 5, .sa = 10, .id = { IDENTITY_EMAIL, "carol@example.com" } });
	rig_answer(&(struct rig_reply){ .home = "10.42.0.20" });
	assert_refused("another user");
}

static void caps(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .sa = 100 + i });
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .sa = 200 });
	assert_refused("as many");
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .sa = 100 }); /* a second address */
	assert_refused("already");
	assert_string_equal(rig_state(), "registering");
}

/* Whom a port serves stays there when his tunnel is refused. */
static void a_refused_tunnel_moves_nobody(void **state)
{
	(void)state;
	acquire();
	rig_answer(&(struct rig_reply){ 0 });
	for (uint32_t i = 1; i < 8; i++)
		say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .sa = 100 + i });
	rig_attach();
	assert_non_null(rig_find(ACTION_VISITOR_SET)); /* at the port */
	say((struct charon_event){ .type = CHARON_ACQUIRE, .request = 5, .sa = 200 });
	assert_refused("as many");
	assert_null(rig_find(ACTION_VISITOR_SET));
	assert_null(rig_find(ACTION_VISITOR_DEL));
}

static struct span packet(const char *source, uint8_t ret[28])
{
	struct wr w = wr_init(ret, 28);

	ip4_build(&w, &(struct ip4){ .ttl = 64, .protocol = 17, .source = ip(source), .destination = ip("10.9.0.2") },
		  8);
	wr_u64(&w, 7);
	return (struct span){ ret, 28 };
}

static void held(const char *source)
{
	uint8_t octets[28];

	mpa_on_held(rig.mpa, rig.now, 0, packet(source, octets), &rig.out);
}

static size_t count(enum action_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < rig.out.n; i++)
		n += rig.out.v[i].type == type;
	return n;
}

/* A-38, G-12, G-15: what comes while the registration is under way is kept, up to 16, and only from the home address. */
static void packets_are_held(void **state)
{
	(void)state;
	connect_alice();
	rig_revoke(60, "10.0.0.1", true);
	assert_string_equal(rig_state(), "displaced");
	say((struct charon_event){ .type = CHARON_CHILD_DOWN });
	rig_pass_ms(5000);
	say((struct charon_event){ .type = CHARON_CHILD_UP });
	assert_true(rig_find(ACTION_VISITOR_SET)->visitor.held);
	held("10.42.0.66");
	assert_string_equal(rig_state(), "displaced");
	for (int i = 0; i < 20; i++)
		held("10.42.0.20");
	assert_string_equal(rig_state(), "registering");
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(rig_request().x.sequence, 0);
	assert_int_equal(count(ACTION_SEND_TUNNELLED), 0);
	rig_answer(&(struct rig_reply){ 0 });
	assert_int_equal(count(ACTION_SEND_TUNNELLED), 16);
	assert_true(rig_place(ACTION_VISITOR_SET, 0) < rig_place(ACTION_SEND_TUNNELLED, 0));
	assert_int_equal(rig_counter("packets_dropped"), 5);
	held("10.42.0.20"); /* was on its way to us */
	assert_int_equal(count(ACTION_SEND_TUNNELLED), 17);
}

/* The packets held are not those of a stay that was refused. */
static void held_packets_of_the_refused_are_dropped(void **state)
{
	(void)state;
	connect_alice();
	rig_revoke(60, "10.0.0.1", true);
	rig_pass_ms(5000);
	say((struct charon_event){ .type = CHARON_CHILD_UP });
	held("10.42.0.20");
	rig_answer(&(struct rig_reply){ .code = MIP_CODE_NO_RESOURCES });
	assert_string_equal(rig_state(), "barred");
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
	rig_pass_ms(10000);
	rig_answer(&(struct rig_reply){ 0 });
	assert_string_equal(rig_state(), "served");
	assert_int_equal(count(ACTION_SEND_TUNNELLED), 0);
}

/* L-20, G-07: displaced, the user hears the same revocation again, and so does the anchor of its end. */
static void a_revocation_again_is_acknowledged_again(void **state)
{
	(void)state;
	connect_alice();
	rig_revoke(60, "10.0.0.1", true);
	assert_int_not_equal(rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK), SIZE_MAX);
	rig_revoke(60, "10.0.0.1", true);
	assert_int_not_equal(rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK), SIZE_MAX);
	rig_revoke(61, "10.0.0.1", false);
	assert_int_equal(rig_place(ACTION_SEND_DATAGRAM, MIP_TYPE_REVOCATION_ACK), SIZE_MAX);
}

/* what the host in flight sends passes, and then its CHILD_SA goes. */
static void the_linger(void **state)
{
	(void)state;
	connect_alice();
	rig_revoke(60, "10.0.0.1", true);
	assert_null(rig_find(ACTION_VISITOR_DEL));
	assert_null(command(CHARON_CLOSE_CHILD));
	rig_pass_ms(299);
	assert_null(rig_find(ACTION_VISITOR_DEL));
	rig_pass_ms(1);
	assert_null(rig_find(ACTION_VISITOR_DEL)); /* until the host has heard of it */
	assert_int_equal(command(CHARON_CLOSE_CHILD)->sa, SA);
	assert_null(command(CHARON_CLOSE_IKE));
	say((struct charon_event){ .type = CHARON_CHILD_DOWN });
	assert_non_null(rig_find(ACTION_VISITOR_DEL));
}

/* A-40, G-13: too big for the device: the sender hears of it, or the packet goes in pieces. */
static void too_big_for_the_device(void **state)
{
	uint8_t octets[2000] = { 0 };
	struct wr w = wr_init(octets, sizeof(octets));
	struct ip4 h = {
		.id = 7, .ttl = 60, .protocol = 17, .source = ip("10.9.0.2"), .destination = ip("10.42.0.20")
	};
	struct ip4 got;
	size_t seen = 0;

	(void)state;
	connect_alice();
	actions_clear(&rig.out);
	ip4_build(&w, &h, 1980);
	mpa_on_too_big_down(rig.mpa, rig.now, 0, (struct span){ octets, 2000 }, 1400, &rig.out);
	assert_int_equal(rig.out.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(rig.out.v[i].type, ACTION_SEND_FRAME);
		assert_int_equal(rig.out.v[i].ifindex, DEVICE);
		assert_int_equal(ip4_parse(rig.out.v[i].octets.p, rig.out.v[i].octets.n, &got), 0);
		assert_int_equal(got.fragment, i == 0 ? IP4_MF : 1376 / 8); /* (1400 - 20) in units of 8 octets */
		assert_int_equal(got.id, 7);
		seen += got.payload.n;
	}
	assert_int_equal(seen, 1980);
	actions_clear(&rig.out);
	w = wr_init(octets, sizeof(octets));
	h.fragment = IP4_DF;
	ip4_build(&w, &h, 1980);
	mpa_on_too_big_down(rig.mpa, rig.now, 0, (struct span){ octets, 576 }, 1400, &rig.out);
	assert_int_equal(rig.out.n, 1);
	assert_int_equal(rig.out.v[0].type, ACTION_SEND_OWN);
	assert_int_equal(ip4_parse(rig.out.v[0].octets.p, rig.out.v[0].octets.n, &got), 0);
	assert_int_equal(got.source.s_addr, ip("10.0.1.1").s_addr);
	assert_int_equal(got.destination.s_addr, ip("10.9.0.2").s_addr);
	assert_int_equal(got.payload.p[0], ICMP4_UNREACHABLE);
	assert_int_equal(got.payload.p[6] << 8 | got.payload.p[7], 1400);
}

/* What charon lists is checked as what connects is. */
static void listed_sessions(void **state)
{
	(void)state;
	say((struct charon_event){
		.type = CHARON_SESSION, .id = { IDENTITY_IPV4, "10.1.2.3" }, .address = ip("10.42.0.20") });
	assert_non_null(command(CHARON_CLOSE_IKE));
	say((struct charon_event){ .type = CHARON_SESSION, .children = 1 }); /* an IKE_SA without an address of ours */
	assert_null(command(CHARON_CLOSE_IKE));
	say((struct charon_event){ .type = CHARON_SESSION, .children = 1, .address = ip("10.42.0.20") });
	assert_int_equal(rig_request().request.home.s_addr, ip("10.42.0.20").s_addr);
	rig_answer(&(struct rig_reply){ .home = "10.42.0.21" });
	assert_non_null(command(CHARON_CLOSE_IKE)); /* G-14 */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

/* Reassembled by the kernel, so the programs did not see its size. */
static void reassembled_and_too_big_for_the_device(void **state)
{
	uint8_t octets[1468] = { 0 };
	struct wr w = wr_init(octets, sizeof(octets));
	const struct ip4 h = { .ttl = 60, .protocol = 17, .source = ip("10.9.0.2"), .destination = ip("10.42.0.20") };
	const struct tunnelled t = { .tunnel = { .local = ip("10.0.1.1"), .remote = ip("10.0.0.1") },
				     .inner = { octets, sizeof(octets) } };

	(void)state;
	connect_alice();
	actions_clear(&rig.out);
	ip4_build(&w, &h, 1448);
	mpa_on_tunnelled(rig.mpa, rig.now, &t, &rig.out);
	assert_int_equal(rig.out.n, 2);
	assert_in_range(rig.out.v[0].octets.n, 28, 1400);
	assert_in_range(rig.out.v[1].octets.n, 28, 1400);
}

/* RFC 1812 4.3.2.8: who sends what is too big, in whose name ever, does not make us send as much. */
static void errors_have_a_rate(void **state)
{
	uint8_t octets[1500] = { 0 };
	struct wr w = wr_init(octets, sizeof(octets));
	const struct ip4 h = {
		.ttl = 60, .protocol = 17, .fragment = IP4_DF, .source = ip("10.9.0.2"), .destination = ip("10.42.0.20")
	};
	size_t sent = 0;

	(void)state;
	connect_alice();
	ip4_build(&w, &h, 1480);
	for (int i = 0; i < 3000; i++) {
		actions_clear(&rig.out);
		mpa_on_too_big_down(rig.mpa, rig.now, 0, (struct span){ octets, 576 }, 1400, &rig.out);
		sent += rig.out.n;
	}
	assert_int_equal(sent, 1000);
	assert_int_equal(rig_counter("packets_dropped"), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_request),
		TEST(the_reply_is_the_answer),
		TEST(other_events_register_nothing),
		TEST(the_clients_wish_is_passed_on),
		TEST(the_anchor_refuses),
		TEST(resynchronised_while_the_client_waits),
		TEST(nobody_we_know),
		TEST(without_a_vpn_section),
		TEST(keys),
		TEST(the_anchor_changes_the_address),
		TEST(the_anchor_changes_the_address_of_a_held_user),
		TEST(refused_inside),
		TEST(an_address_is_one_users),
		TEST(caps),
		TEST(a_refused_tunnel_moves_nobody),
		TEST(packets_are_held),
		TEST(held_packets_of_the_refused_are_dropped),
		TEST(a_revocation_again_is_acknowledged_again),
		TEST(the_linger),
		TEST(too_big_for_the_device),
		TEST(reassembled_and_too_big_for_the_device),
		TEST(errors_have_a_rate),
		TEST(listed_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
