/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet ports: a packet socket that sees what the daemon answers itself, before any filter of the port. */
#ifndef HF_IO_PACKET_PORT_H
#define HF_IO_PACKET_PORT_H

#include "base/wire.h"

struct packet_port {
	int fd;
	uint32_t ifindex;
	uint8_t mac[6]; /* of the interface */
};

enum packet_port_use {
	PACKET_PORT_ACCESS,    /* ARP, DHCP to a server, echo requests; the port is promiscuous (L-25) */
	PACKET_PORT_HOME_LINK, /* ARP, and IPv4 for all of the link: broadcast or link-local multicast */
	PACKET_PORT_AGENT,     /* solicitations, and requests of mobile nodes (port 434) */
};

/* Return: 0 or -errno (-ENODEV: no such interface). Close @ret->fd. */
int packet_port_open(const char *interface, enum packet_port_use use, struct packet_port *ret);
/* Calls @fn for a bounded number of frames that wait. */
void packet_port_receive(const struct packet_port *p, void (*fn)(void *ctx, uint32_t ifindex, struct span frame),
			 void *ctx);
int packet_port_send(const struct packet_port *p, struct span frame); /* 0 or -errno */

/* For packets into layer-3 devices, which have no frames: a socket that receives nothing. Return: descriptor or -errno. */
int packet_socket_open(void);
int packet_socket_send(int fd, uint32_t ifindex, struct span packet); /* 0 or -errno */
int packet_socket_mtu(int fd, const char *interface, uint16_t *ret);  /* 0 or -errno */

#endif
