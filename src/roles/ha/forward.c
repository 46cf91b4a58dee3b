/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets the kernel programs leave to the home agent: few, and each for a reason. */
#include "codec/icmp4.h"
#include "roles/ha/agent.h"

enum { TUNNEL_OVERHEAD_IPIP = 20, TUNNEL_OVERHEAD_UDP = 32 };

static void send_error(struct ha *ha, struct in_addr source, struct span packet, uint8_t code, uint16_t mtu,
		       struct actions *out)
{
	struct wr w = actions_writer(out, 600);

	if (!icmp4_error_build(&w, source, packet, ICMP4_UNREACHABLE, code, mtu))
		return;
	actions_send_packet(out, &w);
	HA_COUNT(ha, icmp_sent);
}

static const struct ha_network *network_of(const struct ha *ha, struct in_addr home)
{
	for (size_t i = 0; i < ha->conf->network_n; i++)
		if (prefix_contains(&ha->conf->networks[i].prefix, home))
			return &ha->conf->networks[i];
	return NULL;
}

/* Too big for the path to the care-of address: the sender hears what fits (RFC 2003 5.1). */
static bool too_big(const struct binding *b, struct span packet, uint16_t path_mtu)
{
	size_t overhead = b->tunnel.encap == ENCAP_UDP ? TUNNEL_OVERHEAD_UDP : TUNNEL_OVERHEAD_IPIP;

	return path_mtu != 0 && packet.n + overhead > path_mtu;
}

void ha_on_packet(struct ha *ha, struct instant now, struct span packet, uint16_t path_mtu, struct actions *out)
{
	const struct ha_network *n;
	const struct binding *b;
	struct ip4 ip;

	(void)now; /* nothing here is remembered */
	if (ip4_parse(packet.p, packet.n, &ip) < 0) {
		HA_COUNT(ha, packets_dropped);
		return;
	}
	b = binding_find(ha->bindings, ip.destination);
	n = network_of(ha, ip.destination);
	if (!b && n) {
		send_error(ha, n->gateway, packet, ICMP4_HOST_UNREACHABLE, 0, out);
	} else if (b && (ip.fragment & IP4_DF) && too_big(b, packet, path_mtu)) {
		uint16_t overhead = b->tunnel.encap == ENCAP_UDP ? TUNNEL_OVERHEAD_UDP : TUNNEL_OVERHEAD_IPIP;

		send_error(ha, n ? n->gateway : ha->conf->address, packet, ICMP4_FRAGMENTATION_NEEDED,
			   (uint16_t)(path_mtu - overhead), out);
	} else if (b) {
		actions_send_tunnelled(out, &b->tunnel, packet); /* the kernel fragments the outer packet */
	} else {
		HA_COUNT(ha, packets_dropped);
	}
}

void ha_on_tunnelled(struct ha *ha, struct instant now, const struct tunnelled *t, struct actions *out)
{
	const struct binding *b;
	struct ip4 ip;
	struct wr w;

	if (ip4_parse(t->inner.p, t->inner.n, &ip) < 0) {
		HA_COUNT(ha, packets_dropped);
		return;
	}
	b = binding_find(ha->bindings, ip.source);
	if (!b || !tunnel_equal(&b->tunnel, &t->tunnel)) {
		HA_COUNT(ha, tunnel_spoofs); /* RFC 3024 4.1 */
		return;
	}
	if (ha_is_subnet_broadcast(ha, b, ip.destination)) {
		ha_broadcast(ha, now, b, t->inner, out);
		return;
	}
	w = actions_writer(out, t->inner.n);
	wr_bytes(&w, t->inner.p, t->inner.n);
	actions_send_packet(out, &w);
}
