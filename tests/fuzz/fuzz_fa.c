/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The foreign agent as a whole (L-02). The input is a list of steps: what happens (1 octet), milliseconds before it (1,
 * cubed), octets that follow (2), octets. Answers and revocations are signed by us. After each step the data plane, as the
 * actions made it, has a visitor for each visit that the agent shows, and one for each MAC; nothing was sent but from the
 * agent's own addresses, by its own links. */
#include <arpa/inet.h>

#include "codec/ether.h"
#include "codec/ip4.h"
#include "codec/mip_ext.h"
#include "codec/mip_msg.h"
#include "roles/fa/fa.h"
#include "tests/fuzz/fuzz.h"

enum step {
	STEP_FRAME,
	STEP_REQUEST,
	STEP_DATAGRAM,
	STEP_ANSWER,
	STEP_REVOKE,
	STEP_UNREACHABLE,
	STEP_TUNNELLED,
	STEP_TOO_BIG,
	STEP_KICK,
	STEP_TIME,
	STEP_ACKNOWLEDGE,
	STEP_STOP,
	STEP_COUNT
};

enum { MAX_VISITORS = 4, LINKS = 2, SHADOWS = 16, REQUEST_OCTETS = 6 };

static const char *const home_agents[] = { "10.0.0.1", "10.0.0.2", "10.0.1.7", "224.0.0.11" };
static const struct sa shared = { .spi = 257, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 };
static struct dp_visitor shadow[SHADOWS];
static size_t shadow_n;
static struct mip_request last;
static char last_nai[MIP_NAI_MAX + 1];

static struct in_addr ip(const char *text)
{
	struct in_addr a = { INADDR_ANY };

	(void)inet_pton(AF_INET, text, &a); /* they are addresses */
	return a;
}

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	memset(ret, 7, n);
	(void)ctx;
}

static struct fa_conf *conf(uint8_t how)
{
	static struct fa_access accesses[LINKS];
	static struct fa_association associations[2];
	static char nai[] = "a@example.com";
	static struct fa_conf c;

	for (uint32_t i = 0; i < LINKS; i++)
		accesses[i] = (struct fa_access){ .ifindex = i + 1,
						  .mac = { 2, 0, 0, 0, 1, (uint8_t)i },
						  .address = ip(i ? "192.0.2.65" : "192.0.2.1"),
						  .prefix_len = 26,
						  .registration_required = i };
	associations[0] =
		(struct fa_association){ .scope = FA_SCOPE_HA, .home_agent = ip(home_agents[0]), .sa = shared };
	associations[1] = (struct fa_association){ .scope = FA_SCOPE_MN, .nai = nai, .sa = shared };
	c = (struct fa_conf){ .care_of = ip("10.0.1.7"),
			      .accesses = accesses,
			      .access_n = LINKS,
			      .associations = associations,
			      .association_n = 2,
			      .advertise_s = 10,
			      .max_lifetime_s = how & 8 ? MIP_LIFETIME_INFINITE : 1800,
			      .reply_timeout_s = 7,
			      .mn_authentication = how & 4,
			      .revocation = !(how & 16),
			      .reverse_tunnel = how % FA_REVERSE_TUNNEL_COUNT,
			      .udp = (how >> 5) % FA_UDP_COUNT,
			      .max_visitors = MAX_VISITORS,
			      .max_pending = 6,
			      .max_pending_per_mac = 3,
			      .solicited_rate = 10 };
	return &c;
}

static bool is_same_place(const struct dp_visitor *a, const struct dp_visitor *b)
{
	return a->ifindex == b->ifindex && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

static bool is_same_visit(const struct dp_visitor *a, const struct dp_visitor *b)
{
	return a->home.s_addr == b->home.s_addr && a->tunnel.remote.s_addr == b->tunnel.remote.s_addr;
}

static void forget(const struct dp_visitor *v)
{
	for (size_t i = 0; i < shadow_n; i++)
		if (is_same_visit(&shadow[i], v) && is_same_place(&shadow[i], v))
			shadow[i--] = shadow[--shadow_n];
}

static void set(const struct dp_visitor *v)
{
	assert(v->index < MAX_VISITORS && v->gateway.s_addr != INADDR_ANY);
	forget(v);
	for (size_t i = 0; i < shadow_n; i++)
		assert(!is_same_place(&shadow[i], v) && !is_same_visit(&shadow[i], v));
	assert(shadow_n < SHADOWS);
	shadow[shadow_n++] = *v;
}

static void remember(struct span request)
{
	struct mip_exts x;

	if (mip_request_parse(request.p, request.n, &last) < 0)
		return; /* an acknowledgment */
	assert(mip_exts_parse(request.p, request.n, MIP_REQUEST_OCTETS, NULL, &x) == 0);
	assert(!x.mn_fa.present && !x.delivery_style_at && !x.cvse_at);
	memset(last_nai, 0, sizeof(last_nai));
	if (x.nai_at)
		memcpy(last_nai, x.nai.p, x.nai.n);
}

static void perform(const struct actions *out, const struct fa_conf *c)
{
	assert(out->dropped == 0);
	for (size_t i = 0; i < out->n; i++) {
		const struct action *a = &out->v[i];

		switch (a->type) {
		case ACTION_SEND_DATAGRAM:
			assert(a->udp.local.s_addr == c->care_of.s_addr && !IN_MULTICAST(ntohl(a->udp.remote.s_addr)));
			remember(a->octets);
			break;
		case ACTION_SEND_FRAME:
			assert(a->ifindex >= 1 && a->ifindex <= LINKS && a->octets.n > ETHER_HEADER_OCTETS);
			assert(memcmp(a->octets.p + 6, c->accesses[a->ifindex - 1].mac, 6) == 0);
			break;
		case ACTION_SEND_TUNNELLED:
			assert(a->tunnel.local.s_addr == c->care_of.s_addr);
			break;
		case ACTION_VISITOR_SET:
			set(&a->visitor);
			break;
		case ACTION_VISITOR_DEL:
			forget(&a->visitor);
			break;
		case ACTION_RECORD:
			assert(a->record.nai && a->record.reason && a->record.event);
			break;
		case ACTION_SEND_PACKET:
		case ACTION_SEND_OWN:
		case ACTION_STORE_PUT:
		case ACTION_STORE_DEL:
		case ACTION_BINDING_SET:
		case ACTION_BINDING_DEL:
		case ACTION_PORT:
		case ACTION_CHARON:
		case ACTION_HOME_SET:
		case ACTION_HOME_DEL:
		case ACTION_PATH_SET:
		case ACTION_GUARD_SET:
		case ACTION_GUARD_DEL:
		case ACTION_HINT_WATCH:
			abort();
		}
	}
}

static void compare_one(void *ctx, const struct fa_visitor_view *v)
{
	size_t *n = ctx;
	bool co_located = v->care_of.s_addr == ip("192.0.2.66").s_addr; /* see request() */

	for (size_t i = 0; i < shadow_n; i++)
		if (shadow[i].index == v->index && shadow[i].home.s_addr == v->home.s_addr) {
			assert(!co_located && shadow[i].tunnel.remote.s_addr == v->home_agent.s_addr);
			(*n)++;
			return;
		}
	assert(co_located);
}

static void compare(const struct fa *fa)
{
	size_t n = 0;

	fa_each_visitor(fa, compare_one, &n);
	assert(n == shadow_n);
}

/* @p: MAC, home address and home agent, identification, flags, lifetime, extensions; then octets as they are. */
static void request(struct fa *fa, struct instant now, const struct fa_conf *c, struct span p, struct actions *out)
{
	static const uint8_t to[MAC_OCTETS] = { 2, 0, 0, 0, 1, 0 };
	uint8_t mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, p.p[0] & 7 }, msg[512], frame[1024];
	struct wr w = wr_init(msg, sizeof(msg)), f = wr_init(frame, sizeof(frame));
	uint32_t ifindex = p.p[0] >> 7 ? 2 : 1;
	const struct mip_request m = { .flags = p.p[3],
				       .lifetime_s = (uint16_t)(p.p[4] * 8),
				       .home = { p.p[1] & 15 ? htonl(UINT32_C(0x0a2a0000) + (p.p[1] & 15)) : 0 },
				       .home_agent = ip(home_agents[p.p[1] >> 4 & 3]),
				       .care_of = p.p[3] & MIP_REQ_D ? ip("192.0.2.66") : c->care_of,
				       .id = UINT64_C(0xd000000000000000) | p.p[2] };

	mip_request_build(&w, &m);
	if (p.p[5] & 1)
		mip_ext_nai_build(
			&w, (struct span){ (const uint8_t *)(p.p[5] & 2 ? "b@example.com" : "a@example.com"), 13 });
	assert(sa_sign(&shared, MIP_EXT_MN_HA_AUTH, &w) == 0);
	if (p.p[5] & 4)
		mip_ext_delivery_style_build(&w);
	if (p.p[5] & 8)
		assert(sa_sign(&shared, MIP_EXT_MN_FA_AUTH, &w) == 0);
	wr_bytes(&w, p.p + REQUEST_OCTETS, p.n - REQUEST_OCTETS);
	if (w.err)
		return;
	ether_build(&f, to, mac, ETHER_IP4);
	udp4_build(&f, &(struct ip4){ .ttl = 255, .source = m.home, .destination = c->accesses[ifindex - 1].address },
		   &(struct udp4){ .source = 434, .destination = 434, .payload = { msg, wr_len(&w) } });
	fa_on_frame(fa, now, ifindex, (struct span){ frame, wr_len(&f) }, out);
}

static struct datagram from_home(const struct fa_conf *c, uint8_t how, struct span payload)
{
	return (struct datagram){ .local = c->care_of,
				  .remote = last.home_agent,
				  .local_port = MIP_PORT,
				  .remote_port = MIP_PORT,
				  .ifindex = how & 0x80 ? 1 : 9,
				  .payload = payload };
}

/* @p: code, lifetime, home address when there was none. */
static void answer(struct fa *fa, struct instant now, const struct fa_conf *c, uint8_t how, struct span p,
		   struct actions *out)
{
	uint8_t msg[512];
	struct wr w = wr_init(msg, sizeof(msg));
	const struct mip_reply m = { .code = p.p[0],
				     .lifetime_s = (uint16_t)(p.p[1] * 8),
				     .home = { last.home.s_addr ? last.home.s_addr :
								  htonl(UINT32_C(0x0a2a0000) + p.p[2]) },
				     .home_agent = last.home_agent,
				     .id = last.id };
	struct datagram d;

	mip_reply_build(&w, &m);
	if (last_nai[0])
		mip_ext_nai_build(&w, (struct span){ (const uint8_t *)last_nai, strlen(last_nai) });
	if (how & 0x20)
		mip_ext_udp_reply_build(&w, 0, false, 60);
	assert(sa_sign(&shared, MIP_EXT_MN_HA_AUTH, &w) == 0);
	wr_bytes(&w, p.p + 3, p.n - 3);
	mip_ext_revocation_support_build(&w, false, 5);
	if (w.err || (!(how & 0x40) && sa_sign(&shared, MIP_EXT_FA_HA_AUTH, &w) < 0))
		return;
	d = from_home(c, how, (struct span){ msg, wr_len(&w) });
	fa_on_datagram(fa, now, &d, out);
}

static void revoked(struct fa *fa, struct instant now, const struct fa_conf *c, uint8_t how, struct span p,
		    struct actions *out)
{
	const struct mip_revocation m = { .from_ha = true,
					  .inform = how & 0x20,
					  .home = { htonl(UINT32_C(0x0a2a0000) + p.p[0]) },
					  .home_domain = last.home_agent,
					  .foreign_domain = c->care_of,
					  .id = p.p[1] };
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));
	struct datagram d;

	mip_revocation_build(&w, &m);
	assert(sa_sign(&shared, MIP_EXT_FA_HA_AUTH, &w) == 0);
	d = from_home(c, how, (struct span){ msg, wr_len(&w) });
	fa_on_datagram(fa, now, &d, out);
}

static void acknowledged(struct fa *fa, struct instant now, const struct fa_conf *c, uint8_t how, struct span p,
			 struct actions *out)
{
	const struct mip_revocation_ack m = { .home = { htonl(UINT32_C(0x0a2a0000) + p.p[0]) },
					      .id = (uint32_t)(now.ntp >> 32) + p.p[1] };
	uint8_t msg[128];
	struct wr w = wr_init(msg, sizeof(msg));
	struct datagram d;

	mip_revocation_ack_build(&w, &m);
	assert(sa_sign(&shared, MIP_EXT_FA_HA_AUTH, &w) == 0);
	d = from_home(c, how, (struct span){ msg, wr_len(&w) });
	fa_on_datagram(fa, now, &d, out);
}

/* @p: code; then octets of the request, or none: it is quoted as it was. */
static void not_arrived(struct fa *fa, struct instant now, const struct fa_conf *c, struct span p, struct actions *out)
{
	uint8_t msg[MIP_REQUEST_OCTETS];
	struct wr w = wr_init(msg, sizeof(msg));
	struct unreachable_request u = { .care_of = c->care_of,
					 .home_agent = last.home_agent,
					 .code = p.n > 0 ? p.p[0] : 0,
					 .request = { msg, sizeof(msg) } };

	mip_request_build(&w, &last);
	if (p.n > 1)
		u.request = (struct span){ p.p + 1, p.n - 1 };
	fa_on_unreachable(fa, now, &u, out);
}

static void step(struct fa *fa, struct instant now, const struct fa_conf *c, uint8_t kind, struct span p,
		 struct actions *out)
{
	const struct datagram d = from_home(c, kind, p);
	const struct tunnelled t = { .tunnel = { .local = c->care_of, .remote = ip(home_agents[0]) },
				     .ifindex = 9,
				     .inner = p };

	switch ((enum step)((kind & 31) % STEP_COUNT)) {
	case STEP_FRAME:
		fa_on_frame(fa, now, kind >> 7 ? 2 : 1, p, out);
		break;
	case STEP_REQUEST:
		if (p.n >= REQUEST_OCTETS)
			request(fa, now, c, p, out);
		break;
	case STEP_DATAGRAM:
		fa_on_datagram(fa, now, &d, out);
		break;
	case STEP_ANSWER:
		if (p.n >= 3)
			answer(fa, now, c, kind, p, out);
		break;
	case STEP_REVOKE:
		if (p.n >= 2)
			revoked(fa, now, c, kind, p, out);
		break;
	case STEP_UNREACHABLE:
		not_arrived(fa, now, c, p, out);
		break;
	case STEP_TUNNELLED:
		fa_on_tunnelled(fa, &t, out);
		break;
	case STEP_TOO_BIG:
		fa_on_too_big(fa, now, kind >> 5, p, 1400, out);
		break;
	case STEP_KICK:
		(void)fa_kick(fa, now, kind & 0x20 ? "a@example.com" : "10.42.0.1", out); /* it may not be here */
		break;
	case STEP_ACKNOWLEDGE:
		if (p.n >= 2)
			acknowledged(fa, now, c, kind, p, out);
		break;
	case STEP_STOP:
		assert(!fa_stop(fa, now, out));
		break;
	case STEP_TIME:
	case STEP_COUNT:
		break;
	}
}

static void settle(struct fa *fa, struct instant now, const struct fa_conf *c, struct actions *out)
{
	perform(out, c);
	actions_clear(out);
	for (unsigned i = 0; fa_due(fa) <= now.us; i++) {
		assert(i < 100); /* each call gets on */
		fa_on_time(fa, now, out);
		perform(out, c);
		actions_clear(out);
	}
	compare(fa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct random none = { .fill = fill };
	struct instant now = { .us = US_PER_S, .ntp = UINT64_C(0xd000000000000000) };
	const struct fa_conf *c;
	struct rd r = rd_init(data, n);
	struct fuzz_step next;
	struct actions out;
	struct fa *fa = NULL;

	if (n == 0 || actions_init(&out) < 0)
		return 0;
	c = conf(rd_u8(&r));
	shadow_n = 0;
	last = (struct mip_request){ 0 };
	last_nai[0] = '\0';
	if (fa_new(c, &none, &fa) == 0) {
		while (fuzz_next(&r, &now, &next)) {
			settle(fa, now, c, &out);
			step(fa, now, c, next.kind, next.octets, &out);
			settle(fa, now, c, &out);
		}
	}
	fa_freep(&fa);
	actions_done(&out);
	return 0;
}
