/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The home agent says that it has something else than what we registered through the VPN (RFC 3543): most of all, that it
 * heard a request in clear. The answer to that one comes too, or is lost. If it is, we are outside, and the home agent has
 * to be told so once more; nothing else would, as it hears of no move there (B-09). */
#include "base/util.h"
#include "roles/mn/client/client.h"

enum { RETRY_US = 30 * US_PER_S };

void revoked_note_support(struct client *c, const struct mip_exts *x)
{
	c->revocable = x->revocation_at != 0;
	if (c->revocable)
		c->stamp = x->revocation_timestamp;
}

/* Of a registration of ours, newer than that, and by who accepted it. */
static bool is_true(const struct mn *mn, const struct datagram *d, const struct mip_revocation *m)
{
	const struct client *c = mn->client;
	struct mip_exts x;

	return c->revocable && m->from_ha && m->home.s_addr == mn->home.s_addr &&
	       m->home_domain.s_addr == c->home_agent.s_addr && d->remote.s_addr == c->home_agent.s_addr &&
	       m->foreign_domain.s_addr == d->local.s_addr && serial_after(m->id, c->stamp) &&
	       mip_exts_parse(d->payload.p, d->payload.n, MIP_REVOCATION_OCTETS, NULL, &x) == 0 && !x.duplicate_auth &&
	       sa_verify(&mn->conf->client.sa, d->payload.p, &x.mn_ha);
}

static void acknowledge(const struct mn *mn, const struct datagram *d, const struct mip_revocation *m,
			struct actions *out)
{
	const struct mip_revocation_ack ack = { .home = m->home, .id = m->id };
	struct wr w = actions_writer(out, MIP_MSG_MAX);

	mip_revocation_ack_build(&w, &ack);
	if (sa_sign(&mn->conf->client.sa, MIP_EXT_MN_HA_AUTH, &w) == 0)
		actions_send_datagram(out, d->local, d->local_port, d->remote, d->remote_port, &w);
}

/* If not our own request in clear, then somebody there ended it, or another host has our name. It is asked for again, but
 * not at once: two hosts would take it from each other as fast as they can. */
static void note_end(struct mn *mn, struct instant now, struct actions *out)
{
	struct client *c = mn->client;

	if (serial_after(c->clear_serial, c->bound.serial)) {
		c->bound.revoked = true;
		mn_record(mn, out, RECORD_NOTICE, "revoked", "the home agent heard a request in clear");
		return;
	}
	mn_record(mn, out, RECORD_WARN, "revoked", "the home agent ended the binding, not on our request");
	if (now.us + RETRY_US < c->vpn.x.due_us)
		c->vpn.x.due_us = now.us + RETRY_US;
}

void revoked_on_datagram(struct mn *mn, struct instant now, const struct datagram *d, struct actions *out)
{
	struct client *c = mn->client;
	struct mip_revocation m;

	if (mip_revocation_parse(d->payload.p, d->payload.n, &m) < 0) {
		MN_COUNT(mn, malformed);
		return;
	}
	if (!is_true(mn, d, &m)) {
		MN_COUNT(mn, revocations_ignored);
		return;
	}
	MN_COUNT(mn, revoked);
	c->stamp = m.id;
	acknowledge(mn, d, &m, out);
	if (c->bound.here && c->bound.what == ASK_VPN && c->bound.care_of.s_addr == m.foreign_domain.s_addr)
		note_end(mn, now, out);
}
