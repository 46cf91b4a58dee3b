/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 prefixes and ranges of addresses. */
#ifndef HF_CORE_PREFIX_H
#define HF_CORE_PREFIX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefix {
	struct in_addr addr; /* host bits zero */
	uint8_t len;         /* 0..32 */
};

bool prefix_contains(const struct prefix *p, struct in_addr a);
/* Directed broadcast address; the address itself for /31 and /32. */
struct in_addr prefix_broadcast(const struct prefix *p);
/* Some of the @n prefixes contains @a. */
bool prefixes_contain(const struct prefix *p, size_t n, struct in_addr a);

struct address_range {
	struct in_addr first, last; /* inclusive, network order; first <= last as host integers */
};

#endif
