/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/prefix.h"

bool prefix_contains(const struct prefix *p, struct in_addr a)
{
	uint32_t mask = p->len == 0 ? 0 : UINT32_MAX << (32 - p->len);

	return ((ntohl(a.s_addr) ^ ntohl(p->addr.s_addr)) & mask) == 0;
}

struct in_addr prefix_broadcast(const struct prefix *p)
{
	uint32_t host = p->len >= 31 ? 0 : UINT32_MAX >> p->len;

	return (struct in_addr){ .s_addr = p->addr.s_addr | htonl(host) };
}

bool prefixes_contain(const struct prefix *p, size_t n, struct in_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_contains(&p[i], a))
			return true;
	return false;
}
