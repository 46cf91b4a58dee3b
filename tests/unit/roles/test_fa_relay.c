/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The foreign agent as one who passes on: whose requests, what it adds and takes away, whose replies, and where they go. */
#include "codec/ether.h"
#include "tests/unit/roles/fa_rig.h"

#define VENDOR "2600 0006 0000 0009 0001" /* RFC 3115 2.1, empty */
enum { MTU = 200 };

#define MOBILE_AAA "2401 0014 00000002 0123456789abcdef0123456789abcdef" /* RFC 4721 5, Length(2) */

/* The request that was passed on. */
static struct mip_exts relayed(void)
{
	const struct action *a = find(ACTION_SEND_DATAGRAM);
	struct mip_exts x;

	assert_non_null(a);
	assert_int_equal(mip_exts_parse(a->octets.p, a->octets.n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	return x;
}

static bool is_relayed(const struct asked *a)
{
	ask(a);
	return find(ACTION_SEND_DATAGRAM);
}

/* RFC 5944 3.6.1.1: to us, or to all agents by our MAC; what passes through is nothing to us. */
static void whose_requests(void **state)
{
	static const char *const ours[] = { "192.0.2.1", "224.0.0.11", "255.255.255.255" };
	static const char *const others[] = { "192.0.2.2", "10.0.0.1", "224.0.0.1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_true(is_relayed(&(struct asked){ .to = ours[i] }));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(is_relayed(&(struct asked){ .to = others[i] }));
	assert_int_equal(counter("requests"), 3);
	assert_int_equal(counter("relayed"), 3);
}

/* RFC 5944 3.5.4, 3.7.2.2; RFC 3543 3.2; RFC 3519 3.1: only while there is to be a tunnel, and but for the proof of who
 * passes it on, only for one of ours. */
static void what_is_added(void **state)
{
	static const struct {
		const char *home_agent, *care_of;
		uint8_t flags;
		bool deregister, no_revocation, support, udp, proof;
	} rows[] = {
		{ .support = true, .udp = true, .proof = true },
		{ .no_revocation = true, .udp = true, .proof = true },
		{ .home_agent = "10.0.0.9", .udp = true }, /* no key is shared */
		{ .deregister = true },
		{ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .proof = true },
		{ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .deregister = true },
		{ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .home_agent = "10.0.0.9" },
	};

	(void)state;
	conf.udp = FA_UDP_OFFER;
	conf.max_pending = conf.max_pending_per_mac = 9;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mip_exts x;

		conf.revocation = !rows[i].no_revocation;
		ask(&(struct asked){ .home_agent = rows[i].home_agent,
				     .care_of = rows[i].care_of,
				     .flags = rows[i].flags,
				     .deregister = rows[i].deregister });
		x = relayed();
		assert_int_equal(x.revocation_at != 0, rows[i].support);
		assert_int_equal(x.udp_request_at != 0, rows[i].udp);
		assert_int_equal(x.fa_ha.present, rows[i].proof);
		assert_false(x.udp_force || x.udp_via_fa);
	}
	conf.udp = FA_UDP_FORCE;
	ask(&(struct asked){ 0 });
	assert_true(relayed().udp_force);
	conf.udp = FA_UDP_OFF;
	ask(&(struct asked){ 0 });
	assert_int_equal(relayed().udp_request_at, 0);
}

/* RFC 5944 3.7.2.2: up to the last of what proves it to its home, whatever that is, it stays as it is. */
static void what_stays(void **state)
{
	struct mip_exts x;

	(void)state;
	ask(&(struct asked){ .before = VENDOR, .behind = MOBILE_AAA, .delivery = true });
	x = relayed();
	assert_true(x.cvse_at != 0 && x.cvse_at < x.mn_ha.at && x.mn_ha.at < x.mn_aaa.at && x.mn_aaa.at < x.fa_ha.at);
	assert_int_equal(x.mn_aaa.mac.n, 16);
	assert_int_equal(x.delivery_style_at, 0);
	ask(&(struct asked){ .unproven = true, .before = MOBILE_AAA });
	x = relayed();
	assert_true(x.mn_aaa.present && !x.mn_ha.present && x.fa_ha.present);
	ask(&(struct asked){ .before = MOBILE_AAA });
	x = relayed();
	assert_true(x.mn_aaa.at < x.mn_ha.at && x.mn_ha.at < x.fa_ha.at);
}

/* Requests nobody can read, and one that leaves no room for what has to be added. */
static void unreadable(void **state)
{
	char filler[2 * 257 + 1] = "c8ff";

	(void)state;
	memset(filler + 4, '0', sizeof(filler) - 5); /* 255 octets nobody knows, to be skipped */
	assert_false(is_relayed(&(struct asked){ .before = "8300" }));
	assert_int_equal(told().m.code, 70);
	assert_int_equal(counter("malformed"), 1);
	pass_s(1);
	assert_false(is_relayed(&(struct asked){ .before = "7f01 0000" })); /* RFC 5944 1.8 */
	assert_null(find(ACTION_SEND_FRAME));
	assert_int_equal(counter("unknown_extension"), 1);
	assert_true(is_relayed(&(struct asked){ .before = filler }));
}

/* Of a home agent, about nobody's request. */
static void unreadable_replies(void **state)
{
	(void)state;
	answer(&(struct answered){ .tail = "83" });
	assert_int_equal(out.n, 0);
	assert_int_equal(counter("malformed"), 1);
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77" });
	answer(&(struct answered){ .tail = "83", .id = 8 });
	assert_int_equal(out.n, 0);
	answer(&(struct answered){ 0 });
	assert_int_equal(told().m.code, 0);
	ask(&(struct asked){ .id = 9 });
	answer(&(struct answered){ .id = 9, .unproven = true });
	assert_int_equal(told().m.code, 68);
	assert_true(find(ACTION_RECORD)->record.security);
}

/* The longest datagram of an Ethernet link is longer than what we send. */
static void no_room(void **state)
{
	enum { TOTAL = 1390 };
	static const uint8_t filler[255];
	const struct mip_request r = { .flags = MIP_REQ_T,
				       .lifetime_s = 600,
				       .home = ip("10.42.0.20"),
				       .home_agent = ip("10.0.0.1"),
				       .care_of = conf.care_of,
				       .id = 7 };
	uint8_t msg[FRAME_MAX], frame[FRAME_MAX];
	struct wr m = wr_init(msg, sizeof(msg)), f = wr_init(frame, sizeof(frame));

	(void)state;
	mip_request_build(&m, &r);
	while (wr_len(&m) + 2 + 22 < TOTAL) {
		size_t left = TOTAL - 22 - 2 - wr_len(&m);

		wr_u8(&m, 200);
		wr_u8(&m, (uint8_t)(left < 255 ? left : 255));
		wr_bytes(&m, filler, left < 255 ? left : 255);
	}
	assert_int_equal(sa_sign(&mn_ha, MIP_EXT_MN_HA_AUTH, &m), 0);
	ether_build(&f, fa_mac, mn_mac, ETHER_IP4);
	udp4_build(&f, &(struct ip4){ .ttl = 255, .source = r.home, .destination = ip("192.0.2.1") },
		   &(struct udp4){ MN_PORT, MIP_PORT, { msg, wr_len(&m) } });
	assert_int_equal(f.err, 0);
	fa_on_frame(fa, now, LINK, (struct span){ frame, wr_len(&f) }, &out);
	assert_null(find(ACTION_SEND_DATAGRAM));
	assert_int_equal(told().m.code, 64);
}

/* RFC 5944 3.7.2.3: what was asked comes back; of all denials one alone has a lifetime. */
static void denials_say(void **state)
{
	const struct action *note;
	struct told t;

	(void)state;
	ask(&(struct asked){ .nai = "bob@example.com", .lifetime_s = 1801 });
	t = told();
	assert_int_equal(t.m.code, 69);
	assert_int_equal(t.m.lifetime_s, conf.max_lifetime_s);
	assert_int_equal(t.m.home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(t.m.home_agent.s_addr, ip("10.0.0.1").s_addr);
	assert_octets(t.x.nai.p, t.x.nai.n, "626f62406578616d706c652e636f6d");
	assert_int_equal(t.ip.source.s_addr, ip("192.0.2.1").s_addr);
	assert_int_equal(t.ip.destination.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(t.ip.ttl, 255);
	assert_true(is_relayed(&(struct asked){ .nai = "bob@example.com", .lifetime_s = conf.max_lifetime_s }));
	pass_s(1);
	ask(&(struct asked){ .flags = MIP_REQ_M });
	assert_int_equal(told().m.lifetime_s, 0);
	assert_int_equal(told().x.nai_at, 0);
	note = find(ACTION_RECORD);
	assert_string_equal(note->record.event, "request_denied");
	assert_false(note->record.security);
	assert_int_equal(counter("denied"), 2);
	ask(&(struct asked){ .flags = MIP_REQ_M });
	assert_int_equal(counter("denials_suppressed"), 1);
	ask(&(struct asked){ .nai = "keyed@example.com" }); /* 67 */
	assert_true(find(ACTION_RECORD)->record.security);
}

/* Addresses that nobody can have, and that somebody can. */
static void addresses(void **state)
{
	static const char *const bad[] = { "0.0.0.1", "127.255.255.255", "224.0.0.1", "240.0.0.1" };
	static const char *const good[] = { "1.0.0.1", "126.0.0.1", "128.0.0.1", "223.255.255.255" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct asked by_home = { .home = bad[i] }, by_agent = { .home_agent = bad[i] };

		pass_s(1);
		assert_false(is_relayed(&by_agent));
		assert_int_equal(told().m.code, 70);
		pass_s(1);
		assert_false(is_relayed(&by_home));
		assert_int_equal(told().m.code, 70);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		pass_s(8);
		assert_true(is_relayed(&(struct asked){ .home_agent = good[i] }));
		assert_true(is_relayed(&(struct asked){ .home = good[i] }));
	}
}

/* Who leaves needs no place, no care-of address of ours, and no MAC of its own. */
static void who_leaves(void **state)
{
	(void)state;
	visit();
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8 }); /* that were all places */
	assert_true(is_relayed(&(struct asked){ .home = "10.42.0.22", .mac = 3, .id = 9, .deregister = true }));
	assert_true(is_relayed(&(struct asked){ .home = "10.42.0.22", .id = 10, .deregister = true }));
	assert_true(is_relayed(&(struct asked){ .care_of = "10.42.0.20", .id = 11, .deregister = true }));
	answer(&(struct answered){ .id = 11, .unproven = true });
	assert_int_equal(counter("deregistered"), 1);
	assert_non_null(find(ACTION_VISITOR_DEL));
}

/* RFC 2794 4: by home address and name; either alone is not enough when there are both. */
static void whose_replies(void **state)
{
	(void)state;
	ask(&(struct asked){ .nai = "a@example.com" });
	answer(&(struct answered){ .nai = "b@example.com" });
	answer(&(struct answered){ .nai = "a@example.co" });
	answer(&(struct answered){ .nai = "a@example.com", .home = "10.42.0.99" });
	answer(&(struct answered){ .nai = "a@example.com", .id = 8 });
	answer(&(struct answered){ .nai = "a@example.com", .from = "10.0.0.9" });
	assert_int_equal(counter("replies_unmatched"), 5);
	answer(&(struct answered){ .nai = "a@example.com" });
	assert_int_equal(counter("accepted"), 1);
	ask(&(struct asked){ .id = 8 });
	answer(&(struct answered){ .nai = "of any name", .id = 8 }); /* it said none */
	assert_int_equal(counter("accepted"), 2);
	ask(&(struct asked){ .home = "0.0.0.0", .nai = "c@example.com", .mac = 3, .id = 9 });
	answer(&(struct answered){ .home = "10.42.0.50", .id = 9 });
	assert_int_equal(counter("replies_unmatched"), 6);
	answer(&(struct answered){ .home = "10.42.0.50", .nai = "c@example.com", .id = 9 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.home.s_addr, ip("10.42.0.50").s_addr);
	assert_int_equal(counter("replies"), 9);
}

/* ICMP quotes one request: the others still wait. */
static void one_is_unreachable(void **state)
{
	(void)state;
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8 });
	ask(&(struct asked){ .mac = 3, .home = "10.42.0.22", .home_agent = "10.0.0.9", .id = 9 });
	ask(&(struct asked){ 0 });
	unreachable(1, 0, MIP_REQUEST_OCTETS);
	assert_int_equal(count_of(ACTION_SEND_FRAME), 1);
	assert_int_equal(told().m.code, 81);
	assert_int_equal((uint32_t)told().m.id, 7);
	unreachable(1, 0, MIP_REQUEST_OCTETS); /* once more: nobody waits */
	assert_int_equal(count_of(ACTION_SEND_FRAME), 1);
	assert_int_equal(counter("unreachable"), 1);
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8 });
	assert_int_equal(told().m.code, 0);
	answer(&(struct answered){ .home = "10.42.0.22", .from = "10.0.0.9", .id = 9 });
	assert_int_equal(told().m.code, 0);
}

/* RFC 4433 3: one that is named counts where any will do, and the mobile node has a name itself. */
static void named_agents(void **state)
{
	static const struct {
		struct asked asked;
		const char *to;
	} rows[] = {
		{ { .nai = "a@example.com", .home_agent = "10.0.0.9", .dynamic_ha = "10.0.0.1" }, "10.0.0.9" },
		{ { .nai = "a@example.com", .home_agent = "0.0.0.0", .dynamic_ha = "10.0.0.1" }, "10.0.0.1" },
		{ { .home_agent = "0.0.0.0", .dynamic_ha = "10.0.0.1" }, NULL },
		{ { .nai = "a@example.com", .home_agent = "0.0.0.0" }, NULL },
		{ { .nai = "a@example.com", .home_agent = "0.0.0.0", .before = "8b02 0004 0a000001" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pass_s(1);
		ask(&rows[i].asked);
		if (rows[i].to)
			assert_int_equal(find(ACTION_SEND_DATAGRAM)->udp.remote.s_addr, ip(rows[i].to).s_addr);
		else
			assert_int_equal(told().m.code, 90);
	}
}

/* A place is its user's, by whatever home agent that we know or that it has already. */
static void one_user_two_home_agents(void **state)
{
	(void)state;
	associations[1].scope = FA_SCOPE_HA;
	associations[1].home_agent = ip("10.0.0.2");
	ask(&(struct asked){ .nai = "a@example.com" });
	answer(&(struct answered){ .nai = "a@example.com" });
	assert_non_null(find(ACTION_VISITOR_SET));
	assert_false(is_relayed(&(struct asked){ .nai = "a@example.com", .home_agent = "10.0.0.3", .id = 8 }));
	assert_false(is_relayed(
		&(struct asked){ .nai = "b@example.com", .home_agent = "10.0.0.2", .home = "10.42.0.21", .id = 8 }));
	assert_true(is_relayed(&(struct asked){ .nai = "a@example.com", .home_agent = "10.0.0.2", .id = 8 }));
	associations[0].scope = FA_SCOPE_MN;
	assert_true(is_relayed(&(struct asked){ .nai = "a@example.com", .home = "10.42.0.21", .id = 9 }));
}

static struct fa_visitor_view views[2];
static size_t view_n;

static void note_view(void *ctx, const struct fa_visitor_view *v)
{
	(void)ctx;
	assert_in_range(view_n, 0, ARRAY_SIZE(views) - 1);
	views[view_n++] = *v;
}

/* Each has a place of its own, which the next one gets when it is left; and all that is known of it can be seen. */
static void places(void **state)
{
	const struct dp_visitor *v;

	(void)state;
	visit();
	v = &find(ACTION_VISITOR_SET)->visitor;
	assert_int_equal(v->index, 0);
	assert_int_equal(v->gateway.s_addr, ip("192.0.2.1").s_addr); /* which encapsulating delivery is sent to */
	ask(&(struct asked){ .home = "10.42.0.21", .mac = 2, .id = 8, .flags = MIP_REQ_D, .care_of = "192.0.2.77" });
	answer(&(struct answered){ .home = "10.42.0.21", .id = 8 });
	view_n = 0;
	fa_each_visitor(fa, note_view, NULL);
	assert_int_equal(view_n, 2);
	assert_int_equal(views[0].home.s_addr, ip("10.42.0.20").s_addr);
	assert_int_equal(views[0].care_of.s_addr, conf.care_of.s_addr);
	assert_int_equal(views[0].delivery, DELIVERY_DIRECT);
	assert_int_equal(views[1].care_of.s_addr, ip("192.0.2.77").s_addr);
	assert_int_equal(views[1].index, 1);
	assert_int_equal(views[1].mac[5], 2);
	assert_int_equal(fa_kick(fa, now, "10.42.0.20", &out), 0);
	ask(&(struct asked){ .home = "10.42.0.22", .mac = 3, .id = 9 });
	answer(&(struct answered){ .home = "10.42.0.22", .id = 9 });
	assert_int_equal(find(ACTION_VISITOR_SET)->visitor.index, 0);
}

/* With another MAC it is still one visitor, and needs one place; its time here begins anew. */
static void another_mac(void **state)
{
	(void)state;
	conf.max_visitors = 1;
	restart();
	visit();
	pass_s(8);
	ask(&(struct asked){ .mac = 9, .id = 9 });
	answer(&(struct answered){ .id = 9 });
	assert_int_equal(told().m.code, 0);
	view_n = 0;
	fa_each_visitor(fa, note_view, NULL);
	assert_int_equal(view_n, 1);
	assert_int_equal(views[0].mac[5], 9);
	assert_int_equal(views[0].since_us, now.us);
	assert_int_equal(counter("moved_here"), 1);
	pass_s(299);
	assert_null(find(ACTION_VISITOR_DEL));
	pass_s(1);
	assert_int_equal(count_of(ACTION_VISITOR_DEL), 1);
}

/* With another home address than before, what the home agent has for the former one is over, and it hears so. */
static void another_home_address(void **state)
{
	const struct action *a;

	(void)state;
	ask(&(struct asked){ .nai = "a@example.com" });
	answer(&(struct answered){ .nai = "a@example.com" });
	ask(&(struct asked){ .nai = "a@example.com", .home = "10.42.0.21", .id = 8 });
	answer(&(struct answered){ .nai = "a@example.com", .home = "10.42.0.21", .id = 8 });
	a = find(ACTION_SEND_DATAGRAM);
	assert_octets(a->octets.p, 8, "07 00 0000 0a2a0014");
	assert_int_equal(counter("displaced"), 1);
}

/* A refusal is none of our business, whatever lifetime stands in it; and is no visit. */
static void refused_at_home(void **state)
{
	static const uint8_t codes[] = { 2, 8, 65, 128, 131, 192 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		ask(&(struct asked){ 0 });
		answer(&(struct answered){ .code = codes[i] });
		assert_int_equal(told().m.code, codes[i]);
		assert_null(find(ACTION_VISITOR_SET));
	}
	assert_int_equal(counter("refused_by_home"), ARRAY_SIZE(codes));
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .code = 1 });
	assert_non_null(find(ACTION_VISITOR_SET));
}

/* RFC 5944 3.8.3.2: a home agent that does not know the mobile node signs for us alone, or not at all. */
static void for_us_alone(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .code = 131, .unsigned_to_mn = true, .no_revocation = true });
	assert_int_equal(told().m.code, 131);
	assert_int_equal(told().msg.n, MIP_REPLY_OCTETS);
	associations[0].scope = FA_SCOPE_MN; /* nothing shared */
	ask(&(struct asked){ 0 });
	answer(&(struct answered){
		.code = 131, .unsigned_to_mn = true, .no_revocation = true, .unproven = true, .before = "91023130" });
	assert_int_equal(told().msg.n, MIP_REPLY_OCTETS + 4);
}

/* What is wrong with an acceptance is wrong with the other kind of acceptance (1) as well. */
static void no_simultaneous_bindings(void **state)
{
	static const struct {
		const char *home;
		uint8_t code;
	} rows[] = { { "0.0.0.0", 99 }, { "224.0.0.1", 71 }, { "192.0.2.1", 71 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pass_s(1);
		ask(&(struct asked){ .home = "0.0.0.0", .nai = "a@example.com" });
		answer(&(struct answered){ .code = 1, .home = rows[i].home, .nai = "a@example.com" });
		assert_int_equal(told().m.code, rows[i].code);
		assert_null(find(ACTION_VISITOR_SET));
	}
	ask(&(struct asked){ .home = "0.0.0.0", .nai = "a@example.com" });
	answer(&(struct answered){ .code = 129, .home = "0.0.0.0", .nai = "a@example.com" }); /* none was assigned */
	assert_int_equal(told().m.code, 129);
}

/* What the home agent says to the mobile node under its key, vendors' words too, is passed on. */
static void vendors_words(void **state)
{
	(void)state;
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ .before = VENDOR });
	assert_int_equal(told().m.code, 0);
	assert_true(told().x.cvse_at != 0 && told().x.cvse_at < told().x.mn_ha.at);
	pass_s(1);
	ask(&(struct asked){ .id = 8 });
	answer(&(struct answered){
		.id = 8, .no_revocation = true, .vendor = true }); /* right behind its authenticator */
	assert_int_equal(told().m.code, 101);
	assert_int_equal(counter("replies_unauthenticated"), 1);
}

/* RFC 3519 3.2: 0 to 63 assent, 64 to 255 decline. */
static void tunnels_in_udp(void **state)
{
	static const struct {
		const char *reply;
		enum encap encap;
	} rows[] = { { "2c06 0000 0000 003c", ENCAP_UDP },
		     { "2c06 003f 0000 003c", ENCAP_UDP },
		     { "2c06 0040 0000 003c", ENCAP_IPIP },
		     { "2c06 00ff 0000 003c", ENCAP_IPIP } };

	(void)state;
	conf.udp = FA_UDP_OFFER;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint16_t port = rows[i].encap == ENCAP_UDP ? MIP_PORT : 0;
		const struct tunnel *t;

		ask(&(struct asked){ .id = 8 + (uint32_t)i });
		answer(&(struct answered){ .before = rows[i].reply, .id = 8 + (uint32_t)i });
		t = &find(ACTION_VISITOR_SET)->visitor.tunnel;
		assert_int_equal(t->encap, rows[i].encap);
		assert_int_equal(t->local_port, port);
		assert_int_equal(t->remote_port, port);
	}
}

/* R: a co-located mobile node hears at the address it asked from; one without any, where all hear. */
static void where_replies_go(void **state)
{
	(void)state;
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .source = "192.0.2.77" });
	answer(&(struct answered){ 0 });
	assert_int_equal(told().ip.destination.s_addr, ip("192.0.2.77").s_addr);
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .source = "0.0.0.0", .id = 8 });
	answer(&(struct answered){ .unproven = true, .id = 8 });
	assert_int_equal(told().m.code, MIP_CODE_FA_HA_AUTH_FAILED);
	ask(&(struct asked){ .flags = MIP_REQ_D, .care_of = "192.0.2.77", .source = "0.0.0.0", .id = 9 });
	answer(&(struct answered){ .id = 9 });
	assert_int_equal(told().ip.destination.s_addr, ip("10.42.0.20").s_addr);
	ask(&(struct asked){ .source = "192.0.2.66", .mac = 9, .home = "10.42.0.29" });
	answer(&(struct answered){ .home = "10.42.0.29" });
	assert_int_equal(told().ip.destination.s_addr, ip("10.42.0.29").s_addr);
}

/* What the kernel leaves to us: to visitors as it is, of nobody else, and about no packet that nobody sent. */
static void packets(void **state)
{
	uint8_t p[28];
	struct wr w = wr_init(p, sizeof(p));
	const struct ip4 h = { .ttl = 9,
			       .protocol = IPPROTO_UDP,
			       .fragment = IP4_DF,
			       .source = ip("10.9.0.2"),
			       .destination = ip("10.42.0.20") };
	struct tunnelled t = { .tunnel = { .local = conf.care_of, .remote = ip("10.0.0.1") } };
	struct datagram d = { .local = conf.care_of, .remote = ip("10.0.0.1"), .local_port = 434, .remote_port = 434 };
	const struct action *a;

	(void)state;
	visit();
	ip4_build(&w, &h, 8);
	memset(wr_skip(&w, 8), 0x77, 8);
	t.inner = (struct span){ p, sizeof(p) };
	fa_on_tunnelled(fa, &t, &out);
	a = find(ACTION_SEND_FRAME);
	assert_int_equal(a->octets.n, 14 + sizeof(p));
	assert_memory_equal(a->octets.p + 14, p, sizeof(p));
	actions_clear(&out);
	t.tunnel.encap = ENCAP_GRE; /* not what was registered */
	fa_on_tunnelled(fa, &t, &out);
	t.inner.n = 19;
	fa_on_tunnelled(fa, &t, &out);
	assert_int_equal(counter("packets_dropped"), 2);
	d.payload = (struct span){ (const uint8_t *)"\x04\x2f\0\0", 4 };
	fa_on_datagram(fa, now, &d, &out);
	assert_int_equal(counter("malformed"), 1);
	fa_on_too_big(fa, now, 1, (struct span){ p, sizeof(p) }, MTU, &out);
	fa_on_too_big(fa, now, conf.max_visitors, (struct span){ p, sizeof(p) }, MTU, &out);
	fa_on_too_big(fa, now, 0, (struct span){ p, 19 }, MTU, &out);
	assert_int_equal(out.n, 0);
	fa_on_too_big(fa, now, 0, (struct span){ p, sizeof(p) }, MTU, &out);
	assert_int_equal(counter("too_big_told"), 1);
	assert_octets(find(ACTION_SEND_FRAME)->octets.p + 40, 2, "00b4"); /* 200 - 20 */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(whose_requests),
		TEST(what_is_added),
		TEST(what_stays),
		TEST(unreadable),
		TEST(unreadable_replies),
		TEST(no_room),
		TEST(denials_say),
		TEST(addresses),
		TEST(who_leaves),
		TEST(whose_replies),
		TEST(one_is_unreachable),
		TEST(named_agents),
		TEST(one_user_two_home_agents),
		TEST(places),
		TEST(another_mac),
		TEST(another_home_address),
		TEST(refused_at_home),
		TEST(for_us_alone),
		TEST(no_simultaneous_bindings),
		TEST(vendors_words),
		TEST(tunnels_in_udp),
		TEST(where_replies_go),
		TEST(packets),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
