/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/icmp_watch.h"

#include <errno.h>
#include <linux/icmp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "codec/icmp4.h"

enum { MESSAGES_PER_CALL = 64, MESSAGE_MAX = 1500, LENGTH_AND_CHECKSUM = 4 };

int icmp_watch_open(void)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	const struct icmp_filter only = { .data = ~(1U << ICMP4_UNREACHABLE) };
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &only, sizeof(only)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Header and eight octets of the datagram are quoted at least (RFC 792); of UDP that is enough. */
static int take(struct span packet, struct unreachable *ret)
{
	struct ip4 ip, quoted;
	struct icmp4 m;
	struct rd r;

	if (ip4_parse(packet.p, packet.n, &ip) < 0 || icmp4_parse(&ip, &m) < 0 || m.type != ICMP4_UNREACHABLE ||
	    ip4_parse_cut(m.payload.p, m.payload.n, &quoted) < 0)
		return -EBADMSG;
	*ret = (struct unreachable){ .local = quoted.source, .remote = quoted.destination, .code = m.code };
	if (quoted.protocol != IPPROTO_UDP)
		return 0;
	r = rd_init(quoted.payload.p, quoted.payload.n);
	ret->local_port = rd_u16(&r);
	ret->remote_port = rd_u16(&r);
	(void)rd_take(&r, LENGTH_AND_CHECKSUM);
	ret->payload.n = rd_left(&r);
	ret->payload.p = rd_take(&r, ret->payload.n);
	return r.err;
}

static ssize_t receive(int fd, uint8_t *packet, size_t room, uint32_t *ret_ifindex)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct iovec part = { packet, room };
	struct msghdr h = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t n = recvmsg(fd, &h, 0);
	const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&h);
	struct in_pktinfo info;

	*ret_ifindex = 0;
	if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		*ret_ifindex = (uint32_t)info.ipi_ifindex;
	}
	return n;
}

void icmp_watch_read(int fd, void (*fn)(void *ctx, const struct unreachable *u), void *ctx)
{
	uint8_t packet[MESSAGE_MAX];
	struct unreachable u;

	for (int i = 0; i < MESSAGES_PER_CALL; i++) {
		uint32_t ifindex;
		ssize_t n = receive(fd, packet, sizeof(packet), &ifindex);

		if (n < 0)
			return;
		if (take((struct span){ packet, (size_t)n }, &u) < 0)
			continue;
		u.ifindex = ifindex;
		fn(ctx, &u);
	}
}
