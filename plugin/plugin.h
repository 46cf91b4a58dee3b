/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the charon plugin: what its files share. charon calls from many threads. */
#ifndef HF_PLUGIN_H
#define HF_PLUGIN_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <library.h>

#include <daemon.h>
#include <jansson.h>

enum { DNS_MAX = 4 };

/* What the daemon answered. */
struct answer {
	char address[16]; /* "" = refused */
	char refused[160];
	char dns[DNS_MAX][16];
	unsigned dns_n;
};

/* link.c: one connection to the daemon, made again whenever it is lost. */
int link_open(const char *path, unsigned timeout_ms); /* 0, -ENOMEM, or -ENAMETOOLONG */
void link_close(void);
/* Takes @event. Lost when there is no daemon: it hears of all that is up when it comes. */
void link_send(json_t *event);
/* For the list, which may be long: connections are numbered, and what one began the next does not go on with. */
bool link_await_room(uint32_t connection); /* false: it is over. Not with an IKE_SA that others wait for. */
void link_send_on(uint32_t connection, json_t *event);
/* Kept for the daemon that comes when there is none; a few of them. */
void link_send_or_keep(json_t *event);
void link_send_kept(void);
/**
 * link_ask() - sends @event (taken) with a "request" member and waits for its answer, `timeout` at most.
 * Return: 0, -ENOTCONN (no daemon, at once), -ETIMEDOUT, -EBUSY (too many threads wait already), -ENOMEM.
 */
int link_ask(json_t *event, struct answer *ret);

/* events.c: what happens in charon, to the daemon */
/* An IPv4 address, and its port unless @port_name is NULL; others are left out. */
void event_put_host(json_t *j, const char *name, const char *port_name, host_t *host);
json_t *event_new(const char *name, ike_sa_t *ike_sa);  /* with all that is known of @ike_sa (may be NULL) */
void events_list(uint32_t connection);                  /* every IKE_SA that is up, then "listed" */
void events_refused(ike_sa_t *ike_sa, const char *why); /* a client was turned away without asking the daemon */
extern listener_t events_listener;
void events_init(bool node);

/* known.c: IKE_SAs that are up, and those a node is setting up */
int known_open(void); /* 0 or -ENOMEM */
void known_close(void);
void known_add(ike_sa_t *ike_sa, bool up);
bool known_remove(uint32_t sa); /* whether it was known */
/* Held by this thread until it is checked in; NULL: not known any more. Waits for that IKE_SA only. */
ike_sa_t *known_checkout(uint32_t sa);
/* All (@number 0), or those that are up and were not in list @number before. To be freed; NULL without memory. */
uint32_t *known_list(uint32_t number, size_t *ret_n);

/* acquire.c: gateway, addresses for clients */
extern attribute_provider_t acquire_provider;
void acquire_init(const char *pool);

/* commands.c: what the daemon wants; never blocks */
void command_perform(const json_t *command);
/* To be told, as soon as the thread that moves it is done; and a closing CHILD_SA's DELETE may still be on its way to an
 * address the peer has left. */
void command_moved(uint32_t sa);

/* probe.c: node; a request that is under way while the host moves. @ike_sa is held by this thread. */
void probe_on_message(ike_sa_t *ike_sa, message_t *m); /* @m was sent */
bool probe_is_pending(ike_sa_t *ike_sa);               /* a request waits for its answer */
void probe_again(ike_sa_t *ike_sa);                    /* it is sent again, by the way there is now */
void probe_close(void);

/* renew.c: node; the CHILD_SA after a move, where the gateway would have to replace it and cannot */
void renew_on_message(ike_sa_t *ike_sa, message_t *m, bool incoming); /* @m before encryption, or after decryption */
void renew_on_child_up(ike_sa_t *ike_sa);
void renew_astray(uint32_t sa, uint32_t message_id); /* a request that is sent from another address than at first */

/* in_place.c */
void in_place_install(void);
void in_place_remove(void);

#endif
