/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "key_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "world.h"

enum { PORT = 50002, FIRST_SPI = 0x1001, KEY_OCTETS = 16, SALTED_OCTETS = 2 + 32, SPI_OCTETS = 4 };

void key_world_configure(const struct world *w, struct ha_conf *c, const struct radius_server *servers)
{
	if (!w->keys.on)
		return;
	c->association_n = 0;
	c->users[0].aaa_key = true;
	c->aaa = (struct ha_aaa){ .servers = (struct radius_server *)servers,
				  .server_n = RADIUS_SERVERS,
				  .dead_s = 30,
				  .key_life_s = 3600,
				  .rate = 500 };
}

void key_world_start(const struct world *w, struct ha *ha)
{
	static const uint16_t port = PORT;

	if (w->keys.on && ha_set_aaa_ports(ha, &port, 1) < 0)
		abort();
}

unsigned key_world_way(const struct datagram *d)
{
	if (d->local_port == PORT)
		return KEY_WAY_REPLY;
	return d->remote_port == PORT ? KEY_WAY_ASK : 0;
}

void key_world_put(const struct world *w, size_t station, bool to_anchor, const uint8_t *authenticator,
		   struct span secret, struct wr *p)
{
	char key[KEY_OCTETS + 1];
	uint8_t salted[SALTED_OCTETS], spi[SPI_OCTETS];
	struct wr s = wr_init(spi, sizeof(spi));
	int n;

	(void)snprintf(key, sizeof(key), "key %04zu/%07u", station, w->keys.version[station]);
	n = radius_salt((struct span){ (const uint8_t *)key, KEY_OCTETS }, 0x8001, secret, authenticator, salted);
	if (n < 0)
		abort();
	wr_u32(&s, FIRST_SPI + (uint32_t)station);
	radius_put_wimax(p, to_anchor ? RADIUS_WIMAX_RRQ_MN_HA_KEY : RADIUS_WIMAX_MN_HHA_KEY,
			 (struct span){ salted, (size_t)n });
	radius_put_wimax(p, to_anchor ? RADIUS_WIMAX_RRQ_MN_HA_SPI : RADIUS_WIMAX_MN_HHA_SPI,
			 (struct span){ spi, sizeof(spi) });
}

static size_t station_of(const struct radius *r)
{
	struct radius_at at;

	if (!radius_find(r, RADIUS_USER_NAME, &at))
		abort();
	for (size_t i = 0; i < STATIONS_MAX; i++)
		if (strlen(world_nai(i)) == at.value.n && memcmp(world_nai(i), at.value.p, at.value.n) == 0)
			return i;
	abort();
}

struct span key_world_serve(const struct world *w, const struct radius *r, struct span secret, uint8_t *buf, size_t n)
{
	struct wr p = wr_init(buf, n);
	size_t station = station_of(r);
	bool unknown = w->keys.unknown[station];

	if (radius_check_message(r, secret, NULL) != RADIUS_PROOF_RIGHT)
		abort();
	radius_begin(&p, unknown ? RADIUS_ACCESS_REJECT : RADIUS_ACCESS_ACCEPT, r->id);
	radius_put_proof(&p);
	if (!unknown)
		key_world_put(w, station, true, r->authenticator, secret, &p);
	if (!unknown && w->keys.life_s > 0)
		radius_put_u32(&p, RADIUS_SESSION_TIMEOUT, w->keys.life_s);
	if (radius_sign_response(&p, secret, r->authenticator) < 0)
		abort();
	return (struct span){ buf, wr_len(&p) };
}

void world_set_keys(struct world *w)
{
	w->keys.on = true;
	for (size_t i = 0; i < w->home_agents; i++)
		world_restart(w, i);
}

void world_renew_key(struct world *w, size_t station)
{
	w->keys.version[station]++;
}
