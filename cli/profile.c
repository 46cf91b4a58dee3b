/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdfast profile: reads the wish, generates, writes. */
#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed(const char *name, int error)
{
	(void)fprintf(stderr, "holdfast: profile: --output %s: %s\n", name, strerror(error));
	return STATUS_REFUSED;
}

static int put_all(int fd, const struct text *t)
{
	for (size_t at = 0; at < t->n;) {
		ssize_t n = write(fd, t->at + at, t->n - at);

		if (n < 0)
			return errno;
		at += (size_t)n;
	}
	return 0;
}

/* Beside it and then renamed: there is either the old profile or the whole new one, readable by its owner only. */
static int write_file(const char *name, const struct text *t)
{
	char *beside = NULL;
	int fd, error;

	if (asprintf(&beside, "%s.XXXXXX", name) < 0)
		return failed(name, ENOMEM);
	fd = mkostemp(beside, 0); /* mode 0600 */
	if (fd < 0) {
		error = errno;
		free(beside);
		return failed(name, error);
	}
	error = put_all(fd, t);
	if (close(fd) < 0 && error == 0)
		error = errno;
	if (error == 0 && rename(beside, name) < 0)
		error = errno;
	if (error != 0)
		(void)unlink(beside); /* what it could not do is said below */
	free(beside);
	return error == 0 ? STATUS_OK : failed(name, error);
}

static int deliver(const struct profile *p, const struct text *t)
{
	int error;

	if (t->failed) {
		(void)fputs("holdfast: profile: out of memory\n", stderr);
		return STATUS_REFUSED;
	}
	if (p->output)
		return write_file(p->output, t);
	error = put_all(STDOUT_FILENO, t);
	return error == 0 ? STATUS_OK : failed("-", error);
}

int do_profile(const struct options *o, int n, char **args)
{
	static void (*const generators[TARGET_COUNT])(const struct profile *p,
						      struct text *t) = { profile_swanctl, profile_apple,
									  profile_windows, profile_android };
	struct profile p = { 0 };
	struct text t = { 0 };
	int r;

	(void)o;
	for (int i = 0; i < n; i++)
		if (strcmp(args[i], "--help") == 0) {
			(void)fputs(profile_help, stdout);
			return STATUS_OK;
		}
	r = profile_options(&p, n, args);
	if (r == STATUS_OK)
		r = profile_load(&p);
	if (r == STATUS_OK) {
		generators[p.target](&p, &t);
		r = deliver(&p, &t);
	}
	text_done(&t);
	profile_done(&p);
	return r;
}
