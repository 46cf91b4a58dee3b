/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/agent_adv.h"

#include <assert.h>

#include "codec/ip4.h"

/* Extensions of ICMP router advertisements: a number space of their own (RFC 5944 1.8). */
enum { EXT_PAD = 0, EXT_AGENT = 16, EXT_PREFIX_LENGTHS = 19, EXT_CHALLENGE = 24 };

enum {
	HEADER_OCTETS = 8,
	SOLICITATION_OCTETS = 8,
	CHECKSUM_AT = 2,
	ENTRY_WORDS = 2,
	AGENT_FIXED_OCTETS = 6,
	TLV_MAX = 255
};

/* Type, checksum and least length of an ICMP message. */
static int check(const uint8_t *icmp, size_t n, uint8_t type, size_t least)
{
	assert(icmp || n == 0);

	if (n < least)
		return -EBADMSG;
	if (icmp[0] != type)
		return -EPROTO;
	return ip4_checksum(icmp, n) == 0 ? 0 : -EBADMSG;
}

static void parse_routers(struct rd *r, size_t n, size_t entry_words, struct agent_adv *a)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *data = rd_take(r, 4 * entry_words);
		struct agent_adv_router router = { 0 };
		struct rd entry;

		if (!data)
			return; /* r->err says so */
		entry = rd_init(data, 4 * entry_words);
		router.addr = rd_ip4(&entry);
		router.preference = (int32_t)rd_u32(&entry);
		if (i < AGENT_ADV_ROUTERS)
			a->routers[a->router_n++] = router;
	}
}

static int parse_agent(struct rd *body, struct agent_adv *a)
{
	if (a->is_agent || rd_left(body) < AGENT_FIXED_OCTETS || (rd_left(body) - AGENT_FIXED_OCTETS) % 4 != 0)
		return -EBADMSG;
	a->is_agent = true;
	a->sequence = rd_u16(body);
	a->registration_lifetime_s = rd_u16(body);
	a->flags = rd_u16(body);
	while (rd_left(body) > 0) {
		struct in_addr care_of = rd_ip4(body);

		if (a->care_of_n < AGENT_ADV_CARE_OFS)
			a->care_of[a->care_of_n++] = care_of;
	}
	/* RFC 5944 2.1.1: a foreign agent offers at least one care-of address. */
	return a->flags & AGENT_ADV_F && a->care_of_n == 0 ? -EBADMSG : 0;
}

static int parse_prefixes(struct rd *body, size_t router_n, struct agent_adv *a)
{
	if (a->has_prefixes || rd_left(body) != router_n)
		return -EBADMSG;
	a->has_prefixes = true;
	for (size_t i = 0; i < router_n; i++) {
		uint8_t len = rd_u8(body);

		if (len > 32)
			return -EBADMSG;
		if (i < a->router_n)
			a->routers[i].prefix_len = len;
	}
	return 0;
}

static int parse_extension(struct rd *r, size_t router_n, struct agent_adv *a)
{
	uint8_t type = rd_u8(r);
	size_t n = type == EXT_PAD ? 0 : rd_u8(r);
	const uint8_t *data = rd_take(r, n);
	struct rd body;

	if (r->err)
		return -EBADMSG;
	body = rd_init(data, n);
	switch (type) {
	case EXT_PAD:
		return 0;
	case EXT_AGENT:
		return parse_agent(&body, a);
	case EXT_PREFIX_LENGTHS:
		return parse_prefixes(&body, router_n, a);
	case EXT_CHALLENGE:
		if (a->challenge.n > 0 || n == 0)
			return -EBADMSG;
		a->challenge = (struct span){ data, n };
		return 0;
	default:
		return type < 128 ? -ENOTSUP : 0;
	}
}

int agent_adv_parse(const uint8_t *icmp, size_t n, struct agent_adv *ret)
{
	struct agent_adv a = { 0 };
	size_t router_n, entry_words;
	struct rd r;
	int res = check(icmp, n, ICMP4_ROUTER_ADVERTISEMENT, HEADER_OCTETS);

	if (res < 0)
		return res;
	r = rd_init(icmp, n);
	(void)rd_u8(&r); /* type */
	a.code = rd_u8(&r);
	(void)rd_u16(&r); /* checksum */
	router_n = rd_u8(&r);
	entry_words = rd_u8(&r);
	a.lifetime_s = rd_u16(&r);
	if (entry_words < ENTRY_WORDS)
		return -EBADMSG; /* RFC 1256 5.2 */
	parse_routers(&r, router_n, entry_words, &a);
	while (res == 0 && rd_left(&r) > 0)
		res = parse_extension(&r, router_n, &a);
	if (res < 0 || r.err)
		return res < 0 ? res : r.err;
	*ret = a;
	return 0;
}

static void build_extensions(struct wr *w, const struct agent_adv *a)
{
	if (a->is_agent) {
		wr_u8(w, EXT_AGENT);
		wr_u8(w, (uint8_t)(AGENT_FIXED_OCTETS + 4 * a->care_of_n));
		wr_u16(w, a->sequence);
		wr_u16(w, a->registration_lifetime_s);
		wr_u16(w, a->flags);
		for (size_t i = 0; i < a->care_of_n; i++)
			wr_ip4(w, a->care_of[i]);
	}
	if (a->has_prefixes) {
		wr_u8(w, EXT_PREFIX_LENGTHS);
		wr_u8(w, (uint8_t)a->router_n);
		for (size_t i = 0; i < a->router_n; i++)
			wr_u8(w, a->routers[i].prefix_len);
	}
	if (a->challenge.n > 0) {
		wr_u8(w, EXT_CHALLENGE);
		wr_u8(w, (uint8_t)a->challenge.n);
		wr_bytes(w, a->challenge.p, a->challenge.n);
	}
}

static void put_checksum(struct wr *w, const struct wr *start)
{
	uint8_t *icmp = start->at;
	uint16_t sum;

	if (w->err)
		return;
	sum = ip4_checksum(icmp, (size_t)(w->at - icmp));
	icmp[CHECKSUM_AT] = (uint8_t)(sum >> 8);
	icmp[CHECKSUM_AT + 1] = (uint8_t)sum;
}

void agent_adv_build(struct wr *w, const struct agent_adv *a)
{
	const struct wr start = *w;

	if (a->router_n > AGENT_ADV_ROUTERS || a->care_of_n > AGENT_ADV_CARE_OFS || a->challenge.n > TLV_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	wr_u8(w, ICMP4_ROUTER_ADVERTISEMENT);
	wr_u8(w, a->code);
	wr_u16(w, 0);
	wr_u8(w, (uint8_t)a->router_n);
	wr_u8(w, ENTRY_WORDS);
	wr_u16(w, a->lifetime_s);
	for (size_t i = 0; i < a->router_n; i++) {
		wr_ip4(w, a->routers[i].addr);
		wr_u32(w, (uint32_t)a->routers[i].preference);
	}
	build_extensions(w, a);
	if ((w->at - start.at) % 2 != 0)
		wr_u8(w, EXT_PAD);
	put_checksum(w, &start);
}

int agent_solicitation_parse(const uint8_t *icmp, size_t n)
{
	return check(icmp, n, ICMP4_ROUTER_SOLICITATION, SOLICITATION_OCTETS);
}

void agent_solicitation_build(struct wr *w)
{
	const struct wr start = *w;

	wr_u8(w, ICMP4_ROUTER_SOLICITATION);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u32(w, 0); /* reserved */
	put_checksum(w, &start);
}
