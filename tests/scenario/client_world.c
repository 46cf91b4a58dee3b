/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "codec/mip_msg.h"
#include "client_parts.h"

enum { EVENTS = 512, OLD_MAX = 64, OCTETS = 400, HF0 = 9, CORE = 6, IPSEC0 = 20 };
/* charon as `holdfast profile --helper` has it, and plugin/probe.c: the first repetition, then each half as late again. */
enum { IKE_REPEAT_US = 100 * US_PER_MS, CRYPTO_US = 15 * US_PER_MS };

enum kind { TO_HOME_AGENT, TO_HOST, TO_AGENT, FRAME_TO_AGENT, FRAME_TO_HOST, IKE_TO_GATEWAY, IKE_TO_HOST, IKE_REPEAT };

static struct event {
	uint64_t due_us; /* 0 = unused */
	enum kind kind;
	uint32_t ifindex, stay; /* of the host's; 0: through the VPN, or not by the host */
	struct in_addr from, to;
	uint32_t exchange; /* IKE_... */
	uint8_t octets[OCTETS];
	size_t n;
} events[EVENTS];

/* What charon and the gateway say to each other, one exchange after the other. */
enum step { STEP_NONE, STEP_INIT, STEP_AUTH, STEP_PROBE, STEP_UPDATE };

struct world world;

static struct {
	struct actions mn_out, ha_out, fa_out;
	uint32_t stays[LINKS], seed, sa;
	struct dp_path path;
	struct event old[OLD_MAX]; /* what the home agent ever answered */
	size_t old_n;
	bool vpn;
	uint32_t vpn_link;         /* the tunnel leaves by; 0: by none */
	struct in_addr vpn_remote; /* the gateway sends to */
	enum step step;
	uint32_t exchange, ike_link; /* the last one, and the link it is made by */
	uint64_t repeat_us;
} w;

static const char *const names[] = { [ETH] = "eth0", [WLAN] = "wlan0" };

uint32_t world_draw(uint32_t below)
{
	w.seed = w.seed * 1664525 + 1013904223;
	return (w.seed >> 8) % below;
}

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)world_draw(256);
}

static const struct random lots = { fill, NULL };

static struct in_addr address_of(uint32_t link)
{
	return addr(place_addresses[world.at[link]][link]);
}

static void schedule(uint64_t after_us, struct event e)
{
	e.due_us = world.now.us + after_us;
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].due_us == 0) {
			events[i] = e;
			return;
		}
	abort();
}

static void give(uint64_t after_us, const struct event *e)
{
	if (!world.lossy || world_draw(100) >= LOSS_PERCENT)
		schedule(after_us, *e);
}

static bool is_there(const struct event *e)
{
	return w.stays[e->ifindex] == e->stay;
}

static void fail(const char *why)
{
	if (!world.wrong)
		world.wrong = why;
}

static void take(struct event *e, const struct action *a)
{
	if (a->octets.n > sizeof(e->octets))
		abort();
	memcpy(e->octets, a->octets.p, a->octets.n);
	e->n = a->octets.n;
}

/* What leaves now leaves by a way that may carry it. */
static void check_path(void)
{
	const struct dp_path *p = &w.path;
	enum place at = p->ifindex < LINKS ? world.at[p->ifindex] : NOTHING;

	if (p->how == PATH_NEIGHBOUR && (at != AGENT || memcmp(p->mac, agent_mac, sizeof(agent_mac)) != 0))
		fail("believed in a foreign agent that is none");
	if (p->how != PATH_TUNNEL)
		return;
	if (p->vpn && (!w.vpn || p->tunnel.local.s_addr != addr(CLIENT_TIA).s_addr))
		fail("sent to a VPN that is not there");
	if (!p->vpn && (!place_is_office(at) || p->tunnel.local.s_addr != address_of(p->ifindex).s_addr))
		fail("sent in clear where it is not inside");
}

/* The enemy's answers. */
static void forge(const struct event *request)
{
	struct event e = { .kind = TO_HOST, .ifindex = request->ifindex, .stay = request->stay };
	uint8_t octets[OCTETS];
	struct wr reply = wr_init(e.octets, sizeof(e.octets)), frame = wr_init(octets, sizeof(octets));

	e.from = request->to;
	e.to = request->from;
	if (enemy_reply((struct span){ request->octets, request->n }, world_draw(2), &reply) < 0)
		return;
	e.n = wr_len(&reply);
	schedule(2 * LINK_US, e);
	if (w.old_n > 0) {
		struct event replay = w.old[world_draw((uint32_t)w.old_n)];

		memcpy(e.octets, replay.octets, sizeof(e.octets));
		e.n = replay.n;
		schedule(2 * LINK_US, e);
	}
	enemy_advertisement((uint16_t)world_draw(1000), &frame);
	mn_on_frame(world.mn, world.now, request->ifindex, (struct span){ octets, wr_len(&frame) }, &w.mn_out);
}

static void on_request(const struct action *a)
{
	struct event e = {
		.kind = TO_HOME_AGENT, .from = a->udp.local, .to = a->udp.remote, .ifindex = a->udp.ifindex
	};
	uint32_t link = e.ifindex ? e.ifindex : w.vpn_link;

	take(&e, a);
	if (link == 0 || (e.ifindex == 0 && !w.vpn))
		return;
	e.stay = w.stays[e.ifindex];
	if (e.ifindex && world.at[link] == ENEMY)
		forge(&e);
	else if (e.ifindex == 0)
		give(OUTSIDE_US, &e);
	else if (place_is_office(world.at[link]) || is_heard_from(link))
		give(LINK_US + CORE_US, &e);
}

static void on_frame(const struct action *a)
{
	struct event e = { .kind = FRAME_TO_AGENT, .ifindex = a->ifindex, .stay = w.stays[a->ifindex] };

	take(&e, a);
	if (e.octets[0] == ENEMY_MAC)
		fail("asked a foreign agent that is none");
	if (world.at[a->ifindex] == AGENT)
		give(LINK_US, &e);
}

/* A way to the gateway, which is not to be reached from the office. */
static uint32_t way_out(void)
{
	for (uint32_t i = ETH; i < LINKS; i++)
		if (place_is_outside(world.at[i]))
			return i;
	return 0;
}

static void ike_send(void)
{
	struct event e = {
		.kind = IKE_TO_GATEWAY, .ifindex = w.ike_link, .stay = w.stays[w.ike_link], .exchange = w.exchange
	};

	give(OUTSIDE_US, &e);
	e.kind = IKE_REPEAT;
	schedule(w.repeat_us, e);
	w.repeat_us += w.repeat_us / 2;
}

static void ike_start(enum step step)
{
	w.step = way_out() == 0 ? STEP_NONE : step;
	w.exchange++;
	w.ike_link = way_out();
	w.repeat_us = IKE_REPEAT_US;
	if (w.step != STEP_NONE)
		ike_send();
}

static void on_command(const struct charon_command *c)
{
	if (c->type == CHARON_OPEN && !w.vpn)
		ike_start(STEP_INIT);
	else if (c->type == CHARON_ROAM && w.vpn && (w.vpn_link == 0 || w.vpn_link != way_out()))
		ike_start(STEP_PROBE);
}

static void perform(void)
{
	for (size_t i = 0; i < w.mn_out.n; i++) {
		const struct action *a = &w.mn_out.v[i];

		if (a->type == ACTION_PATH_SET)
			w.path = a->path;
		else if (a->type == ACTION_SEND_DATAGRAM)
			on_request(a);
		else if (a->type == ACTION_SEND_FRAME)
			on_frame(a);
		else if (a->type == ACTION_CHARON)
			on_command(&a->charon);
	}
	actions_clear(&w.mn_out);
	check_path();
}

/* @request: what it answers to, or NULL. */
static void perform_home_agent(const struct event *request)
{
	for (size_t i = 0; i < w.ha_out.n; i++) {
		const struct action *a = &w.ha_out.v[i];
		struct event e = { .kind = TO_HOST };

		if (a->type != ACTION_SEND_DATAGRAM)
			continue;
		e.from = a->udp.local;
		e.to = a->udp.remote;
		take(&e, a);
		if (e.to.s_addr == addr(AGENT_CARE_OF).s_addr) {
			e.kind = TO_AGENT;
			give(CORE_US, &e);
			continue;
		}
		if (e.to.s_addr != addr(CLIENT_TIA).s_addr) {
			if (!request || world.at[request->ifindex] == ONE_WAY)
				continue;
			e.ifindex = request->ifindex;
			e.stay = request->stay;
		}
		w.old[w.old_n < OLD_MAX ? w.old_n++ : world_draw(OLD_MAX)] = e;
		give(e.ifindex ? LINK_US + CORE_US : OUTSIDE_US, &e);
	}
	actions_clear(&w.ha_out);
}

static void perform_agent(void)
{
	for (size_t i = 0; i < w.fa_out.n; i++) {
		const struct action *a = &w.fa_out.v[i];
		struct event e = { .kind = TO_HOME_AGENT };

		if (a->type == ACTION_SEND_DATAGRAM) {
			e.from = a->udp.local;
			e.to = a->udp.remote;
			take(&e, a);
			give(CORE_US, &e);
		} else if (a->type == ACTION_SEND_FRAME) {
			e.kind = FRAME_TO_HOST;
			take(&e, a);
			for (e.ifindex = ETH; e.ifindex < LINKS; e.ifindex++) {
				e.stay = w.stays[e.ifindex];
				if (world.at[e.ifindex] == AGENT && ((e.octets[0] & 1) || e.octets[5] == e.ifindex))
					give(LINK_US, &e);
			}
		}
	}
	actions_clear(&w.fa_out);
}

static void tell(enum charon_event_type type)
{
	struct charon_event e = {
		.type = type, .sa = w.sa, .connection = "gw1", .child = "net", .eap = "", .id = { 0, "" }, .why = ""
	};

	if (w.vpn_link)
		e.local = address_of(w.vpn_link);
	if (type == CHARON_ADDRESS)
		e.address = addr(CLIENT_TIA);
	mn_on_charon(world.mn, world.now, &e, &w.mn_out);
	perform();
}

static void vpn_up(void)
{
	w.vpn = true;
	w.vpn_link = w.ike_link;
	w.sa++;
	w.step = STEP_NONE;
	tell(CHARON_ADDRESS);
	tell(CHARON_IKE_UP);
	tell(CHARON_CHILD_UP);
}

void world_end_vpn(void)
{
	if (!w.vpn)
		return;
	w.vpn = false;
	w.vpn_link = 0;
	w.step = STEP_NONE;
	tell(CHARON_CHILD_DOWN);
	tell(CHARON_IKE_DOWN);
}

static void at_gateway(const struct event *request)
{
	struct event e = *request;

	if (w.step == STEP_AUTH || w.step == STEP_UPDATE)
		w.vpn_remote = address_of(e.ifindex);
	e.kind = IKE_TO_HOST;
	give(OUTSIDE_US + (w.step == STEP_AUTH ? CRYPTO_US : 0), &e);
}

static void ike_answered(void)
{
	switch (w.step) {
	case STEP_INIT:
		ike_start(STEP_AUTH);
		break;
	case STEP_AUTH:
		vpn_up();
		break;
	case STEP_PROBE:
		w.vpn_link = w.ike_link;
		ike_start(STEP_UPDATE);
		tell(CHARON_IKE_MOVED);
		break;
	case STEP_UPDATE:
		w.step = STEP_NONE;
		break;
	case STEP_NONE:
		break;
	}
}

static void on_ike(const struct event *e)
{
	if (e->exchange != w.exchange || w.step == STEP_NONE || !is_there(e))
		return;
	if (e->kind == IKE_TO_GATEWAY)
		at_gateway(e);
	else if (e->kind == IKE_TO_HOST)
		ike_answered();
	else
		ike_send();
}

static void at_host(const struct event *e, struct in_addr from, struct in_addr to, struct span payload)
{
	const struct datagram d = { .local = to,
				    .remote = from,
				    .local_port = MIP_PORT,
				    .remote_port = MIP_PORT,
				    .ifindex = e->ifindex ? e->ifindex : (uint32_t)IPSEC0,
				    .payload = payload };

	mn_on_datagram(world.mn, world.now, &d, &w.mn_out);
}

static void frame_at_host(const struct event *e)
{
	struct ether frame;
	struct udp4 udp;
	struct ip4 ip;

	if (ether_parse(e->octets, e->n, &frame) < 0 || ip4_parse(frame.payload.p, frame.payload.n, &ip) < 0)
		abort();
	if (udp4_parse(&ip, &udp) == 0)
		at_host(e, ip.source, ip.destination, udp.payload);
	else
		mn_on_frame(world.mn, world.now, e->ifindex, (struct span){ e->octets, e->n }, &w.mn_out);
}

static bool is_vpn_joined(void)
{
	return w.vpn && w.vpn_link && w.vpn_remote.s_addr == address_of(w.vpn_link).s_addr;
}

static void happen(const struct event *e)
{
	const struct datagram d = { .local = e->to,
				    .remote = e->from,
				    .local_port = MIP_PORT,
				    .remote_port = MIP_PORT,
				    .ifindex = CORE,
				    .payload = { e->octets, e->n } };

	switch (e->kind) {
	case TO_HOME_AGENT:
		ha_on_datagram(world.ha, world.now, &d, &w.ha_out);
		perform_home_agent(e);
		break;
	case TO_HOST:
		if (e->ifindex ? is_there(e) : is_vpn_joined())
			at_host(e, e->from, e->to, d.payload);
		break;
	case TO_AGENT:
		fa_on_datagram(world.fa, world.now, &d, &w.fa_out);
		break;
	case FRAME_TO_AGENT:
		fa_on_frame(world.fa, world.now, ACCESS, d.payload, &w.fa_out);
		break;
	case FRAME_TO_HOST:
		if (is_there(e))
			frame_at_host(e);
		break;
	case IKE_TO_GATEWAY:
	case IKE_TO_HOST:
	case IKE_REPEAT:
		on_ike(e);
		break;
	}
	perform_agent();
	perform();
}

static struct event *next_event(void)
{
	struct event *best = NULL;

	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].due_us && (!best || events[i].due_us < best->due_us))
			best = &events[i];
	return best;
}

static struct in_addr bound_at;
static bool visits;

static void note_binding(void *ctx, const struct ha_binding_view *v)
{
	(void)ctx;
	bound_at = v->tunnel.remote;
}

static void note_visitor(void *ctx, const struct fa_visitor_view *v)
{
	(void)ctx;
	visits = w.path.ifindex < LINKS && v->mac[5] == w.path.ifindex;
}

enum mode world_mode(void)
{
	bound_at.s_addr = INADDR_ANY;
	visits = false;
	ha_each_binding(world.ha, note_binding, NULL);
	fa_each_visitor(world.fa, note_visitor, NULL);
	if (w.path.how == PATH_NEIGHBOUR)
		return visits && bound_at.s_addr == addr(AGENT_CARE_OF).s_addr ? MODE_F : MODE_NONE;
	if (w.path.how != PATH_TUNNEL || w.path.tunnel.local.s_addr != bound_at.s_addr)
		return MODE_NONE;
	if (w.path.vpn)
		return is_vpn_joined() ? MODE_MC : MODE_NONE;
	return MODE_C;
}

static void forward_to(uint64_t us, enum mode mode)
{
	if (mode == MODE_NONE)
		world.severed_us += us - world.now.us;
	world.now.ntp += ((us - world.now.us) << 32) / US_PER_S;
	world.now.us = us;
}

static uint64_t next_due(const struct event *e)
{
	uint64_t due = mn_due(world.mn);

	due = ha_due(world.ha) < due ? ha_due(world.ha) : due;
	due = fa_due(world.fa) < due ? fa_due(world.fa) : due;
	return e && e->due_us < due ? e->due_us : due;
}

static void work(struct event *e)
{
	struct event copy;

	if (e && e->due_us <= world.now.us) {
		copy = *e;
		e->due_us = 0;
		happen(&copy);
	}
	if (mn_due(world.mn) <= world.now.us)
		mn_on_time(world.mn, world.now, &w.mn_out);
	if (ha_due(world.ha) <= world.now.us)
		ha_on_time(world.ha, world.now, &w.ha_out);
	if (fa_due(world.fa) <= world.now.us)
		fa_on_time(world.fa, world.now, &w.fa_out);
	perform_home_agent(NULL);
	perform_agent();
	perform();
}

void world_run(uint64_t for_us, enum mode wanted)
{
	uint64_t end = world.now.us + for_us;

	for (;;) {
		enum mode mode = world_mode();
		struct event *e = next_event();
		uint64_t due = next_due(e);

		if (wanted != MODE_NONE && mode == wanted)
			return;
		if (due > end) {
			forward_to(end, mode);
			return;
		}
		if (due > world.now.us)
			forward_to(due, mode);
		work(e);
	}
}

static void tell_net(enum net_event_type type, uint32_t link, bool up)
{
	struct net_event e = { .type = type, .ifindex = link, .name = "", .up = up, .metric = link * 100 };

	if (type == NET_LINK)
		e.name = link == HF0 ? "hf0" : names[link];
	e.mac[0] = 4;
	e.mac[5] = (uint8_t)link;
	if (type == NET_ADDRESS)
		e.address = address_of(link);
	mn_on_net(world.mn, world.now, &e, &w.mn_out);
	perform();
}

void world_plug(uint32_t link, enum place at)
{
	if (world.at[link] == at)
		return;
	w.stays[link]++;
	if (w.vpn_link == link)
		w.vpn_link = 0;
	if (world.at[link] != NOTHING) {
		const struct net_event gone = { .type = NET_LINK_GONE, .ifindex = link, .name = "" };

		mn_on_net(world.mn, world.now, &gone, &w.mn_out);
		world.at[link] = NOTHING;
		perform();
	}
	if (at == NOTHING)
		return;
	world.at[link] = at;
	tell_net(NET_LINK, link, true);
	tell_net(NET_ADDRESS, link, true);
	tell_net(NET_ROUTE, link, true);
}

void world_start(uint32_t seed)
{
	memset(&w, 0, sizeof(w));
	memset(&world, 0, sizeof(world));
	memset(events, 0, sizeof(events));
	w.seed = seed;
	world.lossy = true;
	world.now = (struct instant){ .us = US_PER_S, .ntp = UINT64_C(0xe9000000) << 32 };
	if (actions_init(&w.mn_out) < 0 || actions_init(&w.ha_out) < 0 || actions_init(&w.fa_out) < 0 ||
	    make_host(&lots, &world.mn) < 0 || make_home_agent(&lots, &world.ha) < 0 ||
	    make_agent(&lots, &world.fa) < 0)
		abort();
	tell_net(NET_LISTING, 0, false);
	tell_net(NET_LINK, HF0, true);
	tell_net(NET_LISTED, 0, false);
	tell(CHARON_CONNECTED);
	tell(CHARON_LISTED);
}

void world_stop(void)
{
	mn_freep(&world.mn);
	ha_freep(&world.ha);
	fa_freep(&world.fa);
	actions_done(&w.mn_out);
	actions_done(&w.ha_out);
	actions_done(&w.fa_out);
}
