/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other way to give addresses: a DHCP server behind us decides, and its ACK makes us register (L-36, L-37). */
#include <arpa/inet.h>

#include "base/util.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/mpa/agent.h"

enum { CIRCUIT_ID = 1, REMOTE_ID = 2, HOPS_MAX = 16 };

/* Option 82 (RFC 3046): where it came from, so that the answer finds its port. */
static void add_relay_info(struct wr *w, const struct port *port)
{
	uint8_t data[4 + sizeof(port->ifindex) + MAC_OCTETS];
	struct wr d = wr_init(data, sizeof(data));

	wr_u8(&d, CIRCUIT_ID);
	wr_u8(&d, sizeof(port->ifindex));
	wr_u32(&d, port->ifindex);
	wr_u8(&d, REMOTE_ID);
	wr_u8(&d, MAC_OCTETS);
	wr_bytes(&d, port->mac, MAC_OCTETS);
	dhcp4_option(w, DHCP4_OPT_RELAY, (struct span){ data, wr_len(&d) });
}

static bool port_of(const struct dhcp4 *m, struct port *ret)
{
	struct rd r = rd_init(m->relay_info.p, m->relay_info.n);
	struct port p = { 0 };
	const uint8_t *mac;

	if (rd_u16(&r) != (CIRCUIT_ID << 8 | sizeof(p.ifindex)))
		return false;
	p.ifindex = rd_u32(&r);
	if (rd_u16(&r) != (REMOTE_ID << 8 | MAC_OCTETS))
		return false;
	mac = rd_take(&r, MAC_OCTETS);
	if (r.err)
		return false;
	memcpy(p.mac, mac, MAC_OCTETS);
	*ret = p;
	return true;
}

static void copy_option(struct wr *w, uint8_t code, struct span data)
{
	if (data.n > 0)
		dhcp4_option(w, code, data);
}

void dhcp_relay_forward(struct mpa *mpa, const struct port *port, const struct dhcp4 *m, struct actions *out)
{
	const struct mpa_conf *c = mpa->conf;
	struct wr w = actions_writer(out, DHCP4_MAX_OCTETS);
	struct dhcp4 head;

	if (m->hops >= HOPS_MAX || m->relay.s_addr != INADDR_ANY || m->relay_info.n > 0) {
		MPA_COUNT(mpa, dhcp_ignored); /* a station is no relay (RFC 3046 2.1) */
		return;
	}
	head = (struct dhcp4){ .op = m->op,
			       .hops = (uint8_t)(m->hops + 1),
			       .hlen = m->hlen,
			       .xid = m->xid,
			       .secs = m->secs,
			       .flags = m->flags,
			       .client = m->client,
			       .relay = c->care_of };
	memcpy(head.chaddr, m->chaddr, sizeof(head.chaddr));
	dhcp4_begin(&w, &head);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, m->type);
	if (m->requested.s_addr != INADDR_ANY)
		dhcp4_option_ip4(&w, DHCP4_OPT_REQUESTED, m->requested);
	if (m->server_id.s_addr != INADDR_ANY)
		dhcp4_option_ip4(&w, DHCP4_OPT_SERVER_ID, m->server_id);
	copy_option(&w, DHCP4_OPT_CLIENT_ID, m->client_id);
	copy_option(&w, DHCP4_OPT_HOST_NAME, m->host_name);
	copy_option(&w, DHCP4_OPT_PARAMETERS, m->parameters);
	copy_option(&w, DHCP4_OPT_FQDN, m->fqdn_raw);
	if (c->dhcp_subnet.addr.s_addr != INADDR_ANY)
		dhcp4_option_ip4(&w, DHCP4_OPT_SUBNET, c->dhcp_subnet.addr); /* L-36 */
	add_relay_info(&w, port);
	dhcp4_end(&w);
	actions_send_datagram(out, c->care_of, DHCP4_SERVER_PORT, c->dhcp_server, DHCP4_SERVER_PORT, &w);
	MPA_COUNT(mpa, dhcp_relayed);
}

/* Everything but option 82 goes on to the station, octet for octet. */
static bool strip_relay_info(struct span payload, struct wr *w)
{
	enum { OPTIONS_AT = 240 };
	struct rd r = rd_init(payload.p, payload.n);

	wr_bytes(w, rd_take(&r, OPTIONS_AT), OPTIONS_AT);
	while (!r.err && rd_left(&r) > 0) {
		uint8_t code = rd_u8(&r);
		size_t n;
		const uint8_t *data;

		if (code == DHCP4_OPT_END)
			break;
		if (code == DHCP4_OPT_PAD)
			continue;
		n = rd_u8(&r);
		data = rd_take(&r, n);
		if (data && code != DHCP4_OPT_RELAY)
			dhcp4_option(w, code, (struct span){ data, n });
	}
	dhcp4_end(w);
	return r.err == 0 && w->err == 0;
}

static void deliver(struct mpa *mpa, const struct port *port, const struct datagram *d, const struct dhcp4 *m,
		    struct actions *out)
{
	uint8_t octets[DHCP4_MAX_OCTETS];
	struct wr body = wr_init(octets, sizeof(octets));
	const struct ip4 h = { .ttl = 64, .source = d->remote, .destination = { INADDR_BROADCAST } };
	struct udp4 u = { .source = DHCP4_SERVER_PORT, .destination = DHCP4_CLIENT_PORT };
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + IP4_HEADER_OCTETS + UDP_HEADER_OCTETS + sizeof(octets));
	bool broadcast = m->flags & DHCP4_BROADCAST;

	if (!strip_relay_info(d->payload, &body)) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	u.payload = (struct span){ octets, wr_len(&body) };
	/* A limited broadcast in a unicast frame reaches a client that has no address yet as well as one that has. */
	ether_build(&w, broadcast ? ether_broadcast : port->mac, mpa->conf->gateway_mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	actions_send_frame(out, port->ifindex, &w);
	MPA_COUNT(mpa, dhcp_answered);
}

void dhcp_relay_on_reply(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct dhcp4 m;
	struct port port;
	struct station_id id = { 0 };
	struct subscriber *s;

	if (d->remote.s_addr != mpa->conf->dhcp_server.s_addr || dhcp4_parse(d->payload.p, d->payload.n, &m) < 0 ||
	    m.op != DHCP4_BOOTREPLY || !port_of(&m, &port) || !mpa_access_of(mpa, port.ifindex)) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	deliver(mpa, &port, d, &m, out);
	if (m.type != DHCP4_ACK || m.your.s_addr == INADDR_ANY)
		return;
	id.mac = port.mac;
	s = mpa_recognise(mpa, now, &port, &id, m.your, MPA_TRIGGER_DHCP, out); /* L-37 */
	if (s && m.lease_s != 0)
		s->lease_ends_us = now.us + m.lease_s * US_PER_S;
}
