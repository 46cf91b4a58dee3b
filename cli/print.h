/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers for people, or with --json for programs: {"version":1, ...}. All take the answers over; each returns the
 * exit status. */
#ifndef HF_CLI_PRINT_H
#define HF_CLI_PRINT_H

#include "ask.h"

/* Is it one of the things print_show() knows? */
bool print_can_show(const char *what);
int print_show(const struct options *o, const char *what, json_t *answers);
int print_explain(const struct options *o, const char *nai, json_t *answers);
int print_done(const struct options *o, json_t *answers); /* good when one daemon did it */
void print_record(const struct options *o, const json_t *record);

#endif
