/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds-checked big-endian cursors over borrowed octets. The first failing access sticks in `err`; from then on
 * reads yield zero and writes do nothing, so a codec tests once, at the end. */
#ifndef HF_BASE_WIRE_H
#define HF_BASE_WIRE_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed octets; `p` may be NULL only when `n` is 0. */
struct span {
	const uint8_t *p;
	size_t n;
};

static inline bool spans_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct rd {
	const uint8_t *at, *end;
	int err; /* 0 or -EBADMSG */
};

static inline struct rd rd_init(const uint8_t *p, size_t n)
{
	return (struct rd){ .at = p, .end = p ? p + n : p };
}

static inline size_t rd_left(const struct rd *r)
{
	return r->err ? 0 : (size_t)(r->end - r->at);
}

/* The next @n octets, or NULL (and err set) if fewer are left. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	if (r->err || (size_t)(r->end - r->at) < n) {
		r->err = -EBADMSG;
		return NULL;
	}
	r->at += n;
	return r->at - n;
}

/* @n = 1..8 octets as a host-order integer; 0 once err is set. */
static inline uint64_t rd_be(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_be(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_be(r, 2);
}

static inline uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_be(r, 4);
}

static inline uint64_t rd_u64(struct rd *r)
{
	return rd_be(r, 8);
}

/* Four octets as an address, network order as everywhere. */
static inline struct in_addr rd_ip4(struct rd *r)
{
	struct in_addr a = { 0 };
	const uint8_t *p = rd_take(r, sizeof(a));

	if (p)
		memcpy(&a, p, sizeof(a));
	return a;
}

struct wr {
	uint8_t *start, *at, *end;
	int err; /* 0 or -EMSGSIZE */
};

static inline struct wr wr_init(uint8_t *p, size_t n)
{
	return (struct wr){ .start = p, .at = p, .end = p + n };
}

/* Octets written so far. */
static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->at - w->start);
}

/* Room for @n octets, to be filled by the caller, or NULL (and err set). */
static inline uint8_t *wr_skip(struct wr *w, size_t n)
{
	if (w->err || (size_t)(w->end - w->at) < n) {
		w->err = -EMSGSIZE;
		return NULL;
	}
	w->at += n;
	return w->at - n;
}

static inline void wr_be(struct wr *w, uint64_t v, size_t n)
{
	uint8_t *p = wr_skip(w, n);

	for (size_t i = n; p && i > 0; i--, v >>= 8)
		p[i - 1] = (uint8_t)v;
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_be(w, v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	wr_be(w, v, 2);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	wr_be(w, v, 4);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	wr_be(w, v, 8);
}

static inline void wr_bytes(struct wr *w, const void *p, size_t n)
{
	uint8_t *to = wr_skip(w, n);

	if (to && n > 0)
		memcpy(to, p, n);
}

static inline void wr_ip4(struct wr *w, struct in_addr a)
{
	wr_bytes(w, &a, sizeof(a));
}

#endif
