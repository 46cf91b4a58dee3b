/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks and the random source that roles are given. */
#ifndef HF_IO_NOW_H
#define HF_IO_NOW_H

#include "base/clock.h"
#include "roles/events.h"

struct instant now_instant(void);
uint64_t now_unix_us(void);

/* Backed by getrandom(). */
extern const struct random system_random;

#endif
