/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon wants of charon. Commands arrive in the thread that watches the socket, so each becomes a job. */
#include <pthread.h>

#include <processing/jobs/callback_job.h>

#include "plugin.h"

enum { CHILDREN_MAX = 16, CLOSING_MAX = 256, AGAIN_MS = 100 };

struct open_job {
	char connection[128], child[128];
};

/* IKE_SAs whose CHILD_SAs were told to close; a ring, one is forgotten when it is full. */
static struct {
	pthread_mutex_t mutex;
	uint32_t sa[CLOSING_MAX];
	unsigned at;
} closing = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static job_requeue_t close_child(void *data)
{
	uint32_t sa = (uint32_t)(uintptr_t)data, children[CHILDREN_MAX];
	ike_sa_t *ike_sa = known_checkout(sa);
	enumerator_t *e;
	bool again = false;
	child_sa_t *child;
	unsigned n = 0;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	e = ike_sa->create_child_sa_enumerator(ike_sa);
	while (n < CHILDREN_MAX && e->enumerate(e, &child)) {
		if (child->get_state(child) == CHILD_INSTALLED)
			children[n++] = child->get_unique_id(child);
		again |= child->get_state(child) == CHILD_REKEYING; /* the one that comes of it is to go */
	}
	e->destroy(e);
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	for (unsigned i = 0; i < n; i++)
		(void)charon->controller->terminate_child(charon->controller, children[i], NULL, NULL, 0);
	if (again)
		return JOB_RESCHEDULE_MS(AGAIN_MS);
	return JOB_REQUEUE_NONE;
}

static void end(ike_sa_t *ike_sa, bool force)
{
	if (ike_sa->delete (ike_sa, force) == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
}

static job_requeue_t close_ike(void *data)
{
	ike_sa_t *ike_sa = known_checkout((uint32_t)(uintptr_t)data);

	if (ike_sa)
		end(ike_sa, false);
	return JOB_REQUEUE_NONE;
}

/* Also those that are being set up, and without waiting for an answer: the gateway may be dead. */
static job_requeue_t close_connection(void *data)
{
	size_t n;
	uint32_t *sa = known_list(0, &n);
	ike_sa_t *ike_sa;

	for (size_t i = 0; i < n; i++) {
		ike_sa = known_checkout(sa[i]);
		if (!ike_sa)
			continue;
		if (strcmp(ike_sa->get_name(ike_sa), data) == 0)
			end(ike_sa, true);
		else
			charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	}
	free(sa);
	return JOB_REQUEUE_NONE;
}

static job_requeue_t roam(void *data)
{
	(void)data;
	charon->kernel->roam(charon->kernel, false);
	probe_on_roam();
	return JOB_REQUEUE_NONE;
}

static child_cfg_t *find_child(peer_cfg_t *peer, const char *name)
{
	enumerator_t *e = peer->create_child_cfg_enumerator(peer);
	child_cfg_t *child, *found = NULL;

	while (!found && e->enumerate(e, &child))
		if (!name[0] || strcmp(child->get_name(child), name) == 0)
			found = child->get_ref(child);
	e->destroy(e);
	return found;
}

/* */
static job_requeue_t open_child(void *data)
{
	struct open_job *o = data;
	peer_cfg_t *peer = charon->backends->get_peer_cfg_by_name(charon->backends, o->connection);
	child_cfg_t *child = peer ? find_child(peer, o->child) : NULL;

	if (!child) {
		DBG1(DBG_CFG, "holdfast: there is no connection '%s' with a child '%s'", o->connection, o->child);
		DESTROY_IF(peer);
		return JOB_REQUEUE_NONE;
	}
	/* It takes both, and uses the IKE_SA of this connection if there is one. */
	(void)charon->controller->initiate(charon->controller, peer, child, NULL, NULL, 0, false);
	return JOB_REQUEUE_NONE;
}

static job_requeue_t repeat(void *data)
{
	ike_sa_t *ike_sa = known_checkout((uint32_t)(uintptr_t)data);

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	/* Nothing happens when nothing is pending. */
	if (ike_sa->retransmit(ike_sa, ike_sa->get_message_id(ike_sa, true)) == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

static void queue(callback_job_cb_t fn, void *data, callback_job_cleanup_t cleanup)
{
	lib->processor->queue_job(lib->processor,
				  (job_t *)callback_job_create_with_prio(fn, data, cleanup, NULL, JOB_PRIO_HIGH));
}

static void note_closing(uint32_t sa)
{
	(void)pthread_mutex_lock(&closing.mutex);
	closing.sa[closing.at++ % CLOSING_MAX] = sa;
	(void)pthread_mutex_unlock(&closing.mutex);
}

void command_moved(uint32_t sa)
{
	bool found = false;

	(void)pthread_mutex_lock(&closing.mutex);
	for (unsigned i = 0; i < CLOSING_MAX; i++)
		if (closing.sa[i] == sa) {
			closing.sa[i] = 0;
			found = true;
		}
	(void)pthread_mutex_unlock(&closing.mutex);
	if (found)
		queue(repeat, (void *)(uintptr_t)sa, NULL);
}

static void copy_text(char *to, size_t n, const json_t *command, const char *name)
{
	const char *text = json_string_value(json_object_get(command, name));

	(void)snprintf(to, n, "%s", text ? text : "");
}

void command_perform(const json_t *command)
{
	const char *name = json_string_value(json_object_get(command, "command"));
	uint32_t sa = (uint32_t)json_integer_value(json_object_get(command, "sa"));
	struct open_job *o;

	if (!name)
		return;
	if (strcmp(name, "roam") == 0) {
		queue(roam, NULL, NULL);
	} else if (strcmp(name, "close_child") == 0) {
		note_closing(sa);
		queue(close_child, (void *)(uintptr_t)sa, NULL);
	} else if (strcmp(name, "close_ike") == 0) {
		const char *connection = json_string_value(json_object_get(command, "connection"));
		char *copy = connection ? strdup(connection) : NULL;

		if (copy)
			queue(close_connection, copy, free);
		else
			queue(close_ike, (void *)(uintptr_t)sa, NULL);
	} else if (strcmp(name, "open") == 0) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return;
		copy_text(o->connection, sizeof(o->connection), command, "connection");
		copy_text(o->child, sizeof(o->child), command, "child");
		queue(open_child, o, free);
	} else {
		DBG1(DBG_CFG, "holdfast: command '%s' is not known", name);
	}
}
