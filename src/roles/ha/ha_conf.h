/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the home agent is configured to do. Filled by conf/, copied by ha_new(), read by roles/ha/. */
#ifndef HF_ROLES_HA_CONF_H
#define HF_ROLES_HA_CONF_H

#include "core/prefix.h"
#include "core/sa.h"
#include "core/tunnel.h"
#include "roles/radius/radius_conf.h"

/* A home network: where home addresses come from. */
struct ha_network {
	char name[32];
	struct prefix prefix;
	struct in_addr gateway;      /* the stations' default gateway: the anchor's own address in that subnet */
	struct address_range *pools; /* inside `prefix`, without `gateway`, not overlapping */
	size_t pool_n;
	char interface[16]; /* real home link, "" = virtual home network */
	uint32_t ifindex;   /* of `interface`, filled by the daemon; 0 = virtual */
	uint8_t mac[6];     /* of `interface`, filled by the daemon */
};

enum sa_scope {
	SA_SCOPE_USER,   /* one NAI: MN-HA authentication (32) */
	SA_SCOPE_DOMAIN, /* all NAIs of a realm share it (L-05): MN-HA authentication (32) */
	SA_SCOPE_NODE,   /* one MPA, or all of a prefix: FA-HA authentication (34) with extension 47 (RFC 5563 4.1) */
	SA_SCOPE_COUNT,
};

struct ha_association {
	char name[32];
	enum sa_scope scope;
	char *nai;            /* SA_SCOPE_USER */
	char *realm;          /* SA_SCOPE_DOMAIN, lower case, without '@' */
	struct prefix *nodes; /* SA_SCOPE_NODE: addresses requests may come from */
	size_t node_n;
	struct sa sa;
};

/* Who may have a home address. `nai` is exact ("alice@example.com") or a whole realm ("*@example.com"); the exact
 * one wins. No match: 129. */
struct ha_user {
	char *nai;
	char network[32];            /* home network; "" = the first one */
	struct in_addr home_address; /* 0.0.0.0 = from the pool */
	bool proxy_allowed;          /* false: proxy requests are answered 150 */
	bool aaa_key;                /* under an SPI no association has, the key is asked of the AAA servers */
};

/* AAA servers that know keys of users. */
struct ha_aaa {
	struct radius_server *servers; /* none = nobody is asked */
	size_t server_n;
	uint16_t dead_s;     /* a silent server is not asked first for so long; default 30 */
	enum mac_alg mac;    /* of the keys; default hmac-sha-256 */
	uint32_t key_life_s; /* of keys whose server does not say; default 3600 */
	uint16_t rate;       /* questions a second; default 500 */
};

enum ha_stale { HA_STALE_DENY, HA_STALE_DENY_65, HA_STALE_SILENT, HA_STALE_COUNT };    /* */
enum ha_unknown_sa { HA_UNKNOWN_SA_REPLY, HA_UNKNOWN_SA_SILENT, HA_UNKNOWN_SA_COUNT }; /* RFC 3344 / RFC 5944 */
enum ha_reverse_tunnel {
	HA_REVERSE_TUNNEL_REQUIRED,
	HA_REVERSE_TUNNEL_OPTIONAL,
	HA_REVERSE_TUNNEL_UNAVAILABLE,
	HA_REVERSE_TUNNEL_COUNT
};                                                                                         /* 138, -, 137 */
enum ha_udp { HA_UDP_WHEN_NAT, HA_UDP_FORCE_ALLOWED, HA_UDP_OFF, HA_UDP_COUNT };           /* RFC 3519 */
enum ha_revoke { HA_REVOKE_NEGOTIATED, HA_REVOKE_ALWAYS, HA_REVOKE_OFF, HA_REVOKE_COUNT }; /* */

struct ha_conf {
	struct in_addr address; /* home agent address, the tunnel end */

	struct ha_network *networks;
	size_t network_n;
	struct ha_association *associations;
	size_t association_n;
	struct ha_user *users;
	size_t user_n;
	struct ha_aaa aaa;
	struct prefix *trusted_subnets; /* RFC 5265: only these may register, and they get TNC; none = mode off */
	size_t trusted_subnet_n;

	uint16_t max_lifetime_s;     /* default 1800 */
	uint16_t udp_max_lifetime_s; /* default 60 (RFC 3519 5.2) */
	uint16_t udp_keepalive_s;    /* default 110 */
	uint32_t sticky_s;           /* [s] an address stays reserved for its NAI after the binding; default 30 days */
	uint32_t max_bindings;       /* default 65536; then 130 */
	/* Default 1: one address per NAI on whatever access technology (L-09). More: one for each technology that requests
	 * name (RFC 5563 4.1); beyond that 135. */
	uint16_t max_addresses_per_nai;
	uint16_t simultaneous; /* care-of addresses of one home address at a time, 1 to 4; default 4; then 135 */
	enum ha_reverse_tunnel reverse_tunnel;
	enum ha_stale stale;
	enum ha_unknown_sa unknown_sa;
	enum ha_udp udp;
	enum ha_revoke revoke;
	bool pmip;              /* false: proxy requests are answered 149 */
	bool gre, minimal;      /* encapsulations beside IP in IP (G, M); else 139 */
	bool forward_broadcast; /* copy link-local multicast and broadcast to the subnet (L-44) */
	bool strict_reserved;   /* r and x bits set: 134 (default ignored) */
	struct mip_sequence_carrier sequence;
	struct in_addr dhcp_server; /* L-38: the anchor relays stations' tunnelled DHCP to this server; 0.0.0.0 = off */
	uint16_t grace_ms; /* [ms] uplink of the former agent is accepted after a move; default 500, 0 = not at all */
	uint16_t auth_failure_rate; /* replies 131/132 and security records per second; default 10 */
};

#endif
