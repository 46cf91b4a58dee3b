/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agent advertisements (RFC 5944 2.1, 2.3): all by themselves, one when asked, one that pretends a restart, and a last one. */
#include "base/util.h"
#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"
#include "roles/fa/agent.h"

enum {
	FRAME_MAX = 256,
	FIRST_ONES = 3, /* RFC 1256 4.3: sent at most 16 s apart */
	FIRST_INTERVAL_S = 16,
	LIFETIME_INTERVALS = 3, /* RFC 5944 2.3: the interval is at most a third of the lifetime */
	AFTER_WRAP = 256,       /* RFC 5944 2.3.2: 0..255 say that we restarted */
	TIMES_PER_CALL = 64,
};

static const uint32_t all_systems = UINT32_C(0xe0000001); /* 224.0.0.1 */
static const uint8_t all_systems_mac[MAC_OCTETS] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };

static uint16_t flags_of(const struct fa *fa, const struct fa_access *access)
{
	const struct fa_conf *c = fa->conf;

	return (uint16_t)(AGENT_ADV_F | (access->registration_required ? AGENT_ADV_R : 0) |
			  (fa->stopping || visit_is_full(fa) ? AGENT_ADV_B : 0) |
			  (c->reverse_tunnel != FA_REVERSE_TUNNEL_OFF ? AGENT_ADV_T : 0) |
			  (c->udp != FA_UDP_OFF ? AGENT_ADV_U : 0) | (c->revocation ? AGENT_ADV_X : 0));
}

static void advertise(const struct fa *fa, const struct fa_access *access, uint16_t sequence,
		      const uint8_t destination_mac[MAC_OCTETS], struct in_addr destination, struct actions *out)
{
	const struct agent_adv a = {
		.code = AGENT_ADV_ROUTES_COMMON,
		.lifetime_s = fa->stopping ? 0 : (uint16_t)(LIFETIME_INTERVALS * fa->conf->advertise_s),
		.router_n = 1,
		.routers = { { .addr = access->address, .prefix_len = access->prefix_len } },
		.has_prefixes = true,
		.is_agent = true,
		.sequence = sequence,
		.registration_lifetime_s = fa->conf->max_lifetime_s,
		.flags = flags_of(fa, access),
		.care_of_n = 1,
		.care_of = { fa->conf->care_of },
	};
	const struct ip4 h = {
		.ttl = 1, .protocol = IPPROTO_ICMP, .source = access->address, .destination = destination
	};
	uint8_t icmp[FRAME_MAX];
	struct wr body = wr_init(icmp, sizeof(icmp)), w = actions_writer(out, FRAME_MAX);

	agent_adv_build(&body, &a);
	ether_build(&w, destination_mac, access->mac, ETHER_IP4);
	ip4_build(&w, &h, wr_len(&body));
	wr_bytes(&w, icmp, wr_len(&body));
	actions_send_frame(out, access->ifindex, &w);
}

/* Between three quarters of the longest interval and all of it, so that routers of a link do not fall into step. */
static uint64_t next_in_us(const struct advertiser *a)
{
	uint16_t longest_s = a->fa->conf->advertise_s;
	uint64_t longest_us;
	uint32_t random;

	if (a->sent < FIRST_ONES && longest_s > FIRST_INTERVAL_S)
		longest_s = FIRST_INTERVAL_S;
	longest_us = longest_s * US_PER_S;
	a->fa->random.fill(a->fa->random.ctx, (uint8_t *)&random, sizeof(random));
	return longest_us - random % (longest_us / 4);
}

static void count_on(struct advertiser *a)
{
	if (a->sent > 0)
		a->sequence = a->sequence == UINT16_MAX ? AFTER_WRAP : (uint16_t)(a->sequence + 1);
	if (a->sent < FIRST_ONES)
		a->sent++;
}

void advertise_start(struct fa *fa)
{
	for (size_t i = 0; i < fa->conf->access_n; i++) {
		struct advertiser *a = &fa->advertisers[i];

		*a = (struct advertiser){ .fa = fa,
					  .access = &fa->conf->accesses[i],
					  .solicited = ratelimit_init(fa->conf->solicited_rate) };
		(void)timers_set(&fa->adverts, &a->timer, 0); /* room was made */
	}
}

static void to_all(const struct advertiser *a, struct actions *out)
{
	advertise(a->fa, a->access, a->sequence, all_systems_mac, (struct in_addr){ htonl(all_systems) }, out);
	FA_COUNT(a->fa, advertisements);
}

void advertise_on_time(struct fa *fa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&fa->adverts, now.us);
		struct advertiser *a;

		if (!timer)
			return;
		a = container_of(timer, struct advertiser, timer);
		count_on(a);
		to_all(a, out);
		(void)timers_set(&fa->adverts, timer, now.us + next_in_us(a));
	}
}

static struct advertiser *advertiser_of(struct fa *fa, uint32_t ifindex)
{
	for (size_t i = 0; i < fa->conf->access_n; i++)
		if (fa->advertisers[i].access->ifindex == ifindex)
			return &fa->advertisers[i];
	return NULL;
}

/* Straight back to whoever asks, whatever its address is: it may well be from another network (RFC 5944 2.3). And at once:
 * the random delay of RFC 1256 6.2 is for answers that all routers of a link give to all hosts, and a move waits for this. */
void advertise_on_solicitation(struct fa *fa, struct instant now, const struct fa_station *to, struct in_addr source,
			       struct actions *out)
{
	struct advertiser *a = advertiser_of(fa, to->ifindex);

	FA_COUNT(fa, solicitations);
	if (!a || !ratelimit_allow(&a->solicited, now.us)) {
		FA_COUNT(fa, solicitations_ignored);
		return;
	}
	if (source.s_addr == INADDR_ANY)
		source.s_addr = htonl(all_systems);
	/* With the number of the last one that all heard: the others would miss one of its own. */
	advertise(fa, a->access, a->sequence, to->mac, source, out);
}

void advertise_restart(struct fa *fa, const struct visit *v, struct actions *out)
{
	const struct fa_access *access = fa_access_of(fa, v->station.ifindex);

	if (access)
		advertise(fa, access, 0, v->station.mac, v->key.home, out);
}

void advertise_end(struct fa *fa, struct actions *out)
{
	for (size_t i = 0; i < fa->conf->access_n; i++) {
		count_on(&fa->advertisers[i]);
		to_all(&fa->advertisers[i], out);
	}
}
