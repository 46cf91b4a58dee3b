/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a role wants done. A role never does I/O: it appends actions, its daemon performs them in order. All octets
 * and texts an action refers to live in the list's own arena and die with actions_clear(). */
#ifndef HF_ROLES_ACTIONS_H
#define HF_ROLES_ACTIONS_H

#include "base/clock.h"
#include "base/wire.h"
#include "core/tunnel.h"
#include "roles/charon.h"

enum action_type {
	ACTION_SEND_DATAGRAM,  /* UDP, from `local`:`local_port` */
	ACTION_SEND_FRAME,     /* Ethernet frame out of `ifindex`; a mobile node's: of any link */
	ACTION_SEND_TUNNELLED, /* inner IPv4 packet `octets` through `tunnel` (slow path) */
	ACTION_SEND_PACKET,    /* plain IPv4 packet, routed by the kernel as if it had arrived (slow path) */
	ACTION_SEND_OWN,       /* IPv4 packet whose source is an address of ours (ICMP errors) */
	ACTION_BINDING_SET,    /* anchor data plane; replaces what is there for the same home address */
	ACTION_BINDING_DEL,
	ACTION_VISITOR_SET, /* MPA data plane; replaces what is there for the same (ifindex, mac) */
	ACTION_VISITOR_DEL,
	ACTION_PORT,     /* to the authenticator of `port.ifindex`, about the station `port.mac` */
	ACTION_CHARON,   /* to strongSwan, through its plugin */
	ACTION_HOME_SET, /* mobile node: the host has the address `home`, wherever it is */
	ACTION_HOME_DEL,
	ACTION_GUARD_SET, /* mobile node: packets from `home` leave through a tunnel or not at all */
	ACTION_GUARD_DEL,
	ACTION_PATH_SET, /* mobile node, client mode: how packets from and to the home address go; replaces the former */
	ACTION_HINT_WATCH, /* mobile node: tell of the next plain packet to `home`; 0.0.0.0: of none */
	ACTION_STORE_PUT,  /* `octets` are to survive a restart under `key`, before whatever follows is done */
	ACTION_STORE_DEL,
	ACTION_RECORD, /* something people want to know: log, `watch`, `explain` */
};

enum record_level { RECORD_ERR, RECORD_WARN, RECORD_NOTICE, RECORD_INFO, RECORD_LEVEL_COUNT };

/* One line of a user's timeline. Texts are never NULL when a role emits it; "" = does not apply. */
struct record {
	enum record_level level;
	bool security;                     /* also goes to the audit stream (RFC 5944 3.8.2.1 "security exception") */
	const char *event;                 /* static snake_case name, e.g. "request_sent", "binding_moved", "state" */
	const char *nai;                   /* arena; "" when unknown */
	struct in_addr home, peer;         /* 0.0.0.0 = does not apply */
	const char *old_state, *new_state; /* static; both set exactly when a state machine changed state */
	const char *reason;                /* arena or static, for people */
};

enum port_order {
	PORT_START, /* ask the station who it is, at once and whatever is known of it */
	PORT_END,   /* its session is over */
};

struct action {
	enum action_type type;
	union {
		struct {
			struct in_addr local, remote; /* local 0.0.0.0: any */
			uint16_t local_port, remote_port;
			uint32_t ifindex; /* it leaves by this link, in clear; 0: by route and policy */
		} udp;
		uint32_t ifindex;
		struct span key;
		struct tunnel tunnel;
		struct dp_binding binding;
		struct dp_visitor visitor;
		struct {
			enum port_order order;
			uint32_t ifindex;
			uint8_t mac[MAC_OCTETS];
		} port;
		struct charon_command charon;
		struct in_addr home;
		struct dp_path path;
		struct record record;
	};
	struct span octets; /* payload, frame or packet of the SEND actions */
};

struct actions {
	struct action *v;
	size_t n, cap;
	char *arena;
	size_t arena_n, arena_cap;
	uint64_t dropped; /* actions that found no room: lost like a packet, and counted */
};

enum { ACTIONS_KEY_MAX = 256, ACTIONS_MAX = 4096, ACTIONS_ARENA_OCTETS = 1 << 20 };

/* @ret: in place; release with actions_done(). Return: 0 or -ENOMEM. */
int actions_init(struct actions *ret);
void actions_done(struct actions *a);
void actions_clear(struct actions *a);
/* True while at least @n more actions of ordinary size fit: roles stop a batch of timers when it is false. */
bool actions_have_room(const struct actions *a, size_t n);

/* A writer over @n octets of the arena, to be handed to one of the senders below; w->err is set when it is full. */
struct wr actions_writer(struct actions *a, size_t n);

/* Each sender takes what was written to @w (from actions_writer()) or copies @octets. An @w with an error is dropped
 * and counted. */
void actions_send_datagram(struct actions *a, struct in_addr local, uint16_t local_port, struct in_addr remote,
			   uint16_t remote_port, const struct wr *w);
/* The same by the link @ifindex, whatever routes and policies of the VPN say (B-26, B-31). */
void actions_send_datagram_by(struct actions *a, uint32_t ifindex, struct in_addr local, uint16_t local_port,
			      struct in_addr remote, uint16_t remote_port, const struct wr *w);
void actions_send_frame(struct actions *a, uint32_t ifindex, const struct wr *w);
void actions_send_tunnelled(struct actions *a, const struct tunnel *tunnel, struct span inner);
/* The same where the path to the tunnel's end takes @path_mtu octets (0: not known), and @inner may be cut. In UDP it is cut
 * before: of a datagram in pieces, a NAT knows only the first (RFC 3519 4.8). Else the kernel cuts the outer packet. */
void actions_send_tunnelled_by(struct actions *a, const struct tunnel *tunnel, struct span inner, uint16_t path_mtu);
void actions_send_packet(struct actions *a, const struct wr *w);
void actions_send_own(struct actions *a, const struct wr *w);
void actions_binding_set(struct actions *a, const struct dp_binding *b);
void actions_binding_del(struct actions *a, const struct dp_binding *b);
void actions_visitor_set(struct actions *a, const struct dp_visitor *v);
void actions_visitor_del(struct actions *a, const struct dp_visitor *v);
void actions_port(struct actions *a, enum port_order order, uint32_t ifindex, const uint8_t mac[MAC_OCTETS]);
/* @key: copied, at most ACTIONS_KEY_MAX octets. */
void actions_store_put(struct actions *a, struct span key, const struct wr *w);
void actions_store_del(struct actions *a, struct span key);

void actions_home_set(struct actions *a, struct in_addr home);
void actions_home_del(struct actions *a, struct in_addr home);
void actions_guard_set(struct actions *a, struct in_addr home);
void actions_guard_del(struct actions *a, struct in_addr home);
void actions_path_set(struct actions *a, const struct dp_path *path);
void actions_hint_watch(struct actions *a, struct in_addr home);

/* Texts of @c are copied; a NULL connection or child becomes "". */
void actions_charon(struct actions *a, const struct charon_command *c);

/* Copies @nai (a span, as in messages; non-printable octets become '?') and the formatted reason into the arena. */
void actions_record(struct actions *a, const struct record *r, struct span nai, const char *reason_fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
