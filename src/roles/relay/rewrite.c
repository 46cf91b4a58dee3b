/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/util.h"
#include "core/radius_auth.h"
#include "roles/relay/exchange.h"

enum {
	VENDOR_HEAD = 4,
	SUB_HEAD = 2,
	TAG_OCTETS = 1,
	SALT_OCTETS = 2,
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

/* How many octets of the value come before the salt; -1: nothing is salted here. */
static int salted_from(const struct radius_at *at)
{
	uint8_t type;

	if (at->type == TUNNEL_PASSWORD)
		return TAG_OCTETS;
	if (is_vendor(at, VENDOR_MICROSOFT, &type) && (type == MS_MPPE_SEND_KEY || type == MS_MPPE_RECV_KEY))
		return VENDOR_HEAD + SUB_HEAD;
	return -1;
}

/* A value that cannot be uncovered is left out: whoever gets it could do nothing with it. */
static void rewrite_salted(struct wr *w, const struct radius_at *at, size_t head, const struct radius_hop *from,
			   const struct radius_hop *to)
{
	struct span hidden = { at->value.p + head, at->value.n - head };
	uint8_t plain[RADIUS_VALUE_MAX], value[RADIUS_VALUE_MAX];
	int n = radius_unsalt(hidden, from->secret, from->authenticator, plain);
	uint16_t salt;

	if (n < 0)
		return;
	salt = (uint16_t)(hidden.p[0] << 8 | hidden.p[1]);
	memcpy(value, at->value.p, head);
	n = radius_salt((struct span){ plain, (size_t)n }, salt, to->secret, to->authenticator, value + head);
	explicit_bzero(plain, sizeof(plain));
	/* The server may have padded with more than it takes: then the lengths in `head` would not fit any more. */
	if (n >= 0 && (size_t)n == hidden.n)
		radius_put(w, at->type, (struct span){ value, head + (size_t)n });
}

void rewrite_attribute(struct wr *w, const struct radius_at *at, const struct radius_hop *from,
		       const struct radius_hop *to)
{
	bool same = from->secret.n == to->secret.n && memcmp(from->secret.p, to->secret.p, to->secret.n) == 0 &&
		    memcmp(from->authenticator, to->authenticator, RADIUS_AUTHENTICATOR_OCTETS) == 0;
	uint8_t value[RADIUS_VALUE_MAX];
	int head = salted_from(at);
	uint8_t wimax;

	if ((is_vendor(at, RADIUS_VENDOR_WIMAX, &wimax) && is_mobility_key(wimax)) ||
	    encapsulation_of(at) != RELAY_ENCAPSULATION_ANY)
		return;
	if (!same && head >= 0 && at->value.n > (size_t)head) {
		rewrite_salted(w, at, (size_t)head, from, to);
	} else if (!same && at->type == RADIUS_USER_PASSWORD) {
		if (radius_password(at->value, from, to, value) == 0)
			radius_put(w, at->type, (struct span){ value, at->value.n });
		explicit_bzero(value, sizeof(value));
	} else {
		radius_put(w, at->type, at->value);
	}
}
