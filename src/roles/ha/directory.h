/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may register and under which key: the users and associations of the configuration, found in constant time. */
#ifndef HF_ROLES_HA_DIRECTORY_H
#define HF_ROLES_HA_DIRECTORY_H

#include "base/wire.h"
#include "roles/ha/ha_conf.h"

struct directory; /* opaque; borrows the configuration */

int directory_new(const struct ha_conf *conf, struct directory **ret); /* 0 or -ENOMEM */
void directory_freep(struct directory **d);                            /* NULL-safe */

/* The NAI as a table key: its realm in lower case (RFC 4282 2.4). @nai and the copy are the same length. */
void directory_normalise(struct span nai, char *ret_text);

/* Each is NULL when there is none. @nai: normalised. */
const struct ha_user *directory_user(const struct directory *d, struct span nai);
/* The user's own association with this SPI, else that of its realm (L-05). */
const struct ha_association *directory_association(const struct directory *d, struct span nai, uint32_t spi);
/* The association of the proxy agent at @node (RFC 5563 4.1). */
/* Whether any association is shared with the agent at @node. */
bool directory_knows_node(const struct directory *d, struct in_addr node);
const struct ha_association *directory_node(const struct directory *d, struct in_addr node, uint32_t spi);

#endif
