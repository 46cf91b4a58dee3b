/* SPDX-License-Identifier: GPL-2.0-or-later */
/* May they have what they ask for: the second half of the checks, run on authenticated requests only. */
#include "roles/ha/agent.h"

static bool is_any(struct in_addr a)
{
	return a.s_addr == INADDR_ANY || a.s_addr == INADDR_BROADCAST;
}

/* RFC 5944 3.8.2.1 (unknown home agent address), RFC 4433 3 (asking for any agent). */
int ha_check_agent(struct ha *ha, struct transaction *t)
{
	struct in_addr own = ha->conf->address;
	bool any = is_any(t->req.home_agent) && t->x.nai_at && t->req.home.s_addr == INADDR_ANY;
	bool other_requested =
		t->x.dynamic_ha_at && t->x.dynamic_ha_subtype == 1 && t->x.dynamic_ha.s_addr != own.s_addr;

	if ((any || t->req.home_agent.s_addr == own.s_addr) && t->d->local.s_addr == own.s_addr && !other_requested)
		return 0;
	t->why = "meant for another home agent";
	return MIP_CODE_UNKNOWN_HA;
}

/* L-06: hosts may register themselves. RFC 5563 4.2; a request is by proxy when it carries what only those send. */
int ha_check_proxy(struct ha *ha, struct transaction *t)
{
	t->proxy = t->x.pmip_at || t->x.sequence_at;
	if (!t->proxy)
		return 0;
	if (!ha->conf->pmip) {
		t->why = "proxy registration is switched off";
		return MIP_CODE_PMIP_UNSUPPORTED;
	}
	if (!t->user->proxy_allowed) {
		t->why = "this user may not be registered by proxy";
		return MIP_CODE_PMIP_DISALLOWED;
	}
	if (t->x.pmip_method != MIP_PMIP_METHOD_NONE && t->x.pmip_method != MIP_PMIP_METHOD_FA_HA_AUTH) {
		t->why = "per-node authentication method not offered";
		return MIP_CODE_PMIP_UNSUPPORTED;
	}
	return 0;
}

/* RFC 5944 3.8.2.1, RFC 2004, RFC 2784: M, G, and a GRE key. */
int ha_check_encapsulation(struct ha *ha, struct transaction *t)
{
	t->encap = ENCAP_IPIP;
	if (t->req.flags & MIP_REQ_G || t->x.gre_key_at) /* RFC 6245: a key asks for it as well */
		t->encap = ENCAP_GRE;
	else if (t->req.flags & MIP_REQ_M)
		t->encap = ENCAP_MINIMAL;
	if ((t->encap != ENCAP_GRE || ha->conf->gre) && (t->encap != ENCAP_MINIMAL || ha->conf->minimal))
		return 0;
	t->why = "this encapsulation is switched off";
	return MIP_CODE_ENCAPSULATION_UNAVAILABLE;
}

/* RFC 3024 3.2; required by default (X-20, L-24). */
int ha_check_reverse_tunnel(struct ha *ha, struct transaction *t)
{
	bool asked = t->req.flags & MIP_REQ_T;

	if (t->req.lifetime_s == 0)
		return 0;
	if (asked && ha->conf->reverse_tunnel == HA_REVERSE_TUNNEL_UNAVAILABLE) {
		t->why = "reverse tunnelling is switched off";
		return MIP_CODE_REVERSE_TUNNEL_UNAVAILABLE;
	}
	if (!asked && ha->conf->reverse_tunnel == HA_REVERSE_TUNNEL_REQUIRED) {
		t->why = "reverse tunnelling is required";
		return MIP_CODE_REVERSE_TUNNEL_MANDATORY;
	}
	return 0;
}

/* Private addresses are fine. */
static bool unicast(struct in_addr a)
{
	uint32_t host = ntohl(a.s_addr);

	return host != INADDR_ANY && host >> 24 != 127 && host < UINT32_C(0xe0000000);
}

/* A tunnel to ourselves, or to an address that is itself reached through a tunnel, would loop: with each round a packet
 * would get another header (RFC 2003 5.1 has the tunnel's end hear of it; better that there is none). */
static bool can_be_an_end(const struct ha *ha, const struct transaction *t, struct in_addr a)
{
	if (!unicast(a) || a.s_addr == ha->conf->address.s_addr || a.s_addr == t->req.home.s_addr ||
	    binding_find(ha->bindings, a))
		return false;
	for (size_t i = 0; i < ha->conf->network_n; i++) {
		const struct ha_network *n = &ha->conf->networks[i];
		bool is_virtual = n->ifindex == 0; /* then whoever will have that address is behind us */

		if (a.s_addr == n->gateway.s_addr || (is_virtual && prefix_contains(&n->prefix, a)))
			return false;
	}
	return true;
}

int ha_check_care_of(struct ha *ha, struct transaction *t)
{
	if (t->req.lifetime_s == 0)
		return 0; /* "at home" and "not here" are both fine */
	if (can_be_an_end(ha, t, t->req.care_of))
		return 0;
	t->why = "impossible care-of address";
	return MIP_CODE_MALFORMED;
}

/* Without a word about what is inside of UDP, it is what M and G ask for. The tunnel will end where the request came from:
 * not in a tunnel of ours. */
static int grant_udp(const struct ha *ha, struct transaction *t)
{
	t->why = "the request came through a tunnel of ours";
	if (t->req.lifetime_s != 0 && !can_be_an_end(ha, t, t->d->remote))
		return MIP_CODE_MALFORMED;
	t->why = "only IP-in-IP is offered inside of UDP";
	if (t->x.udp_encapsulation == 0 && t->encap != ENCAP_IPIP)
		return MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE;
	t->udp = true;
	return 0;
}

/* The sender is not where it says: RFC 3519 4.2 with the extension, else only a foreign agent we can verify. */
static int check_behind_nat(const struct ha *ha, struct transaction *t)
{
	if (!t->x.udp_request_at) {
		if (t->fa_assoc || t->req.lifetime_s == 0)
			return 0;
		t->why = "the source is not the care-of address, and UDP tunnelling was not asked for";
		return MIP_CODE_ADMIN_PROHIBITED;
	}
	if (ha->conf->udp == HA_UDP_OFF) {
		t->why = "UDP tunnelling is switched off";
		return MIP_CODE_ADMIN_PROHIBITED;
	}
	return grant_udp(ha, t);
}

/* B-47, B-49; RFC 3519 4, 5.1 */
int ha_check_nat(struct ha *ha, struct transaction *t)
{
	bool moved = t->d->remote.s_addr != t->req.care_of.s_addr;

	if (t->x.udp_request_at) {
		bool own_tunnel = t->req.flags & MIP_REQ_D; /* the sender is the tunnel end, not an agent before us */
		bool by_sender = t->x.udp_request_at < t->auth->at;

		t->why = "UDP tunnel request is malformed";
		if (t->x.udp_reserved != 0 || (by_sender ? !own_tunnel && !t->proxy : own_tunnel))
			return MIP_CODE_MALFORMED;
		t->why = "only IP-in-IP is offered inside of UDP";
		if (t->x.udp_encapsulation != 0 && t->x.udp_encapsulation != IPPROTO_IPIP)
			return MIP_CODE_UDP_ENCAPSULATION_UNAVAILABLE;
		/* The request came by a foreign agent's mapping: the sender's own is that of its first keepalive. */
		t->port_open = by_sender && t->x.udp_via_fa;
	}
	if (moved)
		return check_behind_nat(ha, t);
	if (!t->x.udp_request_at || !t->x.udp_force)
		return 0;
	t->why = "forced UDP tunnelling is not allowed";
	if (ha->conf->udp != HA_UDP_FORCE_ALLOWED)
		return MIP_CODE_ADMIN_PROHIBITED;
	return grant_udp(ha, t);
}

/* Bindings of one NAI on several technologies are told apart only where more than one is allowed (L-09). */
static bool fits(const struct transaction *t, const struct binding *b)
{
	if (t->req.home.s_addr != INADDR_ANY)
		return b->home.s_addr == t->req.home.s_addr;
	return t->access_tech == 0 || b->access_tech == t->access_tech;
}

/* RFC 5944 3.8.2.1: of simultaneous bindings. */
static bool is_one_too_many(const struct ha *ha, const struct transaction *t)
{
	struct binding *b = t->binding;

	return t->req.flags & MIP_REQ_S && ha->conf->simultaneous > 1 && b->care_of.s_addr != t->req.care_of.s_addr &&
	       !ha_copy_find(b, t->req.care_of) && b->copy_n + 1U >= ha->conf->simultaneous;
}

/* L-47: found by NAI. */
int ha_check_binding(struct ha *ha, struct transaction *t)
{
	const struct binding *there = binding_find(ha->bindings, t->req.home);
	size_t n = 0;

	t->access_tech = ha->conf->max_addresses_per_nai > 1 ? t->x.access_tech : 0;
	for (struct binding *b = binding_find_nai(ha->bindings, t->nai); b; b = b->sibling, n++)
		if (!t->binding && fits(t, b))
			t->binding = b;
	if (t->binding && t->req.lifetime_s != 0 && is_one_too_many(ha, t)) {
		t->why = "as many care-of addresses as one home address may have";
		return MIP_CODE_TOO_MANY_BINDINGS;
	}
	if (t->binding || t->req.lifetime_s == 0)
		return 0;
	if (there) {
		t->why = "the home address is bound to somebody else";
		return MIP_CODE_ADMIN_PROHIBITED;
	}
	if (n >= ha->conf->max_addresses_per_nai) {
		t->why = "as many home addresses as one user may have";
		/* With one address only, asking for another is a wish to change it (G-14). */
		return ha->conf->max_addresses_per_nai > 1 ? MIP_CODE_TOO_MANY_BINDINGS : MIP_CODE_ADMIN_PROHIBITED;
	}
	return 0;
}

/* L-16, L-48, L-50, X-02, X-03: an agent that was overtaken may not take the binding back. */
int ha_check_sequence(struct ha *ha, struct transaction *t)
{
	const struct binding *b = t->binding;

	if (t->repeated || !t->x.sequence_at || !b)
		return 0;
	if (sequence_acceptable(b->sequence, t->sequence, b->care_of.s_addr == t->req.care_of.s_addr))
		return 0;
	HA_COUNT(ha, stale_sequences);
	t->why = "stale sequence number: another agent serves this user now";
	switch (ha->conf->stale) {
	case HA_STALE_DENY:
		return MIP_CODE_ADMIN_PROHIBITED;
	case HA_STALE_DENY_65:
		return MIP_CODE_FA_ADMIN_PROHIBITED;
	case HA_STALE_SILENT:
	case HA_STALE_COUNT:
		break;
	}
	return DISCARD;
}
