/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control socket: one JSON object per line each way. For the owner of the daemon only (0600). */
#ifndef HF_IO_CONTROL_H
#define HF_IO_CONTROL_H

#include <jansson.h>
#include <uv.h>

enum { CONTROL_CLIENTS = 64, CONTROL_LINE_MAX = 65536, CONTROL_QUEUE_MAX = 1 << 20 };

struct control; /* opaque */

/**
 * control_open() - listen at <run_dir>/<instance>.sock; what is left there of an earlier run is replaced.
 * @answer: makes the answer to one request; owned by the caller of it. `watch` is handled inside: its client gets every
 *          record from then on. A client that is CONTROL_QUEUE_MAX octets behind in reading is dropped.
 * Return: 0 or -errno.
 */
int control_open(uv_loop_t *loop, const char *run_dir, const char *instance,
		 json_t *(*answer)(void *ctx, const char *verb, const json_t *request), void *ctx,
		 struct control **ret);
/* Closes all; the loop must run once more for the memory to be freed. */
void control_close(struct control *c);

/* Sends @record to everyone who watches. */
void control_publish(struct control *c, json_t *record);
/* Clients dropped because they did not read. */
uint64_t control_dropped(const struct control *c);

/* {"ok":false,"error":...,"code":...} */
json_t *control_error(const char *code, const char *sentence);

#endif
