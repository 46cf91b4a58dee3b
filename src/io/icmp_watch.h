/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP "destination unreachable" about packets that were sent from this machine. Anybody can send such a message: it is
 * a hint that something need not be waited for, never more. */
#ifndef HF_IO_ICMP_WATCH_H
#define HF_IO_ICMP_WATCH_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/wire.h"

struct unreachable {
	struct in_addr local, remote;     /* of the packet */
	uint16_t local_port, remote_port; /* of a datagram, else 0 */
	uint8_t code;                     /* RFC 792 */
	uint32_t ifindex;                 /* the message came by */
	struct span payload;              /* of a datagram, as much as is quoted; borrowed */
};

int icmp_watch_open(void); /* descriptor or -errno (CAP_NET_RAW is needed) */
/* Calls @fn for a bounded number of messages that wait. */
void icmp_watch_read(int fd, void (*fn)(void *ctx, const struct unreachable *u), void *ctx);

#endif
