/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for @more octets and a NUL. Not by realloc(), which leaves copies behind. */
static bool reserve(struct text *t, size_t more)
{
	size_t cap = t->cap ? t->cap : 4096;
	char *at;

	if (t->failed)
		return false;
	if (t->cap - t->n > more)
		return true;
	while (cap - t->n <= more)
		cap *= 2;
	at = calloc(1, cap);
	if (!at) {
		t->failed = true;
		return false;
	}
	if (t->at) {
		memcpy(at, t->at, t->n);
		explicit_bzero(t->at, t->n);
		free(t->at);
	}
	t->at = at;
	t->cap = cap;
	return true;
}

static void put(struct text *t, const char *s, size_t n)
{
	if (!reserve(t, n))
		return;
	memcpy(t->at + t->n, s, n);
	t->n += n;
	t->at[t->n] = '\0';
}

void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !reserve(t, (size_t)n))
		return;
	va_start(args, format);
	t->n += (size_t)vsnprintf(t->at + t->n, t->cap - t->n, format, args);
	va_end(args);
}

void text_done(struct text *t)
{
	if (t->at)
		explicit_bzero(t->at, t->n);
	free(t->at);
	*t = (struct text){ 0 };
}

void text_add_xml(struct text *t, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&':
			put(t, "&amp;", 5);
			break;
		case '<':
			put(t, "&lt;", 4);
			break;
		case '>': /* must not end "]]>" */
			put(t, "&gt;", 4);
			break;
		default:
			put(t, s, 1);
		}
}

/* Octets of a character that ends a verbatim string: ', or one of U+2018 to U+201B. */
static size_t single_quote(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] == '\'')
		return 1;
	return u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0x98 && u[2] <= 0x9b ? 3 : 0;
}

void text_add_powershell(struct text *t, const char *s)
{
	put(t, "'", 1);
	while (*s) {
		size_t quote = single_quote(s), n = quote ? quote : 1;

		put(t, s, n);
		if (quote)
			put(t, s, n); /* doubled, it stands for itself */
		s += n;
	}
	put(t, "'", 1);
}

void text_add_swanctl(struct text *t, const char *s)
{
	put(t, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			put(t, "\\", 1);
		put(t, s, 1);
	}
	put(t, "\"", 1);
}

void text_add_base64(struct text *t, const void *octets, size_t n)
{
	if (n > 1U << 24 || !reserve(t, (n + 2) / 3 * 4))
		return;
	t->n += (size_t)EVP_EncodeBlock((unsigned char *)t->at + t->n, octets, (int)n);
}

bool text_is_plain(const char *s, size_t max)
{
	size_t n = strlen(s);
	json_t *valid;

	if (n == 0 || n > max)
		return false;
	for (const unsigned char *u = (const unsigned char *)s; *u; u++)
		if (*u < 0x20 || *u == 0x7f || (u[0] == 0xc2 && u[1] < 0xa0) ||
		    (u[0] == 0xef && u[1] == 0xbf && u[2] >= 0xbe)) /* U+FFFE, U+FFFF: not in XML */
			return false;
	valid = json_string(s); /* none if this is not UTF-8 */
	json_decref(valid);
	return valid != NULL;
}
