/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks of an interface: tcx links where the kernel has them (6.6), else clsact filters. */
#ifndef HF_DP_ATTACH_H
#define HF_DP_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

struct dp_hook {
	uint32_t ifindex;
	bool egress;
	const char *pin_dir; /* tcx links are pinned there: they outlive us */
	bool no_tcx;
};

/* Puts @program on the hook, in place of what we had there before, without a gap. Return: 0 or -errno. */
int dp_attach(const struct dp_hook *h, int program);
/* Takes ours off; what is not there is fine. */
void dp_detach(const struct dp_hook *h);

/* Gives up the pinned links of interfaces that are gone, or @all: each holds its program in memory, and that its maps. */
void dp_forget_links(const char *pin_dir, bool all);
/* Takes entries out of a map whose keys are struct dp_port_def, where the interface is gone. */
void dp_forget_ports(int map);

#endif
