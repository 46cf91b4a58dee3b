/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links and addresses of the host, as the kernel tells them, and the trigger for MOBIKE that their changes are. */
#include <arpa/inet.h>
#include <string.h>

#include "base/util.h"
#include "roles/mn/client/client.h"

/* A move is several changes. charon is told when they pause, and at the latest after the longer time: it has to have
 * seen the new address itself by then, or it looks for a path without it. */
enum { GATHER_US = 2 * US_PER_MS, GATHER_MAX_US = 5 * US_PER_MS };

/* Who takes the home address away gets it back no sooner: it is no fight. */
enum { RESTORE_US = US_PER_S };

static bool is_ignored(const struct mn *mn, const char *name)
{
	for (size_t i = 0; i < mn->conf->ignored_n; i++) {
		const char *pattern = mn->conf->ignored[i];
		size_t n = strlen(pattern);

		if (n > 0 && pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0 : strcmp(pattern, name) == 0)
			return true;
	}
	return strcmp(name, "lo") == 0;
}

/* An address that packets of others can reach: not of this host only (127/8), not of this link only (169.254/16). */
static bool is_ordinary(struct in_addr a)
{
	uint32_t h = ntohl(a.s_addr);

	return h >> 24 != 0 && h >> 24 != 127 && h >> 16 != 0xa9fe && h >> 28 < 0xe;
}

const struct mn_link *links_at(const struct mn *mn, uint32_t ifindex)
{
	for (size_t i = 0; i < mn->link_n; i++)
		if (mn->links[i].ifindex == ifindex)
			return &mn->links[i];
	return NULL;
}

static struct mn_link *link_at(struct mn *mn, uint32_t ifindex)
{
	for (size_t i = 0; i < mn->link_n; i++)
		if (mn->links[i].ifindex == ifindex)
			return &mn->links[i];
	return NULL;
}

static bool link_has(const struct mn_link *l, struct in_addr a)
{
	for (size_t i = 0; l->up && i < l->address_n; i++)
		if (l->addresses[i].s_addr == a.s_addr)
			return true;
	return false;
}

bool links_are_usable(const struct mn *mn)
{
	for (size_t i = 0; i < mn->link_n; i++)
		if (mn->links[i].up && mn->links[i].address_n > 0)
			return true;
	return false;
}

bool links_have(const struct mn *mn, struct in_addr a)
{
	for (size_t i = 0; i < mn->link_n; i++)
		if (link_has(&mn->links[i], a))
			return true;
	return false;
}

uint64_t links_metric(const struct mn *mn, const struct mn_link *l)
{
	uint64_t best = ANY_METRIC;

	for (size_t i = 0; i < mn->route_n; i++)
		if (mn->routes[i].ifindex == l->ifindex && mn->routes[i].metric < best)
			best = mn->routes[i].metric;
	return best;
}

static bool is_native(const struct mn *mn, const struct mn_link *l)
{
	if (mn->home.s_addr == INADDR_ANY || !link_has(l, mn->home))
		return false;
	for (size_t i = 0; i < mn->link_n; i++)
		if (mn->links[i].up && links_metric(mn, &mn->links[i]) < links_metric(mn, l))
			return false;
	return true;
}

void links_find_native(struct mn *mn)
{
	const struct mn_link *l = links_at(mn, mn->native);

	if (mn->client || mn->net_listing || (l && is_native(mn, l)))
		return;
	/* Proof was about the link it came by: whoever has the cable in hand could plug it in elsewhere. */
	if (mn->native != 0)
		mn->proof = MN_PROOF_NONE;
	mn->native = 0;
	for (size_t i = 0; mn->native == 0 && i < mn->link_n; i++)
		if (is_native(mn, &mn->links[i]))
			mn->native = mn->links[i].ifindex;
}

static void changed(struct mn *mn, struct instant now)
{
	uint64_t end;

	if (!mn->net_listed)
		return;
	if (mn->due[MN_TIMER_ROAM] == NEVER)
		mn->changed_us = now.us;
	end = mn->changed_us + GATHER_MAX_US;
	mn->due[MN_TIMER_ROAM] = now.us + GATHER_US < end ? now.us + GATHER_US : end;
	opening_on_links(mn, now);
}

/* charon tells the gateway by MOBIKE. */
void links_roam(struct mn *mn, struct instant now, struct actions *out)
{
	const struct charon_command roam = { .type = CHARON_ROAM };

	mn->due[MN_TIMER_ROAM] = NEVER;
	if (mn->client)
		client_on_change(mn, now, out); /* B-32, B-44: neither waits for the other */
	if (!mn->charon_there || !links_are_usable(mn))
		return; /* nowhere to go: charon waits, and so do we */
	MN_COUNT(mn, roams);
	mn->roamed_us = now.us;
	actions_charon(out, &roam);
}

static const char *address_text(struct in_addr a, char text[INET_ADDRSTRLEN])
{
	(void)inet_ntop(AF_INET, &a, text, INET_ADDRSTRLEN); /* large enough */
	return text;
}

/* Those of @ifindex (0: any) with @metric (or ANY_METRIC). */
static void forget_routes(struct mn *mn, uint32_t ifindex, uint64_t metric)
{
	for (size_t i = mn->route_n; i > 0; i--) {
		struct mn_route *r = &mn->routes[i - 1];

		if ((ifindex == 0 || r->ifindex == ifindex) && (metric == ANY_METRIC || r->metric == metric))
			*r = mn->routes[--mn->route_n];
	}
}

static void forget_link(struct mn *mn, struct mn_link *l)
{
	forget_routes(mn, l->ifindex, ANY_METRIC);
	*l = mn->links[--mn->link_n];
}

static void forget_address(struct mn *mn, struct instant now, struct mn_link *l, size_t i, struct actions *out)
{
	char text[INET_ADDRSTRLEN];

	struct in_addr lost = l->addresses[i];

	mn_record(mn, out, RECORD_INFO, "link", "%s lost %s", l->name, address_text(lost, text));
	l->address_n--;
	l->addresses[i] = l->addresses[l->address_n];
	l->address_listed[i] = l->address_listed[l->address_n];
	if (l->address_n == 0)
		forget_routes(mn, l->ifindex, ANY_METRIC); /* the kernel does not say so */
	opening_on_lost(mn, now, lost, out);
}

static void on_link(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	struct mn_link *l = link_at(mn, e->ifindex);
	bool was_up = l && l->up, interrupted = was_up && e->up && l->losses != e->losses;

	if (strcmp(e->name, mn->conf->device) == 0) {
		mn->device_ifindex = e->ifindex;
		return;
	}
	if (is_ignored(mn, e->name)) {
		if (l)
			forget_link(mn, l);
		return;
	}
	if (!l && mn->link_n == MN_LINKS_MAX) {
		MN_COUNT(mn, links_full);
		return;
	}
	if (!l) {
		l = &mn->links[mn->link_n++];
		*l = (struct mn_link){ .ifindex = e->ifindex };
	}
	l->listed = true;
	l->up = e->up;
	l->losses = e->losses;
	memcpy(l->mac, e->mac, sizeof(l->mac));
	memset(l->name, 0, sizeof(l->name));
	memcpy(l->name, e->name, strnlen(e->name, sizeof(l->name) - 1));
	if (l->up == was_up && !interrupted)
		return; /* the kernel repeats itself: statistics, wireless scans */
	mn_record(mn, out, RECORD_INFO, "link", "%s is %s", l->name,
		  interrupted ? "up again after a short loss of its carrier" :
		  l->up       ? "up" :
				"down");
	l->stays++;
	l->solicited = 0;
	l->solicit_us = now.us;
	if (!e->up && !e->unplugged)
		forget_routes(mn, l->ifindex, ANY_METRIC); /* as above */
	for (size_t i = 0; !l->up && i < l->address_n; i++)
		opening_on_lost(mn, now, l->addresses[i], out);
	changed(mn, now);
}

void links_restore_home(struct mn *mn, struct instant now, struct actions *out)
{
	if (mn->home.s_addr == INADDR_ANY && !mn->client)
		return;
	if (now.us < mn->restored_us + RESTORE_US) {
		mn->due[MN_TIMER_RESTORE] = mn->restored_us + RESTORE_US;
		return;
	}
	mn->restored_us = now.us;
	mn->guard = MN_GUARD_UNKNOWN; /* it leads into the device */
	MN_COUNT(mn, home_restored);
	mn_record(mn, out, RECORD_WARN, "home_address", "it was taken from %s, and is set again", mn->conf->device);
	if (mn->home.s_addr != INADDR_ANY)
		actions_home_set(out, mn->home);
	if (mn->client)
		inner_restore(mn, out);
}

static void on_link_gone(struct mn *mn, struct instant now, uint32_t ifindex, struct actions *out)
{
	struct mn_link *l = link_at(mn, ifindex);

	if (ifindex == mn->device_ifindex) {
		mn->device_ifindex = 0;
		links_restore_home(mn, now, out);
	}
	if (!l)
		return;
	mn_record(mn, out, RECORD_INFO, "link", "%s is gone", l->name);
	while (l->address_n > 0)
		forget_address(mn, now, l, l->address_n - 1, out);
	forget_link(mn, l);
	changed(mn, now);
}

/* What is on our own device is what we, or an earlier run of us, put there. */
static void on_home_address(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	char text[INET_ADDRSTRLEN];

	if (e->type == NET_ADDRESS) {
		if (!mn->client && mn->home.s_addr == INADDR_ANY && is_ordinary(e->address)) {
			mn->home = e->address;
			mn_record(mn, out, RECORD_NOTICE, "home_address", "%s has %s of an earlier run",
				  mn->conf->device, address_text(e->address, text));
		}
		mn->home_listed |= e->address.s_addr == mn->home.s_addr;
		return;
	}
	if (e->address.s_addr == mn->home.s_addr || (mn->client && inner_is_held(mn, e->address)))
		links_restore_home(mn, now, out);
}

static void on_address(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	struct mn_link *l = link_at(mn, e->ifindex);
	char text[INET_ADDRSTRLEN];
	size_t i = 0;

	if (!l || !is_ordinary(e->address))
		return;
	while (i < l->address_n && l->addresses[i].s_addr != e->address.s_addr)
		i++;
	if (i < l->address_n) {
		l->address_listed[i] = true;
		return;
	}
	if (i == MN_ADDRESSES_MAX) {
		MN_COUNT(mn, addresses_full);
		return;
	}
	l->addresses[i] = e->address;
	l->address_listed[i] = true;
	l->address_n++;
	mn_record(mn, out, RECORD_INFO, "link", "%s has %s", l->name, address_text(e->address, text));
	changed(mn, now);
}

static void on_address_gone(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	struct mn_link *l = link_at(mn, e->ifindex);

	for (size_t i = 0; l && i < l->address_n; i++)
		if (l->addresses[i].s_addr == e->address.s_addr) {
			forget_address(mn, now, l, i, out);
			changed(mn, now);
			return;
		}
}

static void on_route(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	bool known = link_at(mn, e->ifindex), comes = known && e->up;

	if (!known && !e->replaces)
		return;
	forget_routes(mn, e->replaces ? 0 : e->ifindex, e->metric);
	if (comes && mn->route_n == MN_ROUTES_MAX)
		MN_COUNT(mn, routes_full);
	else if (comes)
		mn->routes[mn->route_n++] = (struct mn_route){ e->ifindex, e->metric };
	changed(mn, now);
	if (comes)
		opening_on_route(mn, now, out);
}

static void on_listing(struct mn *mn)
{
	mn->net_listing = true;
	mn->home_listed = false;
	mn->route_n = 0;
	for (size_t i = 0; i < mn->link_n; i++) {
		mn->links[i].listed = false;
		memset(mn->links[i].address_listed, 0, sizeof(mn->links[i].address_listed));
	}
}

/* What the listing did not name went while nobody looked. */
static void on_listed(struct mn *mn, struct instant now, struct actions *out)
{
	mn->net_listed = true;
	mn->net_listing = false;
	for (size_t i = mn->link_n; i > 0; i--) {
		struct mn_link *l = &mn->links[i - 1];

		for (size_t k = l->address_n; k > 0; k--)
			if (!l->address_listed[k - 1])
				forget_address(mn, now, l, k - 1, out);
		if (!l->listed)
			forget_link(mn, l);
	}
	if (!mn->home_listed)
		links_restore_home(mn, now, out);
	changed(mn, now);
}

void links_on_event(struct mn *mn, struct instant now, const struct net_event *e, struct actions *out)
{
	bool ours = e->ifindex == mn->device_ifindex && e->ifindex != 0;

	switch (e->type) {
	case NET_LISTING:
		on_listing(mn);
		break;
	case NET_LISTED:
		on_listed(mn, now, out);
		break;
	case NET_LINK:
		on_link(mn, now, e, out);
		break;
	case NET_LINK_GONE:
		on_link_gone(mn, now, e->ifindex, out);
		break;
	case NET_ADDRESS:
		if (ours)
			on_home_address(mn, now, e, out);
		else
			on_address(mn, now, e, out);
		break;
	case NET_ADDRESS_GONE:
		if (ours)
			on_home_address(mn, now, e, out);
		else
			on_address_gone(mn, now, e, out);
		break;
	case NET_ROUTE:
		on_route(mn, now, e, out);
		break;
	}
	links_find_native(mn);
}
