/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility proxy agent, link access: registers stations that know nothing of it, and makes every port look like
 * home. Events in, actions out; no socket, clock, randomness or log inside.
 * Supported standards: draft-leung-mip4-proxy-mode-00 4-8, RFC 5563, RFC 5944 3.6 (as the mobile node), RFC 3543,
 * RFC 3519, RFC 2131 (server), RFC 3011, RFC 3046 (relay), RFC 826, RFC 5227 (what not to answer). */
#ifndef HF_ROLES_MPA_H
#define HF_ROLES_MPA_H

#include "roles/actions.h"
#include "roles/events.h"
#include "roles/mpa/mpa_conf.h"

struct mpa; /* opaque; one thread */
struct relay;

int mpa_new(const struct mpa_conf *conf, const struct random *random, struct mpa **ret); /* as ha_new() */
void mpa_freep(struct mpa **at);

/* What made us notice a station (L-03). */
enum mpa_trigger {
	MPA_TRIGGER_COMMAND,
	MPA_TRIGGER_AAA, /* access authentication succeeded */
	MPA_TRIGGER_DHCP,
	MPA_TRIGGER_PACKET,
	MPA_TRIGGER_CARRIER,
	MPA_TRIGGER_COUNT
};

/* What access authentication may bring along (L-04, L-63); zero / NULL members mean "from configuration". */
struct mpa_profile_data {
	struct in_addr home_agent, home_address;
	const struct sa *sa; /* MN-HA association of this user; copied, wiped with the subscriber */
	const enum mpa_udp *udp;
};

/* The RADIUS relay inside (roles/relay), for its sockets and counters; NULL: none is configured. Its datagrams come by
 * mpa_on_datagram(). */
struct relay *mpa_relay(const struct mpa *mpa);

struct mpa_attach {
	uint32_t ifindex;
	uint8_t mac[6];
	const char *nai;       /* required for MPA_TRIGGER_COMMAND and _AAA, else looked up in the station map */
	struct in_addr source; /* address the station was seen to use; 0.0.0.0 = none */
	enum mpa_trigger trigger;
	const struct mpa_profile_data *profile; /* or NULL */
};

/**
 * mpa_attach() - a station showed up: registers it, or moves it here from another of our ports.
 * Return: 0 (also when it is attached already), -ENOENT (no such port, or nobody known by these identifiers),
 * -EPERM (port not trusted for this trigger, L-61), -ENOKEY (no association for it), -ENOSPC (max_subscribers).
 */
int mpa_attach(struct mpa *mpa, struct instant now, const struct mpa_attach *a, struct actions *out);
/* @hold: keep the binding for hold_s (link loss), else deregister at once. Return: 0 or -ENOENT. */
int mpa_detach(struct mpa *mpa, struct instant now, const char *nai, bool hold, struct actions *out);

/* A frame from an access port: ARP, DHCP, ICMP echo request. Others are ignored. */
void mpa_on_frame(struct mpa *mpa, struct instant now, uint32_t ifindex, struct span frame, struct actions *out);
/* The kernel saw an IPv4 packet from a MAC, or at the vpn device from an address, that is no visitor there.
 * @reqid: of the SA it came by, where the kernel does ESP; else 0. */
void mpa_on_unknown_source(struct mpa *mpa, struct instant now, uint32_t ifindex, const uint8_t mac[6],
			   struct in_addr source, uint32_t reqid, struct actions *out);
/* The kernel dropped a packet whose inner source was not the station's home address. */
void mpa_on_spoof(struct mpa *mpa, struct instant now, uint32_t ifindex, const uint8_t mac[6], struct in_addr source,
		  struct actions *out);
/* A station's packet does not fit the path to its home agent: octets @mtu, outer headers included. With DF set the
 * station hears of it (RFC 1191), else the packet goes in pieces. */
void mpa_on_too_big(struct mpa *mpa, struct instant now, uint32_t index, struct span packet, uint16_t mtu,
		    struct actions *out);
void mpa_on_carrier(struct mpa *mpa, struct instant now, uint32_t ifindex, bool up, struct actions *out);
void mpa_on_datagram(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out);
/* A tunnelled packet left to us: nested broadcast from the anchor, reassembled fragments, DHCP from the anchor. */
void mpa_on_tunnelled(struct mpa *mpa, struct instant now, const struct tunnelled *t, struct actions *out);
void mpa_on_first_packet(struct mpa *mpa, struct instant now, uint32_t index, bool up, struct actions *out);
/* hostapd beside us: at a port that is not trusted, where it authenticates. */
void mpa_on_port(struct mpa *mpa, struct instant now, const struct port_event *e, struct actions *out);
/* VPN access: charon's side of things happened. */
void mpa_on_charon(struct mpa *mpa, struct instant now, const struct charon_event *e, struct actions *out);
/* The layer-3 device has this index now; 0 = it is not there. */
void mpa_on_device(struct mpa *mpa, struct instant now, uint32_t ifindex, struct actions *out);
/* A layer-3 device of one user (PPP) is there, or has another name or MTU. @name NULL: it is gone, and so is its user. */
void mpa_on_user_device(struct mpa *mpa, struct instant now, uint32_t ifindex, const char *name, uint16_t mtu,
			struct actions *out);
/* A packet of a visitor that is held: its user is back, and the tunnel is not known yet. */
void mpa_on_held(struct mpa *mpa, struct instant now, uint32_t index, struct span packet, struct actions *out);
/* A packet to a user behind the layer-3 device does not fit @mtu. */
void mpa_on_too_big_down(struct mpa *mpa, struct instant now, uint32_t index, struct span packet, uint16_t mtu,
			 struct actions *out);
void mpa_on_time(struct mpa *mpa, struct instant now, struct actions *out);
uint64_t mpa_due(const struct mpa *mpa);
/* Drops the visitor at once and deregisters. Return: 0 or -ENOENT. */
int mpa_kick(struct mpa *mpa, struct instant now, const char *nai, struct actions *out);

struct mpa_subscriber_view {
	const char *nai, *state, *home_agent;
	uint32_t index, ifindex, sequence;
	uint8_t mac[6];
	struct in_addr home;
	struct tunnel tunnel;
	uint64_t since_us, expires_us;
	uint8_t last_code; /* of the last reply */
	const char *association;
	const char *nas;        /* by which AAA let it in; "" when it did not */
	uint64_t login_ends_us; /* NEVER: it need not authenticate again */
};
void mpa_each_subscriber(const struct mpa *mpa, void (*fn)(void *ctx, const struct mpa_subscriber_view *v), void *ctx);
struct mpa_session_view { /* an IKE_SA */
	uint32_t sa;
	const char *nai, *state;
	struct in_addr home, remote;
	uint16_t remote_port;
	uint32_t children;
	uint64_t since_us;
};
void mpa_each_session(const struct mpa *mpa, void (*fn)(void *ctx, const struct mpa_session_view *v), void *ctx);
size_t mpa_counters(const struct mpa *mpa, const char *const **ret_names, const uint64_t **ret_values);

#endif
