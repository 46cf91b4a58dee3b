/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints one message of each kind as our builders make it: "NAME HEX" per line. test_tshark.py knows what is in them
 * and lets two independent decoders say so. */
#include <arpa/inet.h>
#include <stdio.h>

#include "codec/agent_adv.h"
#include "codec/mip_msg.h"
#include "core/sa.h"

static const struct mip_sequence_carrier carrier = { .form = MIP_SEQUENCE_EXPERIMENTAL, .subtype = 1 };
static const struct sa mn_sa = { .spi = 256, .alg = MAC_HMAC_MD5, .key_n = 8, .key = "12345678" };
static const struct sa node_sa = { .spi = 257, .alg = MAC_HMAC_SHA_256, .key_n = 8, .key = "abcdefgh" };

static struct in_addr ip(const char *text)
{
	struct in_addr a = { 0 };

	(void)inet_pton(AF_INET, text, &a); /* literals of this file */
	return a;
}

static struct span text(const char *s)
{
	return (struct span){ (const uint8_t *)s, strlen(s) };
}

static void request(struct wr *w)
{
	const struct mip_request m = { .flags = MIP_REQ_B | MIP_REQ_D | MIP_REQ_T,
				       .lifetime_s = 1800,
				       .home = ip("10.42.0.10"),
				       .home_agent = ip("10.0.0.1"),
				       .care_of = ip("10.0.1.1"),
				       .id = UINT64_C(0xe9abcdef12345678) };

	mip_request_build(w, &m);
	mip_ext_nai_build(w, text("alice@example.com"));
	mip_ext_revocation_support_build(w, true, 0xe9abcdef);
	mip_ext_udp_request_build(w, true, false, 4);
	mip_ext_interface_id_build(w, text("eth1"));
	mip_ext_device_id_build(w, 1, text("\x02\x11\x22\x33\x44\x55"));
	mip_ext_subscriber_id_build(w, 1, text("001010123456789"));
	mip_ext_access_tech_build(w, MIP_ACCESS_TECH_8023);
	mip_ext_sequence_build(w, &carrier, 0x01020304);
	(void)sa_sign(&mn_sa, MIP_EXT_MN_HA_AUTH, w); /* the digest tells */
}

static void node_request(struct wr *w)
{
	const struct mip_request m = {
		.lifetime_s = 0, .home_agent = ip("10.0.0.1"), .care_of = ip("10.0.1.1"), .id = 1
	};

	mip_request_build(w, &m);
	mip_ext_nai_build(w, text("bob@example.com"));
	mip_ext_pmip_method_build(w, MIP_PMIP_METHOD_FA_HA_AUTH);
	(void)sa_sign(&node_sa, MIP_EXT_FA_HA_AUTH, w);
}

static void reply(struct wr *w)
{
	const struct mip_reply m = { .code = 0,
				     .lifetime_s = 600,
				     .home = ip("10.42.0.10"),
				     .home_agent = ip("10.0.0.1"),
				     .id = UINT64_C(0xe9abcdef12345678) };

	mip_reply_build(w, &m);
	mip_ext_nai_build(w, text("alice@example.com"));
	mip_ext_sequence_build(w, &carrier, 0x01020305);
	mip_ext_udp_reply_build(w, 0, true, 110);
	mip_ext_tnc_build(w);
	mip_ext_message_string_build(w, 1, text("welcome back"));
	(void)sa_sign(&mn_sa, MIP_EXT_MN_HA_AUTH, w);
	mip_ext_revocation_support_build(w, false, 0xe9abcdf0);
	(void)sa_sign(&node_sa, MIP_EXT_FA_HA_AUTH, w);
}

static void refusal(struct wr *w)
{
	const struct mip_reply m = { .code = MIP_CODE_ID_MISMATCH,
				     .home_agent = ip("10.0.0.1"),
				     .id = UINT64_C(0xe9abce0012345678) };

	mip_reply_build(w, &m);
	(void)sa_sign(&mn_sa, MIP_EXT_MN_HA_AUTH, w);
}

static void revocation(struct wr *w)
{
	const struct mip_revocation m = { .from_ha = true,
					  .home = ip("10.42.0.10"),
					  .home_domain = ip("10.0.0.1"),
					  .foreign_domain = ip("10.0.1.1"),
					  .id = 0xe9abcdf1 };

	mip_revocation_build(w, &m);
	(void)sa_sign(&node_sa, MIP_EXT_FA_HA_AUTH, w);
}

static void revocation_ack(struct wr *w)
{
	const struct mip_revocation_ack m = { .inform = true, .home = ip("10.42.0.10"), .id = 0xe9abcdf1 };

	mip_revocation_ack_build(w, &m);
	(void)sa_sign(&node_sa, MIP_EXT_FA_HA_AUTH, w);
}

static void tunnel_data(struct wr *w)
{
	mip_tunnel_data_build(w, 4);
}

static void agent_adv(struct wr *w)
{
	const struct agent_adv a = { .lifetime_s = 1800,
				     .router_n = 1,
				     .routers = { { .addr = ip("10.0.1.1"), .preference = -2, .prefix_len = 24 } },
				     .has_prefixes = true,
				     .is_agent = true,
				     .sequence = 258,
				     .registration_lifetime_s = 900,
				     .flags = AGENT_ADV_R | AGENT_ADV_F | AGENT_ADV_T | AGENT_ADV_U | AGENT_ADV_X,
				     .care_of_n = 2,
				     .care_of = { ip("10.0.1.1"), ip("10.0.1.2") },
				     .challenge = text("\x01\x02\x03\x04") };

	agent_adv_build(w, &a);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*build)(struct wr *w);
	} rows[] = {
		{ "request", request },         { "node-request", node_request }, { "reply", reply },
		{ "refusal", refusal },         { "revocation", revocation },     { "revocation-ack", revocation_ack },
		{ "tunnel-data", tunnel_data }, { "agent-adv", agent_adv },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[MIP_MSG_MAX];
		struct wr w = wr_init(buf, sizeof(buf));

		rows[i].build(&w);
		if (w.err)
			return 1;
		printf("%s ", rows[i].name);
		for (size_t j = 0; j < wr_len(&w); j++)
			printf("%02x", buf[j]);
		putchar('\n');
	}
	return 0;
}
