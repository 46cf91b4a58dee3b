/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/radius.h"

enum {
	LENGTH_AT = 2,
	ATTRIBUTE_HEAD = 2,
	VENDOR_HEAD = 4,
	WIMAX_HEAD = 3,
	WIMAX_VALUE_MAX = RADIUS_VALUE_MAX - VENDOR_HEAD - WIMAX_HEAD,
	WIMAX_CONTINUED = 0x80,
	MAC_OCTETS = 6,
};

static bool attributes_are_whole(struct span a)
{
	size_t at = 0;

	while (at < a.n) {
		if (a.n - at < ATTRIBUTE_HEAD || a.p[at + 1] < ATTRIBUTE_HEAD || a.p[at + 1] > a.n - at)
			return false;
		at += a.p[at + 1];
	}
	return true;
}

int radius_parse(const uint8_t *p, size_t n, struct radius *ret)
{
	struct radius r;
	size_t length;

	if (n < RADIUS_HEADER_OCTETS)
		return -EBADMSG;
	length = (size_t)(p[LENGTH_AT] << 8 | p[LENGTH_AT + 1]);
	if (length < RADIUS_HEADER_OCTETS || length > n || length > RADIUS_PACKET_MAX)
		return -EBADMSG;
	r = (struct radius){ .code = p[0],
			     .id = p[1],
			     .authenticator = p + RADIUS_AUTHENTICATOR_AT,
			     .attributes = { p + RADIUS_HEADER_OCTETS, length - RADIUS_HEADER_OCTETS },
			     .packet = { p, length } };
	if (!attributes_are_whole(r.attributes))
		return -EBADMSG;
	*ret = r;
	return 0;
}

bool radius_next(const struct radius *r, struct radius_at *at)
{
	const uint8_t *p;

	if (at->next >= r->attributes.n)
		return false;
	p = r->attributes.p + at->next;
	at->type = p[0];
	at->value = (struct span){ p + ATTRIBUTE_HEAD, p[1] - (size_t)ATTRIBUTE_HEAD };
	at->offset = RADIUS_HEADER_OCTETS + at->next;
	at->next += p[1];
	return true;
}

bool radius_find(const struct radius *r, uint8_t type, struct radius_at *ret)
{
	struct radius_at at = { 0 };

	while (radius_next(r, &at))
		if (at.type == type) {
			*ret = at;
			return true;
		}
	return false;
}

bool radius_find_u32(const struct radius *r, uint8_t type, uint32_t *ret)
{
	struct radius_at at;
	struct rd rd;

	if (!radius_find(r, type, &at) || at.value.n != sizeof(*ret))
		return false;
	rd = rd_init(at.value.p, at.value.n);
	*ret = rd_u32(&rd);
	return true;
}

bool radius_find_ip4(const struct radius *r, uint8_t type, struct in_addr *ret)
{
	uint32_t a;

	if (!radius_find_u32(r, type, &a))
		return false;
	ret->s_addr = htonl(a);
	return true;
}

/* What a Vendor-Specific attribute of the WiMAX Forum holds; one TLV each. */
static bool wimax_of(const struct radius_at *at, uint8_t *ret_type, bool *ret_continued, struct span *ret)
{
	struct rd r = rd_init(at->value.p, at->value.n);
	uint32_t vendor = rd_u32(&r);
	uint8_t type = rd_u8(&r), length = rd_u8(&r), flags = rd_u8(&r);

	if (at->type != RADIUS_VENDOR_SPECIFIC || r.err || vendor != RADIUS_VENDOR_WIMAX || length < WIMAX_HEAD ||
	    length - (size_t)WIMAX_HEAD != rd_left(&r))
		return false;
	*ret_type = type;
	*ret_continued = flags & WIMAX_CONTINUED;
	*ret = (struct span){ r.at, rd_left(&r) };
	return true;
}

int radius_find_wimax(const struct radius *r, uint8_t type, uint8_t *buf, size_t cap)
{
	struct radius_at at = { 0 };
	bool continued = true, found = false;
	size_t n = 0;

	while (continued && radius_next(r, &at)) {
		struct span part;
		uint8_t its;
		bool more;

		if (!wimax_of(&at, &its, &more, &part) || its != type)
			continue;
		if (part.n > cap - n)
			return -EMSGSIZE;
		memcpy(buf + n, part.p, part.n);
		n += part.n;
		found = true;
		continued = more;
	}
	if (!found)
		return -ENOENT;
	return continued ? -EBADMSG : (int)n;
}

int radius_eap(const struct radius *r, uint8_t *buf, size_t cap)
{
	struct radius_at at = { 0 };
	size_t n = 0;

	while (radius_next(r, &at)) {
		if (at.type != RADIUS_EAP_MESSAGE)
			continue;
		if (at.value.n > cap - n)
			return -EMSGSIZE;
		memcpy(buf + n, at.value.p, at.value.n);
		n += at.value.n;
	}
	return (int)n;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool separates(uint8_t c)
{
	return c == '-' || c == ':' || c == '.';
}

bool radius_mac(struct span value, uint8_t ret[6])
{
	uint8_t mac[MAC_OCTETS];
	size_t at = 0;

	if (value.n == MAC_OCTETS) {
		memcpy(ret, value.p, MAC_OCTETS);
		return true;
	}
	for (size_t i = 0; i < MAC_OCTETS; i++) {
		int high, low;

		if (i > 0 && at < value.n && separates(value.p[at]))
			at++;
		if (value.n - at < 2)
			return false;
		high = digit(value.p[at]);
		low = digit(value.p[at + 1]);
		if (high < 0 || low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	if (at < value.n && digit(value.p[at]) >= 0)
		return false; /* a longer number */
	memcpy(ret, mac, MAC_OCTETS);
	return true;
}

void radius_begin(struct wr *w, uint8_t code, uint8_t id)
{
	uint8_t *authenticator;

	wr_u8(w, code);
	wr_u8(w, id);
	wr_u16(w, 0); /* radius_end() */
	authenticator = wr_skip(w, RADIUS_AUTHENTICATOR_OCTETS);
	if (authenticator)
		memset(authenticator, 0, RADIUS_AUTHENTICATOR_OCTETS);
}

void radius_put(struct wr *w, uint8_t type, struct span value)
{
	if (value.n > RADIUS_VALUE_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(value.n + ATTRIBUTE_HEAD));
	wr_bytes(w, value.p, value.n);
}

void radius_put_u32(struct wr *w, uint8_t type, uint32_t value)
{
	wr_u8(w, type);
	wr_u8(w, ATTRIBUTE_HEAD + sizeof(value));
	wr_u32(w, value);
}

void radius_put_ip4(struct wr *w, uint8_t type, struct in_addr value)
{
	radius_put_u32(w, type, ntohl(value.s_addr));
}

void radius_put_wimax(struct wr *w, uint8_t type, struct span value)
{
	if (value.n > WIMAX_VALUE_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	wr_u8(w, RADIUS_VENDOR_SPECIFIC);
	wr_u8(w, (uint8_t)(ATTRIBUTE_HEAD + VENDOR_HEAD + WIMAX_HEAD + value.n));
	wr_u32(w, RADIUS_VENDOR_WIMAX);
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(WIMAX_HEAD + value.n));
	wr_u8(w, 0);
	wr_bytes(w, value.p, value.n);
}

void radius_put_eap(struct wr *w, struct span eap)
{
	while (eap.n > 0) {
		size_t n = eap.n < RADIUS_VALUE_MAX ? eap.n : RADIUS_VALUE_MAX;

		radius_put(w, RADIUS_EAP_MESSAGE, (struct span){ eap.p, n });
		eap.p += n;
		eap.n -= n;
	}
}

void radius_end(struct wr *w)
{
	size_t n = wr_len(w);

	if (n > RADIUS_PACKET_MAX)
		w->err = -EMSGSIZE;
	if (w->err)
		return;
	w->start[LENGTH_AT] = (uint8_t)(n >> 8);
	w->start[LENGTH_AT + 1] = (uint8_t)n;
}

const char *radius_code_name(uint8_t code)
{
	static const struct {
		uint8_t code;
		const char *name;
	} names[] = {
		{ RADIUS_ACCESS_REQUEST, "Access-Request" },
		{ RADIUS_ACCESS_ACCEPT, "Access-Accept" },
		{ RADIUS_ACCESS_REJECT, "Access-Reject" },
		{ RADIUS_ACCOUNTING_REQUEST, "Accounting-Request" },
		{ RADIUS_ACCOUNTING_RESPONSE, "Accounting-Response" },
		{ RADIUS_ACCESS_CHALLENGE, "Access-Challenge" },
		{ RADIUS_DISCONNECT_REQUEST, "Disconnect-Request" },
		{ RADIUS_DISCONNECT_ACK, "Disconnect-ACK" },
		{ RADIUS_DISCONNECT_NAK, "Disconnect-NAK" },
		{ RADIUS_COA_REQUEST, "CoA-Request" },
		{ RADIUS_COA_ACK, "CoA-ACK" },
		{ RADIUS_COA_NAK, "CoA-NAK" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return "unknown";
}
