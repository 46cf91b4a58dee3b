/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The anchor's TUN and the routes that lead into it. */
#ifndef HF_DP_TUN_H
#define HF_DP_TUN_H

#include "dataplane/dataplane.h"

/* Creates or adopts the persistent TUN conf->device and sets its MTU, addresses and routes.
 * Return: 0 or -errno; @ret_why names the step that failed. */
int dp_tun_open(const struct dp_conf *conf, int *ret_fd, uint32_t *ret_ifindex, const char **ret_why);
/* A setting of the kernel's IPv4 about @device. Return: 0 or -errno. */
int dp_tun_setting(const char *device, const char *name, const char *value);
/* Packets that leave by the device they came by are meant to. Return: 0 or -errno. */
int dp_tun_forbid_redirects(const char *device);
void dp_tun_remove(const struct dp_conf *conf);

#endif
