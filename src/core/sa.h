/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility security associations: a key, an algorithm and a replay style behind an SPI (RFC 5944 1.5, 5.1).
 * Authenticators are computed here with libcrypto, over what codec/mip_ext.h located. */
#ifndef HF_CORE_SA_H
#define HF_CORE_SA_H

#include "codec/mip_ext.h"

enum mac_alg {
	MAC_HMAC_SHA_256,   /* 32 octets; our default */
	MAC_HMAC_MD5,       /* 16 octets; RFC 5944 5.1 mandatory */
	MAC_KEYED_MD5,      /* MD5(key | covered | key), SPI covered (RFC 3344) */
	MAC_KEYED_MD5_2002, /* the same without the SPI, as RFC 2002 printed it */
	MAC_ALG_COUNT,
};

enum replay_style { REPLAY_TIMESTAMP, REPLAY_NONCE, REPLAY_STYLE_COUNT };

enum { SA_KEY_MAX = 64, MAC_MAX_OCTETS = 32, SPI_MIN = 256 };

struct sa {
	uint32_t spi; /* >= SPI_MIN */
	enum mac_alg alg;
	enum replay_style replay;
	uint16_t tolerance_s; /* [s] timestamps may differ by this much from our clock; default 7 */
	uint8_t key_n;        /* 1..SA_KEY_MAX */
	uint8_t key[SA_KEY_MAX];
};

extern const char *const mac_alg_names[MAC_ALG_COUNT]; /* "hmac-sha-256", ... as in configuration */
extern const char *const replay_style_names[REPLAY_STYLE_COUNT];

/* Octets of an authenticator of this algorithm. */
size_t mac_octets(enum mac_alg alg);

/**
 * sa_compute() - authenticator over @msg[0 .. @covered).
 * @ret_mac: mac_octets(sa->alg) octets are written on success.
 * Return: 0, -ENOKEY (an association whose key is not known), or -EIO when libcrypto refuses (out of memory, or MD5 disabled
 * by policy): treat as a local failure.
 */
int sa_compute(const struct sa *sa, const uint8_t *msg, size_t covered, uint8_t *ret_mac);

/* True when @auth is present, carries this SPI and exactly the right authenticator; compared in constant time. */
bool sa_verify(const struct sa *sa, const uint8_t *msg, const struct mip_auth *auth);

/**
 * sa_sign() - append authentication extension @type (32, 33 or 34) under @sa to the message in @w.
 * Return: 0, -EMSGSIZE (w->err is set), -ENOKEY, -EIO (libcrypto).
 */
int sa_sign(const struct sa *sa, uint8_t type, struct wr *w);

/* Overwrites the key; the compiler may not remove it. */
void sa_wipe(struct sa *sa);

/* An association that nobody configured: it lives, and its key, as long as somebody holds it. */
struct shared_sa {
	struct sa sa;
	unsigned holders;
};

/* @sa: copied. The caller is its first holder. Return: 0 or -ENOMEM. */
int shared_sa_new(const struct sa *sa, struct shared_sa **ret);
struct shared_sa *shared_sa_hold(struct shared_sa *s); /* NULL-safe; one more holder */
void shared_sa_dropp(struct shared_sa **at);           /* NULL-safe; one less, the last one wipes it */

#endif
