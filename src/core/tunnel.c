/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tunnel.h"

const char *const encap_names[ENCAP_COUNT] = { [ENCAP_IPIP] = "ipip", [ENCAP_UDP] = "udp" };

bool tunnel_equal(const struct tunnel *a, const struct tunnel *b)
{
	return a->encap == b->encap && a->local.s_addr == b->local.s_addr && a->remote.s_addr == b->remote.s_addr &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port;
}

bool tunnel_is_whole(const struct tunnel *t)
{
	return t->encap != ENCAP_UDP || t->remote_port != 0;
}

uint16_t tunnel_overhead(const struct tunnel *t)
{
	return t->encap == ENCAP_UDP ? TUNNEL_OVERHEAD_UDP : TUNNEL_OVERHEAD_IPIP;
}
