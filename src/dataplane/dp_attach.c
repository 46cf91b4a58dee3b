/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dp_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dataplane/dp_def.h"

/* Debian 12's headers do not know them yet; the kernel refuses with EINVAL where it does not either. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)
enum { FILTER_HANDLE = 1, FILTER_PRIORITY = 434 };

static void pin_path(const struct dp_hook *h, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/link_%u_%s", h->pin_dir, h->ifindex, h->egress ? "egress" : "ingress");
}

static int attach_tcx(const struct dp_hook *h, int program)
{
	char path[PATH_MAX];
	auto_(closep) int fd = -1;

	pin_path(h, path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		if (bpf_link_update(fd, program, NULL) == 0)
			return 0;
		(void)unlink(path); /* the interface it was on is gone */
		closep(&fd);
	}
	fd = bpf_link_create(program, (int)h->ifindex, h->egress ? TCX_EGRESS : TCX_INGRESS, NULL);
	if (fd < 0)
		return -errno;
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

static struct bpf_tc_hook tc_hook(const struct dp_hook *h)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = (int)h->ifindex,
				     .attach_point = h->egress ? BPF_TC_EGRESS : BPF_TC_INGRESS };
}

static int attach_clsact(const struct dp_hook *h, int program)
{
	struct bpf_tc_hook hook = tc_hook(h);
	struct bpf_tc_opts opts = { .sz = sizeof(opts),
				    .prog_fd = program,
				    .handle = FILTER_HANDLE,
				    .priority = FILTER_PRIORITY,
				    .flags = BPF_TC_F_REPLACE };
	int r = bpf_tc_hook_create(&hook);

	if (r < 0 && r != -EEXIST)
		return r;
	return bpf_tc_attach(&hook, &opts);
}

int dp_attach(const struct dp_hook *h, int program)
{
	int r = h->no_tcx ? -EINVAL : attach_tcx(h, program);

	return r == -EINVAL ? attach_clsact(h, program) : r;
}

void dp_detach(const struct dp_hook *h)
{
	struct bpf_tc_hook hook = tc_hook(h);
	struct bpf_tc_opts opts = { .sz = sizeof(opts), .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY };
	char path[PATH_MAX];

	pin_path(h, path);
	(void)unlink(path);                /* a tcx link goes with its pin */
	(void)bpf_tc_detach(&hook, &opts); /* nothing there is what we want */
}

void dp_forget_links(const char *pin_dir, bool all)
{
	static const char prefix[] = "link_";
	DIR *dir = opendir(pin_dir);
	const struct dirent *e;
	char name[IF_NAMESIZE];

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (all || !if_indextoname((unsigned)strtoul(e->d_name + strlen(prefix), NULL, 10), name))
			(void)unlinkat(dirfd(dir), e->d_name, 0); /* absent is what we want */
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

void dp_forget_ports(int map)
{
	struct dp_port_def port, next;
	char name[IF_NAMESIZE];
	int r = bpf_map_get_next_key(map, NULL, &next);

	while (r == 0) {
		port = next;
		r = bpf_map_get_next_key(map, &port, &next); /* before it is gone: afterwards it would start anew */
		if (!if_indextoname(port.ifindex, name))
			(void)bpf_map_delete_elem(map, &port); /* it was there a moment ago */
	}
}
