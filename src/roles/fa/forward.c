/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets the kernel programs leave to us. */
#include "codec/ether.h"
#include "codec/icmp4.h"
#include "roles/fa/agent.h"

enum { ICMP_ERROR_MAX = 576 };

static void send_to(const struct visit *v, struct span packet, struct actions *out)
{
	const struct fa_access *access = fa_access_of(v->fa, v->station.ifindex);
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + packet.n);

	if (!access)
		return;
	ether_build(&w, v->station.mac, access->mac, ETHER_IP4);
	wr_bytes(&w, packet.p, packet.n);
	actions_send_frame(out, v->station.ifindex, &w);
}

/* Reassembled packets, and broadcasts that the home agent wrapped for a mobile node, which takes the wrapping off itself
 * (RFC 5944 4.3). Never to anybody else, and never an error (RFC 5944 4.2.2). */
void fa_on_tunnelled(struct fa *fa, const struct tunnelled *t, struct actions *out)
{
	struct visit *v;
	struct ip4 ip;

	if (fa_access_of(fa, t->ifindex) || ip4_parse(t->inner.p, t->inner.n, &ip) < 0) {
		FA_COUNT(fa, packets_dropped); /* no home agent is on an access link */
		return;
	}
	if (keepalive_answered(fa, t, &ip))
		return;
	v = visit_find(fa, ip.destination, t->tunnel.remote);
	if (v && !v->co_located && tunnel_equal(&v->tunnel, &t->tunnel))
		send_to(v, t->inner, out);
	else
		FA_COUNT(fa, packets_dropped);
}

void fa_on_tunnel_data(struct fa *fa, const struct datagram *d, struct actions *out)
{
	struct tunnelled t = { .tunnel = { .encap = ENCAP_UDP,
					   .local = d->local,
					   .remote = d->remote,
					   .local_port = d->local_port,
					   .remote_port = d->remote_port },
			       .ifindex = d->ifindex };
	uint8_t next;

	if (mip_tunnel_data_parse(d->payload.p, d->payload.n, &next, &t.inner) < 0 || next != IPPROTO_IPIP)
		FA_COUNT(fa, malformed);
	else
		fa_on_tunnelled(fa, &t, out);
}

void fa_on_too_big(struct fa *fa, struct instant now, uint32_t index, struct span packet, uint16_t mtu,
		   struct actions *out)
{
	const struct visit *v = index < fa->conf->max_visitors ? fa->by_index[index] : NULL;
	const struct fa_access *access = v ? fa_access_of(fa, v->station.ifindex) : NULL;
	uint8_t error[ICMP_ERROR_MAX];
	struct wr w = wr_init(error, sizeof(error));
	struct ip4 ip;

	if (!access || ip4_parse_cut(packet.p, packet.n, &ip) < 0)
		return;
	if (!(ip.fragment & IP4_DF) && ip4_parse(packet.p, packet.n, &ip) == 0) {
		actions_send_tunnelled_by(out, &v->tunnel, packet, mtu);
	} else if (ratelimit_allow(&fa->errors, now.us) &&
		   icmp4_error_build(&w, access->address, packet, ICMP4_UNREACHABLE, ICMP4_FRAGMENTATION_NEEDED,
				     (uint16_t)(mtu - tunnel_overhead(&v->tunnel)))) {
		send_to(v, (struct span){ error, wr_len(&w) }, out);
		FA_COUNT(fa, too_big_told);
	} else {
		FA_COUNT(fa, packets_dropped);
	}
}
