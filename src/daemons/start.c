/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all programs do first: options, configuration file, --check and --flush. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemons/daemon.h"
#include "io/log.h"

enum { EXIT_USAGE = 2 };

static const char help[] = "usage: %s -c FILE [--check] [--flush] [--run-dir DIR] [--instance NAME]\n"
			   "  -c, --config FILE   configuration, see %s.conf(5)\n"
			   "      --check         only check it\n"
			   "      --flush         take out of the kernel what outlives us, and exit\n"
			   "      --run-dir DIR   directory of the control socket, and of charon's\n"
			   "      --instance NAME name of this daemon\n"
			   "      --version, --help\n";

struct options {
	const char *config;
	const char *run_dir, *instance; /* NULL = as in the file */
	bool check, flush;
};

/* Return: 0, 1 (done), or -EINVAL (said why). */
static int read_options(int argc, char **argv, const char *program, struct options *ret)
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
			printf(help, program, program);
			return 1;
		default:
			return -EINVAL; /* getopt said why */
		}
	if (!o.config || optind != argc) {
		(void)fprintf(stderr, help, program, program);
		return -EINVAL;
	}
	*ret = o;
	return 0;
}

/* Cut, it would be another one. */
static int take_option(const char *name, const char *value, char *ret, size_t room)
{
	if (value && strlen(value) >= room) {
		(void)fprintf(stderr, "%s: '%s' is too long; allowed: at most %zu characters\n", name, value, room - 1);
		return -ENAMETOOLONG;
	}
	if (value)
		memcpy(ret, value, strlen(value) + 1);
	return 0;
}

/* Options win over the file; what both leave open gets its default. */
static int override(struct daemon_conf *c, const struct options *o)
{
	int r = take_option("--run-dir", o->run_dir, c->run_dir, sizeof(c->run_dir));

	if (r == 0)
		r = take_option("--instance", o->instance, c->instance, sizeof(c->instance));
	if (!c->pin_dir[0])
		(void)snprintf(c->pin_dir, sizeof(c->pin_dir), "/sys/fs/bpf/holdfast-%s", c->instance); /* fits */
	return r;
}

static int fill_kernel_conf(const struct program *p, void *file, struct kernel_conf *k)
{
	const struct daemon_conf *c = file;
	int r = daemon_ifindexes(c->interfaces, c->interface_n, k->core);

	k->dp = (struct dp_conf){ .pin_dir = c->pin_dir,
				  .core = k->core,
				  .core_n = c->interface_n,
				  .access = k->access,
				  .fast = k->fast,
				  .networks = k->networks,
				  .layer3 = k->layer3,
				  .no_tcx = c->no_tcx };
	return r < 0 ? r : p->kernel_conf(file, k);
}

static int flush(const struct program *p, const void *file, const struct dp_conf *kernel)
{
	if (p->flush)
		p->flush(file, kernel);
	else
		dp_flush(kernel);
	return 0;
}

int daemon_main(int argc, char **argv, const struct program *p, void *file)
{
	static struct kernel_conf kernel;
	struct daemon_conf *c = file;
	struct options o;
	struct conf_error e;
	int r = read_options(argc, argv, p->name, &o);

	if (r != 0)
		return r < 0 ? EXIT_USAGE : 0;
	if (p->load(o.config, file, &e) < 0) {
		(void)fprintf(stderr, "%s\n", e.text);
		return EXIT_USAGE;
	}
	if (override(c, &o) < 0)
		return EXIT_USAGE;
	log_open(c->log_level);
	if (o.check) {
		printf("%s: ok\n", o.config);
		return 0;
	}
	r = fill_kernel_conf(p, file, &kernel);
	if (r == 0)
		r = o.flush ? flush(p, file, &kernel.dp) : p->run(file, &kernel.dp);
	return r < 0 ? 1 : 0;
}
