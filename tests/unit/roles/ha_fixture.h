/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A home agent under test: its configuration, requests as agents build them, and what it does about them. */
#ifndef HF_TESTS_HA_FIXTURE_H
#define HF_TESTS_HA_FIXTURE_H

#include "codec/mip_msg.h"
#include "core/sa.h"
#include "roles/ha/ha.h"
#include "tests/unit/test.h"

enum { SPI = 1000, NODE_SPI = 2000, USER_SPI = 3000, NONCE_SPI = 4000 };

extern struct ha_user users[4];
extern struct prefix nodes[1], trusted[1];
extern struct ha_conf conf;
extern struct ha *ha;
extern struct actions out;
extern struct instant now;
extern uint64_t last_id;
extern const char *sa_key; /* 8 octets of every association */

/* A request; zero members mean the usual. */
struct ask {
	const char *nai, *care_of, *home, *source, *home_agent;
	uint8_t flags_off, flags_on;
	uint16_t lifetime_s;
	uint32_t sequence, spi;
	uint64_t id; /* 0: our clock */
	bool deregister, no_sequence, no_revocation, node, no_auth, bad_auth, udp, udp_force, udp_via_fa, gre, cvse,
		cvse_behind;
	uint8_t udp_encapsulation, udp_reserved, tech, method;
	uint16_t port;
	uint32_t gre_key;
};

/* Its reply. */
struct got {
	bool replied;
	struct mip_reply m;
	struct mip_exts x;
	struct span octets;
	struct in_addr to;
	uint16_t to_port;
};

struct sa sa_with(uint32_t spi, enum mac_alg alg);
int setup(void **state);
/* The agent with a changed configuration. */
void restart(void);
int teardown(void **state);
void pass_ms(uint64_t ms);
size_t build(const struct ask *a, uint8_t *ret, size_t room);
/* Feeds a request and finds its reply among the actions. */
struct got ask(const struct ask *a);
void assert_code(const struct ask *a, int code);
const struct action *find_action(enum action_type type);
size_t place_of(enum action_type type, uint8_t message);
uint64_t counter(const char *name);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
