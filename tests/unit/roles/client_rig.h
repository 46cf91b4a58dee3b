/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mobile node of mn_rig in client mode, with its home agent played by the test: requests are caught, and answered as
 * the test wants, truly or not. */
#ifndef HF_CLIENT_RIG_H
#define HF_CLIENT_RIG_H

#include "codec/mip_msg.h"
#include "mn_rig.h"

#define HA "10.0.0.1"
#define TIA "10.99.0.5"
#define OFFICE "10.1.0.23"
#define CAFE "192.168.7.20"
#define AGENT "10.1.0.2"
#define AGENT_CARE_OF "10.1.0.3"

enum { VPN = 0 /* in the place of a link */, IPSEC0 = 20 };

/* A request as it left. */
struct caught {
	bool here;
	uint32_t ifindex; /* VPN: by route */
	struct in_addr from, to;
	uint8_t ttl; /* of a frame */
	struct mip_request m;
	struct mip_exts x; /* borrowed: look at it at once */
	uint8_t octets[512];
	size_t n;
};

struct answer_spec {
	uint8_t code;
	uint16_t lifetime_s; /* 0: as asked for */
	bool no_tnc, tnc_behind, unsigned_, signed_twice, wrong_key, udp, no_lifetime;
	uint16_t keepalive_s, port;           /* 0: 434 */
	uint32_t stamp;                       /* revocation is supported; 0: it is not */
	uint32_t by;                          /* 0: the link it was asked by */
	uint64_t id_high;                     /* 0: as in the request */
	const char *home_agent, *home, *from; /* NULL: as asked */
};

extern struct dp_path client_path;  /* as told last */
extern uint8_t client_agent_mac[6]; /* that client_advertise() sends from */
extern uint8_t client_agent_ttl;
extern uint16_t client_agent_lifetime_s; /* of what it advertises */

int client_setup(void **state); /* links are listed, none has an address; charon is there without IKE_SAs */
void client_restart(void);      /* with the configuration as it is now; then as after client_setup() */

void client_pass_ms(uint64_t ms);
void client_attach(uint32_t ifindex, const char *address); /* link up, address, default route; settled for 3 ms */
void client_detach(uint32_t ifindex);
void client_lose(uint32_t ifindex, const char *address); /* the address alone */
void client_vpn_moved(uint32_t sa, const char *local);
void client_vpn_down(uint32_t sa, const char *gateway);
void client_vpn_up(uint32_t sa, const char *gateway, const char *tia); /* from CAFE */

/* The last request among the actions by this link, or through the VPN; `here` false: there is none. */
struct caught client_caught(uint32_t ifindex);
struct caught client_caught_frame(uint32_t ifindex); /* to a foreign agent */
size_t client_requests(uint32_t ifindex);            /* how many are among the actions; frames do not count */
void client_answer(const struct caught *c, const struct answer_spec *spec);
void client_accept(uint32_t ifindex); /* what was caught last by this link, with TNC */
void client_advertise(uint32_t ifindex, uint16_t flags, uint16_t sequence);

void client_inside(void);  /* mode c on ETH */
void client_outside(void); /* mode mc by WLAN, gateway gw1 */
const char *client_mode(void);
void client_assert_blocked(void); /* nothing leaves */
void client_assert_mode_c(uint32_t ifindex, const char *care_of);

#endif
