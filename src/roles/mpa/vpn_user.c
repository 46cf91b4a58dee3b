/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VPN user as a subscriber: at the vpn device or not, displaced, coming back, and its packets on the slow path. */
#include "base/util.h"
#include "codec/icmp4.h"
#include "roles/mpa/agent.h"

enum { ICMP_ERROR_MAX = 600, CLOSING_MS = 100 };

static void set_life(struct subscriber *s, uint64_t due_us)
{
	(void)timers_set(&s->mpa->lives, &s->life, due_us); /* room was made with the subscriber */
}

/* At a layer-3 device the home address takes the place of the MAC. */
static struct port port_of(uint32_t ifindex, struct in_addr home)
{
	struct port port = { .ifindex = ifindex };

	memcpy(port.mac, &home, sizeof(home));
	return port;
}

static int enter_port(struct subscriber *s)
{
	const struct port port = port_of(s->vpn.own ? s->vpn.own->ifindex : s->mpa->device, s->home);
	const struct subscriber *other = subscriber_at(s->mpa, &port);

	if (port.ifindex == 0 || !s->home_known) {
		subscriber_leave_port(s);
		return 0;
	}
	if (other == s)
		return 0;
	return other ? -EEXIST : subscriber_set_port(s, &port);
}

int layer3_enter(struct subscriber *s, struct user_device *own, struct actions *out)
{
	bool comes = !s->vpn.here || s->vpn.own != own, served = s->state == SUBSCRIBER_SERVED;
	int r;

	if (comes && served)
		subscriber_visitor_del(s, out);
	if (!s->vpn.here) {
		s->lease_ends_us = 0; /* of a port: nobody renews it here */
		subscriber_end_session_time(s);
	}
	s->vpn.here = true;
	s->vpn.own = own;
	s->access = NULL;
	r = enter_port(s);
	if (r == 0 && comes && served) {
		MPA_COUNT(s->mpa, moved_here);
		subscriber_record(s, out, RECORD_NOTICE, "port_changed", "moved to %s of this agent",
				  own ? own->name : "the vpn access");
		subscriber_visitor_set(s, out);
	}
	return r;
}

int vpn_enter(struct subscriber *s, struct actions *out)
{
	return layer3_enter(s, NULL, out);
}

void vpn_close_children(const struct subscriber *s, struct actions *out)
{
	for (const struct session *x = s->vpn.sessions; x; x = x->next)
		if (x->children > 0)
			actions_charon(out, &(struct charon_command){ .type = CHARON_CLOSE_CHILD, .sa = x->sa });
}

void vpn_leave(struct subscriber *s, struct actions *out)
{
	vpn_forget_held(s);
	subscriber_visitor_del(s, out);
	s->vpn.here = s->vpn.lingering = s->vpn.returning = false;
	s->vpn.own = NULL;
	vpn_close_children(s, out);
}

void vpn_close_all(struct subscriber *s, struct actions *out)
{
	while (s->vpn.sessions) {
		actions_charon(out, &(struct charon_command){ .type = CHARON_CLOSE_IKE, .sa = s->vpn.sessions->sa });
		session_free(s->vpn.sessions);
	}
}

/* Who is wanted in two places gets there ever more seldom; who just walks to and fro never waits for longer. */
static void set_pause(struct subscriber *s, struct instant now)
{
	struct vpn_user *u = &s->vpn;
	bool was_bound = s->expires_us != 0;

	if (!u->contended)
		u->doublings = 0;
	else if (u->doublings < PAUSE_DOUBLINGS)
		u->doublings++;
	u->contended = false;
	u->resume_us = was_bound ? now.us + (mpa_vpn(s->mpa)->resume_s * US_PER_S << u->doublings) : now.us;
}

void vpn_end_pause(struct subscriber *s, struct instant now)
{
	s->vpn.contended = false;
	s->vpn.doublings = 0;
	s->vpn.resume_us = now.us;
}

void vpn_displace(struct subscriber *s, struct instant now, bool linger, struct actions *out)
{
	uint16_t linger_ms = linger ? mpa_vpn(s->mpa)->linger_ms : 0;

	MPA_COUNT(s->mpa, vpn_displaced);
	subscriber_request_cancel(s);
	vpn_forget_held(s);
	set_pause(s, now);
	s->vpn.returning = s->vpn.closing = false;
	s->vpn.lingering = linger_ms > 0;
	set_life(s, linger_ms > 0 ? now.us + linger_ms * US_PER_MS : NEVER);
	if (linger_ms > 0)
		return;
	subscriber_visitor_del(s, out);
	if (!s->vpn.here)
		subscriber_leave_port(s); /* whoever shows up there is recognised anew */
}

static void attach(struct subscriber *s, struct instant now, const char *why, struct actions *out)
{
	MPA_COUNT(s->mpa, vpn_resumed);
	s->vpn.lingering = s->vpn.returning = false;
	(void)subscriber_event(s, now, EVENT_ATTACH, why, out);
}

/* What it sends now is held until we know that it is here. */
static void await_packet(struct subscriber *s, struct instant now, struct actions *out)
{
	s->vpn.lingering = false;
	subscriber_visitor_set(s, out);
	set_life(s, now.us + mpa_vpn(s->mpa)->wait_ms * US_PER_MS);
}

static bool has_children(const struct subscriber *s)
{
	for (const struct session *x = s->vpn.sessions; x; x = x->next)
		if (x->children > 0)
			return true;
	return false;
}

static void end_linger(struct subscriber *s, struct actions *out)
{
	if (s->vpn.lingering)
		subscriber_visitor_del(s, out);
	s->vpn.lingering = s->vpn.closing = false;
	set_life(s, s->vpn.returning ? s->vpn.resume_us : NEVER);
}

void vpn_on_pause(struct subscriber *s, struct instant now, struct actions *out)
{
	struct vpn_user *u = &s->vpn;

	if (u->returning && now.us >= u->resume_us) {
		attach(s, now, "its tunnel carries data again", out);
	} else if (u->lingering && !u->closing && !u->returning && has_children(s)) {
		u->closing = true; /* what it sends until it hears of that passes too */
		set_life(s, now.us + CLOSING_MS * US_PER_MS);
		vpn_close_children(s, out); /* the deletion is the proof for the host */
	} else {
		end_linger(s, out);
	}
}

void vpn_resume(struct subscriber *s, struct instant now, bool child, const char *why, struct actions *out)
{
	struct vpn_user *u = &s->vpn;

	if (now.us < u->resume_us) {
		MPA_COUNT(s->mpa, held_off);
		u->contended = true;
	} else if (!child) {
		attach(s, now, why, out);
		return;
	}
	if (!child)
		return;
	u->returning = true;
	if (now.us >= u->resume_us)
		await_packet(s, now, out);
	else if (!u->lingering)
		set_life(s, u->resume_us);
}

void vpn_stop_return(struct subscriber *s, struct actions *out)
{
	if (s->state != SUBSCRIBER_DISPLACED || !s->vpn.returning)
		return;
	s->vpn.returning = false;
	if (s->vpn.lingering)
		return;
	subscriber_visitor_del(s, out);
	vpn_forget_held(s);
	set_life(s, NEVER);
}

void vpn_on_child_down(struct subscriber *s, struct actions *out)
{
	vpn_stop_return(s, out);
	if (s->state == SUBSCRIBER_DISPLACED && s->vpn.lingering && !has_children(s))
		end_linger(s, out);
}

/* From the device, of a user who has no visitor there. */
void vpn_on_packet(struct mpa *mpa, struct instant now, struct in_addr source, uint32_t reqid, struct actions *out)
{
	const struct port port = port_of(mpa->device, source);
	struct subscriber *s = subscriber_at(mpa, &port);

	if (!s)
		MPA_COUNT(mpa, unknown_stations);
	else if (reqid != 0 && reqid != s->vpn.reqid)
		MPA_COUNT(mpa, spoofed_packets); /* by another user's SA */
	else if (s->state == SUBSCRIBER_DISPLACED)
		vpn_resume(s, now, false, "its data came by the tunnel", out);
}

bool vpn_follow(struct subscriber *s, struct instant now, enum subscriber_state old, enum subscriber_event e,
		const char *reason, struct actions *out)
{
	switch (s->state) {
	case SUBSCRIBER_SERVED:
		if (e == EVENT_ACCEPTED)
			vpn_grant_all(s, out);
		break;
	case SUBSCRIBER_BARRED:
		vpn_refuse_all(s, reason, out);
		if (!s->vpn.here)
			break;
		vpn_forget_held(s);
		subscriber_visitor_del(s, out);
		if (!s->vpn.sessions) /* nobody is left to try again for */
			return subscriber_event(s, now, EVENT_LEFT, reason, out);
		break;
	case SUBSCRIBER_DISPLACED:
		if (old == SUBSCRIBER_DISPLACED)
			break;
		vpn_refuse_all(s, reason, out);
		if (!s->vpn.sessions)
			return subscriber_event(s, now, EVENT_LOST, reason, out);
		if (!s->vpn.lingering)
			vpn_close_children(s, out);
		break;
	case SUBSCRIBER_HOLDING:
	case SUBSCRIBER_DEREGISTERING:
		vpn_refuse_all(s, reason, out);
		if (!s->vpn.here)
			break;
		vpn_close_all(s, out); /* G-14, and whom the operator sends away */
		vpn_forget_held(s);
		subscriber_visitor_del(s, out);
		break;
	case SUBSCRIBER_NEW:
	case SUBSCRIBER_REGISTERING:
	case SUBSCRIBER_WAITING:
	case SUBSCRIBER_GONE:
	case SUBSCRIBER_STATE_COUNT:
		break;
	}
	return true;
}

static void hold(struct subscriber *s, struct span packet)
{
	uint8_t *copy = s->vpn.held_n < HELD_PACKETS_MAX ? malloc(packet.n) : NULL;

	if (!copy) {
		MPA_COUNT(s->mpa, packets_dropped);
		return;
	}
	memcpy(copy, packet.p, packet.n);
	s->vpn.held[s->vpn.held_n++] = (struct held_packet){ copy, packet.n };
	MPA_COUNT(s->mpa, vpn_packets_held);
}

void vpn_forget_held(struct subscriber *s)
{
	for (size_t i = 0; i < s->vpn.held_n; i++)
		free(s->vpn.held[i].octets);
	s->vpn.held_n = 0;
}

void vpn_release_held(struct subscriber *s, struct actions *out)
{
	for (size_t i = 0; i < s->vpn.held_n; i++)
		actions_send_tunnelled(out, &s->tunnel, (struct span){ s->vpn.held[i].octets, s->vpn.held[i].n });
	vpn_forget_held(s);
}

static struct subscriber *at_index(const struct mpa *mpa, uint32_t index)
{
	struct subscriber *s = index < mpa->conf->max_subscribers ? mpa->by_index[index] : NULL;

	return s && s->vpn.here ? s : NULL;
}

void mpa_on_held(struct mpa *mpa, struct instant now, uint32_t index, struct span packet, struct actions *out)
{
	struct subscriber *s = at_index(mpa, index);
	struct ip4 ip;

	if (!s || ip4_parse(packet.p, packet.n, &ip) < 0 || ip.source.s_addr != s->home.s_addr) {
		MPA_COUNT(mpa, packets_dropped); /* */
		return;
	}
	if (s->state == SUBSCRIBER_SERVED) {
		actions_send_tunnelled(out, &s->tunnel, packet); /* was under way when the visitor was opened */
		return;
	}
	if (s->state != SUBSCRIBER_REGISTERING && !(s->state == SUBSCRIBER_DISPLACED && s->vpn.returning))
		return;
	hold(s, packet);
	if (s->state == SUBSCRIBER_DISPLACED)
		attach(s, now, "its first packet came by the new tunnel", out);
}

/* In pieces, since its sender allows it (RFC 791 3.2). */
static void send_pieces(const struct subscriber *s, const struct ip4 *ip, uint16_t mtu, struct actions *out)
{
	size_t at = 0;

	while (at < ip->payload.n) {
		struct wr w = subscriber_frame(s, mtu, out);

		ip4_piece_build(&w, ip, mtu, &at);
		actions_send_frame(out, s->port.ifindex, &w);
	}
}

void mpa_on_too_big_down(struct mpa *mpa, struct instant now, uint32_t index, struct span packet, uint16_t mtu,
			 struct actions *out)
{
	const struct subscriber *s = at_index(mpa, index);
	struct ip4 ip;
	struct wr w;

	if (!s || s->state != SUBSCRIBER_SERVED || ip4_parse_cut(packet.p, packet.n, &ip) < 0)
		return;
	if (!(ip.fragment & IP4_DF)) {
		if (ip4_parse(packet.p, packet.n, &ip) == 0 && ip.header_n == IP4_HEADER_OCTETS)
			send_pieces(s, &ip, mtu, out);
		else
			MPA_COUNT(mpa, packets_dropped); /* cut on its way to us, or with options */
		return;
	}
	if (!ratelimit_allow(&mpa->icmp_errors, now.us)) { /* RFC 1812 4.3.2.8: anybody can make us send these */
		MPA_COUNT(mpa, packets_dropped);
		return;
	}
	w = actions_writer(out, ICMP_ERROR_MAX);
	if (!icmp4_error_build(&w, mpa->conf->care_of, packet, ICMP4_UNREACHABLE, ICMP4_FRAGMENTATION_NEEDED, mtu))
		return;
	actions_send_own(out, &w);
	MPA_COUNT(mpa, too_big_told);
}

void mpa_on_device(struct mpa *mpa, struct instant now, uint32_t ifindex, struct actions *out)
{
	struct subscriber *s, *next;

	(void)now; /* sessions do not end by it: charon says which do */
	if (ifindex == mpa->device)
		return;
	mpa->device = ifindex;
	HASH_ITER(by_nai, mpa->by_nai, s, next) {
		if (!s->vpn.here || s->vpn.own)
			continue;
		subscriber_visitor_del(s, out); /* of whatever state: nobody else would at the device that is gone */
		(void)enter_port(s); /* it had one of its own a moment ago; without memory, packets do not pass */
		if (s->state == SUBSCRIBER_SERVED)
			subscriber_visitor_set(s, out);
	}
}
