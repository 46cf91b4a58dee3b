/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agent advertisements. The checksum is put right first, or nothing would get past it. */
#include "codec/agent_adv.h"
#include "codec/ip4.h"
#include "tests/fuzz/fuzz.h"

static void same(const struct agent_adv *a, const struct agent_adv *b)
{
	assert(a->code == b->code && a->lifetime_s == b->lifetime_s && a->router_n == b->router_n);
	assert(memcmp(a->routers, b->routers, sizeof(a->routers)) == 0);
	assert(a->has_prefixes == b->has_prefixes && a->is_agent == b->is_agent && a->sequence == b->sequence);
	assert(a->registration_lifetime_s == b->registration_lifetime_s && a->flags == b->flags);
	assert(a->care_of_n == b->care_of_n && memcmp(a->care_of, b->care_of, sizeof(a->care_of)) == 0);
	span_equal(a->challenge, b->challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *msg = malloc(n + 1), buf[1024];
	struct wr w = wr_init(buf, sizeof(buf));
	struct agent_adv a, again;
	uint16_t sum;

	(void)agent_adv_parse(data, n, &a);
	(void)agent_solicitation_parse(data, n);
	if (!msg || n < 4) {
		free(msg);
		return 0;
	}
	memcpy(msg, data, n);
	msg[2] = msg[3] = 0;
	sum = ip4_checksum(msg, n);
	msg[2] = (uint8_t)(sum >> 8);
	msg[3] = (uint8_t)sum;
	if (agent_adv_parse(msg, n, &a) == 0) {
		agent_adv_build(&w, &a);
		assert(w.err == 0 && wr_len(&w) % 2 == 0);
		assert(agent_adv_parse(buf, wr_len(&w), &again) == 0);
		same(&a, &again);
	}
	free(msg);
	return 0;
}
