/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's end of the link to strongSwan's charon: a local seqpacket socket, for its owner only (0600). */
#ifndef HF_IO_CHARON_LINK_H
#define HF_IO_CHARON_LINK_H

#include <uv.h>

#include "roles/charon.h"

struct charon_link; /* opaque */

/**
 * charon_link_open() - listen at <run_dir>/<instance>.charon; what is left there of an earlier run is replaced.
 * @fn: called for each event. One plugin is connected at a time; a new one replaces it, with CHARON_GONE in between.
 * Return: 0 or -errno.
 */
int charon_link_open(uv_loop_t *loop, const char *run_dir, const char *instance,
		     void (*fn)(void *ctx, const struct charon_event *e), void *ctx, struct charon_link **ret);
/* Closes all (@l may be NULL); the loop must run once more for the memory to be freed. */
void charon_link_close(struct charon_link *l);
/* Return: 0, -ENOTCONN, or -errno: then the connection is given up, and CHARON_GONE follows. */
int charon_link_send(struct charon_link *l, const struct charon_command *c);
/* Packets that were no event. */
uint64_t charon_link_malformed(const struct charon_link *l);

#endif
