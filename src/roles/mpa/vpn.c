/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VPN access: what charon says becomes sessions, one for each IKE_SA, and events of their subscriber. Nothing is
 * registered before IKE_AUTH was verified, and nothing when MOBIKE moves the tunnel. */
#define HASH_NONFATAL_OOM 1

#include <arpa/inet.h>

#include "base/util.h"
#include "roles/mpa/agent.h"
#include "roles/mpa/vpn_identity.h"

enum { SESSIONS_PER_SUBSCRIBER = 2, WAITS_PER_CALL = 64 };

const struct mpa_vpn *mpa_vpn(const struct mpa *mpa)
{
	return mpa->conf->vpn_n > 0 ? &mpa->conf->vpns[0] : NULL;
}

static struct session *session_find(const struct mpa *mpa, uint32_t sa)
{
	struct session *x;

	HASH_FIND(by_sa, mpa->by_sa, &sa, sizeof(sa), x);
	return x;
}

void session_free(struct session *x)
{
	struct mpa *mpa = x->s->mpa;
	struct session **at = &x->s->vpn.sessions;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	timers_cancel(&mpa->waits, &x->wait);
	if (x->by_sa.tbl)
		HASH_DELETE(by_sa, mpa->by_sa, x);
	free(x);
}

void vpn_freep(struct mpa *mpa)
{
	struct session *x, *next;

	HASH_ITER(by_sa, mpa->by_sa, x, next)
		session_free(x);
}

static int session_new(struct subscriber *s, struct instant now, const struct charon_event *e, struct session **ret)
{
	struct mpa *mpa = s->mpa;
	size_t all = HASH_CNT(by_sa, mpa->by_sa), its = 0;
	struct session *x;

	for (x = s->vpn.sessions; x; x = x->next)
		its++;
	if (its >= SESSIONS_PER_USER || all >= (size_t)mpa->conf->max_subscribers * SESSIONS_PER_SUBSCRIBER)
		return -ENOSPC;
	if (timers_reserve(&mpa->waits, all + 1) < 0)
		return -ENOMEM;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->s = s;
	x->sa = e->sa;
	x->remote = e->remote;
	x->remote_port = e->remote_port;
	x->since_us = now.us;
	HASH_ADD(by_sa, mpa->by_sa, sa, sizeof(x->sa), x);
	if (!x->by_sa.tbl) {
		free(x);
		return -ENOMEM;
	}
	x->next = s->vpn.sessions;
	s->vpn.sessions = x;
	*ret = x;
	return 0;
}

static void session_end(struct session *x, struct instant now, const char *why, struct actions *out)
{
	struct subscriber *s = x->s;

	subscriber_record(s, out, RECORD_NOTICE, "vpn_down", "%s", why);
	session_free(x);
	if (!s->vpn.sessions && (s->vpn.here || s->state == SUBSCRIBER_DISPLACED))
		(void)subscriber_event(s, now, EVENT_LOST, why, out); /* */
}

/* Where @x comes from, as people read it. */
static void note_remote(const struct session *x, struct actions *out, const char *event, const char *what)
{
	char outer[INET_ADDRSTRLEN] = "";

	(void)inet_ntop(AF_INET, &x->remote, outer, sizeof(outer)); /* large enough */
	subscriber_record(x->s, out, RECORD_NOTICE, event, "%s %s:%u", what, outer, x->remote_port);
}

static void close_ike(uint32_t sa, struct actions *out)
{
	actions_charon(out, &(struct charon_command){ .type = CHARON_CLOSE_IKE, .sa = sa });
}

static void close_child(uint32_t sa, struct actions *out)
{
	actions_charon(out, &(struct charon_command){ .type = CHARON_CLOSE_CHILD, .sa = sa }); /* */
}

/* A user who gets no session. */
static void refuse(struct mpa *mpa, const struct charon_event *e, const char *nai, const char *why, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = "vpn_refused", .peer = e->remote
	};

	MPA_COUNT(mpa, vpn_refused);
	actions_record(out, &note, text_span(nai), "%s", why);
	if (e->type == CHARON_ACQUIRE)
		actions_charon(out,
			       &(struct charon_command){
				       .type = CHARON_ANSWER, .request = e->request, .sa = e->sa, .refused = why });
	else
		close_ike(e->sa, out);
}

static const char *error_text(int r)
{
	switch (r) {
	case -ENOKEY:
		return "there is no security association for this user";
	case -ENOSPC:
		return "as many users, or tunnels of one user, as this gateway may serve";
	case -EEXIST:
		return "its home address is another user's here";
	case -ENOENT:
		return "no home agent is configured for this user";
	default:
		return "out of memory";
	}
}

static bool is_at_port(const struct subscriber *s)
{
	return !s->vpn.here && (s->state == SUBSCRIBER_SERVED || s->state == SUBSCRIBER_REGISTERING);
}

bool vpn_is_inside(const struct subscriber *s, struct in_addr remote)
{
	return s->home_known && s->home.s_addr == remote.s_addr;
}

static int settle(struct subscriber *s, const struct charon_event *e, struct actions *out)
{
	const struct mpa_attach a = { .nai = s->nai, .source = e->address, .trigger = MPA_TRIGGER_COMMAND }; /* */
	bool stays = e->type == CHARON_SESSION ? is_at_port(s) : vpn_is_inside(s, e->remote);
	int r = subscriber_choose(s, &a);

	return r < 0 || stays ? r : vpn_enter(s, out);
}

/* A session of the subscriber @nai; both are new if need be. On failure nothing is left behind. */
static int open_session(struct mpa *mpa, struct instant now, const struct charon_event *e, const char *nai,
			struct session **ret, struct actions *out)
{
	const struct station_id id = { .nai = text_span(nai) };
	struct subscriber *s = subscriber_find(mpa, id.nai);
	int r = 0;

	if (!s) {
		r = subscriber_add(mpa, nai, &s);
		if (r < 0)
			return r;
		s->station = mpa_station_match(mpa, &id);
	}
	if (e->type == CHARON_SESSION && !s->home_known) {
		s->home = e->address; /* granted before we were restarted, and not to be changed (G-14) */
		s->home_known = true;
	}
	r = session_new(s, now, e, ret);
	if (r == 0) {
		r = settle(s, e, out); /* last: it takes who is at a port away from there */
		if (r != 0)
			session_free(*ret);
	}
	if (r != 0 && s->state == SUBSCRIBER_NEW)
		subscriber_free(s);
	return r;
}

static void grant(struct session *x, struct actions *out)
{
	const struct mpa_network *n = subscriber_network(x->s);
	struct charon_command c = { .type = CHARON_ANSWER, .request = x->request, .sa = x->sa, .address = x->s->home };

	if (n) {
		memcpy(c.dns, n->dns, sizeof(c.dns));
		c.dns_n = n->dns_n;
	}
	x->request = 0;
	timers_cancel(&x->s->mpa->waits, &x->wait);
	actions_charon(out, &c); /* */
}

void vpn_grant_all(struct subscriber *s, struct actions *out)
{
	for (struct session *x = s->vpn.sessions; x; x = x->next)
		if (x->request)
			grant(x, out);
}

void vpn_refuse_all(struct subscriber *s, const char *why, struct actions *out)
{
	for (struct session *x = s->vpn.sessions, *next; x; x = next) {
		next = x->next;
		if (!x->request)
			continue;
		MPA_COUNT(s->mpa, vpn_refused);
		subscriber_record(s, out, RECORD_WARN, "vpn_refused", "%s", why);
		actions_charon(out,
			       &(struct charon_command){
				       .type = CHARON_ANSWER, .request = x->request, .sa = x->sa, .refused = why });
		session_free(x);
	}
}

void vpn_on_waits(struct mpa *mpa, struct instant now, struct actions *out)
{
	for (unsigned i = 0; i < WAITS_PER_CALL; i++) {
		struct timer *timer = timers_pop(&mpa->waits, now.us);
		struct subscriber *s;

		if (!timer)
			return;
		s = container_of(timer, struct session, wait)->s;
		MPA_COUNT(mpa, vpn_timeouts);
		vpn_refuse_all(s, "the home agent did not answer in time", out); /* G-01 */
		if (!s->vpn.sessions)
			(void)subscriber_event(s, now, EVENT_LOST, "its VPN client was refused", out);
	}
}

/* IKE_AUTH was verified: registers its user, and answers when the home agent has. */
static void acquire(struct mpa *mpa, struct instant now, const struct charon_event *e, struct actions *out)
{
	char nai[MIP_NAI_MAX + 1];
	const struct subscriber *known;
	const char *why;
	struct session *x;
	int r;

	if (vpn_nai(&mpa->conf->naming, e, nai, &why) < 0) {
		refuse(mpa, e, e->eap[0] ? e->eap : e->id.text, why, out);
		return;
	}
	known = subscriber_find(mpa, text_span(nai));
	if (session_find(mpa, e->sa)) {
		refuse(mpa, e, nai, "its tunnel has an address already", out);
		return;
	}
	if (mpa_is_home_address(mpa->conf, e->remote) && !(known && vpn_is_inside(known, e->remote))) {
		refuse(mpa, e, nai, "it is inside, where no tunnel is needed", out); /* */
		return;
	}
	r = open_session(mpa, now, e, nai, &x, out);
	if (r != 0) {
		refuse(mpa, e, nai, error_text(r), out);
		return;
	}
	note_remote(x, out, "vpn_request", "IKE_AUTH is verified, from");
	x->request = e->request;
	if (vpn_is_inside(x->s, e->remote)) { /* it keeps its IKE_SA while the access router serves it */
		grant(x, out);
		return;
	}
	(void)timers_set(&mpa->waits, &x->wait, now.us + mpa_vpn(mpa)->timeout_ms * US_PER_MS); /* room was made */
	(void)subscriber_event(x->s, now, x->s->state == SUBSCRIBER_BARRED ? EVENT_TIMER : EVENT_ATTACH,
			       "connected by VPN", out);
}

/* @reqid tells its packets from those of others. */
static void set_reqid(struct subscriber *s, uint32_t reqid, struct actions *out)
{
	if (reqid == 0 || reqid == s->vpn.reqid)
		return;
	s->vpn.reqid = reqid;
	if (s->vpn.here && s->state == SUBSCRIBER_SERVED)
		subscriber_visitor_set(s, out);
}

/* An IKE_SA we did not know, or do not know any more: we or the link were restarted. */
static void adopt(struct mpa *mpa, struct instant now, const struct charon_event *e, struct actions *out)
{
	char nai[MIP_NAI_MAX + 1];
	const struct subscriber *known;
	struct session *x;
	const char *why;
	int r;

	if (e->address.s_addr == INADDR_ANY)
		return; /* has no address of ours */
	if (vpn_nai(&mpa->conf->naming, e, nai, &why) < 0) {
		refuse(mpa, e, e->eap[0] ? e->eap : e->id.text, why, out);
		return;
	}
	known = subscriber_find(mpa, text_span(nai));
	if (known && known->home_known && known->home.s_addr != e->address.s_addr) {
		refuse(mpa, e, nai, "its tunnel has another address than its user", out); /* G-14 */
		return;
	}
	r = open_session(mpa, now, e, nai, &x, out);
	if (r != 0) {
		refuse(mpa, e, nai, error_text(r), out);
		return;
	}
	x->up = true;
	x->children = e->children;
	set_reqid(x->s, e->reqid, out);
	note_remote(x, out, "vpn_listed", "charon has its tunnel, from");
	if (vpn_is_inside(x->s, e->remote) && x->children > 0)
		close_child(x->sa, out);
	if (x->s->state == SUBSCRIBER_NEW && (x->children == 0 || vpn_is_inside(x->s, e->remote)))
		(void)subscriber_event(x->s, now, EVENT_SUPERSEDED, "its tunnel carries no data", out);
	else if (x->s->state != SUBSCRIBER_SERVED && x->s->state != SUBSCRIBER_DISPLACED)
		(void)subscriber_event(x->s, now, EVENT_ATTACH, "charon has its tunnel", out);
}

static void listed(struct mpa *mpa, struct instant now, bool all, const char *why, struct actions *out)
{
	struct session *x, *next;

	HASH_ITER(by_sa, mpa->by_sa, x, next)
		if (all || x->stale)
			session_end(x, now, why, out);
}

static void mark_stale(struct mpa *mpa)
{
	struct session *x, *next;

	HASH_ITER(by_sa, mpa->by_sa, x, next)
		x->stale = true;
}

static void replaced(struct mpa *mpa, struct instant now, struct session *x, uint32_t sa, struct actions *out)
{
	if (session_find(mpa, sa)) { /* reauthenticated: the new one asked for its address itself */
		session_end(x, now, "continues as another IKE_SA", out);
		return;
	}
	HASH_DELETE(by_sa, mpa->by_sa, x);
	x->sa = sa;
	HASH_ADD(by_sa, mpa->by_sa, sa, sizeof(x->sa), x);
	if (!x->by_sa.tbl)
		session_end(x, now, "there is no memory for its new IKE_SA", out);
}

/* Its IKE messages come through the home agent and an access router: it is inside, which the IKE_SA proves. So
 * data leaves the tunnel, as X-07 wants it said: to the host by a message with integrity. */
static void found_inside(struct session *x, struct instant now, struct actions *out)
{
	struct subscriber *s = x->s;

	MPA_COUNT(s->mpa, vpn_inside);
	note_remote(x, out, "vpn_inside", "its IKE messages come from its home address,");
	vpn_stop_return(s, out);
	if (s->vpn.here && (s->state == SUBSCRIBER_SERVED || s->state == SUBSCRIBER_REGISTERING))
		(void)subscriber_event(s, now, EVENT_REVOKED, "it is inside", out); /* closes it after the linger */
	else if (x->children > 0 && !s->vpn.lingering)
		close_child(x->sa, out);
}

static void moved(struct session *x, struct instant now, const struct charon_event *e, struct actions *out)
{
	bool was_inside = vpn_is_inside(x->s, x->remote);

	MPA_COUNT(x->s->mpa, vpn_moves);
	x->remote = e->remote;
	x->remote_port = e->remote_port;
	note_remote(x, out, "vpn_moved", "MOBIKE: to");
	if (was_inside) /* that it went out is proved, and no quarrel of two devices */
		vpn_end_pause(x->s, now);
	if (vpn_is_inside(x->s, e->remote))
		found_inside(x, now, out);
	else if (x->s->state == SUBSCRIBER_DISPLACED && x->children > 0)
		vpn_resume(x->s, now, true, "moved outside", out);
}

static void child_up(struct session *x, struct instant now, uint32_t reqid, struct actions *out)
{
	struct subscriber *s = x->s;

	x->children++;
	set_reqid(s, reqid, out);
	subscriber_record(s, out, RECORD_INFO, "child_up", "%u of IKE_SA %u", x->children, x->sa);
	if (vpn_is_inside(s, x->remote)) {
		found_inside(x, now, out);
		return;
	}
	if ((!s->vpn.here || s->vpn.own) && vpn_enter(s, out) < 0)
		return; /* without memory it stays where it is */
	if (s->state == SUBSCRIBER_DISPLACED)
		vpn_resume(s, now, true, "its tunnel carries data again", out); /* */
}

static void child_down(struct session *x, struct actions *out)
{
	if (x->children > 0)
		x->children--;
	subscriber_record(x->s, out, RECORD_INFO, "child_down", "%u left of IKE_SA %u", x->children, x->sa);
	if (x->children == 0)
		vpn_on_child_down(x->s, out);
}

static void on_session(struct session *x, struct instant now, const struct charon_event *e, struct actions *out)
{
	switch (e->type) {
	case CHARON_SESSION:
		x->stale = false;
		x->up = true;
		x->children = e->children;
		set_reqid(x->s, e->reqid, out);
		x->remote = e->remote;
		x->remote_port = e->remote_port;
		break;
	case CHARON_RELEASE: /* a hint only: with a reauthentication it comes while the address is in use */
		if (!x->up)
			session_end(x, now, "given up before the IKE_SA was up", out);
		break;
	case CHARON_IKE_UP:
		x->up = true;
		MPA_COUNT(x->s->mpa, vpn_connected);
		note_remote(x, out, "vpn_up", "IKE_SA established, from");
		break;
	case CHARON_IKE_DOWN:
		session_end(x, now,
			    e->why[0]  ? e->why :
			    e->by_peer ? "the client disconnected" :
					 "the client is lost",
			    out);
		break;
	case CHARON_IKE_REPLACED:
		replaced(x->s->mpa, now, x, e->new_sa, out);
		break;
	case CHARON_IKE_MOVED:
		moved(x, now, e, out);
		break;
	case CHARON_CHILD_UP:
		child_up(x, now, e->reqid, out);
		break;
	case CHARON_CHILD_DOWN:
		child_down(x, out);
		break;
	case CHARON_CONNECTED:
	case CHARON_LISTED:
	case CHARON_GONE:
	case CHARON_ACQUIRE:
	case CHARON_REFUSED:
	case CHARON_ADDRESS:
	case CHARON_EVENT_COUNT:
		break;
	}
}

/* Who that was is not proven: it is told, and nothing else. */
static void turned_away(struct mpa *mpa, struct instant now, const struct charon_event *e, struct actions *out)
{
	const struct record note = {
		.level = RECORD_WARN, .security = true, .event = "vpn_refused", .peer = e->remote
	};
	char nai[MIP_NAI_MAX + 1];
	const char *why;
	bool named;

	MPA_COUNT(mpa, vpn_refused);
	if (!ratelimit_allow(&mpa->security, now.us))
		return;
	named = vpn_nai(&mpa->conf->naming, e, nai, &why) == 0;
	actions_record(out, &note, text_span(named ? nai : e->id.text), "%s", e->why);
}

void mpa_on_charon(struct mpa *mpa, struct instant now, const struct charon_event *e, struct actions *out)
{
	struct session *x = session_find(mpa, e->sa);

	if (!mpa_vpn(mpa)) {
		if (e->type == CHARON_ACQUIRE)
			refuse(mpa, e, e->id.text, "no vpn access is configured", out);
		return;
	}
	if (e->type == CHARON_CONNECTED)
		mark_stale(mpa);
	else if (e->type == CHARON_LISTED)
		listed(mpa, now, false, "charon knows its IKE_SA no more", out);
	else if (e->type == CHARON_GONE)
		listed(mpa, now, true, "charon ended", out);
	else if (e->type == CHARON_ACQUIRE)
		acquire(mpa, now, e, out);
	else if (e->type == CHARON_REFUSED)
		turned_away(mpa, now, e, out);
	else if (x)
		on_session(x, now, e, out);
	else if (e->type == CHARON_SESSION)
		adopt(mpa, now, e, out);
}

void mpa_each_session(const struct mpa *mpa, void (*fn)(void *ctx, const struct mpa_session_view *v), void *ctx)
{
	const struct session *x, *next;

	HASH_ITER(by_sa, mpa->by_sa, x, next) {
		const struct mpa_session_view v = { .sa = x->sa,
						    .nai = x->s->nai,
						    .state = subscriber_state_names[x->s->state],
						    .home = x->s->home,
						    .remote = x->remote,
						    .remote_port = x->remote_port,
						    .children = x->children,
						    .since_us = x->since_us };

		fn(ctx, &v);
	}
}
