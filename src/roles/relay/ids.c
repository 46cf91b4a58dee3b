/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How sessions are told from each other. */
#include "roles/relay/exchange.h"

static void read_text(const struct radius *p, uint8_t type, struct relay_text *ret)
{
	struct radius_at at;

	if (!radius_find(p, type, &at) || at.value.n > sizeof(ret->octets))
		return;
	memcpy(ret->octets, at.value.p, at.value.n);
	ret->n = (uint8_t)at.value.n;
}

struct relay_ids ids_read(const struct relay_nas *nas, struct in_addr source, const struct radius *request)
{
	struct relay_ids ids = { .nas = nas, .source = source };
	struct radius_at at;

	read_text(request, RADIUS_ACCT_SESSION_ID, &ids.session);
	read_text(request, RADIUS_CALLING_STATION_ID, &ids.calling);
	read_text(request, RADIUS_CALLED_STATION_ID, &ids.called);
	read_text(request, RADIUS_NAS_PORT_ID, &ids.port_id);
	ids.has_port = radius_find_u32(request, RADIUS_NAS_PORT, &ids.port);
	ids.has_mac = radius_find(request, RADIUS_CALLING_STATION_ID, &at) && radius_mac(at.value, ids.mac);
	return ids;
}

static bool same_text(const struct relay_text *a, const struct relay_text *b)
{
	return a->n == b->n && memcmp(a->octets, b->octets, a->n) == 0;
}

bool relay_ids_fit(const struct relay_ids *kept, const struct relay_ids *said)
{
	if (kept->nas != said->nas || kept->source.s_addr != said->source.s_addr)
		return false;
	if (kept->session.n > 0 && said->session.n > 0)
		return same_text(&kept->session, &said->session);
	if (kept->has_port && said->has_port && kept->port != said->port)
		return false;
	if (kept->has_mac && said->has_mac) /* however they are written */
		return memcmp(kept->mac, said->mac, sizeof(kept->mac)) == 0;
	return kept->calling.n == 0 || said->calling.n == 0 || same_text(&kept->calling, &said->calling);
}
