/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/util.h"
#include "codec/ether.h"
#include "tests/unit/roles/fa_rig.h"

const uint8_t mn_mac[6] = { 2, 0, 0, 0, 0, 1 };
const uint8_t fa_mac[6] = { 2, 0, 0, 0, 0, 0xfa };
static const uint8_t key1[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
const struct sa mn_ha = {
	.spi = 256, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16, .key = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }
};

static char keyed[] = "keyed@example.com";
static struct fa_access access_link;
struct fa_association associations[2];
struct fa_conf conf;
struct fa *fa;
struct actions out;
struct instant now;
uint8_t chance;

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, chance, n);
}

void restart(void)
{
	static const struct random none = { .fill = fill };

	fa_freep(&fa);
	assert_int_equal(fa_new(&conf, &none, &fa), 0);
}

struct sa key_of(uint32_t spi)
{
	struct sa sa = { .spi = spi, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 };

	memcpy(sa.key, key1, sizeof(key1));
	return sa;
}

int setup(void **state)
{
	(void)state;
	access_link = (struct fa_access){
		.interface = "floor1", .ifindex = LINK, .address = ip("192.0.2.1"), .prefix_len = 24
	};
	memcpy(access_link.mac, fa_mac, sizeof(fa_mac));
	associations[0] =
		(struct fa_association){ .scope = FA_SCOPE_HA, .home_agent = ip("10.0.0.1"), .sa = key_of(257) };
	associations[1] = (struct fa_association){ .scope = FA_SCOPE_MN, .nai = keyed, .sa = key_of(258) };
	conf = (struct fa_conf){ .care_of = ip("10.0.1.7"),
				 .accesses = &access_link,
				 .access_n = 1,
				 .associations = associations,
				 .association_n = 2,
				 .advertise_s = 10,
				 .max_lifetime_s = 1800,
				 .reply_timeout_s = 7,
				 .revocation = true,
				 .max_visitors = 2,
				 .max_pending = 8,
				 .max_pending_per_mac = 5,
				 .solicited_rate = 2 };
	chance = 0;
	now = (struct instant){ .us = US_PER_S, .ntp = UINT64_C(0xd000000100000000) };
	assert_int_equal(actions_init(&out), 0);
	restart();
	return 0;
}

int teardown(void **state)
{
	(void)state;
	fa_freep(&fa);
	actions_done(&out);
	return 0;
}

const struct action *find(enum action_type type)
{
	const struct action *last = NULL;

	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type)
			last = &out.v[i];
	return last;
}

void pass_s(unsigned s)
{
	actions_clear(&out);
	now.us += s * US_PER_S;
	now.ntp += (uint64_t)s << 32;
	fa_on_time(fa, now, &out);
}

uint64_t counter(const char *name)
{
	const char *const *names;
	const uint64_t *values;
	size_t n = fa_counters(fa, &names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

static const char *or_else(const char *value, const char *usual)
{
	return value ? value : usual;
}

static void put(struct wr *w, const char *hex)
{
	uint8_t octets[512];
	size_t n = hex ? unhex(hex, octets, sizeof(octets)) : 0;

	wr_bytes(w, octets, n);
}

void ask(const struct asked *a)
{
	uint8_t msg[512], frame[FRAME_MAX], mac[6];
	struct wr m = wr_init(msg, sizeof(msg)), f = wr_init(frame, sizeof(frame));
	const struct mip_request r = { .flags = (uint8_t)(MIP_REQ_T ^ a->flags),
				       .lifetime_s = a->deregister ? 0 :
						     a->lifetime_s ? a->lifetime_s :
								     600,
				       .home = ip(or_else(a->home, "10.42.0.20")),
				       .home_agent = ip(or_else(a->home_agent, "10.0.0.1")),
				       .care_of = ip(or_else(a->care_of, "10.0.1.7")),
				       .id = UINT64_C(0xd000000000000000) | (a->id ? a->id : 7) };

	memcpy(mac, mn_mac, sizeof(mac));
	mac[5] = a->mac ? a->mac : mac[5];
	mip_request_build(&m, &r);
	if (a->nai)
		mip_ext_nai_build(&m, text(a->nai));
	if (a->dynamic_ha)
		mip_ext_dynamic_ha_build(&m, 1, ip(a->dynamic_ha));
	if (a->delivery_before)
		mip_ext_delivery_style_build(&m);
	if (a->revocation)
		mip_ext_revocation_support_build(&m, false, 1);
	put(&m, a->before);
	if (!a->unproven)
		assert_int_equal(sa_sign(&mn_ha, MIP_EXT_MN_HA_AUTH, &m), 0);
	put(&m, a->behind);
	if (a->nai_behind)
		mip_ext_nai_build(&m, text(a->nai_behind));
	if (a->delivery)
		mip_ext_delivery_style_build(&m);
	if (a->vendor)
		wr_bytes(&m, (const uint8_t[]){ 38, 0, 0, 6, 0, 0, 0, 9, 0, 1 }, 10); /* RFC 3115 2.1, empty */
	if (a->keyed)
		assert_int_equal(sa_sign(&associations[1].sa, MIP_EXT_MN_FA_AUTH, &m), 0);
	ether_build(&f, fa_mac, mac, ETHER_IP4);
	udp4_build(&f,
		   &(struct ip4){ .ttl = a->ttl ? a->ttl : NEIGHBOUR,
				  .source = a->source ? ip(a->source) : r.home,
				  .destination = ip(or_else(a->to, "192.0.2.1")) },
		   &(struct udp4){ .source = MN_PORT, .destination = MIP_PORT, .payload = { msg, wr_len(&m) } });
	actions_clear(&out);
	fa_on_frame(fa, now, LINK, (struct span){ frame, wr_len(&f) }, &out);
}

struct told told(void)
{
	const struct action *a = find(ACTION_SEND_FRAME);
	struct told t;
	struct ether e;
	struct udp4 u;

	assert_non_null(a);
	assert_int_equal(a->ifindex, LINK);
	assert_int_equal(ether_parse(a->octets.p, a->octets.n, &e), 0);
	assert_memory_equal(e.source, fa_mac, 6);
	assert_int_equal(ip4_parse(e.payload.p, e.payload.n, &t.ip), 0);
	assert_int_equal(udp4_parse(&t.ip, &u), 0);
	assert_int_equal(u.source, MIP_PORT);
	assert_int_equal(u.destination, MN_PORT);
	t.msg = u.payload;
	assert_int_equal(mip_reply_parse(t.msg.p, t.msg.n, &t.m), 0);
	assert_int_equal(mip_exts_parse(t.msg.p, t.msg.n, MIP_REPLY_OCTETS, NULL, &t.x), 0);
	return t;
}

void answer(const struct answered *a)
{
	uint8_t msg[512];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct mip_reply r = { .code = a->code,
				     .lifetime_s = a->lifetime_s ? a->lifetime_s : 300,
				     .home = ip(or_else(a->home, "10.42.0.20")),
				     .home_agent = ip(or_else(a->home_agent, "10.0.0.1")),
				     .id = UINT64_C(0xd000000000000000) | (a->id ? a->id : 7) };
	struct datagram d = { .local = conf.care_of,
			      .remote = ip(or_else(a->from, "10.0.0.1")),
			      .local_port = 434,
			      .remote_port = 434,
			      .ifindex = a->ifindex };

	mip_reply_build(&w, &r);
	if (a->nai)
		mip_ext_nai_build(&w, text(a->nai));
	if (a->udp)
		mip_ext_udp_reply_build(&w, 0, false, 60);
	put(&w, a->before);
	if (!a->unsigned_to_mn)
		assert_int_equal(sa_sign(&mn_ha, MIP_EXT_MN_HA_AUTH, &w), 0);
	if (!a->no_revocation)
		mip_ext_revocation_support_build(&w, a->inform, 100);
	if (a->vendor)
		wr_bytes(&w, (const uint8_t[]){ 38, 0, 0, 6, 0, 0, 0, 9, 0, 1 }, 10);
	if (!a->unproven)
		assert_int_equal(sa_sign(&associations[0].sa, MIP_EXT_FA_HA_AUTH, &w), 0);
	d.payload = (struct span){ msg, wr_len(&w) };
	if (a->tail)
		d.payload.n += unhex(a->tail, msg + d.payload.n, sizeof(msg) - d.payload.n);
	actions_clear(&out);
	fa_on_datagram(fa, now, &d, &out);
}

void unreachable(uint8_t code, uint32_t ifindex, size_t octets)
{
	const struct action *a = find(ACTION_SEND_DATAGRAM);
	uint8_t quoted[512];
	struct unreachable_request u = {
		.care_of = conf.care_of, .ifindex = ifindex, .code = code, .request = { quoted, octets }
	};

	assert_non_null(a);
	assert_in_range(octets, 0, a->octets.n);
	memcpy(quoted, a->octets.p, octets);
	u.home_agent = a->udp.remote;
	fa_on_unreachable(fa, now, &u, &out);
}

size_t count_of(enum action_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < out.n; i++)
		n += out.v[i].type == type;
	return n;
}

void visit(void)
{
	ask(&(struct asked){ 0 });
	answer(&(struct answered){ 0 });
	assert_non_null(find(ACTION_VISITOR_SET));
}
