/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files. First octet: for which program. What is refused is refused with a sentence. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "conf/daemon_conf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct conf_error error = { 0 };
	struct mpa_file mpa = { 0 };
	struct ha_file ha = { 0 };
	char path[64];
	int fd, r;

	/* A file named in it would be opened: the fuzzer keeps to itself. */
	if (n == 0 || memmem(data, n, "key-file", 8))
		return 0;
	fd = memfd_create("conf", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data + 1, n - 1) != (ssize_t)n - 1)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = data[0] & 1 ? mpa_file_load(path, &mpa, &error) : ha_file_load(path, &ha, &error);
	assert(r == 0 || error.text[0]);
	if (r == 0 && data[0] & 1)
		mpa_file_done(&mpa);
	else if (r == 0)
		ha_file_done(&ha);
	close(fd);
	return 0;
}
