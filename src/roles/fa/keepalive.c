/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping a NAT before us open towards home agents (B-47; RFC 3519 4.9, 4.10). All visits of a home agent use one pair of
 * ports, so one stream does for all of them. What visitors send is not seen here: an echo too many does no harm. */
#define HASH_NONFATAL_OOM 1

#include "base/util.h"
#include "codec/icmp4.h"
#include "roles/fa/agent.h"

enum { INTERVAL_S = 110, INTERVAL_MIN_S = 10, UNANSWERED_MAX = 4 };

static struct mapping *find(const struct fa *fa, struct in_addr home_agent)
{
	struct mapping *m;

	HASH_FIND(hh, fa->mappings, &home_agent, sizeof(home_agent), m);
	return m;
}

static void drop(struct mapping *m)
{
	timers_cancel(&m->fa->keepalives, &m->timer);
	HASH_DEL(m->fa->mappings, m);
	free(m);
}

void keepalive_free(struct fa *fa)
{
	struct mapping *m, *next;

	HASH_ITER(hh, fa->mappings, m, next)
		drop(m);
}

void keepalive_leave(struct visit *v)
{
	struct mapping *m = v->mapping;

	v->mapping = NULL;
	if (m && --m->visits == 0)
		drop(m);
}

/* NULL without memory: then registrations alone keep it open. */
static struct mapping *get(struct fa *fa, struct in_addr home_agent)
{
	struct mapping *m = find(fa, home_agent);

	if (m || timers_reserve(&fa->keepalives, 1) < 0)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->fa = fa;
	m->home_agent = home_agent;
	HASH_ADD(hh, fa->mappings, home_agent, sizeof(m->home_agent), m);
	if (!m->hh.tbl) {
		free(m);
		return NULL;
	}
	return m;
}

void keepalive_join(struct visit *v, struct instant now, uint16_t interval_s)
{
	struct mapping *m = v->tunnel.encap == ENCAP_UDP ? get(v->fa, v->key.home_agent) : NULL;

	if (m)
		m->visits++;
	keepalive_leave(v);
	v->mapping = m;
	if (!m)
		return;
	if (interval_s == 0)
		interval_s = INTERVAL_S;
	m->interval_s = interval_s < INTERVAL_MIN_S ? INTERVAL_MIN_S : interval_s;
	m->unanswered = 0;
	m->last_sent_us = now.us;
	(void)timers_set(&v->fa->keepalives, &m->timer, now.us + m->interval_s * US_PER_S); /* room was made */
}

void keepalive_sent(struct fa *fa, struct instant now, struct in_addr home_agent)
{
	struct mapping *m = find(fa, home_agent);

	if (m)
		m->last_sent_us = now.us;
}

static const struct tunnel *tunnel_of(const struct mapping *m, struct tunnel *ret)
{
	*ret = (struct tunnel){ .encap = ENCAP_UDP,
				.local = m->fa->conf->care_of,
				.remote = m->home_agent,
				.local_port = MIP_PORT,
				.remote_port = MIP_PORT };
	return ret;
}

/* From our own address, so that its answer ends here and not at a visitor. */
static void send_echo(const struct mapping *m, struct actions *out)
{
	const struct ip4 h = { .ttl = 64, .source = m->fa->conf->care_of, .destination = m->home_agent };
	const struct icmp4 echo = { .type = ICMP4_ECHO };
	uint8_t packet[IP4_HEADER_OCTETS + ICMP4_HEADER_OCTETS];
	struct wr w = wr_init(packet, sizeof(packet));
	struct tunnel t;

	icmp4_build(&w, &h, &echo);
	actions_send_tunnelled(out, tunnel_of(m, &t), (struct span){ packet, wr_len(&w) });
	FA_COUNT(m->fa, keepalives_sent);
}

bool keepalive_answered(struct fa *fa, const struct tunnelled *t, const struct ip4 *ip)
{
	struct mapping *m = find(fa, t->tunnel.remote);
	struct tunnel want;
	struct icmp4 echo;

	if (!m || ip->destination.s_addr != fa->conf->care_of.s_addr ||
	    !tunnel_equal(&t->tunnel, tunnel_of(m, &want)) || icmp4_parse(ip, &echo) < 0 ||
	    echo.type != ICMP4_ECHO_REPLY)
		return false;
	FA_COUNT(fa, keepalives_answered);
	m->unanswered = 0;
	return true;
}

/* Our NAT has another port for us now, which only registrations tell the home agent: our visitors have to make some. */
static void lost(struct mapping *m, struct actions *out)
{
	const struct visit *v, *next;

	FA_COUNT(m->fa, mappings_lost);
	m->unanswered = 0;
	HASH_ITER(by_key, m->fa->visits, v, next)
		if (v->mapping == m && actions_have_room(out, 1))
			advertise_restart(m->fa, v, out);
}

static void on_due(struct mapping *m, struct instant now, struct actions *out)
{
	uint64_t quiet_until_us = m->last_sent_us + m->interval_s * US_PER_S;

	if (m->unanswered == 0 && now.us < quiet_until_us) {
		(void)timers_set(&m->fa->keepalives, &m->timer, quiet_until_us); /* it was there a moment ago */
		return;
	}
	if (m->unanswered == UNANSWERED_MAX)
		lost(m, out);
	send_echo(m, out);
	m->last_sent_us = now.us;
	/* 1, 2, 4 s: a lost answer is not yet a lost mapping. */
	(void)timers_set(&m->fa->keepalives, &m->timer, now.us + (US_PER_S << m->unanswered));
	m->unanswered++;
}

void keepalive_on_time(struct fa *fa, struct instant now, struct actions *out)
{
	struct timer *timer;

	while (actions_have_room(out, 1) && (timer = timers_pop(&fa->keepalives, now.us)))
		on_due(container_of(timer, struct mapping, timer), now, out);
}
