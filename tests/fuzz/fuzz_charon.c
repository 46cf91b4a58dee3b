/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes over the link to charon, into a proxy agent: packets parted by newlines. An event that is taken has texts
 * of its own, as long as they may be; an NAI made of it is one; each request is answered at most once. Lines that begin
 * with `!` are what happens meanwhile: `!a` the home agent accepts, `!r` it refuses, `!k` it revokes, `!t` a second
 * passes. */
#include "io/charon_json.h"
#include "roles/mpa/mpa.h"
#include "roles/mpa/vpn_identity.h"
#include "tests/fuzz/fuzz.h"
#include "codec/mip_msg.h"
#include "core/sa.h"

enum { MAX_SUBSCRIBERS = 4, REQUESTS_MAX = 64, DEVICE = 7 };

#define A(a, b, c, d)                                                                                                  \
	{                                                                                                              \
		.s_addr = htonl((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))                                      \
	}

static const struct sa domain_sa = { .spi = 256, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 };

static struct {
	struct mpa *mpa;
	struct instant now;
	struct actions out;
	struct mip_request request; /* the last */
	char nai[MIP_NAI_MAX + 1];
	uint32_t open[REQUESTS_MAX]; /* numbers of ACQUIREs that wait */
	size_t open_n;
	uint32_t stamp;
} bench;

static struct mpa_conf *conf(void)
{
	static struct mpa_home_agent agent;
	static struct mpa_network network;
	static char realm[] = "x", glob[] = "*.box", nai[] = "box@x";
	static struct mpa_identity row = { glob, nai };
	static struct mpa_vpn vpn = { .interface = "ipsec0",
				      .mtu = 1400,
				      .timeout_ms = 4500,
				      .hold_s = 300,
				      .linger_ms = 300,
				      .wait_ms = 100,
				      .resume_s = 1 };
	static struct mpa_association association;
	static struct mpa_conf c;

	agent = (struct mpa_home_agent){ .name = "ha", .address = A(10, 0, 0, 1) };
	network = (struct mpa_network){
		.name = "office", .prefix = { A(10, 42, 0, 0), 24 }, .gateway = A(10, 42, 0, 1), .lease_s = 3600
	};
	association =
		(struct mpa_association){ .name = "x", .scope = SA_SCOPE_DOMAIN, .realm = realm, .sa = domain_sa };
	c = (struct mpa_conf){ .care_of = A(10, 0, 1, 1),
			       .home_agents = &agent,
			       .home_agent_n = 1,
			       .networks = &network,
			       .network_n = 1,
			       .associations = &association,
			       .association_n = 1,
			       .vpns = &vpn,
			       .vpn_n = 1,
			       .naming = { .rows = &row, .row_n = 1, .realm = realm },
			       .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
			       .lifetime_s = 300,
			       .retransmit_ms = 1000,
			       .retransmit_max_s = 32,
			       .failover_after = 3,
			       .hold_s = 30,
			       .holdoff_ms = 200,
			       .max_subscribers = MAX_SUBSCRIBERS };
	return &c;
}

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	memset(ret, 0x5a, n);
}

static void take_request(const struct action *a)
{
	struct mip_exts x;

	if (a->octets.p[0] != MIP_TYPE_REQUEST)
		return;
	assert(mip_request_parse(a->octets.p, a->octets.n, &bench.request) == 0);
	assert(mip_exts_parse(a->octets.p, a->octets.n, MIP_REQUEST_OCTETS, &conf()->sequence, &x) == 0);
	assert(x.nai_at && x.nai.n <= MIP_NAI_MAX && x.mn_ha.present);
	memcpy(bench.nai, x.nai.p, x.nai.n);
	bench.nai[x.nai.n] = '\0';
}

/* Nobody is answered who did not ask, or twice. */
static void take_answer(const struct charon_command *c)
{
	if (c->type != CHARON_ANSWER)
		return;
	assert(c->refused ? c->address.s_addr == INADDR_ANY : c->address.s_addr != INADDR_ANY);
	for (size_t i = 0; i < bench.open_n; i++)
		if (bench.open[i] == c->request) {
			bench.open[i] = bench.open[--bench.open_n];
			return;
		}
	abort();
}

static void perform(void)
{
	assert(bench.out.dropped == 0);
	for (size_t i = 0; i < bench.out.n; i++) {
		const struct action *a = &bench.out.v[i];

		if (a->type == ACTION_SEND_DATAGRAM)
			take_request(a);
		else if (a->type == ACTION_CHARON)
			take_answer(&a->charon);
		else if (a->type == ACTION_VISITOR_SET)
			assert(a->visitor.layer3 && a->visitor.ifindex == DEVICE &&
			       a->visitor.home.s_addr != INADDR_ANY);
	}
	actions_clear(&bench.out);
}

static void deliver(const struct wr *w)
{
	const struct datagram d = { .local = conf()->care_of,
				    .remote = conf()->home_agents[0].address,
				    .local_port = MIP_PORT,
				    .remote_port = MIP_PORT,
				    .payload = { w->start, wr_len(w) } };

	mpa_on_datagram(bench.mpa, bench.now, &d, &bench.out);
}

static struct in_addr home_of(const char *nai)
{
	uint32_t host = 10;

	for (; *nai; nai++)
		host = host * 31 + (uint8_t)*nai;
	return (struct in_addr){ htonl(0x0a2a0000 | (10 + host % 200)) };
}

static void answer(uint8_t code)
{
	const struct mip_reply m = { .code = code,
				     .lifetime_s = bench.request.lifetime_s,
				     .home = home_of(bench.nai),
				     .home_agent = conf()->home_agents[0].address,
				     .id = bench.request.id };
	uint8_t octets[512];
	struct wr w = wr_init(octets, sizeof(octets));

	mip_reply_build(&w, &m);
	mip_ext_nai_build(&w, (struct span){ (const uint8_t *)bench.nai, strlen(bench.nai) });
	mip_ext_sequence_build(&w, &conf()->sequence, 1);
	mip_ext_revocation_support_build(&w, false, ++bench.stamp);
	if (sa_sign(&domain_sa, MIP_EXT_MN_HA_AUTH, &w) == 0)
		deliver(&w);
}

static void send_revocation(void)
{
	const struct mip_revocation m = { .from_ha = true,
					  .home = home_of(bench.nai),
					  .home_domain = conf()->home_agents[0].address,
					  .foreign_domain = conf()->care_of,
					  .id = ++bench.stamp };
	uint8_t octets[128];
	struct wr w = wr_init(octets, sizeof(octets));

	mip_revocation_build(&w, &m);
	if (sa_sign(&domain_sa, MIP_EXT_MN_HA_AUTH, &w) == 0)
		deliver(&w);
}

static void pass_second(void)
{
	bench.now.us += US_PER_S;
	bench.now.ntp += UINT64_C(1) << 32;
	for (unsigned i = 0; mpa_due(bench.mpa) <= bench.now.us; i++) {
		assert(i < 10000); /* each call gets on */
		mpa_on_time(bench.mpa, bench.now, &bench.out);
		perform();
	}
}

static void check_text(const char *text)
{
	assert(text && strlen(text) <= CHARON_TEXT_MAX);
}

static void check_event(const struct charon_event *e)
{
	char nai[MIP_NAI_MAX + 1];
	const char *why = NULL;

	check_text(e->id.text);
	check_text(e->eap);
	check_text(e->connection);
	check_text(e->child);
	assert(e->name_n <= CHARON_NAMES_MAX && e->type < CHARON_EVENT_COUNT && e->type != CHARON_GONE);
	for (size_t i = 0; i < e->name_n; i++)
		check_text(e->names[i].text);
	if (vpn_nai(&conf()->naming, e, nai, &why) < 0) {
		assert(why && why[0]);
		return;
	}
	assert(nai[0] && strlen(nai) <= MIP_NAI_MAX);
	for (const char *p = nai; *p; p++)
		assert(*p > ' ' && *p < 0x7f);
}

static void take_line(const char *line, size_t n)
{
	struct charon_event e;
	json_t *keep;

	if (n == 2 && line[0] == '!') {
		if (line[1] == 'a' || line[1] == 'r')
			answer(line[1] == 'a' ? MIP_CODE_ACCEPTED : MIP_CODE_NO_RESOURCES);
		else if (line[1] == 'k')
			send_revocation();
		else if (line[1] == 't')
			pass_second();
		perform();
		return;
	}
	if (charon_event_parse(line, n, &e, &keep) < 0)
		return;
	check_event(&e);
	if (e.type == CHARON_ACQUIRE && bench.open_n < REQUESTS_MAX)
		bench.open[bench.open_n++] = e.request;
	if (e.type != CHARON_ACQUIRE || bench.open_n < REQUESTS_MAX)
		mpa_on_charon(bench.mpa, bench.now, &e, &bench.out);
	json_decref(keep);
	perform();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct random random = { fill, NULL };
	const char *at = (const char *)data, *end = at + n;

	memset(&bench, 0, sizeof(bench));
	bench.now = (struct instant){ .us = US_PER_S, .ntp = UINT64_C(0xd000000000000000) };
	bench.stamp = 100;
	if (actions_init(&bench.out) < 0)
		return 0;
	if (mpa_new(conf(), &random, &bench.mpa) == 0) {
		mpa_on_device(bench.mpa, bench.now, DEVICE, &bench.out);
		while (at < end) {
			const char *stop = memchr(at, '\n', (size_t)(end - at));
			size_t line_n = (size_t)((stop ? stop : end) - at);

			take_line(at, line_n);
			at += line_n + 1;
		}
		mpa_freep(&bench.mpa);
	}
	actions_done(&bench.out);
	return 0;
}
