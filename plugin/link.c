/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <processing/jobs/callback_job.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

#include "plugin.h"

enum { PACKET_MAX = 8192, RECONNECT_MS = 500, SPARE_THREADS = 12, KEPT_MAX = 32, PATIENCE_MS = 1000 };

/* A thread that waits for its answer. */
struct waiting {
	struct waiting *next;
	uint32_t request;
	int result; /* -EINPROGRESS, then that of link_ask() */
	struct answer answer;
};

static struct {
	mutex_t *mutex;
	condvar_t *changed;
	struct sockaddr_un path;
	unsigned timeout_ms;
	int fd;              /* -1 = no daemon */
	uint32_t connection; /* its number, from 1 */
	bool open, retrying;
	uint32_t last_request;
	struct waiting *waiting;
	unsigned waiting_n;
	json_t *kept[KEPT_MAX];
	unsigned kept_n;
} l = { .fd = -1 };

static job_requeue_t reconnect(void *data);

static void retry_later(void)
{
	if (!l.open || l.retrying)
		return;
	l.retrying = true;
	lib->scheduler->schedule_job_ms(
		lib->scheduler, (job_t *)callback_job_create_with_prio(reconnect, NULL, NULL, NULL, JOB_PRIO_HIGH),
		RECONNECT_MS);
}

/* Locked. Nobody waits for a daemon that is gone. */
static void drop(void)
{
	if (l.fd < 0)
		return;
	(void)close(l.fd);
	l.fd = -1;
	for (struct waiting *w = l.waiting; w; w = w->next)
		if (w->result == -EINPROGRESS)
			w->result = -ENOTCONN;
	l.changed->broadcast(l.changed);
	retry_later();
}

static void copy_text(char *to, size_t n, const json_t *text)
{
	const char *t = json_string_value(text);

	(void)snprintf(to, n, "%s", t ? t : "");
}

static void take_answer(const json_t *j)
{
	uint32_t request = (uint32_t)json_integer_value(json_object_get(j, "request"));
	const json_t *dns = json_object_get(j, "dns");

	l.mutex->lock(l.mutex);
	for (struct waiting *w = l.waiting; w; w = w->next) {
		if (w->request != request || w->result != -EINPROGRESS)
			continue;
		copy_text(w->answer.address, sizeof(w->answer.address), json_object_get(j, "address"));
		copy_text(w->answer.refused, sizeof(w->answer.refused), json_object_get(j, "refused"));
		for (size_t i = 0; i < json_array_size(dns) && w->answer.dns_n < DNS_MAX; i++)
			copy_text(w->answer.dns[w->answer.dns_n++], sizeof(w->answer.dns[0]), json_array_get(dns, i));
		w->result = 0;
	}
	l.changed->broadcast(l.changed);
	l.mutex->unlock(l.mutex);
}

static void take_packet(const char *packet, size_t n)
{
	json_t *j = json_loadb(packet, n, 0, NULL);
	const char *name = json_string_value(json_object_get(j, "command"));

	if (name && strcmp(name, "answer") == 0)
		take_answer(j);
	else if (j)
		command_perform(j);
	json_decref(j);
}

static bool on_readable(void *data, int fd, watcher_event_t event)
{
	char packet[PACKET_MAX];
	ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);

	(void)data;
	(void)event;
	if (n > 0) {
		take_packet(packet, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	l.mutex->lock(l.mutex);
	if (l.fd == fd)
		drop();
	l.mutex->unlock(l.mutex);
	DBG1(DBG_CFG, "holdfast: the daemon at %s is gone", l.path.sun_path);
	return false;
}

/* Locked. A daemon that does not read loses us, and hears all again when it does. */
static void send_locked(const json_t *event)
{
	char packet[PACKET_MAX];
	size_t n = event ? json_dumpb(event, packet, sizeof(packet), JSON_COMPACT) : 0;
	int fd = l.fd;

	if (fd < 0 || n == 0 || n > sizeof(packet) || send(fd, packet, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n)
		return;
	(void)shutdown(fd, SHUT_RDWR); /* the watcher sees the end, and drops it */
}

static job_requeue_t list(void *data)
{
	events_list((uint32_t)(uintptr_t)data);
	return JOB_REQUEUE_NONE;
}

/* Locked. */
static void connect_now(void)
{
	json_t *connected;
	int fd;

	if (l.fd >= 0 || !l.open)
		return;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&l.path, sizeof(l.path)) < 0) {
		if (fd >= 0)
			(void)close(fd);
		retry_later();
		return;
	}
	l.fd = fd;
	l.connection = l.connection == UINT32_MAX ? 1 : l.connection + 1;
	connected = json_pack("{s:s, s:s, s:s}", "event", "connected", "version", HF_VERSION, "charon",
			      HF_STRONGSWAN_VERSION);
	send_locked(connected); /* before all else */
	json_decref(connected);
	lib->watcher->add(lib->watcher, fd, WATCHER_READ, on_readable, NULL);
	DBG1(DBG_CFG, "holdfast: connected to the daemon at %s", l.path.sun_path);
	/* Whoever calls may hold an IKE_SA, so the list is another thread's work. */
	lib->processor->queue_job(lib->processor,
				  (job_t *)callback_job_create_with_prio(list, (void *)(uintptr_t)l.connection, NULL,
									 NULL, JOB_PRIO_HIGH));
}

static job_requeue_t reconnect(void *data)
{
	(void)data;
	l.mutex->lock(l.mutex);
	l.retrying = false;
	connect_now();
	l.mutex->unlock(l.mutex);
	return JOB_REQUEUE_NONE;
}

void link_send(json_t *event)
{
	l.mutex->lock(l.mutex);
	send_locked(event);
	l.mutex->unlock(l.mutex);
	json_decref(event);
}

bool link_await_room(uint32_t connection)
{
	struct pollfd p = { .events = POLLOUT };

	l.mutex->lock(l.mutex);
	p.fd = l.connection == connection ? l.fd : -1; /* if it is another one by then, the wait was for nothing */
	l.mutex->unlock(l.mutex);
	if (p.fd >= 0)
		(void)poll(&p, 1, PATIENCE_MS);
	return p.fd >= 0;
}

void link_send_on(uint32_t connection, json_t *event)
{
	l.mutex->lock(l.mutex);
	if (l.connection == connection)
		send_locked(event);
	l.mutex->unlock(l.mutex);
	json_decref(event);
}

void link_send_or_keep(json_t *event)
{
	l.mutex->lock(l.mutex);
	if (l.fd < 0 && event && l.kept_n < KEPT_MAX)
		l.kept[l.kept_n++] = json_incref(event);
	send_locked(event);
	l.mutex->unlock(l.mutex);
	json_decref(event);
}

void link_send_kept(void)
{
	l.mutex->lock(l.mutex);
	for (unsigned i = 0; i < l.kept_n; i++) {
		send_locked(l.kept[i]);
		json_decref(l.kept[i]);
	}
	l.kept_n = 0;
	l.mutex->unlock(l.mutex);
}

static unsigned waiting_max(void)
{
	unsigned threads = lib->processor->get_total_threads(lib->processor);

	return threads > SPARE_THREADS + 1 ? threads - SPARE_THREADS : 1;
}

static void forget(struct waiting *w)
{
	struct waiting **at = &l.waiting;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	l.waiting_n--;
}

int link_ask(json_t *event, struct answer *ret)
{
	struct waiting w = { .result = -EINPROGRESS };
	timeval_t deadline;

	if (!event)
		return -ENOMEM;
	l.mutex->lock(l.mutex);
	connect_now();
	if (l.fd < 0 || l.waiting_n >= waiting_max()) {
		int r = l.fd < 0 ? -ENOTCONN : -EBUSY;

		l.mutex->unlock(l.mutex);
		json_decref(event);
		return r;
	}
	w.request = ++l.last_request;
	w.next = l.waiting;
	l.waiting = &w;
	l.waiting_n++;
	(void)json_object_set_new(event, "request", json_integer(w.request));
	send_locked(event);
	time_monotonic(&deadline);
	deadline.tv_usec += (l.timeout_ms % 1000) * 1000;
	deadline.tv_sec += l.timeout_ms / 1000 + deadline.tv_usec / 1000000;
	deadline.tv_usec %= 1000000;
	while (w.result == -EINPROGRESS) /* woken whenever anybody's answer comes */
		if (l.changed->timed_wait_abs(l.changed, l.mutex, deadline) && w.result == -EINPROGRESS)
			w.result = -ETIMEDOUT;
	forget(&w);
	l.mutex->unlock(l.mutex);
	json_decref(event);
	if (w.result == 0)
		*ret = w.answer;
	return w.result;
}

int link_open(const char *path, unsigned timeout_ms)
{
	if (strlen(path) >= sizeof(l.path.sun_path))
		return -ENAMETOOLONG;
	l.mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	l.changed = condvar_create(CONDVAR_TYPE_DEFAULT);
	if (!l.mutex || !l.changed)
		return -ENOMEM;
	l.path.sun_family = AF_UNIX;
	(void)snprintf(l.path.sun_path, sizeof(l.path.sun_path), "%s", path);
	l.timeout_ms = timeout_ms;
	l.open = true;
	l.retrying = false;
	l.mutex->lock(l.mutex);
	connect_now();
	l.mutex->unlock(l.mutex);
	return 0;
}

void link_close(void)
{
	int fd;

	l.mutex->lock(l.mutex);
	l.open = false;
	fd = l.fd;
	l.mutex->unlock(l.mutex);
	if (fd >= 0) /* waits for on_readable(), which locks */
		lib->watcher->remove(lib->watcher, fd);
	l.mutex->lock(l.mutex);
	drop();
	l.mutex->unlock(l.mutex);
	while (l.kept_n > 0)
		json_decref(l.kept[--l.kept_n]);
	l.changed->destroy(l.changed);
	l.mutex->destroy(l.mutex);
}
