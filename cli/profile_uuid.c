/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "profile.h"

/* Chosen at random, once: the name space of Holdfast's profiles. */
static const unsigned char name_space[16] = { 0x4c, 0xfc, 0xe1, 0x6f, 0xf7, 0xd2, 0x4f, 0x70,
					      0xa9, 0x27, 0x15, 0x80, 0x45, 0x93, 0x4e, 0xbb };

bool profile_uuid(const struct profile *p, const char *part, char ret[PROFILE_UUID_LEN + 1])
{
	const char *const names[] = { profile_targets[p->target], p->user, p->name, part };
	unsigned char h[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good =
		md && EVP_DigestInit_ex(md, EVP_sha1(), NULL) && EVP_DigestUpdate(md, name_space, sizeof(name_space));

	for (size_t i = 0; good && i < sizeof(names) / sizeof(names[0]); i++)
		good = EVP_DigestUpdate(md, names[i],
					strlen(names[i]) + 1); /* NULs keep ("ab", "c") from ("a", "bc") */
	good = good && EVP_DigestFinal_ex(md, h, NULL);
	EVP_MD_CTX_free(md);
	if (!good)
		return false;
	h[6] = (unsigned char)((h[6] & 0x0f) | 0x50); /* version */
	h[8] = (unsigned char)((h[8] & 0x3f) | 0x80); /* variant */
	(void)snprintf(ret, PROFILE_UUID_LEN + 1,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3],
		       h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15]); /* fits */
	return true;
}
