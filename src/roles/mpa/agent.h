/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the mobility proxy agent role: its state and its subscribers. Only for files of roles/mpa. */
#ifndef HF_ROLES_MPA_AGENT_H
#define HF_ROLES_MPA_AGENT_H

#include <uthash.h>

#include "base/ratelimit.h"
#include "base/timers.h"
#include "codec/dhcp4.h"
#include "codec/mip_msg.h"
#include "roles/mpa/mpa.h"
#include "roles/relay/relay.h"

/* clang-format off */
#define MPA_COUNTERS(X) \
	X(attached) X(moved_here) X(detached) X(requests_sent) X(retransmissions) X(accepted) X(refused) \
	X(resynchronised) X(failovers) X(revoked) X(expired) X(not_trusted) X(unknown_stations) \
	X(table_full) X(malformed) X(unknown_extension) X(unknown_type) X(replies_unmatched) \
	X(replies_unauthenticated) X(revocations_ignored) X(arp_answered) X(arp_ignored) X(echo_answered) \
	X(dhcp_answered) X(dhcp_held) X(dhcp_ignored) X(dhcp_relayed) X(spoofed_packets) \
	X(broadcasts_delivered) X(packets_dropped) X(keepalives_sent) X(held_off) X(too_big_told) \
	X(vpn_connected) X(vpn_refused) X(vpn_timeouts) X(vpn_moves) X(vpn_displaced) X(vpn_resumed) X(vpn_inside) \
	X(vpn_packets_held) X(early_packets) X(logins) X(logins_refused) X(logouts) \
	X(presence_asked) X(presence_lost) X(port_starts) X(port_starts_limited) X(port_ends) X(callers_forgotten)
/* clang-format on */

#define MPA_COUNTER_ID(name) MPA_COUNTER_##name,
enum mpa_counter { MPA_COUNTERS(MPA_COUNTER_ID) MPA_COUNTER_COUNT };
#undef MPA_COUNTER_ID

enum subscriber_state {
	SUBSCRIBER_NEW,
	SUBSCRIBER_REGISTERING, /* no tunnel: a request is under way */
	SUBSCRIBER_SERVED,      /* tunnel up; a refresh may be under way */
	SUBSCRIBER_HOLDING,     /* the station left without a word; its binding waits for it (A-33, G-11) */
	SUBSCRIBER_DEREGISTERING,
	SUBSCRIBER_BARRED, /* refused; tried again later */
	/* At its port, without an address: it gave it back, or its home agent has none and its DHCP server has not given
	 * one yet (L-37). */
	SUBSCRIBER_WAITING,
	/* A VPN user who is served elsewhere and keeps an IKE_SA here (G-12). `life`: end of the linger, then of the
	 * pause before it may come back. */
	SUBSCRIBER_DISPLACED,
	SUBSCRIBER_GONE,
	SUBSCRIBER_STATE_COUNT,
};

struct port {
	uint32_t ifindex;
	uint8_t mac[MAC_OCTETS];
};

static inline struct port port_at(uint32_t ifindex, const uint8_t mac[MAC_OCTETS])
{
	struct port port;

	memset(&port, 0, sizeof(port)); /* padding is part of keys */
	port.ifindex = ifindex;
	memcpy(port.mac, mac, sizeof(port.mac));
	return port;
}

enum { HELD_FRAME_MAX = 1518, HELD_PACKETS_MAX = 16, SESSIONS_PER_USER = 8, PAUSE_DOUBLINGS = 6 };

/* An IKE_SA of a VPN user. */
struct session {
	UT_hash_handle by_sa;
	struct session *next; /* of its user, newest first */
	struct subscriber *s;
	uint32_t sa;
	uint32_t request; /* ACQUIRE that waits for its answer; 0 = none */
	uint32_t children;
	bool up;    /* established */
	bool stale; /* charon is listing, and has not named it yet */
	struct in_addr remote;
	uint16_t remote_port;
	uint64_t since_us;
	struct timer wait; /* for the home agent, while `request` */
};

struct held_packet {
	uint8_t *octets; /* owned */
	size_t n;
};

/* A layer-3 device of one user at a time. */
struct user_device {
	UT_hash_handle by_ifindex;
	uint32_t ifindex;
	uint16_t mtu;
	char name[16];
};

/* What a subscriber has because it comes by VPN, or by PPP. */
struct vpn_user {
	bool here;                /* served at a layer-3 device, not at a port */
	struct user_device *own;  /* ... of its own; NULL: at the vpn device */
	uint32_t reqid;           /* of its CHILD_SAs; 0 = not told */
	struct session *sessions; /* newest first */
	bool lingering;           /* displaced: packets in flight still pass */
	bool closing;             /* lingering: until its CHILD_SAs are gone */
	bool returning;           /* displaced: there is a new CHILD_SA, so it comes back */
	bool contended;           /* displaced: wanted back before the pause was over */
	uint64_t resume_us;       /* end of the pause */
	unsigned doublings;       /* of the pause */
	struct held_packet held[HELD_PACKETS_MAX];
	size_t held_n;
};

/* Came out of the tunnel and was nobody's. */
struct early_packet {
	uint8_t *octets; /* owned; NULL = none */
	size_t n;
	struct tunnel tunnel;
	uint64_t at_us;
};

/* A request that waits for its reply. */
struct exchange {
	bool pending;
	uint64_t id;
	uint64_t sent_us;    /* of the last transmission */
	uint16_t lifetime_s; /* asked for */
	unsigned tries;      /* since the last answer */
	unsigned resyncs;    /* 133 in a row */
	bool home_refused;   /* the address asked for was not to be had: ask for any */
	bool udp_refused;
	bool redirected; /* another agent was named */
};

/* What a subscriber has because AAA let it in. */
struct login {
	bool by_aaa;
	struct relay_ids ids; /* of its session, at its authenticator; nas NULL: it is over there */
	bool confirmed;       /* ... whose accounting has shown Acct-Session-Id */
	uint64_t since_us;    /* it was let in */
	uint32_t held;        /* the Accept that waits for its registration; 0 = none */
	uint64_t ends_us;     /* by Session-Timeout; 0 = does not */
	uint64_t first_us;    /* its first frame, where hostapd is told to begin; 0 = not known */
	uint64_t began_us, let_in_us;
	unsigned rounds;
	struct timer timer; /* end of the waiting, then of the session */
};

/* Whether a station behind a switch is still there. */
struct presence {
	unsigned unanswered; /* questions */
	struct timer timer;
};

struct subscriber {
	UT_hash_handle by_nai, by_port;
	struct mpa *mpa;
	char *nai;
	uint32_t index;
	enum subscriber_state state;
	struct port port;
	const struct mpa_access *access;
	const struct mpa_station *station;         /* or NULL: attached by command */
	const struct mpa_home_agent *agent;        /* NULL: an address that access authentication brought */
	const struct mpa_association *association; /* or NULL: `own_sa` */
	struct sa own_sa;                          /* brought by access authentication (L-63) */
	uint8_t auth_type;
	enum mpa_udp udp; /* as configured, or as access authentication wants it for this user */

	struct in_addr agent_address; /* primary or secondary */
	struct agent_link *link;      /* of `agent_address` */
	struct in_addr home;          /* known or hinted; 0.0.0.0 = ask for one */
	bool home_known;              /* `home` was granted */
	struct in_addr hint;          /* address the station was seen to use */
	struct tunnel tunnel;
	uint32_t sequence; /* last received; 0 = none (L-15) */
	uint32_t nonce;
	bool revocation;      /* negotiated */
	uint32_t agent_stamp; /* newest revocation timestamp of the agent */
	struct exchange exchange;
	uint8_t last_code;
	uint64_t since_us, expires_us; /* of the binding */
	uint64_t lease_ends_us;        /* of its DHCP lease; 0 = none seen */
	uint32_t lease_s;              /* as the relayed server gives it; 0 = none seen */
	struct in_addr leased;         /* the address that goes with it */
	bool rehomed;                  /* another one was given up for it: it, or none */
	bool released;                 /* gave its address back, and nothing else */
	struct timer retransmit, life; /* `life`: refresh, expiry, end of hold, retry */
	uint32_t revocation_id;        /* of the last revocation; 0 = none */
	struct vpn_user vpn;
	struct login login;
	struct presence presence;
	uint8_t *held_arp, *held_dhcp; /* frames that came too early, or NULL */
	size_t held_arp_n, held_dhcp_n;
};

/* A station that was revoked a moment ago: frames of it still under way here mean nothing. */
struct departed {
	struct port port;
	uint64_t until_us;
};

enum { DEPARTED_MAX = 64, LINKS_MAX = 64, EARLY_PACKETS_MAX = 8 };

/* What all subscribers of one home agent address share. */
struct agent_link {
	int64_t offset; /* [NTP 32.32] its clock minus ours, learnt from code 133 (G-09) */
	uint64_t last_id;
	uint16_t keepalive_s; /* 0 = no UDP tunnel to it */
	uint64_t last_sent_us;
	struct timer keepalive;
	struct in_addr address;
};

struct mpa {
	const struct mpa_conf *conf;
	struct random random;
	struct subscriber *by_nai, *by_port;
	struct subscriber **by_index; /* max_subscribers */
	struct session *by_sa;
	uint32_t device; /* where VPN users arrive; 0 = it is not there */
	struct user_device *user_devices;
	struct timers retransmits, lives, keepalives, waits, logins, presences;
	struct caller *callers; /* at ports with an authenticator; the oldest first */
	struct timers port_timers;
	struct ratelimit *port_starts; /* of each access: who floods one leaves the others alone */
	struct relay *relay;           /* NULL: none is configured */
	struct agent_link links[LINKS_MAX];
	size_t link_n;
	struct departed departed[DEPARTED_MAX];
	unsigned departed_at;
	struct early_packet early[EARLY_PACKETS_MAX];
	unsigned early_at; /* the oldest, and next to go */
	struct ratelimit security, icmp_errors;
	uint64_t counters[MPA_COUNTER_COUNT];
};

#define MPA_COUNT(mpa, name) ((mpa)->counters[MPA_COUNTER_##name]++)

/* subscriber.c: the table */
struct subscriber *subscriber_find(const struct mpa *mpa, struct span nai);
struct subscriber *subscriber_at(const struct mpa *mpa, const struct port *port);
struct subscriber *subscriber_with_home(const struct mpa *mpa, struct in_addr home, struct in_addr agent);
int subscriber_add(struct mpa *mpa, const char *nai, struct subscriber **ret); /* 0, -ENOSPC, -ENOMEM */
int subscriber_set_port(struct subscriber *s, const struct port *port);        /* 0 or -ENOMEM */
void subscriber_leave_port(struct subscriber *s);
void subscriber_free(struct subscriber *s);

/* state.c: the machine. Every change of state goes through subscriber_event(). */
enum subscriber_event {
	EVENT_ATTACH,
	EVENT_ACCEPTED,
	EVENT_REFUSED,    /* for good; retry after the reaction's delay */
	EVENT_NO_ADDRESS, /* refused only because it has no address yet */
	EVENT_SUPERSEDED, /* another agent serves the station */
	EVENT_REVOKED,
	EVENT_LOST,     /* station left without a word: link down */
	EVENT_LEFT,     /* station left: logged out, command */
	EVENT_RELEASED, /* has its address no more: release, lease over */
	EVENT_TIMER,    /* `life` fired */
	EVENT_SILENCE,  /* deregistration not answered */
	EVENT_COUNT,
};
/* @s may be gone afterwards: then false. */
bool subscriber_event(struct subscriber *s, struct instant now, enum subscriber_event e, const char *reason,
		      struct actions *out);
/* Only its address is being given up: its session goes on. */
bool subscriber_stays(const struct subscriber *s);
/* Its DHCP lease runs from now. */
void subscriber_leased(struct subscriber *s, struct instant now, uint32_t lease_s);
extern const char *const subscriber_state_names[SUBSCRIBER_STATE_COUNT];

/* early.c: packets of the tunnel that came before the reply */
void early_keep(struct mpa *mpa, struct instant now, const struct tunnelled *t);
void early_deliver(const struct subscriber *s, struct instant now, struct actions *out); /* @s is served */
void early_free(struct mpa *mpa);

/* presence.c */
void presence_watch(struct subscriber *s, struct instant now); /* it is served from now on */
void presence_heard(struct subscriber *s, struct instant now); /* a frame of its own came in */
void presence_on_time(struct mpa *mpa, struct instant now, struct actions *out);

/* port_auth.c: ports with an authenticator beside us; at others nothing happens */
int port_auth_new(struct mpa *mpa); /* 0 or -ENOMEM */
/* A frame of whoever is not served there. @source: the address it seems to have, or 0.0.0.0. */
void port_auth_frame(struct mpa *mpa, struct instant now, const struct port *port, struct in_addr source,
		     struct actions *out);
struct in_addr port_auth_source(const struct mpa *mpa, const struct port *port); /* the last of them */
/* A frame that came too early to be answered. */
void port_auth_hold(struct mpa *mpa, struct instant now, const struct port *port, bool dhcp, struct span frame);
/* It is let in. What it asked before is answered when it is served. */
void port_auth_let_in(struct subscriber *s, struct instant now, struct actions *out);
bool port_auth_is_closed(const struct subscriber *s); /* until it is let in (again) */
void port_auth_carrier(struct mpa *mpa, struct instant now, const struct mpa_access *access,
		       struct actions *out);                         /* its link is up */
void port_auth_end(const struct subscriber *s, struct actions *out); /* its session is over, at its port */
/* It is elsewhere now, from where it may well return in a moment: its session ends when it does not. */
void port_auth_left(struct mpa *mpa, struct instant now, const struct port *port, struct actions *out);
/* What a change of state means for the authenticator. */
void port_auth_follow(const struct subscriber *s, struct instant now, enum subscriber_state old,
		      enum subscriber_event e, struct actions *out);
void port_auth_on_time(struct mpa *mpa, struct instant now, struct actions *out);
void port_auth_free(struct mpa *mpa);

/* visitor.c: the data plane's view of a subscriber */
void subscriber_visitor_set(const struct subscriber *s, struct actions *out);
void subscriber_visitor_del(const struct subscriber *s, struct actions *out);
const struct mpa_network *subscriber_network(const struct subscriber *s); /* NULL: not configured */
uint16_t subscriber_mtu(const struct subscriber *s);                      /* of its layer-3 device */

/* request.c */
const struct sa *subscriber_sa(const struct subscriber *s);
/* The link of @address, made when there is none. NULL: LINKS_MAX are in use. */
struct agent_link *mpa_link(struct mpa *mpa, struct in_addr address);
void subscriber_request(struct subscriber *s, struct instant now, uint16_t lifetime_s, struct actions *out);
void subscriber_request_cancel(struct subscriber *s);
void mpa_retransmit(struct mpa *mpa, struct instant now, struct actions *out);

/* reply.c, revoked.c, keepalive.c */
void mpa_on_reply(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out);
void mpa_on_revocation(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out);
void mpa_keepalive_start(struct subscriber *s, struct instant now, uint16_t interval_s);
void mpa_keepalive_send(struct mpa *mpa, struct instant now, struct actions *out);

/* user_device.c: layer-3 devices of one user each */
/* The device that @ids name, of a NAS that has such. NULL: there is none. */
struct user_device *user_device_of(const struct mpa *mpa, const struct relay_ids *ids);
/* The user is (again) at @d, and whoever was there is not. Return: 0 or -ENOMEM. */
int user_device_enter(struct subscriber *s, struct instant now, struct user_device *d, struct actions *out);
void user_device_on_spoof(struct mpa *mpa, struct instant now, uint32_t ifindex, struct in_addr source,
			  struct actions *out);
bool mpa_has_user_device(const struct mpa *mpa, uint32_t ifindex);
void user_devices_free(struct mpa *mpa);

/* vpn.c, vpn_user.c: users that come by IKEv2 */
const struct mpa_vpn *mpa_vpn(const struct mpa *mpa); /* NULL: no such access */
void vpn_freep(struct mpa *mpa);
/* Takes @x away. Its subscriber does not hear of it. */
void session_free(struct session *x);
void vpn_grant_all(struct subscriber *s, struct actions *out);
void vpn_refuse_all(struct subscriber *s, const char *why, struct actions *out); /* ends the sessions refused */
void vpn_on_waits(struct mpa *mpa, struct instant now, struct actions *out);
/* The user is (again) at the vpn device. Return: 0, -EEXIST (its home address is in use there by somebody else), or
 * -ENOMEM. */
int vpn_enter(struct subscriber *s, struct actions *out);
/* ... at the layer-3 device @own, NULL: the vpn device. */
int layer3_enter(struct subscriber *s, struct user_device *own, struct actions *out);
/* ... is at a port now, which it shares with nobody: its tunnels are told to close. */
void vpn_leave(struct subscriber *s, struct actions *out);
bool vpn_is_inside(const struct subscriber *s, struct in_addr remote);
/* What a change of state means for the sessions. False: @s is gone. */
bool vpn_follow(struct subscriber *s, struct instant now, enum subscriber_state old, enum subscriber_event e,
		const char *reason, struct actions *out);
void vpn_displace(struct subscriber *s, struct instant now, bool linger, struct actions *out);
void vpn_close_children(const struct subscriber *s, struct actions *out);
void vpn_close_all(struct subscriber *s, struct actions *out);
void vpn_on_pause(struct subscriber *s, struct instant now, struct actions *out); /* `life` of a displaced user */
/* A sign of life of a displaced user's tunnel. @child: a new CHILD_SA, not just a packet. */
void vpn_resume(struct subscriber *s, struct instant now, bool child, const char *why, struct actions *out);
void vpn_end_pause(struct subscriber *s, struct instant now); /* may come back at once */
void vpn_stop_return(struct subscriber *s, struct actions *out);
void vpn_on_child_down(struct subscriber *s, struct actions *out);
void vpn_on_packet(struct mpa *mpa, struct instant now, struct in_addr source, uint32_t reqid, struct actions *out);
void vpn_release_held(struct subscriber *s, struct actions *out);
void vpn_forget_held(struct subscriber *s);

/* login.c: who is let in by RADIUS */
int login_new(struct mpa *mpa); /* 0 or -ENOMEM */
/* What a change of state means for a login that is held. False: @s is gone. */
bool login_follow(struct subscriber *s, struct instant now, enum subscriber_event e, const char *reason,
		  struct actions *out);
/* Where the stations of @ids arrive: configured, else as their authenticator itself says. NULL: at none of our ports. */
const struct mpa_access *login_access(const struct mpa *mpa, const struct relay_ids *ids);
void login_on_time(struct mpa *mpa, struct instant now, struct actions *out);

/* evict.c: sessions that are over, here and at their authenticators */
/* The authenticator of @s knows that its session is over. */
void evict_told(struct subscriber *s);
/* @s logs in with @ids: a tunnel it has at another authenticator is over. */
void evict_other(struct subscriber *s, struct instant now, const struct relay_ids *ids, struct actions *out);
/* What a change of state means for the session. */
void evict_follow(struct subscriber *s, struct instant now, enum subscriber_event e, const char *reason,
		  struct actions *out);
/* For struct relay_listener. */
uint32_t evict_on_wanted(void *ctx, struct instant now, const struct relay_wanted *w, struct actions *out);
void evict_on_restart(void *ctx, struct instant now, const struct relay_ids *ids, uint32_t ago_s, struct actions *out);

/* attach.c */
/* Home agent, key and first home address of @s. Return: 0, -ENOENT, -ENOKEY or -ENOSPC. */
int subscriber_choose(struct subscriber *s, const struct mpa_attach *a);
bool mpa_is_home_address(const struct mpa_conf *c, struct in_addr a);
const struct mpa_access *mpa_access_of(const struct mpa *mpa, uint32_t ifindex);
bool mpa_is_held_off(const struct mpa *mpa, const struct port *port, uint64_t now_us);
void mpa_hold_off(struct mpa *mpa, const struct port *port, uint64_t now_us);
/* Somebody known by these identifiers, on a trusted port; NULL when not. */
struct station_id {
	const uint8_t *mac; /* or NULL */
	struct span nai;    /* recognised before */
	struct span client_id, host_name, fqdn;
};
const struct mpa_station *mpa_station_match(const struct mpa *mpa, const struct station_id *id);
/* Who is at @port: its subscriber's NAI, else that of the station @id tells, where stations may be recognised.
 * NULL: neither, which is counted. */
const char *mpa_identify(struct mpa *mpa, struct instant now, const struct port *port, const struct station_id *id,
			 enum mpa_trigger trigger, struct actions *out);
/* Attaches a station recognised by @id. Return: its subscriber, or NULL. */
struct subscriber *mpa_recognise(struct mpa *mpa, struct instant now, const struct port *port,
				 const struct station_id *id, struct in_addr source, enum mpa_trigger trigger,
				 struct actions *out);

/* home_arp.c, home_echo.c, home_dhcp.c, dhcp_relay.c: the link looks like home (L-28) */
void mpa_on_arp(struct mpa *mpa, struct instant now, const struct port *port, struct span frame, struct actions *out);
void mpa_on_echo(struct mpa *mpa, const struct port *port, struct span frame, struct actions *out);
void mpa_on_dhcp(struct mpa *mpa, struct instant now, const struct port *port, struct span frame, struct actions *out);
void subscriber_answer_arp(struct subscriber *s, struct span frame, struct actions *out);
void subscriber_answer_dhcp(struct subscriber *s, struct instant now, const struct dhcp4 *m, struct actions *out);
/* What was held until the home address was known. */
void subscriber_release_held(struct subscriber *s, struct instant now, struct actions *out);
/* @m: of @payload; @nai: whose it is. */
void dhcp_relay_forward(struct mpa *mpa, const struct port *port, const struct dhcp4 *m, struct span payload,
			const char *nai, struct actions *out);
/* What the server gave is not what the home agent did: the server's counts, as it is what the station has. */
bool dhcp_relay_disagrees(const struct subscriber *s);
/* A renewal goes by through the station's tunnel, straight to the server (L-39); so will its answer. A server that
 * refuses makes the station ask anew, by us. */
void dhcp_relay_renewal_seen(struct subscriber *s, struct instant now);
void dhcp_relay_on_reply(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out);

/* mpa.c */
/* A frame to @s, to be written on and sent: behind a link layer header where there is one. */
struct wr subscriber_frame(const struct subscriber *s, size_t n, struct actions *out);
/* one line of a subscriber's timeline */
void subscriber_record(const struct subscriber *s, struct actions *out, enum record_level level, const char *event,
		       const char *reason_fmt, ...) __attribute__((format(printf, 5, 6)));
struct span text_span(const char *text);

/* The time that AAA gave was for a session at the port it left; a login where it is now sets its own. */
static inline void subscriber_end_session_time(struct subscriber *s)
{
	if (s->login.held == 0) {
		s->login.ends_us = 0;
		timers_cancel(&s->mpa->logins, &s->login.timer);
	}
}

#endif
