/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration requests on their way to a home agent (RFC 5944 3.7.2). */
#include "base/util.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/fa/agent.h"

enum { TIMES_PER_CALL = 64 };

static const uint32_t all_agents = UINT32_C(0xe000000b); /* 224.0.0.11 */

static bool is_for_us(const struct fa_access *access, struct in_addr destination)
{
	return destination.s_addr == access->address.s_addr || destination.s_addr == INADDR_BROADCAST ||
	       destination.s_addr == htonl(all_agents);
}

void pending_free(struct fa *fa, struct pending *p)
{
	struct pending **at = &fa->pending;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	fa->pending_n--;
	timers_cancel(&fa->timers, &p->timer);
	free(p);
}

struct pending *pending_find(struct fa *fa, struct in_addr home_agent, const struct mip_reply *m, struct span nai)
{
	for (struct pending *p = fa->pending; p; p = p->next) {
		bool same_home = p->request.home.s_addr == m->home.s_addr;
		bool same_nai = p->nai[0] && nai.n == strlen(p->nai) && memcmp(p->nai, nai.p, nai.n) == 0;

		/* Two that ask for any address are told apart by their names (RFC 2794 4). */
		if (p->home_agent.s_addr == home_agent.s_addr && (uint32_t)p->request.id == (uint32_t)m->id &&
		    (same_home ? nai.n == 0 || !p->nai[0] || same_nai :
				 p->request.home.s_addr == INADDR_ANY && same_nai))
			return p;
	}
	return NULL;
}

static size_t pending_of(const struct fa *fa, const struct fa_station *s)
{
	size_t n = 0;

	for (const struct pending *p = fa->pending; p; p = p->next)
		n += same_station(&p->station, s);
	return n;
}

static bool may_deny(struct fa *fa, struct instant now, const struct fa_station *s)
{
	struct denial *d;

	for (size_t i = 0; i < DENIALS_MAX; i++)
		if (now.us < fa->denials[i].until_us && same_station(&fa->denials[i].station, s))
			return false;
	d = &fa->denials[fa->denial_at++ % DENIALS_MAX];
	*d = (struct denial){ .station = *s, .until_us = now.us + US_PER_S };
	return true;
}

void request_deny(struct fa *fa, struct instant now, const struct pending *p, uint8_t code, struct actions *out)
{
	const struct mip_reply m = { .code = code,
				     .lifetime_s = code == MIP_CODE_FA_LIFETIME_TOO_LONG ? fa->conf->max_lifetime_s : 0,
				     .home = p->request.home,
				     .home_agent = p->request.home_agent,
				     .id = p->request.id };
	struct wr w;

	if (!may_deny(fa, now, &p->station)) {
		FA_COUNT(fa, denials_suppressed);
		return;
	}
	FA_COUNT(fa, denied);
	w = actions_writer(out, MIP_MSG_MAX);
	mip_reply_build(&w, &m);
	if (p->nai[0])
		mip_ext_nai_build(&w, (struct span){ (const uint8_t *)p->nai, strlen(p->nai) });
	reply_send(fa, p, &w, out);
}

/* The mobile node's part as it is, then ours (RFC 5944 3.7.2.2; RFC 3543 3.2, RFC 3519 3.1). */
static int relay(struct fa *fa, struct instant now, const struct pending *p, const uint8_t *msg,
		 const struct mip_exts *x, struct actions *out)
{
	const struct fa_conf *c = fa->conf;
	const struct mip_request *m = &p->request;
	const struct sa *sa = association_ha(fa, p->home_agent);
	bool ends_here = !(m->flags & MIP_REQ_D);
	struct wr w = actions_writer(out, MIP_MSG_MAX);
	int r = 0;

	wr_bytes(&w, msg, request_home_part(x));
	if (ends_here && c->udp != FA_UDP_OFF && m->lifetime_s != 0)
		mip_ext_udp_request_build(&w, c->udp == FA_UDP_FORCE, false, 0);
	if (ends_here && c->revocation && sa && m->lifetime_s != 0)
		mip_ext_revocation_support_build(&w, true, p->stamp);
	if (sa && m->lifetime_s != 0)
		r = sa_sign(sa, MIP_EXT_FA_HA_AUTH, &w);
	if (r < 0 || w.err)
		return r < 0 ? r : w.err;
	actions_send_datagram(out, c->care_of, MIP_PORT, p->home_agent, MIP_PORT, &w);
	keepalive_sent(fa, now, p->home_agent);
	FA_COUNT(fa, relayed);
	return 0;
}

static void keep(struct fa *fa, struct instant now, const struct pending *request)
{
	struct pending *p = malloc(sizeof(*p));

	if (!p || timers_reserve(&fa->timers, fa->pending_n + 1) < 0) {
		free(p);
		return; /* its reply finds nobody; the mobile node asks again */
	}
	*p = *request;
	p->next = fa->pending;
	fa->pending = p;
	fa->pending_n++;
	(void)timers_set(&fa->timers, &p->timer, now.us + fa->conf->reply_timeout_s * US_PER_S); /* room was made */
}

static void note_denial(struct fa *fa, struct instant now, const struct pending *p, int code, const char *why,
			struct actions *out)
{
	bool security = code == MIP_CODE_FA_MN_AUTH_FAILED;

	if (ratelimit_allow(&fa->denials_told, now.us))
		fa_record(out, security ? RECORD_WARN : RECORD_INFO, security, "request_denied", p->nai,
			  p->request.home, p->home_agent, "code %d (%s): %s", code, mip_code_name((uint8_t)code), why);
}

/* Who hears a request may send it once more as its own, and the home agent answers both, as it has to (RFC 5944 3.8.3):
 * the reply is the first one's. Replies are told apart by half of the identification only, so that half is compared. */
static bool is_copy(const struct fa *fa, const struct pending *p)
{
	for (const struct pending *q = fa->pending; q; q = q->next)
		if (q->home_agent.s_addr == p->home_agent.s_addr &&
		    (uint32_t)q->request.id == (uint32_t)p->request.id && !same_station(&q->station, &p->station))
			return true;
	return visit_began_with(fa, p);
}

/* Who visits may go on with it, however many others make noise: of those there are only so many. */
static bool is_crowded(const struct fa *fa, const struct pending *p)
{
	return pending_of(fa, &p->station) >= fa->conf->max_pending_per_mac ||
	       (fa->pending_n >= fa->conf->max_pending && !visit_at(fa, &p->station));
}

static void handle(struct fa *fa, struct instant now, const struct pending *p, struct span msg,
		   const struct mip_exts *x, uint8_t ttl, struct actions *out)
{
	const char *why;
	int r = request_check(fa, p, msg.p, x, ttl, &why);

	if (r == CHECK_DISCARD) {
		FA_COUNT(fa, discarded);
		return;
	}
	if (is_copy(fa, p)) {
		FA_COUNT(fa, copied);
		if (ratelimit_allow(&fa->security, now.us))
			fa_record(out, RECORD_WARN, true, "request_copied", p->nai, p->request.home, p->home_agent,
				  "it was sent by another MAC before");
		return;
	}
	if (r == CHECK_PASS && is_crowded(fa, p)) {
		r = MIP_CODE_FA_NO_RESOURCES;
		why = "too many requests under way";
	}
	if (r == CHECK_PASS && relay(fa, now, p, msg.p, x, out) < 0) {
		r = MIP_CODE_FA_UNSPECIFIED;
		why = "it could not be passed on";
	}
	if (r == CHECK_PASS) {
		keep(fa, now, p);
		fa_record(out, RECORD_INFO, false, "request_relayed", p->nai, p->request.home, p->home_agent,
			  "lifetime %u s", p->request.lifetime_s);
		return;
	}
	note_denial(fa, now, p, r, why, out);
	request_deny(fa, now, p, (uint8_t)r, out);
}

/* RFC 4433: who wants any home agent may name one to be asked. */
static struct in_addr home_agent_of(const struct mip_request *m, const struct mip_exts *x)
{
	bool any = m->home_agent.s_addr == INADDR_ANY || m->home_agent.s_addr == INADDR_BROADCAST;

	return any && x->nai_at && x->dynamic_ha_at && x->dynamic_ha_subtype == 1 ? x->dynamic_ha : m->home_agent;
}

/* What lies behind the mobile node's authenticator is for us and goes no further; before it, it is for the home agent. */
static void take_extensions(struct pending *p, const struct mip_exts *x)
{
	size_t ours = request_home_part(x);

	p->home_agent = home_agent_of(&p->request, x);
	if (x->nai_at && x->nai_at < ours)
		memcpy(p->nai, x->nai.p, x->nai.n);
	p->encapsulating = x->delivery_style_at && x->delivery_style_at >= ours && p->request.flags & MIP_REQ_T;
}

void request_on_frame(struct fa *fa, struct instant now, const struct fa_station *from, struct span packet,
		      struct actions *out)
{
	const struct fa_access *access = fa_access_of(fa, from->ifindex);
	struct pending p = { .station = *from, .stamp = (uint32_t)(now.ntp >> 32), .fa = fa };
	struct mip_exts x;
	struct udp4 udp;
	struct ip4 ip;
	int r;

	if (!access || ip4_parse(packet.p, packet.n, &ip) < 0 || !is_for_us(access, ip.destination))
		return;
	FA_COUNT(fa, requests);
	if (udp4_parse(&ip, &udp) < 0 || mip_request_parse(udp.payload.p, udp.payload.n, &p.request) < 0) {
		FA_COUNT(fa, malformed);
		return;
	}
	p.port = udp.source;
	p.source = ip.source;
	p.our_end = access->address;
	p.home_agent = p.request.home_agent;
	r = mip_exts_parse(udp.payload.p, udp.payload.n, MIP_REQUEST_OCTETS, NULL, &x);
	if (r == -ENOTSUP) {
		FA_COUNT(fa, unknown_extension);
	} else if (r < 0) {
		FA_COUNT(fa, malformed);
		request_deny(fa, now, &p, MIP_CODE_FA_MALFORMED_REQUEST, out);
	} else {
		take_extensions(&p, &x);
		handle(fa, now, &p, udp.payload, &x, ip.ttl, out);
	}
}

void request_on_time(struct fa *fa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&fa->timers, now.us);
		struct pending *p;

		if (!timer)
			return;
		p = container_of(timer, struct pending, timer);
		FA_COUNT(fa, timed_out);
		note_denial(fa, now, p, MIP_CODE_FA_TIMED_OUT, "its home agent did not answer", out);
		request_deny(fa, now, p, MIP_CODE_FA_TIMED_OUT, out);
		pending_free(fa, p);
	}
}

/* RFC 5944 3.7.2.3 */
static uint8_t code_of(uint8_t icmp_code)
{
	switch (icmp_code) {
	case 0:
		return MIP_CODE_FA_NET_UNREACHABLE;
	case 1:
		return MIP_CODE_FA_HOST_UNREACHABLE;
	case 3:
		return MIP_CODE_FA_PORT_UNREACHABLE;
	default: /* codes of a router */
		return MIP_CODE_FA_HA_UNREACHABLE;
	}
}

void fa_on_unreachable(struct fa *fa, struct instant now, const struct unreachable_request *u, struct actions *out)
{
	struct mip_request m;
	struct pending *p;

	/* Nobody but routers on the way can know what it was; on the link, all hear. */
	if (u->care_of.s_addr != fa->conf->care_of.s_addr || fa_access_of(fa, u->ifindex) ||
	    mip_request_parse(u->request.p, u->request.n, &m) < 0)
		return;
	for (p = fa->pending; p; p = p->next)
		if (p->home_agent.s_addr == u->home_agent.s_addr && p->request.id == m.id &&
		    p->request.home.s_addr == m.home.s_addr)
			break;
	if (!p)
		return;
	FA_COUNT(fa, unreachable);
	note_denial(fa, now, p, code_of(u->code), "a router said so", out);
	request_deny(fa, now, p, code_of(u->code), out);
	pending_free(fa, p);
}
