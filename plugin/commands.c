/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon wants of charon. Commands arrive in the thread that watches the socket, so each becomes a job. */
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <unistd.h>

#include <processing/jobs/callback_job.h>

#include "plugin.h"

enum { CHILDREN_MAX = 16, CLOSING_MAX = 256, AGAIN_MS = 100, ADDRESS_WAIT_MS = 500 };

/* About a connection, carried out one after the other: what is closed is often what was just being opened. */
struct order {
	struct order *next;
	bool open;
	char connection[128], child[128];
};

static struct {
	pthread_mutex_t mutex;
	struct order *first, **end;
	bool busy; /* a job is at it */
} orders = { .mutex = PTHREAD_MUTEX_INITIALIZER, .end = &orders.first };

/* IKE_SAs whose CHILD_SAs were told to close; a ring, one is forgotten when it is full. */
static struct {
	pthread_mutex_t mutex;
	uint32_t sa[CLOSING_MAX];
	unsigned at;
} closing = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void queue(callback_job_cb_t fn, void *data)
{
	lib->processor->queue_job(lib->processor,
				  (job_t *)callback_job_create_with_prio(fn, data, NULL, NULL, JOB_PRIO_HIGH));
}

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
static void close_connection(const char *name)
{
	size_t n;
	uint32_t *sa = known_list(0, &n);
	ike_sa_t *ike_sa;

	for (size_t i = 0; i < n; i++) {
		ike_sa = known_checkout(sa[i]);
		if (!ike_sa)
			continue;
		if (strcmp(ike_sa->get_name(ike_sa), name) == 0)
			end(ike_sa, true);
		else
			charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	}
	free(sa);
}

static bool is_known(const struct ifaddrs *a)
{
	host_t *host = host_create_from_sockaddr(a->ifa_addr);
	bool known = !host || charon->kernel->get_interface(charon->kernel, host, NULL);

	DESTROY_IF(host);
	return known;
}

/* Those of the host it does not know yet: it hears of them from another thread. */
static bool lacks_addresses(void)
{
	struct ifaddrs *all;
	bool lacks = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a && !lacks; a = a->ifa_next)
		lacks = a->ifa_addr && a->ifa_addr->sa_family == AF_INET && (a->ifa_flags & IFF_UP) &&
			charon->kernel->is_interface_usable(charon->kernel, a->ifa_name) && !is_known(a);
	freeifaddrs(all);
	return lacks;
}

/* What waited for an answer before waits for it in vain, if the host has another address now. */
static job_requeue_t roam_one(void *data)
{
	ike_sa_t *ike_sa = known_checkout((uint32_t)(uintptr_t)data);
	bool pending;

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	pending = probe_is_pending(ike_sa);
	if (ike_sa->roam(ike_sa, false) == DESTROY_ME) {
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
		return JOB_REQUEUE_NONE;
	}
	if (pending)
		probe_again(ike_sa);
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

/* The gateway may be near: its answer to an address that charon does not know yet would be dropped, and what it asked is
 * asked again only after seconds. */
static job_requeue_t roam(void *data)
{
	uint32_t *sa;
	size_t n;

	(void)data;
	for (unsigned i = 0; i < ADDRESS_WAIT_MS && lacks_addresses(); i++)
		(void)usleep(1000);
	sa = known_list(0, &n);
	for (size_t i = 0; i < n; i++)
		queue(roam_one, (void *)(uintptr_t)sa[i]);
	free(sa);
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
static void open_child(const struct order *o)
{
	peer_cfg_t *peer = charon->backends->get_peer_cfg_by_name(charon->backends, o->connection);
	child_cfg_t *child = peer ? find_child(peer, o->child) : NULL;

	if (!child) {
		DBG1(DBG_CFG, "holdfast: there is no connection '%s' with a child '%s'", o->connection, o->child);
		DESTROY_IF(peer);
		return;
	}
	/* It takes both, and uses the IKE_SA of this connection if there is one. */
	(void)charon->controller->initiate(charon->controller, peer, child, NULL, NULL, 0, false);
}

static struct order *next_order(void)
{
	struct order *o;

	(void)pthread_mutex_lock(&orders.mutex);
	o = orders.first;
	if (o)
		orders.first = o->next;
	if (!orders.first)
		orders.end = &orders.first;
	orders.busy = o;
	(void)pthread_mutex_unlock(&orders.mutex);
	return o;
}

static job_requeue_t carry_out(void *data)
{
	(void)data;
	for (struct order *o = next_order(); o; o = next_order()) {
		if (o->open)
			open_child(o);
		else
			close_connection(o->connection);
		free(o);
	}
	return JOB_REQUEUE_NONE;
}

static bool was_closing(uint32_t sa)
{
	bool found = false;

	(void)pthread_mutex_lock(&closing.mutex);
	for (unsigned i = 0; i < CLOSING_MAX; i++)
		if (closing.sa[i] == sa) {
			closing.sa[i] = 0;
			found = true;
		}
	(void)pthread_mutex_unlock(&closing.mutex);
	return found;
}

static job_requeue_t moved(void *data)
{
	uint32_t sa = (uint32_t)(uintptr_t)data;
	ike_sa_t *ike_sa = known_checkout(sa);

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	link_send(event_new("ike_moved", ike_sa));
	/* Nothing happens when nothing is pending. */
	if (was_closing(sa) && ike_sa->retransmit(ike_sa, ike_sa->get_message_id(ike_sa, true)) == DESTROY_ME)
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

static void note_closing(uint32_t sa)
{
	(void)pthread_mutex_lock(&closing.mutex);
	closing.sa[closing.at++ % CLOSING_MAX] = sa;
	(void)pthread_mutex_unlock(&closing.mutex);
}

void command_moved(uint32_t sa)
{
	queue(moved, (void *)(uintptr_t)sa);
}

static void copy_text(char *to, size_t n, const json_t *command, const char *name)
{
	const char *text = json_string_value(json_object_get(command, name));

	(void)snprintf(to, n, "%s", text ? text : "");
}

static void give_order(const json_t *command, bool open)
{
	struct order *o = calloc(1, sizeof(*o));
	bool busy;

	if (!o)
		return;
	o->open = open;
	copy_text(o->connection, sizeof(o->connection), command, "connection");
	copy_text(o->child, sizeof(o->child), command, "child");
	(void)pthread_mutex_lock(&orders.mutex);
	*orders.end = o;
	orders.end = &o->next;
	busy = orders.busy;
	orders.busy = true;
	(void)pthread_mutex_unlock(&orders.mutex);
	if (!busy)
		queue(carry_out, NULL);
}

void command_perform(const json_t *command)
{
	const char *name = json_string_value(json_object_get(command, "command"));
	uint32_t sa = (uint32_t)json_integer_value(json_object_get(command, "sa"));

	if (!name)
		return;
	if (strcmp(name, "roam") == 0) {
		queue(roam, NULL);
	} else if (strcmp(name, "close_child") == 0) {
		note_closing(sa);
		queue(close_child, (void *)(uintptr_t)sa);
	} else if (strcmp(name, "close_ike") == 0) {
		if (json_object_get(command, "connection"))
			give_order(command, false);
		else
			queue(close_ike, (void *)(uintptr_t)sa);
	} else if (strcmp(name, "open") == 0) {
		give_order(command, true);
	} else {
		DBG1(DBG_CFG, "holdfast: command '%s' is not known", name);
	}
}
