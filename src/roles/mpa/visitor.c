/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "roles/mpa/agent.h"

const struct mpa_network *subscriber_network(const struct subscriber *s)
{
	const struct mpa_conf *c = s->mpa->conf;

	for (size_t i = 0; i < c->network_n; i++) {
		const struct mpa_network *n = &c->networks[i];
		bool ours = !n->home_agent[0] || (s->agent && strcmp(n->home_agent, s->agent->name) == 0); /* L-26 */

		if (ours && prefix_contains(&n->prefix, s->home))
			return n;
	}
	return NULL;
}

uint16_t subscriber_mtu(const struct subscriber *s)
{
	return s->vpn.own ? s->vpn.own->mtu : mpa_vpn(s->mpa)->mtu;
}

static struct dp_visitor visitor(const struct subscriber *s)
{
	const struct mpa_network *n = subscriber_network(s);
	struct dp_visitor v = {
		.ifindex = s->port.ifindex,
		.home = s->home,
		.forward_broadcast = s->mpa->conf->forward_broadcast,
		.tunnel = s->tunnel,
		.index = s->index,
	};

	if (s->vpn.here) {
		v.layer3 = true;
		v.held = s->state != SUBSCRIBER_SERVED;
		v.mtu = subscriber_mtu(s);
		v.reqid = s->vpn.reqid;
	} else {
		memcpy(v.mac, s->port.mac, sizeof(v.mac));
	}
	memcpy(v.gateway_mac, s->mpa->conf->gateway_mac, sizeof(v.gateway_mac));
	if (n) {
		v.gateway = n->gateway;
		v.server = s->mpa->conf->server_id.s_addr ? s->mpa->conf->server_id : n->gateway;
		v.broadcast = prefix_broadcast(&n->prefix);
	}
	return v;
}

/* L-12, L-45: registered through a foreign agent, the tunnel ends there and the station is its visitor. */
static bool is_elsewhere(const struct subscriber *s)
{
	return s->agent && s->agent->via_fa.s_addr != INADDR_ANY;
}

void subscriber_visitor_set(const struct subscriber *s, struct actions *out)
{
	const struct dp_visitor v = visitor(s);

	if (!is_elsewhere(s) && v.ifindex != 0)
		actions_visitor_set(out, &v);
}

void subscriber_visitor_del(const struct subscriber *s, struct actions *out)
{
	const struct dp_visitor v = visitor(s);

	if (!is_elsewhere(s) && v.ifindex != 0)
		actions_visitor_del(out, &v);
}
