/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device where VPN users arrive belongs to charon, or to the administrator: it comes and goes without us. */
#include <net/if.h>
#include <string.h>

#include "daemons/daemon.h"
#include "io/log.h"

int daemon_add_layer3(struct daemon *d, const char *interface)
{
	d->layer3.interface = interface;
	d->layer3.fd = packet_socket_open();
	if (d->layer3.fd >= 0)
		return 0;
	log_line(RECORD_ERR, "cannot open a packet socket: %s", strerror(-d->layer3.fd));
	return d->layer3.fd;
}

void daemon_check_layer3(struct daemon *d)
{
	uint32_t ifindex = d->layer3.interface ? if_nametoindex(d->layer3.interface) : 0;
	int r = 0;

	if (!d->layer3.interface || ifindex == d->layer3.ifindex)
		return;
	if (ifindex != 0)
		r = dp_add_layer3(d->dp, ifindex);
	if (r < 0) {
		d->dp_errors++;
		log_line(RECORD_ERR, "event=data_plane_error what=\"attach to %s\" reason=\"%s\"", d->layer3.interface,
			 strerror(-r));
		ifindex = 0; /* tried again when links change */
	}
	d->layer3.ifindex = ifindex;
	log_line(RECORD_NOTICE, "event=%s interface=%s", ifindex ? "device_found" : "device_lost", d->layer3.interface);
	d->role->on_device(d->state, daemon_now(d), ifindex, &d->actions);
	daemon_perform(d);
}
