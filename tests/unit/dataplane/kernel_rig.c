/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_rig.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/unit/test.h"

int enter_own_namespaces(char *pins)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("skipped: kernel programs and namespaces are for root only\n");
		return 77;
	}
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(pins);
}

void remove_pins(const char *pins)
{
	(void)umount(pins);
	(void)rmdir(pins);
}

void run(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

int tun_device(const char *name, short flags)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq req = { .ifr_flags = (short)(flags | IFF_NO_PI) };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req) < 0)
		abort();
	return fd;
}

uint64_t counted_by(struct dp *dp, const char *name)
{
	const char *const *names;
	uint64_t values[64];
	size_t n = dp_stats(dp, &names, values, ARRAY_SIZE(values));

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}
