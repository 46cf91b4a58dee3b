/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talking to the daemons: one JSON object per line over their control sockets. */
#ifndef HF_CLI_ASK_H
#define HF_CLI_ASK_H

#include <jansson.h>
#include <stdbool.h>

enum status { STATUS_OK = 0, STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_UNREACHABLE = 3 };

struct options {
	const char *run_dir;
	bool json;
};

/**
 * ask_all() - the same question to every daemon whose socket is in the run directory.
 * @request: taken over.
 * Return: array of answers, each with its daemon's name as member "instance"; empty when nobody was reached (said so).
 */
json_t *ask_all(const struct options *o, json_t *request);

/* Calls @fn for every event of every daemon until interrupted or all are gone. Return: enum status. */
int watch_all(const struct options *o, void (*fn)(const struct options *o, const json_t *record));

/* Runs "<program> --check -c <file>": the one beside this command, else from the path. Return: its exit status. */
int run_beside(const char *program, const char *file);

#endif
