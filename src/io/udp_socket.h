/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP and raw sockets of tunnels that know which of our addresses they are used by. */
#ifndef HF_IO_UDP_SOCKET_H
#define HF_IO_UDP_SOCKET_H

#include "roles/events.h"

enum { RECEIVE_BATCH = 64, RECEIVE_MAX = 65536 };

/* Bound to @port on all addresses, with a large receive buffer. @shared: others that want it too may have it where they
 * are more specific, by address or interface. Return: descriptor or -errno. */
int udp_socket_open(uint16_t port, bool shared);
/* Raw socket of one encapsulation but UDP: receives what the kernel programs leave alone, reassembled. */
int tunnel_socket_open(enum encap encap);
/* Sends whole IPv4 packets, receives nothing. */
int ip_socket_open(void);

/* Calls @fn for at most RECEIVE_BATCH datagrams that wait, so that other work gets its turn. */
void udp_socket_receive(int fd, uint16_t port, void (*fn)(void *ctx, const struct datagram *d), void *ctx);
/* The inner packet lies in a buffer of ours until the next call. */
void tunnel_socket_receive(int fd, void (*fn)(void *ctx, const struct tunnelled *t), void *ctx);

/* From @local (0.0.0.0: the kernel's choice). @head: octets in front of @body, may be empty. Return: 0 or -errno. */
int udp_socket_send(int fd, struct in_addr local, struct in_addr remote, uint16_t port, struct span head,
		    struct span body);
/* The same by the interface @ifindex: a route by another one, charon's into its tunnel included, is not taken (B-31). */
int udp_socket_send_by(int fd, uint32_t ifindex, struct in_addr local, struct in_addr remote, uint16_t port,
		       struct span head, struct span body);
int ip_socket_send(int fd, struct span packet); /* header included; 0 or -errno */
/* By a socket of tunnel_socket_open(@t->encap); the kernel cuts outer packets that do not fit. */
int tunnel_socket_send(int fd, const struct tunnel *t, struct span inner);
/**
 * minimal_send() - RFC 2004, by a socket of ip_socket_open().
 * Return: 0, -EOPNOTSUPP (a fragment) or -EMSGSIZE (it does not fit the link): IP in IP will do; or another -errno.
 */
int minimal_send(int ip_fd, const struct tunnel *t, struct span inner);

#endif
