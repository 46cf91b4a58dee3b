/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets the kernel programs leave to the home agent: few, and each for a reason. */
#include "codec/icmp4.h"
#include "roles/ha/agent.h"

/* Limited in rate as RFC 1812 4.3.2.8 wants it: anybody can make us send these. */
static void send_error(struct ha *ha, struct instant now, struct in_addr source, struct span packet, uint8_t code,
		       uint16_t mtu, struct actions *out)
{
	struct wr w;

	if (!ratelimit_allow(&ha->icmp_errors, now.us)) {
		HA_COUNT(ha, packets_dropped);
		return;
	}
	w = actions_writer(out, 600);
	if (!icmp4_error_build(&w, source, packet, ICMP4_UNREACHABLE, code, mtu))
		return;
	actions_send_own(out, &w);
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
	size_t overhead = tunnel_overhead(&b->tunnel);

	return path_mtu != 0 && packet.n + overhead > path_mtu;
}

/* With a path MTU, it is the kernel that left it to us, after it had sent the copies that fit. */
static void send_to_station(struct ha *ha, const struct binding *b, struct span packet, uint16_t path_mtu,
			    struct actions *out)
{
	struct ip4 ip;

	/* Cut on its way to us; it is not known where to send it; or it looks like a broadcast that we wrapped (L-44), but we
	 * do not send those to ourselves. */
	if (ip4_parse(packet.p, packet.n, &ip) < 0 || !tunnel_is_whole(&b->tunnel) ||
	    (ip.protocol == IPPROTO_IPIP && ip.source.s_addr == ha->conf->address.s_addr)) {
		HA_COUNT(ha, packets_dropped);
		return;
	}
	actions_send_tunnelled_by(out, &b->tunnel, packet, path_mtu);
}

void ha_on_packet(struct ha *ha, struct instant now, struct span packet, uint16_t path_mtu, struct actions *out)
{
	const struct ha_network *n;
	const struct binding *b, *from;
	struct ip4 ip;

	if (ip4_parse_cut(packet.p, packet.n, &ip) < 0) {
		HA_COUNT(ha, packets_dropped);
		return;
	}
	b = binding_find(ha->bindings, ip.destination);
	n = network_of(ha, ip.destination);
	from = binding_find(ha->bindings, ip.source);
	if (from && ha_is_subnet_broadcast(ha, from, ip.destination)) {
		ha_broadcast(ha, now, from, packet, out); /* the directed broadcast address was routed here */
	} else if (!b && n) {
		send_error(ha, now, n->gateway, packet, ICMP4_HOST_UNREACHABLE, 0, out);
	} else if (b && (ip.fragment & IP4_DF) && too_big(b, packet, path_mtu)) {
		uint16_t overhead = tunnel_overhead(&b->tunnel);

		send_error(ha, now, n ? n->gateway : ha->conf->address, packet, ICMP4_FRAGMENTATION_NEEDED,
			   (uint16_t)(path_mtu - overhead), out);
	} else if (b) {
		send_to_station(ha, b, packet, path_mtu, out);
	} else {
		HA_COUNT(ha, packets_dropped); /* nobody's */
	}
}

/* RFC 3024 4.1: only through the tunnel that was registered, or was a moment ago. */
static bool may_come_by(const struct binding *b, const struct tunnel *t, struct instant now)
{
	for (size_t i = 0; i < b->copy_n; i++)
		if (tunnel_accepts(&b->copies[i].tunnel, t))
			return true;
	return tunnel_accepts(&b->tunnel, t) || (now.us < b->former_until_us && tunnel_accepts(&b->former, t));
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
	if (t->tunnel.encap == ENCAP_GRE && ip.destination.s_addr == t->tunnel.remote.s_addr) {
		HA_COUNT(ha, packets_dropped); /* RFC 2784 4: it would come back for ever */
		return;
	}
	b = binding_find(ha->bindings, ip.source);
	if (!b || !may_come_by(b, &t->tunnel, now)) {
		HA_COUNT(ha, tunnel_spoofs);
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

void ha_on_tunnel_spoof(struct ha *ha, struct instant now, struct in_addr home, struct actions *out)
{
	const struct binding *b = binding_find(ha->bindings, home);
	const struct record note = { .level = RECORD_WARN, .security = true, .event = "spoofed_tunnel", .home = home };

	HA_COUNT(ha, tunnel_spoofs);
	if (ratelimit_allow(&ha->auth_failures, now.us))
		actions_record(out, &note, b ? b->nai : (struct span){ 0 },
			       b ? "tunnelled packets from elsewhere than its care-of address are dropped" :
				   "tunnelled packets of nobody's home address are dropped");
}

static bool is_tunnel_of(const struct binding *b, const struct tunnel *t)
{
	for (size_t i = 0; i < b->copy_n; i++)
		if (tunnel_equal(&b->copies[i].tunnel, t))
			return true;
	return tunnel_equal(&b->tunnel, t);
}

static bool is_tunnel_in_use(const struct ha *ha, const struct tunnel *t)
{
	for (size_t i = 0; i < ha->conf->network_n; i++)
		for (const struct binding *b = binding_first(ha->bindings, i); b; b = b->next)
			if (is_tunnel_of(b, t))
				return true;
	return false;
}

/* Of the station that sends by it, or of an agent, which has to be looked for: so often, and no more, however many ask. */
static bool is_known_tunnel(struct ha *ha, struct instant now, const struct tunnel *t, struct in_addr source)
{
	const struct binding *b = binding_find(ha->bindings, source);

	if (b)
		return is_tunnel_of(b, t);
	return ratelimit_allow(&ha->keepalives, now.us) && is_tunnel_in_use(ha, t);
}

static bool is_keepalive(const struct ha *ha, struct span inner, struct ip4 *ret_ip, struct icmp4 *ret)
{
	return ip4_parse(inner.p, inner.n, ret_ip) == 0 && ret_ip->destination.s_addr == ha->conf->address.s_addr &&
	       icmp4_parse(ret_ip, ret) == 0 && ret->type == ICMP4_ECHO;
}

/* B-47: who registered by a foreign agent shows by its first keepalive which port its NAT gave it; the address must be the one
 * the request came from (RFC 3519, R flag). */
static void settle_port(struct ha *ha, struct instant now, const struct tunnel *by, struct in_addr home,
			struct actions *out)
{
	struct binding *b = binding_find(ha->bindings, home);
	struct record note = { .level = RECORD_INFO, .event = "tunnel_port", .home = home, .peer = by->remote };

	if (!b || !b->port_open || b->tunnel.encap != ENCAP_UDP || b->tunnel.remote.s_addr != by->remote.s_addr)
		return;
	b->port_open = false;
	if (b->tunnel.remote_port == by->remote_port)
		return;
	b->tunnel.remote_port = by->remote_port;
	HA_COUNT(ha, ports_settled);
	ha_data_plane_set(ha, b, out);
	ha_store(ha, now, b, true, out);
	actions_record(out, &note, b->nai, "port %u, by its keepalive", by->remote_port);
}

/* An agent behind a NAT keeps its mapping open by pinging us inside of the tunnel (RFC 3519 4.9). */
static bool answer_keepalive(struct ha *ha, struct instant now, const struct tunnelled *t, struct actions *out)
{
	struct ip4 ip, h = { .ttl = 64 };
	struct icmp4 m;
	struct wr w;

	if (!is_keepalive(ha, t->inner, &ip, &m))
		return false;
	settle_port(ha, now, &t->tunnel, ip.source, out);
	if (!is_known_tunnel(ha, now, &t->tunnel, ip.source))
		return false;
	m.type = ICMP4_ECHO_REPLY;
	h.source = ip.destination;
	h.destination = ip.source;
	w = actions_writer(out, IP4_HEADER_OCTETS + ip.payload.n);
	icmp4_build(&w, &h, &m);
	actions_send_tunnelled(out, &t->tunnel, (struct span){ w.start, wr_len(&w) });
	HA_COUNT(ha, keepalives_answered);
	return true;
}

void ha_on_tunnel_data(struct ha *ha, struct instant now, const struct datagram *d, struct actions *out)
{
	struct tunnelled t = { .tunnel = { .encap = ENCAP_UDP,
					   .local = d->local,
					   .remote = d->remote,
					   .local_port = d->local_port,
					   .remote_port = d->remote_port } };
	uint8_t next;

	if (mip_tunnel_data_parse(d->payload.p, d->payload.n, &next, &t.inner) < 0 || next != IPPROTO_IPIP) {
		HA_COUNT(ha, malformed);
		return;
	}
	if (!answer_keepalive(ha, now, &t, out))
		ha_on_tunnelled(ha, now, &t, out);
}
