/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Link-local multicast and broadcast between stations of one home subnet that sit at different agents (L-43, L-44), or on
 * its real link (RFC 5944 4.3, 4.5). */
#include "codec/ip4.h"
#include "roles/ha/agent.h"

static bool is_link_local_multicast(struct in_addr a)
{
	return ntohl(a.s_addr) >> 8 == UINT32_C(0xe00000);
}

static bool is_subnet_broadcast(const struct prefix *p, struct in_addr destination)
{
	return destination.s_addr == INADDR_BROADCAST || is_link_local_multicast(destination) ||
	       destination.s_addr == prefix_broadcast(p).s_addr;
}

bool ha_is_subnet_broadcast(const struct ha *ha, const struct binding *b, struct in_addr destination)
{
	return is_subnet_broadcast(&ha->conf->networks[b->network].prefix, destination);
}

static void send_by(const struct ha *ha, const struct binding *to, const struct tunnel *tunnel, bool own,
		    struct span packet, struct actions *out)
{
	const struct ip4 wrap = {
		.ttl = 64, .protocol = IPPROTO_IPIP, .source = ha->conf->address, .destination = to->home
	};
	struct wr w;

	if (own) {
		actions_send_tunnelled(out, tunnel, packet);
		return;
	}
	w = actions_writer(out, IP4_HEADER_OCTETS + packet.n);
	ip4_build(&w, &wrap, packet.n);
	wr_bytes(&w, packet.p, packet.n);
	if (w.err)
		return;
	actions_send_tunnelled(out, tunnel, (struct span){ w.start, wr_len(&w) });
}

void ha_send_copy(const struct ha *ha, const struct binding *to, struct span packet, struct actions *out)
{
	for (size_t i = 0; i < to->copy_n; i++)
		send_by(ha, to, &to->copies[i].tunnel, to->copies[i].own_tunnel, packet, out);
	send_by(ha, to, &to->tunnel, to->own_tunnel, packet, out);
}

/* To all of @network that want it, but @from. The others, however many, cost nothing. */
static void copy(struct ha *ha, struct instant now, size_t network, const struct binding *from, struct span packet,
		 struct actions *out)
{
	for (const struct binding *b = binding_first(ha->bindings, network); b && b->broadcast; b = b->next) {
		if (b == from || !tunnel_is_whole(&b->tunnel)) /* L-44: not back to the sender */
			continue;
		if (!actions_have_room(out, 4) || !ratelimit_allow(&ha->broadcast, now.us)) {
			HA_COUNT(ha, broadcast_suppressed);
			return;
		}
		ha_send_copy(ha, b, packet, out);
		HA_COUNT(ha, broadcast_copies);
	}
}

void ha_broadcast(struct ha *ha, struct instant now, const struct binding *from, struct span packet,
		  struct actions *out)
{
	if (!ha->conf->forward_broadcast)
		return;
	ha_home_link_broadcast(ha, now, from, packet, out);
	copy(ha, now, from->network, from, packet, out);
}

void ha_broadcast_from_link(struct ha *ha, struct instant now, size_t network, struct span packet, struct actions *out)
{
	struct ip4 ip;

	if (!ha->conf->forward_broadcast || ip4_parse(packet.p, packet.n, &ip) < 0 ||
	    !is_subnet_broadcast(&ha->conf->networks[network].prefix, ip.destination))
		return;
	packet.n = ip.header_n + ip.payload.n; /* frames are padded */
	copy(ha, now, network, NULL, packet, out);
}
