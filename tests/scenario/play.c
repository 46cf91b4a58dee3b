/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plays a scenario script in virtual time. One statement per line, `#` begins a comment:
 *   agents N | homes N | delay TIME
 *   lose|duplicate request|reply|revocation|ack N|all          counted from the start
 *   late request|reply|revocation|ack N TIME
 *   lose|duplicate|late ask|forward|reply-of-aaa|tell ...      RADIUS: to the agent, to the server, and back
 *   lose|duplicate|late key-ask|key-reply ...              of an anchor
 *   clock NODE SECONDS | closed (ports are, until AAA has let in) | rounds N (of a login) | session SECONDS
 *   keys (of users are AAA's) | key-life SECONDS
 *   at TIME attach STATION N | detach STATION N | hold STATION N | unplug N | kick STATION | die NODE | live NODE |
 *           restart NODE | number STATION N SEQUENCE
 *   at TIME vpn STATION N connect|disconnect|lost|child|nochild|outside|inside|rekey|reauth|data|stream|deaf
 *   at TIME charon N die|live
 *   at TIME login STATION N | logoff STATION N CAUSE | latestop STATION N (of its session before) | deny STATION |
 *           newkey STATION | nokey STATION | prohibit|permit (the anchor does) | die|live|restart aaa|aaa2
 *   at TIME expect binding STATION N [HOME] (0: none) | served STATION N | unserved STATION N | number STATION SEQUENCE |
 *           accepted STATION N | unaccepted STATION N (by the anchor, from that agent) | counter NODE NAME VALUE |
 *           tunnelled STATION N | untunnelled STATION N | state STATION N STATE | tunnel STATION N
 *           none|asking|child|nochild | refused STATION TIMES | changed STATION TIMES | waited STATION MIN MAX (for its
 *           address at the last IKE_AUTH) | port STATION N closed|asking|open|refused|silent | accepts STATION N TIMES |
 *           asked aaa|aaa2 TIMES | stops aaa|aaa2 TIMES
 * Times are like 5ms, 2s. `play -v FILE` prints the timeline. */
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "world.h"

enum { WORDS = 8 };

static struct world world;
static const char *file;
static int line_number;

static _Noreturn void fail(const char *what, const char *word)
{
	fprintf(stderr, "%s:%d: %s%s%s\n", file, line_number, what, word ? ": " : "", word ? word : "");
	exit(1);
}

static uint64_t time_of(const char *text)
{
	char *unit;
	double v = strtod(text, &unit);

	if (strcmp(unit, "ms") == 0)
		return (uint64_t)(v * (double)US_PER_MS);
	if (strcmp(unit, "s") == 0)
		return (uint64_t)(v * (double)US_PER_S);
	fail("no time", text);
}

static unsigned type_of(const char *text)
{
	if (strcmp(text, "request") == 0)
		return MIP_TYPE_REQUEST;
	if (strcmp(text, "reply") == 0)
		return MIP_TYPE_REPLY;
	if (strcmp(text, "revocation") == 0)
		return MIP_TYPE_REVOCATION;
	if (strcmp(text, "ack") == 0)
		return MIP_TYPE_REVOCATION_ACK;
	if (strcmp(text, "ask") == 0)
		return RADIUS_WAY_ASK;
	if (strcmp(text, "forward") == 0)
		return RADIUS_WAY_FORWARD;
	if (strcmp(text, "reply-of-aaa") == 0)
		return RADIUS_WAY_REPLY;
	if (strcmp(text, "tell") == 0)
		return RADIUS_WAY_TELL;
	if (strcmp(text, "key-ask") == 0)
		return KEY_WAY_ASK;
	if (strcmp(text, "key-reply") == 0)
		return KEY_WAY_REPLY;
	fail("no message", text);
}

static size_t node_of(const char *name)
{
	size_t n = world_node(&world, name);

	if (n == SIZE_MAX)
		fail("no node", name);
	return n;
}

static void add_fault(enum fault_kind kind, char **w)
{
	struct fault *f = &world.faults[world.fault_n++];

	if (world.fault_n > FAULTS_MAX)
		fail("too many faults", NULL);
	f->kind = kind;
	f->type = type_of(w[1]);
	f->nth = strcmp(w[2], "all") == 0 ? ALL : (unsigned)atoi(w[2]);
	f->extra_us = kind == FAULT_LATE ? time_of(w[3]) : 0;
}

static void expect_number(const char *what, unsigned long long value, const char *want)
{
	char got[32];

	(void)snprintf(got, sizeof(got), "%llu", value);
	if (strcmp(got, want) != 0)
		fail(what, got);
}

static const char *tunnel_state(const struct world_sa *sa)
{
	if (!sa)
		return "none";
	if (!sa->up)
		return "asking";
	return sa->children > 0 ? "child" : "nochild";
}

static bool expect_radius(char **w)
{
	static const char *const states[] = { "closed", "asking", "open", "refused", "silent" };
	const struct radius_port_world *port = NULL;
	size_t server = world_aaa(w[1]);

	if (strcmp(w[0], "port") == 0 || strcmp(w[0], "accepts") == 0)
		port = world_port(&world, world_station(w[1]), (size_t)atoi(w[2]));
	if (port && w[0][0] == 'p') {
		if (strcmp(states[port->state], w[3]) != 0)
			fail("the port is", states[port->state]);
	} else if (port) {
		expect_number("Accepts", port->accepted, w[3]);
	} else if (strcmp(w[0], "asked") == 0 && server != SIZE_MAX) {
		expect_number("times asked", world.radius.servers[server].requests, w[2]);
	} else if (strcmp(w[0], "stops") == 0 && server != SIZE_MAX) {
		expect_number("Stops", world.radius.servers[server].stops, w[2]);
	} else {
		return false;
	}
	return true;
}

static void expect_vpn(char **w)
{
	const struct vpn_world *v = &world.vpn;
	size_t station = world_station(w[1]), agent = (size_t)strtoul(w[2] ? w[2] : "0", NULL, 10);

	if (strcmp(w[0], "tunnelled") == 0 || strcmp(w[0], "untunnelled") == 0) {
		if (world_is_tunnelled(&world, station, agent) != (w[0][0] == 't'))
			fail(w[0][0] == 't' ? "not forwarded there" : "still forwarded there", w[1]);
	} else if (strcmp(w[0], "state") == 0) {
		if (strcmp(world_state(&world, w[1], agent), w[3]) != 0)
			fail("the state is", world_state(&world, w[1], agent));
	} else if (strcmp(w[0], "tunnel") == 0) {
		if (strcmp(tunnel_state(world_sa(&world, station, agent)), w[3]) != 0)
			fail("the tunnel is", tunnel_state(world_sa(&world, station, agent)));
	} else if (strcmp(w[0], "refused") == 0) {
		expect_number("times refused", v->refused[station], w[2]);
	} else if (strcmp(w[0], "changed") == 0) {
		expect_number("times the address changed", v->changed[station], w[2]);
	} else if (strcmp(w[0], "waited") == 0) {
		if (v->connected_us[station] < time_of(w[2]) || v->connected_us[station] > time_of(w[3]))
			fail("it waited longer or shorter", w[1]);
	} else {
		fail("no expectation", w[0]);
	}
}

static void expect(char **w)
{
	if (strcmp(w[0], "binding") == 0) {
		size_t home = w[3] ? node_of(w[3]) : 0, got = world_binding(&world, w[1], home);

		if (got != (size_t)atoi(w[2]))
			fail("another agent holds the binding", (const char *[]){ "none", "1", "2", "3", "4" }[got]);
	} else if (strcmp(w[0], "served") == 0) {
		if (!world_is_served(&world, w[1], (size_t)atoi(w[2])))
			fail("not served there", w[1]);
	} else if (strcmp(w[0], "unserved") == 0) {
		if (world_is_served(&world, w[1], (size_t)atoi(w[2])))
			fail("still served there", w[1]);
	} else if (strcmp(w[0], "accepted") == 0 || strcmp(w[0], "unaccepted") == 0) {
		if (world_accepts(&world, w[1], (size_t)atoi(w[2])) != (w[0][0] == 'a'))
			fail("the anchor judges otherwise what it sends", w[1]);
	} else if (strcmp(w[0], "number") == 0) {
		expect_number("the sequence number is", world_sequence(&world, w[1]), w[2]);
	} else if (strcmp(w[0], "counter") == 0) {
		expect_number("the counter is", world_counter(&world, node_of(w[1]), w[2]), w[3]);
	} else if (!expect_radius(w)) {
		expect_vpn(w);
	}
}

static void happen_vpn(size_t station, size_t agent, const char *what)
{
	struct world_sa *sa = world_sa(&world, station, agent);

	if (strcmp(what, "connect") == 0)
		world_vpn_connect(&world, station, agent);
	else if (strcmp(what, "disconnect") == 0 || strcmp(what, "lost") == 0)
		world_vpn_down(&world, station, agent, what[0] == 'd');
	else if (strcmp(what, "child") == 0 || strcmp(what, "nochild") == 0)
		world_vpn_child(&world, station, agent, what[0] == 'c');
	else if (strcmp(what, "outside") == 0 || strcmp(what, "inside") == 0)
		world_vpn_move(&world, station, agent, what[0] == 'i');
	else if (strcmp(what, "rekey") == 0)
		world_vpn_rekey(&world, station, agent);
	else if (strcmp(what, "reauth") == 0)
		world_vpn_reauth(&world, station, agent);
	else if (strcmp(what, "data") == 0)
		world_vpn_data(&world, station, agent);
	else if (sa && strcmp(what, "stream") == 0)
		sa->stream = true;
	else if (sa && strcmp(what, "deaf") == 0)
		sa->deaf = true;
	else
		fail("no such event, or no tunnel", what);
}

static bool happen_radius(char **w)
{
	size_t server = w[1] ? world_aaa(w[1]) : SIZE_MAX;

	if (strcmp(w[0], "login") == 0)
		world_login(&world, world_station(w[1]), (size_t)atoi(w[2]));
	else if (strcmp(w[0], "logoff") == 0)
		world_logoff(&world, world_station(w[1]), (size_t)atoi(w[2]), (uint32_t)atoi(w[3]), false);
	else if (strcmp(w[0], "latestop") == 0)
		world_logoff(&world, world_station(w[1]), (size_t)atoi(w[2]), 1, true);
	else if (strcmp(w[0], "deny") == 0)
		world.radius.denied[world_station(w[1])] = true;
	else if (strcmp(w[0], "newkey") == 0)
		world_renew_key(&world, world_station(w[1]));
	else if (strcmp(w[0], "nokey") == 0)
		world.keys.unknown[world_station(w[1])] = true;
	else if (strcmp(w[0], "prohibit") == 0 || strcmp(w[0], "permit") == 0)
		world_set_prohibited(w[0][1] == 'r');
	else if (server != SIZE_MAX && strcmp(w[0], "restart") == 0)
		world_aaa_restart(&world, server);
	else if (server != SIZE_MAX && (strcmp(w[0], "die") == 0 || strcmp(w[0], "live") == 0))
		world_aaa_set_dead(&world, server, w[0][0] == 'd');
	else
		return false;
	return true;
}

static void happen(char **w)
{
	if (happen_radius(w))
		return;
	if (strcmp(w[0], "vpn") == 0)
		happen_vpn(world_station(w[1]), (size_t)atoi(w[2]), w[3]);
	else if (strcmp(w[0], "charon") == 0)
		(w[2][0] == 'd' ? world_charon_dies : world_charon_lives)(&world, (size_t)atoi(w[1]));
	else if (strcmp(w[0], "attach") == 0)
		world_attach(&world, w[1], (size_t)atoi(w[2]));
	else if (strcmp(w[0], "detach") == 0 || strcmp(w[0], "hold") == 0)
		world_detach(&world, w[1], (size_t)atoi(w[2]), w[0][0] == 'h');
	else if (strcmp(w[0], "unplug") == 0)
		world_unplug(&world, (size_t)atoi(w[1]));
	else if (strcmp(w[0], "number") == 0)
		world_number(&world, w[1], (size_t)atoi(w[2]), (uint32_t)strtoul(w[3], NULL, 10));
	else if (strcmp(w[0], "kick") == 0)
		world_kick(&world, w[1]);
	else if (strcmp(w[0], "die") == 0 || strcmp(w[0], "live") == 0)
		world_set_dead(&world, node_of(w[1]), w[0][0] == 'd');
	else if (strcmp(w[0], "restart") == 0)
		world_restart(&world, node_of(w[1]));
	else if (strcmp(w[0], "expect") == 0)
		expect(w + 1);
	else
		fail("no such event", w[0]);
}

static void set_up(char **w, bool trace)
{
	if (strcmp(w[0], "agents") == 0 || strcmp(w[0], "homes") == 0) {
		size_t n = (size_t)atoi(w[1]), agents = world.agents, homes = world.home_agents;

		world_done(&world);
		world_init(&world, w[0][0] == 'a' ? n : agents, w[0][0] == 'h' ? n : homes, trace);
	} else if (strcmp(w[0], "delay") == 0) {
		world.delay_us = time_of(w[1]);
	} else if (strcmp(w[0], "lose") == 0) {
		add_fault(FAULT_LOSE, w);
	} else if (strcmp(w[0], "duplicate") == 0) {
		add_fault(FAULT_DUPLICATE, w);
	} else if (strcmp(w[0], "late") == 0) {
		add_fault(FAULT_LATE, w);
	} else if (strcmp(w[0], "closed") == 0) {
		world_set_closed(&world);
	} else if (strcmp(w[0], "keys") == 0) {
		world_set_keys(&world);
	} else if (strcmp(w[0], "key-life") == 0) {
		world.keys.life_s = (uint32_t)atoi(w[1]);
	} else if (strcmp(w[0], "rounds") == 0) {
		world.radius.rounds = (unsigned)atoi(w[1]);
	} else if (strcmp(w[0], "session") == 0) {
		world.radius.session_s = (uint32_t)atoi(w[1]);
	} else if (strcmp(w[0], "clock") == 0) {
		world.nodes[node_of(w[1])].clock_s = atoi(w[2]);
	} else {
		fail("no such statement", w[0]);
	}
}

int main(int argc, char **argv)
{
	bool trace = argc > 2 && strcmp(argv[1], "-v") == 0;
	char line[256];
	FILE *f;
	uint64_t start;

	file = argv[argc - 1];
	f = argc > 1 ? fopen(file, "re") : NULL;
	if (!f)
		fail("cannot be read", NULL);
	world_init(&world, 2, 1, trace);
	start = world.now_us;
	while (fgets(line, sizeof(line), f)) {
		char *w[WORDS + 1] = { 0 }, *rest = line;
		size_t n = 0;

		line_number++;
		line[strcspn(line, "#\n")] = '\0';
		while (n < WORDS && (w[n] = strtok_r(rest, " \t", &rest)))
			n++;
		if (n == 0)
			continue;
		if (strcmp(w[0], "at") == 0) {
			world_run(&world, start + time_of(w[1]));
			happen(w + 2);
		} else {
			set_up(w, trace);
		}
	}
	(void)fclose(f); /* only read */
	world_done(&world);
	return 0;
}
