/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet of the link to charon: a JSON object (doc/charon-link.md). */
#ifndef HF_IO_CHARON_JSON_H
#define HF_IO_CHARON_JSON_H

#include <jansson.h>

#include "roles/charon.h"

enum { CHARON_PACKET_MAX = 8192, CHARON_TEXT_MAX = 255 };

/**
 * charon_event_parse() - an event as the plugin sends it.
 * @ret: its texts live in @ret_keep; free that with json_decref().
 * Return: 0, or -EBADMSG: not an object, unknown event, a member of the wrong type, an address that is none, or a text
 * longer than CHARON_TEXT_MAX.
 */
int charon_event_parse(const char *packet, size_t n, struct charon_event *ret, json_t **ret_keep);

/* Return: octets written to @ret, or -EMSGSIZE, -ENOMEM. */
int charon_command_build(const struct charon_command *c, char *ret, size_t cap);

#endif
