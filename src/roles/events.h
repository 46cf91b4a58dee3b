/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a role. Everything is borrowed for the duration of the call. */
#ifndef HF_ROLES_EVENTS_H
#define HF_ROLES_EVENTS_H

#include "base/clock.h"
#include "base/wire.h"
#include "core/tunnel.h"

/* One UDP datagram received on port 434 (or 67 for relays). The UDP checksum was checked by the kernel. */
struct datagram {
	struct in_addr local, remote; /* destination it was sent to, source it came from */
	uint16_t local_port, remote_port;
	struct span payload;
};

/* An IPv4 packet the kernel programs left to the slow path, already out of its tunnel. `tunnel` is written as we
 * would answer: local = outer destination, remote = outer source. */
struct tunnelled {
	struct tunnel tunnel;
	struct span inner;
};

/* Octets from a good random source; tests pass a seeded one. */
struct random {
	void (*fill)(void *ctx, uint8_t *ret, size_t n);
	void *ctx;
};

#endif
