/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a mobile node is configured to do. Filled by conf/, borrowed by mn_new(), read by roles/mn/. */
#ifndef HF_ROLES_MN_CONF_H
#define HF_ROLES_MN_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
