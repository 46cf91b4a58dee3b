/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A foreign agent between a mobile node and its home agent, both played by the test. */
#ifndef HF_TESTS_FA_RIG_H
#define HF_TESTS_FA_RIG_H

#include "codec/mip_ext.h"
#include "codec/mip_msg.h"
#include "codec/ip4.h"
#include "roles/fa/fa.h"
#include "tests/unit/test.h"

enum { LINK = 3, MN_PORT = 434, NEIGHBOUR = 255, FRAME_MAX = 1514 };

extern struct fa_association associations[2]; /* with the home agent, with keyed@example.com */
extern struct fa_conf conf;
extern struct fa *fa;
extern struct actions out;
extern struct instant now;
extern uint8_t chance; /* all octets that are random; usual: 0 */
extern const uint8_t mn_mac[6], fa_mac[6];
extern const struct sa mn_ha;

int setup(void **state);
int teardown(void **state);
/* Another one, with `conf` as it is now. */
void restart(void);
struct sa key_of(uint32_t spi);
/* The last one of what was to be done. NULL: none. */
const struct action *find(enum action_type type);
void pass_s(unsigned s);
uint64_t counter(const char *name);

/* What a mobile node asks for; zero members are the usual. */
struct asked {
	const char *home, *home_agent, *care_of, *nai, *to;
	const char *dynamic_ha;      /* RFC 4433: the one to be asked */
	const char *nai_behind;      /* its authenticator */
	const char *source;          /* of the packet; usual: `home` */
	const char *before, *behind; /* its authenticator, in hex */
	uint8_t flags, ttl, mac;
	uint16_t lifetime_s;
	uint32_t id;
	bool unproven, revocation, delivery, delivery_before, keyed, deregister, vendor;
};

void ask(const struct asked *a);

/* What the mobile node was told; fails when it was told nothing. */
struct told {
	struct mip_reply m;
	struct mip_exts x;
	struct ip4 ip;
	struct span msg;
};

struct told told(void);

/* The home agent's reply; zero members are the usual. */
struct answered {
	const char *home, *home_agent, *nai, *from;
	uint8_t code;
	uint16_t lifetime_s;
	uint32_t id;
	bool unproven, udp, vendor, inform;
	bool unsigned_to_mn, no_revocation;
	uint32_t ifindex;
	const char *before; /* hex, before its authenticators */
	const char *tail;   /* hex, behind it all */
};

void answer(const struct answered *a);
/* ICMP about the request that was passed on last, which @octets of are quoted. */
void unreachable(uint8_t code, uint32_t ifindex, size_t octets);
/* How many actions of @type there are. */
size_t count_of(enum action_type type);
/* Asked and answered. */
void visit(void);

#endif
