/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enum <-> text by a table of names. */
#ifndef HF_BASE_NAME_H
#define HF_BASE_NAME_H

#include <stddef.h>

/* Index of @text in @names (exact match), or -EINVAL. */
int name_find(const char *const *names, size_t n, const char *text);

#endif
