/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that gateways assign (TIA), and the way through the VPN. Outside, such an address is the care-of address
 * (B-07); its packets never leave but through the VPN. */
#include "base/util.h"
#include "roles/mn/client/client.h"

static struct inner *inner_of(struct client *c, uint32_t sa)
{
	for (size_t i = 0; i < c->inner_n; i++)
		if (c->inners[i].sa == sa)
			return &c->inners[i];
	return NULL;
}

bool inner_is_held(const struct mn *mn, struct in_addr a)
{
	const struct client *c = mn->client;

	for (size_t i = 0; i < c->inner_n; i++)
		if (c->inners[i].address.s_addr == a.s_addr)
			return true;
	return false;
}

static void release(const struct mn *mn, struct in_addr a, struct actions *out)
{
	if (inner_is_held(mn, a))
		return; /* another IKE_SA has it as well: reauthentication */
	actions_guard_del(out, a);
	actions_home_del(out, a);
}

static void hold(struct in_addr a, struct actions *out)
{
	actions_home_set(out, a);
	actions_guard_set(out, a);
}

void inner_restore(const struct mn *mn, struct actions *out)
{
	for (size_t i = 0; i < mn->client->inner_n; i++)
		hold(mn->client->inners[i].address, out);
}

static void forget(struct mn *mn, struct inner *i, struct actions *out)
{
	struct in_addr a = i->address;

	*i = mn->client->inners[--mn->client->inner_n];
	release(mn, a, out);
}

static void learn(struct mn *mn, uint32_t sa, struct in_addr a, struct actions *out)
{
	struct client *c = mn->client;
	struct inner *i = inner_of(c, sa);
	struct in_addr old = { INADDR_ANY };

	if (!i && c->inner_n == INNERS_MAX) {
		MN_COUNT(mn, addresses_inner_full);
		return;
	}
	if (!i) {
		i = &c->inners[c->inner_n++];
		*i = (struct inner){ .sa = sa };
	}
	if (i->address.s_addr == a.s_addr)
		return;
	old = i->address;
	i->address = a;
	hold(a, out);
	if (old.s_addr != INADDR_ANY)
		release(mn, old, out);
}

/* The address is on its device before charon goes on, as in proxy mode. */
void inner_on_address(struct mn *mn, const struct charon_event *e, struct actions *out)
{
	struct charon_command answer = { .type = CHARON_ANSWER, .request = e->request, .sa = e->sa };
	uint32_t host = ntohl(e->address.s_addr);

	if (sessions_connection(mn, e->connection) == SIZE_MAX) {
		answer.refused = "not a connection of this helper";
	} else if (host >> 24 == 0 || host >> 24 == 127 || host >> 28 >= 0xe || e->address.s_addr == mn->home.s_addr) {
		MN_COUNT(mn, addresses_refused);
		mn_record(mn, out, RECORD_WARN, "inner_address", "%s assigned what is no care-of address",
			  e->connection);
		answer.refused = "not a care-of address";
	} else {
		learn(mn, e->sa, e->address, out);
	}
	actions_charon(out, &answer);
}

static void forget_all(struct mn *mn, struct actions *out)
{
	while (mn->client->inner_n > 0)
		forget(mn, &mn->client->inners[0], out);
}

void inner_on_event(struct mn *mn, const struct charon_event *e, struct actions *out)
{
	struct inner *i = inner_of(mn->client, e->sa);

	switch (e->type) {
	case CHARON_CONNECTED:
	case CHARON_GONE:
		forget_all(mn, out);
		break;
	case CHARON_IKE_DOWN:
		if (i)
			forget(mn, i, out);
		break;
	case CHARON_IKE_REPLACED:
		if (i && inner_of(mn->client, e->new_sa))
			forget(mn, i, out);
		else if (i)
			i->sa = e->new_sa;
		break;
	case CHARON_SESSION: /* we were started anew beside a charon that runs */
	case CHARON_CHILD_UP:
		if (e->address.s_addr != INADDR_ANY && sessions_connection(mn, e->connection) != SIZE_MAX)
			learn(mn, e->sa, e->address, out);
		break;
	case CHARON_LISTED:
	case CHARON_ACQUIRE:
	case CHARON_RELEASE:
	case CHARON_IKE_UP:
	case CHARON_IKE_MOVED: /* B-09: the home agent need not know */
	case CHARON_CHILD_DOWN:
	case CHARON_REFUSED:
	case CHARON_ADDRESS:
	case CHARON_EVENT_COUNT:
		break;
	}
}

void inner_follow(struct mn *mn, struct instant now, struct actions *out)
{
	const struct mn_session *s = sessions_carrying(mn);
	struct client *c = mn->client;
	const struct inner *i = s ? inner_of(c, s->sa) : NULL;

	if (!s) {
		request_cancel(&c->vpn);
		return;
	}
	if (!i) { /* of an IKE_SA that was there before us nobody tells the address: one of our own, then */
		mn_record(mn, out, RECORD_NOTICE, "inner_address", "it is not known: the VPN is set up anew");
		sessions_close(mn, now, s->connection, out);
		return;
	}
	if (c->vpn.care_of.s_addr == i->address.s_addr && c->vpn_connection == s->connection)
		return;
	c->vpn = (struct way){ .care_of = i->address, .x.due_us = NEVER }; /* B-08, S-03, S-04, X-13 */
	c->vpn_connection = s->connection;
}
