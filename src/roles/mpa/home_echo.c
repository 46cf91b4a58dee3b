/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway answers pings, also those that would die on the way to it (L-33). */
#include "codec/ether.h"
#include "codec/icmp4.h"
#include "roles/mpa/agent.h"

void mpa_on_echo(struct mpa *mpa, const struct port *port, struct span frame, struct actions *out)
{
	const struct subscriber *s = subscriber_at(mpa, port);
	const struct mpa_network *n = s && s->state == SUBSCRIBER_SERVED ? subscriber_network(s) : NULL;
	struct ether e;
	struct ip4 ip, h = { .ttl = 64 };
	struct icmp4 m;
	struct wr w;

	if (!n || ether_parse(frame.p, frame.n, &e) < 0 || ip4_parse(e.payload.p, e.payload.n, &ip) < 0 ||
	    ip.destination.s_addr != n->gateway.s_addr || ip.source.s_addr != s->home.s_addr ||
	    icmp4_parse(&ip, &m) < 0 || m.type != ICMP4_ECHO)
		return;
	m.type = ICMP4_ECHO_REPLY;
	h.tos = ip.tos;
	h.source = ip.destination;
	h.destination = ip.source;
	w = actions_writer(out, ETHER_HEADER_OCTETS + IP4_HEADER_OCTETS + ip.payload.n);
	ether_build(&w, port->mac, mpa->conf->gateway_mac, ETHER_IP4);
	icmp4_build(&w, &h, &m);
	actions_send_frame(out, port->ifindex, &w);
	MPA_COUNT(mpa, echo_answered);
}
