/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agent discovery of a mobile node: router advertisements heard on any Ethernet link of the host, as whole frames, and
 * frames out of any of them. */
#ifndef HF_IO_AGENT_WATCH_H
#define HF_IO_AGENT_WATCH_H

#include "base/wire.h"

/* Return: descriptor or -errno. */
int agent_watch_open(void);
/* Calls @fn for a bounded number of advertisements that wait. */
void agent_watch_read(int fd, void (*fn)(void *ctx, uint32_t ifindex, struct span frame), void *ctx);
int agent_watch_send(int fd, uint32_t ifindex, struct span frame); /* 0 or -errno */

#endif
