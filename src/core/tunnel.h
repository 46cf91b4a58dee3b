/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One end of a mobility tunnel as roles decide it and the data plane performs it. */
#ifndef HF_CORE_TUNNEL_H
#define HF_CORE_TUNNEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum encap {
	ENCAP_IPIP,    /* RFC 2003 */
	ENCAP_UDP,     /* RFC 3519: UDP 434, tunnel data message, IPv4 inside */
	ENCAP_GRE,     /* RFC 2784, with keys or without (RFC 2890, RFC 6245) */
	ENCAP_MINIMAL, /* RFC 2004; fragments go as IP in IP */
	ENCAP_COUNT,
};

extern const char *const encap_names[ENCAP_COUNT]; /* "ipip", "udp", "gre", "minimal" */

enum { MAC_OCTETS = 6, TUNNEL_COPIES_MAX = 3 };

/* Octets each encapsulation adds: outer IPv4; with UDP also its header and that of tunnel data (RFC 3519 4.3). None adds
 * more than UDP. */
enum {
	TUNNEL_OVERHEAD_IPIP = 20,
	TUNNEL_OVERHEAD_UDP = 32,
	TUNNEL_OVERHEAD_GRE = 24,
	TUNNEL_OVERHEAD_GRE_KEY = 28,
	TUNNEL_OVERHEAD_MINIMAL = 12
};

struct tunnel {
	enum encap encap;
	struct in_addr local, remote;     /* outer source and destination of what we send */
	uint16_t local_port, remote_port; /* host order, ENCAP_UDP only, else 0; remote_port 0: not known yet */
	uint32_t in_key, out_key;         /* ENCAP_GRE: in what we receive and send; 0: none */
};

/* Whether it is known where @t ends: behind a NAT, the port may still be to come. */
bool tunnel_is_whole(const struct tunnel *t);
/* Octets @t adds to a packet. */
uint16_t tunnel_overhead(const struct tunnel *t);
bool tunnel_equal(const struct tunnel *a, const struct tunnel *b);
/* Whether a packet that came by @arrived (its `out_key` says nothing) may be of @t. */
bool tunnel_accepts(const struct tunnel *t, const struct tunnel *arrived);

/* Anchor: packets to `home` go into `tunnel`; packets with source `home` must come out of it, or, for a moment after a
 * move, out of the one before: what was under way then is not lost. */
struct dp_binding {
	struct in_addr home;
	struct in_addr broadcast; /* of its subnet: the daemon copies what is sent there; 0.0.0.0: none */
	struct tunnel tunnel, former;
	uint64_t former_until_us;                /* CLOCK_BOOTTIME when `former` ends, 0 = there is none */
	struct tunnel copies[TUNNEL_COPIES_MAX]; /* simultaneous bindings: these carry the same */
	size_t copy_n;
	uint32_t index; /* counter slot, 0..max-1, kept while the binding lives; its owner is the role */
};

/* What a foreign agent does with packets from a visitor (RFC 3024). A proxy agent tunnels all of them. */
enum delivery {
	DELIVERY_DIRECT,        /* into the tunnel */
	DELIVERY_ENCAPSULATING, /* what the visitor sent in IP in IP to its gateway; the rest is routed as any host's */
	DELIVERY_NONE,          /* routed as any host's: only the way to it is a tunnel */
};

/* MPA: a station at (ifindex, mac) uses `home` and nothing else; all it sends goes into `tunnel`. On a layer-3 device
 * there is no MAC: (ifindex, home) tells who it is, and packets go out as they are. */
struct dp_visitor {
	uint32_t ifindex;
	bool layer3;
	bool held;      /* layer 3: what it sends goes to the daemon, which does not know its tunnel yet */
	uint16_t mtu;   /* layer 3: of the device */
	uint32_t reqid; /* layer 3: where the kernel does ESP, what comes by an SA with another one is not the user's */
	uint8_t mac[MAC_OCTETS];
	uint8_t gateway_mac[MAC_OCTETS];         /* source MAC of frames to the station */
	struct in_addr home, gateway, broadcast; /* `broadcast`: directed broadcast address of the home subnet */
	struct in_addr server;                   /* DHCP server identifier: the daemon answers what is sent there */
	enum delivery delivery;                  /* foreign agent */
	bool forward_broadcast;                  /* link-local multicast and broadcast go to the anchor too (L 5.5) */
	struct tunnel tunnel;
	uint32_t index;
};

/* How a mobile node's packets from its home address leave. */
enum path_how {
	PATH_BLOCKED,   /* not at all: it is not decided where the host is (B-36) */
	PATH_TUNNEL,    /* to the anchor (modes c and mc) */
	PATH_NEIGHBOUR, /* as they are, by `ifindex`: to a foreign agent (mode f), or at home */
};

/* Mobile node: the one way of its home address, in both directions. */
struct dp_path {
	struct in_addr home;
	enum path_how how;
	struct tunnel tunnel; /* TUNNEL: `local` is the care-of address */
	bool vpn; /* TUNNEL: under ESP; packets leave by it or not at all, and come out of it or are forged (B-18) */
	uint32_t ifindex; /* NEIGHBOUR; TUNNEL without VPN: the link it goes by, whatever routes there are */
	uint8_t mac
		[MAC_OCTETS]; /* NEIGHBOUR: of the foreign agent; zero: at home, each neighbour is asked for its own */
	uint64_t until_us;    /* nothing leaves by it afterwards, whether anybody says so or not; 0 = it has no end */
};

/* Traffic of one binding or visitor, seen from the tunnel end that counts: `up` = from the user. */
struct dp_counters {
	uint64_t up_packets, up_bytes, down_packets, down_bytes;
	uint64_t up_last_us, down_last_us; /* CLOCK_BOOTTIME of the last packet, 0 = none yet */
};

#endif
