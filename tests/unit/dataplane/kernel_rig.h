/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of the kernel programs: namespaces of their own, and devices in them. */
#ifndef HF_TESTS_KERNEL_RIG_H
#define HF_TESTS_KERNEL_RIG_H

#include <stdint.h>

#include "dataplane/dataplane.h"

/* Enters namespaces of network and mounts, and makes a directory for pins from the template @pins. Return: 0, or the exit
 * status: 77, skipped (said why), or 1. */
int enter_own_namespaces(char *pins);
void remove_pins(const char *pins);

/* Both end the program when they fail. */
void run(const char *command);
int tun_device(const char *name, short flags); /* IFF_TUN or IFF_TAP; descriptor of the device, which does not block */

/* What the kernel programs counted under this name. */
uint64_t counted_by(struct dp *dp, const char *name);

#endif
