/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain packets to the home address of a mobile host that arrive by some Ethernet link: neither IKE nor ESP, nor out of
 * a tunnel. */
#ifndef HF_IO_PLAIN_WATCH_H
#define HF_IO_PLAIN_WATCH_H

#include <netinet/in.h>
#include <stdint.h>

struct plain_watch; /* opaque */

/* Nothing is watched yet. Return: 0 or -errno. */
int plain_watch_open(struct plain_watch **ret);
void plain_watch_closep(struct plain_watch **w);
int plain_watch_fd(const struct plain_watch *w);
/* Watches for packets to @home from now on; 0.0.0.0: for none. Return: 0 or -errno. */
int plain_watch_set(struct plain_watch *w, struct in_addr home);
/* Reads what has come, and calls @fn for the first of it. */
void plain_watch_read(struct plain_watch *w, void (*fn)(void *ctx, uint32_t ifindex), void *ctx);

#endif
