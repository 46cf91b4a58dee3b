/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A proxy agent on the bench: a home agent's answers go in, its actions are looked at. One per program. */
#ifndef HF_MPA_RIG_H
#define HF_MPA_RIG_H

#include "codec/mip_msg.h"
#include "roles/mpa/mpa.h"
#include "tests/unit/test.h"

enum { PORT = 3, OTHER_PORT = 4 };
enum { SPI = 1000, NODE_SPI = 2000, USER_SPI = 3000 };

struct mpa_rig {
	struct mpa_conf conf;
	struct mpa_home_agent home_agents[2];
	struct mpa_network networks[1];
	struct mpa_association associations[3];
	struct mpa_station stations[3];
	struct mpa_access accesses[2];
	struct mpa_vpn vpn;
	struct mpa *mpa;
	struct actions out;
	struct instant now;
};

extern struct mpa_rig rig;
extern const uint8_t alice_mac[MAC_OCTETS], gateway_mac[MAC_OCTETS];

int rig_setup(void **state); /* a default configuration, running */
int rig_teardown(void **state);
void rig_use_vpn(void);        /* the next rig_restart() has a vpn access */
void rig_restart(void);        /* with the configuration as it is now */
void rig_pass_ms(uint64_t ms); /* time passes in one step, timers run, earlier actions are forgotten */

void rig_feed(const struct wr *w); /* a frame that PORT received; earlier actions are forgotten */

const struct action *rig_find(enum action_type type);
/* Place of an action among all, for their order; @message: type of a datagram. SIZE_MAX: none. */
size_t rig_place(enum action_type type, uint8_t message);
uint64_t rig_counter(const char *name);
const char *rig_state(void); /* of the first subscriber; "" when there is none */

/* The last message of this type that the agent sent. */
struct rig_sent {
	const struct action *action;
	struct mip_request request;
	struct mip_exts x;
};
struct rig_sent rig_request(void); /* fails the test when there is none */

/* A home agent's reply to that request. Zero members are the usual. */
struct rig_reply {
	uint8_t code;
	const char *home, *from;
	uint16_t lifetime_s;
	uint32_t sequence, stamp;
	uint64_t id;
	bool no_auth, bad_auth, udp;
	const char *home_agent;
};
void rig_answer(const struct rig_reply *r);
void rig_attach(void); /* alice's first packet, without address */
void rig_serve(void);  /* attached and accepted as 10.42.0.20 */
void rig_revoke(uint32_t id, const char *from, bool good);

#endif
