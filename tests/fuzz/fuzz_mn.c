/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mobile node as a whole. The input is a list of steps of 4 octets: what happens, milliseconds before it (cubed),
 * which link or IKE_SA, which address or connection. After each step: inside means that a link has the home address and
 * no CHILD_SA is up, the guard is on where it should be, and the home address is never gone once it was there. */
#include <arpa/inet.h>
#include <stdio.h>

#include "roles/mn/mn.h"
#include "tests/fuzz/fuzz.h"

enum { LINKS = 4, HF0 = 9, NAMES = 3, MARK = 66 };

static struct {
	struct in_addr home;
	bool guard, listing;
	unsigned opens;
} shadow;

static struct mn_conf *conf(enum mn_inside inside)
{
	static struct mn_connection connections[2] = { { "gw1", "net" }, { "gw2", "net" } };
	static char user[] = "alice@example.com", ipsec[] = "ipsec*";
	static char *ignored[] = { ipsec };
	static struct mn_conf c;

	c = (struct mn_conf){ .user = user,
			      .device = "hf0",
			      .inside = inside,
			      .guard = true,
			      .mark = MARK,
			      .keep_ike = true,
			      .ignored = ignored,
			      .ignored_n = 1,
			      .connections = connections,
			      .connection_n = 2,
			      .open_timeout_ms = 7000,
			      .backoff_ms = 1000,
			      .backoff_max_s = 60,
			      .holdoff_ms = 2000 };
	return &c;
}

static void perform(const struct actions *out)
{
	assert(out->dropped == 0);
	for (size_t i = 0; i < out->n; i++) {
		const struct action *a = &out->v[i];

		switch (a->type) {
		case ACTION_CHARON:
			assert(a->charon.connection && a->charon.child);
			shadow.opens += a->charon.type == CHARON_OPEN;
			break;
		case ACTION_HOME_SET:
			assert(a->home.s_addr != INADDR_ANY);
			shadow.home = a->home;
			break;
		case ACTION_HOME_DEL:
			assert(a->home.s_addr != shadow.home.s_addr);
			break;
		case ACTION_GUARD_SET:
			if (shadow.home.s_addr == INADDR_ANY)
				shadow.home = a->home; /* found on the device */
			assert(a->home.s_addr == shadow.home.s_addr);
			shadow.guard = true;
			break;
		case ACTION_GUARD_DEL:
			if (a->home.s_addr == shadow.home.s_addr)
				shadow.guard = false;
			break;
		case ACTION_HINT_WATCH:
			assert(a->home.s_addr == INADDR_ANY || shadow.home.s_addr == INADDR_ANY ||
			       a->home.s_addr == shadow.home.s_addr);
			break;
		case ACTION_RECORD:
			assert(a->record.nai && a->record.reason && a->record.event);
			break;
		case ACTION_PATH_SET:
		case ACTION_SEND_DATAGRAM:
		case ACTION_SEND_FRAME:
		case ACTION_SEND_TUNNELLED:
		case ACTION_SEND_PACKET:
		case ACTION_SEND_OWN:
		case ACTION_STORE_PUT:
		case ACTION_STORE_DEL:
		case ACTION_BINDING_SET:
		case ACTION_BINDING_DEL:
		case ACTION_VISITOR_SET:
		case ACTION_VISITOR_DEL:
		case ACTION_PORT:
			abort();
		}
	}
}

static struct in_addr address(uint8_t n)
{
	static const char *const all[] = { "10.42.0.17",  "100.64.0.2", "192.168.7.23", "10.42.0.99",
					   "169.254.1.1", "127.0.0.1",  "0.0.0.0" };
	struct in_addr a;

	(void)inet_pton(AF_INET, all[n % ARRAY_SIZE(all)], &a); /* they are addresses */
	return a;
}

static void on_net(struct mn *mn, struct instant now, uint8_t kind, uint8_t which, uint8_t what, struct actions *out)
{
	static const char *const names[] = { "eth0", "wwan0", "wlan0", "ipsec0" };
	bool device = which % (LINKS + 1) == LINKS;
	struct net_event e = { .type = kind % (NET_ROUTE + 1),
			       .ifindex = device ? HF0 : which % LINKS + 1u,
			       .name = device ? "hf0" : names[which % LINKS],
			       .up = !(what & 0x80),
			       .address = address(what & 0x7f),
			       .metric = what & 3,
			       .replaces = what & 4 };

	if (e.type == NET_LISTING || e.type == NET_LISTED)
		shadow.listing = e.type == NET_LISTING;
	mn_on_net(mn, now, &e, out);
}

static void on_charon(struct mn *mn, struct instant now, uint8_t kind, uint8_t which, uint8_t what, struct actions *out)
{
	static const char *const names[NAMES] = { "gw1", "gw2", "other" };
	struct charon_event e = { .type = kind % CHARON_EVENT_COUNT,
				  .sa = which & 7,
				  .new_sa = what & 7,
				  .request = which,
				  .id = { .text = "" },
				  .eap = "",
				  .local = address(what),
				  .remote = address(which),
				  .address = address(what),
				  .children = what & 3,
				  .connection = names[(which >> 3) % NAMES],
				  .child = "net",
				  .by_peer = what & 0x80 };

	mn_on_charon(mn, now, &e, out);
}

static void step(struct mn *mn, struct instant now, const uint8_t p[4], struct actions *out)
{
	static const char *const names[NAMES] = { "gw1", "gw2", "other" };

	if (p[0] & 0x80)
		on_net(mn, now, p[0] & 0x7f, p[2], p[3], out);
	else if ((p[0] & 0x60) == 0x60)
		mn_on_plain(mn, now, p[2] % LINKS + 1u, out);
	else if (p[0] & 0x40)
		(void)mn_use(mn, now, names[p[2] % NAMES], out); /* refusals are fine */
	else
		on_charon(mn, now, p[0] & 0x3f, p[2], p[3], out);
}

static void settle(struct mn *mn, struct instant now, struct actions *out)
{
	perform(out);
	actions_clear(out);
	for (unsigned i = 0; mn_due(mn) <= now.us; i++) {
		assert(i < 10000); /* each call gets on */
		mn_on_time(mn, now, out);
		perform(out);
		actions_clear(out);
	}
}

static void compare(const struct mn *mn)
{
	struct mn_view v;

	if (shadow.listing)
		return; /* of half a list nothing follows */
	mn_describe(mn, &v);
	if (strcmp(v.state, "inside") == 0)
		assert(v.native[0] && v.proof[0] && v.children == 0 && !shadow.guard);
	if (strcmp(v.state, "outside") == 0)
		assert(v.children > 0);
	if (shadow.home.s_addr != INADDR_ANY)
		assert(v.home.s_addr != INADDR_ANY);
}

/* In proxy mode nothing is drawn by lot. */
static void no_lot(void *ctx, uint8_t *ret, size_t n)
{
	(void)ctx;
	(void)ret;
	(void)n;
	abort();
}

static const struct random random_source = { no_lot, NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct instant now = { .us = US_PER_S };
	struct actions out;
	struct mn *mn = NULL;

	if (n == 0 || actions_init(&out) < 0)
		return 0;
	memset(&shadow, 0, sizeof(shadow));
	if (mn_new(conf(data[0] % MN_INSIDE_COUNT), &random_source, &mn) == 0) {
		for (size_t i = 1; i + 4 <= n; i += 4) {
			uint64_t ms = data[i + 1];
			unsigned opens = shadow.opens;

			now.us += ms * ms * ms * US_PER_MS;
			step(mn, now, data + i, &out);
			settle(mn, now, &out);
			assert(shadow.opens - opens <=
			       3); /* nothing that happens makes us open more than once or twice */
			compare(mn);
		}
		mn_freep(&mn);
	}
	actions_done(&out);
	return 0;
}
