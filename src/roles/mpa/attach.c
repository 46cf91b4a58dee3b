/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A station shows up: who is it, may it be served here, and by which home agent and key (L-04, L-61). Only then is
 * anything registered (A-24, L-11), again at each agent it comes to (A-03, A-36, L-52, X-19). */
#include <ctype.h>
#include <strings.h>

#include "base/util.h"
#include "roles/mpa/agent.h"

const struct mpa_access *mpa_access_of(const struct mpa *mpa, uint32_t ifindex)
{
	for (size_t i = 0; i < mpa->conf->access_n; i++)
		if (mpa->conf->accesses[i].ifindex == ifindex)
			return &mpa->conf->accesses[i];
	return NULL;
}

static bool same_port(const struct port *a, const struct port *b)
{
	return a->ifindex == b->ifindex && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

bool mpa_is_held_off(const struct mpa *mpa, const struct port *port, uint64_t now_us)
{
	for (size_t i = 0; i < DEPARTED_MAX; i++)
		if (now_us < mpa->departed[i].until_us && same_port(&mpa->departed[i].port, port))
			return true;
	return false;
}

void mpa_hold_off(struct mpa *mpa, const struct port *port, uint64_t now_us)
{
	struct departed *d = &mpa->departed[mpa->departed_at++ % DEPARTED_MAX];

	d->port = *port;
	d->until_us = now_us + mpa->conf->holdoff_ms * US_PER_MS;
}

static bool has_text(const char *configured, struct span shown)
{
	return configured && shown.n == strlen(configured) &&
	       strncasecmp(configured, (const char *)shown.p, shown.n) == 0;
}

/* whoever matches no row is nobody. */
static bool matches(const struct mpa_station *st, const struct station_id *id)
{
	if (id->nai.n > 0)
		return spans_equal(id->nai, text_span(st->nai));
	if (st->has_mac && id->mac && memcmp(st->mac, id->mac, sizeof(st->mac)) == 0)
		return true;
	if (st->client_id_n > 0 && id->client_id.n == st->client_id_n &&
	    memcmp(st->client_id, id->client_id.p, st->client_id_n) == 0)
		return true;
	return has_text(st->host_name, id->host_name) || has_text(st->fqdn, id->fqdn);
}

const struct mpa_station *mpa_station_match(const struct mpa *mpa, const struct station_id *id)
{
	for (size_t i = 0; i < mpa->conf->station_n; i++)
		if (matches(&mpa->conf->stations[i], id))
			return &mpa->conf->stations[i];
	return NULL;
}

static const struct mpa_home_agent *agent_named(const struct mpa_conf *c, const char *name)
{
	for (size_t i = 0; i < c->home_agent_n; i++)
		if (strcmp(c->home_agents[i].name, name) == 0)
			return &c->home_agents[i];
	return NULL;
}

/* L-46: by the longest subnet that holds the station's address. */
static const struct mpa_home_agent *agent_of_subnet(const struct mpa_conf *c, struct in_addr a)
{
	const struct mpa_home_agent *best = NULL;
	int best_len = -1;

	for (size_t i = 0; a.s_addr != INADDR_ANY && i < c->home_agent_n; i++)
		for (size_t n = 0; n < c->home_agents[i].subnet_n; n++) {
			const struct prefix *p = &c->home_agents[i].subnets[n];

			if (prefix_contains(p, a) && p->len > best_len) {
				best = &c->home_agents[i];
				best_len = p->len;
			}
		}
	return best;
}

static int choose_agent(struct subscriber *s, const struct mpa_attach *a)
{
	const struct mpa_conf *c = s->mpa->conf;

	if (s->link)
		return 0; /* chosen at its first attachment */
	if (a->profile && a->profile->home_agent.s_addr != INADDR_ANY) {
		s->agent_address = a->profile->home_agent;
		for (size_t i = 0; i < c->home_agent_n; i++)
			if (c->home_agents[i].address.s_addr == s->agent_address.s_addr)
				s->agent = &c->home_agents[i];
	} else {
		if (s->station && s->station->home_agent[0])
			s->agent = agent_named(c, s->station->home_agent);
		if (!s->agent)
			s->agent = agent_of_subnet(c, a->source);
		if (!s->agent && c->home_agent_n > 0)
			s->agent = &c->home_agents[0];
		if (!s->agent)
			return -ENOENT;
		s->agent_address = s->agent->address;
	}
	s->link = mpa_link(s->mpa, s->agent_address);
	return s->link ? 0 : -ENOSPC;
}

static bool in_realm(const char *realm, const char *nai)
{
	const char *at = strchr(nai, '@');

	return at && strcasecmp(at + 1, realm) == 0;
}

static bool covers(const struct mpa_association *a, const struct subscriber *s, enum sa_scope scope)
{
	if (a->scope != scope || (a->home_agent[0] && (!s->agent || strcmp(a->home_agent, s->agent->name) != 0)))
		return false;
	switch (scope) {
	case SA_SCOPE_USER:
		return strcmp(a->nai, s->nai) == 0;
	case SA_SCOPE_DOMAIN: /* L-05 */
		return in_realm(a->realm, s->nai);
	case SA_SCOPE_NODE:
		return true;
	case SA_SCOPE_COUNT:
		break;
	}
	return false;
}

/* L-63: the key that access authentication brought, else the narrowest configured one. */
static int choose_association(struct subscriber *s, const struct mpa_attach *a)
{
	const struct mpa_conf *c = s->mpa->conf;

	if (a->profile && a->profile->sa) {
		s->own_sa = *a->profile->sa;
		s->association = NULL;
		s->auth_type = MIP_EXT_MN_HA_AUTH;
		return 0;
	}
	if (s->auth_type != 0)
		return 0;
	for (enum sa_scope scope = SA_SCOPE_USER; scope < SA_SCOPE_COUNT; scope++)
		for (size_t i = 0; i < c->association_n; i++)
			if (covers(&c->associations[i], s, scope)) {
				s->association = &c->associations[i];
				s->auth_type = scope == SA_SCOPE_NODE ? MIP_EXT_FA_HA_AUTH : MIP_EXT_MN_HA_AUTH;
				return 0;
			}
	return -ENOKEY;
}

bool mpa_is_home_address(const struct mpa_conf *c, struct in_addr a)
{
	for (size_t i = 0; i < c->network_n; i++)
		if (prefix_contains(&c->networks[i].prefix, a))
			return true;
	return false;
}

static void choose_encapsulation(struct subscriber *s, const struct mpa_attach *a)
{
	if (a->profile && a->profile->udp)
		s->udp = *a->profile->udp;
}

static void choose_home(struct subscriber *s, const struct mpa_attach *a)
{
	if (mpa_is_home_address(s->mpa->conf, a->source))
		s->hint = a->source;
	if (s->home_known)
		return;
	if (a->profile && a->profile->home_address.s_addr != INADDR_ANY)
		s->home = a->profile->home_address;
	else if (s->hint.s_addr != INADDR_ANY)
		s->home = s->hint; /* L-35 */
	else if (s->station)
		s->home = s->station->home_address;
}

int subscriber_choose(struct subscriber *s, const struct mpa_attach *a)
{
	int r = choose_agent(s, a);

	if (r == 0)
		r = choose_association(s, a); /* G-02 */
	if (r < 0)
		return r;
	choose_encapsulation(s, a);
	choose_home(s, a);
	return 0;
}

static const char *const trigger_names[MPA_TRIGGER_COUNT] = {
	[MPA_TRIGGER_COMMAND] = "by command",  [MPA_TRIGGER_AAA] = "let in by AAA", [MPA_TRIGGER_DHCP] = "DHCP",
	[MPA_TRIGGER_PACKET] = "first packet", [MPA_TRIGGER_CARRIER] = "link up",
};

static bool is_connected(const struct subscriber *s)
{
	return s->state == SUBSCRIBER_SERVED || s->state == SUBSCRIBER_REGISTERING;
}

/* Puts the subscriber on its port. A station that merely moved between our ports needs no registration. */
static int settle(struct subscriber *s, struct instant now, const struct port *port, struct actions *out)
{
	struct subscriber *other = subscriber_at(s->mpa, port);
	const struct port left = s->port;
	bool moved = left.ifindex != 0 && !same_port(&left, port);
	bool served = s->state == SUBSCRIBER_SERVED;
	int r = 0;

	if (other && other != s) { /* one station, two names: the later one is true, and its session is the same */
		evict_told(other);
		(void)subscriber_event(other, now, EVENT_LEFT, "its port is somebody else's now", out);
	}
	other = subscriber_at(s->mpa, port);
	if (other && other != s)
		subscriber_leave_port(other);
	if (moved && served)
		subscriber_visitor_del(s, out);
	if (s->vpn.here)
		vpn_leave(s, out);
	if (!same_port(&s->port, port))
		r = subscriber_set_port(s, port);
	s->access = mpa_access_of(s->mpa, port->ifindex);
	if (moved) {
		port_auth_left(s->mpa, now, &left, out);
		subscriber_end_session_time(s);
	}
	if (r == 0 && moved && served) {
		MPA_COUNT(s->mpa, moved_here);
		subscriber_record(s, out, RECORD_NOTICE, "port_changed", "moved between ports of this agent");
		subscriber_visitor_set(s, out);
	}
	return r;
}

static int prepare(struct subscriber *s, struct instant now, const struct mpa_attach *a, const struct port *port,
		   struct actions *out)
{
	int r = subscriber_choose(s, a);

	return r < 0 ? r : settle(s, now, port, out);
}

static int find_or_add(struct mpa *mpa, const struct mpa_attach *a, const struct mpa_station *station,
		       struct subscriber **ret)
{
	const char *nai = a->nai ? a->nai : station->nai;
	struct subscriber *s = subscriber_find(mpa, text_span(nai));
	int r;

	if (!s) {
		r = subscriber_add(mpa, nai, &s);
		if (r < 0) {
			MPA_COUNT(mpa, table_full);
			return r;
		}
		s->station = station;
	}
	*ret = s;
	return 0;
}

static bool barred_until_told(const struct subscriber *s, const struct mpa_attach *a)
{
	return s->state == SUBSCRIBER_BARRED && (a->trigger == MPA_TRIGGER_COMMAND || a->trigger == MPA_TRIGGER_AAA);
}

static int attach(struct mpa *mpa, struct instant now, const struct mpa_attach *a, const struct mpa_station *station,
		  struct subscriber **ret, struct actions *out)
{
	const struct port port = port_at(a->ifindex, a->mac);
	struct subscriber *s;
	bool known;
	int r = find_or_add(mpa, a, station, &s);

	if (r < 0)
		return r;
	known = is_connected(s);
	r = prepare(s, now, a, &port, out);
	if (r < 0) {
		if (s->state == SUBSCRIBER_NEW)
			subscriber_free(s);
		return r;
	}
	*ret = s;
	if (known)
		return 0;
	MPA_COUNT(mpa, attached);
	subscriber_record(s, out, RECORD_NOTICE, "attached", "%s on %s", trigger_names[a->trigger],
			  s->access->interface);
	if (barred_until_told(s, a))
		(void)subscriber_event(s, now, EVENT_TIMER, "told to try again", out);
	else
		(void)subscriber_event(s, now, EVENT_ATTACH, trigger_names[a->trigger], out);
	return 0;
}

int mpa_attach(struct mpa *mpa, struct instant now, const struct mpa_attach *a, struct actions *out)
{
	const struct mpa_access *access = mpa_access_of(mpa, a->ifindex);
	struct station_id id = { .mac = a->mac };
	const struct mpa_station *station;
	struct subscriber *s;

	if (a->nai)
		id.nai = text_span(a->nai);
	if (!access || id.nai.n > MIP_NAI_MAX)
		return -ENOENT;
	if (a->trigger != MPA_TRIGGER_COMMAND && a->trigger != MPA_TRIGGER_AAA && !access->trusted) { /* X-25, L-61 */
		MPA_COUNT(mpa, not_trusted);
		return -EPERM;
	}
	station = mpa_station_match(mpa, &id); /* by name: for what is configured about it (L-04) */
	if (!station && !a->nai) {
		MPA_COUNT(mpa, unknown_stations);
		return -ENOENT;
	}
	return attach(mpa, now, a, station, &s, out);
}

static bool wanted(const struct mpa_access *access, enum mpa_trigger trigger)
{
	switch (trigger) {
	case MPA_TRIGGER_COMMAND:
	case MPA_TRIGGER_AAA:
		return true;
	case MPA_TRIGGER_DHCP:
		return access->by_dhcp;
	case MPA_TRIGGER_PACKET:
		return access->by_packet;
	case MPA_TRIGGER_CARRIER:
		return access->by_carrier;
	case MPA_TRIGGER_COUNT:
		break;
	}
	return false;
}

static bool may_recognise(struct mpa *mpa, const struct port *port, enum mpa_trigger trigger)
{
	const struct mpa_access *access = mpa_access_of(mpa, port->ifindex);

	if (access && access->trusted && wanted(access, trigger))
		return true;
	MPA_COUNT(mpa, not_trusted);
	return false;
}

static const struct mpa_station *look_up(struct mpa *mpa, const struct station_id *id)
{
	const struct mpa_station *station = mpa_station_match(mpa, id);

	if (!station)
		MPA_COUNT(mpa, unknown_stations);
	return station;
}

const char *mpa_identify(struct mpa *mpa, struct instant now, const struct port *port, const struct station_id *id,
			 enum mpa_trigger trigger, struct actions *out)
{
	const struct subscriber *s = subscriber_at(mpa, port);
	const struct mpa_station *station;

	if (s && !port_auth_is_closed(s))
		return s->nai;
	port_auth_frame(mpa, now, port, (struct in_addr){ INADDR_ANY }, out);
	station = may_recognise(mpa, port, trigger) ? look_up(mpa, id) : NULL;
	return station ? station->nai : NULL;
}

/* L-35, L-37: it shows its address, or asks us for one. */
static struct subscriber *no_longer_waits(struct subscriber *s, struct instant now, struct in_addr source,
					  enum mpa_trigger trigger, struct actions *out)
{
	bool shown = mpa_is_home_address(s->mpa->conf, source);

	if (shown)
		s->home = source;
	if (shown || (trigger == MPA_TRIGGER_DHCP && s->mpa->conf->dhcp != MPA_DHCP_RELAY))
		(void)subscriber_event(s, now, EVENT_ATTACH, "it has an address, or asks us for one", out);
	return s;
}

struct subscriber *mpa_recognise(struct mpa *mpa, struct instant now, const struct port *port,
				 const struct station_id *id, struct in_addr source, enum mpa_trigger trigger,
				 struct actions *out)
{
	struct mpa_attach a = { .ifindex = port->ifindex, .source = source, .trigger = trigger };
	struct subscriber *s = subscriber_at(mpa, port);
	const struct mpa_station *station;

	if (s && s->state == SUBSCRIBER_WAITING)
		return no_longer_waits(s, now, source, trigger, out);
	if (s && s->state != SUBSCRIBER_HOLDING && s->state != SUBSCRIBER_DEREGISTERING)
		return s;
	port_auth_frame(mpa, now, port, source, out);
	if (!may_recognise(mpa, port, trigger))
		return NULL;
	if (trigger == MPA_TRIGGER_PACKET && mpa_is_held_off(mpa, port, now.us)) {
		MPA_COUNT(mpa, held_off);
		return NULL;
	}
	memcpy(a.mac, port->mac, sizeof(a.mac));
	if (s)
		a.nai = s->nai; /* back again: it was recognised before */
	station = s ? s->station : look_up(mpa, id);
	if (!s && !station)
		return NULL;
	return attach(mpa, now, &a, station, &s, out) == 0 ? s : NULL;
}
