/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One value of a configuration: text to its type. */
#ifndef HF_CONF_VALUE_H
#define HF_CONF_VALUE_H

#include "conf/schema.h"

/* Octets one element takes in memory. */
size_t value_octets(enum key_kind kind);
bool value_is_list(enum key_kind kind);

/**
 * value_parse() - @text to the type of @key at @ret; for lists, one element.
 * @ret_allowed: on failure, what would have been right (static or in @buffer).
 * Return: 0, -EINVAL, -ENOMEM.
 */
int value_parse(const struct conf_key *key, const char *text, void *ret, char buffer[256], const char **ret_allowed);

/* "hex:0a0b..." or "text:..." to octets. Return: 0, -EINVAL, -ENOSPC (more than @max). */
int octets_parse(const char *text, uint8_t *ret, size_t max, size_t *ret_n);

#endif
