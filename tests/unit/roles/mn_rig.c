/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn_rig.h"

struct mn_rig rig;

static const char *const names[] = { [WWAN] = "wwan0", [WLAN] = "wlan0", [ETH] = "eth0", [HF0] = "hf0" };

/* Each octet one more than the last: no two Identifications are the same, and every run is. */
static void count(void *ctx, uint8_t *ret, size_t n)
{
	uint8_t *next = ctx;

	for (size_t i = 0; i < n; i++)
		ret[i] = (*next)++;
}

static uint8_t next_octet;
static const struct random random_source = { count, &next_octet };

static void default_configuration(void)
{
	static char *ignored[] = { (char *)"ipsec*", (char *)"docker0" };

	memset(rig.connections, 0, sizeof(rig.connections));
	for (int i = 0; i < 3; i++) {
		(void)snprintf(rig.connections[i].name, sizeof(rig.connections[i].name), "gw%d", i + 1);
		(void)snprintf(rig.connections[i].child, sizeof(rig.connections[i].child), "net");
	}
	rig.conf = (struct mn_conf){ .user = (char *)"alice@example.com",
				     .device = "hf0",
				     .inside = MN_INSIDE_GATEWAY,
				     .guard = true,
				     .mark = 66,
				     .keep_ike = true,
				     .ignored = ignored,
				     .ignored_n = 2,
				     .connections = rig.connections,
				     .connection_n = 2,
				     .open_timeout_ms = 7000,
				     .backoff_ms = 1000,
				     .backoff_max_s = 60,
				     .holdoff_ms = 2000 };
}

int rig_setup(void **state)
{
	(void)state;
	default_configuration();
	rig.now = (struct instant){ .us = 1000 * US_PER_S };
	return actions_init(&rig.out) < 0 || mn_new(&rig.conf, &random_source, &rig.mn) < 0 ? -1 : 0;
}

int rig_teardown(void **state)
{
	(void)state;
	mn_freep(&rig.mn);
	actions_done(&rig.out);
	return 0;
}

void rig_restart(void)
{
	mn_freep(&rig.mn);
	assert_int_equal(mn_new(&rig.conf, &random_source, &rig.mn), 0);
	actions_clear(&rig.out);
}

void rig_pass_ms(uint64_t ms)
{
	uint64_t end = rig.now.us + ms * US_PER_MS;

	actions_clear(&rig.out);
	for (unsigned i = 0; mn_due(rig.mn) <= end; i++) {
		assert_true(i < 10000); /* each call gets on */
		if (mn_due(rig.mn) > rig.now.us)
			rig.now.us = mn_due(rig.mn);
		mn_on_time(rig.mn, rig.now, &rig.out);
	}
	rig.now.us = end;
}

void rig_net(enum net_event_type type, uint32_t ifindex, const char *what)
{
	struct net_event e = { .type = type, .ifindex = ifindex, .name = "", .up = true };

	actions_clear(&rig.out);
	if (type == NET_ADDRESS || type == NET_ADDRESS_GONE)
		e.address = ip(what);
	else if (type == NET_LINK)
		e.name = what;
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
}

void rig_link(uint32_t ifindex, bool up)
{
	const struct net_event e = { .type = NET_LINK,
				     .ifindex = ifindex,
				     .name = names[ifindex],
				     .up = up,
				     .mac = { 2, 0, 0, 0, 0, (uint8_t)ifindex } };

	actions_clear(&rig.out);
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
}

void rig_route(uint32_t ifindex, uint32_t metric, bool up)
{
	const struct net_event e = { .type = NET_ROUTE, .ifindex = ifindex, .name = "", .up = up, .metric = metric };

	actions_clear(&rig.out);
	mn_on_net(rig.mn, rig.now, &e, &rig.out);
}

void rig_charon_event(const struct charon_event *e)
{
	struct charon_event own = *e;

	if (!own.connection)
		own.connection = "";
	own.child = "net";
	own.eap = own.id.text = "";
	actions_clear(&rig.out);
	mn_on_charon(rig.mn, rig.now, &own, &rig.out);
}

void rig_charon(enum charon_event_type type, uint32_t sa, const char *connection)
{
	struct charon_event e = { .type = type, .sa = sa, .connection = connection };

	e.local = ip("100.64.0.2");
	e.remote = ip("192.0.2.11");
	rig_charon_event(&e);
}

void rig_child_down(uint32_t sa, bool by_peer)
{
	const struct charon_event e = { .type = CHARON_CHILD_DOWN, .sa = sa, .connection = "gw1", .by_peer = by_peer };

	rig_charon_event(&e);
}

void rig_moved(uint32_t sa, const char *local)
{
	struct charon_event e = { .type = CHARON_IKE_MOVED, .sa = sa, .connection = "gw1" };

	e.local = ip(local);
	e.remote = ip("192.0.2.11");
	rig_charon_event(&e);
}

void rig_assign(const char *connection, const char *address, uint32_t request)
{
	struct charon_event e = { .type = CHARON_ADDRESS, .sa = 1, .connection = connection, .request = request };

	e.address = ip(address);
	rig_charon_event(&e);
}

void rig_boot(void)
{
	rig_net(NET_LISTING, 0, NULL);
	rig_link(HF0, true);
	rig_link(WWAN, true);
	rig_link(WLAN, false);
	rig_link(ETH, false);
	rig_net(NET_LISTED, 0, NULL);
	rig_charon(CHARON_CONNECTED, 0, NULL);
	rig_charon(CHARON_LISTED, 0, NULL);
}

void rig_outside(void)
{
	rig_boot();
	rig_net(NET_ADDRESS, WWAN, "100.64.0.2");
	rig_pass_ms(100);
	rig_assign("gw1", HOME, 1);
	rig_net(NET_ADDRESS, HF0, HOME);
	rig_charon(CHARON_IKE_UP, 1, "gw1");
	rig_charon(CHARON_CHILD_UP, 1, "gw1");
	rig_pass_ms(20000);
	assert_string_equal(rig_state(), "outside");
}

void rig_inside(void)
{
	rig_outside();
	rig_link(ETH, true);
	rig_net(NET_ADDRESS, ETH, HOME);
	rig_pass_ms(10);
	rig_moved(1, HOME);
	rig_child_down(1, true);
	rig_pass_ms(20000);
	assert_string_equal(rig_state(), "inside");
}

const char *rig_state(void)
{
	struct mn_view v;

	mn_describe(rig.mn, &v);
	return v.state;
}

uint64_t rig_counter(const char *name)
{
	const char *const *counter_names;
	const uint64_t *values;
	size_t n = mn_counters(rig.mn, &counter_names, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(counter_names[i], name) == 0)
			return values[i];
	fail_msg("no counter %s", name);
	return 0;
}

const struct charon_command *rig_command(enum charon_command_type type, size_t i)
{
	for (size_t k = 0; k < rig.out.n; k++)
		if (rig.out.v[k].type == ACTION_CHARON && rig.out.v[k].charon.type == type && i-- == 0)
			return &rig.out.v[k].charon;
	return NULL;
}

size_t rig_place(enum action_type type)
{
	for (size_t k = 0; k < rig.out.n; k++)
		if (rig.out.v[k].type == type)
			return k;
	return SIZE_MAX;
}

size_t rig_place_of_command(enum charon_command_type type)
{
	for (size_t k = 0; k < rig.out.n; k++)
		if (rig.out.v[k].type == ACTION_CHARON && rig.out.v[k].charon.type == type)
			return k;
	return SIZE_MAX;
}

const struct action *rig_find(enum action_type type)
{
	return rig_place(type) == SIZE_MAX ? NULL : &rig.out.v[rig_place(type)];
}

const struct record *rig_record(const char *event)
{
	for (size_t k = 0; k < rig.out.n; k++)
		if (rig.out.v[k].type == ACTION_RECORD && strcmp(rig.out.v[k].record.event, event) == 0)
			return &rig.out.v[k].record;
	return NULL;
}
