/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/agent_watch.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/util.h"
#include "codec/agent_adv.h"

enum { FRAME_MAX = 2048, READS_MAX = 64 };

#define LOAD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(at))
#define OTHERWISE(value, drop) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (drop))

/* Router advertisements, not the later fragments of something; jumps lead to the last line, which drops. */
static int set_filter(int fd)
{
	struct sock_filter wanted[] = {
		LOAD(BPF_W, SKF_AD_OFF + SKF_AD_HATYPE),
		OTHERWISE(ARPHRD_ETHER, 8),
		LOAD(BPF_B, ETH_HLEN + 9),
		OTHERWISE(IPPROTO_ICMP, 6),
		LOAD(BPF_H, ETH_HLEN + 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETH_HLEN),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, ETH_HLEN),
		OTHERWISE(ICMP4_ROUTER_ADVERTISEMENT, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(wanted), wanted };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int agent_watch_open(void)
{
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	auto_(closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* silent until bound */
	int on = 1, r = fd < 0 ? -errno : set_filter(fd);

	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&all, sizeof(all)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void agent_watch_read(int fd, void (*fn)(void *ctx, uint32_t ifindex, struct span frame), void *ctx)
{
	uint8_t frame[FRAME_MAX];

	for (int i = 0; i < READS_MAX; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t from_n = sizeof(from);
		ssize_t n = recvfrom(fd, frame, sizeof(frame), 0, (struct sockaddr *)&from, &from_n);

		if (n < 0)
			return;
		fn(ctx, (uint32_t)from.sll_ifindex, (struct span){ frame, (size_t)n });
	}
}

int agent_watch_send(int fd, uint32_t ifindex, struct span frame)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_IP),
					.sll_ifindex = (int)ifindex };

	return sendto(fd, frame.p, frame.n, 0, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
