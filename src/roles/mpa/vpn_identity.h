/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what IKE_AUTH proved to the NAI that is registered. Pure. */
#ifndef HF_ROLES_MPA_VPN_IDENTITY_H
#define HF_ROLES_MPA_VPN_IDENTITY_H

#include "codec/mip_ext.h"
#include "roles/charon.h"
#include "roles/mpa/mpa_conf.h"

/**
 * vpn_nai() - who is this VPN user at the home agent?
 * @how: the vpn section's rows and realm.
 * @e: ACQUIRE or SESSION; `id`, `eap`, `names` are read.
 * @ret_nai: 1..MIP_NAI_MAX printable octets and a NUL; written only on success.
 * @ret_why: for people, a static text; written only on failure.
 *
 * What counts as proved: with EAP its identity alone, since IDi is then only what the client says; else IDi, and the
 * subjectAltNames of the certificate it is signed with. In this order, the first that applies decides:
 *   1. the first row whose glob (fnmatch(3), no case) fits one of them gives the NAI as it stands;
 *   2. the EAP identity;
 *   3. IDi, when it is an e-mail address or FQDN;
 *   4. of a certificate's DN its e-mail, else FQDN subjectAltName, else the DN's last CN. The DN is in the order of the
 *      certificate, RDNs parted by commas; a value may be quoted or have octets escaped by a backslash (RFC 4514 2.4,
 *      RFC 2253 4).
 * To 2, 3 and 4 "@realm" is added when they have no '@' and a realm is set. charon compares 3 and 4 without case, so
 * they become lower case here: one credential is one user. Names that hold what charon could not print ('?' in its
 * place) are refused: two users might look alike; so are names with '*', which charon takes for patterns.
 *
 * Return: 0, or -ENOENT: nobody we know how to name; the client is refused.
 * Source: RFC 7542 2.2 (what a NAI may hold; ASCII only), RFC 7296 2.16, 3.5.
 */
int vpn_nai(const struct mpa_naming *how, const struct charon_event *e, char ret_nai[MIP_NAI_MAX + 1],
	    const char **ret_why);

#endif
