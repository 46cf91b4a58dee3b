/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP ports a role speaks by besides Mobile IP's: RADIUS. */
#include <string.h>
#include <sys/socket.h>

#include "codec/dhcp4.h"
#include "daemons/daemon.h"
#include "io/log.h"
#include "io/udp_socket.h"

static int port_of(int fd, uint16_t *ret)
{
	struct sockaddr_in at = { 0 };
	socklen_t n = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return -errno;
	*ret = ntohs(at.sin_port);
	return 0;
}

int daemon_add_udp(struct daemon *d, uint16_t port, uint16_t *ret_port)
{
	struct service *s = &d->services[d->service_n];
	bool shared = port == DHCP4_SERVER_PORT; /* hostapd has it at each of its ports (driver=wired) */
	int r;

	if (d->service_n == SERVICES_MAX)
		return -ENOSPC;
	s->fd = udp_socket_open(port, shared);
	if (s->fd < 0) {
		log_line(RECORD_ERR, "cannot open UDP port %u: %s", port, strerror(-s->fd));
		return s->fd;
	}
	d->service_n++; /* daemon_close() closes it from here on */
	r = port_of(s->fd, &s->port);
	if (r == 0)
		*ret_port = s->port;
	return r;
}
