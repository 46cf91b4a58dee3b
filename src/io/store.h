/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and values on disk that survive the daemon, and, but for the last second, the machine. */
#ifndef HF_IO_STORE_H
#define HF_IO_STORE_H

#include "base/wire.h"

struct store; /* opaque; one thread, but for store_sync() */

/**
 * store_open() - the store at @path, made when there is none; its directory too.
 * @room: [octets] it may grow to.
 * @ret_damaged: true when the file was damaged: it is PATH.damaged now, and the store empty.
 * Return: 0 or -errno.
 */
int store_open(const char *path, size_t room, struct store **ret, bool *ret_damaged);
void store_closep(struct store **s); /* NULL-safe */

/* Each is done when it returns, whatever happens to us then. Return: 0 or -errno; -ENOSPC: it is full. */
int store_put(struct store *s, struct span key, struct span value);
int store_del(struct store *s, struct span key);
/* All as it is now; @fn may change the store. Return: 0 or -errno. */
int store_each(struct store *s, void (*fn)(void *ctx, struct span key, struct span value), void *ctx);
/* Onto the disk; takes a while, and may run in another thread. Return: 0 or -errno. */
int store_sync(struct store *s);

#endif
