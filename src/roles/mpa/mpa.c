/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry points of the mobility proxy agent: what arrives is sorted here and handled in the files beside. */
#include "roles/mpa/mpa.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "codec/arp.h"
#include "codec/icmp4.h"
#include "roles/mpa/agent.h"
#include "roles/relay/relay.h"

enum {
	SECURITY_RECORDS_PER_S = 10,
	ICMP_ERRORS_PER_S = 1000,
	LIVES_PER_CALL = 64,
	REASON_MAX = 256,
	ICMP_ERROR_MAX = 600
};

int mpa_new(const struct mpa_conf *conf, const struct random *random, struct mpa **ret)
{
	struct mpa *mpa = calloc(1, sizeof(*mpa));

	if (!mpa)
		return -ENOMEM;
	mpa->by_index = calloc(conf->max_subscribers, sizeof(struct subscriber *));
	if (!mpa->by_index) {
		free(mpa);
		return -ENOMEM;
	}
	mpa->conf = conf;
	mpa->random = *random;
	mpa->security = ratelimit_init(SECURITY_RECORDS_PER_S);
	if (port_auth_new(mpa) < 0 || login_new(mpa) < 0) {
		mpa_freep(&mpa);
		return -ENOMEM;
	}
	mpa->icmp_errors = ratelimit_init(ICMP_ERRORS_PER_S);
	*ret = mpa;
	return 0;
}

void mpa_freep(struct mpa **at)
{
	struct mpa *mpa = *at;
	struct subscriber *s, *next;

	if (!mpa)
		return;
	vpn_freep(mpa);
	early_free(mpa);
	port_auth_free(mpa);
	relay_freep(&mpa->relay);
	HASH_ITER(by_nai, mpa->by_nai, s, next)
		subscriber_free(s);
	user_devices_free(mpa);
	timers_done(&mpa->retransmits);
	timers_done(&mpa->lives);
	timers_done(&mpa->keepalives);
	timers_done(&mpa->waits);
	timers_done(&mpa->logins);
	timers_done(&mpa->presences);
	free(mpa->by_index);
	free(mpa);
	*at = NULL;
}

struct span text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

void subscriber_record(const struct subscriber *s, struct actions *out, enum record_level level, const char *event,
		       const char *reason_fmt, ...)
{
	const struct record note = { .level = level, .event = event, .home = s->home, .peer = s->agent_address };
	char reason[REASON_MAX];
	va_list ap;

	va_start(ap, reason_fmt);
	(void)vsnprintf(reason, sizeof(reason), reason_fmt, ap); /* a longer reason is cut, which is fine for people */
	va_end(ap);
	actions_record(out, &note, text_span(s->nai), "%s", reason);
}

struct wr subscriber_frame(const struct subscriber *s, size_t n, struct actions *out)
{
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + n);

	if (!s->vpn.here)
		ether_build(&w, s->port.mac, s->mpa->conf->gateway_mac, ETHER_IP4);
	return w;
}

int mpa_detach(struct mpa *mpa, struct instant now, const char *nai, bool hold, struct actions *out)
{
	struct subscriber *s = subscriber_find(mpa, text_span(nai));

	if (!s)
		return -ENOENT;
	MPA_COUNT(mpa, detached);
	subscriber_record(s, out, RECORD_NOTICE, "detached", "by command");
	if (!hold)
		port_auth_end(s, out);
	(void)subscriber_event(s, now, hold ? EVENT_LOST : EVENT_LEFT, "detached by command", out);
	return 0;
}

int mpa_kick(struct mpa *mpa, struct instant now, const char *nai, struct actions *out)
{
	return mpa_detach(mpa, now, nai, false, out);
}

void mpa_on_frame(struct mpa *mpa, struct instant now, uint32_t ifindex, struct span frame, struct actions *out)
{
	struct port port;
	struct subscriber *s;
	struct ether e;
	struct ip4 ip;
	struct udp4 udp;

	if (ether_parse(frame.p, frame.n, &e) < 0 || (e.source[0] & 1)) {
		MPA_COUNT(mpa, malformed);
		return;
	}
	port = port_at(ifindex, e.source);
	s = subscriber_at(mpa, &port);
	if (s)
		presence_heard(s, now);
	if (e.type == ETHER_ARP) {
		mpa_on_arp(mpa, now, &port, frame, out);
	} else if (e.type == ETHER_IP4 && ip4_parse(e.payload.p, e.payload.n, &ip) == 0) {
		if (ip.protocol == IPPROTO_ICMP)
			mpa_on_echo(mpa, &port, frame, out);
		else if (udp4_parse(&ip, &udp) == 0 && udp.destination == DHCP4_SERVER_PORT)
			mpa_on_dhcp(mpa, now, &port, frame, out);
	}
}

void mpa_on_unknown_source(struct mpa *mpa, struct instant now, uint32_t ifindex, const uint8_t mac[6],
			   struct in_addr source, uint32_t reqid, struct actions *out)
{
	const struct station_id id = { .mac = mac };
	const struct port port = port_at(ifindex, mac);

	if (mpa->device != 0 && ifindex == mpa->device) {
		vpn_on_packet(mpa, now, source, reqid, out);
		return;
	}
	if (mpa_has_user_device(mpa, ifindex)) {
		user_device_on_spoof(mpa, now, ifindex, source, out);
		return;
	}
	(void)mpa_recognise(mpa, now, &port, &id, source, MPA_TRIGGER_PACKET, out); /* not ours: counted there */
}

void mpa_on_spoof(struct mpa *mpa, struct instant now, uint32_t ifindex, const uint8_t mac[6], struct in_addr source,
		  struct actions *out)
{
	const struct port port = port_at(ifindex, mac);
	struct record note = { .level = RECORD_WARN, .security = true, .event = "spoofed_source", .peer = source };
	const struct subscriber *s;

	s = subscriber_at(mpa, &port);
	MPA_COUNT(mpa, spoofed_packets);
	if (!s || !ratelimit_allow(&mpa->security, now.us))
		return;
	note.home = s->home;
	actions_record(out, &note, text_span(s->nai), "packets with a source that is not the home address are dropped");
}

static void carrier_up(struct mpa *mpa, struct instant now, const struct mpa_access *access, struct actions *out)
{
	struct mpa_attach a = { .ifindex = access->ifindex,
				.nai = access->carrier_nai,
				.trigger = MPA_TRIGGER_CARRIER };

	if (!access->by_carrier || !access->carrier_nai || !access->carrier_nai[0])
		return;
	memcpy(a.mac, access->carrier_mac, sizeof(a.mac));
	(void)mpa_attach(mpa, now, &a, out); /* refusals are counted there */
}

void mpa_on_carrier(struct mpa *mpa, struct instant now, uint32_t ifindex, bool up, struct actions *out)
{
	const struct mpa_access *access = mpa_access_of(mpa, ifindex);
	struct subscriber *s, *next;

	if (!access)
		return;
	if (up) {
		carrier_up(mpa, now, access, out);
		port_auth_carrier(mpa, now, access, out);
		return;
	}
	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->port.ifindex == ifindex)
			(void)subscriber_event(s, now, EVENT_LOST, "link down", out);
}

/* What the anchor copies to a subnet, and nothing else (L-44). */
static bool is_for_subnet(const struct subscriber *s, struct in_addr a)
{
	const struct mpa_network *n = subscriber_network(s);

	return a.s_addr == INADDR_BROADCAST || ntohl(a.s_addr) >> 8 == UINT32_C(0xe00000) ||
	       (n && a.s_addr == prefix_broadcast(&n->prefix).s_addr);
}

/* The agent's copy of a subnet's broadcast, wrapped for one station (L-44): out of the wrapping, onto its port. */
static void deliver_broadcast(struct mpa *mpa, const struct subscriber *s, const struct ip4 *wrap, struct actions *out)
{
	struct wr w = actions_writer(out, ETHER_HEADER_OCTETS + wrap->payload.n);
	uint8_t to[MAC_OCTETS];
	struct ip4 ip;

	if (s->vpn.here || ip4_parse(wrap->payload.p, wrap->payload.n, &ip) < 0 || !is_for_subnet(s, ip.destination)) {
		MPA_COUNT(mpa, packets_dropped);
		return;
	}
	memcpy(to, ether_broadcast, sizeof(to));
	if (ntohl(ip.destination.s_addr) >> 28 == 0xe) { /* RFC 1112 6.4 */
		uint32_t group = ntohl(ip.destination.s_addr);
		const uint8_t mac[] = { 0x01, 0x00, 0x5e, (group >> 16) & 0x7f, (uint8_t)(group >> 8), (uint8_t)group };

		memcpy(to, mac, sizeof(to));
	}
	ether_build(&w, to, mpa->conf->gateway_mac, ETHER_IP4);
	wr_bytes(&w, wrap->payload.p, wrap->payload.n);
	actions_send_frame(out, s->port.ifindex, &w);
	MPA_COUNT(mpa, broadcasts_delivered);
}

void mpa_on_tunnelled(struct mpa *mpa, struct instant now, const struct tunnelled *t, struct actions *out)
{
	struct subscriber *s;
	struct ip4 ip;
	struct wr w;

	if (ip4_parse(t->inner.p, t->inner.n, &ip) < 0) {
		MPA_COUNT(mpa, packets_dropped);
		return;
	}
	s = subscriber_with_home(mpa, ip.destination, t->tunnel.remote);
	if (!s || s->state != SUBSCRIBER_SERVED || !tunnel_equal(&s->tunnel, &t->tunnel)) {
		early_keep(mpa, now, t); /* also the answers to keepalives end there */
		return;
	}
	if (ip.protocol == IPPROTO_IPIP && ip.source.s_addr == s->agent_address.s_addr) {
		deliver_broadcast(mpa, s, &ip, out);
		return;
	}
	/* What the kernel left, such as a reassembled packet, goes to the station as it is. */
	if (s->vpn.here && t->inner.n > subscriber_mtu(s)) {
		mpa_on_too_big_down(mpa, now, s->index, t->inner, subscriber_mtu(s), out);
		return;
	}
	w = subscriber_frame(s, t->inner.n, out);
	wr_bytes(&w, t->inner.p, t->inner.n);
	actions_send_frame(out, s->port.ifindex, &w);
}

void mpa_on_too_big(struct mpa *mpa, struct instant now, uint32_t index, struct span packet, uint16_t mtu,
		    struct actions *out)
{
	const struct subscriber *s = index < mpa->conf->max_subscribers ? mpa->by_index[index] : NULL;
	const struct mpa_network *n = s && s->state == SUBSCRIBER_SERVED ? subscriber_network(s) : NULL;
	struct ip4 ip;
	struct wr w;

	if (!n || packet.n < IP4_HEADER_OCTETS)
		return;
	if (ip4_parse_cut(packet.p, packet.n, &ip) == 0 && !(ip.fragment & IP4_DF)) {
		if (ip4_parse(packet.p, packet.n, &ip) == 0)
			actions_send_tunnelled_by(out, &s->tunnel, packet, mtu);
		else
			MPA_COUNT(mpa, packets_dropped); /* cut on its way to us */
		return;
	}
	if (!ratelimit_allow(&mpa->icmp_errors, now.us)) {
		MPA_COUNT(mpa, packets_dropped);
		return;
	}
	w = subscriber_frame(s, ICMP_ERROR_MAX, out);
	if (!icmp4_error_build(&w, n->gateway, packet, ICMP4_UNREACHABLE, ICMP4_FRAGMENTATION_NEEDED,
			       (uint16_t)(mtu - tunnel_overhead(&s->tunnel))))
		return;
	actions_send_frame(out, s->port.ifindex, &w);
	MPA_COUNT(mpa, too_big_told);
}

static void on_tunnel_data(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct tunnelled t = { .tunnel = { .encap = ENCAP_UDP,
					   .local = d->local,
					   .remote = d->remote,
					   .local_port = d->local_port,
					   .remote_port = d->remote_port } };
	uint8_t next;

	if (mip_tunnel_data_parse(d->payload.p, d->payload.n, &next, &t.inner) < 0 || next != IPPROTO_IPIP)
		MPA_COUNT(mpa, malformed);
	else
		mpa_on_tunnelled(mpa, now, &t, out);
}

void mpa_on_datagram(struct mpa *mpa, struct instant now, const struct datagram *d, struct actions *out)
{
	if (mpa->relay && relay_owns_port(mpa->relay, d->local_port)) {
		relay_on_datagram(mpa->relay, now, d, out);
		return;
	}
	if (d->local_port == DHCP4_SERVER_PORT) {
		dhcp_relay_on_reply(mpa, now, d, out);
		return;
	}
	switch (d->payload.n > 0 ? d->payload.p[0] : 0) {
	case MIP_TYPE_REPLY:
		mpa_on_reply(mpa, now, d, out);
		break;
	case MIP_TYPE_REVOCATION:
		mpa_on_revocation(mpa, now, d, out);
		break;
	case MIP_TYPE_TUNNEL_DATA:
		on_tunnel_data(mpa, now, d, out);
		break;
	default:
		MPA_COUNT(mpa, unknown_type);
		break;
	}
}

void mpa_on_first_packet(struct mpa *mpa, struct instant now, uint32_t index, bool up, struct actions *out)
{
	const struct subscriber *s = index < mpa->conf->max_subscribers ? mpa->by_index[index] : NULL;

	if (s)
		subscriber_record(s, out, RECORD_INFO, up ? "first_packet_up" : "first_packet_down",
				  "%.1f ms after the tunnel was set", (double)(now.us - s->since_us) / US_PER_MS);
}

/* Whose DHCP lease ran out without a renewal is not here any more (RFC 5563 4.9). */
static bool lease_is_over(const struct subscriber *s, struct instant now)
{
	return s->lease_ends_us != 0 && s->lease_ends_us <= now.us;
}

void mpa_on_time(struct mpa *mpa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < LIVES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&mpa->lives, now.us);
		struct subscriber *s;

		if (!timer)
			break;
		s = container_of(timer, struct subscriber, life);
		if (s->state == SUBSCRIBER_DISPLACED)
			vpn_on_pause(s, now, out);
		else if (s->state == SUBSCRIBER_SERVED && lease_is_over(s, now))
			(void)subscriber_event(s, now, EVENT_RELEASED, "its DHCP lease ran out", out);
		else
			(void)subscriber_event(s, now, EVENT_TIMER, "time is up", out);
	}
	vpn_on_waits(mpa, now, out);
	login_on_time(mpa, now, out);
	presence_on_time(mpa, now, out);
	port_auth_on_time(mpa, now, out);
	if (mpa->relay)
		relay_on_time(mpa->relay, now, out);
	mpa_retransmit(mpa, now, out);
	mpa_keepalive_send(mpa, now, out);
}

uint64_t mpa_due(const struct mpa *mpa)
{
	const struct timers *all[] = { &mpa->lives,  &mpa->retransmits, &mpa->keepalives, &mpa->waits,
				       &mpa->logins, &mpa->presences,   &mpa->port_timers };
	uint64_t due = mpa->relay ? relay_due(mpa->relay) : NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (timers_due(all[i]) < due)
			due = timers_due(all[i]);
	return due;
}

void mpa_each_subscriber(const struct mpa *mpa, void (*fn)(void *ctx, const struct mpa_subscriber_view *v), void *ctx)
{
	const struct subscriber *s, *next;

	HASH_ITER(by_nai, mpa->by_nai, s, next) {
		struct mpa_subscriber_view v = {
			.nai = s->nai,
			.state = subscriber_state_names[s->state],
			.home_agent = s->agent ? s->agent->name : "",
			.index = s->index,
			.ifindex = s->port.ifindex,
			.sequence = s->sequence,
			.home = s->home,
			.tunnel = s->tunnel,
			.since_us = s->since_us,
			.expires_us = s->expires_us,
			.last_code = s->last_code,
			.association = s->association ? s->association->name : "from access authentication",
			.nas = s->login.ids.nas ? s->login.ids.nas->name : "",
			.login_ends_us = s->login.ends_us ? s->login.ends_us : NEVER,
		};

		memcpy(v.mac, s->port.mac, sizeof(v.mac));
		fn(ctx, &v);
	}
}

size_t mpa_counters(const struct mpa *mpa, const char *const **ret_names, const uint64_t **ret_values)
{
#define MPA_COUNTER_NAME(name) #name,
	static const char *const names[MPA_COUNTER_COUNT] = { MPA_COUNTERS(MPA_COUNTER_NAME) };
#undef MPA_COUNTER_NAME

	*ret_names = names;
	*ret_values = mpa->counters;
	return MPA_COUNTER_COUNT;
}
