/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What roles and strongSwan's charon tell each other: the gateway's mobility proxy agent, and the helper on a mobile
 * node. On the wire it is one JSON object per packet of a local seqpacket socket (doc/charon-link.md); io/charon_link
 * converts. Texts are never NULL in a role's hands: "" = does not apply. */
#ifndef HF_ROLES_CHARON_H
#define HF_ROLES_CHARON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum charon_event_type {
	CHARON_CONNECTED, /* the plugin is there; CHARON_SESSION for each IKE_SA that is up, then CHARON_LISTED */
	CHARON_SESSION,
	CHARON_LISTED,
	CHARON_GONE,         /* charon ended or restarts: its SAs are gone */
	CHARON_ACQUIRE,      /* gateway: IKE_AUTH was verified, an inner address is wanted; answer `request` */
	CHARON_RELEASE,      /* gateway: the address is no longer used by `sa` */
	CHARON_IKE_UP,       /* established */
	CHARON_IKE_DOWN,     /* ended, or at a node: could not be set up; `sa` is not used again */
	CHARON_IKE_REPLACED, /* rekeyed or reauthenticated: `sa` continues as `new_sa` */
	CHARON_IKE_MOVED,    /* MOBIKE: `local`, `remote` are the new ends */
	CHARON_CHILD_UP,
	CHARON_CHILD_DOWN,
	CHARON_REFUSED, /* gateway: a client was turned away without ACQUIRE, for `why`; `id` is what it claims to be */
	CHARON_ADDRESS, /* node: the gateway assigned `address`; confirm `request` when it is configured */
	CHARON_EVENT_COUNT
};

/* Types of RFC 7296 3.5, with the text strongSwan prints. */
enum identity_type {
	IDENTITY_OTHER,
	IDENTITY_IPV4,
	IDENTITY_FQDN,
	IDENTITY_EMAIL,
	IDENTITY_DN,
	IDENTITY_KEY_ID,
	IDENTITY_TYPE_COUNT
};

struct identity {
	enum identity_type type;
	const char *text;
};

enum { CHARON_NAMES_MAX = 8 };

struct charon_event {
	enum charon_event_type type;
	uint32_t sa, new_sa; /* unique ids of IKE_SAs */
	uint32_t request;
	struct identity id;                      /* IDi; at a node: of the gateway */
	const char *eap;                         /* EAP identity */
	struct identity names[CHARON_NAMES_MAX]; /* subjectAltNames of the peer's certificate */
	size_t name_n;
	struct in_addr local, remote; /* outer */
	uint16_t local_port, remote_port;
	struct in_addr address;         /* inner; ACQUIRE: the requested one, 0.0.0.0 = any */
	uint32_t children;              /* SESSION: CHILD_SAs that are up */
	uint32_t reqid;                 /* CHILD_UP, SESSION with children: of the CHILD_SA; 0 = not told */
	const char *connection, *child; /* names in swanctl.conf */
	const char *why;                /* REFUSED; IKE_DOWN: if known */
	bool by_peer;                   /* CHILD_DOWN, IKE_DOWN: the other end deleted it */
};

enum charon_command_type {
	CHARON_ANSWER,      /* to ACQUIRE: `address` and `dns`, or `refused`; to ADDRESS: nothing more */
	CHARON_CLOSE_CHILD, /* delete all CHILD_SAs of `sa`, keep the IKE_SA */
	CHARON_CLOSE_IKE, /* `sa`; with `connection`, all of that name, also unfinished ones, without waiting for an answer */
	CHARON_OPEN, /* bring up `child` of `connection`, on its IKE_SA if there is one */
	CHARON_ROAM, /* addresses or routes changed: act at once */
	CHARON_COMMAND_COUNT
};

struct charon_command {
	enum charon_command_type type;
	uint32_t request, sa;
	struct in_addr address;
	struct in_addr dns[4];
	size_t dns_n;
	const char *refused; /* reason for people; NULL = granted */
	const char *connection, *child;
};

extern const char *const charon_event_names[CHARON_EVENT_COUNT]; /* "connected", ... as on the wire */
extern const char *const identity_type_names[IDENTITY_TYPE_COUNT];
extern const char *const charon_command_names[CHARON_COMMAND_COUNT];

#endif
