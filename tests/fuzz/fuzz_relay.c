/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RADIUS relay inside of a proxy agent, between two authenticators' worth of bad manners and an AAA server. The input
 * is a list of steps: what happens (1 octet), milliseconds before it (1, cubed), octets that follow (2), octets. Packets
 * are signed by us, so that what is behind the proof is reached as well. Whatever comes:
 *   - what an authenticator is told is signed, fits its last request of that identifier, and has no key of Mobile IP;
 *   - nobody is served whom the server has not let in (L-53), and nobody is told so before being served (L-54). */
#include "codec/mip_msg.h"
#include "core/radius_auth.h"
#include "roles/mpa/mpa.h"
#include "roles/relay/relay.h"
#include "tests/fuzz/fuzz.h"

enum step {
	STEP_REQUEST,
	STEP_REPLY,
	STEP_ACCOUNTING,
	STEP_ANSWER,
	STEP_RAW,
	STEP_CARRIER,
	STEP_DETACH,
	STEP_UNKNOWN_SOURCE,
	STEP_REVOKE,
	STEP_TIME,
	STEP_ORDER,
	STEP_ENDED,
};

enum { AUTH = 1812, ACCT = 1813, DAS = 3799, CLIENT = 50001, NAS_PORT = 40000, ASKED_MAX = 4, STATIONS = 4, PORTS = 2 };
/* Bits of a step's first octet. */
enum { WITHOUT_PROOF = 0x80, BARE = 0x40, OTHER_CHOICE = 0x20 };

#define A(a, b, c, d)                                                                                                  \
	{                                                                                                              \
		.s_addr = htonl((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))                                      \
	}

static const struct span nas_secret = { (const uint8_t *)"nas secret", 10 }, aaa_secret = { (const uint8_t *)"aaa", 3 };
#define CARE_OF ((struct in_addr)A(10, 0, 1, 1))
#define NAS_AT ((struct in_addr)A(10, 0, 1, 9))
#define AAA_AT ((struct in_addr)A(10, 0, 0, 11))
#define ANCHOR ((struct in_addr)A(10, 0, 0, 1))

static const struct sa user_sa = { .spi = 256, .alg = MAC_HMAC_MD5, .tolerance_s = 7, .key_n = 16 };
static const struct mip_sequence_carrier carrier = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 };

static struct {
	struct mpa *mpa;
	struct actions out;
	struct instant now;
	uint8_t requests; /* so far: makes their authenticators */
	struct {
		uint8_t authenticator[16];
		bool used;
	} sent[2][256]; /* newest request by service and identifier */
	struct {
		uint8_t packet[RADIUS_PACKET_MAX];
		size_t n;
	} asked[ASKED_MAX]; /* of the server */
	unsigned asked_n;
	uint8_t orders[256][16];               /* authenticators of what the server wants ended, by identifier */
	uint8_t end_id, end_authenticator[16]; /* the newest Disconnect-Request to the authenticator */
	bool ends;
	bool let_in[256], served[256]; /* by last octet of the MAC address */
	struct mip_request registration;
	char nai[MIP_NAI_MAX + 1];
	uint32_t stamp;
	uint8_t packet[RADIUS_PACKET_MAX];
} world;

static void fill(void *ctx, uint8_t *ret, size_t n)
{
	uint8_t *next = ctx;

	for (size_t i = 0; i < n; i++)
		ret[i] = (*next)++;
}

static struct radius_secret secret(struct span s)
{
	struct radius_secret r = { .n = s.n };

	memcpy(r.octets, s.p, s.n);
	return r;
}

static struct relay_conf relay_conf(void)
{
	static struct relay_nas nas;
	static struct radius_server server;

	nas = (struct relay_nas){ .name = "floor",
				  .address = { A(10, 0, 1, 0), 24 },
				  .secret = secret(nas_secret),
				  .unproven = true,
				  .das_port = DAS };
	server = (struct radius_server){ .name = "aaa",
					 .address = AAA_AT,
					 .auth_port = AUTH,
					 .acct_port = ACCT,
					 .secret = secret(aaa_secret),
					 .timeout_ms = 1000,
					 .tries = 3 };
	return (struct relay_conf){ .address = CARE_OF,
				    .auth_port = AUTH,
				    .acct_port = ACCT,
				    .das_port = DAS,
				    .nases = &nas,
				    .nas_n = 1,
				    .servers = &server,
				    .server_n = 1,
				    .dead_s = 30,
				    .hold_ms = 3000,
				    .max_exchanges = 6 };
}

static const struct mpa_conf *conf(void)
{
	static char realm[] = "x", nai[] = "b@x";
	static struct mpa_home_agent agent;
	static struct mpa_network network;
	static struct mpa_association association;
	static struct mpa_access accesses[PORTS];
	static struct mpa_station station; /* known, but the ports are not trusted */
	static struct mpa_conf c;

	agent = (struct mpa_home_agent){ .name = "ha", .address = ANCHOR };
	network = (struct mpa_network){
		.name = "office", .prefix = { A(10, 42, 0, 0), 24 }, .gateway = A(10, 42, 0, 1), .lease_s = 3600
	};
	association = (struct mpa_association){ .name = "u", .scope = SA_SCOPE_DOMAIN, .realm = realm, .sa = user_sa };
	station = (struct mpa_station){ .nai = nai, .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } };
	for (uint32_t i = 0; i < PORTS; i++)
		accesses[i] = (struct mpa_access){ .ifindex = i + 1,
						   .mac = { 2, 0, 0, 0, 1, (uint8_t)i },
						   .by_dhcp = true,
						   .by_packet = true,
						   .by_carrier = true };
	c = (struct mpa_conf){ .care_of = CARE_OF,
			       .home_agents = &agent,
			       .home_agent_n = 1,
			       .networks = &network,
			       .network_n = 1,
			       .associations = &association,
			       .association_n = 1,
			       .stations = &station,
			       .station_n = 1,
			       .accesses = accesses,
			       .access_n = PORTS,
			       .aaa_mac = MAC_HMAC_MD5,
			       .relay = relay_conf(),
			       .sequence = carrier,
			       .lifetime_s = 1800,
			       .retransmit_ms = 1000,
			       .retransmit_max_s = 32,
			       .failover_after = 3,
			       .hold_s = 30,
			       .holdoff_ms = 200,
			       .max_subscribers = STATIONS };
	return &c;
}

static void check_answer(const struct action *a)
{
	const bool acct = a->udp.local_port == ACCT;
	struct radius_at at = { 0 };
	struct radius p;
	uint8_t key[256];

	assert(radius_parse(a->octets.p, a->octets.n, &p) == 0 && p.packet.n == a->octets.n);
	assert(a->udp.remote_port == NAS_PORT && world.sent[acct][p.id].used);
	assert(radius_check_response(&p, nas_secret, world.sent[acct][p.id].authenticator));
	if (!acct) {
		assert(radius_find(&p, RADIUS_MESSAGE_AUTHENTICATOR, &at) && at.offset == RADIUS_HEADER_OCTETS);
		assert(radius_check_message(&p, nas_secret, world.sent[acct][p.id].authenticator) ==
		       RADIUS_PROOF_RIGHT);
	}
	assert(radius_find_wimax(&p, RADIUS_WIMAX_MN_HHA_KEY, key, sizeof(key)) == -ENOENT);
	assert(radius_find_wimax(&p, RADIUS_WIMAX_RRQ_MN_HA_KEY, key, sizeof(key)) == -ENOENT);
}

static void check_asked(const struct action *a)
{
	struct radius p;

	assert(a->udp.local_port == CLIENT && radius_parse(a->octets.p, a->octets.n, &p) == 0);
	assert(radius_check_message(&p, aaa_secret, NULL) != RADIUS_PROOF_WRONG);
	assert(p.code == RADIUS_ACCESS_REQUEST ? a->udp.remote_port == AUTH : a->udp.remote_port == ACCT);
	assert(p.code == RADIUS_ACCESS_REQUEST || radius_check_request(&p, aaa_secret));
	memcpy(world.asked[world.asked_n % ASKED_MAX].packet, a->octets.p, a->octets.n);
	world.asked[world.asked_n++ % ASKED_MAX].n = a->octets.n;
}

static void check_end(const struct action *a)
{
	struct radius p;

	assert(a->udp.local_port == CLIENT && radius_parse(a->octets.p, a->octets.n, &p) == 0);
	assert(p.code == RADIUS_DISCONNECT_REQUEST && radius_check_request(&p, nas_secret));
	assert(radius_check_message(&p, nas_secret, NULL) == RADIUS_PROOF_RIGHT);
	world.end_id = p.id;
	memcpy(world.end_authenticator, p.authenticator, sizeof(world.end_authenticator));
	world.ends = true;
}

static void check_ordered(const struct action *a)
{
	struct radius p;

	assert(a->udp.remote_port == AUTH && radius_parse(a->octets.p, a->octets.n, &p) == 0);
	assert(p.code == RADIUS_DISCONNECT_ACK || p.code == RADIUS_DISCONNECT_NAK || p.code == RADIUS_COA_NAK);
	assert(radius_check_message(&p, aaa_secret, world.orders[p.id]) == RADIUS_PROOF_RIGHT);
	assert(radius_check_response(&p, aaa_secret, world.orders[p.id]));
}

static void check_registration(const struct action *a)
{
	struct mip_exts x;

	if (a->octets.p[0] != MIP_TYPE_REQUEST)
		return;
	assert(mip_request_parse(a->octets.p, a->octets.n, &world.registration) == 0);
	assert(mip_exts_parse(a->octets.p, a->octets.n, MIP_REQUEST_OCTETS, &carrier, &x) == 0);
	assert(x.nai.n < sizeof(world.nai));
	memcpy(world.nai, x.nai.p, x.nai.n);
	world.nai[x.nai.n] = '\0';
}

/* An Accept says who it is for: its identifier was chosen so, see request(). */
static void check_accept(const struct action *a)
{
	if (a->udp.local_port == AUTH && a->octets.p[0] == RADIUS_ACCESS_ACCEPT)
		assert(world.served[a->octets.p[1] % STATIONS + 1] || a->octets.p[1] >= 0x80);
}

static void perform(void)
{
	assert(world.out.dropped == 0);
	for (size_t i = 0; i < world.out.n; i++) {
		const struct action *a = &world.out.v[i];

		if (a->type == ACTION_SEND_DATAGRAM && a->udp.remote_port == DAS) {
			check_end(a);
		} else if (a->type == ACTION_SEND_DATAGRAM && a->udp.local_port == DAS) {
			check_ordered(a);
		} else if (a->type == ACTION_SEND_DATAGRAM && a->udp.remote.s_addr == NAS_AT.s_addr) {
			check_answer(a);
			check_accept(a);
		} else if (a->type == ACTION_SEND_DATAGRAM && a->udp.remote.s_addr == AAA_AT.s_addr) {
			check_asked(a);
		} else if (a->type == ACTION_SEND_DATAGRAM) {
			check_registration(a);
		} else if (a->type == ACTION_VISITOR_SET) {
			assert(world.let_in[a->visitor.mac[5]] && a->visitor.home.s_addr != INADDR_ANY);
			world.served[a->visitor.mac[5]] = true;
		} else if (a->type == ACTION_VISITOR_DEL) {
			world.served[a->visitor.mac[5]] = false;
		} else if (a->type == ACTION_RECORD) {
			assert(a->record.nai && a->record.reason && a->record.event);
		}
	}
	actions_clear(&world.out);
}

static void deliver(struct span p, struct in_addr from, uint16_t from_port, uint16_t to_port)
{
	uint8_t *exact = malloc(p.n > 0 ? p.n : 1); /* so that AddressSanitizer sees a read behind it */
	const struct datagram d = { .local = CARE_OF,
				    .remote = from,
				    .local_port = to_port,
				    .remote_port = from_port,
				    .payload = { exact, p.n } };

	assert(exact);
	if (p.n > 0)
		memcpy(exact, p.p, p.n);
	mpa_on_datagram(world.mpa, world.now, &d, &world.out);
	free(exact);
}

static void put_all(struct wr *w, struct rd *r)
{
	while (rd_left(r) >= 2) {
		uint8_t type = rd_u8(r);
		size_t n = min_size(min_size(rd_u8(r), rd_left(r)), RADIUS_VALUE_MAX);

		radius_put(w, type, (struct span){ rd_take(r, n), n });
	}
}

static void put_text(struct wr *w, uint8_t type, const char *text)
{
	radius_put(w, type, (struct span){ (const uint8_t *)text, strlen(text) });
}

/* The station of an identifier; with a high one everything is told by the attributes of the input. */
static void put_station(struct wr *w, uint8_t id, bool other_port)
{
	char mac[] = "02-00-00-00-00-01";

	if (id >= 0x80)
		return;
	mac[16] = (char)('1' + id % STATIONS);
	put_text(w, RADIUS_USER_NAME, "anonymous@x");
	put_text(w, RADIUS_CALLING_STATION_ID, mac);
	put_text(w, RADIUS_CALLED_STATION_ID, other_port ? "02-00-00-00-01-01" : "02-00-00-00-01-00:x");
}

/* Octets: identifier, attributes. */
static void request(uint8_t kind, struct rd r, bool acct)
{
	struct wr w = wr_init(world.packet, sizeof(world.packet));
	uint8_t id = rd_u8(&r), authenticator[16] = { ++world.requests };

	radius_begin(&w, acct ? RADIUS_ACCOUNTING_REQUEST : RADIUS_ACCESS_REQUEST, id);
	if (!(kind & WITHOUT_PROOF))
		radius_put_proof(&w);
	put_station(&w, id, kind & OTHER_CHOICE);
	if (acct && !(kind & BARE))
		radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, RADIUS_ACCT_STOP);
	put_all(&w, &r);
	if (radius_sign_request(&w, nas_secret, acct ? NULL : authenticator) < 0)
		return;
	memcpy(world.sent[acct][id].authenticator, w.start + RADIUS_AUTHENTICATOR_AT, sizeof(authenticator));
	world.sent[acct][id].used = true;
	deliver((struct span){ world.packet, wr_len(&w) }, NAS_AT, NAS_PORT, acct ? ACCT : AUTH);
	if (kind & OTHER_CHOICE) /* it is impatient */
		deliver((struct span){ world.packet, wr_len(&w) }, NAS_AT, NAS_PORT, acct ? ACCT : AUTH);
}

/* Whoever is called by this station's MAC address. */
static void note_let_in(const struct radius *asked)
{
	struct radius_at at;
	uint8_t mac[6];

	if (radius_find(asked, RADIUS_CALLING_STATION_ID, &at) && radius_mac(at.value, mac))
		world.let_in[mac[5]] = true;
}

/* Octets: which request, code, attributes. */
static void reply(uint8_t kind, struct rd r)
{
	static const uint8_t codes[] = { RADIUS_ACCESS_ACCEPT, RADIUS_ACCESS_REJECT, RADIUS_ACCESS_CHALLENGE,
					 RADIUS_ACCOUNTING_RESPONSE };
	static const char *const names[] = { "a@x", "b@x", "c@x", "d@x" };
	unsigned which = rd_u8(&r) % ASKED_MAX;
	uint8_t code = codes[rd_u8(&r) % sizeof(codes)];
	struct wr w = wr_init(world.packet, sizeof(world.packet));
	struct radius_at at;
	struct radius asked;
	uint8_t mac[6];

	if (radius_parse(world.asked[which].packet, world.asked[which].n, &asked) < 0)
		return;
	radius_begin(&w, code, asked.id);
	if (!(kind & WITHOUT_PROOF))
		radius_put_proof(&w);
	if (code == RADIUS_ACCESS_ACCEPT && !(kind & BARE) && radius_find(&asked, RADIUS_CALLING_STATION_ID, &at) &&
	    radius_mac(at.value, mac))
		put_text(&w, RADIUS_USER_NAME, names[mac[5] % STATIONS]);
	put_all(&w, &r);
	if (radius_sign_response(&w, aaa_secret, asked.authenticator) < 0)
		return;
	if (code == RADIUS_ACCESS_ACCEPT && !(kind & WITHOUT_PROOF))
		note_let_in(&asked);
	deliver((struct span){ world.packet, wr_len(&w) }, AAA_AT,
		asked.code == RADIUS_ACCOUNTING_REQUEST ? ACCT : AUTH, CLIENT);
}

/* Octets: whose session, attributes. */
static void order(uint8_t kind, struct rd r)
{
	static const char *const names[] = { "a@x", "b@x", "c@x", "d@x" };
	struct wr w = wr_init(world.packet, sizeof(world.packet));
	uint8_t id = world.requests++;

	radius_begin(&w, kind & OTHER_CHOICE ? RADIUS_COA_REQUEST : RADIUS_DISCONNECT_REQUEST, id);
	if (!(kind & WITHOUT_PROOF))
		radius_put_proof(&w);
	if (!(kind & BARE))
		put_text(&w, RADIUS_USER_NAME, names[rd_u8(&r) % STATIONS]);
	put_all(&w, &r);
	if (radius_sign_request(&w, aaa_secret, NULL) < 0)
		return;
	memcpy(world.orders[id], w.start + RADIUS_AUTHENTICATOR_AT, sizeof(world.orders[id]));
	deliver((struct span){ world.packet, wr_len(&w) }, AAA_AT, AUTH, DAS);
	deliver((struct span){ world.packet, wr_len(&w) }, AAA_AT, AUTH, DAS);
}

static void ended(uint8_t kind, struct rd r)
{
	struct wr w = wr_init(world.packet, sizeof(world.packet));

	if (!world.ends)
		return;
	radius_begin(&w, kind & OTHER_CHOICE ? RADIUS_DISCONNECT_NAK : RADIUS_DISCONNECT_ACK, world.end_id);
	if (!(kind & WITHOUT_PROOF))
		radius_put_proof(&w);
	put_all(&w, &r);
	if (radius_sign_response(&w, nas_secret, world.end_authenticator) == 0)
		deliver((struct span){ world.packet, wr_len(&w) }, NAS_AT, DAS, CLIENT);
}

static void sign(struct wr *w)
{
	(void)sa_sign(&user_sa, MIP_EXT_MN_HA_AUTH, w); /* a failure is a bad message, fine as well */
	deliver((struct span){ w->start, wr_len(w) }, ANCHOR, MIP_PORT, MIP_PORT);
}

/* Octets: code, home's last octet, bits. */
static void answer(struct rd r)
{
	struct wr w = wr_init(world.packet, MIP_MSG_MAX);
	struct mip_reply m = { .code = rd_u8(&r),
			       .lifetime_s = world.registration.lifetime_s,
			       .home = A(10, 42, 0, 10),
			       .home_agent = ANCHOR,
			       .id = world.registration.id };

	m.home.s_addr += htonl(rd_u8(&r) % 16 + (uint32_t)world.nai[0] % 4 * 16);
	mip_reply_build(&w, &m);
	mip_ext_nai_build(&w, (struct span){ (const uint8_t *)world.nai, strlen(world.nai) });
	mip_ext_sequence_build(&w, &carrier, 1 + world.stamp++);
	mip_ext_revocation_support_build(&w, false, world.stamp);
	sign(&w);
}

static void revoke_one(struct rd r)
{
	struct wr w = wr_init(world.packet, MIP_MSG_MAX);
	struct mip_revocation m = { .from_ha = true,
				    .home = A(10, 42, 0, 10),
				    .home_domain = ANCHOR,
				    .foreign_domain = CARE_OF,
				    .id = ++world.stamp };

	m.home.s_addr += htonl(rd_u8(&r) % 64);
	mip_revocation_build(&w, &m);
	sign(&w);
}

static void run(uint8_t kind, struct span p)
{
	static const uint16_t raw_ports[] = { AUTH, ACCT, CLIENT, DAS };
	static const char *const names[] = { "a@x", "b@x", "c@x", "d@x" };
	struct rd r = rd_init(p.p, p.n);
	const uint8_t first = p.n > 0 ? p.p[0] : 0;
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 + first % STATIONS };

	switch ((enum step)(kind % 16)) {
	case STEP_REQUEST:
		request(kind, r, false);
		break;
	case STEP_REPLY:
		reply(kind, r);
		break;
	case STEP_ACCOUNTING:
		request(kind, r, true);
		break;
	case STEP_ANSWER:
		answer(r);
		break;
	case STEP_RAW:
		deliver(p, kind & BARE ? AAA_AT : NAS_AT, kind & BARE ? AUTH : NAS_PORT, raw_ports[kind / 16 % 4]);
		break;
	case STEP_CARRIER:
		mpa_on_carrier(world.mpa, world.now, 1 + first % PORTS, kind & BARE, &world.out);
		break;
	case STEP_DETACH:
		(void)mpa_detach(world.mpa, world.now, names[first % STATIONS], kind & BARE,
				 &world.out); /* or -ENOENT */
		break;
	case STEP_UNKNOWN_SOURCE:
		mpa_on_unknown_source(world.mpa, world.now, 1 + first / 16 % PORTS, mac,
				      (struct in_addr)A(10, 42, 0, first), 0, &world.out);
		break;
	case STEP_REVOKE:
		revoke_one(r);
		break;
	case STEP_ORDER:
		order(kind, r);
		break;
	case STEP_ENDED:
		ended(kind, r);
		break;
	case STEP_TIME:
	default: /* of 16 */
		break;
	}
}

static void settle(void)
{
	perform();
	for (unsigned i = 0; mpa_due(world.mpa) <= world.now.us; i++) {
		assert(i < 10000); /* each call gets on */
		mpa_on_time(world.mpa, world.now, &world.out);
		perform();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint16_t client = CLIENT;
	uint8_t counter = 1;
	const struct random random = { fill, &counter };
	struct rd r = rd_init(data, n);
	struct fuzz_step step;

	memset(&world, 0, sizeof(world));
	world.now = (struct instant){ .us = US_PER_S, .ntp = UINT64_C(0xd000000000000000) };
	if (actions_init(&world.out) < 0)
		return 0;
	if (mpa_new(conf(), &random, &world.mpa) == 0) {
		assert(relay_set_clients(mpa_relay(world.mpa), &client, 1) == 0);
		while (fuzz_next(&r, &world.now, &step)) {
			settle();
			run(step.kind, step.octets);
			settle();
		}
		mpa_freep(&world.mpa);
	}
	actions_done(&world.out);
	return 0;
}
