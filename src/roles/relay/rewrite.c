/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/util.h"
#include "core/radius_auth.h"
#include "roles/relay/exchange.h"

enum {
	VENDOR_HEAD = 4,
	SUB_HEAD = 2,
	TAG_OCTETS = 1,
	VENDOR_MICROSOFT = 311,
	MS_MPPE_SEND_KEY = 16,
	MS_MPPE_RECV_KEY = 17,
	TUNNEL_PASSWORD = 69,
	WIMAX_FA_RK_KEY = 14,
	WIMAX_HA_RK_KEY = 15,
	WIMAX_VHA_KEY = 66,
	WIMAX_VHA_RK_KEY = 67,
};

/* Keys that agents share with home agents: no authenticator has a use for them. */
static bool is_mobility_key(uint8_t wimax_type)
{
	switch (wimax_type) {
	case RADIUS_WIMAX_MN_HHA_KEY:
	case RADIUS_WIMAX_RRQ_MN_HA_KEY:
	case WIMAX_FA_RK_KEY:
	case WIMAX_HA_RK_KEY:
	case WIMAX_VHA_KEY:
	case WIMAX_VHA_RK_KEY:
		return true;
	default: /* types of a peer */
		return false;
	}
}

static enum relay_encapsulation encapsulation_of(const struct radius_at *at)
{
	static const char *const filters[] = {
		[RELAY_ENCAPSULATION_IPIP] = "holdfast-ipip", [RELAY_ENCAPSULATION_UDP] = "holdfast-udp"
	};

	for (size_t i = RELAY_ENCAPSULATION_IPIP; at->type == RADIUS_FILTER_ID && i < ARRAY_SIZE(filters); i++)
		if (at->value.n == strlen(filters[i]) && memcmp(at->value.p, filters[i], at->value.n) == 0)
			return (enum relay_encapsulation)i;
	return RELAY_ENCAPSULATION_ANY;
}

enum relay_encapsulation rewrite_encapsulation(const struct radius *accept)
{
	enum relay_encapsulation e = RELAY_ENCAPSULATION_ANY;
	struct radius_at at = { 0 };

	while (e == RELAY_ENCAPSULATION_ANY && radius_next(accept, &at))
		e = encapsulation_of(&at);
	return e;
}

static bool is_vendor(const struct radius_at *at, uint32_t vendor, uint8_t *ret_type)
{
	struct rd r = rd_init(at->value.p, at->value.n);
	uint32_t its = rd_u32(&r);
	uint8_t type = rd_u8(&r);

	if (at->type != RADIUS_VENDOR_SPECIFIC || r.err || its != vendor)
		return false;
	*ret_type = type;
	return true;
}

/* The keys of 802.11 and MPPE (RFC 2548 2.4.2, 2.4.3), of which one attribute may hold several (RFC 2865 5.26). */
static int cover_microsoft(uint8_t *value, size_t n, const struct radius_hop *from, const struct radius_hop *to)
{
	uint8_t covered[RADIUS_VALUE_MAX];
	size_t at = VENDOR_HEAD, len;

	for (; at + SUB_HEAD <= n && value[at + 1] >= SUB_HEAD && value[at + 1] <= n - at; at += len) {
		struct span hidden = { value + at + SUB_HEAD, value[at + 1] - (size_t)SUB_HEAD };
		int r;

		len = value[at + 1];
		if (value[at] != MS_MPPE_SEND_KEY && value[at] != MS_MPPE_RECV_KEY)
			continue;
		r = radius_resalt(hidden, from, to, covered);
		if (r < 0)
			return r;
		memcpy(value + at + SUB_HEAD, covered, hidden.n);
	}
	return 0;
}

/* Covers what of @at is hidden with the secret of @to instead of @from. @value: holds it already. Return: 0, or why that
 * cannot be. */
static int cover(const struct radius_at *at, const struct radius_hop *from, const struct radius_hop *to, uint8_t *value)
{
	struct span rest = at->value;
	uint8_t type;

	if (at->type == RADIUS_USER_PASSWORD)
		return radius_password(at->value, from, to, value);
	if (is_vendor(at, VENDOR_MICROSOFT, &type))
		return cover_microsoft(value, at->value.n, from, to);
	if (at->type != TUNNEL_PASSWORD || rest.n == 0)
		return 0;
	rest.p += TAG_OCTETS;
	rest.n -= TAG_OCTETS;
	return radius_resalt(rest, from, to, value + TAG_OCTETS);
}

void rewrite_attribute(struct wr *w, const struct radius_at *at, const struct radius_hop *from,
		       const struct radius_hop *to)
{
	bool same = spans_equal(from->secret, to->secret) &&
		    memcmp(from->authenticator, to->authenticator, RADIUS_AUTHENTICATOR_OCTETS) == 0;
	uint8_t value[RADIUS_VALUE_MAX];
	uint8_t wimax;

	if ((is_vendor(at, RADIUS_VENDOR_WIMAX, &wimax) && is_mobility_key(wimax)) ||
	    encapsulation_of(at) != RELAY_ENCAPSULATION_ANY)
		return;
	memcpy(value, at->value.p, at->value.n);
	/* A value that cannot be uncovered is left out: whoever gets it could do nothing with it. */
	if (same || cover(at, from, to, value) == 0)
		radius_put(w, at->type, (struct span){ value, at->value.n });
}
