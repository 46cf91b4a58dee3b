/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mobile node in client mode. The input is a list of steps of 4 octets: what happens, milliseconds before it (cubed),
 * which link, and more; some take as many octets behind them as the last of the four says. Whatever comes: nothing leaves in
 * clear by a link but after a true success with TNC came by it, since its address is there (B-27, B-28, X-07). */
#include <arpa/inet.h>
#include <stdlib.h>

#include "codec/mip_msg.h"
#include "roles/mn/mn.h"
#include "tests/fuzz/fuzz.h"

enum { LINKS = 3, HF0 = 9, OCTETS_MAX = 255 };
enum step { STEP_NET, STEP_CHARON, STEP_REPLY, STEP_RAW, STEP_FRAME, STEP_PASS, STEPS };

/* The last request by each link; [0]: through the VPN. */
static struct {
	struct in_addr from, to;
	struct mip_request m;
	bool here;
} asked[LINKS + 1];

static bool proven[LINKS + 1];
static struct dp_path path;

static const struct sa shared = { .spi = 0x1001, .key_n = 8, .key = "8 octets" };

static struct in_addr addr(const char *text)
{
	struct in_addr a;

	(void)inet_pton(AF_INET, text, &a); /* they are addresses */
	return a;
}

static struct in_addr address(uint32_t link)
{
	static const char *const all[] = { "10.99.0.5", "10.1.0.23", "10.42.0.40", "192.168.7.23" };

	return addr(all[link]);
}

static void count(void *ctx, uint8_t *ret, size_t n)
{
	uint8_t *next = ctx;

	for (size_t i = 0; i < n; i++)
		ret[i] = (*next)++;
}

static const struct mn_conf *conf(uint8_t bits)
{
	static struct mn_connection connection = { "gw1", "net" };
	static char user[] = "alice@example.com", pseudonym[] = "x@example.com";
	static struct mn_conf c;

	c = (struct mn_conf){ .mode = MN_MODE_CLIENT,
			      .client = { .home = addr(bits & 1 ? "0.0.0.0" : "10.42.0.17"),
					  .home_prefix = { addr("10.42.0.0"), bits & 2 ? 16 : 0 },
					  .home_agent = addr("10.0.0.1"),
					  .sa = shared,
					  .agent_discovery = true,
					  .foreign_agents = true,
					  .udp = bits & 4 ? MN_UDP_OFFER : MN_UDP_OFF,
					  .pseudonym = bits & 8 ? pseudonym : NULL,
					  .retransmissions = bits >> 4 & 3,
					  .timeout_ms = bits & 0x40 ? 1000 : 0,
					  .lifetime_s = 600,
					  .monitor_s = 60 },
			      .user = user,
			      .device = "hf0",
			      .inside = MN_INSIDE_NEVER,
			      .keep_ike = bits & 0x80,
			      .connections = &connection,
			      .connection_n = 1,
			      .open_timeout_ms = 7000,
			      .backoff_ms = 1000,
			      .backoff_max_s = 60 };
	c.client.sa.replay = bits & 0x20 ? REPLAY_NONCE : REPLAY_TIMESTAMP;
	return &c;
}

static void note_request(const struct action *a)
{
	uint32_t link = a->udp.ifindex;

	assert(link <= LINKS);
	asked[link].from = a->udp.local;
	asked[link].to = a->udp.remote;
	asked[link].here = mip_request_parse(a->octets.p, a->octets.n, &asked[link].m) == 0;
	assert(asked[link].here);
}

static void perform(const struct actions *out)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct action *a = &out->v[i];

		if (a->type == ACTION_SEND_DATAGRAM)
			note_request(a);
		else if (a->type == ACTION_PATH_SET)
			path = a->path;
	}
}

static void check(void)
{
	if (path.how == PATH_NEIGHBOUR || (path.how == PATH_TUNNEL && !path.vpn))
		assert(path.ifindex >= 1 && path.ifindex <= LINKS && proven[path.ifindex]);
}

static void on_net(struct mn *mn, struct instant now, uint32_t link, uint8_t what, struct actions *out)
{
	static const char *const names[] = { "hf0", "eth0", "wlan0", "wwan0" };
	struct net_event e = { .type = what % (NET_ROUTE + 1),
			       .ifindex = link ? link : (uint32_t)HF0,
			       .name = names[link],
			       .up = !(what & 0x80),
			       .mac = { 2, 0, 0, 0, 0, (uint8_t)link },
			       .address = address(link),
			       .metric = what >> 3 & 3 };

	if (e.type == NET_LISTING || e.type == NET_LISTED)
		return; /* once, at first */
	if (e.type == NET_LINK_GONE || e.type == NET_ADDRESS_GONE || (e.type == NET_LINK && !e.up))
		proven[link] = false;
	mn_on_net(mn, now, &e, out);
}

static void on_charon(struct mn *mn, struct instant now, uint8_t kind, uint8_t what, struct actions *out)
{
	struct charon_event e = { .type = kind % CHARON_EVENT_COUNT,
				  .sa = what & 7,
				  .new_sa = what >> 3 & 7,
				  .id = { .text = "" },
				  .eap = "",
				  .local = address(what % LINKS + 1u),
				  .address = address(0),
				  .children = 1,
				  .connection = "gw1",
				  .child = "net" };

	e.address.s_addr ^= what >> 6;
	mn_on_charon(mn, now, &e, out);
}

/* To what was asked last, true but for what @bits say. */
static void on_reply(struct mn *mn, struct instant now, uint32_t link, uint8_t bits, struct actions *out)
{
	static const uint8_t codes[] = { 0, 1, 128, 130, 131, 133, 136, 142 };
	const struct mip_reply m = { .code = codes[bits & 7],
				     .lifetime_s = asked[link].m.lifetime_s,
				     .home = addr("10.42.0.17"),
				     .home_agent = asked[link].m.home_agent,
				     .id = asked[link].m.id + ((uint64_t)(bits & 8) << 34) };
	struct datagram d = { .local = asked[link].from,
			      .remote = asked[link].to,
			      .local_port = MIP_PORT,
			      .remote_port = MIP_PORT,
			      .ifindex = bits & 0x40 ? link % LINKS + 1u : link };
	bool tnc = bits & 0x10, valid = !(bits & 0x20);
	uint8_t octets[256];
	struct wr w = wr_init(octets, sizeof(octets));
	struct sa sa = shared;

	if (!asked[link].here)
		return;
	sa.key[0] ^= !valid;
	mip_reply_build(&w, &m);
	if (tnc)
		mip_ext_tnc_build(&w);
	if (bits & 0x80)
		mip_ext_udp_reply_build(&w, 0, false, 20);
	if (sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w) < 0)
		return;
	d.payload = (struct span){ octets, wr_len(&w) };
	if (tnc && valid && m.code <= 1 && d.ifindex == link && link > 0)
		proven[link] = true;
	mn_on_datagram(mn, now, &d, out);
}

static void step(struct mn *mn, struct instant now, const uint8_t p[4], struct span octets, struct actions *out)
{
	uint32_t link = p[2] % (LINKS + 1);
	struct datagram d = { .local = asked[link].from,
			      .remote = asked[link].to,
			      .local_port = MIP_PORT,
			      .remote_port = MIP_PORT,
			      .ifindex = link,
			      .payload = octets };

	switch ((enum step)(p[0] % STEPS)) {
	case STEP_NET:
		on_net(mn, now, link, p[3], out);
		break;
	case STEP_CHARON:
		on_charon(mn, now, p[2], p[3], out);
		break;
	case STEP_REPLY:
		on_reply(mn, now, link, p[3], out);
		break;
	case STEP_RAW:
		mn_on_datagram(mn, now, &d, out);
		break;
	case STEP_FRAME:
		mn_on_frame(mn, now, link, octets, out);
		break;
	case STEP_PASS:
	case STEPS:
		break;
	}
}

static void settle(struct mn *mn, struct instant *now, uint64_t until_us, struct actions *out)
{
	unsigned calls = 0;

	for (;;) {
		perform(out);
		actions_clear(out);
		check();
		if (mn_due(mn) > until_us)
			break;
		if (mn_due(mn) > now->us) {
			now->ntp += ((mn_due(mn) - now->us) << 32) / US_PER_S;
			now->us = mn_due(mn);
			calls = 0;
		}
		assert(calls++ < 100); /* each call gets on */
		mn_on_time(mn, *now, out);
	}
	now->us = until_us;
}

static void boot(struct mn *mn, struct instant now, struct actions *out)
{
	const struct net_event listing = { .type = NET_LISTING, .name = "" },
			       listed = { .type = NET_LISTED, .name = "" };

	mn_on_net(mn, now, &listing, out);
	on_net(mn, now, 0, NET_LINK, out);
	mn_on_net(mn, now, &listed, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct instant now = { .us = US_PER_S, .ntp = UINT64_C(0xe9000000) << 32 };
	uint8_t next = 0;
	const struct random random = { count, &next };
	struct actions out;
	struct mn *mn = NULL;

	if (n == 0 || actions_init(&out) < 0)
		return 0;
	memset(asked, 0, sizeof(asked));
	memset(proven, 0, sizeof(proven));
	path = (struct dp_path){ .how = PATH_BLOCKED };
	if (mn_new(conf(data[0]), &random, &mn) == 0) {
		boot(mn, now, &out);
		for (size_t at = 1; at + 4 <= n;) {
			const uint8_t *p = data + at;
			bool takes = p[0] % STEPS == STEP_RAW || p[0] % STEPS == STEP_FRAME;
			size_t more = takes ? min_size(p[3], n - at - 4) : 0;

			settle(mn, &now, now.us + (uint64_t)p[1] * p[1] * p[1] * US_PER_MS, &out);
			step(mn, now, p, (struct span){ p + 4, more }, &out);
			settle(mn, &now, now.us, &out);
			at += 4 + more;
		}
	}
	mn_freep(&mn);
	actions_done(&out);
	return 0;
}
