/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/icmp_watch.h"

#include <errno.h>
#include <linux/icmp.h>
#include <sys/socket.h>

#include "base/util.h"
#include "codec/icmp4.h"

enum { MESSAGES_PER_CALL = 64, MESSAGE_MAX = 1500, PORTS_OCTETS = 4 };

int icmp_watch_open(void)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	const struct icmp_filter only = { .data = ~(1U << ICMP4_UNREACHABLE) };

	if (fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &only, sizeof(only)) < 0)
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
	    ip4_parse_cut(m.payload.p, m.payload.n, &quoted) < 0 || quoted.protocol != IPPROTO_UDP)
		return -EBADMSG;
	r = rd_init(quoted.payload.p, min_size(quoted.payload.n, PORTS_OCTETS));
	*ret = (struct unreachable){ .local = quoted.source,
				     .remote = quoted.destination,
				     .local_port = rd_u16(&r),
				     .remote_port = rd_u16(&r),
				     .code = m.code };
	return r.err;
}

void icmp_watch_read(int fd, void (*fn)(void *ctx, const struct unreachable *u), void *ctx)
{
	uint8_t packet[MESSAGE_MAX];
	struct unreachable u;

	for (int i = 0; i < MESSAGES_PER_CALL; i++) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);

		if (n < 0)
			return;
		if (take((struct span){ packet, (size_t)n }, &u) == 0)
			fn(ctx, &u);
	}
}
