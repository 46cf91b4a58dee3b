/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a mobile node is configured to do. Filled by conf/, borrowed by mn_new(), read by roles/mn/. */
#ifndef HF_ROLES_MN_CONF_H
#define HF_ROLES_MN_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/prefix.h"
#include "core/sa.h"

/* Who speaks Mobile IP for the host. */
enum mn_mode {
	MN_MODE_PROXY,  /* the network does */
	MN_MODE_CLIENT, /* the host itself (RFC 5266) */
	MN_MODE_COUNT
};

/* Client mode: on which networks requests are sent in clear to find out whether they are inside (B-50). */
enum mn_probe {
	MN_PROBE_ALWAYS,
	MN_PROBE_KNOWN, /* where a link has an address of `known` */
	MN_PROBE_NEVER, /* it always goes through the VPN */
	MN_PROBE_COUNT
};

enum mn_udp { MN_UDP_OFF, MN_UDP_OFFER, MN_UDP_FORCE, MN_UDP_COUNT }; /* RFC 3519 */

struct mn_client_conf {
	struct in_addr home;       /* 0.0.0.0: the home agent assigns one */
	struct prefix home_prefix; /* of the home link; length 0: the host never is at home */
	struct in_addr home_agent;
	struct sa sa;         /* with the home agent */
	bool agent_discovery; /* solicitations go out beside DHCP (B-22, S-07); default true */
	bool foreign_agents;  /* mode f where there is one, inside (B-15); default true */
	bool simultaneous;    /* S: the former way of the address is kept for a while; default false */
	bool broadcast;       /* B: broadcasts of the home link are wanted; default false */
	enum mn_udp udp;      /* default MN_UDP_OFFER */
	enum mn_probe probe;  /* default MN_PROBE_ALWAYS */
	struct prefix *known; /* MN_PROBE_KNOWN */
	size_t known_n;
	char *pseudonym;         /* NULL, or the NAI in place of `user`; what is sent in clear names nobody then */
	uint8_t retransmissions; /* of a request before silence is an answer (B-30); default 2 */
	uint16_t timeout_ms;     /* before the first of them, then doubled; 0 (default): from measured round trips */
	uint16_t lifetime_s;     /* asked for; default 1800 (G-05) */
	uint16_t monitor_s;      /* T_MONITOR of RFC 5265: inside, proof is renewed within this; default 60 (G-04) */
};

/* A VPN gateway, as charon knows it. */
struct mn_connection {
	char name[64];  /* of the connection in swanctl.conf */
	char child[64]; /* of the CHILD_SA in it that carries the data */
};

/* What proves that the host is inside. */
enum mn_inside {
	MN_INSIDE_GATEWAY, /* the gateway says so: it deletes the CHILD_SA while a link has the home address */
	MN_INSIDE_ADDRESS, /* a link with the home address is enough; for gateways that are not reachable from inside */
	MN_INSIDE_NEVER,   /* always through the tunnel */
	MN_INSIDE_COUNT
};

struct mn_conf {
	enum mn_mode mode;
	struct mn_client_conf
		client;  /* MN_MODE_CLIENT; `inside` is MN_INSIDE_NEVER then: the gateway's word is no proof */
	char *user;      /* NAI; names the host in records */
	char device[16]; /* TUN that keeps the home address */
	enum mn_inside inside;
	bool guard;     /* packets from the home address never leave in clear but by a link that has it; default true */
	uint32_t mark;  /* of charon's own packets, which the guard lets pass; 0 = they have none. Default 66 */
	bool keep_ike;  /* inside, the IKE_SA is kept; default true */
	char **ignored; /* names of links that are no way out; a trailing '*' stands for anything */
	size_t ignored_n;
	struct mn_connection *connections; /* in the order they are tried */
	size_t connection_n;
	uint16_t open_timeout_ms; /* a gateway that took longer failed; default 7000 */
	uint16_t backoff_ms;      /* first pause after all gateways failed, then doubled; default 1000 */
	uint16_t backoff_max_s;   /* longest pause; default 60 */
	uint16_t holdoff_ms;      /* between two crossings that nobody proved; default 2000 */
};

#endif
