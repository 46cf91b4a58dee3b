/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over every file of a directory. */
#include <dirent.h>
#include <stdio.h>

#include "tests/fuzz/fuzz.h"

static int run_file(const char *path)
{
	uint8_t *data = malloc(1 << 16);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!data || !f) {
		perror(path);
		return 1;
	}
	n = fread(data, 1, 1 << 16, f);
	fclose(f);
	/* Exactly as much memory as there are octets, so that AddressSanitizer sees a read behind them. */
	data = realloc(data, n > 0 ? n : 1);
	if (!data)
		return 1;
	(void)LLVMFuzzerTestOneInput(data, n); /* always 0: a broken property aborts */
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	char path[4096];
	struct dirent *e;
	int failed = 0, files = 0;
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

	if (!d) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
		failed |= run_file(path);
		files++;
	}
	closedir(d);
	printf("%d files\n", files);
	return failed || files == 0;
}
