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
	uint32_t ifindex; /* it came by */
	struct span payload;
};

/* An IPv4 packet the kernel programs left to the slow path, already out of its tunnel. `tunnel` is written as we
 * would answer: local = outer destination, remote = outer source. */
struct tunnelled {
	struct tunnel tunnel;
	uint32_t ifindex; /* it came by */
	struct span inner;
};

/* News of a host's own links, as the kernel tells them. */
enum net_event_type {
	NET_LISTING, /* all there is follows; what is not named until NET_LISTED is gone */
	NET_LISTED,
	NET_LINK, /* new or changed: `name`, `up`, `mac` */
	NET_LINK_GONE,
	NET_ADDRESS, /* `address` is configured on `ifindex` */
	NET_ADDRESS_GONE,
	NET_ROUTE, /* a default route by `ifindex` came (`up`) or went; with its link or address it goes silently */
};

struct net_event {
	enum net_event_type type;
	uint32_t ifindex;
	const char *name;
	bool up;                 /* a link: administratively, and with carrier */
	uint8_t mac[MAC_OCTETS]; /* of a link; zero: it has none */
	uint32_t losses;         /* of a link: how often it has lost its carrier, seen or not */
	bool unplugged;          /* of a link: nothing but the carrier is missing, so its routes stand */
	struct in_addr address;
	uint32_t metric; /* of a route; less is better */
	bool replaces;   /* a route: those of the same metric are gone */
};

/* What an authenticator of Ethernet ports says: hostapd beside us. */
enum port_event_type {
	PORT_LINKED,  /* it is there, new or again: what it knew of stations may be gone */
	PORT_KNOWN,   /* after that: one of the stations it knows */
	PORT_LOST,    /* it is not there any more */
	PORT_STARTED, /* it asks a station who it is */
	PORT_OPENED,  /* a station was let in */
	PORT_CLOSED,  /* a station that was authorised is not any more */
	PORT_SILENT,  /* a station did not answer at all */
};

struct port_event {
	enum port_event_type type;
	uint32_t ifindex;
	uint8_t mac[MAC_OCTETS]; /* of the station; not of PORT_LINKED, PORT_LOST */
};

/* Octets from a good random source; tests pass a seeded one. */
struct random {
	void (*fill)(void *ctx, uint8_t *ret, size_t n);
	void *ctx;
};

#endif
