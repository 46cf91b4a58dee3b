/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mobile node on the bench: what kernel and charon say goes in, its actions are looked at. One per program. */
#ifndef HF_MN_RIG_H
#define HF_MN_RIG_H

#include "roles/mn/mn.h"
#include "tests/unit/test.h"

/* Links: a phone network, a café, the office; and the device that keeps the home address. */
enum { WWAN = 2, WLAN = 3, ETH = 4, HF0 = 9 };

#define HOME "10.42.0.17"

struct mn_rig {
	struct mn_conf conf;
	struct mn_connection connections[3];
	struct mn *mn;
	struct actions out;
	struct instant now;
};

extern struct mn_rig rig;

int rig_setup(void **state); /* two gateways, inside = gateway; nothing heard yet */
int rig_teardown(void **state);
void rig_restart(void);        /* with the configuration as it is now */
void rig_pass_ms(uint64_t ms); /* time passes, timers run when they are due; earlier actions are forgotten */

/* Each forgets earlier actions. */
void rig_net(enum net_event_type type, uint32_t ifindex, const char *what); /* `what`: address, name, or NULL */
void rig_link(uint32_t ifindex, bool up);
void rig_route(uint32_t ifindex, uint32_t metric, bool up);
void rig_charon(enum charon_event_type type, uint32_t sa, const char *connection);
void rig_charon_event(const struct charon_event *e);
void rig_child_down(uint32_t sa, bool by_peer);
void rig_moved(uint32_t sa, const char *local);
void rig_assign(const char *connection, const char *address, uint32_t request);

void rig_boot(void);    /* the links are listed (none has an address), charon is there without IKE_SAs */
void rig_outside(void); /* on WWAN with 100.64.0.2, IKE_SA 1 with gw1 carries, home address assigned; all settled */
void rig_inside(void);  /* then at home on ETH, proven; WWAN is still there; all settled */

const char *rig_state(void);
uint64_t rig_counter(const char *name);
/* The i-th command of that type among the actions, or NULL. */
const struct charon_command *rig_command(enum charon_command_type type, size_t i);
const struct action *rig_find(enum action_type type);
size_t rig_place_of_command(enum charon_command_type type); /* SIZE_MAX: none */
size_t rig_place(enum action_type type);
const struct record *rig_record(const char *event); /* or NULL */

#endif
