/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random walks of a mobile host: cables, radio, gateways and charon come and go. A small charon and two gateways answer
 * as real ones do, a round trip later. At a network that hands out the home address without being home, the host is
 * never inside. When all is quiet it is where it belongs: inside in the office, else through a tunnel;
 * the home address was there throughout. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "roles/mn/mn.h"

enum { WALKS = 400, STEPS = 60, QUIET_S = 200, RTT_US = 40 * US_PER_MS, PROBE_US = 2500 * US_PER_MS, DEAD_S = 10 };
enum { ETH = 1, WLAN, WWAN, LINKS, HF0 = 9, GATEWAYS = 2, EVENTS = 256 };

/* What a link is plugged into. */
enum place { NOTHING, OFFICE, IMPOSTOR, ELSEWHERE };

struct session {
	uint32_t sa; /* 0 = none */
	int link;
	bool child;
	unsigned dead_s;
};

enum kind { MOVED, SET_UP, CHILD_MADE, DELETED, CHILD_CLOSED, CHARON_BACK };

static struct event {
	uint64_t due_us; /* NEVER = unused */
	enum kind kind;
	int gateway, link;
	uint32_t stay; /* of the link: it must not have been unplugged meanwhile */
} events[EVENTS];

static struct {
	struct mn *mn;
	struct actions out, spare;
	struct instant now;
	uint64_t tick_us;
	enum place at[LINKS];
	uint32_t stays[LINKS], last_sa;
	bool alive[GATEWAYS], charon;
	struct session sessions[GATEWAYS];
	bool home_set;
	unsigned opens;
} w;

static const char *const names[] = { [ETH] = "eth0", [WLAN] = "wlan0", [WWAN] = "wwan0" };
static const char *const connections[GATEWAYS] = { "gw1", "gw2" };
static const uint32_t metrics[] = { [ETH] = 100, [WLAN] = 600, [WWAN] = 700 };

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

static struct in_addr address_at(int link)
{
	static const char *const own[] = { [ETH] = "", [WLAN] = "192.168.7.23", [WWAN] = "100.64.0.2" };
	struct in_addr a = { 0 };

	(void)inet_pton(AF_INET, w.at[link] == ELSEWHERE ? own[link] : "10.42.0.17", &a); /* they are addresses */
	return a;
}

static int best_link(void)
{
	for (int i = ETH; i < LINKS; i++)
		if (w.at[i] != NOTHING)
			return i;
	return 0;
}

static bool reaches(int link, int gateway)
{
	return link != 0 && (w.at[link] == OFFICE || w.at[link] == ELSEWHERE) && w.alive[gateway];
}

static void schedule(uint64_t after_us, enum kind kind, int gateway, int link)
{
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].due_us == NEVER) {
			events[i] = (struct event){ w.now.us + after_us, kind, gateway, link, w.stays[link] };
			return;
		}
	abort();
}

static void cancel(int gateway, enum kind kind)
{
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].kind == kind && (gateway < 0 || events[i].gateway == gateway))
			events[i].due_us = NEVER;
}

static void perform(void);

static void tell(enum charon_event_type type, int gateway, uint32_t sa, bool by_peer)
{
	struct charon_event e = { .type = type,
				  .sa = sa,
				  .request = sa,
				  .eap = "",
				  .id = { .text = "" },
				  .child = "net",
				  .by_peer = by_peer };

	e.connection = gateway < 0 ? "" : connections[gateway];
	if (gateway >= 0 && w.sessions[gateway].link != 0)
		e.local = address_at(w.sessions[gateway].link);
	if (type == CHARON_ADDRESS)
		(void)inet_pton(AF_INET, "10.42.0.17", &e.address); /* it is one */
	mn_on_charon(w.mn, w.now, &e, &w.out);
	perform();
}

static void tell_net(enum net_event_type type, int link, bool up)
{
	struct net_event e = { .type = type, .name = link == HF0 ? "hf0" : link != 0 ? names[link] : "", .up = up };

	e.ifindex = (uint32_t)link;
	if (type == NET_ADDRESS)
		e.address = link == HF0 ? address_at(0) : address_at(link);
	if (type == NET_ROUTE)
		e.metric = metrics[link];
	mn_on_net(w.mn, w.now, &e, &w.out);
	perform();
}

static void drop_session(int gateway, bool by_peer)
{
	uint32_t sa = w.sessions[gateway].sa;

	w.sessions[gateway] = (struct session){ 0 };
	for (enum kind k = MOVED; k <= CHILD_CLOSED; k++)
		cancel(gateway, k);
	if (sa != 0)
		tell(CHARON_IKE_DOWN, gateway, sa, by_peer);
}

/* The gateway whose client it is now: the other one is told by the anchor; and one that sees it at home closes. */
static void child_up(int gateway)
{
	struct session *s = &w.sessions[gateway], *other = &w.sessions[1 - gateway];

	s->child = true;
	if (w.at[s->link] == OFFICE)
		schedule(RTT_US, DELETED, gateway, s->link);
	if (other->child)
		schedule(RTT_US, DELETED, 1 - gateway, other->link);
	tell(CHARON_CHILD_UP, gateway, s->sa, false);
}

static void moved(const struct event *e)
{
	struct session *s = &w.sessions[e->gateway];

	if (e->stay != w.stays[e->link] || e->link != best_link())
		return; /* the next search is under way */
	if (!reaches(e->link, e->gateway)) {
		schedule(PROBE_US, MOVED, e->gateway, e->link);
		return;
	}
	s->link = e->link;
	if (s->child && w.at[s->link] == OFFICE)
		schedule(RTT_US, DELETED, e->gateway, s->link);
	tell(CHARON_IKE_MOVED, e->gateway, s->sa, false);
}

static void happen(const struct event *e)
{
	struct session *s = &w.sessions[e->gateway];
	bool answered = e->stay == w.stays[e->link] && reaches(e->link, e->gateway);

	switch (e->kind) {
	case MOVED:
		moved(e);
		break;
	case SET_UP:
		if (!answered || s->sa != 0)
			break;
		*s = (struct session){ .sa = ++w.last_sa, .link = e->link };
		tell(CHARON_ADDRESS, e->gateway, s->sa, false);
		tell(CHARON_IKE_UP, e->gateway, s->sa, false);
		child_up(e->gateway);
		break;
	case CHILD_MADE:
		if (answered && s->sa != 0 && !s->child)
			child_up(e->gateway);
		break;
	case DELETED:
	case CHILD_CLOSED:
		if (!answered || !s->child)
			break;
		s->child = false;
		tell(CHARON_CHILD_DOWN, e->gateway, s->sa, e->kind == DELETED);
		break;
	case CHARON_BACK:
		w.charon = true;
		tell(CHARON_CONNECTED, -1, 0, false);
		tell(CHARON_LISTED, -1, 0, false);
		break;
	}
}

static void roam(void)
{
	int best = best_link();

	for (int g = 0; g < GATEWAYS; g++) {
		if (w.sessions[g].sa == 0 || best == 0 || w.sessions[g].link == best)
			continue;
		cancel(g, MOVED);
		schedule(RTT_US, MOVED, g, best);
	}
}

static void obey(const struct charon_command *c)
{
	int g = strcmp(c->connection, connections[1]) == 0 || (c->sa != 0 && c->sa == w.sessions[1].sa);

	switch (c->type) {
	case CHARON_ROAM:
		roam();
		break;
	case CHARON_OPEN:
		w.opens++;
		if (w.sessions[g].sa == 0)
			schedule(2 * RTT_US, SET_UP, g, best_link());
		else
			schedule(RTT_US, CHILD_MADE, g, w.sessions[g].link);
		break;
	case CHARON_CLOSE_IKE:
		drop_session(g, false);
		break;
	case CHARON_CLOSE_CHILD:
		schedule(RTT_US, CHILD_CLOSED, g, w.sessions[g].link);
		break;
	case CHARON_ANSWER:
	case CHARON_COMMAND_COUNT:
		break;
	}
}

/* What commands lead to may be told at once, and lead to more. */
static void perform(void)
{
	static bool busy;

	if (busy)
		return; /* the loop below comes to it */
	busy = true;
	while (w.out.n > 0) {
		struct actions mine = w.out;

		w.out = w.spare;
		for (size_t i = 0; i < mine.n; i++) {
			const struct action *a = &mine.v[i];

			if (a->type == ACTION_CHARON && w.charon)
				obey(&a->charon);
			else if (a->type == ACTION_HOME_SET)
				w.home_set = true;
			else if (a->type == ACTION_HOME_DEL)
				abort(); /* sockets would die */
		}
		actions_clear(&mine);
		w.spare = mine;
	}
	busy = false;
}

static void plug(int link, enum place place)
{
	if (w.at[link] == place)
		return;
	if (w.at[link] != NOTHING) {
		w.at[link] = NOTHING;
		w.stays[link]++;
		tell_net(NET_LINK, link, false);
	}
	if (place == NOTHING)
		return;
	w.at[link] = place;
	tell_net(NET_LINK, link, true);
	tell_net(NET_ADDRESS, link, true);
	tell_net(NET_ROUTE, link, true);
}

/* Dead peers are noticed, in the end. */
static void tick(void)
{
	w.tick_us += US_PER_S;
	for (int g = 0; g < GATEWAYS; g++) {
		struct session *s = &w.sessions[g];

		s->dead_s = s->sa != 0 && !reaches(s->link, g) ? s->dead_s + 1 : 0;
		if (s->dead_s >= DEAD_S)
			drop_session(g, false);
	}
}

static bool is_inside(void)
{
	struct mn_view v;

	mn_describe(w.mn, &v);
	return strcmp(v.state, "inside") == 0;
}

static void run(uint64_t us)
{
	uint64_t end = w.now.us + us;

	for (;;) {
		uint64_t next = mn_due(w.mn) < w.tick_us ? mn_due(w.mn) : w.tick_us;
		struct event *e = NULL;

		for (size_t i = 0; i < EVENTS; i++)
			if (events[i].due_us != NEVER && events[i].due_us <= next) {
				e = &events[i];
				next = e->due_us;
			}
		if (next > end)
			break;
		if (next > w.now.us)
			w.now.us = next;
		if (e) {
			struct event now = *e;

			e->due_us = NEVER;
			happen(&now);
		} else if (next == w.tick_us) {
			tick();
		} else {
			mn_on_time(w.mn, w.now, &w.out);
			perform();
		}
	}
	w.now.us = end;
}

static void kill_charon(void)
{
	for (size_t i = 0; i < EVENTS; i++)
		events[i].due_us = NEVER;
	memset(w.sessions, 0, sizeof(w.sessions));
	w.charon = false;
	tell(CHARON_GONE, -1, 0, false);
	schedule(US_PER_S, CHARON_BACK, 0, 0);
}

/* In proxy mode nothing is drawn by lot. */
static void no_lot(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	(void)ret;
	(void)n;
	abort();
}

static const struct random random_source = { no_lot, NULL };

static void start(const struct mn_conf *conf)
{
	memset(&w, 0, sizeof(w));
	for (size_t i = 0; i < EVENTS; i++)
		events[i].due_us = NEVER;
	w.now.us = w.tick_us = US_PER_S;
	w.alive[0] = w.alive[1] = w.charon = true;
	if (actions_init(&w.out) < 0 || actions_init(&w.spare) < 0 || mn_new(conf, &random_source, &w.mn) < 0)
		abort();
	tell_net(NET_LISTING, 0, false);
	tell_net(NET_LINK, HF0, true);
	tell_net(NET_LISTED, 0, false);
	tell(CHARON_CONNECTED, -1, 0, false);
	tell(CHARON_LISTED, -1, 0, false);
}

/* @impostor: the network at ETH is none of ours, though it looks so. Return: false when the host was fooled. */
static bool walk(uint32_t *seed, bool impostor)
{
	static const uint32_t pauses_ms[] = { 3, 30, 300, 3000, 20000 };
	enum place eth = impostor ? IMPOSTOR : OFFICE;

	for (int i = 0; i < STEPS; i++) {
		switch (draw(seed, 8)) {
		case 0:
		case 1:
			plug(ETH, draw(seed, 2) ? eth : NOTHING);
			break;
		case 2:
		case 3:
			plug(WLAN, draw(seed, 2) ? ELSEWHERE : NOTHING);
			break;
		case 4:
		case 5:
			plug(WWAN, draw(seed, 4) ? ELSEWHERE : NOTHING);
			break;
		case 6:
			w.alive[draw(seed, 2)] = draw(seed, 2);
			break;
		default:
			if (draw(seed, 4) == 0 && w.charon)
				kill_charon();
			break;
		}
		run(draw(seed, pauses_ms[draw(seed, ARRAY_SIZE(pauses_ms))]) * US_PER_MS);
		if (impostor && is_inside())
			return false;
	}
	return true;
}

static const char *judge(bool impostor, unsigned opens)
{
	struct mn_view v;

	mn_describe(w.mn, &v);
	if (w.home_set && v.home.s_addr == INADDR_ANY)
		return "lost its home address";
	if (opens > 40)
		return "keeps its gateways busy";
	if (!impostor && w.at[ETH] == OFFICE)
		return is_inside() ? NULL : "is not inside in the office";
	return strcmp(v.state, "outside") == 0 ? NULL : "has no tunnel outside";
}

int main(int argc, char **argv)
{
	static struct mn_connection both[GATEWAYS] = { { "gw1", "net" }, { "gw2", "net" } };
	static char user[] = "alice@example.com";
	const struct mn_conf conf = { .user = user,
				      .device = "hf0",
				      .guard = true,
				      .keep_ike = true,
				      .connections = both,
				      .connection_n = GATEWAYS,
				      .open_timeout_ms = 7000,
				      .backoff_ms = 1000,
				      .backoff_max_s = 60,
				      .holdoff_ms = 2000 };
	uint32_t first = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;

	for (uint32_t n = first; n < first + (argc > 1 ? 1 : WALKS); n++) {
		bool impostor = n % 4 == 0;
		uint32_t seed = n;
		const char *wrong;
		unsigned opens;

		start(&conf);
		wrong = walk(&seed, impostor) ? NULL : "was inside at an impostor's";
		w.alive[0] = w.alive[1] = true;
		plug(WWAN, ELSEWHERE);
		plug(ETH, impostor ? NOTHING : w.at[ETH]);
		opens = w.opens;
		run(QUIET_S * US_PER_S);
		if (!wrong)
			wrong = judge(impostor, w.opens - opens);
		mn_freep(&w.mn);
		actions_done(&w.out);
		actions_done(&w.spare);
		if (wrong) {
			fprintf(stderr, "seed %u: the host %s\n", n, wrong);
			return 1;
		}
	}
	return 0;
}
