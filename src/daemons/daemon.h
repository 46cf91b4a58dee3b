/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all daemons share: options, sockets, the loop, and the performing of actions. A program adds its role as a
 * table of functions. */
#ifndef HF_DAEMONS_DAEMON_H
#define HF_DAEMONS_DAEMON_H

#include <uv.h>

#include "conf/daemon_conf.h"
#include "dataplane/dataplane.h"
#include "dataplane/dp_home.h"
#include "io/charon_link.h"
#include "io/control.h"
#include "io/hostapd.h"
#include "io/icmp_watch.h"
#include "io/link_watch.h"
#include "io/net_watch.h"
#include "io/packet_port.h"
#include "io/plain_watch.h"
#include "io/timeline.h"
#include "roles/events.h"

struct daemon;

/* A role as the daemon drives it. All but `due` append to @out. What a daemon does not open needs no function. */
struct role {
	const char *name; /* "ha", "mpa", "mn": member "role" of records */
	void (*on_datagram)(void *role, struct instant now, const struct datagram *d, struct actions *out);
	void (*on_frame)(void *role, struct instant now, uint32_t ifindex, struct span frame, struct actions *out);
	void (*on_tunnelled)(void *role, struct instant now, const struct tunnelled *t, struct actions *out);
	void (*on_packet)(void *role, struct instant now, struct span packet, struct actions *out); /* from the TUN */
	void (*on_dp_event)(void *role, struct instant now, const struct dp_event *e, struct actions *out);
	void (*on_carrier)(void *role, struct instant now, uint32_t ifindex, bool up,
			   struct actions *out);                                                          /* or NULL */
	void (*on_port)(void *role, struct instant now, const struct port_event *e, struct actions *out); /* or NULL */
	void (*on_charon)(void *role, struct instant now, const struct charon_event *e,
			  struct actions *out); /* or NULL */
	/* The layer-3 device is there (0: is not). Or NULL. */
	void (*on_device)(void *role, struct instant now, uint32_t ifindex, struct actions *out);
	/* One of a user's own is there, or changed; @name NULL: is not (any more, or is something else). Or NULL. */
	void (*on_user_device)(void *role, struct instant now, uint32_t ifindex, const char *name, uint16_t mtu,
			       struct actions *out);
	void (*on_net)(void *role, struct instant now, const struct net_event *e, struct actions *out);
	void (*on_unreachable)(void *role, struct instant now, const struct unreachable *u, struct actions *out);
	void (*on_time)(void *role, struct instant now, struct actions *out);
	uint64_t (*due)(const void *role);
	/* Answers a verb the daemon does not know itself; NULL: nor does the role. */
	json_t *(*answer)(struct daemon *d, const char *verb, const json_t *request, struct instant now,
			  struct actions *out);
};

enum { PORTS_MAX = 64, SERVICES_MAX = 16, GLOBS_MAX = 16 };

struct daemon {
	const struct role *role;
	void *state; /* of the role */
	const struct daemon_conf *conf;
	uv_loop_t loop;
	bool has_loop;
	uv_timer_t timer;
	uv_signal_t terminate, interrupt;
	uv_poll_t udp_poll, ipip_poll, gre_poll, minimal_poll, tun_poll, events_poll, link_poll, net_poll, plain_poll,
		icmp_poll, agents_poll, wake_poll;
	int udp, ipip, gre, minimal, own, icmp, agents, wake; /* -1 = not open */
	uint64_t wake_due;                                    /* `wake` is set to this */
	struct packet_port ports[PORTS_MAX];
	uv_poll_t port_polls[PORTS_MAX];
	size_t port_n;
	struct {
		const char *interface;        /* NULL = none; may appear, vanish and come back */
		uint32_t ifindex;             /* 0 = it is not there */
		const char *globs[GLOBS_MAX]; /* names of devices of one user each */
		size_t glob_n;
		int fd; /* for packets into them */
	} layer3;
	const uint32_t *core; /* interfaces tunnels come by */
	size_t core_n;
	struct service { /* a UDP port besides Mobile IP's */
		int fd;
		uint16_t port;
		uv_poll_t poll;
	} services[SERVICES_MAX];
	size_t service_n;
	struct authenticator { /* hostapd of a port */
		struct hostapd *link;
		struct hostapd_place place;
		char own[108]; /* as long as a socket's path may be */
	} authenticators[PORTS_MAX];
	size_t authenticator_n;
	struct dp *dp;
	struct link_watch *links;
	struct net_watch *net;      /* or NULL */
	struct dp_home *home;       /* or NULL */
	struct plain_watch *plain;  /* or NULL */
	struct charon_link *charon; /* or NULL */
	struct store *store;        /* or NULL */
	uv_timer_t store_timer;
	uv_work_t store_work;
	bool store_dirty, store_syncing;
	struct control *control;
	struct timeline *timeline;
	struct actions actions;
	struct instant now; /* of the event in hand: its records carry this time, however long they queue */
	uint64_t now_unix_us;
	uint64_t send_errors, dp_errors, store_errors, strays;
};

/* What the kernel is told by a program, and the arrays it points to. */
struct kernel_conf {
	uint32_t core[INTERFACES_MAX], access[INTERFACES_MAX], fast[INTERFACES_MAX];
	struct dp_home_network networks[NETWORKS_MAX];
	const char *layer3[1 + GLOBS_MAX];
	struct dp_conf dp;
};

/* A program: its configuration file's structure begins with a struct daemon_conf. Each returns 0 or -errno (said why). */
struct program {
	const char *name;
	int (*load)(const char *path, void *file, struct conf_error *e); /* says why in @e */
	/* Completes what the file says of interfaces, and fills in what is the role's own: all but `core`. */
	int (*kernel_conf)(void *file, struct kernel_conf *ret);
	/* Takes out of the kernel what outlives us. NULL: dp_flush() does it. */
	void (*flush)(const void *file, const struct dp_conf *kernel);
	int (*run)(void *file, const struct dp_conf *kernel);
};

/* Options, configuration, and what they ask for. @file: zeroed, done by the caller. Return: exit status. */
int daemon_main(int argc, char **argv, const struct program *p, void *file);

/* "eth0" ... to interface indexes. Return: 0 or -ENODEV (said which). */
int daemon_ifindexes(char *const *names, size_t n, uint32_t *ret);
/* One more interface where stations arrive. Return: as above. */
int daemon_conf_access(struct kernel_conf *k, char *interface, uint32_t *ret_ifindex);

/* What every daemon has, whether it forwards packets or not: loop, list of actions, timeline. Borrows its arguments.
 * Return: 0 or -errno. */
int daemon_open_plain(struct daemon *d, const struct role *role, const struct daemon_conf *conf);
/* Opens everything but the role, of a daemon that forwards packets. conf, dp_conf are borrowed. Return: 0 or -errno (said why). */
int daemon_open(struct daemon *d, const struct role *role, const struct daemon_conf *conf,
		const struct dp_conf *dp_conf, bool dhcp_relay);
/* Tunnels beside IP in IP and UDP arrive here too, where the kernel programs do not take them. Return: 0 or -errno (said why). */
int daemon_add_encapsulations(struct daemon *d, bool gre, bool minimal);
int daemon_add_port(struct daemon *d, const char *interface, enum packet_port_use use); /* before daemon_run() */
/* Opens a UDP socket whose datagrams go to the role; it sends by the port as `local_port`. @port: 0 = any free one.
 * Before daemon_run(). Return: 0 or -errno (said why). */
int daemon_add_udp(struct daemon *d, uint16_t port, uint16_t *ret_port);
/* Serves users behind this layer-3 device whenever it is there. Before daemon_run(). Return: 0 or -errno (said why). */
int daemon_add_layer3(struct daemon *d, const char *interface);
/* The same for all devices that are named so, each with one user. */
int daemon_add_user_devices(struct daemon *d, const char *glob);
/* Listens for charon's plugin at <run-dir>/<instance>.charon. Before daemon_run(). Return: 0 or -errno (said why). */
int daemon_add_charon(struct daemon *d);
/* The role hears what ICMP says of packets from here (icmp_watch.h). */
int daemon_add_icmp(struct daemon *d);
/* Talks to the hostapd of a port. @path: as of struct hostapd_place. Before daemon_run(). Return: 0 or -errno (said why). */
int daemon_add_authenticator(struct daemon *d, const char *path, const char *interface, uint32_t ifindex);
/* What the role wants to survive a restart goes to @path. One that cannot be opened is said, and done without. */
void daemon_add_store(struct daemon *d, const char *path, size_t room);
/* For a host that may sleep. Before daemon_run(). Return: 0 or -errno (said why). */
int daemon_add_wake(struct daemon *d);
void daemon_arm_wake(struct daemon *d, uint64_t due_us);
/* Watches @fd with @p while the daemon runs. Return: 0 or -errno. */
int daemon_watch(struct daemon *d, uv_poll_t *p, int fd, uv_poll_cb readable);
/* libuv gives a descriptor up when an error is pending: an interface that went down, a netlink queue that ran over.
 * @readable calls this at its end: reading took the error away, and what comes afterwards counts again. */
void daemon_keep_watching(uv_poll_t *p, int status, uv_poll_cb readable);
/* Runs until a signal ends it. Return: 0 or -errno. */
int daemon_run(struct daemon *d, void *state);
void daemon_close(struct daemon *d);

/* layer3.c: which devices are there; then, of the link that changed, whether they are still what they were */
void daemon_start_layer3(struct daemon *d);
void daemon_check_layer3(struct daemon *d, uint32_t ifindex);

/* authenticator.c */
void daemon_order_port(struct daemon *d, enum port_order order, uint32_t ifindex, const uint8_t mac[MAC_OCTETS]);
void daemon_close_authenticators(struct daemon *d); /* the loop must run once more */

/* perform.c */
/* Reads the clocks for the event that is handled next. */
struct instant daemon_now(struct daemon *d);
/* Does what the role wants, in order, and arms the timer. */
void daemon_perform(struct daemon *d);
/* The first half only: before daemon_run(). */
void daemon_perform_early(struct daemon *d);

/* persist.c: the store is written to the disk in the background while the daemon runs. */
int daemon_start_store(struct daemon *d);
void daemon_close_store(struct daemon *d);
void daemon_store_changed(struct daemon *d, int r, const char *what); /* @r: how it went */

/* Helpers for answers: addresses and times as JSON. */
json_t *json_address(struct in_addr a); /* "" for 0.0.0.0 */
json_t *json_tunnel(const struct tunnel *t);
json_int_t seconds_left(uint64_t expires_us, struct instant now); /* -1: never ends */
json_t *json_counters(struct daemon *d, uint32_t index);
/* Role counters and kernel statistics as one object. */
json_t *daemon_counters(struct daemon *d, const char *const *names, const uint64_t *values, size_t n);
/* The same object with those of a part of the role, as a group of that name. */
json_t *daemon_counter_group(json_t *counters, const char *group, const char *const *names, const uint64_t *values,
			     size_t n);

#endif
