/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mobile node with real sockets and packets: a TAP as its link, a TUN as charon's device, and between them the home
 * address as dp_home.h and dp_node.c keep it. */
#ifndef HF_TESTS_NODE_RIG_H
#define HF_TESTS_NODE_RIG_H

#include "codec/ip4.h"
#include "dataplane/dataplane.h"
#include "dataplane/dp_home.h"
#include "kernel_rig.h"

enum { WAIT_MS = 1000, SILENCE_MS = 50, PORT = 5000, MARK = 66, FRAME_MAX = 4096 };

#define HOME "10.42.0.10"
#define CARE_OF "192.0.2.5"
#define TIA "10.77.0.5"
#define ANCHOR "10.0.0.1"
#define PEER "10.9.0.2"

extern const uint8_t own_mac[6], router_mac[6], agent_mac[6];
extern char pins[];         /* the template of a directory's name */
extern int wire, vpn, user; /* TAP, TUN, a socket with the home address */
extern uint32_t wire_ifindex, vpn_ifindex;
extern struct dp_home *home;
extern struct dp *dp;
extern uint8_t buffer[FRAME_MAX]; /* what was received last */
extern unsigned arps;             /* that next_frame() came across */

int setup(void **state);
int teardown(void **state);
int open_user(const char *address); /* a UDP socket */
/* As charon's routes are while a CHILD_SA is up: the intranet by its device. */
void vpn_is_up(bool up);
uint64_t counted(const char *name);

size_t receive(int fd, int wait_ms); /* 0: nothing came */
/* The next frame on the link that is no ARP. */
size_t next_frame(int wait_ms);
void onto_wire(const uint8_t *packet, size_t n);
void user_sends(size_t n);
bool user_hears(void);

/* Each writes a packet and returns its length. */
size_t to_home(uint8_t *p, size_t room, uint16_t port);
size_t from_peer(uint8_t *p, size_t room);
/* An IP-in-IP packet from the anchor, with the peer's in it. */
size_t from_anchor(uint8_t *p, size_t room, const char *to);
/* The outer header of @packet, with the user's packet in it. */
struct ip4 outer_of(const uint8_t *packet, size_t n);

struct dp_path clear_path(void);
struct dp_path vpn_path(void);
struct dp_path way(enum path_how how);

#endif
