/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tunnel.h"

const char *const encap_names[ENCAP_COUNT] = {
	[ENCAP_IPIP] = "ipip", [ENCAP_UDP] = "udp", [ENCAP_GRE] = "gre", [ENCAP_MINIMAL] = "minimal"
};

bool tunnel_equal(const struct tunnel *a, const struct tunnel *b)
{
	return a->encap == b->encap && a->local.s_addr == b->local.s_addr && a->remote.s_addr == b->remote.s_addr &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port && a->in_key == b->in_key &&
	       a->out_key == b->out_key;
}

bool tunnel_accepts(const struct tunnel *t, const struct tunnel *arrived)
{
	struct tunnel want = *t;

	if (t->encap == ENCAP_MINIMAL && arrived->encap == ENCAP_IPIP)
		want.encap = ENCAP_IPIP; /* RFC 2004 1: not for fragments */
	want.out_key = arrived->out_key;
	return tunnel_equal(&want, arrived);
}

bool tunnel_is_whole(const struct tunnel *t)
{
	return t->encap != ENCAP_UDP || t->remote_port != 0;
}

uint16_t tunnel_overhead(const struct tunnel *t)
{
	switch (t->encap) {
	case ENCAP_UDP:
		return TUNNEL_OVERHEAD_UDP;
	case ENCAP_GRE:
		return t->out_key != 0 ? TUNNEL_OVERHEAD_GRE_KEY : TUNNEL_OVERHEAD_GRE;
	case ENCAP_MINIMAL:
		return TUNNEL_OVERHEAD_MINIMAL;
	case ENCAP_IPIP:
	case ENCAP_COUNT:
		break;
	}
	return TUNNEL_OVERHEAD_IPIP;
}
