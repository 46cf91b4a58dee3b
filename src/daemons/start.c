/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all programs do first: options, configuration file, --check and --flush. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "daemons/daemon.h"
#include "io/log.h"

enum { EXIT_USAGE = 2 };

struct options {
	const char *config;
	const char *run_dir, *instance; /* NULL = as in the file */
	bool check, flush;
};

/* Return: 0, 1 (done), or -EINVAL (said why). */
static int read_options(int argc, char **argv, const char *help, struct options *ret)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },   { "check", no_argument, NULL, 'k' },
		{ "flush", no_argument, NULL, 'f' },          { "run-dir", required_argument, NULL, 'r' },
		{ "instance", required_argument, NULL, 'i' }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },           { 0 },
	};
	struct options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "c:h", known, NULL)) != -1)
		switch (c) {
		case 'c':
			o.config = optarg;
			break;
		case 'k':
			o.check = true;
			break;
		case 'f':
			o.flush = true;
			break;
		case 'r':
			o.run_dir = optarg;
			break;
		case 'i':
			o.instance = optarg;
			break;
		case 'V':
			printf("%s %s\n", argv[0], HF_VERSION);
			return 1;
		case 'h':
			printf("%s", help);
			return 1;
		default:
			return -EINVAL; /* getopt said why */
		}
	if (!o.config || optind != argc) {
		(void)fprintf(stderr, "%s", help);
		return -EINVAL;
	}
	*ret = o;
	return 0;
}

/* Options win over the file; what both leave open gets its default. */
static void override(struct daemon_conf *c, const struct options *o)
{
	if (o->run_dir)
		(void)snprintf(c->run_dir, sizeof(c->run_dir), "%s", o->run_dir); /* too long a path fails when used */
	if (o->instance)
		(void)snprintf(c->instance, sizeof(c->instance), "%s", o->instance); /* as above */
	if (!c->pin_dir[0])
		(void)snprintf(c->pin_dir, sizeof(c->pin_dir), "/sys/fs/bpf/holdfast-%s", c->instance); /* fits */
}

int daemon_main(int argc, char **argv, const struct program *p, void *file)
{
	struct daemon_conf *c = file;
	struct options o;
	struct conf_error e;
	int r = read_options(argc, argv, p->help, &o);

	if (r != 0)
		return r < 0 ? EXIT_USAGE : 0;
	if (p->load(o.config, file, &e) < 0) {
		(void)fprintf(stderr, "%s\n", e.text);
		return EXIT_USAGE;
	}
	override(c, &o);
	log_open(c->log_level);
	if (o.check) {
		printf("%s: ok\n", o.config);
		return 0;
	}
	return (o.flush ? p->flush(file) : p->run(file)) < 0 ? 1 : 0;
}
