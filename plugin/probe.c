/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request that is under way when the host moves. Requests wait for each other (RFC 7296 2.3), so in the middle of a move
 * somebody waits for it.
 *
 * MOBIKE's question whether the gateway answers from here (RFC 4555 3.10), or the answer, may be lost, or the host moves on
 * before there is one. charon repeats it every 2.5 s, as no setting changes. So it is sent again sooner, past charon's own
 * counting, which gives an IKE_SA up after a number of repetitions.
 *
 * Any other request charon repeats from the address it began with, though that may be gone, until it gives the IKE_SA up.
 * So it is sent from where the host is (RFC 4555 3.5). */
#include <networking/packet.h>
#include <processing/jobs/callback_job.h>
#include <pthread.h>
#include <sa/ikev2/tasks/ike_mobike.h>

#include "plugin.h"

enum { PROBES_MAX = 8, FIRST_MS = 100, LAST_MS = 25000 }; /* as long as charon itself asks for a way */

/* The last request of an IKE_SA. One that finds no place here waits for charon. */
static struct probe {
	uint32_t sa, message_id;
	uint32_t round; /* of repetitions; a new one ends those before it */
	chunk_t octets;
} probes[PROBES_MAX];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* innermost */
static unsigned next_place;

struct repetition {
	uint32_t sa, message_id, round;
	uint32_t wait_ms, waited_ms;
};

static struct probe *probe_of(uint32_t sa)
{
	for (unsigned i = 0; i < PROBES_MAX; i++)
		if (probes[i].octets.len > 0 && probes[i].sa == sa)
			return &probes[i];
	return NULL;
}

static ike_mobike_t *active_mobike(ike_sa_t *ike_sa)
{
	enumerator_t *e = ike_sa->create_task_enumerator(ike_sa, TASK_QUEUE_ACTIVE);
	ike_mobike_t *found = NULL;
	task_t *task;

	while (!found && e->enumerate(e, &task))
		if (task->get_type(task) == TASK_IKE_MOBIKE)
			found = (ike_mobike_t *)task;
	e->destroy(e);
	return found;
}

static chunk_t octets_of(const struct repetition *r)
{
	chunk_t octets = chunk_empty;
	const struct probe *p;

	(void)pthread_mutex_lock(&mutex);
	p = probe_of(r->sa);
	if (p && p->message_id == r->message_id && p->round == r->round)
		octets = chunk_clone(p->octets);
	(void)pthread_mutex_unlock(&mutex);
	return octets;
}

static void send_from_here(ike_sa_t *ike_sa, packet_t *packet)
{
	host_t *local = ike_sa->get_my_host(ike_sa), *remote = ike_sa->get_other_host(ike_sa);
	host_t *here = charon->kernel->get_source_addr(charon->kernel, remote, NULL);
	packet_t *copy;

	if (here && !here->ip_equals(here, local)) { /* else charon repeats it soon enough */
		copy = packet->clone(packet);
		here->set_port(here, local->get_port(local));
		copy->set_source(copy, here);
		charon->sender->send(charon->sender, copy);
		return;
	}
	DESTROY_IF(here);
}

/* false: it was answered, or another one is under way. */
static bool transmit(const struct repetition *r, ike_sa_t *ike_sa)
{
	host_t *local = ike_sa->get_my_host(ike_sa), *remote = ike_sa->get_other_host(ike_sa);
	bool pending = ike_sa->get_message_id(ike_sa, true) == r->message_id;
	chunk_t octets = pending ? octets_of(r) : chunk_empty;
	ike_mobike_t *task = active_mobike(ike_sa);
	packet_t *packet;

	if (octets.len == 0)
		return false;
	packet = packet_create_from_data(local->clone(local), remote->clone(remote), octets);
	if (!task) {
		send_from_here(ike_sa, packet);
	} else if (task->is_probing(task)) { /* else as above */
		renew_astray(r->sa, r->message_id);
		(void)task->transmit(task, packet); /* by the ways there are now; without any it is tried again */
	}
	packet->destroy(packet);
	return true;
}

static job_requeue_t repeat(struct repetition *r)
{
	ike_sa_t *ike_sa = known_checkout(r->sa);
	bool pending;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	pending = transmit(r, ike_sa);
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	if (!pending || r->waited_ms >= LAST_MS)
		return JOB_REQUEUE_NONE;
	r->wait_ms = r->wait_ms == 0 ? FIRST_MS : r->wait_ms * 3 / 2;
	r->waited_ms += r->wait_ms;
	return JOB_RESCHEDULE_MS(r->wait_ms);
}

/* Called with the mutex held: what is to be done is done by another thread. */
static void start(struct probe *p, uint32_t wait_ms)
{
	struct repetition *r = calloc(1, sizeof(*r));
	job_t *job;

	if (!r)
		return; /* charon repeats it by itself */
	*r = (struct repetition){
		.sa = p->sa, .message_id = p->message_id, .round = ++p->round, .wait_ms = wait_ms, .waited_ms = wait_ms
	};
	job = (job_t *)callback_job_create_with_prio((callback_job_cb_t)repeat, r, free, NULL, JOB_PRIO_HIGH);
	if (wait_ms == 0)
		lib->processor->queue_job(lib->processor, job);
	else
		lib->scheduler->schedule_job_ms(lib->scheduler, job, wait_ms);
}

void probe_on_message(ike_sa_t *ike_sa, message_t *m)
{
	struct probe *p;

	if (!m->get_request(m) || m->get_exchange_type(m) == IKE_SA_INIT || m->get_exchange_type(m) == IKE_AUTH)
		return;
	(void)pthread_mutex_lock(&mutex);
	p = probe_of(ike_sa->get_unique_id(ike_sa));
	if (!p)
		p = &probes[next_place++ % PROBES_MAX];
	chunk_free(&p->octets);
	p->sa = ike_sa->get_unique_id(ike_sa);
	p->message_id = m->get_message_id(m);
	p->octets = chunk_clone(m->get_packet_data(m)); /* none where it left in fragments */
	start(p, FIRST_MS);
	(void)pthread_mutex_unlock(&mutex);
}

bool probe_is_pending(ike_sa_t *ike_sa)
{
	const struct probe *p;
	bool pending;

	(void)pthread_mutex_lock(&mutex);
	p = probe_of(ike_sa->get_unique_id(ike_sa));
	pending = p && p->message_id == ike_sa->get_message_id(ike_sa, true);
	(void)pthread_mutex_unlock(&mutex);
	return pending;
}

void probe_again(ike_sa_t *ike_sa)
{
	struct probe *p;

	(void)pthread_mutex_lock(&mutex);
	p = probe_of(ike_sa->get_unique_id(ike_sa));
	if (p)
		start(p, 0);
	(void)pthread_mutex_unlock(&mutex);
}

void probe_close(void)
{
	(void)pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < PROBES_MAX; i++)
		chunk_free(&probes[i].octets);
	(void)pthread_mutex_unlock(&mutex);
}
