/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "codec/dhcp4.h"

#include <ctype.h>

enum {
	HOPS_AT = 3,
	RELAY_AT = 24,
	OPTIONS_AT = 240,
	COOKIE_OCTETS = 4,
	SNAME_OCTETS = 64,
	FILE_OCTETS = 128,
	OVERLOAD_FILE = 1,
	OVERLOAD_SNAME = 2,
	FQDN_HEAD = 3
};

static const uint8_t cookie[COOKIE_OCTETS] = { 99, 130, 83, 99 };

/* The places options may be in, in the order their pieces are put together (RFC 3396 5). */
struct areas {
	struct span v[3];
	size_t n;
};

/* Next option of @r; false at the end of the area or on a broken one (then r->err is set). */
static bool next_option(struct rd *r, uint8_t *ret_code, struct span *ret)
{
	uint8_t code;

	do {
		if (rd_left(r) == 0)
			return false;
		code = rd_u8(r);
	} while (code == DHCP4_OPT_PAD);
	if (code == DHCP4_OPT_END)
		return false;
	ret->n = rd_u8(r);
	ret->p = rd_take(r, ret->n);
	*ret_code = code;
	return r->err == 0;
}

static int check_area(struct span area, uint8_t *ret_overload)
{
	struct rd r = rd_init(area.p, area.n);
	struct span data;
	uint8_t code;

	while (next_option(&r, &code, &data))
		if (code == DHCP4_OPT_OVERLOAD && data.n == 1)
			*ret_overload = data.p[0];
	return r.err;
}

/* All of option @wanted. One piece is borrowed; several are joined in the scratch room, or refused when too long. */
static int gather(struct dhcp4 *m, const struct areas *a, uint8_t wanted, struct span *ret)
{
	struct span whole = { 0 };
	size_t pieces = 0, start = m->scratch_n;

	for (size_t i = 0; i < a->n; i++) {
		struct rd r = rd_init(a->v[i].p, a->v[i].n);
		struct span data;
		uint8_t code;

		while (next_option(&r, &code, &data)) {
			if (code != wanted)
				continue;
			if (m->scratch_n + data.n > sizeof(m->scratch))
				return -EBADMSG;
			memcpy(m->scratch + m->scratch_n, data.p, data.n);
			m->scratch_n += data.n;
			if (pieces++ == 0)
				whole = data;
		}
	}
	if (pieces > 1)
		whole = (struct span){ m->scratch + start, m->scratch_n - start };
	else
		m->scratch_n = start;
	*ret = whole;
	return 0;
}

/* An option of exactly @octets (up to 4), as a number; absent leaves 0. */
static int gather_number(struct dhcp4 *m, const struct areas *a, uint8_t code, size_t octets, uint32_t *ret)
{
	struct span s;
	struct rd r;
	int res = gather(m, a, code, &s);

	*ret = 0;
	if (res < 0 || !s.p)
		return res;
	if (s.n != octets)
		return -EBADMSG;
	r = rd_init(s.p, s.n);
	*ret = (uint32_t)rd_be(&r, octets);
	return 0;
}

static int gather_address(struct dhcp4 *m, const struct areas *a, uint8_t code, struct in_addr *ret)
{
	uint32_t v;
	int r = gather_number(m, a, code, 4, &v);

	ret->s_addr = htonl(v);
	return r;
}

static struct span without_nuls(struct span s)
{
	while (s.n > 0 && s.p[s.n - 1] == '\0')
		s.n--;
	return s;
}

/* Wire-format labels (RFC 4702 2.3.1) or plain text to lower-case text; a name that does not fit is no name. */
static void fqdn_text(struct dhcp4 *m)
{
	struct span name = { m->fqdn_raw.p + FQDN_HEAD, m->fqdn_raw.n - FQDN_HEAD };
	bool labels = m->fqdn_flags & DHCP4_FQDN_E;
	struct rd r;
	struct wr w = wr_init((uint8_t *)m->fqdn, sizeof(m->fqdn) - 1);

	if (!labels)
		name = without_nuls(name);
	r = rd_init(name.p, name.n);
	while (rd_left(&r) > 0) {
		size_t n = labels ? rd_u8(&r) : rd_left(&r);
		const uint8_t *label = n < 64 || !labels ? rd_take(&r, n) : NULL;

		if (!label || n == 0)
			break;
		if (wr_len(&w) > 0)
			wr_u8(&w, '.');
		for (size_t i = 0; i < n; i++)
			wr_u8(&w, isgraph(label[i]) ? (uint8_t)tolower(label[i]) : '?');
	}
	if (w.err || r.err)
		w.at = w.start;
	if (w.at > w.start && w.at[-1] == '.')
		w.at--;
	m->fqdn[wr_len(&w)] = '\0';
}

static int parse_options(struct dhcp4 *m, const struct areas *a)
{
	uint32_t type, max_size;
	int r = gather_number(m, a, DHCP4_OPT_TYPE, 1, &type);

	r = r ? r : gather_number(m, a, DHCP4_OPT_LEASE, 4, &m->lease_s);
	r = r ? r : gather_number(m, a, DHCP4_OPT_MAX_SIZE, 2, &max_size);
	r = r ? r : gather_address(m, a, DHCP4_OPT_REQUESTED, &m->requested);
	r = r ? r : gather_address(m, a, DHCP4_OPT_SERVER_ID, &m->server_id);
	r = r ? r : gather_address(m, a, DHCP4_OPT_SUBNET, &m->subnet);
	r = r ? r : gather(m, a, DHCP4_OPT_HOST_NAME, &m->host_name);
	r = r ? r : gather(m, a, DHCP4_OPT_CLIENT_ID, &m->client_id);
	r = r ? r : gather(m, a, DHCP4_OPT_PARAMETERS, &m->parameters);
	r = r ? r : gather(m, a, DHCP4_OPT_RELAY, &m->relay_info);
	r = r ? r : gather(m, a, DHCP4_OPT_FQDN, &m->fqdn_raw);
	if (r < 0)
		return r;
	m->host_name = without_nuls(m->host_name);
	m->type = (uint8_t)type;
	m->max_size = (uint16_t)max_size;
	if (m->fqdn_raw.n >= FQDN_HEAD) {
		m->fqdn_flags = m->fqdn_raw.p[0];
		fqdn_text(m);
	}
	return 0;
}

int dhcp4_parse(const uint8_t *p, size_t n, struct dhcp4 *ret)
{
	struct rd r = rd_init(p, n);
	struct areas a = { .n = 1 };
	uint8_t overload = 0;
	const uint8_t *chaddr, *sname, *file, *magic;

	*ret = (struct dhcp4){ .op = rd_u8(&r) };
	(void)rd_u8(&r); /* htype: whoever calls knows its link */
	ret->hlen = rd_u8(&r);
	ret->hops = rd_u8(&r);
	ret->xid = rd_u32(&r);
	ret->secs = rd_u16(&r);
	ret->flags = rd_u16(&r);
	ret->client = rd_ip4(&r);
	ret->your = rd_ip4(&r);
	ret->server = rd_ip4(&r);
	ret->relay = rd_ip4(&r);
	chaddr = rd_take(&r, sizeof(ret->chaddr));
	sname = rd_take(&r, SNAME_OCTETS);
	file = rd_take(&r, FILE_OCTETS);
	magic = rd_take(&r, COOKIE_OCTETS);
	if (r.err || memcmp(magic, cookie, COOKIE_OCTETS) != 0 || ret->hlen > sizeof(ret->chaddr))
		return -EBADMSG;
	memcpy(ret->chaddr, chaddr, sizeof(ret->chaddr));
	a.v[0] = (struct span){ r.at, rd_left(&r) };
	if (check_area(a.v[0], &overload) < 0)
		return -EBADMSG;
	if (overload & OVERLOAD_FILE)
		a.v[a.n++] = (struct span){ file, FILE_OCTETS };
	if (overload & OVERLOAD_SNAME)
		a.v[a.n++] = (struct span){ sname, SNAME_OCTETS };
	for (size_t i = 1; i < a.n; i++)
		if (check_area(a.v[i], &overload) < 0)
			return -EBADMSG;
	return parse_options(ret, &a);
}

int dhcp4_copy(struct wr *w, struct span message, struct span omit)
{
	struct rd r = rd_init(message.p, message.n);
	const uint8_t *fixed = rd_take(&r, OPTIONS_AT);
	struct span data;
	uint8_t code;

	if (!fixed)
		return -EBADMSG;
	wr_bytes(w, fixed, OPTIONS_AT);
	while (next_option(&r, &code, &data))
		if (omit.n == 0 || !memchr(omit.p, code, omit.n))
			dhcp4_option(w, code, data);
	return r.err ? r.err : w->err;
}

void dhcp4_set_relay(struct wr *w, struct in_addr relay)
{
	if (w->err)
		return;
	w->start[HOPS_AT]++;
	memcpy(w->start + RELAY_AT, &relay, sizeof(relay));
}

void dhcp4_begin(struct wr *w, const struct dhcp4 *m)
{
	uint8_t *empty;

	wr_u8(w, m->op);
	wr_u8(w, 1); /* Ethernet */
	wr_u8(w, m->hlen);
	wr_u8(w, m->hops);
	wr_u32(w, m->xid);
	wr_u16(w, m->secs);
	wr_u16(w, m->flags);
	wr_ip4(w, m->client);
	wr_ip4(w, m->your);
	wr_ip4(w, m->server);
	wr_ip4(w, m->relay);
	wr_bytes(w, m->chaddr, sizeof(m->chaddr));
	empty = wr_skip(w, SNAME_OCTETS + FILE_OCTETS);
	if (empty)
		memset(empty, 0, SNAME_OCTETS + FILE_OCTETS);
	wr_bytes(w, cookie, COOKIE_OCTETS);
}

void dhcp4_option(struct wr *w, uint8_t code, struct span data)
{
	do {
		size_t n = data.n < UINT8_MAX ? data.n : UINT8_MAX;

		wr_u8(w, code);
		wr_u8(w, (uint8_t)n);
		wr_bytes(w, data.p, n);
		data.p += n;
		data.n -= n;
	} while (data.n > 0);
}

void dhcp4_option_u8(struct wr *w, uint8_t code, uint8_t v)
{
	dhcp4_option(w, code, (struct span){ &v, 1 });
}

void dhcp4_option_u32(struct wr *w, uint8_t code, uint32_t v)
{
	wr_u8(w, code);
	wr_u8(w, sizeof(v));
	wr_u32(w, v);
}

void dhcp4_option_ip4(struct wr *w, uint8_t code, struct in_addr a)
{
	dhcp4_option(w, code, (struct span){ (const uint8_t *)&a, sizeof(a) });
}

void dhcp4_end(struct wr *w)
{
	wr_u8(w, DHCP4_OPT_END);
	while (!w->err && wr_len(w) < DHCP4_MIN_OCTETS)
		wr_u8(w, DHCP4_OPT_PAD);
}
