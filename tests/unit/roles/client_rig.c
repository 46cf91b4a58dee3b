/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client_rig.h"

#include "codec/agent_adv.h"
#include "codec/ether.h"
#include "codec/ip4.h"

struct dp_path client_path;
uint8_t client_agent_mac[6], client_agent_ttl;
uint16_t client_agent_lifetime_s;

static const struct sa right = { .spi = 0x1001,
				 .alg = MAC_HMAC_SHA_256,
				 .key_n = 16,
				 .key = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };

static void note(void)
{
	for (size_t i = 0; i < rig.out.n; i++)
		if (rig.out.v[i].type == ACTION_PATH_SET)
			client_path = rig.out.v[i].path;
}

void client_restart(void)
{
	client_path = (struct dp_path){ .how = PATH_TUNNEL };
	memcpy(client_agent_mac, (uint8_t[]){ 2, 0xfa, 0, 0, 0, 1 }, sizeof(client_agent_mac));
	client_agent_ttl = 1;
	client_agent_lifetime_s = 30;
	rig_restart();
	rig_net(NET_LISTING, 0, NULL);
	note();
	rig_link(HF0, true);
	rig_link(WWAN, false);
	rig_link(WLAN, false);
	rig_link(ETH, false);
	rig_net(NET_LISTED, 0, NULL);
	note();
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon(CHARON_LISTED, 0, NULL);
	client_pass_ms(100);
}

int client_setup(void **state)
{
	if (rig_setup(state) < 0)
		return -1;
	rig.now.ntp = UINT64_C(0xe9000000) << 32;
	rig.conf.mode = MN_MODE_CLIENT;
	rig.conf.inside = MN_INSIDE_NEVER;
	rig.conf.client = (struct mn_client_conf){ .home = ip(HOME),
						   .home_agent = ip(HA),
						   .sa = right,
						   .agent_discovery = true,
						   .foreign_agents = true,
						   .udp = MN_UDP_OFF,
						   .probe = MN_PROBE_ALWAYS,
						   .retransmissions = 2,
						   .lifetime_s = 1800,
						   .monitor_s = 60 };
	client_restart();
	return 0;
}

void client_pass_ms(uint64_t ms)
{
	rig_pass_ms(ms);
	note();
}

void client_attach(uint32_t ifindex, const char *address)
{
	rig_link(ifindex, true);
	note();
	rig_net(NET_ADDRESS, ifindex, address);
	note();
	rig_route(ifindex, ifindex == WWAN ? 700 : ifindex == WLAN ? 600 : 100, true);
	note();
	client_pass_ms(3);
}

void client_detach(uint32_t ifindex)
{
	rig_link(ifindex, false);
	note();
	client_pass_ms(3);
}

void client_lose(uint32_t ifindex, const char *address)
{
	rig_net(NET_ADDRESS_GONE, ifindex, address);
	note();
}

void client_vpn_down(uint32_t sa, const char *gateway)
{
	const struct charon_event down = { .type = CHARON_IKE_DOWN, .sa = sa, .connection = gateway };

	rig_charon_event(&down);
	note();
}

void client_vpn_up(uint32_t sa, const char *gateway, const char *tia)
{
	struct charon_event e = { .type = CHARON_ADDRESS,
				  .sa = sa,
				  .connection = gateway,
				  .request = 7,
				  .address = ip(tia),
				  .local = ip(CAFE),
				  .remote = ip("192.0.2.11") };

	rig_charon_event(&e);
	note();
	e.address.s_addr = INADDR_ANY;
	e.type = CHARON_IKE_UP;
	rig_charon_event(&e);
	e.type = CHARON_CHILD_UP;
	rig_charon_event(&e);
	note();
}

void client_vpn_moved(uint32_t sa, const char *local)
{
	rig_moved(sa, local);
	note();
}

static void read_request(struct caught *c, struct span message)
{
	assert_true(message.n <= sizeof(c->octets));
	memcpy(c->octets, message.p, message.n);
	c->n = message.n;
	c->here = mip_request_parse(c->octets, c->n, &c->m) == 0 &&
		  mip_exts_parse(c->octets, c->n, MIP_REQUEST_OCTETS, NULL, &c->x) == 0;
	assert_true(c->here);
	assert_true(sa_verify(&rig.conf.client.sa, c->octets, &c->x.mn_ha)); /* B-25 */
}

static bool is_request(const struct action *a, uint32_t ifindex)
{
	return a->type == ACTION_SEND_DATAGRAM && a->udp.ifindex == ifindex && a->udp.remote_port == MIP_PORT &&
	       a->octets.p[0] == MIP_TYPE_REQUEST;
}

struct caught client_caught(uint32_t ifindex)
{
	static struct caught last;

	last = (struct caught){ .ifindex = ifindex };
	for (size_t i = 0; i < rig.out.n; i++) {
		const struct action *a = &rig.out.v[i];

		if (!is_request(a, ifindex))
			continue;
		assert_int_equal(a->udp.local_port, MIP_PORT);
		last.from = a->udp.local;
		last.to = a->udp.remote;
		read_request(&last, a->octets);
	}
	return last;
}

struct caught client_caught_frame(uint32_t ifindex)
{
	static struct caught last;

	last = (struct caught){ .ifindex = ifindex };
	for (size_t i = 0; i < rig.out.n; i++) {
		const struct action *a = &rig.out.v[i];
		struct ether e;
		struct udp4 u;
		struct ip4 h;

		if (a->type != ACTION_SEND_FRAME || a->ifindex != ifindex ||
		    ether_parse(a->octets.p, a->octets.n, &e) < 0 || e.type != ETHER_IP4 ||
		    ip4_parse(e.payload.p, e.payload.n, &h) < 0 || udp4_parse(&h, &u) < 0)
			continue;
		last.from = h.source;
		last.to = h.destination;
		last.ttl = h.ttl;
		read_request(&last, u.payload);
	}
	return last;
}

size_t client_requests(uint32_t ifindex)
{
	size_t n = 0;

	for (size_t i = 0; i < rig.out.n; i++)
		n += is_request(&rig.out.v[i], ifindex);
	return n;
}

void client_answer(const struct caught *c, const struct answer_spec *spec)
{
	const struct mip_reply m = { .code = spec->code,
				     .lifetime_s = spec->no_lifetime ? 0 :
						   spec->lifetime_s  ? spec->lifetime_s :
								       c->m.lifetime_s,
				     .home = spec->home ? ip(spec->home) : c->m.home,
				     .home_agent = spec->home_agent ? ip(spec->home_agent) : c->m.home_agent,
				     .id = spec->id_high ? spec->id_high << 32 | (uint32_t)c->m.id : c->m.id };
	uint8_t octets[512];
	struct wr w = wr_init(octets, sizeof(octets));
	struct sa sa = right;
	struct datagram d = { .local = c->from,
			      .remote = spec->from ? ip(spec->from) : c->to,
			      .local_port = MIP_PORT,
			      .remote_port = spec->port ? spec->port : MIP_PORT,
			      .ifindex = spec->by          ? spec->by :
					 c->ifindex == VPN ? (uint32_t)IPSEC0 :
							     c->ifindex };

	struct mip_exts x;

	assert_true(c->here);
	assert_int_equal(mip_exts_parse(c->octets, c->n, MIP_REQUEST_OCTETS, NULL, &x), 0);
	if (spec->wrong_key)
		sa.key[0] ^= 1;
	mip_reply_build(&w, &m);
	mip_ext_nai_build(&w, x.nai);
	if (spec->udp)
		mip_ext_udp_reply_build(&w, 0, false, spec->keepalive_s);
	if (!spec->no_tnc && !spec->tnc_behind)
		mip_ext_tnc_build(&w);
	if (spec->stamp)
		mip_ext_revocation_support_build(&w, false, spec->stamp);
	if (!spec->unsigned_)
		assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	if (spec->signed_twice)
		assert_int_equal(sa_sign(&sa, MIP_EXT_MN_HA_AUTH, &w), 0);
	if (spec->tnc_behind)
		mip_ext_tnc_build(&w);
	d.payload = (struct span){ octets, wr_len(&w) };
	actions_clear(&rig.out);
	mn_on_datagram(rig.mn, rig.now, &d, &rig.out);
	note();
}

void client_accept(uint32_t ifindex)
{
	const struct caught c = client_caught(ifindex);

	client_answer(&c, &(struct answer_spec){ .no_tnc = ifindex == VPN });
}

void client_advertise(uint32_t ifindex, uint16_t flags, uint16_t sequence)
{
	static const uint8_t all[6] = { 1, 0, 0x5e, 0, 0, 1 };
	const struct agent_adv a = { .lifetime_s = client_agent_lifetime_s,
				     .is_agent = true,
				     .sequence = sequence,
				     .registration_lifetime_s = 600,
				     .flags = flags,
				     .care_of_n = 1,
				     .care_of = { ip(AGENT_CARE_OF) } };
	const struct ip4 h = {
		.ttl = client_agent_ttl, .protocol = IPPROTO_ICMP, .source = ip(AGENT), .destination = ip("224.0.0.1")
	};
	uint8_t icmp[128], frame[256];
	struct wr body = wr_init(icmp, sizeof(icmp)), w = wr_init(frame, sizeof(frame));

	agent_adv_build(&body, &a);
	ether_build(&w, all, client_agent_mac, ETHER_IP4);
	ip4_build(&w, &h, wr_len(&body));
	wr_bytes(&w, icmp, wr_len(&body));
	assert_int_equal(w.err, 0);
	actions_clear(&rig.out);
	mn_on_frame(rig.mn, rig.now, ifindex, (struct span){ frame, wr_len(&w) }, &rig.out);
	note();
}

void client_inside(void)
{
	client_attach(ETH, OFFICE);
	client_accept(ETH);
	assert_string_equal(rig_state(), "inside");
}

void client_outside(void)
{
	client_attach(WLAN, CAFE);
	client_pass_ms(1000);
	client_vpn_up(1, "gw1", TIA);
	client_accept(VPN);
	assert_string_equal(rig_state(), "outside");
}

const char *client_mode(void)
{
	struct mn_view v;

	mn_describe(rig.mn, &v);
	return v.mode;
}

void client_assert_blocked(void)
{
	assert_int_equal(client_path.how, PATH_BLOCKED);
	assert_int_equal(client_path.home.s_addr, ip(HOME).s_addr);
	assert_string_equal(client_mode(), "");
}

void client_assert_mode_c(uint32_t ifindex, const char *care_of)
{
	assert_string_equal(rig_state(), "inside");
	assert_string_equal(client_mode(), "c");
	assert_int_equal(client_path.how, PATH_TUNNEL);
	assert_false(client_path.vpn);
	assert_int_equal(client_path.ifindex, ifindex);
	assert_int_equal(client_path.tunnel.encap, ENCAP_IPIP);
	assert_int_equal(client_path.tunnel.local.s_addr, ip(care_of).s_addr);
	assert_int_equal(client_path.tunnel.remote.s_addr, ip(HA).s_addr);
}
