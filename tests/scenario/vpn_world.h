/* SPDX-License-Identifier: GPL-2.0-or-later */
/* charon at each agent of a world, and the VPN clients behind it, as far as an agent sees them. */
#ifndef HF_SCENARIO_VPN_WORLD_H
#define HF_SCENARIO_VPN_WORLD_H

#include "roles/charon.h"
#include "roles/mpa/mpa_conf.h"

struct world;
struct node;

enum { SAS_MAX = 32, CHARON_EVENTS_MAX = 256, VPN_IFINDEX = 7, VPN_VISITORS_MAX = 8, CHARONS_MAX = 8, USERS_MAX = 8 };

struct world_sa {
	bool used, up;
	bool stream;          /* the client sends every 50 ms, and makes its CHILD_SA anew when it is deleted */
	bool deaf;            /* the client hears nothing */
	uint32_t id, request; /* request: being asked for */
	size_t node, station;
	uint32_t successor_of; /* reauthentication: ends this one when it is up */
	unsigned children;
	struct in_addr remote, address;
	uint64_t asked_us, next_us;
};

struct world_event {
	uint64_t due_us, order;
	size_t node;
	struct charon_event e;
};

struct vpn_world {
	struct world_sa sas[SAS_MAX];
	struct world_event events[CHARON_EVENTS_MAX];
	size_t event_n;
	uint32_t last_sa, last_request;
	bool charon_dead[CHARONS_MAX];
	struct in_addr address[USERS_MAX]; /* of each user, the first it got */
	unsigned changed[USERS_MAX];       /* how often it got another one */
	unsigned refused[USERS_MAX];
	unsigned forwarded[USERS_MAX], lost[USERS_MAX]; /* packets of streams */
	uint64_t connected_us[USERS_MAX];               /* how long the last IKE_AUTH waited for its address */
	struct dp_visitor visitors[CHARONS_MAX][VPN_VISITORS_MAX]; /* by node */
};

/* What world.c calls. */
void vpn_world_configure(struct mpa_conf *c);
void vpn_world_start(struct world *w, size_t node); /* the agent was started: the device, and what charon lists */
void vpn_world_command(struct world *w, size_t node, const struct charon_command *c);
void vpn_world_visitor(struct world *w, size_t node, const struct dp_visitor *v, bool set);
uint64_t vpn_world_due(const struct world *w);
void vpn_world_run(struct world *w);

/* What happens to the user's tunnels at an agent (numbers from 1). */
void world_vpn_connect(struct world *w, size_t station, size_t agent);
void world_vpn_down(struct world *w, size_t station, size_t agent, bool by_peer);
void world_vpn_child(struct world *w, size_t station, size_t agent, bool up);
void world_vpn_move(struct world *w, size_t station, size_t agent, bool inside);
void world_vpn_rekey(struct world *w, size_t station, size_t agent);
void world_vpn_reauth(struct world *w, size_t station, size_t agent);
void world_vpn_data(struct world *w, size_t station, size_t agent);
void world_charon_dies(struct world *w, size_t agent);
void world_charon_lives(struct world *w, size_t agent);

/* The newest tunnel, or NULL. */
struct world_sa *world_sa(struct world *w, size_t station, size_t agent);
/* The kernel of @agent forwards for the user's home address. */
bool world_is_tunnelled(const struct world *w, size_t station, size_t agent);

#endif
