/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Link-local multicast and broadcast between stations of one home subnet that sit at different agents (L-43, L-44). */
#include "codec/ip4.h"
#include "roles/ha/agent.h"

static bool is_link_local_multicast(struct in_addr a)
{
	return ntohl(a.s_addr) >> 8 == UINT32_C(0xe00000);
}

bool ha_is_subnet_broadcast(const struct ha *ha, const struct binding *b, struct in_addr destination)
{
	const struct prefix *p = &ha->conf->networks[b->network].prefix;

	return destination.s_addr == INADDR_BROADCAST || is_link_local_multicast(destination) ||
	       destination.s_addr == prefix_broadcast(p).s_addr;
}

void ha_send_wrapped(const struct ha *ha, const struct binding *to, struct span packet, struct actions *out)
{
	const struct ip4 wrap = {
		.ttl = 64, .protocol = IPPROTO_IPIP, .source = ha->conf->address, .destination = to->home
	};
	struct wr w = actions_writer(out, IP4_HEADER_OCTETS + packet.n);

	ip4_build(&w, &wrap, packet.n);
	wr_bytes(&w, packet.p, packet.n);
	if (w.err)
		return;
	actions_send_tunnelled(out, &to->tunnel, (struct span){ w.start, wr_len(&w) });
}

void ha_broadcast(struct ha *ha, struct instant now, const struct binding *from, struct span packet,
		  struct actions *out)
{
	if (!ha->conf->forward_broadcast)
		return;
	for (const struct binding *b = binding_first(ha->bindings, from->network); b; b = b->next) {
		if (b == from || !b->broadcast) /* L-44: not back to the sender */
			continue;
		if (!actions_have_room(out, 4) || !ratelimit_allow(&ha->broadcast, now.us)) {
			HA_COUNT(ha, broadcast_suppressed);
			return;
		}
		ha_send_wrapped(ha, b, packet, out);
		HA_COUNT(ha, broadcast_copies);
	}
}
