/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/sa.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/util.h"

enum { MD5_OCTETS = 16, SHA_256_OCTETS = 32, SPI_OCTETS = 4 };

const char *const mac_alg_names[MAC_ALG_COUNT] = {
	[MAC_HMAC_SHA_256] = "hmac-sha-256",
	[MAC_HMAC_MD5] = "hmac-md5",
	[MAC_KEYED_MD5] = "keyed-md5",
	[MAC_KEYED_MD5_2002] = "keyed-md5-rfc2002",
};

const char *const replay_style_names[REPLAY_STYLE_COUNT] = {
	[REPLAY_TIMESTAMP] = "timestamp",
	[REPLAY_NONCE] = "nonce",
};

size_t mac_octets(enum mac_alg alg)
{
	return alg == MAC_HMAC_SHA_256 ? SHA_256_OCTETS : MD5_OCTETS;
}

static void md_ctx_freep(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static int keyed_md5(const struct sa *sa, const uint8_t *msg, size_t covered, uint8_t *ret_mac)
{
	auto_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || EVP_DigestInit_ex(c, EVP_md5(), NULL) != 1 || EVP_DigestUpdate(c, sa->key, sa->key_n) != 1 ||
	    EVP_DigestUpdate(c, msg, covered) != 1 || EVP_DigestUpdate(c, sa->key, sa->key_n) != 1 ||
	    EVP_DigestFinal_ex(c, ret_mac, NULL) != 1)
		return -EIO;
	return 0;
}

static int hmac(const EVP_MD *md, const struct sa *sa, const uint8_t *msg, size_t covered, uint8_t *ret_mac)
{
	return HMAC(md, sa->key, sa->key_n, msg, covered, ret_mac, NULL) ? 0 : -EIO;
}

int sa_compute(const struct sa *sa, const uint8_t *msg, size_t covered, uint8_t *ret_mac)
{
	if (sa->key_n == 0)
		return -ENOKEY; /* anybody can make what no key makes */
	switch (sa->alg) {
	case MAC_HMAC_SHA_256:
		return hmac(EVP_sha256(), sa, msg, covered, ret_mac);
	case MAC_HMAC_MD5:
		return hmac(EVP_md5(), sa, msg, covered, ret_mac);
	case MAC_KEYED_MD5:
		return keyed_md5(sa, msg, covered, ret_mac);
	case MAC_KEYED_MD5_2002:
		return covered < SPI_OCTETS ? -EIO : keyed_md5(sa, msg, covered - SPI_OCTETS, ret_mac);
	case MAC_ALG_COUNT:
		break;
	}
	return -EIO;
}

bool sa_verify(const struct sa *sa, const uint8_t *msg, const struct mip_auth *auth)
{
	uint8_t mac[MAC_MAX_OCTETS];

	if (!auth->present || auth->spi != sa->spi || auth->mac.n != mac_octets(sa->alg))
		return false;
	if (sa_compute(sa, msg, auth->covered, mac) < 0)
		return false;
	return CRYPTO_memcmp(mac, auth->mac.p, auth->mac.n) == 0;
}

int sa_sign(const struct sa *sa, uint8_t type, struct wr *w)
{
	uint8_t *at = mip_ext_auth_build(w, type, sa->spi, mac_octets(sa->alg));

	if (!at)
		return w->err;
	return sa_compute(sa, w->start, (size_t)(at - w->start), at);
}

void sa_wipe(struct sa *sa)
{
	OPENSSL_cleanse(sa->key, sizeof(sa->key));
	sa->key_n = 0;
}

int shared_sa_new(const struct sa *sa, struct shared_sa **ret)
{
	struct shared_sa *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct shared_sa){ .sa = *sa, .holders = 1 };
	*ret = s;
	return 0;
}

struct shared_sa *shared_sa_hold(struct shared_sa *s)
{
	if (s)
		s->holders++;
	return s;
}

void shared_sa_dropp(struct shared_sa **at)
{
	struct shared_sa *s = *at;

	*at = NULL;
	if (!s || --s->holders > 0)
		return;
	sa_wipe(&s->sa);
	free(s);
}
