/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry points of client mode. */
#include "roles/mn/client/client.h"

#include <errno.h>

#include "base/util.h"

enum { SECURITY_RECORDS_PER_S = 10 };

int client_new(struct mn *mn)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->home_agent = mn->conf->client.home_agent;
	c->vpn.x.due_us = NEVER;
	c->vpn_connection = SIZE_MAX;
	c->security = ratelimit_init(SECURITY_RECORDS_PER_S);
	mn->home = mn->conf->client.home;
	mn->client = c;
	return 0;
}

struct span client_nai(const struct mn *mn)
{
	const char *nai = mn->conf->client.pseudonym ? mn->conf->client.pseudonym : mn->conf->user;

	return (struct span){ (const uint8_t *)nai, strlen(nai) };
}

void client_on_change(struct mn *mn, struct instant now, struct actions *out)
{
	if (!mn->net_listed || mn->net_listing)
		return;
	ways_follow_links(mn, now, out);
	ways_probe(mn, now, out);
	/* B-24, B-37, B-39, B-43, B-44, S-06: an IKE_SA to be set up waits for nothing either, unless the last attempts failed. */
	if (mn->state == MN_CONNECTING && mn->opening.rounds == 0 && !opening_is_under_way(mn) &&
	    mn->due[MN_TIMER_OPEN] != NEVER)
		mn->due[MN_TIMER_OPEN] = now.us;
}

void client_on_time(struct mn *mn, struct instant now, struct actions *out)
{
	agents_forget_silent(mn, now);
	agents_on_time(mn, now, out);
	ways_on_time(mn, now, out);
}

static const char *const modes[CLIENT_STATE_COUNT] = {
	[CLIENT_NOWHERE] = "",   [CLIENT_DECIDING] = "",  [CLIENT_CONNECTING] = "", [CLIENT_BINDING] = "",
	[CLIENT_OUTSIDE] = "mc", [CLIENT_INSIDE_C] = "c", [CLIENT_INSIDE_F] = "f",  [CLIENT_HOME] = "home",
};

void client_describe(const struct mn *mn, struct mn_view *ret)
{
	const struct client *c = mn->client;
	const struct mn_link *l = links_at(mn, c->bound.ifindex);

	ret->state = client_state_names[c->state];
	ret->mode = modes[c->state];
	if (!*ret->mode)
		return;
	ret->native = l ? l->name : "";
	ret->proof = l ? "proven by the home agent" : "";
	if (c->state == CLIENT_HOME)
		return;
	ret->care_of = c->bound.care_of;
	ret->foreign_agent = c->bound.agent;
	ret->expires_us = c->bound.expires_us;
}
