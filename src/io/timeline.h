/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened to each user lately, for `holdfast explain`: records as JSON, bounded per user and in users. */
#ifndef HF_IO_TIMELINE_H
#define HF_IO_TIMELINE_H

#include <jansson.h>

enum { TIMELINE_RECORDS = 128, TIMELINE_USERS = 1024 };

struct timeline; /* opaque */

int timeline_new(struct timeline **ret); /* 0 or -ENOMEM */
void timeline_freep(struct timeline **t);

/* Keeps a reference to @record. The oldest record of the user, or the user silent for longest, makes room. */
void timeline_add(struct timeline *t, const char *nai, json_t *record);
/* A new array, oldest first; NULL when nothing is known of @nai. */
json_t *timeline_get(const struct timeline *t, const char *nai);

#endif
