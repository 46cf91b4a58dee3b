/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DHCP server a station finds wherever it is: always with its home address (RFC 2131 4.3; L-28, L-51, L-55). */
#include "base/util.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/mpa/agent.h"

enum { FQDN_HEAD_OCTETS = 3, DATAGRAM_MIN = 576 };

static struct in_addr server_id(const struct subscriber *s, const struct mpa_network *n)
{
	struct in_addr shared = s->mpa->conf->server_id;

	return shared.s_addr != INADDR_ANY ? shared : n->gateway; /* L-39: the same at every agent, for renewals */
}

/* RFC 2131 4.1: to whom and how. A client without address hears unicast only if it said so. */
static void send_reply(struct subscriber *s, const struct dhcp4 *m, const struct mpa_network *n, const struct wr *body,
		       bool nak, struct actions *out)
{
	struct ip4 h = { .ttl = 64, .source = server_id(s, n) };
	const struct udp4 u = { .source = DHCP4_SERVER_PORT,
				.destination = DHCP4_CLIENT_PORT,
				.payload = { body->start, wr_len(body) } };
	bool broadcast = nak || (m->client.s_addr == INADDR_ANY && (m->flags & DHCP4_BROADCAST));
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + IP4_HEADER_OCTETS + UDP_HEADER_OCTETS + u.payload.n);

	if (body->err)
		return;
	h.destination.s_addr = broadcast                      ? INADDR_BROADCAST :
			       m->client.s_addr != INADDR_ANY ? m->client.s_addr :
								s->home.s_addr;
	ether_build(&w, broadcast ? ether_broadcast : s->port.mac, s->mpa->conf->gateway_mac, ETHER_IP4);
	udp4_build(&w, &h, &u);
	actions_send_frame(out, s->port.ifindex, &w);
	MPA_COUNT(s->mpa, dhcp_answered);
}

static struct dhcp4 reply_to(const struct dhcp4 *m)
{
	struct dhcp4 r = {
		.op = DHCP4_BOOTREPLY, .hlen = m->hlen, .xid = m->xid, .flags = m->flags, .relay = m->relay
	};

	memcpy(r.chaddr, m->chaddr, sizeof(r.chaddr));
	return r;
}

/* How long the answer may be: what every client takes, or what this one says (option 57). */
static size_t room_for(const struct dhcp4 *m)
{
	size_t datagram = m->max_size > DATAGRAM_MIN ? m->max_size : (size_t)DATAGRAM_MIN;

	return min_size(datagram - IP4_HEADER_OCTETS - UDP_HEADER_OCTETS, DHCP4_MAX_OCTETS);
}

/* RFC 2131 4.3.1: what it asks for; a client that names nothing gets everything. */
static bool wants(const struct dhcp4 *m, uint8_t code)
{
	return m->parameters.n == 0 || memchr(m->parameters.p, code, m->parameters.n);
}

/* Absent or too long is left out; the end option keeps its place. */
static void add_text(struct wr *w, uint8_t code, struct span data)
{
	enum { OPTION_HEAD = 2, END = 1 };

	if (data.n > 0 && data.n <= UINT8_MAX && OPTION_HEAD + data.n + END <= (size_t)(w->end - w->at))
		dhcp4_option(w, code, data);
}

/* RFC 4702 4: the name goes back as it came; nobody updates a DNS here. */
static void add_fqdn(struct wr *w, const struct dhcp4 *m)
{
	uint8_t data[UINT8_MAX];
	struct wr d = wr_init(data, sizeof(data));

	if (m->fqdn_raw.n < FQDN_HEAD_OCTETS)
		return;
	wr_u8(&d, (uint8_t)((m->fqdn_flags & DHCP4_FQDN_E) | DHCP4_FQDN_N |
			    (m->fqdn_flags & DHCP4_FQDN_S ? DHCP4_FQDN_O : 0)));
	wr_u16(&d, 0xffff); /* both result codes */
	wr_bytes(&d, m->fqdn_raw.p + FQDN_HEAD_OCTETS, m->fqdn_raw.n - FQDN_HEAD_OCTETS);
	if (!d.err)
		add_text(w, DHCP4_OPT_FQDN, (struct span){ data, wr_len(&d) });
}

static void add_network(struct wr *w, const struct dhcp4 *m, const struct mpa_network *n)
{
	uint32_t mask = n->prefix.len == 0 ? 0 : UINT32_MAX << (32 - n->prefix.len);

	if (wants(m, DHCP4_OPT_MASK)) /* before the routers (RFC 2132 3.3) */
		dhcp4_option_u32(w, DHCP4_OPT_MASK, mask);
	if (wants(m, DHCP4_OPT_ROUTERS))
		dhcp4_option_ip4(w, DHCP4_OPT_ROUTERS, n->gateway); /* L-57 */
	if (wants(m, DHCP4_OPT_DNS) && n->dns_n > 0)
		dhcp4_option(w, DHCP4_OPT_DNS, (struct span){ (const uint8_t *)n->dns, n->dns_n * sizeof(n->dns[0]) });
	if (wants(m, DHCP4_OPT_DOMAIN))
		add_text(w, DHCP4_OPT_DOMAIN, text_span(n->domain));
	if (wants(m, DHCP4_OPT_BROADCAST))
		dhcp4_option_ip4(w, DHCP4_OPT_BROADCAST, prefix_broadcast(&n->prefix));
}

/* OFFER, or ACK; to an INFORM without address and lease (RFC 2131 4.3.5). */
static void grant(struct subscriber *s, struct instant now, const struct dhcp4 *m, const struct mpa_network *n,
		  struct actions *out)
{
	uint8_t octets[DHCP4_MAX_OCTETS];
	struct wr w = wr_init(octets, room_for(m));
	struct dhcp4 r = reply_to(m);
	bool offer = m->type == DHCP4_DISCOVER, inform = m->type == DHCP4_INFORM;

	r.client = offer ? (struct in_addr){ INADDR_ANY } : m->client;
	r.your = inform ? (struct in_addr){ INADDR_ANY } : s->home;
	dhcp4_begin(&w, &r);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, offer ? DHCP4_OFFER : DHCP4_ACK);
	dhcp4_option_ip4(&w, DHCP4_OPT_SERVER_ID, server_id(s, n));
	if (!inform) {
		dhcp4_option_u32(&w, DHCP4_OPT_LEASE, n->lease_s);
		dhcp4_option_u32(&w, DHCP4_OPT_T1, n->lease_s / 2);
		dhcp4_option_u32(&w, DHCP4_OPT_T2, n->lease_s - n->lease_s / 8);
	}
	add_network(&w, m, n);
	add_text(&w, DHCP4_OPT_CLIENT_ID, m->client_id); /* RFC 6842 3 */
	add_fqdn(&w, m);
	dhcp4_end(&w);
	send_reply(s, m, n, &w, false, out);
	if (m->type == DHCP4_REQUEST)
		subscriber_leased(s, now, n->lease_s);
	subscriber_record(s, out, RECORD_INFO, offer ? "dhcp_offer" : "dhcp_ack", "lease %u s", n->lease_s);
}

static void refuse(struct subscriber *s, const struct dhcp4 *m, const struct mpa_network *n, struct actions *out)
{
	uint8_t octets[DHCP4_MAX_OCTETS];
	struct wr w = wr_init(octets, sizeof(octets));
	struct dhcp4 r = reply_to(m);

	dhcp4_begin(&w, &r);
	dhcp4_option_u8(&w, DHCP4_OPT_TYPE, DHCP4_NAK);
	dhcp4_option_ip4(&w, DHCP4_OPT_SERVER_ID, server_id(s, n));
	dhcp4_option(&w, DHCP4_OPT_MESSAGE, text_span("not the home address"));
	add_text(&w, DHCP4_OPT_CLIENT_ID, m->client_id); /* RFC 6842 3 */
	dhcp4_end(&w);
	send_reply(s, m, n, &w, true, out);
	subscriber_record(s, out, RECORD_NOTICE, "dhcp_nak", "it asked for another address than its home address");
}

/* RFC 2131 4.3.2: SELECTING names a server; the others show the address they have. */
static void on_request(struct subscriber *s, struct instant now, const struct dhcp4 *m, const struct mpa_network *n,
		       struct actions *out)
{
	struct in_addr shown = m->requested.s_addr != INADDR_ANY ? m->requested : m->client;

	if (m->server_id.s_addr != INADDR_ANY && m->server_id.s_addr != server_id(s, n).s_addr) {
		MPA_COUNT(s->mpa, dhcp_ignored); /* it chose somebody else */
		return;
	}
	if (shown.s_addr == s->home.s_addr)
		grant(s, now, m, n, out);
	else
		refuse(s, m, n, out);
}

static void on_release(struct subscriber *s, struct instant now, const struct dhcp4 *m, struct actions *out)
{
	if (m->client.s_addr == s->home.s_addr)
		(void)subscriber_event(s, now, EVENT_RELEASED, "it released its address", out); /* G-11 */
	else
		MPA_COUNT(s->mpa, dhcp_ignored);
}

void subscriber_answer_dhcp(struct subscriber *s, struct instant now, const struct dhcp4 *m, struct actions *out)
{
	const struct mpa_network *n = subscriber_network(s);

	if (!n) {
		MPA_COUNT(s->mpa, dhcp_ignored);
		return;
	}
	switch (m->type) {
	case DHCP4_DISCOVER:
	case DHCP4_INFORM:
		grant(s, now, m, n, out);
		break;
	case DHCP4_REQUEST:
		on_request(s, now, m, n, out);
		break;
	case DHCP4_RELEASE:
		on_release(s, now, m, out);
		break;
	case DHCP4_DECLINE:
		subscriber_record(s, out, RECORD_WARN, "dhcp_decline", "the station found its home address in use");
		break;
	default:
		MPA_COUNT(s->mpa, dhcp_ignored);
		break;
	}
}

/* L-38: the home agent relays. The message goes through the station's own tunnel, from its home address. */
static void send_to_anchor(struct subscriber *s, struct span payload, struct actions *out)
{
	const struct ip4 h = { .ttl = 64, .source = s->home, .destination = s->agent_address };
	const struct udp4 u = { .source = DHCP4_CLIENT_PORT, .destination = DHCP4_SERVER_PORT, .payload = payload };
	uint8_t packet[HELD_FRAME_MAX];
	struct wr w = wr_init(packet, sizeof(packet));

	udp4_build(&w, &h, &u);
	if (w.err)
		return;
	actions_send_tunnelled(out, &s->tunnel, (struct span){ packet, wr_len(&w) });
	MPA_COUNT(s->mpa, dhcp_relayed);
}

/* With a server elsewhere: the station gives its address back, or will not have it, and looks for another one. */
static void give_up(struct subscriber *s, struct instant now, const struct dhcp4 *m, struct actions *out)
{
	if (m->type == DHCP4_RELEASE)
		on_release(s, now, m, out);
	else if (m->type == DHCP4_DECLINE && m->requested.s_addr == s->home.s_addr)
		(void)subscriber_event(s, now, EVENT_RELEASED, "it found its address in use", out);
}

/* A DHCP message of a station whose home address is known. */
static void serve(struct subscriber *s, struct instant now, const struct dhcp4 *m, struct span payload,
		  struct actions *out)
{
	if (s->mpa->conf->dhcp != MPA_DHCP_ANCHOR) {
		subscriber_answer_dhcp(s, now, m, out);
		return;
	}
	send_to_anchor(s, payload, out);
	give_up(s, now, m, out); /* last: it may be gone then */
}

static void hold(struct subscriber *s, struct span frame)
{
	uint8_t *copy = malloc(frame.n);

	if (!copy)
		return; /* it asks again in a few seconds */
	memcpy(copy, frame.p, frame.n);
	free(s->held_dhcp);
	s->held_dhcp = copy;
	s->held_dhcp_n = frame.n;
	MPA_COUNT(s->mpa, dhcp_held);
}

static int dhcp_of_frame(struct span frame, struct ip4 *ret_ip, struct span *ret_payload, struct dhcp4 *ret)
{
	struct ether e;
	struct udp4 u;

	if (ether_parse(frame.p, frame.n, &e) < 0 || ip4_parse(e.payload.p, e.payload.n, ret_ip) < 0 ||
	    udp4_parse(ret_ip, &u) < 0)
		return -EBADMSG;
	*ret_payload = u.payload;
	return dhcp4_parse(u.payload.p, u.payload.n, ret);
}

/* What a station sends to another server's own address goes there, through its tunnel like everything else (L-39). */
static bool goes_by(struct mpa *mpa, const struct port *port, const struct ip4 *ip)
{
	const struct subscriber *s = subscriber_at(mpa, port);
	const struct mpa_network *n = s ? subscriber_network(s) : NULL;

	return n && s->state == SUBSCRIBER_SERVED && ip->source.s_addr == s->home.s_addr &&
	       ip->destination.s_addr != INADDR_BROADCAST && ip->destination.s_addr != n->gateway.s_addr &&
	       ip->destination.s_addr != server_id(s, n).s_addr; /* which the kernel program leaves to us */
}

/* Which address the station thinks it has, or had: the first request may ask the home agent for it (L-35, L-55). What a
 * server behind the home agent remembers of it is the same. */
static struct in_addr shown_address(const struct dhcp4 *m)
{
	return m->client.s_addr != INADDR_ANY ? m->client : m->requested;
}

static void watch(struct subscriber *s, struct instant now, const struct dhcp4 *m, struct actions *out)
{
	if (s->mpa->conf->dhcp == MPA_DHCP_SERVER)
		return;
	if (m->type == DHCP4_REQUEST)
		dhcp_relay_renewal_seen(s, now);
	else
		give_up(s, now, m, out);
}

static void relay(struct mpa *mpa, struct instant now, const struct port *port, const struct station_id *id,
		  const struct dhcp4 *m, struct span payload, struct actions *out)
{
	const char *nai = mpa_identify(mpa, now, port, id, MPA_TRIGGER_DHCP, out); /* L-61: not for strangers */
	struct subscriber *s = subscriber_at(mpa, port);

	if (!nai)
		return;
	dhcp_relay_forward(mpa, port, m, payload, nai, out);
	if (s && s->state == SUBSCRIBER_SERVED)
		give_up(s, now, m, out); /* last: it may be gone then */
}

void mpa_on_dhcp(struct mpa *mpa, struct instant now, const struct port *port, struct span frame, struct actions *out)
{
	struct dhcp4 m;
	struct ip4 ip;
	struct station_id id = { .mac = port->mac };
	struct span payload;
	struct subscriber *s;

	if (mpa->conf->dhcp == MPA_DHCP_OFF)
		return;
	if (dhcp_of_frame(frame, &ip, &payload, &m) < 0 || m.op != DHCP4_BOOTREQUEST) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	if (goes_by(mpa, port, &ip)) {
		watch(subscriber_at(mpa, port), now, &m, out);
		return;
	}
	id.client_id = m.client_id;
	id.fqdn = text_span(m.fqdn);
	id.host_name = m.fqdn_raw.n > 0 ? (struct span){ 0 } : m.host_name; /* RFC 4702 4: 81 overrides 12 */
	if (mpa->conf->dhcp == MPA_DHCP_RELAY) {
		relay(mpa, now, port, &id, &m, payload, out);
		return;
	}
	if (m.type == DHCP4_RELEASE || m.type == DHCP4_DECLINE)
		s = subscriber_at(mpa, port); /* nobody arrives by leaving */
	else
		s = mpa_recognise(mpa, now, port, &id, shown_address(&m), MPA_TRIGGER_DHCP, out);
	if (!s) {
		if (m.type != DHCP4_RELEASE && m.type != DHCP4_DECLINE)
			port_auth_hold(mpa, now, port, true, frame);
		return;
	}
	if (s->state == SUBSCRIBER_SERVED)
		serve(s, now, &m, payload, out);
	else if (frame.n <= HELD_FRAME_MAX && m.type != DHCP4_RELEASE && m.type != DHCP4_DECLINE)
		hold(s, frame);
}

void subscriber_release_held(struct subscriber *s, struct instant now, struct actions *out)
{
	auto_(freep) uint8_t *arp = TAKE_PTR(s->held_arp);
	auto_(freep) uint8_t *dhcp = TAKE_PTR(s->held_dhcp);
	struct span payload;
	struct ip4 ip;
	struct dhcp4 m;

	if (arp)
		subscriber_answer_arp(s, (struct span){ arp, s->held_arp_n }, out);
	if (dhcp && dhcp_of_frame((struct span){ dhcp, s->held_dhcp_n }, &ip, &payload, &m) == 0)
		serve(s, now, &m, payload, out); /* last: the station may leave by it */
}
