/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Relay agent for stations whose DHCP comes through their tunnel (L-38): the server behind us sees the home network as
 * the place they are at. No state: option 82 carries the home address there and back, and tells whose an answer is. */
#include "codec/dhcp4.h"
#include "codec/ip4.h"
#include "roles/ha/agent.h"

enum { HOPS_MAX = 16, CIRCUIT_ID = 1 };

static void add_relay_info(struct wr *w, struct in_addr home)
{
	uint8_t data[2 + sizeof(home)];
	struct wr d = wr_init(data, sizeof(data));

	wr_u8(&d, CIRCUIT_ID);
	wr_u8(&d, sizeof(home));
	wr_ip4(&d, home);
	dhcp4_option(w, DHCP4_OPT_RELAY, (struct span){ data, wr_len(&d) });
}

/* Whose answer it is. A server that knows no option 82 still tells by the address, except in a NAK. */
static struct in_addr home_of(const struct dhcp4 *m)
{
	struct rd r = rd_init(m->relay_info.p, m->relay_info.n);
	struct in_addr home;

	if (m->relay_info.n == 0)
		return m->your.s_addr != INADDR_ANY ? m->your : m->client;
	if (rd_u16(&r) != (CIRCUIT_ID << 8 | sizeof(home)))
		return (struct in_addr){ INADDR_ANY };
	return rd_ip4(&r);
}

/* To the server. A station without address asks for the one its binding has, so that both give the same. */
static void relay_request(struct ha *ha, const struct binding *b, const struct dhcp4 *m, struct span payload,
			  struct actions *out)
{
	static const uint8_t ours[] = { DHCP4_OPT_REQUESTED };
	struct in_addr gateway = ha->conf->networks[b->network].gateway;
	struct wr w = actions_writer(out, DHCP4_MAX_OCTETS);
	bool discover = m->type == DHCP4_DISCOVER;

	(void)dhcp4_copy(&w, payload, (struct span){ ours, discover ? sizeof(ours) : 0 }); /* parsed; no room stays */
	dhcp4_set_relay(&w, gateway);
	if (discover)
		dhcp4_option_ip4(&w, DHCP4_OPT_REQUESTED, b->home);
	add_relay_info(&w, b->home);
	dhcp4_end(&w);
	actions_send_datagram(out, gateway, DHCP4_SERVER_PORT, ha->conf->dhcp_server, DHCP4_SERVER_PORT, &w);
	HA_COUNT(ha, dhcp_relayed);
}

/* RFC 2131 4.1: to whom only a broadcast gets, it goes wrapped, like those of its subnet. */
static void broadcast(struct ha *ha, const struct binding *b, const struct wr *message, struct actions *out)
{
	const struct ip4 h = { .ttl = 64,
			       .source = ha->conf->networks[b->network].gateway,
			       .destination = { INADDR_BROADCAST } };
	const struct udp4 u = { .source = DHCP4_SERVER_PORT,
				.destination = DHCP4_CLIENT_PORT,
				.payload = { message->start, wr_len(message) } };
	uint8_t packet[IP4_HEADER_OCTETS + UDP_HEADER_OCTETS + DHCP4_MAX_OCTETS];
	struct wr w = wr_init(packet, sizeof(packet));

	if (message->err)
		return;
	udp4_build(&w, &h, &u);
	ha_send_copy(ha, b, (struct span){ packet, wr_len(&w) }, out);
}

/* To the station, through its tunnel. Another address than its home address is of no use to it. */
static void relay_reply(struct ha *ha, const struct datagram *d, const struct dhcp4 *m, struct actions *out)
{
	static const uint8_t ours[] = { DHCP4_OPT_RELAY };
	const struct record note = {
		.level = RECORD_WARN, .event = "dhcp_dropped", .home = m->your, .peer = d->remote
	};
	const struct binding *b = binding_find(ha->bindings, home_of(m));
	uint8_t octets[DHCP4_MAX_OCTETS];
	struct wr body = wr_init(octets, sizeof(octets)), w;

	if (!b || (m->your.s_addr != INADDR_ANY && m->your.s_addr != b->home.s_addr)) {
		actions_record(out, &note, b ? b->nai : (struct span){ 0 },
			       b ? "the DHCP server gives another address than the home address" :
				   "the DHCP server answers a station that has no binding");
		HA_COUNT(ha, dhcp_dropped);
		return;
	}
	(void)dhcp4_copy(&body, d->payload, (struct span){ ours, sizeof(ours) }); /* as above */
	dhcp4_end(&body);
	HA_COUNT(ha, dhcp_relayed);
	if (m->type == DHCP4_NAK || (m->flags & DHCP4_BROADCAST)) {
		broadcast(ha, b, &body, out);
		return;
	}
	w = actions_writer(out, sizeof(octets));
	wr_bytes(&w, body.start, wr_len(&body));
	actions_send_datagram(out, ha->conf->networks[b->network].gateway, DHCP4_SERVER_PORT, b->home,
			      DHCP4_CLIENT_PORT, &w);
}

static bool may_ask(const struct dhcp4 *m)
{
	return m->hops < HOPS_MAX && m->relay.s_addr == INADDR_ANY && m->relay_info.n == 0; /* RFC 3046 2.1 */
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
	else if (m.op == DHCP4_BOOTREQUEST && b && may_ask(&m))
		relay_request(ha, b, &m, d->payload, out); /* the kernel let it out of that station's tunnel only */
	else
		HA_COUNT(ha, dhcp_dropped);
}
