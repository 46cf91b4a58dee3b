/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <strings.h>

#include "roles/fa/agent.h"

const struct sa *association_mn(const struct fa *fa, const char *nai, struct in_addr home)
{
	for (size_t i = 0; i < fa->conf->association_n; i++) {
		const struct fa_association *a = &fa->conf->associations[i];

		if (a->scope != FA_SCOPE_MN)
			continue;
		if (a->nai ? strcmp(a->nai, nai) == 0 : a->home.s_addr != INADDR_ANY && a->home.s_addr == home.s_addr)
			return &a->sa;
	}
	return NULL;
}

const struct sa *association_ha(const struct fa *fa, struct in_addr home_agent)
{
	for (size_t i = 0; i < fa->conf->association_n; i++) {
		const struct fa_association *a = &fa->conf->associations[i];

		if (a->scope == FA_SCOPE_HA && a->home_agent.s_addr == home_agent.s_addr)
			return &a->sa;
	}
	return NULL;
}
