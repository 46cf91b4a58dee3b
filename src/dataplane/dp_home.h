/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home address of a mobile node: on a TUN of its own, whatever the links do, so that no socket loses it. The device
 * carries no packets. It outlives the daemon. */
#ifndef HF_DP_HOME_H
#define HF_DP_HOME_H

#include <netinet/in.h>

struct dp_home; /* opaque */

/* Creates or adopts the persistent TUN @device (borrowed), with the addresses it has. Return: 0 or -errno. */
int dp_home_open(const char *device, struct dp_home **ret);
void dp_home_closep(struct dp_home **h);
/* The device is created again should somebody have removed it. Return: 0 or -errno. */
int dp_home_set(struct dp_home *h, struct in_addr a);
/* Return: 0, also when it was not there, or -errno. */
int dp_home_del(struct dp_home *h, struct in_addr a);
/* Takes the device away. */
void dp_home_flush(const char *device);

#endif
