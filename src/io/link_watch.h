/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carrier of interfaces, as the kernel tells it. */
#ifndef HF_IO_LINK_WATCH_H
#define HF_IO_LINK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct link_watch; /* opaque */

int link_watch_open(struct link_watch **ret); /* 0 or -errno */
void link_watch_closep(struct link_watch **w);
int link_watch_fd(const struct link_watch *w);
/* Calls @fn for every news of an interface; it may repeat what is known, and does so for all after news were lost. */
void link_watch_read(struct link_watch *w, void (*fn)(void *ctx, uint32_t ifindex, bool up), void *ctx);

#endif
