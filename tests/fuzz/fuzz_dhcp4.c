/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DHCPv4: all that is found lies in the message or in the scratch area; what is built parses to the same. */
#include "codec/dhcp4.h"
#include "tests/fuzz/fuzz.h"

static void inside(struct span all, const struct dhcp4 *m, struct span part)
{
	const uint8_t *scratch = m->scratch;
	bool in_message = part.p >= all.p && part.p + part.n <= all.p + all.n;
	bool in_scratch = part.p >= scratch && part.p + part.n <= scratch + sizeof(m->scratch);

	assert(part.n == 0 || in_message || in_scratch);
}

static void again(const struct dhcp4 *m)
{
	static uint8_t buf[1 << 13];
	struct wr w = wr_init(buf, sizeof(buf));
	struct dhcp4 b;

	dhcp4_begin(&w, m);
	if (m->type != 0)
		dhcp4_option_u8(&w, DHCP4_OPT_TYPE, m->type);
	if (m->client_id.n > 0)
		dhcp4_option(&w, DHCP4_OPT_CLIENT_ID, m->client_id);
	if (m->host_name.n > 0)
		dhcp4_option(&w, DHCP4_OPT_HOST_NAME, m->host_name);
	if (m->lease_s != 0)
		dhcp4_option_u32(&w, DHCP4_OPT_LEASE, m->lease_s);
	dhcp4_option_ip4(&w, DHCP4_OPT_REQUESTED, m->requested);
	if (m->relay_info.n > 0)
		dhcp4_option(&w, DHCP4_OPT_RELAY, m->relay_info);
	dhcp4_end(&w);
	assert(w.err == 0);
	assert(dhcp4_parse(buf, wr_len(&w), &b) == 0);
	assert(b.op == m->op && b.xid == m->xid && b.flags == m->flags && b.type == m->type);
	assert(b.client.s_addr == m->client.s_addr && b.requested.s_addr == m->requested.s_addr);
	assert(b.lease_s == m->lease_s);
	span_equal(b.client_id, m->client_id);
	span_equal(b.host_name, m->host_name);
	span_equal(b.relay_info, m->relay_info);
}

static void relayed(struct span all, const struct dhcp4 *m)
{
	static uint8_t buf[1 << 13];
	static struct dhcp4 b;
	struct wr w = wr_init(buf, sizeof(buf));
	int r = dhcp4_copy(&w, all, (struct span){ 0 });

	if (r == -EMSGSIZE)
		return;
	assert(r == 0);
	dhcp4_end(&w);
	assert(dhcp4_parse(buf, wr_len(&w), &b) == 0);
	assert(b.type == m->type && b.xid == m->xid && b.relay.s_addr == m->relay.s_addr);
	span_equal(b.client_id, m->client_id);
	span_equal(b.host_name, m->host_name);
	span_equal(b.relay_info, m->relay_info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct dhcp4 m;
	struct span all = { data, n };

	if (dhcp4_parse(data, n, &m) < 0)
		return 0;
	inside(all, &m, m.host_name);
	inside(all, &m, m.client_id);
	inside(all, &m, m.parameters);
	inside(all, &m, m.relay_info);
	inside(all, &m, m.fqdn_raw);
	assert(m.scratch_n <= sizeof(m.scratch));
	assert(memchr(m.fqdn, '\0', sizeof(m.fqdn)));
	again(&m);
	relayed(all, &m);
	return 0;
}
