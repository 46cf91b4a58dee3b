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

	read_text(request, RADIUS_USER_NAME, &ids.user);
	read_text(request, RADIUS_ACCT_SESSION_ID, &ids.session);
	read_text(request, RADIUS_CALLING_STATION_ID, &ids.calling);
	read_text(request, RADIUS_CALLED_STATION_ID, &ids.called);
	read_text(request, RADIUS_NAS_PORT_ID, &ids.port_id);
	read_text(request, RADIUS_NAS_IDENTIFIER, &ids.nas_id);
	(void)radius_find_ip4(request, RADIUS_NAS_IP_ADDRESS, &ids.nas_address); /* absent: 0.0.0.0, as it is */
	ids.has_port = radius_find_u32(request, RADIUS_NAS_PORT, &ids.port);
	ids.has_mac = radius_find(request, RADIUS_CALLING_STATION_ID, &at) && radius_mac(at.value, ids.mac);
	return ids;
}

static bool same_text(const struct relay_text *a, const struct relay_text *b)
{
	return spans_equal(relay_span(a), relay_span(b));
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

/* Servers are told to write addresses in their own way before they keep them. */
static bool same_station(const struct relay_text *a, const struct relay_text *b)
{
	uint8_t x[6], y[6];

	if (radius_mac(relay_span(a), x) && radius_mac(relay_span(b), y))
		return memcmp(x, y, sizeof(x)) == 0;
	return same_text(a, b);
}

bool relay_wanted_fits(const struct relay_wanted *w, const struct relay_ids *kept)
{
	const struct relay_ids *said = &w->ids;

	if (said->session.n > 0 && !same_text(&said->session, &kept->session))
		return false;
	if (said->port_id.n > 0 && !same_text(&said->port_id, &kept->port_id))
		return false;
	if (said->has_port && (!kept->has_port || said->port != kept->port))
		return false;
	return (said->calling.n == 0 || same_station(&said->calling, &kept->calling)) &&
	       (said->called.n == 0 || same_station(&said->called, &kept->called));
}

bool relay_same_nas(const struct relay_ids *said, const struct relay_ids *kept)
{
	bool same_address =
		said->nas_address.s_addr == kept->nas_address.s_addr || said->nas_address.s_addr == kept->source.s_addr;

	return (said->nas_address.s_addr == INADDR_ANY || same_address) &&
	       (said->nas_id.n == 0 || same_text(&said->nas_id, &kept->nas_id));
}

bool relay_other_port(const struct relay_ids *a, const struct relay_ids *b)
{
	return (a->has_port && b->has_port && a->port != b->port) ||
	       (a->port_id.n > 0 && b->port_id.n > 0 && !same_text(&a->port_id, &b->port_id));
}
