/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random walks of a host in client mode, with a real home agent behind networks that lose one datagram in twenty. Two floors
 * of an office, a café that swallows what goes to the home agent, and a network of an enemy, who answers every request with
 * forged and replayed replies and pretends to be a foreign agent. At every moment nothing may leave in clear but by a link in
 * the office whose address the home agent accepted (B-12, B-18, B-27, B-28, B-36); when all is quiet, the home agent has
 * the host where it is (B-23); and 99 of 100 moves take less than half a second in each mode. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "codec/mip_msg.h"
#include "roles/ha/ha.h"
#include "roles/mn/mn.h"

enum { WALKS = 120, STEPS = 30, MOVES = 400, QUIET_S = 70, EVENTS = 512, OLD_MAX = 64, LOSS_PERCENT = 5 };
enum { INSIDE_US = 2 * US_PER_MS, OUTSIDE_US = 20 * US_PER_MS, WORST_GAP_US = 500 * US_PER_MS };
enum { ETH = 1, WLAN, LINKS, HF0 = 9, IPSEC0 = 20 };

enum place { NOTHING, FLOOR1, FLOOR2, CAFE, ENEMY, PLACES };

enum kind { TO_AGENT, TO_HOST, VPN_UP, VPN_MOVED };

static struct event {
	uint64_t due_us; /* 0 = unused */
	enum kind kind;
	uint32_t ifindex, stay;
	struct in_addr from, to;
	uint8_t octets[256];
	size_t n;
} events[EVENTS];

static struct {
	struct mn *mn;
	struct ha *ha;
	struct actions out, ha_out;
	struct instant now;
	enum place at[LINKS];
	uint32_t stays[LINKS], seed, sa;
	bool vpn, lossy;
	uint32_t vpn_link; /* the tunnel leaves by; 0: by none */
	struct dp_path path;
	struct event old[OLD_MAX]; /* what the home agent ever answered */
	size_t old_n;
	const char *wrong;
} w;

static const char *const names[] = { [ETH] = "eth0", [WLAN] = "wlan0" };
static const char *const addresses[PLACES][LINKS] = {
	[NOTHING] = { "", "", "" },
	[FLOOR1] = { "", "10.1.0.11", "10.1.0.12" },
	[FLOOR2] = { "", "10.2.0.11", "10.2.0.12" },
	[CAFE] = { "", "192.168.7.11", "192.168.7.12" },
	[ENEMY] = { "", "10.1.0.11", "10.1.0.12" }, /* it looks like the office */
};
static const char home[] = "10.42.0.17", agent[] = "10.0.0.1", tia[] = "10.99.0.5", user[] = "alice@example.com";

static uint32_t draw(uint32_t below)
{
	w.seed = w.seed * 1664525 + 1013904223;
	return (w.seed >> 8) % below;
}

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)draw(256);
}

static const struct random lots = { fill, NULL };

static struct in_addr addr(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		abort();
	return a;
}

static bool is_office(enum place p)
{
	return p == FLOOR1 || p == FLOOR2;
}

static struct in_addr address_of(uint32_t link)
{
	return addr(addresses[w.at[link]][link]);
}

static void schedule(uint64_t after_us, struct event e)
{
	e.due_us = w.now.us + after_us;
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].due_us == 0) {
			events[i] = e;
			return;
		}
	abort();
}

static bool is_lost(void)
{
	return w.lossy && draw(100) < LOSS_PERCENT;
}

static void fail(const char *why)
{
	if (!w.wrong)
		w.wrong = why;
}

/* What leaves now leaves by a way that may carry it. */
static void check_path(void)
{
	const struct dp_path *p = &w.path;

	if (p->how == PATH_NEIGHBOUR)
		fail("believed in a foreign agent that is none");
	if (p->how != PATH_TUNNEL)
		return;
	if (p->vpn && (!w.vpn || p->tunnel.local.s_addr != addr(tia).s_addr))
		fail("sent to a VPN that is not there");
	if (!p->vpn && (p->ifindex >= LINKS || !is_office(w.at[p->ifindex]) ||
			p->tunnel.local.s_addr != address_of(p->ifindex).s_addr))
		fail("sent in clear where it is not inside");
}

static void forge(const struct event *request)
{
	struct event e = { .kind = TO_HOST,
			   .ifindex = request->ifindex,
			   .stay = request->stay,
			   .from = request->to,
			   .to = request->from };
	const struct agent_adv adv = { .lifetime_s = 30,
				       .is_agent = true,
				       .sequence = (uint16_t)draw(1000),
				       .registration_lifetime_s = 600,
				       .flags = AGENT_ADV_F | AGENT_ADV_T,
				       .care_of_n = 1,
				       .care_of = { addr("10.1.0.3") } };
	const struct ip4 h = {
		.ttl = 1, .protocol = IPPROTO_ICMP, .source = addr("10.1.0.2"), .destination = addr("224.0.0.1")
	};
	static const uint8_t all[6] = { 1, 0, 0x5e, 0, 0, 1 }, mac[6] = { 2, 0xfa };
	struct wr wr = wr_init(e.octets, sizeof(e.octets)), icmp, frame;
	uint8_t message[128], octets[256];
	struct mip_request m;
	struct sa sa = { .spi = 0x1001, .alg = MAC_HMAC_SHA_256, .key_n = 8, .key = "wrong" };

	if (mip_request_parse(request->octets, request->n, &m) < 0)
		return;
	mip_reply_build(
		&wr, &(struct mip_reply){ .lifetime_s = 1800, .home = m.home, .home_agent = m.home_agent, .id = m.id });
	mip_ext_tnc_build(&wr);
	if (draw(2))
		(void)sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &wr);
	e.n = wr_len(&wr);
	schedule(INSIDE_US, e);
	if (w.old_n > 0) {
		struct event replay = w.old[draw((uint32_t)w.old_n)];

		replay.ifindex = request->ifindex;
		replay.stay = request->stay;
		replay.from = request->to;
		replay.to = request->from;
		schedule(INSIDE_US, replay);
	}
	icmp = wr_init(message, sizeof(message));
	agent_adv_build(&icmp, &adv);
	frame = wr_init(octets, sizeof(octets));
	ether_build(&frame, all, mac, ETHER_IP4);
	ip4_build(&frame, &h, wr_len(&icmp));
	wr_bytes(&frame, message, wr_len(&icmp));
	mn_on_frame(w.mn, w.now, request->ifindex, (struct span){ octets, wr_len(&frame) }, &w.out);
}

static void on_request(const struct action *a)
{
	struct event e = { .kind = TO_AGENT, .from = a->udp.local, .to = a->udp.remote, .ifindex = a->udp.ifindex };
	uint32_t link = e.ifindex ? e.ifindex : w.vpn_link;

	if (a->octets.n > sizeof(e.octets) || (e.ifindex == 0 && !w.vpn))
		return;
	memcpy(e.octets, a->octets.p, a->octets.n);
	e.n = a->octets.n;
	e.stay = w.stays[link];
	if (e.ifindex && w.at[link] == ENEMY)
		forge(&e);
	else if (!is_lost() && (e.ifindex ? is_office(w.at[link]) : link != 0))
		schedule(e.ifindex ? INSIDE_US : OUTSIDE_US, e);
}

/* charon looks for a way to its gateway, which is not to be reached from the office. */
static uint32_t way_out(void)
{
	for (uint32_t i = ETH; i < LINKS; i++)
		if (w.at[i] == CAFE || w.at[i] == ENEMY)
			return i;
	return 0;
}

static void on_command(const struct charon_command *c)
{
	const struct event up = { .kind = VPN_UP }, moved = { .kind = VPN_MOVED };

	if (c->type == CHARON_OPEN && !w.vpn)
		schedule(4 * OUTSIDE_US, up);
	else if (c->type == CHARON_ROAM && w.vpn)
		schedule(2 * OUTSIDE_US, moved);
}

static void perform(void)
{
	for (size_t i = 0; i < w.out.n; i++) {
		const struct action *a = &w.out.v[i];

		if (a->type == ACTION_PATH_SET)
			w.path = a->path;
		else if (a->type == ACTION_SEND_DATAGRAM)
			on_request(a);
		else if (a->type == ACTION_CHARON)
			on_command(&a->charon);
		else if (a->type == ACTION_SEND_FRAME && a->octets.p[0] == 2)
			fail("asked a foreign agent that is none");
	}
	actions_clear(&w.out);
	check_path();
}

static void perform_agent(const struct event *request)
{
	for (size_t i = 0; i < w.ha_out.n; i++) {
		const struct action *a = &w.ha_out.v[i];
		struct event e = { .kind = TO_HOST, .ifindex = request->ifindex, .stay = request->stay };

		if (a->type != ACTION_SEND_DATAGRAM || a->octets.n > sizeof(e.octets))
			continue;
		e.from = a->udp.local;
		e.to = a->udp.remote;
		memcpy(e.octets, a->octets.p, a->octets.n);
		e.n = a->octets.n;
		w.old[w.old_n < OLD_MAX ? w.old_n++ : draw(OLD_MAX)] = e;
		if (!is_lost())
			schedule(request->ifindex ? INSIDE_US : OUTSIDE_US, e);
	}
	actions_clear(&w.ha_out);
}

static struct charon_event of_session(enum charon_event_type type)
{
	struct charon_event e = {
		.type = type, .sa = w.sa, .connection = "gw1", .child = "net", .eap = "", .id = { 0, "" }, .why = ""
	};

	if (w.vpn_link)
		e.local = address_of(w.vpn_link);
	return e;
}

static void tell(struct charon_event e)
{
	mn_on_charon(w.mn, w.now, &e, &w.out);
	perform();
}

static void vpn_up(void)
{
	struct charon_event e;

	if (w.vpn || way_out() == 0)
		return;
	w.vpn = true;
	w.vpn_link = way_out();
	w.sa++;
	e = of_session(CHARON_ADDRESS);
	e.address = addr(tia);
	tell(e);
	tell(of_session(CHARON_IKE_UP));
	tell(of_session(CHARON_CHILD_UP));
}

static void vpn_moved(void)
{
	if (!w.vpn || way_out() == 0 || w.vpn_link == way_out())
		return;
	w.vpn_link = way_out();
	tell(of_session(CHARON_IKE_MOVED));
}

static void happen(const struct event *e)
{
	struct datagram d = { .local = e->to,
			      .remote = e->from,
			      .local_port = MIP_PORT,
			      .remote_port = MIP_PORT,
			      .ifindex = e->ifindex ? e->ifindex : (uint32_t)IPSEC0,
			      .payload = { e->octets, e->n } };

	switch (e->kind) {
	case TO_AGENT:
		ha_on_datagram(w.ha, w.now, &d, &w.ha_out);
		perform_agent(e);
		break;
	case TO_HOST:
		if (e->ifindex ? w.stays[e->ifindex] == e->stay : w.vpn && w.vpn_link)
			mn_on_datagram(w.mn, w.now, &d, &w.out);
		perform();
		break;
	case VPN_UP:
		vpn_up();
		break;
	case VPN_MOVED:
		vpn_moved();
		break;
	}
}

static struct event *next_event(void)
{
	struct event *best = NULL;

	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].due_us && (!best || events[i].due_us < best->due_us))
			best = &events[i];
	return best;
}

static void forward_to(uint64_t us)
{
	w.now.ntp += ((us - w.now.us) << 32) / US_PER_S;
	w.now.us = us;
}

static struct in_addr bound_at;

static void note_binding(void *ctx, const struct ha_binding_view *v)
{
	(void)ctx;
	bound_at = v->tunnel.remote;
}

static bool is_whole(void)
{
	bound_at.s_addr = INADDR_ANY;
	ha_each_binding(w.ha, note_binding, NULL);
	return w.path.how == PATH_TUNNEL && w.path.tunnel.local.s_addr == bound_at.s_addr &&
	       (!w.path.vpn || w.vpn_link != 0);
}

/* Until @for_us have passed, or the host is reachable, if @until_whole. Return: how long it took. */
static uint64_t run(uint64_t for_us, bool until_whole)
{
	uint64_t start = w.now.us, end = start + for_us;

	while (!(until_whole && is_whole())) {
		struct event *e = next_event(), copy;
		uint64_t due = mn_due(w.mn) < ha_due(w.ha) ? mn_due(w.mn) : ha_due(w.ha);

		if (e && e->due_us < due)
			due = e->due_us;
		if (due > end)
			break;
		if (due > w.now.us)
			forward_to(due);
		if (e && e->due_us <= w.now.us) {
			copy = *e;
			e->due_us = 0;
			happen(&copy);
		}
		if (mn_due(w.mn) <= w.now.us)
			mn_on_time(w.mn, w.now, &w.out);
		if (ha_due(w.ha) <= w.now.us)
			ha_on_time(w.ha, w.now, &w.ha_out);
		actions_clear(&w.ha_out);
		perform();
	}
	if (!until_whole)
		forward_to(end);
	return w.now.us - start;
}

static void tell_net(enum net_event_type type, uint32_t link, bool up)
{
	struct net_event e = { .type = type, .ifindex = link, .name = "", .up = up, .metric = link * 100 };

	if (type == NET_LINK)
		e.name = link == HF0 ? "hf0" : names[link];
	e.mac[0] = 4;
	if (type == NET_ADDRESS)
		e.address = address_of(link);
	mn_on_net(w.mn, w.now, &e, &w.out);
	perform();
}

static void plug(uint32_t link, enum place at)
{
	if (w.at[link] == at)
		return;
	w.stays[link]++;
	if (w.vpn_link == link)
		w.vpn_link = 0;
	if (w.at[link] != NOTHING) {
		const struct net_event gone = { .type = NET_LINK_GONE, .ifindex = link, .name = "" };

		mn_on_net(w.mn, w.now, &gone, &w.out);
		w.at[link] = NOTHING;
		perform();
	}
	if (at == NOTHING)
		return;
	w.at[link] = at;
	tell_net(NET_LINK, link, true);
	tell_net(NET_ADDRESS, link, true);
	tell_net(NET_ROUTE, link, true);
}

static const struct sa shared = { .spi = 0x1001, .tolerance_s = 7, .key_n = 8, .key = "8 octets" };

static void start(const struct ha_conf *ha_conf, uint32_t seed)
{
	static struct mn_connection connection = { "gw1", "net" };
	static struct mn_conf conf;

	conf = (struct mn_conf){ .mode = MN_MODE_CLIENT,
				 .client = { .home = addr(home),
					     .home_agent = addr(agent),
					     .sa = shared,
					     .foreign_agents = true,
					     .retransmissions = 2,
					     .lifetime_s = 1800,
					     .monitor_s = 60 },
				 .user = (char *)(uintptr_t)user,
				 .device = "hf0",
				 .inside = MN_INSIDE_NEVER,
				 .keep_ike = true,
				 .connections = &connection,
				 .connection_n = 1,
				 .open_timeout_ms = 7000,
				 .backoff_ms = 1000,
				 .backoff_max_s = 60 };
	memset(&w, 0, sizeof(w));
	memset(events, 0, sizeof(events));
	w.seed = seed;
	w.lossy = true;
	w.now = (struct instant){ .us = US_PER_S, .ntp = UINT64_C(0xe9000000) << 32 };
	if (actions_init(&w.out) < 0 || actions_init(&w.ha_out) < 0 || mn_new(&conf, &lots, &w.mn) < 0 ||
	    ha_new(ha_conf, &lots, &w.ha) < 0)
		abort();
	tell_net(NET_LISTING, 0, false);
	tell_net(NET_LINK, HF0, true);
	tell_net(NET_LISTED, 0, false);
	tell(of_session(CHARON_CONNECTED));
	tell(of_session(CHARON_LISTED));
}

static void stop(void)
{
	mn_freep(&w.mn);
	ha_freep(&w.ha);
	actions_done(&w.out);
	actions_done(&w.ha_out);
}

static const char *walk(void)
{
	static const uint32_t pauses_ms[] = { 1, 5, 40, 400, 5000, 90000 };
	struct mn_view v;

	for (unsigned i = 0; i < STEPS && !w.wrong; i++) {
		plug(ETH + draw(LINKS - ETH), (enum place)draw(PLACES));
		run((1 + draw(pauses_ms[draw(ARRAY_SIZE(pauses_ms))])) * US_PER_MS, false);
	}
	if (way_out() == 0 && !is_office(w.at[ETH]) && !is_office(w.at[WLAN]))
		plug(WLAN, CAFE);
	w.lossy = false;
	run(QUIET_S * US_PER_S, false);
	mn_describe(w.mn, &v);
	if (!w.wrong && !is_whole())
		w.wrong = "is not reachable when all is quiet";
	if (!w.wrong && (is_office(w.at[ETH]) || is_office(w.at[WLAN])) && strcmp(v.mode, "c") != 0)
		w.wrong = "does not know that it is inside";
	return w.wrong;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* From place to place by one link, which loses its carrier: @to[0], @to[1] by turns. */
static bool moves_are_fast(const struct ha_conf *conf, const char *mode, const enum place to[2])
{
	static uint64_t gaps[MOVES];
	bool fast;

	start(conf, 1);
	plug(WLAN, CAFE); /* the VPN is there */
	run(5 * US_PER_S, true);
	for (unsigned i = 0; i < MOVES && !w.wrong; i++) {
		plug(WLAN, to[i % 2]);
		gaps[i] = run(20 * US_PER_S, true);
		run((200 + draw(3000)) * US_PER_MS, false);
	}
	qsort(gaps, MOVES, sizeof(gaps[0]), by_size);
	printf("%s: p50 %.1f ms, p99 %.1f ms, worst %.1f ms\n", mode, (double)gaps[MOVES / 2] / US_PER_MS,
	       (double)gaps[MOVES * 99 / 100] / US_PER_MS, (double)gaps[MOVES - 1] / US_PER_MS);
	fast = gaps[MOVES * 99 / 100] <= WORST_GAP_US && !w.wrong;
	stop();
	return fast;
}

int main(int argc, char **argv)
{
	static const enum place floors[2] = { FLOOR1, FLOOR2 }, cafes[2] = { ENEMY, CAFE }, both[2] = { FLOOR1, CAFE };
	struct address_range pool = { addr("10.42.0.10"), addr("10.42.0.20") };
	struct ha_network network = { .name = "office",
				      .prefix = { addr("10.42.0.0"), 24 },
				      .gateway = addr("10.42.0.1"),
				      .pools = &pool,
				      .pool_n = 1 };
	struct ha_association association = { .name = "alice", .nai = (char *)(uintptr_t)user, .sa = shared };
	struct ha_user who = { .nai = (char *)(uintptr_t)user, .home_address = addr(home) };
	struct prefix trusted = { addr("10.0.0.0"), 8 };
	const struct ha_conf conf = { .address = addr(agent),
				      .networks = &network,
				      .network_n = 1,
				      .associations = &association,
				      .association_n = 1,
				      .users = &who,
				      .user_n = 1,
				      .trusted_subnets = &trusted,
				      .trusted_subnet_n = 1,
				      .max_lifetime_s = 1800,
				      .udp_max_lifetime_s = 60,
				      .udp_keepalive_s = 110,
				      .max_bindings = 4,
				      .max_addresses_per_nai = 1,
				      .auth_failure_rate = 10 };
	uint32_t first = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;

	for (uint32_t n = first; n < first + (argc > 1 ? 1 : WALKS); n++) {
		const char *wrong;

		start(&conf, n);
		wrong = walk();
		stop();
		if (wrong) {
			fprintf(stderr, "seed %u: the host %s\n", n, wrong);
			return 1;
		}
	}
	return moves_are_fast(&conf, "c", floors) && moves_are_fast(&conf, "mc", cafes) &&
			       moves_are_fast(&conf, "c to mc and back", both) ?
		       0 :
		       1;
}
