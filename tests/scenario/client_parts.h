/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the world of a host in client mode. */
#ifndef HF_SCENARIO_CLIENT_PARTS_H
#define HF_SCENARIO_CLIENT_PARTS_H

#include "client_world.h"

#define CLIENT_TIA "10.99.0.5"
#define AGENT_CARE_OF "10.0.3.1"

enum { ACCESS = 5, ENEMY_MAC = 2 /* its first octet */ };

extern const uint8_t agent_mac[6];
extern const char *const place_addresses[PLACES][LINKS];

struct in_addr addr(const char *text);

bool is_heard_from(uint32_t link); /* the next request in clear, at ONE_WAY */

/* 0 or -ENOMEM. What they are configured to do is static: one of each at a time. */
int make_home_agent(const struct random *random, struct ha **ret);
int make_agent(const struct random *random, struct fa **ret);
int make_host(const struct random *random, struct mn **ret);

/* A success with TNC, by somebody without the key. Return: 0 or -EBADMSG (it is no request). */
int enemy_reply(struct span request, bool with_authenticator, struct wr *ret);
/* A frame from a foreign agent that is none. */
void enemy_advertisement(uint16_t sequence, struct wr *ret);

#endif
