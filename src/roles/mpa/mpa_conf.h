/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a mobility proxy agent is configured to do. Filled by conf/, borrowed by mpa_new(), read by roles/mpa/. */
#ifndef HF_ROLES_MPA_CONF_H
#define HF_ROLES_MPA_CONF_H

#include "core/sa.h"
#include "core/tunnel.h"
#include "roles/relay/relay_conf.h"
#include "roles/ha/ha_conf.h" /* struct prefix, enum sa_scope */

/* One home agent, or a primary with its secondary. */
struct mpa_home_agent {
	char name[32];
	struct in_addr address, secondary; /* secondary 0.0.0.0 = none */
	struct in_addr via_fa;             /* register through this foreign agent (L-12); 0.0.0.0 = direct */
	struct prefix *subnets;            /* stations whose address lies here belong to this agent (L-46) */
	size_t subnet_n;
};

/* What the home subnet looks like to its stations; the first whose prefix holds the home address is used. */
struct mpa_network {
	char name[32];
	char home_agent[32]; /* "" = any: with two agents using one prefix, name it (L-26) */
	struct prefix prefix;
	struct in_addr gateway;
	struct in_addr dns[4];
	size_t dns_n;
	char domain[128]; /* option 15; "" = none */
	uint32_t lease_s; /* default 3600 */
};

/* How a VPN user's IKE identity becomes an NAI (roles/mpa/vpn_identity.h). */
struct mpa_identity {
	char *glob, *nai;
};

struct mpa_naming {
	struct mpa_identity *rows;
	size_t row_n;
	char *realm; /* lower case; NULL = none is added */
};

/* VPN users, whose IPsec charon ends on this machine. */
struct mpa_vpn {
	char interface[16];  /* layer-3 device where their packets come out of ESP and go in */
	uint16_t mtu;        /* of what goes into it; default 1400 */
	char *realm;         /* to naming.realm */
	uint16_t timeout_ms; /* a client that connects waits so long for its registration; default 4500 (G-01) */
	uint16_t hold_s;     /* the binding outlives the VPN by this, within its lifetime; default 300 (A-33, G-03) */
	uint16_t linger_ms;  /* after a revocation, packets in flight from the user still pass; default 300 */
	uint16_t
		wait_ms; /* a new CHILD_SA on a kept IKE_SA registers at its first packet, or after this; default 100 */
	uint16_t resume_s; /* first pause before data of a displaced user registers it again, then doubling to 64 times;
			      * default 1 (G-12) */
};

struct mpa_association {
	char name[32];
	enum sa_scope scope;
	char *nai, *realm;   /* as in struct ha_association; SA_SCOPE_NODE: this MPA itself */
	char home_agent[32]; /* "" = all */
	struct sa sa;
};

/* How stations are recognised: each row with at least one identifier (X-25: on trusted ports only). */
struct mpa_station {
	char *nai;
	bool has_mac;
	uint8_t mac[6];
	uint8_t *client_id; /* option 61, whole value with its type octet */
	size_t client_id_n;
	char *host_name;             /* option 12, compared without case */
	char *fqdn;                  /* option 81, lower case without trailing dot */
	char home_agent[32];         /* "" = by subnet map, else the first one */
	struct in_addr home_address; /* hint for the first request; 0.0.0.0 = none */
};

enum mpa_dhcp {
	MPA_DHCP_SERVER, /* we answer with the home address (5.3, A) */
	MPA_DHCP_RELAY,  /* relayed to `dhcp_server` with option 118; the ACK triggers registration (L-36, L-37) */
	MPA_DHCP_ANCHOR, /* tunnelled to the home agent, which relays (L-38) */
	MPA_DHCP_OFF,
	MPA_DHCP_COUNT
};

struct mpa_access {
	char interface[16];
	uint32_t ifindex; /* filled by the daemon */
	uint8_t mac[6];   /* filled by the daemon */
	bool trusted;     /* static map and first packet identify stations here; else only `holdfast attach` does */
	bool by_dhcp, by_packet, by_carrier; /* triggers; defaults true true true */
	char *hostapd;                       /* its control socket, or the directory of them; NULL = none beside us */
	uint16_t presence_s;                 /* a station silent for so long is asked whether it is there; 0 = never */
	char *carrier_nai;      /* by_carrier: who sits behind this port ("" / NULL: link down only detaches) */
	uint8_t carrier_mac[6]; /* with carrier_nai */
};

enum mpa_profile { MPA_PROFILE_LEUNG00 /* D = 1 */, MPA_PROFILE_RFC5563 /* D = 0 */, MPA_PROFILE_COUNT }; /* */
enum mpa_udp { MPA_UDP_OFF, MPA_UDP_OFFER, MPA_UDP_FORCE, MPA_UDP_COUNT }; /* RFC 3519 extension in requests */

struct mpa_conf {
	struct in_addr care_of; /* our tunnel end */

	struct mpa_home_agent *home_agents;
	size_t home_agent_n;
	struct mpa_network *networks;
	size_t network_n;
	struct mpa_association *associations;
	size_t association_n;
	struct mpa_station *stations;
	size_t station_n;
	struct mpa_access *accesses;
	size_t access_n;
	struct mpa_vpn *vpns; /* one or none */
	size_t vpn_n;
	struct mpa_naming naming; /* of VPN users */
	struct relay_conf relay;  /* auth_port 0: none */
	enum mac_alg aaa_mac;     /* of the MN-HA keys that AAA brings; default hmac-sha-256 */

	uint8_t gateway_mac[6];   /* one MAC for all agents of the domain; default 00:00:5e:00:01:33 */
	struct in_addr server_id; /* DHCP server id shared by all agents; 0.0.0.0 = the network's gateway */
	enum mpa_profile profile;
	enum mpa_udp udp;
	enum mpa_dhcp dhcp;
	struct in_addr dhcp_server; /* MPA_DHCP_RELAY */
	struct prefix dhcp_subnet;  /* MPA_DHCP_RELAY: value of option 118 */
	bool forward_broadcast;     /* L-43 */
	struct mip_sequence_carrier sequence;

	uint16_t lifetime_s;       /* requested; default 1800 */
	uint16_t retransmit_ms;    /* first retransmission; default 1000, doubles (RFC 5944 3.6.3) */
	uint16_t retransmit_max_s; /* ceiling of the back-off; default 32 */
	uint8_t failover_after;    /* transmissions without answer before the secondary agent; default 3 */
	uint16_t hold_s;           /* a detached station's binding is kept this long; default 30 (G-11) */
	uint16_t holdoff_ms;       /* after a revocation, packets alone do not re-attach for this long; default 200 */
	uint32_t max_subscribers;  /* default 4096 */
};

#endif
