/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AAA servers, as every role that asks them is configured. Filled by conf/. */
#ifndef HF_ROLES_RADIUS_CONF_H
#define HF_ROLES_RADIUS_CONF_H

#include "base/wire.h"

enum { RADIUS_SECRET_MAX = 64, RADIUS_SERVERS_MAX = 32 };

struct radius_secret {
	uint8_t octets[RADIUS_SECRET_MAX];
	size_t n;
};

/* One AAA server. Where there are several, they are asked in their order. */
struct radius_server {
	char name[32];
	struct in_addr address;
	uint16_t auth_port, acct_port; /* 1812, 1813; 0: is not asked such */
	struct radius_secret secret;
	uint16_t timeout_ms; /* until a request is repeated; default 1000 */
	uint8_t tries;       /* transmissions before the next server is asked; default 3 */
	bool unproven;       /* replies without Message-Authenticator are taken, unless they carry EAP */
};

#endif
