/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/log.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <syslog.h>

static enum record_level log_least = RECORD_NOTICE;
static bool journal;

void log_open(enum record_level least)
{
	log_least = least;
	journal = getenv("JOURNAL_STREAM") != NULL;
	(void)setvbuf(stderr, NULL, _IOLBF, 0); /* whole lines; unbuffered otherwise, which is only slower */
}

static void begin(enum record_level level)
{
	static const int priorities[RECORD_LEVEL_COUNT] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO };

	if (journal)
		(void)fprintf(stderr, "<%d>", priorities[level]); /* nowhere to complain to */
}

static void print_address(const char *key, struct in_addr a)
{
	char text[INET_ADDRSTRLEN];

	if (a.s_addr != INADDR_ANY && inet_ntop(AF_INET, &a, text, sizeof(text)))
		(void)fprintf(stderr, " %s=%s", key, text);
}

/* Quotes inside of the text would end it early. */
static void print_quoted(const char *key, const char *text)
{
	(void)fprintf(stderr, " %s=\"", key);
	for (; *text; text++)
		(void)fputc(*text == '"' || *text < ' ' ? '\'' : *text, stderr);
	(void)fputc('"', stderr);
}

void log_record(const struct record *r)
{
	if (r->level > log_least)
		return;
	begin(r->level);
	(void)fprintf(stderr, "event=%s", r->event);
	if (r->security)
		(void)fputs(" security=yes", stderr);
	if (r->nai[0])
		print_quoted("nai", r->nai);
	print_address("home", r->home);
	print_address("peer", r->peer);
	if (r->old_state[0])
		(void)fprintf(stderr, " old=%s new=%s", r->old_state, r->new_state);
	if (r->reason[0])
		print_quoted("reason", r->reason);
	(void)fputc('\n', stderr);
}

void log_line(enum record_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_least)
		return;
	begin(level);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}
