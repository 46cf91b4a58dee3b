/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files. First octet: for which program. What is refused is refused with a sentence. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "conf/daemon_conf.h"
#include "tests/fuzz/fuzz.h"

/* As its program does. */
static int load_and_release(uint8_t program, const char *path, struct conf_error *error)
{
	struct mpa_file mpa = { 0 };
	struct mn_file mn = { 0 };
	struct fa_file fa = { 0 };
	struct ha_file ha = { 0 };
	int r;

	switch (program % 4) {
	case 0:
		r = ha_file_load(path, &ha, error);
		if (r == 0)
			ha_file_done(&ha);
		return r;
	case 1:
		r = mpa_file_load(path, &mpa, error);
		if (r == 0)
			mpa_file_done(&mpa);
		return r;
	case 2:
		r = fa_file_load(path, &fa, error);
		if (r == 0)
			fa_file_done(&fa);
		return r;
	default:
		r = mn_file_load(path, &mn, error);
		if (r == 0)
			mn_file_done(&mn);
		return r;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct conf_error error = { 0 };
	char path[64];
	int fd;

	/* A file named in it would be opened: the fuzzer keeps to itself. */
	if (n == 0 || memmem(data, n, "-file", 5))
		return 0;
	fd = memfd_create("conf", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data + 1, n - 1) != (ssize_t)n - 1)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(load_and_release(data[0], path, &error) == 0 || error.text[0]);
	close(fd);
	return 0;
}
