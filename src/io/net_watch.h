/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, IPv4 addresses and default routes of this host, as the kernel tells them. */
#ifndef HF_IO_NET_WATCH_H
#define HF_IO_NET_WATCH_H

#include "roles/events.h"

struct net_watch; /* opaque */

/* Return: 0 or -errno. All there is comes first, between NET_LISTING and NET_LISTED, and again when news were lost. A listing
 * that the kernel refuses, or of which something is lost, begins anew with another NET_LISTING until one is whole. */
int net_watch_open(struct net_watch **ret);
void net_watch_closep(struct net_watch **w);
/* To wait for: readable when net_watch_read() has something to do. */
int net_watch_fd(const struct net_watch *w);
/* Reads what has come, and calls @fn for each piece of it. Default routes: those of the main table; one of several
 * next hops is told as one by each of their links. */
void net_watch_read(struct net_watch *w, void (*fn)(void *ctx, const struct net_event *e), void *ctx);

#endif
