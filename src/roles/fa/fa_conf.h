/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a foreign agent is configured to do. Filled by conf/, borrowed by fa_new(), read by roles/fa/. */
#ifndef HF_ROLES_FA_CONF_H
#define HF_ROLES_FA_CONF_H

#include "core/sa.h"
#include "core/tunnel.h"

/* A link where mobile nodes arrive. */
struct fa_access {
	char interface[16];
	uint32_t ifindex; /* these four are filled by the daemon */
	uint8_t mac[6];
	struct in_addr address; /* ours on the link: mobile nodes have it as their default router */
	uint8_t prefix_len;
	bool registration_required; /* R: co-located mobile nodes have to register through us as well */
};

enum fa_scope {
	FA_SCOPE_MN, /* with a mobile node: MN-FA authentication (33) */
	FA_SCOPE_HA, /* with a home agent: FA-HA authentication (34) */
	FA_SCOPE_COUNT
};

struct fa_association {
	char name[32];
	enum fa_scope scope;
	char *nai;                 /* FA_SCOPE_MN: of the mobile node, or NULL: known by `home` */
	struct in_addr home;       /* FA_SCOPE_MN */
	struct in_addr home_agent; /* FA_SCOPE_HA */
	struct sa sa;
};

enum fa_reverse_tunnel {
	FA_REVERSE_TUNNEL_OFFERED,
	FA_REVERSE_TUNNEL_REQUIRED,
	FA_REVERSE_TUNNEL_OFF,
	FA_REVERSE_TUNNEL_COUNT
};                                                                    /* -, 75, 74 (RFC 3024) */
enum fa_udp { FA_UDP_OFF, FA_UDP_OFFER, FA_UDP_FORCE, FA_UDP_COUNT }; /* towards home agents (RFC 3519) */

struct fa_conf {
	struct in_addr care_of; /* offered to mobile nodes; our tunnel end */
	struct fa_access *accesses;
	size_t access_n;
	struct fa_association *associations;
	size_t association_n;

	uint16_t advertise_s; /* longest time between two advertisements; default 10, their lifetime is thrice that */
	uint16_t max_lifetime_s;  /* longest registration; default 1800 */
	uint16_t reply_timeout_s; /* a home agent is waited for; then 78; default 7 */
	bool mn_authentication;   /* refuse mobile nodes that share no key with us (67); default false */
	bool ha_authentication;   /* refuse those whose home agents share no key with us (65); default false */
	bool revocation;          /* RFC 3543; default true */
	bool revoke_at_exit;      /* fa_stop() is to be called; default false */
	enum fa_reverse_tunnel reverse_tunnel;
	enum fa_udp udp;
	uint32_t max_visitors;        /* default 4096; then B is advertised, and 66 answered */
	uint16_t max_pending;         /* requests under way; default 1024 */
	uint16_t max_pending_per_mac; /* default 5 (RFC 5944 3.7.1) */
	uint16_t solicited_rate;      /* answers to solicitations per second and link; default 10 */
};

#endif
