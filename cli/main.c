/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast: the one command people type. It knows no protocol; it asks the daemons and prints what they say. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "print.h"
#include "profile.h"

static const char help[] =
	"usage: holdfast [--run-dir DIR] [--json] COMMAND\n"
	"\n"
	"  show [summary|bindings|subscribers|visitors|sessions|tunnels|node|counters]\n"
	"                      state of all daemons on this machine\n"
	"  watch               events as they happen, until interrupted\n"
	"  explain NAI         one user's history, with times and reasons\n"
	"  kick NAI            end this user's registrations\n"
	"  attach NAI INTERFACE MAC [home-agent=A] [home-address=A] [spi=N key-file=F [algorithm=N]]\n"
	"                      a station showed up at a port\n"
	"  detach NAI [hold]   it left\n"
	"  gateway NAME [NAI]  on a mobile host: go through this VPN gateway from now on\n"
	"  check FILE          check a configuration file\n"
	"  profile swanctl|apple|windows|android OPTIONS\n"
	"                      a ready-made profile for a VPN client; profile --help lists the options\n"
	"\n"
	"  --run-dir DIR       where the control sockets are (default /run/holdfast)\n"
	"  --json              for programs\n"
	"  --version, --help\n"
	"\n"
	"Exit status: 0 done, 1 refused or not found, 2 wrong usage or configuration, 3 no daemon reached.\n";

static int usage(const char *what)
{
	(void)fprintf(stderr, "holdfast: %s\n%s", what, help);
	return STATUS_USAGE;
}

static int do_show(const struct options *o, int n, char **args)
{
	const char *what = n > 0 ? args[0] : "summary";

	if (!print_can_show(what) || n > 1)
		return usage(
			"show: allowed: summary, bindings, subscribers, visitors, sessions, tunnels, node, counters");
	return print_show(o, what, ask_all(o, json_pack("{s:s, s:s}", "verb", "show", "what", what)));
}

static int do_explain(const struct options *o, int n, char **args)
{
	if (n != 1)
		return usage("explain needs one NAI");
	return print_explain(o, args[0], ask_all(o, json_pack("{s:s, s:s}", "verb", "explain", "nai", args[0])));
}

static int do_kick(const struct options *o, int n, char **args)
{
	if (n != 1)
		return usage("kick needs one NAI");
	return print_done(o, ask_all(o, json_pack("{s:s, s:s}", "verb", "kick", "nai", args[0])));
}

/* "key-file=F" to a member key_file; spi stays text, the daemon reads it. */
static bool put_option(json_t *request, const char *arg)
{
	static const char *const known[][2] = { { "home-agent", "home_agent" },
						{ "home-address", "home_address" },
						{ "spi", "spi" },
						{ "key-file", "key_file" },
						{ "algorithm", "algorithm" } };
	const char *equals = strchr(arg, '=');

	for (size_t i = 0; equals && i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i][0]) == (size_t)(equals - arg) &&
		    strncmp(known[i][0], arg, (size_t)(equals - arg)) == 0)
			return json_object_set_new(request, known[i][1], json_string(equals + 1)) == 0;
	return false;
}

static int do_attach(const struct options *o, int n, char **args)
{
	json_t *request;

	if (n < 3)
		return usage("attach needs NAI, INTERFACE and MAC");
	request = json_pack("{s:s, s:s, s:s, s:s}", "verb", "attach", "nai", args[0], "interface", args[1], "mac",
			    args[2]);
	for (int i = 3; i < n; i++)
		if (!put_option(request, args[i])) {
			json_decref(request);
			return usage("attach: allowed: home-agent=, home-address=, spi=, key-file=, algorithm=");
		}
	return print_done(o, ask_all(o, request));
}

static int do_detach(const struct options *o, int n, char **args)
{
	bool hold = n == 2 && strcmp(args[1], "hold") == 0;

	if (n != 1 && !hold)
		return usage("detach needs one NAI, and perhaps 'hold'");
	return print_done(o, ask_all(o, json_pack("{s:s, s:s, s:b}", "verb", "detach", "nai", args[0], "hold", hold)));
}

static int do_gateway(const struct options *o, int n, char **args)
{
	json_t *request;

	if (n < 1 || n > 2)
		return usage("gateway needs the name of a connection, and perhaps the NAI of its host");
	request = json_pack("{s:s, s:s}", "verb", "gateway", "name", args[0]);
	if (n == 2)
		(void)json_object_set_new(request, "nai",
					  json_string(args[1])); /* without memory, all hosts are asked */
	return print_done(o, ask_all(o, request));
}

static int do_watch(const struct options *o, int n, char **args)
{
	(void)args;
	return n == 0 ? watch_all(o, print_record) : usage("watch takes no arguments");
}

/* The word a line of a configuration begins with. */
static bool begins_with(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && !strchr("-_", line[n]);
}

/* A section of that name: at the beginning of a line, and not a key with a value. */
static bool opens(const char *line, const char *word)
{
	const char *next = line + strlen(word);

	return begins_with(line, word) && next[strspn(next, " \t")] != '=';
}

/* Which program a file is for, the words that only it has say: several, as one may be misspelt. A foreign agent's are a
 * proxy agent's, without home agents and their networks. */
static const char *program_of(FILE *f)
{
	static const struct {
		const char *word, *program;
	} words[] = {
		{ "care-of", "holdfast-mpa" }, { "access", "holdfast-mpa" },    { "station", "holdfast-mpa" },
		{ "vpn", "holdfast-mpa" },     { "connection", "holdfast-mn" }, { "inside", "holdfast-mn" },
		{ "mode", "holdfast-mn" },
	};
	const char *program = "holdfast-ha";
	bool has_agent = false, has_network = false;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (begins_with(line + strspn(line, " \t"), words[i].word))
				program = words[i].program;
		has_agent = has_agent || opens(line, "home-agent");
		has_network = has_network || opens(line, "network");
	}
	if (has_agent)
		return "holdfast-mpa";
	return strcmp(program, "holdfast-mpa") == 0 && !has_network ? "holdfast-fa" : program;
}

/* The program that reads a file knows best what is wrong in it. */
static int do_check(const struct options *o, int n, char **args)
{
	const char *program;
	FILE *f;

	(void)o;
	if (n != 1)
		return usage("check needs one FILE");
	f = fopen(args[0], "re");
	if (!f) {
		(void)fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
		return STATUS_USAGE;
	}
	program = program_of(f);
	(void)fclose(f); /* only read */
	return run_beside(program, args[0]);
}

static const struct {
	const char *name;
	int (*run)(const struct options *o, int n, char **args);
} commands[] = {
	{ "show", do_show },     { "watch", do_watch },   { "explain", do_explain },
	{ "kick", do_kick },     { "attach", do_attach }, { "gateway", do_gateway },
	{ "detach", do_detach }, { "check", do_check },   { "profile", do_profile },
};

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "run-dir", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options o = { .run_dir = "/run/holdfast" };
	int c;

	while ((c = getopt_long(argc, argv, "+hj", long_options, NULL)) != -1)
		switch (c) {
		case 'r':
			o.run_dir = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'V':
			printf("holdfast %s\n", HF_VERSION);
			return STATUS_OK;
		case 'h':
			printf("%s", help);
			return STATUS_OK;
		default:
			return STATUS_USAGE; /* getopt said why */
		}
	if (optind == argc)
		return usage("a command is missing");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[optind]) == 0)
			return commands[i].run(&o, argc - optind - 1, argv + optind + 1);
	return usage("no such command");
}
