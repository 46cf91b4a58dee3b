/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static bool is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

/* How much a refusal says: who knows the user or the port knows best, who never does such things knows least. */
static int weight(const json_t *answer)
{
	if (is_ok(answer) || strcmp(text(answer, "code"), "unsupported") == 0)
		return 0;
	return strcmp(text(answer, "code"), "not_found") == 0 ? 1 : 2;
}

/* Why nobody could: the sentence of who knows best. */
static int fail(json_t *answers)
{
	const json_t *best = json_array_get(answers, 0), *answer;
	int status = best ? STATUS_REFUSED : STATUS_UNREACHABLE;
	size_t i;

	json_array_foreach(answers, i, answer)
		if (weight(answer) > weight(best))
			best = answer;
	if (best)
		(void)fprintf(stderr, "holdfast: %s\n", text(best, "error"));
	if (strcmp(text(best, "code"), "usage") == 0)
		status = STATUS_USAGE;
	json_decref(answers);
	return status;
}

/* Keeps the answers of those who know about it; all when nobody does. Return: how many know. */
static size_t keep_ok(json_t *answers)
{
	const json_t *answer;
	size_t i, n = 0;

	json_array_foreach(answers, i, answer)
		n += is_ok(answer);
	for (i = json_array_size(answers); n > 0 && i > 0; i--)
		if (!is_ok(json_array_get(answers, i - 1)))
			(void)json_array_remove(answers, i - 1); /* it is there */
	return n;
}

static void print_json(json_t *answers)
{
	json_t *all = json_pack("{s:i, s:O}", "version", 1, "answers", answers);

	(void)json_dumpf(all, stdout, JSON_INDENT(2)); /* a closed pipe is the reader's wish */
	printf("\n");
	json_decref(all);
}

static void print_expiry(json_int_t s)
{
	if (s < 0)
		printf("%8s", "never");
	else
		printf("%7llds", (long long)s);
}

/* Simultaneous bindings of the line above. */
static void print_copies(const json_t *binding)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(binding, "copies"), i, c) {
		printf("%-28s %-15s %-15s %-7s %6s ", "", "", text(c, "care_of"),
		       text(json_object_get(c, "tunnel"), "encapsulation"), "");
		print_expiry(number(c, "expires_s"));
		printf("\n");
	}
}

static void print_bindings(const json_t *answer)
{
	const json_t *b;
	size_t i;

	printf("%-28s %-15s %-15s %-7s %6s %8s %10s %10s\n", "USER", "HOME ADDRESS", "CARE-OF", "TUNNEL", "SEQ",
	       "EXPIRES", "PKTS UP", "PKTS DOWN");
	json_array_foreach(json_object_get(answer, "bindings"), i, b) {
		const json_t *c = json_object_get(b, "counters");

		printf("%-28s %-15s %-15s %-7s %6lld ", text(b, "nai"), text(b, "home"), text(b, "care_of"),
		       text(json_object_get(b, "tunnel"), "encapsulation"), (long long)number(b, "sequence"));
		print_expiry(number(b, "expires_s"));
		printf(" %10lld %10lld\n", (long long)number(c, "up_packets"), (long long)number(c, "down_packets"));
		print_copies(b);
	}
}

static void print_subscribers(const json_t *answer)
{
	const json_t *s;
	size_t i;

	printf("%-28s %-13s %-15s %-10s %-17s %8s %10s %10s  %s\n", "USER", "STATE", "HOME ADDRESS", "PORT", "MAC",
	       "EXPIRES", "PKTS UP", "PKTS DOWN", "LET IN BY");
	json_array_foreach(json_object_get(answer, "subscribers"), i, s) {
		const json_t *c = json_object_get(s, "counters");

		printf("%-28s %-13s %-15s %-10s %-17s ", text(s, "nai"), text(s, "state"), text(s, "home"),
		       text(s, "interface"), text(s, "mac"));
		print_expiry(number(s, "expires_s"));
		printf(" %10lld %10lld  %s\n", (long long)number(c, "up_packets"), (long long)number(c, "down_packets"),
		       text(s, "nas")[0] ? text(s, "nas") : "-");
	}
}

static void print_tunnels(const json_t *answer)
{
	const json_t *t;
	size_t i;

	printf("%-15s %-15s %-6s %8s\n", "LOCAL", "REMOTE", "TUNNEL", "USERS");
	json_array_foreach(json_object_get(answer, "tunnels"), i, t) {
		const json_t *tunnel = json_object_get(t, "tunnel");

		printf("%-15s %-15s %-6s %8lld\n", text(tunnel, "local"), text(tunnel, "remote"),
		       text(tunnel, "encapsulation"), (long long)(number(t, "bindings") + number(t, "subscribers")));
	}
}

static void print_counters(const json_t *answer)
{
	const char *group, *name;
	json_t *members, *value;

	json_object_foreach(json_object_get(answer, "counters"), group, members) {
		json_object_foreach(members, name, value) {
			if (json_integer_value(value) != 0)
				printf("  %-10s %-28s %lld\n", group, name, (long long)json_integer_value(value));
		}
	}
}

/* Where a mobile host is, and how it got there. */
/* RFC 5266's access modes of a host that speaks Mobile IP itself. */
static void print_mode(const json_t *answer)
{
	const char *mode = text(answer, "mode"), *agent = text(answer, "foreign_agent");

	if (!json_object_get(answer, "mode"))
		return;
	printf("  mode          %s", mode[0] ? mode : "none yet");
	if (text(answer, "care_of")[0])
		printf(", care-of address %s%s%s, for %llds more", text(answer, "care_of"), agent[0] ? " of " : "",
		       agent, (long long)number(answer, "expires_s"));
	printf("\n");
}

static void print_node(const json_t *answer)
{
	const char *mode = text(answer, "mode"), *mark = !mode[0] || strcmp(mode, "home") == 0 ? "at home" : "in use";
	const json_t *link, *address;
	size_t i, k;

	printf("  %s: %s, for %llds: %s\n", text(answer, "nai"), text(answer, "state"),
	       (long long)number(answer, "age_s"), text(answer, "reason"));
	printf("  home address  %s on %s\n", text(answer, "home")[0] ? text(answer, "home") : "none yet",
	       text(answer, "device"));
	print_mode(answer);
	if (!json_is_true(json_object_get(answer, "charon")))
		printf("  charon        is not there\n");
	if (text(answer, "connection")[0])
		printf("  gateway       %s, IKE_SA %lld, %lld CHILD_SAs, %s to %s\n", text(answer, "connection"),
		       (long long)number(answer, "sa"), (long long)number(answer, "children"), text(answer, "local"),
		       text(answer, "remote"));
	json_array_foreach(json_object_get(answer, "links"), i, link) {
		printf("  %-12s  %s", text(link, "name"), json_is_true(json_object_get(link, "up")) ? "up" : "down");
		json_array_foreach(json_object_get(link, "addresses"), k, address)
			printf(" %s", json_string_value(address));
		if (strcmp(text(link, "name"), text(answer, "native")) == 0)
			printf(" (%s)", mark);
		printf("\n");
	}
}

static void print_summary(const json_t *answer)
{
	static const char *const kept[][2] = { { "ha", "bindings" }, { "mpa", "subscribers" }, { "fa", "visitors" } };
	const char *of = "subscribers";

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (strcmp(text(answer, "role"), kept[i][0]) == 0)
			of = kept[i][1];
	if (strcmp(text(answer, "role"), "mn") == 0) {
		printf("  %-12s holdfast-mn %s, %s, %s\n", text(answer, "instance"), text(answer, "version"),
		       text(answer, "state"), text(answer, "home")[0] ? text(answer, "home") : "no home address yet");
		return;
	}
	printf("  %-12s holdfast-%s %s, %lld %s\n", text(answer, "instance"), text(answer, "role"),
	       text(answer, "version"), (long long)number(answer, of), of);
}

static void print_sessions(const json_t *answer)
{
	const json_t *s;
	size_t i;

	printf("%-6s %-28s %-13s %-15s %-21s %8s %8s\n", "IKE_SA", "USER", "STATE", "HOME ADDRESS", "FROM", "CHILDREN",
	       "AGE");
	json_array_foreach(json_object_get(answer, "sessions"), i, s) {
		char from[64];

		(void)snprintf(from, sizeof(from), "%s:%lld", text(s, "remote"), (long long)number(s, "remote_port"));
		printf("%-6lld %-28s %-13s %-15s %-21s %8lld %7llds\n", (long long)number(s, "sa"), text(s, "nai"),
		       text(s, "state"), text(s, "home"), from, (long long)number(s, "children"),
		       (long long)number(s, "age_s"));
	}
}

static void print_visitors(const json_t *answer)
{
	const json_t *v;
	size_t i;

	printf("%-28s %-15s %-15s %-17s %-14s %8s %8s %10s %10s\n", "USER", "HOME ADDRESS", "HOME AGENT", "MAC",
	       "REVERSE TUNNEL", "AGE", "EXPIRES", "PKTS UP", "PKTS DOWN");
	json_array_foreach(json_object_get(answer, "visitors"), i, v) {
		const json_t *c = json_object_get(v, "counters");

		printf("%-28s %-15s %-15s %-17s %-14s %7llds ", text(v, "nai"), text(v, "home"), text(v, "home_agent"),
		       text(v, "mac"), text(v, "reverse"), (long long)number(v, "age_s"));
		print_expiry(number(v, "expires_s"));
		printf(" %10lld %10lld\n", (long long)number(c, "up_packets"), (long long)number(c, "down_packets"));
	}
}

static const struct {
	const char *what;
	void (*print)(const json_t *answer);
} shows[] = {
	{ "summary", print_summary },   { "bindings", print_bindings }, { "subscribers", print_subscribers },
	{ "sessions", print_sessions }, { "tunnels", print_tunnels },   { "node", print_node },
	{ "visitors", print_visitors }, { "counters", print_counters },
};

bool print_can_show(const char *what)
{
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++)
		if (strcmp(shows[i].what, what) == 0)
			return true;
	return false;
}

int print_show(const struct options *o, const char *what, json_t *answers)
{
	json_t *answer;
	size_t i;

	if (keep_ok(answers) == 0)
		return fail(answers);
	if (o->json) {
		print_json(answers);
		json_decref(answers);
		return STATUS_OK;
	}
	json_array_foreach(answers, i, answer) {
		if (strcmp(what, "summary") != 0)
			printf("%s%s (%s)\n", i > 0 ? "\n" : "", text(answer, "instance"), text(answer, "role"));
		for (size_t n = 0; n < sizeof(shows) / sizeof(shows[0]); n++)
			if (strcmp(shows[n].what, what) == 0)
				shows[n].print(answer);
	}
	json_decref(answers);
	return STATUS_OK;
}

int print_done(const struct options *o, json_t *answers)
{
	if (keep_ok(answers) == 0)
		return fail(answers);
	if (o->json)
		print_json(answers);
	json_decref(answers);
	return STATUS_OK;
}

static void print_event(const json_t *r)
{
	printf("%-6s %-24s", text(r, "node"), text(r, "event"));
	if (text(r, "old")[0])
		printf(" %s -> %s:", text(r, "old"), text(r, "new"));
	if (text(r, "reason")[0])
		printf(" %s", text(r, "reason"));
	if (text(r, "peer")[0])
		printf(" [%s]", text(r, "peer"));
	printf("\n");
}

void print_record(const struct options *o, const json_t *record)
{
	json_int_t us = number(record, "time_us");
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	char when[16] = "";

	if (o->json) {
		(void)json_dumpf(record, stdout, JSON_COMPACT); /* a closed pipe is the reader's wish */
		printf("\n");
	} else {
		if (localtime_r(&s, &tm))
			(void)strftime(when, sizeof(when), "%H:%M:%S", &tm); /* fits */
		printf("%s.%03d %-24s ", when, (int)(us / 1000 % 1000), text(record, "nai"));
		print_event(record);
	}
	(void)fflush(stdout); /* as above */
}

static int by_time(const void *a, const void *b)
{
	json_int_t x = number(*(json_t *const *)a, "time_us"), y = number(*(json_t *const *)b, "time_us");

	return x < y ? -1 : x > y;
}

/* All records of all daemons in order of time. */
static json_t *merge(const json_t *answers)
{
	json_t *all = json_array(), *merged = json_array(), **v;
	const json_t *answer;
	size_t i, n;

	json_array_foreach(answers, i, answer)
		(void)json_array_extend(all, json_object_get(answer, "records")); /* short without memory */
	n = json_array_size(all);
	v = calloc(n + 1, sizeof(*v));
	for (i = 0; v && i < n; i++)
		v[i] = json_array_get(all, i);
	if (v)
		qsort(v, n, sizeof(*v), by_time);
	for (i = 0; v && i < n; i++)
		(void)json_array_append(merged, v[i]); /* as above */
	free(v);
	json_decref(all);
	return merged;
}

/* A new stretch begins when the station shows up somewhere: times count from there. */
static void print_history(const json_t *records)
{
	json_int_t start = 0;
	const json_t *r;
	size_t i;

	json_array_foreach(records, i, r) {
		json_int_t us = number(r, "time_us");

		if (i == 0 || strcmp(text(r, "event"), "attached") == 0) {
			time_t s = (time_t)(us / 1000000);
			struct tm tm;
			char when[32] = "";

			if (localtime_r(&s, &tm))
				(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm); /* fits */
			printf("%s%s.%03d\n", i > 0 ? "\n" : "", when, (int)(us / 1000 % 1000));
			start = us;
		}
		printf("%10.1f ms  ", (double)(us - start) / 1000);
		print_event(r);
	}
}

int print_explain(const struct options *o, const char *nai, json_t *answers)
{
	json_t *records;

	if (keep_ok(answers) == 0)
		return fail(answers);
	records = merge(answers);
	if (o->json) {
		json_t *all = json_pack("{s:i, s:s, s:O}", "version", 1, "nai", nai, "records", records);

		(void)json_dumpf(all, stdout, JSON_INDENT(2)); /* a closed pipe is the reader's wish */
		printf("\n");
		json_decref(all);
	} else {
		printf("%s\n\n", nai);
		print_history(records);
	}
	json_decref(records);
	json_decref(answers);
	return STATUS_OK;
}
