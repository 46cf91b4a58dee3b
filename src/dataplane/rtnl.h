/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few requests to the kernel's rtnetlink that TUN devices of ours need. Each waits for its acknowledgment. */
#ifndef HF_DP_RTNL_H
#define HF_DP_RTNL_H

#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { RTNL_REQUEST_OCTETS = 512 };

int rtnl_open(struct mnl_socket **ret); /* 0 or -errno */
void rtnl_closep(struct mnl_socket **s);
/* Sends one request. Return: 0 or the -errno of its acknowledgment. */
int rtnl_ask(struct mnl_socket *s, struct nlmsghdr *h);
int rtnl_set_up(struct mnl_socket *s, uint32_t ifindex, uint32_t mtu);          /* @mtu 0: as it is */
int rtnl_add_address(struct mnl_socket *s, uint32_t ifindex, struct in_addr a); /* /32; it may be there */
int rtnl_del_address(struct mnl_socket *s, uint32_t ifindex, struct in_addr a);

/* A default route by @ifindex in @table, in the place of one that is there; packets without a source get @source, where
 * that is not 0.0.0.0. @mtu: of the route, whatever the device's is; 0: the device's. */
int rtnl_add_default(struct mnl_socket *s, uint32_t ifindex, uint32_t table, struct in_addr source, uint32_t mtu);
/* Which packets are routed by `table`. */
struct rtnl_rule {
	struct in_addr source; /* 0.0.0.0: those that have none yet, and no mark either */
	uint32_t mark;         /* 0: any, but for those without a source */
	uint16_t udp_port;     /* they go to; 0: any packet */
	uint32_t priority, table;
};

int rtnl_add_rule(struct mnl_socket *s, const struct rtnl_rule *r); /* it may be there */
int rtnl_del_rule(struct mnl_socket *s, const struct rtnl_rule *r); /* it may be gone */

/* Creates or adopts the persistent TUN @device. Return: its descriptor or -errno. */
int tun_open(const char *device);
/* Takes it away when its last descriptor is closed. */
void tun_remove(const char *device);

#endif
