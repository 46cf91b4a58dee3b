/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access authentication (L-53, L-54, L-61): whom AAA lets in is attached, with the profile that came along, and hears of
 * it when it is registered. The relay (roles/relay) speaks RADIUS; here is what its Accepts and Stops mean. */
#include <stdio.h>
#include <strings.h>

#include "base/util.h"
#include "codec/radius.h"
#include "roles/mpa/agent.h"
#include "roles/relay/relay.h"

/* A session that is over is not ended at once: its authenticator authenticates the station again just then, and a
 * failure would end it by accounting. */
enum { SESSION_GRACE_S = 30, TIMERS_PER_CALL = 64, TOLERANCE_S = 7 };
enum { CAUSE_LOST_CARRIER = 2, CAUSE_LOST_SERVICE = 3 }; /* RFC 2866 5.10 */

struct relay *mpa_relay(const struct mpa *mpa)
{
	return mpa->relay;
}

static const struct mpa_access *access_named(const struct mpa_conf *c, struct span name)
{
	for (size_t i = 0; i < c->access_n; i++)
		if (name.n > 0 && spans_equal(name, text_span(c->accesses[i].interface)))
			return &c->accesses[i];
	return NULL;
}

static const struct mpa_access *access_with_mac(const struct mpa_conf *c, struct span called)
{
	uint8_t mac[MAC_OCTETS];

	if (!radius_mac(called, mac))
		return NULL;
	for (size_t i = 0; i < c->access_n; i++)
		if (memcmp(c->accesses[i].mac, mac, sizeof(mac)) == 0)
			return &c->accesses[i];
	return NULL;
}

const struct mpa_access *login_access(const struct mpa *mpa, const struct relay_ids *ids)
{
	const struct mpa_conf *c = mpa->conf;
	const struct mpa_access *access;

	if (ids->nas->access[0])
		return access_named(c, text_span(ids->nas->access));
	access = access_with_mac(c, relay_span(&ids->called));
	return access ? access : access_named(c, relay_span(&ids->port_id));
}

static bool is_vpn_device(const struct mpa *mpa, const struct relay_nas *nas)
{
	return mpa_vpn(mpa) && strcmp(nas->access, mpa_vpn(mpa)->interface) == 0;
}

/* An NAI of somebody. With tunnelled EAP methods the identity outside of the tunnel is nobody's, and the server has to
 * tell the one inside. */
static const char *take_nai(struct span user, char ret_nai[MIP_NAI_MAX + 1])
{
	static const char anonymous[] = "anonymous";
	static const char nobody[] = "the AAA server does not tell who it is";
	size_t name_n;

	if (user.n == 0)
		return nobody;
	if (user.n > MIP_NAI_MAX)
		return "its name is too long";
	for (size_t i = 0; i < user.n; i++)
		if (user.p[i] <= ' ' || user.p[i] >= 0x7f)
			return "its name has a character no NAI may have";
	memcpy(ret_nai, user.p, user.n);
	ret_nai[user.n] = '\0';
	name_n = strcspn(ret_nai, "@");
	if (name_n == 0 || (name_n == sizeof(anonymous) - 1 && strncasecmp(ret_nai, anonymous, name_n) == 0))
		return nobody;
	return NULL;
}

/* L-63: key and SPI of AAA, used when both are there. */
static bool take_key(const struct mpa *mpa, const struct relay_login *l, struct sa *ret)
{
	if (l->key_n == 0 || l->key_n > SA_KEY_MAX || l->spi < SPI_MIN)
		return false;
	*ret = (struct sa){
		.spi = l->spi, .alg = mpa->conf->aaa_mac, .tolerance_s = TOLERANCE_S, .key_n = (uint8_t)l->key_n
	};
	memcpy(ret->key, l->key, l->key_n);
	return true;
}

static const char *error_text(int r)
{
	switch (r) {
	case -ENOKEY:
		return "there is no key for this user at its home agent";
	case -ENOSPC:
		return "as many stations as this agent may serve";
	case -ENOENT:
		return "no home agent is known for this user";
	case -EEXIST:
		return "its home address is another user's here";
	default:
		return "out of memory";
	}
}

static int attach_port(struct mpa *mpa, struct instant now, const struct relay_login *l, struct mpa_attach *a,
		       struct actions *out)
{
	const struct mpa_access *access = login_access(mpa, &l->ids);
	struct port port;

	if (!access || !l->ids.has_mac)
		return -ENODEV;
	port = port_at(access->ifindex, l->ids.mac);
	a->ifindex = port.ifindex;
	memcpy(a->mac, port.mac, sizeof(a->mac));
	a->source = port_auth_source(mpa, &port);
	return mpa_attach(mpa, now, a, out);
}

static bool is_layer3(const struct mpa *mpa, const struct relay_nas *nas)
{
	return relay_has_user_devices(nas) || is_vpn_device(mpa, nas);
}

/* At layer-3 devices there are no MACs, and whoever comes out of one has proved itself (L-40). */
static int attach_device(struct mpa *mpa, struct instant now, const struct relay_login *l, const struct mpa_attach *a,
			 struct actions *out)
{
	bool has_own = relay_has_user_devices(l->ids.nas);
	struct user_device *own = has_own ? user_device_of(mpa, &l->ids) : NULL;
	const struct station_id id = { .nai = text_span(a->nai) };
	struct subscriber *s = subscriber_find(mpa, id.nai);
	int r = 0;

	if (has_own && !own)
		return -ENODEV;
	if (!s) {
		r = subscriber_add(mpa, a->nai, &s);
		if (r < 0)
			return r;
		s->station = mpa_station_match(mpa, &id);
	}
	r = subscriber_choose(s, a);
	if (r == 0)
		r = own ? user_device_enter(s, now, own, out) : vpn_enter(s, out);
	if (r < 0) {
		if (s->state == SUBSCRIBER_NEW)
			subscriber_free(s);
		return r;
	}
	(void)subscriber_event(s, now, s->state == SUBSCRIBER_BARRED ? EVENT_TIMER : EVENT_ATTACH, "let in by AAA",
			       out);
	return 0;
}

static int attach(struct mpa *mpa, struct instant now, const struct relay_login *l, const char *nai,
		  struct actions *out)
{
	struct mpa_profile_data profile = { .home_agent = l->home_agent, .home_address = l->home };
	const enum mpa_udp udp = l->encapsulation == RELAY_ENCAPSULATION_UDP ? MPA_UDP_FORCE : MPA_UDP_OFF;
	struct mpa_attach a = { .nai = nai, .trigger = MPA_TRIGGER_AAA, .profile = &profile };
	struct sa sa = { 0 };
	int r;

	if (take_key(mpa, l, &sa))
		profile.sa = &sa;
	if (l->encapsulation != RELAY_ENCAPSULATION_ANY)
		profile.udp = &udp;
	r = is_layer3(mpa, l->ids.nas) ? attach_device(mpa, now, l, &a, out) : attach_port(mpa, now, l, &a, out);
	sa_wipe(&sa);
	return r;
}

static void set_timer(struct subscriber *s, uint64_t due_us)
{
	(void)timers_set(&s->mpa->logins, &s->login.timer, due_us); /* room was made with the subscriber */
}

/* When the authenticator should have asked again. */
static void await_end(struct subscriber *s)
{
	set_timer(s, s->login.ends_us == 0 ? NEVER : s->login.ends_us + SESSION_GRACE_S * US_PER_S);
}

/* How long it took, in its parts: what was before us, AAA, and the home agent. */
static void note_done(const struct subscriber *s, struct instant now, bool registered, struct actions *out)
{
	const struct login *l = &s->login;
	char registration[64] = "registered before", before[64] = "";

	if (registered)
		(void)snprintf(registration, sizeof(registration), "registration %.1f ms",
			       (double)(now.us - l->let_in_us) / US_PER_MS); /* fits */
	if (l->first_us != 0 && l->first_us <= l->began_us)
		(void)snprintf(before, sizeof(before), ", first frame %.1f ms before",
			       (double)(l->began_us - l->first_us) / US_PER_MS); /* fits */
	subscriber_record(s, out, RECORD_INFO, "login_done", "authentication %.1f ms in %u rounds, %s%s",
			  (double)(l->let_in_us - l->began_us) / US_PER_MS, l->rounds, registration, before);
}

static void refuse_held(struct subscriber *s, struct instant now, const char *why, struct actions *out)
{
	uint32_t held = s->login.held;

	if (held == 0)
		return;
	s->login.held = 0;
	evict_told(s);
	await_end(s);
	MPA_COUNT(s->mpa, logins_refused);
	subscriber_record(s, out, RECORD_WARN, "login_refused", "%s", why);
	relay_refuse(s->mpa->relay, now, held, why, out);
}

/* At a port the address tells who it is; at the layer-3 device the name does, which the Accept told the authenticator
 * (RFC 2865 5.1). */
static struct subscriber *named_by(const struct mpa *mpa, const struct relay_accounting *a)
{
	const struct mpa_access *access = login_access(mpa, &a->ids);
	struct subscriber *s;
	struct port port;

	if (!access) {
		s = is_layer3(mpa, a->ids.nas) ? subscriber_find(mpa, a->user) : NULL;
		return s && !s->access ? s : NULL;
	}
	port = port_at(access->ifindex, a->ids.mac);
	return a->ids.has_mac ? subscriber_at(mpa, &port) : NULL;
}

/* An authenticator closes the port of whoever was refused there, and need not say so by accounting. Behind a layer-3
 * device it was one more session that was refused. */
static void on_refused(void *ctx, struct instant now, const struct relay_ids *ids, struct actions *out)
{
	const struct relay_accounting a = { .ids = *ids };
	struct mpa *mpa = ctx;
	struct subscriber *s = ids->nas->gives_address ? NULL : named_by(mpa, &a);

	if (!s || s->login.ids.nas != ids->nas || s->login.ids.source.s_addr != ids->source.s_addr)
		return;
	if (relay_other_port(&s->login.ids, ids)) /* who failed there only borrowed its address */
		return;
	MPA_COUNT(mpa, logouts);
	evict_told(s);
	subscriber_record(s, out, RECORD_NOTICE, "logout", "whoever is at its port was not let in again");
	(void)subscriber_event(s, now, EVENT_LEFT, "not let in again", out);
}

static enum relay_verdict refuse(struct mpa *mpa, struct instant now, const struct relay_login *l, const char *why,
				 const char **ret_why, struct actions *out)
{
	const struct record note = { .level = RECORD_WARN, .security = true, .event = "login_refused" };

	MPA_COUNT(mpa, logins_refused);
	actions_record(out, &note, l->user, "%s", why);
	on_refused(mpa, now, &l->ids, out);
	*ret_why = why;
	return RELAY_REFUSE;
}

/* L-54: let in. The Accept waits until the home agent has answered, so that whoever gets it has a home. */
static enum relay_verdict on_login(void *ctx, struct instant now, const struct relay_login *l, struct in_addr *ret_home,
				   const char **ret_why, struct actions *out)
{
	struct mpa *mpa = ctx;
	char nai[MIP_NAI_MAX + 1];
	const char *fault = take_nai(l->user, nai);
	struct subscriber *s;
	int r;

	if (fault)
		return refuse(mpa, now, l, fault, ret_why, out);
	s = subscriber_find(mpa, text_span(nai));
	if (s) /* the later login is the one that counts */
		refuse_held(s, now, "logged in once more", out);
	r = attach(mpa, now, l, nai, out);
	if (r == -ENODEV)
		return refuse(mpa, now, l, "its port is not one of ours, or its address is not told", ret_why, out);
	if (r < 0)
		return refuse(mpa, now, l, error_text(r), ret_why, out);
	s = subscriber_find(mpa, text_span(nai));
	if (!s)
		return refuse(mpa, now, l, "it was turned away at once", ret_why, out);
	MPA_COUNT(mpa, logins);
	evict_other(s, now, &l->ids, out);
	s->login.by_aaa = true;
	s->login.since_us = now.us;
	s->login.ids = l->ids;
	s->login.ids.user.n = 0; /* outside of a tunnelled method it may have called itself as it liked */
	s->login.confirmed = false;
	s->login.began_us = l->began_us;
	s->login.let_in_us = now.us;
	s->login.rounds = l->rounds;
	s->login.ends_us = l->session_s > 0 ? now.us + l->session_s * US_PER_S : 0;
	subscriber_record(s, out, RECORD_NOTICE, "login", "let in by AAA, at %s", l->ids.nas->name);
	port_auth_let_in(s, now, out);
	if (s->state == SUBSCRIBER_SERVED) {
		await_end(s);
		note_done(s, now, false, out);
		*ret_home = s->home;
		return RELAY_PASS;
	}
	s->login.held = l->id;
	set_timer(s, now.us + mpa->conf->relay.hold_ms * US_PER_MS);
	return RELAY_HOLD;
}

/* Who is meant is there still, in this very session: what is late, of a session before, finds nobody. An authenticator
 * that goes on to call its user by the outer identity shows whom it means by Acct-Session-Id. */
static struct subscriber *whose(const struct mpa *mpa, const struct relay_accounting *a)
{
	struct subscriber *s = named_by(mpa, a), *next;

	if (s && s->login.by_aaa && relay_ids_fit(&s->login.ids, &a->ids))
		return s;
	if (a->ids.session.n == 0)
		return NULL;
	HASH_ITER(by_nai, mpa->by_nai, s, next)
		if (s->login.by_aaa && !s->access && s->login.ids.session.n > 0 &&
		    relay_ids_fit(&s->login.ids, &a->ids))
			return s;
	return NULL;
}

/* Some authenticators make Acct-Session-Id with the first record only, or anew. And what they call the user there is what
 * they know it by, whatever the Accept said. */
static void on_session(void *ctx, const struct relay_accounting *a)
{
	struct relay_ids without = a->ids;
	struct subscriber *s = whose(ctx, a);

	without.session.n = 0;
	if (!s) {
		s = named_by(ctx, a);
		if (!s || !s->login.by_aaa || !relay_ids_fit(&s->login.ids, &without))
			return;
	}
	if (s->login.confirmed || a->ids.session.n == 0)
		return;
	s->login.ids.session = a->ids.session;
	s->login.ids.user = a->ids.user;
	s->login.confirmed = true;
}

/* G-11: who logs out is deregistered; whose link is lost is waited for. */
static void on_logout(void *ctx, struct instant now, const struct relay_accounting *a, struct actions *out)
{
	struct mpa *mpa = ctx;
	struct subscriber *s = whose(mpa, a);
	bool lost = a->cause == CAUSE_LOST_CARRIER || a->cause == CAUSE_LOST_SERVICE;

	if (!s)
		return;
	MPA_COUNT(mpa, logouts);
	evict_told(s);
	subscriber_record(s, out, RECORD_NOTICE, "logout", "accounting: its session ended, cause %u", a->cause);
	(void)subscriber_event(s, now, lost ? EVENT_LOST : EVENT_LEFT, "its session ended", out);
}

int login_new(struct mpa *mpa)
{
	const struct relay_listener listener = {
		.on_login = on_login,
		.on_refused = on_refused,
		.on_session = on_session,
		.on_logout = on_logout,
		.on_restart = evict_on_restart,
		.on_wanted = evict_on_wanted,
		.ctx = mpa,
	};

	return mpa->conf->relay.auth_port == 0 ? 0 : relay_new(&mpa->conf->relay, &listener, &mpa->relay);
}

bool login_follow(struct subscriber *s, struct instant now, enum subscriber_event e, const char *reason,
		  struct actions *out)
{
	uint32_t held = s->login.held;

	if (held == 0)
		return true;
	switch (s->state) {
	case SUBSCRIBER_SERVED:
		if (e != EVENT_ACCEPTED)
			break;
		s->login.held = 0;
		await_end(s);
		note_done(s, now, true, out);
		relay_release(s->mpa->relay, now, held, s->home, out);
		break;
	case SUBSCRIBER_WAITING: /* it has to be let in to get an address by DHCP */
		s->login.held = 0;
		await_end(s);
		relay_release(s->mpa->relay, now, held, (struct in_addr){ INADDR_ANY }, out);
		break;
	case SUBSCRIBER_BARRED: /* its port stays closed: there is nobody to try again for */
		refuse_held(s, now, reason, out);
		return subscriber_event(s, now, EVENT_LEFT, reason, out);
	case SUBSCRIBER_HOLDING:
	case SUBSCRIBER_DEREGISTERING:
	case SUBSCRIBER_DISPLACED:
	case SUBSCRIBER_GONE:
		refuse_held(s, now, reason, out);
		break;
	case SUBSCRIBER_NEW:
	case SUBSCRIBER_REGISTERING:
	case SUBSCRIBER_STATE_COUNT:
		break;
	}
	return true;
}

void login_on_time(struct mpa *mpa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < TIMERS_PER_CALL; i++) {
		struct timer *timer = timers_pop(&mpa->logins, now.us);
		struct subscriber *s;

		if (!timer)
			return;
		s = container_of(timer, struct subscriber, login.timer);
		if (s->login.held != 0) {
			refuse_held(s, now, "the home agent did not answer in time", out);
			(void)subscriber_event(s, now, EVENT_LOST, "its login was refused", out);
		} else {
			port_auth_end(s, out);
			(void)subscriber_event(s, now, EVENT_LEFT, "its session time is over", out);
		}
	}
}
