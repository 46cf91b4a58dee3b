/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Relay agent for stations whose DHCP comes through their tunnel (L-38): the server behind us sees the home network as
 * the place they are at. No state: the home address tells whose a message is, both ways. */
#include "codec/dhcp4.h"
#include "roles/ha/agent.h"

enum { HOPS_MAX = 16 };

static void copy_option(struct wr *w, uint8_t code, struct span data)
{
	if (data.n > 0)
		dhcp4_option(w, code, data);
}

/* To the server. A station without address asks for the one its binding has, so that both give the same. */
static void relay_request(struct ha *ha, const struct binding *b, const struct dhcp4 *m, struct actions *out)
{
	struct in_addr gateway = ha->conf->networks[b->network].gateway;
	struct wr w = actions_writer(out, DHCP4_MAX_OCTETS);
	struct dhcp4 head = { .op = m->op,
			      .hops = (uint8_t)(m->hops + 1),
			      .hlen = m->hlen,
			      .xid = m->xid,
			      .secs = m->secs,
			      .flags = m->flags,
			      .client = m->client,
			      .relay = gateway };

	memcpy(head.chaddr, m->chaddr, sizeof(head.chaddr));
	dhcp4_begin(&w, &head);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, m->type);
	if (m->client.s_addr == INADDR_ANY)
		dhcp4_option_ip4(&w, DHCP4_OPT_REQUESTED, m->type == DHCP4_DISCOVER ? b->home : m->requested);
	if (m->server_id.s_addr != INADDR_ANY)
		dhcp4_option_ip4(&w, DHCP4_OPT_SERVER_ID, m->server_id);
	copy_option(&w, DHCP4_OPT_CLIENT_ID, m->client_id);
	copy_option(&w, DHCP4_OPT_HOST_NAME, m->host_name);
	copy_option(&w, DHCP4_OPT_PARAMETERS, m->parameters);
	copy_option(&w, DHCP4_OPT_FQDN, m->fqdn_raw);
	dhcp4_end(&w);
	actions_send_datagram(out, gateway, DHCP4_SERVER_PORT, ha->conf->dhcp_server, DHCP4_SERVER_PORT, &w);
	HA_COUNT(ha, dhcp_relayed);
}

/* To the station, through its tunnel. An answer with an address that nobody here has is of no use to anybody. */
static void relay_reply(struct ha *ha, const struct datagram *d, const struct dhcp4 *m, struct actions *out)
{
	const struct binding *b = binding_find(ha->bindings, m->your);
	struct wr w = actions_writer(out, d->payload.n);
	struct ha_note note = { .level = RECORD_WARN, .event = "dhcp_dropped", .home = m->your, .peer = d->remote };

	if (!b) {
		ha_record(out, &note, (struct span){ 0 }, "the DHCP server gives an address that has no binding");
		HA_COUNT(ha, dhcp_dropped);
		return;
	}
	wr_bytes(&w, d->payload.p, d->payload.n);
	actions_send_datagram(out, ha->conf->networks[b->network].gateway, DHCP4_SERVER_PORT, b->home,
			      DHCP4_CLIENT_PORT, &w);
	HA_COUNT(ha, dhcp_relayed);
}

void ha_on_dhcp(struct ha *ha, const struct datagram *d, struct actions *out)
{
	const struct binding *b = binding_find(ha->bindings, d->remote);
	struct dhcp4 m;

	if (dhcp4_parse(d->payload.p, d->payload.n, &m) < 0) {
		HA_COUNT(ha, malformed);
		return;
	}
	if (m.op == DHCP4_BOOTREPLY && d->remote.s_addr == ha->conf->dhcp_server.s_addr)
		relay_reply(ha, d, &m, out);
	else if (m.op == DHCP4_BOOTREQUEST && b && m.hops < HOPS_MAX && m.relay.s_addr == INADDR_ANY)
		relay_request(ha, b, &m, out); /* the kernel let it out of that station's tunnel only */
	else
		HA_COUNT(ha, dhcp_dropped);
}
