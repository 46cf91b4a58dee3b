/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/plain_watch.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/util.h"

enum { READS_MAX = 64, IKE_PORT = 500, IKE_NAT_PORT = 4500 };

struct plain_watch {
	int fd;
};

#define LOAD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(at))
#define OTHERWISE(value, drop) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (drop))
#define DROP_IF(value, drop) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (drop), 0)

int plain_watch_set(struct plain_watch *w, struct in_addr home)
{
	/* Offsets from the IPv4 header; jumps lead to the last line, which drops. */
	struct sock_filter wanted[] = {
		LOAD(BPF_W, SKF_AD_OFF + SKF_AD_HATYPE),
		OTHERWISE(ARPHRD_ETHER, 12), /* a TUN, where decrypted packets arrive, is none */
		LOAD(BPF_W, SKF_AD_OFF + SKF_AD_PKTTYPE),
		OTHERWISE(PACKET_HOST, 10),
		LOAD(BPF_W, 16),
		OTHERWISE(ntohl(home.s_addr), 8),
		LOAD(BPF_B, 9),
		DROP_IF(IPPROTO_ESP, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		DROP_IF(IKE_PORT, 2),
		DROP_IF(IKE_NAT_PORT, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { ARRAY_SIZE(wanted), wanted };
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };

	if (home.s_addr == INADDR_ANY)
		program = (struct sock_fprog){ ARRAY_SIZE(none), none };
	if (setsockopt(w->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return bind(w->fd, (const struct sockaddr *)&all, sizeof(all)) < 0 ? -errno : 0;
}

int plain_watch_open(struct plain_watch **ret)
{
	auto_(plain_watch_closep) struct plain_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* of no protocol: it hears nothing */
	if (w->fd < 0)
		return -errno;
	*ret = TAKE_PTR(w);
	return 0;
}

void plain_watch_closep(struct plain_watch **w)
{
	if (!*w)
		return;
	closep(&(*w)->fd);
	free(*w);
	*w = NULL;
}

int plain_watch_fd(const struct plain_watch *w)
{
	return w->fd;
}

void plain_watch_read(struct plain_watch *w, void (*fn)(void *ctx, uint32_t ifindex), void *ctx)
{
	uint32_t first = 0;

	for (int i = 0; i < READS_MAX; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t n = sizeof(from);
		uint8_t octet;

		if (recvfrom(w->fd, &octet, sizeof(octet), 0, (struct sockaddr *)&from, &n) < 0)
			break;
		if (first == 0)
			first = (uint32_t)from.sll_ifindex;
	}
	if (first != 0)
		fn(ctx, first);
}
