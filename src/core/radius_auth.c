/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/radius_auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/util.h"

enum { MD5_OCTETS = 16, SALT_OCTETS = 2, PARTS_MAX = 6, PASSWORD_MAX = 128 };

static void md_ctx_freep(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

/* MD5 of the parts behind each other. */
static int md5(const struct span *parts, size_t n, uint8_t ret[MD5_OCTETS])
{
	auto_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || EVP_DigestInit_ex(c, EVP_md5(), NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		if (parts[i].n > 0 && EVP_DigestUpdate(c, parts[i].p, parts[i].n) != 1)
			return -EIO;
	return EVP_DigestFinal_ex(c, ret, NULL) == 1 ? 0 : -EIO;
}

static void mac_freep(EVP_MAC **m)
{
	EVP_MAC_free(*m);
}

static void mac_ctx_freep(EVP_MAC_CTX **c)
{
	EVP_MAC_CTX_free(*c);
}

static int hmac_md5(struct span key, const struct span *parts, size_t n, uint8_t ret[MD5_OCTETS])
{
	auto_(mac_freep) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	auto_(mac_ctx_freep) EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;
	char digest[] = "MD5";
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", digest, 0),
				      OSSL_PARAM_construct_end() };
	size_t written;

	if (!c || EVP_MAC_init(c, key.p, key.n, params) != 1)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		if (parts[i].n > 0 && EVP_MAC_update(c, parts[i].p, parts[i].n) != 1)
			return -EIO;
	return EVP_MAC_final(c, ret, &written, MD5_OCTETS) == 1 ? 0 : -EIO;
}

static const uint8_t zeros[MD5_OCTETS];

/* The packet with @authenticator in its header and zeros in the value at @proof_at (0 = none). */
static size_t parts_of(struct span packet, const uint8_t *authenticator, size_t proof_at, struct span ret[PARTS_MAX])
{
	const uint8_t *end = packet.p + packet.n, *rest = packet.p + RADIUS_HEADER_OCTETS;
	size_t n = 0;

	ret[n++] = (struct span){ packet.p, RADIUS_AUTHENTICATOR_AT };
	ret[n++] = (struct span){ authenticator, RADIUS_AUTHENTICATOR_OCTETS };
	if (proof_at != 0) {
		ret[n++] = (struct span){ rest, (size_t)(packet.p + proof_at - rest) };
		ret[n++] = (struct span){ zeros, MD5_OCTETS };
		rest = packet.p + proof_at + MD5_OCTETS;
	}
	ret[n++] = (struct span){ rest, (size_t)(end - rest) };
	return n;
}

static int proof_of(struct span packet, const uint8_t *authenticator, size_t proof_at, struct span secret,
		    uint8_t ret[MD5_OCTETS])
{
	struct span parts[PARTS_MAX];
	size_t n = parts_of(packet, authenticator, proof_at, parts);

	return hmac_md5(secret, parts, n, ret);
}

static int authenticator_of(struct span packet, const uint8_t *authenticator, struct span secret,
			    uint8_t ret[MD5_OCTETS])
{
	struct span parts[PARTS_MAX];
	size_t n = parts_of(packet, authenticator, 0, parts);

	parts[n++] = secret;
	return md5(parts, n, ret);
}

/* Accounting and dynamic authorization: the header counts as zeros (RFC 2866 3, RFC 5176 2.3, 3.6). */
static bool has_computed_authenticator(uint8_t code)
{
	return code == RADIUS_ACCOUNTING_REQUEST || code == RADIUS_DISCONNECT_REQUEST || code == RADIUS_COA_REQUEST;
}

enum radius_proof radius_check_message(const struct radius *r, struct span secret, const uint8_t *authenticator)
{
	uint8_t proof[MD5_OCTETS];
	struct radius_at at, again;
	const uint8_t *header = authenticator ? authenticator : r->authenticator;

	if (!authenticator && has_computed_authenticator(r->code))
		header = zeros;
	if (!radius_find(r, RADIUS_MESSAGE_AUTHENTICATOR, &at))
		return RADIUS_PROOF_ABSENT;
	again = at;
	while (radius_next(r, &again))
		if (again.type == RADIUS_MESSAGE_AUTHENTICATOR)
			return RADIUS_PROOF_WRONG;
	if (at.value.n != MD5_OCTETS || proof_of(r->packet, header, at.offset + 2, secret, proof) < 0)
		return RADIUS_PROOF_WRONG;
	return CRYPTO_memcmp(proof, at.value.p, MD5_OCTETS) == 0 ? RADIUS_PROOF_RIGHT : RADIUS_PROOF_WRONG;
}

bool radius_check_response(const struct radius *r, struct span secret, const uint8_t *request_authenticator)
{
	uint8_t a[MD5_OCTETS];

	return authenticator_of(r->packet, request_authenticator, secret, a) == 0 &&
	       CRYPTO_memcmp(a, r->authenticator, MD5_OCTETS) == 0;
}

bool radius_check_request(const struct radius *r, struct span secret)
{
	return radius_check_response(r, secret, zeros);
}

void radius_put_proof(struct wr *w)
{
	radius_put(w, RADIUS_MESSAGE_AUTHENTICATOR, (struct span){ zeros, MD5_OCTETS });
}

/* Where the value of the Message-Authenticator is; 0 = there is none. */
static size_t proof_at(const struct wr *w)
{
	struct radius r;
	struct radius_at at;

	if (radius_parse(w->start, wr_len(w), &r) < 0 || !radius_find(&r, RADIUS_MESSAGE_AUTHENTICATOR, &at) ||
	    at.value.n != MD5_OCTETS)
		return 0;
	return at.offset + 2;
}

static int put_proof(struct wr *w, struct span secret, const uint8_t *authenticator)
{
	const struct span packet = { w->start, wr_len(w) };
	size_t at = proof_at(w);
	uint8_t proof[MD5_OCTETS];

	if (at == 0)
		return 0;
	if (proof_of(packet, authenticator, at, secret, proof) < 0)
		return -EIO;
	memcpy(w->start + at, proof, sizeof(proof));
	return 0;
}

static int put_authenticator(struct wr *w, struct span secret, const uint8_t *authenticator)
{
	uint8_t a[MD5_OCTETS];

	if (authenticator_of((struct span){ w->start, wr_len(w) }, authenticator, secret, a) < 0)
		return -EIO;
	memcpy(w->start + RADIUS_AUTHENTICATOR_AT, a, sizeof(a));
	return 0;
}

int radius_sign_request(struct wr *w, struct span secret, const uint8_t *authenticator)
{
	int r;

	radius_end(w);
	if (w->err)
		return w->err;
	r = put_proof(w, secret, authenticator ? authenticator : zeros);
	if (r < 0)
		return r;
	if (!authenticator)
		return put_authenticator(w, secret, zeros);
	memcpy(w->start + RADIUS_AUTHENTICATOR_AT, authenticator, RADIUS_AUTHENTICATOR_OCTETS);
	return 0;
}

int radius_sign_response(struct wr *w, struct span secret, const uint8_t *request_authenticator)
{
	int r;

	radius_end(w);
	if (w->err)
		return w->err;
	r = put_proof(w, secret, request_authenticator);
	return r < 0 ? r : put_authenticator(w, secret, request_authenticator);
}

/* Values that a secret hides (RFC 2865 5.2; with a salt RFC 2868 3.5): each block goes with the one before it, as that is
 * on the wire. */
static int hide(struct span in, bool uncover, const struct radius_hop *hop, struct span salt, uint8_t *ret)
{
	struct span before = { hop->authenticator, RADIUS_AUTHENTICATOR_OCTETS };
	uint8_t stream[MD5_OCTETS];
	int r = 0;

	for (size_t at = 0; r == 0 && at < in.n; at += MD5_OCTETS) {
		r = md5((const struct span[]){ hop->secret, before, salt }, 3, stream);
		for (size_t i = 0; r == 0 && i < MD5_OCTETS; i++)
			ret[at + i] = in.p[at + i] ^ stream[i];
		before = (struct span){ uncover ? in.p + at : ret + at, MD5_OCTETS };
		salt.n = 0; /* of the first block */
	}
	OPENSSL_cleanse(stream, sizeof(stream));
	return r;
}

static int carry(struct span value, const struct radius_hop *from, const struct radius_hop *to, struct span salt,
		 uint8_t *ret)
{
	uint8_t plain[RADIUS_VALUE_MAX];
	int r;

	if (value.n == 0 || value.n > sizeof(plain) || value.n % MD5_OCTETS != 0)
		return -EBADMSG;
	r = hide(value, true, from, salt, plain);
	if (r == 0)
		r = hide((struct span){ plain, value.n }, false, to, salt, ret);
	OPENSSL_cleanse(plain, sizeof(plain));
	return r;
}

int radius_password(struct span value, const struct radius_hop *from, const struct radius_hop *to, uint8_t *ret)
{
	return value.n > PASSWORD_MAX ? -EBADMSG : carry(value, from, to, (struct span){ NULL, 0 }, ret);
}

int radius_resalt(struct span value, const struct radius_hop *from, const struct radius_hop *to, uint8_t *ret)
{
	if (value.n < SALT_OCTETS)
		return -EBADMSG;
	memcpy(ret, value.p, SALT_OCTETS);
	return carry((struct span){ value.p + SALT_OCTETS, value.n - SALT_OCTETS }, from, to,
		     (struct span){ value.p, SALT_OCTETS }, ret + SALT_OCTETS);
}

int radius_unsalt(struct span value, struct span secret, const uint8_t *request_authenticator, uint8_t *ret)
{
	const struct radius_hop hop = { secret, request_authenticator };
	uint8_t plain[RADIUS_VALUE_MAX];
	struct span hidden;
	size_t n;
	int r;

	if (value.n < SALT_OCTETS + MD5_OCTETS || value.n > RADIUS_VALUE_MAX ||
	    (value.n - SALT_OCTETS) % MD5_OCTETS != 0)
		return -EBADMSG;
	hidden = (struct span){ value.p + SALT_OCTETS, value.n - SALT_OCTETS };
	r = hide(hidden, true, &hop, (struct span){ value.p, SALT_OCTETS }, plain);
	n = plain[0];
	if (r == 0 && n > hidden.n - 1)
		r = -EBADMSG;
	if (r == 0)
		memcpy(ret, plain + 1, n);
	OPENSSL_cleanse(plain, sizeof(plain));
	return r < 0 ? r : (int)n;
}

int radius_salt(struct span value, uint16_t salt, struct span secret, const uint8_t *request_authenticator,
		uint8_t *ret)
{
	const struct radius_hop hop = { secret, request_authenticator };
	uint8_t plain[RADIUS_VALUE_MAX] = { 0 };
	size_t n = (value.n + 1 + MD5_OCTETS - 1) / MD5_OCTETS * MD5_OCTETS;
	int r;

	if (n > RADIUS_VALUE_MAX - SALT_OCTETS)
		return -EMSGSIZE;
	plain[0] = (uint8_t)value.n;
	memcpy(plain + 1, value.p, value.n);
	ret[0] = (uint8_t)(salt >> 8);
	ret[1] = (uint8_t)salt;
	r = hide((struct span){ plain, n }, false, &hop, (struct span){ ret, SALT_OCTETS }, ret + SALT_OCTETS);
	OPENSSL_cleanse(plain, sizeof(plain));
	return r < 0 ? r : (int)(n + SALT_OCTETS);
}
