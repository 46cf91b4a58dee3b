/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other way to give addresses: a DHCP server behind us decides, and its ACK makes us register (L-36, L-37). */
#include <arpa/inet.h>

#include "base/util.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/mpa/agent.h"

enum { CIRCUIT_ID = 1, REMOTE_ID = 2, SUBSCRIBER_ID = 6, HOPS_MAX = 16, RELAY_INFO_MAX = 255 };

/* Where a message came from, and whose it is: what option 82 remembers for us until the answer. */
struct origin {
	struct port port;
	struct span nai;
};

/* Option 82 (RFC 3046; RFC 3993 for the name). A name that does not fit is left out: the MAC has to do then. */
static void add_relay_info(struct wr *w, const struct origin *o)
{
	uint8_t data[RELAY_INFO_MAX];
	struct wr d = wr_init(data, sizeof(data));

	wr_u8(&d, CIRCUIT_ID);
	wr_u8(&d, sizeof(o->port.ifindex));
	wr_u32(&d, o->port.ifindex);
	wr_u8(&d, REMOTE_ID);
	wr_u8(&d, MAC_OCTETS);
	wr_bytes(&d, o->port.mac, MAC_OCTETS);
	if (o->nai.n + 2 <= sizeof(data) - wr_len(&d)) {
		wr_u8(&d, SUBSCRIBER_ID);
		wr_u8(&d, (uint8_t)o->nai.n);
		wr_bytes(&d, o->nai.p, o->nai.n);
	}
	dhcp4_option(w, DHCP4_OPT_RELAY, (struct span){ data, wr_len(&d) });
}

static bool origin_of(const struct dhcp4 *m, struct origin *ret)
{
	struct rd r = rd_init(m->relay_info.p, m->relay_info.n);
	struct origin o = { 0 };
	const uint8_t *mac;

	if (rd_u16(&r) != (CIRCUIT_ID << 8 | sizeof(o.port.ifindex)))
		return false;
	o.port.ifindex = rd_u32(&r);
	if (rd_u16(&r) != (REMOTE_ID << 8 | MAC_OCTETS))
		return false;
	mac = rd_take(&r, MAC_OCTETS);
	if (rd_left(&r) > 0 && rd_u8(&r) == SUBSCRIBER_ID) {
		o.nai.n = rd_u8(&r);
		o.nai.p = rd_take(&r, o.nai.n);
	}
	if (r.err)
		return false;
	memcpy(o.port.mac, mac, MAC_OCTETS);
	*ret = o;
	return true;
}

void dhcp_relay_forward(struct mpa *mpa, const struct port *port, const struct dhcp4 *m, struct span payload,
			const char *nai, struct actions *out)
{
	static const uint8_t ours[] = { DHCP4_OPT_SUBNET, DHCP4_OPT_REQUESTED };
	const struct mpa_conf *c = mpa->conf;
	const struct subscriber *s = subscriber_at(mpa, port);
	bool wishes = m->type == DHCP4_DISCOVER && s && s->state == SUBSCRIBER_SERVED;
	const struct origin origin = { .port = *port, .nai = text_span(nai) };
	struct wr w = actions_writer(out, DHCP4_MAX_OCTETS);

	if (m->hops >= HOPS_MAX || m->relay.s_addr != INADDR_ANY || m->relay_info.n > 0) {
		MPA_COUNT(mpa, dhcp_ignored); /* a station is no relay (RFC 3046 2.1) */
		return;
	}
	/* It was parsed; no room stays in @w. */
	(void)dhcp4_copy(&w, payload, (struct span){ ours, wishes ? sizeof(ours) : 1 });
	dhcp4_set_relay(&w, c->care_of);
	if (wishes) /* its binding is there already: the server need not find another address */
		dhcp4_option_ip4(&w, DHCP4_OPT_REQUESTED, s->home);
	dhcp4_option_ip4(&w, DHCP4_OPT_SUBNET, c->dhcp_subnet.addr); /* L-36 */
	add_relay_info(&w, &origin);
	dhcp4_end(&w);
	actions_send_datagram(out, c->care_of, DHCP4_SERVER_PORT, c->dhcp_server, DHCP4_SERVER_PORT, &w);
	MPA_COUNT(mpa, dhcp_relayed);
}

/* Everything but option 82 goes on to the station (RFC 3046 2.2). */
static void deliver(struct mpa *mpa, const struct port *port, const struct datagram *d, const struct dhcp4 *m,
		    struct actions *out)
{
	static const uint8_t ours[] = { DHCP4_OPT_RELAY };
	uint8_t octets[DHCP4_MAX_OCTETS];
	struct wr body = wr_init(octets, sizeof(octets));
	const struct ip4 h = { .ttl = 64, .source = d->remote, .destination = { INADDR_BROADCAST } };
	struct udp4 u = { .source = DHCP4_SERVER_PORT, .destination = DHCP4_CLIENT_PORT };
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + IP4_HEADER_OCTETS + UDP_HEADER_OCTETS + sizeof(octets));
	bool broadcast = m->flags & DHCP4_BROADCAST;

	(void)dhcp4_copy(&body, d->payload, (struct span){ ours, sizeof(ours) }); /* as above */
	dhcp4_end(&body);
	if (body.err) {
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

/* No home agent of ours could serve it: what the server took for its network is another one. */
static bool is_nowhere(struct mpa *mpa, struct instant now, const struct dhcp4 *m, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .event = "dhcp_dropped", .home = m->your, .peer = mpa->conf->dhcp_server
	};

	if (m->your.s_addr == INADDR_ANY || mpa_is_home_address(mpa->conf, m->your))
		return false;
	if (ratelimit_allow(&mpa->security, now.us))
		actions_record(out, &note, (struct span){ 0 },
			       "the DHCP server gives an address of no configured home network");
	return true;
}

bool dhcp_relay_disagrees(const struct subscriber *s)
{
	return s->leased.s_addr != INADDR_ANY && s->leased.s_addr != s->home.s_addr;
}

/* On its way to us it may have logged out, or gone: then no address makes it stay (L-53). */
static bool is_here(const struct subscriber *s)
{
	return s->state != SUBSCRIBER_HOLDING &&
	       (s->state != SUBSCRIBER_DEREGISTERING || s->released || (s->access && s->access->trusted));
}

static void take_lease(struct subscriber *s, struct instant now, const struct dhcp4 *m)
{
	if (s->leased.s_addr != m->your.s_addr)
		s->rehomed = false;
	s->leased = m->your;
	s->lease_s = m->lease_s;
	if (m->lease_s != 0)
		subscriber_leased(s, now, m->lease_s);
}

/* L-37: the server has decided. An address the home agent has for the station meanwhile is given up. */
static void on_ack(struct mpa *mpa, struct instant now, const struct origin *from, const struct dhcp4 *m,
		   struct actions *out)
{
	static const char why[] = "its DHCP server gave it another address";
	struct subscriber *s = subscriber_at(mpa, &from->port);
	struct station_id id = { 0 };

	if (s && from->nai.n > 0 && subscriber_find(mpa, from->nai) != s) {
		MPA_COUNT(mpa, dhcp_ignored); /* who asked has left: somebody else is there now */
		return;
	}
	if (s && is_here(s))
		take_lease(s, now, m); /* it may be registered at once */
	if (from->nai.n > 0)
		id.nai = from->nai;
	else
		id.mac = from->port.mac;
	s = mpa_recognise(mpa, now, &from->port, &id, m->your, MPA_TRIGGER_DHCP, out);
	if (!s)
		return;
	take_lease(s, now, m);
	if (!dhcp_relay_disagrees(s))
		return;
	if (s->state == SUBSCRIBER_SERVED)
		(void)subscriber_event(s, now, EVENT_LEFT, why, out);
	else if (s->state == SUBSCRIBER_BARRED)
		(void)subscriber_event(s, now, EVENT_TIMER, why, out);
}

void dhcp_relay_on_reply(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct dhcp4 m;
	struct origin from;

	if (d->remote.s_addr != mpa->conf->dhcp_server.s_addr || dhcp4_parse(d->payload.p, d->payload.n, &m) < 0 ||
	    m.op != DHCP4_BOOTREPLY || !origin_of(&m, &from) || !mpa_access_of(mpa, from.port.ifindex)) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	if (is_nowhere(mpa, now, &m, out)) {
		MPA_COUNT(mpa, dhcp_ignored);
		return;
	}
	deliver(mpa, &from.port, d, &m, out);
	if (m.type == DHCP4_ACK && m.your.s_addr != INADDR_ANY)
		on_ack(mpa, now, &from, &m, out);
}

void dhcp_relay_renewal_seen(struct subscriber *s, struct instant now)
{
	if (s->lease_s != 0)
		subscriber_leased(s, now, s->lease_s);
}
