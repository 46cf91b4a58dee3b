/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as lines on standard error: key=value, with syslog priorities where the journal reads them. */
#ifndef HF_IO_LOG_H
#define HF_IO_LOG_H

#include "roles/actions.h"

void log_open(enum record_level least);
void log_record(const struct record *r);
/* One sentence of the daemon itself. */
void log_line(enum record_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
