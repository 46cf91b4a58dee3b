/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports where hostapd authenticates beside us. A wire tells nobody that another station is at its end, and hostapd waits
 * until one speaks EAPOL: so whoever shows up in any other way, and is not served, makes us tell it to begin (L-03, L-53).
 * And it hears from us of sessions that are over. Whom it lets in is told by RADIUS (login.c). */
#define HASH_NONFATAL_OOM 1

#include "base/util.h"
#include "roles/mpa/agent.h"

enum {
	CALLERS_MAX = 512, /* the oldest is forgotten, and hostapd is to forget it, unless it was let in */
	PAUSE_S = 1,       /* from one START of a station to the next */
	UNDER_WAY_S = 3,   /* hostapd's own repetition */
	ATTEMPT_S = 10,    /* what is older belongs to an attempt before */
	HELD_S = 5,
	/* A link that came up: whoever is there speaks by itself, mostly. What is sent too early is lost, and hostapd repeats
	 * it only after 3 s: Linux looks at carriers once per second, so that a bridge on the way may be closed that long. */
	SETTLE_MS = 1500,
	/* Whoever went elsewhere often returns, and then hostapd had better know it: of whom it is told to forget it wants to
	 * hear nothing for 5 s. */
	AWAY_S = 300,
	STARTS_PER_S = 250,
	TIMES_PER_CALL = 64,
};

/* A station at such a port, before it is served or after. */
struct caller {
	UT_hash_handle hh;
	struct port port;
	bool asked; /* by our order, and not let in yet */
	uint64_t quiet_until_us;
	uint64_t first_us;     /* of this attempt */
	struct in_addr source; /* as seen in its frames */
	struct held_frame {
		uint8_t *octets; /* owned; NULL = none */
		size_t n;
		uint64_t at_us;
	} arp, dhcp; /* the last of each, for when it is let in */
	struct timer timer;
	enum port_order order; /* that the timer is for. PORT_END: unless it is back by then */
};

int port_auth_new(struct mpa *mpa)
{
	mpa->port_starts = calloc(mpa->conf->access_n + 1, sizeof(mpa->port_starts[0]));
	if (!mpa->port_starts)
		return -ENOMEM;
	for (size_t i = 0; i < mpa->conf->access_n; i++)
		mpa->port_starts[i] = ratelimit_init(STARTS_PER_S);
	return 0;
}

static const struct mpa_access *guarded(const struct mpa *mpa, uint32_t ifindex)
{
	const struct mpa_access *a = ifindex != 0 ? mpa_access_of(mpa, ifindex) : NULL;

	return a && a->hostapd ? a : NULL;
}

static void forget(struct mpa *mpa, struct caller *c)
{
	timers_cancel(&mpa->port_timers, &c->timer);
	HASH_DEL(mpa->callers, c);
	free(c->arp.octets);
	free(c->dhcp.octets);
	free(c);
}

static void end(struct mpa *mpa, const struct port *port, struct actions *out)
{
	MPA_COUNT(mpa, port_ends);
	actions_port(out, PORT_END, port->ifindex, port->mac);
}

/* So hostapd, whose room is limited too, has no more of them than we. */
static void make_room(struct mpa *mpa, struct actions *out)
{
	struct caller *oldest = mpa->callers;
	bool ends;

	if (HASH_COUNT(mpa->callers) < CALLERS_MAX)
		return;
	ends = oldest->timer.slot != 0 && oldest->order == PORT_END;
	if (ends || (oldest->asked && !subscriber_at(mpa, &oldest->port))) {
		MPA_COUNT(mpa, callers_forgotten);
		end(mpa, &oldest->port, out);
	}
	forget(mpa, oldest);
}

static struct caller *caller_of(const struct mpa *mpa, const struct port *port)
{
	const struct port key = port_at(port->ifindex, port->mac);
	struct caller *c;

	HASH_FIND(hh, mpa->callers, &key, sizeof(key), c);
	return c;
}

/* Made when there is none. NULL: without memory. */
static struct caller *caller_at(struct mpa *mpa, const struct port *port, struct actions *out)
{
	const struct port key = port_at(port->ifindex, port->mac);
	struct caller *c = caller_of(mpa, port);

	if (c)
		return c;
	make_room(mpa, out);
	c = calloc(1, sizeof(*c));
	if (!c || timers_reserve(&mpa->port_timers, CALLERS_MAX) < 0) {
		free(c);
		return NULL;
	}
	memcpy(&c->port, &key, sizeof(key));
	HASH_ADD(hh, mpa->callers, port, sizeof(c->port), c);
	if (c->hh.tbl)
		return c;
	free(c);
	return NULL;
}

/* A sign of it. */
static void note_attempt(struct caller *c, struct instant now)
{
	if (now.us - c->first_us > ATTEMPT_S * US_PER_S)
		c->first_us = now.us;
}

static void start(struct mpa *mpa, struct instant now, const struct port *port, const char *why, struct actions *out)
{
	const struct record note = { .level = RECORD_INFO, .event = "port_start" };
	const struct mpa_access *access = mpa_access_of(mpa, port->ifindex);
	const struct subscriber *s = subscriber_at(mpa, port);
	const uint8_t *m = port->mac;
	struct caller *c = caller_of(mpa, port);

	if (c)
		note_attempt(c, now);
	if (!access || (c && now.us < c->quiet_until_us))
		return;
	if (!ratelimit_allow(&mpa->port_starts[access - mpa->conf->accesses], now.us)) {
		MPA_COUNT(mpa, port_starts_limited);
		return;
	}
	c = caller_at(mpa, port, out);
	if (!c)
		return;
	MPA_COUNT(mpa, port_starts);
	note_attempt(c, now);
	c->asked = true;
	c->quiet_until_us = now.us + PAUSE_S * US_PER_S;
	timers_cancel(&mpa->port_timers, &c->timer);
	actions_port(out, PORT_START, port->ifindex, port->mac);
	actions_record(out, &note, s ? text_span(s->nai) : (struct span){ 0 },
		       "%s: %02x:%02x:%02x:%02x:%02x:%02x is to be authenticated", why, m[0], m[1], m[2], m[3], m[4],
		       m[5]);
}

/* What hostapd says to a group all would hear, and answer. */
static bool is_of_a_station(const uint8_t mac[MAC_OCTETS])
{
	static const uint8_t none[MAC_OCTETS];

	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

void port_auth_frame(struct mpa *mpa, struct instant now, const struct port *port, struct in_addr source,
		     struct actions *out)
{
	struct caller *c;

	if (!guarded(mpa, port->ifindex) || mpa_is_held_off(mpa, port, now.us) || !is_of_a_station(port->mac))
		return;
	start(mpa, now, port, "a frame", out);
	c = caller_of(mpa, port);
	if (c && source.s_addr != INADDR_ANY)
		c->source = source;
}

/* L-35: it may have an address, and shows it before it is let in. */
struct in_addr port_auth_source(const struct mpa *mpa, const struct port *port)
{
	const struct caller *c = caller_of(mpa, port);

	return c ? c->source : (struct in_addr){ INADDR_ANY };
}

void port_auth_hold(struct mpa *mpa, struct instant now, const struct port *port, bool dhcp, struct span frame)
{
	struct caller *c = caller_of(mpa, port);
	struct held_frame *h = c && dhcp ? &c->dhcp : c ? &c->arp : NULL;
	uint8_t *copy = h && frame.n <= HELD_FRAME_MAX ? malloc(frame.n) : NULL;

	if (!copy)
		return; /* it asks again in a few seconds */
	memcpy(copy, frame.p, frame.n);
	free(h->octets);
	*h = (struct held_frame){ .octets = copy, .n = frame.n, .at_us = now.us };
}

static void hand_over(struct held_frame *h, struct instant now, uint8_t **to, size_t *to_n)
{
	if (h->octets && now.us - h->at_us <= HELD_S * US_PER_S) {
		free(*to);
		*to = TAKE_PTR(h->octets);
		*to_n = h->n;
	}
	freep(&h->octets);
}

void port_auth_let_in(struct subscriber *s, struct instant now, struct actions *out)
{
	struct caller *c = caller_of(s->mpa, &s->port);

	s->login.first_us = 0;
	if (!c)
		return;
	if (now.us - c->first_us <= ATTEMPT_S * US_PER_S)
		s->login.first_us = c->first_us;
	c->asked = false;
	c->first_us = c->quiet_until_us = 0; /* it may be back from elsewhere in a moment */
	hand_over(&c->arp, now, &s->held_arp, &s->held_arp_n);
	hand_over(&c->dhcp, now, &s->held_dhcp, &s->held_dhcp_n);
	if (s->state == SUBSCRIBER_SERVED)
		subscriber_release_held(s, now, out);
}

bool port_auth_is_closed(const struct subscriber *s)
{
	bool open = s->state == SUBSCRIBER_SERVED || s->state == SUBSCRIBER_REGISTERING ||
		    s->state == SUBSCRIBER_WAITING || subscriber_stays(s);

	return guarded(s->mpa, s->port.ifindex) && !open;
}

static void order_later(struct mpa *mpa, struct instant now, const struct port *port, enum port_order order,
			uint64_t after_us, struct actions *out)
{
	struct caller *c = caller_at(mpa, port, out);

	if (!c)
		return;
	c->order = order;
	(void)timers_set(&mpa->port_timers, &c->timer, now.us + after_us); /* room was made with the caller */
}

void port_auth_carrier(struct mpa *mpa, struct instant now, const struct mpa_access *access, struct actions *out)
{
	static const uint8_t nobody[MAC_OCTETS];
	const struct port only = port_at(access->ifindex, access->carrier_mac);
	struct subscriber *s, *next;

	if (!access->hostapd)
		return;
	if (memcmp(only.mac, nobody, sizeof(nobody)) != 0)
		order_later(mpa, now, &only, PORT_START, SETTLE_MS * US_PER_MS, out);
	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->port.ifindex == access->ifindex && s->state == SUBSCRIBER_HOLDING)
			order_later(mpa, now, &s->port, PORT_START, SETTLE_MS * US_PER_MS, out);
}

void port_auth_end(const struct subscriber *s, struct actions *out)
{
	if (!s->vpn.here && guarded(s->mpa, s->port.ifindex))
		end(s->mpa, &s->port, out);
}

void port_auth_left(struct mpa *mpa, struct instant now, const struct port *port, struct actions *out)
{
	if (guarded(mpa, port->ifindex))
		order_later(mpa, now, port, PORT_END, AWAY_S * US_PER_S, out);
}

void port_auth_follow(const struct subscriber *s, struct instant now, enum subscriber_state old,
		      enum subscriber_event e, struct actions *out)
{
	bool stayed_away = old == SUBSCRIBER_HOLDING && e == EVENT_TIMER;
	/* It is to log in again, and to hear why it may not. */
	bool unwanted = old == SUBSCRIBER_SERVED && s->state == SUBSCRIBER_BARRED && s->login.held == 0;

	if (stayed_away || unwanted)
		port_auth_end(s, out);
	else if (!s->vpn.here && (e == EVENT_REVOKED || e == EVENT_SUPERSEDED))
		port_auth_left(s->mpa, now, &s->port, out);
}

static void linked(struct mpa *mpa, struct instant now, const struct mpa_access *access, struct actions *out)
{
	const struct record note = { .level = RECORD_NOTICE, .event = "hostapd_found" };
	struct subscriber *s, *next;

	actions_record(out, &note, (struct span){ 0 }, "it authenticates at %s", access->interface);
	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->port.ifindex == access->ifindex)
			start(mpa, now, &s->port, "hostapd may not know it any more", out);
}

/* Its server was not us, or not asked at all: nobody is served by that. */
static void note_stranger(const struct mpa_access *access, const struct port *port, struct actions *out)
{
	const struct record note = { .level = RECORD_WARN, .security = true, .event = "login_missing" };
	const uint8_t *m = port->mac;

	actions_record(out, &note, (struct span){ 0 },
		       "hostapd let %02x:%02x:%02x:%02x:%02x:%02x in at %s, and has not asked us by RADIUS", m[0], m[1],
		       m[2], m[3], m[4], m[5], access->interface);
}

void mpa_on_port(struct mpa *mpa, struct instant now, const struct port_event *e, struct actions *out)
{
	static const struct record lost = { .level = RECORD_WARN, .event = "hostapd_lost" };
	const struct mpa_access *access = guarded(mpa, e->ifindex);
	const struct port port = port_at(e->ifindex, e->mac);
	struct subscriber *s = subscriber_at(mpa, &port);
	struct caller *c;

	if (!access)
		return;
	switch (e->type) {
	case PORT_LINKED:
		linked(mpa, now, access, out);
		break;
	case PORT_LOST:
		actions_record(out, &lost, (struct span){ 0 }, "nobody new is let in at %s", access->interface);
		break;
	case PORT_OPENED:
		if (!s)
			note_stranger(access, &port, out);
		break;
	case PORT_KNOWN: /* whom we do not know: we were restarted, too */
		if (!s)
			start(mpa, now, &port, "known to hostapd", out);
		break;
	case PORT_STARTED:
		c = caller_at(mpa, &port, out);
		if (!c)
			break;
		note_attempt(c, now);
		c->quiet_until_us = now.us + UNDER_WAY_S * US_PER_S;
		break;
	case PORT_CLOSED: /* logged off, or not let in any more; accounting may say that it left for good */
		if (s)
			(void)subscriber_event(s, now, EVENT_LOST, "its authenticator closed the port", out);
		break;
	case PORT_SILENT: /* there may be no supplicant yet: hostapd would not listen to it for a minute (802.1X quietPeriod) */
		end(mpa, &port, out);
		break;
	}
}

static void on_timer(struct mpa *mpa, struct instant now, struct caller *c, struct actions *out)
{
	const struct subscriber *s = subscriber_at(mpa, &c->port);

	switch (c->order) {
	case PORT_START:
		if (!s || port_auth_is_closed(s))
			start(mpa, now, &c->port, "link up", out);
		break;
	case PORT_END:
		if (!s)
			end(mpa, &c->port, out);
		forget(mpa, c);
		break;
	}
}

void port_auth_on_time(struct mpa *mpa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < TIMES_PER_CALL; i++) {
		struct timer *timer = timers_pop(&mpa->port_timers, now.us);
		struct caller *c;

		if (!timer)
			return;
		c = container_of(timer, struct caller, timer);
		on_timer(mpa, now, c, out);
	}
}

void port_auth_free(struct mpa *mpa)
{
	struct caller *c, *next;

	HASH_ITER(hh, mpa->callers, c, next)
		forget(mpa, c);
	timers_done(&mpa->port_timers);
	free(mpa->port_starts);
}
