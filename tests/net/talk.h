/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mobile node in client mode, a foreign agent and a home agent, without a network between them: what one sends, the other
 * hears at once. Each message is printed as it leaves:
 *   SCENE SENDER udp SOURCE PORT DESTINATION PORT HEX
 *   SCENE SENDER frame HEX */
#ifndef HF_TESTS_NET_TALK_H
#define HF_TESTS_NET_TALK_H

#include "codec/mip_msg.h"
#include "roles/fa/fa.h"
#include "roles/ha/ha.h"
#include "roles/mn/mn.h"

enum { TALK_FRAME_MAX = 1514 };
enum talk_node { MN, FA, HA };

struct talk_message {
	enum talk_node from;
	bool frame;
	uint32_t ifindex;
	struct in_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t octets[TALK_FRAME_MAX];
	size_t n;
};

extern struct talk {
	const char *scene; /* NULL: nothing is printed */
	bool natted;       /* the mobile node's datagrams come from another address and port */
	bool fa_here;      /* it is on the mobile node's link */
	struct mn *mn;
	struct fa *fa;
	struct ha *ha;
	struct actions out;
	struct instant now;
} talk;

/* As talk_configure() makes them, and for a scene to change before talk_begin(). */
extern struct mn_conf mn_conf;
extern struct fa_conf fa_conf;
extern struct ha_conf ha_conf;
extern struct fa_access fa_access;

extern const char home[], agent[], office[], tia[], care_of[], router[], cafe[];
extern char user[], stranger[], pseudonym[];
extern const struct sa stranger_home, stranger_floor; /* what the stranger shares with the agents */

struct in_addr addr(const char *text);
void talk_configure(void);
void talk_begin(const char *scene); /* everything anew; nothing is printed of what comes before the scene */
void talk_end(void);
void talk_attach(const char *address); /* the mobile node's link, with this address */
void talk_tell_charon(struct charon_event e);
void talk_pass_ms(uint64_t ms);
void talk_take(enum talk_node from);         /* what a role wants sent, out of talk.out, is printed and delivered */
void talk_say(const struct talk_message *m); /* the same of somebody who is no role */

#endif
