/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostapd's control interface: who was authorised at a port and who left, and starting or ending it. hostapd may come, go
 * and come back; the link to it is made again. */
#ifndef HF_IO_HOSTAPD_H
#define HF_IO_HOSTAPD_H

#include <uv.h>

#include "roles/actions.h"
#include "roles/events.h"

struct hostapd; /* opaque */

struct hostapd_place {
	const char *path;      /* its control socket, or the directory ("ctrl_interface") with one for each interface */
	const char *own;       /* our end, which must be within its reach; replaced when it exists */
	const char *interface; /* the port */
	uint32_t ifindex;
};

/**
 * hostapd_open() - talk to the hostapd of one port.
 * @place: its texts are borrowed until hostapd_close().
 * Return: 0, -ENAMETOOLONG (a socket's path has 107 octets at most) or another -errno. That hostapd is not there (yet) is
 * no error.
 */
int hostapd_open(uv_loop_t *loop, const struct hostapd_place *place, void (*fn)(void *ctx, const struct port_event *e),
		 void *ctx, struct hostapd **ret);
/* Closes all (@h may be NULL); the loop must run once more for the memory to be freed. */
void hostapd_close(struct hostapd *h);
/* Orders are carried out one after the other. Return: 0, -ENOTCONN (hostapd is not there) or -ENOSPC (256 wait). */
int hostapd_tell(struct hostapd *h, enum port_order order, const uint8_t mac[MAC_OCTETS]);

#endif
