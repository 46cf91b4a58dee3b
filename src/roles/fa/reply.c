/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration replies on their way to the mobile node (RFC 5944 3.7.3). */
#include <errno.h>

#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/fa/agent.h"

enum { FRAME_MAX = 1514, REPLY_TTL = 255 };

/* By its MAC, and to an address it has already, if any: nobody may ask for it by ARP (RFC 5944 3.7.2.3, 4.6). */
void reply_send(struct fa *fa, const struct pending *p, struct wr *head, struct actions *out)
{
	const struct fa_access *access = fa_access_of(fa, p->station.ifindex);
	const struct sa *sa = association_mn(fa, p->nai, p->request.home);
	struct in_addr to =
		p->request.home.s_addr == INADDR_ANY ? (struct in_addr){ INADDR_BROADCAST } : p->request.home;
	struct wr w;

	if (p->request.flags & MIP_REQ_D && p->source.s_addr != INADDR_ANY)
		to = p->source;
	if (!access || (sa && sa_sign(sa, MIP_EXT_MN_FA_AUTH, head) < 0) || head->err)
		return; /* as good as lost: it asks again */
	w = actions_writer(out, FRAME_MAX);
	ether_build(&w, p->station.mac, access->mac, ETHER_IP4);
	udp4_build(
		&w, &(struct ip4){ .ttl = REPLY_TTL, .source = p->our_end, .destination = to },
		&(struct udp4){ .source = MIP_PORT, .destination = p->port, .payload = { head->start, wr_len(head) } });
	actions_send_frame(out, p->station.ifindex, &w);
}

static bool is_authentic(const struct fa *fa, const struct pending *p, const struct datagram *d,
			 const struct mip_exts *x)
{
	const struct sa *sa = association_ha(fa, p->home_agent);

	if (!sa || p->request.lifetime_s == 0)
		return true; /* then it has none (RFC 5944 3.5.4) */
	return !x->duplicate_auth && sa_verify(sa, d->payload.p, &x->fa_ha);
}

/* What the home agent said to the mobile node; what it said to us stays here. */
static size_t mobile_part(const struct datagram *d, const struct mip_exts *x)
{
	if (x->mn_ha.present)
		return x->mn_ha.covered + x->mn_ha.mac.n;
	return x->fa_ha.present ? x->fa_ha.at : d->payload.n;
}

/* RFC 2794 4, RFC 5944 3.7.3.1 */
static uint8_t check(const struct fa *fa, const struct pending *p, const struct datagram *d, const struct mip_reply *m,
		     const struct mip_exts *x)
{
	if (!is_authentic(fa, p, d, x))
		return MIP_CODE_FA_HA_AUTH_FAILED;
	if (p->nai[0] && !x->nai_at)
		return MIP_CODE_FA_NAI_MISSING;
	if (m->home_agent.s_addr == INADDR_ANY)
		return MIP_CODE_FA_HA_MISSING;
	if (m->code <= 1 && m->home.s_addr == INADDR_ANY)
		return MIP_CODE_FA_HOME_MISSING;
	if (m->code <= 1 && (!is_of_one(m->home) || is_ours(fa, m->home)))
		return MIP_CODE_FA_MALFORMED_REPLY;
	if (x->cvse_at >= mobile_part(d, x) && x->cvse_at)
		return MIP_CODE_FA_VENDOR_OF_HA; /* RFC 3115 2.3 */
	return 0;
}

static struct tunnel tunnel_of(const struct fa *fa, const struct pending *p, const struct mip_exts *x)
{
	/* One that we did not ask for answers the mobile node's own request. */
	bool udp = fa->conf->udp != FA_UDP_OFF && x->udp_reply_at && x->udp_reply_code < 64;

	return (struct tunnel){ .encap = udp ? ENCAP_UDP : ENCAP_IPIP,
				.local = fa->conf->care_of,
				.remote = p->home_agent,
				.local_port = udp ? MIP_PORT : 0,
				.remote_port = udp ? MIP_PORT : 0 };
}

static uint16_t least(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/* Return: 0, or the code the mobile node gets instead: it is registered, but cannot be served here. */
static uint8_t accepted(struct fa *fa, struct instant now, const struct pending *p, const struct mip_reply *m,
			const struct mip_exts *x, struct actions *out)
{
	uint16_t lifetime_s = least(least(m->lifetime_s, p->request.lifetime_s), fa->conf->max_lifetime_s);
	struct visit *v = visit_find(fa, m->home, p->home_agent);
	const struct tunnel tunnel = tunnel_of(fa, p, x);

	if (lifetime_s == 0) {
		FA_COUNT(fa, deregistered);
		/* Replies without a lifetime are not signed for us: from elsewhere, its own lifetime may end it. */
		if (v && same_station(&v->station, &p->station))
			visit_end(v, "it deregistered", out);
		return 0;
	}
	if (visit_is_in_the_way(fa, p, m->home)) {
		FA_COUNT(fa, occupied);
		return MIP_CODE_FA_ADMIN_PROHIBITED;
	}
	v = visit_set(fa, now, p, m->home, lifetime_s, &tunnel, out);
	if (!v)
		return MIP_CODE_FA_NO_RESOURCES; /* others were faster */
	FA_COUNT(fa, accepted);
	v->revocation = fa->conf->revocation && x->revocation_at && x->revocation_at < x->fa_ha.at;
	v->inform = v->revocation && x->revocation_inform;
	v->stamp = v->revocation ? x->revocation_timestamp : 0;
	v->own_stamp = p->stamp;
	keepalive_join(v, now, x->udp_keepalive_s);
	return 0;
}

static void take(struct fa *fa, struct instant now, const struct datagram *d, const struct mip_reply *m,
		 const struct mip_exts *x, struct pending *p, struct actions *out)
{
	uint8_t code = check(fa, p, d, m, x);
	struct wr w;

	if (code != 0) {
		FA_COUNT(fa, replies_unauthenticated);
		if (ratelimit_allow(&fa->security, now.us))
			fa_record(out, RECORD_WARN, true, "reply_refused", p->nai, p->request.home, d->remote,
				  "code %u (%s)", code, mip_code_name(code));
		request_deny(fa, now, p, code, out);
		return;
	}
	if (m->code > 1)
		FA_COUNT(fa, refused_by_home);
	else
		code = accepted(fa, now, p, m, x, out);
	if (code != 0) {
		request_deny(fa, now, p, code, out);
		return;
	}
	w = actions_writer(out, MIP_MSG_MAX);
	wr_bytes(&w, d->payload.p, mobile_part(d, x));
	reply_send(fa, p, &w, out);
}

/* RFC 5944 1.8: silence about what we do not know; else the mobile node hears that it was no reply. */
static void unreadable(struct fa *fa, struct instant now, const struct datagram *d, const struct mip_reply *m,
		       int error, struct actions *out)
{
	struct pending *p = pending_find(fa, d->remote, m, (struct span){ NULL, 0 });

	if (error == -ENOTSUP) {
		FA_COUNT(fa, unknown_extension);
		return;
	}
	FA_COUNT(fa, malformed);
	if (!p)
		return;
	request_deny(fa, now, p, MIP_CODE_FA_MALFORMED_REPLY, out);
	pending_free(fa, p);
}

void fa_on_reply(struct fa *fa, struct instant now, const struct datagram *d, struct actions *out)
{
	struct mip_exts x;
	struct mip_reply m;
	struct pending *p;
	int r;

	FA_COUNT(fa, replies);
	if (mip_reply_parse(d->payload.p, d->payload.n, &m) < 0) {
		FA_COUNT(fa, malformed);
		return;
	}
	r = mip_exts_parse(d->payload.p, d->payload.n, MIP_REPLY_OCTETS, NULL, &x);
	if (r < 0) {
		unreadable(fa, now, d, &m, r, out);
		return;
	}
	p = pending_find(fa, d->remote, &m, x.nai_at ? x.nai : (struct span){ NULL, 0 });
	if (!p) {
		FA_COUNT(fa, replies_unmatched);
		return;
	}
	take(fa, now, d, &m, &x, p, out);
	pending_free(fa, p);
}
