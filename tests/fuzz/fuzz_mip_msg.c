/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fixed parts: what parses is built again to the same octets, reserved bits aside. */
#include "codec/mip_msg.h"
#include "tests/fuzz/fuzz.h"

static void request(const uint8_t *data, size_t n)
{
	uint8_t buf[MIP_REQUEST_OCTETS];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_request m;

	if (mip_request_parse(data, n, &m) < 0)
		return;
	mip_request_build(&w, &m);
	assert(w.err == 0 && wr_len(&w) == sizeof(buf));
	assert(memcmp(buf, data, sizeof(buf)) == 0);
}

static void reply(const uint8_t *data, size_t n)
{
	uint8_t buf[MIP_REPLY_OCTETS];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_reply m;

	if (mip_reply_parse(data, n, &m) < 0)
		return;
	assert(mip_code_name(m.code)[0] != '\0');
	mip_reply_build(&w, &m);
	assert(w.err == 0 && wr_len(&w) == sizeof(buf));
	assert(memcmp(buf, data, sizeof(buf)) == 0);
}

static void revocation(const uint8_t *data, size_t n)
{
	uint8_t buf[MIP_REVOCATION_OCTETS];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_revocation m;

	if (mip_revocation_parse(data, n, &m) < 0)
		return;
	mip_revocation_build(&w, &m);
	assert(w.err == 0 && wr_len(&w) == sizeof(buf));
	assert(buf[2] == (data[2] & 0xc0));
	assert(memcmp(buf + 4, data + 4, sizeof(buf) - 4) == 0);
}

static void revocation_ack(const uint8_t *data, size_t n)
{
	uint8_t buf[MIP_REVOCATION_ACK_OCTETS];
	struct wr w = wr_init(buf, sizeof(buf));
	struct mip_revocation_ack m;

	if (mip_revocation_ack_parse(data, n, &m) < 0)
		return;
	mip_revocation_ack_build(&w, &m);
	assert(w.err == 0 && wr_len(&w) == sizeof(buf));
	assert(buf[2] == (data[2] & 0x80));
	assert(memcmp(buf + 4, data + 4, sizeof(buf) - 4) == 0);
}

static void tunnel_data(const uint8_t *data, size_t n)
{
	struct span inner;
	uint8_t next;

	if (mip_tunnel_data_parse(data, n, &next, &inner) < 0)
		return;
	assert(next == data[1]);
	assert(inner.p == data + MIP_TUNNEL_DATA_OCTETS && inner.n == n - MIP_TUNNEL_DATA_OCTETS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	request(data, n);
	reply(data, n);
	revocation(data, n);
	revocation_ack(data, n);
	tunnel_data(data, n);
	return 0;
}
