/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a shared secret proves and hides in RADIUS packets (RFC 2865 3 and 5.2, RFC 2866 3, RFC 2868 3.5, RFC 3579 3.2,
 * RFC 5176 2.3). Comparisons take constant time. Secrets are borrowed and never copied. */
#ifndef HF_CORE_RADIUS_AUTH_H
#define HF_CORE_RADIUS_AUTH_H

#include "codec/radius.h"

/* Where a packet's Message-Authenticator is, and whether it is right. */
enum radius_proof {
	RADIUS_PROOF_RIGHT,
	RADIUS_PROOF_WRONG,
	RADIUS_PROOF_ABSENT,
};

/* @authenticator: of the request, 16 octets; for requests NULL: their own header's. */
enum radius_proof radius_check_message(const struct radius *r, struct span secret, const uint8_t *authenticator);

/* Response authenticator of 2, 3, 5, 11, 41, 42, 44, 45. */
bool radius_check_response(const struct radius *r, struct span secret, const uint8_t *request_authenticator);
/* Request authenticator of accounting, Disconnect and CoA requests. */
bool radius_check_request(const struct radius *r, struct span secret);

/**
 * radius_sign_request(), radius_sign_response() - end a packet begun at @w's start.
 * A Message-Authenticator is the first attribute when radius_put_proof() was called first (what BlastRADIUS taught), and is
 * filled in here. @authenticator: of an Access-Request, 16 random octets; NULL: of accounting and dynamic authorization.
 * Return: 0, -EMSGSIZE (w->err), or -EIO (libcrypto).
 */
void radius_put_proof(struct wr *w); /* right after radius_begin() */
int radius_sign_request(struct wr *w, struct span secret, const uint8_t *authenticator);
int radius_sign_response(struct wr *w, struct span secret, const uint8_t *request_authenticator);

/* A hop's secret and the authenticator of its request. */
struct radius_hop {
	struct span secret;
	const uint8_t *authenticator;
};

/**
 * radius_password() - User-Password from one hop to the next (RFC 2865 5.2).
 * @value: 16..128 octets, whole blocks. @ret: as many; hidden again, by the secret of @to.
 * Return: 0, -EBADMSG, or -EIO (libcrypto).
 */
int radius_password(struct span value, const struct radius_hop *from, const struct radius_hop *to, uint8_t *ret);

/* The same for a salted attribute: salt and whole blocks; the salt stays. @ret: as many octets; hidden, too. */
int radius_resalt(struct span value, const struct radius_hop *from, const struct radius_hop *to, uint8_t *ret);

/**
 * radius_unsalt() - the value of a salted attribute.
 * @value: salt and ciphertext. @ret: at least value.n octets; to be wiped by the caller.
 * Return: octets of the value, or -EBADMSG.
 */
int radius_unsalt(struct span value, struct span secret, const uint8_t *request_authenticator, uint8_t *ret);
/* The other way; @salt: first bit set, unique in the packet. @ret: n + 18 octets at most. Return: octets
 * written, -EMSGSIZE (no attribute holds it), or -EIO. */
int radius_salt(struct span value, uint16_t salt, struct span secret, const uint8_t *request_authenticator,
		uint8_t *ret);

#endif
