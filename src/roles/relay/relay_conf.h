/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom the RADIUS relay serves and whom it asks. Filled by conf/, borrowed by relay_new(). */
#ifndef HF_ROLES_RELAY_CONF_H
#define HF_ROLES_RELAY_CONF_H

#include <string.h>

#include "core/prefix.h"
#include "roles/radius/radius_conf.h"

/* Authenticators of the access network: access points, hostapd, PPP and VPN servers. The longest prefix wins. */
struct relay_nas {
	char name[32];
	struct prefix address;
	struct radius_secret secret;
	bool unproven;      /* requests without Message-Authenticator are taken, unless they carry EAP */
	bool gives_address; /* the home address goes into the Accept's Framed-IP-Address (PPP, VPN) */
	uint16_t das_port;  /* it ends sessions when asked here (RFC 5176); 0 = it does not */
	/* Interface its stations arrive at; "" = told by Called-Station-Id or NAS-Port-Id. With a star at its end ("ppp*"):
	 * layer-3 devices of one user each, told by NAS-Port-Id or NAS-Port. */
	char access[16];
};

static inline bool relay_has_user_devices(const struct relay_nas *n)
{
	size_t length = strlen(n->access);

	return length > 0 && n->access[length - 1] == '*';
}

struct relay_conf {
	struct in_addr address;        /* AAA servers are asked from here; 0.0.0.0 = as the route is */
	uint16_t auth_port, acct_port; /* 0 = no relay */
	uint16_t das_port;             /* AAA servers may ask here for the end of a session; 0 = they may not */
	struct relay_nas *nases;
	size_t nas_n;
	struct radius_server *servers; /* when none takes accounting, it is answered here */
	size_t server_n;
	uint16_t dead_s;        /* a silent server is not asked first for so long; default 30 */
	uint16_t hold_ms;       /* an Accept waits so long for its registration; default 4000 */
	uint32_t max_exchanges; /* default 4096 */
};

#endif
