/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RADIUS packets, their authenticators, and attributes on their way from one hop to the next. The input is a packet. */
#include "core/radius_auth.h"
#include "roles/relay/exchange.h"
#include "tests/fuzz/fuzz.h"

static const struct span nas_secret = { (const uint8_t *)"testing123", 10 }, aaa_secret = { (const uint8_t *)"s", 1 };

/* Exactly @n octets, so that AddressSanitizer sees the first one too many. */
static uint8_t *room(size_t n)
{
	uint8_t *p = malloc(n > 0 ? n : 1);

	assert(p);
	return p;
}

static size_t walk(const struct radius *r, unsigned *ret_proofs)
{
	struct radius_at at = { 0 };
	size_t sum = 0;

	*ret_proofs = 0;
	while (radius_next(r, &at)) {
		assert(at.offset == RADIUS_HEADER_OCTETS + sum && at.value.n <= RADIUS_VALUE_MAX);
		assert(r->packet.p[at.offset] == at.type && r->packet.p[at.offset + 1] == at.value.n + 2);
		sum += at.value.n + 2;
		*ret_proofs += at.type == RADIUS_MESSAGE_AUTHENTICATOR;
	}
	assert(sum == r->attributes.n && r->packet.n == RADIUS_HEADER_OCTETS + sum);
	return sum;
}

static void find(const struct radius *r, size_t cap)
{
	uint8_t *buf = room(cap), mac[6];
	struct radius_at at;
	struct in_addr a;
	uint32_t v;

	for (unsigned type = 0; type < 256; type++) {
		int n = radius_find_wimax(r, (uint8_t)type, buf, cap);

		assert(n >= 0 ? (size_t)n <= cap : n == -ENOENT || n == -EBADMSG || n == -EMSGSIZE);
		if (radius_find_u32(r, (uint8_t)type, &v)) {
			assert(radius_find_ip4(r, (uint8_t)type, &a) && ntohl(a.s_addr) == v);
			assert(radius_find(r, (uint8_t)type, &at) && at.value.n == 4);
		}
		if (radius_find(r, (uint8_t)type, &at))
			(void)radius_mac(at.value, mac); /* any answer, as long as it comes back */
	}
	assert(radius_eap(r, buf, cap) <= (int)cap);
	free(buf);
}

/* Each EAP packet is the same after it was cut into attributes and put together. */
static void eap_round(const struct radius *r)
{
	uint8_t *packet = room(RADIUS_PACKET_MAX), *eap = room(RADIUS_PACKET_MAX), *again = room(RADIUS_PACKET_MAX);
	int n = radius_eap(r, eap, RADIUS_PACKET_MAX);
	struct wr w = wr_init(packet, RADIUS_PACKET_MAX);
	struct radius built;

	assert(n >= 0);
	radius_begin(&w, RADIUS_ACCESS_CHALLENGE, 1);
	radius_put_eap(&w, (struct span){ eap, (size_t)n });
	radius_end(&w);
	if (!w.err) {
		assert(radius_parse(packet, wr_len(&w), &built) == 0);
		assert(radius_eap(&built, again, RADIUS_PACKET_MAX) == n);
		span_equal((struct span){ eap, (size_t)n }, (struct span){ again, (size_t)n });
	}
	free(packet);
	free(eap);
	free(again);
}

static struct wr copy(uint8_t packet[RADIUS_PACKET_MAX], const struct radius *r)
{
	struct wr w = wr_init(packet, RADIUS_PACKET_MAX);
	struct radius_at at = { 0 };

	radius_begin(&w, r->code, r->id);
	while (radius_next(r, &at))
		radius_put(&w, at.type, at.value);
	return w;
}

/* What is signed is right, and with one bit changed it is wrong. */
static void sign(const struct radius *r, unsigned proofs, bool is_response)
{
	uint8_t *packet = room(RADIUS_PACKET_MAX);
	struct wr w = copy(packet, r);
	const uint8_t *authenticator = r->authenticator;
	enum radius_proof proof;
	struct radius_at at;
	struct radius p;
	size_t flip;

	if (is_response)
		assert(radius_sign_response(&w, nas_secret, authenticator) == 0);
	else
		assert(radius_sign_request(&w, nas_secret, r->code == RADIUS_ACCESS_REQUEST ? authenticator : NULL) ==
		       0);
	assert(wr_len(&w) == r->packet.n && radius_parse(packet, wr_len(&w), &p) == 0);
	if (is_response)
		assert(radius_check_response(&p, nas_secret, authenticator));
	else if (r->code == RADIUS_ACCOUNTING_REQUEST)
		assert(radius_check_request(&p, nas_secret));
	proof = radius_check_message(&p, nas_secret, is_response ? authenticator : NULL);
	assert((proof == RADIUS_PROOF_ABSENT) == (proofs == 0));
	if (proofs == 1 && radius_find(&p, RADIUS_MESSAGE_AUTHENTICATOR, &at) && at.value.n == 16 &&
	    (is_response || r->code == RADIUS_ACCESS_REQUEST || r->code == RADIUS_ACCOUNTING_REQUEST))
		assert(proof == RADIUS_PROOF_RIGHT);
	flip = r->authenticator[0] * 16U % wr_len(&w);
	if (flip != 2 && flip != 3) { /* not the length */
		packet[flip] ^= 0x10;
		if (radius_parse(packet, wr_len(&w), &p) == 0 && is_response)
			assert(!radius_check_response(&p, nas_secret, authenticator));
	}
	free(packet);
}

static void hide(const struct radius_at *at, const struct radius_hop *nas, const struct radius_hop *aaa)
{
	uint8_t *there = room(at->value.n), *back = room(at->value.n), *salted = room(at->value.n + 19);
	int n;

	if (radius_password(at->value, nas, aaa, there) == 0) {
		assert(radius_password((struct span){ there, at->value.n }, aaa, nas, back) == 0);
		span_equal(at->value, (struct span){ back, at->value.n });
	}
	n = radius_salt(at->value, 0x8001, nas->secret, nas->authenticator, salted);
	if (n >= 0) {
		assert(radius_unsalt((struct span){ salted, (size_t)n }, nas->secret, nas->authenticator, salted) ==
		       (int)at->value.n);
		span_equal(at->value, (struct span){ salted, at->value.n });
	}
	n = radius_unsalt(at->value, nas->secret, nas->authenticator, back);
	assert(n < (int)at->value.n);
	free(there);
	free(back);
	free(salted);
}

/* There and back an attribute is what it was, or it was left out. */
static void carry(const struct radius_at *at, const struct radius_hop *nas, const struct radius_hop *aaa)
{
	uint8_t *there = room(RADIUS_VALUE_MAX + 2), *back = room(RADIUS_VALUE_MAX + 2);
	struct wr w = wr_init(there, RADIUS_VALUE_MAX + 2);
	struct radius_at other = *at;

	rewrite_attribute(&w, at, aaa, nas);
	assert(!w.err);
	if (wr_len(&w) > 0) {
		assert(wr_len(&w) == at->value.n + 2 && there[0] == at->type && there[1] == wr_len(&w));
		other.value.p = there + 2;
		w = wr_init(back, RADIUS_VALUE_MAX + 2);
		rewrite_attribute(&w, &other, nas, aaa);
		assert(!w.err && wr_len(&w) == at->value.n + 2);
		span_equal((struct span){ back + 2, at->value.n }, at->value);
	}
	free(there);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct radius_at at = { 0 };
	struct radius_hop nas, aaa;
	struct radius r;
	unsigned proofs;
	size_t sum;

	if (radius_parse(data, n, &r) < 0)
		return 0;
	assert(r.packet.n <= n && r.packet.n <= RADIUS_PACKET_MAX && radius_code_name(r.code));
	nas = (struct radius_hop){ nas_secret, r.authenticator };
	aaa = (struct radius_hop){ aaa_secret, r.authenticator };
	sum = walk(&r, &proofs);
	find(&r, sum);
	find(&r, r.id);
	eap_round(&r);
	sign(&r, proofs, false);
	sign(&r, proofs, true);
	while (radius_next(&r, &at)) {
		hide(&at, &nas, &aaa);
		carry(&at, &nas, &aaa);
	}
	return 0;
}
