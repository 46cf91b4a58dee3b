/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/packet_port.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/util.h"

enum { FRAME_MAX = 2048, BATCH = 64, ETHER_HEAD = 14 };

enum { REJECT_ALL = 0, ACCEPT_ALL = 0x40000 };
enum { ICMP_ROUTER_SOLICITATION = 10, MOBILE_IP = 434 };

/* Jumps count instructions that are skipped. */
static struct sock_filter access_filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 13, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 11),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 9, 0), /* later fragments */
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETHER_HEAD),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 2),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, ETHER_HEAD),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 5, 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, ETHER_HEAD + 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 67, 2, 1),
	BPF_STMT(BPF_RET | BPF_K, REJECT_ALL),
	BPF_STMT(BPF_RET | BPF_K, REJECT_ALL),
	BPF_STMT(BPF_RET | BPF_K, ACCEPT_ALL),
};

/* ARP, and what is for all of the link: by its MAC address, or as link-local multicast. */
static struct sock_filter home_link_filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 7, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 5),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 4, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 30),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffffff00),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xe0000000, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, REJECT_ALL),
	BPF_STMT(BPF_RET | BPF_K, ACCEPT_ALL),
};

static struct sock_filter agent_filter[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 10),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 8, 0), /* later fragments */
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETHER_HEAD),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 2),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, ETHER_HEAD),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ROUTER_SOLICITATION, 4, 3),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 2),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, ETHER_HEAD + 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MOBILE_IP, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, REJECT_ALL),
	BPF_STMT(BPF_RET | BPF_K, ACCEPT_ALL),
};

static int set_filter(int fd, enum packet_port_use use)
{
	struct sock_fprog program = { .filter = access_filter, .len = ARRAY_SIZE(access_filter) };

	if (use == PACKET_PORT_HOME_LINK)
		program = (struct sock_fprog){ .filter = home_link_filter, .len = ARRAY_SIZE(home_link_filter) };
	else if (use == PACKET_PORT_AGENT)
		program = (struct sock_fprog){ .filter = agent_filter, .len = ARRAY_SIZE(agent_filter) };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int set_promiscuous(int fd, uint32_t ifindex)
{
	const struct packet_mreq all = { .mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ? -errno : 0;
}

static int read_mac(int fd, const char *interface, uint8_t ret[6])
{
	struct ifreq req = { 0 };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", interface); /* conf/ checked its length */
	if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
		return -errno;
	memcpy(ret, req.ifr_hwaddr.sa_data, 6);
	return 0;
}

int packet_port_open(const char *interface, enum packet_port_use use, struct packet_port *ret)
{
	auto_(closep) int fd = -1;
	struct packet_port p = { .ifindex = if_nametoindex(interface) };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int on = 1, r;

	if (p.ifindex == 0)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* silent until bound */
	if (fd < 0)
		return -errno;
	r = set_filter(fd, use);
	if (r == 0 && use == PACKET_PORT_ACCESS)
		r = set_promiscuous(fd, p.ifindex);
	if (r == 0)
		r = read_mac(fd, interface, p.mac);
	if (r < 0)
		return r;
	at.sll_ifindex = (int)p.ifindex;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	p.fd = TAKE_FD(fd);
	*ret = p;
	return 0;
}

static bool checksum_is_missing(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	return false;
}

/* A frame from this very machine may leave its UDP checksum to hardware that it never meets: then it has none. */
static void clear_udp_checksum(uint8_t *frame, size_t n)
{
	size_t at = n > ETHER_HEAD ? ETHER_HEAD + (frame[ETHER_HEAD] & 0x0fU) * 4U : n;

	if (n >= at + 8 && frame[12] == 0x08 && frame[13] == 0x00 && frame[23] == IPPROTO_UDP)
		frame[at + 6] = frame[at + 7] = 0;
}

void packet_port_receive(const struct packet_port *p, void (*fn)(void *ctx, uint32_t ifindex, struct span frame),
			 void *ctx)
{
	uint8_t frame[FRAME_MAX];
	union {
		char octets[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;

	for (int i = 0; i < BATCH; i++) {
		struct iovec iov = { .iov_base = frame, .iov_len = sizeof(frame) };
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
		};
		ssize_t n = recvmsg(p->fd, &m, 0);

		if (n <= 0)
			return; /* nothing waits, or the interface went down */
		if (checksum_is_missing(&m))
			clear_udp_checksum(frame, (size_t)n);
		fn(ctx, p->ifindex, (struct span){ frame, (size_t)n });
	}
}

int packet_port_send(const struct packet_port *p, struct span frame)
{
	return send(p->fd, frame.p, frame.n, 0) < 0 ? -errno : 0;
}

int packet_socket_open(void)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* never bound: silent */

	return fd < 0 ? -errno : fd;
}

int packet_socket_send(int fd, uint32_t ifindex, struct span packet)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_IP),
					.sll_ifindex = (int)ifindex };

	return sendto(fd, packet.p, packet.n, 0, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

int packet_socket_mtu(int fd, const char *interface, uint16_t *ret)
{
	struct ifreq req = { 0 };

	strncpy(req.ifr_name, interface, sizeof(req.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFMTU, &req) < 0)
		return -errno;
	*ret = req.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)req.ifr_mtu;
	return 0;
}
