/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a gateway makes of a MOBIKE update, when the host moves on meanwhile.
 *
 * One whose userspace ESP cannot change the addresses of an SA, as a stock strongSwan's, rekeys the CHILD_SA after each
 * move; until then what it sends goes to where we were. It has one request under way (RFC 7296 2.3), and repeats it after
 * 4 s: when that is lost because we move on, the rekeying for where we are now waits behind it.
 *
 * So where a gateway is known to rekey after moves, and is silent after one, we make a CHILD_SA ourselves: its outer
 * addresses are those of now, and the newest carries the traffic. The former one is deleted; but one that came out of a
 * rekeying that is not over, the gateway may not know yet, and could use later: it stays until that is over.
 *
 * And an update that was sent from two places leaves open which of them the gateway took. */
#include <pthread.h>

#include <processing/jobs/callback_job.h>

#include "plugin.h"

/* The gateway asks in the moment in which it answers the update: SILENT_MS are for what arrives in another order. */
enum { MOVES_MAX = 8, GATEWAYS_MAX = 8, CHILDREN_MAX = 16, SILENT_MS = 50, BUSY_MS = 10 };
enum { REKEYS_WITHIN_S = 1, GIVE_UP_S = 4, SWEEP_AGAIN_S = 2, SWEEP_BUSY_MS = 200 };

/* An IKE_SA's last MOBIKE update. One that finds no place waits for its gateway. */
struct move {
	uint32_t sa, message_id;
	time_t began;
	bool astray;  /* it has left from more than one address */
	bool heard;   /* the gateway has asked something since */
	bool renewed; /* there may be a CHILD_SA too many */
};

static struct move moves[MOVES_MAX];
static uint32_t gateways[GATEWAYS_MAX]; /* that rekey after moves */
static unsigned next_move, next_gateway;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* innermost */

static struct move *move_of(uint32_t sa)
{
	for (unsigned i = 0; i < MOVES_MAX; i++)
		if (moves[i].sa == sa)
			return &moves[i];
	return NULL;
}

static uint32_t address_of(ike_sa_t *ike_sa)
{
	chunk_t a = ike_sa->get_other_host(ike_sa)->get_address(ike_sa->get_other_host(ike_sa));
	uint32_t address = 0;

	if (a.len == sizeof(address))
		memcpy(&address, a.ptr, sizeof(address));
	return address;
}

static bool rekeys_after_moves(uint32_t address)
{
	for (unsigned i = 0; i < GATEWAYS_MAX; i++)
		if (address != 0 && gateways[i] == address)
			return true;
	return false;
}

static void begin(uint32_t sa, uint32_t message_id)
{
	struct move *m;

	(void)pthread_mutex_lock(&mutex);
	m = move_of(sa);
	if (!m) {
		m = &moves[next_move++ % MOVES_MAX];
		m->renewed = false;
	}
	m->sa = sa;
	m->message_id = message_id;
	m->began = time_monotonic(NULL);
	m->astray = m->heard = false;
	(void)pthread_mutex_unlock(&mutex);
}

void renew_astray(uint32_t sa, uint32_t message_id)
{
	struct move *m;

	(void)pthread_mutex_lock(&mutex);
	m = move_of(sa);
	if (m && m->message_id == message_id)
		m->astray = true;
	(void)pthread_mutex_unlock(&mutex);
}

static void hear(uint32_t sa, uint32_t gateway, bool rekeys)
{
	struct move *m;

	(void)pthread_mutex_lock(&mutex);
	m = move_of(sa);
	if (m) {
		m->heard = true;
		if (rekeys && time_monotonic(NULL) - m->began <= REKEYS_WITHIN_S && !rekeys_after_moves(gateway))
			gateways[next_gateway++ % GATEWAYS_MAX] = gateway;
	}
	(void)pthread_mutex_unlock(&mutex);
}

/* It came out of one whose rekeying is not over: nobody has deleted that one yet. */
static bool is_pending(ike_sa_t *ike_sa, child_sa_t *child)
{
	enumerator_t *e = ike_sa->create_child_sa_enumerator(ike_sa);
	bool found = false;
	child_sa_t *former;

	while (!found && e->enumerate(e, &former))
		found = former->get_state(former) == CHILD_REKEYED &&
			former->get_rekey_spi(former) == child->get_spi(child, false);
	e->destroy(e);
	return found;
}

static child_sa_t *newest(ike_sa_t *ike_sa, bool known_to_both)
{
	enumerator_t *e = ike_sa->create_child_sa_enumerator(ike_sa);
	child_sa_t *child, *found = NULL;

	while (e->enumerate(e, &child))
		if (child->get_state(child) == CHILD_INSTALLED && !(known_to_both && is_pending(ike_sa, child)) &&
		    (!found || child->get_unique_id(child) > found->get_unique_id(found)))
			found = child;
	e->destroy(e);
	return found;
}

/* charon makes no second one while there is an equal one in this state. */
static void set_states(ike_sa_t *ike_sa, child_sa_state_t from, child_sa_state_t to)
{
	enumerator_t *e = ike_sa->create_child_sa_enumerator(ike_sa);
	child_sa_t *child;

	while (e->enumerate(e, &child))
		if (child->get_state(child) == from)
			child->set_state(child, to);
	e->destroy(e);
}

static status_t make_child(ike_sa_t *ike_sa, child_sa_t *former)
{
	child_init_args_t args = { .reqid = former->get_reqid(former) };
	child_cfg_t *config = former->get_config(former);
	status_t status;

	DBG1(DBG_IKE, "holdfast: the gateway does not replace the CHILD_SA after this move, so we do");
	set_states(ike_sa, CHILD_INSTALLED, CHILD_UPDATING);
	status = ike_sa->initiate(ike_sa, config->get_ref(config), &args);
	set_states(ike_sa, CHILD_UPDATING, CHILD_INSTALLED);
	return status;
}

/* Called with the mutex held: is it so that nothing was heard after this move? */
static bool is_silent(const struct move *answered, const struct move *m, uint32_t gateway)
{
	return m && m->message_id == answered->message_id && !m->heard && rekeys_after_moves(gateway) &&
	       time_monotonic(NULL) - m->began <= GIVE_UP_S;
}

static job_requeue_t check(struct move *answered)
{
	ike_sa_t *ike_sa = known_checkout(answered->sa);
	status_t status = SUCCESS;
	child_sa_t *former;
	bool busy, needed;
	struct move *m;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	former = newest(ike_sa, false);
	busy = probe_is_pending(ike_sa); /* perhaps with the end of that one: of such nothing is made anew */
	(void)pthread_mutex_lock(&mutex);
	m = move_of(answered->sa);
	needed = former && is_silent(answered, m, address_of(ike_sa));
	if (needed && !busy)
		m->renewed = true;
	(void)pthread_mutex_unlock(&mutex);
	if (needed && !busy)
		status = make_child(ike_sa, former);
	if (status == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	if (needed && busy)
		return JOB_RESCHEDULE_MS(BUSY_MS);
	return JOB_REQUEUE_NONE;
}

/* The gateway has us where the copy of the update that it heard first came from. charon believes that to be where it made the
 * update, and says nothing more where the host is back there. With an address that is none of the host's it does. */
static void forget_place(ike_sa_t *ike_sa)
{
	host_t *remote = ike_sa->get_other_host(ike_sa);

	ike_sa->set_my_host(ike_sa, remote->clone(remote));
}

static void on_answer(ike_sa_t *ike_sa, message_t *answer)
{
	host_t *here = answer->get_destination(answer);
	struct move *m, *answered = NULL;
	bool astray = false;

	(void)pthread_mutex_lock(&mutex);
	m = move_of(ike_sa->get_unique_id(ike_sa));
	if (m && m->message_id == answer->get_message_id(answer)) {
		astray = m->astray || !here->ip_equals(here, ike_sa->get_my_host(ike_sa));
		answered = calloc(1, sizeof(*answered));
	}
	if (answered)
		*answered = *m;
	(void)pthread_mutex_unlock(&mutex);
	if (astray)
		forget_place(ike_sa);
	if (answered)
		lib->scheduler->schedule_job_ms(lib->scheduler,
						(job_t *)callback_job_create_with_prio(
							(callback_job_cb_t)check, answered, free, NULL, JOB_PRIO_HIGH),
						SILENT_MS);
}

void renew_on_message(ike_sa_t *ike_sa, message_t *m, bool incoming)
{
	uint32_t sa = ike_sa->get_unique_id(ike_sa);

	if (incoming && m->get_request(m))
		hear(sa, address_of(ike_sa), m->get_notify(m, REKEY_SA));
	else if (incoming)
		on_answer(ike_sa, m);
	else if (m->get_request(m) && m->get_notify(m, UPDATE_SA_ADDRESSES))
		begin(sa, m->get_message_id(m));
}

/* The newest of those that the gateway knows for certain is kept. Returns whether some have to wait. */
static bool sweep_children(ike_sa_t *ike_sa, uint32_t spi[CHILDREN_MAX], unsigned *ret_n)
{
	child_sa_t *kept = newest(ike_sa, true), *child;
	enumerator_t *e = ike_sa->create_child_sa_enumerator(ike_sa);
	bool wait = false;
	unsigned n = 0;

	while (n < CHILDREN_MAX && e->enumerate(e, &child)) {
		if (child == kept || child->get_state(child) != CHILD_INSTALLED)
			continue;
		if (is_pending(ike_sa, child))
			wait = true;
		else if (strcmp(child->get_name(child), kept->get_name(kept)) == 0)
			spi[n++] = child->get_spi(child, true);
	}
	e->destroy(e);
	*ret_n = n;
	return wait;
}

static job_requeue_t sweep(void *data)
{
	ike_sa_t *ike_sa = known_checkout((uint32_t)(uintptr_t)data);
	status_t status = SUCCESS;
	uint32_t spi[CHILDREN_MAX];
	unsigned n;
	bool wait;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	if (probe_is_pending(ike_sa)) { /* a move goes first, and what is told to go already would be told again */
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
		return JOB_RESCHEDULE_MS(SWEEP_BUSY_MS); /* without a network, for long */
	}
	wait = sweep_children(ike_sa, spi, &n);
	for (unsigned i = 0; i < n && status != DESTROY_ME; i++)
		status = ike_sa->delete_child_sa(ike_sa, PROTO_ESP, spi[i], false);
	if (status == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	if (wait && status != DESTROY_ME)
		return JOB_RESCHEDULE(SWEEP_AGAIN_S);
	return JOB_REQUEUE_NONE;
}

void renew_on_child_up(ike_sa_t *ike_sa)
{
	uint32_t sa = ike_sa->get_unique_id(ike_sa);
	struct move *m;
	bool renewed;

	(void)pthread_mutex_lock(&mutex);
	m = move_of(sa);
	renewed = m && m->renewed;
	if (renewed)
		m->renewed = false;
	(void)pthread_mutex_unlock(&mutex);
	if (renewed)
		lib->processor->queue_job(lib->processor,
					  (job_t *)callback_job_create(sweep, (void *)(uintptr_t)sa, NULL, NULL));
}
