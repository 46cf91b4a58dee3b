/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices where users arrive as plain IP packets belong to charon, to a PPP daemon, or to the administrator: they come
 * and go without us. One is for all VPN users; PPP has one for each. */
#include <fnmatch.h>
#include <net/if.h>
#include <string.h>

#include "daemons/daemon.h"
#include "io/log.h"

static int open_socket(struct daemon *d)
{
	if (d->layer3.fd >= 0)
		return 0;
	d->layer3.fd = packet_socket_open();
	if (d->layer3.fd >= 0)
		return 0;
	log_line(RECORD_ERR, "cannot open a packet socket: %s", strerror(-d->layer3.fd));
	return d->layer3.fd;
}

int daemon_add_layer3(struct daemon *d, const char *interface)
{
	d->layer3.interface = interface;
	return open_socket(d);
}

int daemon_add_user_devices(struct daemon *d, const char *glob)
{
	if (d->layer3.glob_n == GLOBS_MAX) {
		log_line(RECORD_ERR, "'%s': more than %d kinds of devices", glob, GLOBS_MAX);
		return -ENOSPC;
	}
	d->layer3.globs[d->layer3.glob_n++] = glob;
	return open_socket(d);
}

/* Puts the program on; false: said why, and tried again when links change. One that went meanwhile is told as gone. */
static bool attach(struct daemon *d, uint32_t ifindex, const char *name)
{
	int r = dp_add_layer3(d->dp, ifindex);

	if (r == 0 || r == -ENODEV)
		return r == 0;
	d->dp_errors++;
	log_line(RECORD_ERR, "event=data_plane_error what=\"attach to %s\" reason=\"%s\"", name, strerror(-r));
	return false;
}

static void check_shared(struct daemon *d)
{
	uint32_t ifindex = d->layer3.interface ? if_nametoindex(d->layer3.interface) : 0;

	if (!d->layer3.interface || ifindex == d->layer3.ifindex)
		return;
	if (ifindex != 0 && !attach(d, ifindex, d->layer3.interface))
		ifindex = 0;
	d->layer3.ifindex = ifindex;
	log_line(RECORD_NOTICE, "event=%s interface=%s", ifindex ? "device_found" : "device_lost", d->layer3.interface);
	d->role->on_device(d->state, daemon_now(d), ifindex, &d->actions);
	daemon_perform(d);
}

static bool is_user_device(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->layer3.glob_n; i++)
		if (fnmatch(d->layer3.globs[i], name, 0) == 0)
			return true;
	return false;
}

/* News may be older than what there is now, so that is what counts. Our program comes before the role hears of the
 * device, and so before anybody is let in there. */
static void check_user_device(struct daemon *d, uint32_t ifindex)
{
	char name[IF_NAMESIZE];
	bool there = if_indextoname(ifindex, name) != NULL;
	uint16_t mtu = 0;

	if (there && !is_user_device(d, name))
		return;
	if (there && (packet_socket_mtu(d->layer3.fd, name, &mtu) < 0 || !attach(d, ifindex, name)))
		return;
	d->role->on_user_device(d->state, daemon_now(d), ifindex, there ? name : NULL, mtu, &d->actions);
	daemon_perform(d);
}

void daemon_start_layer3(struct daemon *d)
{
	struct if_nameindex *all = d->layer3.glob_n > 0 ? if_nameindex() : NULL;

	check_shared(d);
	for (const struct if_nameindex *i = all; i && i->if_index != 0; i++)
		check_user_device(d, i->if_index);
	if (all)
		if_freenameindex(all);
}

void daemon_check_layer3(struct daemon *d, uint32_t ifindex)
{
	check_shared(d);
	if (d->layer3.glob_n > 0)
		check_user_device(d, ifindex);
}
