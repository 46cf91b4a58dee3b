/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home address of a mobile node: on a TUN of its own, whatever the links do, so that no socket loses it. What is sent
 * into the device is lost without an error. It outlives the daemon. */
#ifndef HF_DP_HOME_H
#define HF_DP_HOME_H

#include <stdbool.h>

#include "base/wire.h"

/* The guard: rules for packets from the home address that no tunnel takes, behind charon's (220) and before the main
 * table's (32766). The table of that number leads into the device. In client mode the home address is not charon's, and
 * all its packets go there first; but for renewals of leases, which are the links'. */
enum { DP_HOME_GUARD = 230, DP_HOME_FIRST = 210, DP_HOME_DHCP = 208 };

/* Client mode, where the kernel does ESP: the table that care-of addresses of the VPN look into, before charon's routes,
 * which lead out of the host. This one leads into the device too; a policy takes its packets away from there. */
enum { DP_HOME_ESP = 231 };

enum dp_guard {
	DP_GUARD_OFF,
	DP_GUARD_ON,     /* packets from an address go through a tunnel, by charon's routes, or nowhere */
	DP_GUARD_BY_ESP, /* ... by an IPsec policy or nowhere, whatever the routes are */
};

struct dp_home; /* opaque */

/* Creates or adopts the persistent TUN @device (borrowed), with the addresses it has. @mark: of charon's own packets,
 * which the guard lets pass. Return: 0 or -errno. */
int dp_home_open(const char *device, uint32_t mark, struct dp_home **ret);
void dp_home_closep(struct dp_home **h);
/* The device is created again should somebody have removed it. Return: 0 or -errno. */
int dp_home_set(struct dp_home *h, struct in_addr a);
/* Return: 0, also when it was not there, or -errno. */
int dp_home_del(struct dp_home *h, struct in_addr a);
/* Return: 0 or -errno. */
int dp_home_guard(struct dp_home *h, struct in_addr a, enum dp_guard how);
/* Client mode: the host has the address @a (B-05). Packets from it go into the device whatever routes the VPN has, and so do
 * those of sockets that are not bound, which begin with it: a connection begun anywhere lasts everywhere. Marked packets
 * know their own way, and a DHCP client's are left to its link. Return: 0 or -errno. */
int dp_home_prefer(struct dp_home *h, struct in_addr a);
/* An IPv4 packet arrives by the device. Return: 0 or -errno. */
int dp_home_inject(struct dp_home *h, struct span packet);
/* Takes the device away, and the guard of its addresses. */
void dp_home_flush(const char *device, uint32_t mark);

#endif
