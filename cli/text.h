/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text that grows, and the quotations of the formats profiles are written in. Out of memory sticks: later calls do
 * nothing, and the one who wants the text asks `failed` once. */
#ifndef HF_CLI_TEXT_H
#define HF_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *at; /* NUL-terminated once something was added; wiped when it moves or ends, as it may hold secrets */
	size_t n, cap;
	bool failed;
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_done(struct text *t);

/* Character data of XML 1.0, without the tags around it. */
void text_add_xml(struct text *t, const char *s);

/* A verbatim string of PowerShell, with its quotes. Typographic single quotes end such a string too. */
void text_add_powershell(struct text *t, const char *s);

/* A string of strongswan.conf and swanctl.conf, with its quotes. */
void text_add_swanctl(struct text *t, const char *s);

void text_add_base64(struct text *t, const void *octets, size_t n);

/* 1 to @max octets of UTF-8 without control characters: what all these formats can carry. */
bool text_is_plain(const char *s, size_t max);

#endif
