/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/charon_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "io/charon_json.h"

enum { BACKLOG = 4, SOCKET_UMASK = 0177, PACKETS_PER_CALL = 64, PAUSE_MS = 100 };

struct endpoint {
	uv_poll_t poll; /* first: libuv hands it back */
	int fd;
	struct charon_link *link;
};

struct charon_link {
	uv_timer_t pause; /* first, as above */
	uv_loop_t *loop;
	struct endpoint *listener, *plugin; /* plugin: or NULL */
	void (*fn)(void *ctx, const struct charon_event *e);
	void *ctx;
	uint64_t malformed;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static void on_closed(uv_handle_t *h)
{
	struct endpoint *e = (struct endpoint *)h;

	closep(&e->fd);
	free(e);
}

static void drop_plugin(struct charon_link *l)
{
	const struct charon_event gone = {
		.type = CHARON_GONE, .id.text = "", .eap = "", .connection = "", .child = "", .why = ""
	};

	if (!l->plugin)
		return;
	uv_close((uv_handle_t *)&l->plugin->poll, on_closed);
	l->plugin = NULL;
	l->fn(l->ctx, &gone);
}

static void take_packet(struct charon_link *l, const char *packet, size_t n)
{
	struct charon_event e;
	json_t *keep;

	if (charon_event_parse(packet, n, &e, &keep) < 0) {
		l->malformed++;
		return;
	}
	l->fn(l->ctx, &e);
	json_decref(keep);
}

static void plugin_readable(uv_poll_t *p, int status, int events)
{
	struct endpoint *e = (struct endpoint *)p;
	struct charon_link *l = e->link;
	char packet[CHARON_PACKET_MAX + 1];
	ssize_t n = 0;

	(void)status; /* an error shows at recv() */
	(void)events;
	for (int i = 0; i < PACKETS_PER_CALL && l->plugin == e; i++) {
		n = recv(e->fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (n <= 0)
			break;
		take_packet(l, packet, (size_t)n);
	}
	if (l->plugin == e && (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)))
		drop_plugin(l);
}

static int watch(struct charon_link *l, int fd, uv_poll_cb readable, struct endpoint **ret)
{
	struct endpoint *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	r = uv_poll_init(l->loop, &e->poll, fd);
	if (r < 0) {
		free(e);
		return r;
	}
	e->fd = fd;
	e->link = l;
	*ret = e;
	return uv_poll_start(&e->poll, UV_READABLE, readable);
}

static void listener_readable(uv_poll_t *p, int status, int events);

static void on_pause_over(uv_timer_t *t)
{
	struct charon_link *l = (struct charon_link *)t;

	(void)uv_poll_start(&l->listener->poll, UV_READABLE, listener_readable); /* as it did the first time */
}

/* Who connects stays in the backlog when there is no descriptor for him, and keeps the listener readable: look again later. */
static void pause_listening(struct charon_link *l)
{
	if (uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0) == 0)
		(void)uv_poll_stop(&l->listener->poll); /* it never fails */
}

static void listener_readable(uv_poll_t *p, int status, int events)
{
	struct charon_link *l = ((struct endpoint *)p)->link;
	struct endpoint *fresh = NULL;
	int fd = accept4(l->listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status;
	(void)events;
	if (fd < 0) {
		if (errno != EAGAIN)
			pause_listening(l);
		return;
	}
	drop_plugin(l);
	if (watch(l, fd, plugin_readable, &fresh) < 0 && !fresh)
		closep(&fd);
	l->plugin = fresh;
}

static int listen_at(struct charon_link *l)
{
	auto_(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	mode_t before;
	int r;

	if (fd < 0)
		return -errno;
	memcpy(at.sun_path, l->path, sizeof(at.sun_path));
	(void)unlink(l->path); /* of an earlier run, if any */
	before = umask(SOCKET_UMASK);
	r = bind(fd, (struct sockaddr *)&at, sizeof(at));
	(void)umask(before);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	r = watch(l, fd, listener_readable, &l->listener);
	if (l->listener)
		(void)TAKE_FD(fd); /* closed with it */
	return r;
}

int charon_link_open(uv_loop_t *loop, const char *run_dir, const char *instance,
		     void (*fn)(void *ctx, const struct charon_event *e), void *ctx, struct charon_link **ret)
{
	struct charon_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->fn = fn;
	l->ctx = ctx;
	r = snprintf(l->path, sizeof(l->path), "%s/%s.charon", run_dir, instance);
	if (r < 0 || (size_t)r >= sizeof(l->path)) {
		free(l);
		return -ENAMETOOLONG;
	}
	(void)uv_timer_init(loop, &l->pause); /* it never fails */
	(void)mkdir(run_dir, 0755);           /* there already, or bind() says what is wrong */
	r = listen_at(l);
	if (r < 0) {
		charon_link_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

static void on_link_closed(uv_handle_t *h)
{
	free(h);
}

void charon_link_close(struct charon_link *l)
{
	if (!l)
		return;
	if (l->plugin)
		uv_close((uv_handle_t *)&l->plugin->poll, on_closed);
	if (l->listener)
		uv_close((uv_handle_t *)&l->listener->poll, on_closed);
	(void)unlink(l->path); /* best effort: the next start replaces it */
	uv_close((uv_handle_t *)&l->pause, on_link_closed);
}

int charon_link_send(struct charon_link *l, const struct charon_command *c)
{
	char packet[CHARON_PACKET_MAX];
	int n;

	if (!l->plugin)
		return -ENOTCONN;
	n = charon_command_build(c, packet, sizeof(packet));
	if (n < 0)
		return n;
	if (send(l->plugin->fd, packet, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n)
		return 0;
	n = -errno;
	(void)shutdown(l->plugin->fd, SHUT_RDWR); /* the loop sees the end, and says so */
	return n;
}

uint64_t charon_link_malformed(const struct charon_link *l)
{
	return l->malformed;
}
