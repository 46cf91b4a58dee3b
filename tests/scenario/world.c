/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "codec/ip4.h"

enum { ACCESS_IFINDEX = 3, SPI = 1000 };

static const char *const station_names[NAMES_MAX] = {
	"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"
};

static struct address_range pools[1];
static struct ha_network home_network;
static struct mpa_network agent_network;
static struct ha_association ha_association;
static struct mpa_association mpa_association;
static struct ha_user user;
static struct mpa_home_agent home_agent;
static struct mpa_station stations[NAMES_MAX];
static char nais[STATIONS_MAX][32];

static struct in_addr address(const char *text)
{
	struct in_addr a = { 0 };

	if (inet_pton(AF_INET, text, &a) != 1)
		abort();
	return a;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static double chance(struct world *w)
{
	return next_random(&w->seed) / 4294967296.0;
}

static void fill_random(void *ctx, uint8_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)next_random(ctx);
}

static void station_mac(size_t station, uint8_t ret[MAC_OCTETS])
{
	const uint8_t mac[MAC_OCTETS] = { 2, 0, 0, 0, 0, (uint8_t)(station + 1) };

	memcpy(ret, mac, sizeof(mac));
}

size_t world_station(const char *name)
{
	for (size_t i = 0; i < NAMES_MAX; i++)
		if (strcmp(station_names[i], name) == 0)
			return i;
	fprintf(stderr, "no station %s\n", name);
	abort();
}

static void shared_configuration(size_t home_agents)
{
	struct sa sa = { .spi = SPI, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 8, .key = "scenario" };

	pools[0] = (struct address_range){ address("10.42.0.10"), address("10.42.0.250") };
	home_network = (struct ha_network){ .name = "office",
					    .prefix = { address("10.42.0.0"), 24 },
					    .gateway = address("10.42.0.1"),
					    .pools = pools,
					    .pool_n = 1 };
	agent_network = (struct mpa_network){
		.name = "office", .prefix = home_network.prefix, .gateway = home_network.gateway, .lease_s = 3600
	};
	ha_association =
		(struct ha_association){ .name = "all", .scope = SA_SCOPE_DOMAIN, .realm = (char *)"x", .sa = sa };
	mpa_association =
		(struct mpa_association){ .name = "all", .scope = SA_SCOPE_DOMAIN, .realm = (char *)"x", .sa = sa };
	user = (struct ha_user){ .nai = (char *)"*@x", .proxy_allowed = true };
	home_agent = (struct mpa_home_agent){ .name = "main", .address = address("10.0.0.1") };
	if (home_agents > 1)
		home_agent.secondary = address("10.0.0.2");
	for (size_t i = 0; i < STATIONS_MAX; i++) {
		if (i >= NAMES_MAX) {
			(void)snprintf(nais[i], sizeof(nais[i]), "u%zu@x", i);
			continue;
		}
		(void)snprintf(nais[i], sizeof(nais[i]), "%s@x", station_names[i]);
		stations[i] = (struct mpa_station){ .nai = nais[i], .has_mac = true };
		station_mac(i, stations[i].mac);
	}
}

static void start_ha(struct world *w, struct node *n)
{
	const struct random random = { fill_random, &w->seed };

	n->ha_conf = (struct ha_conf){ .address = n->address,
				       .networks = &home_network,
				       .network_n = 1,
				       .associations = &ha_association,
				       .association_n = 1,
				       .users = &user,
				       .user_n = 1,
				       .max_lifetime_s = 600,
				       .udp_max_lifetime_s = 60,
				       .sticky_s = 86400,
				       .max_bindings = BINDINGS_MAX,
				       .max_addresses_per_nai = 1,
				       .pmip = true,
				       .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
				       .auth_failure_rate = 10,
				       .grace_ms = 500 };
	key_world_configure(w, &n->ha_conf, radius_world_servers());
	if (ha_new(&n->ha_conf, &random, &n->ha) < 0)
		abort();
	key_world_start(w, n->ha);
}

static void start_mpa(struct world *w, struct node *n)
{
	const struct random random = { fill_random, &w->seed };

	n->access = (struct mpa_access){ .interface = "port",
					 .ifindex = ACCESS_IFINDEX,
					 .mac = { 2, 0, 0, 0, 1, (uint8_t)(n - w->nodes) },
					 .trusted = !w->closed,
					 .by_dhcp = true,
					 .by_packet = true,
					 .by_carrier = true };
	n->mpa_conf = (struct mpa_conf){ .care_of = n->address,
					 .home_agents = &home_agent,
					 .home_agent_n = 1,
					 .networks = &agent_network,
					 .network_n = 1,
					 .associations = &mpa_association,
					 .association_n = 1,
					 .stations = stations,
					 .station_n = NAMES_MAX,
					 .accesses = &n->access,
					 .access_n = 1,
					 .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
					 .lifetime_s = 300,
					 .retransmit_ms = 1000,
					 .retransmit_max_s = 32,
					 .failover_after = 3,
					 .hold_s = 30,
					 .holdoff_ms = 200,
					 .max_subscribers = STATIONS_MAX };
	vpn_world_configure(&n->mpa_conf);
	radius_world_configure(&n->mpa_conf);
	if (mpa_new(&n->mpa_conf, &random, &n->mpa) < 0)
		abort();
	radius_world_start(n->mpa);
	vpn_world_start(w, (size_t)(n - w->nodes));
}

void world_init(struct world *w, size_t agents, size_t home_agents, bool trace)
{
	*w = (struct world){ .now_us = 1000 * US_PER_S,
			     .delay_us = 5 * US_PER_MS,
			     .seed = 1,
			     .agents = agents,
			     .home_agents = home_agents,
			     .trace = trace };
	shared_configuration(home_agents);
	if (actions_init(&w->out) < 0)
		abort();
	for (size_t i = 0; i < home_agents; i++) {
		w->nodes[i].address.s_addr = htonl(0x0a000001 + (uint32_t)i);
		start_ha(w, &w->nodes[i]);
	}
	for (size_t i = 0; i < agents; i++) {
		w->nodes[HOME_AGENTS + i].address.s_addr = htonl(0x0a000101 + (uint32_t)i * 256);
		start_mpa(w, &w->nodes[HOME_AGENTS + i]);
	}
}

void world_done(struct world *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(w->nodes); i++) {
		ha_freep(&w->nodes[i].ha);
		mpa_freep(&w->nodes[i].mpa);
	}
	for (size_t i = 0; i < w->wire_n; i++)
		free(w->wire[i]);
	actions_done(&w->out);
}

void world_set_prohibited(bool prohibited)
{
	user.proxy_allowed = !prohibited;
}

void world_set_closed(struct world *w)
{
	w->closed = true;
	for (size_t i = 0; i < w->agents; i++)
		w->nodes[HOME_AGENTS + i].access.trusted = false;
}

static struct instant time_at(const struct world *w, const struct node *n)
{
	uint64_t unix_us = w->now_us + (uint64_t)(n->clock_s * (int64_t)US_PER_S);

	return (struct instant){ .us = w->now_us,
				 .ntp = (UINT64_C(3900000000) + unix_us / US_PER_S) << 32 |
					((unix_us % US_PER_S) << 32) / US_PER_S };
}

static void put_on_wire(struct world *w, const struct datagram *d, uint64_t delay_us)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m || w->wire_n == WIRE_MAX || d->payload.n > MESSAGE_MAX)
		abort();
	m->due_us = w->now_us + delay_us;
	m->order = w->order++;
	m->d = *d;
	memcpy(m->octets, d->payload.p, d->payload.n);
	m->d.payload.p = m->octets;
	w->wire[w->wire_n++] = m;
}

void world_send(struct world *w, const struct datagram *d)
{
	unsigned way = key_world_way(d) ? key_world_way(d) : radius_world_way(d);
	unsigned type = way ? way : d->payload.p[0];
	unsigned nth = ++w->sent[type];
	uint64_t delay_us = w->delay_us + (w->jitter_us ? next_random(&w->seed) % w->jitter_us : 0);
	bool lost = chance(w) < w->loss, twice = chance(w) < w->repeat;

	radius_world_look(w, d);
	for (size_t i = 0; i < w->fault_n; i++) {
		const struct fault *f = &w->faults[i];

		if (f->type != type || (f->nth != ALL && f->nth != nth))
			continue;
		lost = lost || f->kind == FAULT_LOSE;
		twice = twice || f->kind == FAULT_DUPLICATE;
		delay_us += f->kind == FAULT_LATE ? f->extra_us : 0;
	}
	if (!lost)
		put_on_wire(w, d, delay_us);
	if (twice)
		put_on_wire(w, d, delay_us * 2);
}

static void send_message(struct world *w, const struct node *from, const struct action *a)
{
	const struct datagram d = { .local = a->udp.remote,
				    .local_port = a->udp.remote_port,
				    .remote = from->address,
				    .remote_port = a->udp.local_port,
				    .payload = a->octets };

	world_send(w, &d);
}

static void print_record(const struct world *w, const struct node *n, const struct record *r)
{
	char node[INET_ADDRSTRLEN];

	if (w->trace)
		printf("%10.1f ms  %-10s %-24s %s %s%s%s %s\n", (double)(w->now_us - 1000 * US_PER_S) / 1000,
		       inet_ntop(AF_INET, &n->address, node, sizeof(node)), r->event, r->nai, r->old_state,
		       r->new_state[0] ? " -> " : "", r->new_state, r->reason);
}

static void perform_visitor(struct world *w, struct node *n, const struct dp_visitor *v, bool set)
{
	if (v->layer3)
		vpn_world_visitor(w, (size_t)(n - w->nodes), v, set);
	else
		n->visitors[v->mac[5] - 1] = set ? *v : (struct dp_visitor){ 0 };
}

static void perform(struct world *w, struct node *n)
{
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];

		if (a->type == ACTION_SEND_DATAGRAM)
			send_message(w, n, a);
		else if (a->type == ACTION_BINDING_SET)
			n->bindings[a->binding.index] = a->binding;
		else if (a->type == ACTION_BINDING_DEL)
			n->bindings[a->binding.index] = (struct dp_binding){ 0 };
		else if (a->type == ACTION_VISITOR_SET || a->type == ACTION_VISITOR_DEL)
			perform_visitor(w, n, &a->visitor, a->type == ACTION_VISITOR_SET);
		else if (a->type == ACTION_CHARON)
			vpn_world_command(w, (size_t)(n - w->nodes), &a->charon);
		else if (a->type == ACTION_RECORD)
			print_record(w, n, &a->record);
	}
	actions_clear(&w->out);
}

static void deliver(struct world *w, const struct message *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(w->nodes); i++) {
		struct node *n = &w->nodes[i];

		if (n->dead || n->address.s_addr != m->d.local.s_addr || (!n->ha && !n->mpa))
			continue;
		if (n->ha)
			ha_on_datagram(n->ha, time_at(w, n), &m->d, &w->out);
		else
			mpa_on_datagram(n->mpa, time_at(w, n), &m->d, &w->out);
		perform(w, n);
	}
	radius_world_deliver(w, &m->d);
}

static struct message *next_message(struct world *w, size_t *ret_at)
{
	struct message *next = NULL;

	for (size_t i = 0; i < w->wire_n; i++) {
		struct message *m = w->wire[i];

		if (next && (m->due_us > next->due_us || (m->due_us == next->due_us && m->order > next->order)))
			continue;
		next = m;
		*ret_at = i;
	}
	return next;
}

static uint64_t node_due(const struct node *n)
{
	if (n->dead || (!n->ha && !n->mpa))
		return NEVER;
	return n->ha ? ha_due(n->ha) : mpa_due(n->mpa);
}

static void run_timers(struct world *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(w->nodes); i++) {
		struct node *n = &w->nodes[i];

		if (node_due(n) > w->now_us)
			continue;
		if (n->ha)
			ha_on_time(n->ha, time_at(w, n), &w->out);
		else
			mpa_on_time(n->mpa, time_at(w, n), &w->out);
		perform(w, n);
	}
}

void world_run(struct world *w, uint64_t until_us)
{
	for (;;) {
		uint64_t due = NEVER;
		size_t at = 0;
		struct message *m = next_message(w, &at);

		for (size_t i = 0; i < ARRAY_SIZE(w->nodes); i++)
			due = node_due(&w->nodes[i]) < due ? node_due(&w->nodes[i]) : due;
		due = vpn_world_due(w) < due ? vpn_world_due(w) : due;
		due = radius_world_due(w) < due ? radius_world_due(w) : due;
		if (m && m->due_us <= due && m->due_us <= until_us) {
			w->now_us = m->due_us;
			w->wire[at] = w->wire[--w->wire_n];
			deliver(w, m);
			free(m);
		} else if (due <= until_us) {
			w->now_us = due > w->now_us ? due : w->now_us;
			vpn_world_run(w);
			radius_world_run(w);
			run_timers(w);
		} else {
			w->now_us = until_us;
			return;
		}
	}
}

static struct node *agent(struct world *w, size_t number)
{
	return &w->nodes[HOME_AGENTS + number - 1];
}

void world_attach(struct world *w, const char *station, size_t number)
{
	struct node *n = agent(w, number);
	uint8_t mac[MAC_OCTETS];

	if (n->dead)
		return;
	station_mac(world_station(station), mac);
	mpa_on_unknown_source(n->mpa, time_at(w, n), ACCESS_IFINDEX, mac, (struct in_addr){ 0 }, 0, &w->out);
	perform(w, n);
}

void world_detach(struct world *w, const char *station, size_t number, bool hold)
{
	struct node *n = agent(w, number);

	(void)mpa_detach(n->mpa, time_at(w, n), nais[world_station(station)], hold, &w->out); /* not there: fine */
	perform(w, n);
}

void world_unplug(struct world *w, size_t number)
{
	struct node *n = agent(w, number);

	mpa_on_carrier(n->mpa, time_at(w, n), ACCESS_IFINDEX, false, &w->out);
	perform(w, n);
}

void world_number(struct world *w, const char *station, size_t number, uint32_t sequence)
{
	struct node *n = agent(w, number);
	const char *nai = nais[world_station(station)];
	const struct mip_request m = { .flags = MIP_REQ_T | MIP_REQ_D,
				       .lifetime_s = n->mpa_conf.lifetime_s,
				       .home_agent = w->nodes[0].address,
				       .care_of = n->address,
				       .id = time_at(w, n).ntp };
	struct wr message = actions_writer(&w->out, MIP_MSG_MAX);

	mip_request_build(&message, &m);
	mip_ext_nai_build(&message, (struct span){ (const uint8_t *)nai, strlen(nai) });
	mip_ext_revocation_support_build(&message, false, (uint32_t)(m.id >> 32));
	mip_ext_sequence_build(&message, &n->mpa_conf.sequence, sequence);
	if (sa_sign(&mpa_association.sa, MIP_EXT_MN_HA_AUTH, &message) < 0)
		abort();
	actions_send_datagram(&w->out, n->address, MIP_PORT, m.home_agent, MIP_PORT, &message);
	perform(w, n);
}

void world_kick(struct world *w, const char *station)
{
	struct node *n = &w->nodes[0];

	(void)ha_kick(n->ha, time_at(w, n), nais[world_station(station)], &w->out); /* as above */
	perform(w, n);
}

void world_set_dead(struct world *w, size_t node, bool dead)
{
	w->nodes[node].dead = dead;
}

void world_restart(struct world *w, size_t node)
{
	struct node *n = &w->nodes[node];

	if (n->ha) {
		ha_freep(&n->ha);
		start_ha(w, n);
	} else {
		mpa_freep(&n->mpa);
		start_mpa(w, n);
	}
	n->dead = false;
}

void world_charon_event(struct world *w, size_t node, const struct charon_event *e)
{
	struct node *n = &w->nodes[node];

	if (n->dead)
		return;
	mpa_on_charon(n->mpa, time_at(w, n), e, &w->out);
	perform(w, n);
}

void world_device(struct world *w, size_t node)
{
	struct node *n = &w->nodes[node];

	mpa_on_device(n->mpa, time_at(w, n), VPN_IFINDEX, &w->out);
	perform(w, n);
}

void world_unknown_source(struct world *w, size_t node, struct in_addr source)
{
	static const uint8_t no_mac[MAC_OCTETS];
	struct node *n = &w->nodes[node];

	mpa_on_unknown_source(n->mpa, time_at(w, n), VPN_IFINDEX, no_mac, source, 0, &w->out);
	perform(w, n);
}

void world_held_packet(struct world *w, size_t node, uint32_t index, struct in_addr source)
{
	struct node *n = &w->nodes[node];
	uint8_t packet[IP4_HEADER_OCTETS + 8];
	struct wr p = wr_init(packet, sizeof(packet));

	ip4_build(&p, &(struct ip4){ .ttl = 64, .protocol = 17, .source = source, .destination = w->nodes[0].address },
		  8);
	wr_u64(&p, 0);
	if (n->dead)
		return;
	mpa_on_held(n->mpa, time_at(w, n), index, (struct span){ packet, sizeof(packet) }, &w->out);
	perform(w, n);
}

const char *world_nai(size_t station)
{
	return nais[station];
}
