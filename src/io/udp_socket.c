/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/udp_socket.h"

#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/util.h"
#include "codec/encap4.h"

enum { RECEIVE_BUFFER = 4 << 20 };

static uint8_t buffer[RECEIVE_MAX]; /* one thread, one datagram at a time */

/* Outer packets may be fragmented: path MTU is learnt from them, but the slow path is not where it is enforced. */
static int prepare(int fd)
{
	int on = 1, size = RECEIVE_BUFFER, pmtu = IP_PMTUDISC_DONT;

	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu, sizeof(pmtu)) < 0)
		return -errno;
	/* Beyond the system's limit only with privilege; the default does as well, with fewer registrations at once. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

int udp_socket_open(uint16_t port, bool shared)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int r, on = 1;

	if (fd < 0)
		return -errno;
	r = prepare(fd);
	if (r < 0)
		return r;
	if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int protocol_of(enum encap encap)
{
	switch (encap) {
	case ENCAP_GRE:
		return IPPROTO_GRE;
	case ENCAP_MINIMAL:
		return PROTOCOL_MINIMAL;
	case ENCAP_IPIP:
	case ENCAP_UDP:
	case ENCAP_COUNT:
		break;
	}
	return IPPROTO_IPIP;
}

int tunnel_socket_open(enum encap encap)
{
	auto_(closep) int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol_of(encap));
	int r = fd < 0 ? -errno : prepare(fd);

	return r < 0 ? r : TAKE_FD(fd);
}

int ip_socket_open(void)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd < 0 ? -errno : fd;
}

/* Where it was sent to and by which interface it came. */
static struct in_pktinfo arrival_of(struct msghdr *m)
{
	struct in_pktinfo info = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&info, CMSG_DATA(c), sizeof(info));
	}
	return info;
}

static ssize_t receive(int fd, struct in_pktinfo *ret_arrival, struct sockaddr_in *ret_remote)
{
	union {
		char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr m = { .msg_name = ret_remote,
			    .msg_namelen = sizeof(*ret_remote),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, 0);

	if (n >= 0)
		*ret_arrival = arrival_of(&m);
	return n;
}

void udp_socket_receive(int fd, uint16_t port, void (*fn)(void *ctx, const struct datagram *d), void *ctx)
{
	for (int i = 0; i < RECEIVE_BATCH; i++) {
		struct sockaddr_in remote;
		struct datagram d = { .local_port = port };
		struct in_pktinfo arrival;
		ssize_t n = receive(fd, &arrival, &remote);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			continue; /* an ICMP error about something we sent: the next one may be a datagram */
		d.local = arrival.ipi_addr;
		d.ifindex = (uint32_t)arrival.ipi_ifindex;
		d.remote = remote.sin_addr;
		d.remote_port = ntohs(remote.sin_port);
		d.payload = (struct span){ buffer, (size_t)n };
		fn(ctx, &d);
	}
}

/* Takes the outer header off. */
static int unwrap(struct span packet, struct tunnelled *ret)
{
	static uint8_t inner[RECEIVE_MAX];
	struct wr w = wr_init(inner, sizeof(inner));
	struct gre gre;
	struct ip4 ip;
	int r = ip4_parse(packet.p, packet.n, &ip);

	if (r < 0)
		return r;
	ret->tunnel = (struct tunnel){ .local = ip.destination, .remote = ip.source };
	switch (ip.protocol) {
	case IPPROTO_GRE:
		r = gre_parse(ip.payload, &gre);
		if (r < 0)
			return r;
		ret->tunnel.encap = ENCAP_GRE;
		ret->tunnel.in_key = gre.key;
		ret->inner = gre.payload;
		return 0;
	case PROTOCOL_MINIMAL:
		ret->tunnel.encap = ENCAP_MINIMAL;
		r = minimal_parse(&w, packet);
		ret->inner = (struct span){ w.start, wr_len(&w) };
		return r;
	default: /* what the socket is for */
		ret->tunnel.encap = ENCAP_IPIP;
		ret->inner = ip.payload;
		return 0;
	}
}

void tunnel_socket_receive(int fd, void (*fn)(void *ctx, const struct tunnelled *t), void *ctx)
{
	for (int i = 0; i < RECEIVE_BATCH; i++) {
		struct sockaddr_in remote;
		struct tunnelled t = { 0 };
		struct in_pktinfo arrival;
		ssize_t n = receive(fd, &arrival, &remote);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 || unwrap((struct span){ buffer, (size_t)n }, &t) < 0)
			continue;
		t.ifindex = (uint32_t)arrival.ipi_ifindex;
		fn(ctx, &t);
	}
}

static int send_from(int fd, uint32_t ifindex, struct in_addr local, const struct sockaddr_in *remote, struct span head,
		     struct span body)
{
	union {
		char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = { .octets = { 0 } };
	const struct in_pktinfo info = { .ipi_ifindex = (int)ifindex, .ipi_spec_dst = local };
	struct iovec iov[] = { { .iov_base = (void *)head.p, .iov_len = head.n },
			       { .iov_base = (void *)body.p, .iov_len = body.n } };
	struct msghdr m = { .msg_name = (void *)remote,
			    .msg_namelen = sizeof(*remote),
			    .msg_iov = iov,
			    .msg_iovlen = ARRAY_SIZE(iov),
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(fd, &m, 0) < 0 ? -errno : 0;
}

int udp_socket_send(int fd, struct in_addr local, struct in_addr remote, uint16_t port, struct span head,
		    struct span body)
{
	return udp_socket_send_by(fd, 0, local, remote, port, head, body);
}

int udp_socket_send_by(int fd, uint32_t ifindex, struct in_addr local, struct in_addr remote, uint16_t port,
		       struct span head, struct span body)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = remote };

	return send_from(fd, ifindex, local, &to, head, body);
}

int tunnel_socket_send(int fd, const struct tunnel *t, struct span inner)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = t->remote };
	uint8_t head[GRE_OCTETS + GRE_KEY_OCTETS];
	struct wr w = wr_init(head, sizeof(head));

	if (t->encap == ENCAP_GRE)
		gre_build(&w, t->out_key);
	return send_from(fd, 0, t->local, &to, (struct span){ head, wr_len(&w) }, inner);
}

int minimal_send(int ip_fd, const struct tunnel *t, struct span inner)
{
	static uint8_t packet[RECEIVE_MAX];
	struct wr w = wr_init(packet, sizeof(packet));
	int r = minimal_build(&w, t->local, t->remote, inner);

	return r < 0 ? r : ip_socket_send(ip_fd, (struct span){ w.start, wr_len(&w) });
}

int ip_socket_send(int fd, struct span packet)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct ip4 ip;

	if (ip4_parse(packet.p, packet.n, &ip) < 0)
		return -EINVAL;
	to.sin_addr = ip.destination;
	return sendto(fd, packet.p, packet.n, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
