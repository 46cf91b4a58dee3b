/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mobility proxy agent as a whole. The input is a list of steps: what happens (1 octet), milliseconds before it
 * (1, cubed), octets that follow (2), octets. Answers and revocations are built and signed by us. After each step the
 * data plane, as the actions made it, has a visitor for each served subscriber and for nobody else; and nothing leaves by
 * the port where hostapd authenticates for who is none (L-53). */
#include "codec/arp.h"
#include "codec/mip_msg.h"
#include "core/sa.h"
#include "roles/mpa/mpa.h"
#include "tests/fuzz/fuzz.h"

enum step {
	STEP_FRAME,
	STEP_DATAGRAM,
	STEP_ANSWER,
	STEP_REVOKE,
	STEP_CARRIER,
	STEP_UNKNOWN_SOURCE,
	STEP_DETACH,
	STEP_TUNNELLED,
	STEP_ATTACH,
	STEP_TIME,
	STEP_PORT,
	STEP_COUNT
};

enum { MAX_SUBSCRIBERS = 4, PORTS = 3, GUARDED = 3, GUARDED_BIT = 0x20 };

#define A(a, b, c, d)                                                                                                  \
	{                                                                                                              \
		.s_addr = htonl((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))                                      \
	}

static struct shadow {
	struct dp_visitor v;
	bool used;
} shadow[MAX_SUBSCRIBERS];

static struct mip_request last_request;
static struct in_addr last_agent, last_home;
static char last_nai[64];
static uint32_t last_stamp;

static const struct sa user_sa = { .spi = 256, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 };
static const struct sa node_sa = { .spi = 257, .alg = MAC_HMAC_SHA_256, .tolerance_s = 7, .key_n = 16 };

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	uint8_t *next = ctx;

	for (size_t i = 0; i < n; i++)
		ret[i] = (*next)++;
}

static struct mpa_conf *conf(void)
{
	static char realm[] = "example.com", alice[] = "alice@example.com", bob[] = "bob@example.org",
		    carol[] = "carol@example.com", socket[] = "/", host_name[] = "carol", fqdn[] = "carol.example.com";
	static struct mpa_home_agent agent;
	static struct mpa_network network;
	static struct mpa_association associations[2];
	static struct mpa_station stations[3];
	static struct mpa_access accesses[PORTS];
	static struct mpa_conf c;

	agent = (struct mpa_home_agent){ .name = "ha", .address = A(10, 0, 0, 1), .secondary = A(10, 0, 0, 2) };
	network = (struct mpa_network){
		.name = "office", .prefix = { A(10, 42, 0, 0), 24 }, .gateway = A(10, 42, 0, 1), .lease_s = 3600
	};
	associations[0] =
		(struct mpa_association){ .name = "u", .scope = SA_SCOPE_DOMAIN, .realm = realm, .sa = user_sa };
	associations[1] = (struct mpa_association){ .name = "n", .scope = SA_SCOPE_NODE, .sa = node_sa };
	stations[0] = (struct mpa_station){ .nai = alice, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } };
	stations[1] = (struct mpa_station){
		.nai = bob, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 2 }, .home_address = A(10, 42, 0, 99)
	};
	stations[2] = (struct mpa_station){ .nai = carol, .host_name = host_name, .fqdn = fqdn };
	for (uint32_t i = 0; i < PORTS; i++)
		accesses[i] = (struct mpa_access){ .ifindex = i + 1,
						   .mac = { 2, 0, 0, 0, 1, (uint8_t)i },
						   .trusted = i + 1 != GUARDED,
						   .hostapd = i + 1 == GUARDED ? socket : NULL,
						   .presence_s = 60,
						   .by_dhcp = true,
						   .by_packet = true,
						   .by_carrier = true };
	c = (struct mpa_conf){ .care_of = A(10, 0, 1, 1),
			       .home_agents = &agent,
			       .home_agent_n = 1,
			       .networks = &network,
			       .network_n = 1,
			       .associations = associations,
			       .association_n = 2,
			       .stations = stations,
			       .station_n = 3,
			       .accesses = accesses,
			       .access_n = PORTS,
			       .gateway_mac = { 0, 0, 0x5e, 0, 1, 0x33 },
			       .udp = MPA_UDP_OFFER,
			       .forward_broadcast = true,
			       .sequence = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 },
			       .lifetime_s = 1800,
			       .retransmit_ms = 1000,
			       .retransmit_max_s = 32,
			       .failover_after = 3,
			       .hold_s = 30,
			       .holdoff_ms = 200,
			       .max_subscribers = MAX_SUBSCRIBERS };
	return &c;
}

static struct shadow *shadow_of(uint32_t ifindex, const uint8_t mac[MAC_OCTETS])
{
	for (size_t i = 0; i < MAX_SUBSCRIBERS; i++)
		if (shadow[i].used && shadow[i].v.ifindex == ifindex && memcmp(shadow[i].v.mac, mac, MAC_OCTETS) == 0)
			return &shadow[i];
	return NULL;
}

static void set(const struct dp_visitor *v)
{
	struct shadow *s = shadow_of(v->ifindex, v->mac);

	for (size_t i = 0; !s && i < MAX_SUBSCRIBERS; i++)
		if (!shadow[i].used)
			s = &shadow[i];
	assert(s && v->index < MAX_SUBSCRIBERS && v->home.s_addr != INADDR_ANY);
	*s = (struct shadow){ .v = *v, .used = true };
}

static void del(const struct dp_visitor *v)
{
	struct shadow *s = shadow_of(v->ifindex, v->mac);

	if (s)
		s->used = false;
}

static void check_sent(const struct action *a)
{
	struct mip_exts x;

	if (a->octets.p[0] != MIP_TYPE_REQUEST)
		return;
	assert(mip_request_parse(a->octets.p, a->octets.n, &last_request) == 0);
	assert(mip_exts_parse(a->octets.p, a->octets.n, MIP_REQUEST_OCTETS, &conf()->sequence, &x) == 0);
	assert(x.nai_at && x.nai.n < sizeof(last_nai) && (x.mn_ha.present || x.fa_ha.present));
	memcpy(last_nai, x.nai.p, x.nai.n);
	last_nai[x.nai.n] = '\0';
	last_agent = a->udp.remote;
}

/* To a station, or to all at the port. */
static bool is_served(const uint8_t to[MAC_OCTETS])
{
	for (size_t i = 0; i < MAX_SUBSCRIBERS; i++)
		if (shadow[i].used && shadow[i].v.ifindex == GUARDED &&
		    ((to[0] & 1) || memcmp(shadow[i].v.mac, to, MAC_OCTETS) == 0))
			return true;
	return false;
}

static void perform(const struct actions *out)
{
	assert(out->dropped == 0);
	for (size_t i = 0; i < out->n; i++) {
		const struct action *a = &out->v[i];

		switch (a->type) {
		case ACTION_VISITOR_SET:
			set(&a->visitor);
			break;
		case ACTION_VISITOR_DEL:
			del(&a->visitor);
			break;
		case ACTION_SEND_DATAGRAM:
			check_sent(a);
			break;
		case ACTION_SEND_FRAME:
			assert(a->ifindex >= 1 && a->ifindex <= PORTS && a->octets.n >= ETHER_HEADER_OCTETS);
			assert(a->ifindex != GUARDED || is_served(a->octets.p));
			break;
		case ACTION_RECORD:
			assert(a->record.nai && a->record.reason && a->record.event);
			break;
		case ACTION_SEND_TUNNELLED:
		case ACTION_CHARON:
			break;
		case ACTION_PORT:
			assert(a->port.ifindex == GUARDED);
			break;
		case ACTION_HOME_SET:
		case ACTION_HOME_DEL:
		case ACTION_GUARD_SET:
		case ACTION_GUARD_DEL:
		case ACTION_PATH_SET:
		case ACTION_HINT_WATCH:
		case ACTION_SEND_PACKET:
		case ACTION_SEND_OWN:
		case ACTION_BINDING_SET:
		case ACTION_BINDING_DEL:
		case ACTION_STORE_PUT:
		case ACTION_STORE_DEL:
			abort();
		}
	}
}

static void compare(void *ctx, const struct mpa_subscriber_view *v)
{
	const struct shadow *s = shadow_of(v->ifindex, v->mac);
	size_t *served = ctx;

	if (strcmp(v->state, "served") != 0)
		return;
	assert(s && s->v.home.s_addr == v->home.s_addr && tunnel_equal(&s->v.tunnel, &v->tunnel));
	(*served)++;
}

static bool is_node_user(void)
{
	return strstr(last_nai, "@example.org") != NULL;
}

static void sign(struct wr *w)
{
	if (is_node_user())
		(void)sa_sign(&node_sa, MIP_EXT_FA_HA_AUTH, w); /* a failure is a bad message, fine as well */
	else
		(void)sa_sign(&user_sa, MIP_EXT_MN_HA_AUTH, w);
}

/* Octets: code, lifetime (2), home's last octet, sequence, bits: revocation, UDP, another Identification. */
static void build_answer(struct rd r, struct instant now, struct wr *w)
{
	struct mip_reply m = {
		.code = rd_u8(&r), .lifetime_s = rd_u16(&r), .home_agent = last_agent, .id = last_request.id
	};
	uint8_t host = rd_u8(&r), sequence = rd_u8(&r), bits = rd_u8(&r);

	m.home = host ? (struct in_addr)A(10, 42, 0, host) : last_request.home;
	if (bits & 4)
		m.id ^= (uint64_t)host << 34;
	last_home = m.home;
	last_stamp = (uint32_t)(now.ntp >> 32);
	mip_reply_build(w, &m);
	mip_ext_nai_build(w, (struct span){ (const uint8_t *)last_nai, strlen(last_nai) });
	mip_ext_sequence_build(w, &conf()->sequence, sequence);
	if (bits & 1)
		mip_ext_revocation_support_build(w, false, last_stamp);
	if (bits & 2)
		mip_ext_udp_reply_build(w, 0, false, 20);
	sign(w);
}

static void build_revocation(struct wr *w)
{
	const struct mip_revocation m = { .from_ha = true,
					  .home = last_home,
					  .home_domain = last_agent,
					  .foreign_domain = conf()->care_of,
					  .id = ++last_stamp };

	mip_revocation_build(w, &m);
	sign(w);
}

static void run(struct mpa *mpa, uint8_t kind, struct instant now, struct span p, struct actions *out)
{
	const uint8_t first = p.n > 0 ? p.p[0] : 0;
	const uint32_t ifindex = kind & GUARDED_BIT ? GUARDED : 1 + kind / 128U;
	struct datagram d = { .local = conf()->care_of,
			      .remote = last_agent,
			      .local_port = MIP_PORT,
			      .remote_port = MIP_PORT,
			      .payload = p };
	struct mpa_attach attach = { .ifindex = ifindex,
				     .mac = { 2, 0, 0, 0, 0, first % 8 },
				     .nai = first & 8 ? "dave@example.com" : "alice@example.com",
				     .trigger = MPA_TRIGGER_COMMAND };
	struct port_event event = { .type = (enum port_event_type)(first / 8 % (PORT_SILENT + 1)), .ifindex = ifindex };
	struct tunnelled t = { .tunnel = { .local = conf()->care_of, .remote = last_agent }, .inner = p };
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));

	switch ((enum step)(kind % 16)) {
	case STEP_FRAME:
		mpa_on_frame(mpa, now, ifindex, p, out);
		break;
	case STEP_ANSWER:
		build_answer(rd_init(p.p, p.n), now, &w);
		d.payload = (struct span){ buf, wr_len(&w) };
		mpa_on_datagram(mpa, now, &d, out);
		break;
	case STEP_REVOKE:
		build_revocation(&w);
		d.payload = (struct span){ buf, wr_len(&w) };
		mpa_on_datagram(mpa, now, &d, out);
		break;
	case STEP_DATAGRAM:
		d.local_port = kind & 0x40 ? 67 : MIP_PORT;
		mpa_on_datagram(mpa, now, &d, out);
		break;
	case STEP_CARRIER:
		mpa_on_carrier(mpa, now, ifindex, first & 1, out);
		break;
	case STEP_UNKNOWN_SOURCE:
		mpa_on_unknown_source(mpa, now, ifindex, attach.mac, (struct in_addr)A(10, 42, 0, first), 0, out);
		break;
	case STEP_DETACH:
		(void)mpa_detach(mpa, now, attach.nai, first & 1, out); /* -ENOENT is fine */
		break;
	case STEP_TUNNELLED:
		mpa_on_tunnelled(mpa, now, &t, out);
		break;
	case STEP_ATTACH:
		(void)mpa_attach(mpa, now, &attach, out); /* so are its refusals */
		break;
	case STEP_PORT:
		memcpy(event.mac, attach.mac, sizeof(event.mac));
		mpa_on_port(mpa, now, &event, out);
		break;
	case STEP_TIME:
	case STEP_COUNT:
	default: /* of 16 */
		break;
	}
}

static void settle(struct mpa *mpa, struct instant now, struct actions *out)
{
	size_t served = 0, used = 0;

	perform(out);
	actions_clear(out);
	for (unsigned i = 0; mpa_due(mpa) <= now.us; i++) {
		assert(i < 10000); /* each call gets on */
		mpa_on_time(mpa, now, out);
		perform(out);
		actions_clear(out);
	}
	mpa_each_subscriber(mpa, compare, &served);
	for (size_t i = 0; i < MAX_SUBSCRIBERS; i++)
		used += shadow[i].used;
	assert(served == used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t counter = 1;
	const struct random random = { fill, &counter };
	struct instant now = { .us = US_PER_S, .ntp = UINT64_C(0xd000000000000000) };
	struct rd r = rd_init(data, n);
	struct fuzz_step step;
	struct actions out;
	struct mpa *mpa = NULL;

	memset(shadow, 0, sizeof(shadow));
	last_request = (struct mip_request){ 0 };
	last_agent = last_home = (struct in_addr){ 0 };
	last_nai[0] = '\0';
	if (actions_init(&out) < 0)
		return 0;
	if (mpa_new(conf(), &random, &mpa) == 0) {
		while (fuzz_next(&r, &now, &step)) {
			run(mpa, step.kind, now, step.octets, &out);
			settle(mpa, now, &out);
		}
		mpa_freep(&mpa);
	}
	actions_done(&out);
	return 0;
}
